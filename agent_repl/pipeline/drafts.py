"""Where the next text of a method comes from: a draft that was paid for, the head as it is, the model, a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ..errors import StoreError
from ..prompts import Failure, Request
from ..records import Author, Code, Event, Usage, Version
from ..signature.guards import differences
from ..validate import recall, validate
from ..write import with_feedback, write
from .case import Case, request_of, spec_of
from .ledger import check_budget
from .methods import Method
from .policy import require_model

Draft = tuple[Version, Code, str]


def waiting_draft(case: Case) -> Draft | None:
    """Code for the same call that was paid for and never became an entry: it is shown again, or run if accepted."""
    if case.call.key in case.shop.failures:
        return None
    versions = case.shop.store.versions(case.call.key)
    head = case.identity.find(case.name)
    last = versions[-1] if versions else None
    if last is None or (head is not None and head.entry.version.number == last.number):
        return None
    if last.verdict == "failed" or last.premises != request_of(case).premises:
        return None
    return last, recall(last.source, case.name), last.reason


def unchanged_head(case: Case) -> Draft | None:
    """A person may widen the head to a new kind of call as it is; the policy may not."""
    head = case.identity.find(case.name)
    if head is None or case.shop.mode != "ask" or case.call.key in case.shop.failures:
        return None
    try:
        premises = case.identity.premises(case.name, case.place, case.call.args, case.call.kwargs)
    except TypeError:
        return None
    new = "; ".join(differences(head.entry.guards, premises)) or "its siblings have changed"
    return head.entry.version, head.code, f"widens: the same code for a new kind of call ({new})"


def new_draft(case: Case, revise: tuple[str, str] | None = None, parent: Version | None = None) -> Draft:
    """A new version from the model: stored before anybody looks at it, since it is paid for."""
    require_model(case)
    request, failure = wanted(case)
    head = case.identity.find(case.name)
    reason, author = ("new", "model")
    if revise:
        request, reason = with_feedback(request, *revise), f"revised: {revise[1]}"
    elif failure:
        reason, author = f"repairs: {failure.message.splitlines()[0]}", "repair"
    elif head:
        reason = f"extends v{head.entry.version.number}"
    written = _write(case, request, failure)
    parents = [v.number for v in (parent, head.entry.version if head else None) if v is not None and v.number]
    version = Version(
        case.call.key,
        written.code.source,
        written.code.unit,
        _author(author),
        reason,
        parents=tuple(parents[:1]),
        premises=request.premises,
        model=f"{written.model}{f' ({written.note})' if written.note else ''}",
        usage=written.usage,
        prompt_hash=written.prompt_hash,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return stored(case, version), written.code, reason


def wanted(case: Case) -> tuple[Request, Failure | None]:
    """What the writer is asked for this call as things stand, and the failure that it should learn from."""
    failure = case.shop.failures.get(case.call.key) or _last_failure(case)
    head = case.identity.find(case.name)
    request = request_of(case)
    if head and not failure:
        request = replace(request, head=head.code.source, changes=_changes(case, head))
    return request, failure


def _last_failure(case: Case) -> Failure | None:
    """What another process, or yesterday's, learnt of code for the same call that raised."""
    versions = case.shop.store.versions(case.call.key)
    last = versions[-1] if versions else None
    if last is None or last.verdict != "failed" or last.premises != request_of(case).premises:
        return None
    return Failure(last.source, last.note)


def _author(author: str) -> Author:
    return "repair" if author == "repair" else "model"


def _changes(case: Case, head: Method) -> str:
    try:
        premises = case.identity.premises(case.name, case.place, case.call.args, case.call.kwargs)
    except TypeError as error:
        return str(error)
    return "; ".join(differences(head.entry.guards, premises))


def _write(case: Case, request: Request, failure: Failure | None) -> Any:
    shop, settings = case.shop, case.shop.settings
    provider = shop.provider()
    case.tell(Event("writing", f"{provider.name} {provider.model} writes {case.title}"))

    def spend(usage: Usage) -> None:
        case.book.spend(usage)
        shop.usage += usage

    check_budget(case.book, shop.usage, settings)
    with case.book.timed("write"):
        return write(
            provider,
            request,
            replace(spec_of(case), helpers=request.helpers),
            settings.generation_retries,
            case.tell,
            spend,
            failure,
            settings.template_directory,
        )


def edited(case: Case, draft: Version, source: str) -> Draft:
    """What the person typed in the review, as a version of their own."""
    code = validate(source, spec_of(case))
    version = replace(
        draft,
        source=code.source,
        unit=code.unit,
        author="person",
        reason="edited in review",
        number=0,
        parents=(draft.number,) if draft.number else (),
        usage=Usage(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return stored(case, version), code, version.reason


def stored(case: Case, version: Version) -> Version:
    try:
        case.shop.store.claim(version.key.identity, case.identity.label)
        return case.shop.store.add(version)
    except StoreError as error:
        case.tell(Event("warning", f"not stored: {error}"))
        return replace(version, number=len(case.shop.store.versions(version.key)) + 1)


def judged(case: Case, draft: Version, verdict: Any) -> Version:
    try:
        return case.shop.store.judge(draft, verdict)
    except StoreError as error:
        case.tell(Event("warning", f"not stored: {error}"))
        return replace(draft, verdict=verdict)
