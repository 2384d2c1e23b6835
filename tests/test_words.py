"""Methods from words: described before any call, by examples, and asked for at the prompt."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import kit
import pytest
from kit import Person, asked

import agent_repl as ar
from agent_repl.control import write

session = partial(kit.session, shape="never")
DOUBLE = "def double(self, n):\n    return 2 * n\n"
TRIPLE = "def double(self, n):\n    return 3 * n\n"
REVENUE = "def revenue_by_region(self):\n    return {'north': 3}\n"


def test_a_described_method_is_written_now_and_serves_the_first_call(tmp_path: Path) -> None:
    home = session(tmp_path, DOUBLE)
    agent = home.agent("adder")
    assert "is written" in write(agent, "double", "twice the number n")
    assert "twice the number n" in home.provider.prompts[0].user
    assert (agent.double(21), asked(home)) == (42, 1)
    assert ar.versions(agent.double)[0].reason == "from words: twice the number n"


def test_a_prompt_for_a_described_method_names_no_call(tmp_path: Path) -> None:
    home = session(tmp_path, DOUBLE)
    write(home.agent("adder"), "double", "twice the number n")
    assert "`double`, with the parameters that it needs\n" in home.provider.prompts[0].user
    assert "for the call" not in home.provider.prompts[0].user


def test_a_described_method_survives_a_restart_before_its_first_call(tmp_path: Path) -> None:
    write(session(tmp_path, DOUBLE).agent("adder"), "double", "twice the number n")
    later = session(tmp_path)
    assert (later.agent("adder").double(n=4), asked(later)) == (8, 0)


def test_a_described_method_is_reviewed_before_it_is_accepted(tmp_path: Path) -> None:
    home = session(tmp_path, DOUBLE, review=Person("reject"))
    agent = home.agent("adder")
    with pytest.raises(ar.Rejected):
        write(agent, "double", "twice the number n")
    assert home.reviewer.seen[0].reason == "from words: twice the number n"


def test_a_description_of_a_method_that_is_there_changes_it(tmp_path: Path) -> None:
    home = session(tmp_path, DOUBLE, TRIPLE)
    agent = home.agent("adder")
    agent.double(2)
    write(agent, "double", "three times the number n")
    assert (agent.double(2), asked(home)) == (6, 2)
    ar.undo(agent.double)
    assert agent.double(2) == 4


def test_examples_are_made_as_calls_and_kept_as_checks(tmp_path: Path) -> None:
    home = session(tmp_path, DOUBLE)
    agent = home.agent("adder")
    said = write(agent, "double", "twice", [((2,), {}, "4"), ((), {"n": 3}, "6")])
    assert "answers every example (2)" in said
    assert [example.kept for example in ar.examples(agent.double)] == [True, True]
    assert "double(2) answers 4" in home.provider.prompts[0].user


def test_code_that_answers_an_example_wrong_is_repaired(tmp_path: Path) -> None:
    home = session(tmp_path, TRIPLE, DOUBLE)
    agent = home.agent("adder")
    write(agent, "double", "twice", [((2,), {}, "4")])
    assert "double(2) answers 6, and must answer 4" in home.provider.prompts[1].user
    assert agent.double(5) == 10


def test_an_example_of_another_kind_is_asked_about_as_any_call_is(tmp_path: Path) -> None:
    home = session(tmp_path, DOUBLE, review=Person("accept", "accept"))
    agent = home.agent("adder")
    said = write(agent, "double", "twice", [((2,), {}, "4"), (("ab",), {}, "'abab'")])
    assert "answers every example (2)" in said
    assert home.reviewer.seen[1].reason.startswith("widens")


def test_code_that_stays_wrong_does_not_serve(tmp_path: Path) -> None:
    again = TRIPLE.replace("3 * n", "n + n + n")
    home = session(tmp_path, TRIPLE, again, again.replace("n + n + n", "n * 3"), repairs=2)
    agent = home.agent("adder")
    with pytest.raises(ar.InvalidCode, match=r"double\(2\) answers 6, and must answer 4"):
        write(agent, "double", "twice", [((2,), {}, "4")])
    with pytest.raises(ar.AgentError, match="not written yet"):
        ar.source(agent.double)
    assert len(ar.versions(agent.double)) == 3


def test_words_at_the_prompt_are_named_written_and_called(tmp_path: Path) -> None:
    home = session(tmp_path, "```\nrevenue_by_region\n```", REVENUE, review=Person("accept"))
    agent = home.agent("sales", name="sales")
    assert ar.say(agent, "revenue per region") == {"north": 3}
    assert home.reviewer.seen[0].title == "sales.revenue_by_region"
    assert agent.revenue_by_region() == {"north": 3}
    assert asked(home) == 2


def test_the_same_words_again_ask_no_model(tmp_path: Path) -> None:
    ar.say(session(tmp_path, "```\nrevenue_by_region\n```", REVENUE).agent("sales"), "revenue per region")
    later = session(tmp_path)
    assert ar.say(later.agent("sales"), "revenue  per region") == {"north": 3}
    assert asked(later) == 0


def test_other_words_never_get_the_method_of_the_first_ones(tmp_path: Path) -> None:
    chart = REVENUE.replace("revenue_by_region", "revenue_by_region_2").replace("3", "4")
    name = "```\nrevenue_by_region\n```"
    home = session(tmp_path, name, REVENUE, name, chart)
    agent = home.agent("sales")
    ar.say(agent, "revenue per region")
    assert ar.say(agent, "revenue per region, doubled") == {"north": 4}
    assert agent.revenue_by_region() == {"north": 3}


def test_words_wait_where_no_model_may_be_asked(tmp_path: Path) -> None:
    home = session(tmp_path, REVENUE, review="cached")
    with pytest.raises(ar.CacheMiss):
        ar.say(home.agent("sales"), "revenue per region")
    assert asked(home) == 0


@pytest.mark.parametrize("reply", ["", "```\nclass\n```", "```\n1 2 3\n```"])
def test_a_model_that_names_nothing_leaves_the_name_to_the_words(tmp_path: Path, reply: str) -> None:
    body = "def revenue_per_region(self):\n    return 1\n"
    home = session(tmp_path, reply or "```\n\n```", body)
    assert ar.say(home.agent("sales"), "Revenue per region!") == 1
