"""The life of a call: written once, reviewed, served, undone, repaired, kept."""

import asyncio
import threading

import pytest
from kit import Person, asked, fenced, session

from agent_repl import (
    BudgetExceeded,
    CacheMiss,
    InvalidCode,
    Rejected,
    ReviewRequired,
    ScriptedProvider,
    Verdict,
    open_session,
    source,
    versions,
)

ADD = """
def add(self, n):
    \"\"\"Add n to the total.\"\"\"
    self.total = getattr(self, "total", 0) + n
    return self.total
"""
DOUBLE = """
def double(self, n):
    \"\"\"Twice n.\"\"\"
    return n * 2
"""
BOOM = """
def double(self, n):
    \"\"\"Twice n.\"\"\"
    self.seen.append(n)
    self.last = n
    return {}["absent"]
"""
MAIL = """
import os
def double(self, n):
    \"\"\"Twice n.\"\"\"
    os.environ["DOUBLED"] = str(n)
    return n * 2
"""


def test_a_call_is_written_once_then_remembered(tmp_path):
    home = session(tmp_path, DOUBLE)
    calc = home.agent("calculator")
    assert [calc.double(2), calc.double(5), calc.double(n=7)] == [4, 10, 14]
    assert asked(home) == 1


def test_another_process_of_the_same_home_needs_no_model(tmp_path):
    session(tmp_path, DOUBLE).agent("calculator").double(2)
    later = session(tmp_path, review="cached")
    assert later.agent("calculator").double(4) == 8
    assert asked(later) == 0


def test_all_agents_of_an_identity_know_what_one_learnt(tmp_path):
    home = session(tmp_path, DOUBLE)
    home.agent("calculator").double(2)
    assert home.agent("calculator").double(3) == 6


def test_another_identity_knows_nothing_of_it(tmp_path):
    home = session(tmp_path, DOUBLE, DOUBLE)
    home.agent("calculator").double(2)
    home.agent("doubler").double(2)
    assert asked(home) == 2


def test_code_for_numbers_does_not_serve_text(tmp_path):
    repeated = DOUBLE.replace("return n * 2", "return n * 2 if isinstance(n, int) else [n, n]")
    home = session(tmp_path, DOUBLE, repeated)
    calc = home.agent("calculator")
    calc.double(2)
    assert calc.double("ab") == ["ab", "ab"]
    assert asked(home) == 2
    assert "extends v1" in versions(calc.double)[-1].reason


def test_a_person_may_widen_the_same_code_without_the_model(tmp_path):
    person = Person("accept", "accept")
    home = session(tmp_path, DOUBLE, review=person)
    calc = home.agent("calculator")
    calc.double(2)
    assert calc.double("ab") == "abab"
    assert asked(home) == 1
    assert person.seen[1].reason.startswith("widens: the same code for a new kind of call (n is str, was int)")


def test_unrelated_state_is_no_miss(tmp_path):
    home = session(tmp_path, DOUBLE)
    calc = home.agent("calculator")
    calc.double(2)
    calc.colour = "red"
    assert calc.double(4) == 8
    assert asked(home) == 1


def test_state_that_the_code_reads_is_part_of_the_guard(tmp_path):
    scaled = DOUBLE.replace("n * 2", "n * self.factor")
    home = session(tmp_path, scaled, scaled)
    calc = home.agent("calculator", factor=3)
    assert calc.double(2) == 6
    calc.factor = "x"
    assert calc.double(2) == "xx"
    assert asked(home) == 2


def test_nothing_runs_before_the_person_has_seen_it(tmp_path):
    person = Person("reject")
    home = session(tmp_path, ADD, review=person)
    calc = home.agent("calculator")
    with pytest.raises(Rejected, match="call it again"):
        calc.add(1)
    assert vars(calc) == {}
    assert person.seen[0].status == "NEW"
    assert "self.total" in person.seen[0].code.source


def test_a_rejected_draft_is_shown_again_without_paying_twice(tmp_path):
    person = Person("reject", "accept")
    home = session(tmp_path, DOUBLE, review=person)
    calc = home.agent("calculator")
    with pytest.raises(Rejected):
        calc.double(2)
    assert calc.double(2) == 4
    assert asked(home) == 1
    assert "REJECTED BEFORE" in person.seen[1].reason


