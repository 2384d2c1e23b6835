"""Files and long texts → format and header.

A look reads at most 64 KB, of JSON 16 MB, and is remembered by (path, mtime_ns, size, inode): a second look costs one
stat. What is not covered: a file rewritten in place, at the same size, within one tick of the file system's clock;
a change of encoding after the first 64 KB; the columns of Parquet and of sheets; what compressed files hold;
a table of words alone without a header, whose first row is taken for one.
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
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from functools import cached_property, lru_cache
from itertools import islice
from pathlib import Path, PosixPath, WindowsPath
from typing import Any
from zlib import crc32

FILES = 32  # of a list or a folder that are looked at
_TABLES = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".db", ".sqlite")
HEAD, JSON_LIMIT = 65_536, 16_777_216
_TABULAR = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
_TABLE_OR_TEXT = {*_TABULAR, "", ".txt", ".dat", ".data", ".text", ".psv"}
_LONGEST = 200  # characters of a cell that is read as a number
_NUMBER = re.compile(r"\s*[-+(]?[$€£]?\s*[\d.,]*\d[\d.,]*(e[-+]?\d+)?\s*[%)]?\s*", re.IGNORECASE)
_YEAR = re.compile(r"(19|20)\d\d")
_DATE = re.compile(r"\s*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")
_PLAIN = re.compile(r"\w(?:[\w %/.-]*[\w%])?")


@dataclass(frozen=True)
class FileKind:
    """What a file is: its format, and the names in its header.

    `format` is csv, tsv, json, jsonl, sqlite, text, directory, binary, special, missing or unreadable.
    `columns` are those of a table, `keys` those of JSON or the tables of a database (`orders(id,total)`). `array` is
    true for JSON whose top is an array; `width` counts a table's columns, also where it has no header. `suffix` tells
    texts and binaries apart.
    """

    format: str
    delimiter: str = ""
    columns: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    array: bool = False
    width: int = 0
    encoding: str = "utf-8"
    suffix: str = ""

    @cached_property
    def signature(self) -> str:
        """Canonical text such as `csv;,(date,product)`: format and header, never content."""
        head = self.format + self.suffix + (f";{self.delimiter}" if self.format == "csv" else "")
        head += f";{self.encoding}" if self.encoding != "utf-8" else ""
        if self.delimiter and not self.columns:
            return f"{head}({self.width} columns, no header)" if self.width else f"{head}()"
        inner = bounded([quoted(name) for name in self.columns or self.keys], ",")
        inner = f"[{inner}]" if self.array else inner
        return f"{head}({inner})" if inner else head


def file_mark(value: Any) -> str:
    """The signatures of the files that a text, a path, or one of the first in a list of them names; "" for none.

    Of a folder, and of a pattern of names in one, also those of the tables there are told. What is not covered: names
    that are put together from several values, patterns of folders, more than 32 of a list, folders of more tables.
    """
    if type(value) is list or type(value) is tuple:
        return " ".join(sorted({*map(_mark, value[:FILES])} - {""}))
    return _mark(value)


def _mark(value: Any) -> str:
    about = path_stat(value)
    mark = sniff(value, about).signature if about else ""
    is_pattern = type(value) is str and "*" in value and not about
    if mark != "directory" and not is_pattern:
        return mark
    tables: set[str] = set()
    folder, pattern = os.path.split(value) if is_pattern else (value, "*")
    with suppress(OSError, ValueError), os.scandir(folder or ".") as entries:
        paths = [e.path for e in islice(entries, 8 * FILES) if e.name.endswith(_TABLES) and fnmatch(e.name, pattern)]
        tables = {sniff(path).signature for path in paths if len(paths) <= FILES}
    return f"{mark}[{' '.join(sorted(tables))}]" if tables else mark


def looks_like_path(value: Any) -> bool:
    """Whether a text or a path names a file or directory that is there now."""
    return path_stat(value) is not None


def named_files(words: str) -> list[str]:
    """Words of a sentence that name what is there now; not covered: names with blanks, or with neither dot nor "/"."""
    found = dict.fromkeys(word.strip(".,;:!?()[]'\"`") for word in words.split()[:200])
    return [word for word in found if len(word) > 2 and re.search(r"[./]", word) and looks_like_path(word)][:4]


def path_stat(value: Any) -> os.stat_result | None:
    """What the system says of what a text or a path names, None where nothing is there."""
    kind = type(value)  # compared by identity: a class of its own kind could answer to more
    short = kind is str and len(value) <= 1024 and "\n" not in value
    with suppress(OSError, ValueError):
        return os.stat(value) if short or kind is PosixPath or kind is WindowsPath else None
    return None


def sniff(path: str | os.PathLike[str], about: os.stat_result | None = None) -> FileKind:
    """What the file is; never raises: a file that is not there is "missing", one that cannot be read "unreadable".

    `about` is what the system said of it a moment ago.
    """
    try:
        about = about or os.stat(path)
        if stat.S_ISDIR(about.st_mode):
            return FileKind("directory")
        if not stat.S_ISREG(about.st_mode):  # a pipe or a device could block or never end
            return FileKind("special")
        return _look(os.fspath(path), about.st_mtime_ns, about.st_size, about.st_ino)
    except (FileNotFoundError, NotADirectoryError):
        return FileKind("missing")
    except (OSError, ValueError, TypeError):
        return FileKind("unreadable")


def quoted(name: str) -> str:
    """A name as it is, or in quotes where it could be misread, as several words could."""
    plain = name.count(" ") < 2 and _PLAIN.fullmatch(name)
    return shortened(name if plain else literal(name), 80)


def literal(name: str) -> str:
    """A name as text in Python and JSON, on one line, with what cannot be seen written out."""
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in json.dumps(name, ensure_ascii=False))


def bounded(parts: Sequence[str], separator: str) -> str:
    """Parts in one text: of very many the first ones, and a checksum of all."""
    return shortened(separator.join(parts), 4000 if len(parts) <= 64 else sum(map(len, parts[:16])))


def shortened(text: str, limit: int) -> str:
    """A text, or the beginning of a long one with a checksum of all."""
    return text if len(text) <= limit else f"{text[:limit]}…{crc32(text.encode('utf-8', 'replace')):08x}"


@lru_cache(maxsize=256)
def _look(path: str, _mtime_ns: int, size: int, _inode: int) -> FileKind:
    with open(path, "rb") as file:
        head = file.read(HEAD)
        head += file.read(JSON_LIMIT - HEAD) if head.lstrip()[:1] in (b"{", b"[") else b""
    suffix = os.path.splitext(path)[1].lower()[:12]
    if head.startswith(b"SQLite format 3\0"):
        return FileKind("sqlite", keys=_tables(path))
    text, encoding = decoded(head)
    if not encoding:
        return FileKind("binary", suffix=suffix)
    return replace(sniff_text(text, suffix, whole=size <= HEAD), encoding=encoding)


def _tables(path: str) -> tuple[str, ...]:
    """The tables of a SQLite file and their columns; it is opened so that nothing can be written beside it."""
    import sqlite3

    found: dict[str, list[str]] = {}
    address = f"{Path(path).absolute().as_uri()}?mode=ro&immutable=1"
    with suppress(sqlite3.Error), closing(sqlite3.connect(address, uri=True)) as base:
        base.execute("PRAGMA trusted_schema=OFF")
        for table, column in base.execute(
            "SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c"
            " WHERE t.type IN ('table', 'view') ORDER BY t.name, c.cid LIMIT 2000"
        ):
            found.setdefault(table, []).append(quoted(column))
    return tuple(f"{table}({bounded(columns, ',')})" for table, columns in found.items())


def decoded(data: bytes) -> tuple[str, str]:
    """The text of a file's beginning (a letter cut at its end left out) and its encoding; "" and "" for no text."""
    if b"\0" in data:
        return "", ""
    encoding = "utf-8-sig" if data.startswith(codecs.BOM_UTF8) else "utf-8"
    try:
        return codecs.getincrementaldecoder(encoding)().decode(data), encoding
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace"), "cp1252"


