"""`%load_ext agent_repl`: the extension, and `%agent` with its table of verbs."""

from __future__ import annotations

import ast
import keyword
import os
import shlex
import sys
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any, NamedTuple, NoReturn, cast
from weakref import WeakKeyDictionary

from ..agent import Agent
from ..control import agents, emit, forget, pin, prompt, source, unpin, versions
from ..errors import AgentError
from ..protocols import Reviewer
from ..records import Mode
from ..session import Session, default_session
from .notebook import NotebookReviewer
from .render import colour_wanted, escaped, highlighted, paint, visible
from .status import will_run
from .terminal import TerminalReviewer

EXAMPLES = """\
No agents yet. Three ways to begin:
  sales = Agent("CSV data analyst for {path}", path="sales.csv")
  %agent create sales "CSV data analyst for {path}" path=sales.csv
  sales = %agent CSV data analyst for sales.csv
Then call what you wish it could do, as in sales.total_revenue(). %agent help lists the verbs."""

_RESERVED = frozenset({"name", "session", "wraps", "deep"})
Announcer = Callable[[Any], None]
_loaded: WeakKeyDictionary[Any, tuple[Session, Reviewer, Announcer]] = WeakKeyDictionary()
"""By shell: what unloading needs."""


def load_ipython_extension(ip: Any) -> None:
    """Give this shell a reviewer, the name `Agent` and the magic `%agent`; prints what writes code, and where."""
    session = default_session()
    reviewer, announce = session.reviewer, _announcer(ip)
    session.reviewer = NotebookReviewer(ip) if getattr(ip, "kernel", None) else TerminalReviewer()
    if ip.user_ns.get("Agent", Agent) is Agent:
        ip.push({"Agent": Agent}, interactive=False)
    else:
        print("Agent is already a name here and stays what it is; ours is agent_repl.Agent")
    ip.register_magic_function(_magic(ip), magic_kind="line", magic_name="agent")
    ip.events.register("pre_run_cell", announce)
    _loaded[ip] = session, reviewer, announce
    print(session.describe())


def unload_ipython_extension(ip: Any) -> None:
    """Take back all that loading gave; the agents that were made stay."""
    session, reviewer, announce = _loaded.pop(ip)
    session.reviewer = reviewer
    ip.events.unregister("pre_run_cell", announce)
    ip.drop_by_id({"Agent": Agent})
    ip.magics_manager.magics["line"].pop("agent", None)


def _announcer(ip: Any) -> Announcer:
    def announce(info: Any) -> None:
        session = default_session()
        if session.settings.show == "off" or not session.reviewer.can_ask:
            return
        for line in will_run(ip.transform_cell(info.raw_cell), ip.user_ns):
            print(paint(escaped(line), "dim") if colour_wanted(sys.stdout) else escaped(line))

    return announce


def _magic(ip: Any) -> Callable[[str], Any]:
    from IPython.core.error import UsageError
    from IPython.core.magic import no_var_expand

    @no_var_expand  # type: ignore[untyped-decorator]
    def agent(line: str) -> Any:
        """Make, show and keep agents: %agent help."""
        try:
            return run(Desk(ip.user_ns, default_session()), line.strip())
        except (AgentError, OSError) as error:
            raise UsageError(escaped(str(error))) from None

    magic: Callable[[str], Any] = agent
    return magic


class Desk(NamedTuple):
    """What a verb works on: the person's names, and the session."""

    names: dict[str, Any]
    session: Session


class Verb(NamedTuple):
    """A row of the table: `run` takes the desk and the words after the verb."""

    run: Callable[[Desk, list[str]], Any]
    usage: str
    help: str


def run(desk: Desk, line: str) -> Any:
    """What `%agent LINE` does: a verb, or the words of a new agent, which is given back; raises AgentError."""
    if not line:
        return print(_overview(desk))
    first, _, rest = line.partition(" ")
    if first in VERBS:
        return VERBS[first].run(desk, _split(rest))
    if line[0] not in "\"'" and (meant := _mistaken(desk, first, rest.strip())):
        raise AgentError(meant)
    return _from_words(desk, line.strip("\"'"))


def _split(text: str) -> list[str]:
    words = shlex.shlex(text, posix=True, punctuation_chars=False)
    words.whitespace_split, words.commenters, words.escape = True, "", ""  # a backslash is part of a Windows path
    try:
        return list(words)
    except ValueError as error:
        raise AgentError(f"{error}: a quote is not closed in {text!r}") from None


def _mistaken(desk: Desk, first: str, rest: str) -> str:
    """What to say of a word that was meant as a verb; "" when the line is the words of a new agent."""
    close = get_close_matches(first, VERBS, n=1, cutoff=0.7)
    like_a_verb = close and (len(rest.split()) < 3 or '"' in rest)
    about_agent = isinstance(desk.names.get(rest.partition(".")[0]), Agent)
    if rest and not like_a_verb and not about_agent:
        return ""
    hint = f"did you mean %agent {close[0]}?" if close else "%agent help lists the verbs."
    return f'{first!r} is no verb: {hint} Quote the words of a new agent: name = %agent "{first} ..."'


def _from_words(desk: Desk, words: str) -> Agent:
    path = next((bare for word in words.split() if os.path.isfile(bare := word.strip("\"',;:.()"))), None)
    if path is None:
        return desk.session.agent(words)
    return desk.session.agent(words.replace(path, "{path}"), path=path)


