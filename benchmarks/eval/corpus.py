"""Recursion on a corpus with known answers: `python3 run.py eval --corpus`.

Five questions about some thousand support tickets, more than 2 MB: one counts by a field, one by what only reading
tells; one aggregates by a label that only reading tells, one compares two groups by such a label, one finds what a
single ticket says. They are asked three times: first; of other tickets of the same kind; of the first ones again in a
new process. Each time it is counted how often the model planned (wrote a method), how often leaves were asked and how
often their answers were remembered, the tokens of both, and which answers are right.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from agent_repl import Session, open_session, trace
from agent_repl.protocols import Provider

from . import report
from .corpus_data import TICKETS, Corpus, corpus, size
from .corpus_script import FORMS, LABELS, SIZE, Reader

WORDS = (
    "Analyst of support tickets. by_channel() says how many came by each channel. leaving() counts the tickets whose "
    "writers say that they buy elsewhere from now on. topics() counts the tickets about each topic: broken, late, "
    "charge or advice. annoyed(one, other) gives for two products the share of tickets in an annoyed tone, to three "
    "digits. yard_code(city) finds the digits that must be pressed at the side entrance of the yard in a city."
)
TIMES = ("first", "same kind", "restart")
LIMITS: dict[str, Any] = {"max_leaves": 100_000, "max_calls": 20, "generation_retries": 3, "repairs": 1}
Line = dict[str, Any]
Asked = tuple[str, tuple[Any, ...], Any]


def questions(known: Corpus) -> list[Asked]:
    """The method, its arguments, and the answer, which the generator kept."""
    return [
        ("by_channel", (), known.by_channel()),
        ("leaving", (), known.leaving()),
        ("topics", (), known.topics()),
        ("annoyed", ("kettle", "lamp"), known.annoyed("kettle", "lamp")),
        ("yard_code", (known.place,), known.digits),
    ]


def data_of(known: Corpus, form: str, place: Path) -> Any:
    """The corpus in one of its forms; files are made in a place of their own."""
    name = place / f"tickets-{known.seed}{'.jsonl' * (form == 'jsonl')}"
    if form in ("jsonl", "directory"):
        return str(name if name.exists() else getattr(known, form)(name))
    return known.text() if form == "text" else known.records()


def ask_all(session: Session, known: Corpus, data: Any) -> list[Line]:
    """Ask all questions about one corpus, and count what each took."""
    agent = session.agent(WORDS, name="tickets", data=data)
    return [_asked(session, agent, *question) for question in questions(known)]


def _asked(session: Session, agent: Any, name: str, args: tuple[Any, ...], truth: Any) -> Line:
    began, outcome = perf_counter(), session.call(agent, name, *args)
    leaf, whole, tree = outcome.spent.get("leaf"), outcome.usage, trace(session)
    mine = tree.get("total", {}) if tree.get("call") == f"tickets.{name}" else {}
    leaves = leaf.calls if leaf else 0
    return {
        "method": name,
        "right": outcome.value == truth,
        "answer": outcome.value if outcome.error is None else f"{type(outcome.error).__name__}: {outcome.error}"[:300],
        "truth": truth,
        "planning": whole.calls - leaves,
        "leaves": leaves,
        "memo": int(mine.get("memo", 0)),
        "tokens": whole.input_tokens + whole.cache_read_tokens + whole.cache_write_tokens + whole.output_tokens,
        "seconds": round(perf_counter() - began, 2),
    }


def run(time: str, home: Path, provider: Provider, known: Corpus, form: str) -> Line:
    """All questions at one of the three times."""
    own = {"trust_key_file": str(home / "key")}  # the process that begins again is the same user's
    session = open_session(home / ".agent_repl", provider=provider, review="auto", **own, **LIMITS)
    lines = ask_all(session, known, data_of(known, form, home))
    session.close()
    sums = {name: sum(line[name] for line in lines) for name in ("right", "planning", "leaves", "memo", "tokens")}
    return {"time": time, "seed": known.seed, "of": len(lines), **sums, "questions": lines}


def provider_for(options: argparse.Namespace, corpora: Sequence[Corpus]) -> Provider:
    """Who plans and who reads: the script, the model, or the script and the model."""
    if options.scripted:
        return Reader(corpora, options.form, size=options.size)
    from agent_repl_local import LocalProvider

    model: Provider = LocalProvider(seed=1)
    return Reader(corpora, options.form, model, options.size) if options.plans == "scripted" else model


def main(arguments: Sequence[str]) -> int:
    """Ask three times, say what came of it, and keep it; with --restart-in, the third time alone, as JSON."""
    options = parsed(arguments)
    one, other = (corpus(seed, options.tickets, options.fillers, options.plain) for seed in (1, 2))
    if options.restart_in:
        provider = provider_for(options, [one])
        print(json.dumps(run("restart", options.restart_in, provider, one, options.form)))
        return 0
    with TemporaryDirectory(prefix="eval-corpus-") as place:
        home, provider = Path(place).resolve(), provider_for(options, [one, other])
        found = [run("first", home, provider, one, options.form), run("same kind", home, provider, other, options.form)]
        provider.close()
        again = [sys.executable, "-m", "benchmarks.eval", "--corpus", *arguments, "--restart-in", str(home)]
        ended = subprocess.run(again, cwd=report.ROOT, capture_output=True, text=True, check=True)
        found.append(json.loads(ended.stdout.splitlines()[-1]))
    read = dict(provider.read) if isinstance(provider, Reader) else {}
    print(text(found))
    if read:
        print("labels read right:", ", ".join(f"{name} {read[name]} of {read[name + ' of']}" for name in LABELS))
    if options.keep:
        by = "scripted" if options.scripted else f"leaves by the model, plans {options.plans}"
        about = {"answered": by, "form": options.form, "tickets": options.tickets, "bytes": size(one.tickets)}
        about |= {"plain": options.plain, "fillers": options.fillers}
        about |= {"tickets in a piece": options.size} if options.plans == "scripted" else {}
        about |= {"labels read right": read} if read else {}
        options.keep.write_text(json.dumps(report.circumstances() | about | {"times": found}, indent=1) + "\n")
    return 0


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run.py eval --corpus", description=__doc__.partition("\n")[0])
    parser.add_argument("--scripted", action="store_true", help="answers from the script, in seconds")
    parser.add_argument("--plans", choices=("model", "scripted"), default="model", help="who writes the methods")
    parser.add_argument("--tickets", type=int, default=TICKETS, help="how many; a small model reads 40 tokens a second")
    parser.add_argument("--fillers", type=int, default=4, help="sentences of each that say nothing")
    parser.add_argument("--plain", action="store_true", help="tickets that say outright what is to be read of them")
    parser.add_argument("--size", type=int, default=SIZE, help="tickets in a piece of a scripted plan")
    parser.add_argument("--form", choices=tuple(FORMS), default="records", help="of the data")
    parser.add_argument("--keep", type=Path, help="write figures and circumstances to this file")
    parser.add_argument("--restart-in", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def text(found: Sequence[Line]) -> str:
    """The figures for a person: a row a time, and the questions that were not answered right."""
    rows = ["time       right  planning  leaves  memo  tokens"]
    for line in found:
        counts = f"{line['right']}/{line['of']:<5} {line['planning']:<9} {line['leaves']:<7} {line['memo']:<5}"
        rows.append(f"{line['time']:<10} {counts} {line['tokens']:,}")
    wrong = [(line["time"], each) for line in found for each in line["questions"] if not each["right"]]
    return "\n".join(
        [*rows, *(f"  {time}: {q['method']}: {str(q['answer'])[:90]} (true: {q['truth']})" for time, q in wrong)]
    )
