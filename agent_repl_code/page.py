"""A class file as a person may have left it: read as units, run as far as it was accepted, changed in one place."""

from __future__ import annotations

import ast
import copy
import io
import tokenize
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache

from .unit import Function, bindings, digest, global_names, reached

Edit = tuple[int, int, str]
"""Lines from the first (from 0) to before the second, and the text that takes their place."""


class Misfit(ValueError):
    """A text is no such class file, or cannot be changed in that place; says where."""


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
    def calls(self) -> frozenset[str]:
        """The names that are called as methods of something that has a name, as self has."""
        called = [node.func for node in ast.walk(self.owner) if isinstance(node, ast.Call)]
        return frozenset(f.attr for f in called if isinstance(f, ast.Attribute) and isinstance(f.value, ast.Name))

    @cached_property
    def lines(self) -> list[str]:
        """As Python counts them, with their ends."""
        return io.StringIO(self.text, newline="").readlines()

    def source(self, name: str) -> str:
        """A method as a text of its own, with what it reaches and its comments; raises Misfit."""
        method, *rest = reached(self.units[name], name)
        rest += [node for node in self.tree.body if getattr(node, "module", "") == "__future__"]
        plain = "".join(line.rstrip("\r\n") + "\n" for line in self.lines)
        above = [self._text(plain, node) for node in sorted(rest, key=lambda node: node.lineno)]
        for inside in (string_lines(plain), string_lines(plain, docstrings=True)):
            source = "\n\n".join([*above, self._text(plain, method, inside)]) + "\n"
            if digest(ast.parse(source), name) == self.digests[name]:
                return source
        raise Misfit(f"line {method.lineno}: {name} does not mean the same outside of the class")

    def _text(self, plain: str, node: ast.stmt, inside: Collection[int] | None = None) -> str:
        """A statement with the comments right above it; one from the class (lines `inside` strings apart) moved out."""
        lines, margin = plain.split("\n"), self.margin(node)
        first, last = span(node)
        while first and lines[first - 1].startswith(f"{margin}#"):
            first -= 1
        found = enumerate(lines[first:last], first + 1)
        return "\n".join(line if n in (inside or ()) else line.removeprefix(margin) for n, line in found)

    def margin(self, node: ast.stmt) -> str:
        return self.lines[node.lineno - 1].encode()[: node.col_offset].decode()

    def runnable(self, names: Collection[str]) -> ast.Module:
        """The file with these methods and what they reach, all at its own line; nothing else in it would be run."""
        needed = [node for name in names for node in reached(self.units[name], name)]
        kept = {*map(id, needed)}
        owner = copy.copy(self.owner)
        owner.bases, owner.keywords, owner.decorator_list = [], [], []
        owner.body = [*docstring(owner), *(n for n in owner.body if id(n) in kept)] or [ast.Pass()]
        future = [n for n in self.tree.body if getattr(n, "module", "") == "__future__"]
        kept |= {id(n) for n in [*docstring(self.tree), *future]}
        body = [owner if n is self.owner else n for n in self.tree.body if n is self.owner or id(n) in kept]
        return ast.fix_missing_locations(ast.Module(body, []))

    def without(self, name: str) -> str:
        """The text without this method; what it reached stays. Raises Misfit where that cannot be done."""
        first, last = span(node := method(self.units[name]))
        alone = self.owner.body == [node] or self.owner.body == [*docstring(self.owner), node]
        while not alone and first and not self.lines[first - 1].strip():
            first -= 1
        text = f"{self.margin(node)}pass" if alone else ""
        return self.edited([(first, last, text)], {n: d for n, d in self.digests.items() if n != name})

    def edited(self, edits: Iterable[Edit], digests: dict[str, str]) -> str:
        """The text after these edits; raises Misfit where a method would then mean something else."""
        end = "\r\n" if self.lines and self.lines[0].endswith("\r\n") else "\n"
        lines = [*self.lines]
        lines[-1:] = [line if line.endswith(("\r", "\n")) else line + end for line in lines[-1:]]
        for _, (first, last, text) in sorted(enumerate(edits), key=lambda e: (e[1][0], e[0]), reverse=True):
            lines[first:last] = [f"{line}{end}" for line in text.split("\n")] if text else []
        try:
            found = read("".join(lines), self.owner.name)
        except Misfit as error:
            raise Misfit(f"it cannot be changed in its place ({error}); nothing was changed") from error
        if wrong := [n for n in {*digests, *found.digests} if found.digests.get(n) != digests.get(n)]:
            raise Misfit(f"{wrong[0]} would not mean the same in this class file; nothing was changed")
        return found.text


def units_of(tree: ast.Module, owner: ast.ClassDef) -> dict[str, ast.Module]:
    """The methods of a class in a file, each first in a module with what it reaches; special methods are none."""
    home = {name: node for node in tree.body if node is not owner for name in bindings(ast.Module([node], []))}
    names = cache(lambda node: [used.id for used in global_names(node)])
    found = {}
    for method in owner.body:
        if isinstance(method, Function) and not method.name.startswith("__"):
            needs: list[ast.stmt] = [method]
            for node in needs:  # which grows on the way
                needs += dict.fromkeys(home[name] for name in names(node) if name in home and home[name] not in needs)
            body = [method, *sorted(needs[1:], key=lambda node: node.lineno)]
            found[method.name] = ast.Module(body=body, type_ignores=[])
    return found


def indented(text: str, margin: str = "    ") -> str:
    """The text one level deeper; lines that begin inside a string stay as they are."""
    inside = string_lines(text)
    lines = text.split("\n")
    return "\n".join(f"{margin}{li}" if li and n not in inside else li for n, li in enumerate(lines, 1))


def string_lines(text: str, docstrings: bool = False) -> set[int]:
    """The lines that begin inside a string; in docstrings they count only if that is asked for."""
    found: set[int] = set()
    begun: list[int] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        kind = tokenize.tok_name[token.type]  # f-strings are several tokens in some versions of Python
        if kind == "STRING" or kind.endswith("STRING_START"):
            begun.append(token.start[0])
        if kind == "STRING" or kind.endswith("STRING_END"):
            found |= set(range(begun.pop() + 1, token.end[0] + 1))
    functions = [n for n in ast.walk(ast.parse(text)) if isinstance(n, Function) and ast.get_docstring(n) is not None]
    functions = [] if docstrings else functions
    return found - {line for n in functions for line in range(n.body[0].lineno, (n.body[0].end_lineno or 0) + 1)}


@lru_cache(8)
def read(text: str, name: str) -> Page:
    """The class file with this class in it; raises Misfit, with the line, for a text that is none."""
    try:
        tree = ast.parse(text.removeprefix("\ufeff"))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f"line {error.lineno}: " if isinstance(error, SyntaxError) else ""
        raise Misfit(f"{line}{getattr(error, 'msg', error)}") from None
    owner = next((n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name), None)
    if owner is None:
        raise Misfit(f"it defines no class {name}")
    return Page(text, tree, owner)


def span(node: ast.stmt) -> tuple[int, int]:
    """The lines of a statement and its decorators: the first (from 0), and the one behind it."""
    first = min([node.lineno, *(mark.lineno for mark in getattr(node, "decorator_list", []))])
    return first - 1, node.end_lineno or first


def docstring(node: ast.Module | ast.ClassDef) -> list[ast.stmt]:
    return node.body[:1] if ast.get_docstring(node, clean=False) is not None else []


def method(unit: ast.Module) -> ast.stmt:
    return unit.body[0]
