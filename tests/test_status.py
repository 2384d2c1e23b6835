"""What a person reads of a cell: a dim line before each written method, and what else ran after it."""

from __future__ import annotations

import locale
import time
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import kit
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import agent_repl
from agent_repl import Session, control, pin
from agent_repl.session import use
from agent_repl_ui.status import Tally, tally, watch, will_run
from agent_repl_ui.words import install

TOTAL = '''
def total(self):
    """Add them up."""
    with open(self.path) as file:
        return sum(int(line) for line in file)
'''
CLEAN = "def clean(self, row):\n    return row.strip()\n"
SUM_UP = "def sum_up(self):\n    return [self.clean(row) for row in (' a', 'b ')]\n"
SAVE = "def save(self, text):\n    with open('out.txt', 'w') as file:\n        file.write(text)\n"
LINE = "sales.total · CACHED v1 · accepted {today} · reads sales.csv"


def today() -> str:
    now = datetime.now()
    return f"{now.day} {now:%b}"


class Screen:
    """A shell that is watched, and a person who reads what it prints."""

    def __init__(self, capsys, session: Session, **names) -> None:
        config = Config()
        config.HistoryManager.enabled = False
        config.InteractiveShell.colors = "nocolor"
        self.ip, self._capsys = InteractiveShell(config=config), capsys
        self.ip.user_ns.update(names)
        self.undo = watch(self.ip)

    def __call__(self, cell: str, **options) -> list[str]:
        """The lines that a cell printed, but for the answers of calls."""
        self._capsys.readouterr()
        self.ip.run_cell(cell, **options)
        printed = self._capsys.readouterr().out.splitlines()
        return [line for line in printed if line and not line.startswith("Out[")]


