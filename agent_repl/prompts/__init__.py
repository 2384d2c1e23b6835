"""Premises become what we send: a stable prefix about the object, then the call."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from keyword import iskeyword
from pathlib import Path
from traceback import extract_tb
from typing import Any

from agent_repl_code.lua import heading, legible
from agent_repl_code.unit import method_of
from agent_repl_data.files import literal, named_files, shortened
from agent_repl_data.large import cut, helpers, is_large, large
from agent_repl_data.large import told as told_large
from agent_repl_data.libraries import libraries, told
from agent_repl_data.profile import can_show, is_private, profile, profile_file, schema, shown
from agent_repl_data.recipes import Recipe, apart, recipe_for

from ..errors import AgentError
from ..records import Guard, Premise, Prompt
from ..signature import file_mark, looks_like_path, signature

METHODS_LIMIT = 6_000
_SAID = 800
_TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True)
class Failure:
    """Code that was refused or that raised, and what the writer should know of it; `bare` holds no value."""

    code: str
    message: str
    bare: str = ""
    tries: int = 1  # so many have failed by now
    repeated: bool = False  # the writer gave it twice: to see it again would not help

    @property
    def minded(self) -> list[str]:
        """The values for which it failed, and what to do about them."""
        return [line for line in self.message.splitlines()[1:] if not line.startswith("line ")]

    def without_values(self) -> Failure:
        """The same, as it is told where no value may be; of one that was stored only what was raised."""
        kind = re.match(r"it raised \w+", self.message)
        return replace(self, message=self.bare or (kind[0] if kind else "it gives a wrong answer"))


@dataclass(frozen=True)
class Request:
    """All that the writer is told about one call: texts for the templates, each of which rests on a premise."""

    label: str
    identity: str
    state: tuple[str, ...]
    names: tuple[str, ...]
    methods: str
    recipes: tuple[Recipe, ...] = ()
    files: tuple[str, ...] = ()
    packages: Guard = ()
    name: str = ""
    shown: str = ""
    parameters: str = "self"
    arguments: tuple[str, ...] = ()
    reading: tuple[Recipe, ...] = ()  # recipes for files that arguments name
    head: str = ""
    changes: str = ""
    feedback: str = ""
    said: str = ""  # what the identity says of this method
    examples: tuple[str, ...] = ()  # calls that the head answers, with their answers
    spec: str = ""  # what `shape` made of the person's words
    made: bool = True  # as in Call
    premises: Guard = ()
    language: str = ""  # as an executor's
    large: tuple[str, ...] = ()  # names of state and arguments that no prompt can hold

    @property
    def helpers(self) -> dict[str, str]:
        """Sources of helpers that the writer is told of: they are added to code that uses them."""
        found = {name: source for each in (*self.recipes, *self.reading) for name, source in each.helpers.items()}
        return found | helpers() if self.large else found


def describe_object(
    label: str,
    identity: str,
    state: Mapping[str, Any],
    methods: Mapping[str, str],
    samples: bool,
    wanted: str = "",
    language: str = "",
) -> Request:
    """What there is to say of an agent before any call; `methods` are the sources of accepted ones by name.

    Where these are many, those keep their source that look most like the `wanted` one.
    """
    own = {_attribute(name): value for name, value in state.items()}
    held = {str(value) for value in state.values() if looks_like_path(value)}
    files = {f"the file {word!r}": word for word in named_files(identity) if word not in held}
    packages = _packages(own.values(), identity)
    recipes = _recipes({**own, **{repr(word): word for word in files.values()}}, samples and not language)
    vast = () if language else large({**own, **files})
    offered = {name for recipe in recipes for name in recipe.helpers}.union(helpers() if vast else ())
    return Request(
        label,
        identity,
        _described(own, samples),
        tuple(own),
        _listed({name: _without(source, offered) for name, source in methods.items()}, wanted),
        recipes,
        _described(files, samples and not language),
        packages,
        language=language,
        premises=(
            *_premises(own),
            *_file_premises({f"identity:{w}": w for w in files.values()}),
            *packages,
            *_vast(vast),
        ),
        large=vast,
    )


def _attribute(name: str) -> str:
    return f"self.{name}" if name.isidentifier() else f"vars(self)[{literal(name)}]"


def describe_call(
    request: Request, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], samples: bool
) -> Request:
    """The same request with one call added."""
    named = {name: value for name, value in kwargs.items() if name.isidentifier()}
    others = {f"kwargs[{literal(shortened(name, 80))}]": value for name, value in kwargs.items() if name not in named}
    given = {**dict(zip(_positional(request.identity, name, args, kwargs), args, strict=True)), **named}
    brief = [_brief(value, samples) for value in args]
    brief += [f"{name}={_brief(v, samples and not is_private(name))}" for name, v in {**named, **others}.items()]
    packages = tuple(p for p in _packages({**given, **others}.values()) if p not in request.packages)
    vast = () if request.language else large({**given, **others})
    return replace(
        request,
        name=name,
        shown=", ".join(brief),
        said=_said_of(request.identity, name),
        parameters=", ".join(["self", *given, *["**kwargs"] * bool(others)]),
        reading=_recipes(named, samples and not request.language, request.recipes),
        packages=request.packages + packages,
        arguments=_described({**given, **others}, samples),
        large=request.large + vast,
        premises=request.premises + _premises({**given, **others}) + packages + _vast(vast),
    )


def _positional(identity: str, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[str]:
    """What to call positional arguments: as the identity does, which says `put(key, value)`, else arg1, arg2."""
    said = re.search(rf"\b{re.escape(name)}\(([^()]*)\)", identity)
    words = [re.split("[=:]", word)[0].strip() for word in said[1].split(",")][: len(args)] if said else []
    free = {word for word in words if word.isidentifier() and not iskeyword(word)} - {"self", *kwargs}
    return words if len(free) == len(args) else [f"arg{i}" for i in range(1, len(args) + 1)]


def _said_of(identity: str, name: str) -> str:
    """The sentences of the identity that name a method, `put(key, value) stores …`, or follow one that does.

    Said again after all else, since a small model follows best what it has read last.
    """
    found, of_it = [], False
    for sentence in re.split(r"(?<=[.;!?])\s+|\n+", identity):
        of_it = bool(re.search(rf"\b{re.escape(name)}\b", sentence)) or (of_it and not re.search(r"\b\w+\(", sentence))
        found += [sentence] * of_it
    said = " ".join(found)
    return said if f"{name}(" in said and len(said) <= _SAID else ""


def _packages(values: Iterable[Any], words: str = "") -> Guard:
    return tuple(Premise(f"library {name}", version) for name, version in libraries(values, words).items())


def trimmed(request: Request, without: Iterable[str]) -> Request:
    """The request without some of its pieces; of a profile that is left out its first line stays."""
    heads = {name: tuple(text.partition("\n")[0] for text in vars(request)[name]) for name in ("state", "arguments")}
    pieces: dict[str, dict[str, Any]] = {
        "profiles": heads,
        "recipes": {"recipes": (), "reading": ()},
        "siblings": {"methods": ""},
        "said": {"said": ""},
        "head": {"head": "", "examples": ()},
        "examples": {"examples": ()},
        "libraries": {"packages": ()},
        "files": {"files": (), "recipes": tuple(r for r in request.recipes if r.where.startswith("self."))},
    }
    for name in without:
        request = replace(request, **pieces.get(name, {}))
    return request


def render(
    request: Request,
    failure: Failure | None = None,
    temperature: float = 0.0,
    directory: str = "",
    stage: str = "",
    max_tokens: int = Prompt.max_tokens,
    **more: Any,
) -> Prompt:
    """The prompt for a request, from the templates of a stage ("" or "shape_"); `more` is for these templates alone.

    A template of the same name in `directory` is used instead of ours. Raises AgentError for one that is broken.
    """
    installed = told({path.removeprefix("library "): version for path, version in request.packages})
    code = {"head": _fenced(legible(request.head)), "methods": _fenced(request.methods)}
    failure = failure and replace(failure, code=_fenced(legible(_without(failure.code, request.helpers))))
    about = {**request.__dict__, **_read_by_recipes(request), **code}
    values = {**about, "failure": failure, "libraries": installed, "large": told_large(request.large), **more}
    names = [f"{request.language}_{part}" if request.language else part for part in ("system", "user")]
    names = [f"{stage}{part}" for part in ("system", "user")] if stage else names
    system, user = (_rendered(directory, f"{name}.jinja", values) for name in names)
    return Prompt(system.strip() + "\n", user.strip() + "\n", request.premises, temperature, max_tokens)


def _read_by_recipes(request: Request) -> dict[str, Any]:
    """The texts about values; in the place of a table file's profile what its recipe says."""
    found = {recipe.where: recipe.text for recipe in (*request.recipes, *request.reading)}
    texts = {name: vars(request)[name] for name in ("state", "files", "arguments")}
    return {name: [_by_recipe(text, found) for text in each] for name, each in texts.items()}


