"""What a person set, where: the user's file, then the environment, then the call; a project may only tighten."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from ..effects import KINDS
from ..errors import AgentError
from ..records import Settings

PREFIX = "AGENT_REPL_"
MODES = ("auto", "ask", "later", "cached")  # each looser than the next
_CHOICES = {
    "review": MODES,
    "shape": ("auto", "always", "never"),
    "policy": ("inform", "strict"),
    "samples": ("some", "none"),
    "show": ("code", "line", "off"),
    "examples": ("on", "off"),
    "log_level": ("call", "stage", "prompt"),
    "executor": ("inline", "process", "sandbox", "lua"),
}
PIECES = ("profiles", "recipes", "files", "libraries", "siblings", "said", "head", "examples", "failures", "trial")
_LISTS = {"without": PIECES, "refuse": KINDS}
_STRICT = (("policy", "strict"), ("samples", "none"))
_LIMITS = ("generation_retries", "repairs", "max_depth", "max_calls")
_TYPES: dict[str, Any] = {field.name: type(field.default) for field in fields(Settings)}


def load_settings(home: Path, user_file: Path, environment: Mapping[str, str], given: Mapping[str, Any]) -> Settings:
    """Settings from all places, later over earlier; raises AgentError that names the place and the choices."""
    present = {name: text for name in _TYPES if (text := environment.get(PREFIX + name.upper()))}
    around = {name: _checked(name, text, PREFIX + name.upper()) for name, text in present.items()}
    here = {name: _checked(name, value, "open_session") for name, value in given.items()}
    return _tightened(Settings(**_read(user_file) | around | here), _read(home / "config.toml"))


def changed(settings: Settings, home: Path | None, changes: Mapping[str, Any]) -> Settings:
    """Settings with a person's changes, which a project's file tightens too; raises AgentError."""
    wanted = {name: _checked(name, value, "settings") for name, value in changes.items()}
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
    if name not in _TYPES:
        raise AgentError(f"{where}: there is no setting {name!r}; there are: {', '.join(_TYPES)}")
    try:
        value = _TYPES[name](value)
        re.compile(value if name == "redact" else "")
        if isinstance(value, float | int) and not value >= 0:  # also what is no number: no cost would be above it
            raise ValueError
    except re.error as error:
        raise AgentError(f"{where}: {name} is no pattern ({error}); write one as Python's re has them") from None
    except (TypeError, ValueError):
        raise AgentError(f"{where}: {name} should be of type {_TYPES[name].__name__}, not {value!r}") from None
    unknown = set(value.split(",")) - {"", *_LISTS[name]} if name in _LISTS else ()
    if unknown:
        raise AgentError(f"{where}: {name} takes {', '.join(_LISTS[name])}, with commas between, not {min(unknown)!r}")
    if value and value not in _CHOICES.get(name, (value,)):
        raise AgentError(f"{where}: {name} should be one of {', '.join(_CHOICES[name])}, not {value!r}")
    return value


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
    for name in ("max_cost", "max_call_cost", "max_run_seconds", "max_run_memory"):
        if limit := project.get(name):
            changes[name] = min(limit, getattr(settings, name) or limit)  # 0 is no limit
    return replace(settings, **changes)
