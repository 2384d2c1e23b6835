"""Values that would make trouble if anything of theirs were run: nothing of it is, on any path of a call."""

import dataclasses
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from kit import Person, session
from reuse_driver import kinds_of

from agent_repl import AgentError, examples, forget, pin, status, unpin, versions
from agent_repl.records import Key
from agent_repl.stores.rows import Row

KEEP = "def keep(self, x):\n    return [1, x]\n"
KEEP_ALL = "def keep(self, *more, **names):\n    return [1, more, names]\n"
NAMES = """__eq__ __ne__ __lt__ __hash__ __repr__ __str__ __format__ __bytes__ __len__ __length_hint__ __iter__ __next__
__bool__ __int__ __float__ __index__ __contains__ __getitem__ __missing__ __reversed__ __call__ __enter__ __fspath__
__getattr__ __getattribute__ __setattr__ __dir__ __reduce__ __reduce_ex__ __copy__ __deepcopy__ __array__
__dataframe__ __await__ __rich__ _repr_html_ _repr_mimebundle_ keys items values get read write columns dtypes dtype
shape ndim index schema model_fields"""
TOUCH = NAMES.split()
TOUCHED: list[str] = []


def noted(name: str, then: Any) -> Any:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        TOUCHED.append(name)
        return then()

    return method


def refuse() -> Any:
    raise RuntimeError("something of the value was run")


def hostile(base: type = object, then: Any = refuse, made: Any = ()) -> Any:
    """A value that notes whatever of it is run, and raises, or does what `then` does."""
    methods = {name: noted(name, then) for name in TOUCH}
    methods |= {name: property(noted(name, then)) for name in ("__class__", "__dict__")}
    value = base.__new__(type("Hostile", (base,), methods), *made)
    TOUCHED.clear()
    return value


def forever() -> Any:
    return iter(int, 1)


LIES: dict[str, Any] = {
    "raises": refuse,
    "says True to everything": lambda: True,
    "says it is of another class": lambda: int,
    "never ends": forever,
    "says it is huge": lambda: sys.maxsize,
    "gives itself away for a text": lambda: "data.csv",
}
BASES: dict[str, Any] = {
    "an object": (object, ()),
    "a list": (list, ()),
    "a dict": (dict, ()),
    "a tuple": (tuple, ([1, 2],)),
    "a set": (set, ()),
    "a text": (str, ("data.csv",)),
    "an int": (int, (3,)),
    "a float": (float, (1.5,)),
    "bytes": (bytes, (b"ab",)),
    "an exception": (ValueError, ()),
    "a module": (ModuleType, ("hostile",)),
}


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("base", BASES)
def test_nothing_of_an_argument_is_run_when_code_is_written_and_when_it_is_served(tmp_path, base, lie):
    kind, made = BASES[base]
    home = session(tmp_path, KEEP)
    agent = home.agent("keeper")
    for call in ("a miss", "a hit"):
        value = hostile(kind, LIES[lie], made=made)
        assert agent.keep(value)[1] is value, call
        assert (call, TOUCHED) == (call, [])
    assert len(home.provider.prompts) == 1


@pytest.mark.parametrize("base", BASES)
def test_nothing_of_a_state_is_run(tmp_path, base):
    kind, made = BASES[base]
    home = session(tmp_path, "def keep(self, n):\n    self.last = n\n    return self.held\n")
    agent = home.agent("keeper of {held}", held=hostile(kind, made=made))
    for n in (1, 2):
        assert agent.keep(n) is vars(agent)["held"]
    assert (repr(agent)[:1], status(agent.keep)[:6], TOUCHED) == ("<", "keeper", [])


WHERE = {
    "in a list": lambda x: [x, x],
    "in a tuple": lambda x: (1, x),
    "in a dict": lambda x: {"a": x},
    "in a record among records": lambda x: [{"a": 1}, {"a": x}],
    "deep down": lambda x: {"a": [{"b": (x,)}]},
    "in a dataclass": lambda x: Held(x),
    "in a closure": lambda x: lambda: x,
}


@dataclasses.dataclass
class Held:
    held: Any


@pytest.mark.parametrize("where", WHERE)
def test_nothing_of_a_value_inside_another_is_run(tmp_path, where):
    home = session(tmp_path, KEEP)
    agent = home.agent("keeper", state=WHERE[where](hostile()))
    agent.keep(WHERE[where](hostile()))
    agent.keep(WHERE[where](hostile()))
    assert (TOUCHED, len(home.provider.prompts)) == ([], 1)


