"""Pairs of calls: is the second served by the code of the first, and why.

A row is: why, the code that the first call has written, the two calls, the right answer of the second, and the code
that must be asked for where the first does not serve it. It is seen from outside: how often the model was asked, and
what came back. Everything is in `auto` mode, where nobody looks at the answer before the next call relies on it.
"""

import asyncio
import dataclasses
import enum
import io
import os
import sqlite3
from collections import OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any

import numpy
import pandas
import pytest
from kit import Person, session

Step = Callable[[Any], Any]


@dataclasses.dataclass(frozen=True)
class Row:
    why: str
    code: str | tuple[str, ...]
    first: Step
    second: Step
    answer: Any
    right: str = ""
    """The code that the second call has written; "" where the first code serves it."""
    change: Step = lambda agent: None
    identity: str = "thing"
    state: dict[str, Any] = dataclasses.field(default_factory=dict)
    about: str = ""


ROWS: list[Row] = []


def served(why: str, code: Any, first: Step, second: Step, answer: Any, **more: Any) -> None:
    ROWS.append(Row(why, code, first, second, answer, **more))


def asked(why: str, code: Any, right: str, first: Step, second: Step, answer: Any, **more: Any) -> None:
    ROWS.append(Row(why, code, first, second, answer, right, **more))


def returns(head: str, expression: str, before: str = "") -> str:
    """A method of one expression, with what stands before it in the file."""
    return f"{before}\ndef {head}:\n    return {expression}\n"


def becomes(name: str, value: Any) -> Step:
    return lambda agent: setattr(agent, name, value)


def written(path: str, text: str | bytes) -> Step:
    return lambda agent: Path(path).write_bytes(text if isinstance(text, bytes) else text.encode())


# ── kinds of one argument: code that says whether it is the old or the new ──

OLD, NEW = returns("keep(self, x)", '("old", x)'), returns("keep(self, x)", '("new", x)')


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Size(enum.Enum):
    SMALL = "s"


@dataclasses.dataclass
class Point:
    x: Any
    y: Any


@dataclasses.dataclass
class Place:
    x: Any
    y: Any


class Plain:
    def __init__(self, held: Any) -> None:
        self.held = held


class Other(Plain):
    pass


Pair = namedtuple("Pair", "left right")


def endless() -> list[Any]:
    found: list[Any] = [1]
    found.append(found)
    return found


def nested(depth: int, core: Any) -> Any:
    for _ in range(depth):
        core = {"inner": [core]}
    return core


def frame(**columns: Any) -> Any:
    return pandas.DataFrame(columns)


def table_text(header: str, rows: int) -> str:
    return f"{header}\n" + "2024-01-15,Widget,3\n" * rows


SAME_KIND: list[tuple[str, Any, Any]] = [
    ("a number is a number, whatever its value", 37, 100),
    ("a very large number is a number", 1, 10**40),
    ("zero and one are numbers like others", 1, 0),
    ("a float is a float, also nan", 1.5, float("nan")),
    ("a flag that nothing compares is content", True, False),
    ("a text that nothing compares is content", "Ann", "Bob"),
    ("an empty text is a text", "Ann", ""),
    ("bytes are bytes", b"a", b"\x00" * 5000),
    ("complex numbers", 1j, 2 + 3j),
    ("paths that name no file", Path("a.csv"), Path("elsewhere/b.txt")),
    ("dates", date(2024, 1, 15), date(1999, 12, 31)),
    ("times of day", time(1), time(2, 30)),
    ("date-times without a zone", datetime(2024, 1, 15), datetime(1999, 12, 31)),
    ("date-times with a zone, whichever", datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=timezone.max)),
    ("spans of time", timedelta(1), timedelta(seconds=3)),
    ("Decimals, whatever their places", Decimal("1.50"), Decimal("1e9")),
    ("fractions", Fraction(1, 3), Fraction(5)),
    ("None is None", None, None),
    ("members of one enum that nothing compares", Colour.RED, Colour.BLUE),
    ("a longer list of the same elements", [1, 2], list(range(100_000))),
    ("a list of records with the same keys", [{"a": 1, "b": "x"}], [{"b": "y", "a": 2}] * 50),
    ("a tuple of the same places", (1, "a"), (2, "b")),
    ("long tuples of one kind", (1,) * 20, (2,) * 30),
    ("a record whose keys come in another order", {"a": 1, "b": 2}, {"b": 3, "a": 4}),
    ("a large dict that is a mapping, not a record", dict.fromkeys(range(99), 1), dict.fromkeys(range(500), 2)),
    ("a set is its elements' kinds", {1, 2}, set(range(90))),
    ("frozen sets too", frozenset({"a"}), frozenset({"b", "c"})),
    ("a queue by its type", deque([1]), deque(["a"])),
    ("nested containers of one structure", nested(4, 1), nested(4, 2)),
    ("nothing is told apart below a thousand levels", nested(1000, 1), nested(1000, "a")),
    ("a list that holds itself", endless(), endless()),
    ("a named tuple of the same kinds", Pair(1, "a"), Pair(2, "b")),
    ("a dataclass whose fields are of the same kinds", Point(1, 2.0), Point(3, 4.0)),
    ("a function of the same parameters", lambda row: 1, lambda row: row),
    ("arrays of one dtype and rank, whatever their shape", numpy.zeros((2, 3)), numpy.ones((50, 4))),
    ("arrays of texts, whatever their width", numpy.array(["a"]), numpy.array(["abcdef"])),
    ("numbers of numpy of one type", numpy.float64(1), numpy.float64(2)),
    ("a frame with more rows", frame(n=[1], price=[1.5]), frame(n=[1, 2, 3], price=[0.1, 0.2, 0.3])),
    ("a filtered frame", frame(n=[1, 2]), frame(n=[1, 2]).query("n > 1")),
    ("a series with other values", pandas.Series([1, 2]), pandas.Series([3] * 10)),
    ("open text files", io.StringIO("a"), io.StringIO("other")),
    ("generators, which nobody looks into", (n for n in [1]), (n for n in ["a"])),
    ("any other object by its type", Plain(1), Plain("a")),
    ("bare namespaces by their type", SimpleNamespace(a=1), SimpleNamespace(b=2)),
    ("the same header over a long text", table_text("date,product,n", 90), table_text("date,product,n", 500)),
    ("long texts without a structure", "word " * 400, "other words " * 400),
    ("an exception by its type", ValueError("a"), ValueError("b")),
    ("a range by its type", range(3), range(5, 9)),
]