def sniff_text(text: str, suffix: str = "", whole: bool = True) -> FileKind:
    """What a text is; `whole` is false when it is only the beginning of one."""
    found = None
    if text.lstrip()[:1] in ("{", "[") and suffix not in _TABULAR:
        found = _json_kind(text)
    elif suffix in _TABLE_OR_TEXT:
        found = _table_kind(text if whole else text[: text.rfind("\n") + 1] or text, suffix)
    return found or FileKind("text", suffix=suffix)


def _json_kind(text: str) -> FileKind | None:
    lines = json_lines(text)
    if len(lines) > 1:
        return FileKind("jsonl", keys=_keys(lines))
    try:
        top = json.loads(text)
    except (ValueError, RecursionError):
        return None
    rows = top if isinstance(top, list) else [top]
    return FileKind("json", keys=_keys(rows[:20]), array=isinstance(top, list))


def json_lines(text: str, most: int = 20) -> list[Any]:
    """The values of a text that holds one JSON value a line, up to a line that holds something else."""
    found: list[Any] = []
    with suppress(ValueError, RecursionError):
        found.extend(json.loads(line) for line in text.split("\n", most)[:most] if line.strip())
    return found


def _keys(rows: Iterable[Any]) -> tuple[str, ...]:
    keys = sorted({key for row in rows if isinstance(row, dict) for key in row})
    return tuple(keys) if len(keys) <= 64 else ("*",)


def _table_kind(text: str, suffix: str) -> FileKind | None:
    usual = _TABULAR.get(suffix, ",")
    marks = (mark for mark in (";", "\t", "|", ",") if suffix in _TABULAR or mark in text)
    found = [_read_with(mark, text) for mark in dict.fromkeys((usual, *marks))]
    share, table = max(found, key=lambda each: (each[1].width > 1, round(each[0], 1), each[1].width))
    clear = table.width > 1 and share >= 0.9 and table.columns
    return table if clear or suffix in _TABULAR else None


def _read_with(delimiter: str, text: str) -> tuple[float, FileKind]:
    rows = [row for row in table_rows(text, delimiter, 40) if row]
    widths = Counter(map(len, rows))
    width, count = max(widths.items(), key=lambda item: (item[1] * (item[0] > 1), item[0]), default=(0, 0))
    header = tuple(rows[0]) if rows and len(rows[0]) == width and names_columns(rows[0]) else ()
    kind = FileKind("tsv" if delimiter == "\t" else "csv", delimiter, header, width=width)
    return count / max(2, widths.total()), kind  # one row proves little


def table_rows(text: str, delimiter: str, most: int | None = None) -> list[list[str]]:
    """The rows of a table, a blank line as an empty one, up to a cell beyond the csv module's limit."""
    found: list[list[str]] = []
    with suppress(csv.Error):
        found.extend(islice(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), most))
    return found


def names_columns(row: list[str]) -> bool:
    """Whether a first row holds names: nothing in it is a number or a date, years beside names excepted."""
    bare = [cell.strip() for cell in row]
    numbers = [cell for cell in bare if len(cell) <= _LONGEST and _NUMBER.fullmatch(cell)]
    if any(_DATE.match(cell) for cell in bare) or len(numbers) == len(row):
        return False
    return any(bare) and all(_YEAR.fullmatch(cell) for cell in numbers)
