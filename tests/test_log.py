"""The log: one line of JSON for each outermost call, with the calls that it made inside; levels, redaction, logging."""

import json
import logging
import os
import subprocess
import sys
from contextvars import copy_context

import pytest
from kit import Person, session

from agent_repl import Rejected, Usage
from agent_repl.pipeline.ledger import ledger
from agent_repl_data.log import Log

INNER = 'def square(self, n):\n    """Squared."""\n    return n * n\n'
OUTER = 'def twice(self, n):\n    """Two squares."""\n    return 2 * self.square(n)\n'


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_call_is_a_tree_with_its_tier_and_cost(tmp_path):
    path = tmp_path / "log.jsonl"
    agent = session(tmp_path, OUTER, INNER, log=str(path)).agent("calculator", name="calc")
    agent.twice(3)
    (tree,) = lines(path)
    assert (tree["call"], tree["tier"], len(tree["attempts"])) == ("calc.twice", "NEW", 1)
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


@pytest.mark.parametrize("place", ["directory", "no/log", "full", "pipe"])
def test_a_log_that_cannot_be_written_stops_no_call(tmp_path, place):
    path = tmp_path / place
    if place == "directory":
        path.mkdir()
    if place == "full":
        path.symlink_to("/dev/full")
    if place == "pipe":
        os.mkfifo(path)
    agent = session(tmp_path, INNER, log=str(path), log_level="prompt").agent("calculator")
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


def test_a_tree_tells_attempts_stages_effects_and_the_verdict(tmp_path):
    path = tmp_path / "log.jsonl"
    wrong = INNER.replace("n * n", "self.count * n")
    right = "import os\n\n" + INNER.replace("    return", '    os.system("")\n    return')
    home = session(tmp_path, wrong, right, log=str(path), review=Person("accept"))
    home.agent("calculator", name="calc").square(3)
    (tree,) = lines(path)
    tried = [(each["stage"], each.get("rule"), each.get("line")) for each in tree["attempts"]]
    assert tried == [("write", "attributes", 3), ("write", None, None)]
    assert tree["stages"].keys() >= {"write", "review", "settle", "execute"}
    assert (tree["verdict"], tree["effects"], tree["cost"]) == ("accept", ["process"], 0.0)
    assert len(tree["key"]) == 16


def test_what_a_person_refused_is_in_the_tree(tmp_path):
    path = tmp_path / "log.jsonl"
    home = session(tmp_path, INNER, log=str(path), review=Person("reject"))
    with pytest.raises(Rejected):
        home.agent("calculator").square(3)
    assert [(tree["verdict"], tree["error"]) for tree in lines(path)] == [("reject", "Rejected")]


def test_the_same_method_has_the_same_key_and_another_has_not(tmp_path):
    path = tmp_path / "log.jsonl"
    agent = session(tmp_path, OUTER, INNER, log=str(path)).agent("calculator")
    agent.twice(3)
    agent.twice(4)
    first, second = lines(path)
    assert first["key"] == second["key"] != first["calls"][0]["key"]


def test_each_level_holds_more_than_the_one_before(tmp_path):
    kinds = {}
    for level in ("call", "stage", "prompt"):
        path = tmp_path / level / "log.jsonl"
        path.parent.mkdir()
        home = session(path.parent, "no code", INNER, log=str(path), log_level=level)
        home.agent("calculator", name="calc").square(3)
        kinds[level] = [line.get("event") for line in lines(path)]
        assert lines(path)[-1]["call"] == "calc.square"
    assert kinds["call"] == [None]
    assert set(kinds["stage"]) >= {"writing", "attempt", "write", "execute", "done"}
    assert set(kinds["prompt"]) == {"prompt", *kinds["stage"]}


def test_a_specification_is_a_stage_of_its_own(tmp_path):
    path = tmp_path / "log.jsonl"
    spec = "```\nMethod: square(n) -> the square\nDoes: multiplies n by itself.\n```"
    home = session(tmp_path, spec, INNER, log=str(path), shape="always")
    outcome = home.call(home.agent("calculator", name="calc"), "square", 3)
    assert [each["stage"] for each in lines(path)[0]["attempts"]] == ["shape", "write"] == [*outcome.spent]
    assert lines(path)[0]["stages"].keys() >= {"shape", "write", "execute"}


