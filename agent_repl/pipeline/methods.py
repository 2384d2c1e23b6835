"""The live side of one identity: its class, and its head versions made runnable."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from ..flow import Option, options
from ..modules import namespace
from ..protocols import Executor, Place, Store
from ..records import Code, Entry, Guard, Key, Tier, Version
from ..signature import file_mark, signature
from ..signature.guards import Seen, binder, fits, parameter_names, premises
from ..signature.options import signer
from ..validate import recall
from .undo import can_change

OPENS = frozenset({"reads", "unknown"})


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
        self.deferred = any(
            test(self.function)
            for test in (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
        )
        self.hits, self.ripens = 0, not self.deferred  # until it is known that it can never be a plain function

    @cached_property
    def opens(self) -> bool:
        """Whether the code opens files, so that what is in them is part of its guard."""
        return any(effect.kind in OPENS for effect in self.code.effects)


@dataclass(frozen=True)
class Needs:
    """What a method can depend on and change, through the methods that it calls too.

    They are those of `head` and of no other version. `options` say the signature of the state that is compared with
    constants. `served` remembers calls that fit it, by all that they can depend on: whether there is anything to undo
    when such a call raises.
    """

    head: Method | None
    reads: tuple[str, ...]
    binds: frozenset[str]
    dynamic: bool
    opens: bool
    options: Mapping[str, Callable[[Any], str]]
    served: dict[Seen, bool] = field(default_factory=dict)


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
        self.word = -1
        self._lock = threading.RLock()
        self._crystals: list[tuple[Method, Callable[..., Any]]] = []
        self._entries: dict[str, Entry] = {}
        self._needs: dict[str, Needs] = {}
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
            self._changed()
            self.word = word

    def _changed(self) -> None:
        """What a method can depend on is found again, and crystallized functions leave the class until then."""
        with self._lock:
            self._needs = {}
            while self._crystals:
                method, function = self._crystals.pop()
                if vars(self.live).get(method.code.name) is function:
                    delattr(self.live, method.code.name)
                    method.tier = "CACHED"

    def crystallize(self, needs: Needs, function: Callable[..., Any]) -> None:
        """Put a function on the class in place of the head of these needs; nothing is done when they have changed."""
        with self._lock:
            method = needs.head
            if method is not None and self._needs.get(method.code.name) is needs:
                setattr(self.live, method.code.name, function)
                self._crystals.append((method, function))
                method.tier = "CRYSTALLIZED"

    def names(self) -> list[str]:
        """Every method that has a head, in the order of first acceptance."""
        return list(dict.fromkeys([*self._entries, *self.methods]))

    def entries(self) -> list[Entry]:
        """The heads as they are kept; nothing is compiled."""
        return [self.methods[n].entry if n in self.methods else self._entries[n] for n in self.names()]

    def find(self, name: str) -> Method | None:
        """The head of that name, compiled when it is first wanted."""
        method = self.methods.get(name)
        if method is None and (entry := self._entries.get(name)) is not None:
            code = recall(entry.version.source, name, entry.version.unit)
            found = Method(entry, code, self._function(entry, code), "PINNED" if entry.pinned else "CACHED")
            method = self.methods.setdefault(name, found)
        return method

    def install(self, entry: Entry, code: Code, tier: Tier) -> Method:
        """Compile accepted code and make it the head in this process."""
        method = Method(entry, code, self._function(entry, code), tier)
        self.methods[code.name] = method
        self._changed()
        return method

    def _function(self, entry: Entry, code: Code) -> Callable[..., Any]:
        file = self.store.source_file(entry.version)
        filename = str(file) if file else f"<{self.label}.{code.name} v{entry.version.number}>"
        scope = namespace(f"agent_written.{self.label}", filename, code.source, code.calls)
        function = self.executor.define(code, filename, scope)
        function.__qualname__ = f"{self.label}.{code.name}"
        return function

    def put(self, name: str, entry: Entry) -> None:
        """The same head with a changed entry."""
        self._entries[name] = self.methods[name].entry = entry
        self._changed()

    def forget(self, name: str) -> None:
        """The method is as if it had never been called."""
        self.methods.pop(name, None)
        self._entries.pop(name, None)
        self._changed()

    def needs(self, name: str) -> Needs:
        """What the head can depend on, followed through siblings; found again when any method has changed."""
        known = self._needs  # a change puts another dict in its place: what is found meanwhile is not remembered
        if name not in known:
            known[name] = self._gather(name)
        return known[name]

    def _gather(self, name: str) -> Needs:
        reads: set[str] = set()
        binds: set[str] = set()
        options: dict[str, Option] = {}
        dynamic = opens = False
        head = self.find(name)
        waiting, seen = [name], set()
        while waiting:
            current = waiting.pop()
            method = None if current in seen else self.find(current)
            seen.add(current)
            if method is not None:
                reads |= method.code.reads
                binds |= method.code.binds
                dynamic |= method.code.dynamic
                opens |= method.opens
                for path, option in method.options.items():
                    options[path] = options.get(path, option) | option
                waiting += method.code.calls
        say = {path[5:]: signer(option) for path, option in options.items() if path.startswith("self.")}
        return Needs(head, tuple(sorted(reads - set(self.names()))), frozenset(binds), dynamic, opens, say)

    def premises(self, name: str, place: Place, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Guard:
        """What the head would depend on in this call; raises TypeError when the call does not bind."""
        method, needs = self.methods[name], self.needs(name)
        return premises(method.parameters, needs.reads, _seen(method, needs, place, args, kwargs))

    def served(self, method: Method, place: Place, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool | None:
        """None where the head is not known to fit this call; else whether there is anything to undo when it raises.

        A method that another thread has just replaced fits nothing.
        """
        needs = self._needs.get(method.code.name) or self.needs(method.code.name)
        if needs.head is not method:
            return None
        try:
            seen = _seen(method, needs, place, args, kwargs)
        except TypeError:
            return None
        found = needs.served.get(seen)
        if found is None and fits(method.entry.guards, premises(method.parameters, needs.reads, seen)):
            undoable = bool(needs.binds) or needs.dynamic or can_change(kind.partition(" ")[0] for _, kind in seen[1])
            found = needs.served[seen] = undoable
        return found

    def widen(self, name: str, premises: Guard) -> Entry:
        """The head's entry with one more guard; the newest come first, since the next call is like the last."""
        entry = self.methods[name].entry
        guards = (premises, *(g for g in entry.guards if g != premises))
        return replace(entry, guards=guards[:64], runs=entry.runs + 1)

    def key(self, name: str) -> Key:
        """Where the store keeps a method of this identity."""
        return Key(self.template, name)


def _seen(method: Method, needs: Needs, place: Place, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Seen:
    """What the method can depend on in this call; raises TypeError when the call does not bind."""
    arguments = method.signatures(*args, **kwargs) if kwargs else method.signatures(*args)
    kinds = place.kinds(needs.reads) | (place.kinds() if needs.dynamic else {})
    for name, say in needs.options.items():
        if name in kinds:
            kinds[name] = say(place.look(name))
    files: tuple[str, ...] = ()
    if needs.opens:
        files = tuple(map(file_mark, (*method.bind(None, *args, **kwargs), *map(place.look, kinds))))
    if place.wraps is not None:
        kinds[""] = signature(place.wraps)
    return arguments, tuple(kinds.items()), files
