"""Data → a few lines that tell a writer of code what is in it.

A small model decides right or wrong by this text: the first lines of a file mislead it, one example of every pattern
of characters does not. Every text is bounded whatever the data; data stand in quotes, as `repr` writes them.
"""

from __future__ import annotations

import json
import os
import re
from calendar import month_abbr, month_name
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from .files import JSON_LIMIT, FileKind, decoded, json_lines, quoted, sniff, sniff_text, table_rows
from .kinds import label, library_class, signature

LIMIT = 2300
HEAD, PIECE = 262_144, 65_536
_CONTAINERS = {id(dict), id(list), id(tuple)}
_SHOWN_TYPES = {"int", "float", "bool", "None", "str", "bytes", "date", "datetime", "datetime[tz]", "Decimal", "path"}
_MISSING = re.compile(r"(?:.*\.)?(None|nan|NaT|NA)(?:Type.*)?")
_FIELDS = {
    "Y": r"(?:19|20)\d\d", "y": r"\d\d", "m": r"(?:1[0-2]|0?[1-9])", "d": r"(?:3[01]|[12]\d|0?[1-9])",
    "B": f"(?:{'|'.join(month_name[1:])})", "b": f"(?:{'|'.join(month_abbr[1:])})",
    "H": r"(?:2[0-3]|[01]?\d)", "I": r"(?:1[0-2]|0?[1-9])", "M": r"[0-5]\d", "S": r"[0-5]\d", "f": r"\d{1,6}",
    "p": "[AP]M", "z": r"(?:Z|[-+]\d\d:?\d\d)",
}  # fmt: skip

Columns = list[tuple[str, Sequence[Any]]]


def profile(value: Any, name: str, samples: bool = True) -> str:
    """What a value is, in at most about 2,500 characters; `samples=False` says structure only. Never raises."""
    return _fitted(_value_lines(value, name, samples), f"{name}: an object of unknown structure")


def profile_file(path: str | os.PathLike[str], name: str, samples: bool = True) -> str:
    """What is in a file, in about 2,500 characters; at most 384 KB of it are read, of JSON 16 MB. Never raises."""
    return _fitted(_file_lines(path, name, samples), f"{name}: a file that cannot be read")


def _fitted(lines: Iterator[str], otherwise: str) -> str:
    try:
        text = "\n".join(lines)
    except Exception:  # whatever a library's object does; a file may vanish or change while it is read
        return otherwise
    return text if len(text) <= LIMIT else text[:LIMIT].rpartition("\n")[0] + "\n  … and more"


def _file_lines(path: str | os.PathLike[str], name: str, samples: bool) -> Iterator[str]:
    kind = sniff(path)
    if kind.format in ("csv", "tsv", "json", "jsonl", "text"):
        text, encoding, part = _read(path, in_lines=kind.format != "json")
        what = f"file, encoding {encoding!r}" if encoding != "utf-8" else "file"
        yield from _text_lines(kind, text, part, name, what, samples)
    elif kind.format == "directory":
        names = sorted(os.listdir(path))
        shown = f": {', '.join(map(_shown, names[:10]))}" if samples else ""
        yield f"{name}: directory, {len(names)} entries{shown}"
    else:
        yield f"{name}: {kind.signature[:1500]} file"


def _read(path: str | os.PathLike[str], in_lines: bool) -> tuple[str, str, bool]:
    """A file's text, or of many lines the first and last ones; its encoding; whether that is a part of it."""
    size = os.path.getsize(path)
    part = in_lines and size > HEAD
    with open(path, "rb") as file:
        data = file.read(HEAD if in_lines else JSON_LIMIT)
        if part:
            file.seek(max(HEAD, size - PIECE))
            data = data[: data.rfind(b"\n") + 1] + file.read(PIECE).partition(b"\n")[2] or data
    return *decoded(data), part


def _text_lines(kind: FileKind, text: str, part: bool, name: str, what: str, samples: bool) -> Iterator[str]:
    title = f"{name}: {kind.format.upper() if kind.format != 'text' else 'text'} {what}{', read in part' * part}"
    if kind.delimiter:
        yield from _table_lines(kind, text, part, title, samples)
    elif kind.format in ("json", "jsonl"):
        yield title + (", one value a line" if kind.format == "jsonl" else ", an array" * kind.array)
        top = json_lines(text, 500) if kind.format == "jsonl" else json.loads(text)
        yield from _column_lines(_columns(top), samples)
    else:
        yield title
        yield from [f"  {_shown(line, 100)}" for line in text.splitlines() if line.strip()][: 6 * samples]


def _table_lines(kind: FileKind, text: str, part: bool, title: str, samples: bool) -> Iterator[str]:
    below = [row for row in table_rows(text, kind.delimiter) if row][bool(kind.columns) :]
    good = [row for row in below if len(row) == kind.width]
    title += f", delimiter {kind.delimiter!r}, {kind.width} columns"
    title += f", {len(below)} rows" if samples and not part else ""
    yield title + (f"; header {_shown(kind.delimiter.join(kind.columns), 700)}" if kind.columns else ", no header")
    if not samples:
        return
    if len(good) < len(below):
        yield f"  {len(below) - len(good)} rows have more or fewer cells"
    names = kind.columns or [f"column {number}" for number in range(kind.width)]
    yield from _column_lines([(name, [row[at] for row in good]) for at, name in enumerate(names[:64])])
    yield from ["  … and more columns"] * (len(names) > 64)


