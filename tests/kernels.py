"""A real kernel in a home of its own, and what a front end sees of a cell that runs in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from conftest import HOMES, PERSONAL
from jupyter_client.manager import start_new_kernel

ANSWER = "def answer(self):\n    return 6 * 7"
LOAD = """
from agent_repl import ScriptedProvider, open_session
from agent_repl.session import use
use(open_session({home!r}, provider=ScriptedProvider(["```python\\n" + reply + "\\n```" for reply in {replies!r}])))
%reload_ext agent_repl
"""


def variables(home: Path) -> dict[str, str]:
    """The variables of a process that sees nothing of the person's."""
    kept = {name: value for name, value in os.environ.items() if not PERSONAL.fullmatch(name)}
    return kept | {name: str(home / below) for name, below in HOMES.items()}


@contextmanager
def kernel(home: Path) -> Iterator[Any]:
    """A kernel's client."""
    (home / "runtime").mkdir(mode=0o700, exist_ok=True, parents=True)
    manager, client = start_new_kernel(env=variables(home))
    try:
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def load(client: Any, home: Path, *replies: str, answers: list[str] | None = None) -> None:
    """Load the extension, with a session in which these sources are what the model answers."""
    seen = run(client, LOAD.format(home=str(home / ".agent_repl"), replies=replies), answers)
    assert not seen["error"], seen["error"]


def run(client: Any, code: str, answers: list[str] | None = None) -> dict[str, list[Any]]:
    """Run a cell; `answers` are what the person types, one by one (None: the front end takes no input)."""
    kinds = ("asked", "display_data", "update_display_data", "execute_result", "text", "error", "traceback")
    seen: dict[str, list[Any]] = {kind: [] for kind in kinds}

    def show(message: Any) -> None:
        kind, content = message["header"]["msg_type"], message["content"]
        if kind == "stream":  # a kernel may send one print in several pieces
            seen["text"] = ["".join([*seen["text"], content["text"]])]
        elif kind == "error":
            seen[kind].append(f"{content['ename']}: {content['evalue']}")
            seen["traceback"] += "\n".join(content["traceback"]).splitlines()
        elif kind in seen:
            seen[kind].append(content)

    def type_in(message: Any) -> None:
        seen["asked"].append(message["content"]["prompt"])
        client.input(answers.pop(0))  # type: ignore[union-attr]

    reply = client.execute_interactive(
        code, allow_stdin=answers is not None, output_hook=show, stdin_hook=type_in, timeout=60
    )
    seen["next_cell"] = [each["text"] for each in reply["content"]["payload"] if each["source"] == "set_next_input"]
    return seen


def screen(seen: dict[str, list[Any]], form: str = "text/plain") -> list[str]:
    """The outputs of a cell as they stand when it has ended, which is what a saved notebook keeps."""
    last: dict[Any, str] = {}
    for each in [*seen["display_data"], *seen["update_display_data"]]:
        last[each.get("transient", {}).get("display_id", len(last))] = each["data"].get(form, "")
    return list(last.values())
