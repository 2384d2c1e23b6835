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
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

from ..errors import AgentError, ModuleError, Rejected, StoreError, UnaskedCall, unplaced
from ..protocols import Place
from ..records import Code, Entry, Event, Guard, Tier, Version
from ..replay import Diff
from .case import Case, Draft, Workshop, case_for, fill, object_request, state_of
from .crystal import ripen
from .drafts import edited, judged, new_draft, revised, unchanged_head, waiting_draft
from .examples import compared, held, keep, last_call, picture, remember
from .failures import explain, failure_of, is_inside, last_failure, name_package
from .ledger import ledger, noted
from .methods import Identity, Method, Needs
from .ondisk import look
from .pinning import pin, sync
from .policy import require_kept, verdict_on
from .undo import Undo

__all__ = ["Workshop", "alone", "case_for", "decide", "execute", "fill", "first_call", "keep", "object_request"]
__all__ += ["look", "revise", "serve", "settle", "state_of"]


def serve(
    shop: Workshop,
    identity: Identity,
    agent: Any,
    name: str,
    args: tuple[Any, ...],
    kwargs: Any,
    refusal: Callable[[], str] = str,
    nested: bool = False,
) -> Any:
    """The whole life of a call to a method that is not a plain function yet: its value, or what it raises.

    `refusal` is asked only where no accepted code fits: why none may be written for this call, or "".
    `nested` says that written code makes the call.
    """
    __tracebackhide__ = True
    place, quick = shop.executor.open(agent), identity.quick.get(name)
    known = quick is not None and not kwargs and quick[0](agent, args)
    method, undoable = (quick[1], False) if quick and known else _head(identity, place, name, args, kwargs)
    word = identity.word
    if (method is None or undoable is None) and (look(shop, identity) or identity.word != word):
        method, undoable = _head(identity, place, name, args, kwargs)
    if method is not None and method.entry.pinned:  # since the handle was read: no guard, as the pin says
        return place.call(getattr(identity.live, name, method.function), args, kwargs)
    if method is None or undoable is None:
        if why := shop.refuses or refusal():
            raise UnaskedCall(why)
        with ledger(f"{identity.label}.{name}", shop.log, nested, identity.key(name)) as book:
            return first_call(case_for(shop, identity, agent, name, args, kwargs, book))
    if not shop.settings.log:
        return _served(shop, identity, agent, place, method, args, kwargs, undoable, nested)
    with ledger(f"{identity.label}.{name}", shop.log, nested, identity.key(name)):
        noted(tier=method.tier, version=method.entry.version.number)
        return _served(shop, identity, agent, place, method, args, kwargs, undoable, nested)


def _served(
    shop: Workshop,
    identity: Identity,
    agent: Any,
    place: Place,
    method: Method,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    undoable: bool,
    nested: bool,
) -> Any:
    """What accepted code answers; where it raises from the inside it is repaired, or that is offered."""
    __tracebackhide__ = True
    name = method.code.name
    try:
        value = execute(identity, method, place, args, kwargs, undoable)
    except Exception as error:
        if not is_inside(error, _given(place, args, kwargs)) or not _repairs_now(shop, identity, method, error):
            raise
        with ledger(f"{identity.label}.{name}", shop.log, nested, identity.key(name)) as book:
            return _repaired(case_for(shop, identity, agent, name, args, kwargs, book), method, error)
    if not undoable and name not in identity.quick:
        ripen(identity, method, shop.settings.crystallize_after)
    return value


