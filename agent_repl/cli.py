"""The command line: the shell, the demo, the local model.

Exit codes: 0 done, 1 an error of ours (one line on standard error), 2 usage, 130 Ctrl-C.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from .errors import AgentError


def main(argv: Sequence[str] | None = None) -> int:
    """Run `agent-repl` with these words, by default the process's own, and give back its exit code."""
    parser = _parser()
    words, rest = parser.parse_known_args(argv)
    if rest and words.run is not _demo:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    words.rest = rest
    try:
        return int(words.run(words))
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
    parser.add_argument("--plain", action="store_true", help="no colours and no drawing in place, for screen readers")
    parser.set_defaults(run=_shell)
    commands = parser.add_subparsers(title="commands", metavar="")
    demo = commands.add_parser("demo", help="watch an agent grow", add_help=False)
    demo.set_defaults(run=_demo)
    model = commands.add_parser("model", help="fetch (pull), remove or find (path) the local model's file")
    model.add_argument("action", choices=["pull", "remove", "path"])
    model.add_argument("--from", metavar="PATH", dest="source", type=Path, help="pull: copy this file instead")
    model.set_defaults(run=_model)
    return parser


def _version() -> str:
    try:
        return metadata.version("ipython-agent-repl")
    except metadata.PackageNotFoundError:
        return "(not installed)"


def _shell(words: argparse.Namespace) -> int:
    from .frontends.shell import run

    return run(words.code, words.plain)


def _demo(words: argparse.Namespace) -> int:
    from agent_repl_demos.sales import main

    return main(words.rest)


def _model(words: argparse.Namespace) -> int:
    from .providers.model_file import fetch_model, installed, model_path, remove

    if words.action == "remove":
        print("\n".join(f"removed {path}" for path in remove()) or f"nothing to remove at {model_path()}")
        return 0
    print(fetch_model(words.source) if words.action == "pull" else model_path())
    return int(not installed())
