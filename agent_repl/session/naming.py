"""A name for an identity that was given none: short, and free of keywords and the standard library's names."""

from __future__ import annotations

import keyword
import re
import sys

_SMALL = frozenset({"a", "an", "and", "the", "for", "of", "in", "on", "to", "with", "that", "from", "my", "this"})


def slug(identity: str) -> str:
    """`CSV data analyst for {path}: messy dates` → `csv_data_analyst`."""
    head = re.sub(r"\{[^}]*\}", " ", identity.partition(":")[0])
    words = [w for w in re.findall(r"[a-z0-9]+", head.lower()) if w not in _SMALL][:3]
    name = "_".join(words) or "agent"
    if not name.isidentifier():
        return f"agent_{name}"
    return f"{name}_agent" if keyword.iskeyword(name) or name in sys.stdlib_module_names else name
