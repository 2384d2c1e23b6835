"""Values cross as bytes and come back the same; bytes that mean harm are refused as such, whatever they are."""

from __future__ import annotations

import contextlib
import io
import json
import pickle
import struct
import tracemalloc
from collections import Counter, OrderedDict, defaultdict, deque
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_repl_data.crossing import DEPTH, LIMIT, CannotCross, Malformed, digest, pack, unpack
from agent_repl_data.crossing.wire import Mirror, received


def there_and_back(value: Any, pickles: bool = False) -> Any:
    return unpack(b"".join(pack(value, pickles)), pickles)


texts = st.text(st.characters(exclude_categories=[]), max_size=20)  # half characters too
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | texts | st.binary(max_size=20) | st.decimals()
    | st.dates() | st.datetimes(timezones=st.none() | st.just(UTC) | st.just(ZoneInfo("Europe/Paris"))) | st.times()
    | st.timedeltas() | st.complex_numbers() | st.uuids() | st.integers(-(2**300), 2**300)
)  # fmt: skip
keys = st.none() | st.booleans() | st.integers() | texts | st.binary(max_size=9) | st.tuples(st.integers(), texts)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.dictionaries(keys, inner, max_size=4)
        | st.sets(keys, max_size=4) | st.frozensets(keys, max_size=4) | st.binary().map(bytearray)
        | st.lists(inner, max_size=3).map(deque) | st.dictionaries(texts, inner, max_size=3).map(OrderedDict)
    ),
    max_leaves=12,
)  # fmt: skip


@given(values)
def test_what_crosses_comes_back_the_same_and_of_the_same_types(value: Any) -> None:
    back = there_and_back(value)
    assert (type(back), repr(sorted_sets(back))) == (type(value), repr(sorted_sets(value)))
    assert digest(pack(back)) == digest(pack(value))


