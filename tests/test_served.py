"""What was served before is remembered by its signatures: it must be served exactly when the guard says so."""

import inspect
from datetime import date
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kit import fenced, session

import agent_repl
from agent_repl import CacheMiss, ScriptedProvider, open_session
from agent_repl.signature import signature, sniff

SCALED = """
def scaled(self, n, by=1, *more, unit=None):
    \"\"\"The arguments beside two names of the state.\"\"\"
    return [n, by, more, unit, getattr(self, "factor", None), getattr(self, "rows", None)]
"""
KEPT = """
def scaled(self, n, by=1, *more, unit=None):
    \"\"\"The arguments beside all of the state; the last is kept.\"\"\"
    before = dict(vars(self))
    self.last = n
    return [n, by, more, unit, before]
"""
FILES = """
def scaled(self, n, by=1, *more, unit=None):
    \"\"\"The first line of a file, if there is one.\"\"\"
    try:
        return open(self.path).readline()
    except (OSError, TypeError, AttributeError):
        return [n, by, more, unit]
"""
TABLE, OTHER = "a,b\n1,2\n", "x,y,z\n1,2,3\n"
LONG = "x" * 2000
STATE = ("factor", "rows")
CALLS = st.sampled_from([
    *([((1,), {})] * 8), ((2,), {"by": 3}), ((1.5,), {}), ((True,), {}), (("text",), {}), ((LONG,), {}), (([1],), {}),
    (({"k": 1},), {}), ((1, 2, 3), {}), ((1, 2, "more"), {}), ((1,), {"unit": "km"}), ((1,), {"wrong": 1}), ((), {}),
    (("data.csv",), {}), ((None,), {"by": date.min}),
])  # fmt: skip
CHANGES = st.sampled_from([
    *[("set", name, value) for name in STATE for value in (1, "data.csv", [1], ["a"], {"k": 1})],
    *[("set", "path", value) for value in ("gone.csv", "data.csv")], ("set", "factor", LONG),
    *[("delete", name) for name in STATE], ("set", "unrelated", 1),
    *[("write", path, text) for path in ("data.csv", "data.csv", "gone.csv") for text in (TABLE, OTHER, "")],
    ("mode", "auto"), ("mode", "cached"),
])  # fmt: skip


def served(agent, args, kwargs):
    """What is remembered of this call, which must be what its guards say when they are read one by one."""
    identity, place = type(agent)._agent_repl_identity_, type(agent)._agent_repl_shop_.executor.open(agent)
    method = identity.find("scaled")
    wanted = depends_on(agent, method, args, kwargs)
    said = wanted is not None and any(dict(guard) | wanted == dict(guard) for guard in method.entry.guards)
    known = [identity.served(method, place, args, kwargs) is not None for _ in range(2)]
    assert known == [said, said]
    return said


def depends_on(agent, method, args, kwargs):
    """All that these methods can depend on in a call, by path; None where it does not bind."""
    try:
        bound = inspect.signature(method.function).bind(agent, *args, **kwargs)
    except TypeError:
        return None
    bound.apply_defaults()
    arguments = {name: value for name, value in bound.arguments.items() if name != "self"}
    names = vars(agent) if "vars(self)" in method.code.source else {"path"} if "open(" in method.code.source else STATE
    state = {f"self.{name}": vars(agent)[name] for name in names if name in vars(agent)}
    found = {f"self.{name}": "absent" for name in names} | {n: signature(v) for n, v in (arguments | state).items()}
    if "open(" in method.code.source:
        paths = {n: v for n, v in (arguments | state).items() if isinstance(v, str) and Path(v[:99]).exists()}
        found |= {f"file({name})": sniff(path).signature for name, path in paths.items()}
    return found


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([SCALED, KEPT, FILES]), st.lists(st.tuples(CHANGES, CALLS), min_size=10))
def test_what_is_remembered_says_what_the_guard_says(tmp_path, monkeypatch, code, steps):
    monkeypatch.chdir(tmp_path)
    home = open_session(tmp_path / f"{uuid4()}", provider=ScriptedProvider(lambda prompt: fenced(code)), review="auto")
    agent = home.agent("scaler", factor=1, path="data.csv")
    write("gone.csv", "")
    write("data.csv", TABLE)
    agent.scaled(1)
    for step, (args, kwargs) in [(("mode", "cached"), ((1,), {})), *steps]:
        change(home, agent, step)
        known = served(agent, args, kwargs)
        missed = home.call(agent, "scaled", *args, **kwargs).error_type == "cache_miss"
        assert missed == (home.mode == "cached" and not known)


