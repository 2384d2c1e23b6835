"""A reply becomes one clean unit: the block or the part that is code, told by its tree, in the form that rules expect.

Out of its class, without example usage, with the imports that are missing: what a model means is not sent back.
"""

from __future__ import annotations

import ast
import builtins
import collections
import datetime
import functools
import itertools
import math
import re
import sys
import typing
import warnings
from dataclasses import dataclass, field
from textwrap import fill

from agent_repl_bounds.effects import parse

from .unit import Definition, Function, bindings, global_names, method_of

# A fence inside a docstring is indented more than the one that ends the block; a reply may stop before the end.
_BLOCK = re.compile(
    r"^([ \t]*)(`{3,}|~{3,})[ \t]*([\w+#-]*)[^\n]*\n?(.*?)(?:^(?:\1| {0,3})\2[`~]*[ \t]*$|(\Z))", re.M | re.S
)
_STARTS = re.compile(r"(from\s+[\w.]+\s+import\s|import\s+\w|async\s+def\s|def\s+\w+\s*\(|class\s+\w+\s*[:(]|@\w)")
_FOREIGN = re.compile(r"(?m)^\s*(function\s+\w+\s*\(|(const|let|var)\s+\w+\s*=|public\s+\w+|#include|end$|.*[{;]\s*$)")
_PYTHON = frozenset({"", "py", "python", "python3", "ipython", "text", "code"})
_HOMES = {"Path": "pathlib", "Decimal": "decimal", "timedelta": "datetime"}
_HOMES |= dict.fromkeys(("Counter", "defaultdict", "deque", "namedtuple"), "collections")
_HOMES |= dict.fromkeys(("Any", "Callable", "Dict", "List", "Optional", "Set", "Tuple"), "typing")
_SPELLED = {"pd": "import pandas as pd", "np": "import numpy as np", "plt": "import matplotlib.pyplot as plt"}
_STARRED = {each.__name__: each for each in (collections, datetime, functools, itertools, math, re, typing)}
_WIDE = 100
_SPELLED |= {name: f"from {home} import {name}" for name, home in _HOMES.items()}
_OF_DATETIME = ("combine", "fromisoformat", "fromtimestamp", "now", "strptime", "today", "utcnow")


@dataclass(frozen=True)
class Draft:
    """A candidate: its text; the rule of reading that it breaks, in words, at a line; its tree, empty if it does."""

    source: str
    rule: str = ""
    error: str = ""
    line: int = 0
    tree: ast.Module = field(default_factory=lambda: ast.Module([], []))