OTHER_KIND: list[tuple[str, Any, Any]] = [
    ("a text is no number", 2, "ab"),
    ("a float is no int: rounding differs", 2, 2.5),
    ("a flag is no number, though Python says so", 2, True),
    ("None is no number", 2, None),
    ("a number is not None", None, 2),
    ("bytes are no text", "ab", b"ab"),
    ("bytearrays are no bytes", b"ab", bytearray(b"ab")),
    ("a path is no text", "ab", Path("ab")),
    ("a long text is looked at for its structure", "date,product,n", table_text("date,product,n", 90)),
    ("a long text with another header", table_text("date,product,n", 90), table_text("day,product,n", 90)),
    ("a date-time is no date", date(2024, 1, 1), datetime(2024, 1, 1)),
    ("a zone makes another date-time", datetime(2024, 1, 1), datetime(2024, 1, 1, tzinfo=UTC)),
    ("a Decimal is no float", 1.5, Decimal("1.5")),
    ("a Fraction is no Decimal", Decimal(1), Fraction(1)),
    ("a member of another enum", Colour.RED, Size.SMALL),
    ("a member of an enum is not its value", 1, Colour.RED),
    ("elements of another kind", [1, 2], ["a", "b"]),
    ("one element of another kind", [1, 2], [1, None]),
    ("an empty list says nothing of its elements", [], [1]),
    ("a tuple is no list", [1, 2], (1, 2)),
    ("a tuple with one place more", (1, 2), (1, 2, 3)),
    ("a record with a key more", {"a": 1}, {"a": 1, "b": 2}),
    ("a record that lost a key", {"a": 1, "b": 2}, {"a": 1}),
    ("a record with a value of another kind", {"a": 1}, {"a": "1"}),
    ("records that do not all have the key", [{"a": 1, "b": 1}] * 2, [{"a": 1, "b": 1}, {"a": 1}]),
    ("keys of another kind", {1: "x"}, {"1": "x"}),
    ("a frozen set is no set", {1}, frozenset({1})),
    ("a dict that makes what is missing", {"a": 1}, defaultdict(int, {"a": 1})),
    ("a dict that keeps its order for comparison", {"a": 1}, OrderedDict({"a": 1})),
    ("a difference four levels down", nested(3, 1), nested(3, "a")),
    ("one level more", nested(3, 1), nested(4, 1)),
    ("a named tuple is no tuple", (1, 2), Pair(1, 2)),
    ("a field of another kind in a dataclass", Point(1, 2), Point(1, "2")),
    ("another dataclass with the same fields", Point(1, 2), Place(1, 2)),
    ("a function with other parameters", lambda row: 1, lambda row, other: 1),
    ("a function that is built in", lambda row: 1, len),
    ("an array of another dtype", numpy.zeros(3), numpy.zeros(3, dtype=int)),
    ("an array of another rank", numpy.zeros(4), numpy.zeros((2, 2))),
    ("a number of numpy is no number of Python", 1.5, numpy.float64(1.5)),
    ("a frame with a column renamed", frame(n=[1], price=[1.5]), frame(n=[1], cost=[1.5])),
    ("a frame with a column less", frame(n=[1], price=[1.5]), frame(n=[1])),
    ("a column of another dtype", frame(n=[1]), frame(n=["1"])),
    ("dates that were parsed meanwhile", frame(day=["2024-01-15"]), frame(day=pandas.to_datetime(["2024-01-15"]))),
    ("a frame with an index that says something", frame(n=[1], p=[2]), frame(n=[1], p=[2]).set_index("n")),
    ("a series is no frame", frame(n=[1]), frame(n=[1])["n"]),
    ("a series of another dtype", pandas.Series([1]), pandas.Series([1.5])),
    ("a binary file is no text file", io.StringIO("a"), io.BytesIO(b"a")),
    ("a generator can be read once, a list often", [1], (n for n in [1])),
    ("an object of another class", Plain(1), Other(1)),
    ("a class is not its instance", Plain(1), Plain),
    ("a pure path opens nothing", Path("ab"), PurePosixPath("ab")),
]

for why, before, after in SAME_KIND:
    served(why, OLD, lambda a, x=before: a.keep(x), lambda a, x=after: a.keep(x), ("old", after))
for why, before, after in OTHER_KIND:
    asked(why, OLD, NEW, lambda a, x=before: a.keep(x), lambda a, x=after: a.keep(x), ("new", after))

if find_spec("pydantic"):
    from pydantic import BaseModel

    class Order(BaseModel):
        number: Any
        lines: list[Any] = []

    class Invoice(BaseModel):
        number: Any

    served(
        "a model whose fields are of the same kinds", OLD,
        lambda a: a.keep(Order(number=1)), lambda a: a.keep(Order(number=2)), ("old", Order(number=2)),
    )  # fmt: skip
    asked(
        "a model with a field of another kind", OLD, NEW,
        lambda a: a.keep(Order(number=1)), lambda a: a.keep(Order(number="1")), ("new", Order(number="1"))
    )  # fmt: skip
    asked(
        "another model", OLD, NEW,
        lambda a: a.keep(Order(number=1)), lambda a: a.keep(Invoice(number=1)), ("new", Invoice(number=1)),
    )  # fmt: skip

if find_spec("polars"):
    import polars

    first = polars.DataFrame({"n": [1]})
    SAME_FRAME, OTHER_FRAME = polars.DataFrame({"n": [2, 3]}), polars.DataFrame({"m": [1]})
    served(
        "a polars frame with other rows", OLD,
        lambda a: a.keep(first), lambda a: a.keep(SAME_FRAME), ("old", SAME_FRAME),
    )  # fmt: skip
    asked(
        "a polars frame with another column", OLD, NEW,
        lambda a: a.keep(first), lambda a: a.keep(OTHER_FRAME), ("new", OTHER_FRAME),
    )  # fmt: skip

LINES = "def count(self, file):\n    return sum(1 for _ in file)\n"
ITEMS = "def total(self, items):\n    return sum(items)\n"


def opened(path: str, how: str = "r") -> Any:
    Path(path).write_text("a,b\n1,2\n")
    return open(path, how)


served("an open file, another one", LINES, lambda a: a.count(opened("a")), lambda a: a.count(opened("b")), 2)
asked(
    "a file that is open for bytes", LINES, returns("count(self, file)", 'file.read().count(b"\\n")'),
    lambda a: a.count(opened("a")), lambda a: a.count(opened("b", "rb")), 2,
)  # fmt: skip
served(
    "a generator is served unread", ITEMS,
    lambda a: a.total(n for n in (1, 2)), lambda a: a.total(n for n in range(5)), 10,
)  # fmt: skip


def agent_of(agent: Any, identity: str, **state: Any) -> Any:
    """Another agent, of the same home."""
    return type(agent).__mro__[-2](identity, session=HOMES[-1], **state)


HOMES: list[Any] = []
AGENTS = returns("name_of(self, other)", "other.label"), returns("name_of(self, other)", "other.label.upper()")
served(
    "another agent of the same identity", AGENTS[0],
    lambda a: a.name_of(agent_of(a, "friend", label="x")), lambda a: a.name_of(agent_of(a, "friend", label="y")), "y",
)  # fmt: skip
asked(
    "an agent of another identity", *AGENTS,
    lambda a: a.name_of(agent_of(a, "friend", label="x")), lambda a: a.name_of(agent_of(a, "foe", label="y")), "Y",
)  # fmt: skip

# ── the traps of the systems before ──

CELSIUS = "def convert(self, value, a, b):\n    return value * 9 / 5 + 32\n"
TO_F = returns("to_f(self, celsius)", "celsius * 9 / 5 + 32")
DOUBLE = returns("dbl(self, n)", "n * 2")
FAILS = 'def dbl(self, n):\n    self.seen = n\n    return {}["absent"] * n\n'
SCALED = returns("scaled(self, n)", "n * self.factor")
SCALED_TEXT = returns("scaled(self, n)", "n * int(self.factor)")
HELPED = returns("scaled(self, n)", "_by(self, n)", "def _by(thing, n):\n    return n * thing.factor\n")
HELPED_TEXT = HELPED.replace("thing.factor", "int(thing.factor)")
CALLER = returns("bill(self, n)", "self.scaled(n) + 1")
MEAN = "def mean(self):\n    self.last = sum(self.rows) / len(self.rows)\n    return self.last\n"

served("100 °C and 37 °C are one kind of call", TO_F, lambda a: a.to_f(100), lambda a: a.to_f(37), 37 * 9 / 5 + 32)
asked(
    "code that is served for numbers says nothing of texts", DOUBLE,
    returns("dbl(self, n)", "[n, n] if isinstance(n, str) else n * 2"),
    lambda a: a.dbl(2), lambda a: a.dbl("ab"), ["ab", "ab"],
)  # fmt: skip
served(
    "code that failed is not stored: the repaired one serves", (FAILS, DOUBLE),
    lambda a: a.dbl(2), lambda a: (a.dbl(5), "seen" in vars(a)), (10, False),
)  # fmt: skip
served(
    "what a method keeps in the state does not make it stale", MEAN,
    lambda a: a.mean(), lambda a: a.mean(), 2.0,
    state={"rows": [1.0, 5.0]}, change=becomes("rows", [2.0, 2.0]),
)  # fmt: skip
served(
    "an unrelated attribute changed", DOUBLE, lambda a: a.dbl(2), lambda a: a.dbl(4), 8,
    state={"colour": "red"}, change=becomes("colour", [1, 2]),
)  # fmt: skip
served("an unrelated attribute came", DOUBLE, lambda a: a.dbl(2), lambda a: a.dbl(4), 8, change=becomes("colour", 1))
served(
    "an unrelated attribute went", DOUBLE, lambda a: a.dbl(2), lambda a: a.dbl(4), 8,
    state={"colour": "red"}, change=lambda a: delattr(a, "colour"),
)  # fmt: skip

