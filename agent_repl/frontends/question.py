"""The question that a review ends with: one line, asked until there is a decision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from ..records import Decision, Proposal, Verdict

ASKING = Lock()
"""Held from the first line of a review to its decision: two questions at once would garble the screen."""

KEYS: dict[str, Decision] = {"a": "accept", "p": "pin", "e": "edit", "r": "revise", "n": "reject"}
_WORDS = {
    "accept": "a",
    "y": "a",
    "yes": "a",
    "pin": "p",
    "edit": "e",
    "revise": "r",
    "reject": "n",
    "no": "n",
    "help": "?",
}
_LABELS = {"a": "[a]ccept", "p": "[p]in", "e": "[e]dit", "r": "[r]evise", "n": "[n]o", "?": "[?]"}
_HELP = {
    "a": "accept  run it, and remember it for calls of this kind",
    "p": "pin     accept it, and make it a real method in the session module",
    "e": "edit    change it in your editor first",
    "r": "revise  say what should change; the model writes it again",
    "n": "no      do not run it; the draft is kept, and marked",
    "?": "help    this text. Ctrl-C keeps the draft for later",
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


def decide(question: Question, proposal: Proposal) -> Verdict:
    """Ask until there is a decision; what `ask` raises (a person who leaves) ends it without one."""
    while True:
        if verdict := _verdict(question, proposal, _key(question, proposal)):
            return verdict


def _key(question: Question, proposal: Proposal) -> str:
    answer = question.ask(_line(question, proposal)).strip().lower()
    if not answer:
        return "a" if question.enter and not proposal.code.flagged else ""
    keys = _keys(question)
    if question.plain and answer in map(str, range(1, len(keys) + 1)):
        return keys[int(answer) - 1]
    return _WORDS.get(answer, answer)


def _keys(question: Question) -> list[str]:
    return [key for key in _LABELS if key != "e" or question.edit]


def _line(question: Question, proposal: Proposal) -> str:
    default = " (Enter accepts)" if question.enter and not proposal.code.flagged else ""
    if not question.plain:
        return "  ".join(_LABELS[key] for key in _keys(question)) + f"{default}: "
    choices = [f"{number}. {_HELP[key].split()[0]}" for number, key in enumerate(_keys(question), 1)]
    return "\n".join(choices) + f"\nYour choice{default}: "


def _verdict(question: Question, proposal: Proposal, key: str) -> Verdict | None:
    match key:
        case "a" | "p" if not proposal.code.flagged or _sure(question):
            return Verdict(KEYS[key])
        case "a" | "p":
            question.say("not accepted")
        case "n":
            return Verdict("reject")
        case "r":
            return _revised(question)
        case "e" if question.edit:
            source = question.edit(proposal.code.source)
            return Verdict("edit", source=source) if source is not None else None
        case "?":
            for known in _keys(question):
                question.say(_HELP[known])
        case "":
            flagged = ": what is flagged is never accepted by Enter" if proposal.code.flagged else ""
            question.say(f"type a letter or a word{flagged}")
        case _:
            question.say("that is none of the choices; ? explains them")
    return None


def _sure(question: Question) -> bool:
    return question.ask("flagged code: look at the lines marked above, then type yes to run it: ").strip() == "yes"


def _revised(question: Question) -> Verdict | None:
    words = question.ask("what should change? ").strip()
    if not words:
        question.say("nothing said, nothing changed")
    return Verdict("revise", feedback=words) if words else None
