"""What there is to say of an ordinary class: to the model, and to the checks that code must pass."""

from __future__ import annotations

import dis
import inspect
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Any

from agent_repl.control import described
from agent_repl.errors import AgentError
from agent_repl.pipeline.case import ANY_CALL
from agent_repl.prompts import Request, describe_object
from agent_repl.shape import Shaped

WHOSE = {"instance": "all objects of", "singleton": "this one object of", "class": "the class itself:"}
"""The scopes in words."""


@dataclass(frozen=True)
class Subject:
    """Who is to have methods: the class, what was named (it, or an object of it), and the scope."""

    cls: type
    named: Any
    scope: str

    @property
    def label(self) -> str:
        """What a person calls it."""
        return self.cls.__name__

    @property
    def identity(self) -> str:
        """Under what the store keeps what is written for it."""
        part = {"singleton": ", one object", "class": ", itself"}.get(self.scope, "")
        return f"class {self.cls.__module__}.{self.cls.__qualname__}{part}"

    def suited(self, method: Shaped) -> Shaped:
        """The method as it can be in this scope; raises AgentError for a name that is taken."""
        name, kind = method.name, method.kind
        if name in self.attributes and not (kind == "property" and isinstance(self.members.get(name), property)):
            raise AgentError(f"{name} is an attribute of {self.label}: say in your words what to call the method")
        if self.scope == "class" and kind != "staticmethod":
            return replace(method, kind="classmethod")
        return replace(method, kind="method") if self.scope == "singleton" and kind == "property" else method

    @property
    def own(self) -> Mapping[str, Any]:
        """What the object has for itself."""
        return {} if self.named is self.cls else getattr(self.named, "__dict__", {})

    @property
    def members(self) -> dict[str, Any]:
        """What its classes define, as they keep it, and what was described for this object alone."""
        found = {n: v for base in reversed(self.cls.__mro__[:-1]) for n, v in vars(base).items()}
        found |= {n: v for n, v in self.own.items() if described(v)}
        return {n: v for n, v in found.items() if n[:2] != "__" and n[:12] != "_agent_repl_"}

    @property
    def methods(self) -> dict[str, Any]:
        """Those of the members that are called."""
        kinds = (FunctionType, staticmethod, classmethod)
        return {n: v for n, v in self.members.items() if isinstance(v, kinds) or (described(v) and n in self.own)}

    @property
    def values(self) -> dict[str, Any]:
        """Attributes whose values can be had without running any code."""
        found = {n: v for n, v in self.members.items() if not hasattr(type(v), "__get__")}
        return found if self.scope == "class" else found | {n: v for n, v in self.own.items() if not described(v)}

    @property
    def attributes(self) -> frozenset[str]:
        """All names that are no methods, and "*" where anything may be there."""
        found = {*self.values, *["*"] * hasattr(self.cls, "__getattr__")}
        found |= set() if self.scope == "class" else {*self.members, *_set_by(self.cls)}
        return frozenset(found - self.methods.keys())


def _set_by(cls: type) -> list[str]:
    """What objects are given by the methods of their class."""
    functions = [value for base in cls.__mro__[:-1] for value in vars(base).values() if inspect.isfunction(value)]
    return [step.argval for each in functions for step in dis.get_instructions(each) if step.opname == "STORE_ATTR"]


def kind_of(source: str, name: str) -> str:
    """The kind of a method as its source shows it."""
    found = re.search(rf"(?m)^(?:@(property|classmethod|staticmethod)\n)?(async )?def {name}\b", source)
    return "async" if found and found[2] else (found and found[1]) or "method"


def request_for(subject: Subject, samples: bool, method: Shaped | None = None) -> Request:
    """What the writer is told: the class, its attributes and methods, and of one of these what it is to be."""
    name, kind = (method.name, method.kind) if method else ("", "")
    stubs = {n: _stub(n, v) for n, v in subject.methods.items() if n[0] != "_" and n != name}
    told = describe_object(subject.label, _said_of(subject), subject.values, stubs, samples)
    others = [f"self.{n}" for n in sorted(subject.attributes - subject.values.keys() - {"*"})]
    texts, names = (*told.state, *(f"{n}: there, with a value of its own" for n in others)), (*told.names, *others)
    if subject.scope == "class":
        texts, names = (tuple(re.sub(r"\Aself\b", "cls", text) for text in each) for each in (texts, names))
    told = replace(told, state=texts, names=names, made=False, premises=(ANY_CALL, *told.premises))
    if method is None:
        return replace(told, parameters="self, ...")
    marked = f"It is a {kind}: write `@{kind}` on the line above its def." if kind not in ("method", "async") else ""
    again = f"There is a {name} already: super().{name} is that one." if name in subject.members else ""
    form = ("It is awaited: write `async def`." if kind == "async" else marked, again)
    first = {"classmethod": "cls", "staticmethod": ""}.get(kind, "self")
    parameters = ", ".join(filter(None, (first, method.parameters)))
    return replace(told, name=name, parameters=parameters, arguments=tuple(filter(None, form)))


def _said_of(subject: Subject) -> str:
    bases = ", ".join(base.__name__ for base in subject.cls.__bases__ if base is not object)
    doc = (vars(subject.cls).get("__doc__") or "no more is said of it").strip().partition("\n\n")[0]
    about = f"an object of the class {subject.label}{f', which inherits from {bases}' if bases else ''}: {doc}"
    return f"{about}\nWhat you write is for {WHOSE[subject.scope]} {subject.label}."


def _stub(name: str, value: Any) -> str:
    """A written method's source, else the head of a method with the first line of its docstring."""
    if found := described(value):
        return found.version.source
    function, parameters = getattr(value, "__func__", value), "(...)"
    with suppress(ValueError, TypeError):
        parameters = str(inspect.signature(function))
    mark = "" if function is value else f"@{type(value).__name__}\n"
    word = "async def" if inspect.iscoroutinefunction(function) else "def"
    doc = (inspect.getdoc(function) or "").partition("\n")[0]
    return f"{mark}{word} {name}{parameters}:\n    {repr(doc) if doc else '...'}\n"
