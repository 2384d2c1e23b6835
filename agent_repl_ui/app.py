"""The review as an application in the terminal: the proposal, and below it keys, a line of input or an editor."""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from prompt_toolkit.application import get_app, get_app_session
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import Condition, emacs_insert_mode, vi_insert_mode, vi_mode, vi_navigation_mode
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import AnyContainer, BufferControl, Window
from prompt_toolkit.layout.processors import BeforeInput
from prompt_toolkit.lexers import PygmentsLexer
from prompt_toolkit.styles import Style
from pygments.lexers import LuaLexer, PythonLexer

from agent_repl.records import Proposal
from agent_repl_code.lua import is_lua

from .editing import edited
from .panes import Aside, Pane, application, label
from .render import COLOURS, as_text, escaped

KEYS = "[a]ccept  [p]in  [e]dit  [E]ditor  [r]evise  [n]o  [A]uto  [v]ersions  [?]"
SHORT = "a p e E r n A v, ? says what they do"
_SAME = {"": "", "faint": "italic", "bold": "bold"}
STYLE = Style([(f"pygments.{kind}".lower(), _SAME.get(c, f"ansi{c}")) for kind, c in COLOURS.items() if kind])
PAUSE = 0.3  # seconds without a key before what is typed is checked


@contextmanager
def drawn(proposal: Proposal, colour: bool, dead_time: float) -> Iterator["Screen"]:
    """A screen to decide on; its keys count once the proposal was seen for `dead_time` seconds."""
    with get_app_session().input.raw_mode():  # between two questions as well: what is typed there is not echoed
        yield Screen(proposal, colour, dead_time)


class Screen:
    """The proposal, with what was said last and what is asked; each question is an application of its own."""

    def __init__(self, proposal: Proposal, colour: bool, dead_time: float) -> None:
        self._proposal, self._dead_time, self._seen_at, self._typed_at = proposal, dead_time, 0.0, 0.0
        self._message, self._outside = "", False
        self._title = as_text(proposal).partition("\n")[0]
        self._pane = Pane(as_text(proposal, colour).partition("\n")[2], self._answers())
        source = Document(proposal.code.source.replace("\r\n", "\n").rstrip("\n"), 0)
        self._draft = Buffer(document=source, on_text_changed=self._typed)

    def _is_open(self) -> bool:
        return 0 < self._seen_at <= monotonic() - self._dead_time

    def _answers(self) -> KeyBindings:
        keys, is_open = KeyBindings(), Condition(self._is_open)
        for key in (Keys.Any, Keys.Enter):
            # a pasted text is no answer
            keys.add(key, filter=is_open)(
                lambda event: event.app.exit(result=event.data if len(event.data) < 2 else "?")
            )
        for key in (Keys.ControlC, Keys.ControlD):
            keys.add(key)(lambda event: event.app.exit())
        return keys

    def say(self, words: str) -> None:
        """Show these words with the next question."""
        self._message = words

    def choose(self) -> str:
        """The choice that a key stands for; raises KeyboardInterrupt for one who leaves."""
        key = self._shown([self._pane.window, label(lambda: self._message, "reverse"), label(self._keys)])
        if key is None:
            raise KeyboardInterrupt
        self._outside = key == "E"
        return {"A": "auto", "E": "edit"}.get(key, key)

    def _keys(self) -> str:
        whole, short = KEYS, SHORT
        if self._proposal.code.flagged:
            whole, short = whole.replace("[A]uto  ", ""), short.replace("A ", "")
        fits = len(whole) <= get_app().output.get_size().columns
        return f"{whole if fits else short}\n{self._pane.where()}".strip() if self._is_open() else " "

    def ask(self, prompt: str) -> str:
        """A line that is typed below the proposal, "" from one who goes back."""
        line = Buffer(multiline=False, accept_handler=lambda line: bool(get_app().exit(result=line.text)))
        keys = KeyBindings()
        for key in (Keys.Escape, Keys.ControlC, Keys.ControlD):
            keys.add(key)(lambda event: event.app.exit(result=""))
        control = BufferControl(line, [BeforeInput(prompt)], key_bindings=keys)
        below = Window(control, wrap_lines=True, dont_extend_height=True)
        return self._shown([self._pane.window, below], line) or ""

    def edit(self, source: str) -> str:
        """What a person makes of the source, here or in an editor of their own; raises ValueError."""
        if self._outside:
            with get_app_session().input.cooked_mode():
                self._draft.text = edited(f"{self._draft.text}\n").rstrip("\n")
            return f"{self._draft.text}\n"
        keys = label(lambda: "Ctrl-S or Alt-Enter runs it · Esc goes back")
        while self._shown([_editor(self._draft), label(self._problem, "reverse"), keys], self._draft):
            self.say(self._wrong())
            if not self._message:
                return f"{self._draft.text}\n"
        raise ValueError("your text is kept: e goes on with it; the other keys are about the code above")

    def _typed(self, draft: Buffer) -> None:
        self._typed_at = monotonic()

    def _problem(self) -> str:
        if self._typed_at and monotonic() - self._typed_at > PAUSE:
            self._typed_at = 0.0
            self.say(self._wrong())
        return self._message

    def _wrong(self) -> str:
        try:
            if not is_lua(self._proposal.code.source):
                ast.parse(self._draft.text)
        except SyntaxError as error:
            return f"line {error.lineno}: {error.msg}"
        return escaped(self._proposal.check(self._draft.text).partition("\n")[0])

    def _shown(self, parts: list[AnyContainer], focused: Window | Buffer | None = None) -> str | None:
        known: dict[str, object] = {
            "editing_mode": _editing_mode(),
            "refresh_interval": 0.2,
            "after_render": self._seen,
        }
        title = label(lambda: self._title, "bold")
        answer: str | None = Aside(
            application([title, *parts], focused or self._pane.window, style=STYLE, **known)
        ).wait()
        self._message = ""
        return answer

    def _seen(self, sender: object) -> None:
        self._seen_at = self._seen_at or monotonic()


def _editing_mode() -> EditingMode:
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return EditingMode.VI if getattr(shell, "editing_mode", "") == "vi" else EditingMode.EMACS


def _editor(buffer: Buffer) -> Window:
    """A window to edit the buffer as code; Ctrl-S and Alt-Enter end it with a word, Esc and Ctrl-C without."""
    keys = KeyBindings()
    inserting = emacs_insert_mode | vi_insert_mode
    keys.add("c-s")(lambda event: event.app.exit(result="run"))
    keys.add("escape", "enter")(lambda event: event.app.exit(result="run"))
    keys.add("c-c")(lambda event: event.app.exit())
    keys.add("escape", filter=~vi_mode | vi_navigation_mode)(lambda event: event.app.exit())
    keys.add("enter", filter=inserting)(_next_line)
    keys.add("tab", filter=inserting)(lambda event: event.current_buffer.insert_text("    "))
    return Window(
        BufferControl(buffer, lexer=_Visible(LuaLexer if is_lua(buffer.text) else PythonLexer), key_bindings=keys),
        dont_extend_height=True,
    )


def _next_line(event: KeyPressEvent) -> None:
    buffer = event.current_buffer
    deeper = buffer.document.current_line_before_cursor.rstrip().endswith(":")
    buffer.newline()
    buffer.insert_text("    " * deeper)


class _Visible(PygmentsLexer):
    """Colours Python, with a mark for each character that cannot be seen: it takes one place, as in the text."""

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        marked = re.sub(r"[^\n]", lambda found: found[0] if escaped(found[0]) == found[0] else "\ufffd", document.text)
        return super().lex_document(Document(marked))
