"""The question that a review ends with: one line, asked until there is a decision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from ..records import Proposal, Verdict

ASKING = Lock()
"""Held while a person is asked: two questions at once would garble the screen."""

CHOICES = {
    "accept": "run it, and remember it for calls of this kind",
    "pin": "accept it, and make it a real method in the session module",
    "edit": "change it in your editor first",
    "revise": "say what should change; the model writes it again",
    "no": "do not run it; the draft is kept, and marked",
    "help": "say this. Ctrl-C decides nothing: the draft waits for the next call",
}


@dataclass(frozen=True)
class Question:
    """How to ask here: `ask` prints a prompt and gives back a line, `say` prints a line.

    `edit` gives back changed source, or None when nothing came of it; without it, editing is not offered. `enter`
    says whether an empty line accepts code that is not flagged; `plain` asks with numbers in place of letters.
    """

    ask: Callable[[str], str]
    say: Callable[[str], None]
    edit: Callable[[str], str | None] | None = None
    enter: bool = True
    plain: bool = False

    @property
    def words(self) -> list[str]:
        """The choices that there are here."""
        return [word for word in CHOICES if word != "edit" or self.edit]


def decide(question: Question, proposal: Proposal) -> Verdict:
    """Ask until there is a decision; what `ask` raises (a person who leaves) ends it without one."""
    enter = question.enter and not proposal.code.flagged
    while True:
        answer = question.ask(_prompt(question, enter)).strip().lower()
        word = _word(question, answer or ("accept" if enter else ""))
        if verdict := _verdict(question, proposal, word):
            return verdict


def _prompt(question: Question, enter: bool) -> str:
    default = " (Enter accepts): " if enter else ": "
    if not question.plain:
        return "  ".join(f"[{_key(word)}]{word[1:]}" for word in question.words).replace("[?]elp", "[?]") + default
    return "".join(f"{number}. {word}\n" for number, word in enumerate(question.words, 1)) + f"Your choice{default}"


def _word(question: Question, answer: str) -> str:
    numbered = [(str(number), _key(word), word) for number, word in enumerate(question.words, 1)]
    return next((names[-1] for names in numbered if answer in names[not question.plain :]), answer)


def _key(word: str) -> str:
    return "?" if word == "help" else word[0]


def _verdict(question: Question, proposal: Proposal, word: str) -> Verdict | None:
    match word:
        case "accept" | "pin" if not proposal.code.flagged or _sure(question):
            return Verdict("pin" if word == "pin" else "accept")
        case "accept" | "pin":
            question.say("not accepted")
        case "no":
            return Verdict("reject")
        case "revise":
            return _revised(question)
        case "edit" if question.edit:
            source = question.edit(proposal.code.source)
            return Verdict("edit", source=source) if source is not None else None
        case "help":
            question.say("\n".join(f"{known:<7} {CHOICES[known]}" for known in question.words))
        case "" if proposal.code.flagged:
            question.say("this code is flagged, and Enter never accepts it: type a word")
        case _:
            question.say(f"type one of: {', '.join(question.words)}")
    return None


def _sure(question: Question) -> bool:
    return question.ask("This code is flagged above. Type yes to run it: ").strip().lower() == "yes"


def _revised(question: Question) -> Verdict | None:
    words = question.ask("What should change? ").strip()
    if not words:
        question.say("nothing said, nothing changed")
    return Verdict("revise", feedback=words) if words else None
