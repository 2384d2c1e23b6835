"""Our arm: the same task through the product, as a script would use it, under review="auto".

Every call is made on one agent; the model may be asked as often as the task allows, by whichever stage asks. Then the
methods are pinned and answer the hidden calls on a new agent of the same identity, without a model.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from agent_repl import AgentError, open_session, pin
from agent_repl.records import Event
from agent_repl.reviewers.headless import HeadlessReviewer

from .checks import CONTEXT
from .recorder import Recorder
from .task import Call, Task
from .world import Alarm, Ran, directory, run


class Watcher(HeadlessReviewer):
    """Hears which method is written, and what validation says of a reply; the alarm rests while the model writes."""

    def __init__(self, model: Recorder, alarm: Alarm) -> None:
        self.model, self.alarm = model, alarm

    def tell(self, event: Event) -> None:
        if event.kind == "writing":
            self.alarm.stop()
            self.model.method = event.title.rpartition(".")[2]
        elif event.kind == "written":
            self.alarm.start()
        elif event.kind == "attempt":
            self.model.says(event.text)
            self.model.retried = True


def solve(task: Task, model: Recorder, tries: int, without: Iterable[str] = ()) -> tuple[Ran, Ran]:
    """How the written code did: on the visible calls, then on the hidden ones."""
    model.begin(task.replies(tries))
    settings = {"generation_retries": tries, "repairs": tries - 1, "max_calls": 1000, **switched_off(without)}
    with TemporaryDirectory(prefix="eval-home-") as home:
        session = open_session(Path(home).resolve() / ".agent_repl", provider=model, review="auto", **settings)
        session.reviewer = Watcher(model, alarm := Alarm())
        visible = on_agent(session, task, task.visible, alarm)
        history(session, model)
        if not visible.right:
            return visible, Ran(False, "not tried")
        try:
            pin_all(session)
        except AgentError as error:
            return visible, Ran(False, f"pin raised {type(error).__name__}: {error}", raised=True)
        session.mode, model.limit = "cached", 0
        return visible, on_agent(session, task, task.hidden, alarm)


def switched_off(without: Iterable[str]) -> dict[str, Any]:
    """The setting that leaves pieces of context out."""
    return {"without": ",".join(piece for piece in without if piece in CONTEXT)}


def on_agent(session: Any, task: Task, instance: Any, alarm: Alarm) -> Ran:
    with directory(instance):
        agent = session.agent(task.identity, **instance.state)

        def ask(call: Call) -> Any:
            outcome = session.call(agent, call.name, *call.args, **call.kwargs)
            if outcome.status == "error":
                raise outcome.error
            return outcome.value

        return run(instance, ask, alarm)


def history(session: Any, model: Recorder) -> None:
    """Tell of the versions that there are: one that repairs is a second reply, one that extends is for another call."""
    known = [identity.key(name) for identity in session.identities.values() for name in identity.names()]
    versions = [version for key in known for version in session.store.versions(key)]
    model.retried = model.retried or any(version.author == "repair" for version in versions)
    model.extended = sum(version.reason.startswith("extends") for version in versions)


def pin_all(session: Any) -> None:
    """Make plain functions of all that was written: what answers then is the code, and no guard asks."""
    for identity in session.identities.values():
        made = session.agent(identity.template)
        for name in identity.names():
            pin(made, name)
