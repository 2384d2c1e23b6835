"""The benchmarks run and yield figures; how large they are is nobody's business here."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

FILE = Path(__file__).parent.parent / "benchmarks" / "bench.py"
spec = importlib.util.spec_from_file_location("bench", FILE)
bench = sys.modules["bench"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bench)


def few_lookups(folder, turns):
    return bench.lookups(folder, turns, most=30)


GROUPS = [
    bench.pinned_calls,
    bench.cached_calls,
    bench.threads,
    few_lookups,
    bench.signatures,
    bench.first_hits,
    bench.keys,
]


@pytest.mark.parametrize("group", GROUPS)
def test_each_group_yields_figures(group, tmp_path):
    with bench._world(tmp_path):
        rows = list(group(tmp_path, 1))
    assert rows
    assert all(row.ours > 0 and (row.ratio > 0 or not row.beside) for row in rows)


def test_the_prompt_of_a_shell_is_waited_for(tmp_path):
    with bench._world(tmp_path):
        assert bench._prompt(tmp_path, "agent_repl")() > 0


def test_the_table_and_the_file_say_what_was_measured_and_what_was_not(monkeypatch, tmp_path, capsys):
    def missing(folder, turns):
        raise ImportError("no module named there")
        yield

    monkeypatch.setattr(
        bench, "GROUPS", [lambda folder, turns: iter([bench.Row("a call", 2.0, "a plain one", 1.0, 2.0)]), missing]
    )
    assert bench.main(["--out", str(tmp_path / "figures.json")]) == 1
    table, saved = capsys.readouterr().out, json.loads((tmp_path / "figures.json").read_text())
    assert "a plain one" in table
    assert "missing: not measured: ImportError: no module named there" in table
    assert saved["rows"][0]["ratio"] == 2.0
    assert set(saved) == {"date", "python", "system", "cores", "rows"}


def test_sides_are_measured_in_turn():
    heard = []
    sides = [lambda name=name: heard.append(name) or 1.0 for name in "ab"]
    assert bench.beside("a", sides, "b", 2).ratio == 1.0
    assert heard == ["a", "b"] * 3


def test_the_demo_is_read_by_what_it_prints():
    line = "── 4 of 5 answers are right · 6 model calls · 80.5 s · 900 tokens read, 300 written · $0.0000 · 90 s"
    assert bench.ANSWERS.findall(line) == [("4", "5", "6")]
