"""The data of the demos, made from a seed: first what is true, and only then its text, which nobody here reads back.

Every choice comes from `random.Random(seed).random()`, so a seed gives the same bytes everywhere; dates count from a
fixed day.
"""

from __future__ import annotations

import csv
import io
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from random import Random
from typing import NamedTuple, TypeVar

TODAY = date(2026, 11, 2)
FIRST = ("Ann", "Bo", "Cleo", "Dan", "Eva", "Finn", "Gina", "Hugo", "Ida", "Jon", "Kim", "Lea")
LAST = ("Berg", "Costa", "Dahl", "Evans", "Fox", "Gruber", "Holm", "Ivers")
CITIES = ("Oslo", "Porto", "Graz", "Cork")
PLANS = ("free", "team", "pro")
TOPICS = (
    "Budget for spring",
    "Trip to Porto",
    "New printer",
    "Team lunch",
    "Yearly report",
    "Garden party",
    "Invoice 204",
)
_Any = TypeVar("_Any")


class Person(NamedTuple):
    """A row of the file; an age that nobody knows is None, and its cell empty."""

    id: int
    name: str
    age: int | None
    city: str
    salary: int


class User(NamedTuple):
    """A row of the database; the last login is None, NULL there, for those who never came."""

    id: int
    name: str
    email: str
    plan: str
    last_login: date | None


class Email(NamedTuple):
    """One email of the mailbox."""

    name: str
    address: str
    subject: str
    sent: datetime


class Event(NamedTuple):
    """One event of the calendar."""

    title: str
    start: datetime
    end: datetime


def make_people(seed: int) -> tuple[str, list[Person]]:
    """A CSV with a header, its names as `Berg, Ann` in quotes, two ages missing; and who is in it."""
    draw = Random(seed).random
    people = [Person(number, *_person(draw)) for number in range(1, 31)]
    for row in (int(draw() * 15), 15 + int(draw() * 15)):
        people[row] = people[row]._replace(age=None)
    csv.writer(file := io.StringIO(), lineterminator="\n").writerows([Person._fields, *people])
    return file.getvalue(), people


def _person(draw: Callable[[], float]) -> tuple[str, int, str, int]:
    name = f"{_one(LAST, draw)}, {_one(FIRST, draw)}"
    return name, 19 + int(draw() * 45), _one(CITIES, draw), 24_000 + 500 * int(draw() * 90)


def make_users(path: Path, seed: int) -> list[User]:
    """A SQLite file with a table `users`, always with somebody who came exactly 90 days ago; and who is in it."""
    draw = Random(seed).random
    users = [_user(number, draw) for number in range(1, 41)]
    users[20] = users[20]._replace(last_login=TODAY - timedelta(days=90))
    users[30] = users[30]._replace(last_login=None)
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as base, base:
        base.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, email TEXT, plan TEXT, last_login TEXT)")
        rows = [(*user[:4], user.last_login and user.last_login.isoformat()) for user in users]
        base.executemany("INSERT INTO users VALUES (?, ?, ?, ?, ?)", rows)
    return users


def _user(number: int, draw: Callable[[], float]) -> User:
    first, last = _one(FIRST, draw), _one(LAST, draw)
    login = TODAY - timedelta(days=int(draw() * 200)) if draw() < 0.9 else None
    return User(number, f"{first} {last}", f"{first}.{last}{number}@example.org".lower(), _one(PLANS, draw), login)


def make_mail(seed: int) -> tuple[str, list[Email]]:
    """An mbox of plain emails, oldest first, by four senders; and what is in it."""
    draw = Random(seed).random
    names = [f"{first} {_one(LAST, draw)}" for first in sorted(FIRST, key=lambda _: draw())[:4]]
    hours = sorted(int(draw() * 24 * 20) for _ in range(12))
    emails = [_email(_one(names, draw) if at > 3 else names[at], hour, draw) for at, hour in enumerate(hours)]
    return "\n".join(map(_message, emails)), emails


def _email(name: str, hour: int, draw: Callable[[], float]) -> Email:
    sent = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC) - timedelta(days=20) + timedelta(hours=hour)
    return Email(name, f"{name.split()[0]}@example.org".lower(), _one(TOPICS, draw), sent)


def _message(email: Email) -> str:
    head = [f"From {email.address} {email.sent.ctime()}", f"From: {email.name} <{email.address}>"]
    head += ["To: me@example.org", f"Subject: {email.subject}", f"Date: {format_datetime(email.sent)}"]
    return "\n".join([*head, "", "Hello,", "", "please tell me what you think of it.", email.name, ""])


def make_calendar(seed: int) -> tuple[str, list[Event]]:
    """An iCalendar text with five events of the coming days; and what is in it."""
    draw, midnight = Random(seed + 1).random, datetime(TODAY.year, TODAY.month, TODAY.day)
    starts = sorted(midnight + timedelta(days=1 + int(draw() * 7), hours=8 + int(draw() * 9)) for _ in range(5))
    events = [Event(_one(TOPICS, draw), at, at + timedelta(minutes=30 + 15 * int(draw() * 4))) for at in starts]
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//agent_repl//demo//EN"]
    lines += [line for event in events for line in _vevent(event)]
    return "\n".join([*lines, "END:VCALENDAR", ""]), events


def _vevent(event: Event) -> list[str]:
    start, end = (f"{at:%Y%m%dT%H%M%S}" for at in (event.start, event.end))
    return ["BEGIN:VEVENT", f"SUMMARY:{event.title}", f"DTSTART:{start}", f"DTEND:{end}", "END:VEVENT"]


def _one(choices: Sequence[_Any], draw: Callable[[], float]) -> _Any:
    return choices[int(draw() * len(choices))]
