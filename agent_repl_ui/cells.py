"""`%%agent`: a method from the words and examples, or from the code, of a cell."""

import ast
from doctest import DocTestParser, Example
from typing import Any

from agent_repl import control
from agent_repl.errors import AgentError

from .render import escaped
from .verbs import Names, method_of

USAGE = "write %%agent AGENT.METHOD with a description below it, or %%agent --code AGENT.METHOD with code"


def run_cell(names: Names, line: str, body: str) -> None:
    """What `%%agent LINE` does with the cell below it; raises AgentError."""
    targets = [word for word in line.split() if word != "--code"]
    if len(targets) != 1 or not body.strip():
        raise AgentError(USAGE)
    agent, method = method_of(names, targets[0], new=True)
    if "--code" in line.split():
        return print(f"{targets[0]} is PINNED in {control.define(agent, method, body)}")
    try:
        parts = DocTestParser().parse(body)
    except ValueError as error:
        raise AgentError(f"an example cannot be read: {error}") from None
    words = "".join(part for part in parts if isinstance(part, str)).strip()
    examples = [_wanted(names, targets[0], part) for part in parts if isinstance(part, Example)]
    return print(escaped(control.write(agent, method, words, examples=examples)))


def _wanted(names: Names, target: str, example: Example) -> tuple[tuple[Any, ...], dict[str, Any], str]:
    """The arguments of an example's call, which may be literals or names, and the text that it should give."""
    said = example.source.strip()
    try:
        match ast.parse(said, mode="eval").body:
            case ast.Call(func=ast.Attribute() as called, args=args, keywords=pairs) if ast.unparse(called) == target:
                kwargs = {str(pair.arg): _value(names, pair.value) for pair in pairs}
                return tuple(_value(names, arg) for arg in args), kwargs, example.want.rstrip("\n")
    except (ValueError, SyntaxError, KeyError, MemoryError, RecursionError):
        pass
    how = f"an example is a call of {target} with plain values or names, as in >>> {target}(3)"
    raise AgentError(f"line {example.lineno + 1} of the cell, {said!r}: {how}")


def _value(names: Names, node: ast.expr) -> Any:
    return names[node.id] if isinstance(node, ast.Name) else ast.literal_eval(node)
