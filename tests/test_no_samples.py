"""With samples="none" no value leaves: canaries stand in everything that can hold one, and none is in any prompt.

What is structure and stays: names of state and parameters, columns, keys of dicts of up to 64 texts, tables, sheets,
classes, and the first row of a table of words alone, which could be its header. What is a person's own stays too: the
identity as it was written, feedback, and code.
"""

from __future__ import annotations

import enum
import json
import sqlite3
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from kit import Person, session

from agent_repl import Verdict, open_session
from agent_repl.control import prompt, revise

CANARY = "Zebra7Canary"
NUMBER = 7654321

RAISES = '''
def total(self, n, *rest, **more):
    """Add."""
    values = [n, rest, more, self.text]
    raise_for = {}
    return raise_for[str(values)]
'''
TOTAL = '''
def total(self, n, *rest, **more):
    """Add."""
    return str([n, rest, more])
'''
OPTION = '''
def total(self, n, *rest, **more):
    """Add."""
    return 1 if n == "Zebra7Canary" else [n, rest, more]
'''


class Colour(enum.Enum):
    RED = CANARY


def files(folder: Path) -> dict[str, str]:
    """A file of every kind with canaries in its content, in a folder of files whose names hold them."""
    records = [{"who": CANARY, "in": {"deep": [CANARY, NUMBER]}}] * 30
    contents = {
        "table.csv": f"who,n\n{CANARY},{NUMBER}\n{CANARY}b,2\n" * 30,
        "bare.csv": f"{CANARY},12\n{CANARY},13\n",
        "rows.json": json.dumps(records),
        "lines.jsonl": "\n".join(map(json.dumps, records)),
        "words.txt": f"{CANARY} hello {NUMBER}\n" * 30,
        "app.log": f"2024-01-01 INFO {CANARY}\n" * 300,
        "data.bin": f"\0{CANARY}",
        "keys.json": json.dumps({f"{CANARY}{n}": n for n in range(100)}),
    }
    for name, content in contents.items():
        (folder / name).write_text(content)
    with zipfile.ZipFile(folder / "sheet.xlsx", "w") as book:
        book.writestr("xl/workbook.xml", '<sheet name="S"/>')
        book.writestr("xl/worksheets/sheet1.xml", f"<row><c><v>{NUMBER}</v></c></row><row><c><v>{CANARY}</v></c></row>")
    base = sqlite3.connect(folder / "base.db")
    base.execute("create table t(who text)")
    base.execute("insert into t values (?)", (CANARY,))
    base.commit()
    base.close()
    (folder / "many").mkdir()
    (folder / "many" / f"{CANARY}.csv").write_text(f"who,n\n{CANARY},2\n")
    (folder / "many" / f"a.{CANARY}").touch()
    found = sorted(p for p in folder.iterdir() if p.name != ".agent_repl")
    return {f"path_{path.stem}": str(path) for path in found}


def state(folder: Path) -> dict[str, Any]:
    pandas, numpy = pytest.importorskip("pandas"), pytest.importorskip("numpy")
    base = sqlite3.connect(folder / "base.db")
    return {
        **files(folder),
        "text": CANARY,
        "number": NUMBER,
        "long": f"who,n\n{CANARY},2\n" * 300,
        "raw": CANARY.encode(),
        "rows": [{"who": CANARY, "n": [CANARY]}],
        "table": {"who": CANARY},
        "ids": {f"{CANARY}{n}": CANARY for n in range(100)},
        "pairs": {(CANARY, 1): CANARY},
        "names": {CANARY},
        "colour": Colour.RED,
        "frame": pandas.DataFrame({"who": [CANARY], "kind": pandas.Categorical([CANARY])}),
        "series": pandas.Series([CANARY], index=[CANARY], name="who"),
        "array": numpy.array([CANARY, CANARY]),
        "db": base,
        "error": ValueError(CANARY),
        "path": Path(CANARY),
    }


def told(home: Any) -> list[str]:
    return [sent.system + sent.user for sent in home.provider.prompts]


def clean(texts: list[str]) -> bool:
    return not [text for text in texts if CANARY.lower() in text.lower() or str(NUMBER) in text]


