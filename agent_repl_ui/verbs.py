"""The table of verbs: what `%agent` does, a row each."""

import ast
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from difflib import get_close_matches
from inspect import signature
from keyword import iskeyword
from pathlib import Path
from typing import Any

from agent_repl import control
from agent_repl.agent import Agent
from agent_repl.errors import AgentError
from agent_repl.pipeline.examples import brief, told
from agent_repl.records import Usage, Version
from agent_repl.session import default_session
from agent_repl_code.lua import legible
from agent_repl_code.unit import RESERVED
from agent_repl_emit import adopt, emit
from agent_repl_growth import grow
from agent_repl_recursion import clear_answers, trace
from agent_repl_recursion.explore import explore

from .display import colour_wanted
from .editing import edited
from .manual import MODES, Verb, manual
from .render import escaped, highlighted, price, visible
from .words import agent_named, agents_in

EXAMPLES = """\
No agents yet. Three ways to begin:
  sales = Agent("CSV data analyst for {path}", path="sales.csv")
  %agent create sales "CSV data analyst for {path}" path=sales.csv
  sales = %agent CSV data analyst for sales.csv
Then call what you wish it could do, as in sales.total_revenue(). %agent help lists the verbs."""

Names = dict[str, Any]
_QUOTED = r"\"[^\"]*\"|'[^']*'"
_WORD = re.compile(rf"(?:{_QUOTED}|\[[^\]]*\]|\{{[^}}]*\}}|\([^)]*\)|\S)+")
_ARGUMENT = re.compile(r"(?:([^\W\d]\w*)=)?(.*)")


def run(names: Names, line: str) -> Any:
    """What `%agent LINE` does: a verb, or the words of a new agent, which is given back; raises AgentError."""
    first, _, rest = line.strip().partition(" ")
    verb, words = VERBS.get(first), rest.split()
    if verb is None:
        return _other(names, first, rest) if first else print(_overview(names))
    if words[-1:] in (["?"], ["--help"]) and (len(words) == 1 or "text" not in verb.completes):
        return print(_help(names, first))
    words, options = _arguments(verb, rest)
    try:
        signature(verb.run).bind(names, *words, **options)
    except TypeError:
        raise AgentError(f"usage: {verb.usage}") from None
    return print(verb.run(names, *words, **options))


def _arguments(verb: Verb, text: str) -> tuple[list[str], dict[str, Any]]:
    """A verb's words with their quotes, so that "3" stays a text, and its options as keywords."""
    if "text" in verb.completes:
        return text.split(None, 1), {}
    if set("\"'") & set(re.sub(_QUOTED, "", text)):
        raise AgentError(f"a quote is not closed in {text.strip()!r}")
    words: list[str] = []
    options: dict[str, Any] = {}
    known, rest = [option.split()[0] for option in verb.options], iter(_WORD.findall(text))
    for word in rest:
        if not word.startswith("--"):
            words.append(word)
        elif word not in known:
            raise AgentError(f"{verb.name} has no {word}{meant(word, known)}; usage: {verb.usage}")
        else:
            options[word[2:]] = True if word in verb.options else next(rest, "")
    return words, options


def meant(word: str, known: Iterable[str]) -> str:
    """The question ": did you mean X?" where a known word is close, else ""."""
    close = get_close_matches(word, list(known), n=1)
    return f": did you mean {close[0]}?" if close else ""


def _other(names: Names, first: str, rest: str) -> Agent:
    """Words that begin with no verb are those of a new agent, unless they look like a verb's."""
    line, second = f"{first} {rest}".strip(), rest.strip().partition(" ")[0]
    hint = meant(first, VERBS).replace("mean ", "mean %agent ")
    a_verbs = not second or "." in second or second in {*names, *MODES, *VERBS}
    if first[0] not in "\"'" and ('"' in line or (a_verbs and (hint or len(line.split()) < 3))):
        hint = hint or ": %agent help lists the verbs."
        raise AgentError(f'{first!r} is no verb{hint} Quote the words of a new agent: name = %agent "{first} ..."')
    words = line.strip("\"'")
    for word in words.split():
        if os.path.isfile(path := word.strip("\"',;:.()")):
            return default_session().agent(words.replace(path, "{path}"), path=path)
    return default_session().agent(words)


def _create(names: Names, name: str, identity: str, *pairs: str, wraps: str | None = None, deep: bool = False) -> str:
    words, (wrong, state) = _plain(identity), _call(names, pairs)
    if wrong or state.keys() & {"name", "session", "wraps", "deep"}:
        raise AgentError(
            f"{' '.join(pairs)!r} is not state: write key=value, and put the words of the identity in quotes"
        )
    if wraps is not None and wraps not in names:
        raise AgentError(f"{wraps!r} is no name here{meant(wraps, names)}; --wraps takes the name of an object")
    names[name] = default_session().agent(words, name=name, wraps=wraps and names[wraps], deep=deep, **state)
    return f"{name}: {escaped(words)}"


