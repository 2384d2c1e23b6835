"""Lua 5.4 text, run in a closed environment of its own for each call: values are converted, nothing live is there.

    None, bool, int of 64 bits, float   the same; None inside a list or a dict is `null`, since nil is not there at all
    str, bytes                          a string; one that is UTF-8 comes back as str, any other as bytes
    list, tuple                         a sequence; a table with the keys 1 to n comes back as a list, an empty one too
    dict (keys: str, int, float, bool)  a table, which comes back as a dict whatever its keys are; so does `dict{}`
    several answers                     a tuple

State is fetched when it is asked for and written back when the call succeeds or calls another method: what came from a
list or a dict changes that very list or dict. Arguments are copies. It needs lupa alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from lupa import lua54

PRELUDE = Path(__file__).with_name("prelude.lua").read_text(encoding="utf-8")
INSTRUCTIONS, SECONDS, MEMORY, DEPTH = 1_000_000_000, 20, 128 << 20, 100
_KEYS = (str, int, float, bool)
_changes = [0]  # how often Lua has changed anything of any object


class LuaError(RuntimeError):
    """What Lua raised; `on_purpose` by `error` or `assert`."""

    on_purpose = False


class LuaLimit(LuaError):
    """A limit was reached, which Lua cannot catch."""


def lua(obj: Any, name: str, args: tuple[Any, ...], text: str, **methods: Callable[..., Any]) -> Any:
    """Call the function of that name which the text defines, with the object as its self; raises LuaError.

    `methods` are what the text may call on self. Raises LuaLimit where a limit was reached, TypeError for values that
    cannot be given to Lua; what is raised in `methods` and is no LuaError passes through, whatever Lua does.
    """
    return _Call(obj, text, methods).answer(name, args)


def compile_error(text: str, name: str) -> str:
    """What is wrong with the text as Lua, "" when it compiles; nothing of it is run."""
    runtime = _runtime()
    load = runtime.eval(b"function(...) local ok, f, why = pcall(load, ...) return not ok and f or why end")
    return str((load(text.encode(), b"=" + name.encode(), b"t") or b"").decode(errors="replace"))


def unfit(value: Any) -> str:
    """Why a value cannot be given to Lua, "" when it can."""
    try:
        _given(value, lambda values, of: None, lambda values, of: None, None, [MEMORY])
    except TypeError as error:
        return str(error)
    return ""


def _runtime() -> Any:
    made = lua54.LuaRuntime(
        encoding=None,
        register_eval=False,
        register_builtins=False,
        unpack_returned_tuples=True,
        attribute_handlers=(_refuse, _refuse),
        max_memory=MEMORY,
    )
    made.set_max_memory(0)  # it holds while Lua runs: a failure in what the host does would end the process
    return made


@cache
def _prelude() -> bytes:
    """The prelude, compiled."""
    dump = _runtime().eval(b"function(text) return string.dump(load(text, '=prelude', 't'), true) end")
    return bytes(dump(PRELUDE.encode()))


def _refuse(*asked: Any) -> Any:
    raise AttributeError("nothing of Python is there")


def _given(value: Any, listed: Any, mapped: Any, null: Any, room: list[int], depth: int = 0) -> Any:
    """A value for Lua: `listed` and `mapped` make tables of those in it; raises TypeError for what cannot be one."""
    kind = type(value)
    if value is None or kind is bool or kind is float:
        return value
    if kind is int:
        if -(1 << 63) <= value < 1 << 63:
            return value
        raise TypeError("an int beyond 64 bits cannot be given to Lua")
    room[0] -= len(value) + 56 if kind in (str, bytes, list, tuple, dict) else 0
    if room[0] < 0:
        raise TypeError(f"more than {MEMORY >> 20} MB cannot be given to Lua")
    if kind is bytes:
        return value
    if kind is str:
        try:
            return value.encode()
        except UnicodeEncodeError:
            raise TypeError("a str with half of a surrogate pair cannot be given to Lua") from None
    if depth > DEPTH:
        raise TypeError(f"what is nested more than {DEPTH} deep cannot be given to Lua")
    inside = (listed, mapped, null, room, depth + 1)
    if kind is list or kind is tuple:
        return listed([null if item is None else _given(item, *inside) for item in value], value)
    if kind is not dict:
        raise TypeError(f"a {kind.__qualname__} cannot be given to Lua, which has plain values only")
    if odd := next((type(key).__qualname__ for key in value if type(key) not in _KEYS or key != key), ""):
        raise TypeError(f"a dict with a key of type {odd} cannot be given to Lua")
    pairs = {_given(key, *inside): null if item is None else _given(item, *inside) for key, item in value.items()}
    return mapped(pairs, value)


class _Call:
    """One call: the runtime that it has for itself, and the object whose state it may read and change."""

    def __init__(self, obj: Any, text: str, methods: Mapping[str, Callable[..., Any]]) -> None:
        self._object, self._text, self._methods = obj, text, methods
        self._runtime = _runtime()
        given = (self._sibling, self._fetch, self._names, self._tick, INSTRUCTIONS, SECONDS)
        self._box = self._runtime.eval(b"load")(_prelude())(*given)
        self._null = self._box[b"null"]
        self._known: list[Any] = []  # containers of the state that Lua has as tables
        self._stopped: BaseException | None = None
        self._raised: LuaError | None = None
        self._room, self._updates = 0, list[tuple[Any, Any]]()
        for name in methods:
            self._box[b"method"](name.encode())

    def answer(self, name: str, args: tuple[Any, ...]) -> Any:
        chunk, why = self._box[b"load"](self._text.encode(), b"=" + name.encode())
        if chunk is None:
            raise LuaError(self._words(why))
        given = self._packed(args)
        try:
            with self._limited(MEMORY, 0):
                found = self._box[b"run"](chunk, name.encode(), given)
            status = dict(found.items())
        except (lua54.LuaError, lua54.LuaMemoryError) as error:
            why = self._box[b"why"]
            status = {1: False, 2: why or str(error).encode() or b"not enough memory"}
            self._end(status[2], limit=True)
        if not status[1]:
            self._end(status.get(2), status.get(2) == b"not enough memory")
        self._room, self._updates = MEMORY, []
        values = [self._taken(status.get(n)) for n in range(2, status[b"n"] + 1)]
        self._flush()
        return values[0] if len(values) == 1 else tuple(values) or None

    @contextmanager
    def _limited(self, most: int, after: int) -> Iterator[None]:
        self._runtime.set_max_memory(most)
        try:
            yield
        finally:
            self._runtime.set_max_memory(after)

    def _end(self, value: Any, limit: bool = False) -> None:
        """Raise what Lua ended with."""
        if self._stopped is not None:
            raise self._stopped
        if isinstance(value, BaseException):  # which came between two lines of ours, as Ctrl-C may
            raise value
        if value == b"interrupted" and limit:
            raise KeyboardInterrupt
        said = self._words(b"more memory than it may have" if value == b"not enough memory" and limit else value)
        if limit:
            raise LuaLimit(f"it was stopped: {said}")
        if self._raised is not None and str(self._raised).encode() == value:
            raise self._raised
        error = LuaError(said)
        error.on_purpose = self._box[b"raised"] is not None and self._words(self._box[b"raised"]) == said
        raise error

    def _words(self, value: Any) -> str:
        """What was raised, with the line of the text that it names."""
        if not isinstance(value, bytes):
            return f"it raised a {lua54.lua_type(value) or type(value).__name__}, not a text"
        said = value.decode(errors="replace")
        found, lines = re.match(r"\w+:(\d+): ", said), self._text.split("\n")
        at = int(found[1]) if found else 0
        return f"{said} [{lines[at - 1].strip()}]" if 0 < at <= len(lines) and "\n" not in said else said

    # What Lua asks of us: nothing is ever raised there, since Lua would have the exception in its hands.

    def _tick(self) -> bool:
        return self._stopped is not None

    def _names(self) -> bytes:
        return "\n".join(vars(self._object)).encode()

    def _fetch(self, key: bytes) -> tuple[bool, Any]:
        try:
            with self._limited(0, MEMORY):
                held = vars(self._object)
                return True, self._table(held[name], True) if (name := key.decode()) in held else None
        except TypeError as error:
            return False, f"self.{key.decode()}: {error}".encode()
        except BaseException as error:
            self._stopped = error
            return False, b"interrupted"

    def _sibling(self, key: bytes, given: Any) -> tuple[bytes, Any]:
        try:
            with self._limited(0, MEMORY):
                self._room, self._updates = MEMORY, []
                packed = dict(given.items())
                args = [self._taken(packed.get(n)) for n in range(1, packed[b"n"] + 1)]
                self._flush()
                before = _changes[0]
                answer = self._methods[key.decode()](*args)
                how = b"same" if _changes[0] == before else b"ok"
                return how, self._packed(answer if type(answer) is tuple else (answer,))
        except LuaLimit as error:
            self._stopped = error
        except LuaError as error:
            self._raised = error
            return b"error", str(error).encode()
        except BaseException as error:
            self._stopped = error
        return b"stop", b"interrupted"

    # Values.

    def _table(self, value: Any, keep: bool = False) -> Any:
        """A value as Lua has it; with `keep` what comes back from it changes the containers that it was made from."""

        def made(values: Any, of: Any) -> Any:
            table = self._runtime.table_from(values)
            if type(of) is dict:
                self._box[b"kinds"][table] = b"dict"
            if keep:
                self._known.append(of)
                self._box[b"origins"][table] = len(self._known)
            return table

        return _given(value, made, made, self._null, [MEMORY])

    def _packed(self, values: tuple[Any, ...]) -> Any:
        table = self._runtime.table_from(
            {n: v for n, each in enumerate(values, 1) if (v := self._table(each)) is not None}
        )
        table[b"n"] = len(values)
        return table

    def _taken(self, value: Any, depth: int = 0) -> Any:
        """A value of Lua's as Python has it; raises LuaError for what it cannot be."""
        self._room -= 56 + (len(value) if type(value) is bytes else 0)
        if self._room < 0:
            raise LuaLimit(f"it was stopped: more than {MEMORY >> 20} MB of answers")
        if type(value) is bytes:
            try:
                return value.decode()
            except UnicodeDecodeError:
                return value
        if value is None or type(value) in (bool, int, float):
            return value
        if lua54.lua_type(value) != "table":
            raise LuaError(
                f"a {lua54.lua_type(value) or 'value of the host'} cannot leave Lua: answer with plain values"
            )
        kind = self._box[b"kinds"][value]
        if kind == b"null":
            return None
        if kind == b"self" or depth > DEPTH:
            deep = f"a table nested more than {DEPTH} deep"
            raise LuaError(f"{deep if depth > DEPTH else 'self'} cannot leave Lua: answer with plain values")
        origin = self._box[b"origins"][value]
        was = self._known[origin - 1] if origin else None
        items = {self._taken(k, depth + 1): self._taken(v, depth + 1) for k, v in value.items()}
        return self._changed(was, self._shaped(items, kind, was))

    def _shaped(self, items: dict[Any, Any], kind: Any, was: Any) -> Any:
        whole = all(type(key) is int and 0 < key <= len(items) for key in items)
        if kind != b"dict" and whole:
            return [items[n] for n in range(1, len(items) + 1)]
        if kind == b"list" or (
            kind is None and (was is not None or (1 in items and all(type(k) is int for k in items)))
        ):
            raise LuaError(
                "a list with holes, or with other keys than 1 to n, cannot leave Lua: fill it, or use dict{...}"
            )
        if any(type(key) not in _KEYS for key in items):
            raise LuaError("a table with a key that is no text, number or boolean cannot leave Lua")
        first = {key: items[key] for key in was if key in items} if type(was) is dict else {}
        rest = sorted((key for key in items if key not in first), key=lambda key: (_KEYS.index(type(key)), key))
        return first | {key: items[key] for key in rest}

    def _changed(self, was: Any, now: Any) -> Any:
        """The container that it came from, to be changed when all is known; else the new value."""
        if type(was) is tuple and type(now) is list:
            now = [_kept(a, b) for a, b in zip(was, now, strict=False)] + now[len(was) :]
            return was if _same(list(was), now) else tuple(now)
        if type(was) is list and type(now) is list:
            now = [_kept(a, b) for a, b in zip(was, now, strict=False)] + now[len(was) :]
        elif type(was) is dict and type(now) is dict:
            now = {key: _kept(was[key], item) if key in was else item for key, item in now.items()}
        else:
            return now
        if not _same(was, now):
            self._updates.append((was, now))
        return was

    def _flush(self) -> None:
        """Write what Lua changed; what cannot be converted is raised before anything is written."""
        fields = dict(self._box[b"self"].items())
        held, new = vars(self._object), dict[str, Any]()
        for key in dict(self._box[b"touched"].items()):
            name, value = key.decode(errors="replace"), self._taken(fields.get(key))
            value = _kept(held.get(name), value)
            if name in held and (held[name] is value or _same([held[name]], [value])):
                continue
            if value is None and name not in held:
                continue
            if not name.isidentifier() or name.startswith("_") or hasattr(type(self._object), name):
                raise LuaError(f"self.{name} cannot be set: it is a method, or no name for state")
            new[name] = value
        for was, now in self._updates:
            was.clear()
            was.extend(now) if type(was) is list else was.update(now)
        for name, value in new.items():
            object.__setattr__(self._object, name, value)
        _changes[0] += bool(self._updates or new)


def _kept(was: Any, now: Any) -> Any:
    """What was there, where it is what Lua has: bytes come back as str."""
    return was if type(was) is bytes and type(now) is str and was == now.encode() else now


def _same(one: Any, other: Any) -> bool:
    """Whether two containers hold the same, nested containers by identity."""
    if type(one) is dict:
        return list(one) == list(other) and _same(list(one.values()), list(other.values()))
    return len(one) == len(other) and all(
        a is b or (type(a) is type(b) and type(a) not in (list, tuple, dict) and (a == b or (a != a and b != b)))
        for a, b in zip(one, other, strict=True)
    )
