"""The embedded model: llama.cpp's server on a loopback port, talked to by the same client as any other host."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from subprocess import PIPE, Popen
from tempfile import TemporaryFile
from threading import Event as Flag
from threading import Lock, Thread
from weakref import WeakValueDictionary, finalize

from agent_repl.errors import ModelUnavailable, NoProvider
from agent_repl.providers.anthropic import AnthropicProvider
from agent_repl.records import Event, Prompt, Reply

from .model_file import model_path

Tell = Callable[[Event], None]


class LocalProvider:
    """A model on this machine: no key, no host, no cost.

    Its server is started when it is first needed and shared by all providers of this process that name the same file
    and seed; it ends with the last of them, or with the process. `path` is the model's file (default: where
    `fetch_model` puts it), `tell` hears that it is loading; with a `seed` the same prompts get the same answers, warm
    ones too. Raises NoProvider where xllamacpp is not installed, ModelUnavailable where the file is missing or does
    not load.
    """

    name = "local"
    host: str | None = None

    def __init__(self, path: Path | None = None, tell: Tell = lambda event: None, seed: int | None = None) -> None:
        self._seed = seed
        self._path, self._tell = (path or model_path()).resolve(), tell
        self._server: _Server | None = None
        self._warmed: set[str] = set()
        self.model = self._path.stem

    def complete(self, prompt: Prompt, on_text: Callable[[str], None]) -> Reply:
        """Answer on this machine, loading the model first if need be; Ctrl-C ends the wait, not the loading."""
        reply = self._ask(prompt, on_text, self._tell)
        return replace(reply, model=self.model, usage=replace(reply.usage, cost=0.0))

    def _ask(self, prompt: Prompt, on_text: Callable[[str], None], tell: Tell) -> Reply:
        server = self._server = _shared(self._path, self._seed)
        if not server.ready.is_set():
            tell(Event("loading", f"loading {self.model}, once for this session"))
        client = AnthropicProvider(self.model, server.wait(), server.key, timeout=900.0, stall=300.0, max_retries=0)
        with closing(client):
            return client.complete(prompt, on_text)

    def most(self, prompt: Prompt) -> float:
        """Nothing, whatever is asked."""
        return 0.0

    def warm(self, system: str, tell: Tell) -> None:
        """Load the model and have it read this prefix, in the background; once for each prefix."""
        if system not in self._warmed:
            self._warmed.add(system)
            Thread(target=self._warm, args=(system, tell), name="agent_repl-warm", daemon=True).start()

    def _warm(self, system: str, tell: Tell) -> None:
        with suppress(Exception):  # a reply of one token is an error too; what matters complete() will say
            self._ask(Prompt(system, "", max_tokens=1), lambda text: None, tell)

    def close(self) -> None:
        """Leave the server, which ends with its last user; the next prompt starts it again."""
        self._server = None
        self._warmed.clear()


_servers: WeakValueDictionary[tuple[Path, int | None], _Server] = WeakValueDictionary()
_servers_lock = Lock()


def _shared(path: Path, seed: int | None) -> _Server:
    with _servers_lock:
        server = _servers.get((path, seed))
        if server is None or server.process.poll() is not None:
            server = _servers[path, seed] = _Server(path, seed)
        return server


class _Server:
    """One child process, which ends when nobody holds this any more; `wait` gives its address."""

    def __init__(self, path: Path, seed: int | None) -> None:
        if not find_spec("xllamacpp"):
            raise NoProvider('The local model needs xllamacpp: pip install "ipython-agent-repl[local]"')
        if not path.exists():
            raise ModelUnavailable(f"There is no model at {path}. Fetch it once: agent-repl model pull")
        self.key, self.ready = secrets.token_urlsafe(32), Flag()
        self._log = TemporaryFile()  # noqa: SIM115, it lives as long as the process
        command = [sys.executable, "-P", str(Path(__file__).with_name("llama_server.py"))]
        # a session of its own: the terminal's Ctrl-C is not for it
        self.process = Popen(command, stdin=PIPE, stdout=PIPE, stderr=self._log, text=True, start_new_session=True)
        finalize(self, _end, self.process)
        Thread(target=self._load, args=(f"{path}", seed), name="agent_repl-load", daemon=True).start()

    def _load(self, path: str, seed: int | None) -> None:
        assert self.process.stdout
        self._answer = {"error": "it ended while it was loading"}
        with suppress(OSError, ValueError):  # it died, and its log says why
            print(json.dumps({"path": path, "key": self.key, "seed": seed}), file=self.process.stdin, flush=True)
            self._answer = json.loads(self.process.stdout.readline())
        self.ready.set()

    def wait(self) -> str:
        while not self.ready.wait(0.2):  # in slices, so that Ctrl-C is heard on every system
            pass
        if error := self._answer.get("error"):
            self._log.seek(0)
            last_words = self._log.read().decode(errors="replace").strip().rpartition("\n")[2]
            raise ModelUnavailable(f"The local model did not load: {error}. {last_words}".rstrip())
        return self._answer["address"]


def _end(process: Popen[str]) -> None:
    process.kill()
    process.wait()
