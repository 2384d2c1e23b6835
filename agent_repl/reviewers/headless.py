"""The reviewer of places where nobody can answer: scripts, workers, continuous integration."""

from __future__ import annotations

import sys
from typing import NoReturn

from ..errors import ReviewRequired
from ..records import Event, Proposal


class HeadlessReviewer:
    """Never asks; warnings go to standard error, and nothing else is told."""

    can_ask = False

    def tell(self, event: Event) -> None:
        if event.kind == "warning":
            print(f"agent_repl: {event.text}", file=sys.stderr)

    def confirm(self, question: str) -> bool:
        return False

    def review(self, proposal: Proposal) -> NoReturn:
        raise ReviewRequired(
            f"{proposal.title} is written, and waits for a person; nobody can answer here. Call it again in a terminal "
            "or a notebook to see it, or set AGENT_REPL_REVIEW=auto to run what is not flagged unseen."
        )
