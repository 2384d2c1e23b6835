"""The store on disk: signed rows in SQLite, and beside them a second copy that can be read without it.

    home/store.sqlite3        one signed record a row
    home/code/<sha256>.py     the text of a version, byte for byte: what tracebacks point at
    home/code/<sha256>.json   the signed records about that text; from these a lost database is made again

Rows that this user's key did not sign are named in the notes, not loaded and never written over: our own stand
beside them. Where nothing can be written, a copy in memory takes the place of the file until the process ends.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from threading import RLock
from typing import Any

from ..errors import StoreError
from ..records import Version
from .copies import Copies
from .rows import Row, RowStore, T, sealed, sha256, unsealed
from .signing import SigningKey

APPLICATION_ID = 0x41524550  # "AREP"
SCHEMA = 1
IGNORE = "/*\n!/.gitignore\n!/modules/\n__pycache__/\n"

_COLUMNS = "id, kind, identity, name, number, data, mac"
_SCOPES = {
    "agents": "kind = 'agent'",
    "method": "identity = ?1 AND name = ?2",
    "heads": "identity = ?1 AND (kind = 'entry' OR EXISTS (SELECT 1 FROM records head WHERE head.identity = ?1"
    " AND head.name = records.name AND head.kind = 'entry' AND head.number = records.number))",
}
_READ_ONLY_ERRNO = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENOENT, errno.EEXIST}
_READ_ONLY = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}

# Connections of a parent process, or to a file that was removed: SQLite forbids a child even to close them.
_abandoned: list[sqlite3.Connection] = []


class SqliteStore(RowStore):
    """The store protocol on disk. Nothing is made before the first write; safe for threads, processes and forks.

    `patience` is how long to wait for another process's lock, in seconds. Raises StoreError when the file was made
    by a newer version or is not ours; any other trouble at opening becomes a note.
    """

    def __init__(self, home: Path, key: SigningKey, patience: float = 5.0) -> None:
        self._path = home.absolute() / "store.sqlite3"
        super().__init__(key, str(self._path), [key.note] if key.note else [])
        self.home = self._path.parent
        self._copies = Copies(self.home / "code", key, self._note)
        self._patience = patience
        self._db: sqlite3.Connection | None = None
        self._in_memory = False
        self._lock = RLock()
        self._place = self._here()
        try:
            self._ready(create=False)
        except (sqlite3.Error, OSError) as error:
            self._note(_sentence(self._path, error))

    def source_file(self, version: Version) -> Path | None:
        """The file that holds this version's source, made again if its bytes are others; None without a disk."""
        with suppress(OSError, UnicodeError):
            return self._copies.write_source(version.source)
        return None

    def close(self) -> None:
        """Give the file back; using the store again opens it again."""
        with self._translated():
            if self._db and not self._in_memory and self._place == self._here():
                self._db.close()
                self._db = None

    def _find(self, scope: str, *values: str) -> list[Row]:
        with self._translated():
            db = self._ready(create=False)
            found = _select(db, scope, values) if db else []
            return [row for columns in found if (row := self._trusted(columns))]

    def _write(self, change: Callable[[], T]) -> T:
        with self._translated():
            try:
                return _alone(self._open_to_change(), change)
            except (sqlite3.Error, OSError) as error:
                if self._in_memory or not _is_read_only(error):
                    raise
                self._db = self._copy_in_memory(error)
                return _alone(self._db, change)

    def _keep(self, row: Row, source: str = "", second_copy: bool = True) -> None:
        db = self._open_to_change()
        if row.kind == "entry":
            old = [columns for columns in _select(db, "method", row[1:3]) if columns[1] == "entry"]
            ours = [(serial,) for serial, *_, data, mac in old if unsealed(data, mac, self._key)]
            db.executemany("DELETE FROM records WHERE id = ?", ours)
        self._insert(db, row)
        if second_copy and not self._in_memory and row.kind != "agent":
            # Inside the transaction: its lock keeps other writers of these files away.
            self._write_second_copy(row, source)

    def _insert(self, db: sqlite3.Connection, row: Row) -> None:
        query = "INSERT INTO records (kind, identity, name, number, data, mac) VALUES (?, ?, ?, ?, ?, ?)"
        db.execute(query, (*row[:4], *sealed(row, self._key)))

    def _write_second_copy(self, row: Row, source: str) -> None:
        rows = [row]
        if row.kind == "version":
            self._copies.write_source(source)
            rows += [agent for agent in self._find("agents") if agent.identity == row.identity]
        self._copies.add(row.body.get("sha256") or sha256(source), rows)

    def _trusted(self, columns: tuple[Any, ...]) -> Row | None:
        serial, kind, identity, name, _number, data, mac = columns
        row = unsealed(data, mac, self._key)
        if row and row[:4] == columns[1:5]:
            return row
        self._note(
            f"{self._path}: row {serial} ({kind} {name!r} of {identity!r}) is not signed by you: left, not loaded."
        )
        return None

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        if self._place[0] != os.getpid():
            # A thread of the parent may have held the lock at the fork; its connection is not ours either.
            self._lock, self._place = RLock(), (os.getpid(), -1)
        with self._lock:
            try:
                yield
            except (sqlite3.Error, OSError, UnicodeError) as error:
                if _is_torn(error):
                    self.close()  # the next use looks at the file again, sets it aside and makes a new one
                raise StoreError(_sentence(self._path, error)) from error

    # Opening: as it should be; else read-only; else in memory.

    def _open_to_change(self) -> sqlite3.Connection:
        db = self._ready(create=True)
        assert db
        return db

    def _ready(self, create: bool) -> sqlite3.Connection | None:
        if self._db and (self._in_memory or self._place == self._here()):
            return self._db
        if self._db:
            _abandoned.append(self._db)
            self._db = None
        if create or self._path.exists() or self._copies.folder.exists():
            self._db = self._open()
            self._place = self._here()
        return self._db

    def _here(self) -> tuple[int, int]:
        return os.getpid(), self._path.stat().st_ino if self._path.exists() else 0

    def _open(self) -> sqlite3.Connection:
        try:
            return self._open_to_write()
        except (sqlite3.Error, OSError) as error:
            if not _is_read_only(error):
                raise
            return self._open_to_read() or self._copy_in_memory(error)

    def _open_to_write(self) -> sqlite3.Connection:
        if not self._path.exists():
            _make_home(self._path.parent)
        db = self._open_whole()
        if _pragma(db, "journal_mode") == "delete":
            self._note(f"{self._path}: WAL is refused here; journal_mode=DELETE is used, which is slower.")
        return db

    def _open_whole(self) -> sqlite3.Connection:
        here = self._here()
        try:
            return self._connect("mode=rwc", self._create)
        except sqlite3.DatabaseError as error:
            if not _is_torn(error):
                raise
            if self._here() == here:  # else another process has just done it
                self._set_aside(error)
            return self._connect("mode=rwc", self._create)

    def _open_to_read(self) -> sqlite3.Connection | None:
        wal = Path(f"{self._path}-wal")
        # Immutable reading would not see the rows that are still in a -wal.
        settled = not wal.exists() or wal.stat().st_size == 0
        for mode in ("mode=ro", "immutable=1")[: 1 + settled]:
            with suppress(sqlite3.Error):
                db = self._connect(mode, lambda db: None)
                self.where = f"{self._path} (read-only)"
                self._note(f"{self._path} can only be read ({mode}).")
                return db
        return None

    def _copy_in_memory(self, error: Exception) -> sqlite3.Connection:
        db = _connection("file::memory:", self._patience)
        if self._db:
            self._db.backup(db)
        else:
            with suppress(OSError):
                self._fill(db)
        self._in_memory = True
        why = f"{self._path} cannot be {'written' if self._db else 'opened'}"
        self.where = f"memory ({why})"
        self._note(f"{why} ({error}): what is learnt now ends with this process.")
        return db

    def _connect(self, mode: str, create: Callable[[sqlite3.Connection], None]) -> sqlite3.Connection:
        db = _connection(f"{self._path.as_uri()}?{mode}", self._patience)
        try:
            if _is_empty(db):
                create(db)
            self._check(db)
        except BaseException:
            db.close()
            raise
        return db

    def _check(self, db: sqlite3.Connection) -> None:
        if _pragma(db, "application_id") != APPLICATION_ID:
            raise StoreError(f"{self._path} is not a store of agent_repl: move it away, and a new one is made.")
        if _pragma(db, "user_version") > SCHEMA:
            raise StoreError(
                f"{self._path} was made by a newer agent_repl: run pip install --upgrade ipython-agent-repl."
            )
        if (fault := _pragma(db, "quick_check(1)")) != "ok":
            raise sqlite3.DatabaseError(fault)

    def _create(self, db: sqlite3.Connection) -> None:
        _choose_journal(db, self._patience)
        _alone(db, lambda: self._fill(db))

    def _fill(self, db: sqlite3.Connection) -> None:
        if not _is_empty(db):
            return  # another process was faster
        _make_tables(db)
        rows = self._copies.rows()
        for row in rows:
            self._insert(db, row)
        if rows:
            self._note(f"{self._path} was not there: {len(rows)} signed rows were read from {self._copies.folder}.")

    def _set_aside(self, error: Exception) -> None:
        aside = next(path for n in count(1) if not (path := Path(f"{self._path}.damaged-{n}")).exists())
        for suffix in ("-wal", "-shm", ""):
            with suppress(FileNotFoundError):
                os.replace(f"{self._path}{suffix}", f"{aside}{suffix}")
        self._note(f"{self._path} is damaged ({error}): set aside as {aside.name}.")


