"""Examples: what accepted runs answered is recorded, shown when code changes, and a check when it is kept."""

import pytest
from kit import Person, asked, session

from agent_repl import AgentError, Verdict, examples, keep, revise, rollback, source
from agent_repl_bounds.trial import cannot_try
from agent_repl_data.plain import encode
from agent_repl_ui.render import as_text

SQUARE = '''
def square(self, n):
    """n times n."""
    return n * n
'''
CUBE = SQUARE.replace("return n * n", "return n * n * n").replace("n times n", "n three times")
COUNT = '''
def count(self, n):
    """Adds to the total."""
    self.total += n
    return self.total
'''
locked = pytest.mark.skipif(bool(cannot_try()), reason="no trial can be had on this system")


@pytest.fixture
def maths(tmp_path):
    home = session(tmp_path, SQUARE, CUBE)
    return home, home.agent("mathematician", name="maths")


def reviews(home):
    """From now on a person looks, and accepts once."""
    home.reviewer = person = Person("accept")
    home.mode = "ask"
    return person


def shown(person):
    return "\n".join(line for proposal in person.seen for line in proposal.answers)


def test_an_accepted_run_is_recorded_with_its_answer(maths):
    _, agent = maths
    agent.square(3)
    found = examples(agent.square)
    assert [(e.args, e.answer, e.kind, e.kept) for e in found] == [(encode([[3], {}]), "9", "int", False)]


def test_an_example_of_a_stateful_method_holds_the_state_before_the_call(tmp_path):
    agent = session(tmp_path, COUNT).agent("counter", total=5)
    agent.count(2)
    assert [(e.state, e.answer) for e in examples(agent.count)] == [(encode({"total": 5}), "7")]
    assert agent.total == 7


def test_what_is_not_plain_is_not_recorded_as_an_example_that_could_be_run(tmp_path):
    home = session(tmp_path, 'def name(self, thing):\n    """Its kind."""\n    return type(thing)\n')
    agent = home.agent("namer")
    agent.name(object())
    assert [(e.args, e.answer, e.kind) for e in examples(agent.name)] == [("", "", "type")]


def test_recording_can_be_switched_off(tmp_path):
    agent = session(tmp_path, SQUARE, examples="off").agent("mathematician")
    agent.square(3)
    assert examples(agent.square) == ()


@locked
def test_the_review_shows_which_answers_change(maths):
    home, agent = maths
    agent.square(3)
    person = reviews(home)
    revise(agent.square, "three times")
    assert shown(person) == "square(3): 9 → 27"


@locked
def test_trying_the_new_code_changes_nothing_of_the_agent(tmp_path):
    louder = COUNT.replace("+= n", "+= 100 * n")
    home = session(tmp_path, COUNT, louder)
    agent = home.agent("counter", total=5)
    agent.count(2)
    home.reviewer = person = Person(Verdict("reject"))
    home.mode = "ask"
    with pytest.raises(AgentError, match="rejected"):
        revise(agent.count, "a hundred times")
    assert agent.total == 7
    assert "count(2): 7; self.total = 7 → 205; self.total = 205" in shown(person)


@locked
def test_methods_that_call_it_are_run_too(tmp_path):
    twice = 'def twice(self, n):\n    """Two squares."""\n    return 2 * self.square(n)\n'
    home = session(tmp_path, SQUARE, twice, CUBE)
    agent = home.agent("mathematician")
    agent.square(3)
    agent.twice(3)
    person = reviews(home)
    revise(agent.square, "three times")
    assert "twice(3): 18 → 54" in shown(person)


@locked
def test_data_that_moved_is_told_apart_from_code_that_changed(tmp_path):
    length = 'def length(self):\n    """Lines."""\n    with open(self.path) as file:\n        return len(list(file))\n'
    path = tmp_path / "a.txt"
    path.write_text("a\nb\n")
    home = session(tmp_path, length, length.replace("len(list(file))", "sum(1 for _ in file)"))
    agent = home.agent("reader of {path}", path=str(path))
    assert agent.length() == 2
    path.write_text("a\nb\nc\n")
    person = reviews(home)
    assert revise(agent.length, "count lines one by one") == 3
    assert "the code changed" not in shown(person)


@locked
def test_a_kept_example_must_still_pass_and_auto_does_not_overrule_it(maths):
    _home, agent = maths
    agent.square(3)
    keep(agent.square)
    with pytest.raises(AgentError, match="kept as a check"):
        revise(agent.square, "three times")
    assert agent.square(3) == 9


@locked
def test_breaking_a_kept_example_has_to_be_said_in_words(maths):
    home, agent = maths
    agent.square(3)
    keep(agent.square)
    person = reviews(home)
    assert revise(agent.square, "three times") == 27
    assert "square(3) answered 9, and now 27" in person.questions[-1]


def test_the_last_call_is_kept_also_when_it_was_served(maths):
    _home, agent = maths
    agent.square(3)
    agent.square(12)
    assert keep(agent.square).answer == "144"
    assert [e.kept for e in examples(agent.square)] == [False, True]


def test_a_call_can_be_made_to_be_kept(maths):
    _, agent = maths
    agent.square(3)
    assert keep(agent.square, n=5).answer == "25"


def test_a_call_that_cannot_be_made_again_cannot_be_kept(tmp_path):
    agent = session(tmp_path, 'def name(self, thing):\n    """Its kind."""\n    return type(thing)\n').agent("namer")
    agent.name(object())
    with pytest.raises(AgentError, match="plain arguments"):
        keep(agent.name)


