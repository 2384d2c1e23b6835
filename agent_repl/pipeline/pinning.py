"""Pinned methods: written into the class file of their identity, and bound from it as plain functions."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent_repl_code.page import Misfit, Page, read

from ..atomic import replace_file
from ..errors import ModuleError, StoreError
from ..modules import Part, class_name, load_class, placed, render
from ..records import Entry
from .methods import Identity

_UNSET = object()
_TICK = 50_000_000  # ns: no clock of a file system is coarser, of those that have ns


def pin(identity: Identity, name: str, state: Mapping[str, Any], pinned: bool = True) -> Path:
    """Put the head of a method into the class file, bind it, and remember that it is pinned; raises ModuleError.

    With `pinned` false it is taken out: it is served from the store again, with its guards. What else a person wrote
    into the file stays as it is.
    """
    with only(identity):
        path, text = _ours(identity)
        identity.refresh()  # another process may have pinned since
        method = identity.find(name)
        if method is None:
            raise ModuleError(f"{identity.label}.{name} has no accepted code yet: call it first")
        if (claimed := identity.store.claim(identity.template, identity.label)) != identity.label:
            taken = f"{identity.label} became another agent's name meanwhile"
            raise ModuleError(f"{taken}: this one is {claimed!r} from the next session on")
        rest = [entry for entry in identity.pinned() if entry.version.key.name != name]
        entries = [*rest, *([method.entry] if pinned else [])]
        if text is None or _sealed_text(identity, path, text) == (hashed(text), True):
            write_class(identity, path, entries, state)
        else:
            _write(identity, path, _changed(identity, path, text, name, pinned), entries)
        method.tier = "PINNED" if pinned else "CACHED"
        entry = replace(method.entry, pinned=pinned)
        identity.put(name, entry)
        identity.store.put(entry)
    bind(identity)
    return path


def only(identity: Identity) -> AbstractContextManager[None]:
    """No other process changes the class file, or what it says of itself in the store, until this ends."""
    return identity.store.lock(identity.template, f"{identity.label}.py")


def _changed(identity: Identity, path: Path, text: str, name: str, pinned: bool) -> str:
    """A text that a person has edited, with the head of this method or without it; raises ModuleError."""
    page = page_of(identity, path, text)
    known = {version.unit for version in identity.store.versions(identity.key(name))}
    if page.digests.get(name, "") not in known | {""}:
        raise ModuleError(f"{path}: {name} was edited on disk, and nobody has looked at that yet: %agent review")
    try:
        if pinned and (method := identity.find(name)):
            return placed(page, Part(name, method.entry.version.source))
        return page.without(name) if name in page.digests else text
    except (Misfit, ModuleError) as error:
        raise ModuleError(f"{path}: {error}") from error


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
    there: list[str] = []
    bases: tuple[type, ...] = (identity.base,)
    try:
        if entries and identity.executor.name == "inline":  # elsewhere nothing of the file is run here
            made, there = _loaded(identity, entries)
            bases = (made, identity.base)
    except ModuleError as error:
        identity.store.notes.append(f"{error}; the last accepted versions serve")
    methods = [identity.find(entry.version.key.name) for entry in entries if entry.version.key.name not in there]
    identity.live.__bases__ = bases
    for name in [n for n in vars(identity.live) if not n.startswith(("__", "_agent_repl_"))]:
        delattr(identity.live, name)
    for method in filter(None, methods):
        setattr(identity.live, method.code.name, method.function)


def _loaded(identity: Identity, entries: list[Entry]) -> tuple[type, list[str]]:
    """The class in the file with those methods in it that are as they were accepted, and their names."""
    path, text = _ours(identity)
    identity.loaded = hashed(text or "")
    if text is None:
        raise ModuleError(f"{path} is not there any more")
    page = page_of(identity, path, text)
    names = [n for e in entries if page.digests.get(n := e.version.key.name) == e.version.unit]
    calls = frozenset().union(*(method.code.calls for name in names if (method := identity.find(name))))
    return load_class(path, text, identity.label, page.owner.name, calls, page.runnable(names)), names


def page_of(identity: Identity, path: Path, text: str) -> Page:
    """The class file as it is read; raises ModuleError, which names the file and the line."""
    try:
        return read(text, class_name(identity.label))
    except Misfit as error:
        raise ModuleError(f"{path}, {error}") from error


def current(identity: Identity) -> Page | None:
    """The class file, if it is not as it was at the last look: one `stat` where nothing was changed.

    None also where there is no file. Raises ModuleError for one that is not this user's or cannot be read.
    """
    mark, identity.mark = identity.mark, _mark(identity)
    if mark == identity.mark != () or not (identity.pinned() or _path(identity).exists()):
        return None
    with only(identity):
        path, text = _ours(identity)
        identity.refresh()  # what stands in the file and what in the store belong together here
    looked, identity.looked = identity.looked, hashed(text or "")
    if looked == identity.looked:
        return None
    if text is None and identity.pinned():
        raise ModuleError(f"{path} is not there any more")
    return None if text is None else page_of(identity, path, text)


def _mark(identity: Identity) -> tuple[int, ...]:
    try:
        found = os.stat(_path(identity))
    except OSError:
        return (0,)
    # What was changed a moment ago may change once more without another time.
    return (found.st_mtime_ns, found.st_size, found.st_ino) if time.time_ns() - found.st_mtime_ns > _TICK else ()


def settle(identity: Identity) -> None:
    """Bind the class file as it is now, and seal it where all that it defines was accepted."""
    with only(identity):
        path, text = _ours(identity)
        if text is not None and _sealed_text(identity, path, text)[0] != hashed(text):
            _seal_if_accepted(identity, path, text, identity.pinned(), made=False)
    if identity.loaded != identity.looked:
        bind(identity)


def write_class(identity: Identity, path: Path, entries: list[Entry], state: Mapping[str, Any]) -> None:
    """Write the class file anew; no entries, no file."""
    if not entries:
        path.unlink(missing_ok=True)
        return
    parts = {e.version.key.name: Part(e.version.key.name, e.version.source) for e in entries}
    text = render(identity.label, identity.template, parts.values(), constructor_state(identity, parts, state))
    _write(identity, path, text, entries, made=True)


def _write(identity: Identity, path: Path, text: str, entries: list[Entry], made: bool = False) -> None:
    """Write the class file atomically, and before it a signature beside the store."""
    try:
        _seal_if_accepted(identity, path, text, entries, made)
        replace_file(path, text)
    except OSError as error:
        raise ModuleError(f"{path} cannot be written: {error}") from error
    identity.looked, identity.mark = hashed(text), ()


def _seal_if_accepted(identity: Identity, path: Path, text: str, entries: list[Entry], made: bool) -> None:
    found = {entry.version.key.name: entry.version.unit for entry in entries}
    if made or page_of(identity, path, text).digests == found:
        seal = {"mac": identity.store.sign(_sealed(path, text)), "sha": hashed(text), "made": made}
        replace_file(_seal(identity, path), json.dumps(seal))


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


def hashed(text: str) -> str:
    """The hash of a text's bytes."""
    return hashlib.sha256(text.encode()).hexdigest()


