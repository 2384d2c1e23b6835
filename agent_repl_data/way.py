"""The replies of an exploration by their prompts: one that was broken off goes on where it stopped.

The prompt of a step holds what came of those before, which run again: where the data, the call or an outcome is another
one, no reply is known. What a person refused is forgotten, and so is all of it once the exploration has ended.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, field
from hashlib import sha256

from .memo import Memo


@dataclass(frozen=True)
class Draft:
    """A reply, and who gave it; `passed`: its code was judged and may run; `said`: what a person wants instead."""

    reply: str
    by: str
    passed: bool = False
    said: str = ""


@dataclass
class Way:
    """What is remembered of one exploration; with `anew` it knows nothing that was there before it."""

    memo: Memo
    anew: bool
    keys: list[tuple[str, str]] = field(default_factory=list)

    def draft(self, asked: Sequence[str], last: bool) -> Draft | None:
        """The reply that was given to a model and prompt; one that was asked for as the `last` serves in any place."""
        own, final = (sha256(json.dumps(["explore", *asked, end]).encode()).hexdigest() for end in (last, True))
        self.keys.append((own, final))
        for key in () if self.anew else (own, final):
            with suppress(ValueError, TypeError):
                return Draft(*json.loads(self.memo.get(key) or ""))
        return None

    def keep(self, draft: Draft) -> None:
        """Remember the reply to the newest prompt."""
        self.memo.put(self.keys[-1][0], json.dumps(astuple(draft)))

    def forget(self, first: int = 0) -> None:
        """Forget all replies, or those from the prompt of this position on."""
        self.memo.drop([key for both in self.keys[first:] for key in both])
