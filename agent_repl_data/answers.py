"""A question about a piece of data: how the data stand in it, what form the answer has, and how that is read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, get_args, get_origin

_SHORT = 120
_WORDS = {"yes": True, "true": True, "no": False, "false": False}
_FORMS: dict[Any, tuple[str, str, int]] = {  # how it is asked for, how it stands in JSON, tokens that it may take
    None: ("Answer shortly, with the answer alone.", "text", 1024),
    str: ("Answer shortly, with the answer alone.", "text", 1024),
    bool: ("Answer with one word: yes or no.", "true or false", 16),
    int: ("Answer with one whole number, in digits.", "whole number", 24),
    float: ("Answer with one number, in digits.", "number", 32),
}


def filled(prompt: str | Callable[[Any], str], item: Any) -> str:
    """The question about an item: of a function what it gives; in a text the item stands for {item}, or above it.

    Small models read better what they are asked after the data.
    """
    if callable(prompt):
        return str(prompt(item))
    mark = next((mark for mark in ("{item}", "{items}") if mark in prompt), "")
    return prompt.replace(mark, delimited(item)) if mark else f"{delimited(item)}\n{prompt}".lstrip()


def delimited(item: Any) -> str:
    """Data as a prompt may hold it: in quotes if it is one short line, else between lines that it cannot end."""
    if isinstance(item, str) and len(item) <= _SHORT and item.isprintable():
        return json.dumps(item, ensure_ascii=False)
    return f"\n```\n{re.sub(r'`{3,}|~{3,}', lambda fence: ' '.join(fence[0]), _text_of(item))}\n```\n"


def _text_of(item: Any) -> str:
    if isinstance(item, str):
        return item
    if isinstance(item, list | tuple):
        return "\n".join(json.dumps(each, ensure_ascii=False, default=str) for each in item)
    return json.dumps(item, ensure_ascii=False, default=str)


def form(schema: Any) -> str:
    """The sentence that asks for such an answer; raises TypeError for what is no schema."""
    match _kind(schema):
        case "choices":
            return f"Answer with one of these, and nothing else: {', '.join(_choices(schema))}."
        case "list":
            return f"Answer with a JSON list alone, each item {_inner(_item(schema))}: [...]"
        case "dict":
            keys = ", ".join(f"{json.dumps(k, ensure_ascii=False)}: {_inner(v)}" for k, v in schema.items())
            return f"Answer with one JSON object alone: {{{keys}}}"
    return _FORMS[schema][0]


def room(schema: Any) -> int:
    """How many tokens such an answer may take."""
    kind = _kind(schema)
    if kind == "choices":
        return 16 + max(map(len, _choices(schema)))
    return 1024 if kind else _FORMS[schema][2]


def parse(schema: Any, text: str) -> Any:
    """The answer in a model's words; raises ValueError that tells it what is wrong."""
    kind, said = _kind(schema), _bare(text)
    if kind in ("list", "dict"):
        return _checked(schema, _json(said, "[" if kind == "list" else "{"))
    if not said:
        raise ValueError("it is empty")
    if kind == "choices":
        return _chosen(schema, said)
    if schema is bool:
        first = re.match(r"\W*(\w+)", said.lower())
        if first is None or first[1] not in _WORDS:
            raise ValueError("it is neither yes nor no")
        return _WORDS[first[1]]
    return _number(schema, said) if schema in (int, float) else said


def _bare(text: str) -> str:
    """The text without a fence, or quotes, around the whole of it."""
    said = re.sub(r"\A```\w*\s(.*?)```\Z", r"\1", text.strip(), flags=re.DOTALL).strip()
    whole = said[:1] in ("'", '"', "`") and said[-1:] == said[0] and said.count(said[0]) == 2
    return said[1:-1].strip() if whole else said


def _kind(schema: Any) -> str:
    """choices, list or dict; "" for what stands alone."""
    if isinstance(schema, dict) and schema and all(isinstance(name, str) for name in schema):
        return "dict"
    if isinstance(schema, tuple | list | set | frozenset) and schema and all(isinstance(c, str) for c in schema):
        return "choices"
    if schema is list or get_origin(schema) is list:
        return "list"
    if schema is None or schema in (str, bool, int, float):
        return ""
    known = 'bool, int, float, str, list[str], ("one", "or another"), {"name": str}'
    raise TypeError(f"{schema!r} is no schema; there are: {known}")


def _choices(schema: Any) -> list[str]:
    return sorted(schema) if isinstance(schema, set | frozenset) else list(schema)


def _item(schema: Any) -> Any:
    return next(iter(get_args(schema)), str)


def _inner(schema: Any) -> str:
    """How a part of an answer is described."""
    match _kind(schema):
        case "choices":
            return " or ".join(json.dumps(choice, ensure_ascii=False) for choice in _choices(schema))
        case "list":
            return f"list of {_inner(_item(schema))}"
        case "dict":
            return f"{{{', '.join(f'{json.dumps(k)}: {_inner(v)}' for k, v in schema.items())}}}"
    return _FORMS[schema][1]


def _json(text: str, begin: str) -> Any:
    at = text.find(begin)
    try:
        return json.JSONDecoder().raw_decode(text, at)[0] if at >= 0 else None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its JSON cannot be read ({error})") from None


def _checked(schema: Any, value: Any) -> Any:
    """The part of an answer as the schema has it."""
    match _kind(schema):
        case "list":
            if not isinstance(value, list):
                raise ValueError("it is no JSON list")
            return [_checked(_item(schema), each) for each in value]
        case "dict":
            if not isinstance(value, dict):
                raise ValueError("it is no JSON object")
            if missing := [name for name in schema if name not in value]:
                raise ValueError(f"{missing[0]!r} is missing")
            return {name: _checked(inner, value[name]) for name, inner in schema.items()}
        case "choices":
            return _chosen(schema, str(value))
    if schema is bool and isinstance(value, bool):
        return value
    if schema in (int, float) and isinstance(value, int | float) and not isinstance(value, bool):
        return _number(schema, json.dumps(value))
    if value is None or isinstance(value, list | dict):
        raise ValueError(f"{json.dumps(value)[:40]} is no {_FORMS[schema][1]}")
    return parse(schema, str(value))


def _number(schema: Any, said: str) -> int | float:
    found = re.findall(r"(?<![\w.])[+-]?\d[\d,]*(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w])", said)
    if len(found) != 1:
        raise ValueError("it is not one number" if found else "there is no number in it")
    number = float(found[0].replace(",", ""))
    if schema is float:
        return number
    if number != int(number):
        raise ValueError("it is no whole number")
    return int(re.sub(r"[,]|\.0+$", "", found[0])) if "e" not in found[0].lower() else int(number)


def _chosen(schema: Any, said: str) -> str:
    """The one choice that was said, alone or in a sentence."""
    choices = _choices(schema)
    plain = said.strip(" .!\"'`").casefold()
    alone = [choice for choice in choices if choice.casefold() == plain]
    words = [c for c in choices if re.search(rf"(?<!\w){re.escape(c)}(?!\w)", said, re.IGNORECASE)]
    found = alone or words
    if len(found) != 1:
        raise ValueError(f"it is {'more than' if found else 'not'} one of {', '.join(choices)}")
    return found[0]
