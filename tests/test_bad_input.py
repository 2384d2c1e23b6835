"""What goes wrong around a call: each time a clear error that says what to do next, and nothing is lost."""

import sqlite3

import pytest
from kit import Person, fenced, session
from test_store_sqlite import ReadOnly

from agent_repl import (
    AgentError,
    InvalidCode,
    NoProvider,
    ProviderError,
    ReplyCut,
    ReviewRequired,
    ScriptedProvider,
    open_session,
    pin,
    source,
    versions,
)
from agent_repl.records import Reply, Usage

DOUBLE = '''
def double(self, n):
    """Twice n."""
    return n * 2
'''
ADD = "def add(self, n):\n    self.total = n\n    return n\n"


# ── no model ──


def test_no_key_and_no_model_names_three_ways(tmp_path, monkeypatch):
    monkeypatch.setattr("agent_repl_local.installed", lambda path: False)
    home = open_session(tmp_path / ".agent_repl", review="auto")
    agent = home.agent("calculator", rows=[1])
    with pytest.raises(NoProvider) as caught:
        agent.double(2)
    for way in ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "agent-repl model pull"):
        assert way in str(caught.value)
    assert vars(agent) == {"rows": [1]}


def test_what_was_learnt_is_served_when_there_is_no_model_any_more(tmp_path, monkeypatch):
    session(tmp_path, DOUBLE).agent("calculator").double(2)
    monkeypatch.setattr("agent_repl_local.installed", lambda path: False)
    home = open_session(tmp_path / ".agent_repl", review="auto")
    assert home.agent("calculator").double(4) == 8


# ── replies ──

REPLIES = {
    "empty": ("", "empty", "The reply was empty"),
    "blank": (" \n\n", "empty", "The reply was empty"),
    "an empty block": ("```python\n```", "prose", "holds no code"),
    "prose": ("```\nI am sorry, I cannot do that today.\n```", None, "double"),
    "only words": (ProviderError("x"), None, "x"),
    "cut": (ReplyCut("it stopped", "def double(self, n):\n    return"), "cut", "cut before it was whole"),
    "half a method": ("```python\ndef double(self, n):\n    return (n *\n", "cut", "stops in the middle"),
    "javascript": ("```javascript\nfunction double(n) { return n * 2; }\n```", "language", "not Python"),
    "ruby": ("```ruby\ndef double(n)\n  n * 2\nend\n```", "language", "not Python"),
    "another name": (fenced("def triple(self, n):\n    return n * 3"), "name", "triple"),
    "two public names": (fenced(DOUBLE + "\ndef other(self):\n    return 1\n"), "name", "Define only double"),
    "no syntax": (fenced("def double(self, n)\n    return n * 2"), "parse", "Write the whole method again"),
    "runs at once": (fenced("print('hello')\n" + DOUBLE), "module-level", "stands outside the method"),
    "runs in a class": (fenced("import os\nos.remove('x')\n" + DOUBLE), "module-level", "stands outside"),
    "no self": (fenced("def double(n):\n    return n * 2"), "self", "The first parameter must be self"),
    "does nothing": (fenced("def double(self, n):\n    pass"), "stub", "does nothing"),
    "null bytes": (fenced("def double(self, n):\n    return '\0' * n"), None, "double"),
    "too deep": (fenced(f"def double(self, n):\n    return {'(' * 300}n{')' * 300}"), None, "double"),
    "too long": (fenced("def double(self, n):\n" + "    n += 1\n" * 60000 + "    return n"), None, "double"),
    "a lone surrogate": (fenced("def double(self, n):\n    return n * '\ud800'"), None, "double"),
}


@pytest.mark.parametrize("reply", REPLIES)
def test_a_useless_reply_is_told_and_loses_nothing(tmp_path, reply):
    text, rule, words = REPLIES[reply]
    home = session(tmp_path, DOUBLE)
    home.agent("calculator").double(2)
    home.provider = ScriptedProvider([text] * 3)
    agent = home.agent("other calculator", rows=[1])
    outcome = home.call(agent, "double", 2)
    if outcome.status == "ok":
        assert reply in ("too long", "too deep", "a lone surrogate")
        return
    assert isinstance(outcome.error, AgentError)
    assert words in str(outcome.error) or rule is None
    assert vars(agent) == {"rows": [1]}
    assert home.agent("calculator").double(3) == 6


