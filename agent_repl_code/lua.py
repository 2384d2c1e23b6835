"""Lua as the text of a method: which function it defines, what it does with self, what it may compare values with.

A method in Lua is kept as a Python function of one statement, `return lua(self, "name", (n,), "its text")`: what binds,
hashes and stores methods knows Python. What people and models see is the Lua (`legible`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

from agent_repl_bounds.records import Effect

from .unit import method_of

_TOKEN = re.compile(
    r"(?P<comment>--\[(?P<c>=*)\[.*?\](?P=c)\]|--[^\n]*)"
    r"|(?P<string>\[(?P<s>=*)\[.*?\](?P=s)\]|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')"
    r"|(?P<name>[A-Za-z_]\w*)|(?P<number>\.?\d(?:[eEpP][+-]|[\w.])*)|(?P<op>[=~<>]=|::|\.\.\.?|//|\S)",
    re.S | re.A,
)
_ASKING = ("or", "and", "then", "==", "~=")
_PARTS = frozenset({"sub", "byte", "gsub", "reverse", "rep", "char", "format"})
_MAGIC = re.compile(r"[\^$*+?.()\[%-]")
_DEFINES = re.compile(r"(?m)^[ \t]*(?:local[ \t]+)?function[ \t]+[\w.:]+[ \t]*\(")


class Token(NamedTuple):
    """A word of Lua that is no comment: its kind (string, name, number or op), its text and its line."""

    kind: str
    text: str
    line: int


class Used(NamedTuple):
    """What Lua does with self, as `flow.Facts` are; `asks` are reads of what may not be there."""

    reads: frozenset[str]
    binds: frozenset[str]
    calls: frozenset[str]
    asks: frozenset[str]
    dynamic: bool


@lru_cache(maxsize=64)
def code(text: str) -> tuple[Token, ...]:
    """The words of a text."""
    kinds = ("string", "name", "number", "op")
    return tuple(
        Token(next(kind for kind in kinds if found[kind] is not None), found[0], text.count("\n", 0, found.start()) + 1)
        for found in _TOKEN.finditer(text)
        if found["comment"] is None
    )


def used(text: str) -> Used:
    """What a text does with self; where self goes anywhere else it is `dynamic`."""
    reads, binds, calls, asks, dynamic = set[str](), set[str](), set[str](), set[str](), False
    words = [*[""] * 4, *(token.text for token in code(text)), *[""] * 4]
    for at, word in enumerate(words):
        if word != "self" or words[at - 1] in (".", ":"):
            continue
        how, name, after = words[at + 1 : at + 4]
        if how == ":":
            calls.add(name)
        elif how == ".":
            reads |= {name} if after != "=" else set()
            binds |= {name} if after == "=" or (after == "," and _assigned(words, at + 3)) else set()
            asks |= {name} if after in _ASKING else set()
            dynamic |= after in ("(", "{") or after[:1] in "\"'[" * (after != "[")
        else:
            dynamic |= not _is_parameter(words, at)
    return Used(frozenset(reads), frozenset(binds), frozenset(calls), frozenset(asks), dynamic)


def _is_parameter(words: list[str], at: int) -> bool:
    """Whether it stands first among the parameters of a function."""
    return words[at - 1] == "(" and "function" in words[at - 3 : at - 1]


def _assigned(words: list[str], at: int) -> bool:
    """Whether what begins with this comma goes on to `=`, as in `self.a, b = 1, 2`."""
    depth = 0
    for word in words[at:]:
        depth += (word in ("(", "[", "{")) - (word in (")", "]", "}"))
        if depth < 0 or word in ("", "return", "end", "local", "if", "then", "do", "function"):
            return False
        if word == "=" and not depth:
            return True
    return False


def words(text: str) -> set[tuple[str, str, str]]:
    """The constants that a value may be compared with, as `flow.Option` has them: any text, in any case that is made.

    Lua's flow is not followed, so that these count for every argument and all state that is read.
    """
    found = code(text)
    literal = {_value(token.text) for token in found if token.kind == "string"}
    named = {two.text for one, two, more in zip(found, found[1:], found[2:], strict=False) if _names(one, two, more)}
    called = {token.text for token in found if token.kind == "name"}
    whole = {word for word in literal if word and not _MAGIC.search(word)}
    made = [("", str), *((f".{name}()", getattr(str, name)) for name in ("lower", "upper") if name in called)]
    made += [(".strip()", str)] * bool(called & {"match", "gsub"})
    steps = {(step, "==", as_made(word)) for step, as_made in made for word in literal | named} | {("", "truth", "")}
    for how in ["has"] * bool(called & {"find", "match", "gmatch"}) + ["with"] * bool(called & _PARTS):
        steps |= {(step, how, as_made(word)) for step, as_made in made for word in whole}
    return steps


def _names(before: Token, token: Token, after: Token) -> bool:
    """Whether it names an entry of a table, as in `{km = 1}`."""
    return token.kind == "name" and after.text == "=" and before.text in ("{", ",", ";", ".")


def _value(literal: str) -> str:
    """The text that a literal stands for; escapes that Python does not have stay as they are."""
    if literal[0] == "[":
        return re.sub(r"^\[=*\[\n?|\]=*\]$", "", literal)
    with suppress(SyntaxError, ValueError):
        return str(ast.literal_eval(literal))
    return literal[1:-1]


def is_lua(text: str) -> bool:
    """Whether a text looks like Lua and not like Python."""
    return bool(_DEFINES.search(text))


def touched(source: str, found: tuple[Effect, ...]) -> tuple[Effect, ...]:
    """What a method in Lua touches, by the lines of its Lua: what it sets and calls; of any other what was found."""
    if (lua := legible(source)) == source:
        return found
    does, lines = used(lua), dict[str, int]()
    for one, how, two in zip(code(lua), code(lua)[1:], code(lua)[2:], strict=False):
        if one.text == "self" and how.text in (".", ":"):
            lines.setdefault(f"self{how.text}{two.text}", two.line)
    state = [Effect("state", lines[f"self.{name}"], f"sets self.{name}", False) for name in sorted(does.binds)]
    calls = [Effect("calls", lines[f"self:{name}"], f"self:{name}(...)", False) for name in sorted(does.calls)]
    whole = [Effect("state", 0, "may read and set any state: self goes where it is not followed", False)] * does.dynamic
    return (*state, *calls, *whole)


@lru_cache(maxsize=64)
def legible(source: str) -> str:
    """The Lua of a method that is written in it; any other source as it is."""
    return next((text.strip("\n") + "\n" for _, text in _calls(source)), source)


def unseen(source: str, line: int) -> bool:
    """Whether a line of Python tells nobody where code stood: it hands Lua over, or is a head, where a stub stands."""
    text = "".join(source.split("\n")[line - 1 : line]).lstrip()
    return text.startswith(("def ", "async def ")) or any(
        call.lineno <= line <= (call.end_lineno or 0) for call, _ in _calls(source)
    )


def _calls(source: str) -> Iterator[tuple[ast.Call, str]]:
    """The calls of Python that hand Lua over, each with that."""
    if "from agent_repl_lua import lua" not in source:
        return
    with suppress(SyntaxError, ValueError):
        for node in ast.walk(ast.parse(source)):
            match node:
                case ast.Call(func=ast.Name(id="lua"), args=[_, _, _, ast.Constant(value=str(text))]):
                    yield node, text


def may_lack(tree: ast.Module) -> set[str]:
    """State that methods in Lua ask for as what may not be there."""
    found = [used(legible(ast.unparse(tree)))] if "agent_repl_lua" in ast.unparse(tree) else []
    return {name for each in found for name in each.asks}


def heading(source: str, name: str) -> str:
    """The first line of a function in Lua and what it says it does, of a method that is kept in Python."""
    method = method_of(ast.parse(source), name)
    about = (ast.get_docstring(method) or "").partition("\n")[0] if method else ""
    first = re.search(rf"(?m)^.*\bfunction\b.*\b{re.escape(name)}\b.*$", legible(source))
    return "\n".join(filter(None, [f"-- {about}" * bool(about), first[0].strip() if first else ""]))
