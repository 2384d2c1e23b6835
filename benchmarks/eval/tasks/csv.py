"""Messy tables: gaps, signs of currencies, dates in several forms, repeated and quoted cells."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from random import Random
from statistics import median
from typing import Any

from ..task import Call, Instance, Task

FAMILY = "csv"
REGIONS = ("North", "South", "East", "West")
PEOPLE = ("Ada", "Bruno", "Chen", "Dora", "Emil", "Fatima", "Goran", "Hana", "Igor", "Judith")
PRODUCTS = ("Lamp", "Chair", "Desk", "Shelf", "Rug", "Clock", "Mirror", "Stool", "Vase", "Bench")


def table(header: Sequence[str], rows: Iterable[Sequence[Any]], delimiter: str = ",") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows([header, *rows])
    return text.getvalue()


def padded(random: Random, text: str) -> str:
    return random.choice((text, text, f" {text}", f"{text} "))


def day(random: Random, year: int = 2024) -> date:
    return date(year, 1, 1) + timedelta(days=random.randrange(366))


def cents(random: Random, low: int, high: int) -> float:
    return random.randrange(low * 100, high * 100) / 100


def orders(random: Random) -> tuple[list[list[str]], list[tuple[str, int, float]]]:
    """Rows of a table of orders, and the clean (region, quantity, price) of those that count."""
    rows, clean = [], []
    for number in range(random.randint(25, 35)):
        region, quantity, price = random.choice(REGIONS), random.randint(1, 12), cents(random, 5, 200)
        cells = [padded(random, str(quantity)), padded(random, f"{price:.2f}")]
        if number % 6 == 3:
            cells[random.randrange(2)] = random.choice(("", "N/A", "unknown"))
        else:
            clean.append((region, quantity, price))
        shown = padded(random, random.choice((region, region.lower(), region.upper())))
        rows.append([str(1000 + number), day(random).isoformat(), random.choice(PRODUCTS), *cells, shown])
    return rows, clean


ORDERS = ("order_id", "date", "product", "quantity", "unit_price", "region")


def total_revenue(random: Random) -> Instance:
    rows, clean = orders(random)
    answer = round(sum(quantity * price for _, quantity, price in clean), 2)
    return Instance(
        {"orders.csv": table(ORDERS, rows)}, {"path": "orders.csv"}, (Call("total_revenue", answer=answer),)
    )


def revenue_by_region(random: Random) -> Instance:
    rows, clean = orders(random)
    sums: dict[str, float] = defaultdict(float)
    for region, quantity, price in clean:
        sums[region] += quantity * price
    answer = {region: round(value, 2) for region, value in sums.items()}
    calls = (Call("revenue_by_region", answer=answer),)
    return Instance({"orders.csv": table(ORDERS, rows)}, {"path": "orders.csv"}, calls)


def german(amount: float) -> str:
    return f"{amount:,.2f}".translate(str.maketrans(",.", ".,"))


def german_payments(random: Random) -> Instance:
    people = random.sample(PEOPLE, 9)
    amounts = [cents(random, 20, 900) + 1000 * random.choice((0, 0, 1, 3)) for _ in people]
    rows = [
        [str(i), name, f"{german(amount)} €"] for i, (name, amount) in enumerate(zip(people, amounts, strict=True), 1)
    ]
    rows.insert(4, ["99", "Nobody", "offen"])
    largest = max(zip(amounts, people, strict=True))
    calls = (Call("total", answer=round(sum(amounts), 2)), Call("largest", answer=(largest[1], largest[0])))
    return Instance({"zahlungen.csv": table(("id", "name", "amount"), rows, ";")}, {"path": "zahlungen.csv"}, calls)


def catalogue_prices(random: Random) -> Instance:
    names = random.sample(PRODUCTS, 8)
    prices = random.sample([cents(random, 10, 2500) for _ in range(40)], 8)
    styles = ("${:,.2f}", "€ {:,.2f}", "{:,.2f}", " ${:,.2f} ")
    rows = [[name, random.choice(styles).format(price)] for name, price in zip(names, prices, strict=True)]
    rows[2:2] = [["Sofa", "n/a"], ["Couch", ""]]
    ranked = [name for _, name in sorted(zip(prices, names, strict=True), reverse=True)]
    n = random.randint(2, 4)
    calls = (Call("average_price", answer=round(sum(prices) / 8, 2)), Call("dearest", (n,), answer=ranked[:n]))
    return Instance({"catalogue.csv": table(("item", "price"), rows)}, {"path": "catalogue.csv"}, calls)


def signups(random: Random) -> Instance:
    forms = ("%Y-%m-%d", "%m/%d/%Y", "%b %d %Y")
    days = [day(random) for _ in range(24)]
    rows = [[f"user{i}", each.strftime(random.choice(forms))] for i, each in enumerate(days)]
    rows[5:5] = [["user90", ""], ["user91", "pending"]]
    months: dict[str, int] = defaultdict(int)
    for each in days:
        months[f"{each:%Y-%m}"] += 1
    calls = (Call("signups_per_month", answer=dict(months)),)
    return Instance({"signups.csv": table(("user", "signed_up"), rows)}, {"path": "signups.csv"}, calls)


def late_deliveries(random: Random) -> Instance:
    rows, late = [], []
    for number in range(20):
        promised, off = day(random), random.choice((-3, -1, 0, 0, 1, 2, 5, 9))
        order = f"A{100 + number}"
        if number % 7 == 2:
            rows.append([order, promised.isoformat(), ""])
            continue
        rows.append([order, promised.isoformat(), (promised + timedelta(days=off)).isoformat()])
        if off > 0:
            late.append((order, off))
    delay = round(sum(off for _, off in late) / len(late), 1)
    calls = (Call("late_orders", answer=[order for order, _ in late]), Call("average_delay", answer=delay))
    return Instance(
        {"deliveries.csv": table(("order", "promised", "delivered"), rows)}, {"path": "deliveries.csv"}, calls
    )


def customer_emails(random: Random) -> Instance:
    known = [f"{name.lower()}@{random.choice(('mail', 'shop', 'post'))}.example" for name in random.sample(PEOPLE, 7)]
    given = [*known, *random.choices(known, k=8)]
    random.shuffle(given)
    rows = [[str(i), padded(random, random.choice((mail, mail.upper(), mail.title())))] for i, mail in enumerate(given)]
    rows[3:3] = [["77", ""], ["78", "  "]]
    calls = (Call("unique_emails", answer=sorted(known)),)
    return Instance({"customers.csv": table(("customer", "email"), rows)}, {"path": "customers.csv"}, calls)


def repeated_invoices(random: Random) -> Instance:
    numbers = random.sample(range(8, 140), 14)
    twice = random.sample(numbers, 4)
    given = [*numbers, *twice, twice[0]]
    random.shuffle(given)
    rows = [[padded(random, str(number)), f"{cents(random, 5, 90):.2f}"] for number in given]
    calls = (Call("repeated", answer=sorted(twice)),)
    return Instance({"invoices.csv": table(("invoice", "amount"), rows)}, {"path": "invoices.csv"}, calls)


def survey(random: Random) -> Instance:
    questions, marks = ("q1", "q2", "q3"), [[random.randint(1, 5) for _ in range(3)] for _ in range(18)]
    cells = [[str(mark) for mark in row] for row in marks]
    for row in random.sample(range(18), 6):
        for column in random.sample(range(3), random.randint(1, 2)):
            cells[row][column] = random.choice(("-", "", "n/a"))
    kept = {q: [int(row[i]) for row in cells if row[i].isdigit()] for i, q in enumerate(questions)}
    averages = {q: round(sum(values) / len(values), 2) for q, values in kept.items()}
    whole = sum(all(cell.isdigit() for cell in row) for row in cells)
    rows = [[f"r{i}", *row] for i, row in enumerate(cells)]
    calls = (Call("averages", answer=averages), Call("complete", answer=whole))
    return Instance({"survey.csv": table(("respondent", *questions), rows)}, {"path": "survey.csv"}, calls)


def sensors(random: Random) -> Instance:
    names = random.sample(("boiler", "cellar", "attic", "garage", "hall"), 3)
    rows, seen = [], defaultdict(list)
    for hour in range(24):
        name, value = names[hour % 3], random.randrange(-150, 400) / 10
        broken = random.random() < 0.2
        rows.append([f"{hour:02}:00", name, random.choice(("ERR", "", "--")) if broken else padded(random, f"{value}")])
        if not broken:
            seen[name].append(value)
    asked = random.sample(names, 2)
    calls = (
        Call("names", answer=sorted(names)),
        *(Call("extremes", (name,), answer=(min(seen[name]), max(seen[name]))) for name in asked),
    )
    return Instance({"sensors.csv": table(("time", "sensor", "value"), rows)}, {"path": "sensors.csv"}, calls)


def salaries(random: Random) -> Instance:
    departments = ("Sales", "Research", "Support")
    rows, known = [], defaultdict(list)
    for number in range(21):
        department, salary = departments[number % 3], random.randrange(30_000, 90_000, 500)
        text = random.choice((f"{salary:,}", f"{salary}", f"{salary}.00"))
        if number % 5 == 1:
            text = random.choice(("unknown", "", "n/a"))
        else:
            known[department].append(salary)
        rows.append([f"E{number}", random.choice((department, department.lower(), department.upper())), text])
    rows.append(["E99", "Board", "unknown"])
    asked = random.sample(departments, 2)
    calls = (
        *(Call("median_salary", (name.lower(),), answer=median(known[name])) for name in asked),
        Call("median_salary", ("board",), answer=None),
    )
    return Instance({"staff.csv": table(("employee", "department", "salary"), rows)}, {"path": "staff.csv"}, calls)


def stock(random: Random) -> Instance:
    skus = random.sample(("AX1", "AX2", "BR7", "CK3", "DL9", "EV2", "FN5"), 6)
    totals, rows = dict.fromkeys(skus, 0), []
    for sku in skus * 3:
        units = random.randint(-3, 30)
        blank = random.random() < 0.15
        rows.append([padded(random, sku), random.choice(("Oslo", "Bergen", "Moss")), "" if blank else str(units)])
        totals[sku] += 0 if blank else units
    random.shuffle(rows)
    limit = sorted(totals.values())[3]
    low = sorted(sku for sku, units in totals.items() if units < limit)
    calls = (Call("low_stock", (limit,), answer=low), Call("low_stock", (limit + 1000,), answer=sorted(skus)))
    return Instance({"stock.csv": table(("sku", "warehouse", "units"), rows)}, {"path": "stock.csv"}, calls)


WORDS = (
    "works",
    "well",
    "but",
    "too",
    "slow",
    "for",
    "us",
    "please",
    "add",
    "dark",
    "mode",
    "thanks",
    "again",
    "never",
)


def comments(random: Random) -> Instance:
    authors, rows, words = random.sample(PEOPLE, 3), [], defaultdict[str, int](int)
    lengths = random.sample(range(2, 13), 9)
    for number, length in enumerate(lengths):
        said = random.choices(WORDS, k=length)
        text = random.choice((" ", "\n", ", ")).join(said[:2]) + "".join(f" {word}" for word in said[2:])
        author = authors[number % 3]
        words[author] += length
        rows.append([f"c{number}", author, f'"{text}"' if number % 4 == 1 else text])
    longest = max(rows, key=lambda row: len(row[2]))
    asked = random.choice(authors)
    calls = (Call("longest_comment", answer=longest[0]), Call("word_count", (asked,), answer=words[asked]))
    return Instance({"comments.csv": table(("id", "author", "comment"), rows)}, {"path": "comments.csv"}, calls)


def best_scores(random: Random) -> Instance:
    players, rows, best = random.sample(PEOPLE, 6), [], dict[str, int]()
    for player in players * 3:
        score = random.randrange(10, 40)
        rows.append(f"{player}\t{score}")
        best[player] = max(score, best.get(player, 0))
    random.shuffle(rows)
    rows[3:3], rows[9:9] = ["# second round"], ["# Ada was ill\tand came later"]
    ranked = sorted(best.items(), key=lambda each: (-each[1], each[0]))
    n = random.randint(3, 5)
    calls = (Call("top", (n,), answer=ranked[:n]), Call("top", (1,), answer=ranked[:1]))
    return Instance({"scores.tsv": "\n".join(["player\tscore", *rows]) + "\n"}, {"path": "scores.tsv"}, calls)


def attendance(random: Random) -> Instance:
    names = random.sample(PEOPLE, 5)
    marks: dict[str, list[bool | None]] = {
        name: [random.choice((True, True, False, None)) for _ in range(6)] for name in names
    }
    marks[names[0]] = [True, None, True, True, None, True]
    marks[names[1]][:2] = [True, False]
    spelled = {True: ("yes", "Y", "Yes", "y"), False: ("no", "N", "No"), None: ("", "?")}
    rows = [
        [f"2024-05-{7 + turn:02}", name, random.choice(spelled[marks[name][turn]])]
        for turn in range(6)
        for name in names
    ]
    rate = marks[names[1]].count(True) / (marks[names[1]].count(True) + marks[names[1]].count(False))
    never = sorted(name for name, given in marks.items() if True in given and False not in given)
    calls = (Call("rate", (names[1],), answer=round(rate, 3)), Call("never_absent", answer=never))
    return Instance({"course.csv": table(("date", "name", "present"), rows)}, {"path": "course.csv"}, calls)


def account_statement(random: Random) -> Instance:
    rows, entries = [], []
    for number, cost in enumerate(random.sample(range(500, 320_000), 20)):
        when, amount, credit = day(random), cost / 100, random.random() < 0.4
        text = f"{random.choice(PRODUCTS)} {number}"
        shown = f"{amount:,.2f}"
        rows.append([when.isoformat(), text, "" if credit else shown, shown if credit else ""])
        entries.append((when, text, amount if credit else -amount))
    month = f"{entries[4][0]:%Y-%m}"
    net = sum(amount for when, _, amount in entries if f"{when:%Y-%m}" == month)
    calls = (
        Call("balance", answer=round(sum(amount for _, _, amount in entries), 2)),
        Call("net", (month,), answer=round(net, 2)),
        Call("biggest_expense", answer=min(entries, key=lambda entry: entry[2])[1]),
    )
    return Instance(
        {"account.csv": table(("date", "description", "debit", "credit"), rows)}, {"path": "account.csv"}, calls
    )


TASKS = (
    Task(
        "orders_total",
        FAMILY,
        "Analyst of the orders in {path}. total_revenue() answers the sum of quantity times unit_price over the "
        "rows in which both are numbers (some cells are empty or say N/A or unknown: such rows are skipped), "
        "rounded to 2 decimals.",
        total_revenue,
    ),
    Task(
        "orders_by_region",
        FAMILY,
        "Analyst of the orders in {path}. revenue_by_region() answers a dict from region to the sum of quantity "
        "times unit_price, rounded to 2 decimals; rows in which one of the two is no number are skipped. Regions "
        "are typed carelessly (case, blanks): 'north ' and 'NORTH' are 'North'.",
        revenue_by_region,
    ),
    Task(
        "german_payments",
        FAMILY,
        "Payments in {path}, separated by semicolons, with German amounts such as '1.234,50 €'; 'offen' is no "
        "amount, and that row does not count. total() answers the sum of the amounts as a number rounded to 2 "
        "decimals; largest() the pair (name, amount) of the largest payment.",
        german_payments,
    ),
    Task(
        "catalogue_prices",
        FAMILY,
        "A catalogue of items and prices in {path}; prices look like '$1,299.00' or '€ 45.50', and some are "
        "missing or 'n/a'. The sign of the currency does not matter. average_price() answers the mean of the "
        "prices that are there, rounded to 2 decimals; dearest(n) the names of the n items with the highest "
        "prices, the highest first.",
        catalogue_prices,
    ),
    Task(
        "signup_months",
        FAMILY,
        "Signups of users in {path}. signups_per_month() answers a dict from month ('2024-03') to the number of "
        "users who signed up then. Dates come as 2024-03-05, as 03/05/2024 (month first) and as Mar 05 2024; rows "
        "without a date are left out.",
        signups,
    ),
    Task(
        "late_deliveries",
        FAMILY,
        "Deliveries in {path} with ISO dates; 'delivered' is empty where nothing has come yet. An order is late if "
        "it was delivered after the promised day. late_orders() answers the list of late orders as they stand in "
        "the file; average_delay() the mean number of days that late orders were late, rounded to 1 decimal.",
        late_deliveries,
    ),
    Task(
        "customer_emails",
        FAMILY,
        "Customers with their email addresses in {path}, typed in any case and with stray blanks, some twice, some "
        "missing. unique_emails() answers the sorted list of the different addresses in lower case.",
        customer_emails,
    ),
    Task(
        "repeated_invoices",
        FAMILY,
        "Invoices in {path}, of which some were entered more than once. repeated() answers the list of invoice "
        "numbers that occur more than once, as integers, in ascending order, each once.",
        repeated_invoices,
    ),
    Task(
        "survey_marks",
        FAMILY,
        "A survey in {path}: marks from 1 to 5 for the questions q1, q2 and q3; where there is no number the "
        "question was not answered. averages() answers a dict from question to the mean of the marks that were "
        "given, rounded to 2 decimals; complete() the number of respondents who answered all three questions.",
        survey,
    ),
    Task(
        "sensor_extremes",
        FAMILY,
        "Readings of sensors in {path}; some values are broken (ERR, -- or empty) and do not count. names() "
        "answers the sorted list of the sensors; extremes(sensor) the pair (lowest, highest) of the readings of "
        "one sensor.",
        sensors,
    ),
    Task(
        "staff_salaries",
        FAMILY,
        "Staff with salaries in {path}; salaries are written as 52,000 or 52000 or 52000.00, or are not known. "
        "median_salary(department) answers the median of the known salaries of a department, whose name may be "
        "written in any case in the file and in the call; None if no salary is known there.",
        salaries,
    ),
    Task(
        "stock_levels",
        FAMILY,
        "Units in stock by sku and warehouse in {path}; an empty cell counts as 0, and a negative number is a "
        "correction. low_stock(limit) answers the sorted list of the skus of which there are fewer than limit "
        "units in all warehouses together.",
        stock,
    ),
    Task(
        "reader_comments",
        FAMILY,
        "Comments of readers in {path}; comments may hold commas, quotes and line breaks. longest_comment() "
        "answers the id of the comment with the most characters; word_count(author) the number of words, separated "
        "by white space, in all comments of that author.",
        comments,
    ),
    Task(
        "best_scores",
        FAMILY,
        "Scores of a game in {path}, separated by tabs, with a heading; lines that begin with # are remarks. A "
        "player's best score counts. top(n) answers the n best as a list of pairs (player, best score), the "
        "highest score first, equal scores by name.",
        best_scores,
    ),
    Task(
        "course_attendance",
        FAMILY,
        "Attendance of a course in {path}: present is yes or no, also written Y, y, Yes, N, No; anything else was "
        "not recorded. rate(name) answers the share of yes among the recorded days of a person, rounded to 3 "
        "decimals; never_absent() the sorted list of names that have at least one yes and no no.",
        attendance,
    ),
    Task(
        "account_statement",
        FAMILY,
        "A bank account in {path}: each row has its amount under debit (money out) or under credit (money in), "
        "such as 1,250.00. balance() answers all credits minus all debits, rounded to 2 decimals; net(month) the "
        "same for one month such as '2024-03'; biggest_expense() the description of the row with the largest "
        "debit.",
        account_statement,
    ),
)
