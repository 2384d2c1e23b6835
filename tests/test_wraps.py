"""An agent that wraps an object is that object, and more: what the object has is its own, what it lacks is written."""

import asyncio
import collections.abc
import copy
import datetime
import decimal
import enum
import inspect
import io
import pickle
import sqlite3
import threading

import pytest
from kit import Person, session

from agent_repl import Agent, AgentError, ScriptedProvider, Verdict, open_session, pin, prompt, unpin, unwrap, versions
from agent_repl.session import use
from agent_repl.signature import signature

COUNT = 'def count_rows(self):\n    """How many there are."""\n    return len(self)\n'
USERS = '''
def find_inactive_users(self, days):
    """Users who were not seen for so many days."""
    rows = self.execute("SELECT name, idle FROM users WHERE idle > ? ORDER BY name", (days,))
    return rows.fetchall()
'''
EXPORT = '''
def export_to_csv(self, file):
    """Write the rows to an open file."""
    import csv

    csv.writer(file).writerows(self)
    return len(self)
'''


class Report:
    """A thing with what classes have: state, a private name, a method, properties that raise."""

    def __init__(self, rows=(1, 2, 3)):
        self.rows = list(rows)
        self._secret = 7

    def total(self):
        return sum(self.rows)

    @property
    def broken(self):
        raise ValueError("broken on purpose")

    @property
    def lacking(self):
        raise AttributeError("lacking on purpose")

    def __len__(self):
        return len(self.rows)

    def __repr__(self):
        raise AssertionError("the object's repr was asked")


class Slotted:
    __slots__ = ("filled", "never")

    def __init__(self):
        self.filled = 1


class Answering:
    """Answers a few names that nothing declares."""

    def __getattr__(self, name):
        if name == "answered":
            return 42
        raise AttributeError(name)


def users():
    made = sqlite3.connect(":memory:")
    made.execute("CREATE TABLE users (name, idle)")
    made.executemany("INSERT INTO users VALUES (?, ?)", [("Ann", 10), ("Bob", 100), ("Cyd", 200)])
    return made


@pytest.fixture
def home(tmp_path):
    made = session(tmp_path)
    use(made)
    yield made
    made.close()


def silent(home):
    """Whether nothing was asked of the model of this session."""
    return home.provider.prompts == []


def test_real_attributes_win_and_only_what_the_object_lacks_is_written(tmp_path):
    home = session(tmp_path, COUNT)
    wrapped = home.agent("list of orders", wraps=[3, 1, 2])
    wrapped.sort()
    wrapped.append(9)
    assert (unwrap(wrapped), wrapped.count(9)) == ([1, 2, 3, 9], 1)
    assert silent(home)
    assert wrapped.count_rows() == 4


def test_private_names_of_the_object_are_read_and_others_stay_private(home):
    report = home.agent("report", wraps=Report())
    assert (report._secret, report.rows, report.total()) == (7, [1, 2, 3], 6)
    assert not hasattr(report, "_nothing")
    assert silent(home)


def test_state_hides_an_attribute_and_the_object_is_never_written_to(home):
    thing = Report()
    report = home.agent("report", wraps=thing, unit="EUR")
    report.rows = [100]
    assert (report.rows, thing.rows, vars(report)) == ([100], [1, 2, 3], {"unit": "EUR", "rows": [100]})
    del report.rows
    assert report.rows == [1, 2, 3]
    assert "unit" not in vars(thing)


def test_what_is_wrapped_comes_back_and_all_else_as_it_is(home):
    rows = [1]
    plain = home.agent("plain")
    assert unwrap(home.agent("list", wraps=rows)) is rows
    assert [unwrap(value) for value in (rows, plain, None)] == [rows, plain, None]


def test_an_agent_is_not_wrapped_again(home):
    with pytest.raises(AgentError, match="wrap unwrap"):
        home.agent("outer", wraps=home.agent("inner", wraps=[1]))


