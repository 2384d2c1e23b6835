"""What a method does with self and with what it is given, followed through its syntax tree in the order of running.

What is not covered: what code learns from a text's length or letters, what a regular expression or another method
makes of a text, what a container of more than a few elements holds.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from agent_repl_data.kinds import KEYLESS, UNKNOWN, WORDED, takes_by_place

from .lua import used, words
from .unit import RESERVED, Comprehension, Function, bindings, imported, method_of, parameters, scope

Option = frozenset[tuple[str, str, str]]
"""The steps that a value takes to a constant (`.strip()[0]`), how they meet (==, in, has, with, truth), the constant.

With is said of a part that cannot be followed: the constant may be in it when it is in the whole.
"""

_CASES = {"lower", "upper", "casefold", "title", "capitalize", "swapcase"}
_STEPS = _CASES | {"strip", "lstrip", "rstrip", "removeprefix", "removesuffix", "replace", "split", "rsplit"}
_STEPS |= {"partition", "rpartition", "splitlines", "get"}
_FINDS = {"startswith", "endswith", "find", "rfind", "index", "count", "get", "pop", "setdefault"}
_OPENS = ("open", "read", "load_", "connect", "listdir", "glob", "execute")
_BY_NAME = {"getattr", "hasattr", "setattr", "delattr"}
_LITERAL = (ast.Constant, ast.Slice, ast.UnaryOp, ast.USub, ast.keyword, ast.Load)
_KEPT = (ast.BoolOp, ast.IfExp, ast.Expr, ast.Await, ast.Return)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_TRIES = (ast.Try, ast.TryStar, ast.ExceptHandler, ast.match_case)
_TESTS = (ast.If, ast.While, ast.IfExp, ast.Assert, ast.BoolOp, ast.UnaryOp, ast.comprehension, ast.match_case)
_BRANCHES = (*_LOOPS, *_TRIES, ast.If, ast.IfExp, ast.BoolOp, ast.Lambda, Comprehension)


@dataclass(frozen=True)
class Facts:
    """What a method and its helpers do with self.

    `reads` and `binds` are state names, `calls` sibling methods. A name that the method itself always sets before
    it reads it is not among the reads: nothing that was there before can matter. `dynamic` is true when self goes
    where its attributes cannot be followed (`vars(self)`, a computed `getattr`, an unknown function).
    """

    reads: frozenset[str]
    binds: frozenset[str]
    calls: frozenset[str]
    dynamic: bool


def facts(tree: ast.Module, name: str) -> Facts:
    """Follow self through the method `name` and into the helpers that it is passed to."""
    found = _read(tree, name)
    reads, calls = frozenset(found.reads - RESERVED), frozenset(found.calls - RESERVED)
    return Facts(reads, frozenset(found.binds), calls, found.dynamic)


def options(tree: ast.Module, name: str) -> dict[str, Option]:
    """What a method compares with constants, also in its helpers: by parameter, and by state name (`self.unit`)."""
    found = _read(tree, name).compared
    paths = {path for path, *_ in found}
    return {path: frozenset((s, how, word) for of, s, how, word in found if of == path) for path in paths}


def keys(trees: Iterable[ast.Module], methods: Iterable[str]) -> frozenset[str] | None:
    """The keys that code asks of records by name; None where it may bring other texts, or call what is not here."""
    every = [node for tree in trees for node in ast.walk(tree)]
    said = [part for node in every for name in ("annotation", "returns", "exc") if (part := getattr(node, name, None))]
    said += [node.value for node in every if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)]
    nodes = set(every).difference(*map(ast.walk, said))
    names = {node: str(getattr(node, "attr", getattr(node, "id", ""))) for node in nodes}
    own = {node.name for node in nodes if isinstance(node, Function)}.union(methods)
    calls = {node: names[node.func] for node in nodes if isinstance(node, ast.Call)}
    worded = {f"{name} {word.arg}" for call, name in calls.items() for word in call.keywords} - WORDED
    asked = {arg for call, name in calls.items() if name in {"get", "pop"} - own for arg in call.args[:1]}
    asked |= {node.slice for node in nodes if isinstance(node, ast.Subscript)}
    texts = {node: node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    strange = any(isinstance(node, (ast.ClassDef, ast.JoinedStr)) or getattr(node, "kwarg", None) for node in nodes)
    strange |= any(takes_by_place(node, "values" in names.values()) for node in nodes)
    barred = any(name in UNKNOWN or name[:2] == "__" for name in names.values())
    brought = {name for node in nodes for name in imported(node)}.intersection(names.values())
    unknown = worded or strange or barred or brought or {*calls.values()} - own - KEYLESS or texts.keys() - asked
    return None if unknown else frozenset(texts.values())


class _View(NamedTuple):
    """An argument or a state name after some steps; or some part of that."""

    path: str
    steps: str = ""
    part: bool = False


_Held = _View | str | Function | None
_Flow = frozenset[_Held]
"""What an expression can hold: views, constants (of an enum `.NAME`), functions of the unit, and None: self."""
_NOTHING: _Flow = frozenset()
_SELF: _Flow = frozenset({None})


@lru_cache(maxsize=8)
def _read(tree: ast.Module, name: str) -> _Reader:
    reader = _Reader()
    reader.lua = bindings(tree).get("lua") == "agent_repl_lua:lua"
    reader.inside(tree)
    reader.shared = dict(reader.names)
    if method := method_of(tree, name):
        names = [each.arg for each in parameters(method.args)]
        reader.dynamic = not (method.args.posonlyargs or method.args.args)
        reader.run(method, {each: frozenset({_View(each)}) for each in names} | dict.fromkeys(names[:1], _SELF))
    return reader


class _Reader:
    """Goes through a syntax tree in the order in which it runs, and keeps what each name can hold."""

    def __init__(self) -> None:
        self.reads: set[str] = set()
        self.binds: set[str] = set()
        self.calls: set[str] = set()
        self.dynamic = self.lua = False
        self.compared: set[tuple[str, str, str, str]] = set()
        self.names: dict[str, _Flow] = {}
        self.shared: dict[str, _Flow] = {}
        self.done: dict[Any, _Flow] = {}
        self.active: list[Function] = []
        self.result = _NOTHING
        self.branches = 0

    def run(self, function: Function, given: dict[str, _Flow]) -> _Flow:
        """What a function can return for these arguments."""
        if function in self.active:
            given = {name: _part(flow) for name, flow in given.items()}
        before = self.names, self.result, self.branches
        if function in self.shared.get(function.name, ()):  # of the module: its free names are not its caller's
            self.names = self.shared | {path: flow for path, flow in self.names.items() if path.startswith("self.")}
        unknown = dict.fromkeys([each.arg for each in parameters(function.args)], _NOTHING)
        self.names, self.result, self.branches = self.names | unknown | given, _NOTHING, 0
        key = (function, frozenset(self.names.items()))
        if key not in self.done:
            self.done[key] = _NOTHING
            self.active.append(function)
            for node in function.body:
                self.held(node)
            self.active.pop()
            self.done[key] = self.result
        self.names, self.result, self.branches = before
        return self.done[key]

    def read(self, node: ast.AST) -> _Flow:
        """What an expression can hold, where self is not followed."""
        return self.lost(self.held(node))

    def lost(self, *flows: _Flow) -> _Flow:
        """All of these but self: what comes here goes where the attributes of self cannot be followed."""
        flow = _NOTHING.union(*flows)
        self.dynamic |= flow >= _SELF
        return flow - _SELF

    def held(self, node: ast.AST) -> _Flow:
        """What an expression can hold, self too; statements are read for what they compare and bind."""
        match node:
            case ast.Constant(value=str() | bool() as word):
                return frozenset({str(word)})
            case ast.Name(id=name):
                flow = self.names.get(name, _NOTHING)
                return flow.union(*(self.run(each, {}) for each in _functions(flow)))
            case ast.Attribute(value=base, attr=name, ctx=ctx):
                return self.attribute(self.held(base), name, not isinstance(ctx, ast.Load))
            case ast.Subscript(value=base, slice=key):
                holder = self.read(base)
                self.compare(self.read(key), "==", holder)
                return _after(holder, "", f"[{ast.unparse(key)}]", [key])
            case ast.Compare(left=first, ops=ops, comparators=rest):
                flows = [self.read(each) for each in (first, *rest)]
                for one, how, other, right in zip(flows, ops, flows[1:], rest, strict=False):
                    among = isinstance(how, (ast.In, ast.NotIn))
                    letters = frozenset(str(right.value)) if among and isinstance(right, ast.Constant) else _NOTHING
                    self.compare(one, "in" if among else "==", other | letters)
                    self.compare(other, "has" if among else "==", one)
                return _NOTHING
            case ast.Call():
                return self.call(node, [*node.args, *node.keywords])
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                for each in scope(node)[0]:
                    self.read(each)
                self.names[node.name] = frozenset({node})
                return self.run(node, {}) if self.active else _NOTHING
            case ast.Assign() | ast.AnnAssign(value=ast.expr()) | ast.NamedExpr() | ast.withitem() | ast.AugAssign():
                return self.assign(node)
            case ast.Match(subject=subject, cases=cases):
                for case in cases:
                    self.pattern(case.pattern, self.read(subject))
        return self.inside(node)

    def inside(self, node: ast.AST) -> _Flow:
        """What has no rule of its own: all that is in it, in the order in which it runs."""
        self.branches += isinstance(node, _BRANCHES)
        if isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
            self.bind(node.target, _part(self.read(node.iter)))
        children: Iterable[ast.AST] = node.ifs if isinstance(node, ast.comprehension) else ast.iter_child_nodes(node)
        children = sorted(children, key=lambda child: not isinstance(child, ast.comprehension))
        flow = _NOTHING
        for _ in range(1 + isinstance(node, _LOOPS)):  # what one round of a loop binds, the next one reads
            for child in children:
                flow |= self.held(child) if isinstance(node, (ast.Return, ast.Expr)) else self.read(child)
        self.branches -= isinstance(node, _BRANCHES)
        if isinstance(node, _TESTS):
            self.compare(flow, "truth", frozenset({""}))
        flow = flow if isinstance(node, _KEPT) else _part(flow)
        self.result |= flow if isinstance(node, (ast.Return, ast.Yield, ast.YieldFrom)) else _NOTHING
        return _NOTHING if isinstance(node, ast.stmt) else flow

    def attribute(self, holder: _Flow, name: str, stored: bool = False) -> _Flow:
        """What an attribute can hold; of self it is a read where that can be what was there before the call."""
        if not holder >= _SELF:
            return holder if any(isinstance(each, _View) for each in holder) else holder | {f".{name}"}
        path = f"self.{name}"
        flow = self.names.get(path, frozenset({_View(path)}))
        self.dynamic |= name == "__dict__"
        if stored:
            self.binds.add(name)
        elif any(isinstance(each, _View) and each.path == path for each in flow):
            self.reads.add(name)
        return flow

    def call(self, node: ast.Call, arguments: list[ast.AST]) -> _Flow:
        given = [self.held(each.value if isinstance(each, ast.keyword) else each) for each in arguments]
        match node:
            case ast.Call(func=ast.Name(id=name)) if helpers := _functions(self.names.get(name, _NOTHING)):
                return _NOTHING.union(*(self.run(one, self.bound(one.args, arguments, given)) for one in helpers))
            case ast.Call(func=ast.Name(id="lua"), args=[_, _, _, ast.Constant(value=str(text))]) if self.lua:
                return self.in_lua(text, given)
            case ast.Call(func=ast.Name(id=name), args=[_, ast.Constant(value=str(of)), *_]) if name in _BY_NAME:
                found = self.attribute(given[0], of, name in ("setattr", "delattr"))
                return self.lost(*given[1:]) | (found if name == "getattr" else _NOTHING)
        every = self.lost(*given)
        match node.func:
            case ast.Name(id="str") if given:
                return every
            case ast.Attribute(value=base, attr=name):
                holder = self.held(base)
                known = holder or all(n.id not in self.names for n in ast.walk(base) if isinstance(n, ast.Name))
                self.calls |= {name} if holder >= _SELF else set()
                return self.asked(holder - _SELF, name, arguments, given) if known else _NOTHING
        flow = self.read(node.func) | every
        return _NOTHING if isinstance(node.func, ast.Name) and node.func.id.startswith(_OPENS) else _part(flow)

    def in_lua(self, text: str, given: list[_Flow]) -> _Flow:
        """What Lua text does with the self that it is given, and which of its constants it may compare values with."""
        found, steps = used(text), words(text)
        self.reads |= found.reads
        self.binds |= found.binds
        self.calls |= found.calls
        self.dynamic |= found.dynamic or not given[0] >= _SELF
        paths = [each.path for each in given[2] if isinstance(each, _View)] + [f"self.{name}" for name in found.reads]
        self.compared |= {(path, *step) for path in paths for step in steps}
        return _NOTHING

    def asked(self, holder: _Flow, name: str, arguments: list[ast.AST], given: list[_Flow]) -> _Flow:
        """What a method of what is held gives; of a text's own the step, and what it compares."""
        every = _NOTHING.union(*given)
        if name in _FINDS:
            self.compare(every, "in", holder)
            self.compare(holder, name if name.endswith("with") else "has", every)
        if name.startswith(_OPENS):
            return _NOTHING
        if name in _STEPS and holder:
            made = _after(holder, name, f".{name}({', '.join(map(ast.unparse, arguments))})", arguments)
            return made.union(*given[1:]) if name == "get" else made
        return _part(holder | every)

    def bound(self, of: ast.arguments, arguments: list[ast.AST], given: list[_Flow]) -> dict[str, _Flow]:
        """What the parameters of a helper hold: of those among stars some part of what is left."""
        places, stars = [p.arg for p in (*of.posonlyargs, *of.args)], [p.arg for p in (of.vararg, of.kwarg) if p]
        usual = _NOTHING.union(*(self.read(each) for each in (*of.defaults, *of.kw_defaults) if each))
        found = dict.fromkeys([each.arg for each in parameters(of)], usual)
        keys = [getattr(each, "arg", "".join(places[at : at + 1])) for at, each in enumerate(arguments)]
        if None in keys or any(isinstance(each, ast.Starred) for each in arguments):
            return dict.fromkeys(found, _part(self.lost(usual, *given)))
        rest = [flow for key, flow in zip(keys, given, strict=True) if key not in found]
        named = {key: flow for key, flow in zip(keys, given, strict=True) if key in found}
        return found | dict.fromkeys(stars, _part(self.lost(*rest))) | named

    def assign(self, node: Any) -> _Flow:
        fields = vars(node)
        flow = self.read(fields.get("value") or fields["context_expr"])
        if isinstance(node, ast.AugAssign):
            flow = _part(flow | self.read(ast.parse(ast.unparse(node.target), mode="eval").body))  # it is read first
        for target in fields.get("targets") or [fields.get("target") or fields["optional_vars"]]:
            self.bind(target, flow)
        return flow

    def bind(self, target: ast.expr | None, flow: _Flow) -> None:
        match target:
            case ast.Name() | ast.Attribute():
                name, before = ast.unparse(target), self.held(target)
                self.lost(before)
                if isinstance(target, ast.Attribute) and self.held(target.value) >= _SELF:
                    name = f"self.{target.attr}"
                self.names[name] = flow | before if self.branches or before >= _SELF else flow
            case ast.Starred(value=inner):
                self.bind(inner, _part(flow))
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                loose = any(isinstance(each, ast.Starred) for each in elements)
                for at, element in enumerate(elements):
                    self.bind(element, _part(flow) if loose else _after(flow, "", f"[{at}]"))
            case ast.AST():
                self.read(target)

    def pattern(self, pattern: ast.AST, flow: _Flow) -> None:
        nodes = [node for node in ast.walk(pattern) if not isinstance(node, ast.Name)]
        self.names |= {n.name: _part(flow) for n in nodes if isinstance(n, (ast.MatchAs, ast.MatchStar)) and n.name}
        inside = any(isinstance(n, (ast.MatchSequence, ast.MatchMapping, ast.MatchClass)) for n in nodes)
        self.compare(_part(flow) if inside else flow, "==", _NOTHING.union(*map(self.read, nodes)))
        self.compare(flow, "truth", frozenset({""}))

    def compare(self, flow: _Flow, how: str, others: _Flow) -> None:
        words = [each for each in others if isinstance(each, str)]
        for view in flow:
            if isinstance(view, _View):
                met = "with" if view.part and how != "truth" else how
                self.compared |= {(view.path, view.steps, met, word) for word in words}


def _functions(flow: _Flow) -> list[Function]:
    return [each for each in flow if isinstance(each, Function)]


def _part(flow: _Flow) -> _Flow:
    return frozenset(each._replace(part=True) if isinstance(each, _View) else each for each in flow)


def _after(flow: _Flow, name: str, step: str, arguments: Sequence[ast.AST] = ()) -> _Flow:
    """What the method of that name, or an index, makes of a flow; where its arguments are no literals, some part."""
    literal = all(isinstance(n, _LITERAL) for each in arguments for n in ast.walk(each))

    def made(each: _Held) -> _Held:
        if not isinstance(each, _View):
            return str(getattr(each, name)()) if name in _CASES and isinstance(each, str) else each
        if each.part and name in _CASES and step not in each.steps:
            return each._replace(steps=step + each.steps)  # the whole in small letters has the part in small letters
        whole = not each.part and literal and len(each.steps) < 100
        return each._replace(steps=each.steps + step) if whole else each._replace(part=True)

    return frozenset(map(made, flow)) | {each for each in flow if isinstance(each, str)}
