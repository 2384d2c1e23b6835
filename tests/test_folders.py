"""Folders that go with their process: none stays after an exit of any kind, and none of a process that lives goes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_repl_bounds import folders
from agent_repl_workers import WorkerExecutor

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows: it has no workers")

MAKES = """
import os, signal, sys
sys.path.insert(0, {tests!r})
import kit
from pathlib import Path
session = kit.session(Path({home!r}), "def add(self, n):\\n    return self.total + n", executor="process")
counter = session.agent("counter", total=1)
print(counter.add(1), flush=True)
{end}
"""
WAIT = "sys.stdin.read()"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    return place


def begun(tmp_path: Path, end: str) -> subprocess.Popen[str]:
    """A process that has made a call on a worker, and then does this."""
    code = MAKES.format(tests=str(Path(__file__).parent), home=str(tmp_path), end=end)
    pipe = subprocess.PIPE
    host = subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    assert host.stdout is not None
    assert host.stdout.readline() == "2\n"
    return host


def left(place: Path) -> list[str]:
    return [path.name for path in place.glob(f"{folders.PREFIX}*")]


@pytest.mark.parametrize(
    "end", ["", "raise ValueError", "sys.exit(3)", "raise KeyboardInterrupt", "if not os.fork(): sys.exit()\nos.wait()"]
)
def test_an_exit_leaves_no_folder(tmp_path: Path, temporary: Path, end: str) -> None:
    begun(tmp_path, end).communicate(timeout=60)
    assert left(temporary) == []


def test_ctrl_c_leaves_no_folder(tmp_path: Path, temporary: Path) -> None:
    host = begun(tmp_path, WAIT)
    assert len(left(temporary)) == 1
    host.send_signal(signal.SIGINT)
    host.communicate(timeout=60)
    assert left(temporary) == []


def test_what_a_killed_process_left_goes_when_the_next_begins_and_what_a_living_one_has_stays(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    killed, living = begun(tmp_path / "one", WAIT), begun(tmp_path / "two", WAIT)
    killed.kill()
    killed.communicate(timeout=60)
    assert len(left(temporary)) == 2
    WorkerExecutor(sandbox=False)
    assert len(left(temporary)) == 1
    again = begun(tmp_path / "three", WAIT)
    assert len(left(temporary)) == 2
    again.communicate(timeout=60)
    (stays,) = left(temporary)
    assert os.listdir(temporary / stays)
    living.communicate(timeout=60)
    assert left(temporary) == []


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A process of which nothing is known yet, with this folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folders._root.cache_clear()
    yield tmp_path
    folders._root.cache_clear()


def test_only_folders_of_ours_that_nobody_holds_are_removed(
    here: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "kept").write_text("mine")
    (here / f"{folders.PREFIX}link").symlink_to(elsewhere)
    (here / f"{folders.PREFIX}file").write_text("no folder")
    (here / "agent-other").mkdir()
    gone = here / f"{folders.PREFIX}gone"
    (gone / "in" / "shut").mkdir(parents=True)
    (gone / "in" / "out").symlink_to(elsewhere)
    elsewhere.chmod(0o755)
    (gone / "in").chmod(0o500)
    made = folders.new_folder()
    assert sorted(left(here)) == sorted([f"{folders.PREFIX}file", f"{folders.PREFIX}link", Path(made).parent.name])
    assert (elsewhere / "kept").read_text() == "mine"
    assert elsewhere.stat().st_mode & 0o777 == 0o755
    assert (here / "agent-other").exists()


def test_a_forked_child_has_a_folder_of_its_own_and_takes_none_of_its_parents(here: Path) -> None:
    mine = folders.new_folder()
    reads, writes = os.pipe()
    if not (child := os.fork()):
        folders.remove(mine, os.getppid())
        os.write(writes, folders.new_folder().encode())
        os._exit(0)
    os.waitpid(child, 0)
    other = os.read(reads, 4096).decode()
    assert Path(mine).exists()
    assert Path(other).parent != Path(mine).parent
    folders._root.cache_clear()
    folders.new_folder()
    assert not Path(other).exists()


def test_without_locks_there_are_folders_and_none_is_taken_for_one_that_was_left(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    def refuses(*_: object) -> None:
        raise OSError(37, "no locks available")

    monkeypatch.setattr(fcntl, "flock", refuses)
    (here / f"{folders.PREFIX}other").mkdir()
    assert Path(folders.new_folder()).is_dir()
    assert len(left(here)) == 2
