"""The reviewer of places where nobody can answer: scripts, workers, continuous integration."""

from __future__ import annotations

from contextlib import suppress
from typing import NoReturn, TextIO

from ..errors import ReviewRequired
from ..records import Event, Proposal


class HeadlessReviewer:
    """Never asks. What happens is written to `out`, one line each, or to nowhere."""

    can_ask = False

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out

    def tell(self, event: Event) -> None:
        if self._out is None or event.kind == "text":
            return
        line = " ".join(filter(None, (event.title, event.text)))
        with suppress(OSError, ValueError):
            self._out.write("".join(c if c.isprintable() else " " for c in line) + "\n")

    def confirm(self, question: str) -> bool:
        return False

    def review(self, proposal: Proposal) -> NoReturn:
        raise ReviewRequired(
            f"{proposal.title} is written, and waits for a person; nobody can answer here. Call it again in a terminal "
            "or a notebook to see it, or set AGENT_REPL_REVIEW=auto to run what is not flagged unseen."
        )
