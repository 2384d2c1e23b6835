"""The store on disk: signed rows in SQLite, and beside them a second copy that can be read without it.

    home/store.sqlite3        one signed record a row
    home/code/<sha256>.py     the text of a version, byte for byte: what tracebacks point at
    home/code/<sha256>.json   the signed records about that text; from these a lost database is made again
    home/locks/<sha256>       empty: who has it locked writes that method, until it ends or is killed

Rows that this user's key did not sign are named in the notes, not loaded and never written over: our own stand
beside them. Where nothing can be written, a copy in memory takes the place of the file until the process ends.

Every look and every change has a connection of its own, so threads, forks and other processes share nothing.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from ..errors import StoreError
from ..generation import Generation
from ..records import Version
from .memory import MemoryStore
from .rows import SCHEMA, STEPS, TABLE, Copies, Table, sha256
from .signing import SigningKey, canonical

APPLICATION_ID = 0x41524550  # "AREP"
LARGE = 16_000_000  # bytes: in larger files the indexes are compared with the rows only when something is wrong
IGNORE = "/*\n!/.gitignore\n!/modules/\n__pycache__/\n"

_CREATE = f"{TABLE} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA}"
_NO_PLACE_ERRNO = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENOENT, errno.EEXIST}
_NO_PLACE_ERRNO |= {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
_NO_PLACE = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}
_NO_PLACE |= {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}  # without room for its -shm file SQLite does not even read
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}


class SqliteStore(MemoryStore):
    """The store protocol on disk, safe for threads, processes and forks; nothing is made before the first write.

    It waits `patience` seconds for other writers. Raises StoreError for a file of a newer version or another program.
    """

    def __init__(self, home: Path, key: SigningKey, patience: float = 5.0) -> None:
        self._path = home.absolute() / "store.sqlite3"
        super().__init__(key, str(self._path), [key.note] if key.note else [])
        self.home = self._path.parent
        self.generation = Generation(self.home)
        self._copies = Copies(self.home / "code", key, self._note)
        self._patience = patience
        self._in_memory = False
        self._checked = self._mended = 0
        try:
            if db := self._open():
                db.close()
        except (sqlite3.Error, OSError) as error:
            self._note(_sentence(self._path, error))

    def source_file(self, version: Version) -> Path | None:
        with suppress(OSError, UnicodeError):
            return self._copies.write_source(version.source)
        return None

    @contextmanager
    def lock(self, identity: str, name: str) -> Iterator[None]:
        path = self._path.parent / "locks" / sha256(canonical([identity, name]))
        with ExitStack() as held:
            with suppress(OSError, sqlite3.Error):  # where nothing can be locked nobody waits
                _make_home(self._path.parent)
                path.parent.mkdir(exist_ok=True)
                _seize(held.enter_context(closing(sqlite3.connect(str(path), timeout=0.1, isolation_level=None))))
            yield

    @contextmanager
    def _rows(self, write: bool = False, decides: bool = True) -> Iterator[Table]:
        try:
            db = self._open(write)
            if db is None:
                with super()._rows(write, decides) as rows:
                    yield rows
                return
            with closing(db):  # this also rolls back what was not committed
                yield self._table(db)
                if write:
                    db.execute("COMMIT")
                    if decides:
                        self.generation.raise_()
        except (sqlite3.Error, OSError, UnicodeError) as error:
            self._checked = -1  # a torn file is found out, set aside and made again at the next use
            raise StoreError(_sentence(self._path, error)) from error

    def _table(self, db: sqlite3.Connection) -> Table:
        return Table(db, self._key, lambda text: self._note(f"{self._path}: {text}"), self._copies, self._mend)

    def _mend(self, table: Table) -> bool:
        """Put signed second copies in place of rows that are damaged, once; whether there were any."""
        if self._mended == (inode := self._inode()):
            return False
        self._mended = inode
        alone = not table.db.in_transaction
        with suppress(sqlite3.OperationalError, OSError):  # where nothing can be written the rest is still read
            if alone:
                table.db.execute("BEGIN IMMEDIATE")
            if number := table.restore():
                self._note(f"{self._path}: {number} signed rows were read again from {self._copies.folder}.")
        if alone and table.db.in_transaction:
            table.db.execute("COMMIT")
        return True

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def _open(self, write: bool = False) -> sqlite3.Connection | None:
        """A connection that is ready, in a transaction if it is to write; None where the rows are not on disk."""
        if self._in_memory or not (write or self._path.exists() or self._copies.folder.exists()):
            return None
        before = self._inode()
        try:
            if not before:
                _make_home(self._path.parent)
            return self._connect(write)
        except (sqlite3.Error, OSError) as error:
            if getattr(error, "errno", 0) in _NO_PLACE_ERRNO or _code(error) in _NO_PLACE:
                self._move_to_memory(error)
                return None
            if type(error) is not sqlite3.DatabaseError:  # so comes "malformed"; all else as one of its children
                raise
            if self._inode() == before:  # else another process has just done it
                self._set_aside(error)
        return self._connect(write)

    def _move_to_memory(self, error: Exception) -> None:
        with self._lock:
            with suppress(OSError):
                self._memory.insert(*(() if self._in_memory else self._copies.rows()))
            self._in_memory = True
        self.where = f"memory ({self._path} cannot be written)"
        self._note(f"{self._path} cannot be written ({error}): what is learnt now ends with this process.")

    def _connect(self, write: bool) -> sqlite3.Connection:
        uri = f"{self._path.as_uri()}?mode=rwc"
        with ExitStack() as opened:
            db = sqlite3.connect(uri, uri=True, timeout=self._patience, isolation_level=None)
            opened.callback(db.close)
            db.text_factory = lambda raw: raw.decode("utf-8", "replace")  # a damaged text must not hide other rows
            db.execute("PRAGMA trusted_schema = OFF")
            db.execute("PRAGMA synchronous = FULL")
            if _is_empty(db):
                self._create(db)
            self._check(db)
            self.generation.share()
            if write:
                db.execute("BEGIN IMMEDIATE")
                db.execute("DELETE FROM records WHERE FALSE")  # a file that can only be read says so here
            opened.pop_all()  # nothing went wrong: it stays open
        return db

    def _create(self, db: sqlite3.Connection) -> None:
        db.execute("BEGIN IMMEDIATE")
        if _is_empty(db):  # else another process was faster
            for statement in _CREATE.split(";"):
                db.execute(statement)
            rows = self._copies.rows()
            self._table(db).insert(*rows)
            if rows:
                self._note(f"{self._path} was not there: {len(rows)} signed rows were read from {self._copies.folder}.")
        db.execute("COMMIT")

    def _check(self, db: sqlite3.Connection) -> None:
        if _pragma(db, "application_id") != APPLICATION_ID:
            raise StoreError(f"{self._path} is not a store of agent_repl: move it away, and a new one is made.")
        if _pragma(db, "user_version") > SCHEMA:
            raise StoreError(f"{self._path} is of a newer agent_repl: run pip install --upgrade ipython-agent-repl.")
        # SQLite does not wait for others here, whatever its time-out; DELETE is as safe, and the next one tries again.
        with suppress(sqlite3.OperationalError):
            if _pragma(db, "journal_mode = WAL") == "delete":
                self._note(f"{self._path}: WAL is refused here; journal_mode=DELETE is used, which is slower.")
        if (inode := self._inode()) != self._checked:
            quick = self._checked >= 0 and self._path.stat().st_size > LARGE
            if (fault := _pragma(db, f"{'quick' if quick else 'integrity'}_check(1)")) != "ok":
                raise sqlite3.DatabaseError(fault)
            self._checked = inode
        if _pragma(db, "user_version") < SCHEMA:
            _migrate(db)

    def _inode(self) -> int:
        return self._path.stat().st_ino if self._path.exists() else 0

    def _set_aside(self, error: Exception) -> None:
        aside = next(path for n in count(1) if not (path := Path(f"{self._path}.damaged-{n}")).exists())
        for suffix in ("-wal", "-shm", ""):
            with suppress(FileNotFoundError):
                os.replace(f"{self._path}{suffix}", f"{aside}{suffix}")
        self._note(f"{self._path} is damaged ({error}): set aside as {aside.name}.")


def _is_empty(db: sqlite3.Connection) -> bool:
    return _pragma(db, "application_id") == 0 and not db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()


def _migrate(db: sqlite3.Connection) -> None:
    """Every missing step in one transaction: who comes at the same moment waits, and finds it done."""
    db.execute("BEGIN EXCLUSIVE")
    while (number := _pragma(db, "user_version")) < SCHEMA:
        for statement in STEPS[number - 1].split(";"):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {number + 1}")
    db.execute("COMMIT")


def _pragma(db: sqlite3.Connection, name: str) -> Any:
    return db.execute(f"PRAGMA {name}").fetchone()[0]


def _seize(db: sqlite3.Connection) -> None:
    """Wait until nobody else has this file, or until an interrupt: SQLite itself looks up only when it gives up."""
    while not db.in_transaction:
        try:
            db.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY:
                raise


def _make_home(home: Path) -> None:
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError), open(home / ".gitignore", "x", encoding="utf-8") as file:
        file.write(IGNORE)


def _code(error: BaseException) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _sentence(path: Path, error: Exception) -> str:
    if _code(error) in _LOCKED:
        return f"{path} is locked by another process: try again when that one is done."
    if _code(error) == sqlite3.SQLITE_FULL or getattr(error, "errno", 0) == errno.ENOSPC:
        return f"There is no room left for {path}: free some space, then try again. Nothing that it held is lost."
    return f"{path} cannot be used ({error}): what is learnt now is not kept."
