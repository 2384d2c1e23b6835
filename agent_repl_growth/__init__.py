"""Methods written ahead of their calls: of those that a model would make as a user, or that a script makes."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agent_repl.agent import Agent
from agent_repl.effects import parse
from agent_repl.errors import AgentError, BudgetExceeded, ProviderError, ReplyCut, UnaskedCall
from agent_repl.pipeline import alone, case_for
from agent_repl.pipeline.case import Case, request_of, spec_of
from agent_repl.pipeline.drafts import new_draft, paid
from agent_repl.pipeline.ledger import Ledger, ledger
from agent_repl.pipeline.pinning import sync
from agent_repl.pipeline.policy import near_name, require_model
from agent_repl.pipeline.words import unserved
from agent_repl.prompts import render
from agent_repl.protocols import Provider
from agent_repl.records import Usage
from agent_repl.signature import looks_like_path
from agent_repl_code.unit import RESERVED
from agent_repl_data.calls import Asked, calls_of, constants, made_by
from agent_repl_data.files import shortened

_LeftOut = list[tuple[str, str]]
_MOST = 100  # calls that a player may propose
_LONGEST = 100_000  # characters of a script that are read: `parse` refuses one that long
_MAKERS = ("Agent", "agent", "for_")
_MARKS = re.compile(r"^\s*(?:[-*•]|\d+[.)]|>>>)?\s*`*|[`;\s]*$")
_PLAY = """\
Now you use `{label}`, and write no method. What you want of it:
{scenario}
Which methods do you call? {known} Any other one is written when it is first called.
Answer with at most {calls} calls, one a line and nothing else, with plain values as arguments, such as
{label}.revenue_by_month(year=2024)
"""


@dataclass(frozen=True)
class Grown:
    """What a growth came to; as a text it is the summary that a person reads."""

    label: str
    calls: tuple[str, ...]  # that were proposed, or found in the script
    written: Mapping[str, str]  # methods, with what each was written for
    there: tuple[str, ...]  # methods that have accepted code, or a draft that waits, already
    left_out: tuple[tuple[str, str], ...]  # what, and why
    usage: Usage

    def __str__(self) -> str:
        rows = [f"{self.label} · calls: {len(self.calls)} · written ahead: {len(self.written)} · {_cost(self.usage)}"]
        rows += [f"  {name} · {about}" for name, about in self.written.items()]
        rows += [f"  there already: {', '.join(self.there)}"] * bool(self.there)
        reasons = {why: [what for what, of in self.left_out if of == why] for _, why in self.left_out}
        rows += [f"  left out: {len(found)} ({', '.join(found)}): {why}" for why, found in reasons.items()]
        waits = "They wait as drafts, and none runs unseen: %agent review goes through all of them."
        return "\n".join([*rows, waits] if self.written else rows)


def _cost(usage: Usage) -> str:
    tokens = f"{usage.input_tokens:,} tokens in, {usage.output_tokens:,} out" * bool(usage.output_tokens)
    price = "price unknown" if usage.cost is None else f"${usage.cost:.4f}" * bool(usage.cost)
    return " · ".join(filter(None, (f"model calls: {usage.calls}", tokens, f"{usage.seconds:.1f} s", price)))


def grow(
    agent: Agent, scenario: str = "", calls: int = 20, player: Provider | None = None, usage: str | Path = ""
) -> Grown:
    """Have methods written before they are called: they wait as drafts for one review, and none of them runs.

    The model, or another one as the `player`, proposes up to `calls` calls as a user of the agent in this scenario; or
    `usage` names a script, whose calls of the agent are taken, however many. The script is read and never run.
    Ctrl-C or a limit keeps what was written. Raises AgentError, in `cached` before anything is paid.
    """
    shop, identity = type(agent)._agent_repl_shop_, type(agent)._agent_repl_identity_
    if bool(scenario.strip()) == bool(usage) or not 0 < calls <= _MOST:
        raise AgentError(f"grow by a scenario in words, with 1 to {_MOST} calls, or by a script with usage= (--from)")
    sync(identity)
    left: _LeftOut = []
    with ledger(f"{identity.label}: grow", shop.log):
        case = case_for(shop, identity, agent, "", (), {}, Ledger())
        require_model(case)
        found = _scripted(case, Path(usage).expanduser()) if usage else _played(case, scenario, calls, player, left)
        return _grown(case, agent, _sifted(case, found, len(found) if usage else calls, left), left)


def _played(case: Case, scenario: str, calls: int, player: Provider | None, left: _LeftOut) -> list[Asked]:
    """The calls that a model proposes as a user of the agent."""
    label, known = case.call.label, ", ".join(sorted(_there(case)))
    has = f"It has {known}." if known else "It has none yet."
    system = render(request_of(case), directory=case.shop.settings.template_directory).system
    try:
        asked = _PLAY.format(label=label, scenario=scenario.strip(), known=has, calls=calls)
        reply = paid(case, system, asked, "plays a user", 64 + 40 * calls, player)
    except ReplyCut as cut:
        reply = cut.text.rpartition("\n")[0]
    files = {*spec_of(case).files, *(word.strip("\"'`,;:.!?()") for word in scenario.split())}
    lines = (_MARKS.sub("", line) for line in reply.splitlines() if not line.lstrip().startswith(("```", "#")))
    return [wish for line in lines if line and (wish := _proposed(line, label, files, left))]


def _proposed(line: str, label: str, files: set[str], left: _LeftOut) -> Asked | None:
    """The call in one line of a reply."""
    why = f"no call of {label} that can be read"
    with suppress(SyntaxError):
        tree = parse(line)
        texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
        wish = next(calls_of(tree, {label}, {}), None)
        if wish and wish.known and not any(looks_like_path(text) and text not in files for text in texts):
            return wish
        why = why if wish is None else "names a file that you did not" if wish.known else "its arguments are no values"
    left.append((repr(line[:60]), why))
    return None


def _scripted(case: Case, file: Path) -> list[Asked]:
    """The calls that a script makes of this agent, found in its syntax tree."""
    label, words = case.call.label, case.identity.template
    try:
        with open(file, encoding="utf-8-sig") as text:
            tree = parse(text.read(_LONGEST))
    except (OSError, ValueError) as error:
        raise AgentError(f"{file} cannot be read: {error}") from error
    except SyntaxError as error:
        raise AgentError(f"{file} is no script that can be read ({error}): mend it, or make it shorter") from error
    found = list(calls_of(tree, made_by(tree, _MAKERS, words, label), constants(tree)))
    if not found:
        needed = f"{label} = Agent({words!r}, ...) and calls such as {label}.total()"
        raise AgentError(f"{file} calls no method of {label}: it needs {needed}")
    return found


def _sifted(case: Case, wishes: Iterable[Asked], most: int, left: _LeftOut) -> list[Asked]:
    """The calls that can be written, each once."""
    kept, state = dict[str, Asked](), spec_of(case).state
    for each in wishes:
        wish = each._replace(text=shortened(f"{case.call.label}.{each.text}", 120))
        why = "a private or reserved name" if wish.name[0] == "_" or wish.name in RESERVED else ""
        why = why or ("it is state" if wish.name in state else "it repeats" if wish.text in kept else "")
        why = why or f"more than {most} calls" * (len(kept) == most)
        left += [(wish.text, why)] * bool(why)
        kept |= {} if why else {wish.text: wish}
    return list(kept.values())


def _grown(case: Case, agent: Agent, wishes: list[Asked], left: _LeftOut) -> Grown:
    """Each method that is not there is written for the first of its calls, those that are called most at first."""
    counts, there = Counter(wish.name for wish in wishes), _there(case)
    written, usage, stop = dict[str, str](), case.book.usage, ""
    for name in (name for name, _ in counts.most_common() if name not in there):
        wish, book = min((w for w in wishes if w.name == name), key=lambda w: not w.known), Ledger()
        try:
            if not stop:
                written[name] = _drafted(case, agent, wish, book)
        except KeyboardInterrupt:
            stop = "it was stopped"
        except (BudgetExceeded, ProviderError) as error:
            stop = str(error).partition("\n")[0]
        except AgentError as error:
            left.append((wish.text, str(error).partition("\n")[0]))
        left += [(wish.text, stop)] * bool(stop)
        usage += book.usage
    known = tuple(name for name in counts if name in there)
    return Grown(case.call.label, tuple(wish.text for wish in wishes), written, known, tuple(left), usage)


def _drafted(case: Case, agent: Agent, wish: Asked, book: Ledger) -> str:
    """Have one method written, as the mode `later` would, within limits of its own; says for what."""
    with ledger(f"{case.call.label}.{wish.name}", case.shop.log):
        mine = case_for(case.shop, case.identity, agent, wish.name, wish.args, wish.kwargs, book, wish.known)
        with alone(mine):
            if wish.name in _there(case):
                raise AgentError("another process was quicker")
            if near := near_name(mine):
                raise UnaskedCall(f"it is nearly {near}, which is there")
            draft = new_draft(mine, None if wish.known else ("", f"it is called as {wish.text}"))
    return f"for {wish.text} · {draft.tried or 'not tried'}"


def _there(case: Case) -> set[str]:
    """The methods that have accepted code, or a draft that waits."""
    case.identity.refresh()
    return {*spec_of(case).methods, *unserved(case.identity)}
