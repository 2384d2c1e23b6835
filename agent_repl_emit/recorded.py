"""Recorded and kept examples as tests: the calls, the files that they read, and why some are left out."""

from __future__ import annotations

import ast
import asyncio
import builtins
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass, replace
from inspect import isasyncgen, iscoroutine, isgenerator
from itertools import islice
from typing import Any

from agent_repl.modules import class_name
from agent_repl.pipeline.examples import sample_of
from agent_repl.pipeline.methods import Identity, Method
from agent_repl.records import Example
from agent_repl.replay import Sample
from agent_repl.signature import looks_like_path
from agent_repl_data.copies import Copies, kept_out
from agent_repl_data.literals import call_text, imports_for, literal, texts_in
from agent_repl_data.plain import decode, encode

LONGEST = 1000
"""How many items of what is generated a test may have."""
_APART = {
    "writes": "it writes",
    "deletes": "it deletes",
    "network": "it asks the network",
    "process": "it starts processes or threads",
    "environment": "its answer depends on the machine",
    "model": "it asks a model",
}
_FIXTURE = """\
DATA = Path(__file__).with_name({folder!r})


@pytest.fixture(autouse=True)
def _beside_the_data(monkeypatch):
    monkeypatch.chdir(DATA)"""
_LISTED = """\
async def _listed(values):
    return [value async for value in values]"""
_FORMS = {"coroutine": "asyncio.run({})", "generator": "list({})", "async generator": "asyncio.run(_listed({}))"}


@dataclass(frozen=True)
class Check:
    """A recorded call as a test; `why` says what keeps it from being made, `form` how its answer comes."""

    name: str
    method: str
    sample: Sample | None = None
    why: str = ""
    form: str = ""
    absent: tuple[str, ...] = ()  # state that its code asks for and that was not there
    alone: bool = False  # it reads no file


def checks_of(identity: Identity, names: Iterable[str], now: Mapping[str, Any], data: Copies) -> list[Check]:
    """A check for each example of the code that serves now, or that a person keeps; the files that they need.

    `now` is the agent's state: of a call that was recorded before the methods that it calls were written, the state
    that these read is not known.
    """
    return [check for name in names for check in _checks(identity, name, now, data)]


def _checks(identity: Identity, name: str, now: Mapping[str, Any], data: Copies) -> Iterator[Check]:
    units = {version.number: version.unit for version in identity.store.versions(identity.key(name))}
    head, number, left_out = identity.methods[name], 0, Counter[str]()
    for example in identity.store.examples(identity.key(name)):
        if not example.kept and units.get(example.version) != head.code.unit:
            continue
        sample, why, form = _judged(identity, name, now, example)
        if why or sample is None:
            left_out[why] += 1
            continue
        for path in _files(identity, name, sample):
            data.take(path)
        number += 1
        absent = tuple(n for n in identity.needs(name).reads if n not in sample.state)
        alone = not identity.needs(name).opens
        yield Check(f"test_{name}_{number}", name, sample, "", form, absent, alone)
    for why, count in left_out.items():
        number += 1
        yield Check(f"test_{name}_{number}", name, why=f"{count} recorded: {why}")


def _judged(identity: Identity, name: str, now: Mapping[str, Any], example: Example) -> tuple[Sample | None, str, str]:
    """The call of an example; why it cannot be made by itself; the form of its answer."""
    if not (example.args and example.state):
        what = "state" if example.args else "arguments"
        return None, f"its {what} are no short plain values, or were kept out of the record", ""
    sample, codes, needs = sample_of(example), [each.code for each in _reached(identity, name)], identity.needs(name)
    unknown = {n: now[n] for n in needs.reads if n in now and n not in needs.binds and n not in sample.state}
    if unknown and not encode(unknown):
        return sample, "its state is no short plain value", ""
    sample = replace(sample, state={**sample.state, **unknown})
    kinds = {effect.kind for code in codes for effect in code.effects if effect.flagged or effect.kind == "model"}
    if why := next((words for kind, words in _APART.items() if kind in kinds), ""):
        return sample, why, ""
    if sample.moved:
        return sample, "the files that it read have changed since", ""
    if why := next(filter(None, map(kept_out, _files(identity, name, sample))), ""):
        return sample, why, ""
    form = ""
    if identity.methods[name].deferred:  # what comes later is not recorded
        answer, form = answered(identity, sample)
        sample = replace(sample, answer=answer)
    return sample, "" if sample.answer else f"its answer is no short plain value: {example.kind}", form


def _reached(identity: Identity, name: str) -> list[Method]:
    names = [name]
    for each in names:  # which grows on the way
        if found := identity.find(each):
            names += sorted(found.code.calls - set(names))
    return [method for method in map(identity.find, names) if method]


