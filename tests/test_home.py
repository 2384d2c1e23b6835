"""What a session is made of: its home, its settings, and what it says once."""

import subprocess
import sys
from pathlib import Path

import pytest
from kit import Person, session

from agent_repl import AgentError, open_session
from agent_repl.session.home import find_home, slug

DOUBLE = "def double(self, n):\n    return n * 2"


def test_the_nearest_home_upward_is_taken_as_far_as_the_repository(tmp_path: Path) -> None:
    (tmp_path / ".agent_repl").mkdir()
    (tmp_path / "project" / "src").mkdir(parents=True)
    assert find_home(tmp_path / "project" / "src", {}) == tmp_path / ".agent_repl"
    (tmp_path / "project" / ".git").mkdir()
    assert find_home(tmp_path / "project" / "src", {}) == tmp_path / "project" / "src" / ".agent_repl"


def test_a_home_that_others_may_write_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / ".agent_repl").mkdir()
    (tmp_path / ".agent_repl").chmod(0o777)
    (tmp_path / "project").mkdir()
    assert find_home(tmp_path / "project", {}) == tmp_path / "project" / ".agent_repl"


def test_a_project_may_only_tighten(tmp_path: Path) -> None:
    (tmp_path / ".agent_repl").mkdir()
    file = tmp_path / ".agent_repl" / "config.toml"
    file.write_text('policy = "strict"\nreview = "auto"\nmax_calls = 99\nrepairs = 1\nmodel = "another"\n')
    made = session(tmp_path, review="ask").settings
    assert (made.policy, made.review, made.max_calls, made.repairs, made.model) == ("strict", "ask", 20, 1, "")


def test_a_wrong_setting_names_its_place_and_the_choices(tmp_path: Path) -> None:
    with pytest.raises(AgentError, match=r"open_session: policy should be one of inform, strict, not 'lax'"):
        open_session(tmp_path / ".agent_repl", policy="lax")


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("CSV data analyst for {path}: messy dates", "csv_data_analyst"),
        ("calendar", "calendar_agent"),
        ("the class", "class_agent"),
        ("2nd opinion", "agent_2nd_opinion"),
        ("", "agent"),
    ],
)
def test_a_name_comes_from_the_words_and_hides_nothing(words: str, name: str) -> None:
    assert slug(words) == name


def test_what_the_store_has_to_say_is_told_once(tmp_path: Path) -> None:
    session(tmp_path, DOUBLE).agent("calculator").double(2)
    (tmp_path / ".agent_repl" / "store.sqlite3").write_bytes(b"no database at all, and long enough to be seen as one")
    person = Person()
    later = session(tmp_path, review=person)
    for words in ("calculator", "another", "calculator"):
        later.agent(words)
        later.store.notes.append("somebody else's row")
    told = [event.text for event in person.events]
    assert sum("set aside" in text for text in told) == 1
    assert told.count("somebody else's row") == 1


def test_opening_a_home_imports_only_what_it_uses(tmp_path: Path) -> None:
    code = f"""
import sys
from agent_repl import Agent, open_session
session = open_session({str(tmp_path / ".agent_repl")!r}, review="cached")
session.agent("calculator")
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    unwanted = {"tomllib", "importlib.metadata", "asyncio", "http", "urllib.request", "zipfile", "anthropic"}
    assert unwanted & set(done.stdout.split()) == set()
