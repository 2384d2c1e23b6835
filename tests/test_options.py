"""Options: what code compares with constants is part of what a call is."""

import ast
import enum
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit import Person, session

import agent_repl
from agent_repl import CacheMiss
from agent_repl.records import Premise
from agent_repl.signature import signature
from agent_repl.signature.guards import binder, differences
from agent_repl.signature.options import signer
from agent_repl_code.flow import options


def said(source, **values):
    """The signatures of these values by the options of `m`, those of unknown names left out."""
    found = options(ast.parse(textwrap.dedent(source)), "m")
    return [signer(found[name])(value) for name, value in values.items() if name in found]


def same(source, first, second, name="u"):
    found = options(ast.parse(textwrap.dedent(source)), "m")
    if name not in found:
        return True
    say = signer(found[name])
    return say(first) == say(second)


def method(body, parameters="u, v=0"):
    return f"def m(self, {parameters}):\n" + textwrap.indent(textwrap.dedent(body).strip(), "    ") + "\n"


FACTORS = "FACTORS = {'km': 1000.0, 'm': 1.0}\n"
EACH_UNIT = {
    "==": "return v if u == 'km' else -v",
    "!=": "return v if u != 'km' else -v",
    "turned round": "return v if 'km' == u else -v",
    "in a tuple": "return v if u in ('km', 'mile') else -v",
    "not in a set": "return v if u not in {'km', 'mile'} else -v",
    "is": "return v if u is 'km' else -v",
    "match": "match u:\n    case 'km' | 'kilometre': return v\n    case _: return -v",
    "a local dict": "return v * {'km': 1000.0, 'm': 1.0}[u]",
    "a local name of a dict": "known = {'km': 1000.0, 'm': 1.0}\nreturn v * known.get(u, 0)",
    "startswith": "return v if u.startswith('km') else -v",
    "an early return": "if u == 'km':\n    return v\nreturn -v",
    "another name": "unit = u\nreturn v if unit == 'km' else -v",
    "a walrus": "return v if (unit := u) == 'km' else -v",
    "a nested function": "def inner():\n    return u == 'km'\nreturn inner()",
    "a nested function that is handed on": "def inner(w):\n    return u == 'km'\nreturn list(filter(inner, [v]))",
    "a lambda": "return [w for w in filter(lambda w: u == 'km', [v])]",
    "a comprehension": "return [w for w in [v] if u == 'km']",
    "a while": "while u == 'km':\n    return v\nreturn -v",
    "and": "return v and u == 'km'",
    "try": "try:\n    return {'km': 1}[u]\nexcept KeyError:\n    return v",
    "a pair": "return v if (v, u) == (1, 'km') else -v",
    "a pair with a name": "pair = (v, u)\nreturn v if pair == (1, 'km') else -v",
    "a pair as a key": "return {('km', 'm'): 1}.get((u, 'm'), 0)",
    "two keys": "return {'km': {'m': 1}, 'm': {}}[u].get('m')",
    "a made key": "return {'km_m': 1000}.get(f'{u}_m', v)",
    "a constant of the loop": "for name in ('km', 'm'):\n    if name == u:\n        return name",
    "items": "for name, by in {'km': 1}.items():\n    if name == u:\n        return by",
    "a chain": "return v == u == 'km'",
    "str": "return v if str(u) == 'km' else -v",
    "getattr": "return v if getattr(self, 'v', u) == 'km' else -v",
    "state in between": "self.last = u\nreturn v if self.last == 'km' else -v",
    "a list of names": "a, b = u, v\nreturn v if a == 'km' else -v",
    "names that change places": "a, b = v, u\na, b = b, a\nreturn v if a == 'km' else -v",
    "a starred pair": "a, *b = [u, v]\nreturn v if a == 'km' else -v",
    "a name in one branch": "unit = ''\nif v:\n    unit = u\nelse:\n    unit = 'm'\nreturn v if unit == 'km' else -v",
    "the next round": "last = ''\nfor _ in 'ab':\n    if last == 'km':\n        return v\n    last = u\nreturn -v",
    "plus": "u += 's'\nreturn v if u == 'kms' else -v",
}


