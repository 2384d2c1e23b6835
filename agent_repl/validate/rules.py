"""The rules that code must keep, in order, each with words for the model that broke it."""

from __future__ import annotations

import ast
import copy
import inspect
import re
import sys
from collections.abc import Iterator

from agent_repl_code.extract import Draft, functions, undefined
from agent_repl_code.flow import facts
from agent_repl_code.unit import RESERVED, Definition, Function, bindings, method_of, parameters

from ..records import Spec

Complaints = Iterator[tuple[int, str]]
_READERS = ("_rows", "_records", "_lines")  # of the helpers that read files: a second one has a number


def complaints(draft: Draft, spec: Spec) -> Iterator[tuple[str, int, str]]:
    """What breaks a rule: its name, the line and what to write instead, the first that matters first.

    A rule has the name of its function; a later one counts on the earlier ones being kept.
    """
    tree, method = draft.tree, method_of(draft.tree, spec.name)
    if draft.rule:
        line = draft.line if draft.rule in ("cut", "parse") else 0
        answer = f" Answer with one fenced block of Python that defines `def {spec.name}(self, ...)`."
        yield draft.rule, line, draft.error + ("" if line else answer)
    elif method is None:
        other = next(iter(functions(tree)), None)
        instead = f" The code defines {other.name}: rename it." if other else ""
        message = f"There is no method {spec.name}.{instead} Write `def {spec.name}(self, ...)`."
        yield "name", other.lineno if other else 0, message
    else:
        for rule in (_name, _module_level, _self, _stub, _binds, _attributes, _methods, _names, _paths, _baked):
            broken = rule(tree, method, spec)
            yield from ((rule.__name__[1:].replace("_", "-"), line, message) for line, message in broken)


def _name(tree: ast.Module, method: Function, spec: Spec) -> Complaints:
    for node in tree.body:
        if isinstance(node, Definition) and not node.name.startswith("_") and node is not method:
            twice = f"{spec.name} is defined twice. Define it once."
            other = f"Define only {spec.name}. Name the helper _{node.name}, or leave it out."
            yield node.lineno, twice if node.name == spec.name else other


def _module_level(tree: ast.Module, method: Function, spec: Spec) -> Complaints:
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
        case ast.Expr(value=value):
            return isinstance(value, ast.Constant)
    return isinstance(node, Definition | ast.Import | ast.ImportFrom)


_PLAIN = ast.Constant | ast.Name | ast.Attribute | ast.List | ast.Tuple | ast.Set | ast.Dict | ast.UnaryOp | ast.BinOp
_PARTS = ast.expr_context | ast.unaryop | ast.Add | ast.Sub | ast.BitOr | ast.keyword
_MAKERS = ("re.compile", "frozenset", "set", "dict", "tuple", "Decimal", "decimal.Decimal", "timedelta")


def _is_plain(node: ast.AST) -> bool:
    return isinstance(node, _PLAIN | _PARTS) or (isinstance(node, ast.Call) and ast.unparse(node.func) in _MAKERS)


_MARKS = frozenset({"property", "staticmethod", "classmethod"})


def _readers(spec: Spec) -> list[str]:
    return [name for name in spec.helpers if name.startswith(_READERS)]


def _paths(tree: ast.Module, method: Function, spec: Spec) -> Complaints:
    """The name of a file is not what is in it."""
    ways = " or ".join([f"{name}(...)" for name in _readers(spec)] or ["open(...)"])
    for node in ast.walk(method):
        read, args = [node.iter] if isinstance(node, ast.For | ast.comprehension) else [], list[ast.expr]()
        match node:
            case ast.Call(func=ast.Attribute(value=of, attr="split" | "splitlines")):
                read = [of]
            case ast.Call(func=ast.Attribute(value=ast.Name(id="re")), args=args):
                read = args
        for of in read:
            if isinstance(of, ast.Call) and of in args and ast.unparse(of.func).startswith(_READERS):
                yield of.lineno, f"{ast.unparse(of)} is a list, and `re` searches a text: take its items one by one."
            if ast.unparse(of) in spec.paths:
                yield of.lineno, f"{ast.unparse(of)} is the name of a file, not what is in it: read it with {ways}."


def _self(tree: ast.Module, method: Function, spec: Spec) -> Complaints:
    positional = [a.arg for a in (*method.args.posonlyargs, *method.args.args)]
    if _MARKS & set(map(ast.unparse, method.decorator_list)) != _MARKS & {spec.kind}:
        plain = f"{spec.name} is a plain method: write it without decorators."
        marked = f"{spec.name} is a {spec.kind}: write `@{spec.kind}` on the line above its def."
        yield method.lineno, marked if spec.kind in _MARKS else plain
    if spec.kind == "async" and isinstance(method, ast.FunctionDef):
        yield method.lineno, f"{spec.name} is awaited. Write `async def {spec.name}(...)`."
    if spec.kind == "property" and len(positional) > 1:
        yield method.lineno, f"A property has no parameters. Write `def {spec.name}(self)`."
    first = {"classmethod": ["cls"], "staticmethod": []}.get(spec.kind, ["self"])
    if positional[:1] != first and (first or positional[:1] in (["self"], ["cls"])):
        names = ", ".join([*first, *(p for p in positional if p not in ("self", "cls"))])
        wanted = first[0] if first else "no self"
        yield method.lineno, f"The first parameter must be {wanted}. Write `def {spec.name}({names})`."


