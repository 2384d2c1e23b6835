"""What code touches: lines with the facts that a reviewer must be told, and look-alikes that stay quiet."""

from __future__ import annotations

import ast
import textwrap
from pathlib import Path

import pytest

from agent_repl_bounds.effects import KINDS, effects

KNOWN = frozenset({"sales.csv"})

# Each line stands in the body of a method `m(self, p, data, mode)`; `import` lines before `;;` stand above it.
TOUCHES = [
    ("open(self.path)", "reads self.path"),
    ("open('sales.csv')", "reads 'sales.csv'"),
    ("open('/etc/passwd')", "reads! '/etc/passwd'"),
    ("open(p, 'w')", "writes! p"),
    ("open(p, mode='a')", "writes! p"),
    ("open(p, 'r+b')", "writes! p"),
    ("open(p, mode)", "unknown! open(p, mode): the mode is computed"),
    ("open(p, **data)", "unknown! open(p, **data): the mode is computed"),
    ("how = 'w'\nopen(p, how)", "writes! p"),
    ("o = open\no(p, 'w')", "writes! p"),
    ("with open(self.path) as f:\n    return f.read()", "reads self.path"),
    ("path = p or '/etc/passwd'\nopen(path)", "reads! path"),
    ("p = '/etc/passwd'\nopen(p)", "reads! p"),
    ("import os;;open(os.path.join(self.dir, 'x.csv'))", "reads os.path.join(self.dir, 'x.csv')"),
    ("import os;;open(os.path.join(self.dir, '../../x'))", "reads! os.path.join(self.dir, '../../x')"),
    ("open(f'{self.dir}/x.csv')", "reads f'{self.dir}/x.csv'"),
    ("def inner(q):\n    return open(q)\ninner(p)", "reads q"),
    ("def inner(q):\n    return open(q)\ninner('/etc/passwd')", "reads! q"),
    ("self.path = '/etc/passwd'\nopen(self.path)", "reads! self.path"),
    ("from pathlib import Path;;Path(p).write_text('x')", "writes! Path(p)"),
    ("from pathlib import Path;;for f in Path(p).glob('*.csv'):\n    f.unlink()", "reads Path(p); deletes! f"),
    ("from pathlib import Path;;Path('/tmp/x').rename(p)", "writes! Path('/tmp/x')"),
    ("import pathlib as pl;;(pl.Path(p) / 'x').open('w')", "writes! pl.Path(p) / 'x'"),
    ("self.path.read_text()", "reads self.path"),
    ("import os;;os.remove(p)", "deletes! p"),
    ("from os import remove as tidy;;tidy(p)", "deletes! p"),
    ("import os;;list(map(os.remove, data))", "deletes! os.remove is handed on"),
    ("import os;;getattr(os, 'remove')(p)", "deletes! p"),
    ("import os;;getattr(os, p)(data)", "unknown! getattr(os, p) picks by a computed name"),
    ("__import__('os').system('ls')", "dynamic! __import__('os'); process! __import__('os').system('ls')"),
    ("import shutil;;shutil.rmtree(p)", "deletes! p"),
    ("import shutil;;shutil.copy(p, data)", "writes! data"),
    ("import json;;json.dump(data, p)", "writes! p"),
    ("import json;;json.dump(data, open(p, 'w'))", "writes! p"),
    ("import tempfile;;tempfile.mkdtemp()", "writes! tempfile.mkdtemp()"),
    ("import subprocess as sp;;sp.run(['ls'])", "process! sp.run(['ls'])"),
    ("import os;;os.system('ls')", "process! os.system('ls')"),
    ("import threading;;threading.Thread(target=p).start()", "process! threading.Thread(target=p)"),
    ("import signal;;signal.alarm(1)", "process! signal.alarm(1)"),
    ("from urllib.request import urlopen;;urlopen(p)", "network! urlopen(p)"),
    ("import requests;;requests.get(p).json()", "network! requests.get(p)"),
    ("import socket;;socket.socket()", "network! socket.socket()"),
    ("import pandas as pd;;pd.read_csv(self.path)", "reads self.path"),
    ("import pandas as pd;;pd.read_csv('https://x.org/a.csv')", "network! 'https://x.org/a.csv'"),
    ("import pandas as pd;;pd.DataFrame(data).to_csv(p)", "writes! p"),
    ("data.to_csv(path_or_buf=p)", "writes! p"),
    ("import numpy as np;;np.save(p, data)", "writes! p"),
    ("import numpy as np;;np.load(p, allow_pickle=True)", "reads p; unsafe-load! np.load(p, allow_pickle=True)"),
    ("import sqlite3;;sqlite3.connect(self.db)", "writes! self.db"),
    ("import pickle;;pickle.loads(data)", "unsafe-load! pickle.loads(data)"),
    ("import ctypes;;ctypes.CDLL(None)", "unsafe-load! ctypes.CDLL(None)"),
    ("eval(p)", "dynamic! eval(p)"),
    ("import builtins as b;;b.exec(p)", "dynamic! b.exec(p)"),
    ("import importlib;;importlib.import_module(p)", "dynamic! importlib.import_module(p)"),
    ("data.__class__.__subclasses__()", "dynamic! data.__class__.__subclasses__"),
    ("globals()['open'](p)", "unknown! globals()['open'](p) calls what cannot be known before it runs"),
    ("import os;;os.getcwd = p", "patches! os.getcwd"),
    ("import sys;;sys.modules['x'] = p", "patches! sys.modules['x']"),
    ("import math;;setattr(math, 'pi', 3)", "patches! setattr(math, 'pi', 3)"),
    ("type(self).total = p", "patches! type(self).total"),
    ("import os;;os.environ['KEY']", "environment! os.environ"),
    ("import os;;os.getenv('KEY')", "environment! os.getenv('KEY')"),
    ("from os import environ;;environ['A'] = 'b'", "environment! environ; environment! environ['A']"),
    ("self.llm.ask('?')", "model self.llm.ask('?')"),
    ("from os import *;;pass", "unknown! from os import * brings names that cannot be known"),
    ("input()", "reads! input()"),
]

