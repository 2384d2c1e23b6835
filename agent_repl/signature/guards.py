"""What a version's code can depend on, compared with what a call brings."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..records import Guard, Premise

Seen = tuple[tuple[str, ...], tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]
"""Signatures of a call: of the arguments, of the state by name ("" is what self wraps), of files by what names them."""


def binder(
    function: Callable[..., Any],
    each: Callable[[Any], Any] | None = None,
    special: Mapping[str, Callable[[Any], Any]] | None = None,
) -> Callable[..., tuple[Any, ...]]:
    """A compiled function with the same parameters (self first) that returns their values as a tuple.

    With `each` it takes no self, which is faster, and returns what that says of every value, or what `special` says of
    some by name. It raises the TypeError that such a function itself would raise for a call that does not bind.
    """
    parameters = inspect.signature(function).parameters.values()
    defaults = {f"_default_{p.name}": p.default for p in parameters if p.default is not p.empty}
    later = {p.name: _Verbatim(f"_default_{p.name}") if p.default is not p.empty else p.empty for p in parameters}
    named = [p.replace(annotation=p.empty, default=later[p.name]) for p in parameters]
    names = [p.name for p in parameters]
    of = "_" * (1 + max(map(len, names))) if each else ""  # no parameter is called that
    values = "".join(f"{of}{name if special and name in special else ''}({name}), " for name in names[1:])
    name = getattr(function, "__name__", "method")
    namespace: dict[str, Any] = {**defaults, of: each, **{f"{of}{name}": say for name, say in (special or {}).items()}}
    exec(f"def {name}{inspect.Signature(named[1:] if each else named)}:\n    return ({values})", namespace)
    compiled: Callable[..., tuple[Any, ...]] = namespace[name]
    return compiled


class _Verbatim(str):
    __repr__ = str.__str__


def parameter_names(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names of a method's parameters, self left out."""
    return tuple(inspect.signature(function).parameters)[1:]


def premises(parameters: Iterable[str], reads: Iterable[str], seen: Seen) -> Guard:
    """What was seen of a call, by path; a name of the state that is read and not there is a premise too."""
    arguments, state, files = seen
    kinds = dict(state)
    found = list(zip(parameters, arguments, strict=True))
    found += [(f"self.{n}" if n else "wraps", kinds.get(n, "absent")) for n in sorted({*reads, *kinds})]
    found += [(f"file({place})", mark) for place, mark in files]
    return tuple(Premise(*each) for each in found)


def fits(accepted: Iterable[Guard], premises: Iterable[Premise]) -> bool:
    """Whether some accepted guard says the same of every premise."""
    wanted = set(premises)
    return any(wanted.issubset(guard) for guard in accepted)


def differences(accepted: Iterable[Guard], premises: Iterable[Premise]) -> list[str]:
    """In words for a person, how the premises differ from the accepted guard that is nearest to them."""
    wanted = list(premises)
    found = [[_difference(dict(guard), p) for p in wanted if p not in guard] for guard in accepted]
    return min(found, key=len, default=[])


def _difference(guard: dict[str, str], premise: Premise) -> str:
    before, now = guard.get(premise.path, ""), premise.signature
    kind, is_option, option = now.partition(" == ")
    if is_option and before.startswith(f"{kind} == "):
        before, now = before.removeprefix(f"{kind} == "), option
    return f"{premise.path} is {now}" + (f", was {before}" if before else "")