# ── state that the code can depend on ──

served(
    "only a value in the state changed", SCALED, lambda a: a.scaled(2), lambda a: a.scaled(2), 14,
    state={"factor": 3}, change=becomes("factor", 7),
)  # fmt: skip
asked(
    "the kind of a state that is read changed", SCALED, SCALED_TEXT, lambda a: a.scaled(2), lambda a: a.scaled(2), 14,
    state={"factor": 3}, change=becomes("factor", "7"),
)  # fmt: skip
asked(
    "the kind of a state that a helper reads changed", HELPED, HELPED_TEXT,
    lambda a: a.scaled(2), lambda a: a.scaled(2), 14,
    state={"factor": 3}, change=becomes("factor", "7"),
)  # fmt: skip
served(
    "a value that a helper reads changed", HELPED, lambda a: a.scaled(2), lambda a: a.scaled(2), 14,
    state={"factor": 3}, change=becomes("factor", 7),
)  # fmt: skip
served(
    "a value that a called sibling reads changed", (CALLER, SCALED), lambda a: a.bill(2), lambda a: a.bill(2), 15,
    state={"factor": 3}, change=becomes("factor", 7),
)  # fmt: skip
asked(
    "the kind of a state that a called sibling reads changed", (SCALED, CALLER),
    returns("bill(self, n)", "n * int(self.factor) + 1"),
    lambda a: (a.scaled(1), a.bill(2)), lambda a: a.bill(2), 15,
    state={"factor": 3}, change=becomes("factor", "7"),
)  # fmt: skip
asked(
    "the kind of a state that a sibling reads which the first call wrote too", (CALLER, SCALED),
    returns("bill(self, n)", "n * int(self.factor) + 1"),
    lambda a: a.bill(2), lambda a: a.bill(2), 15,
    state={"factor": 3}, change=becomes("factor", "7"),
)  # fmt: skip
OPTIONAL = returns("scaled(self, n)", 'n * getattr(self, "factor", 1)')
asked(
    "a state that was read and absent is there now", OPTIONAL,
    returns("scaled(self, n)", 'n * int(getattr(self, "factor", 1))'),
    lambda a: a.scaled(2), lambda a: a.scaled(2), 14, change=becomes("factor", "7"),
)  # fmt: skip
asked(
    "a state that was read is gone", OPTIONAL, returns("scaled(self, n)", 'n * (getattr(self, "factor", None) or 5)'),
    lambda a: a.scaled(2), lambda a: a.scaled(2), 10, state={"factor": 3}, change=lambda a: delattr(a, "factor"),
)  # fmt: skip
served(
    "a state that is asked for by a constant name is that state alone", OPTIONAL,
    lambda a: a.scaled(2), lambda a: a.scaled(2), 6, state={"factor": 3}, change=becomes("other", 1),
)  # fmt: skip
EVERYTHING = returns("names(self)", "sorted(vars(self))")
asked(
    "code that looks at all of self depends on all of it", EVERYTHING, returns("names(self)", "list(vars(self))[::-1]"),
    lambda a: a.names(), lambda a: a.names(), ["more", "a"], state={"a": 1}, change=becomes("more", 1),
)  # fmt: skip
served(
    "code that looks at all of self is served while all kinds stay",
    returns("sizes(self)", "list(vars(self).values())"),
    lambda a: a.sizes(), lambda a: a.sizes(), [5, "b"], state={"a": 1, "b": "a"},
    change=lambda a: vars(a).update(a=5, b="b"),
)  # fmt: skip
asked(
    "an attribute of a computed name may be any", returns("field(self, name)", "getattr(self, name)"),
    returns("field(self, name)", "[getattr(self, name)]"),
    lambda a: a.field("a"), lambda a: a.field("a"), [1], state={"a": 1, "b": 1}, change=becomes("b", "text"),
)  # fmt: skip
served(
    "a name that the code always sets before it reads it does not depend on what was there",
    "def last(self, n):\n    self.kept = n\n    return self.kept\n",
    lambda a: a.last(1), lambda a: a.last(2), 2, change=becomes("kept", "text"),
)  # fmt: skip
asked(
    "two names of the state that changed places", returns("ratio(self)", "(self.top, self.bottom)"),
    returns("ratio(self)", "(self.bottom, self.top)"),
    lambda a: a.ratio(), lambda a: a.ratio(), (1, "a"), state={"top": 1, "bottom": "a"},
    change=lambda a: vars(a).update(top="a", bottom=1),
)  # fmt: skip
served(
    "another agent of the identity, with state of the same kinds", SCALED,
    lambda a: a.scaled(2), lambda a: agent_of(a, "thing", factor=7).scaled(2), 14, state={"factor": 3},
)  # fmt: skip
asked(
    "another agent of the identity, with state of another kind", SCALED, SCALED_TEXT,
    lambda a: a.scaled(2), lambda a: agent_of(a, "thing", factor="7").scaled(2), 14, state={"factor": 3},
)  # fmt: skip
asked(
    "an agent of another identity knows nothing of it", SCALED, SCALED_TEXT,
    lambda a: a.scaled(2), lambda a: agent_of(a, "other thing", factor=7).scaled(2), 14, state={"factor": 3},
)  # fmt: skip
asked(
    "another method of the same agent is another method", DOUBLE, returns("triple(self, n)", "n * 3"),
    lambda a: a.dbl(2), lambda a: a.triple(2), 6,
)  # fmt: skip
served(
    "state in the braces of the identity is still state that nobody reads", DOUBLE,
    lambda a: a.dbl(2), lambda a: agent_of(a, "thing of {owner}", owner="Bob").dbl(2), 4,
    identity="thing of {owner}", state={"owner": "Ann"},
)  # fmt: skip

# ── parameters ──

AREA = returns("area(self, width, height=1)", "width * height")
TOTAL = returns("total(self, *numbers)", "sum(numbers)")
LABELLED = returns("labels(self, **names)", "sorted(names.items())")
LIMIT = "def head(self, rows, n=None):\n    return rows[:n]\n"

served("by keyword what was by position", AREA, lambda a: a.area(2, 3), lambda a: a.area(height=5, width=4), 20)
served("a default that is of the same kind", AREA, lambda a: a.area(2, 3), lambda a: a.area(4), 4)
served("what was a default is given", AREA, lambda a: a.area(2), lambda a: a.area(4, 5), 20)
asked(
    "a default is replaced by another kind", AREA, returns("area(self, width, height=1)", "width * int(height)"),
    lambda a: a.area(2), lambda a: a.area(4, "5"), 20,
)  # fmt: skip
asked(
    "None as a default is replaced by a number", LIMIT, "def head(self, rows, n=None):\n    return rows[:n or None]\n",
    lambda a: a.head([1, 2]), lambda a: a.head([1, 2], 1), [1],
)  # fmt: skip
served("None is given where it is the default", LIMIT, lambda a: a.head([1]), lambda a: a.head([2, 3], n=None), [2, 3])
asked(
    "a call that has one argument too many", AREA,
    returns("area(self, width, height=1, depth=1)", "width * height * depth"),
    lambda a: a.area(2, 3), lambda a: a.area(2, 3, 4), 24,
)  # fmt: skip
asked(
    "a call that has one too few", returns("power(self, n, by)", "n ** by"), returns("power(self, n, by=2)", "n ** by"),
    lambda a: a.power(2, 3), lambda a: a.power(3), 9,
)  # fmt: skip
asked(
    "a keyword that the code does not have", AREA,
    returns("area(self, width, height=1, scale=1)", "width * height * scale"),
    lambda a: a.area(2, 3), lambda a: a.area(2, 3, scale=10), 60,
)  # fmt: skip
served("as many arguments as before", TOTAL, lambda a: a.total(1, 2), lambda a: a.total(5, 7), 12)
asked(
    "one of many arguments is of another kind", TOTAL, returns("total(self, *numbers)", "sum(map(int, numbers))"),
    lambda a: a.total(1, 2), lambda a: a.total(1, "2"), 3,
)  # fmt: skip
served("the same keywords", LABELLED, lambda a: a.labels(x=1), lambda a: a.labels(x=2), [("x", 2)])
asked(
    "another keyword", LABELLED, returns("labels(self, **names)", "sorted(names)"),
    lambda a: a.labels(x=1), lambda a: a.labels(y=1), ["y"],
)  # fmt: skip
asked(
    "arguments that changed places", returns("line(self, word, n)", "f'{word}:{n + 1}'"),
    returns("line(self, word, n)", "f'{n}:{word + 1}'"),
    lambda a: a.line("a", 1), lambda a: a.line(1, "a"), "a:2",
)  # fmt: skip
served(
    "a coroutine is served as a function is", "async def later(self, n):\n    return n + 1\n",
    lambda a: asyncio.run(a.later(1)), lambda a: asyncio.run(a.later(5)), 6,
)  # fmt: skip

