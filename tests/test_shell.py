"""The `agent-repl` shell, as a person at a terminal meets it."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
from kit import session

from agent_repl_ui.words import transform

pexpect = pytest.importorskip("pexpect")
pyte = pytest.importorskip("pyte")

REPLY = "```python\ndef answer(self):\n    return 6 * 7\n```"
TOTAL = '''```python
def total(self, region="north"):
    """What a region has sold."""
    return {"north": 3}.get(region, 0)
```'''
SCRIPTED = f"""
from agent_repl import ScriptedProvider, default_session
default_session().provider = ScriptedProvider([{REPLY!r}] * 3)
default_session().mode = "ask"
"""
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
    places = {name: str(tmp_path) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME")}
    known = ("ANTHROPIC_", "AGENT_REPL_", "NO_COLOR", "EDITOR", "VISUAL", "ACCESSIBLE")
    keep = {name: value for name, value in os.environ.items() if not name.startswith(known)}
    path = str(Path(__file__).parent.parent)
    ours = {"PYTHONPATH": path, "IPYTHONDIR": str(tmp_path / "ipython"), "TERM": "xterm-256color"}
    return {**keep, **places, **ours}


def run(env, *words: str, typed: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "agent_repl", *words]
    known = {"input": typed} if typed is not None else {"stdin": subprocess.DEVNULL}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=env, cwd=env["HOME"], **known)


def shell(env, *words: str):
    words = ("-m", "agent_repl", "--plain", *words)
    return pexpect.spawn(sys.executable, list(words), env=env, cwd=env["HOME"], encoding="utf-8", timeout=30)


class Person:
    """Somebody who types at a shell and looks at its screen."""

    def __init__(self, env, *words: str, columns: int = 80, rows: int = 24) -> None:
        words = ("-m", "agent_repl", *words)
        self.child = pexpect.spawn(
            sys.executable, list(words), env=env, cwd=env["HOME"], encoding="utf-8", dimensions=(rows, columns)
        )
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.Stream(self.screen)
        self.raw = ""
        self.sees(r"In \[1\]:", "review: ", seconds=30)

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip()

    def types(self, keys: str) -> Person:
        self.child.send(keys)
        return self

    def sees(self, *patterns: str, seconds: float = 6) -> Person:
        """Wait until each pattern is found somewhere on the screen."""
        self._watch(lambda: all(re.search(p, self.text, re.MULTILINE) for p in patterns), seconds)
        missing = [p for p in patterns if not re.search(p, self.text, re.MULTILINE)]
        assert not missing, f"{missing} not on the screen:\n{self.text}"
        return self

    def leaves(self, keys: str = "\x04") -> int:
        self.types(keys)
        self._watch(lambda: False, 10)
        self.child.close()
        return self.child.exitstatus

    def _watch(self, enough, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not enough():
            try:
                data = self.child.read_nonblocking(65536, timeout=0.05)
            except pexpect.TIMEOUT:
                continue
            except pexpect.EOF:
                return
            self.raw += data
            self.stream.feed(data)
            for _ in range(data.count("\x1b[6n")):  # a terminal says where its cursor is
                self.child.send(f"\x1b[{self.screen.cursor.y + 1};{self.screen.cursor.x + 1}R")


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


# ── without a person ──


@pytest.mark.parametrize(
    ("code", "exit_code"), [("print(1 + 1)", 0), ("1 / 0", 1), ("raise SystemExit(3)", 3), ("x = = 1", 1)]
)
def test_code_runs_and_its_end_is_the_exit_code(env, code, exit_code):
    assert run(env, "-c", code).returncode == exit_code


def test_a_script_has_its_output_to_itself(env):
    done = run(env, typed="for n in range(2):\n    print(n)\n\nprint(Agent.__name__)\n")
    assert done.stdout == "0\n1\nAgent\n"
    assert done.stderr.startswith("agent_repl · ")


def test_a_script_never_runs_unseen_code_and_says_why(env):
    done = run(env, "-c", f"{SCRIPTED}\nAgent('deep thought').answer()")
    assert done.returncode == 1
    assert "nobody can answer here" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-i", "nowhere.py"), "No such file"),
        (("-c", "1"), "AGENT_REPL_THEME should be one of dark, light, auto, not 'pink'"),
    ],
)
def test_what_cannot_start_says_why_on_one_line(env, words, said):
    known = {} if "-i" in words else {"AGENT_REPL_THEME": "pink"}
    done = run({**env, **known}, *words)
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_options_set_what_the_settings_of_their_name_do(env, tmp_path):
    told = "s = __import__('agent_repl').default_session(); print(s.mode, s.settings.model, s.store.where)"
    done = run(env, "--review", "later", "--model", "some-model", "--home", str(tmp_path / "there"), "-c", told)
    assert done.stdout.startswith("later some-model ")
    assert str(tmp_path / "there") in done.stdout


def test_the_shell_imports_no_model_sdk_before_it_is_needed(env):
    wanted = "import sys; print([m for m in ('anthropic', 'xllamacpp', 'pandas', 'rich') if m in sys.modules])"
    assert run(env, "-c", wanted).stdout == "[]\n"


def test_nothing_is_left_to_review_and_that_is_said(env):
    done = run(env, "review")
    assert (done.returncode, done.stdout) == (0, "no draft waits\n")


def test_a_setting_that_is_wrong_ends_the_shell_with_one_line(env):
    child = pexpect.spawn(
        sys.executable, ["-m", "agent_repl"], env={**env, "AGENT_REPL_REVIEW": "pink"}, encoding="utf-8", timeout=30
    )
    child.expect("agent-repl: AGENT_REPL_REVIEW: review should be one of auto, ask, later, cached, not 'pink'")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1
    assert "Traceback" not in child.before


def test_plain_is_said_to_the_programs_below_too(env):
    told = "import os; print(os.environ['AGENT_REPL_PLAIN'], os.environ['NO_COLOR'])"
    assert run(env, "--plain", "-c", told).stdout == "1 1\n"


# ── in words only ──


def begun(env, script: str):
    """A person's plain shell in which this has run."""
    child = shell(env)
    child.expect("In .*: ")
    child.sendline(f"exec({script!r})")
    child.expect("In .*: ")
    return child


