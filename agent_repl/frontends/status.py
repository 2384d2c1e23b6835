"""What a cell will run, said before it runs: one line for each accepted method that its text calls."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from ..agent import Agent
from ..control import status


def will_run(cell: str, names: Mapping[str, Any]) -> list[str]:
    """Lines like `sales.total · CACHED v2 · accepted 3 Nov`, from the cell's syntax tree; nothing is run or read.

    What is not written yet is left out: it is shown whole. Calls through other names and helpers are not seen.
    """
    try:
        calls = dict.fromkeys(_calls(ast.parse(cell)))
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return []
    known = [(agent, method) for name, method in calls if isinstance(agent := names.get(name), Agent)]
    return [status(agent, method) for agent, method in known if method in type(agent)._agent_repl_identity_.names()]


def _calls(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)):
                yield name, method
