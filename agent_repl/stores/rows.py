"""What a store keeps: rows that are signed, the table that holds them, and what rows say together."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ..records import Entry, Guard, Key, Premise, Usage, Version
from .signing import SigningKey, canonical

TABLE = """
    CREATE TABLE records (id INTEGER PRIMARY KEY, kind, identity, name, number, data, mac);
    CREATE INDEX records_by_kind ON records (kind, identity, name, number);
"""


class Row(NamedTuple):
    """One record of a kind (agent, version, verdict, head, entry, example). `turn` counts decisions about one thing.

    It carries the hash of the text that it speaks of too, so that it can never come to speak of another one.
    """

    kind: str
    identity: str
    name: str
    number: int
    turn: int
    at: str
    text: str
    body: dict[str, Any]

    @property
    def slot(self) -> tuple[Any, ...]:
        """What only one record can stand for: a method's entry, an example of a call; all else is append-only."""
        if self.kind == "example":
            return (*self[:3], self.body["args"], self.body["state"], self.body["files"])
        return self[:3] if self.kind == "entry" else self[:5]

    @property
    def copied(self) -> bool:
        """Whether it has a second copy: all but examples that nobody chose to keep."""
        return self.kind != "example" or bool(self.body["kept"])


@dataclass(frozen=True)
class Table:
    """The rows of a database, and their second copy. Rows that `key` did not sign are told to `note` and left."""

    db: sqlite3.Connection
    key: SigningKey
    note: Callable[[str], None]
    copy: Callable[[Row, bool], None]

    def find(self, kinds: str, *where: str | int) -> list[Row]:
        """The rows of these kinds (words), of an identity, a name, a number, as far as given; oldest first."""
        words, columns = kinds.split(), ("", " AND identity = ?", " AND name = ?", " AND number = ?")
        wanted = f"kind IN ({', '.join('?' * len(words))}){''.join(columns[: len(where) + 1])}"
        found = self.db.execute(f"SELECT * FROM records WHERE {wanted} ORDER BY id", (*words, *where)).fetchall()
        return [row for record in found if (row := self._trusted(*record))]

    def _trusted(self, serial: int, *record: Any) -> Row | None:
        row = unsealed(record[4], record[5], self.key)
        if row and row[:4] == record[:4]:
            return row
        about = "{0} {2!r} of {1!r}".format(*record)
        self.note(f"row {serial} ({about}) is not signed by you: left, not loaded.")
        return None

    def keep(self, kind: str, key: Key, number: int, text: str, body: dict[str, Any]) -> None:
        """Add a row about the text of this hash, in place of what its slot held."""
        same = self.find(kind, *key)
        row = Row(kind, *key, number, 1 + max((old.turn for old in same), default=0), now(), text, body)
        self.insert(row)
        if row.copied:
            self.copy(row, False)  # inside the transaction: its lock keeps other writers of these files away
        for old in same:
            if old.slot == row.slot:
                self.drop(old)

    def insert(self, *rows: Row) -> None:
        """Add rows that have their second copy already."""
        query = "INSERT INTO records (kind, identity, name, number, data, mac) VALUES (?, ?, ?, ?, ?, ?)"
        self.db.executemany(query, [(*row[:4], *sealed(row, self.key)) for row in rows])

    def drop(self, row: Row) -> None:
        """Take a row away."""
        query = "DELETE FROM records WHERE kind = ? AND identity = ? AND name = ? AND mac = ?"
        self.db.execute(query, (*row[:3], sealed(row, self.key)[1]))
        if row.copied:
            self.copy(row, True)


def versions_of(rows: list[Row]) -> list[Version]:
    """The versions among these rows, each as its latest verdict left it."""
    verdicts = sorted((row for row in rows if row.kind == "verdict"), key=lambda row: row.turn)
    standing = {(row.number, row.text): row.body for row in verdicts}
    found = [row for row in rows if row.kind == "version"]
    return [_version(row, row.body | standing.get((row.number, row.text), {})) for row in found]


def entry_of(head: Row, rows: list[Row]) -> Entry | None:
    """The entry that a head stands for, None when its version is not among these rows of its method."""
    found = versions_of([row for row in rows if (row.number, row.text) == (head.number, head.text)])
    guards = tuple(map(_guard, head.body["guards"]))
    return Entry(found[0], guards, head.body["pinned"], head.body["runs"]) if found else None


def _version(row: Row, body: dict[str, Any]) -> Version:
    body |= {"key": Key(*row[1:3]), "number": row.number, "premises": _guard(body["premises"])}
    return Version(**body | {"usage": Usage(**body["usage"]), "parents": tuple(body["parents"])})


def _guard(pairs: Iterable[Iterable[str]]) -> Guard:
    return tuple(Premise(*pair) for pair in pairs)


def sealed(row: Row, key: SigningKey) -> tuple[str, str]:
    """The canonical text of a row, and its code."""
    data = canonical(row._asdict())
    return data, key.sign(_envelope(data))


def unsealed(data: object, mac: object, key: SigningKey) -> Row | None:
    """The row that a text holds, None unless this key signed it."""
    if isinstance(data, str) and isinstance(mac, str) and key.verify(_envelope(data), mac):
        return Row(**json.loads(data))
    return None


def _envelope(data: str) -> bytes:
    # The prefix keeps a code that was made for a file from passing as one for a row.
    return b"agent_repl row\n" + data.encode("utf-8", "backslashreplace")


def sha256(text: str) -> str:
    """The name of a text: the hash of its UTF-8 bytes."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def now() -> str:
    """This moment, as ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
