"""The rules that code must keep, in order, each with words for the model that broke it."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from inspect import Parameter
from typing import NamedTuple

from ..records import Spec
from ..unit import RESERVED, Function, facts, method_of
from .reshape import is_constant_name, undefined


class Complaint(NamedTuple):
    """A broken rule, the line of the code, and what to write instead."""

    rule: str
    line: int
    message: str


def complaints(tree: ast.Module, spec: Spec) -> Iterator[Complaint]:
    """What breaks a rule, the first that matters first; a later rule counts on the earlier ones being kept."""
    yield from _wrong_name(tree, spec)
    yield from _runs_at_once(tree, spec)
    method = method_of(tree, spec.name)
    if method is not None:
        for rule in (
            _no_self,
            _stub,
            _does_not_bind,
            _unknown_attributes,
            _binds_methods,
            _undefined,
            _baked,
            _baked_paths,
        ):
            yield from rule(tree, method, spec)


def _wrong_name(tree: ast.Module, spec: Spec) -> Iterator[Complaint]:
    inner = [child for node in tree.body if isinstance(node, ast.ClassDef) for child in node.body]
    public = [n for n in tree.body if isinstance(n, Function | ast.ClassDef) and not n.name.startswith("_")]
    if method_of(tree, spec.name) is None:
        others = [n for n in [*tree.body, *inner] if isinstance(n, Function)]
        instead = f" The code defines {others[0].name}: rename it." if others else ""
        line = others[0].lineno if others else 0
        yield Complaint("name", line, f"There is no method {spec.name}.{instead} Write `def {spec.name}(self, ...)`.")
    for node in public:
        if node.name != spec.name:
            message = f"Define only {spec.name}. Name the helper _{node.name}, or leave it out."
            yield Complaint("name", node.lineno, message)
    if sum(node.name == spec.name for node in public) > 1:
        yield Complaint("name", public[-1].lineno, f"{spec.name} is defined twice. Define it once.")


def _runs_at_once(tree: ast.Module, spec: Spec) -> Iterator[Complaint]:
    for index, node in enumerate(tree.body):
        match node:
            case ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                continue
            case ast.Expr(value=ast.Constant()) if index == 0:
                continue
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if is_constant_name(name) and _literal(value):
                continue
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if is_constant_name(name):
                if _literal(value):
                    continue
        message = (
            f"`{_first_line(node)}` stands outside the method. "
            f"Only imports, constants in capitals and private _helpers may. Move it into {spec.name}."
        )
        yield Complaint("module-level", node.lineno, message)


_MAKERS = ("re.compile", "frozenset", "set", "dict", "tuple", "Decimal", "decimal.Decimal", "timedelta")


def _literal(node: ast.expr) -> bool:
    """Whether a constant costs nothing to make and touches nothing."""
    match node:
        case ast.Constant() | ast.Name() | ast.Attribute():
            return True
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            return all(map(_literal, parts))
        case ast.Dict(keys=keys, values=values):
            return all(_literal(part) for part in [*keys, *values] if part is not None)
        case ast.UnaryOp(operand=operand):
            return _literal(operand)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.BitOr(), right=right):
            return _literal(left) and _literal(right)
        case ast.Call(func=func, args=args, keywords=keywords):
            return ast.unparse(func) in _MAKERS and all(map(_literal, [*args, *(k.value for k in keywords)]))
    return False


def _no_self(tree: ast.Module, method: Function, spec: Spec) -> Iterator[Complaint]:
    positional = [a.arg for a in (*method.args.posonlyargs, *method.args.args)]
    decorators = {ast.unparse(decorator) for decorator in method.decorator_list}
    if decorators & {"property", "staticmethod", "classmethod"}:
        yield Complaint("self", method.lineno, f"{spec.name} is a plain method: write it without decorators.")
    if positional[:1] != ["self"]:
        parameters = ", ".join(["self", *(p for p in positional if p != "self")])
        message = f"The first parameter must be self. Write `def {spec.name}({parameters})`."
        yield Complaint("self", method.lineno, message)


def _stub(tree: ast.Module, method: Function, spec: Spec) -> Iterator[Complaint]:
    if all(_does_nothing(node) for node in method.body):
        yield Complaint("stub", method.lineno, f"{spec.name} does nothing. Write its whole body, without placeholders.")


def _does_nothing(node: ast.stmt) -> bool:
    raised = isinstance(node, ast.Raise) and node.exc is not None and "NotImplemented" in ast.unparse(node.exc)
    text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return raised or text or isinstance(node, ast.Pass)


def _does_not_bind(tree: ast.Module, method: Function, spec: Spec) -> Iterator[Complaint]:
    try:
        _passed(method, spec)
    except TypeError as error:
        kinds = [type(v).__name__ for v in spec.args] + [f"{k}={type(v).__name__}" for k, v in spec.kwargs.items()]
        message = (
            f"It is called as {spec.name}({', '.join(kinds)}), and `def {spec.name}({ast.unparse(method.args)})` "
            f"does not take that: {error}. Change the parameters."
        )
        yield Complaint("binds", method.lineno, message)


def _passed(method: Function, spec: Spec) -> dict[str, object]:
    """The parameters that this call fills, with their values; raises TypeError when it does not bind."""
    signature = _signature(method.args)
    return dict(list(signature.bind(None, *spec.args, **spec.kwargs).arguments.items())[1:])


def _signature(args: ast.arguments) -> inspect.Signature:
    positional = [*args.posonlyargs, *args.args]
    needed = len(positional) - len(args.defaults)
    empty = Parameter.empty
    parameters = []
    for index, arg in enumerate(positional):
        kind = Parameter.POSITIONAL_ONLY if index < len(args.posonlyargs) else Parameter.POSITIONAL_OR_KEYWORD
        parameters.append(Parameter(arg.arg, kind, default=empty if index < needed else None))
    if args.vararg:
        parameters.append(Parameter(args.vararg.arg, Parameter.VAR_POSITIONAL))
    for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        parameters.append(Parameter(arg.arg, Parameter.KEYWORD_ONLY, default=None if default else empty))
    if args.kwarg:
        parameters.append(Parameter(args.kwarg.arg, Parameter.VAR_KEYWORD))
    return inspect.Signature(parameters)


_GROWING = ("append", "extend", "add", "update", "setdefault", "insert")


def _unknown_attributes(tree: ast.Module, method: Function, spec: Spec) -> Iterator[Complaint]:
    nodes = list(_outside_classes(tree))
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    grown = {id(node.target) for node in nodes if isinstance(node, ast.AugAssign)}
    mine = [n for n in nodes if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.value.id == "self"]
    made = {n.attr for n in mine if isinstance(n.ctx, ast.Store) and id(n) not in grown}
    grows = {n.value.attr for n in nodes if isinstance(n, ast.Attribute) and n.attr in _GROWING and n.value in mine}
    has = spec.state | spec.methods | made | _asked_for(nodes) | {spec.name, "llm", "__class__", "__dict__"}
    for node in sorted(mine, key=lambda n: (n.lineno, n.col_offset)):
        if node.attr in has or (id(node) in called and not node.attr.startswith("_")):
            continue
        if id(node) in called:
            advice = f"Write {node.attr} as a function above the method, and call {node.attr}(...) without self."
        elif node.attr in grows:
            advice = f"There is no self.{node.attr} yet: the first line of the method is self.{node.attr} = ..."
        elif spec.files:
            advice = f"There is no self.{node.attr}: open the file in the method."
        else:
            advice = f"There is no self.{node.attr}: use a local variable or a parameter."
        yield Complaint("attributes", node.lineno, f"{_holdings(spec)} {advice}")


def _holdings(spec: Spec) -> str:
    has = [f"self.{name}" for name in sorted(spec.state)]
    has += [f"self.{name}(...)" for name in sorted(spec.methods - {spec.name})]
    return f"self has only: {', '.join(has[:20])}." if has else "self has no attributes."


def _outside_classes(tree: ast.Module) -> Iterator[ast.AST]:
    """All nodes but those of classes, in whose methods self is another."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.ClassDef)]


