"""Which keys code asks of records by name; to code that does nothing else with texts all other keys are data."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable

_PLAIN = """abs all any bool dict divmod enumerate filter float frozenset int iter len list map max min next pow range
    reversed round set sorted sum tuple zip casefold lower strip title upper"""
_KNOWN = {*_PLAIN.split(), *dir(dict), *dir(list), *dir(set), *(name for name in dir(builtins) if "Error" in name)}
_BARRED = {"args", *dir(builtins)} - _KNOWN
_NO_KEYS = {"default", "key", "reverse", "start", "strict"}


def asked(trees: Iterable[ast.Module], methods: Iterable[str]) -> frozenset[str] | None:
    """The keys in the code of methods with these names; None where it may bring texts, or call what is not here."""
    every = [node for tree in trees for node in ast.walk(tree)]
    said = {id(node) for top in every for part in _said(top) for node in ast.walk(part)}
    nodes = [node for node in every if id(node) not in said]
    own = {node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}.union(methods)
    calls = {node: _name(node.func) for node in nodes if isinstance(node, ast.Call)}
    places = {node.slice for node in nodes if isinstance(node, ast.Subscript)}
    places |= {arg for call, name in calls.items() if name in {"get", "pop"} - own for arg in call.args[:1]}
    texts = {node: node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    barred = _BARRED.union(
        name.partition(".")[0] for n in nodes if isinstance(n, ast.alias) for name in (n.asname or n.name,)
    )
    words = (
        {n.arg for n in nodes if isinstance(n, ast.keyword)}
        - {n.arg for n in nodes if isinstance(n, ast.arg)}
        - _NO_KEYS
    )
    makes = any(call.keywords and name in ("dict", "update") for call, name in calls.items())
    if makes or words or texts.keys() - places or {*calls.values()} - own - _KNOWN:
        return None
    strange = any(isinstance(n, (ast.ClassDef, ast.JoinedStr)) or getattr(n, "kwarg", None) for n in nodes)
    return (
        None if strange or any(_name(n) in barred or _name(n)[:2] == "__" for n in nodes) else frozenset(texts.values())
    )


def _said(node: ast.AST) -> list[ast.AST]:
    """The parts of code that only say something: annotations, what is raised, docstrings."""
    parts = [part for name in ("annotation", "returns", "exc") if (part := getattr(node, name, None))]
    return [node] if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) else parts


def _name(node: ast.AST) -> str:
    return str(getattr(node, "attr", getattr(node, "id", "")))
