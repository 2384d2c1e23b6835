"""Source made runnable so that tracebacks, `inspect.getsource` and debuggers show it."""

from __future__ import annotations

import ast
import linecache
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..errors import ModuleError
from ..records import Code

PACKAGE = "agent_modules"
CALLS = "__agent_calls__"


def namespace(name: str, filename: str, source: str, calls: frozenset[str]) -> dict[str, Any]:
    """Fresh globals for one unit: `calls`, the methods that it calls, marks its frames as written code."""
    linecache.cache[filename] = (len(source), None, [f"{line}\n" for line in source.split("\n")], filename)
    loader = SimpleNamespace(get_source=lambda name: source)  # for `linecache`, when no file holds it any more
    return {"__name__": name, "__file__": filename, "__loader__": loader, CALLS: calls}


def unit_scope(label: str, filename: str, code: Code) -> dict[str, Any]:
    """The globals of a unit; `super` in its method means what the agent has beside its own methods."""
    scope = namespace(f"agent_written.{label}", filename, code.source, code.calls)
    return scope | {"super": above} if "super" in code.source else scope


def above(*given: Any) -> Any:
    """`super` for a method that stands in no class; in a class of the unit's own it means what it always does."""
    frame = sys._getframe(1)
    if given:
        return super(*given)
    me = frame.f_locals[frame.f_code.co_varnames[0]]
    if "__class__" in frame.f_code.co_freevars:
        return super(frame.f_locals["__class__"], me)
    return super(next(kind for kind in type(me).__mro__ if "_agent_repl_identity_" in vars(kind)), me)


@contextmanager
def findable(scope: dict[str, Any]) -> Iterator[None]:
    """Let these globals be found under their name while code is run in them: so a dataclass looks annotations up."""
    home: Any = type("Home", (), {})()
    home.__dict__ = scope
    sys.modules[scope["__name__"]] = home
    try:
        yield
    finally:
        sys.modules.pop(scope["__name__"], None)


def load_class(
    path: Path, source: str, label: str, wanted: str, calls: frozenset[str], tree: ast.Module | None = None
) -> type:
    """The class in a file that is run as `agent_modules.<label>`, never through `sys.path`; raises ModuleError.

    With a `tree` that is run, of the file or a part of it; `source` is what tracebacks show all the same.
    Its module can be found by name only while it runs: what reloads changed files does not reach it, and cloudpickle,
    which Dask, Ray and Spark use, sends its functions as they are, since no other process could import them.
    """
    scope = namespace(f"{PACKAGE}.{label}", str(path), source, calls)
    try:
        with findable(scope):
            exec(compile(tree or source, str(path), "exec", dont_inherit=True), scope)
    except (Exception, SystemExit) as error:
        raise ModuleError(f"{path} does not load: {type(error).__name__}: {error}") from error
    found = scope.get(wanted)
    if not isinstance(found, type):
        raise ModuleError(f"{path} defines no class {wanted}")
    return found
