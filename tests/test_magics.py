"""The extension and `%agent`, in a shell of IPython's own."""

from __future__ import annotations

import subprocess
import sys

import kit
from IPython.core.interactiveshell import InteractiveShell
from kit import said

from agent_repl import Agent
from agent_repl_ui.status import will_run


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


def test_what_a_cell_will_run_is_known_from_its_text(grown):
    names = {**grown.user_ns, "number": 3}
    assert will_run("[sales.total() for _ in range(2)]", names)[0].startswith("sales.total · CACHED v1")
    for silent in ("sales.never_called()", "number.total()", "sales.total", "nobody.total()", "sales.total("):
        assert will_run(silent, names) == []


def test_colons_slashes_and_question_marks_write_nothing(ip, session, capsys):
    ip.run_cell('%agent create sales "analyst"')
    for cell in ("sales: summary", "/pin sales.total", "sales.total?", "sales?", "sales.total", "/sales.total?"):
        said(ip, capsys, cell)
    assert session.provider.prompts == []
    assert "sales" in ip.user_ns


def test_hidden_characters_in_stored_words_are_shown(ip, capsys):
    ip.user_ns["x"] = Agent("analyst\x1b[2J")
    assert "analyst\\x1b[2J" in said(ip, capsys, "%agent")


def test_what_another_process_pinned_is_bound_at_the_start_of_a_cell(ip, session, tmp_path):
    ip.run_cell('%agent create sales "adder of {path}" path=sales.csv')
    ip.run_cell("sales.total()")
    other = kit.session(tmp_path).agent("adder of {path}", path="sales.csv")
    from agent_repl import pin

    pin(other.total)
    ip.run_cell("kind = type(sales.total).__name__")
    assert ip.user_ns["kind"] == "method"
