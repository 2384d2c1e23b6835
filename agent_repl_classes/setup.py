"""The session that writes for ordinary classes: the default one, or one that a person configured."""

from __future__ import annotations

import threading
from typing import Any

from agent_repl.session import Session, default_session, open_session

_guard = threading.RLock()
_given: dict[str, Any] = {}
_own: list[Session] = []


def configure(**settings: Any) -> Session:
    """Set what `open_session` takes (provider, review, home, log, ...) for ordinary classes, and give that session.

    What is not named stays as it was set before; without `review` the default session's reviewer is asked. What is
    being written goes on as it began. Raises AgentError for what cannot be set, and then nothing is changed.
    """
    with _guard:
        wanted = _given | settings
        session = open_session(**wanted)
        if "review" not in wanted:
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