def call(home: Any, agent: Any) -> Any:
    return home.call(agent, "total", CANARY, [CANARY], NUMBER, who=CANARY, path=agent.path_table, more=(CANARY,))


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Makes a session and an agent in whose identity canaries are filled in."""
    monkeypatch.chdir(tmp_path)

    def make(*replies: str, **settings: Any) -> Any:
        settings = {"samples": "none", **settings}
        home = session(tmp_path, *replies, **settings)
        return home, home.agent("analyst of {text}, {path_table} and words.txt, {number}", **state(tmp_path))

    return make


def test_the_first_prompt_and_a_retry_hold_no_value(made):
    home, agent = made("no", "def other(self): pass", f"def total(self, n): return {CANARY!r}", generation_retries=3)
    call(home, agent)
    first, second, third = told(home)
    assert clean([first, second, third])
    assert "CSV file" in first
    assert "the file 'words.txt': text file" in first
    assert "analyst of {text}" in first
    assert "does not work" in third


def test_the_same_prompt_with_samples_is_full_of_them(made):
    home, agent = made("no", generation_retries=1, samples="some")
    call(home, agent)
    assert told(home)[0].count(CANARY) > 20


def test_a_repair_says_what_was_raised_and_where_and_no_value(made):
    home, agent = made(RAISES, TOTAL, TOTAL.replace("n, rest", "n, n, rest"), repairs=2)
    outcome = call(home, agent)
    assert outcome.status == "ok"
    assert "it raised KeyError\nline 5: return raise_for[str(values)]" in told(home)[1]
    assert clean(told(home))


def test_the_line_that_made_the_call_is_a_persons_and_is_not_told(tmp_path, monkeypatch):
    code = 'def total(self, n):\n    """Add."""\n    return {1: 2}[n]'
    repaired = code.replace("[n]", ".get(n)")
    home = session(tmp_path, code, repaired, samples="none", review=Person("accept", "accept"))
    agent = home.agent("adder")
    agent.total(1)
    with pytest.raises(KeyError) as raised:
        agent.total(7654321)
    monkeypatch.setattr(sys, "last_exc", raised.value, raising=False)
    revise(agent.total)
    assert "it raised KeyError\nline 3: return {1: 2}[n]" in told(home)[1]
    assert clean(told(home))


def test_a_failure_that_was_stored_with_values_is_cut_to_its_type(tmp_path, made):
    home, agent = made(RAISES, samples="some", review=Person("accept"))
    assert CANARY in str(call(home, agent).error)
    later = session(tmp_path, TOTAL, review=Person("accept"), samples="none")
    again = later.agent("analyst of {text}, {path_table} and words.txt, {number}", **vars(agent))
    call(later, again)
    assert "it raised KeyError\nIt was:" in told(later)[0]
    assert clean(told(later))


def test_a_persons_revision_and_an_extension_hold_no_value(made):
    wider = TOTAL.replace("str([n", "repr([n")
    feedback = Verdict("revise", feedback="use repr, please")
    person = Person(feedback, "accept", "accept", "accept", "accept")
    home, agent = made(TOTAL, wider, TOTAL.replace("str", "ascii"), wider, review=person)
    call(home, agent)
    revise(agent.total, "as ascii")
    home.call(agent, "total", [CANARY], {"k": CANARY})
    home.provider.prompts.append(prompt(agent.total, {CANARY}, 2))
    assert len(told(home)) >= 3
    assert "use repr, please" in told(home)[1]
    assert clean(told(home))


def test_which_constant_a_value_equals_is_not_told(tmp_path):
    code = (
        'def unit(self, name):\n    """A factor."""\n    return {"km": 1000, "mile": 1609}[name] if name != "m" else 1'
    )
    for samples, word in (("none", "a call of another kind"), ("some", "name is 'mile'")):
        home = open_session(tmp_path / samples / ".agent_repl", provider=made_of(code), review="auto", samples=samples)
        agent = home.agent("converter")
        agent.unit("km")
        assert word in prompt(agent.unit, "mile").user


def made_of(code: str) -> Any:
    from agent_repl import ScriptedProvider

    return ScriptedProvider([f"```python\n{code}\n```"])


def test_a_draft_that_raised_when_it_was_tried_is_told_by_its_type(made):
    home, agent = made(RAISES, TOTAL, review=Person("accept"))
    assert call(home, agent).status == "ok"
    assert clean(told(home))
