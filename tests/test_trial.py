"""Code in a trial changes nothing, reads nothing that was not granted, and cannot stay; honest code runs as ever."""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agent_repl_bounds.trial import LIMIT, Report, cannot_try, refusal, trial

WHY = cannot_try()
locked = pytest.mark.skipif(WHY != "", reason=WHY)


# ── code that means harm ──


def bomb_of_forks() -> None:
    while True:
        os.fork()


def bomb_of_memory() -> int:
    return len([bytearray(10**8) for _ in range(1000)])


def huge_report() -> str:
    return "x" * 10**7


def deep_report() -> Any:
    os.write(report_pipe(), b"[" * 50_000 + b"\n")
    return 1


def report_pipe() -> int:
    return next(n for n in range(3, 1000) if is_open(n))


def is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def close_everything() -> None:
    os.closerange(0, 1000)
    time.sleep(60)


def trap_signals() -> None:
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    time.sleep(60)


def interrupt() -> None:
    signal.raise_signal(signal.SIGTERM)


def crash() -> None:
    ctypes.string_at(0)


def threads_that_stay() -> None:
    for _ in range(4):
        threading.Thread(target=time.sleep, args=(60,)).start()
    time.sleep(60)


def call_of_the_system(number: int, *arguments: int) -> Callable[[], None]:
    """A system call past Python's own functions, and so past its audit hooks."""

    def act() -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.syscall(number, *map(ctypes.c_long, arguments)) < 0:
            raise OSError(ctypes.get_errno(), "refused")

    return act


PARENT = os.getpid()
SECRET = "/etc/passwd"
HOSTILE: dict[str, Callable[[Path], Any]] = {
    "writes a new file": lambda file: file.with_name("new").write_text("x"),
    "overwrites a file": lambda file: file.write_text("x"),
    "appends to a file": lambda file: file.open("a").write("x"),
    "truncates a file": lambda file: os.truncate(file, 0),
    "deletes a file": lambda file: file.unlink(),
    "renames a file": lambda file: file.rename(file.with_name("moved")),
    "makes a directory": lambda file: file.with_name("made").mkdir(),
    "links a file": lambda file: os.link(file, file.with_name("linked")),
    "makes a symbolic link": lambda file: file.with_name("link").symlink_to(file),
    "changes its mode": lambda file: file.chmod(0o777),
    "changes its owner": lambda file: os.chown(file, 1, 1),
    "changes its times": lambda file: os.utime(file, (0, 0)),
    "changes its attributes": lambda file: os.setxattr(file, "user.x", b"x"),
    "reads what was not granted": lambda file: Path(SECRET).read_text(),
    "lists a directory": lambda file: os.listdir("/"),
    "reads its own environment": lambda file: Path("/proc/self/environ").read_bytes(),
    "reads the parent's environment": lambda file: Path(f"/proc/{PARENT}/environ").read_bytes(),
    "reads the parent's memory": lambda file: Path(f"/proc/{PARENT}/mem").read_bytes(),
    "opens a socket": lambda file: socket.socket(),
    "opens a local socket": lambda file: socket.socket(socket.AF_UNIX),
    "opens a pair of sockets": lambda file: socket.socketpair(),
    "asks for an address": lambda file: socket.create_connection(("127.0.0.1", 9)),
    "runs a program": lambda file: subprocess.run(["/bin/true"]),
    "becomes a program": lambda file: os.execv("/bin/true", ["true"]),
    "asks a shell": lambda file: os.system("true"),
    "forks": lambda file: bomb_of_forks(),
    "kills its parent": lambda file: os.kill(PARENT, signal.SIGKILL),
    "kills its group": lambda file: os.killpg(0, signal.SIGKILL),
    "never ends, in C": lambda file: sum(range(10**12)),
    "sleeps": lambda file: time.sleep(60),
    "takes all memory": lambda file: bomb_of_memory(),
    "reports too much": lambda file: huge_report(),
    "forges a report": lambda file: deep_report(),
    "leaves": lambda file: os._exit(0),
    "closes everything": lambda file: close_everything(),
    "traps every signal": lambda file: trap_signals(),
    "ends itself": lambda file: interrupt(),
    "crashes": lambda file: crash(),
    "leaves threads behind": lambda file: threads_that_stay(),
    "cannot be sent": lambda file: object(),
}
SYSTEM: dict[str, tuple[int, ...]] = {
    "fork": (57,), "vfork": (58,), "clone": (56, 17), "clone of a namespace": (56, 0x10010000), "clone3": (435, 0, 0),
    "kill": (62, PARENT, 9), "tkill": (200, PARENT, 9), "tgkill": (234, PARENT, PARENT, 9),
    "pidfd_open": (434, PARENT, 0), "ptrace": (101, 16, PARENT, 0, 0),
    "process_vm_readv": (310, PARENT, 0, 0, 0, 0, 0), "prlimit": (302, PARENT, 7, 0, 0), "prctl": (157, 1, 0),
    "seccomp": (317, 1, 0, 0), "bpf": (321, 0, 0, 0), "perf_event_open": (298, 0, 0, -1, -1, 0),
    "io_uring_setup": (425, 1, 0), "keyctl": (250, 0, -3, 0), "add_key": (248, 0, 0, 0, 0, 0),
    "mount": (165, 0, 0, 0, 0, 0), "memfd_create": (319, 0, 0), "execveat": (322, 0, 0, 0, 0, 0),
    "shmget": (29, 0, 4096, 0o1600), "mq_open": (240, 0, 0), "userfaultfd": (323, 0), "unshare": (272, 0x10000000),
    "setns": (308, 0, 0), "chroot": (161, 0), "personality": (135, 0), "setpriority": (141, 0, PARENT, 19),
    "sched_setaffinity": (203, PARENT, 0, 0), "ioctl": (16, 1, 0x5401, 0),
    "fcntl that sends signals": (72, 1, 8, PARENT), "madvise that removes": (28, 0, 4096, 9), "setuid": (105, 1),
    "int on x32": (0x40000000 + 41, 1, 1, 0), "flock": (73, 1, 1), "setitimer": (38, 0, 0, 0),
    "reboot": (169, 0, 0, 0),
}  # fmt: skip


