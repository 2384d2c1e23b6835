"""What is said of an emitted class: what it was made from, who wrote it, what it needs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from agent_repl.modules import class_name
from agent_repl.pipeline.methods import Identity, Method
from agent_repl_data.literals import call_text, is_steady
from agent_repl_data.plain import decode

from .recorded import Check, made_with

MARK = "Made from accepted methods and recorded calls."
"""It stands in every file that may be replaced by the next emission."""


def written_by(methods: Mapping[str, Method]) -> list[str]:
    """A line for each method: its version, who wrote it, and when."""
    found = [(name, method.entry.version) for name, method in methods.items()]
    by = {"person": "a person", "file": "a person, in the file"}
    return [f"{name}: v{v.number}, {by.get(v.author, v.model or 'a model')}, {v.created[:10]}" for name, v in found]


def file_words(identity: Identity, methods: Mapping[str, Method], shown: list[str]) -> str:
    """The docstring of the file."""
    lines = [identity.template, "", "Written by:"]
    lines += [f"    {line}" for line in written_by(methods)]
    return "\n".join([*lines, *["", *shown] * bool(shown), ""])


def doctests(label: str, checks: Iterable[Check], given: Mapping[str, str]) -> list[str]:
    """The first recorded call of each method that is short, plain and reads no file, as Python shows it."""
    found: dict[str, list[str]] = {}
    for check in checks:
        if check.sample and check.alone and not (check.why or check.form or check.absent):
            made, rest = made_with(label, check.sample, given, {})
            asked, answer = (
                f">>> {call_text(f'{made}.{check.method}', check.sample.args, check.sample.kwargs, {})}",
                decode(check.sample.answer),
            )
            if not rest and len(asked) <= 88 and "\n" not in asked and is_steady(answer) and len(repr(answer)) <= 88:
                found.setdefault(check.method, [asked, repr(answer)])
    return [line for pair in found.values() for line in pair]


def readme(identity: Identity, methods: Mapping[str, Method], needed: list[str], shown: list[str]) -> str:
    """The README of a package."""
    about = {name: (method.function.__doc__ or "").strip().partition("\n")[0] for name, method in methods.items()}
    parts = [f"# {class_name(identity.label)}", identity.template, MARK, "## Methods, and who wrote them"]
    parts.append("\n".join(f"- `{line}`. {about[line.partition(':')[0]]}" for line in written_by(methods)))
    parts += ["## Examples", "\n".join(["```python", *shown, "```"])] * bool(shown)
    parts += ["## Requirements", "\n".join(f"- {line}" for line in needed) or "Python alone."]
    return "\n\n".join([*parts, "Its tests, if there are any, run with `pip install pytest` and `pytest`."]) + "\n"


def pyproject(identity: Identity, module: str, needed: list[str]) -> str:
    """The pyproject.toml of a package."""
    return (
        Path(__file__)
        .with_name("pyproject.txt")
        .read_text(encoding="utf-8")
        .format(
            mark=MARK,
            name=json.dumps(module.replace("_", "-")),
            about=json.dumps(" ".join(identity.template.split())[:200], ensure_ascii=True),
            python=".".join(map(str, sys.version_info[:2])),
            needed=", ".join(f'"{line}"' for line in needed),
            module=json.dumps(module),
        )
    )
