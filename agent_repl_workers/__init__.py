"""Written code that runs in a process of its own: `process` for crashes and hangs, `sandbox` for isolation."""

from __future__ import annotations

from typing import Any

from agent_repl.errors import AgentError


class WorkerExecutor:
    """Not built yet."""

    name = isolation = ""

    def __init__(self, sandbox: bool) -> None:
        raise AgentError("this executor is not built yet: leave executor at inline")

    def define(self, code: Any, filename: str, namespace: dict[str, Any]) -> Any: ...

    def open(self, agent: Any) -> Any: ...

    def lacks(self, agent: Any, args: Any, kwargs: Any) -> str:
        return ""
