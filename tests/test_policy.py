"""The strict policy: what it refuses, what the model is told of it, and what a person reads at last."""

from __future__ import annotations

from pathlib import Path

import pytest
from kit import Person, asked, session

import agent_repl as ar
from agent_repl.effects import KINDS, effects

RUNS = (
    "import subprocess\n\ndef double(self, n):\n    return int(subprocess.check_output(['expr', str(n), '*', '2']))\n"
)
ASKS = "import os\n\ndef double(self, n):\n    return n * int(os.environ.get('FACTOR', 3))\n"
DOUBLE = "def double(self, n):\n    return n * 2\n"


def test_a_refused_effect_goes_back_to_the_model_which_writes_it_another_way(tmp_path: Path) -> None:
    home = session(tmp_path, RUNS, DOUBLE, policy="strict")
    assert home.agent("calculator").double(2) == 4
    told = home.provider.prompts[1].user
    assert "Line 4: process is not allowed here: subprocess.check_output(" in told
    assert "import subprocess" in told


def test_when_every_try_is_refused_the_error_says_kind_line_detail_and_what_to_do(tmp_path: Path) -> None:
    home = session(tmp_path, RUNS, ASKS, RUNS, policy="strict")
    outcome = home.call(home.agent("calculator"), "double", 2)
    assert (outcome.error_type, type(outcome.error), asked(home)) == ("policy", ar.PolicyError, 3)
    for words in ("in 3 tries", "Line 4: process", "subprocess.check_output", "the settings `refuse` and `policy`"):
        assert words in str(outcome.error)
    assert [error.rule for error in outcome.error.__cause__.attempts] == ["policy"] * 3


def test_the_last_try_decides_which_error_it_is(tmp_path: Path) -> None:
    home = session(tmp_path, RUNS, "def other(self):\n    return 1\n", policy="strict", generation_retries=2)
    assert home.call(home.agent("calculator"), "double", 2).error_type == "invalid_code"


def test_what_is_wrong_with_the_code_is_said_before_what_is_refused(tmp_path: Path) -> None:
    home = session(tmp_path, RUNS.replace("double", "triple"), DOUBLE, policy="strict")
    assert home.agent("calculator").double(2) == 4
    assert "There is no method double" in home.provider.prompts[1].user


def test_only_the_kinds_that_are_named_are_refused(tmp_path: Path) -> None:
    person = Person("accept")
    home = session(tmp_path, RUNS, ASKS, policy="strict", refuse="network,process", review=person)
    assert (home.agent("calculator").double(2), asked(home)) == (6, 2)
    assert [effect.kind for effect in person.seen[0].code.effects if effect.flagged] == ["environment"]


def test_without_strict_nothing_is_refused(tmp_path: Path) -> None:
    person = Person("reject")
    home = session(tmp_path, RUNS, refuse="process", review=person)
    with pytest.raises(ar.Rejected):
        home.agent("calculator").double(2)
    assert asked(home) == 1


def test_what_a_person_types_in_the_review_is_held_to_it_too(tmp_path: Path) -> None:
    home = session(tmp_path, DOUBLE, policy="strict", review=Person(ar.Verdict("edit", source=RUNS)))
    with pytest.raises(ar.PolicyError, match=r"process in line 4: subprocess.check_output"):
        home.agent("calculator").double(2)


def test_what_a_file_that_was_named_is_read_for_is_not_refused(tmp_path: Path) -> None:
    (tmp_path / "n.txt").write_text("1\n2\n")
    home = session(
        tmp_path, "def total(self):\n    return sum(map(int, open(self.path)))\n", policy="strict", refuse="reads"
    )
    assert home.agent("adder", path=str(tmp_path / "n.txt")).total() == 3


@pytest.mark.parametrize("refuse", ["delete", "network;process", "network, process", "model", "import", "['network']"])
def test_a_kind_that_there_is_not_is_answered_with_those_that_there_are(tmp_path: Path, refuse: str) -> None:
    with pytest.raises(ar.AgentError, match="open_session: refuse takes reads, writes, deletes"):
        session(tmp_path, refuse=refuse)


@pytest.mark.parametrize("refuse", ["network,process,", "process", ",", ",".join(KINDS)])
def test_several_kinds_may_be_named(tmp_path: Path, refuse: str) -> None:
    home = session(tmp_path, RUNS, policy="strict", refuse=refuse, generation_retries=1)
    assert home.call(home.agent("calculator"), "double", 2).error_type == "policy"


@pytest.mark.parametrize(
    ("project", "given", "wanted"),
    [
        ("refuse = 'network'", {"policy": "strict", "refuse": "process"}, "network,process"),
        ("refuse = 'network'", {"policy": "strict"}, ""),
        ("refuse = ''", {"policy": "strict", "refuse": "process"}, ""),
        ("refuse = 'network'", {"policy": "strict", "refuse": ","}, ","),
        ("policy = 'strict'\nrefuse = 'network'", {}, "network"),
        ("policy = 'strict'\nrefuse = 'network'", {"refuse": "process"}, "network,process"),
        ("policy = 'strict'", {"policy": "strict", "refuse": "process"}, ""),
        ("policy = 'inform'", {"policy": "strict", "refuse": "process"}, "process"),
        ("max_calls = 3", {"policy": "strict", "refuse": "process"}, "process"),
    ],
)
def test_a_project_only_adds_kinds(tmp_path: Path, project: str, given: dict[str, str], wanted: str) -> None:
    (tmp_path / ".agent_repl").mkdir()
    (tmp_path / ".agent_repl" / "config.toml").write_text(project)
    opened = session(tmp_path, **given)
    assert opened.settings.refuse == wanted
    opened.set(max_depth=2)
    assert opened.settings.refuse == wanted


def test_every_kind_that_may_be_flagged_has_its_name_in_the_list() -> None:
    code = "import os, pickle\nopen('/etc/passwd')\nos.remove('x')\neval('1')\n[].x()()\npickle.loads(b'')\nos.x = 1\n"
    assert {effect.kind for effect in effects(code) if effect.flagged} <= {*KINDS}
