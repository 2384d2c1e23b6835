"""Review in plain words, as a person at a pseudo-terminal meets it."""

from __future__ import annotations

import io
import os
import shlex
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from agent_repl.errors import ReviewRequired
from agent_repl.records import Event, Proposal, Usage
from agent_repl.reviewers.headless import HeadlessReviewer
from agent_repl.validate import recall
from agent_repl_ui.render import as_html, as_text, escaped
from agent_repl_ui.terminal import TerminalReviewer

pexpect = pytest.importorskip("pexpect")
pyte = pytest.importorskip("pyte")

CALM = "def total(self):\n    return sum(self.rows)\n"
FLAGGED = "import os\n\ndef total(self):\n    os.remove('sales.csv')\n    return 1\n"
QUESTION = r"\d help.*: "

PERSON_SIDE = """
import os, select, sys
from agent_repl_ui.terminal import TerminalReviewer
from agent_repl.records import Event, Proposal
from agent_repl.validate import recall

reviewer = TerminalReviewer()
if "TYPED_FIRST" in os.environ:
    print("writing now", flush=True)
    select.select([sys.stdin], [], [])
reviewer.tell(Event("text", "def tot"))
code = recall(os.environ["SOURCE"], "total")
check = lambda source: "" if "def total(self)" in source else "there is no method total"
try:
    print(reviewer.review(Proposal("sales.total", "NEW", code, provider="a model", check=check)))
except KeyboardInterrupt:
    print("INTERRUPTED")
print("asked in a terminal:", reviewer.can_ask)
"""


def person(source: str = CALM, **environment: str):
    env = {**os.environ, "TERM": "xterm-256color", "AGENT_REPL_PLAIN": "1", "SOURCE": source, **environment}
    for name in {"NO_COLOR", "VISUAL", "EDITOR"} - set(environment):
        env.pop(name, None)
    return pexpect.spawn(
        sys.executable, ["-c", PERSON_SIDE], env=env, encoding="utf-8", timeout=30, dimensions=(40, 120)
    )


def answered(child, keys: str) -> str:
    child.expect(QUESTION)
    child.sendline(keys)
    return ended(child)


def ended(child) -> str:
    child.expect(pexpect.EOF)
    return child.before


def editor(tmp_path: Path, body: str) -> str:
    script = tmp_path / "an editor.py"
    script.write_text(f"import sys, pathlib\nfile = pathlib.Path(sys.argv[1])\n{body}\n")
    return f"{shlex.quote(sys.executable)} {shlex.quote(str(script))}"


def proposal(source: str = CALM, **known) -> Proposal:
    return Proposal("sales.total", "NEW", recall(source, "total"), **known)


@pytest.mark.parametrize(
    ("keys", "decision"),
    [("1", "accept"), ("2", "pin"), ("5", "reject"), ("a", "accept"), ("n", "reject"), ("pin", "pin"), ("", "accept")],
)
def test_each_number_letter_and_word_decides(keys, decision):
    assert f"decision='{decision}'" in answered(person(), keys)


def test_what_was_typed_before_the_code_was_drawn_answers_nothing():
    child = person(TYPED_FIRST="1")
    child.expect("writing now")
    child.send("\ra\r\r")
    assert "decision='reject'" in answered(child, "n")


def test_enter_never_accepts_flagged_code():
    child = person(FLAGGED)
    child.expect(QUESTION)
    child.sendline("")
    child.expect("flagged, and Enter never accepts it")
    assert "decision='reject'" in answered(child, "n")


@pytest.mark.parametrize(("key", "decision"), [("a", "accept"), ("p", "pin")])
def test_flagged_code_wants_the_word_yes(key, decision):
    child = person(FLAGGED)
    for word in ("y", "yes"):
        child.expect(QUESTION)
        child.sendline(key)
        child.expect("Type yes to run it: ")
        child.sendline(word)
    assert f"decision='{decision}'" in ended(child)


def test_revise_takes_words_and_none_lead_back_to_the_question():
    child = person()
    for words in ("", "skip empty rows"):
        child.expect(QUESTION)
        child.sendline("r")
        child.expect("What should change")
        child.sendline(words)
    assert "feedback='skip empty rows'" in ended(child)


@pytest.mark.parametrize("leave", ["\x03", "\x04"])
def test_ctrl_c_and_ctrl_d_decide_nothing(leave):
    child = person()
    child.expect(QUESTION)
    child.send(leave)
    seen = ended(child)
    assert "INTERRUPTED" in seen
    assert "decision" not in seen


def test_help_explains_the_choices_and_asks_again():
    child = person()
    child.expect(QUESTION)
    child.sendline("?")
    child.expect("make it a real method")
    assert "decision='accept'" in answered(child, "a")


def test_auto_says_its_scope_and_wants_the_word_yes():
    child = person()
    for word in ("y", "yes"):
        child.expect(QUESTION)
        child.sendline("auto")
        child.expect("accepts what is not flagged for `sales` until you leave. Type yes: ")
        child.sendline(word)
    assert "decision='auto'" in ended(child)


def test_auto_is_not_offered_for_flagged_code():
    child = person(FLAGGED)
    child.expect(QUESTION)
    assert "auto" not in child.before
    child.sendline("auto")
    child.expect("choose one of: accept, pin, edit, revise, no, versions, help")
    assert "decision='reject'" in answered(child, "no")


