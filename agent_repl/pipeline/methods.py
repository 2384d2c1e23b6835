"""The live side of one identity: its class, and its head versions made runnable."""

from __future__ import annotations

import ast
import inspect
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from agent_repl_code.flow import Option, keys, options

from ..modules import findable, unit_scope
from ..protocols import Executor, Place, Store
from ..records import Code, Entry, Guard, Key, Premise, Tier, Version
from ..signature import by_keys, mark_for, signature
from ..signature.guards import Seen, binder, fits, parameter_names, premises
from ..signature.options import signer
from ..validate import recall
from .undo import FIXED

OPENS = frozenset({"reads", "writes", "unknown"})
_DEFERRED = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
_NAMES_FILE = re.compile(r"[^\n]*(\.\w+|/[^\n]*)")


@dataclass
class Method:
    """A head version with its function. `tier` is what a call to it is said to be."""

    entry: Entry
    code: Code
    function: Callable[..., Any]
    tier: Tier = "CACHED"

    def __post_init__(self) -> None:
        self.kept = self.tier not in ("NEW", "CHANGED")  # else the store does not hold it, or not for this call
        self.parameters = parameter_names(self.function)
        self.bind = binder(self.function)
        self.options = options(self.code.tree, self.code.name)
        special = {path: signer(option) for path, option in self.options.items() if path in self.parameters}
        self.signatures = binder(self.function, signature, special)
        self.deferred = any(is_one(self.function) for is_one in _DEFERRED)
        self.hits = 0
        self.runs = 0  # in this process, through the pipeline
        self.reviewed: bool | None = None  # whether a reviewer saw it; None of code that was accepted before
        self.opens = any(effect.kind in OPENS for effect in self.code.effects)  # what is in files is part of its guard
        constants = {n.value for n in ast.walk(self.code.tree) if isinstance(n, ast.Constant)} if self.opens else set()
        self.texts = frozenset(text for text in constants if type(text) is str and _NAMES_FILE.fullmatch(text))


@dataclass(frozen=True)
class Needs:
    """What a method can depend on and change, through the methods that it calls too.

    They are those of `head` and of no other version. `texts` are in the code and may name files. `tables` is the code
    that reads them by helpers. `options` say the
    signature of the state that is compared with constants; `keys` are asked of records, None where any may be. `served`
    remembers calls that fit it, by all that they can depend on: whether there is anything to undo when one raises.
    """

    head: Method | None
    reads: tuple[str, ...]
    binds: frozenset[str]
    dynamic: bool
    opens: bool
    texts: frozenset[str]
    tables: str
    options: Mapping[str, Callable[[Any], str]]
    keys: frozenset[str] | None
    served: dict[Seen, bool] = field(default_factory=dict)


Quick = tuple[Callable[[Any, tuple[Any, ...]], bool], Method, Callable[..., Any] | None]
"""Whether a head surely fits an agent and positional arguments; that head; the function that stands on the class."""


