"""The proxy: reading a name is free, calling it may cost."""

from __future__ import annotations

import dis
import inspect
import sys
from collections.abc import Callable, Mapping
from itertools import islice
from keyword import iskeyword
from types import CodeType, FrameType
from typing import Any, NoReturn

from .errors import AgentError, UnaskedCall
from .modules import class_name
from .modules.live import CALLS
from .pipeline import Workshop, fill, serve
from .pipeline.failures import is_library
from .pipeline.methods import Identity, Method
from .pipeline.pinning import bind
from .unit import RESERVED

default_session: Callable[[], Any] | None = None  # filled by `session`, which is above us

_TOOLS = frozenset({"IPython.core.completer", "IPython.core.guarded_eval", "IPython.core.oinspect", "rlcompleter"})
_DEBUGGERS = frozenset({"pdb", "IPython.core.debugger", "cmd"})


class Agent:
    """A named thing whose methods are written when they are first called.

    `Agent("CSV data analyst for {path}", path="sales.csv")`: the identity may hold `{names}` of the state; `name`
    is what its class and file are called; `session` defaults to the process's own. All other keywords are state.
    """

    __slots__ = ("__dict__", "__weakref__")
    _agent_repl_identity_: Identity
    _agent_repl_shop_: Workshop
    _agent_repl_label_ = "agent"

    def __new__(cls, identity: str, /, *, name: str | None = None, session: Any = None, **state: Any) -> Agent:
        if session is None:
            if default_session is None:
                raise AgentError("no session: import Agent from agent_repl, or pass session=open_session()")
            session = default_session()
        made: Agent = session.agent(identity, name=name, **state)
        return made

    def __getattr__(self, name: str) -> MethodHandle:
        identity = type(self)._agent_repl_identity_
        frame = sys._getframe(1)
        if name in identity.methods:
            return MethodHandle(self, name, frame.f_code)
        if name[:1] == "_" or name in RESERVED:
            raise AttributeError(f"{type(self).__name__!r} agent has no attribute {name!r}")
        calls = frame.f_globals.get(CALLS)
        if calls is None:
            return MethodHandle(self, name, frame.f_code)
        if identity.find(name) is not None or (name in calls and _calls(frame, name)):
            return MethodHandle(self, name)
        raise AttributeError(_absent(self, name), name=name, obj=self)

    def __dir__(self) -> list[str]:
        return list({*super().__dir__(), *type(self)._agent_repl_identity_.names()})

    def __repr__(self) -> str:
        identity = type(self)._agent_repl_identity_
        about = fill(identity.template, vars(self))
        known = ", ".join(identity.names()) or "no methods yet"
        return f"<agent {identity.label}: {about} · {known}>"

    def getdoc(self) -> str:
        """What IPython's `?` shows."""
        identity = type(self)._agent_repl_identity_
        lines = [fill(identity.template, vars(self)), "", f"state: {', '.join(vars(self)) or 'none'}"]
        return "\n".join(lines + [f"{identity.label}.{n}  {_tier(identity, n)}" for n in identity.names()])

    def __copy__(self) -> Agent:
        return _made(type(self), vars(self))

    def __deepcopy__(self, memo: dict[int, Any]) -> Agent:
        from copy import deepcopy

        memo[id(self)] = copied = _made(type(self), {})
        vars(copied).update(deepcopy(vars(self), memo))
        return copied

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        identity = type(self)._agent_repl_identity_
        return _reopen, (identity.template, identity.label, dict(vars(self)))


class _ClassOnly:
    """A name that is there on the class and not on its instances, where it belongs to the person."""

    def __get__(self, instance: object, owner: type[Agent]) -> type[Agent]:
        if instance is not None:
            raise AttributeError("for_")
        return owner


Agent.for_ = _ClassOnly()  # type: ignore[attr-defined]


def class_for(identity: Identity, shop: Workshop) -> type[Agent]:
    """The live class of an identity: all that is ours is on it, and pinned methods are its functions."""

    # Python calls this after `Agent(...)`; the class file's constructor must not run on an agent.
    def ignore(self: Agent, *args: Any, **kwargs: Any) -> None:
        return None

    live = type(
        class_name(identity.label),
        (Agent,),
        {
            "__slots__": (),
            "__doc__": identity.template,
            "__init__": ignore,
            "__module__": "agent_repl",
            "_agent_repl_identity_": identity,
            "_agent_repl_shop_": shop,
            "_agent_repl_label_": identity.label,
        },
    )
    identity.live, identity.base, identity.handle = live, Agent, MethodHandle
    bind(identity)
    return live


def make(live: type[Agent], state: Mapping[str, Any]) -> Agent:
    """An agent of a live class; raises AgentError for state that could never be reached by name."""
    wrong = [n for n in state if n.startswith("_") or n in RESERVED or iskeyword(n) or not n.isidentifier()]
    if wrong:
        raise AgentError(
            f"{wrong[0]!r} cannot be state: names that begin with _, Python's keywords, and "
            f"{sorted(RESERVED)} are reserved; give it another name"
        )
    return _made(live, state)


