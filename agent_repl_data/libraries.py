"""Which libraries matter for a piece of work, and which of them are installed; none is imported."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Any

from .files import looks_like_path
from .kinds import type_name

_KNOWN = {
    **{name: name for name in ("pandas", "numpy", "polars", "matplotlib", "pyarrow", "openpyxl", "scipy")},
    **dict.fromkeys(("sklearn", "scikit-learn"), "scikit-learn"),
    **{name: name for name in ("duckdb", "sqlalchemy", "seaborn", "statsmodels", "networkx", "pillow", "httpx")},
}
"""Distributions, by the names that words and classes call them."""
_NEEDED = {".parquet": ("pyarrow", "pandas"), ".pq": ("pyarrow", "pandas"), ".xlsx": ("openpyxl", "pandas")}
_NEEDED |= {".xlsm": _NEEDED[".xlsx"], ".feather": _NEEDED[".pq"], ".xls": ("xlrd", "pandas")}


def libraries(values: Iterable[Any], words: str = "") -> dict[str, str]:
    """The version of each library that these values, the files that they name, or the words call for; "" of none."""
    named = {_KNOWN[word]: None for word in re.findall(r"[a-z][\w-]+", words.lower()) if word in _KNOWN}
    for value in values:
        named.update(dict.fromkeys(_called_for(value)))
    return {name: _version(name) for name in sorted(named)}


def _called_for(value: Any) -> tuple[str, ...]:
    module = type_name(type(value)).partition(".")[0]
    if module in _KNOWN:
        return (_KNOWN[module],)
    suffix = os.path.splitext(value)[1].lower() if looks_like_path(value) else ""
    return _NEEDED.get(suffix, ())


def _version(name: str) -> str:
    """The first two numbers of the installed version, "" where it is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return ".".join(version(name).split(".")[:2])
    except PackageNotFoundError:
        return ""


def told(found: dict[str, str]) -> str:
    """One line, such as "installed: pandas 2.2; not installed: polars"; "" where nothing matters."""
    there = ", ".join(f"{name} {version}" for name, version in found.items() if version)
    absent = ", ".join(name for name, version in found.items() if not version)
    parts = f"installed: {there}" * bool(there), f"not installed: {absent}" * bool(absent)
    return "; ".join(filter(None, parts))
