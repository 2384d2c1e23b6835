"""What looks at an agent, or tries what it is, asks no model and writes nothing: a table of every implicit access.

Rows are tried on an agent without methods, on one with methods that libraries ask for by name, and on handles of
methods that are and are not written. What an instance of an empty class answers or raises, an agent answers or raises
too; where a library asks for a public name and calls it, the error says who asked.
"""

from __future__ import annotations

import abc
import array
import ast
import asyncio
import base64
import bisect
import builtins
import codecs
import collections
import concurrent.futures
import contextlib
import copy
import copyreg
import csv
import ctypes
import dataclasses
import decimal
import doctest
import enum
import fractions
import functools
import gc
import hashlib
import heapq
import html
import importlib
import inspect
import io
import itertools
import json
import logging
import marshal
import math
import numbers
import operator
import os
import pathlib
import pickle
import pprint
import pydoc
import random
import re
import reprlib
import select
import shlex
import sqlite3
import statistics
import string
import struct
import subprocess
import sys
import textwrap
import time
import traceback
import types
import typing
import unittest
import urllib.parse
import uuid
import warnings
import weakref
import xml.etree.ElementTree
import zipfile
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import kit
import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from agent_repl import UnaskedCall
from agent_repl.session import use

Do = Callable[[typing.Any], typing.Any]
NAMES = ("mean", "keys", "shape", "read")
WRITTEN = [f'def {name}(self):\n    """The {name}."""\n    return 4\n' for name in NAMES]


class Empty:
    """Nothing."""


class World:
    """One home with a fresh agent, a grown one and two handles; the model has nothing more to say."""

    def __init__(self, folder: Path) -> None:
        self.session = kit.session(folder, *WRITTEN, crystallize_after=0)
        use(self.session)
        fresh = self.session.agent("a new analyst", name="fresh")
        grown = self.session.agent("an analyst", name="grown")
        assert (grown.mean(), grown.keys(), grown.shape(), grown.read()) == (4, 4, 4, 4)
        self.subjects = {"fresh": fresh, "grown": grown, "written": grown.mean, "unwritten": fresh.total}

    def learnt(self) -> tuple[typing.Any, ...]:
        """All that would change when something is written."""
        home = self.session.store.home
        files = sorted((str(p), p.stat().st_size) for p in home.rglob("*") if p.suffix in (".py", ".json"))
        with contextlib.closing(sqlite3.connect(home / "store.sqlite3")) as db:
            tables = [name for (name,) in db.execute("select name from sqlite_master where type = 'table'")]
            rows = [db.execute(f"select count(*) from {name}").fetchone() for name in tables]
        return kit.asked(self.session), files, rows, self.session.store.generation.word[0]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("implicit"))
    yield made
    made.session.close()


AGENTS = ("fresh", "grown")
SUBJECTS = (*AGENTS, "written", "unwritten")
TEXT = {
    "fresh": "<agent fresh: a new analyst · no methods yet>",
    "grown": "<agent grown: an analyst · mean, keys, shape, read>",
    "written": "<method grown.mean · CACHED v1: calling it runs accepted code>",
    "unwritten": "<method fresh.total · NEW: calling it asks a model to write it>",
}


@pytest.fixture(params=SUBJECTS)
def subject(request, world):
    """An agent or a handle; whatever a test does with it, nothing is learnt."""
    before = world.learnt()
    yield world.subjects[request.param]
    assert world.learnt() == before


@pytest.fixture(params=AGENTS)
def agent(request, world):
    before = world.learnt()
    yield world.subjects[request.param]
    assert world.learnt() == before


def text_of(subject: typing.Any) -> str:
    return TEXT["fresh" if type(subject).__name__ == "Fresh" else "grown" if type(subject).__name__ == "Grown" else ""]


# ── what makes text of it ──


def printed(show: Do) -> Do:
    def do(x: typing.Any) -> str:
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
            show(x)
        return out.getvalue()

    return do


def long_repr() -> reprlib.Repr:
    shown = reprlib.Repr()
    shown.maxother = 200
    return shown


def logged(x: typing.Any) -> str:
    out = io.StringIO()
    log = logging.Logger("implicit")
    log.addHandler(logging.StreamHandler(out))
    log.warning(x)
    log.warning("%s %r", x, x)
    return out.getvalue()


def warned(x: typing.Any) -> str:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.warn(x, stacklevel=1)
    return str(caught[0].message)


def failed_with(x: typing.Any) -> str:
    try:
        raise ValueError(x)
    except ValueError as error:
        return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def rich_printed(**options: typing.Any) -> Do:
    def do(x: typing.Any) -> str:
        console = pytest.importorskip("rich.console").Console(file=io.StringIO(), width=200)
        console.print(x, **options)
        return console.file.getvalue()

    return do


def rich_traceback(x: typing.Any) -> str:
    rich = pytest.importorskip("rich.traceback")
    console = pytest.importorskip("rich.console").Console(file=io.StringIO(), width=200)
    try:
        raise ValueError(x)
    except ValueError:
        console.print(rich.Traceback(show_locals=True))
    return console.file.getvalue()


def rich_inspected(**options: typing.Any) -> Do:
    def do(x: typing.Any) -> str:
        rich = pytest.importorskip("rich")
        console = pytest.importorskip("rich.console").Console(file=io.StringIO(), width=200)
        rich.inspect(x, console=console, **options)
        return console.file.getvalue()

    return do


def debugger_repr(x: typing.Any) -> str:
    with pydevd():
        return importlib.import_module("_pydevd_bundle.pydevd_safe_repr").SafeRepr()(x)