@pytest.mark.parametrize("reply", [r for r in REPLIES if REPLIES[r][1]])
def test_a_useless_reply_is_tried_again_with_its_error(tmp_path, reply):
    text, _, words = REPLIES[reply]
    home = open_session(tmp_path / ".agent_repl", provider=ScriptedProvider([text, fenced(DOUBLE)]), review="auto")
    assert home.agent("calculator").double(2) == 4
    assert words.lower() in home.provider.prompts[1].user.lower()


@pytest.mark.parametrize("reply", [r for r in REPLIES if REPLIES[r][1]])
def test_when_all_tries_fail_the_error_says_what_to_do_next(tmp_path, reply):
    text, rule, _ = REPLIES[reply]
    home = open_session(
        tmp_path / ".agent_repl", provider=ScriptedProvider([text]), review="auto", generation_retries=1
    )
    with pytest.raises(InvalidCode, match="write it yourself") as caught:
        home.agent("calculator").double(2)
    assert caught.value.rule == rule


class Endless(ScriptedProvider):
    """A model that does not know when to stop; it gives up only where it is stopped, or after a great many pieces."""

    def __init__(self, piece):
        super().__init__([])
        self.piece, self.pieces = piece, 0

    def complete(self, prompt, on_text):
        self.prompts.append(prompt)
        for self.pieces in range(1, 20_000):
            on_text(self.piece)
        return Reply(self.piece * self.pieces, Usage(calls=1), self.model)


@pytest.mark.parametrize(
    "piece", ["    total = total + 1\n", "x = 1\ny = 2\nzed = 3\n", "a" * 50, "[[[[[[[", "value, ", "\n\n    \n"]
)
def test_a_reply_that_never_ends_is_stopped_while_it_streams(tmp_path, piece):
    provider = Endless(piece)
    home = open_session(tmp_path / ".agent_repl", provider=provider, review="auto", generation_retries=2)
    with pytest.raises(InvalidCode, match="the reply repeats itself"):
        home.agent("calculator").double(2)
    assert provider.pieces < 19_000
    assert len(provider.prompts) == 2


# ── methods that behave badly ──

BAD = {
    "raises": ("def m(self):\n    if self.rows:\n        raise ValueError('on purpose')\n", ValueError),
    "exits": ("import sys\ndef m(self):\n    sys.exit(3)\n", SystemExit),
    "calls itself for ever": ("def m(self):\n    return self.m()\n", RecursionError),
    "calls a helper for ever": ("def _h(n):\n    return _h(n)\ndef m(self):\n    return _h(1)\n", RecursionError),
    "deletes state": ("def m(self):\n    del self.rows\n    return 1 / 0\n", ZeroDivisionError),
    "empties state": ("def m(self):\n    self.rows.clear()\n    return 1 / 0\n", ZeroDivisionError),
    "raises no exception": ("def m(self):\n    if self.rows:\n        raise 3\n", TypeError),
    "an error that cannot be shown": (
        "class _E(Exception):\n    def __str__(self):\n        raise ValueError('no text')\n"
        "def m(self):\n    if self.rows:\n        {}['x']\n    raise _E\n",
        KeyError,
    ),
    "an empty error": ("def m(self):\n    assert not self.rows\n", AssertionError),
    "is interrupted": ("def m(self):\n    if self.rows:\n        raise KeyboardInterrupt\n", KeyboardInterrupt),
    "stops an iteration": ("def m(self):\n    return next(iter([]))\n", StopIteration),
}


@pytest.mark.parametrize("how", BAD)
def test_what_a_method_raises_is_raised_and_the_state_is_as_it_was(tmp_path, how):
    text, error = BAD[how]
    home = session(tmp_path, text, review=Person("accept"), repairs=0)
    agent = home.agent("misbehaves", rows=[1])
    with pytest.raises(error):
        agent.m()
    assert vars(agent) == {"rows": [1]}
    assert versions(agent.m)[0].source.strip() == text.strip()


