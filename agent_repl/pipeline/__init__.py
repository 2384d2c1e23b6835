"""One call in, one outcome out.

Call ── premises ──► the head, if it fits? ──yes──► execute ──► record
                        │no
                        ▼
        write ──► review ──► accepted: provisional at once, an entry after its first success
          ▲                     │ raises from the inside: undo, repair
          └─────────────────────┘
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from ..errors import CacheMiss, InvalidCode, ModuleError, PolicyError, Rejected, ReviewRequired, StoreError
from ..prompts import Failure, Request, describe_call, describe_object
from ..protocols import Executor, Place, Provider, Reviewer, Store
from ..records import (
    Author,
    Call,
    Code,
    Entry,
    Event,
    Guard,
    Mode,
    Proposal,
    Settings,
    Spec,
    Tier,
    Usage,
    Verdict,
    Version,
)
from ..signature.guards import differences
from ..unit import RESERVED
from ..validate import recall, validate
from ..write import with_feedback, write
from .failures import explain, is_inside
from .ledger import Ledger, check_budget, ledger
from .methods import Identity, Method
from .pinning import pin
from .undo import Undo


@dataclass
class Workshop:
    """What the calls of one session share; `session` fills it in."""

    settings: Settings
    mode: Mode
    store: Store
    executor: Executor
    reviewer: Reviewer
    provider: Callable[[], Provider]
    usage: Usage = field(default_factory=Usage)
    flights: dict[Any, threading.RLock] = field(default_factory=lambda: defaultdict(threading.RLock))
    failures: dict[Any, Failure] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One call on its way: the agent with its identity and place, and what was called."""

    shop: Workshop
    identity: Identity
    agent: Any
    place: Place
    call: Call
    book: Ledger

    @property
    def name(self) -> str:
        return self.call.key.name

    @property
    def title(self) -> str:
        return f"{self.call.label}.{self.name}"

    def tell(self, event: Event) -> None:
        self.shop.reviewer.tell(replace(event, title=self.title))


def serve(shop: Workshop, identity: Identity, agent: Any, name: str, args: tuple[Any, ...], kwargs: Any) -> Any:
    """The whole life of a call to a method that is not a plain function yet: its value, or what it raises."""
    __tracebackhide__ = True
    place = shop.executor.open(agent)
    method = identity.find(name)
    if method is not None and identity.fits(name, place, args, kwargs):
        return execute(identity, method, place, args, kwargs)
    with ledger() as book:
        filled = fill(identity.template, state_of(place))
        call = Call(identity.key(name), identity.label, filled, args, dict(kwargs), book.depth)
        return _first(Case(shop, identity, agent, place, call, book))


def _first(case: Case) -> Any:
    """A call that no accepted code is known to fit: settle on code, run it, keep it when it works."""
    __tracebackhide__ = True
    call, shop = case.call, case.shop
    values = [*call.args, *call.kwargs.values(), *state_of(case.place).values(), *call.identity.split()]
    for repairs_left in range(shop.settings.repairs, -1, -1):
        method = settle(case)
        premises = _accepted_premises(case)
        try:
            with case.book.deeper(shop.settings, case.title), case.book.timed("execute"):
                value = execute(case.identity, method, case.place, call.args, call.kwargs)
        except BaseException as error:
            if not is_inside(error, values):
                raise
            _failed(case, method, error)
            if shop.mode != "auto" or not repairs_left:
                raise
        else:
            _keep(case, method, premises)
            return value
    raise AssertionError("the last round returns or raises")


