"""`agent-repl doctor`: what is wrong is told and mended, and nothing that a person accepted or kept ever goes."""

from __future__ import annotations

import os
import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import pytest

from agent_repl import ScriptedProvider, open_session, pin
from agent_repl.cli import main
from agent_repl.records import Entry, Example, Key, Premise, Version
from agent_repl.stores.rows import sha256
from agent_repl.stores.signing import SigningKey, user_key
from agent_repl.stores.sqlite import SqliteStore

KEY = Key("CSV analyst", "total")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def opened(home: Path) -> SqliteStore:
    return SqliteStore(home, user_key())


def learnt(home: Path, source: str = "def total(self):\n    return 42\n") -> Entry:
    store = opened(home)
    store.claim(KEY.identity, "sales")
    version = store.judge(store.add(Version(KEY, source, "u", "model")), "accepted", "fine")
    entry = Entry(version, ((Premise("n", "int"),),), runs=1)
    store.put(entry)
    return entry


def draft(home: Path, source: str) -> Version:
    return opened(home).add(Version(KEY, source, "u", "model"))


def example(args: str, kept: bool = False) -> Example:
    return Example(KEY, 1, args, "{}", "42", "int", kept=kept)


def doctor(home: Path, *words: str) -> int:
    return main(["doctor", "--home", str(home), *words])


def query(home: Path, text: str) -> None:
    with sqlite3.connect(home / "store.sqlite3") as db:
        db.execute(text)
    db.close()


def everything(home: Path) -> dict[Path, bytes]:
    wal = ("store.sqlite3-shm", "store.sqlite3-wal")
    return {path: path.read_bytes() for path in home.rglob("*") if path.is_file() and path.name not in wal}


# ── what is wrong, how it is done, and what is said of it ──


def lose_the_database(home: Path) -> None:
    (home / "store.sqlite3").unlink()


def tear_the_database(home: Path) -> None:
    with open(home / "store.sqlite3", "r+b") as file:
        file.write(b"\xa5" * 64)


def make_it_old(home: Path) -> None:
    query(home, "DROP INDEX records_by_age")
    query(home, "ALTER TABLE records DROP COLUMN at")
    query(home, "PRAGMA user_version = 1")


def lose_a_row(home: Path) -> None:
    query(home, "DELETE FROM records WHERE kind = 'entry'")


def edit_a_row(home: Path) -> None:
    query(home, "UPDATE records SET data = replace(data, '42', '43') WHERE kind = 'version'")


def lose_the_copies(home: Path) -> None:
    for path in (home / "code").iterdir():
        path.unlink()


def edit_a_text(home: Path) -> None:
    next((home / "code").glob("*.py")).write_text("import os  # edited\n")


def tear_a_copy(home: Path) -> None:
    (home / "code" / f"{sha256(KEY.identity)}.json").write_text("[[")


def leave_a_seal(home: Path) -> None:
    (home / "seals").mkdir()
    (home / "seals" / "gone.json").write_text("{}")


def leave_a_lock(home: Path) -> None:
    with opened(home).lock(*KEY):
        pass
    aged(next((home / "locks").iterdir()))


def leave_a_torn_file(home: Path) -> None:
    (torn := home / "code" / ".abc.py.123-456").write_text("import o")
    aged(torn)


def aged(path: Path, days: float = 2) -> None:
    then = time.time() - days * 86_400
    os.utime(path, (then, then))


HARMS = {
    lose_the_database: "is made again (not there)",
    tear_the_database: "is made again (file is not a database)",
    make_it_old: "of schema 1",
    lose_a_row: "1 records were only in code/",
    edit_a_row: "1 records were only in code/",
    lose_the_copies: "records had no whole second copy",
    edit_a_text: "1 records had no whole second copy",
    tear_a_copy: "is damaged: set aside as",
    leave_a_seal: "seals/gone.json was about a file that is not there",
    leave_a_lock: "nobody holds the lock",
    leave_a_torn_file: ".abc.py.123-456 was never finished",
}


