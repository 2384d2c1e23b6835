"""What happens, for those who look later: a file of JSON lines, and Python's own logging by the name "agent_repl"."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .secrets import hidden

LEVELS = ("call", "stage", "prompt")
LOGGER = logging.getLogger("agent_repl")
LOGGER.addHandler(logging.NullHandler())
_TROUBLE = ("attempt", "repair", "warning")
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)  # a pipe without a reader stops nobody


@dataclass(frozen=True)
class Log:
    """Takes down each outermost call, at level "stage" what happens on its way too, at "prompt" what was sent and said.

    `path` names the file, "" none. Secrets, and what the pattern `redact` finds, are left out of every text. It
    never raises: what cannot be written is not. Each line is one write, so that several processes do not tear each
    other's.
    """

    path: str = ""
    level: str = "call"
    redact: str = ""

    def put(self, level: str, /, **facts: Any) -> None:
        """Append these facts and the time to the file, where it takes lines of this level."""
        if not self.path or LEVELS.index(level) > LEVELS.index(self.level):
            return
        with suppress(Exception):
            line = {"at": datetime.now(UTC).isoformat(timespec="seconds"), **self._hidden(facts)}
            _append(os.path.expanduser(self.path), json.dumps(line).encode() + b"\n")

    def happened(self, kind: str, call: str, **facts: Any) -> None:
        """Take down a stage of a call that ended, or an event on its way; what belongs to no call is not."""
        if not call:
            return
        level = logging.WARNING if kind in _TROUBLE else logging.INFO
        with suppress(Exception):  # a handler is anybody's code
            if LOGGER.isEnabledFor(level):
                LOGGER.log(level, "%s", self._hidden(" · ".join(map(str, (call, kind, *facts.values())))))
        self.put("stage", event=kind, call=call, **facts)

    def _hidden(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._hidden_in(value)
        if isinstance(value, Mapping):
            return {name: self._hidden(each) for name, each in value.items()}
        return [self._hidden(each) for each in value] if isinstance(value, list | tuple) else value

    def _hidden_in(self, text: str) -> str:
        """Every text that is taken down passes here, on its way to the file and to Python's own logging."""
        text = hidden(text)
        return re.sub(self.redact, "…", text) if self.redact else text


def _append(path: str, line: bytes) -> None:
    file = os.open(path, _FLAGS, 0o600)
    try:
        os.write(file, line)
    finally:
        os.close(file)
