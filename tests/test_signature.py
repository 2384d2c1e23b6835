"""Laws of signatures: structure decides, content never does, and nothing of the value's own is run."""

import collections
import dataclasses
import datetime
import decimal
import enum
import functools
import io
import itertools
import os
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_repl.signature import register, signature
from agent_repl_data import kinds

scalars = st.sampled_from([int, float, str, bool, bytes, type(None)])
shapes = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.tuples(st.just("list"), inner),
        st.tuples(st.just("record"), st.dictionaries(st.sampled_from("abcdef"), inner, max_size=4)),
        st.tuples(st.just("tuple"), st.lists(inner, max_size=4)),
    ),
    max_leaves=12,
)


def values_of(shape: Any) -> st.SearchStrategy[Any]:
    """Values of one structure and any content: lists of one to twenty elements, texts below 1 KB."""
    if isinstance(shape, type):
        return st.none() if shape is type(None) else st.from_type(shape)
    kind, inner = shape
    if kind == "list":
        return st.lists(values_of(inner), min_size=1, max_size=20)
    if kind == "record":
        return st.fixed_dictionaries({key: values_of(part) for key, part in inner.items()})
    return st.tuples(*[values_of(part) for part in inner])


@given(shapes.flatmap(lambda shape: st.tuples(values_of(shape), values_of(shape))))
def test_values_of_one_structure_have_one_signature_whatever_they_hold(pair: tuple[Any, Any]) -> None:
    assert signature(pair[0]) == signature(pair[1])


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(), max_size=8))
def test_the_order_of_keys_does_not_matter(record: dict[str, Any]) -> None:
    assert signature(dict(reversed(record.items()))) == signature(record)


@given(st.lists(st.integers() | st.text(max_size=3) | st.none(), max_size=9))
def test_every_kind_in_a_short_list_is_named(items: list[Any]) -> None:
    inner = signature(items).removeprefix("list[").removesuffix("]")
    assert set(filter(None, inner.split("|"))) == {signature(item) for item in items}


class Color(enum.Enum):
    RED = 1


@dataclasses.dataclass
class Point:
    x: int
    tags: list[str]


@dataclasses.dataclass(slots=True)
class Slotted:
    x: float


Pair = collections.namedtuple("Pair", "left right")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "int"),
        (True, "bool"),
        (None, "None"),
        ("a", "str"),
        (b"", "bytes"),
        ([], "list[]"),
        ([1, "a", None], "list[None|int|str]"),
        ({}, "{}"),
        ({"b": [1.5], "a": 1}, '{"a": int, "b": list[float]}'),
        ({1: "x"}, "dict[int, str]"),
        (dict.fromkeys(map(str, range(100)), 1.0), "dict[str, float]"),
        ({1, "a"}, "set[int|str]"),
        (frozenset({1}), "frozenset[int]"),
        ((1, "a"), "tuple[int, str]"),
        ((1,) * 20, "tuple[int, ...]"),
        ([{"a": 1}, {"a": None, "b": "x"}], 'list[{"a": None|int, "b"?: str}]'),
        (Path("x"), "path"),
        (datetime.date(2024, 1, 1), "date"),
        (datetime.datetime(2024, 1, 1), "datetime"),
        (datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC), "datetime[tz]"),
        (decimal.Decimal(1), "Decimal"),
        (datetime.time(1), "time"),
        (datetime.time(1, tzinfo=datetime.UTC), "time[tz]"),
        (datetime.timedelta(1), "timedelta"),
        (range(3), "range"),
        (functools.partial(int, "1", base=2), 'partial(type, tuple[str], {"base": int})'),
        (Point(1, []).__eq__, f"method({__name__}.Point(x: int, tags: list[]), function(self, other))"),
        (Color.RED, f"{__name__}.Color:enum"),
        (Point(1, ["a"]), f"{__name__}.Point(x: int, tags: list[str])"),
        (Slotted(1.0), f"{__name__}.Slotted(x: float)"),
        (Pair(1, "a"), f"{__name__}.Pair:tuple[int, str]"),
        (collections.Counter("a"), 'collections.Counter:{"a": int}'),
        (lambda a, b: a, "function(a, b)"),
        ("date,product\n" + "2024-01-15,Widget\n" * 100, "text:csv;,(date,product)"),
        ("word " * 300, "text"),
    ],
)
def test_the_text_of_a_kind(value: object, text: str) -> None:
    assert signature(value) == text


