"""What a unit does with self, and its hash: the same for what means the same, another for what does not."""

import ast
import re
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_repl_code.flow import facts
from agent_repl_code.unit import bindings, digest, global_names, reached


def tree(source):
    return ast.parse(textwrap.dedent(source))


def of(source, name="m"):
    found = facts(tree(source), name)
    return found.reads, found.binds, found.calls, found.dynamic


def method(body):
    return "def m(self, n=0):\n" + textwrap.indent(textwrap.dedent(body).strip(), "    ") + "\n"


# ── what is done with self ──

READS = {
    "return self.a": {"a"},
    "return self.a.b.c": {"a"},
    "return self.a[self.b]": {"a", "b"},
    "return getattr(self, 'a', 0)": {"a"},
    "return hasattr(self, 'a')": {"a"},
    "self.a += 1": {"a"},
    "self.a.append(self.b)": {"a", "b"},
    "self.a[0] = 1": {"a"},
    "del self.a[0]": {"a"},
    "return [self.a for _ in range(self.b)]": {"a", "b"},
    "return lambda: self.a": {"a"},
    "def inner():\n    return self.a\nreturn inner()": {"a"},
    "async def inner():\n    return self.a\nreturn inner": {"a"},
    "return f'{self.a:{self.b}}'": {"a", "b"},
    "with open(self.a) as f:\n    return f.read(self.b)": {"a", "b"},
    "for x in self.a:\n    yield x": {"a"},
    "return self.f(self.a, k=self.b)": {"a", "b"},
    "match self.a:\n    case self.b: return 1": {"a", "b"},
    "self.a = 1\nreturn self.a": set(),
    "self.a = self.a or 1\nreturn self.a": {"a"},
    "self.a: int = 1\nreturn self.a": set(),
    "self.a: int\nreturn self.a": {"a"},
    "self.a = self.b = 1\nreturn self.a + self.b": set(),
    "if n:\n    self.a = 1\nreturn self.a": {"a"},
    "for x in n:\n    self.a = 1\nreturn self.a": {"a"},
    "while n:\n    self.a = 1\nreturn self.a": {"a"},
    "try:\n    self.a = 1\nexcept OSError:\n    pass\nreturn self.a": {"a"},
    "with open(n) as f:\n    self.a = f.read()\nreturn self.a": set(),
    "def later():\n    self.a = 1\nreturn self.a": {"a"},
    "x = self.a\nself.a = 1\nreturn x": {"a"},
    "self.a += 1\nreturn self.a": {"a"},
    "self.a = 1\nself.a += 1": set(),
    "self.a, *self.b = n\nreturn self.a + self.b": set(),
    "if n:\n    return 1\nself.a = n\nreturn self.a": set(),
    "n and setattr(self, 'a', 1)\nreturn self.a": {"a"},
    "class Row:\n    def a(this):\n        return self.b\nreturn Row()": {"b"},
    "def inner(me):\n    return me.a\nreturn inner(self)": {"a"},
    "n and self.b\nself.a = n\nreturn self.a": {"b"},
    "return self": set(),
    "return other.a": set(),
    "return n.self.a": set(),
    "return 'self.a'": set(),
}


@pytest.mark.parametrize("body", READS)
def test_what_is_read(body):
    reads, _, _, dynamic = of(method(body))
    assert (set(reads), dynamic) == (READS[body], False)


BINDS = {
    "self.a = 1": {"a"},
    "self.a, self.b = n": {"a", "b"},
    "(self.a, [self.b, *self.c]) = n": {"a", "b", "c"},
    "self.a += 1": {"a"},
    "self.a: int = 1": {"a"},
    "del self.a": {"a"},
    "setattr(self, 'a', 1)": {"a"},
    "delattr(self, 'a')": {"a"},
    "for self.a in n: pass": {"a"},
    "with open(n) as self.a: pass": {"a"},
    "def inner():\n    self.a = 1\ninner()": {"a"},
    "self.a.b = 1": set(),
    "self.a[0] = 1": set(),
    "self.f()": set(),
}


