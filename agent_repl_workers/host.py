"""One worker process as its host has it: started, spoken to within a time, and ended with all that it began."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any

from agent_repl.errors import ExecutorError
from agent_repl_bounds.lockdown import LARGEST
from agent_repl_data.crossing import LIMIT, Malformed
from agent_repl_data.crossing.wire import framed, received

START = 60.0
_BOOT = "import sys; sys.path[:] = {path!r}; from agent_repl_workers.worker import main; main({pipe})"
_HERE = Path(__file__).parent
_OURS = [str(place) for place in _HERE.parent.glob("agent_repl*") if place.is_dir()]
TEXT_OF_STRANGERS, MOST_FILES = 1 << 24, 10_000
_BARE = {"LC_ALL": "C.UTF-8", "OMP_NUM_THREADS": "4", "OPENBLAS_NUM_THREADS": "4"}  # each thread takes of its memory


class Gone(Exception):
    """The worker ended, or had to be ended; says why."""


class Spoilt(Gone):
    """It ended or said what makes no sense, maybe for what an earlier call left there."""


class Full(Gone):
    """It wrote too much."""


class Worker:
    """A process that runs written code; `layers` says what holds it. Raises ExecutorError where it cannot be had.

    It may read `readable` in a sandbox, write below `own`, and use `memory` bytes. It has `seconds` left for what it is
    asked; the time in which it waits for us does not count. In a trial a call that tries what is forbidden is none.
    """

    def __init__(self, sandbox: bool, readable: Iterable[str], memory: int, own: str, trial: bool = False) -> None:
        if not hasattr(socket, "socketpair") or os.name != "posix":
            raise ExecutorError("workers need Linux or macOS: leave executor at inline")
        if sandbox and sys.platform != "linux":
            raise ExecutorError(
                "executor=sandbox needs Linux, for Landlock and seccomp: use process, or another machine"
            )
        self.readable, self.sandbox, self.own = frozenset(readable), sandbox, own
        self.inside = bool(sandbox and bubblewrap())
        self.fresh, self.running = True, 0
        self.seconds, self.limit, self._room = START, START, LIMIT
        self._end, its = socket.socketpair()
        try:
            self.process, self.pid = _spawner().submit(self._start, its).result()
        finally:
            its.close()
        self.close = weakref.finalize(self, _end, os.getpid(), self.process, self.pid, self._end)
        self.layers = self._greeted(memory, trial)

    def _start(self, its: socket.socket) -> tuple[subprocess.Popen[bytes], int]:
        """In a thread that lives as long as we do: Linux ends a child with the thread that began it."""
        around = dict(_BARE, HOME=self.own, TMPDIR=self.own) if self.sandbox else dict(os.environ)
        boot = _BOOT.format(path=_path(), pipe=its.fileno())
        told, tells = os.pipe()
        with open(told, "rb") as said:
            with open(tells, "wb"):
                wrapper = [bubblewrap(), *_view(self.own), "--info-fd", str(tells)] * self.inside
                process = subprocess.Popen(
                    [*wrapper, sys.executable, "-I", "-S", "-B", "-c", boot],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env=around,
                    pass_fds=[its.fileno(), tells][: 1 + self.inside],
                    start_new_session=True,
                )
            lines = takewhile(lambda line: line != b"}\n", said if self.inside else ())  # all, or bubblewrap ends
            found = re.search(rb'"child-pid": (\d+)', b"".join(lines))
        return process, int(found[1]) if found else process.pid

    def _greeted(self, memory: int, trial: bool) -> list[str]:
        setup = {"sandbox": self.sandbox, "path": _path(), "host": os.getpid(), "own": self.own, "memory": memory}
        setup |= {"readable": [*_OURS, *self.readable], "inside": self.inside, "trial": trial, "processor": 3600.0}
        try:
            self.send(setup)
            match self.receive():
                case ["", "ready", list(layers)]:
                    return [*layers, "bubblewrap"] if self.inside else layers
                case ["", "refused", str(why)]:
                    raise Gone(why)
            raise Gone("it said something else")
        except Gone as gone:
            self.close()
            raise ExecutorError(f"no worker can be had here, so nothing runs: {gone}") from None

    def send(self, message: Any) -> None:
        """Send a message; raises Gone."""
        for buffer in framed(message):
            view = memoryview(buffer)
            while view:
                view = view[self._within(self._end.send, view) :]

    def receive(self) -> Any:
        """The worker's next message; raises Gone when it ended, the time is over, or what it sent is no message."""
        try:
            return received(self._filled, TEXT_OF_STRANGERS * self.sandbox)
        except EOFError:
            raise Spoilt(self._ending()) from None
        except Malformed as error:
            raise Spoilt(f"it sent what cannot be read: {error}") from error

    def _filled(self, view: memoryview) -> int:
        count: int = self._within(self._end.recv_into, view)
        self._room -= count
        if self._room < 0 and self.sandbox:
            raise Gone(f"it sent more than {2 * LIMIT >> 20} MB in one call")
        return count

    def _within(self, act: Any, *arguments: Any) -> Any:
        while True:
            began = time.monotonic()
            self._end.settimeout(min(max(self.seconds, 0.001), 0.5))  # an interrupt is seen between two of these
            try:
                return act(*arguments)
            except TimeoutError:
                if self.seconds <= 0:
                    raise Gone(f"it ran longer than max_run_seconds={self.limit:g}") from None
                self.require_room()
            except OSError:
                raise Spoilt(self._ending()) from None
            finally:
                self.seconds -= time.monotonic() - began

    def pause(self) -> None:
        """Between calls a sandbox stands still, with what its code left running."""
        self.fresh = False
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._room = 2 * LIMIT
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if self.sandbox and self.process.poll() is None:
            with suppress(OSError):
                os.kill(self.pid, number)

    def require_room(self) -> None:
        """Its folder is bounded, of which the system bounds only each file; raises Full."""
        if not self.sandbox:
            return
        held = 0
        for number, (place, _, files) in enumerate(os.walk(self.own), 1):
            with suppress(OSError):
                held += sum(os.lstat(os.path.join(place, name)).st_size for name in files[:MOST_FILES])
            if number + len(files) > MOST_FILES or held > LARGEST:
                raise Full(f"it wrote more than {LARGEST >> 20} MB or {MOST_FILES} files")

    def _ending(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            code = self.process.wait(1.0)
            ended = code - 128 if self.inside and code > 128 else -code  # as shells and bubblewrap tell it
            if ended > 0:
                with suppress(ValueError):
                    return f"it was ended by {signal.Signals(ended).name}"
            return f"it left by itself ({code})"
        return "it stopped talking"


def _path() -> list[str]:
    return [str(_HERE.parent), *(str(Path(entry).absolute()) for entry in sys.path)]


def _end(host: int, process: subprocess.Popen[bytes], pid: int, end: socket.socket) -> None:
    end.close()
    if os.getpid() != host:
        return
    if process.poll() is None:
        with suppress(OSError, subprocess.TimeoutExpired):
            os.kill(pid, signal.SIGKILL)  # first, so that bubblewrap, which is its parent, sees it end
            process.wait(2)
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(OSError, subprocess.TimeoutExpired):
        process.wait(10)


@cache
def _spawner() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "agent-workers")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_spawner.cache_clear)  # its thread is not there


def _view(own: str) -> list[str]:
    """What a worker sees inside bubblewrap, as its options: it is the first process there, and nobody else is."""
    folders = ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--bind", own, own]
    return [*folders, "--unshare-all", "--as-pid-1", "--cap-drop", "ALL", "--die-with-parent", "--new-session"]


@cache
def bubblewrap() -> str:
    """The program that workers are started inside; "" where it is not installed or was seen not to work."""
    program = shutil.which("bwrap") or ""
    return program if program and works([program]) else ""


def works(wrapper: list[str]) -> bool:
    """Whether a program inside this wrapper runs, and has its own processes and no network."""
    asks = "import os, socket; print(os.getpid() == 1, [n for _, n in socket.if_nameindex()] in ([], ['lo']))"
    command = [*wrapper, *_view(tempfile.gettempdir()), sys.executable, "-I", "-S", "-c", asks]
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(command, capture_output=True, timeout=20, check=False, stdin=subprocess.DEVNULL)
        return done.returncode == 0 and done.stdout.split() == [b"True", b"True"]
    return False
