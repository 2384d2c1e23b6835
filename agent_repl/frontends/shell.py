"""The `agent-repl` shell: IPython's own, with our extension loaded."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext, redirect_stdout
from typing import Any

BANNER = """\
agent-repl: name a thing, then call what you wish it could do; the methods are written as you go.
Begin with: sales = Agent("CSV data analyst for {path}", path="sales.csv"), or %agent help.
"""


def run(code: str | None = None, plain: bool = False) -> int:
    """Run the shell and give back its exit code.

    With `code` that runs and nothing is asked; a standard input that is no terminal is read as a script. `plain` is
    for screen readers: no colours, no drawing in place.
    """
    if code is None and not sys.stdin.isatty():
        code = sys.stdin.read()
    app = _app(code is None, plain)
    if code is None:
        app.start()
        return 0
    done = app.shell.run_cell(code, store_history=False)
    return _exit_code(done.error_before_exec or done.error_in_exec)


def _app(prompt: bool, plain: bool) -> Any:
    from IPython.terminal.ipapp import TerminalIPythonApp
    from traitlets.config import Config

    config = Config()
    config.InteractiveShellApp.extensions = ["agent_repl"]
    config.TerminalIPythonApp.display_banner = prompt
    config.TerminalInteractiveShell.banner1 = BANNER
    if plain:
        os.environ["NO_COLOR"] = "1"
        config.TerminalInteractiveShell.update(simple_prompt=True, colors="nocolor")
    app = TerminalIPythonApp.instance(config=config)
    with nullcontext() if prompt else redirect_stdout(sys.stderr):  # a script's output is its own
        app.initialize(argv=[])
    return app


def _exit_code(error: BaseException | None) -> int:
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    return 130 if isinstance(error, KeyboardInterrupt) else int(error is not None)