def test_a_generator_is_never_consumed() -> None:
    numbers = (number for number in range(3))
    assert signature(numbers) == "generator"
    assert list(numbers) == [0, 1, 2]


class Called(BaseException):
    """What no rule that fails could hide."""


class Loud(type):
    def __hash__(cls) -> int:
        raise Called("the class was hashed")

    def __eq__(cls, other: object) -> bool:
        raise Called("the class was compared")

    def __getattribute__(cls, name: str) -> Any:
        raise Called(f"the class was asked for {name}")


def refuse(self: object, *args: object, **kwargs: object) -> Any:
    raise Called("the value was called")


NAMES = """__eq__ __repr__ __str__ __len__ __iter__ __hash__ __bool__ __getattr__ __getattribute__ __getitem__
__contains__ __fspath__ __reduce__ keys items values"""
HOSTILE = dict.fromkeys(NAMES.split(), refuse) | {"__class__": property(refuse), "__dict__": property(refuse)}


@pytest.mark.parametrize("base", [object, dict, list, tuple, set, str, int, float, Path, datetime.datetime])
def test_nothing_of_a_hostile_value_is_called(base: type) -> None:
    hostile = type("Hostile", (base,), dict(HOSTILE))
    made = datetime.datetime.__new__(hostile, 2024, 1, 1) if base is datetime.datetime else plain_new(base)(hostile)
    for value in (made, [made], {"a": made}, (made,)):
        assert f"{__name__}.Hostile" in signature(value)


def plain_new(base: type) -> Any:
    return object.__new__ if base is Path else base.__new__


def test_nothing_of_a_hostile_metaclass_is_called() -> None:
    hostile = type.__call__(Loud, "Hostile", (), dict(HOSTILE))
    assert signature([object.__new__(hostile)]) == f"list[{__name__}.Hostile]"


def test_a_borrowed_library_name_gains_nothing() -> None:
    pytest.importorskip("pandas")
    impostor = type("DataFrame", (), {"__module__": "pandas", "columns": property(refuse)})
    assert signature(impostor()) == "pandas.DataFrame"


def test_a_thousand_levels_and_endless_ones_are_described() -> None:
    deep: Any = []
    for _ in range(1000):
        deep = [{"a": deep}]
    endless: list[Any] = []
    endless.append(endless)
    ring: dict[str, Any] = {}
    ring["self"] = ring
    assert all("…" in signature(value) and len(signature(value)) < 500 for value in (deep, endless, ring))


def test_the_text_stays_bounded_however_wide_the_data() -> None:
    wide = {f"key{number}": {f"inner{other}": [1, "a"] for other in range(60)} for number in range(60)}
    assert len(signature([wide] * 1000)) < 8100


def in_a_new_process(program: str, seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(kinds.__file__).parents[2])}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, env=environment, text=True, capture_output=True, check=True).stdout.strip()


def test_the_signature_is_the_same_in_every_process() -> None:
    program = """from agent_repl.signature import signature
print(signature([{'b', 'a', 1}, {'x': 1, 'y': {'z': None}}, frozenset({'q', 2.5}), 'a' * 2000, print]))"""
    assert in_a_new_process(program, "1") == in_a_new_process(program, "2") != ""


def test_a_row_that_the_look_cuts_is_no_row() -> None:
    assert signature("name,text,n\n" + f"a,{'x' * 1300},1\n" * 9) == "text:csv;,(name,text,n)"


def test_an_agent_is_known_by_its_label_alone() -> None:
    agent = type("Sales", (), {"_agent_repl_label_": "sales", "__getattribute__": refuse})
    assert signature(agent()) == "agent:sales"


def test_a_frame_is_its_columns_and_dtypes() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"n": [1, 2], "price": [1.5, 2.5]})
    assert signature(frame) == "DataFrame(n: int64, price: float64)"
    assert signature(frame[frame.n > 1]) == signature(frame)
    assert signature(frame.set_index("n")) == "DataFrame(price: float64; Index[n: int64])"
    assert signature(frame.n) == "Series[int64]"


