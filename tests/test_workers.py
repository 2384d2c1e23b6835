"""Code that runs in a worker: a crash, a hang or a bomb stays there, and the state before the call is back."""

from __future__ import annotations

import asyncio
import copy
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import kit
import pytest

from agent_repl import AgentError, ExecutorError, ScriptedProvider, emit, keep, pin, revise, source, versions
from agent_repl_classes import agentic, configure, describe, reset
from agent_repl_data.crossing import pack
from agent_repl_data.crossing.wire import framed
from agent_repl_workers.executor import WorkerExecutor
from agent_repl_workers.host import bubblewrap, works

LINUX = sys.platform == "linux"
both = pytest.mark.parametrize("place", ["process", "sandbox"] if LINUX else ["process"])
sandboxed = pytest.mark.skipif(not LINUX, reason="only Linux has Landlock")

ADD = '''
def add(self, n=1):
    """Add to the total."""
    self.total = getattr(self, "total", 0) + n
    return self.total
'''


HERE = "hash('here')"
"""Tells processes from each other: inside bubblewrap each is number 1."""


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
    counter = session(tmp_path, place, harm, ADD, max_run_seconds=1, review=review, without="trial").agent(
        "counter", total=5, rows=[1]
    )
    with pytest.raises(ExecutorError, match=why):
        counter.harm()
    assert vars(counter) == {"total": 5, "rows": [1]}
    assert counter.add(1) == 6


@both
@pytest.mark.parametrize("code", ["def each(self):\n    yield 1", "async def each(self):\n    yield 1"])
def test_what_is_read_as_it_goes_is_told_to_be_a_list(tmp_path: Path, place: str, code: str) -> None:
    with pytest.raises(ExecutorError, match="make a list of it"):
        session(tmp_path, place, code).agent("things").each()


@both
def test_a_package_that_is_missing_is_named_at_each_call(tmp_path: Path, place: str) -> None:
    code = "import nowhere_to_be_found\n\ndef draw(self):\n    return nowhere_to_be_found.draw()"
    painter = session(tmp_path, place, code, without="trial").agent("painter")
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="nowhere_to_be_found"):
            painter.draw()


@both
def test_an_agent_inside_data_is_refused_before_anything_is_paid(tmp_path: Path, place: str) -> None:
    home = session(tmp_path, place, ADD)
    other, holder = home.agent("counter", total=5), home.agent("holder")
    for given, kind in (
        (other, "Counter"),
        ([other], "Counter"),
        ({"of": other}, "Counter"),
        (other.add, "MethodHandle"),
    ):
        with pytest.raises(ExecutorError, match=rf"argument 1: a .*\b{kind} (cannot be sent|is or holds an agent)"):
            holder.both(given)
    assert kit.asked(home) == 0
    assert other.add(1) == 6


@both
def test_the_writer_is_told_the_line_that_failed_and_not_that_of_a_stub(tmp_path: Path, place: str) -> None:
    bad, good = "def first(self, rows):\n    return rows[5]", "def first(self, rows):\n    return rows[0]"
    home = session(tmp_path, place, bad, good, repairs=2, without="trial")
    assert home.agent("rows").first([1, 2]) == 1
    assert "IndexError: list index out of range\nline 2: return rows[5]\n" in home.provider.prompts[-1].user


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
def test_what_was_changed_before_a_call_of_a_sibling_is_put_back_too(tmp_path: Path, place: str) -> None:
    """Pinned, so that nothing but the worker's host puts anything back."""
    outer = "def outer(self, n):\n    self.total = 1\n    self.inner()\n    return 1 / n"
    inner = "def inner(self):\n    self.rows = [*self.rows, 2]\n    self.new = 3"
    thing = session(tmp_path, place, outer, inner).agent("thing", total=0, rows=[1])
    assert thing.outer(1) == 1
    pin(thing, "outer")
    pin(thing, "inner")
    vars(thing).update(total=0, rows=[1])
    del thing.new
    with pytest.raises(ZeroDivisionError):
        thing.outer(0)
    assert vars(thing) == {"total": 0, "rows": [1]}
    assert (thing.outer(1), thing.rows) == (1, [1, 2])


@both
def test_an_error_of_the_host_goes_through_the_worker_as_it_is(tmp_path: Path, place: str) -> None:
    made = session(tmp_path, place, "def outer(self):\n    return self.inner()", max_calls=1)
    with pytest.raises(Exception, match="max_calls") as found:
        made.agent("thing").outer()
    assert type(found.value).__name__ == "BudgetExceeded"


