"""What in a home is neither signed by this user nor trusted here. It is only read: nothing runs, nothing is written."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent_repl.pipeline.pinning import hashed, seal_of, signed_bytes
from agent_repl.stores.rows import Row, unsealed
from agent_repl.stores.signing import SigningKey


@dataclass(frozen=True)
class Stranger:
    """A row, or a module file: `data` is what trust is given to, `source` the code in it ("" for none)."""

    title: str
    data: bytes
    kind: str
    source: str = ""
    path: Path | None = None  # of a module file


@dataclass(frozen=True)
class _Witness(SigningKey):
    """A key that takes every code, and remembers what it did not sign."""

    strange: list[bytes] = field(default_factory=list)

    def verify(self, data: bytes, mac: str) -> bool:
        if not super().verify(data, mac):
            self.strange.append(data)
        return True


def strangers(home: Path, key: SigningKey) -> list[Stranger]:
    """All that `key` neither signed nor trusts in this home; raises OSError or sqlite3.Error for what cannot be read.

    Rows that this agent_repl does not understand are left out: it would not load them either.
    """
    found = {each.data: each for each in (*_modules(home, key), *_rows(home, key))}
    return list(found.values())


def _modules(home: Path, key: SigningKey) -> Iterator[Stranger]:
    for path in sorted((home / "modules").glob("*.py")):
        if path.resolve().is_relative_to(home.resolve()):
            text = path.read_text(encoding="utf-8", errors="replace")
            data = signed_bytes(path, hashed(text))
            if not key.verify(data, str(seal_of(path).get("mac", ""))):
                yield Stranger(f"module {path}", data, "module", text, path)


def _rows(home: Path, key: SigningKey) -> Iterator[Stranger]:
    witness = _Witness(**vars(key))
    for data, mac in (*_in_database(home / "store.sqlite3"), *_in_copies(home / "code")):
        witness.strange.clear()
        row = unsealed(data, mac, witness)
        if row and witness.strange:
            source = str(row.body["source"]) if row.kind == "version" else ""
            yield Stranger(_title(row), witness.strange[0], row.kind, source)


def _title(row: Row) -> str:
    about = f"{row.kind} {row.identity} · {row.name}"
    if row.kind != "version":
        return about
    return f"{about} v{row.number} · by {row.body['author']} {row.body['model']} · {row.body['verdict']}"


def _in_database(path: Path) -> list[Any]:
    if not path.exists():
        return []
    # A file in a folder that only others write opens read-only if SQLite need not look for anything beside it.
    more = "" if Path(f"{path}-wal").exists() else "&immutable=1"
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro{more}", uri=True)) as db:
        db.execute("PRAGMA trusted_schema = OFF")
        return db.execute("SELECT data, mac FROM records").fetchall()


def _in_copies(folder: Path) -> Iterator[tuple[Any, Any]]:
    for path in sorted(folder.glob("*.json")):
        try:
            pairs = [(data, mac) for data, mac in json.loads(path.read_bytes())]
        except (ValueError, TypeError):  # damaged: the store sets it aside
            continue
        yield from pairs
