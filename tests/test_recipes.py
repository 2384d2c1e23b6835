"""How to read a table: the helpers that written code may call, made from the cells of the file."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from kit import session

import agent_repl as ar
from agent_repl.errors import InvalidCode
from agent_repl.records import Spec
from agent_repl.validate import validate
from agent_repl_data.recipes import apart, recipe_for

ALL = "def all(self):\n    return _rows(self.path)\n"


def rows_of(path: Path) -> list[dict[str, Any]]:
    """What `_rows` answers when validated code calls it."""
    recipe = recipe_for(str(path), "self.path")
    assert recipe is not None
    code = validate(ALL, Spec("all", state=frozenset({"path"}), helpers=recipe.helpers))
    scope: dict[str, Any] = {}
    exec(code.source, scope)
    return scope["all"](type("Box", (), {"path": str(path)})())


def read(tmp_path: Path, text: str) -> list[dict[str, Any]]:
    file = tmp_path / "table.csv"
    file.write_bytes(text.encode())
    return rows_of(file)


def column(tmp_path: Path, *cells: str) -> list[Any]:
    """What becomes of these cells, which stand in one column."""
    text = "key;cell\n" + "".join(f"k{i};{cell}\n" for i, cell in enumerate(cells))
    return [row["cell"] for row in read(tmp_path, text)]


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1", " 2", "-3", "N/A", ""], [1, 2, -3, None, None]),
        (["1.5", "2", "-0.25", "ERR"], [1.5, 2.0, -0.25, None]),
        (["19.99", " 5.00 ", "149.50"], [Decimal("19.99"), Decimal("5.00"), Decimal("149.50")]),
        (["$1,234.50", "$9.99", "n/a"], [Decimal("1234.50"), Decimal("9.99"), None]),
        (["1.234,50 €", "7,00 €", "offen"], [Decimal("1234.50"), Decimal("7.00"), None]),
        (["1 234,5", "2,25"], [Decimal("1234.5"), Decimal("2.25")]),
        (["-12,50 EUR", "3,00 EUR"], [Decimal("-12.50"), Decimal("3.00")]),
        (["12%", "7%"], [Decimal(12), Decimal(7)]),
        (["00123", "04711"], ["00123", "04711"]),
        (["A-1", "B-2"], ["A-1", "B-2"]),
        (["12 Main St", "3 Elm St"], ["12 Main St", "3 Elm St"]),
        (["yes", " no ", ""], ["yes", "no", ""]),
        (["1.5", "nan", "2"], [1.5, None, 2.0]),
        (["1 200", "3 400"], [Decimal(1200), Decimal(3400)]),
        (["1", "2", "3", "4", "1,200"], [Decimal(n) for n in (1, 2, 3, 4, 1200)]),
        (["1", "2", "3", "4", "0.5"], [1.0, 2.0, 3.0, 4.0, 0.5]),
        (["$1.00", "$2.00", "$3.00", "$4.00", "(4.50)"], [*map(Decimal, ("1.00", "2.00", "3.00", "4.00")), None]),
        (["$1.00", "$2.00", "$3.00", "$4.00", "10 or 12"], [*map(Decimal, ("1.00", "2.00", "3.00", "4.00")), None]),
        (["19.99 €", "7.25 €", "5,50 €"], [Decimal("19.99"), Decimal("7.25"), None]),
        (["19,99 €", "7,25 €", "5.50 €"], [Decimal("19.99"), Decimal("7.25"), None]),
        (["2024-01-31 10:30", "2024-02-01 11:45"],
         [dt.datetime(2024, 1, 31, 10, 30), dt.datetime(2024, 2, 1, 11, 45)]),
        (["2024-01-31", "2024-02-01 11:45"], [dt.date(2024, 1, 31), dt.date(2024, 2, 1)]),
        (["31/01/2024", "25/12/2024", "01/31/2024", "01/02/2024"],
         [dt.date(2024, 1, 31), dt.date(2024, 12, 25), dt.date(2024, 1, 31), dt.date(2024, 2, 1)]),
        (["2024-01-31", "Feb 14 2024", "12/31/2024", "soon"],
         [dt.date(2024, 1, 31), dt.date(2024, 2, 14), dt.date(2024, 12, 31), None]),
    ],
)  # fmt: skip
def test_cells_become_what_they_mean(tmp_path: Path, cells: list[str], values: list[Any]) -> None:
    found = column(tmp_path, *cells)
    assert found == values
    assert list(map(type, found)) == list(map(type, values))


def test_short_long_and_blank_lines_lose_nothing(tmp_path: Path) -> None:
    found = read(tmp_path, "a,b\n1,2\n3\n\n4,5,6\n")
    assert found == [{"a": 1, "b": 2}, {"a": 3, "b": None}, {"a": 4, "b": 5}]


def test_a_file_in_another_encoding_is_read_in_it(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("naïve,n\nJürgen,€ 2.00\n".encode("cp1252"))
    assert rows_of(tmp_path / "t.csv") == [{"naïve": "Jürgen", "n": Decimal("2.00")}]


@pytest.mark.parametrize(
    "text",
    [
        "a,a,b\n1,2,3\n",
        "a,,b,\n1,2,3,4\n",
        "\na,b\n1,2\n",
        "a,b\n",
        ",".join(f"c{i}" for i in range(40)) + "\n" + ",".join("1" * 40) + "\n",
        f"a,{'x' * 90}\n1,2\n",
    ],
    ids=["two of a name", "two without a name", "a blank line first", "no row", "wide", "a very long name"],
)
def test_a_table_that_would_lose_something_as_dicts_has_no_helpers(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    assert recipe_for(str(tmp_path / "t.csv"), "self.path") is None


def test_a_column_is_found_whatever_letters_its_name_has(tmp_path: Path) -> None:
    name = "\N{MAN}\u200d\N{WOMAN} n"
    assert read(tmp_path, f"{name},b\n1,2\n") == [{name: 1, "b": 2}]


def test_two_files_of_an_agent_have_helpers_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("n,day\n1,2024-01-02\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("price;day\n$1,200.00;31/01/2024\n", encoding="utf-8")
    one = "def one(self):\n    return [row['day'] for row in _rows(self.a)]\n"
    both = "def both(self):\n    return [row['day'] for row in _rows(self.a) + _rows_2(self.b)]\n"
    home = session(tmp_path, one, both)
    agent = home.agent("tables", a=str(tmp_path / "a.csv"), b=str(tmp_path / "b.csv"))
    assert agent.one() == [dt.date(2024, 1, 2)]
    assert agent.both() == [dt.date(2024, 1, 2), dt.date(2024, 1, 31)]
    prompt = home.provider.prompts[0]
    assert "`_rows_2(self.b)` is there already" in prompt.system
    assert "calling _rows_2(self.b)" in prompt.user


def test_only_a_text_is_offered_whole_too_and_state_may_be_called_like_a_helper(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("n,day\n1,2024-01-02\n", encoding="utf-8")
    (tmp_path / "a.txt").write_text("to whom it may concern\nyours\n", encoding="utf-8")
    (tmp_path / "b.txt").write_bytes("caf\xe9 au lait\nth\xe9\n".encode("latin-1"))
    (tmp_path / "c.jsonl").write_text('{"n": 1}\n{"n": 2}\n', encoding="utf-8")
    files = ("self.order_lines", "t.csv"), ("self.a", "a.txt"), ("self.my_lines", "b.txt"), ("self.c", "c.jsonl")
    found = [recipe_for(str(tmp_path / name), where) for where, name in files]
    table, first, second, records = apart(filter(None, found))
    assert table.calls == "_rows(self.order_lines)"
    assert records.calls == "_records(self.c)"
    assert first.calls == "_lines(self.a) or _text(self.a)"
    assert second.calls == "_lines_3(self.my_lines) or _text_3(self.my_lines)"
    assert set(second.helpers) == {"_lines_3", "_text_3"}


def test_what_comes_later_in_another_form_is_none_and_no_error(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("n,day\n1,2024-01-02\n2,2024-01-03\n", encoding="utf-8")
    assert rows_of(file)[0] == {"n": 1, "day": dt.date(2024, 1, 2)}
    recipe = recipe_for(str(file), "self.path")
    file.write_text("n,day\nx,yesterday\n", encoding="utf-8")
    assert recipe is not None
    scope: dict[str, Any] = {}
    code = validate(ALL, Spec("all", state=frozenset({"path"}), helpers=recipe.helpers))
    exec(code.source, scope)
    assert scope["_rows"](file) == [{"n": None, "day": None}]


def test_the_helpers_that_are_called_come_along_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("n,day\n1,2024-01-02\n2,2024-01-03\n", encoding="utf-8")
    home = session(tmp_path, "def count(self):\n    return len(_rows(self.path))\n", "def two(self):\n    return 2\n")
    agent = home.agent("table", path=str(tmp_path / "t.csv"))
    assert (agent.count(), agent.two()) == (2, 2)
    assert "def _date(text)" in ar.source(agent.count)
    assert "_rows" not in ar.source(agent.two)


def test_code_that_reads_through_a_helper_is_guarded_by_the_files_columns(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("n\n1\n2\n", encoding="utf-8")
    home = session(tmp_path, *["def total(self):\n    return sum(r['n'] for r in _rows(self.path))\n"] * 2)
    agent = home.agent("table", path=str(file))
    assert agent.total() == 3
    file.write_text("n\n1\n2\n3\n", encoding="utf-8")
    assert (agent.total(), len(home.provider.prompts)) == (6, 1)
    file.write_text("m,n\n9,1\n9,2\n", encoding="utf-8")
    agent.total()
    assert len(home.provider.prompts) == 2


def test_where_no_value_may_be_sent_no_form_of_one_is(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("n,day\n1,2024-01-02\n", encoding="utf-8")
    home = session(tmp_path, "def f(self):\n    return 1\n", samples="none")
    home.agent("table", path=str(tmp_path / "t.csv")).f()
    assert "_rows" not in home.provider.prompts[0].system


def later(tmp_path: Path, before: str, now: str) -> Any:
    """What helpers that were made for the first text make of the other one."""
    file = tmp_path / "table.csv"
    file.write_text(f"key;cell\nk;{before}\n", encoding="utf-8")
    recipe = recipe_for(str(file), "self.path")
    assert recipe is not None
    file.write_text(f"key;cell\nk;{now}\n", encoding="utf-8")
    scope: dict[str, Any] = {}
    exec(validate(ALL, Spec("all", state=frozenset({"path"}), helpers=recipe.helpers)).source, scope)
    return scope["_rows"](file)[0]["cell"]


def test_one_cell_in_another_form_does_not_change_how_the_others_are_read(tmp_path: Path) -> None:
    assert column(tmp_path, "1,234.50", "2.25", "1,23") == [Decimal("1234.50"), Decimal("2.25"), None]


DRIFTED = [
    ("1,234.50", "1.234,50"), ("1,234.50", "1.234"), ("1,234.50", "1,23"), ("1,234.50", "5 kg"),
    ("1,234.50", "(5.00)"), ("1.234,50", "1,234.50"), ("1.234,50", "1234.50"), ("1.234,50", "12 34"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "now"), DRIFTED)
def test_a_number_of_another_form_is_none_and_never_a_wrong_number(tmp_path: Path, before: str, now: str) -> None:
    assert later(tmp_path, before, now) is None


@pytest.mark.parametrize(
    ("before", "now", "value"),
    [
        ("1,234.50", "-$5", -5), ("1,234.50", "$ -1,234", -1234), ("1,234.50", "12,34,567.5", Decimal("1234567.5")),
        ("1,234.50", ".5", Decimal("0.5")), ("1.234,50", "1 234,5 €", Decimal("1234.5")),
        ("1,500.125", "0.125", Decimal("0.125")),
    ],
)  # fmt: skip
def test_a_number_of_the_same_form_is_read_whatever_stands_around_it(
    tmp_path: Path, before: str, now: str, value: Any
) -> None:
    assert later(tmp_path, before, now) == value


def test_a_few_fractions_among_whole_numbers_are_not_lost(tmp_path: Path) -> None:
    assert column(tmp_path, "10", "12.5", "20", "7.5") == [10, 12.5, 20, 7.5]
    assert column(tmp_path, "1 234", "5 678") == [1234, 5678]
    assert column(tmp_path, "1.5", "nan", "2") == [1.5, None, 2]


COLUMN = "def all(self):\n    return [row['cell'] for row in _rows(self.path)]\n"
HEAD = "key;cell\n"


def second_file(tmp_path: Path, first: str, second: str, code: str = COLUMN) -> tuple[Any, int]:
    """What another agent of the identity answers for another file, and how often the model was asked."""
    files = [tmp_path / "first.csv", tmp_path / "second.csv"]
    for file, cells in zip(files, (first, second), strict=True):
        file.write_text(HEAD + "".join(f"k;{cell}\n" for cell in cells.split("|")), encoding="utf-8")
    home = session(tmp_path, code, code)
    one, other = (home.agent("table", path=str(file)) for file in files)
    one.all()
    return other.all(), len(home.provider.prompts)


@pytest.mark.parametrize(
    ("first", "second", "answer"),
    [
        ("13/04/2024|01/02/2024", "04/13/2024|03/04/2024", [dt.date(2024, 4, 13), dt.date(2024, 3, 4)]),
        ("1,234.50|3.00", "1.234,50|3,00", [Decimal("1234.50"), Decimal(3)]),
        ("1|2", "1.5|2", [1.5, 2]),
        ("n/a|n/a", "1|2", [1, 2]),
        ("$1.50|$2.25", "$1.125|$2", [Decimal("1.125"), Decimal(2)]),
    ],
)
def test_a_file_whose_cells_are_of_other_forms_has_code_written_for_it(
    tmp_path: Path, first: str, second: str, answer: list[Any]
) -> None:
    assert second_file(tmp_path, first, second) == (answer, 2)


@pytest.mark.parametrize(
    ("first", "second", "answer"),
    [
        ("13/04/2024|01/02/2024", "03/04/2024", [dt.date(2024, 4, 3)]),
        ("1.50|2.25", "1|2", [1, 2]),
        ("1|2", "n/a|3", [None, 3]),
        ("1.234,50|3,00", "7|8,5", [7, Decimal("8.5")]),
    ],
)
def test_a_file_that_the_helpers_read_right_is_served(
    tmp_path: Path, first: str, second: str, answer: list[Any]
) -> None:
    assert second_file(tmp_path, first, second) == (answer, 1)


def test_a_column_that_the_code_does_not_ask_for_asks_no_model(tmp_path: Path) -> None:
    keys = "def all(self):\n    return [row['key'] for row in _rows(self.path)]\n"
    assert second_file(tmp_path, "1|2", "1.5|2", keys) == (["k", "k"], 1)


def test_a_draft_that_waits_is_not_shown_for_a_file_of_other_forms(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text(HEAD + "k;13/04/2024\nk;01/02/2024\n", encoding="utf-8")
    home = session(tmp_path, COLUMN, COLUMN, review="later")
    agent = home.agent("table", path=str(file))
    for text in ("k;13/04/2024\nk;01/02/2024\n", "k;04/13/2024\nk;01/02/2024\n"):
        file.write_text(HEAD + text, encoding="utf-8")
        with pytest.raises(ar.ReviewRequired):
            agent.all()
    assert len(home.provider.prompts) == 2


def test_two_tables_have_helpers_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("k;n\na;1\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("z,day\nb,2024-01-02\n", encoding="utf-8")
    home = session(tmp_path, "def both(self):\n    return [_rows(self.a), _rows_2(self.b)]\n")
    agent = home.agent("tables", a=str(tmp_path / "a.csv"), b=str(tmp_path / "b.csv"))
    assert agent.both() == [[{"k": "a", "n": 1}], [{"z": "b", "day": dt.date(2024, 1, 2)}]]
    assert "for row in _rows_2(self.b)" in home.provider.prompts[0].system
    assert len(agent.both()) == 2
    assert len(home.provider.prompts) == 1


def test_two_tables_of_one_kind_share_their_helpers(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("k;n\na;1\n", encoding="utf-8")
    home = session(tmp_path, "def both(self):\n    return _rows(self.a) + _rows(self.b)\n")
    assert len(home.agent("tables", a=str(tmp_path / "a.csv"), b=str(tmp_path / "b.csv")).both()) == 2


def test_the_second_table_of_an_agent_is_guarded_by_its_own_helpers(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("k;n\na;1\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("z,day\nb,13/04/2024\n", encoding="utf-8")
    days = "def days(self):\n    return [row['day'] for row in _rows_2(self.b)]\n"
    home = session(tmp_path, days, days)
    agent = home.agent("tables", a=str(tmp_path / "a.csv"), b=str(tmp_path / "b.csv"))
    assert agent.days() == agent.days() == [dt.date(2024, 4, 13)]
    assert len(home.provider.prompts) == 1
    (tmp_path / "b.csv").write_text("z,day\nb,04/13/2024\nb,03/04/2024\n", encoding="utf-8")
    assert agent.days() == [dt.date(2024, 4, 13), dt.date(2024, 3, 4)]


def test_the_lines_of_a_text_are_read_in_its_encoding(tmp_path: Path) -> None:
    (tmp_path / "t.log").write_bytes("Jürgen came\nn\x0cext\n".encode("cp1252"))
    recipe = recipe_for(str(tmp_path / "t.log"), "self.path")
    assert recipe is not None
    scope: dict[str, Any] = {}
    exec("\n".join(recipe.helpers.values()), scope)
    assert scope["_lines"](tmp_path / "t.log") == ["Jürgen came", "n\x0cext"]


def test_the_next_writer_sees_who_calls_the_helpers_and_not_their_code(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("n,day\n1,2024-01-02\n", encoding="utf-8")
    home = session(tmp_path, "def count(self):\n    return len(_rows(self.path))\n", "def two(self):\n    return 2\n")
    agent = home.agent("table", path=str(tmp_path / "t.csv"))
    assert (agent.count(), agent.two()) == (1, 2)
    seen = home.provider.prompts[1].system
    assert "return len(_rows(self.path))" in seen
    assert "def _" not in seen


def test_advice_names_the_helpers_of_each_file(tmp_path: Path) -> None:
    helpers = {"_rows": "def _rows(path): ...", "_cell": "def _cell(text): ...", "_rows_2": "def _rows_2(path): ..."}
    spec = Spec("all", state=frozenset({"a", "b"}), helpers=helpers, paths={"self.b": "b.csv"})
    with pytest.raises(InvalidCode, match=r"read it with _rows\(\.\.\.\) or _rows_2\(\.\.\.\)"):
        validate("def all(self):\n    return [line for line in self.b]\n", spec)
