"""What a person decides outside a call: code written by hand, and drafts that wait."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

from ..errors import AgentError, InvalidCode
from ..records import Code, Entry, Verdict, Version
from ..replay import Diff
from ..validate import recall, validate
from .case import ANY_CALL, Case, Draft, spec_of, state_of
from .drafts import edited, judged, stored
from .examples import compared, held
from .history import accepted_ahead
from .pinning import pin
from .policy import proposal_of, require_kept, require_policy


def define(case: Case, source: str, pinned: bool) -> Path | None:
    """Make a person's source the head, as `take` does; raises InvalidCode, or Rejected where it breaks a check."""
    source = (spec := spec_of(case)).unit(source, spec)
    try:
        ast.parse(source)
    except (SyntaxError, ValueError) as error:  # in words for a person; `validate` has those for a model
        line = getattr(error, "lineno", 0) or 0
        raise InvalidCode(f"line {line}: {getattr(error, 'msg', error)}", "parse", source, line) from None
    code = validate(source, spec)
    require_policy(case.shop.settings, code)
    head = case.identity.find(case.name)
    parents = (head.entry.version.number,) if head else ()
    reason = f"edits v{parents[0]}" if parents else "written by hand"
    version = Version(case.call.key, code.source, code.unit, "person", reason, parents=parents, premises=(ANY_CALL,))
    require_kept(case, code, diff := compared(case, code))
    path = take(case, stored(case, version), code, diff, pinned)
    case.announce()
    return path


def take(case: Case, draft: Version, code: Code, diff: Diff, pinned: bool) -> Path | None:
    """Accepted code that no call has asked for takes the head's place; gives the class file where it is pinned.

    Pinned it serves every call; else those kinds that it was seen to answer as before. Where there is none it waits for
    the next call, which it serves without a question.
    """
    identity, name, head = case.identity, case.name, case.identity.find(case.name)
    version = draft if draft.verdict == "accepted" else judged(case, draft, "accepted")
    entry = Entry(version, (), pinned or bool(head and head.entry.pinned))
    method = identity.install(entry, code, "CHANGED" if head else "NEW")
    same = head is not None and head.code.unit == code.unit
    entry = replace(entry, guards=head.entry.guards if head and same else held(case, diff))
    if not entry.guards and not entry.pinned:
        identity.forget(name)
        case.shop.store.drop(case.call.key)
        return None
    identity.put(name, entry)
    case.shop.store.put(entry)
    case.written.extend([version] * (head is None or head.entry.version.number != version.number))
    method.kept, method.tier = True, "CACHED"
    return pin(identity, name, state_of(case.place)) if entry.pinned else None


def waiting(case: Case) -> Version:
    """The draft of a method that waits for a decision; raises AgentError where there is none."""
    last = next(reversed(case.shop.store.versions(case.call.key)), None)
    if last is None or not (last.verdict in ("draft", "rejected") or accepted_ahead(case.identity, case.name)):
        raise AgentError(f"no draft of {case.title} waits: call it, and it is written or run")
    return last


def accept(case: Case, draft: Version, pinned: bool = False) -> str:
    """Accept a draft as it is: the next call of its kind runs it, or any one where it is pinned; says so."""
    code = recall(draft.source, case.name)
    require_policy(case.shop.settings, code)
    require_kept(case, code, diff := compared(case, code))
    head = case.identity.find(case.name)
    if pinned or draft.author == "file" or (head and head.entry.pinned):
        take(case, draft, code, diff, pinned=True)
        case.announce()
        return f"{case.title} v{draft.number} is PINNED"
    judged(case, draft, "accepted")
    return f"{case.title} v{draft.number} is accepted: the next such call runs it"


def reject(case: Case, draft: Version) -> str:
    """Reject a draft: it is kept, and marked; says so."""
    judged(case, draft, "rejected")
    return f"{case.title} v{draft.number} is rejected: it is kept, and no call runs it"


def reviewed(case: Case, draft: Version) -> str:
    """Ask the reviewer about a draft, outside the call that it was written for; says what came of it."""
    code = recall(draft.source, case.name)
    require_policy(case.shop.settings, code)
    diff = compared(case, code)
    verdict = case.shop.reviewer.review(proposal_of(case, Draft(draft, code, draft.reason, draft.note), False, diff))
    return followed(case, draft, code, diff, verdict)


def followed(case: Case, draft: Version, code: Code, diff: Diff, verdict: Verdict) -> str:
    """Do as a reviewer says of a draft, outside the call that it was written for; says what came of it."""
    match verdict.decision:
        case "pin":
            require_kept(case, code, diff)
            take(case, draft, code, diff, pinned=True)
            case.announce()
            return f"{case.title} v{draft.number} is PINNED"
        case "edit":
            return accept(case, edited(case, draft, verdict.source)[0], draft.author == "file")
        case "reject":
            return reject(case, draft)
        case "revise":
            return f"{case.title} v{draft.number} waits: to have it revised, make the call and say there what to change"
        case decision:
            case.shop.auto.update([case.identity.template] * (decision == "auto"))
            return accept(case, draft)