@pytest.mark.parametrize("way", EACH_UNIT)
def test_a_text_is_the_constant_that_it_is_compared_with_or_other(way):
    source = method(EACH_UNIT[way])
    assert not same(source, "km", "parsec")
    assert same(source, "furlong", "parsec")


HELPED = {
    "by place": ("def _far(x, unit):\n    return unit == 'km'\n", "return _far(v, u)"),
    "by name": ("def _far(x, *, unit):\n    return unit == 'km'\n", "return _far(v, unit=u)"),
    "by star": ("def _far(x, unit):\n    return unit == 'km'\n", "return _far(*(v, u))"),
    "among stars": ("def _far(*all):\n    return all[1] == 'km'\n", "return _far(v, u)"),
    "what a helper returns": ("def _clean(unit):\n    return unit.strip()\n", "return _clean(u) == 'km'"),
    "two helpers": ("def _a(x):\n    return _b(x)\ndef _b(y):\n    return y == 'km'\n", "return _a(u)"),
    "a default": ("def _far(unit, known=('km',)):\n    return unit in known\n", "return _far(u)"),
    "a helper that calls itself": ("def _f(x, n):\n    return x == 'km' or _f(x[1:], n)\n", "return _f(u, v)"),
    "what it hands to itself": ("def _f(x, y):\n    return y == 'km' or _f(x, x)\n", "return _f(u, '')"),
    "a dict of the module": (FACTORS, "return v * FACTORS[u]"),
    "a tuple of the module": ("LONG = ('km', 'mile')\n", "return v if u in LONG else -v"),
    "a constant of the module": ("LONG = 'km'\n", "return v if u == LONG else -v"),
}


@pytest.mark.parametrize("way", HELPED)
def test_a_text_is_followed_into_helpers_and_constants_of_the_module(way):
    before, body = HELPED[way]
    assert not same(before + method(body), "km", "parsec")
    assert same(before + method(body), "furlong", "parsec")


FOLDED = [
    "u = u.strip().lower()\nreturn v if u == 'km' else -v",
    "return v if u.lower().strip() in ('km',) else -v",
    "unit = u.casefold().strip()\nreturn {'km': 1}.get(unit, v)",
    "return {k.lower(): 1 for k in ('KM', 'M')}[u.strip().lower()]",
    "match u.strip().lower():\n    case 'km': return v\nreturn -v",
]


@pytest.mark.parametrize("body", FOLDED)
def test_a_text_is_compared_as_the_code_compares_it(body):
    assert same(method(body), "km", " KM ")
    assert not same(method(body), "KM", "Mile")
    assert not same(method("return v if u == 'km' else -v"), "km", "KM")


WHERE = {
    "split": "column, op, value = u.split()\nif op == '>':\n    return 1\nif op == '==':\n    return 2\nreturn 3",
    "split with a limit": "parts = u.split(maxsplit=2)\nreturn {'>': 1, '==': 2}[parts[1]]",
    "a regular expression": "import re\ncolumn, op, value = re.match(r'(\\w+) (\\S+) (.*)', u).groups()\n"
    "return {'>': 1, '==': 2}[op]",
    "a loop": "for op in ('==', '>'):\n    if op in u:\n        return u.split(op)",
    "a dict of functions": "import operator\nops = {'>': operator.gt, '==': operator.eq}\n"
    "for op, f in ops.items():\n    if op in u:\n        return f",
    "letters": "for letter in u:\n    if letter in '>=':\n        return letter",
    "pieces in small letters": "return [w for w in u.split() if w.lower() in ('rome', 'oslo')]",
    "partition": "if u.partition('>')[1] == '>':\n    return 1\nreturn 2 if u.find('==') > 0 else 0",
    "match": "match u.split():\n    case [column, '>', value]: return 1\n    case [column, '==', value]: return 2",
    "a helper": "def _parts(t):\n    return t.split(' ', 2)\na, op, b = _parts(u)\nreturn {'>': 1, '==': 2}.get(op)",
}


@pytest.mark.parametrize("way", WHERE)
def test_what_is_cut_out_of_a_text_counts_by_the_constants_in_it(way):
    assert same(method(WHERE[way]), "age > 30", "age > 40")
    assert not same(method(WHERE[way]), "age > 30", "city == Rome")