def test_nothing_is_drawn_where_words_are_wanted():
    for wish in ({"TERM": "dumb"}, {"ACCESSIBLE": "1"}, {"AGENT_REPL_PLAIN": "1", "NO_COLOR": "1"}):
        child = person(**{"AGENT_REPL_PLAIN": "", **wish})
        child.expect("1 accept  2 pin  3 edit  4 revise  5 no  6 auto  7 versions  8 help .Enter accepts.: ")
        assert not set("\x1b") & set(child.before.replace("\x1b[", "" if "ACCESSIBLE" in wish else "\x1b["))
        child.sendline("5")
        ended(child)


def test_an_unknown_answer_is_told_the_choices():
    child = person()
    child.expect(QUESTION)
    child.sendline("ok")
    child.expect("accept, pin, edit, revise, no, auto")
    assert "decision='reject'" in answered(child, "n")


def test_edited_code_comes_back_as_the_person_left_it(tmp_path):
    command = editor(tmp_path, "file.write_text(file.read_text().replace('sum', 'max'))")
    assert "return max(self.rows)" in answered(person(EDITOR=command), "e")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("sys.exit(3)", "failed, nothing was changed"),
        ("pass", "nothing was changed"),
        ("file.unlink()", "failed, nothing was changed"),
        ("file.write_bytes(bytes([255, 254]))", "failed, nothing was changed"),
        ("file.write_text('rubbish')", "cannot run yet: there is no method total"),
    ],
)
def test_an_editor_that_fails_or_leaves_rubbish_leads_back_to_the_question(tmp_path, body, message):
    child = person(VISUAL=editor(tmp_path, body), EDITOR="not-this-one")
    child.expect(QUESTION)
    child.sendline("e")
    child.expect(message)
    assert "decision='accept'" in answered(child, "a")


@pytest.mark.parametrize("environment", [{}, {"EDITOR": "no-such-editor --wait"}, {"EDITOR": "an 'open quote"}])
def test_a_missing_editor_is_named(environment):
    child = person(**environment)
    child.expect(QUESTION)
    child.sendline("e")
    child.expect("no editor is set|editor .* failed")
    assert "decision='reject'" in answered(child, "n")


def test_rubbish_is_there_again_when_the_editor_opens_again(tmp_path):
    mend = (
        "text = file.read_text()\nfile.write_text(text.replace('total', 'totl') if 'totl' not in text else text.replace"
    )
    child = person(EDITOR=editor(tmp_path, f"{mend}('totl', 'total').replace('sum', 'max'))"))
    child.expect(QUESTION)
    child.sendline("e")
    child.expect("there is no method total")
    assert "def total(self):\\n    return max" in answered(child, "e")


def test_the_screen_shows_the_whole_code_with_its_lines_and_what_it_touches():
    screen, child = pyte.Screen(120, 40), person(FLAGGED)
    child.expect(QUESTION)
    pyte.Stream(screen).feed(child.before)
    shown = "\n".join(row.rstrip() for row in screen.display)
    assert "sales.total · NEW" in shown
    assert "4 │     os.remove('sales.csv')" in shown
    assert "! line 4" in shown
    assert "nothing isolates it" in shown
    child.sendline("n")
    ended(child)


def test_no_color_is_honoured():
    child = person(NO_COLOR="1")
    child.expect(QUESTION)
    assert "\x1b[" not in child.before
    child.sendline("n")
    ended(child)


def test_a_captured_screen_is_nobody(monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    assert TerminalReviewer().can_ask is False


def test_streamed_text_cannot_move_the_cursor(capsys):
    TerminalReviewer().tell(Event("text", "a\x1b[2Jb\rc\u202ed"))
    assert capsys.readouterr().out == "a\\x1b[2Jb\\rc\\u202ed"


def test_telling_to_a_closed_stream_raises_nothing(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    sys.stdout.close()
    TerminalReviewer().tell(Event("warning", "the disk is full"))


@pytest.mark.parametrize("hidden", ["\u202e", "\u200b", "\x1b", "\x07", "\ufe0f", "\u3164", "\u00ad", "\u2028"])
def test_hidden_characters_are_seen_in_text_and_in_html(hidden):
    suspicious = proposal(CALM + f"    # {hidden}x\n")
    assert hidden not in as_text(suspicious, colour=False) + as_html(suspicious)
    assert escaped(hidden) in as_text(suspicious)


def test_a_lone_carriage_return_does_not_hide_a_line():
    shown = as_text(proposal("def total(self):\n    # calm\r    import os\n    return 1\n"))
    assert "3 │     import os" in shown


def test_a_change_is_shown_as_a_diff_beside_the_whole_code():
    shown = as_text(proposal(previous="def total(self):\n    return len(self.rows)\n"))
    assert "-    return len(self.rows)" in shown
    assert "+    return sum(self.rows)" in shown
    assert "2 │     return sum(self.rows)" in shown


@pytest.mark.parametrize(("cost", "words"), [(None, "cost unknown"), (0.0, "free"), (0.0123, "$0.0123")])
def test_the_price_is_told_in_words(cost, words):
    usage = Usage(2, 1200, 80, 500, 0, 3.21, cost)
    shown = as_text(proposal(provider="claude", usage=usage, attempts=2, note="scripted"))
    assert f"claude · 1,200 tokens in and 500 from cache, 80 out · 3.2 s · 2 tries · {words}" in shown
    assert "no model was asked" in shown


def test_where_nobody_can_answer_the_error_says_what_to_do():
    with pytest.raises(ReviewRequired, match=r"sales\.total .* AGENT_REPL_REVIEW"):
        HeadlessReviewer().review(proposal())
