"""What can be wrong with a home, and how it is mended."""

from __future__ import annotations

import hashlib
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent_repl.modules import units
from agent_repl.pipeline.pinning import seal_of, signed_bytes
from agent_repl.stores.rows import SCHEMA, Copies, Row, Table
from agent_repl.stores.signing import SigningKey
from agent_repl.stores.sqlite import APPLICATION_ID, SqliteStore
from agent_repl_code.unit import digest

DAY = 86_400
PATIENCE = 5.0  # seconds of waiting for other processes
MENDED, LEFT, NOTE = "mended: ", "left for you: ", ""
Found = Iterator[tuple[str, str]]  # one of these three, and what was found
_TORN = re.compile(r"\..+\.\d+-\d+")  # what a process that was killed leaves of a file that it was writing


@dataclass(frozen=True)
class Patient:
    """A home, the key that signed what is ours in it, and what reading it has said."""

    home: Path
    key: SigningKey
    notes: list[str] = field(default_factory=list)

    @property
    def path(self) -> Path:
        return self.home / "store.sqlite3"

    def files(self) -> list[Path]:
        """Every file but those in modules/, which are the person's."""
        return [path for path in self.home.rglob("*") if "modules" not in path.parts[len(self.home.parts) :]]

    @contextmanager
    def table(self, write: bool = False) -> Iterator[Table]:
        """The rows, in a transaction if they are to be changed; raises sqlite3.Error."""
        with closing(connected(self.path)) as db:
            db.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            yield Table(db, self.key, self.notes.append, Copies(self.home / "code", self.key, self.notes.append))
            db.execute("COMMIT")


def connected(path: Path) -> sqlite3.Connection:
    """A connection to a database that is there; what is no text in it is read as well as it can be."""
    db = sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=PATIENCE, isolation_level=None)
    db.text_factory = lambda raw: raw.decode("utf-8", "replace")
    return db


def database(patient: Patient) -> Found:
    """Whether the database is whole and of this version."""
    about, number, fault = APPLICATION_ID, SCHEMA, "not there"
    if patient.path.exists():
        try:
            with closing(connected(patient.path)) as db:
                about, number, fault = (_pragma(db, p) for p in ("application_id", "user_version", "integrity_check"))
                if fault != "ok":
                    db.execute("REINDEX")  # which is all that is needed where only an index was wrong
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):  # locked, or not to be read
                raise
            fault = str(error)
    SqliteStore(patient.home, patient.key, PATIENCE)  # raises StoreError if not ours or too new; migrates; makes again
    if fault != "ok":
        yield MENDED, f"store.sqlite3 was damaged, and is made again ({fault})"
    elif about == APPLICATION_ID and number < SCHEMA:
        yield MENDED, f"store.sqlite3 was of schema {number}, and is brought to {SCHEMA}"


def _pragma(db: sqlite3.Connection, name: str) -> Any:
    return db.execute(f"PRAGMA {name}").fetchone()[0]


def records(patient: Patient) -> Found:
    """Whether every record is signed and has its second copy, and none is only there."""
    with patient.table(write=True) as table:
        assert table.copies is not None
        table.find()
        if patient.notes:
            yield NOTE, f"{len(patient.notes)} rows are damaged or not signed by you: they are left, and not loaded"
        patient.notes.clear()
        if number := table.restore():
            yield MENDED, f"{number} records were only in code/"
        yield from ((MENDED, note) for note in patient.notes if ".json" in note)
        copies = {row.slot: row.turn for row in table.copies.rows()}
        rows = [row for row in table.find() if row.copied]
        lost = [row for row in rows if copies.get(row.slot, -1) < row.turn or not _has_text(patient.home, row)]
        for row in lost:
            table.copies.write(row)
        if lost:
            yield MENDED, f"{len(lost)} records had no whole second copy in code/"
        for head in (row for row in table.find("entry") if row.number and not table.entry(row)):
            yield LEFT, f"{head.name} of {head.identity!r} has lost its code: call it to have it written again"


def _has_text(home: Path, row: Row) -> bool:
    with suppress(OSError):
        return row.kind != "version" or (home / "code" / f"{row.text}.py").read_bytes() == row.body["source"].encode()
    return False


def class_files(patient: Patient) -> Found:
    """Whether the class files hold what was pinned, as it was pinned."""
    with patient.table() as table:
        labels = {row.identity: row.name for row in table.find("agent")}
        pinned = [entry for row in table.find("entry") if row.number and (entry := table.entry(row)) and entry.pinned]
    for label in sorted({labels.get(entry.version.key.identity, "") for entry in pinned} - {""}):
        path, found = patient.home / "modules" / f"{label}.py", {}
        with suppress(OSError, ValueError, SyntaxError, RecursionError, MemoryError):
            found = {name: digest(tree, name) for name, tree in units(path.read_text("utf-8"), label).items()}
        wanted = {e.version.key.name: e.version.unit for e in pinned if labels.get(e.version.key.identity) == label}
        if lacks := [name for name, unit in wanted.items() if found.get(name) != unit]:
            again = ", ".join(f"%agent pin {label}.{name}" for name in lacks)
            yield LEFT, f"modules/{path.name} is not what was pinned, and the store serves; to write it: {again}"
        elif not _sealed(patient, path):
            yield NOTE, f"modules/{path.name} was changed outside agent_repl, and the store serves"
    for seal in (patient.home / "seals").glob("*.json"):
        if not (patient.home / "modules" / f"{seal.stem}.py").exists():
            seal.unlink()
            yield MENDED, f"seals/{seal.name} was about a file that is not there"


def _sealed(patient: Patient, path: Path) -> bool:
    """Whether the file is as a pin left it, or trusted so."""
    sha = hashlib.sha256(path.read_bytes()).hexdigest()
    return patient.key.verify(signed_bytes(path, sha), str(seal_of(path).get("mac", "")))


def rests(patient: Patient) -> Found:
    """What others left behind, a day ago or more."""
    old = [path for path in patient.files() if time.time() - path.stat().st_mtime > DAY]
    for path in (path for path in old if path.parent.name == "locks" and _free(path)):
        path.unlink()
        yield MENDED, f"nobody holds the lock {path.name[:12]}"
    for path in (path for path in old if _TORN.fullmatch(path.name)):
        path.unlink()
        yield MENDED, f"{path.name} was never finished"


def _free(path: Path) -> bool:
    with suppress(sqlite3.Error), closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as db:
        db.execute("BEGIN EXCLUSIVE")
        return True
    return False


LOOKS = (database, records, class_files, rests)
