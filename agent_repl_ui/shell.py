"""The shell: IPython's own with our extension."""

import os
import sys
from contextlib import nullcontext, redirect_stdout
from typing import Any

BANNER = """\
agent-repl: name a thing, then call what you wish it could do; the methods are written as you go.
Begin with: sales = Agent("CSV data analyst for {path}", path="sales.csv"), or %agent help.
"""


def start(code: str | None, plain: bool) -> int:
    """Run the shell until the person leaves, or only this code; gives back the exit code."""
    app = _app(code is None, plain)
    if code is None:
        app.start()
        return 0
    done = app.shell.run_cell(code, store_history=False)
    error = done.error_before_exec or done.error_in_exec
    if isinstance(error, SystemExit | KeyboardInterrupt):
        raise error
    return int(error is not None)


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
