"""Review in a terminal: what the model writes, then the whole proposal, then a person's choice."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import TYPE_CHECKING, ClassVar

from agent_repl.records import Event, Proposal, Verdict

from .choices import KEPT, ending
from .choices import decide as decide
from .render import as_text, colour_wanted, escaped, event_line, is_terminal, paint

if TYPE_CHECKING:
    from .live import Live

DEAD_TIME = 0.4  # seconds after a question is seen in which keys answer nothing
ASKING = Lock()  # held while a person is asked: two questions at once would garble the screen


class TerminalReviewer:
    """Shows what happens and asks on whatever standard output is at that time.

    It draws on the screen; where that cannot be done or is not wanted (`plain`) it writes and reads lines.
    """

    _live: ClassVar["Live | None"] = None  # a process has one screen
    _held: ClassVar[list[Event]] = []  # what was told while something was drawn there
    _drawing: ClassVar[Lock] = Lock()

    def __init__(self) -> None:
        self._process = os.getpid()
        self._in_text = False

    @property
    def can_ask(self) -> bool:
        """Both ends are a terminal that nothing captures, in the process that was started from it."""
        return is_terminal(sys.stdin) and is_terminal(sys.stdout) and os.getpid() == self._process

    def tell(self, event: Event) -> None:
        """Draw the event, or write it; while a question is open only warnings are kept, and written after it."""
        with self._drawing:
            if ASKING.locked():
                self._held.extend([event] * (event.kind == "warning"))
            elif self._live and not self._live.is_over:
                self._tell_live(self._live, event)
            elif event.kind == "writing" and self._draws() and not _is_prompting():
                self._close_live()
                self._begin_live(event)
            elif event.kind != "text" or not self._draws():
                self._close_live()
                self._tell_in_words(event)

    def _draws(self) -> bool:
        return self.can_ask and not plain()

    def _begin_live(self, event: Event) -> None:
        from .live import Live

        TerminalReviewer._live = Live(event, colour_wanted(sys.stdout))

    def _tell_live(self, live: "Live", event: Event) -> None:
        if event.title == live.title:
            live.tell(event)
        if event.kind not in ("text", "loading"):
            self._held.append(event)
        if event.title == live.title and event.kind in ("written", "done"):
            self._close_live()

    def _close_live(self) -> None:
        live, TerminalReviewer._live = self._live, None
        if live:
            live.stop()
        while self._held:
            self._tell_in_words(self._held.pop(0))

    def _tell_in_words(self, event: Event) -> None:
        if not event.text:
            return
        colour = colour_wanted(sys.stdout)
        with suppress(OSError, ValueError):
            if event.kind == "text":
                self._write(paint(escaped(event.text), "dim", colour), in_text=True)
            else:
                self._say(paint(event_line(event), "flagged" if event.kind == "warning" else "dim", colour))

    def confirm(self, question: str) -> bool:
        """Ask; anything but yes is no. Ctrl-C and Ctrl-D raise KeyboardInterrupt."""
        with self._question():
            forget_typed_keys()
            return self._ask(f"{escaped(question)} (yes or no): ").strip().lower() in ("y", "yes")

    def review(self, proposal: Proposal) -> Verdict:
        """Show the proposal and ask. Ctrl-C and Ctrl-D raise KeyboardInterrupt."""
        with self._question():
            return self._review_in_words(proposal) if plain() else self._review_drawn(proposal)

    @contextmanager
    def _question(self) -> Iterator[None]:
        with ASKING:
            with self._drawing:
                self._close_live()
            try:
                yield
            finally:
                self._close_live()

    def _review_drawn(self, proposal: Proposal) -> Verdict:
        from .app import asked

        colour, said = colour_wanted(sys.stdout), KEPT
        forget_typed_keys(0)  # the application has its own dead time
        try:
            verdict = asked(proposal, colour, DEAD_TIME)
            said = ending(proposal, verdict, colour)
            return verdict
        finally:
            self._say(as_text(proposal, colour) + said)

    def _review_in_words(self, proposal: Proposal) -> Verdict:
        from .editing import edited

        self._write(as_text(proposal, colour_wanted(sys.stdout)))
        forget_typed_keys()
        return decide(proposal, self._ask, self._say, edited, by_number=True)

    def _ask(self, prompt: str) -> str:
        self._write(prompt)
        try:
            answer = sys.stdin.readline()
        except KeyboardInterrupt:
            answer = ""
        if not answer:
            self._say(f"\n{KEPT}")
            raise KeyboardInterrupt
        return answer

    def _say(self, line: str) -> None:
        self._write(line + "\n")

    def _write(self, text: str, in_text: bool = False) -> None:
        begun = "\n" if self._in_text and not in_text else ""
        self._in_text = in_text
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        sys.stdout.write((begun + text).encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()


def plain() -> bool:
    """Whether words are wanted instead of drawings, or the terminal can show nothing else."""
    return os.environ.get("TERM") in ("dumb", "unknown") or any(
        os.environ.get(name) for name in ("ACCESSIBLE", "AGENT_REPL_PLAIN")
    )


def forget_typed_keys(wait: float = DEAD_TIME) -> None:
    """Wait, then throw away what was typed and not yet read: whoever typed it had not seen the question."""
    time.sleep(wait)
    if "prompt_toolkit" in sys.modules:
        from prompt_toolkit.application import get_app_session
        from prompt_toolkit.input.typeahead import clear_typeahead

        clear_typeahead(get_app_session().input)
    if sys.platform == "win32":
        import msvcrt

        while msvcrt.kbhit():
            msvcrt.getwch()
        return
    import termios

    with suppress(OSError, ValueError, termios.error):
        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)


def _is_prompting() -> bool:
    """Whether a prompt of somebody else has the screen: another thread of the shell that waits for its next line."""
    if "prompt_toolkit" not in sys.modules:
        return False
    from prompt_toolkit.application import get_app_or_none

    return get_app_or_none() is not None
