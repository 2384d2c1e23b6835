"""Pinned methods: written into the class file of their identity, and bound from it as plain functions."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent_repl_code.unit import digest

from ..atomic import replace_file
from ..errors import ModuleError, StoreError
from ..modules import Part, class_name, load_class, render, units
from ..records import Entry
from .methods import Identity

_UNSET = object()


def pin(identity: Identity, name: str, state: Mapping[str, Any], pinned: bool = True) -> Path:
    """Put the head of a method into the class file, bind it, and remember that it is pinned; raises ModuleError.

    With `pinned` false it is taken out: it is served from the store again, with its guards.
    """
    path, _ = _ours(identity)
    identity.refresh()  # another process may have pinned since
    method = identity.find(name)
    if method is None:
        raise ModuleError(f"{identity.label}.{name} has no accepted code yet: call it first")
    if (claimed := identity.store.claim(identity.template, identity.label)) != identity.label:
        taken = f"{identity.label} became another agent's name meanwhile"
        raise ModuleError(f"{taken}: this one is {claimed!r} from the next session on")
    rest = [entry for entry in identity.pinned() if entry.version.key.name != name]
    write_class(identity, path, [*rest, *([method.entry] if pinned else [])], state)
    method.tier = "PINNED" if pinned else "CACHED"
    entry = replace(method.entry, pinned=pinned)
    identity.put(name, entry)
    identity.store.put(entry)
    bind(identity)
    return path


def sync(identity: Identity) -> None:
    """Take over what any process has decided since this identity last looked, pinned methods too."""
    with suppress(StoreError):  # what cannot be read now is looked for at the next call
        if identity.word != identity.store.generation.word[0]:
            identity.refresh()
    if identity.bound != [entry.version for entry in identity.pinned()]:
        bind(identity)


def bind(identity: Identity) -> None:
    """Make pinned methods real functions of the live class: from the class file where it is as we left it.

    Otherwise from the store, which keeps the last good version of each; the store's notes say why.
    """
    entries = identity.pinned()
    identity.bound = [entry.version for entry in entries]
    for name in [n for n in vars(identity.live) if not n.startswith("_")]:
        delattr(identity.live, name)
    identity.live.__bases__ = (identity.base,)
    if not entries:
        return
    try:
        identity.live.__bases__ = (_loaded(identity, entries), identity.base)
    except ModuleError as error:
        identity.store.notes.append(f"{error}; the last accepted versions serve")
        for method in filter(None, (identity.find(entry.version.key.name) for entry in entries)):
            setattr(identity.live, method.code.name, method.function)


def _loaded(identity: Identity, entries: list[Entry]) -> type:
    path, source = _ours(identity)
    if source is None:
        raise ModuleError(f"{path} is not there any more")
    found = units(source, identity.label)
    for name, unit in ((entry.version.key.name, entry.version.unit) for entry in entries):
        if name not in found or digest(found[name], name) != unit:
            raise ModuleError(f"{path}: {name} is not the version that was pinned")
    methods = filter(None, (identity.find(entry.version.key.name) for entry in entries))
    calls = frozenset().union(*(method.code.calls for method in methods))
    return load_class(path, source, identity.label, class_name(identity.label), calls)


def write_class(identity: Identity, path: Path, entries: list[Entry], state: Mapping[str, Any]) -> None:
    """Write the class file atomically, with a signature beside the store; no entries, no file."""
    if not entries:
        path.unlink(missing_ok=True)
        return
    parts = {e.version.key.name: Part(e.version.key.name, e.version.source) for e in entries}
    text = render(identity.label, identity.template, parts.values(), constructor_state(identity, parts, state))
    try:
        replace_file(path, text)
        replace_file(_seal(identity, path), json.dumps({"mac": identity.store.sign(_sealed(path, text))}))
    except OSError as error:
        raise ModuleError(f"{path} cannot be written: {error}") from error


def constructor_state(identity: Identity, names: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
    """What a constructor must be given: state that the methods read and none of them makes, and the template's.

    What a method sets without reading it, or after asking whether it is there, is made; `self.total += n` is not that.
    """
    needs, codes = [identity.needs(name) for name in names], [identity.methods[name].code for name in names]
    reads, binds = (frozenset().union(*(getattr(n, of) for n in needs)) for of in ("reads", "binds"))
    asked = {name for code in codes for name in _asked(code.tree)}
    wanted = reads - (binds & asked).union(*(code.binds - code.reads for code in codes))
    first = [n for n in state if n in wanted or f"{{{n}}}" in identity.template]
    return {name: state.get(name, _UNSET) for name in dict.fromkeys([*first, *sorted(wanted - asked)])}


def _asked(tree: ast.Module) -> set[str]:
    """The names of state which code asks for, since they may not be there."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and len(node.args) > 1]
    named = [call.args[1] for call in calls if ast.unparse(call.func) in ("hasattr", "getattr")]
    return {str(node.value) for node in named if isinstance(node, ast.Constant)}


def _seal(identity: Identity, path: Path) -> Path:
    return path.parent.parent / "seals" / f"{identity.label}.json"


def _sealed(path: Path, text: str) -> bytes:
    return f"module {path.name} {hashlib.sha256(text.encode()).hexdigest()}".encode()


def _ours(identity: Identity) -> tuple[Path, str | None]:
    """The class file and its text, None where there is none; one that we did not write is named and left as it is."""
    if identity.store.home is None:
        raise ModuleError("nothing can be pinned here: there is no place on disk for it (set AGENT_REPL_HOME)")
    path = identity.store.home / "modules" / f"{identity.label}.py"
    try:
        text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else None
    except OSError as error:
        raise ModuleError(f"{path} cannot be read: {error}") from error
    mac = None
    with suppress(OSError, ValueError, KeyError, TypeError):
        mac = json.loads(_seal(identity, path).read_text(encoding="utf-8"))["mac"]
    if text is not None and mac != identity.store.sign(_sealed(path, text)):
        raise ModuleError(f"{path} was changed outside agent_repl, or is not yours; it is left as it is")
    return path, text
