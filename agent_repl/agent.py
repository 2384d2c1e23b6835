"""The proxy: reading a name is free, calling it may cost."""

from __future__ import annotations

import dis
import inspect
import sys
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import wraps as named_as
from itertools import islice
from keyword import iskeyword
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from agent_repl_code.unit import RESERVED

from .errors import AgentError, UnaskedCall
from .modules import class_name
from .modules.live import CALLS
from .pipeline import Workshop, fill, serve
from .pipeline.failures import is_library
from .pipeline.methods import Identity, Method
from .pipeline.pinning import bind
from .wrapping import ABSENT, is_plain, real, real_names, unwrap, wrapping_class

default_session: Callable[[], Any] | None = None  # filled by `session`, which is above us

_TOOLS = frozenset({"IPython.core.completer", "IPython.core.guarded_eval", "IPython.core.oinspect", "rlcompleter"})
_READS = ("LOAD_ATTR", "LOAD_METHOD")
_DEBUGGERS = frozenset({"pdb", "IPython.core.debugger", "cmd"})


class _AgentType(type):
    """What is there on the class and not on its instances, where the name belongs to the person."""

    for_ = property(lambda cls: cls)


class Agent(metaclass=_AgentType):
    """A named thing whose methods are written when they are first called.

    `Agent("CSV data analyst for {path}", path="sales.csv")`: the identity may hold `{names}` of the state; `name`
    is what its class and file are called; `session` defaults to the process's own. With `wraps` it has the attributes
    of that object, special methods too, and only what the object lacks is written; state that is set on the agent hides
    an attribute of that name, and the object is never written to. With `deep` results that are not plain come back as
    agents that wrap them (written code gets them as they are). All other keywords are state.
    """

    __slots__ = ("__dict__", "__weakref__")  # any other slot, and Python 3.13 reads all state slower
    if TYPE_CHECKING:  # else they would be found on agents too
        _agent_repl_identity_: Identity
        _agent_repl_shop_: Workshop
        _agent_repl_wraps_: Any
    _agent_repl_label_ = "agent"
    _agent_repl_wraps_ = None
    _agent_repl_deep_ = False

    def __new__(cls, identity: str, /, *, session: Any = None, **state: Any) -> Any:
        if session is None:
            if default_session is None:
                raise AgentError("no session: import Agent from agent_repl, or pass session=open_session()")
            session = default_session()
        return session.agent(identity, **state)

    def __getattr__(self, name: str) -> Any:
        identity, wrapped = type(self)._agent_repl_identity_, self._agent_repl_wraps_
        if wrapped is not None and real(wrapped, name) is not ABSENT:
            return getattr(wrapped, name)  # it raised AttributeError, and says itself why
        frame = sys._getframe(1)
        written = CALLS in frame.f_globals
        if name not in identity.methods:
            if name == "llm" and written:
                return type(self)._agent_repl_shop_.llm(self)
            if name[:1] == "_" or name in RESERVED:
                raise AttributeError(f"{type(self).__name__!r} agent has no attribute {name!r}")
            if written and identity.find(name) is None and not _calls(frame, name):
                known = ", ".join([*vars(self), *real_names(wrapped), *identity.names()]) or "nothing"
                raise AttributeError(f"self has no {name!r}; it has only: {known}", name=name, obj=self)
        return MethodHandle(self, name, frame.f_code, written, frame.f_lasti)

    def __dir__(self) -> list[str]:
        names = type(self)._agent_repl_identity_.names()
        return list({*super().__dir__(), *names, *real_names(self._agent_repl_wraps_)})

    def __repr__(self) -> str:
        identity = type(self)._agent_repl_identity_
        known = ", ".join(identity.names()) or "no methods yet"
        return f"<agent {identity.label}: {_about(self)} · {known}>"

    def getdoc(self) -> str:
        """What IPython's `?` shows."""
        identity = type(self)._agent_repl_identity_
        lines = [_about(self), "", f"state: {', '.join(vars(self)) or 'none'}"]
        return "\n".join(lines + [f"{identity.label}.{n}  {_tier(identity, n)}" for n in identity.names()])

    def __copy__(self) -> Agent:
        return _made(type(self), vars(self), self._agent_repl_wraps_)

    def __deepcopy__(self, memo: dict[int, Any]) -> Agent:
        memo[id(self)] = copied = _made(type(self), {})
        vars(copied).update(deepcopy(vars(self), memo))
        if self._agent_repl_wraps_ is not None:
            copied._agent_repl_wraps_ = deepcopy(self._agent_repl_wraps_, memo)
        return copied

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        known = type(self)._agent_repl_identity_
        return _reopen, (known.template, known.label, dict(vars(self)), self._agent_repl_wraps_, self._agent_repl_deep_)


