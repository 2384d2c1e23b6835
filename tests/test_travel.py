"""Pinned and emitted methods run where there is no agent_repl; frames that are lazy are never computed."""

from __future__ import annotations

import gc
import importlib
import json
import os
import pickle
import runpy
import subprocess
import sys
import sysconfig
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from kit import session

from agent_repl import ModuleError, define, emit, pin
from agent_repl.modules import load_class
from agent_repl.signature import signature
from agent_repl_data.profile import profile

ROOT = Path(__file__).parents[1]
PACKAGES = sysconfig.get_path("purelib")
ELSEWHERE = """
import json, pickle, sys
sys.path += sys.argv[1:]
try:
    import agent_repl
except ModuleNotFoundError:
    print(json.dumps([call() for call in pickle.load(sys.stdin.buffer)]))
"""
"""A machine without agent_repl that is sent calls: it has nothing but Python and the directories that it is told."""

TIDY = '''
import re
from dataclasses import dataclass
from decimal import Decimal as Number
LIMIT = 3
@dataclass(frozen=True)
class _Rule:
    pattern: str
    by: str = " "
    def applied(self, text: str) -> str:
        return re.sub(self.pattern, self.by, text)
def _short(text):
    return _Rule(r"\\s+").applied(text)[:LIMIT] if text else ""
def tidy(self, texts, unit=1):
    """Each text, short."""
    import math
    def numbered(number, text):
        return f"{number * unit + self.first}: {_short(text)!s:>{LIMIT + math.floor(1.5)}}"
    return [numbered(number, text) for number, text in enumerate(texts)] + [str(Number(LIMIT))]
'''
BOTH = "def both(self, texts):\n    return self.tidy(texts) + self.tidy(texts[:1])\n"
TEXTS = ["a   long one", "", "\tb"]
FIRST = ["1:  a l", "2:     ", "3:    b", "3"]


def sent(directory: Path, *calls: Any, known: tuple[Path, ...] = ()) -> list[Any]:
    """What the calls answer in a bare Python in an empty directory, to which cloudpickle has sent them."""
    import cloudpickle

    (directory / "empty").mkdir(exist_ok=True)
    command = [sys.executable, "-I", "-S", "-c", ELSEWHERE, PACKAGES, *map(str, known)]
    done = subprocess.run(command, input=cloudpickle.dumps(calls), capture_output=True, cwd=directory / "empty")
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


@pytest.fixture(autouse=True)
def _nothing_left():
    """What these sessions leave is taken away here: Python 3.13 warns of a database that nobody closed."""
    yield
    gc.collect()


@pytest.fixture
def sales(tmp_path):
    agent = session(tmp_path).agent("sales from {first}", name="sales", first=5)
    define(agent.tidy, TIDY)
    define(agent.both, BOTH)
    return agent


# ── pinned ──


def test_a_pinned_method_travels_by_value_with_whatever_has_what_it_reads_of_self(sales, tmp_path):
    tidy, plain = type(sales).tidy, SimpleNamespace(**vars(sales))
    assert sales.tidy(TEXTS) == ["5:  a l", "6:     ", "7:    b", "3"] == tidy(plain, TEXTS)
    assert sent(tmp_path, partial(tidy, plain, TEXTS), partial(tidy, plain, TEXTS, unit=2)) == [
        sales.tidy(TEXTS),
        sales.tidy(TEXTS, unit=2),
    ]


def test_a_pinned_method_travels_from_a_session_that_only_loads_it(sales, tmp_path):
    again = session(tmp_path).agent("sales from {first}", name="sales", first=5)
    assert sent(tmp_path, partial(type(again).tidy, SimpleNamespace(first=1), TEXTS)) == [FIRST]


def test_what_serves_for_a_broken_class_file_travels_as_well(sales, tmp_path):
    pin(sales.tidy).write_text("def (")
    again = session(tmp_path).agent("sales from {first}", name="sales", first=5)
    assert sent(tmp_path, partial(type(again).tidy, SimpleNamespace(first=1), TEXTS)) == [FIRST]


def test_a_class_file_is_found_by_name_only_while_it_runs(sales, tmp_path):
    def ours():
        return [name for name in sys.modules if name.startswith("agent_modules")]

    annotated = "from dataclasses import dataclass\n@dataclass\nclass Sales:\n    n: 'int'\n"
    assert load_class(tmp_path / "sales.py", annotated, "sales", "Sales", frozenset())(3).n == 3
    with pytest.raises(ModuleError):
        load_class(tmp_path / "sales.py", "1/0", "sales", "Sales", frozenset())
    assert sales.both(TEXTS[:1])
    assert ours() == []
    with pytest.raises(pickle.PicklingError, match=r"agent_modules\.sales"):
        pickle.dumps(type(sales).tidy)


