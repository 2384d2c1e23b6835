"""Reading is free, only calling may cost: what looks at an agent or a handle never reaches the model."""

import collections.abc
import copy
import inspect
import json
import pickle
import pprint
import sys
import traceback
from typing import Protocol, runtime_checkable
from unittest import mock

import pytest
from kit import Person, session

from agent_repl import Agent, UnaskedCall, pin, unpin
from agent_repl.session import use

DOUBLE = '''
def double(self, n):
    """Twice n."""
    return n * 2
'''
NEW = "<method sales.total · NEW: calling it asks a model to write it>"
CACHED = "<method sales.double · CACHED v1: calling it runs accepted code>"
KNOWN = "<agent sales: analyst of a.csv · double>"


@pytest.fixture
def home(tmp_path):
    """A session whose model has nothing more to say once `double` is written."""
    made = session(tmp_path, DOUBLE)
    use(made)
    yield made
    made.close()


@pytest.fixture
def sales(home):
    """An agent with one accepted method; a test that makes the model be asked fails."""
    agent = home.agent("analyst of {path}", name="sales", path="a.csv")
    agent.double(2)
    yield agent
    assert len(home.provider.prompts) == 1, f"the model was asked: {home.provider.prompts[-1].user[:80]}"


@runtime_checkable
class HasShape(Protocol):
    shape: object


# ── what looks at an agent ──

LOOKS = {
    "repr": (repr, KNOWN),
    "str": (str, KNOWN),
    "format": (lambda a: f"{a}", KNOWN),
    "percent": (lambda a: "%s" % a, KNOWN),  # noqa: UP031
    "pprint": (lambda a: pprint.pformat([a]), f"[{KNOWN}]"),
    "bool": (bool, True),
    "equals itself": (lambda a: a == a, True),
    "equals nothing else": (lambda a: (a == 5, a == copy.copy(a), a != None), (False, False, True)),  # noqa: E711
    "hash": (lambda a: hash(a) == hash(a), True),
    "in a list": (lambda a: a in [1, a], True),
    "in a dict": (lambda a: {a: 1}[a], 1),
    "in a set": (lambda a: len({a, a, copy.copy(a)}), 2),
    "dir": (lambda a: {"double", "path", "getdoc"} <= set(dir(a)), True),
    "vars": (vars, {"path": "a.csv"}),
    "getmembers": (lambda a: dict(inspect.getmembers(a))["path"], "a.csv"),
    "private name": (lambda a: hasattr(a, "_repr_html_"), False),
    "special name": (
        lambda a: [hasattr(a, n) for n in ("__len__", "__iter__", "__array__", "__fspath__")],
        [False] * 4,
    ),
    "default": (lambda a: getattr(a, "_x", 3), 3),
    "reserved": (lambda a: hasattr(a, "llm"), False),
    "getdoc": (lambda a: a.getdoc().splitlines(), ["analyst of a.csv", "", "state: path", "sales.double  CACHED v1"]),
    "copy": (lambda a: (repr(copy.copy(a)), vars(copy.copy(a)) is vars(a)), (KNOWN, False)),
    "deepcopy": (lambda a: repr(copy.deepcopy([a])[0]), KNOWN),
    "pickle": (lambda a: repr(pickle.loads(pickle.dumps(a))), KNOWN),
    "sized": (lambda a: isinstance(a, collections.abc.Sized), False),
    "callable": (lambda a: isinstance(a, collections.abc.Callable), False),
    "mapping": (lambda a: isinstance(a, collections.abc.Mapping), False),
    "variable viewer": (lambda a: (str(a), "double" in dir(a), hasattr(a, "shape")), (KNOWN, True, True)),
    "protocol": (lambda a: isinstance(a, HasShape) in (True, False), True),
    "autospec": (lambda a: mock.create_autospec(a) is not None, True),
    "type": (lambda a: (type(a).__name__, isinstance(a, Agent)), ("Sales", True)),
}


@pytest.mark.parametrize("look", LOOKS)
def test_looking_at_an_agent_is_free_and_sensible(sales, look):
    do, wanted = LOOKS[look]
    assert do(sales) == wanted


