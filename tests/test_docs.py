"""The pictures in the README are there, and come from the running program."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def test_every_picture_of_the_readme_is_there() -> None:
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(pictures) >= 3
    assert [name for name in pictures if not (ROOT / name).is_file()] == []


@pytest.mark.slow
def test_the_pictures_can_be_made_again(tmp_path: Path) -> None:
    pytest.importorskip("pexpect")
    subprocess.run([sys.executable, str(ROOT / "docs" / "screens.py"), str(tmp_path)], check=True, timeout=240)
    drawn = {name: (tmp_path / name).read_text(encoding="utf-8") for name in ("shell.svg", "review.svg")}
    assert "CACHED" in drawn["shell.svg"]
    assert "CHANGED" in drawn["review.svg"]
    assert "answers&#160;change" in drawn["review.svg"]
