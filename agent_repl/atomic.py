"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import get_ident


def replace_file(path: Path, text: str, mode: int = 0o666) -> None:
    """Write a whole file, and the folders above it, or change nothing; line ends stay as they are. Raises OSError.

    `mode` says who may read and write a new file, as far as the umask lets them.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = _draft(path)
    try:
        _write(draft, text.encode(), mode)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def replace_files(files: Mapping[Path, bytes]) -> None:
    """Write several files and the folders above them, or change nothing; raises OSError.

    Each is there whole or not at all. Not covered: a crash between the first and the last leaves some old and some new.
    """
    before: dict[Path, bytes | None] = {}
    made = [folder for path in files for folder in path.parents if not folder.exists()]
    try:
        for path, held in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(_draft(path), held)
        for path in files:
            before[path] = path.read_bytes() if path.exists() else None
            os.replace(_draft(path), path)
    except BaseException:
        _take_back(before, map(_draft, files), made)
        raise


def _take_back(before: Mapping[Path, bytes | None], drafts: Iterable[Path], made: list[Path]) -> None:
    """As it was: what was there, and nothing of ours; what cannot be put back stays."""
    with suppress(OSError):
        for path, held in before.items():
            path.unlink(missing_ok=True) if held is None else _write(path, held)
        for draft in drafts:
            draft.unlink(missing_ok=True)
        for folder in sorted(set(made), key=lambda each: -len(each.parts)):
            folder.rmdir()


def _draft(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}-{get_ident()}")


def _write(path: Path, held: bytes, mode: int = 0o666) -> None:
    with open(path, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(held)
        file.flush()
        os.fsync(file.fileno())
