"""The four sockets: who writes, who decides, where code runs, where it is kept.

Implementations never import each other; only `session` plugs them in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from .generation import Generation
from .records import Code, Entry, Event, Example, Key, Prompt, Proposal, Reply, Standing, Verdict, Version


class Provider(Protocol):
    """A model that can be asked for code.

    `name` and `model` are shown to the person; `host` is where prompts go, None when they stay on this machine.
    A class that inherits from this one, having nothing to prepare or to give back, writes `complete` only.
    """

    name: str
    model: str
    host: str | None

    def complete(self, prompt: Prompt, on_text: Callable[[str], None]) -> Reply:
        """Answer the prompt, giving the text piece by piece to `on_text`; raises ProviderError."""

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
    def wraps(self) -> Any:
        """The object that the agent wraps, None for none."""

    def call(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Run a method on this agent, as it is: what it raises is raised."""

    def kinds(self, names: Iterable[str] | None = None) -> dict[str, str]:
        """Signatures of all state, or of what `look` finds by these names; a name that is not there is left out."""

    def look(self, name: str) -> Any:
        """A state value, else what the wrapped object keeps by that name, else `wrapping.ABSENT`."""

    def get(self, name: str) -> Any:
        """One state value, live; raises KeyError."""

    def set(self, name: str, value: Any) -> None: ...

    def delete(self, name: str) -> None:
        """Remove a state name; one that is not there is no error."""

    def close(self) -> None: ...


class Executor(Protocol):
    """Makes places; `isolation` says in words what stands between the code and the machine."""

    @property
    def name(self) -> str: ...

    @property
    def isolation(self) -> str: ...

    def define(self, code: Code, filename: str, namespace: dict[str, Any]) -> Callable[..., Any]:
        """Run accepted code's definition time in a namespace of its own and give back its method.

        Functions belong to an identity, not to one agent, so they are made here and not in a place.
        """

    def open(self, agent: Any) -> Place: ...


class Store(Protocol):
    """What is learnt in one home.

    `where` is shown to the person; `notes` lists what was left unread, and why; `home` is None where there is no disk.
    `generation` changes with everything that is written here.
    """

    where: str
    notes: list[str]
    home: Path | None
    generation: Generation

    def entries(self, identity: str) -> dict[str, Entry]:
        """The heads of an identity by method name."""

    def versions(self, key: Key) -> tuple[Version, ...]:
        """Every stored version of a method, oldest first, each with its latest verdict."""

    def add(self, version: Version) -> Version:
        """Keep a version for good and give it back with its number."""

    def judge(self, version: Version, verdict: Standing, note: str = "") -> Version:
        """Append a verdict to a stored version and give it back as it now stands."""

    def put(self, entry: Entry) -> None:
        """Make this entry the head of its method."""

    def heads(self, key: Key) -> tuple[Entry, ...]:
        """Every entry that was ever put for a method, oldest first; dropped ones too."""

    def count(self, version: Version, runs: int) -> None:
        """Remember how often the head has run, if it is still this version."""

    def drop(self, key: Key) -> None:
        """Remove the head; versions, examples and earlier heads stay."""

    def examples(self, key: Key) -> tuple[Example, ...]:
        """A method's examples, oldest first: the newest one for each (args, state, files)."""

    def remember(self, example: Example) -> None:
        """Keep an example in place of the one for the same (args, state, files); it is dated if it has no date.

        At most 8 that no person chose to keep stay with a method, the newest. Raises StoreError for one of more than
        8 KB, and for one of a version that is not stored.
        """

    def forget_example(self, example: Example) -> None:
        """Remove the example for the same (args, state, files), kept or not."""

    def lock(self, identity: str, name: str) -> AbstractContextManager[None]:
        """Let one thread of one process at a time write this method; it cannot be entered twice.

        It ends with its holder, however that ends. Where there is no disk to write to, it keeps nobody out.
        """

    def source_file(self, version: Version) -> Path | None:
        """The file that holds this version's source, None where there is no disk."""

    def agents(self) -> dict[str, str]: ...  # names by identity template

    def claim(self, identity: str, name: str, shared: bool = False) -> str:
        """Give the identity this name, or the next free one like it; a name once given stays. The name is returned.

        With `shared` it gets the name although another identity has it: its old words.
        """

    def sign(self, data: bytes) -> str:
        """A code that only this user's key can make for these bytes."""

    def close(self) -> None: ...