def _head(
    identity: Identity, place: Place, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[Method | None, bool | None]:
    """The version that fits a call, and whether it leaves anything to undo; where none is known to, the head, None."""
    if identity.word != identity.generation.word[0]:
        sync(identity)
    method = identity.methods.get(name) or identity.find(name)
    if method is None or (undoable := identity.served(method, place, args, kwargs)) is not None:
        return method, None if method is None else undoable
    for older in identity.older(name):
        if (undoable := identity.served(older, place, args, kwargs)) is not None:
            return older, undoable
    return method, None


def _repairs_now(shop: Workshop, identity: Identity, method: Method, error: Exception) -> bool:
    """Whether served code that raised is repaired at once: where the policy decides. A person is told how."""
    if shop.mode_for(identity) == "auto":
        return shop.settings.repairs > 0
    words = f"{explain(error).splitlines()[0]}; its state was put back; revise it, without words, to have it repaired"
    shop.log.happened("repair", title := f"{identity.label}.{method.code.name}", text=words)
    shop.reviewer.tell(Event("repair", words, title))
    return False


def _repaired(case: Case, method: Method, error: Exception) -> Any:
    """The answer of repaired code; the original error where none can be had."""
    case.shop.failures[case.call.key] = failure_of(method.code.source, error)
    try:
        return first_call(case)
    except AgentError as later:
        raise error from later


def _given(place: Place, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Any]:
    return [*args, *kwargs.values(), *state_of(place).values()]


def first_call(case: Case, words: str = "") -> Any:
    """A call that no accepted code is known to fit: settle on code, run it, keep it when it works.

    With `words` it is written by them: what is there is revised, whether it fits or not.
    """
    __tracebackhide__ = True
    try:
        return _settled_call(case, words)
    finally:
        case.announce()


def _settled_call(case: Case, words: str) -> Any:
    __tracebackhide__ = True
    call, shop = case.call, case.shop
    values = [*_given(case.place, call.args, call.kwargs), *call.identity.split()]
    for repairs_left in range(shop.settings.repairs, -1, -1):
        try:
            method, words = settle(case, words), ""
        except KeyboardInterrupt as stop:
            raise unplaced(stop, f"{case.title} was not run") from None
        except ModuleNotFoundError as error:
            name_package(error)
            raise
        premises = _accepted_premises(case)
        try:
            before = picture(case.identity, case.place, case.name, call.args, call.kwargs)
            with case.book.deeper(shop.settings, case.title), case.book.timed("execute"):
                value = execute(case.identity, method, case.place, call.args, call.kwargs, True)
        except BaseException as error:
            if not is_inside(error, values):
                raise
            _failed(case, method, error)
            if case.mode != "auto" or not repairs_left:
                raise
        else:
            _keep(case, method, premises)
            remember(case, before, value)
            return value
    raise AssertionError("the last round returns or raises")


def revise(shop: Workshop, identity: Identity, agent: Any, name: str, words: str) -> Any:
    """Write the head again by a person's words, or without any from its last failure, and make its last call again."""
    with ledger(f"{identity.label}.{name}", shop.log, key=identity.key(name)) as book:
        method = identity.find(name)  # what failed at its first call serves no more
        error, args, kwargs = (None, *last_call(shop, identity, name)) if words else last_failure(name)
        case = case_for(shop, identity, agent, name, args, kwargs, book)
        if error is not None and method is not None:
            shop.failures[case.call.key] = failure_of(method.code.source, error)
        return first_call(case, words)


def execute(
    identity: Identity, method: Method, place: Place, args: tuple[Any, ...], kwargs: Mapping[str, Any], undoable: bool
) -> Any:
    """Run a method in one transaction: what it raises leaves the agent's state as it was."""
    __tracebackhide__ = True
    undo = _undo(identity.needs_of(method) or identity.needs(method.code.name), place) if undoable else None
    method.runs += 1
    try:
        value = place.call(method.function, args, kwargs)
    except BaseException as error:
        _roll_back(undo, error)
        name_package(error)
        raise
    if identity.methods.get(method.code.name) is method:
        identity.last = method.code.name, args, kwargs, value, undoable
    else:  # an older version, or one that was replaced meanwhile: no example of the head's
        identity.last = None
    return _guarded(value, undo) if method.deferred else value


def _undo(needs: Needs, place: Place) -> Undo:
    every = place.kinds() if needs.dynamic else ()
    return Undo(place, every or needs.binds, every or needs.reads)


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


def settle(case: Case, words: str = "") -> Method:
    """Code for this call that may run: accepted before, or written and accepted now.

    One thread at a time per name, and one process: those that waited find what the first one was given.
    """
    __tracebackhide__ = True
    shop, identity, name = case.shop, case.identity, case.name
    with alone(case):
        past = shop.store.heads(case.call.key)  # looked at first: what becomes the head meanwhile still waits for us
        if case.call.key not in shop.failures and not words:
            identity.refresh()
            method = identity.find(name)
            call = case.call
            if method is not None and (
                method.entry.pinned or identity.served(method, case.place, call.args, call.kwargs) is not None
            ):
                case.book.tier = method.tier
                noted(tier=method.tier, version=method.entry.version.number)
                return method
        with case.book.timed("settle"):
            waiting = revised(case, words) if words else waiting_draft(case, past)
            return _accept(case, *decide(case, waiting or unchanged_head(case) or new_draft(case)))


@contextmanager
def alone(case: Case) -> Iterator[None]:
    """Let one thread of one process write this method; in `cached`, where nothing is written, no process waits."""
    with case.shop.flights[case.call.key], nullcontext() if case.mode == "cached" else _only_process(case):
        yield


@contextmanager
def _only_process(case: Case) -> Iterator[None]:
    words = f"{case.title}: another process writes it, or asks somebody about it; this one waits"
    told = threading.Timer(1.0, case.tell, [Event("warning", words)])
    told.daemon = True
    told.start()
    try:
        with case.shop.store.lock(*case.call.key):
            told.cancel()
            yield
    finally:
        told.cancel()


def decide(case: Case, first: Draft) -> tuple[Version, Code, Diff, bool]:
    """What is accepted in the end, which answers change then, and whether it is to be pinned; raises Rejected."""
    shop, current = case.shop, first
    while True:
        draft, code = current.version, current.code
        diff = compared(case, code)
        verdict = verdict_on(case, current, diff)
        noted(verdict=verdict.decision)
        match verdict.decision:
            case "accept" | "pin" | "auto":
                require_kept(case, code, diff)
                shop.auto.update([case.identity.template] * (verdict.decision == "auto"))
                return draft, code, diff, verdict.decision == "pin"
            case "edit":
                draft, code, *_ = edited(case, draft, verdict.source)
                require_kept(case, code, diff := compared(case, code))
                return draft, code, diff, False
            case "revise":
                current = new_draft(case, revise=(code.source, verdict.feedback), parent=draft)
            case "reject":
                if draft.verdict != "accepted":
                    judged(case, draft, "rejected")
                raise Rejected(f"{case.title} was rejected; nothing is lost: call it again to see it, or to revise it")


def _accept(case: Case, draft: Version, code: Code, diff: Diff, pinned: bool) -> Method:
    """Accepted code is provisional at once: it serves this call, nested ones and those that wait.

    It goes on to serve kinds of calls that the head served where it was seen to give the same answer.
    """
    __tracebackhide__ = True
    shop, name = case.shop, case.name
    head = case.identity.find(name)
    tier: Tier = "CHANGED" if head else "NEW"
    version = draft if draft.verdict == "accepted" else judged(case, draft, "accepted")
    case.written.extend([version] * (head is None or head.entry.version.number != version.number))
    entry = Entry(version, (), pinned or (head.entry.pinned if head else False))
    method = case.identity.install(entry, code, tier)
    guards = head.entry.guards if head and head.entry.version.unit == version.unit else held(case, diff)
    method.reviewed = None if draft.verdict == "accepted" else "review" in case.book.timings
    case.identity.put(name, replace(entry, guards=(_accepted_premises(case), *guards)))
    case.book.tier = tier
    noted(tier=tier, version=version.number, author=version.author, effects=[e.kind for e in code.effects if e.flagged])
    shop.failures.pop(case.call.key, None)
    return method


def _accepted_premises(case: Case) -> Guard:
    return case.identity.premises(case.name, case.place, case.call.args, case.call.kwargs)


def _keep(case: Case, method: Method, premises: Guard) -> None:
    """The first success: the entry is stored. Siblings that this very run wrote add their premises to the guard."""
    if case.identity.methods.get(case.name) is not method:
        return  # somebody decided otherwise meanwhile
    wide = (*premises, *(p for p in _accepted_premises(case) if p.path not in {q.path for q in premises}))
    entry = case.identity.widen(case.name, wide)
    case.identity.put(case.name, entry)
    try:
        case.shop.store.put(entry)
        method.kept = True
        if entry.pinned:
            pin(case.identity, case.name, state_of(case.place))
    except (StoreError, ModuleError) as error:
        case.tell(Event("warning", f"{case.title} serves in this process only: {error}"))
    while case.shop.store.notes:
        case.tell(Event("warning", case.shop.store.notes.pop(0)))
    spent = entry.version.usage
    case.tell(Event("done", f"{method.tier} v{entry.version.number} · {spent.seconds:.1f} s"))
    method.tier = "PINNED" if entry.pinned else "CACHED"


def _failed(case: Case, method: Method, error: BaseException) -> None:
    """Code that raised from the inside is not served again; what it was and why is kept for the repair."""
    version = method.entry.version
    message = explain(error)
    proven = len(method.entry.guards) > 1
    case.shop.failures[case.call.key] = failure_of(method.code.source, error)
    case.identity.forget(case.name)
    case.written.clear()
    case.identity.refresh()
    if not proven:
        judged(case, version, "failed", message)
    then = "" if case.mode == "auto" else "; call it again to have it repaired"
    case.tell(Event("repair", f"{message.splitlines()[0]}; its state was put back{then}"))