def _by_recipe(text: str, found: Mapping[str, str]) -> str:
    where = re.match(r"(the file )?(.*?): ", text)
    return f"{where[1] or ''}{found[where[2]]}" if where and where[2] in found else text


def _without(code: str, helpers: Iterable[str]) -> str:
    """The code without functions that the writer did not write; code that does not parse as it is."""
    try:
        found = [node for node in ast.parse(code).body if getattr(node, "name", "") in helpers]
    except (SyntaxError, ValueError):
        return code
    lines = code.split("\n")
    for node in reversed(found):
        del lines[node.lineno - 1 : node.end_lineno]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def _rendered(directory: str, name: str, values: Mapping[str, Any]) -> str:
    from jinja2 import TemplateError

    try:
        return str(_environment(directory).get_template(name).render(values))
    except (TemplateError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
        here = [entry for entry in extract_tb(error.__traceback__) if entry.filename.endswith(".jinja")]
        file, line = (here[-1].filename, here[-1].lineno) if here else (name, None)
        file, line = getattr(error, "filename", None) or file, getattr(error, "lineno", None) or line
        where = f"{file}, line {line}" if line else file
        raise AgentError(f"{where}: {error}. Mend this template, or take it away and ours is used.") from error


def _fenced(code: str) -> str:
    """Code that cannot end the block in which it stands: a fence at the beginning of a line is broken up."""
    return re.sub(r"(?m)^([ \t]*)(`{3,}|~{3,})", lambda fence: f"{fence[1]}{' '.join(fence[2])}", code)


@cache
def _environment(directory: str) -> Any:
    from jinja2 import Environment, FileSystemLoader

    loader = FileSystemLoader([directory or _TEMPLATES, _TEMPLATES])
    return Environment(loader=loader, trim_blocks=True, lstrip_blocks=True)


def _described(values: Mapping[str, Any], samples: bool) -> tuple[str, ...]:
    described = [(profile_file if looks_like_path(value) else profile, name, value) for name, value in values.items()]
    return tuple((cut if is_large(value) else str)(how(value, name, samples=samples)) for how, name, value in described)


def _recipes(values: Mapping[str, Any], samples: bool, beside: tuple[Recipe, ...] = ()) -> tuple[Recipe, ...]:
    found = [recipe_for(value, name) for name, value in values.items() if samples]
    return tuple(apart([*beside, *[*filter(None, found)][:2]]))[len(beside) :]


def _premises(values: Mapping[str, Any]) -> Guard:
    tables = [(f"schema({name})", schema(value)) for name, value in values.items()]
    kinds = tuple(Premise(name, signature(value)) for name, value in values.items())
    return (*kinds, *_file_premises(values), *(Premise(path, "; ".join(found)) for path, found in tables if found))


def _vast(names: Iterable[str]) -> Guard:
    return tuple(Premise(f"large({name})", "") for name in names)


def _file_premises(values: Mapping[str, Any]) -> Guard:
    files = [(f"file({name})", file_mark(value)) for name, value in values.items()]
    return tuple(Premise(path, mark) for path, mark in files if mark)


_LITERALS = {id(kind) for kind in (type(None), bool, int, float, str)}


def _brief(value: Any, samples: bool) -> str:
    """A literal as it was written when it is short, else its signature: no code of the value's own runs."""
    text = shown(value, 60) if samples and id(type(value)) in _LITERALS and can_show(value) else ""
    return text if text and len(text) <= 62 and not text.endswith("…") else f"<{signature(value)}>"


def _listed(methods: Mapping[str, str], wanted: str = "") -> str:
    """Accepted methods, the oldest first: sources, or of those that are less like the wanted one their first lines.

    The order never changes, so that what a provider has cached of the prompt stays good.
    """
    sources = {name: legible(source).strip() for name, source in methods.items()}
    whole = "\n\n".join(sources.values())
    if len(whole) <= METHODS_LIMIT:
        return whole
    alike = sorted(sources, key=lambda name: _likeness(wanted, name, sources[name]), reverse=True)
    short = {name: _heading(name, source) for name, source in methods.items()}
    room = METHODS_LIMIT - sum(len(text) + 2 for text in short.values())
    for name in alike:
        if (more := len(sources[name]) - len(short[name])) <= room:
            short[name], room = sources[name], room - more
    return "\n\n".join(short.values())[:METHODS_LIMIT]


def _likeness(wanted: str, name: str, source: str) -> int:
    """How many words a method shares with the wanted name; those of its own name count twice."""
    words = set(wanted.split("_")) - {""}
    return len(words & set(name.split("_"))) + len(words & set(re.split(r"[\W_]+", source)))


def _heading(name: str, source: str) -> str:
    """A method's parameters and what it says it does."""
    if legible(source) != source:
        return heading(source, name)
    method = method_of(ast.parse(source), name)
    if method is None:
        return ""
    first = (ast.get_docstring(method) or "").partition("\n")[0]
    method.body = [ast.Expr(ast.Constant(text)) for text in (first, ...) if text]
    return ast.unparse(method)