def test_nothing_is_run_of_values_among_many_arguments_and_keywords(tmp_path):
    home = session(tmp_path, KEEP_ALL)
    agent = home.agent("keeper")
    for _ in range(2):
        agent.keep(1, hostile(), name=hostile())
    assert (TOUCHED, len(home.provider.prompts)) == ([], 1)


class Loud(type):
    """A class whose own class notes what is asked of it."""

    def __hash__(cls) -> int:
        return noted("hash of the class", refuse)(cls)

    def __eq__(cls, other: object) -> bool:
        return noted("== of the class", refuse)(cls)

    def __instancecheck__(cls, instance: object) -> bool:
        return noted("isinstance of the class", refuse)(cls)

    def __getattribute__(cls, name: str) -> Any:
        return noted(f"{name} of the class", refuse)(cls)


def of_a_loud_class() -> Any:
    value = object.__new__(type.__call__(Loud, "Hostile", (), {}))
    TOUCHED.clear()
    return value


def test_nothing_of_an_argument_s_class_is_run(tmp_path):
    home = session(tmp_path, KEEP)
    agent = home.agent("keeper")
    agent.keep(of_a_loud_class())
    assert TOUCHED == []


def test_nothing_of_a_state_s_class_is_run(tmp_path):
    code = "def keep(self, n):\n    self.last = n\n    return self.held\n"
    agent = session(tmp_path, code).agent("keeper", held=of_a_loud_class())
    assert agent.keep(1) is agent.keep(2)
    assert TOUCHED == []


# ── the ways that a call can go wrong ──


@pytest.mark.parametrize("base", ["an object", "a text", "an int"])
def test_nothing_of_an_argument_is_run_when_the_code_ignores_it_and_is_sent_back(tmp_path, base):
    kind, made = BASES[base]
    home = session(tmp_path, "def keep(self, x):\n    return ['data.csv', 3]\n", KEEP)
    value = hostile(kind, made=made)
    outcome = home.call(home.agent("keeper"), "keep", value)
    assert TOUCHED == []
    assert outcome.value[1] is value


def test_nothing_of_an_argument_is_run_when_the_call_does_not_bind(tmp_path):
    home = session(tmp_path, KEEP, "def keep(self, x, y):\n    return [x, y]\n")
    agent = home.agent("keeper")
    agent.keep(hostile())
    value = hostile()
    assert agent.keep(value, value)[0] is value
    assert TOUCHED == []


def test_nothing_of_an_argument_is_run_when_the_code_raises_and_is_repaired(tmp_path):
    home = session(tmp_path, 'def keep(self, x):\n    self.held = x\n    return {}["absent"]\n', KEEP)
    agent = home.agent("keeper")
    value = hostile()
    assert agent.keep(value)[1] is value
    assert (TOUCHED, vars(agent), len(home.provider.prompts)) == ([], {}, 2)


def test_nothing_of_an_argument_is_run_when_a_file_is_missing(tmp_path):
    home = session(tmp_path, "def keep(self, x):\n    open('made_up.csv')\n    return x\n", KEEP)
    home.reviewer, home.mode = Person("accept", "accept"), "auto"
    outcome = home.call(home.agent("keeper"), "keep", hostile())
    assert TOUCHED == []
    assert outcome.status == "ok" or isinstance(outcome.error, FileNotFoundError)


def test_nothing_of_an_argument_is_run_where_nothing_may_be_written(tmp_path):
    home = session(tmp_path, review="cached")
    outcome = home.call(home.agent("keeper"), "keep", hostile(), name=hostile())
    assert (outcome.error_type, TOUCHED) == ("cache_miss", [])


def test_nothing_of_an_argument_is_run_when_a_person_is_asked(tmp_path):
    person = Person("reject", "accept")
    home = session(tmp_path, KEEP, review=person)
    agent = home.agent("keeper", held=hostile())
    with pytest.raises(AgentError):
        agent.keep(hostile())
    agent.keep(hostile())
    assert (TOUCHED, len(person.seen)) == ([], 2)


def test_nothing_of_the_state_is_run_when_a_method_is_pinned_and_forgotten(tmp_path):
    home = session(tmp_path, "def keep(self, x):\n    return [x, self.held]\n")
    agent = home.agent("keeper of {held}", held=hostile())
    agent.keep(hostile())
    pin(agent, "keep")
    agent.keep(hostile())
    unpin(agent, "keep")
    agent.keep(hostile())
    forget(agent, "keep")
    assert TOUCHED == []


