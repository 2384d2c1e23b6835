"""The shell's prompt, as a person at a terminal meets it."""

from __future__ import annotations

import ast
import re
import shlex
import sys
import time
from pathlib import Path

import pytest
from kit import session

from agent_repl_ui.words import transform

pexpect = pytest.importorskip("pexpect")
pytest.importorskip("pyte")
from shells import Person, surroundings  # noqa: E402

TOTAL = '''```python
def total(self, region="north"):
    """What a region has sold."""
    return {"north": 3}.get(region, 0)
```'''
SALES = """
from agent_repl import ScriptedProvider, default_session
default_session().provider = provider = ScriptedProvider(REPLIES)
sales = Agent("sales of {path}", name="sales", path="sales.csv")
"""
WRITTEN = f"REPLIES = [{TOTAL!r}]{SALES}sales.total()"
SPOKEN = f"REPLIES = ['```\\ntotal\\n```', {TOTAL!r}]{SALES}"
ESCAPE, PASTE, PASTED = "\x1b", "\x1b[200~", "\x1b[201~"


@pytest.fixture
def env(tmp_path) -> dict[str, str]:
    return surroundings(tmp_path)


@pytest.fixture
def person(env):
    """Begins a shell; it is gone when the test ends."""
    begun: list[Person] = []

    def begin(*words: str, script: str = "", **known) -> Person:
        here = {**env, **{name: known.pop(name) for name in list(known) if name.isupper()}}
        if script:
            Path(env["HOME"], "begin.py").write_text(script)
            words = ("-i", "begin.py", *words)
        begun.append(Person(here, *words, **known))
        return begun[-1]

    yield begin
    for one in begun:
        one.child.close(force=True)


# ── at the prompt ──


def test_two_lines_and_what_may_be_lost_stand_above_the_first_prompt_and_the_rest_below_it(person, env):
    here = person(columns=500, TMPDIR=env["HOME"])  # so that the home is among the temporary files
    here.sees("^agent_repl: what is learnt", r"^In \[1\]:", "^no agent yet · review: ask · no model$")
    lines = here.text.splitlines()
    assert lines[0].startswith("agent-repl: ")
    assert lines[1].startswith("agent_repl · ")
    assert lines[2].startswith("agent_repl: what is learnt is in the system's folder for temporary files")
    assert lines[3].startswith("In [1]:")
    assert here.leaves() == 0


def test_enter_runs_what_is_complete_and_goes_on_indented_where_it_is_not(person):
    here = person().types("def double(x):\rreturn 2 * x\r").sees(r"   \.\.\.:     return 2 \* x\n   \.\.\.:$")
    here.types("\r").sees(r"In \[2\]:").types("double(21)\r").sees(r"Out\[2\]: 42")
    here.types("a = 1\x1b\ra + 8\r").sees(r"   \.\.\.: a \+ 8", r"Out\[3\]: 9")


def test_code_is_highlighted_and_no_color_is_honoured(person):
    painted, bare = person().types("lambda: 1"), person(NO_COLOR="1").types("lambda: 1")
    assert re.search(r"\x1b\[[0-9;]*3[0-9;]*m", painted.sees("lambda: 1").raw)
    assert not re.search(r"\x1b\[(\d+;)*[34][0-8](;\d+)*m", bare.sees("lambda: 1").raw)


def test_pasted_lines_wait_for_enter(person):
    here = person().types(f"{PASTE}def f(a):\n    b = 1\n\n    return a + b\n\nprint(f(41))\n{PASTED}").sees("f\\(41")
    assert "\n42" not in here.text
    here.types("\r").sees("\n42")


def test_ctrl_c_clears_the_line_and_stops_a_cell(person):
    here = person().types("no such thing").sees("thing").types("\x03").types("6 * 7\r").sees(r"Out\[1\]: 42")
    here.types("import time; time.sleep(60)\r").sees("sleep")
    time.sleep(0.3)
    here.types("\x03").sees("KeyboardInterrupt").types("40 + 3\r").sees(r"Out\[3\]: 43")
    assert here.leaves("exit\r") == 0


def test_what_is_typed_while_a_cell_runs_is_at_the_next_prompt(person):
    here = person().types("import time; time.sleep(1)\r").sees("sleep")
    time.sleep(0.3)
    here.types("40 + 4").sees(r"In \[2\]: 40 \+ 4")


def test_what_is_typed_before_the_first_prompt_is_run_there(env):
    child = pexpect.spawn(sys.executable, ["-m", "agent_repl"], env=env, cwd=env["HOME"], encoding="utf-8", timeout=30)
    child.send("Agent.__name__ * 2\r")
    child.expect("AgentAgent")
    child.close(force=True)


def test_an_await_cell_and_magics_come_from_ipython(person):
    here = person().types("import asyncio\r").types("await asyncio.sleep(0.01, 77)\r").sees(r"Out\[2\]: 77")
    here.types("%time 1 + 1\r").sees("Wall time").types("len?\r").sees("Return the number of items")
    here.types("%load_ext autoreload\r%autoreload 2\r1 / 0\r").sees("ZeroDivisionError")
    here.types("%debug\r").sees("ipdb>").types("q\r").types("5 + 5\r").sees("10")


def test_debug_opens_the_class_file_of_a_pinned_method(person):
    here = person(script=WRITTEN.replace(".get(region, 0)", "[region]"), AGENT_REPL_REVIEW="auto", rows=50)
    here.types("%agent pin sales.total\r").sees(r"sales\.py")
    here.types("sales.total('moon')\r").sees(r"KeyError: 'moon'", r"\.agent_repl/modules/sales\.py")
    here.types("%debug\r").sees("ipdb>", r"dules/sales\.py\(12\)total\(\)")
    here.types("p region\r").sees(r"^'moon'").types("l\r").sees(r"def total\(self, region=.north.\)")
    here.types("q\r").types("sales.total() + 4\r").sees(": 7$")


