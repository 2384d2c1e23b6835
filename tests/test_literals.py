"""Plain values as Python text: what is read again is the same."""

import ast
import datetime
from decimal import Decimal
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from agent_repl_data.copies import Copies, kept_out
from agent_repl_data.literals import call_text, imports_for, is_steady, literal, texts_in
from agent_repl_data.plain import encode

LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers()
    | st.dates() | st.datetimes(timezones=st.none() | st.just(datetime.UTC)) | st.timedeltas()
    | st.times() | st.decimals(allow_nan=False) | st.text("abc/.", min_size=1).map(Path)
)  # fmt: skip
KEYS = st.text() | st.integers() | st.tuples(st.integers(), st.text())
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(KEYS, inner) | st.frozensets(KEYS)
    | st.sets(KEYS),
    max_leaves=12,
)  # fmt: skip
SCOPE = {"datetime": datetime, "Decimal": Decimal, "Path": Path}


@given(VALUES)
def test_the_text_of_a_plain_value_is_that_value(value):
    text = literal(value, {})
    assert encode(eval(text, dict(SCOPE)), 1 << 20) == encode(value, 1 << 20)
    used = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
    assert used - {"float", "complex", "set", "frozenset"} <= {line.split()[-1] for line in imports_for(used)}


def test_what_is_long_is_broken_into_lines():
    value = {"rows": [{"name": "x" * 30, "n": n} for n in range(3)], "k": 1}
    assert literal(value, {}, 4) == (
        '{\n        "rows": [\n'
        + "".join(f'            {{"name": "{"x" * 30}", "n": {n}}},\n' for n in range(3))
        + '        ],\n        "k": 1,\n    }'
    )


def test_paths_are_called_as_they_are_told():
    names = {"/far/a.csv": "a.csv", "b.csv": "b.csv"}
    assert literal(["/far/a.csv", "read /far/a.csv", Path("/far/a.csv"), "my b.csv"], names) == (
        '["a.csv", "read a.csv", Path("a.csv"), "my b.csv"]'
    )


def test_a_call_with_words_that_are_no_names():
    assert call_text("a.m", [1, "x"], {"n": 2, "class": 3, "two words": 4}, {}) == (
        'a.m(1, "x", n=2, **{"class": 3, "two words": 4})'
    )


def test_only_what_is_shown_the_same_every_time_is_steady():
    assert is_steady({"a": [1, 2.5, ("x", True)]})
    assert not any(map(is_steady, [None, {1}, [{1}], b"x", object()]))


def test_texts_are_found_wherever_they_are():
    assert set(texts_in({"a": [Path("b"), ("c", {"d"})], 1: {"e": 2}})) == {"a", "b", "c", "d", "e"}


def test_files_of_one_name_are_taken_along_under_two(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a/x.txt", "b/x.txt", "x.txt"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(name)
    copies = Copies()
    for path in (f"{tmp_path}/a/x.txt", f"{tmp_path}/b/x.txt", "b/x.txt", "../x.txt".replace("..", "a/..")):
        copies.take(path)
    assert copies.names == {
        f"{tmp_path}/a/x.txt": "x.txt",
        f"{tmp_path}/b/x.txt": "2_x.txt",
        "b/x.txt": "b/x.txt",
        "a/../x.txt": "3_x.txt",
    }
    assert {name: held.decode() for name, held in copies.files.items()} == {
        "x.txt": "a/x.txt", "2_x.txt": "b/x.txt", "b/x.txt": "b/x.txt", "3_x.txt": "x.txt",
    }  # fmt: skip


def test_what_is_not_taken_along_says_why(tmp_path):
    (tmp_path / "big").write_bytes(b"x" * 1_000_001)
    (tmp_path / "small").write_bytes(b"x" * 1_000_000)
    assert kept_out(str(tmp_path / "small")) == ""
    assert "more than 1 MB" in kept_out(str(tmp_path / "big"))
    assert "a folder" in kept_out(str(tmp_path))