# ── special methods ──

SPECIAL = {
    "len": (lambda a: len(a), 3),
    "index": (lambda a: a[0], 3),
    "slice": (lambda a: a[1:], [1, 2]),
    "iterate": (lambda a: [x for x in a], [3, 1, 2]),  # noqa: C416
    "unpack": (lambda a: [*a], [3, 1, 2]),
    "contains": (lambda a: (1 in a, 5 in a), (True, False)),
    "add": (lambda a: a + [4], [3, 1, 2, 4]),  # noqa: RUF005
    "times": (lambda a: (a * 2, 2 * a), ([3, 1, 2] * 2,) * 2),
    "equals": (lambda a: (a == [3, 1, 2], a == [], a != []), (True, False, True)),
    "equals another": (lambda a: a == copy.copy(a), True),
    "adds another": (lambda a: a + copy.copy(a), [3, 1, 2, 3, 1, 2]),
    "order": (lambda a: a < [4], True),
    "reversed": (lambda a: list(reversed(a)), [2, 1, 3]),
    "truth": (bool, True),
    "sorted": (sorted, [1, 2, 3]),
    "sequence": (lambda a: isinstance(a, collections.abc.Sized) and isinstance(a, collections.abc.Iterable), True),
    "not hashable": (lambda a: isinstance(a, collections.abc.Hashable), False),
    "not callable": (callable, False),
}


@pytest.mark.parametrize("use_it", SPECIAL)
def test_special_methods_are_those_of_the_object(home, use_it):
    do, wanted = SPECIAL[use_it]
    assert do(home.agent("orders", wraps=[3, 1, 2])) == wanted
    assert silent(home)


def test_special_methods_that_the_object_lacks_are_lacking(home):
    report = home.agent("report", wraps=Report())
    assert len(report) == 3
    for use_it in (iter, lambda r: r[0], lambda r: r + 1, lambda r: r(), lambda r: r.__enter__()):
        with pytest.raises((TypeError, AttributeError)):
            use_it(report)


def test_two_wrapped_types_of_one_identity_do_not_mix(home):
    rows, report = home.agent("thing", wraps=[1, 2]), home.agent("thing", wraps=Report())
    assert (rows[0], len(report), type(rows) is type(report)) == (1, 3, False)
    assert type(home.agent("thing", wraps=[])) is type(rows)
    with pytest.raises(TypeError):
        len(home.agent("thing"))


def test_writing_through_special_methods_reaches_the_object(home):
    table = home.agent("table", wraps={})
    table["a"] = 1
    table |= {"b": 2}
    del table["a"]
    assert isinstance(table, Agent)
    assert unwrap(table) == {"b": 2}


def test_with_and_await_are_those_of_the_object(home):
    async def answer():
        return await home.agent("later", wraps=asyncio.sleep(0, 5))

    base = home.agent("users", wraps=users())
    with base as inside:
        inside.execute("DELETE FROM users")
    assert inside is base
    assert asyncio.run(answer()) == 5


# ── looking is free ──

LOOKS = {
    "repr": (repr, "<agent orders: orders · wraps list · no methods yet>"),
    "str": (str, "<agent orders: orders · wraps list · no methods yet>"),
    "dir": (lambda a: {"append", "sort", "getdoc"} <= set(dir(a)), True),
    "vars": (vars, {}),
    "getdoc": (lambda a: a.getdoc().splitlines()[0], "orders · wraps list"),
    "copy": (lambda a: unwrap(copy.copy(a)) is unwrap(a), True),
    "deepcopy": (lambda a: (unwrap(copy.deepcopy(a)), unwrap(copy.deepcopy(a)) is unwrap(a)), ([3, 1, 2], False)),
    "pickle": (lambda a: unwrap(pickle.loads(pickle.dumps(a))), [3, 1, 2]),
    "type": (lambda a: (isinstance(a, Agent), isinstance(a, list), type(a).__name__), (True, False, "Orders")),
    "hasattr": (lambda a: (hasattr(a, "append"), hasattr(a, "_x"), hasattr(a, "llm")), (True, False, False)),
    "private display": (lambda a: hasattr(a, "_repr_html_"), False),
    "numpy": (lambda a: pytest.importorskip("numpy").array(a).tolist(), [3, 1, 2]),
    "numpy sum": (lambda a: int(pytest.importorskip("numpy").asarray(a).sum()), 6),
    "pandas": (lambda a: pytest.importorskip("pandas").Series(list(a)).tolist(), [3, 1, 2]),
    "members": (lambda a: "append" in dict(inspect.getmembers(a)), True),
    "signature": (signature, "agent:orders of list[int]"),
}


