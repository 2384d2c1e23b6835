"""How to read a file: helpers that written code calls and takes along, those for tables made from their cells."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from .files import FILES, FileKind, file_mark, literal, looks_like_path, path_stat, sniff
from .profile import date_formats, profile, profile_file

_LINES = 500
_WORDS = 4
_MISSING = frozenset({"", "n/a", "na", "nan", "null", "none", "-", "?"})
_HERE = Path(__file__).parent
_SIGN = r"(?:[€$£¥%]|EUR|USD|GBP|CHF|kr)?"
_AMOUNT = re.compile(rf"{_SIGN}\s*[+-]?((?!0\d)\d[\d.,' \u00a0]*?)\s*{_SIGN}")
_COMMA = re.compile(r"\d[\d. \u00a0']*,\d{1,2}|\d{1,3}(?:\.\d{3})+,\d+")
_POINT = re.compile(r"\.\d{1,2}$|,.*\.")
_TYPES: dict[str, Any] = {"int": int, "float": float, "str": str}
OTHERWISE = ", of other forms than the code reads"
_READ_BY = {"int": {"int", "float", "_number", "_comma_number"}, "float": {"float", "_number"}}
"""What reads a column right that would be read by these now; any other only by its own."""


@dataclass(frozen=True)
class Recipe:
    """What to say of the file that `where` names, the call that reads it, and the helpers behind it, by name."""

    where: str
    call: str
    text: str
    helpers: dict[str, str]


def recipe_for(value: Any, where: str) -> Recipe | None:
    """How to read the table, the JSON lines or the text that `where` names; None for anything else."""
    kind = sniff(value) if looks_like_path(value) else FileKind("")
    if kind.format == "text":
        return _plain(value, where, f"_lines({where})", "a text file", "its lines, such as", "line", "lines")
    if kind.format == "jsonl":
        values = "the values of its lines, None for a line that cannot be read, dicts such as"
        return _plain(value, where, f"_records({where})", "a JSONL file", values, "record", "records", "record")
    if (table := _table(value)) is None:
        return None
    helpers = _helpers(table.cells, table.readers, table.delimiter)
    return Recipe(where, f"_rows({where})", _told(where, _read(table.lines, table.readers, helpers)), helpers)


def _plain(path: Any, where: str, call: str, what: str, values: str, each: str, *helpers: str) -> Recipe:
    """How to read a file by lines; what is in them its profile says."""
    such = profile_file(path, where).partition("\n")[2]
    told = f"{where}: {what}. `{call}` is there already and reads it: a list of {values}\n{such}"
    begin = f"Use it like this:\n```python\nfor {each} in {call}:\n    ...\n```"
    return Recipe(where, call, f"{told}\n{begin}", {f"_{name}": _filled(name) for name in helpers})


def apart(recipes: Iterable[Recipe]) -> tuple[Recipe, ...]:
    """The recipes, where helpers of one name would differ with other names in the later ones."""
    found, known = list[Recipe](), dict[str, str]()
    for number, recipe in enumerate(recipes, 1):
        if any(known.get(name, source) != source for name, source in recipe.helpers.items()):
            recipe = _renamed(recipe, str(number))
        known |= recipe.helpers
        found.append(recipe)
    return tuple(found)


def _renamed(recipe: Recipe, suffix: str) -> Recipe:
    own = re.compile(rf"\b({'|'.join(recipe.helpers)})\b(?!\"|')")
    helpers = {f"{name}_{suffix}": own.sub(rf"\1_{suffix}", source) for name, source in recipe.helpers.items()}
    call = own.sub(rf"\1_{suffix}", recipe.call)
    return Recipe(recipe.where, call, recipe.text.replace(recipe.call, call), helpers)


def mark_for(code: str, value: Any) -> str:
    """The mark of the files that a value names, and whether this code would misread them."""
    return file_mark(value) + OTHERWISE * misread(value, code)


def misread(value: Any, code: str) -> bool:
    """Whether code with helpers of another table would read the file that `value` names otherwise than it is written.

    Of a list of files whether it would one of the first.
    """
    if "def _rows" not in code:
        return False
    if type(value) is list or type(value) is tuple:
        return any(misread(each, code) for each in value[:FILES])
    about = path_stat(value)
    return about is not None and _misread(str(value), code, about.st_mtime_ns, about.st_size, about.st_ino)


@lru_cache(maxsize=256)
def _misread(path: str, code: str, *_about: int) -> bool:
    if (table := _table(path)) is None:
        return False
    named = [name for name in table.cells if len(re.findall(rf"(['\"]){re.escape(name)}\1", code)) > 1]
    return not all(_reads(code, name, table) for name in named or table.cells)


def _reads(code: str, name: str, table: _Table) -> bool:
    """Whether code reads a column as it is written now; one that it has no reader for it leaves."""
    known = set(re.findall(rf"[{{ ]{re.escape(literal(name))}: (\w+?)(?:_\d+)?[,}}]", code))
    texts, reader = [text for text in table.cells[name] if text], table.readers[name]
    if reader == "str" or not known:
        return True
    if reader == "_date":
        certain = {forms[0] for forms in map(date_formats, texts) if len(forms) == 1}
        return reader in known and all(f'"{form}"' in code for form in certain)
    decimals = max(map(int, re.findall(r"\{\{1,(\d+)\}\}", code)), default=0)
    narrow = "float" not in known and reader != "int" and _decimals(texts, reader) > decimals
    return bool(known & _READ_BY.get(reader, {reader})) and not narrow


@dataclass(frozen=True)
class _Table:
    lines: list[dict[str, Any]]
    delimiter: str
    cells: dict[str, list[str]]  # by column
    readers: dict[str, str]


def _table(value: Any) -> _Table | None:
    """The beginning of a table file, and how its columns are read; None for anything else."""
    if not looks_like_path(value) or not (kind := sniff(value)).columns or kind.format not in ("csv", "tsv"):
        return None
    try:
        with open(value, newline="", encoding="utf-8-sig", errors="replace") as file:
            lines = list(islice(csv.DictReader(file, delimiter=kind.delimiter), _LINES))
    except (OSError, csv.Error):
        return None
    cells = {name: [_text(line.get(name)) for line in lines] for name in kind.columns[:30] if len(name) <= 80}
    readers = {name: _reader([text for text in texts if text.lower() not in _MISSING]) for name, texts in cells.items()}
    return _Table(lines, kind.delimiter, cells, readers)


def _read(lines: Sequence[dict[str, Any]], readers: dict[str, str], helpers: dict[str, str]) -> list[dict[str, Any]]:
    """What the helpers make of these lines."""
    from decimal import Decimal

    scope: dict[str, Any] = {"re": re, "Decimal": Decimal}
    exec("\n\n".join(helpers.values()), scope)  # our own text, in which names and forms of the data stand quoted
    ways = {name: scope.get(reader, _TYPES.get(reader)) for name, reader in readers.items()}
    return [{name: scope["_cell"](line.get(name), way) for name, way in ways.items()} for line in lines]


def _told(where: str, rows: Sequence[dict[str, Any]]) -> str:
    """What these rows hold, and how to have them."""
    columns = profile(rows, "").partition("\n")[2]
    call, count = f"_rows({where})", f"{'more than ' * (len(rows) == _LINES)}{len(rows)}"
    gaps = [name for name in rows[0] if any(row[name] is None for row in rows)] if rows else []
    needed = " and ".join(f"row[{literal(name)}] is not None" for name in gaps if len(gaps) < 3)
    only = f"    if {needed}:\n        ...\n" if needed else "    ...\n"
    told = [f"{where}: a table file. `{call}` is there already and reads it: a list of {count} dicts", columns]
    if gaps:
        told += ["A cell that is empty or cannot be read is None: leave out rows where a needed cell is."]
    begin = f"```python\nfor row in {call}:\n{only}```"
    return "\n".join([*told, "Use it like this, with the columns that the method needs:", begin])


def _text(cell: Any) -> str:
    return cell.strip() if type(cell) is str else ""


def _reader(values: Sequence[str]) -> str:
    """What makes a value of the cells of a column: the name of a type or of a helper."""
    if _mostly(values, date_formats):
        return "_date"
    if _mostly(values, _is_whole) and all(map(_is_whole, filter(_AMOUNT.fullmatch, values))):
        return "int"
    if not _mostly(values, _AMOUNT.fullmatch):
        return "str"
    amounts = [found[1] for text in values if (found := _AMOUNT.fullmatch(text))]
    if sum(map(bool, map(_COMMA.fullmatch, amounts))) > sum(map(bool, map(_POINT.search, amounts))):
        return "_comma_number"
    plain = sum(text.lstrip("+-") in amounts for text in values) == len(amounts)
    plain = plain and not re.search(r"[,' \u00a0]", "".join(amounts))
    return "float" if plain and not all(re.fullmatch(r"\d+\.\d\d", each) for each in amounts) else "_number"


def _is_whole(text: str) -> bool:
    """Whether this is a number that counts, not a code such as 00123."""
    digits = text.lstrip("+-")
    return digits.isdecimal() and digits.isascii() and (digits[0] != "0" or len(digits) == 1)


def _mostly(values: Sequence[str], test: Callable[[str], Any]) -> bool:
    """Whether these are of a kind: four of five, or at least half where a few words stand for what is missing."""
    others = [text for text in values if not test(text)]
    most = 0.5 if len(set(others)) <= _WORDS else 0.2
    return bool(values) and len(others) <= most * len(values)


def _helpers(cells: dict[str, list[str]], readers: dict[str, str], delimiter: str) -> dict[str, str]:
    dates = [text for name, texts in cells.items() if readers[name] == "_date" for text in texts if text]
    forms = ", ".join(f'"{form}"' for form in sorted(set(_forms(dates)), key=len))
    columns = ", ".join(f"{literal(name)}: {reader}" for name, reader in readers.items())
    separator = "" if delimiter == "," else f", delimiter={delimiter!r}"
    found = {"_rows": _filled("rows", columns=columns, delimiter=separator), "_cell": _filled("cell")}
    used = sorted({name for name in readers.values() if name[0] == "_"})
    texts = {of: [text for name, each in cells.items() if readers[name] == of for text in each] for of in used}
    return found | {of: _filled(of[1:], forms=forms, decimals=_decimals(texts[of], of)) for of in used}


def _decimals(texts: Iterable[str], reader: str) -> int:
    """How many digits may follow the decimal mark: with more than the data have, the mark could part thousands."""
    last = re.compile(r",(\d+)\D*$" if reader == "_comma_number" else r"\.(\d+)\D*$")
    return max([2, *(len(found[1]) for text in texts if (found := last.search(text)))])


def _filled(name: str, **words: object) -> str:
    return (_HERE / "helpers" / f"{name}.txt").read_text(encoding="utf-8").format(**words)


def _forms(values: Sequence[str]) -> Iterable[str]:
    """The date formats of a column; one that could be read in two ways is read as its neighbours are."""
    choices = set(map(date_formats, values)) - {()}
    certain = {forms[0] for forms in choices if len(forms) == 1}
    return certain | {forms[0] for forms in choices if not certain & set(forms)}
