"""`agent-repl demo NAME`."""

from collections.abc import Sequence
from importlib import import_module

from agent_repl.protocols import Provider

from .stage import DEMOS, options


def main(argv: Sequence[str] = (), provider: Provider | None = None) -> int:
    """Run the demo that the words name, the csv one where they name none, and give back its exit code."""
    module, _ = DEMOS[options(argv).name]
    return int(import_module(f".{module}", __package__).main(argv, provider))