def test_ctrl_c_in_the_review_keeps_the_draft(tmp_path):
    home = session(tmp_path, DOUBLE, review=Person(KeyboardInterrupt(), "accept"))
    calc = home.agent("calculator")
    with pytest.raises(KeyboardInterrupt):
        calc.double(2)
    assert calc.double(2) == 4
    assert asked(home) == 1


def test_ctrl_c_while_the_model_writes_leaves_nothing_behind(tmp_path):
    home = session(tmp_path, KeyboardInterrupt(), DOUBLE)
    calc = home.agent("calculator")
    with pytest.raises(KeyboardInterrupt):
        calc.double(2)
    assert calc.double(2) == 4


def test_ctrl_c_while_it_runs_puts_the_state_back_and_keeps_what_was_accepted(tmp_path):
    slow = """
    def add(self, n):
        \"\"\"Add n.\"\"\"
        self.total = n
        if self.stop:
            raise KeyboardInterrupt
        return n
    """
    person = Person("accept")
    home = session(tmp_path, slow, review=person)
    calc = home.agent("calculator", stop=1)
    with pytest.raises(KeyboardInterrupt):
        calc.add(1)
    assert not hasattr(calc, "total") or "total" not in vars(calc)
    calc.stop = 0
    assert calc.add(1) == 1
    assert len(person.seen) == 1


def test_a_person_edits_in_the_review(tmp_path):
    edited = Verdict("edit", source=DOUBLE.replace("n * 2", "n + n + 0"))
    home = session(tmp_path, DOUBLE, review=Person(edited))
    calc = home.agent("calculator")
    assert calc.double(2) == 4
    assert "n + n + 0" in source(calc.double)
    assert versions(calc.double)[-1].author == "person"


def test_an_editor_is_told_what_is_wrong_with_its_text(tmp_path):
    person = Person("accept")
    session(tmp_path, DOUBLE, review=person).agent("calculator").double(2)
    assert person.seen[0].check(DOUBLE) == ""
    assert "double" in person.seen[0].check("def other(self):\n    return 1\n")


def test_feedback_goes_to_the_writer_with_the_draft(tmp_path):
    person = Person(Verdict("revise", feedback="use a shift"), "accept")
    home = session(tmp_path, DOUBLE, DOUBLE.replace("n * 2", "n << 1"), review=person)
    calc = home.agent("calculator")
    assert calc.double(3) == 6
    assert "use a shift" in home.provider.prompts[1].user
    assert "n * 2" in home.provider.prompts[1].user
    assert person.seen[1].reason == "revised: use a shift"


def test_pin_in_the_review_makes_a_plain_function(tmp_path):
    home = session(tmp_path, DOUBLE, review=Person("pin"))
    calc = home.agent("calculator")
    assert calc.double(3) == 6
    assert "double" in vars(type(calc).__mro__[1])
    assert (tmp_path / ".agent_repl" / "modules" / "calculator.py").exists()


def test_auto_asks_about_flagged_code_and_raises_where_nobody_answers(tmp_path):
    home = session(tmp_path, MAIL)
    with pytest.raises(ReviewRequired, match="flagged: environment"):
        home.agent("calculator").double(2)
    home.reviewer = Person("accept")
    home.mode = "auto"
    assert home.agent("calculator").double(2) == 4
    assert asked(home) == 1


def test_later_writes_and_waits(tmp_path):
    home = session(tmp_path, DOUBLE, review="later")
    with pytest.raises(ReviewRequired):
        home.agent("calculator").double(2)
    home.reviewer, home.mode = Person("accept"), "ask"
    assert home.agent("calculator").double(2) == 4
    assert asked(home) == 1


def test_cached_never_asks_a_model(tmp_path):
    home = session(tmp_path, DOUBLE, review="cached")
    with pytest.raises(CacheMiss, match="AGENT_REPL_REVIEW"):
        home.agent("calculator").double(2)
    assert asked(home) == 0


def test_where_nobody_can_answer_the_default_is_cached(tmp_path):
    home = open_session(tmp_path / ".agent_repl", provider=ScriptedProvider([]))
    assert home.mode == "cached"


