"""The log: one line of JSON for each outermost call, with the calls that it made inside."""

import json
from contextvars import copy_context

import pytest
from kit import session

from agent_repl import Usage
from agent_repl.pipeline.ledger import ledger

INNER = 'def square(self, n):\n    """Squared."""\n    return n * n\n'
OUTER = 'def twice(self, n):\n    """Two squares."""\n    return 2 * self.square(n)\n'


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_call_is_a_tree_with_its_tier_and_cost(tmp_path):
    path = tmp_path / "log.jsonl"
    agent = session(tmp_path, OUTER, INNER, log=str(path)).agent("calculator", name="calc")
    agent.twice(3)
    (tree,) = lines(path)
    assert (tree["call"], tree["tier"], tree["tries"]) == ("calc.twice", "NEW", 1)
    assert [call["call"] for call in tree["calls"]] == ["calc.square"]
    assert tree["calls"][0]["version"] == 1


def test_a_served_call_and_a_failure_are_told_too(tmp_path):
    path = tmp_path / "log.jsonl"
    home = session(tmp_path, INNER, log=str(path), repairs=0)
    agent = home.agent("calculator", name="calc")
    agent.square(3)
    agent.square(4)
    with pytest.raises(Exception, match="run out"):
        agent.square("x")
    assert [line.get("tier") for line in lines(path)[:2]] == ["NEW", "CACHED"]
    assert lines(path)[2]["error"] == "ProviderError"


def test_no_argument_and_no_answer_is_in_it(tmp_path):
    path = tmp_path / "log.jsonl"
    agent = session(tmp_path, INNER, log=str(path)).agent("calculator", name="calc")
    agent.square(123456)
    assert "123456" not in path.read_text()
    assert str(123456**2) not in path.read_text()


def test_a_log_that_cannot_be_written_stops_no_call(tmp_path):
    agent = session(tmp_path, INNER, log=str(tmp_path / "no" / "log")).agent("calculator")
    assert agent.square(3) == 9


def test_a_call_through_the_session_is_told_once(tmp_path):
    path = tmp_path / "log.jsonl"
    home = session(tmp_path, INNER, log=str(path))
    agent = home.agent("calculator", name="calc")
    assert home.call(agent, "square", 3).value == 9
    assert [line["call"] for line in lines(path)] == ["calc.square"]


def test_a_log_changes_nothing_of_what_a_call_does(tmp_path):
    path, ratio = tmp_path / "log.jsonl", 'def ratio(self, a, b):\n    """a by b."""\n    return a / b\n'
    home = session(tmp_path, ratio, ratio.replace("a / b", "a / b if b else None"), log=str(path))
    agent = home.agent("divider", name="calc")
    assert agent.ratio(1, 2) == 0.5
    assert agent.ratio(1, 0) is None
    assert len(home.provider.prompts) == 2
    assert lines(path)[1]["calls"][0]["author"] == "repair"


def test_the_accounts_of_two_threads_are_told_apart_though_they_say_the_same():
    first, second = copy_context(), copy_context()
    one, other = ledger(), ledger()
    book = first.run(one.__enter__)
    second.run(other.__enter__)
    second.run(other.__exit__, None, None, None)
    book.usage += Usage(calls=1)
    first.run(one.__exit__, None, None, None)
    with ledger(nested=True) as later:
        assert later.usage.calls == 0
