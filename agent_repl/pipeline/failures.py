"""Whose fault an exception is: only what written code did wrong from the inside is ever rewritten."""

from __future__ import annotations

import ast
import sysconfig
import traceback
from collections.abc import Iterable
from functools import cache
from types import CodeType, FrameType, TracebackType
from typing import Any

from ..errors import AgentError
from ..modules.live import CALLS

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
        named = error.filename is not None
        return named and not any(str(value) == str(error.filename) for value in values)
    return CALLS in frame[0].f_globals and not _on_purpose(*frame)


def _responsible(trace: TracebackType | None) -> tuple[FrameType, int] | None:
    frames = [(t.tb_frame, t.tb_lineno) for t in _walk(trace)]
    own = [f for f in frames if not is_library(f[0].f_code)]
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
    ours = __file__.rpartition("pipeline")[0]
    return tuple({paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")} | {ours})


def _on_purpose(frame: FrameType, line: int) -> bool:
    """Whether the line is a `raise` statement of the written code."""
    loader = frame.f_globals.get("__loader__")
    tree = ast.parse(loader.get_source("")) if loader else ast.Module([], [])
    return any(isinstance(n, ast.Raise) and n.lineno <= line <= (n.end_lineno or 0) for n in ast.walk(tree))


def explain(error: BaseException) -> str:
    """The error as the writer should read it: what was raised, and the lines of written code that led to it."""
    written = [t for t in traceback.extract_tb(error.__traceback__) if not _foreign(t)]
    lines = [f"line {t.lineno}: {t.line}" for t in written[-3:]]
    return "\n".join([f"it raised {type(error).__name__}: {str(error)[:300]}", *lines])


def _foreign(entry: traceback.FrameSummary) -> bool:
    return entry.filename.startswith(_library_roots()) and ".agent_repl" not in entry.filename
