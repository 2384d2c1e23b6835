"""The command line: the shell, and the programs that stand beside it.

Exit codes: 0 done, 1 an error of ours (one line on standard error), 2 usage, 130 Ctrl-C.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from .errors import AgentError


def main(argv: Sequence[str] | None = None) -> int:
    """Run `agent-repl` with these words, by default the process's own, and give back its exit code."""
    words = _parser().parse_args(argv)
    for name in ("review", "model", "home", "theme", "plain"):  # what the variable of the same name says
        if value := getattr(words, name):
            os.environ[f"AGENT_REPL_{name.upper()}"] = value
    try:
        return int(words.run(words))
    except KeyboardInterrupt:
        return 130
    except (AgentError, OSError) as error:
        print(f"agent-repl: {error}", file=sys.stderr)
        return 1


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"usage: {self.prog} [options] [command] (--help tells them): {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser("agent-repl", description="A Python shell that writes methods when first called.")
    parser.add_argument("--version", action="store_const", const=_version, dest="run", help="say which this is")
    parser.add_argument("-c", metavar="CODE", dest="code", help="run this code and leave")
    parser.add_argument("-i", metavar="FILE", dest="file", help="run this file, then stay")
    parser.add_argument("--plain", action="store_const", const="1", help="plain words, for screen readers")
    parser.add_argument("--vi", action="store_true", help="edit as in vi")
    parser.add_argument("--theme", choices=("dark", "light", "auto"), help="the terminal's background")
    parser.add_argument("--review", choices=("ask", "auto", "later", "cached"), help="who looks at new code")
    parser.add_argument("--model", metavar="NAME", help="the model that writes")
    parser.add_argument("--home", metavar="DIR", help="where what is learnt is kept")
    parser.set_defaults(run=_shell)
    commands = parser.add_subparsers(title="commands", metavar="")
    commands.add_parser("review", help="go through the drafts that wait for you").set_defaults(run=_review)
    for name, run, about in (
        ("demo", _demo, "watch an agent grow: csv, file, database, calculator or assistant"),
        ("doctor", _doctor, "check, repair, measure and prune a home"),
        ("model", _model, "fetch (pull), remove or find (path) the local model's file"),
        ("trust", _trust, "look at code that is not yours, and let it be loaded"),
    ):  # they have options of their own: with this prefix none of their words is taken for one of ours
        command = commands.add_parser(name, help=about, add_help=False, prefix_chars="\0")
        command.add_argument("rest", nargs="*")
        command.set_defaults(run=run)
    return parser


def _version(words: argparse.Namespace) -> int:
    from importlib.metadata import distributions  # takes as long as half of a shell's own start

    version = next((found.version for found in distributions(name="ipython-agent-repl")), "(not installed)")
    print(f"agent-repl {version}")
    return 0


def _shell(words: argparse.Namespace) -> int:
    """Run the shell; with `-c CODE`, or a standard input that is no terminal, that code, and nothing is asked."""
    from agent_repl_ui.shell import start

    given = words.code is not None or words.file or sys.stdin.isatty()
    return start(words.code if given else sys.stdin.read(), words.file or "", words.vi)


def _review(words: argparse.Namespace) -> int:
    from agent_repl_ui.terminal import TerminalReviewer

    from .control import review_pending
    from .session import default_session

    default_session().reviewer = TerminalReviewer()
    print(*review_pending(default_session()) or ["no draft waits"], sep="\n")
    return 0


def _demo(words: argparse.Namespace) -> int:
    from agent_repl_demos.command import main

    return main(words.rest)


def _trust(words: argparse.Namespace) -> int:
    from agent_repl_ui.trust import main

    return main(words.rest)


def _doctor(words: argparse.Namespace) -> int:
    from agent_repl_doctor.command import main

    return main(words.rest)


def _model(words: argparse.Namespace) -> int:
    from agent_repl_local.command import main

    return main(words.rest)
