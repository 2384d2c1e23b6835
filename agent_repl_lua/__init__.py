"""Written code in Lua 5.4, inside this process and closed off from it (the extra `lua`)."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, NoReturn

from agent_repl.agent import Agent
from agent_repl.errors import ExecutorError, InvalidCode
from agent_repl.executors.inline import InlineExecutor, InlinePlace
from agent_repl.records import Code, Spec
from agent_repl_code.lua import legible
from agent_repl_code.stubs import Unit, stub
from agent_repl_code.unit import digest, method_of

INSTALL = 'Lua needs lupa, which is not installed here: pip install "ipython-agent-repl[lua]"'


def lua(obj: Any, name: str, args: tuple[Any, ...], text: str, /, **methods: Callable[..., Any]) -> Any:
    """Call the function of that name which a text in Lua defines: what a method that is written in Lua consists of.

    Raises `runtime.LuaError` for what Lua raises, ExecutorError where a limit is reached or lupa is missing.
    """
    _require_lupa()
    from .runtime import LuaLimit, lua

    try:
        return lua(obj, name, args, text, **methods)
    except LuaLimit as error:
        raise ExecutorError(f"{name}: {error}") from error


def _require_lupa() -> None:
    try:
        from lupa import lua54 as lua54
    except ImportError as error:
        raise ExecutorError(INSTALL) from error


class LuaExecutor(InlineExecutor):
    """Asks for Lua, and runs nothing else."""

    name = language = "lua"
    isolation = (
        "Lua 5.4 in this process, no files, no network, no Python; limits of instructions and memory; "
        "a fault in the C library would end this process"
    )

    def __init__(self) -> None:
        _require_lupa()

    def unit(self, text: str, spec: Spec) -> str:
        from .unit import to_unit

        return to_unit(text, spec)

    def define(self, code: Code, filename: str, namespace: dict[str, Any]) -> Callable[..., Any]:
        if _holds_only_lua(code):
            return super().define(code, filename, namespace)
        return stub(Unit(code.name, code.source, code.tree, filename, namespace, code), _refused(code.name))

    def open(self, agent: Any) -> InlinePlace:
        if not isinstance(agent, Agent):
            raise ExecutorError("methods of ordinary classes are Python, and here executor=lua: describe an agent's")
        return super().open(agent)

    def lacks(self, agent: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
        from .runtime import unfit

        if agent._agent_repl_wraps_ is not None:
            return "it wraps an object, which Lua cannot have"
        given = {f"argument {n}": value for n, value in enumerate(args, 1)} | dict(kwargs)
        given |= {f"self.{name}": value for name, value in vars(agent).items()}
        return next((f"{where}: {why}" for where, value in given.items() if (why := unfit(value))), "")


def _holds_only_lua(code: Code) -> bool:
    """Whether it is nothing but what a text in Lua is kept as."""
    from .unit import to_unit

    try:
        made = to_unit(legible(code.source), Spec(code.name, state=frozenset({"*"}), made=False))
    except InvalidCode:
        return False
    return digest(_bare(ast.parse(made), code.name), code.name) == digest(_bare(code.tree, code.name), code.name)


def _bare(tree: ast.Module, name: str) -> ast.Module:
    """The tree without the method's docstring."""
    bare = deepcopy(tree)
    method = method_of(bare, name)
    if method and ast.get_docstring(method) is not None:
        del method.body[0]
    return bare


def _refused(name: str) -> Callable[..., Any]:
    """What a method that was accepted as Python does when it is called here."""

    def refuse(*_: Any) -> NoReturn:
        how = "run it where executor is inline, or forget it and have it written anew"
        raise ExecutorError(f"{name} is written in Python, and here only Lua runs: {how}")

    return refuse
