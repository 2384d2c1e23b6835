"""The program of a worker: it runs written code on a copy of an agent's state, and asks its host for all else.

The host says `run`; the worker says `value` or `raise`, and before that any number of times `ask` (a method, a state
value, the model), which is answered by `answer` or `raise`, with more of `run` before it where methods call each other.
Each `run` has a word that nobody can guess, with which all begins that the worker says of it.
Nothing of the tower is imported here.
"""

from __future__ import annotations

import builtins
import io
import linecache
import os
import sys
import threading
import traceback
from collections.abc import Callable
from itertools import islice
from types import FrameType, ModuleType, SimpleNamespace
from typing import Any

from agent_repl_bounds.trial import watched
from agent_repl_bounds.worker import bound
from agent_repl_data import crossing as codec
from agent_repl_data.crossing import CannotCross, wire

ABILITIES = ("ask", "each", "reduce")  # of the model, as far as written code may have it here
CALLS, UNIT = "__agent_calls__", "__agent_unit__"
_READS = ("LOAD_ATTR", "LOAD_METHOD")
_SHOWN = 1 << 20


def main(number: int) -> None:
    """Serve the host at the other end of a descriptor until it goes away."""
    pipe: Any = io.FileIO(number, "r+", closefd=False)
    guest = Guest(pipe)
    setup = guest.receive()
    sys.path[:] = setup["path"]
    try:
        guest.pickles = not setup["sandbox"]
        guest.mirror = wire.Mirror(guest.pickles)
        layers = bound(setup, number)
        guest.refused = watched() if setup["trial"] else []
    except Exception as error:
        guest.send(["refused", f"{type(error).__name__}: {error}"[:1000]])
        return
    sys.stdout, sys.stderr = _Out(guest, 1), _Out(guest, 2)
    guest.send(["ready", layers])
    guest.loop()


class Guest:
    """The worker's side of the talk."""

    def __init__(self, pipe: Any) -> None:
        self.pipe, self.pickles = pipe, False
        self.mirror = wire.Mirror(False)
        self.units: dict[str, Callable[..., Any]] = {}
        self.sources: dict[str, Any] = {}
        self.me: Any = None
        self.hidden: dict[str, Any] = {}
        self.visible: list[str] = []
        self.others: list[str] = []
        self.methods: list[str] = []
        self.depth, self.shown, self.turn = 0, 0, ""
        self.talk = threading.RLock()
        self.told: dict[int, BaseException] = {}
        self.refused: list[str] = []

    def send(self, message: Any) -> None:
        for buffer in wire.framed([self.turn, *message]):
            view = memoryview(buffer)
            while view:
                view = view[self.pipe.write(view) :]

    def receive(self) -> Any:
        try:
            return wire.received(self.pipe.readinto)
        except (EOFError, OSError):
            os._exit(0)

    def loop(self) -> Any:
        """Run what the host says until it answers."""
        while (message := self.receive())[0] == "run":
            outer, self.turn = self.turn, message[1]
            reply = self.run(*message[2:])
            with self.talk:
                self.send(reply)
                self.turn = outer
        return message

    def run(self, label: str, key: str, unit: Any, given: Any, news: list[Any], cwd: str) -> list[Any]:
        """Make one call, and say what came of it."""
        outermost = not self.depth
        self.depth += 1
        try:
            if outermost:
                self.shown, self.told = 0, {}
                os.chdir(cwd)
            if self.me is None:
                self.me = type(label, (Self,), {"_agent_guest_": self})()
            self.sources[key] = unit or self.sources[key]
            if key not in self.units:  # where its imports failed it is tried again
                self.units[key] = _defined(label, key, *self.sources[key])
            self.take(news, outermost)
            args, kwargs = codec.unpack(given, self.pickles)
            self.refused.clear()
            return self.value(self._called(self.units[key], args, kwargs))
        except BaseException as error:
            self.mirror.forget(self.visible)
            return self.failure(error)
        finally:
            self.depth -= 1

    def _called(self, function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]) -> Any:
        value = function(self.me, *args, **kwargs)
        if not hasattr(value, "__await__"):
            return value
        import asyncio

        if self.pickles and asyncio._get_running_loop() is None:
            return asyncio.run(value)
        try:
            value.send(None)
        except StopIteration as done:
            return done.value
        raise CannotCross("it waits for an event loop, and there is none for it here")

    def value(self, value: Any) -> list[Any]:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        if self.refused:
            raise CannotCross(self.refused[0])
        try:
            itself = value is self.me
            packed = codec.pack(None if itself else value, self.pickles)
        except CannotCross as error:
            raise CannotCross(f"its result cannot come back: {error}") from None
        return ["value", packed, itself, *self.delta()]

    def delta(self) -> tuple[dict[str, Any], list[str]]:
        """What the code has changed of the state."""
        state = vars(self.me)
        self.visible = list(dict.fromkeys([*self.visible, *state]))
        return self.mirror.changes(state, self.visible)

    def take(self, news: list[Any], fresh: bool) -> None:
        """Take over the host's state, of which only these names can be seen; containers stay the objects they are."""
        names, changed, gone, self.others, self.methods = news
        state = vars(self.me)
        if fresh:
            self.hidden.update(state)
            state.clear()
        for name in gone:
            state.pop(name, None)
            self.hidden.pop(name, None)
        for name in names:
            if name not in state and name in self.hidden:
                state[name] = self.hidden.pop(name)
        for name, data in changed.items():
            state[name] = _into(state.get(name), self.mirror.takes(name, data))
        self.visible = names

    def ask(self, what: str, name: str, args: Any = (), kwargs: Any = None) -> Any:
        """Have the host do something; what it raises is raised here."""
        with self.talk:
            packed = codec.pack([list(args), kwargs or {}], self.pickles)
            try:
                self.send(["ask", what, name, packed, *self.delta()])
            except CannotCross:
                self.mirror.forget(self.visible)
                raise
            kind, *rest = self.loop()
            if kind == "raise":
                number, error, news = rest
                self.take(news, False)
                self.told[number] = raised = revived(error, self.pickles) or _foreign(error)
                raise raised
            data, itself, later, news = rest
            self.take(news, False)
            value = self.me if itself else codec.unpack(data, self.pickles)
            return _ready(value) if later else value

    def failure(self, error: BaseException) -> list[Any]:
        """An error as data; one that the host raised itself goes back as its number."""
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        known = next((number for number, told in self.told.items() if told is error), None)
        return ["raise", known, described(error, self.pickles)]


