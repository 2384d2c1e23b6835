"""A profile shows every pattern in the data, little of the data, and nothing at all when no samples are wanted."""

import datetime
import json
import sqlite3
import sys
import tempfile
import types
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_repl_data.profile import date_formats, profile, profile_file

MESSY = """date,product,region,quantity,unit_price
2024-01-15,Widget,North,10,29.99
01/22/2024,Gadget,South,,49.50
02/03/2024,Gadget,South,4,49.50
Feb 14 2024,Widget,east,5, 149.50
2024-02-20,Gizmo Pro,West,N/A,$19.99
"Mar 7, 2024",widget,,12,"1,299.00"
2024-03-09,Gizmo,South,3,9.99
TOTAL,,,37,
"""


@pytest.fixture
def messy(tmp_path: Path) -> Path:
    path = tmp_path / "sales.csv"
    path.write_text(MESSY)
    return path


def test_a_messy_table_shows_one_example_of_every_pattern(messy: Path) -> None:
    assert profile_file(messy, "self.path").splitlines() == [
        "self.path: CSV file, delimiter ',', 5 columns, 8 rows; header 'date,product,region,quantity,unit_price'",
        "  date: '2024-01-15' (%Y-%m-%d), '01/22/2024' (%m/%d/%Y), 'Feb 14 2024' (%b %d %Y), "
        "'Mar 7, 2024' (%b %d, %Y), 'TOTAL'",
        "  product: 'Widget', 'Gizmo Pro', 'widget', '' (1 empty)",
        "  region: 'North', 'east', '' (2 empty)",
        "  quantity: '10', 'N/A', '' (1 empty)",
        "  unit_price: '29.99', ' 149.50', '$19.99', '1,299.00', '' (1 empty)",
    ]


def test_a_messy_table_stays_small(messy: Path) -> None:
    assert len(profile_file(messy, "self.path")) < 600


@pytest.mark.parametrize(
    ("text", "formats"),
    [
        ("2024-01-15", ("%Y-%m-%d",)),
        ("22.1.2024", ("%d.%m.%Y",)),
        ("01/22/2024", ("%m/%d/%Y",)),
        ("01/02/2024", ("%m/%d/%Y", "%d/%m/%Y")),
        ("March 3, 2024", ("%B %d, %Y",)),
        ("3 Mar 2024", ("%d %b %Y",)),
        ("2024-01-15T10:30:00Z", ("%Y-%m-%dT%H:%M:%S%z",)),
        ("2024-01-15 10:30 PM", ("%Y-%m-%d %I:%M %p",)),
        ("13/13/2024", ()),
        ("1234567", ()),
        ("Widget 3", ()),
    ],
)
def test_a_date_is_given_with_the_format_that_reads_it(text: str, formats: tuple[str, ...]) -> None:
    assert date_formats(text) == formats


@given(st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2099, 1, 1)))
def test_a_named_format_reads_what_it_stands_beside(moment: datetime.datetime) -> None:
    for form in ("%Y-%m-%d", "%d/%m/%Y", "%b %d %Y", "%B %d, %Y", "%Y-%m-%d %H:%M:%S", "%d.%m.%Y"):
        text = moment.strftime(form)
        assert form in date_formats(text) or (form == "%B %d, %Y" and moment.month == 5)
        assert all(datetime.datetime.strptime(text, found) for found in date_formats(text))


def test_a_day_above_twelve_settles_which_comes_first() -> None:
    assert profile([{"d": "01/02/2024"}, {"d": "25/02/2024"}], "x").endswith("d: '25/02/2024' (%d/%m/%Y)")
    assert profile([{"d": "01/02/2024"}], "x").endswith("d: '01/02/2024' (%m/%d/%Y or %d/%m/%Y)")


def test_a_rare_pattern_is_kept_among_many() -> None:
    rows = [{"v": text} for text in ["1", "1.5", "-2", "$3", "4%", "(5)", "6 kg", "~7"] * 20 + ["N/A"]]
    assert "'N/A'" in profile(rows, "rows")


CANARY = "Zebra7Canary"


