"""Emitted files are tried in a folder of their own, by a Python that knows nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

from agent_repl.errors import ModuleError

SECONDS = 120
PYTEST = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--doctest-modules", "--junitxml=../report.xml"]


def failures(files: Mapping[str, bytes], module: str, tests: str, examples: bool) -> dict[str, str]:
    """Run the module, and the tests by pytest where it is installed; the last words of each that failed, by its name.

    `files` are given by their paths below one folder, `tests` is "" for none; with `examples` the module's docstring
    has some. Raises ModuleError where the module does not import, or where anything takes longer than `SECONDS`.
    """
    with TemporaryDirectory(prefix="emitted-", ignore_cleanup_errors=True) as place:
        folder = Path(place, "files")
        for name, held in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(held)
        done = _python([module], folder)
        if done.returncode:
            last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2] or "no message"
            raise ModuleError(f"the class does not import on its own, so nothing was written: {last}")
        return _tested(folder, [module] * examples, tests) if tests else {}


def _tested(folder: Path, shown: list[str], tests: str) -> dict[str, str]:
    done = _python([*PYTEST, "--rootdir", ".", *shown, tests], folder)
    by_hand = b"No module named pytest" in done.stderr
    if by_hand:
        program = Path(__file__).with_name("_by_hand.py")
        done = _python([str(program), tests, *shown], folder)
    try:
        if by_hand:
            found: dict[str, str] = json.loads(done.stdout.decode().strip().rpartition("\n")[2])
            return found
        cases = ElementTree.parse(folder.with_name("report.xml")).iter("testcase")
    except (OSError, ValueError, ElementTree.ParseError):
        said = (done.stdout + done.stderr).decode(errors="replace").strip().rpartition("\n")[2]
        raise ModuleError(f"its tests do not run, so nothing was written: {said or done.returncode}") from None
    wrong = {case.get("name", ""): each for case in cases for each in case if each.tag in ("failure", "error")}
    return {name: each.get("message", "").partition("\n")[0] for name, each in wrong.items()}


def _python(words: list[str], folder: Path) -> subprocess.CompletedProcess[bytes]:
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    program, nothing = [sys.executable, "-I", "-B", *words], subprocess.DEVNULL
    try:
        return subprocess.run(
            program, cwd=folder, env=environment, stdin=nothing, capture_output=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ModuleError(f"its tests take more than {SECONDS} s, so nothing was written") from error