@pytest.mark.parametrize("how", [h for h in BAD if h not in ("exits", "is interrupted")])
def test_what_a_method_raises_is_an_outcome(tmp_path, how):
    text, error = BAD[how]
    home = session(tmp_path, text, review=Person("accept"), repairs=0)
    outcome = home.call(home.agent("misbehaves", rows=[1]), "m")
    assert (outcome.status, outcome.error_type, type(outcome.error)) == ("error", "execution", error)


def test_an_error_whose_text_raises_is_still_the_error(tmp_path):
    text = (
        "class _E(Exception):\n    def __str__(self):\n        return self.x\n"
        "def m(self):\n    return _E(self.rows).x\n\n"
    )
    agent = session(tmp_path, text, repairs=0).agent("misbehaves", rows=[1])
    with pytest.raises(AttributeError):
        agent.m()


def test_a_method_may_return_itself_and_it_is_called(tmp_path):
    home = session(tmp_path, "def m(self, n=0):\n    return self.m if not n else n\n")
    agent = home.agent("odd")
    found = agent.m()
    with pytest.raises(TypeError, match=r"m\(\)"):
        bool(found)
    assert agent.m(3) == 3


def test_a_method_may_return_self(tmp_path):
    agent = session(tmp_path, "def m(self):\n    return self\n").agent("fluent")
    assert agent.m() is agent
    assert agent.m().m() is agent


def test_what_a_method_prints_is_printed(tmp_path, capsys):
    agent = session(tmp_path, "def m(self):\n    print('hello')\n").agent("printer")
    assert agent.m() is None
    assert capsys.readouterr().out == "hello\n"


def test_a_method_that_deletes_state_deletes_it(tmp_path):
    agent = session(tmp_path, "def m(self):\n    del self.rows\n").agent("eraser", rows=[1], keep=2)
    agent.m()
    assert vars(agent) == {"keep": 2}


def test_a_method_that_puts_the_agent_into_its_own_state_can_be_shown_and_called_again(tmp_path):
    home = session(tmp_path, "def m(self):\n    self.me = [self]\n    return 1\n")
    agent = home.agent("circle")
    assert (agent.m(), agent.m()) == (1, 1)
    assert "circle" in repr(agent)


def test_values_that_cannot_be_shown_are_values_all_the_same(tmp_path):
    class Shy:
        def __repr__(self):
            raise ValueError("no")

        __str__ = __repr__

        def __eq__(self, other):
            raise ValueError("no")

        __hash__ = None

    home = session(tmp_path, "def m(self, x):\n    return [x, self.y]\n")
    agent = home.agent("shy", y=Shy())
    assert type(agent.m(Shy())[0]) is Shy
    assert type(agent.m(Shy())[1]) is Shy
    assert len(home.provider.prompts) == 1


# ── homes and stores ──


def test_a_home_that_can_only_be_read_serves_and_learns_for_this_process(tmp_path, monkeypatch):
    session(tmp_path, DOUBLE).agent("calculator").double(2)
    monkeypatch.setattr("agent_repl.stores.sqlite.sqlite3.connect", ReadOnly)
    person = Person("accept", "accept")
    home = session(tmp_path, ADD, review=person)
    agent = home.agent("calculator")
    assert (agent.double(4), agent.add(3), agent.add(4)) == (8, 3, 4)
    assert "ends with this process" in " ".join(e.text for e in person.events if e.kind == "warning")


def test_a_home_that_is_a_file_is_named_and_nothing_stops(tmp_path):
    (tmp_path / ".agent_repl").write_text("x")
    person = Person("accept")
    home = session(tmp_path, DOUBLE, review=person)
    agent = home.agent("calculator")
    assert (agent.double(2), agent.double(4)) == (4, 8)
    assert ".agent_repl" in " ".join(e.text for e in person.events if e.kind == "warning")
    with pytest.raises(AgentError):
        pin(agent.double)
    assert agent.double(5) == 10


