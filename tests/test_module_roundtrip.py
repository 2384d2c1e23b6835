"""Any methods at all go into a class file and come out of it as they were, also beside what a person wrote there."""

import ast
import asyncio
import inspect
import textwrap

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_repl import ModuleError
from agent_repl.modules import Part, load_class, placed, render
from agent_repl_code.page import Misfit, read
from agent_repl_code.unit import digest

FUTURE = "from __future__ import annotations\n\n"
few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
odd = st.text(
    st.sampled_from("ab{}'\"\\#\n\t\f\v\x1c\x85\u2028 éü漢\u202e\U0001f600\x00\r") | st.characters(codec="utf-8"),
    max_size=12,
)


@st.composite
def strings(draw):
    """A literal: as Python shows it, over several lines with whatever is in it, raw, or with values in it."""
    text = draw(odd)
    inner = text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "\\r").replace("\0", "\\0")
    braced = inner.replace("{", "{{").replace("}", "}}")
    return draw(
        st.sampled_from(
            [repr(text), f'"""{inner}"""', f'f"""{braced}{{n}}\n  {braced}"""', f'("""\n{inner}""" + \'x\\\ny\')']
        )
    )


@st.composite
def comments(draw):
    return "#" + "".join(c for c in draw(odd) if c.isprintable())


IMPORTS = [
    ("import math as tool", "tool.floor(2.5)"),
    ("import json as tool", "tool.dumps([2])"),
    ("import os.path", "os.path.basename('a/b')"),
    ("from functools import reduce", "reduce(lambda a, b: a + b, [1, 2])"),
    ("from math import prod as sum", "sum([3, 4])"),
    ("", "sum([3, 4])"),
    ("from collections import OrderedDict, Counter as tool", "sorted(tool('aab').items()), list(OrderedDict())"),
]
BODIES = {
    "plain": "{c}\nvalue = [n, {s}, _help(n), LIMIT, {i}]\nreturn value  {c}",
    "nested": "def outer(k):\n    def inner():\n        nonlocal k\n        k += 1  {c}\n        return k, LIMIT\n"
    "    return inner\nstep = outer(n)\n{c}\nreturn step(), step(), {s}, [_help(x) for x in range(2)], {i}",
    "generator": "for k in range(n):\n    {c}\n    yield k, _help(k)\nyield {s}, {i}",
    "async": "import asyncio\n{c}\nawait asyncio.sleep(0)\nreturn _help(n), {s}, {i}",
    "stream": "for k in range(n):\n    yield k, _help(k), {s}  {c}\n    {c}",
    "caught": "try:\n    1 / (n - n)\nexcept ZeroDivisionError as LIMIT:\n    return str(LIMIT), {s}, {i}\n{c}\n"
    "finally:\n    n = None",
    "boxed": "class Local:\n    kind = {s}\n    def get(self):\n        {c}\n        return self.kind, _Box(n).get()\n"
    "return Local().get(), {i}",
}


@st.composite
def parts(draw, name):
    """One unit: imports, constants, helpers and a method, of names that the others use for other things."""
    kind = draw(st.sampled_from(sorted(BODIES)))
    line, uses = draw(st.sampled_from(IMPORTS))
    body = BODIES[kind].format(c="%c", s="%s", i=uses)
    while "%c" in body or "%s" in body:
        body = body.replace("%c", draw(comments()), 1) if "%c" in body else body
        body = body.replace("%s", "\0", 1)  # strings come last: their lines are not indented
    doc = '"""Say.\n\n    More {}.\n"""\n'.format(draw(st.sampled_from(["", "words"]))) if draw(st.booleans()) else ""
    mark = "@_marked\n" if draw(st.booleans()) and kind in ("plain", "nested", "caught") else ""
    head = "async def" if kind in ("async", "stream") else "def"
    method = f"{mark}{head} {name}(self, n=LIMIT, *, more={draw(st.integers(0, 3))}):  {draw(comments())}\n"
    method += textwrap.indent(doc + body, "    ")
    while "\0" in method:
        method = method.replace("\0", draw(strings()), 1)
    by = draw(st.integers(1, 3))
    helpers = [
        f"{draw(comments())}\nLIMIT = {by}  {draw(comments())}",
        f"def _help(x, y=LIMIT):\n    {draw(comments())}\n    return x, y, _deep(x)",
        f"def _deep(x):\n    return {draw(strings())}.replace('{{n}}', ''), LIMIT".replace("{n}", "{x}"),
        f"class _Box:\n    def __init__(self, x):\n        self.x = x\n\n    def get(self):\n        return {by}",
        "def _marked(function):\n    def call(self, *args, **more):\n        return ['marked', function(self, *args)]\n"
        "    return call",
    ]
    future = FUTURE * draw(st.booleans())
    return Part(name, future + "\n\n".join([*([line] * bool(line)), *helpers, method]) + "\n")


