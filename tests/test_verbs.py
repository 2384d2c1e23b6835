"""The verbs of `%agent`, and methods from the words or the code of a cell."""

from __future__ import annotations

import json
import os
from pathlib import Path

import kit
import pytest
from kit import TOTAL, said

import agent_repl
from agent_repl_ui.manual import MODES
from agent_repl_ui.verbs import VERBS

ROWS = [
    "create",
    "show",
    "edit",
    "revise",
    "accept",
    "reject",
    "keep",
    "pin",
    "unpin",
    "undo",
    "forget",
    "review",
    "grow",
    "explore",
    "emit",
    "trace",
    "adopt",
]


def test_create_makes_an_agent_and_binds_it(ip, session, capsys):
    seen = said(ip, capsys, '%agent create sales "CSV data analyst for {path}" path=sales.csv n=3 label=path2')
    assert seen == "sales: CSV data analyst for {path}\n"
    assert vars(ip.user_ns["sales"]) == {"path": "sales.csv", "n": 3, "label": "path2"}
    assert said(ip, capsys, "sales.total()").endswith("3\n")


def test_a_value_may_be_a_name_of_the_namespace(ip):
    ip.user_ns["rows"] = rows = [1, 2]
    ip.run_cell('%agent create sales "analyst" rows=rows')
    assert vars(ip.user_ns["sales"])["rows"] is rows


def test_a_windows_path_keeps_its_backslashes(ip):
    ip.run_cell(r'%agent create sales "analyst" path=C:\data\new.csv other="C:\my files\x.csv"')
    assert vars(ip.user_ns["sales"]) == {"path": r"C:\data\new.csv", "other": r"C:\my files\x.csv"}


def test_words_alone_give_back_an_agent_and_a_file_in_them_is_its_path(ip):
    ip.run_cell("sales = %agent CSV data analyst for sales.csv, the boss's file")
    sales = ip.user_ns["sales"]
    assert vars(sales) == {"path": "sales.csv"}
    assert type(sales).__doc__ == "CSV data analyst for {path}, the boss's file"


@pytest.mark.parametrize("words", ["helper for my tax papers", '"review analyst"', "'show master'", "Planner of trips"])
def test_words_that_look_like_a_verb_make_an_agent_too(ip, words):
    ip.run_cell(f"it = %agent {words}")
    assert type(ip.user_ns["it"]).__doc__ == words.strip("\"'")


def test_no_agents_show_three_examples(ip, capsys):
    seen = said(ip, capsys, "%agent")
    assert "sales = Agent(" in seen
    assert "%agent create sales" in seen
    assert "sales = %agent CSV" in seen


def test_agents_are_listed_with_their_methods(ip, capsys):
    ip.run_cell('%agent create sales "analyst of {path}" path=sales.csv')
    ip.run_cell("sales.total()")
    seen = said(ip, capsys, "%agent")
    assert "sales: analyst of {path}" in seen
    assert "total · CACHED v1 · accepted " in seen
    assert "reads self.path" in seen
    assert said(ip, capsys, "%agent show sales") == seen


def test_show_prints_the_code(grown, capsys):
    assert "return sum(int(line) for line in file)" in said(grown, capsys, "%agent show sales.total")


def test_show_prompt_prints_what_would_be_sent_and_sends_nothing(grown, session, capsys):
    assert "never_called" in said(grown, capsys, "%agent show sales.never_called --prompt")
    assert len(session.provider.prompts) == 1


def test_show_versions_lists_them(grown, capsys):
    assert "v1  accepted  model" in said(grown, capsys, "%agent show sales.total --versions")


def test_pin_unpin_and_forget(grown, capsys):
    seen = said(grown, capsys, "%agent pin sales.total")
    assert "PINNED" in seen
    assert "def total" in Path(seen.rpartition(" in ")[2].strip()).read_text()
    assert "unpin it first" in said(grown, capsys, "%agent forget sales.total")
    assert "no longer pinned" in said(grown, capsys, "%agent unpin sales.total")
    assert "forgotten" in said(grown, capsys, "%agent forget sales.total")
    assert "not written yet" in said(grown, capsys, "%agent show sales.total")


