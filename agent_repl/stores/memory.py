"""A store that forgets: what is learnt lasts as long as the process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path
from threading import RLock
from typing import Any

from ..errors import StoreError
from ..generation import Generation
from ..records import Entry, Key, Standing, Version
from .rows import Row, Rows, entry_of, sha256, versions_of
from .signing import SigningKey, process_key


class MemoryStore:
    """The store protocol, for homes that cannot be written, and for tests; safe to use from many threads.

    The store on disk keeps the same promises: only where it gets its rows is different.
    """

    def __init__(self, key: SigningKey | None = None, where: str = "memory", notes: Iterable[str] = ()) -> None:
        self.where = where
        self.notes = list(notes)
        self.home: Path | None = None
        self.generation = Generation(None)
        self._key = key or process_key()
        self._memory = Rows()
        self._lock = RLock()

    @contextmanager
    def _rows(self, write: bool = False) -> Iterator[Rows]:
        """The rows for one look, or for one change: it happens wholly or not at all, and alone."""
        with self._lock:
            yield self._memory
        if write:
            self.generation.raise_()

    def entries(self, identity: str) -> dict[str, Entry]:
        with self._rows() as rows:
            heads = {row.name: row for row in rows.find(kind="entry", identity=identity)}
            about = {name: rows.find(identity=identity, name=name, number=row.number) for name, row in heads.items()}
        return {name: entry for name, row in heads.items() if (entry := entry_of(row, about[name]))}

    def versions(self, key: Key) -> tuple[Version, ...]:
        with self._rows() as rows:
            found = rows.find(**key._asdict())
        return tuple(sorted(versions_of(found), key=lambda version: version.number))

    def add(self, version: Version) -> Version:
        with self._rows(write=True) as rows:
            number = 1 + max((row.number for row in rows.find(**version.key._asdict())), default=0)
            stored = replace(version, number=number, created=version.created or _now())
            body = {name: value for name, value in asdict(stored).items() if name not in ("key", "number")}
            rows.keep(Row("version", *version.key, number, 0, _now(), sha256(version.source), body))
        return stored

    def judge(self, version: Version, verdict: Standing, note: str = "") -> Version:
        self._decide("verdict", version, {"verdict": verdict, "note": note})
        return replace(version, verdict=verdict, note=note)

    def put(self, entry: Entry) -> None:
        self._decide("entry", entry.version, {"guards": entry.guards, "pinned": entry.pinned, "runs": entry.runs})

    def _decide(self, kind: str, version: Version, body: dict[str, Any]) -> None:
        if not version.number:
            raise StoreError(f"{version.key.name} was never stored, so nothing can be said about it: add it first.")
        with self._rows(write=True) as rows:
            past = rows.find(kind=kind, **version.key._asdict())
            turn = 1 + max((row.turn for row in past), default=0)
            rows.keep(Row(kind, *version.key, version.number, turn, _now(), sha256(version.source), body))

    def count(self, version: Version, runs: int) -> None:
        with self._rows(write=True) as rows:
            for head in rows.find(kind="entry", **version.key._asdict(), number=version.number):
                rows.keep(head._replace(turn=head.turn + 1, at=_now(), body=head.body | {"runs": runs}))

    def drop(self, key: Key) -> None:
        if key.name in self.entries(key.identity):
            with self._rows(write=True) as rows:
                for head in rows.find(kind="entry", **key._asdict())[-1:]:
                    # A head of number 0 is none; it outlives the older heads that a rebuild may find.
                    rows.keep(head._replace(number=0, turn=head.turn + 1, at=_now()))

    def agents(self) -> dict[str, str]:
        with self._rows() as rows:
            return {row.identity: row.name for row in rows.find(kind="agent")}

    def claim(self, identity: str, name: str) -> str:
        if known := self.agents().get(identity):
            return known
        with self._rows(write=True) as rows:
            names = {row.identity: row.name for row in rows.find(kind="agent")}
            if identity not in names:
                names[identity] = free_name(name, names.values())
                rows.keep(Row("agent", identity, names[identity], 0, 0, _now(), sha256(identity), {}))
        return names[identity]

    def source_file(self, version: Version) -> Path | None:
        return None

    def sign(self, data: bytes) -> str:
        return self._key.sign(data)

    def close(self) -> None:
        """Nothing is held."""


def free_name(name: str, taken: Iterable[str]) -> str:
    """The name itself, or the next one like it that nobody has."""
    # A name is also a file's name, and some file systems do not tell Sales from sales.
    folded = {other.casefold() for other in taken}
    names = chain([name], (f"{name}_{number}" for number in count(2)))
    return next(free for free in names if free.casefold() not in folded)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
