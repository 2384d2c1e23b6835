"""Code that this user did not write on this machine is not loaded before they said so: for this place, as it is."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from pathlib import Path

import platformdirs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit import Person, asked, session

from agent_repl import AgentError, StoreError, cli, open_session, pin
from agent_repl.session import home as homes
from agent_repl.session import key_in
from agent_repl.stores.signing import SigningKey
from agent_repl_trust.strangers import strangers
from agent_repl_ui.temporary import temporary, warning
from agent_repl_ui.trust import main

posix = pytest.mark.skipif(os.name != "posix", reason="it has no owners and modes of this kind")

WORDS = "calculator with {factor}"
DOUBLE = '''
FACTOR = 2


def double(self, n):
    """Twice as much."""
    return n * FACTOR  # by the constant
'''
TRIPLE = "def triple(self, n):\n    return n * 3"


@pytest.fixture
def theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in which another user, with another key, wrote `double` and pinned it, and wrote `triple`."""
    return made_by_another(tmp_path / "theirs", monkeypatch)


def made_by_another(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    project.mkdir()
    with monkeypatch.context() as other:
        other.setenv("AGENT_REPL_TRUST_KEY_FILE", str(project.parent / "their key"))
        written = session(project, DOUBLE, TRIPLE)
        calc = written.agent(WORDS, name="calc", factor=2)
        assert (calc.double(4), calc.triple(4)) == (8, 12)
        pin(calc.double)
    return project


def loaded(project: Path, *replies: str) -> tuple[list[str], list[str]]:
    """What of an agent's methods is there in a project, and what a person is told."""
    person = Person()
    opened = session(project, *replies, review=person)
    agent = opened.agent(WORDS, name="calc", factor=2)
    names = sorted(type(agent)._agent_repl_identity_.names())
    assert not names or agent.double(5) == 10
    return names, [event.text for event in person.events]


def trust(project: Path, *more: str) -> int:
    return main([str(project), *more])


BOTH = ["double", "triple"]


# ── nothing of a stranger's is loaded before ──


def test_what_another_wrote_is_not_loaded_and_the_person_is_told_what_to_type(theirs: Path) -> None:
    names, told = loaded(theirs)
    assert names == []
    assert any("not signed by you" in text and "agent-repl trust" in text for text in told)


def test_trust_shows_every_method_with_its_source_and_effects_and_the_module(theirs: Path, capsys) -> None:
    module = theirs / ".agent_repl" / "modules" / "calc.py"
    module.write_text(module.read_text() + "import os\nos.remove('x')\n")
    trust(theirs, "--yes")
    shown = capsys.readouterr().out
    assert "double v1 · by model" in shown
    assert shown.count("return n * FACTOR  # by the constant") == 2  # in the store and in the module
    assert "return n * 3" in shown
    assert str(module) in shown
    assert "! line" in shown
    assert "deletes" in shown


def test_what_a_stranger_wrote_is_shown_as_it_is(theirs: Path, capsys) -> None:
    module = theirs / ".agent_repl" / "modules" / "calc.py"
    module.write_text(module.read_text() + "# \x1b[2J\u202e\n")
    trust(theirs, "--yes")
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\\x1b[2J\\u202e" in shown


def test_what_is_trusted_is_loaded_and_asks_no_model(theirs: Path, capsys) -> None:
    assert trust(theirs, "--yes") == 0
    names, told = loaded(theirs)
    assert (names, told) == (BOTH, [])
    opened = session(theirs)
    calc = opened.agent(WORDS, name="calc", factor=2)
    assert (calc.double(4), calc.triple(4), asked(opened)) == (8, 12, 0)
    assert calc.double.__func__.__code__.co_filename == str(theirs / ".agent_repl" / "modules" / "calc.py")
    capsys.readouterr()
    assert trust(theirs) == 0
    assert "all that can be loaded is your own, or trusted already" in capsys.readouterr().out


def test_looking_changes_nothing(theirs: Path) -> None:
    before = {path: path.read_bytes() for path in theirs.rglob("*") if path.is_file()}
    with pytest.raises(AgentError, match="--yes"):
        trust(theirs)
    assert {path: path.read_bytes() for path in theirs.rglob("*") if path.is_file()} == before
    assert loaded(theirs)[0] == []


@pytest.mark.parametrize(("answer", "code", "names"), [("", 1, []), ("n", 1, []), ("yes", 0, BOTH)])
def test_it_asks_and_only_yes_is_yes(theirs: Path, monkeypatch, answer: str, code: int, names: list[str]) -> None:
    monkeypatch.setattr(sys, "stdin", type("Terminal", (), {"isatty": lambda self: True})())
    monkeypatch.setattr("builtins.input", lambda question: answer)
    assert trust(theirs) == code
    assert loaded(theirs)[0] == names


def test_where_nobody_can_answer_it_says_what_to_add(theirs: Path, capsys) -> None:
    assert cli.main(["trust", str(theirs)]) == 1
    assert "--yes" in capsys.readouterr().err


def test_trust_can_be_listed_and_taken_back(theirs: Path, capsys) -> None:
    trust(theirs, "--yes")
    capsys.readouterr()
    trust(theirs, "--list")
    assert f"{(theirs / '.agent_repl').resolve()} · " in capsys.readouterr().out
    trust(theirs, "--forget")
    assert loaded(theirs)[0] == []
    capsys.readouterr()
    trust(theirs, "--list")
    assert capsys.readouterr().out == "nothing of others is trusted anywhere\n"


# ── for this place ──


def test_a_trusted_home_that_was_moved_asks_again(theirs: Path, tmp_path: Path) -> None:
    trust(theirs, "--yes")
    shutil.move(theirs, tmp_path / "moved")
    assert loaded(tmp_path / "moved")[0] == []
    shutil.move(tmp_path / "moved", theirs)
    assert loaded(theirs)[0] == BOTH


def test_a_trusted_home_that_was_copied_asks_again_and_the_first_one_stays(theirs: Path, tmp_path: Path) -> None:
    trust(theirs, "--yes")
    shutil.copytree(theirs, tmp_path / "copy")
    assert loaded(tmp_path / "copy")[0] == []
    assert loaded(theirs)[0] == BOTH


def test_what_was_trusted_asks_again_elsewhere_even_when_its_database_was_made_again(theirs, tmp_path) -> None:
    trust(theirs, "--yes")
    (theirs / ".agent_repl" / "store.sqlite3").unlink()
    assert loaded(theirs)[0] == BOTH
    shutil.copytree(theirs, tmp_path / "copy")
    assert loaded(tmp_path / "copy")[0] == []


def test_what_a_person_makes_of_trusted_code_is_their_own_and_the_rest_is_not(theirs: Path, tmp_path: Path) -> None:
    trust(theirs, "--yes")
    opened = session(theirs, "def half(self, n):\n    return n / 2")
    opened.agent(WORDS, name="calc", factor=2).half(4)
    shutil.copytree(theirs, tmp_path / "copy")
    moved = session(tmp_path / "copy").agent(WORDS, name="calc", factor=2)
    assert type(moved)._agent_repl_identity_.names() == ["half"]


def test_ones_own_home_goes_along_when_it_is_moved_or_copied(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    calc = session(tmp_path / "mine", DOUBLE).agent(WORDS, name="calc", factor=2)
    calc.double(4)
    pin(calc.double)
    shutil.copytree(tmp_path / "mine", tmp_path / "copy")
    assert loaded(tmp_path / "copy") == (["double"], [])
    shutil.move(tmp_path / "mine", tmp_path / "moved")
    assert loaded(tmp_path / "moved") == (["double"], [])


def test_trust_leaves_ones_own_rows_ones_own_even_when_the_database_is_lost(clone: Path, tmp_path: Path) -> None:
    session(clone, TRIPLE).agent(WORDS, name="calc", factor=2).triple(2)
    (clone / ".agent_repl" / "store.sqlite3").unlink()
    trust(clone, "--yes")
    assert loaded(clone)[0] == BOTH
    shutil.copytree(clone, tmp_path / "copy")
    moved = session(tmp_path / "copy").agent(WORDS, name="calc", factor=2)
    assert type(moved)._agent_repl_identity_.names() == ["triple"]


def test_another_users_trust_is_not_ones_own(theirs: Path, tmp_path: Path, monkeypatch) -> None:
    trust(theirs, "--yes")
    lists = platformdirs.user_state_path("agent_repl") / "key.trusted"
    monkeypatch.setenv("AGENT_REPL_TRUST_KEY_FILE", str(tmp_path / "a third key"))
    shutil.copytree(lists, tmp_path / "a third key.trusted")
    assert loaded(theirs)[0] == []


# ── as it is ──


def test_a_changed_module_asks_again_and_the_trusted_version_serves(theirs: Path, capsys) -> None:
    trust(theirs, "--yes")
    module = theirs / ".agent_repl" / "modules" / "calc.py"
    module.write_text(module.read_text().replace("n * FACTOR", "n * FACTOR + 1 - 1 or exit()"))
    names, told = loaded(theirs)
    assert names == BOTH
    assert any("agent-repl trust" in text and "calc.py" in text for text in told)
    capsys.readouterr()
    trust(theirs, "--yes")
    shown = capsys.readouterr().out
    assert "or exit()" in shown
    assert "triple v1" not in shown  # which has not changed
    opened = session(theirs).agent(WORDS, name="calc", factor=2)
    assert opened.double(4) == 8
    with pytest.raises(SystemExit):
        opened.double(0)


def test_a_changed_row_is_not_loaded_and_what_was_trusted_is_read_from_its_second_copy(theirs: Path) -> None:
    trust(theirs, "--yes")
    with sqlite3.connect(theirs / ".agent_repl" / "store.sqlite3") as db:
        assert db.execute("UPDATE records SET data = replace(data, 'n * 3', 'n * 4')").rowcount
    assert loaded(theirs)[0] == BOTH
    assert session(theirs).agent(WORDS, name="calc", factor=2).triple(2) == 6
    for path in (theirs / ".agent_repl" / "code").glob("*.json"):
        path.write_text(path.read_text().replace("n * 3", "n * 4"))
    with sqlite3.connect(theirs / ".agent_repl" / "store.sqlite3") as db:
        assert db.execute("UPDATE records SET data = replace(data, 'n * 3', 'n * 4')").rowcount
    assert loaded(theirs)[0] == ["double"]


def test_a_new_row_of_the_stranger_is_not_loaded(theirs: Path, monkeypatch) -> None:
    trust(theirs, "--yes")
    with monkeypatch.context() as other:
        other.setenv("AGENT_REPL_TRUST_KEY_FILE", str(theirs.parent / "their key"))
        written = session(theirs, "def fourth(self, n):\n    return n / 4")
        written.agent(WORDS, name="calc", factor=2).fourth(8)
    assert loaded(theirs)[0] == BOTH


@given(flip=st.integers(min_value=0, max_value=10_000), bit=st.integers(min_value=0, max_value=7))
def test_one_changed_bit_is_enough(tmp_path_factory: pytest.TempPathFactory, flip: int, bit: int) -> None:
    key = SigningKey(b"k" * 32, file=tmp_path_factory.getbasetemp() / "key").at(Path("/a/place"))
    data = b"def double(self, n): return n * 2"
    trusted = type(key)(key.secret, "", key.file, key.place, frozenset({key.trust(data)}))
    changed = bytearray(data)
    changed[flip % len(data)] ^= 1 << bit
    assert trusted.verify(data, "of a stranger")
    assert not trusted.verify(bytes(changed), "of a stranger")
    assert not type(key)(key.secret, "", key.file, "/b/place", trusted.trusted).verify(data, "of a stranger")


# ── a clone ──


@pytest.fixture
def clone(theirs: Path, tmp_path: Path) -> Path:
    """What git carries: the modules, and nothing that is signed."""
    shutil.copytree(theirs / ".agent_repl" / "modules", tmp_path / "clone" / ".agent_repl" / "modules")
    return tmp_path / "clone"


def test_a_cloned_module_is_not_loaded_and_is_told_of(clone: Path) -> None:
    names, told = loaded(clone)
    assert names == []
    assert any("calc.py came from elsewhere" in text and "agent-repl trust" in text for text in told)


def test_a_cloned_module_serves_once_it_is_trusted_and_keeps_what_its_author_wrote(clone: Path, capsys) -> None:
    before = (clone / ".agent_repl" / "modules" / "calc.py").read_bytes()
    trust(clone, "--yes")
    said = capsys.readouterr().out
    assert "calc.double serves from" in said
    assert f"Agent({WORDS!r}, name='calc')" in said  # what to type to have it
    assert loaded(clone) == (["double"], [])
    opened = session(clone, TRIPLE)
    calc = opened.agent(WORDS, name="calc", factor=2)
    assert (calc.double(4), asked(opened)) == (8, 0)
    assert (clone / ".agent_repl" / "modules" / "calc.py").read_bytes() == before
    calc.triple(2)
    pin(calc.triple)  # the file is written anew, with both
    assert "# by the constant" in (clone / ".agent_repl" / "modules" / "calc.py").read_text()
    assert loaded(clone) == (["double", "triple"], [])


def test_a_clone_of_a_trusted_clone_asks_again(clone: Path, tmp_path: Path) -> None:
    trust(clone, "--yes")
    shutil.copytree(clone, tmp_path / "second")
    assert loaded(tmp_path / "second")[0] == []


def test_a_pulled_change_asks_again_and_then_serves(clone: Path) -> None:
    trust(clone, "--yes")
    module = clone / ".agent_repl" / "modules" / "calc.py"
    module.write_text(module.read_text().replace("FACTOR = 2", "FACTOR = 1 + 1"))
    assert loaded(clone)[0] == ["double"]  # the version that was trusted
    assert any("calc.py" in text for text in loaded(clone)[1])
    trust(clone, "--yes")
    assert loaded(clone) == (["double"], [])


def test_a_module_that_is_no_class_of_ours_is_named(clone: Path, capsys) -> None:
    (clone / ".agent_repl" / "modules" / "tools.py").write_text("def tool(): ...\n")
    (clone / ".agent_repl" / "modules" / "broken.py").write_text("def tool(:\n")
    assert trust(clone, "--yes") == 0
    said = capsys.readouterr().out
    assert "holds no class Tools" in said
    assert "holds no class Broken" in said
    assert "calc.double serves" in said


# ── directories that others decide about, and links ──


@posix
@pytest.mark.parametrize("named", [False, True])
def test_a_home_that_everybody_may_write(tmp_path: Path, monkeypatch, named: bool) -> None:
    (tmp_path / ".agent_repl").mkdir()
    (tmp_path / ".agent_repl").chmod(0o777)
    _is_refused_or_warned_of(tmp_path, monkeypatch, named, "chmod o-w")


@posix
@pytest.mark.parametrize("named", [False, True])
def test_a_home_of_another_user(tmp_path: Path, monkeypatch, named: bool) -> None:
    (tmp_path / ".agent_repl").mkdir()
    mine = os.getuid()
    platformdirs.user_state_path("agent_repl").mkdir(parents=True)
    monkeypatch.setattr(homes.os, "getuid", lambda: mine + 1)
    monkeypatch.setattr("agent_repl.stores.signing._is_private", lambda path: True)
    _is_refused_or_warned_of(tmp_path, monkeypatch, named, "belongs to another user")


def _is_refused_or_warned_of(project: Path, monkeypatch, named: bool, why: str) -> None:
    monkeypatch.chdir(project)
    if named:
        monkeypatch.setenv("AGENT_REPL_HOME", str(project / ".agent_repl"))
    else:
        monkeypatch.delenv("AGENT_REPL_HOME")
    store = open_session(review="cached").store
    assert any(why in note for note in store.notes)
    assert (store.home is not None) == named


@posix
def test_a_home_that_is_a_link_is_refused_unless_a_person_names_it(theirs: Path, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / ".agent_repl").symlink_to(theirs / ".agent_repl")
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.delenv("AGENT_REPL_HOME")
    store = open_session(review="cached").store
    assert store.home is None
    assert "symbolic link" in store.notes[0]
    assert f"AGENT_REPL_HOME={(theirs / '.agent_repl').resolve()}" in store.notes[0]
    trust(theirs, "--yes")
    assert loaded(tmp_path / "project")[0] == BOTH  # named, it is the place that was trusted


@posix
@pytest.mark.parametrize("name", ["modules", "store.sqlite3", "code", "generation"])
def test_a_home_in_which_something_is_a_link_is_refused_even_when_named(theirs: Path, tmp_path: Path, name) -> None:
    trust(theirs, "--yes")
    (tmp_path / "project" / ".agent_repl").mkdir(parents=True)
    (tmp_path / "project" / ".agent_repl" / name).symlink_to(theirs / ".agent_repl" / name)
    store = open_session(tmp_path / "project" / ".agent_repl", review="cached").store
    assert store.home is None
    assert f"{name} in it is a symbolic link" in store.notes[0]
    with pytest.raises(StoreError, match="symbolic link"):
        trust(tmp_path / "project", "--yes")


@posix
def test_a_module_file_that_is_a_link_out_of_the_home_is_refused(tmp_path: Path) -> None:
    calc = session(tmp_path, DOUBLE).agent(WORDS, name="calc", factor=2)
    calc.double(4)
    module = pin(calc.double)
    module.rename(tmp_path / "elsewhere.py")
    module.symlink_to(tmp_path / "elsewhere.py")
    names, told = loaded(tmp_path)
    assert names == ["double"]  # from the store
    assert any("symbolic link out of this home" in text for text in told)
    (tmp_path / ".agent_repl" / "seals" / "calc.json").unlink()
    assert strangers(tmp_path / ".agent_repl", key_in(tmp_path / ".agent_repl")) == []  # it is not offered either


@posix
def test_the_list_of_what_is_trusted_is_the_owners_alone(theirs: Path) -> None:
    trust(theirs, "--yes")
    (file,) = (platformdirs.user_state_path("agent_repl") / "key.trusted").iterdir()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    file.chmod(0o666)
    assert loaded(theirs)[0] == []


def test_a_list_that_another_key_made_trusts_nothing(theirs: Path, tmp_path: Path, monkeypatch) -> None:
    with monkeypatch.context() as other:
        other.setenv("AGENT_REPL_TRUST_KEY_FILE", str(tmp_path / "a third key"))
        trust(theirs, "--yes")
    (theirs / ".agent_repl" / "seals" / "calc.json").unlink()
    (made,) = (tmp_path / "a third key.trusted").iterdir()
    mine = platformdirs.user_state_path("agent_repl") / "key.trusted" / made.name
    assert loaded(theirs)[0] == []
    mine.parent.mkdir()
    shutil.copy(made, mine)
    assert loaded(theirs)[0] == []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"codes": 3}', '{"codes": [[]]}', "\\xff"])
def test_a_damaged_list_trusts_nothing(theirs: Path, text: str) -> None:
    trust(theirs, "--yes")
    (file,) = (platformdirs.user_state_path("agent_repl") / "key.trusted").iterdir()
    file.write_text(text)
    assert loaded(theirs)[0] == []


# ── the key in a file that a person names ──


@posix
def test_a_named_key_is_made_for_its_owner_alone_and_carries_what_was_learnt(tmp_path: Path, monkeypatch) -> None:
    file = tmp_path / "drive" / "key"
    session(tmp_path, DOUBLE, trust_key_file=str(file)).agent(WORDS, name="calc", factor=2).double(4)
    assert file.stat().st_mode & 0o777 == 0o600
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another machine"))
    assert loaded(tmp_path)[0] == []
    monkeypatch.setenv("AGENT_REPL_TRUST_KEY_FILE", str(file))
    assert loaded(tmp_path)[0] == ["double"]


def test_a_named_key_carries_what_was_trusted(theirs: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("AGENT_REPL_TRUST_KEY_FILE", str(tmp_path / "drive" / "key"))
    trust(theirs, "--yes")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another machine"))
    assert loaded(theirs)[0] == BOTH


def test_a_project_cannot_name_the_key(theirs: Path, tmp_path: Path) -> None:
    (theirs / ".agent_repl" / "config.toml").write_text(f'trust_key_file = "{tmp_path / "their key"}"\n')
    assert loaded(theirs)[0] == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("key", "write its whole path"),
        ("{here}/file/key", "a folder of yours that stays"),
        ("{here}/open", "chmod 600"),
    ],
)
def test_a_key_that_cannot_be_used_is_not_replaced_by_another(tmp_path: Path, monkeypatch, name, said) -> None:
    if os.name != "posix" and "open" in name:
        return
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    (tmp_path / "open").write_bytes(b"k" * 32)
    (tmp_path / "open").chmod(0o644)
    store = session(tmp_path, trust_key_file=name.format(here=tmp_path)).store
    assert store.home is None
    assert said in store.notes[0]


def test_the_key_itself_is_never_read_from_a_variable(tmp_path: Path, monkeypatch) -> None:
    for name in ("AGENT_REPL_TRUST_KEY", "AGENT_REPL_KEY"):
        monkeypatch.setenv(name, "00" * 32)
    assert key_in(tmp_path).secret != bytes(32)
    monkeypatch.setenv("AGENT_REPL_TRUST_KEY_FILE", "00" * 32)
    assert session(tmp_path).store.home is None


# ── disks that will be emptied ──

TABLE = """\
tmpfs /run tmpfs rw 0 0
/dev/sda1 /data ext4 rw 0 0
tmpfs /data/ram\\040disk tmpfs rw 0 0
drive /content/drive fuse.drive rw 0 0
overlay / overlay rw 0 0
"""


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("/data/ada/project/.agent_repl", ""),
        ("/data/ram disk/.agent_repl", "on a disk in memory"),
        ("/run/x", "on a disk in memory"),
        ("/dev/shm/x", "temporary files"),
        ("/content/.agent_repl", "on a container's own disk"),
        ("/content/drive/MyDrive/.agent_repl", ""),
        ("/data2/x", "on a container's own disk"),
    ],
)
@posix
def test_a_disk_that_will_be_emptied_is_known(place: str, why: str) -> None:
    found = temporary(Path(place), TABLE)
    assert (why in found) if why else not found