class Identity:
    """What all agents of one identity share in a session: the class, the heads, their functions."""

    def __init__(self, template: str, label: str, store: Store, executor: Executor) -> None:
        self.template = template
        self.label = label
        self.store, self.generation = store, store.generation
        self.executor = executor
        self.base: type = object
        self.live: type = object
        self.handle: Callable[..., Any] = Method  # what reading a name of an agent gives, from the agent's class
        self.methods: dict[str, Method] = {}
        self.last: tuple[str, tuple[Any, ...], Mapping[str, Any], Any, bool] | None = None
        self.bound: list[Version] = []
        self.mark: tuple[int, ...] = ()  # of the class file, when it was last looked at,
        self.looked = self.loaded = ""  # the hash of its text then, and of the text that the class came from
        self.word = -1
        self._lock = threading.RLock()
        self.quick: dict[str, Quick] = {}
        self._entries: dict[str, Entry] = {}
        self._needs: dict[str, Needs] = {}
        self._older: dict[str, list[tuple[Method, Needs]]] = {}
        self.refresh()

    def refresh(self) -> None:
        """Take over what other processes have accepted since."""
        with self._lock:
            word = self.store.generation.word[0]  # read first: what is decided meanwhile is found at the next look
            entries = self.store.entries(self.template)
            for name, method in list(self.methods.items()):
                stored, number = entries.get(name), method.entry.version.number
                if stored and stored.version.number == number:
                    if method.kept:
                        method.entry, method.tier = stored, "PINNED" if stored.pinned else "CACHED"
                elif method.kept or (stored and stored.version.number > number):
                    self.methods.pop(name)
            self._entries = entries
            self.changed()
            self.word = word

    def changed(self) -> None:
        """What a method can depend on is found again, and crystallized functions leave the class until then."""
        with self._lock:
            for name, (_, method, function) in self.quick.items():
                if function is not None and vars(self.live).get(name) is function:
                    delattr(self.live, name)
                    method.tier = "CACHED"
            self._needs, self._older, self.quick = {}, {}, {}

    def ripe(self, needs: Needs, quick: Quick) -> None:
        """From now on serve a head by what was compiled of its guards; nothing is done when its needs have changed.

        Agents that wrap inherit from the class, and what they wrap matters: beside them no function is put there.
        """
        fits, method, function = quick
        name = method.code.name
        with self._lock:
            if needs.head is not method or self._needs.get(name) is not needs:
                return
            self.quick[name] = fits, method, function = (fits, method, None if self.live.__subclasses__() else function)
            if function is not None:
                setattr(self.live, name, function)
                method.tier = "CRYSTALLIZED"

    def names(self) -> list[str]:
        """Every method that has a head, in the order of first acceptance."""
        return list(dict.fromkeys([*self._entries, *self.methods]))

    def pinned(self) -> list[Entry]:
        """The heads that a person pinned, in the order of first acceptance; nothing is compiled."""
        known = self._entries | {name: method.entry for name, method in self.methods.items()}
        return [entry for entry in known.values() if entry.pinned]

    def find(self, name: str) -> Method | None:
        """The head of that name, compiled when it is first wanted."""
        method = self.methods.get(name)
        if method is None and (entry := self._entries.get(name)) is not None:
            code = recall(entry.version.source, name, entry.version.unit)
            found = self._compiled(entry, code, "PINNED" if entry.pinned else "CACHED")
            method = self.methods.setdefault(name, found)
        return method

    def install(self, entry: Entry, code: Code, tier: Tier) -> Method:
        """Compile accepted code and make it the head in this process."""
        __tracebackhide__ = True
        method = self._compiled(entry, code, tier)
        method.runs = self.methods[code.name].runs if code.name in self.methods else 0
        self.methods[code.name] = method
        self.changed()
        return method

    def _compiled(self, entry: Entry, code: Code, tier: Tier) -> Method:
        __tracebackhide__ = True
        file = self.store.source_file(entry.version)
        filename = str(file) if file else f"<{self.label}.{code.name} v{entry.version.number}>"
        scope = unit_scope(self.label, filename, code)
        with findable(scope):
            function = self.executor.define(code, filename, scope)
        function.__qualname__ = f"{self.label}.{code.name}"
        return Method(entry, code, function, tier)

    def put(self, name: str, entry: Entry) -> None:
        """The same head with a changed entry."""
        self._entries[name] = self.methods[name].entry = entry
        self.changed()

    def forget(self, name: str) -> None:
        """The method is as if it had never been called."""
        self.methods.pop(name, None)
        self._entries.pop(name, None)
        self.changed()

    def needs(self, name: str) -> Needs:
        """What the head can depend on, followed through siblings; found again when any method has changed."""
        known = self._needs  # a change puts another dict in its place: what is found meanwhile is not remembered
        if name not in known:
            known[name] = self._gather(name)
        return known[name]

    def older(self, name: str) -> list[Method]:
        """What the head was written to extend, the newest first: each serves the calls that it was accepted for.

        A pinned head serves every call.
        """
        known = self._older  # as above
        if name not in known:
            known[name] = [(method, self._gather(name, method)) for method in self._extended(name)]
        return [method for method, _ in known[name]]

    def _extended(self, name: str) -> Iterator[Method]:
        method = self.find(name)
        versions = {version.number: version for version in self.store.versions(self.key(name))}
        entries = {entry.version.number: entry for entry in self.store.heads(self.key(name))}
        version = method.entry.version if method and not method.entry.pinned else None
        while version and version.parents and (before := versions.get(version.parents[0])):
            kept, mends = entries.get(before.number), version.reason.startswith("repairs: ")
            if version.reason == f"extends v{before.number}" and before.verdict == "accepted" and kept:
                yield self._compiled(kept, recall(before.source, name, before.unit), "CACHED")
            elif not mends or before.verdict != "failed":
                return  # somebody, or a failure, decided that the earlier code is not right
            version = before

    def needs_of(self, method: Method) -> Needs | None:
        """What this version can depend on: the head, or one of the `older`; None for any other."""
        head = self._needs.get(method.code.name) or self.needs(method.code.name)
        if head.head is method:
            return head
        return next((needs for older, needs in self._older.get(method.code.name, ()) if older is method), None)

    def _gather(self, name: str, itself: Method | None = None) -> Needs:
        names, methods, options = [name], list[Method](), dict[str, Option]()
        for each in names:  # which grows on the way
            if method := itself if itself and each == name else self.find(each):
                methods.append(method)
                names += method.code.calls - set(names)
                options |= {path: options.get(path, option) | option for path, option in method.options.items()}
        reads = frozenset().union(*(m.code.reads for m in methods)) - set(self.names())
        return Needs(
            itself or self.find(name),
            tuple(sorted(reads)),
            frozenset().union(*(m.code.binds for m in methods)),
            any(m.code.dynamic for m in methods),
            any(m.opens for m in methods),
            frozenset().union(*(m.texts for m in methods)),
            "\n".join(method.code.source for method in methods if "def _rows" in method.code.source),
            {path[5:]: signer(option) for path, option in options.items() if path.startswith("self.")},
            keys([method.code.tree for method in methods], names) if len(methods) == len(names) else None,
        )

    def premises(self, name: str, place: Place, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Guard:
        """What the head would depend on in this call; raises TypeError when the call does not bind."""
        method, needs = self.methods[name], self.needs(name)
        return _guard(method, needs, place, args, kwargs, _seen(method, needs, place, args, kwargs))

    def served(self, method: Method, place: Place, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool | None:
        """None where a version is not known to fit this call; else whether there is anything to undo when it raises.

        A method that another thread has just replaced fits nothing.
        """
        needs = self._needs.get(method.code.name)
        if needs is None or needs.head is not method:
            needs = self.needs_of(method)
        if needs is None:
            return None
        try:
            seen = _seen(method, needs, place, args, kwargs)
        except TypeError:
            return None
        found = needs.served.get(seen)
        if found is None and fits(method.entry.guards, _guard(method, needs, place, args, kwargs, seen)):
            fixed = FIXED.issuperset(kind.partition(" ")[0] for _, kind in seen[1])
            if len(needs.served) > 1000:  # of keys that are data there is no end
                needs.served.clear()
            found = needs.served[seen] = bool(needs.binds) or needs.dynamic or not fixed
        return found

    def widen(self, name: str, premises: Guard) -> Entry:
        """The head's entry with one more guard; the newest come first, since the next call is like the last."""
        entry = self.methods[name].entry
        guards = (premises, *(g for g in entry.guards if g != premises))
        return replace(entry, guards=guards[:64], runs=entry.runs + 1)

    def key(self, name: str) -> Key:
        """Where the store keeps a method of this identity."""
        return Key(self.template, name)


def _guard(method: Method, needs: Needs, place: Place, args: Any, kwargs: Mapping[str, Any], seen: Seen) -> Guard:
    """What was seen of a call, records by the keys that the code asks for, where no other code may look at them."""
    full = premises(method.parameters, needs.reads, seen)
    if needs.keys is None:
        return full
    values = dict(zip(method.parameters, method.bind(None, *args, **kwargs), strict=True))
    values |= {f"self.{name}": place.look(name) for name, _ in seen[1] if name}
    told = [Premise(path, by_keys(kind, values.get(path), needs.keys)) for path, kind in full]
    return tuple(told) if all(kind for _, kind in told) else full


def _seen(method: Method, needs: Needs, place: Place, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Seen:
    """What the method can depend on in this call; raises TypeError when the call does not bind."""
    arguments = method.signatures(*args, **kwargs) if kwargs else method.signatures(*args)
    kinds = place.kinds(needs.reads) | (place.kinds() if needs.dynamic else {})
    for name, say in needs.options.items():
        if name in kinds:
            kinds[name] = say(place.look(name))
    files: tuple[tuple[str, str], ...] = ()
    if needs.opens:
        named = dict(zip(method.parameters, method.bind(None, *args, **kwargs), strict=True))
        named |= {f"self.{name}": place.look(name) for name in kinds} | {repr(text): text for text in needs.texts}
        files = tuple((where, mark) for where, value in named.items() if (mark := mark_for(needs.tables, value)))
    if place.wraps is not None:
        kinds[""] = signature(place.wraps)
    return arguments, tuple(kinds.items()), files
