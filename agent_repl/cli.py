"""The command line: the shell, and the programs that stand beside it.

Exit codes: 0 done, 1 an error of ours (one line on standard error), 2 usage, 130 Ctrl-C.
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import metadata

from .errors import AgentError


def main(argv: Sequence[str] | None = None) -> int:
    """Run `agent-repl` with these words, by default the process's own, and give back its exit code."""
    words = _parser().parse_args(argv)
    try:
        return int(words.run(words))
    except KeyboardInterrupt:
        return 130
    except (AgentError, OSError) as error:
        print(f"agent-repl: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("agent-repl", description="A Python shell that writes methods when first called.")
    parser.add_argument("--version", action="version", version=f"agent-repl {_version()}")
    parser.add_argument("-c", metavar="CODE", dest="code", help="run this code and leave")
    parser.add_argument("--plain", action="store_true", help="no colours and no drawing in place, for screen readers")
    parser.set_defaults(run=_shell)
    commands = parser.add_subparsers(title="commands", metavar="")
    for name, run, about in (
        ("demo", _demo, "watch an agent grow"),
        ("model", _model, "fetch (pull), remove or find (path) the local model's file"),
    ):  # they have options of their own: with this prefix none of their words is taken for one of ours
        command = commands.add_parser(name, help=about, add_help=False, prefix_chars="\0")
        command.add_argument("rest", nargs="*")
        command.set_defaults(run=run)
    return parser


def _version() -> str:
    with suppress(metadata.PackageNotFoundError):
        return metadata.version("ipython-agent-repl")
    return "(not installed)"


def _shell(words: argparse.Namespace) -> int:
    """Run the shell; with `-c CODE`, or a standard input that is no terminal, that code, and nothing is asked."""
    from agent_repl_ui.shell import start

    code = words.code if words.code is not None or sys.stdin.isatty() else sys.stdin.read()
    return start(code, words.plain)


def _demo(words: argparse.Namespace) -> int:
    from agent_repl_demos.sales import main

    return main(words.rest)


def _model(words: argparse.Namespace) -> int:
    from agent_repl_local.command import main

    return main(words.rest)
