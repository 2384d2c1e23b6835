"""Review in a terminal: what the model writes, then the whole proposal, then a person's choice."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any, ClassVar

from agent_repl.errors import unplaced
from agent_repl.records import Event, Proposal, Verdict

from .display import colour_wanted, is_terminal, plain
from .render import KEPT, as_text, ending, escaped, event_line, history, paint, scope

Ask = Callable[[str], str]
DEAD_TIME = 0.4  # seconds after a question is seen in which keys answer nothing
ASKING = Lock()  # held while a person is asked: two questions at once would garble the screen
CHOICES = {
    "accept": "run it, and remember it for calls of this kind",
    "pin": "accept it, and make it a real method in the session module",
    "edit": "change it first",
    "revise": "say what should change; the model writes it again",
    "no": "do not run it; the draft is kept, and marked",
    "auto": "accept it, and what is not flagged of this agent until you leave",
    "versions": "list the versions of this method",
    "help": "say this. Ctrl-C decides nothing: the draft waits for the next call",
}


class TerminalReviewer:
    """Shows what happens and asks on whatever standard output is at that time.

    It draws on the screen; where that cannot be done or is not wanted (`plain`) it writes and reads lines.
    """

    _live: ClassVar[Any] = None  # a live.Live; a process has one screen
    _held: ClassVar[list[Event]] = []  # what was told while something was drawn there
    _drawing: ClassVar[Lock] = Lock()

    def __init__(self) -> None:
        self._process = os.getpid()
        self._in_text = False

    @property
    def can_ask(self) -> bool:
        """Both ends are a terminal that nothing captures or prompts at, in the process that was started from it."""
        here = is_terminal(sys.stdin) and is_terminal(sys.stdout) and os.getpid() == self._process
        return here and not _is_prompting()

    def tell(self, event: Event) -> None:
        """Draw the event, or write it; while a question is open only warnings are kept, and written after it."""
        draws = self.can_ask and not plain()
        with self._drawing:
            if ASKING.locked():
                self._held.extend([event] * (event.kind == "warning"))
            elif self._live:
                self._tell_live(event)
            elif event.kind == "writing" and draws:
                from .live import Live

                TerminalReviewer._live = Live(event, colour_wanted(sys.stdout))
            elif event.text and (event.kind != "text" or not draws):
                self._tell_in_words(event)

    def _tell_live(self, event: Event) -> None:
        if event.text and event.kind not in ("text", "loading"):
            self._held.append(event)
        if event.title == self._live.title:
            self._live.tell(event)
            if event.kind in ("written", "done"):
                self._close_live()

    def _close_live(self) -> None:
        if self._live:
            self._live.stop()
        TerminalReviewer._live = None
        while self._held:
            self._tell_in_words(self._held.pop(0))

    def _tell_in_words(self, event: Event) -> None:
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
            except KeyboardInterrupt as stop:
                raise unplaced(stop, KEPT) from None
            finally:
                self._close_live()

    def _review_drawn(self, proposal: Proposal) -> Verdict:
        from .app import drawn

        colour, said = colour_wanted(sys.stdout), KEPT
        forget_typed_keys(0)  # what is drawn has a dead time of its own
        try:
            with drawn(proposal, colour, DEAD_TIME) as screen:
                verdict = decide(proposal, screen.ask, screen.say, screen.edit, screen.choose)
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
    try:
        import termios
    except ImportError:  # a system that has neither
        return
    with suppress(OSError, ValueError, termios.error):
        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)


def _is_prompting() -> bool:
    """Whether a prompt of somebody else has the screen: another thread of the shell that waits for its next line."""
    if "prompt_toolkit" not in sys.modules:
        return False
    from prompt_toolkit.application import get_app_or_none

    app = get_app_or_none()
    return app is not None and not hasattr(app, "agent_repl_own")


def decide(
    proposal: Proposal,
    ask: Ask,
    say: Callable[[str], object],
    edit: Ask | None = None,
    choose: Callable[[], str] | None = None,
    by_number: bool = False,
) -> Verdict:
    """Ask until there is a decision; what `ask` raises (a person who leaves) ends it without one.

    `ask` prints a prompt and gives back a line, `say` prints a line, `edit` gives back what a person made of a source,
    or raises ValueError. An empty line accepts code that is not flagged; without `edit`, as in a notebook, it decides
    nothing. Words and their first letters answer, `by_number` numbers too; `choose` gives an answer in another way.
    """
    draft, flagged = "", proposal.code.flagged
    words = [word for word in CHOICES if (word != "edit" or edit) and (word != "auto" or not flagged)]
    numbers = {str(number): word for number, word in enumerate(words, 1)}
    known = {word[0]: word for word in reversed(words)} | (numbers if by_number else {})
    enter = edit is not None and not flagged
    letters = ("[?]" if w == "help" else f"[{w[0]}]{w[1:]}" for w in words if w not in ("auto", "versions"))
    shown = "  ".join(map(" ".join, numbers.items()) if by_number else letters) + " (Enter accepts)" * enter
    while True:
        answer = (choose() if choose else ask(f"{shown}: ")).strip().lower() or ("accept" if enter else "")
        match known.get(answer, answer):
            case "accept" | "pin" as decision:
                if not flagged or ask("This code is flagged above. Type yes to run it: ").strip().lower() == "yes":
                    return Verdict(decision)
                say("not accepted")
            case "auto" if not flagged:
                if ask(f"This {scope(proposal)}. Type yes: ").strip().lower() == "yes":
                    return Verdict("auto")
            case "no":
                return Verdict("reject")
            case "revise":
                if feedback := ask("What should change? ").strip():
                    return Verdict("revise", feedback=feedback)
            case "edit" if edit:
                try:
                    draft = edit(draft or proposal.code.source)
                    return Verdict("edit", source=_changed(proposal, draft))
                except ValueError as why:
                    say(escaped(str(why)))
            case "versions":
                say(history(proposal))
            case "help" | "?":
                say("\n".join(f"{f'{n} ' * by_number}{word:<9}{CHOICES[word]}" for n, word in numbers.items()))
            case "" if flagged:
                say("this code is flagged, and Enter never accepts it: choose in words")
            case _:
                say(f"choose one of: {', '.join(words)}")


def _changed(proposal: Proposal, draft: str) -> str:
    if draft.strip() in ("", proposal.code.source.strip()):
        raise ValueError("nothing was changed")
    if wrong := proposal.check(draft):
        raise ValueError(f"this cannot run yet: {wrong}\nchoose edit again to go on with your text")
    return draft