@pytest.mark.parametrize("look", LOOKS)
def test_looking_at_a_wrapping_agent_is_free_and_sensible(home, look):
    do, wanted = LOOKS[look]
    assert do(home.agent("orders", wraps=[3, 1, 2])) == wanted
    assert silent(home)


def test_a_frame_stays_usable_where_frames_are(home):
    numpy, pandas = pytest.importorskip("numpy"), pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, 2], "b": [3.0, 4.0]})
    agent = home.agent("frame", wraps=frame)
    assert (list(agent.columns), agent.shape, agent["a"].sum(), list(agent.b)) == (["a", "b"], (2, 2), 3, [3.0, 4.0])
    assert numpy.asarray(agent).shape == numpy.sqrt(agent).shape == (2, 2)
    assert (agent + 1).equals(frame + 1)
    assert (agent + agent).equals(frame * 2)
    assert (agent == frame).all().all()
    assert agent._repr_html_() == frame._repr_html_()
    assert "columns" in dir(agent)
    assert silent(home)


def test_the_objects_repr_is_never_asked(home):
    assert repr(home.agent("report", wraps=Report())).endswith("wraps Report · no methods yet>")


def test_properties_that_raise_raise_and_are_not_written(home):
    report = home.agent("report", wraps=Report())
    with pytest.raises(ValueError, match="broken on purpose"):
        report.broken  # noqa: B018
    with pytest.raises(AttributeError, match="lacking on purpose"):
        report.lacking()


def test_a_property_that_raises_is_not_answered_by_another_agents_pinned_method(tmp_path):
    lacking = 'def lacking(self):\n    """One."""\n    return 1\n'
    home = session(tmp_path, lacking)
    rows = home.agent("thing", wraps=[])
    rows.lacking()
    pin(rows, "lacking")
    with pytest.raises(AttributeError, match="lacking on purpose"):
        home.agent("thing", wraps=Report()).lacking()


def test_slots_and_answered_names_are_the_objects(home):
    slotted, answering = home.agent("slotted", wraps=Slotted()), home.agent("answering", wraps=Answering())
    assert (slotted.filled, answering.answered) == (1, 42)
    with pytest.raises(AttributeError, match="never"):
        slotted.never  # noqa: B018
    assert repr(answering.other).startswith("<method answering.other · NEW")


def test_a_deep_copy_keeps_a_circle_through_the_object(home):
    rows = []
    agent = home.agent("circle", wraps=rows)
    rows.append(agent)
    copied = copy.deepcopy(agent)
    assert unwrap(copied)[0] is copied


def test_a_pickle_that_the_object_refuses_is_refused(home):
    with pytest.raises(TypeError, match="Connection"):
        pickle.dumps(home.agent("users", wraps=users()))


# ── guards and prompts ──


def test_a_method_written_for_one_wrapped_kind_does_not_serve_another(tmp_path):
    home = session(tmp_path, COUNT, COUNT)
    home.agent("things", wraps=[1]).count_rows()
    home.agent("things", wraps=[1, 2, 3]).count_rows()
    assert len(home.provider.prompts) == 1
    home.agent("things", wraps={"a": 1}).count_rows()
    assert len(home.provider.prompts) == 2
    assert "wraps is {&quot;" not in home.provider.prompts[1].user
    assert 'wraps is {"a": int}, was list[int]' in home.provider.prompts[1].user


