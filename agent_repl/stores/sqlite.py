"""The store on disk: signed rows in SQLite, and beside them a second copy that can be read without it.

    home/store.sqlite3            agents, versions, verdicts, entries: one signed record a row
    home/code/<sha256>.py         the text of a version, byte for byte: what tracebacks point at
    home/code/<sha256>.json       the signed records about that text: the store can be rebuilt from these

Rows that this user's key did not sign are named in the notes, not loaded and never written over: our own stand
beside them. Where nothing can be written, a copy in memory takes the place of the file for as long as the process.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path
from threading import RLock, get_ident
from typing import Any, NamedTuple, TypeVar

from ..errors import StoreError
from ..records import Entry, Guard, Key, Premise, Standing, Usage, Version
from .signing import SigningKey, canonical

APPLICATION_ID = 0x41524550  # "AREP"
SCHEMA = 1
TABLES = ("agents", "versions", "verdicts", "entries")
IGNORE = "/*\n!/.gitignore\n!/modules/\n__pycache__/\n"

_READ_ONLY_ERRNO = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENOENT, errno.EEXIST}
_READ_ONLY_CODES = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}
_LOCKED_CODES = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}

# Connections of a parent process or of a file that was removed: closing one would delete a -wal that is not its own.
_abandoned: list[sqlite3.Connection] = []

T = TypeVar("T")


class Row(NamedTuple):
    """One signed record. `kind` is its table; `turn` counts the decisions about one thing, the latest counts."""

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
        return self[:3] if self.kind == "entries" else self[:5]


class SqliteStore:
    """The store protocol on disk. Nothing is made before the first write; safe for threads, processes and forks.

    `patience` is how long to wait for another process's lock, in seconds. Raises StoreError when the file was made
    by a newer version or is not ours; every other trouble at opening becomes a note.
    """

    def __init__(self, home: Path, key: SigningKey, patience: float = 5.0) -> None:
        self.home = home
        self.where = str(home / "store.sqlite3")
        self.notes = [key.note] if key.note else []
        self._path = home / "store.sqlite3"
        self._code = home / "code"
        self._key = key
        self._patience = patience
        self._db: sqlite3.Connection | None = None
        self._in_memory = False
        self._lock = RLock()
        self._place: tuple[int, int] = self._here()
        self._open_what_is_there()

    def entries(self, identity: str) -> dict[str, Entry]:
        """The heads of an identity by method name, each with its version's latest standing."""
        rows = self._read(_HEADS, (identity,))
        versions = {(version.key.name, version.number, _sha(version.source)): version for version in _versions(rows)}
        heads = ((row, versions.get((row.name, row.number, row.body["sha256"]))) for row in _of("entries", rows))
        return {row.name: _entry(row, version) for row, version in heads if version}

    def versions(self, key: Key) -> tuple[Version, ...]:
        """Every stored version of a method, oldest first, each with its latest verdict."""
        return tuple(sorted(_versions(self._read(_HISTORY, key)), key=lambda version: version.number))

    def add(self, version: Version) -> Version:
        """Keep a version for good and give it back with its number, from 1."""

        def change(db: sqlite3.Connection) -> Version:
            stored = replace(version, number=_next_number(db, version.key), created=version.created or _now())
            agent = _of("agents", self._rows(db, _AGENT, (version.key.identity,)))
            self._keep(db, _version_row(stored), _sha(stored.source), beside=agent)
            self._write_source(stored.source)
            return stored

        return self._write(change)

    def judge(self, version: Version, verdict: Standing, note: str = "") -> Version:
        """Append a verdict to a stored version and give it back as it now stands."""
        _refuse_unstored(version)
        body = {"sha256": _sha(version.source), "verdict": verdict, "note": note}

        def change(db: sqlite3.Connection) -> None:
            past = [row for row in self._rows(db, _HISTORY, version.key) if row.number == version.number]
            row = Row("verdicts", *version.key, version.number, _next_turn(past), _now(), body)
            self._keep(db, row, body["sha256"])

        self._write(change)
        return replace(version, verdict=verdict, note=note)

    def put(self, entry: Entry) -> None:
        """Make this entry the head of its method."""
        _refuse_unstored(entry.version)
        body = {"sha256": _sha(entry.version.source), "guards": entry.guards, "pinned": entry.pinned}
        body["runs"] = entry.runs
        self._write(lambda db: self._set_head(db, entry.version.key, entry.version.number, body))

    def drop(self, key: Key) -> None:
        """Remove the head; versions stay."""

        def change(db: sqlite3.Connection) -> None:
            for head in self._rows(db, _HEAD, key)[:1]:
                self._set_head(db, key, 0, head.body)

        if self._read(_HEAD, key):
            self._write(change)

    def source_file(self, version: Version) -> Path | None:
        """The file that holds this version's source, made again if its bytes are not those; None without a disk."""
        with suppress(OSError, UnicodeError):
            if not self._in_memory:
                return self._write_source(version.source)
        return None

    def agents(self) -> dict[str, str]:
        """Names by identity template."""
        return {row.identity: row.name for row in self._read(_AGENTS)}

    def claim(self, identity: str, name: str) -> str:
        """Give the identity this name, or the next free one like it (`sales_2`); a name once given stays."""

        def change(db: sqlite3.Connection) -> str:
            known = {row.identity: row.name for row in self._rows(db, _AGENTS)}
            if identity not in known:
                known[identity] = _free(name, known.values())
                self._insert(db, Row("agents", identity, known[identity], 0, 0, _now(), {}))
            return known[identity]

        return self.agents().get(identity) or self._write(change)

    def sign(self, data: bytes) -> str:
        """A code that only this user's key can make for these bytes."""
        return self._key.sign(data)

    def close(self) -> None:
        """Give the file back; using the store again opens it again."""
        with self._mutex():
            if self._db and self._place == self._here():
                self._db.close()
            self._db = None

    # Reading and writing, with every foreign error translated.

    def _read(self, query: str, values: tuple[Any, ...] = ()) -> list[Row]:
        with self._mutex(), self._translated():
            db = self._ready(create=False)
            return self._rows(db, query, values) if db else []

    def _write(self, change: Callable[[sqlite3.Connection], T]) -> T:
        with self._mutex(), self._translated():
            try:
                return self._commit(change)
            except (sqlite3.Error, OSError) as error:
                if self._in_memory or not _is_read_only(error):
                    raise
                self._db = self._copy_in_memory(error)
                return self._commit(change)

    def _commit(self, change: Callable[[sqlite3.Connection], T]) -> T:
        db = self._ready(create=True)
        assert db
        with _transaction(db):
            return change(db)

    @contextmanager
    def _mutex(self) -> Iterator[None]:
        if self._place[0] != os.getpid():
            self._lock = RLock()  # a thread of the parent may have held the old one when this process was forked
        with self._lock:
            yield

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, UnicodeError) as error:
            if _is_torn(error):
                self.close()  # the next use looks at the file again, sets it aside and rebuilds it
            raise StoreError(_sentence(self._path, error)) from error

    def _rows(self, db: sqlite3.Connection, query: str, values: tuple[Any, ...] = ()) -> list[Row]:
        rows = (self._trusted(*columns) for columns in db.execute(query, values).fetchall())
        return [row for row in rows if row]

    def _trusted(
        self, kind: str, serial: int, identity: str, name: str, number: int, data: str, mac: str
    ) -> Row | None:
        row = self._signed(data, mac)
        if row and row[:4] == (kind, identity, name, number):
            return row
        self._note(
            f"{self._path}: {kind} row {serial} ({name!r} of {identity!r}) is not signed by you: left, not loaded."
        )
        return None

    def _signed(self, data: object, mac: object) -> Row | None:
        if isinstance(data, str) and isinstance(mac, str) and self._key.verify(_envelope(data), mac):
            return Row(**json.loads(data))
        return None

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    # Writing one record, here and in its second copy.

    def _set_head(self, db: sqlite3.Connection, key: Key, number: int, body: dict[str, Any]) -> None:
        old = self._rows(db, _HEAD, key)
        row = Row("entries", *key, number, _next_turn(old), _now(), json.loads(canonical(body)))
        for columns in db.execute(_HEAD, key).fetchall():
            if self._signed(*columns[-2:]):
                db.execute("DELETE FROM entries WHERE id = ?", (columns[1],))
        if old and (old[-1].number, {**old[-1].body, "runs": 0}) == (number, {**row.body, "runs": 0}):
            self._insert(db, row)  # a run more is not worth another file
        else:
            self._keep(db, row, body["sha256"])

    def _keep(self, db: sqlite3.Connection, row: Row, sha: str, beside: Iterable[Row] = ()) -> None:
        self._insert(db, row)
        if not self._in_memory:
            # Inside the transaction: its lock keeps other writers of this file away.
            self._write_sidecar(self._code / f"{sha}.json", [*beside, row])

    def _insert(self, db: sqlite3.Connection, row: Row) -> None:
        data = canonical(row._asdict())
        query = f"INSERT INTO {row.kind} (identity, name, number, data, mac) VALUES (?, ?, ?, ?, ?)"
        db.execute(query, (*row[1:4], data, self._key.sign(_envelope(data))))

    def _write_sidecar(self, path: Path, rows: list[Row]) -> None:
        slots = {row.slot for row in rows}
        kept = [(data, mac) for data, mac, row in self._sidecar(path) if row is None or row.slot not in slots]
        signed = [(data, self._key.sign(_envelope(data))) for data in (canonical(row._asdict()) for row in rows)]
        _replace_file(path, json.dumps(kept + signed, indent=1).encode())

    def _sidecar(self, path: Path) -> list[tuple[str, str, Row | None]]:
        try:
            return [(data, mac, self._signed(data, mac)) for data, mac in json.loads(path.read_bytes())]
        except FileNotFoundError:
            return []
        except (ValueError, TypeError):
            self._note(f"{path} is damaged: set aside as {path.name}.damaged.")
            os.replace(path, f"{path}.damaged")
            return []

    def _write_source(self, source: str) -> Path:
        data = source.encode()
        path = self._code / f"{_sha(source)}.py"
        if not self._in_memory and not (path.exists() and path.read_bytes() == data):
            _replace_file(path, data)
        return path

    # Opening: as it should be; else read-only; else in memory.

    def _open_what_is_there(self) -> None:
        try:
            with self._mutex():
                self._ready(create=False)
        except (sqlite3.Error, OSError) as error:
            self._note(_sentence(self._path, error))

    def _ready(self, create: bool) -> sqlite3.Connection | None:
        if self._db and (self._in_memory or self._place == self._here()):
            return self._db
        if self._db:
            _abandoned.append(self._db)
            self._db = None
        if create or self._path.exists() or self._code.exists():
            self._db = self._open()
            self._place = self._here()
        return self._db

    def _here(self) -> tuple[int, int]:
        try:
            return os.getpid(), self._path.stat().st_ino
        except OSError:
            return os.getpid(), 0

    def _open(self) -> sqlite3.Connection:
        try:
            return self._open_to_write()
        except (sqlite3.Error, OSError) as error:
            if not _is_read_only(error):
                raise
            return self._open_to_read() or self._copy_in_memory(error)

    def _open_to_write(self) -> sqlite3.Connection:
        _make_home(self.home)
        try:
            return self._connect("mode=rwc", self._create)
        except sqlite3.DatabaseError as error:
            if not _is_torn(error):
                raise
            self._set_aside(error)
            return self._connect("mode=rwc", self._create)

    def _open_to_read(self) -> sqlite3.Connection | None:
        immutable = [] if Path(f"{self._path}-wal").exists() else ["immutable=1"]
        for mode in ("mode=ro", *immutable):
            with suppress(sqlite3.Error):
                db = self._connect(mode, _refuse_empty)
                self.where = f"{self._path} (read-only)"
                self._note(f"{self._path} can only be read ({mode}).")
                return db
        return None

    def _copy_in_memory(self, error: Exception) -> sqlite3.Connection:
        db = _connection("file::memory:", self._patience)
        if self._db:
            self._db.backup(db)
        else:
            self._create(db, rebuild=False)
        self._in_memory = True
        self.where = f"memory ({self._path} cannot be written)"
        self._note(f"{self._path} cannot be written ({error}): what is learnt now ends with this process.")
        return db

    def _connect(self, mode: str, create: Callable[[sqlite3.Connection], None]) -> sqlite3.Connection:
        db = _connection(f"{self._path.absolute().as_uri()}?{mode}", self._patience)
        try:
            self._check(db, create)
        except BaseException:
            db.close()
            raise
        return db

    def _check(self, db: sqlite3.Connection, create: Callable[[sqlite3.Connection], None]) -> None:
        if _is_empty(db):
            create(db)
        if _pragma(db, "application_id") != APPLICATION_ID:
            raise StoreError(f"{self._path} is not a store of agent_repl: move it away, and a new one is made.")
        if _pragma(db, "user_version") > SCHEMA:
            raise StoreError(
                f"{self._path} was made by a newer agent_repl: run pip install --upgrade ipython-agent-repl."
            )
        if (fault := _pragma(db, "quick_check(1)")) != "ok":
            raise sqlite3.DatabaseError(fault)
        if _pragma(db, "journal_mode") == "delete":
            self._note(f"{self._path}: this file system refuses WAL; journal_mode=DELETE is used, which is slower.")

    def _create(self, db: sqlite3.Connection, rebuild: bool = True) -> None:
        _choose_journal(db, self._patience)
        with _transaction(db):
            if not _is_empty(db):
                return
            for table in TABLES:
                db.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, identity, name, number, data, mac)")
                db.execute(f"CREATE INDEX {table}_by_key ON {table} (identity, name, number)")
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {SCHEMA}")
            if rebuild:
                self._rebuild(db)

    def _rebuild(self, db: sqlite3.Connection) -> None:
        sidecars = (self._sidecar(path) for path in sorted(self._code.glob("*.json")))
        rows = [row for *_, row in chain.from_iterable(sidecars) if row]
        # Two records for one slot: a writer died before it committed the earlier one.
        latest = {row.slot: row for row in sorted(rows, key=lambda row: (row.turn, row.at))}
        for row in sorted(latest.values(), key=lambda row: row.at):
            self._insert(db, row)
        if latest:
            self._note(f"{self._path} was made again from the {len(latest)} signed records in {self._code}.")

    def _set_aside(self, error: Exception) -> None:
        aside = next(path for path in (f"{self._path}.damaged-{n}" for n in count(1)) if not os.path.exists(path))
        for suffix in ("-wal", "-shm", ""):
            with suppress(FileNotFoundError):
                os.replace(f"{self._path}{suffix}", f"{aside}{suffix}")
        self._note(f"{self._path} is damaged ({error}): set aside as {os.path.basename(aside)}.")


