"""Whose fault an exception is: only what written code did wrong from the inside is ever rewritten."""

from __future__ import annotations

import ast
import inspect
import os
import sys
import sysconfig
import traceback
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import CodeType, FrameType, FunctionType, TracebackType
from typing import Any

from agent_repl_bounds.packages import install_line
from agent_repl_code.lua import unseen
from agent_repl_data.files import shortened
from agent_repl_data.plain import encode
from agent_repl_data.profile import is_private
from agent_repl_data.secrets import hidden

from ..errors import AgentError
from ..modules.live import CALLS
from ..prompts import Failure
from ..signature import signature
from ..wrapping import ABSENT

_PATHS = {id(kind) for kind in (str, bytes, type(Path()))}  # all that is asked whether it names a file
_OUTSIDE = (AgentError, ImportError, MemoryError)


def is_inside(error: BaseException, values: Iterable[Any]) -> bool:
    """Whether the written code is to blame.

    Not blamed: interrupts, missing modules, memory, files and networks (unless the path is none of `values`, so that
    the code made it up), an error in the person's own frames, and what the code raises on purpose.
    """
    frame = _responsible(error.__traceback__)
    if not isinstance(error, Exception) or isinstance(error, _OUTSIDE) or frame is None:
        return False
    if isinstance(error, OSError):
        named = [os.fsdecode(value) for value in values if id(type(value)) in _PATHS]
        return error.filename is not None and os.fsdecode(error.filename) not in named
    return CALLS in frame[0].f_globals and not (_on_purpose(*frame) or getattr(error, "on_purpose", False))


def _responsible(trace: TracebackType | None) -> tuple[FrameType, int] | None:
    own = [(t.tb_frame, t.tb_lineno) for t in _walk(trace) if not is_library(t.tb_frame.f_code)]
    return own[-1] if own else None


def _walk(trace: TracebackType | None) -> Iterable[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def is_library(code: CodeType) -> bool:
    """Whether code belongs to the standard library, an installed package, or to us."""
    return code.co_filename.startswith(_library_roots()) or code.co_filename.startswith("<frozen ")


@cache
def _library_roots() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    known = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    ours = __file__.rpartition("pipeline")[0]
    return *known, ours, f"{ours[:-1]}_"


def _on_purpose(frame: FrameType, line: int) -> bool:
    """Whether the line is a `raise` statement of the written code."""
    nodes = ast.walk(ast.parse(_source(frame)))
    return any(isinstance(n, ast.Raise) and n.lineno <= line <= (n.end_lineno or 0) for n in nodes)


def _source(frame: FrameType) -> str:
    """The text with the written code that a frame runs, empty for any other."""
    loader = frame.f_globals.get("__loader__") if CALLS in frame.f_globals else None
    return str(loader.get_source("")) if loader else ""


def last_failure(name: str) -> tuple[BaseException, tuple[Any, ...], dict[str, Any]]:
    """The last error that this interpreter showed and that passed through a method, and the call that it made.

    Raises AgentError where there is none.
    """
    error = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    frames = [t.tb_frame for t in _walk(error.__traceback__)] if error is not None else []
    mine = [f for f in frames if f.f_code.co_name == name and CALLS in f.f_globals]
    if error is None or not mine:
        raise AgentError(f"the last traceback does not pass through {name}: say in words what to change")
    call = inspect.signature(FunctionType(mine[0].f_code, {})).bind_partial()
    call.arguments.update({n: mine[0].f_locals[n] for n in call.signature.parameters if n in mine[0].f_locals})
    return error, call.args[1:], call.kwargs


def failure_of(code: str, error: BaseException) -> Failure:
    """Code that raised, and what the writer should know of it, with values and without."""
    return Failure(code, explain(error), explain(error, samples=False))


def explain(error: BaseException, samples: bool = True) -> str:
    """The error as the writer should read it: what was raised, and the lines of written code that led to it.

    Without samples neither its words are told, which quote data, nor the line of a person's that made the call.
    """
    trace = error.__traceback__
    both = zip(map(_source, (each.tb_frame for each in _walk(trace))), traceback.extract_tb(trace), strict=True)
    seen = [t for source, t in both if not (_foreign(t) or unseen(source, t.lineno or 0)) and (samples or source)]
    words, lines = f": {_quoted(str(error))}" if samples else "", (f"line {t.lineno}: {t.line}" for t in seen[-3:])
    return "\n".join([f"it raised {type(error).__name__}{words}", *lines, *_values(error, samples)])


def _quoted(words: str) -> str:
    """The words of an error on one line, and in quotes where they could be taken for ours."""
    words = hidden(words[:4000])[:300]
    return words if words.isprintable() and "```" not in words else repr(words)


def name_package(error: BaseException) -> None:
    """Say with an import that failed what a person may type to install it."""
    line = install_line(error.name or "") if isinstance(error, ModuleNotFoundError) else ""
    if line and not getattr(error, "__notes__", None):
        error.add_note(f"agent_repl: nothing was installed; to install it: {line}")


def _values(error: BaseException, samples: bool) -> list[str]:
    """What the names and items in the line that raised were: short plain values as they are, else by signature."""
    frame = _responsible(error.__traceback__)
    if frame is None or CALLS not in frame[0].f_globals:
        return []
    nodes = [node for node in ast.walk(ast.parse(_source(frame[0]))) if getattr(node, "lineno", 0) == frame[1]]
    held = {ast.unparse(n): _held(n, frame[0].f_locals) for n in nodes if isinstance(n, ast.Name | ast.Subscript)}
    known = [(n, v) for n, v in held.items() if v is not ABSENT and n != "self" and not callable(v)]
    gaps = [name for name, value in known if value is None]
    if "NoneType" in str(error) and not gaps:  # of a row that the frame does not hold any more
        gaps = [name for name, value in held.items() if value is ABSENT and "[" in name]
    hint = [_leave_out(name) for name in gaps[:1]]
    return [f"{name} is {_said(value, samples and not is_private(name))}" for name, value in known[:6]] + hint


def _leave_out(name: str) -> str:
    """What to do about a name or an item that is None where it is used."""
    item, inside, _ = name.partition("[")
    such = f", such as [{item} for {item} in ... if {name} is not None]" if inside else ""
    return f"Use {name} only where it is not None: leave out the others first{such}."


def _held(node: ast.AST, names: Mapping[str, Any]) -> Any:
    """The value of a name, or of an item by a constant; ABSENT where it cannot be told."""
    match node:
        case ast.Name(id=name):
            return names.get(name, ABSENT)
        case ast.Subscript(value=of, slice=ast.Constant(value=key)):
            inside = _held(of, names)
            return inside.get(key, ABSENT) if type(inside) is dict else ABSENT
    return ABSENT


def _said(value: Any, samples: bool) -> str:
    text = encode(value, 300) if samples else ""
    return f"{shortened(repr(value), 200)}" if text else shortened(signature(value), 120)


def _foreign(entry: traceback.FrameSummary) -> bool:
    return entry.filename.startswith(_library_roots()) and ".agent_repl" not in entry.filename
