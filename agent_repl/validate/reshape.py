"""A draft becomes one unit: out of its class, without example usage, with its imports, in clean text."""

from __future__ import annotations

import ast
import builtins
import sys

from ..unit import Definition, bindings, global_names, method_of
from .extract import Draft, read

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
