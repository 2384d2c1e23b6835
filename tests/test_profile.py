"""A profile shows every pattern in the data, little of the data, and nothing at all when no samples are wanted."""

import datetime
import json
import sqlite3
import tempfile
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
