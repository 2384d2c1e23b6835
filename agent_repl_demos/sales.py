"""The demo: a model writes an analyst for a messy CSV while you watch, and is held against the truth."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from agent_repl import Agent, AgentError, Session, pin
from agent_repl.protocols import Provider

from .sales_data import Truth, make_sales
from .stage import Stage, Step, leave, perform

IDENTITY = (
    "analyst of the shop's sales in {path}. load() sets self.rows to the rows where none of date, quantity and "
    "unit_price is missing; the other methods use self.rows. "
    "top_sellers(n) adds up the quantity of each product, and answers the n products with most units, as pairs of "
    "(product, units). "
    'data_quality_report(path) counts the rows of that file: {"good": those with all three, "bad": the others}.'
)
METHODS = ("load", "total_revenue", "top_sellers", "revenue_by_quarter", "data_quality_report")
_RESTART = """
import sys
from agent_repl import open_session, ScriptedProvider
session = open_session({home!r}, provider=ScriptedProvider([]), review="cached")
sales = session.agent({identity!r}, path={path!r})
sales.load()
print(f"   sales.top_sellers(n=3) → {{sales.top_sellers(n=3)}}")
print(f"   model calls: {{session.usage.calls}}; anthropic imported: {{'anthropic' in sys.modules}}")
"""
_ALONE = """
import runpy
sales = runpy.run_path({file})["Sales"]('sales.csv')
sales.load()
print(f"   Sales('sales.csv').total_revenue() → {sales.total_revenue()}")
"""


def main(argv: Sequence[str] = (), provider: Provider | None = None) -> int:
    """Run the demo; 0 when it came to its end, whatever the model's answers were worth, which it says itself."""
    return perform("csv", _explore, argv, provider)


def _explore(stage: Stage, seed: int) -> int:
    text, truth = make_sales(seed)
    path = Path("sales.csv")
    path.write_bytes(text.encode())
    print(f"\n{path.resolve()}: {truth.sales} sales in three date formats, blanks, N/A, stray spaces, a TOTAL line.\n")
    sales = stage.session.agent(IDENTITY, name="sales", path=str(path))
    stage.oracle, stage.unsolved = "the data's own generator", "skipped"
    steps, top = _steps(truth, str(path))
    for step in steps:
        stage.take(sales, step)
    stage.sum_up()
    print("── the same calls again: no model")
    stage.again(sales, (*steps[1:], top(2)), checked=False)
    _graduate(stage.session, sales, path)
    print(f"\nmodel calls: {stage.session.usage.calls}. Run the demo again: there will be none.")
    return 0


def _steps(truth: Truth, path: str) -> tuple[list[Step], Callable[[int], Step]]:
    def top(n: int) -> Step:
        best = Counter(truth.units_by_product).most_common(n)
        return step("top_sellers", {"n": n}, lambda value, _: [tuple(each) for each in _items(value)] == best)

    step, quarters = partial(Step, "sales"), [*truth.revenue_by_quarter.values()]
    return [
        step("load", {}, lambda value, sales: len(vars(sales)["rows"]) == truth.sales),
        step("total_revenue", {}, lambda value, _: _money(value) == truth.revenue),
        top(3),
        step("revenue_by_quarter", {}, lambda value, _: [_money(value[key]) for key in sorted(value)] == quarters),
        step("data_quality_report", {"path": path}, lambda value, _: _counts(value) == [truth.sales, truth.bad]),
    ], top


def _items(value: Any) -> Any:
    return value.items() if isinstance(value, dict) else value


def _counts(value: Any) -> list[Any]:
    return [len(lines) if isinstance(lines, list) else lines for lines in (value["good"], value["bad"])]


def _money(value: Any) -> Decimal:
    return Decimal(str(value)).quantize(Decimal("0.01"))


def _graduate(session: Session, sales: Agent, path: Path) -> None:
    try:
        print(f"\n── pin: sales.top_sellers is now a plain function in {pin(sales, 'top_sellers')}")
        restart = _RESTART.format(home=".agent_repl", identity=IDENTITY, path=str(path))
        print("── restart: a new process, with nothing to ask", flush=True)
        subprocess.run([sys.executable, "-c", restart], check=False)
        leave(sales, "analyst.py", _ALONE)
    except AgentError as error:
        print(f"   skipped: {error}")