# ── files ──

CSV, MORE = "day,price\n2024-01-15,10\n", "day,price\n2024-01-15,10\n2024-01-16,32\n"
SUM_OF = """
import csv
def revenue(self{parameter}):
    with open({path}, newline="") as file:
        return {result}(row["{column}"] for row in csv.DictReader(file))
"""


def revenue(column: str = "price", parameter: str = "", path: str = "self.path", result: str = "list") -> str:
    return SUM_OF.format(column=column, parameter=parameter, path=path, result=result)


def file_row(
    why: str, before: Any, after: Any, answer: Any, right: str = "", file: str = "data.csv", **more: Any
) -> None:
    """A file that is rewritten between two calls of a method that opens it."""
    first = more.pop("first", lambda a: a.revenue())
    more = {"state": {"path": file}, "code": revenue()} | more

    def begin(agent: Any) -> Any:
        written(file, before)(agent)
        return first(agent)

    ROWS.append(Row(why, first=begin, second=first, answer=answer, right=right, change=written(file, after), **more))


file_row("the file is as it was", CSV, CSV, ["10"])
file_row("the file was replaced by one of the same shape", CSV, "day,price\n2023-05-05,7\n", ["7"])
file_row("the file grew", CSV, MORE, ["10", "32"])
file_row("the file shrank", MORE, CSV, ["10"])
file_row("the file has dates in another format: drift, no miss", CSV, "day,price\n01/22/2024,8\n", ["8"])
file_row("the file has numbers in another format: drift, no miss", CSV, 'day,price\n2024-01-15,"1.5 €"\n', ["1.5 €"])
file_row("a cell is empty: drift, no miss", MORE, "day,price\n2024-01-15,\n2024-01-16,32\n", ["", "32"])
file_row("a column was renamed", CSV, "day,cost\n2024-01-15,10\n", ["10"], revenue("cost"))
file_row("a column is lost", CSV, "price\n10\n11\n", ["10", "11"], revenue())
file_row("a column came", CSV, "day,price,shop\n2024-01-15,10,A\n", ["10"], revenue())
file_row("columns changed places", CSV, "price,day\n10,2024-01-15\n", ["10"], revenue())
file_row(
    "another delimiter", CSV, "day;price\n2024-01-15;10\n2024-01-16;11\n", ["10", "11"],
    revenue().replace("(file)", '(file, delimiter=";")'),
)  # fmt: skip
file_row(
    "another encoding", CSV, "day,price\n2024-01-15,10 €\n".encode("cp1252"), ["10 €"],
    revenue().replace('newline=""', 'newline="", encoding="cp1252"'),
)  # fmt: skip
file_row("a file that an argument names", CSV, MORE, ["10", "32"], code=revenue("price", ", path", "path"), state={},
         first=lambda a: a.revenue("data.csv"))  # fmt: skip
file_row("a file that an argument names, with another column", CSV, "day,cost\n2024-01-15,10\n", ["10"],
         revenue("cost", ", path", "path"), code=revenue("price", ", path", "path"), state={},
         first=lambda a: a.revenue("data.csv"))  # fmt: skip
file_row("a path, not a text, in the state", CSV, "day,cost\n2024-01-15,10\n", ["10"], revenue("cost"),
         state={"path": Path("data.csv")})  # fmt: skip
file_row("the braces of the identity name the file", CSV, "day,cost\n2024-01-15,10\n", ["10"], revenue("cost"),
         identity="reader of {path}")  # fmt: skip
file_row("the words of the identity name the file", CSV, "day,cost\n2024-01-15,10\n", ["10"],
         revenue("cost", path='"data.csv"'), code=revenue(path='"data.csv"'), state={},
         identity="reader of data.csv")  # fmt: skip
file_row("the words of the identity name a file that grew", CSV, MORE, ["10", "32"], code=revenue(path='"data.csv"'),
         state={}, identity="reader of data.csv")  # fmt: skip
file_row("a helper opens the file", CSV, "day,cost\n2024-01-15,10\n", ["10"], revenue("cost"),
         code="import csv\ndef _rows(path):\n    with open(path, newline='') as file:\n"
         "        return list(csv.DictReader(file))\n"
         "def revenue(self):\n    return [row['price'] for row in _rows(self.path)]\n")  # fmt: skip
file_row("a called sibling opens the file", CSV, "day,cost\n2024-01-15,10\n", ["10"],
         returns("shout(self)", "[row['cost'] for row in csv.DictReader(open(self.path))]", "import csv"),
         code=(revenue(), returns("shout(self)", "self.revenue()")),
         first=lambda a: a.shout() if "revenue" in dir(a) else (a.revenue(), a.shout())[1])  # fmt: skip
file_row("a method that opens nothing does not care", CSV, "day,cost\n2024-01-15,10\n", "data",
         code=returns("stem(self)", 'self.path.removesuffix(".csv")'), first=lambda a: a.stem())  # fmt: skip
file_row("a table became JSON", CSV, '[{"price": "10"}]', ["10"],
         returns("revenue(self)", "[row['price'] for row in json.load(open(self.path))]", "import json"))  # fmt: skip

JSON_SUM = returns("revenue(self)", "[row['price'] for row in json.load(open(self.path))]", "import json")
JSON_COST = JSON_SUM.replace("price", "cost")
JSON_ONE = returns("revenue(self)", "[json.load(open(self.path))['price']]", "import json")
JSON_ROWS = {"file": "data.json", "code": JSON_SUM}
file_row("JSON with more records", '[{"price": 3}]', '[{"price": 1}, {"price": 2}]', [1, 2], **JSON_ROWS)
file_row("JSON with a key renamed", '[{"price": 3}]', '[{"cost": 1}]', [1], JSON_COST, **JSON_ROWS)
file_row("JSON that is one record now", '[{"price": 3}]', '{"price": 1}', [1], JSON_ONE, **JSON_ROWS)

COST = "day,cost\n2024-01-15,10\n"
for why, opening in [
    ("pandas opens the file", "import pandas\ndef revenue(self):\n"
     "    return pandas.read_csv(self.path)['{}'].tolist()\n"),
    ("a path opens itself", "from pathlib import Path\nimport csv\ndef revenue(self):\n"
     "    lines = Path(self.path).read_text().splitlines()\n"
     "    return [int(row['{}']) for row in csv.DictReader(lines)]\n"),
    ("the file is opened to be changed", "import csv\ndef revenue(self):\n    with open(self.path, 'r+') as file:\n"
     "        return [int(row['{}']) for row in csv.DictReader(file)]\n"),
]:  # fmt: skip
    price, cost = opening.format("price"), opening.format("cost")
    file_row(f"{why}, and a column was renamed", CSV, COST, [10], cost, code=price)
ALL_PATHS = "import csv\ndef revenue(self):\n    return [row['{}'] for p in {} for row in csv.DictReader(open(p))]\n"
for why, state, paths in [
    ("a list in the state names the file", {"paths": ["data.csv"]}, "self.paths"),
    ("the state names the folder of the file", {"folder": "."}, "[self.folder + '/data.csv']"),
    ("a pattern names the file", {"pattern": "*.csv"}, "glob.glob(self.pattern)"),
]:
    codes = [f"import glob\n{ALL_PATHS.format(column, paths)}" for column in ("price", "cost")]
    file_row(f"{why}, and a column was renamed", CSV, COST, ["10"], codes[1], code=codes[0], state=state)  # fmt: skip

PATHS = revenue("price", ", path", "path")


def two_files(after: str) -> Step:
    def first(agent: Any) -> Any:
        written("a.csv", CSV)(agent)
        written("b.csv", after)(agent)
        return agent.revenue("a.csv")

    return first


