"""What most tests need: fenced replies, a session in its own home, a reviewer that answers from a list."""

from __future__ import annotations

import atexit
import textwrap
from pathlib import Path
from typing import Any

from agent_repl import ScriptedProvider, Session, Verdict, open_session

TOTAL = '''
def total(self):
    """Add them up."""
    with open(self.path) as file:
        return sum(int(line) for line in file)
'''


def fenced(source: str) -> str:
    """A reply as a model gives it."""
    return f"```python\n{textwrap.dedent(source).strip()}\n```"


class Person:
    """A reviewer that gives prepared verdicts and remembers what it was shown; an exception in the list is raised."""

    can_ask = True

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.seen: list[Any] = []
        self.events: list[Any] = []
        self.questions: list[str] = []

    def tell(self, event: Any) -> None:
        self.events.append(event)

    def confirm(self, question: str) -> bool:
        self.questions.append(question)
        return True

    def review(self, proposal: Any) -> Verdict:
        self.seen.append(proposal)
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return Verdict(answer) if isinstance(answer, str) else answer


def session(home: Path, *replies: Any, review: Any = "auto", **settings: Any) -> Session:
    """A session whose model answers with these sources in turn; its provider is `session.provider`."""
    texts = [fenced(r) if isinstance(r, str) and not r.startswith("```") else r for r in replies]
    return open_session(home / ".agent_repl", provider=ScriptedProvider(texts), review=review, **settings)


def asked(home: Session) -> int:
    """How often the model was asked."""
    return len(home.provider.prompts)


def shell(**traits: Any) -> Any:
    """IPython's own shell, without a history on disk; the traits are those of AgentMagics, as from a file."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.AgentMagics.update(traits)
    made = InteractiveShell(config=config)
    atexit.unregister(made.atexit_operations)  # each would collect all garbage when the tests are over
    return made


def said(ip: Any, capsys: Any, cell: str) -> str:
    """All that a person sees of one cell."""
    capsys.readouterr()
    ip.run_cell(cell)
    captured = capsys.readouterr()
    return captured.out + captured.err