def test_the_kind_of_an_attribute_that_is_read_is_a_premise(tmp_path):
    largest = 'def largest(self):\n    """The largest."""\n    return max(self.rows)\n'
    home = session(tmp_path, largest, largest)
    report = home.agent("report", wraps=Report())
    assert report.largest() == 3
    (accepted,) = home.identities["report"].find("largest").entry.guards
    assert [(p.path, p.signature) for p in accepted] == [
        ("wraps", "test_wraps.Report"),
        ("self.rows", "list[int]"),
    ]
    assert home.agent("report", wraps=Report("ab")).largest() == "b"
    assert len(home.provider.prompts) == 2


def test_the_kind_of_an_attribute_counts_where_self_is_used_as_a_whole_too(tmp_path):
    mean = 'def mean(self):\n    """The mean."""\n    return sum(self.rows) / len(self)\n'
    home = session(tmp_path, mean, mean)
    assert home.agent("report", wraps=Report([2, 4])).mean() == 3
    home.call(home.agent("report", wraps=Report("ab")), "mean")
    assert len(home.provider.prompts) > 1


def test_a_slots_value_is_seen_and_a_file_that_the_object_names_is_looked_at(tmp_path):
    read = 'def first(self):\n    """The first line."""\n    return open(self.filled).readline().strip()\n'
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "b.csv").write_text("z,y\n1,2\n")
    home, slotted = session(tmp_path, read, read), Slotted()
    for name in ("a.csv", "b.csv"):
        slotted.filled = str(tmp_path / name)
        home.reviewer, home.mode = Person(*["accept"] * 3), "ask"
        home.agent("slotted", wraps=slotted).first()
    guards = home.identities["slotted"].find("first").entry.guards
    assert ("file(self.filled)", "csv;,(z,y)") in guards[0]
    assert ("self.filled", "str") in guards[0]


def test_state_that_hides_what_was_read_is_a_near_miss(tmp_path):
    largest = 'def largest(self):\n    """The largest."""\n    return max(self.rows)\n'
    home = session(tmp_path, largest, largest)
    report = home.agent("report", wraps=Report())
    report.largest()
    report.rows = ("x", "y")
    assert report.largest() == "y"
    assert len(home.provider.prompts) == 2


def test_the_prompt_says_what_self_wraps_and_has(home):
    asked = prompt(home.agent("report", wraps=Report(), unit="EUR"), "largest")
    assert "self wraps: test_wraps.Report\nso self has its self.rows, self.total()," in asked.system
    assert "self.broken" in asked.system
    assert "_secret" not in asked.system
    assert "self has only self.unit, what it wraps:" in asked.user
    assert ("wraps", "test_wraps.Report") in asked.premises


def test_the_prompt_of_a_large_class_is_short(home):
    frame = pytest.importorskip("pandas").DataFrame({"price": [1.5]})
    asked = prompt(home.agent("frame", wraps=frame), "cheapest").system
    assert "price (float64): 1.5" in asked
    assert 20 < asked.count("self.") < 60


def test_written_code_reads_and_asks_for_what_the_object_has(tmp_path):
    look = '''
    def look(self):
        """What is there."""
        return self.rows, self._secret, self.total(), hasattr(self, "rows"), hasattr(self, "other")
    '''
    assert session(tmp_path, look).agent("report", wraps=Report()).look() == ([1, 2, 3], 7, 6, True, False)


def test_code_that_reads_what_the_object_lacks_is_sent_back(tmp_path):
    wrong = 'def largest(self):\n    """The largest."""\n    return max(self.lines)\n'
    right = wrong.replace("lines", "rows")
    home = session(tmp_path, wrong, right)
    assert home.agent("report", wraps=Report()).largest() == 3
    assert "self has only: self._secret, self.broken, self.lacking, self.rows" in home.provider.prompts[1].user