def test_a_value_that_says_it_is_an_int_is_not_served_by_code_for_ints(tmp_path):
    home = session(tmp_path, KEEP, KEEP.replace("1", "2"))
    agent = home.agent("keeper")
    liar = type("Liar", (), {"__class__": property(lambda self: int), "__eq__": lambda self, other: True})()
    assert agent.keep(1) == [1, 1]
    assert agent.keep(liar)[0] == 2
    assert len(home.provider.prompts) == 2


def test_a_value_that_equals_everything_does_not_pass_for_the_state_that_was_there(tmp_path):
    same = type("Same", (), {"__eq__": lambda self, other: True, "__hash__": lambda self: 0})
    home = session(tmp_path, *(f"def held_kind(self):\n    return [{n}, self.held]\n" for n in (1, 2)))
    agent = home.agent("keeper", held=1)
    agent.held_kind()
    agent.held = same()
    assert agent.held_kind()[0] == 2


# ── depth, generators, classes that were defined again ──


def nested(depth: int, core: Any) -> Any:
    for _ in range(depth):
        core = [core]
    return core


@pytest.mark.parametrize("depth", [1000, 100_000])
def test_deep_values_are_served_and_put_back(tmp_path, depth):
    code = "def keep(self, x, stop):\n    self.rows[0].append(x)\n    return 1 / stop\n"
    home = session(tmp_path, code, repairs=0)
    agent = home.agent("keeper", rows=nested(depth, 1))
    assert agent.keep(nested(depth, 1), 1) == agent.keep(nested(depth, 2), 1)
    before = len(agent.rows[0])
    with pytest.raises(ZeroDivisionError):
        agent.keep(nested(depth, 3), 0)
    assert (len(agent.rows[0]), len(home.provider.prompts)) == (before, 1)


def test_values_that_hold_themselves_are_served_and_put_back(tmp_path):
    ring: dict[str, Any] = {"n": 1}
    ring["self"] = [ring]
    home = session(tmp_path, "def grow(self, x, stop):\n    self.ring['n'] += len(x)\n    return 1 / stop\n")
    agent = home.agent("keeper", ring=ring)
    assert agent.grow(ring, 1) == agent.grow(ring, 1) == 1
    with pytest.raises(ZeroDivisionError):
        agent.grow(ring, 0)
    assert (ring["n"], ring["self"][0] is ring) == (5, True)


NEXT = "def take(self, numbers):\n    return next(numbers, None)\n"


def test_a_generator_is_given_to_the_code_with_all_that_it_holds(tmp_path):
    home = session(tmp_path, "not python", NEXT)
    agent = home.agent("taker")
    numbers = (n for n in range(3))
    assert [agent.take(numbers) for _ in range(4)] == [0, 1, 2, None]
    assert len(home.provider.prompts) == 2


def test_a_generator_that_costs_something_is_not_begun(tmp_path):
    begun = []

    def costly():
        begun.append(1)
        yield 1

    home = session(tmp_path, "def held(self, numbers):\n    return [numbers, self.more]\n")
    agent = home.agent("holder", more=costly())
    agent.held(costly())
    agent.held(costly())
    assert begun == []


def defined(**fields: Any) -> Any:
    """A class as a notebook defines it: the same name each time, in the same module."""
    made = dataclasses.make_dataclass("Order", fields)
    made.__module__, made.__qualname__ = "__main__", "Order"
    return made


def test_an_object_whose_class_was_defined_again_is_served(tmp_path):
    home = session(tmp_path, "def number_of(self, order):\n    return order.number\n")
    agent = home.agent("clerk")
    assert agent.number_of(defined(number=int)(1)) == 1
    assert agent.number_of(defined(number=int)(2)) == 2
    assert len(home.provider.prompts) == 1


def test_an_object_whose_class_was_defined_again_with_other_fields_is_not(tmp_path):
    home = session(
        tmp_path,
        "def number_of(self, order):\n    return order.number\n",
        "def number_of(self, order):\n    return int(order.serial)\n",
    )
    agent = home.agent("clerk")
    agent.number_of(defined(number=int)(1))
    assert agent.number_of(defined(serial=str)("7")) == 7
    assert len(home.provider.prompts) == 2


def test_an_object_of_the_old_class_is_an_object_still(tmp_path):
    old = defined(number=int)(1)
    home = session(tmp_path, "def number_of(self, order):\n    return order.number\n")
    agent = home.agent("clerk", kept=old)
    agent.number_of(defined(number=int)(2))
    assert agent.number_of(old) == 1
    assert len(home.provider.prompts) == 1