def test_prompts_and_replies_are_taken_down_where_that_is_asked_for(tmp_path):
    path = tmp_path / "log.jsonl"
    session(tmp_path, INNER, log=str(path), log_level="prompt").agent("calculator").square(3)
    (sent,) = [line for line in lines(path) if line.get("event") == "prompt"]
    assert ("calculator" in sent["system"], "square" in sent["user"], "n * n" in sent["reply"]) == (True, True, True)


def test_what_is_redacted_is_in_no_line(tmp_path, caplog):
    caplog.set_level(logging.INFO, "agent_repl")
    path = tmp_path / "log.jsonl"
    leak = 'def greet(self, who):\n    """To ann@example.org."""\n    return self.ann@example.org\n'
    fine = 'def greet(self, who):\n    """Hello, ann@example.org."""\n    return f"Hello, {who}"\n'
    home = session(tmp_path, leak, fine, log=str(path), log_level="prompt", redact=r"[\w.]+@[\w.]+")
    home.agent("greeter of ann@example.org", name="greeter").greet("bob@example.org")
    assert {line.get("event") for line in lines(path)} >= {None, "prompt", "attempt"}
    assert "@example" not in path.read_text() + caplog.text
    assert "Hello, \\u2026" in path.read_text()


def test_the_words_of_a_person_are_told_without_their_secrets(caplog):
    caplog.set_level(logging.INFO, "agent_repl")
    Log().happened("write", "client: log in with password='hunter2-hunter2'", seconds=1)
    assert caplog.records
    assert "hunter2" not in caplog.text


def test_the_level_and_the_file_can_be_set_later(tmp_path):
    home = session(tmp_path, INNER)
    agent = home.agent("calculator")
    agent.square(3)
    home.set(log=str(tmp_path / "log.jsonl"))
    agent.square(4)
    assert [line["tier"] for line in lines(tmp_path / "log.jsonl")] == ["CACHED"]
    with pytest.raises(Exception, match="log_level should be one of call, stage, prompt"):
        home.set(log_level="all")


def test_processes_that_write_at_once_tear_no_line(tmp_path):
    path, long = tmp_path / "log.jsonl", 20_000
    begin = "import sys\nfrom agent_repl_data.log import Log\nprint(flush=True)\nsys.stdin.readline()\n"
    code = f"{begin}log = Log({str(path)!r})\nfor n in range(200): log.put('call', text='x' * {long})"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    running = [subprocess.Popen([sys.executable, "-c", code], **pipes) for _ in range(3)]
    for process in running:
        process.stdout.readline()
    for process in running:
        process.stdin.write(b"\n")
        process.stdin.flush()
    for process in running:
        process.communicate()
    assert [len(line["text"]) for line in lines(path)] == [long] * 600


def test_python_s_own_logging_hears_stages_and_what_is_wrong(tmp_path, caplog):
    caplog.set_level(logging.INFO, "agent_repl")
    session(tmp_path, "no code", INNER).agent("calculator", name="calc").square(3)
    told = {(record.levelname, record.getMessage().split(" · ")[1]) for record in caplog.records}
    assert {("INFO", "write"), ("INFO", "execute"), ("WARNING", "attempt"), ("INFO", "done")} <= told
    assert all(record.getMessage().startswith("calc.square · ") for record in caplog.records)


def test_nothing_is_formatted_or_printed_where_nobody_listens(capsys):
    class Loud:
        def __str__(self):
            raise AssertionError("somebody formats this")

    Log().happened("write", "calc.square", seconds=Loud())
    Log().happened("warning", "calc.square", text="no handler of last resort prints this")
    assert capsys.readouterr() == ("", "")


def test_a_handler_that_raises_stops_no_call(tmp_path, caplog):
    class Broken(logging.Handler):
        def emit(self, record):
            raise RuntimeError

    handler = Broken()
    logging.getLogger("agent_repl").addHandler(handler)
    try:
        caplog.set_level(logging.INFO, "agent_repl")
        assert session(tmp_path, INNER).agent("calculator").square(3) == 9
    finally:
        logging.getLogger("agent_repl").removeHandler(handler)


def test_a_log_that_is_made_is_for_its_owner_alone(tmp_path):
    Log(str(tmp_path / "log")).put("call", call="calc.square")
    assert (tmp_path / "log").stat().st_mode & 0o077 == 0
