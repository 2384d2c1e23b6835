"""`agent-repl model`: fetch, remove or find the model's file."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from .model_file import fetch_model, installed, model_path, remove


def main(argv: Sequence[str]) -> int:
    """Do what these words say; 0 when it is done and, but for `remove`, the file is there."""
    parser = argparse.ArgumentParser("agent-repl model", description=__doc__)
    parser.add_argument("action", choices=["pull", "remove", "path"])
    parser.add_argument("--from", metavar="PATH", dest="source", type=Path, help="pull: copy this file instead")
    words = parser.parse_args(argv)
    if words.action == "remove":
        print("\n".join(f"removed {path}" for path in remove()) or f"nothing to remove at {model_path()}")
        return 0
    print(fetch_model(words.source) if words.action == "pull" else model_path())
    return int(not installed())
