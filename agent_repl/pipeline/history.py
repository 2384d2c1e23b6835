"""Decisions taken back, or over: an earlier version is the head again; new words go on with what the old ones had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

from ..errors import AgentError
from ..protocols import Store
from ..records import Entry, Key, Version
from .methods import Identity
from .pinning import pin


def rollback(identity: Identity, name: str, number: int, state: Mapping[str, Any]) -> Entry:
    """Make version `number` the head again, for the calls that it was accepted for; raises AgentError."""
    past = [entry for entry in identity.store.heads(identity.key(name)) if entry.version.number == number]
    if not past:
        raise AgentError(
            f"{identity.label}.{name} never served its version {number}: only a version that was accepted, and whose "
            f"answer was had, can be brought back; revise shows any other one in a review"
        )
    current = identity.find(name)
    return make_head(identity, replace(past[-1], pinned=bool(current and current.entry.pinned)), state)


def undo(identity: Identity, name: str, state: Mapping[str, Any], steps: int = 1) -> Entry | None:
    """Take back the last decisions about a method; None when nothing stood before them. Raises AgentError."""
    heads = identity.store.heads(identity.key(name))
    past: list[Entry | None] = [None]
    past += [h for before, h in pairwise((None, *heads)) if h and (before is None or _decided(h) != _decided(before))]
    now, ahead = identity.find(name), accepted_ahead(identity, name)
    past += [now.entry if now else None] * bool(ahead or (now is None and len(past) > 1))
    if not 0 < steps < len(past):
        raise AgentError(f"{identity.label}.{name}: {len(past) - 1} decisions can be taken back, not {steps}")
    if ahead:
        identity.store.judge(ahead, "rejected")
    if (entry := past[-1 - steps]) is not None:
        return make_head(identity, entry, state)
    if past[-1] is not None and past[-1].pinned:
        pin(identity, name, state, pinned=False)
    identity.store.drop(identity.key(name))
    identity.forget(name)
    return None


def accepted_ahead(identity: Identity, name: str) -> Version | None:
    """The newest version, where it was accepted for a call that has not been made."""
    key = identity.key(name)
    served = {head.version.number for head in identity.store.heads(key)}
    newest = identity.store.versions(key)[-1:]
    return next((v for v in newest if v.verdict == "accepted" and v.number not in served), None)


def inherit(store: Store, old: str, new: str, name: str) -> None:
    """Let a reworded identity have the name and the methods of its old words; nothing of the old one is removed."""
    store.claim(new, name, shared=True)
    for entry in store.entries(old).values():
        version = replace(entry.version, key=Key(new, entry.version.key.name), reason=f"from {old!r}", parents=())
        store.put(replace(entry, version=store.judge(store.add(version), "accepted")))


def _decided(entry: Entry) -> tuple[Any, ...]:
    return entry.version.number, entry.guards, entry.pinned


def make_head(identity: Identity, entry: Entry, state: Mapping[str, Any]) -> Entry:
    """Make a past head the head again, pinned if it was."""
    name = entry.version.key.name
    current = identity.find(name)
    identity.store.put(entry)
    identity.forget(name)
    identity.refresh()
    if entry.pinned or (current and current.entry.pinned):
        pin(identity, name, state, pinned=entry.pinned)
    return entry
