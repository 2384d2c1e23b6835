"""The figures of growth can be measured; how large they are is nobody's business here."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

SIZES = {"loads": (5, 10), "class_files": (5, 10), "stores": (100, 200)}


@pytest.mark.parametrize("group", SIZES)
def test_each_group_yields_figures(group: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent / "benchmarks"))
    monkeypatch.delitem(sys.modules, "bench", raising=False)
    growth = importlib.import_module("growth")
    with growth._world(tmp_path):
        rows = list(getattr(growth, group)(tmp_path, 1, SIZES[group]))
    assert rows
    assert all(row.ours > 0 and row.ratio > 0 for row in rows)
