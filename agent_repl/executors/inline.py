"""Code runs in the person's own process, on live objects; nothing here isolates anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..protocols import Executor
from ..records import Code
from ..signature import signature
from ..wrapping import ABSENT, real

_read = object.__getattribute__


class InlinePlace:
    """One agent's own `__dict__`, and the object that it wraps."""

    __slots__ = ("_agent",)

    def __init__(self, agent: Any) -> None:
        self._agent = agent

    @property
    def wraps(self) -> Any:
        return self._agent._agent_repl_wraps_

    def call(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        __tracebackhide__ = True
        return function(self._agent, *args, **kwargs) if kwargs else function(self._agent, *args)

    def kinds(self, names: Iterable[str] | None = None) -> dict[str, str]:
        found = {}
        for name in list(self._agent.__dict__) if names is None else names:
            try:  # where the __dict__ itself is asked for, Python 3.12 calls the agent's methods slower ever after
                found[name] = signature(_read(self._agent, name))
            except AttributeError:
                if (held := real(self.wraps, name)) is not ABSENT:
                    found[name] = signature(held)
        return found

    def look(self, name: str) -> Any:
        state = self._agent.__dict__
        return state[name] if name in state else real(self.wraps, name)

    def get(self, name: str) -> Any:
        return self._agent.__dict__[name]

    def set(self, name: str, value: Any) -> None:
        self._agent.__dict__[name] = value

    def delete(self, name: str) -> None:
        self._agent.__dict__.pop(name, None)


class InlineExecutor(Executor):
    """Makes places in this process."""

    name = "inline"
    isolation = "nothing isolates it: it runs in this process, with your rights"

    def define(self, code: Code, filename: str, namespace: dict[str, Any]) -> Callable[..., Any]:
        __tracebackhide__ = True
        exec(compile(code.source, filename, "exec", dont_inherit=True), namespace)
        method: Callable[..., Any] = namespace[code.name]
        return method

    def open(self, agent: Any) -> InlinePlace:
        return InlinePlace(agent)
