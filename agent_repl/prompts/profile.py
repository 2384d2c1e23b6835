"""Data → a few lines that tell a writer of code what is in it.

A small model decides right or wrong by this text: the first lines of a file mislead it, one example of every pattern
of characters does not. Every text is bounded whatever the data; data stand in quotes, as `repr` writes them.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, NamedTuple

from ..signature.files import FileKind, decoded, json_lines, mended, quoted, sniff, sniff_text, tables
from ..signature.kinds import library_class, signature

LIMIT = 2300
HEAD, PIECE = 262_144, 65_536
_SHOWN_TYPES = {"int", "float", "bool", "None", "str", "bytes", "date", "datetime", "datetime[tz]", "Decimal", "path"}
_MONTHS = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
]  # fmt: skip
_FIELDS = {
    "Y": r"(?:19|20)\d\d", "y": r"\d\d", "m": r"(?:1[0-2]|0?[1-9])", "d": r"(?:3[01]|[12]\d|0?[1-9])",
    "B": f"(?:{'|'.join(_MONTHS)})", "b": f"(?:{'|'.join(month[:3] for month in _MONTHS)})",
    "H": r"(?:2[0-3]|[01]?\d)", "I": r"(?:1[0-2]|0?[1-9])", "M": r"[0-5]\d", "S": r"[0-5]\d", "f": r"\d{1,6}",
    "p": "[AP]M", "z": r"(?:Z|[-+]\d\d:?\d\d)",
}  # fmt: skip


class Column(NamedTuple):
    """A label with its values; `kind` is what is said of it where no value may be shown."""

    label: str
    kind: str
    values: Sequence[Any]


def profile(value: Any, name: str, samples: bool = True) -> str:
    """What a value is, in at most about 2,500 characters; `samples=False` says structure only. Never raises."""
    try:
        return _fitted(_value_lines(value, name, samples))
    except Exception:  # whatever a library's object does, a prompt can do without its profile
        return f"{name}: an object of unknown structure"


def profile_file(path: str | os.PathLike[str], name: str, samples: bool = True) -> str:
    """What is in a file, in at most about 2,500 characters; reads at most 384 KB of it. Never raises."""
    try:
        return _fitted(_file_lines(os.fspath(path), name, samples))
    except Exception:  # a file may vanish or change while it is read
        return f"{name}: a file that cannot be read"


def _fitted(lines: Iterable[str]) -> str:
    kept: list[str] = []
    room, rest = LIMIT, 0
    for line in lines:
        room -= len(line) + 1
        rest += room < 0
        kept.extend([line] if room >= 0 else [])
    return "\n".join([*kept, f"  … and {rest} more"] if rest else kept)


def _file_lines(path: str, name: str, samples: bool) -> Iterator[str]:
    kind = sniff(path)
    if kind.format in ("csv", "tsv", "json", "jsonl", "text"):
        yield from _text_lines(kind, *_read(path, kind.encoding), f"{name}: {{}} file", samples)
    elif kind.format == "directory":
        yield _directory(path, name, samples)
    elif kind.format == "sqlite":
        yield f"{name}: SQLite database with these tables:"
        yield from (
            f"  {quoted(table)}({', '.join(map(quoted, names))[:300]})" for table, names in tables(path).items()
        )
    else:
        yield f"{name}: {kind.signature[:400]} file"


def _directory(path: str, name: str, samples: bool) -> str:
    with os.scandir(path) as entries:
        names = [entry.name for entry in islice(entries, 1000)]
    count = f"{len(names)}{'' if len(names) < 1000 else ' or more'} entries"
    return f"{name}: directory, {count}" + (f": {', '.join(map(_shown, sorted(names)[:10]))}" if samples else "")


def _read(path: str, encoding: str) -> tuple[list[str], int]:
    """A file's text, or of a large one the beginning, the middle and the end; and its size."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        pieces = [file.read(HEAD)]
        for start in (size // 2, size - PIECE) if size > HEAD else ():
            file.seek(start // 2 * 2)
            pieces.append(file.read(PIECE))
    texts = [decoded(pieces[0])[0] or pieces[0].decode(encoding, "replace")]
    return texts + [piece.decode(encoding, "replace") for piece in pieces[1:]], size


def _text_lines(kind: FileKind, pieces: list[str], size: int, title: str, samples: bool) -> Iterator[str]:
    title = title.format(kind.format if kind.format == "text" else kind.format.upper())
    title += f", encoding {kind.encoding!r}" if kind.encoding != "utf-8" else ""
    title += f", {size} bytes, read in part" if len(pieces) > 1 else ""
    if kind.format in ("csv", "tsv"):
        return _table_lines(kind, pieces, size, title, samples)
    if kind.format in ("json", "jsonl"):
        return _json_lines(kind, pieces, title, samples)
    return _plain_lines(pieces, title, samples)


def _table_lines(kind: FileKind, pieces: list[str], size: int, title: str, samples: bool) -> Iterator[str]:
    rows = list(_rows(kind, pieces))
    good = [row for row in rows if len(row) == kind.width]
    title += f", delimiter {kind.delimiter!r}, {kind.width} columns"
    title += f", {len(rows)} rows" if samples and len(pieces) == 1 else ""
    title += f", {kind.skip} lines above the header" if kind.skip else ""
    if not kind.columns:
        yield title + ", no header"
    else:
        yield f"{title}; header {_shown(kind.delimiter.join(kind.columns), 700)}"
    if samples:
        if len(good) < len(rows):
            yield f"  {len(rows) - len(good)} rows have more or fewer cells, such as {_shown_row(rows, kind.width)}"
        names = kind.columns or tuple(f"column {number}" for number in range(kind.width))
        yield from _column_lines([Column(name, "", [row[at] for row in good]) for at, name in enumerate(names[:64])])
        yield from ["  … and more columns"] * (len(names) > 64)


def _rows(kind: FileKind, pieces: list[str]) -> Iterator[list[str]]:
    """The rows below the header that are not blank; of later pieces only those that are whole for sure."""
    for number, piece in enumerate(pieces):
        reader = csv.reader(io.StringIO(piece, newline=""), delimiter=kind.delimiter or ",")
        found: list[list[str]] = []
        with suppress(csv.Error):  # a cell beyond the csv module's limit ends the piece
            found.extend(row for row in reader if reader.line_num > kind.skip or number)
        if len(pieces) > 1 and number < len(pieces) - 1:
            del found[-1:]
        if number:
            yield from (row for row in found[1:] if len(row) == kind.width)
        else:
            yield from (row for row in found[1 if kind.columns else 0 :] if row)


def _shown_row(rows: list[list[str]], width: int) -> str:
    return _shown(next(",".join(row) for row in rows if len(row) != width), 60)


def _json_lines(kind: FileKind, pieces: list[str], title: str, samples: bool) -> Iterator[str]:
    text = pieces[0]
    if kind.format == "jsonl":
        top: Any = json_lines(text, 500)
        yield f"{title}, one value a line" + (f", {len(top)} lines" if samples and text.count("\n") <= 500 else "")
    else:
        top = json.loads(text if len(pieces) == 1 else mended(text))
        yield f"{title}, an array of {len(top)}" if isinstance(top, list) and samples and len(pieces) == 1 else title
    yield from _column_lines(_columns(top), samples)


def _plain_lines(pieces: list[str], title: str, samples: bool) -> Iterator[str]:
    lines = pieces[0].splitlines()
    yield f"{title}, {len(lines)} lines" if len(pieces) == 1 else title
    shown = [line for line in lines if line.strip()][:6] if samples else []
    yield from (f"  {_shown(line, 100)}" for line in shown)


def _value_lines(value: Any, name: str, samples: bool) -> Iterator[str]:
    library, kind = library_class(value), signature(value)
    if type(value) is str and kind != "str":
        size = len(value)
        pieces = [value] if size <= HEAD else [value[:HEAD], value[size // 2 :][:PIECE], value[-PIECE:]]
        sort = sniff_text(value[:PIECE], whole=size <= PIECE)
        yield from _text_lines(sort, pieces, size, f"{name}: str of {size} characters, {{}}", samples)
    elif library.endswith(".ndarray"):
        yield f"{name}: {kind}, shape {value.shape}"
    elif library.endswith((".DataFrame", ".Series")) and len(value.shape):
        yield f"{name}: {library.partition('.')[0]} {_headline(value, kind)}"
        yield from _column_lines(_frame_columns(value), samples)
    elif _is_container(value) and len(value):
        yield f"{name}: {type(value).__name__} of {len(value)}, {kind[:200]}"
        yield from _column_lines(_columns(value), samples) if samples else ()
    else:
        shown = samples and kind in _SHOWN_TYPES
        yield f"{name}: {kind[:400]}" + (f", {_shown(value, 120)}" if shown else "")


def _is_container(value: Any) -> bool:
    kind = type(value)
    return kind is dict or kind is list or kind is tuple


def _headline(value: Any, kind: str) -> str:
    shape = value.shape
    return f"{kind}, {shape[0]} rows" if len(shape) == 1 else f"DataFrame, {shape[0]} rows, {shape[1]} columns"


def _frame_columns(value: Any) -> list[Column]:
    """The columns of a pandas or polars table, with values from its beginning, middle and end."""
    if len(value.shape) == 1:
        return [Column("values", str(value.dtype), _sampled(value))]
    named = list(zip(value.columns, value.dtypes, strict=True))[:64]
    at = value.iloc.__getitem__ if hasattr(value, "iloc") else value.__getitem__
    return [
        Column(f"{_label(name)} ({dtype})", "", _sampled(at((slice(None), position))))
        for position, (name, dtype) in enumerate(named)
    ]


def _sampled(series: Any) -> list[Any]:
    size, at = len(series), series.iloc.__getitem__ if hasattr(series, "iloc") else series.__getitem__
    if size <= 2000:
        return list(series.to_list())
    spans = (slice(1000), slice(size // 2, size // 2 + 500), slice(size - 500, size))
    return [item for span in spans for item in at(span).to_list()]


def _label(name: Any) -> str:
    return quoted(name) if type(name) is str else _shown(name) if signature(name) in _SHOWN_TYPES else signature(name)


def _columns(top: Any) -> list[Column]:
    """What JSON or plain containers hold, by path: `name`, `address.city`, `tags[]`, `{*}` for keys that are data."""
    found: dict[str, list[Any]] = {}
    for item in _some(top) if type(top) is not dict else [top]:
        _collect(item, "", found, 4)
    return [Column(path or "items", _kinds(values), values) for path, values in found.items()]


def _some(items: Sequence[Any]) -> Sequence[Any]:
    half = len(items) // 2
    return items if len(items) <= 600 else [*items[:300], *items[half : half + 150], *items[-150:]]


def _collect(value: Any, path: str, found: dict[str, list[Any]], depth: int) -> None:
    if type(value) is dict and value and depth:
        named = len(value) <= 64 and all(type(key) is str for key in value)
        for key, item in islice(value.items(), 64):
            _collect(item, f"{path}.{quoted(key)}".lstrip(".") if named else f"{path}{{*}}", found, depth - 1)
    elif _is_container(value) and value and depth:
        for item in value[:20]:
            _collect(item, f"{path}[]", found, depth - 1)
    elif path in found or len(found) < 64:
        found.setdefault(path, []).append(value)


def _kinds(values: Sequence[Any]) -> str:
    return "|".join(sorted({signature(value)[:80] for value in values[:300]})[:6])


def _column_lines(columns: Sequence[Column], samples: bool = True) -> Iterator[str]:
    """One line a column: an example of every pattern, fewer of them where there are many columns."""
    most = 6 if len(columns) <= 10 else 4 if len(columns) <= 20 else 2
    for label, kind, values in columns:
        label = label if not label or (label.isprintable() and len(label) <= 120) else quoted(label)
        shown = examples(values, most) if samples else kind
        yield f"  {label}: {shown}" if shown else f"  {label}"


def examples(values: Sequence[Any], most: int = 6) -> str:
    """One example of every pattern of characters among the values, with date formats and the number of empty ones."""
    counts = Counter(value for value in values if type(value) is str and value)
    groups: dict[str, list[str]] = {}
    for text in counts:
        groups.setdefault(_pattern(text), []).append(text)
    _settle(groups)
    shown = [_example(pattern, texts[0]) for pattern, texts in _chosen(groups, counts, most)]
    return ", ".join(shown + _others([value for value in values if type(value) is not str or not value], most))


def _pattern(text: str) -> str:
    """A text with its runs of digits, letters and spaces generalised; of a date its strptime formats."""
    formats = date_formats(text.strip()) if 6 <= len(text) <= 48 else ()
    if formats:
        return f"date:{' or '.join(formats)}"
    shape = re.sub(r"[^\W\d_]+", _word, re.sub(r"\d+", "9", text[:80]))
    shape = re.sub(r"\b(Aa|A|a)(?: (?:Aa|A|a)\b)+", r"\1 \1", re.sub(r"\s{2,}", "  ", shape))
    return re.sub(r"[9aA]{4,}", "x", re.sub(r"([^\w\s])\1+", r"\1", shape))


def _word(match: re.Match[str]) -> str:
    word = match.group()
    return "A" if word.isupper() else "a" if word.islower() else "Aa"


def date_formats(text: str) -> tuple[str, ...]:
    """The strptime formats that read a text; two where day and month could change places."""
    found: list[str] = []
    if text.isdigit() and len(text) != 8:
        return ()
    for form, regex in _DATES:
        match = regex.match(text)
        clock = next((time for time, rest in _TIMES if rest.fullmatch(text, match.end())), None) if match else None
        found.extend([] if clock is None else [form + clock])
    return tuple(found)


def _settle(groups: dict[str, list[str]]) -> None:
    """Read dates of two readings as the others of the column prove, and eight digits among numbers as a number."""
    for pattern in [pattern for pattern in groups if " or " in pattern and pattern.startswith("date:")]:
        proved = [form for form in pattern[5:].split(" or ") if f"date:{form}" in groups]
        if len(proved) == 1:
            groups[f"date:{proved[0]}"].extend(groups.pop(pattern))
    if "9" in groups:
        groups["9"].extend(groups.pop("date:%Y%m%d", []))


def _chosen(groups: dict[str, list[str]], counts: Counter[str], most: int) -> list[tuple[str, list[str]]]:
    """The commonest patterns and the rarest: what is rare is what breaks code."""
    ordered = sorted(groups.items(), key=lambda group: -sum(counts[text] for text in group[1]))
    if len(ordered) <= most:
        return ordered
    rare = sorted(ordered[most // 2 :], key=lambda group: (sum(counts[text] for text in group[1]), len(group[0])))
    return ordered[: most // 2] + rare[: most - most // 2]


def _example(pattern: str, text: str) -> str:
    return _shown(text) + (f" ({pattern[5:]})" if pattern.startswith("date:") else "")


def _others(values: list[Any], most: int) -> list[str]:
    """Values that are no texts: an example of each kind, and the number of empty ones."""
    kinds: dict[str, list[Any]] = {}
    for value in values:
        kind = "nan" if type(value) is float and value != value else signature(value)
        kinds.setdefault(kind if kind not in ("int", "float") or value >= 0 else f"-{kind}", []).append(value)
    return [_other(kind, found) for kind, found in islice(kinds.items(), most)]


def _other(kind: str, found: list[Any]) -> str:
    if kind == "str":
        return f"'' ({len(found)} empty)"
    if kind in ("None", "nan") or kind.endswith(("NaTType:datetime", "NaTType", "NAType")):
        return f"{kind.rpartition('.')[2].partition('Type')[0]} ({len(found)} missing)"
    return _shown(found[0]) if kind.lstrip("-") in _SHOWN_TYPES else kind[:80]


def _shown(value: Any, limit: int = 36) -> str:
    """The repr of a plain value, shortened."""
    if type(value) in (str, bytes):
        return repr(value[:limit]) + ("…" if len(value) > limit else "")
    if type(value) is int and value.bit_length() > 400:
        return f"an int of {value.bit_length()} bits"
    text = repr(value)
    return text if len(text) <= limit + 40 else f"{text[:limit]}…"


def _regex(form: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"%(\w)", lambda field: _FIELDS[field[1]], re.escape(form)), re.IGNORECASE)


_DATES = [
    (form, _regex(form))
    for form in (
        "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%m/%d/%Y", "%d/%m/%Y", "%m-%d-%Y", "%d-%m-%Y", "%d.%m.%Y", "%m/%d/%y",
        "%d/%m/%y", "%d.%m.%y", "%b %d %Y", "%b %d, %Y", "%B %d %Y", "%B %d, %Y", "%d %b %Y", "%d %B %Y", "%d-%b-%Y",
        "%d-%b-%y", "%b %Y", "%B %Y", "%Y-%m", "%Y%m%d",
    )
]  # fmt: skip
_CLOCKS = ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p", "%I:%M%p")
_TIMES = [
    (time, _regex(time))
    for time in ("", *(f"{mark}{clock}{zone}" for mark in " T" for clock in _CLOCKS for zone in ("", "%z", " %z")))
]
