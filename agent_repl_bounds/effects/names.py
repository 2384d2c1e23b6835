"""What the names in a syntax tree stand for: dotted origins of values, and whether a path was given by the caller."""

from __future__ import annotations

import ast
import builtins
import re
from collections import ChainMap
from collections.abc import Iterator
from typing import TypeAlias

_MANY = 16
_LEADS_AWAY = re.compile(r"(?s)[/~\\].|.:\\|.*\.\.")
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Bindings: TypeAlias = list[ast.expr | str]  # expressions, and origins as they stand
Scope: TypeAlias = ChainMap[str, Bindings]


class Names:
    """Answers questions about the names of one tree; `nodes` are all its nodes, parents first.

    An origin is a dotted name (`os.path.join`, `builtins.open`), with `()` for what a call gives and `[]` for an item;
    `<self>`, `<given>` (a parameter), `<own>` (defined here), `<value>` (a literal) and `<?>` begin the origins that no
    import explains. `known` are paths that count as given by the caller. Order of assignment is not followed: all
    bindings of a name count.
    """

    def __init__(self, tree: ast.Module, known: frozenset[str]) -> None:
        self.known = known
        self.nodes: list[ast.AST] = []
        self._scopes: dict[ast.AST, Scope] = {}
        self._functions: dict[str, list[dict[str, Bindings]]] = {}
        self._of_self: dict[str, Bindings] = {}
        self._origins: dict[int, frozenset[str]] = {}
        self._named: dict[int, bool | None] = {}
        self._walk([(tree, ChainMap(), True)])
        for call in [node for node in self.nodes if isinstance(node, ast.Call)]:
            given = [(k.arg or "", k.value) for k in call.keywords]
            for parameters in self._functions.get(getattr(call.func, "id", ""), []):
                for name, value in [*zip(parameters, call.args, strict=False), *given]:
                    parameters.get(name, []).append(value)

    def origins(self, node: ast.AST) -> frozenset[str]:
        """Every dotted origin that this expression may have."""
        match node:
            case ast.Name(id=name):
                found = self._of_name(name, self._scopes[node].get(name))
            case ast.Attribute(value=value, attr=attr):
                found = frozenset(f"{base}.{attr}" for base in self.origins(value))
                found |= {o for mine in self._of_self.keys() & found for o in self._of_name(mine, self._of_self[mine])}
            case ast.Call(func=func):
                found = frozenset(o for function in self.origins(func) for o in self._result(function, node))
            case ast.Subscript(value=value):
                found = frozenset(f"{base}[]" for base in self.origins(value))
            case ast.BinOp(left=inner, op=ast.Div()) | ast.NamedExpr(value=inner) | ast.Await(value=inner):
                found = self.origins(inner)
            case ast.IfExp() | ast.BoolOp():
                found = frozenset(o for way in _ways(node) for o in self.origins(way))
            case ast.Constant() | ast.JoinedStr() | ast.Dict() | ast.List() | ast.Tuple() | ast.Set() | ast.ListComp():
                found = frozenset({"<value>"})
            case _:
                found = frozenset({"<?>"})
        return found if len(found) <= _MANY else frozenset({"<many>"})

    def named(self, node: ast.AST | str) -> bool | None:
        """True when a path comes from the caller, from self or from `known`; None when it comes from constants only."""
        match node:
            case str():
                return True if node in ("<given>", "<self>") else None
            case ast.Constant(value=str() as text):
                return True if text in self.known else False if _LEADS_AWAY.match(text) else None
            case ast.Name(id=name):
                return self._named_by(self._scopes[node].get(name))
            case ast.Attribute(value=ast.Name(id="self"), attr=attr) if mine := self._of_self.get(f"<self>.{attr}"):
                return self._named_by(mine)
            case ast.IfExp() | ast.BoolOp():
                return _either([self.named(way) for way in _ways(node)])
            case ast.JoinedStr(values=[first, *rest]) | ast.BinOp(left=first, op=ast.Add(), right=ast.expr() as rest):
                later = rest if isinstance(rest, list) else [rest]
                pieces = [p for p in later if not isinstance(p, ast.Constant) or ".." in str(p.value)]
                return _both([self.named(piece) for piece in [first, *pieces]])
        return _both([self.named(child) for child in ast.iter_child_nodes(node)])

    def texts(self, node: ast.expr) -> list[str]:
        """The constant texts that this expression is, through simple local names; none when any is computed."""
        ways = self._scopes[node].get(node.id, []) if isinstance(node, ast.Name) else [node]
        found = [way.value for way in ways if isinstance(way, ast.Constant) and isinstance(way.value, str)]
        return found if len(found) == len(ways) else []

    def _walk(self, stack: list[tuple[ast.AST, Scope, bool]]) -> None:
        while stack:
            node, scope, public = stack.pop()
            self.nodes.append(node)
            self._scopes[node] = scope
            for bound, value in _bound(node):
                (self._of_self if "<" in bound else scope.maps[0]).setdefault(bound, []).append(value)
            inner, body = scope, list[ast.AST]()
            if isinstance(node, Function | ast.ClassDef):
                name = getattr(node, "name", "_")
                public = public and (not name.startswith("_") or name.endswith("__"))
                body = [*node.body] if isinstance(node.body, list) else [node.body]
                parameters = _parameters(node.args, public) if isinstance(node, Function) else {}
                self._functions.setdefault(name, []).append(parameters)
                public = public and not isinstance(node, Function)
                inner = scope.new_child({**parameters})
            for child in ast.iter_child_nodes(node):
                if not isinstance(child, ast.expr_context):
                    stack.append((child, inner if child in body else scope, public))

    def _of_name(self, name: str, bindings: Bindings | None) -> frozenset[str]:
        if bindings is None:
            return frozenset({f"builtins.{name}" if hasattr(builtins, name) or name == "__builtins__" else name})
        if id(bindings) not in self._origins:
            self._origins[id(bindings)] = frozenset()  # a name that leads back to itself is its other bindings
            each = [{value} if isinstance(value, str) else self.origins(value) for value in bindings]
            self._origins[id(bindings)] = frozenset[str]().union(*each) or frozenset({"<?>"})
        return self._origins[id(bindings)]

    def _result(self, function: str, call: ast.Call) -> frozenset[str]:
        match function, call.args:
            case "builtins.getattr", [thing, ast.Constant(value=str() as attr), *_]:
                return self.origins(ast.Attribute(thing, attr, ast.Load()))
            case "builtins.__import__" | "importlib.import_module", [ast.Constant(value=str() as module), *_]:
                return frozenset({module})
        return frozenset({f"{function}()"})

    def _named_by(self, bindings: Bindings | None) -> bool | None:
        if bindings is None:
            return None
        if id(bindings) not in self._named:
            self._named[id(bindings)] = True  # a name that leads back to itself is decided by its other bindings
            paths = [b for b in bindings if not isinstance(b, ast.Constant) or isinstance(b.value, str)]
            self._named[id(bindings)] = _either([self.named(path) for path in paths])
        return self._named[id(bindings)]


