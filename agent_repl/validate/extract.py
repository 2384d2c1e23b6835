"""Which part of a reply is the code: fenced blocks, bare code, or code between prose, told apart by syntax tree."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..effects import parse

Function = ast.FunctionDef | ast.AsyncFunctionDef
_FENCE = re.compile(r"\s*(`{3,}|~{3,})\s*([\w+#-]*)")
_STARTS = re.compile(r"(from\s+[\w.]+\s+import\s|import\s+\w|async\s+def\s|def\s+\w+\s*\(|class\s+\w+\s*[:(]|@\w)")
_FOREIGN = re.compile(
    r"^\s*(function\s+\w+\s*\(|(const|let|var)\s+\w+\s*=|public\s+\w+|#include|end$|.*[{;]\s*$)", re.M
)
_PYTHON = frozenset({"", "py", "python", "python3", "ipython", "text", "code"})


@dataclass(frozen=True)
class Draft:
    """A candidate: its text, its tree (empty when `error` says why there is none), and how it stood in the reply."""

    source: str
    tree: ast.Module = field(default_factory=lambda: ast.Module([], []))
    error: str = ""
    line: int = 0
    language: str = ""
    cut: bool = False
    empty: bool = False

    @property
    def foreign(self) -> bool:
        """Whether it does not parse because it is another language."""
        return bool(self.error) and (self.language not in _PYTHON or bool(_FOREIGN.search(self.source)))


def extract(text: str, name: str) -> Draft:
    """The part of a reply that defines `name`, or the next best thing; its source is "" when there is no code."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    whole = read(text)
    if _rank(whole, name) == _DEFINES:
        return whole
    said = _without_thoughts(text)
    drafts = [*_fenced(said)] or [read(_unfenced(said))]
    best = max(reversed(drafts), key=lambda draft: _rank(draft, name))
    return best if best.source.strip() else Draft("", empty=not said.strip())


def read(source: str, language: str = "", cut: bool = False) -> Draft:
    """A draft of this source, dedented, with the error that keeps it from being compiled if there is one."""
    for way in (_dedented(source), _dedented_apart(source), _dedented(_untabbed(source))):
        error = _error(way)
        if error is None:
            return Draft(way, parse(way), language=language, cut=cut)
    source = _dedented(source)
    error = _error(source) or SyntaxError()
    text = f": `{error.text.strip()}`" if error.text and error.text.strip() else ""
    return Draft(
        source, error=f"line {error.lineno or 1}: {error.msg}{text}", line=error.lineno or 1, language=language, cut=cut
    )


_DEFINES, _TRIES, _HAS_DEF, _CODE, _NOTHING = 4, 3, 2, 1, 0


def _rank(draft: Draft, name: str) -> int:
    """How near a draft comes to defining the method; of equals, the last is taken."""
    if draft.error:
        return _TRIES if re.search(rf"def\s+{re.escape(name)}\b", draft.source) else _CODE
    inner = [child for node in draft.tree.body if isinstance(node, ast.ClassDef) for child in node.body]
    defined = [node.name for node in [*draft.tree.body, *inner] if isinstance(node, Function)]
    return _DEFINES if name in defined else _HAS_DEF if defined else _CODE if draft.tree.body else _NOTHING


def _without_thoughts(text: str) -> str:
    text = re.sub(r"<think>.*?</think>", "", text, flags=re.S)
    return re.sub(r"<think>.*", "", text.rpartition("</think>")[2], flags=re.S)


def _fenced(text: str) -> Iterator[Draft]:
    lines = text.split("\n")
    fences = [(i, match) for i, line in enumerate(lines) if (match := _FENCE.match(line))]
    while fences:
        start, opening = fences.pop(0)
        ends = [i for i, match in fences if _closes(opening, match)]
        drafts = [read("\n".join(lines[start + 1 : end]), opening[2].lower()) for end in ends[:4]]
        # A fence inside a docstring ends the block too early: the first end that leaves valid Python counts.
        length = next((n for n, draft in enumerate(drafts) if not draft.error), 0)
        if drafts:
            yield drafts[length]
            fences = [fence for fence in fences if fence[0] > ends[length]]
        else:
            yield read("\n".join(lines[start + 1 :]), opening[2].lower(), cut=True)
            return


def _closes(opening: re.Match[str], fence: re.Match[str]) -> bool:
    return fence[1].startswith(opening[1]) and not fence[2]


def _unfenced(text: str) -> str:
    """The lines from the first that begins like code up to the prose that follows it."""
    lines = text.split("\n")
    first = next((i for i, line in enumerate(lines) if _STARTS.match(line.strip())), None)
    if first is None:
        return text if _FOREIGN.search(text) else ""
    lines = lines[first:]
    for _ in range(5):
        draft = read("\n".join(lines))
        prose = [
            i for i in range(1, min(draft.line, len(lines))) if lines[i][:1].strip() and not _STARTS.match(lines[i])
        ]
        if not draft.error or not prose:
            break
        lines = lines[: prose[-1]]
    return "\n".join(lines)


def _error(source: str) -> SyntaxError | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape in a text is the model's business, not the person's screen
            compile(parse(source), "<reply>", "exec", dont_inherit=True)
    except SyntaxError as error:
        return error
    except (RecursionError, MemoryError, ValueError) as error:
        return SyntaxError(str(error))
    return None


def _dedented(source: str) -> str:
    """Every line without the first one's indentation; lines of a text that have less of it keep what they have."""
    first = next((line for line in source.split("\n") if line.strip()), "")
    margin = first[: len(first) - len(first.lstrip())]
    return "\n".join(line.removeprefix(margin) for line in source.split("\n"))


def _dedented_apart(source: str) -> str:
    """For imports at the margin above a method that is indented as in a class."""
    head, indented, rest = source.partition("\n    def ")
    return f"{head}\n{_dedented(indented[1:] + rest)}" if indented else source


def _untabbed(source: str) -> str:
    return "\n".join(
        re.sub(r"^[ \t]+", lambda blank: blank[0].replace("\t", "    "), line) for line in source.split("\n")
    )
