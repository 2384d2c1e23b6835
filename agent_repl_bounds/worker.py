"""What holds a worker: it ends with its host and has limits; in a sandbox the system forbids it all but its work."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any


def bound(setup: Mapping[str, Any], pipe: int) -> list[str]:
    """Bind this process as its host says, and see that it holds; the layers in words. Raises LockError, OSError."""
    os.umask(0o077)
    if sys.platform != "linux":
        _limit(setup)
        return ["rlimits"]
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
    if not setup["inside"] and os.getppid() != setup["host"]:
        os._exit(0)
    if not setup["sandbox"]:
        _limit(setup)
        return ["rlimits"]
    from .lockdown import lock

    os.closerange(3, pipe)
    os.closerange(pipe + 1, max(map(int, os.listdir("/proc/self/fd"))) + 1)
    libc.prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
    lock(map(Path, setup["readable"]), setup["processor"], setup["memory"], Path(setup["own"]))
    return ["Landlock", "seccomp", "rlimits"]


def _limit(setup: Mapping[str, Any]) -> None:
    import resource as r

    used = 0
    with suppress(OSError):
        used = int(Path("/proc/self/statm").read_text().split()[0]) * r.getpagesize()
    wanted = {r.RLIMIT_CORE: 0, r.RLIMIT_AS: used + setup["memory"]}
    with suppress(OSError):
        threads = int(Path("/proc/loadavg").read_text().split()[3].partition("/")[2])
        wanted[r.RLIMIT_NPROC] = threads + 256
    for kind, most in wanted.items():
        with suppress(OSError, ValueError):
            hard = r.getrlimit(kind)[1]
            r.setrlimit(kind, (most if hard == r.RLIM_INFINITY else min(most, hard), hard))
