"""Code runs in the person's own process, on live objects; nothing here isolates anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..records import Code
from ..signature import signature
from ..wrapping import ABSENT, real


class InlinePlace:
    """One agent's own `__dict__`, and the object that it wraps."""

    __slots__ = ("_agent", "_state", "wraps")

    def __init__(self, agent: Any) -> None:
        self._agent = agent
        self._state: dict[str, Any] = agent.__dict__
        self.wraps = agent._agent_repl_wraps_

    def call(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        __tracebackhide__ = True
        return function(self._agent, *args, **kwargs)

    def kinds(self, names: Iterable[str] | None = None) -> dict[str, str]:
        state = self._state
        seen = {n: state[n] if n in state else real(self.wraps, n) for n in (list(state) if names is None else names)}
        return {name: signature(value) for name, value in seen.items() if value is not ABSENT}

    def look(self, name: str) -> Any:
        return self._state[name] if name in self._state else real(self.wraps, name)

    def get(self, name: str) -> Any:
        return self._state[name]

    def set(self, name: str, value: Any) -> None:
        self._state[name] = value

    def delete(self, name: str) -> None:
        self._state.pop(name, None)

    def close(self) -> None:
        """Nothing is held."""


class InlineExecutor:
    """Makes places in this process."""

    name = "inline"
    isolation = "nothing isolates it: it runs in this process, with your rights"

    def define(self, code: Code, filename: str, namespace: dict[str, Any]) -> Callable[..., Any]:
        exec(compile(code.source, filename, "exec", dont_inherit=True), namespace)
        method: Callable[..., Any] = namespace[code.name]
        return method

    def open(self, agent: Any) -> InlinePlace:
        return InlinePlace(agent)
