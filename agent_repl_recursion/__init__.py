"""Written code that asks a model over data too large for a prompt; what it found its answer by is a method."""

from __future__ import annotations

from typing import Any

from agent_repl.errors import AgentError


class Llm:
    """What written code has as `self.llm`."""

    def __init__(self, session: Any, agent: Any) -> None:
        self._session = session
        self.agent = session.agent

    def ask(self, *args: Any, **kwargs: Any) -> Any:
        raise AgentError("self.llm.ask is not built yet: make an agent with self.llm.agent(...) and call its methods")
