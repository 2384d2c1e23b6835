"""`agent-repl doctor`: look at a home, mend what can be mended, drop what nobody needs, and say what it holds."""

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

from agent_repl.errors import StoreError
from agent_repl.session import key_in, settings_at
from agent_repl.session.home import find_home

from .diet import prune, sizes
from .health import LEFT, LOOKS, MENDED, Patient, connected


def main(argv: Sequence[str]) -> int:
    """Do what these words say; 0 when the home is sound, or was made so, and is within its limit.

    Raises StoreError, and goes no further, where the database cannot be used: locked, too new or somebody else's.
    """
    words = _parser().parse_args(argv)
    home = (Path(words.home).expanduser() if words.home else find_home(Path.cwd(), os.environ)).absolute()
    if not (home / "store.sqlite3").exists() and not (home / "code").exists():
        print(f"{home} holds no store: there is nothing to look at")
        return 0
    key = key_in(home, settings_at(home).trust_key_file)
    if key.note:
        raise StoreError(f"{key.note} Nothing here can be checked without it.")
    print(home)
    try:
        with tempfile.TemporaryDirectory() as folder:
            patient = Patient(_copied(home, Path(folder) / "home") if words.dry_run else home, key)
            left = [*_examined(patient, words.dry_run), *_kept_small(patient, words.prune, words.limit)]
            print(*(f"  {line}" for line in sizes(patient)), sep="\n")
    except sqlite3.Error as error:
        raise StoreError(f"{home} cannot be looked after now ({error}): close what uses it, then try again") from error
    print("\n".join(f"{LEFT}{line}" for line in left) or "sound")
    return int(bool(left))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("agent-repl doctor", description=__doc__)
    parser.add_argument("--home", metavar="DIR", help="which home (default: the nearest .agent_repl)")
    parser.add_argument("--dry-run", action="store_true", help="do it with a copy, and leave the home as it is")
    about = "but never what was accepted or kept, nor the newest version of a method"
    parser.add_argument("--prune", metavar="DAYS", type=_amount, help=f"drop what is older than this, {about}")
    parser.add_argument("--limit", metavar="MB", type=_amount, help=f"drop the oldest until no more is left, {about}")
    return parser


def _amount(text: str) -> float:
    if not 0 <= (amount := float(text)) < 1e6:
        raise ValueError(text)
    return amount


def _copied(home: Path, to: Path) -> Path:
    with suppress(sqlite3.Error), closing(connected(home / "store.sqlite3")) as db:
        db.execute("BEGIN IMMEDIATE")  # nobody writes while it is copied; a damaged one is copied as it is
        return Path(shutil.copytree(home, to, ignore=shutil.ignore_patterns("locks")))
    return Path(shutil.copytree(home, to, ignore=shutil.ignore_patterns("locks"), dirs_exist_ok=True))


def _examined(patient: Patient, dry_run: bool) -> list[str]:
    """Tell and mend what is wrong, one thing after the other; what is left for the person."""
    left = []
    for state, text in (found for look in LOOKS for found in look(patient)):
        print(f"  {state}{text}")
        left += [text] if state == LEFT or (dry_run and state == MENDED) else []
    return left


def _kept_small(patient: Patient, days: float | None, limit: float | None) -> list[str]:
    dropped, size = prune(patient, days, limit)
    for text, number in sorted(dropped.items()):
        print(f"  dropped: {number} {text}")
    if limit is not None and size > limit * 1e6:
        return [f"this is more than {limit:g} MB, and what is left was accepted, was kept, or may wait for you"]
    return []
