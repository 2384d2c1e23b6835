"""Units become one class in one file: imports hoisted and merged, helpers shared, methods as they were written."""

from __future__ import annotations

import ast
import io
import json
import keyword
import re
import tokenize
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from math import isfinite

from ..errors import ModuleError
from ..unit import bindings, digest, global_names, imported, reached

Names = Mapping[str, str]


@dataclass(frozen=True)
class Part:
    """One method to put into a class: its name and the source of its unit."""

    name: str
    source: str


def class_name(label: str) -> str:
    """The class that a label names: `top_sales` → `TopSales`."""
    name = "".join(word[:1].upper() + word[1:] for word in label.split("_"))
    return name if name.isidentifier() and not keyword.iskeyword(name) else f"Agent{name}"


def render(label: str, about: str, parts: Iterable[Part], state: Mapping[str, object], head: str = "") -> str:
    """The text of a class file; raises ModuleError when a method would not mean there what it meant alone.

    `about` becomes the docstring of the class, `state` the parameters of its constructor: those whose value is a
    plain literal get it as their default. `head` is the docstring of the file.
    """
    parts = list(parts)
    file = _File(taken={class_name(label): "", **dict.fromkeys(_builtins(parts), "a built-in")})
    methods = [file.take(part) for part in parts]
    text = "\n\n\n".join(piece for piece in (file.top(head or about), *file.helpers) if piece)
    body = [_docstring(about), *_constructor(state), *methods]
    text += f"\n\n\nclass {class_name(label)}:\n" + "\n\n".join(_indented(piece) for piece in body) + "\n"
    _check(text, label, file.digests)
    return text


def units(source: str, label: str) -> dict[str, ast.Module]:
    """The units in a class file by method name: each method with the module-level statements beside the class."""
    tree = ast.parse(source)
    wanted = class_name(label)
    owner = next((n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == wanted), None)
    rest = [n for n in tree.body if n is not owner]
    methods = [n for n in (owner.body if owner else []) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return {m.name: ast.Module(body=[*rest, m], type_ignores=[]) for m in methods if not m.name.startswith("__")}


def _builtins(parts: Iterable[Part]) -> set[str]:
    """Names that no unit may take from the others: one of them means what Python defines."""
    found: set[str] = set()
    for part in parts:
        tree = ast.parse(part.source)
        used = {name.id for statement in reached(tree, part.name) for name in global_names(statement)}
        found |= used - set(bindings(tree))
    return found


@dataclass
class _File:
    """The module level of a class file as it grows; `taken` tells what each of its names stands for."""

    taken: dict[str, str]
    imports: dict[str, str] = field(default_factory=dict)
    helpers: list[str] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)

    def take(self, part: Part) -> str:
        """Add what a method needs beside the class, and give back the method's own text."""
        tree = ast.parse(part.source)
        _refuse_mangled(tree, part.name)
        self.digests[part.name] = digest(tree, part.name)
        method, *rest = reached(tree, part.name)
        meanings = bindings(tree)
        used = {n.id for statement in (method, *rest) for n in global_names(statement)} & set(meanings)
        for name, target in meanings.items():
            if target.startswith("__future__:"):  # it works without being named
                self._import(name, target)
        renames: dict[str, str] = {}
        words = {word for node in ast.walk(tree) for word in _words(node)}
        for statement in rest:
            names = imported(statement)
            if names:
                renames |= {n: self._import(n, target, words) for n, target in names.items() if n in used}
        own = sorted((s for s in rest if not imported(s)), key=lambda s: s.lineno)
        fresh = [s for s in own if not self._shared(tree, s, part.name, renames, words)]
        self.helpers += [_text(part.source, s, renames) for s in fresh]
        return _text(part.source, method, renames)

    def _import(self, name: str, target: str, words: Collection[str] = ()) -> str:
        chosen = _free(name, self.taken, target, words=words)
        self.taken[chosen] = target
        self.imports[chosen] = target
        return chosen

    def _shared(
        self, tree: ast.Module, statement: ast.stmt, method: str, renames: dict[str, str], words: Collection[str]
    ) -> bool:
        """Whether the file has this helper already; a new one gets a name that is free, and none of the `words`."""
        meaning = _meaning(tree, statement)
        names = list(bindings(ast.Module([statement], [])))
        known = [n for n in names if self.taken.get(n) == meaning]
        for name in names:
            renames[name] = name if known else _free(name, self.taken, meaning, method, words)
            self.taken[renames[name]] = meaning
        return bool(known)

    def top(self, about: str) -> str:
        """The file's docstring and its imports."""
        lines = sorted((_import_line(n, t) for n, t in self.imports.items()), key=lambda t: (t.startswith("from"), t))
        future = [line for line in lines if line.startswith("from __future__")]
        rest = [line for line in lines if line not in future]
        blocks = [_docstring(about), "\n".join(future), "\n".join(_merged(rest))]
        return "\n\n".join(block for block in blocks if block)


def _words(node: ast.AST) -> list[str]:
    return [word for field in ("id", "arg", "name") if isinstance(word := getattr(node, field, None), str)]


def _meaning(tree: ast.Module, statement: ast.stmt) -> str:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return digest(tree, statement.name)
    return ast.dump(statement)