@locked
def test_a_head_that_raises_for_a_new_kind_is_not_offered_to_it(tmp_path):
    both = 'def square(self, n):\n    """n squared."""\n    return n * n if isinstance(n, int) else len(n) ** 2\n'
    home = session(tmp_path, SQUARE, both)
    agent = home.agent("mathematician")
    agent.square(3)
    person = reviews(home)
    assert agent.square("abc") == 9
    assert person.seen[0].reason.startswith("extends v1")
    assert asked(home) == 2


@locked
def test_a_head_that_answers_for_a_new_kind_is_offered_with_its_answer(maths):
    home, agent = maths
    agent.square(3)
    person = reviews(home)
    assert agent.square(1.5) == 2.25
    assert person.seen[0].tried == "tried in isolation: it answers 2.25 (float)"
    assert asked(home) == 1


def test_a_return_of_another_kind_is_told(tmp_path):
    text = 'def square(self, n):\n    """As text."""\n    return str(n * n)\n'
    home = session(tmp_path, SQUARE, text)
    agent = home.agent("mathematician")
    agent.square(3)
    home.reviewer = person = Person("accept")
    revise(agent.square, "as text")
    assert any("returns str, and v1 returned int" in event.text for event in person.events)


def test_examples_outlive_a_rollback(maths):
    _home, agent = maths
    agent.square(3)
    keep(agent.square)
    rollback(agent.square, 1)
    assert len(examples(agent.square)) == 1
    assert "n * n" in source(agent.square)


@locked
def test_code_that_answers_old_calls_as_before_goes_on_to_serve_their_kind(tmp_path):
    both = 'def square(self, n):\n    """n squared."""\n    return len(n) ** 2 if isinstance(n, str) else n * n\n'
    home = session(tmp_path, SQUARE, both)
    agent = home.agent("mathematician")
    agent.square(3)
    assert agent.square("abc") == 9
    assert agent.square(4) == 16
    assert asked(home) == 2


@locked
def test_code_that_answers_an_old_call_otherwise_leaves_its_kind_to_the_older_code(tmp_path):
    other = 'def square(self, n):\n    """n squared."""\n    return len(n) ** 2 if isinstance(n, str) else n * n + 1\n'
    home = session(tmp_path, SQUARE, other)
    agent = home.agent("mathematician")
    agent.square(3)
    agent.square("abc")
    assert agent.square(4) == 16
    assert asked(home) == 2


def test_where_nothing_can_be_tried_a_kept_example_is_checked_after_acceptance(maths, monkeypatch):
    monkeypatch.setattr("sys.platform", "elsewhere")
    home, agent = maths
    agent.square(3)
    keep(agent.square)
    person = reviews(home)
    person.confirm = lambda question: person.questions.append(question)
    with pytest.raises(AgentError, match="would break a check"):
        revise(agent.square, "three times")
    assert "only Linux" in shown(person)
    assert agent.square(3) == 9


def test_served_code_that_raises_is_repaired_at_once_where_nobody_is_asked(tmp_path):
    ratio = 'def ratio(self, a, b):\n    """a by b."""\n    return a / b\n'
    home = session(tmp_path, ratio, ratio.replace("return a / b", "return a / b if b else None"))
    agent = home.agent("divider", name="calc")
    assert agent.ratio(1, 2) == 0.5
    assert agent.ratio(1, 0) is None
    assert "ZeroDivisionError" in home.provider.prompts[-1].user
    assert "b is 0" in home.provider.prompts[-1].user
    assert agent.ratio(1, 4) == 0.25
    assert asked(home) == 2


def test_served_code_that_cannot_be_repaired_raises_what_it_raised(tmp_path):
    ratio = 'def ratio(self, a, b):\n    """a by b."""\n    return a / b\n'
    agent = session(tmp_path, ratio).agent("divider", name="calc")
    agent.ratio(1, 2)
    with pytest.raises(ZeroDivisionError):
        agent.ratio(1, 0)


def test_a_person_is_told_how_served_code_that_raised_is_repaired(tmp_path):
    ratio = 'def ratio(self, a, b):\n    """a by b."""\n    return a / b\n'
    person = Person("accept")
    home = session(tmp_path, ratio, review=person)
    agent = home.agent("divider", name="calc")
    agent.ratio(1, 2)
    with pytest.raises(ZeroDivisionError):
        agent.ratio(1, 0)
    assert any("revise it, without words" in event.text for event in person.events)
    assert agent.ratio(1, 2) == 0.5
    assert asked(home) == 1


def test_a_run_of_newer_code_leaves_a_kept_example_kept(maths):
    home, agent = maths
    agent.square(3)
    keep(agent.square)
    home.reviewer = Person("accept")
    assert revise(agent.square, "three times") == 27
    assert [(e.answer, e.kept) for e in examples(agent.square)] == [("27", True)]


@locked
def test_the_screen_shows_which_answers_change(maths):
    home, agent = maths
    agent.square(3)
    person = reviews(home)
    revise(agent.square, "three times")
    assert "which answers change:\n  square(3): 9 → 27" in as_text(person.seen[0])


def test_values_that_a_pattern_names_are_not_recorded(tmp_path):
    greet = 'def greet(self, who):\n    """Greets."""\n    return f"hello {who}"\n'
    agent = session(tmp_path, greet, redact=r"\S+@\S+").agent("greeter")
    agent.greet("ann@example.org")
    assert [(e.args, e.answer, e.kind) for e in examples(agent.greet)] == [("", "", "str")]
    files = [path for path in (tmp_path / ".agent_repl").rglob("*") if path.is_file()]
    assert not [path for path in files if b"ann@example.org" in path.read_bytes()]
    with pytest.raises(AgentError, match="redact is no pattern"):
        session(tmp_path, redact="(")
