"""A messy sales CSV with its exact truth: the data that the demo, the tests and the benchmarks are held against.

Clean sales are drawn first and the truth is summed from them; only then is their text messed up, so the truth never
depends on anybody's parser. Every choice comes from `random.Random(seed).random()`, the one sequence that Python
promises to keep from version to version, so a seed gives the same bytes everywhere.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import NamedTuple

COLUMNS = ("date", "product", "region", "quantity", "unit_price")
PRODUCTS = (("Widget", 14950), ("Gadget", 2999), ("Gizmo", 8900), ("Doohickey", 475))  # names, and prices in cents
REGIONS = ("North", "South", "East", "West")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

Mess = tuple[str, str, int, Callable[[str], str]]  # kind of problem, column, one row in so many, what the cell becomes
MESS: tuple[Mess, ...] = (
    ("quantity missing", "quantity", 15, lambda cell: ""),
    ("quantity missing", "quantity", 15, lambda cell: "N/A"),
    ("price missing", "unit_price", 20, lambda cell: ""),
    ("stray spaces", "unit_price", 6, lambda cell: f" {cell}"),
    ("stray spaces", "product", 6, lambda cell: f"{cell} "),
)
LOST = ("quantity missing", "price missing")  # such a row is no sale: it counts for nothing in the truth


@dataclass(frozen=True)
class Truth:
    """The exact answers: revenue in dollars, quarters like "2024-Q1"; `problems` counts cells by kind of problem."""

    revenue: Decimal
    units_by_product: dict[str, int]
    revenue_by_product: dict[str, Decimal]
    revenue_by_quarter: dict[str, Decimal]
    sales: int
    problems: dict[str, int]


@dataclass(frozen=True)
class Sales:
    """The messy text, and what is true of it."""

    text: str
    truth: Truth

    def write(self, path: str | Path) -> Path:
        """Write the text as UTF-8, byte for byte the same on every system, and give the path back."""
        Path(path).write_bytes(self.text.encode())
        return Path(path)


class _Sale(NamedTuple):
    """One clean sale of 2024; `style` is the way in which its date will be written."""

    month: int
    day: int
    style: int
    product: str
    region: str
    quantity: int
    price: Decimal


DATES: tuple[tuple[str, Callable[[_Sale], str]], ...] = (
    ("date as 2024-01-15", lambda sale: f"2024-{sale.month:02}-{sale.day:02}"),
    ("date as 01/22/2024", lambda sale: f"{sale.month:02}/{sale.day:02}/2024"),
    ("date as Feb 14 2024", lambda sale: f"{MONTHS[sale.month - 1]} {sale.day:02} 2024"),
)


def make_sales(rows: int = 30, seed: int = 7) -> Sales:
    """A CSV of so many rows below its header, the last of them a subtotal, with every kind of mess in it.

    Raises ValueError for fewer rows than it takes to hold them all.
    """
    if rows < 12:
        raise ValueError(f"at least 12 rows are needed to hold every kind of mess, not {rows}")
    draw = Random(seed).random
    sales = sorted(_sale(draw, number % len(DATES)) for number in range(rows - 1))
    mess = _mess(draw, rows - 1)
    lines = [_line(sale, mess.get(row)) for row, sale in enumerate(sales)]
    real = [sale for row, sale in enumerate(sales) if row not in mess or mess[row][0] not in LOST]
    problems = Counter([DATES[sale.style][0] for sale in sales if sale.style] + [kind for kind, *_ in mess.values()])
    return Sales("\n".join([",".join(COLUMNS), *lines, "TOTAL,,,,", ""]), _truth(real, {**problems, "not a sale": 1}))


def _sale(draw: Callable[[], float], style: int) -> _Sale:
    day = 13 + int(draw() * 16) if style == 1 else 1 + int(draw() * 28)  # past 12, a day cannot be read as a month
    product, cents = PRODUCTS[int(draw() * len(PRODUCTS))]
    price = Decimal(cents - cents * int(draw() * 10) // 100).scaleb(-2)
    return _Sale(1 + int(draw() * 12), day, style, product, REGIONS[int(draw() * 4)], 1 + int(draw() * 12), price)


def _mess(draw: Callable[[], float], rows: int) -> dict[int, Mess]:
    order = iter(sorted(range(rows), key=lambda row: draw()))
    return {next(order): mess for mess in MESS for _ in range(1 + rows // mess[2])}


def _line(sale: _Sale, mess: Mess | None) -> str:
    cells = (DATES[sale.style][1](sale), sale.product, sale.region, str(sale.quantity), str(sale.price))
    _, column, _, edit = mess or ("", "", 0, str)
    return ",".join(edit(cell) if name == column else cell for name, cell in zip(COLUMNS, cells, strict=True))


def _truth(sales: Sequence[_Sale], problems: dict[str, int]) -> Truth:
    units: Counter[str] = Counter()
    products: defaultdict[str, Decimal] = defaultdict(Decimal)
    quarters: defaultdict[str, Decimal] = defaultdict(Decimal)
    for sale in sales:
        units[sale.product] += sale.quantity
        products[sale.product] += sale.quantity * sale.price
        quarters[f"2024-Q{(sale.month + 2) // 3}"] += sale.quantity * sale.price
    return Truth(sum(products.values(), Decimal()), dict(units), dict(products), dict(quarters), len(sales), problems)
