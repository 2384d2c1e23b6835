"""What the names in a syntax tree stand for: dotted origins of values, and whether a path was given by the caller."""

from __future__ import annotations

import ast
import builtins
import re
from collections import ChainMap
from collections.abc import Iterator
from typing import TypeAlias

_MANY = 16
_ITEMS = 200
_DEEP = 8
_GROWS = ("append", "add", "extend", "insert", "setdefault", "update")
_BY_NAME = {"getattr": 2, "setattr": 3, "delattr": 2, "__getattribute__": 2, "__setattr__": 3, "__delattr__": 2}
_KNOWN = ("os", "sys", "subprocess", "builtins", "shutil", "importlib", "ctypes", "threading")
_ALIASES = {"posix": "os", "nt": "os", "posixpath": "os.path", "ntpath": "os.path"}
_COMPREHENSION = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_LEADS_AWAY = re.compile(r"(?s)[/~\\].|.:\\|.*\.\.")
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Bindings: TypeAlias = list[ast.expr | str]  # expressions, and origins as they stand
Scope: TypeAlias = ChainMap[str, Bindings]


class Names:
    """Answers questions about the names of one tree; `nodes` are all its nodes, parents first.

    An origin is a dotted name (`os.path.join`, `builtins.open`), with `()` for what a call gives and `[]` for an item;
    `<self>`, `<given>` (a parameter), `<own>` (defined here), `<value>` (a literal) and `<?>` begin the origins that no
    import explains. `known` are paths that count as given by the caller. Order of assignment is not followed: all
    bindings of a name count. An item of a container that is written out in the code is what stands there.
    """

    def __init__(self, tree: ast.Module, known: frozenset[str]) -> None:
        self.known = known
        self.nodes: list[ast.AST] = []
        self._scopes: dict[ast.AST, Scope] = {}
        self._functions: dict[str, list[dict[str, Bindings]]] = {}
        self._of_self: dict[str, Bindings] = {}
        self._origins: dict[int, frozenset[str]] = {}
        self._named: dict[int, bool | None] = {}
        self._picks: dict[tuple[int, int], Bindings] = {}
        self._texts: dict[int, list[str]] = {}
        self._passing: dict[int, str] = {}  # maps of scopes that names pass by: of classes and of comprehensions
        self._walk([(tree, ChainMap(), True)])
        for decorator in [d for node in self.nodes for d in getattr(node, "decorator_list", [])]:
            for parameters in self._functions.get(getattr(decorator, "id", ""), []):
                next(iter(parameters.values()), []).append("<own>")
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
            case ast.Attribute(value=value, attr="__call__"):
                found = self.origins(value)
            case ast.Attribute(value=value, attr=attr):
                found = frozenset(_direct(f"{base}.{attr}") for base in self.origins(value))
                found |= {o for mine in self._of_self.keys() & found for o in self._of_name(mine, self._of_self[mine])}
            case ast.Call(func=ast.Attribute(value=value, attr="get" | "pop"), args=[key, *default]) if items := (
                self._picked(value, key)
            ):
                found = frozenset(o for item in [*items, *default] for o in self._of_binding(item))
            case ast.Call(func=func):
                found = frozenset(o for function in self.origins(func) for o in self._result(function, node))
            case ast.Subscript():
                found = self._of_subscript(node)
            case ast.BinOp(left=inner, op=ast.Div()) | ast.NamedExpr(value=inner) | ast.Await(value=inner):
                found = self.origins(inner)
            case ast.IfExp() | ast.BoolOp():
                found = frozenset(o for way in _ways(node) for o in self.origins(way))
            case ast.Constant() | ast.JoinedStr() | ast.Dict() | ast.List() | ast.Tuple() | ast.Set() | ast.ListComp():
                found = frozenset({"<value>"})
            case ast.Lambda():
                found = frozenset({"<own>"})
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

    def texts(self, node: ast.expr | str, deep: int = 0) -> list[str]:
        """The constant texts that this expression is, joined and through local names; none when any is computed."""
        match node:
            case ast.Constant(value=str() as text):
                return [text]
            case ast.BinOp(left=first, op=ast.Add(), right=second) if deep < _DEEP:
                rest = self.texts(second, deep + 1)
                found = [before + after for before in self.texts(first, deep + 1) for after in rest]
                return found if len(found) <= _MANY else []
            case ast.JoinedStr(values=[first, *more]) if more:
                return self.texts(ast.BinOp(first, ast.Add(), ast.JoinedStr(more)), deep)
            case ast.JoinedStr(values=[ast.expr() as one]) | ast.FormattedValue(value=one, conversion=-1):
                return self.texts(one, deep)
            case ast.Name() | ast.Subscript() | ast.IfExp() if deep < _DEEP:
                if id(node) not in self._texts:
                    self._texts[id(node)] = []  # a name that leads back to itself is computed
                    each = [self.texts(way, deep + 1) for way in self._ways(node)[:_ITEMS]]
                    self._texts[id(node)] = [text for texts in each for text in texts] if all(each) else []
                return self._texts[id(node)][:_MANY]
        return []

    def _ways(self, node: ast.expr) -> Bindings:
        """The expressions that this name, item or choice may stand for."""
        match node:
            case ast.Name(id=name):
                return self._scopes[node].get(name) or []
            case ast.Subscript(value=value, slice=key):
                return self._picked(value, key)
            case ast.IfExp() | ast.BoolOp():
                return [*_ways(node)]
        return [node]

    def _picked(self, value: ast.expr, key: ast.expr) -> Bindings:
        """What an item may be of a container that is written out in the code; nothing where it is not all there."""
        if (id(value), id(key)) not in self._picks:
            self._picks[id(value), id(key)] = []
            each = [_held(way, key) if isinstance(way, ast.expr) else None for way in self._ways(value)]
            later = self._scopes[value].get(f"{value.id}[]", []) if isinstance(value, ast.Name) else []
            found = [] if None in each else [*(item for items in each if items for item in items), *later]
            self._picks[id(value), id(key)] = found if len(found) <= _ITEMS else []
        return self._picks[id(value), id(key)]

    def _walk(self, stack: list[tuple[ast.AST, Scope, bool]]) -> None:
        first: dict[int, Scope] = {}  # what a comprehension goes through first is read around it
        while stack:
            node, scope, public = stack.pop()
            scope = first.pop(id(node), scope)
            self.nodes.append(node)
            self._scopes[node] = scope
            for bound, value in _bound(node):
                (self._of_self if "<" in bound else self._binding(node, scope)).setdefault(bound, []).append(value)
            if isinstance(node, ast.Global | ast.Nonlocal):
                outer = scope.maps[-1] if isinstance(node, ast.Global) else scope.parents
                scope.maps[0].update({name: outer.setdefault(name, []) for name in node.names})
            inner, body = scope, list[ast.AST]()
            around = scope.parents if self._passing.get(id(scope.maps[0])) == "class" else scope
            if isinstance(node, _COMPREHENSION):
                inner, body = around.new_child({}), [*ast.iter_child_nodes(node)]
                self._passing[id(inner.maps[0])] = "comprehension"
                first[id(node.generators[0].iter)] = scope
            if isinstance(node, Function | ast.ClassDef):
                name = getattr(node, "name", "_")
                public = public and (not name.startswith("_") or name.endswith("__"))
                body = [*node.body] if isinstance(node.body, list) else [node.body]
                parameters = _parameters(node.args, public) if isinstance(node, Function) else {}
                self._functions.setdefault(name, []).append(parameters)
                public = public and not isinstance(node, Function)
                inner = (around if isinstance(node, Function) else scope).new_child({**parameters})
                self._passing |= {id(inner.maps[0]): "class"} if isinstance(node, ast.ClassDef) else {}
            for child in reversed([*ast.iter_child_nodes(node)]):
                if not isinstance(child, ast.expr_context):
                    stack.append((child, inner if child in body else scope, public))

    def _binding(self, node: ast.AST, scope: Scope) -> Scope | dict[str, Bindings]:
        """Where what this node binds is bound: `:=` in a comprehension binds around it."""
        while isinstance(node, ast.NamedExpr) and self._passing.get(id(scope.maps[0])) == "comprehension":
            scope = scope.parents
        return scope.maps[0]  # type: ignore[return-value]

    def _of_name(self, name: str, bindings: Bindings | None) -> frozenset[str]:
        if bindings is None and name == "__builtins__":
            return frozenset({"builtins"})
        if bindings is None:
            return frozenset({f"builtins.{name}" if hasattr(builtins, name) else name})
        if id(bindings) not in self._origins:
            self._origins[id(bindings)] = frozenset()  # a name that leads back to itself is its other bindings
            each = [self._of_binding(value) for value in bindings]
            self._origins[id(bindings)] = frozenset[str]().union(*each) or frozenset({"<?>"})
        return self._origins[id(bindings)]

    def _of_binding(self, value: ast.expr | str) -> frozenset[str]:
        return frozenset({value}) if isinstance(value, str) else self.origins(value)

    def _of_subscript(self, node: ast.Subscript) -> frozenset[str]:
        if id(node) not in self._origins:
            self._origins[id(node)] = frozenset()
            items = self._picked(node.value, node.slice)
            found = [o for item in items for o in self._of_binding(item)]
            found = found or [o for base in self.origins(node.value) for o in self._of_item(base, node.slice)]
            self._origins[id(node)] = frozenset(found or ["<?>"])
        return self._origins[id(node)]

    def _of_item(self, base: str, key: ast.expr) -> frozenset[str]:
        """An item of a module's or a class's namespace is the attribute of that name."""
        owner = {"sys.modules": "", "builtins": "builtins."}.get(base)
        owner = base.removesuffix("__dict__") if base.endswith(".__dict__") else owner
        named = [] if owner is None else self.texts(key)
        return frozenset(f"{owner}{name}" for name in named) or frozenset({f"{base}[]"})

    def _result(self, function: str, call: ast.Call) -> frozenset[str]:
        match function, call.args:
            case (("builtins.__import__" | "importlib.import_module"), [name, *_]) if found := self.texts(name):
                first = [text.partition(".")[0] for text in found if function == "builtins.__import__"]
                return frozenset([*found, *first])  # `__import__("a.b")` gives a, or b if it is told what to take of it
            case "sys.modules.get", [name, *_]:
                return self._of_item("sys.modules", name)
            case "builtins.vars", [thing]:
                return frozenset(f"{origin}.__dict__" for origin in self.origins(thing))
            case "functools.partial", [inner, *_]:
                return self.origins(inner)
        if picked := by_name(function, call):
            return self._got(function, *picked)
        return frozenset({f"{function}()"})

    def _got(self, function: str, how: str, thing: ast.expr, name: ast.expr) -> frozenset[str]:
        """What a `getattr` gives: the attribute, where its name can be known."""
        named = [ast.Attribute(thing, text, ast.Load()) for text in self.texts(name)] if how == "get" else []
        handed_in = all(origin.startswith("<") for origin in self.origins(thing))
        unknown = "<?>" if how == "get" and handed_in else f"{function}()"
        return frozenset(o for attribute in named for o in self.origins(attribute)) or frozenset({unknown})

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
                yield short or name.partition(".")[0], _direct(name if short else name.partition(".")[0])
        case ast.ImportFrom(names=aliases):
            for alias in aliases:
                yield alias.asname or alias.name, _direct(f"{'.' * node.level}{node.module or ''}.{alias.name}")
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _bound_by(target, value)
        case ast.AnnAssign(value=ast.expr() as value) | ast.AugAssign(value=value) | ast.NamedExpr(value=value):
            yield from _bound_by(node.target, value)
        case ast.withitem(optional_vars=ast.expr() as target, context_expr=value):
            yield from _bound_by(target, value)
        case ast.For() | ast.AsyncFor() | ast.comprehension():
            yield from _bound_by(node.target, _item(node.iter))
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.ExceptHandler():
            yield node.name or "", "<own>"
        case ast.MatchAs(name=str() as name) | ast.MatchStar(name=str() as name) | ast.MatchMapping(rest=str() as name):
            yield name, "<?>"
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attr), args=[*_, last]) if attr in _GROWS:
            yield f"{name}[]", last if attr in ("append", "add") else "<?>"


