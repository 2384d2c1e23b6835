"""The gate: what the mode allows, what is flagged, and when a person is asked."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from difflib import SequenceMatcher

from agent_repl_code.lua import legible, touched

from ..effects import KINDS
from ..errors import CacheMiss, ExecutorError, InvalidCode, PolicyError, Rejected, ReviewRequired, UnaskedCall
from ..records import Code, Proposal, Settings, Verdict
from ..replay import Diff, lines
from ..validate import validate
from .case import Case, Draft, request_of, spec_of
from .examples import compared

_one_at_a_time = threading.RLock()


def verdict_on(case: Case, draft: Draft, diff: Diff) -> Verdict:
    """What the policy, or the person, says of a draft."""
    shop, code = case.shop, draft.code
    require_policy(shop.settings, code)
    earlier = [v for v in shop.store.versions(case.call.key) if v.unit == code.unit and v.verdict != "draft"]
    if earlier and earlier[-1].verdict == "accepted" and not draft.why.startswith("widens") and not diff.broken:
        return Verdict("accept")
    head = case.identity.find(case.name)
    pinned = (head is not None and head.entry.pinned) or draft.version.author == "file"  # by git from anybody
    rejected = bool(earlier) and earlier[-1].verdict == "rejected"
    if case.mode == "auto" and not (code.flagged or diff.broken or pinned or rejected):
        return Verdict("accept")
    if shop.mode in ("later", "cached") or not shop.reviewer.can_ask:
        raise ReviewRequired(_waits(case, code, diff, rejected))
    proposal = proposal_of(case, draft, rejected, diff)
    with _one_at_a_time, case.book.timed("review"):
        return shop.reviewer.review(proposal)


def require_kept(case: Case, code: Code, diff: Diff) -> None:
    """Accepted code that breaks a kept example passes only when the person says so in words; raises Rejected."""
    if diff.untried:
        diff = compared(case, code, isolated=False)  # it is accepted: it may run here
    broken = "; ".join(f"{change.call} answered {change.before}, and now {change.after}" for change in diff.broken)
    if broken and not case.shop.reviewer.confirm(
        f"This breaks what was kept as a check: {broken}. Accept it all the same?"
    ):
        raise Rejected(f"{case.title} stays as it was, since it would break a check: {broken}; the draft is kept")


def require_model(case: Case) -> None:
    """Whether the mode lets a model be asked here, and whether the name is meant; said before anything is paid."""
    shop = case.shop
    _require_no_typo(case)
    if lack := shop.executor.lacks(case.agent, case.call.args, case.call.kwargs):
        raise ExecutorError(f"{case.title} cannot run where executor={shop.executor.name}: {lack}")
    if shop.mode == "cached":
        raise CacheMiss(
            f"no accepted code fits {case.title}{_shown(case)} and the review mode here is `cached`.\n"
            "Call it where a person can review it, or set review to `auto` or `later` (AGENT_REPL_REVIEW)."
        )
    if shop.mode == "ask" and not shop.reviewer.can_ask:
        raise ReviewRequired(
            f"{case.title} is not written yet and nobody can answer here.\n"
            "Run it in a terminal or a notebook, or set review to `auto`, `later` or `cached` (AGENT_REPL_REVIEW)."
        )


def _require_no_typo(case: Case) -> None:
    """A new name that nearly equals one that is there is asked about; where nobody can answer it is refused."""
    near = near_name(case)
    if case.spec or not near:  # a name that was found for words is meant
        return
    asked = f"{case.title} is not written yet; did you mean {case.call.label}.{near}?"
    if not (case.shop.reviewer.can_ask and case.shop.reviewer.confirm(f"{asked} Write {case.name} all the same?")):
        raise UnaskedCall(f"{asked} Nothing was written; if {case.name} is another thing, give it a name less alike")


def near_name(case: Case) -> str:
    """A name that is there and nearly equals this new one, "" where there is none."""
    spec = spec_of(case)
    near = (n for n in sorted(spec.methods | spec.state) if n != case.name and _differ_in_a_letter(case.name, n))
    new = not (case.identity.find(case.name) or case.shop.store.versions(case.call.key))
    return next(near, "") if new else ""


def _differ_in_a_letter(name: str, other: str) -> bool:
    """Whether one word of a name nearly equals the other's, digits apart, and all other words are the same."""
    if name.replace("_", "") == other.replace("_", ""):
        return True
    words, others = name.split("_"), other.split("_")
    apart = [(a, b) for a, b in zip(words, others, strict=False) if a != b]
    if len(words) != len(others) or len(apart) != 1 or min(map(len, apart[0])) < 4:
        return False
    (word, meant), digits = apart[0], re.compile(r"\d").findall
    same = word[0] == meant[0] and digits(word) == digits(meant)
    return same and SequenceMatcher(None, word, meant).ratio() >= 0.8


def _shown(case: Case) -> str:
    return f"({request_of(case).shown})"


def require_policy(settings: Settings, code: Code) -> None:
    """Raise PolicyError for code with an effect that the policy refuses."""
    found = [e for e in code.effects if e.flagged and e.kind in refused(settings)]
    if listed := "; ".join(f"{e.kind} in line {e.line}: {e.detail}" for e in found):
        raise PolicyError(f"policy=strict refuses this code: {listed}.\n{PolicyError.advice}")


def refused(settings: Settings) -> frozenset[str]:
    """The kinds of flagged effects that are refused: under `strict` those that are named, or all."""
    return frozenset(re.findall(r"[\w-]+", settings.refuse) or KINDS if settings.policy == "strict" else ())


def _waits(case: Case, code: Code, diff: Diff, rejected: bool) -> str:
    flagged = ", ".join(f"{e.kind} ({e.detail}, line {e.line})" for e in code.effects if e.flagged)
    because = f"it is flagged: {flagged}" if flagged else f"the review mode is `{case.shop.mode}`"
    because = "it was rejected before" if rejected else because
    because = "it breaks an example that was kept as a check" if diff.broken else because
    how = "Call it in a terminal or a notebook, or decide with `%agent review` or `agent-repl review`."
    return f"{case.title} is written and waits for a person, since {because}.\n{how}"


def proposal_of(case: Case, found: Draft, rejected: bool, diff: Diff) -> Proposal:
    """What a reviewer is asked about a draft."""
    draft, code, why = found.version, found.code, found.why
    head = case.identity.find(case.name)
    read = replace(code, source=legible(code.source), effects=touched(code.source, code.effects))
    spec, known = spec_of(case), case.shop.store.versions(case.call.key)
    before = head.code.source if head else next((v.source for v in known if v.number in draft.parents), "")

    def check(source: str) -> str:
        try:
            validate(source, spec)
        except InvalidCode as error:
            return f"line {error.line}: {error}" if error.line else str(error)
        return ""

    return Proposal(
        title=case.title,
        status="CHANGED" if head else "NEW",
        code=read,
        reason=f"{why}{', REJECTED BEFORE' if rejected else ''}",
        previous="" if head and head.code.unit == code.unit else legible(before),
        provider=draft.model,
        usage=draft.usage,
        attempts=draft.usage.calls,
        isolation=case.shop.executor.isolation,
        note=next((note for note in ("scripted", "replayed") if draft.model.endswith(f"({note})")), ""),
        answers=tuple(lines(diff)),
        tried=found.tried,
        versions=known,
        check=check,
    )
