"""A proposal as text or as HTML: what you see is what would run."""

from __future__ import annotations

import difflib
import html
import os
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Literal, NamedTuple, TextIO

from ..records import Effect, Event, Proposal, Usage

Style = Literal["title", "plain", "dim", "flag", "added", "removed", "code"]

NOTES = {
    "scripted": "scripted: the reply was given beforehand, no model was asked",
    "replayed": "replayed: the reply was recorded earlier, no model was asked",
}
_BLANKS = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u2800\u3164\uffa0"
_UNSEEN = re.compile(f"[{_BLANKS}\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_PAINT = {"title": "1", "dim": "2", "flag": "1;31", "added": "32", "removed": "31"}
_INK = {
    "title": "font-weight:bold",
    "dim": "opacity:.7",
    "flag": "font-weight:bold;color:#d0504f",
    "added": "color:#3b8a3b",
    "removed": "color:#d0504f",
}


class Line(NamedTuple):
    """One line on the screen; style "code" is a whole source, to be numbered and highlighted."""

    style: Style
    text: str


def lines(proposal: Proposal) -> Iterator[Line]:
    """All that a person decides by, from the title down to what isolates the code; nothing is left out."""
    yield Line("title", _one_line(f"{proposal.title} · {proposal.status}"))
    if proposal.reason:
        yield Line("plain", _one_line(proposal.reason))
    yield Line("code", visible(proposal.code.source))
    if proposal.previous:
        yield from _changes(proposal.previous, proposal.code.source)
    yield from _touches(proposal.code.effects)
    yield Line("dim", _one_line(_price(proposal)))
    yield Line("dim", _one_line(proposal.isolation))
    if proposal.note:
        yield Line("plain", _one_line(NOTES.get(proposal.note, proposal.note)))


def escaped(text: str) -> str:
    """The text with every character that cannot be seen, or that moves the cursor, written out as an escape."""
    return "".join(c if c in "\n\t" or _seen(c) else c.encode("unicode_escape").decode() for c in text)


def _seen(character: str) -> bool:
    return character.isprintable() and not _UNSEEN.match(character)


def visible(source: str) -> str:
    """Source as it is shown: escaped, on the lines that Python counts (a lone CR ends one, and is seen)."""
    return escaped(re.sub(r"\r\n?", lambda end: "\n" if len(end[0]) == 2 else "\\r\n", source))


def event_line(event: Event) -> str:
    """An event on one line; its title stands first unless its text says it."""
    return _one_line(event.text if event.title in event.text else f"{event.title} · {event.text}")


def _one_line(text: str) -> str:
    return " ".join(escaped(text).split())


def _changes(old: str, new: str) -> Iterator[Line]:
    yield Line("plain", "what changes:")
    rows = list(difflib.unified_diff(visible(old).splitlines(), visible(new).splitlines(), lineterm="", n=2))
    for row in rows[2:]:
        style: Style = "added" if row[0] == "+" else "removed" if row[0] == "-" else "dim"
        yield Line(style, row)


def _touches(effects: tuple[Effect, ...]) -> Iterator[Line]:
    if not effects:
        yield Line("plain", "touches nothing that can be seen from its text")
    for effect in effects:
        text = _one_line(f"line {effect.line}: {effect.kind} {effect.detail}")
        yield Line("flag", f"! {text}") if effect.flagged else Line("plain", f"  {text}")


def _price(proposal: Proposal) -> str:
    usage = proposal.usage
    tries = f"{proposal.attempts} tries" if proposal.attempts > 1 else ""
    return " · ".join(
        filter(None, (proposal.provider, *_tokens(usage), f"{usage.seconds:.1f} s", tries, dollars(usage)))
    )


def _tokens(usage: Usage) -> Iterator[str]:
    if usage.input_tokens or usage.output_tokens or usage.cache_read_tokens:
        cached = f" and {usage.cache_read_tokens:,} from cache" if usage.cache_read_tokens else ""
        yield f"{usage.input_tokens:,} tokens in{cached}, {usage.output_tokens:,} out"


def dollars(usage: Usage) -> str:
    """What it cost, in words."""
    if usage.cost is None:
        return "cost unknown"
    return f"${usage.cost:.4f}" if usage.cost else "free"


def as_text(proposal: Proposal, colour: bool = False, plain: bool = False) -> str:
    """The proposal for a terminal; `plain` is for screen readers: words in place of marks."""
    return "\n".join(_spoken(line) if plain else _painted(line, colour) for line in lines(proposal)) + "\n"


def _spoken(line: Line) -> str:
    if line.style == "code":
        return "\n".join(f"{number}: {row}" for number, row in enumerate(line.text.rstrip("\n").split("\n"), 1))
    if line.style in ("added", "removed"):
        return f"{line.style}: {line.text[1:]}"
    return ("flagged: " + line.text[2:] if line.style == "flag" else line.text).replace(" · ", ", ")


def _painted(line: Line, colour: bool) -> str:
    if line.style == "code":
        return _numbered(highlighted(line.text.rstrip("\n"), colour))
    return paint(line.text, line.style) if colour else line.text


def _numbered(code: str) -> str:
    rows = code.split("\n")
    width = len(str(len(rows)))
    return "\n".join(f"  {number:>{width}} │ {row}" for number, row in enumerate(rows, 1))


def paint(text: str, style: Style) -> str:
    """The text between the terminal's escapes for this style."""
    return f"\x1b[{_PAINT[style]}m{text}\x1b[0m" if style in _PAINT else text


def highlighted(code: str, colour: bool) -> str:
    """Escaped code in the terminal's colours, or as it is."""
    if not colour:
        return code
    from pygments import highlight
    from pygments.formatters import Terminal256Formatter

    painted: str = highlight(code, _lexer(), Terminal256Formatter(style=_ink()))
    return painted.rstrip("\n")


def as_html(proposal: Proposal, ending: str = "") -> str:
    """The proposal with inline styles only: it is readable on dark and on light, and in a saved notebook."""
    rows = [*lines(proposal), *([Line("title", ending)] if ending else [])]
    return "<div>" + "".join(_html(line) for line in rows) + "</div>"


def _html(line: Line) -> str:
    style = "margin:0;white-space:pre-wrap;background:none"
    if line.style == "code":
        return f'<pre style="{style};padding:.5em 0">{_html_code(line.text)}</pre>'
    return f'<pre style="{style};{_INK.get(line.style, "")}">{html.escape(line.text)}</pre>'


def _html_code(code: str) -> str:
    from pygments import highlight
    from pygments.formatters import HtmlFormatter

    formatter = HtmlFormatter(style=_ink(), noclasses=True, nowrap=True)
    return _numbered(highlight(code, _lexer(), formatter).rstrip("\n"))


def _lexer() -> Any:
    from pygments.lexers import PythonLexer

    return PythonLexer(stripnl=False, ensurenl=False)


@cache
def _ink() -> Any:
    """Colours of middling lightness: a contrast of about 4 on white and on black alike."""
    from pygments.style import Style as PygmentsStyle
    from pygments.token import Comment, Keyword, Name, Number, Operator, String

    styles = {
        Keyword: "#a05fd0",
        Operator.Word: "#a05fd0",
        Name.Function: "#2f7fd0",
        Name.Builtin: "#2a8a8a",
        String: "#4a8f2f",
        Number: "#b5762a",
        Comment: "italic #808080",
    }
    return type("Ink", (PygmentsStyle,), {"styles": styles})


def colour_wanted(stream: TextIO) -> bool:
    """Whether this stream is a terminal that shows colours, to a person who wants them (NO_COLOR, TERM)."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def is_terminal(stream: Any) -> bool:
    """Whether a person sits at the other end; a closed, missing or odd stream is nobody."""
    try:
        return bool(stream.isatty())
    except (AttributeError, OSError, ValueError):
        return False