def test_a_text_that_is_cut_up_is_told_by_its_pieces():
    source = method("return v if 'km' in u.split(',') else -v")
    assert not same(source, "x,km", "xkm")
    assert same(source, "x,km", "km,y")


CONTAINED = [
    ("return v if u['unit'] == 'km' else -v", {"unit": "km"}, {"unit": "mile"}, {"unit": "parsec"}),
    ("return v if u.get('unit', 'm') == 'km' else -v", {"unit": "km"}, {"unit": "m"}, {"unit": "mile"}),
    ("return v if u['to'][0].strip() == 'km' else -v", {"to": ["km "]}, {"to": ["m"]}, {"to": [" mile"]}),
    ("return v if u[-1] == 'km' else -v", ("m", "km"), ("km", "m"), ("m", "m")),
    ("return v if 'km' in u else -v", ["m", "km"], ["xkm"], []),
    ("return v if 'km' in u else -v", {"km"}, {"m"}, {"mile"}),
    ("return v if u['loud'] else -v", {"loud": True}, {"loud": False}, {"loud": False}),
]


@pytest.mark.parametrize(("body", "met", "other", "another"), CONTAINED)
def test_a_small_container_is_told_by_what_is_compared_in_it(body, met, other, another):
    say = signer(options(ast.parse(method(body)), "m")["u"])
    classes = [say(value).removeprefix(signature(value)) for value in (met, other, another)]
    assert classes[0] != classes[1] == classes[2]


def test_what_a_loop_compares_and_what_is_large_is_data():
    source = method("return [w for w in u if w == 'km']")
    assert said(source, u=["km"]) == said(source, u=["mile"])
    source = method("return v if 'km' in u else -v")
    assert said(source, u=["km"] * 100) == ["list[str]"]


NOTHING = [
    "return v * 2",
    "return u is None",
    "return v > 3 or v == 4 or len(u) == 2",
    "return [row for row in open(u) if row == 'N/A']",
    "import csv\nwith open(u) as f:\n    return [row for row in csv.DictReader(f) if row['x'] == 'N/A']",
    "import pandas as pd\ndf = pd.read_csv('a')\nreturn [x for x in df.sort_values(u) if x == 'N/A']",
    "return u.upper() + 'km'",
    "return [row[u] for row in self.rows if row['x'] == '']",
    "return self.rows[u]",
    "return print('km', u, sep=' == ')",
]


@pytest.mark.parametrize("body", NOTHING)
def test_what_is_compared_with_nothing_has_no_options(body):
    assert set(options(ast.parse(method(body)), "m")) <= {"self.rows"}


def test_a_state_name_has_options_like_an_argument():
    source = method("unit = getattr(self, 'unit', 'km').lower()\nreturn v if unit == 'km' and self.loud else -v")
    assert said(source, **{"self.unit": "KM", "self.loud": True}) == ["str == 'km'", "bool == True"]


def test_a_state_name_is_followed_into_helpers():
    source = "def _far(agent, v):\n    return agent.unit == 'km'\n" + method("return _far(self, v)")
    assert said(source, **{"self.unit": "km"}) == ["str == 'km'"]


TRUTHS = [
    "if u:\n    return v",
    "return not u",
    "return v if u else 0",
    "return u and v",
    "return [1 for _ in 'a' if u]",
    "return u is True",
    "return u == False",
    "match u:\n    case True: return 1",
    "assert u",
    "while u: pass",
]


@pytest.mark.parametrize("body", TRUTHS)
def test_a_truth_that_is_asked_for_is_part_of_the_kind(body):
    assert said(method(body), u=True) == ["bool == True"]
    assert said(method(body), u=3) == ["int"]


def test_the_truth_of_a_text_is_no_option():
    assert same(method("return v if u else 0"), "", "x")


class Unit(enum.Enum):
    KM = "km"
    MILE = "mile"
    YARD = "yard"


def test_an_enum_member_is_the_one_that_it_is_compared_with_or_other():
    source = "from units import Unit\n" + method("return v if u == Unit.KM else -v")
    assert said(source, u=Unit.KM) == [f"{__name__}.Unit:enum == KM"]
    assert not same(source, Unit.KM, Unit.MILE)
    assert same(source, Unit.YARD, Unit.MILE)


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


