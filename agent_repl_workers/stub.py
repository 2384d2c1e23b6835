"""What stands in this process for a method that runs elsewhere: its name, parameters, docstring and source, no code."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agent_repl.records import Code
from agent_repl_code.unit import method_of

_BODY = "return {forward}({me}, [{given}], [{rest}], {{{named}}})"
Forward = Callable[["Unit", Any, list[Any], dict[str, Any]], Any]


@dataclass(frozen=True)
class Unit:
    """Accepted code as a worker is sent it; `scope` is only what tracebacks show."""

    code: Code
    filename: str
    scope: dict[str, Any] = field(repr=False)

    @property
    def key(self) -> str:
        """The same file name with other source is another unit."""
        return f"{self.filename}#{hashlib.sha256(self.code.source.encode(errors='replace')).hexdigest()[:16]}"


def stub(unit: Unit, forward: Forward) -> Callable[..., Any]:
    """A function that hands its call to `forward` and runs nothing; defaults that are no literals are `...`."""
    method = method_of(unit.code.tree, unit.code.name)
    assert method is not None
    scope, name = unit.scope, "_agent_forward_"

    def called(me: Any, given: list[Any], rest: list[Any], named: Mapping[str, Any]) -> Any:
        __tracebackhide__ = True
        left = next((n for n, (_, value) in enumerate(given) if value is ...), len(given)) if not rest else len(given)
        later = {key: value for key, value in [*given[left:], *named.items()] if value is not ...}
        return forward(unit, me, [value for _, value in given[:left]] + rest, later)

    scope[name] = called
    tree = ast.Module([_method(method, name)], [])
    exec(compile(ast.fix_missing_locations(tree), unit.filename, "exec", dont_inherit=True), scope)
    made: Callable[..., Any] = scope[unit.code.name]
    return made


def _method(method: ast.FunctionDef | ast.AsyncFunctionDef, forward: str) -> ast.stmt:
    args = method.args
    me, *names = [a.arg for a in (*args.posonlyargs, *args.args)]
    given = "".join(f"({name!r}, {name}), " for name in names)
    named = "".join(f"{a.arg!r}: {a.arg}, " for a in args.kwonlyargs) + (f"**{args.kwarg.arg}" if args.kwarg else "")
    text = _BODY.format(
        forward=forward, me=me, given=given, rest=f"*{args.vararg.arg}" if args.vararg else "", named=named
    )
    said = [method.body[0]] * (ast.get_docstring(method, clean=False) is not None)
    body: list[ast.stmt] = [*said, *ast.parse(text).body]
    for node in (part for statement in body[len(said) :] for part in ast.walk(statement)):
        ast.copy_location(node, method)
    plain = ast.arguments(
        [_parameter(a) for a in args.posonlyargs],
        [_parameter(a) for a in args.args],
        args.vararg and _parameter(args.vararg),
        [_parameter(a) for a in args.kwonlyargs],
        [each and _literal(each) for each in args.kw_defaults],
        args.kwarg and _parameter(args.kwarg),
        [_literal(each) for each in args.defaults],
    )
    return ast.copy_location(type(method)(method.name, plain, body, [], None, type_params=[]), method)  # type: ignore[call-arg]


def _parameter(given: ast.arg) -> ast.arg:
    kind = given.annotation
    text = ast.Constant(ast.unparse(kind)) if kind is not None else None
    return ast.copy_location(ast.arg(given.arg, text), given)


def _literal(default: ast.expr) -> ast.expr:
    try:
        ast.literal_eval(default)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return ast.copy_location(ast.Constant(...), default)
    return default


def raised(error: Exception, places: list[tuple[Unit, int]]) -> Exception:
    """The error with a traceback that names these lines of units: frames that do nothing but raise it."""
    trace = None
    for unit, line in reversed(places):
        text = ast.parse("raise error").body[0]
        for node in ast.walk(text):
            if hasattr(node, "lineno"):
                node.lineno = node.end_lineno = line  # type: ignore[attr-defined]
        def_ = compile(ast.Module([text], []), unit.filename, "exec", dont_inherit=True).replace(co_name=unit.code.name)
        trace = _joined(def_, unit.scope, trace)
    return error.with_traceback(trace)


def _joined(code: Any, scope: dict[str, Any], rest: Any) -> Any:
    from types import TracebackType

    try:
        exec(code, scope, {"error": KeyError()})
    except KeyError as planted:
        found = planted.__traceback__
        frame: Any = found and found.tb_next
        return TracebackType(rest, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
