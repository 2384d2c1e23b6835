"""Code that runs in a worker: a crash, a hang or a bomb stays there, and the state before the call is back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import kit
import pytest

from agent_repl import ExecutorError, pin
from agent_repl_workers.executor import WorkerExecutor

LINUX = sys.platform == "linux"
both = pytest.mark.parametrize("place", ["process", "sandbox"] if LINUX else ["process"])
sandboxed = pytest.mark.skipif(not LINUX, reason="only Linux has Landlock")

ADD = '''
def add(self, n=1):
    """Add to the total."""
    self.total = getattr(self, "total", 0) + n
    return self.total
'''


def session(home: Path, place: str, *replies: Any, **settings: Any) -> Any:
    return kit.session(home, *replies, **{"executor": place, "repairs": 0} | settings)


# ── what a call does ──


@both
def test_state_that_a_call_changes_comes_back(tmp_path: Path, place: str) -> None:
    counter = session(tmp_path, place, ADD).agent("counter", total=5)
    assert (counter.add(2), counter.add(n=3), counter.add(), counter.total) == (7, 10, 11, 11)


@both
def test_nothing_of_the_code_runs_here(tmp_path: Path, place: str) -> None:
    code = '''
    import os
    def where(self, at=os.getpid()):
        """Say where."""
        return [at, os.getpid()]
    '''
    made = session(tmp_path, place, code).agent("place")
    here = made.where()
    assert os.getpid() not in here
    assert len(set(here)) == 1
    assert str(made.where.__signature__) == "(at=Ellipsis)"
    assert made.where.__doc__ == "Say where."


@both
@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("import os; os._exit(3)", r"it left by itself \(3\)"),
        ("import ctypes; ctypes.string_at(0)", "ended by SIGSEGV"),
        ("return sum(range(10**13))", "max_run_seconds=1"),
        ("import time; time.sleep(1000)", "max_run_seconds=1"),
        ("import re; re.match('(a+)+$', 'a' * 60 + 'b')", "max_run_seconds=1"),
        ("import sys; sys.exit(1)", "asked Python to end"),
        ("return (n for n in range(3))", "generator"),
        ("return open('/dev/null')", "cannot come back"),
    ],
)
def test_what_ends_a_worker_leaves_the_state_before_the_call(tmp_path: Path, place: str, body: str, why: str) -> None:
    harm = f"def harm(self):\n    self.total = 99\n    self.rows.append(4)\n    self.new = 1\n    {body}"
    review = kit.Person("accept", "accept")
    counter = session(tmp_path, place, harm, ADD, max_run_seconds=1, review=review).agent("counter", total=5, rows=[1])
    with pytest.raises(ExecutorError, match=why):
        counter.harm()
    assert vars(counter) == {"total": 5, "rows": [1]}
    assert counter.add(1) == 6


@both
def test_a_memory_bomb_is_a_memory_error(tmp_path: Path, place: str) -> None:
    bomb = "def bomb(self):\n    self.total = 99\n    return len(bytearray(10**11))"
    counter = session(tmp_path, place, bomb).agent("counter", total=5)
    with pytest.raises(MemoryError):
        counter.bomb()
    assert counter.total == 5


@both
def test_what_code_raises_is_raised_here_at_its_own_line(tmp_path: Path, place: str) -> None:
    fails = "def fails(self, n):\n    self.total = 99\n    rows = {}\n    return rows['x', n]"
    counter = session(tmp_path, place, fails).agent("counter", total=5)
    with pytest.raises(KeyError) as found:
        counter.fails(3)
    assert found.value.args == (("x", 3),)
    assert (found.traceback[-1].lineno, found.traceback[-1].name) == (3, "fails")
    assert counter.total == 5


@both
def test_code_that_raises_is_repaired(tmp_path: Path, place: str) -> None:
    wrong, right = "def double(self, n):\n    return n / 0", "def double(self, n):\n    return n * 2"
    made = session(tmp_path, place, wrong, right, repairs=1)
    assert made.agent("maths").double(4) == 8
    assert "line 2: return n / 0" in str(made.provider.prompts[1])


@both
def test_a_sibling_is_written_while_the_caller_waits(tmp_path: Path, place: str) -> None:
    twice = "def twice(self, n):\n    rows = self.rows\n    self.add(n)\n    self.add(n)\n    return [self.total, rows]"
    add = ADD.replace("    return", "    self.rows.append(n)\n    return")
    made = session(tmp_path, place, twice, add)
    counter = made.agent("counter", total=5, rows=[0])
    assert counter.twice(2) == [9, [0, 2, 2]]
    assert (counter.total, counter.rows, kit.asked(made)) == (9, [0, 2, 2], 2)


@both
def test_what_a_sibling_raises_can_be_caught_and_its_changes_are_gone(tmp_path: Path, place: str) -> None:
    outer = """
    def outer(self):
        self.rows.append(1)
        try:
            self.inner()
        except ValueError as error:
            return [str(error), list(self.rows)]
    """
    inner = "def inner(self):\n    self.rows.append(2)\n    raise ValueError('no')"
    made = session(tmp_path, place, outer, inner).agent("thing", rows=[])
    assert made.outer() == ["no", [1]]
    assert made.rows == [1]


@both
def test_an_error_of_the_host_goes_through_the_worker_as_it_is(tmp_path: Path, place: str) -> None:
    made = session(tmp_path, place, "def outer(self):\n    return self.inner()", max_calls=1)
    with pytest.raises(Exception, match="max_calls") as found:
        made.agent("thing").outer()
    assert type(found.value).__name__ == "BudgetExceeded"


@both
def test_a_pinned_method_runs_on_the_worker_too(tmp_path: Path, place: str) -> None:
    where = "import os\ndef where(self):\n    return os.getpid()"
    made = session(tmp_path, place, where)
    thing = made.agent("thing", name="thing")
    pid = thing.where()
    pin(thing, "where")
    assert pid == thing.where() != os.getpid()
    made.close()
    again = session(tmp_path, place).agent("thing", name="thing")
    assert again.where() not in (pid, os.getpid())


@both
def test_what_cannot_be_sent_is_told_before_a_model_is_paid(tmp_path: Path, place: str) -> None:
    made = session(tmp_path, place)
    for agent, given in (
        (made.agent("a", wraps=[1]), ()),
        (made.agent("b", deep=True), ()),
        (made.agent("c", lines=iter([1])), ()),
        (made.agent("d"), (sys.stdin,)),
    ):
        with pytest.raises(ExecutorError, match="cannot"):
            agent.total(*given)
    assert kit.asked(made) == 0


@both
def test_a_frame_goes_there_and_back(tmp_path: Path, place: str) -> None:
    pd = pytest.importorskip("pandas")
    code = "def add(self, frame):\n    self.frame = frame.assign(b=frame.a * 2)\n    return self.frame"
    frame = pd.DataFrame({"a": [1, 2], "s": ["x", None], "t": pd.to_datetime(["2020-01-01", None])})
    made = session(tmp_path, place, code).agent("frames", frame=frame)
    pd.testing.assert_frame_equal(made.add(frame), frame.assign(b=[2, 4]))
    pd.testing.assert_frame_equal(made.frame, frame.assign(b=[2, 4]))


@both
def test_what_is_printed_is_seen_here(tmp_path: Path, place: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = """
    def say(self):
        import sys
        print('one\\x1b[2J')
        print('two', file=sys.stderr)
        print('y' * 3_000_000)
    """
    session(tmp_path, place, code).agent("talker").say()
    seen = capsys.readouterr()
    assert ("one" in seen.out, "two" in seen.err, len(seen.out) < 1_100_000) == (True, True, True)
    assert ("\x1b" in seen.out) == (place == "process")


@both
def test_ctrl_c_ends_the_worker_and_the_state_is_back(tmp_path: Path, place: str) -> None:
    code = "def wait(self):\n    self.total = 1\n    print('here', flush=True)\n    import time\n    time.sleep(1000)"
    counter = session(tmp_path, place, code, ADD).agent("counter", total=5)

    class Screen:
        def write(self, text: str) -> None:
            me = threading.main_thread().ident
            threading.Timer(0.1, signal.pthread_kill, [me, signal.SIGINT]).start()

        def flush(self) -> None: ...

    old, sys.stdout = sys.stdout, Screen()  # type: ignore[assignment]
    try:
        with pytest.raises(KeyboardInterrupt):
            counter.wait()
    finally:
        sys.stdout = old
    assert (counter.total, counter.add(1)) == (5, 6)


@both
def test_many_agents_each_have_a_worker(tmp_path: Path, place: str) -> None:
    made = session(tmp_path, place, ADD)
    agents = [made.agent("counter", total=n) for n in range(12)]
    assert [agent.add() for agent in agents + agents] == [*range(1, 13), *range(2, 14)]


def test_a_worker_ends_with_its_host(tmp_path: Path) -> None:
    program = f"""
