"""Decisions that are changed: what was taken back does not run again, and what was paid for is not paid twice."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from kit import Person, asked, session

import agent_repl as ar
from agent_repl.control import review_pending, write

ADD = "def add(self, a, b):\n    return a + b\n"
BAD = "def double(self, n):\n    return n.nothing\n"
DOUBLE = "def double(self, n):\n    return 2 * n\n"
TRIPLE = "def double(self, n):\n    return 3 * n\n"
WRONG = (TRIPLE, TRIPLE.replace("3 * n", "n + n + n"), TRIPLE.replace("3 * n", "n * 3"))
NAME = "```\nrevenue_by_region\n```"
REVENUE = "def revenue_by_region(self):\n    return {'north': 3}\n"


def late(tmp_path: Path, *replies: str) -> tuple[ar.Session, ar.Agent]:
    """A session in which a draft of `double` waits, and its agent."""
    home = session(tmp_path, DOUBLE, *replies, review="later")
    agent = home.agent("adder", name="adder")
    with pytest.raises(ar.ReviewRequired):
        agent.double(2)
    return home, agent


def test_a_rejected_draft_does_not_run_when_the_mode_becomes_auto(tmp_path: Path) -> None:
    home = session(tmp_path, DOUBLE, review=Person("reject"))
    agent = home.agent("adder")
    with pytest.raises(ar.Rejected):
        agent.double(2)
    home = session(tmp_path, review="auto")
    with pytest.raises(ar.ReviewRequired, match="rejected before"):
        home.agent("adder").double(2)


def test_auto_for_one_agent_asks_about_what_was_rejected_before(tmp_path: Path) -> None:
    home = session(tmp_path, DOUBLE, ADD, review=Person("reject", "auto", "reject"))
    agent = home.agent("adder")
    with pytest.raises(ar.Rejected):
        agent.double(2)
    agent.add(1, 2)
    with pytest.raises(ar.Rejected):
        agent.double(2)


def test_an_edit_that_was_taken_back_runs_for_no_other_call_unasked(tmp_path: Path) -> None:
    home = session(tmp_path, DOUBLE, review=Person("accept", "reject"))
    agent = home.agent("adder")
    agent.double(2)
    ar.edit(agent.double, TRIPLE)
    ar.undo(agent.double)
    assert agent.double(2) == 4
    with pytest.raises(ar.Rejected):
        agent.double("a")
    assert "REJECTED BEFORE" in home.reviewer.seen[1].reason


@pytest.mark.parametrize("verb", [ar.undo, ar.reject])
def test_an_acceptance_that_no_call_has_used_can_be_taken_back(tmp_path: Path, verb: object) -> None:
    _, agent = late(tmp_path)
    ar.accept(agent.double)
    verb(agent.double)  # type: ignore[operator]
    with pytest.raises(ar.ReviewRequired):
        agent.double(2)


def test_what_was_accepted_before_its_call_is_forgotten_too(tmp_path: Path) -> None:
    agent = session(tmp_path, DOUBLE, TRIPLE).agent("adder")
    agent.double(2)
    ar.edit(agent.double, DOUBLE.replace("2 * n", "4 * n"))
    ar.forget(agent.double)
    assert agent.double(2) == 6


@pytest.mark.parametrize("answer", [KeyboardInterrupt(), "reject"])
def test_a_repair_that_was_not_accepted_is_shown_again_and_not_paid_twice(tmp_path: Path, answer: object) -> None:
    home = session(tmp_path, BAD, DOUBLE, without="trial", review=Person("accept", answer, "accept"))
    agent = home.agent("adder")
    with pytest.raises(AttributeError):
        agent.double(2)
    with pytest.raises((KeyboardInterrupt, ar.Rejected)):
        agent.double(2)
    assert (agent.double(2), asked(home)) == (4, 2)


def test_a_repair_that_waits_can_be_accepted_by_its_verb(tmp_path: Path) -> None:
    home = session(tmp_path, BAD, DOUBLE, without="trial", review=Person("accept", KeyboardInterrupt()))
    agent = home.agent("adder")
    with pytest.raises(AttributeError):
        agent.double(2)
    with pytest.raises(KeyboardInterrupt):
        agent.double(2)
    ar.accept(agent.double)
    assert (agent.double(2), asked(home)) == (4, 2)


def test_a_draft_that_is_accepted_for_a_pinned_method_takes_its_place(tmp_path: Path) -> None:
    home = session(tmp_path, DOUBLE, TRIPLE, review=Person("accept", KeyboardInterrupt()))
    agent = home.agent("adder")
    agent.double(2)
    ar.pin(agent.double)
    with pytest.raises(KeyboardInterrupt):
        ar.revise(agent, "double", "three times")
    assert "PINNED" in ar.accept(agent.double)
    assert agent.double(2) == 6


def test_a_strict_policy_holds_in_the_review_of_drafts(tmp_path: Path) -> None:
    home = session(tmp_path, "def wipe(self, path):\n    import os\n    os.remove(path)\n", review="later")
    with pytest.raises(ar.ReviewRequired):
        home.agent("adder").wipe("x")
    strict = session(tmp_path, review=Person("pin"), policy="strict")
    assert "policy=strict refuses" in review_pending(strict)[0]


@pytest.mark.parametrize("pinned", [False, True])
def test_examples_that_stay_wrong_leave_the_method_that_was_there(tmp_path: Path, pinned: bool) -> None:
    home = session(tmp_path, DOUBLE, *WRONG, shape="never", repairs=2, review=Person(*["accept"] * 4))
    agent = home.agent("adder")
    agent.double(2)
    if pinned:
        ar.pin(agent.double)
    with pytest.raises(ar.InvalidCode):
        write(agent, "double", "twice", [((2,), {}, "5")])
    assert (agent.double(2), session(tmp_path).agent("adder").double(2)) == (4, 4)


def test_examples_whose_repair_is_rejected_leave_the_method_that_was_there(tmp_path: Path) -> None:
    home = session(tmp_path, DOUBLE, *WRONG, shape="never", review=Person("accept", "accept", "reject"))
    agent = home.agent("adder")
    agent.double(2)
    with pytest.raises(ar.Rejected):
        write(agent, "double", "twice", [((2,), {}, "5")])
    assert agent.double(2) == 4


def test_words_whose_draft_was_accepted_meanwhile_run_it(tmp_path: Path) -> None:
    home = session(tmp_path, NAME, REVENUE, review="later")
    agent = home.agent("sales")
    with pytest.raises(ar.ReviewRequired):
        ar.say(agent, "revenue per region")
    ar.accept(agent, "revenue_by_region")
    assert (ar.say(agent, "revenue per region"), asked(home)) == ({"north": 3}, 2)


def test_words_whose_draft_was_rejected_show_it_again(tmp_path: Path) -> None:
    home = session(tmp_path, NAME, REVENUE, review=Person("reject", "accept"))
    agent = home.agent("sales")
    with pytest.raises(ar.Rejected):
        ar.say(agent, "revenue per region")
    assert (ar.say(agent, "revenue per region"), asked(home)) == ({"north": 3}, 2)
    assert "REJECTED BEFORE" in home.reviewer.seen[1].reason


def test_words_never_get_the_name_of_a_draft_that_waits(tmp_path: Path) -> None:
    home = session(tmp_path, REVENUE, NAME, REVENUE.replace("region(", "region_2("), review="later")
    agent = home.agent("sales")
    for ask in (agent.revenue_by_region, lambda: ar.say(agent, "revenue per region")):
        with pytest.raises(ar.ReviewRequired):
            ask()
    assert [version.key.name for version in ar.pending(home)] == ["revenue_by_region", "revenue_by_region_2"]


def test_revise_without_words_repairs_what_failed_at_its_first_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = session(tmp_path, BAD, DOUBLE, without="trial", review=Person("accept", "accept"))
    agent = home.agent("adder")
    with pytest.raises(AttributeError) as caught:
        agent.double(n=2)
    for name in ("last_value", "last_exc"):
        monkeypatch.setattr(sys, name, caught.value, raising=False)
    assert ar.revise(agent.double) == 4
    assert "has no attribute 'nothing'" in home.provider.prompts[1].user


def test_drafts_are_not_shown_where_nobody_can_answer(tmp_path: Path) -> None:
    home, _ = late(tmp_path)
    with pytest.raises(ar.ReviewRequired, match="1 waiting, and nobody can answer here"):
        review_pending(home)
    assert len(ar.pending(home)) == 1
