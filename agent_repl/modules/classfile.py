"""Units become one class in one file: imports hoisted and merged, helpers shared, methods as they were written."""

from __future__ import annotations

import ast
import json
import keyword
import re
import sys
import textwrap
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain, count
from math import isfinite
from typing import NamedTuple

from agent_repl_code.classes import text_of
from agent_repl_code.page import indented, units_of
from agent_repl_code.unit import Definition, Function, bindings, digest, global_names, imported, reached

from ..errors import ModuleError

Names = Mapping[str, str]
_WIDTH = 100
_KINDS = (bool, int, float, str, bytes, list, tuple, set, frozenset, dict)


class Part(NamedTuple):
    """One method to put into a class: its name and the source of its unit."""

    name: str
    source: str


def class_name(label: str) -> str:
    """The class that a label names: `top_sales` → `TopSales`."""
    name = "".join(word[:1].upper() + word[1:] for word in label.split("_"))
    return name if name.isidentifier() and not keyword.iskeyword(name) else f"Agent{name}"


def render(
    label: str,
    about: str,
    parts: Iterable[Part],
    state: Mapping[str, object],
    head: str = "",
    base: str = "",
    given: Names | None = None,
) -> str:
    """The text of a class file; raises ModuleError when a method would not mean there what it meant alone.

    `about` becomes the docstring of the class, `state` the parameters of its constructor: those whose value is a
    plain literal get it as their default. `head` is the docstring of the file, `base` what is inherited (`shop:Robot`),
    `given` what the constructor must be given besides, each with words about it.
    """
    trees = [(part, ast.parse(part.source)) for part in parts]
    # Names that no unit may take from the others: one of them means what Python defines.
    builtins = {name for part, tree in trees for name in _used(tree, part.name) - set(bindings(tree))}
    file = File(taken={class_name(label): "", **dict.fromkeys(builtins, "a built-in")})
    above = f"({file.import_(base.partition(':')[2], base)})" if base else ""
    methods = [file.take(part, tree) for part, tree in trees]
    body = [_docstring(about), *_constructor(state, given or {}), *methods]
    text = "\n\n\n".join([file.top(head or about), *file.helpers, f"class {class_name(label)}{above}:\n"])
    text += "\n\n".join(indented(piece) for piece in body) + "\n"
    _check(text, label, file.digests)
    return text


def units(source: str, label: str) -> dict[str, ast.Module]:
    """The units in a class file by method name: each method with the module-level statements beside the class."""
    tree = ast.parse(source)
    owner = next((n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == class_name(label)), None)
    return units_of(tree, owner) if owner else {}


def _used(tree: ast.Module, name: str) -> set[str]:
    return {used.id for statement in reached(tree, name) for used in global_names(statement)}


@dataclass
class File:
    """The module level of a class file as it grows; `taken` tells what each of its names stands for."""

    taken: dict[str, str]
    imports: dict[str, str] = field(default_factory=dict)
    helpers: list[str] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)

    def take(self, part: Part, tree: ast.Module) -> str:
        """Add what a method needs beside the class, and give back the method's own text."""
        refuse_mangled(tree, part.name)
        self.digests[part.name] = digest(tree, part.name)
        for name, target in bindings(tree).items():
            if target.startswith("__future__:"):  # it works without being named
                self.import_(name, target)
        method, *rest = reached(tree, part.name)
        used = _used(tree, part.name)
        names = [getattr(node, field, None) for node in ast.walk(tree) for field in ("id", "arg", "name")]
        words = {name for name in names if isinstance(name, str)}
        renames: dict[str, str] = {}
        for statement in rest:
            renames |= {n: self.import_(n, t, words) for n, t in imported(statement).items() if n in used}
        own = sorted((s for s in rest if not imported(s)), key=lambda s: s.lineno)
        fresh = [s for s in own if not self._shared(tree, s, part.name, renames, words)]
        self.helpers += [_text(part.source, s, renames) for s in fresh]
        return _text(part.source, method, renames)

    def import_(self, name: str, target: str, words: Collection[str] = ()) -> str:
        chosen = self._name(name, target, words)
        self.imports[chosen] = target
        return chosen

    def _name(self, name: str, meaning: str, words: Collection[str], owner: str = "") -> str:
        """Take the name itself where it is free or means the same, else one like it that is none of the `words`."""
        others = chain([f"{name}_{owner}"] * bool(owner), (f"{name}_{n}" for n in count(2)))
        same = [known for known, means in self.taken.items() if means == meaning and known.startswith(f"{name}_")]
        candidates = chain([name], (other for other in chain(same, others) if other not in words))
        chosen = next(c for c in candidates if self.taken.get(c, meaning) == meaning)
        self.taken[chosen] = meaning
        return chosen

    def _shared(
        self, tree: ast.Module, statement: ast.stmt, method: str, renames: dict[str, str], words: Collection[str]
    ) -> bool:
        """Whether the file has this helper already; a new one gets a name that is free, and none of the `words`."""
        names, known, means = list(bindings(ast.Module([statement], []))), {*self.taken}, meaning(tree, statement)
        for name in names:
            renames[name] = self._name(name, means, words, method)
        return any(renames[name] in known for name in names)

    def top(self, about: str) -> str:
        """The file's docstring and its imports."""
        return "\n\n".join(filter(None, [_docstring(about), self.statements()]))

    def statements(self) -> str:
        """The imports, as statements."""
        names: dict[str, list[str]] = {}
        for _, head, name in sorted(_import(name, target) for name, target in self.imports.items()):
            names.setdefault(head, []).append(name)
        blocks: tuple[list[str], ...] = ([], [], [])  # of the language, of Python, of others
        for head, found in names.items():
            module = head.split()[1].partition(".")[0]
            blocks[module != "__future__" and 2 - (module in sys.stdlib_module_names)].append(_import_line(head, found))
        return "\n\n".join(filter(None, map("\n".join, blocks)))


