"""A name for an identity that was given none: short, and free of keywords and the standard library's names."""

from __future__ import annotations

import keyword
import re
import sys
import unicodedata

_SMALL = frozenset({"a", "an", "and", "the", "for", "of", "in", "on", "to", "with", "that", "from", "my", "this"})


def slug(identity: str) -> str:
    """`CSV data analyst for {path}: messy dates` → `csv_data_analyst`."""
    head = re.sub(r"\{[^}]*\}", " ", identity.partition(":")[0])
    plain = unicodedata.normalize("NFKD", head.lower()).encode("ascii", "ignore").decode()
    words = [w for w in re.findall(r"[a-z0-9]+", plain) if w not in _SMALL][:3]
    name = "_".join(words) or "agent"
    return name if is_name(name) else f"{name}_agent" if name[0].isalpha() else f"agent_{name}"


def is_name(name: str) -> bool:
    """Whether an agent, its class and its file may be called that."""
    plain = re.fullmatch(r"[a-z][a-z0-9_]*", name) is not None
    return plain and not keyword.iskeyword(name) and name not in sys.stdlib_module_names
