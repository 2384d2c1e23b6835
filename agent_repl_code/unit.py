"""One written method with the helpers that it reaches: its names, and the hash of its syntax tree.

A unit is a module's syntax tree: imports, constants, `_helpers` and one method `def name(self, ...)`.
"""

from __future__ import annotations

import ast
import copy
import hashlib
from collections.abc import Iterable

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef
Comprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
RESERVED = frozenset({"llm", "getdoc"})


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
    outside, inside, names = scope(node)
    within = around | names
    for part in outside:
        _find_global(part, bound, around, found)
    for part in inside:
        # A class body's names are seen in that body alone, not in the functions inside it.
        _find_global(part, within, around if isinstance(node, ast.ClassDef) else within, found)


def scope(node: ast.AST) -> tuple[Iterable[ast.AST], Iterable[ast.AST], set[str]]:
    """The parts of a node that belong to the scope around it, those inside its own, and the names which that binds."""
    if isinstance(node, (Function, ast.Lambda)):
        given = parameters(node.args)
        outside = [*node.args.defaults, *node.args.kw_defaults, *getattr(node, "decorator_list", ())]
        outside += [*(a.annotation for a in given), getattr(node, "returns", None)]
        body: list[ast.AST] = list(node.body) if isinstance(node.body, list) else [node.body]
        return filter(None, outside), body, {a.arg for a in given} | _bound_in(body)
    if isinstance(node, ast.ClassDef):
        return [*node.bases, *node.keywords, *node.decorator_list], node.body, _bound_in(node.body)
    if isinstance(node, Comprehension):
        first, *loops = node.generators
        inside = [*(loop.iter for loop in loops), *(test for loop in node.generators for test in loop.ifs)]
        inside += [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        targets = [n for loop in node.generators for n in ast.walk(loop.target)]
        return [first.iter], inside, {n.id for n in targets if isinstance(n, ast.Name)}
    return ast.iter_child_nodes(node), (), set()


def parameters(arguments: ast.arguments) -> list[ast.arg]:
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