def _free(name: str, taken: Names, meaning: str, owner: str = "", words: Collection[str] = ()) -> str:
    """The name itself where it is free or means the same, else one like it that is none of the `words`."""
    others = [*([f"{name}_{owner}"] if owner else []), *(f"{name}_{n}" for n in range(2, 1000))]
    candidates = [name, *(other for other in others if other not in words)]
    return next(c for c in candidates if taken.get(c, meaning) == meaning)


def _import_line(name: str, target: str) -> str:
    if ":" in target:
        module, _, original = target.partition(":")
        return f"from {module} import {original}" + (f" as {name}" if name != original else "")
    if "<" in target:
        return f"import {target.partition('<')[2]}"
    return f"import {target}" + (f" as {name}" if name != target else "")


def _merged(lines: list[str]) -> list[str]:
    names: dict[str, list[str]] = {}
    for line in lines:
        head, _, tail = line.partition(" import ") if line.startswith("from ") else (line, "", "")
        names.setdefault(head, []).append(tail)
    return [f"{head} import {', '.join(tails)}" if tails[0] else head for head, tails in names.items()]


def _docstring(text: str) -> str:
    if any(not (c.isprintable() or c in "\n\t") for c in text):
        return repr(text)
    escaped = text.replace("\\", "\\\\")
    return f'"""{escaped.replace(chr(34), chr(92) + chr(34)) if _ends(text) else escaped}"""'


def _ends(text: str) -> bool:
    return '"""' in text or text.endswith('"')


def _constructor(state: Mapping[str, object]) -> list[str]:
    if not state:
        return []
    for name in state:
        if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("__") or name == "self":
            raise ModuleError(f"the state {name!r} cannot be a parameter of the class: give it another name")
    required = [n for n, v in state.items() if not _literal(v)]
    optional = [n for n in state if n not in required]
    parameters = ", ".join([*required, *(f"{n}={_written(state[n])}" for n in optional)])
    assignments = "\n".join(f"    self.{n} = {n}" for n in (*required, *optional))
    return [f"def __init__(self, {parameters}):\n{assignments}"]


def _literal(value: object) -> bool:
    if type(value) is str:
        return len(value) <= 200
    return value is None or type(value) in (bool, int) or (type(value) is float and isfinite(value))


def _written(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if type(value) is str and value.isprintable() else repr(value)


def _text(source: str, node: ast.stmt, renames: Names) -> str:
    """A statement as it was written, its comments and decorators too, with module-level names renamed."""
    lines = source.splitlines()
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(d.lineno for d in decorators)])
    for number, line in _edits(node, lines, renames).items():
        lines[number - 1] = line
    while first > 1 and lines[first - 2].startswith("#"):
        first -= 1
    return "\n".join(lines[first - 1 : node.end_lineno])


def _edits(node: ast.stmt, lines: list[str], renames: Names) -> dict[int, str]:
    spots = [(n.lineno, n.col_offset, n.id) for n in global_names(node)]
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        found = re.search(rf"\b{node.name}\b", lines[node.lineno - 1])
        spots += [(node.lineno, len(lines[node.lineno - 1][: found.start()].encode()), node.name)] if found else []
    edited: dict[int, str] = {}
    for number, column, name in sorted(set(spots), reverse=True):
        if renames.get(name, name) != name:
            line = edited.get(number, lines[number - 1]).encode()
            edited[number] = (line[:column] + renames[name].encode() + line[column + len(name.encode()) :]).decode()
    return edited


def _indented(text: str) -> str:
    """The text one level deeper; lines that begin inside a string stay as they are."""
    inside = _string_lines(text)
    lines = text.splitlines()
    return "\n".join(f"    {li}" if li and n not in inside else li for n, li in enumerate(lines, 1))


def _string_lines(text: str) -> set[int]:
    found: set[int] = set()
    begun: list[int] = []
    starts = {getattr(tokenize, "FSTRING_START", -1), getattr(tokenize, "TSTRING_START", -1)} - {-1}
    ends = {getattr(tokenize, "FSTRING_END", -1), getattr(tokenize, "TSTRING_END", -1)} - {-1}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in starts:
            begun.append(token.start[0])
        elif token.type in ends:
            found |= set(range(begun.pop() + 1, token.end[0] + 1))
        elif token.type == tokenize.STRING:
            found |= set(range(token.start[0] + 1, token.end[0] + 1))
    return found - _docstring_lines(text)


def _docstring_lines(text: str) -> set[int]:
    functions = [n for n in ast.walk(ast.parse(text)) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
    firsts = [n.body[0] for n in functions if ast.get_docstring(n) is not None]
    return {line for node in firsts for line in range(node.lineno, (node.end_lineno or 0) + 1)}


def _refuse_mangled(tree: ast.Module, name: str) -> None:
    words = [getattr(n, "id", getattr(n, "attr", "")) for n in ast.walk(tree)]
    mangled = sorted({w for w in words if isinstance(w, str) and w.startswith("__") and not w.endswith("__")})
    if mangled:
        raise ModuleError(f"{name} uses {mangled[0]}, which Python renames inside a class: revise it to one underscore")


def _check(text: str, label: str, digests: Names) -> None:
    try:
        found = {name: digest(tree, name) for name, tree in units(text, label).items()}
    except SyntaxError as error:
        raise ModuleError(f"the class file would not parse: {error}") from error
    for name, wanted in digests.items():
        if found.get(name) != wanted:
            raise ModuleError(f"{name} would not mean the same in a class file; it stays where it is")