@contextlib.contextmanager
def pydevd() -> typing.Iterator[None]:
    """The modules with which debugpy and PyCharm look at variables."""
    place = Path(pytest.importorskip("debugpy").__file__).parent / "_vendored" / "pydevd"
    sys.path.append(str(place))
    try:
        yield
    finally:
        sys.path.remove(str(place))


TEXTS: dict[str, Do] = {
    "repr": repr,
    "str": str,
    "ascii": lambda x: ascii(x).encode().decode("unicode_escape"),
    "f-string": lambda x: f"{x!s} {x!r}",
    "percent": lambda x: "%s %r" % (x, x),  # noqa: UP031
    "in a list": lambda x: str([x]),
    "in a dict": lambda x: str({"x": x}),
    "in an exception": lambda x: str(ValueError(x)),
    "print": printed(print),
    "print in a list": printed(lambda x: print([x])),
    "displayhook": printed(sys.__displayhook__),
    "pprint": pprint.pformat,
    "pprint in a narrow column": lambda x: pprint.pformat({"x": [x]}, width=1).replace("\n", " "),
    "reprlib": lambda x: long_repr().repr(x),
    "UserString": lambda x: str(collections.UserString(x)),
    "json default": lambda x: json.loads(json.dumps(x, default=str)),
    "logging": logged,
    "warnings": warned,
    "traceback with locals": failed_with,
    "IPython pretty": lambda x: importlib.import_module("IPython.lib.pretty").pretty(x),
    "IPython pretty in a list": lambda x: importlib.import_module("IPython.lib.pretty").pretty([x]),
    "rich print": rich_printed(soft_wrap=True, markup=False),
    "rich pretty": lambda x: pytest.importorskip("rich.pretty").pretty_repr(x),
    "rich pretty in a dict": lambda x: pytest.importorskip("rich.pretty").pretty_repr({"x": [x]}, expand_all=True),
    "rich traceback": rich_traceback,
    "debugger's repr": debugger_repr,
    "numpy": lambda x: repr(pytest.importorskip("numpy").array([x])),
    "pandas": lambda x: pytest.importorskip("pandas").DataFrame({"x": [x]}).to_string(),
    "a dataclass": lambda x: repr(dataclasses.make_dataclass("Held", ["x"])(x)),
    "functools.partial": lambda x: repr(functools.partial(print, x)),
    "SimpleNamespace": lambda x: repr(types.SimpleNamespace(x=x)),
    "mock.call": lambda x: repr(mock.call(x)),
}


@pytest.mark.parametrize("how", TEXTS)
@pytest.mark.parametrize("name", SUBJECTS)
def test_text_of_it_says_what_it_is(world, name, how):
    before = world.learnt()
    assert TEXT[name] in TEXTS[how](world.subjects[name])
    assert world.learnt() == before


SPOKEN: dict[str, Do] = {
    "pydoc": lambda x: pydoc.plain(pydoc.render_doc(x)),
    "help": printed(help),
    "rich inspect": rich_inspected(),
    "rich inspect, all of it": rich_inspected(all=True),
    "rich inspect, methods": rich_inspected(methods=True, help=True),
    "inspect.getdoc": inspect.getdoc,
}


@pytest.mark.parametrize("how", SPOKEN)
def test_what_describes_it_has_words(subject, how):
    words = SPOKEN[how](subject)
    assert re.search("analyst|mean|total|Fresh|Grown", words)
    assert "Traceback" not in words


# ── what tries what it is ──


def outcome(do: Do, x: typing.Any) -> typing.Any:
    """What comes of it, so that two different objects can be compared."""
    try:
        value = do(x)
    except Exception as error:
        return type(error)
    if value is x or value is type(x):
        return "itself" if value is x else "its class"
    same = value is None or type(value) in (bool, tuple)
    return value if same else type(value).__name__.replace(type(x).__name__, "its class")


def run_async(make: Callable[[typing.Any], typing.Any]) -> Do:
    def do(x: typing.Any) -> typing.Any:
        coroutine = make(x)
        try:
            coroutine.send(None)
        except StopIteration as end:
            return end.value
        finally:
            coroutine.close()

    return do


async def awaits(x):
    return await x


async def enters(x):
    async with x:
        return 1


async def loops(x):
    return [each async for each in x]


def entered(x):
    with x:
        return 1


def matched(x):
    match x:
        case {"a": _}:
            return "mapping"
        case [*_]:
            return "sequence"
        case str() | int():
            return "plain"
        case _:
            return "other"


def stored_at(x):
    x[0] = 1


def deleted_at(x):
    del x[0]


def raised(x):
    raise x


def raised_from(x):
    raise ValueError from x


def subclassed(x):
    class Sub(x):  # type: ignore[misc, valid-type]
        pass


def decorated(x):
    @x
    def f():
        pass


@functools.singledispatch
def dispatched(x):
    return "object"


@dispatched.register(collections.abc.Mapping)
@dispatched.register(collections.abc.Iterable)
@dispatched.register(numbers.Number)
@dispatched.register(os.PathLike)
def _(x):
    return "something"


class Colour(enum.Enum):
    RED = 1


def with_numpy(do: Callable[[typing.Any, typing.Any], typing.Any]) -> Do:
    return lambda x: do(pytest.importorskip("numpy"), x)


def with_pandas(do: Callable[[typing.Any, typing.Any], typing.Any]) -> Do:
    return lambda x: do(pytest.importorskip("pandas"), x)