def meaning(tree: ast.Module, node: ast.stmt) -> str:
    """What a helper is, whatever it is called."""
    if isinstance(node, Function):
        return digest(tree, node.name)
    names = "|".join(bindings(ast.Module([node], [])))
    return re.sub(rf"\b(id|name)='(?:{names})'", r"\1=''", ast.dump(node))


def _import_line(head: str, names: list[str]) -> str:
    """One import statement, or several lines of it where one would be too long."""
    line = head + ", ".join(names)
    wrapped = textwrap.fill(", ".join(names), _WIDTH, initial_indent="    ", subsequent_indent="    ")
    return line if len(line) <= _WIDTH or head.startswith("import") else f"{head}(\n{wrapped},\n)"


def _import(name: str, target: str) -> tuple[bool, str, str]:
    """An import statement: whether it begins with `from`, what others may share of it, and its own name."""
    module, is_from, original = target.partition(":")
    if "<" in target:
        return False, f"import {target.partition('<')[2]}", ""
    renamed = f" as {name}" if name != (original or module) else ""
    return (True, f"from {module} import ", original + renamed) if is_from else (False, f"import {module}{renamed}", "")


def _docstring(text: str) -> str:
    if any(not (c.isprintable() or c in "\n\t") for c in text):
        return repr(text)
    escaped = text.replace("\\", "\\\\")
    if '"""' in text or text.endswith('"'):
        escaped = escaped.replace('"', '\\"')
    return f'"""{escaped}"""'


def _constructor(state: Mapping[str, object], given: Names) -> list[str]:
    for name in state:
        if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("__") or name == "self":
            raise ModuleError(f"the state {name!r} cannot be a parameter of the class: give it another name")
    defaults = dict.fromkeys(given, "") | {name: default(value) for name, value in state.items()}
    names = sorted(defaults, key=lambda name: bool(defaults[name]))
    parameters = [_parameter(name, _kind(state.get(name)), defaults[name]) for name in names]
    head = f"def __init__(self, {', '.join(parameters)}):"
    if len(head) > _WIDTH - 4:
        head = "\n".join(["def __init__(", *(f"    {each}," for each in ["self", *parameters]), "):"])
    said = [f"    {_docstring(' '.join(given.values()))}"] * bool(given)
    fresh = {name: f"{value!r} if {name} is None else {name}" for name, value in state.items() if _is_empty(value)}
    return ["\n".join([head, *said, *(f"    self.{name} = {fresh.get(name, name)}" for name in names)])] * bool(names)


def _parameter(name: str, kind: str, default: str) -> str:
    return f"{name}: {kind}{f' = {default}' * bool(default)}" if kind else f"{name}{f'={default}' * bool(default)}"


def _kind(value: object) -> str:
    """The type of a parameter, where it has a name that needs no import."""
    return next((kind.__name__ + " | None" * _is_empty(value) for kind in _KINDS if kind is type(value)), "")


def _is_empty(value: object) -> bool:
    """Whether it is a container that every object must have one of its own of."""
    return any(kind is type(value) for kind in (list, dict, set)) and not value


def default(value: object) -> str:
    """The value as Python, "" when it is not small and plain."""
    if type(value) is str and len(value) <= 200:
        return json.dumps(value, ensure_ascii=False) if value.isprintable() else repr(value)
    plain = value is None or type(value) in (bool, int) or (type(value) is float and isfinite(value))
    return repr(value) if plain else "None" if _is_empty(value) else ""


def _text(source: str, node: ast.stmt, renames: Names) -> str:
    """A statement as it was written, its comments and decorators too, with module-level names renamed."""
    lines = source.split("\n")
    for number, column, name in sorted(_spots(node, lines[node.lineno - 1]), reverse=True):
        if renames.get(name, name) != name:
            line = lines[number - 1].encode()
            lines[number - 1] = (line[:column] + renames[name].encode() + line[column + len(name.encode()) :]).decode()
    return text_of(lines, node)


def _spots(node: ast.stmt, head: str) -> set[tuple[int, int, str]]:
    """Where module-level names stand: the line (from 1), the column in bytes, the name."""
    spots = {(n.lineno, n.col_offset, n.id) for n in global_names(node)}
    if isinstance(node, Definition) and (found := re.search(rf"\b{node.name}\b", head)):
        spots.add((node.lineno, len(head[: found.start()].encode()), node.name))
    return spots


def refuse_mangled(tree: ast.Module, name: str) -> None:
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