served("another file of the same shape", PATHS, two_files(MORE), lambda a: a.revenue("b.csv"), ["10", "32"])
asked(
    "another file of another shape", PATHS, revenue("cost", ", path", "path"),
    two_files("day,cost\n2024-01-15,10\n"), lambda a: a.revenue("b.csv"), ["10"],
)  # fmt: skip


def state_file(after: str) -> Step:
    def first(agent: Any) -> Any:
        written("a.csv", CSV)(agent)
        written("b.csv", after)(agent)
        return agent.revenue()

    return first


served(
    "the state names another file of the same shape", revenue(), state_file(MORE), lambda a: a.revenue(), ["10", "32"],
    state={"path": "a.csv"}, change=becomes("path", "b.csv"),
)  # fmt: skip
asked(
    "the state names another file of another shape", revenue(), revenue("cost"),
    state_file("day,cost\n2024-01-15,10\n"), lambda a: a.revenue(), ["10"],
    state={"path": "a.csv"}, change=becomes("path", "b.csv"),
)  # fmt: skip
served(
    "another agent of the identity reads another file of the same shape", revenue(),
    state_file(MORE), lambda a: agent_of(a, "reader of {path}", path="b.csv").revenue(), ["10", "32"],
    identity="reader of {path}", state={"path": "a.csv"},
)  # fmt: skip
asked(
    "a file that was not there is there now",
    "import os\ndef size(self):\n    return len(open(self.path).read()) if os.path.exists(self.path) else None\n",
    "import os\ndef size(self):\n    return os.path.getsize(self.path) if os.path.exists(self.path) else None\n",
    lambda a: a.size(), lambda a: a.size(), len(CSV), state={"path": "new.csv"}, change=written("new.csv", CSV),
)  # fmt: skip
TABLES = """
import sqlite3
def names(self):
    with sqlite3.connect(self.path) as base:
        return base.execute("SELECT {column} FROM people ORDER BY 1").fetchall()
"""


def database(*statements: str) -> Step:
    def change(agent: Any) -> None:
        base = sqlite3.connect("people.db")
        for statement in statements:
            base.execute(statement)
        base.commit()
        base.close()

    return change


PEOPLE = database("CREATE TABLE people (name)", "INSERT INTO people VALUES ('Ann')")
served(
    "a database with more rows", TABLES.format(column="name"), lambda a: (PEOPLE(a), a.names()), lambda a: a.names(),
    [("Ann",), ("Bob",)], state={"path": "people.db"}, change=database("INSERT INTO people VALUES ('Bob')"),
)  # fmt: skip
asked(
    "a database with a column renamed", TABLES.format(column="name"), TABLES.format(column="first"),
    lambda a: (PEOPLE(a), a.names()), lambda a: a.names(), [("Ann",)],
    state={"path": "people.db"}, change=database("ALTER TABLE people RENAME COLUMN name TO first")
)  # fmt: skip
served(
    "a directory with more files", returns("listed(self)", "sorted(os.listdir(self.folder))", "import os"),
    lambda a: (os.mkdir("d"), a.listed()), lambda a: a.listed(), ["x"],
    state={"folder": "d"}, change=written("d/x", ""),
)  # fmt: skip

# ── options: a text, a flag, an enum's member or None that the code compares with constants ──

PEOPLE_ROWS = [{"age": 40, "name": "Ann"}, {"age": 20, "name": "Bob"}]


def option(why: str, code: str, first: Step, second: Step, answer: Any, right: str = "", **more: Any) -> None:
    """An option: not served, unless there is no code to ask for."""
    ROWS.append(Row(why, code, first, second, answer, right, about="options", **more))


PAIR_CONVERT = returns("convert(self, v, a, b)", 'v * 9 / 5 + 32 if (a, b) == ("C", "F") else (v - 32) * 5 / 9')
ALL_CONVERT = returns("convert(self, v, a, b)", 'v * 0.62 if (a, b) == ("km", "miles") else v * 9 / 5 + 32')
option(
    "km → miles is not the other branch of C → F", PAIR_CONVERT,
    lambda a: a.convert(100, "C", "F"), lambda a: a.convert(5, "km", "miles"), 3.1, ALL_CONVERT,
)  # fmt: skip
option(
    "F → C was never run, though the code has a branch for it", PAIR_CONVERT,
    lambda a: a.convert(100, "C", "F"), lambda a: a.convert(212, "F", "C"), 100.0,
    returns("convert(self, v, a, b)", '(v - 32) * 5 / 9 if (a, b) == ("F", "C") else v * 9 / 5 + 32'),
)  # fmt: skip
option(
    "the same units, another value", PAIR_CONVERT,
    lambda a: a.convert(100, "C", "F"), lambda a: a.convert(0, "C", "F"), 32.0,
)  # fmt: skip
option(
    "only one of two units is the one that was compared", PAIR_CONVERT,
    lambda a: a.convert(100, "C", "F"), lambda a: a.convert(0, "C", "K"), 273.15,
    returns("convert(self, v, a, b)", 'v + 273.15 if (a, b) == ("C", "K") else v * 9 / 5 + 32'),
)  # fmt: skip

GREET = returns("greet(self, name, tone)", 'f"Dear {name}" if tone == "formal" else f"Hi {name}"')
option(
    "tone=: another one than the compared", GREET,
    lambda a: a.greet("Ann", tone="formal"), lambda a: a.greet("Ann", tone="rude"), "Oi Ann",
    returns("greet(self, name, tone)", 'f"Oi {name}" if tone == "rude" else f"Dear {name}"'),
)  # fmt: skip
option(
    "tone=: the compared one after another", GREET,
    lambda a: a.greet("Ann", tone="warm"), lambda a: a.greet("Ann", tone="formal"), "Good day Ann",
    returns("greet(self, name, tone)", 'f"Good day {name}" if tone == "formal" else f"Hi {name}"'),
)  # fmt: skip
option(
    "the name that is greeted is content", GREET,
    lambda a: a.greet("Ann", tone="formal"), lambda a: a.greet("Bob", tone="formal"), "Dear Bob",
)  # fmt: skip
option(
    "all texts that equal no compared constant are one class", GREET,
    lambda a: a.greet("Ann", tone="warm"), lambda a: a.greet("Ann", tone="kind"), "Hi Ann",
)  # fmt: skip
option(
    "by keyword what was by position, the same option", GREET,
    lambda a: a.greet("Ann", "formal"), lambda a: a.greet(tone="formal", name="Bob"), "Dear Bob",
)  # fmt: skip

WHERE = """
def rows_where(self, condition):
    column, op, value = condition.split()
    if op == ">":
        return [row["name"] for row in self.rows if row[column] > int(value)]
    return [row["name"] for row in self.rows if row[column] == int(value)]
"""
WHERE_LESS = WHERE.replace('op == ">"', 'op == "<"').replace("> int", "< int")
option(
    "rows_where: another operator", WHERE,
    lambda a: a.rows_where("age > 30"), lambda a: a.rows_where("age < 30"), ["Bob"], WHERE_LESS,
    state={"rows": PEOPLE_ROWS},
)  # fmt: skip
option(
    "rows_where: the very same condition", WHERE,
    lambda a: a.rows_where("age > 30"), lambda a: a.rows_where("age > 30"), ["Ann"], state={"rows": PEOPLE_ROWS},
)  # fmt: skip
option(
    "rows_where: an operator that is looked for in the text",
    'def rows_where(self, condition):\n    sign = ">" if ">" in condition else "="\n'
    "    column, value = condition.split(sign)\n"
    '    return [row["name"] for row in self.rows if row[column.strip()] > int(value)]\n',
    lambda a: a.rows_where("age > 30"), lambda a: a.rows_where("age = 20"), ["Bob"],
    'def rows_where(self, condition):\n    column, value = condition.split("=")\n'
    '    return [row["name"] for row in self.rows if row[column.strip()] == int(value)]\n',
    state={"rows": PEOPLE_ROWS},
)  # fmt: skip
option(
    "rows_where: an operator that a pattern finds",
    "import re\ndef rows_where(self, condition):\n"
    '    column, op, value = re.match(r"(\\w+) (\\S+) (\\d+)", condition).groups()\n'
    '    return [row["name"] for row in self.rows if (row[column] > int(value)) == (op == ">")]\n',
    lambda a: a.rows_where("age > 30"), lambda a: a.rows_where("age == 40"), ["Ann"],
    'def rows_where(self, condition):\n    column, op, value = condition.split()\n'
    '    return [row["name"] for row in self.rows if op == "==" and row[column] == int(value)]\n',
    state={"rows": PEOPLE_ROWS},
)  # fmt: skip

