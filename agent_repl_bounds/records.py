"""The noun of this package, frozen: one fact about code."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Effect:
    """One fact about what code touches: its kind, the line, words for the reviewer, and whether it needs a look."""

    kind: str
    line: int
    detail: str
    flagged: bool