def test_a_pinned_method_is_listed_as_pinned(grown, capsys):
    grown.run_cell("%agent pin sales.total")
    assert "PINNED v1" in said(grown, capsys, "%agent")


def test_emit_writes_a_class(grown, capsys):
    assert "analyst.py" in said(grown, capsys, "%agent emit sales analyst.py")
    assert "def total" in Path("analyst.py").read_text()


def test_emit_knows_where_home_is(grown, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("USERPROFILE" if os.name == "nt" else "HOME", str(tmp_path / "home"))
    said(grown, capsys, "%agent emit sales ~/analyst.py")
    assert "def total" in (tmp_path / "home" / "analyst.py").read_text()


def test_emit_writes_tests_unless_told_otherwise_and_a_package_where_it_is_wanted(grown, capsys):
    said(grown, capsys, "%agent emit sales out/analyst.py")
    said(grown, capsys, "%agent emit sales bare/analyst.py --no-tests")
    said(grown, capsys, "%agent emit sales analyst --package")
    assert Path("out/test_analyst.py").exists()
    assert Path("out/test_analyst_data/sales.csv").exists()
    assert [p.name for p in Path("bare").iterdir()] == ["analyst.py"]
    assert Path("analyst/pyproject.toml").exists()


def test_adopt_makes_an_agent_of_the_class_in_a_file(grown, session, capsys):
    Path("shop.py").write_text('class TillRoll:\n    """Till."""\n    def m(self):\n        return self.n * 2\n')
    assert said(grown, capsys, "%agent adopt shop.py n=4") == "till_roll: Till.\n"
    assert grown.user_ns["till_roll"].m() == 8
    assert len(session.provider.prompts) == 1
    assert "usage: %agent adopt FILE.py" in said(grown, capsys, "%agent adopt shop.py 4")
    assert "cannot be read" in said(grown, capsys, "%agent adopt nowhere.py")


def test_review_shows_and_sets_the_mode(ip, session, capsys):
    assert said(ip, capsys, "%agent review") == "no draft waits\nreview: auto\n"
    assert said(ip, capsys, "%agent review cached") == "review: cached\n"
    assert session.mode == "cached"
    assert "one of auto, ask, later, cached" in said(ip, capsys, "%agent review loose")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("shwo sales.total", "did you mean %agent show?"),
        ("reviw later", "did you mean %agent review?"),
        ("emitt sales x.py", "did you mean %agent emit?"),
        ("hlep pin", "did you mean %agent help?"),
        ("revsie sales.total leave out old orders", "did you mean %agent revise?"),
        ("frobnicate", "%agent help"),
        ("frobnicate sales.total", "%agent help"),
        ('create sales "CSV', "a quote is not closed"),
        ("create sales", "usage: %agent create NAME"),
        ('create class "words"', "cannot name an agent"),
        ('create 2sales "words"', "cannot name an agent"),
        ('create other "words" path', "write key=value"),
        ('create other "words" name=x', "write key=value"),
        ('create other "words" n=1 path', "'n=1 path' is not state"),
        ("create 'two words' 'analyst of {path}'", "cannot name an agent"),
        ('create other "words" _x=1', "cannot be state"),
        ("show", "usage: %agent show"),
        ("show sales.total --all", "usage: %agent show"),
        ("show nobody.total", "there are: sales"),
        ("pin sales", "write AGENT.METHOD"),
        ("pin", "usage: %agent pin AGENT.METHOD"),
        ("pin sales.a.b", "write AGENT.METHOD"),
        ("pin sales.never_called", "not written yet"),
        ("unpin sales.total", "not pinned"),
        ("show sales.totl", "not written yet: did you mean sales.total?".replace("sales.", "")),
        ("pin salse.total", "'salse' is no agent here: did you mean sales?"),
        ("show sales.total --verions", "did you mean --versions?"),
        ("show sales.total --versions --diff", "usage: %agent show"),
        ("show sales.total n=3", "usage: %agent show"),
        ("show sales --cost", "write AGENT.METHOD"),
        ("show sales.total --log", "no log is kept: AGENT_REPL_LOG=FILE"),
        ("edit sales.total 9", "has no version 9; there are: 1"),
        ("edit sales.nothing", "sales.nothing is not written yet"),
        ("edit sales.total", "no editor is set"),
        ("accept sales.total", "no draft of sales.total waits"),
        ("reject sales.other", "no draft of sales.other waits"),
        ("create other 'words' --wraps sale", "did you mean sales?"),
        ("create other 'words' --wraps", "takes the name of an object"),
        ("create other 'words' --depe", "did you mean --deep?"),
        ("undo sales.total x", "usage: %agent undo"),
        ("help pni", "'pni' is no verb: did you mean pin?"),
        ("review latr", "one of auto, ask, later, cached"),
        ("emit sales", "usage: %agent emit"),
        ("emit sales sales.csv/x.py", "cannot be written"),
    ],
)
def test_what_goes_wrong_is_told_in_one_line(grown, session, capsys, line, words):
    seen = said(grown, capsys, f"%agent {line}")
    assert words in seen
    assert seen.strip().count("\n") == 0
    assert "Traceback" not in seen
    assert len(session.provider.prompts) == 1


