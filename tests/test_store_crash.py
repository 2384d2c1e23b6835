"""Writers are killed again and again: what was acknowledged is there and whole, and nothing else is served."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="SIGKILL and fork are POSIX matters")
DRIVER = Path(__file__).with_name("crash_driver.py")


@pytest.mark.parametrize("rounds", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_what_was_acknowledged_survives_every_kill_and_a_json_file_does_not(tmp_path: Path, rounds: int) -> None:
    memory = Path("/dev/shm")  # a kill needs no disk, and without one there are many more writes a second
    with TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as folder:
        command = [sys.executable, str(DRIVER), folder, str(rounds), "1"]
        done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    print(found)
    wrong = [name for name in found if any(word in name for word in ("lost", "served", "damaged", "died"))]
    assert {name: found[name] for name in wrong if found[name] and "control" not in name} == {}
    assert len(wrong) >= 14
    assert found["kills"] == rounds * 6  # three writers and three of the control
    assert found["acknowledged"] > 5 * rounds
    assert found["control: lost"] > 0  # so this test can see a loss
