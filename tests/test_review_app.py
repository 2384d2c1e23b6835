"""The review application: each of its keys, and the whole of it at a pseudo-terminal in IPython."""

from __future__ import annotations

import os
import re
import shlex
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from agent_repl.records import Proposal, Verdict
from agent_repl.validate import recall
from agent_repl_ui.app import drawn
from agent_repl_ui.render import as_text
from agent_repl_ui.terminal import decide

pexpect = pytest.importorskip("pexpect")
pyte = pytest.importorskip("pyte")

CALM = "def total(self):\n    return sum(self.rows)\n"
FLAGGED = "import os\n\ndef total(self):\n    os.remove('sales.csv')\n    return 1\n"
UP, DOWN, END, ESC, CTRL_C, CTRL_D, CTRL_S = "\x1b[A", "\x1b[B", "\x1b[F", "\x1b", "\x03", "\x04", "\x13"


def proposal(source: str = CALM, **known) -> Proposal:
    def check(text: str) -> str:
        return "" if "def total(self)" in text else "there is no method total"

    return Proposal("sales.total", "NEW", recall(source, "total"), **{"check": check, **known})


def verdict(keys: str, source: str = CALM, **known) -> Verdict:
    with create_pipe_input() as typed, create_app_session(input=typed, output=DummyOutput()):
        typed.send_text(keys + 5 * CTRL_C)  # what would wait for more leaves
        shown = proposal(source, **known)
        with drawn(shown, False, 0.0) as screen:
            return decide(shown, screen.ask, screen.say, screen.edit, screen.choose)


@pytest.mark.parametrize(("keys", "decision"), [("a", "accept"), ("\r", "accept"), ("p", "pin"), ("n", "reject")])
def test_one_key_decides(keys, decision):
    assert verdict(keys) == Verdict(decision)


@pytest.mark.parametrize("leave", [CTRL_C, CTRL_D, f"r{CTRL_C}{CTRL_C}", f"e{CTRL_C}{CTRL_C}", f"A{CTRL_D}{CTRL_D}"])
def test_ctrl_c_goes_back_and_then_leaves_without_a_decision(leave):
    with pytest.raises(KeyboardInterrupt):
        verdict(leave)


@pytest.mark.parametrize(("keys", "decision"), [("a", "accept"), ("p", "pin")])
def test_flagged_code_wants_the_word_yes_typed_out(keys, decision):
    assert verdict(f"\r{keys}y\r{keys}yes\r", FLAGGED) == Verdict(decision)


def test_auto_is_for_calm_code_and_wants_the_word_yes():
    assert verdict("Ano\rAyes\r") == Verdict("auto")
    assert verdict("Ayn", FLAGGED) == Verdict("reject")


def test_feedback_is_a_line_and_none_leads_back():
    assert verdict("r\rrskip empty rows\r") == Verdict("revise", feedback="skip empty rows")


@pytest.mark.parametrize("run", [CTRL_S, "\x1b\r"])
def test_the_edited_text_is_what_runs(run):
    assert verdict(f"e{DOWN}{END} + 1{run}") == Verdict(
        "edit", source=CALM.replace(")\n", ") + 1\n").replace("self) + 1", "self)")
    )


def test_a_new_line_in_the_editor_is_indented_as_python_wants_it():
    changed = verdict(f"e{END}\rif self.rows:\rreturn 1{CTRL_S}").source
    assert changed.startswith("def total(self):\n    if self.rows:\n        return 1\n")


def test_text_that_cannot_run_stays_in_the_editor_until_it_is_mended():
    keys = f"e\x1b[3~{CTRL_S}d{END}#{CTRL_S}"
    assert verdict(keys).source.startswith("def total(self):#")


def test_a_text_that_was_left_is_there_again():
    assert verdict(f"e# kept\r{CTRL_C}e{CTRL_S}").source.startswith("# kept\ndef total")


def test_vi_keys_edit_where_the_shell_has_them(monkeypatch):
    shell = SimpleNamespace(editing_mode="vi")
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert verdict(f"e{END} # ab{ESC}x{CTRL_S}").source.startswith("def total(self): # a\n")


def test_other_keys_and_pasted_text_decide_nothing():
    assert verdict("x1\x1b[200~accept\x1b[201~?vn") == Verdict("reject")


