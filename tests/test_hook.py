"""A hook is told of each version that was written and serves, once, and can break nothing."""

import threading

import pytest
from kit import Person, session

from agent_repl import accept, define, edit, forget, revise, rollback
from agent_repl.control import write

INNER = 'def square(self, n):\n    """Squared."""\n    return n * n\n'
OUTER = 'def twice(self, n):\n    """Two squares."""\n    return 2 * self.square(n)\n'
CUBE = 'def cube(self, n):\n    """Cubed."""\n    return n * n * n\n'


def heard(home):
    """What the hook of a session is told, as it grows."""
    told = []
    home.on_method_written(lambda agent, name, scope, version: told.append((name, scope, version.number)))
    return told


def test_a_hook_is_told_of_each_method_that_was_written(tmp_path):
    home = session(tmp_path, OUTER, INNER)
    told, agents = heard(home), []
    home.on_method_written(lambda agent, *rest: agents.append(agent))
    agent = home.agent("calculator")
    assert agent.twice(3) == 18
    agent.twice(4)
    assert told == [("square", "instance", 1), ("twice", "instance", 1)]
    assert all(each is agent for each in agents)


def test_a_hook_is_told_of_what_a_person_wrote_and_not_of_a_rollback(tmp_path):
    home = session(tmp_path, INNER, INNER.replace("n * n", "n ** 2"))
    told, agent = heard(home), home.agent("calculator")
    agent.square(3)
    edit(agent, "square", INNER.replace("n * n", "n * n + 0"))
    define(agent, "cube", CUBE)
    revise(agent, "square", "as a power")
    rollback(agent, "square", 1)
    assert [(name, number) for name, _, number in told] == [("square", 1), ("square", 2), ("cube", 1), ("square", 3)]


def test_a_repair_is_told_and_what_failed_is_not(tmp_path):
    home = session(tmp_path, INNER.replace("n * n", "[][n]"), INNER)
    told = heard(home)
    assert home.agent("calculator").square(3) == 9
    assert told == [("square", "instance", 2)]


def test_nobody_is_told_of_code_that_was_refused_or_only_widened(tmp_path):
    home = session(tmp_path, INNER, CUBE, review=Person("accept", "accept", "reject"))
    told, agent = heard(home), home.agent("calculator")
    agent.square(3)
    agent.square(3.5)
    with pytest.raises(Exception, match="rejected"):
        agent.cube(3)
    assert told == [("square", "instance", 1)]


def test_what_is_written_before_its_call_is_told_when_it_serves(tmp_path):
    home = session(tmp_path, INNER, review=Person("accept"), shape="never")
    told, agent = heard(home), home.agent("calculator")
    write(agent, "square", "n squared")
    assert told == []
    agent.square(3)
    assert told == [("square", "instance", 1)]


def test_a_draft_that_a_person_accepts_later_is_told_when_it_serves(tmp_path):
    home = session(tmp_path, INNER, review="later")
    told, agent = heard(home), home.agent("calculator")
    with pytest.raises(Exception, match="waits"):
        agent.square(3)
    accept(agent, "square")
    agent.square(3)
    assert told == [("square", "instance", 1)]


def test_a_hook_that_raises_is_a_warning(tmp_path):
    person = Person("accept")
    home = session(tmp_path, INNER, review=person)
    home.on_method_written(lambda *facts: 1 / 0)
    told = heard(home)
    assert home.agent("calculator", name="calc").square(3) == 9
    warnings = [(event.title, event.text) for event in person.events if event.kind == "warning"]
    assert warnings == [("calc.square", "a hook failed: ZeroDivisionError: division by zero")]
    assert told == [("square", "instance", 1)]


def test_a_hook_may_call_what_is_not_yet_written(tmp_path):
    home = session(tmp_path, INNER, CUBE)
    told, answers = heard(home), []
    home.on_method_written(lambda agent, name, *rest: answers.append(agent.cube(2)) if name == "square" else None)
    assert home.agent("calculator").square(3) == 9
    assert answers == [8]
    assert told == [("square", "instance", 1), ("cube", "instance", 1)]


def test_a_hook_may_write_the_very_method_again_and_forget_it(tmp_path):
    home = session(tmp_path, INNER, INNER)
    agent = home.agent("calculator")

    def again(agent, name, scope, version):
        if version.number == 1:
            edit(agent, name, INNER.replace("n * n", "n ** 2"))
        else:
            forget(agent, name)

    home.on_method_written(again)
    assert agent.square(3) == 9
    assert agent.square(3) == 9
    assert len(home.provider.prompts) == 2


def test_a_hook_may_remove_itself(tmp_path):
    home = session(tmp_path, INNER, CUBE)
    told, once = heard(home), []

    def first(*facts):
        once.append(facts[1])
        remove()
        remove()

    remove = home.on_method_written(first)
    agent = home.agent("calculator")
    agent.square(3)
    agent.cube(3)
    assert once == ["square"]
    assert len(told) == 2


def test_no_lock_is_held_while_a_hook_runs(tmp_path):
    home = session(tmp_path, INNER, INNER.replace("Sq", "A sq"), CUBE)
    agent, answers = home.agent("calculator"), []

    def elsewhere(agent, name, scope, version):
        if (name, version.number) == ("square", 1):
            thread = threading.Thread(target=lambda: answers.extend([agent.square(4.5), agent.cube(2)]))
            thread.start()
            thread.join(20)
            answers.append(thread.is_alive())

    home.on_method_written(elsewhere)
    assert agent.square(3) == 9
    assert answers == [20.25, 8, False]


def test_hooks_that_write_ever_more_are_stopped_by_the_budget(tmp_path):
    names = ("first", "second", "third", "fourth")
    home = session(tmp_path, *(INNER.replace("square", name) for name in names), max_calls=2)
    agent = home.agent("calculator")
    further = {"first": lambda: agent.second(3), "second": lambda: agent.third(3), "third": lambda: agent.fourth(3)}
    home.on_method_written(lambda agent, name, *rest: further[name]())
    assert agent.first(3) == 9
    assert len(home.provider.prompts) == 2
