"""The embedded model, for real."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from agent_repl import open_session
from agent_repl_demos.command import main as demos
from agent_repl_demos.sales import main

pytestmark = pytest.mark.model
ROOT = Path(__file__).parent.parent
TENTH = [
    *("orders_total", "customer_emails", "staff_salaries", "event_counts"),
    *("page_slugs", "moving_average", "run_length_coding"),
]


@pytest.mark.quick_model
def test_the_embedded_model_writes_a_method_that_is_then_remembered(tmp_path):
    home = open_session(tmp_path / ".agent_repl", provider="local", review="auto")
    calc = home.agent("calculator")
    first, second = home.call(calc, "double", n=21), home.call(calc, "double", n=4)
    home.close()
    assert (first.value, first.tier, second.value, second.tier) == (42, "NEW", 8, "CACHED")
    assert first.usage.calls >= 1
    assert second.usage.calls == 0


def test_the_demo_comes_to_its_end_and_a_second_run_asks_nothing(tmp_path, capsys):
    assert main(["--home", str(tmp_path / "demo")]) == 0
    out = capsys.readouterr().out
    right = int(re.search(r"(\d) of 5 answers are right", out)[1])
    assert right >= 3
    main(["--home", str(tmp_path / "demo")])
    assert "answers are right · 0 model calls" in capsys.readouterr().out


@pytest.mark.parametrize(("demo", "least"), [("file", 3), ("database", 2), ("calculator", 13), ("assistant", 5)])
def test_another_demo_comes_to_its_end_and_says_what_is_right(demo, least, tmp_path, capsys):
    code = demos([demo, "--home", str(tmp_path / "demo")])
    right, of = map(int, re.search(r"── (\d+) of (\d+) answers are right", capsys.readouterr().out).groups())
    assert right >= least
    assert code == (right < of)


def test_a_tenth_of_the_evaluation_is_mostly_solved(tmp_path):
    out = tmp_path / "eval.jsonl"
    command = [sys.executable, "benchmarks/eval", "--arm", "ours", "--task", ",".join(TENTH), "--out", str(out)]
    subprocess.run(command, cwd=ROOT, check=True)
    found = {line["task"]: line["solved"] for line in map(json.loads, out.read_text().splitlines())}
    assert found.keys() == set(TENTH)
    assert sum(found.values()) >= 4
