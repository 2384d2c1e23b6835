"""State put back as it was when written code raises.

What is covered: the names that the code can bind, and the content of plain containers that it can reach, up to
a bound. What is not covered: objects of other types changed in place, files, requests; large containers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..protocols import Place

LIMIT = 20_000
_MISSING = object()
_COPIES: dict[int, Callable[[Any], Any]] = {id(k): k.copy for k in (list, dict, set, bytearray)}


_FIXED = frozenset({"int", "float", "bool", "None", "str", "bytes", "complex", "date", "path"})


def can_change(kinds: Iterable[str]) -> bool:
    """Whether a value of one of these signatures may be a container whose content code can change."""
    return not _FIXED.issuperset(kinds)


class Undo:
    """A picture of some state, taken before a call; `complete` is false when a container was too large for it."""

    def __init__(self, place: Place, binds: Iterable[str], reads: Iterable[str]) -> None:
        self._place = place
        self._values = {name: self._current(name) for name in binds}
        self._contents: list[tuple[Any, Any]] = []
        self._seen: set[int] = set()
        self._budget = LIMIT
        self.complete = True
        for name in {*self._values, *reads}:
            self._picture(self._current(name))

    def _current(self, name: str) -> Any:
        try:
            return self._place.get(name)
        except KeyError:
            return _MISSING

    def _picture(self, value: Any) -> None:
        waiting = [value]
        while waiting:
            current = waiting.pop()
            copy = _COPIES.get(id(type(current)))  # by identity: to hash a class can run code of its own class
            if copy is None or id(current) in self._seen:
                continue
            if len(current) >= self._budget:
                self.complete = False
                return
            self._seen.add(id(current))
            self._budget -= len(current) + 1
            self._contents.append((current, copy(current)))
            if type(current) is not bytearray:
                waiting.extend(current.values() if type(current) is dict else current)

    def restore(self) -> None:
        """Put names back, and the contents of containers too."""
        for name, value in self._values.items():
            if value is _MISSING:
                self._place.delete(name)
            else:
                self._place.set(name, value)
        for container, content in self._contents:
            _refill(container, content)


def _refill(container: Any, content: Any) -> None:
    if type(container) is list or type(container) is bytearray:
        container[:] = content
        return
    container.clear()
    container.update(content)