QUIET = [
    "data.get('open')",
    "data.remove(p)",
    "self.write(p)",
    "self.open()",
    "self.to_csv(p)",
    "p.replace('a', 'b')",
    "p.rename(columns={'a': 'b'})",
    "data.to_json()",
    "data.to_csv()",
    "import re;;re.compile('os.remove')",
    "return 'os.system(1)'",
    "requests = []\nrequests.append(p)",
    "requests = {}\nrequests.get(p)",
    "open = data.open_price\nreturn open",
    "def remove(x):\n    return x\nremove(p)",
    "import os;;os.path.join(p, 'x')",
    "import os;;os.path.exists(p)",
    "from urllib.parse import quote;;quote(p)",
    "import json;;json.dumps(data)",
    "import csv;;csv.reader(data)",
    "import io;;import csv;;csv.writer(io.StringIO()).writerow(data)",
    "import io;;buffer = io.StringIO()\ndata.to_csv(buffer)",
    "import sqlite3;;sqlite3.connect(':memory:')",
    "import datetime;;datetime.datetime.now()",
    "getattr(data, p, None)",
    "setattr(self, 'total', 3)",
    "self.total = 3",
    "data['x'] = 1",
    "9**9**9**9",
    "import collections;;collections.Counter(data)",
    "import requests;;try:\n    pass\nexcept requests.RequestException:\n    pass",
    "import subprocess;;return subprocess.PIPE",
    "data.compile()",
    "data.system(p)",
    "eval = data.evaluate\nreturn eval(p)",
    "def inner(n):\n    return inner(n - 1)\ninner(3)",
    "print(p)",
]

CASES = [
    tuple(part.strip().replace("\\n", "\n") for part in row.rpartition("=>")[::2])
    for row in Path(__file__).with_name("effects.txt").read_text(encoding="utf-8").splitlines()
    if row and not row.startswith("# ")
]
TOUCHES += [(line, expected) for line, expected in CASES if expected]
QUIET += [line for line, expected in CASES if not expected]


def method(line: str) -> str:
    """A module whose method holds the line."""
    *imports, body = line.split(";;")
    return "\n".join([*imports, "def m(self, p, data, mode):", textwrap.indent(body, "    "), ""])


def said(code: str) -> str:
    """The facts about code in one line, without its imports; `!` marks the flagged ones."""
    facts = [e for e in effects(code, KNOWN) if e.kind != "import"]
    return "; ".join(f"{e.kind}{'!' * e.flagged} {e.detail}" for e in facts)


@pytest.mark.parametrize(("line", "expected"), TOUCHES)
def test_what_a_line_touches_is_said(line: str, expected: str) -> None:
    assert said(method(line)) == expected