def _made(live: type[Agent], state: Mapping[str, Any]) -> Agent:
    made: Agent = object.__new__(live)
    for name, value in state.items():  # an instance whose __dict__ was asked for calls its functions slower on 3.12
        object.__setattr__(made, name, value)
    return made


def _reopen(template: str, label: str, state: dict[str, Any]) -> Agent:
    return _made(type(Agent(template, name=label)), state)


class MethodHandle:
    __slots__ = ("_agent", "_name", "_reader")

    def __init__(self, agent: Agent, name: str, reader: CodeType | None = None) -> None:
        self._agent = agent
        self._name = name
        self._reader = reader

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        live = type(self._agent)
        shop, identity = live._agent_repl_shop_, live._agent_repl_identity_
        return serve(shop, identity, self._agent, self._name, args, kwargs, self._refusal)

    def __reduce__(self) -> tuple[Any, ...]:
        return MethodHandle, (self._agent, self._name)

    def _refusal(self) -> str:
        """Why this call may not have code written, or "" when the person, or written code, asked for it by name."""
        tool = _tool_on_stack(sys._getframe(1))
        if tool:
            return f"{tool} asked for .{self._name}(...): nothing is written for a tool that only looks"
        return _who_asked(self._reader, self._name) if self._reader else ""

    def _method(self) -> Method | None:
        return type(self._agent)._agent_repl_identity_.find(self._name)

    @property
    def __name__(self) -> str:
        return self._name

    def _title(self) -> str:
        return f"{self._agent._agent_repl_label_}.{self._name}"

    @property
    def __doc__(self) -> str | None:  # type: ignore[override]
        method = self._method()
        return method.function.__doc__ if method else f"{self._title()} is not written yet: calling it writes it."

    @property
    def __wrapped__(self) -> Callable[..., Any]:
        method = self._method()
        if method is None:
            raise AttributeError("__wrapped__")
        return method.function

    @property
    def __signature__(self) -> inspect.Signature:
        method = self._method()
        signature = inspect.signature(method.function if method else _anything)
        return signature.replace(parameters=list(signature.parameters.values())[1:])

    def __repr__(self) -> str:
        tier = _tier(type(self._agent)._agent_repl_identity_, self._name)
        would = "calling it runs accepted code" if self._method() else "calling it asks a model to write it"
        return f"<method {self._title()} · {tier}: {would}>"

    def __hash__(self) -> int:
        return hash((id(self._agent), self._name))


def _anything(self, *args, **kwargs):  # type: ignore[no-untyped-def]
    """How a method may be called that is not written yet."""


def _forgotten(handle: MethodHandle, *_: object) -> NoReturn:
    if why := handle._reader and _who_asked(handle._reader, handle._name):
        raise UnaskedCall(why)
    name = handle._title()
    raise TypeError(f"{name} is a method, not its answer: did you mean {name}()?")


_SPECIAL = """
    bool len iter next getitem setitem delitem contains reversed eq ne lt le gt ge add radd sub rsub mul rmul
    truediv rtruediv floordiv rfloordiv mod rmod divmod pow rpow matmul rmatmul and rand or ror xor rxor lshift
    rshift neg pos abs invert int float complex index round trunc floor ceil format enter exit await
"""
for _special in _SPECIAL.split():
    setattr(MethodHandle, f"__{_special}__", _forgotten)


def _tier(identity: Identity, name: str) -> str:
    method = identity.find(name)
    return f"{method.tier} v{method.entry.version.number}" if method else "NEW"


def _absent(agent: Agent, name: str) -> str:
    known = [*vars(agent), *type(agent)._agent_repl_identity_.names()]
    return f"self has no {name!r}; it has only: {', '.join(known) or 'nothing'}"


def _calls(frame: FrameType, name: str) -> bool:
    """Whether the frame is at the call `self.name(...)` itself: not at a mere read, in `hasattr` or in a library."""
    code = frame.f_code
    if dis.opname[code.co_code[frame.f_lasti]] not in ("LOAD_ATTR", "LOAD_METHOD"):
        return False
    _, line, _, column = next(islice(code.co_positions(), frame.f_lasti // 2, None))
    if line is None or column is None:
        return True
    text = frame.f_globals["__loader__"].get_source("").split("\n")[line - 1]
    return bool(text.encode()[column:].lstrip().startswith(b"("))


def _who_asked(reader: CodeType, name: str) -> str:
    """In words, who read a name that the person did not write; "" when they did."""
    if is_library(reader):
        return (
            f"{reader.co_filename} asked for .{name}(...), and this agent has no code for that: "
            f"nothing is written for a library; call it yourself first if you want it"
        )
    if name not in (*reader.co_names, *reader.co_consts):
        return f".{name}(...) is not written in the code that asked for it: call it by name to have it written"
    return ""


def _tool_on_stack(frame: FrameType | None) -> str:
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module in _TOOLS or module.startswith("jedi."):
            return f"{module} (completion or inspection)"
        if module in _DEBUGGERS and frame.f_code.co_name in ("cmdloop", "onecmd", "default", "do_p", "do_pp"):
            return "a debugger"
        frame = frame.f_back
    return ""
