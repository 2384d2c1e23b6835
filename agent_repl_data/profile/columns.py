"""Columns: by name, one example of every pattern of characters in each; what is rare is kept, since it breaks code."""

from __future__ import annotations

import re
from calendar import month_abbr, month_name
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timezone
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path, PosixPath, WindowsPath
from typing import Any

from ..files import quoted
from ..kinds import signature
from ..secrets import hidden

_SHOWN = {id(k) for k in (type(None), int, float, bool, str, bytes, date, datetime, Decimal, PosixPath, WindowsPath)}
_MISSING = re.compile(r"(?:.*\.)?(None|nan|NaT|NA)(?:Type.*)?")
_LONGEST = 4_096  # characters of a text in which a secret is looked for before it is cut
_FIELDS = {
    "Y": r"(?:19|20)\d\d", "y": r"\d\d", "m": r"(?:1[0-2]|0?[1-9])", "d": r"(?:3[01]|[12]\d|0?[1-9])",
    "B": f"(?:{'|'.join(month_name[1:])})", "b": f"(?:{'|'.join(month_abbr[1:])})",
    "H": r"(?:2[0-3]|[01]?\d)", "I": r"(?:1[0-2]|0?[1-9])", "M": r"[0-5]\d", "S": r"[0-5]\d", "f": r"\d{1,6}",
    "p": "[AP]M", "z": r"(?:Z|[-+]\d\d:?\d\d)",
}  # fmt: skip
CONTAINERS = {id(dict), id(list), id(tuple)}
_VISITS = 40_000  # values of one container that are looked at: 600 records of 64 fields
_RICH, _ROOM = 9, 16  # values of a class whose kinds take long to say that are told apart in a column, and so far
_PRIVATE = re.compile(
    r"passw(or)?d|passphrase|secret|credential|api_?key|(access|auth|private|refresh)_?(key|token)", re.I
)
Columns = list[tuple[str, Sequence[Any]]]


def is_private(name: str) -> bool:
    """Whether what has this name is a secret by its name: then its values are not shown."""
    return bool(_PRIVATE.search(name))


