"""What the names in a syntax tree stand for: dotted origins of values, and whether a path was given by the caller."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_MANY = 16


class Binding(NamedTuple):
    """One thing that a name is bound to: a value, an item of a value, an import, a parameter, or our own def."""

    kind: Literal["value", "item", "import", "given", "own"]
    node: ast.AST | None
    scope: Scope
    text: str = ""


@dataclass(eq=False)
class Scope:
    """The names of a module, class or function; order of assignment is not followed, all bindings count."""

    parent: Scope | None
    names: dict[str, list[Binding]] = field(default_factory=dict)
    public: bool = True

    def bind(self, name: str, kind: Literal["value", "item", "import", "given", "own"], node: ast.AST | None) -> None:
        self.names.setdefault(name, []).append(Binding(kind, node, self))

    def find(self, name: str) -> Scope | None:
        """The nearest scope that binds the name."""
        scope: Scope | None = self
        while scope and name not in scope.names:
            scope = scope.parent
        return scope


class Names:
    """Answers questions about the names of one tree; `nodes` are all its nodes, each with its scope.

    An origin is a dotted name (`os.path.join`, `builtins.open`), with `()` for what a call gives and `[]` for an item;
    `<self>`, `<own>` (defined here), `<value>` (a literal) and `<?>` begin the origins that no import explains.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.root = Scope(None)
        self.inner: dict[ast.AST, Scope] = {}
        self.nodes = list(self._walk(tree))
        self._origins: dict[tuple[Scope, str], frozenset[str]] = {}
        self._named: dict[tuple[Scope, str], bool | None] = {}
        for node, scope in self.nodes:
            if isinstance(node, ast.Call):
                self._bind_call(node, scope)

    def origins(self, node: ast.AST | None, scope: Scope) -> frozenset[str]:
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
            case ast.IfExp(body=body, orelse=orelse):
                found = self.origins(body, scope) | self.origins(orelse, scope)
            case ast.BoolOp(values=values):
                found = frozenset(o for value in values for o in self.origins(value, scope))
            case ast.Constant() | ast.JoinedStr() | ast.Dict() | ast.List() | ast.Tuple() | ast.Set() | ast.ListComp():
                found = frozenset({"<value>"})
            case _:
                found = frozenset({"<?>"})
        return found if len(found) <= _MANY else frozenset({"<many>"})

    def named(self, node: ast.AST | None, scope: Scope, known: frozenset[str]) -> bool | None:
        """True when a path comes from the caller, from self or from `known`; None when it comes from constants only."""
        match node:
            case ast.Constant(value=str() as text):
                return True if text in known else False if _leads_away(text) else None
            case ast.Name(id=name):
                return self._named_name(name, scope, known)
            case ast.Attribute(value=ast.Name(id="self"), attr=attr) if f"self.{attr}" in self.root.names:
                return self._named_name(f"self.{attr}", self.root, known)
            case ast.IfExp(body=body, orelse=orelse):
                return _either([self.named(body, scope, known), self.named(orelse, scope, known)])
            case ast.BoolOp(values=values):
                return _either([self.named(value, scope, known) for value in values])
            case ast.JoinedStr() | ast.BinOp(op=ast.Add()):
                first, *rest = _pieces(node)
                later = [piece for piece in rest if not isinstance(piece, ast.Constant) or ".." in str(piece.value)]
                return _both([self.named(piece, scope, known) for piece in [first, *later]])
            case None:
                return None
        return _both([self.named(child, scope, known) for child in ast.iter_child_nodes(node)])

    def constants(self, node: ast.AST, scope: Scope) -> list[object] | None:
        """The constants that this expression is, through simple local names; None when it is computed."""
        if isinstance(node, ast.Constant):
            return [node.value]
        home = scope.find(node.id) if isinstance(node, ast.Name) else None
        bound = home.names[node.id] if home and isinstance(node, ast.Name) else []
        values: list[object] = [b.node.value for b in bound if b.kind == "value" and isinstance(b.node, ast.Constant)]
        return values if bound and len(values) == len(bound) else None

    def _walk(self, tree: ast.Module) -> Iterator[tuple[ast.AST, Scope]]:
        stack: list[tuple[ast.AST, Scope]] = [(tree, self.root)]
        while stack:
            node, scope = stack.pop()
            yield node, scope
            _bind(node, scope, self.root)
            inner = scope
            if isinstance(node, Function | ast.ClassDef):
                inner = self.inner[node] = _inner_scope(node, scope)
            body = getattr(node, "body", []) if inner is not scope else []
            within = {id(child) for child in (body if isinstance(body, list) else [body])}
            stack += [(child, inner if id(child) in within else scope) for child in ast.iter_child_nodes(node)]

    def _bind_call(self, call: ast.Call, scope: Scope) -> None:
        home = scope.find(call.func.id) if isinstance(call.func, ast.Name) else None
        for binding in home.names[call.func.id] if home and isinstance(call.func, ast.Name) else []:
            if isinstance(binding.node, ast.FunctionDef | ast.AsyncFunctionDef):
                parameters = [a.arg for a in [*binding.node.args.posonlyargs, *binding.node.args.args]]
                given = [*zip(parameters, call.args, strict=False), *((k.arg or "", k.value) for k in call.keywords)]
                for name, value in given:
                    self.inner[binding.node].names.setdefault(name, []).append(Binding("value", value, scope))

    def _origins_of_name(self, name: str, scope: Scope) -> frozenset[str]:
        home = scope.find(name)
        if home is None:
            return frozenset({f"builtins.{name}" if hasattr(builtins, name) or name == "__builtins__" else name})
        if (home, name) not in self._origins:
            self._origins[home, name] = frozenset()
            found = frozenset(o for binding in home.names[name] for o in self._origins_of_binding(name, binding))
            self._origins[home, name] = found or frozenset({"<?>"})
        return self._origins[home, name]

    def _origins_of_binding(self, name: str, binding: Binding) -> frozenset[str]:
        match binding.kind:
            case "import":
                return frozenset({binding.text})
            case "value":
                return self.origins(binding.node, binding.scope)
            case "item":
                return frozenset(f"{o}[]" for o in self.origins(binding.node, binding.scope))
            case "given":
                return frozenset({"<self>" if name == "self" else "<?>"})
            case _:
                return frozenset({"<own>"})

    def _attribute(self, base: str, attr: str) -> frozenset[str]:
        if base == "<self>" and f"self.{attr}" in self.root.names:
            return self._origins_of_name(f"self.{attr}", self.root) | {f"<self>.{attr}"}
        return frozenset({f"{base}.{attr}".replace("posix.", "os.", 1) if base == "posix" else f"{base}.{attr}"})

    def _result(self, function: str, call: ast.Call, scope: Scope) -> frozenset[str]:
        constant = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        if function == "builtins.getattr" and len(call.args) > 1 and isinstance(call.args[1], ast.Constant):
            return frozenset(
                o for base in self.origins(call.args[0], scope) for o in self._attribute(base, str(call.args[1].value))
            )
        if function in ("builtins.__import__", "importlib.import_module") and constant:
            return frozenset({constant[0]})
        return frozenset({f"{function}()"})

    def _named_name(self, name: str, scope: Scope, known: frozenset[str]) -> bool | None:
        home = scope.find(name)
        if home is None:
            return None
        if (home, name) not in self._named:
            self._named[home, name] = True  # a name that leads back to itself is decided by its other bindings
            paths = [b for b in home.names[name] if not _no_path(b)]
            self._named[home, name] = _either([self._named_binding(b, known) for b in paths])
        return self._named[home, name]

    def _named_binding(self, binding: Binding, known: frozenset[str]) -> bool | None:
        if binding.kind in ("value", "item"):
            return self.named(binding.node, binding.scope, known)
        return True if binding.kind == "given" else None


