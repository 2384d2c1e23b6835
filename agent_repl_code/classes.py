"""The text of a class: what its objects hold at first, and its methods as units of their own."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .page import string_lines
from .unit import RESERVED, Function, reached

ABSENT = object()
"""The value of what is not in the text."""


def first_state(owner: ast.ClassDef, given: Mapping[str, Any]) -> dict[str, Any]:
    """What an object of the class holds at first: as given, else as the text says, or `ABSENT`; private names aside.

    The text says it in the class itself and in the first level of the constructor, of parameters that keep their value.
    What is not known there and no method reads is left out.
    """
    made = next((n for n in owner.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"), None)
    inside = [*ast.walk(made)] if made else []
    known = _defaults(made.args) if made else {}
    other = {name: value for name, value in given.items() if name not in known}
    known |= {name: value for name, value in given.items() if name in known}
    known |= {n.id: ABSENT for n in inside if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    found = {name: _value(value, {}) for name, value in _set_by(owner.body, "")}
    found |= {name: _value(value, known) for name, value in _set_by(made.body if made else (), "self.")}
    found |= dict.fromkeys((n for n, _ in _set_by((n for n in inside if made and n not in made.body), "self.")), ABSENT)
    found |= other | {name: value for name, value in given.items() if name in found}
    reads = {n.attr for each in owner.body if each is not made for n in ast.walk(each) if isinstance(n, ast.Attribute)}
    named = {name: value for name, value in found.items() if name[0] != "_" and name not in RESERVED}
    return {name: value for name, value in named.items() if value is not ABSENT or name in reads}


def _set_by(nodes: Iterable[ast.AST], before: str) -> Iterator[tuple[str, ast.expr | None]]:
    """The names that assignments bind, `before` taken off, and to what."""
    for node in nodes:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = map(ast.unparse, node.targets if isinstance(node, ast.Assign) else [node.target])
            found = [t.removeprefix(before) for t in targets if t.startswith(before)]
            yield from ((name, node.value) for name in found if name.isidentifier())


def _defaults(arguments: ast.arguments) -> dict[str, Any]:
    names = [each.arg for each in [*arguments.posonlyargs, *arguments.args]]
    defaults = [ABSENT] * (len(names) - len(arguments.defaults)) + [_value(d, {}) for d in arguments.defaults]
    found = dict(zip(names, defaults, strict=True))
    return found | {a.arg: _value(d, {}) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)}


def _value(node: ast.expr | None, parameters: Mapping[str, Any]) -> Any:
    match node:
        case ast.Name(id=name):
            return parameters.get(name, ABSENT)
        case ast.IfExp(test=ast.Compare(left=ast.Name(id=name), ops=[ast.Is()], comparators=[ast.Constant(None)])):
            given = parameters.get(name, ABSENT)
            return given if given is ABSENT else _value(node.body if given is None else node.orelse, parameters)
    try:
        return ast.literal_eval(node) if node else ABSENT
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return ABSENT


def methods_of(source: str, owner: ast.ClassDef) -> tuple[dict[str, str], dict[str, str]]:
    """The public methods of a class as units of their own; why others cannot be one."""
    body = body_of(source, owner)
    rest = [node for node in ast.parse(source).body if not (isinstance(node, ast.ClassDef) and node.name == owner.name)]
    found: dict[str, str] = {}
    left_out = {
        ast.unparse(base): "what a class inherits stays there" for base in owner.bases if ast.unparse(base) != "object"
    }
    for node in ast.parse(body).body:
        if isinstance(node, ast.ClassDef):
            left_out[node.name] = "a class in a class"
        elif isinstance(node, Function) and node.name != "__init__":
            if why := _unfit(node, owner):
                left_out[node.name] = why
            else:
                found[node.name] = _unit(source, rest, body, node)
    return found, left_out


def _unfit(node: Function, owner: ast.ClassDef) -> str:
    marks = [ast.unparse(mark) for mark in node.decorator_list]
    if node.name.startswith("_") or node.name in RESERVED:
        return "a special method" if node.name.endswith("__") else "a private name"
    if marks:
        return f"it has the decorator @{marks[0]}"
    names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    return f"it uses {min(names & {'super', owner.name})}" if names & {"super", owner.name} else ""


def _unit(source: str, rest: list[ast.stmt], body: str, node: Function) -> str:
    used = reached(ast.Module([*rest, node], []), node.name)
    needed = [each for each in rest if getattr(each, "module", "") == "__future__" or each in used]
    texts = [text_of(source.splitlines(), each) for each in needed]
    return "\n\n".join([*texts, text_of(body.splitlines(), node)]) + "\n"


def body_of(source: str, owner: ast.ClassDef) -> str:
    """The body of a class as if it stood at the top of a file."""
    inside, deep = string_lines(source), " " * owner.body[0].col_offset
    lines = list(enumerate(source.splitlines(), 1))[owner.lineno : owner.end_lineno]
    return "\n".join(line if n in inside else line.removeprefix(deep) for n, line in lines)


def text_of(lines: list[str], node: ast.stmt) -> str:
    """A statement at the top of these lines as it was written, with its decorators and the comments right above it."""
    first = min([node.lineno, *(mark.lineno for mark in getattr(node, "decorator_list", []))])
    while first > 1 and lines[first - 2].startswith("#"):
        first -= 1
    return "\n".join(lines[first - 1 : node.end_lineno])
