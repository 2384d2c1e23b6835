"""Values → signatures: canonical text of a value's structure, never of its content."""

from __future__ import annotations

from agent_repl_data.files import FileKind, file_mark, looks_like_path, sniff, sniff_text
from agent_repl_data.kinds import by_keys, register, signature
from agent_repl_data.recipes import OTHERWISE, mark_for, misread

__all__ = ["OTHERWISE", "FileKind", "by_keys", "file_mark", "looks_like_path", "mark_for", "misread", "register"]
__all__ += ["signature", "sniff", "sniff_text"]