@pytest.mark.parametrize("harm", HARMS)
def test_what_is_wrong_is_told_and_mended(home: Path, harm, capsys) -> None:
    entry = learnt(home)
    harm(home)
    assert doctor(home) == 0
    assert HARMS[harm] in capsys.readouterr().out
    assert opened(home).entries(KEY.identity) == {"total": entry}
    assert doctor(home) == 0
    assert "mended" not in capsys.readouterr().out
    (home / "store.sqlite3").unlink()
    assert opened(home).entries(KEY.identity) == {"total": entry}
    assert opened(home).source_file(entry.version).read_text() == entry.version.source


@pytest.mark.parametrize("harm", [harm for harm in HARMS if harm is not leave_a_lock])
def test_a_dry_run_says_the_same_and_changes_nothing(home: Path, harm, capsys) -> None:
    learnt(home)
    harm(home)
    before = everything(home)
    assert doctor(home, "--dry-run", "--prune", "0", "--limit", "0") == 1
    assert HARMS[harm] in capsys.readouterr().out
    assert everything(home) == before


def test_a_sound_home_is_said_to_be_sound_with_what_it_holds(home: Path, capsys) -> None:
    learnt(home)
    assert doctor(home) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[0] == str(home)
    assert "1 agent, 1 entry, 1 head, 1 version" in said
    assert said.endswith("sound\n")


def test_where_there_is_no_store_nothing_is_made(home: Path, capsys) -> None:
    assert doctor(home) == 0
    assert "nothing to look at" in capsys.readouterr().out
    assert not home.exists()


def test_an_index_that_has_lost_its_rows_is_made_again_without_losing_one(home: Path, capsys) -> None:
    entry = learnt(home)
    opened(home).remember(example("[1]"))  # which has no second copy
    with sqlite3.connect(home / "store.sqlite3") as db:
        pages = dict(db.execute("SELECT name, rootpage FROM sqlite_master WHERE type = 'index'").fetchall())
    db.close()
    data = bytearray((home / "store.sqlite3").read_bytes())
    one, other = (4096 * (pages[name] - 1) for name in ("records_by_kind", "records_by_age"))
    data[one : one + 4096] = data[other : other + 4096]
    (home / "store.sqlite3").write_bytes(data)
    assert doctor(home) == 0
    assert opened(home).entries(KEY.identity) == {"total": entry}
    assert [found.args for found in opened(home).examples(KEY)] == ["[1]"]


def test_a_stranger_s_rows_are_counted_and_left(home: Path, capsys) -> None:
    learnt(home)
    SqliteStore(home, SigningKey(b"t" * 32)).add(Version(KEY, "# theirs", "u", "model"))
    assert doctor(home, "--prune", "0") == 0
    assert "not signed by you: they are left" in capsys.readouterr().out
    assert SqliteStore(home, SigningKey(b"t" * 32)).versions(KEY)[0].source == "# theirs"


@pytest.mark.parametrize("statement", ["PRAGMA user_version = 99", "PRAGMA application_id = 7"])
def test_what_is_not_ours_or_too_new_is_left_for_the_person(home: Path, statement: str, capsys) -> None:
    grown(home)
    query(home, statement)
    before = everything(home)
    assert doctor(home, "--prune", "0", "--limit", "0") == 1
    assert ("move it away" if "application" in statement else "upgrade") in capsys.readouterr().err
    assert everything(home) == before


