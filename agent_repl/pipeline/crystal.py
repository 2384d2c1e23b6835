"""Crystallized methods: the written function itself, with a prologue that asks what its guard would ask.

Positional arguments arrive in positional-only parameters and all others in the keywords, so that the call can be
handed to the pipeline just as it was made; what was left out holds `_MISSING` until the prologue has said yes.
"""

from __future__ import annotations

import ast
import sys
from contextlib import suppress
from functools import partial, update_wrapper
from types import CodeType, FunctionType
from typing import Any

from ..errors import StoreError
from ..signature.kinds import LONG_TEXT
from ..unit import method_of
from .methods import Identity, Method, Needs, Quick

_TESTS = {kind: f"_crystal_type({{0}}) is _crystal_{kind}" for kind in ("int", "float", "bool", "str")}
_TESTS |= {"None": "{0} is None", "str": f"{_TESTS['str']} and _crystal_len({{0}}) <= {LONG_TEXT}"}
_BUILTINS: dict[str, Any] = {f"_crystal_{kind.__name__}": kind for kind in (int, float, bool, str, type, len)}
_SEES_LOCALS = {"locals", "vars", "dir", "eval", "exec"}
_PROLOGUE = """
try:
    _crystal_same = {tests}
except AttributeError: _crystal_same = False
if not _crystal_same:
    _crystal_bound, _crystal_answer = _crystal_ask({call})
    if _crystal_bound is None: return _crystal_answer
    [{bound}] = _crystal_bound
"""
_QUICK = """
def fits(self, _crystal_args):
    try:
        [{bound}] = _crystal_args
        return _crystal_word[0] == {word} and _crystal_type(self) is _crystal_live and ({tests})
    except (AttributeError, ValueError):
        return False
"""
_MISSING: Any = type("Missing", (), {})()


def ripen(identity: Identity, method: Method, after: int) -> None:
    """Count a run that left nothing to undo; from the `after`-th on (0: never) the method is a plain function.

    For one that cannot be, or never shall, what a few scalars decide is compiled.
    """
    method.hits += 1
    if method.deferred or method.entry.runs + method.hits < after:
        return
    plain = after > 0 and _can_be_plain(identity, method)
    if plain and method.entry.runs < after:
        with suppress(StoreError):
            identity.store.count(method.entry.version, after)
            identity.refresh()  # what we have just stored is a decision too
    word, needs = identity.word, identity.needs(method.code.name)
    tests = _tests(method, needs)
    quick = _quick(identity, method, word, tests) if tests else None
    identity.ripe(method, needs, quick, _function(identity, method, word, tests) if plain else None)


def _can_be_plain(identity: Identity, method: Method) -> bool:
    """Whether a prologue changes nothing that the code can see."""
    node = method_of(method.code.tree, method.code.name)
    plain = node and not node.decorator_list and not _SEES_LOCALS & set(method.function.__code__.co_names)
    return bool(plain) and identity.executor.name == "inline"


def _quick(identity: Identity, method: Method, word: int, tests: str) -> Quick:
    scope = _BUILTINS | {"_crystal_word": identity.generation.word, "_crystal_live": identity.live}
    exec(_QUICK.format(bound=", ".join(method.parameters), word=word, tests=tests), scope)
    return scope["fits"], method


def _function(identity: Identity, method: Method, word: int, tests: str) -> FunctionType:
    """The head as a function of the class: the same file and lines; its globals hold what the prologue names."""
    original = method.function
    ask = partial(_ask, identity, method, word)
    original.__globals__.update(_BUILTINS, _crystal_word=identity.generation.word, _crystal_ask=ask)
    same = f"_crystal_word[0] == {word} and not _crystal_args and not _crystal_kwargs and ({tests})"
    code = _compiled(method, same if tests else "False")
    function = FunctionType(code, original.__globals__, original.__name__, (_MISSING,) * (code.co_argcount - 1))
    update_wrapper(function, original)
    return function


def _ask(identity: Identity, method: Method, word: int, agent: Any, args: Any, rest: Any, kwargs: Any) -> Any:
    """The values of the parameters where the head fits the call after all, else None; what the pipeline answers."""
    __tracebackhide__ = True
    given, name = (*(a for a in args if a is not _MISSING), *rest), method.code.name
    place, same = identity.executor.open(agent), identity.generation.word[0] == word
    if same and identity.served(method, place, given, kwargs) is False:
        return method.bind(agent, *given, **kwargs), None
    caller = sys._getframe(1).f_back
    asked = caller is not None and name in caller.f_code.co_names  # else it was given the method, by somebody
    return None, identity.handle(agent, name, caller.f_code if caller and asked else None)(*given, **kwargs)


def _tests(method: Method, needs: Needs) -> str:
    """What the guards ask, as an expression; "" where that is more than the kinds of a few scalars."""
    guards = [dict(guard) for guard in method.entry.guards]
    wanted = {*method.parameters, *(f"self.{name}" for name in needs.reads)}
    simple = all(guard.keys() == wanted and {*guard.values()} <= _TESTS.keys() for guard in guards)
    code = method.function.__code__
    more = needs.opens or needs.binds or needs.dynamic or needs.options or method.options
    if more or len(guards) > 4 or not simple or code.co_kwonlyargcount or code.co_varnames[0] != "self":
        return ""
    return " or ".join(" and ".join(_TESTS[k].format(path) for path, k in g.items()) or "True" for g in guards)


def _compiled(method: Method, tests: str) -> CodeType:
    tree, name = ast.parse(method.code.source), method.code.name
    node = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == name)
    me, *names = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
    rest, kwargs = node.args.vararg or ast.arg("_crystal_args"), node.args.kwarg or ast.arg("_crystal_kwargs")
    node.args = ast.arguments([ast.arg(a) for a in (me, *names)], [], rest, [], [], kwargs, [])
    call = f"{me}, [{', '.join(names)}], {rest.arg}, {kwargs.arg}"
    prologue = ast.parse(_PROLOGUE.format(tests=tests, call=call, bound=", ".join(method.parameters)))
    for part in ast.walk(prologue):
        ast.copy_location(part, node)
    begin = int(ast.get_docstring(node) is not None)
    node.body[begin:begin] = prologue.body
    code = compile(ast.fix_missing_locations(tree), method.function.__code__.co_filename, "exec", dont_inherit=True)
    return next(c for c in code.co_consts if isinstance(c, CodeType) and c.co_name == name)
