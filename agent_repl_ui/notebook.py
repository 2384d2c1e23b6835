"""Review in a notebook: each method has one output that is updated in place, and one line of input."""

import html
import os
import sys
import time
from functools import partial
from typing import Any, NoReturn

from agent_repl.errors import ReviewRequired
from agent_repl.records import Event, Proposal, Verdict

from .render import as_html, as_text, escaped, event_line, highlighted, visible
from .terminal import ASKING, decide
from .words import agents_in

REDRAW = 0.15  # seconds between two drawings of text that streams
ENDINGS = {"auto": "accepted, and so is what is not flagged, for this agent until this kernel ends"}
ENTER = " (Enter accepts)"
SCOPE = "until you leave", "until this kernel ends"


class NotebookReviewer:
    """Shows and asks in the cell that runs. An empty answer decides nothing: some front ends send it for Escape."""

    def __init__(self, shell: Any) -> None:
        self._shell, self._process = shell, os.getpid()
        self._outputs: dict[str, _Output] = {}  # of the cell that runs, by title; those that have ended are left out
        self._cell = -1

    @property
    def can_ask(self) -> bool:
        """Whether this request allows input, and what is printed and drawn reaches the person."""
        if not getattr(getattr(self._shell, "kernel", None), "_allow_stdin", False):
            return False
        from ipykernel.iostream import OutStream
        from IPython.core.displaypub import CapturingDisplayPublisher

        captured = isinstance(self._shell.display_pub, CapturingDisplayPublisher)
        return isinstance(sys.stdout, OutStream) and not captured and os.getpid() == self._process

    def tell(self, event: Event) -> None:
        """Add to the output of what the event is about; warnings are printed, and stay."""
        if event.kind == "warning":
            print(event_line(event))
            return
        output = self._output(event.title, made=event.kind not in ("written", "done"))
        if output is not None:
            output.add(event)
            if not ASKING.locked():
                output.draw_progress(now=event.kind != "text")
            if event.kind == "done":
                self._outputs.pop(event.title)

    def confirm(self, question: str) -> bool:
        """Ask; anything but yes is no."""
        with ASKING:
            return _ask(f"{escaped(question)} (yes or no): ").strip().lower() in ("y", "yes")

    def review(self, proposal: Proposal) -> Verdict:
        """Show the proposal and ask; raises ReviewRequired where the person goes on in a cell, or cannot be asked."""
        output = self._output(proposal.title) or _Output()
        ending = "kept for later: nothing was run"
        with ASKING:
            output.draw(as_text(proposal), as_html(proposal))
            try:
                edit = partial(self._continue_in_cell, proposal)
                verdict = decide(proposal, _answer, lambda text: print(text.replace(*SCOPE)), edit)
                ending = f"decision: {ENDINGS.get(verdict.decision, verdict.decision)}"
            finally:
                output.draw(f"{as_text(proposal)}{ending}\n", as_html(proposal, ending))
                self._outputs.pop(proposal.title, None)
        return verdict

    def _output(self, title: str, made: bool = True) -> "_Output | None":
        if self._cell != self._shell.execution_count:
            self._cell, self._outputs = self._shell.execution_count, {}
        return self._outputs.setdefault(title, _Output()) if made else self._outputs.get(title)

    def _continue_in_cell(self, proposal: Proposal, source: str) -> NoReturn:
        """Hand the code over in a new cell; front ends that make none show the same text printed."""
        text = f"%%agent --code {self._address(proposal.title)}\n{source}"
        self._shell.set_next_input(text)
        print(visible(text))
        raise ReviewRequired(
            f"{proposal.title} waits, and nothing was run: change its code in the new cell, or copy it from above\n"
            "Run that cell, then this one again. Calling it here again shows the draft as it was."
        )

    def _address(self, title: str) -> str:
        """The method by the person's own name for its agent."""
        label, _, method = title.rpartition(".")
        known = agents_in(self._shell.user_ns)
        ours = [name for name, agent in known.items() if agent._agent_repl_label_ == label]
        return f"{label if label in ours or not ours else ours[0]}.{method}"


class _Output:
    """What is said of one method while it is written: lines, then the reply as it grows."""

    def __init__(self) -> None:
        self._lines: list[tuple[str, str]] = []  # the kind of the event, and its words
        self._reply, self._writer, self._begun, self._drawn = "", "", time.monotonic(), 0.0
        self._handle: Any = None

    def add(self, event: Event) -> None:
        """Take in an event; what is no longer true goes."""
        if event.kind == "text":
            self._reply += event.text
            return
        line, kept = event_line(event), () if event.kind == "done" else ("attempt", "repair")
        if event.kind == "written":
            line = f"{event.title} · the model has ended after {time.monotonic() - self._begun:.1f} s"
        if event.kind in ("writing", "attempt"):
            self._reply = ""
        if event.kind == "writing":
            self._writer = f" · {line.removesuffix(f' writes {event.title}')}"
        line += self._writer * (event.kind == "done")
        self._lines = [*(known for known in self._lines if known[0] in kept), (event.kind, line)]

    def draw_progress(self, now: bool) -> None:
        """Draw it, unless it was drawn a moment ago."""
        if not now and time.monotonic() - self._drawn < REDRAW:
            return
        said = [line for _, line in self._lines]
        code = visible("\n".join(row for row in self._reply.splitlines() if not row.startswith("```")))
        code_style, said_style = "background:#f8f8f8;color:#222", "background:none;opacity:.7"
        drawn = [(said_style, html.escape("\n".join(said))), (code_style, highlighted(code, "html"))]
        rows = (f'<pre style="margin:0;white-space:pre-wrap;{css}">{inside}</pre>' for css, inside in drawn if inside)
        self.draw("\n".join(filter(None, [*said, code])), f"<div>{''.join(rows)}</div>")

    def draw(self, text: str, form: str) -> None:
        """Put this in place of what is shown."""
        from IPython.display import display

        data, self._drawn = {"text/plain": text, "text/html": form}, time.monotonic()
        if self._handle is None:
            self._handle = display(data, raw=True, display_id=True)
        else:
            self._handle.update(data, raw=True)


def _answer(prompt: str) -> str:
    """What the person answers; where an empty line would accept, it asks again."""
    answer = _ask(prompt.replace(ENTER, "").replace(*SCOPE))
    return answer if answer.strip() or ENTER not in prompt else _answer(prompt)


def _ask(prompt: str) -> str:
    try:
        return input(prompt)
    except (NotImplementedError, EOFError) as error:
        raise ReviewRequired(
            "the code above waits for a person, and this front end takes no input\n"
            "Run the cell in a notebook where somebody can answer, or set AGENT_REPL_REVIEW=auto."
        ) from error