def _value_lines(value: Any, name: str, samples: bool) -> Iterator[str]:
    library, kind = library_class(value), signature(value)
    if type(value) is str and kind != "str":
        part = len(value) > HEAD
        text = (value[: value.rfind("\n", 0, HEAD) + 1] or value[:HEAD]) if part else value
        form = sniff_text(text[:PIECE], whole=len(text) <= PIECE)
        yield from _text_lines(form, text, part, name, f"in a str of {len(value)} characters", samples)
    elif library.endswith(".ndarray"):
        yield f"{name}: {kind}, shape {value.shape}"
    elif library:
        listed = samples and len(value.shape) == 2
        yield f"{name}: {library if listed else library.partition('.')[0] + '.' + kind[:1500]}, {len(value)} rows"
        yield from _column_lines(_frame_columns(value)) if samples else ()
    elif id(type(value)) in _CONTAINERS and value:
        yield f"{name}: {type(value).__name__} of {len(value)}, {kind[:200]}"
        yield from _column_lines(_columns(value)) if samples else ()
    else:
        yield f"{name}: {kind[:400]}" + (f", {_shown(value, 120)}" if samples and kind in _SHOWN_TYPES else "")


def _frame_columns(value: Any) -> Columns:
    rest = min(1000, max(0, len(value) - 1000))
    columns = value.items() if hasattr(value, "items") else zip(value.columns, value, strict=True)
    named = [("values", value)] if len(value.shape) == 1 else islice(columns, 64)
    return [
        (f"{label(name)} ({column.dtype})", [*column.head(1000).to_list(), *column.tail(rest).to_list()])
        for name, column in named
    ]


def _columns(top: Any) -> Columns:
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
    elif id(type(value)) in _CONTAINERS and value and depth:
        for item in value[:20]:
            _collect(item, f"{path}[]", found, depth - 1)
    elif path in found or len(found) < 64:
        found.setdefault(path, []).append(value)


def _column_lines(columns: Columns, samples: bool = True) -> Iterator[str]:
    most = 6 if len(columns) <= 10 else 4 if len(columns) <= 20 else 2
    for name, values in columns:
        shown = examples(values, most) if samples else "|".join(sorted({signature(each)[:80] for each in values[:300]}))
        yield f"  {name if name.isprintable() and 0 < len(name) <= 120 else quoted(name)}: {shown[:800]}".rstrip(": ")


def examples(values: Sequence[Any], most: int = 6) -> str:
    """One example of every pattern of characters among the values, with date formats and the number of empty ones."""
    groups: dict[str, list[Any]] = {}
    for value in values:
        groups.setdefault(_pattern(value), []).append(value)
    for pattern in [pattern for pattern in groups if pattern.startswith("date:") and " or " in pattern]:
        proved = [f"date:{form}" for form in pattern[5:].split(" or ") if f"date:{form}" in groups]
        if len(proved) == 1:
            groups[proved[0]].extend(groups.pop(pattern))
    absent = [name.format(len(groups.pop(name))) for name in list(groups) if name.endswith(("} empty)", "} missing)"))]
    ordered = sorted(groups.items(), key=lambda group: -len(group[1]))
    del ordered[most // 2 : most // 2 - most]  # of many the commonest and the rarest: what is rare is what breaks code
    return ", ".join([_example(pattern, found[0]) for pattern, found in ordered] + absent)


def _pattern(value: Any) -> str:
    """Of a text its runs of letters and digits, of a date its strptime formats, of all else the kind."""
    kind = signature(value)
    if type(value) is str:
        return _text_pattern(value[:81]) if value else "'' ({} empty)"
    if kind in ("int", "float"):
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


def _example(pattern: str, value: Any) -> str:
    if signature(value) not in _SHOWN_TYPES and type(value) is not str:
        return pattern[:80]
    return _shown(value) + (f" ({pattern[5:]})" if pattern.startswith("date:") else "")


def _shown(value: Any, limit: int = 36) -> str:
    if type(value) in (str, bytes):
        return repr(value[:limit]) + ("…" if len(value) > limit else "")
    text = repr(value)
    return text if len(text) <= limit + 40 else f"{text[:limit]}…"


@cache
def _formats() -> list[list[tuple[str, re.Pattern[str]]]]:
    """The formats of dates, and those of what may follow, each with its pattern."""
    dates, times = Path(__file__).with_name("dates.txt").read_text(encoding="utf-8").split("\n\n")
    marks = [mark + time + zone for mark in " T" for time in times.splitlines() for zone in ("", "%z", " %z")]
    both = (dates.splitlines(), ["", *marks])
    return [[(f, re.compile(re.sub(r"%(\w)", lambda m: _FIELDS[m[1]], re.escape(f)), re.I)) for f in fs] for fs in both]
