"""What accepted runs answered: recorded, kept as checks, and answered again by old and new code before a review."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from inspect import iscoroutine, isgenerator
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from agent_repl_bounds.trial import Report, refusal
from agent_repl_data.files import shortened
from agent_repl_data.plain import decode, encode

from ..errors import AgentError, StoreError
from ..modules import findable, unit_scope
from ..protocols import Place
from ..records import Code, Event, Example, Guard
from ..replay import Diff, Sample, compare, try_out
from ..signature import looks_like_path, signature
from .case import Case, state_of
from .failures import explain, is_inside
from .methods import Identity

_REFUSES = "a method that is not written yet"
SECONDS = 5.0
"""How long old and new code may take together before a review."""


def picture(identity: Identity, place: Place, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Example:
    """A call that is about to be made: its arguments, the state that the code can read, the data in its files."""
    needs, version = identity.needs(name), identity.methods[name].entry.version
    state = {n: v for n, v in state_of(place).items() if needs.dynamic or n in needs.binds or n in needs.reads}
    files = _fingerprint([*args, *kwargs.values(), *state.values()])
    return Example(version.key, version.number, encode([list(args), dict(kwargs)]), encode(state), "", "", files)


def _fingerprint(values: Iterable[Any]) -> str:
    found = []
    for path in filter(looks_like_path, values):
        with suppress(OSError), open(path, "rb") as file:
            found.append(f"{os.stat(path).st_size}-{crc32(file.read(1 << 20)):08x}")
    return " ".join(found)


def remember(case: Case, before: Example, value: Any) -> None:
    """Record what an accepted run answered, unless the setting `examples` is off; another kind of answer is told.

    Of a run in whose values the pattern `redact` is found only the kind of the answer is recorded.
    """
    found = answered(before, value)
    known = case.shop.store.examples(found.key)
    mine = found.args, found.state, found.files
    found = replace(found, kept=any(e.kept and (e.args, e.state, e.files) == mine for e in known))
    past = {e.kind: e.version for e in known if _alike(e, found)}
    if past and found.kind not in past:
        kind, version = past.popitem()
        told = f"{case.title} returns {shortened(found.kind, 80)}, and v{version} returned {shortened(kind, 80)}"
        case.tell(Event("warning", told))
    secret = case.shop.settings.redact
    if secret and re.search(secret, f"{found.args}\n{found.state}\n{found.answer}"):
        found = replace(found, args="", state="", answer="", kept=False)
    if case.shop.settings.examples != "off":
        with suppress(StoreError):  # it is only an example
            case.shop.store.remember(found)


def _alike(one: Example, other: Example) -> bool:
    """Whether another version answered the same kind of call."""
    plain = one.version != other.version and one.args and other.args
    return bool(plain) and signature(decode(one.args)) == signature(decode(other.args))


def answered(before: Example, value: Any) -> Example:
    """The example with its answer; one that is not plain is told by its signature alone."""
    return replace(before, answer=encode(value), kind=signature(value))


def keep(shop: Any, identity: Identity, agent: Any, name: str, args: tuple[Any, ...], kwargs: Any) -> Example:
    """Keep the last call, or one that is made now, as a check; raises AgentError where it cannot be made again."""
    place, last = shop.executor.open(agent), _last(identity, name)
    if args or kwargs:
        before = picture(identity, place, name, args, kwargs)
        found: Example | None = answered(before, identity.handle(agent, name, None, True)(*args, **kwargs))
    elif last and not last.undoable:
        found = answered(picture(identity, place, name, last.args, last.kwargs), last.value)
    else:
        found = _newest(shop, identity, name)
    if found is None or place.wraps is not None or not (found.args and found.state and found.answer):
        raise AgentError(
            f"{identity.label}.{name} has no call that could be made again: keep one with plain arguments, state and "
            f"answer, as in keep({identity.label}.{name}, n=3)"
        )
    shop.store.remember(kept := replace(found, kept=True))
    return kept


class _Last(NamedTuple):
    name: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    value: Any
    undoable: bool


def _last(identity: Identity, name: str) -> _Last | None:
    last = _Last(*identity.last) if identity.last else None
    return last if last and last.name == name else None


def _newest(shop: Any, identity: Identity, name: str) -> Example | None:
    return next((e for e in reversed(shop.store.examples(identity.key(name))) if e.args), None)


def last_call(shop: Any, identity: Identity, name: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of the last call of a method, in this session or as recorded; raises AgentError."""
    if last := _last(identity, name):
        return last.args, dict(last.kwargs)
    if (found := _newest(shop, identity, name)) is None:
        raise AgentError(f"no call of {identity.label}.{name} is known: make one first")
    args, kwargs = decode(found.args)
    return tuple(args), kwargs