def _stub(tree: ast.Module, method: Function, spec: Spec) -> Complaints:
    if all(_does_nothing(node) for node in method.body):
        yield method.lineno, f"{spec.name} does nothing. Write its whole body, without placeholders."
    given = {each.arg for each in parameters(method.args)[spec.kind != "staticmethod" :]}
    if spec.kind and given and not given & {node.id for node in ast.walk(method) if isinstance(node, ast.Name)}:
        yield method.lineno, f"The code ignores its parameters ({', '.join(sorted(given))}). Use them: calls differ."


def _does_nothing(node: ast.stmt) -> bool:
    return isinstance(node, ast.Pass | ast.Raise) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


def _binds(tree: ast.Module, method: Function, spec: Spec) -> Complaints:
    try:
        passed(method, spec)
    except TypeError as error:
        kinds = [type(v).__name__ for v in spec.args] + [f"{k}={type(v).__name__}" for k, v in spec.kwargs.items()]
        called, head = f"{spec.name}({', '.join(kinds)})", f"`def {spec.name}({ast.unparse(method.args)})`"
        yield method.lineno, f"It is called as {called}, and {head} does not take that: {error}. Change the parameters."


def passed(method: Function, spec: Spec) -> dict[str, object]:
    """What this call passes, by parameter; raises TypeError when it does not bind."""
    if spec.kind:
        return {}  # nobody has called it yet
    args = copy.copy(method.args)  # read by Python from an empty lambda without their defaults, so that nothing runs
    args.defaults = [ast.Constant(None) for _ in args.defaults]
    args.kw_defaults = [default and ast.Constant(None) for default in args.kw_defaults]
    empty = ast.fix_missing_locations(ast.Expression(ast.Lambda(args, ast.Constant(None))))
    signature = inspect.signature(eval(compile(empty, "<signature>", "eval"), {}))
    bind = signature.bind if spec.made else signature.bind_partial
    return dict(list(bind(None, *spec.args, **spec.kwargs).arguments.items())[1:])


_GROWING = ("append", "extend", "add", "update", "setdefault", "insert")
_ASKING = ("hasattr", "getattr", "setattr")


def _attributes(tree: ast.Module, method: Function, spec: Spec) -> Complaints:
    in_classes = {inner for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for inner in ast.walk(node)}
    nodes = [node for node in ast.walk(tree) if node not in in_classes]  # in whose methods self is another
    called = {node.func: node for node in nodes if isinstance(node, ast.Call)}
    asked = [a for func, call in called.items() if getattr(func, "id", "") in _ASKING for a in call.args[1:2]]
    grown = {node.target for node in nodes if isinstance(node, ast.AugAssign)}
    mine = [n for n in nodes if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.value.id == "self"]
    made = {n.attr for n in mine if isinstance(n.ctx, ast.Store) and n not in grown}
    grows = {n.value.attr for n in nodes if isinstance(n, ast.Attribute) and n.attr in _GROWING and n.value in mine}
    has = spec.state | spec.methods | made | {spec.name, "llm", "__class__", "__dict__", *_constants(*asked)}
    for node in sorted(mine, key=lambda n: (n.lineno, n.col_offset)):
        name = node.attr
        if {name, "*"} & has or (node in called and not name.startswith("_") and not spec.kind):
            continue
        how = "open the file in the method" if spec.files else "use a local variable or a parameter"
        how = f"call {ways[0]} to read the file" if (ways := _readers(spec)) else how
        advice = f"There is no self.{name}: {how}."
        if node in called:
            advice = f"Write {name} as a function above the method, and call {name}(...) without self."
        elif name in grows:
            advice = f"There is no self.{name} yet: the first line of the method is self.{name} = ..."
        yield node.lineno, f"{_holdings(spec)} {advice}"


def _holdings(spec: Spec) -> str:
    has = [f"self.{name}" for name in sorted(spec.state)]
    has += [f"self.{name}(...)" for name in sorted(spec.methods - {spec.name})]
    return f"self has only: {', '.join(has[:20])}." if has else "self has no attributes."


def _methods(tree: ast.Module, method: Function, spec: Spec) -> Complaints:
    found = facts(tree, spec.name)
    for name in sorted(found.binds & (spec.methods | RESERVED | {spec.name} | (found.calls - spec.state))):
        at = [n.lineno for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr == name]
        yield min(at, default=method.lineno), f"self.{name} is a method: do not assign to it. Use a local variable."


