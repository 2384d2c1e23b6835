"""Mistakes that parse, bind and run, and answer wrongly: small models fall into them again and again."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from ..records import Spec
from ..unit import Function

_ONE_PASS = frozenset(
    {"reader", "DictReader", "open", "map", "filter", "zip", "enumerate", "iter", "finditer", "iterdir"}
)
_LOOPS = (ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def used_up(tree: ast.Module, method: Function, spec: Spec) -> Iterator[tuple[int, str]]:
    """An iterator that can be read once is read again: in another loop, or anew in every round of one."""
    made = Counter(name for node in ast.walk(method) for name in _one_pass_names(node))
    passes = [(node, name) for node in ast.walk(method) for name in _iterated(node) if made.get(name) == 1]
    again = {name for name, count in Counter(name for _, name in passes).items() if count > 1}
    for node, name in passes:
        if name in again or _inside_a_loop(method, node, name):
            message = f"{name} can be read once, then it is empty. Read it into a list first: rows = list({name})."
            yield getattr(node, "lineno", method.lineno), message
            return


def _one_pass_names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Assign) and _is_one_pass(node.value):
        yield from (t.id for t in node.targets if isinstance(t, ast.Name))
    if isinstance(node, ast.withitem) and _is_one_pass(node.context_expr) and isinstance(node.optional_vars, ast.Name):
        yield node.optional_vars.id


def _is_one_pass(value: ast.expr) -> bool:
    function = value.func if isinstance(value, ast.Call) else None
    return getattr(function, "attr", getattr(function, "id", "")) in _ONE_PASS or isinstance(value, ast.GeneratorExp)


def _iterated(node: ast.AST) -> Iterator[str]:
    if isinstance(node, (ast.For, ast.comprehension)) and isinstance(node.iter, ast.Name):
        yield node.iter.id


def _inside_a_loop(method: Function, inner: ast.AST, name: str) -> bool:
    """Whether the pass is in the body of a loop that the iterator was made outside of."""
    for loop in ast.walk(method):
        within = set(map(id, ast.walk(loop))) if isinstance(loop, _LOOPS) else set()
        rounds = isinstance(loop, (ast.For, ast.AsyncFor, ast.While)) or id(inner) not in map(id, _generators(loop))
        if id(inner) in within and loop is not inner and rounds and not _makes(loop, name):
            return True
    return False


def _generators(loop: ast.AST) -> list[ast.comprehension]:
    """The first source of a comprehension is read once, its later ones in every round."""
    generators: list[ast.comprehension] = getattr(loop, "generators", [])
    return generators[:1]


def _makes(loop: ast.AST, name: str) -> bool:
    return any(name in _one_pass_names(node) for node in ast.walk(loop))
