"""Names: what was paid for is found again when the words of an identity change."""

import pytest
from kit import Person, asked, session

from agent_repl import UnaskedCall, pin

TWICE = '''
def twice(self, n):
    """Twice n."""
    return n * 2
'''


def test_a_reworded_identity_finds_its_old_methods_after_one_question(tmp_path):
    session(tmp_path, TWICE).agent("adder of numbers", name="calc").twice(2)
    person = Person()
    home = session(tmp_path, review=person)
    assert home.agent("adder of numbers, carefully", name="calc").twice(3) == 6
    assert len(person.questions) == 1
    assert "'adder of numbers'" in person.questions[0]
    assert asked(home) == 0


def test_the_question_is_not_asked_again(tmp_path):
    session(tmp_path, TWICE).agent("adder of numbers", name="calc").twice(2)
    session(tmp_path, review=Person()).agent("adder of numbers, carefully", name="calc")
    person = Person()
    home = session(tmp_path, review=person)
    home.agent("adder of numbers, carefully", name="calc").twice(3)
    home.agent("adder of numbers", name="calc").twice(3)
    assert person.questions == []


def test_a_pinned_method_goes_with_the_new_words(tmp_path):
    old = session(tmp_path, TWICE).agent("adder of numbers", name="calc")
    old.twice(2)
    pin(old.twice)
    agent = session(tmp_path, review=Person()).agent("adder of numbers, carefully", name="calc")
    assert "twice" in vars(type(agent).__mro__[1])
    assert agent.twice(4) == 8


def test_another_agent_of_the_same_name_gets_a_name_of_its_own(tmp_path):
    session(tmp_path, TWICE).agent("adder of numbers", name="calc").twice(2)
    person = Person()
    person.confirm = lambda question: False
    agent = session(tmp_path, review=person).agent("something else", name="calc")
    assert "agent calc_2" in repr(agent)
    assert "twice" not in dir(agent)


def test_where_nobody_can_answer_the_name_is_free_and_that_is_said(tmp_path, capsys):
    session(tmp_path, TWICE).agent("adder of numbers", name="calc").twice(2)
    agent = session(tmp_path).agent("adder of numbers, carefully", name="calc")
    assert "agent calc_2" in repr(agent)
    assert "this one is called calc_2" in capsys.readouterr().err


def test_a_name_that_nearly_equals_a_method_is_asked_about_before_it_is_paid_for(tmp_path):
    person = Person("accept")
    home = session(tmp_path, TWICE, review=person)
    agent = home.agent("calculator", name="calc")
    agent.twice(2)
    person.confirm = lambda question: person.questions.append(question)
    with pytest.raises(UnaskedCall, match=r"did you mean calc\.twice\?"):
        agent.twise(2)
    assert "Write twise all the same?" in person.questions[0]
    assert asked(home) == 1


def test_a_misspelt_state_is_asked_about_too(tmp_path):
    home = session(tmp_path, TWICE)
    agent = home.agent("calculator", name="calc", factor=3)
    with pytest.raises(UnaskedCall, match=r"did you mean calc\.factor\?"):
        agent.factr()
    assert asked(home) == 0


def test_names_that_are_meant_to_be_alike_are_not_taken_for_typos():
    from agent_repl.pipeline.policy import _differ_in_a_letter as alike

    for one, other in [
        ("q1", "q2"),
        ("total_2023", "total_2024"),
        ("sales2023", "sales2024"),
        ("min_price", "max_price"),
        ("row_a", "row_b"),
    ]:
        assert not alike(one, other)
    for one, other in [("encode", "decode"), ("sort_rows", "sort_by_rows"), ("import_csv", "export_csv")]:
        assert not alike(one, other)
    for one, other in [("totl_revenue", "total_revenue"), ("top_seller", "top_sellers"), ("toprows", "top_rows")]:
        assert alike(one, other)
