"""The process in which hostile programs meet the product: what it was before and after, and what came back.

Run as `python hostile_driver.py inline|process|trusting|sandbox FOLDER`; a line of JSON in is a program, a line out its
report. With `inline` each program has a fork of this process, which is ended at its deadline; else one session serves
them all.
"""

from __future__ import annotations

import atexit
import builtins
import codecs
import copy
import ctypes
import decimal
import fcntl
import gc
import itertools
import json
import linecache
import locale
import os
import pickle
import re
import resource
import select
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import agent_repl.session
from agent_repl import ScriptedProvider, Verdict, open_session
from agent_repl_data.crossing import pack, unpack
from agent_repl_workers.post import Post

HIGH = 600  # descriptors of our own lie above what programs write to
HOST_SECRET = os.environ.get("ZQ7_TOKEN", "")


COUNT = '''
def count_on(self, n):
    """A call that follows."""
    self.total += n
    return [self.total, self.rows]
'''


class Vault:
    """Something that only the host knows."""

    all: ClassVar[list[Vault]] = []

    def __init__(self, token: str) -> None:
        self.token = token
        self.all.append(self)


VAULT = Vault(HOST_SECRET)


class Writer(ScriptedProvider):
    """The model: it writes what it is told to, and has a key."""

    key = HOST_SECRET


class Host:
    """A session whose reviewer accepts everything."""

    def __init__(self, executor: str, home: Path, reviewed: Callable[[], object] = bool, **settings: Any) -> None:
        self.source = ""
        self.reviewed = reviewed
        model = Writer(lambda prompt: f"```python\n{self.source}\n```")
        self.session = open_session(
            home, provider=model, review=self.accept, executor=executor, without="trial", repairs=0, **settings
        )
        agent_repl.session.use(self.session)
        known: dict[str, Any] = {"total": 5, "rows": [1, 2]}
        self.bystander = (self.session.agent("bystander", **known), known) if executor != "inline" else None

    def accept(self, proposal: Any) -> Verdict:
        self.reviewed()
        return Verdict("accept")

    def attempt(self, asked: dict[str, Any]) -> dict[str, Any]:
        """One program, and what is otherwise afterwards."""
        host_secret = HOST_SECRET
        with open(asked["screen"], "wb") as screen:
            os.dup2(screen.fileno(), 1)
            os.dup2(screen.fileno(), 2)
        named = f"reader of numbers, number {asked['number']}, of {{path}}"
        agent = self.session.agent(named, path=asked["path"], total=5, rows=[1, 2])
        before, size = picture(asked), memory("VmSize")
        self.source = asked["source"]
        report: dict[str, Any] = {"words": len(host_secret) * 0}
        try:
            outcome = self.session.call(agent, asked["name"], *asked.get("args", ()))
            report |= {"status": outcome.status, "type": outcome.error_type, "text": describe(outcome)}
            found = looked_at(outcome.value) if outcome.status == "ok" else looked_at_error(outcome.error)
            report["odd"] = found
            if outcome.status == "ok":
                report["value"] = outcome.value if is_plain(outcome.value) else None
            del outcome
        except (SystemExit, KeyboardInterrupt) as end:
            report |= {"status": "left", "type": type(end).__name__, "text": "", "odd": []}
        if memory("VmSize") - size < 200_000:  # what is large takes for ever to look at
            looked_at(dict(vars(agent)))
        gc.collect()
        time.sleep(0.4 if len(os.listdir("/proc/self/task")) > int(before["threads"]) else 0)
        after = picture(asked)
        report["host"] = sorted(name for name in before if before[name] != after[name])
        report["memory"] = memory("VmPeak") - size
        report["locked"] = locked(asked)
        report["marked"] = len(marked(asked["mark"]))
        if self.bystander is not None:
            known = {"path": asked["path"], "total": 5, "rows": [1, 2]}
            report["later"] = [*self.later(agent, known, report["status"] != "ok"), *self.later(*self.bystander, True)]
        sys.stdout.flush()
        sys.stderr.flush()
        report["text"] = "\n".join(re.findall(r"zq7sec" + r"ret-\w+-\w+", report["text"])) + report["text"][:3000]
        return report

    def later(self, agent: Any, known: dict[str, Any], whole: bool) -> list[str]:
        """What is wrong with the next call of an agent whose state, or as much of it, was this before."""
        held = dict(vars(agent))
        if (held if whole else {name: held.get(name) for name in known}) != known:
            return [f"its state is {held}"[:2000]]
        known["total"], self.source = known["total"] + 2, COUNT
        outcome = self.session.call(agent, "count_on", 2)
        if outcome.status != "ok" or outcome.value != [known["total"], [1, 2]] or agent.total != known["total"]:
            return [f"{outcome}"[:2000]]
        return []

    def useful(self, asked: dict[str, Any]) -> dict[str, Any]:
        """One benign method; its answer is pickled by hand by its repr."""
        agent = self.session.agent(f"worker of {{path}}, number {asked['number']}", path=asked["path"])
        self.source = asked["source"]
        outcome = self.session.call(agent, asked["name"], *asked_args(asked))
        return {"status": outcome.status, "value": repr(outcome.value), "text": str(outcome.error)}


