"""How to read a table file, as code that a small model copies, made from the cells that stand in it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from .files import literal, looks_like_path, sniff
from .profile import date_formats

_ROWS = 500
_MISSING = frozenset({"", "n/a", "na", "nan", "null", "none", "-", "?"})
_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Recipe:
    """Code that reads one file, and the helpers that it calls, by name."""

    text: str
    helpers: dict[str, str]


def recipe_for(value: Any, where: str) -> Recipe | None:
    """How to read the table file that `where` names, from its cells: small models copy it. None for anything else."""
    if not looks_like_path(value) or not (kind := sniff(value)).columns or kind.format not in ("csv", "tsv"):
        return None
    try:
        with open(value, newline="", encoding="utf-8-sig", errors="replace") as file:
            lines = list(islice(csv.DictReader(file, delimiter=kind.delimiter), _ROWS))
    except (OSError, csv.Error):
        return None
    cells = {name: [(line.get(name) or "").strip() for line in lines] for name in kind.columns[:30] if len(name) <= 80}
    cells = {name: [text for text in texts if text.lower() not in _MISSING] for name, texts in cells.items()}
    forms = sorted({form for values in cells.values() for form in _forms(values)}, key=len)
    row = ", ".join(f"{literal(name)}: {_parsed(name, values)}" for name, values in cells.items())
    delimiter = "" if kind.delimiter == "," else f", delimiter={kind.delimiter!r}"
    helpers = {"_date": _filled("date", forms=", ".join(f'"{form}"' for form in forms))} if forms else {}
    return Recipe(_filled("rows", path=where, delimiter=delimiter, row=row), helpers)


def _filled(name: str, **words: str) -> str:
    return (_HERE / f"{name}.txt").read_text(encoding="utf-8").format(**words)


def _parsed(name: str, values: Sequence[str]) -> str:
    cell = f"cell[{literal(name)}]"
    if _mostly(values, date_formats):
        return f"_date({cell})"
    if _mostly(values, str.isdecimal):
        return f"int({cell})"
    plain = [value.lstrip("+-").replace(".", "", 1) for value in values]
    return f"Decimal({cell})" if _mostly(plain, str.isdecimal) else cell


def _mostly(values: Sequence[str], test: Any) -> bool:
    return bool(values) and sum(map(bool, map(test, values))) >= 0.8 * len(values)


def _forms(values: Sequence[str]) -> Iterable[str]:
    """The date formats of a column; one that could be read in two ways is read as its neighbours are."""
    choices = set(map(date_formats, values if _mostly(values, date_formats) else ())) - {()}
    certain = {forms[0] for forms in choices if len(forms) == 1}
    return certain | {forms[0] for forms in choices if not certain & set(forms)}