@both
def test_a_pinned_method_runs_on_the_worker_too(tmp_path: Path, place: str) -> None:
    where = f"def where(self):\n    return {HERE}"
    made = session(tmp_path, place, where)
    thing = made.agent("thing", name="thing")
    first = thing.where()
    pin(thing, "where")
    assert first == thing.where() != eval(HERE)
    made.close()
    again = session(tmp_path, place).agent("thing", name="thing")
    assert again.where() not in (first, eval(HERE))


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
        with pytest.raises(KeyboardInterrupt) as caught:
            counter.wait()
    finally:
        sys.stdout = old
    assert not {"wire.py", "host.py"} & {Path(entry.path).name for entry in caught.traceback}
    assert "the state before is back" in caught.value.__notes__[0]
    assert (counter.total, counter.add(1)) == (5, 6)


@both
def test_many_agents_each_have_a_worker(tmp_path: Path, place: str) -> None:
    made = session(tmp_path, place, ADD)
    agents = [made.agent("counter", total=n) for n in range(12)]
    assert [agent.add() for agent in agents + agents] == [*range(1, 13), *range(2, 14)]


def started(home: Path, place: str, seconds: float, then: str) -> Any:
    """A host of its own with agents in `place`; what its children leave behind stays below it."""
    program = f"""
import ctypes, contextlib, kit, pathlib, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) if sys.platform == "linux" else None  # PR_SET_CHILD_SUBREAPER
def agent(code):
    given = {{"executor": {place!r}, "repairs": 0, "max_run_seconds": {seconds}, "review": kit.Person("accept")}}
    made = kit.session(pathlib.Path({str(home)!r}), code, without="trial", **given)
    return made.agent("thing"), made.close
{then}
"""
    around = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1])])}
    return subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=around
    )


@both
def test_a_worker_ends_with_its_host(tmp_path: Path, place: str) -> None:
    wait = "def wait(self):\\n    print('here', flush=True)\\n    while True: pass"
    host = started(tmp_path, place, 60, f'agent("{wait}")[0].wait()')
    assert host.stdout is not None
    assert host.stdout.readline() == "here\n"
    workers = below(host.pid)
    host.kill()
    host.communicate()
    assert workers
    while any(map(is_there, workers)):
        time.sleep(0.01)


@both
def test_what_has_ended_leaves_no_process_behind(tmp_path: Path, place: str) -> None:
    """Not even one that waits to be heard: few containers have an init that would."""
    then = """
for body in ("return 1", "import os; os._exit(3)", "import ctypes; ctypes.string_at(0)", "while True: pass"):
    one, close = agent(f"def go{len(body)}(self):\\n    {body}")
    with contextlib.suppress(Exception):
        getattr(one, f"go{len(body)}")()
    close()
print("done", flush=True)
sys.stdin.read()
"""
    host = started(tmp_path, place, 0.5, then)
    assert host.stdout is not None
    assert host.stdout.readline() == "done\n"
    left = below(host.pid)
    host.communicate()
    assert left == []


def below(host: int) -> list[int]:
    """The processes below one, with those that have ended and were not heard."""
    if LINUX:
        lines = []
        for path in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                lines.append(path.read_text())
        parents = {int(line.split()[0]): int(line.rpartition(")")[2].split()[1]) for line in lines}
    else:
        told = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
        parents = {int(line.split()[0]): int(line.split()[1]) for line in told.splitlines()}
    found = [host]
    for each in found:
        found += [pid for pid, parent in parents.items() if parent == each and pid != host]
    return found[1:]


def is_there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] not in "ZX" if LINUX else not os.kill(pid, 0)
    except OSError:
        return False


# ── what is written runs nowhere here ──


