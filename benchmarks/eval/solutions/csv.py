"""Reference solutions of the family csv, as a person would write them."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from contextlib import suppress
from datetime import date, datetime
from statistics import mean, median
from typing import Any


def rows(path: str, delimiter: str = ",") -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return [{k: v.strip() for k, v in row.items()} for row in csv.DictReader(file, delimiter=delimiter)]


def number(text: str) -> float | None:
    with suppress(ValueError):
        return float(text.replace(",", "").lstrip("$€ "))
    return None


class OrdersTotal:
    def total_revenue(self: Any) -> float:
        pairs = [(number(row["quantity"]), number(row["unit_price"])) for row in rows(self.path)]
        return round(sum(q * p for q, p in pairs if q is not None and p is not None), 2)


class OrdersByRegion:
    def revenue_by_region(self: Any) -> dict[str, float]:
        sums: dict[str, float] = defaultdict(float)
        for row in rows(self.path):
            quantity, price = number(row["quantity"]), number(row["unit_price"])
            if quantity is not None and price is not None:
                sums[row["region"].title()] += quantity * price
        return {region: round(value, 2) for region, value in sums.items()}


class GermanPayments:
    def _amounts(self: Any) -> list[tuple[str, float]]:
        found = [
            (row["name"], row["amount"].strip("€ ").replace(".", "").replace(",", ".")) for row in rows(self.path, ";")
        ]
        return [(name, amount) for name, text in found if (amount := number(text)) is not None]

    def total(self) -> float:
        return round(sum(amount for _, amount in self._amounts()), 2)

    def largest(self) -> tuple[str, float]:
        return max(self._amounts(), key=lambda pair: pair[1])


class CataloguePrices:
    def _prices(self: Any) -> dict[str, float]:
        return {row["item"]: price for row in rows(self.path) if (price := number(row["price"])) is not None}

    def average_price(self) -> float:
        return round(mean(self._prices().values()), 2)

    def dearest(self, n: int) -> list[str]:
        prices = self._prices()
        return sorted(prices, key=prices.__getitem__, reverse=True)[:n]


class SignupMonths:
    def signups_per_month(self: Any) -> dict[str, int]:
        months: Counter[str] = Counter()
        for row in rows(self.path):
            for form in ("%Y-%m-%d", "%m/%d/%Y", "%b %d %Y"):
                with suppress(ValueError):
                    months[datetime.strptime(row["signed_up"], form).strftime("%Y-%m")] += 1
        return dict(months)


class LateDeliveries:
    def _late(self: Any) -> list[tuple[str, int]]:
        given = [row for row in rows(self.path) if row["delivered"]]
        days = [
            (r["order"], (date.fromisoformat(r["delivered"]) - date.fromisoformat(r["promised"])).days) for r in given
        ]
        return [(order, off) for order, off in days if off > 0]

    def late_orders(self) -> list[str]:
        return [order for order, _ in self._late()]

    def average_delay(self) -> float:
        return round(mean(off for _, off in self._late()), 1)


class CustomerEmails:
    def unique_emails(self: Any) -> list[str]:
        return sorted({row["email"].lower() for row in rows(self.path)} - {""})


class RepeatedInvoices:
    def repeated(self: Any) -> list[int]:
        counts = Counter(int(row["invoice"]) for row in rows(self.path))
        return sorted(invoice for invoice, count in counts.items() if count > 1)


class SurveyMarks:
    def averages(self: Any) -> dict[str, float]:
        given = {q: [int(r[q]) for r in rows(self.path) if r[q].isdigit()] for q in ("q1", "q2", "q3")}
        return {question: round(mean(marks), 2) for question, marks in given.items()}

    def complete(self: Any) -> int:
        return sum(all(row[q].isdigit() for q in ("q1", "q2", "q3")) for row in rows(self.path))


class SensorExtremes:
    def names(self: Any) -> list[str]:
        return sorted({row["sensor"] for row in rows(self.path)})

    def extremes(self: Any, sensor: str) -> tuple[float, float]:
        values = [v for row in rows(self.path) if row["sensor"] == sensor and (v := number(row["value"])) is not None]
        return min(values), max(values)


class StaffSalaries:
    def median_salary(self: Any, department: str) -> float | None:
        mine = [row for row in rows(self.path) if row["department"].lower() == department.lower()]
        known = [salary for row in mine if (salary := number(row["salary"])) is not None]
        return median(known) if known else None


class StockLevels:
    def low_stock(self: Any, limit: int) -> list[str]:
        totals: Counter[str] = Counter()
        for row in rows(self.path):
            totals[row["sku"]] += int(row["units"] or 0)
        return sorted(sku for sku, units in totals.items() if units < limit)


class ReaderComments:
    def longest_comment(self: Any) -> str:
        return max(rows(self.path), key=lambda row: len(row["comment"]))["id"]

    def word_count(self: Any, author: str) -> int:
        return sum(len(row["comment"].split()) for row in rows(self.path) if row["author"] == author)


class BestScores:
    def top(self: Any, n: int) -> list[tuple[str, int]]:
        best: dict[str, int] = {}
        with open(self.path, encoding="utf-8") as file:
            for line in file.read().splitlines()[1:]:
                if not line.startswith("#"):
                    player, score = line.split("\t")
                    best[player] = max(int(score), best.get(player, 0))
        return sorted(best.items(), key=lambda each: (-each[1], each[0]))[:n]


class CourseAttendance:
    def _marks(self: Any) -> dict[str, list[bool]]:
        found: dict[str, list[bool]] = defaultdict(list)
        for row in rows(self.path):
            if row["present"].lower() in ("yes", "y", "no", "n"):
                found[row["name"]].append(row["present"].lower() in ("yes", "y"))
        return found

    def rate(self, name: str) -> float:
        return round(mean(self._marks()[name]), 3)

    def never_absent(self) -> list[str]:
        return sorted(name for name, marks in self._marks().items() if all(marks))


class AccountStatement:
    def _entries(self: Any) -> list[tuple[str, str, float]]:
        return [
            (r["date"], r["description"], (number(r["credit"]) or 0) - (number(r["debit"]) or 0))
            for r in rows(self.path)
        ]

    def balance(self) -> float:
        return round(sum(amount for _, _, amount in self._entries()), 2)

    def net(self, month: str) -> float:
        return round(sum(amount for when, _, amount in self._entries() if when.startswith(month)), 2)

    def biggest_expense(self) -> str:
        return min(self._entries(), key=lambda entry: entry[2])[1]
