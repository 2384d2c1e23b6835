"""What code touches, as facts with lines for the person who reviews it.

What is covered: calls, references and assignments that a syntax tree shows, through imports, aliases, constant
`getattr` and helpers. What is not covered: methods of live objects that the caller hands in (a connection's `execute`),
what installed libraries and project modules do inside, and code that means to hide. This informs; it isolates nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.util import find_spec

from ..records import Effect
from .deception import deceptions
from .names import Names, Scope
from .table import INNARDS, PATH_KEYWORDS, PATH_METHODS, PATHLIB_ONLY, WRITERS, Row, row_for

__all__ = ["Effect", "effects", "parse"]

MAX_BYTES, MAX_LINES = 64 * 1024, 2000
_CALM = frozenset({"import", "model"})
_OBSCURE = ("builtins.globals()", "builtins.locals()", "builtins.vars()", "sys.modules[]", "<many>")
_IN_MEMORY = ("io.StringIO()", "io.BytesIO()", "sys.stdout", "sys.stderr", "builtins.open()")


def effects(code: str | ast.Module, known: frozenset[str] = frozenset()) -> tuple[Effect, ...]:
    """What this code touches, by line. `known` are the paths that arguments, state or identity name.

    Never runs, imports or computes anything. Code that cannot be read is one flagged effect of kind "unknown".
    """
    hidden = tuple(deceptions(code)) if isinstance(code, str) else ()
    try:
        tree = parse(code) if isinstance(code, str) else code
        found = {*hidden, *_Reader(Names(tree), known).read()}
    except (SyntaxError, RecursionError) as error:
        found = {*hidden, Effect("unknown", 1, f"cannot be read: {error}", True)}
    return tuple(sorted(found, key=lambda effect: (effect.line, effect.kind, effect.detail)))


def parse(source: str) -> ast.Module:
    """The syntax tree of code of at most 64 KB and 2,000 lines; raises SyntaxError whatever is wrong with it."""
    if len(source.encode("utf-8", "surrogatepass")) > MAX_BYTES or source.count("\n") > MAX_LINES:
        raise SyntaxError("the code is longer than 2,000 lines or 64 KB")
    try:
        return ast.parse(source)
    except (MemoryError, RecursionError) as error:
        raise SyntaxError("the code is nested too deeply") from error
    except ValueError as error:
        raise SyntaxError(str(error)) from error


class _Reader:
    """Reads the effects of one tree, node by node."""

    def __init__(self, names: Names, known: frozenset[str]) -> None:
        self.names = names
        self.known = known
        self.followed = {id(child) for node, _ in names.nodes for child in _followed(node)}

    def read(self) -> Iterator[Effect]:
        for node, scope in self.names.nodes:
            match node:
                case ast.Import() | ast.ImportFrom():
                    yield from _imports(node)
                case ast.Call():
                    yield from self._call(node, scope)
                case ast.Attribute(attr=attr) if attr in INNARDS:
                    yield _effect("dynamic", node, ast.unparse(node))
                case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
                    yield from self._store(node, scope)
                case ast.Name(ctx=ast.Load()) | ast.Attribute() if id(node) not in self.followed:
                    yield from self._reference(node, scope)

    def _call(self, call: ast.Call, scope: Scope) -> Iterator[Effect]:
        for origin in sorted(self.names.origins(call.func, scope)):
            if origin.startswith("<self>.llm"):
                yield _effect("model", call, _brief(call), flagged=False)
            elif origin in ("builtins.setattr", "builtins.delattr", "builtins.getattr"):
                yield from self._by_name(origin, call, scope)
            elif origin.startswith(_OBSCURE):
                yield _effect("unknown", call, f"{_brief(call)} calls what cannot be known before it runs")
            elif row := row_for(origin):
                yield from self._row(row, call, scope, self._path_argument(call, row))
            elif isinstance(call.func, ast.Attribute):
                yield from self._method(origin, call, call.func, scope)

    def _by_name(self, origin: str, call: ast.Call, scope: Scope) -> Iterator[Effect]:
        outside = bool(call.args) and any(_foreign(o) for o in self.names.origins(call.args[0], scope))
        computed = len(call.args) > 1 and not isinstance(call.args[1], ast.Constant)
        if outside and origin != "builtins.getattr":
            yield _effect("patches", call, _brief(call))
        elif outside and computed:
            yield _effect("unknown", call, f"{_brief(call)} picks by a computed name")

    def _method(self, origin: str, call: ast.Call, func: ast.Attribute, scope: Scope) -> Iterator[Effect]:
        base, _, attr = origin.rpartition(".")
        from_pathlib, opaque = base.startswith("pathlib."), base.startswith(("<?>", "<self>."))
        row = PATH_METHODS.get(attr) if from_pathlib or opaque else None
        row = row or (PATHLIB_ONLY.get(attr) if from_pathlib else None)
        if row:
            yield from self._row(row, call, scope, func.value, mode=0)
        elif attr in WRITERS and base != "<self>" and (path := self._path_argument(call, Row("writes", 0))):
            yield from self._row(Row("writes", 0), call, scope, path)

    def _path_argument(self, call: ast.Call, row: Row) -> ast.expr | None:
        if row.path is None:
            return None
        if len(call.args) > row.path:
            return call.args[row.path]
        return next((k.value for k in call.keywords if k.arg in PATH_KEYWORDS), None)

    def _row(self, row: Row, call: ast.Call, scope: Scope, path: ast.expr | None, mode: int = 1) -> Iterator[Effect]:
        kind = self._opened(call, scope, mode) if row.kind == "open" else row.kind
        if kind == "quiet" or (path is not None and self._in_memory(path, scope)):
            return
        if kind == "unknown":
            yield _effect(kind, call, f"{_brief(call)}: the mode is computed")
        elif path is not None and self._is_address(path, scope):
            yield _effect("network", call, _brief(path))
        elif kind == "reads":
            yield _effect(kind, call, _brief(path or call), self.names.named(path, scope, self.known) is not True)
        else:
            yield _effect(kind, call, _brief(path or call))
        if any(k.arg == "allow_pickle" and getattr(k.value, "value", True) for k in call.keywords):
            yield _effect("unsafe-load", call, _brief(call))

    def _opened(self, call: ast.Call, scope: Scope, position: int) -> str:
        """Reads, writes or unknown, as the mode says; it is not guessed from anything but constants."""
        if any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords):
            return "unknown"
        given = [*call.args[position : position + 1], *(k.value for k in call.keywords if k.arg in ("mode", "flags"))]
        modes = self.names.constants(given[0], scope) if given else ["r"]
        if modes is None or not all(isinstance(mode, str) for mode in modes):
            return "unknown"
        return "writes" if any(set(str(mode).partition(":")[0]) & set("wax+") for mode in modes) else "reads"

    def _in_memory(self, path: ast.expr, scope: Scope) -> bool:
        if isinstance(path, ast.Constant):
            return path.value in (":memory:", None)
        origins = self.names.origins(path, scope)
        return bool(origins) and all(o.startswith(_IN_MEMORY) for o in origins)

    def _is_address(self, path: ast.expr, scope: Scope) -> bool:
        texts = [n.value for n in ast.walk(path) if isinstance(n, ast.Constant)] + (
            self.names.constants(path, scope) or []
        )
        return any(isinstance(text, str) and "://" in text for text in texts)

    def _store(self, node: ast.Attribute | ast.Subscript, scope: Scope) -> Iterator[Effect]:
        for origin in self.names.origins(node.value, scope):
            if origin.startswith("os.environ"):
                yield _effect("environment", node, _brief(node))
            elif _foreign(origin) or origin == "builtins.type()" or origin.endswith(".__class__"):
                yield _effect("patches", node, _brief(node))

    def _reference(self, node: ast.Name | ast.Attribute, scope: Scope) -> Iterator[Effect]:
        """Something that could be called later, by whoever it is handed to."""
        for origin in self.names.origins(node, scope):
            row = row_for(origin)
            if row and row.kind != "quiet" and not origin.rpartition(".")[2][:1].isupper():
                kind = "unknown" if row.kind == "open" else row.kind
                yield _effect(kind, node, _brief(node) if kind == "environment" else f"{_brief(node)} is handed on")


def _followed(node: ast.AST) -> Iterator[ast.AST]:
    """Children that are looked at through their parent, so that nothing is told twice."""
    match node:
        case ast.Call(func=func):
            yield func
        case ast.Attribute(value=value):
            yield value
        case ast.Assign(targets=targets, value=value) if all(isinstance(target, ast.Name) for target in targets):
            yield value


def _imports(node: ast.Import | ast.ImportFrom) -> Iterator[Effect]:
    modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or "."]
    for module in modules:
        missing = "" if _installed(module.partition(".")[0]) else " (not installed here)"
        yield _effect("import", node, f"{module}{missing}", flagged=False)
    if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
        yield _effect("unknown", node, f"{ast.unparse(node)} brings names that cannot be known")


def _installed(name: str) -> bool:
    try:
        return bool(name) and find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _foreign(origin: str) -> bool:
    """Whether this is something that an import gave, rather than made here or handed in."""
    return not origin.startswith("<") and "(" not in origin and "[" not in origin


def _brief(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def _effect(kind: str, node: ast.AST, detail: str, flagged: bool | None = None) -> Effect:
    return Effect(kind, getattr(node, "lineno", 1), detail, kind not in _CALM if flagged is None else flagged)
