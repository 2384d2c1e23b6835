"""What a cell will run: a dim line for each call of a written method, before it runs."""

import ast
from collections.abc import Mapping
from typing import Any

from agent_repl.agent import Agent
from agent_repl.control import status


def will_run(cell: str, names: Mapping[str, Any]) -> list[str]:
    """Lines like `sales.total · CACHED v2 · accepted 3 Nov`, from the cell's syntax tree; nothing is run or read.

    What is not written yet is left out: it is shown whole. Calls through other names and helpers are not seen.
    """
    try:
        tree = ast.parse(cell)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return []
    read = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute))
    called = [(names.get(node.value.id), node.attr) for node in read if isinstance(node.value, ast.Name)]
    known = [(a, name) for a, name in called if isinstance(a, Agent) and name in type(a)._agent_repl_identity_.names()]
    return list(dict.fromkeys(status(agent, name) for agent, name in known))
