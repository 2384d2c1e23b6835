"""Which answers change: old and new code run from the same state, in a trial, and nothing else is touched."""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import agent_repl
from agent_repl.errors import CacheMiss
from agent_repl.replay import Change, Diff, Sample, compare, lines, try_out
from agent_repl_bounds.trial import Report, cannot_try
from agent_repl_data.plain import encode

WHY = cannot_try()
pytestmark = pytest.mark.skipif(WHY != "", reason=WHY)

ROWS = [("pear", 3), ("fig", 5), ("plum", 1)]
SAMPLE = Sample("sales.top(n=1)", (), {"n": 1}, {"rows": ROWS}, encode([("fig", 5)]))


def method(function: Callable[..., Any]) -> Callable[[Sample], Any]:
    """A version: a function of the state, as a dict, and the arguments."""
    return lambda sample: function(sample.state, *sample.args, **sample.kwargs)


@method
def top(state: dict[str, Any], n: int) -> Any:
    return sorted(state["rows"], key=lambda row: -row[1])[:n]


@method
def first(state: dict[str, Any], n: int) -> Any:
    return state["rows"][:n]


@method
def by_name(state: dict[str, Any], n: int) -> Any:
    return dict(sorted(state["rows"], key=lambda row: -row[1])[:n])


@method
def broken(state: dict[str, Any], n: int) -> Any:
    return state["rows"] / n


@method
def shuffled(state: dict[str, Any], n: int) -> Any:
    return random.random()


@method
def count(state: dict[str, Any], n: int) -> None:
    state["total"] = state.get("total", 0) + n


@method
def count_twice(state: dict[str, Any], n: int) -> None:
    state["total"] = state.get("total", 0) + 2 * n


@method
def empty(state: dict[str, Any], n: int) -> int:
    state["rows"].clear()
    return n


def diff(samples: Sample | Sequence[Sample], old: Any, new: Any, **rest: Any) -> Diff:
    several = [samples] if isinstance(samples, Sample) else samples
    return compare(several, old, new, rest.get("readable", ()), rest.get("seconds", 5.0))


def test_the_same_answers_are_only_counted() -> None:
    found = diff([SAMPLE, replace(SAMPLE, kept=True)], top, top)
    assert (found.changes, len(found.same), found.untried) == ((), 2, "")
    assert lines(found) == ["2 earlier calls answer as before"]


def test_an_answer_that_changes_is_shown_before_and_after() -> None:
    found = diff(SAMPLE, top, first)
    assert found.changes == (
        Change("sales.top(n=1)", "[('fig', 5)]", "[('pear', 3)]", kept=False, why="the code changed"),
    )
    assert lines(found) == ["sales.top(n=1): [('fig', 5)] → [('pear', 3)]"]
    assert found.broken == ()


def test_a_kept_answer_that_is_lost_is_said_in_words() -> None:
    found = diff(replace(SAMPLE, kept=True), top, first)
    assert found.broken == found.changes
    assert lines(found) == ["sales.top(n=1): [('fig', 5)] → [('pear', 3)]; this breaks an answer that you kept"]


def test_a_kept_answer_that_a_repair_brings_back_is_not_broken() -> None:
    found = diff(replace(SAMPLE, kept=True), broken, top)
    assert found.broken == ()
    (line,) = lines(found)
    assert (
        line == "sales.top(n=1): raises TypeError: unsupported operand type(s) for /: 'list' and 'int' → [('fig', 5)]"
    )


def test_another_kind_of_return_is_named() -> None:
    (line,) = lines(diff(SAMPLE, top, by_name))
    assert line == "sales.top(n=1): [('fig', 5)] → {'fig': 5}; returns {\"fig\": int}, was list[tuple[str, int]]"


def test_data_that_moved_are_not_blamed_on_the_code() -> None:
    moved = replace(SAMPLE, state={"rows": [("kiwi", 9)]}, moved=True, kept=True)
    (change,) = diff(moved, top, top).changes
    assert (change.before, change.after, change.why) == ("[('fig', 5)]", "[('kiwi', 9)]", "the data moved")
    assert not change.broken


def test_on_data_that_moved_a_kept_answer_is_held_against_the_old_code() -> None:
    moved = replace(SAMPLE, state={"rows": [("kiwi", 9), ("fig", 10)]}, moved=True, kept=True)
    (change,) = diff(moved, top, first).broken
    assert (change.before, change.after, change.why) == ("[('fig', 10)]", "[('kiwi', 9)]", "the code changed")


@pytest.mark.parametrize(("old", "new"), [(top, shuffled), (shuffled, top), (shuffled, shuffled)])
def test_chance_is_recognised(old: Any, new: Any) -> None:
    assert [change.why for change in diff(SAMPLE, old, new).changes] == ["not deterministic"]


def test_an_answer_that_the_same_code_no_longer_gives_is_not_deterministic() -> None:
    (change,) = diff(replace(SAMPLE, answer=encode("yesterday")), top, top).changes
    assert (change.before, change.after, change.why) == ("'yesterday'", "[('fig', 5)]", "not deterministic")


