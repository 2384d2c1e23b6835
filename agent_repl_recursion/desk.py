"""What the leaves of one session share: the memo, the last tree of calls, and what a person is told on the way."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

from agent_repl.pipeline.ledger import Ledger
from agent_repl.records import Event
from agent_repl_bounds.budget import tokens_of

from .leaf import Work
from .memo import Memo

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
    counted = sum((Counter(node["leaves"]) for node in _nodes(book.tree) if "leaves" in node), Counter())
    usage, tree = book.usage, _plain(book.tree)
    total: dict[str, Any] = {"root": usage.calls - book.leaves, "leaves": book.leaves, "memo": counted["memo"]}
    total |= {"failed": counted["failed"], "tokens": tokens_of(usage), "cost": usage.cost}
    return {**tree, "total": total}


def _default() -> Any:
    from agent_repl.session import default_session

    return default_session()


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for inner in list(node.get("calls", ())):
        yield from _nodes(inner)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in list(value.items())}
    return [_plain(each) for each in list(value)] if isinstance(value, list) else value


def traced(session: Any = None) -> str:
    """The same in lines."""
    tree = trace(session)
    if not tree:
        return "self.llm has asked nothing yet"
    return "\n".join([*_lines(tree), " · ".join(_facts(tree["total"]))])


def _lines(node: dict[str, Any], indent: str = "") -> Iterator[str]:
    facts = {name: value for name, value in node.items() if name in ("tier", "version", "seconds", "error")}
    yield indent + " · ".join([node["call"], *_facts(facts | node.get("leaves", {}))])
    for inner in node.get("calls", ()):
        yield from _lines(inner, indent + "  ")


def _facts(facts: dict[str, Any]) -> list[str]:
    return [f"{name} {value}" for name, value in facts.items() if value not in (0, None, 0.0)]
