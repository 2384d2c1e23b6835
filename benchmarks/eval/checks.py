"""Pieces of the writer, switched off by name: context through the session's setting, checks here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from agent_repl.session.settings import PIECES as CONTEXT

__all__ = ["CHECKS", "CONTEXT", "without"]
CHECKS = ("module-level", "self", "stub", "binds", "attributes", "methods", "names", "paths", "baked")


@contextmanager
def without(pieces: Sequence[str]) -> Iterator[None]:
    """Validation without these rules while it lasts; raises SystemExit for a name that is no piece."""
    if unknown := set(pieces) - {*CONTEXT, *CHECKS}:
        raise SystemExit(f"there is no piece {min(unknown)!r}; there are: {', '.join((*CONTEXT, *CHECKS))}")
    checked: Any = import_module("agent_repl.validate")
    complaints = checked.complaints

    def fewer(*given: Any) -> Iterator[tuple[str, int, str]]:
        return (each for each in complaints(*given) if each[0] not in pieces)

    checked.complaints = fewer
    try:
        yield
    finally:
        checked.complaints = complaints
