"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from threading import get_ident


def replace_file(path: Path, text: str, mode: int = 0o666) -> None:
    """Write a whole file, and the folders above it, or change nothing; line ends stay as they are. Raises OSError.

    `mode` says who may read and write a new file, as far as the umask lets them.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}-{get_ident()}")
    try:
        with open(draft, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
