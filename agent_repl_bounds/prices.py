"""What models cost, by the table beside this file, which says as of when."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path


def price(model: str) -> list[float] | None:
    """US dollars for a million tokens: input, output, read from the cache, written to it; None for an unknown model."""
    return prices().get(re.sub(r"-\d{8}$", "", model))


def cost(model: str, tokens: Sequence[int]) -> float | None:
    """What these tokens cost in US dollars, in the order of `price`."""
    each = price(model)
    return sum(count * rate for count, rate in zip(tokens, each, strict=True)) / 1e6 if each else None


def most(model: str, text: str, max_tokens: int) -> float | None:
    """The highest cost of an answer to a text: a token for every two bytes, all written to the cache, and all tokens.

    Prompts of ours have three to four bytes a token; texts in other scripts come nearer to two.
    """
    each = price(model)
    if each is None:
        return None
    sent, written = len(text.encode(errors="replace")) / 2, max(each[0], each[3])
    return (sent * written + max_tokens * each[1]) / 1e6


@cache
def prices() -> dict[str, list[float]]:
    """The table: what `price` knows, by model."""
    from tomllib import loads

    return loads(Path(__file__).with_name("prices.toml").read_text(encoding="utf-8"))
