"""One task and one arm: what is tried, and the line of JSON that is kept of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from . import ours, plain
from .recorder import Recorder
from .task import Task
from .world import Ran

ARMS = ("ours", "plain")
Line = dict[str, Any]


def attempt(task: Task, arm: str, model: Recorder, tries: int, without: Sequence[str] = ()) -> Line:
    """Try a task, and say how it went, what was asked and what that cost."""
    began = time.perf_counter()
    solve = plain.solve(task, model, tries) if arm == "plain" else ours.solve(task, model, tries, without)
    return line(task, arm, *solve, model, time.perf_counter() - began) | {"tries": tries, "without": list(without)}


def line(task: Task, arm: str, visible: Ran, hidden: Ran, model: Recorder, seconds: float) -> Line:
    """Solved is right on all visible and all hidden calls; at first, where no reply had to be asked for again."""
    solved = visible.right and hidden.right
    return {
        "task": task.name,
        "family": task.family,
        "arm": arm,
        "solved": solved,
        "first": solved and not model.retried,
        "visible": visible.right,
        "raised": visible.raised,
        "flagged": "ReviewRequired" in visible.why,
        "why": visible.why or ("" if hidden.right else f"hidden: {hidden.why}"),
        "methods": len(task.methods),
        "extended": model.extended,
        "replies": [heard.tokens for heard in model.heard],
        "seconds": round(seconds, 2),
    }


def replies(task: Task, arm: str, model: Recorder) -> list[Line]:
    """The replies of the task that was just tried, whole, with what was asked and what was made of them."""
    return [
        {
            "task": task.name,
            "arm": arm,
            "attempt": number,
            "method": heard.method,
            "temperature": heard.prompt.temperature,
            "system": heard.prompt.system,
            "user": heard.prompt.user,
            "text": heard.text,
            "said": heard.said,
        }
        for number, heard in enumerate(model.heard, 1)
    ]
