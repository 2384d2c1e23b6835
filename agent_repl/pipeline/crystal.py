"""Crystallized methods: the written function itself, with a prologue that asks what its guard would ask.

Positional arguments arrive in positional-only parameters and all others in the keywords, so that the call can be
handed to the pipeline just as it was made; what was left out holds `_MISSING` until the prologue has said yes.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import partial, update_wrapper
from types import CodeType, FunctionType
from typing import Any

from ..errors import StoreError
from ..unit import method_of
from .methods import Identity, Method, Needs
from .undo import can_change

_TESTS = {kind: f"_crystal_type({{0}}) is _crystal_{kind}" for kind in ("int", "float", "bool")}
_TESTS |= {"None": "{0} is None", "str": "_crystal_type({0}) is _crystal_str and _crystal_len({0}) <= 1024"}
_BUILTINS = {f"_crystal_{kind.__name__}": kind for kind in (int, float, bool, str, type, len)}
_SEES_LOCALS = {"locals", "vars", "dir", "eval", "exec"}
_PROLOGUE = """
_crystal_same = True
try:
    if not ({tests}): _crystal_same = False
except AttributeError: _crystal_same = False
if not _crystal_same:
    _crystal_answer = _crystal_ask({call})
    if _crystal_answer is not _crystal_missing: return _crystal_answer
"""
_MISSING: Any = type("Missing", (), {})()


def ripen(identity: Identity, method: Method, after: int) -> None:
    """Count a run that left nothing to undo; from the `after`-th on (0: never) the method is a plain function."""
    method.hits += 1
    if after and (method.entry.pinned or method.entry.runs + method.hits < after):
        return
    method.ripens = after > 0 and _can_be_plain(identity, method)
    if method.ripens and method.entry.runs < after:
        with suppress(StoreError):
            identity.store.count(method.entry.version, after)
            identity.refresh()  # what we have just stored is a decision too
    needs = identity.needs(method.code.name)
    if method.ripens and needs.head is method:
        identity.crystallize(needs, _function(identity, method, needs))


def _can_be_plain(identity: Identity, method: Method) -> bool:
    """Whether no call that fits has anything to undo, and a prologue changes nothing that the code can see."""
    state = [kind for guard in method.entry.guards for path, kind in guard if path.startswith("self.")]
    node = method_of(method.code.tree, method.code.name)
    plain = node and not node.decorator_list and not _SEES_LOCALS & set(method.function.__code__.co_names)
    return bool(plain) and identity.executor.name == "inline" and not can_change(k for k in state if k != "absent")


def _function(identity: Identity, method: Method, needs: Needs) -> FunctionType:
    """The head as a function of the class: the same file and lines; its globals hold what the prologue names."""
    original, word = method.function, identity.word
    parameters = list(inspect.signature(original).parameters.values())[1:]
    here = {**_BUILTINS, **{f"_crystal_default_{p.name}": p.default for p in parameters}, "_crystal_missing": _MISSING}
    here |= {"_crystal_word": identity.store.generation.word, "_crystal_ask": partial(_ask, identity, method, word)}
    original.__globals__.update(here)
    code = _compiled(method, parameters, _tests(method, needs, parameters, word))
    function = FunctionType(code, original.__globals__, original.__name__, (_MISSING,) * (code.co_argcount - 1))
    update_wrapper(function, original)
    return function


def _ask(identity: Identity, method: Method, word: int, agent: Any, args: Any, rest: Any, kwargs: Any) -> Any:
    """`_MISSING` where the head fits the call after all, so that it goes on; else what the pipeline answers."""
    __tracebackhide__ = True
    given, name = (*(a for a in args if a is not _MISSING), *rest), method.code.name
    place, same = identity.executor.open(agent), identity.store.generation.word[0] == word
    if same and identity.served(method, place, given, kwargs) is False:
        return _MISSING
    caller = sys._getframe(1).f_back
    asked = caller is not None and name in caller.f_code.co_names  # else it was given the method, by somebody
    return identity.handle(agent, name, caller.f_code if caller and asked else None)(*given, **kwargs)


def _tests(method: Method, needs: Needs, parameters: list[inspect.Parameter], word: int) -> str:
    """What the guards ask, as an expression; "False" where that is more than the kinds of a few scalars."""
    if method.function.__code__.co_varnames[:1] != ("self",):
        return "False"
    paths = {p.name for p in parameters} | {f"self.{name}" for name in needs.reads}
    guards: list[Mapping[str, str]] = [dict(guard) for guard in method.entry.guards]
    keywords = any(p.kind is p.KEYWORD_ONLY for p in parameters)
    if (
        needs.opens
        or keywords
        or len(guards) > 4
        or any(g.keys() != paths or g.values() - _TESTS.keys() for g in guards)
    ):
        return "False"
    any_of = " or ".join(" and ".join(_TESTS[k].format(path) for path, k in g.items()) or "True" for g in guards)
    return f"_crystal_word[0] == {word} and not _crystal_args and not _crystal_kwargs and ({any_of})"


def _compiled(method: Method, parameters: list[inspect.Parameter], tests: str) -> CodeType:
    tree, name = ast.parse(method.code.source), method.code.name
    node = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == name)
    me, *names = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
    rest, kwargs = node.args.vararg or ast.arg("_crystal_args"), node.args.kwarg or ast.arg("_crystal_kwargs")
    node.args = ast.arguments([ast.arg(a) for a in (me, *names)], [], rest, [], [], kwargs, [])
    call = f"{me}, ({''.join(f'{a}, ' for a in names)}), {rest.arg}, {kwargs.arg}"
    text = _PROLOGUE.format(tests=tests, call=call) + "".join(f"    {_filled(p, kwargs.arg)}\n" for p in parameters)
    prologue = ast.parse(text).body
    for part in (part for statement in prologue for part in ast.walk(statement)):
        ast.copy_location(part, node)
    begin = int(ast.get_docstring(node) is not None)
    node.body[begin:begin] = prologue
    code = compile(ast.fix_missing_locations(tree), method.function.__code__.co_filename, "exec", dont_inherit=True)
    return next(c for c in code.co_consts if isinstance(c, CodeType) and c.co_name == name)


def _filled(parameter: inspect.Parameter, kwargs: str) -> str:
    """The line that gives a parameter its value once the call is known to bind."""
    name, value = parameter.name, f"_crystal_default_{parameter.name}"
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        return "pass"
    if parameter.kind is not parameter.POSITIONAL_ONLY:
        value = f"{kwargs}.pop({name!r}, {value})"
    missing = "" if parameter.kind is parameter.KEYWORD_ONLY else f"if {name} is _crystal_missing: "
    return f"{missing}{name} = {value}"
