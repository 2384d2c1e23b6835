"""One call on its way: who is called, with what, and what its session shares."""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from traceback import format_exception_only
from typing import Any, NamedTuple

from agent_repl_bounds.budget import Budget
from agent_repl_data.files import named_files
from agent_repl_data.log import Log
from agent_repl_data.profile import can_show, profile, worded

from ..prompts import Failure, Request, describe_call, describe_object, trimmed
from ..protocols import Executor, Place, Provider, Reviewer, Store
from ..records import Call, Code, Event, Mode, Premise, Settings, Spec, Usage, Version
from ..signature import looks_like_path, signature
from ..wrapping import real_names
from .ledger import Ledger, refused
from .methods import Identity

ANY_CALL = Premise("any call", "")
"""The first premise of code that was written before anybody called it."""


@dataclass
class Workshop:
    """What the calls of one session share; `session` fills it in. `refuses` says why nothing may be written."""

    settings: Settings
    mode: Mode
    store: Store
    executor: Executor
    reviewer: Reviewer
    provider: Callable[..., Provider]  # consented to: the one that is given, or the session's own
    agent: Callable[..., Any] = dict  # makes one: `session` puts its own in
    llm: Callable[[Any], Any] = dict  # what an agent's written code has as `self.llm`: as above
    account: Budget[Usage] = field(default_factory=lambda: Budget(Usage()))
    flights: dict[Any, threading.RLock] = field(default_factory=lambda: defaultdict(threading.RLock))
    failures: dict[Any, Failure] = field(default_factory=dict)
    refuses: str = ""
    auto: set[str] = field(default_factory=set)  # identities for which a person said so, until exit
    unpriced: set[str] = field(default_factory=set)  # models of which it was said that no limit of money holds
    hooks: dict[object, Callable[[Any, str, str, Version], object]] = field(default_factory=dict)

    def mode_for(self, identity: Identity) -> Mode:
        """The review mode for the agents of an identity."""
        return "auto" if self.mode == "ask" and identity.template in self.auto else self.mode

    @property
    def log(self) -> Log:
        """What happens is taken down here, as the settings say."""
        return Log(self.settings.log, self.settings.log_level, self.settings.redact)


@dataclass(frozen=True)
class Case:
    """One call on its way: the identity and the place of its agent, and what was called."""

    shop: Workshop
    identity: Identity
    place: Place
    call: Call
    book: Ledger
    agent: Any = None
    spec: str = ""  # what it is to be written by, where somebody shaped it already
    told: Request | None = None  # of what is no agent: what the writer is told,
    held: Spec | None = None  # and what the code is held against
    written: list[Version] = field(default_factory=list)  # what took the head's place, and is not announced yet

    @property
    def name(self) -> str:
        return self.call.key.name

    @property
    def title(self) -> str:
        return f"{self.call.label}.{self.name}".rstrip(".")

    @property
    def without(self) -> list[str]:
        """The pieces of context, and the checks, that a person switched off."""
        return self.shop.settings.without.split(",")

    @property
    def mode(self) -> Mode:
        return self.shop.mode_for(self.identity)

    def tell(self, event: Event) -> None:
        if event.kind == "attempt":
            refused(event.rule, event.line)
        if event.text and event.kind != "text":
            self.shop.log.happened(event.kind, self.title, text=event.text)
        self.shop.reviewer.tell(replace(event, title=self.title))

    def announce(self, scope: str = "instance") -> None:
        """Tell the hooks what was written for this case, once; call it where no lock is held."""
        while self.written:
            version = self.written.pop(0)
            for hook in list(self.shop.hooks.values()):
                try:
                    hook(self.agent, version.key.name, scope, version)
                except Exception as error:
                    self.tell(Event("warning", f"a hook failed: {format_exception_only(error)[-1].strip()}"))


class Draft(NamedTuple):
    """A version that may be run, why it is there, and in words what came of trying it in isolation."""

    version: Version
    code: Code
    why: str
    tried: str = ""
    error: str = ""  # what the code did wrong then


