"""A package that is not installed: the line that would install it."""

from types import TracebackType
from typing import Any

from agent_repl_bounds.packages import install_line


def offer(error: Any, offered: set[str]) -> str:
    """One line for an import that failed in the person's code or in written code; "" else, and the second time."""
    if not isinstance(error, ModuleNotFoundError) or _is_library(error.__traceback__):
        return ""
    name = str(error.name or "").partition(".")[0]
    line = "" if name in offered else install_line(name)
    offered.add(name)
    return line and f"{name} is not installed: to install it, type %{line}"


def _is_library(trace: TracebackType | None) -> bool:
    """Whether the import stands in somebody's package: then it may well be one that it can do without."""
    from agent_repl.pipeline.failures import is_library

    codes = []
    while trace is not None:
        codes.append(trace.tb_frame.f_code)
        trace = trace.tb_next
    own = [code for code in codes if not code.co_filename.startswith("<frozen ")]
    return not own or is_library(own[-1])