SAME: dict[str, Do] = {
    "bool": bool,
    "not": lambda x: not x,
    "hash": hash,
    "id": id,
    "==": lambda x: (x == x, x == 1, x == copy.copy(x), x != x, x != 1, x == "x", x is None),
    "<": lambda x: x < x,
    ">": lambda x: x > 1,
    "in a list": lambda x: (x in [1, x], x in [1], [1, x].index(x), [x].count(x)),
    "in a set": lambda x: (x in {1}, len({x, x})),
    "as a key": lambda x: {x: 1}[x] == 1,
    "in it": lambda x: 1 in x,
    "len": len,
    "iter": iter,
    "list": list,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "unpacking": lambda x: [*x],
    "assignment to two": lambda x: [a for a, b in [x]],
    "as arguments": lambda x: print(*x),
    "reversed": reversed,
    "next": next,
    "enumerate": enumerate,
    "zip": zip,
    "map": lambda x: map(str, x),
    "filter": lambda x: filter(None, x),
    "filtered": lambda x: len(list(filter(None, [x]))) == 1,
    "any": lambda x: (any([x]), all([x])),
    "any of it": any,
    "max": lambda x: max([x, x]),
    "min of it": min,
    "sum": lambda x: sum([x, 1]),
    "sum of it": sum,
    "sorted": lambda x: sorted([x, x]),
    "sorted by key": lambda x: sorted([2, 1], key=x),
    "sorted by itself as a key": lambda x: sorted([x, x], key=id) == [x, x],
    "index": lambda x: x[0],
    "slice": lambda x: x[1:],
    "by a word": lambda x: x["a"],
    "as an index": lambda x: [1][x],
    "set an item": stored_at,
    "delete an item": deleted_at,
    "call": lambda x: x(),
    "callable": callable,
    "with": entered,
    "async with": run_async(enters),
    "await": run_async(awaits),
    "async for": run_async(loops),
    "aiter": aiter,
    "match": matched,
    "raise": raised,
    "raise from": raised_from,
    "subclass": subclassed,
    "decorator": decorated,
    "isinstance of it": lambda x: isinstance(1, x),
    "issubclass": lambda x: issubclass(x, int),
    "issubclass of it": lambda x: issubclass(int, x),
    "int": int,
    "float": float,
    "complex": complex,
    "bytes": bytes,
    "bytearray": bytearray,
    "memoryview": memoryview,
    "round": round,
    "abs": abs,
    "divmod": lambda x: divmod(x, 2),
    "pow": lambda x: pow(2, x),
    "chr": chr,
    "ord": ord,
    "hex": hex,
    "range": range,
    "neg": lambda x: -x,
    "invert": lambda x: ~x,
    **{n: lambda x, n=n: getattr(operator, n)(x, 2) for n in ("add", "sub", "mul", "truediv", "mod", "or_")},
    **{f"{n} of 2": lambda x, n=n: getattr(operator, n)(2, x) for n in ("add", "mul", "matmul", "lshift")},
    "operator.index": operator.index,
    "operator.length_hint": operator.length_hint,
    "operator.countOf": lambda x: operator.countOf(x, 1),
    "operator.itemgetter": lambda x: operator.itemgetter(0)(x),
    "operator.concat": lambda x: operator.concat(x, x),
    "format": lambda x: len(format(x)) > 5,
    "format spec": lambda x: f"{x:>80}",
    "format number": lambda x: f"{x:.2f}",
    "percent d": lambda x: "%d" % x,  # noqa: UP031
    "percent name": lambda x: "%(a)s" % x,  # noqa: UP031
    "str.join": lambda x: ",".join([x]),
    "str.join of it": ",".join,
    "str of bytes": lambda x: str(x, "utf-8"),
    "str.replace": lambda x: "a".replace("a", x),
    "str.startswith": lambda x: "a".startswith(x),
    "str.translate": lambda x: "a".translate(x),
    "str.format_map": lambda x: "{a}".format_map(x),
    "bytes.join": lambda x: b",".join([x]),
    "type": lambda x: type(x) is type(x),
    "isinstance of object": lambda x: isinstance(x, object),
    "getsizeof": sys.getsizeof,
    "getrefcount": sys.getrefcount,
    "sys.intern": sys.intern,
    "gc": lambda x: (gc.is_finalized(x), bool(gc.get_referents(x))),
    "gc of all": lambda x: any(each is x for each in gc.get_objects()),
    "eval": eval,
    "exec": exec,
    "compile": lambda x: compile(x, "x", "exec"),
    "ast.parse": ast.parse,
    "ast.dump": ast.dump,
    "os.fspath": os.fspath,
    "os.stat": os.stat,
    "os.listdir": os.listdir,
    "os.path.exists": os.path.exists,
    "os.path.join": lambda x: os.path.join("a", x),
    "os.environ": lambda x: os.environ.__setitem__("X", x),
    "os.write": lambda x: os.write(x, b""),
    "pathlib": pathlib.Path,
    "open": open,
    "StringIO": io.StringIO,
    "BytesIO": io.BytesIO,
    "json.dumps": json.dumps,
    "json.dumps as a key": lambda x: json.dumps({x: 1}),
    "json.loads": json.loads,
    "marshal": marshal.dumps,
    "pickle": lambda x: type(pickle.loads(pickle.dumps(x))) is type(x),
    **{f"pickle {n}": lambda x, n=n: type(pickle.loads(pickle.dumps(x, n))) is type(x) for n in range(2, 6)},
    "pickle.loads": pickle.loads,
    "copy": lambda x: type(copy.copy(x)) is type(x),
    "deepcopy": lambda x: type(copy.deepcopy({"a": [x]})["a"][0]) is type(x),
    "copyreg": lambda x: callable(x.__reduce_ex__(2)[0]),
    "copyreg.constructor": copyreg.constructor,
    "ast.copy": lambda x: vars(copy.copy(x)) == vars(x),
    "sqlite3": lambda x: sqlite3.connect(":memory:").execute("select ?", (x,)),
    "sqlite3.connect": sqlite3.connect,
    "csv.reader": csv.reader,
    "csv.DictReader": lambda x: next(csv.DictReader(x)),
    "csv row": lambda x: csv.writer(io.StringIO()).writerow([x]) > 5,
    "csv row of it": lambda x: csv.writer(io.StringIO()).writerow(x),
    "struct": lambda x: struct.pack("i", x),
    "array": lambda x: array.array("i", [x]),
    "array of it": lambda x: array.array("i", x),
    "ctypes.c_int": ctypes.c_int,
    "ctypes.py_object": ctypes.py_object,
    "hashlib": hashlib.sha256,
    "base64": base64.b64encode,
    "codecs": lambda x: codecs.encode(x, "utf-8"),
    "re.match": lambda x: re.match("a", x),
    "re.compile": re.compile,
    "re.sub": lambda x: re.sub("a", x, "b"),
    "textwrap": textwrap.dedent,
    "string.Template": lambda x: string.Template(x).substitute(),
    "random.choice": lambda x: random.choice([x]) is x,
    "random.choice of it": random.choice,
    "random.seed": lambda x: random.Random(x),
    "statistics": statistics.mean,
    "statistics of a list": lambda x: statistics.mean([x, 1]),
    "math.floor": math.floor,
    "math.trunc": math.trunc,
    "math.sqrt": math.sqrt,
    "math.isnan": math.isnan,
    "math.fsum": math.fsum,
    "Fraction": fractions.Fraction,
    "Decimal": decimal.Decimal,
    "enum": Colour,
    "enum member": lambda x: x in Colour.__members__.values(),
    "time.sleep": time.sleep,
    "time.localtime": time.localtime,
    "heapq.heappush": lambda x: heapq.heappush([], x),
    "heapq.heapify": lambda x: heapq.heapify([x, x]),
    "bisect": lambda x: bisect.insort([1], x),
    "itertools.chain": lambda x: list(itertools.chain(x)),
    "itertools.groupby": lambda x: len(list(itertools.groupby([x, x]))) == 1,
    "Counter": collections.Counter,
    "Counter of a list": lambda x: collections.Counter([x, x])[x] == 2,
    "deque": collections.deque,
    "deque with it": lambda x: collections.deque([x]).count(x) == 1,
    "ChainMap": lambda x: collections.ChainMap(x)["a"],
    "UserList": collections.UserList,
    "defaultdict": collections.defaultdict,
    "dict.fromkeys": dict.fromkeys,
    "functools.partial": functools.partial,
    "functools.cache": lambda x: functools.cache(id)(x) == id(x),
    "functools.wraps": lambda x: callable(functools.wraps(x, ["__module__", "__doc__"], [])(lambda: 1)),
    "functools.reduce": lambda x: functools.reduce(max, x),
    "functools.cmp_to_key": functools.cmp_to_key,
    "singledispatch": lambda x: (dispatched(x),),
    "weakref.ref": lambda x: weakref.ref(x)() is x,
    "weakref.proxy": lambda x: bool(weakref.proxy(x)),
    "weakref in a set": lambda x: x in weakref.WeakSet([x]),
    "weakref as a key": lambda x: x in weakref.WeakKeyDictionary({x: 1}),
    "weakref.finalize": lambda x: weakref.finalize(x, print).detach() is not None,
    "nullcontext": lambda x: contextlib.nullcontext(x).__enter__() is x,
    "ExitStack": lambda x: contextlib.ExitStack().enter_context(x),
    "ExitStack push": lambda x: contextlib.ExitStack().push(x),
    "contextmanager": lambda x: contextlib.contextmanager(x)(),
    "asyncio.iscoroutine": lambda x: (asyncio.iscoroutine(x), asyncio.isfuture(x)),
    "asyncio.run": asyncio.run,
    "dataclass": lambda x: (dataclasses.is_dataclass(x),),
    "dataclasses.asdict": dataclasses.asdict,
    "dataclasses.fields": dataclasses.fields,
    "dataclasses.replace": dataclasses.replace,
    "dataclass that holds it": lambda x: dataclasses.asdict(dataclasses.make_dataclass("Held", ["x"])(x))["x"] is not x,
    "attrs": lambda x: pytest.importorskip("attr").has(type(x)),
    "attrs.asdict": lambda x: pytest.importorskip("attr").asdict(x),
    "typing.get_origin": lambda x: (typing.get_origin(x), typing.get_args(x), typing.is_typeddict(x)),
    "typing.Optional": lambda x: typing.Optional[x],  # noqa: UP045
    "typing.NamedTuple": lambda x: typing.NamedTuple("N", x),
    "list of it": lambda x: list[x],
    "abstract": inspect.isabstract,
    "abc.ABC.register": abc.ABC.register,
    "logging.getLogger": logging.getLogger,
    "warnings category": lambda x: warnings.warn("a", x, stacklevel=1),
    "doctest": lambda x: doctest.DocTestFinder().find(x),
    "doctest by name": lambda x: doctest.DocTestFinder().find(x, "x"),
    "pydoc.describe": pydoc.describe,
    "urllib.parse.quote": urllib.parse.quote,
    "subprocess": lambda x: subprocess.run([x], check=False),
    "thread pool": lambda x: concurrent.futures.wait([x]),
    "unittest equal": lambda x: unittest.TestCase().assertEqual(x, x),  # noqa: PT009
    "unittest in": lambda x: unittest.TestCase().assertIn(1, x),  # noqa: PT009
    "approx": lambda x: pytest.approx(x) == 1,
    "mock spec": lambda x: mock.Mock(spec=x),
    "mock spec_set": lambda x: mock.MagicMock(spec_set=x),
    "mock autospec": mock.create_autospec,
    "mock autospec set": lambda x: mock.create_autospec(x, spec_set=True, instance=True),
    "mock wraps": lambda x: mock.Mock(wraps=x),
    "mock patch": lambda x: entered(mock.patch.object(Empty, "held", x, create=True)),
    "mock equality": lambda x: (mock.call(x) == mock.call(x), x == mock.ANY),
    "inspect.signature": inspect.signature,
    "inspect.getsource": inspect.getsource,
    "inspect.getsourcefile": inspect.getsourcefile,
    "inspect.getfile": inspect.getfile,
    "inspect.getmodule": inspect.getmodule,
    "inspect.getcomments": inspect.getcomments,
    "inspect.getmembers": inspect.getmembers,
    "inspect.getmembers_static": inspect.getmembers_static,
    "inspect.getattr_static": lambda x: inspect.getattr_static(x, "nothing"),
    "inspect.unwrap": inspect.unwrap,
    "inspect.getclosurevars": inspect.getclosurevars,
    "inspect.getcallargs": inspect.getcallargs,
    "inspect.getmro": lambda x: inspect.getmro(x),
    "inspect.getfullargspec": inspect.getfullargspec,
    "inspect.get_annotations": inspect.get_annotations,
    "callable dir": lambda x: type(dir(x)),
    "rich table": lambda x: pytest.importorskip("rich.table").Table("a").add_row(x),
    "np.asarray": with_numpy(lambda np, x: (np.asarray(x).shape, str(np.asarray(x).dtype))),
    "np.array": with_numpy(lambda np, x: (np.array([x, 1]).shape, np.array([[x], [x]]).shape)),
    "np.array of floats": with_numpy(lambda np, x: np.array([x], float)),
    "np.asarray of ints": with_numpy(lambda np, x: np.asarray(x, int)),
    "np.full": with_numpy(lambda np, x: np.full(3, x, object).shape),
    "np.isscalar": with_numpy(lambda np, x: (np.isscalar(x), np.iterable(x))),
    "np.isnan": with_numpy(lambda np, x: np.isnan(x)),
    "np.add": with_numpy(lambda np, x: np.add(x, 1)),
    "np.array times it": with_numpy(lambda np, x: np.arange(3) * x),
    "np.array equals it": with_numpy(lambda np, x: tuple(np.arange(2) == x)),
    "np.array of it by index": with_numpy(lambda np, x: np.arange(3)[x]),
    "np.array is set to it": with_numpy(lambda np, x: np.zeros(3).__setitem__(0, x)),
    "np.unique": with_numpy(lambda np, x: np.unique([x, 1])),
    "np.concatenate": with_numpy(lambda np, x: np.concatenate([x, x])),
    "np.random": with_numpy(lambda np, x: np.random.default_rng(x)),
    "np.reshape": with_numpy(lambda np, x: np.reshape(x, 1).shape),
    "np.transpose": with_numpy(lambda np, x: np.transpose(x).shape),
    "np.where": with_numpy(lambda np, x: np.where([True], x, 1).shape),
    "np.array_equal": with_numpy(lambda np, x: np.array_equal(x, x)),
    "pd.isna": with_pandas(lambda pd, x: (pd.isna(x), pd.notna(x))),
    "pd.Series of a list": with_pandas(lambda pd, x: (len(pd.Series([x])), str(pd.Series([x]).dtype))),
    "pd.Series": with_pandas(lambda pd, x: pd.Series(x)),
    "pd.Series at": with_pandas(lambda pd, x: pd.Series(x, index=[1, 2]).shape),
    "pd.DataFrame": with_pandas(lambda pd, x: pd.DataFrame(x)),
    "pd.DataFrame of a list": with_pandas(lambda pd, x: pd.DataFrame([x]).shape),
    "pd.DataFrame of a dict": with_pandas(lambda pd, x: pd.DataFrame({"a": x}, index=[1, 2]).shape),
    "pd column": with_pandas(lambda pd, x: pd.DataFrame({"a": [1, 2]}).assign(b=x).shape),
    "pd.Index": with_pandas(lambda pd, x: pd.Index([x]).shape),
    "pd.Index of it": with_pandas(lambda pd, x: pd.Index(x)),
    "pd.Categorical": with_pandas(lambda pd, x: len(pd.Categorical([x, x]).categories) == 1),
    "pd.to_datetime": with_pandas(lambda pd, x: pd.to_datetime(x)),
    "pd.Timestamp": with_pandas(lambda pd, x: pd.Timestamp(x)),
    "pd.concat": with_pandas(lambda pd, x: pd.concat([x])),
    "pd.merge": with_pandas(lambda pd, x: pd.merge(x, x)),
    "pd.Series plus": with_pandas(lambda pd, x: pd.Series([1, 2]) + x),
    "pd.Series isin": with_pandas(lambda pd, x: tuple(pd.Series([1, x]).isin([x]))),
    "pd.Series fillna": with_pandas(lambda pd, x: pd.Series([None, "a"], dtype=object).fillna(x)[0] is x),
    "pd.Series map": with_pandas(lambda pd, x: pd.Series([1, 2]).map(x)),
    "pd.DataFrame by it": with_pandas(lambda pd, x: pd.DataFrame({"a": [1]})[x]),
    "pd.DataFrame loc": with_pandas(lambda pd, x: pd.DataFrame({"a": [1]}).loc[x]),
}