@st.composite
def classes(draw):
    return [draw(parts(f"m{n}")) for n in range(draw(st.integers(1, 4)))]


def answer(function):
    value = function(None, 2)
    if inspect.isgenerator(value):
        return list(value)
    if inspect.isasyncgen(value):
        value = _listed(value)
    return asyncio.run(value) if inspect.iscoroutine(value) else value


async def _listed(stream):
    return [item async for item in stream]


def alone(part):
    space = {"__name__": "alone"}
    exec(compile(part.source, "alone", "exec", dont_inherit=True), space)
    return answer(space[part.name])


def rendered(made):
    """The text, and what of it could be rendered: two helpers of one name that cannot be told apart are refused."""
    try:
        return render("calc", "about", made, {}), made
    except ModuleError:
        return render("calc", "about", made[:1], {}), made[:1]


def loaded(path, text, tree=None):
    return load_class(path, text, "calc", "Calc", frozenset(), tree)


@few
@given(made=classes())
def test_methods_answer_the_same_in_a_class_file_and_out_of_it(tmp_path_factory, made):
    text, made = rendered(made)
    page, where = read(text, "Calc"), tmp_path_factory.getbasetemp() / "calc.py"
    whole, one = loaded(where, text), loaded(where, text, page.runnable([made[0].name]))
    assert answer(vars(one)[made[0].name]) == alone(made[0])
    assert [name for name in vars(one) if name[0] == "m"] == [made[0].name]
    for part in made:
        back = Part(part.name, page.source(part.name))
        assert answer(vars(whole)[part.name]) == alone(part) == alone(back)
        assert page.digests[part.name] == digest(ast.parse(part.source), part.name)
        assert placed(page, back) == text


@few
@given(made=classes(), note=comments())
def test_what_a_person_wrote_stays_and_unchanged_methods_keep_their_text(made, note):
    *first, last = made
    text, first = rendered(first or [Part("other", "def other(self):\n    return 1\n")])
    edited = "\n".join([note, text.replace("class Calc", note + "  \nclass Calc"), "", note])
    page = read(edited, "Calc")
    try:
        more = placed(page, last)
    except Misfit:
        assert "prod as sum" in edited  # the one thing that cannot be told apart: a built-in under an import's name
        return
    assert _is_within(edited.split("\n"), more.split("\n"))
    there = read(more, "Calc")
    assert there.digests == {**page.digests, last.name: digest(ast.parse(last.source), last.name)}
    for part in first:
        assert there.source(part.name).removeprefix(FUTURE) == page.source(part.name).removeprefix(FUTURE)
    assert _is_within(edited.split("\n"), there.without(last.name).split("\n"))
    other = Part(last.name, f"def {last.name}(self):\n    return 7\n")
    again = read(placed(there, other), "Calc")
    assert placed(again, last).count(f"def {last.name}(") == 1
    assert {n: d for n, d in again.digests.items() if n != last.name} == page.digests


def _is_within(some, lines):
    rest = iter(lines)
    return all(line in rest for line in some)
