"""A store that forgets: what is learnt lasts as long as the process."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import RLock

from .rows import Row, RowStore, T
from .signing import SigningKey, process_key


class MemoryStore(RowStore):
    """The store protocol in a dict: for homes that cannot be written, and for tests. Safe to use from many threads."""

    def __init__(self, key: SigningKey | None = None, where: str = "memory", notes: Iterable[str] = ()) -> None:
        super().__init__(key or process_key(), where, notes)
        self._rows: dict[tuple[object, ...], Row] = {}
        self._lock = RLock()

    def _find(self, scope: str, *values: str) -> list[Row]:
        with self._lock:
            rows = list(self._rows.values())
        if scope == "agents":
            return [row for row in rows if row.kind == "agent"]
        return [row for row in rows if row[1 : 1 + len(values)] == values]

    def _write(self, change: Callable[[], T]) -> T:
        with self._lock:
            return change()

    def _keep(self, row: Row, source: str = "", second_copy: bool = True) -> None:
        self._rows[row.slot] = row