def compared(case: Case, code: Code, isolated: bool = True) -> Diff:
    """Which answers change with this code: of recorded calls, of methods that call it, and of today's call.

    Without `isolated` only kept calls are made, right here: where no trial can be had, by code that was accepted.
    """
    head = case.identity.find(case.name)
    if head is None or head.code.unit == code.unit:
        return Diff()
    if case.place.wraps is not None:
        return Diff(untried="it wraps an object, of which there is only one")
    callers = [n for n in case.identity.names() if (m := case.identity.find(n)) and case.name in m.code.calls]
    samples, today = [sample for name in (case.name, *callers) for sample in _samples(case, name)], _today(case)
    samples += [today] * (case.call.made and not any(_is_same(sample, today) for sample in samples))
    if not isolated:
        samples = [sample for sample in samples if sample.kept and sample.name == case.name]
    files = [Path(value) for sample in samples for value in _values(sample) if looks_like_path(value)]
    case.tell(Event("replaying", f"runs {len(samples)} known calls with the old code and the new" * bool(samples)))
    old, new = (_runner(case, f, isolated) for f in (lambda: head.function, cache(lambda: _defined(case, code))))
    return compare(samples, old, new, files, SECONDS, _way(case) if isolated else None)


def held(case: Case, diff: Diff) -> tuple[Guard, ...]:
    """The kinds of recorded calls that the code which is the head now was seen to answer as before."""
    known = [s for s in diff.same if s.answer and not s.moved and s.name == case.name]
    places = [case.shop.executor.open(_agent(case.identity.live, sample)) for sample in known]
    found = [case.identity.premises(case.name, p, s.args, s.kwargs) for p, s in zip(places, known, strict=True)]
    return tuple(dict.fromkeys(found))


class Tried(NamedTuple):
    """What came of code in a locked child: in words for the person, and what it did wrong, in words for the writer."""

    words: str = ""
    error: str = ""


def tried(case: Case, code: Code) -> Tried:
    """This code on this very call, in a locked child where nothing can be changed; nothing where none is made.

    In `auto` the first real run takes the place of this.
    """
    off = case.mode not in ("ask", "later") or "trial" in case.without
    if off or not case.call.made or case.place.wraps is not None:
        return Tried()
    sample, scope = _today(case), cache(lambda: _defined(case, code))
    run, values = _runner(case, scope), [*sample.args, *sample.kwargs.values(), *sample.state.values()]
    files = [Path(value) for value in values if looks_like_path(value)]
    with case.book.timed("trial"):
        report = _way(case)(partial(_answer, run, sample, [*values, *case.call.identity.split()]), files, SECONDS)
    match report.value:  # a child that runs strange code may say anything
        case [str(words), bool(is_its_fault)] if report.status == "done" and words:
            return Tried(f"tried in isolation: {words.splitlines()[0]}", words if is_its_fault else "")
    return Tried(f"not tried: {shortened(report.error or report.why or 'its report cannot be read', 300)}")


