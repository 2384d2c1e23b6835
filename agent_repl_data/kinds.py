"""Values → signatures: canonical text of a value's structure, never of its content.

Nothing of the value's own is run: classes are read through `type` itself, builtin containers through the methods of
the builtin, objects of libraries only where the class is exactly the library's. Libraries are never imported. Cost
does not grow with the data: every level hands a part of its room to the next, and where none is left stands "…".

What is not covered: of a set above 256 elements, a kind that is rare in it; of a list above nine, a kind that stands
at none of its ends nor in its middle; of a long text deep in a container all but its beginning.
"""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from io import FileIO
from itertools import islice
from pathlib import PosixPath, PurePath, WindowsPath
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType, MethodType, ModuleType
from typing import Any

from .files import HEAD, bounded, literal, quoted, shortened, sniff_text

LONG_TEXT = 1024
ROOM = 1024
KEYS = 64
_CALLS = """abs all any bool casefold dict divmod enumerate filter float frozenset int isinstance iter len list lower
    map max min pow range reversed round set sorted strip sum title tuple upper zip"""
KEYLESS = {*_CALLS.split(), *dir(dict), *dir(list), *dir(set), *(name for name in dir(builtins) if "Error" in name)}
KEYLESS -= {"popitem"}
WORDED = {"max key", "min key", "sort key", "sort reverse", "sorted key", "sorted reverse", "sum start"}
"""What code may call, and with which keywords, to which all text keys are alike; not what takes one by its place."""
UNKNOWN = {"args", *dir(builtins)} - KEYLESS
_OTHERS = re.compile(r"[.(]|agent:|builtin|type|Series")
_ABSENT = object()
Rule = Callable[[Any, int], str]


def signature(value: Any, room: int = ROOM) -> str:
    """The structure of a value as one line of text, the same in every process and run."""
    kind = type(value)
    if kind is str and len(value) <= LONG_TEXT:
        return "str"
    rule = _RULES.get(id(kind), _object)
    return rule if isinstance(rule, str) else _said(rule, value, room)


def _said(rule: Rule | str, value: Any, room: int) -> str:
    """What a rule says in the room that is left; a rule that fails leaves the name of the class."""
    if isinstance(rule, str) or (not room and rule is not _object):
        return rule if isinstance(rule, str) else "…"
    try:
        return shortened(str.__str__(rule(value, room)), 8000)
    except Exception:
        return type_name(type(value))


def by_keys(kind: str, value: Any, keys: frozenset[str]) -> str:
    """A kind that begins with the signature of this value, for code that asks for no other text keys than these.

    In records all others count as one. Where there is more than plain data, whose code may know any key, it says "".
    """
    told = kind.replace(signature(value), _by_keys(value, keys, ROOM), 1)
    return "" if _OTHERS.search(told) else told


def _by_keys(value: Any, keys: frozenset[str], room: int) -> str:
    if type(value) is list and room:
        return f"list[{_union(_ends(value, list), room // 4, keys)}]"
    record = _as_record(value) if type(value) is dict and room else None
    return signature(value, room) if record is None else _record([record], room, keys)


def takes_by_place(node: ast.AST, values: bool) -> bool:
    """Whether the first of a record's fields, or the second, are something of their own here; not for each field."""
    match node:
        case ast.Subscript(value=of, slice=ast.Constant(value=int())):
            return values or (isinstance(of, ast.Call) and ast.unparse(of.func) in ("list", "tuple"))
        case ast.Assign(targets=[ast.Tuple() | ast.List()], value=of):
            return not isinstance(of, ast.Tuple) and ast.unparse(of)[:4] not in ("max(", "min(")
    return isinstance(node, ast.MatchSequence)


def register(kind: type | str, rule: Callable[[Any], str]) -> None:
    """Let a rule say the signature of a class's values from now on, or of the class "module.Name" when it comes.

    The rule says one line: structure, never content, the same in every process. One that raises, or says no text,
    counts as any other object: by type. Subclasses of a class that was given follow its rule; texts keep theirs.
    """
    if isinstance(kind, str):
        _BY_NAME[kind] = lambda value, room: rule(value)
    else:
        _RULES[id(kind)] = lambda value, room: rule(value)
        _KEPT.append(kind)


