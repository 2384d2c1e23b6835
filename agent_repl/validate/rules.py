"""The rules that code must keep, in order, each with words for the model that broke it."""

from __future__ import annotations

import ast
import copy
import inspect
import sys
from collections import Counter
from collections.abc import Iterator

from ..records import Spec
from ..unit import RESERVED, Definition, Function, facts, method_of
from .reshape import undefined

Complaints = Iterator[tuple[int, str]]


def complaints(tree: ast.Module, spec: Spec) -> Iterator[tuple[str, int, str]]:
    """What breaks a rule: its name, the line and what to write instead, the first that matters first.

    A later rule counts on the earlier ones being kept.
    """
    method = method_of(tree, spec.name)
    rules = {
        "name": _wrong_name,
        "module-level": _runs_at_once,
        "self": _no_self,
        "stub": _stub,
        "binds": _does_not_bind,
        "attributes": _unknown_attributes,
        "methods": _binds_methods,
        "names": _undefined,
        "baked": _baked,
        "used-up": _used_up,
    }
    if method is None:
        yield "name", *_no_method(tree, spec)
    else:
        for rule, broken in rules.items():
            yield from ((rule, line, message) for line, message in broken(tree, method, spec))


def _no_method(tree: ast.Module, spec: Spec) -> tuple[int, str]:
    inner = [child for node in tree.body if isinstance(node, ast.ClassDef) for child in node.body]
    other = next((n for n in [*tree.body, *inner] if isinstance(n, Function)), None)
    instead = f" The code defines {other.name}: rename it." if other else ""
    message = f"There is no method {spec.name}.{instead} Write `def {spec.name}(self, ...)`."
    return other.lineno if other else 0, message


def _wrong_name(tree: ast.Module, method: Function, spec: Spec) -> Complaints:
    public = [n for n in tree.body if isinstance(n, Definition) and not n.name.startswith("_") and n is not method]
    for node in public:
        if node.name == spec.name:
            yield node.lineno, f"{spec.name} is defined twice. Define it once."
        yield node.lineno, f"Define only {spec.name}. Name the helper _{node.name}, or leave it out."


def _runs_at_once(tree: ast.Module, method: Function, spec: Spec) -> Complaints:
    may = f"Only imports, constants in capitals and private _helpers may. Move it into {spec.name}."
    for node in tree.body:
        if not _may_stand(node):
            yield node.lineno, f"`{ast.unparse(node).splitlines()[0][:60]}` stands outside the method. {may}"


def _may_stand(node: ast.stmt) -> bool:
    match node:
        case (
            ast.Assign(targets=[ast.Name(id=name)], value=value)
            | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
        ):
            return (name.startswith("_") or name.isupper()) and all(map(_is_plain, ast.walk(value)))
        case ast.Expr():
            return isinstance(node.value, ast.Constant)
    return isinstance(node, Definition | ast.Import | ast.ImportFrom)


_PLAIN = (ast.Constant, ast.Name, ast.Attribute, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.UnaryOp, ast.BinOp)
_PARTS = (ast.expr_context, ast.unaryop, ast.Add, ast.Sub, ast.BitOr, ast.keyword)
_MAKERS = ("re.compile", "frozenset", "set", "dict", "tuple", "Decimal", "decimal.Decimal", "timedelta")


def _is_plain(node: ast.AST) -> bool:
    """Whether a part of a constant costs nothing to make and touches nothing."""
    return isinstance(node, _PLAIN + _PARTS) or (isinstance(node, ast.Call) and ast.unparse(node.func) in _MAKERS)


def _no_self(tree: ast.Module, method: Function, spec: Spec) -> Complaints:
    positional = [a.arg for a in (*method.args.posonlyargs, *method.args.args)]
    decorators = {ast.unparse(decorator) for decorator in method.decorator_list}
    if decorators & {"property", "staticmethod", "classmethod"}:
        yield method.lineno, f"{spec.name} is a plain method: write it without decorators."
    if positional[:1] != ["self"]:
        parameters = ", ".join(["self", *(p for p in positional if p != "self")])
        yield method.lineno, f"The first parameter must be self. Write `def {spec.name}({parameters})`."


def _stub(tree: ast.Module, method: Function, spec: Spec) -> Complaints:
    if all(_does_nothing(node) for node in method.body):
        yield method.lineno, f"{spec.name} does nothing. Write its whole body, without placeholders."


