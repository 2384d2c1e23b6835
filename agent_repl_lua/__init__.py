"""Written code in Lua 5.4, within limits of instructions and memory, with nothing of Python in reach."""

from __future__ import annotations

from typing import Any

from agent_repl.errors import AgentError


class LuaExecutor:
    """Not built yet."""

    name = isolation = ""

    def __init__(self) -> None:
        raise AgentError("this executor is not built yet: leave executor at inline")

    def define(self, code: Any, filename: str, namespace: dict[str, Any]) -> Any: ...

    def open(self, agent: Any) -> Any: ...

    def lacks(self, agent: Any, args: Any, kwargs: Any) -> str:
        return ""