TOP = (
    'def top(self, by):\n    key = {"price": 1, "name": 0}[by]\n    return sorted(self.rows, key=lambda r: r[key])[0]\n'
)
ROWS_OF_TWO = {"state": {"rows": [("b", 1), ("a", 2)]}}
option(
    "by=: a key of the dict that was never run", TOP,
    lambda a: a.top(by="price"), lambda a: a.top(by="name"), ("a", 2),
    "def top(self, by):\n    return sorted(self.rows, key=lambda r: r[by != 'name'])[0]\n", **ROWS_OF_TWO,
)  # fmt: skip
option(
    "by=: no key of the dict at all", TOP,
    lambda a: a.top(by="price"), lambda a: a.top(by="size"), ("b", 1),
    "def top(self, by):\n    return max(self.rows) if by == 'size' else min(self.rows)\n", **ROWS_OF_TWO,
)  # fmt: skip
option(
    "by= picks a column of the data, and is compared with nothing",
    "def top(self, by):\n    return sorted(self.rows, key=lambda r: r[by])[0]\n",
    lambda a: a.top(by="age"), lambda a: a.top(by="name"), PEOPLE_ROWS[0], state={"rows": PEOPLE_ROWS},
)  # fmt: skip
SORTED = returns("sort(self, sort)", 'sorted(self.rows, reverse=sort == "desc")')
option(
    "sort=: the other direction", SORTED, lambda a: a.sort(sort="asc"), lambda a: a.sort(sort="desc"), [2, 1],
    returns("sort(self, sort)", 'sorted(self.rows, reverse=sort != "asc")'), state={"rows": [1, 2]},
)  # fmt: skip
option(
    "a constant that must differ", returns("sort(self, sort)", 'sorted(self.rows, reverse=sort != "asc")'),
    lambda a: a.sort(sort="asc"), lambda a: a.sort(sort="none"), [1, 2],
    returns("sort(self, sort)", 'self.rows if sort == "none" else sorted(self.rows)'), state={"rows": [1, 2]},
)  # fmt: skip
MATCHED = """
def length(self, v, unit):
    match unit:
        case "km" | "kilometre":
            return v * 1000
        case "cm":
            return v / 100
        case _:
            return v
"""
option(
    "unit=: match, a case that was never run", MATCHED,
    lambda a: a.length(2, unit="km"), lambda a: a.length(2, unit="cm"), 0.02,
    returns("length(self, v, unit)", 'v / 100 if unit == "cm" else v * 1000'),
)  # fmt: skip
option(
    "unit=: match, what falls through", MATCHED,
    lambda a: a.length(2, unit="km"), lambda a: a.length(2, unit="mile"), 3218,
    returns("length(self, v, unit)", 'v * 1609 if unit == "mile" else v * 1000'),
)  # fmt: skip
option(
    "unit=: match, another spelling of the same case", MATCHED,
    lambda a: a.length(2, unit="km"), lambda a: a.length(2, unit="kilometre"), 2000,
    returns("length(self, v, unit)", 'v * 1000 if unit in ("km", "kilometre") else v'),
)  # fmt: skip
MATCHED_PAIR = """
def convert(self, v, a, b):
    match (a, b):
        case ("C", "F"):
            return v * 9 / 5 + 32
        case _:
            return (v - 32) * 5 / 9
"""
option(
    "match over two options together", MATCHED_PAIR,
    lambda a: a.convert(100, "C", "F"), lambda a: a.convert(5, "km", "miles"), 3.1, ALL_CONVERT,
)  # fmt: skip
LOWER = returns("length(self, v, unit)", 'v * 1000 if unit.strip().lower() == "km" else v')
option(
    "compared in lower case: another unit", LOWER,
    lambda a: a.length(2, "KM"), lambda a: a.length(2, "Mile"), 3218,
    returns("length(self, v, unit)", 'v * 1609 if unit.lower() == "mile" else v * 1000'),
)  # fmt: skip
option(
    "compared in lower case: the same unit again", LOWER, lambda a: a.length(2, "KM"), lambda a: a.length(3, "KM"), 3000
)
option(
    "compared after it got another name", 'def length(self, v, unit):\n    u = unit.lower()\n    k = u\n'
    '    return v * 1000 if k == "km" else v\n',
    lambda a: a.length(2, "km"), lambda a: a.length(2, "mile"), 3218,
    returns("length(self, v, unit)", 'v * 1609 if unit == "mile" else v * 1000'),
)  # fmt: skip
option(
    "compared where it is named in passing", 'def length(self, v, unit):\n    if (u := unit.upper()) == "KM":\n'
    '        return v * 1000\n    return v * len(u)\n',
    lambda a: a.length(2, "km"), lambda a: a.length(2, "mile"), 3218,
    returns("length(self, v, unit)", 'v * 1609 if unit == "mile" else v * 1000'),
)  # fmt: skip
option(
    "one of a tuple of constants", returns("length(self, v, unit)", 'v * 1000 if unit in ("km", "Km") else v'),
    lambda a: a.length(2, "km"), lambda a: a.length(2, "mile"), 3218,
    returns("length(self, v, unit)", 'v * 1609 if unit == "mile" else v * 1000'),
)  # fmt: skip
option(
    "none of a set of constants", returns("length(self, v, unit)", 'v if unit not in {"km", "Km"} else v * 1000'),
    lambda a: a.length(2, "m"), lambda a: a.length(2, "km"), 2000,
    returns("length(self, v, unit)", 'v * 1000 if unit == "km" else v'),
)  # fmt: skip
RATES = returns("to_eur(self, v, currency)", "v * RATES[currency]", 'RATES = {"USD": 0.5, "GBP": 2}')
option(
    "a dict of constants above the method", RATES,
    lambda a: a.to_eur(10, "USD"), lambda a: a.to_eur(10, "GBP"), 12.0,
    returns("to_eur(self, v, currency)", 'v * {"USD": 0.5, "GBP": 1.2}[currency]'),
)  # fmt: skip
option(
    "a dict of constants with something for all others",
    returns("to_eur(self, v, currency)", '{"USD": 0.5}.get(currency, 1) * v'),
    lambda a: a.to_eur(10, "USD"), lambda a: a.to_eur(10, "GBP"), 12.0,
    returns("to_eur(self, v, currency)", 'v * {"USD": 0.5, "GBP": 1.2}[currency]'),
)  # fmt: skip
option("a dict of constants, the same key", RATES, lambda a: a.to_eur(10, "USD"), lambda a: a.to_eur(30, "USD"), 15.0)
option(
    "two options that are one key together",
    returns("convert(self, v, a, b)", '{("C", "F"): v * 9 / 5 + 32}.get((a, b), v)'),
    lambda a: a.convert(100, "C", "F"), lambda a: a.convert(5, "km", "miles"), 3.1, ALL_CONVERT,
)  # fmt: skip
FLAG = "def numbers(self, descending):\n    if descending:\n        return [3, 2, 1]\n    return []\n"
option(
    "a flag that a branch hangs on", FLAG, lambda a: a.numbers(True), lambda a: a.numbers(False), [1, 2, 3],
    "def numbers(self, descending):\n    return [3, 2, 1] if descending else [1, 2, 3]\n",
)  # fmt: skip
option("the same flag again", FLAG, lambda a: a.numbers(True), lambda a: a.numbers(descending=True), [3, 2, 1])
option(
    "a flag that is compared", returns("numbers(self, up)", "[1, 2] if up is True else []"),
    lambda a: a.numbers(up=True), lambda a: a.numbers(up=False), [2, 1],
    returns("numbers(self, up)", "[1, 2] if up else [2, 1]"),
)  # fmt: skip
option(
    "a flag that was the default", returns("numbers(self, up=True)", "[1, 2] if up else []"),
    lambda a: a.numbers(), lambda a: a.numbers(up=False), [2, 1],
    returns("numbers(self, up=True)", "[1, 2] if up else [2, 1]"),
)  # fmt: skip
option(
    "a text that was the default", returns("greet(self, name, tone='formal')", GREET.partition("return ")[2].strip()),
    lambda a: a.greet("Ann"), lambda a: a.greet("Ann", tone="rude"), "Oi Ann",
    returns("greet(self, name, tone)", 'f"Oi {name}" if tone == "rude" else f"Dear {name}"'),
)  # fmt: skip
option(
    "the default, given in words",
    returns("greet(self, name, tone='formal')", GREET.partition("return ")[2].strip()),
    lambda a: a.greet("Ann"), lambda a: a.greet("Bob", tone="formal"), "Dear Bob",
)  # fmt: skip
ENUMS = returns("paint(self, colour)", '"#f00" if colour.name == "RED" else "#000"')
option(
    "another member of the enum", ENUMS, lambda a: a.paint(Colour.RED), lambda a: a.paint(Colour.BLUE), "#00f",
    returns("paint(self, colour)", '"#00f" if colour.name == "BLUE" else "#f00"'),
)  # fmt: skip
option("the same member of the enum", ENUMS, lambda a: a.paint(Colour.RED), lambda a: a.paint(Colour.RED), "#f00")
option(
    "None where there was a text", GREET,
    lambda a: a.greet("Ann", None), lambda a: a.greet("Ann", "formal"), "Good day Ann",
    returns("greet(self, name, tone)", 'f"Good day {name}" if tone == "formal" else f"Hi {name}"')
)  # fmt: skip
MODE = returns("speed(self)", '100 if self.mode == "fast" else 0')
option(
    "an option in the state", MODE, lambda a: a.speed(), lambda a: a.speed(), 50,
    returns("speed(self)", '100 if self.mode != "slow" else 50'),
    state={"mode": "fast"}, change=becomes("mode", "slow"),
)  # fmt: skip
option(
    "a flag in the state", returns("speed(self)", "100 if self.fast else 0"),
    lambda a: a.speed(), lambda a: a.speed(), 50,
    returns("speed(self)", "100 if self.fast else 50"), state={"fast": True}, change=becomes("fast", False),
)  # fmt: skip
option(
    "an option in the state that stays", MODE, lambda a: a.speed(), lambda a: a.speed(), 100,
    state={"mode": "fast", "colour": "red"}, change=becomes("colour", "blue"),
)  # fmt: skip
option(
    "an option that a helper compares",
    returns("length(self, v, unit)", "v * _factor(unit)", 'def _factor(u):\n    return 1000 if u == "km" else 1\n'),
    lambda a: a.length(2, "km"), lambda a: a.length(2, "mile"), 3218,
    returns("length(self, v, unit)", 'v * 1609 if unit == "mile" else v * 1000'),
)  # fmt: skip
option(
    "an option that a called sibling compares",
    (
        returns("length(self, v, unit)", "v * self.factor(unit)"),
        returns("factor(self, unit)", '1000 if unit == "km" else 1'),
    ),
    lambda a: a.length(2, "km"), lambda a: a.length(2, "mile"), 3218,
    returns("factor(self, unit)", '1609 if unit == "mile" else 1000'),
)  # fmt: skip
option(
    "an option among many keywords", returns("length(self, v, **more)", 'v * 1000 if more.get("unit") == "km" else v'),
    lambda a: a.length(2, unit="km"), lambda a: a.length(2, unit="mile"), 3218,
    returns("length(self, v, unit)", 'v * 1609 if unit == "mile" else v * 1000')
)  # fmt: skip
option(
    "an option among many arguments", returns("length(self, v, *more)", 'v * 1000 if more[0] == "km" else v'),
    lambda a: a.length(2, "km"), lambda a: a.length(2, "mile"), 3218,
    returns("length(self, v, unit)", 'v * 1609 if unit == "mile" else v * 1000')
)  # fmt: skip
option(
    "an option in a record", returns("length(self, v, how)", 'v * 1000 if how["unit"] == "km" else v'),
    lambda a: a.length(2, {"unit": "km"}), lambda a: a.length(2, {"unit": "mile"}), 3218,
    returns("length(self, v, how)", 'v * 1609 if how["unit"] == "mile" else v * 1000')
)  # fmt: skip
option(
    "an option in a list", returns("stats(self, which)", '[3] if "max" in which else []'),
    lambda a: a.stats(["max"]), lambda a: a.stats(["min"]), [1],
    returns("stats(self, which)", '[1] if "min" in which else [3]')
)  # fmt: skip
option(
    "a text with a beginning that is compared",
    returns("land(self, code)", '"Germany" if code.startswith("DE") else ""'),
    lambda a: a.land("DE-1"), lambda a: a.land("FR-1"), "France",
    returns("land(self, code)", '"France" if code.startswith("FR") else "Germany"'),
)  # fmt: skip
CHAIN = """
def apply(self, a, op, b):
    if op == "+":
        return a + b
    elif op == "-":
        return b - a
    raise ValueError(op)
"""
option(
    "a branch of a chain that was never run", CHAIN, lambda a: a.apply(5, "+", 3), lambda a: a.apply(5, "-", 3), 2,
    returns("apply(self, a, op, b)", 'a - b if op == "-" else a + b'),
)  # fmt: skip
option("a branch of a chain that was run", CHAIN, lambda a: a.apply(5, "+", 3), lambda a: a.apply(7, "+", 1), 8)
EMPTY = returns("named(self, name)", '"nobody" if name == "" else name')
option(
    "an empty text that is compared", EMPTY, lambda a: a.named("Ann"), lambda a: a.named(""), "no one",
    returns("named(self, name)", '"no one" if name == "" else name'),
)  # fmt: skip
option("a text that is compared with the empty one", EMPTY, lambda a: a.named("Ann"), lambda a: a.named("Bob"), "Bob")
option(
    "a number that is compared is no option: general code handles it",
    returns("plural(self, n, word)", 'word if n == 1 else word + "s"'),
    lambda a: a.plural(1, "cow"), lambda a: a.plural(3, "pig"), "pigs",
)  # fmt: skip
option(
    "two texts that are compared with each other are content", returns("same(self, a, b)", "a == b"),
    lambda a: a.same("x", "y"), lambda a: a.same("z", "z"), True,
)  # fmt: skip
option(
    "a flag that is handed on is content", returns("sort(self, down)", "sorted(self.rows, reverse=down)"),
    lambda a: a.sort(True), lambda a: a.sort(False), [1, 2], state={"rows": [2, 1]},
)  # fmt: skip
option(
    "a text that names a function is compared with nothing",
    returns("compute(self, how, x)", "getattr(math, how)(x)", "import math"),
    lambda a: a.compute("floor", 2.5), lambda a: a.compute("ceil", 2.5), 3,
)  # fmt: skip
option(
    "a cell of the data that is compared is no option",
    returns("open_ones(self)", '[r for r in self.rows if r == "open"]'),
    lambda a: a.open_ones(), lambda a: a.open_ones(), ["open", "open"],
    state={"rows": ["open", "shut"]}, change=becomes("rows", ["open", "open"]),
)  # fmt: skip


