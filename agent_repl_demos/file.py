"""The file demo: questions to a CSV that only the words of the identity name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from agent_repl.protocols import Provider

from .data import Person, make_people
from .stage import Stage, Step, perform

FILE = "people.csv"
IDENTITY = (
    "analyst of the file people.csv. "
    "rows_where(condition) answers the list of the rows for which a condition holds such as "
    '"age > 30": it splits it into a column, an operator and a number, and compares with an if for each of the '
    "operators > < >= <= ==; rows where that column is missing are left out. "
    "summary() takes for each of the columns age and salary the list of its values that are not missing, and answers "
    "a dict by column, each with the keys min, max and mean of this list; the mean is rounded to 2 places. "
    "columns() answers the list of the column names, the keys of a row. "
    "line_count() answers the number of the rows plus 1, since the header is a line too."
)


def main(argv: Sequence[str] = (), provider: Provider | None = None) -> int:
    """Run the demo; 0 when every answer is right."""
    return perform("file", _explore, argv, provider)


def _explore(stage: Stage, seed: int) -> int:
    text, people = make_people(seed)
    Path(FILE).write_text(text, encoding="utf-8")
    print(f"\n{FILE}: {len(people)} people, two without an age. The agent has no state: its words name the file.\n")
    agent = stage.session.agent(IDENTITY, name="people")
    first, more, others = steps(people)
    for step in first:
        stage.take(agent, step)
    print("── another number is the same kind of call: no model")
    stage.again(agent, more)
    print("── another column or operator is not, where the code compares them with constants")
    stage.again(agent, others)
    return stage.end()


def steps(people: list[Person]) -> tuple[list[Step], ...]:
    """The calls that have methods written, calls like them, and some of another kind."""
    step = partial(Step, "people")

    def where(condition: str, holds: Callable[[Person], bool]) -> Step:
        wanted = [str(person.id) for person in people if holds(person)]
        return step("rows_where", {}, lambda rows, _: [str(row["id"]) for row in rows] == wanted, (condition,))

    def older(than: int) -> Step:
        return where(f"age > {than}", lambda person: person.age is not None and person.age > than)

    lines = step("line_count", {}, lambda value, _: value == len(people) + 1)
    columns = step("columns", {}, lambda value, _: tuple(value) == Person._fields)
    summary = step("summary", {}, lambda value, _: _rounded(value) == _summary(people))
    rich = where("salary > 50000", lambda person: person.salary > 50_000)
    young = where("age <= 25", lambda person: person.age is not None and person.age <= 25)
    return [older(30), summary, columns, lines], [lines, older(45)], [rich, young]


def _summary(people: list[Person]) -> dict[str, dict[str, float]]:
    columns = {"age": [p.age for p in people if p.age is not None], "salary": [p.salary for p in people]}
    return {name: {"min": min(of), "max": max(of), "mean": round(fmean(of), 2)} for name, of in columns.items()}


def _rounded(value: Any) -> dict[str, dict[str, float]]:
    return {name: {key: round(float(number), 2) for key, number in of.items()} for name, of in value.items()}