ABCS = [abc for abc in vars(collections.abc).values() if isinstance(abc, type)]


@pytest.mark.parametrize("abc", ABCS, ids=lambda abc: abc.__name__)
def test_an_agent_is_no_container_of_any_kind(sales, abc):
    assert isinstance(sales, abc) == isinstance(type("Empty", (), {})(), abc)


REFUSED = {
    "json": json.dumps,
    "list": list,
    "len": len,
    "iteration": lambda a: [x for x in a],  # noqa: C416
    "unpacking": lambda a: [*a],
    "indexing": lambda a: a[0],
    "order": lambda a: sorted([a, a]),
    "arithmetic": lambda a: a + 1,
    "float": float,
    "with": lambda a: a.__enter__(),
    "call": lambda a: a(),
    "open": open,
    "sum": lambda a: sum([a, 1]),
    "join": ",".join,
}


@pytest.mark.parametrize("use_it", REFUSED)
def test_what_an_empty_class_cannot_do_an_agent_cannot_do(sales, use_it):
    expected = type("Empty", (), {})()
    with pytest.raises(Exception) as plain:  # noqa: PT011
        REFUSED[use_it](expected)
    with pytest.raises(plain.type):
        REFUSED[use_it](sales)


# ── what asks by a name ──

ASKS = {
    "print to it": (lambda a: print("x", file=a), "write"),
    "dict": (dict, "keys"),
    "double star": (lambda a: dict(**a), "keys"),
    "json.dump": (lambda a: json.dump({}, a), r"json\S* asked for .write"),
    "json.load": (json.load, r"json\S* asked for .read"),
    "pickle.dump": (lambda a: pickle.dump(1, a), "write"),
    "np.mean": (lambda a: pytest.importorskip("numpy").mean(a), r"numpy\S* asked for .mean"),
    "np.sum": (lambda a: pytest.importorskip("numpy").sum(a), r"numpy\S* asked for .sum"),
    "pd.read_csv": (lambda a: pytest.importorskip("pandas").read_csv(a), r"pandas\S* asked for"),
    "computed name": (lambda a: getattr(a, "".join(["to", "tal"]))(), "not written in the code that asked"),
}


@pytest.mark.parametrize("ask", ASKS)
def test_a_library_that_asks_by_a_name_is_told_off_and_nothing_is_written(sales, ask):
    do, words = ASKS[ask]
    with pytest.raises(UnaskedCall, match=words):
        do(sales)


def test_a_library_that_catches_type_errors_goes_on(sales):
    with pytest.raises(TypeError):
        dict(sales)


def test_numpy_and_pandas_take_an_agent_as_one_object(sales):
    numpy, pandas = pytest.importorskip("numpy"), pytest.importorskip("pandas")
    assert numpy.array(sales).shape == ()
    assert numpy.array([sales, 1]).dtype == object
    assert KNOWN in repr(pandas.DataFrame({"x": [sales]}))


def test_a_name_that_the_person_wrote_is_theirs_even_when_a_library_knows_it(tmp_path):
    mean = 'def mean(self):\n    """The mean."""\n    return 4\n'
    agent = session(tmp_path, mean).agent("analyst", name="sales")
    assert agent.mean() == 4
    assert agent.mean() == 4


def test_a_library_that_calls_an_accepted_method_in_another_way_has_nothing_written(tmp_path):
    mean = 'def mean(self):\n    """The mean."""\n    return 4\n'
    home = session(tmp_path, mean)
    agent = home.agent("analyst", name="sales")
    agent.mean()
    with pytest.raises(UnaskedCall, match="numpy"):
        pytest.importorskip("numpy").mean(agent)
    assert len(home.provider.prompts) == 1


def test_a_library_that_is_given_a_method_may_have_it_written(tmp_path):
    pandas = pytest.importorskip("pandas")
    agent = session(tmp_path, DOUBLE).agent("analyst", name="sales")
    assert list(pandas.Series([1, 2]).map(agent.double)) == [2, 4]


