"""What stands in a process for a method that runs elsewhere: its name, parameters, docstring and lines, no code."""

from __future__ import annotations

import ast
import asyncio
import hashlib
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from types import CodeType, TracebackType
from typing import Any

from .unit import Function, method_of

_CALL = "{name}({me}, [{given}], [{rest}], {{{named}}})"
_FORWARD = "_agent_forward_"
in_place: ContextVar[bool] = ContextVar("agent_repl_in_place", default=False)
"""Whether async stubs call right here, since this thread holds what another one would wait for."""


@dataclass(frozen=True, eq=False)
class Unit:
    """Accepted code that is to run elsewhere; `scope` is what tracebacks show as its globals, `about` the caller's."""

    name: str
    source: str
    tree: ast.Module = field(repr=False)
    filename: str
    scope: dict[str, Any] = field(repr=False)
    about: Any = field(repr=False)

    @cached_property
    def key(self) -> str:
        """The same file name with other source is another unit."""
        return f"{self.filename}#{hashlib.sha256(self.source.encode(errors='replace')).hexdigest()[:16]}"


Forward = Callable[[Unit, Any, list[Any], dict[str, Any]], Any]


def stub(unit: Unit, forward: Forward) -> Callable[..., Any]:
    """A function that hands its call to `forward` and runs nothing; defaults that are no literals are `...` here.

    What was left out is left out of the call, so that the real defaults hold. One that is async awaits a thread.
    """
    method = method_of(unit.tree, unit.name)
    assert method is not None

    def called(me: Any, given: list[Any], rest: list[Any], named: Mapping[str, Any]) -> Any:
        __tracebackhide__ = True
        left = next((n for n, (_, value) in enumerate(given) if value is ... and not rest), len(given))
        later = {key: value for key, value in [*given[left:], *named.items()] if value is not ...}
        return forward(unit, me, [value for _, value in given[:left]] + rest, later)

    async def awaited(*arguments: Any) -> Any:
        return called(*arguments) if in_place.get() else await asyncio.to_thread(called, *arguments)

    is_async = isinstance(method, ast.AsyncFunctionDef) and not _iterates(method)
    unit.scope[_FORWARD] = awaited if is_async else called
    tree = ast.fix_missing_locations(ast.Module([_without_code(method, is_async)], []))
    exec(compile(tree, unit.filename, "exec", dont_inherit=True), unit.scope)
    made: Callable[..., Any] = unit.scope[unit.name]
    return made


def _iterates(method: Function) -> bool:
    """Whether what a call of it gives is read as it goes, by a `yield` of its own."""
    inside = list[ast.AST](method.body)
    for node in inside:  # which grows on the way
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            inside += ast.iter_child_nodes(node)
    return any(isinstance(node, ast.Yield) for node in inside)


def _without_code(method: Function, is_async: bool) -> ast.stmt:
    args = method.args
    me, *names = [a.arg for a in (*args.posonlyargs, *args.args)]
    given = "".join(f"({name!r}, {name}), " for name in names)
    named = "".join(f"{a.arg!r}: {a.arg}, " for a in args.kwonlyargs) + (f"**{args.kwarg.arg}" if args.kwarg else "")
    rest = f"*{args.vararg.arg}" if args.vararg else ""
    text = _CALL.format(name=_FORWARD, me=me, given=given, rest=rest, named=named)
    call = ast.parse(text, mode="eval").body
    answer = ast.Return(ast.Await(call) if is_async else call)
    for node in ast.walk(answer):
        ast.copy_location(node, method)
    said = [method.body[0]] * (ast.get_docstring(method, clean=False) is not None)
    kind = ast.AsyncFunctionDef if is_async else ast.FunctionDef
    found: Any = ast.copy_location(kind(method.name, _plain(args), [*said, answer], []), method)
    found.type_params = []
    return found  # type: ignore[no-any-return]


def _plain(args: ast.arguments) -> ast.arguments:
    return ast.arguments(
        [*map(_parameter, args.posonlyargs)],
        [*map(_parameter, args.args)],
        args.vararg and _parameter(args.vararg),
        [*map(_parameter, args.kwonlyargs)],
        [each and _literal(each) for each in args.kw_defaults],
        args.kwarg and _parameter(args.kwarg),
        [*map(_literal, args.defaults)],
    )


def _parameter(given: ast.arg) -> ast.arg:
    text = ast.Constant(ast.unparse(given.annotation)) if given.annotation is not None else None
    return ast.copy_location(ast.arg(given.arg, text), given)


def _literal(default: ast.expr) -> ast.expr:
    try:
        ast.literal_eval(default)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return ast.copy_location(ast.Constant(...), default)
    return default


def placed(error: Exception, places: list[tuple[Unit, int]]) -> Exception:
    """The error with a traceback through these lines of units: of frames that do nothing but raise."""
    trace = None
    for unit, line in reversed(places):
        statement = ast.parse("raise error").body[0]
        for node in ast.walk(statement):
            if isinstance(node, ast.stmt | ast.expr):
                node.lineno = node.end_lineno = line
        code = compile(ast.Module([statement], []), unit.filename, "exec", dont_inherit=True)
        trace = _before(trace, code.replace(co_name=unit.name), unit.scope)
    return error.with_traceback(trace)


def _before(rest: TracebackType | None, code: CodeType, scope: dict[str, Any]) -> TracebackType | None:
    try:
        exec(code, scope, {"error": KeyError()})
    except KeyError as planted:
        frame: Any = planted.__traceback__ and planted.__traceback__.tb_next
        return TracebackType(rest, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return rest