def test_code_that_binds_a_real_methods_name_is_sent_back(tmp_path):
    wrong = 'def settle(self):\n    """The total, kept."""\n    self.total = 5\n    return 5\n'
    home = session(tmp_path, wrong, wrong.replace("self.total", "self.settled"))
    report = home.agent("report", wraps=Report())
    assert (report.settle(), vars(report)) == (5, {"settled": 5})
    assert "self.total is a method: do not assign to it" in home.provider.prompts[1].user


def test_validation_runs_no_property(tmp_path):
    seen = []

    class Watched:
        @property
        def costly(self):
            seen.append(1)
            return 5

    seven = 'def seven(self):\n    """Seven."""\n    return 7\n'
    agent = session(tmp_path, seven).agent("watched", wraps=Watched())
    assert (agent.seven(), seen) == (7, [])
    assert (agent.seven(), agent.costly, seen) == (7, 5, [1])


def test_a_pinned_method_does_not_hide_what_another_object_has(tmp_path):
    total = 'def total(self):\n    """The sum."""\n    return sum(self)\n'
    home = session(tmp_path, total)
    rows = home.agent("thing", wraps=[1, 2])
    rows.total()
    pin(rows, "total")
    report = home.agent("thing", wraps=Report([10]))
    assert (rows.total(), report.total(), inspect.ismethod(rows.total)) == (3, 10, True)
    assert home.call(report, "total").value == 10


def test_an_object_that_gains_a_name_takes_it_from_the_written_method(tmp_path):
    class Open:
        pass

    total = 'def total(self):\n    """One."""\n    return 1\n'
    home = session(tmp_path, total)
    thing = Open()
    agent = home.agent("thing", wraps=thing)
    assert agent.total() == 1
    thing.total = lambda: 2
    assert (agent.total(), home.agent("thing", wraps=Open()).total()) == (2, 1)


def test_session_call_reaches_real_attributes(home):
    agent = home.agent("orders", wraps=[1])
    assert home.call(agent, "append", 2).status == "ok"
    assert unwrap(agent) == [1, 2]
    assert silent(home)


# ── deep ──


def test_results_of_a_deep_agent_are_agents_that_go_on(tmp_path):
    home = session(tmp_path, USERS, EXPORT)
    db = home.agent("customer database", wraps=users(), deep=True)
    found = db.find_inactive_users(days=90)
    file = io.StringIO()
    assert found.export_to_csv(file) == 2
    assert file.getvalue().split() == ["Bob,100", "Cyd,200"]
    assert (unwrap(found), found[0]) == ([("Bob", 100), ("Cyd", 200)], ("Bob", 100))
    assert "customer database › find_inactive_users › list" in home.identities
    assert db.find_inactive_users(days=5).export_to_csv(io.StringIO()) == 3
    assert len(home.provider.prompts) == 2


def test_results_of_real_attributes_are_deep_too(home):
    db = home.agent("customer database", wraps=users(), deep=True)
    rows = db.execute("SELECT name FROM users").fetchall()
    assert repr(rows).endswith("wraps list · no methods yet>")
    assert type(rows)._agent_repl_identity_.template == ("customer database › execute › Cursor › fetchall › list")
    assert rows == [("Ann",), ("Bob",), ("Cyd",)]
    assert home.call(db, "execute", "SELECT 1").value.fetchone() == (1,)
    assert silent(home)


class Colour(enum.Enum):
    RED = 1


PLAIN = [
    *(None, True, 1, 1.5, 2j, "text", b"bytes", decimal.Decimal(1), Colour.RED),
    *(datetime.date(2026, 1, 1), datetime.datetime(2026, 1, 1), datetime.time(1), datetime.timedelta(1)),
]


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_plain_results_stay_plain(home, value):
    held = home.agent("shelf", wraps={"x": value}, deep=True)
    assert type(held.get("x")) is type(value)


