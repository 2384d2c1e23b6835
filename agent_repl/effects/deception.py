"""What in a text may make its reader see something else than the interpreter does."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from ..records import Effect

WIDTH = 240
_PLAIN = frozenset(map(chr, range(32, 127))) | {"\t"}
_BLANKS = "\u115f\u1160\u3164\uffa0\u2028\u2029"


def deceptions(source: str) -> Iterator[Effect]:
    """One flagged effect for each hidden character and each line that leaves the screen."""
    for number, line in enumerate(source.split("\n"), 1):
        for character in sorted(filter(_hidden, set(line.removesuffix("\r")) - _PLAIN)):
            name = unicodedata.name(character, "control character")
            detail = f"a character that cannot be seen: U+{ord(character):04X} {name}"
            yield Effect("deception", number, detail, True)
        if line[WIDTH:].strip():
            yield Effect("deception", number, f"goes on to column {len(line)}", True)


def _hidden(character: str) -> bool:
    return character in _BLANKS or unicodedata.category(character) in ("Cf", "Cc")
