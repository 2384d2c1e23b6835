"""A person's own text of a method: in the editor of their choice, or in the review itself."""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import emacs_insert_mode, vi_insert_mode, vi_mode, vi_navigation_mode
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout import BufferControl, Window
from prompt_toolkit.lexers import PygmentsLexer
from prompt_toolkit.styles import Style
from pygments.lexers import PythonLexer

from .render import COLOURS, escaped

_SAME = {"": "", "faint": "italic", "bold": "bold"}
STYLE = Style([(f"pygments.{kind}".lower(), _SAME.get(c, f"ansi{c}")) for kind, c in COLOURS.items() if kind])


def edited(source: str) -> str:
    """The source as the person leaves it in an editor; raises ValueError that says why there is none."""
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not command:
        raise ValueError("no editor is set: type no, then %env EDITOR=nano (or another), and call again")
    try:
        with tempfile.TemporaryDirectory(prefix="agent_repl-") as scratch:
            file = Path(scratch, "method.py")
            file.write_text(source, encoding="utf-8")
            subprocess.run([*shlex.split(command, posix=os.name != "nt"), str(file)], check=True)
            return file.read_text(encoding="utf-8")
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise ValueError(f"the editor {command} failed, nothing was changed: {error}") from error


def editing_mode() -> EditingMode:
    """Vi or emacs, as the shell around us has it."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return EditingMode.VI if getattr(shell, "editing_mode", "") == "vi" else EditingMode.EMACS


def editor(buffer: Buffer) -> Window:
    """A window to edit the buffer as Python is edited; Ctrl-S and Alt-Enter end it with True, Esc and Ctrl-C do not."""
    keys = KeyBindings()
    inserting = emacs_insert_mode | vi_insert_mode
    keys.add("c-s")(lambda event: event.app.exit(result=True))
    keys.add("escape", "enter")(lambda event: event.app.exit(result=True))
    keys.add("c-c")(lambda event: event.app.exit())
    keys.add("escape", filter=~vi_mode | vi_navigation_mode)(lambda event: event.app.exit())
    keys.add("enter", filter=inserting)(_next_line)
    keys.add("tab", filter=inserting)(lambda event: event.current_buffer.insert_text("    "))
    return Window(BufferControl(buffer, lexer=_Visible(PythonLexer), key_bindings=keys), dont_extend_height=True)


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
