"""The tower stands: modules import only from lower floors, and nothing opens a back door upwards.

The floors are read from the table in CONTRIBUTING.md, so what people read is what is held up.

What is covered, from the syntax trees of all files: every import, wherever it stands (lazy and type-only ones too);
cycles inside a package; modules of ours that are fetched by name (`import_module`, `__import__`, `resolve_name`,
`run_module`, `sys.modules`); and, at import time, whatever gives a lower module something of this module's: an
assignment to its attributes or items, a call whose result is thrown away, what registers by its name (decorators too).

Only the package's own `__init__`, which is the top, may fetch by name: it serves its public names late.

What is not covered: code in strings, entry points, `__init_subclass__`, and callables that are handed down while the
program runs, which is what the composer is for.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "agent_repl"
LOCAL = ROOT / "agent_repl_local"
BELOW = (ROOT / "agent_repl_bounds", ROOT / "agent_repl_data", ROOT / "agent_repl_code")
UI, CLASSES, TRUST = ROOT / "agent_repl_ui", ROOT / "agent_repl_classes", ROOT / "agent_repl_trust"
DOCTOR, EMIT = ROOT / "agent_repl_doctor", ROOT / "agent_repl_emit"
GROWTH, RECURSION = ROOT / "agent_repl_growth", ROOT / "agent_repl_recursion"
WORKERS, LUA = ROOT / "agent_repl_workers", ROOT / "agent_repl_lua"
BESIDE = (UI, CLASSES, TRUST, DOCTOR, EMIT, GROWTH, RECURSION, WORKERS, LUA)
MOST_LINES = {PACKAGE: 8000, UI: 3000, CLASSES: 521, TRUST: 251, DOCTOR: 331, EMIT: 661, GROWTH: 200}
MOST_LINES |= {RECURSION: 901, WORKERS: 1141, LUA: 701}
SOCKETS = ("providers", "executors", "stores", "reviewers")
SLOTS = {("session", "agent", "default_session")}
"""The one door upwards: the package that fills it, the module whose it is, its name."""

FETCHERS = {"import_module", "__import__", "resolve_name", "run_module"}
REGISTRARS = re.compile(r"(un)?(register|subscribe|provide|install|hook|plug|add|set|on|slot|use)(_.*|er|s)?")


# ── what holds ──


def test_modules_import_only_from_lower_floors() -> None:
    assert faults(PACKAGE, floors()) == []


def test_what_stands_beside_is_imported_only_when_it_is_asked_for() -> None:
    for name, module in modules(PACKAGE).items():
        imported = {t.partition(".")[0] for t in outside([*at_import_time(module.tree.body)])}
        assert not imported & {"agent_repl_demos", LOCAL.name, *(each.name for each in BESIDE)}, name


def test_the_embedded_model_imports_only_what_any_other_package_may() -> None:
    statements = [node for module in modules(LOCAL).values() for node in ast.walk(module.tree)]
    used = {name for name in outside(statements) if name.partition(".")[0] == "agent_repl"}
    assert used == {"agent_repl.errors", "agent_repl.records", "agent_repl.providers.anthropic"}


@pytest.mark.parametrize("package", BELOW)
def test_what_stands_below_the_tower_imports_the_standard_library_and_what_is_below_it(package: Path) -> None:
    below = modules(package)
    assert faults(package, dict.fromkeys(below, 0)) == []
    imported = {t.partition(".")[0] for module in below.values() for t in outside([*ast.walk(module.tree)])}
    lower = {each.name for each in BELOW[: BELOW.index(package)]}
    assert imported <= sys.stdlib_module_names | lower


@pytest.mark.parametrize("package", BESIDE)
def test_what_stands_beside_has_no_cycles_and_takes_no_private_names_of_the_tower(package: Path) -> None:
    drawing = modules(package)
    assert [f"{fault}" for fault in faults(package, dict.fromkeys(drawing, 0)) if "a cycle" in fault] == []
    taken = [node for module in drawing.values() for node in ast.walk(module.tree) if isinstance(node, ast.ImportFrom)]
    ours = [node for node in taken if (node.module or "").partition(".")[0] == "agent_repl"]
    assert [alias.name for node in ours for alias in node.names if alias.name.startswith("_")] == []


@pytest.mark.parametrize("package", MOST_LINES)
def test_the_package_stays_small_enough_to_read(package: Path) -> None:
    files = package.rglob("*.py")
    assert sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files) < MOST_LINES[package]


def test_every_module_says_in_its_docstring_what_it_is() -> None:
    everything = [module for package in (PACKAGE, *BELOW, LOCAL, *BESIDE) for module in modules(package).values()]
    assert [module.name for module in everything if not ast.get_docstring(module.tree)] == []


def test_importing_us_imports_nothing_heavy() -> None:
    heavy = {"anthropic", "xllamacpp", "rich", "prompt_toolkit", "IPython", "pygments", "jinja2", "pandas", "numpy"}
    code = "import sys, agent_repl; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert heavy & set(done.stdout.split()) == set()


# ── what would be noticed: each fault is planted in a small package of the same form ──

SOUND = {
    "__init__": "from .cli import main",
    "errors": "class AgentError(Exception): ...",
    "protocols": "from .errors import AgentError",
    "signature.__init__": "from .kinds import kind\n__all__ = ['kind']",
    "signature.kinds": "from ..errors import AgentError\nfrom .files import sniff",
    "signature.files": "def sniff(): ...",
    "providers.__init__": "",
    "providers.local": "from ..protocols import AgentError\nfrom .model_file import installed",
    "providers.scripted": "",
    "providers.model_file": "def installed(): ...",
    "agent": "default_session = None\nclass Agent: ...\ndef fill(f): ...",
    "session": "from .agent import Agent\nimport importlib\npandas = importlib.import_module('pandas')",
    "demo": "from .session import Agent",
    "cli": "from .demo import Agent\ndef main(): ...",
    "__main__": "from .cli import main",
}

PLANTED = {
    "errors: from .agent import Agent": "errors (floor 0) imports",
    "errors: from .protocols import X": "errors (floor 0) imports protocols (floor 1)",
    "protocols: from .signature import kind": "protocols (floor 1) imports signature (floor 1)",
    "errors: def f():\n    from .agent import Agent": "errors (floor 0) imports",
    "errors: from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .agent import Agent": "errors (floor 0)",
    "agent: from . import Agent": "agent imports the package itself",
    "agent: from .errors import *": "agent imports * from errors",
    "agent: import fake.errors": "agent: write `from .errors import name`",
    "agent: from fake.errors import AgentError": "agent: write `from .errors import name`",
    "providers.local: from .. import agent": "providers.local (floor 2) imports agent (floor 6)",
    "providers.local: from .scripted import X": "providers.local imports providers.scripted: implementations",
    "providers.local: from . import scripted": "providers.local imports providers.scripted: implementations",
    "providers.model_file: from .local import X": "providers.model_file imports providers.local: implementations",
    "signature.files: from .kinds import kind": "a cycle: signature.files → signature.kinds → signature.files",
    "signature.files: from . import kind": "a cycle: signature → signature.kinds → signature.files → signature",
    "demo: from .cli import main": "a cycle: cli → demo → cli",
    "session: from .nowhere import X": "session imports nowhere, which does not exist",
    "extra: x = 1": "extra has no floor: give it one in CONTRIBUTING.md",
    "agent: import importlib\nimportlib.import_module('fake.session')": "agent fetches a module of ours by name",
    "agent: import importlib\nimportlib.import_module('.session', __package__)": "agent fetches a module",
    "agent: def f(name):\n    return __import__(name)": "agent fetches a module of ours by name",
    "agent: import sys\ndef f():\n    return sys.modules['fake.session']": "agent fetches a module of ours by name",
    "agent: import sys\nx = sys.modules.get('fake.session')": "agent fetches a module of ours by name",
    "session: from .signature import register\nregister(lambda: 1)": "session hands register of signature",
    "session: from .agent import fill\ndef f(): ...\nfill(f)": "session hands fill of agent",
    "session: from .agent import Agent\ndef f(): ...\nAgent.f = f": "session hands Agent of agent",
    "session: from .agent import TABLE\nTABLE['x'] = print": "session hands TABLE of agent",
    "session: from .agent import TABLE\nTABLE.append(len)": "session hands TABLE of agent",
    "session: from .agent import TABLE\nTABLE |= {}": "session hands TABLE of agent",
    "session: from .agent import fill\ntry:\n    fill(len)\nfinally: ...": "session hands fill of agent",
    "session: from . import agent as a\na.Agent = print": "session hands Agent of agent",
    "cli: from . import agent\nagent.default_session = print": "cli hands default_session of agent",
    "session: from .agent import Agent\nsetattr(Agent, 'f', len)": "session hands Agent of agent",
    "session: from .signature import register\n@register\ndef f(): ...": "session hands register of signature",
    "session: from .signature import register\nx = register(len)": "session hands register of signature",
    "cli: from .agent import default_session\ndefault_session.fill(len)": "cli hands default_session of agent",
}

ALLOWED = [
    "__init__: from importlib import import_module\ndef __getattr__(name):\n    import_module(name)",
    "session: from . import agent\nagent.default_session = print",
    "session: from .agent import default_session\ndefault_session.fill(len)",
    "session: from .agent import fill\ndef open_it():\n    fill(len)",
    "session: from .signature import kind\nTABLE = {'x': kind}",
    "session: from .signature import kind\nKIND = kind(len)",
    "session: from .signature import cached\n@cached\ndef f(): ...",
    "providers.local: from ..signature.files import sniff",
    "agent: import sys\nx = sys.modules.get('pandas')",
]


def test_a_sound_tower_is_not_complained_about(tmp_path: Path) -> None:
    assert faults(planted(tmp_path), FLOORS) == []


@pytest.mark.parametrize("plant", PLANTED)
def test_a_planted_fault_is_named(plant: str, tmp_path: Path) -> None:
    found = faults(planted(tmp_path, plant), FLOORS)
    assert [fault for fault in found if PLANTED[plant] in fault], found


@pytest.mark.parametrize("plant", ALLOWED)
def test_what_only_looks_like_a_fault_is_left_alone(plant: str, tmp_path: Path) -> None:
    assert faults(planted(tmp_path, plant), FLOORS) == []


def test_the_floors_are_those_of_the_table() -> None:
    assert floors()["errors"] == 0
    assert floors()["providers"] == 2
    assert floors()["stores.rows"] == 2
    assert floors()["cli"] == max(floors().values())


def planted(directory: Path, plant: str = "") -> Path:
    """The small package, with lines added to one of its modules: "module: lines"."""
    name, _, lines = plant.partition(": ")
    for module, source in {name: "", **SOUND}.items() if plant else SOUND.items():
        file = directory / "fake" / (module.replace(".", "/") + ".py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source + "\n" + (lines if module == name else "") + "\n", encoding="utf-8")
    return directory / "fake"


# ── the checker ──


@dataclass(frozen=True)
class Module:
    """One file: its name below the package ("" for the package itself), the package that holds it, its syntax tree."""

    name: str
    holder: str
    tree: ast.Module


@dataclass(frozen=True)
class Import:
    """One `from target import name`, in the words of the importing file; `target` is a module of ours."""

    target: str
    names: tuple[str, ...]


def floors(text: str | None = None) -> dict[str, int]:
    """The floor of each module, package ("providers") and shared part ("providers.model_file") in the table."""
    text = text or (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| *(\d+) *\| *([^|]+)\|", text, re.M)
    return {
        name.strip("/").replace("/", "."): int(floor)
        for floor, names in rows
        for name in re.findall(r"`([^`]+)`", names)
    }


def faults(package: Path, floors: dict[str, int]) -> list[str]:
    """Every way in which this package's modules reach upwards, in words."""
    all_modules = modules(package)
    checker = Tower(package.name, all_modules, floors)
    found = [fault for module in all_modules.values() for fault in checker.faults(module)]
    return found + [f"a cycle: {' → '.join(cycle)}" for cycle in checker.cycles()]


