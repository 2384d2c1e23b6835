"""The verbs: pin, unpin, forget, emit, source, versions, prompt, status, agents; and what is served without a model."""

import json
import os
import subprocess
import sys

import pytest
from kit import Person, session

import agent_repl
from agent_repl import (
    AgentError,
    ModuleError,
    ScriptedProvider,
    emit,
    forget,
    open_session,
    pin,
    prompt,
    source,
    status,
    unpin,
    versions,
)
from agent_repl.control import agents
from agent_repl.stores.signing import SigningKey

DOUBLE = '''
FACTOR = 2

def double(self, n):
    """Twice n."""
    return n * FACTOR
'''
TRIPLE = '''
FACTOR = 3

def triple(self, n):
    """Three times n."""
    return n * FACTOR + len(self.path)
'''


@pytest.fixture
def home(tmp_path):
    return session(tmp_path, DOUBLE, TRIPLE)


@pytest.fixture
def calc(home):
    agent = home.agent("calculator of {path}", name="calc", path="a.csv")
    agent.double(2)
    agent.triple(2)
    return agent


@pytest.fixture
def module(tmp_path):
    return tmp_path / ".agent_repl" / "modules" / "calc.py"


def again(tmp_path, review="cached"):
    """The same agent in what might be tomorrow's session, with no model."""
    made = open_session(tmp_path / ".agent_repl", provider=ScriptedProvider([]), review=review)
    return made.agent("calculator of {path}", name="calc", path="a.csv")


def notes(agent):
    return " ".join(type(agent)._agent_repl_identity_.store.notes)


# ── both spellings ──

