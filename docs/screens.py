"""The pictures in the README, made from the running program: `python docs/screens.py [DIRECTORY]`.

Each scene is played with replies that were written beforehand, as the screens say: in a pseudo-terminal, whose screen
is drawn as SVG, and in a notebook's kernel, whose outputs a headless Chromium draws as PNG (not where there is none).
Needs the `dev` extra; not on Windows, which has no pseudo-terminals of this kind.
"""

from __future__ import annotations

import html
import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any

import pexpect
import pyte
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
COLUMNS = 100
CALM = 0.6  # seconds without a change after which a screen is whole

ORDERS = """\
date,product,quantity,unit_price
2026-01-15,pear,3,2.50
2026-01-16,apple,n/a,1.20
2026-02-01,pear,1,2.50
"""
TOTAL = '''
import csv
from decimal import Decimal, InvalidOperation

def total_revenue(self):
    """Return the revenue of all records that can be read."""
    total = Decimal(0)
    with open(self.path, newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            try:
                total += Decimal(line["unit_price"]) * int(line["quantity"])
            except (ValueError, InvalidOperation):
                continue  # no record
    return total
'''
ONLY_MONTH = """            if not line["date"].startswith(month):
                continue
            try:"""
BY_MONTH = TOTAL.replace("(self)", '(self, month="")').replace("            try:", ONLY_MONTH)
BEGIN = f"""
from agent_repl import ScriptedProvider, default_session
default_session().provider = ScriptedProvider(["```python" + text + "```" for text in ({TOTAL!r}, {BY_MONTH!r})])
default_session().mode = "ask"
"""
NOTEBOOK = (
    "%load_ext agent_repl\n" + BEGIN,
    'sales = Agent("analyst of the sales in {path}", path="sales.csv", name="sales")',
    "sales.total_revenue()",
    "sales.total_revenue()",
    "sales",
)


def shell(home: Path) -> dict[str, str]:
    """The shell at work, and the review of a change."""
    (home / "begin.py").write_text(BEGIN, encoding="utf-8")
    seen = Terminal([sys.executable, "-m", "agent_repl", "-i", "begin.py"], 42, home).until("In [1]")
    seen.type('sales = Agent("analyst of the sales in {path}", path="sales.csv", name="sales")\r').until("In [2]")
    seen.type("sales.total_revenue()\r").until("[a]ccept")
    seen.type("a").until("In [3]")
    seen.type("sales.total_revenue()\r").until("In [4]")
    seen.type("%agent pin sales.total_revenue\r").until("In [5]").type("sales.to\t")
    at_work = seen.svg("agent-repl")
    seen.type("\x03%agent unpin sales.total_revenue\r").type('sales.total_revenue(month="2026-01")\r').until("[a]ccept")
    change = seen.svg("agent-repl: a change, and what it changes")
    seen.close()
    return {"shell.svg": at_work, "review.svg": change}


class Screen(pyte.Screen):
    """A screen that answers when a program asks where its cursor is."""

    answer: Callable[[str], object]

    def write_process_input(self, data: str) -> None:
        self.answer(data)


class Terminal:
    """A program in a pseudo-terminal, and what a person sees of it."""

    def __init__(self, command: list[str], rows: int, home: Path) -> None:
        self.screen = Screen(COLUMNS, rows)
        self._stream = pyte.Stream(self.screen)
        place = {"env": world(home), "cwd": str(home), "dimensions": (rows, COLUMNS), "encoding": "utf-8"}
        self._child = pexpect.spawn(command[0], command[1:], **place)
        self._child.delaybeforesend = None
        self.screen.answer = self._child.send

    def type(self, keys: str) -> Terminal:
        """Type, and wait until the screen is calm."""
        for key in keys:
            self._child.send(key)
            time.sleep(0.01)
        return self.calm()

    def calm(self, seconds: float = CALM) -> Terminal:
        """Wait until nothing on it has changed for a while."""
        seen, since = self.screen.display, time.monotonic()
        while time.monotonic() - since < seconds:
            with suppress(pexpect.TIMEOUT, pexpect.EOF):
                self._stream.feed(self._child.read_nonblocking(65536, timeout=0.05))
            if seen != self.screen.display:
                seen, since = self.screen.display, time.monotonic()
        return self

    def until(self, words: str, seconds: float = 30) -> Terminal:
        """Wait until these words are on the screen."""
        end = time.monotonic() + seconds
        while not any(words in line for line in self.screen.display):
            if time.monotonic() > end:
                raise SystemExit(f"{words!r} did not come:\n" + "\n".join(self.screen.display))
            self.calm(0.1)
        return self.calm()

    def svg(self, title: str) -> str:
        """What is on the screen, as a picture that needs nothing from elsewhere."""
        rows = [self.screen.buffer[row] for row in range(self.screen.lines)]
        texts = [Text.assemble(*runs([row[n] for n in range(COLUMNS)])) for row in rows]
        console = Console(record=True, width=COLUMNS, file=io.StringIO(), color_system="truecolor")
        for text in texts[: 1 + max(n for n, text in enumerate(texts) if text.plain.strip())]:
            console.print(text, no_wrap=True, overflow="crop")
        begin, end = CONSOLE_SVG_FORMAT.index("@font-face"), CONSOLE_SVG_FORMAT.index(".{unique_id}-matrix")
        form = CONSOLE_SVG_FORMAT[:begin] + CONSOLE_SVG_FORMAT[end:]  # without fonts that would be fetched
        return console.export_svg(title=title, code_format=form, unique_id="screen")

    def close(self) -> None:
        """End the program."""
        self._child.close(force=True)


