"""The table of verbs: what `%agent` does, a row each."""

import ast
import os
import shlex
import sys
from collections.abc import Callable
from difflib import get_close_matches
from inspect import signature
from typing import Any, cast

from agent_repl.agent import Agent
from agent_repl.control import (
    AgentInfo,
    agents,
    diff,
    emit,
    examples,
    forget,
    keep,
    pin,
    prompt,
    revise,
    source,
    status,
    undo,
    unpin,
    versions,
)
from agent_repl.errors import AgentError
from agent_repl.pipeline.examples import brief, told
from agent_repl.records import Mode
from agent_repl.session import default_session

from .render import colour_wanted, escaped, highlighted, visible

EXAMPLES = """\
No agents yet. Three ways to begin:
  sales = Agent("CSV data analyst for {path}", path="sales.csv")
  %agent create sales "CSV data analyst for {path}" path=sales.csv
  sales = %agent CSV data analyst for sales.csv
Then call what you wish it could do, as in sales.total_revenue(). %agent help lists the verbs."""

Names = dict[str, Any]


def run(names: Names, line: str) -> Any:
    """What `%agent LINE` does: a verb, or the words of a new agent, which is given back; raises AgentError."""
    first, _, rest = line.partition(" ")
    if first in VERBS:
        function, usage, _ = VERBS[first]
        try:
            bound = signature(function).bind(names, *_split(rest))
        except TypeError:
            raise AgentError(f"usage: %agent {first} {usage}") from None
        return print(function(*bound.args))
    close = get_close_matches(first, VERBS, n=1)
    meant = not rest or "." in rest or rest.strip() in names  # the words of a verb; else those of a new agent
    short = len(line.split()) < 3 and meant
    if line[0] not in "\"'" and (short or '"' in line):
        hint = f"did you mean %agent {close[0]}?" if close else "%agent help lists the verbs."
        raise AgentError(f'{first!r} is no verb: {hint} Quote the words of a new agent: name = %agent "{first} ..."')
    return _from_words(line.strip("\"'"))


def _split(text: str) -> list[str]:
    words = shlex.shlex(text, posix=True, punctuation_chars=False)
    words.whitespace_split, words.commenters, words.escape = True, "", ""  # a backslash is part of a Windows path
    try:
        return list(words)
    except ValueError as error:
        raise AgentError(f"{error}: a quote is not closed in {text!r}") from None


def _from_words(words: str) -> Agent:
    for word in words.split():
        if os.path.isfile(path := word.strip("\"',;:.()")):
            return default_session().agent(words.replace(path, "{path}"), path=path)
    return default_session().agent(words)


def _create(names: Names, name: str, identity: str, *pairs: str) -> str:
    names[name] = default_session().agent(identity, name=name, **dict(_pair(names, pair) for pair in pairs))
    return f"{name}: {escaped(identity)}"


def _pair(names: Names, pair: str) -> tuple[str, Any]:
    key, equals, text = pair.partition("=")
    if not equals or not key.isidentifier() or key in ("name", "session"):
        raise AgentError(f"{pair!r} is not state: write key=value, and put the words of the identity in quotes")
    try:
        return key, ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return key, names.get(text, text)


def _show(names: Names, target: str, option: str = "") -> str:
    if not option and target.isidentifier():
        return _overview(names, _agent(names, target))
    agent, method = _method(names, target)
    if option == "--prompt":
        return escaped("{0.system}\n\n{0.user}".format(prompt(agent, method)))
    if option == "--versions":
        found = versions(agent, method)
        rows = ((f"v{v.number}", v.verdict, v.author, v.model, v.created[:10], v.reason) for v in found)
        return escaped("\n".join("  ".join(filter(None, row)) for row in rows))
    if option == "--diff":
        return visible(diff(agent, method)) or "it came from no other version"
    if option == "--examples":
        return escaped("\n".join(map(told, examples(agent, method)))) or "no run is recorded"
    if option:
        raise AgentError(f"usage: %agent show {VERBS['show'][1]}")
    code = visible(source(agent, method)).rstrip("\n")
    return highlighted(code, "terminal" if colour_wanted(sys.stdout) else "")


