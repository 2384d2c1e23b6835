"""The evaluation's runner: both arms, what counts as a failed try, going on after a stop, and the report's figures."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from agent_repl import ScriptedProvider
from agent_repl.errors import Unreachable
from benchmarks.eval import __main__ as runner
from benchmarks.eval import checks, ours, plain, report, world
from benchmarks.eval.recorder import Recorder
from benchmarks.eval.results import attempt, replies
from benchmarks.eval.task import ANY, Call, Instance, Task, equal
from benchmarks.eval.tasks import halves


def make(random: Random) -> Instance:
    numbers = [random.randrange(100) for _ in range(5)]
    text = "".join(f"{number}\n" for number in numbers)
    calls = (Call("total", answer=sum(numbers)), Call("above", (50,), answer=sum(n > 50 for n in numbers)))
    return Instance({"numbers.txt": text}, {"path": "numbers.txt"}, calls)


WORDS = "The numbers in {path}, one a line. total() answers their sum; above(limit) how many of them exceed limit."
TASK = Task("number_file", "numbers", WORDS, make)

CLASS = """
class NumberFile:
    def __init__(self, path):
        self.numbers = [int(line) for line in open(path)]
    def total(self):
        return sum(self.numbers)
    def above(self, limit):
        return sum(n > limit for n in self.numbers)