def test_a_locked_store_stops_no_call_and_loses_nothing(tmp_path, monkeypatch):
    session(tmp_path, DOUBLE).agent("calculator").double(2)
    file = tmp_path / ".agent_repl" / "store.sqlite3"
    person = Person("accept", "accept")
    home = session(tmp_path, ADD, review=person)
    home.store._patience = 0.1
    agent = home.agent("calculator")
    agent.double(3)
    db = sqlite3.connect(file, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    try:
        assert (agent.double(4), agent.add(3), agent.add(5)) == (8, 3, 5)
        assert "locked by another process" in " ".join(e.text for e in person.events if e.kind == "warning")
    finally:
        db.close()


@pytest.mark.parametrize("offset", [0, 100, 4096])
def test_a_torn_store_is_named_set_aside_and_nothing_accepted_is_lost(tmp_path, offset):
    home = session(tmp_path, DOUBLE)
    home.agent("calculator").double(2)
    home.close()
    with open(tmp_path / ".agent_repl" / "store.sqlite3", "r+b") as file:
        file.seek(offset)
        file.write(b"\xa5" * 64)
    person = Person()
    later = session(tmp_path, review=person)
    assert later.agent("calculator").double(4) == 8
    assert "damaged" in " ".join(event.text for event in person.events)


def test_a_store_of_a_newer_version_is_left_and_calls_go_on(tmp_path):
    home = session(tmp_path, DOUBLE)
    home.agent("calculator").double(2)
    home.close()
    file = tmp_path / ".agent_repl" / "store.sqlite3"
    db = sqlite3.connect(file, isolation_level=None)
    db.execute("PRAGMA user_version = 99")
    db.close()
    person = Person("accept")
    later = session(tmp_path, DOUBLE, review=person)
    assert later.agent("calculator").double(4) == 8
    assert "newer agent_repl" in " ".join(event.text for event in person.events)
    db = sqlite3.connect(file, isolation_level=None)
    assert db.execute("SELECT count(*) FROM records").fetchone()[0] > 0
    db.close()


def test_a_store_of_another_program_is_left(tmp_path):
    folder = tmp_path / ".agent_repl"
    folder.mkdir()
    db = sqlite3.connect(folder / "store.sqlite3")
    db.execute("CREATE TABLE theirs (x)")
    db.commit()
    db.close()
    person = Person("accept")
    home = session(tmp_path, DOUBLE, review=person)
    assert home.agent("calculator").double(2) == 4
    assert "move it away" in " ".join(event.text for event in person.events)


def test_a_draft_that_was_paid_for_outlives_every_error(tmp_path):
    person = Person(KeyboardInterrupt(), RuntimeError("the screen broke"), "reject", "accept")
    home = session(tmp_path, DOUBLE, review=person)
    agent = home.agent("calculator")
    for error in (KeyboardInterrupt, RuntimeError, AgentError):
        with pytest.raises(error):
            agent.double(2)
    assert agent.double(2) == 4
    assert len(home.provider.prompts) == 1


def test_a_draft_waits_for_the_next_session(tmp_path):
    with pytest.raises(ReviewRequired):
        session(tmp_path, DOUBLE, review="later").agent("calculator").double(2)
    later = session(tmp_path, review=Person("accept"))
    assert later.agent("calculator").double(2) == 4
    assert len(later.provider.prompts) == 0


# ── what a person types ──


@pytest.mark.parametrize("name", ["_x", "__dict__", "llm", "getdoc", "class", "a b", "None", "1a", ""])
def test_state_names_that_could_not_be_reached_are_refused(tmp_path, name):
    with pytest.raises(AgentError, match=r"cannot be state.*another name"):
        session(tmp_path).agent("calculator", **{name: 1})


@pytest.mark.parametrize("identity", ["", "  ", "\n", None, 3, b"x"])
def test_an_identity_needs_words(tmp_path, identity):
    with pytest.raises(AgentError, match="needs words that say what it is"):
        session(tmp_path).agent(identity)


@pytest.mark.parametrize("name", ["class", "json", "Sales", "my agent", "1st", "", "été", "a-b", "../x", "None", "_x"])
def test_a_name_that_cannot_name_a_file_and_a_class_is_refused_with_one_that_can(tmp_path, name):
    with pytest.raises(AgentError, match="cannot name an agent: use a lower-case word, such as '"):
        session(tmp_path).agent("calculator", name=name)


def test_a_name_of_many_words_is_a_name(tmp_path):
    assert repr(session(tmp_path).agent("x", name="my_big_sales_agent_2")).startswith("<agent my_big_sales_agent_2:")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"colour": "red"}, "there is no setting 'colour'; there are: provider, model"),
        ({"review": "maybe"}, "review should be one of auto, ask, later, cached, not 'maybe'"),
        ({"policy": "lax"}, "policy should be one of inform, strict"),
        ({"samples": "all"}, "samples should be one of some, none"),
        ({"show": "everything"}, "show should be one of code, line, off"),
        ({"max_calls": "many"}, "max_calls should be a whole number from 0 up, not 'many'"),
        ({"max_calls": 2.5}, "max_calls should be a whole number from 0 up, not 2.5"),
        ({"max_calls": True}, "max_calls should be a whole number from 0 up, not True"),
        ({"log": None}, "log should be a text, not None"),
        ({"model": ["a"]}, "model should be a text, not ['a']"),
        ({"executor": ""}, "executor should be one of inline, process, sandbox, lua, not ''"),
        ({"max_cost": None}, "max_cost should be a number from 0 up, not None"),
    ],
)
def test_a_setting_that_cannot_be_names_the_ones_that_can(tmp_path, settings, words):
    with pytest.raises(AgentError) as caught:
        open_session(tmp_path / ".agent_repl", **settings)
    assert words in str(caught.value)


