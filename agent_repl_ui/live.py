"""What the model writes, as it comes: a view that is there for as long as it writes."""

import signal
from ctypes import c_ulong, py_object, pythonapi
from threading import Thread, current_thread, main_thread
from time import monotonic

from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.layout import AnyContainer

from agent_repl.records import Event

from .panes import Aside, Pane, application, label
from .render import event_line, highlighted, visible

PATIENCE = 0.15  # seconds: what is written sooner is not worth a view that flashes
_COLOURED = 6_000  # characters; more would keep the keys waiting for their colours


class Live(Aside):
    """The text of one reply, and what else is told of it, on the screen until `stop` returns.

    Ctrl-C ends it, and then interrupts the thread that made it.
    """

    def __init__(self, event: Event, colour: bool) -> None:
        self.title, self._words, self._colour = event.title, event_line(event), colour
        self._text = self._drawn = ""
        self._begun, self._caller = monotonic(), current_thread()
        keys = KeyBindings()
        keys.add("c-c")(lambda event: event.app.exit(result="interrupted"))
        self._pane = Pane("", keys, follow=True)
        foot = label(lambda: f"{self._pane.where()}  Ctrl-C stops it".strip())
        parts: list[AnyContainer] = [label(self._progress, "bold"), self._pane.window, foot]
        app = application(parts, self._pane.window, refresh_interval=0.1, before_render=self._draw)
        super().__init__(app, PATIENCE)

    def tell(self, event: Event) -> None:
        """Take the next piece of the reply, or what else happens to it; another try begins with nothing."""
        if event.kind == "text":
            self._text += event.text
        elif event.text:
            self._text, self._words = "" if event.kind == "attempt" else self._text, event_line(event)

    def _progress(self) -> str:
        written = f"about {len(self._text) // 4:,} tokens so far" if self._text else "waiting for its first word"
        return f"{self._words} · {monotonic() - self._begun:.0f} s · {written}"

    def _draw(self, sender: object) -> None:
        if self._drawn != (text := self._text):
            self._drawn = text
            code = visible("\n".join(line for line in text.split("\n") if not line.startswith("```")))
            self._pane.show(highlighted(code, "terminal" if self._colour and len(code) < _COLOURED else ""))

    def _run(self) -> None:
        super()._run()
        if self._result:
            interrupt(self._caller)


def interrupt(thread: Thread) -> None:
    """Raise KeyboardInterrupt in a thread: in the main one as Ctrl-C does, in others at their next step."""
    if thread is not main_thread():
        pythonapi.PyThreadState_SetAsyncExc(c_ulong(thread.ident or 0), py_object(KeyboardInterrupt))
    elif hasattr(signal, "pthread_kill"):
        signal.pthread_kill(thread.ident or 0, signal.SIGINT)  # ends a wait for the network, too
    else:
        signal.raise_signal(signal.SIGINT)
