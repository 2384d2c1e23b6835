"""One written method with the helpers that it reaches: what it touches of self, and the hash of its syntax tree.

A unit is a module's syntax tree: imports, constants, `_helpers` and one method `def name(self, ...)`.
"""

from __future__ import annotations

import ast
import copy
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef
Comprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
RESERVED = frozenset({"llm", "getdoc"})
_BY_NAME = {"getattr": "reads", "hasattr": "reads", "setattr": "binds", "delattr": "binds"}


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
    found = _Found({node.name: node for node in tree.body if isinstance(node, Definition)})
    if method := method_of(tree, name):
        found.follow(method, _positional(method).get(0))
    reads, calls = frozenset(found.reads - RESERVED), frozenset(found.calls - RESERVED)
    return Facts(reads, frozenset(found.binds), calls, found.dynamic)


def digest(tree: ast.Module, name: str) -> str:
    """SHA-256 of the method with what it reaches: positions left out, imports resolved, helper names canonical.

    The same on every Python version: fields that are empty are left out too.
    """
    known = bindings(tree)
    tokens: dict[str, str] = {name: "method"}
    texts = [_dump(node, known, tokens) for node in reached(tree, name) if not imported(node)]
    return hashlib.sha256("\n".join(texts).encode("utf-8", "surrogatepass")).hexdigest()


def method_of(tree: ast.Module, name: str) -> Function | None:
    """The module-level function of that name."""
    return next((node for node in tree.body if isinstance(node, Function) and node.name == name), None)


def bindings(tree: ast.Module) -> dict[str, str]:
    """What each module-level name stands for: the full dotted name for an import, "" for what the unit defines."""
    return {name: meaning for node in tree.body for name, meaning in _bound_by(node).items()}


def _bound_by(node: ast.stmt) -> dict[str, str]:
    if isinstance(node, Definition):
        return {node.name: ""}
    stored = (n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
    return imported(node) or dict.fromkeys(stored, "")


def imported(node: ast.AST) -> dict[str, str]:
    """The names that an import statement binds, each with the full dotted name that it stands for."""
    if isinstance(node, ast.ImportFrom):
        base = "." * node.level + (node.module or "")
        return {a.asname or a.name: f"{base}:{a.name}" for a in node.names}
    if isinstance(node, ast.Import):
        # `import a.b` binds a but loads a.b, and is not the same statement as `import a`.
        parts = [(a, a.name.partition(".")) for a in node.names]
        return {a.asname or top: a.name if a.asname or not dot else f"{top}<{a.name}" for a, (top, dot, _) in parts}
    return {}


def reached(tree: ast.Module, name: str) -> list[ast.stmt]:
    """The method, then every module-level statement that it reaches, in the order of first use."""
    owner = {bound: node for node in tree.body for bound in _bound_by(node)}
    method = method_of(tree, name)
    order: list[ast.stmt] = [method] if method else []
    for node in order:
        for used in global_names(node):
            if (wanted := owner.get(used.id)) and wanted not in order:
                order.append(wanted)
    return order


def global_names(node: ast.AST) -> list[ast.Name]:
    """The Name nodes inside a statement that mean a module-level (or built-in) name, in source order."""
    found: list[ast.Name] = []
    _find_global(node, frozenset(), frozenset(), found)
    return found


def _find_global(node: ast.AST, bound: frozenset[str], around: frozenset[str], found: list[ast.Name]) -> None:
    """Walk scopes as the compiler does: `bound` are the names of this one, `around` those that functions in it see."""
    if isinstance(node, ast.Name) and node.id not in bound:
        found.append(node)
    outside, inside, names = _scope(node)
    within = around | names
    for part in outside:
        _find_global(part, bound, around, found)
    for part in inside:
        # A class body's names are seen in that body alone, not in the functions inside it.
        _find_global(part, within, around if isinstance(node, ast.ClassDef) else within, found)


def _scope(node: ast.AST) -> tuple[Iterable[ast.AST], Iterable[ast.AST], set[str]]:
    """The parts of a node that belong to the scope around it, those inside its own, and the names which that binds."""
    if isinstance(node, (Function, ast.Lambda)):
        parameters = _parameters(node.args)
        outside = [*node.args.defaults, *node.args.kw_defaults, *getattr(node, "decorator_list", ())]
        outside += [*(a.annotation for a in parameters), getattr(node, "returns", None)]
        body: list[ast.AST] = list(node.body) if isinstance(node.body, list) else [node.body]
        return filter(None, outside), body, {a.arg for a in parameters} | _bound_in(body)
    if isinstance(node, ast.ClassDef):
        return [*node.bases, *node.keywords, *node.decorator_list], node.body, _bound_in(node.body)
    if isinstance(node, Comprehension):
        first, *loops = node.generators
        inside = [*(loop.iter for loop in loops), *(test for loop in node.generators for test in loop.ifs)]
        inside += [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        targets = [n for loop in node.generators for n in ast.walk(loop.target)]
        return [first.iter], inside, {n.id for n in targets if isinstance(n, ast.Name)}
    return ast.iter_child_nodes(node), (), set()


def _parameters(arguments: ast.arguments) -> list[ast.arg]:
    stars = filter(None, (arguments.vararg, arguments.kwarg))
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *stars]


def _bound_in(body: Iterable[ast.AST]) -> set[str]:
    """Names that a function's or a class's own body binds; inner functions keep theirs."""
    names: set[str] = set()
    foreign: set[str] = set()
    nodes = list(body)
    for node in nodes:  # which grows on the way
        if isinstance(node, ast.Global):
            foreign.update(node.names)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif not isinstance(node, ast.alias):
            names |= {getattr(node, "name", "") or getattr(node, "rest", ""), *imported(node)}
        if isinstance(node, Comprehension):
            nodes += [n for n in ast.walk(node) if isinstance(n, ast.NamedExpr)]
        elif not isinstance(node, (Definition, ast.Lambda)):
            nodes += ast.iter_child_nodes(node)
    return names - foreign


@dataclass
class _Found:
    helpers: dict[str, Definition]
    reads: set[str] = field(default_factory=set)
    binds: set[str] = field(default_factory=set)
    calls: set[str] = field(default_factory=set)
    dynamic: bool = False
    seen: set[tuple[str, str]] = field(default_factory=set)
    made: set[str] = field(default_factory=set)

    def follow(self, function: Function, me: str | None) -> None:
        """Look at a function whose parameter `me` is self."""
        if me not in {a.arg for a in _parameters(function.args)}:
            self.dynamic = True
        elif (function.name, me) not in self.seen:
            self.seen.add((function.name, me))
            for node in _straight(function.body):
                self._look(me, node)
                self.made |= _assigned(node, me) - self.reads

    def _look(self, me: str, *nodes: ast.AST) -> None:
        for node in nodes:
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=attribute)) if owner == me:
                    self.calls.add(attribute)
                    self._look(me, *node.args, *node.keywords)
                case ast.Call(func=ast.Name(id=function)) if any(_is(a, me) for a in _arguments(node)):
                    self._passed(node, function, me)
                case ast.AugAssign(target=ast.Attribute(value=ast.Name(id=owner), attr=attribute)) if owner == me:
                    self.reads.add(attribute)
                    self.binds.add(attribute)
                    self._look(me, node.value)
                case ast.Attribute(value=ast.Name(id=owner), attr=attribute) if owner == me:
                    if not isinstance(node.ctx, ast.Load):
                        self.binds.add(attribute)
                    elif attribute not in self.made:
                        self.reads.add(attribute)
                    self.dynamic |= attribute == "__dict__"
                case ast.Return(value=ast.Name(id=owner)) if owner == me:
                    pass
                case ast.Name(id=owner) if owner == me:
                    self.dynamic = True
                case _:
                    self._look(me, *ast.iter_child_nodes(node))

    def _passed(self, call: ast.Call, function: str, me: str) -> None:
        helper, kind = self.helpers.get(function), _BY_NAME.get(function)
        if isinstance(helper, Function):
            names = [*map(_positional(helper).get, range(len(call.args))), *(k.arg for k in call.keywords)]
            for name, argument in zip(names, _arguments(call), strict=True):
                if _is(argument, me):
                    self.follow(helper, name)
        elif helper is None and kind and len(call.args) > 1 and isinstance(call.args[1], ast.Constant):
            getattr(self, kind).add(str(call.args[1].value))
        else:
            self.dynamic = True
        self._look(me, *(a for a in _arguments(call) if not _is(a, me)))


