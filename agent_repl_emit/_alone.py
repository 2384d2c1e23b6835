"""Run by itself as `python -I -B _alone.py FOLDER MODULE TESTS REPORT`; it imports nothing of its neighbours.

FOLDER holds an emitted class in MODULE.py; TESTS is its test file's path in FOLDER, or "". REPORT is written as JSON:
`error`, why the module cannot be imported ("": it can), and `failed`, the last words of each test that failed, by name.
Tests are run by pytest where it is installed, otherwise by `_by_hand`, which knows what emitted tests use of it.
"""

import doctest
import importlib
import importlib.util
import json
import os
import sys
import types
from typing import Any


def main(folder: str, module: str, tests: str, report: str) -> None:
    """Try, and write the report."""
    sys.path.insert(0, folder)
    os.chdir(folder)
    error = ""
    failed: dict[str, str] = {}
    try:
        made = importlib.import_module(module)
        if tests:
            path = os.path.join(folder, tests)
            failed = (_by_pytest if importlib.util.find_spec("pytest") else _by_hand)(path)
            if doctest.testmod(made, report=False).failed:
                failed["the examples"] = "an example in the docstring answers otherwise"
    except BaseException as raised:  # whatever it is, the report says it
        error = f"{type(raised).__name__}: {raised}"
    with open(report, "w", encoding="utf-8") as file:
        json.dump({"error": error, "failed": failed}, file)


def _by_pytest(path: str) -> dict[str, str]:
    import pytest

    failed: dict[str, str] = {}

    class Listener:
        def pytest_runtest_logreport(self, report: Any) -> None:
            if report.failed:
                crash = getattr(report.longrepr, "reprcrash", None)
                words = crash.message if crash else str(report.longrepr)
                failed[report.nodeid.rpartition("::")[2]] = words.strip().split("\n")[0]

        def pytest_collectreport(self, report: Any) -> None:
            if report.failed:
                failed["the test file"] = str(report.longrepr).strip().split("\n")[-1]

    root = os.path.dirname(path)
    code = pytest.main(["-q", "-p", "no:cacheprovider", "--rootdir", root, "--confcutdir", root, path], [Listener()])
    if code not in (0, 1) and not failed:
        failed["the test file"] = f"pytest ended with {code}"
    return failed


def _by_hand(path: str) -> dict[str, str]:
    stub: Any = types.ModuleType("pytest")
    failed: dict[str, str] = {}
    stub.fixture = lambda **options: lambda function: function
    stub.mark = types.SimpleNamespace(skip=lambda reason: lambda function: None)
    sys.modules["pytest"] = stub
    spec = importlib.util.spec_from_file_location("tests_by_hand", path)
    if spec is None or spec.loader is None:
        return {"the test file": "it cannot be read"}
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    for name, function in vars(made).items():
        if name.startswith("test_") and callable(function):
            os.chdir(getattr(made, "DATA", os.path.dirname(path)))
            try:
                function()
            except Exception as error:
                failed[name] = f"{type(error).__name__}: {error}".strip().split("\n")[0]
    return failed


if __name__ == "__main__":
    main(*sys.argv[1:])
