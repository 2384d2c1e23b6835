"""What is in a file, a directory or a long text, line by line."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from ..files import JSON_LIMIT, FileKind, decoded, file_mark, json_lines, quoted, sniff, table_rows
from ..secrets import hidden
from .columns import column_lines, columns_in, line_examples, shown
from .packed import packed_lines

HEAD, PIECE = 262_144, 65_536
_PACKED = (".parquet", ".pq", ".xlsx", ".xlsm")


def file_lines(path: str | os.PathLike[str], name: str, samples: bool) -> Iterator[str]:
    """The profile of a file."""
    kind = sniff(path)
    if kind.format in ("csv", "tsv", "json", "jsonl", "text"):
        text, encoding, part = _read(path, in_lines=kind.format != "json")
        what = f"file, encoding {encoding!r}" if encoding != "utf-8" else "file"
        yield from text_lines(kind, text, part, name, what, samples)
    elif kind.format == "directory":
        yield from _directory_lines(os.fspath(path), name, samples)
    else:
        suffix = ".sqlite" if kind.format == "sqlite" else kind.suffix
        found = packed_lines(os.fspath(path), suffix, name, samples) if suffix in (".sqlite", *_PACKED) else []
        yield from found or [f"{name}: {kind.signature[:1500]} file"]


def _directory_lines(path: str, name: str, samples: bool) -> Iterator[str]:
    with os.scandir(path) as entries:
        found = sorted((e.name, e.is_dir(follow_symlinks=False)) for e in islice(entries, 10_000))
    kinds = Counter("directory" if folder else _extension(file) for file, folder in found)
    told = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common(8))
    such = f"; such as {', '.join(shown(file) for file, _ in found[:6])}" if samples and found else ""
    yield f"{name}: directory, {len(found)} entries{f': {told}' if told else ''}{such}"
    if tables := file_mark(path).partition("[")[2]:
        yield f"  tables in it: {tables[:-1][:600]}"


def _extension(file: str) -> str:
    """`.csv`; what does not look like one could be anything, and is not told."""
    suffix = os.path.splitext(file)[1].lower()
    return suffix if re.fullmatch(r"\.[a-z0-9]{1,5}", suffix) else "other"


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


def text_lines(kind: FileKind, text: str, part: bool, name: str, what: str, samples: bool) -> Iterator[str]:
    """The profile of a text, of which `part` says that it is not the whole."""
    title = f"{name}: {kind.format.upper() if kind.format != 'text' else 'text'} {what}{', read in part' * part}"
    if kind.delimiter:
        yield from _table_lines(kind, text, part, title, samples)
    elif kind.format in ("json", "jsonl"):
        yield title + (", one value a line" if kind.format == "jsonl" else ", an array" * kind.array)
        top = json_lines(text, 500) if kind.format == "jsonl" else json.loads(text)
        yield from column_lines(columns_in(top), samples)
    else:
        yield title
        if samples:  # a key goes over many lines
            yield from (f"  {line}" for line in line_examples([s for s in hidden(text).splitlines() if s.strip()]))


def _table_lines(kind: FileKind, text: str, part: bool, title: str, samples: bool) -> Iterator[str]:
    below = [row for row in table_rows(text, kind.delimiter) if row][bool(kind.columns) :]
    good = [row for row in below if len(row) == kind.width]
    title += f", delimiter {kind.delimiter!r}, {kind.width} columns"
    title += f", {len(below)} rows" if samples and not part else ""
    yield title + (f"; header {shown(kind.delimiter.join(kind.columns), 700)}" if kind.columns else ", no header")
    if not samples:
        return
    if len(good) < len(below):
        yield f"  {len(below) - len(good)} rows have more or fewer cells"
    names = kind.columns or [f"column {number}" for number in range(kind.width)]
    yield from column_lines([(quoted(name), [row[at] for row in good]) for at, name in enumerate(names[:64])])
    yield from ["  … and more columns"] * (len(names) > 64)