# What is asked of the tables; each row names its kind first.


def _select(table: str, condition: str) -> str:
    return f"SELECT '{table}', t.id, t.identity, t.name, t.number, t.data, t.mac FROM {table} t WHERE {condition}"


_OF_A_HEAD = (
    "t.identity = ?1 AND EXISTS (SELECT 1 FROM entries e WHERE e.identity = ?1 AND e.name = t.name"
    " AND e.number = t.number)"
)
_OF_A_METHOD = "t.identity = ?1 AND t.name = ?2"
_HEADS = " UNION ALL ".join(
    (_select("entries", "t.identity = ?1"), _select("versions", _OF_A_HEAD), _select("verdicts", _OF_A_HEAD))
)
_HISTORY = " UNION ALL ".join((_select("versions", _OF_A_METHOD), _select("verdicts", _OF_A_METHOD)))
_HEAD = _select("entries", _OF_A_METHOD)
_AGENT = _select("agents", "t.identity = ?1")
_AGENTS = _select("agents", "1")


# Records ⇄ rows.


def _version_row(version: Version) -> Row:
    body = asdict(version)
    del body["key"], body["number"]
    return Row("versions", *version.key, version.number, 0, _now(), body)


def _versions(rows: list[Row]) -> list[Version]:
    verdicts = sorted(_of("verdicts", rows), key=lambda row: row.turn)
    standing = {(row.name, row.number, row.body["sha256"]): row.body for row in verdicts}
    versions = (_version(row) for row in _of("versions", rows))
    return [_judged(v, standing.get((v.key.name, v.number, _sha(v.source)))) for v in versions]


