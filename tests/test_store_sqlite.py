"""The store on disk when things go wrong: nothing that was acknowledged is lost, and nothing foreign is loaded."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from threading import Barrier, Thread, Timer, get_ident

import pytest

from agent_repl.errors import StoreError
from agent_repl.records import Entry, Example, Key, Premise, Version
from agent_repl.stores import memory
from agent_repl.stores import sqlite as module
from agent_repl.stores.rows import sha256
from agent_repl.stores.signing import SigningKey
from agent_repl.stores.sqlite import SqliteStore

connect = sqlite3.connect
OURS, THEIRS = SigningKey(b"o" * 32), SigningKey(b"t" * 32)
KEY = Key("CSV analyst", "total")
SOURCE = "def total(self):\n    return 41 + 1\n"

WRITER = """
import sys
from pathlib import Path
from agent_repl.records import Key, Version
from agent_repl.stores.signing import SigningKey
from agent_repl.stores.sqlite import SqliteStore
store = SqliteStore(Path(sys.argv[1]), SigningKey(b"o" * 32), patience=60)
for turn in range(int(sys.argv[3])):
    version = store.add(Version(Key("CSV analyst", "total"), f"# {sys.argv[2]} {turn}", "u", "model"))
    print(store.judge(version, "accepted").source, flush=True)
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def opened(home: Path, key: SigningKey = OURS) -> SqliteStore:
    return SqliteStore(home, key, patience=0.1)


def learnt(home: Path, key: SigningKey = OURS, source: str = SOURCE) -> Entry:
    """A home in which one method was accepted, as one more session leaves it."""
    store = opened(home, key)
    store.claim(KEY.identity, "sales")
    version = store.judge(store.add(Version(KEY, source, "u", "model")), "accepted", "fine")
    entry = Entry(version, ((Premise("n", "int"),),), runs=1)
    store.put(entry)
    return entry


