"""The prompt: what is typed, drawn, completed and remembered before a cell runs."""

from collections.abc import Callable, Iterable
from typing import Any

from IPython.terminal.ptutils import IPythonPTLexer
from IPython.terminal.shortcuts import create_ipython_shortcuts
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.document import Document
from prompt_toolkit.enums import DEFAULT_BUFFER, EditingMode
from prompt_toolkit.filters import Condition, emacs_insert_mode, has_focus, vi_insert_mode
from prompt_toolkit.formatted_text import PygmentsTokens, StyleAndTextTuples
from prompt_toolkit.history import History
from prompt_toolkit.key_binding import KeyBindings, KeyBindingsBase, KeyPressEvent, merge_key_bindings
from prompt_toolkit.layout.processors import ConditionalProcessor, HighlightMatchingBracketProcessor
from prompt_toolkit.lexers import Lexer
from prompt_toolkit.shortcuts import PromptSession
from prompt_toolkit.styles import BaseStyle, DynamicStyle, Style, merge_styles

from .completing import ShellCompleter
from .toolbar import toolbar

_STYLE = {"bottom-toolbar": "noreverse", "agent": "bold", "words": "italic"}


def prompt_session(shell: Any) -> PromptSession[str]:
    """A prompt with the settings, colours and keys that the person gave IPython."""
    suggest = getattr(shell, "auto_suggest", AutoSuggestFromHistory())  # IPython 7 has none
    brackets = HighlightMatchingBracketProcessor(chars="[](){}")
    session: PromptSession[str] = PromptSession(
        message=lambda: PygmentsTokens(shell.prompts.in_prompt_tokens()),
        prompt_continuation=lambda width, line, wraps: PygmentsTokens(shell.prompts.continuation_prompt_tokens(width)),
        multiline=True,
        editing_mode=EditingMode[shell.editing_mode.upper()],
        key_bindings=_keys(shell),
        enable_open_in_editor=True,
        tempfile_suffix=".py",
        lexer=_CellLexer(shell),
        completer=ShellCompleter(shell),
        complete_style=shell.pt_complete_style,
        reserve_space_for_menu=shell.space_for_menu,
        auto_suggest=suggest,
        history=_PastCells(shell),
        enable_history_search=shell.enable_history_search,
        mouse_support=shell.mouse_support,
        bottom_toolbar=lambda: toolbar(shell),
        style=DynamicStyle(lambda: _style(shell)),
        include_default_pygments_style=False,
        color_depth=shell.color_depth,
        input_processors=[ConditionalProcessor(brackets, Condition(lambda: bool(shell.highlight_matching_brackets)))],
    )
    if hasattr(suggest, "connect"):
        suggest.connect(session)
    return session


def _keys(shell: Any) -> KeyBindingsBase:
    """IPython's keys (Enter, Tab, Ctrl-C, F2 and what the person added); in ours Alt-Enter is a new line."""
    ours = KeyBindings()

    @ours.add("escape", "enter", filter=has_focus(DEFAULT_BUFFER) & (emacs_insert_mode | vi_insert_mode))
    def new_line(event: KeyPressEvent) -> None:
        event.current_buffer.newline()

    theirs = getattr(shell, "_merge_shortcuts", None)  # IPython 8 and later: with what the config adds
    return merge_key_bindings([theirs(shell.shortcuts) if theirs else create_ipython_shortcuts(shell), ours])


def _style(shell: Any) -> BaseStyle:
    return merge_styles([Style.from_dict(_STYLE), shell._style])


class _CellLexer(Lexer):
    """Colours of IPython's cells; words for an agent are no code, and look so."""

    def __init__(self, shell: Any) -> None:
        self._shell, self._cells = shell, IPythonPTLexer()

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        """The styled text of each line."""
        if not document.text:  # at the first prompt this saves the import of all lexers
            return lambda number: []
        name, _, words = document.text.partition(":")
        if words and self._is_spoken(document.text):
            return lambda number: [("class:agent", f"{name}:"), ("class:words", words)]
        coloured: Callable[[int], StyleAndTextTuples] = self._cells.lex_document(document)
        return coloured

    def _is_spoken(self, text: str) -> bool:
        from ..words import spoken

        return "\n" not in text and bool(spoken(text, self._shell.user_ns)[0])


class _PastCells(History):
    """IPython's history database, the newest cell first; IPython itself writes to it, and reads it in one thread."""

    def __init__(self, shell: Any) -> None:
        super().__init__()
        self._shell = shell

    def load_history_strings(self) -> Iterable[str]:
        """The cells of earlier sessions, repetitions in a row left out."""
        last = ""
        tail = self._shell.history_manager.get_tail(self._shell.history_load_length, include_latest=True)
        for _, _, cell in reversed(list(tail)):
            if (text := cell.rstrip()) and text != last:
                yield text
            last = text

    def store_string(self, string: str) -> None:
        """Left to IPython."""
