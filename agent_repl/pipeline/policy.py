"""The gate: what the mode allows, what is flagged, and when a person is asked."""

from __future__ import annotations

import threading

from ..errors import CacheMiss, InvalidCode, PolicyError, ReviewRequired
from ..records import Code, Proposal, Settings, Verdict, Version
from ..validate import validate
from .case import Case, request_of, spec_of

_one_at_a_time = threading.RLock()


def verdict_on(case: Case, draft: Version, code: Code, why: str) -> Verdict:
    """What the policy, or the person, says of a draft."""
    shop = case.shop
    _require_policy(shop.settings, code)
    earlier = [v for v in shop.store.versions(case.call.key) if v.unit == code.unit and v.verdict != "draft"]
    if earlier and earlier[-1].verdict == "accepted" and not why.startswith("widens"):
        return Verdict("accept")
    if shop.mode == "auto" and not code.flagged:
        return Verdict("accept")
    if shop.mode in ("later", "cached") or not shop.reviewer.can_ask:
        raise ReviewRequired(_waits(case, code))
    proposal = _proposal(case, draft, code, why, rejected=bool(earlier) and earlier[-1].verdict == "rejected")
    with _one_at_a_time, case.book.timed("review"):
        return shop.reviewer.review(proposal)


def require_model(case: Case) -> None:
    """Whether the mode lets a model be asked here; said before anything is paid."""
    shop = case.shop
    if shop.mode == "cached":
        raise CacheMiss(
            f"no accepted code fits {case.title}{_shown(case)} and the review mode here is `cached`: call it where a "
            f"person can review it, or set review to `auto` or `later` (AGENT_REPL_REVIEW)"
        )
    if shop.mode == "ask" and not shop.reviewer.can_ask:
        raise ReviewRequired(
            f"{case.title} is not written yet and nobody can answer here: run it in a terminal or a notebook, or set "
            f"review to `auto`, `later` or `cached` (AGENT_REPL_REVIEW)"
        )


def _shown(case: Case) -> str:
    return f"({request_of(case).shown})"


def _require_policy(settings: Settings, code: Code) -> None:
    flagged = [e for e in code.effects if e.flagged]
    if settings.policy == "strict" and flagged:
        listed = ", ".join(f"{e.kind} in line {e.line}: {e.detail}" for e in flagged)
        raise PolicyError(f"policy=strict refuses this code: {listed}")


def _waits(case: Case, code: Code) -> str:
    flagged = ", ".join(f"{e.kind} ({e.detail}, line {e.line})" for e in code.effects if e.flagged)
    because = f"it is flagged: {flagged}" if flagged else f"the review mode is `{case.shop.mode}`"
    return f"{case.title} is written and waits for a person, since {because}; call it in a terminal or a notebook"


def _proposal(case: Case, draft: Version, code: Code, why: str, rejected: bool) -> Proposal:
    head = case.identity.find(case.name)
    spec = spec_of(case)

    def check(source: str) -> str:
        try:
            validate(source, spec)
        except InvalidCode as error:
            return f"line {error.line}: {error}" if error.line else str(error)
        return ""

    return Proposal(
        title=case.title,
        status="CHANGED" if head else "NEW",
        code=code,
        reason=f"{why}{', REJECTED BEFORE' if rejected else ''}",
        previous=head.code.source if head and head.code.unit != code.unit else "",
        provider=draft.model,
        usage=draft.usage,
        attempts=draft.usage.calls,
        isolation=case.shop.executor.isolation,
        note=next((note for note in ("scripted", "replayed") if draft.model.endswith(f"({note})")), ""),
        check=check,
    )
