"""Plain values as Python text, broken into lines where they are long."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from keyword import iskeyword
from math import isfinite
from pathlib import PurePath
from typing import Any

_WIDTH = 96
_BRACKETS: dict[Any, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
    dict: ("{", "}"),
}
_IMPORTS = {"datetime": "import datetime", "Decimal": "from decimal import Decimal", "Path": "from pathlib import Path"}


def literal(value: Any, names: Mapping[str, str], indent: int = 0) -> str:
    """A plain value as Python text; `names` are the paths that are called otherwise there."""
    line = _line(value, names)
    if len(line) + indent <= _WIDTH or type(value) not in _BRACKETS or not value:
        return line
    begin, end = _BRACKETS[type(value)]
    deep = indent + 4
    if isinstance(value, dict):
        items = [f"{_line(k, names)}: {literal(v, names, deep)}" for k, v in value.items()]
    else:
        items = [literal(v, names, deep) for v in _ordered(value, names)]
    return "\n".join([begin, *(f"{' ' * deep}{item}," for item in items), " " * indent + end])


def call_text(
    called: str, args: Iterable[Any], kwargs: Mapping[str, Any], names: Mapping[str, str], indent: int = 0
) -> str:
    """A call with plain arguments as Python text."""
    plain = {key: value for key, value in kwargs.items() if key.isidentifier() and not iskeyword(key)}
    odd = {key: value for key, value in kwargs.items() if key not in plain}
    parts = [literal(value, names, indent) for value in args]
    parts += [f"{key}={literal(value, names, indent)}" for key, value in plain.items()]
    return f"{called}({', '.join([*parts, *[f'**{literal(odd, names, indent)}'] * bool(odd)])})"


def imports_for(used: set[str]) -> list[str]:
    """The import statements that such texts need, of the names that they use."""
    return [line for name, line in _IMPORTS.items() if name in used]


def is_steady(value: object, outermost: bool = True) -> bool:
    """Whether Python shows a value in the same one way every time, and at all."""
    if isinstance(value, (list, tuple)):
        return all(is_steady(each, False) for each in value)
    if isinstance(value, dict):
        return all(is_steady(each, False) for pair in value.items() for each in pair)
    return isinstance(value, (bool, int, float, str)) or (value is None and not outermost)


def texts_in(value: Any) -> Iterator[str]:
    """Every text and path in a plain value."""
    if isinstance(value, (str, PurePath)):
        yield str(value)
    elif isinstance(value, dict):
        yield from texts_in([*value, *value.values()])
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from texts_in(item)


def _ordered(value: Any, names: Mapping[str, str]) -> list[Any]:
    return sorted(value, key=lambda each: _line(each, names)) if isinstance(value, (set, frozenset)) else [*value]


def _line(value: Any, names: Mapping[str, str]) -> str:
    match value:
        case None | bool() | int() | bytes() | date() | datetime() | time() | timedelta() | timezone() | Decimal():
            return repr(value)
        case float():
            return repr(value) if isfinite(value) else f'float("{value}")'
        case complex(real=real, imag=imag):
            return f"complex({_line(real, names)}, {_line(imag, names)})"
        case str():
            return _quoted(_renamed(value, names))
        case PurePath():
            return f"Path({_quoted(_renamed(str(value), names))})"
        case dict():
            return f"{{{', '.join(f'{_line(k, names)}: {_line(v, names)}' for k, v in value.items())}}}"
    begin, end = _BRACKETS[type(value)]
    if not value and isinstance(value, (set, frozenset)):
        return f"{type(value).__name__}()"
    items = ", ".join(_line(each, names) for each in _ordered(value, names))
    return f"{begin}{items}{',' * (isinstance(value, tuple) and len(value) == 1)}{end}"


def _renamed(text: str, names: Mapping[str, str]) -> str:
    if text in names:
        return names[text]
    for old in sorted(filter(os.path.isabs, names), key=len, reverse=True):
        text = text.replace(old, names[old])
    return text


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False) if text.isprintable() else repr(text)
