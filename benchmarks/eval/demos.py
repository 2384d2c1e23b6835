"""Fresh runs of demos, each with other data in a home of its own: how many are right on every answer.

python benchmarks/eval/demos.py --runs 10 --keep benchmarks/results/demo-runs.json
python benchmarks/eval/demos.py --demo file database calculator assistant --runs 2 --keep benchmarks/results/demos.json
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from os import cpu_count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any


def main() -> int:
    """Run demos so often, say how each went, and keep the figures; 0 when nine of ten are right on every answer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", nargs="+", default=["csv"], metavar="NAME", help="default: csv")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--first", type=int, default=100, help="the first seed; the next ones follow")
    parser.add_argument("--keep", type=Path, help="a file for the figures")
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.runs)
    runs = [fresh_run(demo, seed) for demo in options.demo for seed in seeds]
    right = sum(run["right"] == run["of"] for run in runs)
    print(f"{right} of {len(runs)} runs are right on every answer")
    machine = {"cpus": cpu_count(), "platform": platform.platform(), "python": platform.python_version()}
    found = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine, "right_runs": right, "runs": runs}
    if options.keep:
        options.keep.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return int(10 * right < 9 * len(runs))


def fresh_run(demo: str, seed: int) -> dict[str, Any]:
    """One run in a new process, as `agent-repl demo` is."""
    began = time.monotonic()
    with TemporaryDirectory(ignore_cleanup_errors=True) as home:
        command = [sys.executable, "-m", "agent_repl", "demo", demo, "--review", "auto"]
        command += ["--seed", f"{seed}", "--home", home]
        said = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False).stdout
    found = re.search(r"── (\d+) of (\d+) answers are right · model calls: (\d+)", said)
    right, of, calls = map(int, found.groups()) if found else (0, 0, 0)
    wrong = re.findall(r"── (sales\.\w+).*\n(?:(?!── sales).*\n)*?   (?:WRONG|skipped)", said)
    wrong += re.findall(r"(?m)^((?:WRONG|not solved): .*)$", said)
    seconds = round(time.monotonic() - began, 1)
    run = {"demo": demo, "seed": seed, "right": right, "of": of, "model_calls": calls, "seconds": seconds}
    print(run, ", ".join(wrong), flush=True)
    return run | {"wrong": wrong}


if __name__ == "__main__":
    sys.exit(main())
