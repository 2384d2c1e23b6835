"""Money: what a prompt may cost is held back before it is sent, and limits stop before they are passed."""

import threading
from dataclasses import replace

import pytest
from kit import Person, fenced, session

from agent_repl import BudgetExceeded, ProviderError, ReplyCut, ScriptedProvider, Usage, Verdict, open_session, say
from agent_repl_bounds.budget import Budget, hold, pay
from agent_repl_bounds.prices import cost, most, price

SQUARE = 'def square(self, n):\n    """Squared."""\n    return n * n\n'
CUBE = 'def cube(self, n):\n    """Cubed."""\n    return n * n * n\n'


class Priced(ScriptedProvider):
    """A model whose answers may cost `highest` dollars, and do cost `costs`."""

    model = "claude-sonnet-5-5"

    def __init__(self, replies, highest=0.3, costs=0.1):
        super().__init__([fenced(r) if isinstance(r, str) else r for r in replies])
        self.highest, self.costs = highest, costs

    def most(self, prompt):
        return self.highest

    def complete(self, prompt, on_text):
        return replace(super().complete(prompt, on_text), usage=Usage(1, 100, 10, 50, 0, 0.5, self.costs))


def priced(tmp_path, *replies, review="auto", highest=0.3, costs=0.1, **settings):
    return open_session(tmp_path / ".agent_repl", Priced(replies, highest, costs), review, **settings)


def test_a_session_stops_before_its_limit_is_passed(tmp_path):
    home = priced(tmp_path, SQUARE, CUBE, max_cost=0.35)
    agent = home.agent("calculator")
    agent.square(3)
    with pytest.raises(BudgetExceeded) as stopped:
        agent.cube(3)
    assert str(stopped.value) == (
        "this session has cost $0.1000, and the next prompt may cost $0.3000: together more than max_cost=0.35; "
        "raise max_cost to go on: session.set(max_cost=...) or AGENT_REPL_MAX_COST"
    )
    assert (len(home.provider.prompts), home.usage.cost) == (1, 0.1)
    home.set(max_cost=0.4)
    assert agent.cube(3) == 27


def test_a_call_has_a_limit_of_its_own(tmp_path):
    home = priced(tmp_path, "no code", SQUARE, CUBE, max_cost=0, max_call_cost=0.3)
    agent = home.agent("calculator")
    with pytest.raises(BudgetExceeded, match=r"this call has cost \$0.1000.*max_call_cost=0.3"):
        agent.square(3)
    assert agent.square(3) == 9
    assert agent.cube(3) == 27


def test_a_retry_is_counted_and_what_was_paid_for_is_not_lost(tmp_path):
    refused = SQUARE.replace("n * n", "self.count")
    home = session(tmp_path, refused, SQUARE, max_calls=1)
    with pytest.raises(BudgetExceeded, match="max_calls=1") as stopped:
        home.agent("calculator").square(3)
    assert [(error.rule, "self.count" in error.code) for error in stopped.value.attempts] == [("attributes", True)]
    assert len(home.provider.prompts) == 1


def test_a_draft_stays_where_its_revision_is_too_dear(tmp_path):
    home = priced(tmp_path, SQUARE, CUBE, review=Person(Verdict("revise", feedback="faster"), "accept"), max_cost=0.35)
    agent = home.agent("calculator")
    with pytest.raises(BudgetExceeded):
        agent.square(3)
    assert agent.square(3) == 9
    assert len(home.provider.prompts) == 1


def test_naming_a_method_counts_too(tmp_path):
    home = priced(tmp_path, "square_it", SQUARE, max_cost=0.35)
    with pytest.raises(BudgetExceeded):
        say(home.agent("calculator"), "the square of three")
    assert home.usage.calls == 1


def test_an_unknown_price_is_said_once_and_stops_nothing(tmp_path):
    person = Person("accept", "accept")
    home = priced(tmp_path, SQUARE, CUBE, review=person, highest=None, costs=None, max_cost=0.0001)
    agent = home.agent("calculator")
    agent.square(3)
    agent.cube(3)
    said = [event.text for event in person.events if event.kind == "warning"]
    assert said == ["the price of claude-sonnet-5-5 is unknown: max_cost does not stop it"]
    assert home.usage.cost is None


def test_a_cost_that_one_reply_did_not_tell_does_not_end_the_limit(tmp_path):
    home = priced(tmp_path, SQUARE, CUBE, costs=None, max_cost=0.5)
    agent = home.agent("calculator")
    agent.square(3)
    with pytest.raises(BudgetExceeded, match=r"has cost \$0.3000"):
        agent.cube(3)


