"""A class file is a person's as much as ours: what they change in it is noticed, shown and kept."""

import inspect
import linecache
import os
import subprocess
import sys
import traceback

import pytest
from kit import Person, asked, session, shell

from agent_repl import AgentError, ModuleError, Verdict, edit, forget, pin, rollback, undo, unpin, versions
from agent_repl.control import accept, pending, review_pending, status
from agent_repl.pipeline import pinning

DOUBLE = "FACTOR = 2\n\ndef double(self, n):\n    return n * FACTOR\n"
TRIPLE = "def triple(self, n):\n    return self.double(n) + n\n"
MADE = '''"""calculator"""


FACTOR = 2


class Calc:
    """calculator"""

    def double(self, n):
        return n * FACTOR
'''


@pytest.fixture
def home(tmp_path):
    return session(tmp_path, DOUBLE, TRIPLE, review=Person(*["accept"] * 2))


@pytest.fixture
def calc(home):
    agent = home.agent("calculator", name="calc")
    agent.double(2)
    pin(agent.double)
    return agent


@pytest.fixture
def module(tmp_path):
    return tmp_path / ".agent_repl" / "modules" / "calc.py"


def says(home):
    return "\n".join(event.text for event in home.reviewer.events if event.kind == "warning")


def changes(home, *answers):
    """What the person was asked about the file at the start of the next cell."""
    home.reviewer = Person(*answers)
    home.sync()
    return home.reviewer.seen


def changes_mode(home, mode):
    home.reviewer, home.mode = Person(), mode
    home.sync()


def changed(module, old="n * FACTOR", new="n * FACTOR + 1"):
    assert old in module.read_text()
    module.write_text(module.read_text().replace(old, new))


def test_the_class_file_is_what_these_tests_think(calc, module):
    assert module.read_text() == MADE


# ── a method is edited ──


def test_an_edit_is_shown_with_what_it_was_and_kept_as_a_version_of_the_file(home, calc, module):
    changed(module, "return n * FACTOR", "# a note\n        return n * FACTOR + 1  # mine")
    before = module.read_bytes()
    [proposal] = changes(home, "accept")
    assert (proposal.title, proposal.status, proposal.reason) == ("calc.double", "CHANGED", "edited on disk")
    assert proposal.previous == DOUBLE
    assert "    # a note\n    return n * FACTOR + 1  # mine\n" in proposal.code.source
    assert calc.double(2) == 5
    assert module.read_bytes() == before
    assert [(v.author, v.verdict, v.parents) for v in versions(calc, "double")] == [
        ("model", "accepted", ()),
        ("file", "accepted", (1,)),
    ]
    assert status(calc, "double").startswith("calc.double · PINNED v2")
    assert asked(home) == 1
    assert not changes(home)


def test_the_next_process_runs_the_accepted_edit_and_asks_nobody(tmp_path, home, calc, module):
    changed(module)
    changes(home, "accept")
    later = session(tmp_path, review=Person())
    assert later.agent("calculator", name="calc").double(2) == 5
    assert later.reviewer.seen == later.reviewer.events == []


def test_an_edit_is_noticed_when_an_agent_is_made_in_a_new_process(tmp_path, calc, module):
    changed(module)
    later = session(tmp_path, review=Person("accept"))
    assert later.agent("calculator", name="calc").double(2) == 5


def test_nothing_is_read_where_nothing_was_changed(home, calc, module, monkeypatch):
    os.utime(module, ns=(1, 1))
    changes(home)
    monkeypatch.setattr("pathlib.Path.read_bytes", lambda path: pytest.fail(f"{path} was read"))
    assert not changes(home)


def test_a_rejected_edit_stays_in_the_file_and_is_told_once(tmp_path, home, calc, module):
    changed(module)
    before = module.read_bytes()
    assert len(changes(home, "reject")) == 1
    assert "calc.double v2 is rejected" in says(home)
    assert calc.double(2) == 4
    assert not changes(home)
    assert says(home) == ""
    later = session(tmp_path, review=Person())
    assert later.agent("calculator", name="calc").double(2) == 4
    assert "it was rejected, and the file is left as it is" in says(later)
    assert module.read_bytes() == before


