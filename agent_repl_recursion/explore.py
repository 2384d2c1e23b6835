"""An answer that is looked for in steps over the data, where no method can be written from their profile alone.

ask for a step → review, or a locked child → its output, bounded ──┐
     ▲                                                            │
     └────────────────────────────────────────────────────────────┘ until a step is the answer
then: the steps → a method → review → run on the same data ── another answer: fed back, at most `repairs` times
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from keyword import iskeyword
from typing import Any

from agent_repl.control import addressed, synced
from agent_repl.errors import AgentError, BudgetExceeded, InvalidCode, Rejected, ReviewRequired, unplaced
from agent_repl.pipeline.asking import asking
from agent_repl.pipeline.case import Case, case_for, request_of, spec_of
from agent_repl.pipeline.examples import brief
from agent_repl.pipeline.ledger import ledger
from agent_repl.pipeline.policy import require_model
from agent_repl.prompts import render
from agent_repl.records import Event, Prompt, Usage
from agent_repl.write import ask
from agent_repl_bounds.trial import cannot_try
from agent_repl_code.unit import RESERVED
from agent_repl_data.files import shortened
from agent_repl_data.way import Draft, Way

from .distil import distilled
from .steps import ROOM, Step, take

_TRAIL, _TOKENS, _MOST = 9_000, 1_536, 100  # characters of all steps in a prompt, tokens of a reply, steps


@dataclass(frozen=True)
class Explored:
    """What an exploration came to; as a text it is the summary that a person reads.

    `kept` says that a method now gives the answer; else it is a one-off that nothing will give again: `note` says why.
    """

    title: str
    answer: Any
    kept: bool
    note: str
    steps: tuple[Step, ...]
    usage: Usage

    def __str__(self) -> str:
        end = "it is a method now" if self.kept else f"a one-off, not cached: {self.note}"
        return (
            f"{self.title} · {brief(self.answer)}\n  steps: {len(self.steps)} · model calls: {self.usage.calls} · {end}"
        )


def explore(
    method: Any, /, *args: Any, steps: int = 10, limits: float = 0.0, anew: bool = False, **kwargs: Any
) -> Explored:
    """Let the model look at the data in at most so many steps until it has the answer of this call, and keep the way.

    Each step is code, judged as new code is; with `limits`, a number of seconds, it runs unasked in a locked child that
    can change nothing and ask nobody (steps that ask a model are judged as ever). The answer is the model's: nobody
    checks it. The method that it is distilled into is written, reviewed and stored as any other; one that answers
    otherwise on the same data is not kept. Raises AgentError before anything is paid where a step could not run, then
    Rejected, ReviewRequired, ProviderError, or BudgetExceeded with the steps as `.partial`. After any of these, or
    Ctrl-C, the same call over the same data goes on: its steps run again, and no model is asked for them; `anew` asks.
    """
    agent, name, args = addressed(method, args)
    identity, shop = synced(agent), type(agent)._agent_repl_shop_
    with ledger(f"{identity.label}.{name}: explore", shop.log, key=identity.key(name)) as book:
        case, trail = case_for(shop, identity, agent, name, args, kwargs, book), list[Step]()
        _require(case, steps, limits)
        way = Way(shop.llm(agent)._desk.memo, anew)
        try:
            answer = _search(case, trail, steps, limits, way)
            note, over = distilled(case, _told(trail), answer)
        except BudgetExceeded as error:
            error.partial = tuple(trail)
            raise
        except KeyboardInterrupt as stop:
            found = f"the answer was {brief(trail[-1].value)}" if trail and trail[-1].answers else "there is no answer"
            raise unplaced(stop, f"{case.title}: stopped after step {len(trail)}; {found}, and no method") from None
        if over:
            way.forget()
        if note:
            case.tell(Event("warning", f"the answer is a one-off, not cached: {note}"))
        return Explored(case.title, answer, not note, note, tuple(trail), book.usage)


def _require(case: Case, steps: int, limits: float) -> None:
    """Raise AgentError for what cannot come to anything."""
    name, shop, call = case.name, case.shop, case.call
    if not 0 < steps <= _MOST or not limits >= 0:
        raise AgentError(f"explore takes 1 to {_MOST} steps=, and limits= in seconds for each")
    if name[:1] == "_" or not name.isidentifier() or iskeyword(name) or name in {*RESERVED, *spec_of(case).state}:
        raise AgentError(f"{name!r} cannot be a method of {call.label}: it is state, or a name of Python or ours")
    head = case.identity.find(name)
    if head and (head.entry.pinned or case.identity.served(head, case.place, call.args, call.kwargs) is not None):
        raise AgentError(f"{case.title} has accepted code for such a call: call it, revise it, or forget it first")
    require_model(case)
    if shop.mode == "later" and not limits:
        raise ReviewRequired("a step is run, and `later` runs nothing: give limits=, or set review to ask or auto")
    if shop.executor.language:
        raise AgentError(f"explore looks at data in Python, and here executor={shop.executor.name}: use inline")
    elsewhere = shop.executor.name != "inline"
    if limits and (why := "code runs in another process" if elsewhere else cannot_try()):
        raise AgentError(f"no step can run under limits here ({why}): without limits= each step is reviewed")


def _search(case: Case, trail: list[Step], most: int, limits: float, way: Way) -> Any:
    """Take steps until one is the answer; each is added to the trail when it was taken."""
    while len(trail) < most:
        draft, known = _drafted(case, trail, most, way)
        try:
            step, passed = take(case, draft, trail, limits)
        except Rejected:
            way.forget(len(trail))
            raise
        trail.append(step)
        way.keep(replace(draft, reply=step.source, passed=passed, said=step.wanted))
        where = f"step {step.number}{' in a locked child' * (step.alone)}{' as before, no model was asked' * known}"
        case.tell(Event("done", f"{where}: {' '.join(step.said.split())[:100]}"))
        if step.answers:
            return step.value
    raise BudgetExceeded(
        f"{case.title} has no answer after {most} steps: with more steps= it goes on, with anew= again"
    )


def _drafted(case: Case, trail: Sequence[Step], most: int, way: Way) -> tuple[Draft, bool]:
    """The reply for the next step, and whether it was known. The prompt is bounded whatever the data and the steps."""
    number, heat = len(trail) + 1, 0.6 * bool(trail and not trail[-1].ran)
    templates, request = case.shop.settings.template_directory, request_of(case)

    def prompt(most: int) -> Prompt:
        more = {"trail": _told(trail), "number": number, "most": most, "room": ROOM}
        return render(request, None, heat, templates, "explore_", _TOKENS, **more)

    own, any_most = case.shop.provider(), prompt(_MOST + 1)
    if known := way.draft([own.name, own.model, any_most.system, any_most.user], number == most):
        return known, True
    with asking(case, f"explores for {case.title}", "explore") as provider:
        try:
            reply = ask(provider, prompt(most), case.tell, 1)
            draft = Draft(reply.text, f"{reply.model}{f' ({reply.note})' * bool(reply.note)}")
        except InvalidCode as error:  # it loops, or was cut
            draft = Draft(error.code, provider.model)
    way.keep(draft)
    return draft, False


def _told(trail: Sequence[Step]) -> str:
    """The steps with what came of them, the oldest left out where there is no room."""
    told, room = list[str](), _TRAIL
    for step in reversed(trail):
        text = f"Step {step.number}:\n```python\n{shortened(step.source.strip(), ROOM)}\n```\n{step.said}\n"
        if (room := room - len(text)) < 0:
            return "\n".join([f"(steps 1 to {step.number} are left out)\n", *reversed(told)])
        told.append(text)
    return "\n".join(reversed(told))
