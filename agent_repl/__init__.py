"""Grow software by using it: methods are written by a model when first called, reviewed, then plain Python."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "session": ("Session", "default_session", "open_session"),
    "agent": ("Agent",),
    "control": (
        *("accept", "define", "diff", "edit", "examples", "forget", "keep", "pending", "pin", "prompt"),
        *("reject", "revise", "rollback", "say", "source", "status", "undo", "unpin", "versions"),
    ),
    "errors": (
        *("AgentError", "AuthenticationFailed", "BudgetExceeded", "CacheMiss", "ExecutorError", "GenerationError"),
        *("InvalidCode", "ModelUnavailable", "ModuleError", "NoProvider", "Overloaded", "PolicyError", "ProviderError"),
        *("ProviderTimeout", "RateLimited", "Rejected", "ReplyCut", "ReviewRequired", "StoreError", "UnaskedCall"),
        "Unreachable",
    ),
    "records": ("Effect", "Event", "Outcome", "Prompt", "Proposal", "Reply", "Settings", "Usage", "Verdict", "Version"),
    "wrapping": ("unwrap",),
    "agent_repl_classes": ("Agentic", "agentic", "configure", "describe", "reset", "save"),  # beside us
    "agent_repl_emit": ("adopt", "emit"),
    "agent_repl_growth": ("Grown", "grow"),
    "agent_repl_recursion.explore": ("Explored", "explore"),
    "agent_repl_recursion": ("InvalidAnswer", "clear_answers", "trace"),
    "providers.anthropic": ("AnthropicProvider",),
    "providers.scripted": ("ReplayProvider", "ScriptedProvider"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    """Public names are imported when they are first used, so that `import agent_repl` costs nothing."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'agent_repl' has no attribute {name!r}")
    if name == "Agent":
        import_module(".session", __name__)
    home = _HOME_OF[name]
    return getattr(import_module(home if home.startswith(__name__) else f".{home}", __name__), name)


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext agent_repl`."""
    from agent_repl_ui.extension import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """`%unload_ext agent_repl`: takes back all that loading gave; the agents that were made stay."""
    from agent_repl_ui.extension import unload

    unload(shell)


def __dir__() -> list[str]:
    return [*globals(), *_HOME_OF]
