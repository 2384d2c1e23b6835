"""Columns, by name: what JSON and containers hold, and the line that tells each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from ..files import quoted
from ..kinds import signature
from .patterns import examples

CONTAINERS = {id(dict), id(list), id(tuple)}
_PRIVATE = re.compile(
    r"passw(or)?d|passphrase|secret|credential|api_?key|(access|auth|private|refresh)_?(key|token)", re.I
)
Columns = list[tuple[str, Sequence[Any]]]


def is_private(name: str) -> bool:
    """Whether what has this name is a secret by its name: then its values are not shown."""
    return bool(_PRIVATE.search(name))


def columns_in(top: Any) -> Columns:
    """What JSON or plain containers hold, by path: `name`, `address.city`, `tags[]`, `{*}` for keys that are data."""
    found: dict[str, list[Any]] = {}
    for item in [top] if type(top) is dict else [*top[:300], *top[300:][-300:]]:
        _collect(item, "", found, 4)
    return [(path or "items", values) for path, values in found.items()]


def _collect(value: Any, path: str, found: dict[str, list[Any]], depth: int) -> None:
    if type(value) is dict and value and depth:
        named = len(value) <= 64 and all(type(key) is str for key in value)
        for key, item in islice(value.items(), 64):
            _collect(item, f"{path}.{quoted(key)}".lstrip(".") if named else f"{path}{{*}}", found, depth - 1)
    elif id(type(value)) in CONTAINERS and value and depth:
        for item in value[:20]:
            _collect(item, f"{path}[]", found, depth - 1)
    elif path in found or len(found) < 64:
        found.setdefault(path, []).append(value)


def column_lines(columns: Columns, samples: bool = True) -> Iterator[str]:
    """A line for each column, whose name is quoted already where it could be misread."""
    most = 6 if len(columns) <= 10 else 4 if len(columns) <= 20 else 2
    for name, values in columns:
        told = samples and not is_private(name)
        shown = examples(values, most) if told else "|".join(sorted({signature(each)[:80] for each in values[:300]}))
        yield f"  {name}: {shown[:800]}".rstrip(": ")