IS = [name for name in dir(inspect) if name.startswith("is") and callable(getattr(inspect, name))]
SAME |= {f"inspect.{name}": getattr(inspect, name) for name in IS}
ABCS = [
    each
    for module in (
        "numbers",
        "io",
        "os",
        "typing",
        "contextlib",
        "importlib.abc",
        "collections.abc",
        "asyncio",
        "string",
    )
    for each in vars(importlib.import_module(module)).values()
    if isinstance(each, abc.ABCMeta)
]
SAME |= {f"isinstance of {each.__module__}.{each.__name__}": lambda x, each=each: isinstance(x, each) for each in ABCS}
CALLS_IT = {"call", "sorted by key", "decorator", "contextmanager", "pd column", "pd.Series map", "pd.DataFrame by it"}
CALLS_IT |= {"pd.DataFrame loc"}
"""Where what is given a method calls it, as its reader meant."""


@pytest.mark.parametrize("what", SAME)
def test_an_agent_does_and_raises_what_an_empty_class_does(agent, what):
    expected, seen = outcome(SAME[what], Empty()), outcome(SAME[what], agent)
    if isinstance(expected, type) and isinstance(seen, type):
        assert issubclass(seen, expected), (seen, expected)
    else:
        assert seen == expected


@pytest.mark.parametrize("what", sorted(SAME.keys() - CALLS_IT))
@pytest.mark.parametrize("name", ["written", "unwritten"])
def test_a_method_may_be_tried_for_anything_and_nothing_is_written(world, name, what):
    before = world.learnt()
    outcome(SAME[what], world.subjects[name])
    assert world.learnt() == before


