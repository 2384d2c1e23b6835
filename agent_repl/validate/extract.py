"""A reply becomes one clean unit: the block or the part that is code, told by its tree, in the form that rules expect.

Out of its class, without example usage, with the imports that are missing: what a model means is not sent back.
"""

from __future__ import annotations

import ast
import builtins
import re
import sys
import warnings
from dataclasses import dataclass, field

from ..effects import parse
from ..unit import Definition, Function, bindings, global_names, method_of

# A fence inside a docstring is indented more than the one that ends the block; a reply may stop before the end.
_BLOCK = re.compile(
    r"^([ \t]*)(`{3,}|~{3,})[ \t]*([\w+#-]*)[^\n]*\n?(.*?)(?:^(?:\1| {0,3})\2[`~]*[ \t]*$|(\Z))", re.M | re.S
)
_STARTS = re.compile(r"(from\s+[\w.]+\s+import\s|import\s+\w|async\s+def\s|def\s+\w+\s*\(|class\s+\w+\s*[:(]|@\w)")
_FOREIGN = re.compile(r"(?m)^\s*(function\s+\w+\s*\(|(const|let|var)\s+\w+\s*=|public\s+\w+|#include|end$|.*[{;]\s*$)")
_PYTHON = frozenset({"", "py", "python", "python3", "ipython", "text", "code"})
_SPELLED = {
    "pd": "import pandas as pd",
    "np": "import numpy as np",
    "plt": "import matplotlib.pyplot as plt",
    "Path": "from pathlib import Path",
    "Decimal": "from decimal import Decimal",
    "timedelta": "from datetime import timedelta",
    **{name: f"from collections import {name}" for name in ("Counter", "defaultdict", "deque", "namedtuple")},
    **{name: f"from typing import {name}" for name in ("Any", "Callable", "Dict", "List", "Optional", "Set", "Tuple")},
}
_OF_DATETIME = ("combine", "fromisoformat", "fromtimestamp", "now", "strptime", "today", "utcnow")
_MODULE_NAMES = frozenset({"__name__", "__file__", "__doc__"})


@dataclass(frozen=True)
class Draft:
    """A candidate: its text and its tree, which is empty where it breaks a rule of reading, with Python's words."""

    source: str
    tree: ast.Module = field(default_factory=lambda: ast.Module([], []))
    rule: str = ""
    error: str = ""
    line: int = 0


