"""What Linux forbids a child from now on: resource limits, Landlock and seccomp, seen to hold before anything runs.

Covered: changing files, reading what is not granted, sockets, programs, other processes, memory, time. Not covered:
what is open or shared already (`trial` sees to it), names and sizes of files, threads of its own, faults of the kernel.
"""

from __future__ import annotations

import math
import os
import platform
import signal
import stat
import struct
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

_ALLOWED = {  # the system calls by number, on x86_64 and on aarch64; all others are refused
    # read write open close stat fstat lstat poll lseek pread64 access getcwd readlink getdents openat newfstatat
    # readlinkat faccessat statx faccessat2 dup pipe2 close_range ppoll pselect6
    "files": ((0, 1, 2, 3, 4, 5, 6, 7, 8, 17, 21, 79, 89, 217, 257, 262, 267, 269, 332, 439, 32, 293, 436, 271, 270),
              (63, 64, 57, 80, 62, 67, 17, 61, 56, 79, 78, 48, 291, 439, 23, 59, 436, 73, 72)),
    # mmap mprotect munmap brk mremap futex exit exit_group sched_yield gettid set_robust_list rseq sched_getaffinity
    # rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack restart_syscall
    "memory": ((9, 10, 11, 12, 25, 202, 60, 231, 24, 186, 273, 334, 204, 13, 14, 15, 131, 219),
               (222, 226, 215, 214, 216, 98, 93, 94, 124, 178, 99, 293, 123, 134, 135, 139, 132, 128)),
    # nanosleep clock_gettime clock_getres clock_nanosleep getpid uname getrusage sysinfo getuid getgid geteuid getegid
    # getppid getrandom
    "facts": ((35, 228, 229, 230, 39, 63, 98, 99, 102, 104, 107, 108, 110, 318),
              (101, 113, 114, 115, 172, 160, 165, 179, 174, 176, 175, 177, 173, 278)),
}  # fmt: skip
_OF_WRITERS = {
    # pwrite64 writev truncate ftruncate fsync fdatasync rename renameat renameat2 mkdir mkdirat rmdir unlink unlinkat
    # chdir
    "files": ((18, 20, 76, 77, 74, 75, 82, 264, 316, 83, 258, 84, 87, 263, 80),
              (68, 66, 45, 46, 82, 83, 38, 276, 34, 35, 49)),
}  # fmt: skip
_IN_PART = {  # calls that are allowed where one argument, masked, has one of these values; clone makes threads only
    "clone": (56, 220, 0, 0x7E030000, (0x10000,)), "fcntl": (72, 25, 1, 0xFFFFFFFF, (0, 1, 2, 3, 1030)),
    "ioctl": (16, 29, 1, 0xFFFFFFFF, (0x5450, 0x5451)),  # FIOCLEX and its opposite, by which Python opens files
    "prlimit64": (302, 261, 0, 0xFFFFFFFF, (0,)), "madvise": (28, 233, 2, 0xFFFFFFFF, (0, 1, 2, 3, 4, 8, 14, 15)),
}  # fmt: skip
_LOCKS = {"fcntl": (72, 25, 1, 0xFFFFFFFF, (0, 1, 2, 3, 5, 6, 7, 1030))}  # SQLite reads under locks of its own
LARGEST = 1 << 28
_RAISES_LIMITS = 1 << 24  # CAP_SYS_RESOURCE, which root may have
# to read and write files and read folders, remove and make both, rename between folders, cut short
_CHANGING = 2 | 4 | 8 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 13 | 1 << 14


class LockError(Exception):
    """A layer of the lock cannot be had here, or was seen not to hold."""