def case_for(
    shop: Workshop,
    identity: Identity,
    agent: Any,
    name: str,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    book: Ledger,
    made: bool = True,
    spec: str = "",
) -> Case:
    """The case of one call as it stands now, or with `made` false of a method that is wanted before any call."""
    place = shop.executor.open(agent)
    filled = fill(identity.template, state_of(place))
    call = Call(identity.key(name), identity.label, filled, args, dict(kwargs), made)
    return Case(shop, identity, place, call, book, agent, spec)


def state_of(place: Place) -> dict[str, Any]:
    """All state of an agent, live."""
    return {name: place.get(name) for name in place.kinds()}


def fill(template: str, state: Mapping[str, Any]) -> str:
    """The identity with `{names}` of the state filled in, in quotes what is more than a word; other braces stay."""

    def filled(found: re.Match[str]) -> str:
        value = state.get(found[1])
        return worded(value) if type(value) in (str, int, float, bool) and can_show(value) else found[0]

    return re.sub(r"\{(\w+)\}", filled, template)


def request_of(case: Case) -> Request:
    if case.told:
        return trimmed(case.told, case.without)
    samples = case.shop.settings.samples != "none"
    call = case.call
    about = object_request(case.identity, call.identity, state_of(case.place), case.name, samples)
    about = about if case.place.wraps is None else _wrapping(about, case.place.wraps, samples)
    if not call.made:
        premises = (ANY_CALL, *about.premises)
        about = replace(about, name=call.key.name, made=False, parameters="self, ...", premises=premises)
        return trimmed(about, case.without)
    return trimmed(describe_call(about, call.key.name, call.args, call.kwargs, samples), case.without)


def _wrapping(about: Request, wrapped: Any, samples: bool) -> Request:
    """The request with what self wraps: its profile, and the first of its public names."""
    public = [f"self.{n}{'()' * can_call}" for n, can_call in real_names(wrapped).items() if n[0] != "_"]
    listed = ", ".join([*public[:40], "..."] if public[40:] else public)
    text = f"{profile(wrapped, 'self wraps', samples)}\nso self has its {listed}"
    premises = (Premise("wraps", signature(wrapped)), *about.premises)
    return replace(about, state=(text, *about.state), names=(*about.names, "what it wraps"), premises=premises)


def object_request(identity: Identity, filled: str, state: Mapping[str, Any], but: str, samples: bool) -> Request:
    """What the writer is told of an agent whatever is called; the sources of its methods, `but` the wanted one.

    Without samples the identity is told as its template, since the filled one holds values.
    """
    methods = [m for m in (identity.find(name) for name in identity.names()) if m is not None and m.code.name != but]
    sources = {m.code.name: m.code.source for m in methods}
    said = filled if samples else identity.template
    return describe_object(identity.label, said, state, sources, samples, but, identity.executor.language)


def spec_of(case: Case) -> Spec:
    if case.held:
        return replace(case.held, unit=case.shop.executor.unit)
    call, state = case.call, state_of(case.place)
    real = real_names(case.place.wraps)
    methods = {*case.identity.names(), *_plain_methods(case), *(n for n in real if real[n] and n not in state)}
    texts = [*call.args, *call.kwargs.values(), *state.values()]
    named = {str(v) for v in texts if type(v) is str} | {*call.identity.split(), *named_files(call.identity)}
    here = {**call.kwargs, **{f"self.{name}": value for name, value in state.items()}}
    paths = {where: str(value) for where, value in here.items() if looks_like_path(value)}
    has = frozenset(state) | real.keys() - methods
    known = frozenset(methods - {case.name})
    unit, named_here = case.shop.executor.unit, frozenset(named)
    return Spec(case.name, call.args, call.kwargs, has, known, named_here, paths, made=call.made, unit=unit)


def _plain_methods(case: Case) -> list[str]:
    """Pinned methods: what the class file adds to what every agent has."""
    return [n for n in dir(case.identity.live) if not n.startswith("_") and n not in dir(case.identity.base)]