@pytest.fixture
def session(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("sales.csv").write_text("1\n2\n")
    made = kit.session(tmp_path, TOTAL, CLEAN, SUM_UP, SAVE, review=kit.Person(*["accept"] * 9), show="line")
    use(made)
    yield made
    made.close()


@pytest.fixture
def sales(session):
    """An agent with two accepted methods."""
    agent = session.agent("adder of {path}", name="sales", path="sales.csv")
    assert (agent.total(), agent.clean(" a")) == (3, "a")
    return agent


@pytest.fixture
def screen(capsys, session, sales):
    return Screen(capsys, session, sales=sales)


# ── before a cell ──


def test_a_call_of_a_written_method_is_told_before_it_runs(screen):
    assert screen("print('here')\nsales.total()") == [LINE.format(today=today()), "here"]


def test_a_line_for_the_agent_is_told_as_the_call_that_it_is(screen, session, monkeypatch):
    name, by_day = "```\nsum_by_day\n```", "```python\ndef sum_by_day(self):\n    return 3\n```"
    session.provider = agent_repl.ScriptedProvider([name, by_day])
    monkeypatch.setattr(session.reviewer, "answers", ["accept"])
    undo = install(screen.ip)
    assert screen("sales: the sum of each day") == []
    assert screen("sales: the sum of each day") == [f"sales.sum_by_day · CACHED v1 · accepted {today()}"]
    undo()


def test_two_calls_of_one_method_are_one_line(screen):
    assert screen("x = sales.total() + sales.total()") == [LINE.format(today=today())]


def test_lines_stand_in_the_order_of_running(screen):
    first, second = screen("x = str(sales.clean(str(sales.total())))")
    assert (first.split(" ")[0], second.split(" ")[0]) == ("sales.total", "sales.clean")


SEEN = {
    "a loop": "for _ in range(1): sales.total()",
    "a comprehension": "x = [sales.total() for _ in range(1)]",
    "a lambda": "x = (lambda: sales.total())()",
    "a magic": "%time sales.total()",
    "a magic with options": "%timeit -n 1 -r1 sales.total()",
    "a magic's result": "x = %time sales.total()",
    "a magic in a loop": "for _ in range(1):\n    %time sales.total()",
    "a cell magic": "%%time\nsales.total()",
    "a command": "!echo {sales.total()}",
    "a command's output": "x = !echo {sales.total()}",
    "a function that the cell defines and calls": "def new():\n    return sales.total()\nx = new()",
    "await": "async def soon(x): return x\nx = await soon(sales.total())",
    "another name": "other.total()",
}


@pytest.mark.parametrize("how", SEEN)
def test_a_call_is_seen_in(screen, how):
    screen.ip.user_ns["other"] = screen.ip.user_ns["sales"]
    assert LINE.format(today=today()) in screen(SEEN[how])
    assert not any(line.startswith("also ran") for line in screen(SEEN[how]))


@pytest.mark.parametrize(
    "cell",
    [
        "sales.total",
        "sales.total?",
        "sales.total??",
        "sales: 'total()'",
        "1 + ",
        "sales.total(",
        "%%capture\nsales.total()",
        "%%writefile x.py\nsales.total()\nx = f'{sales.total()}'",
        "# sales.total()",
        "'sales.total()'",
        "def later():\n    return sales.total()",
        "!echo '}{' {",
        "!echo {0",
        "%agent show sales.total()",
        "sales.path.upper()",
        "nobody.total()",
        "[].append(3)",
        "",
        "\x00",
    ],
)
def test_no_line_is_written_for(screen, cell):
    assert not [line for line in screen(cell) if line.startswith(("sales.total", "also ran"))]


def test_a_cell_of_a_tool_prints_nothing(screen):
    assert screen("x = sales.total()", store_history=False, silent=True) == []


@pytest.mark.parametrize(("cell", "lines"), [("%time sales.total()", 1), ("sales.total('", 0)])
def test_an_ipython_that_does_not_tell_the_transformed_cell_is_asked_for_it(screen, capsys, cell, lines):
    capsys.readouterr()
    screen.ip.events.trigger("pre_run_cell", SimpleNamespace(raw_cell=cell))
    assert len(capsys.readouterr().out.splitlines()) == lines


def test_a_method_that_is_not_written_is_left_to_the_review(screen, session):
    assert screen("x = sales.sum_up()") == ["also ran: sales.clean · CACHED v1 · 2 times"]
    assert len(session.reviewer.seen) == 3


def test_a_person_s_functions_are_looked_into(screen):
    screen("def inner():\n    return [sales.clean(' a') for _ in range(1)]")
    screen("def outer():\n    return (lambda: inner())()")
    assert screen("x = outer()") == [f"sales.clean · CACHED v1 · accepted {today()}"]


def test_a_function_with_hundreds_of_names_is_looked_into_to_its_end(screen):
    rows = "\n".join(f"    name{n}.attribute{n}" for n in range(200))
    screen(f"def long(first):\n    if first:\n        return sales.clean(' a')\n{rows}\n    sales.total()")
    assert [line.split(" · ")[0] for line in screen("x = long(True)")] == ["sales.clean", "sales.total"]


def test_functions_that_call_each_other_end(screen):
    screen("def a(deep=False):\n    return b() if deep else sales.total()")
    screen("def b():\n    return a()")
    assert screen("x = b()") == [LINE.format(today=today())]


def test_a_name_that_the_cell_binds_itself_is_told_after_it(screen):
    for cell in ("for sales in [sales]:\n    sales.total()", "x = (lambda sales: sales.total())(sales)"):
        (line,) = screen(cell)
        assert line.startswith("also ran: sales.total · C")


def test_state_and_what_an_object_has_are_no_methods_of_ours(screen, session, sales):
    screen.ip.user_ns["hidden"] = session.agent("adder of {path}", path="sales.csv", total=lambda: 3)
    screen.ip.user_ns["rows"] = session.agent("adder of {path}", wraps=["a"], path="sales.csv")
    assert screen("x = hidden.total()") == []
    assert screen("x = rows.index('a')") == []
    assert screen("x = rows.total()") == [LINE.format(today=today())]


def test_what_a_wrapped_object_has_is_its_own_though_a_method_is_called_so(tmp_path):
    home = kit.session(tmp_path, "def index(self, row):\n    return row\n")
    plain = home.agent("keeper of rows", name="rows")
    plain.index(3)
    wrapping = home.agent("keeper of rows", wraps=["a"])
    assert will_run("x.index(3)", {"x": plain}) == [(plain, "index")]
    assert will_run("x.index('a')", {"x": wrapping}) == []


def test_seeing_asks_nobody_and_runs_nothing(session, sales):
    class Loud:
        def __getattr__(self, name):
            raise RuntimeError(f"{name} was read")

        __eq__ = __hash__ = __bool__ = None  # type: ignore[assignment]

    assert will_run("loud.total()\nloud()\nsales.total()\n", {"loud": Loud(), "sales": sales}) == [(sales, "total")]
    assert len(session.provider.prompts) == 2


# ── after a cell ──


def test_runs_of_a_loop_are_counted_after_it(screen):
    before, after = screen("for row in ['a '] * 1200: sales.total()")
    assert (before, after) == (LINE.format(today=today()), "sales.total · CRYSTALLIZED v1 · 1,200 times at least")


@pytest.mark.parametrize(
    "cell", ["getattr(sales, 'total')()", "held = [sales]; held[0].total()", "[f() for f in [sales.total]]"]
)
def test_what_the_text_did_not_show_is_told_after_it(screen, cell):
    assert screen(f"x = {cell}" if ";" not in cell else cell) == ["also ran: sales.total · CACHED v1"]


def test_what_a_cell_did_run_is_told_after_it_raised(screen):
    printed = screen("held = [sales]\nheld[0].total()\n1/0")
    assert printed[-1] == "also ran: sales.total · CACHED v1"


def test_a_capturing_cell_s_calls_are_not_told_by_the_next(screen):
    screen("%%capture\ngetattr(sales, 'total')()")
    assert screen("x = 1") == []


def test_many_methods_are_told_in_a_few_lines(tmp_path, capsys):
    names = [f"method_{letter}" for letter in "abcdefgh"]
    home = kit.session(
        tmp_path, *[f"def {n}(self):\n    return '{n}'\n" for n in names], review=kit.Person(*["accept"] * 8)
    )
    use(home)
    many = home.agent("many", name="many")
    for name in names:
        home.call(many, name)
    printed = Screen(capsys, home, many=many, names=names)("x = [getattr(many, n)() for n in names]")
    lines = [line for line in printed if line.startswith("also ran: ")]
    assert (len(lines), lines[-1]) == (6, "also ran: 3 more methods")


# ── what is shown ──


def shown(session: Session, show: str) -> None:
    session.settings = kit.open_session(session.store.home, review="cached", show=show).settings


def test_off_prints_nothing_and_counts_all_the_same(screen, session):
    shown(session, "off")
    assert screen("x = [getattr(sales, 'total')() for _ in range(2)]") == []
    assert tally(screen.ip) == Tally(2, 2)


def test_code_that_a_person_reviewed_is_not_shown_again(capsys, session, sales):
    screen = Screen(capsys, session, sales=sales)
    shown(session, "code")
    screen("new = sales.sum_up()")
    assert screen("x = sales.sum_up()")[0] == f"sales.sum_up · CACHED v1 · accepted {today()}"
    assert not any("def " in line for line in screen("x = sales.sum_up()"))


def test_stored_code_is_shown_with_its_source_when_it_is_first_served(capsys, session, sales, tmp_path):
    tomorrow = kit.session(tmp_path, review=kit.Person())
    use(tomorrow)
    screen = Screen(capsys, tomorrow, sales=tomorrow.agent("adder of {path}", path="sales.csv"))
    assert screen("x = sales.total()") == [LINE.format(today=today()), *TOTAL.strip().splitlines()]
    assert screen("x = sales.total()") == [LINE.format(today=today())]


def test_code_that_no_person_reviewed_is_shown_once_it_ran(capsys, tmp_path):
    home = kit.session(tmp_path, CLEAN, review="auto")
    home.reviewer = kit.Person()
    use(home)
    screen = Screen(capsys, home, sales=home.agent("cleaner", name="sales"))
    printed = screen("x = sales.clean(' a')")
    assert printed == ["also ran: sales.clean · CACHED v1 · not reviewed", *CLEAN.splitlines()]
    assert screen("x = sales.clean(' a')") == [f"sales.clean · CACHED v1 · accepted {today()}"]


def test_a_method_that_was_reviewed_is_not_said_to_be_unreviewed_when_it_ran_more_than_once(capsys, tmp_path):
    home = kit.session(tmp_path, CLEAN, review=kit.Person("accept"))
    use(home)
    screen = Screen(capsys, home, sales=home.agent("cleaner", name="sales"))
    assert screen("x = [each.clean(' a') for each in (sales, sales)]") == [
        "also ran: sales.clean · CACHED v1 · 2 times"
    ]


def test_nothing_is_printed_where_nobody_reads(screen, session):
    session.reviewer.can_ask = False
    assert screen("x = sales.total()\nheld = [sales]\nheld[0].clean(' a')") == []


def test_a_file_whose_name_moves_the_cursor_is_told_by_its_state(screen, session):
    Path("a\x1b[2J\nb.csv").write_text("1\n")
    screen.ip.user_ns["odd"] = session.agent("adder of {path}", path="a\x1b[2J\nb.csv")
    assert screen("x = odd.total()")[0].endswith("reads self.path")


def test_what_is_no_file_is_told_by_its_name_and_other_effects_are_named(screen, session, sales):
    assert control.status(session.agent("adder of {path}", path="not/here.csv").total).endswith("reads self.path")
    sales.save("text")
    assert control.status(sales.save).endswith(f"accepted {today()} · writes")


def test_a_path_object_is_told_by_its_name_too(session, sales, tmp_path):
    assert control.status(session.agent("adder of {path}", path=tmp_path / "sales.csv").total).endswith("sales.csv")
    assert str(tmp_path) not in control.status(session.agent("adder of {path}", path=str(tmp_path)).total)


def test_a_pinned_method_is_told_and_counted_by_the_text(screen, sales):
    pin(sales.total)
    assert screen("x = [sales.total() for _ in range(9)]") == [LINE.format(today=today()).replace("CACHED", "PINNED")]
    assert tally(screen.ip) == Tally(1, 1)


def test_a_pinned_call_in_a_capturing_cell_is_counted_once(screen, sales):
    pin(sales.total)
    screen("%%capture\nsales.total()")
    assert tally(screen.ip) == Tally(1, 1)


def test_a_path_that_is_not_opened_is_state_like_any_other(session, sales):
    session.provider = kit.ScriptedProvider([kit.fenced("def say(self):\n    return self.path.upper()\n")])
    sales.say()
    assert control.status(sales.say).endswith("reads self.path")


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone cannot be set here")
def test_a_day_is_that_of_this_place(monkeypatch):
    monkeypatch.setenv("TZ", "JST-9")
    time.tzset()
    try:
        assert control._day("2019-11-02T20:00:00+00:00") == "3 Nov 2019"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_days_are_written_as_people_write_them_in_any_locale():
    this_year = datetime.now().year
    for name in ("de_DE.UTF-8", "C.UTF-8"):
        try:
            locale.setlocale(locale.LC_TIME, name)
        except locale.Error:
            continue
        assert control._day(f"{this_year}-11-03T12:00:00+00:00") == "3 Nov"
        assert control._day(f"{this_year}-05-31T12:00:00+00:00") == "31 May"
        assert control._day("2019-11-03T12:00:00+00:00") == "3 Nov 2019"
    locale.setlocale(locale.LC_TIME, "C")


# ── the tally ──


def test_hits_are_calls_that_needed_no_model(screen):
    assert tally(screen.ip) == Tally(0, 0)
    screen("x = sales.total()")
    assert tally(screen.ip) == Tally(1, 1)
    screen("x = sales.sum_up()")  # is written now, and calls clean twice
    assert tally(screen.ip) == Tally(4, 3)


def test_code_that_serves_a_new_kind_of_call_unchanged_is_a_hit(tmp_path, capsys):
    home = kit.session(tmp_path, "def double(self, n):\n    return n * 2\n", review=kit.Person(*["accept"] * 3))
    use(home)
    calc = home.agent("calculator", name="calc")
    screen = Screen(capsys, home, calc=calc)
    screen("x = calc.double(2)")
    screen("x = calc.double(2.5)")
    assert (tally(screen.ip), len(home.provider.prompts)) == (Tally(2, 1), 1)


def test_a_shell_that_is_not_watched_has_an_empty_tally_and_hooks_are_taken_back(screen):
    screen("x = sales.total()")
    before = {event: len(hooks) for event, hooks in screen.ip.events.callbacks.items()}
    screen.undo()
    after = {event: len(hooks) for event, hooks in screen.ip.events.callbacks.items()}
    assert (tally(screen.ip), tally(object())) == (Tally(), Tally())
    assert (before["pre_run_cell"] - after["pre_run_cell"], before["post_run_cell"] - after["post_run_cell"]) == (1, 1)
    assert screen("x = sales.total()") == []


def test_a_method_that_was_forgotten_and_is_written_again_goes_on_counting(screen, session):
    screen("x = sales.total()")
    control.forget(screen.ip.user_ns["sales"].total)
    session.provider = kit.ScriptedProvider([kit.fenced(TOTAL.replace("sum(", "-sum("))])
    screen("x = sales.total()")
    assert tally(screen.ip) == Tally(2, 1)


# ── in a kernel ──


GROW = """
from agent_repl import ScriptedProvider, open_session
from agent_repl.session import use
reply = "```python\\ndef answer(self):\\n    return 6 * 7\\n```"
use(open_session("{home}", provider=ScriptedProvider([reply])))
%load_ext agent_repl
deep = %agent deep thought
"""


def test_lines_in_a_notebook(tmp_path):
    pytest.importorskip("ipykernel")
    from jupyter_client.manager import start_new_kernel
    from test_notebook_review import run

    manager, client = start_new_kernel()
    try:
        run(client, GROW.format(home=tmp_path / ".agent_repl"), [])
        run(client, "deep.answer()", ["a"])
        line = f"deep_thought.answer · CACHED v1 · accepted {today()}\n"
        assert run(client, "print(deep.answer())", [])["text"] == [line + "42\n"]
        again = "".join(run(client, "print([getattr(deep, 'answer')() for _ in range(1)])", [])["text"])
        assert again == "[42]\nalso ran: deep_thought.answer · CRYSTALLIZED v1\n"
        assert run(client, "%%capture\ndeep.answer()", [])["text"] == []
        assert run(client, "print(deep.answer())")["text"] == ["42\n"]  # nobody is there to read
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
