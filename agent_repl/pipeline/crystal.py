"""Crystallized methods: the written function itself, with a prologue that asks what its guard would ask.

Positional arguments arrive in positional-only parameters and all others in the keywords, so that the call can be
handed to the pipeline just as it was made; what was left out holds `_MISSING`, which is of no kind.
"""

from __future__ import annotations

import ast
import sys
from contextlib import suppress
from functools import partial, update_wrapper
from types import CodeType, FunctionType
from typing import Any

from agent_repl_code.unit import method_of
from agent_repl_data.kinds import LONG_TEXT

from ..errors import StoreError
from ..modules.live import CALLS
from .methods import Identity, Method, Needs

_TESTS = {kind: f"_crystal_type({{0}}) is _crystal_{kind}" for kind in ("int", "float", "bool", "str")}
_TESTS |= {"None": "{0} is None", "str": f"{_TESTS['str']} and _crystal_len({{0}}) <= {LONG_TEXT}"}
_BUILTINS = {f"_crystal_{kind.__name__}": kind for kind in (int, float, bool, str, type, len)}
_SEES_LOCALS = {"locals", "vars", "dir", "eval", "exec"}
_PROLOGUE = """
_crystal_same = True
try:
    if not ({tests}) or _crystal_args or _crystal_kwargs: _crystal_same = False
except AttributeError: _crystal_same = False
if not _crystal_same: return _crystal_ask({call})
"""
_FITS = """
def fits(self, _crystal_args):
    try:
        [{names}] = _crystal_args
        return {tests} and _crystal_type(self) is _crystal_live
    except (AttributeError, ValueError):
        return False
"""
_MISSING: Any = type("Missing", (), {})()


def ripen(identity: Identity, method: Method, after: int) -> None:
    """Count a run that left nothing to undo; from the `after`-th on (0: never) the method is a plain function.

    From then on calls that the kinds of a few scalars decide are served by a compiled test, of either.
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
    tests = f"_crystal_word[0] == {word} and ({_tests(method, needs)})"
    scope: dict[str, Any] = _BUILTINS | {"_crystal_word": identity.generation.word, "_crystal_live": identity.live}
    exec(_FITS.format(names=", ".join(method.parameters), tests=tests), scope)
    identity.ripe(needs, (scope["fits"], method, _function(identity, method, tests, scope) if plain else None))


def _can_be_plain(identity: Identity, method: Method) -> bool:
    """Whether a prologue changes nothing that the code can see."""
    node = method_of(method.code.tree, method.code.name)
    plain = node and not node.decorator_list and not _SEES_LOCALS & set(method.function.__code__.co_names)
    return bool(plain) and identity.executor.name == "inline"


def _tests(method: Method, needs: Needs) -> str:
    """What the guards ask, as an expression; "False" where that is more than the kinds of a few scalars."""
    guards = [dict(guard) for guard in method.entry.guards]
    wanted = {*method.parameters, *(f"self.{name}" for name in needs.reads)}
    simple = all(guard.keys() == wanted and {*guard.values()} <= _TESTS.keys() for guard in guards)
    more = needs.opens or needs.binds or needs.dynamic or needs.options or method.options
    code = method.function.__code__
    if more or not simple or len(guards) > 4 or code.co_kwonlyargcount or code.co_varnames[0] != "self":
        return "False"
    return " or ".join(" and ".join(_TESTS[k].format(path) for path, k in g.items()) or "True" for g in guards)


def _function(identity: Identity, method: Method, tests: str, scope: dict[str, Any]) -> FunctionType:
    """The head as a function of the class: the same file and lines; its globals hold what the prologue names."""
    original = method.function
    original.__globals__.update({name: each for name, each in scope.items() if name.startswith("_crystal_")})
    original.__globals__["_crystal_ask"] = partial(_ask, identity, method.code.name)
    code = _compiled(method, tests)
    function = FunctionType(code, original.__globals__, original.__name__, (_MISSING,) * (code.co_argcount - 1))
    update_wrapper(function, original)
    return function


def _ask(identity: Identity, name: str, agent: Any, args: list[Any], rest: Any, kwargs: Any) -> Any:
    """What the handle answers, as if it had been read where the function was."""
    __tracebackhide__ = True
    caller = sys._getframe(1).f_back
    asked = caller is not None and name in caller.f_code.co_names  # else it was given the method, by somebody
    nested = caller is not None and CALLS in caller.f_globals
    handle = identity.handle(agent, name, caller.f_code if caller and asked else None, nested)
    return handle(*(a for a in args if a is not _MISSING), *rest, **kwargs)


def _compiled(method: Method, tests: str) -> CodeType:
    tree, name = ast.parse(method.code.source), method.code.name
    node = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == name)
    me, *names = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
    rest, kwargs = node.args.vararg or ast.arg("_crystal_args"), node.args.kwarg or ast.arg("_crystal_kwargs")
    node.args = ast.arguments([ast.arg(a) for a in (me, *names)], [], rest, [], [], kwargs, [])
    prologue = ast.parse(_PROLOGUE.format(tests=tests, call=f"{me}, [{', '.join(names)}], {rest.arg}, {kwargs.arg}"))
    for part in ast.walk(prologue):
        ast.copy_location(part, node)
    begin = int(ast.get_docstring(node) is not None)
    node.body[begin:begin] = prologue.body
    code = compile(ast.fix_missing_locations(tree), method.function.__code__.co_filename, "exec", dont_inherit=True)
    return next(c for c in code.co_consts if isinstance(c, CodeType) and c.co_name == name)