def extract(text: str, name: str) -> Draft:
    """The part of a reply that defines `name`, or the next best thing; its source is "" when there is no code."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    whole = read(text)
    if _rank(whole, name) == _DEFINES:
        return whole
    said = _without_thoughts(text)
    drafts = _fenced(said) or [read(_unfenced(said))]
    best = max(reversed(drafts), key=lambda draft: _rank(draft, name))
    if best.source.strip():
        return best
    return (
        Draft("", rule="prose", error="The reply holds no code.")
        if said.strip()
        else Draft("", rule="empty", error="The reply was empty.")
    )


def read(source: str, language: str = "", cut: bool = False) -> Draft:
    """A draft of this source, dedented; the rule is "language", "cut" or "parse" where it cannot be compiled."""
    problems = []
    # Last come a method that is indented as in a class below imports that are not, and tabs among blanks.
    for way in (_dedented(source), re.sub(r"(?m)^ {4}", "", source), _dedented(source.expandtabs(4))):
        try:
            return Draft(way, _compiled(way))
        except SyntaxError as error:
            problems.append(error)
    plain, line, text = _dedented(source), problems[0].lineno or 1, (problems[0].text or "").strip()
    if language not in _PYTHON or _FOREIGN.search(plain):
        return Draft(plain, rule="language", error="The code is not Python.", line=line)
    if cut:
        return Draft(
            plain, rule="cut", error="The code stops in the middle. Write a shorter method, to its end.", line=line
        )
    words = f"line {line}: {problems[0].msg}" + (f": `{text}`" if text else "")
    return Draft(plain, rule="parse", error=f"{words}. Write the whole method again as valid Python.", line=line)


def functions(tree: ast.Module) -> list[Function]:
    """Those that a module defines, then those of its classes."""
    inner = [child for node in tree.body if isinstance(node, ast.ClassDef) for child in node.body]
    return [node for node in [*tree.body, *inner] if isinstance(node, Function)]


_DEFINES, _TRIES, _HAS_DEF, _CODE, _NOTHING = 4, 3, 2, 1, 0


def _rank(draft: Draft, name: str) -> int:
    if draft.rule:
        return _TRIES if re.search(rf"def\s+{re.escape(name)}\b", draft.source) else _CODE
    defined = [node.name for node in functions(draft.tree)]
    return _DEFINES if name in defined else _HAS_DEF if defined else _CODE if draft.tree.body else _NOTHING


def _without_thoughts(text: str) -> str:
    text = re.sub(r"<think>.*?</think>", "", text, flags=re.S)
    return re.sub(r"<think>.*", "", text.rpartition("</think>")[2], flags=re.S)


def _fenced(text: str) -> list[Draft]:
    return [read(block[4], block[3].lower(), cut=block[5] is not None) for block in _BLOCK.finditer(text)]


def _unfenced(text: str) -> str:
    lines = text.split("\n")
    first = next((i for i, line in enumerate(lines) if _STARTS.match(line.strip())), None)
    if first is None:
        return text if _FOREIGN.search(text) else ""
    lines = lines[first:]
    for _ in range(5):
        draft = read("\n".join(lines))
        above = range(1, min(draft.line, len(lines)))
        prose = [i for i in above if lines[i][:1].strip() and not _STARTS.match(lines[i])]
        if not draft.rule or not prose:
            break
        lines = lines[: prose[-1]]
    return "\n".join(lines)


def _compiled(source: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape in a text is the model's business, not the person's screen
            tree = parse(source)
            compile(tree, "<reply>", "exec", dont_inherit=True)
            return tree
    except (RecursionError, MemoryError, ValueError) as error:
        raise SyntaxError(str(error)) from error


def _dedented(source: str) -> str:
    margin = re.search(r"(?m)^([^\S\n]*)\S", source)
    return re.sub(rf"(?m)^{re.escape(margin[1])}", "", source) if margin else source


def reshape(draft: Draft, name: str) -> Draft:
    """The same code as one unit; a draft that is empty or does not parse stays as it is."""
    if draft.rule:
        return draft
    for step in (_out_of_class, _without_usage, _with_imports, _clean):
        changed = read(step(draft, name))
        draft = draft if changed.rule else changed
    return draft


def undefined(tree: ast.Module) -> list[ast.Name]:
    """Names that are read but that neither the unit nor Python defines, in source order."""
    known = {*bindings(tree), *dir(builtins), *_MODULE_NAMES}
    star = any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in tree.body)
    found = [n for n in global_names(tree) if isinstance(n.ctx, ast.Load) and n.id not in known]
    return [] if star else found


def _out_of_class(draft: Draft, name: str) -> str:
    lines = draft.source.split("\n")
    for node in draft.tree.body:
        method = method_of(ast.Module(node.body, []), name) if isinstance(node, ast.ClassDef) else None
        if method is not None:
            alone = read("\n".join(lines[_start(method) : method.end_lineno])).source
            return "\n".join([*lines[: _start(node)], alone, *lines[node.end_lineno :]])
    return draft.source


def _start(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(d.lineno for d in decorators)]) - 1


def _without_usage(draft: Draft, name: str) -> str:
    """Drops what follows the last definition and only shows how it is used."""
    body = draft.tree.body
    kept = max((i for i, node in enumerate(body, 1) if not _shows_use(node)), default=0)
    return "\n".join(draft.source.split("\n")[: body[kept - 1].end_lineno]) if 0 < kept < len(body) else draft.source


def _shows_use(node: ast.stmt) -> bool:
    calls = any(isinstance(inner, ast.Call) for inner in ast.walk(node))
    defines = isinstance(node, Definition | ast.Import | ast.ImportFrom)
    return not defines and (calls or not isinstance(node, ast.Assign))


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


def _clean(draft: Draft, name: str) -> str:
    clean = "\n".join(line.rstrip() for line in draft.source.strip("\n").split("\n")).strip("\n") + "\n"
    same = ast.dump(read(clean).tree) == ast.dump(draft.tree)
    return clean if same else draft.source.strip("\n") + "\n"
