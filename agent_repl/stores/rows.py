"""What a store keeps: signed rows, the table that holds them, and the files that hold their second copy."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from ..atomic import replace_file
from ..records import Entry, Example, Guard, Key, Premise, Usage, Version
from .signing import SigningKey, canonical

TABLE = """
    CREATE TABLE records (id INTEGER PRIMARY KEY, kind, identity, name, number, data, mac, at);
    CREATE INDEX records_by_kind ON records (kind, identity, name, number);
    CREATE INDEX records_by_age ON records (kind, at);
"""
_DATED = """
    ALTER TABLE records ADD COLUMN at;
    UPDATE records SET at = json_extract(data, '$.at') WHERE json_valid(data);
    CREATE INDEX records_by_age ON records (kind, at)
"""
STEPS = (_DATED,)
"""What makes a table of number 1 one of number 2, and so on up to `TABLE`; a step that was published never changes."""
SCHEMA = 1 + len(STEPS)

_MARK = b"agent_repl row\n"  # keeps a code that was made for a file from passing as one for a row
COLUMNS = ("kind", "identity", "name", "number")
_LATER = {"spec"}  # fields that rows of earlier versions lack
RECORDS: dict[str, Any] = {"version": Version, "head": Entry, "entry": Entry, "example": Example}


class Row(NamedTuple):
    """A record (agent, version, head, entry, example), the hash of the text that it is about, and its turn there."""

    kind: str
    identity: str
    name: str
    number: int
    text: str
    body: dict[str, Any]
    turn: int = 0
    at: str = ""

    @property
    def slot(self) -> tuple[Any, ...]:
        """What only one record can stand for: a method's entry, a version, an example of a call; all else is added."""
        call = tuple(self.body.get(name) for name in ("args", "state", "files"))
        more = {"entry": (), "version": self[3:5], "example": call}
        return (*self[:3], *more.get(self.kind, (self.turn,)))

    @property
    def copied(self) -> bool:
        """Whether it has a second copy: all but examples that nobody chose to keep."""
        return self.kind != "example" or bool(self.body["kept"])


@dataclass(frozen=True)
class Table:
    """The rows of a database, and their second copy.

    Rows that `key` did not sign are told to `note` and left; `mend` may put others in their place, and says whether.
    """

    db: sqlite3.Connection
    key: SigningKey
    note: Callable[[str], None]
    copies: Copies | None = None
    mend: Callable[[Table], bool] = lambda table: False

    def find(self, *where: str | int) -> list[Row]:
        """The rows of a kind, an identity, a name, a number, as far as given; oldest first."""
        wanted = " AND ".join(f"{column} = ?" for column in COLUMNS[: len(where)]) or "TRUE"
        query = f"SELECT id, kind, identity, name, number, data, mac FROM records WHERE {wanted} ORDER BY id"
        found = [self._trusted(*record) for record in self.db.execute(query, where).fetchall()]
        return self.find(*where) if None in found and self.mend(self) else [row for row in found if row]

    def _trusted(self, serial: int, *record: Any) -> Row | None:
        row = unsealed(record[4], record[5], self.key)
        if row and row[:4] == record[:4]:
            return row
        why = "is not signed by you or is of another agent_repl: left, not loaded (agent-repl trust shows it)."
        self.note(f"row {serial} ({{0}} {{2!r}} of {{1!r}}) {why}".format(*record))
        return None

    def entry(self, head: Row) -> Entry | None:
        """The entry that a head stands for, None when its version is not here."""
        found = [row for row in self.find("version", *head[1:4]) if row.text == head.text]
        return record_of(head, record_of(found[0])) if found else None

    def keep(self, row: Row) -> None:
        """Add a row in place of what its slot held; its turn and its date are given here."""
        same = self.find(*row[:3])
        row = row._replace(turn=1 + max((old.turn for old in same), default=0), at=now())
        replaced = [old for old in same if old.slot == row.slot]
        self.insert(row)
        if self.copies and any(each.copied for each in (row, *replaced)):
            self.copies.write(row)  # inside the transaction: its lock keeps other writers of these files away
        for old in replaced:
            self.drop(old)

    def insert(self, *rows: Row) -> None:
        """Add rows that have their second copy already."""
        query = "INSERT INTO records (kind, identity, name, number, data, mac, at) VALUES (?, ?, ?, ?, ?, ?, ?)"
        self.db.executemany(query, ((*row[:4], *sealed(row, self.key), row.at) for row in rows))

    def restore(self) -> int:
        """Add the rows that only the second copy has, and say how many; the damaged ones stay where they are."""
        here = {row.slot for row in self.find()}
        missing = [row for row in self.copies.rows() if row.copied and row.slot not in here] if self.copies else []
        self.insert(*missing)
        return len(missing)

    def drop(self, row: Row) -> None:
        """Take a row away."""
        query = "DELETE FROM records WHERE kind = ? AND identity = ? AND name = ? AND data = ?"
        self.db.execute(query, (*row[:3], sealed(row, self.key)[0]))  # its code may be that of one who is trusted

    def forget(self, row: Row) -> None:
        """Take a row away, and its second copy."""
        self.drop(row)
        if self.copies and row.copied:
            self.copies.drop(row)

    def spare(self, identity: str, name: str) -> list[Row]:
        """The versions of a method that were never a head and that nobody accepted or kept an example of.

        Oldest first, and without the newest of all, which may still wait for a decision.
        """
        kept = [row for row in self.find("example", identity, name) if row.copied]
        needed = {row.number for row in (*self.find("head", identity, name), *kept)}
        found = sorted(self.find("version", identity, name), key=lambda row: row.number)[:-1]
        return [row for row in found if row.body["verdict"] != "accepted" and row.number not in needed]