def test_ask_fails_before_paying_where_nobody_can_answer(tmp_path):
    home = session(tmp_path, DOUBLE, review="ask")
    with pytest.raises(ReviewRequired, match="nobody can answer"):
        home.agent("calculator").double(2)
    assert asked(home) == 0


def test_the_strict_policy_refuses_flagged_code(tmp_path):
    outcome = (home := session(tmp_path, MAIL, policy="strict", generation_retries=1)).call(
        home.agent("calculator"), "double", 2
    )
    assert (outcome.error_type, "environment" in str(outcome.error)) == ("policy", True)


def test_what_raises_leaves_the_state_as_it_was(tmp_path):
    home = session(tmp_path, BOOM, repairs=0)
    calc = home.agent("calculator", seen=[1], last="before")
    with pytest.raises(KeyError, match="absent"):
        calc.double(2)
    assert vars(calc) == {"seen": [1], "last": "before"}


def test_auto_repairs_what_fails_from_the_inside(tmp_path):
    home = session(tmp_path, BOOM, DOUBLE)
    calc = home.agent("calculator", seen=[])
    assert calc.double(2) == 4
    assert "KeyError" in home.provider.prompts[1].user
    assert '{}["absent"]' in home.provider.prompts[1].user
    assert [v.verdict for v in versions(calc.double)] == ["failed", "accepted"]


def test_a_person_is_shown_the_error_and_the_next_call_repairs(tmp_path):
    person = Person("accept", "accept")
    home = session(tmp_path, BOOM, DOUBLE, review=person, without="trial")
    calc = home.agent("calculator", seen=[])
    with pytest.raises(KeyError):
        calc.double(2)
    assert calc.double(2) == 4
    assert person.seen[1].reason.startswith("repairs: it raised KeyError")


def test_failures_from_outside_rewrite_nothing(tmp_path):
    reader = """
    def lines(self, path):
        \"\"\"Count lines.\"\"\"
        with open(path) as file:
            return len(file.readlines())
    """
    home = session(tmp_path, reader)
    with pytest.raises(FileNotFoundError):
        home.agent("reader").lines("absent.txt")
    assert asked(home) == 1


def test_what_the_code_raises_on_purpose_is_no_failure_to_repair(tmp_path):
    strict = """
    def root(self, n):
        \"\"\"Square root.\"\"\"
        if n < 0:
            raise ValueError("negative")
        return n ** 0.5
    """
    home = session(tmp_path, strict)
    with pytest.raises(ValueError, match="negative"):
        home.agent("calculator").root(-1)
    assert asked(home) == 1


def test_a_refused_reply_is_retried_with_its_code_and_error(tmp_path):
    home = session(tmp_path, "def triple(self, n):\n    return n * 3\n", DOUBLE)
    assert home.agent("calculator").double(2) == 4
    retry = home.provider.prompts[1]
    assert "def triple" in retry.user
    assert "double" in retry.user
    assert retry.temperature > home.provider.prompts[0].temperature


def test_tries_end_with_all_of_them_as_evidence(tmp_path):
    home = session(tmp_path, "nothing", "nothing", generation_retries=2)
    with pytest.raises(InvalidCode, match="in 2 tries") as caught:
        home.agent("calculator").double(2)
    assert [e.attempt for e in caught.value.attempts] == [1, 2]


def test_methods_call_each_other_and_write_each_other(tmp_path):
    outer = """
    def quadruple(self, n):
        \"\"\"Four times n.\"\"\"
        return self.double(self.double(n))
    """
    home = session(tmp_path, outer, DOUBLE)
    assert home.agent("calculator").quadruple(3) == 12
    assert asked(home) == 2


def test_a_first_call_may_be_recursive(tmp_path):
    fact = """
    def fact(self, n):
        \"\"\"Factorial.\"\"\"
        return 1 if n < 2 else n * self.fact(n - 1)
    """
    home = session(tmp_path, fact)
    assert home.agent("calculator").fact(5) == 120
    assert asked(home) == 1


def test_no_agent_writes_itself_for_ever(tmp_path):
    def deeper(prompt):
        name = prompt.user.partition("Write the method `")[2].partition("`")[0]
        return fenced(f"def {name}(self):\n    return self.{name}_on()\n")

    home = open_session(tmp_path / ".agent_repl", provider=ScriptedProvider(deeper), review="auto", max_depth=4)
    with pytest.raises(BudgetExceeded, match="max_depth=4"):
        home.agent("digger").dig()


