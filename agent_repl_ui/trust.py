"""`agent-repl trust`: show what is not this user's own, ask, and let it be loaded; `--list` and `--forget`."""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from agent_repl.effects import effects
from agent_repl.errors import ReviewRequired, StoreError
from agent_repl.session import key_in, settings_at
from agent_repl.session.home import NAME, doubts, find_home
from agent_repl.stores.signing import SigningKey
from agent_repl_trust.granting import forget, trust
from agent_repl_trust.strangers import Stranger, strangers

from .render import escaped, visible


def main(argv: Sequence[str]) -> int:
    """Do what these words say; 0 when it is done, 1 when the person said no. Raises AgentError or OSError."""
    parser = argparse.ArgumentParser("agent-repl trust", description=__doc__)
    parser.add_argument("directory", nargs="?", type=Path, help="a project, or its .agent_repl (default: the nearest)")
    parser.add_argument("--yes", action="store_true", help="trust what is shown without a question")
    parser.add_argument("--list", action="store_true", help="the places in which something is trusted")
    parser.add_argument("--forget", action="store_true", help="trust nothing of others there any more")
    words = parser.parse_args(argv)
    home = _home(words.directory)
    key = key_in(home, settings_at(home).trust_key_file)
    if words.list:
        print("\n".join(_places(key)) or "nothing of others is trusted anywhere")
        return 0
    if words.forget:
        print(f"{home}: {'not trusted any more' if forget(key) else 'nothing of others was trusted there'}")
        return 0
    return _look(home, key, words.yes)


def _home(directory: Path | None) -> Path:
    if directory is None:
        return find_home(Path.cwd(), os.environ)
    inside = directory / NAME
    return inside if inside.is_dir() or directory.name != NAME else directory


def _places(key: SigningKey) -> Iterator[str]:
    for path in sorted(key.list.parent.glob("*.json")) if key.list else ():
        try:
            place = Path(json.loads(path.read_bytes())["place"])
        except (ValueError, KeyError, TypeError):
            yield f"{path} is damaged, and of no effect"
            continue
        gone = "" if place.is_dir() else " · not there now"
        yield f"{escaped(str(place))} · {len(key.at(place).trusted)} rows and files{gone}"


def _look(home: Path, key: SigningKey, sure: bool) -> int:
    if not home.is_dir():
        raise StoreError(f"{home} is not there: name the directory that holds it.")
    for note in doubts(home, named=True):
        print(f"! {escaped(note)}")
    try:
        found = strangers(home, key)
    except sqlite3.Error as error:
        raise StoreError(f"{home / 'store.sqlite3'} cannot be read ({error}), so it cannot be shown.") from error
    if not found:
        print(f"{home}: all that can be loaded is your own, or trusted already")
        return 0
    print(*_shown(found), sep="\n")
    if not sure and not _agreed(home, found):
        print("nothing was trusted, and nothing is loaded")
        return 1
    print(*map(escaped, trust(home, key, found)), f"{home} is trusted, as it is now and where it is now", sep="\n")
    return 0


def _shown(found: Sequence[Stranger]) -> Iterator[str]:
    for each in found:
        if each.source:
            yield f"── {' '.join(escaped(each.title).split())}"
            yield visible(each.source).rstrip("\n")
            for effect in effects(each.source):
                yield escaped(f"{'!' if effect.flagged else ' '} line {effect.line}: {effect.kind} {effect.detail}")
            yield ""
    kinds = Counter(each.kind for each in found if not each.source)
    if kinds:
        yield f"and, without code: {', '.join(f'{kind} {number}' for kind, number in sorted(kinds.items()))}"


def _agreed(home: Path, found: Sequence[Stranger]) -> bool:
    if not sys.stdin.isatty():
        raise ReviewRequired("nobody can answer here: read what is shown, then say it again with --yes")
    number = sum(bool(each.source) for each in found)
    answer = input(f"Code that you did not write: {number}. Let it be loaded in {home}? Type yes: ")
    return answer.strip().lower() == "yes"
