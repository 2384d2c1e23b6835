"""Seeing that a reply as it streams goes round in circles."""

from __future__ import annotations

from collections import Counter

LONGEST_LINE = 4000


def looping(text: str) -> bool:
    """Whether a reply repeats itself so much that the rest is not worth waiting for.

    True for 12 equal lines among the last 40, a cycle of up to 4 lines gone round 8 times, or 4,000 characters without
    a line end. Lines of fewer than four characters do not count alone.
    """
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    return (
        (len(text) >= LONGEST_LINE and "\n" not in text[-LONGEST_LINE:])
        or any(count >= 12 for count in Counter(filter(_tells, lines[-40:])).values())
        or any(_cycles(lines[-8 * size - cut : len(lines) - cut], size) for size in range(1, 5) for cut in (0, 1))
    )


def _tells(line: str) -> bool:
    return len(line) > 3


def _cycles(lines: list[str], size: int) -> bool:
    """Whether these lines are the same few, eight times; the last line of a stream may still be growing."""
    return len(lines) == 8 * size and lines == lines[:size] * 8 and any(map(_tells, lines))
