"""Review in a notebook: one output that is updated in place, one line of input."""

import time
from typing import Any

from agent_repl.errors import ReviewRequired
from agent_repl.records import Event, Proposal, Verdict

from .render import as_html, as_text, escaped, event_line
from .terminal import ASKING, decide

REDRAW = 0.1  # seconds between two drawings of text that streams


class NotebookReviewer:
    """Shows and asks in the cell that runs. An empty answer decides nothing: some front ends send it for Escape."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._output: Any = None
        self._cell, self._streamed, self._drawn = -1, "", 0.0

    @property
    def can_ask(self) -> bool:
        """Whether this request allows input, and the cell's output reaches the person."""
        from IPython.core.displaypub import CapturingDisplayPublisher

        captured = isinstance(self._shell.display_pub, CapturingDisplayPublisher)
        return bool(getattr(getattr(self._shell, "kernel", None), "_allow_stdin", False)) and not captured

    def tell(self, event: Event) -> None:
        """Draw streaming text, and the latest other line; warnings are printed, and stay."""
        if event.kind == "warning":
            print(event_line(event))
        elif ASKING.locked() or not event.text:
            return
        elif event.kind == "done":
            self._output = None
        elif event.kind == "text":
            self._streamed += event.text
            if time.monotonic() - self._drawn > REDRAW:
                self._draw(escaped(self._streamed))
        else:
            self._streamed = ""
            self._draw(event_line(event))

    def confirm(self, question: str) -> bool:
        """Ask; anything but yes is no."""
        with ASKING:
            return _ask(f"{escaped(question)} (yes or no): ").strip().lower() in ("y", "yes")

    def review(self, proposal: Proposal) -> Verdict:
        """Show the proposal and ask; raises ReviewRequired where the front end takes no input."""
        ending = "kept for later"
        with ASKING:
            self._draw(as_text(proposal), as_html(proposal))
            try:
                verdict = decide(proposal, _ask, print)
                ending = f"decision: {verdict.decision}"
            finally:
                self._draw(f"{as_text(proposal)}{ending}\n", as_html(proposal, ending))
                self._output = None
        return verdict

    def _draw(self, text: str, html: str = "") -> None:
        from IPython.display import display

        data = {"text/plain": text, **({"text/html": html} if html else {})}
        self._drawn = time.monotonic()
        if self._output is None or self._cell != self._shell.execution_count:
            self._cell = self._shell.execution_count
            self._output = display(data, raw=True, display_id=True)
        else:
            self._output.update(data, raw=True)


def _ask(prompt: str) -> str:
    try:
        return input(prompt)
    except (NotImplementedError, EOFError) as error:
        how = "run the cell in a notebook where somebody can answer, or set AGENT_REPL_REVIEW=auto"
        raise ReviewRequired(f"the code above waits for a person, and this front end takes no input: {how}") from error
