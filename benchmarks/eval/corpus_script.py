"""A model that was given its answers: strategies for the corpus as a good writer writes them, and leaves that read.

A leaf is answered by what stands in its prompt: each ticket's text is found there, and looked up in the generator's own
records. What is in no ticket of the prompt is not known to it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pprint import pformat
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
ASKED = {
    "mood": "Is the writer of this ticket pleased, annoyed or neutral?",
    "topic": "Is this ticket about something broken, something late, a charge on a bill, or advice that is wanted?",
    "leaves": "Does the writer of this ticket say that they go and buy elsewhere from now on?",
}
"""How it is asked about a single ticket, a label at a time: models too small for lists of objects can answer that."""
_HEAD = """
import json
import re
from collections import Counter

_ABOUT = {{
    "mood": {moods},
    "topic": {topics},
    "leaves": bool,
}}

def _pieces(data):
    return _chunks(data, by={by!r}, size={size})

def _field(piece, name):
    return {field}
"""
_MANY = """
_READ = (
    "Read each of these tickets, and answer in their order with one object for each: is its writer pleased, "
    "annoyed or neutral; is it about something broken, something late, a charge, or advice that is wanted; "
    "does the writer say that they go and buy elsewhere from now on? {item}"
)

def _read(self, name):
    pieces = _pieces(self.data)
    told = self.llm.each(pieces, _READ, schema=list[_ABOUT])
    return [(piece, [each[name] for each in answers]) for piece, answers in zip(pieces, told, strict=True)]
"""
_ONE = f"""
_READ = {pformat(ASKED, sort_dicts=False)}

def _read(self, name):
    pieces = _pieces(self.data)
    told = self.llm.each(pieces, _READ[name], schema=_ABOUT[name])
    return [(piece, [answer]) for piece, answer in zip(pieces, told, strict=True)]
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
    return sum(leaves for piece, labels in _read(self, "leaves") for leaves in labels)
''',
    "topics": '''
def topics(self):
    """How many tickets there are about each topic."""
    return dict(Counter(topic for piece, labels in _read(self, "topic") for topic in labels))
''',
    "annoyed": '''
def annoyed(self, one, other):
    """The share of annoyed tickets of two products."""
    moods = {one: [], other: []}
    for piece, labels in _read(self, "mood"):
        for product, mood in zip(_field(piece, "product"), labels, strict=True):
            if product in moods:
                moods[product].append(mood == "annoyed")
    return {product: round(sum(mine) / len(mine), 3) if mine else 0.0 for product, mine in moods.items()}
''',
    "yard_code": '''
def yard_code(self, city):
    """The digits for the side entrance of the yard in a city, as some ticket tells them; None where none does."""
    found = _grep(self.data, rf"yard in {city}\\b", limit=10_000)
    ask = (
        f"Which digits must one press at the side entrance of the yard in {city}? "
        "Answer in figures, such as 0123, or with none if nobody says it."
    )
    answers = self.llm.each(_chunks(found, by="records", size={size}), ask, schema=str)
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
    head = _HEAD.format(by=by, field=field, size=size, moods=moods, topics=topics)
    return head + (_MANY if size > 1 else _ONE) + _BODIES[name].replace("{size}", f"{size}")


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
        tickets, about = list(self.tickets(asked)), _about(asked)
        if about == "digits":
            return next((code for ticket in tickets if (code := digits(ticket.text))), "none")
        told = [{name: getattr(ticket, name) for name in LABELS} for ticket in tickets]
        return json.dumps(told) if about == "all" else str(told[0][about])

    def _mark(self, asked: str, said: str) -> None:
        """Count the labels of an answer that are right; one without a label for each ticket has none."""
        tickets, about = list(self.tickets(asked)), _about(asked)
        names = {"all": tuple(LABELS), "digits": ()}.get(about, (about,))
        try:
            told = parse(list[LABELS], said) if about == "all" else [{about: parse(LABELS.get(about), said)}]
        except ValueError:
            told = []
        for name in names:
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


def _about(asked: str) -> str:
    """What a leaf is asked: digits, one label by name, or all of them."""
    if "Which digits must one press" in asked:
        return "digits"
    return next((name for name, words in ASKED.items() if words in asked), "all")


def digits(text: str) -> str:
    """The digits that a text tells in words after "must press"."""
    found = re.search(r"must press ([a-z, ]+?) at", text)
    return "".join(str(DIGITS.index(word)) for word in found[1].split(", ")) if found else ""
