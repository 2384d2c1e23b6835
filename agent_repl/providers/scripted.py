"""Replies that are there beforehand: written for tests, demos and offline notebooks, or recorded from a model once.

A cassette has a line of JSON for each reply: `prompt` (SHA-256 of what was sent), `model`, `text`; the last one for a
prompt counts.
"""

import json
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path

from ..errors import ProviderError
from ..protocols import Provider
from ..records import Prompt, Reply, Usage

PIECE = 24  # characters in one piece of the stream


class ScriptedProvider(Provider):
    """Answers with the given texts in turn, or with what a function makes of the prompt.

    An exception in a text's place is raised. `prompts` is what it was asked. Its replies carry the note "scripted".
    """

    name = model = "scripted"
    host = None

    def __init__(self, replies: Iterable[str | BaseException] | Callable[[Prompt], str | BaseException]) -> None:
        self.prompts: list[Prompt] = []
        self._replies = replies if callable(replies) else iter([replies] if isinstance(replies, str) else replies)

    def complete(self, prompt: Prompt, on_text: Callable[[str], None]) -> Reply:
        """Give the next reply; raises ProviderError when there is none left."""
        self.prompts.append(prompt)
        reply = self._replies(prompt) if callable(self._replies) else next(self._replies, None)
        if reply is None:
            raise ProviderError("The script has run out: one more reply was asked than it has.")
        if isinstance(reply, BaseException):
            raise reply
        for start in range(0, len(reply), PIECE):
            on_text(reply[start : start + PIECE])
        return Reply(reply, Usage(calls=1), self.model, "scripted")


class ReplayProvider(Provider):
    """Answers from the cassette, with the note "replayed"; with `record`, asks that provider for what is missing.

    Raises ProviderError for a prompt that is on no line, and for a cassette that cannot be read.
    """

    name = "replay"

    def __init__(self, cassette: Path, record: Provider | None = None) -> None:
        self._cassette, self._record = Path(cassette), record
        self.host = record.host if record else None
        self.model = record.model if record else f"replay of {self._cassette.name}"

    def complete(self, prompt: Prompt, on_text: Callable[[str], None]) -> Reply:
        """Give the recorded reply, or record one."""
        key = sha256(f"{prompt.system}\0{prompt.user}".encode(errors="surrogatepass")).hexdigest()
        if line := self._lines().get(key):
            on_text(line["text"])
            return Reply(line["text"], Usage(calls=1), line["model"], "replayed")
        if self._record is None:
            raise ProviderError(f"{self._cassette} has no reply to this prompt: give record=, a provider with a model.")
        reply = self._record.complete(prompt, on_text)
        self._cassette.parent.mkdir(parents=True, exist_ok=True)
        with self._cassette.open("a", encoding="utf-8") as file:
            print(json.dumps({"prompt": key, "model": reply.model, "text": reply.text}), file=file)
        return reply

    def most(self, prompt: Prompt) -> float | None:
        """What an answer may cost that is recorded."""
        return self._record.most(prompt) if self._record else 0.0

    def _lines(self) -> dict[str, dict[str, str]]:
        try:
            text = self._cassette.read_text(encoding="utf-8") if self._cassette.exists() else ""
            return {line["prompt"]: line for line in map(json.loads, text.splitlines())}
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ProviderError(f"The cassette {self._cassette} cannot be read: {error}. Record it again.") from error

    def close(self) -> None:
        """Close the provider that records, if there is one."""
        if self._record:
            self._record.close()
