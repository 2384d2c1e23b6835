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

from ..errors import StoreError

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
    return stat.S_ISDIR(about.st_mode) and not _others(home, about)


def doubts(home: Path, named: bool) -> list[str]:
    """What a person should know of a home before it is used; raises StoreError for one that is not to be used.

    One that a person named may be a link, another user's or open to all. In none may what it holds lie elsewhere.
    """
    if home.is_symlink() and not named:
        raise StoreError(f"it is a symbolic link: if what it leads to is yours, set AGENT_REPL_HOME={home.resolve()}.")
    try:
        why = _others(home, home.stat())
        links = [each for each in home.iterdir() if each.is_symlink()]
    except OSError:  # it is not there yet, or cannot be read: the store says so itself
        return []
    if links:
        raise StoreError(f"{links[0].name} in it is a symbolic link, out of this home: put what it leads to there.")
    if why and not named:
        raise StoreError(f"it {why}; AGENT_REPL_HOME={home} uses it all the same.")
    modules = sorted((home / "modules").glob("*.py"))
    new = [each for each in modules if not (home / "seals" / f"{each.stem}.json").exists()]
    unknown = [f"{each} came from elsewhere, and is not loaded (agent-repl trust shows it)" for each in new]
    return [*[f"{home} {why}"] * bool(why), *unknown]


def _others(home: Path, about: os.stat_result) -> str:
    """Who else decides what is in a directory, and what to do about it; "" where nobody does."""
    if hasattr(os, "getuid") and about.st_uid != os.getuid():
        return "belongs to another user, who may change what is in it"
    if hasattr(os, "getuid") and about.st_mode & stat.S_IWOTH:
        return f"may be changed by everybody on this machine (chmod o-w {home} ends that)"
    return ""


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
