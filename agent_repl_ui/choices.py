"""The choices of a review, in words: what a line of input decides, and what stays on the screen of a decision."""

from collections.abc import Callable

from agent_repl.records import Proposal, Verdict

from .render import escaped, numbered, visible

Ask = Callable[[str], str]
CHOICES = {
    "accept": "run it, and remember it for calls of this kind",
    "pin": "accept it, and make it a real method in the session module",
    "edit": "change it first",
    "revise": "say what should change; the model writes it again",
    "no": "do not run it; the draft is kept, and marked",
    "auto": "accept it, and what is not flagged of this agent until you leave",
    "versions": "list the versions of this method",
    "help": "say this. Ctrl-C decides nothing: the draft waits for the next call",
}
KEPT = "kept for later: nothing was run"


def decide(
    proposal: Proposal,
    ask: Ask,
    say: Callable[[str], object],
    edit: Ask | None = None,
    choose: Callable[[], str] | None = None,
    by_number: bool = False,
) -> Verdict:
    """Ask until there is a decision; what `ask` raises (a person who leaves) ends it without one.

    `ask` prints a prompt and gives back a line, `say` prints a line, `edit` gives back what a person made of a source,
    or raises ValueError. An empty line accepts code that is not flagged; without `edit`, as in a notebook, it decides
    nothing. Words and their first letters answer, `by_number` numbers too; `choose` gives an answer in another way.
    """
    draft, flagged = "", proposal.code.flagged
    words = [word for word in CHOICES if (word != "edit" or edit) and (word != "auto" or not flagged)]
    numbers = {str(number): word for number, word in enumerate(words, 1)}
    known = {word[0]: word for word in reversed(words)} | (numbers if by_number else {})
    enter = edit is not None and not flagged
    shown = ("  ".join(map(" ".join, numbers.items())) if by_number else _lettered(words)) + " (Enter accepts)" * enter
    while True:
        answer = (choose() if choose else ask(f"{shown}: ")).strip().lower() or ("accept" if enter else "")
        match known.get(answer, answer):
            case "accept" | "pin" as decision:
                if not flagged or _is_yes(ask("This code is flagged above. Type yes to run it: ")):
                    return Verdict(decision)
                say("not accepted")
            case "auto" if not flagged:
                if _is_yes(ask(f"This {scope(proposal)}. Type yes: ")):
                    return Verdict("auto")
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
            case "versions":
                say(_history(proposal))
            case "help" | "?":
                say("\n".join(f"{f'{n} ' * by_number}{word:<9}{CHOICES[word]}" for n, word in numbers.items()))
            case "" if flagged:
                say("this code is flagged, and Enter never accepts it: choose in words")
            case _:
                say(f"choose one of: {', '.join(words)}")


def _lettered(words: list[str]) -> str:
    common = [word for word in words if word not in ("auto", "versions")]
    return "  ".join("[?]" if word == "help" else f"[{word[0]}]{word[1:]}" for word in common)


def _is_yes(answer: str) -> bool:
    return answer.strip().lower() == "yes"


def scope(proposal: Proposal) -> str:
    """What "auto" would do, as a person is told before and after."""
    return escaped(f"accepts what is not flagged for `{proposal.title.partition('.')[0]}` until you leave")


def _changed(proposal: Proposal, draft: str) -> str:
    if draft.strip() in ("", proposal.code.source.strip()):
        raise ValueError("nothing was changed")
    if wrong := proposal.check(draft):
        raise ValueError(f"this cannot run yet: {wrong}\nchoose edit again to go on with your text")
    return draft


def _history(proposal: Proposal) -> str:
    rows = ((f"v{v.number}", v.verdict, v.author, v.model, v.created[:10], v.reason) for v in proposal.versions)
    return "\n".join(escaped("  ".join(filter(None, row)).replace("\n", " ")) for row in rows) or "there is no other"


def ending(proposal: Proposal, verdict: Verdict, colour: bool) -> str:
    """The decision as it stays on the screen, below what was decided about."""
    match verdict:
        case Verdict("edit", source=source):
            return f"accepted as you edited it:\n{numbered(visible(source).rstrip(), 'terminal' if colour else '')}"
        case Verdict("revise", feedback=feedback):
            return f"to be revised: {escaped(feedback)}"
        case Verdict("auto"):
            return f"accepted, and from now on this {scope(proposal)}"
    return {"accept": "accepted", "pin": "accepted and pinned"}.get(verdict.decision, "rejected: nothing was run")
