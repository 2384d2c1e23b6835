"""One holder at a time: a file lock, which the operating system gives back when its holder dies.

What is covered: threads and processes of one machine. What is not covered: file systems that know no locks keep nobody
out; a child that was forked by a holder, and outlives it when it is killed, keeps the lock.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
    import time

    def _lock(file: int, hold: bool = False) -> None:
        while True:  # the system's own way to wait gives up after ten seconds
            with suppress(PermissionError):
                return msvcrt.locking(file, msvcrt.LK_NBLCK if hold else msvcrt.LK_UNLCK, 1)
            time.sleep(0.05)
else:
    import fcntl

    def _lock(file: int, hold: bool = False) -> None:
        fcntl.flock(file, fcntl.LOCK_EX if hold else fcntl.LOCK_UN)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold this file's lock, waiting as long as another holder has it or until an interrupt; no file, no lock."""
    with ExitStack() as held:
        with suppress(OSError):
            path.parent.mkdir(exist_ok=True)
            file = held.enter_context(open(path, "ab"))
            _lock(file.fileno(), hold=True)
            held.callback(_lock, file.fileno())
        yield
