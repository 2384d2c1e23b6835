"""The four sockets: who writes, who decides, where code runs, where it is kept.

Implementations never import each other; only `session` plugs them in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from .generation import Generation
from .records import Code, Entry, Event, Example, Key, Prompt, Proposal, Reply, Spec, Standing, Verdict, Version


class Provider(Protocol):
    """A model that can be asked for code; `host` is where prompts go, None when they stay on this machine.

    A class that inherits from this one, having nothing to prepare or to give back, writes `complete` only.
    """

    name: str
    model: str
    host: str | None

    def complete(self, prompt: Prompt, on_text: Callable[[str], None]) -> Reply:
        """Answer the prompt, giving the text piece by piece to `on_text`; raises ProviderError."""

    def most(self, prompt: Prompt) -> float | None:
        """The highest price of an answer in US dollars; None where it is not known."""
        return None if self.host else 0.0

    def warm(self, system: str, tell: Callable[[Event], None]) -> None:
        """Begin in the background what the first answer will need; returns at once and never raises."""
        return

    def close(self) -> None:
        """Give back what is held; safe to call twice."""
        return


class Reviewer(Protocol):
    """The person's side of the screen; `can_ask` is false where nobody can answer."""

    @property
    def can_ask(self) -> bool: ...

    def tell(self, event: Event) -> None:
        """Show something that happens; must not raise."""

    def confirm(self, question: str) -> bool:
        """Ask a yes-or-no question; False where nobody can answer."""

    def review(self, proposal: Proposal) -> Verdict:
        """Show the proposal and wait for a decision; KeyboardInterrupt keeps the draft."""


class Place(Protocol):
    """Where one agent's state lives and its code runs: guards, prompts, undo and emission reach it only here."""

    @property
    def wraps(self) -> Any: ...  # the object that the agent wraps, None for none

    def call(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Run a method on this agent, as it is: what it raises is raised."""

    def kinds(self, names: Iterable[str] | None = None) -> dict[str, str]:
        """Signatures of all state, or of what `look` finds by these names; a name that is not there is left out."""

    def look(self, name: str) -> Any:
        """A state value, else what the wrapped object keeps by that name, else `wrapping.ABSENT`."""

    def get(self, name: str) -> Any: ...  # one state value, live; raises KeyError
    def set(self, name: str, value: Any) -> None: ...
    def delete(self, name: str) -> None: ...  # one that is not there is no error


class Executor(Protocol):
    """Makes places; `isolation` says in words what stands between the code and the machine."""

    name: str
    isolation: str
    language: str = ""  # that the writer is asked for, "" for Python

    def define(self, code: Code, filename: str, namespace: dict[str, Any]) -> Callable[..., Any]:
        """Run accepted code's definition time in a namespace of its own; all agents of an identity get its method."""

    def open(self, agent: Any) -> Place: ...

    def lacks(self, agent: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
        """Why such a call cannot run here, "" where it can: asked before a model is paid."""
        return ""

    def unit(self, text: str, spec: Spec) -> str:
        """The Python that a reply, or a person's text, stands for; raises InvalidCode."""
        return text

    def close(self) -> None:
        """Give back what is held; safe to call twice."""
        return


class Store(Protocol):
    """What is learnt in one home."""

    where: str  # in words for the person
    notes: list[str]  # what was left unread, and why
    home: Path | None  # None where there is no disk
    generation: Generation  # changes with everything that is decided here

    def entries(self, identity: str) -> dict[str, Entry]: ...  # the heads by method name
    def versions(self, key: Key) -> tuple[Version, ...]: ...  # oldest first, each with its latest verdict
    def heads(self, key: Key) -> tuple[Entry, ...]: ...  # all that were ever put, oldest first; dropped ones too
    def examples(self, key: Key) -> tuple[Example, ...]: ...  # oldest first: the newest for each (args, state, files)
    def agents(self) -> dict[str, str]: ...  # names by identity template
    def newest(self, *identity: str) -> tuple[Version, ...]: ...  # the newest version of each method, of all or one
    def put(self, entry: Entry) -> None: ...  # makes it the head of its method
    def drop(self, key: Key) -> None: ...  # removes the head; versions, examples and earlier heads stay
    def count(self, version: Version, runs: int) -> None: ...  # how often it has run, if it is the head still
    def sign(self, data: bytes) -> str: ...  # a code that only this user's key can make for these bytes
    def verify(self, data: bytes, mac: str) -> bool: ...  # whether it is that code, or the user trusts these bytes here

    def add(self, version: Version) -> Version:
        """Keep a version for good and give it back with its number."""

    def judge(self, version: Version, verdict: Standing, note: str = "") -> Version:
        """Give a stored version another verdict, and give it back as it now stands."""

    def remember(self, example: Example) -> None:
        """Keep an example of a stored version, 8 KB at most, and of those that nobody chose to keep the 8 newest."""

    def claim(self, identity: str, name: str, shared: bool = False) -> str:
        """The name of an identity: the one that it has, else this one or, unless it is `shared`, the next free one."""

    def lock(self, identity: str, name: str) -> AbstractContextManager[None]:
        """Let one thread of one process at a time write this method; without a disk it keeps nobody out."""

    def source_file(self, version: Version) -> Path | None:
        """The file that holds this version's source, None where there is no disk."""
