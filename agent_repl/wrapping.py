"""What a wrapping agent has of its object: real attributes, looked up without running any, and special methods."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from contextlib import suppress
from datetime import date, time, timedelta, tzinfo
from enum import Enum
from inspect import getattr_static
from types import CoroutineType, MemberDescriptorType
from typing import Any

_MISSING = object()
_PLAIN = (type(None), numbers.Number, str, bytes, date, time, timedelta, tzinfo, Enum, CoroutineType)
_KEPT = "eq ne lt le gt ge hash str format"  # of what every object has
_OURS = "annotate annotate_func array_function class_getitem copy deepcopy del delete get getattr set set_name"


def unwrap(value: Any) -> Any:
    """The object that an agent wraps; anything else, an agent that wraps nothing too, as it is."""
    wrapped = value._agent_repl_wraps_ if hasattr(type(value), "_agent_repl_kind_") else None
    return value if wrapped is None else wrapped


def has(wrapped: Any, name: str) -> bool:
    """Whether an object, its type included, has a real attribute of that name; nothing of the object's own is run."""
    return wrapped is not None and getattr_static(wrapped, name, _MISSING) is not _MISSING


def real(wrapped: Any, name: str) -> Any:
    """A real attribute as the object keeps it: a property as itself, what stands in a slot as its value."""
    kept = getattr_static(wrapped, name)
    with suppress(AttributeError):  # of a slot that was never filled
        return kept.__get__(wrapped) if type(kept) is MemberDescriptorType else kept
    return kept


def real_names(wrapped: Any) -> dict[str, bool]:
    """The real attributes of an object but for special ones, its own first: whether each can be called.

    What a `__getattr__` of the object would answer is not among them.
    """
    found = {} if wrapped is None else _defined(type(wrapped))
    with suppress(AttributeError):
        found = {**object.__getattribute__(wrapped, "__dict__"), **found}
    names = [name for name in found if type(name) is str and name[:2] != "__"]
    return {n: callable(found[n]) or type(found[n]) is classmethod for n in names}


def _defined(kind: type) -> dict[str, Any]:
    """All that a type and its bases define, but for `object`, the nearest first."""
    found: dict[str, Any] = {}
    for base in type.__dict__["__mro__"].__get__(kind)[:-1]:
        found = found | {n: kept for n, kept in type.__dict__["__dict__"].__get__(base).items() if n not in found}
    return found


def is_plain(value: Any) -> bool:
    """Whether a value has nothing that an agent could add to: None, numbers, texts, bytes, dates, enums."""
    kind = type(value)
    return issubclass(kind, _PLAIN) or any((b.__module__, b.__name__) == ("numpy", "generic") for b in kind.__mro__)


def wrapping_class(live: type, kind: type, deep: bool, read: Callable[[Any, str], Any]) -> Any:
    """The live class for agents that wrap such objects: it has exactly the special methods that their type has."""
    known: list[Any] = live.__subclasses__()
    for found in known:
        if found._agent_repl_kind_ is kind and found._agent_repl_deep_ is deep:
            return found
    ours = {"__slots__": (), "__doc__": live.__doc__, "__module__": live.__module__, "__getattribute__": read}
    special = {name: _forwarded(name, kept) for name, kept in _defined(kind).items() if _is_special(name, kept)}
    return type(live.__name__, (live,), special | ours | {"_agent_repl_kind_": kind, "_agent_repl_deep_": deep})


def _is_special(name: str, kept: Any) -> bool:
    """Whether this is a special method that an agent has no reason to keep for itself."""
    bare = name[2:-2]
    special = (
        name == f"__{bare}__" and bare not in _OURS.split() and (bare in _KEPT.split() or name not in vars(object))
    )
    return special and (kept is None or (callable(kept) and hasattr(type(kept), "__get__")))


def _forwarded(name: str, kept: Any) -> Callable[..., Any] | None:
    """One special method. Operands that are agents are unwrapped; what is handed over to be kept or used is not."""
    if kept is None:
        return None
    handed_over = name in ("__call__", "__setitem__")
    gives_itself = name in ("__enter__", "__aenter__") or (name[:3] == "__i" and name[:4] not in ("__in", "__it"))

    def special(agent: Any, /, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        wrapped = unwrap(agent)
        given = kept.__get__(wrapped, type(wrapped))(*(args if handed_over else map(unwrap, args)), **kwargs)
        return agent if gives_itself and given is wrapped else given

    special.__name__ = special.__qualname__ = name
    return special
