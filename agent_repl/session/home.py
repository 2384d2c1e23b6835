"""Where what is learnt is kept: the nearest `.agent_repl` directory upward, and in it a name for each identity."""

from __future__ import annotations

import keyword
import os
import re
import stat
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path

NAME = ".agent_repl"
_SMALL = frozenset({"a", "an", "and", "the", "for", "of", "in", "on", "to", "with", "that", "from", "my", "this"})


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


def slug(identity: str) -> str:
    """`CSV data analyst for {path}: messy dates` → `csv_data_analyst`."""
    head = re.sub(r"\{[^}]*\}", " ", identity.partition(":")[0])
    plain = unicodedata.normalize("NFKD", head.lower()).encode("ascii", "ignore").decode()
    words = [w for w in re.findall(r"[a-z0-9]+", plain) if w not in _SMALL][:3]
    name = "_".join(words) or "agent"
    return name if is_name(name) else f"{name}_agent" if name[0].isalpha() else f"agent_{name}"


def is_name(name: str) -> bool:
    """Whether an agent, its class and its file may be called that."""
    plain = re.fullmatch(r"[a-z][a-z0-9_]*", name) is not None
    return plain and not keyword.iskeyword(name) and name not in sys.stdlib_module_names