# ── what asks for a public name ──


@typing.runtime_checkable
class HasShape(typing.Protocol):
    shape: object


@typing.runtime_checkable
class Reads(typing.Protocol):
    def read(self) -> object: ...


@typing.runtime_checkable
class Closes(typing.Protocol):
    def close(self) -> object: ...


PROBES: dict[str, Do] = {
    "typing.get_type_hints": typing.get_type_hints,
    "hasattr": lambda x: [hasattr(x, n) for n in ("shape", "dtype", "columns", "read", "to_dict", "model_dump")],
    "protocol": lambda x: [isinstance(x, each) for each in (HasShape, Reads, Closes)],
    "ast.literal_eval": ast.literal_eval,
    "ast.walk": lambda x: list(ast.walk(x)),
    "inspect.getgeneratorstate": inspect.getgeneratorstate,
    "inspect.getcoroutinestate": inspect.getcoroutinestate,
    "operator.attrgetter": lambda x: operator.attrgetter("shape")(x),
    "str.format of an attribute": "{0.shape}".format,
    "TextIOWrapper": io.TextIOWrapper,
    "BufferedReader": io.BufferedReader,
    "csv.writer": csv.writer,
    "contextlib.closing": contextlib.closing,
    "np.ndim": with_numpy(lambda np, x: np.ndim(x)),
    "np.shape": with_numpy(lambda np, x: np.shape(x)),
    "np.size": with_numpy(lambda np, x: np.size(x)),
    "np.dtype": with_numpy(lambda np, x: np.dtype(x)),
    "np.result_type": with_numpy(lambda np, x: np.result_type(x)),
    "np.can_cast": with_numpy(lambda np, x: np.can_cast(x, int)),
    "pd.to_numeric": with_pandas(lambda pd, x: pd.to_numeric(x)),
    "pd.Series equals": with_pandas(lambda pd, x: pd.Series([1, 2]) == x),
    "pd.DataFrame equals": with_pandas(lambda pd, x: pd.DataFrame({"a": [1]}) == x),
    "pd.DataFrame replace": with_pandas(lambda pd, x: pd.DataFrame({"a": [1]}).replace(1, x)),
    "pd.factorize": with_pandas(lambda pd, x: pd.factorize(x)),
    "pd.unique": with_pandas(lambda pd, x: pd.unique(x)),
    "pd.cut": with_pandas(lambda pd, x: pd.cut(x, 3)),
    "singledispatchmethod": lambda x: functools.singledispatchmethod(x),
    "logging.Handler": lambda x: logging.StreamHandler(x).handle(logging.makeLogRecord({"msg": "a"})),
    "importlib.resources": lambda x: importlib.import_module("importlib.resources").files(x),
    "typing.get_protocol": lambda x: issubclass(type(x), HasShape),
}


