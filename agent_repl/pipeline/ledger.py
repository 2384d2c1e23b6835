"""One account for everything that an outermost call sets in motion: depth, model calls, tokens, money; and its tree.

A node of the tree is a dict: call, tier, version, author, tokens, cost, seconds, error, and the calls inside it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

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


Log = Callable[[dict[str, Any]], None]
_current: ContextVar[Ledger | None] = ContextVar("agent_repl_ledger", default=None)
_node: ContextVar[dict[str, Any] | None] = ContextVar("agent_repl_node", default=None)
_depth: ContextVar[int] = ContextVar("agent_repl_depth", default=0)
_open: list[Ledger] = []  # those of outermost calls that have not ended, the newest last


@contextmanager
def ledger(title: str = "", log: Log | None = None, nested: bool = False) -> Iterator[Ledger]:
    """The ledger of the outermost call, or a new one when this is it; `log` is given its tree, if it has a `title`.

    In a thread of its own, which knows no ledger, `nested` written code joins the newest one.
    """
    outer, node, began = _node.get(), dict[str, Any](call=title), time.perf_counter()
    book = _current.get() or (_open[-1:] * nested or [Ledger()])[0]
    tokens = _current.set(book), _node.set(node if title else outer)
    _open.append(book)
    if outer is not None and title:
        outer.setdefault("calls", []).append(node)
    try:
        yield book
    except BaseException as error:
        node["error"] = type(error).__name__
        raise
    finally:
        _open.remove(book)
        _current.reset(tokens[0])
        _node.reset(tokens[1])
        node["seconds"] = round(time.perf_counter() - began, 6)
        if log is not None and outer is None and title:
            log(node)


def noted(**facts: Any) -> None:
    """Add facts to the node of the call that is running; numbers that are there already are added up."""
    node = _node.get()
    for name, value in facts.items():
        if node is None:
            return
        node[name] = node[name] + value if name in ("tokens", "cost", "tries") and name in node else value


def log_to(path: Path) -> Log:
    """A log that appends each tree to a file as one line of JSON; it holds no argument and no answer, never raises."""

    def log(node: dict[str, Any]) -> None:
        with suppress(OSError, ValueError, TypeError), open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"at": datetime.now(UTC).isoformat(timespec="seconds"), **node}) + "\n")

    return log


def check_budget(book: Ledger, session: Usage, settings: Settings) -> None:
    """Raise BudgetExceeded where one more model call would pass a limit."""
    if book.usage.calls >= settings.max_calls:
        raise BudgetExceeded(f"this call has asked the model {book.usage.calls} times (max_calls={settings.max_calls})")
    if session.cost is not None and settings.max_cost and session.cost >= settings.max_cost:
        raise BudgetExceeded(
            f"this session has cost ${session.cost:.2f} (max_cost={settings.max_cost}): raise max_cost to go on"
        )
