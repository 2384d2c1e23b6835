"""Replies that were written beforehand, for tests, demos and offline notebooks."""

from collections.abc import Callable, Iterable

from ..errors import ProviderError
from ..records import Event, Prompt, Reply, Usage

PIECE = 24  # characters in one piece of the stream


class ScriptedProvider:
    """Answers with the given texts in turn, or with what a function makes of the prompt.

    An exception in a text's place is raised. `prompts` is what it was asked. Its replies carry the note "scripted".
    """

    name = "scripted"
    model = "scripted"
    host: str | None = None

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

    def warm(self, system: str, tell: Callable[[Event], None]) -> None:
        """Nothing to prepare."""

    def close(self) -> None:
        """Nothing to give back."""
