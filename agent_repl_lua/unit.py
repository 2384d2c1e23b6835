"""A reply or a person's text in Lua becomes the unit that is kept: one Python function that hands the text to Lua."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from keyword import iskeyword
from typing import NamedTuple

from agent_repl.errors import InvalidCode
from agent_repl.records import Spec
from agent_repl_code.lua import Used, code, is_lua, legible, used
from agent_repl_code.unit import RESERVED

_BLOCK = re.compile(r"^[ \t]*(`{3,}|~{3,})[ \t]*([\w+#-]*)[^\n]*\n(.*?)(?:^[ \t]*\1[`~]*[ \t]*$|\Z)", re.M | re.S)
_HEAD = re.compile(r"(?m)^[ \t]*(?:local[ \t]+)?function[ \t]+(?:\w+([.:]))?(\w+)[ \t]*\(([^()]*)\)")
_ABSENT = {"os", "io", "require", "load", "loadfile", "loadstring", "dofile", "package", "debug", "print", "python"}
_HERE = "string, table, math, utf8 and coroutine are all there is"


class Head(NamedTuple):
    """How the text defines the function: its parameters after self, whether more may follow, and its line."""

    parameters: list[str]
    rest: bool
    line: int


def to_unit(text: str, spec: Spec) -> str:
    """The Python that is kept of a text which defines the wanted function in Lua.

    Raises InvalidCode in words that a model can read, with the line in its Lua. A unit is taken as the Lua in it.
    """
    lua = _plain(_lua_in(legible(text), spec.name), spec.name)
    head = _head(lua, spec)
    for rule, line, message in _complaints(lua, head, used(lua), spec):
        raise InvalidCode(message, rule, lua, line)
    return _unit(lua, head, spec.name)


def _lua_in(text: str, name: str) -> str:
    """The part of a reply that is code."""
    said = re.sub(r"(?s)<think>.*?</think>", "", text.replace("\r\n", "\n").replace("\r", "\n"))
    blocks: list[str] = [found[2] for found in _BLOCK.findall(said)] or ([said] if is_lua(said) else [])
    answer = f"Answer with one fenced block of Lua 5.4 that defines `function {name}(self, ...)`."
    if not blocks:
        raise InvalidCode(f"The reply {'holds no code' if said.strip() else 'was empty'}. {answer}", "prose", said)
    best = max(reversed(blocks), key=lambda block: (bool(re.search(rf"function\b.*\b{name}\b", block)), is_lua(block)))
    if not is_lua(best):
        raise InvalidCode(f"The code is not Lua. {answer}", "language", best)
    return best


def _plain(lua: str, name: str) -> str:
    """The text with `local function name(...)` and `function M:name(...)` as the plain function that is meant."""

    def said(found: re.Match[str]) -> str:
        if found[2] != name:
            return found[0]
        given = f"self, {found[3]}" if found[1] == ":" and found[3].strip() else "self" if found[1] == ":" else found[3]
        return f"function {name}({given})"

    return _HEAD.sub(said, lua).strip("\n")


def _head(lua: str, spec: Spec) -> Head:
    from .runtime import compile_error

    if wrong := compile_error(lua, spec.name):
        found = re.match(r"\w+:(\d+): (.*)", wrong)
        line, words = (int(found[1]), found[2]) if found else (0, wrong)
        said = f"line {line}: {words}. Write the whole function again as valid Lua 5.4."
        raise InvalidCode(said, "parse", lua, line)
    heads = list(_HEAD.finditer(lua))
    mine = [found for found in heads if found[2] == spec.name]
    if len(mine) != 1:
        other = f" The code defines {heads[0][2]}: rename it." if heads and not mine else ""
        count = f"{spec.name} is defined twice." if mine else f"There is no function {spec.name}.{other}"
        raise InvalidCode(f"{count} Write `function {spec.name}(self, ...)` once, at the top level.", "name", lua)
    names = [each.strip() for each in mine[0][3].split(",") if each.strip()]
    line = lua.count("\n", 0, mine[0].start(2)) + 1
    if names[:1] != ["self"]:
        wanted = ", ".join(["self", *(each for each in names if each != "self")])
        said = f"The first parameter must be self. Write `function {spec.name}({wanted})`."
        raise InvalidCode(said, "self", lua, line)
    return Head([each for each in names[1:] if each != "..."], names[-1] == "...", line)


def _complaints(lua: str, head: Head, found: Used, spec: Spec) -> Iterator[tuple[str, int, str]]:
    """What breaks a rule: its name, the line and what to write instead."""
    words, names = code(lua), head.parameters
    if odd := [name for name in names if iskeyword(name) or name == "lua" or names.count(name) > 1]:
        yield "binds", head.line, f"The parameter {odd[0]} needs another name."
    unknown = [name for name in spec.kwargs if name not in names[len(spec.args) :]]
    if spec.made and (unknown or (len(spec.args) > len(names) and not head.rest)):
        given = ", ".join([type(each).__name__ for each in spec.args] + [f"{name}=..." for name in spec.kwargs])
        takes = ", ".join(["self", *names])
        wrong = f"It is called as {spec.name}({given}), and `function {spec.name}({takes})` does not take that."
        yield "binds", head.line, f"{wrong} Change the parameters."
    texts = [token.text for token in words]
    at = next(n for n in range(len(texts)) if texts[n : n + 3] == ["function", spec.name, "("])
    body = texts[texts.index(")", at) + 1 :]
    for name in [*names[: len(spec.args)], *spec.kwargs] if spec.made else []:
        if body.count(name) == 0:
            yield (
                "baked",
                head.line,
                f"The code ignores its parameter {name}. Use {name}: other calls pass other values.",
            )
    yield from _unknown(lua, found, spec)
    own = {two.text for one, two in pairwise(words) if one.text in ("local", "function", ",", "(")}
    own |= {one.text for one, two in pairwise(words) if two.text == "="}
    for before, token, after in zip(("", *words), words, words[1:], strict=False):
        free = token.kind == "name" and getattr(before, "text", "") not in (".", ":") and token.text not in own
        if free and token.text in _ABSENT and after.text in (".", "(", ":"):
            yield "names", token.line, f"There is no `{token.text}` here: {_HERE}. Leave it out."


def _unknown(lua: str, found: Used, spec: Spec) -> Iterator[tuple[str, int, str]]:
    """State and methods that self does not have."""
    line_of = {token.text: token.line for token in reversed(code(lua))}
    known = spec.state | spec.methods | found.binds | found.asks | {spec.name}
    has = ", ".join([*(f"self.{n}" for n in sorted(spec.state)), *(f"self:{n}(...)" for n in sorted(spec.methods))])
    for name in sorted(found.reads - known if "*" not in spec.state else ()):
        only = f"self has only: {has}." if has else "self has no fields."
        yield "attributes", line_of[name], f"{only} There is no self.{name}: use a local variable or a parameter."
    for name in sorted(found.calls):
        if name.startswith("_") or iskeyword(name) or name in RESERVED:
            said = f"self has no method {name}: write `local function {name}(...)` above, and call it without self."
            yield "attributes", line_of[name], said
        elif name in spec.state:
            yield "attributes", line_of[name], f"self.{name} is a value, not a method: write self.{name}."


def _unit(lua: str, head: Head, name: str) -> str:
    rest = next(word for word in ("rest", "rest_", "rest__") if word not in head.parameters)
    parameters = ["self", *(f"{each}=None" for each in head.parameters), *[f"*{rest}"] * head.rest]
    given = "".join(f"{each}, " for each in [*head.parameters, *[f"*{rest}"] * head.rest]).rstrip()
    text = f"\n{lua}\n"
    plain = '"""' not in text and all(each.isprintable() or each in "\n\t" for each in text)
    quoted = f'r"""{text}"""' if plain else repr(text)
    methods = "".join(f", {each}=lambda *args: self.{each}(*args)" for each in sorted(used(lua).calls))
    about = _about(lua, head)
    said = [f"    {_docstring(about)}"] * bool(about)
    call = f'    return lua(self, "{name}", ({given}), {quoted}{methods})'
    lines = ["from agent_repl_lua import lua", "", "", f"def {name}({', '.join(parameters)}):", *said, call]
    return "\n".join(lines) + "\n"


def _about(lua: str, head: Head) -> str:
    """The comment right above the function, or at its beginning."""
    lines = [line.strip() for line in lua.split("\n")]
    first = head.line - 1
    while first and re.match(r"--(?!\[=*\[)", lines[first - 1]):
        first -= 1
    last = head.line
    while first == head.line - 1 and last < len(lines) and re.match(r"--(?!\[=*\[)", lines[last]):
        last += 1
    found = lines[first : head.line - 1] or lines[head.line : last]
    return "\n    ".join(line.lstrip("-").strip() for line in found).strip()


def _docstring(text: str) -> str:
    safe = text.replace("\\", "\\\\").replace('"""', "'''")
    return f'"""{safe}{" " * safe.endswith(chr(34))}"""'