def test_numbers_of_numpy_are_plain(home):
    numpy = pytest.importorskip("numpy")
    held = home.agent("shelf", wraps=numpy.array([1.0, 2.0]), deep=True)
    assert [type(held.sum()), type(held.all()), type(held.reshape(2, 1))._agent_repl_deep_] == [
        numpy.float64,
        numpy.bool_,
        True,
    ]


def test_a_result_that_is_an_agent_or_the_object_itself_stays(home):
    class Builder:
        def plus(self):
            return self

    other, builder = home.agent("other"), home.agent("builder", wraps=Builder(), deep=True)
    assert home.agent("shelf", wraps={"x": other}, deep=True).get("x") is other
    assert builder.plus().plus() is builder


def test_a_walk_along_equal_objects_stays_with_one_identity(home):
    class Node:
        def next(self):
            return Node()

    node = home.agent("node", wraps=Node(), deep=True)
    for _ in range(20):
        node = node.next()
    assert len(home.identities) == 2


def test_arguments_that_wrap_are_passed_as_they_are(home):
    rows = home.agent("rows", wraps=[], deep=True)
    inner = home.agent("inner", wraps=[1])
    rows.append(inner)
    rows.append(0)
    rows[1] = inner
    taken = home.agent("taker", wraps=lambda value: value)(inner)
    assert unwrap(rows)[0] is unwrap(rows)[1] is taken is inner


def test_written_code_of_a_deep_agent_works_on_the_values_themselves(tmp_path):
    names = (
        'def names(self):\n    """Names."""\n    rows = self.find_inactive_users(0)\n    return type(rows).__name__\n'
    )
    home = session(tmp_path, USERS, names)
    db = home.agent("customer database", wraps=users(), deep=True)
    db.find_inactive_users(90)
    assert db.names() == "list"


@pytest.mark.parametrize("wraps", [None, [1]])
def test_deep_results_are_the_same_whatever_the_tier(tmp_path, wraps):
    pair = 'def pair(self):\n    """Two."""\n    return [1, 2]\n'
    home = session(tmp_path, pair)
    agent = home.agent("pairs", wraps=wraps, deep=True)
    made = [agent.pair(), agent.pair()]
    pin(agent, "pair")
    made += [agent.pair(), home.call(agent, "pair").value, copy.copy(agent).pair()]
    unpin(agent.pair)
    assert [unwrap(each) for each in [*made, agent.pair()]] == [[1, 2]] * 6
    assert {type(each)._agent_repl_label_ for each in made} == {"pairs_pair_list"}


def test_a_coroutine_is_awaited_by_its_caller(tmp_path):
    later = 'async def later(self):\n    """Later."""\n    return 5\n'
    assert asyncio.run(session(tmp_path, later).agent("slow", wraps=[], deep=True).later()) == 5


# ── agents that make agents ──

HELPED = '''
def report(self, rows):
    """The rows, cleaned by a helper."""
    helper = self.llm.agent("cleaner of rows", unit="EUR")
    return helper.clean(rows)
'''
CLEAN = 'def clean(self, rows):\n    """Rows that say something."""\n    return [row for row in rows if row]\n'


def test_written_code_makes_agents_whose_methods_are_written(tmp_path):
    home = session(tmp_path, HELPED, CLEAN)
    boss = home.agent("boss")
    assert boss.report([1, 0, 2]) == [1, 2]
    assert versions(home.agent("cleaner of rows"), "clean")[0].verdict == "accepted"
    assert boss.report([0, 5]) == [5]
    assert len(home.provider.prompts) == 2


def test_outside_of_written_code_there_is_no_llm(home):
    with pytest.raises(AttributeError, match="llm"):
        home.agent("boss").llm  # noqa: B018