BEGIN = """
import time
from agent_repl import Agent, ScriptedProvider, default_session
from agent_repl_ui import terminal

class Slow(ScriptedProvider):
    pause = 0.0

    def complete(self, prompt, on_text):
        def slowly(text):
            time.sleep(self.pause)
            on_text(text)
        return super().complete(prompt, slowly)

def method(lines):
    body = "".join(f"    x{n} = {n}\\n" for n in range(lines))
    return f"```python\\ndef answer(self):\\n{body}    return 6 * 7\\n```"

default_session().provider = slow = Slow([method(LINES)] * 9)
deep = Agent("deep thought")
"""


PROGRAMS = {
    "ipython": ["-m", "IPython", "--no-banner", "--no-confirm-exit", "--ext=agent_repl", "-i", "begin.py"],
    "shell": ["-m", "agent_repl", "-i", "begin.py"],
}


class Terminal:
    """One of these programs on a screen that a test can read."""

    def __init__(
        self,
        home: Path,
        columns: int = 80,
        rows: int = 24,
        begin: str = BEGIN,
        lines: int = 12,
        program: str = "ipython",
        **environment: str,
    ):
        (home / "begin.py").write_text(begin.replace("LINES", str(lines)))
        keep = {n: v for n, v in os.environ.items() if n not in ("NO_COLOR", "VISUAL", "EDITOR", "CI")}
        path = str(Path(__file__).parent.parent)
        places = {name: str(home) for name in ("HOME", "IPYTHONDIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME")}
        env = {**keep, **places, "TERM": "xterm-256color", "PYTHONPATH": path, **environment}
        self.child = pexpect.spawn(
            sys.executable, PROGRAMS[program], env=env, cwd=home, encoding="utf-8", dimensions=(rows, columns)
        )
        self.screen = pyte.HistoryScreen(columns, rows, history=5000)
        self.screen.write_process_input = self.child.send
        self._stream, self.raw = pyte.Stream(self.screen), ""
        self.cell = 0
        self.until("In [1]:")

    def run(self, line: str) -> None:
        self.child.send(f"{line}\r")

    def type(self, keys: str, *then: str) -> str:
        self.child.send(keys)
        return self.until(*then) if then else ""

    def text(self) -> str:
        return "\n".join(row.rstrip() for row in self.screen.display) + "\n"

    def whole(self) -> str:
        past = ("".join(row[x].data for x in range(self.screen.columns)).rstrip() for row in self.screen.history.top)
        return "\n".join(past) + "\n" + self.text()

    def wait(self, seconds: float = 0.05) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                piece = self.child.read_nonblocking(65536, timeout=left)
            except pexpect.TIMEOUT:
                return
            self.raw += piece
            self._stream.feed(piece)

    def until(self, *words: str, gone: str = "") -> str:
        end = time.monotonic() + 12
        while time.monotonic() < end:
            shown = self.text()
            if all(word in shown for word in words) and not (gone and gone in shown):
                return shown
            self.wait()
        raise AssertionError(f"not seen: {words}, on this screen:\n{self.text()}")


KEYS = "[a]ccept"


@pytest.fixture(params=["ipython", pytest.param("shell", marks=pytest.mark.slow)])
def terminal(tmp_path, request):
    made = []

    def begin(*sizes, **known) -> Terminal:
        made.append(Terminal(tmp_path, *sizes, program=request.param, **known))
        return made[-1]

    yield begin
    for each in made:
        each.child.close(force=True)


def test_the_whole_way_from_the_first_word_to_the_answer(terminal):
    person = terminal()
    person.run("slow.pause = 0.1; deep.answer()")
    shown = person.until("x3 = 3", "Ctrl-C stops it")
    assert "scripted writes deep_thought.answer" in shown
    assert "tokens so far" in shown
    shown = person.until(KEYS)
    assert "tokens so far" not in shown
    assert "deep_thought.answer · NEW" in shown
    shown = person.type("a", "Out[1]: 42", "In [2]:")
    assert "accepted\n" in shown
    assert KEYS not in shown
    assert shown.count("  14 │     return 6 * 7") == 1


@pytest.mark.slow
def test_keys_scroll_while_the_model_writes_and_answer_nothing_later(terminal):
    person = terminal(80, 12, lines=60)
    person.run("slow.pause = 0.05; deep.answer()")
    person.until("x20 = 20")
    shown = person.type(UP * 30 + "a\r", "def answer(self):")
    assert "x20" not in shown
    person.type(END + "\x1b[6~" * 20, "x30 = 30")
    person.until(KEYS)
    person.wait(0.6)
    person.type("n", "rejected: nothing was run")


