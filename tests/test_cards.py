"""An agent in a notebook is a card; figures, frames and other rich results display as they always do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("ipykernel")

from kernels import kernel as started
from kernels import load, run
from kit import asked, session

from agent_repl_ui import cards

TOTAL = 'def total(self):\n    """All of it, added up."""\n    return 1'
FRAME = 'import pandas as pd\n\ndef frame(self):\n    return pd.DataFrame({"a": [1, 2]})'
FIGURE = """
class _Figure:
    def _repr_png_(self):
        return b"\\x89PNG\\r\\n\\x1a\\n"
    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"image/svg+xml": "<svg/>"}

def figure(self):
    return _Figure()
"""
SHOWN = """
from IPython.display import HTML, display

def report(self):
    display(HTML("<b>first</b>"))
    return HTML("<b>then</b>")
"""
CARDS = "from agent_repl_ui import cards\nundo = cards.install(get_ipython())"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with started(tmp_path_factory.mktemp("person")) as client:
        run(client, CARDS)
        yield client


@pytest.fixture
def grown(tmp_path):
    """An agent with one method, in this process."""
    home = session(tmp_path, TOTAL)
    agent = home.agent("analyst of {path}", name="sales", path="sales.csv")
    agent.total()
    return agent


def bundle(seen: dict[str, list[Any]]) -> dict[str, str]:
    assert not seen["error"], seen["error"]
    return seen["execute_result"][0]["data"]


# ── the card ──


def test_a_card_tells_methods_tiers_versions_and_cost(grown):
    lines = cards.as_text(grown).splitlines()
    assert lines[:3] == ["agent sales", "analyst of sales.csv", "state: path"]
    assert lines[3].split() == ["method", "tier", "accepted", "versions", "cost", "what", "it", "does"]
    assert lines[4].split()[:3] == ["total", "CACHED", "v1"]
    assert lines[4].endswith("1         free  All of it, added up.")
    assert lines[5] == "model calls: 1 · free"


def test_the_card_in_html_says_the_same(grown):
    shown = cards.as_html(grown)
    assert all(f">{cell}<" in shown for cell in ("agent sales", "analyst of sales.csv", "total", "CACHED v1", "free"))
    assert "<style" not in shown
    assert "<script" not in shown


def test_an_agent_without_methods_says_how_to_begin(tmp_path):
    home = session(tmp_path)
    agent = home.agent("analyst")
    assert cards.as_text(agent).endswith("no methods yet: call what you wish it could do")
    assert "<tr>" not in cards.as_html(agent)
    assert asked(home) == 0


def test_hostile_words_are_shown_and_do_nothing(tmp_path):
    method = "def total(self):\n    '''</td><script>alert(1)</script>'''\n    return 1"
    home = session(tmp_path, method)
    agent = home.agent("<script>alert(2)</script>\x1b[31m of {path}", path="<img src=x onerror=alert(3)>")
    agent.total()
    shown = cards.as_html(agent)
    assert "<script" not in shown
    assert "<img" not in shown
    assert "&lt;/td&gt;&lt;script&gt;" in shown
    assert "\x1b" not in shown + cards.as_text(agent)


def test_a_long_identity_is_cut(tmp_path):
    agent = session(tmp_path).agent("analyst " * 10_000)
    assert len(cards.as_text(agent)) < 700
    assert "…" in cards.as_html(agent)


# ── in a kernel ──


def test_a_cell_that_ends_in_an_agent_shows_its_card_and_asks_nobody(kernel, tmp_path):
    load(kernel, tmp_path)
    shown = bundle(run(kernel, 'sales = Agent("analyst")\nsales'))
    assert shown["text/plain"].startswith("agent analyst\nanalyst\n")
    assert "<div" in shown["text/html"]
    assert run(kernel, "print(repr(sales))")["text"][-1].startswith("<agent analyst: ")


def test_methods_and_state_of_the_persons_stay_the_persons(kernel, tmp_path):
    load(kernel, tmp_path, "def versions(self):\n    return 'mine'")
    run(kernel, 'default = __import__("agent_repl").default_session()\ndefault.mode = "auto"')
    run(kernel, 'sales = Agent("analyst", html="mine", about=1)\nsales.versions()')
    shown = bundle(run(kernel, "sales"))
    assert "state: html, about" in shown["text/plain"]
    assert "versions  CACHED v1" in shown["text/plain"]


def test_an_agent_that_wraps_a_frame_displays_as_the_frame_does(kernel, tmp_path):
    load(kernel, tmp_path)
    run(kernel, 'import pandas as pd\nframe = pd.DataFrame({"a": [1, 2]})')
    wrapping = bundle(run(kernel, 'Agent("frame of numbers", wraps=frame)'))
    assert wrapping == bundle(run(kernel, "frame"))
    assert "<table" in wrapping["text/html"]


def test_an_agent_that_wraps_what_has_no_display_of_its_own_is_a_card(kernel, tmp_path):
    load(kernel, tmp_path)
    shown = bundle(run(kernel, 'Agent("list of numbers", wraps=[1, 2])'))
    assert "wraps list" in shown["text/plain"]
    assert "wraps list" in shown["text/html"]


def test_an_agent_that_wraps_what_displays_itself_leaves_that_to_it(kernel, tmp_path):
    load(kernel, tmp_path)
    run(kernel, "class Loud:\n    def _ipython_display_(self):\n        print('here I am')")
    seen = run(kernel, 'Agent("loud one", wraps=Loud())')
    assert seen["text"][-1].endswith("here I am\n")
    assert seen["execute_result"] == []


def test_after_the_undo_an_agent_is_its_repr(kernel, tmp_path):
    load(kernel, tmp_path)
    run(kernel, "undo()")
    shown = bundle(run(kernel, 'Agent("analyst")'))
    run(kernel, CARDS)
    assert list(shown) == ["text/plain"]
    assert shown["text/plain"].startswith("<agent analyst: ")


def test_a_terminal_keeps_the_repr(grown):
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    shell = InteractiveShell(config=Config(HistoryManager={"enabled": False}))
    undo = cards.install(shell)
    shell.display_formatter.active_types = ["text/plain"]
    assert shell.display_formatter.format(grown)[0] == {"text/plain": repr(grown)}
    undo()


# ── what written methods give back ──


@pytest.fixture(scope="module")
def analyst(kernel: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    load(kernel, tmp_path_factory.mktemp("results"), FRAME, FIGURE, SHOWN)
    run(kernel, 'default = __import__("agent_repl").default_session()\ndefault.mode = "auto"')
    run(kernel, 'sales = Agent("analyst")')
    return kernel


def test_a_frame_from_a_written_method_displays_as_a_frame(analyst):
    shown = bundle(run(analyst, "sales.frame()"))
    assert "<table" in shown["text/html"]
    assert shown["text/plain"] == "   a\n0  1\n1  2"


def test_a_figure_from_a_written_method_displays_as_a_figure(analyst):
    shown = bundle(run(analyst, "sales.figure()"))
    assert shown["image/svg+xml"] == "<svg/>"
    assert shown["image/png"].startswith("iVBOR")


def test_what_written_code_displays_itself_is_displayed(analyst):
    run(analyst, "sales.report()", [])
    seen = run(analyst, "sales.report()", [])
    assert [each["data"]["text/html"] for each in seen["display_data"]] == ["<b>first</b>"]
    assert bundle(seen)["text/html"] == "<b>then</b>"
