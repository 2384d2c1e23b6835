"""A reply with several methods: each is taken out with what it uses."""

from __future__ import annotations

import pytest

from agent_repl import InvalidCode
from agent_repl.records import Spec
from agent_repl.validate import validate

TWO = """
from __future__ import annotations
import math
import json

RATE = 2

def _half(n):
    return n / RATE

# the sum, halved
def mean(self, a, b):
    return _half(a + b)

def root(self, n):
    return math.sqrt(n)
"""


def unit(name: str, *beside: str) -> str:
    return validate(TWO, Spec(name, made=False, beside=frozenset(beside))).source


def test_helpers_and_imports_go_to_the_method_that_uses_them() -> None:
    assert "_half" in unit("mean", "root")
    assert "RATE = 2" in unit("mean", "root")
    assert "math" not in unit("mean", "root")
    assert "import math" in unit("root", "mean")
    assert "_half" not in unit("root", "mean")


def test_comments_and_imports_from_the_future_are_kept() -> None:
    assert "# the sum, halved\ndef mean" in unit("mean", "root")
    assert unit("root", "mean").startswith("from __future__ import annotations\n")


def test_a_method_that_nobody_asked_for_is_sent_back_all_the_same() -> None:
    with pytest.raises(InvalidCode, match="Define only mean"):
        unit("mean")


def test_methods_of_a_class_are_taken_out_one_by_one() -> None:
    mean = "    def mean(self, a, b):\n        return (a + b) / 2\n"
    inside = f"class Sums:\n{mean}    def root(self, n):\n        return n ** 0.5\n"
    spec = Spec("root", made=False, beside=frozenset({"mean"}))
    assert validate(inside, spec).source == "def root(self, n):\n    return n ** 0.5\n"


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("property", "@property\ndef area(self):\n    return 1\n"),
        ("classmethod", "@classmethod\ndef area(cls):\n    return cls()\n"),
        ("staticmethod", "@staticmethod\ndef area(n):\n    return n\n"),
        ("staticmethod", "@staticmethod\ndef area():\n    return 1\n"),
        ("async", "async def area(self):\n    return 1\n"),
        ("method", "def area(self):\n    return 1\n"),
    ],
)
def test_each_kind_has_its_own_form(kind: str, source: str) -> None:
    assert validate(source, Spec("area", made=False, kind=kind)).source == source


@pytest.mark.parametrize(
    ("kind", "source", "words"),
    [
        ("property", "def area(self):\n    return 1\n", "write `@property` on the line above"),
        ("property", "@property\ndef area(self, n):\n    return n\n", "A property has no parameters"),
        ("classmethod", "@classmethod\ndef area(self):\n    return 1\n", "The first parameter must be cls"),
        ("staticmethod", "@staticmethod\ndef area(self, n):\n    return n\n", r"`def area\(n\)`"),
        ("async", "def area(self):\n    return 1\n", "Write `async def area"),
        ("method", "@property\ndef area(self):\n    return 1\n", "plain method"),
        ("method", "def area(self):\n    return self.width\n", "There is no self.width"),
        ("method", "def area(self):\n    return self.measure()\n", "Write measure as a function"),
        ("method", "def area(self, n):\n    return 7\n", r"ignores its parameters \(n\)"),
        ("method", "def area(self, n):\n    raise ValueError(n)\n", "does nothing"),
        ("staticmethod", "@staticmethod\ndef area(n):\n    return 7\n", r"ignores its parameters \(n\)"),
    ],
)
def test_what_has_not_the_form_of_its_kind_is_sent_back(kind: str, source: str, words: str) -> None:
    with pytest.raises(InvalidCode, match=words):
        validate(source, Spec("area", made=False, kind=kind))
