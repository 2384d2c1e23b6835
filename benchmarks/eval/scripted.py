"""A model that knows a few methods by heart: the runner can be tried with it in seconds."""

from __future__ import annotations

import re
import textwrap

from agent_repl import ScriptedProvider
from agent_repl.records import Prompt

SLUG = '''
import re

def slug(self, title):
    """Runs of letters and digits, joined by hyphens."""
    return "-".join(re.findall(r"[a-z0-9]+", title.lower()))
'''
UNIQUE_EMAILS = '''
import csv

def unique_emails(self):
    """The different addresses, sorted."""
    with open(self.path, newline="", encoding="utf-8") as file:
        return sorted({row["email"].strip().lower() for row in csv.DictReader(file)} - {""})
'''
KNOWN = {"slug": SLUG, "unique_emails": UNIQUE_EMAILS}
UNKNOWN = "I do not know that."


def solver() -> ScriptedProvider:
    """Answers a plain prompt with a class, and one of ours with a method; of the rest it says that it does not know."""
    return ScriptedProvider(answer)


def answer(prompt: Prompt) -> str:
    asked = re.search(r"Write a Python class `(\w+)`", prompt.user)
    names = re.findall(r"= obj\.(\w+)\(", prompt.user) if asked else re.findall(r"def (\w+)\(", prompt.user)[-1:]
    code = "\n".join(KNOWN.get(name, "") for name in names)
    if not code.strip():
        return UNKNOWN
    return fenced(in_class(asked[1], code) if asked else code)


def in_class(name: str, code: str) -> str:
    made = "def __init__(self, **state):\n    vars(self).update(state)\n"
    imports = "".join(re.findall(r"^import .*\n", code, re.M))
    methods = re.sub(r"^import .*\n", "", code, flags=re.M)
    return f"{imports}\nclass {name}:\n{textwrap.indent(made + methods, ' ' * 4)}"


def fenced(code: str) -> str:
    return f"```python\n{code.strip()}\n```"
