"""Text → Code: what a model answered, or a person typed, becomes a checked method or an error that the model can read.

    text → extract (which block) → reshape (one unit, clean) → rules, in order → Code

This teaches the model and informs the person; it is no sandbox.
"""

from __future__ import annotations

import ast
import re
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
    counts = Counter(line for line in lines[-40:] if len(line) > 3).values()
    # The last line of a stream may still be growing.
    cycle = re.search(r"(?m)^((?:.+\n){1,4})\1{7}(?:.+\n)?\Z", "\n".join([*lines[-33:], ""]))
    endless = len(text) >= LONGEST_LINE and "\n" not in text[-LONGEST_LINE:]
    return endless or max(counts, default=0) >= 12 or bool(cycle and re.search(".{4}", cycle[1]))


def _with_promised(draft: Draft, spec: Spec) -> Draft:
    called = {name.id for name in undefined(draft.tree)} & set(spec.helpers)
    return read("\n\n".join([*(spec.helpers[name] for name in sorted(called)), draft.source])) if called else draft


def _code(source: str, tree: ast.Module, name: str, files: frozenset[str], unit: str = "") -> Code:
    found = effects(source, files, tree)
    return Code(name, source, tree, unit or digest(tree, name), found, **vars(facts(tree, name)))


_UNREAD = {
    "empty": "The reply was empty. {answer}",
    "prose": "The reply holds no code. {answer}",
    "language": "The code is not Python. {answer}",
    "cut": "The code stops in the middle. Write a shorter method, to its end.",
    "parse": "{error}. Write the whole method again as valid Python.",
}


def _complaints(draft: Draft, spec: Spec) -> Iterator[tuple[str, int, str]]:
    if not draft.rule:
        yield from complaints(draft.tree, spec)
        return
    answer = f"Answer with one fenced block of Python that defines `def {spec.name}(self, ...)`."
    line = draft.line if draft.rule in ("cut", "parse") else 0
    yield draft.rule, line, _UNREAD[draft.rule].format(answer=answer, error=draft.error)
