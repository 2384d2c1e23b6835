"""A class file means what its methods meant alone, reads as if a person wrote it, and needs nothing of ours."""

import ast
import asyncio
import inspect
import subprocess
import sys
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit import fenced, session

from agent_repl import ModuleError, ScriptedProvider, open_session, pin
from agent_repl.modules import Part, class_name, load_class, render, units
from agent_repl_code.unit import digest


def part(source):
    text = textwrap.dedent(source).strip("\n") + "\n"
    name = next(n.name for n in reversed(ast.parse(text).body) if hasattr(n, "name") and n.name[0] != "_")
    return Part(name, text)


SHELF = [
    (
        """
        import math
        from functools import reduce
        LIMIT = 3
        def _scale(x):
            return x * LIMIT
        def scaled(self, n):
            \"\"\"n, scaled.

            Twice indented:
                like this.
            \"\"\"
            return reduce(lambda a, b: a + b, [_scale(k) for k in range(n)], math.floor(0.5))
        """,
        (4,),
    ),
    (
        """
        import statistics as math
        LIMIT = 5  # another limit
        def _scale(x):
            # halves
            return x / LIMIT
        def halved(self, n):
            return math.mean([_scale(n), _scale(n)])
        """,
        (10,),
    ),
    (
        """
        from os.path import join as reduce
        def joined(self, a, b="x"):
            return reduce(a, b)
        """,
        ("p",),
    ),
    (
        '''
        def text(self, n):
            first = """one
        two
            three {n}"""
            second = f"""a {n}
          b {n!r:>{n}}
        """
            return first + second + 'x\\
        y'
        ''',
        (3,),
    ),
    (
        """
        import functools
        def _loud(function):
            @functools.wraps(function)
            def inner(*args):
                return str(function(*args)).upper()
            return inner
        @_loud
        def shouted(self, word):
            return word
        """,
        ("abc",),
    ),
    (
        """
        BASE = 7
        def defaulted(self, n=BASE, *rest, by=BASE + 1, **more):
            return n, rest, by, sorted(more)
        """,
        (),
    ),
    (
        """
        class _Box:
            LIMIT = 1
            def __init__(self, x):
                self.x = x
            def get(self):
                return self.x, self.LIMIT
        def boxed(self, x):
            return _Box(x).get()
        """,
        (2,),
    ),
    (
        """
        def nested(self, n):
            LIMIT = n
            def outer(k):
                def inner():
                    nonlocal k
                    k += LIMIT
                    return k
                return inner
            make = outer(1)
            return [make() for _ in range(n)], {x: y for x, y in zip("ab", (LIMIT, n))}
        """,
        (2,),
    ),
    (
        """
        from collections import Counter
        def counted(self, word):
            return Counter(word).most_common(1)
        """,
        ("aab",),
    ),
    (
        """
        from collections import OrderedDict, Counter as C
        def ordered(self, word):
            return list(OrderedDict.fromkeys(word)), C(word)["a"]
        """,
        ("aab",),
    ),
    (
        """
        import os.path
        import os
        def parted(self, path):
            return os.path.split(path), os.sep
        """,
        ("a/b",),
    ),
    (
        """
        _SEEN = []
        def remembered(self, x):
            _SEEN.append(x)
            return len(_SEEN) > 0
        """,
        (1,),
    ),
    (
        """
        def _scale(x):
            return x * LIMIT
        LIMIT = 3
        def scaled_again(self, n):
            return _scale(n)
        """,
        (4,),
    ),
    (
        """
        def generated(self, n):
            received = yield from range(n)
            yield received
        """,
        (3,),
    ),
    (
        """
        import asyncio
        async def awaited(self, n):
            await asyncio.sleep(0)
            return n
        """,
        (3,),
    ),
    (
        """
        def LOUD_name(self):
            é = "ü"; math = 3
            return f"{é}{math}", "math.x # not a comment"
        """,
        (),
    ),
    (
        """
        from __future__ import annotations
        def annotated(self, n: Nowhere = 1) -> Neither:
            return n
        """,
        (),
    ),
]
PARTS = [(part(source), args) for source, args in SHELF]


def alone(piece, args):
    """What a method answers in a namespace of its own."""
    space = {"__name__": "alone"}
    exec(compile(piece.source, "alone", "exec", dont_inherit=True), space)
    return answer(space[piece.name], args)


