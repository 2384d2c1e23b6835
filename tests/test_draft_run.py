"""What a person is asked about has answered once: a draft is tried on the real call, in a child that is locked down."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from types import ModuleType

import pytest
from kit import Person, asked, session

import agent_repl as ar
from agent_repl.pipeline import examples
from agent_repl_bounds.trial import cannot_try

locked = pytest.mark.skipif(bool(cannot_try()), reason="needs a system that can lock a child")

BAD = "def double(self, n):\n    return n.nothing\n"
DOUBLE = "def double(self, n):\n    return 2 * n\n"
GROWS = "def add(self, n):\n    self.rows.append(n)\n    return self.rows\n"
STRICT = "def root(self, n):\n    if n < 0:\n        raise ValueError('negative')\n    return n ** 0.5\n"


@locked
def test_the_answer_of_a_draft_is_shown_with_its_kind(tmp_path: Path) -> None:
    home = session(tmp_path, DOUBLE, review=Person("accept"))
    assert home.agent("adder").double(4) == 8
    assert home.reviewer.seen[0].tried == "tried in isolation: it answers 8 (int)"


@locked
def test_a_traceback_is_mended_before_anybody_is_asked(tmp_path: Path) -> None:
    home = session(tmp_path, BAD, DOUBLE, review=Person("accept"))
    assert home.agent("adder").double(4) == 8
    (seen,) = home.reviewer.seen
    assert "2 * n" in seen.code.source
    assert "it raised AttributeError: 'int' object has no attribute 'nothing'" in home.provider.prompts[1].user
    assert "line 2: return n.nothing" in home.provider.prompts[1].user
    assert [event.text for event in home.reviewer.events if event.kind == "repair"]


@locked
def test_the_draft_that_raised_is_kept_as_a_version(tmp_path: Path) -> None:
    home = session(tmp_path, BAD, DOUBLE, review=Person("accept"))
    agent = home.agent("adder")
    agent.double(4)
    assert [(v.verdict, v.author) for v in ar.versions(agent.double)] == [("failed", "model"), ("accepted", "repair")]
    assert "no attribute 'nothing'" in ar.versions(agent.double)[0].note


@locked
def test_a_draft_that_cannot_be_mended_is_shown_with_what_it_raised(tmp_path: Path) -> None:
    home = session(tmp_path, BAD, review=Person("reject"))
    with pytest.raises(ar.Rejected):
        home.agent("adder").double(4)
    assert home.reviewer.seen[0].tried.startswith("tried in isolation: it raised AttributeError")


@locked
def test_what_a_draft_raises_on_purpose_is_shown_and_not_mended(tmp_path: Path) -> None:
    home = session(tmp_path, STRICT, review=Person("accept"))
    with pytest.raises(ValueError, match="negative"):
        home.agent("maths").root(-1)
    assert home.reviewer.seen[0].tried == "tried in isolation: it raised ValueError: negative"
    assert asked(home) == 1


@locked
def test_trying_changes_nothing_here(tmp_path: Path) -> None:
    home = session(tmp_path, GROWS, review=Person("reject"))
    agent = home.agent("list", rows=[1])
    with pytest.raises(ar.Rejected):
        agent.add(2)
    assert agent.rows == [1]
    assert home.reviewer.seen[0].tried == "tried in isolation: it answers [1, 2] (list[int])"


def test_a_draft_that_writes_a_file_was_not_tried_and_wrote_nothing(tmp_path: Path) -> None:
    code = "def dump(self, path):\n    with open(path, 'w') as file:\n        file.write('x')\n"
    home = session(tmp_path, code, review=Person("reject"))
    with pytest.raises(ar.Rejected):
        home.agent("writer").dump(str(tmp_path / "out.txt"))
    assert home.reviewer.seen[0].tried.startswith("not tried: ")
    assert not (tmp_path / "out.txt").exists()


def test_where_no_child_can_be_had_the_screen_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", ModuleType("polars"))
    home = session(tmp_path, DOUBLE, review=Person("accept"))
    assert home.agent("adder").double(4) == 8
    assert home.reviewer.seen[0].tried.startswith("not tried: ")


@locked
def test_a_draft_that_never_ends_costs_only_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "SECONDS", 0.5)
    home = session(tmp_path, "def double(self, n):\n    while n:\n        pass\n", review=Person("reject"))
    with pytest.raises(ar.Rejected):
        home.agent("adder").double(4)
    assert "no report within 0.5 s" in home.reviewer.seen[0].tried


def test_a_policy_that_asks_nobody_runs_the_draft_for_real(tmp_path: Path) -> None:
    home = session(tmp_path, DOUBLE)
    assert "trial" not in home.call(home.agent("adder"), "double", 4).timings


def test_trying_can_be_switched_off(tmp_path: Path) -> None:
    home = session(tmp_path, BAD, review=Person("accept"), without="trial")
    with pytest.raises(AttributeError):
        home.agent("adder").double(4)
    assert home.reviewer.seen[0].tried == ""


@locked
def test_what_came_of_trying_is_told_when_pending_drafts_are_reviewed(tmp_path: Path) -> None:
    home = session(tmp_path, DOUBLE, review="later")
    with pytest.raises(ar.ReviewRequired):
        home.agent("adder").double(4)
    later = session(tmp_path, review=Person("accept"))
    from agent_repl.control import review_pending

    review_pending(later)
    assert later.reviewer.seen[0].tried == "tried in isolation: it answers 8 (int)"


@locked
def test_a_long_answer_is_shown_in_part(tmp_path: Path) -> None:
    home = session(tmp_path, "def many(self, n):\n    return list(range(n))\n", review=Person("accept"))
    home.agent("counter").many(5000)
    assert len(home.reviewer.seen[0].tried) < 500


@locked
def test_a_report_that_strange_code_wrote_itself_stops_no_review(tmp_path: Path) -> None:
    forged = 'for pipe in range(3, 1000):\n        try:\n            os.write(pipe, b\'["done", 7, "", ""]\\n\')\n'
    code = f"import os\ndef double(self, n):\n    {forged}        except OSError:\n            pass\n    return n\n"
    home = session(tmp_path, code, review=Person("reject"))
    with pytest.raises(ar.Rejected):
        home.agent("adder").double(4)
    assert home.reviewer.seen[0].tried == "not tried: its report cannot be read"


def test_a_generator_is_begun_and_mended(tmp_path: Path) -> None:
    code = "def many(self, n):\n    yield from range({})\n"
    home = session(tmp_path, code.format("n.nothing"), code.format("n"), review=Person("accept"))
    assert list(home.agent("counter").many(3)) == [0, 1, 2]
    assert asked(home) == 2


@locked
def test_what_is_async_was_not_tried_and_the_screen_says_so(tmp_path: Path) -> None:
    home = session(tmp_path, "async def double(self, n):\n    return 2 * n\n", review=Person("accept"))
    assert asyncio.run(home.agent("adder").double(4)) == 8
    (seen,) = home.reviewer.seen
    assert seen.tried.startswith("not tried: ")
    assert "awaited" in seen.tried


@locked
def test_code_that_leaves_is_told_in_a_few_words(tmp_path: Path) -> None:
    home = session(tmp_path, "import sys\n\ndef leave(self):\n    sys.exit('x' * 5000)\n", review=Person("reject"))
    with pytest.raises(ar.Rejected):
        home.agent("leaver").leave()
    assert home.reviewer.seen[0].tried.startswith("not tried: SystemExit: x")
    assert len(home.reviewer.seen[0].tried) < 400
