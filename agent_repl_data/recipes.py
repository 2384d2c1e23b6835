"""How to read a table file: helpers made from the cells that stand in it, which written code calls and takes along."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from .files import literal, looks_like_path, sniff
from .profile import date_formats

_LINES = 500
_WORDS = 4
_MISSING = frozenset({"", "n/a", "na", "nan", "null", "none", "-", "?"})
_HERE = Path(__file__).parent
_SIGN = r"(?:[€$£¥%]|EUR|USD|GBP|CHF|kr)?"
_AMOUNT = re.compile(rf"{_SIGN}\s*[+-]?((?!0\d)\d[\d.,' \u00a0]*?)\s*{_SIGN}")
_COMMA = re.compile(r"\d[\d. \u00a0']*,\d{1,2}|\d{1,3}(?:\.\d{3})+,\d+")
_POINT = re.compile(r"\d[\d, \u00a0']*\.\d{1,2}|\d{1,3}(?:,\d{3})+\.\d+|\d+\.\d+|\d{1,3}(?:,\d{3})+")
_TOLD = {"int": "int", "float": "float", "_date": "date", "str": "str"}


@dataclass(frozen=True)
class Recipe:
    """A call that reads one file, what it answers by column, and the sources of the helpers behind it, by name."""

    call: str
    columns: tuple[tuple[str, str], ...]
    helpers: dict[str, str]


def recipe_for(value: Any, where: str) -> Recipe | None:
    """How to read the table file that `where` names, from its cells; None for anything else."""
    if not looks_like_path(value) or not (kind := sniff(value)).columns or kind.format not in ("csv", "tsv"):
        return None
    try:
        with open(value, newline="", encoding="utf-8-sig", errors="replace") as file:
            lines = list(islice(csv.DictReader(file, delimiter=kind.delimiter), _LINES))
    except (OSError, csv.Error):
        return None
    cells = {name: [_text(line.get(name)) for line in lines] for name in kind.columns[:30] if len(name) <= 80}
    readers = {name: _reader([text for text in texts if text.lower() not in _MISSING]) for name, texts in cells.items()}
    columns = tuple((literal(name), _TOLD.get(reader, "Decimal")) for name, reader in readers.items())
    return Recipe(f"_rows({where})", columns, _helpers(cells, readers, kind.delimiter))


def _text(cell: Any) -> str:
    return cell.strip() if type(cell) is str else ""


def _reader(values: Sequence[str]) -> str:
    """What makes a value of the cells of a column: the name of a type or of a helper."""
    if _mostly(values, date_formats):
        return "_date"
    if _mostly(values, _is_whole):
        return "int"
    if not _mostly(values, _AMOUNT.fullmatch):
        return "str"
    amounts = [found[1] for text in values if (found := _AMOUNT.fullmatch(text))]
    if any(map(_COMMA.fullmatch, amounts)):
        return "_comma_number"
    plain = sum(text.lstrip("+-") in amounts for text in values) == len(amounts) and "," not in "".join(amounts)
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
    return found | {name: _filled(name[1:], forms=forms) for name in used}


def _filled(name: str, **words: str) -> str:
    return (_HERE / "helpers" / f"{name}.txt").read_text(encoding="utf-8").format(**words)


def _forms(values: Sequence[str]) -> Iterable[str]:
    """The date formats of a column; one that could be read in two ways is read as its neighbours are."""
    choices = set(map(date_formats, values)) - {()}
    certain = {forms[0] for forms in choices if len(forms) == 1}
    return certain | {forms[0] for forms in choices if not certain & set(forms)}