def test_state_is_compared_after_every_run_from_the_same_state_before() -> None:
    sample = Sample("till.count(2)", (), {"n": 2}, {"total": 10}, encode(None), kept=True)
    assert len(diff(sample, count, count).same) == 1
    found = diff(sample, count, count_twice)
    assert lines(found) == [
        "till.count(2): None; self.total = 12 → None; self.total = 14; this breaks an answer that you kept"
    ]
    assert sample.state == {"total": 10}


def test_state_that_only_one_version_makes_is_shown() -> None:
    sample = Sample("till.count(2)", (), {"n": 2}, {})
    assert diff(sample, count, method(lambda state, n: None)).changes[0].before == "None; self.total = 2"


def test_a_version_that_empties_its_state_disturbs_no_other_run() -> None:
    sample = replace(SAMPLE, answer="", args=(1,), kwargs={})
    found = diff(sample, empty, top)
    assert found.changes[0].before == "1; self.rows = []"
    assert found.changes[0].after.startswith("[('fig', 5)]; self.rows = [('pear', 3), ")
    assert ROWS == [("pear", 3), ("fig", 5), ("plum", 1)]


def test_a_value_and_the_state_that_holds_it_stay_one() -> None:
    rows = [1]
    sample = Sample("a.add()", (rows,), {}, {"rows": rows})
    same = method(lambda state, given: state["rows"] is given)
    assert len(diff(sample, same, method(lambda state, given: True)).same) == 1


def test_code_that_raises_leaves_the_state_as_it_was() -> None:
    @method
    def half(state: dict[str, Any], n: int) -> None:
        state["rows"] = None
        raise ValueError("no")

    assert diff(SAMPLE, half, method(lambda state, n: 1 / 0)).changes[0].before == "raises ValueError: no"


def test_what_is_not_plain_is_compared_by_its_kind() -> None:
    pandas = pytest.importorskip("pandas")
    frame = method(lambda state, n: pandas.DataFrame({"a": [n]}))
    text = method(lambda state, n: pandas.DataFrame({"a": [str(n)]}, dtype="str"))
    sample = replace(SAMPLE, answer="")
    assert len(diff(sample, frame, frame).same) == 1
    assert lines(diff(sample, frame, text)) == ["sales.top(n=1): DataFrame(a: int64) → DataFrame(a: str)"]


def test_a_long_answer_is_shown_in_part_and_compared_as_a_whole() -> None:
    long = method(lambda state, n: ["x"] * 5000)
    other = method(lambda state, n: ["x"] * 4999 + ["y"])
    sample = replace(SAMPLE, answer="")
    assert len(diff(sample, long, long).same) == 1
    (change,) = diff(sample, long, other).changes
    assert len(change.before) < 330


def test_many_calls_come_back_in_one_report() -> None:
    samples = [replace(SAMPLE, kwargs={"n": n}, answer="") for n in range(40)]
    found = diff(samples, top, first)
    assert (len(found.changes), len(found.same)) == (39, 1)


@pytest.mark.parametrize(
    ("new", "why"),
    [
        (lambda sample: os.remove("/tmp/x"), "a trial forbids os.remove"),
        (lambda sample: Path("/etc/passwd").read_text(), "PermissionError: "),
        (lambda sample: sum(itertools.count()), "it gave no report within 1 s"),
        (lambda sample: os._exit(1), "it left by itself (1)"),
    ],
)
def test_what_cannot_be_tried_says_why(new: Any, why: str) -> None:
    found = diff(SAMPLE, top, new, seconds=1)
    assert found.untried.startswith(why)
    assert lines(found) == [f"earlier calls were not tried: {found.untried}"]


def test_a_method_that_is_not_written_yet_is_no_change() -> None:
    def new(sample: Sample) -> Any:
        raise CacheMiss("sales.clean is not written")

    assert diff(SAMPLE, top, new) == Diff(untried="CacheMiss: sales.clean is not written")


def test_an_error_of_ours_tells_nothing_about_the_code() -> None:
    def work() -> None:
        raise CacheMiss("sales.clean is not written")

    assert try_out(work, [], 5.0) == Report("not tried", why="CacheMiss: sales.clean is not written")


def test_files_that_were_granted_are_read_today(tmp_path: Path) -> None:
    file = tmp_path / "data.csv"
    file.write_text("a\n1\n")
    read = method(lambda state: Path(state["path"]).read_text().split())
    sample = Sample("a.read()", (), {}, {"path": str(file)}, encode(["a", "1"]))
    assert len(diff(sample, read, read, readable=[file]).same) == 1
    file.write_text("a\n2\n")
    (change,) = diff(replace(sample, moved=True), read, read, readable=[file]).changes
    assert (change.after, change.why) == ("['a', '2']", "the data moved")


def test_what_we_import_late_can_be_read() -> None:
    late = method(lambda state, n: Path(agent_repl.__file__).with_name("cli.py").read_text()[:3])
    assert len(diff(replace(SAMPLE, answer=""), late, late).same) == 1


def test_sets_are_compared_as_sets() -> None:
    one = method(lambda state, n: set([8, 0]))  # noqa: C405
    two = method(lambda state, n: set([0, 8]))  # noqa: C405
    assert len(diff(replace(SAMPLE, answer=encode({0, 8})), one, two).same) == 1
