"""A value's class by options: which of the constants that code compares it with it equals, or other.

It is what the code's own `strip`, `lower` or `split()[1]` makes of the value that is compared; of a part that cannot be
followed, which constants occur in the whole. What is not covered: texts above 1 KB, containers above 64 elements, and
the elements that a loop compares.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from agent_repl_data.files import shortened
from agent_repl_data.kinds import KEYS, LONG_TEXT, member, signature

_WAYS: dict[str, Callable[[Any, str], bool]] = {
    "==": str.__eq__, "has": str.__contains__, "in": lambda text, word: text in word,
    "holds": lambda made, word: word in made, "startswith": str.startswith, "endswith": str.endswith,
}  # fmt: skip


def signer(option: Iterable[tuple[str, str, str]]) -> Callable[[Any], str]:
    """What says a value's signature with its class by these options: `str == 'km'`, `str has '>'`, `bool == True`.

    An option is the steps to what is compared (`.strip()[0]`), how it meets a constant, and that. The classes of the
    last texts are remembered: one that comes again costs a lookup.
    """
    tests: dict[tuple[str, str], list[str]] = {}
    for steps, how, word in sorted(option):
        tests.setdefault((steps, how), []).append(word)
    compiled = [(eval(f"lambda value: value{steps}", {}), how, words) for (steps, how), words in tests.items()]
    within = [
        test for test, (steps, how) in zip(compiled, tests, strict=True) if how != "with" and (steps or how != "truth")
    ]

    @lru_cache(maxsize=256)
    def of_text(text: str) -> str:
        return "str" + "".join(_class_of(text, *test) for test in compiled)

    def signed(value: Any) -> str:
        if type(value) is str and len(value) <= LONG_TEXT:
            return of_text(value)
        if type(value) is bool:
            return f"bool == {value}"
        kind = signature(value)
        if within and (plain := _plain(value, 3)) is not None:  # what a loop compares is data
            return kind + "".join(_class_of(plain, *test) for test in within)
        return kind + _member_class(value, option) if ":" in kind else kind  # an enum is named as a subclass is

    return signed


def _plain(value: Any, depth: int) -> Any:
    """The short texts and the truths of a small container, in containers; all else in it, and any other, is None."""
    if type(value) is dict and depth and len(value) <= KEYS:
        return {key: _plain(item, depth - 1) for key, item in dict.copy(value).items() if type(key) is str}
    if type(value) in (list, tuple, set, frozenset) and depth and len(value) <= KEYS:
        return [_plain(item, depth - 1) for item in list(value)]
    return value if type(value) is bool or (type(value) is str and len(value) <= LONG_TEXT) else None


def _class_of(value: Any, steps: Callable[[Any], Any], how: str, words: list[str]) -> str:
    try:
        made = steps(value)
    except (AttributeError, LookupError, TypeError, ValueError):
        return " == absent" if how != "truth" else ""
    if how == "truth" or type(made) is bool or made is None:
        return f" == {made}" if type(made) is bool else ""
    if type(made) is str and made in words:
        return f" == {shortened(repr(made), 200)}"
    ways = ("holds",) if type(made) is not str else ("has", "in") if how == "with" else (how,)
    found = [f"{way} {word!r}" for way in ways for word in words if word and _WAYS[way](made, word)]
    return f" {shortened(', '.join(found), 200) or '== other'}"


def _member_class(value: Any, option: Iterable[tuple[str, str, str]]) -> str:
    """An enum member is its name; or other, where code compares members with nothing but members."""
    name, words = member(value), {word for _, how, word in option if how != "truth"}
    other = f".{name}" not in words and all(word.startswith(".") for word in words)
    return f" == {'other' if other else name}" if name else ""
