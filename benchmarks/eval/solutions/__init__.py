"""Reference solutions, a module per family: a class per task, as a person would write it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..task import Instance, Task
from ..world import Alarm, Ran, directory, run


def class_of(task: Task) -> type:
    """The reference solution of a task."""
    module = import_module(f"{__name__}.{task.family}")
    found: type = getattr(module, "".join(word.capitalize() for word in task.name.split("_")))
    return found


def solve(solution: type, instance: Instance) -> Ran:
    """How a solution's class does on an instance; the state becomes its attributes."""
    with directory(instance):
        made: Any = object.__new__(solution)
        vars(made).update(instance.state)
        return run(instance, lambda call: getattr(made, call.name)(*call.args, **call.kwargs), Alarm())
