"""A class file that was changed on disk: noticed by its hash, checked, asked about, and kept as versions."""

from __future__ import annotations

from dataclasses import replace
from keyword import iskeyword
from typing import Any

from agent_repl_code.page import Misfit, Page
from agent_repl_code.unit import RESERVED

from ..errors import AgentError, ModuleError
from ..modules.classfile import refuse_mangled
from ..records import Code, Event, Spec, Version
from ..validate import checked
from .byhand import followed
from .case import ANY_CALL, Case, Draft, Workshop, case_for, spec_of
from .drafts import stored
from .examples import compared
from .ledger import Ledger
from .methods import Identity
from .pinning import current, settle, sync
from .policy import verdict_on

SERVES = "the last accepted version serves"


def look(shop: Workshop, identity: Identity) -> bool:
    """Take over what was decided elsewhere, and what a person changed in the class file; whether there was any of that.

    One `stat` where nothing was. What is wrong with the file is told, once, and never raised.
    """
    sync(identity)
    if shop.refuses or identity.store.home is None:
        return False
    told: list[str] = []
    try:
        page = current(identity)
        if page is None:
            return False
        known = {entry.version.key.name: entry.version.unit for entry in identity.pinned()}
        told += [_method(shop, identity, page, name) for name, unit in page.digests.items() if known.get(name) != unit]
        told += [_gone(identity, name) for name in identity.names() if name not in page.digests]
        settle(identity)
    except (AgentError, OSError) as error:
        told.append(f"{error}; {SERVES}")
    for text in filter(None, told):
        shop.reviewer.tell(Event("warning", text, identity.label))
    return True


def _method(shop: Workshop, identity: Identity, page: Page, name: str) -> str:
    """Propose a method that is not as it was pinned; what a person must know of it, "" for nothing."""
    where = f"{identity.label}.py, {name}"
    try:
        if name in RESERVED or iskeyword(name) or hasattr(identity.base, name):
            raise ModuleError("every agent has that name: give the method another one")
        case = _case(shop, identity, page, name)
        version, code = _version(case, page)
        if version.verdict == "rejected":
            return f"{where}: it was rejected, and the file is left as it is; {SERVES}"
        draft, diff = Draft(version, code, version.reason, version.note), compared(case, code)
        verdict = verdict_on(case, draft, diff)
        said = followed(case, version, code, diff, verdict)
        return "" if verdict.decision in ("accept", "auto", "pin") else f"{said}; {SERVES}"
    except (AgentError, Misfit) as error:
        return f"{where}: {error}\nThe file is left as it is; {SERVES}."


def _case(shop: Workshop, identity: Identity, page: Page, name: str) -> Case:
    agent: Any = object.__new__(identity.live)
    methods = frozenset({*page.digests, *identity.names()} - {name})
    held = Spec(name, state=frozenset({"*"}), methods=methods, made=False)  # what state there is, only agents know
    return replace(case_for(shop, identity, agent, name, (), {}, Ledger(), made=False), held=held)


def _version(case: Case, page: Page) -> tuple[Version, Code]:
    """The version that the file holds of a method: one that is known, or a new one."""
    refuse_mangled(page.units[case.name], case.name)
    source = page.source(case.name)
    code, head = checked(source, spec_of(case)), case.identity.find(case.name)
    known = [v for v in case.shop.store.versions(case.call.key) if v.source == source]
    reason, parents = ("edited on disk", (head.entry.version.number,)) if head else ("written on disk", ())
    fresh = Version(case.call.key, source, code.unit, "file", reason, parents=parents, premises=(ANY_CALL,))
    return known[-1] if known else stored(case, fresh), code


def _gone(identity: Identity, name: str) -> str:
    """Unpin a method that is no longer in the file; says so."""
    if (method := identity.find(name)) is None or not method.entry.pinned:
        return ""
    identity.put(name, entry := replace(method.entry, pinned=False))
    identity.store.put(entry)
    method.tier = "CACHED"
    return f"{identity.label}.{name} is no longer in {identity.label}.py: it is unpinned, and served from the store"
