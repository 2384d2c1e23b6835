"""What a home holds, and what may go: what nobody accepted, kept or waits for, and files that were set aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

from agent_repl.stores.rows import Row, Table, sealed

from .health import Patient, connected


class Spare(NamedTuple):
    """One thing that may go: its date, what it is, its bytes."""

    at: str
    text: str
    size: int
    drop: Callable[[], object]


def prune(patient: Patient, days: float | None, limit: float | None) -> tuple[Counter[str], int]:
    """Drop what is older than so many days, then the oldest until no more than `limit` megabytes are left.

    What was dropped, by kind, and the bytes that are left. Raises sqlite3.Error where another process is at work.
    """
    dropped: Counter[str] = Counter()
    if not patient.path.exists():
        return dropped, 0
    before = (datetime.now(UTC) - timedelta(days=days)).isoformat() if days is not None else ""
    size, most = _weight(patient.files()), float("inf") if limit is None else limit * 1e6
    with patient.table(write=True) as table:
        for spare in sorted(_spares(patient, table, before if limit is None else "~"), key=lambda spare: spare.at):
            if spare.at < before or size > most:
                size -= spare.size
                dropped[spare.text] += 1
                spare.drop()
    with closing(connected(patient.path)) as db:
        db.execute("VACUUM")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return dropped, _weight(patient.files())


def _spares(patient: Patient, table: Table, before: str) -> Iterator[Spare]:
    query = "SELECT DISTINCT identity, name FROM records WHERE kind = ? AND at < ?"
    for key in table.db.execute(query, ("version", before)).fetchall():
        for row in table.spare(*key):
            code = patient.home / "code" / row.text
            size = _weight([code.with_suffix(".py"), code.with_suffix(".json")])
            yield _spare(table, row, "versions that nobody accepted", size)
    for key in table.db.execute(query, ("example", before)).fetchall():
        for row in table.find("example", *key):
            if not row.copied:
                yield _spare(table, row, "examples that nobody kept")
    for path in filter(_set_aside, patient.files()):
        at = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat()
        yield Spare(at, "files that were set aside", _weight([path]), path.unlink)


def _spare(table: Table, row: Row, text: str, beside: int = 0) -> Spare:
    return Spare(row.at, text, beside + len("".join(sealed(row, table.key))), partial(table.forget, row))


def sizes(patient: Patient) -> Iterator[str]:
    """A line for each kind of file, and one for what the database holds."""
    for name, pattern in (("store", "store.sqlite3*"), ("code", "code/*"), ("modules", "modules/*.py")):
        files = [path for path in patient.home.glob(pattern) if not _set_aside(path)]
        yield f"{name:10} {_weight(files) / 1e6:9.3f} MB  in {len(files)} files"
    yield f"{'set aside':10} {_weight(filter(_set_aside, patient.files())) / 1e6:9.3f} MB"
    if patient.path.exists():
        with patient.table() as table:
            held = table.db.execute("SELECT kind, count(*) FROM records GROUP BY kind ORDER BY kind").fetchall()
        yield "records    " + ", ".join(f"{number} {kind}" for kind, number in held)


def _set_aside(path: Path) -> bool:
    return ".damaged" in path.name


def _weight(paths: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in paths if path.is_file())
