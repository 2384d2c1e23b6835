"""Emission: classes of every kind leave with their tests, and nothing is written that does not stand alone."""

import asyncio
import inspect
import re
import subprocess
import sys
import tomllib
from datetime import date
from decimal import Decimal

import pytest
from kit import session

from agent_repl import ModuleError, Verdict, adopt, emit, examples, keep, pin, versions
from agent_repl.modules import class_name
from agent_repl_data.plain import decode, encode
from agent_repl_emit import alone

# ── the shelf: identity, state, sources in the order in which they are asked for, calls ──

SHELF = {
    "tally": (
        "keeps a running total",
        {"total": 5, "step": 2},
        ["def add(self, n):\n    self.total += n * self.step\n    return self.total\n"],
        [("add", (3,), {})],
    ),
    "ledger_book": (
        "ledger of {path}",
        {"path": "ledger.csv"},
        ['import csv\ndef balance(self):\n    """The sum of it."""\n    with open(self.path) as file:\n'
         "        return sum(float(row['amount']) for row in csv.DictReader(file))\n"],
        [("balance", (), {})],
    ),
    "word_list": (
        "words of a text",
        {"text": "the pear, the fig", "skip": ["the"]},
        ["import re\nfrom collections import Counter\nLEAST = 2\n# Letters only.\n_WORD = re.compile(r'\\w+')\n"
         "def _clean(text):\n    return _WORD.findall(text.lower())\n"
         "def counts(self, least=1):\n"
         "    found = Counter(w for w in _clean(self.text) if w not in self.skip)\n"
         "    return {w: n for w, n in found.items() if n >= least}\n",
         "def longest(self, n):\n    return sorted(self.counts(1), key=len)[-n:]\n"],
        [("counts", (1,), {}), ("counts", (), {"least": 2}), ("longest", (1,), {})],
    ),
    "waiter": (
        "waits for things",
        {"delay": 0},
        ["import asyncio\nasync def fetch(self, key):\n    await asyncio.sleep(self.delay)\n"
         "    return {key: self.delay}\n"],
        [("fetch", ("a",), {})],
    ),
    "stairs": (
        "climbs",
        {"height": 3},
        ["def steps(self, start):\n    yield from range(start, start + self.height)\n"],
        [("steps", (1,), {})],
    ),
    "stream_maker": (
        "streams things",
        {},
        ["async def numbers(self, n):\n    for each in range(n):\n        yield each * each\n"],
        [("numbers", (4,), {})],
    ),
    "quoter": (
        'says "things" \\ with {braces} and ünïcode',
        {"mark": "\"'\\\n\t{x}"},
        ['def quote(self, text):\n    end = """two\n      lines: \\""" \'\'\'\n"""\n'
         '    return f"{self.mark}{text!r}{end}{{}}"\n'],
        [("quote", ("it's \"odd\" \u2028 ☃\x07",), {}), ("quote", ("#",), {})],
    ),
    "dater": (
        "counts days",
        {"since": date(2026, 2, 27), "rate": Decimal("0.10")},
        ["from datetime import timedelta\ndef due(self, days):\n"
         "    return self.since + timedelta(days), self.rate * days\n"],
        [("due", (3,), {})],
    ),
    "collector": (
        "collects odd values",
        {"seen": {3, 1}, "low": float("-inf")},
        ["def pack(self, more, z, raw):\n"
         "    return [frozenset(self.seen | more), self.low, z, raw, (), (1,), float('nan')]\n"],
        [("pack", ({9, 8}, 1 - 2j, b"\x00\xff"), {})],
    ),
    "sizer": (
        "sizes of files",
        {},
        ["def size(self, path):\n    with open(path, 'rb') as file:\n        return f'{path}: {len(file.read())}'\n"],
        [("size", ("{home}/deep/one.txt",), {}), ("size", ("deep/one.txt",), {})],
    ),
    "merger": (
        "merges two files",
        {"left": "{home}/deep/same.txt", "right": "{home}/other/same.txt"},
        ["def merged(self, sep):\n    return sep.join(open(p).read().strip() for p in (self.left, self.right))\n"],
        [("merged", ("/",), {})],
    ),
    "configured": (
        "reads deep/settings.json",
        {},
        ["import json\ndef setting(self, name):\n    with open('deep/settings.json') as file:\n"
         "        return json.load(file)[name]\n"],
        [("setting", ("colour",), {})],
    ),
    "cacher": (
        "remembers",
        {"base": 2},
        ["def power(self, n):\n    if not hasattr(self, 'cache'):\n        self.cache = {}\n"
         "    if n not in self.cache:\n        self.cache[n] = self.base ** n\n    return self.cache[n]\n"],
        [("power", (5,), {})],
    ),
    "chooser": (
        "chooses units",
        {"value": 20.0},
        ["def shown(self, digits):\n    return f\"{self.value:.{digits}f} {getattr(self, 'unit', 'C')}\"\n"],
        [("shown", (1,), {})],
    ),
    "helpers_apart": (
        "two helpers of one name",
        {},
        ["def _f(x):\n    return x + 1\ndef one(self, n):\n    return _f(n)\n",
         "def _f(x):\n    return x * 10\ndef ten(self, n):\n    return _f(n)\n"],
        [("one", (4,), {}), ("ten", (4,), {})],
    ),
    "chain": (
        "calls itself in a chain",
        {"k": 3},
        ["def outer(self, n):\n    return self.middle(n) + self.k\n",
         "def middle(self, n):\n    return [self.inner(i) for i in range(n)].pop() + 1\n",
         "def inner(self, i):\n    return i * self.k\n"],
        [("outer", (4,), {})],
    ),
    "logger": (
        "keeps a list",
        {"rows": []},
        ["def note(self, text):\n    self.rows.append(text)\n    return list(self.rows)\n"],
        [("note", ("a",), {})],
    ),
    "decorated": (
        "deep helpers",
        {"names": ("b", "a")},
        ["from dataclasses import dataclass\nfrom functools import lru_cache\n"
         "@dataclass(frozen=True)\nclass _Row:\n    name: str\n    n: int = 0\n"
         "@lru_cache\ndef _fib(n: int) -> int:\n    return n if n < 2 else _fib(n - 1) + _fib(n - 2)\n"
         "def ranked(self, top: int) -> list[tuple]:\n"
         "    def key(row):\n        return -row.n\n"
         "    rows = [_Row(name, _fib(i + top)) for i, name in enumerate(self.names)]\n"
         "    return [(r.name, r.n) for r in sorted(rows, key=key)]\n"],
        [("ranked", (6,), {})],
    ),
    "optioned": (
        "takes any options",
        {},
        ["def options(self, *names, **values):\n    return [*names, *sorted(values.items())]\n"],
        [("options", ("x",), {"b": 1, "class": 2})],
    ),
    "yes_no": (
        "answers yes or no",
        {"limit": 3},
        ["def over(self, n):\n    return n > self.limit\n",
         "def nothing(self, n):\n    self.limit = n\n"],
        [("over", (4,), {}), ("nothing", (1,), {})],
    ),
    "placed": (
        "knows where data may go",
        {},
        ["from platformdirs import PlatformDirs\ndef folder(self, name):\n"
         "    return PlatformDirs(name, roaming=False).appname\n"],
        [("folder", ("thing",), {})],
    ),
    "long_table": (
        "a long table",
        {"rows": [{"name": f"person number {i}", "score": i * 1.5} for i in range(12)]},
        ["def best(self, least):\n    return [row for row in self.rows if row['score'] >= least]\n"],
        [("best", (12.0,), {})],
    ),
}  # fmt: skip

