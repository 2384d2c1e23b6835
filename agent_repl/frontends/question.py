"""The question that a review ends with: one line, asked until there is a decision."""

from __future__ import annotations

from collections.abc import Callable
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


Ask = Callable[[str], str]
Say = Callable[[str], object]


def decide(proposal: Proposal, ask: Ask, say: Say, edit: Ask | None = None, enter: bool = True) -> Verdict:
    """Ask until there is a decision; what `ask` raises (a person who leaves) ends it without one.

    `ask` prints a prompt and gives back a line, `say` prints a line, `edit` gives back changed source, or "" when
    nothing came of it. `enter` says whether an empty line accepts code that is not flagged.
    """
    words = {word[0]: word for word in CHOICES if word != "edit" or edit}
    enter = enter and not proposal.code.flagged
    shown = "  ".join("[?]" if word == "help" else f"[{letter}]{word[1:]}" for letter, word in words.items())
    while True:
        answer = ask(shown + (" (Enter accepts): " if enter else ": ")).strip().lower() or ("accept" if enter else "")
        match words.get(answer, answer):
            case "accept" | "pin" as decision:
                if not proposal.code.flagged or _sure(ask):
                    return Verdict(decision)
                say("not accepted")
            case "no":
                return Verdict("reject")
            case "revise":
                if feedback := ask("What should change? ").strip():
                    return Verdict("revise", feedback=feedback)
            case "edit" if edit:
                if source := edit(proposal.code.source):
                    return Verdict("edit", source=source)
            case "help" | "?":
                say("\n".join(f"{known:<7} {CHOICES[known]}" for known in words.values()))
            case "" if proposal.code.flagged:
                say("this code is flagged, and Enter never accepts it: type a word")
            case _:
                say(f"type one of: {', '.join(words.values())}")


def _sure(ask: Ask) -> bool:
    return ask("This code is flagged above. Type yes to run it: ").strip().lower() == "yes"