def test_a_method_that_calls_itself_for_ever_is_an_error_and_not_a_crash(tmp_path):
    loop = "def spin(self):\n    return self.spin()\n"
    home = session(tmp_path, loop, repairs=0)
    with pytest.raises(RecursionError):
        home.agent("top").spin()


def test_hasattr_means_what_it_says_inside_written_code(tmp_path):
    curious = """
    def look(self):
        \"\"\"What is there.\"\"\"
        return [hasattr(self, "rows"), getattr(self, "rows", None), hasattr(self, "look"), hasattr(self, "other")]
    """
    home = session(tmp_path, curious, curious)
    agent = home.agent("looker")
    assert agent.look() == [False, None, True, False]
    agent.rows = 3
    assert agent.look() == [True, 3, True, False]


def test_an_absent_name_that_is_read_and_called_elsewhere_is_absent(tmp_path):
    lazy = """
    def get(self):
        \"\"\"Rows, made when they are missing.\"\"\"
        try:
            return self.rows
        except AttributeError:
            self.rows = [1]
        return self.rows
    """
    home = session(tmp_path, lazy)
    assert home.agent("lazy").get() == [1]


def test_nested_definitions_imports_and_helpers_work(tmp_path):
    rich_code = """
    import math
    from functools import reduce

    LIMIT = 3

    def _twice(n):
        return n * 2

    def double(self, n):
        \"\"\"Twice n, the long way.\"\"\"
        def inner(k):
            return _twice(k)
        values = [inner(k) for k in range(LIMIT) if k < math.inf]
        return reduce(lambda a, b: a + b, values, n * 2) - sum(values)
    """
    assert session(tmp_path, rich_code).agent("calculator").double(4) == 8


def test_outcomes_say_how_it_ended_and_never_raise(tmp_path):
    home = session(tmp_path, DOUBLE, BOOM.replace("double", "burst"), repairs=0)
    calc = home.agent("calculator", seen=[])
    first, second = home.call(calc, "double", 2), home.call(calc, "double", 3)
    assert (first.status, first.value, first.tier, first.usage.calls) == ("ok", 4, "NEW", 1)
    assert (second.value, second.tier, second.usage.calls) == (6, "CACHED", 0)
    failed = home.call(calc, "burst", 1)
    assert (failed.status, failed.error_type, type(failed.error)) == ("error", "execution", KeyError)
    assert set(first.timings) >= {"total", "write", "execute"}


def test_coroutines_are_awaited_and_undone(tmp_path):
    fetch = """
    async def fetch(self, n):
        \"\"\"n, later.\"\"\"
        import asyncio
        self.busy = True
        await asyncio.sleep(0)
        return 1 / n
    """
    home = session(tmp_path, fetch)
    agent = home.agent("fetcher", busy=False)
    assert asyncio.run(agent.fetch(2)) == 0.5
    agent.busy = False
    with pytest.raises(ZeroDivisionError):
        asyncio.run(agent.fetch(0))
    assert agent.busy is False


def test_generators_are_iterated_by_the_person(tmp_path):
    count = "def count(self, n):\n    yield from range(n)\n"
    assert list(session(tmp_path, count).agent("counter").count(3)) == [0, 1, 2]


