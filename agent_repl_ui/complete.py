"""What can follow on an `%agent` line: for IPython's completer, and for the shell's."""

from collections.abc import Mapping
from typing import Any

from .verbs import VERBS


def agent_words(line: str, names: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Each text that may stand for the last word of an `%agent ...` line, with what it is; nothing is run."""
    words = line.removeprefix("%agent").lstrip().split(" ")
    if len(words) > 1:
        return []
    return [(verb, about) for verb, (_, _, about) in VERBS.items() if verb and verb.startswith(words[-1])]