@pytest.mark.parametrize("body", BINDS)
def test_what_is_bound(body):
    assert set(of(method(body))[1]) == BINDS[body]


CALLS = {
    "return self.f()": {"f"},
    "return self.f(self.g())": {"f", "g"},
    "return self.f().g()": {"f"},
    "return [self.f(x) for x in n]": {"f"},
    "return self.f": set(),
    "return self.a.f()": set(),
    "return map(self.f, n)": set(),
    "return self.llm.ask('x')": set(),
    "return self.getdoc()": set(),
}


@pytest.mark.parametrize("body", CALLS)
def test_what_is_called(body):
    assert set(of(method(body))[2]) == CALLS[body]


@pytest.mark.parametrize(
    "body",
    [
        "return vars(self)",
        "return self.__dict__",
        "return getattr(self, n)",
        "return getattr(self, 'a' + n)",
        "setattr(self, n, 1)",
        "return str(self)",
        "me = self\nreturn me.a",
        "return [self]",
        "return {'me': self}",
        "return n(self)",
        "return n.f(self)",
        "return (lambda x: x)(self)",
        "return sorted(n, key=self and len)",
        "yield self",
        "return print(*[self])",
        "return f'{self}'",
        "return unknown(me=self)",
        "self = n\nreturn self.a",
        "def inner(me=self):\n    return me\nreturn inner()",
        "def inner(*, x):\n    return x\nreturn inner(**n, y=self)",
        "readline = n\nreturn readline(self)",
    ],
)
def test_self_that_cannot_be_followed_is_dynamic(body):
    assert of(method(body))[3]


def test_helpers_that_get_self_are_followed_by_place_and_by_name():
    source = """
    def _one(agent, n):
        agent.a = 1
        return agent.b
    def _two(n, *, who):
        return who.c() or _one(who, n)
    def m(self, n):
        return _two(n, who=self)
    """
    assert of(source) == ({"b"}, {"a"}, {"c"}, False)


def test_a_helper_with_a_self_of_its_own_is_not_about_the_agent():
    source = (
        "def _made(n):\n    self = object()\n    self.a = n\n    return self.b\ndef m(self, n):\n    return _made(n)\n"
    )
    assert of(source) == (frozenset(), frozenset(), frozenset(), False)


def test_what_a_helper_may_leave_out_counts_as_read():
    fill = "def _fill(s, n):\n    if n:\n        return\n    s.a = 1\n"
    assert of(fill + "def m(self, n):\n    _fill(self, n)\n    return self.a\n")[0] == {"a"}


def test_helpers_that_do_not_get_self_matter_not():
    source = "def _one(agent):\n    return agent.a\ndef m(self, n):\n    return _one(n)\n"
    assert of(source) == (frozenset(), frozenset(), frozenset(), False)


def test_helpers_that_call_each_other_for_ever_end():
    source = "def _a(s):\n    return _b(s)\ndef _b(s):\n    return _a(s) or s.x\ndef m(self):\n    return _a(self)\n"
    assert of(source)[0] == {"x"}


def test_a_helper_that_takes_self_among_stars_is_dynamic():
    assert of("def _one(*agents):\n    return agents\ndef m(self):\n    return _one(self)\n")[3]


def test_a_helper_sets_a_name_before_the_method_reads_it_and_it_still_counts_as_read():
    source = "def _fill(s, n):\n    if n:\n        s.a = 1\ndef m(self, n):\n    _fill(self, n)\n    return self.a\n"
    assert of(source)[0] == {"a"}


# ── the hash ──

BASE = """
import math as mm
from os.path import join
import xml.dom

LIMIT = 3

def _twice(x, *, by=LIMIT):
    \"\"\"Twice.\"\"\"
    return x * by  # a comment

def m(self, n, path="a"):
    \"\"\"Do it.

    In two lines.
    \"\"\"
    total = [_twice(k) for k in range(n)]
    return mm.floor(sum(total)) + len(join(path, "b")) + LIMIT
"""