@both
def test_no_way_of_a_method_runs_its_code_here(tmp_path: Path, place: str) -> None:
    code = f"""
    def where(self, n: int = int("1"), by: list = [{HERE}]):
        "Say where."
        self.seen = [*self.seen, {HERE}, *by]
        return n
    """
    caller = "def twice(self, n):\n    return self.where(n) + self.where(n)"
    person = kit.Person(*["accept"] * 9)
    made = session(tmp_path, place, code, caller, code.replace("return n", "return n + 1"), review=person)
    thing = made.agent("thing", name="thing", seen=[1])
    assert (thing.where(2), thing.twice(2)) == (2, 4)
    looked = [thing.where.__signature__, thing.where.__doc__, thing.where.__wrapped__, dir(thing), thing.where]
    assert str(looked)
    keep(thing, "where", 3)
    assert (source(thing.where), made.call(thing, "where", 2).value, len(versions(thing.where))) != ("", 2, 0)
    assert "tried in isolation: it answers 2" in person.seen[0].tried
    assert revise(thing, "where", words="add one") == 3
    assert any(line.startswith("where(3): 3; ") and " → 4; " in line for line in person.seen[-1].answers)
    pin(thing, "where")
    pin(thing, "twice")
    file = tmp_path / ".agent_repl" / "modules" / "thing.py"
    file.write_text(file.read_text().replace("return n + 1", "return n + 2"))
    assert thing.where(1) == 2
    made.close()
    other = session(tmp_path, place, review=kit.Person(*["accept"] * 9)).agent("thing", name="thing", seen=[1])
    assert (other.where(1), type(other).where(other, 1), copy.copy(other).where(1)) == (3, 3, 3)
    emit(other, tmp_path / "out.py", tests=False)
    assert eval(HERE) not in [*thing.seen, *other.seen]
    assert len(set(other.seen)) == 2


@both
def test_methods_of_ordinary_classes_are_refused(tmp_path: Path, place: str) -> None:
    provider = ScriptedProvider([kit.fenced(ADD)])
    configure(home=tmp_path / ".agent_repl", provider=provider, review="auto", executor=place)
    try:
        with pytest.raises(ExecutorError, match="ordinary classes run in this process"):
            describe(agentic(type("Thing", (), {"__doc__": "A thing."})), "adds one")
    finally:
        reset()
    assert provider.prompts == []


@both
def test_a_draft_is_tried_in_isolation_whatever_holds_accepted_code(tmp_path: Path, place: str) -> None:
    canary = tmp_path / "canary"
    code = f"def write(self):\n    open({str(canary)!r}, 'w').close()\n    return 1"
    person = kit.Person("reject")
    with pytest.raises(AgentError, match="rejected"):
        session(tmp_path, place, code, review=person).agent("writer").write()
    assert not canary.exists()
    assert "not tried" in person.seen[0].tried


@both
def test_a_draft_that_swallows_what_a_trial_forbids_was_not_tried(tmp_path: Path, place: str) -> None:
    code = """
    def write(self):
        try:
            open("canary", "w").close()
        except OSError:
            return 1
    """
    person = kit.Person("reject")
    with pytest.raises(AgentError, match="rejected"):
        session(tmp_path, place, code, review=person).agent("writer").write()
    assert "not tried" in person.seen[0].tried
    assert "a trial forbids open" in person.seen[0].tried