# ── records by the keys that the code asks for; all others are data ──

PUT = "def put(self, item, n):\n    self.d[item] = self.d.get(item, 0) + n\n    return self.d[item]\n"
PRICE, DISCOUNT = returns("m(self, d)", 'd["price"] * 2'), returns("m(self, d)", 'd.get("discount", 0)')
COUNTED, AGAIN = returns("m(self, d)", "len(d)"), returns("m(self, d)", "[d]")


def keyed(why: str, code: Any, first: Any, second: Any, answer: Any = None) -> None:
    """Code that is called for one record and then for another one; without an answer it does not serve that."""
    right, wanted = ("", answer) if answer is not None else (AGAIN, [second])
    ROWS.append(Row(why, code, lambda a: a.m(first), lambda a: a.m(second), wanted, right))


served(
    "an item that nobody had before", PUT, lambda a: a.put("pear", 3), lambda a: a.put("plum", 1), 1,
    state={"d": {"fig": 1}},
)  # fmt: skip
asked(
    "the first item is put where there was none", PUT, PUT.replace("self.d[item]\n", "int(self.d[item])\n"),
    lambda a: a.put("pear", 3), lambda a: a.put("plum", 1), 1, state={"d": {}},
)  # fmt: skip
asked(
    "a text beside numbers", PUT, PUT.replace("+ n\n", "+ n * 2\n"), lambda a: a.put("pear", 3),
    lambda a: a.put("plum", 1), 2, state={"d": {"fig": 1}}, change=becomes("d", {"fig": 1, "note": "ripe"}),
)  # fmt: skip
keyed("more keys that the code does not know", PRICE, {"price": 1, "a": 1}, {"price": 3, "b": 1, "c": 2}, 6)
keyed("a key that the code asks for is not there", PRICE, {"price": 1, "a": 1}, {"cost": 3, "a": 1})
keyed("a key that the code asks for is of another kind", PRICE, {"price": 1, "a": 1}, {"price": "3", "a": 1})
keyed("a key that the code asks for and was absent", DISCOUNT, {"price": 1}, {"price": 1, "discount": 2})
keyed("a key that is popped and was absent", returns("m(self, d)", 'd.pop("a", 0)'), {"b": 1}, {"b": 1, "a": 1})
keyed("a list of records by data", COUNTED, [{"a": 1}, {"b": 1}], [{"c": 1}, {"d": 1}, {"e": 1}], 3)
keyed("records in records", COUNTED, {"a": {"x": 1}}, {"b": {"y": 1}, "c": {"z": 2}}, 2)
keyed("a record that holds another kind inside", COUNTED, {"a": {"x": 1}}, {"b": {"y": "1"}})
for expression in ("list(d.values())[0]", "next(iter(d.values()))", "d.popitem()", "sorted(d.values())[0]"):
    keyed(f"a value by its place: {expression}", returns("m(self, d)", expression), {"w": 2, "h": 3}, {"r": 2, "k": 1})
