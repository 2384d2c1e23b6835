"""The extension and `%agent`, in a shell of IPython's own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import kit
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from agent_repl import Agent
from agent_repl.session import use
from agent_repl_ui import verbs

TOTAL = '''
def total(self):
    """Add them up."""
    with open(self.path) as file:
        return sum(int(line) for line in file)
'''


@pytest.fixture
def session(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("sales.csv").write_text("1\n2\n")
    made = kit.session(tmp_path, TOTAL)
    use(made)
    yield made
    made.close()


@pytest.fixture
def ip(session, tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    shell = InteractiveShell(config=config)
    shell.run_cell("%load_ext agent_repl")
    yield shell
    shell.run_cell("%reset -f")


def said(ip, capsys, cell: str) -> str:
    """All that a person sees of one cell."""
    capsys.readouterr()
    ip.run_cell(cell)
    captured = capsys.readouterr()
    return captured.out + captured.err


def test_the_extension_imports_no_model_and_no_screen():
    heavy = ("anthropic", "xllamacpp", "rich", "prompt_toolkit", "IPython", "pygments")
    ask = f"import sys, agent_repl_ui.extension; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True).stdout == "[]\n"


def test_loading_says_who_writes_where_and_binds_agent(session, tmp_path, capsys):
    shell = InteractiveShell()
    seen = said(shell, capsys, "%load_ext agent_repl")
    assert seen == session.describe() + "\n"
    assert shell.user_ns["Agent"] is Agent


def test_a_name_that_is_taken_stays(session, capsys):
    shell = InteractiveShell()
    shell.user_ns["Agent"] = "mine"
    assert "agent_repl.Agent" in said(shell, capsys, "%load_ext agent_repl")
    shell.run_cell("%unload_ext agent_repl")
    assert shell.user_ns["Agent"] == "mine"


def test_unloading_leaves_nothing(session, capsys):
    shell = InteractiveShell()
    before, reviewer, mode = set(shell.user_ns), session.reviewer, session.mode
    shell.run_cell("%load_ext agent_repl")
    shell.run_cell("%unload_ext agent_repl")
    assert set(shell.user_ns) - {"_i", "_ii", "_iii", "_i1", "_i2"} == before - {"_i", "_ii", "_iii"}
    assert (session.reviewer, session.mode) == (reviewer, mode)
    assert "agent" not in shell.magics_manager.magics["line"]
    assert "not found" in said(shell, capsys, "%agent")
    shell.run_cell("%load_ext agent_repl")
    assert "agent" in shell.magics_manager.magics["line"]


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


@pytest.fixture
def grown(ip, session):
    ip.run_cell('%agent create sales "analyst of {path}" path=sales.csv')
    ip.run_cell("sales.total()")
    assert len(session.provider.prompts) == 1
    return ip


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


def test_review_shows_and_sets_the_mode(ip, session, capsys):
    assert said(ip, capsys, "%agent review") == "review: auto\n"
    assert said(ip, capsys, "%agent review cached") == "review: cached\n"
    assert session.mode == "cached"
    assert "one of auto, ask, later, cached" in said(ip, capsys, "%agent review loose")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("shwo sales.total", "did you mean %agent show?"),
        ("frobnicate", "%agent help"),
        ("frobnicate sales.total", "%agent help"),
        ('create sales "CSV', "a quote is not closed"),
        ("create sales", "usage: %agent create NAME"),
        ('create class "words"', "cannot name an agent"),
        ('create 2sales "words"', "cannot name an agent"),
        ('create other "words" path', "write key=value"),
        ('create other "words" name=x', "write key=value"),
        ('create other "words" _x=1', "cannot be state"),
        ("show", "usage: %agent show"),
        ("show sales.total --all", "usage: %agent show"),
        ("show nobody.total", "there are: sales"),
        ("pin sales", "write AGENT.METHOD"),
        ("pin", "usage: %agent pin AGENT.METHOD"),
        ("pin sales.a.b", "write AGENT.METHOD"),
        ("pin sales.never_called", "not written yet"),
        ("unpin sales.total", "not pinned"),
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


def test_help_has_a_line_for_every_verb(ip, capsys):
    seen = said(ip, capsys, "%agent help")
    assert all(f"%agent {verb}" in seen for verb in verbs.VERBS)


def test_no_verb_asks_a_model(ip, session, capsys):
    ip.run_cell('%agent create sales "analyst"')
    for verb in verbs.VERBS:
        said(ip, capsys, f"%agent {verb} sales.total")
    assert session.provider.prompts == []


def test_colons_slashes_and_question_marks_write_nothing(ip, session, capsys):
    ip.run_cell('%agent create sales "analyst"')
    for cell in ("sales: summary", "/pin sales.total", "sales.total?", "sales?", "sales.total", "/sales.total?"):
        said(ip, capsys, cell)
    assert session.provider.prompts == []
    assert "sales" in ip.user_ns


def test_hidden_characters_in_stored_words_are_shown(ip, capsys):
    ip.user_ns["x"] = Agent("analyst\x1b[2J")
    assert "analyst\\x1b[2J" in said(ip, capsys, "%agent")


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


def test_what_another_process_pinned_is_bound_at_the_start_of_a_cell(ip, session, tmp_path):
    ip.run_cell('%agent create sales "adder of {path}" path=sales.csv')
    ip.run_cell("sales.total()")
    other = kit.session(tmp_path).agent("adder of {path}", path="sales.csv")
    from agent_repl import pin

    pin(other.total)
    ip.run_cell("kind = type(sales.total).__name__")
    assert ip.user_ns["kind"] == "method"
