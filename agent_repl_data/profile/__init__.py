"""Data → a few lines that tell a writer of code what is in them.

A small model decides right or wrong by this text: the first lines of a file mislead it, one example of every pattern
of characters does not. Every text is bounded whatever the data; data stand in quotes, as `repr` writes them, and names
that could be misread in quotes too. Nothing of a value's own is run, and no library of a value's is imported.

What is not covered: a name is structure, and told without samples too: columns, keys of small dicts, tables, sheets; of
a table of words alone that has no header the first row is taken for one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from typing import Any

from ..files import sniff_text
from ..kinds import class_of, dtype_name, label, library_class, signature
from .columns import CONTAINERS, Columns, can_show, column_lines, columns_in, date_formats, is_private, shown, worded
from .files import HEAD, PIECE, file_lines, text_lines
from .packed import schema

__all__ = ["LIMIT", "can_show", "date_formats", "is_private", "profile", "profile_file", "schema", "shown", "worded"]
LIMIT = 2300
_CHARACTERS = 1_000_000  # of a column's cells that are looked at, about
_ARROW = ("pyarrow.Table", "pyarrow.RecordBatch")


def profile(value: Any, name: str, samples: bool = True) -> str:
    """What a value is, in at most about 2,500 characters; `samples=False` says structure only. Never raises."""
    return _fitted(_value_lines(value, name, samples and not is_private(name)), f"{name}: an object of another kind")


def profile_file(path: str | os.PathLike[str], name: str, samples: bool = True) -> str:
    """What is in a file, in about 2,500 characters; at most 384 KB of it are read, of JSON 16 MB. Never raises."""
    return _fitted(file_lines(path, name, samples), f"{name}: a file that cannot be read")


def _fitted(lines: Iterator[str], otherwise: str) -> str:
    try:
        text = "\n".join(lines)
    except Exception:  # whatever a library's object does; a file may vanish or change while it is read
        return otherwise
    return text if len(text) <= LIMIT else text[:LIMIT].rpartition("\n")[0] + "\n  … and more"


def _value_lines(value: Any, name: str, samples: bool) -> Iterator[str]:
    library, kind = library_class(value), signature(value)
    if type(value) is str and kind != "str":
        part = len(value) > HEAD
        text = (value[: value.rfind("\n", 0, HEAD) + 1] or value[:HEAD]) if part else value
        form = sniff_text(text[:PIECE], whole=len(text) <= PIECE)
        yield from text_lines(form, text, part, name, f"in a str of {len(value)} characters", samples)
    elif library.endswith(".ndarray"):
        yield f"{name}: {kind}, shape {value.shape}"
        yield from column_lines([("values", value.flat[:1000].tolist())]) if samples and value.size else ()
    elif library:
        listed = samples and len(value.shape) == 2
        yield f"{name}: {library if listed else library.partition('.')[0] + '.' + kind[:1500]}, {len(value)} rows"
        yield from column_lines(_frame_columns(value)) if samples else ()
    elif class_of(value) in _ARROW:
        yield f"{name}: pyarrow.{kind[:1500]}, {value.num_rows} rows"
        cells = value.slice(0, 1000).to_pydict().items() if samples else ()
        yield from column_lines([(label(column), found) for column, found in islice(cells, 64)])
    elif id(type(value)) in CONTAINERS and value:
        yield f"{name}: {type(value).__name__} of {len(value)}, {kind[:200]}"
        yield from column_lines(columns_in(value)) if samples else ()
    else:
        told = kind[: 1500 if kind.startswith("dask:") else 400]
        yield f"{name}: {told}" + (f", {shown(value, 120)}" if samples and can_show(value) else "")
        yield from (f"  {table}" for table in schema(value))


def _frame_columns(value: Any) -> Columns:
    columns = value.items() if hasattr(value, "items") else zip(value.columns, value, strict=True)
    named = [("values", value)] if len(value.shape) == 1 else islice(columns, 64)
    return [(f"{label(name)} ({dtype_name(column.dtype)})", _cells(column)) for name, column in named]


def _cells(column: Any) -> list[Any]:
    """The first and last cells of a column, fewer of long texts, since a library may copy each."""
    longest = max((len(cell) for cell in column.head(3).to_list() if type(cell) in (str, bytes)), default=0)
    most = min(1000, max(3, _CHARACTERS // max(longest, 1)))
    return [*column.head(most).to_list(), *column.tail(min(most, max(0, len(column) - most))).to_list()]