def test_a_method_passed_by_its_written_name_is_the_persons(tmp_path):
    agent = session(tmp_path, DOUBLE).agent("analyst", name="sales")
    assert list(map(agent.double, [1, 2])) == [2, 4]


def test_session_call_writes_a_computed_name(tmp_path):
    home = session(tmp_path, DOUBLE)
    name = "".join(["dou", "ble"])
    assert home.call(home.agent("analyst", name="sales"), name, 4).value == 8


# ── handles ──

HANDLE_LOOKS = {
    "repr": (repr, NEW),
    "str": (str, NEW),
    "pprint": (pprint.pformat, NEW),
    "callable": (callable, True),
    "name": (lambda h: h.__name__, "total"),
    "doc": (inspect.getdoc, "sales.total is not written yet: calling it writes it."),
    "is None": (lambda h: h is None, False),
    "attribute": (lambda h: hasattr(h, "mean"), False),
    "private attribute": (lambda h: hasattr(h, "_repr_html_"), False),
    "copy": (lambda h: repr(copy.copy(h)), NEW),
    "deepcopy": (lambda h: repr(copy.deepcopy(h)), NEW),
    "pickle": (lambda h: repr(pickle.loads(pickle.dumps(h))), NEW),
    "hash": (lambda h: hash(h) == hash(h), True),
    "getmembers": (lambda h: dict(inspect.getmembers(h))["__name__"], "total"),
    "autospec": (lambda h: mock.create_autospec(h) is not None, True),
    "signature": (lambda h: str(inspect.signature(h)), "(*args, **kwargs)"),
}


@pytest.mark.parametrize("look", HANDLE_LOOKS)
def test_looking_at_a_method_that_is_not_written_is_free(sales, look):
    do, wanted = HANDLE_LOOKS[look]
    assert do(sales.total) == wanted


FORGOTTEN = {
    "truth": bool,
    "not": lambda h: not h,
    "and": lambda h: h and 1,
    "equals": lambda h: h == 5,
    "differs": lambda h: h != 5,
    "order": lambda h: h < 5,
    "order of the other": lambda h: h > 5,
    "max": lambda h: max(1, h),
    "in a list": lambda h: 5 in [h],
    "add": lambda h: h + 1,
    "add to": lambda h: 1 + h,
    "sum": lambda h: sum([1, h]),
    "add in place": lambda h: _grown(1, h),
    "times": lambda h: 3 * h,
    "divide": lambda h: h / 2,
    "modulo": lambda h: h % 2,
    "power": lambda h: 2**h,
    "negative": lambda h: -h,
    "absolute": abs,
    "round": round,
    "matrix": lambda h: h @ h,
    "shift": lambda h: h << 1,
    "iterate": list,
    "unpack": lambda h: [*h],
    "index": lambda h: h[0],
    "as an index": lambda h: [1, 2][h],
    "store": lambda h: h.__setitem__(0, 1),
    "contains": lambda h: 1 in h,
    "len": len,
    "int": int,
    "float": float,
    "range": range,
    "next": next,
    "format": lambda h: f"{h}",
    "format spec": lambda h: f"{h:.2f}",
    "str.format": "{}".format,
    "with": lambda h: _entered(h),
    "decorated truth": lambda h: 1 if h else 2,
}


def _grown(value, more):
    value += more
    return value


def _entered(handle):
    with handle:
        return 1


@pytest.mark.parametrize("slip", FORGOTTEN)
@pytest.mark.parametrize("name", ["total", "double"])
def test_forgotten_parentheses_are_never_an_answer(sales, slip, name):
    with pytest.raises(TypeError, match=rf"did you mean sales\.{name}\(\)\?"):
        FORGOTTEN[slip](sales.double if name == "double" else sales.total)


def test_a_handle_holds_nothing_and_takes_nothing(sales):
    with pytest.raises(AttributeError):
        sales.total.unit = "EUR"
    with pytest.raises(AttributeError):
        sales.total.mean  # noqa: B018


def test_a_handle_of_written_code_is_like_its_function(sales):
    assert (repr(sales.double), sales.double.__name__, inspect.getdoc(sales.double)) == (CACHED, "double", "Twice n.")
    assert str(inspect.signature(sales.double)) == "(n)"
    assert inspect.getsource(sales.double).strip() == DOUBLE.strip()
    assert sales.double.__wrapped__(sales, 3) == 6