def change(home, agent, step):
    match step:
        case ("set", name, value):
            setattr(agent, name, value)
        case ("delete", name):
            vars(agent).pop(name, None)
        case ("write", path, text):
            write(path, text)
        case ("mode", mode):
            home.mode = mode


def write(path, text):
    if text:
        Path(path).write_text(text)
    else:
        Path(path).unlink(missing_ok=True)


def test_a_name_of_the_state_is_not_taken_for_another_of_the_same_kind(tmp_path):
    home = session(tmp_path, SCALED)
    agent = home.agent("scaler", factor=2)
    agent.scaled(1)
    home.mode = "cached"
    agent.scaled(1)
    agent.rows = vars(agent).pop("factor")
    with pytest.raises(CacheMiss):
        agent.scaled(1)


TWICE = """
def twice(self, n):
    \"\"\"Twice n.\"\"\"
    return n + n
"""
TWICE_FOR_ALL = """
def twice(self, n):
    \"\"\"n, two times.\"\"\"
    return [self.once(n), self.once(n)]
"""
ONCE = """
def once(self, n):
    \"\"\"n itself.\"\"\"
    return n
"""


def test_new_code_that_writes_a_sibling_does_not_take_the_guards_of_old_code(tmp_path):
    home = session(tmp_path, TWICE, TWICE_FOR_ALL, ONCE)
    agent = home.agent("repeater")
    assert agent.twice(2) == 4
    assert agent.twice("ab") == ["ab", "ab"]
    home.mode = "cached"
    assert agent.twice(2) == 4  # by the old code
    assert session(tmp_path, review="cached").agent("repeater").twice("cd") == ["cd", "cd"]


def test_state_that_is_a_list_is_put_back_also_when_the_call_was_served_before(tmp_path):
    push = """
    def push(self, n):
        \"\"\"Push one.\"\"\"
        self.items.append(n)
        return 1 / n
    """
    agent = session(tmp_path, push).agent("pusher", items=[0])
    assert [agent.push(1), agent.push(1)] == [1, 1]
    with pytest.raises(ZeroDivisionError):
        agent.push(0)
    assert agent.items == [0, 1, 1]


def test_a_name_that_nobody_could_foresee_is_put_back_also_when_the_call_was_served_before(tmp_path):
    store = """
    def store(self, n):
        \"\"\"Put n under a name of its own.\"\"\"
        vars(self)["last"] = n
        return 1 / n
    """
    agent = session(tmp_path, store, store).agent("store", last=1)
    assert [agent.store(2), agent.store(2)] == [0.5, 0.5]
    with pytest.raises(ZeroDivisionError):
        agent.store(0)
    assert agent.last == 2


COUNT = """
def count(self, item):
    \"\"\"One more of an item.\"\"\"
    self.stock[item] = self.stock.get(item, 0) + self.step()
    return self.stock[item]
"""
STEP = """
def step(self):
    \"\"\"How many at once.\"\"\"
    return 1
"""
BY_KEY = """
def step(self):
    \"\"\"How many at once.\"\"\"
    return self.stock.get("step", 1)
"""


def test_a_sibling_that_comes_to_ask_for_a_key_makes_records_of_all_kinds_new(tmp_path):
    home = session(tmp_path, STEP, COUNT)
    agent = home.agent("store", stock={"fig": 1})
    assert (agent.step(), agent.count("pear"), agent.count("plum")) == (1, 1, 1)
    agent_repl.edit(agent, "step", BY_KEY)
    assert agent.step() == 1
    home.mode = "cached"
    assert agent.step() == 1
    with pytest.raises(CacheMiss):
        agent.count("pear")


def test_a_record_of_new_kind_is_told_without_its_data(tmp_path):
    home = session(tmp_path, STEP, COUNT)
    agent = home.agent("store", stock={})
    agent.step(), agent.count("pear")
    home.mode = "later"
    agent.stock = {"pear": "three", "plum": 2}
    assert "self.stock is {str: int|str}, was {}" in agent_repl.prompt(agent, "count", "fig").user


def test_what_was_served_of_ever_new_keys_is_not_remembered_for_ever(tmp_path):
    home = session(tmp_path, "def size(self, d):\n    return len(d)\n")
    agent = home.agent("sizer")
    for n in range(1500):
        assert agent.size({f"key {n}": 1}) == 1
    assert len(type(agent)._agent_repl_identity_.needs("size").served) <= 1001
    assert len(home.provider.prompts) == 1
