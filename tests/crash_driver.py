"""Processes that write into one home are killed at random, round after round; what they said is kept must be there.

Run as `python crash_driver.py FOLDER ROUNDS SEED`; prints one JSON object with counts. Beside it stands a control: the
same processes rewrite a JSON file, as one would without a store.

A writer says that something is kept only after the call returned, by one `write` to a pipe, so that nothing that
was said can be lost with the process. It is killed after a random number of such lines and a random moment more.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from agent_repl import ScriptedProvider, open_session, pin
from agent_repl.errors import ModuleError
from agent_repl.records import Example, Key, Version
from agent_repl.stores.rows import sha256
from agent_repl.stores.signing import user_key
from agent_repl.stores.sqlite import SqliteStore

IDENTITY, WRITERS, ROUNDS_PER_HOME = "adder of {factor}", 3, 5
Say = Callable[[str], object]


def main() -> None:
    folder, rounds, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    draw, counts, said, said_json = random.Random(seed), Counter[str](), list[str](), list[str]()
    warm(folder / "warm")
    for number in range(rounds):
        home = folder / f"home-{number // ROUNDS_PER_HOME}"
        file = folder / f"control-{number // ROUNDS_PER_HOME}.json"
        if number % ROUNDS_PER_HOME == 0:
            said, said_json = [], []
        before = len(said)
        said += killed(home, learn, draw, number, counts)
        counts["acknowledged"] += len(said) - before
        counts.update(check(home, said))
        if number % 5 == 4:  # and once more without the database
            shutil.copytree(home, folder / "copy", ignore=shutil.ignore_patterns("store.sqlite3*"))
            counts.update({f"rebuilt: {name}": n for name, n in check(folder / "copy", said).items()})
            shutil.rmtree(folder / "copy")
        said_json += killed(file, rewrite, draw, number, counts)
        counts.update(check_control(file, said_json))
    print(json.dumps(counts | {"rounds": rounds}))


def warm(home: Path) -> None:
    """Import here, once, all that the writers need."""
    session = open_session(home, ScriptedProvider(lambda prompt: reply("warm")), "auto")
    session.call(agent := session.agent(IDENTITY, factor=3), "warm", 10, 20)
    pin(agent, "warm")


def killed(
    place: Path, write: Callable[..., None], draw: random.Random, number: int, counts: Counter[str]
) -> list[str]:
    """What the writers of one round said before they were killed."""
    reading, writing = os.pipe()
    children = [forked(place, write, writing, 1000 * number + n) for n in range(WRITERS)]
    os.close(writing)
    with os.fdopen(reading) as pipe:
        lines = [pipe.readline() for _ in range(draw.randrange(1, 25))]
        time.sleep(draw.random() * 0.03)
        for child in draw.sample(children, WRITERS):
            os.kill(child, signal.SIGKILL)
        ends = [os.waitpid(child, 0)[1] for child in children]
        lines += pipe.readlines()
    counts["kills"] += ends.count(signal.SIGKILL)
    counts["died by themselves"] += WRITERS - ends.count(signal.SIGKILL)
    return [line.rstrip("\n") for line in lines if line.endswith("\n")]


def forked(place: Path, write: Callable[..., None], pipe: int, seed: int) -> int:
    if child := os.fork():
        return child
    try:
        write(place, random.Random(seed), seed, lambda line: os.write(pipe, f"{line}\n".encode()))
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def learn(home: Path, draw: random.Random, seed: int, say: Say) -> None:
    """Accept methods, pin them, keep examples of them, and leave drafts and refused code beside them."""
    wanted = ""
    session = open_session(home, ScriptedProvider(lambda prompt: reply(wanted)), "auto")
    warned: list[object] = []
    session.reviewer.tell = lambda event: warned.append(event) if event.kind == "warning" else None
    agent, store = session.agent(IDENTITY, factor=3), session.store
    for turn in range(10_000):
        warned.clear()
        name = wanted = f"accepted_{seed}_{turn}"
        bad = store.add(Version(Key(IDENTITY, f"refused_{seed}_{turn}"), "# refused", "u", "model"))
        if draw.random() < 0.5:
            store.judge(bad, "rejected")
        outcome = session.call(agent, name, 10, 20)
        assert outcome.value == 33, outcome
        if warned:  # it was said not to be stored
            continue
        say(f"accepted {name}")
        if draw.random() < 0.4:
            try:
                pin(agent, name)
                say(f"pinned {name}")
            except (
                ModuleError
            ):  # of a class file that a killed writer left without its seal, or that another one writes
                say(f"unpinned {name}")
        if draw.random() < 0.5:
            store.remember(Example(Key(IDENTITY, name), 1, "[1]", "{}", "42", "int", kept=True))
            say(f"kept {name}")


def source(name: str) -> str:
    """What was accepted under this name."""
    lines = "".join(f"    # {name} {n}\n" for n in range(20))
    return f"def {name}(self, a, b):\n{lines}    return a + b + self.factor\n"


def reply(name: str) -> str:
    return f"```python\n{source(name)}```"


def check(home: Path, said: list[str]) -> Counter[str]:
    """What is not as it was said to be."""
    store, wrong = SqliteStore(home, user_key()), Counter[str]()
    entries = store.entries(IDENTITY)
    for line in said:
        what, _, name = line.partition(" ")
        entry = entries.get(name)
        whole = entry is not None and sha256(entry.version.source.strip()) == sha256(source(name).strip())
        wrong[f"lost: {what}"] += not whole or (what == "pinned" and not entry.pinned)
        if what == "kept":
            wrong["lost: example"] += not any(found.kept for found in store.examples(Key(IDENTITY, name)))
    wrong["served unaccepted"] += sum(
        not name.startswith("accepted_") or entry.version.verdict != "accepted" for name, entry in entries.items()
    )
    wrong["damaged"] += any("damaged" in note or "not signed" in note for note in store.notes)
    return wrong


def rewrite(file: Path, draw: random.Random, seed: int, say: Say) -> None:
    """What one does without a store: read the file, add to it, write it again."""
    for turn in range(10_000):
        try:
            known = json.loads(file.read_text())
        except (OSError, ValueError):
            known = {}
        name = f"accepted_{seed}_{turn}"
        file.write_text(json.dumps(known | {name: source(name)}))
        say(name)


def check_control(file: Path, said: list[str]) -> Counter[str]:
    try:
        known = json.loads(file.read_text())
    except (OSError, ValueError):
        return Counter({"control: torn": 1, "control: lost": len(said)})
    return Counter({"control: lost": sum(name not in known for name in said)})


if __name__ == "__main__":
    main()
