"""How often the written code is right: `python3 run.py eval`, beside the same model asked plainly.

Every task of `tasks/` is tried by each arm at a fixed seed; one line of JSON is kept for each, and a run that is
started again goes on where it was left. `report` sums the lines up.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path[0] = str(ROOT)  # not this directory, whose names are short

from benchmarks.eval import checks, report  # noqa: E402
from benchmarks.eval.recorder import Asked, Recorder  # noqa: E402
from benchmarks.eval.results import ARMS, Line, attempt, replies  # noqa: E402
from benchmarks.eval.task import Task  # noqa: E402
from benchmarks.eval.tasks import FAMILIES, all_tasks, halves, twenty  # noqa: E402

HALF = "twenty is a part of dev, for switch-offs; held is scored once, at the end"
REUSE = "replies that an earlier run kept at this seed: a prompt that is in them is not asked again"
CUT = re.compile(r"\w+: ")  # the name of what was raised
HOMES = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")


def main(arguments: Sequence[str] | None = None) -> int:
    """Try what is not in the file yet, a line of progress for each, then say what came of it."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given[:1] == ["--corpus"]:
        from benchmarks.eval import corpus

        with own_settings():
            return corpus.main(given[1:])
    options = parsed(arguments)
    kept, where = lines_of(options.out), halves()
    done = {(each["task"], each["arm"], each["seed"], each["tries"], *each["without"]) for each in kept}
    rest = (options.seed, options.tries, *options.without)
    todo = [(task, arm) for task in chosen(options) for arm in options.arm if (task.name, arm, *rest) not in done]
    with model_for(options) as model, own_settings(), checks.without(options.without):
        for position, (task, arm) in enumerate(todo, 1):
            found = attempt(task, arm, model, options.tries, options.without)
            found |= {"half": where.get(task.name, "dev"), "seed": options.seed}
            append(options.out, [found])
            append(options.replies, replies(task, arm, model))
            kept.append(found)
            print(f"{position}/{len(todo)} {progress(found)}", flush=True)
    print(report.text(report.summary(kept)))
    return 0


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run.py eval", description=__doc__.partition("\n")[0])
    parser.add_argument("--arm", type=listed, default=list(ARMS), help="ours, plain, or both (the default)")
    parser.add_argument("--half", choices=("dev", "twenty", "held", "all"), default="dev", help=HALF)
    parser.add_argument("--family", type=listed, default=[], help=", ".join(FAMILIES))
    parser.add_argument("--task", type=listed, default=[], help="only these, whatever the half")
    parser.add_argument("--without", type=listed, default=[], help="leave out pieces of context, or checks, by name")
    parser.add_argument("--seed", type=int, default=1, help="of sampling")
    parser.add_argument("--tries", type=int, default=3, help="replies for each method")
    parser.add_argument("--out", type=Path, default=Path("eval.jsonl"), help="where a line for each task is kept")
    parser.add_argument("--replies", type=Path, help="where each reply is kept, whole")
    parser.add_argument("--reuse", type=Path, action="append", default=[], help=REUSE)
    parser.add_argument("--corpus", action="store_true", help="recursion on a large corpus instead; say it first")
    parser.add_argument("--scripted", action="store_true", help="answers from the reference solutions, in seconds")
    return parser.parse_args(arguments)


def listed(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def chosen(options: argparse.Namespace) -> list[Task]:
    """The tasks that the options name, in their order; raises SystemExit for one that is not there."""
    tasks, where = all_tasks(), halves()
    if unknown := set(options.task) - {task.name for task in tasks}:
        raise SystemExit(f"there is no task {min(unknown)!r}")
    if options.task:
        return [task for task in tasks if task.name in options.task]
    halves_of = {task.name: {"all", where[task.name], *(["twenty"] * (task.name in twenty()))} for task in tasks}
    tasks = tuple(task for task in tasks if options.half in halves_of[task.name])
    return [task for task in tasks if not options.family or task.family in options.family]


@contextmanager
def model_for(options: argparse.Namespace) -> Iterator[Recorder]:
    """The embedded model at a fixed seed, or the reference solutions in its place."""
    from agent_repl_local import LocalProvider
    from benchmarks.eval.scripted import solver

    inner: Any = solver() if options.scripted else LocalProvider(seed=options.seed)
    try:
        yield Recorder(inner, known=known(options.reuse))
    finally:
        inner.close()


def known(files: Sequence[Path]) -> dict[Asked, str]:
    """Whole answers of earlier runs by what was asked; one that was cut short is asked for again."""
    lines = [line for file in files for line in lines_of(file) if not CUT.match(line["said"])]
    return {(line["system"], line["user"], line["temperature"]): line["text"] for line in lines}


@contextmanager
def own_settings() -> Iterator[None]:
    """Nothing that this user has set reaches the sessions."""
    before = dict(os.environ)
    with TemporaryDirectory(prefix="eval-user-") as place:
        for name in [name for name in os.environ if name.startswith("AGENT_REPL_")]:
            del os.environ[name]
        os.environ.update(dict.fromkeys(HOMES, place))
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def lines_of(path: Path) -> list[Line]:
    return [json.loads(text) for text in path.read_text().splitlines()] if path.exists() else []


def append(path: Path | None, lines: Sequence[Line]) -> None:
    if path is None:
        return
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(each, ensure_ascii=False) + "\n" for each in lines)


def progress(found: Line) -> str:
    mark = "first" if found["first"] else "solved" if found["solved"] else "-"
    asked, why = len(found["replies"]), " ".join(found["why"].split())[:110]
    return f"{found['arm']:5} {found['task']:30} {mark:6} {asked} replies {found['seconds']:6.1f} s  {why}"


if __name__ == "__main__":
    sys.exit(main())
