"""What code touches, as facts with lines for the person who reviews it.

What is covered: calls, references and assignments that a syntax tree shows, through imports, aliases, constant
`getattr` and helpers. What is not covered: methods of live objects that the caller hands in (a connection's `execute`),
what installed libraries and project modules do inside, and code that means to hide. This informs; it isolates nothing.
"""

from __future__ import annotations

import ast
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from ..packages import install_line, is_installed
from ..records import Effect
from .names import Names

MAX_BYTES, MAX_LINES = 64 * 1024, 2000
_WIDTH = 240
_BLANKS = "\u115f\u1160\u3164\uffa0\u2028\u2029"
_OBSCURE = ("builtins.globals()", "builtins.locals()", "builtins.vars()", "sys.modules[]", "<many>")
_IN_MEMORY = ("io.StringIO()", "io.BytesIO()", "sys.stdout", "sys.stderr", "builtins.open()")
_PLACES = {"-": None, "first": 0, "second": 1, "object": -1}
Row = tuple[str, int | None]  # a kind of effect, and where its path is: -1 is the object whose method is called


def effects(code: str, known: frozenset[str] = frozenset(), tree: ast.Module | None = None) -> tuple[Effect, ...]:
    """What this code touches, by line. `known` are the paths that arguments, state or identity name.

    Never runs, imports or computes anything. Code that cannot be read is one flagged effect of kind "unknown".
    `tree` is the code's syntax tree, if it is at hand.
    """
    found = set(_deceptions(code))
    try:
        found |= set(_Reader(tree or parse(code), known).read())
    except (SyntaxError, RecursionError) as error:
        found.add(Effect("unknown", 1, f"cannot be read: {error}", True))
    return tuple(sorted(found, key=lambda effect: (effect.line, effect.kind, effect.detail)))


def parse(source: str) -> ast.Module:
    """The syntax tree of code of at most 64 KB and 2,000 lines; raises SyntaxError whatever is wrong with it."""
    if len(source.encode("utf-8", "surrogatepass")) > MAX_BYTES or source.count("\n") > MAX_LINES:
        raise SyntaxError("the code is longer than 2,000 lines or 64 KB")
    try:
        return ast.parse(source)
    except (MemoryError, RecursionError, ValueError) as error:
        raise SyntaxError(str(error) if isinstance(error, ValueError) else "the code is nested too deeply") from error


def _deceptions(source: str) -> Iterator[Effect]:
    """What may make a reader see something else than the interpreter does: hidden characters, lines off the screen."""
    for number, line in enumerate(source.split("\n"), 1):
        seen = set(line.removesuffix("\r")) - {"\t"}
        for hidden in sorted(c for c in seen if c in _BLANKS or unicodedata.category(c) in ("Cf", "Cc")):
            name = f"U+{ord(hidden):04X} {unicodedata.name(hidden, 'control character')}"
            yield Effect("deception", number, f"a character that cannot be seen: {name}", True)
        if line[_WIDTH:].strip():
            yield Effect("deception", number, f"goes on to column {len(line)}", True)


