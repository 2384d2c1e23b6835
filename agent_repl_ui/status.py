"""What a cell runs: a dim line before it for each written method that it calls; after it, what could not be seen."""

import ast
import dis
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from itertools import islice, pairwise
from types import CodeType, FunctionType, MethodType
from typing import Any, NamedTuple

from agent_repl.agent import Agent
from agent_repl.control import status
from agent_repl.pipeline.methods import Identity, Method
from agent_repl.pipeline.words import written_for
from agent_repl.session import default_session
from agent_repl.wrapping import ABSENT, real
from agent_repl_code.lua import legible
from agent_repl_code.unit import Definition, bindings, global_names

from .display import colour_wanted
from .render import escaped, highlighted, paint, visible

FUNCTIONS, AFTER = 100, 5  # functions of the person's that are looked into; lines after a cell
_RUNNERS = ("time", "timeit", "prun", "memit")  # magics that run the code in their words
_COMMANDS = ("system", "getoutput")  # of `!ls {sales.path()}`, which is read as an f-string
_OPTIONS = re.compile(r"(\s*-[a-z]+(\s*\d+)?\s+)*", re.IGNORECASE)  # `-n 2 -r3` of a magic, before its code

_Key = tuple[Identity, str]


class Tally(NamedTuple):
    """Calls of written methods in this session, and `hits`: those of them that needed no model.

    Runs are counted where agent_repl makes them. Calls of CRYSTALLIZED and PINNED methods go through nothing of ours:
    one is counted for each place in a cell's text, or in a helper's, and what loops repeat of them is not counted.
    """

    calls: int = 0
    hits: int = 0


def tally(ip: Any) -> Tally:
    """What the cells of this shell have called since it is watched."""
    return _watched[ip].tally if ip in _watched else Tally()


def watch(ip: Any) -> Callable[[], None]:
    """Say before each cell of this shell what will run, and after it what else ran; gives back what ends that.

    With `show="code"` the source of a method that no review has shown in this session stands under its first line;
    with "line" there are lines alone, with "off" nothing. A person must be there to read: silent cells and output that
    is captured get no lines. Only agents of the process's own session are counted.
    """
    watched, undo = _watched.setdefault(ip, _Watch(ip)), ExitStack()
    for event, hook in (("pre_run_cell", watched.before), ("post_run_cell", watched.after)):
        ip.events.register(event, hook)
        undo.callback(ip.events.unregister, event, hook)
    undo.callback(_watched.pop, ip)
    return undo.close


def will_run(cell: str, names: Mapping[str, Any]) -> list[tuple[Agent, str]]:
    """The calls of written methods that a cell's syntax tree shows, in the order of running; nothing is run or written.

    Functions in `names` are looked into; agents in containers, or under names that the cell itself binds, are not seen.
    """
    return [call for call in _seen(cell, names) if _is_written(*call)]


class _Watch:
    def __init__(self, ip: Any) -> None:
        self.tally = Tally()
        self._ip = ip
        self._expected: Counter[_Key] = Counter()  # calls in the text of the cell that runs
        self._known = {key: (method.runs, method.entry.version.number) for key, method in _methods().items()}
        self._shown: set[tuple[_Key, str]] = set()  # methods, and the units that a person has seen

    def before(self, info: Any) -> None:
        default_session().sync()
        text = getattr(info, "transformed_cell", None)  # which older IPythons do not say
        with suppress(SyntaxError):  # IPython shows it
            text = text or self._ip.transform_cell(info.raw_cell)
        calls = will_run(text or "", self._ip.user_ns)
        keys = [(type(agent)._agent_repl_identity_, name) for agent, name in calls]
        self._expected = Counter(keys)
        self._say({status(*call): key for call, key in zip(calls, keys, strict=True)}.items())

    def after(self, result: Any) -> None:
        ran = [(line, key) for key, method in _methods().items() if (line := self._account(key, method))]
        self._say([*ran[:AFTER], *[(f"also ran: {len(ran) - AFTER} more methods", None)] * (len(ran) > AFTER)])

    def _account(self, key: _Key, method: Method) -> str:
        """Count what a method has run since the last time, and say it where the text did not show it."""
        version, expected = method.entry.version, self._expected.pop(key, 0)
        runs, number = self._known.get(key, (0, 0))
        self._known[key] = method.runs, version.number
        ran = method.runs - runs if method.runs >= runs else method.runs
        fresh = method.reviewed is not None and version.number != number
        plain = method.tier in ("CRYSTALLIZED", "PINNED")
        calls = max(ran, plain * expected)
        self.tally = Tally(self.tally.calls + calls, self.tally.hits + calls - bool(fresh and version.usage.calls))
        if method.reviewed or version.author in ("person", "file"):
            self._shown.add((key, version.unit))
        if ran <= (expected or bool(fresh and method.reviewed)):
            return ""
        times = f"{ran:,} times{' at least' if plain else ''}" if ran > 1 else ""
        words = (
            f"{key[0].label}.{key[1]}",
            f"{method.tier} v{version.number}",
            times,
            "not reviewed" if fresh and not method.reviewed else "",
        )
        return ("" if expected else "also ran: ") + " · ".join(filter(None, words))

    def _say(self, lines: Iterable[tuple[str, _Key | None]]) -> None:
        show, colour = default_session().settings.show, colour_wanted(sys.stdout)
        for line, key in lines if show != "off" and default_session().reviewer.can_ask else ():
            print(paint(" ".join(escaped(line).split()), "dim", colour))
            method = key[0].find(key[1]) if key and show == "code" else None
            if key and method and (key, method.code.unit) not in self._shown:
                self._shown.add((key, method.code.unit))
                print(highlighted(visible(legible(method.code.source)).rstrip("\n"), "terminal" if colour else ""))


