"""What is said of an emitted class: what it was made from, who wrote it, what it needs."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterable, Mapping

from agent_repl.modules import class_name
from agent_repl.pipeline.methods import Identity, Method
from agent_repl_data.plain import decode

from .recorded import Check, call, made_with

MARK = "Made from accepted methods and recorded calls."
"""It stands in every file that may be replaced by the next emission."""
_PYPROJECT = """\
# {mark}
[build-system]
requires = ["setuptools>=61"]
build-backend = "setuptools.build_meta"

[project]
name = {name}
version = "0.1.0"
description = {about}
readme = "README.md"
requires-python = ">={python}"
dependencies = [{needed}]

[project.optional-dependencies]
test = ["pytest"]

[tool.setuptools]
py-modules = [{module}]

[tool.pytest.ini_options]
pythonpath = ["."]
testpaths = ["tests"]
"""


def written_by(identity: Identity, methods: Mapping[str, Method]) -> list[str]:
    """A line for each method: its version, who wrote it, and when."""
    return [f"{name}: {_author(method)}" for name, method in methods.items()]


def _author(method: Method) -> str:
    made = method.entry.version
    who = {"person": "a person", "file": "a person, in the file"}.get(made.author, made.model or "a model")
    return f"v{made.number}, {who}{', as a repair' * (made.author == 'repair')}, {made.created[:10]}"


def file_words(identity: Identity, methods: Mapping[str, Method], shown: list[str]) -> str:
    """The docstring of the file."""
    lines = [identity.template, "", "Written by:"]
    lines += [f"    {line}" for line in written_by(identity, methods)]
    return "\n".join([*lines, *["", *shown] * bool(shown), ""])


def with_requirements(text: str, needed: list[str]) -> str:
    """The file with its requirements as a comment in the form that installers read, below its docstring."""
    if not needed:
        return text
    lines, end = text.split("\n"), ast.parse(text).body[0].end_lineno or 0
    python = ".".join(map(str, sys.version_info[:2]))
    block = [
        "# /// script",
        f'# requires-python = ">={python}"',
        "# dependencies = [",
        *(f'#   "{n}",' for n in needed),
    ]
    return "\n".join([*lines[:end], "", *block, "# ]", "# ///", *lines[end:]])


def doctests(label: str, checks: Iterable[Check], given: Mapping[str, str]) -> list[str]:
    """The first recorded call of each method that is short, plain and reads no file, as Python shows it."""
    found: dict[str, list[str]] = {}
    for check in checks:
        if check.sample and check.alone and not (check.why or check.form or check.absent):
            made, rest = made_with(label, check.sample, given, {})
            asked, answer = f">>> {call(made, check.sample, {})}", decode(check.sample.answer)
            if not rest and len(asked) <= 88 and "\n" not in asked and _shows(answer) and len(repr(answer)) <= 88:
                found.setdefault(check.method, [asked, repr(answer)])
    return [line for pair in found.values() for line in pair]


def _shows(value: object, outermost: bool = True) -> bool:
    """Whether Python shows it in the same one way every time."""
    if isinstance(value, (list, tuple)):
        return all(_shows(each, False) for each in value)
    if isinstance(value, dict):
        return all(_shows(each, False) for pair in value.items() for each in pair)
    return isinstance(value, (bool, int, float, str)) or (value is None and not outermost)


def readme(identity: Identity, methods: Mapping[str, Method], needed: list[str], shown: list[str], tests: bool) -> str:
    """The README of a package."""
    about = {name: (method.function.__doc__ or "").strip().partition("\n")[0] for name, method in methods.items()}
    parts = [f"# {class_name(identity.label)}", identity.template, MARK, "## Methods"]
    parts.append("\n".join(f"- `{name}`{': ' * bool(words)}{words}" for name, words in about.items()))
    parts += ["## Written by", "\n".join(f"- {line}" for line in written_by(identity, methods))]
    parts += ["## Examples", "\n".join(["```python", *shown, "```"])] * bool(shown)
    parts += ["## Requirements", "\n".join(f"- {line}" for line in needed) or "Python alone."]
    parts += ["## Tests", "`pip install pytest`, then `pytest` here."] * tests
    return "\n\n".join(parts) + "\n"


def pyproject(identity: Identity, module: str, needed: list[str]) -> str:
    """The pyproject.toml of a package."""
    return _PYPROJECT.format(
        mark=MARK,
        name=json.dumps(module.replace("_", "-")),
        about=json.dumps(" ".join(identity.template.split())[:200], ensure_ascii=True),
        python=".".join(map(str, sys.version_info[:2])),
        needed=", ".join(f'"{line}"' for line in needed),
        module=json.dumps(module),
    )
