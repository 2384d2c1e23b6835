"""The verbs that every front end shares. Each takes `agent.x`, or the agent and "x"."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from difflib import unified_diff
from functools import wraps
from pathlib import Path, PosixPath, WindowsPath
from types import FunctionType, MethodType
from typing import Any, NamedTuple, TypeVar, cast

from agent_repl_code.lua import legible

from . import pipeline
from .agent import Agent, MethodHandle, make
from .errors import AgentError, ReviewRequired
from .pipeline import Workshop, byhand, case_for, history, pinning
from .pipeline.case import Case
from .pipeline.drafts import wanted
from .pipeline.ledger import Ledger
from .pipeline.methods import Identity, Method
from .pipeline.words import Wanted, from_words
from .pipeline.words import say as words_said
from .protocols import Place, Store
from .records import Entry, Event, Example, Prompt, Usage, Version
from .write import prompt_for

R = TypeVar("R")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Target(NamedTuple):
    """One method of one agent, whether it is written or not."""

    agent: Agent
    name: str
    identity: Identity
    shop: Workshop

    @property
    def title(self) -> str:
        return f"{self.identity.label}.{self.name}"

    @property
    def state(self) -> Mapping[str, Any]:
        return pipeline.state_of(self.shop.executor.open(self.agent))

    def case(self) -> Case:
        """What is asked about the method outside a call."""
        return case_for(self.shop, self.identity, self.agent, self.name, (), {}, Ledger(), made=False)

    def method(self) -> Method:
        """The head; raises AgentError where there is none."""
        found = self.identity.find(self.name)
        if found is None:
            raise AgentError(f"{self.title} is not written yet: call it first")
        return found


DESCRIBED = "_agent_repl_described_"  # an attribute of functions that were described on an ordinary class


class Described(NamedTuple):
    """Where such a function comes from."""

    store: Store
    version: Version


class MethodInfo(NamedTuple):
    """One line about a method."""

    name: str
    tier: str
    number: int
    accepted: str
    reads: str
    doc: str


class AgentInfo(NamedTuple):
    """One identity with its methods and what they have cost."""

    label: str
    identity: str
    methods: tuple[MethodInfo, ...]
    usage: Usage


def _verb(function: Callable[..., R]) -> Callable[..., R]:
    @wraps(function)
    def called(method: Any, /, *args: Any, **kwargs: Any) -> R:
        agent, name, rest = addressed(method, args)
        return function(_target(agent, name), *rest, **kwargs)

    return called


def _target(method: Any, *args: Any) -> Target:
    agent, name, _ = addressed(method, args)
    return Target(agent, name, synced(agent), type(agent)._agent_repl_shop_)


def addressed(method: Any, args: tuple[Any, ...]) -> tuple[Agent, str, tuple[Any, ...]]:
    if isinstance(method, Agent):
        if not args:
            raise AgentError(f"which method of {method._agent_repl_label_}? write {method._agent_repl_label_}.name")
        return method, args[0], args[1:]
    if isinstance(method, MethodHandle):
        return method._agent, method._name, args
    if isinstance(owner := getattr(method, "__self__", None), Agent):
        return owner, method.__name__, args
    raise AgentError(f"{type(method).__name__} is no method of an agent: write agent.name, without parentheses")


def synced(agent: Agent) -> Identity:
    """The agent's identity, as all sessions of its home know it now."""
    identity = type(agent)._agent_repl_identity_
    pinning.sync(identity)
    return identity


def source(method: Any, /, *name: str) -> str:
    """The accepted source of a method, with its imports and helpers; raises AgentError where there is none."""
    found = described(method)
    return found.version.source if found else legible(_target(method, *name).method().code.source)


def versions(method: Any, /, *name: str) -> tuple[Version, ...]:
    """Every version of a method, oldest first: drafts, rejected and failed ones too."""
    if found := described(method):
        return found.store.versions(found.version.key)
    target = _target(method, *name)
    return target.shop.store.versions(target.identity.key(target.name))


def described(method: Any) -> Described | None:
    """What is known of a method that was described on an ordinary class, bound or not; None for anything else."""
    wrapped = method.fget if isinstance(method, property) else method
    function = wrapped.__func__ if isinstance(wrapped, MethodType | classmethod | staticmethod) else wrapped
    return vars(function).get(DESCRIBED) if isinstance(function, FunctionType) else None


