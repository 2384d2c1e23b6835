"""The notebooks run from their first cell to their last in a real kernel; one that nobody can answer stops in words."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
LOAD = "%load_ext agent_repl"
DEEP = 'deep = Agent("deep thought")'


def read(name: str) -> Any:
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def ran(notebook: Any, **options: Any) -> Any:
    """The notebook as it is after a run in which nobody can answer."""
    NotebookClient(notebook, timeout=120, kernel_name="python3", **options).execute()
    return notebook


def outputs(notebook: Any, mime: str = "") -> list[Any]:
    every = [each for cell in notebook.cells if cell.cell_type == "code" for each in cell.outputs]
    return [each["data"][mime] for each in every if mime in each.get("data", {})] if mime else every


# ── those that are shipped ──


def test_the_tour_the_analysis_the_many_machines_and_the_demos_are_there():
    demos = ["assistant", "calculator", "file_questions", "inactive_users"]
    assert sorted([*demos, "five_minute_tour", "live_analysis", "many_machines"]) == NOTEBOOKS


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_kept_without_its_outputs(name):
    cells = [cell for cell in read(name).cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in cells)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_says_that_its_answers_are_scripted_and_how_to_have_others(name):
    opening = read(name).cells[0].source
    assert "answers in this notebook are scripted" in opening
    assert "AGENT_REPL_PROVIDER" in opening


def test_the_tour_runs():
    shown = ran(read("five_minute_tour"))
    said = str(outputs(shown))
    assert "agent_repl · scripted" in said
    assert "NEW v1" in said
    assert "CHANGED v2" in said
    assert "Decimal('70.0')" in outputs(shown, "text/plain")
    assert "10.00" in said
    assert shown.cells[-1].outputs[0]["text"].startswith("3 model calls; ")
    assert sum("· scripted\n" in text for text in outputs(shown, "text/plain")) == 3


def test_the_analysis_runs_and_is_right():
    shown = ran(read("live_analysis"))
    said = str(outputs(shown))
    assert "23 sales, and there are 23; revenue 8053.16, and it is 8053.16" in said
    assert sum("<table" in page for page in outputs(shown, "text/html")) >= 4
    assert [chart.count("<rect") for chart in outputs(shown, "image/svg+xml")] == [4, 4]
    assert shown.cells[-1].outputs[0]["text"].startswith("4 model calls; ")


def test_the_methods_of_many_machines_answer_there_as_here():
    shown = ran(read("many_machines"))
    said = "".join(each.get("text", "") for each in outputs(shown))
    assert "agent_repl is here: True" not in said
    maps = 3 + (find_spec("distributed") is not None)
    assert said.count("agent_repl is here: False\n") == maps, said
    assert said.count("100 partitions, the same as here: True\n") == maps
    dask = "DataFrame of 100 partitions, nothing computed; then 198 rows" in said
    assert dask == (maps == 4)
    assert shown.cells[-1].outputs[0]["text"].startswith(f"{2 + dask} model calls; ")


@pytest.mark.parametrize(
    ("name", "right", "calls"), [("file_questions", 6, 4), ("inactive_users", 4, 3), ("calculator", 17, 6)]
)
def test_the_notebook_of_a_demo_runs_and_is_right(name, right, calls):
    shown = ran(read(name))
    said = "".join(each.get("text", "") for each in outputs(shown))
    assert said.count("right") == right, said
    assert "WRONG" not in said
    assert "not solved" not in said
    assert shown.cells[-1].outputs[0]["text"].startswith(f"{calls} model calls; ")


def test_the_assistant_grows_and_leaves():
    shown = ran(read("assistant"))
    said = "".join(each.get("text", "") for each in outputs(shown))
    assert said.count("right") == 12, said
    assert said.count("CRYSTALLIZED") >= 3
    assert "'cleo@example.org': ['Trip to Porto']" in said
    assert "written ahead: 2" in said
    assert "('hugo@example.org', 0)" in outputs(shown, "text/plain")
    assert shown.cells[-1].outputs[0]["text"].startswith("7 model calls; ")


@pytest.mark.model
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_reaches_its_end_with_the_embedded_model(name, monkeypatch):
    monkeypatch.setenv("AGENT_REPL_PROVIDER", "local")
    shown = ran(read(name), allow_errors=True)
    written = [text for text in outputs(shown, "text/plain") if " v1 · " in text and "scripted" not in text]
    assert written, str(outputs(shown))
    assert "ends here" in shown.cells[-1].outputs[-1]["text"]
    assert not shown.cells[-1].outputs[-1]["text"].startswith("0 model calls")


# ── where nobody can answer ──


def headless(*cells: str) -> Any:
    return new_notebook(cells=[new_code_cell(cell) for cell in cells])


@pytest.fixture
def learnt(own_home: Path) -> None:
    """One method of "deep thought" that was accepted before."""
    from kit import session

    session(own_home, "def answer(self):\n    return 6 * 7").agent("deep thought").answer()


def executed(path: Path) -> subprocess.CompletedProcess[str]:
    """What `jupyter execute` does with a notebook."""
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = [sys.executable, "-m", "jupyter", "execute", path.name]
    environment = {**os.environ, "PATH": programs}
    return subprocess.run(command, cwd=path.parent, env=environment, capture_output=True, text=True, timeout=120)


def test_a_notebook_that_nobody_answers_stops_in_two_lines():
    notebook = headless(LOAD, DEEP, "deep.answer()", "print('not reached')")
    with pytest.raises(CellExecutionError, match=r"no accepted code fits deep_thought\.answer"):
        ran(notebook)
    told = "\n".join(notebook.cells[2].outputs[0]["traceback"]).splitlines()
    assert len(told) == 2
    assert "`cached`" in told[0]
    assert "set review to `auto` or `later`" in told[1]
    assert notebook.cells[3].outputs == []


def test_a_notebook_that_nobody_answers_runs_what_was_accepted(learnt):
    notebook = ran(headless(LOAD, DEEP, "deep.answer()"))
    assert outputs(notebook, "text/plain") == ["42"]


def test_jupyter_execute_fails_with_what_to_do_next(tmp_path):
    path = tmp_path / "miss.ipynb"
    nbformat.write(headless(LOAD, DEEP, "deep.answer()"), path)
    done = executed(path)
    assert done.returncode != 0
    assert "CacheMiss: no accepted code fits deep_thought.answer" in done.stderr
    assert "Call it where a person can review it" in done.stderr
    assert "agent_repl/pipeline" not in done.stderr


def test_jupyter_execute_runs_what_was_accepted(tmp_path, learnt):
    path = tmp_path / "hit.ipynb"
    nbformat.write(headless(LOAD, DEEP, "assert deep.answer() == 42"), path)
    assert executed(path).returncode == 0


def test_captured_and_redirected_cells_run_what_was_accepted_and_write_nothing(learnt, own_home):
    from kernels import kernel, load, run

    with kernel(own_home) as client:
        load(client, own_home, "def other(self):\n    return 1", answers=[])
        run(client, DEEP, [])
        run(client, "%%capture\nfound = deep.answer()", [])
        assert run(client, "found", [])["execute_result"][0]["data"]["text/plain"] == "42"
        for cell in (
            "%%capture\ndeep.other()",
            "import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()):\n    deep.other()",
        ):
            seen = run(client, cell, [])
            assert seen["asked"] == []
            assert seen["error"][0].startswith("ReviewRequired: deep_thought.other is not written yet")
            assert len(seen["traceback"]) == 2
