"""What tests of the shell need: an environment of its own, and a person who types and looks at the screen."""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path

import pexpect
import pyte


def surroundings(home: Path) -> dict[str, str]:
    """An environment in which nothing is the person's own."""
    places = {name: str(home) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME")}
    known = ("ANTHROPIC_", "AGENT_REPL_", "NO_COLOR", "EDITOR", "VISUAL", "ACCESSIBLE")
    keep = {name: value for name, value in os.environ.items() if not name.startswith(known)}
    path = str(Path(__file__).parent.parent)
    ours = {"PYTHONPATH": path, "IPYTHONDIR": str(home / "ipython"), "TERM": "xterm-256color"}
    return {**keep, **places, **ours}


class Person:
    """Somebody who types at a shell and looks at its screen."""

    def __init__(self, env, *words: str, columns: int = 80, rows: int = 24) -> None:
        words = ("-m", "agent_repl", *words)
        self.child = pexpect.spawn(
            sys.executable, list(words), env=env, cwd=env["HOME"], encoding="utf-8", dimensions=(rows, columns)
        )
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.Stream(self.screen)
        self.raw = ""
        self.sees(r"In \[1\]:", "review: ", seconds=30)

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip()

    def types(self, keys: str) -> Person:
        self.child.send(keys)
        return self

    def sees(self, *patterns: str, seconds: float = 6) -> Person:
        """Wait until each pattern is found somewhere on the screen."""
        self._watch(lambda: all(re.search(p, self.text, re.MULTILINE) for p in patterns), seconds)
        missing = [p for p in patterns if not re.search(p, self.text, re.MULTILINE)]
        assert not missing, f"{missing} not on the screen:\n{self.text}"
        return self

    def leaves(self, keys: str = "\x04") -> int:
        self.types(keys)
        self._watch(lambda: False, 10)
        self.child.close()
        return self.child.exitstatus

    def _watch(self, enough, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not enough():
            try:
                data = self.child.read_nonblocking(65536, timeout=0.05)
            except pexpect.TIMEOUT:
                continue
            except pexpect.EOF:
                return
            self.raw += data
            self.stream.feed(data)
            for _ in range(data.count("\x1b[6n")):  # a terminal says where its cursor is
                self.child.send(f"\x1b[{self.screen.cursor.y + 1};{self.screen.cursor.x + 1}R")
