"""What can be shown here: drawings and colours, or plain words."""

import os
from contextlib import suppress
from typing import Any, TextIO


def colour_wanted(stream: TextIO) -> bool:
    """Whether this stream is a terminal that shows colours, to a person who wants them (NO_COLOR, TERM)."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def plain() -> bool:
    """Whether words are wanted instead of drawings, or the terminal can show nothing else."""
    return os.environ.get("TERM") in ("dumb", "unknown") or any(
        os.environ.get(name) for name in ("ACCESSIBLE", "AGENT_REPL_PLAIN")
    )


def is_terminal(stream: Any) -> bool:
    """Whether a person sits at the other end; a closed, missing or odd stream is nobody."""
    with suppress(AttributeError, OSError, ValueError):
        return bool(stream.isatty())
    return False
