"""Review in a terminal: text as it streams, the code, one question on one line."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from ..records import Event, Proposal, Verdict
from .question import ASKING, Question, decide
from .render import Style, as_text, colour_wanted, escaped, event_line, is_terminal, paint

DEAD_TIME = 0.4
"""Seconds after the code is drawn in which keys answer nothing."""


class TerminalReviewer:
    """Shows what happens and asks on a terminal; `stream` defaults to whatever standard output is at that time.

    `plain` is for screen readers and dumb terminals: words, numbered choices, no colour, nothing drawn twice.
    """

    def __init__(self, stream: TextIO | None = None, plain: bool | None = None) -> None:
        self._stream = stream
        self.plain = bool(os.environ.get("ACCESSIBLE") or os.environ.get("TERM") == "dumb") if plain is None else plain
        self._process = os.getpid()
        self._in_text = False

    @property
    def can_ask(self) -> bool:
        """Both ends are a terminal that nothing captures, in the process that was started from it."""
        return is_terminal(sys.stdin) and is_terminal(self._out) and os.getpid() == self._process

    def tell(self, event: Event) -> None:
        """Write the event; while a question is open only warnings are."""
        if ASKING.locked() and event.kind != "warning":
            return
        with suppress(OSError, ValueError):
            self._text(event.text) if event.kind == "text" else self._event(event)

    def confirm(self, question: str) -> bool:
        """Ask; anything but yes is no. Ctrl-C and Ctrl-D raise KeyboardInterrupt."""
        with ASKING:
            self._begin_question()
            return self._ask(f"{escaped(question)} (yes or no): ").strip().lower() in ("y", "yes")

    def review(self, proposal: Proposal) -> Verdict:
        """Show the proposal and ask. Ctrl-C and Ctrl-D raise KeyboardInterrupt."""
        with ASKING:
            self._end_text()
            self._write(as_text(proposal, colour=self._colour, plain=self.plain))
            self._begin_question()
            editor = Editor(self._say, proposal.check)
            return decide(Question(self._ask, self._say, editor, plain=self.plain), proposal)

    def _begin_question(self) -> None:
        self._end_text()
        time.sleep(DEAD_TIME)
        forget_typed_keys()

    @property
    def _out(self) -> TextIO:
        return self._stream or sys.stdout

    @property
    def _colour(self) -> bool:
        return not self.plain and colour_wanted(self._out)

    def _text(self, text: str) -> None:
        self._in_text = True
        self._write(self._paint(escaped(text), "dim"))

    def _event(self, event: Event) -> None:
        self._end_text()
        if event.text:
            self._say(self._paint(event_line(event), "flag" if event.kind == "warning" else "dim"))

    def _end_text(self) -> None:
        if self._in_text:
            self._in_text = False
            self._write("\n")

    def _paint(self, text: str, style: Style) -> str:
        return paint(text, style) if self._colour else text

    def _ask(self, prompt: str) -> str:
        self._write(prompt)
        answer = sys.stdin.readline()
        if not answer:
            self._say("\nkept for later: nothing was run")
            raise KeyboardInterrupt
        return answer

    def _say(self, line: str) -> None:
        self._write(line + "\n")

    def _write(self, text: str) -> None:
        encoding = getattr(self._out, "encoding", None) or "utf-8"
        self._out.write(text.encode(encoding, "backslashreplace").decode(encoding))
        self._out.flush()


def forget_typed_keys() -> None:
    """Throw away what was typed and not yet read: it was typed by somebody who had not seen the question."""
    if sys.platform == "win32":
        import msvcrt

        while msvcrt.kbhit():
            msvcrt.getwch()
        return
    import termios

    with suppress(OSError, ValueError, termios.error):
        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)


class Editor:
    """The person's editor on a scratch file; text that `check` complains of is there again the next time."""

    def __init__(self, say: Callable[[str], None], check: Callable[[str], str]) -> None:
        self._say = say
        self._check = check
        self._kept = ""

    def __call__(self, source: str) -> str | None:
        """The source as the person left it; None, with a word why, when there is nothing new to run."""
        edited = self._edited(self._kept or source)
        if edited is None:
            return None
        if not edited.strip() or edited.rstrip() == source.rstrip():  # many editors end the last line
            self._kept = ""
            return self._say("nothing was changed")
        self._kept = edited
        if wrong := self._check(edited):
            return self._say(f"this cannot run yet: {escaped(wrong)}\nchoose edit again to go on with your text")
        return edited

    def _edited(self, text: str) -> str | None:
        command = os.environ.get("VISUAL") or os.environ.get("EDITOR")
        if not command:
            return self._say("no editor is set: type no, then %env EDITOR=nano (or another), and call again")
        try:
            return _through(shlex.split(command, posix=os.name != "nt"), text)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            return self._say(f"the editor {escaped(command)} failed, nothing was changed: {escaped(str(error))}")


def _through(command: list[str], text: str) -> str:
    with tempfile.TemporaryDirectory(prefix="agent_repl-") as scratch:
        file = Path(scratch, "method.py")
        file.write_text(text, encoding="utf-8")
        subprocess.run([*command, str(file)], check=True)
        return file.read_text(encoding="utf-8")
