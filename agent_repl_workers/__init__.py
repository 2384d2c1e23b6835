"""Written code that runs in a process of its own: `process` for crashes and hangs, `sandbox` for isolation.

A worker imports `worker`, `bounds`, `codec`, `tables` and `wire` of this package, and nothing else of ours but
`agent_repl_bounds`; so what the host needs is imported only when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .executor import WorkerExecutor

__all__ = ["WorkerExecutor"]


def __getattr__(name: str) -> Any:
    if name != "WorkerExecutor":
        raise AttributeError(name)
    from .executor import WorkerExecutor

    return WorkerExecutor