def modules(package: Path) -> dict[str, Module]:
    found = {}
    for file in sorted(package.rglob("*.py")):
        parts = file.relative_to(package).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = Module(name, ".".join(parts[:-1]), ast.parse(file.read_text(encoding="utf-8")))
    return found


@dataclass(frozen=True)
class Tower:
    """The rules, for one package."""

    package: str
    modules: dict[str, Module]
    floors: dict[str, int]

    def faults(self, module: Module) -> Iterator[str]:
        if module.name and self.floor(module.name) is None:
            yield f"{module.name} has no floor: give it one in CONTRIBUTING.md"
        for node in ast.walk(module.tree):
            yield from self.spelling(module, node)
            if module.name and self.fetches(node):
                yield f"{module.name} fetches a module of ours by name, line {node.lineno}: import it"
        for target in self.targets(module):
            yield from self.direction(module.name, target)
        yield from self.handed_up(module)

    def floor(self, name: str) -> int | None:
        """Of the module, else of its package; the package itself stands above all."""
        if not name:
            return 1 + max(self.floors.values())
        return self.floors.get(name, self.floors.get(name.partition(".")[0]))

    def spelling(self, module: Module, node: ast.AST) -> Iterator[str]:
        """Inside the package it is always `from .module import name`."""
        absolute = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        absolute += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in absolute:
            if name.partition(".")[0] == self.package:
                yield f"{module.name}: write `from .{name.partition('.')[2]} import name`"
        if isinstance(node, ast.ImportFrom) and node.level and node.names[0].name == "*":
            yield f"{module.name} imports * from {node.module}"

    def imports(self, module: Module) -> Iterator[Import]:
        for node in ast.walk(module.tree):
            names = tuple(alias.name for alias in getattr(node, "names", []) if isinstance(alias, ast.alias))
            if isinstance(node, ast.ImportFrom) and node.level:
                yield Import(self.resolve(module.holder, node.level, node.module), names)
            elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == self.package:
                yield Import((node.module or "").partition(".")[2], names)
            elif isinstance(node, ast.Import):
                own = [name for name in names if name.partition(".")[0] == self.package]
                yield from (Import(name.partition(".")[2], ()) for name in own)

    @staticmethod
    def resolve(holder: str, level: int, module: str | None) -> str:
        parts = holder.split(".") if holder else []
        return ".".join([*parts[: len(parts) - level + 1], *([module] if module else [])])

    def targets(self, module: Module) -> Iterator[str]:
        """The modules that this one imports: a name that is itself a module counts as that module."""
        for found in self.imports(module):
            inner = {name: f"{found.target}.{name}".strip(".") for name in found.names}
            submodules = [target for target in inner.values() if target in self.modules]
            yield from submodules
            if len(submodules) < len(found.names) or not found.names:
                yield found.target

    def direction(self, name: str, target: str) -> Iterator[str]:
        if target not in self.modules:
            yield f"{name} imports {target}, which does not exist"
        elif not target:
            yield f"{name} imports the package itself, which stands on top of it"
        elif self.clash(name, target):
            yield f"{name} imports {target}: implementations never do that to each other"
        elif not self.neighbours(name, target) and (self.floor(name) or 0) <= (self.floor(target) or 0):
            yield f"{name} (floor {self.floor(name)}) imports {target} (floor {self.floor(target)})"

    def clash(self, name: str, target: str) -> bool:
        """Whether both belong to one socket, and the imported one is no part that the table calls shared."""
        package, _, part = target.partition(".")
        return package in SOCKETS and part != "" and name.partition(".")[0] == package and target not in self.floors

    def neighbours(self, name: str, target: str) -> bool:
        """Modules of one package, and those under the roof, may import each other, if there is no cycle."""
        roof = max(self.floors.values())
        same_package = name.partition(".")[0] == target.partition(".")[0]
        return same_package or self.floor(name) == self.floor(target) == roof

    def cycles(self) -> list[list[str]]:
        """Each cycle once, starting from its first module by name."""
        graph = {name: sorted(set(self.targets(module))) for name, module in self.modules.items()}
        return [path for start in sorted(graph) for path in paths(graph, start, [start])]

    def fetches(self, node: ast.AST) -> bool:
        """Whether this looks up a module by a name that is ours, or that cannot be known."""
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "sys.modules":
            return self.ours(node.slice, unknown=False)
        if not isinstance(node, ast.Call) or not node.args:
            return False
        called = ast.unparse(node.func)
        if called in ("sys.modules.get", "sys.modules.setdefault", "sys.modules.pop"):
            return self.ours(node.args[0], unknown=False)
        return called.rpartition(".")[2] in FETCHERS and self.ours(node.args[0], unknown=True)

    def ours(self, node: ast.AST, unknown: bool) -> bool:
        if not isinstance(node, ast.Constant):
            return unknown
        return re.match(rf"\.|{self.package}\b", str(node.value)) is not None

    def handed_up(self, module: Module) -> Iterator[str]:
        """What the module gives, while it is imported, to a lower one."""
        owners = self.owners(module)
        for statement in at_import_time(module.tree.body):
            for chain in receivers(statement):
                owner, name = self.owner(owners, chain)
                if owner and (module.name.partition(".")[0], owner, name) not in SLOTS:
                    yield f"{module.name} hands {name} of {owner} something upwards, line {statement.lineno}"

    def owners(self, module: Module) -> dict[str, str]:
        """Where the names come from that this file imports from our other packages, by local name."""
        found = {}
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ImportFrom) and node.level:
                target = self.resolve(module.holder, node.level, node.module)
                found.update({alias.asname or alias.name: f"{target}.{alias.name}".strip(".") for alias in node.names})
        own = module.name.partition(".")[0]
        return {name: target for name, target in found.items() if not own or target.partition(".")[0] != own}

    def owner(self, owners: dict[str, str], chain: str) -> tuple[str, str]:
        """The module of ours that `chain` ("agent.default_session") leads to, and the name in it; or nothing."""
        first, *rest = chain.split(".")
        path = owners.get(first, "")
        if path in self.modules and rest:
            return path, rest[0]
        return path.rpartition(".")[0], path.rpartition(".")[2]


