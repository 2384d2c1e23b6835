"""What Tab offers: IPython's completions, written methods with their tier, and the words of `%agent`."""

import re
from collections.abc import Iterable
from typing import Any

from IPython.terminal.ptutils import IPythonPTCompleter
from prompt_toolkit.completion import CompleteEvent, Completion
from prompt_toolkit.document import Document

_AGENT_LINE = re.compile(r"\s*%%?agent\s")
_ATTRIBUTE = re.compile(r"(?<![\w.])(\w+)\.(\w+)$")


class ShellCompleter(IPythonPTCompleter):  # type: ignore[misc]
    """IPython's completer, as its config sets it; nothing is called or written for a completion."""

    def __init__(self, shell: Any) -> None:
        super().__init__(shell=shell)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """What may stand before the cursor."""
        line = document.current_line_before_cursor
        if _AGENT_LINE.match(line):
            yield from self._agent_words(line.lstrip())
            return
        for completion in super().get_completions(document, complete_event):
            yield self._marked(document.text_before_cursor, completion)

    def _agent_words(self, line: str) -> Iterable[Completion]:
        from ..complete import agent_words

        begun = len(re.split(r"\s", line)[-1])
        for text, about in agent_words(line, self.shell.user_ns):
            yield Completion(text, -begun, display_meta=about)

    def _marked(self, before: str, completion: Completion) -> Completion:
        """A written method's completion with its tier; any other as it is."""
        from .hints import method_of

        whole = before[: len(before) + completion.start_position] + completion.text
        found = _ATTRIBUTE.search(whole)
        method = method_of(found[1], found[2], self.shell.user_ns) if found else None
        if method is None:
            return completion
        meta = f"{method.tier} v{method.entry.version.number}"
        return Completion(completion.text, completion.start_position, completion.display, meta)
