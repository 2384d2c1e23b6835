"""The review application: each of its keys, and the whole of it at a pseudo-terminal in IPython."""

from __future__ import annotations

import os
import shlex
import sys
import time
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from agent_repl.records import Proposal, Verdict, Version
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
        typed.send_text(keys)
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
    assert verdict(f"e{DOWN}{END} + 1{run}") == Verdict("edit", source=CALM.replace(")\n", ") + 1\n").replace("self) + 1", "self)"))


def test_a_new_line_in_the_editor_is_indented_as_python_wants_it():
    changed = verdict(f"e{END}\rif self.rows:\rreturn 1{CTRL_S}").source
    assert changed.startswith("def total(self):\n        if self.rows:\n            return 1\n") 


def test_text_that_cannot_run_stays_in_the_editor_until_it_is_mended():
    keys = f"e\x1b[3~{CTRL_S}d{END}#{CTRL_S}"
    assert verdict(keys).source.startswith("def total(self):#")


def test_a_text_that_was_left_is_there_again():
    assert verdict(f"e# kept\r{CTRL_C}e{CTRL_S}").source.startswith("# kept\ndef total")


def test_vi_keys_edit_where_the_shell_has_them(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", type(sys)("IPython"))
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: type("Vi", (), {"editing_mode": "vi"}), raising=False)
    with pytest.raises(KeyboardInterrupt):
        verdict(f"e{CTRL_C}{CTRL_C}")


def test_other_keys_and_pasted_text_decide_nothing():
    assert verdict("x1\x1b[200~accept\x1b[201~?vn") == Verdict("reject")
