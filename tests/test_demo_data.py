"""The truth of the demo's data is held against an independent reading of its messy text."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from agent_repl.demo_data import make_sales

WORD_DATE = re.compile(r"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (\d\d) (\d{4})")
MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"


@pytest.mark.parametrize("seed", range(50))
def test_the_truth_is_what_another_reader_finds_in_the_text(seed: int) -> None:
    for rows in (12, 30, 75):
        sales = make_sales(rows=rows, seed=seed)
        found = read_again(sales.text)
        truth = sales.truth
        assert truth.revenue == dollars(found["cents"])
        assert truth.sales == found["sales"]
        assert truth.units_by_product == found["units"]
        assert truth.revenue_by_product == {name: dollars(cents) for name, cents in found["products"].items()}
        assert truth.revenue_by_quarter == {name: dollars(cents) for name, cents in found["quarters"].items()}
        assert truth.problems == found["problems"]


@pytest.mark.parametrize("seed", range(50))
def test_every_kind_of_mess_is_really_in_the_text(seed: int) -> None:
    text = make_sales(seed=seed).text
    assert re.search(r"^2024-\d\d-\d\d,", text, re.M)
    assert re.search(r"^(0[1-9]|1[0-2])/(1[3-9]|2[0-8])/2024,", text, re.M)
    assert re.search(r"^[A-Z][a-z]{2} \d\d 2024,", text, re.M)
    assert re.search(r", \d+\.\d\d$", text, re.M), "a price with a space before it"
    assert re.search(r",[A-Z][a-z]+ ,", text), "a product with a space after it"
    assert re.search(r",,\d+\.\d\d$", text, re.M), "an empty quantity"
    assert ",N/A," in text
    assert re.search(r",\d+,$", text, re.M), "a missing price"
    assert text.endswith("\nTOTAL,,,,\n")


def test_a_day_that_could_be_a_month_is_never_written_with_slashes() -> None:
    text = "".join(make_sales(rows=60, seed=seed).text for seed in range(50))
    assert all(int(day) > 12 for day in re.findall(r"^\d\d/(\d\d)/", text, re.M))


def test_the_same_seed_gives_the_same_bytes_on_every_python() -> None:
    assert make_sales() == make_sales()
    assert make_sales(seed=8).text != make_sales().text
    assert sha256(make_sales().text.encode()).hexdigest().startswith("b4e1e2c5")


def test_so_many_rows_are_made_as_were_asked_for() -> None:
    assert len(make_sales().text.splitlines()) == 1 + 30
    assert len(make_sales(rows=75).text.splitlines()) == 1 + 75


def test_the_file_holds_the_text_byte_for_byte(tmp_path: Path) -> None:
    sales = make_sales()
    path = sales.write(tmp_path / "sales.csv")
    assert path.read_bytes() == sales.text.encode()
    assert b"\r" not in path.read_bytes()


def test_too_few_rows_are_refused_in_words() -> None:
    with pytest.raises(ValueError, match="at least 12 rows"):
        make_sales(rows=11)


def read_again(text: str) -> dict[str, Any]:
    """The oracle: its own parser, its own idea of a sale, integer cents."""
    found: dict[str, Any] = {"cents": 0, "sales": 0, **{name: Counter() for name in ("units", "products", "quarters")}}
    problems: Counter[str] = Counter()
    for row in csv.DictReader(io.StringIO(text)):
        problems.update(problems_of(row))
        if not re.fullmatch(r"\d+", row["quantity"]) or not row["unit_price"].strip():
            continue
        whole, fraction = row["unit_price"].strip().split(".")
        cents = int(row["quantity"]) * (100 * int(whole) + int(fraction))
        found["cents"] += cents
        found["sales"] += 1
        found["units"][row["product"].strip()] += int(row["quantity"])
        found["products"][row["product"].strip()] += cents
        found["quarters"][quarter(row["date"])] += cents
    return {**found, "problems": problems}


def problems_of(row: dict[str, str]) -> list[str]:
    if row["date"] == "TOTAL":
        return ["not a sale"]
    facts = {
        "date as 01/22/2024": "/" in row["date"],
        "date as Feb 14 2024": row["date"][0].isalpha(),
        "quantity missing": row["quantity"] in ("", "N/A"),
        "price missing": row["unit_price"] == "",
        "stray spaces": any(cell != cell.strip() for cell in row.values()),
    }
    return [kind for kind, true in facts.items() if true]


def quarter(date: str) -> str:
    if word := WORD_DATE.fullmatch(date):
        year, month = word[3], MONTHS.index(word[1]) // 3 + 1
    elif "/" in date:
        year, month = date[6:], int(date[:2])
    else:
        year, month = date[:4], int(date[5:7])
    return f"{year}-Q{-(-month // 3)}"


def dollars(cents: int) -> Decimal:
    return Decimal(f"{cents // 100}.{cents % 100:02}")
