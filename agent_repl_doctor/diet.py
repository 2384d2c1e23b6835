"""What a home holds, and what may go: what nobody accepted, kept or waits for, and files that were set aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from agent_repl.stores.rows import Table, sealed

from .health import Patient, connected

Spare = tuple[str, str, int, Callable[[], object]]  # its date, what it is, its bytes, and how it goes


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
        for at, text, weight, drop in sorted(_spares(patient, table, before if limit is None else "~"), key=_date):
            if at < before or size > most:
                size -= weight
                dropped[text] += 1
                drop()
    with closing(connected(patient.path)) as db:
        db.execute("VACUUM")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return dropped, _weight(patient.files())


def _spares(patient: Patient, table: Table, before: str) -> Iterator[Spare]:
    query = "SELECT DISTINCT kind, identity, name FROM records WHERE kind IN ('version', 'example') AND at < ?"
    for kind, *key in table.db.execute(query, (before,)).fetchall():
        is_version = kind == "version"
        for row in table.spare(*key) if is_version else table.find(kind, *key):
            if is_version or not row.copied:
                beside = (patient.home / "code").glob(f"{row.text}.*") if is_version else ()
                size = _weight(beside) + len("".join(sealed(row, table.key)))
                yield row.at, f"{kind}s that nobody accepted or kept", size, partial(table.forget, row)
    for path in filter(_set_aside, patient.files()):
        at = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat()
        yield at, "files that were set aside", _weight([path]), path.unlink


def _date(spare: Spare) -> str:
    return spare[0]


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
