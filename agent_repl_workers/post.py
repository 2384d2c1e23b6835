"""Where one agent's code runs: calls go to its worker, and the state that they change comes back.

The agent's own `__dict__` stays what it is. A worker has a copy of what a method can see, and gives back what it
changed; so when it ends, whatever the reason, the state before the call is there. What it sends is read as data.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from inspect import isawaitable
from pathlib import Path
from secrets import token_hex
from typing import Any, NamedTuple

from agent_repl.errors import ExecutorError, UnaskedCall
from agent_repl.pipeline import fill
from agent_repl.records import Settings
from agent_repl.signature import looks_like_path
from agent_repl_bounds.folders import new_folder, remove
from agent_repl_code.stubs import Unit, in_place, placed
from agent_repl_code.unit import RESERVED
from agent_repl_data.crossing import CannotCross, Malformed, pack, unpack
from agent_repl_data.crossing.wire import Mirror
from agent_repl_data.files import named_files

from .host import Full, Gone, Spoilt, Worker
from .worker import ABILITIES, described, revived

_ABSENT: Any = object()
_SHOWN = 1 << 21
_CONTROL = re.compile(r"[^\S\n\t ]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\ufeff\u200b-\u200f\u2028-\u202e\u2060-\u206f]")


class _Frame(NamedTuple):
    """One call that runs on a worker: what state it touched, as it was, and the methods that its code names."""

    before: dict[str, Any]
    calls: frozenset[str]


class Post:
    """One agent's worker, made when it is first wanted and again when the last one ended.

    With `until` it is for a trial: it ends at that time, prints nothing and asks no model.
    """

    def __init__(
        self, make: Callable[..., Worker], sandbox: bool, readable: Iterable[str] = (), until: float = 0.0
    ) -> None:
        self.host, self.used, self.sandbox = os.getpid(), 0.0, sandbox
        self._make, self._readable, self._until = make, frozenset(readable), until
        self._lock = threading.RLock()
        self._worker: Worker | None = None
        self._own = new_folder()
        weakref.finalize(self, remove, self._own, self.host)
        self._mirror = Mirror(not sandbox)
        self._frames: list[_Frame] = []
        self._visible: list[str] = []
        self._units: dict[str, Unit] = {}
        self._given: dict[str, Any] = {}  # state that came from the worker: no file is granted for that
        self._errors: list[Exception] = []
        self._shown, self._heard = 0, False

    @property
    def works(self) -> bool:
        return self._worker is not None

    def rest(self) -> None:
        """End the worker, unless it is at work."""
        if self._lock.acquire(blocking=False):
            try:
                if not self._frames:
                    self._drop()
            finally:
                self._lock.release()

    @contextmanager
    def alone(self) -> Iterator[Worker]:
        """A worker that nobody calls."""
        try:
            yield self._ready(None, [], {})
        finally:
            self._drop()

    def call(self, agent: Any, unit: Unit, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Run a unit; what it raises is raised, and leaves the state as it was. Raises ExecutorError for the rest."""
        __tracebackhide__ = True
        with self._lock:
            frame, title, level = _Frame({}, unit.about.calls), f"{_label(agent)}.{unit.name}", len(self._frames)
            try:
                value = self._tried(frame, agent, unit, args, kwargs)
            except BaseException as error:
                _restore(state_of(agent), frame)
                self._mirror.forget([*state_of(agent), *self._visible])
                if self._worker is not None and (self._worker.running != level or not isinstance(error, Exception)):
                    self._drop()  # it waits for an answer that it will not have
                if isinstance(error, CannotCross):
                    raise ExecutorError(f"{title}: {error}") from None
                if isinstance(error, Full):
                    remove(self._own, self.host)
                    os.makedirs(self._own, 0o700, exist_ok=True)
                if isinstance(error, Gone):
                    raise ExecutorError(f"{title} ended its worker: {error}; the state before is back") from None
                if not (isinstance(error, Exception) or level):
                    error.add_note(f"{title} and its worker were ended; the state before is back")
                    raise error.with_traceback(None) from None  # of how we waited nobody wants to know
                raise
            else:
                if level:
                    outer = self._frames[level - 1].before
                    outer |= frame.before | outer
                return value
            finally:
                del self._frames[level:]
                if not level:
                    self._end_of_call()

    def _end_of_call(self) -> None:
        self._errors, self.used = [], time.monotonic()
        if self._worker is not None:
            self._worker.pause()

    def _drop(self) -> None:
        if self._worker is not None:
            self._worker.close()
        self._worker = None

    def _ready(self, agent: Any, args: list[Any], kwargs: dict[str, Any]) -> Worker:
        """The worker for this call: a new one where there is none, or where it may not read what the call names."""
        if self._frames:
            if self._worker is None:
                raise Gone("it is gone already")
            return self._worker
        settings, worker = _settings(agent), self._worker
        wanted = self._readable | (self._files(agent, args, kwargs) if self.sandbox else frozenset())
        if worker is None or worker.process.poll() is not None or not wanted <= worker.readable:
            known = worker.readable if worker else frozenset()
            self._drop()
            self._mirror, self._units, self._visible = Mirror(not self.sandbox), {}, []
            memory = (settings.max_run_memory or 1 << 20) << 20
            self._worker = worker = self._make(self.sandbox, wanted | known, memory, self._own, self._until > 0)
        worker.resume()
        worker.limit = settings.max_run_seconds or 1e9
        worker.seconds = max(0.001, self._until - time.monotonic()) if self._until else worker.limit
        self._shown = 0
        return worker

    def _files(self, agent: Any, args: list[Any], kwargs: dict[str, Any]) -> frozenset[str]:
        """The files and folders that the person named, and not a state that a worker made up."""
        state = {n: v for n, v in state_of(agent).items() if n not in self._given or self._given[n] is not v}
        named = [*args, *kwargs.values(), *state.values()]
        named += [each for value in named if type(value) in (list, tuple) for each in value[:100]]
        template = getattr(getattr(type(agent), "_agent_repl_identity_", None), "template", "")
        return frozenset(os.path.realpath(p) for p in [*named, *named_files(fill(template, state))] if _names_place(p))

    def _tried(self, frame: _Frame, agent: Any, unit: Unit, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """As `_run`; once more on a new worker where an old sandbox was spoilt before this call was heard of."""
        __tracebackhide__ = True
        worker = self._ready(agent, args, kwargs)
        old = self.sandbox and not worker.fresh and not self._frames
        self._frames.append(frame)
        self._heard = self._heard and not old
        try:
            return self._run(worker, agent, unit, args, kwargs)
        except Spoilt:
            if self._heard or not old:
                raise
        self._drop()
        self._frames.pop()
        return self._tried(frame, agent, unit, args, kwargs)

    def _of(self, turn: str, message: Any) -> Any:
        """What the worker says of this run; raises Spoilt for what it says of another, or of none."""
        match message:
            case [str(its), *rest] if its == turn:
                self._heard = True
                return rest
            case ["", "out", *rest]:  # of a thread that was left behind
                return ["out", *rest]
        raise Spoilt("it sent what is no answer")

    def _run(self, worker: Worker, agent: Any, unit: Unit, args: list[Any], kwargs: dict[str, Any]) -> Any:
        __tracebackhide__ = True
        source = None if unit.key in self._units else [unit.filename, unit.name, unit.source, sorted(unit.about.calls)]
        given = pack([args, kwargs], not self.sandbox)
        news = self._news(agent, unit)
        self._units[unit.key] = unit
        worker.running += 1
        worker.send(["run", turn := token_hex(), _label(agent), unit.key, source, given, news, os.getcwd()])
        while True:
            match self._of(turn, worker.receive()):
                case ["value", memoryview() as data, bool(itself), dict(changed), list(gone)]:
                    worker.require_room()
                    self._take(agent, changed, gone)
                    value = agent if itself else self._read(data)
                    worker.running -= 1
                    return value
                case ["raise", (int() | None) as number, dict(told)]:
                    self._mirror.forget(self._visible)
                    error = self._error(number, told)
                    worker.running -= 1
                    raise error
                case ["ask", str(what), str(name), memoryview() as data, dict(changed), list(gone)]:
                    self._take(agent, changed, gone)
                    worker.send(self._answer(agent, what, name, self._read(data)))
                case ["out", (1 | 2) as number, str(text)]:
                    self._show(number, text)
                case _:
                    raise Gone("it sent what is no answer")

    def _show(self, number: int, text: str) -> None:
        self._shown += len(text)
        if self._shown <= _SHOWN and not self._until:
            (sys.stdout if number == 1 else sys.stderr).write(self._safe(text))

    def _safe(self, text: str) -> str:
        return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], text) if self.sandbox else text

    def _read(self, data: memoryview) -> Any:
        try:
            return unpack(data, not self.sandbox)
        except Malformed as error:
            raise Gone(f"it sent what cannot be read: {error}") from None

    def _news(self, agent: Any, unit: Unit | None = None) -> list[Any]:
        """What the worker may see of the state now, and what of that it does not have."""
        state, identity = state_of(agent), getattr(type(agent), "_agent_repl_identity_", None)
        visible = {*self._visible} if len(self._frames) > 1 or unit is None else set[str]()
        if unit is not None:
            visible |= state.keys() if unit.about.dynamic else {*unit.about.reads, *unit.about.binds}
        names = [name for name in state if name in visible]
        changed, gone = self._mirror.changes(state, [*names, *(n for n in self._visible if n not in state)])
        self._visible = names
        methods = identity.names() if identity else [n for n in dir(type(agent)) if n[0] != "_"]
        return [names, changed, gone, [name for name in state if name not in visible], methods]

    def _take(self, agent: Any, changed: dict[Any, Any], gone: list[Any]) -> None:
        """Make the worker's changes of the state our own, for as long as the call does not raise."""
        state, before = state_of(agent), self._frames[-1].before
        identity = getattr(type(agent), "_agent_repl_identity_", None)
        for name in [*changed, *gone]:
            own = type(name) is str and name.isidentifier() and len(name) <= 200 and name[:2] != "__"
            hides = identity and name not in state and name in identity.names()
            if not own or hides or name in RESERVED or name[:12] == "_agent_repl_":
                raise Gone(f"it set the state {str(name)[:80]!r}, which is not its own")
        for name in gone:
            self._mirror.forget([name])
            if name in state:
                before.setdefault(name, state.pop(name))
        for name, data in changed.items():
            try:
                value = self._mirror.takes(name, data)
            except (Malformed, CannotCross, TypeError) as error:
                raise Gone(f"it sent what cannot be read: {error}") from None
            if self._strange([value]):
                raise Gone(f"it set self.{name} to a file that it may not read")
            before.setdefault(name, state.get(name, _ABSENT))
            state[name] = self._given[name] = value
        self._visible = list(dict.fromkeys([*self._visible, *changed]))

    def _answer(self, agent: Any, what: str, name: str, given: Any) -> list[Any]:
        """What the worker asks of us; what that raises is sent, unless the worker is gone with it."""
        try:
            match given:
                case [list(args), dict(kwargs)] if all(type(key) is str for key in kwargs):
                    value = self._asked(agent, what, name, args, kwargs)
                case _:
                    raise Gone("it sent what is no answer")
            if later := isawaitable(value):
                value = asyncio.run(_awaited(value))
            packed = pack(None if value is agent else value, not self.sandbox)
            return ["answer", packed, value is agent, later, self._news(agent)]
        except Exception as error:
            if self._worker is None or isinstance(error, Gone):
                raise
            crosses = ExecutorError(f"{name}: {error}") if isinstance(error, CannotCross) else error
            self._errors.append(crosses)
            return ["raise", len(self._errors) - 1, described(crosses, False), self._news(agent)]

    def _asked(self, agent: Any, what: str, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        identity = getattr(type(agent), "_agent_repl_identity_", None)
        if what == "llm" and name in ABILITIES and identity:
            if self._until:
                raise UnaskedCall("it asks a model")
            found = getattr(type(agent)._agent_repl_shop_.llm(agent), name)(*args, **kwargs)
            return [_told(each) for each in found] if name == "each" else found
        if what == "state" and name in state_of(agent):
            self._visible = [*self._visible, name]
            return None  # it comes with what else is new
        named = identity is None or name in identity.names() or any(name in frame.calls for frame in self._frames)
        ours = name in RESERVED or hasattr(identity and identity.base, name)
        public = name.isidentifier() and name[0] != "_"
        if what != "method" or not public or ours or not named or name in state_of(agent):
            raise AttributeError(f"self has no {name[:80]!r}")
        if strange := self._strange([*args, *kwargs.values()]):
            raise PermissionError(13, "this sandbox may not read it", strange)
        if callable(stands := getattr(type(agent), name, None)):
            return stands(agent, *args, **kwargs)
        return identity.handle(agent, name, None, True)(*args, **kwargs)  # type: ignore[union-attr]

    def _strange(self, values: list[Any]) -> str:
        """A file that a sandbox names and may not read: we would look into it, to see what kind of call that is."""
        if not self.sandbox or self._worker is None:
            return ""
        granted = [*self._worker.readable, os.path.realpath(self._own)]
        values = [*values, *(each for value in values if type(value) in (list, tuple) for each in value[:100])]
        for path in (str(value) for value in values if looks_like_path(value) and "/" in str(value)):
            if not any(Path(os.path.realpath(path)).is_relative_to(place) for place in granted):
                return path
        return ""

    def _error(self, number: int | None, told: dict[str, Any]) -> Exception:
        """What the code raised, as an error of this process with the lines of the written code."""
        if number is not None and 0 <= number < len(self._errors):
            return self._errors[number].with_traceback(None)
        try:
            said = {name: self._safe(str(told[name])[:4000]) for name in ("text", "base", "kind", "where")}
            about = told["about"] if type(told["about"]) is str else None
            args = told["args"] if said["text"] == told["text"] and len(told["args"] or b"") <= 1 << 16 else None
            lines = [(self._units[key], line) for key, line in told["lines"][:20] if key in self._units]
            lines = [(unit, line) for unit, line in lines if type(line) is int and 0 < line < 1_000_000]
            made = revived({**said, "args": args, "about": about}, not self.sandbox)
        except (KeyError, TypeError, ValueError) as error:
            raise Gone("it sent what is no answer") from error
        if told.get("meant") is True and made is not None:
            made.on_purpose = True  # type: ignore[attr-defined]  # as Lua says of its own: it is not repaired
        if made is None:
            words = {"SystemExit": "it asked Python to end", "CannotCross": said["text"]}
            made = ExecutorError(words.get(said["kind"], f"it raised {said['kind']}: {said['text']}"))
        elif said["where"] and not isinstance(made, ImportError):
            made.add_note(f"raised in the worker, at {said['where']}")
        return placed(made, lines)


def state_of(agent: Any) -> dict[str, Any]:
    """The state of an agent, live, whatever its class makes of attributes."""
    try:
        return object.__getattribute__(agent, "__dict__")  # type: ignore[no-any-return]
    except AttributeError:
        return {}


def _names_place(value: Any) -> bool:
    """Whether a value names a file or folder that code may be let read: not all that is there, or all of a person's."""
    if not looks_like_path(value) or (type(value) is str and not value.strip("./\\")):
        return False
    place = Path(os.path.realpath(value))
    return not (place.is_dir() and Path(os.path.realpath(Path.home())).is_relative_to(place))


async def _awaited(value: Any) -> Any:
    in_place.set(True)  # in this task's own context
    return await value


def _told(answer: Any) -> Any:
    """An answer of the model, or that there is none, as data."""
    if type(answer).__name__ != "Failed":
        return [answer]
    return [answer.position, answer.error_type, answer.message]


def _restore(state: dict[str, Any], frame: _Frame) -> None:
    for name, value in frame.before.items():
        if value is _ABSENT:
            state.pop(name, None)
        else:
            state[name] = value


def _label(agent: Any) -> str:
    return str(getattr(type(agent), "_agent_repl_label_", "agent"))


def _settings(agent: Any) -> Settings:
    shop = getattr(type(agent), "_agent_repl_shop_", None)
    return shop.settings if shop else Settings()