def _direct(origin: str) -> str:
    """The dotted name without the modules that a well-known one was reached through (`shutil.os.remove`)."""
    head, _, last = origin.rpartition(".")
    if last.lstrip("_") in _KNOWN and not re.search(r"[<(\[]", head):
        return last.lstrip("_")
    return _ALIASES.get(origin, origin)


def _bound_by(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    match target:
        case ast.Name(id=name):
            yield name, value
        case ast.Attribute(value=ast.Name(id="self"), attr=attr):
            yield f"<self>.{attr}", value
        case ast.Subscript(value=ast.Name(id=name)):
            yield f"{name}[]", value
        case ast.Starred(value=inner):
            yield from _bound_by(inner, _item(value))
        case ast.Tuple(elts=targets) | ast.List(elts=targets):
            parts = value.elts if isinstance(value, ast.Tuple | ast.List) else []
            spread = any(isinstance(part, ast.Starred) for part in [*targets, *parts])
            items = [_item(value, None if spread else n) for n in range(len(targets))]
            for each, part in zip(targets, items if spread or len(parts) != len(targets) else parts, strict=True):
                yield from _bound_by(each, part)


def _ways(node: ast.IfExp | ast.BoolOp) -> list[ast.expr]:
    return [node.body, node.orelse] if isinstance(node, ast.IfExp) else node.values


def _item(value: ast.expr, place: int | None = None) -> ast.expr:
    return ast.Subscript(value, ast.Constant(place), ast.Load())


def _held(container: ast.expr, key: ast.expr) -> list[ast.expr] | None:
    """The items of a container that is written out, those at the key if it is a place; None for anything else."""
    match container:
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            if any(isinstance(item, ast.Starred) for item in items):
                return None
            place = key.value if isinstance(key, ast.Constant) and type(key.value) is int else len(items)
            return items[place : place + 1] or items
        case ast.Dict(keys=keys, values=values):
            return None if None in keys else values
        case ast.Call(func=ast.Name(id="zip"), args=args):
            return [ast.Tuple([_item(each) for each in args], ast.Load())]
        case (
            ast.Call(func=ast.Attribute(value=inner, attr="items"), args=[])
            | ast.Call(func=ast.Name(id="enumerate"), args=[inner, *_])
        ):
            return [ast.Tuple([ast.Constant(None), _item(inner)], ast.Load())]
        case (
            ast.Call(func=ast.Attribute(value=inner, attr="values"), args=[])
            | ast.Call(func=ast.Name(id="list" | "tuple" | "set" | "reversed" | "sorted" | "iter"), args=[inner, *_])
        ):
            return [_item(inner)]
    return None


def by_name(function: str, call: ast.Call) -> tuple[str, ast.expr, ast.expr] | None:
    """The object and the name of a call that gets, sets or deletes an attribute by name, and which it does."""
    base, _, last = function.rpartition(".")
    how, args = last.strip("_")[:3], call.args
    if last not in _BY_NAME or (base != "builtins") == (last[0] != "_"):
        return None
    if last[0] == "_" and len(args) < _BY_NAME[last] and isinstance(call.func, ast.Attribute):
        args = [call.func.value, *args]
    return (how, args[0], args[1]) if len(args) > 1 else None


def _parameters(args: ast.arguments, public: bool) -> dict[str, Bindings]:
    """A public method is called with what a person passes, any other function as the calls in this tree say."""
    found: dict[str, Bindings] = {a.arg: [] for a in [*args.posonlyargs, *args.args, *args.kwonlyargs]}
    for name, default in zip(reversed(found), reversed([*args.defaults, *args.kw_defaults]), strict=False):
        found[name] += [default] if default else []
    found |= {star.arg: [] for star in (args.vararg, args.kwarg) if star}
    for name, bindings in found.items():
        own = {"self": "<self>", "cls": "<own>"}.get(name)
        bindings += [own] if own else ["<given>"] if public else []
    return found


def _both(parts: list[bool | None]) -> bool | None:
    return False if False in parts else True if True in parts else None


def _either(ways: list[bool | None]) -> bool | None:
    return False if False in ways or (True in ways and None in ways) else True if True in ways else None
