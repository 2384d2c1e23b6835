"""A messy sales CSV with its exact truth: what the demo's answers are held against.

Clean sales are drawn first and the truth is summed from them; only then is their text messed up, so the truth never
depends on anybody's parser. Every choice comes from `random.Random(seed).random()`, the one sequence that Python
promises to keep from version to version, so a seed gives the same bytes everywhere.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import NamedTuple

COLUMNS = ("date", "product", "region", "quantity", "unit_price")
PRODUCTS = (("Widget", 14950), ("Gadget", 2999), ("Gizmo", 8900), ("Doohickey", 475))  # names, and prices in cents
REGIONS = ("North", "South", "East", "West")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DATES = ("2024-{0:02}-{1:02}", "{0:02}/{1:02}/2024", "{2} {1:02} 2024")  # of month, day and month's name
SOLD = 29
LOST = (("quantity", ""), ("quantity", "N/A"), ("unit_price", "")) * 2  # such a row is no sale: it counts for nothing
MESS = (*LOST, *(("unit_price", " {}"), ("product", "{} ")) * 5)
"""Columns, and what their cells become, each in a row of its own."""


class Truth(NamedTuple):
    """The exact answers: revenue in dollars, quarters like "2024-Q1", how many lines are sales and how many are not."""

    revenue: Decimal
    units_by_product: dict[str, int]
    revenue_by_quarter: dict[str, Decimal]
    sales: int
    bad: int


class _Sale(NamedTuple):
    month: int
    day: int
    style: int
    product: str
    region: str
    quantity: int
    price: Decimal


def make_sales(seed: int) -> tuple[str, Truth]:
    """The text of a CSV, the last of its 30 rows a subtotal, with every kind of mess in it; and what is true of it."""
    draw = Random(seed).random
    sales = sorted(_sale(draw, number % len(DATES)) for number in range(SOLD))
    mess = dict(zip(sorted(range(SOLD), key=lambda row: draw()), MESS, strict=False))
    lines = [_line(sale, *mess.get(row, ("", ""))) for row, sale in enumerate(sales)]
    real = [sale for row, sale in enumerate(sales) if mess.get(row) not in LOST]
    return "\n".join([",".join(COLUMNS), *lines, "TOTAL,,,,", ""]), _truth(real)


def _sale(draw: Callable[[], float], style: int) -> _Sale:
    day = 13 + int(draw() * 16) if style == 1 else 1 + int(draw() * 28)  # past 12, a day cannot be read as a month
    product, cents = PRODUCTS[int(draw() * len(PRODUCTS))]
    price = Decimal(cents - cents * int(draw() * 10) // 100).scaleb(-2)
    return _Sale(1 + int(draw() * 12), day, style, product, REGIONS[int(draw() * 4)], 1 + int(draw() * 12), price)


def _line(sale: _Sale, column: str, messy: str) -> str:
    date = DATES[sale.style].format(sale.month, sale.day, MONTHS[sale.month - 1])
    cells = zip(COLUMNS, (date, sale.product, sale.region, sale.quantity, sale.price), strict=True)
    return ",".join(messy.format(cell) if name == column else str(cell) for name, cell in cells)


def _truth(sales: list[_Sale]) -> Truth:
    units: Counter[str] = Counter()
    quarters: defaultdict[str, Decimal] = defaultdict(Decimal)
    for sale in sales:
        units[sale.product] += sale.quantity
        quarters[f"2024-Q{(sale.month + 2) // 3}"] += sale.quantity * sale.price
    return Truth(sum(quarters.values(), Decimal()), units, quarters, len(sales), SOLD + 1 - len(sales))
