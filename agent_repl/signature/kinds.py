"""Values → signatures: canonical text of a value's structure, never of its content.

Nothing of the value's own is run: classes are read through `type` itself, builtin containers through the methods of
the builtin, objects of libraries only where the class is exactly the library's. Libraries are never imported. Cost
does not grow with the data: every level hands a part of its room to the next, and where none is left stands "…".

What is not covered: of a set above 256 elements, a kind that is rare in it; of a list above nine, a kind that stands
at none of its ends nor in its middle.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from itertools import islice
from pathlib import PosixPath, PurePath, WindowsPath
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType, ModuleType
from typing import Any

from .files import bounded, quoted, shortened, sniff_text

LONG_TEXT = 1024
ROOM = 1024
KEYS = 64
_HEAD = 65_536
Rule = Callable[[Any, int], str]

# by id, here and below: a metaclass may define __hash__, and these classes live for ever
_SCALARS = {id(kind): kind.__name__ for kind in (int, float, bool, bytes, complex, date, Decimal, type)}
_SCALARS |= {id(type(None)): "None", id(PosixPath): "path", id(WindowsPath): "path"}


def signature(value: Any) -> str:
    """The structure of a value as one line of text, the same in every process and run."""
    kind = type(value)
    if kind is str and len(value) <= LONG_TEXT:
        return "str"
    return _SCALARS.get(id(kind)) or shortened(_within(value, ROOM), 8000)


def _within(value: Any, room: int) -> str:
    kind = type(value)
    if kind is str:
        return "str" if len(value) <= LONG_TEXT else _long_text(value)
    if id(kind) in _SCALARS:
        return _SCALARS[id(kind)]
    rule = _RULES.get(id(kind))
    if rule is None:
        return _object(value, kind, room)
    return rule(value, room) if room else "…"


def _long_text(text: str) -> str:
    return f"text:{sniff_text(text[:_HEAD], whole=len(text) <= _HEAD).signature}".replace("text:text", "text")


def _list(value: list[Any], room: int) -> str:
    return f"list[{_union(_ends(value, list), room // 4)}]"


def _ends(value: Any, base: Any) -> list[Any]:
    """Up to nine elements: the first, middle and last three. Slices never raise, whoever shrinks the list meanwhile."""
    size, get = base.__len__(value), base.__getitem__
    if size <= 9:
        return list(get(value, slice(None)))
    return [*get(value, slice(3)), *get(value, slice(size // 2, size // 2 + 3)), *get(value, slice(-3, None))]


def _tuple(value: tuple[Any, ...], room: int) -> str:
    if tuple.__len__(value) > 8:
        return f"tuple[{_union(_ends(value, tuple), room // 4)}, ...]"
    items = tuple.__getitem__(value, slice(None))
    return f"tuple[{', '.join(_within(item, room // max(2, len(items))) for item in items)}]"


def _set_of(base: Any) -> Rule:
    return lambda value, room: f"{base.__name__}[{_union(islice(base.__iter__(value), 256), room // 4)}]"


def _union(values: Iterable[Any], room: int) -> str:
    """What a few elements are: records as one record, everything else by kind, in alphabetic order."""
    kinds: set[str] = set()
    records = []
    for value in values:
        record = _as_record(value) if type(value) is dict else None
        if record is None:
            kinds.add(_within(value, room))
        else:
            records.append(record)
    return "|".join(sorted(kinds | {_record(records, room)} if records else kinds))


def _dict(value: dict[Any, Any], room: int) -> str:
    record = _as_record(value)
    return _mapping(value, room) if record is None else _record([record], room)


def _as_record(value: dict[Any, Any]) -> dict[str, Any] | None:
    if dict.__len__(value) > KEYS:
        return None
    copy = dict.copy(value)
    return copy if all(type(key) is str and len(key) <= 100 for key in copy) else None


def _record(records: list[dict[str, Any]], room: int) -> str:
    if not room:
        return "…"
    keys = sorted({key for record in records for key in record})
    if len(keys) > min(room, KEYS):
        return _mapping({key: value for record in records for key, value in record.items()}, room)
    room //= max(2, len(keys))
    parts = []
    for key in keys:
        values = [record[key] for record in records if key in record]
        parts.append(f'"{key}"{"" if len(values) == len(records) else "?"}: {_union(values, room)}')
    return "{" + ", ".join(parts) + "}"


def _mapping(value: dict[Any, Any], room: int) -> str:
    items = [*islice(dict.items(value), 5), *islice(reversed(dict.items(value)), 4)]
    return f"dict[{_union([key for key, _ in items], room // 4)}, {_union([item for _, item in items], room // 4)}]"


def _function(value: FunctionType, room: int) -> str:
    code = value.__code__
    return f"function({', '.join(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount][:32])})"


def _object(value: Any, kind: type, room: int) -> str:
    bases: tuple[type, ...] = type.__dict__["__mro__"].__get__(kind)
    names = [_name(base) for base in bases]
    library = library_class(value)
    if library:
        return _LIBRARY[library](value, room) if room else "…"
    label = _first(bases, "_agent_repl_label_", str)
    if label is not None:
        wrapped = _field(value, bases, "_agent_repl_wraps_", room // 2)
        return f"agent:{label}" + ("" if wrapped in ("None", "absent") else f" of {wrapped}")
    below = names[0].removeprefix("builtins.") + _fields(value, bases, room)
    inherited = next((_RULES[id(base)] for base in bases if id(base) in _RULES), None)
    if inherited is None:
        return below
    return f"{below}:{inherited(value, room) if room else '…'}"


def library_class(value: Any) -> str:
    """The class as `library.Name` where it is a known library's own, "" for all else, subclasses and impostors too."""
    module, _, name = _name(type(value)).rpartition(".")
    library, home = f"{module.partition('.')[0]}.{name}", sys.modules.get(module)
    genuine = library in _LIBRARY and type(home) is ModuleType and vars(home).get(name) is type(value)
    return library if genuine else ""