def test_a_rejected_edit_that_is_taken_back_or_changed_again_is_looked_at_again(home, calc, module):
    changed(module)
    changes(home, "reject")
    changed(module, "+ 1", "+ 2")
    assert len(changes(home, "accept")) == 1
    assert calc.double(2) == 6


def test_what_was_accepted_before_is_not_asked_about_when_it_comes_back(home, calc, module):
    changed(module)
    changes(home, "accept")
    changed(module, "n * FACTOR + 1", "n * FACTOR")
    assert not changes(home)
    assert calc.double(2) == 4


@pytest.mark.parametrize("mode", ["later", "cached"])
def test_where_nobody_is_asked_the_edit_waits_and_the_last_good_version_serves(tmp_path, home, calc, module, mode):
    changed(module)
    changes_mode(home, mode)
    assert not home.reviewer.seen
    assert "waits for a person" in says(home)
    assert calc.double(2) == 4
    assert [(v.number, v.author) for v in pending(home)] == [(2, "file")]
    later = session(tmp_path, review=mode)
    agent = later.agent("calculator", name="calc")
    assert agent.double(2) == 4
    assert len(versions(agent, "double")) == 2
    before = module.read_bytes()
    accept(agent, "double")
    assert agent.double(2) == 5
    assert module.read_bytes() == before
    home.sync()
    assert calc.double(2) == 5


def test_review_asks_about_what_waits(home, calc, module):
    home.mode = "later"
    changed(module)
    changes(home)
    home.reviewer = Person("accept")
    assert review_pending(home) == ["calc.double v2 is PINNED"]
    assert home.reviewer.seen[0].reason == "edited on disk"
    assert calc.double(2) == 5


def test_review_notices_an_edit_itself(home, calc, module):
    home.mode = "later"
    home.reviewer = Person("accept")
    changed(module)
    assert review_pending(home) == ["calc.double v2 is PINNED"]


def test_in_auto_too_an_edit_is_asked_about_since_git_may_have_brought_it(tmp_path, home, calc, module):
    changed(module)
    alone = session(tmp_path, review="auto").agent("calculator", name="calc")
    assert alone.double(2) == 4
    home.mode = "auto"
    assert len(changes(home, "accept")) == 1
    assert calc.double(2) == 5
    changed(module, "return n", "import os; os.remove('x'); return n")
    assert len(changes(home, "reject")) == 1
    assert calc.double(2) == 5


def test_what_the_policy_refuses_never_serves(home, calc, module):
    home.mode = "auto"
    home.set(policy="strict")
    changed(module, "return n", "import os; os.remove('x'); return n")
    assert not changes(home)
    assert "policy=strict refuses" in says(home)
    assert calc.double(2) == 4


def test_an_edit_in_the_review_is_written_into_the_file_in_its_place(home, calc, module):
    changed(module, "return n * FACTOR", "return n * FACTOR + 1\n\n    # the end")
    changes(home, Verdict("edit", "def double(self, n):\n    return 2 * n + 7\n"))
    assert calc.double(2) == 11
    assert module.read_text().endswith("        return 2 * n + 7\n\n    # the end\n")
    assert "FACTOR = 2" in module.read_text()


def test_a_helper_that_is_edited_changes_every_method_that_uses_it(home, calc, module):
    home.reviewer = Person(*["accept"] * 2)
    calc.triple(1)
    pin(calc.triple)
    changed(module, "FACTOR = 2", "FACTOR = 20")
    [proposal] = changes(home, "accept")
    assert proposal.title == "calc.double"
    assert (calc.double(2), calc.triple(2)) == (40, 42)


def test_only_what_was_accepted_runs_when_one_of_two_edits_is_rejected(home, calc, module):
    home.reviewer = Person("accept")
    calc.triple(1)
    pin(calc.triple)
    changed(module)
    changed(module, "+ n", "+ n + 100")
    assert len(changes(home, "accept", "reject")) == 2
    assert (calc.double(2), calc.triple(2)) == (5, 7)


def test_a_comment_alone_is_no_question_and_lines_stay_right(home, calc, module):
    changed(module, "FACTOR = 2", "# one\n# two\n# three\nFACTOR = 2")
    assert not changes(home)
    assert len(versions(calc, "double")) == 1
    with pytest.raises(TypeError) as caught:
        calc.double(None)
    frame = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (frame.filename, frame.line) == (str(module), "return n * FACTOR")
    assert frame.lineno == module.read_text().splitlines().index("        return n * FACTOR") + 1


