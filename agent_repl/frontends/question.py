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

    `edit` gives back changed source, or "" when nothing came of it; without it, editing is not offered. `enter`
    says whether an empty line accepts code that is not flagged.
    """

    ask: Callable[[str], str]
    say: Callable[[str], None]
    edit: Callable[[str], str] | None = None
    enter: bool = True


def decide(question: Question, proposal: Proposal) -> Verdict:
    """Ask until there is a decision; what `ask` raises (a person who leaves) ends it without one."""
    words = [word for word in CHOICES if word != "edit" or question.edit]
    keys = {word[0]: word for word in words}
    enter = question.enter and not proposal.code.flagged
    shown = "  ".join("[?]" if word == "help" else f"[{word[0]}]{word[1:]}" for word in words)
    while True:
        answer = question.ask(shown + (" (Enter accepts): " if enter else ": ")).strip().lower()
        word = keys.get(answer, answer) or ("accept" if enter else "")
        if verdict := _verdict(question, proposal, word, words):
            return verdict


def _verdict(question: Question, proposal: Proposal, word: str, words: list[str]) -> Verdict | None:
    match word:
        case "accept" | "pin":
            flagged = proposal.code.flagged
            if not flagged or question.ask("This code is flagged above. Type yes to run it: ").strip().lower() == "yes":
                return Verdict("pin" if word == "pin" else "accept")
            question.say("not accepted")
        case "no":
            return Verdict("reject")
        case "revise":
            feedback = question.ask("What should change? ").strip()
            return Verdict("revise", feedback=feedback) if feedback else None
        case "edit" if question.edit:
            source = question.edit(proposal.code.source)
            return Verdict("edit", source=source) if source else None
        case "help" | "?":
            question.say("\n".join(f"{known:<7} {CHOICES[known]}" for known in words))
        case "" if proposal.code.flagged:
            question.say("this code is flagged, and Enter never accepts it: type a word")
        case _:
            question.say(f"type one of: {', '.join(words)}")
    return None
