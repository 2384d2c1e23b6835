"""Describe: methods of agents and of ordinary classes from a person's words."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kit import Person, asked, fenced, session

import agent_repl as ar
from agent_repl import agentic, configure, describe, reset, save, source, versions
from agent_repl.errors import AgentError, InvalidCode, ModuleError

GREET = "def greet(self, name):\n    return f'{self.word} {name}'\n"
HALF = "def half(self, n):\n    return n / 2\n"
TWICE = "def twice(self, n):\n    return n * 2\n"


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    reset()


def spec(name: str, parameters: str = "", kind: str = "method", does: str = "what was said") -> str:
    """A specification as the model gives it."""
    return f"```\nmethod: {name}({parameters}) -> a value\nkind: {kind}\ndoes: {does}\n```"


def setup(home: Path, *replies: Any, review: Any = "auto", **settings: Any) -> ar.Session:
    """The session for ordinary classes."""
    texts = [fenced(r) if isinstance(r, str) and not r.startswith("```") else r for r in replies]
    provider = ar.ScriptedProvider(texts)
    return configure(home=home / ".agent_repl", provider=provider, review=review, **settings)


def robot(cls: str = "Robot", base: Any = object) -> Any:
    """A new class with the name and the module that a person's class would have."""

    def init(self: Any, word: str = "hello") -> None:
        self.word = word

    return agentic(type(cls, (base,), {"__init__": init, "__doc__": "It talks.", "__module__": "shop"}))


# ── agents ──


def test_a_described_method_may_have_a_dataclass_whose_annotations_are_text(tmp_path: Path) -> None:
    unit = "from dataclasses import dataclass\n@dataclass\nclass _Pair:\n    n: 'int'\n"
    setup(tmp_path, spec("half", "n"), f"{unit}def half(self, n):\n    return _Pair(n / 2).n\n")
    described = robot()
    assert describe(described, "half of n", scope="instance") == ["half"]
    assert described().half(8) == 4


def test_an_agent_gets_what_was_described(tmp_path: Path) -> None:
    home = session(tmp_path, spec("half", "n"), HALF)
    agent = home.agent("adder")
    assert describe(agent, "half of n") == ["half"]
    assert (agent.half(4), asked(home)) == (2, 2)
    assert "what was said" in home.provider.prompts[1].user


def test_several_methods_of_an_agent_are_written_one_by_one(tmp_path: Path) -> None:
    both = spec("half", "n").removesuffix("\n```") + "\n\n" + spec("twice", "n").removeprefix("```\n")
    home = session(tmp_path, both, HALF, TWICE)
    agent = home.agent("adder")
    assert describe(agent, "half and twice of n") == ["half", "twice"]
    assert (agent.half(4), agent.twice(4)) == (2, 8)
    assert [versions(agent, name)[0].number for name in ("half", "twice")] == [1, 1]
    later = session(tmp_path)
    assert describe(later.agent("adder"), "half and  twice of n") == ["half", "twice"]
    assert asked(later) == 0


@pytest.mark.parametrize("scope", ["singleton", "class"])
def test_an_agent_has_one_scope_and_says_so_before_anything_is_paid(tmp_path: Path, scope: str) -> None:
    home = session(tmp_path)
    with pytest.raises(AgentError, match="class of your own, with @agentic"):
        describe(home.agent("adder"), "half of n", scope=scope)
    assert asked(home) == 0


def test_an_unknown_scope_fails_before_anything_is_paid(tmp_path: Path) -> None:
    home = setup(tmp_path)
    for target in (home.agent("adder"), robot()()):
        with pytest.raises(AgentError, match="instance, singleton, class, not 'global'"):
            describe(target, "half of n", scope="global")
    assert asked(home) == 0


def test_a_method_that_would_hide_behind_state_is_refused(tmp_path: Path) -> None:
    home = session(tmp_path, spec("path"))
    with pytest.raises(AgentError, match="path is state of"):
        describe(home.agent("reader", path="x"), "the path")


