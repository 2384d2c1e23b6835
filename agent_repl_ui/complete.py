"""What can follow on an `%agent` line: for IPython's completer, and for the shell's."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from glob import escape, iglob
from typing import Any

from agent_repl import control
from agent_repl.agent import Agent
from agent_repl.session import default_session

from .manual import MODES, Verb
from .verbs import VERBS
from .words import agents_in

_AFTER = {"--wraps": "name", "--from": "script", **dict.fromkeys(("--calls", "--steps", "--limits"), "")}
"""What the word after an option may be."""
Word = tuple[str, str]  # a text, and what it is


def agent_words(line: str, names: Mapping[str, Any]) -> list[Word]:
    """Each text that may stand for the last word of an `%agent ...` line, with what it is; nothing is run."""
    first, *words = line.lstrip().split(" ")
    if first == "%%agent":
        found: Iterable[Word] = [*_methods(names), ("--code", "the cell is code: check it, and pin it")]
    elif len(words) < 2:
        found = _of_kind("verb", names, words)
    else:
        found = _of_verb(VERBS[words[0]], words[1:], names) if words[0] in VERBS else ()
    return [word for word in found if words and word[0].startswith(words[-1])]


def _of_verb(verb: Verb, words: list[str], names: Mapping[str, Any]) -> Iterator[Word]:
    given = len([word for word in words[:-1] if word and not word.startswith("--")])
    before = "".join(words[-2:-1])
    yield from _of_kind(_AFTER.get(before, "".join(verb.completes[given : given + 1])), names, words)
    if given and before not in _AFTER:
        yield from ((option.split()[0], f"option of {verb.name}") for option in verb.options)


def _of_kind(kind: str, names: Mapping[str, Any], words: list[str]) -> Iterable[Word]:
    match kind:
        case "verb":
            return [(verb.name, verb.about) for verb in VERBS.values()]
        case "mode":
            return MODES.items()
        case "agent":
            return _agents(names)
        case "method":
            return _methods(names)
        case "any":
            return [*_agents(names), *_methods(names)]
        case "pinned":
            return [word for word in _methods(names) if word[1].startswith("PINNED")]
        case "draft":
            waiting = {version.key for version in control.pending(default_session())}
            pairs = [(label, name) for label, is_ in _agents(names) for key, name in waiting if key == is_]
            return [(f"{label}.{name}", "a draft that waits") for label, name in pairs]
        case "version" if isinstance(agent := names.get(words[0].partition(".")[0]), Agent):
            known = control.versions(agent, words[0].partition(".")[2])
            return [(str(version.number), f"{version.verdict}, {version.author}") for version in known]
        case "name":
            return [(name, type(value).__name__) for name, value in names.items() if not name.startswith("_")]
        case "file" | "script" as what:
            files = sorted(iglob(f"{escape(words[-1])}*"))
            folders = [(path + os.sep, "a directory") for path in files if os.path.isdir(path)]
            about = what if what == "script" else "would be replaced"
            return [*folders, *((path, about) for path in files if path.endswith(".py"))]
    return ()


def _agents(names: Mapping[str, Any]) -> list[Word]:
    return [(name, type(agent)._agent_repl_identity_.template) for name, agent in agents_in(names).items()]


def _methods(names: Mapping[str, Any]) -> Iterator[Word]:
    for label, agent in agents_in(names).items():
        identity = type(agent)._agent_repl_identity_
        for method in filter(None, map(identity.find, identity.names())):
            yield f"{label}.{method.code.name}", f"{method.tier} v{method.entry.version.number}"


def install(ip: Any, undo: ExitStack) -> None:
    """Have IPython complete `%agent` and `%%agent` lines: with what each text is, from IPython 8.6 on."""
    try:
        from IPython.core.completer import SimpleCompletion, context_matcher
    except ImportError:

        def complete(shell: Any, event: Any) -> list[str]:
            return [text for text, _ in _for_token(event.text_until_cursor, event.symbol, shell.user_ns)]

        for command in ("%agent", "%%agent"):
            ip.set_hook("complete_command", complete, str_key=command)
            undo.callback(ip.strdispatchers["complete_command"].strs.pop, command)
        return

    @context_matcher(identifier="agent_repl")  # type: ignore[untyped-decorator]
    def agent_matcher(context: Any) -> dict[str, Any]:
        words = _for_token(context.text_until_cursor, context.token, ip.user_ns)
        found = [SimpleCompletion(text, type=what) for text, what in words]
        return {"completions": found, "suppress": True, "ordered": True}

    ip.Completer.custom_matchers.append(agent_matcher)
    undo.callback(ip.Completer.custom_matchers.remove, agent_matcher)


def _for_token(line: str, token: str, names: Mapping[str, Any]) -> list[Word]:
    """The words with what IPython's own splitting leaves out cut off."""
    command, *words = line.lstrip().split(" ")
    if command not in ("%agent", "%%agent") or not words or not words[-1].endswith(token):
        return []
    return [(text[len(words[-1]) - len(token) :], what) for text, what in agent_words(line, names)]