def _files(identity: Identity, name: str, sample: Sample) -> list[str]:
    """The files and folders that a call may open, as its values and its code name them."""
    needs = identity.needs(name)
    texts = dict.fromkeys([*texts_in([*sample.args, dict(sample.kwargs), dict(sample.state)]), *sorted(needs.texts)])
    return [t for t in texts if any(map(str.isalnum, t)) and looks_like_path(t)] if needs.opens else []


def answered(identity: Identity, sample: Sample) -> tuple[str, str]:
    """What the agent's own code answers now, as the text of a plain value or "", and in which form it comes."""

    def run() -> tuple[str, str]:
        names = [name for name in identity.names() if identity.find(name)]
        agent = type("Alone", (), {name: identity.methods[name].function for name in names})()
        args, kwargs, state = deepcopy((sample.args, dict(sample.kwargs), dict(sample.state)))
        vars(agent).update(state)
        value, form = getattr(agent, sample.name)(*args, **kwargs), ""
        if isgenerator(value):
            value, form = list(islice(value, LONGEST)), "generator"
        elif iscoroutine(value):
            value, form = asyncio.run(value), "coroutine"
        elif isasyncgen(value):
            value, form = asyncio.run(_first(value)), "async generator"
        endless = form.endswith("generator") and len(value) >= LONGEST
        return "" if endless else encode(value), form

    with ThreadPoolExecutor(1) as thread:  # where an event loop runs there can be no other
        try:
            return thread.submit(run).result()
        except Exception:
            return "", ""


async def _first(values: Any) -> list[Any]:
    found: list[Any] = []
    async for value in values:
        found.append(value)
        if len(found) >= LONGEST:
            break
    return found


def test_text(label: str, module: str, checks: list[Check], given: Mapping[str, str], data: Copies, folder: str) -> str:
    """The text of the test file, without its docstring; `given` are the constructor's parameters and their defaults."""
    names = list(dict.fromkeys(check.method for check in checks))
    there = f"def test_every_method_is_there():\n    for name in {names!r}:\n"
    there += f"        assert callable(getattr({class_name(label)}, name))"
    pieces = [there, *(_function(label, check, given, data.names) for check in checks)]
    pieces = [_LISTED] * any(check.form == "async generator" for check in checks) + pieces
    pieces = [_FIXTURE.format(folder=folder)] * bool(data.files) + pieces
    used = {node.id for node in ast.walk(ast.parse("\n\n\n".join(pieces))) if isinstance(node, ast.Name)}
    lines = ["import asyncio"] * ("asyncio" in used) + imports_for(used)
    own = f"from {module} import {class_name(label)}"
    blocks = ["\n".join(lines), "import pytest" * ("pytest" in used), own]
    return "\n\n\n".join(["\n\n".join(filter(None, blocks)), *pieces]) + "\n"


def _function(label: str, check: Check, given: Mapping[str, str], names: Mapping[str, str]) -> str:
    if check.why or check.sample is None:
        return f"@pytest.mark.skip(reason={literal(check.why, {})})\ndef {check.name}():\n    ..."
    sample, subject = check.sample, f"{label}_" if label in dir(builtins) else label
    made, rest = made_with(label, sample, given, names, 4)
    called = _FORMS.get(check.form, "{}").format(
        call_text(f"{subject}.{sample.name}", sample.args, sample.kwargs, names, 4)
    )
    body = [f"{subject} = {made}", *(f"{subject}.{name} = {text}" for name, text in rest.items())]
    body += [f"del {subject}.{name}" for name in check.absent if name in given]
    body.append(f"assert {_compared(called, decode(sample.answer), names)}")
    return "\n".join([f"def {check.name}():", *(f"    {line}" for line in body)])


def made_with(
    label: str, sample: Sample, given: Mapping[str, str], names: Mapping[str, str], indent: int = 0
) -> tuple[str, dict[str, str]]:
    """The object before the call, as Python text, and what it must be given besides."""
    texts = {name: literal(value, names, indent) for name, value in sample.state.items()}
    missing = {name: "None" for name, default in given.items() if name not in texts and not default}
    passed = [f"{name}={text}" for name, text in ({n: texts[n] for n in texts if n in given} | missing).items()]
    rest = {name: text for name, text in texts.items() if name not in given}
    return f"{class_name(label)}({', '.join(passed)})", rest


def _compared(called: str, answer: Any, names: Mapping[str, str]) -> str:
    if answer is None or isinstance(answer, bool):
        return f"{called} is {answer}"
    if 'float("nan")' in (text := literal(answer, names, 4)):  # which equals nothing
        return f"repr({called}) == {literal(repr(answer), names, 4)}"
    return f"{called} == {text}"
