"""The provider that both arms are given: it counts replies, and keeps them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from agent_repl.errors import ProviderError
from agent_repl.records import Event, Prompt, Reply, Usage

Asked = tuple[str, str, float]  # system, user, temperature
LONGEST = 1536  # no right answer to a task comes near it, and minutes are spared where a model does not stop


@dataclass
class Heard:
    """One reply of the model, whole or cut, and what became of it."""

    prompt: Prompt
    method: str
    text: str = ""
    usage: Usage = field(default_factory=Usage)
    said: str = ""

    @property
    def tokens(self) -> dict[str, Any]:
        """What it cost: the prompt's size is the sum of what was read anew and what came from the cache."""
        counts = asdict(self.usage)
        counts["prompt_tokens"] = sum(counts[f"{kind}_tokens"] for kind in ("input", "cache_read", "cache_write"))
        return {"method": self.method, **counts, "said": self.said}


@dataclass
class Recorder:
    """Hands prompts on to the model, at most `limit` of them for a task, for replies of at most LONGEST tokens."""

    inner: Any
    limit: int = 0
    method: str = ""
    retried: bool = False  # whether a reply had to be asked for again
    extended: int = 0  # how often a method was written again for another kind of call
    heard: list[Heard] = field(default_factory=list)
    known: dict[Asked, str] = field(default_factory=dict)  # answers at this seed, by prompt: not asked for again
    host: str | None = None

    @property
    def name(self) -> str:
        return str(self.inner.name)

    @property
    def model(self) -> str:
        return str(self.inner.model)

    def begin(self, limit: int) -> None:
        """A new task, which may ask this often; of a fresh model, so that no task depends on those before it."""
        self.inner.close()
        self.limit, self.method, self.heard, self.retried, self.extended = limit, "", [], False, 0

    def complete(self, prompt: Prompt, on_text: Callable[[str], None]) -> Reply:
        if len(self.heard) >= self.limit:
            raise ProviderError(f"the {self.limit} replies that a task may ask for are used up")
        heard = Heard(prompt, self.method)
        self.heard.append(heard)

        began, pieces, shorter = time.monotonic(), 0, replace(prompt, max_tokens=min(prompt.max_tokens, LONGEST))

        def listen(text: str) -> None:
            nonlocal pieces
            heard.text, pieces = heard.text + text, pieces + 1
            on_text(text)

        try:
            reply = self._known(prompt, listen) or self.inner.complete(shorter, listen)
        except Exception as error:  # it was stopped: what the server counted is not known, a piece is about a token
            heard.usage = Usage(calls=1, output_tokens=pieces, seconds=time.monotonic() - began)
            heard.said = f"{type(error).__name__}: {error}"
            raise
        heard.text, heard.usage = reply.text, reply.usage
        return reply

    def _known(self, prompt: Prompt, listen: Callable[[str], None]) -> Reply | None:
        text = self.known.get((prompt.system, prompt.user, prompt.temperature))
        if text is None:
            return None
        listen(text)
        return Reply(text, Usage(), self.model, "known")

    def most(self, prompt: Prompt) -> float:
        """What an answer may cost: nothing."""
        return 0.0

    def warm(self, system: str, tell: Callable[[Event], None]) -> None:
        self.inner.warm(system, tell)

    def close(self) -> None:
        """The model is kept for the next task."""

    def says(self, words: str) -> None:
        """What was made of the last reply."""
        if self.heard:
            self.heard[-1].said = words

    @property
    def spent(self) -> Usage:
        return sum((heard.usage for heard in self.heard), replace(Usage(), cost=0.0))
