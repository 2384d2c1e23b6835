"""Whether a folder is on a disk that will be emptied, as far as its path and the mount table tell."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

_MEMORY = {"tmpfs", "ramfs"}


def temporary(home: Path, mounts: str | None = None) -> str:
    """Why what is kept there may be gone tomorrow, in a few words; "" where nothing says so.

    `mounts` is the table as in /proc/mounts. Not covered: machines that are thrown away whole, with all their disks.
    """
    place = home.resolve()
    if place.is_relative_to(Path(tempfile.gettempdir()).resolve()) or place.is_relative_to("/dev/shm"):
        return "in the system's folder for temporary files"
    kind = _kind(place, _table() if mounts is None else mounts)
    if kind in _MEMORY:
        return "on a disk in memory"
    if kind == "overlay":
        colab = "COLAB_RELEASE_TAG" in os.environ
        return "on Colab's own disk, which goes with the machine" if colab else "on a container's own disk"
    return ""


def warning(home: Path | None) -> str:
    """One line for a person whose store is on such a disk; "" for all others."""
    why = temporary(home) if home else ""
    keep = "to keep it set AGENT_REPL_HOME to a folder that stays, and trust_key_file if this machine forgets your key"
    return f"what is learnt is {why}, {home}: {keep}" if why else ""


def _table() -> str:
    try:
        return Path("/proc/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _kind(place: Path, mounts: str) -> str:
    """The file system of the mount that holds a path: the one with the longest path, of those the last."""
    found = (0, "")
    for line in mounts.splitlines():
        _, point, kind, *_ = [*line.split(" "), "", "", ""]
        point = point.replace("\\040", " ")
        if point and place.is_relative_to(point) and len(point) >= found[0]:
            found = len(point), kind
    return found[1]
