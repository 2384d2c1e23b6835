"""The second copy: for every text one file that holds exactly it, and one that holds the signed rows about it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..atomic import replace_file
from .rows import Row, sealed, sha256, unsealed
from .signing import SigningKey


@dataclass(frozen=True)
class Copies:
    """The files `<sha256>.py` and `<sha256>.json` in a folder; `note` is told what was damaged. All raise OSError."""

    folder: Path
    key: SigningKey
    note: Callable[[str], None]

    def write_source(self, source: str) -> Path:
        """The file that holds exactly this source, made again when its bytes are others."""
        path = self.folder / f"{sha256(source)}.py"
        if not (path.exists() and path.read_bytes() == source.encode()):
            replace_file(path, source)
        return path

    def write(self, row: Row) -> None:
        """Put a row beside its text, in place of what its slot held; only one writer at a time."""
        if row.kind == "version":
            self.write_source(row.body["source"])
        path = self.folder / f"{row.text}.json"
        kept = [(data, mac) for data, mac, old in self._read(path) if not (old and old.slot == row.slot)]
        replace_file(path, json.dumps([*kept, sealed(row, self.key)], indent=1))

    def rows(self) -> list[Row]:
        """The latest row of every slot, oldest first."""
        found = [row for path in sorted(self.folder.glob("*.json")) for *_, row in self._read(path) if row]
        # Two rows for one slot: its text has changed, or a writer died before it committed the earlier one.
        latest = {row.slot: row for row in sorted(found, key=lambda row: (row.turn, row.at))}
        return sorted(latest.values(), key=lambda row: row.at)

    def _read(self, path: Path) -> list[tuple[str, str, Row | None]]:
        try:
            return [(data, mac, unsealed(data, mac, self.key)) for data, mac in json.loads(path.read_bytes())]
        except FileNotFoundError:
            return []
        except (ValueError, TypeError):
            self.note(f"{path} is damaged: set aside as {path.name}.damaged.")
            with suppress(PermissionError):
                os.replace(path, f"{path}.damaged")
            return []
