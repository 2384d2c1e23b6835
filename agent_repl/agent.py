"""The proxy: reading a name is free, calling it may cost."""

from __future__ import annotations

import dis
import inspect
import sys
from collections.abc import Callable, Mapping
from types import FrameType
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
        if name in identity.methods:
            return MethodHandle(self, name)
        if name[:1] == "_" or name in RESERVED:
            raise AttributeError(f"{type(self).__name__!r} agent has no attribute {name!r}")
        frame = sys._getframe(1)
        calls = frame.f_globals.get(CALLS)
        if identity.find(name) is not None:
            return MethodHandle(self, name)
        if calls is None:
            return MethodHandle(self, name, _who_asked(frame, name))
        if name in calls and _loads(frame, name):
            return MethodHandle(self, name)
        raise AttributeError(_absent(self, name), name=name, obj=self)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *type(self)._agent_repl_identity_.names()]

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
        return make(type(self), vars(self))

    def __deepcopy__(self, memo: dict[int, Any]) -> Agent:
        from copy import deepcopy

        memo[id(self)] = copied = make(type(self), {})
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

    def ignore(self: Agent, *args: Any, **kwargs: Any) -> None:
        """Python calls this after `Agent(...)`; the class file's constructor must not run on an agent."""

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
    identity.live, identity.base = live, Agent
    bind(identity)
    return live


def make(live: type[Agent], state: Mapping[str, Any]) -> Agent:
    """An agent of a live class; raises AgentError for state that could never be reached by name."""
    wrong = [n for n in state if n.startswith("_") or n in RESERVED]
    if wrong:
        raise AgentError(f"{wrong[0]!r} cannot be state: names that begin with _ and {sorted(RESERVED)} are reserved")
    made: Agent = object.__new__(live)
    vars(made).update(state)
    return made


def _reopen(template: str, label: str, state: dict[str, Any]) -> Agent:
    return Agent(template, name=label, **state)


class MethodHandle:
    __slots__ = ("_agent", "_asked", "_name")

    def __init__(self, agent: Agent, name: str, asked: str = "") -> None:
        self._agent = agent
        self._name = name
        self._asked = asked

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        if self._asked:
            raise UnaskedCall(self._asked)
        live = type(self._agent)
        return serve(live._agent_repl_shop_, live._agent_repl_identity_, self._agent, self._name, args, kwargs)

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
        if method is None:
            raise AttributeError("__signature__")
        signature = inspect.signature(method.function)
        return signature.replace(parameters=list(signature.parameters.values())[1:])

    def __repr__(self) -> str:
        tier = _tier(type(self._agent)._agent_repl_identity_, self._name)
        would = "calling it runs accepted code" if self._method() else "calling it asks a model to write it"
        return f"<method {self._title()} · {tier}: {would}>"

    def __hash__(self) -> int:
        return hash((id(self._agent), self._name))


def _forgotten(handle: MethodHandle, *_: object) -> NoReturn:
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


def _loads(frame: FrameType, name: str) -> bool:
    """Whether the frame is at `self.name` itself, and not inside `hasattr`, `getattr` or a library function."""
    operation = dis.opname[frame.f_code.co_code[frame.f_lasti]]
    return operation in ("LOAD_ATTR", "LOAD_METHOD")


def _who_asked(frame: FrameType, name: str) -> str:
    """Why a name that has no code must not be written: in words, or "" when the person wrote it."""
    if tool := _tool_on_stack(frame):
        return f"{tool} asked for .{name}(...): nothing is written for a tool that only looks"
    if is_library(frame.f_code):
        return (
            f"{frame.f_globals.get('__name__', 'a library')} asked for .{name}(...), which this agent does not have: "
            f"nothing is written for a library; call it yourself first if you want it"
        )
    written = (*frame.f_code.co_names, *frame.f_code.co_consts)
    if name not in written:
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
