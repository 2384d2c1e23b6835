"""Code tried in a forked child that the operating system has locked down: only a small report comes back.

Covered: what `lockdown` says; no descriptor but the report's is open, maps shared with the parent are read-only. Not
covered: a report can tell what is in memory; refused reads that code swallows; maps against ctypes before Linux 6.10.
"""

import json
import os
import re
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import IO, Any, Literal, NoReturn

from .lockdown import LockError, lock

LIMIT, MEMORY = 65_536, 1 << 30
Errors = tuple[type[BaseException], ...]
_FORK_UNSAFE = {"polars", "torch", "jax", "tensorflow", "duckdb", "pyspark", "ray"}
_OUTSIDE = (MemoryError, ModuleNotFoundError)
_INSIDE = (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError)
_ACTS = re.compile(r"(socket|subprocess|shutil)\.|os\.(?!listdir|scandir|f?walk|putenv|unsetenv)")


@dataclass(frozen=True)
class Report:
    """How a trial ended; `error` is "TypeError: ...", `why` its traceback, or why the code was not tried."""

    status: Literal["done", "raised", "not tried"]
    value: Any = None
    error: str = ""
    why: str = ""


def cannot_try() -> str:
    """Why no trial can be had in this process now, "" where one can: found out by a trial of nothing."""
    return trial(lambda: None, seconds=20.0).why


def trial(work: Callable[[], Any], readable: Iterable[Path] = (), seconds: float = 5.0, outside: Errors = ()) -> Report:
    """Call `work` in a locked child that may read `readable`, and report what it returned (at most 64 KB of JSON).

    Where it raises one of `outside`, which are the caller's own and tell nothing about the code, it was not tried.
    """
    if sys.platform != "linux" or not hasattr(os, "fork"):
        return Report("not tried", why="only Linux can lock a child")
    if unsafe := _FORK_UNSAFE & sys.modules.keys():
        return Report("not tried", why=f"{min(unsafe)} is loaded, which breaks in a forked child")
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # none of our handlers runs in the child
    mine, its = os.pipe()
    with open(mine, "rb") as pipe, open(its, "wb") as end:
        try:
            with warnings.catch_warnings(action="ignore"):  # of threads: what they keep locked meets the deadline
                pid = os.fork()
            if not pid:
                _child(work, readable, seconds, outside, its)
            end.close()
            return _heard(pid, pipe, seconds, mask)
        except OSError as error:
            return Report("not tried", why=f"no child could be had: {error}")
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _heard(pid: int, pipe: IO[bytes], seconds: float, mask: Iterable[int]) -> Report:
    """The child's report; the child ends with it, at the deadline or with Ctrl-C, whatever it does."""
    deadline = Timer(seconds, os.kill, (pid, signal.SIGKILL))
    try:
        deadline.start()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        text = pipe.readline(LIMIT)
    finally:
        deadline.cancel()
        os.kill(pid, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    try:
        status, value, error, why = json.loads(text)
        return Report(status if status in ("done", "raised") else "not tried", value, str(error), str(why))
    except (ValueError, TypeError, RecursionError):
        ending = f"it gave no report within {seconds:g} s" if code == -signal.SIGKILL else f"it left by itself ({code})"
        return Report("not tried", why="its report is larger than 64 KB" if len(text) == LIMIT else ending)


def _child(work: Callable[[], Any], readable: Iterable[Path], seconds: float, outside: Errors, pipe: int) -> NoReturn:
    try:
        _cut_off(pipe)
        lock(readable, seconds, MEMORY)
        os.write(pipe, json.dumps(_attempt(work, outside)).encode() + b"\n")
    except BaseException as error:
        os.write(pipe, json.dumps(("not tried", None, "", f"{type(error).__name__}: {error}")).encode() + b"\n")
    finally:
        os._exit(0)


def _cut_off(pipe: int) -> None:
    """Leave nothing of the parent's in reach: signal handlers, descriptors, streams, shared maps."""
    import ctypes
    import gc

    gc.disable()  # it could take away a map that is being looked at
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for stream in range(3):
        os.dup2(os.open(os.devnull, os.O_RDWR), stream)
    os.closerange(3, pipe)
    os.closerange(pipe + 1, max(map(int, os.listdir("/proc/self/fd"))) + 1)
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
    for start, end, rights in re.findall(r"^(\w+)-(\w+) (...)s", Path("/proc/self/maps").read_text(), re.MULTILINE):
        place = (ctypes.c_void_p(int(start, 16)), ctypes.c_size_t(int(end, 16) - int(start, 16)))
        if ctypes.CDLL(None).mprotect(*place, int(rights[0] == "r")):
            raise LockError("a shared map cannot be made read-only")
        ctypes.CDLL(None).syscall(462, *place, ctypes.c_ulong(0))  # mseal, since Linux 6.10


def watched() -> list[str]:
    """From now on, what this process is seen to try that a trial forbids; code may swallow that it was refused."""
    refused: list[str] = []

    def note(event: str, details: tuple[Any, ...]) -> None:
        if _ACTS.match(event) or (event == "open" and details[2] & os.O_ACCMODE):
            refused.append(f"a trial forbids {event} {details[:1]}"[:2000])

    sys.addaudithook(note)  # code that swallows a refusal must not pass for code that ran
    return refused


def _attempt(work: Callable[[], Any], outside: Errors) -> tuple[str, Any, str, str]:
    refused = watched()
    try:
        report: tuple[str, Any, str, str] = ("done", work(), "", "")
    except BaseException as error:
        trace, why = "".join(traceback.format_exception(error))[-8000:], refusal(error, outside)
        report = ("raised", None, f"{type(error).__name__}: {error}"[:2000], trace)
        refused += [why] * bool(why)
    return ("not tried", None, "", refused[0]) if refused else report


def refusal(error: BaseException | None, outside: Errors = ()) -> str:
    """Why this error tells nothing about the code that raised it in a trial with that `outside`, "" where it does."""
    while error is not None:
        system = isinstance(error, OSError) and error.errno is not None and not isinstance(error, _INSIDE)
        if system or isinstance(error, (*_OUTSIDE, *outside)) or type(error).__name__ == "OperationalError":
            return f"{type(error).__name__}: {error}"[:2000]
        error = error.__cause__ or error.__context__
    return ""
