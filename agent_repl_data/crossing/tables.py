"""Arrays, frames and tables as parts of a message: raw memory with its type and form, text and tables as Arrow."""

from __future__ import annotations

import math
import re
import struct
from datetime import timezone, tzinfo
from importlib import import_module
from typing import Any
from zoneinfo import ZoneInfo

from .faults import CannotCross

_DTYPE = re.compile(r"[<>|=][biufcmMSU]\d+(\[\d{0,6}[A-Za-z]{1,2}\])?")
_ROWS = 1 << 26
_EXTENSION = re.compile(r"U?Int\d\d?|Float\d\d|boolean|string|str")


def told(root: str, kind: type, value: Any, packer: Any) -> Any:
    """The tree of a value of one of these libraries, None for one that is not known."""
    tellers: dict[str, Any] = {"numpy": _numpy, "pandas": _pandas, "pyarrow": _arrow}
    return tellers[root](kind, value, packer)


def made(tag: str, parts: Any, blobs: dict[int, memoryview]) -> Any:
    """What a tree stands for; raises whatever the library does for what is none."""
    return _MAKERS[tag](parts, blobs)


def _numpy(kind: type, value: Any, packer: Any) -> Any:
    np = import_module("numpy")

    if kind is not np.ndarray and not issubclass(kind, np.generic):
        return None
    if not _DTYPE.fullmatch(value.dtype.str):
        if packer.pickles:
            return None
        raise CannotCross(f"an array of {value.dtype} cannot be sent: make it one of numbers, dates or texts")
    array = np.ascontiguousarray(value)
    data = packer.blob(array.reshape(-1).view(np.uint8)) if array.nbytes else packer.blob(b"")
    return {"nd" if kind is np.ndarray else "np": [value.dtype.str, list(value.shape), data]}


def _array(parts: Any, blobs: dict[int, memoryview]) -> Any:
    np = import_module("numpy")

    name, shape, index = parts
    if not _DTYPE.fullmatch(name) or len(shape) > 32 or any(type(n) is not int or n < 0 for n in shape):
        raise ValueError("no array")
    dtype, data = np.dtype(name), blobs.pop(index)
    if not dtype.itemsize or math.prod(shape) * dtype.itemsize != len(data):
        raise ValueError("an array of another size")
    return np.frombuffer(data, dtype).reshape(shape).copy() if len(data) else np.empty(shape, dtype)


def _scalar(parts: Any, blobs: dict[int, memoryview]) -> Any:
    return _array(parts, blobs)[()]


def _pandas(kind: type, value: Any, packer: Any) -> Any:
    pd = import_module("pandas")

    say = packer.say
    if value is pd.NaT or value is pd.NA:
        return {"NaT" if value is pd.NaT else "NA": 0}
    if kind is pd.Timestamp or kind is pd.Timedelta:
        zone = getattr(value, "tzinfo", None) if kind is pd.Timestamp else None
        return {"ts" if kind is pd.Timestamp else "dl": [str(value._value), value.unit, say(_zone(zone))]}
    if kind is pd.DataFrame:
        columns = [_column(value.iloc[:, n].array, packer) for n in range(value.shape[1])]
        return {"frame": [say(value.columns), say(value.index), columns]}
    if kind is pd.Series:
        return {"series": [_column(value.array, packer), say(value.index), say(value.name)]}
    if kind is pd.RangeIndex:
        return {"range": [value.start, value.stop, value.step, say(value.name)]}
    if kind is pd.MultiIndex:
        levels = [say(value.get_level_values(n)) for n in range(value.nlevels)]
        return {"multi": [levels, say(list(value.names))]}
    if kind in (pd.Index, pd.DatetimeIndex, pd.TimedeltaIndex, pd.CategoricalIndex):
        return {"index": [_column(value.array, packer), say(value.name), getattr(value, "freqstr", None)]}
    return None


def _column(array: Any, packer: Any) -> Any:
    """One column by its type: raw memory, codes, times of a zone, masked numbers, text as Arrow, or a list."""
    np = import_module("numpy")
    pd = import_module("pandas")

    array = array.to_numpy() if type(array) is pd.arrays.NumpyExtensionArray else array  # texts have a kind of it
    dtype, say = array.dtype, packer.say
    if isinstance(dtype, np.dtype) and dtype.kind != "O":
        return ["plain", say(np.asarray(array))]
    if isinstance(dtype, pd.CategoricalDtype):
        return ["category", say(array.codes), say(array.categories), bool(array.ordered)]
    if isinstance(dtype, pd.DatetimeTZDtype):
        return ["zoned", say(array.asi8), dtype.unit, say(_zone(dtype.tz))]
    name = str(dtype)
    if name == "object" and pd.api.types.infer_dtype(array, skipna=False) != "string":
        return ["list", say(list(array))]
    if name != "object" and not _EXTENSION.fullmatch(name):
        raise CannotCross(f"a column of {name} cannot be sent: convert it first")
    if text := _as_arrow(array, packer):
        return ["text", text, name]
    return ["list", say([None if each is pd.NA or each != each else each for each in array]), name]


def _zone(zone: Any) -> Any:
    """A zone of pytz, which older pandas has, by its name."""
    return zone if zone is None or type(zone) in (timezone, ZoneInfo) else ZoneInfo(str(zone))


def _known(zone: Any) -> tzinfo:
    """A zone, and not the name of one, by which pandas may open any file."""
    if not isinstance(zone, tzinfo):
        raise ValueError("no zone")
    return zone


def _as_arrow(array: Any, packer: Any) -> Any:
    np = import_module("numpy")

    try:
        pa = import_module("pyarrow")
    except ImportError:
        return None
    if str(array.dtype) not in ("object", "str", "string"):
        return None
    return packer.say(pa.table({"text": pa.array(np.asarray(array, object), pa.large_string(), from_pandas=True)}))


