"""What code touches, as facts with lines for the person who reviews it.

What is covered: calls, references and assignments that a syntax tree shows, through imports, aliases, constant names
(`getattr(os, "re" + "move")`, `vars(os)["remove"]`), containers that are written out, decorators, defaults and helpers.

| kind | covered (the names stand in `table.txt`) | not covered, so quiet |
|---|---|---|
| reads | open, pathlib, glob, pandas and its like; flagged unless the caller names the path | `os.path.exists` |
| writes | open modes, pathlib, shutil, tempfile, databases, `to_csv` and its like, logs | `DataFrame.rename` |
| deletes | os, shutil, pathlib | `list.remove`, `dict.pop` |
| network | sockets, clients and servers, addresses with `://`, clients of databases | `connection.execute` |
| process | subprocess, threads, executors, event loops, signals, what runs at exit | `time.sleep`, `asyncio.gather` |
| environment | os.environ, expanduser, getpass, dotenv, the user and the host | `os.getcwd` |
| dynamic | eval, exec, importlib, frames, `__globals__` and its like, pandas' eval | format strings, `re.compile` |
| patches | modules, builtins and classes changed, trace and audit hooks, mock.patch | options set by a function |
| unsafe-load | pickle and its like, ctypes, numpy with `allow_pickle` | what a library loads inside |
| deception | characters that cannot be seen, lines that leave the screen | |
| unknown | calls of a parameter, an item, a computed name; a computed mode; `import *` | methods of parameters |
| import, model | never flagged | |

Methods of what the caller hands in are what every method calls: quiet, but for names that tell by themselves, such as
`x.unlink()`. Of pandas' `eval` and `query` a constant text is quiet, since it is on the screen, unless it calls through
`@f(...)` or `__`; any other text of `eval` is told, and of `query` where the frame is pandas' own for certain.
Not covered besides: what libraries and project modules do inside, functions kept in the state of self, and code that
means to hide. This informs; it isolates nothing.
"""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from ..packages import install_line, is_installed
from ..records import Effect
from .names import Names, by_name

KINDS: tuple[str, ...] = ("reads", "writes", "deletes", "network", "process", "environment", "dynamic", "patches")
KINDS += ("unsafe-load", "deception", "unknown")
"""The kinds that may be flagged."""
MAX_BYTES, MAX_LINES = 64 * 1024, 2000
_WIDTH = 240
_BLANKS = "\u115f\u1160\u3164\uffa0\u2028\u2029"
_OBSCURE: tuple[str, ...] = ("builtins.globals()", "builtins.locals()", "builtins.vars()", "builtins.__import__()")
_OBSCURE += ("importlib.import_module()", "sys.modules[]", "builtins[]")
_PICKED = re.compile(
    r"<\?>|<given>|<many>|(<given>|<\?>|<self>|.*\.__dict__)\..*\)|builtins\.(next|min|max)\(\)|(.*)\[\]"
)
_GENERIC = re.compile(r"(builtins|collections|typing)\.\w+")  # `list[int]()` makes a list
_CALLED = ("<?>", "<given>", "<many>")
_CALLERS = ("builtins.map", "builtins.filter", "functools.reduce", "itertools.starmap", "operator.call")
_SORTERS = ("builtins.sorted", "builtins.min", "builtins.max", "itertools.groupby")
_WIRING = ("__class__", "__bases__", "__defaults__", "__kwdefaults__")
_CHANGES = ("update", "pop", "popitem", "clear", "setdefault", "__setitem__", "__delitem__")
_IN_MEMORY = ("io.StringIO()", "io.BytesIO()", "sys.stdout", "sys.stderr", "builtins.open()")
_PLACES = {"-": None, "first": 0, "second": 1, "object": -1}
Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
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