def _call(names: Names, words: Iterable[str]) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a call, as in `3 n=5 kind="a"`."""
    pairs = [found.groups() for word in words if (found := _ARGUMENT.fullmatch(word))]
    return [_value(names, text) for key, text in pairs if not key], {k: _value(names, text) for k, text in pairs if k}


def _value(names: Names, text: str) -> Any:
    """A quoted text, a literal, a name's value, or else the text itself (a backslash is part of a Windows path)."""
    if _plain(text) != text:
        return _plain(text)
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return names.get(text, text)


def _plain(word: str) -> str:
    return word[1:-1] if re.fullmatch(_QUOTED, word) else word


def _show(names: Names, target: str, *call: str, **view: bool) -> str:
    if not view and not call and target.isidentifier():
        return _overview(names, _agent(names, target))
    if len(view) > 1 or (call and "prompt" not in view):
        raise AgentError(f"usage: {VERBS['show'].usage}")
    agent, method = method_of(names, target, new="prompt" in view)
    if "prompt" in view:
        args, kwargs = _call(names, call)
        return escaped("{0.system}\n\n{0.user}".format(control.prompt(agent, method, *args, **kwargs)))
    for name in view:
        return _VIEWS[f"--{name}"](agent, method)
    code = visible(control.source(agent, method)).rstrip("\n")
    return highlighted(code, "terminal" if colour_wanted(sys.stdout) else "")


def _history(agent: Agent, method: str, facts: Callable[[Version], Iterable[str]]) -> str:
    rows = ((f"v{v.number}", v.verdict, *facts(v)) for v in control.versions(agent, method))
    return escaped("\n".join("  ".join(filter(None, row)) for row in rows)) or "it has no version yet"


def _spent(usage: Usage) -> str:
    tokens = f"{usage.input_tokens:,} tokens in, {usage.output_tokens:,} out" if usage.output_tokens else ""
    return " · ".join(filter(None, (tokens, f"{usage.seconds:.1f} s", price(usage))))


def _log(agent: Agent, method: str) -> str:
    """The last five calls with this method in them, the calls inside indented."""
    file, title = default_session().settings.log, f"{agent._agent_repl_label_}.{method}"
    if not file:
        raise AgentError("no log is kept: AGENT_REPL_LOG=FILE, or %config AgentMagics.log = 'FILE', begins one")
    rows = Path(file).expanduser().read_text("utf-8", "replace").splitlines()
    mine = [tree for row in rows if f'"call": {json.dumps(title)}' in row and (tree := _read(row))]
    mine = [tree for tree in mine if "event" not in tree][-5:]
    return escaped("\n".join(map(_tree, mine))) or f"no call of {title} is in {file}"


def _read(row: str) -> Any:
    """The tree in a row of the log; None in a torn one."""
    with suppress(ValueError):
        return json.loads(row)
    return None


def _tree(node: dict[str, Any], indent: str = "") -> str:
    facts = (f"{name} {value}" for name, value in node.items() if name not in ("call", "calls"))
    inside = (_tree(inner, indent + "  ") for inner in node.get("calls", ()))
    return "\n".join([f"{indent}{node['call']} · {' · '.join(facts)}", *inside])


_VIEWS: dict[str, Callable[[Agent, str], str]] = {
    "--versions": lambda a, m: _history(a, m, lambda v: (v.author, v.model, v.created[:10], v.reason)),
    "--diff": lambda a, m: visible(control.diff(a, m)) or "it came from no other version",
    "--examples": lambda a, m: escaped("\n".join(map(told, control.examples(a, m)))) or "no run is recorded",
    "--cost": lambda a, m: _history(a, m, lambda v: (v.model, _spent(v.usage))),
    "--log": _log,
}


def _edit(names: Names, target: str, number: str = "") -> str:
    agent, method = method_of(names, target)
    known = {str(version.number): legible(version.source) for version in control.versions(agent, method)}
    head = type(agent)._agent_repl_identity_.find(method)
    old = known.get(number) or (legible(head.code.source) if head else next(reversed(known.values()), ""))
    if not old or number not in ("", *known):
        there = f"has no version {number}; there are: {', '.join(known)}" if known else "is not written yet"
        raise AgentError(f"{target} {there}")
    shell = names.get("get_ipython", lambda: None)()
    if getattr(shell, "kernel", None) is not None:
        shell.set_next_input(cell := f"%%agent --code {target}\n{old}")
        return f"Change this in the next cell (copy it there if it is not), then run it:\n\n{visible(cell)}"
    try:
        new = edited(old)
    except ValueError as error:
        raise AgentError(str(error)) from None
    return "nothing was changed" if new.strip() == old.strip() else control.edit(agent, method, new)


