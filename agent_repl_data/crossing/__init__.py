"""Values as bytes and back: typed JSON with blobs beside it; reading them makes data and nothing that has hooks.

What crosses: None, bool, numbers, text, bytes, dates, paths, the containers of the standard library, numpy arrays (no
objects in them), pandas frames, series and indexes, Arrow tables. With `pickles` also what pickle can take along.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from .faults import CannotCross, Malformed
from .tables import made, told

LIMIT, TEXT, PARTS = 1 << 29, 1 << 25, 2_000_000
"""The most that is read: bytes of a message, of its JSON, and brackets in that."""
__all__ = ["FIXED", "LIMIT", "TEXT", "CannotCross", "Malformed", "Packed", "digest", "pack", "unpack"]
DEPTH = 60
Buffers = list[Any]
Say = Callable[[Any], Any]


class Packed(list[Any]):
    """Buffers that `pack` gave: inside a message they are one blob."""


class _Packer:
    def __init__(self, pickles: bool) -> None:
        self.pickles, self.blobs = pickles, Buffers()
        self.depth = 0

    def blob(self, data: Any) -> int:
        self.blobs.append([memoryview(data).cast("B") if memoryview(data).nbytes else b""])
        return len(self.blobs) - 1

    def say(self, value: Any) -> Any:
        kind = type(value)
        if value is None or kind is bool or kind is float:
            return value
        if kind is int:
            return value if -(1 << 53) < value < 1 << 53 else {"i": hex(value)}
        if kind is str:
            return value if value.isascii() or _whole(value) else {"s": value.encode("utf-8", "surrogatepass").hex()}
        self.depth += 1
        if self.depth > DEPTH:
            raise CannotCross(f"it is nested more than {DEPTH} deep, or holds itself")
        try:
            return list(map(self.say, value)) if kind is list else self._tagged(kind, value)
        finally:
            self.depth -= 1

    def _tagged(self, kind: type, value: Any) -> Any:
        if name := next((name for name, (made, _, _) in PLAIN.items() if made is kind), ""):
            return {name: PLAIN[name][1](value, self.say)}
        if kind in (bytes, bytearray):
            return {"b" if kind is bytes else "B": self.blob(value)}
        if kind is Packed:
            self.blobs.append(value)
            return {"v": len(self.blobs) - 1}
        root = kind.__module__.partition(".")[0]
        if root in ("numpy", "pandas", "pyarrow") and (found := told(root, kind, value, self)) is not None:
            return found
        if self.pickles:
            return {"pickle": self.blob(_pickled(value))}
        _require_whole(value)
        raise CannotCross(f"a {kind.__module__}.{kind.__qualname__} cannot be sent")


def _whole(text: str) -> bool:
    try:
        return bool(text.encode())
    except UnicodeEncodeError:
        return False


def _items(value: Any, say: Say) -> list[Any]:
    return [say(part) for item in value.items() for part in item]


def _sorted(value: Any, say: Say) -> list[Any]:
    return [say(item) for item in sorted(value, key=_order)]  # the same set is the same bytes


def _order(item: Any) -> str:
    kind = type(item)
    if kind is tuple or kind is frozenset:
        parts = map(_order, item)
        return f"({','.join(parts if kind is tuple else sorted(parts))})"
    shown = "" if kind not in FIXED else format(item, "x") if kind is int else repr(item)
    return f"{kind.__name__} {shown}"


def _zone(value: Any, say: Say) -> Any:
    if value is None or type(value) in (timezone, ZoneInfo):
        return say(value)
    raise CannotCross(f"a {type(value).__qualname__} cannot be sent: use datetime.timezone or zoneinfo")


def _moment(value: Any, say: Say) -> list[Any]:
    day = [value.year, value.month, value.day] if isinstance(value, date) else []
    clock = [value.hour, value.minute, value.second, value.microsecond, value.fold, _zone(value.tzinfo, say)]
    return [*day, *clock]


def _moment_of(kind: Any) -> Callable[[Any], Any]:
    return lambda v: kind(*v[:-2], tzinfo=v[-1], fold=v[-2])


def _range(value: Any, say: Say) -> list[Any]:
    return [say(value.start), say(value.stop), say(value.step)]


def _fixed_zone(value: timezone, say: Say) -> list[Any]:
    return list(map(say, value.__getinitargs__()))  # type: ignore[attr-defined]  # as pickle does


_FACTORIES = {each.__name__: each for each in (int, float, str, list, dict, set, tuple, bool)}


def _factory(value: Any, say: Say) -> list[Any]:
    made = value.default_factory
    if made is not None and _FACTORIES.get(getattr(made, "__name__", "")) is not made:
        raise CannotCross("a defaultdict with a function of its own cannot be sent: use int, list, dict or set")
    return [made and made.__name__, *_items(value, say)]


def _dict(parts: list[Any]) -> dict[Any, Any]:
    keys = _distinct(parts[::2])
    return dict(zip(keys, parts[1::2], strict=True))


def _distinct(keys: list[Any]) -> list[Any]:
    """Keys, unless very many of them were made to collide: a table of such would take for ever."""
    if len(keys) > 100 and max(Counter(map(hash, keys)).values()) > 50:
        raise Malformed("keys that collide")
    return keys


def _text(kind: Any) -> tuple[Any, Callable[[Any, Say], Any], Say]:
    return kind, lambda v, say: str(v), lambda text: kind(_str(text))


def _str(text: Any) -> str:
    if type(text) is not str:
        raise Malformed("no text")
    return text


PLAIN: dict[str, tuple[Any, Callable[[Any, Say], Any], Callable[[Any], Any]]] = {
    # the type, how it is taken apart, how it is made again of what was read
    "t": (tuple, lambda v, say: list(map(say, v)), tuple),
    "d": (dict, _items, _dict),
    "S": (set, _sorted, lambda v: set(_distinct(v))),
    "F": (frozenset, _sorted, lambda v: frozenset(_distinct(v))),
    "D": _text(Decimal), "P": _text(type(Path())), "pp": _text(PurePosixPath), "pw": _text(PureWindowsPath),
    "u": _text(UUID), "Z": (ZoneInfo, lambda v, say: v.key, lambda key: ZoneInfo(_str(key)[:80])),
    "c": (complex, lambda v, say: [v.real, v.imag], lambda v: complex(*v)),
    "da": (date, lambda v, say: [v.year, v.month, v.day], lambda v: date(*v)),
    "dt": (datetime, _moment, _moment_of(datetime)), "ti": (time, _moment, _moment_of(time)),
    "td": (timedelta, lambda v, say: [v.days, v.seconds, v.microseconds], lambda v: timedelta(*v)),
    "z": (timezone, _fixed_zone, lambda v: timezone(*v)),
    "r": (range, _range, lambda v: range(*v)),
    "C": (Counter, _items, lambda v: Counter(_dict(v))), "O": (OrderedDict, _items, lambda v: OrderedDict(_dict(v))),
    "q": (deque, lambda v, say: [v.maxlen, *map(say, v)], lambda v: deque(v[1:], v[0])),
    "dd": (defaultdict, _factory, lambda v: defaultdict(v[0] and _FACTORIES[v[0]], _dict(v[1:]))),
}  # fmt: skip
_TEXTS = ("D", "P", "pp", "pw", "u", "Z")
FIXED = {int, float, complex, bool, type(None), str, bytes, Decimal, date, datetime, time, timedelta, range}
"""Types of values that cannot be changed in place."""


def _pickled(value: Any) -> bytes:
    import pickle

    kind = type(value)
    _require_whole(value)
    try:
        data = pickle.dumps(value, 5)
    except Exception as error:
        raise CannotCross(f"a {kind.__module__}.{kind.__qualname__} cannot be sent ({str(error)[:200]})") from error
    if b"__main__" in data:
        raise CannotCross(f"a {kind.__qualname__} is made of classes of this session: put them into a module")
    if b"agent_repl.agent" in data and b"_reopen" in data:
        raise CannotCross(f"a {kind.__qualname__} is or holds an agent, which stays in its own process")
    return data


def _require_whole(value: Any) -> None:
    kind = type(value)
    if (hasattr(kind, "__next__") or hasattr(kind, "__anext__")) and not callable(value):
        raise CannotCross(f"a {kind.__qualname__} is read as it goes, and cannot be sent: make a list of it")


def pack(value: Any, pickles: bool = False) -> Packed:
    """The bytes of a value, as buffers which share its memory; raises CannotCross."""
    packer = _Packer(pickles)
    try:
        tree = packer.say(value)
        lengths = [sum(map(len, blob)) for blob in packer.blobs]
        text = json.dumps([tree, lengths], ensure_ascii=False).encode()
    except RecursionError:
        raise CannotCross("it is nested too deep") from None
    if len(text) > TEXT or sum(lengths) > LIMIT - 2 * TEXT:
        raise CannotCross(f"it is too large: {TEXT >> 20} MB of texts and {LIMIT >> 20} MB in all can be sent")
    return Packed([struct.pack("<Q", len(text)) + text, *(buffer for blob in packer.blobs for buffer in blob)])


def unpack(data: Any, pickles: bool = False, views: bool = False, text: int = TEXT) -> Any:
    """The value of such bytes; raises Malformed, whatever they are, and without `pickles` runs nothing.

    With `views` what was packed before stays so, as a view of these bytes. Its JSON is of `text` bytes at most.
    """
    try:
        view = memoryview(data)
        size = struct.unpack("<Q", view[:8])[0]
        if size > min(text, len(view) - 8):
            raise Malformed("a header that lies")
        words = bytes(view[8 : 8 + size])
        if words.count(b"[") + words.count(b"{") > PARTS:
            raise Malformed("too many parts")
        tree, lengths = json.loads(words)
        blobs, at = dict[int, memoryview](), 8 + size
        for number, length in enumerate(lengths):
            if type(length) is not int or not 0 <= length <= len(view) - at:
                raise Malformed("a length that lies")
            blobs[number] = view[at : at + length]
            at += length
        return _made(tree, blobs, pickles, views, 0)
    except Malformed:
        raise
    except Exception as error:  # json, numpy, pandas and Arrow raise what they like
        raise Malformed(f"{type(error).__name__}: {str(error)[:200]}") from error


def _made(tree: Any, blobs: dict[int, memoryview], pickles: bool, views: bool, depth: int) -> Any:
    kind = type(tree)
    if kind is not list and kind is not dict:
        return tree
    if depth > DEPTH * 3:
        raise Malformed("nested too deep")
    if kind is list:
        return [_made(part, blobs, pickles, views, depth + 1) for part in tree]
    ((tag, parts),) = tree.items()
    if tag == "i":
        return int(parts, 16)
    if tag == "s":
        return bytes.fromhex(parts).decode("utf-8", "surrogatepass")
    if tag in ("b", "B"):
        return (bytes if tag == "b" else bytearray)(blobs.pop(parts))  # each once: else a few bytes made very many
    if tag == "v" and views:
        return blobs.pop(parts)
    if tag == "pickle" and pickles:
        import pickle

        return pickle.loads(blobs.pop(parts))
    if tag in PLAIN:
        if type(parts) is not (str if tag in _TEXTS else list):
            raise Malformed("parts that are none")  # a range, of which a tuple would be made
        return PLAIN[tag][2](_made(parts, blobs, pickles, views, depth + 1))
    return made(tag, _made(parts, blobs, pickles, views, depth + 1), blobs)


def digest(buffers: Iterable[Any]) -> bytes:
    """A hash of packed bytes."""
    found = hashlib.blake2b(digest_size=16)
    for buffer in buffers:
        found.update(buffer)
    return found.digest()