def test_wide_frames_differ_when_one_far_column_does() -> None:
    pandas = pytest.importorskip("pandas")
    wide = pandas.DataFrame({number: [1] for number in range(1000)})
    assert signature(wide) != signature(wide.rename(columns={900: "x"}))
    assert len(signature(wide)) < 400


def test_an_array_is_its_dtype_and_rank() -> None:
    numpy = pytest.importorskip("numpy")
    assert signature(numpy.zeros((2, 3))) == "ndarray[float64, 2d]"
    assert signature(numpy.array(["a"])) == signature(numpy.array(["abcdef"]))


def test_no_library_is_imported() -> None:
    program = """import sys
from agent_repl.signature import signature
signature([{"a": object()}])
print({"numpy", "pandas", "polars", "pyarrow", "pydantic", "sqlite3"} & set(sys.modules))"""
    assert in_a_new_process(program, "1") == "set()"


def test_a_model_is_its_fields_and_no_validator_is_called() -> None:
    pydantic = pytest.importorskip("pydantic")

    class Order(pydantic.BaseModel):
        number: int
        tags: list[str] = pydantic.Field(default_factory=list)

        @pydantic.field_validator("number")
        @classmethod
        def once(cls, value: int) -> int:
            seen.append(value)
            return value

    seen: list[int] = []
    order = Order(number=1)
    assert signature(order).endswith("Order(number: int, tags: list[])")
    assert seen == [1]


def test_an_open_file_is_its_class_and_mode_and_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("hello")
    with open(path) as text, open(path, "rb") as raw, open(path, "a") as more:
        assert [signature(each) for each in (text, raw, more)] == [
            "_io.TextIOWrapper[rb]",
            "_io.BufferedReader[rb]",
            "_io.TextIOWrapper[ab]",
        ]
        assert text.read() == "hello"
    assert signature(text) == "_io.TextIOWrapper[rb]"
    assert signature(io.StringIO("a")) == "_io.StringIO"


class Meddling(io.TextIOWrapper):
    @property
    def buffer(self) -> Any:
        raise Called("the file was asked")


def test_a_file_of_a_class_of_its_own_is_not_asked() -> None:
    assert signature(Meddling(io.BytesIO())) == f"{__name__}.Meddling"
    assert signature(io.TextIOWrapper(io.BytesIO())) == "_io.TextIOWrapper"


def test_numpy_scalars_and_pandas_kinds_are_told_apart() -> None:
    numpy, pandas = pytest.importorskip("numpy"), pytest.importorskip("pandas")
    days = pandas.date_range("2024-01-01", periods=3)
    values = [
        numpy.float64(1),
        numpy.int64(1),
        numpy.str_("a"),
        days,
        days[0],
        pandas.RangeIndex(3),
        pandas.Index(["a"]),
    ]
    texts = [signature(value) for value in values]
    assert len(set(texts)) == len(texts)
    assert signature(days) == signature(pandas.DatetimeIndex(["2020-05-05"]).as_unit(days.unit))
    assert signature(pandas.MultiIndex.from_tuples([(1, "a")], names=["n", "k"])).startswith("Index[n: int64, k: ")


def made_library(monkeypatch: pytest.MonkeyPatch, name: str, **held: Any) -> Any:
    """An object of the class of that full name, in a module that is there while the test runs."""
    module, _, short = name.rpartition(".")
    kind = type(short, (), {"__module__": module})
    home = types.ModuleType(module)
    vars(home)[short] = kind
    monkeypatch.setitem(sys.modules, module, home)
    value = kind()
    vars(value).update(held)
    return value


class Counted:
    """What may be read, and nothing else."""

    def __init__(self, **held: Any) -> None:
        vars(self).update(held)

    def __getattr__(self, name: str) -> Any:
        raise Called(f"{name} was asked for")


def expression(parameter: str, **held: Any) -> Any:
    """What a collection of Dask's is of: the meta of some is an operand, of others a property that remembers it."""

    def meta(self: Any) -> Any:
        raise Called("the meta was computed")

    made = type("Expr", (), {"_parameters": [parameter], "_meta": property(meta)})()
    vars(made).update(operands=["text"], **held)
    return made