def test_the_verbs_are_the_rows_of_the_table():
    assert [*VERBS] == [*ROWS, "help"]
    functions = set(ROWS) - {"create", "show", "review"}
    assert all(callable(getattr(agent_repl, name)) for name in functions)


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_explains_itself_in_three_ways(ip, capsys, name):
    seen = said(ip, capsys, f"%agent help {name}")
    assert seen.startswith(f"%agent {name} ")
    assert VERBS[name].about in seen
    assert all(option in seen for option in VERBS[name].options)
    assert said(ip, capsys, f"%agent {name} ?") == said(ip, capsys, f"%agent {name} --help") == seen
    assert said(ip, capsys, f"%agent {name}?") == seen


def test_the_manual_is_made_of_the_table(ip, capsys):
    seen = said(ip, capsys, "%agent?")
    words = ["NEW", "CHANGED", "CACHED", "CRYSTALLIZED", "PINNED", "%%agent"]
    for word in (*(verb.usage for verb in VERBS.values()), *MODES, *words, "%agent create sales", "--code"):
        assert word in seen
    assert said(ip, capsys, "%agent help").strip() in seen


def test_no_verb_asks_a_model(ip, session, capsys):
    ip.run_cell('%agent create sales "analyst"')
    for verb in VERBS:
        said(ip, capsys, f"%agent {verb} sales.total")
    assert session.provider.prompts == []


def test_the_verbs_of_versions_are_spelt_as_their_functions(ip, session, capsys):
    ip.run_cell('%agent create sales "adder of {path}" path=sales.csv')
    ip.run_cell("sales.total()")
    assert "total() → 3" in said(ip, capsys, "%agent show sales.total --examples")
    assert "total() → 3 · kept as a check" in said(ip, capsys, "%agent keep sales.total")
    assert "sales.total · NEW · not written yet" in said(ip, capsys, "%agent undo sales.total")
    assert "UsageError: usage: %agent undo AGENT.METHOD [N]" in said(ip, capsys, "%agent undo sales.total x")


def test_revise_takes_words_and_shows_the_new_answer_and_what_changed(ip, session, capsys):
    session.provider = kit.ScriptedProvider([kit.fenced(TOTAL), kit.fenced(TOTAL.replace("sum(", "10 * sum("))])
    ip.run_cell('%agent create sales "adder of {path}" path=sales.csv')
    ip.run_cell("sales.total()")
    assert "it answers 30" in said(ip, capsys, "%agent revise sales.total ten times as much")
    assert "ten times as much" in session.provider.prompts[-1].user
    assert "+        return 10 * sum" in said(ip, capsys, "%agent show sales.total --diff")


def test_create_wraps_an_object_and_goes_deep(ip):
    ip.user_ns["conn"] = [3, 1, 2]
    ip.run_cell('%agent create db "a list" --wraps conn --deep label="3"')
    db = ip.user_ns["db"]
    assert agent_repl.unwrap(db) is ip.user_ns["conn"]
    assert type(db.copy()).__doc__ == "a list › copy › list"
    assert vars(db) == {"label": "3"}


