"""A disk that is full, in a child process that may write no file beyond a size: calls run, and nothing is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent_repl import ScriptedProvider, open_session, versions

pytestmark = pytest.mark.skipif(os.name != "posix", reason="RLIMIT_FSIZE is a POSIX matter")

READ = "```python\ndef read(self, a):\n    return a + self.factor\n```"
CHILD = """
import resource, sys
from agent_repl import Agent, ScriptedProvider, open_session
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
writing = "```python\\ndef add_{0}(self, a, b):\\n{1}    return a + b + self.factor + {0}\\n```"
comments = "".join(f"    # comment {n} of forty\\n" for n in range(40))
provider = ScriptedProvider([writing.format(n, comments) for n in range(20)])
session = open_session(sys.argv[1], provider, review="auto")
agent = session.agent("adder", factor=3)
assert sys.argv[3] == "new" or agent.read(1) == 4
for _ in range(2):
    found = [session.call(agent, f"add_{n}", 100, 200) for n in range(20)]
    assert [outcome.value for outcome in found] == list(range(303, 323)), found[-1].error or found[-1].value
assert len(provider.prompts) == 20
print(session.store.where, *session.store.notes, sep=" | ")
"""
SIZES = [0, 4096, 33_000, 40_000, 70_000, 140_000]
"""Nothing; not the -shm file, without which SQLite does not even read; and ever later in the growth of the others."""


def child(home: Path, size: int, what: str = "known") -> str:
    command = [sys.executable, "-c", CHILD, str(home), str(size), what]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("size", SIZES)
def test_calls_run_on_a_full_disk_and_what_was_accepted_is_there_when_there_is_room(tmp_path: Path, size: int) -> None:
    home = tmp_path / "home"
    agent = open_session(home, ScriptedProvider([READ]), "auto").agent("adder", factor=3)
    assert agent.read(1) == 4
    said = child(home, size)
    assert ("memory" in said) == (size < 33_000)
    later = open_session(home, review="cached")
    again = later.agent("adder", factor=5)
    assert again.read(1) == 6
    assert [version.verdict for version in versions(again.read)] == ["accepted"]
    assert not any("damaged" in note for note in later.store.notes)
    for name in ("read", *(name for name in later.store.entries("adder") if name != "read")):
        assert later.call(again, name, *(1, 2)[: 1 + (name != "read")]).status == "ok"


@pytest.mark.parametrize("size", [0, 33_000, 70_000])
def test_a_new_home_on_a_full_disk_stops_no_call(tmp_path: Path, size: int) -> None:
    child(tmp_path / "home", size, "new")
    agent = open_session(tmp_path / "home", ScriptedProvider([READ]), "auto").agent("adder", factor=3)
    assert agent.read(1) == 4
