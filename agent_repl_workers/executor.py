"""The executors `process` and `sandbox`: methods are stubs here, and run on the worker of their agent.

The agent's own `__dict__` stays what it is; a worker has a copy of what a method can see, and gives back what it
changed. So when the worker ends, whatever the reason, the state before the call is there.
"""

from __future__ import annotations

import os
import re
import sys
import threading
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from agent_repl.errors import ExecutorError
from agent_repl.executors.inline import InlinePlace
from agent_repl.pipeline import fill
from agent_repl.records import Code, Settings
from agent_repl.signature import looks_like_path
from agent_repl_code.unit import RESERVED
from agent_repl_data.files import named_files

from .codec import pack, unpack
from .faults import CannotCross, Malformed
from .host import Gone, Worker
from .stub import Unit, raised, stub
from .wire import Mirror
from .worker import described, revived

_ABSENT: Any = object()
_MOST = 8
_CONTROL = re.compile(r"[^\S\n\t ]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f]")


class WorkerExecutor:
    """Runs each agent's code in a process of its own; with `sandbox` the operating system forbids it all but its work.

    Raises ExecutorError where that cannot be had: a sandbox is tried at once, and never is less than it says.
    """

    def __init__(self, sandbox: bool) -> None:
        self.sandbox = sandbox
        self.name = "sandbox" if sandbox else "process"
        self._posts: weakref.WeakKeyDictionary[Any, Post] = weakref.WeakKeyDictionary()
        if sandbox:
            probe = Worker(True, (), 1 << 30)
            layers = ", ".join(probe.layers)
            probe.close()
            self.isolation = f"a sandbox of its own: {layers}" + "; no bubblewrap here" * ("bubblewrap" not in layers)
        else:
            self.isolation = "a process of its own, with your rights: a crash or a hang stays there, harm does not"

    def define(self, code: Code, filename: str, namespace: dict[str, Any]) -> Callable[..., Any]:
        """A function that runs the code on its agent's worker; nothing of it is run here."""
        return stub(Unit(code, filename, namespace), self._call)

    def open(self, agent: Any) -> InlinePlace:
        return InlinePlace(agent)

    def lacks(self, agent: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
        kind = type(agent)
        if getattr(kind, "_agent_repl_kind_", object) is not object:
            return "it wraps an object of this process, which cannot be sent: use executor=inline"
        if getattr(kind, "_agent_repl_deep_", False):
            return "deep=True gives live objects of this process: use executor=inline"
        state = {f"self.{name}": value for name, value in _state(agent).items()}
        named = {f"argument {n + 1}": value for n, value in enumerate(args)} | dict(kwargs) | state
        for name, value in named.items():
            try:
                pack(value, not self.sandbox)
            except CannotCross as error:
                return f"{name}: {error}"
        return ""

    def _call(self, unit: Unit, agent: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        __tracebackhide__ = True
        post = self._posts.get(agent)
        if post is None or post.host != os.getpid():
            post = self._posts[agent] = Post(self.sandbox)
        return post.call(agent, unit, args, kwargs)


def _state(agent: Any) -> dict[str, Any]:
    try:
        found: dict[str, Any] = object.__getattribute__(agent, "__dict__")
    except AttributeError:
        return {}
    return found


class Frame(NamedTuple):
    """One call that runs on a worker: what state it touched, as it was, and the methods that its code names."""

    before: dict[str, Any]
    calls: frozenset[str]


class Post:
    """Where one agent's code runs: its worker, which is made when it is first wanted and when the last one ended."""

    def __init__(self, sandbox: bool) -> None:
        self.sandbox, self.host = sandbox, os.getpid()
        self._lock = threading.RLock()
        self._worker: Worker | None = None
        self._mirror = Mirror(not sandbox)
        self._frames: list[Frame] = []
        self._visible: list[str] = []
        self._units: dict[str, Unit] = {}
        self._given: dict[str, Any] = {}  # state that came from the worker: no file is granted for that
        self._errors: list[BaseException] = []

    def call(self, agent: Any, unit: Unit, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Run a unit; what it raises is raised, and leaves the state as it was. Raises ExecutorError for the rest."""
        __tracebackhide__ = True
        with self._lock:
            state = _state(agent)
            frame = Frame({}, unit.code.calls)
            title = f"{_label(agent)}.{unit.code.name}"
            try:
                worker = self._ready(agent, args, kwargs)
                self._frames.append(frame)
                try:
                    return self._run(worker, agent, unit, args, kwargs)
                finally:
                    self._frames.pop()
            except BaseException as error:
                self._restore(state, frame)
                if isinstance(error, CannotCross):
                    raise ExecutorError(f"{title}: {error}") from None
                if isinstance(error, Gone | TimeoutError):
                    raise self._lost(title, agent, error) from None
                if not isinstance(error, Exception):
                    self._drop()
                raise

    def _lost(self, title: str, agent: Any, error: Exception) -> ExecutorError:
        self._drop()
        limit = _settings(agent).max_run_seconds
        why = f"it ran longer than max_run_seconds={limit:g}" if isinstance(error, TimeoutError) else str(error)
        return ExecutorError(f"{title} ended its worker: {why}; the state before the call is back")

    def _drop(self) -> None:
        if self._worker is not None:
            self._worker.close()
        self._worker = None

    def _restore(self, state: dict[str, Any], frame: Frame) -> None:
        for name, value in frame.before.items():
            if value is _ABSENT:
                state.pop(name, None)
            else:
                state[name] = value

    def _ready(self, agent: Any, args: list[Any], kwargs: dict[str, Any]) -> Worker:
        """The worker for this call: a new one where there is none, or where it may not read what the call names."""
        if self._frames:
            if self._worker is None:
                raise Gone("it is gone already")
            return self._worker
        settings, wanted = _settings(agent), self._files(agent, args, kwargs) if self.sandbox else frozenset[str]()
        worker = self._worker
        if worker is None or worker.process.poll() is not None or not wanted <= worker.readable:
            known = worker.readable if worker else frozenset()
            self._drop()
            self._mirror, self._units, self._visible = Mirror(not self.sandbox), {}, []
            self._worker = worker = Worker(self.sandbox, wanted | known, settings.max_run_memory << 20)
        worker.seconds, self._errors = settings.max_run_seconds or 1e9, []
        return worker

    def _files(self, agent: Any, args: list[Any], kwargs: dict[str, Any]) -> frozenset[str]:
        """The files that the person named: not those in state that a worker made up."""
        state = _state(agent)
        values = [v for n, v in state.items() if n not in self._given or self._given[n] is not v]
        held = [
            each for v in [*args, *kwargs.values(), *values] for each in (v[:100] if type(v) in (list, tuple) else [v])
        ]
        template = getattr(getattr(type(agent), "_agent_repl_identity_", None), "template", "")
        own = {n: v for n, v in state.items() if n not in self._given or self._given[n] is not v}
        words = named_files(fill(template, own))
        return frozenset(os.path.realpath(path) for path in [*held, *words] if looks_like_path(path))

    def _run(self, worker: Worker, agent: Any, unit: Unit, args: list[Any], kwargs: dict[str, Any]) -> Any:
        __tracebackhide__ = True
        fresh = unit.key not in self._units
        self._units[unit.key] = unit
        source = [unit.filename, unit.code.name, unit.code.source, sorted(unit.code.calls)] if fresh else None
        given = pack([args, kwargs], not self.sandbox)
        news = self._news(agent, unit)
        worker.send(["run", _label(agent), unit.key, source, given, news, os.getcwd()])
        while True:
            match worker.receive():
                case ["value", memoryview() as data, bool(itself), dict(changed), list(gone)]:
                    self._take(agent, changed, gone)
                    return agent if itself else self._read(data)
                case ["raise", int() | None as number, dict(told)]:
                    self._mirror.forget(self._visible)
                    raise self._error(number, told)
                case ["ask", str(what), str(name), memoryview() as data, dict(changed), list(gone)]:
                    self._take(agent, changed, gone)
                    worker.send(self._answer(agent, what, name, data))
                case ["out", 1 | 2 as number, str(text)]:
                    stream = sys.stdout if number == 1 else sys.stderr
                    stream.write(_CONTROL.sub(lambda c: ascii(c[0])[1:-1], text) if self.sandbox else text)
                case _:
                    raise Gone("it sent what is no answer")

    def _read(self, data: memoryview) -> Any:
        try:
            return unpack(data, not self.sandbox)
        except Malformed as error:
            raise Gone(f"it sent what cannot be read: {error}") from None

    def _news(self, agent: Any, unit: Unit | None = None) -> list[Any]:
        """What the worker may see of the state now, and what of that it does not have."""
        state, identity = _state(agent), getattr(type(agent), "_agent_repl_identity_", None)
        code = unit.code if unit else None
        wanted = state if code is None or code.dynamic else {*code.reads, *code.binds} & state.keys()
        visible = {*self._visible, *wanted} if len(self._frames) > 1 or unit is None else set(wanted)
        if unit is None:
            visible = set(self._visible) & state.keys()
        names = [name for name in state if name in visible]
        changed, gone = self._mirror.changes(state, [*names, *(n for n in self._visible if n not in state)])
        self._visible = names
        methods = identity.names() if identity else [n for n in dir(type(agent)) if n[0] != "_"]
        return [names, changed, gone, [n for n in state if n not in visible], methods]

    def _take(self, agent: Any, changed: dict[Any, Any], gone: list[Any]) -> None:
        """Make the worker's changes of the state our own, for as long as the call does not raise."""
        state, before = _state(agent), self._frames[-1].before
        live = getattr(type(agent), "_agent_repl_identity_", None)
        methods = set(live.names()) if live else set()
        for name in [*changed, *gone]:
            ours = type(name) is not str or not name.isidentifier() or name in RESERVED or name[:12] == "_agent_repl_"
            if ours or len(name) > 200 or name[:2] == "__" or name in methods:
                raise Gone(f"it set the state {str(name)[:80]!r}, which is not its own")
        for name in gone:
            if name in state:
                before.setdefault(name, state.pop(name))
            self._mirror.forget([name])
        for name, data in changed.items():
            value = self._taken(name, data)
            for frame in self._frames[-1:]:
                frame.before.setdefault(name, state.get(name, _ABSENT))
            state[name] = self._given[name] = value
        self._visible = list(dict.fromkeys([*self._visible, *changed]))

    def _taken(self, name: str, data: Any) -> Any:
        if type(data) is not memoryview:
            raise Gone("it sent what is no answer")
        try:
            return self._mirror.takes(name, data)
        except (Malformed, CannotCross) as error:
            raise Gone(f"it sent what cannot be read: {error}") from None

    def _answer(self, agent: Any, what: str, name: str, data: memoryview) -> list[Any]:
        """What the worker asks of us; what that raises is sent, unless the worker is gone with it."""
        try:
            match self._read(data):
                case [list(args), dict(kwargs)]:
                    pass
                case _:
                    raise Gone("it sent what is no answer")
            if any(type(key) is not str for key in kwargs):
                raise Gone("it sent what is no answer")
            value = self._asked(agent, what, name, args, kwargs)
            itself = value is agent
            return ["answer", pack(None if itself else value, not self.sandbox), itself, self._news(agent)]
        except Gone:
            raise
        except Exception as error:
            if self._worker is None:
                raise
            if isinstance(error, CannotCross):
                error = ExecutorError(f"{name}: {error}")
            self._errors.append(error)
            told = described(error, False)
            return ["raise", len(self._errors) - 1, told, self._news(agent)]

    def _asked(self, agent: Any, what: str, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        identity = getattr(type(agent), "_agent_repl_identity_", None)
        if what == "llm" and name in ("ask", "each", "reduce") and identity:
            return getattr(type(agent)._agent_repl_shop_.llm(agent), name)(*args, **kwargs)
        if what == "state" and name in _state(agent):
            self._visible = [*self._visible, name]
            return _state(agent)[name]
        if what != "method" or not name.isidentifier() or name[0] == "_" or name in RESERVED or name in _state(agent):
            raise AttributeError(f"self has no {name[:80]!r}")
        if self.sandbox:
            self._refuse_files([*args, *kwargs.values()])
        if identity is None:
            return getattr(agent, name)(*args, **kwargs)
        if name not in identity.names() and not any(name in frame.calls for frame in self._frames):
            raise AttributeError(f"self has no {name[:80]!r}")
        if hasattr(identity.base, name):
            raise AttributeError(f"self has no {name[:80]!r}")
        return identity.handle(agent, name, None, True)(*args, **kwargs)

    def _refuse_files(self, values: list[Any]) -> None:
        """A sandbox names no file that it may not read: we would look into it, to see what kind of call that is."""
        granted = [*self._worker.readable, os.path.realpath(self._worker.own)] if self._worker else []
        for value in values:
            if looks_like_path(value) and not any(Path(os.path.realpath(value)).is_relative_to(g) for g in granted):
                raise PermissionError(13, "not granted to this sandbox", str(value))

    def _error(self, number: int | None, told: dict[str, Any]) -> BaseException:
        """What the code raised, as an error of this process with the lines of the written code."""
        if number is not None and 0 <= number < len(self._errors):
            return self._errors[number].with_traceback(None)
        try:
            text, base, kind = str(told["text"])[:4000], str(told["base"]), str(told["kind"])[:200]
            lines = [(self._units[where], line) for where, line in told["lines"][:20] if where in self._units]
            good = [(unit, line) for unit, line in lines if type(line) is int and 0 < line < 1_000_000]
            made = revived({**told, "text": text, "base": base, "kind": kind}, not self.sandbox)
            where = str(told["where"])[:300]
        except (KeyError, TypeError, ValueError) as error:
            raise Gone("it sent what is no answer") from error
        if kind in ("SystemExit", "KeyboardInterrupt", "CannotCross") or made is None:
            said = {"SystemExit": "it asked Python to end", "CannotCross": text}.get(kind, f"it raised {kind}: {text}")
            return raised(ExecutorError(said), good)
        if where and not isinstance(made, ImportError):
            made.add_note(f"raised in the worker, at {where}")
        return raised(made, good)


def _label(agent: Any) -> str:
    return str(getattr(type(agent), "_agent_repl_label_", "agent"))


def _settings(agent: Any) -> Settings:
    shop = getattr(type(agent), "_agent_repl_shop_", None)
    return shop.settings if shop else Settings()
