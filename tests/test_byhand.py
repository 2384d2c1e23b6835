"""What a person decides outside a call: drafts that wait, code of their own, and `auto` for one agent."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from kit import Person, asked, session

import agent_repl as ar
from agent_repl.control import review_pending

ADD = "def add(self, a, b):\n    return a + b\n"
DOUBLE = "def double(self, n):\n    return 2 * n\n"
TRIPLE = "def double(self, n):\n    return 3 * n\n"


def late(tmp_path: Path, *replies: str) -> ar.Session:
    """A session in which a draft of `double` waits."""
    home = session(tmp_path, DOUBLE, *replies, review="later")
    with pytest.raises(ar.ReviewRequired):
        home.agent("adder", name="adder").double(2)
    return home


def test_an_accepted_draft_runs_at_the_next_call_without_a_question(tmp_path: Path) -> None:
    home = late(tmp_path)
    agent = home.agent("adder")
    assert [version.key.name for version in ar.pending(home)] == ["double"]
    assert "next such call" in ar.accept(agent.double)
    assert (agent.double(4), asked(home), ar.pending(home)) == (8, 1, ())


def test_a_rejected_draft_does_not_run(tmp_path: Path) -> None:
    home = late(tmp_path)
    agent = home.agent("adder")
    ar.reject(agent.double)
    assert ar.pending(home) == ()
    with pytest.raises(ar.ReviewRequired):
        agent.double(2)


def test_there_is_nothing_to_accept_where_nothing_waits(tmp_path: Path) -> None:
    agent = session(tmp_path).agent("adder")
    for verb in (ar.accept, ar.reject):
        with pytest.raises(ar.AgentError, match=r"no draft of adder\.double waits"):
            verb(agent.double)


def test_pending_drafts_are_reviewed_one_after_the_other(tmp_path: Path) -> None:
    late(tmp_path)
    later = session(tmp_path, review=Person("accept"))
    assert review_pending(later) == ["adder.double v1 is accepted: the next such call runs it"]
    assert later.reviewer.seen[0].title == "adder.double"
    assert later.agent("adder").double(5) == 10
    assert asked(later) == 0


def test_a_pending_draft_can_be_edited_pinned_or_rejected(tmp_path: Path) -> None:
    late(tmp_path)
    edited = session(tmp_path, review=Person(ar.Verdict("edit", DOUBLE.replace("2 * n", "n + n"))))
    review_pending(edited)
    assert "n + n" in ar.versions(edited.agent("adder").double)[-1].source
    assert edited.agent("adder").double(3) == 6


def test_a_pending_draft_that_is_pinned_is_a_plain_method(tmp_path: Path) -> None:
    late(tmp_path)
    home = session(tmp_path, review=Person("pin"))
    assert review_pending(home) == ["adder.double v1 is PINNED"]
    assert home.agent("adder").double("ab") == "abab"


def test_leaving_the_review_of_drafts_keeps_them(tmp_path: Path) -> None:
    late(tmp_path)
    home = session(tmp_path, review=Person(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        review_pending(home)
    assert len(ar.pending(home)) == 1


def test_code_written_by_hand_is_checked_and_pinned(tmp_path: Path) -> None:
    home = session(tmp_path)
    agent = home.agent("adder")
    path = ar.define(agent.add, ADD)
    assert "def add(self, a, b)" in path.read_text()
    assert (agent.add(1, 2), agent.add("a", "b")) == (3, "ab")
    assert ar.versions(agent.add)[-1].author == "person"
    assert session(tmp_path).agent("adder").add(2, 2) == 4


def test_code_written_by_hand_that_cannot_run_is_refused_with_its_line(tmp_path: Path) -> None:
    agent = session(tmp_path).agent("adder")
    with pytest.raises(ar.InvalidCode, match="self has no attributes") as caught:
        ar.define(agent.add, "def add(self, a):\n    return a + self.rest\n")
    assert caught.value.line == 2
    with pytest.raises(ar.AgentError):
        ar.source(agent.add)


def test_a_strict_policy_holds_for_code_written_by_hand(tmp_path: Path) -> None:
    agent = session(tmp_path, policy="strict").agent("adder")
    with pytest.raises(ar.PolicyError, match="delete"):
        ar.define(agent.wipe, "def wipe(self, path):\n    import os\n    os.remove(path)\n")


def test_an_edited_method_serves_the_kinds_that_it_answers_as_before(tmp_path: Path) -> None:
    home = session(tmp_path, DOUBLE)
    agent = home.agent("adder")
    assert agent.double(2) == 4
    assert "CACHED v2" in ar.edit(agent.double, DOUBLE.replace("2 * n", "n + n"))
    assert (agent.double(3), asked(home)) == (6, 1)
    assert ar.undo(agent.double) is not None
    assert "2 * n" in ar.source(agent.double)


def test_an_edit_that_answers_otherwise_waits_for_the_next_call(tmp_path: Path) -> None:
    home = session(tmp_path, DOUBLE)
    agent = home.agent("adder")
    agent.double(2)
    told = ar.edit(agent.double, DOUBLE.replace("2 * n", "3 * n"))
    assert told == "adder.double · NEW v2 · accepted for the next call"
    assert (agent.double(2), asked(home)) == (6, 1)


def test_an_edit_that_breaks_a_check_is_refused(tmp_path: Path) -> None:
    home = session(tmp_path, DOUBLE)
    agent = home.agent("adder")
    agent.double(2)
    ar.keep(agent.double)
    with pytest.raises(ar.Rejected, match="break a check"):
        ar.edit(agent.double, DOUBLE.replace("2 * n", "3 * n"))
    assert agent.double(2) == 4


def test_an_edited_pinned_method_stays_pinned(tmp_path: Path) -> None:
    agent = session(tmp_path, DOUBLE).agent("adder")
    agent.double(2)
    path = ar.pin(agent.double)
    ar.edit(agent.double, DOUBLE.replace("2 * n", "3 * n"))
    assert "3 * n" in path.read_text()
    assert agent.double(2) == 6


def test_auto_for_one_agent_accepts_what_is_not_flagged_until_somebody_sets_the_mode(tmp_path: Path) -> None:
    home = session(tmp_path, DOUBLE, ADD, review=Person("auto", "accept"))
    agent = home.agent("adder")
    assert (agent.double(2), agent.add(1, 2), len(home.reviewer.seen)) == (4, 3, 1)
    home.mode = "ask"
    home.provider = ar.ScriptedProvider(["```python\ndef half(self, n):\n    return n / 2\n```"])
    assert (agent.half(4), len(home.reviewer.seen)) == (2.0, 2)


def test_auto_for_one_agent_asks_for_flagged_code_and_for_other_agents(tmp_path: Path) -> None:
    wipe = "def wipe(self, path):\n    import os\n    os.remove(path)\n"
    home = session(tmp_path, DOUBLE, wipe, ADD, review=Person("auto", "reject", "accept"))
    agent = home.agent("adder")
    agent.double(2)
    with pytest.raises(ar.Rejected):
        agent.wipe(str(tmp_path / "x"))
    assert home.agent("another thing").add(1, 1) == 2
    assert len(home.reviewer.seen) == 3


def test_a_proposal_knows_the_versions_before_it(tmp_path: Path) -> None:
    home = session(tmp_path, DOUBLE, DOUBLE.replace("2 * n", "n * 2"), review=Person("reject", "accept", "accept"))
    agent = home.agent("adder")
    with pytest.raises(ar.Rejected):
        agent.double(2)
    agent.double(2)
    assert [v.verdict for v in home.reviewer.seen[1].versions] == ["rejected"]


@pytest.mark.parametrize("text", ["def add(self, a, b:\n    return a\n", "only words\n", "def add(self):\nreturn 1\n"])
def test_a_persons_text_that_is_no_python_is_told_as_python_does(tmp_path: Path, text: str) -> None:
    agent = session(tmp_path).agent("adder")
    with pytest.raises(ar.InvalidCode, match=r"^line \d: ") as caught:
        ar.define(agent.add, text)
    assert "fenced" not in str(caught.value)


def test_who_waits_for_another_process_is_told_and_who_may_not_write_does_not_wait(tmp_path: Path) -> None:
    held = session(tmp_path, ADD).store
    held.claim("adder", "adder")
    with held.lock("adder", "add"):
        with pytest.raises(ar.CacheMiss):
            session(tmp_path, review="cached").agent("adder").add(1, 2)
        waiting = session(tmp_path, ADD, review=Person("accept"))
        call = threading.Thread(target=waiting.agent("adder").add, args=(1, 2))
        call.start()
        end = time.monotonic() + 20
        while not (told := any("another process" in event.text for event in waiting.reviewer.events)):
            if time.monotonic() > end:
                break
            time.sleep(0.05)
    call.join()
    assert told
    assert asked(waiting) == 1


def test_a_draft_that_was_revised_is_shown_with_what_changed(tmp_path: Path) -> None:
    home = session(tmp_path, DOUBLE, TRIPLE, review=Person(ar.Verdict("revise", feedback="three times"), "accept"))
    assert home.agent("adder").double(2) == 6
    assert [proposal.previous for proposal in home.reviewer.seen] == ["", DOUBLE.rstrip("\n") + "\n"]