def of_arrow(name: str) -> Any:
    return type(name, (), {"__module__": "pyarrow.lib", "__str__": lambda self: name})()


@pytest.mark.parametrize(
    ("name", "held", "text"),
    [
        (
            "pyarrow.lib.Table",
            {"schema": Counted(names=["n", "day"], types=[of_arrow("int64"), of_arrow("date32")])},
            "Table(n: int64, day: date32)",
        ),
        ("_duckdb.DuckDBPyRelation", {"columns": ["n"], "types": [of_arrow("BIGINT")]}, "Relation(n: BIGINT)"),
        ("sqlalchemy.engine.base.Engine", {"dialect": Counted(name="sqlite")}, "Engine[sqlite]"),
        ("dask.dataframe.core.DataFrame", {"_meta": [1]}, "dask:list[int]"),
        ("dask.dataframe.core.DataFrame", {}, "dask.dataframe.core.DataFrame"),
        ("dask.array.core.Array", {"_meta": {1.0}}, "dask:set[float]"),
        ("dask.dataframe.dask_expr.DataFrame", {"_expr": expression("frame", _meta=[1])}, "dask:list[int]"),
        ("dask.dataframe.dask_expr.Series", {"_expr": expression("_meta")}, "dask:str"),
        ("dask.dataframe.dask_expr.Series", {"_expr": expression("frame")}, "dask.dataframe.dask_expr.Series"),
        ("pyspark.sql.dataframe.DataFrame", {}, "pyspark.sql.dataframe.DataFrame"),
        ("pyarrow.lib.Table", {}, "pyarrow.lib.Table"),
    ],
)
def test_tables_of_other_libraries_are_known_by_what_they_keep(
    monkeypatch: pytest.MonkeyPatch, name: str, held: dict[str, Any], text: str
) -> None:
    assert signature(made_library(monkeypatch, name, **held)) == text


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    for table in ("_RULES", "_BY_NAME"):
        monkeypatch.setattr(kinds, table, dict(getattr(kinds, table)))


class Basket:
    size = 3


class LargeBasket(Basket):
    size = 9


@pytest.mark.usefixtures("registry")
def test_a_registered_class_has_the_signature_that_its_rule_says() -> None:
    register(Basket, lambda basket: f"basket of {basket.size}")
    assert signature([Basket()]) == "list[basket of 3]"
    assert signature(LargeBasket()) == f"{__name__}.LargeBasket:basket of 9"


@pytest.mark.usefixtures("registry")
def test_a_class_may_be_registered_by_name_before_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    register("shop.Basket", lambda basket: f"basket of {basket.size}")
    assert signature(made_library(monkeypatch, "shop.Basket", size=2)) == "basket of 2"
    impostor = type("Basket", (), {"__module__": "shop", "size": 4})
    assert signature(impostor()) == "shop.Basket"


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize("rule", [lambda value: 1 / 0, lambda value: 3, lambda value: signature(value)])
def test_a_rule_that_fails_counts_as_by_type(rule: Any) -> None:
    register(Basket, rule)
    assert signature(Basket()) == f"{__name__}.Basket"


@pytest.mark.usefixtures("registry")
def test_a_plain_kind_may_be_registered_too() -> None:
    register(int, lambda number: "even" if number % 2 == 0 else "odd")
    assert (signature(4), signature([3])) == ("even", "list[odd]")


def test_a_class_that_is_defined_again_is_the_same_kind() -> None:
    first, again = (dataclasses.make_dataclass("Row", [("n", int)]) for _ in range(2))
    assert signature(first(1)) == signature(again(2))


def test_a_value_that_lies_about_its_class_is_what_it_is() -> None:
    liar = type("Liar", (), {"__class__": property(lambda self: int)})
    assert signature(liar()) == f"{__name__}.Liar"


@given(st.lists(st.integers()))
def test_what_is_lazy_is_left_as_it_was(numbers: list[int]) -> None:
    lazy = [
        iter(numbers),
        map(int, numbers),
        zip(numbers, strict=False),
        (n for n in numbers),
        itertools.chain(numbers),
    ]
    for value in lazy:
        signature(value)
    assert [len(list(value)) for value in lazy] == [len(numbers)] * 5