def test_a_person_sees_the_code_accepts_it_and_gets_the_answer(env):
    child = begun(env, f"{SCRIPTED}\ndeep = Agent('deep thought')")
    child.sendline("deep.answer()")
    child.expect("2 │     return 6 \\* 7")
    child.expect(r"\[\?\] \(Enter accepts\): ")
    child.sendline("a")
    child.expect("42")
    child.expect("In .*: ")
    child.sendline("deep.answer()")
    child.expect("42")
    assert "[?]" not in child.before
    child.sendline("exit")
    child.expect(pexpect.EOF)


def test_ctrl_c_keeps_the_draft_and_the_next_call_shows_it_again(env):
    child = begun(env, f"{SCRIPTED}\ndeep = Agent('deep thought')")
    for key in ("\x03", "a\n"):
        child.sendline("deep.answer()")
        child.expect(r"\[\?\] \(Enter accepts\): ")
        child.send(key)
    child.expect("42")
    child.sendline("print(len(get_ipython().user_ns['default_session']().provider.prompts), 'asked')")
    child.expect("1 asked")
    child.sendline("exit")
    child.expect(pexpect.EOF)


@pytest.mark.parametrize("how", [{"TERM": "dumb"}, {"AGENT_REPL_PLAIN": "1"}, {"ACCESSIBLE": "1"}])
def test_where_nothing_can_be_drawn_the_prompt_is_a_plain_line(env, how):
    child = pexpect.spawn(
        sys.executable, ["-m", "agent_repl"], env={**env, **how}, cwd=env["HOME"], encoding="utf-8", timeout=30
    )
    child.sendline("for n in range(2): print(n + 40)")
    child.sendline("")
    child.sendline("exit")
    child.expect(pexpect.EOF)
    assert "41\r\n" in child.before
    assert ESCAPE not in child.before


# ── at the prompt ──


def test_two_lines_stand_above_the_first_prompt_and_the_rest_below_it(person):
    here = person(columns=250)
    lines = here.text.splitlines()
    assert lines[0].startswith("agent-repl: ")
    assert lines[1].startswith("agent_repl · ")
    assert lines[2].startswith("In [1]:")
    here.sees("^no agent yet · review: ask · no model$")
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


def test_an_await_cell_and_magics_come_from_ipython(person):
    here = person().types("import asyncio\r").types("await asyncio.sleep(0.01, 77)\r").sees(r"Out\[2\]: 77")
    here.types("%time 1 + 1\r").sees("Wall time").types("len?\r").sees("Return the number of items")
    here.types("%load_ext autoreload\r%autoreload 2\r1 / 0\r").sees("ZeroDivisionError")
    here.types("%debug\r").sees("ipdb>").types("q\r").types("5 + 5\r").sees("10")


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


@pytest.mark.parametrize(("theme", "colors"), [("dark", "linux"), ("light", "lightbg"), ("auto", "neutral")])
def test_a_theme_is_ipythons_colours(env, theme, colors):
    assert run(env, "--theme", theme, "-c", "print(get_ipython().colors)").stdout == f"{colors}\n"


def test_a_narrow_terminal_shows_what_matters_first(person):
    here = person(script=SPOKEN, columns=40).types("sales.nam").sees(r"sales\.nam", "sales 0 written, 0 pinned")
    assert all(len(line) <= 40 for line in here.text.splitlines())


def test_a_file_is_run_first_and_its_names_stay_whatever_it_raised(person):
    here = person(script="first = 40\n1 / 0\n").sees("ZeroDivisionError", "begin.py:2")
    assert "engine.py" not in here.text
    here.types("first + 2\r").sees(r"Out\[1\]: 42")


# ── with an agent ──


@pytest.mark.parametrize(
    ("cell", "is_for_sales"),
    [
        ("sales: revenue per region, as a chart?\n", True),
        ("  sales:total\n\n", True),
        ("sales: int = 5\n", True),
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