# ── scopes ──


def test_a_described_method_serves_every_object_of_the_class(tmp_path: Path) -> None:
    home, cls = setup(tmp_path, spec("greet", "name"), GREET), robot()
    old = cls("hi")
    assert describe(old, "greet somebody") == ["greet"]
    assert (old.greet("Ann"), cls().greet("Bob"), asked(home)) == ("hi Ann", "hello Bob", 2)


def test_a_class_can_be_described_without_an_object(tmp_path: Path) -> None:
    home, cls = setup(tmp_path, spec("greet", "name"), GREET), robot()
    assert describe(cls, "greet somebody") == ["greet"]
    assert cls("hi").greet("Ann") == "hi Ann"
    assert "self.word" in home.provider.prompts[1].system


def test_a_singleton_s_method_is_its_own(tmp_path: Path) -> None:
    home, cls = setup(tmp_path, spec("greet", "name"), GREET), robot()
    one, other = cls("hi"), cls()
    assert describe(one, "greet somebody", scope="singleton") == ["greet"]
    assert one.greet("Ann") == "hi Ann"
    assert not hasattr(other, "greet")
    assert describe(other, "greet somebody", scope="singleton") == ["greet"]
    assert (other.greet("Bob"), asked(home)) == ("hello Bob", 2)


def test_a_class_s_method_is_a_class_method(tmp_path: Path) -> None:
    home = setup(tmp_path, spec("named", "word"), "@classmethod\ndef named(cls, word):\n    return cls(word)\n")
    cls = robot()
    assert describe(cls("x"), "make one that says word", scope="class") == ["named"]
    assert cls.named("hey").word == "hey"
    assert "cls" in home.provider.prompts[1].user


def test_an_object_with_slots_gets_no_method_of_its_own(tmp_path: Path) -> None:
    home = setup(tmp_path)
    cls = agentic(type("Slim", (), {"__slots__": ("word",)}))
    with pytest.raises(AgentError, match="without __slots__"):
        describe(cls(), "greet", scope="singleton")
    with pytest.raises(AgentError, match="only an object"):
        describe(cls, "greet", scope="singleton")
    assert asked(home) == 0


def test_slots_are_attributes_as_any_other(tmp_path: Path) -> None:
    setup(tmp_path, spec("greet", "name"), GREET)
    cls = agentic(type("Slim", (), {"__slots__": ("word",)}))
    slim = cls()
    slim.word = "hi"
    describe(slim, "greet somebody")
    assert slim.greet("Ann") == "hi Ann"


def test_both_stages_see_the_class_its_attributes_its_methods_and_the_scope(tmp_path: Path) -> None:
    class Shop(ar.Agentic):
        """Sells pears."""

        limit = 7

        def __init__(self) -> None:
            self.stock = {"pear": 3}

        def price(self, fruit: str) -> int:
            """What one costs."""
            return 2

    home = setup(tmp_path, spec("total"), "def total(self):\n    return self.price('pear') * self.stock['pear']\n")
    shop = Shop()
    assert describe(shop, "what all of it costs") == ["total"]
    assert shop.total() == 6
    for prompt in home.provider.prompts:
        text = prompt.system + prompt.user
        assert all(
            each in text for each in ("Shop", "Sells pears", "self.stock", "pear", "limit", "def price(self, fruit")
        )
        assert "all objects of Shop" in text


def test_without_samples_no_value_of_an_object_is_sent(tmp_path: Path) -> None:
    home = setup(tmp_path, spec("greet", "name"), GREET, samples="none")
    describe(robot()("a canary"), "greet somebody")
    assert "canary" not in "".join(p.system + p.user for p in home.provider.prompts)


# ── kinds ──