_watched: dict[Any, _Watch] = {}


def _methods() -> dict[_Key, Method]:
    every = list(default_session().identities.values())
    return {(identity, name): method for identity in every for name, method in list(identity.methods.items())}


def _seen(cell: str, names: Mapping[str, Any]) -> Iterator[tuple[Any, str]]:
    try:
        tree = ast.parse(cell)
        used, bound = global_names(tree), bindings(tree)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return
    here, named = {n: names.get(n.id) for n in used if n.id not in bound}, {n.id for n in used}
    parts = [part for part in tree.body if not isinstance(part, Definition) or part.name in named]
    calls = (n for part in parts for n in ast.walk(part) if isinstance(n, ast.Call))
    for call in sorted(calls, key=lambda n: (n.end_lineno or 0, n.end_col_offset or 0)):
        match call.func:
            case ast.Name() as function:
                yield from _inside(here.get(function), names)
            case ast.Attribute(ast.Name() as owner, name):
                yield here.get(owner), name
            case ast.Attribute(ast.Call(ast.Name("__import__")), "say"):  # which a line for an agent becomes
                yield from _spoken(call.args, here)
            case ast.Attribute(ast.Call(ast.Name("get_ipython")), how):
                first, *rest = [str(n.value) for n in call.args if isinstance(n, ast.Constant)] or [""]
                code = rest if first in _RUNNERS else [f"f{first!r}"] * (how in _COMMANDS)
                yield from (each for text in code for each in _seen(_OPTIONS.sub("", text, count=1), names))


def _spoken(args: list[ast.expr], here: Mapping[ast.Name, Any]) -> Iterator[tuple[Any, str]]:
    match args:
        case [ast.Name() as owner, ast.Constant(str() as words)] if issubclass(type(here.get(owner)), Agent):
            yield here[owner], written_for(type(here[owner])._agent_repl_identity_, words)


def _inside(function: Any, names: Mapping[str, Any]) -> Iterator[tuple[Any, str]]:
    """What a function of the person's reads of the values in `names`, and so on through those that it names."""
    codes = [function.__code__] if _is_persons(function, names) else []
    for code in islice(codes, FUNCTIONS):  # which grows on the way
        for load, then in pairwise(i for i in dis.get_instructions(code) if i.opname != "EXTENDED_ARG"):
            value: Any = names.get(load.argval) if load.opname == "LOAD_GLOBAL" else None
            if then.opname in ("LOAD_ATTR", "LOAD_METHOD"):
                yield value, then.argval
            codes += [value.__code__] if _is_persons(value, names) and value.__code__ not in codes else []
        codes += [c for c in code.co_consts if type(c) is CodeType]


def _is_persons(value: Any, names: Mapping[str, Any]) -> bool:
    return type(value) is FunctionType and value.__globals__.get("__name__") == names.get("__name__")


def _is_written(value: Any, name: str) -> bool:
    """Whether this is a method that an agent serves: no state of that name hides it, and no wrapped object has it."""
    known = issubclass(type(value), Agent) and name in type(value)._agent_repl_identity_.names()
    with suppress(AttributeError):
        return known and type(object.__getattribute__(value, name)) is MethodType
    return known and real(value._agent_repl_wraps_, name) is ABSENT