for target in ("a, b = d.values()", "(_, a), (_, b) = d.items()", "[a, b] = d"):
    code = f"def m(self, d):\n    {target}\n    return a * 2, b * 2\n"
    keyed(f"values by their places: {target}", code, {"w": 2, "h": 3}, {"r": 2, "k": 1})
keyed("the largest of data", returns("m(self, d)", "max(d.items(), key=lambda i: i[1])[0]"), {"a": 1}, {"b": 2}, "b")
keyed("one record in a list has no other keys", COUNTED, [{"a": 1}, {"b": 1}], [{"a": 1}, {}])
keyed(
    "a key that a helper asks for", returns("m(self, d)", "_of(d)", 'def _of(d):\n    return d.get("tax", 0)\n'),
    {"a": 1}, {"a": 1, "tax": 2},
)  # fmt: skip
served(
    "a key that a sibling asks for and is there in both",
    (returns("m(self, d)", "self.of(d) + 1"), returns("of(self, d)", 'd["tax"]'), returns("m(self, d)", "self.of(d)")),
    lambda a: (a.m({"tax": 1, "a": 1}), a.m({"tax": 1, "b": 1})), lambda a: a.m({"tax": 2, "c": 1}), 2,
)  # fmt: skip
for way, code, first, second in [
    ("in a loop over items", 'sum(v for k, v in d.items() if k == "total")', {"a": 1}, {"total": 1}),
    ("in the dict", '1 if "total" in d else 0', {"a": 1}, {"total": 1}),
    ("as the first of all", '1 if sorted(d)[0] == "a" else 0', {"a": 1, "b": 1}, {"0": 1, "a": 1}),
    ("by its beginning", 'sum(v for k, v in d.items() if k.startswith("tmp_"))', {"a": 1}, {"tmp_a": 1}),
    ("by its letters", "sum(v for k, v in d.items() if k.isdigit())", {"a": 1}, {"1": 1}),
    ("in one that is put beside it", '(d | {"a": 1})["a"]', {"b": 2}, {"a": 2}),
    ("among constants of the module", "sum(d.get(k, 0) for k in NAMES)", {"a": 1}, {"b": 1}),
    ("by a text that is put together", 'sum(d.get(k + "_x", 0) for k in ["b"])', {"a": 1}, {"b_x": 1}),
    ("by a text with a number", 'd.get(f"{1}", 0)', {"a": 1}, {"1": 1}),
    ("by the text of a number", "d.get(str(1), 0)", {"a": 1}, {"1": 1}),
    ("by an item getter", 'operator.itemgetter("a")({"a": 0, **d})', {"b": 1}, {"a": 1}),
    ("in names of a format", 'len("{a}".format_map({"a": 1, **d}))', {"b": 1}, {"a": 11}),
    ("in a format", 'len("%(a)s" % {"a": 1, **d})', {"b": 1}, {"a": 11}),
    ("as keywords", 'len("{a}".format(**{"a": 1, **d}))', {"b": 1}, {"a": 11}),
    ("as keywords of a helper", "_of(**d)", {"a": 1}, {"b": 1}),
    ("in a template", 'len(string.Template("$a").safe_substitute(d))', {"b": 1}, {"a": 11}),
    ("in JSON", 'len(json.dumps(d).partition("a")[2])', {"b": 1}, {"a": 1}),
    ("as columns of a frame", 'getattr(pandas.DataFrame([d]), "size")', {"b": 1}, {"a": 1}),
    ("as local names", "locals() | d and 1", {"b": 1}, {"a": 1}),
    ("as keywords of a dict", "sum(d.get(k, 0) for k in dict(a=1))", {"b": 1}, {"a": 1}),
    ("by a getter that got another name", '(lambda get: get("a"))(d.get) or 0', {"b": 1}, {"a": 1}),
]:
    before = 'import json\nimport operator\nimport string\nimport pandas\nNAMES = ("a", "b")\n'
    before += "def _of(a=0, b=0):\n    return a\n"
    keyed(f"a key that code knows {way}", returns("m(self, d)", code, before), first, second)
keyed(
    "a key that code knows in a pattern",
    'def m(self, d):\n    match d:\n        case {"a": 1}:\n            return 1\n    return 0\n',
    {"b": 1}, {"a": 1},
)  # fmt: skip
asked(
    "a function that is given may ask for any key", returns("m(self, d, f)", "sum(map(f, [d]))"),
    returns("m(self, d, f)", "[d, f]"),
    lambda a: a.m({"a": 1}, len), lambda a: a.m({"price": 1}, len), [{"price": 1}, len],
)  # fmt: skip


# ── the test ──


def parameters() -> list[Any]:
    return [pytest.param(row, id=row.why) for row in ROWS]


@pytest.mark.parametrize("row", parameters())
def test_the_second_call_is_served_exactly_when_the_code_fits_it(tmp_path: Path, monkeypatch: Any, row: Row) -> None:
    monkeypatch.chdir(tmp_path)
    codes = [row.code] if isinstance(row.code, str) else list(row.code)
    home = session(tmp_path, *codes, *filter(None, [row.right]))
    home.reviewer, home.mode = Person(*["accept"] * 9), "auto"  # the person is asked about flagged code alone
    monkeypatch.setattr(f"{__name__}.HOMES", [home])
    agent = home.agent(row.identity, **row.state)
    row.first(agent)
    before = len(home.provider.prompts)
    assert before == len(codes)
    row.change(agent)
    answer = row.second(agent)
    assert same(answer, row.answer), f"{row.why}: answered {answer!r}"
    assert len(home.provider.prompts) - before == bool(row.right), row.why


def same(answer: Any, wanted: Any) -> bool:
    """The right answer, of the right kind: an argument comes back as the very object."""
    if type(wanted) is tuple and len(wanted) == 2 and wanted[0] in ("old", "new") and len(answer) == 2:
        told, value = answer
        return told == wanted[0] and (
            value is wanted[1] or (type(value) is type(wanted[1]) and bool(value == wanted[1]))
        )
    return type(answer) is type(wanted) and bool(answer == wanted)


def test_no_two_rows_say_the_same() -> None:
    assert len({row.why for row in ROWS}) == len(ROWS) >= 200
    assert sum(row.about == "options" for row in ROWS) >= 30