@pytest.mark.parametrize(
    ("kind", "code", "use"),
    [
        ("property", "@property\ndef loud(self):\n    return self.word.upper()\n", "robot.loud"),
        ("staticmethod", "@staticmethod\ndef loud():\n    return 'HELLO'\n", "robot.loud()"),
        ("classmethod", "@classmethod\ndef loud(cls):\n    return cls().word.upper()\n", "robot.loud()"),
        ("async", "async def loud(self):\n    return self.word.upper()\n", "asyncio.run(robot.loud())"),
    ],
)
def test_every_kind_of_method_can_be_described(tmp_path: Path, kind: str, code: str, use: str) -> None:
    home, cls = setup(tmp_path, spec("loud", kind=kind), code), robot()
    describe(cls(), "the word in capitals")
    assert eval(use, {"robot": cls(), "asyncio": asyncio}) == "HELLO"
    assert source(vars(cls)["loud"]) == home.store.newest()[0].source
    assert versions(vars(cls)["loud"])[0].number == 1


def test_code_of_another_kind_is_sent_back(tmp_path: Path) -> None:
    right = "@property\ndef loud(self):\n    return self.word.upper()\n"
    home = setup(tmp_path, spec("loud", kind="property"), right.removeprefix("@property\n"), right)
    describe(robot(), "the word in capitals")
    assert "write `@property` on the line above" in home.provider.prompts[2].user


def test_a_property_of_one_object_alone_becomes_a_method(tmp_path: Path) -> None:
    setup(tmp_path, spec("loud", kind="property"), "def loud(self):\n    return self.word.upper()\n")
    one = robot()()
    describe(one, "the word in capitals", scope="singleton")
    assert one.loud() == "HELLO"


def test_a_method_that_is_not_there_is_not_called(tmp_path: Path) -> None:
    bad = "def greet(self, name):\n    return self.shout(name)\n"
    home = setup(tmp_path, spec("greet", "name"), bad, GREET)
    describe(robot()(), "greet somebody")
    assert "Write shout as a function above the method" in home.provider.prompts[2].user


def test_the_file_of_one_object_is_not_written_into_the_code(tmp_path: Path) -> None:
    data = tmp_path / "words.csv"
    data.write_text("word,count\na,1\n")
    right = "def count(self):\n    with open(self.word) as file:\n        return len(file.readlines())\n"
    home = setup(tmp_path, spec("count"), right.replace("self.word", repr(str(data))), right)
    one = robot()(str(data))
    describe(one, "how many lines the file has")
    assert one.count() == 2
    assert "Use self.word instead" in home.provider.prompts[2].user
    assert "word: 'a'" in home.provider.prompts[1].system.replace('"', "'")


def test_a_name_that_was_found_for_words_may_be_like_another(tmp_path: Path) -> None:
    setup(tmp_path, spec("words"), "def words(self):\n    return [self.word]\n")
    one = robot()()
    assert describe(one, "a list of it") == ["words"]
    assert one.words() == ["hello"]


def test_an_attribute_keeps_its_name(tmp_path: Path) -> None:
    setup(tmp_path, spec("word"))
    with pytest.raises(AgentError, match="word is an attribute of Robot"):
        describe(robot()(), "the word")


def test_several_methods_are_split_stored_and_announced_one_by_one(tmp_path: Path) -> None:
    told: list[Any] = []
    cls = robot()
    cls.on_method_written = lambda self, name, scope, version: told.append(
        (name, scope, version.number, hasattr(self, name))
    )
    both = spec("half", "n").removesuffix("\n```") + "\n\n" + spec("twice", "n").removeprefix("```\n")
    home = setup(tmp_path, both, f"import math\n{HALF}\n\n{TWICE}", TWICE)
    assert describe(cls(), "half and twice of n") == ["half", "twice"]
    assert told == [("half", "instance", 1, True), ("twice", "instance", 1, True)]
    assert source(cls.half).startswith("def half(self, n):")
    assert "twice" not in source(cls.half)
    assert len(home.store.versions(versions(cls.twice)[0].key)) == 1


