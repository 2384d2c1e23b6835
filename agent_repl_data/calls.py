"""The calls that a script makes of one of its objects, by its syntax tree: nothing is run."""

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

NO_VALUE = (ValueError, TypeError, SyntaxError, MemoryError, RecursionError, KeyError)


class Asked(NamedTuple):
    """One call of a method: as text, and where that can be known without running anything, with what."""

    name: str
    text: str  # `top(LIMIT, by="name")`; where the arguments are not known, without any value: `top(limit, by=...)`
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = {}
    known: bool = True


def calls_of(tree: ast.Module, names: set[str], values: Mapping[str, Any]) -> Iterator[Asked]:
    """The calls of methods of what these names mean, in the order of the text.

    Arguments are known that are literals, or names of `values`.
    """
    found = {}
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=of), attr=name)) if of in names:
                found[node.lineno, node.col_offset] = name, node
    for _, (name, call) in sorted(found.items(), key=lambda item: item[0]):
        yield _asked(name, call, values)


def _asked(name: str, call: ast.Call, values: Mapping[str, Any]) -> Asked:
    def value(node: ast.expr) -> Any:
        return values[node.id] if isinstance(node, ast.Name) else ast.literal_eval(node)

    with suppress(*NO_VALUE):
        text = ast.unparse(ast.Call(ast.Name(name), call.args, call.keywords))
        args, pairs = tuple(map(value, call.args)), [(pair.arg, value(pair.value)) for pair in call.keywords]
        kwargs = {key: each for key, each in pairs if key}
        if len(kwargs) == len(pairs):  # else there is a **, or one is given twice
            return Asked(name, text, args, kwargs)
    shown = [node.id if isinstance(node, ast.Name) else "..." for node in call.args]
    shown += [f"{pair.arg}=..." if pair.arg else "**..." for pair in call.keywords]
    return Asked(name, f"{name}({', '.join(shown)})", known=False)


def made_by(tree: ast.Module, makers: tuple[str, ...], words: str, label: str) -> set[str]:
    """The names to which a script assigns what one of the `makers` makes of just these words, or with `name=label`.

    The label is one of them too, unless something else is made under it.
    """
    mine, others = set[str](), set[str]()
    for node in ast.walk(tree):
        made = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if isinstance(made, ast.Call) and ast.unparse(made.func).rpartition(".")[2] in makers:
            first = [getattr(each, "value", None) for each in made.args[:1]]
            named = [getattr(pair.value, "value", None) for pair in made.keywords if pair.arg == "name"]
            (mine if words in first or label in named else others).update(_targets(node))
    return mine | ({label} - others)


def _targets(node: ast.AST) -> list[str]:
    """The names that an assignment binds, each to the whole of its value."""
    targets = [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", ())
    return [each.id for each in targets if isinstance(each, ast.Name)]


def constants(tree: ast.Module) -> dict[str, Any]:
    """The names that a script binds once, to a literal at its own level."""
    bound, found = Counter(map(_binds, ast.walk(tree))), dict[str, Any]()
    for node in tree.body:
        once = [name for name in _targets(node) if bound[name] == 1]
        with suppress(*NO_VALUE):
            found |= dict.fromkeys(once, ast.literal_eval(getattr(node, "value", None) or ""))
    return found


def _binds(node: ast.AST) -> str:
    """The name that this node binds in some scope, "" for none."""
    if isinstance(node, ast.Name):
        return "" if isinstance(node.ctx, ast.Load) else node.id
    if isinstance(node, ast.alias):
        return node.asname or node.name.partition(".")[0]
    names = (getattr(node, field, None) for field in ("name", "rest"))
    return node.arg if isinstance(node, ast.arg) else next(filter(None, names), "")
