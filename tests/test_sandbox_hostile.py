"""Hostile programs do no harm in a sandbox; that each could is seen where nothing holds it. Benign ones run."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hostile_programs import BENIGN, PROGRAMS
from hostile_world import World

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has Landlock")
PLAIN = {"answers_with_a_number_that_cannot_be_shown"}  # a whole number is data, however long: Python itself declines
LIMITS = {"max_run_seconds": 1, "max_run_memory": 512}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("hostile"))
    yield made
    made.close()


def test_there_are_enough_of_them_by_mechanism():
    assert len(PROGRAMS) >= 120
    assert len({each.kind for each in PROGRAMS.values()}) >= 25
    assert len(BENIGN) >= 20


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_sandbox_holds_it(world, name):
    seen = world.run(PROGRAMS[name], "sandbox", **LIMITS)
    assert world.report["type"] in ("", "execution"), world.report
    assert seen <= ({"answer"} if name in PLAIN else set()), world.report


def controls() -> Iterator[Any]:
    """Those that can be shown to do harm: one of each mechanism at once, the others in `test-all`."""
    shown = set[str]()
    for name, each in sorted(PROGRAMS.items(), key=lambda pair: pair[1].control == "root"):  # for any user, if possible
        if each.control != "none":
            yield pytest.param(name, marks=[pytest.mark.slow] * (each.kind in shown))
            shown.add(each.kind)


@pytest.mark.parametrize("name", list(controls()))
def test_it_does_harm_where_nothing_holds_it(world, name):
    program = PROGRAMS[name]
    if program.control == "root" and os.geteuid():
        pytest.skip("only root can do this harm")
    place, settings = ("trusting", LIMITS) if program.control == "trusting" else ("inline", {})
    seen = world.run(program, place, seconds=1.5 if program.harm == "hung" else 10, **settings)
    assert program.harm in seen, world.report


@pytest.mark.parametrize("name", BENIGN)
def test_what_is_benign_runs_in_a_sandbox(world, name):
    useful = BENIGN[name]
    place = world.folder / "numbers.txt"
    place.write_text("1\n2\n3\n")
    host = world.host("sandbox", **LIMITS)
    asked = {"useful": 1, "number": list(BENIGN).index(name), "name": name, "source": useful.source}
    report = host.ask({**asked, "path": str(place), "args": repr(useful.args)})
    assert report["value"] == repr(useful.answer), report


def test_nothing_was_changed_later(world):
    assert set(world.late()) <= {name for name, each in PROGRAMS.items() if each.harm == "locked"}
