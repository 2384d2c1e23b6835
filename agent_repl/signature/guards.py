"""What a version's code can depend on, compared with what a call brings."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from ..records import Guard, Premise
from .files import file_signature, looks_like_path

ABSENT = "absent"
Seen = tuple[tuple[str, ...], tuple[tuple[str, str], ...], tuple[str, ...]]
"""Signatures of a call: of the arguments, of the state by name, and of the files that arguments and state name."""


def binder(function: Callable[..., Any], each: Callable[[Any], Any] | None = None) -> Callable[..., tuple[Any, ...]]:
    """A compiled function with the same parameters (self first) that returns their values as a tuple.

    With `each` it returns what that says of every value. It raises the TypeError that the function itself would
    raise for a call that does not bind.
    """
    parameters = inspect.signature(function).parameters.values()
    defaults = {f"_default_{p.name}": p.default for p in parameters if p.default is not p.empty}
    text = ", ".join(_declarations(list(parameters)))
    names = [p.name for p in parameters]
    of = "_" * (1 + max(map(len, names))) if each else ""  # no parameter is called that
    values = "".join(f"{of}({name}), " for name in names[1:])
    name = getattr(function, "__name__", "method")
    namespace: dict[str, Any] = {**defaults, of: each}
    exec(f"def {name}({text}):\n    return ({values})", namespace)
    compiled: Callable[..., tuple[Any, ...]] = namespace[name]
    return compiled


def _declarations(parameters: list[inspect.Parameter]) -> Iterable[str]:
    """The parameter list as source text, with `/` and `*` where they stood."""
    seen_star = False
    for index, p in enumerate(parameters):
        if p.kind is p.KEYWORD_ONLY and not seen_star:
            seen_star = True
            yield "*"
        stars = "*" if p.kind is p.VAR_POSITIONAL else "**" if p.kind is p.VAR_KEYWORD else ""
        seen_star |= stars == "*"
        yield f"{stars}{p.name}" + (f"=_default_{p.name}" if p.default is not p.empty else "")
        following = parameters[index + 1].kind if index + 1 < len(parameters) else None
        if p.kind is p.POSITIONAL_ONLY and following is not p.POSITIONAL_ONLY:
            yield "/"


def parameter_names(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names of a method's parameters, self left out."""
    return tuple(inspect.signature(function).parameters)[1:]


def file_marks(values: Iterable[Any]) -> tuple[str, ...]:
    """The format and header of the file that each value names, "" where it names none."""
    return tuple(file_signature(value) if looks_like_path(value) else "" for value in values)


def premises(parameters: Iterable[str], reads: Iterable[str], seen: Seen) -> Guard:
    """What was seen of a call, by path; a name of the state that is read and not there is a premise too."""
    arguments, state, files = seen
    kinds = dict(state)
    found = list(zip(parameters, arguments, strict=True))
    found += [(f"self.{name}", kinds.get(name, ABSENT)) for name in sorted({*reads, *kinds})]
    places = (*parameters, *(f"self.{name}" for name in kinds))
    found += [(f"file({place})", mark) for place, mark in zip(places, files, strict=False) if mark]
    return tuple(Premise(*each) for each in found)


def fits(accepted: Iterable[Guard], premises: Iterable[Premise]) -> bool:
    """Whether some accepted guard says the same of every premise."""
    wanted = list(premises)
    return any(_covers(dict(guard), wanted) for guard in accepted)


def _covers(guard: dict[str, str], wanted: list[Premise]) -> bool:
    return all(guard.get(premise.path) == premise.signature for premise in wanted)


def differences(accepted: Iterable[Guard], premises: Iterable[Premise]) -> list[str]:
    """In words for a person, how the premises differ from the accepted guard that is nearest to them."""
    wanted = list(premises)
    found = [
        [_difference(dict(guard), p) for p in wanted if dict(guard).get(p.path) != p.signature] for guard in accepted
    ]
    return min(found, key=len, default=[])


def _difference(guard: dict[str, str], premise: Premise) -> str:
    before = guard.get(premise.path)
    return f"{premise.path} is {premise.signature}" + (f", was {before}" if before else "")