def _straight(body: list[ast.stmt]) -> list[ast.AST]:
    """The steps of a body that run one after the other, whatever happens; a `with` does not branch."""
    blocks = [[*n.items, *_straight(n.body)] if isinstance(n, (ast.With, ast.AsyncWith)) else [n] for n in body]
    return [step for block in blocks for step in block]


def _assigned(node: ast.AST, me: str) -> set[str]:
    single = [node.target] if isinstance(node, ast.AnnAssign) and node.value is not None else []
    targets = node.targets if isinstance(node, ast.Assign) else single
    return {t.attr for t in targets if isinstance(t, ast.Attribute) and _is(t.value, me)}


def _positional(function: Function) -> dict[int, str]:
    return dict(enumerate(a.arg for a in (*function.args.posonlyargs, *function.args.args)))


def _arguments(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(k.value for k in call.keywords)]


def _is(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _dump(node: ast.AST, known: dict[str, str], tokens: dict[str, str]) -> str:
    globals_here = {id(n) for n in global_names(node)}

    def token(name: str) -> str:
        return known.get(name) or tokens.setdefault(name, f"unit{len(tokens)}")

    def text(value: object, outermost: bool = False) -> str:
        match value:
            case ast.Name(id=name):
                return f"N({token(name) if id(value) in globals_here and name in known else name})"
            case ast.AST():
                fields = [(f, v) for f, v in ast.iter_fields(_clean(value)) if v not in (None, []) and f != "kind"]
                parts = [f"{f}={text(v)}" for f, v in fields]
                if outermost and isinstance(value, Definition):
                    parts[0] = f"name={token(value.name)}"
                return f"{type(value).__name__}({','.join(parts)})"
            case list():
                return f"[{','.join(text(v) for v in value)}]"
            case _:
                return f"{type(value).__name__}:{value!r}"

    return text(node, outermost=True)


def _clean(node: ast.AST) -> ast.AST:
    """A function whose docstring has lost its indentation, which moving it into a class changes.

    And an f-string without the empty texts that some versions of Python leave in it.
    """
    if isinstance(node, ast.JoinedStr):
        return ast.JoinedStr([v for v in node.values if not (isinstance(v, ast.Constant) and v.value == "")])
    if isinstance(node, Definition) and (words := ast.get_docstring(node)) is not None:
        node = copy.copy(node)
        node.body = [ast.Expr(ast.Constant(words)), *node.body[1:]]
    return node
