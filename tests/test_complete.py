"""What Tab gives on an `%agent` line, in IPython's completer and for our shell's."""

from __future__ import annotations

import os
from pathlib import Path

import kit
import pytest

from agent_repl import pin
from agent_repl_ui.complete import agent_words
from agent_repl_ui.manual import MODES
from agent_repl_ui.verbs import VERBS

EXPECTED = {
    "create": [],
    "show": ["sales", "sales.total"],
    "edit": ["sales.total"],
    "revise": ["sales.total"],
    "accept": ["sales.draft"],
    "reject": ["sales.draft"],
    "keep": ["sales.total"],
    "pin": ["sales.total"],
    "unpin": [],
    "undo": ["sales.total"],
    "forget": ["sales.total"],
    "review": [*MODES],
    "grow": ["sales"],
    "explore": ["sales.total"],
    "emit": ["sales"],
    "trace": [],
    "adopt": [f"ipython{os.sep}"],
    "help": [*VERBS],
}


@pytest.fixture
def full(grown, session):
    """A shell with a method that is written, and a draft that waits."""
    session.provider = kit.ScriptedProvider([kit.fenced("def draft(self):\n    return 1\n")])
    session.mode = "later"
    grown.run_cell("sales.draft()")
    grown.user_ns["conn"] = [1]
    return grown


def texts(ip, line: str) -> list[str]:
    return [text for text, _ in agent_words(line, ip.user_ns)]


def test_the_first_word_is_a_verb_with_what_it_does(full):
    assert agent_words("%agent ", full.user_ns) == [(verb.name, verb.about) for verb in VERBS.values()]
    assert texts(full, "%agent un") == ["unpin", "undo"]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_says_what_its_first_word_may_be(full, verb):
    assert texts(full, f"%agent {verb} ") == EXPECTED[verb]


@pytest.mark.parametrize("verb", [verb for verb in VERBS.values() if verb.options])
def test_options_follow_the_first_word(full, verb):
    assert texts(full, f"%agent {verb.name} sales.total --") == [option.split()[0] for option in verb.options]


def test_methods_come_with_their_tier_and_drafts_say_that_they_wait(full):
    assert agent_words("%agent pin sales.", full.user_ns) == [("sales.total", "CACHED v1")]
    assert agent_words("%agent accept ", full.user_ns) == [("sales.draft", "a draft that waits")]
    pin(full.user_ns["sales"].total)
    assert agent_words("%agent unpin ", full.user_ns) == [("sales.total", "PINNED v1")]


def test_numbers_of_versions_names_and_files(full):
    assert agent_words("%agent edit sales.total ", full.user_ns) == [("1", "accepted, model")]
    assert ("conn", "list") in agent_words('%agent create db "x" --wraps ', full.user_ns)
    Path("analyst.py").touch()
    Path("analysts").mkdir()
    assert texts(full, "%agent emit sales ana") == [f"analysts{os.sep}", "analyst.py"]


def test_the_line_of_a_cell(full):
    assert texts(full, "%%agent ") == ["sales.total", "--code"]
    assert texts(full, "%%agent --code sa") == ["sales.total"]


@pytest.mark.parametrize(
    "line", ["%agent", "%%agent", "%agent nothing ", "%agent edit nobody.x ", "%agent revise sales.total a"]
)
def test_where_nothing_can_follow_there_is_nothing(full, line):
    assert agent_words(line, full.user_ns) == []


@pytest.mark.parametrize(
    ("line", "texts"),
    [
        ("%agent unp", ["unpin"]),
        ("%agent pin sa", ["sales.total"]),
        ("%agent pin sales.to", ["sales.total"]),
        ("%agent show sales.total --ve", ["--versions"]),
        ("%agent review la", ["later"]),
        ("%%agent sales.", ["sales.total"]),
        ("%%agent --co", ["--code"]),
    ],
)
def test_ipython_completes_the_same_and_nothing_else(full, session, line, texts):
    asked = kit.asked(session)
    assert full.complete("", line, len(line))[1] == texts
    assert kit.asked(session) == asked


def test_completing_writes_no_file_and_asks_no_model(full, session):
    before = {path: os.stat(path).st_mtime_ns for path in Path().rglob("*") if path.is_file()}
    for line in ("%agent ", *(f"%agent {verb} {rest}" for verb in VERBS for rest in ("", "sales.total ", "x y "))):
        texts(full, line)
        full.complete("", line, len(line))
    assert {path: os.stat(path).st_mtime_ns for path in Path().rglob("*") if path.is_file()} == before
    assert kit.asked(session) == 1
