"""Exploring: steps over the data under the usual review, and the way that was found kept as a method that agrees."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from kit import Person, asked, fenced, said, session

import agent_repl as ar
from agent_repl.errors import BudgetExceeded, CacheMiss, Rejected, ReviewRequired

ROWS = [f"{kind} {n}" for n in range(1, 2001) for kind in ("in", "out")][:3000]
OTHER = ["in 5", "out 2", "in 4"]
LOOK = "def step(self):\n    return len(self.data), self.data[:3]\n"
WORDS = "def step(self):\n    return sorted({row.split()[0] for row in self.data})\n"
ANSWER = "def answer(self):\n    return sum(int(row.split()[1]) for row in self.data if row.startswith('in'))\n"
INCOMING = '''
def incoming(self):
    """What came in."""
    return sum(int(row.split()[1]) for row in self.data if row.split()[0] == "in")
'''
WRONG = 'def incoming(self):\n    """All of it."""\n    return sum(int(row.split()[1]) for row in self.data)\n'
TRUTH = sum(n for n in range(1, 1501))
REMOVES = "def step(self):\n    import os\n    os.remove(self.data[0])\n"
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can lock a child")


def explored(tmp_path: Path, *replies: Any, review: Any = "auto", data: Any = ROWS, **options: Any) -> Any:
    """The exploration of `incoming`, and its session."""
    settings = {name: options.pop(name) for name in ("samples", "repairs", "max_calls", "policy") if name in options}
    home = session(tmp_path, *replies, review=review, **settings)
    return ar.explore(home.agent("a ledger", name="ledger", data=data).incoming, **options), home


def prompts(home: ar.Session) -> list[str]:
    return [prompt.user for prompt in home.provider.prompts]


def test_three_steps_find_the_answer_and_the_way_serves_other_data_without_a_model(tmp_path: Path) -> None:
    found, home = explored(tmp_path, LOOK, WORDS, ANSWER, INCOMING)
    assert (found.answer, found.kept, found.note, len(found.steps)) == (TRUTH, True, "", 3)
    assert found.usage.calls == asked(home) == 4
    other = home.call(home.agent("a ledger", data=OTHER), "incoming")
    assert (other.value, other.tier, asked(home)) == (9, "CACHED", 4)
    assert "it is a method now" in str(found)


def test_no_step_is_ever_stored_and_another_session_knows_the_method(tmp_path: Path) -> None:
    _, home = explored(tmp_path, LOOK, ANSWER, INCOMING)
    assert {version.key.name for version in home.store.newest()} == {"incoming"}
    assert list(home.store.entries("a ledger")) == ["incoming"]
    later = session(tmp_path, review="cached")
    assert later.agent("a ledger", data=OTHER).incoming() == 9


def test_each_step_is_told_what_came_of_those_before_and_the_writer_too(tmp_path: Path) -> None:
    _, home = explored(tmp_path, LOOK, WORDS, ANSWER, INCOMING)
    first, second, third, last = prompts(home)
    assert "Step 1" not in first
    assert "It returned (a tuple of 2): (3000, ['in 1', 'out 1', 'in 2'])" in second
    assert "['in', 'out']" in third
    assert "step 3 of at most 10" in third
    assert "def answer(self)" in last
    assert f"The answer was: {TRUTH}" in last


def test_a_step_that_raises_has_its_traceback_sent_back(tmp_path: Path) -> None:
    found, home = explored(tmp_path, "def step(self):\n    return self.data[0]['kind']\n", ANSWER, INCOMING)
    assert "it raised TypeError: string indices must be integers" in prompts(home)[1]
    assert "line 2: return self.data[0]['kind']" in prompts(home)[1]
    assert found.kept


def test_what_cannot_be_a_step_counts_as_one_and_says_why(tmp_path: Path) -> None:
    stray = "def step(self):\n    return self.totals()\n"
    found, home = explored(tmp_path, "```\nI would look at it.\n```", stray, LOOK, LOOK, ANSWER, INCOMING)
    assert [step.ran for step in found.steps] == [False, False, True, False, True]
    assert "self.totals is not written" in prompts(home)[2]
    assert "This step was taken before" in prompts(home)[4]


def test_a_step_leaves_the_state_as_it_was(tmp_path: Path) -> None:
    changes = "def step(self):\n    self.data = []\n    return 1\n"
    home = session(
        tmp_path, changes, "def answer(self):\n    return [self.data.pop(), len(self.data)]\n", "x", "x", "x"
    )
    agent = home.agent("a ledger", data=["in 1", "in 2"])
    found = ar.explore(agent.incoming)
    assert found.answer == ["in 2", 1]
    assert agent.data == ["in 1", "in 2"]


def test_a_step_that_hides_what_it_changes_leaves_the_state_too(tmp_path: Path) -> None:
    home = session(tmp_path, "def step(self):\n    vars(self).update(data=[])\n    return 1\n", ANSWER, INCOMING)
    agent = home.agent("a ledger", data=["in 1", "in 2"])
    found = ar.explore(agent.incoming)
    assert (found.answer, found.kept, found.steps[0].ran, agent.data) == (3, True, True, ["in 1", "in 2"])


def test_a_method_with_another_answer_is_announced_to_nobody(tmp_path: Path) -> None:
    home, heard = session(tmp_path, ANSWER, WRONG, INCOMING), list[str]()
    home.on_method_written(lambda agent, name, scope, version: heard.append(version.source))
    assert ar.explore(home.agent("a ledger", data=ROWS).incoming).kept
    assert [source.strip() for source in heard] == [INCOMING.strip()]


def test_a_person_sees_each_step_before_it_runs_and_then_the_method(tmp_path: Path) -> None:
    person = Person("accept", "accept", "accept")
    found, _ = explored(tmp_path, LOOK, ANSWER, INCOMING, review=person)
    titles = [proposal.title for proposal in person.seen]
    assert titles == ["ledger.incoming step 1", "ledger.incoming step 2", "ledger.incoming"]
    assert "not kept" in person.seen[0].reason
    assert found.kept


def test_a_step_that_the_person_rejects_does_not_run_and_ends_it(tmp_path: Path) -> None:
    person, data = Person("reject"), ["in 1"]
    with pytest.raises(Rejected, match="step 1 was rejected and did not run"):
        explored(tmp_path, "def step(self):\n    self.data.append('in 7')\n    return 1\n", review=person, data=data)
    assert data == ["in 1"]


def test_a_person_may_edit_a_step_or_say_what_is_wanted_instead(tmp_path: Path) -> None:
    edit = ar.Verdict("edit", source="def step(self):\n    return 'edited'\n")
    person = Person(edit, ar.Verdict("revise", feedback="look at the end"), "accept", "accept")
    found, home = explored(tmp_path, LOOK, WORDS, ANSWER, INCOMING, review=person)
    assert found.steps[0].value == "edited"
    assert "the person says: look at the end" in prompts(home)[2]
    assert not found.steps[1].ran


def test_always_holds_for_the_rest_of_the_exploration(tmp_path: Path) -> None:
    person = Person("auto")
    found, _ = explored(tmp_path, LOOK, WORDS, ANSWER, INCOMING, review=person)
    assert (len(person.seen), found.kept) == (1, True)


def test_a_flagged_step_in_auto_raises_where_nobody_can_answer_and_asks_where_somebody_can(tmp_path: Path) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_text("here")
    with pytest.raises(ReviewRequired, match=r"step 1 is written and waits for a person, since it is flagged: deletes"):
        explored(tmp_path, REMOVES, data=[str(kept)])
    person = Person("reject")
    home = session(tmp_path, REMOVES, review=person)
    home.set(review="auto")
    with pytest.raises(Rejected):
        ar.explore(home.agent("a ledger", data=[str(kept)]).incoming)
    assert kept.exists()


def test_what_the_policy_refuses_is_told_to_the_model(tmp_path: Path) -> None:
    found, home = explored(tmp_path, REMOVES, ANSWER, INCOMING, policy="strict")
    assert "is not allowed here: " in prompts(home)[1]
    assert found.kept


@pytest.mark.parametrize(("mode", "error"), [("cached", CacheMiss), ("later", ReviewRequired), ("ask", ReviewRequired)])
def test_nothing_is_paid_where_no_step_could_run(tmp_path: Path, mode: str, error: type[Exception]) -> None:
    home = session(tmp_path, LOOK, review=mode)
    with pytest.raises(error):
        ar.explore(home.agent("a ledger", data=ROWS).incoming)
    assert asked(home) == 0


def test_what_is_written_already_and_what_cannot_be_is_not_explored(tmp_path: Path) -> None:
    found, home = explored(tmp_path, ANSWER, INCOMING)
    agent = home.agent("a ledger", data=OTHER)
    with pytest.raises(ar.AgentError, match="has accepted code for such a call"):
        ar.explore(agent.incoming)
    for name in ("data", "llm", "_x", "class"):
        with pytest.raises(ar.AgentError, match="cannot be a method"):
            ar.explore(agent, name)
    with pytest.raises(ar.AgentError, match="1 to 100 steps"):
        ar.explore(agent.outgoing, steps=0)
    assert found.usage.calls == asked(home)


def test_the_steps_are_limited_and_what_was_seen_is_on_the_error(tmp_path: Path) -> None:
    with pytest.raises(BudgetExceeded, match="no answer after 2 steps") as caught:
        explored(tmp_path, LOOK, WORDS, steps=2)
    assert [step.said for step in caught.value.partial][1].endswith("['in', 'out']")


def test_the_last_step_is_told_that_it_is_the_last(tmp_path: Path) -> None:
    found, home = explored(tmp_path, LOOK, ANSWER, INCOMING, steps=2)
    assert "the last: it must be the answer" in prompts(home)[1]
    assert found.kept


def test_steps_count_as_calls_of_the_model(tmp_path: Path) -> None:
    with pytest.raises(BudgetExceeded, match="max_calls") as caught:
        explored(tmp_path, LOOK, WORDS, ANSWER, max_calls=2)
    assert len(caught.value.partial) == 2


def test_a_method_with_another_answer_is_fed_back_and_mended(tmp_path: Path) -> None:
    found, home = explored(tmp_path, LOOK, ANSWER, WRONG, INCOMING)
    assert found.kept
    assert f"and the exploration found: {TRUTH}" in prompts(home)[3]
    assert "Your last answer does not work: it answers: " in prompts(home)[3]
    standing = [version.verdict for version in home.store.versions(home.identities["a ledger"].key("incoming"))]
    assert standing == ["failed", "accepted"]
    assert home.call(home.agent("a ledger", data=OTHER), "incoming").value == 9


def test_one_that_never_agrees_is_a_one_off_and_not_cached(tmp_path: Path) -> None:
    person = Person(*["accept"] * 5)
    found, home = explored(tmp_path, LOOK, ANSWER, WRONG, WRONG.replace("All", "Any"), review=person, repairs=1)
    assert (found.answer, found.kept, asked(home)) == (TRUTH, False, 4)
    assert "a one-off, not cached: it answers:" in str(found)
    assert any("one-off, not cached" in event.text for event in person.events if event.kind == "warning")
    assert home.store.entries("a ledger") == {}
    again = session(tmp_path, review="cached")
    with pytest.raises(CacheMiss):
        again.agent("a ledger", data=ROWS).incoming()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (f"return {TRUTH}", "does not look at the data"),
        (f"return {TRUTH} if self.data else 0", "stands in the code as a constant"),
    ],
)
def test_an_answer_that_is_written_into_the_code_is_no_way_to_find_it(tmp_path: Path, body: str, why: str) -> None:
    constant = f'def incoming(self):\n    """It."""\n    {body}\n'
    found, home = explored(tmp_path, LOOK, ANSWER, constant, INCOMING)
    assert why in prompts(home)[3]
    assert found.kept


def test_a_method_that_raises_is_mended_and_one_that_is_rejected_leaves_a_one_off(tmp_path: Path) -> None:
    raises = 'def incoming(self):\n    """It."""\n    return self.data["in"]\n'
    found, home = explored(tmp_path, ANSWER, raises, INCOMING)
    assert found.kept
    home.agent("a ledger", data=ROWS)
    person = Person("accept", "reject")
    other = session(tmp_path / "other", ANSWER, INCOMING, review=person)
    found = ar.explore(other.agent("a ledger", data=ROWS).incoming)
    assert (found.answer, found.kept) == (TRUTH, False)
    assert "was rejected" in found.note


def test_a_state_that_the_disagreeing_method_changed_is_put_back(tmp_path: Path) -> None:
    changes = 'def incoming(self):\n    """It."""\n    self.seen = len(self.data)\n    return 1\n'
    home = session(tmp_path, ANSWER, changes, INCOMING)
    agent = home.agent("a ledger", data=ROWS)
    assert ar.explore(agent.incoming).kept
    assert set(vars(agent)) == {"data"}


def test_arguments_reach_the_steps_and_the_method(tmp_path: Path) -> None:
    look = "def step(self, kind):\n    return [row for row in self.data if row.startswith(kind)][:2]\n"
    answer = (
        "def answer(self, kind):\n    return sum(int(row.split()[1]) for row in self.data if row.startswith(kind))\n"
    )
    total = answer.replace("answer", "total").replace("kind):\n", 'kind):\n    """Of a kind."""\n')
    home = session(tmp_path, look, answer, total)
    found = ar.explore(home.agent("a ledger", name="ledger", data=ROWS), "total", kind="out")
    assert found.answer == TRUTH
    assert "ledger.total(kind='out')" in prompts(home)[0]
    assert home.agent("a ledger", data=OTHER).total(kind="out") == 2


HUGE = [
    ("text", "x" * 500_000, "def step(self):\n    return self.data\n"),
    ("rows", [{"k": "y" * 900}] * 3000, "def step(self):\n    return self.data\n"),
    ("deep", ["z" * 5000], "def step(self):\n    return [[[[self.data[0]] * 50] * 50] * 50] * 50\n"),
    ("raised", "w" * 500_000, "def step(self):\n    raise ValueError(self.data)\n"),
    ("own repr", "v" * 500_000, "def step(self):\n    return type('T', (), {'__repr__': lambda s: 'v' * 99999})()\n"),
]


@pytest.mark.parametrize(("what", "data", "step"), HUGE, ids=[each[0] for each in HUGE])
def test_no_prompt_holds_more_than_its_bounds_whatever_a_step_returns(
    tmp_path: Path, what: str, data: Any, step: str
) -> None:
    steps = [step.replace("self):\n", f"self):\n    number = {n}\n") for n in range(9)]
    _, home = explored(tmp_path, *steps, "def answer(self):\n    return self.data[:1]\n", *["x"] * 9, data=data)
    assert max(map(len, prompts(home))) < 16_000
    assert "Step 9" in prompts(home)[9]
    assert ("are left out" in prompts(home)[9]) == (what in ("text", "rows", "deep"))


def test_without_samples_only_kinds_come_back(tmp_path: Path) -> None:
    secret = ["in 1", "zebra 2"]
    raises = "def step(self):\n    if self.data:\n        raise ValueError(self.data[1])\n"
    _, home = explored(tmp_path, LOOK, raises, ANSWER, INCOMING, data=secret, samples="none")
    assert not [prompt for prompt in prompts(home) if "zebra" in prompt or "in 1" in prompt]
    assert "It returned: tuple[int, list[str]]" in prompts(home)[1]
    assert "it raised ValueError" in prompts(home)[2]
    assert "The answer was: int" in prompts(home)[3]


def test_ctrl_c_ends_it_and_keeps_nothing(tmp_path: Path) -> None:
    home = session(tmp_path, LOOK, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt) as caught:
        ar.explore(home.agent("a ledger", name="ledger", data=ROWS).incoming)
    words = caught.value._render_traceback_()[0]  # type: ignore[attr-defined]
    assert "ledger.incoming: stopped after step 1; there is no answer" in words
    assert home.store.newest() == ()


def test_ctrl_c_while_the_method_is_written_tells_the_answer(tmp_path: Path) -> None:
    home = session(tmp_path, ANSWER, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt) as caught:
        ar.explore(home.agent("a ledger", data=ROWS).incoming)
    assert f"the answer was {TRUTH}" in caught.value._render_traceback_()[0]  # type: ignore[attr-defined]


@linux
def test_under_limits_steps_run_unasked_in_a_locked_child(tmp_path: Path) -> None:
    person, kept = Person("accept"), tmp_path / "kept.txt"
    kept.write_text("here")
    removes = f"def step(self):\n    import os\n    os.remove({str(kept)!r})\n"
    found, home = explored(tmp_path, LOOK, removes, ANSWER, INCOMING, review=person, limits=20.0)
    assert [proposal.title for proposal in person.seen] == ["ledger.incoming"]
    assert [step.alone for step in found.steps] == [True, True, True]
    assert "It returned (a tuple of 2): (3000, " in prompts(home)[1]
    assert "could not be run under limits" in prompts(home)[2]
    assert kept.exists()
    assert (found.answer, found.kept) == (TRUTH, True)


@linux
def test_under_limits_a_step_that_raises_hangs_or_has_no_plain_answer_says_so(tmp_path: Path) -> None:
    raises = "def step(self):\n    return self.data[0]['kind']\n"
    hangs = "def step(self):\n    while True:\n        self.data\n"
    odd = "def answer(self):\n    return object() if self.data else 1\n"
    found, home = explored(tmp_path, raises, hangs, odd, ANSWER, INCOMING, limits=3.0)
    assert "it raised TypeError: string indices" in prompts(home)[1]
    assert "could not be run under limits: it gave no report within 3 s" in prompts(home)[2]
    assert "must be plain data" in prompts(home)[3]
    assert (found.answer, found.kept) == (TRUTH, True)


@linux
def test_under_limits_a_step_that_asks_a_model_is_reviewed_as_ever(tmp_path: Path) -> None:
    person = Person("reject")
    asks = "def step(self):\n    return self.llm.ask(self.data[0])\n"
    with pytest.raises(Rejected):
        explored(tmp_path, asks, review=person, limits=20.0)
    assert [proposal.title for proposal in person.seen] == ["ledger.incoming step 1"]


def test_limits_that_cannot_hold_here_are_refused_before_anything_is_paid(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("agent_repl_recursion.explore.cannot_try", lambda: "this system refused landlock")
    home = session(tmp_path, LOOK)
    with pytest.raises(ar.AgentError, match="no step can run under limits here \\(this system refused landlock"):
        ar.explore(home.agent("a ledger", data=ROWS).incoming, limits=5.0)
    assert asked(home) == 0


def test_the_verb_takes_a_call_as_python_writes_it(ip: Any, session: Any, capsys: Any) -> None:
    answer = "def answer(self, n, *more):\n    return [int(x) + n for x in open(self.path)]\n"
    shifted = 'def shifted(self, n, *more):\n    """Shifted."""\n    return [int(x) + n for x in open(self.path)]\n'
    session.provider._replies = iter(map(fenced, (answer.replace(", *more", ""), shifted.replace(", *more", ""))))
    ip.run_cell('%agent create sales "analyst of {path}" path=sales.csv')
    seen = said(ip, capsys, "three = 3\n%agent explore sales.shifted(n=three) --steps 4")
    assert "sales.shifted · [4, 5]" in seen
    assert "it is a method now" in seen
    assert "usage: %agent explore" in said(ip, capsys, "%agent explore sales.other() --steps many")
    assert "no call with plain values" in said(ip, capsys, "%agent explore sales.other")
    assert "no call with plain values" in said(ip, capsys, "%agent explore sales.other(open())")


def test_fenced_text_of_the_data_cannot_end_the_block_that_it_stands_in(tmp_path: Path) -> None:
    data = ["in 1", "```", "in 2"]
    _, home = explored(tmp_path, "def step(self):\n    return self.data[1]\n", ANSWER, INCOMING, data=data)
    assert "It returned (a str of 3): '` ` `'" in prompts(home)[1]


ASKS = """
def {name}(self, topic):
    {doc}told = self.llm.each(self.data, "Is this about " + topic + "? {{item}}", schema=bool)
    return [row for row, about in zip(self.data, told) if about]