def test_a_live_agent_is_missed_by_name_where_there_is_no_agent_repl(sales, tmp_path):
    with pytest.raises(AssertionError, match="No module named 'agent_repl'"):
        sent(tmp_path, partial(sales.tidy, TEXTS))


# ── the class file, and what was emitted ──


@pytest.mark.parametrize("written", [lambda agent, path: pin(agent.tidy), emit], ids=["pinned", "emitted"])
def test_a_class_that_was_run_travels_by_value_with_its_siblings(sales, tmp_path, written):
    made = runpy.run_path(str(written(sales, tmp_path / "analyst.py")))["Sales"]
    assert sent(tmp_path, partial(made(5).both, TEXTS)) == [sales.both(TEXTS)]


def test_a_class_that_was_imported_travels_by_reference(sales, tmp_path, monkeypatch):
    import cloudpickle

    (tmp_path / "here").mkdir()
    emit(sales, tmp_path / "here" / "analyst_by_reference.py")
    monkeypatch.syspath_prepend(tmp_path / "here")
    monkeypatch.delitem(sys.modules, "analyst_by_reference", raising=False)
    call = partial(importlib.import_module("analyst_by_reference").Sales(5).both, TEXTS)
    assert len(cloudpickle.dumps(call)) < 300
    with pytest.raises(AssertionError, match="No module named 'analyst_by_reference'"):
        sent(tmp_path, call)
    assert sent(tmp_path, call, known=(tmp_path / "here",)) == [sales.both(TEXTS)]


# ── a worker of Dask's ──


def told(story: str, directory: Path) -> Any:
    """What the driver says of one story, in a process of its own: Dask stays out of this one."""
    if find_spec("distributed") is None:
        pytest.skip("dask is not installed")
    driver = Path(__file__).with_name("travel_driver.py")
    command = [sys.executable, str(driver), story, str(directory)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=directory, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


SAME = [100, 297, True]
"""Partitions, rows, and whether the rows are those of the same calls here."""


@pytest.mark.slow
def test_a_pinned_method_is_mapped_over_a_hundred_partitions_where_there_is_no_agent_repl(tmp_path):
    mapped, has, is_another_process, files = told("pinned", tmp_path)
    assert mapped == SAME
    assert has == ["pandas"]
    assert is_another_process
    assert files == ["scratch"]


@pytest.mark.slow
def test_an_emitted_class_is_mapped_by_value(tmp_path):
    assert told("emitted_by_value", tmp_path) == [SAME, []]


@pytest.mark.slow
def test_an_emitted_class_is_mapped_by_reference_to_its_uploaded_file(tmp_path):
    assert told("emitted_by_reference", tmp_path) == [SAME, ["accounts_plain"]]


@pytest.mark.slow
def test_nothing_of_a_dask_frame_is_computed_before_a_person_does(tmp_path):
    seen = told("lazy", tmp_path)
    kind = "dask:DataFrame(name: string, amount: string)"
    assert seen["told"] == [kind, f"frame: {kind}", "dask:Series[string]", "names: dask:Series[string]"]
    assert f"arg1: {kind}" in seen["lines"]
    assert f"self.frame: {kind}" in seen["lines"]
    assert seen["prompts"] == 3
    assert set(seen["kinds"]) == {"dask"}
    assert seen["same"]
    assert seen["before"] == [0, False]
    assert seen["after"][0] >= 100 == seen["after"][1]
    assert seen["right"]


# ── frames of Spark, as far as they can be had without a JVM ──


class Job(BaseException):
    """Something was asked of a frame that may start a job."""


@pytest.fixture
def spark(monkeypatch):
    """A frame by the name of Spark's, which can be asked for nothing at all."""

    def job(self, *args):
        raise Job(args)

    names = "repr str len iter bool getattr getitem contains eq hash copy deepcopy reduce_ex format"
    special = {f"__{name}__": job for name in names.split()}
    frame = type("DataFrame", (), {"__module__": "pyspark.sql.dataframe", **special})
    module = ModuleType("pyspark.sql.dataframe")
    module.DataFrame = frame
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return frame()


def test_a_spark_frame_is_asked_for_nothing(spark, tmp_path):
    assert signature(spark) == "pyspark.sql.dataframe.DataFrame"
    assert profile(spark, "frame") == "frame: pyspark.sql.dataframe.DataFrame"
    home = session(tmp_path, "def given(self, frame):\n    return frame", "def kept(self):\n    return self.frame")
    agent = home.agent("accounts", name="accounts", frame=spark)
    assert agent.given(spark) is spark
    assert agent.given(spark) is spark
    assert agent.kept() is spark
    assert "arg1: pyspark.sql.dataframe.DataFrame" in home.provider.prompts[0].user
    pin(agent.given)
    assert agent.given(spark) is spark
    assert repr(agent).startswith("<agent accounts")
    assert agent.getdoc()
