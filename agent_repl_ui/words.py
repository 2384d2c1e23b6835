"""Natural language at the prompt: `sales: revenue per region as a bar chart` is for the agent `sales`."""

import ast
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from agent_repl.agent import Agent

_SPOKEN = re.compile(r"\s*(\w+):(?!=)\s*(\S.*?)\s*")


def install(ip: Any) -> Callable[[], None]:
    """Let this shell take such lines, and give back what undoes that."""
    ip.input_transformers_cleanup.append(taker := partial(_transformed, ip))
    return lambda: ip.input_transformers_cleanup.remove(taker)


def _transformed(ip: Any, lines: list[str]) -> list[str]:
    return transform(lines, ip.user_ns)


def transform(lines: list[str], names: Mapping[str, Any]) -> list[str]:
    """A cell of one line `name: words` as the call that it means, where `name` is an agent; all others as they are."""
    name, words = spoken("".join(lines), names)
    call = f"__import__('agent_repl.control', fromlist=['say']).say({name}, {words!r})\n"
    return [call] if name else lines


def spoken(cell: str, names: Mapping[str, Any]) -> tuple[str, str]:
    """The agent's name and the words that are for it; twice "" where the cell is Python."""
    found = _SPOKEN.fullmatch(cell)
    is_ours = found and agent_named(found[1], names) is not None and not _gives_a_value(cell)
    return (found[1], found[2]) if found and is_ours else ("", "")


def _gives_a_value(cell: str) -> bool:
    """Whether it is an annotated assignment, as `sales: int = 3` is: nobody means that as words."""
    with suppress(SyntaxError, ValueError):
        return any(isinstance(node, ast.AnnAssign) and node.value for node in ast.parse(cell.strip()).body)
    return False


def agents_in(names: Mapping[str, Any]) -> dict[str, Agent]:
    """The agents by the names that the person gave them."""
    return {name: each for name, each in names.items() if name[:1] != "_" and issubclass(type(each), Agent)}


def agent_named(name: str, names: Mapping[str, Any]) -> Agent | None:
    """The agent of that name, None where there is none; nothing of what stands there is run."""
    found = names.get(name)
    return found if issubclass(type(found), Agent) else None
