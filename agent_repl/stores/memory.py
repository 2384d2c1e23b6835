"""A store that forgets: what is learnt lasts as long as the process."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, replace
from functools import cached_property
from itertools import chain, count
from pathlib import Path
from threading import RLock
from typing import Any

from ..errors import StoreError
from ..generation import Generation
from ..records import Entry, Example, Key, Standing, Version
from .rows import TABLE, Table, entry_of, now, sha256, versions_of
from .signing import SigningKey, canonical, process_key

EXAMPLES = 8
LONGEST = 8192


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
        self._lock = RLock()

    @cached_property
    def _memory(self) -> Table:
        db = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        db.executescript(TABLE)
        return Table(db, self._key, self.notes.append, lambda row, gone: None)

    @contextmanager
    def _rows(self, write: bool = False) -> Iterator[Table]:
        """The rows for one look, or for one change: it happens wholly or not at all, and alone."""
        try:
            with self._lock:
                yield self._memory
        except UnicodeError as error:
            raise StoreError(f"nothing can be learnt under a name that is no text ({error})") from error
        if write:
            self.generation.raise_()

    def entries(self, identity: str) -> dict[str, Entry]:
        with self._rows() as rows:
            heads = {row.name: row for row in rows.find("entry", identity)}
            found = {name: entry_of(row, rows.find("version verdict", *row[1:4])) for name, row in heads.items()}
        return {name: entry for name, entry in found.items() if entry}

    def versions(self, key: Key) -> tuple[Version, ...]:
        with self._rows() as rows:
            return tuple(sorted(versions_of(rows.find("version verdict", *key)), key=lambda version: version.number))

    def heads(self, key: Key) -> tuple[Entry, ...]:
        with self._rows() as rows:
            past, about = rows.find("head", *key), rows.find("version verdict", *key)
        return tuple(entry for row in past if (entry := entry_of(row, about)))

    def add(self, version: Version) -> Version:
        with self._rows(write=True) as rows:
            number = 1 + max((row.number for row in rows.find("version verdict entry", *version.key)), default=0)
            stored = replace(version, number=number, created=version.created or now())
            body = {name: value for name, value in asdict(stored).items() if name not in ("key", "number")}
            rows.keep("version", version.key, number, sha256(version.source), body)
        return stored

    def judge(self, version: Version, verdict: Standing, note: str = "") -> Version:
        self._decide(version, {"verdict": verdict, "note": note}, "verdict")
        return replace(version, verdict=verdict, note=note)

    def put(self, entry: Entry) -> None:
        body = {"guards": entry.guards, "pinned": entry.pinned, "runs": entry.runs}
        self._decide(entry.version, body, "head", "entry")

    def _decide(self, version: Version, body: dict[str, Any], *kinds: str) -> None:
        if not version.number:
            raise StoreError(f"{version.key.name} was never stored, so nothing can be said about it: add it first.")
        with self._rows(write=True) as rows:
            for kind in kinds:
                rows.keep(kind, version.key, version.number, sha256(version.source), body)

    def count(self, version: Version, runs: int) -> None:
        with self._rows(write=True) as rows:
            for head in rows.find("entry", *version.key, version.number):
                rows.keep("entry", version.key, version.number, head.text, head.body | {"runs": runs})

    def drop(self, key: Key) -> None:
        if key.name in self.entries(key.identity):
            with self._rows(write=True) as rows:
                for head in rows.find("entry", *key)[-1:]:
                    # A head of number 0 is none; it outlives the older heads that a rebuild may find.
                    rows.keep("entry", key, 0, head.text, head.body)

    def examples(self, key: Key) -> tuple[Example, ...]:
        with self._rows() as rows:
            return tuple(Example(key, row.number, **row.body) for row in rows.find("example", *key))

    def remember(self, example: Example) -> None:
        key = example.key
        body = {name: value for name, value in vars(example).items() if name not in ("key", "version")}
        if len(canonical(body).encode()) > LONGEST:
            raise StoreError(f"This example of {key.name} is not kept: it has more than {LONGEST // 1024} KB.")
        with self._rows(write=True) as rows:
            version = rows.find("version", *key, example.version)
            if not version:
                raise StoreError(f"{key.name} v{example.version} was never stored: add it first, then its examples.")
            rows.keep("example", key, example.version, version[0].text, body | {"at": example.at or now()})
            for old in [row for row in rows.find("example", *key) if not row.copied][:-EXAMPLES]:
                rows.drop(old)

    def forget_example(self, example: Example) -> None:
        with self._rows(write=True) as rows:
            for row in rows.find("example", *example.key):
                if row.slot[3:] == (example.args, example.state, example.files):
                    rows.drop(row)

    def agents(self) -> dict[str, str]:
        with self._rows() as rows:
            return {row.identity: row.name for row in rows.find("agent")}

    def claim(self, identity: str, name: str, shared: bool = False) -> str:
        if identity not in self.agents():
            with self._rows(write=True) as rows:
                names = {row.identity: row.name for row in rows.find("agent")}
                if identity not in names:
                    free = name if shared else free_name(name, names.values())
                    rows.keep("agent", Key(identity, free), 0, sha256(identity), {})
        return self.agents()[identity]

    def source_file(self, version: Version) -> Path | None:
        return None

    def lock(self, identity: str, name: str) -> AbstractContextManager[None]:
        return nullcontext()

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