def answer(function, args):
    value = function(object(), *args)
    if inspect.isgenerator(value):
        return list(value)
    return asyncio.run(value) if inspect.iscoroutine(value) else value


def loaded(text, label="sales"):
    space = {"__name__": "loaded"}
    exec(compile(text, "class file", "exec", dont_inherit=True), space)
    return space[class_name(label)]


@settings(max_examples=20)
@given(st.permutations(range(len(PARTS))), st.integers(1, len(PARTS)))
def test_methods_mean_the_same_alone_and_together_in_any_order(order, count):
    chosen = [PARTS[i] for i in order[:count]]
    made = loaded(render("sales", "about", [piece for piece, _ in chosen], {}))
    for piece, args in chosen:
        assert answer(vars(made)[piece.name], args) == alone(piece, args)


@settings(max_examples=20)
@given(st.permutations(range(len(PARTS))))
def test_units_come_back_out_of_a_class_file_with_their_hashes(order):
    chosen = [PARTS[i][0] for i in order]
    found = units(render("sales", "about", chosen, {"path": "x"}), "sales")
    assert list(found) == [piece.name for piece in chosen]
    for piece in chosen:
        assert digest(found[piece.name], piece.name) == digest(ast.parse(piece.source), piece.name)


@pytest.mark.parametrize("piece", [p for p, _ in PARTS], ids=lambda p: p.name)
def test_a_class_file_of_a_class_file_is_the_same(piece):
    text = render("sales", "about", [piece], {})
    tree = units(text, "sales")[piece.name]
    assert digest(tree, piece.name) == digest(ast.parse(piece.source), piece.name)
    assert render("sales", "about", [piece], {}) == text