def _asked_for(nodes: list[ast.AST]) -> set[str]:
    """Names that the code asks for before it uses them, by hasattr, getattr or setattr with a constant."""
    calls = [n for n in nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and len(n.args) > 1]
    asked = [c.args[1] for c in calls if ast.unparse(c.func) in ("hasattr", "getattr", "setattr")]
    return {a.value for a in asked if isinstance(a, ast.Constant) and isinstance(a.value, str)}


def _binds_methods(tree: ast.Module, method: Function, spec: Spec) -> Iterator[Complaint]:
    found = facts(tree, spec.name)
    taken = found.binds & (spec.methods | RESERVED | {spec.name} | (found.calls - spec.state))
    for name in sorted(taken):
        lines = [n.lineno for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr == name]
        message = f"self.{name} is a method: do not assign to it. Use a local variable."
        yield Complaint("methods", min(lines, default=method.lineno), message)


def _undefined(tree: ast.Module, method: Function, spec: Spec) -> Iterator[Complaint]:
    for node in undefined(tree):
        yield Complaint("names", node.lineno, f"The name {node.id} is not defined. {_remedy(node.id, spec)}")
    without_self = (n for n in ast.walk(tree) if isinstance(n, ast.Call) and _calls_plainly(n, spec.name))
    for call in without_self:
        yield Complaint("names", call.lineno, f"{spec.name} is a method: call it as self.{spec.name}(...).")


