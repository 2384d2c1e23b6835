"""`%load_ext agent_repl`: a reviewer for this shell, `%agent`, and what a cell will run."""

import re
from contextlib import ExitStack, suppress
from typing import Any

from agent_repl.agent import Agent
from agent_repl.session import Session, default_session

from . import cards, complete, words
from .notebook import NotebookReviewer
from .status import watch
from .temporary import warning
from .terminal import TerminalReviewer

_loaded: dict[Any, ExitStack] = {}  # by shell: what unloading does


def load(ip: Any) -> None:
    """Give this shell a reviewer, the name `Agent` and the magics; prints what writes code, and where."""
    session = default_session()
    vars(_as_typed)["has_side_effects"] = True  # so that IPython does not use it to tell whether a cell is whole
    with ExitStack() as undo:
        undo.callback(setattr, session, "mode", session.mode)
        undo.callback(session.set, **vars(session.settings))
        undo.callback(setattr, session, "reviewer", session.reviewer)
        session.reviewer = NotebookReviewer(ip) if getattr(ip, "kernel", None) else TerminalReviewer()
        _name(ip, undo)
        _magics(ip, undo)
        complete.install(ip, undo)
        undo.callback(watch(ip))
        ip.input_transformers_cleanup.insert(2, _as_typed)  # before what strips prompts
        undo.callback(ip.input_transformers_cleanup.remove, _as_typed)
        undo.callback(words.install(ip))
        undo.callback(cards.install(ip))
        _look_again(ip, session, undo)
        _loaded[ip] = undo.pop_all()
    lost = warning(session.store.home)
    print(session.describe() + (f"\nagent_repl: {lost}" if lost else "") + "\n", end="")  # in one: a prompt may be up


def unload(ip: Any) -> None:
    """Take back all that loading gave; the agents that were made stay."""
    _loaded.pop(ip).close()


def _look_again(ip: Any, session: Session, undo: ExitStack) -> None:
    """A kernel that loads us before any cell has come cannot know yet whether anybody answers there."""

    def look(info: Any) -> None:
        end()
        session.reviewer = session.reviewer

    def end() -> None:
        with suppress(ValueError):  # it has looked
            ip.events.unregister("pre_run_cell", look)

    if getattr(ip, "kernel", None) and not ip.kernel.get_parent():
        ip.events.register("pre_run_cell", look)
        undo.callback(end)


def _name(ip: Any, undo: ExitStack) -> None:
    if "Agent" not in ip.user_ns:
        ip.push({"Agent": Agent}, interactive=False)
        undo.callback(ip.drop_by_id, {"Agent": Agent})
    elif ip.user_ns["Agent"] is not Agent:
        print("Agent is already a name here and stays what it is; ours is agent_repl.Agent")


def _magics(ip: Any, undo: ExitStack) -> None:
    from .magics import AgentMagics

    ours, known = AgentMagics(ip), ip.magics_manager
    ip.register_magics(ours)
    undo.callback(ip.configurables.remove, ours)
    undo.callback(known.registry.pop, "AgentMagics")
    undo.callback(lambda: [table.pop("agent") for table in known.magics.values()])


def _as_typed(lines: list[str]) -> list[str]:
    """What IPython would take for its own goes to us: `%agent pin?`, and the >>> of examples in a `%%agent` cell."""
    if len(lines) > 1 and re.match(r"%%agent\s", lines[0]):
        return [f"get_ipython().run_cell_magic('agent', {lines[0][8:].strip()!r}, {''.join(lines[1:])!r})\n"]
    return [re.sub(r"^(\s*%agent\s.*[^\s?])\?\s*$", r"\1 ?\n", line) for line in lines]
