"""One step of an exploration: code that looks at the data, judged as any code is, run so that it leaves nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agent_repl.errors import AgentError, BudgetExceeded, InvalidCode, PolicyError, ProviderError, Rejected
from agent_repl.modules import findable, unit_scope
from agent_repl.pipeline.case import Case, request_of, spec_of, state_of
from agent_repl.pipeline.case import Draft as Judged
from agent_repl.pipeline.failures import explain
from agent_repl.pipeline.policy import refused, verdict_on
from agent_repl.pipeline.undo import Undo
from agent_repl.records import Code, Key, Spec, Version
from agent_repl.replay import Diff, try_out
from agent_repl.signature import looks_like_path
from agent_repl.validate import validate
from agent_repl_bounds.trial import refusal
from agent_repl_data.plain import decode, encode
from agent_repl_data.views import quotable, view
from agent_repl_data.way import Draft

ROOM = 2_000
"""Characters of what a step gives that the model is shown."""
_REPORT = 60_000  # characters of an answer that a locked child can give back


@dataclass(frozen=True)
class Step:
    """What was written, what the model is told of it, the value; `answers` says that this is the answer."""

    number: int
    source: str
    said: str
    ran: bool = False
    alone: bool = False  # in a locked child
    answers: bool = False
    value: Any = None
    wanted: str = ""  # what the person says of it


def take(case: Case, draft: Draft, trail: list[Step], seconds: float) -> tuple[Step, bool]:
    """The step in a reply, reviewed and run, and whether it passed; with `seconds` run in a locked child unasked.

    What passed before, and is not flagged, is not asked about again. What is wrong is what the step says. Raises
    Rejected, ReviewRequired, BudgetExceeded and ProviderError.
    """
    number, reply = len(trail) + 1, draft.reply
    name = "answer" if re.search(r"^[ \t]*def answer\(", reply, re.M) else "step"
    helpers, refuse = request_of(case).helpers, refused(case.shop.settings)
    spec = replace(spec_of(case), name=name, made=False, helpers=helpers, refuse=refuse)
    try:
        code = _checked(reply, spec, trail)
        alone = bool(seconds) and not _asks(code)
        if draft.said:
            raise _Unwanted(draft.said, code.source)
        if not alone and (code.flagged or not draft.passed):
            code = _reviewed(case, code, spec, number, draft.by)
    except (InvalidCode, PolicyError) as error:
        source, wanted = getattr(error, "code", "") or reply, getattr(error, "said", "")
        return Step(number, source, f"It did not run: {error}", wanted=wanted), False
    return (_tried if alone else _run)(case, code, number, seconds), draft.passed or not alone


class _Unwanted(InvalidCode):
    """A person wants another step; `.said` is how."""

    def __init__(self, said: str, code: str) -> None:
        super().__init__(f"the person says: {said}", "review", code)
        self.said = said


def _checked(reply: str, spec: Spec, trail: list[Step]) -> Code:
    code = validate(reply, spec)
    if unknown := sorted(code.calls - spec.methods):
        raise InvalidCode(f"self.{unknown[0]} is not written: look at the data itself.", "methods", code.source)
    if code.source in (step.source for step in trail):
        raise InvalidCode("This step was taken before: do something else.", "unchanged", code.source)
    return code


def _asks(code: Code) -> bool:
    """Whether code asks a model, which no locked child can."""
    return "self.llm" in code.source or any(effect.kind == "model" for effect in code.effects)


def _reviewed(case: Case, code: Code, spec: Spec, number: int, model: str) -> Code:
    """The code that may run, after the policy, or the person, has seen it: under a name that no method can have."""
    key = Key(case.identity.template, f"{case.name} step {number}")
    here = replace(case, call=replace(case.call, key=key), held=spec)
    version = Version(key, code.source, code.unit, "model", model=model)
    verdict = verdict_on(here, Judged(version, code, "a step of an exploration, which is not kept"), Diff())
    match verdict.decision:
        case "reject":
            raise Rejected(f"{here.title} was rejected and did not run: the exploration ends")
        case "revise":
            raise _Unwanted(verdict.feedback, code.source)
        case "edit":
            code = validate(verdict.source, spec)  # the policy is in it
        case "auto":
            case.shop.auto.add(case.identity.template)
    return code


def _run(case: Case, code: Code, number: int, _: float) -> Step:
    try:
        value = _called(case, code, number)
    except (BudgetExceeded, ProviderError):
        raise
    except (Exception, SystemExit) as error:
        return Step(number, code.source, quotable(explain(error, _samples(case)), ROOM), True)
    return Step(
        number, code.source, view(value, "It returned", ROOM, _samples(case)), True, False, code.name == "answer", value
    )


def _called(case: Case, code: Code, number: int) -> Any:
    """What the step returns; the state of the agent is put back, whatever it did."""
    needs = [case.identity.needs(name) for name in code.calls]
    every = case.place.kinds() if code.dynamic or any(n.dynamic for n in needs) else ()
    undo = Undo(case.place, every or code.binds.union(*(n.binds for n in needs)), every or code.reads)
    scope = unit_scope(case.identity.label, f"<{case.title} step {number}>", code)
    try:
        with findable(scope):
            function = case.shop.executor.define(code, scope["__file__"], scope)
        return case.place.call(function, case.call.args, case.call.kwargs)
    finally:
        undo.restore()


def _tried(case: Case, code: Code, number: int, seconds: float) -> Step:
    """The step in a child that can change nothing and ask nobody: only text comes back."""
    values = [*case.call.args, *case.call.kwargs.values(), *state_of(case.place).values()]
    files = [Path(value) for value in values if looks_like_path(value)]

    def work() -> list[str]:
        case.shop.llm = case.shop.agent = _unreachable
        try:
            value = _called(case, code, number)
        except Exception as error:
            if refusal(error, (AgentError,)):
                raise
            return ["", quotable(explain(error, _samples(case)), ROOM)]
        return [encode(value, _REPORT) or "-", view(value, "It returned", ROOM, _samples(case))]

    report, answers = try_out(work, [Path(__file__).parent, *files], seconds), code.name == "answer"
    match report.value:  # a child that runs strange code may say anything
        case ["-", str(_)] if answers:
            said, text = "It did not count: an answer must be plain data, and not much of it.", ""
        case [str(text), str(said)]:
            said = quotable(said, ROOM)
        case _:
            why = report.error or report.why or "its report cannot be read"
            said, text = f"It could not be run under limits: {quotable(why, 300)}", ""
    answers = answers and bool(text)
    return Step(number, code.source, said, True, True, answers, decode(text) if answers else None)


def _unreachable(*_: Any, **__: Any) -> Any:
    raise AgentError("no model can be asked under limits; a step that writes self.llm itself is reviewed")


def _samples(case: Case) -> bool:
    return case.shop.settings.samples != "none"
