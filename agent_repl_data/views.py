"""Any value in a few lines for a prompt, and whether two values are the same answer."""

from __future__ import annotations

import ast
import math
from contextlib import suppress
from itertools import islice
from reprlib import Repr
from typing import Any

from .files import shortened
from .kinds import signature
from .plain import encode
from .profile import profile
from .secrets import hidden

_SIZED = (str, bytes, list, tuple, dict, set, frozenset)
_ITEMS, _LETTERS, _SORTED = 12, 300, 10_000  # shown of a container, and of a text; those of a set that are sorted


def view(value: Any, name: str, room: int, samples: bool = True) -> str:
    """What a value is, in about `room` characters, whatever it is; without samples only its kind."""
    if not samples:
        return f"{name}: {shortened(signature(value), 400)}"
    small = encode(value, room)
    if type(value) not in _SIZED and not small:
        return quotable(profile(value, name), room)
    size = f" (a {type(value).__name__} of {len(value)})" if type(value) in _SIZED else ""
    cut = value[:room] if type(value) in (str, bytes) else value
    return f"{name}{size}: {quotable(repr(cut) if small or cut is not value else _shown(value, room), room)}"


def _shown(value: Any, room: int) -> str:
    """Of a container the first twelve items, three deep, no more of them than there is room for."""
    try:
        return _View(2 * room).repr(value)
    except Exception:  # a class that has the name of another kind
        return signature(value)


class _View(Repr):
    """The work does not grow with the value; an object's own repr is as long as it likes."""

    def __init__(self, left: int) -> None:
        super().__init__()
        of_items = ("maxlist", "maxtuple", "maxset", "maxfrozenset", "maxdeque", "maxarray")
        vars(self).update(dict.fromkeys(of_items, _ITEMS), maxlevel=3, maxother=_LETTERS, maxstring=_LETTERS)
        self._left = left

    def repr1(self, x: Any, level: int) -> str:
        """As Repr has it, but nothing is looked at once there is no room left."""
        if self._left <= 0:
            return self.fillvalue
        before, text = self._left, super().repr1(x, level)
        self._left = min(self._left, before - len(text))
        return text

    def repr_dict(self, x: Any, level: int) -> str:
        """In the order of the dict."""
        inner = [f"{self.repr1(k, level - 1)}: {self.repr1(v, level - 1)}" for k, v in islice(dict.items(x), _ITEMS)]
        shown = [*inner, self.fillvalue] if len(x) > _ITEMS else inner
        return f"{{{', '.join(shown) if level > 0 or not x else self.fillvalue}}}"

    def repr_set(self, x: Any, level: int) -> str:
        """Sorted where that can be done, so that it is the same in every process."""
        return super().repr_set(set(islice(x, _SORTED)), level)

    def repr_frozenset(self, x: Any, level: int) -> str:
        """As a set."""
        return super().repr_frozenset(frozenset(islice(x, _SORTED)), level)

    def repr_int(self, x: Any, level: int) -> str:
        """One that has too many digits by their number."""
        return repr(x) if x.bit_length() <= 900 else f"<an int of {x.bit_length()} bits>"

    def repr_bytes(self, x: Any, level: int) -> str:
        """The first ones."""
        return repr(x[: _LETTERS // 4]) + self.fillvalue * (len(x) > _LETTERS // 4)

    repr_bytearray = repr_bytes

    def repr_instance(self, x: Any, level: int) -> str:
        """What inherits from a container as that, a record by its fields; anything else as it shows itself."""
        if fields := [field.name for field in vars(type(x)).get("__dataclass_fields__", {}).values() if field.repr]:
            inner = (f"{name}={self.repr1(getattr(x, name, None), level - 1)}" for name in fields[:_ITEMS])
            return f"{type(x).__name__}({', '.join(inner) if level > 0 else self.fillvalue})"
        kinds: tuple[Any, ...] = (dict, list, set, frozenset)
        for kind in kinds:
            if isinstance(x, kind) and len(x) > _ITEMS:
                held = dict.items(x) if kind is dict else kind.__iter__(x)
                return f"{type(x).__name__}({self.repr1(kind(islice(held, _ITEMS + 1)), level)})"
        return super().repr_instance(x, level)


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
    if not encode(value) or not value or (type(value) is str and len(value) < 3):
        return False
    if type(value) is bool or value in (1, 2, 10, 100):
        return False
    for node in ast.walk(tree):
        with suppress(ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            if same(ast.literal_eval(node), value):
                return True
    return False