# ── methods come and go ──


def test_a_method_that_a_person_adds_becomes_a_pinned_version(tmp_path, home, calc, module):
    module.write_text(module.read_text() + "\n    def half(self, n):\n        # by two\n        return n / FACTOR\n")
    [proposal] = changes(home, "accept")
    assert (proposal.title, proposal.status, proposal.reason) == ("calc.half", "NEW", "written on disk")
    assert calc.half(3) == 1.5
    assert [v.author for v in versions(calc, "half")] == ["file"]
    assert versions(calc, "half")[0].source == "FACTOR = 2\n\ndef half(self, n):\n    # by two\n    return n / FACTOR\n"
    assert session(tmp_path, review="cached").agent("calculator", name="calc").half(3) == 1.5


def test_an_added_method_that_was_not_accepted_is_not_there(home, calc, module):
    module.write_text(module.read_text() + "\n    def half(self, n):\n        return n / 2\n")
    changes(home, "reject")
    home.mode = "cached"
    with pytest.raises(AgentError):
        calc.half(3)


def test_a_miss_finds_a_method_that_was_just_written_into_the_file(home, calc, module):
    module.write_text(module.read_text() + "\n    def half(self, n):\n        return n / 2\n")
    home.reviewer = Person("accept")
    assert calc.half(3) == 1.5
    assert asked(home) == 1


def test_methods_that_a_person_writes_may_be_private_and_call_each_other(home, calc, module):
    more = "\n    def _by(self, n):\n        return n / 2\n\n    def half(self, n):\n        return self._by(n)\n"
    module.write_text(module.read_text() + more)
    assert len(changes(home, "accept", "accept")) == 2
    assert calc.half(3) == 1.5


def test_a_method_that_is_deleted_is_unpinned_and_still_served(home, calc, module):
    home.reviewer = Person("accept")
    calc.triple(1)
    pin(calc.triple)
    text = module.read_text()
    module.write_text(text[: text.index("\n    def triple")])
    assert not changes(home)
    assert "calc.triple is no longer in calc.py: it is unpinned" in says(home)
    assert status(calc, "triple").startswith("calc.triple · CACHED v1")
    assert calc.triple(1) == 3
    assert asked(home) == 2
    assert not changes(home)
    assert not says(home)


def test_names_that_every_agent_has_are_refused(home, calc, module):
    module.write_text(module.read_text() + "\n    def getdoc(self):\n        return 1\n")
    assert not changes(home)
    assert "getdoc: every agent has that name" in says(home)


def test_nothing_but_accepted_methods_runs(tmp_path, home, calc, module):
    harm = f"open({str(tmp_path / 'harm')!r}, 'w').close()"
    text = module.read_text().replace("class Calc:", f"{harm}\nclass Calc(print({harm!r}) or object):\n    x = {harm}")
    text += f"\n    def __del__(self):\n        {harm}\n\n    def __getattribute__(self, name):\n        {harm}\n"
    module.write_text(text)
    changes(home)
    assert calc.double(2) == 4
    assert session(tmp_path, review="auto").agent("calculator", name="calc").double(2) == 4
    assert not (tmp_path / "harm").exists()
    assert module.read_text() == text


# ── a file that cannot be read ──


def test_a_file_that_does_not_parse_is_left_with_its_line_until_it_changes_again(tmp_path, home, calc, module):
    changed(module, "return n", "retrun n")
    before = module.read_bytes()
    assert not changes(home)
    assert "calc.py, line 11: " in says(home)
    assert "the last accepted version serves" in says(home)
    assert calc.double(2) == 4
    assert not changes(home)
    assert not says(home)
    assert session(tmp_path).agent("calculator", name="calc").double(2) == 4
    assert module.read_bytes() == before
    changed(module, "retrun n", "return 1 + n")
    assert len(changes(home, "accept")) == 1
    assert calc.double(2) == 5


@pytest.mark.parametrize(
    ("new", "why"),
    [
        ("return missing * n", "missing is not defined"),
        ("self.double = n", "self.double is a method"),
        ("pass", "double does nothing"),
    ],
)
def test_what_breaks_a_rule_is_told_and_does_not_serve(home, calc, module, new, why):
    changed(module, "return n * FACTOR", new)
    assert not changes(home)
    assert why in says(home)
    assert calc.double(2) == 4


