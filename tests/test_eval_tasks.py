"""The tasks of the evaluation can be solved, and their checks can fail."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from random import Random
from typing import Any

import pytest

from benchmarks.eval.solutions import class_of, solve
from benchmarks.eval.task import ANY, Task
from benchmarks.eval.tasks import FAMILIES, all_tasks, halves

TASKS = all_tasks()
each_task = pytest.mark.parametrize("task", TASKS, ids=[task.name for task in TASKS])


@each_task
def test_a_reference_solution_is_right_on_the_data_that_is_shown_and_on_the_hidden(task: Task) -> None:
    shown, hidden = solve(class_of(task), task.visible), solve(class_of(task), task.hidden)
    assert shown.right, shown.why
    assert hidden.right, hidden.why


@each_task
def test_a_reference_solution_is_right_on_other_seeds(task: Task) -> None:
    for seed in range(5):
        ran = solve(class_of(task), task.make(Random(seed)))
        assert ran.right, f"seed {seed}: {ran.why}"


@each_task
def test_a_solution_whose_method_answers_something_else_is_wrong(task: Task) -> None:
    for name in {call.name for call in task.visible.calls if call.answer is not ANY}:
        broken = type("Broken", (class_of(task),), {name: lambda self, *args, **kwargs: "something else"})
        assert not solve(broken, task.visible).right, name


@each_task
def test_who_has_learnt_the_shown_answers_by_heart_is_wrong_on_the_hidden(task: Task) -> None:
    def parrot(name: str) -> Callable[..., Any]:
        answers = cycle([call.answer for call in task.visible.calls if call.name == name])
        return lambda self, *args, **kwargs: next(answers)

    learnt = {name: parrot(name) for name in task.methods}
    assert not solve(type("Parrot", (), learnt), task.hidden).right


@each_task
def test_the_same_seed_makes_the_same_task(task: Task) -> None:
    assert task.visible.files == task.visible.files
    assert repr(task.visible.calls) == repr(task.visible.calls)
    assert repr(task.visible) != repr(task.hidden)


def test_names_differ_and_every_second_task_of_a_family_is_held_out() -> None:
    where = halves()
    assert len({task.name for task in TASKS}) == len(TASKS)
    for family in FAMILIES:
        mine = [where[task.name] for task in TASKS if task.family == family]
        assert mine == ["dev", "held"] * (len(mine) // 2)


@each_task
def test_both_instances_call_the_same_methods_in_the_words_of_the_identity(task: Task) -> None:
    assert {call.name for call in task.visible.calls} == {call.name for call in task.hidden.calls}
    assert all(f"{name}(" in task.identity for name in task.methods)