def test_colab_is_named_and_no_table_is_no_reason(monkeypatch) -> None:
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release")
    assert "Colab" in temporary(Path("/content/.agent_repl"), TABLE)
    assert temporary(Path("/data/ada"), "") == ""
    assert warning(None) == ""


def test_loading_the_extension_says_in_one_line_what_will_be_lost_and_how_to_keep_it(tmp_path, monkeypatch, capsys):
    import kit

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("agent_repl.session._default", [session(tmp_path)])
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    said = kit.said(kit.shell(), capsys, "%load_ext agent_repl")
    (line,) = [line for line in said.splitlines() if "temporary files" in line]
    assert "AGENT_REPL_HOME" in line
    assert "trust_key_file" in line


def test_the_doctor_finds_sound_what_is_trusted_and_what_a_named_key_signed(theirs: Path, monkeypatch, capsys) -> None:
    look = ["doctor", "--home", str(theirs / ".agent_repl")]
    cli.main(look)
    assert "10 rows are damaged or not signed by you" in capsys.readouterr().out
    trust(theirs, "--yes")
    capsys.readouterr()
    before = {path: path.read_bytes() for path in (theirs / ".agent_repl" / "modules").glob("*.py")}
    assert cli.main(look) == 0
    assert "not signed" not in capsys.readouterr().out
    assert loaded(theirs)[0] == BOTH
    assert {path: path.read_bytes() for path in before} == before
    monkeypatch.setenv("AGENT_REPL_TRUST_KEY_FILE", str(theirs.parent / "their key"))
    capsys.readouterr()
    assert cli.main(look) == 0
    assert "not signed" not in capsys.readouterr().out
