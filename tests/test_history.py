"""Versions: what was decided can be shown, compared, taken back and brought back."""

import pytest
from kit import Person, asked, session

from agent_repl import AgentError, diff, forget, pin, revise, rollback, undo, versions
from agent_repl.control import status

ADD = '''
def add(self, n):
    """n and one more."""
    return n + 1
'''
ADD_TWO = '''
def add(self, n):
    """n and two more; texts too."""
    return f"{n}2" if isinstance(n, str) else n + 2
'''


@pytest.fixture
def home(tmp_path):
    return session(tmp_path, ADD, ADD_TWO)


@pytest.fixture
def calc(home):
    agent = home.agent("calculator", name="calc")
    agent.add(1)
    revise(agent.add, "two more")
    return agent


def test_a_rollback_brings_the_old_code_back_for_the_calls_that_it_was_accepted_for(home, calc):
    assert calc.add(1) == 3
    rollback(calc.add, 1)
    assert calc.add(1) == 2
    assert "v1" in status(calc.add)
    assert asked(home) == 2


def test_a_rolled_back_version_does_not_serve_what_the_newer_one_did(tmp_path):
    home = session(tmp_path, ADD, ADD_TWO)
    calc = home.agent("calculator", name="calc")
    calc.add(1)
    assert calc.add("a") == "a2"
    rollback(calc.add, 1)
    home.mode = "cached"
    with pytest.raises(AgentError, match="no accepted code fits"):
        calc.add("a")


def test_only_what_was_accepted_can_be_brought_back(tmp_path):
    home = session(tmp_path, ADD, ADD_TWO, review=Person("reject", "accept"))
    agent = home.agent("calculator", name="calc")
    with pytest.raises(AgentError):
        agent.add(1)
    assert versions(agent.add)[0].verdict == "rejected"
    with pytest.raises(AgentError, match="never served its version 1"):
        rollback(agent.add, 1)


def test_undo_takes_back_the_last_decision_and_then_the_first(home, calc):
    assert undo(calc.add).version.number == 1
    assert calc.add(1) == 2
    assert undo(calc.add, 2).version.number == 1
    with pytest.raises(AgentError, match="can be taken back, not 99"):
        undo(calc.add, 99)


def test_undo_of_the_only_decision_leaves_nothing_to_serve_and_loses_no_version(tmp_path):
    home = session(tmp_path, ADD)
    agent = home.agent("calculator", name="calc")
    agent.add(1)
    assert undo(agent.add) is None
    home.mode = "cached"
    with pytest.raises(AgentError):
        agent.add(1)
    assert len(versions(agent, "add")) == 1


def test_undo_of_a_pin_takes_the_method_out_of_the_class_file(tmp_path):
    home = session(tmp_path, ADD)
    agent = home.agent("calculator", name="calc")
    agent.add(1)
    path = pin(agent.add)
    undo(agent.add)
    assert not path.exists()
    assert agent.add(1) == 2
    assert "PINNED" not in status(agent.add)


def test_a_pinned_method_that_is_rolled_back_stays_pinned(home, calc):
    path = pin(calc.add)
    rollback(calc.add, 1)
    assert "n + 1" in path.read_text()
    assert calc.add(1) == 2


def test_a_decision_of_one_session_is_seen_by_the_other_at_its_next_call(tmp_path, home, calc):
    other = session(tmp_path).agent("calculator", name="calc")
    assert other.add(1) == 3
    rollback(calc.add, 1)
    assert other.add(1) == 2


def test_a_diff_shows_what_changed_between_versions(calc):
    shown = diff(calc.add)
    assert "-    return n + 1" in shown
    assert "+    return f" in shown
    with pytest.raises(AgentError, match="no version 7"):
        diff(calc.add, 7)


def test_revising_writes_the_method_again_by_the_words_and_answers_the_last_call(tmp_path):
    home = session(tmp_path, ADD, ADD.replace("n + 1", "n + 10").replace("one", "ten"))
    agent = home.agent("calculator", name="calc")
    agent.add(1)
    assert revise(agent.add, "add ten") == 11
    assert "add ten" in home.provider.prompts[-1].user
    assert agent.add(2) == 12
    assert versions(agent.add)[-1].parents == (1,)


def test_revising_without_words_repairs_from_the_last_traceback(tmp_path, monkeypatch):
    broken = 'def ratio(self, a, b):\n    """a by b."""\n    return a / b\n'
    mended = broken.replace("return a / b", "return a / b if b else None")
    home = session(tmp_path, broken, mended)
    agent = home.agent("calculator", name="calc")
    agent.ratio(1, 2)
    pin(agent.ratio)
    with pytest.raises(ZeroDivisionError) as caught:
        agent.ratio(1, 0)
    monkeypatch.setattr("sys.last_value", caught.value, raising=False)
    monkeypatch.setattr("sys.last_exc", caught.value, raising=False)
    home.reviewer = Person("accept")
    assert revise(agent.ratio) is None
    assert "ZeroDivisionError" in home.provider.prompts[-1].user
    assert agent.ratio(1, 0) is None


def test_revising_without_words_needs_a_traceback(calc, monkeypatch):
    monkeypatch.setattr("sys.last_value", None, raising=False)
    monkeypatch.setattr("sys.last_exc", None, raising=False)
    with pytest.raises(AgentError, match="say in words"):
        revise(calc.add)


def test_a_pinned_method_is_never_replaced_without_a_person(tmp_path):
    home = session(tmp_path, ADD, ADD_TWO)
    agent = home.agent("calculator", name="calc")
    agent.add(1)
    pin(agent.add)
    with pytest.raises(AgentError, match="waits for a person"):
        revise(agent.add, "two more")
    assert agent.add(1) == 2


def test_forgetting_and_undoing_brings_the_method_back(tmp_path):
    home = session(tmp_path, ADD)
    agent = home.agent("calculator", name="calc")
    agent.add(1)
    forget(agent.add)
    assert undo(agent, "add").version.number == 1
    assert agent.add(1) == 2
    assert asked(home) == 1
