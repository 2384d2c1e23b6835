"""What the names in a syntax tree stand for: dotted origins of values, and whether a path was given by the caller."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from dataclasses import dataclass, field

_MANY = 16
_INNER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


@dataclass(eq=False)
class Scope:
    """The names of a module, class or function; order of assignment is not followed, all bindings count.

    A name is bound to expressions, each with the scope to read it in, or to origins as they stand. `public` is true
    where a function that is defined here is called with what a person passes.
    """

    parent: Scope | None = None
    public: bool = True
    positional: list[str] = field(default_factory=list)
    names: dict[str, list[tuple[ast.expr | str, Scope]]] = field(default_factory=dict)

    @property
    def root(self) -> Scope:
        """The module's scope, which also holds the attributes of self, as `self.name`."""
        return self.parent.root if self.parent else self

    def bind(self, name: str, value: ast.expr | str, scope: Scope | None = None) -> None:
        """Add a binding, whose expression is to be read in `scope`, here if none is given."""
        self.names.setdefault(name, []).append((value, scope or self))

    def find(self, name: str) -> list[tuple[ast.expr | str, Scope]] | None:
        """What the nearest scope that knows the name binds it to."""
        scope: Scope | None = self
        while scope and name not in scope.names:
            scope = scope.parent
        return scope.names[name] if scope else None


class Names:
    """Answers questions about the names of one tree; `nodes` are all its nodes, parents first, each with its scope.

    An origin is a dotted name (`os.path.join`, `builtins.open`), with `()` for what a call gives and `[]` for an item;
    `<self>`, `<given>` (a parameter), `<own>` (defined here), `<value>` (a literal) and `<?>` begin the origins that no
    import explains. `known` are paths that count as given by the caller.
    """

    def __init__(self, tree: ast.Module, known: frozenset[str]) -> None:
        self.known = known
        self.root = Scope()
        self._functions: dict[str, list[Scope]] = {}
        self._origins: dict[int, frozenset[str]] = {}
        self._named: dict[int, bool | None] = {}
        self.nodes = list(self._walk(tree))
        for node, scope in self.nodes:
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                self._bind_call(node, node.func.id, scope)

    def origins(self, node: ast.AST, scope: Scope) -> frozenset[str]:
        """Every dotted origin that this expression may have."""
        match node:
            case ast.Name(id=name):
                found = self._origins_of_name(name, scope)
            case ast.Attribute(value=value, attr=attr):
                found = frozenset(o for base in self.origins(value, scope) for o in self._attribute(base, attr))
            case ast.Call():
                found = frozenset(o for f in self.origins(node.func, scope) for o in self._result(f, node, scope))
            case ast.Subscript(value=value):
                found = frozenset(f"{base}[]" for base in self.origins(value, scope))
            case ast.BinOp(left=inner, op=ast.Div()) | ast.NamedExpr(value=inner) | ast.Await(value=inner):
                found = self.origins(inner, scope)
            case ast.IfExp() | ast.BoolOp():
                found = frozenset(o for way in _ways(node) for o in self.origins(way, scope))
            case ast.Constant() | ast.JoinedStr() | ast.Dict() | ast.List() | ast.Tuple() | ast.Set() | ast.ListComp():
                found = frozenset({"<value>"})
            case _:
                found = frozenset({"<?>"})
        return found if len(found) <= _MANY else frozenset({"<many>"})

    def named(self, node: ast.AST | str, scope: Scope) -> bool | None:
        """True when a path comes from the caller, from self or from `known`; None when it comes from constants only."""
        match node:
            case str():
                return True if node in ("<given>", "<self>") else None
            case ast.Constant(value=str() as text):
                return True if text in self.known else False if _leads_away(text) else None
            case ast.Name(id=name):
                return self._named_name(name, scope)
            case ast.Attribute(value=ast.Name(id="self"), attr=attr) if f"self.{attr}" in self.root.names:
                return self._named_name(f"self.{attr}", self.root)
            case ast.IfExp() | ast.BoolOp():
                return _either([self.named(way, scope) for way in _ways(node)])
            case ast.JoinedStr(values=[first, *rest]) | ast.BinOp(left=first, op=ast.Add(), right=ast.expr() as rest):
                later = rest if isinstance(rest, list) else [rest]
                pieces = [p for p in later if not isinstance(p, ast.Constant) or ".." in str(p.value)]
                return _both([self.named(piece, scope) for piece in [first, *pieces]])
        return _both([self.named(child, scope) for child in ast.iter_child_nodes(node)])

    def texts(self, node: ast.expr, scope: Scope) -> list[str]:
        """The constant texts that this expression is, through simple local names; none when any is computed."""
        ways = [value for value, _ in scope.find(node.id) or []] if isinstance(node, ast.Name) else [node]
        found = [way.value for way in ways if isinstance(way, ast.Constant) and isinstance(way.value, str)]
        return found if len(found) == len(ways) else []

    def _walk(self, tree: ast.Module) -> Iterator[tuple[ast.AST, Scope]]:
        stack: list[tuple[ast.AST, Scope]] = [(tree, self.root)]
        while stack:
            node, scope = stack.pop()
            yield node, scope
            _bind(node, scope)
            if isinstance(node, _INNER):
                scope = _inner_scope(node, scope)
                self._functions.setdefault(getattr(node, "name", ""), []).append(scope)
            stack += [(child, scope) for child in ast.iter_child_nodes(node) if not isinstance(child, ast.expr_context)]

    def _bind_call(self, call: ast.Call, name: str, scope: Scope) -> None:
        """What a function that is defined here is called with is what its parameters are."""
        for inner in self._functions.get(name, []):
            for parameter, value in zip(inner.positional, call.args, strict=False):
                inner.bind(parameter, value, scope)
            for keyword in call.keywords:
                if keyword.arg in inner.names:
                    inner.bind(keyword.arg, keyword.value, scope)

    def _origins_of_name(self, name: str, scope: Scope) -> frozenset[str]:
        bindings = scope.find(name)
        if bindings is None:
            return frozenset({f"builtins.{name}" if hasattr(builtins, name) or name == "__builtins__" else name})
        if id(bindings) not in self._origins:
            self._origins[id(bindings)] = frozenset()  # a name that leads back to itself is its other bindings
            each = [{value} if isinstance(value, str) else self.origins(value, home) for value, home in bindings]
            self._origins[id(bindings)] = frozenset[str]().union(*each) or frozenset({"<?>"})
        return self._origins[id(bindings)]

    def _attribute(self, base: str, attr: str) -> frozenset[str]:
        if base == "<self>" and f"self.{attr}" in self.root.names:
            return self._origins_of_name(f"self.{attr}", self.root) | {f"<self>.{attr}"}
        return frozenset({f"{base}.{attr}"})

    def _result(self, function: str, call: ast.Call, scope: Scope) -> frozenset[str]:
        match function, call.args:
            case "builtins.getattr", [thing, ast.Constant(value=str() as attr), *_]:
                return self.origins(ast.Attribute(thing, attr, ast.Load()), scope)
            case "builtins.__import__" | "importlib.import_module", [ast.Constant(value=str() as module), *_]:
                return frozenset({module})
        return frozenset({f"{function}()"})

    def _named_name(self, name: str, scope: Scope) -> bool | None:
        bindings = scope.find(name)
        if bindings is None:
            return None
        if id(bindings) not in self._named:
            self._named[id(bindings)] = True  # a name that leads back to itself is decided by its other bindings
            self._named[id(bindings)] = _either([self.named(v, home) for v, home in bindings if not _no_path(v)])
        return self._named[id(bindings)]


