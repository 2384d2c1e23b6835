"""Where what is learnt is kept: the nearest `.agent_repl` directory upward from the working directory."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

NAME = ".agent_repl"


def find_home(start: Path, environment: Mapping[str, str]) -> Path:
    """The home for a working directory: AGENT_REPL_HOME, else the nearest one upward, else a new one right there.

    The search ends at a repository's root, the user's home directory or the edge of a file system, and takes none
    from the last two, nor one that belongs to somebody else or that others may write.
    """
    if chosen := environment.get("AGENT_REPL_HOME"):
        return Path(chosen).expanduser()
    start = start.resolve()
    found = (folder / NAME for folder in _upward(start) if _ours(folder / NAME))
    return next(found, start / NAME)


def _upward(start: Path) -> Iterator[Path]:
    device = start.stat().st_dev
    for folder in (start, *start.parents):
        if folder in (Path.home(), folder.parent) or folder.stat().st_dev != device:
            return
        yield folder
        if (folder / ".git").exists():
            return


def _ours(home: Path) -> bool:
    try:
        about = home.lstat()
    except OSError:
        return False
    mine = not hasattr(os, "getuid") or (about.st_uid == os.getuid() and not about.st_mode & stat.S_IWOTH)
    return stat.S_ISDIR(about.st_mode) and mine
