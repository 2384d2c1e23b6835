"""A proposal as text or as HTML: what you see is what would run."""

import difflib
import html
import re
from collections.abc import Iterator
from typing import Any

from agent_repl.records import Effect, Event, Proposal, Usage, Verdict
from agent_repl_code.lua import is_lua

Line = tuple[str, str]  # a style and a line on the screen; of style "code" a whole source, to be numbered and coloured

_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""What Python calls printable, and leaves no ink."""
KEPT = "kept for later: nothing was run"
_INK = {
    "title": ("1", "font-weight:bold"),
    "dim": ("2", "opacity:.7"),
    "flagged": ("1;31", "font-weight:bold;color:#d0504f"),
    "added": ("32", "color:#3b8a3b"),
    "removed": ("31", "color:#d0504f"),
}
COLOURS = {
    "": "",
    "Comment": "faint",
    "Keyword": "magenta",
    "Operator.Word": "magenta",
    "Literal.String": "green",
    "Literal.Number": "cyan",
    "Name.Builtin": "cyan",
    "Name.Function": "bold",
    "Name.Exception": "cyan",
}
"""Of code in a terminal, by kind of token: none that vanishes on white or on black, as yellow and dark blue do."""


def lines(proposal: Proposal) -> Iterator[Line]:
    """All that a person decides by, from the title down to what isolates the code; nothing is left out."""
    reason = f": {proposal.reason}" if proposal.reason not in ("", "new") else ""
    reason = f" ({proposal.reason})" if proposal.reason.endswith(" on disk") else reason
    flagged = [effect for effect in proposal.code.effects if effect.flagged]
    yield "title", _one_line(f"{proposal.title} · {proposal.status}{reason}")
    yield from (("flagged", f"! {_effect(effect)}") for effect in flagged)
    yield "code", visible(proposal.code.source).rstrip("\n")
    if proposal.previous:
        yield from _changes(proposal.previous, proposal.code.source)
    if proposal.answers:
        yield "plain", "which answers change:"
        yield from (("plain", f"  {_one_line(answer)}") for answer in proposal.answers)
    if proposal.tried:
        yield "plain", _one_line(proposal.tried)
    if not proposal.code.effects:
        yield "plain", "touches nothing that can be seen from its text"
    yield from (("plain", f"  {_effect(effect)}") for effect in proposal.code.effects if effect not in flagged)
    yield "dim", _one_line(_price(proposal))
    yield "dim", _one_line(proposal.isolation)
    if proposal.note:
        yield "plain", _one_line(f"{proposal.note}: no model was asked")


def escaped(text: str) -> str:
    """The text with every character that cannot be seen, or that moves the cursor, written out as an escape."""
    hidden = {c for c in text if c not in "\n\t" and (not c.isprintable() or _BLANK.match(c))}
    return text.translate({ord(c): c.encode("unicode_escape").decode() for c in hidden})


def visible(source: str) -> str:
    """Source as it is shown: escaped, on the lines that Python counts (a lone CR ends one, and is seen)."""
    return escaped(source.replace("\r\n", "\n").replace("\r", "\\r\n"))


def event_line(event: Event) -> str:
    """An event on one line; its title stands first unless its text says it."""
    return _one_line(event.text if event.title.rstrip(".") in event.text else f"{event.title} · {event.text}")


def _one_line(text: str) -> str:
    return " ".join(escaped(text).split())


def _effect(effect: Effect) -> str:
    return _one_line(f"line {effect.line}: {effect.kind} {effect.detail}")


def _changes(old: str, new: str) -> Iterator[Line]:
    yield "plain", "what changes:"
    rows = list(difflib.unified_diff(visible(old).splitlines(), visible(new).splitlines(), lineterm="", n=2))
    yield from (({"+": "added", "-": "removed"}.get(row[0], "dim"), row) for row in rows[2:])


def _price(proposal: Proposal) -> str:
    usage = proposal.usage
    cached = f" and {usage.cache_read_tokens:,} from cache" if usage.cache_read_tokens else ""
    tokens = f"{usage.input_tokens:,} tokens in{cached}, {usage.output_tokens:,} out" if usage.output_tokens else ""
    tries = f"{proposal.attempts} tries" if proposal.attempts > 1 else ""
    return " · ".join(filter(None, (proposal.provider, tokens, f"{usage.seconds:.1f} s", tries, price(usage))))


def price(usage: Usage) -> str:
    """What it cost, in words: "$0.0031", "free" or "cost unknown"."""
    return "cost unknown" if usage.cost is None else f"${usage.cost:.4f}" if usage.cost else "free"


def as_text(proposal: Proposal, colour: bool = False) -> str:
    """The proposal for a terminal."""
    form = "terminal" if colour else ""
    shown = ((style, numbered(text, form) if style == "code" else text) for style, text in lines(proposal))
    return "".join(paint(text, style, colour) + "\n" for style, text in shown)


def paint(text: str, style: str, colour: bool = True) -> str:
    """The text between the terminal's escapes for this style."""
    return f"\x1b[{_INK[style][0]}m{text}\x1b[0m" if colour and style in _INK else text