def _bind(node: ast.AST, scope: Scope, root: Scope) -> None:
    match node:
        case ast.Import(names=aliases):
            for alias in aliases:
                top = alias.name.partition(".")[0]
                _bind_import(scope, alias.asname or top, alias.name if alias.asname else top)
        case ast.ImportFrom(names=aliases):
            for alias in aliases:
                _bind_import(scope, alias.asname or alias.name, f"{'.' * node.level}{node.module or ''}.{alias.name}")
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                _bind_target(target, value, "value", scope, root)
        case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.AugAssign(target=target, value=value):
            _bind_target(target, value, "value", scope, root)
        case (
            ast.NamedExpr(target=target, value=value)
            | ast.withitem(optional_vars=ast.expr() as target, context_expr=value)
        ):
            _bind_target(target, value, "value", scope, root)
        case ast.For(target=target, iter=value) | ast.AsyncFor(target=target, iter=value):
            _bind_target(target, value, "item", scope, root)
        case ast.comprehension(target=target, iter=value):
            _bind_target(target, value, "item", scope, root)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            scope.bind(name, "own", node)
        case (
            ast.ExceptHandler(name=str() as name) | ast.MatchAs(name=str() as name) | ast.MatchStar(name=str() as name)
        ):
            scope.bind(name, "own", None)


