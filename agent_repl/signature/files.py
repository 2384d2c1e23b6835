"""Files and long texts → format and header.

A look reads at most 64 KB and is remembered by (path, mtime_ns, size, inode), so that a second look costs one
stat. What is not covered: a file rewritten in place, at the same size, within one tick of the file system's clock;
a change of encoding after the first 64 KB; headers of compressed files.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice
from pathlib import PosixPath, WindowsPath
from typing import Any, Literal, NamedTuple
from zlib import crc32

HEAD = 65_536
Format = Literal[
    "csv", "tsv", "json", "jsonl", "parquet", "excel", "sqlite", "text", "directory", "binary", "special", "missing",
    "unreadable",
]  # fmt: skip
_TABULAR = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
_TABLE_OR_TEXT = {"", ".txt", ".dat", ".data", ".text", ".psv"}
_NUMBER = re.compile(r"\s*[-+(]?[$€£]?\s*[\d.,]*\d[\d.,]*(e[-+]?\d+)?\s*[%)]?\s*", re.IGNORECASE)
_YEAR = re.compile(r"(19|20)\d\d")
_DATE = re.compile(r"\s*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")
_PLAIN = re.compile(r"\w(?:[\w %/.-]*[\w%])?")
_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*(?:"|$)|[\[\]{},]', re.DOTALL)


@dataclass(frozen=True)
class FileKind:
    """What a file is: its format, and the names in its header.

    `columns` are those of a table, or of the first sheet of a workbook. `keys` are JSON keys, tables of a database
    (`orders(id,total)`) or sheets. `array` is true for JSON whose top is an array; `skip` counts the lines above a
    table's header; `width` its columns, also where it has no header. `suffix` tells texts and binaries apart.
    """

    format: Format
    delimiter: str = ""
    columns: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    array: bool = False
    skip: int = 0
    width: int = 0
    encoding: str = "utf-8"
    suffix: str = ""

    @cached_property
    def signature(self) -> str:
        """Canonical text such as `csv;,(date,product)`: format and header, never content."""
        head = self.format + self.suffix + (f";{self.delimiter}" if self.format == "csv" else "")
        head += f";skip {self.skip}" if self.skip else ""
        head += f";{self.encoding}" if self.encoding != "utf-8" else ""
        if self.format in ("csv", "tsv") and not self.columns:
            return f"{head}({self.width} columns, no header)" if self.width else f"{head}()"
        inner = ";".join(part for part in (joined(self.keys), joined(self.columns)) if part)
        inner = f"[{inner}]" if self.array else inner
        return f"{head}({inner})" if inner else head


def file_signature(path: str | os.PathLike[str]) -> str:
    """The format and header of a file as one canonical text; never raises."""
    return sniff(path).signature


def sniff(path: str | os.PathLike[str]) -> FileKind:
    """What the file is; never raises: a file that is not there is "missing", one that cannot be read "unreadable"."""
    try:
        about = os.stat(path)
        if stat.S_ISDIR(about.st_mode):
            return FileKind("directory")
        if not stat.S_ISREG(about.st_mode):  # a pipe or a device could block or never end
            return FileKind("special")
        return _look(os.fspath(path), about.st_mtime_ns, about.st_size, about.st_ino)
    except (FileNotFoundError, NotADirectoryError):
        return FileKind("missing")
    except (OSError, ValueError, TypeError):
        return FileKind("unreadable")


def looks_like_path(value: Any) -> bool:
    """Whether a text or a path names a file or directory that is there now."""
    kind = type(value)
    if kind is not PosixPath and kind is not WindowsPath and not (kind is str and len(value) <= 1024):
        return False
    try:
        return not (kind is str and "\n" in value) and os.stat(value) is not None
    except (OSError, ValueError):
        return False


def joined(names: Iterable[str]) -> str:
    """Names as one bounded text."""
    return bounded([quoted(name) for name in names], ",")


def quoted(name: str) -> str:
    """A name as it is, or in quotes where it could be misread."""
    return shortened(name if _PLAIN.fullmatch(name) else json.dumps(name, ensure_ascii=False), 80)


def bounded(parts: Sequence[str], separator: str) -> str:
    """Parts in one text: of very many the first ones, and a checksum of all."""
    if len(parts) <= 64:
        return shortened(separator.join(parts), 4000)
    return shortened(separator.join(parts), sum(map(len, parts[:16])))


def shortened(text: str, limit: int) -> str:
    """A text, or the beginning of a long one with a checksum of all."""
    return text if len(text) <= limit else f"{text[:limit]}…{crc32(text.encode('utf-8', 'replace')):08x}"


@lru_cache(maxsize=256)
def _look(path: str, _mtime_ns: int, size: int, _inode: int) -> FileKind:
    with open(path, "rb") as file:
        head = file.read(HEAD)
    suffix = os.path.splitext(path)[1].lower()[:12]
    if head.startswith(b"SQLite format 3\0"):
        return FileKind("sqlite", keys=tuple(f"{table}({joined(names)})" for table, names in tables(path).items()))
    if head.startswith(b"PAR1"):
        return FileKind("parquet")
    if suffix in (".xlsx", ".xlsm", ".xls"):
        return FileKind("excel", keys=_sheets(path) if head.startswith(b"PK") else ())
    text, encoding = decoded(head)
    if text is None:
        return FileKind("binary", suffix=suffix)
    return sniff_text(text, suffix, whole=size <= HEAD, encoding=encoding)


def tables(path: str) -> dict[str, list[str]]:
    """The tables of a SQLite file and their columns; it is opened so that nothing can be written beside it."""
    import sqlite3
    from urllib.parse import quote

    try:
        base = sqlite3.connect(f"file:{quote(os.path.abspath(path))}?mode=ro&immutable=1", uri=True)
        try:
            base.execute("PRAGMA trusted_schema=OFF")
            names = base.execute(
                "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name LIMIT 64"
            )
            return {name: _table_columns(base, name) for (name,) in names.fetchall()}
        finally:
            base.close()
    except sqlite3.Error:
        return {}


def _table_columns(base: Any, table: str) -> list[str]:
    return [name for (name,) in base.execute("SELECT name FROM pragma_table_info(?) LIMIT 256", (table,))]


def _sheets(path: str) -> tuple[str, ...]:
    import zipfile

    try:
        with zipfile.ZipFile(path) as book, book.open("xl/workbook.xml") as part:
            return tuple(re.findall(r'<sheet\b[^>]*?\bname="([^"]*)"', part.read(HEAD).decode("utf-8", "replace")))
    except (KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError):
        return ()


def decoded(data: bytes) -> tuple[str | None, str]:
    """The text of a file's beginning (a letter cut at its end left out) and its encoding; None for what is no text."""
    if data.startswith(codecs.BOM_UTF8):
        encodings = ["utf-8-sig"]
    elif data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    elif b"\0" in data or sum(data.count(byte) for byte in b"\1\2\3\4\5\6\7\x0e\x0f") * 50 > len(data):
        return None, ""
    else:
        encodings = ["utf-8", "cp1252", "latin-1"]
    for encoding in encodings:
        try:
            return codecs.getincrementaldecoder(encoding)().decode(data), encoding
        except UnicodeDecodeError:
            continue
    return None, ""


