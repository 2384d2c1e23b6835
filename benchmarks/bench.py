"""What things cost, as ratios within one run: `python3 run.py bench`, with `--model` for what takes minutes.

The sides of a figure are measured in turn (A B A B ...), so that a busy machine slows both; a figure is the median
over the turns. What could not be measured says why. The figures also go to `results/`, as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from threading import Thread
from time import perf_counter, sleep
from timeit import Timer
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HOMES = ["HOME", "USERPROFILE", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "IPYTHONDIR"]

READ = '''
def read(self, a, b):
    """A sum; one name of the state is read."""
    return a + b + self.factor
'''
WRITE = '''
def write(self, a, b):
    """A sum; one name of the state is read and one is written."""
    self.last = a + b + self.factor
    return self.last
'''
WORDS = {"read": "read", "write": "read and written"}
FIRST_LINE = '''
def first_line(self):
    """The first line of the file."""
    with open(self.path) as file:
        return file.readline()
'''
COUNT_UP = '''
def count_up(self, n):
    """Add to the total."""
    self.total += n
    return self.total
'''
FIRST_HIT = """
import sys
from time import perf_counter
from agent_repl import open_session
agent = open_session(sys.argv[1], review="cached").agent("adder", factor=3)
began = perf_counter()
assert agent.read(1, 2) == 6
print((perf_counter() - began) * 1000)
"""
STREAMING = """
import time
from agent_repl import ScriptedProvider, default_session

class Slow(ScriptedProvider):
    def complete(self, prompt, on_text):
        on_text("# FFFFFF\\n" + "".join(f"# {n * 7919:060}\\n" for n in range(38)) + "# LLLLLL\\n# ")
        for n in range(20_000):
            time.sleep(0.05)
            on_text(str(n * n % 7))

