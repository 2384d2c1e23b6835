"""Methods written ahead of their calls: proposed by a model that plays a user, or found in a script."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import kit
import pytest
from kit import Person, asked, said, session

import agent_repl as ar
from agent_repl.control import review_pending
from agent_repl_data.calls import calls_of, constants, made_by
from agent_repl_growth import Grown
from agent_repl_ui.complete import agent_words

PROPOSED = "sales.total()\nsales.top(n=3)\nsales.top(n=5)\n"
TOP = "def top(self, n):\n    return list(range(n))\n"
TOTAL = "def total(self):\n    return 6\n"


def player(*lines: str) -> ar.ScriptedProvider:
    return ar.ScriptedProvider(["\n".join(lines)])


def drafts(home: ar.Session) -> list[tuple[str, str]]:
    return sorted((version.key.name, version.verdict) for version in home.store.newest())


def test_the_common_calls_are_written_first_and_wait_as_drafts(tmp_path: Path) -> None:
    home = session(tmp_path, TOP, TOTAL)
    grown = ar.grow(home.agent("sales"), "what sells best?", player=player(PROPOSED))
    assert grown.calls == ("sales.total()", "sales.top(n=3)", "sales.top(n=5)")
    assert list(grown.written) == ["top", "total"]
    assert "for sales.top(n=3)" in grown.written["top"]
    assert drafts(home) == [("top", "draft"), ("total", "draft")]
    assert home.store.entries("sales") == {}


def test_the_sessions_own_model_plays_where_no_other_is_given(tmp_path: Path) -> None:
    home = session(tmp_path, f"```\n{PROPOSED}```", TOP, TOTAL)
    grown = ar.grow(home.agent("sales"), "what sells best?")
    assert asked(home) == grown.usage.calls == home.usage.calls == 3


def test_the_player_reads_what_the_writer_reads_and_then_the_scenario(tmp_path: Path) -> None:
    (tmp_path / "sales.csv").write_text("region,amount\nnorth,3\n", encoding="utf-8")
    home, user = session(tmp_path, TOTAL), player("sales.total()")
    agent = home.agent("analyst of {path}", name="sales", path=str(tmp_path / "sales.csv"))
    ar.grow(agent, "what sells {best}?", calls=7, player=user)
    assert user.prompts[0].system == home.provider.prompts[0].system
    assert "region" in user.prompts[0].system
    assert "what sells {best}?" in user.prompts[0].user
    assert "at most 7 calls" in user.prompts[0].user


def test_a_reply_is_read_line_by_line_whatever_stands_around_its_calls(tmp_path: Path) -> None:
    home = session(tmp_path, *(f"def m{n}(self):\n    return 1\n" for n in range(1, 6)))
    lines = ["```python", "# first", "1. sales.m1()", "- `sales.m2()`", ">>> print(sales.m3())", "x = sales.m4();", ""]
    grown = ar.grow(home.agent("sales"), "use it", player=player(*lines, "sales.m5()", "```"))
    assert list(grown.written) == ["m1", "m2", "m3", "m4", "m5"]
    assert grown.left_out == ()


LEFT_OUT = {
    "sales.top(": "no call of sales that can be read",
    "First I would look around.": "no call of sales that can be read",
    "total()": "no call of sales that can be read",
    "other.total()": "no call of sales that can be read",
    "sales.total": "no call of sales that can be read",
    "sales.top(n=__import__('os').getpid())": "its arguments are no values",
    "sales.top(n=rows)": "its arguments are no values",
    "sales.top(*[1])": "its arguments are no values",
    "sales.top(**{'n': 1})": "its arguments are no values",
    "sales.top(n=1, n=2)": "its arguments are no values",
    f"sales.top({'-' * 3000}1)": "no call of sales that can be read",
    "sales.rows()": "it is state",
    "sales._private()": "a private or reserved name",
    "sales.getdoc()": "a private or reserved name",
    "sales.llm('x')": "a private or reserved name",
    "sales.total( )": "it repeats",
}


@pytest.mark.parametrize(("line", "why"), LEFT_OUT.items(), ids=lambda text: text[:24])
def test_what_is_no_plain_call_is_left_out_with_its_reason(tmp_path: Path, line: str, why: str) -> None:
    home = session(tmp_path, TOTAL)
    grown = ar.grow(home.agent("sales", rows=[1]), "use it", player=player("sales.total()", line))
    assert list(grown.written) == ["total"]
    assert [reason for _, reason in grown.left_out] == [why]
    assert f"left out: 1 ({grown.left_out[0][0]}): {why}" in str(grown)


def test_a_file_that_nobody_named_is_not_read_for_a_proposal(tmp_path: Path) -> None:
    named, secret = tmp_path / "named.csv", tmp_path / "secret.csv"
    named.write_text("region\nnorth\n", encoding="utf-8")
    secret.write_text("password\ncanary\n", encoding="utf-8")
    home = session(tmp_path, "def load(self, path):\n    return path\n", "def old(self, a):\n    return a\n")
    user = player(f"sales.join([{str(secret)!r}])", f"sales.peek({str(secret)!r})", f"sales.load(path={str(named)!r})")
    grown = ar.grow(home.agent("sales"), f"load ({named}).", player=user)
    assert list(grown.written) == ["load"]
    assert [why for _, why in grown.left_out] == ["names a file that you did not"] * 2
    assert not any("canary" in f"{p.system}{p.user}" for p in home.provider.prompts)


def test_no_more_calls_are_taken_than_were_asked_for(tmp_path: Path) -> None:
    home = session(tmp_path, TOTAL)
    grown = ar.grow(home.agent("sales"), "use it", calls=1, player=player("sales.total()", "sales.top(1)"))
    assert (grown.calls, list(grown.written)) == (("sales.total()",), ["total"])
    assert grown.left_out == (("sales.top(1)", "more than 1 calls"),)


def test_a_reply_that_was_cut_counts_as_far_as_it_is_whole(tmp_path: Path) -> None:
    home = session(tmp_path, TOTAL)
    cut = ar.ReplyCut("it reached the limit", "sales.total()\nsales.top(n=")
    grown = ar.grow(home.agent("sales"), "use it", player=ar.ScriptedProvider([cut]))
    assert (list(grown.written), grown.left_out) == (["total"], ())


@pytest.mark.parametrize("review", ["auto", "later", Person()])
def test_nothing_runs_and_nobody_is_asked(tmp_path: Path, review: Any) -> None:
    canary = tmp_path / "canary"
    home = session(tmp_path, f"def total(self):\n    open({str(canary)!r}, 'w').close()\n", review=review)
    grown = ar.grow(home.agent("sales"), "use it", player=player("sales.total()"))
    assert list(grown.written) == ["total"]
    assert not canary.exists()
    assert getattr(home.reviewer, "seen", []) == getattr(home.reviewer, "questions", []) == []


def test_a_later_call_of_the_kind_shows_the_draft_and_pays_nothing(tmp_path: Path) -> None:
    home = session(tmp_path, TOP, review=(person := Person("accept")))
    agent = home.agent("sales")
    ar.grow(agent, "use it", player=player("sales.top(n=3)"))
    assert person.seen == []
    assert agent.top(n=2) == [0, 1]
    assert [proposal.title for proposal in person.seen] == ["sales.top"]
    assert asked(home) == 1


def test_a_draft_is_tried_in_isolation_and_the_summary_says_what_it_answered(tmp_path: Path) -> None:
    home = session(tmp_path, TOP, review="later")
    grown = ar.grow(home.agent("sales"), "use it", player=player("sales.top(n=3)"))
    tried = grown.written["top"].partition(" · ")[2]
    assert tried == home.store.newest()[0].note
    assert tried.startswith(("tried in isolation: it answers [0, 1, 2]", "not tried: "))


def test_in_the_mode_later_the_draft_goes_on_waiting(tmp_path: Path) -> None:
    home = session(tmp_path, TOP, review="later")
    agent = home.agent("sales")
    ar.grow(agent, "use it", player=player("sales.top(n=3)"))
    with pytest.raises(ar.ReviewRequired):
        agent.top(n=3)
    assert asked(home) == 1


def test_all_of_it_is_in_one_review_and_what_is_accepted_runs(tmp_path: Path) -> None:
    home = session(tmp_path, TOP, TOTAL, review=(person := Person("accept", "accept")))
    agent = home.agent("sales")
    ar.grow(agent, "use it", player=player(PROPOSED))
    review_pending(home)
    assert sorted(proposal.title for proposal in person.seen) == ["sales.top", "sales.total"]
    assert (agent.total(), agent.top(n=1)) == (6, [0])
    assert asked(home) == len(person.seen) == 2


def test_what_is_there_already_is_not_written_again(tmp_path: Path) -> None:
    home = session(tmp_path, TOTAL, TOP)
    agent = home.agent("sales")
    agent.total()
    ar.grow(agent, "use it", player=player("sales.top(n=3)"))
    user = player(PROPOSED)
    grown = ar.grow(agent, "use it again", player=user)
    assert (grown.there, list(grown.written), grown.left_out) == (("total", "top"), [], ())
    assert asked(home) == 2
    assert "It has top, total." in user.prompts[0].user
    assert "there already: total, top" in str(grown)


def test_a_name_that_is_nearly_there_is_left_out_and_nobody_is_asked(tmp_path: Path) -> None:
    person = Person("accept")
    home = session(tmp_path, "def revenue_total(self):\n    return 1\n", review=person)
    agent = home.agent("sales")
    agent.revenue_total()
    grown = ar.grow(agent, "use it", player=player("sales.revenue_totals()"))
    assert grown.left_out == (("sales.revenue_totals()", "it is nearly revenue_total, which is there"),)
    assert (person.questions, asked(home)) == ([], 1)


@pytest.mark.parametrize(("review", "error"), [("cached", ar.CacheMiss), ("ask", ar.ReviewRequired)])
def test_where_no_model_may_be_asked_nothing_is_paid(tmp_path: Path, review: str, error: type[ar.AgentError]) -> None:
    home, user = session(tmp_path, TOTAL, review=review), player("sales.total()")
    with pytest.raises(error):
        ar.grow(home.agent("sales"), "use it", player=user)
    assert asked(home) == len(user.prompts) == 0


@pytest.mark.parametrize(
    ("stop", "why"),
    [
        (KeyboardInterrupt(), "it was stopped"),
        (ar.Unreachable("nobody listens\nat all"), "nobody listens"),
    ],
)
def test_a_stop_in_the_middle_keeps_what_is_written_and_says_what_is_left(
    tmp_path: Path, stop: BaseException, why: str
) -> None:
    home = session(tmp_path, TOTAL, stop)
    lines = "sales.total()", "sales.top(n=3)", "sales.least(n=3)"
    grown = ar.grow(home.agent("sales"), "use it", player=player(*lines))
    assert list(grown.written) == ["total"]
    assert grown.left_out == (("sales.top(n=3)", why), ("sales.least(n=3)", why))
    assert drafts(home) == [("total", "draft")]


def test_the_limit_of_money_stops_it_and_keeps_what_is_written(tmp_path: Path) -> None:
    class Dear(ar.ScriptedProvider):
        def complete(self, prompt: Any, on_text: Any) -> ar.Reply:
            reply = super().complete(prompt, on_text)
            return ar.Reply(reply.text, ar.Usage(calls=1, cost=0.6), reply.model, reply.note)

        def most(self, prompt: Any) -> float:
            return 0.6

    home = session(tmp_path, max_cost=1.3)
    home.provider = Dear([PROPOSED, kit.fenced(TOP), kit.fenced(TOTAL)])
    grown = ar.grow(home.agent("sales"), "use it")
    assert (list(grown.written), grown.usage.cost) == (["top"], 1.2)
    assert "max_cost" in grown.left_out[0][1]
    assert "$1.2000" in str(grown)


def test_each_method_has_the_limit_of_calls_for_itself(tmp_path: Path) -> None:
    home = session(tmp_path, TOP, TOTAL, max_calls=1)
    assert list(ar.grow(home.agent("sales"), "use it", player=player(PROPOSED)).written) == ["top", "total"]


def test_a_method_that_cannot_be_written_does_not_keep_the_others_back(tmp_path: Path) -> None:
    home = session(tmp_path, "def other(self, n):\n    return n\n", TOTAL, generation_retries=1)
    grown = ar.grow(home.agent("sales"), "use it", player=player(PROPOSED))
    assert list(grown.written) == ["total"]
    assert "no usable code for sales.top" in grown.left_out[0][1]
    assert grown.usage.calls == 3


def test_the_log_has_one_tree_for_all_of_it(tmp_path: Path) -> None:
    home = session(tmp_path, TOP, TOTAL, log=str(tmp_path / "log"))
    ar.grow(home.agent("sales"), "use it", player=player(PROPOSED))
    (tree,) = map(json.loads, (tmp_path / "log").read_text(encoding="utf-8").splitlines())
    assert tree["call"] == "sales: grow"
    assert [node["call"] for node in tree["calls"]] == ["sales.top", "sales.total"]


def test_the_summary_says_what_was_written_for_what_and_what_to_do_next(tmp_path: Path) -> None:
    grown = ar.grow(session(tmp_path, TOP, TOTAL).agent("sales"), "use it", player=player(PROPOSED, "no"))
    lines = str(grown).splitlines()
    assert lines[0].startswith("sales · calls: 3 · written ahead: 2 · model calls: 3")
    assert lines[1].startswith("  top · for sales.top(n=3) · ")
    assert lines[3] == "  left out: 1 ('no'): no call of sales that can be read"
    assert "%agent review" in lines[-1]
    assert "review" not in str(Grown("sales", (), {}, (), (), ar.Usage()))


@pytest.mark.parametrize(
    "wrong", [{}, {"scenario": "  "}, {"scenario": "a", "usage": "b.py"}, {"scenario": "a", "calls": 0}]
)
def test_neither_or_both_or_no_calls_is_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    home = session(tmp_path)
    with pytest.raises(ar.AgentError, match="grow by a scenario"):
        ar.grow(home.agent("sales"), **wrong)
    assert asked(home) == 0


def test_a_player_on_a_host_is_asked_about_first(tmp_path: Path) -> None:
    home, user = session(tmp_path, TOTAL, review=(person := Person())), player("sales.total()")
    user.host = "model.example"
    ar.grow(home.agent("sales"), "use it", player=user)
    assert "model.example" in person.questions[0]


# ── the calls of a script ──

SCRIPT = """
import sys
from agent_repl import Agent, open_session
open("canary", "w").close()
session = open_session()
mine = session.agent("sales analyst", rows=[1])
other = Agent("somebody else")
LIMIT = 3
TWICE = 1
TWICE = 2
def main(n):
    print(mine.top(n=LIMIT).total(), other.total())
    mine.least(n, by="name")
    mine.least(TWICE)
    return [mine.total() for _ in range(3)]
