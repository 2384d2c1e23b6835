"""What a store keeps, as records that can be signed: the protocol's promises over any list of rows."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from ..errors import StoreError
from ..records import Entry, Guard, Key, Premise, Standing, Usage, Version
from .signing import SigningKey, canonical

T = TypeVar("T")


class Row(NamedTuple):
    """One record of a kind (agent, version, verdict, entry). `turn` counts the decisions about one thing.

    What speaks of a version carries the hash of its text too, so that it can never come to speak of another text.
    """

    kind: str
    identity: str
    name: str
    number: int
    turn: int
    at: str
    body: dict[str, Any]

    @property
    def slot(self) -> tuple[Any, ...]:
        """What only one record can stand for: a method has one head, everything else is append-only."""
        return self[:3] if self.kind == "entry" else self[:5]


def sealed(row: Row, key: SigningKey) -> tuple[str, str]:
    """The canonical text of a row, and its code."""
    text = canonical(row._asdict())
    return text, key.sign(_envelope(text))


def unsealed(text: object, mac: object, key: SigningKey) -> Row | None:
    """The row that a text holds, None unless this key signed it."""
    if isinstance(text, str) and isinstance(mac, str) and key.verify(_envelope(text), mac):
        return Row(**json.loads(text))
    return None


def _envelope(text: str) -> bytes:
    # The prefix keeps a code that was made for a file from passing as one for a row.
    return b"agent_repl row\n" + text.encode("utf-8", "backslashreplace")


class RowStore(ABC):
    """The store protocol, but for where the rows are."""

    def __init__(self, key: SigningKey, where: str, notes: Iterable[str] = ()) -> None:
        self.where = where
        self.notes = list(notes)
        self.home: Path | None = None
        self._key = key

    @abstractmethod
    def _find(self, scope: str, *values: str) -> list[Row]:
        """Rows in the order they came: "agents", the "heads" of an identity, or all of the "method" of a key."""

    @abstractmethod
    def _write(self, change: Callable[[], T]) -> T:
        """Run a change that finds and keeps rows, wholly or not at all, and alone."""

    @abstractmethod
    def _keep(self, row: Row, source: str = "", second_copy: bool = True) -> None:
        """Keep a row in place of what its slot held; `source` is the text of a version that comes with it."""

    def entries(self, identity: str) -> dict[str, Entry]:
        rows = self._find("heads", identity)
        versions = {(version.key.name, *_version_id(version)): version for version in _versions(rows)}
        heads = {row.name: row for row in _of("entry", rows)}
        found = {name: versions.get((name, row.number, row.body["sha256"])) for name, row in heads.items()}
        return {name: _entry(heads[name], version) for name, version in found.items() if version}

    def versions(self, key: Key) -> tuple[Version, ...]:
        return tuple(sorted(_versions(self._find("method", *key)), key=lambda version: version.number))

    def add(self, version: Version) -> Version:
        def change() -> Version:
            number = 1 + max((row.number for row in self._find("method", *version.key)), default=0)
            stored = replace(version, number=number, created=version.created or _now())
            body = {name: value for name, value in asdict(stored).items() if name not in ("key", "number")}
            self._keep(Row("version", *version.key, number, 0, _now(), body), source=version.source)
            return stored

        return self._write(change)

    def judge(self, version: Version, verdict: Standing, note: str = "") -> Version:
        self._decide("verdict", version, {"verdict": verdict, "note": note})
        return replace(version, verdict=verdict, note=note)

    def put(self, entry: Entry) -> None:
        self._decide("entry", entry.version, {"guards": entry.guards, "pinned": entry.pinned, "runs": entry.runs})

    def drop(self, key: Key) -> None:
        def change() -> None:
            for row in _of("entry", self._find("method", *key))[-1:]:
                # A head of number 0 is none; it outlives the older heads that a rebuild may find.
                self._keep(row._replace(number=0, turn=row.turn + 1, at=_now()))

        if _of("entry", self._find("method", *key)):
            self._write(change)

    def agents(self) -> dict[str, str]:
        return {row.identity: row.name for row in self._find("agents")}

    def claim(self, identity: str, name: str) -> str:
        def change() -> str:
            known = self.agents()
            if identity not in known:
                known[identity] = _free(name, known.values())
                self._keep(Row("agent", identity, known[identity], 0, 0, _now(), {}))
            return known[identity]

        return self.agents().get(identity) or self._write(change)

    def sign(self, data: bytes) -> str:
        return self._key.sign(data)

    def source_file(self, version: Version) -> Path | None:
        return None

    def close(self) -> None:
        return None

    def _decide(self, kind: str, version: Version, body: dict[str, Any]) -> None:
        if not version.number:
            raise StoreError(f"{version.key.name} was never stored, so nothing can be said about it: add it first.")
        number, sha = _version_id(version)

        def change() -> None:
            past = _of(kind, self._find("method", *version.key))
            turn = 1 + max((row.turn for row in past), default=0)
            row = Row(kind, *version.key, number, turn, _now(), body | {"sha256": sha})
            self._keep(row, second_copy=not (past and _is_one_more_run(past[-1], row)))

        self._write(change)


def _is_one_more_run(old: Row, new: Row) -> bool:
    return old.kind == "entry" and _without_runs(old) == _without_runs(new)


def _without_runs(row: Row) -> str:
    return canonical([row.number, row.body | {"runs": 0}])


def _versions(rows: list[Row]) -> list[Version]:
    verdicts = sorted(_of("verdict", rows), key=lambda row: row.turn)
    standing = {(row.name, row.number, row.body["sha256"]): row.body for row in verdicts}
    versions = map(_version, _of("version", rows))
    return [_judged(version, standing.get((version.key.name, *_version_id(version)))) for version in versions]


def _version(row: Row) -> Version:
    body = row.body | {"usage": Usage(**row.body["usage"]), "parents": tuple(row.body["parents"])}
    body |= {"key": Key(row.identity, row.name), "number": row.number, "premises": _guard(body["premises"])}
    return Version(**body)


def _judged(version: Version, verdict: dict[str, Any] | None) -> Version:
    return replace(version, verdict=verdict["verdict"], note=verdict["note"]) if verdict else version


def _entry(row: Row, version: Version) -> Entry:
    return Entry(version, tuple(map(_guard, row.body["guards"])), row.body["pinned"], row.body["runs"])


def _guard(pairs: Iterable[Iterable[str]]) -> Guard:
    return tuple(Premise(*pair) for pair in pairs)


def _of(kind: str, rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row.kind == kind]


def _version_id(version: Version) -> tuple[int, str]:
    return version.number, sha256(version.source)


def _free(name: str, taken: Iterable[str]) -> str:
    # A name is also a file's name, and some file systems do not tell Sales from sales.
    folded = {other.casefold() for other in taken}
    names = chain([name], (f"{name}_{number}" for number in count(2)))
    return next(free for free in names if free.casefold() not in folded)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def sha256(source: str) -> str:
    """The name of a text: the hash of its UTF-8 bytes."""
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()