"""
TOTAL = '''
def total(self):
    """Add them up."""
    with open(self.path) as file:
        return sum(int(line) for line in file)
'''
ABOVE = '''
def above(self, limit):
    """How many exceed the limit."""
    with open(self.path) as file:
        return sum(int(line) > limit for line in file)
'''


def fenced(code: str) -> str:
    return f"Sure:\n```python\n{code.strip()}\n```\n"


def model(*texts: str) -> Recorder:
    return Recorder(ScriptedProvider(texts))


# ── answers ──


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ([("a", 1)], (["a", 1],)),
        (Decimal("1.10"), 1.1),
        (0.1 + 0.2, 0.3),
        ({"b": 2, "a": 1}, {"a": 1, "b": 2}),
        (date(2024, 3, 5), "2024-03-05"),
        ({date(2024, 3, 5): 1}, {"2024-03-05": 1}),
        (object(), ANY),
        ({1, 2}, frozenset((2, 1))),
    ],
)
def test_answers_that_say_the_same_are_equal(given: Any, answer: Any) -> None:
    assert equal(given, answer)


@pytest.mark.parametrize(
    ("given", "answer"),
    [("1", 1), (True, 1), (1, True), (None, 0), ([1, 2], [2, 1]), ({"a": 1}, {"a": 1, "b": 2}), (1.001, 1), ("A", "a")],
)
def test_answers_that_say_something_else_are_not(given: Any, answer: Any) -> None:
    assert not equal(given, answer)


# ── the plain arm ──


def test_plain_is_solved_at_first_by_one_right_reply() -> None:
    found = attempt(TASK, "plain", model(fenced(CLASS)), tries=3)
    assert (found["solved"], found["first"], len(found["replies"])) == (True, True, 1)


@pytest.mark.parametrize(
    "bad", ["I cannot.", fenced("class NumberFile:\n    def total(self"), fenced(TOTAL), fenced("1/0")]
)
def test_plain_is_asked_again_after_a_reply_that_cannot_be_used(bad: str) -> None:
    asked = model(bad, fenced(CLASS))
    found = attempt(TASK, "plain", asked, tries=3)
    assert (found["solved"], found["first"], len(found["replies"])) == (True, False, 2)
    assert [heard.prompt.temperature for heard in asked.heard] == [0.0, 0.35]
    assert asked.heard[0].prompt.user == asked.heard[1].prompt.user
    assert replies(TASK, "plain", asked)[0]["said"]


def test_plain_is_not_told_that_an_answer_is_wrong() -> None:
    found = attempt(TASK, "plain", model(fenced(CLASS.replace("n > limit", "n >= limit + 9")), fenced(CLASS)), tries=3)
    assert (found["solved"], len(found["replies"])) == (False, 1)
    assert "above(50,) answered" in found["why"]


def test_plain_may_ask_as_often_as_ours_and_no_more() -> None:
    asked = model(*["no"] * 20)
    found = attempt(TASK, "plain", asked, tries=3)
    assert (found["solved"], len(found["replies"])) == (False, 6)
    heats = [heard.prompt.temperature for heard in asked.heard]
    assert heats == sorted(set(heats))


def test_what_only_knows_the_shown_answers_does_not_solve_the_task() -> None:
    instance = TASK.visible
    by_heart = (
        f"def total(path): return {instance.calls[0].answer}\ndef above(limit): return {instance.calls[1].answer}"
    )
    found = attempt(TASK, "plain", model(fenced(by_heart)), tries=3)
    assert (found["visible"], found["solved"]) == (True, False)
    assert found["why"].startswith("hidden: total() answered")


def test_functions_that_take_the_state_by_name_serve_too() -> None:
    code = (
        "def total(path): return sum(map(int, open(path)))\n"
        "def above(limit, path): return sum(int(n) > limit for n in open(path))"
    )
    assert attempt(TASK, "plain", model(fenced(code)), tries=3)["solved"]


def test_the_plain_prompt_has_words_state_calls_and_ten_lines_of_each_file() -> None:
    long = Instance({"a.txt": "\n".join(f"line {n}" for n in range(30))}, {"path": "a.txt"}, TASK.visible.calls)
    prompt = plain.prompt_for(Task("number_file", "numbers", WORDS, lambda random: long), 0.0)
    assert "The numbers in a.txt, one a line." in prompt.user
    assert "obj = NumberFile(path='a.txt')" in prompt.user
    assert "result = obj.above(50)" in prompt.user
    assert "line 9\n```" in prompt.user
    assert "line 10" not in prompt.user


def test_a_plain_reply_that_goes_round_in_circles_is_stopped_and_judged_by_what_there_is() -> None:
    asked = model("x = 1\n" * 300, fenced(CLASS))
    assert attempt(TASK, "plain", asked, tries=3)["solved"]
    assert len(asked.heard[0].text) < 1500


# ── our arm ──


def test_ours_is_solved_at_first_by_a_right_reply_for_each_method() -> None:
    asked = model(fenced(TOTAL), fenced(ABOVE))
    found = attempt(TASK, "ours", asked, tries=3)
    assert (found["solved"], found["first"], found["why"]) == (True, True, "")
    assert [reply["method"] for reply in found["replies"]] == ["total", "above"]


def test_ours_is_solved_within_the_retries_after_a_refusal() -> None:
    asked = model(fenced(TOTAL.replace("self.path", "self.file")), fenced(TOTAL), fenced(ABOVE))
    found = attempt(TASK, "ours", asked, tries=3)
    assert (found["solved"], found["first"]) == (True, False)
    assert "(attributes)" in replies(TASK, "ours", asked)[0]["said"]


def test_a_method_that_is_extended_for_another_kind_of_call_is_no_retry() -> None:
    def two(random: Random) -> Instance:
        calls = (Call("twice", (random.randrange(50),), answer=ANY), Call("twice", ([1, 2],), answer=[1, 2, 1, 2]))
        return Instance({}, {"unit": random.random()}, calls)

    code = "def twice(self, n):\n    return n * 2"
    other = "def twice(self, n):\n    return n + n"
    task = Task("doubler", "numbers", "Doubles things. twice(n) answers two times n.", two)
    found = attempt(task, "ours", model(fenced(code), fenced(other)), tries=3)
    assert (found["solved"], found["first"], found["extended"]) == (True, True, 1)


def test_ours_asks_no_more_than_its_replies_for_one_task() -> None:
    found = attempt(TASK, "ours", model(*["no"] * 20), tries=2)
    assert (found["solved"], len(found["replies"])) == (False, 2)


def test_flagged_code_is_not_run_and_has_its_own_mark(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    code = TOTAL.replace("    with", f"    open({str(victim)!r}, 'w').close()\n    with")
    found = attempt(TASK, "ours", model(fenced(code)), tries=1)
    assert (found["solved"], found["flagged"], victim.exists()) == (False, True, False)


def test_the_hidden_calls_are_answered_by_the_code_alone() -> None:
    by_heart = TOTAL.replace("sum(int(line) for line in file)", f"{TASK.visible.calls[0].answer} * bool(file.read())")
    asked = model(fenced(by_heart), fenced(ABOVE), fenced(TOTAL))
    found = attempt(TASK, "ours", asked, tries=3)
    assert (found["visible"], found["solved"], len(asked.heard)) == (True, False, 2)


def test_a_call_that_does_not_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "SECONDS", 0.2)
    endless = TOTAL.replace("    with", "    while True:\n        pass\n    with")
    found = attempt(TASK, "ours", model(fenced(endless)), tries=1)
    assert "Late" in found["why"]


def test_the_alarm_rests_while_the_model_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    alarm: Any = SimpleNamespace(start=lambda: heard.append("start"), stop=lambda: heard.append("stop"))

    def reply(prompt: Any) -> str:
        heard.append("reply")
        return fenced(TOTAL)

    asked = Recorder(ScriptedProvider(reply))
    short = Task("total", "numbers", WORDS, lambda random: replace(made := make(random), calls=made.calls[:1]))
    monkeypatch.setattr(ours, "Alarm", lambda: alarm)
    assert ours.solve(short, asked, 1)[0].right
    assert heard[:4] == ["start", "stop", "reply", "start"]


# ── switch-offs ──


def test_a_check_that_is_switched_off_refuses_nothing() -> None:
    baked = fenced(ABOVE.replace("> limit", "> 50"))
    refused = attempt(TASK, "ours", model(fenced(TOTAL), baked, baked, baked, baked), tries=2)
    with checks.without(["baked"]):
        passed = attempt(TASK, "ours", model(fenced(TOTAL), baked), tries=2)
    assert (refused["solved"], passed["visible"]) == (False, True)
    assert attempt(TASK, "ours", model(fenced(TOTAL), baked, baked, baked, baked), tries=2)["solved"] is False


def test_a_piece_of_context_that_is_switched_off_is_not_sent() -> None:
    whole, less = model(fenced(TOTAL), fenced(ABOVE)), model(fenced(TOTAL), fenced(ABOVE))
    attempt(TASK, "ours", whole, tries=1)
    attempt(TASK, "ours", less, tries=1, without=["siblings"])
    assert "return sum(int(line) for line in file)" in whole.heard[1].prompt.system
    assert "return sum(int(line) for line in file)" not in less.heard[1].prompt.system


def test_a_piece_that_is_not_there_is_said_before_anything_runs() -> None:
    with pytest.raises(SystemExit, match="there is no piece 'colour'"), checks.without(["colour"]):
        pass


# ── the runner ──


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[dict[str, Any]]]:
    def called(*arguments: str) -> list[dict[str, Any]]:
        out = tmp_path / "lines.jsonl"
        runner.main(["--scripted", "--out", str(out), "--replies", str(tmp_path / "replies.jsonl"), *arguments])
        return [json.loads(line) for line in out.read_text().splitlines()]

    return called


def test_a_run_keeps_a_line_for_each_task_and_arm(run: Any, tmp_path: Path, capsys: Any) -> None:
    lines = run("--task", "page_slugs,customer_emails")
    assert [(line["task"], line["arm"]) for line in lines] == [
        (task, arm) for task in ("customer_emails", "page_slugs") for arm in ("ours", "plain")
    ]
    assert all(line["first"] for line in lines)
    assert len((tmp_path / "replies.jsonl").read_text().splitlines()) == 4
    assert "ours: 2 at first, 2 within the retries, of 2 (csv 1/1, text 1/1)" in capsys.readouterr().out


def test_a_run_that_is_started_again_goes_on_where_it_was_left(run: Any, capsys: Any) -> None:
    run("--task", "page_slugs", "--arm", "plain")
    capsys.readouterr()
    lines = run("--task", "page_slugs")
    said = capsys.readouterr().out
    assert [(line["task"], line["arm"]) for line in lines] == [("page_slugs", "plain"), ("page_slugs", "ours")]
    assert "1/1 ours" in said


def test_a_task_is_tried_again_with_a_check_switched_off(run: Any) -> None:
    run("--task", "page_slugs", "--arm", "ours")
    lines = run("--task", "page_slugs", "--arm", "ours", "--without", "baked")
    assert [line["without"] for line in lines] == [[], ["baked"]]


def test_what_an_earlier_run_was_answered_is_not_asked_for_again(run: Any, tmp_path: Path) -> None:
    asked = run("--task", "page_slugs", "--arm", "ours")
    before = tmp_path / "before.jsonl"
    text = (tmp_path / "replies.jsonl").read_text()
    before.write_text(text)
    (tmp_path / "lines.jsonl").unlink()
    again = run("--task", "page_slugs", "--arm", "ours", "--reuse", str(before))
    assert ([len(each["replies"]) for each in asked], [each["first"] for each in again]) == ([1], [True])
    assert (asked[0]["replies"][0]["calls"], again[0]["replies"][0]["calls"]) == (1, 0)
    assert runner.known([before]) != {}
    cut = json.loads(text) | {"said": "Unreachable: nobody answers"}
    before.write_text(json.dumps(cut) + "\n")
    assert runner.known([before]) == {}


def test_a_model_that_is_gone_stops_the_run_and_is_no_failure_of_the_code() -> None:
    with pytest.raises(Unreachable):
        attempt(TASK, "ours", Recorder(ScriptedProvider([Unreachable("nobody answers")])), tries=3)


def test_switch_offs_are_tried_on_twenty_tasks_of_which_none_is_held_out() -> None:
    names = [task.name for task in runner.chosen(runner.parsed(["--half", "twenty"]))]
    assert len(names) == 20
    assert {halves()[name] for name in names} == {"dev"}


def test_a_task_that_is_not_there_is_said(run: Any) -> None:
    with pytest.raises(SystemExit, match="there is no task 'nothing'"):
        run("--task", "nothing")


def test_a_half_is_every_second_task_of_a_family() -> None:
    options = runner.parsed(["--half", "held", "--family", "csv"])
    assert [task.name for task in runner.chosen(options)][:2] == ["orders_by_region", "catalogue_prices"]


# ── the report ──


def line(task: str, arm: str, first: bool, solved: bool, *replies: tuple[int, int, int]) -> dict[str, Any]:
    """A line of a task; of each reply the prompt's tokens, those from the cache, and those that were written."""
    asked = [
        {"method": "m", "prompt_tokens": p, "cache_read_tokens": c, "output_tokens": o, "seconds": 2.0}
        for p, c, o in replies
    ]
    return {
        "task": task,
        "family": "csv",
        "arm": arm,
        "first": first,
        "solved": solved,
        "flagged": False,
        "extended": 0,
        "replies": asked,
    }


