"""A cassette: replies recorded once from a real model, and given again to the same prompts.

A line of JSON for each reply: `prompt` (SHA-256 of what was sent), `model`, `text`; the last one for a prompt counts.
"""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from ..errors import ProviderError
from ..protocols import Provider
from ..records import Event, Prompt, Reply, Usage


class ReplayProvider:
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
            how = "Record one: ReplayProvider(cassette, record=a_provider_with_a_model)"
            raise ProviderError(f"The cassette {self._cassette} has no reply to this prompt. {how}")
        reply = self._record.complete(prompt, on_text)
        self._cassette.parent.mkdir(parents=True, exist_ok=True)
        with self._cassette.open("a", encoding="utf-8") as file:
            print(json.dumps({"prompt": key, "model": reply.model, "text": reply.text}), file=file)
        return reply

    def _lines(self) -> dict[str, dict[str, str]]:
        try:
            text = self._cassette.read_text(encoding="utf-8") if self._cassette.exists() else ""
            return {line["prompt"]: line for line in map(json.loads, text.splitlines())}
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ProviderError(f"The cassette {self._cassette} cannot be read: {error}. Record it again.") from error

    def warm(self, system: str, tell: Callable[[Event], None]) -> None:
        """Nothing to prepare."""

    def close(self) -> None:
        """Close the provider that records, if there is one."""
        if self._record:
            self._record.close()
