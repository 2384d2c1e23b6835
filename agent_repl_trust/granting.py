"""Trust given: remembered by place and content, beside this user's key, which signs nothing of a stranger's."""

from __future__ import annotations

import ast
import json
import os
import textwrap
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from agent_repl.atomic import replace_file
from agent_repl.errors import StoreError
from agent_repl.modules import class_name, units
from agent_repl.protocols import Store
from agent_repl.records import Entry, Key, Version
from agent_repl.stores.signing import SigningKey
from agent_repl.stores.sqlite import SqliteStore
from agent_repl_code.unit import digest, reached

from .strangers import Stranger


@dataclass(frozen=True)
class _Granting(SigningKey):
    """A key whose new rows are trusted in this place only."""

    codes: set[str] = field(default_factory=set)

    def seal(self, data: bytes) -> str:
        self.codes.add(code := self.trust(data))
        return code

    def verify(self, data: bytes, mac: str) -> bool:
        return self.trust(data) in self.codes or super().verify(data, mac)


def trust(home: Path, key: SigningKey, found: Iterable[Stranger]) -> list[str]:
    """Let these be loaded in this home while they are what they are; what module files hold serves as pinned.

    Gives a sentence for each method that serves now, or why none does; raises StoreError where nothing can be kept.
    """
    found = list(found)
    key = replace(key, trusted=key.trusted | {key.trust(each.data) for each in found})
    remember(key)
    SqliteStore(home, key).agents()  # a lost database is made again before new rows get codes of this place
    granting = _Granting(**vars(key))
    store = SqliteStore(home, granting)
    told = [line for each in found if each.path for line in _adopted(store, home, each)]
    remember(replace(key, trusted=key.trusted | granting.codes))
    return [*told, *store.notes]


def remember(key: SigningKey) -> None:
    """Write down what the key trusts in its place, for its owner only; raises StoreError where that cannot be kept."""
    if key.list is None:
        raise StoreError(key.note or "this key is kept nowhere, and so would be what you trust")
    try:
        key.list.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(key.list, json.dumps({"place": key.place, "codes": sorted(key.trusted)}), mode=0o600)
    except OSError as error:
        raise StoreError(f"{key.list} cannot be written ({error.strerror}): nothing is trusted.") from error


def _adopted(store: Store, home: Path, module: Stranger) -> Iterator[str]:
    """Make the methods of a module file heads that are pinned, as their author left them."""
    path = module.path or home
    template = _template(module.source, path.stem)
    if template is None:
        yield f"{path} holds no class {class_name(path.stem)} with a docstring: nothing in it serves"
        return
    if (name := store.claim(template, path.stem)) != path.stem:
        yield f"{path}: {path.stem} is another agent here, and this one is called {name}: nothing in it serves"
        return
    with suppress(OSError):  # whoever cannot write here is asked to look at it again
        replace_file(home / "seals" / f"{path.stem}.json", json.dumps({"mac": store.sign(module.data)}))
    known = store.entries(template)
    yield f"{name}: Agent({template!r}, name={name!r})"
    for name, unit in units(module.source, path.stem).items():
        wanted, entry = digest(unit, name), known.get(name)
        if not name.startswith("_") and not (entry and entry.pinned and entry.version.unit == wanted):
            source = _source(module.source, unit, name, wanted)
            version = Version(Key(template, name), source, wanted, "file", "trusted", verdict="accepted")
            store.put(Entry(store.add(version), (), pinned=True))
        yield f"{path.stem}.{name} serves from {path}"


def _template(source: str, label: str) -> str | None:
    """The words of an agent, which are the docstring of its class."""
    with suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        for node in ast.parse(source).body:
            if isinstance(node, ast.ClassDef) and node.name == class_name(label):
                return ast.get_docstring(node, clean=False)
    return None


def _source(text: str, unit: ast.Module, name: str, wanted: str) -> str:
    """A method with all that it reaches, as it stands in the file where that means the same alone."""
    lines = text.splitlines()
    future = [n for n in unit.body if isinstance(n, ast.ImportFrom) and n.module == "__future__"]
    method, *rest = reached(unit, name)
    parts = []
    for node in (*future, *sorted(rest, key=lambda node: node.lineno), method):
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        parts.append(textwrap.dedent("\n".join(lines[first - 1 : node.end_lineno])))
    source = "\n\n".join(parts) + "\n"
    with suppress(SyntaxError):
        if digest(ast.parse(source), name) == wanted:
            return source
    return ast.unparse(unit) + "\n"


def forget(key: SigningKey) -> bool:
    """Trust nothing of others in the key's place any more; whether anything was."""
    try:
        os.remove(key.list or "")
    except FileNotFoundError:
        return False
    return True