def test_what_is_typed_before_the_code_was_drawn_answers_nothing(terminal):
    person = terminal()
    person.run("slow.pause = 0.02; deep.answer()")
    while "deep_thought.answer · NEW" not in person.text():
        person.type("a\ry")
        person.wait(0.02)
    person.type("a\r")
    person.until(KEYS)
    person.wait(0.5)
    assert KEYS in person.text()
    person.type("n", "rejected: nothing was run")


def test_ctrl_c_while_it_writes_ends_the_wait_and_leaves_a_clean_screen(terminal):
    person = terminal()
    person.run("slow.pause = 0.2; deep.answer()")
    person.until("x1 = 1")
    shown = person.type(CTRL_C, "KeyboardInterrupt", "In [2]:")
    assert "tokens so far" not in shown
    person.type("6 * 7\r", "Out[2]: 42")


def test_ctrl_c_at_the_review_keeps_the_draft_and_says_so(terminal):
    person = terminal()
    person.run("deep.answer()")
    person.until(KEYS)
    assert "kept for later: nothing was run" in person.type(CTRL_C, "In [2]:") + person.whole()
    assert "Traceback" not in person.whole()
    person.run("deep.answer()")
    person.until(KEYS)
    person.type("a", "Out[2]: 42")
    person.type("len(slow.prompts)\r", "Out[3]: 1")


NAP = BEGIN.replace("    return 6 * 7", "    import time; time.sleep(50)")
FLAGS = BEGIN.replace("    return 6 * 7", "    import os; os.remove('sales.csv')")


def test_ctrl_c_tells_what_it_stopped_and_nothing_of_ours(terminal):
    person = terminal(begin=NAP)
    person.run("slow.pause = 0.2; deep.answer()")
    person.until("x1 = 1")
    person.type(CTRL_C, "KeyboardInterrupt: deep_thought.answer was not run", "In [2]:")
    person.run("slow.pause = 0; deep.answer()")
    person.until(KEYS)
    person.type(CTRL_C, "KeyboardInterrupt: deep_thought.answer was not run", "In [3]:")
    person.run("deep.answer()")
    person.until(KEYS)
    person.type("a", "accepted")
    person.wait(0.5)
    assert "import time; time.sleep(50)" in person.type(CTRL_C, "KeyboardInterrupt", "In [4]:")
    assert "agent_repl_ui" not in person.whole()
    assert "settle" not in person.whole()


@pytest.mark.slow
def test_ctrl_c_while_a_method_is_named_is_one_line(terminal):
    person = terminal()
    person.run("slow.pause = 2")
    person.until("In [2]:")
    person.run("deep: what is the answer?")
    assert "scripted names a method of deep_thought" in person.until("names a method", "Ctrl-C stops it")
    assert "deep_thought. " not in person.text()
    person.type(CTRL_C, "KeyboardInterrupt: nothing was run\n\nIn [3]:")


@pytest.mark.parametrize(
    ("key", "asks"),
    [("e", "Esc goes back"), ("r", "What should change?"), ("a", "Type yes to run it"), ("E", "editing")],
)
@pytest.mark.slow
def test_ctrl_c_leads_back_from_where_one_key_led(terminal, tmp_path, key, asks):
    (tmp_path / "editor.py").write_text("import time; print('editing'); time.sleep(50)")
    person = terminal(begin=FLAGS, lines=3, VISUAL=f"{sys.executable} {tmp_path / 'editor.py'}")
    person.run("deep.answer()")
    person.until("[r]evise")
    person.type(key, asks)
    person.type(CTRL_C, "deep_thought.answer · NEW", "[r]evise")
    person.wait(0.5)
    person.type(CTRL_C, "kept for later: nothing was run", "In [2]:")


@pytest.mark.slow
def test_pin_and_auto_are_told_and_hold(terminal):
    person = terminal(120, 50, lines=1)
    person.run("deep.answer()")
    person.until(KEYS)
    person.type("p", "accepted and pinned", "Out[1]: 42")
    person.run("other = Agent('shallow thought'); other.answer()")
    person.until(KEYS)
    person.type("A", "for `shallow_thought` until you leave. Type yes:")
    person.type("yes\r", "accepted, and from now on", "Out[2]: 42")
    person.run("deep.answer(); other.answer()")
    person.until("deep_thought.answer · PINNED v1", "shallow_thought.answer · ", "Out[3]: 42")


