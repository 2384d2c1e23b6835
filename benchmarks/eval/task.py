"""What a task of the evaluation is, and when an answer counts as right."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

RELATIVE = 1e-6
ABSOLUTE = 1e-9
VISIBLE, HIDDEN = 11, 4711
"""The seeds of the two instances of each task: what the model's code is tried on, and what nobody has seen."""


class Anything:
    """An answer that is not looked at."""

    def __repr__(self) -> str:
        return "ANY"


ANY = Anything()


def equal(given: Any, answer: Any) -> bool:
    """Whether `given` is the answer: lists and tuples alike, numbers to 1e-6, dicts in any order, dates as ISO text."""
    given, answer = plain(given), plain(answer)
    if isinstance(answer, Anything):
        return True
    if isinstance(answer, bool) or isinstance(given, bool):
        return given is answer
    if isinstance(answer, int | float) and isinstance(given, int | float):
        return close(given, answer)
    if isinstance(answer, list) and isinstance(given, list):
        return len(given) == len(answer) and all(map(equal, given, answer))
    if isinstance(answer, dict) and isinstance(given, dict):
        return given.keys() == answer.keys() and all(equal(given[key], answer[key]) for key in answer)
    return type(given) is type(answer) and bool(given == answer)


def close(given: float, answer: float) -> bool:
    if math.isnan(given) or math.isnan(answer):
        return math.isnan(given) and math.isnan(answer)
    return math.isclose(given, answer, rel_tol=RELATIVE, abs_tol=ABSOLUTE)


def plain(value: Any) -> Any:
    """The value as one of None, bool, int, float, str, bytes, list, dict, frozenset; anything else as it is."""
    if isinstance(value, datetime) and not (value.hour or value.minute or value.second or value.microsecond):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal | Fraction):
        return float(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, dict):
        return {key_of(key): each for key, each in value.items()}
    if isinstance(value, set | frozenset):
        return frozenset(map(key_of, value))
    if type(value).__module__ == "numpy":
        return plain(value.tolist())
    return value


def key_of(key: Any) -> Any:
    """A key or a member that equals its like: a date its ISO text, a Decimal its float."""
    same = plain(key)
    return tuple(map(key_of, same)) if isinstance(same, list) else same


@dataclass(frozen=True)
class Call:
    """One call and what it must answer, computed by the generator of the data, never by the code under test."""

    name: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    answer: Any = None
    same: Callable[[Any, Any], bool] = equal


@dataclass(frozen=True)
class Instance:
    """Files by name, state as the agent gets it (a file by its name in the working directory), calls in their order."""

    files: Mapping[str, str | bytes]
    state: Mapping[str, Any]
    calls: tuple[Call, ...]


@dataclass(frozen=True)
class Task:
    """Words that decide the answer, and `make`: the data and the truth of one seed."""

    name: str
    family: str
    identity: str
    make: Callable[[Random], Instance]

    @property
    def visible(self) -> Instance:
        return self.make(Random(VISIBLE))

    @property
    def hidden(self) -> Instance:
        return self.make(Random(HIDDEN))

    def replies(self, tries: int) -> int:
        """How often the model may be asked: `tries` for each method, and once more for a further call, three a method.

        A call of another kind makes ours extend a method, which is no failure; a plain prompt shows all calls at once.
        """
        methods, calls = len(self.methods), len(self.visible.calls)
        return tries * methods + min(calls - methods, 3 * methods)

    @property
    def methods(self) -> tuple[str, ...]:
        """The names that are called, in the order of their first calls."""
        return tuple(dict.fromkeys(call.name for call in self.visible.calls))
