"""A process with a Dask cluster whose one worker knows nothing of agent_repl: what came of one story, as JSON.

    travel_driver.py STORY DIRECTORY

The worker is a process of its own in an empty directory, with the installed packages and nothing else on its path.
"""

import importlib
import json
import logging
import os
import runpy
import subprocess
import sys
import sysconfig
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import dask.dataframe as dd
import pandas as pd
from dask.callbacks import Callback
from distributed import Client, LocalCluster

from agent_repl import ScriptedProvider, emit, examples, open_session, pin, prompt, status, unwrap
from agent_repl.signature import signature
from agent_repl_data.profile import profile

PARTITIONS = 100
WORKER = """
import asyncio, sys
sys.path += sys.argv[2:]
from distributed import Worker
async def main():
    async with Worker(sys.argv[1], nthreads=1, local_directory="scratch", dashboard=False) as worker:
        await worker.finished()
asyncio.run(main())
"""
CLEAN = '''
import re
CENTS = 100
def _amount(text):
    found = re.search(r"-?[0-9]+[.][0-9]{2}", text)
    return round(float(found[0]) * CENTS) if found else 0
def clean(self, part):
    """Names in one form, amounts in cents, and what is below the least left out."""
    made = part.assign(name=part["name"].str.strip().str.title(), cents=part["amount"].map(_amount))
    return made.loc[made["cents"] >= self.least, ["name", "cents"]]
'''
TOTALS = '''
def totals(self, part):
    """Cents by name."""
    return self.clean(part).groupby("name", as_index=False)["cents"].sum()
'''


def made(number):
    """One partition: rows whose every value follows from its number."""
    names = [f" {name} " if number % 2 else name.upper() for name in ("ann", "bob", "cid", "dee")]
    return pd.DataFrame({"name": names, "amount": [f"EUR {number + n}.{n}0" for n in range(3)] + ["none"]})


def frames():
    return dd.from_map(made, range(PARTITIONS), meta=made(0))


def whole():
    return pd.concat([made(number) for number in range(PARTITIONS)])


@contextmanager
def cluster(directory):
    """A client of a cluster whose only worker is that process."""
    (directory / "empty").mkdir()
    packages = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    silent = {"silence_logs": logging.ERROR, "dashboard_address": None}
    with (
        LocalCluster(n_workers=0, protocol="tcp", host="127.0.0.1", processes=False, **silent) as ours,
        Client(ours) as client,
    ):
        command = [sys.executable, "-I", "-S", "-c", WORKER, ours.scheduler_address, *packages]
        worker = subprocess.Popen(command, cwd=directory / "empty", stdout=sys.stderr)
        try:
            client.wait_for_workers(1, timeout=60)
            yield client
        finally:
            client.retire_workers()
            worker.terminate()
            worker.wait()


def there(*modules):
    """Which of these modules a process has or could import, which process it is, and what lies where it runs."""
    from importlib.util import find_spec
    from os import getpid, listdir

    return [name for name in modules if name in sys.modules or find_spec(name)], getpid(), listdir()


def asked(client, *modules):
    return client.submit(there, *modules, pure=False).result()


def grown(directory):
    replies = [f"```python{source}```" for source in (CLEAN, TOTALS)]
    session = open_session(directory / ".agent_repl", provider=ScriptedProvider(replies), review="auto")
    agent = session.agent("accounts of at least {least} cents", name="accounts", least=120)
    agent.clean(made(0))
    agent.totals(made(0))
    return agent


def mapped(function, here):
    """How many partitions and rows there were, and whether the rows are those that are answered here."""
    lazy = frames().map_partitions(function, meta=here(made(0)))
    found, wanted = lazy.compute(), pd.concat([here(made(number)) for number in range(PARTITIONS)])
    return lazy.npartitions, len(found), found.to_dict("list") == wanted.to_dict("list")


def pinned(directory):
    """A pinned method, with something for self that has what it reads of it."""
    agent = grown(directory)
    pin(agent.clean)
    with cluster(directory) as client:
        modules, process, files = asked(client, "agent_repl", "agent_modules", "pandas")
        told = mapped(partial(type(agent).clean, SimpleNamespace(**vars(agent))), agent.clean)
        return [told, modules, process != os.getpid(), files]


def emitted_by_value(directory):
    agent = grown(directory)
    accounts = runpy.run_path(str(emit(agent, directory / "accounts_plain.py")))["Accounts"]
    with cluster(directory) as client:
        told = mapped(accounts(120).totals, agent.totals)
        return [told, asked(client, "agent_repl", "accounts_plain")[0]]


def emitted_by_reference(directory):
    agent = grown(directory)
    path = emit(agent, directory / "accounts_plain.py")
    sys.path.insert(0, str(directory))
    accounts = importlib.import_module("accounts_plain").Accounts
    with cluster(directory) as client:
        client.upload_file(str(path))
        told = mapped(accounts(120).totals, agent.totals)
        return [told, asked(client, "agent_repl", "accounts_plain")[0]]


class Counted(Callback):
    """How many tasks were computed by any scheduler of this process."""

    def __init__(self):
        super().__init__(pretask=self.count)
        self.tasks = 0

    def count(self, *_):
        self.tasks += 1


def lazy(directory):
    """A frame that notes what is computed of it, as an argument and as state: what was, before a person computes it."""
    computed = directory / "computed"

    def noted(number):
        with computed.open("a") as file:
            file.write(f"{number}\n")
        return made(number)

    frame = dd.from_map(noted, range(PARTITIONS), meta=made(0))
    source = "```python\ndef amounts(self, frame):\n    return frame[self.column].str.len()\n```"
    both = "```python\ndef both(self):\n    return self.frame, self.frame.name\n```"
    names = "```python\ndef names(self):\n    return self['name'].str.title()\n```"
    provider = ScriptedProvider([source, both, names])
    session = open_session(directory / ".agent_repl", provider=provider, review="auto")
    with Counted() as count:
        text = [signature(frame), profile(frame, "frame"), signature(frame["name"]), profile(frame["name"], "names")]
        agent = session.agent("accounts", name="accounts", column="amount", frame=frame)
        answers = [agent.amounts(frame), agent.amounts(frame), agent.amounts(frame=frame), *agent.both()]
        repr(agent), examples(agent.amounts), status(agent, "amounts"), prompt(agent.amounts, frame), agent.getdoc()
        pin(agent.amounts)
        wrapping = session.agent("a frame of accounts", wraps=frame, deep=True)
        answers += [agent.amounts(frame), unwrap(wrapping.names())]
        repr(wrapping), dir(wrapping), wrapping.getdoc()
        before = count.tasks, computed.exists()
        lengths = answers[0].compute(scheduler="sync").tolist()
    asked = f"{provider.prompts[0].system}\n{provider.prompts[0].user}"
    lines = [line for line in asked.splitlines() if "dask:" in line]
    return {
        "told": text,
        "lines": lines,
        "prompts": len(provider.prompts),
        "kinds": [type(answer).__module__.partition(".")[0] for answer in answers],
        "same": answers[3] is frame,
        "before": before,
        "after": [count.tasks, len(set(computed.read_text().split()))],
        "right": lengths == frames()["amount"].str.len().compute().tolist(),
    }


if __name__ == "__main__":
    stories = (pinned, emitted_by_value, emitted_by_reference, lazy)
    story = {each.__name__: each for each in stories}[sys.argv[1]]
    print(json.dumps(story(Path(sys.argv[2]))))
