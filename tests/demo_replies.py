"""The scripted replies of the demos are those of their notebooks, by the method that each defines."""

import ast
import re
from pathlib import Path

import nbformat

NOTEBOOKS = {
    "file": "file_questions",
    "database": "inactive_users",
    "calculator": "calculator",
    "assistant": "assistant",
}
FOLDER = Path(__file__).parents[1] / "notebooks"


def replies(demo: str) -> dict[str, list[str]]:
    """The replies for each method, in turn; those that are no code, as what a player asks for, under ""."""
    cells = nbformat.read(FOLDER / f"{NOTEBOOKS[demo]}.ipynb", as_version=4).cells
    listed = next(cell.source for cell in cells if cell.source.startswith("REPLIES = "))
    found: dict[str, list[str]] = {}
    for reply in ast.literal_eval(listed.removeprefix("REPLIES = ")):
        method = re.search(r"^def (\w+)\(self", reply, re.M)
        found.setdefault(method[1] if method else "", []).append(reply)
    return found
