"""A class that exists already becomes an agent: what it has is pinned, what it lacks is written."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from kit import asked, session

from agent_repl import AgentError, ModuleError, adopt, emit, source, status, versions

SHOP = '''\
"""Not about the class."""

import json
from math import floor as down

RATE = 2


# Rounds.
def _round(x):
    # down
    return down(x)


class PriceList:
    """Prices of {place}: never below zero.

    >>> PriceList([1]).total()
    2
    """

    currency = "EUR"

    def __init__(self, rows, place="Berlin", llm=None):
        self.rows = rows
        self.place = place
        self.seen = []
        self.llm = llm
        self._hidden = 1

    # How much it all is.
    def total(self, factor=RATE):
        """The sum.

        In whole numbers.
        """
        # rounded
        return _round(sum(self.rows) * factor)

    def shown(self, n):
        self.seen.append(n)
        return f"""{self.place}
  {self.total(n)} {self.currency}""", json.dumps(self.seen)

    async def later(self, n):
        return n

    @property
    def first(self):
        return self.rows[0]

    @staticmethod
    def helper(x):
        return x

    def _private(self):
        return 1

    def uses_private(self):
        return self._private()

    def clone(self):
        return PriceList(self.rows)

    def __len__(self):
        return len(self.rows)


class _Inner:
    pass
'''
EMPTY = 'class Bare:\n    """Bare things."""\n'


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "price_list.py"
    path.write_text(SHOP)
    return path


@pytest.fixture
def home(tmp_path):
    return session(tmp_path, "def best(self, n):\n    return sorted(self.rows)[-n:]\n")


def loaded(path):
    spec = spec_from_file_location(path.stem, path)
    made = module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_the_methods_of_a_class_are_pinned_as_a_persons_and_the_missing_ones_are_written(home, file):
    prices = adopt(file, home, rows=[1, 2.75])
    assert vars(prices) == {"currency": "EUR", "rows": [1, 2.75], "place": "Berlin", "seen": []}
    assert prices.total() == 7
    assert prices.shown(2) == ("Berlin\n  7 EUR", "[2]")
    assert asked(home) == 0
    assert "PINNED v1" in status(prices, "total")
    assert [version.author for version in versions(prices, "total")] == ["person"]
    assert prices.best(1) == [2.75]
    assert asked(home) == 1


def test_the_docstring_is_the_identity_and_the_class_names_it(home, file):
    prices = adopt(file, home, rows=[1])
    assert type(prices).__name__ == "PriceList"
    assert type(prices).__doc__ == "Prices of {place}: never below zero."
    assert "price_list: Prices of Berlin" in repr(prices)


def test_the_text_of_a_method_stays_with_its_helpers_imports_and_comments(home, file):
    assert source(adopt(file, home, rows=[1]), "total") == (
        "from math import floor as down\n\nRATE = 2\n\n# Rounds.\ndef _round(x):\n    # down\n    return down(x)\n\n"
        "# How much it all is.\ndef total(self, factor=RATE):\n"
        '    """The sum.\n\n    In whole numbers.\n    """\n    # rounded\n    return _round(sum(self.rows) * factor)\n'
    )


def test_what_cannot_be_a_method_here_is_named_and_left_out(home, file, capsys):
    prices = adopt(file, home, rows=[1])
    told = capsys.readouterr().err
    for words in (
        "first: it has the decorator @property",
        "helper: it has the decorator @staticmethod",
        "_private: a private name",
        "clone: it uses PriceList",
        "__len__: a special method",
        "uses_private: ",
    ):
        assert words in told
    assert set(type(prices)._agent_repl_identity_.names()) == {"total", "shown", "later"}


@pytest.mark.parametrize("what", ["module", "class", "path", "text"])
def test_a_module_a_class_and_a_path_are_the_same(home, file, what):
    module = loaded(file)
    given = {"module": module, "class": module.PriceList, "path": file, "text": str(file)}[what]
    sys.modules[module.__name__] = module
    try:
        assert adopt(given, home, rows=[3]).total() == 6
    finally:
        del sys.modules[module.__name__]


def test_the_file_is_read_and_never_run(home, tmp_path):
    (tmp_path / "x.py").write_text("open('ran', 'w')\n" + SHOP)
    adopt(tmp_path / "x.py", home, rows=[1])
    assert not Path("ran").exists()


def test_adopting_again_makes_no_new_versions(home, file):
    adopt(file, home, rows=[1])
    assert [v.number for v in versions(adopt(file, home, rows=[2]), "total")] == [1]


def test_a_method_that_was_changed_in_the_file_is_a_new_version(home, file):
    adopt(file, home, rows=[1])
    file.write_text(SHOP.replace("* factor", "* factor * 10"))
    prices = adopt(file, home, rows=[1])
    assert prices.total() == 20
    assert [v.number for v in versions(prices, "total")] == [1, 2]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SHOP, r"holds as rows is not in its text: adopt\(\.\.\., rows=\.\.\.\)"),
        ("class A:\n    def m(self):\n        return 1\n", "has no docstring"),
        ("class A:\n    'a'\n\nclass B:\n    'b'\n", "should have one class .* it has: A, B"),
        ("x = 1\n", "it has: none"),
        ("class A(:\n", "cannot be read"),
        ("class A:\n    'About.'\n    @property\n    def x(self):\n        return 1\n", "can be pinned: x: it has"),
        ("class A:\n    'About.'\n    def m(self, n):\n        return missing(n)\n", "m: .*missing is not defined"),
        ("class A:\n    'About.'\n    def __init__(self, a=()):\n        a = [*a]\n        self.a = a\n"
         "    def m(self):\n        return self.a\n", "holds as a is not in its text"),
        ("class A:\n    'About.'\n    def __init__(self, a=1):\n        if a:\n            self.b = 2\n"
         "    def m(self):\n        return self.b\n", "holds as b is not in its text"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(home, tmp_path, text, words):
    (tmp_path / "x.py").write_text(text)
    with pytest.raises(AgentError, match=words):
        adopt(tmp_path / "x.py", home)


@pytest.mark.parametrize("given", [3, "nowhere.py", int])
def test_what_is_no_class_is_refused(home, given):
    with pytest.raises(ModuleError, match=r"cannot be|should have one class"):
        adopt(given, home)


def test_a_class_without_methods_may_grow_them(home, tmp_path):
    (tmp_path / "bare.py").write_text(EMPTY)
    assert adopt(tmp_path / "bare.py", home, rows=[1, 3]).best(1) == [3]


def test_there_and_back_the_code_is_the_same(tmp_path, home, file):
    prices = adopt(file, home, rows=[1, 2])
    emit(prices, tmp_path / "out" / "prices.py")
    again = adopt(tmp_path / "out" / "prices.py", session(tmp_path / "other"), rows=[1, 2])
    assert vars(again) == {"rows": [1, 2], "place": "Berlin", "seen": [], "currency": "EUR"}
    for name in ("total", "shown", "later"):
        assert source(again, name) == source(prices, name)
    emit(again, tmp_path / "again" / "prices.py")
    assert again.shown(2) == prices.shown(2)
    texts = [(tmp_path / folder / "prices.py").read_text().partition("\n\nWritten by") for folder in ("out", "again")]
    assert texts[0][0] == texts[1][0]
    assert texts[0][2].partition("class ")[2] == texts[1][2].partition("class ")[2]
