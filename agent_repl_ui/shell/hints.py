"""A dim line while the cursor is inside the call of a written method: how it is called, and what it says it does."""

import re
from collections.abc import Mapping
from inspect import Signature, getdoc, signature
from typing import Any

from agent_repl.pipeline.methods import Method

from ..render import escaped
from ..words import agent_named

_STRING = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"")
_CALLED = re.compile(r"(?<![\w.])(\w+)\.(\w+)\s*$")
_LOOK_BACK = 2000  # characters


def hint(before: str, names: Mapping[str, Any]) -> str:
    """The line for the text before the cursor; "" where that is in no call of a written method."""
    name, attribute = _open_call(_STRING.sub("''", before[-_LOOK_BACK:]))
    method = method_of(name, attribute, names)
    if method is None:
        return ""
    about = (getdoc(method.function) or "").partition("\n")[0]
    return " ".join(escaped(f"{name}.{attribute}{_called(method)}  {about}").split())


def _open_call(text: str) -> tuple[str, str]:
    """Agent and method of the innermost call that is not closed, twice "" for none."""
    closed = 0
    for at in range(len(text) - 1, -1, -1):
        if text[at] in ")]}":
            closed += 1
        elif text[at] in "([{" and closed:
            closed -= 1
        elif text[at] == "(" and (found := _CALLED.search(text[:at])):
            return found[1], found[2]
    return "", ""


def method_of(name: str, attribute: str, names: Mapping[str, Any]) -> Method | None:
    """The written method of the agent of that name, if there are both; no file is opened for it."""
    agent = agent_named(name, names)
    return None if agent is None else type(agent)._agent_repl_identity_.find(attribute)


def _called(method: Method) -> Signature:
    whole = signature(method.function)
    return whole.replace(parameters=list(whole.parameters.values())[1:])
