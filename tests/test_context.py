"""What the writer reads beside values: the methods that matter, and files that only the words name."""

from __future__ import annotations

from pathlib import Path

import pytest
from kit import session

from agent_repl import prompts
from agent_repl.control import prompt
from agent_repl.prompts import describe_object
from agent_repl.records import Premise


def method(name: str, lines: int = 60) -> str:
    body = "\n".join(f"    step_{number} = n + {number}" for number in range(lines))
    head = f'def {name}(self, n: int, *, deep=True) -> int:\n    """Say {name}.\n\n    More.\n    """'
    return f"{head}\n{body}\n    return n\n"


def listed(names: list[str], wanted: str) -> str:
    return describe_object("a", "an agent", {}, {name: method(name) for name in names}, True, wanted).methods


NAMES = ["load_orders", "clean_names", "monthly_revenue", "export_sheet", "revenue_by_region", "send_mail"]


def test_few_methods_stand_whole_and_in_their_order():
    assert listed(NAMES[:2], "revenue") == "\n\n".join(method(name).strip() for name in NAMES[:2])


def test_of_many_methods_those_keep_their_source_that_look_like_the_wanted_one():
    text = listed(NAMES, "yearly_revenue")
    whole = [name for name in NAMES if f'"""Say {name}.\n\n    More.' in text]
    assert {"monthly_revenue", "revenue_by_region"} <= set(whole) < set(NAMES)
    assert len(text) <= prompts.METHODS_LIMIT
    short = next(name for name in NAMES if name not in whole)
    assert f'def {short}(self, n: int, *, deep=True) -> int:\n    """Say {short}."""\n    ...' in text


@pytest.mark.parametrize("wanted", ["yearly_revenue", "mail", ""])
def test_the_order_of_methods_is_their_age_whatever_is_wanted(wanted):
    text = listed(NAMES, wanted)
    assert sorted(NAMES, key=lambda name: text.index(f"def {name}(")) == NAMES


def test_very_many_methods_stay_bounded():
    assert len(listed([f"method_{number}" for number in range(500)], "method_3")) <= prompts.METHODS_LIMIT


def test_a_file_that_the_words_name_is_profiled_and_a_premise(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sales.csv").write_text("day,total\n2024-01-15,3\n2024-01-16,N/A\n")
    (tmp_path / "analyst").mkdir()
    agent = session(tmp_path).agent("analyst of sales.csv, and of none.csv.")
    sent = prompt(agent.total, 2)
    assert "the file 'sales.csv': a table file" in sent.system
    assert "`_rows('sales.csv')` is there already" in sent.system
    assert Premise("file(identity:sales.csv)", "csv;,(day,total)") in sent.premises
    assert "analyst'" not in sent.system
    assert "none.csv'" not in sent.system


def test_a_file_that_state_names_is_told_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sales.csv").write_text("day,total\n2024-01-15,3\n")
    agent = session(tmp_path).agent("analyst of {path}", path="sales.csv")
    assert prompt(agent.total, 2).system.count("a table file") == 1


def test_a_method_that_reads_what_the_words_name_is_not_flagged(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sales.csv").write_text("day,total\n2024-01-15,3\n")
    home = session(
        tmp_path, 'def size(self):\n    """Bytes."""\n    with open("sales.csv") as f:\n        return len(f.read())'
    )
    assert home.agent("analyst: sales.csv.").size() == 23


def test_what_fills_the_words_is_quoted_once_and_fills_nothing_else(tmp_path):
    agent = session(tmp_path).agent("reader of {a} {b} {c} {d}", a="{b}", b="two words", c=3, d=10**5000)
    assert "reader of '{b}' 'two words' 3 {d}" in prompt(agent.total).system


def test_a_very_long_number_is_told_by_its_kind(tmp_path):
    assert "(<int>, 3)" in prompt(session(tmp_path).agent("adder").total, 10**5000, 3).user


@pytest.mark.parametrize("piece", ["libraries", "files", "siblings"])
def test_each_piece_can_be_left_out(tmp_path, monkeypatch, piece):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sales.csv").write_text("day,total\n2024-01-15,3\n")
    marks = {"libraries": "installed: pandas", "files": "the file 'sales.csv'", "siblings": "def size(self"}
    told = []
    for without in ("", piece):
        home = session(tmp_path, 'def size(self):\n    """Say."""\n    return 3', without=without)
        agent = home.agent("pandas analyst of sales.csv")
        agent.size()
        sent = prompt(agent.total, 2)
        told.append([mark for name, mark in marks.items() if mark in sent.system + sent.user])
        assert len(told[-1]) == (2 if without else 3)
    assert marks[piece] not in told[1]


# ── what the person said of a method ──

TANK = (
    "A tank; level is in litres. fill(litres) adds water; what does not fit is answered. drain() empties it, and fill "
    "works again after it. level_now() answers the level. Negative litres are an error."
)
OF_FILL = "fill(litres) adds water; what does not fit is answered. drain() empties it, and fill works again after it."


def test_what_the_identity_says_of_a_method_stands_again_at_the_end(tmp_path: Path) -> None:
    tank = session(tmp_path).agent(TANK, level=3)
    asked = prompt(tank.fill, 2).user
    assert f"says of it: {OF_FILL}\n" in asked
    assert "level_now() answers" not in asked
    assert "says of it: level_now() answers the level. Negative litres are an error.\n" in prompt(tank.level_now).user
    assert "says of it" not in prompt(tank.volume).user  # of which it says nothing


def test_what_it_says_can_be_left_out_and_a_long_text_is_not_said_twice(tmp_path: Path) -> None:
    assert "says of it" not in prompt(session(tmp_path, without="said").agent(TANK, level=3).fill, 2).user
    assert "says of it" not in prompt(session(tmp_path).agent("fill() " + "adds water " * 100).fill).user