def _bound(node: ast.AST) -> Iterator[tuple[str, ast.expr | str]]:
    """The names that this node binds, each with what it then stands for; `<self>.x` for an attribute of self."""
    match node:
        case ast.Import(names=aliases):
            for name, short in ((alias.name, alias.asname) for alias in aliases):
                yield short or name.partition(".")[0], name if short else name.partition(".")[0]
        case ast.ImportFrom(names=aliases):
            for alias in aliases:
                yield alias.asname or alias.name, f"{'.' * node.level}{node.module or ''}.{alias.name}"
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _bound_by(target, value)
        case ast.AnnAssign(value=ast.expr() as value) | ast.AugAssign(value=value) | ast.NamedExpr(value=value):
            yield from _bound_by(node.target, value)
        case ast.withitem(optional_vars=ast.expr() as target, context_expr=value):
            yield from _bound_by(target, value)
        case ast.For() | ast.AsyncFor() | ast.comprehension():
            yield from _bound_by(node.target, _item(node.iter))
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.ExceptHandler() | ast.MatchAs():
            yield node.name or "", "<own>"


def _bound_by(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    match target:
        case ast.Name(id=name):
            yield name, value
        case ast.Attribute(value=ast.Name(id="self"), attr=attr):
            yield f"<self>.{attr}", value
        case ast.Starred(value=inner):
            yield from _bound_by(inner, _item(value))
        case ast.Tuple(elts=targets) | ast.List(elts=targets):
            parts = value.elts if isinstance(value, ast.Tuple | ast.List) else []
            parts = parts if len(parts) == len(targets) else [_item(value)] * len(targets)
            for each, part in zip(targets, parts, strict=True):
                yield from _bound_by(each, part)


def _ways(node: ast.IfExp | ast.BoolOp) -> list[ast.expr]:
    return [node.body, node.orelse] if isinstance(node, ast.IfExp) else node.values


def _item(value: ast.expr) -> ast.expr:
    return ast.Subscript(value, ast.Constant(None), ast.Load())


def _parameters(args: ast.arguments, public: bool) -> dict[str, Bindings]:
    """A public method is called with what a person passes, any other function as the calls in this tree say."""
    found: dict[str, Bindings] = {a.arg: [] for a in [*args.posonlyargs, *args.args, *args.kwonlyargs]}
    for name, default in zip(reversed(found), reversed([*args.defaults, *args.kw_defaults]), strict=False):
        found[name] += [default] if default else []
    found |= {star.arg: [] for star in (args.vararg, args.kwarg) if star}
    for name, bindings in found.items():
        bindings += ["<self>"] if name == "self" else ["<given>"] if public else []
    return found


def _both(parts: list[bool | None]) -> bool | None:
    return False if False in parts else True if True in parts else None


def _either(ways: list[bool | None]) -> bool | None:
    return False if False in ways or (True in ways and None in ways) else True if True in ways else None