def test_words_in_brackets_and_quotes_stay_together(ip):
    ip.run_cell("%agent create sales \"the boss's analyst\" rates={'a': 1, 'b': [2, 3]} pair=(1, 2)")
    assert vars(ip.user_ns["sales"]) == {"rates": {"a": 1, "b": [2, 3]}, "pair": (1, 2)}
    assert type(ip.user_ns["sales"]).__doc__ == "the boss's analyst"


def test_show_prompt_is_that_of_the_call(grown, session, capsys):
    seen = said(grown, capsys, "%agent show sales.top --prompt n=3 'west coast'")
    prompt = agent_repl.prompt(grown.user_ns["sales"].top, "west coast", n=3)
    assert seen == f"{prompt.system}\n\n{prompt.user}\n"
    assert "west coast" in seen
    assert len(session.provider.prompts) == 1


def test_show_cost_has_a_line_for_each_version(grown, session, capsys):
    seen = said(grown, capsys, "%agent show sales.total --cost")
    assert seen.startswith("v1  accepted  scripted (scripted)  ")
    assert seen.endswith("free\n")
    assert " s · free" in said(grown, capsys, "%agent").splitlines()[0]


def test_show_log_has_the_last_trees(grown, session, capsys):
    session.set(log="calls.jsonl")
    tree = {"at": "2026-11-03T12:00:00+00:00", "call": "sales.total", "tokens": 820, "seconds": 0.5}
    rows = [{**tree, "call": "sales.other"}, *({**tree, "calls": [{"call": f"sales.inner{n}"}]} for n in range(7))]
    torn = '\n{"call": "sales.total", "calls": [{}\n{"call": "sales.total", "torn'
    rows += [{**tree, "event": "write"}]  # a line of the level `stage`
    Path("calls.jsonl").write_text("\n".join(map(json.dumps, rows)) + torn)
    seen = said(grown, capsys, "%agent show sales.total --log").splitlines()
    assert seen[0] == "sales.total · at 2026-11-03T12:00:00+00:00 · tokens 820 · seconds 0.5"
    assert [line.strip(" ·") for line in seen[1::2]] == [f"sales.inner{n}" for n in range(2, 7)]


def test_edit_opens_the_editor_and_its_text_becomes_the_head(grown, session, capsys, monkeypatch):
    monkeypatch.setenv("EDITOR", "sed -i s/int(line)/2*int(line)/")
    assert "sales.total" in said(grown, capsys, "%agent edit sales.total")
    assert said(grown, capsys, "print(sales.total())").endswith("\n6\n")
    assert "2*int(line)" in said(grown, capsys, "%agent show sales.total")
    assert "no version 9" in said(grown, capsys, "%agent edit sales.total 9")
    assert len(session.provider.prompts) == 1


def test_an_editor_that_changes_nothing_decides_nothing(grown, capsys, monkeypatch):
    monkeypatch.setenv("EDITOR", "true")
    assert said(grown, capsys, "%agent edit sales.total") == "nothing was changed\n"
    monkeypatch.setenv("EDITOR", "false")
    seen = said(grown, capsys, "%agent edit sales.total")
    assert "the editor false failed" in seen
    assert "Traceback" not in seen


def test_in_a_kernel_edit_is_a_cell_and_the_same_text(grown, capsys, monkeypatch):
    given = []
    monkeypatch.setattr(grown, "kernel", object(), raising=False)
    monkeypatch.setattr(grown, "set_next_input", given.append)
    seen = said(grown, capsys, "%agent edit sales.total")
    assert given[0] == f"%%agent --code sales.total\n{agent_repl.source(grown.user_ns['sales'], 'total')}"
    assert given[0].strip() in seen


def test_code_in_a_cell_is_checked_and_pinned(grown, session, capsys):
    code = TOTAL.replace("int(line)", "3 * int(line)")
    seen = said(grown, capsys, f"%%agent --code sales.total\n{code}")
    assert "sales.total is PINNED in " in seen
    assert said(grown, capsys, "print(sales.total())") == "9\n"
    assert len(session.provider.prompts) == 1


