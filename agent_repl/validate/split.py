"""A reply with several methods becomes the units of each: the method with the helpers and imports that it uses."""

from __future__ import annotations

from collections.abc import Collection

from agent_repl_code.classes import text_of
from agent_repl_code.extract import Draft, read
from agent_repl_code.unit import Function, reached


def split(draft: Draft, name: str, beside: Collection[str]) -> Draft:
    """The unit of `name` out of code that defines other methods too, of which `beside` are wanted; else the code."""
    defined = {node.name for node in draft.tree.body if isinstance(node, Function)}
    if name not in defined or not defined.intersection(beside):
        return draft
    kept = [node for node in draft.tree.body if getattr(node, "module", "") == "__future__"]
    kept += sorted(reached(draft.tree, name), key=lambda node: node.lineno)
    return read("\n\n".join(text_of(draft.source.split("\n"), node) for node in kept))