def _revise(names: Names, target: str, *words: str) -> str:
    return f"{target} is revised; it answers {escaped(brief(revise(*_method(names, target), ' '.join(words))))}"


def _keep(names: Names, target: str) -> str:
    return escaped(f"{told(keep(*_method(names, target)))}: later versions must answer the same")


def _undo(names: Names, target: str, steps: str = "1") -> str:
    if not steps.isdecimal():
        raise AgentError(f"usage: %agent undo {VERBS['undo'][1]}")
    undo(*_method(names, target), int(steps))
    return status(*_method(names, target))


def _overview(names: Names, only: Agent | None = None) -> str:
    found = [info for info in agents(default_session()) if only is None or info.label == only._agent_repl_label_]
    return escaped("\n".join(map(_about, found))) or EXAMPLES


def _about(info: AgentInfo) -> str:
    rows = [(m.name, f"{m.tier} v{m.number}", m.accepted and f"accepted {m.accepted}", m.reads) for m in info.methods]
    return "\n  ".join([f"{info.label}: {info.identity}", *(" · ".join(filter(None, row)) for row in rows)])


def _of(verb: Callable[..., object], said: str) -> Callable[[Names, str], str]:
    """A verb of `control` that takes AGENT.METHOD; `said` tells what became of it, {} what the verb gave back."""
    return lambda names, target: f"{target} {said.format(verb(*_method(names, target)))}"


def _emit(names: Names, target: str, path: str) -> str:
    return f"written: {emit(_agent(names, target), path)}"


def _review(names: Names, mode: str = "") -> str:
    if mode:
        default_session().mode = cast(Mode, mode)
    return f"review: {default_session().mode}"


def _help(names: Names, *words: str) -> str:
    return "\n".join(f"  {f'%agent {verb} {usage}':<58}{about}" for verb, (_, usage, about) in VERBS.items())


VERBS: dict[str, tuple[Callable[..., str], str, str]] = {
    "": (_overview, "", "list the agents and their methods"),
    "create": (_create, 'NAME "IDENTITY" [key=value ...]', "make an agent and give it a name"),
    "show": (_show, "AGENT | AGENT.METHOD [--OPTION]", "its methods, or code; --prompt --versions --diff --examples"),
    "revise": (
        _revise,
        "AGENT.METHOD [WORDS ...]",
        "write it again; without words, mend what was raised",
    ),
    "keep": (_keep, "AGENT.METHOD", "make its last call a check for later versions"),
    "pin": (_of(pin, "is PINNED: a plain method in {}"), "AGENT.METHOD", "make it a real method in the session module"),
    "unpin": (_of(unpin, "is no longer pinned"), "AGENT.METHOD", "take it out again"),
    "undo": (_undo, "AGENT.METHOD [N]", "take back the last decision about it, or the last N"),
    "forget": (_of(forget, "is forgotten: the next call writes it"), "AGENT.METHOD", "let the next call write it anew"),
    "emit": (_emit, "AGENT FILE.py", "write a class that needs nothing of ours"),
    "review": (_review, "[ask | auto | later | cached]", "show or set who looks at new code"),
    "help": (_help, "", "this table"),
}
"""What each verb runs (with the person's names, then each of the words that follow it), its words, and its help."""


def _agent(names: Names, name: str) -> Agent:
    found = names.get(name)
    if isinstance(found, Agent):
        return found
    known = [n for n, value in names.items() if isinstance(value, Agent) and not n.startswith("_")]
    raise AgentError(f"{name!r} is no agent here; {'there are: ' + ', '.join(known) if known else EXAMPLES}")


def _method(names: Names, target: str) -> tuple[Agent, str]:
    name, _, method = target.partition(".")
    if not method.isidentifier():
        raise AgentError(f"{target!r} is no method: write AGENT.METHOD, as in sales.total")
    return _agent(names, name), method
