"""`%agent` and `%%agent` as magics of IPython, with the session's settings as their traits."""

from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from traitlets import TraitType

from agent_repl.errors import AgentError
from agent_repl.session import default_session

from .cells import run_cell
from .manual import manual
from .render import escaped
from .verbs import VERBS, run


class Setting(TraitType):  # type: ignore[misc]
    """A setting of the session as a trait; a value that it cannot have is told in one line, and changes nothing."""

    def get(self, obj: Any, cls: Any = None) -> Any:
        """What the session has now, whoever set it."""
        session = default_session()
        return session.mode if self.name == "review" else getattr(session.settings, self.name)

    def validate(self, obj: Any, value: Any) -> Any:
        """Set it; gives back what holds then."""
        try:
            default_session().set(**{self.name: value})
        except AgentError as error:
            print(escaped(f"AgentMagics.{self.name} stays {self.get(obj)!r}: {error}"))
        return self.get(obj)


@magics_class
class AgentMagics(Magics):  # type: ignore[misc]
    """Make, show and keep agents; what is set here is a setting of the session."""

    review = Setting(help="who looks at new code: ask, auto, later or cached").tag(config=True)
    show = Setting(help="before each cell: code, line (a line for each known call) or off").tag(config=True)
    samples = Setting(help="what of your data a prompt may hold: some or none").tag(config=True)
    policy = Setting(help="what flagged effects do: inform or strict").tag(config=True)
    model = Setting(help="the model that writes, by its provider's name for it").tag(config=True)
    max_cost = Setting(help="US dollars that a session may cost; 0 is no limit").tag(config=True)
    max_calls = Setting(help="how often one call may ask the model").tag(config=True)
    generation_retries = Setting(help="how often a model may try to write valid code").tag(config=True)
    repairs = Setting(help="how often code that failed is mended without asking").tag(config=True)

    @no_var_expand  # type: ignore[untyped-decorator]
    @line_cell_magic  # type: ignore[untyped-decorator]
    def agent(self, line: str, cell: str | None = None) -> Any:
        try:
            return run(self.shell.user_ns, line) if cell is None else run_cell(self.shell.user_ns, line, cell)
        except (AgentError, OSError) as error:
            raise UsageError(escaped(str(error))) from None

    agent.__doc__ = manual(VERBS.values())