@locked
@pytest.mark.parametrize("name", HOSTILE)
def test_harm_is_contained_and_says_nothing_about_the_code(name: str, tmp_path: Path) -> None:
    file = tmp_path / "data.csv"
    file.write_text("a,b\n1,2\n")
    before = file.stat()
    report = trial(lambda: HOSTILE[name](file), [file], seconds=1.0)
    assert report.status == "not tried"
    assert report.why
    assert [path.name for path in tmp_path.iterdir()] == ["data.csv"]
    assert (file.stat(), file.read_text()) == (before, "a,b\n1,2\n")


@locked
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers are those of x86_64")
@pytest.mark.parametrize("name", SYSTEM)
def test_calls_of_the_system_are_refused_too(name: str) -> None:
    report = trial(call_of_the_system(*SYSTEM[name]), seconds=2.0)
    assert report.status == "not tried"
    assert "refused" in report.why, report


@locked
@pytest.mark.parametrize("kind", [mmap.ACCESS_WRITE, mmap.ACCESS_DEFAULT])
def test_memory_that_is_shared_with_the_child_cannot_be_written(kind: int, tmp_path: Path) -> None:
    def overwrite() -> None:
        shared[:4] = b"evil"

    with mmap.mmap(-1, 4096, access=kind) as shared:
        shared[:4] = b"good"
        assert trial(overwrite).status == "not tried"
        assert shared[:4] == b"good"


@locked
def test_memory_that_is_shared_cannot_be_made_writable_again() -> None:
    def overwrite() -> bool:
        return ctypes.CDLL(None).mprotect(ctypes.c_void_p(address), ctypes.c_size_t(4096), 3) == 0

    shared = mmap.mmap(-1, 4096)
    address = ctypes.addressof(ctypes.c_char.from_buffer(shared))
    if tuple(map(int, os.uname().release.split(".")[:2])) >= (6, 10):
        assert trial(overwrite) == Report("done", False)


