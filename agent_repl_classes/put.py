"""Accepted code becomes a method of a class, or of one object, where super() reaches what was there before."""

from __future__ import annotations

import ast
from collections.abc import MutableMapping
from typing import Any
from weakref import WeakKeyDictionary

from agent_repl.control import DESCRIBED, Described, described
from agent_repl.modules import findable, namespace
from agent_repl.protocols import Store
from agent_repl.records import Code, Version
from agent_repl_code.unit import method_of, parameters

from .about import Subject

_MAKER = "__agent_repl_made__"
_originals: MutableMapping[type, dict[str, Any]] = WeakKeyDictionary()
"""What a class itself defined by the names that methods from words have taken."""


def put(subject: Subject, store: Store, version: Version, code: Code) -> None:
    """Run the code's definition time, then let the method serve; what raises leaves the class as it was."""
    __tracebackhide__ = True
    made, cls = _defined(subject, store, version, code), subject.cls
    if subject.scope == "singleton":
        subject.named.__dict__[code.name] = made.__get__(subject.named, cls)
        return
    here = vars(cls).get(code.name)
    if here is not None and not described(here):
        _originals.setdefault(cls, {})[code.name] = here
    setattr(cls, code.name, made)


def _defined(subject: Subject, store: Store, version: Version, code: Code) -> Any:
    """What stands in the place of the method's def: a function, or what its decorator made of it."""
    __tracebackhide__ = True
    filename = str(store.source_file(version) or f"<{subject.label}.{code.name} v{version.number}>")
    scope = namespace(f"agent_written.{subject.label}", filename, code.source, code.calls)
    with findable(scope):
        exec(compile(_closed(code), filename, "exec", dont_inherit=True), scope)
        made = scope.pop(_MAKER)(subject.cls, lambda cls, itself: Above(cls, itself, subject.scope == "singleton"))
    function: Any = made.fget if isinstance(made, property) else getattr(made, "__func__", made)
    function.__qualname__ = f"{subject.cls.__qualname__}.{code.name}"
    setattr(function, DESCRIBED, Described(store, version))
    return made


def _closed(code: Code) -> ast.Module:
    """The unit with its method in a function that gives it `__class__` and our super(); no line moves."""
    tree = ast.parse(code.source)
    method = method_of(tree, code.name)
    assert method is not None
    given = [each.arg for each in parameters(method.args)][:1]
    for node in ast.walk(method):
        if isinstance(node, ast.Call) and given and ast.unparse(node) == "super()":
            node.args = [ast.copy_location(ast.Name(name, ast.Load()), node) for name in ("__class__", *given)]
    maker: Any = ast.parse(f"def {_MAKER}(__class__, super): return {code.name}").body[0]
    maker.body.insert(0, method)
    tree.body[tree.body.index(method)] = maker
    return tree


class Above:
    """What super() gives in a method from words: what the class itself had by a name, else the next one's.

    A method of one object `alone` stands below its class.
    """

    __slots__ = ("_itself", "_places")

    def __init__(self, cls: type, itself: Any, alone: bool) -> None:
        order = (itself if isinstance(itself, type) else type(itself)).__mro__
        below = [] if alone else [_originals.get(cls, {})]
        self._itself = itself
        self._places = [*below, *map(vars, order if alone else order[order.index(cls) + 1 :])]

    def __getattribute__(self, name: str) -> Any:
        itself, places = (object.__getattribute__(self, each) for each in Above.__slots__)
        for kept in [place[name] for place in places if name in place]:
            about = (None, itself) if isinstance(itself, type) else (itself, type(itself))
            return kept.__get__(*about) if hasattr(type(kept), "__get__") else kept
        raise AttributeError(f"'super' object has no attribute {name!r}")