def test_the_source_of_what_is_not_written_is_no_answer(sales):
    with pytest.raises((TypeError, OSError)):
        inspect.getsource(sales.total)
    with pytest.raises(AttributeError):
        sales.total.__wrapped__  # noqa: B018


# ── state, methods and instances ──


def test_state_with_a_methods_name_hides_it_on_that_agent_alone(home, sales):
    other = home.agent("analyst of {path}", path="b.csv")
    sales.double = 5
    assert sales.double == 5
    assert other.double(3) == 6
    outcome = home.call(sales, "double", 3)
    assert "'double' is state of this agent" in str(outcome.error)
    del sales.double
    assert sales.double(3) == 6


def test_state_that_hides_a_method_is_said_when_the_agent_is_made(home, sales):
    home.reviewer = person = Person()
    home.agent("analyst of {path}", path="b.csv", double=2)
    assert "hides the method" in person.events[-1].text


def test_for_makes_agents_on_the_class_and_is_a_free_name_on_instances(home, sales):
    made = Agent.for_("analyst of {path}", path="b.csv")
    assert made.double(4) == 8
    assert repr(sales.for_).startswith("<method sales.for_ · NEW")


@pytest.mark.parametrize("name", ["_hidden", "llm", "getdoc", "__len__"])
def test_reserved_names_are_no_state(home, name):
    with pytest.raises(Exception, match="cannot be state"):
        home.agent("analyst", **{name: 1})


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda a: pickle.loads(pickle.dumps(a))])
def test_a_copy_has_all_state_whatever_it_is_called(sales, again):
    sales.name, sales.session, sales._seen, sales.rows = "a", "b", 1, [[1]]
    made = again(sales)
    assert vars(made) == vars(sales)
    assert type(made) is type(sales)


def test_a_deep_copy_shares_nothing_and_keeps_a_circle(sales):
    sales.rows, sales.me = [[1]], sales
    made = copy.deepcopy(sales)
    made.rows[0].append(2)
    assert (sales.rows, made.me is made) == ([[1]], True)


def test_a_pickle_opens_in_a_home_that_has_never_heard_of_it(tmp_path, sales):
    sales_of = sales._agent_repl_label_
    use(session(tmp_path / "elsewhere", review="cached"))
    opened = pickle.loads(pickle.dumps(sales))
    assert (vars(opened), opened._agent_repl_label_) == ({"path": "a.csv"}, sales_of)


# ── pinned methods ──


def test_a_pinned_method_is_a_plain_function_with_the_class_files_lines(sales, tmp_path):
    file = pin(sales.double)
    assert inspect.ismethod(sales.double)
    assert inspect.getsourcefile(sales.double) == str(file)
    assert inspect.getsource(sales.double) in file.read_text()
    assert "double" not in vars(sales)


def test_a_traceback_through_a_pinned_method_shows_the_class_files_line(sales):
    file = pin(sales.double)
    try:
        sales.double(object())
    except TypeError as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
    assert (frame.filename, frame.line) == (str(file), "return n * 2")
    assert file.read_text().splitlines()[frame.lineno - 1].strip() == "return n * 2"


def test_a_traceback_through_a_cached_method_shows_its_line(sales):
    try:
        sales.double.__wrapped__(sales, object())
    except TypeError as error:
        shown = "".join(traceback.format_exception(error))
    assert "return n * 2" in shown


def test_bound_methods_taken_before_a_decision_stay_what_they_were(tmp_path):
    home = session(tmp_path, DOUBLE)
    calc = home.agent("calculator")
    calc.double(2)
    handle = calc.double
    pin(calc, "double")
    bound = calc.double
    assert (handle(3), bound(3)) == (6, 6)
    unpin(calc.double)
    assert (handle(4), bound(4), calc.double(4)) == (8, 8, 8)


# ── inside written code ──