def writer(home: Path, name: str, turns: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(home), name, str(turns)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def query(home: Path, text: str) -> list[tuple[object, ...]]:
    db = sqlite3.connect(home / "store.sqlite3", isolation_level=None)
    try:
        return db.execute(text).fetchall()
    finally:
        db.close()


@contextmanager
def locked(home: Path) -> Iterator[None]:
    db = sqlite3.connect(home / "store.sqlite3", isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    yield
    db.close()


def damage(home: Path, offset: int, data: bytes) -> None:
    with open(home / "store.sqlite3", "r+b") as file:
        file.seek(offset)
        file.write(data)


# The home


def test_looking_makes_nothing(home: Path) -> None:
    store = opened(home)
    assert (store.entries("x"), store.versions(KEY), store.agents()) == ({}, (), {})
    store.drop(KEY)
    assert not home.exists()


def test_the_first_write_makes_a_private_home_that_git_ignores_but_for_modules(home: Path) -> None:
    learnt(home)
    assert home.stat().st_mode & 0o777 == 0o700 or os.name != "posix"
    assert (home / ".gitignore").read_text().splitlines()[:3] == ["/*", "!/.gitignore", "!/modules/"]


def test_another_session_finds_what_was_learnt(home: Path) -> None:
    entry = learnt(home)
    store = opened(home)
    assert store.entries(KEY.identity) == {"total": entry}
    assert store.agents() == {KEY.identity: "sales"}
    assert (store.notes, store.where) == ([], str(home / "store.sqlite3"))


def test_a_home_can_be_moved(home: Path, tmp_path: Path) -> None:
    entry = learnt(home)
    home.rename(tmp_path / "moved")
    store = opened(tmp_path / "moved")
    assert store.entries(KEY.identity) == {"total": entry}
    assert store.source_file(entry.version).parent.parent == tmp_path / "moved"


def test_a_home_that_was_removed_is_made_again(home: Path) -> None:
    store = opened(home)
    store.add(Version(KEY, SOURCE, "u", "model"))
    shutil.rmtree(home)
    assert store.versions(KEY) == ()
    store.add(Version(KEY, SOURCE, "u", "model"))
    assert len(opened(home).versions(KEY)) == 1


def test_rows_of_a_home_that_was_made_meanwhile_are_left_alone(home: Path) -> None:
    old = opened(home)
    learnt_in(old)
    shutil.rmtree(home)
    new = opened(home)
    learnt_in(new)
    assert len(old.versions(KEY)) == 1
    learnt_in(old)
    assert len(opened(home).versions(KEY)) == len(new.versions(KEY)) == 2


def test_sessions_see_each_others_decisions_at_once(home: Path) -> None:
    one, other = opened(home), opened(home)
    version = one.add(Version(KEY, SOURCE, "u", "model"))
    other.judge(version, "accepted")
    assert one.versions(KEY)[0].verdict == "accepted"


# The source files


def test_the_source_file_holds_exactly_the_source(home: Path) -> None:
    version = learnt(home, source="def total(self):\r\n    return 'é'").version
    assert opened(home).source_file(version).read_bytes() == version.source.encode()


@pytest.mark.parametrize("change", [Path.unlink, lambda path: path.write_text("import os  # edited\n")])
def test_a_lost_or_edited_source_file_is_made_again(home: Path, change) -> None:
    version = learnt(home).version
    change(opened(home).source_file(version))
    assert opened(home).source_file(version).read_text() == SOURCE
    assert opened(home).entries(KEY.identity)["total"].version.source == SOURCE


def test_no_drafts_are_left_beside_the_files(home: Path) -> None:
    learnt(home)
    assert {path.suffix for path in (home / "code").iterdir()} == {".py", ".json"}


# Rows that are not ours


def test_an_edited_byte_of_code_is_named_and_not_loaded_and_the_second_copy_serves(home: Path) -> None:
    entry = learnt(home)
    query(home, "UPDATE records SET data = replace(data, '41 + 1', '41 + 2') WHERE kind = 'version'")
    store = opened(home)
    assert store.entries(KEY.identity) == {"total": entry}
    assert "version 'total' of 'CSV analyst'" in store.notes[0]
    assert "1 signed rows were read again" in store.notes[1]
    assert "41 + 2" in str(query(home, "SELECT data FROM records"))


def test_a_byte_that_is_no_text_hides_only_its_own_row(home: Path) -> None:
    entry = learnt(home)
    opened(home).add(Version(KEY, "# second", "u", "model"))
    query(home, "UPDATE records SET data = CAST(x'ff7b' AS TEXT) WHERE data LIKE '%# second%'")
    store = opened(home)
    (home / "code" / f"{sha256('# second')}.json").unlink()
    assert store.versions(KEY) == (entry.version,)
    assert len(store.notes) == 1


def test_a_row_that_was_moved_to_another_method_is_not_loaded(home: Path) -> None:
    entry = learnt(home)
    query(home, "UPDATE records SET name = 'delete_all'")
    assert opened(home).entries(KEY.identity) == {"total": entry}
    assert opened(home).versions(KEY._replace(name="delete_all")) == ()


def test_a_verdict_never_comes_to_speak_of_another_text(home: Path, tmp_path: Path) -> None:
    learnt(tmp_path / "another home")
    draft = opened(home).add(Version(KEY, "def total(self): return 'unseen'\n", "u", "model"))
    with sqlite3.connect(home / "store.sqlite3") as db:
        db.execute("ATTACH ? AS other", (str(tmp_path / "another home" / "store.sqlite3"),))
        columns = "kind, identity, name, number, data, mac"
        db.execute(f"INSERT INTO main.records ({columns}) SELECT {columns} FROM other.records WHERE kind != 'version'")
    assert opened(home).versions(KEY) == (draft,)
    assert opened(home).entries(KEY.identity) == {}


def test_somebody_elses_rows_are_named_and_left_and_ours_stand_beside_them(home: Path) -> None:
    learnt(home, THEIRS)
    before = query(home, "SELECT * FROM records")
    assert opened(home).entries(KEY.identity) == {}
    entry = learnt(home, OURS)
    assert query(home, "SELECT * FROM records")[: len(before)] == before
    assert opened(home, OURS).entries(KEY.identity) == {"total": entry}
    assert opened(home, THEIRS).entries(KEY.identity)["total"].version.note == "fine"
    assert any("not signed by you" in note for note in opened(home).notes + _notes_after_reading(home))


def _notes_after_reading(home: Path) -> list[str]:
    store = opened(home)
    store.entries(KEY.identity)
    return store.notes


def test_what_a_stranger_wrote_cannot_steer_the_terminal(home: Path) -> None:
    opened(home, THEIRS).claim("\x1b[2J evil", "sales")
    store = opened(home)
    assert store.agents() == {}
    assert "\x1b" not in store.notes[0]


# Damage


@pytest.mark.parametrize("offset", [0, 100, 4096, 8192])
def test_a_torn_file_is_set_aside_and_made_again_from_the_second_copy(home: Path, offset: int) -> None:
    entry = learnt(home)
    damage(home, offset, b"\xa5" * 64)
    store = opened(home)
    assert store.entries(KEY.identity) == {"total": entry}
    assert store.agents() == {KEY.identity: "sales"}
    assert (home / "store.sqlite3.damaged-1").exists()
    assert "set aside as store.sqlite3.damaged-1" in store.notes[0]


PAGE = 4096
HARMS = {
    "zeros": lambda page, draw: bytes(PAGE),
    "noise": lambda page, draw: draw.randbytes(PAGE),
    "a torn head": lambda page, draw: draw.randbytes(64) + page[64:],
    "a torn end": lambda page, draw: page[:2048] + draw.randbytes(PAGE - 2048),
    "letters": lambda page, draw: page.replace(b"xxxx", b"xyxx"),
    "single bits": lambda page, draw: bytes(
        byte ^ (1 << draw.randrange(8) if draw.random() < 0.01 else 0) for byte in page
    ),
}


@pytest.mark.parametrize("harm", HARMS)
def test_whatever_page_is_damaged_what_was_accepted_comes_back_whole(home: Path, harm: str) -> None:
    wanted = {}
    for number in range(8):
        store, key = opened(home), Key("CSV analyst", f"method_{number}")
        version = store.judge(store.add(Version(key, f"# {number} {'x' * 300}", "u", "model")), "accepted")
        wanted[key.name] = Entry(version, ((Premise("n", "int"),),), runs=1)
        store.put(wanted[key.name])
    store.claim("CSV analyst", "sales")
    whole = (home / "store.sqlite3").read_bytes()
    assert len(whole) > 5 * PAGE
    for offset in range(0, len(whole), PAGE):
        torn = HARMS[harm](whole[offset : offset + PAGE], Random(offset))
        (home / "store.sqlite3").write_bytes(whole[:offset] + torn + whole[offset + PAGE :])
        store = opened(home)
        assert (store.entries("CSV analyst"), store.agents()) == (wanted, {"CSV analyst": "sales"}), offset
        assert store.add(Version(key, "# goes on", "u", "model")).number == 2
        (home / "store.sqlite3").unlink()
        (home / "code" / f"{sha256('# goes on')}.json").unlink()


class Malformed(sqlite3.Connection):
    """Finds a fault when rows are wanted."""

    def execute(self, query: str, *values) -> sqlite3.Cursor:
        if "FROM records WHERE kind" in query:
            raise sqlite3.DatabaseError("database disk image is malformed")
        return super().execute(query, *values)


def test_damage_in_a_large_file_that_shows_when_a_row_is_wanted_is_mended_at_the_next_use(home, monkeypatch) -> None:
    entry = learnt(home)
    monkeypatch.setattr(module, "LARGE", 0)
    store = opened(home)
    broken = query(home, "SELECT rootpage FROM sqlite_master WHERE name = 'records_by_kind'")[0][0]
    other = query(home, "SELECT rootpage FROM sqlite_master WHERE name = 'records_by_age'")[0][0]
    file = (home / "store.sqlite3").read_bytes()
    damage(home, (broken - 1) * PAGE, file[(other - 1) * PAGE : other * PAGE])
    assert opened(home).entries(KEY.identity) == {}  # an index that has lost its rows is not looked for here
    with monkeypatch.context() as patch:
        patch.setattr(module.sqlite3, "connect", lambda *args, **options: connect(*args, factory=Malformed, **options))
        with pytest.raises(StoreError, match="malformed"):
            store.entries(KEY.identity)
    assert store.entries(KEY.identity) == {"total": entry}
    assert "set aside" in store.notes[0]


def test_what_a_killed_writer_left_beside_the_store_takes_no_number_from_others(home: Path) -> None:
    learnt(home)
    before = (home / "store.sqlite3").read_bytes()
    opened(home).add(Version(KEY, "# never committed", "u", "model"))
    (home / "store.sqlite3").write_bytes(before)
    last = learnt(home, source="# the second text")
    assert without_its_file(home).versions(KEY)[1:] == (last.version,)


@pytest.mark.parametrize("length", [0, 3, 4096, 5000])
def test_a_truncated_file_loses_nothing(home: Path, length: int) -> None:
    entry = learnt(home)
    os.truncate(home / "store.sqlite3", length)
    assert opened(home).entries(KEY.identity) == {"total": entry}
    assert opened(home).entries(KEY.identity) == {"total": entry}


def test_a_lost_file_is_made_again_with_the_latest_decisions(home: Path) -> None:
    learnt(home)
    last = learnt(home, source="# the second text")
    store = opened(home)
    store.judge(store.versions(KEY)[0], "rejected", "no longer")
    (home / "store.sqlite3").unlink()
    store = opened(home)
    assert store.entries(KEY.identity) == {"total": last}
    assert [version.verdict for version in store.versions(KEY)] == ["rejected", "accepted"]


def test_a_dropped_head_does_not_come_back_from_the_second_copy(home: Path) -> None:
    learnt(home)
    learnt(home, source="# the second text")
    store = opened(home)
    store.drop(KEY)
    (home / "store.sqlite3").unlink()
    assert opened(home).entries(KEY.identity) == {}


def test_a_strangers_second_copy_is_not_read_and_not_overwritten(home: Path) -> None:
    theirs = learnt(home, THEIRS)
    (home / "store.sqlite3").unlink()
    assert opened(home).entries(KEY.identity) == {}
    learnt(home, OURS)
    (home / "store.sqlite3").unlink()
    assert opened(home, THEIRS).entries(KEY.identity) == {"total": theirs}


def test_one_text_in_two_methods_has_one_second_copy_for_both(home: Path) -> None:
    learnt(home)
    other = Key("another identity", "total")
    opened(home).add(Version(other, SOURCE, "u", "person"))
    (home / "store.sqlite3").unlink()
    store = opened(home)
    assert len(store.versions(KEY)) == len(store.versions(other)) == 1


def test_a_damaged_second_copy_is_set_aside(home: Path) -> None:
    entry = learnt(home)
    sidecar = opened(home).source_file(entry.version).with_suffix(".json")
    sidecar.write_text("[[")
    store = opened(home)
    store.judge(entry.version, "accepted")
    assert "is damaged" in store.notes[0]
    assert Path(f"{sidecar}.damaged").read_text() == "[["


def test_damage_while_a_session_is_open_is_mended_at_its_next_use(home: Path) -> None:
    entry = learnt(home)
    store = opened(home)
    shutil.copy(home / "store.sqlite3", home / "torn")
    os.truncate(home / "torn", 5000)
    os.replace(home / "torn", home / "store.sqlite3")
    assert store.entries(KEY.identity) == {"total": entry}


def test_a_newer_store_is_refused_and_says_what_to_do(home: Path) -> None:
    learnt(home)
    query(home, "PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="upgrade"):
        opened(home)


# Earlier schemas


def of_schema_1(home: Path) -> Entry:
    """A home as the first version of agent_repl left it."""
    entry = learnt(home)
    opened(home).remember(example(kept=False))
    query(home, "DROP INDEX records_by_age")
    query(home, "ALTER TABLE records DROP COLUMN at")
    query(home, "PRAGMA user_version = 1")
    return entry


def test_a_store_of_schema_1_is_opened_with_all_that_it_holds(home: Path) -> None:
    entry = of_schema_1(home)
    store = opened(home)
    assert (store.entries(KEY.identity), store.notes) == ({"total": entry}, [])
    assert store.examples(KEY) == (example(kept=False),)  # which has no second copy
    assert query(home, "PRAGMA user_version") == [(module.SCHEMA,)]
    assert store.add(Version(KEY, "# more", "u", "model")).number == 2


def test_a_migrated_store_is_as_a_new_one(home: Path, tmp_path: Path) -> None:
    of_schema_1(home)
    opened(home)
    learnt(tmp_path / "new")
    for about in ("table_info(records)", "index_list(records)", "index_info(records_by_age)"):
        assert sorted(query(home, f"PRAGMA {about}")) == sorted(query(tmp_path / "new", f"PRAGMA {about}"))
    assert query(home, "SELECT count(*) FROM records WHERE at IS NOT json_extract(data, '$.at')") == [(0,)]


def test_a_row_that_is_no_text_does_not_stop_a_migration(home: Path) -> None:
    entry = of_schema_1(home)
    query(home, "INSERT INTO records (kind, data) VALUES ('entry', CAST(x'ff7b' AS TEXT)), ('head', NULL), (1, '[]')")
    assert opened(home).entries(KEY.identity) == {"total": entry}
    assert query(home, "SELECT count(*) FROM records WHERE at IS NULL") == [(3,)]


OPENER = """
import sqlite3, sys
from functools import partial
from pathlib import Path
from agent_repl.stores.signing import SigningKey
from agent_repl.stores.sqlite import SqliteStore
class Slow(sqlite3.Connection):
    def execute(self, query, *values):
        done = super().execute(query, *values)
        if "records_by_age" in query:
            print("stepped", flush=True)
            sys.stdin.readline()
        return done
if sys.argv[2] == "slow":
    sqlite3.connect = partial(sqlite3.connect, factory=Slow)
store = SqliteStore(Path(sys.argv[1]), SigningKey(b"o" * 32), patience=60)
print(*store.entries("CSV analyst"), *store.notes)
"""


def opener(home: Path, pace: str = "") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", OPENER, str(home), pace]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_who_comes_while_another_migrates_waits_for_it(home: Path) -> None:
    of_schema_1(home)
    first = opener(home, "slow")
    assert first.stdout.readline() == "stepped\n"
    second = opener(home, "slow")  # would say "stepped" too, if it took the step a second time
    assert first.communicate("\n")[0] == second.communicate("\n")[0] == "total\n"


def test_eight_processes_that_migrate_together_all_succeed(home: Path) -> None:
    of_schema_1(home)
    assert [process.communicate()[0] for process in [opener(home) for _ in range(8)]] == ["total\n"] * 8


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is a POSIX matter")
def test_a_migration_that_is_killed_has_not_happened(home: Path) -> None:
    entry = of_schema_1(home)
    process = opener(home, "slow")
    assert process.stdout.readline() == "stepped\n"
    process.kill()
    process.communicate()
    assert query(home, "PRAGMA user_version") == [(1,)]
    assert opened(home).entries(KEY.identity) == {"total": entry}


def test_an_old_store_that_can_only_be_read_serves_from_its_second_copies(home: Path, monkeypatch) -> None:
    entry = of_schema_1(home)
    with monkeypatch.context() as patch:
        patch.setattr(module.sqlite3, "connect", ReadOnly)
        assert opened(home).entries(KEY.identity) == {"total": entry}
    assert query(home, "PRAGMA user_version") == [(1,)]


def test_a_database_of_somebody_elses_program_is_refused(home: Path) -> None:
    home.mkdir()
    query(home, "CREATE TABLE bookmarks (url)")
    with pytest.raises(StoreError, match="move it away"):
        opened(home)
    assert query(home, "SELECT * FROM bookmarks") == []


# Examples


def example(args: str = "[1]", kept: bool = True, version: int = 1) -> Example:
    return Example(KEY, version, args, "{}", "42", "int", kept=kept, at="2026-01-01T00:00:00+00:00")


def without_its_file(home: Path) -> SqliteStore:
    (home / "store.sqlite3").unlink()
    return opened(home)


def test_a_lost_file_loses_no_kept_example_and_no_earlier_head(home: Path) -> None:
    first, last = learnt(home), learnt(home, source="# the second text")
    opened(home).remember(example("[1]"))
    opened(home).remember(example("[2]", kept=False))
    opened(home).remember(example("[3]", version=2))
    store = without_its_file(home)
    assert store.examples(KEY) == (example("[1]"), example("[3]", version=2))
    assert [entry.version.source for entry in store.heads(KEY)] == [first.version.source, last.version.source]


@pytest.mark.parametrize("version", [1, 2])
def test_an_example_that_is_kept_no_more_does_not_come_back(home: Path, version: int) -> None:
    learnt(home)
    learnt(home, source="# the second text")
    store = opened(home)
    for args in ("[1]", "[2]"):
        store.remember(example(args))
        store.remember(example(args, version=version))
    store.remember(example("[1]", kept=False))
    found = {each.args: each for each in without_its_file(home).examples(KEY)}
    assert (found["[1]"].kept, found["[2]"]) == (False, example("[2]", version=version))


def test_an_example_that_was_edited_is_named_and_not_loaded(home: Path) -> None:
    learnt(home)
    opened(home).remember(example(kept=False))
    query(home, "UPDATE records SET data = replace(data, '42', '43') WHERE kind = 'example'")
    store = opened(home)
    assert store.examples(KEY) == ()
    assert "example 'total' of 'CSV analyst'" in store.notes[0]


# What is bounded


def drafts(home: Path, store: SqliteStore, number: int) -> None:
    for turn in range(number):
        store.add(Version(KEY, f"# draft {turn}", "u", "model"))


def test_of_drafts_the_newest_stay_and_of_what_was_accepted_all(home: Path, monkeypatch) -> None:
    monkeypatch.setattr(memory, "DRAFTS", 5)
    accepted, headed = learnt(home), learnt(home, source="# once a head")
    store = opened(home)
    store.judge(headed.version, "rejected")  # brought back, then undone: it was a head, and stays
    checked = store.add(Version(KEY, "# a check", "u", "model"))
    store.remember(example(version=checked.number))
    drafts(home, store, 9)
    numbers = [1, 2, 3, *range(7, 13)]
    assert [version.number for version in store.versions(KEY)] == numbers
    assert [version.number for version in without_its_file(home).versions(KEY)] == numbers
    assert len(list((home / "code").glob("*.py"))) == len(numbers)
    assert [head.version.number for head in store.heads(KEY)] == [accepted.version.number, 2]


def test_a_number_that_was_given_is_never_given_again(home: Path, monkeypatch) -> None:
    monkeypatch.setattr(memory, "DRAFTS", 2)
    store = opened(home)
    drafts(home, store, 9)
    assert store.add(Version(KEY, "# last", "u", "model")).number == 10


def test_a_dropped_draft_takes_no_text_away_that_another_method_has_too(home: Path, monkeypatch) -> None:
    monkeypatch.setattr(memory, "DRAFTS", 1)
    store = opened(home)
    entry = Entry(store.judge(store.add(Version(Key("other", "total"), "# draft 0", "u", "model")), "accepted"))
    store.put(entry)
    drafts(home, store, 4)
    assert without_its_file(home).entries("other") == {"total": entry}


# Many rows


class Explained(sqlite3.Connection):
    """Tells how SQLite finds the rows of each look."""

    plans: list[str] = []  # noqa: RUF012

    def execute(self, query: str, *values) -> sqlite3.Cursor:
        if "FROM records WHERE kind" in query and query.startswith("SELECT"):
            self.plans.extend(row[3] for row in super().execute(f"EXPLAIN QUERY PLAN {query}", *values))
        return super().execute(query, *values)


LOOKS = {
    "entries": (lambda store: store.entries(KEY.identity), "identity=?", "number=?"),
    "versions": (lambda store: store.versions(KEY), "name=?", "name=?"),
    "heads": (lambda store: store.heads(KEY), "name=?", "name=?"),
    "examples": (lambda store: store.examples(KEY), "name=?", "name=?"),
}


@pytest.mark.parametrize("look", LOOKS)
def test_a_look_goes_by_an_index_however_many_rows_others_have(home: Path, look: str, monkeypatch) -> None:
    learnt(home)
    many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
    columns = "kind, identity, name, number, data, mac"
    query(home, f"INSERT INTO records ({columns}) {many} SELECT 'entry', 'i' || i, 'total', 1, '', '' FROM n")
    function, *wanted = LOOKS[look]
    monkeypatch.setattr(
        module.sqlite3, "connect", lambda *args, **options: connect(*args, factory=Explained, **options)
    )
    Explained.plans.clear()
    function(opened(home))
    plans = [plan for plan in Explained.plans if "TEMP B-TREE" not in plan]
    assert all(plan.startswith("SEARCH records USING INDEX") for plan in plans)
    assert (wanted[0] in plans[0], wanted[1] in plans[-1]) == (True, True)


def test_a_look_at_the_entries_reads_none_of_the_earlier_heads(home: Path, monkeypatch) -> None:
    entry = learnt(home)
    store = opened(home)
    for _ in range(20):
        store.put(entry)
    query(home, "UPDATE records SET mac = 'torn' WHERE kind = 'head'")
    assert opened(home).entries(KEY.identity) == {"total": entry}
    assert store.notes == []


# Locked, full, read-only


def test_a_locked_store_can_be_read_and_says_why_it_cannot_be_written(home: Path) -> None:
    entry = learnt(home)
    with locked(home):
        store = opened(home)
        assert store.entries(KEY.identity) == {"total": entry}
        with pytest.raises(StoreError, match="locked by another process"):
            store.judge(entry.version, "rejected")
    assert store.judge(entry.version, "rejected").verdict == "rejected"


def test_a_store_that_is_locked_against_readers_opens_with_a_note(home: Path) -> None:
    entry = learnt(home)
    query(home, "PRAGMA journal_mode = DELETE")
    holder = sqlite3.connect(home / "store.sqlite3", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    store = opened(home)
    assert "locked" in store.notes[0]
    holder.close()
    assert store.entries(KEY.identity) == {"total": entry}


def test_a_full_disk_is_told_and_loses_nothing(home: Path, monkeypatch) -> None:
    class Full(sqlite3.Connection):
        def __init__(self, *args, **options) -> None:
            super().__init__(*args, **options)
            self.execute("PRAGMA max_page_count = 1")  # as many as there are: no page more

    entry = learnt(home)
    store = opened(home)
    with monkeypatch.context() as patch:
        patch.setattr(module.sqlite3, "connect", Full)
        with pytest.raises(StoreError, match="no room left"):
            store.add(Version(KEY, "#" * 60_000, "u", "model"))
        assert store.entries(KEY.identity) == {"total": entry}
    assert store.add(Version(KEY, "#" * 60_000, "u", "model")).number == 2


def test_a_home_that_cannot_be_made_is_kept_in_memory_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    home = tmp_path / "file" / "home"
    entry = learnt_in(store := opened(home))
    assert store.entries(KEY.identity) == {"total": entry}
    assert store.where.startswith("memory")
    assert "cannot be written" in store.notes[0]
    assert store.source_file(entry.version) is None


def learnt_in(store: SqliteStore) -> Entry:
    entry = Entry(store.add(Version(KEY, SOURCE, "u", "model")))
    store.put(entry)
    return entry


class ReadOnly(sqlite3.Connection):
    """What SQLite does where the file cannot be written, or not even its directory."""

    refused = False

    def __init__(self, path: str, *args, **options) -> None:
        super().__init__(path.replace("mode=rwc", "mode=ro"), *args, **options)

    def execute(self, query: str, *values) -> sqlite3.Cursor:
        if self.refused and "application_id" in query:
            error = sqlite3.OperationalError("unable to open database file")
            error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
            raise error
        return super().execute(query, *values)


@pytest.mark.parametrize("refused", [False, True])
def test_a_read_only_store_is_read_and_what_is_new_stays_in_memory(home: Path, refused: bool, monkeypatch) -> None:
    entry = learnt(home)
    monkeypatch.setattr(ReadOnly, "refused", refused)
    with monkeypatch.context() as patch:
        patch.setattr(module.sqlite3, "connect", ReadOnly)
        store = opened(home)
        assert store.entries(KEY.identity) == {"total": entry}
        store.judge(entry.version, "rejected")
        assert store.versions(KEY)[0].verdict == "rejected"
        assert store.where.startswith("memory")
    assert opened(home).entries(KEY.identity) == {"total": entry}


def test_a_relative_home_stays_where_it_was(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    store = opened(Path("home"))
    monkeypatch.chdir(tmp_path / "elsewhere")
    learnt_in(store)
    assert len(opened(tmp_path / "home").versions(KEY)) == 1


def test_where_wal_is_refused_another_journal_is_used_and_named(home: Path, monkeypatch) -> None:
    # Locks by files have no shared memory, as on network mounts: SQLite itself refuses WAL then.
    monkeypatch.setattr(
        module.sqlite3, "connect", lambda path, **options: connect(f"{path}&vfs=unix-dotfile", **options)
    )
    store = opened(home)
    entry = learnt_in(store)
    assert "journal_mode=DELETE" in store.notes[0]
    assert opened(home).entries(KEY.identity) == {"total": entry}


# Threads, forks and other processes


def test_threads_share_a_store(home: Path) -> None:
    store = SqliteStore(home, OURS)
    run_together([Thread(target=learnt_in, args=(store,)) for _ in range(8)])
    assert [version.number for version in store.versions(KEY)] == list(range(1, 9))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_opens_its_own_connection(home: Path) -> None:
    store = SqliteStore(home, OURS)
    learnt_in(store)
    if not (child := os.fork()):
        signal.alarm(10)
        learnt_in(store)
        os._exit(0 if len(store.versions(KEY)) in (2, 3) else 1)
    learnt_in(store)
    assert os.waitpid(child, 0)[1] == 0
    assert len(opened(home).versions(KEY)) == 3


def test_sessions_that_make_a_store_together_all_succeed(tmp_path: Path) -> None:
    def begin(home: Path, start: Barrier) -> None:
        start.wait()
        learnt_in(SqliteStore(home, OURS, patience=30))

    for number in range(10):
        home, start = tmp_path / str(number), Barrier(8)
        run_together([Thread(target=begin, args=(home, start)) for _ in range(8)])
        assert [version.number for version in opened(home).versions(KEY)] == list(range(1, 9))


def test_who_comes_while_another_makes_the_store_waits_for_it(home: Path) -> None:
    home.mkdir()
    maker = sqlite3.connect(home / "store.sqlite3", isolation_level=None, check_same_thread=False)
    maker.execute("BEGIN IMMEDIATE")
    timer = Timer(0.2, maker.close)
    timer.start()
    learnt_in(SqliteStore(home, OURS, patience=30))
    timer.join()
    assert len(opened(home).versions(KEY)) == 1


def run_together(threads: list[Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_two_processes_write_side_by_side(home: Path) -> None:
    writers = [writer(home, name, 50) for name in ("one", "two")]
    assert [process.communicate() and process.returncode for process in writers] == [0, 0]
    assert [version.number for version in opened(home).versions(KEY)] == list(range(1, 101))


def test_a_killed_writer_loses_no_acknowledged_write(home: Path) -> None:
    said: set[str] = set()
    for round_ in range(4):
        process = writer(home, str(round_), 10_000)
        said |= {process.stdout.readline().strip() for _ in range(5 + 3 * round_)}
        process.send_signal(signal.SIGKILL)
        said |= {line.strip() for line in process.communicate()[0].splitlines() if line.endswith(tuple("0123456789"))}
    kept = {version.source for version in opened(home).versions(KEY)}
    (home / "store.sqlite3").unlink()
    again = {version.source for version in opened(home).versions(KEY)}
    assert said <= kept <= again


# One writer of a method at a time

HOLDER = """
import sys, time
from pathlib import Path
from agent_repl.stores.signing import SigningKey
from agent_repl.stores.sqlite import SqliteStore
store = SqliteStore(Path(sys.argv[1]), SigningKey(b"o" * 32))
log = Path(sys.argv[1]).with_name("log")
for turn in range(int(sys.argv[2])):
    with store.lock("CSV analyst", "total"):
        with log.open("a") as file:
            print("in", file=file, flush=True)
            time.sleep(float(sys.argv[3]))
            print("out", file=file, flush=True)
"""


def holder(home: Path, turns: int, seconds: float) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", HOLDER, str(home), str(turns), str(seconds)])


def wait_for(file: Path, text: str) -> None:
    while not (file.exists() and text in file.read_text()):
        time.sleep(0.01)


def test_four_processes_that_write_one_method_take_turns(home: Path) -> None:
    processes = [holder(home, 10, 0.005) for _ in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
    assert (home.parent / "log").read_text().split() == ["in", "out"] * 40


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is a POSIX matter")
def test_a_holder_that_is_killed_gives_its_lock_back(home: Path) -> None:
    process = holder(home, 1, 30)
    wait_for(home.parent / "log", "in")
    Timer(0.1, process.kill).start()
    with opened(home).lock(*KEY):
        assert process.wait() == -signal.SIGKILL
    assert (home.parent / "log").read_text().split() == ["in"]


@pytest.mark.skipif(os.name != "posix", reason="signals are a POSIX matter")
def test_waiting_for_a_lock_can_be_interrupted(home: Path) -> None:
    first = holder(home, 1, 30)
    wait_for(home.parent / "log", "in")
    Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt), opened(home).lock(*KEY):
        pytest.fail("two hold one lock")
    first.kill()
    first.wait()


def test_threads_take_turns_too_and_other_methods_wait_for_nobody(home: Path) -> None:
    store, log = opened(home), []

    def write() -> None:
        with store.lock(*KEY), store.lock(KEY.identity, str(get_ident())):
            log.append("in")
            time.sleep(0.01)
            log.append("out")

    run_together([Thread(target=write) for _ in range(8)])
    assert log == ["in", "out"] * 8


def test_a_lock_makes_a_private_home_and_what_was_raised_inside_is_raised(home: Path) -> None:
    with pytest.raises(ZeroDivisionError), opened(home).lock(*KEY):
        raise ZeroDivisionError
    assert home.stat().st_mode & 0o777 == 0o700 or os.name != "posix"
    assert (home / ".gitignore").exists()
    with opened(home).lock(*KEY):
        assert opened(home).entries(KEY.identity) == {}


def test_where_no_lock_can_be_made_nobody_waits(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    store = opened(tmp_path / "file" / "home")
    with store.lock(*KEY), store.lock(*KEY):
        learnt_in(store)
