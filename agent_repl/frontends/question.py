"""The question that a review ends with: one line, asked until there is a decision."""

from collections.abc import Callable
from threading import Lock

from ..records import Proposal, Verdict
from .render import escaped

Ask = Callable[[str], str]
ASKING = Lock()  # held while a person is asked: two questions at once would garble the screen
CHOICES = {
    "accept": "run it, and remember it for calls of this kind",
    "pin": "accept it, and make it a real method in the session module",
    "edit": "change it in your editor first",
    "revise": "say what should change; the model writes it again",
    "no": "do not run it; the draft is kept, and marked",
    "help": "say this. Ctrl-C decides nothing: the draft waits for the next call",
}


def decide(
    proposal: Proposal, ask: Ask, say: Callable[[str], object], edit: Ask | None = None, enter: bool = True
) -> Verdict:
    """Ask until there is a decision; what `ask` raises (a person who leaves) ends it without one.

    `ask` prints a prompt and gives back a line, `say` prints a line, `edit` gives back what a person made of a source,
    or raises ValueError. `enter` says whether an empty line accepts code that is not flagged.
    """
    draft, flagged = "", proposal.code.flagged
    words = {word[0]: word for word in CHOICES if word != "edit" or edit}
    enter = enter and not flagged
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