def execute(identity: Identity, method: Method, place: Place, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Run a method in one transaction: what it raises leaves the agent's state as it was."""
    __tracebackhide__ = True
    needs = identity.needs(method.code.name)
    reads = place.kinds() if needs.dynamic else needs.reads
    undo = Undo(place, place.kinds() if needs.dynamic else needs.binds, reads) if needs.binds or reads else None
    try:
        value = place.call(method.function, args, kwargs)
    except BaseException as error:
        _roll_back(undo, error)
        raise
    return _guarded(value, undo) if method.deferred else value


def _roll_back(undo: Undo | None, error: BaseException) -> None:
    if undo is None:
        return
    undo.restore()
    if not undo.complete:
        error.add_note("agent_repl: state was put back, but a large container may have been changed in place")


def _guarded(value: Any, undo: Undo | None) -> Any:
    """A coroutine or an iteration whose failure is undone when it comes."""
    if hasattr(value, "__await__"):
        return _awaited(value, undo)
    return _async_iterated(value, undo) if hasattr(value, "__aiter__") else _iterated(value, undo)


async def _awaited(value: Any, undo: Undo | None) -> Any:
    try:
        return await value
    except BaseException as error:
        _roll_back(undo, error)
        raise


def _iterated(value: Any, undo: Undo | None) -> Any:
    try:
        return (yield from value)
    except GeneratorExit:
        raise
    except BaseException as error:
        _roll_back(undo, error)
        raise


async def _async_iterated(value: Any, undo: Undo | None) -> Any:
    try:
        async for item in value:
            yield item
    except GeneratorExit:
        raise
    except BaseException as error:
        _roll_back(undo, error)
        raise


def settle(case: Case) -> Method:
    """Code for this call that may run: accepted before, or written and accepted now. One thread at a time per name."""
    shop, identity, name = case.shop, case.identity, case.name
    with shop.flights[case.call.key]:
        if case.call.key not in shop.failures:
            identity.refresh()
            method = identity.find(name)
            if method is not None and identity.fits(name, case.place, case.call.args, case.call.kwargs):
                case.book.tier = method.tier
                return method
        with case.book.timed("settle"):
            return _decide(case)


def _decide(case: Case) -> Method:
    """Propose code until somebody, or the policy, accepts it."""
    draft, code, why = _waiting_draft(case) or _unchanged_head(case) or _draft(case)
    while True:
        verdict = _verdict(case, draft, code, why)
        match verdict.decision:
            case "accept" | "pin":
                return _accept(case, draft, code, pinned=verdict.decision == "pin")
            case "edit":
                draft, code, why = _edited(case, draft, verdict.source)
                return _accept(case, draft, code)
            case "revise":
                draft, code, why = _draft(case, revise=(code.source, verdict.feedback), parent=draft)
            case "reject":
                case.shop.store.judge(draft, "rejected")
                raise Rejected(f"{case.title} was rejected; the draft is kept: call it again to see it")


Draft = tuple[Version, Code, str]


def _waiting_draft(case: Case) -> Draft | None:
    """Code for the same call that was paid for and never became an entry: it is shown again, or run if accepted."""
    if case.call.key in case.shop.failures:
        return None
    versions = case.shop.store.versions(case.call.key)
    head = case.identity.find(case.name)
    last = versions[-1] if versions else None
    if last is None or (head is not None and head.entry.version.number == last.number):
        return None
    if last.verdict == "failed" or last.premises != _request(case).premises:
        return None
    return last, recall(last.source, case.name), last.reason


def _unchanged_head(case: Case) -> Draft | None:
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


def _draft(case: Case, revise: tuple[str, str] | None = None, parent: Version | None = None) -> Draft:
    """A new version from the model: stored before anybody looks at it, since it is paid for."""
    shop = case.shop
    _require_model(case)
    failure = shop.failures.get(case.call.key) or _last_failure(case)
    head = case.identity.find(case.name)
    request = _request(case)
    reason, author = ("new", "model")
    if revise:
        request, reason = with_feedback(request, *revise), f"revised: {revise[1]}"
    elif failure:
        reason, author = f"repairs: {failure.message.splitlines()[0]}", "repair"
    elif head:
        request = replace(request, head=head.code.source, changes=_changes(case, head))
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
    return _stored(case, version), written.code, reason


def _last_failure(case: Case) -> Failure | None:
    """What another process, or yesterday's, learnt of code for the same call that raised."""
    versions = case.shop.store.versions(case.call.key)
    last = versions[-1] if versions else None
    if last is None or last.verdict != "failed" or last.premises != _request(case).premises:
        return None
    return Failure(last.source, last.note)


def _author(author: str) -> Author:
    return "repair" if author == "repair" else "model"


def _require_model(case: Case) -> None:
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
    return f"({_request(case).shown})"


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
            _spec(case),
            settings.generation_retries,
            case.tell,
            spend,
            failure,
            settings.template_directory,
        )


def _spec(case: Case) -> Spec:
    call, state = case.call, state_of(case.place)
    methods = {*case.identity.names(), *_plain_methods(case)} - {case.name}
    texts = [*call.args, *call.kwargs.values(), *state.values()]
    named = {str(v) for v in texts if type(v) is str} | set(call.identity.split())
    return Spec(case.name, call.args, call.kwargs, frozenset(state), frozenset(methods), frozenset(named))


def _plain_methods(case: Case) -> list[str]:
    return [n for n in dir(case.identity.live) if not n.startswith("_") and n not in RESERVED]