"""


def test_the_leaf_answers_of_the_steps_are_remembered_so_that_the_method_costs_none(tmp_path: Path) -> None:
    written = [ASKS.format(name="answer", doc=""), ASKS.format(name="about", doc='"""Those about it."""\n    ')]

    def reply(prompt: ar.Prompt) -> str:
        if "`def " in prompt.user:
            return fenced(written.pop(0))
        return "yes" if "pear" in prompt.user else "no"

    home = ar.open_session(tmp_path / ".agent_repl", provider=ar.ScriptedProvider(reply), review="auto")
    rows = ["a pear", "two plums", "pears again", "bread"]
    found = ar.explore(home.agent("a shop", data=rows), "about", "fruit that is green")
    assert (found.answer, found.kept) == (["a pear", "pears again"], True)
    assert found.usage.calls == 6  # one step, four leaves, one method


def test_a_step_after_one_that_could_not_run_is_asked_for_with_more_heat_and_the_trail_is_in_order(
    tmp_path: Path,
) -> None:
    _, home = explored(tmp_path, LOOK, "def step(self):\n    return self.totals()\n", WORDS, ANSWER, INCOMING)
    assert [prompt.temperature for prompt in home.provider.prompts[:4]] == [0.0, 0.0, 0.6, 0.0]
    told = prompts(home)[3]
    assert told.index("Step 1:") < told.index("Step 2:") < told.index("Step 3:") < told.index("Now step 4")


def test_a_pinned_method_is_not_explored_whatever_the_kind_of_call(tmp_path: Path) -> None:
    _, home = explored(tmp_path, ANSWER, INCOMING)
    ar.pin(home.agent("a ledger", data=ROWS).incoming)
    with pytest.raises(ar.AgentError, match="has accepted code"):
        ar.explore(home.agent("a ledger", data=[{"kind": 1.5}]), "incoming")
    assert asked(home) == 2


def test_no_step_runs_under_limits_where_code_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    home = session(tmp_path, LOOK, executor="process")
    with pytest.raises(ar.AgentError, match="code runs in another process"):
        ar.explore(home.agent("a ledger", data=ROWS).incoming, limits=5.0)
    assert asked(home) == 0


def test_a_step_that_the_person_edited_is_held_to_the_policy(tmp_path: Path) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_text("here")
    person = Person(ar.Verdict("edit", source=REMOVES), "accept", "accept")
    found, home = explored(tmp_path, LOOK, ANSWER, INCOMING, review=person, policy="strict", data=[str(kept)])
    assert not found.steps[0].ran
    assert "is not allowed here: " in prompts(home)[1]
    assert kept.exists()


# ── broken off ──


BREAKS = [
    (KeyboardInterrupt(), KeyboardInterrupt, {}),
    (ar.ProviderError("the host is gone"), ar.ProviderError, {}),
    (None, BudgetExceeded, {"max_calls": 2}),
    (None, BudgetExceeded, {"steps": 2}),
]


@pytest.mark.parametrize(("reply", "error", "limit"), BREAKS, ids=["ctrl-c", "provider", "max_calls", "steps"])
def test_an_exploration_that_was_broken_off_goes_on_after_a_restart(
    tmp_path: Path, reply: Any, error: Any, limit: Any
) -> None:
    with pytest.raises(error):
        explored(tmp_path, LOOK, WORDS, *[reply] * bool(reply), **limit)
    person = Person()
    home = session(tmp_path, ANSWER, INCOMING, review=person)
    home.set(review="auto")
    found = ar.explore(home.agent("a ledger", name="ledger", data=ROWS).incoming)
    assert (found.answer, found.kept, len(found.steps), asked(home), found.usage.calls) == (TRUTH, True, 3, 2, 2)
    assert "['in', 'out']" in prompts(home)[0]
    done = [event.text for event in person.events if event.kind == "done"]
    assert ["as before, no model was asked" in text for text in done[:3]] == [True, True, False]


def test_within_a_session_it_goes_on_too_and_where_there_is_no_disk(tmp_path: Path) -> None:
    texts = [fenced(text) for text in (LOOK, WORDS)]
    replies = [*texts, KeyboardInterrupt(), *map(fenced, (ANSWER, INCOMING))]
    home = ar.open_session(None, provider=ar.ScriptedProvider(replies), review="auto")
    agent = home.agent("a ledger", data=ROWS)
    with pytest.raises(KeyboardInterrupt):
        ar.explore(agent.incoming)
    assert asked(home) == 3
    assert ar.explore(agent.incoming).kept
    assert asked(home) == 5


def test_other_data_another_call_another_model_and_the_word_anew_begin_anew(tmp_path: Path) -> None:
    with pytest.raises(BudgetExceeded):
        explored(tmp_path, LOOK, WORDS, steps=2)
    alike, home = [*ROWS[:1500], "odd 1", *ROWS[1501:]], session(tmp_path, ANSWER)  # of the same profile
    with pytest.raises(BudgetExceeded) as caught:
        ar.explore(home.agent("a ledger", name="ledger", data=alike).incoming, steps=2)
    assert "['in', 'odd', 'out']" in caught.value.partial[1].said  # type: ignore[attr-defined]
    assert asked(home) == 0
    assert ar.explore(home.agent("a ledger", name="ledger", data=alike).incoming).answer == TRUTH - 751
    assert asked(home) == 2
    for data, name in ((OTHER, "incoming"), (ROWS, "outgoing")):
        other = session(tmp_path, LOOK, WORDS)
        with pytest.raises(BudgetExceeded):
            ar.explore(other.agent("a ledger", name="ledger", data=data), name, steps=2)
        assert asked(other) == 2
    larger = session(tmp_path, LOOK, WORDS)
    larger.provider.model = "larger"
    with pytest.raises(BudgetExceeded):
        ar.explore(larger.agent("a ledger", name="ledger", data=ROWS).incoming, steps=2)
    assert asked(larger) == 2
    with pytest.raises(BudgetExceeded):
        explored(tmp_path, LOOK, WORDS, steps=2)
    found, home = explored(tmp_path, LOOK, ANSWER, INCOMING, anew=True)
    assert (found.kept, len(found.steps), asked(home)) == (True, 2, 3)


def test_a_step_that_is_the_last_now_is_asked_for_the_answer(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        explored(tmp_path, LOOK, WORDS, KeyboardInterrupt())
    found, home = explored(tmp_path, ANSWER, INCOMING, steps=2)
    assert "the last: it must be the answer" in prompts(home)[0]
    assert (len(found.steps), found.kept, asked(home)) == (2, True, 2)


def test_a_step_that_gives_something_else_now_is_told_to_the_model(tmp_path: Path) -> None:
    clock = "def step(self):\n    import time\n    return time.time_ns()\n"
    with pytest.raises(BudgetExceeded):
        explored(tmp_path, clock, LOOK, steps=2)
    found, home = explored(tmp_path, WORDS, ANSWER, INCOMING)
    assert (asked(home), len(found.steps)) == (3, 3)


def test_what_the_person_accepted_edited_or_wanted_otherwise_is_not_asked_about_again(tmp_path: Path) -> None:
    edit = ar.Verdict("edit", source="def step(self):\n    return 'edited'\n")
    person = Person(edit, ar.Verdict("revise", feedback="look at the end"), "accept", KeyboardInterrupt())
    third = WORDS.replace("sorted", "list")
    with pytest.raises(KeyboardInterrupt):
        explored(tmp_path, LOOK, WORDS, third, ANSWER, review=person)
    person = Person("accept", "accept")
    found, home = explored(tmp_path, INCOMING, review=person)
    assert [seen.title for seen in person.seen] == ["ledger.incoming step 4", "ledger.incoming"]
    assert (asked(home), [step.ran for step in found.steps]) == (1, [True, False, True, True])
    assert found.steps[0].value == "edited"


def test_a_step_that_was_rejected_is_asked_for_again_and_those_before_it_are_not(tmp_path: Path) -> None:
    with pytest.raises(Rejected):
        explored(tmp_path, LOOK, WORDS, review=Person("accept", "reject"))
    person = Person("accept", "accept")
    found, home = explored(tmp_path, ANSWER, INCOMING, review=person)
    assert [seen.title for seen in person.seen] == ["ledger.incoming step 2", "ledger.incoming"]
    assert (found.kept, asked(home)) == (True, 2)


def test_a_flagged_step_is_shown_again_before_it_runs_again(tmp_path: Path) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_text("here")
    with pytest.raises(BudgetExceeded):
        explored(tmp_path, LOOK, REMOVES, review=Person("accept", "accept"), data=[str(kept)], steps=2)
    kept.write_text("here again")
    person = Person("reject")
    with pytest.raises(Rejected):
        explored(tmp_path, review=person, data=[str(kept)])
    assert ([seen.title for seen in person.seen], kept.exists()) == (["ledger.incoming step 2"], True)


def test_a_step_that_waits_for_a_person_is_there_when_one_comes(tmp_path: Path) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_text("here")
    with pytest.raises(ReviewRequired):
        explored(tmp_path, REMOVES, data=[str(kept)])
    home = session(tmp_path, review=Person("reject"))
    with pytest.raises(Rejected):
        ar.explore(home.agent("a ledger", name="ledger", data=[str(kept)]).incoming)
    assert asked(home) == 0


def test_when_it_has_ended_all_is_forgotten_unless_a_limit_left_no_method(tmp_path: Path) -> None:
    found, home = explored(tmp_path, LOOK, ANSWER, max_calls=2)
    assert (found.answer, found.kept, asked(home)) == (TRUTH, False, 2)
    assert "max_calls" in found.note
    found, home = explored(tmp_path, INCOMING, review=Person("reject"))
    assert (found.answer, found.kept, asked(home)) == (TRUTH, False, 1)
    found, home = explored(tmp_path, LOOK, ANSWER, INCOMING, review=Person("accept", "accept", "accept"))
    assert (found.kept, asked(home), len(home.reviewer.seen)) == (True, 3, 3)


def test_what_was_answered_as_the_last_step_serves_where_more_are_allowed(tmp_path: Path) -> None:
    with pytest.raises(BudgetExceeded):
        explored(tmp_path, LOOK, steps=1)
    with pytest.raises(BudgetExceeded):
        explored(tmp_path, WORDS, steps=2)
    found, home = explored(tmp_path, ANSWER, INCOMING)
    assert (len(found.steps), asked(home)) == (3, 2)
    ar.forget(home.agent("a ledger", data=ROWS).incoming)
    found, home = explored(tmp_path, LOOK, WORDS, ANSWER, INCOMING)  # it had ended: nothing of it is known any more
    assert asked(home) == 4


@linux
def test_a_step_that_ran_unasked_under_limits_is_reviewed_where_there_are_none(tmp_path: Path) -> None:
    with pytest.raises(BudgetExceeded):
        explored(tmp_path, LOOK, WORDS, limits=20.0, steps=2)
    person = Person("accept", "accept", "accept", "accept")
    found, home = explored(tmp_path, ANSWER, INCOMING, review=person)
    assert [seen.title[-1] for seen in person.seen] == ["1", "2", "3", "g"]
    assert (found.kept, asked(home)) == (True, 2)


def test_clearing_the_answers_forgets_the_steps(tmp_path: Path) -> None:
    with pytest.raises(BudgetExceeded):
        _, home = explored(tmp_path, LOOK, steps=1)
    home = session(tmp_path, LOOK)
    assert ar.clear_answers(home) == 1
    with pytest.raises(BudgetExceeded):
        ar.explore(home.agent("a ledger", name="ledger", data=ROWS).incoming, steps=1)
    assert asked(home) == 1


def test_a_frame_as_an_answer_becomes_a_method(tmp_path: Path) -> None:
    frame = pytest.importorskip("pandas").DataFrame({"k": ["a", "b", "a"], "v": [1, 2, 3]})
    sums = "def answer(self):\n    return self.data.groupby('k').sum()\n"
    method = sums.replace("answer(self):\n", 'incoming(self):\n    """Sums."""\n')
    found, _ = explored(tmp_path, sums, method, data=frame)
    assert (found.kept, found.note) == (True, "")


def test_a_limit_in_a_step_that_asks_a_model_ends_it_and_the_next_one_asks_for_the_rest(tmp_path: Path) -> None:
    written = [fenced(ASKS.format(name="answer", doc="")), fenced(ASKS.format(name="about", doc='"""It."""\n    '))]
    provider = ar.ScriptedProvider(lambda prompt: written.pop(0) if "`def " in prompt.user else "yes")
    home = ar.open_session(tmp_path / ".agent_repl", provider=provider, review="auto", max_leaves=3)
    agent = home.agent("a shop", data=["a pear", "two plums", "pears again", "bread"])
    with pytest.raises(BudgetExceeded, match="max_leaves=3"):
        ar.explore(agent, "about", "fruit")
    assert asked(home) == 4  # one step, three leaves
    found = ar.explore(agent, "about", "fruit")
    assert (found.kept, len(found.steps), found.usage.calls, asked(home)) == (True, 1, 2, 6)
