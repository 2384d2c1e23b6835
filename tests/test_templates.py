"""The templates of the prompts: a person's own take the place of ours, one by one."""

from __future__ import annotations

from pathlib import Path

import pytest
from kit import fenced

import agent_repl as ar
from agent_repl.control import write
from agent_repl.prompts import Failure, Request, render

DOUBLE = fenced("def double(self, n):\n    return 2 * n\n")
SPEC = "method: double(n)\ndoes: twice n"
NAMES = ("system.jinja", "user.jinja", "shape_system.jinja", "shape_user.jinja")


def asked(tmp_path: Path, **templates: str) -> list[ar.Prompt]:
    """The prompts of a described method, with these templates in the place of ours."""
    folder = tmp_path / "templates"
    folder.mkdir()
    for name, text in templates.items():
        (folder / f"{name}.jinja").write_text(text, encoding="utf-8")
    provider = ar.ScriptedProvider([SPEC, DOUBLE])
    home = ar.open_session(tmp_path / "home", provider=provider, review="auto", template_directory=str(folder))
    write(home.agent("adder", n=3), "double", "twice the number")
    return provider.prompts


@pytest.mark.parametrize("name", NAMES)
def test_each_template_is_replaced_alone(tmp_path: Path, name: str) -> None:
    shaped, written = asked(tmp_path, **{name.removesuffix(".jinja"): "MINE for {{ label }}"})
    texts = dict(zip(NAMES, (written.system, written.user, shaped.system, shaped.user), strict=True))
    mine = {other for other, text in texts.items() if text == "MINE for adder\n"}
    assert mine == ({name, "shape_system.jinja"} if name == "system.jinja" else {name})


def test_what_a_template_leaves_out_or_invents_is_left_blank(tmp_path: Path) -> None:
    prompts = asked(tmp_path, user="Write {{ name }}.{{ nothing_of_ours }}")
    assert prompts[1].user == "Write double.\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [("fine\n{% if %}\n", "line 2"), ("a\nb\n{{ name.upper( }}", "line 3"), ("\n\n\n{{ 1 / 0 }}", "line 4: division")],
)
def test_a_broken_template_says_which_line_before_anything_is_paid(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ar.AgentError, match=rf"user\.jinja, {words}.*Mend this template"):
        asked(tmp_path, user=text)


def test_every_documented_variable_is_there() -> None:
    text = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    named = text.partition("<!-- variables -->")[2].partition("<!-- end -->")[0]
    documented = {part.split("`")[1] for part in named.splitlines() if part.startswith("| `")}
    given = {*Request.__dataclass_fields__, "failure", "words", "scope", "libraries"}
    assert documented <= given
    assert {"label", "identity", "state", "methods", "name", "parameters", "failure", "words", "spec"} <= documented


def test_a_third_try_is_asked_in_other_words() -> None:
    request = Request("adder", "adder", (), (), "", name="double")
    texts = {render(request, Failure("x", "no", tries=tries)).user for tries in (1, 2)}
    assert len(texts) == 2


def test_the_values_for_which_code_failed_stand_at_the_end_again() -> None:
    failure = Failure("def pack(self, text): ...", "it raised IndexError: out of range\nline 2: text[0]\ntext is ''")
    request = Request("packer", "Packs texts.", (), (), "", name="pack")
    asked = render(request, failure).user
    assert asked.index("It must work even where text is ''\n") > asked.index("Write the method `pack`")
    assert "even where" not in render(request, Failure("", "no code")).user