def _remedy(name: str, spec: Spec) -> str:
    if name in spec.state:
        return f"Write self.{name}."
    if name in spec.methods:
        return f"Write self.{name}(...)."
    if name in sys.stdlib_module_names:
        return f"Add `import {name}` at the top."
    return "Import it at the top, define it in the method, or make it a parameter."


def _calls_plainly(call: ast.Call, name: str) -> bool:
    plain = isinstance(call.func, ast.Name) and call.func.id == name
    return plain and not (call.args and isinstance(call.args[0], ast.Name) and call.args[0].id == "self")


def _baked(tree: ast.Module, method: Function, spec: Spec) -> Iterator[Complaint]:
    """Answers for this call alone: a parameter that it passes is never read, or is overwritten before it is."""
    body = [node for statement in method.body for node in ast.walk(statement)]
    loads = [node for node in body if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
    for name, value in _passed(method, spec).items():
        overwritten = _overwritten(method, name)
        lines = [n.lineno for n in body if isinstance(n, ast.Constant) and _telling(value) and n.value == value]
        if any(load.id == name and load.lineno <= overwritten for load in loads):
            continue
        if overwritten < _NEVER:
            message = f"The code gives {name} a value of its own. Use the {name} that the caller passes."
        elif lines:
            message = (
                f"The code writes {value!r} in as a constant. Use the parameter {name} instead: other calls differ."
            )
        else:
            message = f"The code ignores its parameter {name}. Use {name}: other calls pass other values."
        yield Complaint("baked", min(lines, default=min(overwritten, method.lineno)), message)


def _baked_paths(tree: ast.Module, method: Function, spec: Spec) -> Iterator[Complaint]:
    """A path of this agent's state written in as a constant: another agent of the identity has another one."""
    constants = {n.value: n for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    for where, path in spec.paths.items():
        if path in constants:
            message = f"The code writes {path!r} in as a constant. Use {where} instead: other objects have other files."
            yield Complaint("baked", constants[path].lineno, message)


_NEVER = sys.maxsize


def _overwritten(method: Function, name: str) -> int:
    """The line where the body, whatever happens, gives the parameter a value that does not come from it."""
    for node in method.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
            from_itself = any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(node.value))
            return _NEVER if from_itself else node.lineno
    return _NEVER


def _telling(value: object) -> bool:
    """Whether finding this very constant in the code can hardly be chance."""
    if isinstance(value, str):
        return len(value) > 2
    return isinstance(value, int | float) and not isinstance(value, bool) and value not in (0, 1, 2, 10, 100)


def _first_line(node: ast.stmt) -> str:
    return ast.unparse(node).split("\n")[0][:60]