def test_threads_that_miss_together_ask_once(tmp_path):
    home = session(tmp_path, DOUBLE)
    calc, found = home.agent("calculator"), []
    threads = [threading.Thread(target=lambda: found.append(calc.double(4))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [8] * 8
    assert asked(home) == 1


def test_two_methods_that_call_each_other_from_two_threads_do_not_wait_for_ever(tmp_path):
    def reply(prompt):
        name = prompt.user.partition("Write the method `")[2].partition("`")[0]
        other = {"a": "b", "b": "a"}[name]
        return fenced(f"def {name}(self, n):\n    return n if n < 1 else self.{other}(n - 1)\n")

    home = open_session(tmp_path / ".agent_repl", provider=ScriptedProvider(reply), review="auto")
    agent, found = home.agent("pair"), []
    threads = [threading.Thread(target=lambda f=f: found.append(f(3)), daemon=True) for f in (agent.a, agent.b)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert found == [0, 0]
    assert asked(home) == 2


def test_the_budget_stops_before_the_next_call(tmp_path):
    home = session(tmp_path, "no", "no", "no", max_calls=1, generation_retries=1)
    calc = home.agent("calculator")
    with pytest.raises(InvalidCode):
        calc.double(2)
    home.reviewer.tell  # noqa: B018
    assert home.usage.calls == 1


def test_a_model_that_cannot_be_reached_loses_nothing(tmp_path):
    from agent_repl import Unreachable

    home = session(tmp_path, Unreachable("nobody listens"), DOUBLE)
    calc = home.agent("calculator", keep=1)
    assert home.call(calc, "double", 2).error_type == "provider"
    assert calc.double(2) == 4
    assert calc.keep == 1


def test_one_question_before_a_prompt_leaves_this_machine(tmp_path):
    person = Person("accept", "accept")
    home = session(tmp_path, DOUBLE, ADD, review=person)
    home.provider.host = "api.example.com"
    calc = home.agent("calculator")
    calc.double(2)
    calc.add(2)
    assert len(person.questions) == 1
    assert "api.example.com" in person.questions[0]
    assert 'samples="none"' in person.questions[0]


def test_a_store_that_cannot_be_written_stops_no_call(tmp_path):
    (tmp_path / ".agent_repl").write_text("a file where the directory should be")
    home = session(tmp_path, DOUBLE)
    calc = home.agent("calculator")
    assert [calc.double(2), calc.double(3)] == [4, 6]


def test_a_new_file_with_other_columns_is_not_served_by_old_code(tmp_path):
    reader = """
    import csv
    def first(self):
        \"\"\"First cell.\"\"\"
        with open(self.path, newline="") as file:
            return next(csv.reader(file))[0]
    """
    data = tmp_path / "data.csv"
    data.write_text("a,b\n1,2\n")
    home = session(tmp_path, reader, reader)
    agent = home.agent("reader of {path}", path=str(data))
    assert agent.first() == "a"
    data.write_text("a,b\n1,2\n3,4\n")
    assert agent.first() == "a"
    assert asked(home) == 1
    data.write_text("x,y,z\n1,2,3\n")
    assert agent.first() == "x"
    assert asked(home) == 2


def test_a_path_of_the_state_is_not_written_in_as_a_constant(tmp_path):
    data = tmp_path / "data.csv"
    data.write_text("a,b\n1,2\n")
    baked = f"def size(self):\n    return len(open({str(data)!r}).read())\n"
    home = session(tmp_path, baked, baked.replace(repr(str(data)), "self.path"))
    assert home.agent("reader", path=str(data)).size() == 8
    assert "Use self.path instead" in home.provider.prompts[1].user


def test_kinds_that_alternate_do_not_ask_for_ever(tmp_path):
    home = session(tmp_path, DOUBLE, DOUBLE, DOUBLE, DOUBLE)
    calc = home.agent("calculator")
    assert [calc.double(n) for n in (1, "a", 2, "b", 3, "c")] == [2, "aa", 4, "bb", 6, "cc"]
    assert asked(home) == 2


def test_saying_no_to_a_new_kind_leaves_the_head_as_it_is(tmp_path):
    home = session(tmp_path, DOUBLE, review=Person("accept", "reject"))
    calc = home.agent("calculator")
    calc.double(2)
    with pytest.raises(Rejected):
        calc.double("ab")
    assert calc.double(5) == 10
    assert [v.verdict for v in versions(calc.double)] == ["accepted"]


def test_a_store_that_refuses_a_verdict_stops_no_repair(tmp_path, monkeypatch):
    from agent_repl import StoreError

    def refuse(*_):
        raise StoreError("the disk is full")

    home = session(tmp_path, BOOM, DOUBLE)
    calc = home.agent("calculator", seen=[])
    monkeypatch.setattr(home.store, "judge", refuse)
    assert calc.double(2) == 4


def test_a_repair_that_changes_nothing_is_sent_back(tmp_path):
    home = session(tmp_path, BOOM, BOOM, BOOM, DOUBLE)
    assert home.agent("calculator", seen=[]).double(2) == 4
    assert home.provider.prompts[3].user.count("This is the same code again") == 1