def _column_of(parts: Any) -> Any:
    np = import_module("numpy")
    pd = import_module("pandas")

    kind, data, *rest = parts
    if not isinstance(data, {"text": object, "list": list}.get(kind, np.ndarray)):
        raise ValueError("no column")  # a range, of which an array would be made
    if kind == "plain":
        return data
    if kind == "category":
        return pd.Categorical.from_codes(data, rest[0], rest[1])
    if kind == "zoned":
        return pd.DatetimeIndex(data.view(f"M8[{rest[0]}]")).tz_localize("UTC").tz_convert(_known(rest[1])).array
    if kind == "text":
        if str(data.schema) != "text: large_string":
            raise ValueError("no texts")
        data = data.column("text").to_pylist()
    if not rest or rest[0] == "object":
        return _objects(np, data)
    if not _EXTENSION.fullmatch(rest[0]):
        raise ValueError("no column")
    return pd.array(data, dtype=rest[0])


def _objects(np: Any, values: list[Any]) -> Any:
    found = np.empty(len(values), object)
    found[:] = values
    return found


def _frame(parts: Any, blobs: dict[int, memoryview]) -> Any:
    pd = import_module("pandas")

    columns, index, held = parts
    if not isinstance(columns, pd.Index) or not isinstance(index, pd.Index) or len(held) != len(columns):
        raise ValueError("no frame")
    data = [_column_of(each) for each in held]
    frame = pd.DataFrame({n: pd.Series(d, index=index, dtype=d.dtype) for n, d in enumerate(data)}, index=index)
    frame.columns = columns
    return frame


def _series(parts: Any, blobs: dict[int, memoryview]) -> Any:
    pd = import_module("pandas")

    data = _column_of(parts[0])
    return pd.Series(data, index=parts[1], name=parts[2], dtype=data.dtype)


def _range(parts: Any, blobs: dict[int, memoryview]) -> Any:
    pd = import_module("pandas")

    return pd.RangeIndex(*parts[:3], name=parts[3])


def _multi(parts: Any, blobs: dict[int, memoryview]) -> Any:
    pd = import_module("pandas")

    if not all(isinstance(level, pd.Index) and len(level) <= _ROWS for level in parts[0]):
        raise ValueError("no levels")
    return pd.MultiIndex.from_arrays(parts[0], names=parts[1])


def _index(parts: Any, blobs: dict[int, memoryview]) -> Any:
    pd = import_module("pandas")

    data, name, freq = parts
    found = pd.Index(column := _column_of(data), name=name, dtype=column.dtype)
    if freq and isinstance(found, pd.DatetimeIndex | pd.TimedeltaIndex) and re.fullmatch(r"[\w-]{1,12}", freq):
        found.freq = freq
    return found


def _stamp(parts: Any, blobs: dict[int, memoryview]) -> Any:
    np = import_module("numpy")
    pd = import_module("pandas")

    value, unit, zone = parts
    found = pd.Timestamp(np.array(int(value)).view(f"M8[{unit}]")[()])
    return found.tz_localize("UTC").tz_convert(_known(zone)) if zone is not None else found


def _delta(parts: Any, blobs: dict[int, memoryview]) -> Any:
    np = import_module("numpy")
    pd = import_module("pandas")

    return pd.Timedelta(np.array(int(parts[0])).view(f"m8[{parts[1]}]")[()])


def _missing(name: str) -> Any:
    pd = import_module("pandas")

    return getattr(pd, name)


def _arrow(kind: type, value: Any, packer: Any) -> Any:
    pa = import_module("pyarrow")

    if kind is not pa.Table:
        return None
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, value.schema) as stream:
        stream.write_table(value)
    return {"arrow": packer.blob(sink.getvalue())}


def _table(parts: Any, blobs: dict[int, memoryview]) -> Any:
    pa = import_module("pyarrow")

    if int(pa.__version__.split(".")[0]) < 15:
        raise ValueError("pyarrow before 15 may run what an Arrow message holds: update it")
    data = bytes(blobs.pop(parts))
    for message in pa.ipc.MessageReader.open_stream(data):
        if _is_compressed(message.metadata.to_pybytes()):
            raise ValueError("a table that would grow when it is read")
    table = pa.ipc.open_stream(pa.py_buffer(data)).read_all()
    if table.num_rows > 8 * len(data):
        raise ValueError("more rows than bits")
    table.validate(full=True)
    if any(isinstance(field.type, pa.BaseExtensionType) for field in table.schema):
        raise ValueError("a type of somebody's own")
    return table


def _is_compressed(metadata: bytes) -> bool:
    """Whether this Arrow message (a flatbuffer, see Message.fbs) says that its body is compressed."""
    read = struct.unpack_from

    def field(table: int, number: int) -> int:
        form = table - read("<i", metadata, table)[0]
        at = read("<H", metadata, form + 4 + 2 * number)[0] if 4 + 2 * number < read("<H", metadata, form)[0] else 0
        return table + at if at else 0

    def inner(place: int) -> int:
        return int(place + read("<I", metadata, place)[0])

    message = inner(0)
    kind, batch = metadata[field(message, 1)], inner(field(message, 2))
    if kind == 2:  # of a dictionary
        batch = inner(field(batch, 1))
    return kind in (2, 3) and bool(field(batch, 3))


_MAKERS: dict[str, Any] = {
    "nd": _array, "np": _scalar, "frame": _frame, "series": _series, "range": _range, "multi": _multi,
    "index": _index, "ts": _stamp, "dl": _delta, "arrow": _table,
    "NaT": lambda parts, blobs: _missing("NaT"), "NA": lambda parts, blobs: _missing("NA"),
}  # fmt: skip
