"""The tasks, a module per family; every second one of a family is held out."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from ..task import Task

FAMILIES = ("csv", "text", "numbers", "objects", "algorithms")


def all_tasks() -> tuple[Task, ...]:
    """Every task, in the order of families and of their modules."""
    there = [name for name in FAMILIES if find_spec(f"{__name__}.{name}")]
    return tuple(task for name in there for task in import_module(f"{__name__}.{name}").TASKS)


def twenty() -> tuple[str, ...]:
    """The names of those that every switch-off is tried on: the first four of each family that are not held out."""
    where = halves()
    dev = [task for task in all_tasks() if where[task.name] == "dev"]
    return tuple(task.name for family in FAMILIES for task in [t for t in dev if t.family == family][:4])


def halves() -> dict[str, str]:
    """For each task's name "dev" or "held": the odd positions of each family are held out."""
    found: dict[str, str] = {}
    for family in FAMILIES:
        names = [task.name for task in all_tasks() if task.family == family]
        found |= {name: "held" if position % 2 else "dev" for position, name in enumerate(names)}
    return found