ABSENT = {
    "try": "try:\n        self.rows\n    except AttributeError:\n        return 'absent'\n    return 'present'",
    "hasattr": "return 'present' if hasattr(self, 'rows') else 'absent'",
    "getattr": "return 'absent' if getattr(self, 'rows', None) is None else 'present'",
    "lazy": "try:\n        return self.rows\n    except AttributeError:\n        return 'absent'",
    "called too": "try:\n        self.rows\n    except AttributeError:\n        return 'absent'\n    self.rows()",
    "hasattr and called": "return self.rows() if hasattr(self, 'rows') else 'absent'",
    "getattr and called": "found = getattr(self, 'rows', None)\n    return self.rows() if found else 'absent'",
    "in a comprehension": "return ['absent', 'present'][[hasattr(self, n) for n in ('rows',)][0]]",
    "in a lambda": "return (lambda: 'present' if hasattr(self, 'rows') else 'absent')()",
    "in a generator": "return next('present' if hasattr(self, n) else 'absent' for n in ['rows'])",
    "in a thread": (
        "import threading\n    found = []\n"
        "    thread = threading.Thread(target=lambda: found.append(hasattr(self, 'rows')))\n"
        "    thread.start()\n    thread.join()\n    return 'present' if found[0] else 'absent'"
    ),
    "computed": "return 'present' if hasattr(self, 'ro' + 'ws'[:2]) else 'absent'",
}


@pytest.mark.parametrize("way", ABSENT)
def test_what_written_code_asks_of_self_means_what_it_says(tmp_path, way):
    look = f'def look(self):\n    """Look."""\n    {ABSENT[way]}\n'
    home = session(tmp_path, look, review=Person("accept", "accept"))
    home.agent("looker", rows=lambda: "present").look()
    assert home.agent("looker").look() == "absent"
    assert len(home.provider.prompts) == 1


def test_written_code_sees_a_method_that_is_accepted(tmp_path):
    look = (
        'def look(self):\n    """Look."""\n    return hasattr(self, "double"), getattr(self, "double", None) is None\n'
    )
    agent = session(tmp_path, DOUBLE, look).agent("looker")
    agent.double(2)
    assert agent.look() == (True, False)


def test_the_error_for_an_absent_name_says_what_self_has(tmp_path):
    look = 'def look(self):\n    """Look."""\n    if hasattr(self, "rows"):\n        return 1\n    return self.rows\n'
    agent = session(tmp_path, look, repairs=0).agent("looker", path="x")
    with pytest.raises(AttributeError, match=r"^self has no 'rows'; it has only: path, look$"):
        agent.look()


# ── IPython and rich ──


@pytest.fixture
def ip(sales, home):
    interactive = pytest.importorskip("IPython.core.interactiveshell")
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    shell = interactive.InteractiveShell(config=config)
    shell.user_ns.update(sales=sales, handle=sales.total)
    yield shell
    shell.run_cell("%reset -f")


def said(ip, capsys, cell):
    capsys.readouterr()
    ip.run_cell(cell)
    captured = capsys.readouterr()
    return captured.out + captured.err


SHOWN = {
    "sales": KNOWN,
    "[sales, sales]": f"[{KNOWN},",
    "{1: sales}": KNOWN,
    "sales.total": NEW,
    "sales.double": CACHED,
    "sales?": "sales.double  CACHED v1",
    "sales??": "analyst of a.csv",
    "sales.double?": "Twice n.",
    "sales.double??": "return n * 2",
    "sales.total?": "sales.total is not written yet: calling it writes it.",
    "sales.total??": "sales.total is not written yet",
    "handle?": "sales.total is not written yet",
    "%whos": KNOWN,
    "%who_ls": "['handle', 'sales']",
    "%psource sales.double": "return n * 2",
    "%pdef sales.double": "sales.double(n)",
    "%pdoc sales": "state: path",
    "help(sales.double)": "Twice n.",
    "help(sales.total)": "not written yet",
    "help(sales)": "analyst of {path}",
    "import rich; rich.print(sales, sales.total)": NEW[:30],
    "import rich; rich.inspect(sales)": "path = 'a.csv'",
    "import rich; rich.inspect(sales, all=True)": "path = 'a.csv'",
    "import rich; rich.inspect(sales.total)": "not written yet",
    "from rich.pretty import pretty_repr; print(pretty_repr([sales]))": KNOWN,
}


