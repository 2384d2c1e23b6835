"""How to read a file: helpers that written code calls and takes along, those for tables made from their cells."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from .files import FILES, FileKind, file_mark, literal, looks_like_path, path_stat, sniff
from .profile import date_formats, profile, profile_file

_LINES = 500
_COLUMNS, _NAME = 30, 80
_WORDS = 4
_MISSING = frozenset({"", "n/a", "na", "nan", "null", "none", "-", "?"})
_HERE = Path(__file__).parent
_SIGN = r"(?:[€$£¥%]|EUR|USD|GBP|CHF|kr)?"
_AMOUNT = re.compile(rf"{_SIGN}\s*[+-]?((?!0\d)\d[\d.,' \u00a0]*?)\s*{_SIGN}")
_COMMA = re.compile(r"\d[\d. \u00a0']*,\d{1,2}|\d{1,3}(?:\.\d{3})+,\d+|\d{1,3}(?:\.\d{3}){2,}")
_POINT = re.compile(r"\d[\d, \u00a0']*\.\d{1,2}|\d{1,3}(?:,\d{3})+\.\d+")
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
    whole: str = ""  # of a text: the call that reads all of it at once

    @property
    def calls(self) -> str:
        """The calls that read it: the lines of a text, or the whole."""
        return f"{self.call} or {self.whole}" if self.whole else self.call


def recipe_for(value: Any, where: str) -> Recipe | None:
    """How to read the table, the JSON lines or the text that `where` names; None for anything else."""
    kind = sniff(value) if looks_like_path(value) else FileKind("")
    if kind.format == "text":
        lines = f"its lines; `_text({where})` is the whole of it as one str"
        return _plain(value, where, kind, f"_lines({where})", "a text file", lines, "line", "lines", "text")
    if kind.format == "jsonl":
        values = "the values of its lines, None for a line that cannot be read, dicts"
        return _plain(value, where, kind, f"_records({where})", "a JSONL file", values, "record", "records", "record")
    return _table(value, where, kind) if kind.format in ("csv", "tsv") and _can_be_told(kind) else None


def _plain(
    path: Any, where: str, kind: FileKind, call: str, what: str, values: str, each: str, *helpers: str
) -> Recipe:
    """How to read a file by lines; what is in them its profile says."""
    such = profile_file(path, where).partition("\n")[2]
    told = f"{where}: {what}. `{call}` is there already and reads it: a list of {values}; such as\n{such}"
    begin = f"Use it like this:\n```python\nfor {each} in {call}:\n    ...\n```"
    sources = {f"_{name}": _filled(name, encoding=_encoding(kind)) for name in helpers}
    return Recipe(where, call, f"{told}\n{begin}", sources, f"_text({where})" if "text" in helpers else "")


def _table(value: Any, where: str, kind: FileKind) -> Recipe | None:
    """How to read a table; None where its rows would lose something as dicts, or where there is no row to know them by.

    They lose where two columns have one name, and where there are more columns than can be told.
    """
    if (found := _cells(value, kind)) is None:
        return None
    lines, cells, readers = found
    helpers = _helpers(cells, readers, kind)
    call = f"_rows({where})"
    return Recipe(where, call, _told(where, call, _read(lines, readers, helpers)), helpers)


_Read = tuple[list[dict[str, Any]], dict[str, list[str]], dict[str, str]]


def _cells(value: Any, kind: FileKind) -> _Read | None:
    """The lines at the beginning of a table, the cells of each column, and what reads them."""
    try:
        with open(value, newline="", encoding=_encoding(kind)) as file:
            reader = csv.DictReader(file, delimiter=kind.delimiter)
            lines = list(islice(reader, _LINES)) if tuple(reader.fieldnames or ()) == kind.columns else []
    except (OSError, ValueError, csv.Error):
        return None
    if not lines:
        return None
    cells = {name: [_text(line.get(name)) for line in lines] for name in kind.columns}
    readers = {name: _reader([text for text in texts if text.lower() not in _MISSING]) for name, texts in cells.items()}
    return lines, cells, readers


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
    kind = sniff(path)
    found = _cells(path, kind) if kind.format in ("csv", "tsv") and _can_be_told(kind) else None
    if found is None:
        return False
    _, cells, readers = found
    named = [name for name in cells if len(re.findall(rf"(['\"]){re.escape(name)}\1", code)) > 1]
    return not all(_reads(code, name, cells[name], readers[name]) for name in named or cells)


def _reads(code: str, name: str, cells: Sequence[str], reader: str) -> bool:
    """Whether code reads a column as it is written now; one that it has no reader for it leaves."""
    known = set(re.findall(rf"[{{ ]{re.escape(literal(name))}: (\w+?)(?:_\d+)?[,}}]", code))
    texts = [text for text in cells if text]
    if reader == "str" or not known:
        return True
    if reader in ("_date", "_time"):
        certain = {forms[0] for forms in map(date_formats, texts) if len(forms) == 1}
        return reader in known and all(f'"{form}"' in code for form in certain)
    decimals = max(map(int, re.findall(r"\{\{1,(\d+)\}\}", code)), default=0)
    narrow = "float" not in known and reader != "int" and _decimals(texts, reader) > decimals
    return bool(known & _READ_BY.get(reader, {reader})) and not narrow


def apart(recipes: Iterable[Recipe]) -> Iterator[Recipe]:
    """The same recipes; where helpers of one name differ, those of the later file have a number."""
    known: dict[str, str] = {}
    for number, recipe in enumerate(recipes, 1):
        clash = [name for name, source in recipe.helpers.items() if known.get(name, source) != source]
        one = _numbered(recipe, {*clash, recipe.call.partition("(")[0]}, number) if clash else recipe
        known |= one.helpers
        yield one


def _numbered(recipe: Recipe, names: set[str], number: int) -> Recipe:
    """The recipe with other names for these helpers."""
    called = re.compile(rf"\b({'|'.join(sorted(names))})(?=[(,}}])")
    new = {name: f"{name}_{number}" for name in names}
    helpers = {new.get(n, n): called.sub(lambda found: new[found[1]], text) for n, text in recipe.helpers.items()}
    call, text, whole = (
        called.sub(lambda found: new[found[1]], each) for each in (recipe.call, recipe.text, recipe.whole)
    )
    return Recipe(recipe.where, call, text, helpers, whole)


def _can_be_told(kind: FileKind) -> bool:
    names = kind.columns
    return 0 < len(names) <= _COLUMNS and len(set(names)) == len(names) and max(map(len, names)) <= _NAME


def _encoding(kind: FileKind) -> str:
    return "utf-8-sig" if kind.encoding == "utf-8" else kind.encoding


def _read(lines: Sequence[dict[str, Any]], readers: dict[str, str], helpers: dict[str, str]) -> list[dict[str, Any]]:
    """What the helpers make of these lines."""
    from decimal import Decimal

    scope: dict[str, Any] = {"re": re, "Decimal": Decimal}
    exec("\n\n".join(helpers.values()), scope)  # our own text, in which names and forms of the data stand quoted
    ways = {name: scope.get(reader, _TYPES.get(reader)) for name, reader in readers.items()}
    return [{name: scope["_cell"](line.get(name), way) for name, way in ways.items()} for line in lines]


def _told(where: str, call: str, rows: Sequence[dict[str, Any]]) -> str:
    """What these rows hold, and how to have them."""
    columns = profile(rows, "").partition("\n")[2]
    count = f"{'more than ' * (len(rows) == _LINES)}{len(rows)}"
    gaps = [name for name in rows[0] if any(row[name] is None for row in rows)]
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
        return "_time" if _has_clocks(values) else "_date"
    if not _mostly(values, _AMOUNT.fullmatch):
        return "str"
    found = {text: amount[1] for text in values if (amount := _AMOUNT.fullmatch(text))}
    amounts = [*found.values()]
    if all(map(_is_whole, found)):
        return "int"
    if sum(map(bool, map(_COMMA.fullmatch, amounts))) > sum(map(bool, map(_POINT.fullmatch, amounts))):
        return "_comma_number"
    plain = all(text.lstrip("+-") == amount and re.fullmatch(r"\d+\.?\d*", amount) for text, amount in found.items())
    return "float" if plain and not all(re.fullmatch(r"\d+\.\d\d", each) for each in amounts) else "_number"


def _has_clocks(values: Sequence[str]) -> bool:
    """Whether all dates of a column say the time too, and can be compared: all with a zone, or none."""
    forms = [found[0] for text in values if (found := date_formats(text))]
    zones = {"%z" in form for form in forms}
    return len(zones) == 1 and all("%H" in form or "%I" in form for form in forms)


def _is_whole(text: str) -> bool:
    """Whether this is a number that counts, not a code such as 00123."""
    digits = text.lstrip("+-")
    return digits.isdecimal() and digits.isascii() and (digits[0] != "0" or len(digits) == 1)


def _mostly(values: Sequence[str], test: Callable[[str], Any]) -> bool:
    """Whether these are of a kind: four of five, or at least half where a few words stand for what is missing."""
    others = [text for text in values if not test(text)]
    most = 0.5 if len(set(others)) <= _WORDS else 0.2
    return bool(values) and len(others) <= most * len(values)


def _helpers(cells: dict[str, list[str]], readers: dict[str, str], kind: FileKind) -> dict[str, str]:
    columns = ", ".join(f"{literal(name)}: {reader}" for name, reader in readers.items())
    separator = "" if kind.delimiter == "," else f", delimiter={kind.delimiter!r}"
    words = {"columns": columns, "delimiter": separator, "encoding": _encoding(kind)}
    found = {"_rows": _filled("rows", **words), "_cell": _filled("cell")}
    for used in sorted({name for name in readers.values() if name[0] == "_"}):
        texts = [text for name, column in cells.items() if readers[name] == used for text in column]
        forms = ", ".join(f'"{form}"' for form in _forms(texts) if used in ("_date", "_time"))
        found[used] = _filled(used[1:], forms=forms, decimals=_decimals(texts, used))
    return found


def _decimals(texts: Iterable[str], reader: str) -> int:
    """How many digits may follow the decimal mark: with more than the data have, the mark could part thousands."""
    last = re.compile(r",(\d+)\D*$" if reader == "_comma_number" else r"\.(\d+)\D*$")
    return max([2, *(len(found[1]) for text in texts if (found := last.search(text)))])


def _filled(name: str, **words: object) -> str:
    return (_HERE / "helpers" / f"{name}.txt").read_text(encoding="utf-8").format(**words)


def _forms(values: Sequence[str]) -> list[str]:
    """The date formats of a column, the usual first; one that could be read in two ways is read as others are."""
    choices = [forms for text in values if (forms := date_formats(text))]
    certain = Counter(forms[0] for forms in choices if len(forms) == 1)
    others = [forms[0] for forms in choices if not certain.keys() & set(forms)]
    return [*(form for form, _ in certain.most_common()), *dict.fromkeys(others)]
