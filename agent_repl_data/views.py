"""Any value in a few lines for a prompt, and whether two values are the same answer."""

from __future__ import annotations

import ast
import math
from contextlib import suppress
from reprlib import Repr
from typing import Any

from .files import shortened
from .kinds import signature
from .plain import encode
from .profile import profile
from .secrets import hidden

_SIZED = (str, bytes, list, tuple, dict, set, frozenset)
_VIEW = Repr()  # of a container the first twelve items, three deep: all of it together must stay small
vars(_VIEW).update(dict.fromkeys(("maxlist", "maxtuple", "maxdict", "maxset", "maxfrozenset"), 12), maxlevel=3)
vars(_VIEW).update(dict.fromkeys(("maxstring", "maxother", "maxlong"), 300))


def view(value: Any, name: str, room: int, samples: bool = True) -> str:
    """What a value is, in about `room` characters, whatever it is; without samples only its kind."""
    if not samples:
        return f"{name}: {shortened(signature(value), 400)}"
    small = encode(value, room)
    if type(value) not in _SIZED and not small:
        return quotable(profile(value, name), room)
    size = f" (a {type(value).__name__} of {len(value)})" if type(value) in _SIZED else ""
    cut = value[:room] if type(value) in (str, bytes) else value
    return f"{name}{size}: {quotable(repr(cut) if small or cut is not value else _VIEW.repr(value), room)}"


def quotable(text: str, room: int) -> str:
    """A text that may stand in a prompt: bounded, without secrets, and with no fence in it."""
    return shortened(hidden(text[: 2 * room]), room).replace("```", "` ` `")


def same(one: Any, other: Any) -> bool:
    """Whether two answers are the same: floats to nine digits, frames and arrays as they compare themselves."""
    if type(one) is not type(other):
        return False
    if type(one) is float:
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12) or (one != one and other != other)
    if type(one) in (list, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if type(one) is dict:
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    try:
        equal = one.equals(other) if hasattr(one, "equals") else one == other
        return bool(equal.all() if hasattr(equal, "all") else equal)
    except Exception:  # whatever a library's object does
        return False


def stands_in(tree: ast.AST, value: Any) -> bool:
    """Whether a value is written in this code as a constant, which can hardly be chance."""
    if (type(value) is str and len(value) < 3) or type(value) is bool or value in (None, 0, 1, 2, 10, 100):
        return False
    for node in ast.walk(tree) if value and encode(value) else ():
        with suppress(ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            if same(ast.literal_eval(node), value):
                return True
    return False