def sniff_text(text: str, suffix: str = "", whole: bool = True, encoding: str = "utf-8") -> FileKind:
    """What a text is; `whole` is false when it is only the beginning of one."""
    found = _json_kind(text, suffix, whole, encoding) or _table_kind(text, suffix, whole, encoding)
    return found or FileKind("text", encoding=encoding, suffix=suffix)


def _json_kind(text: str, suffix: str, whole: bool, encoding: str) -> FileKind | None:
    if text.lstrip()[:1] not in ("{", "[") or suffix in _TABULAR:
        return None
    lines = json_lines(text)
    if len(lines) > 1 or (lines and suffix in (".jsonl", ".ndjson")):
        return FileKind("jsonl", keys=_keys(lines), encoding=encoding)
    try:
        top = json.loads(text if whole else mended(text))
    except (ValueError, RecursionError):
        return None
    rows = top if isinstance(top, list) else [top]
    return FileKind("json", keys=_keys(rows[:20]), array=isinstance(top, list), encoding=encoding)


def json_lines(text: str, limit: int = 20) -> list[Any]:
    """The values of a text that holds one JSON value a line; the last line may be cut, any other must parse."""
    found: list[Any] = []
    lines = [line for line in text.split("\n", limit + 1)[: limit + 1] if line.strip()]
    for number, line in enumerate(lines[:limit]):
        try:
            found.append(json.loads(line))
        except (ValueError, RecursionError):
            return found if found and number == len(lines) - 1 else []
    return found if all(isinstance(value, (dict, list)) for value in found) else []