APART = {  # what cannot be made again by itself, and the words that say why
    "writer": (
        {},
        "def store(self, path):\n    with open(path, 'w') as file:\n        return file.write('x')\n",
        ("out.txt",),
        "it writes",
    ),
    "dice": ({}, "import random\ndef roll(self, n):\n    return random.getrandbits(60) * n\n", (3,), "by chance"),
    "holder": ({"thing": object}, "def kind(self, n):\n    return [self.thing.__name__, n]\n", (1,), "its state"),
    "giver": ({}, "def make(self, n):\n    return lambda: n\n", (1,), "its answer is no short plain value"),
    "endless": ({}, "def all(self, n):\n    while n:\n        yield n\n", (1,), "its answer is no short plain value"),
    "big": ({}, "def size(self, path):\n    return len(open(path).read())\n", ("big.txt",), "more than 1 MB"),
    "lister": (
        {},
        "import os\ndef there(self, path):\n"
        "    return [open(os.path.join(path, n)).read() for n in os.listdir(path)]\n",
        ("deep",),
        "a folder, deep",
    ),
    "host": ({}, "import os\ndef user(self, n):\n    return os.environ.get('HOME', '')[:n]\n", (1,), "the machine"),
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    return furnished(tmp_path, monkeypatch)


def furnished(folder, patch):
    patch.chdir(folder)
    for name, text in {
        "ledger.csv": "name,amount\na,1.5\nb,2\n",
        "deep/one.txt": "1234567",
        "deep/same.txt": "left\n",
        "other/same.txt": "right\n",
        "deep/settings.json": '{"colour": "blå"}',
        "big.txt": "x" * 1_000_001,
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def filled(value, home):
    return value.replace("{home}", str(home)) if isinstance(value, str) else value


def grown(place, name):
    """An agent of the shelf after its calls, with what these answered."""
    identity, state, sources, calls = SHELF[name]
    made = session(place / name, *sources, max_calls=50)
    agent = made.agent(identity, name=name, **{key: filled(value, place) for key, value in state.items()})
    answers = [called(made, agent, m, [filled(a, place) for a in args], kwargs) for m, args, kwargs in calls]
    return agent, answers


def called(home, agent, method, args, kwargs=()):
    outcome = home.call(agent, method, *args, **dict(kwargs))
    assert outcome.status == "ok", outcome.error
    return came(outcome.value)


def came(value):
    """What comes of a call, also where it comes later."""
    if inspect.isgenerator(value):
        return list(value)
    if inspect.isasyncgen(value):
        return asyncio.run(listed(value))
    return asyncio.run(value) if inspect.iscoroutine(value) else value


async def listed(values):
    return [value async for value in values]


def by_pytest(folder, *words):
    """Passed and skipped, under `python -I` in a folder of its own."""
    done = subprocess.run(
        [sys.executable, "-I", "-B", "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", *words],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def texts(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


# ── every class leaves, and its tests pass alone ──


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """All classes of the shelf, emitted into one folder; the folder, and what each emission skipped."""
    with pytest.MonkeyPatch.context() as patch:
        place = furnished(tmp_path_factory.mktemp("shelf"), patch)
        patch.setenv("XDG_DATA_HOME", str(place / "data"))
        patch.setenv("XDG_STATE_HOME", str(place / "state"))
        agents = {name: grown(place, name)[0] for name in SHELF}
        for name, agent in agents.items():
            emit(agent, place / "out" / f"a_{name}.py")
        yield place, agents


def test_more_than_twenty_classes_leave_and_all_their_tests_pass_alone(shelf):
    place, agents = shelf
    said = by_pytest(place / "out")
    methods = {(name, method) for name in SHELF for method in re.findall(r"def (\w+)\(self", "".join(SHELF[name][2]))}
    calls = sum(len(examples(agents[name], method)) for name, method in methods)
    assert len(SHELF) >= 20
    assert re.search(rf"^{calls + len(SHELF)} passed in", said, re.MULTILINE), said


@pytest.mark.parametrize("name", SHELF)
def test_every_recorded_example_is_answered_alike_by_the_agent_and_the_class(shelf, name, monkeypatch):
    place, agents = shelf
    monkeypatch.chdir(place)
    space = {"__name__": "emitted"}
    exec(compile((place / "out" / f"a_{name}.py").read_text(), name, "exec", dont_inherit=True), space)
    recorded = [e for method in SHELF[name][3] for e in examples(agents[name], method[0])]
    assert recorded
    for example in recorded:
        args, kwargs = decode(example.args)
        answers = []
        for cls in (space[class_name(name)], type(agents[name])):
            it = object.__new__(cls)
            vars(it).update(decode(example.state))
            answers.append(encode(came(getattr(it, example.key.name)(*args, **kwargs))))
        assert answers[0] == answers[1] != ""
        assert example.answer in ("", answers[0])


@pytest.mark.parametrize("name", SHELF)
def test_nothing_of_ours_is_left_in_what_is_emitted(shelf, name):
    place, _ = shelf
    text = (place / "out" / f"a_{name}.py").read_text()
    assert "agent_repl" not in text + (place / "out" / f"test_a_{name}.py").read_text()
    assert text.startswith(('"""', "'"))
    assert "scripted (scripted), 20" in text


@pytest.mark.parametrize("name", SHELF)
def test_an_emitted_class_is_adopted_with_the_same_code(shelf, name, tmp_path):
    place, agents = shelf
    again = adopt(place / "out" / f"a_{name}.py", session(tmp_path), **dict(vars(agents[name])))
    for method in type(agents[name])._agent_repl_identity_.names():
        assert versions(again, method)[-1].unit == versions(agents[name], method)[-1].unit


@pytest.mark.parametrize("name", APART)
def test_a_call_that_cannot_be_made_by_itself_is_a_skip_that_says_why(place, name):
    state, source, args, words = APART[name]
    home = session(place, source, review=lambda proposal: Verdict("accept"))
    agent = home.agent("odd one", name=name, **state)
    method = re.search(r"def (\w+)\(self", source)[1]
    assert home.call(agent, method, *args).error is None
    emit(agent, place / "out" / "odd.py")
    said = by_pytest(place / "out")
    assert re.search(r"^1 passed, 1 skipped", said, re.MULTILINE), said
    assert words in said
    assert not (place / "out" / "out.txt").exists()


def test_a_method_that_asks_a_model_takes_it_as_an_argument(place):
    asking = 'def ask(self, n):\n    if n > 5:\n        return self.llm.ask("x" * n)\n    return n + self.k\n'
    agent = session(place, asking).agent("asker", name="asker", k=1)
    assert agent.ask(2) == 3
    text = emit(agent, place / "asker.py").read_text()
    assert "def __init__(self, llm, k: int = 1):" in text
    assert "`llm` is asked by ask" in text
    assert "it asks a model" in (place / "test_asker.py").read_text()
    space = {}
    exec(text, space)
    assert space["Asker"](type("Llm", (), {"ask": lambda self, words: len(words)})()).ask(7) == 7


# ── what it looks like ──


def test_a_class_and_its_tests_read_as_a_person_would_have_written_them(place):
    agent, _ = grown(place, "ledger_book")
    emit(agent, place / "books.py")
    assert (place / "books.py").read_text().partition("import csv")[2] == (
        "\n\n\nclass LedgerBook:\n"
        '    """ledger of {path}"""\n\n'
        '    def __init__(self, path: str = "ledger.csv"):\n'
        "        self.path = path\n\n"
        "    def balance(self):\n"
        '        """The sum of it."""\n'
        "        with open(self.path) as file:\n"
        "            return sum(float(row['amount']) for row in csv.DictReader(file))\n"
    )
    assert (
        (place / "test_books.py")
        .read_text()
        .endswith(
            "def test_balance_1():\n"
            '    ledger_book = LedgerBook(path="ledger.csv")\n'
            "    assert ledger_book.balance() == 3.5\n"
        )
    )
    assert texts(place / "test_books_data") == {"ledger.csv": (place / "ledger.csv").read_bytes()}


def test_a_short_call_stands_in_the_docstring_as_an_example(place):
    agent, _ = grown(place, "helpers_apart")
    text = emit(agent, place / "apart.py").read_text()
    assert ">>> HelpersApart().one(4)\n5\n>>> HelpersApart().ten(4)\n40\n" in text


def test_a_method_that_prints_has_no_example_but_a_test(place):
    agent = session(place, "def m(self, n):\n    print(n)\n    return n * 2\n").agent("prints")
    agent.m(4)
    assert ">>>" not in emit(agent, place / "out" / "loud.py").read_text()
    assert "m(4) == 8" in (place / "out" / "test_loud.py").read_text()


def test_an_identity_with_an_example_in_it_is_not_run(place):
    agent = session(place, "def m(self, n):\n    return n * 2\n").agent("doubles\n\n>>> nowhere()\n1\n")
    agent.m(4)
    assert "2 passed" in by_pytest(emit(agent, place / "out" / "doubler.py").parent)


def test_callers_stand_above_what_they_call(place):
    text = emit(grown(place, "chain")[0], place / "links.py").read_text()
    assert re.findall(r"def (\w+)\(self, \w", text)[-3:] == ["outer", "middle", "inner"]


def test_what_is_counted_begins_where_it_began(place):
    agent, _ = grown(place, "tally")
    agent.add(100)
    assert "def __init__(self, total: int = 5, step: int = 2):" in emit(agent, place / "tallied.py").read_text()


def test_the_installed_version_of_what_it_imports_is_named(place):
    from importlib.metadata import version

    agent, _ = grown(place, "placed")
    line = f"platformdirs=={version('platformdirs')}"
    assert f'# dependencies = [\n#   "{line}",\n# ]\n# ///\n' in emit(agent, place / "dirs.py").read_text()
    emit(agent, place / "dirs", package=True)
    assert tomllib.loads((place / "dirs" / "pyproject.toml").read_text())["project"]["dependencies"] == [line]


def test_a_package_has_all_that_it_needs(place):
    agent, _ = grown(place, "ledger_book")
    assert emit(agent, place / "out" / "books", package=True) == place / "out" / "books"
    found = texts(place / "out" / "books")
    assert [*found] == ["README.md", "books.py", "pyproject.toml", "tests/data/ledger.csv", "tests/test_books.py"]
    assert all(b"agent_repl" not in held for held in found.values())
    readme = found["README.md"].decode()
    assert "ledger of {path}" in readme
    assert "`balance: v1, scripted (scripted), 20" in readme
    assert "2 passed" in by_pytest(place / "out" / "books")


def test_without_tests_only_the_class_is_written(place):
    agent, _ = grown(place, "ledger_book")
    emit(agent, place / "out" / "books.py", tests=False)
    assert [*texts(place / "out")] == ["books.py"]


# ── which examples ──


def test_a_kept_answer_is_a_test_even_when_the_code_has_changed_since(place):
    home = session(place, "def m(self, n):\n    return n * 2\n", "def m(self, n, k=0):\n    return n * 2 + k\n")
    agent = home.agent("twice")
    agent.m(3)
    keep(agent.m)
    agent.m(4, k=1)
    emit(agent, place / "twice.py")
    text = (place / "test_twice.py").read_text()
    assert "twice.m(3) == 6" in text
    assert "twice.m(4, k=1) == 9" in text


def test_what_older_code_answered_is_no_test(place):
    home = session(place, "def m(self, n):\n    return n * 2\n", "def m(self, n, k=0):\n    return n * 3 + k\n")
    agent = home.agent("twice")
    agent.m(3)
    agent.m(4, k=1)
    emit(agent, place / "twice.py")
    text = (place / "test_twice.py").read_text()
    assert "m(4, k=1) == 13" in text
    assert "m(3)" not in text
    assert "skip" not in text


def test_a_file_that_has_changed_since_is_no_test(place):
    agent, _ = grown(place, "ledger_book")
    (place / "ledger.csv").write_text("name,amount\na,9\n")
    emit(agent, place / "out" / "books.py")
    assert "have changed since" in (place / "out" / "test_books.py").read_text()


# ── it stands alone, or nothing is there ──

BROKEN = {
    "a module": ("from absent_x import f\ndef m(self, n):\n    return f(n) if n > 9 else n\n", "absent_x"),
    "our name": ("def m(self, n):\n    return [n, '.agent_repl'][:1]\n", "would name agent_repl"),
    "a kept answer": ("import random\ndef m(self, n):\n    return random.getrandbits(60) + n\n", "test_m_1"),
}  # fmt: skip


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("package", [False, True])
def test_what_cannot_stand_alone_leaves_everything_as_it_was(place, monkeypatch, name, there, package):
    source, words = BROKEN[name]
    absent = type(sys)("absent_x")
    absent.f = len
    monkeypatch.setitem(sys.modules, "absent_x", absent)
    agent = session(place, source).agent("broken")
    agent.m(1)
    if "kept" in name:
        keep(agent.m)
    good, _ = grown(place, "helpers_apart")
    target = place / "out" / ("thing" if package else "thing.py")
    if there:
        emit(good, target, package=package)
    before = texts(place)
    with pytest.raises(ModuleError, match=words):
        emit(agent, target, package=package)
    assert texts(place) == {**texts(place), **before}
    assert texts(place / "out") == {n[4:]: held for n, held in before.items() if n.startswith("out/")}
    assert (place / "out").exists() == there


def test_a_disk_that_fails_halfway_leaves_what_was_there(place, monkeypatch):
    import os

    one, _ = grown(place, "helpers_apart")
    emit(one, place / "out" / "thing.py")
    before, real, done = texts(place / "out"), os.replace, []

    def failing(source, target):
        if len(done) == 1:
            raise OSError("no space left")
        done.append(target)
        real(source, target)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(ModuleError, match="no space left"):
        emit(grown(place, "chain")[0], place / "out" / "thing.py")
    assert done
    assert texts(place / "out") == before


def test_a_test_file_of_ones_own_is_never_replaced(place):
    agent, _ = grown(place, "helpers_apart")
    (place / "test_apart.py").write_text("mine = 1\n")
    with pytest.raises(ModuleError, match="was not written by an emission"):
        emit(agent, place / "apart.py")
    assert not (place / "apart.py").exists()
    assert (place / "test_apart.py").read_text() == "mine = 1\n"


def test_what_a_person_added_to_a_package_stays(place):
    agent, _ = grown(place, "helpers_apart")
    emit(agent, place / "apart", package=True)
    (place / "apart" / "notes.txt").write_text("mine")
    emit(agent, place / "apart", package=True)
    assert (place / "apart" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["random.py", "two words.py", "class.py", "thing.txt", "a.b.py"])
def test_a_name_that_no_test_could_import_is_refused(place, name):
    agent, _ = grown(place, "helpers_apart")
    with pytest.raises(ModuleError, match="cannot be imported, as its tests do"):
        emit(agent, place / name)
    assert not (place / name).exists()
    assert emit(agent, place / name, tests=False).exists()


@pytest.mark.parametrize("name", ["ledger_book", "waiter", "helpers_apart"])
def test_where_pytest_is_missing_the_tests_are_run_all_the_same(place, monkeypatch, name):
    monkeypatch.setattr(alone, "PYTEST", ["-c", "raise SystemExit('No module named pytest')"])
    agent, _ = grown(place, name)
    emit(agent, place / "out" / "thing.py")
    assert "passed" in by_pytest(place / "out")


def test_without_pytest_too_a_test_that_fails_is_named(place, monkeypatch):
    monkeypatch.setattr(alone, "PYTEST", ["-c", "raise SystemExit('No module named pytest')"])
    agent = session(place, BROKEN["a kept answer"][0]).agent("broken")
    agent.m(1)
    keep(agent.m)
    with pytest.raises(ModuleError, match="test_m_1: AssertionError"):
        emit(agent, place / "thing.py")


def test_a_class_that_never_ends_is_given_up(place, monkeypatch):
    monkeypatch.setattr(alone, "SECONDS", 0.01)
    with pytest.raises(ModuleError, match="take more than"):
        emit(grown(place, "helpers_apart")[0], place / "thing.py")
    assert not (place / "thing.py").exists()


def test_pinned_methods_leave_as_well(place):
    agent, _ = grown(place, "chain")
    pin(agent.inner)
    emit(agent, place / "out" / "links.py")
    assert "4 passed" in by_pytest(place / "out")
