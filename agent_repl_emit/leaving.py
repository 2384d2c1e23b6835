"""An agent leaves as a plain class."""

from __future__ import annotations

import ast
import keyword
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from agent_repl.agent import Agent
from agent_repl.atomic import replace_files
from agent_repl.control import synced
from agent_repl.errors import ModuleError
from agent_repl.modules import Part, class_name, default, render
from agent_repl.pipeline.examples import sample_of
from agent_repl.pipeline.methods import Identity, Method
from agent_repl.pipeline.pinning import constructor_state
from agent_repl_bounds.packages import requirements, with_requirements
from agent_repl_data.copies import Copies

from .about import MARK, doctests, file_words, pyproject, readme
from .alone import failures
from .recorded import Check, answered, checks_of, test_text

_LLM = "`llm` is asked by {}: an object with agent(words, **state), which makes another such object, and ask(words)."


class Form(NamedTuple):
    """What is to be written, and what the constructor takes."""

    tests: bool
    package: bool
    state: Mapping[str, Any]
    examples: bool  # in the docstring too


def emit(agent: Agent, path: str | Path, tests: bool = True, package: bool = False) -> Path:
    """Write, or replace, a file with the agent as a plain class that runs without us, and tests beside it.

    With `package` the path is a folder, with a pyproject.toml, a README.md and the tests in it. The tests are the
    recorded and the kept calls, and files of at most 1 MB that they read stand beside them; calls that cannot be made
    by themselves are skipped and say why. All this has been tried alone, under `python -I`, before anything is
    written, but for code of a sandbox, which is not run outside. Raises ModuleError, and nothing is changed.
    """
    identity, target = synced(agent), Path(path)
    if package and target.suffix == ".py":
        target = target.with_suffix("")
    methods = _methods(identity, agent)
    root, module = (target, target.name) if package else (target.parent, target.stem)
    _require_place(target, module, tests, package)
    data = Copies()
    checks = checks_of(identity, methods, vars(agent), data) if tests else []
    state = constructor_state(identity, methods, _first_state(identity, methods, vars(agent)))
    form = Form(tests, package, state, ">>>" not in identity.template)
    for _ in range(4):  # what turns out not to be repeatable is left out, and the rest is tried again
        files = _files(identity, methods, checks, data, target, form)
        test_file = next((name for name in files if Path(name).name == f"test_{module}.py"), "")
        here = identity.executor.name != "sandbox"  # what runs there is not run here, even to try it
        failed = failures(files, next(iter(files)), test_file, form.examples) if here else {}
        if not failed:
            _put(files, root)
            return target
        left = [_unrepeatable(identity, check, failed) for check in checks]
        wrong = [check.name for check in left if check.name in failed and not check.why]
        if wrong or (left == checks and not form.examples):
            name = next(iter(wrong or failed))
            raise ModuleError(f"its tests fail on its own, so nothing was written: {name}: {failed[name]}")
        checks, form = left, form._replace(examples=form.examples and left != checks)
    raise ModuleError("its tests fail otherwise each time, so nothing was written: say tests=False")


def _put(files: Mapping[str, bytes], root: Path) -> None:
    for target in (root / name for name, held in files.items() if MARK.encode() in held):
        if target.is_file() and MARK not in target.read_text(encoding="utf-8", errors="replace"):
            raise ModuleError(f"{target} was not written by an emission: move it, or emit to another path")
    try:
        replace_files({root / name: held for name, held in files.items()})
    except OSError as error:
        raise ModuleError(f"{root} cannot be written: {error}") from error


