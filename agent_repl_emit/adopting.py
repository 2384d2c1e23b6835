"""A class that exists already becomes an agent: its methods are pinned, and those that it lacks are written."""

from __future__ import annotations

import ast
import inspect
import linecache
import re
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from agent_repl import control
from agent_repl.agent import Agent
from agent_repl.errors import AgentError, ModuleError
from agent_repl.records import Event
from agent_repl.session import Session, default_session
from agent_repl.session.home import is_name
from agent_repl_code.classes import ABSENT, first_state, methods_of
from agent_repl_code.unit import digest


def adopt(module_or_class: Any, session: Session | None = None, **state: Any) -> Agent:
    """An agent from a class, a module with one class, or the path of its file, which is read and not run.

    The class's docstring is the identity. What the constructor keeps, and plain attributes of the class, become state:
    defaults, unless given as keywords. Methods are pinned as a person's versions; those that cannot be (properties,
    private names, class tricks) are told as a warning and left out. Raises ModuleError where there is no such class,
    AgentError where state is missing.
    """
    source, owner = _class_in(module_or_class)
    if "from lupa import lua54\n" in source and "\n_LUA = " in source:
        how = f"%%agent --code AGENT.METHOD takes each where executor is lua, and {owner.name} works as it is"
        raise ModuleError(f"the methods of {owner.name} are in Lua, in a file beside it, and adopt takes Python: {how}")
    session = session or default_session()
    words = (ast.get_docstring(owner) or "").partition(">>>")[0].strip()
    if not words:
        raise ModuleError(f"{owner.name} has no docstring, from which the words of an agent come: give it one")
    label = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", owner.name).lower().strip("_")
    holds = first_state(owner, state)
    if missing := [name for name, value in holds.items() if value is ABSENT]:
        shown = ", ".join(f"{name}=..." for name in missing)
        raise AgentError(f"what {owner.name} holds as {', '.join(missing)} is not in its text: adopt(..., {shown})")
    agent = session.agent(words, name=label if is_name(label) else None, **holds)
    units, left_out = methods_of(source, owner)
    pinned = 0
    for name, text in units.items():
        try:
            _pin(agent, name, text)
            pinned += 1
        except AgentError as error:
            left_out[name] = str(error).partition("\n")[0]
    told = "; ".join(f"{name}: {why}" for name, why in left_out.items())
    if left_out and not pinned:
        raise ModuleError(f"no method of {owner.name} can be pinned: {told}")
    if left_out:
        session.reviewer.tell(Event("warning", f"left out of {label}: {told}", label))
    return agent


def _class_in(given: Any) -> tuple[str, ast.ClassDef]:
    """The text of the file, and the class in it."""
    wanted = given.__qualname__ if isinstance(given, type) else ""
    if isinstance(given, type):
        codes = [inspect.unwrap(value).__code__ for value in vars(given).values() if isinstance(value, FunctionType)]
        source, where = "".join(linecache.getlines(codes[0].co_filename)) if codes else "", wanted
    elif isinstance(given, ModuleType):
        source, where = inspect.getsource(given), given.__name__
    elif isinstance(given, str | Path):
        source, where = _read(Path(given)), str(given)
    else:
        raise ModuleError(f"{type(given).__name__} cannot be adopted: give a class, a module, or the path of a file")
    try:
        found = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    except (SyntaxError, ValueError) as error:
        raise ModuleError(f"{where} cannot be read: {error}") from error
    found = [node for node in found if node.name == wanted or not (wanted or node.name.startswith("_"))]
    if len(found) != 1:
        there = ", ".join(node.name for node in found) or "none whose source is known"
        raise ModuleError(f"{where} should have one class at the top of a file; it has: {there}")
    return source, found[0]


def _read(path: Path) -> str:
    try:
        return path.expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise ModuleError(f"{path} cannot be read: {error}") from error


def _pin(agent: Agent, name: str, text: str) -> None:
    """Pin a unit, unless this very one is pinned already."""
    head = type(agent)._agent_repl_identity_.find(name)
    if not (head and head.entry.pinned and head.code.unit == digest(ast.parse(text), name)):
        control.define(agent, name, text)
