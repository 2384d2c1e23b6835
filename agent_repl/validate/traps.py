"""Mistakes that parse, bind and run, and answer wrongly: small models fall into them again and again."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from ..records import Spec
from ..unit import Function

_ONE_PASS = {"reader", "DictReader", "open", "map", "filter", "zip", "enumerate", "iter", "finditer", "iterdir"}


def used_up(tree: ast.Module, method: Function, spec: Spec) -> Iterator[tuple[int, str]]:
    """An iterator that can be read once is read again: in another loop, or anew in every round of one."""
    made = Counter(name for node in ast.walk(method) for name in _one_pass_names(node))
    passes = Counter(name for node in ast.walk(method) for name in _iterated(node) if made[name] == 1)
    for loop in ast.walk(method):
        rounds = _rounds(loop)
        anew = {name for node in rounds for name in _one_pass_names(node)}
        passes.update(name for node in rounds for name in _iterated(node) if name in passes and name not in anew)
    for name in [name for name, count in passes.items() if count > 1][:1]:
        lines = [n.lineno for n in ast.walk(method) if isinstance(n, ast.Name) and n.id == name]
        yield max(lines), f"{name} can be read once, then it is empty. Read it into a list first: rows = list({name})."


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


def _rounds(loop: ast.AST) -> list[ast.AST]:
    """What runs in every round of a loop or comprehension: all but the source that it reads once."""
    if isinstance(loop, (ast.For, ast.AsyncFor, ast.While)):
        return [node for part in loop.body for node in ast.walk(part)]
    once = getattr(loop, "generators", [loop])[0]
    return [node for part in ast.iter_child_nodes(loop) if once not in (loop, part) for node in ast.walk(part)]
