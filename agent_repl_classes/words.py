"""Describe what you want: a method, or several, from a person's words."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import isfunction
from types import SimpleNamespace
from typing import Any

from agent_repl.agent import Agent
from agent_repl.control import described
from agent_repl.errors import AgentError, InvalidCode
from agent_repl.pipeline import Workshop, alone, case_for, decide
from agent_repl.pipeline.case import Case, Draft, request_of, spec_of
from agent_repl.pipeline.drafts import judged, new_draft, shaped
from agent_repl.pipeline.history import accepted_ahead
from agent_repl.pipeline.ledger import Ledger, ledger
from agent_repl.pipeline.methods import Identity
from agent_repl.pipeline.pinning import sync
from agent_repl.pipeline.policy import require_model
from agent_repl.pipeline.words import all_written_for, from_words
from agent_repl.records import Call, Code, Event, Key, Spec, Version
from agent_repl.shape import Shaped
from agent_repl.signature import looks_like_path
from agent_repl.validate import validate

from .about import WHOSE, Subject, kind_of, request_for
from .classes import current, lock_of
from .put import put

Names = frozenset[str]
_NOBODY = SimpleNamespace(_agent_repl_wraps_=None)  # stands where an agent would: a class has no state to try code on


def describe(target: Any, words: str, scope: str = "instance") -> list[str]:
    """Have methods written by these words, for an agent, an object of an agentic class, or such a class; their names.

    `scope` is whose they shall be: "instance", all objects of the class; "singleton", this object alone; "class", the
    class itself. Each is reviewed as any new code is; the same words again ask no model. A method of one object alone
    is bound to it: a copy of the object calls it with the first one, and no pickle takes it along. Raises AgentError.
    """
    words = " ".join(words.split())
    if scope not in WHOSE or not words:
        wrong = f"scope is one of {', '.join(WHOSE)}, not {scope!r}" if words else "say what the method shall do"
        raise AgentError(f"{wrong}: nothing was written")
    if isinstance(target, Agent):
        return _of_agent(target, words, scope)
    subject = Subject(target if isinstance(target, type) else type(target), target, scope)
    lock, shop, names, news = lock_of(subject.cls), current().shop, list[str](), list[Case]()
    if scope == "singleton" and (target is subject.cls or not hasattr(target, "__dict__")):
        advice = 'name an object without __slots__, or choose scope="instance"'
        raise AgentError(f"only an object with a __dict__ has room for a method of its own: {advice}")
    try:
        with lock, ledger(f"{subject.label}: {words}", shop.log) as book, alone(_case(shop, subject, book)):
            for case, draft in _drafts(shop, subject, words, book):
                version, code, *_ = decide(case, draft)
                if _head(subject, case.name) != version:
                    case.written.append(_served(subject, case, version, code))
                    news.append(case)
                names.append(case.name)
        return names
    finally:  # no lock is held: the hook may describe another method
        for case in news:
            _announce(subject, case)


def _of_agent(agent: Agent, words: str, scope: str) -> list[str]:
    shop, identity = type(agent)._agent_repl_shop_, type(agent)._agent_repl_identity_
    if scope != "instance":
        raise AgentError(
            f'methods of {identity.label} are for all agents of its words, so there is no scope="{scope}": '
            "leave it out, or put the method on a class of your own, with @agentic above it"
        )
    identity.generation.share(make=False)  # the home may have been made since
    sync(identity)
    known = all_written_for(shop.store, identity.template, words)
    if known and all(identity.find(name) or accepted_ahead(identity, name) for name in known):
        return list(known)
    with ledger(f"{identity.label}: {words}", shop.log) as book:
        case = case_for(shop, identity, agent, "", (), {}, book, made=False)
        require_model(case)
        wanted = shaped(case, request_of(case), words).methods
    if taken := spec_of(case).state & {method.name for method in wanted}:
        raise AgentError(f"{min(taken)} is state of {identity.label}: say in your words what to call the method")
    for number, method in enumerate(wanted, 1):
        each = f"{words} (method {number} of {len(wanted)})"  # as `all_written_for` reads it
        from_words(shop, identity, agent, method.name, each, spec=method.text)
    return [method.name for method in wanted]


def _drafts(shop: Workshop, subject: Subject, words: str, book: Ledger) -> Iterator[tuple[Case, Draft]]:
    """One after the other, each method that the words ask for: as it was written before, else by the model now."""
    known = all_written_for(shop.store, subject.identity, words)
    try:
        again = [_again(shop, subject, version, frozenset(known), book) for version in known.values()]
    except InvalidCode:  # the class has changed since
        again = []
    yield from again or _written(shop, subject, words, book)


def _again(shop: Workshop, subject: Subject, version: Version, names: Names, book: Ledger) -> tuple[Case, Draft]:
    """A version that was paid for, where it still fits the class; raises InvalidCode."""
    name, source = version.key.name, version.source
    case = _case(shop, subject, book, Shaped(name, "", "", kind_of(source, name), version.spec), names)
    return case, Draft(version, validate(source, spec_of(case)), version.reason, version.note)


def _written(shop: Workshop, subject: Subject, words: str, book: Ledger) -> Iterator[tuple[Case, Draft]]:
    """New code for each method that the words ask for; the later ones are told of those before."""
    case = _case(shop, subject, book)
    require_model(case)
    said = shaped(case, request_of(case), words, f"for {WHOSE[subject.scope]} {subject.label}")
    wanted = [*map(subject.suited, said.methods)]
    for number, method in enumerate(wanted, 1):
        case = _case(shop, subject, book, method, frozenset(each.name for each in wanted))
        head = _head(subject, method.name)
        each = f"{words} (method {number} of {len(wanted)})"
        yield case, new_draft(case, (head.source if head else "", each), head)


def _case(
    shop: Workshop, subject: Subject, book: Ledger, method: Shaped | None = None, names: Names = frozenset()
) -> Case:
    """What is asked about a method; `names` are those that the same words ask for."""
    name, kind, text = (method.name, method.kind, method.text) if method else ("", "", "")
    call = Call(Key(subject.identity, name), subject.label, subject.identity, (), {}, made=False)
    identity = Identity(subject.identity, subject.identity, shop.store, shop.executor)
    told, others = request_for(subject, shop.settings.samples != "none", method), {*subject.methods, *names} - {name}
    paths = {f"self.{n}": str(value) for n, value in subject.values.items() if looks_like_path(value)}
    has = subject.attributes, frozenset(others)
    held = Spec(name, (), {}, *has, paths=paths, made=False, kind=kind, beside=names - {name})
    return Case(shop, identity, shop.executor.open(_NOBODY), call, book, subject.named, text, told, held)


def _head(subject: Subject, name: str) -> Version | None:
    """The version that serves by a name now, in this scope."""
    found = described(subject.members.get(name))
    return found.version if found and found.version.key == Key(subject.identity, name) else None


def _served(subject: Subject, case: Case, version: Version, code: Code) -> Version:
    """Let accepted code serve; what cannot be defined has failed, unless another day may mend that."""
    __tracebackhide__ = True
    version = version if version.verdict == "accepted" else judged(case, version, "accepted")
    try:
        put(subject, case.shop.store, version, code)
    except Exception as error:
        if not isinstance(error, ImportError):
            judged(case, version, "failed", f"{type(error).__name__} when it was defined")
        raise
    return version


def _announce(subject: Subject, case: Case) -> None:
    """Tell the class's own hook, then the session's; what one raises is a warning, since the method serves already."""
    hook, itself = getattr(subject.named, "on_method_written", None), [subject.named]
    try:
        if hook is not None:
            hook(*itself * isfunction(hook), case.name, subject.scope, case.written[0])  # a class is its own self
    except Exception as error:
        case.tell(Event("warning", f"it serves, but on_method_written raised {type(error).__name__}: {error}"))
    case.announce(subject.scope)
