"""The shell: a prompt_toolkit prompt of our own over IPython's engine."""

import os
import sys
from contextlib import nullcontext, redirect_stdout

from agent_repl.errors import AgentError

from ..display import plain

THEMES = {"dark": "linux", "light": "lightbg", "auto": ""}
"""What each theme is called in IPython; "auto" leaves that to IPython and its config."""


def start(code: str | None = None, file: str = "", vi: bool = False) -> int:
    """Run the shell until the person leaves, or only this code; a file is run before the first prompt.

    Gives back the exit code; raises AgentError or OSError where nothing can be started.
    """
    words_only, theme = plain(), _theme(os.environ)
    if words_only:
        os.environ["NO_COLOR"] = "1"
    if file:
        open(file, "rb").close()  # says what is wrong with it before anything is drawn

    from .engine import open_app

    with nullcontext() if code is None else redirect_stdout(sys.stderr):  # a script's output is its own
        app = open_app(code is None, file, words_only, vi, theme)
        if code is not None or app.shell.simple_prompt:
            app.shell.ready()
    if code is None:
        app.start()
        return 0
    done = app.shell.run_cell(code, store_history=False)
    error = done.error_before_exec or done.error_in_exec
    if isinstance(error, SystemExit | KeyboardInterrupt):
        raise error
    return int(error is not None)


def _theme(environment: os._Environ[str]) -> str:
    wanted = environment.get("AGENT_REPL_THEME") or "auto"
    if wanted not in THEMES:
        raise AgentError(f"AGENT_REPL_THEME should be one of {', '.join(THEMES)}, not {wanted!r}")
    return "nocolor" if environment.get("NO_COLOR") or plain() else THEMES[wanted]