def holders(folder: Path) -> list[str]:
    """Profiles without samples of the same value in everything that can hold one."""
    pandas = pytest.importorskip("pandas")
    table = f"name,note\n{CANARY},{CANARY}\n{CANARY},x,{CANARY}\n" * 40
    records = [{"name": CANARY, "in": {"deep": [CANARY, {"x": CANARY}]}}] * 30
    contents = {
        "a.csv": table,
        "a.json": json.dumps(records),
        "a.jsonl": "\n".join(map(json.dumps, records)),
        "a.txt": f"{CANARY} hello\n" * 30,
        "b.json": json.dumps({f"{CANARY}{number}": 1 for number in range(100)}),
        "b.csv": f"{CANARY},12\n{CANARY},13\n",
    }
    for name, content in contents.items():
        (folder / name).write_text(content)
    (folder / CANARY).touch()
    base = sqlite3.connect(folder / "a.db")
    base.execute("create table t(a)")
    base.execute("insert into t values (?)", (CANARY,))
    base.commit()
    base.close()
    frame = pandas.DataFrame({"name": [CANARY] * 3})
    values = [
        CANARY,
        CANARY * 200,
        CANARY.encode(),
        Path(CANARY),
        records,
        {"a": CANARY},
        {CANARY: 1, 2: 3},
        frame,
        frame.name,
        table,
    ]
    files = [profile_file(folder / name, "f", samples=False) for name in (*contents, "a.db", ".")]
    return [*files, *(profile(value, "v", samples=False) for value in values)]


def test_without_samples_no_value_is_shown(tmp_path: Path) -> None:
    for text in holders(tmp_path):
        assert CANARY not in text
        assert CANARY[:6] not in text


def test_without_samples_the_structure_is_still_told(messy: Path) -> None:
    assert profile_file(messy, "f", samples=False) == "f: CSV file, delimiter ',', 5 columns; header " + repr(
        MESSY.split()[0]
    )
    assert profile([{"a": 1, "b": {"c": "x"}}], "v", samples=False) == 'v: list of 1, list[{"a": int, "b": {"c": str}}]'


def huge(folder: Path) -> dict[str, str]:
    return {
        "cells.csv": "a,b\n" + ("x" * 1_000_000 + ",1\n") * 2,
        "wide.csv": ",".join(f"column{number}" for number in range(5000)) + "\n" + ",".join(["N/A"] * 5000) + "\n",
        "long.csv": "id,day\n" + "".join(f"{number},02/{1 + number % 28:02}/2024\n" for number in range(200_000)),
        "long.json": json.dumps([{"id": number, "text": "y" * 200} for number in range(5000)]),
        "wide.json": json.dumps({f"key{number}": {"a": number} for number in range(5000)}),
        "line.txt": "word " * 200_000,
        "names.csv": ",".join("n" * 2000 + str(number) for number in range(20)) + "\n" + ",".join("1" * 20) + "\n",
    }


def test_a_profile_is_bounded_whatever_the_size(tmp_path: Path) -> None:
    for name, content in huge(tmp_path).items():
        path = tmp_path / name
        path.write_text(content)
        assert len(profile_file(path, "f")) < 2500, name
        assert len(profile(content, "f")) < 2500, name


def test_a_large_table_says_that_it_was_read_in_part_and_sees_its_end(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text("id,day\n" + "1,2024-01-02\n" * 100_000 + "TOTAL,\n")
    text = profile_file(path, "f")
    assert "read in part" in text
    assert "'TOTAL'" in text


def test_an_encoding_that_shows_late_is_still_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"name,n\n" + b"Anna,1\n" * 20_000 + "Jörg,2\n".encode("cp1252"))
    assert "encoding 'cp1252'" in profile_file(path, "f")


def test_json_is_shown_by_the_paths_to_its_values(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"meta": {"n": 3}, "items": [{"id": 1, "on": "2024-01-02"}, {"id": null}]}')
    assert profile_file(path, "f").splitlines() == [
        "f: JSON file",
        "  meta.n: 3",
        "  items[].id: 1, None (1 missing)",
        "  items[].on: '2024-01-02' (%Y-%m-%d)",
    ]


def test_a_frame_shows_dtypes_and_patterns() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"n": [1, -2], "when": ["2024-01-15", None]})
    text = profile(frame, "df")
    assert text.startswith("df: pandas.DataFrame, 2 rows\n  n (int64): 1, -2\n  when (")
    assert "'2024-01-15' (%Y-%m-%d), " in text
    assert text.endswith("(1 missing)")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "v: int, 3"),
        (" km", "v: str, ' km'"),
        (None, "v: None, None"),
        ([1, "a"], "v: list of 2, list[int|str]\n  items: 1, 'a'"),
        ({}, "v: {}"),
        (object(), "v: object"),
    ],
)
def test_a_plain_value_is_shown_by_kind_and_repr(value: object, text: str) -> None:
    assert profile(value, "v") == text


