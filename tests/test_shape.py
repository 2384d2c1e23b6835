"""Words become a specification: what the parser makes of a model's text, and what a person sees of it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from kit import Person, asked, fenced

import agent_repl as ar
from agent_repl.control import write
from agent_repl.errors import InvalidCode
from agent_repl.shape import documented, specified, verbatim

SPEC = """\
method: top_sellers(n=3) -> list of (product, units)
kind: method
does: the n products that sold most units
steps: sum the quantity by product; sort by the sum; take the first n
edge cases: ties by name; an empty table answers an empty list
"""
TWO = f"{SPEC}\nmethod: reset()\nkind: method\ndoes: forget all sales\n"
TOP = "def top_sellers(self, n=3):\n    return ['pear'][:n]\n"


def session(home: Path, *replies: str, **settings: object) -> ar.Session:
    return ar.open_session(home / ".agent_repl", provider=ar.ScriptedProvider(replies), **{"review": "auto"} | settings)


def test_a_specification_is_read_into_its_parts() -> None:
    (found,) = specified(SPEC)
    assert (found.name, found.parameters, found.kind) == ("top_sellers", "n=3", "method")
    assert found.returns == "list of (product, units)"
    assert found.text.startswith("the n products that sold most units\nsteps: sum the quantity")


def test_several_methods_are_told_apart() -> None:
    assert [found.name for found in specified(TWO)] == ["top_sellers", "reset"]


@pytest.mark.parametrize(
    "text",
    [
        "**method:** `top_sellers(n=3)` -> list\ndoes: the largest",
        "### Method: top_sellers(self, n: int = 3) → list[tuple]\ndoes: the largest",
        "1. method: top_sellers(n=3)\n   does: the largest",
        "```\nmethod: top_sellers(n=3) -> list\ndoes: the largest\n```",
        "Here is the specification.\n\nmethod: top_sellers(n=3):\ndoes: the largest",
    ],
)
def test_small_models_spell_the_form_in_many_ways(text: str) -> None:
    (found,) = specified(text)
    assert (found.name, found.parameters) == ("top_sellers", "n=3")
    assert found.text.strip() == "the largest"


def test_a_text_without_the_form_serves_a_method_that_has_its_name() -> None:
    (found,) = specified("It sums the units of each product.", "top_sellers")
    assert found.text == "It sums the units of each product."
    assert list(specified("It sums the units of each product.")) == []


def test_private_names_and_keywords_are_no_methods() -> None:
    assert list(specified("method: _hidden()\ndoes: x\nmethod: class()\ndoes: y\n")) == []


def test_names_that_a_person_wrote_are_found_in_their_words() -> None:
    words = "use `Unit Price`, order_id and maxRows of the table, not the e-mail"
    assert verbatim(words) == ["Unit Price", "order_id", "maxRows"]


def test_a_specification_that_loses_a_name_is_asked_for_again(tmp_path: Path) -> None:
    kept = SPEC.replace("quantity", "unit_price")
    home = session(tmp_path, SPEC, kept, fenced(TOP))
    write(home.agent("sales"), "top_sellers", "the largest by unit_price")
    assert "It leaves out unit_price: keep that name." in home.provider.prompts[1].user
    assert home.provider.prompts[1].temperature > home.provider.prompts[0].temperature
    assert "unit_price" in ar.versions(home.agent("sales").top_sellers)[0].spec


def test_code_in_the_place_of_a_specification_is_sent_back(tmp_path: Path) -> None:
    home = session(tmp_path, fenced(TOP), SPEC, fenced(TOP))
    write(home.agent("sales"), "top_sellers", "the best")
    assert "It is code: say it in words." in home.provider.prompts[1].user


def test_the_writer_and_the_reviewer_read_the_specification(tmp_path: Path) -> None:
    home = session(tmp_path, SPEC, fenced(TOP), review=Person("accept"))
    write(home.agent("sales"), "top_sellers", "the best")
    assert "ties by name" in home.provider.prompts[1].user
    assert "the best" in home.provider.prompts[1].user
    code = home.reviewer.seen[0].code.source
    assert "edge cases: ties by name" in (ast.get_docstring(ast.parse(code).body[0]) or "")


def test_both_stages_begin_with_the_same_text(tmp_path: Path) -> None:
    home = session(tmp_path, SPEC, fenced(TOP))
    write(home.agent("sales", rows=[1, 2]), "top_sellers", "the best")
    assert home.provider.prompts[0].system == home.provider.prompts[1].system


@pytest.mark.parametrize(("shape", "calls"), [("auto", 1), ("always", 2), ("never", 1)])
def test_a_call_by_name_is_specified_only_when_a_person_wants_it(tmp_path: Path, shape: str, calls: int) -> None:
    home = session(tmp_path, *[SPEC] * (calls - 1), fenced(TOP), shape=shape)
    assert home.agent("sales").top_sellers(n=1) == ["pear"]
    assert asked(home) == calls


def test_never_means_that_words_go_straight_to_code(tmp_path: Path) -> None:
    home = session(tmp_path, fenced(TOP), shape="never")
    write(home.agent("sales"), "top_sellers", "the best")
    assert (asked(home), ar.versions(home.agent("sales").top_sellers)[0].spec) == (1, "")


def test_words_that_nobody_can_specify_end_in_an_error_and_nothing_is_written(tmp_path: Path) -> None:
    home = session(tmp_path, *["", fenced(TOP), "  "], generation_retries=3)
    with pytest.raises(InvalidCode, match="other words"):
        write(home.agent("sales"), "top_sellers", "the best")
    assert home.agent("sales").top_sellers.__doc__ == "sales.top_sellers is not written yet: calling it writes it."


@pytest.mark.parametrize(
    "source",
    [
        "def f(self):\n    return 1\n",
        'def f(self):\n    """Old."""\n    return 1\n',
        'def f(self):\n    """Old,\n    on two lines.\n    """\n    return 1\n',
        "import re\n\n\ndef _g():\n    return 1\n\n\ndef f(self):\n    # why\n    return _g()\n",
    ],
)
@pytest.mark.parametrize("text", ["one line", 'quotes """ and \\n in it', "steps: a\nedge cases: b" + " long" * 60])
def test_a_specification_becomes_the_docstring(source: str, text: str) -> None:
    made = documented(source, "f", text)
    found = next(n for n in ast.parse(made).body if isinstance(n, ast.FunctionDef) and n.name == "f")
    said = ast.get_docstring(found) or ""
    assert said.split() == text.replace('"""', "'''").split()
    assert max(map(len, made.splitlines())) <= 120
    assert isinstance(found.body[-1], ast.Return)
