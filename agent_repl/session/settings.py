"""What a person set, where: the user's file, then the environment, then the call; a project may only tighten."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

from ..effects import KINDS
from ..errors import AgentError
from ..records import Settings

PREFIX = "AGENT_REPL_"
MODES = ("auto", "ask", "later", "cached")  # each looser than the next
PIECES = ("profiles", "recipes", "files", "libraries", "siblings", "said", "head", "examples", "failures", "trial")
LISTS = {"without": PIECES, "refuse": KINDS}  # of which several may be named
_STRICT = (("policy", "strict"), ("samples", "none"))
_LIMITS = ("generation_retries", "repairs", "max_depth", "max_calls")
_FREE = ("max_cost", "max_call_cost", "max_leaves", "max_tokens", "max_seconds", "max_run_seconds", "max_run_memory")
OF_MODEL = ("base_url", "model_file", "request_timeout", "max_retries")
AT_START = ("executor", "trust_key_file")
_DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(Settings)}
_TAKES: dict[type, str] = {str: "a text", int: "a whole number from 0 up", float: "a number from 0 up"}
CHOICES = {name: get_args(kind) for name, kind in get_type_hints(Settings).items() if get_args(kind)}


def load_settings(home: Path, user_file: Path, environment: Mapping[str, str], given: Mapping[str, Any]) -> Settings:
    """Settings from all places, later over earlier; raises AgentError that names the place and the choices."""
    around = {n: _checked(n, t, PREFIX + n.upper()) for n in _DEFAULTS if (t := environment.get(PREFIX + n.upper()))}
    here = {name: _checked(name, value, "open_session") for name, value in given.items()}
    return _tightened(Settings(**_read(user_file) | around | here), _read(home / "config.toml"))


def changed(settings: Settings, home: Path | None, changes: Mapping[str, Any]) -> Settings:
    """Settings with a person's changes, which a project's file tightens too; raises AgentError."""
    wanted = {name: _checked(name, value, "settings") for name, value in changes.items()}
    for name in (n for n in AT_START if wanted.get(n, getattr(settings, n)) != getattr(settings, n)):
        raise AgentError(f"settings: {name} is chosen at the start: open_session({name}=...), {PREFIX}{name.upper()}")
    return _tightened(replace(settings, **wanted), _read(home / "config.toml") if home else {})


def _read(path: Path) -> dict[str, Any]:
    if not os.path.exists(path):
        return {}
    from tomllib import loads

    try:
        values = loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AgentError(f"{path} cannot be read as TOML: {error}") from error
    return {name: _checked(name, value, str(path)) for name, value in values.items()}


def _checked(name: str, value: Any, where: str) -> Any:
    if name not in _DEFAULTS:
        raise AgentError(f"{where}: there is no setting {name!r}; there are: {', '.join(_DEFAULTS)}")
    kind = type(_DEFAULTS[name])
    try:
        made = kind(value)
        fits = isinstance(value, str | Path) if kind is str else made >= 0 and (type(value) is str or made == value)
        if not fits or type(value) is bool:
            raise ValueError
        re.compile(made if name == "redact" else "")
    except re.error as error:
        raise AgentError(f"{where}: {name} is no pattern ({error}); write one as Python's re has them") from None
    except (TypeError, ValueError, OverflowError):
        raise AgentError(f"{where}: {name} should be {_TAKES[kind]}, not {value!r}") from None
    if name in LISTS and (unknown := {*made.split(",")} - {"", *LISTS[name]}):
        raise AgentError(f"{where}: {name} takes {', '.join(LISTS[name])}, with commas between, not {min(unknown)!r}")
    if made not in CHOICES.get(name, (made,)):
        raise AgentError(f"{where}: {name} should be one of {', '.join(filter(None, CHOICES[name]))}, not {made!r}")
    return made


def _tightened(settings: Settings, project: Mapping[str, Any]) -> Settings:
    """A project's file may make things stricter; provider, address, model and templates are never read from it."""
    changes = {name: value for name, value in project.items() if (name, value) in _STRICT}
    if project.get("review") and MODES.index(project["review"]) > MODES.index(settings.review or "auto"):
        changes["review"] = project["review"]
    changes |= {name: min(project[name], getattr(settings, name)) for name in _LIMITS if name in project}
    named, mine = project.get("refuse", "").strip(","), settings.refuse.strip(",")  # "" is all
    if ("refuse" in project or "policy" in changes) and (mine or settings.policy != "strict"):
        both = {*named.split(","), *mine.split(",")} - {""}
        changes["refuse"] = ",".join(sorted(both)) if named else ""
    changes |= {n: min(most, getattr(settings, n) or most) for n in _FREE if (most := project.get(n))}  # 0: no limit
    return replace(settings, **changes)