def _connection(uri: str, patience: float) -> sqlite3.Connection:
    db = sqlite3.connect(uri, uri=True, timeout=patience, isolation_level=None, check_same_thread=False)
    db.text_factory = lambda raw: raw.decode("utf-8", "replace")  # one damaged text must not hide the other rows
    db.execute("PRAGMA trusted_schema = OFF")
    db.execute("PRAGMA synchronous = FULL")
    return db


def _alone(db: sqlite3.Connection, change: Callable[[], T]) -> T:
    db.execute("BEGIN IMMEDIATE")
    try:
        result = change()
        db.execute("COMMIT")
        return result
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


def _choose_journal(db: sqlite3.Connection, patience: float) -> None:
    # SQLite does not wait for other processes here, whatever its time-out.
    deadline = time.monotonic() + patience
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if _code(error) not in _LOCKED or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _make_tables(db: sqlite3.Connection) -> None:
    db.execute("CREATE TABLE records (id INTEGER PRIMARY KEY, kind, identity, name, number, data, mac)")
    db.execute("CREATE INDEX records_by_key ON records (identity, name, kind, number)")
    db.execute("CREATE INDEX agents ON records (kind) WHERE kind = 'agent'")
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {SCHEMA}")


def _select(db: sqlite3.Connection, scope: str, values: tuple[str, ...]) -> list[Any]:
    return db.execute(f"SELECT {_COLUMNS} FROM records WHERE {_SCOPES[scope]} ORDER BY id", values).fetchall()


def _is_empty(db: sqlite3.Connection) -> bool:
    return _pragma(db, "application_id") == 0 and not db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()


def _pragma(db: sqlite3.Connection, name: str) -> Any:
    return db.execute(f"PRAGMA {name}").fetchone()[0]


def _make_home(home: Path) -> None:
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError), open(home / ".gitignore", "x", encoding="utf-8") as file:
        file.write(IGNORE)


def _code(error: BaseException) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _is_read_only(error: Exception) -> bool:
    return error.errno in _READ_ONLY_ERRNO if isinstance(error, OSError) else _code(error) in _READ_ONLY


def _is_torn(error: Exception) -> bool:
    # What SQLite calls "malformed" and "not a database" comes as the bare class, all else as one of its children.
    return type(error) is sqlite3.DatabaseError


def _sentence(path: Path, error: Exception) -> str:
    if _code(error) in _LOCKED:
        return f"{path} is locked by another process: try again when that one is done."
    if _code(error) == sqlite3.SQLITE_FULL or getattr(error, "errno", 0) == errno.ENOSPC:
        return f"There is no room left for {path}: free some space, then try again. Nothing that it held is lost."
    return f"{path} cannot be used ({error}): what is learnt now is not kept."
