"""The line below the prompt; it is made anew for each prompt, and drawing it reads nothing."""

import re
from typing import Any

from prompt_toolkit.application import get_app
from prompt_toolkit.formatted_text import StyleAndTextTuples


def toolbar(shell: Any) -> StyleAndTextTuples:
    """How the call around the cursor goes, if it is of a written method, then the state of the session."""
    return [*(("class:hint", f"{line}\n") for line in _hints(shell)), ("", shell.status)]


def _hints(shell: Any) -> list[str]:
    before = get_app().current_buffer.document.text_before_cursor
    if not shell.is_ready or "(" not in before:
        return []
    from .hints import hint

    return list(filter(None, [hint(before, shell.user_ns)]))


def summary(shell: Any, cell: str) -> str:
    """`sales 3 written, 1 pinned · review: ask · 2 of 5 calls were hits · $0.0031 · 1,204 tokens · MODEL`."""
    from agent_repl.session import default_session

    from ..render import escaped

    session = default_session()
    parts = _agent(shell, cell), f"review: {session.mode}", _hits(shell), _spent(session.usage), _model(session)
    return escaped(" · ".join(filter(None, parts)))


def _agent(shell: Any, cell: str) -> str:
    """The agent that the cell names, else the newest one."""
    from ..words import agent_named

    names = [name for name in reversed([*shell.user_ns, *re.findall(r"\w+", cell)]) if not name.startswith("_")]
    agent = next((found for name in names if (found := agent_named(name, shell.user_ns)) is not None), None)
    if agent is None:
        return "no agent yet"
    identity = type(agent)._agent_repl_identity_
    return f"{identity.label} {len(identity.names())} written, {len(identity.pinned())} pinned"


def _hits(shell: Any) -> str:
    from ..status import tally

    calls, hits = tally(shell)
    return f"{hits} of {calls} calls were hits" if calls else ""


def _spent(usage: Any) -> str:
    from ..render import price

    tokens = usage.input_tokens + usage.output_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    cost = "" if usage.cost == 0 else price(usage)
    return " · ".join(filter(None, [cost, f"{tokens:,} tokens" if tokens else ""]))


def _model(session: Any) -> str:
    from agent_repl.errors import AgentError

    try:
        return str(session.provider.model)
    except AgentError:
        return "no model"
