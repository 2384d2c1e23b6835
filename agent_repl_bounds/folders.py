"""Folders that go with their process: when it ends or, where it was killed, when the next one makes its first.

Each process has one folder of its own in that for temporary files, and holds a lock on it for as long as it lives.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from contextlib import suppress
from functools import cache
from pathlib import Path

PREFIX = "agent-workers-"


def new_folder() -> str:
    """An empty folder in this process's own; raises OSError."""
    return tempfile.mkdtemp(dir=_root().path)


def sweep() -> None:
    """Remove what processes that are gone have left."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if (lock := _locked(str(path))) is not None:
            remove(str(path))
            os.close(lock)


def remove(path: str, host: int = 0) -> None:
    """Remove a folder with all that is in it, whatever was made of its modes; only in the process `host`, if given."""
    if host in (0, os.getpid()):
        _open(path)
        for place, folders, _ in os.walk(path):
            for name in folders:
                _open(os.path.join(place, name))
        shutil.rmtree(path, ignore_errors=True)


def _open(folder: str) -> None:
    with suppress(OSError):
        if not os.path.islink(folder):
            os.chmod(folder, 0o700)


class _Root:
    """The folder of this process, which goes with it."""

    def __init__(self) -> None:
        self.path = tempfile.mkdtemp(prefix=PREFIX)
        if _locked(self.path) is None:  # another process has taken it for one that was left, or there are no locks here
            remove(self.path)
            self.path = tempfile.mkdtemp(prefix=PREFIX)
            _locked(self.path)
        weakref.finalize(self, remove, self.path, os.getpid())  # the lock is let go by the system


@cache
def _root() -> _Root:
    sweep()
    return _Root()


def _locked(path: str) -> int | None:
    """A descriptor that holds the lock of a folder of ours; None where another process has it, or there is none."""
    lock = -1
    with suppress(OSError, ImportError):
        import fcntl  # late: Windows has none, and no workers

        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(lock).st_uid == os.getuid() and os.path.samestat(os.fstat(lock), os.lstat(path)):
            return lock
    if lock >= 0:
        os.close(lock)
    return None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_root.cache_clear)  # which has a folder of its own
