"""A reply with several methods becomes the units of each: the method with the helpers and imports that it uses."""

from __future__ import annotations

import ast
from collections.abc import Collection

from agent_repl_code.extract import Draft, read
from agent_repl_code.unit import Function, reached


def split(draft: Draft, name: str, beside: Collection[str]) -> Draft:
    """The unit of `name` out of code that defines other methods too, of which `beside` are wanted; else the code."""
    defined = {node.name for node in draft.tree.body if isinstance(node, Function)}
    if name not in defined or not defined.intersection(beside):
        return draft
    kept = [node for node in draft.tree.body if getattr(node, "module", "") == "__future__"]
    kept += sorted(reached(draft.tree, name), key=lambda node: node.lineno)
    return read("\n\n".join(_text(draft.source.split("\n"), node) for node in kept))


def _text(lines: list[str], node: ast.stmt) -> str:
    """A statement as it was written, with its decorators and the comments right above it."""
    first = min([node.lineno, *(mark.lineno for mark in getattr(node, "decorator_list", []))])
    while first > 1 and lines[first - 2].startswith("#"):
        first -= 1
    return "\n".join(lines[first - 1 : node.end_lineno])
