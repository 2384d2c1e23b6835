"""A method from a person's words: written before any call, by examples, or asked for at the prompt."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain, count
from keyword import iskeyword
from typing import Any, NamedTuple

from agent_repl_code.unit import RESERVED

from ..errors import AgentError, InvalidCode
from ..prompts import Failure, render
from ..protocols import Store
from ..records import Key, Version
from . import alone, decide, first_call, serve
from .byhand import take
from .case import Case, Workshop, case_for, request_of, spec_of, state_of
from .drafts import FROM_WORDS, paid, revised, shaped
from .examples import brief, called, keep
from .history import accepted_ahead, make_head
from .ledger import ledger
from .methods import Identity
from .policy import require_model

_ASK = """\
A person says to {label}: {words!r}
Answer with nothing but a name for the method that does this, two to four words in snake_case, such as revenue_by_month.
"""


_DESCRIBED = re.compile(rf"(?s)(?:({FROM_WORDS})|revised): (.*?)(?: \(method (\d+) of (\d+)\))?")


class Wanted(NamedTuple):
    """An example that a person gives beforehand: the call, and its answer as Python shows it."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    answer: str


def from_words(
    shop: Workshop,
    identity: Identity,
    agent: Any,
    name: str,
    words: str,
    examples: Sequence[Wanted] = (),
    spec: str = "",
) -> str:
    """Have a method written by these words now, and by `spec`, which they are shaped to first; says what became of it.

    With examples their calls are made: what answers otherwise is repaired, and at last refused with InvalidCode; what
    answers right is kept as a check.
    """
    title = f"{identity.label}.{name}"
    with ledger(title, shop.log, key=identity.key(name)) as book:
        case = case_for(shop, identity, agent, name, (), {}, book, made=False)
        if not spec and shop.settings.shape != "never":
            require_model(case)
            spec = shaped(case, request_of(case), words).text
        if examples:
            told = "\n".join([words, *(f"{called(name, e.args, e.kwargs)} answers {e.answer}" for e in examples)])
            before = identity.find(name)
            try:
                return _until_right(shop, identity, agent, name, told, examples, spec)
            except BaseException:
                if before:
                    make_head(identity, before.entry, state_of(shop.executor.open(agent)))
                raise
        case = replace(case, spec=spec)
        with alone(case):
            take(case, *decide(case, revised(case, words)))
        case.announce()
    return f"{title} is written, and accepted for the first call that is made"


def _until_right(
    shop: Workshop, identity: Identity, agent: Any, name: str, words: str, examples: Sequence[Wanted], spec: str
) -> str:
    wrong = ""
    for _ in range(shop.settings.repairs + 1):
        with ledger(f"{identity.label}.{name}", shop.log, key=identity.key(name)) as book:
            case = case_for(shop, identity, agent, name, *examples[0][:2], book, spec=spec)
            values = [
                first_call(case, words),
                *(identity.handle(agent, name)(*e.args, **e.kwargs) for e in examples[1:]),
            ]
        wrong = "; ".join(_differs(name, e, value) for e, value in zip(examples, values, strict=True))
        if not wrong.strip("; "):
            for example in examples:
                with suppress(AgentError):  # an answer that is not plain was right all the same
                    keep(shop, identity, agent, name, example.args, dict(example.kwargs))
            return f"{identity.label}.{name} is written; it answers every example ({len(examples)}), kept as checks"
        shop.failures[case.call.key] = Failure(identity.methods[name].code.source, wrong)
    source = shop.failures.pop(case.call.key).code
    shop.store.drop(case.call.key)
    identity.forget(name)
    raise InvalidCode(f"{wrong}: it does not serve; say more in words, or write it with %%agent --code", "x", source)


def _differs(name: str, example: Wanted, value: Any) -> str:
    """How an answer differs from what was wanted; "" where it does not."""
    same = repr(value) == example.answer.strip()
    with suppress(ValueError, SyntaxError):
        same = same or bool(ast.literal_eval(example.answer.strip()) == value)
    shown = called(name, example.args, example.kwargs)
    return "" if same else f"{shown} answers {brief(value)}, and must answer {example.answer.strip()}"


def say(shop: Workshop, identity: Identity, agent: Any, words: str) -> Any:
    """Have a method named and written by these words, and call it; the same words again call the same method."""
    __tracebackhide__ = True
    words = " ".join(words.split())
    known = written_for(identity, words)
    if known:
        return serve(shop, identity, agent, known, (), {})
    with ledger(f"{identity.label}: {words}", shop.log) as book:
        name = _named(case_for(shop, identity, agent, "", (), {}, book), words)
        return first_call(case_for(shop, identity, agent, name, (), {}, book), words)


def written_for(identity: Identity, words: str) -> str:
    """The method that was written for just these words, "" where there is none."""
    there, found = {*identity.names(), *unserved(identity)}, all_written_for(identity.store, identity.template, words)
    return next((name for name in found if name in there), "")


def all_written_for(store: Store, identity: str, words: str) -> dict[str, Version]:
    """What was written for just these words, by method; accepted code goes before drafts, later before earlier.

    Nothing where one of the methods that they ask for is missing, or has been described in other words since.
    """
    found = dict[int, tuple[str, Version]]()
    among = 0
    for name in [v.key.name for v in store.newest(identity)]:
        versions = [v for v in store.versions(Key(identity, name)) if v.verdict != "failed"]
        begun = [(i, described) for i, v in enumerate(versions) if (described := described_by(v))[0]]
        if begun and begun[-1][1][0] == " ".join(words.split()):
            since, (_, place, among) = versions[begun[-1][0] :], begun[-1][1]
            found[place] = name, ([v for v in since if v.verdict == "accepted"] or since)[-1]
    return dict(found[place] for place in sorted(found)) if len(found) == among else {}


def described_by(version: Version) -> tuple[str, int, int]:
    """The words that began a method with this version, its place, and among how many; ("", 0, 0) where none did."""
    found = _DESCRIBED.fullmatch(version.reason)
    return (found[2], int(found[3] or 1), int(found[4] or 1)) if found and (found[1] or found[3]) else ("", 0, 0)


def unserved(identity: Identity) -> list[str]:
    """The methods whose newest version has not served: a draft, refused or not, or accepted ahead of its call."""
    mine = [v for v in identity.store.newest(identity.template) if v.verdict != "failed"]
    return [v.key.name for v in mine if v.verdict != "accepted" or accepted_ahead(identity, v.key.name)]


def _named(case: Case, words: str) -> str:
    """A free name, which the model chooses; its own words where it says nothing that could be one."""
    require_model(case)
    system = render(request_of(case), directory=case.shop.settings.template_directory).system
    reply = paid(case, system, _ASK.format(label=case.call.label, words=words))
    said = re.findall(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+", reply) or re.findall(r"\A\W*([a-z]\w+)\W*\Z", reply)
    own = "_".join(re.findall(r"[a-z]\w*", words.lower())[:4]) or "answer"
    name: str = next((n for n in said if not iskeyword(n)), own)[:60]
    spec = spec_of(case)
    taken = {*spec.methods, *spec.state, *RESERVED, *dir(case.identity.base), *unserved(case.identity)}
    names = chain([name], (f"{name}_{number}" for number in count(2)))
    return next(n for n in names if n not in taken and n.isidentifier() and not iskeyword(n))
