"""What a cell will run, said before it runs: one line for each accepted method that its text calls."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from ..agent import Agent
from ..control import status


def will_run(cell: str, names: Mapping[str, Any]) -> list[str]:
    """Lines like `sales.total · CACHED v2 · accepted 3 Nov`, from the cell's syntax tree; nothing is run or read.

    What is not written yet is left out: it is shown whole. Calls through other names and helpers are not seen.
    """
    try:
        tree = ast.parse(cell)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return []
    calls = [
        node.func for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    pairs = dict.fromkeys((call.value.id, call.attr) for call in calls if isinstance(call.value, ast.Name))
    known = [(names.get(name), method) for name, method in pairs]
    return [status(agent, method) for agent, method in known if isinstance(agent, Agent) and _is_written(agent, method)]


def _is_written(agent: Agent, method: str) -> bool:
    return method in type(agent)._agent_repl_identity_.names()
