"""What a class needs before methods can be written for it: a lock of its own, and a session that writes."""

from __future__ import annotations

import threading
from typing import Any, TypeVar

from agent_repl.errors import AgentError
from agent_repl.session import Session, default_session, open_session

C = TypeVar("C", bound=type)
_LOCK = "_agent_repl_lock_"
_guard = threading.RLock()
_given: dict[str, Any] = {}
_own: list[Session] = []


def agentic(cls: C) -> C:
    """Let `describe` give a class of yours, and its subclasses, methods; nothing public is added to it."""
    try:
        setattr(cls, _LOCK, threading.RLock())
    except (TypeError, AttributeError):
        raise AgentError(f"{cls!r} cannot be given methods: write @agentic above a class of your own") from None
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
        lock: threading.RLock = vars(cls if _LOCK in vars(cls) else agentic(cls))[_LOCK]
        return lock


def configure(**settings: Any) -> Session:
    """Set what `open_session` takes (provider, review, home, log, ...) for ordinary classes, and give that session.

    What is not named stays as it was set before; without `review` the default session's reviewer is asked. What is
    being written goes on as it began. Raises AgentError for what cannot be set, and then nothing is changed.
    """
    with _guard:
        session = open_session(**_given | settings)
        if "review" not in _given | settings:
            session.reviewer = default_session().reviewer
        _given.update(settings)
        _own[:] = [session]
        return session


def reset() -> None:
    """Take back all that `configure` set; what was written stays."""
    with _guard:
        _given.clear()
        _own.clear()


def current() -> Session:
    """The session that writes now."""
    with _guard:
        return _own[0] if _own else default_session()
