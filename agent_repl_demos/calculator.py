"""The calculator demo: state, kinds of calls, and a second agent of the same words that already knows."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from math import prod
from random import Random
from typing import Any

from agent_repl.protocols import Provider

from .stage import SEED, Stage, Step, perform

IDENTITY = (
    "calculator; self.total is its running total. add(number) adds the number to self.total and answers the new total. "
    "sqrt(number) answers the square root. factorial(number) answers the factorial of a whole number. "
    "convert(value, unit, to) answers a value of one unit in another: from C to F, from F to C, from km to miles by "
    "value / 1.609344, from miles to km by value * 1.609344; all else raises ValueError. "
    "solve(equation) answers the x of an equation such as 3x + 4 = 19, three whole numbers, of which the second is "
    "added: it finds a, b and c by a regular expression, and answers (c - b) / a."
)


def main(argv: Sequence[str] = (), provider: Provider | None = None) -> int:
    """Run the demo; 0 when every answer is right."""
    return perform("calculator", _explore, argv, provider)


def _explore(stage: Stage, seed: int) -> int:
    calc = stage.session.agent(IDENTITY, name="calc", total=0)
    print("\nA calculator with a running total, 0 now.\n")
    first, more, others = steps(seed)
    for step in first:
        stage.take(calc, step)
    print("── other numbers are the same kind of call: no model")
    stage.again(calc, more)
    second = stage.session.agent(IDENTITY, name="calc", total=1000)
    print("── a second agent of the same words, with a total of 1000: it knows all this")
    stage.again(second, others)
    print(f"   totals: {vars(calc)['total']} and {vars(second)['total']}")
    return stage.end()


def steps(seed: int = SEED) -> tuple[list[Step], list[Step], list[Step]]:
    """The calls that have methods written, calls like them, and those of a second agent whose total is 1000."""
    draw = Random(seed).random
    a, b, c, n, x = (low + int(draw() * 9) for low in (2, 11, 20, 10, 30))
    square, degrees, far = 2 + int(draw() * 900), int(draw() * 90), 1 + int(draw() * 400)
    return (
        [_add(a, a), _add(b, a + b), _sqrt(square), _factorial(n - 5), _to_f(degrees), _km(far), _solve(x, a, b)],
        [_add(c, a + b + c), _sqrt(square + 1), _factorial(n), _to_f(degrees + 7), _km(far + 1), _solve(x + 1, b, c)],
        [_add(b, 1000 + b), _add(c, 1000 + b + c), _sqrt(square + 2), _solve(x + 2, c, a)],
    )


_step = partial(Step, "calc")


def _add(number: int, total: int) -> Step:
    return _step("add", {"number": number}, lambda value, calc: value == total == vars(calc)["total"])


def _sqrt(number: int) -> Step:
    return _step("sqrt", {"number": number}, lambda root, _: root > 0 and _near(root * root, Fraction(number)))


def _factorial(number: int) -> Step:
    return _step("factorial", {"number": number}, lambda value, _: value == prod(range(1, number + 1)))


def _to_f(degrees: int) -> Step:
    wanted = Fraction(degrees) * 9 / 5 + 32
    return _step("convert", {"value": degrees, "unit": "C", "to": "F"}, lambda value, _: _near(value, wanted))


def _km(far: int) -> Step:
    wanted = Fraction(far) / Fraction("1.609344")
    return _step("convert", {"value": far, "unit": "km", "to": "miles"}, lambda value, _: _near(value, wanted))


def _solve(x: int, a: int, b: int) -> Step:
    return _step("solve", {"equation": f"{a}x + {b} = {a * x + b}"}, lambda value, _: _near(value, Fraction(x)))


def _near(value: Any, wanted: Fraction) -> bool:
    return bool(abs(Fraction(str(value)) - wanted) <= abs(wanted) / 10**6)
