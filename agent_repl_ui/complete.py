"""What can follow on an `%agent` line: for IPython's completer, and for the shell's."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from glob import escape, iglob
from typing import Any

from agent_repl import control
from agent_repl.agent import Agent
from agent_repl.session import default_session

from .manual import MODES, Verb
from .verbs import VERBS

Word = tuple[str, str]  # a text, and what it is
Names = Mapping[str, Any]


def agent_words(line: str, names: Names) -> list[Word]:
    """Each text that may stand for the last word of an `%agent ...` line, with what it is; nothing is run."""
    first, *words = line.lstrip().split(" ")
    if first == "%%agent":
        found: Iterable[Word] = [*_methods(names), ("--code", "the cell is code: check it, and pin it")]
    elif len(words) == 1:
        found = _verbs()
    else:
        found = _of_verb(VERBS[words[0]], words[1:], names) if words and words[0] in VERBS else ()
    return [word for word in found if word[0].startswith(words[-1])]


def _of_verb(verb: Verb, words: list[str], names: Names) -> Iterator[Word]:
    before = words[:-1]
    if before[-1:] == ["--wraps"]:
        yield from ((name, type(value).__name__) for name, value in names.items() if not name.startswith("_"))
        return
    given = len([word for word in before if word and not word.startswith("--")])
    yield from _KINDS["".join(verb.completes[given : given + 1])](names, words)
    if given:
        yield from ((option.split()[0], f"option of {verb.name}") for option in verb.options)


def _verbs(*_: object) -> Iterable[Word]:
    return ((verb.name, verb.about) for verb in VERBS.values())


def _agents(names: Names, *_: object) -> Iterator[Word]:
    for name, value in names.items():
        if isinstance(value, Agent) and not name.startswith("_"):
            yield name, type(value)._agent_repl_identity_.template


def _methods(names: Names, *_: object) -> Iterator[Word]:
    for label, _about in _agents(names):
        identity = type(names[label])._agent_repl_identity_
        for method in filter(None, map(identity.find, identity.names())):
            yield f"{label}.{method.code.name}", f"{method.tier} v{method.entry.version.number}"


def _drafts(names: Names, *_: object) -> Iterator[Word]:
    waiting = [version.key for version in control.pending(default_session())]
    for label, template in _agents(names):
        yield from ((f"{label}.{name}", "a draft that waits") for identity, name in waiting if identity == template)


def _versions(names: Names, words: list[str]) -> Iterable[Word]:
    label, _, name = words[0].partition(".")
    known = control.versions(names[label], name) if label in dict(_agents(names)) else ()
    return ((str(version.number), f"{version.verdict}, {version.author}") for version in known)


def _files(names: Names, words: list[str]) -> Iterator[Word]:
    for path in sorted(iglob(f"{escape(words[-1])}*")):
        if os.path.isdir(path):
            yield path + os.sep, "a directory"
        elif path.endswith(".py"):
            yield path, "a file that would be replaced"


_KINDS: dict[str, Callable[[Names, list[str]], Iterable[Word]]] = {
    "verb": _verbs,
    "agent": _agents,
    "method": _methods,
    "any": lambda names, _: [*_agents(names), *_methods(names)],
    "pinned": lambda names, _: [word for word in _methods(names) if word[1].startswith("PINNED")],
    "draft": _drafts,
    "version": _versions,
    "mode": lambda *_: MODES.items(),
    "file": _files,
    "text": lambda *_: (),
    "": lambda *_: (),
}
"""What a word of each kind may be, from the person's names and all words after the verb."""


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
        found = _for_token(context.text_until_cursor, context.token, ip.user_ns)
        return {"completions": [SimpleCompletion(*word) for word in found], "suppress": True, "ordered": True}

    ip.Completer.custom_matchers.append(agent_matcher)
    undo.callback(ip.Completer.custom_matchers.remove, agent_matcher)


def _for_token(line: str, token: str, names: Names) -> list[Word]:
    """The words with what IPython's own splitting leaves out cut off."""
    command, *words = line.lstrip().split(" ")
    if command not in ("%agent", "%%agent") or not words or not words[-1].endswith(token):
        return []
    return [(text[len(words[-1]) - len(token) :], what) for text, what in agent_words(line, names)]