def asked_args(asked: dict[str, Any]) -> Any:
    import ast

    return ast.literal_eval(asked["args"])


def is_plain(value: Any) -> bool:
    try:
        return len(json.dumps(value)) < 10_000
    except Exception:
        return False


# ── looking at what came back, as shells, tests, stores and tables do ──


def describe(outcome: Any) -> str:
    """All that a person can read of it."""
    if outcome.status == "ok":
        return saying(outcome.value)
    try:
        shown = "".join(traceback.format_exception(outcome.error))
    except Exception as error:
        shown = f"cannot be shown: {type(error).__name__}"
    os.write(2, shown[-20000:].encode(errors="replace"))
    return shown + saying(getattr(outcome.error, "args", ""))


def saying(value: Any) -> str:
    try:
        return repr(value)[:1_000_000]
    except Exception as error:
        return f"cannot be said: {type(error).__name__}"


def looked_at(value: Any) -> list[str]:
    """What goes wrong when it is looked at; a TypeError is an answer."""
    looks: list[Callable[[Any], Any]] = [
        *(repr, str, bool, hash, copy.copy, pickle.dumps, len, dir),
        *(lambda v: v == 3, lambda v: isinstance(v, int | str), lambda v: f"{v}"),
        *(lambda v: list(itertools.islice(v, 1000)) if not hasattr(v, "__next__") else list(v), lambda v: v()),
        *(lambda v: v._repr_html_(), lambda v: v.isoformat(), lambda v: str(v.items()), lambda v: json.dumps(v)),
        lambda v: pickle.loads(pickle.dumps(v)),
    ]
    found = [name for look in looks if (name := _odd(look, value))]
    if isinstance(value, str | list | dict | bytes) and len(value) > 50_000_000 // (10 if type(value) is list else 1):
        found.append("it is large")
    return found


def looked_at_error(error: Any) -> list[str]:
    looks: list[Callable[[Any], Any]] = [
        *(str, repr, pickle.dumps, lambda e: len("".join(traceback.format_exception(e))), copy.copy),
        *(lambda e: e.args, lambda e: e.__notes__, lambda e: pickle.loads(pickle.dumps(e))),
    ]
    found = [name for look in looks if (name := _odd(look, error))]
    kind = type(error)
    if error.__class__ is not kind or isinstance(error, KeyboardInterrupt) != issubclass(kind, KeyboardInterrupt):
        found.append("it lies about its class")
    if kind.__module__ == "agent_repl.errors" and getattr(agent_repl.errors, kind.__name__, None) is not kind:
        found.append("it says that it is ours")
    if len(str(saying(error))) > 100_000 or _length(error) > 100:
        found.append("it is large")
    return found


def _length(error: Any) -> int:
    count = 0
    while error is not None and count < 1000:
        count, error = count + 1, error.__cause__ or (getattr(error, "exceptions", ()) or (None,))[0]
    return count


def _odd(look: Callable[[Any], Any], value: Any) -> str:
    try:
        look(value)
    except (TypeError, AttributeError):
        return ""
    except BaseException as error:
        return type(error).__name__
    return ""


# ── this process, as others see it ──


def memory(what: str) -> int:
    """In kilobytes."""
    return int(re.search(rf"{what}:\s+(\d+)", Path("/proc/self/status").read_text())[1])  # type: ignore[index]


