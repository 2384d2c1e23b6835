"""Emitted files are tried in a folder of their own, by a Python that knows nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from agent_repl.errors import ModuleError

Files = Mapping[str, bytes]
"""What is written, by the path below one folder."""
SECONDS = 120


def failures(files: Files, module: str, tests: str) -> dict[str, str]:
    """Import the module and run the tests under `python -I`; the last words of each test that failed, by its name.

    Raises ModuleError where the module does not import, or where that takes longer than `SECONDS`.
    """
    with TemporaryDirectory(prefix="emitted-", ignore_cleanup_errors=True) as place:
        folder, report = Path(place, "files"), Path(place, "report.json")
        for name, held in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(held)
        program = [sys.executable, "-I", "-B", str(Path(__file__).with_name("_alone.py"))]
        environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
        try:
            done = subprocess.run(
                [*program, str(folder), module, tests, str(report)],
                capture_output=True,
                stdin=subprocess.DEVNULL,
                timeout=SECONDS,
                check=False,
                env=environment,
            )
        except subprocess.TimeoutExpired as error:
            raise ModuleError(f"its tests take more than {SECONDS} s, so nothing was written") from error
        if not report.exists():
            said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
            raise ModuleError(f"its tests end Python ({said or done.returncode}), so nothing was written")
        found = json.loads(report.read_text(encoding="utf-8"))
    if found["error"]:
        raise ModuleError(f"the class does not import on its own, so nothing was written: {found['error']}")
    failed: dict[str, str] = found["failed"]
    return failed
