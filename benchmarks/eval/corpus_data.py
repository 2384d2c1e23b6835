"""A corpus of support tickets from a seed, in four forms, with what is true of them: kept, and never read out of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

from . import corpus_words as words
from .corpus_words import CHANNELS, CITIES, DECOYS, DIGITS, FILLERS, NEEDLE, PRODUCTS

TICKETS = 4_000
"""Of about 550 characters each: more than 2 MB."""
LEAVING = {"annoyed": 0.35, "neutral": 0.1, "pleased": 0.05}
_WEIGHTS = {"kettle": (5, 3, 2), "lamp": (2, 5, 3)}  # pleased, annoyed and neutral, so that groups differ


@dataclass(frozen=True)
class Ticket:
    """One ticket; the last three are what its text says to a reader, and stand in no field of it."""

    number: int
    day: str
    customer: str
    product: str
    channel: str
    city: str
    text: str
    mood: str
    topic: str
    leaves: bool

    @property
    def record(self) -> dict[str, Any]:
        """What is handed out of it."""
        hidden = ("number", "mood", "topic", "leaves")
        return {"ticket": self.number} | {name: value for name, value in vars(self).items() if name not in hidden}

    @property
    def page(self) -> str:
        """It as text, with its fields in lines above."""
        return "".join(f"{name}: {value}\n" for name, value in self.record.items())


@dataclass(frozen=True)
class Corpus:
    """Tickets, and the place and the digits that one of them tells."""

    seed: int
    tickets: tuple[Ticket, ...]
    place: str
    digits: str

    def records(self) -> list[dict[str, Any]]:
        return [ticket.record for ticket in self.tickets]

    def text(self) -> str:
        return "\n".join(ticket.page for ticket in self.tickets)

    def jsonl(self, path: Path) -> Path:
        lines = (json.dumps(ticket.record, ensure_ascii=False) + "\n" for ticket in self.tickets)
        path.write_text("".join(lines), encoding="utf-8")
        return path

    def directory(self, path: Path) -> Path:
        """A file for each hundred tickets."""
        path.mkdir()
        for start in range(0, len(self.tickets), 100):
            pages = "\n".join(ticket.page for ticket in self.tickets[start : start + 100])
            (path / f"tickets-{start:05}.txt").write_text(pages, encoding="utf-8")
        return path

    # ── what is true ──

    def by_channel(self) -> dict[str, int]:
        """Counting by what is stated."""
        return dict(Counter(ticket.channel for ticket in self.tickets))

    def leaving(self) -> int:
        """Counting by what only reading gives."""
        return sum(ticket.leaves for ticket in self.tickets)

    def topics(self) -> dict[str, int]:
        """Aggregating by a label that only reading gives."""
        return dict(Counter(ticket.topic for ticket in self.tickets))

    def annoyed(self, *products: str) -> dict[str, float]:
        """Comparing groups: the share of annoyed tickets of each product, to three digits."""
        groups = {name: [t.mood == "annoyed" for t in self.tickets if t.product == name] for name in products}
        return {name: round(sum(group) / len(group), 3) if group else 0.0 for name, group in groups.items()}


def corpus(seed: int = 1, tickets: int = TICKETS, fillers: int = 4, plain: bool = False) -> Corpus:
    """The corpus of a seed: so many tickets, each with this many sentences that say nothing.

    A plain one says its labels outright, for readers who understand nothing else.
    """
    random = Random(f"tickets {seed}")
    place, digits = random.choice(CITIES), "".join(random.choices("0123456789", k=4))
    needle, *decoys = random.sample(range(tickets), 1 + tickets // 40)
    hints = {needle: NEEDLE.format(city=place, digits=", ".join(DIGITS[int(d)] for d in digits))}
    hints |= {number: random.choice(DECOYS).format(city=place) for number in decoys}
    saying = words.PLAIN if plain else words.INDIRECT
    made = tuple(_ticket(random, saying, n, fillers, hints.get(n - 1, "")) for n in range(1, tickets + 1))
    return Corpus(seed, made, place, digits)


def _ticket(random: Random, saying: words.Saying, number: int, fillers: int, hint: str) -> Ticket:
    product, topic = random.choice(PRODUCTS), random.choice(list(saying["topic"]))
    mood = random.choices(list(saying["mood"]), _WEIGHTS.get(product, (3, 4, 3)))[0]
    leaves = random.random() < LEAVING[mood]
    facts = {
        "product": product,
        "city": random.choice(CITIES),
        "name": f"{random.choice(words.FIRST)} {random.choice(words.LAST)}",
        "season": random.choice(("spring", "summer", "autumn", "winter")),
        "n": random.randrange(2, 9),
        "year": random.randrange(1990, 2020),
    }
    said = [
        *random.sample(FILLERS, fillers),
        random.choice(saying["mood"][mood]),
        random.choice(saying["leaves"][leaves]),
    ]
    random.shuffle(said)
    sentences = [random.choice(saying["topic"][topic]), *filter(None, said), hint]
    text = " ".join(sentence.format(**facts) for sentence in sentences if sentence)
    day = date(2025, 1, 1) + timedelta(days=random.randrange(365))
    channel = random.choices(CHANNELS, (5, 3, 1, 2))[0]
    return Ticket(number, day.isoformat(), facts["name"], product, channel, facts["city"], text, mood, topic, leaves)


def size(tickets: Sequence[Ticket]) -> int:
    """Bytes of the corpus as text."""
    return sum(len(ticket.page.encode()) + 1 for ticket in tickets)
