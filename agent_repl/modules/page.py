"""A class file as a person may have left it: read as units, run as far as it was accepted, changed in one place."""

from __future__ import annotations

import ast
import copy
import io
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from agent_repl_code.unit import Function, bindings, digest, global_names, imported, reached

from ..errors import ModuleError
from .classfile import File, Part, indented, refuse_mangled, string_lines, units_of

Edit = tuple[int, int, str]
"""Lines from the first (from 0) to before the second, and the text that takes their place."""


@dataclass(frozen=True)
class Page:
    """The text of a class file, byte for byte, and its class."""

    text: str
    tree: ast.Module
    owner: ast.ClassDef

    @cached_property
    def units(self) -> dict[str, ast.Module]:
        """What is written about each method, by its name."""
        return units_of(self.tree, self.owner)

    @cached_property
    def digests(self) -> dict[str, str]:
        """The hash of each method with what it reaches."""
        return {name: digest(unit, name) for name, unit in self.units.items()}

    @cached_property
    def lines(self) -> list[str]:
        """As Python counts them, with their ends."""
        return io.StringIO(self.text, newline="").readlines()

    def source(self, name: str) -> str:
        """A method as a text of its own, with what it reaches and its comments; raises ModuleError."""
        refuse_mangled(self.units[name], name)
        method, *rest = reached(self.units[name], name)
        rest += [node for node in self.tree.body if getattr(node, "module", "") == "__future__"]
        plain = "".join(line.rstrip("\r\n") + "\n" for line in self.lines)
        above = [self._text(plain, node) for node in sorted(rest, key=lambda node: node.lineno)]
        for inside in (string_lines(plain), string_lines(plain, docstrings=True)):
            source = "\n\n".join([*above, self._text(plain, method, inside)]) + "\n"
            if digest(ast.parse(source), name) == self.digests[name]:
                return source
        raise ModuleError(f"line {method.lineno}: {name} does not mean the same outside of the class")

    def _text(self, plain: str, node: ast.stmt, inside: Collection[int] | None = None) -> str:
        """A statement with the comments right above it; one from the class (lines `inside` strings apart) moved out."""
        lines, margin = plain.split("\n"), self._margin(node)
        first, last = _span(node)
        while first and lines[first - 1].startswith(f"{margin}#"):
            first -= 1
        found = enumerate(lines[first:last], first + 1)
        return "\n".join(line if n in (inside or ()) else line.removeprefix(margin) for n, line in found)

    def _margin(self, node: ast.stmt) -> str:
        return self.lines[node.lineno - 1].encode()[: node.col_offset].decode()

    def runnable(self, names: Collection[str]) -> ast.Module:
        """The file with these methods and what they reach, all at its own line; nothing else in it would be run."""
        needed = [node for name in names for node in reached(self.units[name], name)]
        kept = {*map(id, needed)}
        owner = copy.copy(self.owner)
        owner.bases, owner.keywords, owner.decorator_list = [], [], []
        owner.body = [*_docstring(owner), *(n for n in owner.body if id(n) in kept)] or [ast.Pass()]
        future = [n for n in self.tree.body if getattr(n, "module", "") == "__future__"]
        kept |= {id(n) for n in [*_docstring(self.tree), *future]}
        body = [owner if n is self.owner else n for n in self.tree.body if n is self.owner or id(n) in kept]
        return ast.fix_missing_locations(ast.Module(body, []))

    def ignored(self) -> str:
        """The first thing in the file that agents do not take over, in words; "" where there is none."""
        more: list[Any] = [*self.owner.bases, *self.owner.keywords, *self.owner.decorator_list]
        here = {id(n) for n in [*_docstring(self.owner), *map(_method, self.units.values())]}
        beside = [n for n in self.owner.body if id(n) not in here and not isinstance(n, ast.Pass)]
        beside = [n for n in beside if getattr(n, "name", "") != "__init__"]
        known = {id(n) for name, unit in self.units.items() for n in reached(unit, name)}
        harmless = (ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef, ast.Constant)
        rest = [n for n in self.tree.body if id(n) not in known and not isinstance(getattr(n, "value", n), harmless)]
        found = next(iter([*more, *beside, *rest]), None)
        return f"line {found.lineno}: `{ast.unparse(found).splitlines()[0][:60]}`" if found else ""

    def with_method(self, part: Part) -> str:
        """The text with this method added, or in the place of the one of its name; all other text stays as it is.

        Raises ModuleError where that cannot be done.
        """
        tree = ast.parse(part.source)
        if self.digests.get(part.name) == digest(tree, part.name):
            return self.text
        if self.owner.body[0].lineno == self.owner.lineno:
            raise ModuleError(f"line {self.owner.lineno}: give the class a body on lines of its own")
        try:
            return self._with(part, tree, shares=True)
        except ModuleError:  # some helper means the same here, but not all that it is used with
            return self._with(part, tree, shares=False)

    def _with(self, part: Part, tree: ast.Module, shares: bool) -> str:
        old = self.units.get(part.name)
        owned = self._owned(part.name) if old else {}
        file = File(taken=self._taken(part, tree, owned, shares))
        method = file.take(part, tree)
        fresh = {n: t for n, t in file.imports.items() if bindings(self.tree).get(n) != t}
        edits = [self._imports(File(taken={}, imports=fresh))] * bool(fresh)
        edits += [self._helper(text, owned) for text in file.helpers]
        edits += [self._replaced(_method(old), method) if old else self._added(method)]
        return self._edited(edits, {**self.digests, part.name: digest(tree, part.name)})

    def without(self, name: str) -> str:
        """The text without this method; what it reached stays. Raises ModuleError where that cannot be done."""
        first, last = _span(node := _method(self.units[name]))
        alone = self.owner.body == [node] or self.owner.body == [*_docstring(self.owner), node]
        while not alone and first and not self.lines[first - 1].strip():
            first -= 1
        text = f"{self._margin(node)}pass" if alone else ""
        return self._edited([(first, last, text)], {n: d for n, d in self.digests.items() if n != name})

    def _owned(self, name: str) -> dict[str, ast.stmt]:
        """The helpers, by name, that only this method reaches; imports are nobody's own."""
        mine = {id(n): n for n in reached(self.units[name], name)}
        others = {id(n) for other, unit in self.units.items() if other != name for n in reached(unit, other)}
        rest = [n for n in self.tree.body if id(n) not in mine and n is not self.owner]
        rest += [n for n in self.owner.body if id(n) not in mine]
        used = {used.id for node in rest for used in global_names(node)}
        free = [n for n in mine.values() if id(n) not in others and not imported(n) and n in self.tree.body]
        return {n: node for node in free for n in bindings(ast.Module([node], [])) if n not in used}

    def _taken(self, part: Part, tree: ast.Module, owned: Collection[str], shares: bool) -> dict[str, str]:
        """What each name at the module level stands for."""
        here = bindings(self.tree)
        used = {
            n.id for n in [*global_names(self.owner), *(u for s in reached(tree, part.name) for u in global_names(s))]
        }
        taken = dict.fromkeys(used - {*here, *bindings(tree)}, "a built-in")
        for node in self.tree.body:
            own = digest(self.tree, node.name) if isinstance(node, Function) else ast.dump(node)
            taken |= imported(node) or dict.fromkeys(bindings(ast.Module([node], [])), own * shares)
        return {n: m for n, m in taken.items() if n not in owned} | {self.owner.name: ""}

    def _imports(self, file: File) -> Edit:
        before = self.tree.body[: self.tree.body.index(self.owner)]
        last = next((n for n in reversed(before) if imported(n)), None)
        future = any(target.startswith("__future__:") for target in file.imports.values())
        text = file.statements()
        if last and not future:
            return _span(last)[1], _span(last)[1], text
        if doc := _docstring(self.tree):
            return _span(doc[0])[1], _span(doc[0])[1], f"\n{text}"
        first = _span(self.tree.body[0])[0]
        return first, first, f"{text}\n"

    def _helper(self, text: str, owned: dict[str, ast.stmt]) -> Edit:
        tree = ast.parse(text)
        if old := next((owned[name] for name in bindings(tree) if name in owned), None):
            return (0, 0, "") if ast.dump(tree.body[0]) == ast.dump(old) else self._replaced(old, text)
        first = _span(self.owner)[0]
        while first and self.lines[first - 1].startswith("#"):
            first -= 1
        return first, first, f"{text}\n\n"

    def _replaced(self, old: ast.stmt, text: str) -> Edit:
        """The comments above it are the person's, and stay."""
        lines = text.split("\n")
        while lines[0].startswith("#"):
            lines.pop(0)
        return *_span(old), indented("\n".join(lines), self._margin(old))

    def _added(self, text: str) -> Edit:
        last = self.owner.body[-1]
        return _span(last)[1], _span(last)[1], f"\n{indented(text, self._margin(last))}"

    def _edited(self, edits: Iterable[Edit], digests: dict[str, str]) -> str:
        """The text after these edits; raises ModuleError where a method would then mean something else."""
        end = "\r\n" if self.lines and self.lines[0].endswith("\r\n") else "\n"
        lines = [*self.lines]
        lines[-1:] = [line if line.endswith(("\r", "\n")) else line + end for line in lines[-1:]]
        for _, (first, last, text) in sorted(enumerate(edits), key=lambda e: (e[1][0], e[0]), reverse=True):
            lines[first:last] = [f"{line}{end}" for line in text.split("\n")] if text else []
        try:
            found = read("".join(lines), self.owner.name)
        except ModuleError as error:
            raise ModuleError(f"it cannot be changed in its place ({error}); nothing was changed") from error
        if wrong := [n for n in {*digests, *found.digests} if found.digests.get(n) != digests.get(n)]:
            raise ModuleError(f"{wrong[0]} would not mean the same in this class file; nothing was changed")
        return found.text


@lru_cache(8)
def read(text: str, name: str) -> Page:
    """The class file with this class in it; raises ModuleError, with the line, for a text that is none."""
    try:
        tree = ast.parse(text.removeprefix("\ufeff"))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f"line {error.lineno}: " if isinstance(error, SyntaxError) else ""
        raise ModuleError(f"{line}{getattr(error, 'msg', error)}") from None
    owner = next((n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name), None)
    if owner is None:
        raise ModuleError(f"it defines no class {name}")
    return Page(text, tree, owner)


def _span(node: ast.stmt) -> tuple[int, int]:
    """The lines of a statement and its decorators: the first (from 0), and the one behind it."""
    first = min([node.lineno, *(mark.lineno for mark in getattr(node, "decorator_list", []))])
    return first - 1, node.end_lineno or first


def _docstring(node: ast.Module | ast.ClassDef) -> list[ast.stmt]:
    return node.body[:1] if ast.get_docstring(node, clean=False) is not None else []


def _method(unit: ast.Module) -> ast.stmt:
    return unit.body[-1]
