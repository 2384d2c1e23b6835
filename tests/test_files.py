"""Files are known by format and header."""

import json
import os
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_repl.signature import looks_like_path, sniff, sniff_text

HEADER = "date,product,region,quantity,unit_price"
ROWS = "2024-01-15,Widget,North,10,29.99\n01/22/2024,Gadget,,N/A, 149.50\nTOTAL,,,10,\n"


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("a.csv", f"{HEADER}\n{ROWS}", f"csv;,({HEADER})"),
        ("a.txt", f"{HEADER}\n{ROWS}", f"csv;,({HEADER})"),
        ("a.csv", "name;price\nA;1,5\nB;2,5\n", "csv;;(name,price)"),
        ("a.tsv", "a\tb\n1\t2\n", "tsv(a,b)"),
        ("a.csv", "region,2023,2024\nNorth,1,2\n", "csv;,(region,2023,2024)"),
        ("a.csv", "Alice,23\nBob,35\n", "csv;,(2 columns, no header)"),
        ("a.csv", "Sales report\n\na,b,c\n1,2,3\n4,5,6\n", "csv;,(3 columns, no header)"),
        ("a.csv", "\ufeffa,b\n1,2\n", "csv;,;utf-8-sig(a,b)"),
        ("a.csv", "größe,b\n1,2\n".encode("cp1252"), "csv;,;cp1252(größe,b)"),
        ("a.csv", 'id," price (net)"\n1,2\n', 'csv;,(id," price (net)")'),
        ("a.csv", "name\nAlice\n", "csv;,(name)"),
        ("a.csv", "", "csv;,()"),
        ("a.json", '{"b": 1, "a": [1]}', "json(a,b)"),
        ("a.json", '[{"a": 1}, {"b": 2}]', "json([a,b])"),
        ("a.jsonl", '{"a": 1}\n{"b": 2}\n', "jsonl(a,b)"),
        ("a.json", json.dumps({str(number): 1 for number in range(100)}), 'json("*")'),
        ("a.json", '{"a": ', "text.json"),
        ("a.log", "2024-01-01 10:00:00,123 started\n2024-01-01 10:00:01,456 done\n", "text.log"),
        ("notes.txt", "Dear all, hello\nthis, that, and more\n", "text.txt"),
        ("a.py", "a, b = 1, 2\nc, d = 3, 4\n", "text.py"),
        ("a.xlsx", b"PK\3\4\0\0", "binary.xlsx"),
        ("a.png", b"\x89PNG\r\n\x1a\n\0\0", "binary.png"),
    ],
)
def test_a_file_is_its_format_and_header(tmp_path: Path, name: str, content: str | bytes, text: str) -> None:
    assert sniff(written(tmp_path, name, content)).signature == text


def test_what_is_not_a_file_is_named_and_raises_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    shut = written(tmp_path, "shut.csv", "a,b\n")
    shut.chmod(0)
    assert sniff(tmp_path).signature == "directory"
    assert sniff(tmp_path / "none.csv").signature == "missing"
    assert sniff(tmp_path / "pipe").signature == "special"
    assert sniff("bad\0name").signature == "unreadable"
    assert sniff(shut).signature == ("unreadable" if os.getuid() else "csv;,(a,b)")


def test_a_database_is_its_tables_and_columns(tmp_path: Path) -> None:
    base = sqlite3.connect(tmp_path / "shop.db")
    base.execute("create table orders(id, total)")
    base.execute("insert into orders values (1, 'secret')")
    base.commit()
    base.close()
    assert sniff(tmp_path / "shop.db").signature == 'sqlite("orders(id,total)")'
    assert os.listdir(tmp_path) == ["shop.db"]


cells = st.text(st.characters(codec="utf-8", exclude_characters=',\n\r"\0', categories=("L", "N", "Zs")), max_size=8)


@given(st.lists(st.tuples(cells, cells, cells), min_size=3, max_size=20))
def test_content_below_the_header_never_changes_the_signature(rows: list[tuple[str, str, str]]) -> None:
    text = "day,product,price\n" + "".join(f"{','.join(row)}\n" for row in rows)
    assert sniff_text(text, ".csv").signature == "csv;,(day,product,price)"


def test_a_large_file_is_known_too(tmp_path: Path) -> None:
    rows = [{"id": number, "name": "x" * 50} for number in range(5000)]
    assert sniff(written(tmp_path, "a.json", json.dumps(rows))).signature == "json([id,name])"
    assert sniff(written(tmp_path, "a.csv", "id,name\n" + "1,xxxxx\n" * 50_000)).signature == "csv;,(id,name)"


def test_a_second_look_does_not_open_the_file_and_a_change_does(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "a,b\n1,2\n")
    first = sniff(path)
    assert sniff(path) is first
    written(tmp_path, "a.csv", "a,b,c\n1,2,3\n")
    assert sniff(path).columns == ("a", "b", "c")


def test_only_a_name_that_is_there_looks_like_a_path(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "a,b\n")
    assert looks_like_path(path)
    assert looks_like_path(str(path))
    assert looks_like_path(str(tmp_path))
    for value in ("", "north of nowhere", "a\nb", "a\0b", "x" * 5000, 3, None, tmp_path / "none"):
        assert not looks_like_path(value)