# ── pinning into a file that a person has edited ──

MINE = '''# my header, kept
"""calculator"""

import math  # used soon

FACTOR = 2  # do not touch


# About the class.
class Calc:
    """calculator"""

    # first
    def double(self, n):
        return n * FACTOR   # odd spaces


    # the end of it


def _mine():
    return math.pi
'''
ROOTS = (
    "import math\nfrom math import sqrt\n\nFACTOR = 9\n\ndef roots(self, n):\n    return sqrt(n) * FACTOR, math.pi\n"
)


def test_a_pin_into_an_edited_file_adds_the_method_and_keeps_every_byte_of_the_rest(tmp_path, module):
    home = session(tmp_path, DOUBLE, ROOTS)
    calc = home.agent("calculator", name="calc")
    calc.double(2)
    calc.roots(4)
    pin(calc.double)
    module.write_text(MINE)
    home.sync()
    pin(calc.roots)
    added = MINE.replace("# used soon\n", "# used soon\nfrom math import sqrt\n")
    added = added.replace("# About the class.\n", "FACTOR_roots = 9\n\n\n# About the class.\n")
    method = "\n    def roots(self, n):\n        return sqrt(n) * FACTOR_roots, math.pi\n"
    added = added.replace("# odd spaces\n", f"# odd spaces\n{method}")
    assert module.read_text() == added
    assert calc.roots(4)[0] == 18
    unpin(calc, "roots")
    assert module.read_text() == added.replace(method, "")
    assert calc.roots(4)[0] == 18


def test_line_ends_and_a_mark_at_the_beginning_are_kept(tmp_path, module):
    home = session(tmp_path, DOUBLE, ROOTS)
    calc = home.agent("calculator", name="calc")
    calc.double(2)
    calc.roots(4)
    pin(calc.double)
    module.write_bytes(b"\xef\xbb\xbf" + MINE.replace("\n", "\r\n").encode())
    home.sync()
    pin(calc.roots)
    raw = module.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf# my header")
    assert raw.count(b"\n") == raw.count(b"\r\n") == MINE.count("\n") + 7
    assert calc.roots(4)[0] == 18


def test_an_older_version_is_put_into_the_edited_file_in_its_place(home, calc, module):
    module.write_text(MINE)
    changes(home)
    changed(module, "n * FACTOR   # odd", "n * FACTOR + 1   # odd")
    changes(home, "accept")
    rollback(calc, "double", 1)
    assert calc.double(2) == 4
    assert module.read_text() == MINE.replace("   # odd spaces", "")


def test_a_helper_that_only_the_replaced_method_used_is_replaced_too(home, calc, module):
    module.write_text(MINE)
    changes(home)
    edit(calc, "double", "FACTOR = 5\n\ndef double(self, n):\n    return FACTOR * n\n")
    assert calc.double(2) == 10
    assert "\nFACTOR = 5\n" in module.read_text()
    assert "FACTOR_" not in module.read_text()


def test_a_pin_that_cannot_be_placed_is_refused_and_nothing_is_lost(tmp_path, module):
    home = session(tmp_path, DOUBLE, "def total(self, xs):\n    return sum(xs)\n")
    calc = home.agent("calculator", name="calc")
    calc.double(2)
    calc.total([1])
    pin(calc.double)
    module.write_text("from math import prod as sum\n" + module.read_text())
    home.sync()
    before = module.read_bytes()
    with pytest.raises(ModuleError, match=r"calc\.py: total would not mean the same"):
        pin(calc.total)
    assert module.read_bytes() == before
    assert calc.total([3, 4]) == 7


def test_an_edit_that_nobody_has_looked_at_is_not_written_over(home, calc, module):
    changed(module)
    before = module.read_bytes()
    for verb in (pin, unpin):
        with pytest.raises(ModuleError, match="nobody has looked at that yet"):
            verb(calc, "double")
    assert module.read_bytes() == before


def test_a_pin_beside_an_edit_that_waits_keeps_the_edit(home, calc, module):
    calc.triple(1)
    changed(module)
    changes(home, "reject")
    pin(calc.triple)
    assert "n * FACTOR + 1" in module.read_text()
    assert (calc.double(2), calc.triple(2)) == (4, 6)