VERBS = {
    "source": lambda *m: source(*m),
    "versions": lambda *m: [v.number for v in versions(*m)],
    "status": lambda *m: status(*m),
    "prompt": lambda *m: prompt(*m),
    "pin": lambda *m: pin(*m).name,
    "unpin": lambda *m: (pin(*m).name, unpin(*m)),
    "forget": lambda *m: forget(*m),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_spelt_with_the_method_or_with_agent_and_name(tmp_path, verb):
    answers = []
    for folder in ("a", "b"):
        calc = session(tmp_path / folder, DOUBLE).agent("calculator")
        calc.double(2)
        answers.append(VERBS[verb](calc.double) if folder == "a" else VERBS[verb](calc, "double"))
    assert answers[0] == answers[1]


@pytest.mark.parametrize("verb", [source, pin, unpin, forget])
def test_a_method_that_is_not_written_is_named(calc, verb):
    with pytest.raises(AgentError, match=r"calc\.total is not written yet: call it first"):
        verb(calc.total)


@pytest.mark.parametrize("wrong", [3, "double", len, None, object()])
def test_what_is_no_method_is_told_how_to_write_one(wrong):
    with pytest.raises(AgentError, match=r"write agent\.name, without parentheses"):
        source(wrong)


def test_an_agent_without_a_name_is_asked_which(calc):
    with pytest.raises(AgentError, match="which method of calc"):
        source(calc)


def test_a_value_that_a_call_returned_is_told_apart(calc):
    with pytest.raises(AgentError, match="without parentheses"):
        pin(calc.double(2))


# ── looking ──


def test_source_has_imports_and_helpers(calc):
    assert source(calc.double).strip() == DOUBLE.strip()


def test_versions_tell_the_whole_story(tmp_path):
    person = Person("reject", "accept")
    home = session(tmp_path, DOUBLE, review=person)
    calc = home.agent("calculator")
    with pytest.raises(AgentError):
        calc.double(2)
    calc.double(2)
    (found,) = versions(calc.double)
    assert (found.number, found.verdict, found.author, found.model) == (1, "accepted", "model", "scripted (scripted)")
    assert versions(calc.nothing) == ()


def test_status_is_one_line(calc):
    assert status(calc.triple).startswith("calc.triple · CACHED v1 · accepted ")
    assert status(calc.triple).endswith("reads self.path")
    assert status(calc.total) == "calc.total · NEW · not written yet"
    pin(calc.double)
    assert "PINNED v1" in status(calc.double)


def test_agents_lists_what_is_known_and_what_it_cost(home, calc):
    (about,) = agents(home)
    assert (about.label, about.identity, about.usage.calls) == ("calc", "calculator of {path}", 2)
    assert [(m.name, m.tier, m.doc) for m in about.methods] == [
        ("double", "CACHED", "Twice n."),
        ("triple", "CACHED", "Three times n."),
    ]


@pytest.mark.parametrize("call", [((), {}), ((3,), {}), (("x", [1, 2]), {"deep": True})])
def test_prompt_is_exactly_what_is_then_sent(tmp_path, call):
    args, kwargs = call
    home = session(tmp_path, DOUBLE, "no", generation_retries=1)
    calc = home.agent("calculator of {path}", name="calc", path="a.csv", rows=[{"a": 1}])
    calc.double(2)
    shown = prompt(calc.triple, *args, **kwargs)
    home.call(calc, "triple", *args, **kwargs)
    assert home.provider.prompts[-1] == shown


def test_prompt_of_a_near_miss_is_exactly_what_is_then_sent(tmp_path):
    home = session(tmp_path, DOUBLE, "no", generation_retries=1)
    calc = home.agent("calculator")
    calc.double(2)
    shown = prompt(calc.double, "ab")
    home.call(calc, "double", "ab")
    assert home.provider.prompts[-1] == shown


def test_looking_at_a_prompt_asks_nobody(home, calc):
    prompt(calc.total, 1)
    assert len(home.provider.prompts) == 2


CANARY = "canary7"


def test_without_samples_no_value_is_sent(tmp_path):
    import pandas

    data = tmp_path / "data.csv"
    data.write_text(f"name,price\n{CANARY},12.5\n{CANARY}b,13.5\n")
    state = {
        "text": CANARY,
        "rows": [{"who": CANARY, "n": [CANARY]}],
        "table": {"who": CANARY},
        "frame": pandas.DataFrame({"who": [CANARY], "kind": pandas.Categorical([CANARY])}),
        "raw": CANARY.encode(),
        "path": str(data),
        "number": 7654321,
        "names": {CANARY},
        "lines": f"who,n\n{CANARY},2\n" * 200,
    }
    home = session(tmp_path, "no", "no", samples="none", generation_retries=1)
    agent = home.agent("analyst", **state)
    home.call(agent, "total", CANARY, [CANARY], 7654321, who=CANARY, path=str(data), more=(CANARY, {"k": CANARY}))
    sent = home.provider.prompts[0].system + home.provider.prompts[0].user
    assert "frame" in sent
    assert CANARY not in sent
    assert "7654321" not in sent


def test_with_samples_there_is_a_canary_to_find(tmp_path):
    home = session(tmp_path, "no", generation_retries=1)
    home.call(home.agent("analyst", text=CANARY), "total", 7654321)
    sent = home.provider.prompts[0].system + home.provider.prompts[0].user
    assert CANARY in sent
    assert "7654321" in sent


# ── pin, unpin, forget ──


def test_pin_writes_a_class_that_stands_alone(calc, module):
    assert pin(calc.double) == module
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"exec(open({str(module)!r}).read()); print(Calc('x').double(4))"],
        capture_output=True,
        text=True,
    )
    assert done.stdout == "8\n"


def test_pinned_methods_grow_one_file_and_shrink_it(calc, module):
    pin(calc.double)
    pin(calc.triple)
    assert (calc.double(2), calc.triple(2)) == (4, 11)
    assert "FACTOR_triple = 3" in module.read_text()
    unpin(calc.double)
    assert "def double" not in module.read_text()
    unpin(calc.triple)
    assert not module.exists()
    assert (calc.double(2), calc.triple(2)) == (4, 11)


def test_pinning_twice_changes_nothing(calc, module):
    before = pin(calc.double).read_text()
    assert pin(calc.double).read_text() == before


def test_a_pinned_method_has_no_guard(calc):
    pin(calc.double)
    assert calc.double("ab") == "abab"


def test_all_agents_know_a_pinned_method_at_once(home, calc):
    other = home.agent("calculator of {path}", path="b")
    pin(calc.double)
    assert other.double.__func__ is calc.double.__func__


def test_unpin_says_what_is_not_pinned(calc):
    with pytest.raises(AgentError, match="is not pinned"):
        unpin(calc.double)