def _does_nothing(node: ast.stmt) -> bool:
    raised = isinstance(node, ast.Raise) and node.exc is not None and "NotImplemented" in ast.unparse(node.exc)
    text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return raised or text or isinstance(node, ast.Pass)


def _does_not_bind(tree: ast.Module, method: Function, spec: Spec) -> Complaints:
    try:
        _passed(method, spec)
    except TypeError as error:
        kinds = [type(v).__name__ for v in spec.args] + [f"{k}={type(v).__name__}" for k, v in spec.kwargs.items()]
        called, head = f"{spec.name}({', '.join(kinds)})", f"`def {spec.name}({ast.unparse(method.args)})`"
        yield method.lineno, f"It is called as {called}, and {head} does not take that: {error}. Change the parameters."


def _passed(method: Function, spec: Spec) -> dict[str, object]:
    """The parameters that this call fills, with their values; raises TypeError when it does not bind."""
    args = copy.copy(method.args)  # read by Python from an empty lambda without their defaults, so that nothing runs
    args.defaults = [ast.Constant(None) for _ in args.defaults]
    args.kw_defaults = [default and ast.Constant(None) for default in args.kw_defaults]
    empty = ast.fix_missing_locations(ast.Expression(ast.Lambda(args, ast.Constant(None))))
    signature = inspect.signature(eval(compile(empty, "<signature>", "eval"), {}))
    return dict(list(signature.bind(None, *spec.args, **spec.kwargs).arguments.items())[1:])


_GROWING = ("append", "extend", "add", "update", "setdefault", "insert")


def _unknown_attributes(tree: ast.Module, method: Function, spec: Spec) -> Complaints:
    in_classes = {inner for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for inner in ast.walk(node)}
    nodes = [node for node in ast.walk(tree) if node not in in_classes]  # in whose methods self is another
    called = {node.func for node in nodes if isinstance(node, ast.Call)}
    grown = {node.target for node in nodes if isinstance(node, ast.AugAssign)}
    mine = [n for n in nodes if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.value.id == "self"]
    made = {n.attr for n in mine if isinstance(n.ctx, ast.Store) and n not in grown}
    grows = {n.value.attr for n in nodes if isinstance(n, ast.Attribute) and n.attr in _GROWING and n.value in mine}
    has = spec.state | spec.methods | made | _asked_for(nodes) | {spec.name, "llm", "__class__", "__dict__"}
    for node in sorted(mine, key=lambda n: (n.lineno, n.col_offset)):
        if node.attr in has or (node in called and not node.attr.startswith("_")):
            continue
        if node in called:
            advice = f"Write {node.attr} as a function above the method, and call {node.attr}(...) without self."
        elif node.attr in grows:
            advice = f"There is no self.{node.attr} yet: the first line of the method is self.{node.attr} = ..."
        elif spec.files:
            advice = f"There is no self.{node.attr}: open the file in the method."
        else:
            advice = f"There is no self.{node.attr}: use a local variable or a parameter."
        yield node.lineno, f"{_holdings(spec)} {advice}"


def _holdings(spec: Spec) -> str:
    has = [f"self.{name}" for name in sorted(spec.state)]
    has += [f"self.{name}(...)" for name in sorted(spec.methods - {spec.name})]
    return f"self has only: {', '.join(has[:20])}." if has else "self has no attributes."


def _asked_for(nodes: list[ast.AST]) -> set[str]:
    calls = [n for n in nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and len(n.args) > 1]
    asked = [c.args[1] for c in calls if ast.unparse(c.func) in ("hasattr", "getattr", "setattr")]
    return {a.value for a in asked if isinstance(a, ast.Constant) and isinstance(a.value, str)}


def _binds_methods(tree: ast.Module, method: Function, spec: Spec) -> Complaints:
    found = facts(tree, spec.name)
    taken = found.binds & (spec.methods | RESERVED | {spec.name} | (found.calls - spec.state))
    for name in sorted(taken):
        lines = [n.lineno for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr == name]
        line = min(lines, default=method.lineno)
        yield line, f"self.{name} is a method: do not assign to it. Use a local variable."


def _undefined(tree: ast.Module, method: Function, spec: Spec) -> Complaints:
    for node in undefined(tree):
        yield node.lineno, f"The name {node.id} is not defined. {_remedy(node.id, spec)}"
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == spec.name and not _gets_self(call):
            yield call.lineno, f"{spec.name} is a method: call it as self.{spec.name}(...)."


