"""Methods in Lua leave as a `.lua` file, what runs it, and a thin class in Python."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agent_repl.errors import ModuleError

_IMPORT = "from agent_repl_lua import lua\n"
_LOAD = """\
_HERE = Path(__file__)
_LUA = _HERE.with_name("{name}.lua").read_text(encoding="utf-8")
lua = run_path(str(_HERE.with_name("{name}_lua.py")), {{"lua54": lua54}})["lua"]
"""
_HEAD = """\
-- The methods of {name}.py. {mark}
-- From Lua alone: local methods = dofile("{name}.lua"); local it = setmetatable({{}}, {{__index = methods}})
local dict, list = dict or function(t) return t or {{}} end, list or function(t) return t or {{}} end
"""


def apart(text: str, name: str, form: Any) -> tuple[str, dict[str, str]]:
    """The text of a class file whose Lua stands in a file of its own, and the files beside it.

    A text without methods in Lua stays as it is. Raises ModuleError for a package: a wheel would leave the Lua out.
    """
    if _IMPORT not in text:
        return text, {}
    if form.package:
        raise ModuleError("methods in Lua are emitted as files, not as a package: leave package out")
    from agent_repl_emit.about import MARK

    found = list(_texts(ast.parse(text)))
    lines = text.encode().split(b"\n")
    for _, node in reversed(found):
        first, last = node.lineno - 1, (node.end_lineno or 0) - 1
        rest = lines[last][node.end_col_offset :]
        lines[first : last + 1] = [lines[first][: node.col_offset] + b"_LUA" + rest]
    code = (
        b"\n".join(lines)
        .decode()
        .replace(_IMPORT, "from pathlib import Path\nfrom runpy import run_path\n\nfrom lupa import lua54\n", 1)
    )
    body = ast.parse(code).body
    after = max(node.end_lineno or 0 for node in body if isinstance(node, ast.Import | ast.ImportFrom))
    rows = code.split("\n")
    code = "\n".join([*rows[:after], "", _LOAD.format(name=name).rstrip(), *rows[after:]])
    methods = ["do\n" + node.value.strip("\n") + "\nend\n" for _, node in found if isinstance(node.value, str)]
    names = ", ".join(f"{each} = {each}" for each, _ in found)
    lua = "\n".join([_HEAD.format(name=name, mark=MARK), *methods, f"return {{{names}}}\n"])
    return code, {f"{name}.lua": lua, f"{name}_lua.py": _runtime(MARK)}


def _texts(tree: ast.Module) -> Iterator[tuple[str, ast.Constant]]:
    """The Lua of each method, in order."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="lua"), args=[_, ast.Constant(value=str(name)), _, ast.Constant() as text]):
                yield name, text


def _runtime(mark: str) -> str:
    """What runs Lua, in one file."""
    here = Path(__file__)
    text = here.with_name("runtime.py").read_text(encoding="utf-8")
    prelude = here.with_name("prelude.lua").read_text(encoding="utf-8")
    line = next(line for line in text.split("\n") if line.startswith("PRELUDE = "))
    return f"# {mark}\n" + text.replace(line, f'PRELUDE = r"""{prelude}"""')