def _bind(node: ast.AST, scope: Scope) -> None:
    match node:
        case ast.Import(names=aliases):
            for alias in aliases:
                top = alias.name.partition(".")[0]
                scope.bind(alias.asname or top, alias.name if alias.asname else top)
        case ast.ImportFrom(names=aliases):
            for alias in aliases:
                scope.bind(alias.asname or alias.name, f"{'.' * node.level}{node.module or ''}.{alias.name}")
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                _bind_target(target, value, scope)
        case ast.AnnAssign(value=ast.expr() as value) | ast.AugAssign(value=value) | ast.NamedExpr(value=value):
            _bind_target(node.target, value, scope)
        case ast.withitem(optional_vars=ast.expr() as target, context_expr=value):
            _bind_target(target, value, scope)
        case ast.For() | ast.AsyncFor() | ast.comprehension():
            _bind_target(node.target, _item(node.iter), scope)
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.ExceptHandler() | ast.MatchAs():
            scope.bind(node.name or "", "<own>")


def _bind_target(target: ast.expr, value: ast.expr, scope: Scope) -> None:
    match target:
        case ast.Name(id=name):
            scope.bind(name, value)
        case ast.Attribute(value=ast.Name(id="self"), attr=attr):
            scope.root.bind(f"self.{attr}", value, scope)
        case ast.Starred(value=inner):
            _bind_target(inner, _item(value), scope)
        case ast.Tuple(elts=targets) | ast.List(elts=targets):
            parts = value.elts if isinstance(value, ast.Tuple | ast.List) else []
            parts = parts if len(parts) == len(targets) else [_item(value)] * len(targets)
            for each, part in zip(targets, parts, strict=True):
                _bind_target(each, part, scope)


def _item(value: ast.expr) -> ast.expr:
    return ast.Subscript(value, ast.Constant(None), ast.Load())


def _inner_scope(node: ast.AST, scope: Scope) -> Scope:
    name = getattr(node, "name", "_")
    public = scope.public and (not name.startswith("_") or name.endswith("__"))
    inner = Scope(scope, public and isinstance(node, ast.ClassDef))
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        args = node.args
        inner.positional = [a.arg for a in [*args.posonlyargs, *args.args]]
        for parameter in (node.arg for node in ast.walk(args) if isinstance(node, ast.arg)):
            inner.names[parameter] = [("<self>" if parameter == "self" else "<given>", inner)] if public else []
        with_defaults = reversed([*inner.positional, *(a.arg for a in args.kwonlyargs)])
        for parameter, default in zip(with_defaults, reversed([*args.defaults, *args.kw_defaults]), strict=False):
            if default is not None:
                inner.bind(parameter, default, scope)
    return inner


def _ways(node: ast.IfExp | ast.BoolOp) -> list[ast.expr]:
    return [node.body, node.orelse] if isinstance(node, ast.IfExp) else node.values


def _leads_away(text: str) -> bool:
    """Whether a piece of a path leaves the directory that it is joined to."""
    return ".." in text or (len(text) > 1 and text[0] in "/~\\") or text[1:3] == ":\\"


def _no_path(value: ast.expr | str) -> bool:
    return isinstance(value, ast.Constant) and not isinstance(value.value, str)


def _both(parts: list[bool | None]) -> bool | None:
    """A path made of parts: one that leads away spoils it, one that was given names it."""
    return False if False in parts else True if True in parts else None


def _either(ways: list[bool | None]) -> bool | None:
    """A path that is one of several: all of them must be named."""
    return False if False in ways or (True in ways and None in ways) else True if True in ways else None
