"""The classes that may be given methods from words, each with a lock of its own."""

from __future__ import annotations

import threading
from typing import TypeVar

from agent_repl.errors import AgentError

C = TypeVar("C", bound=type)
_CHANGEABLE, _FIXED = 1 << 9, 1 << 8  # Py_TPFLAGS_HEAPTYPE and Py_TPFLAGS_IMMUTABLETYPE
_LOCK = "_agent_repl_lock_"
_guard = threading.Lock()


def agentic(cls: C) -> C:
    """Let `describe` give a class of yours, and its subclasses, methods; nothing public is added to it."""
    if not isinstance(cls, type) or not cls.__flags__ & _CHANGEABLE or cls.__flags__ & _FIXED:
        raise AgentError(f"{cls!r} cannot be given methods: write @agentic above a class of your own")
    setattr(cls, _LOCK, threading.RLock())
    return cls


@agentic
class Agentic:
    """Inherit from this, or write `@agentic` above a class: `describe` may then give it and its subclasses methods."""

    __slots__ = ()


def lock_of(cls: type) -> threading.RLock:
    """The lock under which this very class is written; raises AgentError where it is not agentic."""
    if cls is Agentic or not hasattr(cls, _LOCK):
        name = cls.__name__
        raise AgentError(f"{name} is not agentic: write @agentic above `class {name}`, or agentic({name}) once")
    with _guard:
        if _LOCK not in vars(cls):
            agentic(cls)
        lock: threading.RLock = vars(cls)[_LOCK]
        return lock
