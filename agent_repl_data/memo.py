"""What a model has answered about pieces of data: a file that may be lost, and never leaves the home.

Each row has a code of this user's key, so that an answer which somebody else put there is not believed. Kept are the
newest answers, up to a number of rows and of bytes; what was used longest ago goes first. Where there is no disk, or
the file cannot be used, they are kept in memory.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Protocol, TypeVar

T = TypeVar("T")
NAME = "answers.sqlite3"
ROWS, BYTES = 20_000, 32_000_000
_CREATE = """
CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, answer TEXT NOT NULL, mac TEXT NOT NULL, used INTEGER);
CREATE INDEX IF NOT EXISTS by_use ON answers (used, length(answer));
"""
_DAMAGED = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)  # the first: of another form
_NEXT = "(SELECT coalesce(max(used), 0) + 1 FROM answers)"


class Home(Protocol):
    """Where answers are kept: a directory or None, what a person is told, and codes that only this user can make."""

    home: Path | None
    notes: list[str]

    def sign(self, data: bytes) -> str: ...
    def verify(self, data: bytes, mac: str) -> bool: ...


class Memo:
    """Answers by key. Nothing here raises: what cannot be kept is asked again."""

    def __init__(self, store: Home, rows: int = ROWS, size: int = BYTES) -> None:
        self._store, self._rows, self._size = store, rows, size
        self._path = store.home / NAME if store.home else None
        self._db: sqlite3.Connection | None = None
        self._process = os.getpid()
        self._lock = threading.RLock()

    def get(self, key: str) -> str | None:
        """The answer that was remembered, if it was this user who kept it."""

        def found(db: sqlite3.Connection) -> str | None:
            row = db.execute("SELECT answer, mac FROM answers WHERE key = ?", (key,)).fetchone()
            if row is None or not self._store.verify(_bytes(key, row[0]), row[1]):
                return None
            db.execute(f"UPDATE answers SET used = {_NEXT} WHERE key = ?", (key,))
            return str(row[0])

        return self._look(found, None)

    def put(self, key: str, answer: str) -> None:
        """Remember an answer; one that alone is larger than all may be is not."""

        def kept(db: sqlite3.Connection) -> None:
            mac = self._store.sign(_bytes(key, answer))
            db.execute(f"INSERT OR REPLACE INTO answers VALUES (?, ?, ?, {_NEXT})", (key, answer, mac))
            self._bound(db)

        if len(answer) <= self._size:
            self._look(kept, None)

    def _bound(self, db: sqlite3.Connection) -> None:
        rows, size = db.execute("SELECT count(*), sum(length(answer)) FROM answers").fetchone()
        while rows > self._rows or size > self._size:
            key, length = db.execute("SELECT key, length(answer) FROM answers ORDER BY used LIMIT 1").fetchone()
            db.execute("DELETE FROM answers WHERE key = ?", (key,))
            rows, size = rows - 1, size - length

    def drop(self, keys: Sequence[str]) -> None:
        """Forget the answers of these keys."""
        self._look(lambda db: db.executemany("DELETE FROM answers WHERE key = ?", [(key,) for key in keys]), None)

    def clear(self) -> int:
        """Forget all answers; says how many there were."""
        return self._look(lambda db: db.execute("DELETE FROM answers").rowcount, 0)

    def __len__(self) -> int:
        return self._look(lambda db: int(db.execute("SELECT count(*) FROM answers").fetchone()[0]), 0)

    def close(self) -> None:
        """Close the file; the next look opens it again."""
        with self._lock:
            if self._db:
                self._db.close()
            self._db = None

    def _look(self, what: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """One look or change, in a transaction; where the table cannot be used nothing is there."""
        with self._lock:
            try:
                with self._opened() as db:
                    return what(db)
            except (sqlite3.Error, OSError, UnicodeError) as error:
                self._give_up(error)
        return otherwise

    def _opened(self) -> sqlite3.Connection:
        """The connection of this process, which as a context is a transaction."""
        if self._db is None or self._process != os.getpid():
            if self._path:
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._db, self._process = _table(str(self._path or ":memory:")), os.getpid()
        return self._db

    def _give_up(self, error: Exception) -> None:
        """A damaged file is set aside, and one that cannot be used is left; a locked one is free the next time."""
        self.close()
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if self._path and code in _DAMAGED:
            aside = next(path for n in count(1) if not (path := Path(f"{self._path}.damaged-{n}")).exists())
            for suffix in ("-wal", "-shm", ""):
                with suppress(OSError):
                    os.replace(f"{self._path}{suffix}", f"{aside}{suffix}")
            self._store.notes.append(f"{self._path} is damaged ({error}): set aside; its answers are asked again.")
        elif code != sqlite3.SQLITE_BUSY:
            self._path = None


def _table(path: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=5.0, check_same_thread=False)
    try:
        db.execute("PRAGMA trusted_schema = OFF")
        db.execute("PRAGMA synchronous = NORMAL")
        with suppress(sqlite3.OperationalError):
            db.execute("PRAGMA journal_mode = WAL")
        db.executescript(_CREATE)
    except BaseException:
        db.close()
        raise
    return db


def _bytes(key: str, answer: str) -> bytes:
    return f"agent_repl answer\n{key}\n{answer}".encode(errors="surrogatepass")