@_verb
def prompt(target: Target, *args: Any, **kwargs: Any) -> Prompt:
    """Exactly what would be sent if the method were written for this call now."""
    case = case_for(target.shop, target.identity, target.agent, target.name, args, kwargs, Ledger())
    request, failure = wanted(case)
    return prompt_for(request, failure, target.shop.settings.template_directory)


@_verb
def pin(target: Target) -> Path:
    """Put a method into the class file of its agent: from now on it is that plain function, without guard or undo."""
    number, older = target.method().entry.version.number, target.identity.older(target.name)
    if older:
        left = ", ".join(f"v{method.entry.version.number}" for method in older)
        text = f"v{number} serves every call from now on, those too that {left} was written for"
        target.shop.reviewer.tell(Event("warning", text, target.title))
    return pinning.pin(target.identity, target.name, target.state)


@_verb
def unpin(target: Target) -> None:
    """Take a method out of the class file; its accepted code is served with its guards again."""
    if not target.method().entry.pinned:
        raise AgentError(f"{target.title} is not pinned")
    pinning.pin(target.identity, target.name, target.state, pinned=False)


@_verb
def forget(target: Target) -> None:
    """The method is as if it had never been called; its versions stay in the store."""
    ahead = history.accepted_ahead(target.identity, target.name)
    found = target.identity.find(target.name) if ahead else target.method()
    if found and found.entry.pinned:
        raise AgentError(f"{target.title} is pinned: unpin it first")
    if ahead:
        target.shop.store.put(Entry(ahead, ()))  # a past head is not shown again
    target.shop.store.drop(target.identity.key(target.name))
    target.identity.forget(target.name)


@_verb
def rollback(target: Target, number: int) -> Entry:
    """Make an earlier accepted version the head again, for the calls that it was accepted for."""
    return history.rollback(target.identity, target.name, number, target.state)


@_verb
def undo(target: Target, steps: int = 1) -> Entry | None:
    """Take back the last decision about a method, or the last few; None where nothing stood before."""
    return history.undo(target.identity, target.name, target.state, steps)


@_verb
def diff(target: Target, older: int = 0, newer: int = 0) -> str:
    """What changed between two versions, by default the head and the version that it came from, as a unified diff."""
    known = {version.number: version for version in versions(target.agent, target.name)}
    head = target.method().entry.version
    numbers = older or next(iter(head.parents), head.number), newer or head.number
    if missing := [number for number in numbers if number not in known]:
        raise AgentError(f"{target.title} has no version {missing[0]}; there are: {', '.join(map(str, known))}")
    before, after = (legible(known[number].source).splitlines() for number in numbers)
    return "\n".join(unified_diff(before, after, f"v{numbers[0]}", f"v{numbers[1]}", lineterm=""))


@_verb
def revise(target: Target, words: str = "") -> Any:
    """Have a method written again for its last call, by your words or else its last traceback; gives the new answer."""
    if words:
        target.method()
    return pipeline.revise(target.shop, target.identity, target.agent, target.name, words)


@_verb
def examples(target: Target) -> tuple[Example, ...]:
    """What accepted runs answered, oldest first; those that were kept are checks that a new version must pass."""
    return target.shop.store.examples(target.identity.key(target.name))


@_verb
def write(target: Target, words: str, examples: Sequence[tuple[Any, ...]] = ()) -> str:
    """Have a method written by these words now; says what became of it.

    Each example is a call that is then made and what it must answer: its positional arguments, its keywords, and the
    answer as Python shows it. Raises AgentError, and nothing serves, where answers stay wrong.
    """
    wanted = [Wanted(*example) for example in examples]
    return from_words(target.shop, target.identity, target.agent, target.name, words, wanted)


@_verb
def define(target: Target, source: str) -> Path:
    """Check hand-written code and pin it; raises InvalidCode, or Rejected where it breaks a check."""
    return cast(Path, byhand.define(target.case(), source, pinned=True))


@_verb
def edit(target: Target, source: str) -> str:
    """Put a person's text in the place of the head, or of the draft that waits; says for which calls it serves."""
    byhand.define(target.case(), source, pinned=False)
    return status(target.agent, target.name)


@_verb
def accept(target: Target) -> str:
    """Accept the draft that waits, as it is: the next call of its kind runs it."""
    return byhand.accept(case := target.case(), byhand.waiting(case))