def _name(kind: type) -> str:
    module = type.__dict__["__module__"].__get__(kind)
    name = type.__dict__["__qualname__"].__get__(kind)
    return f"{module if type(module) is str else '?'}.{name if type(name) is str else '?'}"


def _fields(value: Any, bases: tuple[type, ...], room: int) -> str:
    declared = list(_first(bases, "__dataclass_fields__", dict) or ())
    fields = [f"{name}: {_field(value, bases, name, room // max(2, len(declared)))}" for name in declared[:KEYS]]
    return f"({', '.join(fields)})" if fields else ""


def _first(bases: tuple[type, ...], name: str, kind: type) -> Any:
    kept = (type.__dict__["__dict__"].__get__(base).get(name) for base in bases)
    return next((found for found in kept if type(found) is kind), None)


def _field(value: Any, bases: tuple[type, ...], name: str, room: int) -> str:
    slot, state = _first(bases, name, MemberDescriptorType), _first(bases, "__dict__", GetSetDescriptorType)
    try:
        held = slot.__get__(value) if slot else dict.__getitem__(state.__get__(value), name)
    except (AttributeError, KeyError, TypeError):
        return "absent"
    return _within(held, room)


def _dtype(dtype: Any) -> str:
    """A dtype by name; the width of its texts is content, and a stranger's dtype is asked nothing."""
    if not _name(type(dtype)).startswith(("numpy.", "pandas.", "polars.")):
        return _name(type(dtype))
    return shortened(re.sub(r"[<>|]([US])\d+", r"\1", str(dtype)), 200)


def _frame(value: Any, room: int) -> str:
    return f"DataFrame({_columns(value.columns, value.dtypes)}{_index(value)})"


def _series(value: Any, room: int) -> str:
    return f"Series[{_dtype(value.dtype)}{_index(value)}]"


def _index(value: Any) -> str:
    """The index of a pandas object where it says more than the rows' numbers; polars has none."""
    index = getattr(value, "index", None)
    if index is None:
        return ""
    levels = index.levels if index.nlevels > 1 else [index]
    inner = _columns(index.names, [level.dtype for level in levels])
    return "" if inner == "None: int64" else f"; Index[{inner}]"


def _columns(labels: Iterable[Any], dtypes: Iterable[Any]) -> str:
    pairs = zip(labels, dtypes, strict=True)
    return bounded([f"{label(name)}: {_dtype(dtype)}" for name, dtype in pairs], ", ")


def label(name: Any) -> str:
    """A column's label: a text or a number as it is, anything else by its kind."""
    if type(name) is tuple:
        return f"({', '.join(label(part) for part in name)})"
    return quoted(name) if type(name) is str else str(name) if type(name) is int else signature(name)


def _always(text: str) -> Rule:
    return lambda value, room: text


_RULES: dict[int, Rule] = {kind: _always(name) for kind, name in _SCALARS.items()} | {
    id(list): _list, id(dict): _dict, id(tuple): _tuple, id(set): _set_of(set), id(frozenset): _set_of(frozenset),
    id(FunctionType): _function, id(Enum): _always("enum"), id(str): _always("str"), id(PurePath): _always("path"),
    id(datetime): lambda value, room: "datetime" if datetime.tzinfo.__get__(value) is None else "datetime[tz]",
}  # fmt: skip
_LIBRARY: dict[str, Rule] = {
    "numpy.ndarray": lambda value, room: f"ndarray[{_dtype(value.dtype)}, {value.ndim}d]",
    "pandas.DataFrame": _frame, "pandas.Series": _series, "polars.DataFrame": _frame, "polars.Series": _series,
}  # fmt: skip
