"""Describe what you want: a method, or several, from a person's words."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import getattr_static
from types import MethodType
from typing import Any

from agent_repl.agent import Agent
from agent_repl.control import described
from agent_repl.errors import AgentError, InvalidCode
from agent_repl.pipeline import Workshop, alone, decide
from agent_repl.pipeline.case import Case, Draft, request_of
from agent_repl.pipeline.drafts import judged, new_draft, shaped
from agent_repl.pipeline.ledger import Ledger, ledger
from agent_repl.pipeline.methods import Identity
from agent_repl.pipeline.policy import require_model
from agent_repl.records import Call, Code, Event, Key, Version
from agent_repl.shape import Shaped
from agent_repl.validate import validate

from .about import WHOSE, Subject, kind_of, request_for, spec_for
from .agentic import lock_of
from .agents import describe_agent
from .known import marked, written_for
from .put import put
from .setup import current

Cases = Iterator[tuple[Case, Draft]]


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
        return describe_agent(target, words, scope)
    subject = Subject(target if isinstance(target, type) else type(target), target, scope)
    lock, shop = lock_of(subject.cls), current().shop
    subject.require_room()
    names, news = list[str](), list[Version]()
    try:
        with lock, ledger(f"{subject.label}: {words}", shop.log) as book, alone(_case(shop, subject, book)):
            for case, draft in _drafts(shop, subject, words, book):
                version, code, *_ = decide(case, draft)
                if _head(subject, case.name) != version:
                    news.append(_served(subject, case, version, code))
                names.append(case.name)
        return names
    finally:  # no lock is held: the hook may describe another method
        for version in news:
            _announce(shop, subject, version)


def _drafts(shop: Workshop, subject: Subject, words: str, book: Ledger) -> Cases:
    """One after the other, each method that the words ask for: as it was written before, else by the model now."""
    known = written_for(shop.store, subject.identity, words)
    try:
        again = [_again(shop, subject, version, frozenset(known), book) for version in known.values()]
    except InvalidCode:  # the class has changed since
        again = []
    yield from again or _written(shop, subject, words, book)


def _again(
    shop: Workshop, subject: Subject, version: Version, all_: frozenset[str], book: Ledger
) -> tuple[Case, Draft]:
    """A version that was paid for, where it still fits the class; raises InvalidCode."""
    name = version.key.name
    case = _case(shop, subject, book, Shaped(name, "", "", kind_of(version.source, name), version.spec), all_)
    assert case.held
    return case, Draft(version, validate(version.source, case.held), version.reason, version.note)


def _written(shop: Workshop, subject: Subject, words: str, book: Ledger) -> Cases:
    """New code for each method that the model finds in the words; the later ones are told of those before."""
    case = _case(shop, subject, book)
    require_model(case)
    wanted = shaped(case, request_of(case), words, f"for {WHOSE[subject.scope]} {subject.label}").methods
    wanted = tuple(subject.suited(method) for method in wanted)
    for number, method in enumerate(wanted, 1):
        case = _case(shop, subject, book, method, frozenset(each.name for each in wanted))
        head = _head(subject, method.name)
        revise = head.source if head else "", marked(words, number, len(wanted))
        yield case, new_draft(case, revise, head)


def _case(
    shop: Workshop, subject: Subject, book: Ledger, method: Shaped | None = None, all_: frozenset[str] = frozenset()
) -> Case:
    """What is asked about a method; `all_` are the names that the same words ask for."""
    name, kind, text = (method.name, method.kind, method.text) if method else ("", "", "")
    call = Call(Key(subject.identity, name), subject.label, subject.identity, (), {}, made=False)
    identity = Identity(subject.identity, subject.identity, shop.store, shop.executor)
    told = request_for(subject, shop.settings.samples != "none", method)
    return Case(
        shop, identity, shop.executor.open(_Nobody()), call, book, text, told, spec_for(subject, name, kind, all_)
    )


class _Nobody:
    """Stands where an agent would: a draft for a class is not tried on any state."""

    _agent_repl_wraps_ = None


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
    except (ImportError, AgentError):
        raise
    except Exception as error:
        judged(case, version, "failed", f"{type(error).__name__} when it was defined")
        raise
    return version


def _announce(shop: Workshop, subject: Subject, version: Version) -> None:
    """Call the class's own hook; what it raises is a warning, since the method serves already."""
    name, hook = version.key.name, getattr_static(subject.cls, "on_method_written", None)
    try:
        if hook is not None:
            is_bound = isinstance(hook, (classmethod, staticmethod))
            told = hook.__get__(None, subject.cls) if is_bound else MethodType(hook, subject.named)
            told(name, subject.scope, version)
    except Exception as error:
        words = f"it serves, but on_method_written raised {type(error).__name__}: {error}"
        shop.reviewer.tell(Event("warning", words, f"{subject.label}.{name}"))