def test_the_whole_shelf_imports_on_its_own_and_has_no_line_of_ours(tmp_path):
    file = tmp_path / "sales.py"
    file.write_text(render("sales", "about", [p for p, _ in PARTS], {"path": "a.csv"}), encoding="utf-8")
    assert "agent" not in file.read_text(encoding="utf-8").lower()
    done = subprocess.run([sys.executable, "-I", str(file)], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# ── how it reads ──


def test_a_class_file_reads_as_a_person_would_have_written_it():
    one = part(
        """
        import json
        from collections import Counter

        # How many to show.
        LIMIT = 3

        def _clean(word):
            # no blanks
            return word.strip()

        def top(self, n=LIMIT):
            \"\"\"The first n.

            In order.
            \"\"\"
            # count first
            found = Counter(map(_clean, self.words))
            return json.dumps(found.most_common(n))
        """
    )
    two = part(
        "from collections import deque\nimport json\ndef last(self):\n    return json.dumps(deque(self.words)[-1])\n"
    )
    assert render("word_counter", "counts words", [one, two], {"words": ["a"], "path": "x.csv"}) == (
        '"""counts words"""\n'
        "\n"
        "import json\n"
        "from collections import Counter, deque\n"
        "\n\n"
        "# How many to show.\n"
        "LIMIT = 3\n"
        "\n\n"
        "def _clean(word):\n"
        "    # no blanks\n"
        "    return word.strip()\n"
        "\n\n"
        "class WordCounter:\n"
        '    """counts words"""\n'
        "\n"
        '    def __init__(self, words: list, path: str = "x.csv"):\n'
        "        self.words = words\n"
        "        self.path = path\n"
        "\n"
        "    def top(self, n=LIMIT):\n"
        '        """The first n.\n'
        "\n"
        "        In order.\n"
        '        """\n'
        "        # count first\n"
        "        found = Counter(map(_clean, self.words))\n"
        "        return json.dumps(found.most_common(n))\n"
        "\n"
        "    def last(self):\n"
        "        return json.dumps(deque(self.words)[-1])\n"
    )


HELPED = "def _h(x):\n    return x + {by}\ndef {name}(self, n):\n    return _h(n)\n"


def test_the_same_helper_is_shared():
    text = render("sales", "about", [part(HELPED.format(name=n, by=1)) for n in ("a", "b")], {})
    assert text.count("def _h") == 1


def test_another_helper_of_the_same_name_is_renamed_after_its_method():
    text = render("sales", "about", [part(HELPED.format(name=n, by=i)) for i, n in enumerate("ab")], {})
    assert "def _h_b(x)" in text
    assert "return _h_b(n)" in text
    assert (loaded(text)().a(1), loaded(text)().b(1)) == (1, 2)


def test_a_renamed_helper_is_shared_as_well():
    parts = [part(f"def _h():\n    return {n}\ndef m{m}(self):\n    return _h()") for m, n in enumerate((1, 2, 2, 1))]
    text = render("sales", "about", parts, {})
    box = loaded(text)()
    assert [box.m0(), box.m1(), box.m2(), box.m3()] == [1, 2, 2, 1]
    assert text.count("def _h") == 2


def test_the_same_helper_under_another_name_means_the_same():
    one = part(HELPED.format(name="a", by=1))
    two = part(HELPED.format(name="b", by=1).replace("_h", "_g"))
    assert loaded(render("sales", "about", [one, two], {}))().b(1) == 2


def test_aliases_that_collide_are_told_apart():
    one = part("import json as x\ndef a(self):\n    return x.dumps(1)\n")
    two = part("import math as x\ndef b(self):\n    return x.floor(1.5)\n")
    made = loaded(render("sales", "about", [one, two], {}))()
    assert (made.a(), made.b()) == ("1", 1)


def test_a_renamed_helper_does_not_collide_with_a_local_name():
    one = part(HELPED.format(name="a", by=1))
    two = part("def _h(x):\n    return x + 5\ndef b(self, n):\n    _h_b = 100\n    return _h(n) + _h_b\n")
    assert loaded(render("sales", "about", [one, two], {}))().b(1) == 106


def test_an_import_that_hides_a_built_in_hides_it_from_nobody_else():
    one = part("def a(self, x):\n    return sum(x)\n")
    two = part("from math import prod as sum\ndef b(self, x):\n    return sum(x)\n")
    for parts in ([one, two], [two, one]):
        made = loaded(render("sales", "about", parts, {}))()
        assert (made.a([3, 4]), made.b([3, 4])) == (7, 12)


def test_a_renamed_import_does_not_collide_with_a_local_name():
    one = part("import json as x\ndef a(self):\n    return x.dumps(1)\n")
    two = part("import math as x\ndef b(self, x_2):\n    return x.floor(x_2)\n")
    assert loaded(render("sales", "about", [one, two], {}))().b(1.5) == 1


def test_a_helper_named_as_the_class_gives_way():
    text = "class Sales:\n    def get(self):\n        return 4\ndef m(self):\n    return Sales().get()\n"
    assert loaded(render("sales", "about", [Part("m", text)], {}))().m() == 4


def test_a_helper_that_calls_itself_is_renamed_inside_too():
    fact = "def _f(n):\n    return 1 if n < 2 else n * _f(n - 1)\ndef {name}(self, n):\n    return _f(n)\n"
    other = fact.replace("n * _f", "n + _f")
    parts = [part(fact.format(name="a")), part(other.format(name="b"))]
    made = loaded(render("sales", "about", parts, {}))()
    assert (made.a(4), made.b(4)) == (24, 10)


def test_what_would_not_mean_the_same_is_refused():
    helpers = "def _h():\n    return {by}\nclass _Box:\n    def get(self):\n        return _h()\n"
    boxed = helpers + "def {name}(self):\n    return _Box().get()\n"
    parts = [Part(name, boxed.format(name=name, by=by)) for by, name in enumerate("ab")]
    with pytest.raises(ModuleError, match="b would not mean the same in a class file; it stays where it is"):
        render("sales", "about", parts, {})


@pytest.mark.parametrize(
    "about", ['say """hi"""', "back\\slash", 'ends with "', "two\nlines", "\0\x1b[2J\r", '"', "ünï", "{path}", ""]
)
def test_any_words_make_a_docstring(about):
    assert loaded(render("sales", about, [PARTS[0][0]], {})).__doc__ == about


@pytest.mark.parametrize(
    "value", ["it's", 'say "hi"', "a\nb", "\\d", 3, -1.5, True, None, "x" * 200, "é\u202e", 10**40]
)
def test_plain_state_becomes_a_default_that_means_the_same(value):
    made = loaded(render("sales", "about", [PARTS[0][0]], {"path": value}))()
    assert made.path == value or value != value


@pytest.mark.parametrize(
    "value", [[1], {"a": 1}, object(), b"x", "y" * 201, 2j, float("inf"), type("Text", (str,), {})("s")]
)
def test_other_state_must_be_given(value):
    made = loaded(render("sales", "about", [PARTS[0][0]], {"rows": value, "path": "x"}))
    with pytest.raises(TypeError, match="rows"):
        made()
    assert vars(made(value)) == {"rows": value, "path": "x"}


@pytest.mark.parametrize("name", ["class", "True", "a b", "__x", "self", "mro", "_x"])
def test_state_that_cannot_be_a_parameter_is_refused_or_works(name):
    try:
        text = render("sales", "about", [PARTS[0][0]], {name: 1})
    except ModuleError:
        return
    assert vars(loaded(text)()) == {name: 1}


@pytest.mark.parametrize("mangled", ["__secret", "self.__x"])
def test_names_that_python_mangles_are_refused(mangled):
    source = f"def m(self):\n    {mangled} = 1\n    return {mangled}\n"
    with pytest.raises(ModuleError, match="one underscore"):
        render("sales", "about", [Part("m", source)], {})


@pytest.mark.parametrize(
    "source",
    [
        "def m(self, __n=1):\n    return __n\n",
        "def __h():\n    return 1\ndef m(self):\n    return __h()\n",
        "def m(self):\n    import json as __j\n    return __j.dumps(1)\n",
        "def m(self):\n    def __inner():\n        return 1\n    return __inner()\n",
        "def m(self):\n    return dict(__n=1)\n",
        "def m(self):\n    try:\n        1 / 0\n    except ZeroDivisionError as __e:\n        return str(__e)\n",
    ],
)
def test_mangled_names_of_every_kind_are_refused_or_mean_the_same(source):
    try:
        text = render("sales", "about", [Part("m", source)], {})
    except ModuleError:
        return
    assert loaded(text)().m() == alone(Part("m", source), ())


@pytest.mark.parametrize(
    ("label", "name"),
    [("sales", "Sales"), ("top_sales", "TopSales"), ("none", "AgentNone"), ("2x", "Agent2x"), ("_", "Agent")],
)
def test_labels_name_classes(label, name):
    assert class_name(label) == name


def test_a_file_without_the_class_has_no_units():
    assert units("class Other:\n    def m(self): return 1\n", "sales") == {}


# ── loading ──


def test_two_spaces_of_names_never_mix(tmp_path):
    two = "FACTOR = {by}\ndef _by(n):\n    return n * FACTOR\ndef {name}(self, n):\n    return _by(n)\n"
    home = session(tmp_path, two.format(name="a", by=2), two.format(name="b", by=3))
    agent = home.agent("sales", name="sales")
    assert (agent.a(1), agent.b(1), agent.a(1)) == (2, 3, 2)
    assert agent.a.__wrapped__.__globals__ is not agent.b.__wrapped__.__globals__
    pin(agent.a)
    pin(agent.b)
    assert (agent.a(1), agent.b(1)) == (2, 3)


def test_agents_of_the_same_label_in_two_homes_never_mix(tmp_path):
    made = []
    for by in (2, 3):
        source = f"BY = {by}\ndef m(self, n):\n    return n * BY\n"
        provider = ScriptedProvider([fenced(source)])
        agent = open_session(tmp_path / str(by), provider=provider, review="auto").agent("sales", name="sales")
        agent.m(1)
        pin(agent.m)
        made.append(agent)
    assert [agent.m(1) for agent in made] == [2, 3]


@pytest.mark.parametrize(
    "text", ["1/0", "class Other: pass", "def Sales(): pass", "raise SystemExit", "import absent_x"]
)
def test_a_file_that_does_not_load_is_named(tmp_path, text):
    with pytest.raises(ModuleError, match=r"sales\.py"):
        load_class(tmp_path / "sales.py", text, "sales", "Sales", frozenset())


def test_a_loaded_class_shows_its_source(tmp_path):
    text = render("sales", "about", [PARTS[0][0]], {})
    made = load_class(tmp_path / "sales.py", text, "sales", "Sales", frozenset())
    assert "def scaled" in inspect.getsource(made.scaled)
    assert made.__module__ == "agent_modules.sales"
