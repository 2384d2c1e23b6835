"""What a wrapping agent has of its object: real attributes, looked up without running any, and special methods."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import date, time, timedelta
from enum import Enum
from inspect import getattr_static
from numbers import Number
from types import CoroutineType, MemberDescriptorType
from typing import Any

ABSENT = object()
_PLAIN = (type(None), Number, str, bytes, date, time, timedelta, Enum, CoroutineType)
_COMPARED = {"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__", "__str__", "__format__"}
# what makes an agent an agent, what belongs to classes, and numpy's hook that would meet agents inside of lists
_OURS = "annotate annotate_func array_function class_getitem copy deepcopy del delete get getattr set set_name"
_KEPT = {f"__{name}__" for name in _OURS.split()} | vars(object).keys() - _COMPARED


def unwrap(value: Any) -> Any:
    """The object that an agent wraps; anything else, an agent that wraps nothing too, as it is."""
    wrapped = value._agent_repl_wraps_ if hasattr(type(value), "_agent_repl_kind_") else None
    return value if wrapped is None else wrapped


def real(wrapped: Any, name: str) -> Any:
    """What an object or its type keeps by a name, a property as itself; nothing is run. ABSENT where there is none."""
    if wrapped is None:
        return ABSENT
    kept = getattr_static(wrapped, name, ABSENT)
    with suppress(AttributeError):  # of a slot that was never filled
        return kept.__get__(wrapped) if type(kept) is MemberDescriptorType else kept
    return kept


def real_names(wrapped: Any) -> dict[str, bool]:
    """The real attributes of an object but for special ones, its own first: whether each can be called."""
    names = [] if wrapped is None else _defined(type(wrapped))
    with suppress(AttributeError):
        names = [*object.__getattribute__(wrapped, "__dict__"), *names]
    kept = {name: real(wrapped, name) for name in names if type(name) is str and name[:2] != "__"}
    return {name: callable(value) or type(value) is classmethod for name, value in kept.items()}


def _defined(kind: type) -> list[str]:
    return [name for base in kind.__mro__[:-1] for name in vars(base)]


def is_plain(value: Any) -> bool:
    """Whether a value has nothing that an agent could add to: None, numbers, texts, bytes, dates, enums."""
    kind = type(value)
    return issubclass(kind, _PLAIN) or any((b.__module__, b.__name__) == ("numpy", "generic") for b in kind.__mro__)


def wrapping_class(live: Any, kind: type, deep: bool, read: Callable[[Any, str], Any]) -> Any:
    """The live class for agents that wrap such objects: it has exactly the special methods that their type has."""
    about = {"_agent_repl_kind_": kind, "_agent_repl_deep_": deep}
    known: list[Any] = [c for c in live.__subclasses__() if all(vars(c)[n] is each for n, each in about.items())]
    if known:
        return known[0]
    special = {n: getattr_static(kind, n) for n in _defined(kind) if n[:2] == n[-2:] == "__" and n not in _KEPT}
    methods = {n: kept and _forwarded(n, kept) for n, kept in special.items() if kept is None or callable(kept)}
    ours = {"__doc__": live.__doc__, "__module__": live.__module__, "__getattribute__": read}
    made = type(live.__name__, (live,), methods | ours | about | {"__slots__": ("_agent_repl_wraps_",)})
    live._agent_repl_identity_.changed()  # what stands on the class does not ask what an agent wraps
    return made


def _forwarded(name: str, kept: Any) -> Callable[..., Any]:
    """One special method. Operands that are agents are unwrapped; what is handed over to be kept or used is not."""
    handed_over = name in ("__call__", "__setitem__")
    gives_itself = name == "__enter__" or (name[:3] == "__i" and name[:4] not in ("__in", "__it"))

    def special(agent: Any, /, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        wrapped = unwrap(agent)
        given = kept.__get__(wrapped, type(wrapped))(*(args if handed_over else map(unwrap, args)), **kwargs)
        return agent if gives_itself and given is wrapped else given

    return special
