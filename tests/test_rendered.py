"""What a notebook shows, looked at in a browser: it can be read on a dark page and on a light one."""

from __future__ import annotations

import html
import json
import re
import shutil
import struct
import subprocess
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kit import session
from test_notebooks import outputs, ran, read

from agent_repl.records import Effect, Event, Proposal
from agent_repl.validate import recall
from agent_repl_ui import cards, notebook
from agent_repl_ui.render import as_html

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(BROWSER is None, reason="chromium is not on the PATH")]
PAGES = {"dark": ("#111111", "#e0e0e0"), "light": ("#ffffff", "#212121")}
SIZE = "--window-size=900,1400"
READABLE = 3.0  # of large text, by WCAG 2.1; that of the edges of small letters is never higher than its colour's
MEASURE = """
const found = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
  const node = walk.currentNode, range = document.createRange();
  for (const word of node.data.matchAll(/\\S+/g)) {
    range.setStart(node, word.index);
    range.setEnd(node, word.index + word[0].length);
    for (const box of range.getClientRects()) found.push([word[0], box.left, box.top, box.right, box.bottom]);
  }
}
document.getElementById("places").textContent = JSON.stringify(found);
"""
OLD = 'def total(self):\n    """Sum."""\n    return 1\n'
NEW = """import os

def total(self, unit="EUR"):
    \"\"\"The sum of all rows; None of them twice.\"\"\"
    rows = [row for row in self.rows if row["unit"] == unit]  # of one currency
    os.remove("log.txt")
    return sum(row["price"] * 1.5 for row in rows)
"""


def shown(what: str, home: Path) -> str:
    """The HTML that we put on a page: of a review, of a card, or of code that is being written."""
    if what == "review":
        effects = (Effect("delete", 6, "os.remove", True), Effect("import", 1, "os", False))
        code = recall(NEW, "total")
        code = type(code)(**{**vars(code), "effects": effects})
        proposal = Proposal("sales.total", "CHANGED", code, "extends v1", OLD, "local qwen", answers=("total() 1 → 2",))
        return as_html(proposal, "decision: accept")
    if what == "card":
        agent = session(home, OLD).agent("analyst of {path}", name="sales", path="sales.csv")
        agent.total()
        return cards.as_html(agent)
    drawn: list[str] = []
    output = notebook._Output()
    output.draw = lambda text, form: drawn.append(form)  # type: ignore[method-assign]
    output.add(Event("writing", "local qwen writes sales.total", "sales.total"))
    output.add(Event("text", f"```python\n{NEW}```"))
    output.draw_progress(now=True)
    return drawn[-1]


@pytest.fixture(scope="module")
def analysis() -> list[str]:
    """A frame and a chart of the notebook, as it is after a run."""
    notebook = ran(read("live_analysis"))
    frames = [form for form in outputs(notebook, "text/html") if "<table" in form]
    return [frames[2], outputs(notebook, "image/svg+xml")[0]]


@pytest.fixture(scope="module", params=PAGES)
def page(request, tmp_path_factory, analysis) -> tuple[np.ndarray, list[Any]]:
    """A page with all of it: its pixels, and its words with the boxes (left, top, right, bottom) that they fill."""
    folder = tmp_path_factory.mktemp(request.param)
    ground, ink = PAGES[request.param]
    forms = "<hr>".join([*(shown(what, folder) for what in ("review", "card", "writing")), *analysis])
    css = f"margin:20px;background:{ground};color:{ink};font:16px monospace"
    places = f'<script type="application/json" id="places"></script><script>{MEASURE}</script>'
    source = folder / "page.html"
    source.write_text(f'<meta charset="utf-8"><body style="{css}">{forms}{places}</body>', encoding="utf-8")
    browse(source, f"--screenshot={folder / 'page.png'}")
    measured = re.search(r'id="places">(.*?)</script>', browse(source, "--dump-dom"), re.DOTALL)
    assert measured
    return pixels((folder / "page.png").read_bytes()), json.loads(html.unescape(measured[1]))


def browse(source: Path, what: str) -> str:
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={source.parent}/own"]
    command = [str(BROWSER), *flags, SIZE, what, source.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def pixels(png: bytes) -> np.ndarray:
    """The pixels (rows, columns, channels) of a PNG of 8 bits a channel, undone as its specification says."""
    width, height, depth, kind = struct.unpack(">IIBB", png[16:26])
    channels = {2: 3, 6: 4}[kind]
    assert depth == 8
    data, at = b"", 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        data += png[at + 8 : at + 8 + length] if png[at + 4 : at + 8] == b"IDAT" else b""
        at += 12 + length
    raw, step = zlib.decompress(data), 1 + width * channels
    rows = [bytes(width * channels)]
    for start in range(0, len(raw), step):
        rows.append(_unfiltered(raw[start], raw[start + 1 : start + step], rows[-1], channels))
    return np.frombuffer(b"".join(rows[1:]), np.uint8).reshape(height, width, channels)[:, :, :3]


def _unfiltered(how: int, line: bytes, above: bytes, channels: int) -> bytes:
    if how == 2:
        return (np.frombuffer(line, np.uint8) + np.frombuffer(above, np.uint8)).tobytes()
    if how == 1:
        return np.cumsum(np.frombuffer(line, np.uint8).reshape(-1, channels), axis=0, dtype=np.uint8).tobytes()
    made = bytearray(channels) + bytearray(line)
    corners = bytes(channels) + above
    for at in range(len(line)):
        left, up, corner = made[at], above[at], corners[at]
        guess = {0: 0, 3: (left + up) // 2}.get(how, _paeth(left, up, corner))
        made[at + channels] = (line[at] + guess) & 255
    return bytes(made[channels:])


def _paeth(left: int, up: int, corner: int) -> int:
    return min((left, up, corner), key=lambda each: abs(left + up - corner - each))


def contrast(box: np.ndarray) -> float:
    """The contrast of what differs most in a box with its ground, the commonest colour (WCAG 2.1: 1 to 21)."""
    part = box.reshape(-1, 3) / 255
    linear = np.where(part <= 0.03928, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    light, counts = np.unique((linear @ np.array([0.2126, 0.7152, 0.0722])).round(4), return_counts=True)
    ground = light[counts.argmax()]
    return float(max((max(each, ground) + 0.05) / (min(each, ground) + 0.05) for each in light))


def test_every_word_on_the_page_can_be_read(page):
    image, places = page
    faint = {}
    for text, left, top, right, bottom in places:
        box = image[round(top) : round(bottom), round(left) : round(right)]
        if contrast(box) < READABLE:
            faint[text] = contrast(box)
    assert len(places) > 150
    assert faint == {}


def test_all_that_was_said_is_on_the_page(page):
    image, places = page
    said = " ".join(text for text, *_ in places)
    wanted = (
        "sales.total · CHANGED",
        "os.remove",
        "decision: accept",
        "agent sales",
        "local qwen writes",
        "revenue",
        "Gizmo",
    )
    assert [words for words in wanted if words not in said] == []
    assert min(left for _, left, *_ in places) >= 0
    assert max(right for *_, right, _ in places) <= image.shape[1]
    assert max(bottom for *_, bottom in places) <= image.shape[0]


def test_what_cannot_be_read_is_noticed():
    box = np.full((10, 10, 3), 255, np.uint8)
    box[4:6, 4:6] = 230
    assert contrast(box) < READABLE
    box[4:6, 4:6] = 0
    assert contrast(box) == pytest.approx(21)
