"""The second copy: for every text one file that holds exactly it, and one that holds the signed rows about it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from threading import get_ident

from .rows import Row, sealed, sha256, unsealed
from .signing import SigningKey


class Copies:
    """The files `<sha256>.py` and `<sha256>.json` in a folder; `note` is told what was damaged. All raise OSError."""

    def __init__(self, folder: Path, key: SigningKey, note: Callable[[str], None]) -> None:
        self.folder = folder
        self._key = key
        self._note = note

    def write_source(self, source: str) -> Path:
        """The file that holds exactly this source, made again when its bytes are others."""
        path, data = self.folder / f"{sha256(source)}.py", source.encode()
        if not (path.exists() and path.read_bytes() == data):
            _replace_file(path, data)
        return path

    def add(self, sha: str, rows: list[Row]) -> None:
        """Put rows beside the text of this hash, in place of what their slots held; only one writer at a time."""
        path = self.folder / f"{sha}.json"
        slots = {row.slot for row in rows}
        kept = [(data, mac) for data, mac, old in self._read(path) if old is None or old.slot not in slots]
        _replace_file(path, json.dumps(kept + [sealed(row, self._key) for row in rows], indent=1).encode())

    def rows(self) -> list[Row]:
        """The latest row of every slot, oldest first."""
        found = [row for path in sorted(self.folder.glob("*.json")) for *_, row in self._read(path) if row]
        # Two rows for one slot: a writer died before it committed the earlier one.
        latest = {row.slot: row for row in sorted(found, key=lambda row: (row.turn, row.at))}
        return sorted(latest.values(), key=lambda row: row.at)

    def _read(self, path: Path) -> list[tuple[str, str, Row | None]]:
        try:
            return [(data, mac, unsealed(data, mac, self._key)) for data, mac in json.loads(path.read_bytes())]
        except FileNotFoundError:
            return []
        except (ValueError, TypeError):
            self._note(f"{path} is damaged: set aside as {path.name}.damaged.")
            os.replace(path, f"{path}.damaged")
            return []


def _replace_file(path: Path, data: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}-{get_ident()}.tmp")
    try:
        with open(draft, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