import sys; sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parent.parent)]!r}
import kit, pathlib
code = "def wait(self):\\n    import os, time\\n    print(os.getpid(), flush=True)\\n    while True: pass"
kit.session(pathlib.Path({str(tmp_path)!r}), code, executor="process").agent("thing").wait()
"""
    host = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert host.stdout is not None
    pid = int(host.stdout.readline())
    host.kill()
    host.wait()
    while is_there(pid):
        time.sleep(0.01)


def is_there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] not in "ZX" if LINUX else not os.kill(pid, 0)
    except OSError:
        return False


# ── the sandbox ──


@sandboxed
def test_a_sandbox_reads_what_a_call_names_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("one")
    (tmp_path / "two.txt").write_text("two")
    code = "def read(self, path):\n    return open(path).read()\n"
    sly = "def sly(self):\n    self.path = self.path.replace('one', 'two')\n"
    made = session(tmp_path, "sandbox", code, sly)
    reader = made.agent("reader", path=str(tmp_path / "one.txt"))
    assert reader.read(str(tmp_path / "one.txt")) == "one"
    reader.sly()
    assert reader.path.endswith("two.txt")
    assert reader.read(str(tmp_path / "two.txt")) == "two"  # a person named it


@sandboxed
def test_a_sandbox_says_what_holds_it(tmp_path: Path) -> None:
    made = WorkerExecutor(sandbox=True)
    assert "Landlock, seccomp, rlimits" in made.isolation
