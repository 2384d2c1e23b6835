"""Where a task's calls are made: its files in a directory of their own, nobody at the keyboard, a limit of seconds.

Not covered: code is run in this process, with this user's rights.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from agent_repl.errors import ModelUnavailable, NoProvider, Unreachable

from .task import Call, Instance

SECONDS = 20.0
Ask = Callable[[Call], Any]


class Late(BaseException):
    """A call that took too long; no `except Exception` of written code holds it up."""


class Alarm:
    """Raises Late in this thread when a call has run for `SECONDS`; stopped while the model writes."""

    def start(self) -> None:
        if not hasattr(signal, "setitimer"):  # Windows: a loop hangs the run
            return
        signal.signal(signal.SIGALRM, _late)
        signal.setitimer(signal.ITIMER_REAL, SECONDS, 1.0)

    def stop(self) -> None:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)


def _late(number: int, frame: Any) -> None:
    raise Late(f"it ran for more than {SECONDS:.0f} seconds")


@dataclass(frozen=True)
class Ran:
    """How the calls of an instance went: whether all were right, else why not, and whether one of them raised."""

    right: bool
    why: str = ""
    raised: bool = False


def run(instance: Instance, ask: Ask, alarm: Alarm) -> Ran:
    """Make all calls of an instance in their order, up to the first that raises."""
    wrong = ""
    for call in instance.calls:
        try:
            with quietly():
                alarm.start()
                given = ask(call)
                alarm.stop()
        except (KeyboardInterrupt, NoProvider, ModelUnavailable, Unreachable):
            raise  # no fault of the code: the run stops here, and can go on later
        except BaseException as error:  # SystemExit and Late are the code's failures too
            return Ran(False, f"{call.name} raised {type(error).__name__}: {str(error)[:300]}", raised=True)
        finally:
            alarm.stop()
        if not _same(call, given):
            wrong = wrong or f"{call.name}{call.args} answered {brief(given)}, not {brief(call.answer)}"
    return Ran(not wrong, wrong)


def _same(call: Call, given: Any) -> bool:
    try:
        return bool(call.same(given, call.answer))
    except Exception:  # an answer of a kind that cannot be compared is no right answer
        return False


def brief(value: Any) -> str:
    """What a value looks like, in at most 200 characters."""
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(value).__name__}, whose repr raises {type(error).__name__}>"
    return text if len(text) <= 200 else f"{text[:200]}..."


@contextmanager
def quietly() -> Iterator[None]:
    """Nothing is printed, and nobody answers."""
    before = sys.stdin
    with open(os.devnull) as nobody, redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        sys.stdin = nobody
        try:
            yield
        finally:
            sys.stdin = before


@contextmanager
def directory(instance: Instance) -> Iterator[Path]:
    """A new working directory that holds the instance's files."""
    before = Path.cwd()
    with TemporaryDirectory(prefix="eval-") as name:
        place = Path(name).resolve()
        for file, content in instance.files.items():
            (place / file).parent.mkdir(parents=True, exist_ok=True)
            (place / file).write_bytes(content.encode() if isinstance(content, str) else content)
        os.chdir(place)
        try:
            yield place
        finally:
            os.chdir(before)