@pytest.mark.parametrize("cell", SHOWN)
def test_ipython_shows_it_and_asks_nobody(ip, capsys, cell):
    assert SHOWN[cell] in said(ip, capsys, cell)


def test_what_python_calls_for_us_is_not_shown(ip, capsys):
    assert "must not run" not in said(ip, capsys, "sales?")


@pytest.mark.parametrize("mode", ["Plain", "Context", "Verbose", "Minimal", "Docs"])
def test_a_traceback_with_an_agent_in_its_frames_asks_nobody(ip, capsys, mode):
    said(ip, capsys, f"%xmode {mode}")
    shown = said(ip, capsys, "def f(agent, method):\n    both = [agent, method]\n    1 / 0\nf(sales, handle)")
    assert "ZeroDivisionError" in shown
    assert (KNOWN in shown) == (mode == "Verbose")


@pytest.mark.filterwarnings("ignore:`Completer.complete`")
@pytest.mark.parametrize("jedi", [True, False])
@pytest.mark.parametrize("evaluation", ["minimal", "limited", "unsafe"])
def test_tab_writes_nothing(ip, capsys, jedi, evaluation):
    from IPython.core.completer import provisionalcompleter

    ip.Completer.use_jedi, ip.Completer.evaluation = jedi, evaluation
    typed = ["sales.", "sales.do", "sales.total.", "sales.total().", "sales.total()[0].", "handle.", "handle()."]
    typed += ["sales.double(2).", "sales.double([1]).", "sales.total()['", "sales.double(["]
    with provisionalcompleter():
        for text in typed:
            list(ip.Completer.completions(text, len(text)))
            ip.complete(text)
    assert "sales" in ip.user_ns


@pytest.mark.filterwarnings("ignore:`Completer.complete`")
def test_tab_offers_the_methods_that_there_are(ip):
    ip.Completer.use_jedi = False
    offered = {match.rpartition(".")[2] for match in ip.complete("sales.")[1]}  # an old IPython offers "sales.double"
    assert {"double", "path"} <= offered


def test_the_error_of_an_unasked_call_is_short_in_ipython(ip, capsys):
    shown = said(ip, capsys, "print('x', file=sales)")
    assert "UnaskedCall: .write(...)" in shown
    assert "agent.py" not in shown


def test_a_call_of_a_debugger_that_only_looks_is_refused(sales):
    import io
    import pdb

    out = io.StringIO()
    debugger = pdb.Pdb(stdin=io.StringIO("p sales.total()\np sales.double(4)\nc\n"), stdout=out, nosigint=True)
    debugger.use_rawinput = False
    debugger.runeval("1 + 1", {"sales": sales}, {})
    assert "UnaskedCall" in out.getvalue()
    assert "8" in out.getvalue()


def test_written_code_may_have_a_dataclass_whose_annotations_are_text(tmp_path):
    code = """
        from __future__ import annotations
        from dataclasses import dataclass, field

        @dataclass
        class _Bin:
            low: float
            held: list[float] = field(default_factory=list)

        def lowest(self, values):
            return min((_Bin(v, [v]) for v in values), key=lambda each: each.low).low
    """
    binned = session(tmp_path, code).agent("bins numbers")
    assert binned.lowest([3, 2]) == 2
    pin(binned.lowest)
    assert session(tmp_path).agent("bins numbers").lowest([5, 4]) == 4
    assert not [name for name in sys.modules if name.startswith(("agent_written", "agent_modules."))]


def test_super_in_a_class_of_the_written_code_means_what_it_always_does(tmp_path):
    code = """
        class _Plain:
            def cost(self, n):
                return n

        class _Taxed(_Plain):
            def cost(self, n):
                return super().cost(n) * 2

        def price(self, n):
            return _Taxed().cost(n)
    """
    shop = session(tmp_path, code).agent("a shop")
    assert shop.price(4) == 8
    assert shop.price(5) == 10