def _revise(names: Names, target: str, words: str = "") -> str:
    answer = control.revise(*method_of(names, target), _plain(words))
    return f"{target} is revised; it answers {escaped(brief(answer))}"


def _keep(names: Names, target: str, *call: str) -> str:
    args, kwargs = _call(names, call)
    kept = control.keep(*method_of(names, target), *args, **kwargs)
    return escaped(f"{told(kept)}: later versions must answer the same")


def _undo(names: Names, target: str, steps: str = "1") -> str:
    if not steps.isdecimal():
        raise AgentError(f"usage: {VERBS['undo'].usage}")
    agent, method = method_of(names, target)
    control.undo(agent, method, int(steps))
    return control.status(agent, method)


def _of(verb: str, said: str = "{1}") -> Callable[[Names, str], str]:
    """The function of `control` about AGENT.METHOD; of what is said then {0} is the method, {1} what it gave back."""

    def run(names: Names, target: str) -> str:
        given = str(getattr(control, verb)(*method_of(names, target)))
        return escaped(said.format(target, given.removeprefix(f"{os.getcwd()}{os.sep}")))

    return run


def _review(names: Names, mode: str = "") -> str:
    session = default_session()
    if mode:
        session.set(review=mode)
    told = [] if mode else control.review_pending(session) or ["no draft waits"]
    return escaped("\n".join([*told, f"review: {session.mode}"]))


def _grow(names: Names, target: str, *words: str, **options: str) -> str:
    number = options.get("calls", "20")
    if not number.isdecimal() or (words and "from" in options):
        raise AgentError(f"usage: {VERBS['grow'].usage}")
    agent, scenario = _agent(names, target), _plain(words[0]) if len(words) == 1 else " ".join(words)
    return escaped(str(grow(agent, scenario, int(number), usage=_plain(options.get("from", "")))))


def _explore(names: Names, *words: str, anew: bool = False, **options: str) -> str:
    target, args, kwargs = _python_call(names, " ".join(words))
    try:
        steps, limits = int(options.get("steps", "10")), float(options.get("limits", "0"))
    except ValueError:
        raise AgentError(f"usage: {VERBS['explore'].usage}") from None
    agent, method = method_of(names, target, new=True)
    return escaped(str(explore(agent, method, *args, steps=steps, limits=limits, anew=anew, **kwargs)))


def _python_call(names: Names, text: str) -> tuple[str, list[Any], dict[str, Any]]:
    """The target, and the arguments, of `AGENT.METHOD(...)` as Python writes it, with plain values or names."""
    with suppress(ValueError, SyntaxError, KeyError, MemoryError, RecursionError):
        match ast.parse(text, mode="eval").body:
            case ast.Call(func=target, args=args, keywords=pairs) if all(
                pair.arg for pair in pairs
            ):  # else there is **
                kwargs = {str(pair.arg): named(names, pair.value) for pair in pairs}
                return ast.unparse(target), [named(names, arg) for arg in args], kwargs
    raise AgentError(f"{text!r} is no call with plain values or names, as in sales.trend(n=3)")


def named(names: Names, node: ast.expr) -> Any:
    """The value of a name or a literal; raises KeyError or ValueError."""
    return names[node.id] if isinstance(node, ast.Name) else ast.literal_eval(node)


def _trace(names: Names, **view: bool) -> str:
    if "clear" in view:
        return f"{clear_answers()} answers are forgotten"
    tree = trace()
    if view or not tree:
        return escaped(json.dumps(tree, indent=2)) if view else "self.llm has asked nothing yet"
    return escaped("\n".join([*_asked(tree), " · ".join(_facts(tree["total"]))]))


def _asked(node: dict[str, Any], indent: str = "") -> Iterator[str]:
    facts = {name: value for name, value in node.items() if name in ("tier", "version", "seconds", "error")}
    yield indent + " · ".join([node["call"], *_facts(facts | node.get("leaves", {}))])
    for inner in node.get("calls", ()):
        yield from _asked(inner, indent + "  ")


def _facts(facts: dict[str, Any]) -> list[str]:
    return [f"{name} {value}" for name, value in facts.items() if value not in (0, None, 0.0)]


def _emit(names: Names, target: str, path: str, **options: bool) -> str:
    tests, package = "no-tests" not in options, "package" in options
    return f"written: {emit(_agent(names, target), Path(_plain(path)).expanduser(), tests, package)}"


def _adopt(names: Names, path: str, *pairs: str) -> str:
    wrong, state = _call(names, pairs)
    if wrong or "session" in state:
        raise AgentError(f"usage: {VERBS['adopt'].usage}")
    agent = adopt(Path(_plain(path)).expanduser(), **state)
    names[agent._agent_repl_label_] = agent
    return escaped(f"{agent._agent_repl_label_}: {type(agent)._agent_repl_identity_.template}")


