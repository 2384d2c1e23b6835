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

from ..errors import StoreError
from ..generation import Generation
from ..records import Entry, Example, Key, Standing, Version
from .rows import TABLE, Row, Table, now, record_of, row_of, sha256
from .signing import SigningKey, canonical

EXAMPLES = 8  # of a method, beside those that a person keeps, and none longer than LONGEST bytes
LONGEST = 8192
DRAFTS = 64  # versions of a method that nobody accepted


class MemoryStore:
    """The store protocol without a disk, safe for threads; the one on disk gets its rows elsewhere, and is the same."""

    def __init__(self, key: SigningKey | None = None, where: str = "memory", notes: Iterable[str] = ()) -> None:
        self.where = where
        self.notes = list(notes)
        self.home: Path | None = None
        self.generation = Generation(None)
        self._key = key or SigningKey()
        self._lock = RLock()

    @cached_property
    def _memory(self) -> Table:
        db = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        db.executescript(TABLE)
        return Table(db, self._key, self.notes.append)

    @contextmanager
    def _rows(self, write: bool = False, decides: bool = True) -> Iterator[Table]:
        """The rows for one look, or for one change, whole and alone; what `decides` nothing makes nobody look again."""
        try:
            with self._lock:
                yield self._memory
        except UnicodeError as error:
            raise StoreError(f"nothing can be learnt under a name that is no text ({error})") from error
        if write and decides:
            self.generation.raise_()

    def entries(self, identity: str) -> dict[str, Entry]:
        with self._rows() as rows:
            found = {head.name: rows.entry(head) for head in rows.find("entry", identity)}
        return {name: entry for name, entry in found.items() if entry}

    def versions(self, key: Key) -> tuple[Version, ...]:
        with self._rows() as rows:
            return tuple(sorted(map(record_of, rows.find("version", *key)), key=lambda version: version.number))

    def newest(self, *identity: str) -> tuple[Version, ...]:
        with self._rows() as rows:
            found = sorted(map(record_of, rows.find("version", *identity)), key=lambda version: version.number)
        return tuple({version.key: version for version in found}.values())

    def heads(self, key: Key) -> tuple[Entry, ...]:
        with self._rows() as rows:
            return tuple(filter(None, map(rows.entry, rows.find("head", *key))))

    def add(self, version: Version) -> Version:
        with self._rows(write=True) as rows:
            number = 1 + max((row.number for row in rows.find("version", *version.key)), default=0)
            stored = replace(version, number=number, created=version.created or now())
            rows.keep(row_of("version", stored, stored))
            for old in rows.spare(*version.key)[:-DRAFTS] if number > DRAFTS else ():
                rows.forget(old)
        return stored

    def judge(self, version: Version, verdict: Standing, note: str = "") -> Version:
        judged = replace(version, verdict=verdict, note=note)
        self._keep(judged, judged, "version")
        return judged

    def put(self, entry: Entry) -> None:
        self._keep(entry.version, entry, "head", "entry")

    def _keep(self, version: Version, record: Version | Entry, *kinds: str) -> None:
        if not version.number:
            raise StoreError(f"{version.key.name} was never stored, so nothing can be said about it: add it first.")
        with self._rows(write=True) as rows:
            for kind in kinds:
                rows.keep(row_of(kind, version, record))

    def count(self, version: Version, runs: int) -> None:
        with self._rows(write=True) as rows:
            for head in rows.find("entry", *version.key, version.number):
                rows.keep(head._replace(body=head.body | {"runs": runs}))

    def drop(self, key: Key) -> None:
        if key.name in self.entries(key.identity):
            with self._rows(write=True) as rows:
                for head in rows.find("entry", *key):
                    # A head of number 0 is none; it outlives the older heads that a rebuild may find.
                    rows.keep(head._replace(number=0))

    def examples(self, key: Key) -> tuple[Example, ...]:
        with self._rows() as rows:
            return tuple(map(record_of, rows.find("example", *key)))

    def remember(self, example: Example) -> None:
        key = example.key
        if len(canonical(asdict(example)).encode()) > LONGEST:
            raise StoreError(f"This example of {key.name} is not kept: it has more than {LONGEST // 1024} KB.")
        with self._rows(write=True, decides=False) as rows:
            version = next(map(record_of, rows.find("version", *key, example.version)), None)
            if version is None:
                raise StoreError(f"{key.name} v{example.version} was never stored: add it first, then its examples.")
            rows.keep(row_of("example", version, replace(example, at=example.at or now())))
            for old in [row for row in rows.find("example", *key) if not row.copied][:-EXAMPLES]:
                rows.drop(old)

    def agents(self) -> dict[str, str]:
        with self._rows() as rows:
            return {row.identity: row.name for row in rows.find("agent")}

    def claim(self, identity: str, name: str, shared: bool = False) -> str:
        if identity not in self.agents():
            with self._rows(write=True) as rows:
                names = {row.identity: row.name for row in rows.find("agent")}
                if identity not in names:
                    free = name if shared else free_name(name, names.values())
                    rows.keep(Row("agent", identity, free, 0, sha256(identity), {}))
        return self.agents()[identity]

    def source_file(self, version: Version) -> Path | None:
        return None

    def lock(self, identity: str, name: str) -> AbstractContextManager[None]:
        return nullcontext()

    def sign(self, data: bytes) -> str:
        return self._key.seal(data)

    def verify(self, data: bytes, mac: str) -> bool:
        return self._key.verify(data, mac)


def free_name(name: str, taken: Iterable[str]) -> str:
    """The name itself, or the next one like it that nobody has."""
    # A name is also a file's name, and some file systems do not tell Sales from sales.
    folded = {other.casefold() for other in taken}
    names = chain([name], (f"{name}_{number}" for number in count(2)))
    return next(free for free in names if free.casefold() not in folded)
