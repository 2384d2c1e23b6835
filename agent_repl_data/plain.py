"""Plain values as text and back: JSON with tags, the same in every process; reading it makes nothing but data."""

import json
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

_BARE = {id(kind) for kind in (type(None), bool, int, float, str)}  # by id: a metaclass may define __hash__ and __eq__
_SIZED = {id(kind) for kind in (str, bytes, list, tuple, set, frozenset, dict)}
_KINDS: dict[type, tuple[Any, Any]] = {  # how a value is taken apart, and made again
    tuple: (list, tuple), set: (list, set), frozenset: (list, frozenset), bytes: (bytes.hex, bytes.fromhex),
    dict: (lambda v: [x for item in v.items() for x in item], lambda v: dict(zip(v[::2], v[1::2], strict=True))),
    str: (lambda v: list(map(ord, v)), lambda v: "".join(map(chr, v))), Decimal: (str, Decimal),
    complex: (lambda v: [v.real, v.imag], lambda v: complex(*v)), type(Path()): (str, Path),
    timedelta: (lambda v: [v.days, v.seconds, v.microseconds], lambda v: timedelta(*v)),
    timezone: (lambda v: list(v.__getinitargs__()), lambda v: timezone(*v)), date: (str, date.fromisoformat),
    time: (lambda v: [v.hour, v.minute, v.second, v.microsecond, v.tzinfo, v.fold], lambda v: time(*v[:5], fold=v[5])),
    datetime: (lambda v: [v.date(), v.timetz()], lambda v: datetime.combine(*v)),
}  # fmt: skip
_MAKERS = {kind.__name__: make for kind, (_, make) in _KINDS.items()}
_TAKERS = {id(kind): take for kind, (take, _) in _KINDS.items()}


def encode(value: Any, limit: int = 4096) -> str:
    """The text of a plain value; "" where it is not plain, nested more than 20 deep, or over `limit` characters.

    Plain are None, numbers, texts, bytes, paths, dates, times (no named zone), and containers of those; no subclass.
    """
    try:
        text = json.dumps(_tree(value, [5 * limit], 0), ensure_ascii=False)
    except (KeyError, ValueError):  # a kind that is not plain; too much of it, or an int of thousands of digits
        return ""
    return text if len(text) <= limit else ""


def decode(text: str) -> Any:
    """The value whose text `encode` gave; on any other text it may raise any error, but runs nothing."""
    return json.loads(text, object_hook=lambda tagged: [_MAKERS[kind](parts) for kind, parts in tagged.items()].pop())


def _tree(value: Any, room: list[int], depth: int) -> Any:
    kind = type(value)
    room[0] -= len(value) + 1 if id(kind) in _SIZED else 1
    if room[0] < 0 or depth > 20:
        raise ValueError("too much")
    if id(kind) in _BARE and (kind is not str or value == value.encode(errors="ignore").decode()):  # no half characters
        return value
    if kind is list:
        return [_tree(item, room, depth + 1) for item in value]
    parts = _tree(_TAKERS[id(kind)](value), room, depth)
    return {kind.__name__: sorted(parts, key=json.dumps) if kind is set or kind is frozenset else parts}