SPEC = "method: top(n)\ndoes: the n largest"
BY_WORDS = 'def top(self, n):\n    """The largest."""\n    return sorted([3, 1, 2])[-n:]\n'


def test_a_method_is_written_from_the_words_and_examples_of_a_cell(ip, session, capsys):
    session.provider = kit.ScriptedProvider([SPEC, kit.fenced(BY_WORDS)])
    ip.run_cell('%agent create sales "analyst"')
    ip.user_ns["few"] = 2
    cell = "%%agent sales.top\nThe n largest.\n\n>>> sales.top(1)\n[3]\n>>> sales.top(n=few)\n[2, 3]\n"
    assert "answers every example (2)" in said(ip, capsys, cell)
    assert "The n largest." in session.provider.prompts[0].user
    assert said(ip, capsys, "print(sales.top(1))") == "[3]\n"
    assert len(session.provider.prompts) == 2


def test_words_alone_are_written_before_any_call(ip, session, capsys):
    session.provider = kit.ScriptedProvider([SPEC, kit.fenced(BY_WORDS)])
    ip.run_cell('%agent create sales "analyst"')
    assert "sales.top is written" in said(ip, capsys, "%%agent sales.top\nThe n largest.")
    assert said(ip, capsys, "print(sales.top(2))").endswith("\n[2, 3]\n")
    assert len(session.provider.prompts) == 2


def test_words_for_an_agent_or_an_ordinary_class_are_described(ip, session, capsys):
    class Robot(agent_repl.Agentic):
        pass

    replies = ["method: top(n)\ndoes: the n largest", kit.fenced(BY_WORDS)]
    session.provider = kit.ScriptedProvider(replies * 2)
    ip.run_cell('%agent create sales "analyst"')
    ip.user_ns["robot"] = Robot()
    assert said(ip, capsys, "%%agent sales\nThe n largest.").endswith("sales: top is written\n")
    assert said(ip, capsys, "%%agent robot\nThe n largest.").endswith("robot: top is written\n")
    assert Robot().top(2) == [2, 3]


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("%%agent sales.top\n", "the cell body is empty"),
        ("%%agent sales.top\n \n", "write %%agent AGENT.METHOD"),
        ("%%agent\nwords", "write %%agent AGENT.METHOD"),
        ("%%agent nobody\nwords", "'nobody' is no name here"),
        ("%%agent exit\nwords", "is not agentic: write @agentic above"),
        ("%%agent salse.top\nwords", "did you mean sales?"),
        ("%%agent --code sales.total\ndef total(self:\n    pass", "was never closed"),
        ("%%agent --code sales.total\n\n", "write %%agent AGENT.METHOD"),
        ("%%agent --code sales.total\nx = 1", "def total"),
        ("%%agent sales.top\n>>> sales.other(1)\n3", "an example is a call of sales.top"),
        ("%%agent sales.top\n>>> sales.top(unknown)\n3", "an example is a call of sales.top"),
        ("%%agent sales.top\n>>> sales.top(**sales)\n3", "an example is a call of sales.top"),
        ("%%agent sales.top\n>>> sales.top(\n3", "an example is a call of sales.top"),
        ("%%agent sales.top\n>>> sales.top(open('x'))\n3", "an example is a call of sales.top"),
        ("%%agent sales.top\n>>>sales.top(1)\n3", "an example cannot be read"),
    ],
)
def test_what_is_wrong_with_a_cell_is_told_in_one_line(grown, session, capsys, cell, words):
    seen = said(grown, capsys, cell)
    assert words in seen
    assert seen.strip().count("\n") == 0
    assert len(session.provider.prompts) == 1


@pytest.fixture
def waiting(ip, session, tmp_path):
    """A shell in which a draft of sales.total waits."""
    ip.run_cell("%agent review later")
    ip.run_cell('%agent create sales "analyst of {path}" path=sales.csv')
    ip.run_cell("sales.total()")
    return ip


def test_a_draft_that_waits_is_accepted_and_then_runs(waiting, session, capsys):
    assert "sales.total v1 is accepted" in said(waiting, capsys, "%agent accept sales.total")
    assert said(waiting, capsys, "print(sales.total())").endswith("\n3\n")
    assert len(session.provider.prompts) == 1


