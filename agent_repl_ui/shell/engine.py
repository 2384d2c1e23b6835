"""IPython's engine behind our prompt: its profile, config, history, magics and tracebacks."""

import asyncio
import sys
from contextlib import suppress
from importlib import import_module
from threading import Thread
from typing import Any

from IPython.terminal.interactiveshell import TerminalInteractiveShell
from IPython.terminal.ipapp import TerminalIPythonApp
from prompt_toolkit.application import create_app_session
from prompt_toolkit.patch_stdout import patch_stdout
from traitlets.config import Config

from agent_repl.errors import AgentError

from .packages import offer
from .prompt import prompt_session
from .toolbar import summary

BANNER = 'agent-repl: sales = Agent("analyst of {path}", path="sales.csv") or %agent\n'


def open_app(interact: bool, file: str, plain: bool, vi: bool, colors: str) -> TerminalIPythonApp:
    """IPython's application with our shell in it, its config read and its startup files run."""
    usual, wanted = Config(), Config()
    usual.TerminalInteractiveShell.update(confirm_exit=False, term_title_format="agent-repl: {cwd}")
    usual.TerminalInteractiveShell.update(banner1=BANNER, display_completions="column")
    if not sys.stdout.isatty():  # older IPythons write it into a pipe too
        usual.TerminalInteractiveShell.term_title = False
    if hasattr(Shell, "enable_tip"):  # IPython 9 and later
        usual.TerminalInteractiveShell.enable_tip = False
    wanted.TerminalIPythonApp.update(display_banner=interact, force_interact=True, file_to_run=file)
    said = {"editing_mode": vi and "vi", "colors": colors}
    wanted.TerminalInteractiveShell.update({name: value for name, value in said.items() if value})
    if plain or not interact:
        wanted.TerminalInteractiveShell.update(simple_prompt=True, term_title=False)
    app = App.instance(config=usual, interactive_shell_class=Shell)
    app.wanted = wanted
    app.initialize(argv=[])
    return app


class App(TerminalIPythonApp):  # type: ignore[misc]
    """IPython's application, in which `wanted` has the last word."""

    wanted: Config

    def load_config_file(self, *args: Any, **kwargs: Any) -> None:
        super().load_config_file(*args, **kwargs)
        self.update_config(self.wanted)


class Shell(TerminalInteractiveShell):  # type: ignore[misc]
    """Runs cells as IPython does; what is ours is loaded once the first prompt stands, or when code is run before."""

    editing_mode: str
    separate_in: str
    rl_next_input: str | None
    pt_app: Any
    _use_asyncio_inputhook = False  # `%gui asyncio` sets it
    is_ready = False
    status = ""  # what the toolbar says until the next prompt

    def init_prompt_toolkit_cli(self) -> None:
        """IPython's question on one line where that is wanted; our prompt is made when it is first needed."""
        self._missing: set[str] = set()
        self._cell, self._warm = "", False
        if self.editing_mode not in ("emacs", "vi"):
            print(f"editing_mode should be 'emacs' or 'vi', not {self.editing_mode!r}: emacs it is", file=sys.stderr)
            self.editing_mode = "emacs"
        self._separate = self.separate_in
        if self.simple_prompt:
            super().init_prompt_toolkit_cli()
        else:
            self.separate_in = ""  # no space yet: above the first prompt comes a line about the session

    def prompt_for_code(self) -> str:
        """What the person types; EOFError when they leave."""
        self._sum_up()
        if self.pt_app is None:
            self.pt_app, self.separate_in = prompt_session(self), self._separate
            self.pt_app.app.after_render += self._begin
        if self._use_asyncio_inputhook:
            return str(super().prompt_for_code())
        default, self.rl_next_input = self.rl_next_input or "", None
        hook = {"inputhook": self._inputhook} if self._inputhook else {}
        with patch_stdout(raw=True):
            return str(self.pt_app.prompt(default=default, **hook))

    def _extra_prompt_options(self) -> dict[str, Any]:
        return {}  # our session has them all

    def _begin(self, app: Any) -> None:
        """The first prompt is drawn: from here on imports cost nobody's time."""
        app.after_render -= self._begin
        loop = asyncio.get_running_loop()

        def work() -> None:
            import_module("agent_repl_ui.extension")
            with suppress(RuntimeError):  # the prompt was answered meanwhile, and with the cell all this is done
                loop.call_soon_threadsafe(finish)

        def finish() -> None:
            try:
                with create_app_session():  # the next cell is not at this prompt, so a person can be asked in it
                    self.ready()
            except (AgentError, OSError) as error:
                if not app.is_done:  # else the cell meets the same error
                    app.exit(exception=error)
            app.invalidate()

        Thread(target=work, daemon=True).start()

    def ready(self) -> None:
        """Load the extension, natural language and all that watches cells, once; raises AgentError."""
        if self.is_ready:
            return
        self.extension_manager.load_extension("agent_repl")
        self.events.register("post_run_cell", self._after_cell)
        self.is_ready = True
        self._sum_up()

    def _sum_up(self) -> None:
        self.status = summary(self, self._cell) if self.is_ready else ""

    def run_cell(self, raw_cell: str, *args: Any, **kwargs: Any) -> Any:
        """As IPython does."""
        self.ready()
        self._cell = raw_cell
        return super().run_cell(raw_cell, *args, **kwargs)

    def safe_execfile(self, *args: Any, **kwargs: Any) -> Any:
        """As IPython does."""
        __tracebackhide__ = True
        self.ready()
        return super().safe_execfile(*args, **kwargs)

    def _after_cell(self, result: Any) -> None:
        if line := offer(result.error_in_exec, self._missing):
            print(line)
        self._warm_up()

    def _warm_up(self) -> None:
        """Once an agent without methods stands at the prompt, import in the background what asking a host takes."""
        from agent_repl.session import default_session

        session = default_session()
        new = any(not identity.names() for identity in session.identities.values())
        if self._warm or self.pt_app is None or session.mode == "cached" or not new:
            return
        self._warm = True
        with suppress(AgentError):
            if session.provider.host:
                Thread(target=_import, args=("anthropic",), daemon=True).start()


def _import(module: str) -> None:
    with suppress(ImportError):
        import_module(module)