SAME = {
    "another helper name": lambda s: s.replace("_twice", "_double_it"),
    "another constant name": lambda s: s.replace("LIMIT", "BOUND"),
    "another module alias": lambda s: s.replace("mm", "math_module"),
    "no module alias": lambda s: s.replace("math as mm", "math").replace("mm.", "math."),
    "another name alias": lambda s: s.replace("import join", "import join as j").replace("join(", "j("),
    "no comments": lambda s: s.replace("  # a comment", ""),
    "more comments": lambda s: "# hello\n" + s.replace("total =", "# why\n    total ="),
    "more blank lines": lambda s: s.replace("\n    total", "\n\n\n    total"),
    "another order": lambda s: s.replace("LIMIT = 3\n", "", 1) + "\nLIMIT = 3\n",
    "unused imports": lambda s: "import json\n" + s,
    "unused helpers": lambda s: s + "\ndef _nobody():\n    return 1\n",
    "unused constants": lambda s: s + "\nOTHER = 4\n",
    "other quotes": lambda s: s.replace('"b"', "'b'"),
    "parentheses": lambda s: s.replace("return x * by", "return (x * by)"),
    "split imports": lambda s: s.replace("import math as mm", "import math as mm, json"),
    "indented docstring": lambda s: s.replace("    In two lines.\n    ", "        In two lines.\n        "),
    "string prefix": lambda s: s.replace('"b"', 'u"b"'),
}


@pytest.mark.parametrize("change", SAME)
def test_the_hash_does_not_change_with_what_does_not_matter(change):
    changed = SAME[change](BASE)
    assert changed != BASE
    assert digest(ast.parse(changed), "m") == digest(ast.parse(BASE), "m")


DIFFERENT = {
    "a number": lambda s: s.replace("LIMIT = 3", "LIMIT = 4"),
    "the type of a number": lambda s: s.replace("LIMIT = 3", "LIMIT = 3.0"),
    "a truth": lambda s: s.replace("LIMIT = 3", "LIMIT = True"),
    "a text": lambda s: s.replace('"b"', '"c"'),
    "bytes": lambda s: s.replace('"b"', 'b"b"'),
    "a default": lambda s: s.replace('path="a"', 'path="z"'),
    "no default": lambda s: s.replace(', path="a"', ", path"),
    "a parameter": lambda s: s.replace("n, path", "n, folder").replace("join(path", "join(folder"),
    "a keyword-only parameter": lambda s: s.replace("n, path", "n, *, path"),
    "a positional-only parameter": lambda s: s.replace("n, path", "n, /, path"),
    "a parameter of a helper": lambda s: s.replace("*, by=LIMIT", "by=LIMIT"),
    "another function": lambda s: s.replace("mm.floor", "mm.ceil"),
    "another module": lambda s: s.replace("import math as mm", "import cmath as mm"),
    "another origin": lambda s: s.replace("from os.path", "from posixpath"),
    "a shadowed import": lambda s: s.replace("total = [", "mm = n\n    total = ["),
    "an operator": lambda s: s.replace("x * by", "x + by"),
    "a docstring": lambda s: s.replace("Do it.", "Do that."),
    "an attribute": lambda s: s.replace("len(join", "self.len(join"),
    "a decorator": lambda s: s.replace("def _twice", "@staticmethod\ndef _twice"),
    "async": lambda s: s.replace("def m(", "async def m("),
    "a built-in instead of a helper": lambda s: s.replace("[_twice(k)", "[abs(k)"),
    "an annotation": lambda s: s.replace("n, path", "n: int, path"),
    "a local name": lambda s: s.replace("total", "amount"),
    "an import that loads more": lambda s: s.replace("LIMIT\n", "len(xml.dom.__name__)\n"),
    "the body of a helper": lambda s: s.replace("return x * by", "return by * x"),
}


@pytest.mark.parametrize("change", DIFFERENT)
def test_the_hash_changes_with_what_matters(change):
    changed = DIFFERENT[change](BASE)
    assert changed != BASE
    assert digest(ast.parse(changed), "m") != digest(ast.parse(BASE), "m")


