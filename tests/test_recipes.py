"""How to read a table: the helpers that written code may call, made from the cells of the file."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from kit import session

from agent_repl.errors import InvalidCode
from agent_repl.records import Spec
from agent_repl.validate import validate
from agent_repl_data.recipes import recipe_for

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
        (["19,99 €", "7,25 €", "5.50 €"], [Decimal("19.99"), Decimal("7.25"), Decimal("5.50")]),
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
    import agent_repl as ar

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
