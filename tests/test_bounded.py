"""What is told of a value costs no more than its bounds, whatever the value: calls are counted, never seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from agent_repl_data.profile import profile
from agent_repl_data.views import view

LONG = "lorem ipsum, dolor sit\n" * 250
MOST = (
    6_000_000  # calls for the worst of them, most for a few hundred thousand; unbounded they need thousands of millions
)


def nested(leaf: Any, deep: int, wide: int = 50, kind: Callable[[Any], Any] = list) -> Any:
    for _ in range(deep):
        leaf = kind([leaf] * wide)
    return leaf


def keyed(leaf: Any, deep: int, wide: int = 64) -> Any:
    for _ in range(deep):
        leaf = {f"k{n}": leaf for n in range(wide)}
    return leaf


def itself() -> Any:
    found: list[Any] = [1]
    found += [found] * 300
    return found


def sets(deep: int) -> Any:
    found: Any = frozenset(range(300))
    for _ in range(deep):
        found = frozenset([*range(150), *((found, n) for n in range(150))])
    return found


def frames() -> Any:
    pandas = pytest.importorskip("pandas")
    return [pandas.DataFrame({f"c{n}": [1] for n in range(300)})] * 600


def cells() -> Any:
    return pytest.importorskip("pandas").DataFrame({f"c{n}": [nested(LONG, 3)] * 1500 for n in range(30)})


class Deep:
    def __init__(self) -> None:
        self.all = nested(LONG, 4)


@dataclass
class Held:
    what: Any


VALUES: dict[str, Callable[[], Any]] = {
    "long texts four deep": lambda: nested(LONG, 4),
    "JSON texts four deep": lambda: nested('{"a": [1, 2]}\n' * 500, 4),
    "numbers eight deep": lambda: nested(1, 8),
    "tuples eight deep": lambda: nested(1, 8, kind=tuple),
    "dicts of dicts": lambda: keyed(LONG, 30),
    "records of records": lambda: [keyed([LONG] * 30, 3)] * 1000,
    "many records": lambda: [keyed(1, 1, 50)] * 200_000,
    "dataclasses": lambda: [Held(keyed(1, 30, 3))] * 500,
    "blanks": lambda: " " * 5_000_000,
    "itself": itself,
    "sets of sets": lambda: sets(4),
    "frames in a list": frames,
    "lists in a frame": cells,
    "objects": lambda: [Deep() for _ in range(500)],
    "a long list": lambda: list(range(3_000_000)),
    "a long text": lambda: LONG * 4000,
    "a dict": lambda: dict.fromkeys(range(1_000_000)),
    "a set": lambda: set(range(1_000_000)),
    "bytes": lambda: b"x" * 10_000_000,
}


class TooMuch(BaseException):
    """More calls than there may be."""


def calls(what: Callable[[], object], most: int = MOST) -> int:
    """How many functions are called by this; raises TooMuch where it does not end."""
    made = 0

    def count(_: object, event: str, __: object) -> None:
        nonlocal made
        made += event in ("call", "c_call")
        if made > most:
            raise TooMuch

    sys.setprofile(count)
    try:
        what()
    finally:
        sys.setprofile(None)
    return made


@pytest.mark.parametrize("name", VALUES)
def test_what_is_told_of_a_value_costs_no_more_than_its_bounds(name: str) -> None:
    value = VALUES[name]()
    assert calls(lambda: profile(value, "data")) < MOST
    assert calls(lambda: profile(value, "data", samples=False)) < MOST
    assert calls(lambda: view(value, "It", 2000)) < MOST
    assert name == "lists in a frame" or calls(lambda: view({"a": (value, [value])}, "It", 2000)) < MOST // 10
    assert len(profile(value, "data")) < 2600
    assert len(view(value, "It", 2000)) < 2100
