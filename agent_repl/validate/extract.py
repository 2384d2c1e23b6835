"""Which part of a reply is the code: fenced blocks, bare code, or code between prose, told apart by syntax tree."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass, field

from ..effects import parse
from ..unit import Function

# A fence inside a docstring is indented more than the one that ends the block; a reply may stop before the end.
_BLOCK = re.compile(
    r"^([ \t]*)(`{3,}|~{3,})[ \t]*([\w+#-]*)[^\n]*\n?(.*?)(?:^(?:\1| {0,3})\2[`~]*[ \t]*$|(\Z))", re.M | re.S
)
_STARTS = re.compile(r"(from\s+[\w.]+\s+import\s|import\s+\w|async\s+def\s|def\s+\w+\s*\(|class\s+\w+\s*[:(]|@\w)")
_FOREIGN = re.compile(r"(?m)^\s*(function\s+\w+\s*\(|(const|let|var)\s+\w+\s*=|public\s+\w+|#include|end$|.*[{;]\s*$)")
_PYTHON = frozenset({"", "py", "python", "python3", "ipython", "text", "code"})


@dataclass(frozen=True)
class Draft:
    """A candidate: its text and its tree, which is empty where it breaks a rule of reading, with Python's words."""

    source: str
    tree: ast.Module = field(default_factory=lambda: ast.Module([], []))
    rule: str = ""
    error: str = ""
    line: int = 0


def extract(text: str, name: str) -> Draft:
    """The part of a reply that defines `name`, or the next best thing; its source is "" when there is no code."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    whole = read(text)
    if _rank(whole, name) == _DEFINES:
        return whole
    said = _without_thoughts(text)
    drafts = _fenced(said) or [read(_unfenced(said))]
    best = max(reversed(drafts), key=lambda draft: _rank(draft, name))
    return best if best.source.strip() else Draft("", rule="prose" if said.strip() else "empty")


def read(source: str, language: str = "", cut: bool = False) -> Draft:
    """A draft of this source, dedented; the rule is "language", "cut" or "parse" where it cannot be compiled."""
    problems = []
    # Last come a method that is indented as in a class below imports that are not, and tabs among blanks.
    for way in (_dedented(source), re.sub(r"(?m)^ {4}", "", source), _dedented(source.expandtabs(4))):
        try:
            return Draft(way, _compiled(way))
        except SyntaxError as error:
            problems.append(error)
    plain, line, text = _dedented(source), problems[0].lineno or 1, (problems[0].text or "").strip()
    foreign = language not in _PYTHON or _FOREIGN.search(plain)
    rule = "language" if foreign else "cut" if cut else "parse"
    return Draft(plain, rule=rule, error=f"line {line}: {problems[0].msg}" + (f": `{text}`" if text else ""), line=line)


def functions(tree: ast.Module) -> list[Function]:
    """Those that a module defines, then those of its classes."""
    inner = [child for node in tree.body if isinstance(node, ast.ClassDef) for child in node.body]
    return [node for node in [*tree.body, *inner] if isinstance(node, Function)]


_DEFINES, _TRIES, _HAS_DEF, _CODE, _NOTHING = 4, 3, 2, 1, 0


def _rank(draft: Draft, name: str) -> int:
    if draft.rule:
        return _TRIES if re.search(rf"def\s+{re.escape(name)}\b", draft.source) else _CODE
    defined = [node.name for node in functions(draft.tree)]
    return _DEFINES if name in defined else _HAS_DEF if defined else _CODE if draft.tree.body else _NOTHING


def _without_thoughts(text: str) -> str:
    text = re.sub(r"<think>.*?</think>", "", text, flags=re.S)
    return re.sub(r"<think>.*", "", text.rpartition("</think>")[2], flags=re.S)


def _fenced(text: str) -> list[Draft]:
    return [read(block[4], block[3].lower(), cut=block[5] is not None) for block in _BLOCK.finditer(text)]


def _unfenced(text: str) -> str:
    lines = text.split("\n")
    first = next((i for i, line in enumerate(lines) if _STARTS.match(line.strip())), None)
    if first is None:
        return text if _FOREIGN.search(text) else ""
    lines = lines[first:]
    for _ in range(5):
        draft = read("\n".join(lines))
        above = range(1, min(draft.line, len(lines)))
        prose = [i for i in above if lines[i][:1].strip() and not _STARTS.match(lines[i])]
        if not draft.rule or not prose:
            break
        lines = lines[: prose[-1]]
    return "\n".join(lines)


def _compiled(source: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape in a text is the model's business, not the person's screen
            tree = parse(source)
            compile(tree, "<reply>", "exec", dont_inherit=True)
            return tree
    except (RecursionError, MemoryError, ValueError) as error:
        raise SyntaxError(str(error)) from error


def _dedented(source: str) -> str:
    margin = re.search(r"(?m)^([^\S\n]*)\S", source)
    return re.sub(rf"(?m)^{re.escape(margin[1])}", "", source) if margin else source