def test_an_enum_member_that_is_a_number_too_is_a_member():
    source = method("return v if u is Level.LOW else -v")
    assert said(source, u=Level.LOW) == [f"{__name__}.Level:int == LOW"]
    assert said(source, u=Level.HIGH) == [f"{__name__}.Level:int == other"]


def test_an_enum_member_whose_value_is_compared_is_itself():
    source = method("return v if u.value == 'km' else -v")
    assert len({*map(signer(options(ast.parse(source), "m")["u"]), Unit)}) == 3


def test_nothing_of_an_enum_is_called():
    def refuse(*args):
        raise KeyboardInterrupt("the member was asked")

    loud = enum.Enum("Loud", {"A": 1})
    for name in ("__eq__", "__hash__", "__getattribute__", "__repr__", "__str__", "__format__"):
        setattr(loud, name, refuse)
    assert said(method("return v if u == Loud.A else -v"), u=type.__getattribute__(loud, "A"))[0].endswith("enum == A")


def test_the_words_of_a_class():
    source = method("op = u.split()[1]\nreturn op == '>' or u.endswith('30') or 'x' in v", "u, v")
    assert said(source, u="age > 30", v="ax") == ["str endswith '30' == '>'", "str has 'x'"]


def test_a_long_text_is_known_by_its_form_alone():
    assert said(method("return v if u == 'km' else -v"), u="word " * 300) == ["text"]


def test_code_that_calls_itself_in_two_ways_is_read_in_no_time():
    body = "return _f(x[1:], y) or _f(y, x[:1]) or _f(x.lower(), y.strip()) or x == 'km'"
    source = f"def _f(x, y):\n    {body}\n" + method("return _f(u, v)")
    assert not same(source, "km", "parsec")


# ── laws ──

UNITS = st.sampled_from(["km", "KM ", "mile", "m", "", "parsec"]) | st.text(max_size=5)
BODIES = st.sampled_from([*EACH_UNIT.values(), *FOLDED, *WHERE.values()])


@given(BODIES, UNITS)
def test_the_class_of_a_text_is_the_same_whatever_was_asked_before(body, text):
    found = options(ast.parse(method(body)), "m")
    say = signer(found["u"])
    for other in ("km", "parsec", text[::-1]):
        say(other)
    assert say(text) == signer(found["u"])(text)


COMPARED = {
    "u == 'km'": lambda u: u == "km",
    "u.strip().lower() in ('km', 'mile')": lambda u: u.strip().lower() in ("km", "mile"),
    "u.startswith('k') or u[-1:] == 'm'": lambda u: u.startswith("k") or u[-1:] == "m",
    "'km' in u.split(',')": lambda u: "km" in u.split(","),
    "{'km': 1, 'kmh': 2}.get(u[:3])": lambda u: {"km": 1, "kmh": 2}.get(u[:3]),
    "f'{u}_m' in ('km_m', 'mile_m')": lambda u: f"{u}_m" in ("km_m", "mile_m"),
    "'km' in u and u.replace('.', '') == 'km'": lambda u: "km" in u and u.replace(".", "") == "km",
}
LIKE = st.text(st.sampled_from("kmile h.KM"), max_size=5) | UNITS


@given(st.sampled_from(list(COMPARED)), LIKE, LIKE)
def test_texts_of_one_class_are_the_same_to_the_code(expression, first, second):
    if same(method(f"return {expression}"), first, second):
        assert COMPARED[expression](first) == COMPARED[expression](second)


PROGRAM = """
import ast
from agent_repl_code.flow import options
from agent_repl.signature.options import signer
source = '''
def m(self, u):
    a, b = u.lower().split(',')
    return a in {'x', 'y', 'z'} or 'q' in b or {'x': 1}[u]
'''
print(signer(options(ast.parse(source), "m")["u"])("x,qy"))
"""


def printed(seed):
    here = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(agent_repl.__file__).parents[1])}
    return subprocess.run([sys.executable, "-c", PROGRAM], env=here, text=True, capture_output=True, check=True).stdout


def test_the_class_is_the_same_in_every_process():
    assert printed("1") == printed("2") == "str == other == 'x' has 'q'\n"


