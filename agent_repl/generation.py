"""A word that every decision in a home changes, in memory that all processes of that home share."""

from __future__ import annotations

import sys
from contextlib import suppress
from mmap import ACCESS_READ, mmap
from os import urandom
from pathlib import Path


class Generation:
    """`word[0]` is another number after every decision; reading it costs about 20 ns.

    The number is a random one below 2^30, which Python compares fast, so that writers need no lock: that one equals
    another is left to chance, once in 10^9. Where there is no disk, or nothing can be mapped, it is this process's own.
    """

    def __init__(self, home: Path | None) -> None:
        self._path = home and home / "generation"
        self.word = memoryview(bytearray(4)).cast("I")

    def share(self, make: bool = True) -> None:
        """From now on see what other processes decide; with `make` even before any did, in a home that is there."""
        mine = self.word
        if self._path is None or mine.readonly or not (make or self._path.exists()):
            return
        with suppress(OSError, ValueError), open(self._path, "a+b", buffering=0) as file:
            if file.seek(0, 2) < 4:
                file.write(_drawn())
            self.word = memoryview(mmap(file.fileno(), 4, access=ACCESS_READ)).cast("I")
            mine[0] += 1  # whoever still looks at it looks again

    def raise_(self) -> None:
        """Tell all processes that something was decided; call it when the decision can be read."""
        self.share()
        word = self.word  # another thread may put the shared one in its place
        if not word.readonly:
            word[0] += 1
        elif self._path is not None:
            with suppress(OSError), open(self._path, "r+b", buffering=0) as file:
                file.write(_drawn())


def _drawn() -> bytes:
    return (int.from_bytes(urandom(4), "little") >> 2).to_bytes(4, sys.byteorder)