def test_a_model_on_this_machine_costs_nothing(tmp_path):
    home = session(tmp_path, SQUARE, max_cost=0.0001, max_call_cost=0.0001)
    assert home.agent("calculator").square(3) == 9
    assert home.usage.cost == 0.0


def test_a_reply_that_was_broken_off_counts_as_what_it_could_cost(tmp_path):
    home = priced(tmp_path, ReplyCut("cut", "def sq"), SQUARE, max_cost=0.5)
    with pytest.raises(BudgetExceeded, match=r"has cost \$0.3000"):
        home.agent("calculator").square(3)
    assert home.usage.calls == 1


def test_a_host_that_was_not_reached_costs_nothing(tmp_path):
    home = priced(tmp_path, ProviderError("nobody answers"), SQUARE, max_cost=0.35)
    agent = home.agent("calculator")
    with pytest.raises(ProviderError):
        agent.square(3)
    assert home.usage == Usage()
    assert agent.square(3) == 9


def test_prompts_that_are_on_their_way_count_together(tmp_path):
    home = priced(tmp_path, SQUARE, max_cost=0.5)
    inside, go, found = threading.Event(), threading.Event(), []
    answer = home.provider.complete

    def slow(prompt, on_text):
        inside.set()
        go.wait(20)
        return answer(prompt, on_text)

    home.provider.complete = slow
    thread = threading.Thread(target=lambda: found.append(home.agent("one").square(3)))
    thread.start()
    inside.wait(20)
    with pytest.raises(BudgetExceeded, match=r"what is on its way may cost \$0.3000"):
        home.agent("two").square(3)
    go.set()
    thread.join()
    assert found == [9]
    assert home.usage.cost == 0.1


def test_what_is_held_back_never_passes_a_limit_however_many_ask_at_once():
    class Limits:
        max_calls, max_call_cost, max_cost = 10_000, 0.0, 1.0

    session, highest = Budget(Usage()), []

    def ask():
        for _ in range(300):
            call = Budget(Usage())
            if not hold(call, session, Limits, 0.3):
                highest.append(session.dollars + sum(session.held))
                pay((call, session), "write", 0.3, Usage(calls=1, cost=0.001))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0 < session.usage.calls == len(highest)
    assert (session.held, session.dollars <= 1.0) == ([], True)


def test_an_outcome_tells_what_each_stage_spent(tmp_path):
    home = priced(tmp_path, "no code", SQUARE)
    outcome = home.call(home.agent("calculator"), "square", 3)
    assert outcome.spent == {"write": Usage(2, 200, 20, 100, 0, 1.0, 0.2)}


def test_a_project_may_tighten_the_limit_of_a_call(tmp_path):
    (tmp_path / ".agent_repl").mkdir()
    (tmp_path / ".agent_repl" / "config.toml").write_text("max_call_cost = 0.2\n")
    assert priced(tmp_path).settings.max_call_cost == 0.2
    assert priced(tmp_path, max_call_cost=0.1).settings.max_call_cost == 0.1


def test_prices_are_in_one_table():
    assert price("claude-haiku-4-5-20251001") == price("claude-haiku-4-5") == [1, 5, 0.1, 1.25]
    assert cost("claude-haiku-4-5", [1_000_000, 0, 0, 0]) == 1.0
    assert (price("gpt"), cost("gpt", [1, 1, 1, 1]), most("gpt", "text", 10)) == (None, None, None)


@pytest.mark.parametrize("text", ["words of a prompt " * 50, "def f(x):\n    return x\n" * 50, "漢字かな交じり文" * 50])
def test_a_price_beforehand_is_above_what_a_prompt_costs(text):
    tokens = len(text) // 3 if text.isascii() else len(text)
    assert most("claude-opus-5", text, 100) >= cost("claude-opus-5", [tokens, 100, 0, 0])


def test_the_system_prompt_is_the_same_until_a_method_is_accepted(tmp_path):
    (tmp_path / "sales.csv").write_text("region,amount\nNorth,10\nSouth,20\n")
    home = session(tmp_path, "no code", SQUARE, CUBE, "no code either", CUBE.replace("cube", "fourth"), review="auto")
    agent = home.agent("calculator for {path}", path=str(tmp_path / "sales.csv"))
    agent.square(3)
    agent.cube(2.5)
    agent.fourth(2)
    first, retry, with_square, *with_both = (prompt.system for prompt in home.provider.prompts)
    assert (first == retry, with_both[0] == with_both[1]) == (True, True)
    assert len({first, with_square, with_both[0]}) == 3
    assert all(later.startswith(first.rstrip()) for later in (with_square, *with_both))
    assert with_both[0].startswith(with_square.rstrip().removesuffix("```"))
