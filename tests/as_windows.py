"""What Windows lacks is taken away; started as `sitecustomize`, so that child processes lack it too.

Not covered: which of their own modules other packages choose by `sys.platform` (drawing in a terminal is one).
"""

import os
import sys

ABSENT = ("fcntl", "termios", "resource", "pwd", "grp", "pty", "tty")
CALLS = ("fork", "forkpty", "register_at_fork", "killpg", "getpgrp", "setsid", "openpty", "geteuid", "O_NOFOLLOW")


class Absent:
    """Finds none of these modules, whoever asks."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name in ABSENT:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


for name in ABSENT:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Absent())  # type: ignore[arg-type]
for name in CALLS:
    if hasattr(os, name):
        delattr(os, name)
