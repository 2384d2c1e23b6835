"""A method is put into a class file that a person may have edited: all other text stays as it is."""

from __future__ import annotations

import ast
from collections.abc import Collection

from agent_repl_code.page import Edit, Misfit, Page, docstring, indented, method, span
from agent_repl_code.unit import bindings, digest, global_names, imported, reached

from ..errors import ModuleError
from .classfile import File, Part, meaning


def placed(page: Page, part: Part) -> str:
    """The text with this method added, or in the place of the one of its name; all other text stays as it is.

    Raises ModuleError where that cannot be done.
    """
    tree = ast.parse(part.source)
    if page.digests.get(part.name) == digest(tree, part.name):
        return page.text
    if page.owner.body[0].lineno == page.owner.lineno:
        raise ModuleError(f"line {page.owner.lineno}: give the class a body on lines of its own")
    try:
        return _with(page, part, tree, shares=True)
    except Misfit:  # some helper means the same here, but not all that it is used with
        return _with(page, part, tree, shares=False)


def _with(page: Page, part: Part, tree: ast.Module, shares: bool) -> str:
    old = page.units.get(part.name)
    owned = _owned(page, part.name) if old else {}
    file = File(taken=_taken(page, part, tree, owned, shares))
    text = file.take(part, tree)
    fresh = {n: t for n, t in file.imports.items() if bindings(page.tree).get(n) != t}
    edits = [_imports(page, File(taken={}, imports=fresh))] * bool(fresh)
    edits += [_helper(page, text, owned) for text in file.helpers]
    edits += [_replaced(page, method(old), text) if old else _added(page, text)]
    return page.edited(edits, {**page.digests, part.name: digest(tree, part.name)})


def _owned(page: Page, name: str) -> dict[str, ast.stmt]:
    """The helpers, by name, that only this method reaches; imports are nobody's own."""
    mine = {id(n): n for n in reached(page.units[name], name)}
    others = {id(n) for other, unit in page.units.items() if other != name for n in reached(unit, other)}
    rest = [n for n in page.tree.body if id(n) not in mine and n is not page.owner]
    rest += [n for n in page.owner.body if id(n) not in mine]
    used = {used.id for node in rest for used in global_names(node)}
    free = [n for n in mine.values() if id(n) not in others and not imported(n) and n in page.tree.body]
    return {n: node for node in free for n in bindings(ast.Module([node], [])) if n not in used}


def _taken(page: Page, part: Part, tree: ast.Module, owned: Collection[str], shares: bool) -> dict[str, str]:
    """What each name at the module level stands for."""
    used = {n.id for n in global_names(page.tree)} - {*bindings(page.tree)}
    used |= {n.id for node in reached(tree, part.name) for n in global_names(node)} - {*bindings(tree)}
    taken = dict.fromkeys(used, "a built-in")
    like = tuple(bindings(tree)) * shares  # only what has such a name may turn out to be the same
    for node in page.tree.body:
        names = bindings(ast.Module([node], []))
        same = meaning(page.tree, node) if any(name.startswith(like) for name in names) else ""
        taken |= imported(node) or dict.fromkeys(names, same)
    return {n: m for n, m in taken.items() if n not in owned} | {page.owner.name: ""}


def _imports(page: Page, file: File) -> Edit:
    before = page.tree.body[: page.tree.body.index(page.owner)]
    last = next((n for n in reversed(before) if imported(n)), None)
    future = any(target.startswith("__future__:") for target in file.imports.values())
    text = file.statements()
    if last and not future:
        return span(last)[1], span(last)[1], text
    if doc := docstring(page.tree):
        return span(doc[0])[1], span(doc[0])[1], f"\n{text}"
    first = span(page.tree.body[0])[0]
    return first, first, f"{text}\n"


def _helper(page: Page, text: str, owned: dict[str, ast.stmt]) -> Edit:
    tree = ast.parse(text)
    if old := next((owned[name] for name in bindings(tree) if name in owned), None):
        return (0, 0, "") if ast.dump(tree.body[0]) == ast.dump(old) else _replaced(page, old, text)
    first = span(page.owner)[0]
    while first and page.lines[first - 1].startswith("#"):
        first -= 1
    return first, first, f"{text}\n\n"


def _replaced(page: Page, old: ast.stmt, text: str) -> Edit:
    """The comments above it are the person's, and stay."""
    lines = text.split("\n")
    while lines[0].startswith("#"):
        lines.pop(0)
    return *span(old), indented("\n".join(lines), page.margin(old))


def _added(page: Page, text: str) -> Edit:
    last = page.owner.body[-1]
    return span(last)[1], span(last)[1], f"\n{indented(text, page.margin(last))}"