def _create(desk: Desk, words: list[str]) -> None:
    if len(words) < 2:
        _usage("create")
    name, identity, *pairs = words
    if not name.isidentifier() or keyword.iskeyword(name):
        raise AgentError(f"{name!r} cannot be a name in Python: choose one like sales_2024")
    state = dict(_pair(desk, pair) for pair in pairs)
    desk.names[name] = desk.session.agent(identity, name=name, **state)
    print(f"{name}: {escaped(identity)}")


def _pair(desk: Desk, pair: str) -> tuple[str, Any]:
    key, equals, text = pair.partition("=")
    if not equals or not key.isidentifier() or key in _RESERVED:
        raise AgentError(f"{pair!r} is not state: write key=value, and put the words of the identity in quotes")
    try:
        return key, ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return key, desk.names.get(text, text)


def _show(desk: Desk, words: list[str]) -> None:
    options = {word for word in words if word.startswith("--")}
    targets = [word for word in words if not word.startswith("--")]
    if len(targets) != 1 or options - {"--prompt", "--versions"}:
        _usage("show")
    if "." not in targets[0]:
        return print(_overview(desk, _agent(desk, targets[0])))
    agent, method = _method(desk, "show", targets)
    if "--prompt" in options:
        asked = prompt(agent, method)
        return print(escaped(f"{asked.system}\n\n{asked.user}"))
    if "--versions" in options:
        return print("\n".join(escaped(_version(version)) for version in versions(agent, method)))
    return print(highlighted(visible(source(agent, method)).rstrip("\n"), colour_wanted(sys.stdout)))


def _version(version: Any) -> str:
    about = (f"v{version.number}", version.verdict, version.author, version.model, version.created[:10], version.reason)
    return "  ".join(filter(None, about))


def _overview(desk: Desk, only: Agent | None = None) -> str:
    label = getattr(type(only), "_agent_repl_label_", None)
    found = [info for info in agents(desk.session) if only is None or info.label == label]
    return "\n".join(row for info in found for row in _rows(info)) or EXAMPLES


def _rows(info: Any) -> Iterable[str]:
    yield escaped(f"{info.label}: {info.identity}")
    for method in info.methods:
        when = f"accepted {method.accepted}" if method.accepted else ""
        yield escaped(
            "  " + " · ".join(filter(None, (method.name, f"{method.tier} v{method.number}", when, method.reads)))
        )


def _pin(desk: Desk, words: list[str]) -> None:
    path = pin(*_method(desk, "pin", words))
    print(f"{words[0]} is PINNED: a plain method in {path}")


def _unpin(desk: Desk, words: list[str]) -> None:
    unpin(*_method(desk, "unpin", words))
    print(f"{words[0]} is no longer pinned")


def _forget(desk: Desk, words: list[str]) -> None:
    forget(*_method(desk, "forget", words))
    print(f"{words[0]} is forgotten: the next call writes it again")


def _emit(desk: Desk, words: list[str]) -> None:
    paths = [word for word in words if word != "--tests"]
    if len(paths) != 2:
        _usage("emit")
    print(f"written: {emit(_agent(desk, paths[0]), paths[1], tests='--tests' in words)}")


def _review(desk: Desk, words: list[str]) -> None:
    if len(words) > 1:
        _usage("review")
    if words:
        desk.session.mode = cast(Mode, words[0])
    print(f"review: {desk.session.mode}")


def _help(desk: Desk, words: list[str]) -> None:
    rows = [f"  {'%agent ' + verb.usage:<58}{verb.help}" for verb in VERBS.values() if verb.usage]
    print("\n".join(["  %agent                              lists the agents and their methods", *rows]))


VERBS = {
    "create": Verb(_create, 'create NAME "IDENTITY" [key=value ...]', "make an agent and give it a name"),
    "show": Verb(_show, "show AGENT | AGENT.METHOD [--prompt | --versions]", "its methods, or a method's code"),
    "pin": Verb(_pin, "pin AGENT.METHOD", "make it a real method in the session module"),
    "unpin": Verb(_unpin, "unpin AGENT.METHOD", "take it out again"),
    "forget": Verb(_forget, "forget AGENT.METHOD", "remove it, so that the next call writes it"),
    "emit": Verb(_emit, "emit AGENT FILE.py [--tests]", "write a class that needs nothing of ours"),
    "review": Verb(_review, "review [ask | auto | later | cached]", "show or set who looks at new code"),
    "help": Verb(_help, "help", "this table"),
}


def _agent(desk: Desk, name: str) -> Agent:
    found = desk.names.get(name)
    if isinstance(found, Agent):
        return found
    known = [n for n, value in desk.names.items() if isinstance(value, Agent) and not n.startswith("_")]
    raise AgentError(f"{name!r} is no agent here; {'there are: ' + ', '.join(known) if known else EXAMPLES}")


def _method(desk: Desk, verb: str, words: list[str]) -> tuple[Agent, str]:
    name, dot, method = words[0].partition(".") if len(words) == 1 else ("", "", "")
    if not dot or not method.isidentifier():
        _usage(verb)
    return _agent(desk, name), method


def _usage(verb: str) -> NoReturn:
    raise AgentError(f"usage: %agent {VERBS[verb].usage}")
