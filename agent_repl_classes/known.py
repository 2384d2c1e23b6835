"""What was written for words before: the store knows it by the reason of a version."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from agent_repl.pipeline.drafts import FROM_WORDS
from agent_repl.protocols import Store
from agent_repl.records import Key, Version

_REASON = re.compile(rf"(?:{FROM_WORDS}|revised): (.*) \(method (\d+) of (\d+)\)", re.S)


class Begun(NamedTuple):
    """The words that began a method last, its place among how many that they ask for, and its versions since."""

    words: str = ""
    place: str = ""
    among: str = "0"
    since: Sequence[Version] = ()


def marked(words: str, number: int, count: int) -> str:
    """The words as a reason holds them."""
    return f"{words} (method {number} of {count})"


def begun(versions: Sequence[Version]) -> Begun:
    """How the newest of these versions came about."""
    found = [(i, match) for i, v in enumerate(versions) if (match := _REASON.fullmatch(v.reason))]
    return Begun(*found[-1][1].groups(), versions[found[-1][0] :]) if found else Begun()


def written_for(store: Store, identity: str, words: str) -> dict[str, Version]:
    """What was written for just these words, by method; accepted code goes before drafts, later before earlier.

    Nothing where one of the methods that they ask for is missing, or has been described in other words since.
    """
    found: dict[int, tuple[str, Version]] = {}
    among = 0
    for name in [v.key.name for v in store.newest() if v.key.identity == identity]:
        last = begun(store.versions(Key(identity, name)))
        since = [v for v in last.since if v.verdict != "failed"]
        if last.words == words and since:
            found[int(last.place)] = name, ([v for v in since if v.verdict == "accepted"] or since)[-1]
            among = int(last.among)
    return dict(found[place] for place in sorted(found)) if len(found) == among else {}