def _read(agent: Agent, name: str) -> Any:
    """An attribute of an agent that wraps or is deep: its state, the object's own, then what was written."""
    own = object.__getattribute__
    if name[:2] == "__" or name[:12] == "_agent_repl_" or name in own(agent, "__dict__"):
        return own(agent, name)
    wrapped = own(agent, "_agent_repl_wraps_")
    try:
        value = getattr(wrapped, name)
    except AttributeError:
        if real(wrapped, name) is not ABSENT:
            raise
        value = own(agent, name)
    shallow = not type(agent)._agent_repl_deep_ or name in RESERVED or CALLS in sys._getframe(1).f_globals
    return value if shallow or not inspect.isroutine(value) else _deep_call(agent, name, value)


def _deep_call(agent: Agent, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @named_as(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        return deepened(agent, name, function(*args, **kwargs))

    called.__self__ = agent  # type: ignore[attr-defined]  # as a bound method has it: the verbs ask
    return called


def deepened(agent: Agent, name: str, value: Any) -> Any:
    """What a caller gets: of a deep agent one that wraps the value ("parent › method › type"), unless it is plain."""
    live = type(agent)
    if not live._agent_repl_deep_ or is_plain(value) or issubclass(type(value), Agent):
        return value
    template, step = live._agent_repl_identity_.template, f" › {name} › {type(value).__qualname__}"
    template += "" if template.endswith(step) else step  # a walk along equal objects stays with one identity
    return agent if value is unwrap(agent) else live._agent_repl_shop_.agent(template, wraps=value, deep=True)


def _about(agent: Agent) -> str:
    wrapped = agent._agent_repl_wraps_
    about = fill(type(agent)._agent_repl_identity_.template, vars(agent))
    return about if wrapped is None else f"{about} · wraps {type(wrapped).__qualname__}"


def class_for(identity: Identity, shop: Workshop) -> type[Agent]:
    """The live class of an identity: all that is ours is on it, and pinned methods are its functions."""
    ours = {"_agent_repl_identity_": identity, "_agent_repl_shop_": shop, "_agent_repl_label_": identity.label}
    # Python calls __init__ after `Agent(...)`; the class file's constructor must not run on an agent.
    usual = {"__slots__": (), "__doc__": identity.template, "__module__": "agent_repl", "__init__": _ignore}
    live = type(class_name(identity.label), (Agent,), usual | ours)
    identity.live, identity.base, identity.handle = live, Agent, MethodHandle
    bind(identity)
    return live


def _ignore(self, *args, **kwargs):  # type: ignore[no-untyped-def]
    """Nothing comes of it; it also shows how a method may be called that is not written yet."""


def make(live: type[Agent], state: Mapping[str, Any], wraps: Any = None, deep: bool = False) -> Agent:
    """An agent of a live class; raises AgentError for state that could never be reached by name."""
    if issubclass(type(wraps), Agent):
        raise AgentError("an agent has every name already, so there is nothing to write for it: wrap unwrap(agent)")
    wrong = [n for n in state if n.startswith("_") or n in RESERVED or iskeyword(n) or not n.isidentifier()]
    if wrong:
        reserved = f"names that begin with _, Python's keywords, and {sorted(RESERVED)} are reserved"
        raise AgentError(f"{wrong[0]!r} cannot be state: {reserved}; give it another name")
    kind = object if wraps is None else type(wraps)
    return _made(wrapping_class(live, kind, deep, _read) if deep or kind is not object else live, state, wraps)


def _made(live: type[Agent], state: Mapping[str, Any], wraps: Any = None) -> Agent:
    made: Agent = object.__new__(live)
    if hasattr(live, "_agent_repl_kind_"):
        made._agent_repl_wraps_ = wraps
    for name, value in state.items():  # an instance whose __dict__ was asked for calls its functions slower on 3.12
        object.__setattr__(made, name, value)
    return made


def _reopen(template: str, label: str, state: dict[str, Any], wraps: Any = None, deep: bool = False) -> Agent:
    return _made(type(Agent(template, name=label, wraps=wraps, deep=deep)), state, wraps)


class MethodHandle:
    __slots__ = ("_agent", "_at", "_name", "_nested", "_reader")

    def __init__(
        self, agent: Agent, name: str, reader: CodeType | None = None, nested: bool = False, at: int = -1
    ) -> None:
        self._agent = agent
        self._at = at  # the reader's instruction, if it is known
        self._name = name
        self._reader = reader
        self._nested = nested  # whether written code asked for it

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        agent, name = self._agent, self._name
        live = type(agent)
        shop, identity = live._agent_repl_shop_, live._agent_repl_identity_
        value = serve(shop, identity, agent, name, args, kwargs, self._refusal, self._nested)
        return deepened(agent, name, value) if live._agent_repl_deep_ and not self._nested else value

    def __reduce__(self) -> tuple[Any, ...]:
        return MethodHandle, (self._agent, self._name)

    def _refusal(self) -> str:
        """Why this call may not have code written, or "" when the person, or written code, asked for it by name."""
        tool = _tool_on_stack(sys._getframe(1))
        if tool:
            return f"{tool} asked for .{self._name}(...): nothing is written for a tool that only looks"
        return _who_asked(self._reader, self._name, self._at) if self._reader else ""

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
        signature = inspect.signature(method.function if method else _ignore)
        return signature.replace(parameters=list(signature.parameters.values())[1:])

    def __repr__(self) -> str:
        tier = _tier(type(self._agent)._agent_repl_identity_, self._name)
        would = "calling it runs accepted code" if self._method() else "calling it asks a model to write it"
        return f"<method {self._title()} · {tier}: {would}>"


def _forgotten(handle: MethodHandle, *_: object) -> NoReturn:
    if why := handle._reader and _who_asked(handle._reader, handle._name, handle._at):
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


def _calls(frame: FrameType, name: str) -> bool:
    """Whether the frame is at the call `self.name(...)` itself: not at a mere read, in `hasattr` or in a library."""
    code = frame.f_code
    if dis.opname[code.co_code[frame.f_lasti]] not in _READS:
        return False
    _, line, _, column = next(islice(code.co_positions(), frame.f_lasti // 2, None))
    if line is None or column is None:
        return name in frame.f_globals[CALLS]
    text = frame.f_globals["__loader__"].get_source("").split("\n")[line - 1]
    return bool(text.encode()[column:].lstrip().startswith(b"("))


def _who_asked(reader: CodeType, name: str, at: int) -> str:
    """In words, who read a name that the person did not write; "" when they did."""
    if is_library(reader):
        asked = f"{reader.co_filename} asked for .{name}(...), and this agent has no code for that"
        return f"{asked}: nothing is written for a library; call it yourself first if you want it"
    reads = at < 0 or dis.opname[reader.co_code[at]] in _READS  # else it calls what asked, as in `np.sqrt(agent)`
    if name not in (*(reader.co_names if reads else ()), *reader.co_consts):
        asked = f".{name}(...) is not written in the code that asked for it (a function that was given the agent did)"
        return f"{asked}: call it by name to have it written"
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