def test_the_session_s_hook_hears_of_ordinary_classes_with_their_scope(tmp_path: Path) -> None:
    home, cls = setup(tmp_path, spec("greet", "name"), GREET), robot()
    told = list[Any]()
    home.on_method_written(lambda *facts: told.append(facts))
    describe(one := cls(), "greet somebody", scope="singleton")
    assert [(owner is one, name, scope, version.number) for owner, name, scope, version in told] == [
        (True, "greet", "singleton", 1)
    ]


# ── super() ──


class Machine:
    def greet(self, name: str) -> str:
        return f"machine {name}"


def test_super_reaches_the_method_that_the_class_itself_had(tmp_path: Path) -> None:
    class Robot(Machine):
        def greet(self, name: str) -> str:
            return f"robot {super().greet(name)}"

    code = "def greet(self, name):\n    return super().greet(name).upper()\n"
    louder = "def greet(self, name):\n    return super().greet(name) + '!'\n"
    setup(tmp_path, spec("greet", "name"), code, spec("greet", "name"), louder)
    agentic(Robot)
    describe(Robot, "greet loudly")
    assert Robot().greet("Ann") == "ROBOT MACHINE ANN"
    describe(Robot, "greet with a mark")
    assert Robot().greet("Ann") == "robot machine Ann!"


@pytest.mark.parametrize("scope", ["instance", "singleton"])
def test_super_reaches_the_base_and_a_singleton_s_reaches_its_class(tmp_path: Path, scope: str) -> None:
    cls = robot(base=Machine)
    setup(tmp_path, spec("greet", "name"), "def greet(self, name):\n    return [super().greet(n) for n in [name]]\n")
    one = cls()
    describe(one, "greet in a list", scope=scope)
    assert one.greet("Ann") == ["machine Ann"]


def test_super_of_one_object_s_method_is_what_its_class_does(tmp_path: Path) -> None:
    louder = "def greet(self, name):\n    return super().greet(name).upper()\n"
    setup(tmp_path, spec("greet", "name"), GREET, spec("greet", "name"), louder)
    one, cls = (cls := robot())("hi"), cls
    describe(cls, "greet somebody")
    describe(one, "greet loudly", scope="singleton")
    assert (one.greet("Ann"), cls("hi").greet("Ann")) == ("HI ANN", "hi Ann")


def test_super_reaches_class_methods_and_properties(tmp_path: Path) -> None:
    class Robot:
        @classmethod
        def make(cls) -> str:
            return cls.__name__

        @property
        def size(self) -> int:
            return 3

    agentic(Robot)
    make = "@classmethod\ndef make(cls):\n    return super().make() * 2\n"
    size = "@property\ndef size(self):\n    return super().size + 1\n"
    setup(tmp_path, spec("make", kind="classmethod"), make, spec("size", kind="property"), size)
    describe(Robot, "its name twice", scope="class")
    describe(Robot, "one more than its size")
    assert (Robot.make(), Robot().size) == ("RobotRobot", 4)


# ── what the other system could not do ──


def test_subclasses_are_written_too(tmp_path: Path) -> None:
    base = robot()
    fast = type("Fast", (base,), {"__module__": "shop"})
    setup(tmp_path, spec("greet", "name"), GREET)
    assert describe(fast("hi"), "greet somebody") == ["greet"]
    assert fast("hi").greet("Ann") == "hi Ann"
    assert not hasattr(base, "greet")


def test_a_hook_that_describes_does_not_wait_for_itself(tmp_path: Path) -> None:
    cls = robot()

    def hook(self: Any, name: str, scope: str, version: Any) -> None:
        if name == "half":
            other = threading.Thread(target=describe, args=(self, "twice of n"))
            other.start()
            other.join(20)

    cls.on_method_written = hook
    setup(tmp_path, spec("half", "n"), HALF, spec("twice", "n"), TWICE)
    describe(cls(), "half of n")
    assert (cls().half(4), cls().twice(4)) == (2, 8)