def _remedy(name: str, spec: Spec) -> str:
    if name in spec.state:
        return f"Write self.{name}."
    if name in spec.methods:
        return f"Write self.{name}(...)."
    if name in sys.stdlib_module_names:
        return f"Add `import {name}` at the top."
    return "Import it at the top, define it in the method, or make it a parameter."


def _gets_self(call: ast.Call) -> bool:
    return bool(call.args) and ast.unparse(call.args[0]) == "self"


def _baked(tree: ast.Module, method: Function, spec: Spec) -> Complaints:
    """Answers for this call alone: a parameter that it passes is never read, or is overwritten before it is."""
    body = [node for statement in method.body for node in ast.walk(statement)]
    loads = [node for node in body if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
    for name, value in _passed(method, spec).items():
        overwritten = _overwritten(method, name)
        if any(load.id == name and load.lineno <= (overwritten or load.lineno) for load in loads):
            continue
        lines = [n.lineno for n in body if isinstance(n, ast.Constant) and _telling(value) and n.value == value]
        if overwritten:
            message = f"The code gives {name} a value of its own. Use the {name} that the caller passes."
        elif lines:
            written = f"The code writes {value!r} in as a constant."
            message = f"{written} Use the parameter {name} instead: other calls differ."
        else:
            message = f"The code ignores its parameter {name}. Use {name}: other calls pass other values."
        yield min(lines, default=method.lineno), message
    yield from _baked_paths(tree, spec)


def _baked_paths(tree: ast.Module, spec: Spec) -> Complaints:
    """A path of this agent's state written in as a constant: another agent of the identity has another one."""
    constants = {n.value: n for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    for where, path in spec.paths.items():
        if path in constants:
            message = f"The code writes {path!r} in as a constant. Use {where} instead: other objects have other files."
            yield constants[path].lineno, message


def _overwritten(method: Function, name: str) -> int:
    """The last line of the statement that, whatever happens, gives the parameter another value; 0 if none does."""
    for node in method.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
            return node.end_lineno or node.lineno
    return 0


def _telling(value: object) -> bool:
    """Whether finding this very constant in the code can hardly be chance."""
    if isinstance(value, str):
        return len(value) > 2
    return isinstance(value, int | float) and not isinstance(value, bool) and value not in (0, 1, 2, 10, 100)


_ONE_PASS = {"reader", "DictReader", "open", "map", "filter", "zip", "enumerate", "iter", "finditer", "iterdir"}


def _used_up(tree: ast.Module, method: Function, spec: Spec) -> Complaints:
    """An iterator that can be read once is read again: in another loop, or anew in every round of one."""
    made = Counter(name for node in ast.walk(method) for name in _one_pass_names(node))
    passes = Counter(name for node in ast.walk(method) for name in _iterated(node) if made[name] == 1)
    for loop in ast.walk(method):
        rounds = _rounds(loop)
        anew = {name for node in rounds for name in _one_pass_names(node)}
        passes.update(name for node in rounds for name in _iterated(node) if name in passes and name not in anew)
    for name in [name for name, count in passes.items() if count > 1][:1]:
        lines = [n.lineno for n in ast.walk(method) if isinstance(n, ast.Name) and n.id == name]
        yield max(lines), f"{name} can be read once, then it is empty. Read it into a list first: rows = list({name})."


def _one_pass_names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Assign) and _is_one_pass(node.value):
        yield from (t.id for t in node.targets if isinstance(t, ast.Name))
    if isinstance(node, ast.withitem) and _is_one_pass(node.context_expr) and isinstance(node.optional_vars, ast.Name):
        yield node.optional_vars.id


def _is_one_pass(value: ast.expr) -> bool:
    function = value.func if isinstance(value, ast.Call) else None
    return getattr(function, "attr", getattr(function, "id", "")) in _ONE_PASS or isinstance(value, ast.GeneratorExp)


def _iterated(node: ast.AST) -> Iterator[str]:
    if isinstance(node, (ast.For, ast.comprehension)) and isinstance(node.iter, ast.Name):
        yield node.iter.id


def _rounds(loop: ast.AST) -> list[ast.AST]:
    """What runs in every round of a loop or comprehension: all but the source that it reads once."""
    if isinstance(loop, (ast.For, ast.AsyncFor, ast.While)):
        return [node for part in loop.body for node in ast.walk(part)]
    once = getattr(loop, "generators", [loop])[0]
    return [node for part in ast.iter_child_nodes(loop) if once not in (loop, part) for node in ast.walk(part)]