def world(home: Path) -> dict[str, str]:
    """The variables of a program that sees nothing of this person's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANTHROPIC_", "AGENT_REPL_"))}
    own = {"HOME": str(home), "IPYTHONDIR": str(home / "ipython"), "TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}
    return kept | own | {f"XDG_{kind}_HOME": str(home / kind.lower()) for kind in ("CONFIG", "STATE", "DATA", "CACHE")}


def runs(cells: list[Any]) -> list[tuple[str, str]]:
    """The characters of a row in pieces of one look."""
    return [("".join(cell.data for cell in found), look) for look, found in groupby(cells, style)]


def style(cell: Any) -> str:
    """How rich writes the looks of a character."""
    words = [name for name in ("bold", "reverse") if getattr(cell, name)] + ["italic"] * cell.italics
    for colour, before in ((cell.fg, ""), (cell.bg, "on ")):
        named = {"brown": "yellow"}.get(colour, colour.replace("bright", "bright_").replace("_brown", "_yellow"))
        is_code = len(colour) == 6 and set(colour) <= set("0123456789abcdef")
        words += [before + (f"#{colour}" if is_code else named)] * (colour != "default")
    return " ".join(words)


def notebook(home: Path, picture: Path) -> None:
    """A notebook's cells and outputs, as a browser shows them."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        print("no Chromium: the notebook's picture is left out")
        return
    page = home / "page.html"
    page.write_text(PAGE.format(cells="".join(played(home))), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--hide-scrollbars", "--force-device-scale-factor=2"]
    size = f"--window-size={WIDTH},{HEIGHT}"
    subprocess.run([chromium, *options, size, f"--screenshot={picture}", str(page)], check=True, capture_output=True)


WIDTH, HEIGHT = 860, 760
PAGE = """<!doctype html><meta charset="utf-8"><style>
body {{ font: 14px sans-serif; margin: 1em; background: #fff; color: #222 }}
pre {{ font: 13px monospace; margin: 0 }}
.in {{ background: #f5f5f5; border: 1px solid #ddd; border-radius: 3px; padding: .5em; margin: .8em 0 .3em }}
.out {{ padding: .1em .5em; white-space: pre-wrap }}
</style>{cells}"""


def played(home: Path) -> list[str]:
    """Each cell with what it shows at its end, as HTML; the person accepts the one method that is written."""
    from jupyter_client.manager import start_new_kernel

    (home / "runtime").mkdir(mode=0o700)
    manager, client = start_new_kernel(env=world(home) | {"JUPYTER_RUNTIME_DIR": str(home / "runtime")}, cwd=str(home))
    try:
        shown = [cell(client, code) for code in NOTEBOOK]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    first = shown[0].replace(html.escape(BEGIN), "")
    return [first, *shown[1:]]


def cell(client: Any, code: str) -> str:
    outputs: dict[str, str] = {}

    def show(message: Any) -> None:
        content = message["content"]
        if message["msg_type"] == "stream":
            outputs["stream"] = outputs.get("stream", "") + html.escape(content["text"])
        elif "data" in content:
            key = content.get("transient", {}).get("display_id", "result")
            data = content["data"]
            outputs[key] = data.get("text/html") or f"<pre>{html.escape(data['text/plain'])}</pre>"

    client.execute_interactive(
        code, allow_stdin=True, output_hook=show, stdin_hook=lambda asked: client.input("a"), timeout=60
    )
    out = "".join(f'<div class="out">{output}</div>' for output in outputs.values())
    return f'<pre class="in">{html.escape(code)}</pre>{out}'


def main(folder: Path) -> None:
    """Make the pictures."""
    for scene in (shell, None):
        with tempfile.TemporaryDirectory() as name:
            home = Path(name)
            (home / "sales.csv").write_text(ORDERS, encoding="utf-8")
            if scene is None:
                notebook(home, folder / "notebook.png")
                continue
            for picture, drawn in scene(home).items():
                (folder / picture).write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).resolve().parent)
