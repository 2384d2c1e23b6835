"""The executors `process` and `sandbox`: methods are stubs here, and run on the worker of their agent."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from traceback import format_exception
from typing import Any

from agent_repl.errors import AgentError, ExecutorError
from agent_repl.executors.inline import InlinePlace
from agent_repl.protocols import Executor
from agent_repl.records import Code
from agent_repl_bounds.folders import sweep
from agent_repl_bounds.trial import Report, refusal
from agent_repl_code.stubs import Unit, stub
from agent_repl_data.crossing import CannotCross, pack

from .host import Worker
from .post import Post, state_of

MOST = 8
"""Workers that are kept at a time: the one that has waited longest goes before another is made."""


class WorkerExecutor(Executor):
    """Runs each agent's code in a process of its own; with `sandbox` the operating system forbids it all but its work.

    Raises ExecutorError where that cannot be had: a sandbox is tried at once, and never is less than it says.
    """

    def __init__(self, sandbox: bool) -> None:
        self.sandbox = sandbox
        self.name = "sandbox" if sandbox else "process"
        self.isolation = "a process of its own, with your rights: a crash or a hang stays there, harm does not"
        self._posts: weakref.WeakKeyDictionary[Any, Post] = weakref.WeakKeyDictionary()
        self._here = threading.local()
        self._lock = threading.Lock()
        sweep()
        if sandbox:
            with Post(self._make, True).alone() as worker:
                layers = ", ".join(worker.layers) + "; no bubblewrap here" * ("bubblewrap" not in worker.layers)
            self.isolation = f"a sandbox ({layers}): it reads what a call names, writes its own folder, has no network"

    def define(self, code: Code, filename: str, namespace: dict[str, Any]) -> Callable[..., Any]:
        """A function that runs the code on its agent's worker; nothing of it is run here."""
        return stub(Unit(code.name, code.source, code.tree, filename, namespace, code), self._call)

    def open(self, agent: Any) -> InlinePlace:
        if not hasattr(type(agent), "_agent_repl_identity_"):
            where = f"and here executor={self.name}"
            raise ExecutorError(f"methods of ordinary classes run in this process, {where}: describe an agent's")
        return InlinePlace(agent)

    def lacks(self, agent: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
        if why := _is_live(type(agent)):
            return why
        held = {f"argument {n}": value for n, value in enumerate(args, 1)} | dict(kwargs)
        for name, value in (held | {f"self.{name}": value for name, value in state_of(agent).items()}).items():
            try:
                pack(value, not self.sandbox)
            except CannotCross as error:
                return f"{name}: {error}"
        return ""

    def trial(self, work: Callable[[], Any], readable: Iterable[Path], seconds: float) -> Report:
        """What comes of work whose written code runs on locked workers that are thrown away, in these seconds."""
        self._here.trial = trial = _Trial(self._make, readable, time.monotonic() + seconds)
        try:
            return Report("done", work())
        except Exception as error:
            if why := refusal(error, (AgentError,)):
                return Report("not tried", why=why)
            return Report(
                "raised", error=f"{type(error).__name__}: {error}"[:2000], why="".join(format_exception(error))
            )
        finally:
            self._here.trial = None
            trial.close()

    def close(self) -> None:
        """End all workers that are idle; a call makes a new one."""
        for post in list(self._posts.values()):
            post.rest()

    def _call(self, unit: Unit, agent: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        __tracebackhide__ = True
        if why := _is_live(type(agent)):
            raise ExecutorError(f"{unit.name} cannot run where executor={self.name}: {why}")
        trial = getattr(self._here, "trial", None)
        post = trial.post(agent) if trial else self._posts.get(agent)
        if post is None or post.host != os.getpid():
            post = self._posts[agent] = Post(self._make, self.sandbox)
        return post.call(agent, unit, args, kwargs)

    def _make(self, *arguments: Any) -> Worker:
        """A new worker, for which one that has waited long may have to go."""
        with self._lock:
            waiting = sorted((post for post in list(self._posts.values()) if post.works), key=lambda post: post.used)
            for post in waiting[: max(0, len(waiting) - MOST + 1)]:
                post.rest()
        return Worker(*arguments)


def _is_live(kind: type) -> str:
    """Why agents of a class have to do with objects of this process, "" where they have not."""
    if getattr(kind, "_agent_repl_deep_", False):
        return "with deep=True answers are live objects of this process, which cannot be sent: use executor=inline"
    wraps = "it wraps an object of this process, which cannot be sent: use executor=inline"
    return wraps if hasattr(kind, "_agent_repl_kind_") else ""


class _Trial:
    """What the agents of a trial run on, until it ends."""

    def __init__(self, make: Callable[..., Worker], readable: Iterable[Path], until: float) -> None:
        self._make, self._readable, self._until = make, [str(path) for path in readable], until
        self._posts: dict[int, tuple[Any, Post]] = {}

    def post(self, agent: Any) -> Post:
        if id(agent) not in self._posts:
            self.close()  # of a trial's agents each is used up before the next
            self._posts[id(agent)] = agent, Post(self._make, True, self._readable, self._until)
        return self._posts[id(agent)][1]

    def close(self) -> None:
        for _, post in self._posts.values():
            post.rest()
        self._posts = {}