def test_the_methods_own_name_is_no_part_of_its_hash_but_calls_of_others_are():
    a, b = "def a(self):\n    return self.x()\n", "def b(self):\n    return self.x()\n"
    assert digest(ast.parse(a), "a") == digest(ast.parse(b), "b")
    assert digest(ast.parse(a), "a") != digest(ast.parse(a.replace("x()", "y()")), "a")


def test_two_helpers_that_change_places_are_another_unit():
    source = "def _a(x):\n    return x + 1\ndef _b(x):\n    return x * 2\ndef m(self, n):\n    return _a(_b(n))\n"
    swapped = source.replace("_a(_b(n))", "_b(_a(n))")
    assert digest(ast.parse(source), "m") != digest(ast.parse(swapped), "m")


NAMES = st.from_regex(r"_[a-z][a-z0-9_]{0,8}", fullmatch=True)


@given(st.lists(NAMES, min_size=3, max_size=3, unique=True))
def test_the_hash_is_stable_under_renaming_of_helpers(names):
    source = """
    import math as {0}
    def {1}(x):
        return {0}.sqrt(x)
    def {2}(x):
        return {1}(x) + {1}(x)
    def m(self, n):
        return {2}(n) + {1}(n)
    """
    text = textwrap.dedent(source)
    assert digest(ast.parse(text.format(*names)), "m") == digest(ast.parse(text.format("p", "q", "r")), "m")


SHELF = {
    "plain": "def m(self, n):\n    return n * 2\n",
    "base": BASE,
    "new syntax": (
        "import re\nWORD = re.compile(r'\\w+')\n\nasync def m(self, *names, deep=False, **more):\n"
        "    '''Look.'''\n    async with self.door() as d:\n        match names:\n"
        "            case [first, *rest] if deep:\n"
        "                yield f'{first!r:>{len(rest)}}'\n            case {'a': 1, **others}:\n"
        "                yield [w for w in WORD.findall(d) if (k := len(w)) > 2 and k < 9]\n"
    ),
}
EXPECTED = {
    "plain": "fce42eeb36ac181a41f18382a4a7110a8ab7e097a3ce59c49c5399aa863f0b8f",
    "base": "266983fb010b811f0ddd7da6245acb50aae849b677c7a008130b9bcce96615d5",
    "new syntax": "7a181f7f891dc825ab568ac6962fdba1b361c3c70dafd220a9ce223d23594ae9",
}


@pytest.mark.parametrize("name", ["plain", "base", "new syntax"])
def test_the_hash_is_the_same_on_every_python(name):
    assert digest(ast.parse(SHELF[name]), "m") == EXPECTED[name]


# ── names ──


def test_only_names_of_the_module_are_global():
    source = """
    def m(self, a, *b, c=K1, **d):
        global K2
        K2 = K3
        e = [f for f in a if f in K4]
        def g(h: K5 = K6) -> K7:
            return e, h, i
        class J(K8):
            k = K9
            def l(self):
                return k
        with K10 as o, o as p: pass
        try: pass
        except K11 as q: q
        import r.s, t as u
        return lambda v=K12: (v, w := 1) if False else (r, u, g, J)
    """
    source = source.replace("(v, w := 1)", "v")
    names = {n.id for n in global_names(tree(source).body[0])}
    assert {f"K{i}" for i in range(1, 13)} <= names
    assert names - {f"K{i}" for i in range(1, 13)} == {"k", "i"}


def test_a_unit_reaches_what_it_uses_in_the_order_of_first_use():
    order = [getattr(n, "name", type(n).__name__) for n in reached(ast.parse(BASE), "m")]
    assert order == ["m", "_twice", "Import", "ImportFrom", "Assign"]


def test_bindings_tell_imports_by_their_full_names():
    found = bindings(ast.parse(BASE))
    assert found == {"mm": "math", "join": "os.path:join", "xml": "xml<xml.dom", "LIMIT": "", "_twice": "", "m": ""}


def test_a_method_that_is_not_there_reaches_nothing():
    assert reached(ast.parse(BASE), "absent") == []
    assert re.fullmatch("[0-9a-f]{64}", digest(ast.parse(BASE), "absent"))
