"""Where pytest is not installed: run as `python -I -B _by_hand.py TESTS.py [MODULE.py]`; it imports nothing of ours.

It knows what emitted tests use of pytest, and prints as JSON the last words of each test that failed, by its name.
"""

import doctest
import importlib.util
import json
import os
import sys
import types
from typing import Any


def main(tests: str, *modules: str) -> None:
    """Run every test, and the examples in the modules' docstrings; the module is in this folder."""
    here, tests = os.getcwd(), os.path.abspath(tests)
    sys.path.insert(0, here)
    stub: Any = types.ModuleType("pytest")
    stub.fixture = lambda **options: lambda function: function
    stub.mark = types.SimpleNamespace(skip=lambda reason: lambda function: None)
    sys.modules["pytest"] = stub
    made = _loaded(tests)
    failed = dict[str, str]()
    for name in [name for name in vars(made) if name.startswith("test_") and callable(vars(made)[name])]:
        os.chdir(getattr(made, "DATA", os.path.dirname(tests)))
        try:
            vars(made)[name]()
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {error}"
    if any(doctest.testmod(_loaded(os.path.join(here, each)), report=False).failed for each in modules):
        failed["the examples"] = "an example in the docstring answers otherwise"
    print("\n" + json.dumps(failed))


def _loaded(path: str) -> Any:
    spec: Any = importlib.util.spec_from_file_location(os.path.basename(path)[:-3], path)
    made = importlib.util.module_from_spec(spec)
    sys.modules[made.__name__] = made
    spec.loader.exec_module(made)
    return made


if __name__ == "__main__":
    main(*sys.argv[1:])