def _methods(identity: Identity, agent: Agent) -> dict[str, Method]:
    """The accepted methods, callers above those whom they call, else in the order of acceptance."""
    if agent._agent_repl_wraps_ is not None:
        kind = type(agent._agent_repl_wraps_).__name__
        raise ModuleError(
            f"{identity.label} wraps a {kind}, which a class would lack: emit an agent that has it as state"
        )
    found = {name: method for name in identity.names() if (method := identity.find(name)) is not None}
    if not found:
        raise ModuleError(f"{identity.label} has no accepted methods yet: call some first")
    called = {name for method in found.values() for name in method.code.calls - {method.code.name}}
    order: dict[str, None] = {}
    waiting = [*(name for name in found if name not in called), *found]
    while waiting:
        name = waiting.pop(0)
        if name not in order and name in found:
            order[name] = None
            waiting[:0] = sorted(found[name].code.calls, key=[*found, *found[name].code.calls].index)
    return {name: found[name] for name in order}


def _first_state(identity: Identity, names: Iterable[str], now: Mapping[str, Any]) -> dict[str, Any]:
    """The agent's state, what its methods set or fill as it was before the oldest recorded call."""
    known = [e for name in names for e in identity.store.examples(identity.key(name)) if e.args and e.state]
    binds = frozenset().union(*(identity.needs(name).binds for name in names))
    states = [sample_of(e).state for e in sorted(known, key=lambda e: e.at, reverse=True)]
    return {**now} | {n: v for state in states for n, v in state.items() if n in binds or v in ([], {}, set())}


def _require_place(target: Path, module: str, tests: bool, package: bool) -> None:
    if target.is_dir() and not package:
        raise ModuleError(f"{target} cannot be written: it is a folder; name a file in it, or say package=True")
    if target.exists() and package and not target.is_dir():
        raise ModuleError(f"{target} cannot be written: it is a file, and a package needs a folder")
    name = module if package or target.suffix == ".py" else target.name
    wrong = not name.isidentifier() or keyword.iskeyword(name) or name in sys.stdlib_module_names
    if (tests or package) and wrong:
        raise ModuleError(f"{name!r} cannot be imported, as its tests do: name it like analyst.py, or say tests=False")


def _files(
    identity: Identity, methods: Mapping[str, Method], checks: list[Check], data: Copies, target: Path, form: Form
) -> dict[str, bytes]:
    """The files by their paths below the folder, the module first."""
    module = target.name if form.package else target.stem
    asking = [n for n, m in methods.items() if any(ast.unparse(node) == "self.llm" for node in ast.walk(m.code.tree))]
    given = {"llm": _LLM.format(", ".join(asking))} if asking else {}
    known = {name: default(value) for name, value in form.state.items()} | dict.fromkeys(given, "")
    shown = doctests(identity.label, checks, known) if form.examples else []
    parts, head = [Part(n, m.code.source) for n, m in methods.items()], file_words(identity, methods, shown)
    text = render(identity.label, identity.template, parts, form.state, head, given=given)
    needed = requirements(text)
    found = {f"{module}.py" if form.package else target.name: text if form.package else with_requirements(text, needed)}
    folder, below = ("data", "tests/") if form.package else (f"test_{module}_data", "")
    if form.package:
        found |= {"README.md": readme(identity, methods, needed, shown)}
        found |= {"pyproject.toml": pyproject(identity, module, needed)}
    if form.tests:
        head = f'"""Tests of {class_name(identity.label)}. {MARK}"""\n\n'
        found[f"{below}test_{module}.py"] = head + test_text(identity.label, module, checks, known, data, folder)
    for name, text in found.items():
        if (line := next((n for n, each in enumerate(text.split("\n"), 1) if "agent_repl" in each), 0)) > 0:
            raise ModuleError(f"line {line} of {name} would name agent_repl, which a class on its own does not have")
    return {n: t.encode() for n, t in found.items()} | {f"{below}{folder}/{n}": b for n, b in data.files.items()}


def _unrepeatable(identity: Identity, check: Check, failed: Mapping[str, str]) -> Check:
    """A check that failed is left out where the agent itself answers otherwise now, unless a person keeps it."""
    if check.name not in failed or check.sample is None or check.sample.kept:
        return check
    now = {answered(identity, check.sample)[0] for _ in range(2)}
    if now == {check.sample.answer}:
        return check
    return replace(check, why="made again it answers otherwise: by chance, by the time, or by what it reads")