@dataclass(frozen=True)
class Copies:
    """Files: every text as `<sha256>.py`, the rows about it as `<sha256>.json`; damage is noted. All raise OSError."""

    folder: Path
    key: SigningKey
    note: Callable[[str], None]

    def write_source(self, source: str) -> Path:
        """The file that holds exactly this source, made again when its bytes are others."""
        path = self.folder / f"{sha256(source)}.py"
        if not (path.exists() and path.read_bytes() == source.encode()):
            replace_file(path, source)
        return path

    def write(self, row: Row) -> None:
        """Put a row beside its text, in place of what its slot held; only one writer at a time."""
        if row.kind == "version":
            self.write_source(row.body["source"])
        replace_file(self._file(row), json.dumps([*self._others(row), sealed(row, self.key)], indent=1))

    def drop(self, row: Row) -> None:
        """Take a row away, and with the last one its text; only one writer at a time."""
        if others := self._others(row):
            return replace_file(self._file(row), json.dumps(others, indent=1))
        for suffix in (".json", ".py"):
            self._file(row).with_suffix(suffix).unlink(missing_ok=True)
        return None

    def _file(self, row: Row) -> Path:
        return self.folder / f"{row.text}.json"

    def _others(self, row: Row) -> list[tuple[str, str]]:
        """The rows beside this one's text for which it does not stand."""
        return [(data, mac) for data, mac, old in self._read(self._file(row)) if not (old and old.slot == row.slot)]

    def rows(self) -> list[Row]:
        """The latest row of every slot, oldest first."""
        found = [row for path in sorted(self.folder.glob("*.json")) for *_, row in self._read(path) if row]
        # Two rows for one slot: its text has changed, or a writer died before it committed the earlier one.
        latest = {row.slot: row for row in sorted(found, key=lambda row: (row.turn, row.at))}
        numbers = {row[:4]: row for row in latest.values() if row.kind == "version"}
        decided = (r for r in latest.values() if r is numbers.get(r[:4], r) or r.body["verdict"] != "draft")
        return sorted(decided, key=lambda row: row.at)

    def _read(self, path: Path) -> list[tuple[str, str, Row | None]]:
        try:
            return [(data, mac, unsealed(data, mac, self.key)) for data, mac in json.loads(path.read_bytes())]
        except FileNotFoundError:
            return []
        except (ValueError, TypeError):
            self.note(f"{path} is damaged: set aside as {path.name}.damaged.")
            with suppress(PermissionError):
                os.replace(path, f"{path}.damaged")
            return []


def row_of(kind: str, version: Version, record: Version | Entry | Example) -> Row:
    """What is kept of a record that is about a version."""
    body = {name: value for name, value in asdict(record).items() if name not in ("key", "number", "version")}
    return Row(kind, *version.key, version.number, sha256(version.source), body)


def record_of(row: Row, version: Version | None = None) -> Any:
    """The record that a row holds, an entry with its version; KeyError or TypeError when its fields are not ours."""
    given = {"key": Key(*row[1:3]), "number": row.number, "version": version or row.number}
    names = {field.name for field in fields(RECORDS[row.kind])}
    if (names - given.keys() - row.body.keys()) - _LATER or row.body.keys() - names:
        raise KeyError(f"another version of agent_repl made this {row.kind}")
    values = given | {name: _READ.get(name, lambda same: same)(value) for name, value in row.body.items()}
    return RECORDS[row.kind](**{name: values[name] for name in names & values.keys()})


def _guard(pairs: Iterable[Iterable[str]]) -> Guard:
    return tuple(Premise(*pair) for pair in pairs)


_READ: dict[str, Callable[[Any], Any]] = {
    "premises": _guard,
    "guards": lambda guards: tuple(map(_guard, guards)),
    "usage": lambda usage: Usage(**usage),
    "parents": tuple,
}


def sealed(row: Row, key: SigningKey) -> tuple[str, str]:
    """The canonical text of a row, and its code."""
    data = canonical(row._asdict())
    return data, key.seal(_MARK + data.encode("utf-8", "backslashreplace"))


def unsealed(data: Any, mac: Any, key: SigningKey) -> Row | None:
    """The row that a text holds; None unless this key signed it, and its record has the fields that we know."""
    with suppress(AttributeError, KeyError, TypeError, ValueError):
        if key.verify(_MARK + data.encode("utf-8", "backslashreplace"), mac):
            row = Row(**json.loads(data))
            return row if row.kind == "agent" or record_of(row) else None
    return None


def sha256(text: str) -> str:
    """The name of a text: the hash of its UTF-8 bytes."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def now() -> str:
    """This moment, as ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