default_session().provider, default_session().mode = Slow([]), "ask"
agent = Agent("slow")
"""
"""A model that writes a screen and a half at once, and then twenty characters a second."""
UP, DOWN = b"\x1b[5~" * 4, b"\x1b[6~" * 4  # PageUp and PageDown, as often as it takes to either end
ANSWERS = re.compile(r"(\d+) of (\d+) answers are right · (\d+) model calls?")
MEMORY = """
import sys
from pathlib import Path
from agent_repl import open_session
session = open_session(sys.argv[1], provider="local", review=sys.argv[2])
outcome = session.call(session.agent("greeter", who="you"), "greet")
assert sys.argv[2] == "cached" or outcome.status == "ok", outcome
children = [pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()]
for pid in ("self", *children):  # VmHWM: the most that was ever resident
    print(int(Path(f"/proc/{pid}/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024)
session.close()
"""


@dataclass(frozen=True)
class Row:
    """One figure of ours beside another one: medians in `unit`; `ratio` is the median of the turns' ratios.

    `aim` is what the ratio (our figure, where nothing stands beside it) should not pass; 0 where there is no aim.
    """

    what: str
    ours: float = 0.0
    beside: str = ""
    other: float = 0.0
    ratio: float = 0.0
    unit: str = "us"
    aim: float = 0.0
    note: str = ""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print a table, write JSON; 0 when everything could be measured."""
    words = _words(argv)
    with tempfile.TemporaryDirectory() as folder, _world(Path(folder)):
        rows = list(measured(Path(folder), words.turns, words.model))
    print(table(rows))
    out = words.out or ROOT / "benchmarks" / "results" / f"python-{_python()}{'-model' if words.model else ''}.json"
    out.write_text(json.dumps(report(rows), indent=1) + "\n", encoding="utf-8")
    return int(any(row.note for row in rows))


def _words(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=15, help="how often each side is measured (default 15)")
    parser.add_argument("--model", action="store_true", help="also what needs the local model: minutes")
    parser.add_argument("--out", type=Path, help="where the JSON goes (default: benchmarks/results)")
    return parser.parse_args(argv)


def _python() -> str:
    return ".".join(platform.python_version_tuple()[:2])


@contextmanager
def _world(folder: Path) -> Iterator[None]:
    """A home, a key, settings and compiled files of its own: only the model's file is the person's."""
    from agent_repl_local import model_path

    before, model = dict(os.environ), str(model_path())
    for name in before:
        if name.startswith(("ANTHROPIC_", "AGENT_REPL_")) or name == "PYTHONDONTWRITEBYTECODE":
            del os.environ[name]
    os.environ.update({name: str(folder / "home") for name in HOMES})
    path = os.pathsep.join([str(ROOT), *filter(None, [before.get("PYTHONPATH")])])
    os.environ.update(PYTHONPATH=path, PYTHONPYCACHEPREFIX=str(folder / "compiled"), NO_COLOR="1", TERM="xterm")
    os.environ["AGENT_REPL_MODEL_FILE"] = model
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def measured(folder: Path, turns: int, model: bool = False) -> Iterator[Row]:
    """Every figure; a group that cannot be measured here is one row that says why."""
    for group in [*GROUPS, *(MODEL_GROUPS if model else ())]:
        name = group.__name__.replace("_", " ")
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        place = folder / name.replace(" ", "-")
        place.mkdir()
        try:
            yield from group(place, turns)
        except (ImportError, OSError, subprocess.SubprocessError) as error:
            named = f": {error}" if isinstance(error, ImportError) else ""  # other texts hold paths of this machine
            yield Row(name, note=f"not measured: {type(error).__name__}{named}")


# ── calls ──


def pinned_calls(folder: Path, turns: int) -> Iterator[Row]:
    """A pinned method is a function of the object's class; its agent was made after it, as in the next session."""
    from copy import copy

    from agent_repl import pin

    agent, plain = _adder(folder, READ, WRITE), _plain()
    aim = 1.1 if sys.version_info >= (3, 12) else 3.0
    for name in WORDS:
        eval(f"agent.{name}(1, 2)", {"agent": agent})
        pin(agent, name)
        yield _call(f"pinned call, state {WORDS[name]}", f"{name}(1, 2)", copy(agent), plain, turns, aim)


def crystallized_calls(folder: Path, turns: int) -> Iterator[Row]:
    """A crystallized method is a function of the object's class, with a prologue; its agent was made after it."""
    from copy import copy

    agent, plain = _adder(folder, READ), _plain()
    for _ in range(3):
        eval("agent.read(1, 2)", {"agent": agent})
    aim = 4.0 if sys.version_info >= (3, 12) else 6.0
    yield _call("crystallized call, state read", "read(1, 2)", copy(agent), plain, turns, aim)
    yield _call("the same, by keywords", "read(a=1, b=2)", copy(agent), plain, turns)


def cached_calls(folder: Path, turns: int) -> Iterator[Row]:
    """A cached method is looked up, its call is compared with the guard, then it runs."""
    agent, plain = _adder(folder, READ, WRITE, FIRST_LINE, crystallize_after=0), _plain()
    agent.path = plain.path = str(_csv(folder / "data.csv"))
    yield _call("cached call, state read", "read(1, 2)", agent, plain, turns, 60.0)
    yield _call("cached call, state read and written", "write(1, 2)", agent, plain, turns)
    yield _call("cached call, opens a file", "first_line()", agent, plain, turns, 2.0)


def _adder(folder: Path, *sources: str, **settings: Any) -> Any:
    """An agent whose model answers with these sources, each for the call of its name."""
    from agent_repl import ScriptedProvider, open_session

    def reply(prompt: Any) -> str:
        return next(
            f"```python\n{s}\n```" for s in sources if f"`{s.partition('def ')[2].partition('(')[0]}" in prompt.user
        )

    session = open_session(folder / ".agent_repl", provider=ScriptedProvider(reply), review="auto", **settings)
    return session.agent("adder", factor=3)


def _plain() -> Any:
    """What the same methods are in a class that nobody wrote for an agent."""
    scope: dict[str, Any] = {}
    exec(READ + WRITE + FIRST_LINE + COUNT_UP, scope)
    methods = {name: scope[name] for name in ("read", "write", "first_line", "count_up")}
    plain = type("Plain", (), methods)()
    plain.factor = 3
    return plain


def _csv(path: Path) -> Path:
    path.write_text("date,product,amount\n" + "2024-01-15,tea,2\n" * 30, encoding="utf-8")
    return path


def _call(what: str, call: str, agent: Any, plain: Any, turns: int, aim: float = 0.0) -> Row:
    """A call by name, each time, of both; the agent's is written first."""
    eval(f"agent.{call}", {"agent": agent})
    sides = [_loop(Timer(f"thing.{call}", globals={"thing": thing})) for thing in (agent, plain)]
    return beside(what, sides, "a plain method", turns, scale=1e6, aim=aim)


def _loop(timer: Timer) -> Callable[[], float]:
    """Seconds of one run, from a loop of about ten milliseconds."""
    number = max(1, int(0.01 / (timer.timeit(100) / 100)))
    return lambda: timer.timeit(number) / number


def threads(folder: Path, turns: int) -> Iterator[Row]:
    """Eight threads at one agent lose no update that a plain object would keep: 1 is a call for every update kept."""
    agent, plain = _adder(folder, COUNT_UP, crystallize_after=0), _plain()
    agent.total = 0
    agent.count_up(1)
    ours, others = in_turn([lambda thing=thing: _hammered(thing) for thing in (agent, plain)], turns)
    ratio = median(a / b for a, b in zip(ours, others, strict=True))
    what = "eight threads, calls for each update kept"
    yield Row(what, median(ours), "a plain object", median(others), ratio, "", 1.0)


def _hammered(thing: Any, calls: int = 1000) -> float:
    def hammer() -> None:
        for _ in range(calls):
            thing.count_up(1)

    thing.total = 0
    workers = [Thread(target=hammer) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return 8 * calls / float(thing.total)


def lookups(folder: Path, turns: int, most: int = 100_000) -> Iterator[Row]:
    """What a session pays for an identity's ten methods does not grow with all that its home holds."""
    homes = []
    for name, others in (("many", most // 10 - 1), ("few", 0)):
        agent = _ten_methods(folder / name)
        homes.append(type(agent)._agent_repl_shop_.store)
        with homes[-1]._rows(write=True) as table:
            rows = [row for kind in ("version", "head", "entry") for row in table.find(kind, "adder")]
            table.insert(*(row._replace(identity=f"adder {n}") for n in range(others) for row in rows))
    sides = [_loop(Timer(lambda store=store: store.entries("adder"))) for store in homes]
    yield beside(f"lookup among {most:,} stored methods", sides, "among 10", turns, scale=1e6, aim=1.5)


def _ten_methods(folder: Path) -> Any:
    """An agent whose ten methods have run once."""
    names = ["read", *(f"other_{n}" for n in range(9))]
    agent = _adder(folder, *(READ.replace("def read", f"def {name}") for name in names))
    for name in names:
        eval(f"agent.{name}(1, 2)", {"agent": agent})
    return agent


def signatures(folder: Path, turns: int) -> Iterator[Row]:
    """What a frame costs does not grow with its rows, and is near to what it takes to go through its columns."""
    from numpy import zeros
    from pandas import DataFrame

    from agent_repl.signature import signature

    large, small = (DataFrame(zeros((rows, 10))) for rows in (1_000_000, 10))
    sides = [_loop(Timer(lambda frame=frame: signature(frame))) for frame in (large, small)]
    what = "signature, frame of 1,000,000 x 10"
    yield beside(what, sides, "a frame of 10 x 10", turns, scale=1e6, aim=1.3)
    walk = _loop(Timer(lambda: [(str(name), str(dtype)) for name, dtype in large.dtypes.items()]))
    yield beside(what, [sides[0], walk], "its columns and dtypes as texts", turns, scale=1e6, aim=2.0)


# ── processes ──


def first_hits(folder: Path, turns: int) -> Iterator[Row]:
    """What a person waits for at the first call of yesterday's method, in a home that holds ten."""
    _ten_methods(folder)
    alone: list[float] = []

    def first_hit() -> float:
        began = perf_counter()
        alone.append(float(_python_run("-c", FIRST_HIT, str(folder / ".agent_repl"))))
        return perf_counter() - began

    row = beside("import, open, agent, first cached call", [first_hit, _process("-c", "pass")], "python", turns)
    yield row
    yield Row("the same, without the interpreter", row.ours - row.other, unit="ms", aim=100.0)
    yield Row("the first cached call alone", median(alone), unit="ms", aim=5.0)


def starts(folder: Path, turns: int) -> Iterator[Row]:
    """Imports, commands and prompts beside the bare interpreter, IPython and ptpython."""
    bare, ipython = _process("-c", "pass"), _process("-m", "IPython", "-c", "pass")
    yield beside("import agent_repl", [_process("-c", "import agent_repl"), bare], "python", turns)
    yield beside("agent-repl --help", [_process("-m", "agent_repl", "--help"), bare], "python", turns)
    for shell in ("IPython", "pexpect", "ptpython"):
        if not find_spec(shell):
            raise ModuleNotFoundError(f"No module named {shell!r}")
    loads = _process("-m", "IPython", "-c", "%load_ext agent_repl")
    yield beside("%load_ext agent_repl, in ipython -c", [loads, ipython], "ipython -c pass", turns)
    prompts = [_prompt(folder, name) for name in ("agent_repl", "IPython", "ptpython")]
    ours, *others = in_turn(prompts, turns)
    for name, other, aim in zip(("IPython's", "ptpython's"), others, (0.0, 1.0), strict=True):
        yield _row("the shell's prompt", ours, f"{name} prompt", other, 1e3, aim)


def keys(folder: Path, turns: int) -> Iterator[Row]:
    """How long the screen takes to answer a key: in the view of what a model writes, and at the prompt."""
    (folder / "streaming.py").write_text(STREAMING)
    with _shell(folder, "-i", "streaming.py") as writing, _shell(folder) as idle:
        writing.send(b"agent.answer()\r")
        writing.expect(b"LLLLLL")
        ours, others = in_turn([partial(_seen, writing, UP, b"FFFFFF", DOWN, b"LLLLLL"), partial(_echo, idle)], turns)
    yield _row("a key while a model writes", ours, "a key at the idle prompt", others, 1e3)
    yield Row("the same, alone", median(ours) * 1e3, unit="ms", aim=100.0)


@contextmanager
def _shell(folder: Path, *arguments: str) -> Iterator[Any]:
    """Our shell at its first prompt, with all that it loads then."""
    from pexpect import spawn

    child = spawn(sys.executable, ["-m", "agent_repl", *arguments], cwd=str(folder), dimensions=(24, 80), timeout=60)
    child.delaybeforesend = None
    try:
        child.expect(b"review: ")
        yield child
    finally:
        child.close(force=True)


def _echo(child: Any) -> float:
    return _seen(child, b"Q", b"Q", b"\x7f", b"")


def _seen(child: Any, keys: bytes, shown: bytes, back: bytes, before: bytes) -> float:
    """Seconds from these keys to what they show; others then bring back what was seen before."""
    from pexpect import TIMEOUT

    sleep(0.2)  # what was being drawn is drawn
    with suppress(TIMEOUT):
        child.read_nonblocking(1_000_000, timeout=0)
    began = perf_counter()
    child.send(keys)
    child.expect(shown)
    seconds = perf_counter() - began
    child.send(back)
    child.expect(before)
    return seconds


def _process(*arguments: str) -> Callable[[], float]:
    def run() -> float:
        began = perf_counter()
        _python_run(*arguments)
        return perf_counter() - began

    return run


def _python_run(*arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True, timeout=3600)
    return done.stdout


def _prompt(folder: Path, module: str) -> Callable[[], float]:
    """Seconds from the start of a shell to its first prompt, at a terminal."""
    from pexpect import spawn

    def run() -> float:
        began = perf_counter()
        child = spawn(sys.executable, ["-m", module], cwd=str(folder), dimensions=(24, 80), timeout=60)
        child.expect([rb"In .{0,30}1", b">>>"])
        seconds = perf_counter() - began
        child.close(force=True)
        return seconds

    return run


# ── the local model ──


def demo(folder: Path, turns: int) -> Iterator[Row]:
    """The demo twice in one home: its answers, the model's calls, and what its versions say that they cost."""
    for run in ("first", "second"):
        printed = _python_run("-m", "agent_repl", "demo", "--provider=local", "--review=auto", f"--home={folder}")
        right, tried, calls = (float(number) for number in ANSWERS.findall(printed)[0])
        yield Row(f"demo, {run} run: right answers", right, "answers", tried, right / tried, "")
        yield Row(f"demo, {run} run: model calls", calls, unit="")
    written = _written(folder / ".agent_repl")
    spent = sum((version.usage for version in written[1:]), written[0].usage)
    read, cached = spent.input_tokens + spent.cache_read_tokens, spent.cache_read_tokens
    yield Row(
        "prompt tokens per written method", read / len(written), "from cache", cached / len(written), cached / read, ""
    )
    yield Row("its own tokens", spent.output_tokens / len(written), unit="")
    yield Row("the model's time for it", spent.seconds / len(written), unit="s")


def _written(home: Path) -> list[Any]:
    """The versions that the demo's model wrote."""
    from agent_repl import open_session, versions
    from agent_repl_demos.sales import IDENTITY, METHODS

    agent = open_session(home, review="cached").agent(IDENTITY, name="sales")
    return [version for name in METHODS for version in versions(agent, name)]


def memory(folder: Path, turns: int) -> Iterator[Row]:
    """The most that this process and its child held; only Linux says so."""
    without, used = (_python_run("-c", MEMORY, str(folder / mode), mode).split() for mode in ("cached", "auto"))
    yield Row("memory, no model", float(without[0]), unit="MB")
    yield Row("memory, the model has written", float(used[0]), unit="MB")
    yield Row("memory of the model's process", float(used[1]), unit="MB")


GROUPS: list[Callable[[Path, int], Iterator[Row]]] = [
    pinned_calls,
    crystallized_calls,
    cached_calls,
    threads,
    lookups,
    signatures,
    first_hits,
    starts,
    keys,
]
MODEL_GROUPS = [memory, demo]


# ── figures ──


def beside(
    what: str, sides: Sequence[Callable[[], float]], other: str, turns: int, scale: float = 1e3, aim: float = 0.0
) -> Row:
    """Our side beside another one; each returns seconds, a scale of 1000 makes milliseconds of them."""
    ours, others = in_turn(sides, turns)
    return _row(what, ours, other, others, scale, aim)


def in_turn(sides: Sequence[Callable[[], float]], turns: int) -> list[list[float]]:
    """Each side's figures; the first turn only warms up."""
    found = [[side() for side in sides] for _ in range(turns + 1)][1:]
    return [list(side) for side in zip(*found, strict=True)]


def _row(what: str, ours: list[float], other: str, others: list[float], scale: float, aim: float = 0.0) -> Row:
    ratio = median(a / b for a, b in zip(ours, others, strict=True))
    unit = "us" if scale == 1e6 else "ms"
    return Row(what, median(ours) * scale, other, median(others) * scale, ratio, unit, aim)


def table(rows: Sequence[Row]) -> str:
    """The rows in columns, for people."""
    cells = [("", "ours", "", "beside", "", "ratio", "aim"), *(_cells(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(7)]
    left = (0, 2, 3)
    lines = [
        "  ".join(
            cell.ljust(w) if n in left else cell.rjust(w) for n, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    ]
    notes = [f"{row.what}: {row.note}" for row in rows if row.note]
    return "\n".join(
        [f"Python {platform.python_version()}, {os.cpu_count()} cores", *(x.rstrip() for x in lines), *notes]
    )


def _cells(row: Row) -> tuple[str, ...]:
    if row.note:
        return row.what, "-", "", "", "", "", ""
    aim = f"<= {row.aim:g}{'' if row.ratio else f' {row.unit}'}" if row.aim else ""
    other = (row.beside, _figure(row.other), f"{row.ratio:.2f}") if row.beside else ("", "", "")
    return row.what, _figure(row.ours), row.unit, *other, aim


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def report(rows: Sequence[Row]) -> dict[str, Any]:
    """The run as JSON; nothing in it tells one machine from another, save Python, the system and the cores."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "rows": [asdict(row) for row in rows],
    }


if __name__ == "__main__":
    sys.exit(main())