def described(error: BaseException, pickles: bool) -> dict[str, Any]:
    """An error as data: its kind, the built-in kind that it is one of, what it was made with, where it was raised."""
    kind = type(error)
    base = next(k.__name__ for k in kind.__mro__ if vars(builtins).get(k.__name__) is k)
    try:
        text = str(error)[:4000]
    except Exception:
        text = "an error that cannot be said"
    trace = traceback.extract_tb(error.__traceback__)
    frames = [f.tb_frame for f in _walk(error.__traceback__)]
    lines = [(f.f_globals[UNIT], t.lineno) for f, t in zip(frames, trace, strict=True) if UNIT in f.f_globals]
    last = trace[-1] if trace else None
    where = f"{last.filename}, line {last.lineno}, in {last.name}" if last and CALLS not in frames[-1].f_globals else ""
    meant = getattr(error, "on_purpose", False) is True
    given = [getattr(error, "filename", None)] if isinstance(error, OSError) else [getattr(error, "name", None)]
    try:
        args: Any = codec.pack(list(error.args), pickles)
        args = None if sum(map(len, args)) > 1 << 16 else args
    except Exception:
        args = None
    return {"kind": kind.__qualname__[:200], "base": base, "args": args, "text": text, "lines": lines[-20:],
            "meant": meant, "where": where[:300], "about": given[0] if type(given[0]) is str else None}  # fmt: skip


def revived(told: dict[str, Any], pickles: bool = False) -> Exception | None:
    """The error that was described, where it is of a built-in kind; None for any other."""
    kind = vars(builtins).get(told["base"]) if type(told["base"]) is str else None
    plain = isinstance(kind, type) and issubclass(kind, Exception) and kind is not Exception
    if not plain or not isinstance(kind, type):
        return None
    text = told["text"] if told["kind"] == kind.__name__ else f"{told['kind']}: {told['text']}"
    try:
        args = codec.unpack(told["args"], pickles) if told["args"] is not None else [text]
        made: Exception = kind(*args if told["kind"] == kind.__name__ else [text])
    except Exception:
        return RuntimeError(f"{told['kind']}: {told['text']}"[:4000])
    name = "filename" if isinstance(made, OSError) and made.errno is not None else "name"
    if told["about"] is not None and hasattr(made, name):
        setattr(made, name, told["about"])
    return made


def _foreign(told: dict[str, Any]) -> Exception:
    """An error of the host's own kinds, of the same name here."""
    kind: Any = type(told["kind"], (Exception,), {})
    return kind(told["text"])  # type: ignore[no-any-return]


def _walk(trace: Any) -> Any:
    while trace is not None:
        yield trace
        trace = trace.tb_next


