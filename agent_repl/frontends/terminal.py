"""Review in a terminal: text as it streams, the code, one question on one line."""

import os
import shlex
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from ..records import Event, Proposal, Verdict
from .question import ASKING, decide
from .render import as_text, colour_wanted, escaped, event_line, is_terminal, paint

DEAD_TIME = 0.4  # seconds after the code is drawn in which keys answer nothing


class TerminalReviewer:
    """Shows what happens and asks on whatever standard output is at that time."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._in_text = False

    @property
    def can_ask(self) -> bool:
        """Both ends are a terminal that nothing captures, in the process that was started from it."""
        return is_terminal(sys.stdin) and is_terminal(sys.stdout) and os.getpid() == self._process

    def tell(self, event: Event) -> None:
        """Write the event; while a question is open only warnings are."""
        if not event.text or (ASKING.locked() and event.kind != "warning"):
            return
        colour = colour_wanted(sys.stdout)
        with suppress(OSError, ValueError):
            if event.kind == "text":
                self._write(paint(escaped(event.text), "dim", colour), in_text=True)
            else:
                self._say(paint(event_line(event), "flagged" if event.kind == "warning" else "dim", colour))

    def confirm(self, question: str) -> bool:
        """Ask; anything but yes is no. Ctrl-C and Ctrl-D raise KeyboardInterrupt."""
        with ASKING:
            forget_typed_keys()
            return self._ask(f"{escaped(question)} (yes or no): ").strip().lower() in ("y", "yes")

    def review(self, proposal: Proposal) -> Verdict:
        """Show the proposal and ask. Ctrl-C and Ctrl-D raise KeyboardInterrupt."""
        with ASKING:
            self._write(as_text(proposal, colour_wanted(sys.stdout)))
            forget_typed_keys()
            return decide(proposal, self._ask, self._say, edited)

    def _ask(self, prompt: str) -> str:
        self._write(prompt)
        answer = sys.stdin.readline()
        if not answer:
            self._say("\nkept for later: nothing was run")
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


def forget_typed_keys() -> None:
    """Wait, then throw away what was typed and not yet read: whoever typed it had not seen the question."""
    time.sleep(DEAD_TIME)
    if sys.platform == "win32":
        import msvcrt

        while msvcrt.kbhit():
            msvcrt.getwch()
        return
    import termios

    with suppress(OSError, ValueError, termios.error):
        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)


def edited(source: str) -> str:
    """The source as the person leaves it in an editor; raises ValueError that says why there is none."""
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not command:
        raise ValueError("no editor is set: type no, then %env EDITOR=nano (or another), and call again")
    try:
        with tempfile.TemporaryDirectory(prefix="agent_repl-") as scratch:
            file = Path(scratch, "method.py")
            file.write_text(source, encoding="utf-8")
            subprocess.run([*shlex.split(command, posix=os.name != "nt"), str(file)], check=True)
            return file.read_text(encoding="utf-8")
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise ValueError(f"the editor {command} failed, nothing was changed: {error}") from error
