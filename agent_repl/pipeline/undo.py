"""State put back as it was when written code raises.

What is covered: the names that the code can bind, and the content of plain containers that it can reach, up to
a bound. What is not covered: objects of other types changed in place, files, requests; large containers.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from ..protocols import Place

LIMIT = 20_000
FIXED = frozenset({"int", "float", "bool", "None", "str", "bytes", "complex", "date", "path"})
"""Signatures of values that code cannot change in place."""
_COPIES = {id(kind): kind.copy for kind in (list, dict, set, bytearray)}  # a class's own hash could be anybody's code


class Undo:
    """A picture of some state, taken before a call; `complete` is false when a container was too large for it."""

    def __init__(self, place: Place, binds: Iterable[str], reads: Iterable[str]) -> None:
        self._place = place
        self._names = set(binds)
        self._values: dict[str, Any] = {}
        for name in self._names.union(reads):
            with suppress(KeyError):
                self._values[name] = place.get(name)
        self._contents: list[tuple[Any, Any]] = []
        self.complete = True
        self._picture(list(self._values.values()))

    def _picture(self, waiting: list[Any]) -> None:
        budget, seen = LIMIT, set()
        for current in waiting:  # which grows on the way
            copy = _COPIES.get(id(type(current)))
            if copy is None or id(current) in seen:
                continue
            if len(current) >= budget:
                self.complete = False
                continue
            seen.add(id(current))
            budget -= len(current) + 1
            self._contents.append((current, copy(current)))
            if type(current) is not bytearray:
                waiting.extend(current.values() if type(current) is dict else current)

    def restore(self) -> None:
        """Put names back, and the contents of containers too."""
        for name in self._names:
            if name in self._values:
                self._place.set(name, self._values[name])
            else:
                self._place.delete(name)
        for container, content in self._contents:
            if type(container) is list or type(container) is bytearray:
                container[:] = content
            else:
                container.clear()
                container.update(content)