def test_written_code_asks_the_model(tmp_path):
    asks = 'def guess(self):\n    """A guess."""\n    return self.llm.ask("what?")\n'
    home = session(tmp_path, asks, "```\nforty-two\n```")
    assert home.agent("boss").guess() == "forty-two"


def test_an_agent_as_a_result_is_a_value(tmp_path):
    makes = 'def helper(self):\n    """A helper."""\n    return self.llm.agent("helper of the boss")\n'
    made = session(tmp_path, makes).agent("boss").helper()
    assert signature(made) == "agent:helper_boss"


def test_an_unwritten_method_of_another_agent_is_no_value_in_written_code(tmp_path):
    peeks = 'def peek(self, other):\n    """Whether."""\n    return hasattr(other, "rows"), other.count_rows()\n'
    home = session(tmp_path, peeks, COUNT)
    assert home.agent("boss").peek(home.agent("orders", wraps=[1, 2])) == (False, 2)


def opened(tmp_path, answer, **limits):
    """A session whose person accepts everything that this function writes; code that starts threads is flagged."""
    provider = ScriptedProvider(answer)
    return open_session(tmp_path / ".agent_repl", provider, review=lambda proposal: Verdict("accept"), **limits)


def spawning(line):
    """A model that writes for every agent a method which makes the next agent and calls it."""

    def answer(asked):
        return (
            "```python\nfrom concurrent.futures import ThreadPoolExecutor\n\n"
            f'def spawn(self, n):\n    """The next."""\n    {line}\n```'
        )

    return answer


NEXT = 'self.llm.agent("agent number " + "x" * n).spawn(n + 1)'


@pytest.mark.parametrize(
    ("line", "limits", "words"),
    [
        (f"return {NEXT}", {}, "max_depth=8"),
        (f"return {NEXT}", {"max_depth": 100, "max_calls": 5}, "max_calls=5"),
        (
            f"with ThreadPoolExecutor(1) as pool:\n        return pool.submit(lambda: {NEXT}).result()",
            {},
            "max_calls=20",
        ),
    ],
    ids=["depth", "calls", "threads"],
)
def test_agents_that_make_agents_are_stopped_by_one_ledger(tmp_path, line, limits, words):
    home = opened(tmp_path, spawning(line), **limits)
    outcome = home.call(home.agent("agent number"), "spawn", 1)
    assert (outcome.error_type, words in str(outcome.error)) == ("budget_exceeded", True)
    assert len(home.provider.prompts) <= 20


def test_two_agents_that_make_each_other_end_in_an_error(tmp_path):
    def answer(asked):
        name, other, call = ("ping", "second", "pong") if "`ping`" in asked.user else ("pong", "first", "ping")
        body = f'return self.llm.agent("the {other}").{call}()'
        return f'```python\ndef {name}(self):\n    """On."""\n    {body}\n```'

    home = opened(tmp_path, answer)
    assert home.call(home.agent("the first"), "ping").status == "error"
    assert len(home.provider.prompts) <= 20


def test_workers_of_written_code_spend_from_one_ledger(tmp_path):
    fan = '''
    from concurrent.futures import ThreadPoolExecutor

    def fan(self, n):
        """All of them."""
        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(lambda each: self.twice(each), range(n)))
    '''
    twice = 'def twice(self, n):\n    """Twice."""\n    return n * 2\n'
    home = session(tmp_path, fan, twice, review=Person("accept", "accept"))
    outcome = home.call(home.agent("fan"), "fan", 20)
    assert (outcome.value, outcome.usage.calls) == (list(range(0, 40, 2)), 2)


def test_a_persons_own_threads_have_ledgers_of_their_own(tmp_path):
    twice = 'def twice(self, n):\n    """Twice."""\n    return n * 2\n'
    home = session(tmp_path, twice, twice, max_calls=1)
    found = []
    agents = [home.agent(f"agent {n}") for n in ("one", "two")]
    threads = [threading.Thread(target=lambda a=a: found.append(home.call(a, "twice", 2).value)) for a in agents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [4, 4]