"""


def test_the_calls_of_a_script_are_taken_and_it_never_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("usage.py").write_text(SCRIPT, encoding="utf-8")
    home = session(tmp_path, "def least(self, n, by):\n    return n\n", TOP, TOTAL)
    grown = ar.grow(home.agent("sales analyst"), usage="usage.py")
    label = home.agent("sales analyst")._agent_repl_label_
    texts = ["top(LIMIT)", "least(n, by=...)", "least(TWICE)", "total()"]
    assert grown.calls == (f"{label}.top(n=LIMIT)", *(f"{label}.{text}" for text in texts[1:]))
    assert list(grown.written) == ["least", "top", "total"]
    assert not Path("canary").exists()
    assert asked(home) == 3


def script(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "usage.py"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_known_value_counts_as_the_argument_and_its_kind_of_call_is_served(tmp_path: Path) -> None:
    home = session(tmp_path, TOP)
    agent = home.agent("sales")
    ar.grow(agent, usage=script(tmp_path, "N = 3\nsales.top(rows)\nsales.top(n=N)\n"))
    assert "sales.top(n=3)" in home.provider.prompts[0].user
    assert agent.top(n=2) == [0, 1]
    assert asked(home) == 1


def test_a_method_with_unknown_arguments_is_wanted_without_a_value(tmp_path: Path) -> None:
    home = session(tmp_path, TOP, review=(person := Person("accept")), samples="none")
    agent = home.agent("sales")
    grown = ar.grow(agent, usage=script(tmp_path, "sales.top(rows, 'canary', by='canary')\n"))
    assert grown.calls == ("sales.top(rows, ..., by=...)",)
    assert "canary" not in home.provider.prompts[0].user
    assert agent.top(2) == [0, 1]
    assert (asked(home), len(person.seen)) == (1, 1)


def test_a_draft_for_unknown_arguments_that_asks_its_state_is_not_paid_for_twice(tmp_path: Path) -> None:
    home = session(tmp_path, "def top(self, n):\n    return n if self.unit == 'km' else 2 * n\n")
    agent = home.agent("sales", unit="km")
    ar.grow(agent, usage=script(tmp_path, "sales.top(rows)\n"))
    assert agent.top(3) == 3
    assert asked(home) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def broken(:\n", "is no script that can be read"),
        ("x = 1\n" * 20_000, "mend it, or make it shorter"),
        ("other.total()\n", "calls no method of sales"),
        ("sales = Agent('another')\nsales.total()\n", "calls no method of sales"),
        (None, "cannot be read"),
    ],
    ids=["broken", "too large", "no such agent", "another agent", "not there"],
)
def test_a_script_that_is_of_no_use_is_named_with_what_to_do(tmp_path: Path, text: str | None, words: str) -> None:
    file = script(tmp_path, text) if text is not None else tmp_path / "none.py"
    home = session(tmp_path)
    with pytest.raises(ar.AgentError, match=words) as found:
        ar.grow(home.agent("sales"), usage=file)
    assert str(file) in str(found.value)
    assert asked(home) == 0


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a = Agent('w')", {"a", "s"}),
        ("a: Any = ar.Agent('w', n=1)", {"a", "s"}),
        ("a = session.agent('other', name='s')", {"a", "s"}),
        ("a = b = Agent.for_('w')", {"a", "b", "s"}),
        ("s = Agent('other')", set()),
        ("s = Agent(words)", set()),
        ("s = load()", {"s"}),
        ("def f(s): ...", {"s"}),
    ],
)
def test_which_names_of_a_script_are_the_agent(text: str, names: set[str]) -> None:
    assert made_by(ast.parse(text), ("Agent", "agent", "for_"), "w", "s") == names


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("n = 3", {"n": 3}),
        ("n: int = 3", {"n": 3}),
        ("n: int", {}),
        ("n = m = [1]", {"n": [1], "m": [1]}),
        ("n = 3\nn += 1", {}),
        ("n = 3\ndef f(n): ...", {}),
        ("n = 3\nimport n", {}),
        ("n = 3\ndef n(): ...", {}),
        ("n = 3\nfor n in (): ...", {}),
        ("n = 3\ntry: ...\nexcept OSError as n: ...", {}),
        ("n = f()", {}),
        ("def f():\n    n = 3", {}),
        ("n = 3\nf(n=n)", {"n": 3}),
    ],
)
def test_only_names_that_are_bound_once_to_a_literal_are_known(text: str, known: dict[str, Any]) -> None:
    assert constants(ast.parse(text)) == known


def test_calls_come_in_the_order_of_the_text() -> None:
    tree = ast.parse("def f():\n    s.b(s.a())\ns.c(1).d()\ns.e.g()\n")
    assert [call.text for call in calls_of(tree, {"s"}, {})] == ["b(...)", "a()", "c(1)"]


# ── %agent grow ──


@pytest.fixture
def shell(ip: Any) -> Any:
    ip.run_cell('%agent create sales "sales"')
    return ip


@pytest.mark.parametrize("line", ["sales what sells best", 'sales "what sells best" --calls 5'])
def test_the_verb_grows_by_words(shell: Any, capsys: Any, line: str) -> None:
    home = ar.default_session()
    home.provider = ar.ScriptedProvider([PROPOSED, kit.fenced(TOP), kit.fenced(TOTAL)])
    seen = said(shell, capsys, f"%agent grow {line}")
    assert "written ahead: 2" in seen
    assert "\nwhat sells best\n" in home.provider.prompts[0].user


def test_the_verb_takes_a_script_and_completes_its_name(shell: Any, capsys: Any, tmp_path: Path) -> None:
    script(tmp_path, "sales.total()\n")
    ar.default_session().provider = ar.ScriptedProvider([kit.fenced(TOTAL)])
    assert agent_words("%agent grow sales --from us", shell.user_ns) == [("usage.py", "script")]
    assert [word for word, _ in agent_words("%agent grow sales --", shell.user_ns)] == ["--calls", "--from"]
    assert "total · for sales.total()" in said(shell, capsys, "%agent grow sales --from usage.py")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "usage: %agent grow AGENT"),
        ("sales --calls many words", "usage: %agent grow AGENT"),
        ("sales words --from usage.py", "usage: %agent grow AGENT"),
        ("sales", "grow by a scenario"),
        ("nobody words", "is no agent here"),
    ],
)
def test_what_goes_wrong_is_one_line(shell: Any, capsys: Any, line: str, words: str) -> None:
    assert words in said(shell, capsys, f"%agent grow {line}")
