"""Plain values survive the way to text and back, exactly; everything else is left out."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import IntEnum
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_repl_data.plain import decode, encode

ROOMY = 10**6
SEEN: Any = {"capture_output": True, "text": True, "check": True}
ROOT = Path(__file__).parent.parent
ZONES = st.none() | st.builds(timezone, st.timedeltas(timedelta(hours=-23), timedelta(hours=23)))
FOLDS = st.sampled_from([0, 1])
TEXTS = st.text(st.characters() | st.characters(categories=["Cs"]), max_size=12)
KEYS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.complex_numbers(), TEXTS, st.binary(max_size=12),
    st.dates(), st.timedeltas(), st.decimals().filter(lambda number: not number.is_snan()),
    TEXTS.filter(lambda text: "\0" not in text).map(Path),
    st.builds(lambda value, zone, fold: value.replace(tzinfo=zone, fold=fold), st.datetimes(), ZONES, FOLDS),
    st.builds(lambda value, zone, fold: value.replace(tzinfo=zone, fold=fold), st.times(), ZONES, FOLDS),
)  # fmt: skip
HASHABLE = st.recursive(KEYS, lambda inner: st.frozensets(inner, max_size=4) | st.tuples(inner, inner), max_leaves=6)
VALUES = st.recursive(
    HASHABLE,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(HASHABLE, inner, max_size=4)
        | st.sets(HASHABLE, max_size=4)
    ),
    max_leaves=12,
)


def told(value: Any) -> Any:
    """What tells two values apart: types all the way down; sets without an order, dicts with theirs."""
    if isinstance(value, set | frozenset):
        return type(value), sorted(repr(told(item)) for item in value)
    if isinstance(value, list | tuple):
        return type(value), [told(item) for item in value]
    if isinstance(value, dict):
        return type(value), [(told(key), told(item)) for key, item in value.items()]
    return type(value), repr(value), getattr(value, "fold", None)


@given(VALUES)
def test_a_plain_value_comes_back_as_it_was(value: Any) -> None:
    text = encode(value, ROOMY)
    assert told(decode(text)) == told(value)
    assert encode(decode(text), ROOMY) == text
    text.encode("utf-8")


class Colour(IntEnum):
    RED = 1


class Sly(str):
    def __len__(self) -> int:
        raise AssertionError("its own code ran")


@pytest.mark.parametrize(
    "value",
    [Colour.RED, Sly("x"), OrderedDict(a=1), object(), print, (1).__class__, datetime.now(ZoneInfo("Europe/Berlin"))],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [v], lambda v: {"a": (v,)}], ids=["bare", "list", "dict"])
def test_what_is_not_exactly_plain_has_no_text(value: Any, wrap: Callable[[Any], Any]) -> None:
    assert encode(wrap(value)) == ""


def test_numbers_of_libraries_are_not_taken_for_plain_ones() -> None:
    numpy = pytest.importorskip("numpy")
    assert encode(numpy.float64(1.5)) == encode([numpy.int64(3)]) == ""


@pytest.mark.parametrize(
    "value",
    ["x" * 10**8, b"x" * 10**7, list(range(10**6)), 10**5000, set(range(10**5)), {i: i for i in range(10**5)}],
    ids=lambda value: type(value).__name__,
)
def test_what_is_too_long_has_no_text(value: Any) -> None:
    assert encode(value) == ""


def test_the_limit_counts_the_characters_of_the_text() -> None:
    assert len(encode("x" * 98, 100)) == 100
    assert encode("x" * 99, 100) == ""


def test_values_are_followed_twenty_deep_and_rings_are_no_trap() -> None:
    ring: list[Any] = []
    ring += [ring, ring]
    assert encode(ring) == ""
    assert decode(encode(nested(20))) == nested(20)
    assert encode(nested(25)) == ""


def nested(depth: int) -> Any:
    return [nested(depth - 1)] if depth else 1


def test_a_wide_value_that_shares_its_parts_costs_no_more_than_its_limit() -> None:
    shared: Any = frozenset({1, 2})
    for n in range(18):
        shared = (shared, shared, n)
    assert encode(shared) == ""


def test_the_text_is_the_same_whatever_the_hash_seed() -> None:
    value = "{'pear', 'fig', 'plum', ('a', 1), frozenset({'x', 'y'})}"
    code = f"from agent_repl_data.plain import encode; print(encode({value}))"
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}, **SEEN
        ).stdout
        for seed in ("1", "2", "3")
    ]
    assert len(set(runs)) == 1
    assert json.loads(runs[0])


def test_a_person_can_read_the_text() -> None:
    assert encode([("pear", 3), None]) == '[{"tuple": ["pear", 3]}, null]'
    assert encode({"am": date(2026, 1, 31)}) == '{"dict": ["am", {"date": "2026-01-31"}]}'
    assert encode(datetime(2026, 1, 31, 8)) == (
        '{"datetime": [{"date": "2026-01-31"}, {"time": [8, 0, 0, 0, null, 0]}]}'
    )


def test_what_reads_as_code_stays_text() -> None:
    assert decode('{"str": [95]}') == "_"
    for text in ('{"eval": "1"}', '{"object": []}', "{}", "[", ""):
        with pytest.raises((LookupError, ValueError)):
            decode(text)


def test_nothing_that_is_equal_by_accident_shares_a_text() -> None:
    values = [1, True, 1.0, Decimal(1), "1", b"1", [1], (1,), {1}, frozenset({1}), {1: 1}, time(1), timedelta(1), None]
    assert len({encode(value) for value in values}) == len(values)
