"""What in a text may make its reader see something else than the interpreter does."""

from __future__ import annotations

import io
import tokenize
import unicodedata
from collections.abc import Iterator

from ..records import Effect

WIDTH = 240
_BLANKS = "\u115f\u1160\u3164\uffa0\u2028\u2029"


def deceptions(source: str) -> Iterator[Effect]:
    """One flagged effect for each hidden character, look-alike name and line that leaves the screen."""
    for number, line in enumerate(source.split("\n"), 1):
        for character in sorted(set(line.removesuffix("\r"))):
            if _hidden(character):
                yield _effect(number, f"a character that cannot be seen: U+{ord(character):04X} {_name(character)}")
        if line[WIDTH:].strip():
            yield _effect(number, f"goes on to column {len(line)}")
    for number, name in _names(source):
        if unicodedata.normalize("NFKC", name) != name:
            yield _effect(number, f"the name {name!r} runs as {unicodedata.normalize('NFKC', name)!r}")
        elif len({_name(c).partition(" ")[0] for c in name if c.isalpha()}) > 1:
            yield _effect(number, f"the name {name!a} mixes alphabets")


def _hidden(character: str) -> bool:
    return character in _BLANKS or (unicodedata.category(character) in ("Cf", "Cc") and character != "\t")


def _name(character: str) -> str:
    return unicodedata.name(character, "control character")


def _effect(line: int, detail: str) -> Effect:
    return Effect("deception", line, detail, True)


def _names(source: str) -> Iterator[tuple[int, str]]:
    if source.isascii():
        return
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.NAME and not token.string.isascii():
                yield token.start[0], token.string
    except (tokenize.TokenError, SyntaxError):
        return  # what does not parse is refused elsewhere