def test_forget_makes_it_new_again_and_keeps_its_versions(tmp_path, calc):
    forget(calc.double)
    assert status(calc.double).endswith("not written yet")
    assert len(versions(calc.double)) == 1
    assert "double" not in again(tmp_path).getdoc()


def test_a_pinned_method_is_not_forgotten_by_mistake(calc):
    pin(calc.double)
    with pytest.raises(AgentError, match="unpin it first"):
        forget(calc.double)


def test_two_pins_in_two_sessions_lose_nothing(tmp_path, calc, module):
    other = again(tmp_path)
    pin(calc.double)
    pin(other.triple)
    text = module.read_text()
    assert "def double" in text
    assert "def triple" in text


# ── a new process ──

SERVE = """
import sys
from agent_repl import Agent
calc = Agent("calculator of {path}", name="calc", path="a.csv")
print(calc.double(5), calc.triple(5), type(calc.double).__name__, type(calc.triple).__name__)
heavy = ("anthropic", "xllamacpp", "rich", "prompt_toolkit", "IPython", "pandas", "jinja2")
print([name for name in heavy if name in sys.modules])
"""


def test_a_new_process_serves_what_was_learnt_with_no_model_and_nothing_heavy(tmp_path, calc):
    pin(calc.double)
    done = subprocess.run(
        [sys.executable, "-c", SERVE],
        capture_output=True,
        text=True,
        env={**os.environ, "AGENT_REPL_HOME": str(tmp_path / ".agent_repl")},
    )
    assert done.stdout.splitlines() == ["10 20 method MethodHandle", "[]"], done.stderr


# ── files that a person, or a stranger, touched ──


def broken(module):
    module.write_text(module.read_text().replace("return", "retrun ("))


def emptied(module):
    module.write_text("")


def binary(module):
    module.write_bytes(b"\xff\xfe\x00")


def directory(module):
    module.unlink()
    module.mkdir()


def removed(module):
    module.unlink()


def renamed_class(module):
    module.write_text(module.read_text().replace("class Calc", "class Other"))


@pytest.mark.parametrize("touch", [broken, emptied, binary, directory, renamed_class, removed])
def test_a_file_that_a_person_touched_is_named_and_left_and_the_last_good_version_serves(tmp_path, calc, module, touch):
    pin(calc.double)
    touch(module)
    before = module.read_bytes() if module.is_file() else None
    later, person = again(tmp_path), Person()
    assert later.double(4) == 8
    assert (module.read_bytes() if module.is_file() else None) == before
    home = open_session(tmp_path / ".agent_repl", provider=ScriptedProvider([]), review=person)
    home.agent("calculator of {path}", path="a.csv")
    assert "calc.py" in " ".join(event.text for event in person.events)


@pytest.mark.parametrize("touch", [broken, emptied, binary, directory])
def test_pin_and_unpin_do_not_overwrite_what_a_person_wrote(calc, module, touch):
    pin(calc.double)
    touch(module)
    before = module.read_bytes() if module.is_file() else None
    for verb in (lambda: pin(calc.triple), lambda: unpin(calc, "double")):
        with pytest.raises(ModuleError, match=r"calc\.py"):
            verb()
    assert (module.read_bytes() if module.is_file() else None) == before


def test_a_file_that_was_there_before_the_first_pin_is_left(calc, module):
    module.parent.mkdir(parents=True, exist_ok=True)
    module.write_text("class Calc:\n    mine = 1\n")
    with pytest.raises(ModuleError, match="left as it is"):
        pin(calc.double)
    assert "mine" in module.read_text()


def test_a_file_that_another_key_signed_is_not_loaded(tmp_path, calc, module):
    pin(calc.double)
    module.write_text(module.read_text().replace("n * FACTOR", "__import__('os').getpid()"))
    from agent_repl.pipeline import pinning

    theirs = SigningKey(b"t" * 32)
    seal = module.parent.parent / "seals" / "calc.json"
    seal.write_text(json.dumps({"mac": theirs.sign(pinning.signed_bytes(module, pinning.hashed(module.read_text())))}))
    assert again(tmp_path).double(4) == 8


