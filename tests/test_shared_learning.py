"""What one agent has learnt all agents of its identity know: here, in another process, tomorrow; in this home alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from kit import Person, session
from reuse_driver import kinds_of
from test_reuse_property import Child

import agent_repl
from agent_repl import AgentError, CacheMiss, ReviewRequired, forget, pin, source, versions

DOUBLE = 'def double(self, n):\n    """Twice n."""\n    return n * 2\n'
TWICE = 'def double(self, n):\n    """Twice n, otherwise."""\n    return n + n\n'
SCALED = 'def scaled(self, n):\n    """n by the factor."""\n    return n * self.factor\n'
PROGRAM = """
import json, sys
from agent_repl import ScriptedProvider, open_session
home = open_session(sys.argv[1], provider=ScriptedProvider([]), review="auto")
agent = home.agent(sys.argv[2], **json.loads(sys.argv[3]))
print(json.dumps([{expression}, len(home.provider.prompts)]))
"""


def in_another_process(expression, home, identity="calculator", **state):
    """The value of an expression about `agent`, and how often a model was asked."""
    paths = os.pathsep.join([str(Path(agent_repl.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    program = PROGRAM.replace("{expression}", expression)
    command = [sys.executable, "-c", program, str(home / ".agent_repl"), identity, json.dumps(state)]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def asked(home):
    return len(home.provider.prompts)


# ── in the same session ──


def test_a_second_agent_of_the_identity_knows_at_once_what_the_first_learnt(tmp_path):
    home = session(tmp_path, SCALED)
    first, second = home.agent("scaler", factor=2), home.agent("scaler", factor=10)
    assert (first.scaled(3), second.scaled(3)) == (6, 30)
    assert asked(home) == 1


def test_an_agent_that_was_there_before_knows_it_too(tmp_path):
    home = session(tmp_path, DOUBLE)
    early = home.agent("calculator")
    handle = early.double
    home.agent("calculator").double(2)
    assert (handle(4), early.double(5), asked(home)) == (8, 10, 1)


def test_agents_with_other_fillings_of_the_braces_share_what_was_learnt(tmp_path):
    home = session(tmp_path, DOUBLE)
    home.agent("calculator of {owner}", owner="Ann").double(2)
    assert home.agent("calculator of {owner}", owner="Bob").double(3) == 6
    assert asked(home) == 1


def test_a_copy_knows_what_its_original_learns_later(tmp_path):
    from copy import copy, deepcopy

    home = session(tmp_path, DOUBLE)
    agent = home.agent("calculator", rows=[1])
    copies = copy(agent), deepcopy(agent)
    agent.double(2)
    assert [each.double(4) for each in copies] == [8, 8]
    assert asked(home) == 1


def test_the_state_is_each_agent_s_own(tmp_path):
    keep = "def keep(self, n):\n    self.kept = n\n    return n\n"
    home = session(tmp_path, keep)
    first, second = home.agent("keeper"), home.agent("keeper")
    first.keep(1)
    second.keep(2)
    assert (vars(first), vars(second)) == ({"kept": 1}, {"kept": 2})


def test_another_identity_in_the_same_session_knows_nothing(tmp_path):
    home = session(tmp_path, DOUBLE)
    home.agent("calculator").double(2)
    home.mode = "cached"
    with pytest.raises(CacheMiss):
        home.agent("calculators").double(2)


# ── in another process ──


def test_another_process_knows_it_without_a_model(tmp_path):
    session(tmp_path, DOUBLE).agent("calculator").double(2)
    assert in_another_process("agent.double(21)", tmp_path) == [42, 0]


def test_what_another_process_learns_is_known_here_at_the_next_miss(tmp_path):
    home = session(tmp_path)
    agent = home.agent("calculator")
    other = Child(1)
    other.begin(tmp_path / ".agent_repl", {}, {"factor": 3})
    keeper = home.agent("keeper", factor=5)
    other.ask("call", method="show", args=[1], broken=False)
    other.ask("close")
    other.end()
    assert keeper.show(2)["values"] == [2, 5]
    assert (asked(home), vars(agent)) == (0, {})


def test_kinds_that_another_process_accepted_are_accepted_here(tmp_path):
    session(tmp_path, SCALED).agent("scaler", factor=2).scaled(1)
    assert in_another_process("agent.scaled(4)", tmp_path, "scaler", factor=5) == [20, 0]
    home = session(tmp_path, review="cached")
    with pytest.raises(CacheMiss, match="scaled"):
        home.agent("scaler", factor="x").scaled(4)


def test_the_braces_are_what_is_shared_between_processes(tmp_path):
    session(tmp_path, DOUBLE).agent("calculator of {owner}", owner="Ann").double(2)
    assert in_another_process("agent.double(3)", tmp_path, "calculator of {owner}", owner="Bob") == [6, 0]


def test_what_was_pinned_is_a_plain_function_in_another_process(tmp_path):
    home = session(tmp_path, DOUBLE)
    home.agent("calculator").double(2)
    pin(home.agent("calculator").double)
    found, prompts = in_another_process("[agent.double('ab'), type(agent.double).__name__]", tmp_path)
    assert (found, prompts) == (["abab", "method"], 0)


def test_a_session_that_was_open_before_sees_a_new_head_at_its_next_miss(tmp_path):
    first, second = session(tmp_path, DOUBLE, TWICE), session(tmp_path)
    mine, theirs = first.agent("calculator"), second.agent("calculator")
    mine.double(2)
    theirs.double(2)
    mine.double("ab")
    assert theirs.double("cd") == "cdcd"
    assert source(theirs.double).strip() == TWICE.strip()
    assert asked(second) == 0


def test_what_another_session_forgot_is_not_served_at_the_next_look(tmp_path):
    first, second = session(tmp_path, DOUBLE), session(tmp_path, TWICE.replace("double", "other"))
    mine, theirs = first.agent("calculator"), second.agent("calculator")
    mine.double(2)
    theirs.double(2)
    forget(mine.double)
    theirs.other(1)  # a miss: here a session looks
    second.mode = "cached"
    with pytest.raises(CacheMiss):
        theirs.double(2)


def test_a_model_never_replaces_what_another_session_pinned(tmp_path):
    first, second = session(tmp_path, DOUBLE), session(tmp_path, TWICE)
    mine, theirs = first.agent("calculator"), second.agent("calculator")
    mine.double(2)
    theirs.double(2)
    file = pin(mine.double)
    before = file.read_text()
    theirs.double("ab")  # a miss: it looks, and sees the pin
    assert file.read_text() == before
    assert asked(second) == 0


def test_a_verb_sees_what_another_session_has_just_learnt(tmp_path):
    first, second = session(tmp_path, DOUBLE), session(tmp_path)
    mine, theirs = first.agent("calculator"), second.agent("calculator")
    mine.double(2)
    assert source(theirs.double).strip() == DOUBLE.strip()


def test_what_was_forgotten_is_written_anew(tmp_path):
    home = session(tmp_path, DOUBLE, TWICE)
    agent = home.agent("calculator")
    agent.double(2)
    forget(agent.double)
    agent.double(2)
    assert source(agent.double).strip() == TWICE.strip()


def test_what_was_forgotten_is_not_served_to_a_file_of_another_shape(tmp_path):
    reader = (
        "import csv\ndef total(self):\n    with open(self.path) as file:\n"
        '        return sum(int(row.get("price", 0)) for row in csv.DictReader(file))\n'
    )
    data = tmp_path / "data.csv"
    data.write_text("day,price\n2024-01-15,10\n")
    home = session(tmp_path, reader, reader.replace("price", "cost"))
    agent = home.agent("reader", path=str(data))
    assert agent.total() == 10
    forget(agent.total)
    data.write_text("day,cost\n2024-01-15,10\n")
    assert agent.total() == 10


def test_a_draft_that_waits_is_not_run_for_a_file_of_another_shape(tmp_path):
    reader = (
        "import csv\ndef total(self):\n    with open(self.path) as file:\n"
        '        return sum(int(row.get("price", 0)) for row in csv.DictReader(file))\n'
    )
    data = tmp_path / "data.csv"
    data.write_text("day,price\n2024-01-15,10\n")
    home = session(tmp_path, reader, reader.replace("price", "cost"), review="later")
    agent = home.agent("reader", path=str(data))
    with pytest.raises(ReviewRequired):
        agent.total()
    data.write_text("day,cost\n2024-01-15,10\n")
    home.mode = "auto"
    assert agent.total() == 10


def test_a_draft_that_waits_is_not_run_for_another_option(tmp_path):
    one = 'def metres(self, v, unit):\n    """v in metres."""\n    return v * 1000 if unit == "km" else v\n'
    home = session(tmp_path, one, one.replace("else v", 'else v / 100 if unit == "cm" else v'), review="later")
    agent = home.agent("converter")
    with pytest.raises(ReviewRequired):
        agent.metres(2, "km")
    home.mode = "auto"
    assert agent.metres(200, "cm") == 2
    assert len(home.provider.prompts) == 2


# ── tomorrow ──


def test_tomorrow_s_process_knows_what_yesterday_s_learnt(tmp_path):
    child = Child(1)
    child.begin(tmp_path / ".agent_repl", {}, {"factor": 3})
    written = child.ask("call", method="outer", args=[1], broken=False)["written"]
    child.ask("close")
    child.end()
    assert [text["method"] for text in written] == ["outer", "show"]
    later = Child(100)
    later.begin(tmp_path / ".agent_repl", {}, {"factor": 4})
    reply = later.ask("call", method="outer", args=[2], broken=False)
    later.end()
    assert (reply["written"], reply["answer"]["inner"]["values"]) == ([], [2, 4])


def test_a_repair_is_learnt_and_the_failure_is_not(tmp_path):
    child = Child(1)
    child.begin(tmp_path / ".agent_repl", {}, {})
    reply = child.ask("call", method="plain", args=["a"], broken=True)
    child.end()
    assert [text["serial"] for text in reply["written"]] == [2, 3]
    later = Child(100)
    later.begin(tmp_path / ".agent_repl", {}, {})
    again = later.ask("call", method="plain", args=["b"], broken=False)
    later.end()
    assert (again["answer"]["serial"], again["written"]) == (3, [])


def test_a_draft_that_nobody_has_seen_is_not_what_another_process_runs(tmp_path):
    with pytest.raises(AgentError):
        session(tmp_path, DOUBLE, review="later").agent("calculator").double(2)
    later = session(tmp_path, review="cached")
    with pytest.raises(AgentError):
        later.agent("calculator").double(2)
    assert asked(later) == 0


def test_what_a_person_rejected_is_not_what_another_process_serves(tmp_path):
    home = session(tmp_path, DOUBLE, review=Person("reject"))
    with pytest.raises(AgentError):
        home.agent("calculator").double(2)
    with pytest.raises(AgentError):
        session(tmp_path, review="cached").agent("calculator").double(2)


# ── homes ──


def test_another_home_knows_nothing_of_it(tmp_path):
    session(tmp_path / "a", DOUBLE).agent("calculator").double(2)
    other = session(tmp_path / "b", TWICE)
    assert other.agent("calculator").double(2) == 4
    assert asked(other) == 1
    assert source(other.agent("calculator").double).strip() == TWICE.strip()
    assert in_another_process("agent.double(2)", tmp_path / "a") == [4, 0]


def test_two_homes_in_one_process_do_not_share_a_pinned_method(tmp_path):
    first, second = session(tmp_path / "a", DOUBLE), session(tmp_path / "b", TWICE)
    mine, theirs = first.agent("calculator"), second.agent("calculator")
    mine.double(2)
    pin(mine.double)
    assert "double" not in dir(type(theirs))
    assert theirs.double(4) == 8
    assert (asked(second), [v.number for v in versions(theirs.double)]) == (1, [1])
    assert not (tmp_path / "b" / ".agent_repl" / "modules").exists()


def test_two_sessions_of_one_home_in_one_process_share(tmp_path):
    first, second = session(tmp_path, DOUBLE), session(tmp_path)
    mine, theirs = first.agent("calculator"), second.agent("calculator")
    assert (mine.double(2), theirs.double(3)) == (4, 6)
    assert asked(second) == 0


def test_the_driver_tells_kinds_as_the_model_does():
    assert kinds_of("pair", [1], {}) == ["int", "int"]
    assert kinds_of("last", [], {}) == ["absent"]
    assert kinds_of("show", ["a"], {"factor": None}) == ["str", "NoneType"]
