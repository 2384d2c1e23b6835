"""The truth of the demo's data is held against an independent reading of its messy text."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest

from agent_repl_demos.sales_data import make_sales

WORD_DATE = re.compile(r"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (\d\d) (\d{4})")
MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"


@pytest.mark.parametrize("seed", range(50))
def test_the_truth_is_what_another_reader_finds_in_the_text(seed: int) -> None:
    text, truth = make_sales(seed)
    found = read_again(text)
    assert truth.revenue == dollars(found["cents"])
    assert (truth.sales, truth.bad) == (found["sales"], found["bad"])
    assert truth.units_by_product == found["units"]
    assert truth.revenue_by_quarter == {name: dollars(cents) for name, cents in found["quarters"].items()}


@pytest.mark.parametrize("seed", range(50))
def test_every_kind_of_mess_is_really_in_the_text(seed: int) -> None:
    text, _ = make_sales(seed)
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
    text = "".join(make_sales(seed)[0] for seed in range(50))
    assert all(int(day) > 12 for day in re.findall(r"^\d\d/(\d\d)/", text, re.M))


def test_the_same_seed_gives_the_same_bytes_on_every_python() -> None:
    assert make_sales(7) == make_sales(7)
    assert make_sales(8)[0] != make_sales(7)[0]
    assert sha256(make_sales(7)[0].encode()).hexdigest().startswith("3ed40136")


def read_again(text: str) -> dict[str, Any]:
    """The oracle: its own parser, its own idea of a sale, integer cents."""
    found: dict[str, Any] = {"cents": 0, "sales": 0, "bad": 0, "units": Counter(), "quarters": Counter()}
    for row in csv.DictReader(io.StringIO(text)):
        if not re.fullmatch(r"\d+", row["quantity"]) or not row["unit_price"].strip():
            found["bad"] += 1
            continue
        whole, fraction = row["unit_price"].strip().split(".")
        cents = int(row["quantity"]) * (100 * int(whole) + int(fraction))
        found["cents"] += cents
        found["sales"] += 1
        found["units"][row["product"].strip()] += int(row["quantity"])
        found["quarters"][quarter(row["date"])] += cents
    return found


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