def _answer(run: Callable[[Sample], Any], sample: Sample, values: list[Any]) -> tuple[str, bool]:
    """In the child: what the call answers, or what it raises, and whether the code is to blame for that."""
    try:
        value = run(sample)
        if isgenerator(value):  # nothing of it has run yet
            next(value, None)
        if iscoroutine(value):
            raise AgentError("what is async runs only where it is awaited")
        return f"it answers {_shown(value)}", False
    except Exception as error:
        if refusal(error, (AgentError,)):
            raise
        return explain(error), is_inside(error, values)


def _shown(value: Any) -> str:
    """An answer as a person is told it: a plain one as Python shows it, bounded, and its signature."""
    kind = signature(value)
    return f"{shortened(repr(value), 300)} ({shortened(kind, 120)})" if encode(value, 1 << 16) else f"<{kind}>"


def _samples(case: Case, name: str) -> list[Sample]:
    return [sample_of(e) for e in case.shop.store.examples(case.identity.key(name)) if e.args and e.state]


def sample_of(example: Example) -> Sample:
    """A recorded call whose arguments and state are known, as it can be made again."""
    (args, kwargs), state = decode(example.args), decode(example.state)
    moved = _fingerprint([*args, *kwargs.values(), *state.values()]) != example.files
    return Sample(
        called(example.key.name, args, kwargs), tuple(args), kwargs, state, example.answer, example.kept, moved
    )


def _today(case: Case) -> Sample:
    args, kwargs = case.call.args, case.call.kwargs
    return Sample(called(case.name, args, kwargs), args, kwargs, state_of(case.place))


def _is_same(recorded: Sample, today: Sample) -> bool:
    """Whether a recorded call is the very call of today."""
    state = {name: today.state[name] for name in recorded.state if name in today.state}
    return recorded.call == today.call and not recorded.moved and encode(state) == encode(dict(recorded.state)) != ""


def called(name: str, args: Iterable[Any], kwargs: Mapping[str, Any]) -> str:
    """A call as it is written in Python: `top_sellers(n=3)`."""
    return f"{name}({', '.join([*map(brief, args), *(f'{key}={brief(value)}' for key, value in kwargs.items())])})"


def told(example: Example) -> str:
    """An example as a person reads it: `top_sellers(n=3) → [('pear', 3)] · kept as a check`."""
    shown = called(example.key.name, *decode(example.args)) if example.args else f"{example.key.name}(...)"
    answer = brief(decode(example.answer)) if example.answer else f"<{example.kind}>"
    return f"{shown} → {answer}{' · kept as a check' * example.kept}"


def brief(value: Any) -> str:
    """A short plain value as it is written in Python, any other one by its signature."""
    return repr(value) if encode(value, 80) else f"<{signature(value)}>"


def _values(sample: Sample) -> list[Any]:
    return [*sample.args, *sample.kwargs.values(), *sample.state.values()]


def _defined(case: Case, code: Code) -> Callable[..., Any]:
    scope = unit_scope(case.identity.label, "<draft>", code)
    with findable(scope):
        return case.shop.executor.define(code, "<draft>", scope)


def _runner(case: Case, function: Callable[[], Callable[..., Any]], isolated: bool = True) -> Callable[[Sample], Any]:
    """Makes a sample's call with this code as the method; `isolated` means in a child that is thrown away."""

    def run(sample: Sample) -> Any:
        changed, live = function(), case.identity.live
        if isolated and _way(case) is try_out:
            setattr(live, case.name, changed)
            case.shop.refuses = _REFUSES
        elif isolated:  # in this process: a class of its own, which nobody else sees
            own = {case.name: changed, "_agent_repl_shop_": replace(case.shop, refuses=_REFUSES)}
            live = type(live.__name__, (live,), own)
        method = changed if sample.name == case.name else case.identity.methods[sample.name].function
        return method(_agent(live, sample), *sample.args, **sample.kwargs)

    return run


def _way(case: Case) -> Callable[..., Report]:
    """How code is tried: in a locked child, or as the executor does."""
    return getattr(case.shop.executor, "trial", try_out)


def _agent(live: type, sample: Sample) -> Any:
    agent: Any = object.__new__(live)
    agent.__dict__ = sample.state
    return agent
