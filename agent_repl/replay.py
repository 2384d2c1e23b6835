"""Accepted calls run again with the old and the new version of a method: which answers change."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from agent_repl_bounds.trial import Report, refusal, trial
from agent_repl_data.plain import decode, encode

from .errors import AgentError
from .signature import signature


@dataclass(frozen=True)
class Sample:
    """An accepted call: how it is written, its arguments, the state before it, its answer's text ("": not plain)."""

    call: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    state: Mapping[str, Any]
    answer: str = ""
    kept: bool = False  # by the person, as a check
    moved: bool = False  # the data that it read have changed since

    @property
    def name(self) -> str:
        """The method that is called."""
        return self.call.partition("(")[0]


@dataclass(frozen=True)
class Change:
    """A call that answers otherwise; `why`: "the code changed", "the data moved" or "not deterministic"."""

    call: str
    before: str
    after: str
    kept: bool
    why: str
    broken: bool = False


@dataclass(frozen=True)
class Diff:
    """What a change of code does to known calls; `untried` says why nobody knows."""

    changes: tuple[Change, ...] = ()
    same: tuple[Sample, ...] = ()
    untried: str = ""

    @property
    def broken(self) -> tuple[Change, ...]:
        """Those that break an answer which the person keeps."""
        return tuple(change for change in self.changes if change.broken)


Method = Callable[[Sample], Any]
Run = tuple[str, str, dict[str, str]]  # the answer, its signature, and the state afterwards, as texts


def try_out(work: Callable[[], Any], readable: Iterable[Path], seconds: float) -> Report:
    """A trial that may also read what we import late; errors of ours tell nothing about the code."""
    return trial(work, [Path(__file__).parent, *readable], seconds, (AgentError,))


def compare(
    samples: Sequence[Sample],
    old: Method,
    new: Method,
    readable: Iterable[Path],
    seconds: float,
    way: Callable[..., Report] | None = try_out,
) -> Diff:
    """Run each sample twice with both versions; every run has a `sample.state` of its own to change.

    All run in one trial, which is made in this `way`; without one, right here: only for code that is accepted.
    """

    def work() -> list[list[Run]]:
        return [[_run(way, sample) for way in (old, new, old, new)] for sample in samples]

    report = way(work, readable, seconds) if way else Report("done", work())
    if report.status != "done":
        return Diff(untried=report.error or report.why)
    found = [_judge(sample, *runs) for sample, runs in zip(samples, report.value, strict=True)]
    changes = tuple(filter(None, found))
    same = tuple(sample for sample, change in zip(samples, found, strict=True) if not change)
    return Diff(changes, same)


def lines(diff: Diff) -> list[str]:
    """The words of a review: `top_sellers(n=3): [('pear', 3)] → []`; they come from tried code, so escape them."""
    if diff.untried:
        return [f"earlier calls were not tried: {diff.untried}"]
    told = []
    for c in diff.changes:
        why = f" ({c.why})" * (c.why != "the code changed")
        told.append(f"{c.call}: {c.before} → {c.after}{why}{'; this breaks an answer that you kept' * c.broken}")
    same = f"{len(diff.same)} earlier call{' answers' if len(diff.same) == 1 else 's answer'} as before"
    return told + [same] * bool(diff.same)


def _run(method: Method, sample: Sample) -> Run:
    args, kwargs, state = deepcopy((sample.args, sample.kwargs, dict(sample.state)))
    try:
        value = method(replace(sample, args=args, kwargs=kwargs, state=state))
        answer, kind = _told(value), signature(value)
    except Exception as error:
        if refusal(error, (AgentError,)):
            raise
        answer, kind, state = f"raises {type(error).__name__}: {error}"[:300], "", dict(sample.state)  # as undo has it
    return answer, kind, {name: _told(item) for name, item in sorted(state.items())}


def _told(value: Any) -> str:
    """A plain value as a person reads it, another text for another value; the signature of all else."""
    text = encode(value, 1_000_000)
    told = repr(decode(text)) if text else signature(value)
    return told if len(told) <= 300 else f"{told[:280]}… #{sha256(told.encode(errors='replace')).hexdigest()[:12]}"


def _judge(sample: Sample, old: Run, new: Run, *again: Run) -> Change | None:
    recorded = _told(decode(sample.answer)) if sample.answer else old[0]
    if again == (old, new) and old == new and recorded == new[0]:
        return None
    known = "the code changed" if old != new else "the data moved" if sample.moved else "not deterministic"
    why = known if again == (old, new) else "not deterministic"
    wanted = old[0] if sample.moved else recorded
    held = any(run[0] == wanted and (old[0] != wanted or run[2] == old[2]) for run in (new, again[1]))
    drift = f"; returns {new[1]}, was {old[1]}" if old[1] and new[1] not in ("", old[1], new[0]) else ""
    before, after = _words(old, new) if old != new else recorded, _words(new, old) + drift
    return Change(sample.call, before, after, sample.kept, why, sample.kept and not held)


def _words(run: Run, other: Run) -> str:
    state = [f"self.{name} = {text}" for name, text in run[2].items() if other[2].get(name) != text]
    return "; ".join([run[0], *state])