@both
def test_an_emitted_class_is_plain_python(tmp_path: Path, place: str) -> None:
    made = session(tmp_path, place, ADD).agent("counter", total=5)
    made.add(2)
    file = emit(made, tmp_path / "counter_class.py")
    program = "import sys; sys.path.insert(0, '.'); from counter_class import Counter; print(Counter().add(2))"
    python = [sys.executable, "-I", "-c", program]
    run = subprocess.run(python, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == ("2\n", "")
    assert "agent_repl" not in file.read_text().partition("class ")[2]


# ── the sandbox ──


SPEAK = """import os
for n in range(3, 99):
    try:
        os.write(n, {!r})
    except OSError:
        pass"""


IN_TURN = """import os
from agent_repl_data.crossing import pack
type(self)._agent_guest_.send([{}])"""


def tried(tmp_path: Path, body: str, *given: Any, **state: Any) -> Any:
    """What a method with this body answers in a sandbox; flagged code is accepted."""
    code = "def go(self, *given):\n" + "\n".join(f"    {line}" for line in body.splitlines())
    made = session(tmp_path, "sandbox", code, review=kit.Person("accept"), without="trial")
    return made.agent("thing", **state).go(*given)


@sandboxed
def test_a_sandbox_reads_what_a_call_names_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("one")
    (tmp_path / "two.txt").write_text("two")
    read = "def read(self, path):\n    return open(path).read()\n"
    sly = "def sly(self):\n    self.path = self.path.replace('one', 'two')\n    return 1"
    made = session(tmp_path, "sandbox", read, sly, review=kit.Person(*["accept"] * 4))
    reader = made.agent("reader", path=str(tmp_path / "one.txt"))
    assert reader.read(str(tmp_path / "one.txt")) == "one"
    with pytest.raises(PermissionError):
        tried(tmp_path / "a", f"return open({str(tmp_path / 'two.txt')!r}).read()")
    with pytest.raises(ExecutorError, match="a file that it may not read"):
        reader.sly()
    assert reader.path.endswith("one.txt")
    assert reader.read(str(tmp_path / "two.txt")) == "two"  # a person named it


@sandboxed
def test_a_state_that_the_code_made_up_grants_nothing(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    turn = f"def turn(self):\n    self.path = {str(secret)!r}\n    return 1"
    read = "def read(self):\n    return open(self.path).read()"
    made = session(tmp_path, "sandbox", turn, read, review=kit.Person("accept", "accept"), without="trial")
    thing = made.agent("thing", path="none")
    thing.turn()
    secret.write_text("hush")
    with pytest.raises(PermissionError):
        thing.read()
    thing.path = "none"
    with pytest.raises(ExecutorError, match="a file that it may not read"):
        thing.turn()
    thing.path = str(secret)  # now it is the person's
    assert thing.read() == "hush"


@sandboxed
@pytest.mark.parametrize("value", ["/", ".", "..", "~"])
def test_a_separator_is_no_grant(tmp_path: Path, value: str) -> None:
    with pytest.raises(PermissionError):
        tried(tmp_path, "import os\nreturn os.listdir('/') + os.listdir(given[0])", os.path.expanduser(value))


@sandboxed
def test_a_sandbox_writes_its_own_folder_which_is_bounded(tmp_path: Path) -> None:
    write = "import pathlib, tempfile\nhere = pathlib.Path(tempfile.gettempdir())\n"
    assert tried(tmp_path / "a", write + "(here / 'x').write_text('y')\nreturn (here / 'x').read_text()") == "y"
    with pytest.raises(OSError, match=r"denied|Read-only"):  # inside bubblewrap the disk says so first
        tried(tmp_path / "b", f"open({str(tmp_path / 'x')!r}, 'w')")
    assert not (tmp_path / "x").exists()
    with pytest.raises(ExecutorError, match="it wrote more than"):
        tried(tmp_path / "c", write + "for n in range(10_001):\n    (here / str(n)).touch()")
    with pytest.raises(OSError, match="too large"):
        tried(tmp_path / "d", write + "with open(here / 'x', 'wb') as file:\n    file.truncate(1 << 40)")


@sandboxed
@pytest.mark.parametrize(
    "body",
    [
        "import os\nreturn os.environ['CANARY']",
        "import os\nreturn open(f'/proc/{os.getppid()}/environ', 'rb').read()",
        "return open('/proc/self/environ').read()",
        "import socket\nsocket.socket()",
        "import socket\nsocket.socketpair()",
        "import subprocess\nsubprocess.run(['true'])",
        "import os\nos.fork()",
        "import os\nos.kill(os.getppid(), 9)",
        "import os\nreturn [os.write(n, b'x') for n in range(5, 50)]",
        "import os\nos.chmod(given[0], 0)",
        "import os\nos.utime(given[0])",
        "import os\nos.truncate(given[0], 0)",
    ],
)
def test_a_sandbox_has_no_secrets_no_network_and_no_processes(
    tmp_path: Path, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY", "alive")
    (tmp_path / "given").write_text("as it was")
    with pytest.raises((OSError, KeyError)):
        tried(tmp_path, body, *[str(tmp_path / "given")] * ("given" in body))
    assert (tmp_path / "given").read_text() == "as it was"


@sandboxed
def test_threads_that_are_left_behind_stand_still(tmp_path: Path) -> None:
    code = """
    def leave(self):
        import threading
        def spin():
            while True:
                counts[0] += 1
        counts = self.counts = [0]
        threading.Thread(target=spin, daemon=True).start()
        return 1
    """
    made = session(tmp_path, "sandbox", code, ADD, review=kit.Person("accept", "accept"), without="trial")
    thing = made.agent("thing", total=0)
    thing.leave()
    (post,) = vars(made.shop.executor)["_posts"].values()
    assert Path(f"/proc/{post._worker.pid}/stat").read_text().split(") ")[1][0] == "T"
    assert thing.add() == 1


@sandboxed
def test_a_nested_call_names_no_file_that_is_not_granted(tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("password\nhush\n")
    outer = f"def outer(self):\n    return self.columns({str(secret)!r})"
    made = session(tmp_path, "sandbox", outer, review=kit.Person("accept"), without="trial")
    with pytest.raises(PermissionError):
        made.agent("thing").outer()
    assert kit.asked(made) == 1


@sandboxed
def test_a_sandbox_says_what_holds_it_or_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = session(tmp_path, "sandbox", ADD, review=(person := kit.Person("accept")))
    wrapped = ", bubblewrap)" if bubblewrap() else "; no bubblewrap here)"
    assert f"(Landlock, seccomp, rlimits{wrapped}" in made.describe()
    made.agent("thing", total=1).add()
    assert "Landlock, seccomp, rlimits" in person.seen[0].isolation
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(ExecutorError, match="needs Linux"):
        WorkerExecutor(sandbox=True)
    assert WorkerExecutor(sandbox=False).name == "process"


@sandboxed
def test_a_sandbox_that_does_not_hold_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied = tmp_path / "agent_repl_bounds"
    shutil.copytree(Path(__file__).parent.parent / "agent_repl_bounds", copied)
    text = (copied / "lockdown.py").read_text()
    (copied / "lockdown.py").write_text(text.replace("    _grant(ask, [*_own(), *readable], writable)\n", ""))
    monkeypatch.setattr("agent_repl_workers.host._path", lambda: [str(tmp_path), *sys.path])
    with pytest.raises(ExecutorError, match="let this through"):
        WorkerExecutor(sandbox=True)


@sandboxed
def test_bubblewrap_that_does_not_isolate_is_not_used(tmp_path: Path) -> None:
    pretends = tmp_path / "pretends"
    pretends.write_text('#!/bin/sh\nwhile [ "$1" != "--new-session" ]; do shift; done; shift; exec "$@"\n')
    fails = tmp_path / "fails"
    fails.write_text("#!/bin/sh\nexit 1\n")
    for program in (pretends, fails):
        program.chmod(0o755)
        assert not works([str(program)])
    assert not works([str(tmp_path / "missing")])


@sandboxed
@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\xff" * 8,
        b"\x08" + b"\0" * 7 + b"nonsense",
        b"".join(framed(["value", pack(1), False, {}, []])),
        b"".join(framed(["", "value", pack(1), False, {}, []])),
        '"value", 1, 2, 3',
        '"value", pack(1), False, {"getdoc": pack(1)}, []',
        '"value", pack(1), False, {"go": pack(1)}, []',
        '"value", pack(1), False, {"x": 3}, []',
        '"value", pack(1), False, {"__class__": pack(1)}, []',
        '"raise", 7, {}',
        '"raise", None, {"text": 1}',
        '"ask", "method", "x", pack(1), {}, []',
        '"ask", "method", "x", pack([[], {}]), {"llm": pack(1)}, []',
        '"exec", "print"',
    ],
)
def test_a_worker_that_speaks_for_itself_is_ended(tmp_path: Path, sent: Any) -> None:
    speak = SPEAK.format(sent) if type(sent) is bytes else IN_TURN.format(sent)
    body = speak + "\nos._exit(0)"
    with pytest.raises(ExecutorError, match="state before is back"):
        tried(tmp_path, body, total=5)


@sandboxed
@pytest.mark.parametrize(
    "left",
    [
        SPEAK.format(b"".join(framed(["value", pack(4711), False, {}, []]))),
        "send = type(self)._agent_guest_.send\nfor _ in range(3):\n    send(['value', pack(4711), False, {}, []])",
        "send = type(self)._agent_guest_.send\nsend(['value', pack(1), False, {}, []])\nos._exit(3)",
        "import threading, time\nthreading.Timer(0.01, os._exit, [3]).start()",
        "import threading\nthreading.Timer(0.01, type(self)._agent_guest_.pipe.write, [b'x' * 99]).start()",
    ],
)
def test_what_a_call_left_in_the_pipe_answers_no_other(tmp_path: Path, left: str) -> None:
    body = f"from agent_repl_data.crossing import pack\nimport os\n{left}\nreturn 1"
    harm = "def harm(self):\n" + "\n".join(f"    {line}" for line in body.splitlines())
    made = session(tmp_path, "sandbox", harm, ADD, review=kit.Person("accept", "accept"), without="trial")
    thing = made.agent("thing", total=5)
    with suppress(ExecutorError):
        thing.harm()
    assert [thing.add() for _ in range(5)] == [6, 7, 8, 9, 10]


@sandboxed
def test_an_exception_that_lies_is_text(tmp_path: Path) -> None:
    told = {"kind": "\x1b[2Jevil", "base": "OSError", "args": None, "text": "\x1b]0;x\x07", "lines": [["x", 1]],
            "where": "\x1b", "about": "/etc/passwd"}  # fmt: skip
    body = IN_TURN.format(f'"raise", None, {told}')
    with pytest.raises(OSError, match="evil") as found:
        tried(tmp_path, body)
    assert "\x1b" not in f"{found.value}{found.value.__notes__}"


@both
def test_the_model_is_reached_only_through_the_host(tmp_path: Path, place: str) -> None:
    code = """
    def ask(self):
        kept = self.llm.each(["a", "b"], lambda item: f"what is {item}", on_error="keep")
        return [self.llm.ask("why"), kept[0], kept[1].error_type, self.llm.reduce(["a"], "sum")]
    """

    class Failed:
        position, error_type, message = 1, "timeout", "late"

    class Model:
        def ask(self, prompt: str) -> str:
            return f"because {prompt}"

        def each(self, items: list[str], prompt: str, on_error: str) -> list[Any]:
            return [f"{items[0]}? {prompt}", Failed()]

        def reduce(self, items: list[str], prompt: str) -> str:
            return "all"

    made = session(tmp_path, place, code, review=kit.Person("accept"), without="trial")
    made.shop.llm = lambda agent: Model()
    assert made.agent("thing").ask() == ["because why", "what is a? {item}", "timeout", "all"]
    other = "def other(self):\n    return self.llm.agent('another')"
    made = session(tmp_path / "b", place, other, review=kit.Person("accept"), without="trial")
    with pytest.raises(AttributeError, match="ask, each, reduce"):
        made.agent("thing").other()


@both
def test_async_methods_are_awaited(tmp_path: Path, place: str) -> None:
    code = "async def later(self, n):\n    self.total = n\n    return n + 1"
    thing = session(tmp_path, place, code).agent("thing", total=0)
    assert asyncio.run(thing.later(2)) == 3
    assert thing.total == 2


@both
def test_async_methods_await_each_other(tmp_path: Path, place: str) -> None:
    outer = "async def outer(self):\n    return await self.inner() + await self.inner()"
    inner = "async def inner(self):\n    self.total += 1\n    return self.total"
    thing = session(tmp_path, place, outer, inner).agent("thing", total=0)
    assert (asyncio.run(thing.outer()), thing.total) == (3, 2)


@both
def test_accepted_code_of_an_agent_that_wraps_is_refused(tmp_path: Path, place: str) -> None:
    kit.session(tmp_path, "def size(self):\n    return len(self.items)").agent("thing", items=[1]).size()
    with pytest.raises(ExecutorError, match="wraps an object of this process"):
        session(tmp_path, place).agent("thing", wraps=[1], items=[1]).size()


@both
def test_state_that_cannot_be_sent_later_leaves_nothing_half_sent(tmp_path: Path, place: str) -> None:
    code = "def count(self):\n    return [self.first, self.second]"
    thing = session(tmp_path, place, code).agent("thing", first=1, second=2)
    assert thing.count() == [1, 2]
    pin(thing, "count")
    thing.first, thing.second = 3, iter([1])
    with pytest.raises(ExecutorError, match=r"self\.second"):
        thing.count()
    thing.second = 4
    assert thing.count() == [3, 4]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_has_workers_of_its_own(tmp_path: Path) -> None:
    thing = session(tmp_path, "process", ADD).agent("thing", total=0)
    thing.add()
    with warnings.catch_warnings(action="ignore"):
        child = os.fork()
    if not child:
        os._exit(thing.add() if thing.add() == 2 else 9)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
    assert thing.add() == 2


@both
def test_threads_may_call_one_agent(tmp_path: Path, place: str) -> None:
    thing = session(tmp_path, place, ADD).agent("thing", total=0)
    thing.add()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: thing.add(), range(20)))
    assert thing.total == 21


@both
def test_code_may_return_the_agent_itself(tmp_path: Path, place: str) -> None:
    code = "def plus(self, n):\n    self.total += n\n    return self"
    thing = session(tmp_path, place, code).agent("thing", total=0)
    assert thing.plus(1).plus(2) is thing
    assert thing.total == 3


@both
def test_only_what_a_method_can_see_is_sent(tmp_path: Path, place: str) -> None:
    code = "def see(self):\n    return [sorted(vars(self)), hasattr(self, 'big'), len(self.big)]"
    look = "def look(self):\n    before = 'rows' in dir(self)\n    return [before, self.rows]"
    thing = session(tmp_path, place, look, code).agent("thing", rows=[1], big=[2] * 10)
    assert thing.look() == [True, [1]]
    assert thing.see() == [["big", "rows"], True, 10]
