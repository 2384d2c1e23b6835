"""`%load_ext agent_repl`: a reviewer for this shell, `%agent`, and what a cell will run."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, cast

from agent_repl.agent import Agent
from agent_repl.errors import AgentError
from agent_repl.session import default_session

from .notebook import NotebookReviewer
from .render import escaped
from .status import watch
from .terminal import TerminalReviewer
from .verbs import run

_loaded: dict[Any, ExitStack] = {}  # by shell: what unloading does


def load(ip: Any) -> None:
    """Give this shell a reviewer, the name `Agent` and the magic `%agent`; prints what writes code, and where."""
    session, undo = default_session(), ExitStack()
    undo.callback(setattr, session, "reviewer", session.reviewer)
    session.reviewer = NotebookReviewer(ip) if getattr(ip, "kernel", None) else TerminalReviewer()
    if ip.user_ns.get("Agent", Agent) is Agent:
        ip.push({"Agent": Agent}, interactive=False)
    else:
        print("Agent is already a name here and stays what it is; ours is agent_repl.Agent")
    undo.callback(ip.drop_by_id, {"Agent": Agent})
    ip.register_magic_function(_magic(ip), magic_kind="line", magic_name="agent")
    undo.callback(ip.magics_manager.magics["line"].pop, "agent", None)
    undo.callback(watch(ip))
    _loaded[ip] = undo
    print(session.describe())


def unload(ip: Any) -> None:
    """Take back all that loading gave; the agents that were made stay."""
    _loaded.pop(ip).close()


def _magic(ip: Any) -> Callable[[str], Any]:
    from IPython.core.error import UsageError
    from IPython.core.magic import no_var_expand

    def agent(line: str) -> Any:
        """Make, show and keep agents: %agent help."""
        try:
            return run(ip.user_ns, line.strip())
        except (AgentError, OSError) as error:
            raise UsageError(escaped(str(error))) from None

    return cast(Callable[[str], Any], no_var_expand(agent))