def lock(readable: Iterable[Path], seconds: float, memory: int, writable: Path | None = None) -> None:
    """Lock this process for good, and see that it holds: Python's own and `readable` may be read, nothing be changed.

    `seconds` of processor time and `memory` bytes above what is in use are left to it. Files may be made and changed
    below the folder `writable`, where there is one, up to `LARGEST` bytes each. Raises LockError.
    """
    import ctypes
    import socket

    libc = ctypes.CDLL(None, use_errno=True)

    def ask(name: str, *arguments: Any) -> int:
        if (answer := getattr(libc, name)(*arguments)) < 0:
            raise LockError(f"this system refused {name}({arguments[0]}): {os.strerror(ctypes.get_errno())}")
        return int(answer)

    _limit(seconds, memory, LARGEST if writable else 0)
    ask("prctl", 1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
    ask("prctl", 38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    header, held = ctypes.create_string_buffer(struct.pack("Ii", 0x20080522, 0), 8), ctypes.create_string_buffer(24)
    ask("capget", header, held)
    rights = struct.unpack("6I", held.raw)  # effective, permitted, inheritable; then those above 31
    ask("capset", header, struct.pack("6I", *(r & ~_RAISES_LIMITS for r in rights[:3]), *rights[3:]))
    _grant(ask, [*_own(), *readable], writable)
    held = ctypes.create_string_buffer(program := _program(*[True] * bool(writable)))
    ask("prctl", 22, 2, struct.pack("HP", len(program) // 8, ctypes.addressof(held)))  # PR_SET_SECCOMP
    write, read = partial(os.open, "/dev/null", os.O_WRONLY), partial(os.listdir, "/")
    for attempt in (write, read, socket.socket, partial(os.execv, "/", ["/"])):
        with suppress(PermissionError):
            attempt()
            raise LockError(f"the lock was seen to let this through: {attempt}")


def _limit(seconds: float, memory: int, largest: int) -> None:
    import resource as r

    used = int(Path("/proc/self/statm").read_text().split()[0]) * r.getpagesize()
    threads = int(Path("/proc/loadavg").read_text().split()[3].partition("/")[2])
    most = {r.RLIMIT_CPU: math.ceil(seconds) + 1, r.RLIMIT_AS: used + memory, r.RLIMIT_NPROC: threads + 64}
    for kind, wanted in {**most, r.RLIMIT_FSIZE: largest, r.RLIMIT_CORE: 0, r.RLIMIT_NOFILE: 256}.items():
        hard = r.getrlimit(kind)[1]
        r.setrlimit(kind, (wanted, wanted) if hard == r.RLIM_INFINITY else (min(wanted, hard),) * 2)


def _own() -> list[Path]:
    """What Python reads for itself: its library and installed packages, shared libraries, time zones."""
    libraries = [Path(root, name) for root in ("/", "/usr", sys.prefix, sys.base_prefix) for name in ("lib", "lib64")]
    packages = [Path(entry) for entry in sys.path if entry.endswith("-packages")]
    rest = ("/usr/share/zoneinfo", "/etc/localtime", "/etc/ld.so.cache", "/dev/null", "/dev/urandom")
    return [*libraries, *packages, Path(__file__).parent, *map(Path, rest)]


def _grant(ask: Callable[..., int], readable: Iterable[Path], writable: Path | None) -> None:
    """Landlock: forbid every right that this kernel knows, then grant reading, and what files need in one folder."""
    abi = ask("syscall", 444, None, 0, 1)
    if writable and abi < 3:
        raise LockError("Landlock of this kernel does not keep files from being cut short: it takes Linux 6.2")
    rights = (1 << {1: 13, 2: 14, 3: 15, 4: 15}.get(abi, 16)) - 1
    rules = ask("syscall", 444, struct.pack("QQQ", rights, 3 * (abi >= 4), 3 * (abi >= 6)), 24, 0)
    for path in filter(os.path.exists, [*readable, *([writable] if writable else [])]):
        place = os.open(path, os.O_PATH)
        granted = _CHANGING if path is writable else 12 if stat.S_ISDIR(os.fstat(place).st_mode) else 4
        ask("syscall", 445, rules, 1, struct.pack("=Qi", granted, place), 0)
        os.close(place)
    ask("syscall", 446, rules, 0)
    os.close(rules)


def _program(writes: bool = False) -> bytes:
    """The seccomp filter: EPERM to what is not allowed, ENOSYS to the newer calls, which libraries can do without."""
    machine, name = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}[platform.machine()]
    allow, refuse = (6, 0, 0, 0x7FFF0000), (6, 0, 0, 0x50001)
    lines = [(0x20, 0, 0, 4), (0x15, 1, 0, name), refuse, (0x20, 0, 0, 0)]
    for group in [*_ALLOWED.values(), *(_OF_WRITERS.values() if writes else ())]:
        lines += [line for number in group[machine] for line in ((0x15, 0, 1, number), allow)]
    for *numbers, argument, mask, values in (_IN_PART | (_LOCKS if writes else {})).values():
        tests = [line for value in values for line in ((0x15, 0, 1, value), allow)]
        body = [(0x20, 0, 0, 16 + 8 * argument), (0x54, 0, 0, mask), *tests, refuse]
        lines += [(0x15, 0, len(body), numbers[machine]), *body]
    return b"".join(struct.pack("HBBI", *line) for line in [*lines, (0x35, 0, 1, 424), (6, 0, 0, 0x50026), refuse])