def _request(case: Case) -> Request:
    samples = case.shop.settings.samples != "none"
    call = case.call
    about = object_request(case.identity, call.identity, state_of(case.place), case.name, samples)
    return describe_call(about, call.key.name, call.args, call.kwargs, samples)


def object_request(identity: Identity, filled: str, state: Mapping[str, Any], but: str, samples: bool) -> Request:
    """What the writer is told of an agent whatever is called; the sources of its methods, `but` one."""
    methods = [m for m in (identity.find(name) for name in identity.names()) if m is not None and m.code.name != but]
    sources = {m.code.name: m.code.source for m in methods}
    return describe_object(identity.label, filled, state, sources, samples)


def _verdict(case: Case, draft: Version, code: Code, why: str) -> Verdict:
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


_one_at_a_time = threading.RLock()


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
    spec = _spec(case)

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
        check=check,
    )


def _edited(case: Case, draft: Version, source: str) -> Draft:
    """What the person typed in the review, as a version of their own."""
    code = validate(source, _spec(case))
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
    return _stored(case, version), code, version.reason


def _accept(case: Case, draft: Version, code: Code, pinned: bool = False) -> Method:
    """Accepted code is provisional at once: it serves this call, nested ones and those that wait."""
    shop, name = case.shop, case.name
    head = case.identity.find(name)
    tier: Tier = "CHANGED" if head else "NEW"
    version = draft if draft.verdict == "accepted" else _judged(case, draft, "accepted")
    guards: tuple[Guard, ...] = head.entry.guards if head and head.entry.version.number == version.number else ()
    entry = Entry(version, guards, pinned or (head.entry.pinned if head else False))
    method = case.identity.install(entry, code, tier)
    case.identity.put(name, replace(entry, guards=(_accepted_premises(case), *guards)))
    case.book.tier = tier
    shop.failures.pop(case.call.key, None)
    return method


def _accepted_premises(case: Case) -> Guard:
    return case.identity.premises(case.name, case.place, case.call.args, case.call.kwargs)


def _keep(case: Case, method: Method, premises: Guard) -> None:
    """The first success: the entry is stored. Siblings that this very run wrote add their premises to the guard."""
    wide = (*premises, *(p for p in _accepted_premises(case) if p.path not in {q.path for q in premises}))
    entry = case.identity.widen(case.name, wide)
    case.identity.put(case.name, entry)
    try:
        case.shop.store.put(entry)
        if entry.pinned:
            pin(case.identity, case.name, state_of(case.place))
    except (StoreError, ModuleError) as error:
        case.tell(Event("warning", f"{case.title} serves in this process only: {error}"))
    spent = entry.version.usage
    case.tell(Event("done", f"{method.tier} v{entry.version.number} · {spent.seconds:.1f} s"))
    method.tier = "PINNED" if entry.pinned else "CACHED"


def _failed(case: Case, method: Method, error: BaseException) -> None:
    """Code that raised from the inside is not served again; what it was and why is kept for the repair."""
    version = method.entry.version
    message = explain(error)
    proven = len(method.entry.guards) > 1
    case.shop.failures[case.call.key] = Failure(method.code.source, message)
    case.identity.forget(case.name)
    case.identity.refresh()
    try:
        if not proven:
            case.shop.store.judge(version, "failed", message)
    except StoreError as problem:
        case.tell(Event("warning", str(problem)))
    case.tell(Event("repair", f"{case.title} {message.splitlines()[0]}; its state was put back"))


def _stored(case: Case, version: Version) -> Version:
    try:
        case.shop.store.claim(version.key.identity, case.identity.label)
        return case.shop.store.add(version)
    except StoreError as error:
        case.tell(Event("warning", f"not stored: {error}"))
        return replace(version, number=len(case.shop.store.versions(version.key)) + 1)


def _judged(case: Case, draft: Version, verdict: Any) -> Version:
    try:
        return case.shop.store.judge(draft, verdict)
    except StoreError as error:
        case.tell(Event("warning", f"not stored: {error}"))
        return replace(draft, verdict=verdict)


def state_of(place: Place) -> dict[str, Any]:
    """All state of an agent, live."""
    return {name: place.get(name) for name in place.kinds()}


def fill(template: str, state: Mapping[str, Any]) -> str:
    """The identity with `{names}` of the state filled in; braces that name no state stay as they are."""
    text = template
    for name, value in state.items():
        if f"{{{name}}}" in text and type(value) in (str, int, float, bool):
            text = text.replace(f"{{{name}}}", str(value))
    return text
