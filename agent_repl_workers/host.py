"""One worker process as its host has it: started, spoken to within a time, and ended with all that it began."""

from __future__ import annotations

import os
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
from pathlib import Path
from typing import Any

from agent_repl.errors import ExecutorError

from .faults import Malformed
from .wire import framed, received

START = 60.0
_BOOT = "import sys; sys.path[:] = {path!r}; from agent_repl_workers.worker import main; main({pipe})"
_HERE = Path(__file__).parent
_WARM = ("json", "datetime", "zoneinfo", "encodings.idna", "linecache", "traceback")


class Gone(Exception):
    """The worker ended, or had to be ended; says why."""


class Worker:
    """A process that runs written code; `layers` says what holds it. Raises ExecutorError where it cannot be had."""

    def __init__(self, sandbox: bool, readable: Iterable[str], memory: int) -> None:
        if not hasattr(socket, "socketpair") or os.name != "posix":
            raise ExecutorError("workers need Linux or macOS: leave executor at inline")
        if sandbox and sys.platform != "linux":
            raise ExecutorError(
                "executor=sandbox needs Linux (Landlock and seccomp): use process, or a virtual machine"
            )
        self.readable = frozenset(readable)
        self.sandbox = sandbox
        self.units: set[str] = set()
        self.seconds = START
        self.own = tempfile.mkdtemp(prefix="agent-worker-")
        mine, its = socket.socketpair()
        self._end = mine
        try:
            self.process = _spawner().submit(self._start, its).result()
        finally:
            its.close()
        self.close = weakref.finalize(self, _end, os.getpid(), self.process, mine, self.own)
        self.layers = self._greeted(memory)

    def _start(self, its: socket.socket) -> subprocess.Popen[bytes]:
        """In a thread that lives as long as we do: Linux ends a child with the thread that began it."""
        path = [str(_HERE.parent), *(str(Path(entry).absolute()) for entry in sys.path)]
        boot = _BOOT.format(path=path, pipe=its.fileno())
        command = [sys.executable, "-I", "-S", "-B", "-c", boot]
        if self.sandbox:
            command = [*bubblewrap(self.own), *command]
        around = {"HOME": self.own, "TMPDIR": self.own, "LC_ALL": "C.UTF-8"} if self.sandbox else dict(os.environ)
        nothing = subprocess.DEVNULL
        return subprocess.Popen(
            command, stdin=nothing, stdout=nothing, stderr=nothing, env=around, pass_fds=[its.fileno()],
            start_new_session=True,
        )  # fmt: skip

    def _greeted(self, memory: int) -> list[str]:
        setup = {
            "sandbox": self.sandbox, "path": [str(_HERE.parent), *sys.path], "host": os.getpid(), "own": self.own,
            "readable": [str(_HERE), *self.readable], "memory": memory, "processor": 3600.0, "warm": list(_WARM),
            "inside": bool(self.sandbox and bubblewrap(self.own)),
        }  # fmt: skip
        try:
            self.send(setup)
            match self.receive():
                case ["ready", list(layers)]:
                    return [*layers, "bubblewrap"] if setup["inside"] else layers
                case ["refused", str(why)]:
                    raise Gone(why)
            raise Gone("it said something else")
        except Gone as gone:
            self.close()
            raise ExecutorError(f"no worker can be had here, so nothing runs: {gone}") from None

    def send(self, message: Any) -> None:
        """Send a message within the seconds that are left; raises Gone."""
        for buffer in framed(message):
            view = memoryview(buffer)
            while view:
                view = view[self._within(self._end.send, view) :]

    def receive(self) -> Any:
        """The worker's next message; raises Gone when it ended, the time is over, or what it sent is no message."""
        try:
            return received(lambda view: self._within(self._end.recv_into, view))
        except EOFError:
            raise Gone(self._ending()) from None
        except Malformed as error:
            raise Gone(f"it sent what cannot be read: {error}") from error

    def _within(self, act: Any, *arguments: Any) -> Any:
        while True:
            began = time.monotonic()
            self._end.settimeout(min(max(self.seconds, 0.001), 0.5))  # an interrupt is seen between two of these
            try:
                return act(*arguments)
            except TimeoutError:
                if self.seconds <= 0:
                    raise
            except OSError:
                raise Gone(self._ending()) from None
            finally:
                self.seconds -= time.monotonic() - began

    def _ending(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            code = self.process.wait(1.0)
            if code < 0:
                with suppress(ValueError):
                    return f"it was ended by {signal.Signals(-code).name}"
            return f"it left by itself ({code})"
        return "it stopped talking"


def _end(host: int, process: subprocess.Popen[bytes], end: socket.socket, own: str) -> None:
    end.close()
    if os.getpid() != host:
        return
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(OSError, subprocess.TimeoutExpired):
        process.wait(10)
    shutil.rmtree(own, ignore_errors=True)


@cache
def _spawner() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "agent-workers")


def bubblewrap(own: str) -> list[str]:
    """How a worker is started inside bubblewrap; nothing where that is not installed or was seen not to work."""
    program = _bubblewrap()
    if not program:
        return []
    view = ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--bind", own, own]
    return [program, *view, "--unshare-all", "--die-with-parent", "--new-session"]


@cache
def _bubblewrap() -> str:
    program = shutil.which("bwrap") or ""
    return program if program and works([program]) else ""


def works(wrapper: list[str]) -> bool:
    """Whether a program inside this wrapper runs, and has its own processes and no network."""
    asks = "import os, socket; print(os.getpid() < 20, [n for _, n in socket.if_nameindex()] in ([], ['lo']))"
    view = ["--ro-bind", "/", "/", "--proc", "/proc", "--unshare-all", "--die-with-parent", "--new-session"]
    command = [*wrapper, *view, sys.executable, "-I", "-S", "-c", asks]
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(command, capture_output=True, timeout=20, check=False, stdin=subprocess.DEVNULL)
        return done.returncode == 0 and done.stdout.split() == [b"True", b"True"]
    return False
