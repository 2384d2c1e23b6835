"""Code that was extended for another kind of call goes on to serve the kinds that it was accepted for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kit import Person, asked, session

from agent_repl import forget, pin, revise, rollback, versions
from agent_repl.control import status

NUMBER = "def double(self, n):\n    return n * 2\n"
TEXT = "def double(self, n):\n    return int(n) * 2\n"
WRONG = "def double(self, n):\n    return n.size * 2\n"


@pytest.fixture
def both(tmp_path: Path) -> Any:
    """An agent whose method was written for a number, and then for a text."""
    agent = session(tmp_path, NUMBER, TEXT).agent("adder")
    assert (agent.double(4), agent.double("5")) == (8, 10)
    return agent


def test_two_kinds_of_calls_in_turn_cost_two_model_calls(tmp_path: Path, both: Any) -> None:
    assert [both.double(n) for n in (1, "2", 3, "4")] == [2, 4, 6, 8]
    later = session(tmp_path)
    again = later.agent("adder")
    assert [again.double(n) for n in (1, "2", 3, "4")] == [2, 4, 6, 8]
    assert asked(later) == 0


def test_a_session_that_was_there_before_the_home_knows_older_code_too(tmp_path: Path) -> None:
    put = "def put(self, n):\n    self.kept = n\n    return n, {}\n"
    later, early = session(tmp_path, put.format(1), put.format(2)), session(tmp_path, put.format(3))
    one, other = later.agent("keeper", factor=3), early.agent("keeper", factor=3)
    assert (one.put(1), one.put("a")) == ((1, 1), ("a", 2))
    assert (other.put(4), other.put("b"), asked(early)) == ((4, 1), ("b", 2), 0)


def test_files_of_two_forms_in_turn_cost_two_model_calls(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("n,day\n1,2024-01-02\n2,2024-01-03\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("price;day\n$1,200.00;31/01/2024\n$3.00;31/01/2024\n", encoding="utf-8")
    total = "def total(self):\n    return sum(row['{}'] for row in _rows(self.path))\n"
    home = session(tmp_path, total.format("n"), total.format("price"))
    found = [home.agent("table {path}", path=str(tmp_path / f"{name}.csv")).total() for name in "abab"]
    assert [float(each) for each in found] == [3, 1203, 3, 1203]
    assert asked(home) == 2


def test_the_screen_says_that_an_older_version_may_run(both: Any) -> None:
    assert status(both, "double").startswith("adder.double · CACHED v2 or v1 · ")


def test_a_pin_says_that_the_older_code_serves_no_more(tmp_path: Path) -> None:
    home = session(tmp_path, NUMBER, TEXT)
    home.reviewer = Person()
    agent = home.agent("adder")
    assert (agent.double(4), agent.double("5")) == (8, 10)
    pin(agent.double)
    [said] = [event.text for event in home.reviewer.events if "every call" in event.text]
    assert said == "v2 serves every call from now on, those too that v1 was written for"
    assert status(agent, "double").startswith("adder.double · PINNED v2 · ")
    pin(agent.double)
    assert len([event for event in home.reviewer.events if "every call" in event.text]) == 1


def test_code_that_was_revised_serves_no_more(tmp_path: Path) -> None:
    better, last = NUMBER.replace("* 2", "+ '!'"), NUMBER.replace("n * 2", "n + n")
    home = session(tmp_path, NUMBER, TEXT, better, last)
    agent = home.agent("adder")
    agent.double(4), agent.double("5")
    revise(agent, "double", "the text is to be joined")
    assert (agent.double("5"), agent.double(4)) == ("5!", 8)
    assert [v.reason.partition(":")[0] for v in versions(agent, "double")] == [
        "new",
        "extends v1",
        "revised",
        "extends v3",
    ]


def test_a_person_who_goes_back_or_forgets_decides_for_all_kinds(tmp_path: Path, both: Any) -> None:
    rollback(both, "double", 1)
    later = session(tmp_path, TEXT.replace("int", "float"))
    assert later.agent("adder").double("5") == 10.0
    assert asked(later) == 1
    forget(later.agent("adder"), "double")
    last = session(tmp_path, NUMBER)
    assert last.agent("adder").double(3) == 6
    assert asked(last) == 1


def test_a_repair_of_the_extension_takes_nothing_from_the_older_code(tmp_path: Path) -> None:
    home = session(tmp_path, NUMBER, WRONG, TEXT.replace("int(n)", "int(n.strip())"))
    agent = home.agent("adder")
    assert [agent.double(n) for n in (1, "2", 3, "4")] == [2, 4, 6, 8]
    assert [v.verdict for v in versions(agent, "double")] == ["accepted", "failed", "accepted"]
    assert asked(home) == 3


def test_what_an_older_version_did_is_undone_when_it_raises(tmp_path: Path) -> None:
    counted = "def add(self, n):\n    self.seen = self.seen + [n]\n    self.total += 10 // n\n    return self.total\n"
    worded = "def add(self, n):\n    return len(n)\n"
    home = session(tmp_path, counted, worded, repairs=0)
    agent = home.agent("counter", seen=[1], total=0)
    assert (agent.add(5), agent.add("abc")) == (2, 3)
    with pytest.raises(ZeroDivisionError):
        agent.add(0)
    assert (agent.seen, agent.total) == ([1, 5], 2)