def _bind_import(scope: Scope, name: str, origin: str) -> None:
    scope.names.setdefault(name, []).append(Binding("import", None, scope, origin))


def _bind_target(target: ast.AST, value: ast.expr, kind: Literal["value", "item"], scope: Scope, root: Scope) -> None:
    match target:
        case ast.Name(id=name):
            scope.bind(name, kind, value)
        case ast.Attribute(value=ast.Name(id="self"), attr=attr):
            root.names.setdefault(f"self.{attr}", []).append(Binding(kind, value, scope))
        case ast.Starred(value=inner):
            _bind_target(inner, value, "item", scope, root)
        case ast.Tuple(elts=targets) | ast.List(elts=targets):
            pairs = isinstance(value, ast.Tuple | ast.List) and kind == "value" and len(value.elts) == len(targets)
            for index, each in enumerate(targets):
                source = value.elts[index] if pairs and isinstance(value, ast.Tuple | ast.List) else value
                _bind_target(each, source, "value" if pairs else "item", scope, root)


def _inner_scope(node: Function | ast.ClassDef, scope: Scope) -> Scope:
    name = getattr(node, "name", "_")
    public = scope.public and (not name.startswith("_") or name.endswith("__"))
    inner = Scope(scope, public=public and isinstance(node, ast.ClassDef))
    if isinstance(node, ast.ClassDef):
        return inner
    args = node.args
    positional = [*args.posonlyargs, *args.args]
    everything = [*positional, *args.kwonlyargs, *filter(None, (args.vararg, args.kwarg))]
    for parameter in everything:
        inner.names[parameter.arg] = [Binding("given", parameter, inner)] if public else []
    late = zip(positional[len(positional) - len(args.defaults) :], args.defaults, strict=True)
    for parameter, default in [*late, *zip(args.kwonlyargs, args.kw_defaults, strict=True)]:
        if default is not None:
            inner.names[parameter.arg].append(Binding("value", default, scope))
    return inner


def _pieces(node: ast.JoinedStr | ast.BinOp) -> list[ast.expr]:
    return [node.left, node.right] if isinstance(node, ast.BinOp) else node.values or [ast.Constant("")]


def _leads_away(text: str) -> bool:
    """Whether a piece of a path leaves the directory that it is joined to."""
    return ".." in text or (len(text) > 1 and text[0] in "/~\\") or text[1:3] == ":\\"


def _no_path(binding: Binding) -> bool:
    return isinstance(binding.node, ast.Constant) and not isinstance(binding.node.value, str)


def _both(parts: list[bool | None]) -> bool | None:
    """A path made of parts: one that leads away spoils it, one that was given names it."""
    return False if False in parts else True if True in parts else None


def _either(ways: list[bool | None]) -> bool | None:
    """A path that is one of several: all of them must be named."""
    return False if False in ways or (True in ways and None in ways) else True if True in ways else None
