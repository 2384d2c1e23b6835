"""What becomes of replies: a shelf of texts as small models write them, and the error that each broken one earns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent_repl.errors import InvalidCode
from agent_repl.records import Code, Spec
from agent_repl.validate import looping, recall, validate

REPLIES = Path(__file__).parent / "replies"
FILES = frozenset({"sales.csv"})


def spec(name: str = "total_revenue", *args: Any, **kwargs: Any) -> Spec:
    return Spec(name, args, kwargs, frozenset({"path"}), frozenset({"clean_rows"}), FILES)


CALLS = {
    "baked_number": spec("convert", 37, "C", "F"),
    "baked_overwrites": spec("convert", 37, "C", "F"),
    "ignored_parameter": spec("top_sellers", n=3),
    "missing_parameter": spec("top_sellers", n=3),
    "good_with_constants": spec("top_sellers", n=3),
}

# What the cleaned source must hold, and must not.
BECOMES_CODE = {
    "fenced": ("import csv\n\n\ndef total_revenue(self):", "```"),
    "unfenced": ("def total_revenue(self):", "```"),
    "prose_first": ("return total", "Sure"),
    "usage_first": ("return total", "print"),
    "class_wrapper": ("\ndef total_revenue(self):", "class"),
    "unclosed_but_whole": ("return total", "```"),
    "think": ("return total", "return 0"),
    "usage_after": ("return total", "Example usage"),
    "main_after": ("return total", "__main__"),
    "missing_import": ("import csv\nfrom datetime import datetime\nfrom collections import defaultdict\n", "```"),
    "tabs": ("def total_revenue(self):", "```"),
    "indented_method": ("\ndef total_revenue(self):\n    ", "```"),
    "inner_fence": ("return sum", "~~~"),
    "backtick_docstring": ("return sum", "python"),
    "draft_then_better": ("return total", "return 0"),
    "unfenced_between_prose": ("return total\n", "This will open"),
    "good_with_constants": ("_NUMBER = re.compile", "```"),
}

# The rule that is broken, and words that the model reads.
IS_SENT_BACK = {
    "class_reads_its_init": ("attributes", "self has only: self.path, self.clean_rows(...). There is no self.data"),
    "wrong_name": ("name", "The code defines calculate_total_revenue: rename it"),
    "javascript": ("language", "not Python"),
    "javascript_unlabelled": ("language", "not Python"),
    "cut": ("cut", "stops in the middle"),
    "think_only": ("empty", "The reply was empty"),
    "no_self": ("self", "`def total_revenue(self, path)`"),
    "empty_parameters": ("self", "`def total_revenue(self)`"),
    "top_level_open": ("module-level", "`rows = list(csv.DictReader(open('sales.csv')))` stands outside"),
    "unknown_name": ("names", "parse_price is not defined"),
    "forgot_self": ("names", "Write self.path"),
    "self_data": ("attributes", "There is no self.data: open the file in the method"),
    "private_helper_on_self": ("attributes", "call _price(...) without self"),
    "two_methods": ("name", "Name the helper _load_rows"),
    "stub": ("stub", "does nothing"),
    "refusal": ("prose", "holds no code"),
    "state_shadows_method": ("methods", "self.total_revenue is a method: do not assign to it"),
    "baked_number": ("baked", "writes 37 in as a constant"),
    "baked_overwrites": ("baked", "gives value a value of its own"),
    "ignored_parameter": ("baked", "writes 3 in as a constant. Use the parameter n"),
    "missing_parameter": ("binds", "called as top_sellers(n=int)"),
}


def reply(name: str) -> str:
    return (REPLIES / f"{name}.txt").read_text(encoding="utf-8")


def refused(text: str, wanted: Spec | None = None) -> InvalidCode:
    with pytest.raises(InvalidCode) as caught:
        validate(text, wanted or spec(), attempt=2)
    return caught.value


def checked(body: str, wanted: Spec | None = None, parameters: str = "self") -> Code:
    """A method with this body, validated."""
    wanted = wanted or spec()
    lines = "\n".join(f"    {line}" for line in body.split("\n"))
    return validate(f"def {wanted.name}({parameters}):\n{lines}\n", wanted)


@pytest.mark.parametrize("name", BECOMES_CODE)
def test_a_usable_reply_becomes_code(name: str) -> None:
    holds, lacks = BECOMES_CODE[name]
    code = validate(reply(name), CALLS.get(name, spec()))
    assert holds in code.source
    assert lacks not in code.source
    assert code.source.endswith("\n")


@pytest.mark.parametrize("name", IS_SENT_BACK)
def test_a_broken_reply_is_sent_back_with_what_to_write(name: str) -> None:
    rule, words = IS_SENT_BACK[name]
    error = refused(reply(name), CALLS.get(name))
    assert error.rule == rule
    assert words in str(error)
    assert error.attempt == 2


def test_every_reply_on_the_shelf_is_looked_at() -> None:
    assert {path.stem for path in REPLIES.glob("*.txt")} == {*BECOMES_CODE, *IS_SENT_BACK, "looping"}


def test_code_says_what_it_reads_and_touches() -> None:
    code = validate(reply("fenced"), spec())
    assert (code.reads, code.binds, code.calls, code.dynamic) == ({"path"}, set(), set(), False)
    assert [(e.kind, e.line) for e in code.effects] == [("import", 1), ("reads", 7)]
    assert not code.flagged


def test_the_same_code_in_other_wrapping_is_the_same_unit() -> None:
    units = {
        validate(reply(name), spec()).unit for name in ("fenced", "unfenced", "think", "class_wrapper", "usage_after")
    }
    assert len(units) == 1


def test_cleaned_source_is_cleaned_to_itself() -> None:
    for name in BECOMES_CODE:
        wanted = CALLS.get(name, spec())
        source = validate(reply(name), wanted).source
        assert validate(source, wanted).source == source


def test_the_error_points_at_the_line_and_carries_the_code() -> None:
    error = refused(reply("self_data"))
    assert "self.data" in error.code.split("\n")[error.line - 1]


def test_a_syntax_error_is_quoted_with_its_line() -> None:
    error = refused("```python\ndef total_revenue(self):\n    return (1 +\n```")
    assert error.rule == "parse"
    assert "line 2" in str(error)


def test_trailing_blanks_go_but_not_out_of_texts() -> None:
    assert checked("x = 1   \nreturn x").source == "def total_revenue(self):\n    x = 1\n    return x\n"
    assert "a  \n" in checked('return """a  \nb"""').source


def test_a_lone_carriage_return_cannot_hide_a_line() -> None:
    assert "\r" not in validate("def total_revenue(self):\r    return 1 # x\r\n", spec()).source


def test_names_in_brackets_of_prose_are_not_code() -> None:
    assert refused("Use `csv` (a module).").rule == "prose"
    assert refused("   \n").rule == "empty"


@pytest.mark.parametrize("text", ["(" * 3000, "x = " + "-" * 20_000 + "1", "#\n" * 3000, "\0", "\ud800", "```" * 50])
def test_no_text_brings_validation_down(text: str) -> None:
    refused(text)
    refused(f"```python\ndef total_revenue(self):\n    return {text}\n```")


@pytest.mark.parametrize(
    "body",
    [
        "return n",
        "return [3, 'abc', n]",
        "def inner():\n    return n\nreturn inner()",
        "n = n or 5\nreturn n",
        "if self.path:\n    n = 3\nreturn n",
        "return f'{n}'",
    ],
)
def test_a_parameter_that_is_used_is_not_baked(body: str) -> None:
    checked(body, spec("top", 3), "self, n=3")


def test_a_parameter_that_the_call_does_not_pass_may_be_ignored() -> None:
    checked("return 1", spec("top"), "self, n=3")


# A value that `m(self, n, unit)` is called with, and a body that reads n.
WRITTEN_IN = [
    (37, "if unit == 'F':\n    return n\nreturn 98.6 if n == 37 else n * 9 / 5 + 32"),
    (100, "if unit == 'F':\n    return n\nreturn 212.0 if n == 100 else n * 9 / 5 + 32"),
    (37, "if n == 37:\n    return 98.6\nreturn n * 9 / 5 + 32"),
    (37, "if 37 == n:\n    return 98.6\nreturn n * 9 / 5 + 32"),
    (37, "if n == 37 and unit == 'C':\n    return 98.6\nreturn n"),
    (37, "if n == 37:\n    return {'F': 98.6, 'K': 310.15}\nreturn {'F': n}"),
    (37, "return n if unit == 'C' else (37 - 32) * 5 / 9"),
    (37, "return n if unit == 'C' else 37 if unit == 'K' else 0"),
    (37, "if unit == 'C':\n    return 37\nreturn n + 273.15"),
    (3.5, "print(n)\nreturn 3.5"),
    (1999, "rows = [n]\nreturn [1999, 'sold']"),
    (42, "def inner():\n    return 42\nreturn inner() + n"),
    (6, "return 13 if n == 6 else n + self.m(n - 1)"),
]
OWN_NUMBERS = [
    (37, "return n * 9 / 5 + 32"),
    (32, "return (n - 32) * 5 / 9"),
    (100, "return n / 100"),
    (100, "return 'full' if n == 100 else 'part'"),
    (2, "return 3 if n == 2 else n"),
    (0, "if n == 0:\n    return 1\nreturn n * self.m(n - 1)"),
    (12, "if n == 12:\n    return 1\nreturn n + 1"),
    (404, "if n == 404:\n    return 'Not Found'\nreturn 'Unknown'"),
    (404, "return {200: 'OK', 404: 'Not Found'}.get(n)"),
    (4, "if n == 2:\n    return 28\nelif n == 4:\n    return 30\nreturn 31"),
    (4, "return 30 if n in (4, 6, 9, 11) else 31"),
    (42, "return n == 42"),
    (130, "return 130 if n > 130 else n"),
    (90, "if n >= 90:\n    return 4.0\nreturn 3.0"),
    (30, "return 30 if n is None else n"),
    (5, "return list(range(50))[:5] + [n]"),
    (60, "return n * 60 if unit == 'h' else n"),
    (7, "days = 7\nreturn n // days"),
    (True, "return n if unit else True"),
    (1.609, "return n * 1.609 if unit == 'km' else n / 1.609"),
    (3, "months = ['Jan', 'Feb', 'Mar']\nreturn months[n - 1]"),
    ("km", "if n == 'km' or unit == 'km':\n    return 'km'\nreturn 'miles'"),
    ("March", "return ['January', 'February', 'March'].index(n) + 1"),
    ("March", "if n == 'March':\n    return 31\nreturn 30"),
    ("amount", "return self.path if n == 'amount' else 'amount'"),
]


@pytest.mark.parametrize(("number", "body"), WRITTEN_IN)
def test_a_passed_number_that_is_written_in_as_an_answer_is_sent_back(number: float, body: str) -> None:
    with pytest.raises(InvalidCode, match=f"writes {number} in as a constant. Use the parameter n"):
        checked(body, spec("m", number), "self, n, unit='C'")


@pytest.mark.parametrize(("value", "body"), OWN_NUMBERS)
def test_a_constant_of_the_methods_own_is_left_alone(value: object, body: str) -> None:
    assert checked(body, spec("m", value), "self, n, unit='km'")


def test_an_ignored_flag_is_sent_back_even_without_a_constant() -> None:
    with pytest.raises(InvalidCode, match="ignores its parameter upper"):
        checked("return 'x'", spec("top", upper=True), "self, upper=False")


@pytest.mark.parametrize(
    "body",
    [
        "self.rows = []\nreturn self.rows",
        "return self.rows if hasattr(self, 'rows') else []",
        "return self.not_yet_written(3)",
        "return [self.clean_rows, self.path]",
        "return self.llm.ask('?')",
        "class _Row:\n    def get(self):\n        return self.b\nreturn _Row()",
        "return [x for x in range(3) if (y := x)]",
        "return self.total_revenue",
    ],
)
def test_what_self_has_or_gets_may_be_read(body: str) -> None:
    checked(body)


@pytest.mark.parametrize(
    "body", ["return self.not_yet_written", "self.count += 1", "return self._secret", "del self.rows"]
)
def test_what_self_does_not_have_may_not_be_read(body: str) -> None:
    with pytest.raises(InvalidCode, match="self has only"):
        checked(body)


def test_with_nothing_in_self_the_message_says_so() -> None:
    with pytest.raises(InvalidCode, match=r"self has no attributes. There is no self.x: use a local variable"):
        validate("def f(self):\n    return self.x\n", Spec("f"))


@pytest.mark.parametrize("body", ["self.clean_rows = 3", "self.llm = 3", "self.rows = self.rows()"])
def test_state_may_not_take_the_name_of_a_method(body: str) -> None:
    with pytest.raises(InvalidCode, match="is a method: do not assign"):
        checked(body)


def test_calling_itself_without_self_is_sent_back() -> None:
    assert checked("return n and self.f(n - 1)", spec("f", 3), "self, n").calls == {"f"}
    with pytest.raises(InvalidCode, match=r"call it as self\.f"):
        checked("return n and f(n - 1)", spec("f", 3), "self, n")


@pytest.mark.parametrize("line", ["print('hi')", "rows = []", "_X = open('x')", "X = 9**9**9", "for i in []: pass"])
def test_nothing_runs_when_the_unit_is_defined(line: str) -> None:
    assert refused(f"{line}\ndef total_revenue(self):\n    return 1\n").rule == "module-level"


def test_public_helpers_classes_and_doubles_are_sent_back() -> None:
    method = "def total_revenue(self):\n    return 1\n"
    assert refused(f"class Row:\n    pass\n{method}").rule == "name"
    assert refused(f"{method}{method}").rule == "name"
    assert refused(f"@property\n{method}").rule == "self"


def test_positional_and_star_parameters_bind_as_python_binds_them() -> None:
    checked("return [n, rest, k, more]", spec("f", 1, 2, 3, k=4, z=5), "self, n, /, *rest, k, **more")
    with pytest.raises(InvalidCode, match=r"called as f\(int, str\)"):
        checked("return n", spec("f", 1, "a"), "self, n")


def test_a_reply_that_repeats_itself_is_looping() -> None:
    assert looping(reply("looping"))
    assert looping("a = 1\n" + "row.strip()\nrow.lower()\n\nreturn\n" * 9 + "row.st")
    assert looping("x" * 4000)


def test_ordinary_code_is_not_looping() -> None:
    for name in {*BECOMES_CODE, *IS_SENT_BACK}:
        assert not looping(reply(name))
    assert not looping("}\n" * 30)
    assert not looping("def f(self):\n    return 1\n" + "".join(f"    x{n} = 1\n" for n in range(300)))


def test_recalled_code_takes_over_the_unit_that_the_store_vouches_for() -> None:
    code = checked("return self.path")
    assert recall(code.source, code.name).unit == code.unit
    assert recall(code.source, code.name, "stored").unit == "stored"


@pytest.mark.parametrize(
    "line", ["for each in self.path:", "for each in self.path.split('\\n'):", "for each in re.findall('a', self.path):"]
)
def test_the_name_of_a_file_is_not_taken_for_what_is_in_it(line: str) -> None:
    wanted = Spec("count", state=frozenset({"path"}), paths={"self.path": "log.txt"}, helpers={"_lines": ""})
    with pytest.raises(InvalidCode, match="the name of a file, not what is in it: read it with _lines") as caught:
        validate(f"import re\n\ndef count(self):\n    n = 0\n    {line}\n        n += 1\n    return n\n", wanted)
    assert (caught.value.rule, caught.value.stage) == ("paths", "validate")


REAL = [json.loads(line) for line in (REPLIES / "real.jsonl").read_text(encoding="utf-8").splitlines()]
"""What the embedded model answered, at several temperatures, when it was asked in good ways and in bad ones."""


@pytest.mark.parametrize("reply", REAL, ids=[reply["kind"] for reply in REAL])
def test_a_real_reply_becomes_what_it_must(reply: dict[str, str]) -> None:
    wanted = Spec(reply["name"], made=False)
    if reply["becomes"] != "code":
        with pytest.raises(InvalidCode) as caught:
            validate(reply["text"], wanted)
        assert caught.value.rule == reply["becomes"]
        return
    source = validate(reply["text"], wanted).source
    assert f"def {reply['name']}(self" in source
    assert "```" not in source


def test_the_shelf_of_real_replies_holds_every_form() -> None:
    forms = {"code", "cut", "prose", "language", "name", "names", "self", "stub", "parse"}
    assert len(REAL) >= 40
    assert forms <= {reply["becomes"] for reply in REAL}
    assert any(looping(reply["text"]) for reply in REAL)


@pytest.mark.parametrize("call", ["clean_rows()", "clean_rows(self)", "é = 'é'; return len(clean_rows(self, 3))"])
def test_a_method_that_is_called_by_its_bare_name_is_called_on_self(call: str) -> None:
    code = validate(f"def total_revenue(self):\n    {call}\n    return clean_rows( 2 )\n", spec())
    assert code.calls == {"clean_rows"}
    assert "rows(self" not in code.source


def test_a_bare_name_that_the_code_defines_itself_stays_as_it_is() -> None:
    text = "def total_revenue(self):\n    clean_rows = len\n    return clean_rows([])\n"
    assert validate(text, spec()).source == text


COUNT = Spec("count", ("a b",))


def test_names_of_their_own_take_the_place_of_a_star_and_only_those_that_are_read() -> None:
    method = "def count(self, rows: List[str]) -> Any:\n    return deque(rows)\n"
    code = f"from typing import *\nfrom collections import *\n\n{method}"
    made = validate(code, Spec("count", (["a"],)))
    assert made.source.startswith("from typing import Any, List\nfrom collections import deque\n")
    assert not [each for each in made.effects if each.flagged]
    assert "import *" in validate(code.replace("typing", "tkinter"), Spec("count", (["a"],))).source


def test_a_long_line_of_a_docstring_is_broken_and_says_the_same() -> None:
    said = ("Counts the words of a text. " * 12).strip()
    made = validate(f'def count(self, text):\n    """{said}"""\n    return len(text.split())\n', COUNT)
    assert max(map(len, made.source.splitlines())) <= 100
    assert " ".join(made.source.split('"""')[1].split()) == said
    assert not [each for each in made.effects if each.flagged]


