"""What the executors cost: `python benchmarks/executors.py`; a plain call and a bare pipe are measured beside each.

The figures also go to `results/executors.json`.

Not covered: what written code itself takes, which is the same everywhere but for `lua`.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from bench import ROOT, report

from agent_repl import AgentError, ScriptedProvider, open_session

ADD = '```python\ndef add(self, n=1):\n    """One more."""\n    return n + 1\n```'
LUA = "```lua\nfunction add(self, n)\n  return (n or 1) + 1\nend\n```"
SAME = '```python\ndef same(self, frame):\n    """It."""\n    return frame\n```'
PLACES = ("inline", "process", "sandbox", "lua")
TURNS = 400


def plain(n: int = 1) -> int:
    return n + 1


def pipe() -> Callable[[], bytes]:
    """A message of 50 bytes to another process, and its answer."""
    mine, its = socket.socketpair()
    if not os.fork():
        mine.close()
        while data := its.recv(100):
            its.send(data)
        os._exit(0)
    its.close()
    return lambda: (mine.send(b"x" * 50), mine.recv(100))[1]


def seconds(act: Callable[[], Any]) -> float:
    began = perf_counter()
    act()
    return perf_counter() - began


def agents(place: str) -> Callable[[], Any]:
    home = Path(tempfile.mkdtemp())
    model = ScriptedProvider([LUA] if place == "lua" else [ADD, SAME])
    made = open_session(home / ".agent_repl", provider=model, review="auto", executor=place, crystallize_after=0)
    first = made.agent("thing")
    first.add(1)
    return lambda: made.agent("thing")


def main() -> None:
    there, rows = pipe(), []
    print(f"{'executor':<9} {'start':>9} {'call':>9} {'to a plain call':>16} {'to a pipe':>10} {'100 MB and back':>16}")
    for place in PLACES:
        try:
            rows.append({"executor": place, **row(agents(place), there, place != "lua")})
        except AgentError as error:
            print(f"{place:<9} {error}")
            continue
        _, start, call, to_plain, to_pipe, back = rows[-1].values()
        told = f"{start * 1e3:>6.1f} ms {call * 1e6:>6.0f} µs {to_plain:>16.0f} {to_pipe:>10.1f}"
        print(f"{place:<9} {told} {(back and f'{back:.2f} s') or 'not sent':>16}")
    kept = json.dumps(report([]) | {"rows": rows}, indent=1)
    (ROOT / "benchmarks" / "results" / "executors.json").write_text(f"{kept}\n", encoding="utf-8")


def row(new: Callable[[], Any], there: Callable[[], bytes], frames: bool) -> dict[str, Any]:
    """Seconds of a start and of a call, that beside a plain call and a bare pipe, and of a frame there and back."""
    starts = [seconds(lambda: new().add(1)) for _ in range(8)]
    one = new()
    turns = [(seconds(lambda: one.add(1)), seconds(there), seconds(plain)) for _ in range(TURNS)]
    call, to_plain, to_pipe = (median(row) for row in zip(*((c, c / p, c / w) for c, w, p in turns), strict=True))
    figures = {"start": median(starts), "call": call, "to_plain_call": to_plain, "to_pipe": to_pipe}
    return figures | {"frame_of_100_mb": frame(one) if frames else None}


def frame(agent: Any) -> float | None:
    try:
        import numpy as np
        import pandas as pd
    except ImportError:
        return None
    large = pd.DataFrame(np.random.default_rng(1).random((1_250_000, 10)), columns=list("abcdefghij"))
    agent.same(large.head(2))
    return median(seconds(lambda: agent.same(large)) for _ in range(3))


if __name__ == "__main__":
    sys.exit(main())