def test_a_hook_that_raises_leaves_everything_whole_and_is_told(tmp_path: Path) -> None:
    cls, person = robot(), Person("accept", "accept")

    def hook(cls: Any, name: str, scope: str, version: Any) -> None:
        raise ValueError("no")

    cls.on_method_written = classmethod(hook)
    home = setup(tmp_path, spec("greet", "name"), GREET, spec("half", "n"), HALF, review=person)
    assert describe(cls("hi"), "greet somebody") == ["greet"]
    assert cls("hi").greet("Ann") == "hi Ann"
    assert [e.text for e in person.events if e.kind == "warning"] == [
        "it serves, but on_method_written raised ValueError: no"
    ]
    assert describe(cls("hi"), "half of n") == ["half"]
    assert asked(home) == 4


def test_the_string_send_email_is_no_crime_and_an_open_of_another_name_is_seen(tmp_path: Path) -> None:
    quiet = "def greet(self, name):\n    return f'send email to {name} {self.word}'\n"
    loud = "from pathlib import Path\ndef greet(self, name):\n    Path(name).write_text(self.word)\n    return name\n"
    home = setup(tmp_path, spec("greet", "name"), quiet, spec("greet", "name"), loud)
    describe(robot()(), "greet somebody")
    with pytest.raises(ar.ReviewRequired, match="writes"):
        describe(robot()(), "write the greeting to a file")
    assert asked(home) == 4


# ── the class stays what it is ──


def test_nothing_public_is_added_to_a_class() -> None:
    class Plain:
        pass

    before = {name for name in dir(Plain) if name[0] != "_"}
    agentic(Plain)

    class Heir(ar.Agentic):
        pass

    assert {name for name in dir(Plain) if name[0] != "_"} == before == {name for name in dir(Heir) if name[0] != "_"}
    assert Plain.__name__ == "Plain"


@pytest.mark.parametrize("target", [3, int, object(), ar.Agentic])
def test_what_is_not_agentic_is_refused_with_what_to_write(target: Any) -> None:
    with pytest.raises(AgentError, match="write @agentic above"):
        describe(target, "greet")


def test_what_cannot_be_changed_cannot_be_agentic() -> None:
    with pytest.raises(AgentError, match="class of your own"):
        agentic(int)


def test_tracebacks_and_getsource_show_the_written_code(tmp_path: Path) -> None:
    setup(
        tmp_path,
        spec("greet", "name"),
        "def greet(self, name):\n    # a word\n    return self.word + name + super().nothing\n",
    )
    cls = robot()
    describe(cls, "greet somebody")
    assert "# a word" in inspect.getsource(cls.greet)
    assert Path(inspect.getsourcefile(cls.greet) or "").is_file()
    assert cls.greet.__qualname__ == "Robot.greet"
    with pytest.raises(AttributeError) as caught:
        cls().greet("Ann")
    assert "return self.word + name + super().nothing" in "".join(traceback.format_exception(caught.value))


# ── memory ──


def test_the_same_words_again_ask_no_model_in_a_new_process_too(tmp_path: Path) -> None:
    setup(tmp_path, spec("greet", "name"), GREET)
    cls = robot()
    describe(cls(), "greet somebody")
    before = cls.greet
    describe(cls(), "greet   somebody")
    assert cls.greet is before
    home, person = setup(tmp_path, review=Person()), Person()
    later = robot()
    assert describe(later("hi"), "greet somebody") == ["greet"]
    assert (later("hi").greet("Ann"), asked(home), person.seen) == ("hi Ann", 0, [])