def _version(row: Row) -> Version:
    body = row.body | {"usage": Usage(**row.body["usage"]), "parents": tuple(row.body["parents"])}
    body["premises"] = _guard(body["premises"])
    return Version(key=Key(row.identity, row.name), number=row.number, **body)


def _judged(version: Version, verdict: dict[str, Any] | None) -> Version:
    return replace(version, verdict=verdict["verdict"], note=verdict["note"]) if verdict else version


def _entry(row: Row, version: Version) -> Entry:
    return Entry(version, tuple(map(_guard, row.body["guards"])), row.body["pinned"], row.body["runs"])


def _guard(pairs: Iterable[Iterable[str]]) -> Guard:
    return tuple(Premise(*pair) for pair in pairs)


def _of(kind: str, rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row.kind == kind]


def _next_number(db: sqlite3.Connection, key: Key) -> int:
    # Rows that are not loaded count too: a number is never used twice.
    query = "SELECT max(number) FROM versions WHERE identity = ? AND name = ? AND typeof(number) = 'integer'"
    return int(db.execute(query, key).fetchone()[0] or 0) + 1


def _next_turn(rows: list[Row]) -> int:
    return max((row.turn for row in rows), default=0) + 1


def _free(name: str, taken: Iterable[str]) -> str:
    # A name is also a file's name, and some file systems do not tell Sales from sales.
    folded = {other.casefold() for other in taken}
    names = chain([name], (f"{name}_{number}" for number in count(2)))
    return next(free for free in names if free.casefold() not in folded)