def sorted_sets(value: Any) -> Any:
    """Sets have no order of their own, which their texts show."""
    if isinstance(value, set | frozenset):
        return type(value).__name__, sorted(map(repr, value))
    if isinstance(value, dict):
        return type(value).__name__, [(key, sorted_sets(item)) for key, item in value.items()]
    if isinstance(value, list | tuple | deque):
        return type(value).__name__, [sorted_sets(item) for item in value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        *(Counter("abca"), defaultdict(int, a=1), defaultdict(None, a=1), deque([1], 3), range(3, 9, 2), Path("a/b")),
        *(PurePosixPath("/x"), timezone(timedelta(hours=1), "x"), time(1, 2, fold=1), UUID(int=5), Decimal("NaN")),
        *(datetime(2020, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Paris")), date.max, -0.0),
    ],
)
def test_each_kind_comes_back(value: Any) -> None:
    assert repr(there_and_back(value)) == repr(value)
    assert there_and_back([10**5000]) == [10**5000]


def test_what_cannot_cross_says_which() -> None:
    looped: list[Any] = []
    looped.append(looped)
    for value, why in (
        (print, "builtin_function_or_method"),
        (iter([1]), "list_iterator"),
        ({"a": [object()]}, "object"),
        (looped, f"more than {DEPTH} deep"),
        (defaultdict(lambda: 1), "defaultdict"),
    ):
        with pytest.raises(CannotCross, match=why):
            pack(value)
    for value, why in ((iter([1]), "make a list of it"), (lambda: 1, "cannot be sent"), (open, "")):
        if value is open:
            assert there_and_back(value, pickles=True) is open
            continue
        with pytest.raises(CannotCross, match=why):
            pack(value, pickles=True)


def test_classes_of_the_session_are_refused_where_pickle_is_used() -> None:
    kind = type("Mine", (), {"__module__": "__main__"})
    with pytest.raises(CannotCross, match=r"cannot be sent|put them into a module"):
        pack(kind(), pickles=True)


# ── hostile bytes ──


class Evil:
    def __reduce__(self) -> Any:
        return Path.touch, (Path("canary"),)


def message(tree: Any, *blobs: bytes, text: bytes = b"") -> bytes:
    text = text or json.dumps([tree, [len(blob) for blob in blobs]]).encode()
    return struct.pack("<Q", len(text)) + text + b"".join(blobs)


COLLIDING = [hex(n * (2**61 - 1)) for n in range(1, 5000)]
RANGE, INDEX = {"r": [0, 10**6, 1]}, {"range": [0, 10**6, 1, None]}
"""A few bytes, of which a container would make very many."""
HOSTILE = {
    "nothing": b"",
    "a header that lies": struct.pack("<Q", 1 << 60) + b"[]",
    "no JSON": message(0, text=b"{]"),
    "no pair": message(0, text=b"[1]"),
    "deep": message(0, text=b"[" * 100_000 + b"]" * 100_000),
    "deep, but whole": message(0, text=b"[" + b"[" * 900 + b"]" * 900 + b",[]]"),
    "many parts": message(0, text=b"[[" + b"[]," * 2_000_001 + b"0],[]]"),
    "a pickle": message({"pickle": 0}, pickle.dumps(Evil())),
    "no such kind": message({"exec": "1"}),
    "two kinds": message({"i": "1", "s": ""}),
    "a blob that is not there": message({"b": 3}),
    "a blob from behind": message({"b": "0"}, b"x"),
    "a length that lies": message(0, text=b"[0,[99]]"),
    "a length below nothing": message(0, text=b"[0,[-1]]"),
    "a huge number": message({"i": "z"}),
    "an array of another size": message({"nd": ["<f8", [3], 0]}, b"x"),
    "an array below nothing": message({"nd": ["<f8", [-1, -1], 0]}, b"xxxxxxxx"),
    "an array of objects": message({"nd": ["|O", [1], 0]}, b"xxxxxxxx"),
    "an array of a made-up type": message({"nd": ["<f8,<f8", [1], 0]}, b"x" * 16),
    "a path that is none": message({"P": 3}),
    "a factory of its own": message({"dd": ["eval", "a", 1]}),
    "keys that cannot be": message({"d": [[1], 2]}),
    "half a pair": message({"d": [1]}),
    "keys that collide": message({"d": [part for key in COLLIDING for part in ({"i": key}, 0)]}),
    "members that collide": message({"S": [{"i": key} for key in COLLIDING]}),
    "a zone elsewhere": message({"Z": "../../../../etc/passwd"}),
    "a blob that is used twice": message([{"b": 0}, {"b": 0}], b"x" * 1000),
    "an array that is used twice": message([{"nd": ["<i8", [1], 0]}] * 2, b"x" * 8),
    "texts of no size": message({"nd": ["<U0", [10**12], 0]}, b""),
    "a zone by its name": message({"ts": ["1", "ns", "dateutil//etc/passwd"]}),
    "a frame of nothing": message({"frame": [1, 2, 3]}),
    "no Arrow": message({"arrow": 0}, b"x" * 64),
    "a packed part inside": message({"v": 0}, b"x"),
    **{f"a {tag} of a range": message({tag: RANGE}) for tag in ("t", "d", "S", "F", "q", "C", "O")},
    "a tuple of a text": message({"t": "abc"}),
    "a column of a range": message({"series": [["list", RANGE], INDEX, None]}),
    "an array of an index": message({"series": [["plain", INDEX], INDEX, None]}),
    "moments of an index": message({"index": [["zoned", INDEX, "ns", {"Z": "UTC"}], None, None]}),
    "codes of an index": message({"index": [["category", INDEX, INDEX, False], None, None]}),
    "levels that are no index": message({"multi": [[RANGE], [None]]}),
    "levels without an end": message({"multi": [[{"range": [0, 10**8, 1, None]}], [None]]}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_bytes_that_mean_harm_are_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Malformed):
        unpack(HOSTILE[name])
    assert not list(tmp_path.iterdir())


def test_a_size_that_lies_takes_no_memory() -> None:
    sent = io.BytesIO(struct.pack("<Q", LIMIT) + b"few")
    tracemalloc.start()
    try:
        with pytest.raises(EOFError):
            received(sent.readinto)
        assert tracemalloc.get_traced_memory()[1] < 1 << 25
    finally:
        tracemalloc.stop()
    long = pack(bytes(range(256)) * 200_000)
    whole = b"".join([struct.pack("<Q", sum(map(len, long))), *long])
    assert received(io.BytesIO(whole).readinto) == bytes(range(256)) * 200_000


def test_a_table_that_grows_when_it_is_read_is_refused() -> None:
    if not find_spec("pyarrow"):
        return  # without it no table is read
    import pyarrow as pa

    texts = pa.array(["x" * 1000] * 1000)
    for codec in ("zstd", "lz4"):
        for table in (pa.table({"a": texts}), pa.table({"a": texts.dictionary_encode()})):
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as stream:
                stream.write_table(table)
            with pytest.raises(Malformed, match="grow"):
                unpack(message({"arrow": 0}, sink.getvalue().to_pybytes()))
    for column in (pa.nulls(10**6), texts.dictionary_encode(), pa.array([[None] * 9])):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, pa.schema([("text", column.type)])) as stream:
            stream.write_table(pa.table({"text": column}))
        data = sink.getvalue().to_pybytes()
        with pytest.raises(Malformed):
            unpack(message({"series": [["text", {"arrow": 0}], INDEX, None]}, data))
    with pytest.raises(Malformed, match="rows"):
        unpack(b"".join(pack(pa.table({"a": pa.nulls(10**6)}))))


def test_the_pickle_would_do_harm_where_pickles_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    unpack(HOSTILE["a pickle"], pickles=True)
    assert [path.name for path in tmp_path.iterdir()] == ["canary"]


@given(st.binary(max_size=300))
def test_no_bytes_do_more_than_be_refused(data: bytes) -> None:
    with contextlib.suppress(Malformed):
        unpack(struct.pack("<Q", len(data)) + data)


@given(values, st.data())
def test_a_message_with_a_changed_byte_is_read_or_refused(value: Any, data: Any) -> None:
    whole = bytearray(b"".join(pack(value)))
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(Malformed):
        unpack(whole)


# ── what the other side has ──


def test_only_what_is_otherwise_is_sent() -> None:
    rows, state = [1, 2], {"a": 1, "rows": [1]}
    mirror = Mirror(False)
    state["rows"] = rows
    assert [*mirror.changes(state, state)[0]] == ["a", "rows"]
    assert mirror.changes(state, state) == ({}, [])
    rows.append(3)
    state.pop("a")
    changed, gone = mirror.changes(state, ["a", "rows"])
    assert ([*changed], gone) == (["rows"], ["a"])
    mirror.forget(["rows"])
    assert [*mirror.changes(state, state)[0]] == ["rows"]


# ── tables ──


def test_arrays_come_back() -> None:
    np = pytest.importorskip("numpy")
    for array in (
        *(np.arange(6).reshape(2, 3), np.arange(10)[::2], np.zeros((0, 3)), np.array(3.5), np.array(["a", "bc"])),
        *(np.array(["2020", "NaT"], "M8[D]"), np.array([True, False]), np.asfortranarray(np.ones((2, 3), "f4"))),
    ):
        back = there_and_back(array)
        np.testing.assert_array_equal(back, array)
        assert (back.dtype, back.shape, back.flags.writeable) == (array.dtype, array.shape, True)
    assert repr(there_and_back(np.float32(1.5))) == repr(np.float32(1.5))
    with pytest.raises(CannotCross, match="array of object"):
        pack(np.array([object()]))


def frames() -> list[Any]:
    pd = pytest.importorskip("pandas")
    days = pd.to_datetime(["2020-01-01", None])
    frame = pd.DataFrame(
        {
            "n": [1, 2],
            "text": ["x", None],
            "mixed": pd.Series(["x", 1], dtype=object),
            "object": pd.Series(["x", "y"], dtype=object),
            "none": pd.Series([None, 1.5], dtype=object),
            "day": days,
            "zoned": days.tz_localize("Europe/Paris"),
            "kind": pd.Categorical(["u", "v"], ordered=True),
            "whole": pd.array([1, None], dtype="Int64"),
            "flag": pd.array([True, None], dtype="boolean"),
            "string": pd.array(["a", None], dtype="string"),
            "gap": pd.to_timedelta(["1D", None]),
            "part": [0.1, float("nan")],
        }
    )
    doubled = pd.DataFrame([[1, 2]], columns=["a", "a"])
    return [
        *(frame, frame.set_index(["n", "text"]), frame.set_index("day"), frame.iloc[:0], pd.DataFrame(), doubled),
        *(frame.groupby("flag").sum(numeric_only=True), frame[["n"]].T, frame.set_index("kind")),
        pd.DataFrame({"a": [1]}, index=pd.date_range("2020", periods=1, freq="D")),
    ]


def test_frames_come_back() -> None:
    for frame in frames():
        pd = __import__("pandas")
        pd.testing.assert_frame_equal(there_and_back(frame), frame)
        for name in frame.columns[:1]:
            pd.testing.assert_frame_equal(there_and_back(frame[[name]]), frame[[name]])
    for column in frames()[0].items():
        pd.testing.assert_series_equal(there_and_back(column[1]), column[1])
    for single in (pd.Timestamp("2020-01-01 03:00", tz="Europe/Paris"), pd.Timedelta("3D"), pd.NaT, pd.NA):
        assert repr(there_and_back(single)) == repr(single)


@pytest.mark.parametrize("cell", [b"x", {"a": [1]}, [1, (2,)]])
def test_cells_that_are_containers_come_back(cell: Any) -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"cell": pd.Series([cell, None], dtype=object)})
    pd.testing.assert_frame_equal(there_and_back(frame), frame)


def test_arrow_tables_come_back() -> None:
    if not find_spec("pyarrow"):
        return  # an optional library; frames have been seen to go without it
    import pyarrow as pa

    table = pa.table({"a": [1, None], "b": ["x", "y"]})
    assert there_and_back(table).equals(table)
    whole = bytearray(b"".join(pack(table)))
    for at in range(len(whole) - 200, len(whole) - 20):
        broken = bytearray(whole)
        broken[at] ^= 0xFF
        with contextlib.suppress(Malformed):
            unpack(broken)


def test_text_columns_go_without_arrow(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(name: str) -> Any:
        if name == "pyarrow":
            raise ImportError(name)
        return import_module(name)

    monkeypatch.setattr("agent_repl_data.crossing.tables.import_module", without)
    test_frames_come_back()