def _names(tree: ast.Module, method: Function, spec: Spec) -> Complaints:
    for name, at in [(node.id, node.lineno) for node in undefined(tree)]:
        remedy = "Import it at the top, define it in the method, or make it a parameter."
        if name in spec.state | spec.methods:
            remedy = f"Write self.{name}{'' if name in spec.state else '(...)'}."
        elif name in sys.stdlib_module_names:
            remedy = f"Add `import {name}` at the top."
        yield at, f"The name {name} is not defined. {remedy}"
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and re.match(rf"{spec.name}\((?!self[,)])", ast.unparse(call)):
            yield call.lineno, f"{spec.name} is a method: call it as self.{spec.name}(...)."
    beside = set(bindings(tree)) - {argument.arg for argument in ast.walk(method) if isinstance(argument, ast.arg)}
    for line in [node for node in ast.walk(method) if isinstance(node, ast.Assign)]:
        read = {node.id for node in ast.walk(line.value) if isinstance(node, ast.Name)}
        for name in sorted(read & beside & set(map(ast.unparse, line.targets))):  # local: it has no value there
            hides = f"`{name} = ...` hides the {name} that stands beside the method"
            yield line.lineno, f"{hides}: call the variable _{name}."


def _baked(tree: ast.Module, method: Function, spec: Spec) -> Complaints:
    """Answers for this call alone: what it passes is never read, is overwritten before it is, or is written in."""
    nodes = [node for statement in method.body for node in ast.walk(statement)]
    loads = [node for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
    assigned = [node for node in method.body if isinstance(node, ast.Assign)]
    for name, value in passed(method, spec).items():
        # The last line of a statement that, whatever happens, gives the parameter another value.
        overwritten = next((n.end_lineno for n in assigned if name in map(ast.unparse, n.targets)), 0)
        read = any(load.id == name and load.lineno <= (overwritten or load.lineno) for load in loads)
        same = [n.lineno for n in nodes if isinstance(n, ast.Constant) and _telling(value) and n.value == value]
        lines = _answered(nodes, name, value) if read else same
        if overwritten and not read:
            message = f"The code gives {name} a value of its own. Use the {name} that the caller passes."
        elif lines:
            message = (
                f"The code writes {value!r} in as a constant. Use the parameter {name} instead: other calls differ."
            )
        elif not read:
            message = f"The code ignores its parameter {name}. Use {name}: other calls pass other values."
        else:
            continue
        yield min(lines, default=method.lineno), message
    constants = {n.value: n.lineno for n in ast.walk(tree) if isinstance(n, ast.Constant)}
    for where, path in spec.paths.items():  # another agent of the identity has another file
        if path in constants:
            message = f"The code writes {path!r} in as a constant. Use {where} instead: other objects have other files."
            yield constants[path], message


def _telling(value: object) -> bool:
    """Whether finding this very constant in the code can hardly be chance."""
    kind = type(value)  # of no other kind is anything asked: it could be made to answer
    if kind is str:
        return len(str(value)) > 2
    return (kind is int or kind is float) and value not in (0, 1, 2, 10, 100)


def _answered(nodes: list[ast.AST], name: str, value: object) -> list[int]:
    """Lines where an answer of constants alone holds the passed number, or is given for this number and no other.

    A number that is a bound (`n > 12`), stands for None or is one of several in a choice is the method's own.
    """
    compared = {n: {*_constants(n.left, *n.comparators)} for n in nodes if isinstance(n, ast.Compare)}
    bounds = {each for n, constants in compared.items() if not isinstance(n.ops[0], ast.Eq) for each in constants}
    if not (type(value) is int or type(value) is float) or bounds & {value, None}:
        return []
    answers: list[ast.AST | None] = [n.value for n in nodes if isinstance(n, ast.Return)]
    for answer in answers:
        answers += [answer.body, answer.orelse] if isinstance(answer, ast.IfExp) else []
    found = [answer for answer in answers if answer and value in _numbers(answer)]
    equal = {
        n: each for n, each in compared.items() if each - bounds and name in map(ast.unparse, (n.left, *n.comparators))
    }
    if value not in (0, 1, 2) and all(constants == {value} for constants in equal.values()):
        tests = [n for n in nodes if isinstance(n, ast.If | ast.IfExp) and equal.keys() & {*ast.walk(n.test)}]
        found += [n for n in tests if _numbers(n.body if isinstance(n, ast.IfExp) else n.body[0])]
    return [getattr(node, "lineno", 0) for node in found]


def _constants(*nodes: ast.AST) -> list[object]:
    return [node.value for node in nodes if isinstance(node, ast.Constant)]


def _numbers(answer: ast.AST) -> set[object]:
    """The telling numbers of an answer that is made of constants alone."""
    nodes = [*ast.walk(answer)]
    found = {each for each in _constants(*nodes) if _telling(each) and not isinstance(each, str)}
    return set() if any(isinstance(n, ast.Name) for n in nodes) else found