def _keys(rows: Iterable[Any]) -> tuple[str, ...]:
    """The keys of records, sorted; more than 64 are data, not names."""
    keys = sorted({key for row in rows if isinstance(row, dict) for key in row})
    return tuple(keys) if len(keys) <= 64 else ("*",)


def mended(text: str) -> str:
    """The beginning of a JSON text, cut after its last whole value and closed."""
    closers: list[str] = []
    cut, rest = 0, ""
    for token in _JSON_TOKEN.finditer(text):
        mark = token.group()
        if mark in ("{", "["):
            closers.append("}" if mark == "{" else "]")
        elif mark in ("}", "]") and closers:
            closers.pop()
        elif mark != ",":
            continue
        cut, rest = token.start() if mark == "," else token.end(), "".join(reversed(closers))
    return text[:cut] + rest


def _table_kind(text: str, suffix: str, whole: bool, encoding: str) -> FileKind | None:
    named = suffix in _TABULAR
    if not named and suffix not in _TABLE_OR_TEXT:
        return None
    usual = _TABULAR.get(suffix, ",")
    tried = [_read_with(mark, text, whole) for mark in (usual, ";", "\t", "|", ",")]
    table = max(tried, key=lambda table: (table.width > 1, round(table.share, 1), table.width))
    if named and table.width < 2:
        table = tried[0]
    skip, header = _header(table)
    if not named and (table.width < 2 or table.share < 0.9 or not header):
        return None
    form: Format = "tsv" if table.delimiter == "\t" else "csv"
    return FileKind(form, table.delimiter, header, skip=skip, width=table.width, encoding=encoding)


class _Table(NamedTuple):
    """A text read with one delimiter: its usual width, and the share of rows that have it."""

    delimiter: str
    rows: list[tuple[int, list[str]]]
    width: int
    share: float


def _read_with(delimiter: str, text: str, whole: bool) -> _Table:
    rows = _first_rows(text, delimiter, whole)
    if not rows:
        return _Table(delimiter, rows, 0, 0.0)
    widths = Counter(len(row) for _, row in rows)
    width, count = max(widths.items(), key=lambda item: (item[1] * (item[0] > 1), item[0]))
    return _Table(delimiter, rows, width, count / len(rows) if len(rows) > 1 else 0.5)  # one row proves little


def _first_rows(text: str, delimiter: str, whole: bool) -> list[tuple[int, list[str]]]:
    """The first rows that are not blank, each with the number of lines above it; one that may be cut is left out."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows: list[tuple[int, list[str]]] = []
    above = 0
    with suppress(csv.Error):  # a cell beyond the csv module's limit ends the look
        for row in islice(reader, 40):
            rows.extend([(above, row)] if row else [])
            above = reader.line_num
    return rows if whole or len(rows) < 2 or above > 39 else rows[:-1]


def _header(table: _Table) -> tuple[int, tuple[str, ...]]:
    above, row = next(((above, row) for above, row in table.rows if len(row) == table.width), (0, []))
    return (above, tuple(row)) if _names_columns(row) else (0, ())


def _names_columns(row: list[str]) -> bool:
    """Whether a first row holds names: nothing in it is a number or a date, years beside names excepted."""
    numbers = [cell.strip() for cell in row if _NUMBER.fullmatch(cell)]
    if any(_DATE.match(cell) for cell in row) or len(numbers) == len(row):
        return False
    return any(cell.strip() for cell in row) and all(_YEAR.fullmatch(cell) for cell in numbers)