@pytest.mark.parametrize("seal", ["", "{}", "[]", '{"mac": 3}', '{"mac": null}', "\xff"])
def test_a_damaged_seal_is_no_seal(tmp_path, calc, module, seal):
    pin(calc.double)
    (module.parent.parent / "seals" / "calc.json").write_text(seal)
    assert again(tmp_path).double(4) == 8
    with pytest.raises(ModuleError, match="left as it is"):
        pin(calc.triple)


def test_a_pin_that_cannot_be_written_loses_nothing(calc, module):
    module.parent.parent.joinpath("modules").write_text("a file where the folder should be")
    with pytest.raises(ModuleError, match="cannot be written"):
        pin(calc.double)
    assert calc.double(4) == 8
    assert "PINNED" not in status(calc.double)


# ── emit ──


def emitted(path, ask):
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"exec(open({str(path)!r}).read()); print({ask})"], capture_output=True, text=True
    )
    return done.stdout.strip() or done.stderr


def test_an_emitted_class_gives_the_same_answers_without_us(tmp_path, calc):
    path = emit(calc, tmp_path / "out" / "calc.py")
    assert emitted(path, "(Calc('a.csv').double(4), Calc(path='a.csv').triple(4))") == str(
        (calc.double(4), calc.triple(4))
    )
    assert subprocess.run([sys.executable, "-I", str(path)], check=False).returncode == 0
    assert "agent_repl" not in path.read_text()


def test_state_that_methods_make_is_no_parameter(tmp_path):
    counting = """
    def count(self, n):
        self.total = n
        return self.total + len(self.rows)
    """
    agent = session(tmp_path, counting).agent("counter", rows=[1], unused=2)
    agent.count(3)
    path = emit(agent, tmp_path / "counter.py")
    assert "def __init__(self, rows: list):" in path.read_text()
    assert emitted(path, "Counter([1, 2]).count(3)") == "5"


def test_an_emitted_file_says_what_it_was_and_who_wrote_it(tmp_path, calc):
    text = emit(calc, tmp_path / "calc.py").read_text()
    assert text.startswith('"""calculator of {path}\n\nWritten by:\n    double: v1, scripted (scripted), 20')


@pytest.mark.parametrize("there", [None, "mine = 1\n"])
def test_code_that_cannot_stand_alone_leaves_nothing_half_written(tmp_path, there):
    helper = "from absent_library_x import thing\ndef m(self, n):\n    return thing(n) if n > 9 else n\n"
    home = session(tmp_path, helper)
    sys.modules["absent_library_x"] = type(sys)("absent_library_x")
    sys.modules["absent_library_x"].thing = len
    try:
        agent = home.agent("needs a library")
        agent.m(1)
        path = tmp_path / "out.py"
        if there:
            path.write_text(there)
        with pytest.raises(ModuleError, match=r"nothing was written: .*absent_library_x"):
            emit(agent, path)
    finally:
        del sys.modules["absent_library_x"]
    assert (path.read_text() if path.exists() else None) == there
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".out")] == []


def test_an_agent_without_methods_has_nothing_to_emit(home, tmp_path):
    with pytest.raises(ModuleError, match="call some first"):
        emit(home.agent("empty one"), tmp_path / "x.py")
    assert not (tmp_path / "x.py").exists()


def test_an_agent_that_wraps_cannot_leave_without_its_object(tmp_path):
    agent = session(tmp_path, DOUBLE).agent("calculator", name="calc", wraps=[1, 2])
    agent.double(2)
    with pytest.raises(ModuleError, match="calc wraps a list"):
        emit(agent, tmp_path / "calc.py")
    assert not (tmp_path / "calc.py").exists()


def test_a_place_that_cannot_be_written_is_named(calc, tmp_path):
    with pytest.raises(ModuleError, match="cannot be written"):
        emit(calc, tmp_path)


def test_methods_that_call_each_other_leave_together(tmp_path):
    outer = "def outer(self, n):\n    return self.inner(n) + 1\n"
    inner = "def inner(self, n):\n    return n * 2\n"
    agent = session(tmp_path, outer, inner).agent("pair")
    assert agent.outer(2) == 5
    assert emitted(emit(agent, tmp_path / "pair.py"), "Pair().outer(2)") == "5"


def test_every_verb_is_a_public_name():
    assert {"emit", "forget", "pin", "prompt", "source", "status", "unpin", "versions"} <= set(agent_repl.__all__)
