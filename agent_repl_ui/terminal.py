"""Review in a terminal: text as it streams, the code, one question on one line (a notebook asks the same one)."""

import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock

from agent_repl.records import Event, Proposal, Verdict

from .render import as_text, colour_wanted, escaped, event_line, is_terminal, paint

Ask = Callable[[str], str]
DEAD_TIME = 0.4  # seconds after the code is drawn in which keys answer nothing
ASKING = Lock()  # held while a person is asked: two questions at once would garble the screen
CHOICES = {
    "accept": "run it, and remember it for calls of this kind",
    "pin": "accept it, and make it a real method in the session module",
    "edit": "change it in your editor first",
    "revise": "say what should change; the model writes it again",
    "no": "do not run it; the draft is kept, and marked",
    "help": "say this. Ctrl-C decides nothing: the draft waits for the next call",
}


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


def decide(proposal: Proposal, ask: Ask, say: Callable[[str], object], edit: Ask | None = None) -> Verdict:
    """Ask until there is a decision; what `ask` raises (a person who leaves) ends it without one.

    `ask` prints a prompt and gives back a line, `say` prints a line, `edit` gives back what a person made of a source,
    or raises ValueError. An empty line accepts code that is not flagged; without `edit`, as in a notebook, it decides
    nothing.
    """
    draft, flagged = "", proposal.code.flagged
    words = {word[0]: word for word in CHOICES if word != "edit" or edit}
    enter = edit is not None and not flagged
    shown = "  ".join("[?]" if word == "help" else f"[{letter}]{word[1:]}" for letter, word in words.items())
    while True:
        answer = ask(shown + (" (Enter accepts): " if enter else ": ")).strip().lower() or ("accept" if enter else "")
        match words.get(answer, answer):
            case "accept" | "pin" as decision:
                if not flagged or ask("This code is flagged above. Type yes to run it: ").strip().lower() == "yes":
                    return Verdict(decision)
                say("not accepted")
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
            case "help" | "?":
                say("\n".join(f"{known:<7} {CHOICES[known]}" for known in words.values()))
            case "" if flagged:
                say("this code is flagged, and Enter never accepts it: type a word")
            case _:
                say(f"type one of: {', '.join(words.values())}")


def _changed(proposal: Proposal, draft: str) -> str:
    if draft.strip() in ("", proposal.code.source.strip()):
        raise ValueError("nothing was changed")
    if wrong := proposal.check(draft):
        raise ValueError(f"this cannot run yet: {wrong}\nchoose edit again to go on with your text")
    return draft


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