@pytest.mark.parametrize("line", QUIET)
def test_a_harmless_look_alike_stays_quiet(line: str) -> None:
    assert said(method(line)) == ""


def test_no_case_stands_twice_and_half_of_them_are_harmless() -> None:
    lines = [*QUIET, *(line for line, _ in TOUCHES)]
    assert len(lines) == len(set(lines)) > 300
    assert 0.9 < len(QUIET) / len(TOUCHES) < 1.1


def test_every_kind_has_a_case_and_no_other_is_ever_flagged() -> None:
    kinds = {part.split("!")[0] for _, expected in TOUCHES for part in expected.split("; ") if "! " in part}
    assert kinds & {*KINDS} == {*KINDS} - {"deception"}  # whose cases are below


def test_each_fact_has_its_line() -> None:
    assert [e.line for e in effects("import os\n\ndef m(self):\n    os.remove(self.path)\n")] == [1, 4]


def test_a_tree_that_is_at_hand_is_not_read_again() -> None:
    code = method("open(p, 'w')")
    assert effects(code, tree=ast.parse(code)) == effects(code)


def test_an_import_is_a_fact_and_says_when_it_is_missing_here() -> None:
    first, second = effects("import csv\nimport nowhere_to_be_found.x\n")
    assert (first.detail, first.flagged) == ("csv", False)
    assert second.detail == "nowhere_to_be_found.x (not installed here: pip install nowhere_to_be_found)"


def test_a_private_helper_reads_what_its_callers_give_it() -> None:
    code = "def _load(q):\n    return open(q)\ndef m(self):\n    return _load({})\n"
    assert said(code.format("self.path")) == "reads q"
    assert said(code.format("'/etc/passwd'")) == "reads! q"


def test_a_default_path_that_the_writer_chose_is_flagged() -> None:
    assert said("def m(self, p='secrets.txt'):\n    return open(p)\n") == "reads! p"
    assert said("def m(self, p='sales.csv'):\n    return open(p)\n") == "reads p"
    assert said("def m(self, p=None):\n    return open(p)\n") == "reads p"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("x = 'a\u202eb'", "U+202E"),
        ("x\u200b = 1", "U+200B"),
        ("x = 1\ry = 2", "U+000D"),
        ("x = '\x1b[2J'", "U+001B"),
        ("x = 1" + " " * 250 + "; y = 2", "column 262"),
    ],
)
def test_what_deceives_the_reader_is_flagged(source: str, words: str) -> None:
    [fact] = [e for e in effects(source) if e.kind == "deception" and words in e.detail]
    assert fact.flagged


def test_names_and_texts_in_other_alphabets_deceive_nobody() -> None:
    assert effects("größe = 'Ωmega ﬁ ①'\nцена = 1\r\n") == ()


@pytest.mark.parametrize(
    "source",
    [
        "def",
        "x = 1\n" * 2001,
        "x = '" + "a" * 70_000 + "'",
        "(" * 5000,
        "x = " + "-" * 20_000 + "1",
        "x = '\0'",
        "x = b" + ".a()" * 900,
    ],
)
def test_code_that_cannot_be_read_is_flagged_and_not_an_error(source: str) -> None:
    assert any(e.kind == "unknown" and e.flagged for e in effects(source))


@pytest.mark.parametrize(
    "code",
    [
        "a0 = [len]\n" + "\n".join(f"a{n + 1} = a{n}[0] if c else a{n}[1]" for n in range(300)) + "\na300()\n",
        "a0 = p\n" + "\n".join(f"a{n + 1} = [{','.join([f'a{n}[p]'] * 20)}]" for n in range(60)) + "\na60[p](3)\n",
        "import os\nn = 'a'\n" + "n = n + n\n" * 900 + "getattr(os, n)(3)\n",
        "import os\nn0 = 'a'\n" + "\n".join(f"n{k + 1} = n{k} + n{k}" for k in range(300)) + "\ngetattr(os, n300)(3)\n",
        "f = f[0]\nf()\n",
    ],
)
def test_containers_and_texts_that_lead_to_each_other_do_not_take_for_ever(code: str) -> None:
    assert effects(code)[-1].kind == "unknown"


def test_many_aliases_of_aliases_do_not_take_for_ever() -> None:
    chain = "\n".join(f"a{n + 1} = a{n}.x if c else a{n}.y" for n in range(300))
    assert effects(f"import os\na0 = os\n{chain}\na300()\n")[-1].kind == "unknown"
