"""What was described becomes a file of one's own: a subclass that imports the original."""

from __future__ import annotations

import ast
import keyword
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from textwrap import wrap
from typing import Any

from agent_repl.atomic import replace_file
from agent_repl.control import Described, described
from agent_repl.errors import ModuleError
from agent_repl.modules import Part, class_name, render
from agent_repl.pipeline.words import described_by
from agent_repl_code.unit import method_of

_OURS = "It was saved by agent_repl: what it describes stands above each method."


def save(obj: Any, as_: str, path: str | Path | None = None) -> Path:
    """Write, or replace, a file with what was described for an object or a class, as a subclass `as_` of its class.

    The words stand as comments above each method. `path` is by default the name in snake_case here. Raises ModuleError
    for what cannot be imported on its own, and for a file that `save` did not write; OSError where none can be written.
    """
    cls = obj if isinstance(obj, type) else type(obj)
    if not as_.isidentifier() or keyword.iskeyword(as_) or class_name(as_) != as_ or as_ == cls.__name__:
        raise ModuleError(
            f"{as_!r} cannot be the subclass: give the name of a class, not {cls.__name__}, as in FastRobot"
        )
    places = (*map(vars, reversed(cls.__mro__)), getattr(obj, "__dict__", {}))  # the object's own last
    found = {name: about for place in places for name, value in place.items() if (about := described(value))}
    if not found:
        raise ModuleError(f"nothing was described for this {cls.__name__} yet: describe it first")
    file = Path(path) if path is not None else Path(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", as_).lower() + ".py")
    if file.exists() and _OURS not in file.read_text(encoding="utf-8", errors="replace"):
        raise ModuleError(f"{file} is not a file that was saved before: give another path, or remove it")
    replace_file(file, _file(cls, as_, found))
    return file


def _file(cls: type, as_: str, found: Mapping[str, Described]) -> str:
    """The text of the file."""
    module = cls.__module__
    if module == "__main__":
        module = Path(getattr(sys.modules[module], "__file__", None) or "").stem
    if not module or "." in cls.__qualname__:
        raise ModuleError(f"{cls.__name__} cannot be imported: put it at the top of a file, and import it from there")
    parts = [Part(name, _commented(name, about)) for name, about in found.items()]
    about = f"A {cls.__name__} with the methods that were described for it."
    return render(as_, about, parts, {}, f"{about}\n\n{_OURS}\n", f"{module}:{cls.__qualname__}")


def _commented(name: str, about: Described) -> str:
    """The source with the words that it was described by, as comments right above the method."""
    known = [v for v in about.store.versions(about.version.key) if v.number <= about.version.number]
    words = [described_by(version)[0] for version in known if described_by(version)[0]]
    method, lines = method_of(ast.parse(about.version.source), name), about.version.source.split("\n")
    first = min([method.lineno, *(mark.lineno for mark in method.decorator_list)]) if method else 1
    said = [f"# {line}" for line in wrap(words[-1], 100)]
    return "\n".join([*lines[: first - 1], *said, *lines[first - 1 :]])
