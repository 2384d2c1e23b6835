"""A model that was given its answers: strategies for the corpus as a good writer writes them, and leaves that read.

A leaf is answered by what stands in its prompt: each ticket's text is found there, and looked up in the generator's own
records. What is in no ticket of the prompt is not known to it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from agent_repl.protocols import Provider
from agent_repl.records import Prompt, Reply, Usage
from agent_repl_data.answers import parse

from .corpus_data import Corpus, Ticket
from .corpus_words import DIGITS

SIZE = 20
"""Tickets in a piece that a leaf reads."""
FORMS = {  # how the pieces are cut, and what a field of each ticket in a piece is
    "records": ("records", "[ticket[name] for ticket in piece]"),
    "text": ("paragraphs", 're.findall(rf"^{name}: (.*)$", piece, re.MULTILINE)'),
    "directory": ("paragraphs", 're.findall(rf"^{name}: (.*)$", piece, re.MULTILINE)'),
    "jsonl": ("lines", "[json.loads(line)[name] for line in piece.splitlines()]"),
}
LABELS: dict[str, Any] = {
    "mood": ("pleased", "annoyed", "neutral"),
    "topic": ("broken", "late", "charge", "advice"),
    "leaves": bool,
}
"""What a leaf is asked about each ticket."""
_HEAD = """
import json
import re
from collections import Counter

_SIZE = {size}
_READ = (
    "Read each of these tickets, and answer in their order with one object for each: is its writer pleased, "
    "annoyed or neutral; is it about something broken, something late, a charge, or advice that is wanted; "
    "does the writer say that they go and buy elsewhere from now on? {{item}}"
)
_ABOUT = {{
    "mood": {moods},
    "topic": {topics},
    "leaves": bool,
}}

def _pieces(data):
    return _chunks(data, by={by!r}, size=_SIZE)

def _field(piece, name):
    return {field}

def _read(self):
    pieces = _pieces(self.data)
    return list(zip(pieces, self.llm.each(pieces, _READ, schema=list[_ABOUT]), strict=True))
"""
_BODIES = {
    "by_channel": '''
def by_channel(self):
    """How many tickets came by each channel: a field says it."""
    return dict(Counter(channel for piece in _pieces(self.data) for channel in _field(piece, "channel")))
''',
    "leaving": '''
def leaving(self):
    """How many writers go elsewhere from now on."""
    return sum(told["leaves"] for piece, answers in _read(self) for told in answers)
''',
    "topics": '''
def topics(self):
    """How many tickets there are about each topic."""
    return dict(Counter(told["topic"] for piece, answers in _read(self) for told in answers))
''',
    "annoyed": '''
def annoyed(self, one, other):
    """The share of annoyed tickets of two products."""
    moods = {one: [], other: []}
    for piece, answers in _read(self):
        for product, told in zip(_field(piece, "product"), answers, strict=True):
            if product in moods:
                moods[product].append(told["mood"] == "annoyed")
    return {product: round(sum(mine) / len(mine), 3) if mine else 0.0 for product, mine in moods.items()}
''',
    "yard_code": '''
def yard_code(self, city):
    """The digits for the side entrance of the yard in a city, as some ticket tells them; None where none does."""
    found = _grep(self.data, rf"yard in {city}\\b", limit=10_000)
    ask = f"Which digits must one press at the side entrance of the yard in {city}? If nobody says it: none. {{item}}"
    answers = self.llm.each(_chunks(found, by="records", size=_SIZE), ask, schema=str)
    said = [answer for answer in answers if answer.strip(".").lower() != "none"]
    return said[0] if said else None
''',
}
METHODS = tuple(_BODIES)
"""Counting by a field and by reading, aggregating, comparing, finding."""


def strategy(name: str, form: str = "records", size: int = SIZE) -> str:
    """The source of a method for data of that form, which reads pieces of that many tickets."""
    by, field = FORMS[form]
    moods, topics = LABELS["mood"], LABELS["topic"]
    return f"{_HEAD.format(by=by, field=field, size=size, moods=moods, topics=topics)}{_BODIES[name]}"


class Reader(Provider):
    """Answers writers with the strategies, and leaves with what the records of these corpora say.

    Leaves may be answered by another `leaf`; then `read` counts how many labels it read, and how many of them right.
    Tokens are counted as four characters each, since nobody else counts them.
    """

    name = model = "scripted"
    host = None

    def __init__(
        self, corpora: Iterable[Corpus], form: str = "records", leaf: Provider | None = None, size: int = SIZE
    ) -> None:
        self.known = {ticket.text: ticket for corpus in corpora for ticket in corpus.tickets}
        self.form, self.leaf, self.size, self.read = form, leaf, size, Counter[str]()
        if leaf:
            self.name, self.model = leaf.name, f"{leaf.model}, strategies scripted"

    def complete(self, prompt: Prompt, on_text: Callable[[str], None]) -> Reply:
        wanted = re.search(r"`def (\w+)\(self", prompt.user)
        if self.leaf and not wanted:
            reply = self.leaf.complete(prompt, on_text)
            self._mark(prompt.user, reply.text)
            return reply
        text = f"```python\n{strategy(wanted[1], self.form, self.size)}\n```" if wanted else self.answer(prompt.user)
        on_text(text)
        sent = len(prompt.system) + len(prompt.user)
        return Reply(text, Usage(1, sent // 4, len(text) // 4), self.model, "scripted")

    def answer(self, asked: str) -> str:
        """What a reader says to a leaf's prompt."""
        tickets = list(self.tickets(asked))
        if "side entrance of the yard" in asked.partition("```")[0]:
            return next((code for ticket in tickets if (code := digits(ticket.text))), "none")
        return json.dumps([{"mood": t.mood, "topic": t.topic, "leaves": t.leaves} for t in tickets])

    def _mark(self, asked: str, said: str) -> None:
        """Count the labels of an answer that are right; one without a label for each ticket has none."""
        try:
            told = parse(list[LABELS], said)
        except ValueError:
            told = []
        tickets = list(self.tickets(asked)) if "side entrance" not in asked.partition("```")[0] else []
        for name in LABELS:
            mine = [each[name] for each in told] if len(told) == len(tickets) else []
            self.read[f"{name} of"] += len(tickets)
            self.read[name] += sum(getattr(t, name) == label for t, label in zip(tickets, mine, strict=False))

    def tickets(self, asked: str) -> Iterator[Ticket]:
        """The tickets whose whole text stands there, as a line of its own or as a record."""
        for line in asked.splitlines():
            told: Any = line
            for _ in range(2):  # a list of lines of JSON is JSON twice
                told = json.loads(told) if type(told) is str and told[:1] in ('"', "{") else told
            text = told["text"] if isinstance(told, dict) else told.removeprefix("text: ")
            if text in self.known:
                yield self.known[text]


def digits(text: str) -> str:
    """The digits that a text tells in words after "must press"."""
    found = re.search(r"must press ([a-z, ]+?) at", text)
    return "".join(str(DIGITS.index(word)) for word in found[1].split(", ")) if found else ""
