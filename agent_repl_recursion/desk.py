"""What the leaves of one session share: the memo, the last tree of calls, and what a person is told on the way."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

from agent_repl.pipeline.ledger import Ledger
from agent_repl.records import Event
from agent_repl_bounds.budget import tokens_of
from agent_repl_data.memo import Memo

from .leaf import Work

FIRST, MOST = 0.5, 15.0  # seconds between two lines about the same work; each takes longer than the one before


class Desk:
    """What the leaves of one session share."""

    def __init__(self, session: Any) -> None:
        self.memo = Memo(session.store)
        self.last: Ledger | None = None
        self._told: dict[str, tuple[float, float]] = {}  # by title: when to be heard again, and how long it waits then

    def tell(self, work: Work, progress: str, done: bool = False) -> None:
        """Tell the person how far it is, unless that was done a moment ago; the end too, if the rest was told."""
        (again, wait), counts, now = self._told.get(work.title, (0.0, FIRST)), work.counts, time.monotonic()
        if not counts["asked"] or (now < again and not (done and work.told)):
            return
        wait = FIRST if now > again + MOST else wait
        self._told[work.title] = now + wait, min(wait * 1.5, MOST)
        work.told = True
        told = [work.title, progress, f"{counts['asked']} asked", f"{counts['memo']} remembered"]
        told += [f"{counts['failed']} failed"] * bool(counts["failed"])
        told += [f"{counts['tokens']:,} tokens"] * bool(counts["tokens"])
        work.shop.reviewer.tell(Event("done" if done else "asking", " · ".join([*told, work.by]), work.title))


_desks: WeakKeyDictionary[Any, Desk] = WeakKeyDictionary()


def desk_of(session: Any) -> Desk:
    """The desk of a session."""
    return _desks.get(session) or _desks.setdefault(session, Desk(session))


def clear_answers(session: Any = None) -> int:
    """Forget what leaves have answered in this home; says how many answers there were."""
    return desk_of(session or _default()).memo.clear()


def trace(session: Any = None) -> dict[str, Any]:
    """The tree of the last call that asked leaves, also while it runs: plain data, as JSON has it; {} where none did.

    Its `total` has root calls, leaves, what was remembered and failed, tokens and cost of the whole.
    """
    book = desk_of(session or _default()).last
    if book is None:
        return {}
    tree: dict[str, Any] = json.loads(json.dumps(book.tree))
    counted = sum((Counter(node["leaves"]) for node in _nodes(tree) if "leaves" in node), Counter())
    tree["total"] = {"root": book.usage.calls - book.leaves, "leaves": book.leaves, "memo": counted["memo"]}
    tree["total"] |= {"failed": counted["failed"], "tokens": tokens_of(book.usage), "cost": book.usage.cost}
    return tree


def _default() -> Any:
    from agent_repl.session import default_session

    return default_session()


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for inner in node.get("calls", ()):
        yield from _nodes(inner)
