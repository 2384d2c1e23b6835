"""Small files that are taken along, each under a name of its own."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

LARGEST = 1_000_000


@dataclass
class Copies:
    """What the files are called there, by the path that was said, and their bytes by that name."""

    names: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)

    def take(self, path: str) -> None:
        """Take a file along, under its own relative path where it has one; raises OSError."""
        held, given = Path(path).read_bytes(), Path(path)
        inside = not given.is_absolute() and ".." not in given.parts
        wanted = given.as_posix() if inside else given.name
        others = (wanted, *(f"{number}_{given.name}" for number in range(2, 1000)))
        name = next(n for n in others if self.files.get(n, held) == held)
        self.names[path], self.files[name] = name, held


def kept_out(path: str) -> str:
    """Why a path is not taken along, "" where it can be."""
    if not os.path.isfile(path):
        return f"it reads a folder, {os.path.basename(path)}"
    if not os.access(path, os.R_OK):
        return "it reads a file that cannot be read now"
    return "it reads a file of more than 1 MB" if os.path.getsize(path) > LARGEST else ""