def test_accepted_code_serves_where_nobody_can_answer_and_nothing_else_is_written(tmp_path: Path) -> None:
    setup(tmp_path, spec("greet", "name"), GREET)
    describe(robot()(), "greet somebody")
    home, cls = setup(tmp_path, review="cached"), robot()
    assert describe(cls(), "greet somebody") == ["greet"]
    with pytest.raises(ar.CacheMiss):
        describe(cls(), "half of n")
    assert asked(home) == 0


def test_code_that_no_longer_fits_the_class_is_written_again(tmp_path: Path) -> None:
    setup(tmp_path, spec("greet", "name"), GREET)
    describe(robot()(), "greet somebody")
    other = agentic(type("Robot", (), {"__module__": "shop"}))
    home = setup(tmp_path, spec("greet", "name"), "def greet(self, name):\n    return name\n")
    describe(other, "greet somebody")
    assert (other().greet("Ann"), asked(home)) == ("Ann", 2)


def test_other_words_make_a_new_version(tmp_path: Path) -> None:
    louder = GREET.replace("self.word", "self.word.upper()")
    home, cls = setup(tmp_path, spec("greet", "name"), GREET, spec("greet", "name"), louder), robot()
    describe(cls, "greet somebody")
    describe(cls, "greet somebody loudly")
    assert (cls().greet("Ann"), [v.number for v in versions(cls.greet)]) == ("HELLO Ann", [1, 2])
    assert versions(cls.greet)[1].parents == (1,)
    assert "return f'{self.word} {name}'" in home.provider.prompts[3].user


def test_code_is_reviewed_and_a_rejected_draft_is_shown_again_for_nothing(tmp_path: Path) -> None:
    person, cls = Person("reject", "accept"), robot()
    home = setup(tmp_path, spec("greet", "name"), GREET, review=person)
    with pytest.raises(ar.Rejected):
        describe(cls, "greet somebody")
    assert not hasattr(cls, "greet")
    assert describe(cls, "greet somebody") == ["greet"]
    assert (person.seen[0].title, asked(home)) == ("Robot.greet", 2)
    assert "REJECTED BEFORE" in person.seen[1].reason


def test_a_revision_in_the_review_belongs_to_the_words(tmp_path: Path) -> None:
    person = Person(ar.Verdict("revise", feedback="louder"), "accept")
    louder = GREET.replace("self.word", "self.word.upper()")
    setup(tmp_path, spec("greet", "name"), GREET, louder, review=person)
    describe(robot(), "greet somebody")
    home, cls = setup(tmp_path, review="cached"), robot()
    describe(cls, "greet somebody")
    assert (cls().greet("Ann"), asked(home)) == ("HELLO Ann", 0)


def test_code_that_cannot_be_defined_leaves_the_class_whole(tmp_path: Path) -> None:
    broken = "def greet(self, name=int('x')):\n    return name\n"
    home, cls = setup(tmp_path, spec("greet", "name"), broken, spec("greet", "name"), GREET), robot()
    with pytest.raises(ValueError, match="invalid literal"):
        describe(cls, "greet somebody")
    assert not hasattr(cls, "greet")
    assert describe(cls, "greet somebody") == ["greet"]
    assert asked(home) == 4


def test_code_that_never_passes_is_told_and_nothing_serves(tmp_path: Path) -> None:
    cls = robot()
    setup(tmp_path, spec("greet", "name"), *["def greet(self, name):\n    pass\n"] * 3)
    with pytest.raises(InvalidCode, match=r"Robot\.greet in 3 tries"):
        describe(cls, "greet somebody")
    assert not hasattr(cls, "greet")


def test_words_of_which_a_method_is_missing_are_asked_about_again(tmp_path: Path) -> None:
    both = spec("half", "n").removesuffix("\n```") + "\n\n" + spec("twice", "n").removeprefix("```\n")
    cls, bad = robot(), "def twice(self, n):\n    pass\n"
    home = setup(tmp_path, both, HALF, bad, both, HALF, TWICE, generation_retries=1)
    with pytest.raises(InvalidCode):
        describe(cls, "half and twice of n")
    assert cls().half(4) == 2
    assert not hasattr(cls, "twice")
    assert describe(cls, "half and twice of n") == ["half", "twice"]
    assert (cls().twice(4), asked(home)) == (8, 6)