def columns_in(top: Any) -> Columns:
    """What JSON or plain containers hold, by path: `name`, `address.city`, `tags[]`, `{*}` for keys that are data.

    Of a list the first and last are looked at, from both ends; where they hold very much, as many as there is room for.
    """
    items = [top] if type(top) is dict else [*top[:300], *top[max(300, len(top) - 300) :]]
    found: dict[int, dict[str, list[Any]]] = {}
    left = _VISITS
    for at in _from_both_ends(len(items)):
        left -= _collect(items[at], "", found.setdefault(at, {}), 4, left if len(items) == 1 else left // 9)
        if left < 9:
            break
    merged: dict[str, list[Any]] = {}
    for path, values in (column for at in sorted(found) for column in found[at].items()):
        if path in merged or len(merged) < 64:
            merged.setdefault(path, []).extend(values)
    return [(path or "items", values) for path, values in merged.items()]


def _from_both_ends(size: int) -> Iterator[int]:
    for at in range((size + 1) // 2):
        yield from dict.fromkeys((at, size - 1 - at))


def _collect(value: Any, path: str, found: dict[str, list[Any]], depth: int, room: int) -> int:
    """Put what a value holds where it belongs; says how many values were looked at, in `room` or a few more.

    Each key has its share of the room and what others left of theirs, each item of a list a ninth of what is left.
    """
    used = 1
    if type(value) is dict and value and depth and room > 1:
        named = len(value) <= 64 and all(type(key) is str for key in value)
        for more, (key, item) in zip(range(min(64, len(value)), 0, -1), value.items(), strict=False):
            inner = f"{path}.{quoted(key)}".lstrip(".") if named else f"{path}{{*}}"
            used += _collect(item, inner, found, depth - 1, (room - used) // more)
    elif id(type(value)) in CONTAINERS and value and depth and room > 1:
        for item in value[:20]:
            used += _collect(item, f"{path}[]", found, depth - 1, (room - used) // 9)
            if used + 9 > room:
                break
    elif path in found or len(found) < 64:
        found.setdefault(path, []).append(value)
    return used


def column_lines(columns: Columns, samples: bool = True) -> Iterator[str]:
    """A line for each column, whose name is quoted already where it could be misread."""
    most = 6 if len(columns) <= 10 else 4 if len(columns) <= 20 else 2
    for name, values in columns:
        told = samples and not is_private(name)
        shown = examples(values, most) if told else "|".join(sorted({kind[:80] for kind, _ in _kinds(values[:300])}))
        yield f"  {name}: {shown[:800]}".rstrip(": ")


def examples(values: Sequence[Any], most: int = 6) -> str:
    """One example of every pattern of characters among the values, with date formats and the number of empty ones."""
    groups: dict[str, list[Any]] = {}
    for kind, value in _kinds(values, by_kind=False):
        groups.setdefault(_pattern(kind, value), []).append(value)
    for pattern in [pattern for pattern in groups if pattern.startswith("date:") and " or " in pattern]:
        proved = [f"date:{form}" for form in pattern[5:].split(" or ") if f"date:{form}" in groups]
        if len(proved) == 1:
            groups[proved[0]].extend(groups.pop(pattern))
    absent = [name.format(len(groups.pop(name))) for name in list(groups) if name.endswith(("} empty)", "} missing)"))]
    return ", ".join([_example(pattern, found[0]) for pattern, found in _chosen(groups, most)] + absent)


def _kinds(values: Sequence[Any], by_kind: bool = True) -> Iterator[tuple[str, Any]]:
    """Values with their kinds: of a class whose kinds take long to say, as those of containers do, only a few.

    Without `by_kind` texts have none, since their patterns say more.
    """
    rich: Counter[int] = Counter()
    for value in values:
        of = id(type(value))
        if rich[of] < _RICH:
            kind = "" if type(value) is str and not by_kind else signature(value, _ROOM)
            rich[of] += kind[-1:] in (*"…)]}",) if of not in _SHOWN else kind[:4] == "text"
            yield kind, value


def _chosen(groups: dict[str, list[Any]], most: int) -> list[tuple[str, list[Any]]]:
    """Of many groups the commonest and the rarest."""
    ordered = sorted(groups.items(), key=lambda group: -len(group[1]))
    del ordered[most // 2 : most // 2 - most]
    return ordered


def line_examples(lines: Sequence[str], most: int = 8) -> list[str]:
    """One line of every shape and how often it comes; of prose, where shapes do not come again, the first lines."""
    groups: dict[str, list[str]] = {}
    for line in lines:
        groups.setdefault(_line_shape(line[:200]), []).append(line)
    if 2 * len(groups) > len(lines):
        return [shown(line, 100) for line in lines[:6]]
    return [shown(found[0], 100) + f" ({len(found)} lines)" * (len(found) > 1) for _, found in _chosen(groups, most)]


def _line_shape(line: str) -> str:
    """The punctuation of a line; words in capitals, such as a level, stay."""
    shape = re.sub(r"\b(?![A-Z]{3,}\b)[^\W\d_]+", "a", re.sub(r"\d+", "9", line))
    return re.sub(r"\b[a9]\b(?: [a9]\b)+", "a", shape)


def _pattern(kind: str, value: Any) -> str:
    """Of a text its runs of letters and digits, of a date its strptime formats, of all else the kind."""
    if type(value) is str:
        return _text_pattern(value[:81]) if value else "'' ({} empty)"
    if type(value) is int or type(value) is float:
        return "nan ({} missing)" if value != value else f"-{kind}" if value < 0 else kind
    missing = _MISSING.fullmatch(kind)
    return f"{missing[1]} ({{}} missing)" if missing else kind


@lru_cache(maxsize=4096)
def _text_pattern(text: str) -> str:
    formats = date_formats(text.strip()) if 6 <= len(text) <= 48 else ()
    if formats:
        return f"date:{' or '.join(formats)}"
    shape = re.sub(r"\d+", "9", text)
    shape = re.sub(r"[^\W\d_]+", lambda word: "A" if word[0].isupper() else "a" if word[0].islower() else "Aa", shape)
    shape = re.sub(r"\b(Aa|A|a)(?: (?:Aa|A|a)\b)+", r"\1 \1", re.sub(r"\s{2,}", "  ", shape))
    return "str:" + re.sub(r"[9aA]{4,}", "x", re.sub(r"([^\w\s])\1+", r"\1", shape))


def date_formats(text: str) -> tuple[str, ...]:
    """The strptime formats that read a text; two where day and month could change places."""
    dates, clocks = _formats()
    days = [(form, match.end()) for form, regex in dates if (match := regex.match(text))]
    return tuple(form + clock for form, end in days for clock, regex in clocks if regex.fullmatch(text, end))


@cache
def _formats() -> list[list[tuple[str, re.Pattern[str]]]]:
    """The formats of dates, and those of what may follow, each with its pattern."""
    dates, times = Path(__file__).with_name("dates.txt").read_text(encoding="utf-8").split("\n\n")
    marks = [mark + time + zone for mark in " T" for time in times.splitlines() for zone in ("", "%z", " %z")]
    both = (dates.splitlines(), ["", *marks])
    return [[(f, re.compile(re.sub(r"%(\w)", lambda m: _FIELDS[m[1]], re.escape(f)), re.I)) for f in fs] for fs in both]


def _example(pattern: str, value: Any) -> str:
    if not can_show(value):
        return pattern[:80]
    return shown(value) + (f" ({pattern[5:]})" if pattern.startswith("date:") else "")


def can_show(value: Any) -> bool:
    """Whether `repr` of a value runs nothing of its own: a plain one, exactly of its class."""
    if type(value) is datetime and (zone := datetime.tzinfo.__get__(value)) is not None:
        return type(zone) is timezone
    return id(type(value)) in _SHOWN and not (type(value) is int and value.bit_length() > 4096)


def shown(value: Any, limit: int = 36) -> str:
    """A value that can be shown as `repr` writes it: in quotes, on one line, without secrets, the long ones cut."""
    if type(value) is bytes:
        return repr(value[:limit]) + ("…" if len(value) > limit else "")
    if type(value) is str:
        text = hidden(value[:_LONGEST])
        return repr(text[:limit]) + ("…" if len(text) > limit else "")
    text = repr(value)
    return text if len(text) <= limit + 40 else f"{text[:limit]}…"


def worded(value: Any) -> str:
    """A value in the middle of a sentence: one plain word or a number as it is, all else in quotes."""
    plain = type(value) is str and value.isprintable() and re.fullmatch(r"[^\s'\"`<>{}]{1,200}", value)
    return str(value) if plain else shown(value, 120)
