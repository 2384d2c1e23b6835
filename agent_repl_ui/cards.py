"""An agent's own display in a notebook: a card with its methods, their tiers, versions and cost."""

import html
from collections.abc import Callable
from functools import partial
from typing import Any

from agent_repl.agent import Agent
from agent_repl.control import versions
from agent_repl.errors import AgentError
from agent_repl.pipeline import fill
from agent_repl.records import Usage
from agent_repl.wrapping import unwrap

from .render import escaped, price

LONGEST = 400  # characters of an identity, or of a line about a method, that are shown
HEADS = ("method", "tier", "accepted", "versions", "cost", "what it does")


def install(ip: Any) -> Callable[[], object]:
    """Show agents as cards in this kernel; gives back what ends that. A terminal goes on showing the repr."""
    if not getattr(ip, "kernel", None):
        return lambda: None
    bundles = ip.display_formatter.mimebundle_formatter
    bundles.for_type(Agent, partial(_bundle, ip.display_formatter))
    return partial(bundles.pop, Agent, None)


def _bundle(formatter: Any, agent: Agent) -> Any:
    """What is displayed of an agent: what it wraps, where that is more than text; else its card."""
    wrapped = unwrap(agent)
    if wrapped is not agent:
        shown, metadata = formatter.format(wrapped)
        if set(shown) - {"text/plain"}:
            return shown, metadata
    try:
        return {"text/plain": as_text(agent), "text/html": as_html(agent)}
    except AgentError:
        return None  # its store cannot be read: the repr says what is known


def as_text(agent: Agent) -> str:
    """The card as lines of words."""
    table, total = _rows(agent)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    rows = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table)
    return "\n".join([*_about(agent), *(f"  {row}" for row in rows if len(table) > 1), total])


def as_html(agent: Agent) -> str:
    """The card with inline styles only: it takes the colours of the page, dark or light."""
    table, total = _rows(agent)
    title, *about = _about(agent)
    body = "".join(
        _html("tr", "", "".join(_html("td", _CELL, cell) for cell in map(html.escape, row))) for row in table
    )
    said = "".join(_html("div", "white-space:pre-wrap", html.escape(line)) for line in about)
    shown = _html("table", f"margin:.4em 0;border-collapse:collapse;{_CELL}", body) if len(table) > 1 else ""
    return _html("div", _FRAME, _html("b", "", html.escape(title)) + said + shown + _html("div", "opacity:.75", total))


_FRAME = "display:inline-block;border:1px solid #8888;border-radius:4px;padding:.5em .8em;color:inherit"
_CELL = "text-align:left;padding:.1em 1em .1em 0;color:inherit;background:none"


def _html(tag: str, style: str, inside: str) -> str:
    return f'<{tag} style="{style}">{inside}</{tag}>'


def _about(agent: Agent) -> list[str]:
    """The agent's name, its words, and what state it has: names only, values may be anything."""
    words = _short(fill(type(agent)._agent_repl_identity_.template, vars(agent)))
    wrapped = unwrap(agent)
    kind = [] if wrapped is agent else [_short(f"wraps {type(wrapped).__qualname__}")]
    state = [_short(f"state: {', '.join(vars(agent))}")] if vars(agent) else []
    return [f"agent {agent._agent_repl_label_}", words, *kind, *state]


def _rows(agent: Agent) -> tuple[list[tuple[str, ...]], str]:
    """The table with its heads, and what all of it has cost."""
    identity = type(agent)._agent_repl_identity_
    rows: list[tuple[str, ...]] = [HEADS]
    total = Usage()
    for name in identity.names():
        known, method = versions(agent, name), identity.find(name)
        if method is not None:
            head, spent = method.entry.version, sum((version.usage for version in known), start=Usage())
            doc = _short((method.function.__doc__ or "").strip().partition("\n")[0])
            rows.append((name, f"{method.tier} v{head.number}", head.created[:10], str(len(known)), _cost(spent), doc))
            total += spent
    if not rows[1:]:
        return rows, "no methods yet: call what you wish it could do"
    tokens = f"{total.input_tokens + total.output_tokens:,} tokens · " if total.output_tokens else ""
    return rows, f"model calls: {total.calls:,} · {tokens}{_cost(total)}"


def _cost(usage: Usage) -> str:
    return price(usage).removeprefix("cost ")


def _short(text: str) -> str:
    text = escaped(" ".join(text.split()))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
