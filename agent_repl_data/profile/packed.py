"""Tables that are no text: SQLite files and connections, Excel, Parquet.

A file is opened so that nothing is written beside it. What is not covered: of a database what stands in a -wal beside
it, and the rows of views; of a sheet all below its header. A trace or an authorizer that a person has set on a
connection is told that its schema is read.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from html import unescape
from importlib import import_module
from importlib.util import find_spec
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files import names_columns, quoted
from ..kinds import type_name
from .columns import Columns, column_lines, shown

if TYPE_CHECKING:
    from zipfile import ZipFile

_SCHEMA = """SELECT t.name||'', t.type||'', c.name||'', c.type||'' FROM sqlite_master t, pragma_table_info(t.name) c
WHERE t.type IN ('table', 'view') AND t.name NOT LIKE 'sqlite_%' ORDER BY t.rowid, c.cid LIMIT 2000"""
"""Of expressions: to a column's declared type a person may have registered a converter."""
_ROWS, _COUNTED, _PIECE = 200, 100_000, 500_000
_WORK = 60  # times a million steps of SQLite's that a profile may take
Tables = dict[tuple[str, str], list[tuple[str, str]]]  # name and "table" or "view": columns with their types


def packed_lines(path: str, suffix: str, name: str, samples: bool) -> list[str]:
    """What is in a file of tables, by its suffix; [] where it is none, or damaged."""
    lines = {".sqlite": _sqlite_lines, ".parquet": _parquet_lines, ".pq": _parquet_lines}.get(suffix, _excel_lines)
    try:
        return list(lines(path, name, samples))
    except Exception:  # a damaged archive fails in more ways than its module names
        return []


def schema(value: Any) -> list[str]:
    """The tables of a `sqlite3.Connection` with their columns and types, [] for all else; its own factories not run."""
    module = sys.modules.get("sqlite3")
    if module is None or type_name(type(value)) != "sqlite3.Connection" or type(value) is not module.Connection:
        return []
    if value.text_factory is not str:
        return []
    with suppress(Exception), closing(value.cursor()) as cursor:  # of another thread, closed, locked
        cursor.row_factory = None
        return [_told(*table, columns)[:400] for table, columns in _tables(cursor).items()][:20]
    return []


def _tables(cursor: Any) -> Tables:
    found: Tables = {}
    for table, kind, column, sort in cursor.execute(_SCHEMA):
        found.setdefault((table, kind), []).append((column, sort))
    return found


def _told(table: str, kind: str, columns: list[tuple[str, str]]) -> str:
    told = [quoted(column) + (f" {quoted(sort)}" if sort else "") for column, sort in columns[:64]]
    return f"{kind} {quoted(table)}({', '.join(told)})"


def _sqlite_lines(path: str, name: str, samples: bool) -> Iterator[str]:
    import sqlite3

    steps = count()
    with closing(sqlite3.connect(f"{Path(path).absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as base:
        base.execute("PRAGMA trusted_schema=OFF")
        base.text_factory = lambda data: data.decode("utf-8", "replace")
        base.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 65_536)
        base.set_progress_handler(lambda: next(steps) > _WORK, 1_000_000)
        tables = _tables(base.cursor())
        yield f"{name}: SQLite file, tables and views: {len(tables)}"
        for (table, kind), columns in islice(tables.items(), 20):
            rows, size = _rows(base, table) if samples and kind == "table" else ([], "")
            yield f"  {_told(table, kind, columns)}{size}"
            cells: Columns = [
                (f"{quoted(table)}.{quoted(c)}", [row[at] for row in rows]) for at, (c, _) in enumerate(columns)
            ]
            yield from column_lines(cells[:64]) if rows else ()


def _rows(base: Any, table: str) -> tuple[list[tuple[Any, ...]], str]:
    """The first rows, and how many there are, in words; a table that cannot be read has none."""
    safe = table.replace('"', '""')
    with suppress(Exception):
        (size,) = base.execute(f'SELECT count(*) FROM (SELECT 1 FROM "{safe}" LIMIT {_COUNTED})').fetchone()
        told = f", {size} rows" if size < _COUNTED else f", {size} rows or more"
        return base.execute(f'SELECT * FROM "{safe}" LIMIT {_ROWS}').fetchall(), told
    return [], ""


def _parquet_lines(path: str, name: str, samples: bool) -> Iterator[str]:
    if find_spec("pyarrow") is None:
        yield f"{name}: Parquet file (pyarrow, which reads it, is not installed)"
        return
    about = import_module("pyarrow.parquet").read_metadata(path)
    columns = about.schema.to_arrow_schema()
    pairs = zip(columns.names, columns.types, strict=True)
    yield f"{name}: Parquet file, {len(columns.names)} columns" + f", {about.num_rows} rows" * samples
    yield from (f"  {quoted(column)}: {str(kind)[:80]}" for column, kind in islice(pairs, 64))


def _excel_lines(path: str, name: str, samples: bool) -> Iterator[str]:
    from zipfile import ZipFile  # only for the few that have a sheet

    with ZipFile(path) as book:
        sheets = re.findall(r'<sheet\b[^>]*?\bname="([^"]*)"', _part(book, "xl/workbook.xml"))
        yield f"{name}: Excel file, sheets: {', '.join(shown(unescape(sheet), 80) for sheet in sheets[:20])}"
        strings = [_text(each) for each in re.findall(r"<si\b.*?</si>", _part(book, "xl/sharedStrings.xml"), re.S)]
        row = re.search(r"<row\b.*?</row>", _part(book, "xl/worksheets/sheet1.xml"), re.S)
        cells = re.findall(
            r"<c\b((?:[^>]*[^/>])?)>(?:(?!</c>).)*?(?:<v>|<t\b[^>]*>)([^<]*)", row[0] if row else "", re.S
        )
        header = [strings[int(text)] if 't="s"' in marks else unescape(text) for marks, text in cells[:64]]
        if samples or names_columns(header):
            yield f"  first row of the first sheet: {', '.join(shown(cell, 80) for cell in header)}"


def _text(xml: str) -> str:
    return unescape("".join(re.findall(r"<t\b[^>]*>([^<]*)", xml)))


def _part(book: ZipFile, member: str) -> str:
    with suppress(KeyError), book.open(member) as file:
        return file.read(_PIECE).decode("utf-8", "replace")
    return ""