class _Reader(Names):
    """What each node does with what its names stand for."""

    def read(self) -> Iterator[Effect]:
        # What is called, what an attribute is of, and what gets a name, is told of there.
        named = [n for n in self.nodes if isinstance(n, ast.Assign) and all(isinstance(t, ast.Name) for t in n.targets)]
        told = {id(n.func) for n in self.nodes if isinstance(n, ast.Call)} | {id(n.value) for n in named}
        told |= {id(n.value) for n in self.nodes if isinstance(n, ast.Attribute)}
        for node in self.nodes:
            match node:
                case ast.Import() | ast.ImportFrom():
                    yield from _imports(node)
                case ast.Call():
                    yield from self._call(node)
                case ast.Attribute(attr=attr) if attr in _rows()["attributes"]:
                    yield Effect(_rows()["attributes"][attr][0], node.lineno, ast.unparse(node), True)
                case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
                    yield from self._store(node)
                case ast.Attribute() | ast.Name(ctx=ast.Load()) if id(node) not in told:
                    yield from self._reference(node)

    def _call(self, call: ast.Call) -> Iterator[Effect]:
        for origin in sorted(self.origins(call.func)):
            if origin.startswith("<self>.llm"):
                yield Effect("model", call.lineno, _brief(call), False)
            elif origin in ("builtins.setattr", "builtins.delattr", "builtins.getattr"):
                yield from self._by_name(origin, call)
            elif origin.startswith(_OBSCURE):
                yield Effect("unknown", call.lineno, f"{_brief(call)} calls what cannot be known before it runs", True)
            elif row := _row(origin) or (_method_row(origin) if isinstance(call.func, ast.Attribute) else None):
                yield from self._touched(row, call)

    def _by_name(self, origin: str, call: ast.Call) -> Iterator[Effect]:
        outside = any(_foreign(o) for thing in call.args[:1] for o in self.origins(thing))
        if outside and origin != "builtins.getattr":
            yield Effect("patches", call.lineno, _brief(call), True)
        elif outside and any(not isinstance(name, ast.Constant) for name in call.args[1:2]):
            yield Effect("unknown", call.lineno, f"{_brief(call)} picks by a computed name", True)

    def _touched(self, row: Row, call: ast.Call) -> Iterator[Effect]:
        path = _path(row[1], call)
        kind = self._kind(*row, path, call)
        if kind == "quiet" or (path and self._in_memory(path)):
            return
        if kind == "unknown":
            yield Effect(kind, call.lineno, f"{_brief(call)}: the mode is computed", True)
        elif path and any("://" in text for text in [ast.unparse(path), *self.texts(path)]):
            yield Effect("network", call.lineno, _brief(path), True)
        else:
            named = kind == "reads" and path is not None and self.named(path) is True
            yield Effect(kind, call.lineno, _brief(path or call), not named)
        if any(k.arg == "allow_pickle" and getattr(k.value, "value", True) for k in call.keywords):
            yield Effect("unsafe-load", call.lineno, _brief(call), True)

    def _kind(self, kind: str, place: int | None, path: ast.expr | None, call: ast.Call) -> str:
        """The row's kind, decided by a mode where there is one, which is not guessed from anything but constants."""
        if kind == "exports":
            return "writes" if path else "quiet"
        if kind != "open" or place is None:
            return kind
        if any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords):
            return "unknown"
        mode = [*call.args[place + 1 :][:1], *(k.value for k in call.keywords if k.arg in ("mode", "flags"))]
        modes = self.texts(mode[0]) if mode else ["r"]
        writes = any(set(mode.partition(":")[0]) & set("wax+") for mode in modes)
        return "writes" if writes else "reads" if modes else "unknown"

    def _in_memory(self, path: ast.expr) -> bool:
        if isinstance(path, ast.Constant):
            return path.value in (":memory:", None)
        origins = self.origins(path)
        return bool(origins) and all(o.startswith(_IN_MEMORY) for o in origins)

    def _store(self, node: ast.Attribute | ast.Subscript) -> Iterator[Effect]:
        for origin in self.origins(node.value):
            if origin.startswith("os.environ"):
                yield Effect("environment", node.lineno, _brief(node), True)
            elif _foreign(origin) or origin == "builtins.type()" or origin.endswith(".__class__"):
                yield Effect("patches", node.lineno, _brief(node), True)

    def _reference(self, node: ast.Name | ast.Attribute) -> Iterator[Effect]:
        for origin in self.origins(node):
            kind, _ = _row(origin) or ("quiet", None)
            if kind != "quiet" and not origin.rpartition(".")[2][:1].isupper():
                words = "" if kind == "environment" else " is handed on"
                yield Effect("unknown" if kind == "open" else kind, node.lineno, _brief(node) + words, True)


@cache
def _rows() -> dict[str, dict[str, Row]]:
    """The table, which says itself how it is read: rows by group and name."""
    found: dict[str, dict[str, Row]] = {}
    for line in Path(__file__).with_name("table.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            group, kind, place, *names = line.split()
            found.setdefault(group, {}).update(dict.fromkeys(names, (kind, _PLACES[place])))
    return found


def _row(origin: str) -> Row | None:
    """What a call of this dotted name touches; None when nothing is known of it."""
    rows = _rows()
    if origin in rows["calls"] or "(" in origin:  # the call that made an object has been told already
        return rows["calls"].get(origin)
    return next((row for prefix, row in rows["families"].items() if origin.startswith(prefix)), None)


def _method_row(origin: str) -> Row | None:
    """What a method touches by its name alone, where the object was handed in or comes from pathlib."""
    base, _, attr = origin.rpartition(".")
    handed_in = base.startswith(("<given>", "<?>", "<self>."))
    groups = ["objects", "paths"] if base.startswith("pathlib.") else ["exports"] + ["objects"] * handed_in
    return next((_rows()[group][attr] for group in groups if attr in _rows()[group] and base != "<self>"), None)


def _path(place: int | None, call: ast.Call) -> ast.expr | None:
    if place is None or place < 0:
        return call.func.value if place and isinstance(call.func, ast.Attribute) else None
    named = [k.value for k in call.keywords if k.arg in _rows()["keywords"]]
    return next(iter(call.args[place : place + 1] + named), None)


def _imports(node: ast.Import | ast.ImportFrom) -> Iterator[Effect]:
    modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or "."]
    for module in modules:
        missing = "" if is_installed(module.partition(".")[0]) else _missing(module)
        yield Effect("import", node.lineno, f"{module}{missing}", False)
    if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
        yield Effect("unknown", node.lineno, f"{ast.unparse(node)} brings names that cannot be known", True)


def _missing(module: str) -> str:
    line = install_line(module)
    return f" (not installed here: {line})" if line else " (not installed here)"


def _foreign(origin: str) -> bool:
    return not origin.startswith("<") and "(" not in origin and "[" not in origin


def _brief(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 60 else f"{text[:57]}..."