def test_a_store_that_another_process_holds_is_told(home: Path, capsys, monkeypatch) -> None:
    learnt(home)
    monkeypatch.setattr("agent_repl_doctor.health.PATIENCE", 0.1)
    holder = sqlite3.connect(home / "store.sqlite3", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    assert doctor(home) == 1
    holder.close()
    assert "locked" in capsys.readouterr().err


def test_a_head_whose_code_is_nowhere_is_told(home: Path, capsys) -> None:
    learnt(home)
    lose_the_copies(home)
    query(home, "DELETE FROM records WHERE kind = 'version'")
    assert doctor(home) == 1
    assert "total of 'CSV analyst' has lost its code" in capsys.readouterr().out


# ── class files ──


@pytest.fixture
def pinned(home: Path) -> Path:
    reply = "```python\ndef add(self, a, b):\n    return a + b + self.factor\n```"
    agent = open_session(home, ScriptedProvider([reply]), "auto").agent("adder", factor=3)
    assert agent.add(10, 20) == 33
    return Path(pin(agent.add))


def test_a_class_file_as_a_pin_left_it_is_sound(home: Path, pinned: Path, capsys) -> None:
    assert doctor(home) == 0
    assert "modules/" not in capsys.readouterr().out


def test_a_class_file_that_was_edited_beside_its_methods_is_told(home: Path, pinned: Path, capsys) -> None:
    pinned.write_text(pinned.read_text() + "\n# a remark\n")
    assert doctor(home) == 0
    assert "modules/adder.py was changed outside agent_repl" in capsys.readouterr().out


@pytest.mark.parametrize("change", [Path.unlink, lambda path: path.write_text("class Adder:\n    pass\n")])
def test_a_class_file_that_lacks_a_pinned_method_is_left_with_the_way_to_write_it(home, pinned, change, capsys) -> None:
    change(pinned)
    assert doctor(home) == 1
    assert "%agent pin adder.add" in capsys.readouterr().out
    assert open_session(home, review="cached").agent("adder", factor=3).add(1, 2) == 6


# ── what goes, and what stays ──


def grown(home: Path) -> None:
    """Everything that must stay, and of each kind one thing that may go."""
    learnt(home)
    headed = learnt(home, "# once a head")
    opened(home).judge(headed.version, "rejected")
    checked = draft(home, "# a check")
    opened(home).remember(replace(example("[0]", kept=True), version=checked.number))
    draft(home, "# refused")
    draft(home, "# waits")
    opened(home).remember(example("[1]"))
    (home / "store.sqlite3.damaged-1").write_bytes(bytes(1000))


def held(home: Path) -> tuple[list[str], list[str], bool]:
    store = opened(home)
    sources = [version.source.splitlines()[0] for version in store.versions(KEY)]
    return sources, [found.args for found in store.examples(KEY)], (home / "store.sqlite3.damaged-1").exists()


LASTING = ["def total(self):", "# once a head", "# a check", "# waits"]


@pytest.mark.parametrize("words", [("--prune", "0"), ("--limit", "0"), ("--prune", "900", "--limit", "0")])
def test_what_was_accepted_or_kept_or_waits_stays_whatever_the_limit(home: Path, words, capsys) -> None:
    grown(home)
    aged(home / "store.sqlite3.damaged-1")
    doctor(home, *words)
    said = capsys.readouterr().out
    assert held(home) == (LASTING, ["[0]"], False)
    assert "dropped: 1 versions that nobody accepted or kept" in said
    assert ("more than 0 MB" in said) == ("--limit" in words)
    (home / "store.sqlite3").unlink()
    assert held(home) == (LASTING, ["[0]"], False)


@pytest.mark.parametrize("words", [(), ("--prune", "30"), ("--limit", "100"), ("--prune", "30", "--limit", "100")])
def test_nothing_young_goes_while_there_is_room(home: Path, words, capsys) -> None:
    grown(home)
    before = held(home)
    assert doctor(home, *words) == 0
    assert held(home) == before
    assert "dropped" not in capsys.readouterr().out


def test_the_oldest_go_first_and_no_more_than_is_needed(home: Path, capsys) -> None:
    learnt(home)
    for number in range(20):
        draft(home, f"# {number} {'x' * 20_000}")
    doctor(home)
    size = sum(path.stat().st_size for path in home.rglob("*") if path.is_file()) / 1e6
    assert doctor(home, "--limit", str(size * 0.6)) == 0
    numbers = [version.number for version in opened(home).versions(KEY)]
    assert numbers == [1, *range(numbers[1], 22)]
    assert 6 < numbers[1] < 14
    assert sum(path.stat().st_size for path in home.rglob("*") if path.is_file()) / 1e6 <= size * 0.6


def test_a_vacuum_gives_the_room_back(home: Path) -> None:
    learnt(home)
    for number in range(10):
        draft(home, f"# {number} {'x' * 20_000}")
    before = (home / "store.sqlite3").stat().st_size
    doctor(home, "--prune", "0")
    assert (home / "store.sqlite3").stat().st_size < before / 3


@pytest.mark.parametrize("words", [("--prune", "-1"), ("--limit", "nan"), ("--prune", "soon"), ("now",)])
def test_words_that_mean_nothing_are_refused(home: Path, words) -> None:
    learnt(home)
    with pytest.raises(SystemExit) as left:
        doctor(home, *words)
    assert left.value.code == 2
