"""What the review and the live view are made of: text that scrolls, in an application with a thread of its own."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextvars import copy_context
from textwrap import wrap
from threading import Event, Thread
from typing import Any

from prompt_toolkit.application import Application, get_app, get_app_session
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.formatted_text import ANSI, OneStyleAndTextTuple, split_lines, to_formatted_text
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.layout import AnyContainer, Dimension, FormattedTextControl, HSplit, Layout, UIContent, Window
from prompt_toolkit.layout.controls import UIControl
from prompt_toolkit.output import Output, create_output
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.patch_stdout import patch_stdout
from prompt_toolkit.utils import get_cwidth

Row = list[OneStyleAndTextTuple]


class Pane(UIControl):
    """Text with the terminal's escapes, wrapped and scrolled; with `follow` its end is seen until somebody scrolls."""

    def __init__(self, text: str, keys: KeyBindings, follow: bool = False) -> None:
        self._follow = self._follows = follow
        self._top, self._height = 0, 1
        self._keys = keys
        self.window = Window(self, height=Dimension(min=1), dont_extend_height=True)
        for key, pages, rows in [("up", 0, -1), ("down", 0, 1), ("pageup", -1, 1), ("pagedown", 1, -1)]:
            keys.add(key)(lambda event, pages=pages, rows=rows: self._scroll(pages * self._height + rows))
        self.show(text)

    def show(self, text: str) -> None:
        """Show this text from now on, from where it was scrolled to."""
        self._rows = [list(row) for row in split_lines(to_formatted_text(ANSI(text.rstrip("\n"))))]
        self._width, self._wrapped = 0, self._rows

    def _scroll(self, rows: int) -> None:
        last = len(self._wrapped) - self._height
        self._top = max(0, min(self._top + rows, last))
        self._follows = self._follow and self._top >= last

    def where(self) -> str:
        """Which of its rows are seen, "" where all are."""
        count = len(self._wrapped)
        return f"{self._top + 1}-{self._top + self._height} of {count} ↑↓" if count > self._height else ""

    def is_focusable(self) -> bool:
        return True

    def get_key_bindings(self) -> KeyBindings:
        return self._keys

    def preferred_height(self, width: int, max_available_height: int, wrap_lines: bool, get_line_prefix: Any) -> int:
        if self._width != width:
            self._width, self._wrapped = width, [part for row in self._rows for part in _wrap(row, width)]
        return min(len(self._wrapped), max_available_height)

    def create_content(self, width: int, height: int) -> UIContent:
        self.preferred_height(width, height, True, None)
        last, self._height = max(0, len(self._wrapped) - height), height
        self._top = last if self._follows else min(self._top, last)
        shown = self._wrapped[self._top : self._top + height]
        return UIContent(lambda number: shown[number], len(shown), show_cursor=False)


def _wrap(row: Row, width: int) -> Iterator[Row]:
    """The row in parts that fit, each ended at a space if it can; what goes on begins with a mark."""
    part: Row = []
    used = 0
    for style, character, *_ in row:
        text = character.replace("\t", "    ")
        if used + get_cwidth(text) > width and used > 2:
            end = _space(part)
            yield part[:end]
            part = [("", "… "), *part[end:]]
            used = sum(get_cwidth(cell[1]) for cell in part)
        part.append((style, text))
        used += get_cwidth(text)
    yield part


def _space(part: Row) -> int:
    """Where the last space of its right half ends, else where it ends itself."""
    spaces = (at for at in range(len(part), len(part) // 2, -1) if part[at - 1][1] == " ")
    return next(spaces, len(part))


def label(text: Callable[[], str], style: str = "") -> AnyContainer:
    """A window of just the height that these words need, broken between them; where there is room no line is lost."""
    control = FormattedTextControl(lambda: [(style, "\n".join(_broken(text())))])

    def height() -> Dimension:
        room = max(1, get_app().output.get_size().rows - 8)
        return Dimension(min=min(len(_broken(text())), room)) if text() else Dimension.exact(0)

    return Window(control, wrap_lines=True, dont_extend_height=True, height=height)


def _broken(text: str) -> list[str]:
    width = get_app().output.get_size().columns
    options: dict[str, Any] = {"subsequent_indent": "  ", "replace_whitespace": False, "break_on_hyphens": False}
    return [row for line in text.split("\n") for row in wrap(line, width, **options) or [""]]


def application(parts: list[AnyContainer], focused: Window | Buffer, **known: Any) -> Application[Any]:
    """An application below what the terminal shows, which leaves nothing there when it ends."""
    layout = Layout(HSplit(parts), focused)
    app: Application[Any] = Application(
        layout, include_default_pygments_style=False, erase_when_done=True, output=_output(), **known
    )
    app.agent_repl_own = True  # type: ignore[attr-defined]
    app.ttimeoutlen, app.timeoutlen, app.terminal_size_polling_interval = 0.1, 0.3, 0.1
    return app


def _output() -> Output:
    """One that asks the terminal for no cursor position: the answer would be lost among keys that are thrown away."""
    output = get_app_session().output
    if isinstance(output, Vt100_Output):
        output = create_output(sys.stdout)
        output.enable_cpr = False  # type: ignore[attr-defined]
    return output


class Aside:
    """An application in a thread of its own, which hears keys whatever the calling thread does.

    It begins after `delay` seconds, unless it was stopped by then.
    """

    def __init__(self, app: Application[Any], delay: float = 0.0) -> None:
        self._app, self._delay, self._stopped, self._result = app, delay, Event(), None
        self._thread = Thread(target=copy_context().run, args=(self._run,), name="agent_repl-screen", daemon=True)
        self._thread.start()

    def wait(self) -> Any:
        """What it ends with, None where it broke; whatever interrupts the wait ends it too."""
        try:
            self._thread.join()
        finally:
            self.stop()
        return self._result

    def stop(self) -> None:
        """End it; the terminal is as it was when this returns."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        if self._stopped.wait(self._delay):
            return
        with patch_stdout(raw=True):  # what other threads print stands above
            self._result = self._app.run(self._watched, set_exception_handler=False, handle_sigint=False)

    def _watched(self) -> None:
        self._app.create_background_task(self._watch())

    async def _watch(self) -> None:
        while not self._stopped.is_set():
            await asyncio.sleep(0.02)
        if not self._app.is_done:
            self._app.exit()
