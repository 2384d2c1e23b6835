"""Options: the constants that a method compares a text, a truth or an enum member with, told from its syntax tree.

A value's class is which of them it equals after the code's own `strip`, `lower` or `split()[1]`, or other; of a part
that cannot be followed, which of them occur in the whole. What is not covered: texts above 1 KB, the content of
containers, regular expressions, what code learns from a text's length or letters, what another method makes of it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from .files import shortened
from .kinds import LONG_TEXT, member, signature

Option = frozenset[tuple[str, str, str]]
"""The steps that a value takes to a constant (`.strip()[0]`), how they meet (==, in, has, truth), the constant."""

_CASES = {"lower", "upper", "casefold", "title", "capitalize", "swapcase"}
_STEPS = _CASES | {"strip", "lstrip", "rstrip", "removeprefix", "removesuffix", "replace", "split", "rsplit"}
_STEPS |= {"partition", "rpartition", "splitlines"}
_FINDS = {"startswith", "endswith", "find", "rfind", "index", "count"}
_LOOKUPS = {"get", "pop", "index", "find", "count", "setdefault"}
_OPENS = ("open", "read", "load_", "connect", "listdir", "glob", "execute")
_WAYS: dict[str, Callable[[str, str], bool]] = {
    "==": str.__eq__, "has": str.__contains__, "in": lambda text, word: text in word,
    "startswith": str.startswith, "endswith": str.endswith,
}  # fmt: skip
_LITERAL = (ast.Constant, ast.Slice, ast.UnaryOp, ast.USub, ast.keyword, ast.Load)
_KEPT = (ast.BoolOp, ast.IfExp, ast.Expr, ast.Await, ast.Return, ast.NamedExpr, ast.keyword)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_BRANCHES = (*_LOOPS, ast.If, ast.ExceptHandler, ast.match_case)
_PARTS = (ast.AugAssign, ast.For, ast.AsyncFor, ast.comprehension)
_BINDING = (*_PARTS, ast.Assign, ast.AnnAssign, ast.NamedExpr, ast.withitem)


def signer(option: Option) -> Callable[[Any], str]:
    """What says a value's signature with its class by these options: `str == 'km'`, `str has '>'`, `bool == True`.

    The classes of the last texts are remembered: one that comes again costs a lookup.
    """
    tests: dict[tuple[str, str], list[str]] = {}
    for steps, how, word in sorted(option):
        tests.setdefault((steps, how), []).append(word)
    compiled = [(eval(f"lambda value: value{steps}", {}), how, words) for (steps, how), words in tests.items()]

    @lru_cache(maxsize=256)
    def of_text(text: str) -> str:
        return "str" + "".join(_class_of(text, *test) for test in compiled)

    def signed(value: Any) -> str:
        if type(value) is str and len(value) <= LONG_TEXT:
            return of_text(value)
        kind = signature(value)
        if type(value) is bool:
            return f"{kind} == {value}"
        return kind + _member_class(value, option) if ":" in kind else kind  # an enum is named as a subclass is

    return signed


def _member_class(value: Any, option: Option) -> str:
    """An enum member is its name; or other, where code compares members with nothing but members."""
    name, words = member(value), {word for _, how, word in option if how != "truth"}
    other = f".{name}" not in words and all(word.startswith(".") for word in words)
    return f" == {'other' if other else name}" if name else ""


def _class_of(text: str, steps: Callable[[str], Any], how: str, words: list[str]) -> str:
    if how == "truth":
        return ""
    try:
        made = steps(text)
    except (AttributeError, LookupError, TypeError, ValueError):
        return " == absent"
    leaf, how = (made, how) if type(made) is str else (" ".join(made), "has")
    ways = ("has", "in") if how == "has" else (how,)
    found = [f"{way} {word!r}" for way in ways for word in words if word and _WAYS[way](leaf, word)]
    return f" {shortened(f'== {leaf!r}' if leaf in words else ', '.join(found), 200) or '== other'}"


class _View(NamedTuple):
    """An argument or a state name after some steps; or some part of that."""

    path: str
    steps: str = ""
    part: bool = False


_Flow = frozenset[_View | str]
"""What an expression can hold: views, and constants (of an enum `.NAME`)."""
_NOTHING: _Flow = frozenset()
_SELF: _Flow = frozenset({_View("self")})


def options(tree: ast.Module, name: str) -> dict[str, Option]:
    """What a method compares with constants, also in its helpers: by parameter, and by state name (`self.unit`)."""
    reader = _Reader()
    reader.inside(tree)
    if name in reader.functions:
        me, *rest = _parameters(reader.functions[name].args)
        reader.run(name, {path: frozenset({_View(path)}) for path in rest} | {me: _SELF})
    paths = {path for path, *_ in reader.found} - {"self"}
    return {path: frozenset((s, how, word) for of, s, how, word in reader.found if of == path) for path in paths}


def _parameters(of: ast.arguments) -> list[str]:
    return [p.arg for p in (*of.posonlyargs, *of.args, *of.kwonlyargs, of.vararg, of.kwarg) if p]


class _Reader:
    """Goes through a syntax tree in the order in which it runs, and keeps what each name can hold."""

    def __init__(self) -> None:
        self.found: set[tuple[str, str, str, str]] = set()
        self.functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = {}
        self.names: dict[str, _Flow] = {}
        self.done: dict[Any, _Flow] = {}
        self.active: list[str] = []
        self.result = _NOTHING
        self.branches = 0

    def run(self, name: str, given: dict[str, _Flow]) -> _Flow:
        """What a function can return for these arguments; free names hold what they hold for its caller."""
        if name in self.active:
            given = {path: _part(flow) for path, flow in given.items()}
        before = self.names, self.result, self.branches
        self.names, self.result, self.branches = self.names | given, _NOTHING, 0
        key = (name, frozenset(self.names.items()))
        if key not in self.done:
            self.done[key] = _NOTHING
            self.active.append(name)
            for node in self.functions[name].body:
                self.read(node)
            self.active.pop()
            self.done[key] = self.result
        self.names, self.result, self.branches = before
        return self.done[key]

    def read(self, node: ast.AST) -> _Flow:
        """What an expression can hold; statements are read for what they compare and bind."""
        match node:
            case ast.Constant(value=str() | bool() as word):
                return frozenset({str(word)})
            case ast.Name(id=name):
                handed_on = name in self.functions and name not in self.names
                return self.run(name, {}) if handed_on else self.names.get(name, _NOTHING)
            case ast.Attribute(value=base, attr=name):
                known = self.names.get(ast.unparse(node))
                return self.attribute(self.read(base), name) if known is None else known
            case ast.Subscript(value=base, slice=key):
                holder = self.read(base)
                self.compare(self.read(key), "==", holder)
                return _after(holder, "", f"[{ast.unparse(key)}]", [key])
            case ast.Compare(left=first, ops=ops, comparators=rest):
                for one, how, right in zip([self.read(first), *map(self.read, rest)], ops, rest, strict=False):
                    other, among = self.read(right), isinstance(how, (ast.In, ast.NotIn))
                    letters = frozenset(str(right.value)) if among and isinstance(right, ast.Constant) else _NOTHING
                    self.compare(one, "in" if among else "==", other | letters)
                    self.compare(other, "has" if among else "==", one)
                return _NOTHING
            case ast.Call():
                return self.call(node, [*node.args, *node.keywords])
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self.functions[node.name] = node
                return _NOTHING
            case ast.Match(subject=subject, cases=cases):
                for case in cases:
                    self.pattern(case.pattern, self.read(subject))
        return self.inside(node)

    def inside(self, node: ast.AST) -> _Flow:
        """What has no rule of its own: all that is in it, in the order in which it runs."""
        if isinstance(node, _BINDING):
            self.assign(node)
        self.branches += isinstance(node, _BRANCHES)
        flow = _NOTHING
        for _ in range(1 + isinstance(node, _LOOPS)):  # what one round of a loop binds, the next one reads
            for child in _children(node):
                found = self.read(child)
                flow |= found
                if _is_test(node, child):
                    self.compare(found, "truth", frozenset({""}))
        self.branches -= isinstance(node, _BRANCHES)
        flow = flow if isinstance(node, _KEPT) else _part(flow)
        self.result |= flow if isinstance(node, (ast.Return, ast.Yield, ast.YieldFrom)) else _NOTHING
        return flow

    def attribute(self, holder: _Flow, name: str) -> _Flow:
        if holder >= _SELF:
            return frozenset({_View(f"self.{name}")})
        return holder if any(isinstance(each, _View) for each in holder) else holder | {f".{name}"}

    def call(self, node: ast.Call, arguments: list[ast.AST]) -> _Flow:
        given = [self.read(each) for each in arguments]
        every = _NOTHING.union(*given)
        match node.func:
            case ast.Name(id=name) if name in self.functions:
                return self.run(name, self.bound(self.functions[name].args, arguments, given))
            case ast.Name(id="getattr") if isinstance(node.args[1], ast.Constant):
                return self.attribute(given[0], str(node.args[1].value)).union(*given[2:])
            case ast.Name(id="str") if given:
                return given[0]
            case ast.Name(id=name) | ast.Attribute(attr=name) if name.startswith(_OPENS):
                return _NOTHING
            case ast.Attribute(value=base, attr=name):
                holder = self.read(base)
                if name in _LOOKUPS and given:
                    self.compare(given[0], "in", holder)
                if name in _FINDS:
                    self.compare(holder, name if name.endswith("with") else "has", every)
                if name in _STEPS and not holder >= _SELF:
                    return _after(holder, name, f".{name}({', '.join(map(ast.unparse, arguments))})", arguments)
                root = next((n.id for n in ast.walk(base) if isinstance(n, ast.Name)), "")
                return _part((holder | every) - _SELF) if holder or root not in self.names else _NOTHING
        return _part(self.read(node.func) | every)

    def bound(self, of: ast.arguments, arguments: list[ast.AST], given: list[_Flow]) -> dict[str, _Flow]:
        names = _parameters(of)
        usual = _NOTHING.union(*(self.read(each) for each in (*of.defaults, *of.kw_defaults) if each))
        keys = [getattr(each, "arg", names[at : at + 1]) for at, each in enumerate(arguments)]
        if of.vararg or of.kwarg or None in keys or any(isinstance(each, ast.Starred) for each in arguments):
            return dict.fromkeys(names, _part(usual.union(*given)))
        return dict.fromkeys(names, usual) | {"".join(key): flow for key, flow in zip(keys, given, strict=True)}

    def assign(self, node: Any) -> None:
        fields = vars(node)
        value = fields.get("value") or fields.get("iter") or fields.get("context_expr")
        flow = self.read(value) if value else _NOTHING
        if isinstance(node, _PARTS):
            flow = _part(flow | self.read(node.target) if isinstance(node, ast.AugAssign) else flow)
        for target in fields.get("targets") or [fields.get("target") or fields.get("optional_vars")]:
            self.bind(target, flow)

    def bind(self, target: ast.AST | None, flow: _Flow) -> None:
        match target:
            case ast.Name() | ast.Attribute():
                self.names[ast.unparse(target)] = flow | self.read(target) if self.branches else flow
            case ast.Starred(value=inner):
                self.bind(inner, _part(flow))
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                loose = any(isinstance(each, ast.Starred) for each in elements)
                for at, element in enumerate(elements):
                    self.bind(element, _part(flow) if loose else _after(flow, "", f"[{at}]"))

    def pattern(self, pattern: ast.AST, flow: _Flow) -> None:
        nodes = list(ast.walk(pattern))
        self.names |= {n.name: _part(flow) for n in nodes if isinstance(n, (ast.MatchAs, ast.MatchStar)) and n.name}
        inside = any(isinstance(n, (ast.MatchSequence, ast.MatchMapping, ast.MatchClass)) for n in nodes)
        self.compare(_part(flow) if inside else flow, "==", _NOTHING.union(*map(self.read, nodes)))
        self.compare(flow, "truth", frozenset({""}))

    def compare(self, flow: _Flow, how: str, others: _Flow) -> None:
        words = [each for each in others if isinstance(each, str)]
        for view in flow:
            if isinstance(view, _View):
                met = "has" if view.part and how != "truth" else how
                self.found |= {(view.path, view.steps, met, word) for word in words}


def _part(flow: _Flow) -> _Flow:
    return frozenset(each._replace(part=True) if isinstance(each, _View) else each for each in flow)


def _after(flow: _Flow, name: str, step: str, arguments: list[ast.AST] | None = None) -> _Flow:
    """What the method of that name, or an index, makes of a flow; where its arguments are no literals, some part."""
    literal = all(isinstance(n, _LITERAL) for each in arguments or () for n in ast.walk(each))

    def made(each: _View | str) -> _View | str:
        if isinstance(each, str):
            return str(getattr(each, name)()) if name in _CASES else each
        if each.part and name in _CASES and step not in each.steps:
            return each._replace(steps=step + each.steps)  # the whole in small letters has the part in small letters
        whole = not each.part and literal and len(each.steps) < 100
        return each._replace(steps=each.steps + step) if whole else each._replace(part=True)

    return frozenset(map(made, flow)) | {each for each in flow if isinstance(each, str)}


def _children(node: ast.AST) -> list[ast.AST]:
    """What is in a node in the order in which it runs: of a comprehension the loops first."""
    found = [child for child in ast.iter_child_nodes(node) if child._fields]
    return sorted(found, key=lambda child: not isinstance(child, ast.comprehension))


def _is_test(node: ast.AST, child: ast.AST) -> bool:
    either = isinstance(getattr(node, "op", None), (ast.Not, ast.And, ast.Or))
    return either or child in (getattr(node, "test", None), getattr(node, "guard", None), *getattr(node, "ifs", ()))