def test_a_draft_that_waits_can_be_judged_with_the_others(tmp_path: Path) -> None:
    home, cls = setup(tmp_path, spec("greet", "name"), GREET, review="later"), robot()
    with pytest.raises(ar.ReviewRequired):
        describe(cls, "greet somebody")
    assert [v.key.name for v in ar.pending(home)] == ["greet"]
    assert not hasattr(cls, "greet")
    home.reviewer = Person("accept")
    assert "accepted" in ar.control.review_pending(home)[0]
    describe(cls, "greet somebody")
    assert (cls("hi").greet("Ann"), asked(home)) == ("hi Ann", 2)


# ── threads ──


def test_two_classes_are_written_at_the_same_time(tmp_path: Path) -> None:
    both = threading.Barrier(2, timeout=20)

    def answer(prompt: Any) -> str:
        both.wait()
        return (
            spec("half", "n")
            if "specification" in prompt.user.lower() and "def half" not in prompt.user
            else fenced(HALF)
        )

    provider = ar.ScriptedProvider(answer)
    configure(home=tmp_path / ".agent_repl", provider=provider, review="auto")
    classes = [robot("One"), robot("Two")]
    run(*[lambda cls=cls: describe(cls, "half of n") for cls in classes])
    assert [cls().half(4) for cls in classes] == [2, 2]


def test_one_class_is_written_by_one_thread_at_a_time_and_once(tmp_path: Path) -> None:
    home, cls = setup(tmp_path, spec("half", "n"), HALF), robot()
    run(*[lambda: describe(cls, "half of n")] * 6)
    assert (cls().half(4), asked(home), len(versions(cls.half))) == (2, 2, 1)


def test_no_two_scopes_of_one_class_are_written_at_the_same_time(tmp_path: Path) -> None:
    inside, seen, wait = [0], list[int](), threading.Event()

    def answer(prompt: Any) -> str:
        inside[0] += 1
        seen.append(inside[0])
        wait.wait(0.2)
        inside[0] -= 1
        if "Write no code" in prompt.user:
            return spec("make" if "the class itself" in prompt.user else "half", "n")
        return fenced("@classmethod\ndef make(cls, n):\n    return n\n" if "`make`" in prompt.user else HALF)

    configure(home=tmp_path / ".agent_repl", provider=ar.ScriptedProvider(answer), review="auto")
    cls = robot()
    run(lambda: describe(cls, "half of n"), lambda: describe(cls, "give n back", scope="class"))
    assert (cls().half(4), cls.make(3), max(seen)) == (2, 3, 1)


def test_settings_may_be_changed_and_taken_back_by_many_threads(tmp_path: Path) -> None:
    from agent_repl_classes.classes import current

    start = threading.Barrier(8, timeout=20)

    def change(number: int) -> None:
        start.wait()
        for _ in range(5):
            configure(home=tmp_path / str(number % 2), review="auto") if number % 4 else reset()
            assert current().mode in ("auto", ar.default_session().mode)

    run(*[lambda n=n: change(n) for n in range(8)])
    reset()
    assert current() is ar.default_session()


def test_who_is_asked_by_default_is_asked_about_ordinary_classes_too(tmp_path: Path) -> None:
    ar.default_session().reviewer = person = Person("accept")
    texts = [spec("half", "n"), fenced(HALF)]
    configure(home=tmp_path / ".agent_repl", provider=ar.ScriptedProvider(texts))
    describe(robot(), "half of n")
    assert [proposal.title for proposal in person.seen] == ["Robot.half"]