def _refuse_unstored(version: Version) -> None:
    if not version.number:
        raise StoreError(f"{version.key.name} was never stored, so nothing can be said about it: add it first.")


def _envelope(data: str) -> bytes:
    # The prefix keeps a code that was made for a file from passing as one for a row.
    return b"agent_repl row\n" + data.encode("utf-8", "backslashreplace")


def _sha(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


# The database and the files under it.


def _connection(uri: str, patience: float) -> sqlite3.Connection:
    db = sqlite3.connect(uri, uri=True, timeout=patience, isolation_level=None, check_same_thread=False)
    db.text_factory = lambda raw: raw.decode("utf-8", "replace")  # a damaged text must not stop the reading of others
    db.execute("PRAGMA trusted_schema = OFF")
    db.execute("PRAGMA synchronous = FULL")
    return db


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _choose_journal(db: sqlite3.Connection, patience: float) -> None:
    # SQLite does not wait for other processes here, whatever its time-out.
    deadline = time.monotonic() + patience
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if _code(error) not in _LOCKED_CODES or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _is_empty(db: sqlite3.Connection) -> bool:
    return _pragma(db, "application_id") == 0 and not db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()


def _refuse_empty(db: sqlite3.Connection) -> None:
    raise sqlite3.OperationalError("there is nothing in it")


def _pragma(db: sqlite3.Connection, name: str) -> Any:
    return db.execute(f"PRAGMA {name}").fetchone()[0]


def _make_home(home: Path) -> None:
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    (home / "code").mkdir(exist_ok=True)
    with suppress(FileExistsError), open(home / ".gitignore", "x", encoding="utf-8") as file:
        file.write(IGNORE)


def _replace_file(path: Path, data: bytes) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}-{get_ident()}.tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(draft, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _code(error: BaseException) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _is_read_only(error: Exception) -> bool:
    if isinstance(error, OSError):
        return error.errno in _READ_ONLY_ERRNO
    return _code(error) in _READ_ONLY_CODES


def _is_torn(error: Exception) -> bool:
    # What SQLite calls "malformed" and "not a database" comes as the bare class, all else as one of its children.
    return type(error) is sqlite3.DatabaseError


def _sentence(path: Path, error: Exception) -> str:
    if _code(error) in _LOCKED_CODES:
        return f"{path} is locked by another process: try again when that one is done."
    if _code(error) == sqlite3.SQLITE_FULL or getattr(error, "errno", 0) == errno.ENOSPC:
        return f"There is no room left for {path}: free some space, then try again. Nothing that it held is lost."
    return f"{path} cannot be used ({error}): what is learnt now is not kept."