def test_a_container_that_another_thread_changes_is_looked_at_all_the_same(tmp_path):
    home = session(tmp_path, "def size(self, rows):\n    return len(rows) >= 0\n")
    agent, stop, rows = home.agent("counter"), threading.Event(), {}

    def change() -> None:
        while not stop.is_set():
            rows.update(dict.fromkeys(range(200), 1))
            rows.clear()

    worker = threading.Thread(target=change, daemon=True)
    worker.start()
    try:
        assert all(home.call(agent, "size", dict(enumerate(range(300)))).status == "ok" for _ in range(3))
        home.provider._replies = lambda prompt: "```python\ndef size(self, rows):\n    return len(rows) >= 0\n```"
        assert {home.call(agent, "size", rows).error_type for _ in range(300)} == {""}
    finally:
        stop.set()
        worker.join()


# ── what another version has written ──


def foreign(home: Any, kind: str, number: int, **body: Any) -> None:
    """A signed row that this program would not have written: the fields of a version and these."""
    with home.store._rows(write=True) as rows:
        first = rows.find("version", "keeper", "keep")[0]
        rows.keep(Row(kind, "keeper", "keep", number, first.text, first.body | body))


def learnt(tmp_path: Path) -> Any:
    home = session(tmp_path, KEEP)
    home.agent("keeper").keep(1)
    return home


def test_records_of_a_kind_that_is_not_known_are_left(tmp_path):
    foreign(learnt(tmp_path), "mood", 1, answer="[1, 1]")
    later = session(tmp_path, review="cached")
    assert later.agent("keeper").keep(2) == [1, 2]


def test_an_example_of_another_format_is_skipped_and_named(tmp_path):
    foreign(learnt(tmp_path), "example", 1, args="[1]", state="{}", files="", kept=True)
    later = session(tmp_path, review="cached")
    agent = later.agent("keeper")
    assert (agent.keep(2), [example.args != "[1]" for example in examples(agent.keep)]) == ([1, 2], [True])
    assert "(example 'keep' of 'keeper')" in " ".join(later.store.notes)


@pytest.mark.parametrize(("number", "value"), [(1, 2), (2, "a text")])
def test_a_version_with_a_field_that_is_not_known_stops_no_call(tmp_path, number, value):
    foreign(learnt(tmp_path), "version", number, mood="good")
    later = session(tmp_path, KEEP)
    assert later.agent("keeper").keep(value) == [1, value]
    later.store.versions(Key("keeper", "keep"))
    assert "(version 'keep' of 'keeper')" in " ".join(later.store.notes)


def test_a_head_that_lacks_what_this_version_wants_stops_no_call(tmp_path):
    home = learnt(tmp_path)
    with home.store._rows(write=True) as rows:
        head = rows.find("entry")[0]
        rows.keep(head._replace(body={"guards": head.body["guards"]}))
    later = session(tmp_path, KEEP, review=(person := Person("accept")))
    assert later.agent("keeper").keep(2) == [1, 2]
    assert "(entry 'keep' of 'keeper')" in " ".join(event.text for event in person.events)


def test_guards_in_words_of_another_version_fit_nothing_and_are_asked_for_anew(tmp_path):
    home = learnt(tmp_path)
    with home.store._rows(write=True) as rows:
        head = rows.find("entry")[0]
        rows.keep(head._replace(body=head.body | {"guards": [[["x", "integer; any"]]]}))
    later = session(tmp_path, KEEP.replace("1", "2"))
    agent = later.agent("keeper")
    assert agent.keep(2) == [2, 2]
    assert [version.number for version in versions(agent.keep)] == [1, 2]


def test_a_method_that_is_stored_under_a_name_that_it_does_not_have_is_not_run(tmp_path):
    home = learnt(tmp_path)
    with home.store._rows(write=True) as rows:
        for kind in ("version", "head", "entry"):
            rows.keep(rows.find(kind)[0]._replace(name="drop"))
    later = session(tmp_path, "def drop(self, x):\n    return ['dropped', x]\n")
    outcome = later.call(later.agent("keeper"), "drop", 1)
    assert outcome.value in (None, ["dropped", 1])


def test_the_driver_of_the_processes_calls_nothing_either():
    assert kinds_of("plain", [hostile()], {}) == ["Hostile"]
    assert TOUCHED == []


def test_the_store_keeps_what_was_learnt_beside_what_it_cannot_read(tmp_path):
    home = learnt(tmp_path)
    foreign(home, "mood", 1)
    assert [version.number for version in home.store.versions(Key("keeper", "keep"))] == [1]