def extract(text: str, name: str) -> Draft:
    """The part of a reply that defines `name`, or the next best thing; its source is "" when there is no code."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    whole = read(text)
    if _rank(whole, name) == 4:
        return whole
    said = re.sub(r"(?s)<think>.*?</think>", "", text)
    said = re.sub(r"(?s)<think>.*", "", said.rpartition("</think>")[2])
    fenced = [read(block[4], block[3].lower(), cut=block[5] is not None) for block in _BLOCK.finditer(said)]
    best = max(reversed(fenced or [read(_unfenced(said))]), key=lambda draft: _rank(draft, name))
    if best.source.strip():
        return best
    return (
        Draft("", "prose", "The reply holds no code.") if said.strip() else Draft("", "empty", "The reply was empty.")
    )


def read(source: str, language: str = "", cut: bool = False) -> Draft:
    """A draft of this source, dedented; the rule is "language", "cut" or "parse" where it cannot be compiled."""
    problems = []
    # Last come a method that is indented as in a class below imports that are not, and tabs among blanks.
    for way in (_dedented(source), re.sub(r"(?m)^ {4}", "", source), _dedented(source.expandtabs(4))):
        with warnings.catch_warnings(action="ignore"):  # an odd escape is the model's business
            try:
                tree = parse(way)
                compile(tree, "<reply>", "exec", dont_inherit=True)
                return Draft(way, tree=tree)
            except (SyntaxError, RecursionError, MemoryError, ValueError) as error:
                problems.append(error if isinstance(error, SyntaxError) else SyntaxError(str(error)))
    plain, line, text = _dedented(source), problems[0].lineno or 1, (problems[0].text or "").strip()
    if language not in _PYTHON or _FOREIGN.search(plain):
        return Draft(plain, "language", "The code is not Python.", line)
    if cut:
        return Draft(plain, "cut", "The code stops in the middle. Write a shorter method, to its end.", line)
    words = f"line {line}: {problems[0].msg}" + (f": `{text}`" if text else "")
    return Draft(plain, "parse", f"{words}. Write the whole method again as valid Python.", line)


def functions(tree: ast.Module) -> list[Function]:
    """Those that a module defines, then those of its classes."""
    inner = [child for node in tree.body if isinstance(node, ast.ClassDef) for child in node.body]
    return [node for node in [*tree.body, *inner] if isinstance(node, Function)]


def _rank(draft: Draft, name: str) -> int:
    """4 where it defines the method, 3 where it tries to, 2 where it defines others, 1 for other code, 0 for none."""
    if draft.rule:
        return 3 if re.search(rf"def\s+{re.escape(name)}\b", draft.source) else 1
    defined = [node.name for node in functions(draft.tree)]
    return 4 if name in defined else 2 if defined else int(bool(draft.tree.body))


def _unfenced(text: str) -> str:
    lines = text.split("\n")
    first = next((i for i, line in enumerate(lines) if _STARTS.match(line.strip())), None)
    if first is None:
        return text if _FOREIGN.search(text) else ""
    lines = lines[first:]
    for _ in range(5):
        draft = read("\n".join(lines))
        prose = [i for i, line in enumerate(lines[: draft.line]) if i and line[:1].strip() and not _STARTS.match(line)]
        if not draft.rule or not prose:
            break
        lines = lines[: prose[-1]]
    return "\n".join(lines)


def _dedented(source: str) -> str:
    margin = re.search(r"(?m)^([^\S\n]*)\S", source)
    return re.sub(rf"(?m)^{re.escape(margin[1])}", "", source) if margin else source


def reshape(draft: Draft, name: str) -> Draft:
    """The same code as one unit; a draft that is empty or does not parse stays as it is."""
    for step in () if draft.rule else (_out_of_class, _without_usage, _without_stars, _with_imports, _wrapped, _clean):
        changed = read(step(draft, name))
        draft = draft if changed.rule else changed
    return draft


def undefined(tree: ast.Module) -> list[ast.Name]:
    """Names that are read but that neither the unit nor Python defines, in source order."""
    known = {*bindings(tree), *dir(builtins), "__file__"}
    return [n for n in global_names(tree) if isinstance(n.ctx, ast.Load) and not {n.id, "*"} & known]


def _out_of_class(draft: Draft, name: str) -> str:
    lines = draft.source.split("\n")
    for node in draft.tree.body:
        method = method_of(ast.Module(node.body, []), name) if isinstance(node, ast.ClassDef) else None
        if method is not None:
            alone = read("\n".join(lines[_start(method) : method.end_lineno])).source
            return "\n".join([*lines[: _start(node)], alone, *lines[node.end_lineno :]])
    return draft.source


def _start(node: ast.stmt) -> int:
    return int(min(part.lineno for part in [node, *getattr(node, "decorator_list", ())])) - 1


def _without_usage(draft: Draft, name: str) -> str:
    """Drops what follows the last definition and only shows how it is used."""
    body = draft.tree.body
    kept = max((i for i, node in enumerate(body, 1) if not _shows_use(node)), default=0)
    return "\n".join(draft.source.split("\n")[: body[kept - 1].end_lineno]) if 0 < kept < len(body) else draft.source


def _shows_use(node: ast.stmt) -> bool:
    calls = any(isinstance(inner, ast.Call) for inner in ast.walk(node))
    names = [name.id for name in getattr(node, "targets", ()) if isinstance(name, ast.Name)]
    constant = names and not calls and all(name.isupper() or name[0] == "_" for name in names)
    return not constant and not isinstance(node, Definition | ast.Import | ast.ImportFrom)


def _without_stars(draft: Draft, name: str) -> str:
    """Names of their own in the place of `from typing import *`: those that the code reads, of modules we know."""
    lines, read_here = draft.source.split("\n"), list(dict.fromkeys(n.id for n in global_names(draft.tree)))
    for node in draft.tree.body:
        if isinstance(node, ast.ImportFrom) and node.module in _STARRED and node.names[0].name == "*":
            used = [each for each in read_here if each in _public(node.module) and not hasattr(builtins, each)]
            line = f"from {node.module} import {', '.join(sorted(used))}" if used else ""
            lines[node.lineno - 1 : node.end_lineno] = [line] + [""] * ((node.end_lineno or 0) - node.lineno)
    return "\n".join(lines)


def _public(module: str) -> list[str]:
    found = _STARRED[module]
    return getattr(found, "__all__", None) or [each for each in dir(found) if each[0] != "_"]


def _with_imports(draft: Draft, name: str) -> str:
    owners = {id(n.value): n.attr for n in ast.walk(draft.tree) if isinstance(n, ast.Attribute)}
    wanted = [_import_for(n.id, owners.get(id(n), "")) for n in undefined(draft.tree)]
    missing = list(dict.fromkeys(filter(None, wanted)))
    # What must stay first: a docstring and imports from __future__.
    fixed = [n for n in draft.tree.body if isinstance(n, ast.Expr) or getattr(n, "module", "") == "__future__"]
    lines, first = draft.source.split("\n"), max((n.end_lineno or 0 for n in fixed), default=0)
    return "\n".join([*lines[:first], *missing, *([""] if missing else []), *lines[first:]])


def _import_for(name: str, attribute: str) -> str:
    if name == "datetime" and attribute in _OF_DATETIME:
        return "from datetime import datetime"
    if attribute and name in sys.stdlib_module_names and not name.startswith("_"):
        return f"import {name}"
    return _SPELLED.get(name, "")


def _wrapped(draft: Draft, name: str) -> str:
    """Long lines of the method's docstring on several: past the edge of a screen nobody reads them."""
    method = method_of(draft.tree, name)
    said = method.body[0] if method and ast.get_docstring(method, clean=False) else None
    if said is None or said.lineno == getattr(method, "lineno", 0):
        return draft.source
    lines, first, last = draft.source.split("\n"), said.lineno - 1, said.end_lineno or 0
    margin = " " * said.col_offset
    for number, line in enumerate(lines[first:last], first):
        if len(line) > _WIDE and ">>>" not in line:
            lines[number] = fill(line, _WIDE, subsequent_indent=margin, break_long_words=False)
    return "\n".join(lines)


def _clean(draft: Draft, name: str) -> str:
    clean = "\n".join(line.rstrip() for line in draft.source.strip("\n").split("\n")).strip("\n") + "\n"
    same = ast.dump(read(clean).tree) == ast.dump(draft.tree)
    return clean if same else draft.source.strip("\n") + "\n"