def test_nothing_of_an_unknown_object_is_run() -> None:
    def refuse(self: object, *args: object) -> Any:
        raise AssertionError("the value was called")

    hostile = type("Hostile", (), dict.fromkeys(["__repr__", "__eq__", "__len__", "__getattr__", "__hash__"], refuse))
    for value in (hostile(), [hostile()], {"a": hostile()}, [{"a": hostile()}]):
        assert "Hostile" in profile(value, "v")


@given(st.binary(max_size=300), st.sampled_from(["a.csv", "a.json", "a.txt", "a.jsonl", "a.xlsx", "a.db"]))
def test_no_file_is_too_damaged_for_a_profile(content: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for damaged in (content, b"SQLite format 3\0" + content, b"PK\3\4" + content, b'{"a": ' + content):
            (Path(folder) / name).write_bytes(damaged)
            assert "cannot be read" not in profile_file(Path(folder) / name, "f")


def test_a_missing_file_and_a_directory_are_said_to_be_so(tmp_path: Path) -> None:
    assert profile_file(tmp_path / "none.csv", "f") == "f: missing file"
    (tmp_path / "a.csv").touch()
    assert profile_file(tmp_path, "f").splitlines()[0] == "f: directory, 1 entries: 1 .csv; such as 'a.csv'"


# ── what is no text ──


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    base = sqlite3.connect(path)
    base.execute("create table orders(id integer, day text, note blob)")
    base.execute("create view big as select * from orders where id > 5")
    base.executemany("insert into orders values (?, ?, ?)", [(n, f"2024-01-{n:02}", None) for n in range(1, 13)])
    base.commit()
    base.close()
    return path


def test_a_database_is_told_by_tables_columns_types_and_patterns(shop: Path) -> None:
    assert profile_file(shop, "f").splitlines() == [
        "f: SQLite file, tables and views: 2",
        "  table orders(id INTEGER, day TEXT, note BLOB), 12 rows",
        "  orders.id: 1",
        "  orders.day: '2024-01-01' (%Y-%m-%d)",
        "  orders.note: None (12 missing)",
        "  view big(id INTEGER, day TEXT, note BLOB)",
    ]
    assert [file.name for file in shop.parent.iterdir()] == ["shop.db"]


def test_a_table_of_very_many_rows_is_counted_up_to_a_bound(tmp_path: Path) -> None:
    base = sqlite3.connect(tmp_path / "a.db")
    base.execute(
        "create table t as with recursive n(i) as (select 1 union select i + 1 from n limit 120000) select i from n"
    )
    base.commit()
    base.close()
    assert "100000 rows or more" in profile_file(tmp_path / "a.db", "f")


def test_a_connection_is_told_by_its_schema_and_runs_no_factory_or_converter(shop: Path) -> None:
    def refuse(*args: object) -> Any:
        raise AssertionError("the person's code was run")

    sqlite3.register_converter("TEXT", refuse)
    with sqlite3.connect(shop, detect_types=sqlite3.PARSE_DECLTYPES) as base:
        base.row_factory = refuse
        assert profile(base, "self.db").splitlines()[:2] == [
            "self.db: sqlite3.Connection",
            "  table orders(id INTEGER, day TEXT, note BLOB)",
        ]
        base.text_factory = refuse
        assert profile(base, "self.db") == "self.db: sqlite3.Connection"
    sqlite3.converters.pop("TEXT")
    base.close()
    assert profile(base, "self.db") == "self.db: sqlite3.Connection"


def test_excel_is_told_by_its_sheets_and_the_first_row(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as book:
        book.writestr(
            "xl/workbook.xml", '<workbook><sheets><sheet name="Q1 &amp; Q2" sheetId="1"/></sheets></workbook>'
        )
        book.writestr(
            "xl/sharedStrings.xml", "<sst><si><t>day</t></si><si><r><t>to</t></r><r><t>tal</t></r></si></sst>"
        )
        cells = (
            '<c r="A1" t="s"><v>0</v></c><c r="B1"/><c r="C1" t="s"><v>1</v></c><c t="inlineStr"><is><t>x</t></is></c>'
        )
        book.writestr("xl/worksheets/sheet1.xml", f'<sheetData><row r="1">{cells}</row><row/></sheetData>')
    assert profile_file(tmp_path / "a.xlsx", "f").splitlines() == [
        "f: Excel file, sheets: 'Q1 & Q2'",
        "  first row of the first sheet: 'day', 'total', 'x'",
    ]


def test_parquet_names_what_reads_it_where_that_is_not_installed(tmp_path: Path) -> None:
    if find_spec("pyarrow"):
        pytest.skip("pyarrow is installed")
    (tmp_path / "a.parquet").write_bytes(b"PAR1\0\0PAR1")
    assert profile_file(tmp_path / "a.parquet", "f") == "f: Parquet file (pyarrow, which reads it, is not installed)"


def test_parquet_is_told_by_the_schema_in_its_footer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in of the one function that is asked, since pyarrow is rarely installed here."""
    (tmp_path / "pyarrow").mkdir()
    (tmp_path / "pyarrow" / "__init__.py").touch()
    (tmp_path / "pyarrow" / "parquet.py").write_text(
        "from types import SimpleNamespace as N\n"
        "columns = N(names=['day', 'total'], types=['date32[day]', 'double'])\n"
        "def read_metadata(path): return N(num_rows=3, schema=N(to_arrow_schema=lambda: columns))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "pyarrow"]:
        monkeypatch.delitem(sys.modules, name)
    (tmp_path / "a.parquet").write_bytes(b"PAR1\0\0PAR1")
    shown = profile_file(tmp_path / "a.parquet", "f").splitlines()
    assert shown == ["f: Parquet file, 2 columns, 3 rows", "  day: date32[day]", "  total: double"]
    for name in ("pyarrow", "pyarrow.parquet"):
        sys.modules.pop(name, None)


def test_an_arrow_table_is_told_by_its_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in with the members of pyarrow's table that are asked."""
    made = types.ModuleType("pyarrow")
    table = type("Table", (), {"__module__": "pyarrow", "num_rows": 2, "slice": lambda self, at, n: self})
    table.schema = types.SimpleNamespace(names=["n"], types=["int64"])
    table.to_pydict = lambda self: {"n": [1, None]}
    made.Table = table
    monkeypatch.setitem(sys.modules, "pyarrow", made)
    assert profile(table(), "t").splitlines()[1:] == ["  n: 1, None (1 missing)"]
    assert "2 rows" in profile(table(), "t")


def test_an_array_shows_its_patterns() -> None:
    numpy = pytest.importorskip("numpy")
    text = profile(numpy.array([1.5, float("nan"), -2.0]), "a")
    assert text.splitlines() == ["a: ndarray[float64, 1d], shape (3,)", "  values: 1.5, -2.0, nan (1 missing)"]
    assert profile(numpy.array([1.5]), "a", samples=False) == "a: ndarray[float64, 1d], shape (1,)"


def test_a_log_shows_the_shapes_of_its_lines_and_the_rare_one(tmp_path: Path) -> None:
    lines = [f"2024-01-01 10:00:{n % 60:02} INFO user {n} logged in from 10.0.0.{n}" for n in range(300)]
    lines[150:150] = ["2024-01-01 10:00:00 ERROR disk full: /dev/sda1", "Traceback (most recent call last):"]
    (tmp_path / "a.log").write_text("\n".join(lines))
    assert profile_file(tmp_path / "a.log", "f").splitlines() == [
        "f: text file",
        "  '2024-01-01 10:00:00 INFO user 0 logged in from 10.0.0.0' (300 lines)",
        "  '2024-01-01 10:00:00 ERROR disk full: /dev/sda1'",
        "  'Traceback (most recent call last):'",
    ]


def test_a_directory_counts_what_is_in_it_and_tells_its_tables(tmp_path: Path) -> None:
    for month in ("jan", "feb"):
        (tmp_path / f"{month}.csv").write_text("day,total\n2024-01-02,3\n2024-01-03,4\n")
    (tmp_path / "old").mkdir()
    assert profile_file(tmp_path, "f").splitlines() == [
        "f: directory, 3 entries: 2 .csv, 1 directory; such as 'feb.csv', 'jan.csv', 'old'",
        "  tables in it: csv;,(day,total)",
    ]


def test_what_is_a_secret_by_its_name_is_told_by_kind(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("name,password\nAnna,zebra-7\nBert,lion-8\n")
    assert "zebra" not in profile_file(tmp_path / "a.csv", "f")
    assert profile("zebra-7-stripes", "self.api_key") == "self.api_key: str"


def test_a_class_that_calls_itself_int_is_not_shown() -> None:
    def refuse(self: object) -> str:
        raise AssertionError("its code was run")

    liar = type("int", (), {"__module__": "builtins", "__repr__": refuse})
    zone = type("Zone", (datetime.tzinfo,), {"__repr__": refuse, "utcoffset": refuse})
    moment = datetime.datetime(2024, 1, 2, tzinfo=zone())
    assert profile(liar(), "v") == "v: int"
    assert profile([moment, liar()], "v").startswith("v: list of 2")
    assert profile(10**5000, "v") == "v: int"
