"""Written code that asks a model over data too large for a prompt; what it found its answer by is a method."""

from __future__ import annotations

from agent_repl_data.large import functions

from .desk import clear_answers, trace
from .leaf import InvalidAnswer
from .llm import Failed, Llm

__all__ = ["Failed", "InvalidAnswer", "Llm", "chunks", "clear_answers", "grep", "peek", "trace"]

_functions = functions()
chunks, grep, peek = _functions["_chunks"], _functions["_grep"], _functions["_peek"]