def marked(mark: str) -> list[int]:
    """Processes that carry the mark."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if Path(f"/proc/{name}/comm").read_text().strip() == mark:
                found.append(int(name))
        except OSError:
            continue
    return found


def locked(asked: dict[str, Any]) -> list[str]:
    """Which files others cannot have."""
    found = []
    signal.signal(signal.SIGIO, signal.SIG_IGN)
    try:
        place = os.open(asked["canary"], os.O_RDWR | os.O_NONBLOCK)
        try:
            fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            found.append("flock")
        os.close(place)
    except BlockingIOError:
        found.append("lease")
    except OSError:
        pass
    import sqlite3

    for file in Path(asked["home"]).glob("*.sqlite3") if asked["harm"] == "locked" else ():
        base = sqlite3.connect(f"file:{file}?mode=rw", uri=True, timeout=0)
        try:
            base.execute("begin immediate")
            base.execute("rollback")
        except sqlite3.Error as error:
            found += ["store"] * ("locked" in str(error))
        base.close()
    return found


def picture(asked: dict[str, Any]) -> dict[str, str]:
    """What written code could have changed of the process that it runs in."""
    return {name: repr(value) for name, value in _picture(asked)}


def _picture(asked: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    import agent_repl.pipeline as pipeline
    import agent_repl_bounds.effects as effects

    heard: list[str] = []
    try:
        sys.audit("zq7.check")
    except BaseException as error:
        heard.append(repr(error))
    libc = ctypes.CDLL(None)
    libc.getenv.restype = ctypes.c_char_p
    mask = os.umask(0)
    os.umask(mask)
    yield "mask", mask
    yield "audit", heard
    yield "place", os.getcwd()
    yield "environment", (sorted(os.environ.items()), libc.getenv(b"ZQ7_HIDDEN"))
    yield "limits", [resource.getrlimit(kind) for kind in range(16)]
    yield "signals", [signal.getsignal(n) for n in sorted(signal.valid_signals()) if n != signal.SIGIO]
    yield "alarm", signal.getitimer(signal.ITIMER_REAL)[0] > 0
    yield "threads", len(os.listdir("/proc/self/task"))
    yield "names", [t.name for t in threading.enumerate() if t.name == asked["mark"]]
    yield "trace", (sys.gettrace(), sys.getprofile(), threading.gettrace(), threading.getprofile())
    yield "imports", (sys.meta_path, sys.path, sys.path_hooks, builtins.__import__, "antigravity" in sys.modules)
    yield "functions", (builtins.open, builtins.print, json.dumps, pipeline.verdict_on, effects.effects)
    yield "hooks", (sys.excepthook, sys.unraisablehook, threading.excepthook, sys.displayhook, gc.callbacks)
    yield "streams", (sys.stdout, sys.stderr, sys.stdin)
    yield "switches", (gc.isenabled(), sys.getrecursionlimit(), sys.getswitchinterval())
    yield "numbers", (decimal.getcontext(), locale.setlocale(locale.LC_ALL), 198 + 1, -1 + 200)
    yield "texts", ("zq7" in str.__dict__, codecs.lookup_error("strict"))
    yield "sources", [linecache.getline(name, 1) for name in ("zq7.py",)]
    yield "copies", __import__("copyreg").dispatch_table.get(complex)
    yield "classes", hasattr(agent_repl.Agent, "zq7_method")
    yield "user", (os.getresuid(), os.getresgid(), os.getgroups())
    yield "priority", os.getpriority(os.PRIO_PROCESS, 0)
    yield "kernel", (libc.prctl(3, 0, 0, 0, 0), libc.personality(0xFFFFFFFF), libc.prctl(21, 0, 0, 0, 0))
    yield "name", socket.gethostname()
    for each in ("ns/mnt", "ns/uts", "ns/user", "root", "fd/0"):
        yield each, _link(f"/proc/self/{each}")
    yield "canary", os.path.exists(asked["canary"]) or asked["harm"] == "files"


def _link(name: str) -> str:
    try:
        return os.readlink(name)
    except OSError as error:
        return type(error).__name__


# ── the two ways to serve ──


def main() -> None:
    executor, folder = sys.argv[1], Path(sys.argv[2])
    wire_in, wire_out = (fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, HIGH) for number in (0, 1))
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    libc = ctypes.CDLL(None)
    libc.prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: what is left behind stays below us
    lines = os.fdopen(wire_in, closefd=False, encoding="utf-8")
    if executor == "inline":
        warm(folder)
        serve: Callable[[dict[str, Any]], dict[str, Any]] = lambda asked: forked(asked, wire_out)  # noqa: E731
    else:
        import pandas

        if executor == "trusting":
            Post._of = lambda self, turn, message: message[1:]  # type: ignore[method-assign]
            executor = "process"
        unpack(b"".join(pack(pandas.DataFrame({"text": ["x"]}))))  # libraries have threads of their own from now on
        host = Host(executor, folder / "own" / ".agent_repl", **json.loads(os.environ.get("ZQ7_SETTINGS", "{}")))
        serve = lambda asked: (host.useful if "useful" in asked else host.attempt)(asked)  # noqa: E731
    for line in lines:
        began = time.process_time()
        report = serve(json.loads(line))
        report["cpu"] = time.process_time() - began
        os.write(wire_out, json.dumps(report, default=repr).encode() + b"\n")
    if executor != "inline":
        del serve
        host.session.close() if hasattr(host.session, "close") else None


def warm(folder: Path) -> None:
    """Import here, once, all that the forks need."""
    import numpy
    import pandas

    host = Host("inline", folder / "warm" / ".agent_repl")
    host.source = "def warm(self):\n    return 1"
    assert host.session.call(host.session.agent("warm"), "warm").value == 1, (numpy, pandas)


def forked(asked: dict[str, Any], wire_out: int) -> dict[str, Any]:
    """A program in a fork: its report, or how it ended."""
    out, into = os.pipe()
    if (child := os.fork()) == 0:
        into = fcntl.fcntl(into, fcntl.F_DUPFD_CLOEXEC, HIGH)
        os.closerange(3, 100)
        _alone(asked, into)
    os.close(into)
    text, ended = _heard(out, asked["seconds"])
    if ended:
        _end_below(child, asked["mark"])
    code = os.waitpid(child, 0)[1]
    _end_below(0, asked["mark"])
    os.close(out)
    try:
        return json.loads(text.partition(b"\n")[2])
    except ValueError:
        state = "hung" if ended else "died"
        return {"status": state, "text": "", "type": str(code), "host": [], "odd": [], "memory": 0, "marked": 0}


def _heard(out: int, seconds: float) -> tuple[bytes, bool]:
    """What the child says; the clock begins when its program has been reviewed, and runs for the program alone."""
    text, deadline = b"", time.monotonic() + 60
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([out], [], [], left)[0]:
            break
        if not (data := os.read(out, 1 << 16)):
            return text, False
        if not text:
            deadline = time.monotonic() + seconds
        text += data
        if text.endswith(b"\n") and text.count(b"\n") > 1:
            deadline = time.monotonic() + 3
    return text, True


def _end_below(child: int, mark: str) -> None:
    """End a child of ours with its group, and what carries the mark."""
    for kill, number in [(os.killpg, child), (os.kill, child), *((os.kill, n) for n in marked(mark))]:
        try:
            if number > 1:
                kill(number, signal.SIGKILL)
        except OSError:
            continue
    try:
        while not child and os.waitpid(-1, os.WNOHANG)[0]:
            continue
    except ChildProcessError:
        return


def _alone(asked: dict[str, Any], into: int) -> None:
    """In the fork: a session of its own under limits of its own; the program; its report; the end."""
    try:
        os.setsid()
        used = memory("VmSize") << 10
        for kind, most in ((resource.RLIMIT_AS, used + (3 << 30)), (resource.RLIMIT_CPU, 8), (resource.RLIMIT_CORE, 0)):
            resource.setrlimit(kind, (most, most))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, soft), soft))
        log = fcntl.fcntl(os.open(asked["log"], os.O_RDWR), fcntl.F_DUPFD_CLOEXEC, 5)  # what a host has open
        host = Host("inline", Path(asked["own"]), lambda: os.write(into, b"\n"))
        text = json.dumps(host.attempt(asked), default=repr).encode() + b"\n"
        while text:
            text = text[os.write(into, text) :]
        atexit._run_exitfuncs()
        assert log
    except BaseException:
        os.write(into, b"\n" + json.dumps({"status": "broken", "text": traceback.format_exc()}).encode() + b"\n")
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
