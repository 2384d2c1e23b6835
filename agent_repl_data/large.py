"""Data that no prompt can hold: which it is, what a writer is told of it, and the helpers by which code reaches it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from .files import looks_like_path, path_stat
from .kinds import library_class

_TEXT, _LIST, _ROWS, _FILE = 4_000, 200, 2_000, 65_536
_NAMES = ("texts", "parts", "chunks", "grep", "peek")
_HERE = Path(__file__).parent / "helpers"
_PROFILE = 600  # characters that are told of such data
TOLD = """\
{names}: too large for a prompt. These are there already, for texts, lists, tables, files and folders:
_chunks(data, by="lines", size=100, overlap=0): its pieces (by "lines", "chars", "paragraphs" or "records"); \
_grep(data, pattern, context=0, limit=100): what matches; _peek(data, n=5): the first ones.
Search, count, sort and compare in Python. Only what has to be read to be known (a topic, a tone) ask self.llm, about \
one piece or record at a time:
answers = self.llm.each(pieces, "Is this a complaint?", schema=bool)  # in order
self.llm.ask(prompt, schema=str) answers one question; self.llm.reduce(texts, "Sum up: {{items}}") makes one text of \
many.
A schema is bool, int, float, str, list[str], a tuple of texts to choose from, or a dict of these by name."""


def is_large(value: Any) -> bool:
    """Whether this is a text above 4,000 characters, more than 200 items, a large table, a file above 64 KB, a folder.

    Nothing of a value's own is run.
    """
    kind = type(value)
    if looks_like_path(value) and (about := path_stat(value)) is not None:
        return os.path.isdir(value) or about.st_size > _FILE
    if kind is str:
        return len(value) > _TEXT
    if kind is list or kind is tuple:
        return len(value) > _LIST
    rows = next(iter(getattr(value, "shape", ())), 0) if library_class(value) else 0
    return type(rows) is int and rows > _ROWS  # that of a Dask frame is known when it is computed


def large(values: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of what is large."""
    return tuple(name for name, value in values.items() if is_large(value))


def told(names: tuple[str, ...]) -> str:
    """What a writer is told of it, "" where nothing is large."""
    return TOLD.format(names=", ".join(names)) if names else ""


def cut(profile: str) -> str:
    """The profile of something large: its first lines."""
    return profile if len(profile) <= _PROFILE else profile[:_PROFILE].rpartition("\n")[0] + "\n  … and more"


@cache
def helpers() -> dict[str, str]:
    """The sources of the helpers by name; each is added to code that uses it."""
    return {f"_{name}": (_HERE / f"{name}.txt").read_text(encoding="utf-8") for name in _NAMES}


def functions() -> dict[str, Callable[..., Any]]:
    """The helpers themselves."""
    scope: dict[str, Any] = {"os": os, "re": re}
    exec("\n\n".join(helpers().values()), scope)
    return {name: scope[name] for name in helpers()}
