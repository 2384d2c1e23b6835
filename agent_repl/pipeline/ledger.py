"""One account for everything that an outermost call sets in motion: depth, model calls, tokens, money."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from ..errors import BudgetExceeded
from ..records import Settings, Tier, Usage


@dataclass(eq=False)
class Ledger:
    """What has been spent since the outermost call began."""

    usage: Usage = field(default_factory=Usage)
    tier: Tier | None = None
    timings: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the seconds of a block to a stage."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.timings[stage] = self.timings.get(stage, 0.0) + time.perf_counter() - began

    @contextmanager
    def deeper(self, settings: Settings, title: str) -> Iterator[None]:
        """One level of written code that is not yet known to work; raises BudgetExceeded past `max_depth`."""
        depth = _depth.get()
        if depth >= settings.max_depth:
            raise BudgetExceeded(
                f"{title} is {depth} new methods deep (max_depth={settings.max_depth}): "
                f"methods that write methods without end; call the inner ones yourself first, or raise max_depth"
            )
        token = _depth.set(depth + 1)
        try:
            yield
        finally:
            _depth.reset(token)


_current: ContextVar[Ledger | None] = ContextVar("agent_repl_ledger", default=None)
_depth: ContextVar[int] = ContextVar("agent_repl_depth", default=0)
_open: list[Ledger] = []  # those of outermost calls that have not ended, the newest last


@contextmanager
def ledger(nested: bool = False) -> Iterator[Ledger]:
    """The ledger of the outermost call, or a new one; in a thread of its own `nested` written code joins the newest."""
    book = _current.get() or (_open[-1:] * nested or [Ledger()])[0]
    token = _current.set(book)
    _open.append(book)
    try:
        yield book
    finally:
        _open.remove(book)
        _current.reset(token)


def check_budget(book: Ledger, session: Usage, settings: Settings) -> None:
    """Raise BudgetExceeded where one more model call would pass a limit."""
    if book.usage.calls >= settings.max_calls:
        raise BudgetExceeded(f"this call has asked the model {book.usage.calls} times (max_calls={settings.max_calls})")
    if session.cost is not None and settings.max_cost and session.cost >= settings.max_cost:
        raise BudgetExceeded(
            f"this session has cost ${session.cost:.2f} (max_cost={settings.max_cost}): raise max_cost to go on"
        )
