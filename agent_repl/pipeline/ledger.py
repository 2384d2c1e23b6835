"""One account for everything that an outermost call sets in motion: depth, model calls, tokens, money; and its tree.

A node of the tree is a dict, as the README has them: call, key, tier, version, author, effects, verdict, stages,
attempts, tokens, cost, seconds, error, and the calls inside it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from agent_repl_bounds.budget import Budget
from agent_repl_data.log import Log

from ..errors import BudgetExceeded
from ..records import Settings, Tier, Usage


@dataclass(eq=False)
class Ledger(Budget[Usage]):
    """What has been spent since the outermost call began."""

    usage: Usage = field(default_factory=Usage)
    log: Log = field(default_factory=Log)
    tier: Tier | None = None
    timings: dict[str, float] = field(default_factory=dict)
    tree: dict[str, Any] = field(default_factory=dict)  # the node of the outermost call

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the seconds of a block to a stage."""
        began = time.perf_counter()
        try:
            yield
        finally:
            seconds, node = time.perf_counter() - began, _node.get() or {"call": ""}
            self.timings[stage] = self.timings.get(stage, 0.0) + seconds
            stages = node.setdefault("stages", {})
            stages[stage] = round(stages.get(stage, 0.0) + seconds, 6)
            self.log.happened(stage, node["call"], seconds=round(seconds, 6))

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


_NONE = Log()
_COUNTED = ("tokens", "cost", "attempts", "leaves")
_noting = threading.Lock()
_current: ContextVar[Ledger | None] = ContextVar("agent_repl_ledger", default=None)
_node: ContextVar[dict[str, Any] | None] = ContextVar("agent_repl_node", default=None)
_depth: ContextVar[int] = ContextVar("agent_repl_depth", default=0)
_open: list[Ledger] = []  # those of outermost calls that have not ended, the newest last


@contextmanager
def ledger(
    title: str = "", log: Log = _NONE, nested: bool = False, key: tuple[str, ...] = (), spare: Ledger | None = None
) -> Iterator[Ledger]:
    """The ledger of the outermost call, or a new one when this is it; `log` is given its tree, if it has a `title`.

    In a thread of its own, which knows no ledger, `nested` written code joins the newest one, else the `spare` one.
    """
    outer, node, began = _node.get(), dict[str, Any](call=title), time.perf_counter()
    if key:  # a hash, since an identity may hold data
        node["key"] = sha256("\0".join(key).encode(errors="replace")).hexdigest()[:16]
    book = _current.get() or (_open[-1:] * nested or [spare or Ledger(log=log)])[0]
    book.tree = book.tree or (spare.tree if spare else node if title else {})
    outer = book.tree if outer is None and spare else outer
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
        if outer is None and title:
            log.put("call", **node)


def running() -> dict[str, Any]:
    """The node of the call that is running, an empty one where none is."""
    return _node.get() or {}


def noted(**facts: Any) -> None:
    """Add facts to the node of the call that is running; to what is counted there they are added."""
    node = _node.get()
    for name, value in facts.items():
        if node is None:
            return
        with _noting:
            node[name] = _sum(node[name], value) if name in _COUNTED and name in node else value


def _sum(known: Any, more: Any) -> Any:
    return None if known is None or more is None else known + more


def refused(rule: str, line: int) -> None:
    """Say of the last attempt of the call that is running why its reply was refused."""
    for attempt in (_node.get() or {}).get("attempts", ())[-1:]:
        attempt |= {"rule": rule, "line": line}
