"""The command line: the shell, the demos, the local model.

Exit codes: 0 done, 1 an error of ours (one line on standard error), 2 usage, 130 Ctrl-C.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from .errors import AgentError


def main(argv: Sequence[str] | None = None) -> int:
    """Run `agent-repl` with these words, by default the process's own, and give back its exit code."""
    words = _parser().parse_args(argv)
    try:
        return int(words.run(words) or 0)
    except KeyboardInterrupt:
        return 130
    except (AgentError, OSError) as error:
        print(f"agent-repl: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="agent-repl", description="A Python shell in which methods are written when they are first called."
    )
    parser.add_argument("--version", action="version", version=f"agent-repl {_version()}")
    parser.add_argument("-c", metavar="CODE", dest="code", help="run this code and leave")
    parser.add_argument("-i", metavar="FILE", dest="file", help="run this file, then show the prompt")
    parser.add_argument("--plain", action="store_true", help="plain words and numbered choices, for screen readers")
    parser.set_defaults(run=_shell)
    commands = parser.add_subparsers(title="commands", metavar="")
    _add_demo(commands)
    _add_model(commands)
    return parser


def _version() -> str:
    try:
        return metadata.version("ipython-agent-repl")
    except metadata.PackageNotFoundError:
        return "(not installed)"


def _shell(words: argparse.Namespace) -> int:
    from .frontends.shell import run

    return run(words.code, words.file, words.plain)


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    demo = commands.add_parser("demo", help="watch an agent grow; without a name, lists the demos")
    demo.add_argument("name", nargs="?", help="which one")
    demo.add_argument("--provider", help="who writes the code")
    demo.add_argument("--review", choices=["ask", "auto", "later", "cached"], help="who looks at it")
    demo.set_defaults(run=_demo)


def _demo(words: argparse.Namespace) -> Any:
    from .demo import main as demo

    return demo(words.name, provider=words.provider, review=words.review)


def _add_model(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    model = commands.add_parser("model", help="fetch, remove or find the local model's file")
    actions = model.add_subparsers(title="actions", required=True, metavar="")
    pull = actions.add_parser("pull", help="fetch it, once, and check its digest")
    pull.add_argument("--from", metavar="PATH", dest="source", type=Path, help="copy this file instead")
    pull.set_defaults(run=_pull)
    actions.add_parser("remove", help="delete it").set_defaults(run=_remove)
    actions.add_parser("path", help="print where it is, or will be").set_defaults(run=_path)


def _pull(words: argparse.Namespace) -> None:
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    from .providers.model_file import from_path, pull

    sources = [from_path(words.source)] if words.source else None
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns) as bar:
        task = bar.add_task("model", total=None)
        path = pull(lambda done, total: bar.update(task, completed=done, total=total), bar.console.print, sources)
    print(path)


def _remove(words: argparse.Namespace) -> None:
    from .providers.model_file import model_path, remove

    print("\n".join(f"removed {path}" for path in remove()) or f"nothing to remove at {model_path()}")


def _path(words: argparse.Namespace) -> int:
    from .providers.model_file import installed, model_path

    print(model_path())
    return 0 if installed() else 1