def outside(statements: Sequence[ast.AST]) -> Iterator[str]:
    """The modules that are imported by their full names, among these statements."""
    for node in statements:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""


def paths(graph: dict[str, list[str]], start: str, path: list[str]) -> Iterator[list[str]]:
    for target in graph.get(path[-1], []):
        if target == start:
            yield [*path, start]
        elif target > start and target not in path:
            yield from paths(graph, start, [*path, target])


def at_import_time(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when a module is imported, also those inside `if`, `try`, `with` and loops."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for field in ("body", "orelse", "finalbody"):
            yield from at_import_time(getattr(statement, field, []))
        for handler in getattr(statement, "handlers", []):
            yield from at_import_time(handler.body)


def receivers(statement: ast.stmt) -> set[str]:
    """The dotted names that a statement may give something to."""
    match statement:
        case ast.Assign(targets=targets, value=value):
            return {chain(target) for target in targets if not isinstance(target, ast.Name)} | registrars([value])
        case ast.AnnAssign(target=target, value=value):
            return ({chain(target)} if not isinstance(target, ast.Name) else set()) | registrars([value])
        case ast.AugAssign(target=target):
            return {chain(target)}
        case ast.Expr(value=ast.Call(func=ast.Name(id="setattr"), args=[first, ast.Constant(value=name), *_])):
            return {f"{chain(first)}.{name}"}
        case ast.Expr(value=ast.Call(func=ast.Name(id="setattr"), args=[first, *_])):
            return {f"{chain(first)}.?"}
        case ast.Expr(value=ast.Call(func=function, args=arguments, keywords=keywords)) if arguments or keywords:
            return {chain(function)}
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return registrars(statement.decorator_list)
    return set()


def registrars(nodes: Sequence[ast.expr | None]) -> set[str]:
    """What, by its own name, keeps what it is given: `register(f)`, `table.add(f)`."""
    functions = [node.func if isinstance(node, ast.Call) else node for node in nodes if node is not None]
    chains = [node for node in functions if isinstance(node, ast.Name | ast.Attribute)]
    return {chain(node) for node in chains if REGISTRARS.fullmatch(ast.unparse(node).rpartition(".")[2])}


def chain(node: ast.AST) -> str:
    """`a.b.d` of `a.b[c].d`; "" where it begins with no name."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            return f"{chain(value)}.{name}"
        case ast.Subscript(value=value) | ast.Call(func=value):
            return chain(value)
    return ""


FLOORS = floors(
    """
| 0 | `errors` | x |
| 1 | `protocols`, `signature` | x |
| 2 | `providers/` | x |
| 2 | `providers/model_file` | x |
| 6 | `agent` | x |
| 8 | `session` | x |
| 10 | `demo`, `cli`, `__main__` | x |
"""
)
