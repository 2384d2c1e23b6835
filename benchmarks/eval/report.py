"""What a run came to: counts, pairs with intervals, tokens and seconds; and what it was run on.

python3 benchmarks/eval/report.py LINES.jsonl [MORE.jsonl ...] [--keep results/eval-NAME.json]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from math import sqrt
from pathlib import Path
from random import Random
from statistics import NormalDist, median
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TASKS = ("benchmarks/eval/tasks", "benchmarks/eval/plain.py", "benchmarks/eval/task.py")
DRAWS = 10_000
Z = NormalDist().inv_cdf(0.975)
Line = dict[str, Any]
Interval = tuple[float, float]


def summary(lines: Sequence[Line]) -> dict[str, Any]:
    """All figures: of each arm alone, and of ours beside each other one where both have tried a task."""
    arms: dict[str, dict[Any, Line]] = {}
    for line in lines:
        arms.setdefault(name_of(line), {})[line["task"], line.get("seed")] = line
    mine = arms.get("ours", {})
    others = {name: found for name, found in arms.items() if name != "ours" and mine.keys() & found.keys()}
    return {
        "arms": {name: of_arm(list(found.values())) for name, found in arms.items()},
        "pairs": {f"ours and {name}": beside(mine, found) for name, found in others.items()},
    }


def name_of(line: Line) -> str:
    """What the arm is called: "ours", "plain", "ours without recipes"."""
    return f"{line['arm']} without {', '.join(line['without'])}" if line.get("without") else str(line["arm"])


def beside(mine: dict[Any, Line], other: dict[Any, Line]) -> dict[str, Any]:
    both = [(mine[key], other[key]) for key in mine if key in other]
    return {what: pairs([(bool(a[what]), bool(b[what])) for a, b in both]) for what in ("first", "solved")}


def of_arm(lines: Sequence[Line]) -> dict[str, Any]:
    """Solved at first, and within the retries; what a solved task cost, all that failed included."""
    asked = [reply for line in lines for reply in line["replies"]]
    solved = sum(line["solved"] for line in lines)
    families = {family: [line for line in lines if line["family"] == family] for family in families_of(lines)}
    return {
        "tasks": len(lines),
        "first": sum(line["first"] for line in lines),
        "solved": solved,
        "flagged": sum(line["flagged"] for line in lines),
        "extended": sum(line["extended"] for line in lines),
        "families": {family: counts(mine) for family, mine in families.items()},
        "model_calls": len(asked),
        "prompt_tokens_per_solved": per(sum(reply["prompt_tokens"] for reply in asked), solved),
        "output_tokens_per_solved": per(sum(reply["output_tokens"] for reply in asked), solved),
        "model_seconds_per_solved": per(sum(reply["seconds"] for reply in asked), solved),
        "median_prompt": median_prompt(lines),
        "cached_share": cached_share(lines),
    }


def families_of(lines: Sequence[Line]) -> list[str]:
    return list(dict.fromkeys(line["family"] for line in lines))


def counts(lines: Sequence[Line]) -> dict[str, int]:
    return {
        "tasks": len(lines),
        "first": sum(line["first"] for line in lines),
        "solved": sum(line["solved"] for line in lines),
    }


def per(total: float, solved: int) -> float | None:
    return round(total / solved, 1) if solved else None


def median_prompt(lines: Sequence[Line]) -> float | None:
    """Tokens of the first prompt for each method: the sum of what was read anew and what came from the cache."""
    sizes = [first["prompt_tokens"] for line in lines for first in first_replies(line) if first["prompt_tokens"]]
    return median(sizes) if sizes else None


def first_replies(line: Line) -> list[dict[str, Any]]:
    firsts: dict[str, dict[str, Any]] = {}
    for reply in line["replies"]:
        firsts.setdefault(reply["method"], reply)
    return list(firsts.values())


def cached_share(lines: Sequence[Line]) -> float | None:
    """The share of prompt tokens that came from the cache in all replies but the first of each agent."""
    later = [reply for line in lines for reply in line["replies"][1:]]
    sent = sum(reply["prompt_tokens"] for reply in later)
    return round(sum(reply["cache_read_tokens"] for reply in later) / sent, 3) if sent else None


def pairs(solved: Sequence[tuple[bool, bool]]) -> dict[str, Any]:
    """Tasks by who solved them, ours or the other; the difference of shares and their ratio, each with 95 % limits."""
    kinds = (True, True), (True, False), (False, True), (False, False)
    both, ours, plain, neither = map(solved.count, kinds)
    table = {"both": both, "only_ours": ours, "only_other": plain, "neither": neither}
    if not solved:
        return table
    return table | {
        "difference": round((ours - plain) / len(solved), 4),
        "difference_95": rounded(newcombe(both, ours, plain, neither)),
        "ratio": round((both + ours) / (both + plain), 3) if both + plain else None,
        "ratio_95": rounded(bootstrap(solved, ratio)),
    }


def rounded(interval: Interval | None) -> list[float] | None:
    return [round(end, 4) for end in interval] if interval else None


def newcombe(both: int, ours: int, plain: int, neither: int) -> Interval:
    """95 % limits for the difference of two paired proportions.

    Method 10 of R. G. Newcombe, Improved confidence intervals for the difference between binomial proportions based on
    paired data, Statistics in Medicine 17 (1998) 2635-2650: Wilson's limits of each share, joined by a correlation.
    """
    n = both + ours + plain + neither
    first, second = (both + ours) / n, (both + plain) / n
    (low_1, high_1), (low_2, high_2) = wilson(both + ours, n), wilson(both + plain, n)
    margins = (both + ours) * (plain + neither) * (both + plain) * (ours + neither)
    product = both * neither - ours * plain
    lean = (max(product - n / 2, 0) if product > 0 else product) / sqrt(margins) if margins else 0.0
    down, up = (first - low_1, high_2 - second), (high_1 - first, second - low_2)
    return first - second - joined(*down, lean), first - second + joined(*up, lean)


def joined(a: float, b: float, lean: float) -> float:
    return sqrt(max(a * a - 2 * lean * a * b + b * b, 0.0))


def wilson(hits: int, n: int) -> Interval:
    """95 % limits of a share: E. B. Wilson, Journal of the American Statistical Association 22 (1927) 209-212."""
    share, spread = hits / n, Z * Z / n
    half = Z * sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    middle = (share + spread / 2) / (1 + spread)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def ratio(solved: Sequence[tuple[bool, bool]]) -> float | None:
    plain = sum(b for _, b in solved)
    return sum(a for a, _ in solved) / plain if plain else None


def bootstrap(
    solved: Sequence[tuple[bool, bool]], figure: Callable[[Sequence[tuple[bool, bool]]], float | None], seed: int = 1
) -> Interval | None:
    """95 % limits by the percentiles of tasks drawn anew with replacement (B. Efron, Annals of Statistics 7, 1979)."""
    random = Random(seed)
    drawn = [figure(random.choices(solved, k=len(solved))) for _ in range(DRAWS)]
    found = sorted(each for each in drawn if each is not None)
    return (found[int(0.025 * len(found))], found[int(0.975 * len(found)) - 1]) if found else None


def circumstances() -> dict[str, Any]:
    """What it was run on: the model with its digest, the machine, the day, and the commit of tasks and baseline."""
    from agent_repl_local.model_file import NAME, SHA256

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()

    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": NAME,
        "sha256": SHA256,
        "machine": {
            "cpus": os.cpu_count(),
            "platform": platform.platform(),
            "processor": processor(),
            "python": platform.python_version(),
        },
        "tasks_commit": git("log", "-1", "--format=%H", "--", *TASKS),
        "commit": git("rev-parse", "HEAD"),
        "changed": bool(git("status", "--porcelain", "--untracked-files=no")),
    }


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def text(figures: dict[str, Any]) -> str:
    """The figures for a person."""
    words = [line for arm, found in figures["arms"].items() for line in arm_lines(arm, found)]
    for names, table in figures["pairs"].items():
        for what, found in table.items():
            words.append(f"{names}, {what}: {', '.join(f'{name} {value}' for name, value in found.items())}")
    return "\n".join(words)


def arm_lines(arm: str, found: dict[str, Any]) -> list[str]:
    families = ", ".join(f"{name} {each['solved']}/{each['tasks']}" for name, each in found["families"].items())
    rest = {name: value for name, value in found.items() if name not in ("tasks", "first", "solved", "families")}
    return [
        f"{arm}: {found['first']} at first, {found['solved']} within the retries, of {found['tasks']} ({families})",
        f"  {', '.join(f'{name} {value}' for name, value in rest.items())}",
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("lines", type=Path, nargs="+")
    parser.add_argument("--keep", type=Path, help="write figures, circumstances and lines to this file")
    options = parser.parse_args(arguments)
    lines = [json.loads(each) for path in options.lines for each in path.read_text(encoding="utf-8").splitlines()]
    figures = summary(lines)
    print(text(figures))
    if options.keep:
        kept = circumstances() | figures | {"lines": lines}
        options.keep.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.path[0] = str(ROOT)
    sys.exit(main())
