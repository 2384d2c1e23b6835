"""The database demo: what a connection lacks is written, and an answer is an agent, of which more can be asked."""

from __future__ import annotations

import csv
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from agent_repl.protocols import Provider

from .data import TODAY, User, make_users
from .stage import Stage, Step, perform

FILE = "users.sqlite"
IDENTITY = (
    "customer database, a SQLite connection; self.today is a text such as 2026-11-02. "
    "users_per_plan() answers a dict: for each plan the number of its users. "
    "find_inactive_users(days) takes limit = (datetime.fromisoformat(self.today) - timedelta(days=days))"
    '.strftime("%Y-%m-%d"), and answers a list, ordered by id, with '
    'dict(zip(("id", "name", "email", "plan", "last_login"), row)) for each user whose last_login IS NULL or < limit. '
    "export_to_csv(path), of such a list, writes the dicts in self to a new CSV file by csv.DictWriter, whose "
    "fieldnames are the keys of self[0]."
)


def main(argv: Sequence[str] = (), provider: Provider | None = None) -> int:
    """Run the demo; 0 when every answer is right."""
    return perform("database", _explore, argv, provider)


def _explore(stage: Stage, seed: int) -> int:
    users = make_users(Path(FILE), seed)
    print(f"\n{FILE}: {len(users)} users; today is {TODAY}. export_to_csv may write the file that it is given.\n")
    with closing(sqlite3.connect(FILE)) as base:
        db = stage.session.agent(IDENTITY, name="db", wraps=base, deep=True, today=TODAY.isoformat())
        stage.take(db, per_plan(users))
        found = stage.take(db, inactive(users, 90))
        stage.take(found, export(users, 90, "inactive_90.csv"))
        print("── other days are the same kind of call, of the answer too: no model")
        others = stage.again(db, [per_plan(users), inactive(users, 30)])
        stage.again(others, [export(users, 30, "inactive_30.csv")])
    return stage.end()


def per_plan(users: list[User]) -> Step:
    """The call that counts them."""
    wanted = Counter(user.plan for user in users)
    return Step("db", "users_per_plan", {}, lambda value, _: dict(value) == wanted)


def idle(users: list[User], days: int) -> list[User]:
    """The truth: who never came, or last came longer ago than that."""
    return [user for user in users if user.last_login is None or (TODAY - user.last_login).days > days]


def inactive(users: list[User], days: int) -> Step:
    """The call that finds them."""
    wanted = [(user.id, user.email) for user in idle(users, days)]
    found = partial(map, lambda row: (row["id"], row["email"]))
    return Step("db", "find_inactive_users", {"days": days}, lambda rows, _: [*found(rows)] == wanted)


def export(users: list[User], days: int, path: str) -> Step:
    """The call, of what the first one answered, that writes them to a file; the file is read back."""

    def is_right(value: Any, _: Any) -> bool:
        with open(path, newline="", encoding="utf-8") as file:
            rows = [(row["name"], row["email"], row["last_login"]) for row in csv.DictReader(file)]
        return rows == [(user.name, user.email, str(user.last_login or "")) for user in idle(users, days)]

    return Step(f"db.find_inactive_users(days={days})", "export_to_csv", {"path": path}, is_right, writes=("path",))