@_verb
def reject(target: Target) -> str:
    """Reject the draft that waits: it is kept, and marked when it is shown again."""
    return byhand.reject(case := target.case(), byhand.waiting(case))


def say(agent: Agent, words: str) -> Any:
    """Ask in words: a method is named, written and called; the same words again call it without a model."""
    __tracebackhide__ = True
    return words_said(type(agent)._agent_repl_shop_, synced(agent), agent, words)


def pending(session: Any) -> tuple[Version, ...]:
    """The drafts in this home that wait for a decision."""
    return tuple(version for version in session.store.newest() if version.verdict == "draft")


def review_pending(session: Any) -> list[str]:
    """Ask the session's reviewer about every draft that waits; says what came of each. Ctrl-C leaves the rest."""
    session.sync()
    drafts = pending(session)
    if drafts and not session.reviewer.can_ask:
        raise ReviewRequired(f"drafts: {len(drafts)} waiting, and nobody can answer here.\nReview them in a terminal.")
    return [_review_one(session, draft) for draft in drafts]


def _review_one(session: Any, draft: Version) -> str:
    known = {p.path[5:]: "" for p in draft.premises if p.path[:5] == "self." and p.path[5:].isidentifier()}
    identity = session.identity(draft.key.identity)
    agent = make(identity.live, known)
    target = Target(agent, draft.key.name, identity, type(agent)._agent_repl_shop_)
    try:
        return byhand.reviewed(target.case(), draft)
    except AgentError as error:
        return str(error)


@_verb
def keep(target: Target, *args: Any, **kwargs: Any) -> Example:
    """Keep an example as a check: the last call, or the call with these arguments, which is made now."""
    target.method()
    return pipeline.keep(target.shop, target.identity, target.agent, target.name, args, kwargs)


@_verb
def status(target: Target) -> str:
    """One line: `sales.top_sellers · CACHED v2 · accepted 3 Nov · reads sales.csv · network`, siblings aside."""
    found = target.identity.find(target.name)
    if found is None:
        ahead = history.accepted_ahead(target.identity, target.name)
        known = f"NEW v{ahead.number} · accepted for the next call" if ahead else "NEW · not written yet"
        return f"{target.title} · {known}"
    about = _info(target.identity, found, target.shop.executor.open(target.agent))
    older = "".join(f" or v{m.entry.version.number}" for m in target.identity.older(target.name))
    parts = target.title, f"{about.tier} v{about.number}{older}", f"accepted {about.accepted}", about.reads
    return " · ".join(filter(None, parts))


def agents(session: Any) -> tuple[AgentInfo, ...]:
    """All identities of a session with their methods."""
    return tuple(map(_agent_info, session.identities.values()))


def _agent_info(identity: Identity) -> AgentInfo:
    pinning.sync(identity)
    spent = [v.usage for name in identity.names() for v in identity.store.versions(identity.key(name))]
    methods = tuple(_info(identity, method) for method in _methods(identity).values())
    return AgentInfo(identity.label, identity.template, methods, sum(spent, start=Usage()))


def _methods(identity: Identity) -> dict[str, Method]:
    return {name: method for name in identity.names() if (method := identity.find(name)) is not None}


def _info(identity: Identity, method: Method, place: Place | None = None) -> MethodInfo:
    version, needs = method.entry.version, identity.needs(method.code.name)
    seen = place if needs.opens else None
    names = dict.fromkeys((_file_name(seen.look(n)) if seen else "") or f"self.{n}" for n in needs.reads)
    does = dict.fromkeys(e.kind for e in method.code.effects if e.flagged and e.kind != "reads")
    touches = " · ".join(filter(None, (f"reads {', '.join(names)}" if names else "", ", ".join(does))))
    doc = (method.function.__doc__ or "").strip().partition("\n")[0]
    return MethodInfo(method.code.name, method.tier, version.number, _day(version.created), touches, doc)


def _file_name(value: Any) -> str:
    name = Path(value).name if type(value) in (str, PosixPath, WindowsPath) and os.path.exists(value) else ""
    return name if name.isprintable() else ""


def _day(created: str) -> str:
    """`3 Nov`, here; with the year when it is not this one."""
    day, today = datetime.fromisoformat(created).astimezone(), datetime.now()
    return f"{day.day} {_MONTHS[day.month - 1]}{f' {day.year}' if day.year != today.year else ''}"
