"""Words become a specification that a person can read: name, parameters, answer, steps, edge cases; no code yet."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from keyword import iskeyword

from agent_repl_code.extract import extract

from .errors import InvalidCode
from .prompts import Failure, Request, render
from .protocols import Provider
from .records import Event
from .write import ask, heat

_KINDS = ("method", "async", "property", "classmethod", "staticmethod")
_MOST_TOKENS = 600
_METHOD = re.compile(
    r"^[\s#*>\d.-]*(?:\**method\**\s*:|def\s)[\s*`]*([A-Za-z]\w*)[`*]*\s*"
    r"(?:\((.*?)\))?[`*]*\s*(?:(?:->|→|:)\s*(.*?))?[\s`*:]*$",
    re.I,
)
_KIND = re.compile(rf"^[\s*-]*kind\W+(?:an? )?({'|'.join(_KINDS)})\b.*$", re.I)
_LABEL = re.compile(r"^[\s*#>-]*does\**\s*:[\s*]*", re.I)
_VERBATIM = re.compile(r"`([^`\n]+)`|\b([A-Za-z]\w*_\w+|[a-z]+[A-Z]\w*)\b")


@dataclass(frozen=True)
class Shaped:
    """One method as it shall be: `parameters` as a `def` has them, without self; `text` is the specification."""

    name: str
    parameters: str
    returns: str
    kind: str
    text: str


@dataclass(frozen=True)
class Shape:
    """What the words ask for: a method or several."""

    methods: tuple[Shaped, ...]

    @property
    def text(self) -> str:
        """All of it, as a person reads it."""
        return "\n\n".join(method.text for method in self.methods)


def shape(
    provider: Provider,
    request: Request,
    words: str,
    tries: int,
    tell: Callable[[Event], None],
    scope: str = "",
    directory: str = "",
) -> Shape:
    """Ask what these words mean until the answer is a specification that keeps the names which the person wrote.

    Where the request has a name, it is that method's alone. `scope` says whose methods they shall be. Raises
    ProviderError, or InvalidCode of the rule "shape" after `tries` answers that name no method.
    """
    failure, found = None, None
    for attempt in range(1, tries + 1):
        prompt = render(request, failure, heat(failure), directory, "shape_", _MOST_TOKENS, words=words, scope=scope)
        try:
            reply = ask(provider, prompt, tell, attempt)
        except InvalidCode as error:
            failure = Failure(error.code, str(error), tries=attempt)
            continue
        methods, wrong = _understood(reply.text, words, request.name)
        found = Shape(methods) if methods else found
        if not wrong:
            break
        failure = Failure(reply.text, wrong, tries=attempt)
        said = f"specification {attempt} of {tries} was refused: {failure.message}"
        tell(Event("attempt", said, request.name, "shape"))
    if found is None:
        raise InvalidCode("no specification in any answer: say in other words what is wanted", "shape", "", 0, tries)
    return found


def _understood(text: str, words: str, name: str) -> tuple[tuple[Shaped, ...], str]:
    """The methods in an answer, and what is wrong with it."""
    if _is_code(text):
        return (), "It is code: say it in words."
    methods = tuple(specified(text, name))
    if not methods:
        return (), "It names no method."
    lost = next((word for word in verbatim(words) if word not in text), "")
    return methods, f"It leaves out {lost}: keep that name." if lost else ""


def _is_code(text: str) -> bool:
    """Whether this defines something, where words were wanted."""
    tree = extract(text, "").tree
    return any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) for node in tree.body)


def specified(text: str, name: str = "") -> Iterator[Shaped]:
    """The methods that a specification names, in order; a text about `name` is about that method alone."""
    lines = [line.rstrip() for line in text.replace("```", "").strip().splitlines()]
    heads = [(i, head) for i, line in enumerate(lines) if (head := _METHOD.match(line))]
    if name:
        mine = next((head for _, head in heads if head[1] == name), None)
        body = "\n".join(line for line in lines if not _METHOD.match(line))
        if body.strip() or mine:
            yield _shaped(name, mine, body)
        return
    ends = [start for start, _ in heads[1:]] + [len(lines)]
    known = set()
    for (start, found), end in zip(heads, ends, strict=False):  # where there is no head there is no end
        free = found[1] not in known and not found[1].startswith("_") and not iskeyword(found[1])
        if free:
            known.add(found[1])
            yield _shaped(found[1], found, "\n".join(lines[start + 1 : end]))


def _shaped(name: str, found: re.Match[str] | None, body: str) -> Shaped:
    kinds = [said for line in body.splitlines() if (said := _KIND.match(line))]
    kind = kinds[0][1].lower() if kinds else "method"
    does = "\n".join(_LABEL.sub("", line) for line in body.splitlines() if not _KIND.match(line)).strip()
    parameters = _parameters(found[2] or "") if found else ""
    returns = (found[3] or "").strip() if found else ""
    return Shaped(name, parameters, returns, kind, does or returns or name)


def _parameters(text: str) -> str:
    """Parameters as they can stand in a `def`, without self and without annotations; "" for what cannot."""
    try:
        found = ast.parse(f"def f({text}): ...").body[0]
    except (SyntaxError, ValueError):
        return ", ".join(re.findall(r"[a-z_]\w*(?=\s*[,:=]|\s*$)", text))
    assert isinstance(found, ast.FunctionDef)
    for each in ast.walk(found.args):
        if isinstance(each, ast.arg):
            each.annotation = None
    return re.sub(r"^(self|cls)(, |$)", "", ast.unparse(found.args))


def verbatim(words: str) -> list[str]:
    """Names in a person's words that must be kept as they are: in backquotes, in snake_case or in camelCase."""
    return list(dict.fromkeys(quoted or name for quoted, name in _VERBATIM.findall(words)))


def documented(source: str, name: str, text: str) -> str:
    """The source of a method with this specification as its docstring."""
    tree = ast.parse(source)
    found = next(n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef) and n.name == name)
    lines, first = source.split("\n"), found.body[0]
    at, end = first.lineno - 1, first.lineno - 1
    if ast.get_docstring(found, clean=False) is not None:
        end = first.end_lineno or first.lineno
    if at < found.lineno:  # the body stands on the line of its def
        return source
    margin = " " * first.col_offset
    said = [margin + line if line.strip() else "" for line in _quoted(text).split("\n")]
    return "\n".join([*lines[:at], *said, *lines[end:]])


def _quoted(text: str) -> str:
    safe = text.strip().replace("\\", "\\\\").replace('"""', "'''")
    safe = "\n".join(part for line in safe.split("\n") for part in _wrapped(line))
    return f'"""{safe}"""' if "\n" not in safe and not safe.endswith('"') else f'"""{safe}\n"""'


def _wrapped(line: str) -> list[str]:
    from textwrap import wrap

    rest = line[: len(line) - len(line.lstrip(" -*0123456789."))]
    return wrap(line, 100, subsequent_indent=" " * len(rest)) or [""]