@pytest.mark.parametrize("what", PROBES)
def test_what_asks_whether_there_is_a_public_name_writes_nothing(subject, what):
    seen = outcome(PROBES[what], subject)
    assert not isinstance(seen, type) or issubclass(seen, TypeError | AttributeError | ValueError)


PANDAS_TYPES = [name for name in dir(importlib.import_module("pandas").api.types) if name.startswith("is_")]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted({*PANDAS_TYPES} - {"is_file_like", "is_string_dtype"}))  # ask for .read, .dtype
def test_pandas_s_questions_of_type_have_the_answer_of_an_empty_class(agent, name):
    ask = getattr(importlib.import_module("pandas").api.types, name)
    assert outcome(ask, agent) == outcome(ask, Empty())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PANDAS_TYPES)
def test_pandas_s_questions_of_a_method_s_type_write_nothing(subject, name):
    outcome(getattr(importlib.import_module("pandas").api.types, name), subject)


ASKS: dict[str, tuple[str, Do]] = {
    "dict": ("keys", dict),
    "dict.update": ("keys", lambda x: {}.update(x)),
    "**": ("keys", lambda x: dict(**x)),
    "OrderedDict": ("keys", collections.OrderedDict),
    "print to it": ("write", lambda x: print("x", file=x)),
    "redirect_stdout": ("write", lambda x: run_with_stdout(x)),
    "closing": ("close", lambda x: entered(contextlib.closing(x))),
    "csv.writer's rows": ("write", lambda x: csv.writer(x).writerow([1])),
    "csv.DictWriter": ("write", lambda x: csv.DictWriter(x, ["a"]).writeheader()),
    "json.dump": ("write", lambda x: json.dump({}, x)),
    "json.load": ("read", json.load),
    "pickle.dump": ("write", lambda x: pickle.dump(1, x)),
    "pickle.load": ("peek", pickle.load),
    "marshal.dump": ("write", lambda x: marshal.dump(1, x)),
    "marshal.load": ("read", marshal.load),
    "traceback to it": ("write", lambda x: traceback.print_stack(file=x)),
    "pprint to it": ("write", lambda x: pprint.pprint(1, stream=x)),
    "ElementTree.parse": ("read", xml.etree.ElementTree.parse),
    "zipfile": ("seek", zipfile.ZipFile),
    "shlex": ("read", lambda x: list(shlex.shlex(x))),
    "select": ("fileno", lambda x: select.select([x], [], [], 0)),
    "subprocess's input": ("fileno", lambda x: subprocess.run([sys.executable], stdin=x, check=False)),
    "uuid": ("replace", uuid.UUID),
    "urlparse": ("decode", urllib.parse.urlparse),
    "html.escape": ("replace", html.escape),
    "methodcaller": ("close", operator.methodcaller("close")),
    "np.mean": ("mean", with_numpy(lambda np, x: np.mean(x))),
    "np.sum": ("sum", with_numpy(lambda np, x: np.sum(x))),
    "np.max": ("max", with_numpy(lambda np, x: np.max(x))),
    "np.std": ("std", with_numpy(lambda np, x: np.std(x))),
    "np.round": ("rint", with_numpy(lambda np, x: np.round(x))),
    "np.sqrt": ("sqrt", with_numpy(lambda np, x: np.sqrt(x))),
    "np.exp": ("exp", with_numpy(lambda np, x: np.exp(x))),
    "np.log of an array": ("log", with_numpy(lambda np, x: np.log(np.array([x])))),
    "np.load": ("read", with_numpy(lambda np, x: np.load(x))),
    "np.save": ("write", with_numpy(lambda np, x: np.save(x, [1]))),
    "pd.read_csv": ("(encoding|mode|read)", with_pandas(lambda pd, x: pd.read_csv(x))),
    "pd.read_json": ("(encoding|mode|read)", with_pandas(lambda pd, x: pd.read_json(x))),
    "pd.DataFrame.to_csv": ("(mode|write)", with_pandas(lambda pd, x: pd.DataFrame({"a": [1]}).to_csv(x))),
    "a computed name": ("close", lambda x: getattr(x, "".join(["clo", "se"]))()),
}


