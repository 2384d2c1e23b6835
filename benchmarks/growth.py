"""How times and sizes grow with what a home holds: `PYTHONPATH=. python benchmarks/growth.py`, a few minutes.

A figure stands beside the same at a tenth (or half) of the size, measured in turn, so that the ratio says how it grows:
10 at ten times the size is a straight line. Times are those of the processor, so that a busy machine spoils none; only
that of a new version, which waits for the disk, is the clock's. The figures also go to `results/growth.json`.
"""

from __future__ import annotations

import ast
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from bench import ROOT, Row, _world, beside, report, table

from agent_repl import open_session, pin
from agent_repl.records import Entry, Key, Premise, Version
from agent_repl.stores.rows import Row as Record
from agent_repl.stores.rows import row_of, sha256
from agent_repl.stores.signing import user_key
from agent_repl.stores.sqlite import SqliteStore
from agent_repl_code.unit import digest

GUARD = (Premise("a", "int"), Premise("b", "int"), Premise("self.factor", "int"))
METHOD = '''import math
from collections import Counter


def _scaled_{0}(x, by={0}):
    """x times {0}."""
    return x * by + {0}


def method_{0}(self, a, b=2):
    """Number {0}: a sum that is scaled."""
    total = math.floor(a + b + self.factor)
    seen = Counter([a, b])
    if seen[a] > 1:
        total += 1
    return _scaled_{0}(total)
'''


def main() -> int:
    """Measure, print a table, write JSON."""
    with tempfile.TemporaryDirectory() as folder, _world(Path(folder)):
        rows = [row for group in (loads, class_files, stores) for row in group(Path(folder), 2)]
    print(table(rows))
    out = ROOT / "benchmarks" / "results" / "growth.json"
    out.write_text(json.dumps(report(rows), indent=1) + "\n", encoding="utf-8")
    return 0


def loads(folder: Path, turns: int, sizes: Sequence[int] = (10, 100, 1000)) -> Iterator[Row]:
    """A session is opened, and an agent made whose methods are all pinned: its class file is checked and loaded."""
    homes = {size: _pinned(folder / f"load-{size}", size) for size in sizes}
    yield from _growth("open, {:,} pinned methods", "{:,} methods", homes, _loaded, turns)


def class_files(folder: Path, turns: int, sizes: Sequence[int] = (25, 50, 100, 200)) -> Iterator[Row]:
    """One more method is pinned into a class of so many: the file is written and loaded again."""
    agents = {size: open_session(_pinned(folder / f"pin-{size}", size)).agent("adder", factor=3) for size in sizes}
    yield from _growth("pin, class of {:,}", "class of {:,}", agents, lambda agent: pin(agent, "method_0"), turns)


def stores(folder: Path, turns: int, sizes: Sequence[int] = (1_000, 10_000, 100_000)) -> Iterator[Row]:
    """A home of so many methods, ten to an identity: its size, its first opening, a lookup, a new version."""
    homes = {size: _home_of(folder / f"store-{size}", size) for size in sizes}
    opened = {size: SqliteStore(home, user_key()) for size, home in homes.items()}
    for small, large in pairwise(sizes):
        here, there = ((homes[size] / "store.sqlite3").stat().st_size / 1e6 for size in (large, small))
        yield Row(f"store of {large:,}, size", here, f"{small:,}", there, here / there, "MB")
    yield from _growth("store of {:,}, opening", "{:,}", homes, lambda home: SqliteStore(home, user_key()), turns)
    looks: dict[str, Callable[[SqliteStore], object]] = {
        "an identity's methods": lambda store: store.entries("identity 7"),
        "all names of agents": SqliteStore.agents,
        "drafts of all": SqliteStore.newest,
    }
    for what, look in looks.items():
        yield from _growth(f"store of {{:,}}, {what}", "{:,}", opened, look, turns)
    yield from _growth("store of {:,}, a new version", "{:,}", opened, _added, 5 * turns, perf_counter)


def _added(store: SqliteStore) -> None:
    store.add(Version(Key("identity 7", "method_7"), "# new", "u", "model"))


Clock = Callable[[], float]


def _growth(
    what: str, other: str, made: dict[int, Any], do: Callable[[Any], object], turns: int, clock: Clock = process_time
) -> Iterator[Row]:
    sizes = list(made)
    for small, large in pairwise(sizes):
        sides = [_timed(do, made[size], clock) for size in (large, small)]
        yield beside(what.format(large), sides, other.format(small), turns)


def _timed(do: Callable[[Any], object], thing: Any, clock: Clock) -> Callable[[], float]:
    def seconds() -> float:
        began = clock()
        do(thing)
        return clock() - began

    return seconds


def _loaded(home: Path) -> None:
    agent = open_session(home, review="cached").agent("adder", factor=3)
    assert agent.method_3(1, 2) == 21


def _pinned(home: Path, size: int) -> Path:
    """A home with one class of so many pinned methods."""
    store = SqliteStore(home, user_key())
    store.claim("adder", "adder")
    for entry in (_entry("adder", number) for number in range(size)):
        with store._rows(write=True) as rows:
            rows.insert(*_records(replace(entry, pinned=True)))
    pin(open_session(home, review="cached").agent("adder", factor=3), "method_0")
    return home


def _home_of(home: Path, size: int) -> Path:
    store = SqliteStore(home, user_key())
    store.claim("first", "first")
    with store._rows(write=True) as rows:
        rows.insert(*(record for number in range(size // 10) for record in _identity(number)))
    return home


def _identity(number: int) -> Iterator[Record]:
    name = f"identity {number}"
    yield Record("agent", name, f"agent_{number}", 0, sha256(name), {}, turn=1)
    for each in range(10):
        yield from _records(_entry(name, each, unit="u"))


def _entry(identity: str, number: int, unit: str = "") -> Entry:
    source, name = METHOD.format(number), f"method_{number}"
    unit = unit or digest(ast.parse(source), name)
    return Entry(Version(Key(identity, name), source, unit, "model", number=1, verdict="accepted"), (GUARD,), runs=1)


def _records(entry: Entry) -> list[Record]:
    version = entry.version
    return [row_of("version", version, version), *(row_of(kind, version, entry) for kind in ("head", "entry"))]


if __name__ == "__main__":
    sys.exit(main())
