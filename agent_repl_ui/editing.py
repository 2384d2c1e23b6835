"""A person's own text of a method, from the editor of their choice."""

import os
import shlex
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from agent_repl_code.lua import is_lua


def edited(source: str) -> str:
    """The source as the person leaves it in an editor; raises ValueError that says why there is none."""
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not command:
        raise ValueError("no editor is set: at the prompt, %env EDITOR=nano (or another) sets one")
    try:
        with tempfile.TemporaryDirectory(prefix="agent_repl-") as scratch:
            file = Path(scratch, "method.lua" if is_lua(source) else "method.py")
            file.write_text(source, encoding="utf-8")
            if code := _exit_code([*shlex.split(command, posix=os.name != "nt"), str(file)]):
                raise ValueError(f"its exit code is {code}")
            return file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ValueError(f"the editor {command} failed, nothing was changed: {error}") from error


def _exit_code(command: list[str]) -> int:
    """What the program ends with; Ctrl-C is a key of its own."""
    editor = subprocess.Popen(command)
    while True:
        with suppress(KeyboardInterrupt):
            return editor.wait()