def test_history_is_searched_suggested_and_kept_between_shells(person):
    first = person().types("answer = 6 * 7\r").sees(r"In \[2\]:")
    assert first.leaves() == 0
    later = person().types("ans").sees("answer = 6 \\* 7").types("\x03")  # the rest stands dimly behind the cursor
    later.types("\x12wer = ").sees("I-search backward: wer =", "answer = 6 \\* 7").types("\r\r")
    later.types("answer\r").sees(": 42")


def test_an_editor_opens_on_the_input(person, tmp_path):
    script = tmp_path / "an editor.py"
    script.write_text("import sys, pathlib\nf = pathlib.Path(sys.argv[1])\nf.write_text(f.read_text() + '40 + 2')")
    command = f"{shlex.quote(sys.executable)} {shlex.quote(str(script))}"
    here = person(EDITOR=command).types("1 + \x1bOQ").sees(r"1 \+ 40 \+ 2").types("\r").sees(r"Out\[1\]: 43")
    here.types("2 + \x18\x05").sees(r"Out\[2\]: 44")


def test_vi_keys_are_an_option_and_a_setting(person, env):
    here = person("--vi").types("4x2").sees("4x2").types(ESCAPE)
    time.sleep(0.7)
    here.types("hx").sees(r"\]: 42").types("\r").sees(r"Out\[1\]: 42")
    profile = Path(env["IPYTHONDIR"], "profile_default")
    Path(profile, "ipython_config.py").write_text("c.TerminalInteractiveShell.editing_mode = 'joe'\n")
    person(columns=120).sees("editing_mode should be 'emacs' or 'vi', not 'joe': emacs it is")


def test_a_narrow_terminal_shows_what_matters_first(person):
    here = person(script=SPOKEN, columns=40).types("sales.nam").sees(r"sales\.nam", "sales 0 written, 0 pinned")
    assert all(len(line) <= 40 for line in here.text.splitlines())


def test_a_file_is_run_first_and_its_names_stay_whatever_it_raised(person):
    here = person(script="first = 40\n1 / 0\n").sees("ZeroDivisionError", "begin.py", "> 2 1 / 0")
    assert "engine.py" not in here.text
    here.types("first + 2\r").sees(r"Out\[1\]: 42")


# ── with an agent ──


@pytest.mark.parametrize(
    ("cell", "is_for_sales"),
    [
        ("sales: revenue per region, as a chart?\n", True),
        ("  sales:total\n\n", True),
        ("sales: int = 5\n", False),
        ("sales: int\n", True),
        ("other: int = 5\n", False),
        ("sales := 5\n", False),
        ("sales:=5\n", False),
        ("x[sales: 2]\n", False),
        ("if x:\n    sales: int\n", False),
        ("sales: a\nsales: b\n", False),
    ],
)
def test_only_one_line_that_begins_with_an_agents_name_is_for_it(tmp_path, cell, is_for_sales):
    names = {"sales": session(tmp_path).agent("sales"), "other": 1}
    made = transform(cell.splitlines(keepends=True), names)
    assert (made != cell.splitlines(keepends=True)) == is_for_sales
    assert transform(made, names) == made
    ast.parse("".join(made) if is_for_sales else "")


def test_words_after_an_agents_name_are_for_the_agent(person):
    here = person("--review", "auto", script=SPOKEN, columns=120)
    here.types("sales: what's sold in the north (in total)?\r").sees(r"Out\[1\]: 3", r"sales 1 written, 0 pinned")
    here.types("sales.total()\r").sees(r"Out\[2\]: 3")
    here.types("other: int = 5\r").types("other\r").sees(r"Out\[4\]: 5")
    here.types("len(provider.prompts)\r").sees(r"Out\[5\]: 2")


def test_a_written_method_says_its_tier_and_how_it_is_called(person):
    here = person("--review", "auto", script=WRITTEN, columns=100)
    here.types("sales.to\t").sees("total|sales.total\\(").types("\x03\x03")
    here.types("sales.\t").sees(r"total\s+CACHED v1").types("\x03\x03")
    here.types("sales.total(").sees(r"sales\.total\(region='north'\) What a region has sold\.")
    here.types(") + 1").sees(r"total\(\) \+ 1")
    assert "') What a region" not in here.text
    here.types("\x03%agent pin sales.total\r").sees("sales 1 written, 1 pinned")


def test_tab_offers_the_words_of_agent_and_files_and_writes_nothing(person, env):
    Path(env["HOME"], "regions.csv").write_text("a,b\n")
    here = person(script=SPOKEN, columns=100)
    here.types("%agent pi\t").sees(r"%agent pin").types("\x03\x03")
    here.types("%agent \t").sees(r"create\s+make an agent").types("\x03\x03")
    here.types("open('regi\t").sees(r"open\('regions\.csv").types("\x03\x03")
    here.types("%config Completer.evaluation = 'unsafe'\r").types("sales.total().\t").sees(r"total\(\)\.")
    here.types("\x03\x03len(provider.prompts)\r").sees(r"Out\[\d+\]: 0")


def test_the_line_to_install_a_missing_package_is_said_once(person):
    here = person(columns=100)
    for _ in range(2):
        here.types("import sklearn\r").sees(r"In \[\d\]:$")
    here.types("import skleam\r").sees("%pip install skleam")
    assert here.text.count("%pip install scikit-learn") == 1
