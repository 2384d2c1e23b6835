"""The way that an exploration found its answer becomes a method: one that gives the same answer on the same data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from agent_repl.errors import AgentError, BudgetExceeded, ProviderError
from agent_repl.pipeline import first_call
from agent_repl.pipeline.case import Case, request_of, spec_of
from agent_repl.pipeline.drafts import judged
from agent_repl.prompts import Failure
from agent_repl.protocols import Place
from agent_repl.records import Event
from agent_repl_data.views import same, stands_in, view

WORDS = "the way that an exploration found, so that it serves other data of this kind too"
_HOW = """\
The answer of this call was found by looking at the data in steps:
{}
{}
The method is run on the same data and must give the same answer. Where it asks a model as the steps did, with the very
prompts, that costs nothing."""
_ROOM = 600


class _Differs(AgentError):
    """The method gives another answer than the exploration did."""


def distilled(case: Case, trail: str, answer: Any) -> tuple[str, bool]:
    """Have the method written, reviewed, run and kept: "", else why the answer is a one-off, and whether that is final.

    A method with another answer is written again, with what was wrong, as often as code that fails is repaired.
    """
    request, samples = request_of(case), case.shop.settings.samples != "none"
    told = _HOW.format(trail, view(answer, "The answer was", _ROOM, samples))
    mine = replace(case, told=replace(request, arguments=(*request.arguments, told)), held=spec_of(case))
    mine, why = replace(mine, place=cast(Place, _Replay(mine, answer))), ""
    for _ in range(1 + case.shop.settings.repairs):
        try:
            first_call(mine, WORDS)
            return "", True
        except _Differs as error:
            case.tell(Event("repair", f"on the same data {(why := str(error))}"))
        except AgentError as error:  # it was refused, or waits, or there is nothing left to spend
            return f"{error}".partition("\n")[0], not isinstance(error, BudgetExceeded | ProviderError)
        except Exception as error:
            why = f"the method raises {type(error).__name__}: {error}"[:300]
    return why, True


class _Replay:
    """The agent's place, in which a call that answers otherwise raises, so that it is undone."""

    def __init__(self, case: Case, answer: Any) -> None:
        self._case, self._place, self._answer = case, case.place, answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._place, name)

    def call(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        value = self._place.call(function, args, kwargs)
        if why := _wrong(self._case, value, self._answer):
            _unlearn(self._case, why)
            raise _Differs(why)
        return value


def _wrong(case: Case, value: Any, answer: Any) -> str:
    """What speaks against this method, "" where nothing does."""
    code, found = case.identity.methods[case.name].code, view(answer, "the exploration found", _ROOM)
    if not (code.reads or code.calls or code.dynamic or code.effects or case.call.args or case.call.kwargs):
        return "it does not look at the data at all: find the answer from self"
    if stands_in(code.tree, answer):
        return f"the answer stands in the code as a constant ({found}): find it from the data"
    return "" if same(value, answer) else f"{view(value, 'it answers', _ROOM)}, and {found}"


def _unlearn(case: Case, why: str) -> None:
    """The code that was accepted a moment ago is no head any more; the next writing is told why."""
    version = case.identity.methods[case.name].entry.version
    case.identity.forget(case.name)
    case.identity.refresh()
    case.written.clear()
    judged(case, version, "failed", why)
    case.shop.failures[case.call.key] = Failure(version.source, why, "it gives another answer on the same data")