def test_a_cell_says_before_it_what_it_runs_and_after_it_what_else(terminal):
    person = terminal(100, 50, lines=1)
    person.run("deep.answer()")
    person.until(KEYS)
    person.type("a", "Out[1]: 42")
    person.type("print('now'); deep.answer()\r", "Out[2]: 42")
    assert re.search(r"\ndeep_thought\.answer · CACHED v1 · accepted \d+ \w+\nnow\n", person.text())
    person.type("[getattr(deep, 'answer')() for _ in range(3)]\r", "[42, 42, 42]")
    person.until("also ran: deep_thought.answer · ")


@pytest.mark.slow
def test_words_below_a_cell_magic_are_typed_line_by_line(terminal):
    person = terminal(100, 50, lines=1)
    person.run("%%agent deep.answer")
    person.type("what is six by seven?\r>>> deep.answer()\r42\r\r\r", "from words: what is six by seven?", KEYS)
    person.type("a", "accepted", "deep_thought.answer is written", "In [2]:")
    person.type("deep.answer()\r", "Out[2]: 42")


@pytest.mark.slow
def test_agent_edit_opens_the_editor_and_its_text_is_the_head(terminal, tmp_path):
    script = tmp_path / "editor.py"
    script.write_text(
        "import sys, pathlib as p\nf = p.Path(sys.argv[1])\nf.write_text(f.read_text().replace('7', '9'))"
    )
    person = terminal(100, 50, lines=1, EDITOR=f"{sys.executable} {script}")
    person.run("deep.answer()")
    person.until(KEYS)
    person.type("a", "Out[1]: 42")
    person.type("%agent edit deep.answer\r", "In [3]:")
    person.type("deep.answer()\r", "Out[3]: 54")


@pytest.mark.slow
def test_a_revised_version_and_the_feedback_stay_on_the_screen(terminal):
    person = terminal(80, 60)
    person.run("deep.answer()")
    person.until(KEYS)
    shown = person.type("r", "What should change?")
    assert "return 6 * 7" in shown
    person.type("be quick\r", "to be revised: be quick", KEYS)
    shown = person.type("a", "Out[1]: 42")
    assert shown.count("return 6 * 7") == 2


@pytest.mark.slow
def test_help_and_versions_are_shown_below_the_code(terminal):
    person = terminal(100, 50)
    person.run("deep.answer()")
    person.until(KEYS)
    person.type("?", "make it a real method", KEYS)
    person.type("v", "v1  draft  model  scripted (scripted)", KEYS)
    person.type("\r", "Out[1]: 42")


def test_a_problem_is_said_while_the_text_is_typed(terminal):
    person = terminal()
    person.run("deep.answer()")
    person.until(KEYS)
    person.type("e", "Ctrl-S or Alt-Enter runs it")
    person.type("(", "line 1: invalid syntax")
    person.type("\x7f", "Ctrl-S")
    person.until(gone="line 1: ")
    person.type(f"{DOWN * 13}{END} + 1{CTRL_S}", "accepted as you edited it:", "return 6 * 7 + 1", "Out[1]: 43")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("sys.exit(3)", "nothing was changed"),
        ("file.write_text('rubbish(')", "this cannot run yet"),
        ("pass", "nothing was changed"),
    ],
)
def test_an_editor_that_fails_or_leaves_rubbish_leads_back_to_the_review(terminal, tmp_path, body, words):
    script = tmp_path / "an editor.py"
    script.write_text(f"import sys, pathlib\nfile = pathlib.Path(sys.argv[1])\n{body}\n")
    person = terminal(EDITOR=f"{shlex.quote(sys.executable)} {shlex.quote(str(script))}")
    person.run("deep.answer()")
    person.until(KEYS)
    person.type("E", words, KEYS, "deep_thought.answer · NEW")
    person.type("a", "Out[1]: 42")


def test_an_editor_has_the_terminal_to_itself(terminal, tmp_path):
    script = tmp_path / "editor.py"
    script.write_text(
        "import sys, pathlib\nfile = pathlib.Path(sys.argv[1])\n"
        "file.write_text(file.read_text().replace('6 * 7', input('by what? ')))\n"
    )
    person = terminal(VISUAL=f"{sys.executable} {script}", EDITOR="not-this-one")
    person.run("deep.answer()")
    person.until(KEYS)
    person.type("E", "by what?")
    person.type("6 * 9\r", "Out[1]: 54")


