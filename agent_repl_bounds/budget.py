"""What was spent, and what is on its way and may cost yet: a limit stops before it is passed."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, Self, TypeVar


class Spent(Protocol):
    """What something cost: how many calls, and US dollars, None where they are not known; it can be added up."""

    @property
    def calls(self) -> int: ...
    @property
    def cost(self) -> float | None: ...
    def __add__(self, other: Self, /) -> Self: ...


class Limits(Protocol):
    """How often one call may ask, and what it and its session may cost in US dollars; 0 is no limit of money.

    Also how many leaves, tokens, and seconds since its first leaf; 0 is no limit of these.
    """

    @property
    def max_calls(self) -> int: ...
    @property
    def max_leaves(self) -> int: ...
    @property
    def max_tokens(self) -> int: ...
    @property
    def max_seconds(self) -> float: ...
    @property
    def max_call_cost(self) -> float: ...
    @property
    def max_cost(self) -> float: ...


S = TypeVar("S", bound=Spent)
LEAF = "leaf"
"""The stage of a question that written code asks; it counts by itself, not among the calls."""
_counting = threading.Lock()


@dataclass(eq=False)
class Budget(Generic[S]):
    """What one call, or one session, has spent; `held` has the highest price of each request that is on its way."""

    usage: S
    stages: dict[str, S] = field(default_factory=dict)
    dollars: float = 0.0  # what is known of the cost
    held: list[float] = field(default_factory=list)
    promised: int = 0  # the most tokens of these
    leaves: int = 0  # that are done or on their way
    began: float = 0.0  # when the first leaf was asked


def hold(call: Budget[S], session: Budget[S], limits: Limits, price: float, stage: str = "", tokens: int = 0) -> str:
    """Hold back what one more request may cost; where it could pass a limit say why, and hold nothing."""
    leaf = stage == LEAF
    with _counting:
        why = (
            (_leaves(call, limits.max_leaves) if leaf else _calls(call, limits.max_calls))
            or (_tokens(call, limits.max_tokens, tokens) or late(call, limits) if tokens else "")
            or _money(call, "this call", "max_call_cost", limits.max_call_cost, price)
            or _money(session, "this session", "max_cost", limits.max_cost, price)
        )
        for budget in () if why else (call, session):
            budget.held.append(price)
            budget.promised += tokens
            budget.leaves += leaf
            budget.began = budget.began or leaf * time.monotonic()
        return why


def late(call: Budget[S], limits: Limits) -> str:
    """Why no time is left for this call, "" where there is some."""
    passed = time.monotonic() - call.began if call.began else 0.0
    asked = f"this call has asked leaves for {passed:.1f} s (max_seconds={limits.max_seconds:g})"
    return f"{asked}: {_raise('max_seconds')}" * (0 < limits.max_seconds <= passed)


def most_tokens(text: str, answer: int) -> int:
    """The most tokens of a prompt and its answer: one for every two bytes, and all that the answer may have."""
    return len(text.encode(errors="replace")) // 2 + answer


def tokens_of(spent: Spent) -> int:
    """The tokens of all kinds."""
    return sum(number for name, number in vars(spent).items() if name.endswith("_tokens"))


def _calls(budget: Budget[S], limit: int) -> str:
    asked = budget.usage.calls + len(budget.held) - budget.leaves
    return f"this call has asked the model {asked} times (max_calls={limit}): {_raise('max_calls')}" * (asked >= limit)


def _leaves(budget: Budget[S], limit: int) -> str:
    asked = f"this call has asked {budget.leaves} leaves (max_leaves={limit})"
    return f"{asked}: {_raise('max_leaves')}" * (0 < limit <= budget.leaves)


def _tokens(budget: Budget[S], limit: int, more: int) -> str:
    spent = tokens_of(budget.usage)
    if not limit or spent + budget.promised + more <= limit:
        return ""
    others = f", what is on its way may take {budget.promised:,}" * bool(budget.promised)
    told = f"this call has taken {spent:,} tokens{others}, and the next prompt may take {more:,}"
    return f"{told}: together more than max_tokens={limit}; {_raise('max_tokens')}"


def _money(budget: Budget[S], whose: str, name: str, limit: float, price: float) -> str:
    waiting = sum(budget.held)
    if not (limit and price) or budget.dollars + waiting + price <= limit:
        return ""
    others = f", what is on its way may cost ${waiting:.4f}" * bool(waiting)
    spent = f"{whose} has cost ${budget.dollars:.4f}{others}, and the next prompt may cost ${price:.4f}"
    return f"{spent}: together more than {name}={limit:g}; {_raise(name)}"


def _raise(name: str) -> str:
    return f"raise {name} to go on: session.set({name}=...) or AGENT_REPL_{name.upper()}"


def pay(budgets: Sequence[Budget[S]], stage: str, price: float, spent: S, tokens: int = 0) -> None:
    """Put what a request did cost in the place of what was held back for it; that counts where it is not known."""
    with _counting:
        for budget in budgets:
            budget.held.remove(price)
            budget.promised -= tokens
            budget.leaves += (spent.calls - 1) * (stage == LEAF)  # one that was not reached is none
            budget.usage = budget.usage + spent
            budget.stages[stage] = budget.stages[stage] + spent if stage in budget.stages else spent
            budget.dollars += price if spent.cost is None else spent.cost
