"""Who misses the same key together waits for one model call and one review; nobody waits for anything else."""

import ast
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from flight_driver import wait_for
from kit import Person, fenced, session

import agent_repl
from agent_repl import ScriptedProvider, Verdict, open_session, versions

DRIVER = Path(__file__).with_name("flight_driver.py")
PATIENCE = 30
DOUBLE = "def double(self, n):\n    return n * 2\n"


def together(*calls):
    """What calls in as many threads return, all of them begun before any can end."""
    found, barrier = [None] * len(calls), threading.Barrier(len(calls))

    def run(place, call):
        barrier.wait(PATIENCE)
        found[place] = call()

    threads = [threading.Thread(target=run, args=each, daemon=True) for each in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    return found


def asked(home):
    return len(home.provider.prompts)


def wanted(prompt):
    return prompt.user.partition("Write the method `")[2].partition("`")[0]


# ── threads ──


def test_eight_threads_that_miss_together_cause_one_model_call_and_one_review(tmp_path):
    person = Person("accept")
    home = session(tmp_path, DOUBLE, review=person)
    agent = home.agent("calculator")
    assert together(*[lambda n=n: agent.double(n) for n in range(8)]) == [n * 2 for n in range(8)]
    assert (asked(home), len(person.seen), len(versions(agent.double))) == (1, 1, 1)


def test_eight_agents_of_one_identity_cause_one_model_call(tmp_path):
    home = session(tmp_path, DOUBLE)
    agents = [home.agent("calculator") for _ in range(8)]
    assert together(*[lambda a=a: a.double(4) for a in agents]) == [8] * 8
    assert asked(home) == 1


def test_who_waits_for_a_review_is_served_by_what_the_person_made_of_it(tmp_path):
    edited = Verdict("edit", source="def double(self, n):\n    return n + n + 0\n")
    person = Person(edited)
    home = session(tmp_path, DOUBLE, review=person)
    agent = home.agent("calculator")
    assert together(*[lambda: agent.double(4)] * 8) == [8] * 8
    assert (asked(home), len(person.seen)) == (1, 1)


def test_when_the_writer_fails_the_others_go_on(tmp_path):
    home = session(tmp_path, RuntimeError("the line is dead"), DOUBLE)
    agent = home.agent("calculator")
    outcomes = together(*[lambda: home.call(agent, "double", 4)] * 4)
    assert sorted(outcome.status for outcome in outcomes) == ["error", "ok", "ok", "ok"]
    assert {outcome.value for outcome in outcomes} == {None, 8}
    assert asked(home) == 2


def test_another_key_is_written_and_served_while_one_is_being_written(tmp_path):
    done = threading.Event()

    def reply(prompt):
        name = wanted(prompt)
        if name == "slow":
            assert done.wait(PATIENCE)
        return fenced(f"def {name}(self, n):\n    return ['{name}', n]\n")

    home = open_session(tmp_path / ".agent_repl", provider=ScriptedProvider(reply), review="auto")
    agent, found = home.agent("calculator"), []
    agent.known(1)
    writer = threading.Thread(target=lambda: found.append(agent.slow(1)), daemon=True)
    writer.start()
    assert [agent.known(2), agent.fresh(3)] == [["known", 2], ["fresh", 3]]
    done.set()
    writer.join(PATIENCE)
    assert found == [["slow", 1]]


def test_the_same_key_is_served_while_code_that_it_wrote_still_runs(tmp_path):
    begun, end = threading.Event(), threading.Event()
    code = "def pause(self, n):\n    if n:\n        self.begun.set()\n        self.end.wait(30)\n    return n\n"
    home = session(tmp_path, code)
    agent, found = home.agent("sleeper", begun=begun, end=end), []
    sleeper = threading.Thread(target=lambda: found.append(agent.pause(1)), daemon=True)
    sleeper.start()
    assert begun.wait(PATIENCE)
    assert agent.pause(0) == 0
    end.set()
    sleeper.join(PATIENCE)
    assert (found, asked(home)) == ([1], 1)


def test_a_recursive_first_call_causes_one_model_call(tmp_path):
    home = session(tmp_path, "def fact(self, n):\n    return 1 if n < 2 else n * self.fact(n - 1)\n")
    assert home.agent("calculator").fact(5) == 120
    assert asked(home) == 1


def test_a_recursive_first_call_from_eight_threads_causes_one_model_call(tmp_path):
    home = session(tmp_path, "def fact(self, n):\n    return 1 if n < 2 else n * self.fact(n - 1)\n")
    agent = home.agent("calculator")
    assert together(*[lambda: agent.fact(5)] * 8) == [120] * 8
    assert asked(home) == 1


def test_methods_that_call_each_other_cause_one_model_call_each_while_another_key_is_served(tmp_path):
    both = threading.Barrier(2)

    def reply(prompt):
        name = wanted(prompt)
        if name == "other":
            return fenced("def other(self, n):\n    return -n\n")
        both.wait(PATIENCE)  # each is being written while the other is
        return fenced(f"def {name}(self, n):\n    return n if n < 1 else self.{'b' if name == 'a' else 'a'}(n - 1)\n")

    home = open_session(tmp_path / ".agent_repl", provider=ScriptedProvider(reply), review="auto")
    agent = home.agent("pair")
    assert together(lambda: agent.a(5), lambda: agent.b(4), lambda: agent.other(1)) == [0, 0, -1]
    assert sorted(map(wanted, home.provider.prompts)) == ["a", "b", "other"]


def test_methods_that_call_each_other_wait_for_no_review_of_the_other(tmp_path):
    def reply(prompt):
        name = wanted(prompt)
        return fenced(f"def {name}(self, n):\n    return n if n < 1 else self.{'b' if name == 'a' else 'a'}(n - 1)\n")

    person = Person("accept", "accept")
    home = open_session(tmp_path / ".agent_repl", provider=ScriptedProvider(reply), review=person)
    agent = home.agent("pair")
    assert together(lambda: agent.a(3), lambda: agent.b(3)) == [0, 0]
    assert (asked(home), len(person.seen)) == (2, 2)


def test_two_kinds_of_one_name_that_are_missed_together_are_both_answered_right(tmp_path):
    def reply(prompt):
        text = "int" if "for the call calculator.double(2)" in prompt.user else "str"
        return fenced(f"def double(self, n):\n    return [{text!r}, n]\n")

    home = open_session(tmp_path / ".agent_repl", provider=ScriptedProvider(reply), review="auto")
    agent = home.agent("calculator")
    found = together(*[lambda: agent.double(2), lambda: agent.double("ab")] * 3)
    assert found == [["int", 2], ["str", "ab"]] * 3


# ── processes ──


class Flight:
    """A driver process: it begins when it is told to, and its model answers when there is a file `go`."""

    def __init__(self, home, name, method="double", argument=4):
        self.folder, self.name = home.parent, name
        paths = os.pathsep.join([str(Path(agent_repl.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
        self.process = subprocess.Popen(
            [sys.executable, str(DRIVER), str(home), method, str(argument), name],
            env={**os.environ, "PYTHONPATH": paths},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout.readline() == "ready\n"

    def begin(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def answer(self):
        value, error, _ = json.loads(self.process.stdout.readline())
        assert error == "None"
        return value

    def is_asked(self):
        wait_for(self.folder / f"{self.name}.asked0")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


def model_calls(home):
    return len(list(home.parent.glob("*.asked*")))


def give_all_a_chance(home, count):
    """Until so many models were asked, or there was time enough for it."""
    end = time.monotonic() + 2
    while model_calls(home) < count and time.monotonic() < end:
        time.sleep(0.01)


@pytest.fixture
def home(tmp_path):
    return tmp_path / ".agent_repl"


def fly(home, count, method="double", argument=4):
    """Processes that have begun, one of whose models is being asked; then all models answer."""
    with ExitStack() as stack:
        flights = [stack.enter_context(Flight(home, f"p{n}", method, argument)) for n in range(count)]
        flights[0].begin()
        flights[0].is_asked()
        for flight in flights[1:]:
            flight.begin()
        (home.parent / "go").touch()
        return [flight.answer() for flight in flights]


def test_four_processes_that_miss_together_cause_one_model_call(home):
    with ExitStack() as stack:
        flights = [stack.enter_context(Flight(home, f"p{n}")) for n in range(4)]
        for flight in flights:
            flight.begin()
        give_all_a_chance(home, 4)
        (home.parent / "go").touch()
        assert [flight.answer() for flight in flights] == [8] * 4
    assert model_calls(home) == 1
    later = session(home.parent, review="cached").agent("calculator")
    assert [version.number for version in versions(later, "double")] == [1]


def test_processes_that_miss_one_after_the_other_cause_one_model_call(home):
    (home.parent / "go").touch()
    for name in ("first", "second", "third"):
        with Flight(home, name) as flight:
            flight.begin()
            assert flight.answer() == 8
    assert model_calls(home) == 1


def test_a_process_waits_for_one_that_is_writing(home):
    with Flight(home, "writer") as writer, Flight(home, "waiter") as waiter:
        writer.begin()
        writer.is_asked()
        waiter.begin()
        give_all_a_chance(home, 2)
        (home.parent / "go").touch()
        assert [writer.answer(), waiter.answer()] == [8, 8]
    assert [path.name for path in home.parent.glob("*.asked*")] == ["writer.asked0"]


def test_a_writer_that_dies_releases_those_who_wait(home):
    with Flight(home, "writer") as writer, Flight(home, "waiter") as waiter:
        writer.begin()
        writer.is_asked()
        waiter.begin()
        writer.process.kill()
        writer.process.wait(PATIENCE)
        (home.parent / "go").touch()
        assert waiter.answer() == 8
    assert model_calls(home) == 2


def test_nothing_of_a_writer_that_died_is_served(home):
    with Flight(home, "writer") as writer:
        writer.begin()
        writer.is_asked()
        writer.process.kill()
        writer.process.wait(PATIENCE)
    later = session(home.parent, DOUBLE)
    agent = later.agent("calculator")
    assert versions(agent, "double") == ()
    assert (agent.double(2), asked(later)) == (4, 1)


def test_another_key_is_written_while_a_process_writes(home):
    with Flight(home, "writer") as writer:
        writer.begin()
        writer.is_asked()
        here = session(home.parent, "def triple(self, n):\n    return n * 3\n")
        assert here.agent("calculator").triple(2) == 6
        (home.parent / "go").touch()
        assert writer.answer() == 8


def test_a_recursive_first_call_in_two_processes_is_right_in_both(home):
    assert fly(home, 2, "fact", 5) == [120, 120]
    assert session(home.parent, review="cached").agent("calculator").fact(6) == 720


# ── what Python itself does wrong when threads meet ──


def test_a_reply_that_python_fails_to_parse_beside_another_thread_is_parsed_again(tmp_path, monkeypatch):
    real, failures = ast.parse, iter([True, True])

    def parse(source, *args, **kwargs):
        if str(source).startswith("def double") and next(failures, False):
            raise SystemError("AST constructor recursion depth mismatch (before=63, after=55)")
        return real(source, *args, **kwargs)

    home = open_session(tmp_path / ".agent_repl", provider=ScriptedProvider([fenced(DOUBLE)]), review="auto")
    monkeypatch.setattr(ast, "parse", parse)
    assert home.agent("calculator").double(4) == 8
    assert asked(home) == 1
    assert next(failures, None) is None
