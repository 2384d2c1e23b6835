"""Crystallized methods: plain functions that know when they no longer fit."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
import textwrap
import threading
import traceback
from copy import copy
from pathlib import Path
from typing import Any

import pytest
from kit import session

from agent_repl import AgentError
from agent_repl.control import agents, forget, pin, source, status, unpin
from agent_repl.errors import UnaskedCall
from agent_repl.pipeline.pinning import sync

ADD = '''
def add(self, a, b):
    """A sum; one name of the state is read."""
    return a + b + self.factor
'''


def adder(tmp_path: Path, *replies: Any, **settings: Any) -> Any:
    return session(tmp_path, *(replies or (ADD,)), **settings).agent("adder", factor=3)


def crystal(agent: Any, name: str = "add") -> Any:
    """The function that stands on the class, None where there is none."""
    return vars(type(agent)).get(name)


def ripe(tmp_path: Path, *replies: Any, **settings: Any) -> Any:
    """An agent whose `add` has run three times."""
    agent = adder(tmp_path, *(replies or (ADD,)), **settings)
    assert [agent.add(1, 2) for _ in range(3)] == [6, 6, 6]
    return agent


def elsewhere(tmp_path: Path, code: str) -> str:
    """What another process prints that runs this in the same home, with the agent at hand."""
    head = "import sys; sys.path[:0] = sys.argv[2:4]\nfrom pathlib import Path\nfrom kit import session\n"
    head += "from agent_repl.control import forget, pin, unpin\n"
    text = head + textwrap.dedent(code)
    paths = [str(tmp_path), str(Path(__file__).parent), str(Path(__file__).parent.parent)]
    done = subprocess.run([sys.executable, "-c", text, *paths], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# ── when ──


def test_after_the_third_run_a_method_is_a_function_of_the_class(tmp_path: Path) -> None:
    agent = adder(tmp_path)
    tiers = []
    for _ in range(4):
        assert agent.add(1, 2) == 6
        tiers.append(status(agent, "add").split(" · ")[1])
    assert tiers == ["CACHED v1", "CACHED v1", "CRYSTALLIZED v1", "CRYSTALLIZED v1"]
    assert inspect.ismethod(agent.add)
    assert agent.add(2, 2) == 7


def test_nothing_is_crystallized_where_the_setting_says_never(tmp_path: Path) -> None:
    agent = adder(tmp_path, crystallize_after=0)
    assert {agent.add(1, 2) for _ in range(9)} == {6}
    assert crystal(agent) is None


def test_the_verbs_take_a_crystallized_method(tmp_path: Path) -> None:
    agent = ripe(tmp_path)
    assert source(agent.add).strip() == ADD.strip()
    assert dir(agent).count("add") == 1
    assert status(agent.add).startswith("adder.add · CRYSTALLIZED v1")


def test_an_outcome_says_that_the_method_was_crystallized(tmp_path: Path) -> None:
    home = session(tmp_path, ADD)
    agent = home.agent("adder", factor=3)
    assert [home.call(agent, "add", 1, 2).tier for _ in range(4)] == ["NEW", "CACHED", "CACHED", "CRYSTALLIZED"]
    assert [m.tier for info in agents(home) for m in info.methods] == ["CRYSTALLIZED"]


@pytest.mark.parametrize(
    "method",
    [
        "def add(self, a, b):\n    self.last = a + b + self.factor\n    return self.last",
        "def add(self, a, b):\n    return a + b + self.factor + len(self.rows)",
        "def add(self, a, b):\n    return a + b + vars(self)['factor']",
        "def add(self, a, b):\n    return a + b + self.factor + 0 * len(locals())",
    ],
    ids=["it writes state", "it reads a list", "it looks anywhere", "it looks at its locals"],
)
def test_a_method_stays_cached_where_a_prologue_would_not_be_enough(tmp_path: Path, method: str) -> None:
    agent = session(tmp_path, method).agent("adder", factor=3, rows=[])
    assert {agent.add(1, 2) for _ in range(6)} == {6}
    assert crystal(agent) is None


def test_generators_and_coroutines_stay_cached(tmp_path: Path) -> None:
    agent = adder(tmp_path, "def count(self, n):\n    yield from range(n)", "async def later(self):\n    return 1")
    for _ in range(5):
        assert list(agent.count(2)) == [0, 1]
        assert asyncio.run(agent.later()) == 1
    assert crystal(agent, "count") is crystal(agent, "later") is None


def test_a_new_process_crystallizes_at_its_first_call(tmp_path: Path) -> None:
    ripe(tmp_path)
    again = adder(tmp_path, "")
    assert again.add(1, 2) == 6
    assert crystal(again)


# ── what a person sees of it ──


def test_tools_see_the_source_as_it_was_written(tmp_path: Path) -> None:
    agent = ripe(tmp_path)
    assert str(inspect.signature(agent.add)) == "(a, b)"
    assert inspect.getsource(agent.add).strip() == ADD.strip()
    assert agent.add.__doc__ == "A sum; one name of the state is read."
    assert agent.add.__qualname__ == "adder.add"


def test_an_exception_is_the_original_with_the_original_lines(tmp_path: Path) -> None:
    agent = adder(tmp_path, "def share(self, a, b):\n    # of all\n    return a / b")
    for _ in range(3):
        agent.share(1, 2)
    with pytest.raises(ZeroDivisionError) as caught:
        agent.share(1, 0)
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert [(f.name, f.line) for f in frames[1:]] == [("share", "return a / b")]
    assert caught.value.__context__ is None


def test_state_of_the_same_name_hides_it_on_that_agent_alone(tmp_path: Path) -> None:
    agent = ripe(tmp_path)
    other = copy(agent)
    other.add = 5
    assert (other.add, agent.add(1, 2)) == (5, 6)


# ── it goes back to the pipeline ──


def test_another_kind_of_argument_is_a_near_miss(tmp_path: Path) -> None:
    agent = ripe(tmp_path, ADD, "def add(self, a, b):\n    return f'{a}{b}{self.factor}'")
    assert agent.add("a", "b") == "ab3"
    assert [agent.add(1, 2) for _ in range(5)] == [6] * 5  # the new version was accepted for texts alone
    assert agent.add("a", "b") == "ab3"


@pytest.mark.parametrize("kind", [None, "3", True, 3.5])
def test_another_kind_of_state_is_a_near_miss(tmp_path: Path, kind: Any) -> None:
    agent = ripe(tmp_path, ADD, "def add(self, a, b):\n    return a, b, self.factor")
    copied = copy(agent)
    copied.factor = kind
    assert copied.add(1, 2) == (1, 2, kind)


def test_state_that_is_gone_is_a_near_miss(tmp_path: Path) -> None:
    agent = ripe(tmp_path, ADD, "def add(self, a, b):\n    return a + b")
    del agent.factor
    assert agent.add(1, 2) == 3


def test_a_call_that_does_not_bind_is_a_near_miss(tmp_path: Path) -> None:
    agent = ripe(tmp_path, ADD, "def add(self, a, b, *, c):\n    return a + b + c")
    assert agent.add(1, 2, c=5) == 8


@pytest.mark.parametrize(
    "call", ["add()", "add(1)", "add(1, 2, 3)", "add(1, b=2, a=1)", "add(1, 2, z=3)", "add(self=1)"]
)
def test_where_nothing_may_be_written_a_call_that_does_not_bind_says_so(tmp_path: Path, call: str) -> None:
    ripe(tmp_path)
    agent = adder(tmp_path, review="cached")
    assert agent.add(1, 2) == 6
    assert crystal(agent)
    with pytest.raises(AgentError, match="no accepted code fits"):
        eval(f"agent.{call}")


def test_a_library_does_not_have_a_crystallized_method_rewritten(tmp_path: Path) -> None:
    agent = adder(tmp_path, "def read(self, n):\n    return b'x' * n", "never")
    for _ in range(3):
        agent.read(1)
    import shutil

    with pytest.raises(UnaskedCall):
        shutil.copyfileobj(agent, sys.stdout, "1")  # type: ignore[misc]


def test_a_method_that_was_passed_to_a_library_is_still_the_persons(tmp_path: Path) -> None:
    from functools import reduce

    agent = ripe(tmp_path, ADD, "def add(self, a, b):\n    return a + b")
    assert reduce(agent.add, ["a", "b"]) == "ab"


# ── parameters ──

SIGNATURES = {
    "a, b=10": ["f(1)", "f(1, 2)", "f(1, b=2)", "f(b=2, a=1)"],
    "a, /, b=10": ["f(1)", "f(1, b=2)", "f(1, 2)"],
    "a, *, b=10": ["f(1)", "f(1, b=2)", "f(a=1, b=2)"],
    "a, b, *more": ["f(1, 2)", "f(1, 2, 3)", "f(1, 2, 3, 4)"],
    "a, b=0, **more": ["f(1)", "f(1, 2, c=3)", "f(a=1, c=3)"],
    "a, b=0, /, **more": ["f(1)", "f(1, 2, a=2, b=3)"],
    "type, int=1, len='x'": ["f(1)", "f('ab')", "f(1, 2)", "f(1, len='y')"],
    "": ["f()"],
}


@pytest.mark.parametrize("parameters", SIGNATURES)
def test_arguments_arrive_as_python_binds_them(tmp_path: Path, parameters: str) -> None:
    names = [n.partition("=")[0].strip("* ") for n in parameters.split(",") if n.strip() not in ("", "/", "*")]
    code = f"def f(self, {parameters}):\n    return [{', '.join([*names, 'self.factor'])}]"
    scope: dict[str, Any] = {}
    exec(code, scope)
    agent = adder(tmp_path, *[code] * 9)
    for call in SIGNATURES[parameters] * 4:
        assert eval(f"agent.{call}") == eval(
            call.replace("f(", "f(agent, ").replace(", )", ")"), scope | {"agent": agent}
        )
    assert crystal(agent, "f")


def test_a_default_is_the_same_object_at_every_call(tmp_path: Path) -> None:
    agent = adder(tmp_path, "def keep(self, n, seen=[]):\n    return n, seen")
    kept = [agent.keep(n) for n in range(5)]
    assert crystal(agent, "keep")
    assert kept[0][1] is kept[4][1]


def test_several_kinds_and_many_are_all_served(tmp_path: Path) -> None:
    echo = "def echo(self, x):\n    return x"
    agent = adder(tmp_path, *[echo] * 9)
    values = [1, "a", 1.5, True, None, b"x", [1], {"a": 1}]
    for value in values * 4:
        assert agent.echo(value) is value
        assert agent.echo("x" * 2000) == "x" * 2000
    assert crystal(agent, "echo")


def test_a_sibling_is_checked_with_what_it_reads(tmp_path: Path) -> None:
    agent = adder(
        tmp_path, "def outer(self):\n    return self.inner() + 1", "def inner(self):\n    return self.factor", *["?"]
    )
    assert [agent.outer() for _ in range(4)] == [4] * 4
    assert crystal(agent, "outer")
    agent.factor = "three"
    with pytest.raises(AgentError):
        agent.outer()


# ── decisions ──


def test_forgotten_or_pinned_it_is_so_at_once_for_every_agent(tmp_path: Path) -> None:
    agent = ripe(tmp_path, ADD, ADD)
    other = copy(agent)
    forget(agent.add)
    assert status(other, "add").startswith("adder.add · NEW")
    assert [other.add(5, 3) for _ in range(3)] == [11, 11, 11]
    pin(agent.add)
    other.factor = "no number"
    with pytest.raises(TypeError):  # without a guard, as the pin says
        other.add(5, 3)


def test_unpinned_it_is_cached_and_then_crystallized_again(tmp_path: Path) -> None:
    agent = ripe(tmp_path)
    pin(agent.add)
    unpin(agent.add)
    assert crystal(agent) is None
    assert agent.add(1, 2) == 6
    assert crystal(agent)


@pytest.mark.parametrize("after", [0, 3])
def test_what_another_process_forgets_is_gone_at_the_next_call(tmp_path: Path, after: int) -> None:
    agent = ripe(tmp_path, crystallize_after=after)
    elsewhere(tmp_path, "forget(session(Path(sys.argv[1])).agent('adder', factor=3), 'add')")
    with pytest.raises(AgentError):
        agent.add(1, 2, "three")
    assert status(agent, "add").startswith("adder.add · NEW")


@pytest.mark.parametrize("after", [0, 3])
def test_what_another_process_rewrites_is_not_served_any_more(tmp_path: Path, after: int) -> None:
    agent = ripe(tmp_path, crystallize_after=after)
    other = "a = session(Path(sys.argv[1]), 'def add(self, a, b):\\n    return b - a').agent('adder', factor=3)"
    assert elsewhere(tmp_path, f"{other}; forget(a, 'add'); print(a.add(1.5, 3))") == "1.5"
    assert agent.add(1.5, 3) == 1.5
    with pytest.raises(AgentError):
        agent.add(1, 2)


@pytest.mark.parametrize("after", [0, 3])
def test_a_repair_by_another_process_answers_the_next_call_that_fits(tmp_path: Path, after: int) -> None:
    agent = ripe(tmp_path, crystallize_after=after)
    code = """
    from dataclasses import replace
    from agent_repl.validate import recall
    home = session(Path(sys.argv[1]))
    head = type(home.agent('adder', factor=3))._agent_repl_identity_.find('add')
    source = head.code.source.replace('a + b', 'a - b')
    unit = recall(source, 'add').unit
    fixed = home.store.add(replace(head.entry.version, source=source, unit=unit, number=0))
    home.store.put(replace(head.entry, version=home.store.judge(fixed, 'accepted')))
    """
    elsewhere(tmp_path, code)
    assert [agent.add(1, 2), copy(agent).add(1, 2)] == [2, 2]


def test_a_decision_about_something_else_changes_nothing(tmp_path: Path) -> None:
    agent = ripe(tmp_path)
    before = crystal(agent)
    elsewhere(tmp_path, "session(Path(sys.argv[1]), 'def one(self):\\n    return 1').agent('other').one()")
    assert agent.add(1, 2) == 6
    assert crystal(agent) not in (None, before)


def test_what_another_process_pins_or_unpins_is_taken_over_at_the_next_sync(tmp_path: Path) -> None:
    agent = adder(tmp_path)
    agent.add(1, 2)
    identity = type(agent)._agent_repl_identity_
    for verb, bound in (("pin", True), ("unpin", False)):
        elsewhere(tmp_path, f"{verb}(session(Path(sys.argv[1])).agent('adder', factor=3), 'add')")
        sync(identity)
        assert inspect.ismethod(agent.add) is bound
        assert agent.add(1, 2) == 6


def test_opening_an_empty_home_writes_nothing(tmp_path: Path) -> None:
    adder(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_eight_threads_at_one_agent_lose_nothing(tmp_path: Path) -> None:
    agent = adder(tmp_path)
    found: list[int] = []

    def hammer(n: int) -> None:
        found.extend(agent.add(n, i) for i in range(300))

    threads = [threading.Thread(target=hammer, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(n + i + 3 for n in range(8) for i in range(300))
    assert crystal(agent)


# ── what a prologue does not ask ──


def test_an_agent_that_wraps_does_not_take_the_function_of_one_that_does_not(tmp_path: Path) -> None:
    home = session(tmp_path, "def size(self, n):\n    return n", "def size(self, n):\n    return n + len(self)")
    plain = home.agent("things")
    assert [plain.size(1) for _ in range(4)] == [1] * 4
    assert crystal(plain, "size")
    wrapping = home.agent("things", wraps=[1, 2])
    assert crystal(plain, "size") is None
    assert wrapping.size(1) == 3


def test_beside_agents_that_wrap_nothing_is_crystallized_and_answers_stay_right(tmp_path: Path) -> None:
    home = session(tmp_path, "def size(self, n):\n    return n", "def size(self, n):\n    return n + len(self)")
    plain, wrapping = home.agent("things"), home.agent("things", wraps=[1, 2])
    assert [plain.size(1) for _ in range(5)] == [1] * 5
    assert crystal(plain, "size") is None
    assert wrapping.size(1) == 3


TONES = "def greet(self, name, tone={}):\n    return 'Dear ' + name if tone == 'formal' else 'Hi ' + name\n"


@pytest.mark.parametrize("after", [0, 1, 3])
@pytest.mark.parametrize("usual", ["'warm'", "None", "0"])
def test_a_crystallized_method_tells_a_tone_that_it_was_never_run_with(tmp_path: Path, usual: str, after: int) -> None:
    stern = "def greet(self, name, tone=None):\n    return f'{tone}: {name}'\n"
    agent = session(tmp_path, TONES.format(usual), stern, crystallize_after=after).agent("greeter")
    assert {agent.greet("Ann", eval(usual)) for _ in range(5)} | {agent.greet("Ann") for _ in range(3)} == {"Hi Ann"}
    assert agent.greet("Ann", tone="formal") == "formal: Ann"


@pytest.mark.parametrize("after", [0, 3])
def test_a_call_of_a_few_scalars_that_was_served_often_is_still_looked_at(tmp_path: Path, after: int) -> None:
    agent = ripe(tmp_path, ADD, "def add(self, a, b):\n    return a, b, self.factor", crystallize_after=after)
    assert {agent.add(n, 2) for n in range(5)} == {5, 6, 7, 8, 9}
    agent.factor = "x" * 2000
    assert agent.add(1, 2) == (1, 2, agent.factor)


@pytest.mark.parametrize("after", [0, 3])
def test_a_long_text_is_not_taken_for_a_short_one(tmp_path: Path, after: int) -> None:
    loud = "def shout(self, text):\n    return text.upper()"
    agent = adder(tmp_path, loud, loud.replace("upper", "title"), crystallize_after=after)
    assert {agent.shout("ab") for _ in range(5)} == {"AB"}
    assert agent.shout("ab " * 1000) == "Ab " * 1000


def test_served_code_that_raises_is_repaired_however_often_it_was_served(tmp_path: Path) -> None:
    share = "def share(self, a, b):\n    return a / b"
    agent = session(tmp_path, share, f"{share} if b else 0.0", crystallize_after=0).agent("divider")
    assert {agent.share(4, 2) for _ in range(5)} == {2.0}
    assert agent.share(4, 0) == 0.0
