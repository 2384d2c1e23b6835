"""Premises become what we send: a stable prefix about the object, then the call."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path
from traceback import extract_tb
from typing import Any

from agent_repl_data.profile import date_formats, profile, profile_file

from ..errors import AgentError
from ..records import Guard, Premise, Prompt
from ..signature import file_mark, looks_like_path, signature, sniff

METHODS_LIMIT = 6_000
_ROWS = 500
_MISSING = frozenset({"", "n/a", "na", "nan", "null", "none", "-", "?"})
_TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True)
class Failure:
    """Code that was refused or that raised, and what the writer should know of it."""

    code: str
    message: str


@dataclass(frozen=True)
class Recipe:
    """Code that reads one file, and the helpers that it calls, by name."""

    text: str
    helpers: dict[str, str]


@dataclass(frozen=True)
class Request:
    """All that the writer is told about one call: texts for the templates, each of which rests on a premise."""

    label: str
    identity: str
    state: tuple[str, ...]
    names: tuple[str, ...]
    methods: str
    recipes: tuple[Recipe, ...] = ()
    name: str = ""
    shown: str = ""
    parameters: str = "self"
    arguments: tuple[str, ...] = ()
    head: str = ""
    changes: str = ""
    feedback: str = ""
    examples: tuple[str, ...] = ()  # calls that the head answers, with their answers
    spec: str = ""  # what `shape` made of the person's words
    made: bool = True  # as in Call
    premises: Guard = ()

    @property
    def helpers(self) -> dict[str, str]:
        """Sources of helpers that the recipes call: they are added to code that uses them."""
        return {name: source for found in self.recipes for name, source in found.helpers.items()}


def describe_object(
    label: str, identity: str, state: Mapping[str, Any], methods: Mapping[str, str], samples: bool
) -> Request:
    """What there is to say of an agent before any call; `methods` are the sources of accepted ones by name."""
    own = {f"self.{name}": value for name, value in state.items()}
    texts, recipes = _described(own, samples), _recipes(own, samples)
    return Request(label, identity, texts, tuple(own), _listed(methods), recipes, premises=_premises(own))


def describe_call(
    request: Request, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], samples: bool
) -> Request:
    """The same request with one call added."""
    given = {**{f"arg{i}": value for i, value in enumerate(args, 1)}, **kwargs}
    brief = [*(_brief(v, samples) for v in args), *(f"{name}={_brief(v, samples)}" for name, v in kwargs.items())]
    return replace(
        request,
        name=name,
        shown=", ".join(brief),
        parameters=", ".join(["self", *given]),
        recipes=request.recipes + _recipes(kwargs, samples),
        arguments=_described(given, samples),
        premises=request.premises + _premises(given),
    )


def trimmed(request: Request, without: Iterable[str]) -> Request:
    """The request without some of its pieces; of a profile that is left out its first line stays."""
    heads = {name: tuple(text.partition("\n")[0] for text in vars(request)[name]) for name in ("state", "arguments")}
    pieces: dict[str, dict[str, Any]] = {
        "profiles": heads,
        "recipes": {"recipes": ()},
        "siblings": {"methods": ""},
        "head": {"head": "", "examples": ()},
        "examples": {"examples": ()},
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
    values = {**request.__dict__, "failure": failure, **more}
    system, user = (_rendered(directory, f"{stage}{part}.jinja", values) for part in ("system", "user"))
    return Prompt(system.strip() + "\n", user.strip() + "\n", request.premises, temperature, max_tokens)


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


@cache
def _environment(directory: str) -> Any:
    from jinja2 import Environment, FileSystemLoader

    loader = FileSystemLoader([directory or _TEMPLATES, _TEMPLATES])
    return Environment(loader=loader, trim_blocks=True, lstrip_blocks=True)


def _described(values: Mapping[str, Any], samples: bool) -> tuple[str, ...]:
    described = [(profile_file if looks_like_path(value) else profile, name, value) for name, value in values.items()]
    return tuple(how(value, name, samples=samples) for how, name, value in described)


def _recipes(values: Mapping[str, Any], samples: bool) -> tuple[Recipe, ...]:
    found = [_recipe(value, name) for name, value in values.items() if samples]
    return tuple(filter(None, found))[:2]


def _recipe(value: Any, where: str) -> Recipe | None:
    """How to read the table file that `where` names, from its cells: small models copy it. None for anything else."""
    if not looks_like_path(value) or not (kind := sniff(value)).columns or kind.format not in ("csv", "tsv"):
        return None
    try:
        with open(value, newline="", encoding="utf-8-sig", errors="replace") as file:
            lines = list(islice(csv.DictReader(file, delimiter=kind.delimiter), _ROWS))
    except (OSError, csv.Error):
        return None
    cells = {name: [(line.get(name) or "").strip() for line in lines] for name in kind.columns[:30]}
    cells = {name: [text for text in texts if text.lower() not in _MISSING] for name, texts in cells.items()}
    forms = sorted({form for values in cells.values() for form in _forms(values)}, key=len)
    row = ", ".join(f'"{name}": {_parsed(name, values)}' for name, values in cells.items())
    delimiter = "" if kind.delimiter == "," else f", delimiter={kind.delimiter!r}"
    helpers = {"_date": _filled("date", forms=", ".join(f'"{form}"' for form in forms))} if forms else {}
    return Recipe(_filled("rows", path=where, delimiter=delimiter, row=row), helpers)


def _filled(name: str, **words: str) -> str:
    return (_TEMPLATES / f"{name}.txt").read_text(encoding="utf-8").format(**words)


def _parsed(name: str, values: Sequence[str]) -> str:
    cell = f'cell["{name}"]'
    if _mostly(values, date_formats):
        return f"_date({cell})"
    if _mostly(values, str.isdecimal):
        return f"int({cell})"
    plain = [value.lstrip("+-").replace(".", "", 1) for value in values]
    return f"Decimal({cell})" if _mostly(plain, str.isdecimal) else cell


def _mostly(values: Sequence[str], test: Any) -> bool:
    return bool(values) and sum(map(bool, map(test, values))) >= 0.8 * len(values)


def _forms(values: Sequence[str]) -> Iterable[str]:
    """The date formats of a column; one that could be read in two ways is read as its neighbours are."""
    choices = set(map(date_formats, values if _mostly(values, date_formats) else ())) - {()}
    certain = {forms[0] for forms in choices if len(forms) == 1}
    return certain | {forms[0] for forms in choices if not certain & set(forms)}


def _premises(values: Mapping[str, Any]) -> Guard:
    files = [(f"file({name})", file_mark(value)) for name, value in values.items()]
    return tuple(Premise(name, signature(value)) for name, value in values.items()) + tuple(
        Premise(path, mark) for path, mark in files if mark
    )


_LITERALS = {id(kind) for kind in (type(None), bool, int, float, str)}


def _brief(value: Any, samples: bool) -> str:
    """A literal as it was written when it is short, else its signature: no code of the value's own runs."""
    short = samples and id(type(value)) in _LITERALS and len(repr(value)) <= 60
    return repr(value) if short else f"<{signature(value)}>"


def _listed(methods: Mapping[str, str]) -> str:
    """Sources of accepted methods, the oldest first; when they grow long only their first lines."""
    whole = "\n\n".join(source.strip() for source in methods.values())
    if len(whole) <= METHODS_LIMIT:
        return whole
    headings = re.findall(r"^(?:async )?def [^_].*\n.*\n", whole, re.M)
    return "    ...\n".join([*headings, ""])[:METHODS_LIMIT]
