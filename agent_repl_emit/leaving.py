"""An agent leaves as a plain class."""

from __future__ import annotations

import ast
import keyword
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent_repl.agent import Agent
from agent_repl.atomic import replace_files
from agent_repl.control import synced
from agent_repl.errors import ModuleError
from agent_repl.modules import Part, class_name, render
from agent_repl.pipeline import state_of
from agent_repl.pipeline.methods import Identity, Method
from agent_repl.pipeline.pinning import constructor_state
from agent_repl_bounds.packages import requirements

from .about import MARK, doctests, file_words, pyproject, readme, with_requirements
from .files import failures
from .recorded import Check, Data, answered, checks_of, test_text

_LLM = "is asked by {}: an object with agent(words, **state), which makes another such object, and ask(words)."


def emit(agent: Agent, path: str | Path, tests: bool = True, package: bool = False) -> Path:
    """Write, or replace, a file with the agent as a plain class that runs without us, and tests beside it.

    With `package` the path is a folder, with a pyproject.toml, a README.md and the tests in it. The tests are the
    recorded and the kept calls, and files of at most 1 MB that they read stand beside them; calls that cannot be made
    by themselves are skipped and say why. All this has been tried alone, under `python -I`, before anything is
    written. Raises ModuleError, and nothing is changed.
    """
    identity, target = synced(agent), Path(path)
    if package and target.suffix == ".py":
        target = target.with_suffix("")
    methods = _methods(identity, agent)
    root, module = (target, target.name) if package else (target.parent, target.stem)
    _require_place(target, module, tests, package)
    data = Data()
    checks = checks_of(identity, methods, data) if tests else []
    place = type(agent)._agent_repl_shop_.executor.open(agent)
    state = constructor_state(identity, methods, state_of(place))
    for _ in range(3):  # what turns out not to be repeatable is left out, and the rest is tried again
        files = _files(identity, methods, state, target, checks, data, (tests, package))
        failed = failures(files, module, next((name for name in files if Path(name).name == f"test_{module}.py"), ""))
        if not failed:
            _put(files, root)
            return target
        checks = [_unrepeatable(identity, check, failed) for check in checks]
        _require_known(failed, checks)
    raise ModuleError(f"its tests answer otherwise each time, so nothing was written: {next(iter(failed.values()))}")


def _put(files: Mapping[str, bytes], root: Path) -> None:
    _require_ours(root / name for name, held in files.items() if MARK.encode() in held)
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


def _require_place(target: Path, module: str, tests: bool, package: bool) -> None:
    if target.is_dir() and not package:
        raise ModuleError(f"{target} cannot be written: it is a folder; name a file in it, or say package=True")
    if target.exists() and package and not target.is_dir():
        raise ModuleError(f"{target} cannot be written: it is a file, and a package needs a folder")
    name = module if package or target.suffix == ".py" else target.name
    wrong = not name.isidentifier() or keyword.iskeyword(name) or name in sys.stdlib_module_names
    if (tests or package) and wrong:
        raise ModuleError(f"{name!r} cannot be imported, as its tests do: name it like analyst.py, or say tests=False")


def _require_ours(targets: Iterable[Path]) -> None:
    for target in targets:
        if target.is_file() and MARK not in target.read_text(encoding="utf-8", errors="replace"):
            raise ModuleError(f"{target} was not written by an emission: move it, or emit to another path")


def _files(
    identity: Identity,
    methods: Mapping[str, Method],
    state: Mapping[str, Any],
    target: Path,
    checks: list[Check],
    data: Data,
    form: tuple[bool, bool],
) -> dict[str, bytes]:
    """The files by their paths below the folder."""
    (tests, package), module = form, target.name if form[1] else target.stem
    text = _class_text(identity, methods, state, [])
    given = _parameters(text, identity.label)
    shown = [] if ">>>" in identity.template else doctests(identity.label, checks, given)
    text = _class_text(identity, methods, state, shown)
    needed = requirements(text)
    found = {f"{module}.py" if package else target.name: text if package else with_requirements(text, needed)}
    folder, below = ("data", "tests/") if package else (f"test_{module}_data", "")
    if package:
        found |= {"README.md": readme(identity, methods, needed, shown, tests)}
        found |= {"pyproject.toml": pyproject(identity, module, needed)}
    if tests:
        head = f'"""Tests of {class_name(identity.label)}. {MARK}"""\n\n'
        found[f"{below}test_{module}.py"] = head + test_text(identity.label, module, checks, given, data, folder)
    for name, text in found.items():
        if (line := next((n for n, each in enumerate(text.split("\n"), 1) if "agent_repl" in each), 0)) > 0:
            raise ModuleError(f"line {line} of {name} would name agent_repl, which a class on its own does not have")
    return {n: t.encode() for n, t in found.items()} | {f"{below}{folder}/{n}": b for n, b in data.files.items()}


def _class_text(identity: Identity, methods: Mapping[str, Method], state: Mapping[str, Any], shown: list[str]) -> str:
    parts = [Part(name, method.code.source) for name, method in methods.items()]
    asking = [name for name, method in methods.items() if _asks(method)]
    given = {"llm": f"`llm` {_LLM.format(', '.join(asking))}"} if asking else {}
    head = file_words(identity, methods, shown)
    return render(identity.label, identity.template, parts, state, head, given=given)


def _asks(method: Method) -> bool:
    """Whether its code uses `self.llm`."""
    nodes = [node for node in ast.walk(method.code.tree) if isinstance(node, ast.Attribute) and node.attr == "llm"]
    return any(isinstance(node.value, ast.Name) and node.value.id == "self" for node in nodes)


def _parameters(text: str, label: str) -> dict[str, str]:
    """The parameters of the class's constructor with their defaults, "" where there is none."""
    owner = next(n for n in ast.parse(text).body if isinstance(n, ast.ClassDef) and n.name == class_name(label))
    made = next((n for n in owner.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"), None)
    names = [each.arg for each in made.args.args[1:]] if made else []
    defaults = [ast.unparse(each) for each in made.args.defaults] if made else []
    return dict(zip(names, [""] * (len(names) - len(defaults)) + defaults, strict=True))


def _unrepeatable(identity: Identity, check: Check, failed: Mapping[str, str]) -> Check:
    """A check that failed is left out where the agent itself answers otherwise now, unless a person keeps it."""
    if check.name not in failed or check.sample is None or check.sample.kept:
        return check
    now = {answered(identity, check.sample)[0] for _ in range(2)}
    if now == {check.sample.answer}:
        return check
    return replace(check, why="made again it answers otherwise: by chance, by the time, or by what it reads")


def _require_known(failed: Mapping[str, str], checks: list[Check]) -> None:
    """Raise ModuleError for what fails though the agent itself answers as recorded."""
    known = {check.name for check in checks if check.why}
    if wrong := {name: words for name, words in failed.items() if name not in known | {"the examples"}}:
        name, words = next(iter(wrong.items()))
        raise ModuleError(f"its tests fail on its own, so nothing was written: {name}: {words}")