def run_with_stdout(x: typing.Any) -> None:
    with contextlib.redirect_stdout(x):
        builtins.print("x")


@pytest.mark.parametrize("what", ASKS)
def test_what_calls_a_public_name_writes_nothing_and_is_told_who_asked(world, what):
    name, do = ASKS[what]
    before = world.learnt()
    with pytest.raises(Exception) as caught:  # noqa: PT011
        do(world.subjects["fresh"])
    asked = [e for e in (caught.value, caught.value.__cause__, caught.value.__context__) if isinstance(e, UnaskedCall)]
    assert asked, repr(caught.value)
    assert re.search(
        rf"asked for \.{name}\(...\), and this agent has no code|\.{name}\(...\) is not written in", str(asked[0])
    )
    assert world.learnt() == before


@pytest.mark.parametrize("what", ASKS)
def test_what_calls_a_name_that_is_written_may_run_it_and_writes_nothing(world, what):
    before = world.learnt()
    outcome(ASKS[what][1], world.subjects["grown"])
    assert world.learnt() == before


# ── in IPython ──


@pytest.fixture(scope="module")
def shell(world, tmp_path_factory):
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.TerminalInteractiveShell.simple_prompt = True
    made = InteractiveShell(config=config, ipython_dir=str(tmp_path_factory.mktemp("ipython")))
    made.user_ns.update(world.subjects, held={"agents": [*world.subjects.values()]})
    made.run_line_magic("load_ext", "storemagic")
    return made


def said(shell: InteractiveShell, capsys: pytest.CaptureFixture[str], cell: str) -> str:
    capsys.readouterr()
    shell.run_cell(cell)
    return "".join(capsys.readouterr())


CELLS = {
    "{x}": "",
    "x = {x}; x": "",
    "[{x}]": "",
    "{x}?": "",
    "{x}??": "",
    "?{x}": "",
    "%pinfo {x}": "",
    "%pinfo2 {x}": "",
    "%pdoc {x}": "",
    "%psource {x}": "",
    "%pfile {x}": "",
    "%pdef {x}": "",
    "%page {x}": "",
    "%whos": "fresh",
    "%who": "fresh",
    "%who_ls": "fresh",
    "%who Fresh": "",
    "%psearch {x}*": "",
    "%psearch {x}.m*": "",
    "*{x}*?": "",
    "{x}.*?": "",
    "held['agents']?": "",
    "display({x})": "",
    "print({x})": "",
    "%pprint": "",
    "%xmode": "",
    "_": "",
    "Out": "",
    "dir({x})": "",
    "vars()": "",
    "import pprint; pprint.pprint(held)": "",
    "%store {x}": "",
    "%store": "",
    "%%capture\n{x}": "",
    "get_ipython().object_inspect('{x}')": "",
    "get_ipython().object_inspect_mime('{x}', detail_level=2)": "",
    "get_ipython().inspector.info({x})": "",
    "get_ipython().user_expressions(dict(a='{x}'))": "",
    "{x}.nothing_yet?": "",
    "{x}.nothing_yet??": "",
    "{x}.nothing_yet": "",
    "{x}.mean?": "",
    "{x}.mean??": "",
    "%pdef {x}.mean": "",
    "/{x}.mean?": "",
    "{x}: 'mean()'": "",
}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("name", SUBJECTS)
def test_ipython_looks_for_nothing(world, shell, capsys, name, cell):
    before = world.learnt()
    text = said(shell, capsys, cell.replace("{x}", name))
    assert CELLS[cell] in text
    assert "Error in callback" not in text
    assert world.learnt() == before