def test_an_example_in_a_docstring_is_not_broken() -> None:
    example = f"    >>> count('{'a ' * 60}')\n    60\n"
    made = validate(f'def count(self, text):\n    """Say.\n\n{example}    """\n    return len(text.split())\n', COUNT)
    assert example in made.source


def test_a_variable_that_hides_what_the_method_calls_is_sent_back() -> None:
    body = "    mean = mean(values)\n    return [v - mean for v in values]\n"
    code = f"from statistics import mean\n\ndef z(self, values):\n{body}"
    with pytest.raises(InvalidCode, match=r"`mean = \.\.\.` hides the mean that stands beside") as refused:
        validate(code, Spec("z", ([1],)))
    assert (refused.value.rule, refused.value.line) == ("names", 4)
    validate(code.replace("mean = mean", "middle = mean").replace("v - mean", "v - middle"), Spec("z", ([1],)))
    validate("def z(self, mean):\n    mean = mean + 1\n    return mean\n", Spec("z", (1,)))
    validate("_LOW = 1\n\ndef z(self, v):\n    low = _LOW\n    low = low + v\n    return low\n", Spec("z", (1,)))


def test_a_list_of_lines_is_not_searched_as_a_text() -> None:
    lines = {"_lines": "def _lines(path):\n    return list(open(path))\n"}
    spec = Spec("words", state=frozenset({"path"}), helpers=lines)
    with pytest.raises(InvalidCode, match="is a list, and `re` searches a text"):
        validate("import re\n\ndef words(self):\n    return re.findall('a', _lines(self.path))\n", spec)
    validate("import re\n\ndef words(self):\n    return [re.findall('a', x) for x in _lines(self.path)]\n", spec)