def test_what_is_being_written_goes_on_as_it_began(tmp_path: Path) -> None:
    def answer(prompt: Any) -> str:
        reset()
        return replies.pop(0)

    replies = [spec("half", "n"), fenced(HALF)]
    configure(home=tmp_path / ".agent_repl", provider=ar.ScriptedProvider(answer), review="auto")
    cls = robot()
    assert describe(cls, "half of n") == ["half"]
    assert cls().half(4) == 2


def test_a_setting_that_is_wrong_changes_nothing(tmp_path: Path) -> None:
    home = setup(tmp_path)
    with pytest.raises(AgentError, match="review should be one of"):
        configure(review="perhaps")
    assert configure(samples="none").store.where == home.store.where


def run(*jobs: Any) -> None:
    """Do these at the same time; what one raises is raised."""
    wrong: list[BaseException] = []

    def one(job: Any) -> None:
        try:
            job()
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=one, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if wrong:
        raise wrong[0]


# ── save ──

SHOP = """
import agent_repl

@agent_repl.agentic
class Robot:
    def __init__(self, word="hello"):
        self.word = word

    def greet(self, name):
        return f"{self.word} {name}"
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "shop.py").write_text(SHOP)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "shop", raising=False)
    import shop  # type: ignore[import-not-found]

    return shop


def test_what_was_described_is_saved_as_a_subclass_that_stands_alone(tmp_path: Path, shop: Any) -> None:
    greet = "import math\n\n\ndef greet(self, name):\n    return super().greet(name) + '!' * math.floor(1.5)\n"
    loud = "@property\ndef loud(self):\n    return self.word.upper()\n"
    setup(tmp_path, spec("greet", "name"), greet, spec("loud", kind="property"), loud, spec("half", "n"), HALF)
    one = shop.Robot()
    describe(one, "greet with a mark")
    describe(one, "the word in capitals")
    describe(one, "half of n", scope="singleton")
    file = save(one, as_="LoudRobot")
    text = file.read_text()
    assert file.name == "loud_robot.py"
    assert "import math\n\nfrom shop import Robot\n\n\nclass LoudRobot(Robot):" in text
    assert "    # greet with a mark\n    def greet(self, name):" in text
    assert "    # the word in capitals\n    @property\n    def loud(self):" in text
    code = "from loud_robot import LoudRobot as R; r = R(); print(r.greet('Ann'), r.loud, r.half(3))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "hello Ann! HELLO 1.5\n"
    assert save(one, as_="LoudRobot") == file


def test_a_file_of_somebody_else_is_not_written_over(tmp_path: Path, shop: Any) -> None:
    setup(tmp_path, spec("half", "n"), HALF)
    describe(shop.Robot, "half of n")
    mine = tmp_path / "mine.py"
    mine.write_text("x = 1\n")
    with pytest.raises(ModuleError, match="not a file that was saved before"):
        save(shop.Robot, as_="Better", path=mine)
    assert mine.read_text() == "x = 1\n"


@pytest.mark.parametrize("name", ["better", "class", "a b", "Robot", "2"])
def test_the_subclass_needs_a_class_s_name_of_its_own(tmp_path: Path, shop: Any, name: str) -> None:
    setup(tmp_path, spec("half", "n"), HALF)
    describe(shop.Robot, "half of n")
    with pytest.raises(ModuleError, match="give the name of a class"):
        save(shop.Robot, as_=name)


def test_what_cannot_be_imported_or_was_not_described_is_not_saved(tmp_path: Path) -> None:
    class Inner(ar.Agentic):
        pass

    with pytest.raises(ModuleError, match="nothing was described"):
        save(Inner(), as_="Better", path=tmp_path / "x.py")
    setup(tmp_path, spec("half", "n"), HALF)
    describe(Inner, "half of n")
    with pytest.raises(ModuleError, match="cannot be imported"):
        save(Inner, as_="Better", path=tmp_path / "x.py")
    assert not (tmp_path / "x.py").exists()