class Called(BaseException):
    """What no rule that fails could hide."""


def refuse(*args):
    raise Called


@pytest.mark.parametrize("base", [object, str, int, list, dict])
def test_nothing_of_a_hostile_value_is_called(base):
    names = "__eq__ __hash__ __str__ __repr__ __bool__ __len__ __iter__ __getattribute__ __contains__ lower split"
    hostile = base.__new__(type("Hostile", (base,), dict.fromkeys(names.split(), refuse)))
    assert said(method("return u.lower() == 'km' or 'x' in u or not u"), u=hostile) == [signature(hostile)]
    held = {"a": hostile, "b": [hostile]}
    source = method("return u['a'].lower() == 'km' or 'x' in u['b'] or not u['a']")
    assert said(source, u=held)[0].startswith(signature(held))


def test_a_method_without_options_is_signed_as_before():
    def m(self, n, by=1):
        return n * by

    assert binder(m, signature, {}).__code__.co_code == binder(m, signature).__code__.co_code
    assert options(ast.parse(method("return u.strip() + v")), "m") == {}


def test_options_that_differ_are_said_in_words():
    source = method("return v if u == 'C' else -v")
    was, now = (signer(options(ast.parse(source), "m")["u"])(text) for text in ("C", "F"))
    assert differences([(Premise("u", was),)], [Premise("u", now)]) == ["u is other, was 'C'"]
    assert differences([(Premise("u", "int"),)], [Premise("u", was)]) == ["u is str == 'C', was int"]


# ── in a session ──

CONVERT = """
def convert(self, v, a, b):
    \"\"\"v in another unit.\"\"\"
    return v * 9 / 5 + 32 if (a, b) == ("C", "F") else (v - 32) * 5 / 9
"""


def test_degrees_do_not_answer_miles(tmp_path):
    home = session(tmp_path, CONVERT, CONVERT)
    agent = home.agent("converter")
    assert agent.convert(100, "C", "F") == 212
    home.mode = "cached"
    assert agent.convert(37, "C", "F") == pytest.approx(98.6)
    for pair in (("km", "miles"), ("F", "C"), ("C", "miles"), ("c", "f")):
        with pytest.raises(CacheMiss):
            agent.convert(5, *pair)


def test_a_state_that_is_compared_misses_when_it_becomes_another_option_also_below(tmp_path):
    above = "def above(self, v):\n    '''v, by far.'''\n    return self.far(v) + 1\n"
    far = "def far(self, v):\n    '''v in its unit.'''\n    return v * 1000 if self.unit == 'km' else v\n"
    home = session(tmp_path, above, far)
    agent = home.agent("distances", unit="km")
    assert agent.above(2) == 2001
    home.mode = "cached"
    assert agent.above(3) == 3001
    agent.unit = "mile"
    with pytest.raises(CacheMiss):
        agent.above(2)


def test_what_is_accepted_for_an_option_is_served_by_the_next_process(tmp_path):
    session(tmp_path, CONVERT).agent("converter").convert(100, "C", "F")
    agent = session(tmp_path, review="cached").agent("converter")
    assert agent.convert(0, "C", "F") == 32
    with pytest.raises(CacheMiss):
        agent.convert(0, "K", "F")


def test_a_person_is_told_which_option_is_new(tmp_path):
    person = Person("accept", "accept")
    agent = session(tmp_path, CONVERT, review=person).agent("converter")
    agent.convert(100, "C", "F")
    agent.convert(100, "F", "C")
    assert "a is 'F', was 'C'; b is 'C', was 'F'" in person.seen[1].reason


GREET = """
def greet(self, name, tone="formal"):
    \"\"\"Greet.\"\"\"
    return "Dear " + name if tone == "formal" else name
"""


def test_a_new_option_is_written_for_and_the_old_one_is_still_served(tmp_path):
    home = session(tmp_path, GREET, GREET.replace("else name", "else 'Hey ' + name if tone == 'casual' else name"))
    agent = home.agent("greeter")
    assert [agent.greet("Ann"), agent.greet("Ann", tone="casual")] == ["Dear Ann", "Hey Ann"]
    home.mode = "cached"
    assert agent.greet("Bob", "casual") == "Hey Bob"