def numbered(code: str, form: str) -> str:
    """Escaped code with its line numbers, in colours as `highlighted` gives them."""
    rows = highlighted(code, form).split("\n")
    width = len(str(len(rows)))
    return "\n".join(f"  {number:>{width}} │ {row}" for number, row in enumerate(rows, 1))


def highlighted(code: str, form: str) -> str:
    """Escaped code in colours, for a "terminal" or as "html"; as it is for ""."""
    if not form:
        return code
    from pygments import highlight
    from pygments.formatters import HtmlFormatter, TerminalFormatter
    from pygments.lexers import LuaLexer, PythonLexer

    scheme = {_token(name): (colour, colour) for name, colour in COLOURS.items()}
    is_html = form == "html"
    formatter = HtmlFormatter(noclasses=True, nowrap=True) if is_html else TerminalFormatter(colorscheme=scheme)
    lexer = (LuaLexer if is_lua(code) else PythonLexer)(stripnl=False, ensurenl=False)
    return str(highlight(code, lexer, formatter)).rstrip("\n")


def _token(name: str) -> Any:
    from pygments.token import string_to_tokentype

    return string_to_tokentype(name)


def scope(proposal: Proposal) -> str:
    """What "auto" would do, as a person is told before and after."""
    return escaped(f"accepts what is not flagged for `{proposal.title.partition('.')[0]}` until you leave")


def history(proposal: Proposal) -> str:
    """The versions of the method so far, a line each."""
    rows = ((f"v{v.number}", v.verdict, v.author, v.model, v.created[:10], v.reason) for v in proposal.versions)
    return "\n".join(escaped("  ".join(filter(None, row)).replace("\n", " ")) for row in rows) or "there is no other"


def ending(proposal: Proposal, verdict: Verdict, colour: bool) -> str:
    """The decision as it stays on the screen, below what was decided about."""
    match verdict:
        case Verdict("edit", source=source):
            return f"accepted as you edited it:\n{numbered(visible(source).rstrip(), 'terminal' if colour else '')}"
        case Verdict("revise", feedback=feedback):
            return f"to be revised: {escaped(feedback)}"
        case Verdict("auto"):
            return f"accepted, and from now on this {scope(proposal)}"
    return {"accept": "accepted", "pin": "accepted and pinned"}.get(verdict.decision, "rejected: nothing was run")


def as_html(proposal: Proposal, ending: str = "") -> str:
    """The proposal with inline styles only: it is readable on dark and on light, and in a saved notebook."""
    rows = [*lines(proposal), *([("title", ending)] if ending else [])]
    return f"<div>{''.join(_html(*row) for row in rows)}</div>"


def _html(style: str, text: str) -> str:
    is_code = style == "code"
    css = "background:#f8f8f8;color:#222" if is_code else f"background:none;{_INK.get(style, ('', ''))[1]}"
    inside = numbered(text, "html") if is_code else html.escape(text)
    return f'<pre style="margin:0;white-space:pre-wrap;{css}">{inside}</pre>'