def _path(identity: Identity) -> Path:
    if identity.store.home is None:
        raise ModuleError("nothing can be pinned here: there is no place on disk for it (set AGENT_REPL_HOME)")
    return identity.store.home / "modules" / f"{identity.label}.py"


def _seal(identity: Identity, path: Path) -> Path:
    return path.parent.parent / "seals" / f"{identity.label}.json"


def _sealed(path: Path, text: str) -> bytes:
    return f"module {path.name} {hashed(text)}".encode()


def _sealed_text(identity: Identity, path: Path, text: str) -> tuple[str, bool]:
    """The hash of the text that was last accepted here, if any, and whether we made all of it; now it is `text`."""
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        seal = json.loads(_seal(identity, path).read_text(encoding="utf-8"))
        sha = seal.get("sha", hashed(text))
        if identity.store.verify(f"module {path.name} {sha}".encode(), seal["mac"]):
            return sha, bool(seal.get("made", True))
    return (hashed(text), False) if identity.store.verify(_sealed(path, text), "") else ("", False)


signed_bytes = _sealed  # of a module file, for whoever trusts it


def _ours(identity: Identity) -> tuple[Path, str | None]:
    """The class file and its text, byte for byte, None where there is none.

    Also one that was edited since we wrote it. One that we never wrote and nobody trusts is named and left as it is.
    """
    path = _path(identity)
    if not path.resolve().is_relative_to(path.parent.parent.resolve()):
        raise ModuleError(f"{path} is a symbolic link out of this home: put the file itself there; it is left as it is")
    try:
        text = path.read_bytes().decode() if path.exists() else None
    except (OSError, UnicodeError) as error:
        raise ModuleError(f"{path} cannot be read: {error}") from error
    if text is not None and not _sealed_text(identity, path, text)[0]:
        why = f"{path} was written outside agent_repl, or is not yours; it is left as it is"
        raise ModuleError(f"{why} (agent-repl trust shows it, and lets it be loaded)")
    return path, text
