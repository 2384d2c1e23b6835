"""Twenty methods as people want them, each with what it must answer."""

from __future__ import annotations

import ast
import inspect
import textwrap
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Useful:
    """One method that does no harm, the arguments of its call and the right answer."""

    name: str
    source: str
    answer: Any
    args: tuple[Any, ...] = ()
    needs: str = ""


BENIGN: dict[str, Useful] = {}


def useful(answer: Any, *args: Any, needs: str = "") -> Any:
    """Put a function into the table."""

    def put(function: Any) -> Any:
        text = textwrap.dedent(inspect.getsource(function))
        node = ast.parse(text).body[0]
        assert isinstance(node, ast.FunctionDef)
        source = "\n".join(text.splitlines()[node.lineno - 1 :])
        BENIGN[function.__name__] = Useful(function.__name__, source, answer, args, needs)
        return function

    return put


@useful(6)
def adds_a_file(self):
    """The file that was granted: its lines are 1, 2 and 3."""
    with open(self.path) as file:
        return sum(int(line) for line in file)


@useful([{"a": "1", "b": "x"}], "a,b\n1,x\n")
def reads_a_table(self, text):
    """csv."""
    import csv
    import io

    return list(csv.DictReader(io.StringIO(text)))


@useful({"a": [1, None, 2.5, True]}, '{"a": [1, null, 2.5, true]}')
def reads_json(self, text):
    """json."""
    import json

    return json.loads(text)


@useful(["12", "7"], "a12 b7")
def finds_by_a_pattern(self, text):
    """re."""
    import re

    return re.findall(r"\d+", text)


@useful("2024-03-01", "2024-02-28", 2)
def goes_on_by_days(self, day, days):
    """datetime."""
    from datetime import date, timedelta

    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


@useful(2.5, [1, 2, 3, 4])
def takes_the_middle(self, numbers):
    """statistics."""
    import statistics

    return statistics.median(numbers)


@useful([("a", 3), ("b", 2)], [("b", 2), ("a", 3)])
def makes_records(self, pairs):
    """dataclasses, sorted by a key."""
    from dataclasses import astuple, dataclass

    @dataclass(frozen=True)
    class Item:
        name: str
        count: int

    return [astuple(item) for item in sorted((Item(*pair) for pair in pairs), key=lambda item: -item.count)]


@useful("0.30", "0.1", "0.2")
def adds_money(self, one, other):
    """decimal."""
    from decimal import Decimal

    return str((Decimal(one) + Decimal(other)).quantize(Decimal("0.01")))


@useful({"a": 3, "b": 5}, [("a", 1), ("b", 5), ("a", 2)], needs="pandas")
def groups_a_frame(self, pairs):
    """pandas."""
    import pandas

    frame = pandas.DataFrame(pairs, columns=["name", "count"])
    return {name: int(count) for name, count in frame.groupby("name")["count"].sum().items()}


@useful(285.0, 10, needs="numpy")
def adds_squares(self, n):
    """numpy."""
    import numpy

    return float((numpy.arange(n, dtype=float) ** 2).sum())


@useful([0, 1, 1, 2, 3, 5, 8], 7)
def goes_step_by_step(self, n):
    """A generator inside."""
    import itertools

    def steps():
        a, b = 0, 1
        while True:
            yield a
            a, b = b, a + b

    return list(itertools.islice(steps(), n))


@useful([1, 4, 9, 16], [1, 2, 3, 4])
def works_in_threads(self, numbers):
    """A pool of threads that ends."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda n: n * n, numbers))


@useful("three", "three")
def writes_in_its_own_place(self, text):
    """A file of its own, read again."""
    import os
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        with open(os.path.join(place, "a.txt"), "w") as file:
            file.write(text)
        with open(os.path.join(place, "a.txt")) as file:
            return file.read()


@useful(b"abc", b"abc")
def keeps_bytes_for_a_while(self, data):
    """A temporary file."""
    import tempfile

    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        return file.read()


@useful(8, 3)
def counts_moves(self, n):
    """Recursion."""

    def moves(discs):
        return 1 if discs == 0 else moves(discs - 1) * 2

    return moves(n)


@useful(499999500000, 1_000_000)
def holds_a_long_list(self, n):
    """A list of a million."""
    return sum(list(range(n)))


@useful("GRÜSSE, Ωμέγα 🙂", "Grüße, Ωμέγα 🙂")
def speaks_many_languages(self, text):
    """Unicode."""
    import unicodedata

    return unicodedata.normalize("NFC", text[:5].upper() + text[5:])


@useful("2024-07-01T14:00:00+02:00", "2024-07-01T12:00:00+00:00", "Europe/Berlin")
def tells_the_time_elsewhere(self, when, where):
    """zoneinfo, which reads files of its own."""
    from datetime import datetime
    from zoneinfo import ZoneInfo

    return datetime.fromisoformat(when).astimezone(ZoneInfo(where)).isoformat()


@useful([("a", 3)], [("a", 1), ("a", 2)])
def asks_a_database(self, rows):
    """sqlite3, in memory."""
    import sqlite3

    base = sqlite3.connect(":memory:")
    base.execute("create table t(name, n)")
    base.executemany("insert into t values (?, ?)", rows)
    return base.execute("select name, sum(n) from t group by name").fetchall()


@useful("900150983cd24fb0d6963f7d28e17f72", b"abc")
def packs_and_marks(self, data):
    """zlib and hashlib."""
    import hashlib
    import zlib

    return hashlib.md5(zlib.decompress(zlib.compress(data, 9)), usedforsecurity=False).hexdigest()


@useful([1, 2, 3, 4], [3, 1, 4, 2])
def draws_and_sorts(self, numbers):
    """random, which asks the system for its seed."""
    import random

    random.shuffle(numbers)
    return sorted(numbers)


@useful(2)
def keeps_count(self):
    """State that it keeps from call to call."""
    if not hasattr(self, "count"):
        self.count = 1
    self.count += 1
    return self.count