def test_a_review_in_an_awaited_cell(terminal):
    person = terminal()
    person.run("import asyncio; await asyncio.sleep(0); deep.answer()")
    person.until(KEYS)
    person.type("a", "Out[1]: 42", "In [2]:")


@pytest.mark.slow
def test_two_threads_that_miss_are_asked_about_in_turn(terminal):
    person = terminal(100, 70)
    person.run("slow.pause = 0.03; from threading import Thread; other = Agent('shallow thought')")
    person.run("both = [Thread(target=lambda: deep.answer()), Thread(target=lambda: other.answer())]")
    person.run("[t.start() for t in both]; [t.join() for t in both]; 'all' + ' done'")
    for _ in range(2):
        person.until(KEYS)
        person.type("n")
        person.until(gone=KEYS)
    person.until("all done")
    assert "tokens so far" not in person.whole()
    for name in ("deep", "shallow"):
        assert f"\n{name}_thought.answer · NEW\n" in person.whole()
    assert person.whole().count("rejected: nothing was run\n") == 2
    assert person.whole().count("answer was rejected; nothing is lost") == 2


def test_ctrl_c_reaches_a_thread_that_waits_for_the_model(terminal):
    person = terminal(100, 50)
    person.run("slow.pause = 0.1; from threading import Thread")
    person.run("t = Thread(target=deep.answer); t.start(); t.join()")
    person.until("tokens so far")
    shown = person.type(CTRL_C, "KeyboardInterrupt", "In [3]:")
    assert "tokens so far" not in shown


def test_forty_columns_hold_a_review_with_its_words_whole(terminal):
    person = terminal(40, 24, lines=3)
    person.run("deep.answer()")
    shown = person.until("? says what they do")
    assert "a p e E r n A v" in shown
    assert "nothing isolates it: it runs in this\n… process, with your rights\n" in shown
    person.type("?", "accept   run it, and remember it for\n  calls of this kind\n", "next\n  call\n")
    person.type("a", "Out[1]: 42")


@pytest.mark.slow
def test_five_hundred_lines_are_scrolled_and_stay_whole_on_the_screen(terminal):
    person = terminal(80, 24, lines=500)
    person.run("deep.answer()")
    shown = person.until(KEYS, "1-21 of 50")
    assert "x30" not in shown
    person.type("\x1b[6~" * 30, "return 6 * 7", KEYS)
    person.type("a", "Out[1]: 42")
    assert " 250 │     x248 = 248" in person.whole()


@pytest.mark.slow
def test_a_resize_is_drawn_anew(terminal):
    person = terminal(100, 40)
    person.run("deep.answer()")
    person.until(KEYS)
    person.child.setwinsize(20, 50)
    person.screen.resize(20, 50)
    person.screen.reset()
    shown = person.until("? says what they do")
    assert max(map(len, shown.split("\n"))) <= 50
    person.type("a", "42")


@pytest.mark.slow
def test_wide_characters_keep_their_columns(terminal):
    wide = BEGIN.replace("    return 6 * 7", "    return '数据分析' * 12")
    person = terminal(60, 24, begin=wide, lines=1)
    person.run("deep.answer()")
    shown = person.until("a p e E r n A v")
    assert "数 据 分 析" in shown or "数据分析" in shown
    person.type("a", "Out[1]")


def test_no_colour_is_sent_to_one_who_wants_none(terminal):
    person = terminal(NO_COLOR="1")
    person.run("deep.answer()")
    person.until(KEYS)
    person.raw = ""
    person.type("a", "Out[1]")
    record = person.raw.partition("Out")[0]
    assert "\x1b[3" not in record


def test_the_colours_are_those_that_read_on_black_and_on_white():
    shown = as_text(proposal("def total(self):\n    # why\n    return sum(self.rows) + len('x') + 1\n"), colour=True)
    assert not [
        code for code in ("\x1b[33m", "\x1b[34m", "\x1b[37m", "\x1b[30m", "\x1b[90m", "\x1b[97m") if code in shown
    ]


def test_a_terminal_that_cannot_draw_is_asked_in_words(terminal):
    person = terminal(TERM="dumb")
    person.run("deep.answer()")
    person.until("1 accept  2 pin  3 edit")
    person.type("1\r", "42")