def test_the_last_method_leaves_a_class_with_all_that_a_person_wrote(home, calc, module):
    module.write_text(MINE)
    changes(home)
    unpin(calc, "double")
    assert "# my header, kept" in module.read_text()
    assert calc.double(2) == 4
    pin(calc.double)
    assert calc.double(2) == 4
    undo(calc, "double")
    forget(calc, "double")


def test_an_untouched_file_is_still_written_as_a_whole(home, calc, module):
    calc.triple(1)
    pin(calc.triple)
    unpin(calc, "triple")
    assert module.read_text() == MADE


# ── two processes ──

PINS = """
import sys, time
from agent_repl import open_session, pin, ScriptedProvider, unpin
from agent_repl.pipeline import pinning
read = pinning._ours
def slowly(identity):
    found = read(identity)
    time.sleep(0.01)  # so that others would come between reading and writing
    return found
pinning._ours = slowly
home, me = sys.argv[1:]
names = [f"m{me}_{n}" for n in range(8)]
replies = [f"```python\\nLIMIT = {me}\\ndef {name}(self, n):\\n    return n + LIMIT\\n```" for name in names]
session = open_session(home, provider=ScriptedProvider(replies), review="auto")
agent = session.agent("calculator", name="calc")
for name in names:
    session.call(agent, name, 1)
print("ready", flush=True)
sys.stdin.readline()
for name in names:
    pin(agent, name)
    if name.endswith("_3"):
        unpin(agent, name)
"""