def test_a_draft_that_waits_is_rejected(waiting, capsys):
    assert "sales.total v1 is rejected" in said(waiting, capsys, "%agent reject sales.total")
    assert "v1  rejected" in said(waiting, capsys, "%agent show sales.total --versions")


def test_review_goes_through_what_waits_and_says_the_mode(waiting, session, capsys):
    session.reviewer = kit.Person("accept")
    seen = said(waiting, capsys, "%agent review")
    assert "sales.total v1 is accepted" in seen
    assert seen.endswith("review: later\n")
    assert said(waiting, capsys, "%agent review") == "no draft waits\nreview: later\n"


def test_a_call_may_be_kept_that_is_made_now(ip, session, capsys):
    session.provider = kit.ScriptedProvider([kit.fenced(BY_WORDS)])
    ip.run_cell('%agent create sales "analyst"')
    ip.run_cell("sales.top(1)")
    assert "top(n=2) → [2, 3] · kept as a check" in said(ip, capsys, "%agent keep sales.top n=2")


def test_words_may_hold_apostrophes_and_question_marks(grown, session, capsys):
    said(grown, capsys, "%agent revise sales.total why don't you count the boss's orders?")
    assert "why don't you count the boss's orders" in session.provider.prompts[-1].user
    assert len(session.provider.prompts) == 2


def test_no_file_is_touched_by_asking(grown, capsys):
    before = {path: os.stat(path).st_mtime_ns for path in Path().rglob("*") if path.is_file()}
    for line in ("", "?", "help", "show sales", "show sales.total", "show sales.total --cost", "pin ?"):
        said(grown, capsys, f"%agent {line}")
    assert {path: os.stat(path).st_mtime_ns for path in Path().rglob("*") if path.is_file()} == before


def test_a_cell_of_words_is_not_whole_before_its_words(ip):
    whole = ip.input_transformer_manager.check_complete
    assert whole("%%agent sales.top\n")[0] == whole("%%time\n")[0]
    assert whole("%%agent sales.top\nThe largest.\n>>> sales.top(1)")[0] == "incomplete"
    assert whole("%agent pin ?")[0] == "complete"


IN_A_KERNEL = f"""
from agent_repl import ScriptedProvider, default_session, open_session
from agent_repl.session import use
use(open_session(provider=ScriptedProvider([{kit.fenced(TOTAL)!r}]), review="auto"))
%load_ext agent_repl
%agent create sales "adder of {{path}}" path=sales.csv
open("sales.csv", "w").write("1\\n")
sales.total()
"""


def test_in_a_real_kernel_edit_gives_the_next_cell_and_prints_it(tmp_path):
    start_new_kernel = pytest.importorskip("jupyter_client.manager").start_new_kernel
    pytest.importorskip("ipykernel")
    manager, client = start_new_kernel(cwd=str(tmp_path))
    seen: list[str] = []
    try:
        for cell in (IN_A_KERNEL, "%agent edit sales.total"):
            seen.clear()
            reply = client.execute_interactive(
                cell, timeout=60, output_hook=lambda message: seen.append(message["content"].get("text", ""))
            )
        (payload,) = reply["content"]["payload"]
        assert payload["text"].startswith("%%agent --code sales.total\ndef total(self):")
        assert payload["text"].strip() in "".join(seen)
        matches = client.complete("%agent pin sa", reply=True, timeout=60)["content"]["matches"]
        assert matches == ["sales.total"]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.mark.parametrize("name", ["__repr__", "_total", "class", "llm", "path"])
@pytest.mark.parametrize("cell", ["%%agent --code sales.{0}\ndef {0}(self):\n    return 1", "%%agent sales.{0}\nwords"])
def test_what_can_be_no_method_is_refused_before_anything_is_written(ip, session, capsys, cell, name):
    said(ip, capsys, '%agent create sales "analyst of {path}" path=sales.csv')
    assert f"{name!r} cannot be a method of sales" in said(ip, capsys, cell.format(name))
    assert session.provider.prompts == []
    assert said(ip, capsys, "%agent") == "sales: analyst of {path}\n"