LINES = [
    line("a", "ours", True, True, (800, 0, 50)),
    line("b", "ours", False, True, (900, 0, 60), (1000, 900, 40)),
    line("c", "ours", False, False, (1000, 0, 50)),
    line("a", "plain", True, True, (300, 0, 80)),
    line("b", "plain", False, False, (300, 0, 80)),
    line("c", "plain", False, False, (300, 0, 80)),
]


def test_the_report_counts_what_one_can_count_by_hand() -> None:
    figures = report.summary(LINES)
    mine = figures["arms"]["ours"]
    assert (mine["tasks"], mine["first"], mine["solved"], mine["model_calls"]) == (3, 1, 2, 4)
    assert mine["prompt_tokens_per_solved"] == 1850.0  # 3700 / 2
    assert mine["output_tokens_per_solved"] == 100.0
    assert mine["model_seconds_per_solved"] == 4.0
    assert mine["median_prompt"] == 900  # of 800, 900 and 1000
    assert mine["cached_share"] == 0.9
    found = figures["pairs"]["ours and plain"]["solved"]
    assert [found[name] for name in ("both", "only_ours", "only_other", "neither")] == [1, 1, 0, 1]
    assert found["ratio"] == 2.0
    assert found["difference"] == pytest.approx(1 / 3, abs=1e-4)