@pytest.mark.parametrize("edited", [False, True])
def test_processes_that_pin_at_the_same_time_lose_nothing(tmp_path, home, calc, module, edited):
    if edited:
        module.write_text("# mine\n" + module.read_text())
        changes(home)
    run = [sys.executable, "-c", PINS, str(module.parent.parent)]
    others = [
        subprocess.Popen([*run, str(n)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for n in range(3)
    ]
    assert [other.stdout.readline() for other in others] == ["ready\n"] * 3
    for other in others:
        other.stdin.write("\n")
        other.stdin.flush()
    for other in others:
        other.communicate()
        assert other.returncode == 0
    later = session(tmp_path, review="cached").agent("calculator", name="calc")
    for n in range(3):
        for k in range(8):
            name = f"m{n}_{k}"
            assert home.call(later, name, 1).value == n + 1
            assert (f"def {name}(" in module.read_text()) == (k != 3)
            assert status(later, name).split()[2] == ("CACHED" if k == 3 else "PINNED")
    assert module.read_text().startswith("# mine\n") == edited
    assert sum(line.startswith("LIMIT") for line in module.read_text().split("\n")) == 3  # the same ones are shared
    home.sync()
    assert calc.m2_7(1) == 3
    assert not home.reviewer.seen[1:]


# ── what opens this very file ──


def test_getsource_tracebacks_and_the_debugger_show_the_file_after_an_edit(home, calc, module):
    changed(module, "    def double", "    # a line\n    # and one\n    def double")
    changed(module, "return n * FACTOR", "m = n\n        return m * FACTOR")
    changes(home, "accept")
    assert inspect.getsourcefile(calc.double) == str(module)
    assert inspect.getsource(calc.double) == "    def double(self, n):\n        m = n\n        return m * FACTOR\n"
    assert inspect.getsourcelines(calc.double)[1] == 12
    linecache.checkcache()
    with pytest.raises(TypeError) as caught:
        calc.double(None)
    assert traceback.extract_tb(caught.value.__traceback__)[-1].line == "return m * FACTOR"
    assert traceback.extract_tb(caught.value.__traceback__)[-1].lineno == 14
    linecache.clearcache()
    assert "return m * FACTOR" in "".join(traceback.format_exception(caught.value))


def test_a_traceback_shows_what_ran_while_an_edit_waits(home, calc, module):
    home.mode = "later"
    changed(module, "FACTOR = 2", "# moved\nFACTOR = 2")
    changed(module)
    changes(home)
    with pytest.raises(TypeError) as caught:
        calc.double(None)
    assert traceback.extract_tb(caught.value.__traceback__)[-1].line == "return n * FACTOR"


def test_a_kill_between_the_seal_and_the_file_leaves_what_was_pinned(tmp_path, home, calc, module, monkeypatch):
    before = module.read_bytes()
    calc.triple(2)
    write = pinning.replace_file

    def killed(path, text):
        if path == module:
            raise KeyboardInterrupt
        write(path, text)

    monkeypatch.setattr(pinning, "replace_file", killed)
    with pytest.raises(KeyboardInterrupt):
        pin(calc.triple)
    monkeypatch.undo()
    later = session(tmp_path, review=Person())
    again = later.agent("calculator", name="calc")
    assert (again.double(2), again.triple(2), module.read_bytes()) == (4, 6, before)
    assert later.reviewer.seen == later.reviewer.events == []
    pin(again.triple)
    last = session(tmp_path, review=Person())
    assert last.agent("calculator", name="calc").triple(2) == 6
    assert "def triple" in module.read_text()
    assert last.reviewer.seen == last.reviewer.events == []


def test_a_method_that_uses_super_works(home, calc, module):
    more = "\n    def shown(self):\n        return super().__repr__().upper()\n"
    module.write_text(module.read_text() + more)
    changes(home, "accept")
    assert calc.shown() == repr(calc).upper()
    changed(module, ".upper()", ".lower()")
    changes(home, "reject")
    assert calc.shown() == repr(calc).upper()


# ── autoreload ──


@pytest.mark.parametrize("mode", ["2", "3"])
def test_autoreload_does_not_run_what_nobody_has_checked(tmp_path, home, calc, module, mode, capsys, monkeypatch):
    ip = shell()
    ip.run_line_magic("load_ext", "autoreload")
    ip.run_line_magic("autoreload", mode)
    other = tmp_path / "beside_it.py"
    other.write_text("VALUE = 1\n")
    ip.push({"agent": calc})
    monkeypatch.syspath_prepend(tmp_path)
    ip.run_cell("import beside_it")
    ip.run_cell("import agent_modules.calc; agent.double(2)")
    harm = tmp_path / "harm"
    module.write_text(f"open({str(harm)!r}, 'w').close()\n" + module.read_text().replace("* FACTOR", "* 100"))
    other.write_text("VALUE = 1000\n")
    for file in (module, other):
        os.utime(file, (2_000_000_000, 2_000_000_000))
    ip.run_cell("found = beside_it.VALUE, agent.double(2)")
    assert ip.user_ns["found"] == (1000, 4)  # it is at work, and has not touched ours
    assert not harm.exists()
    assert "failed" not in capsys.readouterr().err
    del sys.modules["beside_it"]


def test_the_screen_says_where_the_change_was_made(home, calc, module):
    from agent_repl_ui.render import lines

    changed(module)
    [proposal] = changes(home, "accept")
    shown = [text for _, text in lines(proposal)]
    assert shown[0] == "calc.double · CHANGED (edited on disk)"
    assert any(text.startswith("+") and "n * FACTOR + 1" in text for text in shown)


def test_a_cell_begins_with_what_was_changed_on_disk(home, calc, module, monkeypatch):
    from agent_repl.session import use

    use(home)
    ip = shell()
    ip.run_line_magic("load_ext", "agent_repl")
    home.reviewer = Person("accept")
    ip.push({"calc": calc})
    changed(module)
    ip.run_cell("found = calc.double(2)")
    assert ip.user_ns["found"] == 5
    assert len(home.reviewer.seen) == 1
    ip.run_line_magic("unload_ext", "agent_repl")


def test_a_function_of_the_module_cannot_pass_for_the_method(tmp_path, home, calc, module):
    text = module.read_text()
    good = "def double(self, n):\n    return n * FACTOR\n\n\nclass Calc"
    module.write_text(text.replace("class Calc", good).replace("        return n * FACTOR", "        return 'other'"))
    assert [p.title for p in changes(home, "reject")] == ["calc.double"]
    assert calc.double(2) == 4
    assert session(tmp_path, review=Person()).agent("calculator", name="calc").double(2) == 4


def test_a_whole_file_that_is_gone_takes_nothing_away(tmp_path, home, calc, module):
    module.unlink()
    changes(home)
    assert "is not there any more" in says(home)
    assert calc.double(2) == 4
    pin(calc.double)
    assert module.read_text() == MADE