async def _ready(value: Any) -> Any:
    return value


def _into(old: Any, new: Any) -> Any:
    """The new value, in the old container where it is one of the same kind: written code may hold on to it."""
    if type(old) is not type(new) or type(old) not in (list, dict, set):
        return new
    old.clear()
    (old.extend if type(old) is list else old.update)(new)
    return old


def _defined(label: str, key: str, filename: str, name: str, source: str, calls: list[str]) -> Callable[..., Any]:
    """Run a unit's definition time in a module of its own."""
    linecache.cache[filename] = (len(source), None, [f"{line}\n" for line in source.split("\n")], filename)
    home = ModuleType(f"agent_written.{label}")
    loader = SimpleNamespace(get_source=lambda name: source)
    vars(home).update({"__file__": filename, "__loader__": loader, CALLS: frozenset(calls), UNIT: key})
    sys.modules[home.__name__] = home
    exec(compile(source, filename, "exec", dont_inherit=True), vars(home))
    return vars(home)[name]  # type: ignore[no-any-return]


class Self:
    """What written code has as `self`: its `__dict__` is the state; what is not there the host is asked for."""

    _agent_guest_: Guest

    def __getattr__(self, name: str) -> Any:
        guest, frame = type(self)._agent_guest_, sys._getframe(1)
        if name in guest.others:
            guest.ask("state", name)
            return vars(self)[name]
        if name == "llm":
            return Llm(guest)
        known = name in guest.methods
        if name[:1] == "_" or not (known or _calls(frame, name)):
            has = ", ".join([*vars(self), *guest.others, *guest.methods]) or "nothing"
            raise AttributeError(f"self has no {name!r}; it has only: {has}", name=name, obj=self)
        return lambda *args, **kwargs: guest.ask("method", name, args, kwargs)

    def __dir__(self) -> list[str]:
        guest = type(self)._agent_guest_
        return [*vars(self), *guest.others, *guest.methods]

    def __repr__(self) -> str:
        return f"<agent {type(self).__name__}>"


def _calls(frame: FrameType, name: str) -> bool:
    """Whether the frame is at the call `self.name(...)` itself, and not at a mere read."""
    import dis  # late: few workers need it

    code = frame.f_code
    if CALLS not in frame.f_globals or dis.opname[code.co_code[frame.f_lasti]] not in _READS:
        return False
    _, line, _, column = next(islice(code.co_positions(), frame.f_lasti // 2, None))
    text = frame.f_globals["__loader__"].get_source("").split("\n")[(line or 1) - 1]
    return bool(text.encode()[column or 0 :].lstrip().startswith(b"("))


class Failed:
    """An item about which the model gave no answer, as `self.llm` has it."""

    def __init__(self, item: Any, position: int, error_type: str, message: str) -> None:
        self.item, self.position, self.error_type, self.message = item, position, error_type, message

    def __bool__(self) -> bool:
        raise TypeError(f"item {self.position} has no answer ({self.message}): look for .error_type before its truth")


class Llm:
    """The host's model, as far as written code may have it here."""

    def __init__(self, guest: Guest) -> None:
        self._ask = guest.ask

    def __getattr__(self, name: str) -> Any:
        if name not in ABILITIES:
            raise AttributeError(f"self.llm has no {name!r} where code runs in a worker: it has {', '.join(ABILITIES)}")
        return lambda *args, **kwargs: self._ask("llm", name, args, kwargs)

    def each(self, items: Any, prompt: Any, *args: Any, **kwargs: Any) -> list[Any]:
        found = list(items)
        asked = (list(map(prompt, found)), "{item}") if callable(prompt) else (found, prompt)
        answers = self._ask("llm", "each", (*asked, *args), kwargs)
        return [each[0] if len(each) == 1 else Failed(found[each[0]], *each) for each in answers]


class _Out:
    """What written code prints, for the host's screen, up to a bound."""

    encoding, errors = "utf-8", "replace"

    def __init__(self, guest: Guest, number: int) -> None:
        self._guest, self._number, self._waiting = guest, number, ""

    def write(self, text: str) -> int:
        room = max(0, _SHOWN - self._guest.shown)
        self._guest.shown += len(text)
        self._waiting += text[:room] + "\n... (more was printed, and is left out)\n" * (0 < room < len(text))
        if len(self._waiting) > 4096 or "\n" in text:
            self.flush()
        return len(text)

    def flush(self) -> None:
        if self._waiting:
            with self._guest.talk:
                text, self._waiting = self._waiting, ""
                self._guest.send(["out", self._number, text.encode(errors="replace").decode()])

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False