def _overview(names: Names, only: Agent | None = None) -> str:
    found = [info for info in control.agents(default_session()) if not only or info.label == only._agent_repl_label_]
    return escaped("\n".join(map(_about, found))) or EXAMPLES


def _about(info: control.AgentInfo) -> str:
    rows = [(m.name, f"{m.tier} v{m.number}", m.accepted and f"accepted {m.accepted}", m.reads) for m in info.methods]
    head = f"{info.label}: {info.identity}", _spent(info.usage) if info.usage.calls else ""
    return "\n  ".join(" · ".join(filter(None, row)) for row in (head, *rows))


def _help(names: Names, verb: str = "") -> str:
    if not verb:
        return manual(VERBS.values())
    if verb not in VERBS:
        raise AgentError(f"{verb!r} is no verb{meant(verb, VERBS)}; there are: {', '.join(VERBS)}")
    row = VERBS[verb]
    return "\n".join([row.usage, f"  {row.about}", *(f"  {option}" for option in row.options)])


_EMITTED = ("--package", "--no-tests")
_ROWS = (
    Verb("create", 'NAME "IDENTITY" [key=value ...]', "make an agent", _create, (), ("--wraps NAME", "--deep")),
    Verb("show", "AGENT | AGENT.METHOD [--OPTION]", "its methods, or code", _show, ("any",), ("--prompt", *_VIEWS)),
    Verb("edit", "AGENT.METHOD [N]", "change its code, or version N's, yourself", _edit, ("method", "version")),
    Verb("revise", "AGENT.METHOD [WORDS ...]", "rewrite it; no words: repair it", _revise, ("method", "text")),
    Verb("accept", "AGENT.METHOD", "accept the draft that waits", _of("accept"), ("draft",)),
    Verb("reject", "AGENT.METHOD", "refuse the draft that waits", _of("reject"), ("draft",)),
    Verb("keep", "AGENT.METHOD [ARGUMENTS ...]", "make its last call, or this one, a check", _keep, ("method",)),
    Verb("pin", "AGENT.METHOD", "make it a real method in a file", _of("pin", "{0} is PINNED in {1}"), ("method",)),
    Verb("unpin", "AGENT.METHOD", "take it out again", _of("unpin", "{0} is no longer pinned"), ("pinned",)),
    Verb("undo", "AGENT.METHOD [N]", "take back the last decision about it, or the last N", _undo, ("method",)),
    Verb("forget", "AGENT.METHOD", "let the next call write it anew", _of("forget", "{0} is forgotten"), ("method",)),
    Verb("review", "[ask | auto | later | cached]", "go through what waits, or set the mode", _review, ("mode",)),
    Verb(
        "grow", "AGENT [SCENARIO]", "write ahead what will be called", _grow, ("agent",), ("--calls N", "--from FILE")
    ),
    Verb(
        "explore",
        "AGENT.METHOD(ARGUMENTS)",
        "find its answer in steps, then keep the way",
        _explore,
        ("method",),
        ("--steps N", "--limits SECONDS", "--anew"),
    ),
    Verb("emit", "AGENT FILE.py", "a class that needs nothing of ours", _emit, ("agent", "file"), _EMITTED),
    Verb("trace", "[--json | --clear]", "what self.llm asked in the last call", _trace, (), ("--json", "--clear")),
    Verb("adopt", "FILE.py [key=value ...]", "make an agent of the class in a file", _adopt, ("script",)),
    Verb("help", "[VERB]", "explain one verb, or all", _help, ("verb",)),
)
VERBS = {verb.name: verb for verb in _ROWS}
"""The verbs by name, in the order in which help lists them."""


def method_of(names: Names, target: str, new: bool = False) -> tuple[Agent, str]:
    """The agent and the name in AGENT.METHOD; raises AgentError that says what was meant, unless it may be `new`."""
    name, _, method = target.partition(".")
    if not method.isidentifier():
        raise AgentError(f"{target!r} is no method: write AGENT.METHOD, as in sales.total")
    agent = _agent(names, name)
    if new and (method[0] == "_" or method in RESERVED or iskeyword(method) or method in vars(agent)):
        raise AgentError(
            f"{method!r} cannot be a method of {name}: it is state, a keyword, or a name of Python or ours"
        )
    hint = meant(method, type(agent)._agent_repl_identity_.names())
    if hint and not new and not control.versions(agent, method):
        raise AgentError(f"{target} is not written yet{hint}")
    return agent, method


def _agent(names: Names, name: str) -> Agent:
    if (found := agent_named(name, names)) is not None:
        return found
    known = agents_in(names)
    there = ", ".join(known) or "none, %agent create makes one"
    raise AgentError(f"{name!r} is no agent here{meant(name, known)}; there are: {there}")