def test_ipython_shows_what_it_is_and_its_written_code(world, shell, capsys):
    assert TEXT["grown"] in said(shell, capsys, "grown")
    assert "grown.mean  CACHED v1" in said(shell, capsys, "grown?")
    assert "return 4" in said(shell, capsys, "grown.mean??")
    assert "not written yet" in said(shell, capsys, "fresh.total?")
    assert re.search(r"grown +Grown +<agent grown", said(shell, capsys, "%whos"))


@pytest.mark.parametrize("mode", ["Plain", "Context", "Verbose", "Minimal", "Docs"])
@pytest.mark.parametrize("name", SUBJECTS)
def test_a_traceback_among_agents_is_a_traceback(world, shell, capsys, mode, name):
    before = world.learnt()
    if mode not in shell.InteractiveTB.valid_modes:
        mode = "Context"
    shell.run_line_magic("xmode", mode)
    text = said(shell, capsys, f"def fails(x, *more, **names):\n    y = [x]\n    1 / 0\nfails({name}, held, a={name})")
    assert "ZeroDivisionError" in text
    if mode == "Verbose":
        assert TEXT[name] in text
    assert world.learnt() == before


def completions(shell: InteractiveShell, text: str) -> list[str]:
    """What Tab offers, in the terminal and in a kernel."""
    with provisionalcompleter():
        return [found.text for found in shell.Completer.completions(text, len(text))]


@pytest.mark.parametrize("evaluation", ["forbidden", "minimal", "limited", "unsafe", "dangerous"])
@pytest.mark.parametrize("jedi", [True, False], ids=["jedi", "no jedi"])
def test_tab_asks_nobody_whatever_it_may_evaluate(world, shell, jedi, evaluation):
    before = world.learnt()
    shell.Completer.use_jedi = jedi
    shell.Completer._trait_values["evaluation"] = evaluation  # some IPythons raise KeyError where it is set
    for name in SUBJECTS:
        for text in (
            f"{name}.",
            f"{name}.m",
            f"{name}().",
            f"{name}.mean().",
            f"{name}.nothing_yet().",
            f"{name}.nothing_yet.",
            f"{name}[0].",
            f"{name}['",
            f"[{name}][0].",
            "held['agents'][0].",
            f"{name}.mean()[0].x",
            f"({name} + 1).",
            f"{name}.nothing_yet(",
            f"print({name}.m",
            f"len({name}).",
            f"for a in {name}.nothing_yet(): a.",
            f"abs({name}).",
            f"%timeit {name}.m",
        ):
            completions(shell, text)
    looks = jedi or evaluation in ("limited", "unsafe", "dangerous")  # else not even at a name with a __getattr__
    assert not looks or {"mean", "keys"} <= {
        found.removeprefix("grown").removeprefix(".") for found in completions(shell, "grown.")
    }
    assert world.learnt() == before


@pytest.mark.parametrize("name", SUBJECTS)
def test_every_display_of_ipython_is_text_alone(world, shell, name):
    before = world.learnt()
    data, _ = shell.display_formatter.format(world.subjects[name])
    assert data == {"text/plain": TEXT[name]}
    for formatter in shell.display_formatter.formatters.values():
        formatter(world.subjects[name])
    assert world.learnt() == before


# ── variable viewers ──


def in_vscode(x: typing.Any) -> list[typing.Any]:
    """What VS Code's notebook extension asks of each variable."""
    seen = [type(x).__name__, str(x)[:1000], [n for n in dir(x) if not n.startswith("__")], hasattr(x, "__dict__")]
    if hasattr(x, "shape"):
        seen.append(isinstance(x.shape, tuple) and str(x.shape))
    if hasattr(x, "__len__"):
        with contextlib.suppress(TypeError):
            seen.append(len(x))
    for name in ("dtype", "columns", "to_pandas", "__dataframe__", "toPandas", "_to_pandas"):
        seen.append(hasattr(x, name))
    return seen


def in_debugger(x: typing.Any) -> list[typing.Any]:
    """What debugpy, and PyCharm whose modules it carries, asks of a variable, folded and unfolded."""
    with pydevd():
        xml = importlib.import_module("_pydevd_bundle.pydevd_xml")
    resolver = xml.get_type(x)[-1]
    unfolded = [resolver.get_dictionary(x), resolver.get_contents_debug_adapter_protocol(x)] if resolver else []
    return [xml.get_variable_details(x), xml.var_to_xml(x, "x"), xml.var_to_xml([x], "x"), *unfolded]


def in_pycharm(x: typing.Any) -> list[typing.Any]:
    """PyCharm's view of an array or a frame tries these when it unfolds a variable."""
    tried = [lambda: x.shape, lambda: x.dtype, lambda: x.__array__, lambda: len(x), lambda: [*x], lambda: x.__class__]
    seen = []
    for each in tried:
        with contextlib.suppress(Exception):
            seen.append(repr(each()))
    return seen


@pytest.mark.parametrize("view", [in_vscode, in_debugger, in_pycharm])
@pytest.mark.parametrize("name", SUBJECTS)
def test_a_variable_viewer_shows_it(world, view, name):
    before = world.learnt()
    assert view(world.subjects[name])
    assert world.learnt() == before


def test_a_debugger_s_row_is_the_agent_s_own_text(world):
    assert TEXT["grown"] in str(in_debugger(world.subjects["grown"])[0])