def parse(source: str, tries: int = 3) -> ast.Module:
    """The syntax tree of code of at most 64 KB and 2,000 lines; raises SyntaxError whatever is wrong with it."""
    if len(source.encode("utf-8", "surrogatepass")) > MAX_BYTES or source.count("\n") > MAX_LINES:
        raise SyntaxError("the code is longer than 2,000 lines or 64 KB")
    try:
        return ast.parse(source)
    except (MemoryError, RecursionError, ValueError) as error:
        raise SyntaxError(str(error) if isinstance(error, ValueError) else "the code is nested too deeply") from error
    except SystemError:  # threads that parse at once share one count of the depth: python/cpython#106905
        if tries == 1:
            raise
        return parse(source, tries - 1)


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
        in_classes = {id(inner) for node in self.nodes if isinstance(node, ast.ClassDef) for inner in node.body}
        named = [n for n in self.nodes if isinstance(n, ast.Assign) and all(isinstance(t, ast.Name) for t in n.targets)]
        named = [n for n in named if id(n) not in in_classes]
        told = {id(n.func) for n in self.nodes if isinstance(n, ast.Call)} | {id(n.value) for n in named}
        told |= {id(n.value) for n in self.nodes if isinstance(n, ast.Attribute)}
        for node in self.nodes:
            match node:
                case ast.Import() | ast.ImportFrom():
                    yield from _imports(node)
                case ast.Call():
                    yield from self._call(node)
                case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Raise():
                    yield from self._implied(node)
                case ast.Name(id="__builtins__"):
                    yield Effect("dynamic", node.lineno, "__builtins__", True)
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
            elif picked := by_name(origin, call):
                yield from self._by_name(call, *picked)
            elif self._is_unknown(origin, call):
                yield Effect("unknown", call.lineno, f"{_brief(call)} calls what cannot be known before it runs", True)
            elif _changes(origin):
                yield Effect("patches", call.lineno, _brief(call), True)
            elif self._evaluates(origin, call):
                yield Effect("dynamic", call.lineno, _brief(call), True)
            elif row := _row(origin) or _method_row(origin):
                yield from self._touched(row, call)

    def _is_unknown(self, origin: str, call: ast.Call) -> bool:
        """Whether only a run shows what is called here, or by what is called here."""
        if origin in ("operator.attrgetter()", "operator.methodcaller()"):
            return any(_foreign(o) for thing in call.args[:1] for o in self.origins(thing))
        if origin == "operator.methodcaller":
            return not all(map(self.texts, call.args[:1]))
        keys = [k.value for k in call.keywords if k.arg == "key" and origin in _SORTERS]
        handed = [o for each in (*keys, *call.args[: origin in _CALLERS]) for o in self.origins(each)]
        return _is_picked(origin) or any(o in _CALLED for o in handed)

    def _by_name(self, call: ast.Call, how: str, thing: ast.expr, name: ast.expr) -> Iterator[Effect]:
        names, origins = self.texts(name), self.origins(thing)
        if how != "get" and (set(names) & set(_WIRING) or any(map(_is_wiring, origins))):
            yield Effect("patches", call.lineno, _brief(call), True)
        elif how == "get" and not names and any(map(_foreign, origins)):
            yield Effect("unknown", call.lineno, f"{_brief(call)} picks by a computed name", True)
        elif set(names) & _rows()["attributes"].keys():
            yield Effect("dynamic", call.lineno, _brief(call), True)

    def _evaluates(self, origin: str, call: ast.Call) -> bool:
        """Whether a frame's `eval` or `query` may run more than its text shows."""
        base, _, attr = origin.rpartition(".")
        may_be_frame = base.startswith(("pandas.", "<given>", "<?>", "<self>."))
        if attr not in ("eval", "query") or not call.args or not may_be_frame:
            return False
        texts = self.texts(call.args[0])
        if not texts:
            return attr == "eval" or base.startswith("pandas.")
        return any("__" in text or re.search(r"@[\w.]*\(", text) for text in texts)

    def _implied(self, node: Definition | ast.Raise) -> Iterator[Effect]:
        """What is called without parentheses: a base, a decorator, a class that is raised."""
        called = [node.exc] if isinstance(node, ast.Raise) else [*node.decorator_list, *getattr(node, "bases", [])]
        for each, origin in ((e, o) for e in called if e and not isinstance(e, ast.Call) for o in self.origins(e)):
            kind, _ = _row(origin) or ("quiet", None)
            if _is_picked(origin) and not isinstance(node, ast.Raise):
                yield Effect("unknown", each.lineno, f"{_brief(each)} cannot be known before it runs", True)
            elif kind != "quiet" and origin.rpartition(".")[2][:1].isupper():
                yield Effect(kind, each.lineno, _brief(each), True)

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
        third = call.args[2:3] if "numpy.load" in self.origins(call.func) else []
        allowed = [*third, *(k.value for k in call.keywords if k.arg == "allow_pickle")]
        if any(getattr(value, "value", True) for value in allowed):
            yield Effect("unsafe-load", call.lineno, _brief(call), True)

    def _kind(self, kind: str, place: int | None, path: ast.expr | None, call: ast.Call) -> str:
        """The row's kind, decided by a mode where there is one, which is not guessed from anything but constants."""
        if kind == "exports":
            return "writes" if path else "quiet"
        if kind != "open" or place is None:
            return kind
        if any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords):
            return "unknown"
        mode = [*call.args[place + 1 :][:1], *(k.value for k in call.keywords if k.arg in ("mode", "flags", "inplace"))]
        modes = self.texts(mode[0]) if mode else ["r"]
        writes = any(set(mode.partition(":")[0]) & set("wax+") for mode in modes)
        return "writes" if writes else "reads" if modes else "unknown"

    def _in_memory(self, path: ast.expr) -> bool:
        if isinstance(path, ast.Constant):
            return path.value in (":memory:", None)
        origins = self.origins(path)
        return bool(origins) and all(o.startswith(_IN_MEMORY) for o in origins)

    def _store(self, node: ast.Attribute | ast.Subscript) -> Iterator[Effect]:
        wired = isinstance(node, ast.Attribute) and node.attr in _WIRING
        for origin in self.origins(node.value):
            if origin.startswith("os.environ"):
                yield Effect("environment", node.lineno, _brief(node), True)
            elif wired or _is_wiring(origin):
                yield Effect("patches", node.lineno, _brief(node), True)

    def _reference(self, node: ast.Name | ast.Attribute) -> Iterator[Effect]:
        for origin in self.origins(node):
            of_path = origin.startswith("pathlib.") and _method_row(origin)
            kind, _ = _row(origin) or of_path or ("quiet", None)
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


def _is_wiring(origin: str) -> bool:
    """Whether a change of this changes what other code sees: a module, a class, the names of all code here."""
    return _foreign(origin) or origin.endswith(".__class__") or origin.startswith(("builtins.type()", *_OBSCURE))


def _changes(origin: str) -> bool:
    base, _, attr = origin.rpartition(".")
    return attr in _CHANGES and base.endswith(".__dict__") and _is_wiring(base)


def _is_picked(origin: str) -> bool:
    """Whether this came out of data, or by a name that only a run shows."""
    match = _PICKED.fullmatch(origin)
    return origin.startswith(_OBSCURE) or bool(match and not _GENERIC.fullmatch(match[3] or ""))


def _brief(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 60 else f"{text[:57]}..."