def test_an_invalid_mode_of_an_open_session_changes_nothing(tmp_path):
    home = session(tmp_path)
    with pytest.raises(AgentError, match="one of auto, ask, later, cached"):
        home.mode = "never"
    assert home.mode == "auto"


def test_an_invalid_environment_names_its_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("AGENT_REPL_REVIEW", "yolo")
    with pytest.raises(AgentError, match="AGENT_REPL_REVIEW: review should be one of"):
        open_session(tmp_path / ".agent_repl")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"review = ", "cannot be read as TOML"),
        (b"review = 'never'\n", "review should be one of"),
        (b"colour = 'red'\n", "there is no setting 'colour'"),
        (b"\xff\xfe", "cannot be read as TOML"),
        (b"[review]\nx = 1\n", "review should be"),
        (b"max_calls = 'x'\n", "max_calls should be a whole number"),
    ],
)
def test_a_broken_config_file_is_named(tmp_path, text, words):
    (tmp_path / ".agent_repl").mkdir()
    (tmp_path / ".agent_repl" / "config.toml").write_bytes(text)
    with pytest.raises(AgentError) as caught:
        open_session(tmp_path / ".agent_repl")
    assert str(tmp_path) in str(caught.value)
    assert words in str(caught.value)


def test_names_that_begin_with_an_underscore_are_no_methods(tmp_path):
    home = session(tmp_path)
    agent = home.agent("calculator")
    with pytest.raises(AttributeError, match="has no attribute '_hidden'"):
        agent._hidden()
    assert "names that begin with _ are private" in str(home.call(agent, "_hidden").error)


@pytest.mark.parametrize("name", ["class", "a b", "", "1x", "llm"])
def test_session_call_refuses_what_cannot_be_a_method(tmp_path, name):
    home = session(tmp_path)
    outcome = home.call(home.agent("calculator"), name)
    assert "cannot be a method" in str(outcome.error)
    assert len(home.provider.prompts) == 0


def test_a_module_file_that_a_person_broke_is_named_and_the_call_goes_on(tmp_path):
    home = session(tmp_path, DOUBLE)
    agent = home.agent("calculator")
    agent.double(2)
    file = pin(agent.double)
    file.write_text("class Calculator(:\n")
    person = Person()
    later = session(tmp_path, review=person)
    assert later.agent("calculator").double(4) == 8
    assert file.read_text() == "class Calculator(:\n"
    assert str(file) in " ".join(event.text for event in person.events)
    assert source(later.agent("calculator"), "double").strip() == DOUBLE.strip()
