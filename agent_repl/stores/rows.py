"""What a store keeps, as rows that can be signed, and what rows say together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from ..records import Entry, Guard, Key, Premise, Usage, Version
from .signing import SigningKey, canonical


class Row(NamedTuple):
    """One record of a kind (agent, version, verdict, entry). `turn` counts the decisions about one thing.

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
        """What only one record can stand for: a method has one head, everything else is append-only."""
        return self[:3] if self.kind == "entry" else self[:5]

    @property
    def subject(self) -> tuple[Any, ...]:
        """The version that this speaks of."""
        return self.identity, self.name, self.number, self.text


class Rows:
    """Rows in the order they came, in a dict."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._rows = {row.slot: row for row in rows}

    def find(self, **where: Any) -> list[Row]:
        """The rows with these values of kind, identity, name or number."""
        return [row for row in self._rows.values() if where.items() <= row._asdict().items()]

    def keep(self, row: Row) -> None:
        """Keep a row in place of what its slot held."""
        self._rows[row.slot] = row


def versions_of(rows: list[Row]) -> list[Version]:
    """The versions among these rows, each as its latest verdict left it."""
    verdicts = sorted((row for row in rows if row.kind == "verdict"), key=lambda row: row.turn)
    standing = {row.subject: row.body for row in verdicts}
    return [_version(row, row.body | standing.get(row.subject, {})) for row in rows if row.kind == "version"]


def entry_of(head: Row, rows: list[Row]) -> Entry | None:
    """The entry that a head stands for, None when its version is not among these rows."""
    found = versions_of([row for row in rows if row.subject == head.subject])
    guards = tuple(map(_guard, head.body["guards"]))
    return Entry(found[0], guards, head.body["pinned"], head.body["runs"]) if found else None


def _version(row: Row, body: dict[str, Any]) -> Version:
    body |= {"key": Key(row.identity, row.name), "number": row.number, "premises": _guard(body["premises"])}
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
