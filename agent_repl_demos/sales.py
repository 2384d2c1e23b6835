"""The demo: a model writes an analyst for a messy CSV while you watch, and is held against the truth."""

from __future__ import annotations

import argparse
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import chdir, suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import platformdirs

from agent_repl import Agent, AgentError, Session, Usage, emit, open_session, pin, source
from agent_repl.effects import effects
from agent_repl.protocols import Provider
from agent_repl_local import fetch_model
from agent_repl_ui.terminal import TerminalReviewer

from .sales_data import Truth, make_sales

IDENTITY = (
    "analyst of the shop's sales in {path}. load() sets self.rows to the rows where none of date, quantity and "
    "unit_price is missing; the other methods use self.rows. "
    "top_sellers(n) adds up the quantity of each product, and answers the n products with most units, as pairs of "
    "(product, units). "
    'data_quality_report(path) counts the rows of that file: {"good": those with all three, "bad": the others}.'
)
SEED = 2  # the best sellers by units, by revenue and by number of lines are three different orders
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
sales = runpy.run_path({file!r})["Sales"]({path!r})
sales.load()
print(f"   Sales({name!r}).total_revenue() → {{sales.total_revenue()}}")
"""


@dataclass(frozen=True)
class Step:
    """One call of the demo, and whether its answer is right; what `is_right` raises says no."""

    name: str
    kwargs: dict[str, Any]
    is_right: Callable[[Any, Agent, Truth], bool]

    def __str__(self) -> str:
        return f"sales.{self.name}({', '.join(f'{k}={v!r}' for k, v in self.kwargs.items())})"


def _top(n: int) -> Step:
    def is_right(value: Any, sales: Agent, truth: Truth) -> bool:
        items = value.items() if isinstance(value, dict) else value
        return [tuple(item) for item in items] == Counter(truth.units_by_product).most_common(n)

    return Step("top_sellers", {"n": n}, is_right)


def _are_quarters(value: Any, sales: Agent, truth: Truth) -> bool:
    return [_money(value[key]) for key in sorted(value)] == [*truth.revenue_by_quarter.values()]


def _is_quality(value: Any, sales: Agent, truth: Truth) -> bool:
    found = value["good"], value["bad"]
    return tuple(len(lines) if isinstance(lines, list) else lines for lines in found) == (truth.sales, truth.bad)


def _money(value: Any) -> Decimal:
    return Decimal(str(value)).quantize(Decimal("0.01"))


STEPS = (
    Step("load", {}, lambda value, sales, truth: len(vars(sales)["rows"]) == truth.sales),
    Step("total_revenue", {}, lambda value, sales, truth: _money(value) == truth.revenue),
    _top(3),
    Step("revenue_by_quarter", {}, _are_quarters),
)


def main(argv: Sequence[str] = (), provider: Provider | None = None) -> int:
    """Run the demo; 0 when it came to its end, whatever the model's answers were worth, which it says itself."""
    parser = argparse.ArgumentParser("agent-repl demo", description=__doc__)
    parser.add_argument("--provider", default="local", help="local (default), anthropic, or one that is installed")
    parser.add_argument("--review", default="", choices=["ask", "auto"], help="default: ask where you can answer")
    parser.add_argument("--seed", type=int, default=SEED, help="of the data: another one is another shop")
    parser.add_argument("--home", help="the demo's own directory (default: in your cache)")
    options = parser.parse_args(argv)
    home = Path(options.home or platformdirs.user_cache_path("agent_repl", appauthor=False) / "demo")
    home.mkdir(parents=True, exist_ok=True)
    text, truth = make_sales(options.seed)
    with chdir(home):  # the model reads the same words wherever the demo is kept
        path = Path("sales.csv")
        path.write_bytes(text.encode())
        session = _open(Path(), provider or options.provider, options.review)
        if provider is None and options.provider == "local" and not session.settings.model_file:
            fetch_model()
        try:
            return _explore(session, path, truth)
        finally:
            session.close()


def _open(home: Path, provider: Provider | str, review: str) -> Session:
    reviewer = TerminalReviewer()
    session = open_session(home / ".agent_repl", provider=provider, review=reviewer)
    session.mode = "ask" if review == "ask" or (not review and reviewer.can_ask) else "auto"
    if session.mode == "auto":
        print("Nobody is asked here: review=auto for this demo's own home; code that is flagged would not run.")
    print(session.describe())
    return session


def _explore(session: Session, path: Path, truth: Truth) -> int:
    print(f"\n{path.resolve()}: {truth.sales} sales in three date formats, blanks, N/A, stray spaces, a TOTAL line.\n")
    sales = session.agent(IDENTITY, name="sales", path=str(path))
    began = time.perf_counter()
    steps = (*STEPS, Step("data_quality_report", {"path": str(path)}, _is_quality))
    right = [_take(session, sales, step, truth) for step in steps]
    seconds = time.perf_counter() - began
    print(f"── {sum(right)} of {len(right)} answers are right · {_cost(session.usage)} · {seconds:.0f} s\n")
    print("── the same calls again: no model")
    for step in (*steps[1:], _top(2)):
        again = session.call(sales, step.name, **step.kwargs)
        print(
            f"   {step} · {again.tier} · {again.timings['total'] * 1000:.2f} ms · {_cost(again.usage)} · {again.status}"
        )
    _graduate(session, sales, path)
    print(f"\nmodel calls: {session.usage.calls}. Run the demo again: there will be none.")
    return 0


def _take(session: Session, sales: Agent, step: Step, truth: Truth) -> bool:
    print(f"── {step}")
    outcome = session.call(sales, step.name, **step.kwargs)
    if outcome.status == "error":
        print(f"   skipped: {type(outcome.error).__name__}: {outcome.error}\n")
        return False
    touched = [f"{e.kind} {e.detail} (line {e.line})" for e in effects(source(sales, step.name)) if e.kind != "import"]
    print(f"   {outcome.tier} · {_cost(outcome.usage)} · touches: {', '.join(touched) or 'nothing outside'}")
    right = False
    with suppress(Exception):  # an answer of another form is wrong
        right = bool(step.is_right(outcome.value, sales, truth))
    print(f"   → {textwrap.shorten(repr(outcome.value), 240)}")
    print(f"   {'right' if right else 'WRONG'}, says the data's own generator\n")
    return right


def _graduate(session: Session, sales: Agent, path: Path) -> None:
    home = path.parent
    try:
        print(f"\n── pin: sales.top_sellers is now a plain function in {pin(sales, 'top_sellers')}")
        restart = _RESTART.format(home=str(home / ".agent_repl"), identity=IDENTITY, path=str(path))
        print("── restart: a new process, with nothing to ask", flush=True)
        subprocess.run([sys.executable, "-c", restart], check=False)
        file = emit(sales, home / "analyst.py")
        print(f"── emit: {file}, which needs nothing of ours: python -I", flush=True)
        alone = _ALONE.format(file=str(file), path=str(path), name=path.name)
        subprocess.run([sys.executable, "-I", "-c", alone], check=False)
    except AgentError as error:
        print(f"   skipped: {error}")


def _cost(usage: Usage) -> str:
    if not usage.calls:
        return "0 model calls"
    money = "price unknown" if usage.cost is None else f"${usage.cost:.4f}" if usage.cost else "free"
    read, cached = usage.input_tokens + usage.cache_read_tokens, usage.cache_read_tokens
    tokens = f"{read} tokens read ({cached} from cache), {usage.output_tokens} written"
    return f"model calls: {usage.calls} · {usage.seconds:.1f} s · {tokens} · {money}"
