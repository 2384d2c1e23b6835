"""The embedded model: llama.cpp's server on a loopback port, talked to by the same client as any other host."""

from __future__ import annotations

import atexit
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from threading import Event as Flag
from threading import Lock, Thread
from typing import NamedTuple, Protocol

from ..errors import ModelUnavailable, NoProvider
from ..protocols import Provider
from ..records import Event, Prompt, Reply
from .model_file import model_path

Tell = Callable[[Event], None]


class MakeClient(Protocol):
    """Makes a client of the Messages API; seconds for `timeout` (the whole reply) and `stall` (without text)."""

    def __call__(
        self, *, model: str, base_url: str, api_key: str, timeout: float, stall: float, max_retries: int
    ) -> Provider: ...


class LocalProvider:
    """A model on this machine: no key, no host, no cost.

    The server is started when it is first needed and shared by all providers of this process that name the same
    file; it ends with the last of them, or with the process. Raises NoProvider where xllamacpp is not installed,
    ModelUnavailable where the file is missing or does not load.
    """

    name = "local"
    host: str | None = None

    def __init__(
        self,
        make_client: MakeClient,
        path: Path | None = None,
        tell: Tell = lambda event: None,
        threads: int | None = None,
        context: int = 8192,
    ) -> None:
        self._make_client = make_client
        self._wanted = _Wanted(path or model_path(), threads or os.cpu_count() or 2, context)
        self._tell = tell
        self._server: _Server | None = None
        self._client: Provider | None = None
        self._warmed: set[str] = set()
        self._lock = Lock()
        self.model = self._wanted.path.stem

    def complete(self, prompt: Prompt, on_text: Callable[[str], None]) -> Reply:
        """Answer on this machine, loading the model first if need be; Ctrl-C ends the wait, not the loading."""
        reply = self._ready(self._tell).complete(prompt, on_text)
        return replace(reply, model=self.model, usage=replace(reply.usage, cost=0.0))

    def warm(self, system: str, tell: Tell) -> None:
        """Load the model and have it read this prefix, in the background; once for each prefix."""
        if system not in self._warmed:
            self._warmed.add(system)
            Thread(target=self._warm, args=(system, tell), name="agent_repl-warm", daemon=True).start()

    def _warm(self, system: str, tell: Tell) -> None:
        with suppress(Exception):  # a reply of one token is an error too; what matters complete() will say
            self._ready(tell).complete(Prompt(system, "", max_tokens=1), lambda text: None)

    def _ready(self, tell: Tell) -> Provider:
        with self._lock:
            server, client = self._start()
        if not server.ready.is_set():
            tell(Event("loading", f"loading {self.model}, once for this session"))
        address = server.wait()
        self._client = client or self._make_client(
            model=self.model, base_url=address, api_key=server.key, timeout=900.0, stall=300.0, max_retries=0
        )
        return self._client

    def _start(self) -> tuple[_Server, Provider | None]:
        if self._server is None or not self._server.alive:
            self._server, self._client = _shared(self._wanted), None
        return self._server, self._client

    def close(self) -> None:
        """Leave the server, which ends with its last user."""
        with self._lock:
            if self._client:
                self._client.close()
            if self._server:
                _leave(self._server)
            self._server = self._client = None
            self._warmed.clear()


class _Wanted(NamedTuple):
    path: Path
    threads: int
    context: int


_servers: dict[_Wanted, _Server] = {}
_servers_lock = Lock()


def _shared(wanted: _Wanted) -> _Server:
    with _servers_lock:
        server = _servers.get(wanted)
        if server is None or not server.alive:
            _check(wanted.path)
            server = _servers[wanted] = _Server(wanted)
        server.users += 1
        return server


def _check(path: Path) -> None:
    if not find_spec("xllamacpp"):
        raise NoProvider('The local model needs xllamacpp: pip install "ipython-agent-repl[local]"')
    if not path.exists():
        raise ModelUnavailable(f"There is no model at {path}. Fetch it once: agent-repl model pull")


def _leave(server: _Server) -> None:
    with _servers_lock:
        server.users -= 1
        if server.users == 0:
            server.stop()
            if _servers.get(server.wanted) is server:
                del _servers[server.wanted]


class _Server:
    """One child process, from its start to its end; `wait` gives its address."""

    def __init__(self, wanted: _Wanted) -> None:
        self.wanted = wanted
        self.key = secrets.token_urlsafe(32)
        self.users = 0
        self.ready = Flag()
        self._log = TemporaryFile()  # noqa: SIM115, it lives as long as the process
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__).with_name("llama_server.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,  # the terminal's Ctrl-C is not for it
        )
        atexit.register(self.stop)
        Thread(target=self._load, name="agent_repl-load", daemon=True).start()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def _load(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._answer = {"error": "it ended while it was loading"}
        with suppress(OSError, ValueError):  # it died, and its log says why
            order = {**self.wanted._asdict(), "path": str(self.wanted.path), "key": self.key}
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
            self._answer = json.loads(self._process.stdout.readline())
        self.ready.set()

    def wait(self) -> str:
        while not self.ready.wait(0.2):  # in slices, so that Ctrl-C is heard on every system
            pass
        if error := self._answer.get("error"):
            raise ModelUnavailable(f"The local model did not load: {error}. {self._last_words()}".rstrip())
        return self._answer["address"]

    def _last_words(self) -> str:
        self._log.seek(0)
        return (self._log.read().decode(errors="replace").strip().splitlines() or [""])[-1]

    def stop(self) -> None:
        """End the process; safe to call twice."""
        atexit.unregister(self.stop)
        self._process.kill()
        self._process.wait()
