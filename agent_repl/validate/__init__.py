"""Text → Code: what a model answered, or a person typed, becomes a checked method or an error that the model can read.

    text → extract (which block) → reshape (one unit, clean) → rules, in order → Code

This teaches the model and informs the person; it is no sandbox.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Mapping

from agent_repl_code.extract import Draft, extract, read, reshape, undefined
from agent_repl_code.flow import facts
from agent_repl_code.unit import digest

from ..effects import effects, parse
from ..errors import InvalidCode
from ..records import Code, Spec
from .rules import complaints
from .split import split


def validate(text: str, spec: Spec, attempt: int = 1) -> Code:
    """The method that `spec` wants, out of a whole reply or a person's source; only this makes a Code.

    Raises InvalidCode for the first rule that is broken: `.rule` names it, `.code` is what was read, `.line` counts in
    that, and the message tells the model what to write instead. `attempt` (from 1) is handed on to the error.
    """
    draft = split(extract(spec.unit(text, spec), spec.name), spec.name, spec.beside)
    try:
        draft = _on_self(draft, spec.methods)
        promised = _promised(draft.tree, spec.helpers)
        draft = reshape(read("\n\n".join([*promised, draft.source])) if promised else draft, spec.name)
        for rule, line, message in complaints(draft, spec):
            raise InvalidCode(message, rule, draft.source, line, attempt)
        code = recall(draft.source, spec.name, "", draft.tree, spec.files)
        for each in (e for e in code.effects if e.flagged and e.kind in spec.refuse):
            message = f"Line {each.line}: {each.kind} is not allowed here: {each.detail}. Write it without that."
            raise InvalidCode(message, "policy", draft.source, each.line, attempt)
        return code
    except RecursionError as error:
        message = "The code is nested too deeply. Write shorter expressions."
        raise InvalidCode(message, "parse", draft.source, 0, attempt) from error


def checked(source: str, spec: Spec) -> Code:
    """A unit as a person left it in a file: held to the same rules, and not one character of it changed."""
    spec.unit(source, spec)
    draft = read(source)
    for rule, line, message in complaints(draft, spec):
        raise InvalidCode(message, rule, source, line)
    return recall(source, spec.name, "", draft.tree)


def _on_self(draft: Draft, methods: frozenset[str]) -> Draft:
    """The draft with methods that are called by their bare names called on self: that is what is meant."""
    if not (bare := [name for name in undefined(draft.tree) if name.id in methods]):
        return draft
    lines = draft.source.encode().split(b"\n")
    for name in reversed(bare):
        line, called = lines[name.lineno - 1], rb"%s\((?:self(?:, *|(?=\))))?" % name.id.encode()
        after = re.sub(rb"\A" + called, b"self.%s(" % name.id.encode(), line[name.col_offset :])
        lines[name.lineno - 1] = line[: name.col_offset] + after
    return read(b"\n".join(lines).decode())


def _promised(tree: ast.Module, helpers: Mapping[str, str]) -> list[str]:
    """The sources of helpers that the code calls without having them, and of those that these call."""
    found: dict[str, str] = {}
    asked = [tree]
    while asked:
        called = {name.id for name in undefined(asked.pop())} & helpers.keys() - found.keys()
        found |= {name: helpers[name] for name in sorted(called)}
        asked += [parse(helpers[name]) for name in called]
    return [*reversed(found.values())]


def recall(
    source: str, name: str, unit: str = "", tree: ast.Module | None = None, files: frozenset[str] = frozenset()
) -> Code:
    """Validated code, for whose bytes and `unit` the store vouches; `files` are texts that may name a file."""
    tree = tree or ast.parse(source)
    return Code(name, source, tree, unit or digest(tree, name), effects(source, files, tree), **vars(facts(tree, name)))


def looping(text: str) -> bool:
    """Whether a reply repeats itself so much that the rest is not worth waiting for.

    True for 12 equal lines among the last 40, a cycle of up to 4 lines gone round 8 times, or 4,000 characters without
    a line end. Lines of fewer than four characters do not count alone.
    """
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    counts = Counter(line for line in lines[-40:] if len(line) > 3).values()
    # The last line of a stream may still be growing.
    cycle = re.search(r"(?m)^((?:.+\n){1,4})\1{7}(?:.+\n)?\Z", "\n".join([*lines[-33:], ""]))
    endless = len(text) >= 4000 and "\n" not in text[-4000:]
    return endless or max(counts, default=0) >= 12 or bool(cycle and re.search(".{4}", cycle[1]))
