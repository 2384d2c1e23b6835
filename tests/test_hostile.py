"""Data in a prompt is data: quoted, on one line, bounded; and a model that obeys it is stopped by the gate."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hostile import HOSTILE, MARK
from kit import session

from agent_repl import ScriptedProvider, open_session
from agent_repl.control import prompt
from agent_repl.records import Prompt

TEXTS = [pytest.param(text, id=name) for name, (text, _) in HOSTILE.items()]


def safe(text: str) -> str:
    """The text as a file or a table can hold it."""
    return text.encode("utf-8", "replace").decode()


def in_cells(folder: Path, text: str) -> Any:
    import csv

    with open(folder / "cells.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["name", "n"], *[[safe(text).replace("\0", "?"), "1"], ["Anna", "2"]] * 9])
    return {"path": str(folder / "cells.csv")}


def in_columns(folder: Path, text: str) -> Any:
    import csv

    with open(folder / "columns.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([[safe(text).replace("\0", "?"), "n"], *[["2024-01-15", "2"]] * 9])
    return {"path": str(folder / "columns.csv")}


def in_file_names(folder: Path, text: str) -> Any:
    name = safe(text).replace("\0", "").replace("/", "_").encode()[:200].decode(errors="ignore")
    (folder / "many").mkdir()
    (folder / "many" / f"{name}.csv").write_text("a,b\n1,2\n3,4\n")
    return {"folder": str(folder / "many"), "path": str(folder / "many" / f"{name}.csv")}


def in_json(folder: Path, text: str) -> Any:
    (folder / "a.json").write_text(json.dumps([{text: text, "in": {text: [text]}}]))
    return {"path": str(folder / "a.json")}


def in_a_log(folder: Path, text: str) -> Any:
    (folder / "a.log").write_text(f"2024-01-01 INFO {safe(text)}\n2024-01-02 INFO fine\n" * 20, encoding="utf-8")
    return {"path": str(folder / "a.log")}


def in_a_database(folder: Path, text: str) -> Any:
    name = safe(text).replace("\0", "")[:500].replace('"', '""')
    base = sqlite3.connect(folder / "a.db")
    base.execute(f'create table "{name}"("{name}" "{name}", n)')
    base.execute(f'insert into "{name}" values (?, 1)', (safe(text),))
    base.commit()
    return {"path": str(folder / "a.db"), "base": base}


def in_state(folder: Path, text: str) -> Any:
    return {
        "word": text,
        "rows": [{text: text}],
        "many": {text: 1, 2: 3},
        "kind": type(safe(text).replace("\0", ""), (), {})(),
    }


def in_frames(folder: Path, text: str) -> Any:
    pandas = pytest.importorskip("pandas")
    return {
        "frame": pandas.DataFrame({safe(text): [safe(text)]}),
        "series": pandas.Series([safe(text)], name=safe(text)),
    }


PLACES = [in_cells, in_columns, in_file_names, in_json, in_a_log, in_a_database, in_state, in_frames]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("place", PLACES)
def test_hostile_data_stands_in_quotes_on_one_line(tmp_path, place, text) -> None:
    home = session(tmp_path)
    agent = home.agent("reader of {word} and {path}", **{"word": text, "path": text, **place(tmp_path, text)})
    held(prompt(agent.total, text, [text], **{"flag": text, text: text}))


def held(sent: Prompt) -> None:
    said = sent.system + sent.user
    fences = re.findall(r"(?m)^[ \t]*(?:`{3}|~{3}).*$", said)
    assert fences == ["```python", "```"] * (len(fences) // 2)
    assert len(fences) <= 4  # those of two recipes
    assert not [char for char in said if not char.isprintable() and char != "\n"]
    assert len(said) < 30_000
    for line in said.splitlines():
        for found in re.finditer(MARK, line):
            before, after = line[: found.start()], line[found.end() :]
            assert re.search(r"['\"]", before), line
            assert re.search(r"['\"…]", after), line


def test_words_of_an_error_stand_on_one_line(tmp_path) -> None:
    raises = 'def total(self, name):\n    """Add."""\n    return getattr([], name)'
    for name in ("newlines", "a fence that closes", "escape codes", "line separators"):
        home = session(tmp_path / name.replace(" ", "_"), raises, "no", generation_retries=1)
        home.call(home.agent("reader"), "total", HOSTILE[name][0])
        told = home.provider.prompts[1].user.partition("It was:")[0]
        assert "it raised AttributeError: " in told
        held(Prompt("", told))


def test_code_that_holds_a_fence_cannot_end_its_block(tmp_path) -> None:
    code = 'def total(self, n):\n    """Add.\n\n```\nzq7\n```\n    """\n    return n + 1'
    home = session(tmp_path, f"````python\n{code}\n````")
    agent = home.agent("adder")
    agent.total(1)
    for sent in (prompt(agent.total, "x"), prompt(agent.other, 1)):
        fences = re.findall(r"(?m)^[ \t]*```.*$", sent.system + sent.user)
        assert fences == ["```python", "```"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_model_that_obeys_a_cell_is_flagged_and_never_run(tmp_path, name) -> None:
    text, body = HOSTILE[name]
    target = tmp_path / "canary"
    removes = any(word in body for word in ("remove", "rename", "rmtree"))
    if removes:
        target.mkdir()
    lines = [*body.replace("{canary}", str(target)).split("\n"), "return self.path"]
    code = "\n".join(["def total(self):", '    """Add."""', *(f"    {line}" for line in lines)])
    read: list[bool] = []

    def obey(sent: Prompt) -> str:
        read.append(MARK in sent.system)
        return f"```python\n{code}\n```"

    home = open_session(tmp_path / ".agent_repl", provider=ScriptedProvider(obey), review="auto", generation_retries=1)
    outcome = home.call(home.agent("reader", **in_cells(tmp_path, text)), "total")
    assert read == [True]
    assert outcome.error_type == "review_required", outcome.error
    assert "it is flagged" in str(outcome.error)
    assert target.exists() == removes
    assert not Path(f"{target}2").exists()


def test_orders_that_stand_outside_the_method_are_refused_before_anybody_is_asked(tmp_path) -> None:
    target = tmp_path / "canary"
    code = f"import os; os.system('touch {target}')\ndef total(self):\n    return 1"
    home = session(tmp_path, code, code, generation_retries=2)
    assert home.call(home.agent("reader"), "total").error_type == "invalid_code"
    assert not target.exists()