@locked
def test_nothing_of_the_parents_files_is_open_in_the_child(tmp_path: Path) -> None:
    with (tmp_path / "open").open("w") as held:
        number = held.fileno()
        report = trial(lambda: [is_open(n) for n in (0, 1, 2, number)] + [sum(map(is_open, range(3, 500)))])
    assert report.value == [True, True, True, False, 1]


# ── what honest code sees ──


@locked
def test_a_benign_answer_comes_back() -> None:
    assert trial(lambda: {"rows": [1, 2.5, None, "ü"]}) == Report("done", {"rows": [1, 2.5, None, "ü"]})


@locked
def test_a_frame_of_the_parent_can_be_grouped() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"product": ["pear", "fig"] * 5000, "price": range(10_000)})
    report = trial(lambda: frame.groupby("product")["price"].sum().to_dict())
    assert report == Report("done", {"fig": 25_000_000, "pear": 24_995_000})


@locked
def test_matrices_are_multiplied_by_the_library_s_threads() -> None:
    numpy = pytest.importorskip("numpy")
    ones = numpy.ones((600, 600))
    assert trial(lambda: float((ones @ ones).sum())).value == (ones @ ones).sum()


@locked
def test_a_file_that_was_granted_can_be_read(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    file = tmp_path / "data.csv"
    file.write_text("a,b\n1,2\n")
    assert trial(file.read_text, [file]).value == "a,b\n1,2\n"
    assert trial(lambda: int(pandas.read_csv(file)["b"].sum()), [tmp_path]).value == 2
    assert trial(file.read_text).status == "not tried"


def honest_work() -> Any:
    import csv
    import difflib
    import io
    import random
    import re
    import statistics
    import zoneinfo
    from concurrent.futures import ThreadPoolExecutor

    berlin = datetime(2026, 7, 1, 12, tzinfo=UTC).astimezone(zoneinfo.ZoneInfo("Europe/Berlin"))
    rows = list(csv.reader(io.StringIO("a,b\n1,2\n")))
    with ThreadPoolExecutor(2) as pool:
        squares = list(pool.map(lambda n: n * n, range(3)))
    random.random(), difflib.get_close_matches("a", ["a"]), time.sleep(0.001), print("nobody hears this")
    database = sqlite3.connect(":memory:")
    found = database.execute("select 1 + 1").fetchone()[0]
    number = str(Decimal("0.1") + Decimal("0.2"))
    return [berlin.hour, rows[1], squares, found, number, re.findall(r"\d+", "a1b22"), statistics.mean([1, 2])]


@locked
def test_the_standard_library_works_as_ever(capfd: pytest.CaptureFixture[str]) -> None:
    assert trial(honest_work).value == [14, ["1", "2"], [0, 1, 4], 2, "0.3", ["1", "22"], 1.5]
    assert capfd.readouterr() == ("", "")


@locked
def test_what_the_code_raises_is_told_with_its_traceback() -> None:
    def ratio() -> float:
        return 1 / len([])

    report = trial(ratio)
    assert (report.status, report.error) == ("raised", "ZeroDivisionError: division by zero")
    assert "in ratio" in report.why


@locked
def test_a_file_that_is_not_there_is_the_code_s_fault(tmp_path: Path) -> None:
    assert trial((tmp_path / "none.csv").read_text, [tmp_path]).error.startswith("FileNotFoundError: ")


@locked
def test_errors_of_any_size_come_back_short() -> None:
    def fail() -> None:
        raise ValueError("x" * 10**6)

    assert trial(fail).status == "raised"
    assert len(json.dumps(vars(trial(fail)))) < LIMIT


# ── what tells nothing about the code ──


class NotWritten(LookupError): ...


def swallow(act: Callable[[], Any]) -> Callable[[], str]:
    def work() -> str:
        try:
            act()
        except Exception:
            return "a default"
        return "done"

    return work


@locked
def test_code_that_swallows_a_refusal_was_not_tried(tmp_path: Path) -> None:
    for act in (socket.socket, (tmp_path / "x").touch, lambda: (tmp_path / "x").write_text("x"), tmp_path.rmdir):
        assert trial(swallow(act), [tmp_path]).why.startswith("a trial forbids ")


@locked
def test_memory_ends_before_the_machine_s_does() -> None:
    assert trial(bomb_of_memory, seconds=60).why.startswith("MemoryError")


@locked
def test_an_error_that_came_of_a_refusal_was_not_tried() -> None:
    def work() -> None:
        try:
            Path(SECRET).read_text()
        except OSError as error:
            raise ValueError("no data") from error

    assert trial(work).why.startswith("PermissionError: ")


@locked
def test_an_error_that_the_caller_calls_its_own_was_not_tried() -> None:
    def work() -> None:
        raise NotWritten("sales.clean is not written")

    assert trial(work).status == "raised"
    assert trial(work, outside=(NotWritten,)) == Report("not tried", why="NotWritten: sales.clean is not written")


@locked
def test_a_live_connection_does_not_come_along(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "db")
    database.execute("create table t (x)")
    report = trial(lambda: database.execute("select * from t").fetchall(), [tmp_path])
    database.close()
    assert report.status == "not tried"


def test_errors_tell_whether_they_are_the_code_s_own() -> None:
    assert refusal(PermissionError(1, "no")).startswith("PermissionError")
    assert (
        refusal(PermissionError("written on purpose")) == refusal(FileNotFoundError(2, "none")) == refusal(None) == ""
    )
    assert all(refusal(error) for error in (MemoryError(), ModuleNotFoundError("x")))
    assert refusal(NotWritten()) == "" != refusal(NotWritten(), (LookupError,))


# ── the parent ──


def children() -> set[str]:
    """The processes that this one has started, ended ones that nobody has asked about too."""
    found = set()
    for about in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            found.update([about.parent.name] * (about.read_text().rpartition(")")[2].split()[1] == str(os.getpid())))
    return found


@locked
def test_the_parent_is_as_it_was_after_trials_of_every_ending() -> None:
    others = children()
    before = set(os.listdir("/proc/self/fd")), threading.active_count(), signal.pthread_sigmask(signal.SIG_BLOCK, ())
    for work in (lambda: 1, lambda: 1 / 0, crash, lambda: os._exit(3), lambda: time.sleep(60), huge_report):
        trial(work, seconds=0.5)
    time.sleep(0.05)
    after = set(os.listdir("/proc/self/fd")), threading.active_count(), signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert before == after
    assert children() == others


@locked
def test_ctrl_c_ends_the_child() -> None:
    others = children()
    threading.Timer(0.3, signal.pthread_kill, (threading.get_ident(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        trial(lambda: time.sleep(60), seconds=30)
    assert children() == others


@locked
def test_a_child_that_cannot_be_started_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise BlockingIOError(11, "too many processes")

    monkeypatch.setattr(os, "fork", refuse)
    before = set(os.listdir("/proc/self/fd"))
    assert "too many processes" in trial(lambda: 1).why
    assert set(os.listdir("/proc/self/fd")) == before
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()


@locked
def test_several_threads_may_try_at_once() -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool, warnings.catch_warnings():
        warnings.simplefilter("error")
        reports = list(pool.map(lambda n: trial(lambda: n, seconds=30), range(12)))
    assert [report.value for report in reports] == list(range(12))


@pytest.mark.parametrize("library", ["polars", "pyspark", "ray"])
def test_no_trial_where_a_library_would_hang_in_it(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setitem(sys.modules, library, sys)
    assert cannot_try() == trial(lambda: 1).why == f"{library} is loaded, which breaks in a forked child"


def test_no_trial_where_there_is_no_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert trial(lambda: 1) == Report("not tried", why="only Linux can lock a child")


@locked
def test_no_trial_where_the_lock_does_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent_repl_bounds.lockdown._program", lambda: (6).to_bytes(2, "little") + b"\0\0\0\0\xff\x7f")
    assert "let this through" in cannot_try()