def test_ours_is_set_beside_ours_with_a_piece_switched_off() -> None:
    less = [{**each, "without": ["recipes"], "solved": False} for each in LINES[:3]]
    found = report.summary([*LINES[:3], *less])["pairs"]["ours and ours without recipes"]["solved"]
    assert [found[name] for name in ("both", "only_ours", "only_other", "neither")] == [0, 2, 0, 1]


def test_the_limits_of_a_share_are_those_that_wilson_gives() -> None:
    assert report.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)


def test_the_limits_of_a_paired_difference_hold_it_and_shrink_with_the_number_of_tasks() -> None:
    low, high = report.newcombe(20, 12, 2, 30)
    assert low < 10 / 64 < high
    assert low > 0
    narrow = report.newcombe(200, 120, 20, 300)
    assert high - low > narrow[1] - narrow[0]
    assert report.newcombe(20, 2, 12, 30) == pytest.approx((-high, -low))


def test_pairs_without_a_lean_have_the_limits_of_two_wilson_shares() -> None:
    (low_1, high_1), (low_2, high_2) = report.wilson(6, 10), report.wilson(5, 10)
    low, high = report.newcombe(3, 3, 2, 2)  # ad - bc is 0: no correlation
    assert low == pytest.approx(0.1 - ((0.6 - low_1) ** 2 + (high_2 - 0.5) ** 2) ** 0.5)
    assert high == pytest.approx(0.1 + ((high_1 - 0.6) ** 2 + (0.5 - low_2) ** 2) ** 0.5)


def test_the_ratio_has_the_same_limits_every_time() -> None:
    solved = [(True, True)] * 20 + [(True, False)] * 12 + [(False, True)] * 2 + [(False, False)] * 30
    low, high = report.bootstrap(solved, report.ratio)
    assert (low, high) == report.bootstrap(solved, report.ratio)
    assert low < 32 / 22 < high


def test_a_kept_result_names_the_model_the_machine_and_the_commit_of_the_tasks(tmp_path: Path, capsys: Any) -> None:
    source, kept = tmp_path / "lines.jsonl", tmp_path / "kept.json"
    source.write_text("".join(json.dumps(each) + "\n" for each in LINES))
    report.main([str(source), "--keep", str(kept)])
    found = json.loads(kept.read_text())
    assert len(found["sha256"]) == 64
    assert found["machine"]["cpus"] > 0
    assert {"date", "model", "tasks_commit", "arms", "pairs", "lines"} <= found.keys()