def _text(value: str, room: int) -> str:
    if str.__len__(value) <= LONG_TEXT:
        return "str"
    if (part := min(HEAD, LONG_TEXT * room)) <= LONG_TEXT:  # so deep that there may be thousands of them
        return "text"
    found = sniff_text(str.__getitem__(value, slice(part)), whole=str.__len__(value) <= part)
    return f"text:{found.signature}".replace("text:text", "text")


def _ends(value: Any, base: Any) -> list[Any]:
    """Up to nine elements: the first, middle and last three. Slices never raise, whoever shrinks the list meanwhile."""
    size, get = base.__len__(value), base.__getitem__
    if size <= 9:
        return list(get(value, slice(None)))
    return [*get(value, slice(3)), *get(value, slice(size // 2, size // 2 + 3)), *get(value, slice(-3, None))]


def _members(value: Any, base: Any, room: int) -> str:
    return _union(islice(base.__iter__(value), 256), room // max(4, min(base.__len__(value), 256) // 2))


def _tuple(value: tuple[Any, ...], room: int) -> str:
    if tuple.__len__(value) > 8:
        return f"tuple[{_union(_ends(value, tuple), room // 4)}, ...]"
    items = tuple.__getitem__(value, slice(None))
    return f"tuple[{_each(items, room // max(2, len(items)))}]"


def _each(values: Iterable[Any], room: int) -> str:
    return ", ".join(signature(value, room) for value in values)


def _union(values: Iterable[Any], room: int, keys: frozenset[str] | None = None) -> str:
    """What a few elements are: records as one record, everything else by kind, in alphabetic order."""
    found = [(value, _as_record(value) if type(value) is dict else None) for value in values]
    kinds = {signature(value, room) if keys is None else _by_keys(value, keys, room) for value, r in found if r is None}
    records = [record for _, record in found if record is not None]
    return "|".join(sorted(kinds | {_record(records, room, keys) if room else "…"} if records else kinds))


def _dict(value: dict[Any, Any], room: int) -> str:
    record = _as_record(value)
    return _mapping(value, room) if record is None else _record([record], room)


def _as_record(value: dict[Any, Any]) -> dict[str, Any] | None:
    if dict.__len__(value) > KEYS:
        return None
    copy = dict.copy(value)
    return copy if all(type(key) is str and len(key) <= 100 for key in copy) else None


def _record(records: list[dict[str, Any]], room: int, keys: frozenset[str] | None = None) -> str:
    found = sorted({key for record in records for key in record})
    if len(found) > min(room, KEYS):
        return _mapping({key: value for record in records for key, value in record.items()}, room)
    room //= max(2, len(found))
    parts = []
    for key in found if keys is None else sorted(keys.intersection(found)):
        values = [record[key] for record in records if key in record]
        parts.append(f"{literal(key)}{'' if len(values) == len(records) else '?'}: {_union(values, room, keys)}")
    others = [] if keys is None else [{key: record[key] for key in record.keys() - keys} for record in records]
    if any(others):
        kinds = _union([value for record in others for value in record.values()], room, keys)
        but = shortened(f" but {', '.join(map(literal, sorted(keys)))}", 400) if keys else ""  # other code, other kinds
        parts.append(f"str{but}{'' if all(others) else '?'}: {kinds}")
    return "{" + ", ".join(parts) + "}"


def _mapping(value: dict[Any, Any], room: int) -> str:
    items = [*islice(dict.items(value), 5), *islice(reversed(dict.items(value)), 4)]
    return f"dict[{_union([key for key, _ in items], room // 4)}, {_union([item for _, item in items], room // 4)}]"


def _function(value: FunctionType, room: int) -> str:
    code = value.__code__
    return f"function({', '.join(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount][:32])})"


def _file(value: Any, room: int) -> str:
    """An open file by its class and by how its descriptor was opened, if it has one."""
    below = value.buffer if type(value).__name__ == "TextIOWrapper" else value
    raw = below.raw if class_of(below).startswith("_io.Buffered") else below
    return type_name(type(value)) + (f"[{raw.mode}]" if type(raw) is FileIO else "")


def _object(value: Any, room: int) -> str:
    if known := class_of(value):
        return _said(_BY_NAME[known], value, room)
    label = _first(value, "_agent_repl_label_", str)
    if label is not None:
        wrapped = _held(value, "_agent_repl_wraps_")
        alone = wrapped is None or wrapped is _ABSENT
        return f"agent:{label}" + ("" if alone else f" of {signature(wrapped, room // 2)}")
    below = type_name(type(value)).removeprefix("builtins.") + _fields(value, room)
    rule = next((_RULES[id(base)] for base in _bases(value) if id(base) in _RULES), None)
    return f"{below}:{_said(rule, value, room)}" if rule else below


def library_class(value: Any) -> str:
    """The class as `library.Name` where it is a known table's own, "" for all else, subclasses and impostors too."""
    known = class_of(value)
    return known if known in _TABLES else ""


def class_of(value: Any) -> str:
    """Where the class is exactly the one of that name in its module: the name by which it has a rule, else ""."""
    module, _, name = type_name(type(value)).rpartition(".")
    home = sys.modules.get(module)
    genuine = type(home) is ModuleType and vars(home).get(name) is type(value)
    names = (f"{module}.{name}", f"{module.partition('.')[0]}.{name}") if genuine else ()
    return next((known for known in names if known in _BY_NAME), "")


def member(value: Any) -> str:
    """The name of an enum member, "" for all else."""
    name = _held(value, "_name_") if any(base is Enum for base in _bases(value)) else ""
    return name if type(name) is str else "?"


def _bases(value: Any) -> tuple[type, ...]:
    found: tuple[type, ...] = type.__dict__["__mro__"].__get__(type(value))
    return found


def type_name(kind: type) -> str:
    """A class as `module.Name`, on one line; its metaclass is not asked."""
    module = type.__dict__["__module__"].__get__(kind)
    name = type.__dict__["__qualname__"].__get__(kind)
    text = f"{module if type(module) is str else '?'}.{name if type(name) is str else '?'}"
    return text if re.fullmatch(r"[\w.<>\[\]]+", text) or text == "?.?" else ascii(text[:200])


def _fields(value: Any, room: int) -> str:
    """The fields of a dataclass or of a pydantic model."""
    declared = list(_first(value, "__dataclass_fields__", dict) or _first(value, "__pydantic_fields__", dict) or ())
    room //= max(2, len(declared))
    held = [(name, _held(value, name)) for name in declared[:KEYS]]
    fields = [f"{name}: {'absent' if found is _ABSENT else signature(found, room)}" for name, found in held]
    return f"({', '.join(fields)})" if fields else ""


def _held(value: Any, name: str) -> Any:
    """What the instance itself holds, in its slot or its dict; nothing that its class defines is asked."""
    slot, state = _first(value, name, MemberDescriptorType), _first(value, "__dict__", GetSetDescriptorType)
    try:
        return slot.__get__(value) if slot else dict.__getitem__(state.__get__(value), name)
    except (AttributeError, KeyError, TypeError):
        return _ABSENT


def _first(value: Any, name: str, kind: type) -> Any:
    kept = (type.__dict__["__dict__"].__get__(base).get(name) for base in _bases(value))
    return next((found for found in kept if type(found) is kind), None)


def dtype_name(dtype: Any) -> str:
    """A dtype by name; texts' width and an enum's values are content, and a stranger's dtype is asked nothing."""
    if not type_name(type(dtype)).startswith(_LIBRARIES):
        return type_name(type(dtype))
    text = re.sub(r"(?is)\b(enum)\(.*", r"\1", str(dtype))
    return shortened(re.sub(r"[<>|]([US])\d+", r"\1", text), 200)


def _index(value: Any) -> str:
    """The index of a pandas object where it says more than the rows' numbers; polars has none."""
    index = getattr(value, "index", None)
    inner = "" if index is None else _labels(index, 0)
    return "" if inner in ("", "Index[None: int64]") else f"; {inner}"


def _labels(index: Any, room: int) -> str:
    levels = index.levels if index.nlevels > 1 else [index]
    return f"Index[{_columns(index.names, [level.dtype for level in levels])}]"


def _dask(value: Any, room: int) -> str:
    """A lazy collection by the empty one that it holds, or its expression does: nothing is computed, not even that."""
    held, expression = {"_meta": _held(value, "_meta")}, _held(value, "_expr")
    if expression is not _ABSENT:
        held = dict(zip(type(expression)._parameters, expression.operands, strict=False)) | vars(expression)
    if held["_meta"] is _ABSENT:
        raise KeyError("_meta")
    return f"dask:{signature(held['_meta'], room)}"


def _columns(labels: Iterable[Any], dtypes: Iterable[Any]) -> str:
    pairs = zip(labels, dtypes, strict=True)
    return bounded([f"{label(name)}: {dtype_name(dtype)}" for name, dtype in pairs], ", ")


def label(name: Any) -> str:
    """A column's label: a text or a number as it is, anything else by its kind."""
    if type(name) is tuple:
        return f"({', '.join(label(part) for part in name)})"
    return quoted(name) if type(name) is str else str(name) if type(name) is int else signature(name)


_SCALARS = (int, float, bool, bytes, complex, date, timedelta, range, Decimal, type)
# by id, here and below: a metaclass may define __hash__, and these classes live for ever
_RULES: dict[int, Rule | str] = {
    **{id(kind): kind.__name__ for kind in _SCALARS},
    id(type(None)): "None", id(PosixPath): "path", id(WindowsPath): "path", id(PurePath): "path", id(Enum): "enum",
    id(str): _text, id(tuple): _tuple, id(dict): _dict, id(FunctionType): _function,
    id(list): lambda value, room: f"list[{_union(_ends(value, list), room // 4)}]",
    id(set): lambda value, room: f"set[{_members(value, set, room)}]",
    id(frozenset): lambda value, room: f"frozenset[{_members(value, frozenset, room)}]",
    id(MethodType): lambda value, room: f"method({_each((value.__self__, value.__func__), room // 2)})",
    id(datetime): lambda value, room: "datetime" + ("" if datetime.tzinfo.__get__(value) is None else "[tz]"),
    id(time): lambda value, room: "time" + ("" if time.tzinfo.__get__(value) is None else "[tz]"),
}  # fmt: skip
_LIBRARIES = ("numpy.", "pandas.", "polars.", "pyarrow.", "duckdb.", "_duckdb.")
_TABLES: dict[str, Rule] = {
    "numpy.ndarray": lambda value, room: f"ndarray[{dtype_name(value.dtype)}, {value.ndim}d]",
    **dict.fromkeys(["pandas.DataFrame", "polars.DataFrame"], lambda value, room:
        f"DataFrame({_columns(value.columns, value.dtypes)}{_index(value)})"),
    **dict.fromkeys(["pandas.Series", "polars.Series"], lambda value, room:
        f"Series[{dtype_name(value.dtype)}{_index(value)}]"),
}  # fmt: skip
_INDEXES = ("", "Range", "Multi", "Datetime", "Timedelta", "Period", "Interval", "Categorical")
_FILES = ("TextIOWrapper", "BufferedReader", "BufferedWriter", "BufferedRandom", "FileIO")
_BY_NAME: dict[str, Rule] = {
    **_TABLES,
    "functools.partial": lambda value, room: f"partial({_each((value.func, value.args, value.keywords), room // 4)})",
    **dict.fromkeys([f"pandas.{kind}Index" for kind in _INDEXES], _labels),
    **dict.fromkeys([f"_io.{kind}" for kind in _FILES], _file),
    **dict.fromkeys(["pyarrow.Table", "pyarrow.RecordBatch"], lambda value, room:
        f"Table({_columns(value.schema.names, value.schema.types)})"),
    **dict.fromkeys(["duckdb.DuckDBPyRelation", "_duckdb.DuckDBPyRelation"], lambda value, room:
        f"Relation({_columns(value.columns, value.types)})"),
    "sqlalchemy.Engine": lambda value, room: f"Engine[{value.dialect.name}]",
    **dict.fromkeys([f"dask.{kind}" for kind in ("DataFrame", "Series", "Index", "Scalar", "Array")], _dask),
}  # fmt: skip
_KEPT: list[type] = []
