"""Text → Code: what a model answered, or a person typed, becomes a checked method or an error that the model can read.

    text → extract (which block) → reshape (one unit, clean) → rules, in order → Code

This teaches the model and informs the person; it is no sandbox.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from ..effects import effects
from ..errors import InvalidCode
from ..records import Code, Spec
from ..unit import digest, facts
from .extract import Draft, extract, read
from .reshape import reshape, undefined
from .rules import complaints

__all__ = ["looping", "recall", "validate"]

LONGEST_LINE = 4000


def validate(text: str, spec: Spec, attempt: int = 1) -> Code:
    """The method that `spec` wants, out of a whole reply or a person's source; only this makes a Code.

    Raises InvalidCode for the first rule that is broken: `.rule` names it, `.code` is what was read, `.line` counts in
    that, and the message tells the model what to write instead. `attempt` (from 1) is handed on to the error.
    """
    draft = extract(text, spec.name)
    try:
        draft = reshape(_with_promised(draft, spec), spec.name)
        for rule, line, message in _complaints(draft, spec):
            raise InvalidCode(message, rule, draft.source, line, attempt)
        return _code(draft.source, draft.tree, spec.name, spec.files)
    except RecursionError as error:
        message = "The code is nested too deeply. Write shorter expressions."
        raise InvalidCode(message, "parse", draft.source, 0, attempt) from error


def recall(source: str, name: str, unit: str = "") -> Code:
    """Code that was validated before it was stored, and whose bytes the store vouches for, as it does for `unit`."""
    return _code(source, ast.parse(source), name, frozenset(), unit)


def looping(text: str) -> bool:
    """Whether a reply repeats itself so much that the rest is not worth waiting for.

    True for 12 equal lines among the last 40, a cycle of up to 4 lines gone round 8 times, or 4,000 characters without
    a line end. Lines of fewer than four characters do not count alone.
    """
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    return (
        (len(text) >= LONGEST_LINE and "\n" not in text[-LONGEST_LINE:])
        or any(count >= 12 for count in Counter(line for line in lines[-40:] if len(line) > 3).values())
        or any(_cycles(lines[-8 * size - cut : len(lines) - cut], size) for size in range(1, 5) for cut in (0, 1))
    )


def _cycles(lines: list[str], size: int) -> bool:
    """Whether these lines are the same few, eight times; the last line of a stream may still be growing."""
    return len(lines) == 8 * size and lines == lines[:size] * 8 and any(len(line) > 3 for line in lines)


def _with_promised(draft: Draft, spec: Spec) -> Draft:
    called = {name.id for name in undefined(draft.tree)} & set(spec.helpers) if not draft.error else set()
    return read("\n\n".join([*(spec.helpers[name] for name in sorted(called)), draft.source])) if called else draft


def _code(source: str, tree: ast.Module, name: str, files: frozenset[str], unit: str = "") -> Code:
    found = effects(source, files, tree)
    return Code(name, source, tree, unit or digest(tree, name), found, **vars(facts(tree, name)))


def _complaints(draft: Draft, spec: Spec) -> Iterator[tuple[str, int, str]]:
    answer = f"Answer with one fenced block of Python that defines `def {spec.name}(self, ...)`."
    if draft.empty:
        yield "empty", 0, f"The reply was empty. {answer}"
    if not draft.source:
        yield "prose", 0, f"The reply holds no code. {answer}"
    if draft.foreign:
        yield "language", 0, f"The code is not Python. {answer}"
    if draft.error and draft.cut:
        yield "cut", draft.line, "The code stops in the middle. Write a shorter method, to its end."
    if draft.error:
        yield "parse", draft.line, f"{draft.error}. Write the whole method again as valid Python."
    yield from complaints(draft.tree, spec)
