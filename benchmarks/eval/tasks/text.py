"""Text and logs: lines that do not parse, words in any case, settings, addresses, JSON in lines."""

from __future__ import annotations

import json
from collections import Counter
from random import Random
from typing import Any

from ..task import Call, Instance, Task

FAMILY = "text"
WORDS = (
    "river",
    "stone",
    "light",
    "winter",
    "bread",
    "garden",
    "letter",
    "window",
    "silver",
    "morning",
    "don't",
    "a",
    "of",
)
NAMES = ("ada", "bruno", "chen", "dora", "emil", "fatima")


def sentence(random: Random, length: int) -> str:
    """Words in odd cases with punctuation between them."""
    words = [random.choice((word, word, word.title(), word.upper())) for word in random.choices(WORDS, k=length)]
    return " ".join(word + random.choice(("", "", "", ",", ";", "!")) for word in words) + "."


def ranked(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))


def frequent_words(random: Random) -> Instance:
    lines = [sentence(random, random.randint(4, 9)) for _ in range(12)]
    counts = Counter(word.strip(",;!.").lower() for line in lines for word in line.split())
    n = random.randint(3, 5)
    calls = (Call("most_common", (n,), answer=ranked(counts)[:n]), Call("most_common", (1,), answer=ranked(counts)[:1]))
    return Instance({"letter.txt": "\n".join(lines) + "\n"}, {"path": "letter.txt"}, calls)


def line_figures(random: Random) -> Instance:
    lengths = [random.choice((0, 3, 5, 6, 8, 11)) for _ in range(17)]
    lengths[3], lengths[9] = 0, 14
    lines = [" ".join(random.choices(WORDS, k=n)) if n else random.choice(("", "   ")) for n in lengths]
    full = [n for n in lengths if n]
    calls = (
        Call("blank_lines", answer=len(lengths) - len(full)),
        Call("average_words", answer=round(sum(full) / len(full), 2)),
        Call("longest_line", answer=max(range(17), key=lambda i: lengths[i]) + 1),
    )
    return Instance({"draft.txt": "\n".join(lines) + "\n"}, {"path": "draft.txt"}, calls)


PAGES = ("/", "/about", "/shop", "/shop/cart", "/login", "/img/logo.png")


def web_log(random: Random) -> Instance:
    lines, statuses, sizes = [], Counter[int](), Counter[str]()
    for number in range(30):
        address, page = f"10.0.{random.randrange(4)}.{random.randrange(1, 200)}", random.choice(PAGES)
        status, size = random.choice((200, 200, 200, 301, 404, 500)), random.randrange(100, 9000)
        shown = "-" if status == 301 else str(size)
        lines.append(f'{address} - - [05/Mar/2024:10:{number:02}:11 +0000] "GET {page} HTTP/1.1" {status} {shown}')
        statuses[status] += 1
        sizes[page] += 0 if status == 301 else size
    lines[4:4], lines[17:17] = ["-- log rotated --"], ["10.0.0.7 - - broken line"]
    page = random.choice([each for each in PAGES if sizes[each]])
    calls = (Call("count_by_status", answer=dict(statuses)), Call("bytes_of", (page,), answer=sizes[page]))
    return Instance({"access.log": "\n".join(lines) + "\n"}, {"path": "access.log"}, calls)


MESSAGES = ("connection lost", "retry 3 of 5", "disk is full", "token expired", "queue: 17 waiting", "started")


def service_log(random: Random) -> Instance:
    lines, errors, first = [], Counter[str](), ""
    for number in range(26):
        level = random.choice(("INFO", "INFO", "DEBUG", "WARNING", "ERROR", "ERROR"))
        module, message = random.choice(("db", "web", "auth", "mail")), random.choice(MESSAGES)
        lines.append(f"2024-03-05 12:{number:02}:{random.randrange(60):02} {level} {module}: {message}")
        if level == "ERROR":
            errors[module] += 1
            first = first or message
            lines.extend(["  Traceback: ERROR in a line below", "    at step 2"] if random.random() < 0.4 else [])
    calls = (Call("errors_by_module", answer=dict(errors)), Call("first_error", answer=first))
    return Instance({"service.log": "\n".join(lines) + "\n"}, {"path": "service.log"}, calls)


def event_counts(random: Random) -> Instance:
    lines, counts = [], Counter[str]()
    for number in range(24):
        kind = random.choice(("click", "click", "view", "buy", "error"))
        event = {"id": number, "type": kind, "user": random.choice(NAMES)}
        if number % 8 == 5:
            del event["type"]
            kind = "unknown"
        counts[kind] += 1
        lines.append(json.dumps(event))
    lines[6:6], lines[12:12], lines[20:20] = ['{"id": 99, "type": "vi'], [""], ["# restarted"]
    calls = (Call("count_by_type", answer=dict(counts)),)
    return Instance({"events.jsonl": "\n".join(lines) + "\n"}, {"path": "events.jsonl"}, calls)


def payment_records(random: Random) -> Instance:
    lines, sums = [], dict.fromkeys(NAMES[:4], 0.0)
    for number in range(24):
        user, amount = random.choice(NAMES[:4]), random.randrange(100, 20_000) / 100
        record: dict[str, Any] = {"user": user, "amount": random.choice((amount, f"{amount:.2f}"))}
        if number % 7 == 3:
            record["amount"] = random.choice((None, "free"))
        else:
            sums[user] += amount
        lines.append(json.dumps(record))
    lines[5:5], lines[15:15] = ["not json"], ['{"user": "ada", "amount": 3']
    users = random.sample(sorted(sums), 2)
    calls = (
        *(Call("total", (user,), answer=round(sums[user], 2)) for user in users),
        Call("total", ("zoe",), answer=0),
    )
    return Instance({"payments.jsonl": "\n".join(lines) + "\n"}, {"path": "payments.jsonl"}, calls)


def sectioned_settings(random: Random) -> Instance:
    names = random.sample(("server", "paths", "mail", "limits"), 3)
    values = {
        name: {key: str(random.randrange(9000)) for key in random.sample(("port", "size", "home", "depth"), 3)}
        for name in names
    }
    lines = ["# settings of the service", ""]
    for name in names:
        lines.append(f"[{name}]")
        lines += [f"{key}{random.choice(('=', ' = '))}{value}" for key, value in values[name].items()]
        lines += [random.choice(("; old = 1", "# port = 1")), ""]
    name = random.choice(names)
    key = random.choice(list(values[name]))
    calls = (
        Call("sections", answer=names),
        Call("value", (name, key), answer=values[name][key]),
        Call("value", (name, "colour"), answer=None),
        Call("value", ("nowhere", key), answer=None),
    )
    return Instance({"service.ini": "\n".join(lines)}, {"path": "service.ini"}, calls)


def shell_variables(random: Random) -> Instance:
    names = random.sample(("HOST", "PORT", "DATA_DIR", "GREETING", "MODE", "TOKEN"), 5)
    lines, settings = ["# environment of the job", ""], {}
    for name in names:
        value = random.choice(("localhost", "8080", "a=b", "good morning", "/var/data", "x y"))
        mark = random.choice(('"', "'")) if " " in value else random.choice(("", '"'))
        lines.append(f"{random.choice(('', 'export '))}{name}={mark}{value}{mark}")
        settings[name] = value
    lines[4:4] = ["# MODE=off", ""]
    calls = (Call("settings", answer=settings),)
    return Instance({"job.env": "\n".join(lines) + "\n"}, {"path": "job.env"}, calls)


def found_addresses(random: Random) -> Instance:
    def text() -> tuple[str, list[str]]:
        mails = [
            f"{name}.{random.choice('klm')}@{random.choice(('mail', 'post'))}.example"
            for name in random.sample(NAMES, 4)
        ]
        shown = [random.choice((mail, mail.title())) for mail in [*mails, mails[1]]]
        around = ("write to {}, please", "<{}>", "or ({}).", "mailto:{};", "again {}!")
        return "Team @ home: " + " ".join(a.format(mail) for a, mail in zip(around, shown, strict=True)), mails

    (first, some), (second, others) = text(), text()
    calls = (
        Call("addresses", (first,), answer=some),
        Call("addresses", (second,), answer=others),
        Call("addresses", ("nobody @ all",), answer=[]),
    )
    return Instance({}, {}, calls)


STREETS = ("Main Street", "Old Mill Road", "Oak Avenue", "Second Street")
CITIES = (("Springfield", "IL"), ("Salem", "OR"), ("New Haven", "CT"), ("Rapid City", "SD"))


def postal_addresses(random: Random) -> Instance:
    calls = []
    for _ in range(3):
        number, street, (city, state) = str(random.randrange(1, 990)), random.choice(STREETS), random.choice(CITIES)
        code = f"{random.randrange(10_000, 99_999)}"
        text = random.choice(("{} {}, {}, {} {}", " {} {} ,  {}, {} {} ", "{} {},{},{}  {}")).format(
            number, street, city, state, code
        )
        answer = {"number": number, "street": street, "city": city, "state": state, "zip": code}
        calls.append(Call("parse", (text,), answer=answer))
    calls += [Call("parse", (text,), answer=None) for text in (f"{random.choice(STREETS)}, Salem", "unknown")]
    return Instance({}, {}, tuple(calls))


def page_slugs(random: Random) -> Instance:
    calls = []
    for _ in range(3):
        words = random.sample(("Hello", "World", "2024", "News", "Big", "Data", "How", "To", "C3PO"), 4)
        title = random.choice(("  {}, {}: {} & {}!", "{} -- {} ({}) {}?", "{}_{}/{}  {} ")).format(*words)
        calls.append(Call("slug", (title,), answer="-".join(words).lower()))
    calls.append(Call("slug", ("?!",), answer=""))
    return Instance({}, {}, tuple(calls))


def work_times(random: Random) -> Instance:
    def one() -> tuple[str, int]:
        hours, minutes = random.choice(((0, 45), (2, 0), (1, 20), (3, 5), (0, random.randint(1, 59))))
        parts = [f"{hours}h"] * bool(hours) + [f"{minutes}m"] * bool(minutes)
        return random.choice((" ", "")).join(parts), 60 * hours + minutes

    entries = [one() for _ in range(9)]
    tasks = [random.choice(("plan", "build", "test")) for _ in entries]
    lines = [f"{task}: {text}" for task, (text, _) in zip(tasks, entries, strict=True)]
    lines[4:4] = ["holiday", ""]
    sums: Counter[str] = Counter()
    for task, (_, minutes) in zip(tasks, entries, strict=True):
        sums[task] += minutes
    (first, worth), (second, more) = one(), one()
    calls = (
        Call("minutes", (first,), answer=worth),
        Call("minutes", (second,), answer=more),
        Call("per_task", answer=dict(sums)),
    )
    return Instance({"times.txt": "\n".join(lines) + "\n"}, {"path": "times.txt"}, calls)


TASKS = (
    Task(
        "frequent_words",
        FAMILY,
        "Counts the words of the text file {path}. A word is a run of letters and apostrophes, and case does not "
        "matter. most_common(n) answers the n most frequent words as a list of pairs (word in lower case, count), "
        "the most frequent first, equal counts in alphabetical order.",
        frequent_words,
    ),
    Task(
        "line_figures",
        FAMILY,
        "Figures about the lines of the text file {path}; a line of white space alone is blank. blank_lines() "
        "answers how many lines are blank; average_words() the mean number of words of the other lines, rounded to "
        "2 decimals; longest_line() the number of the line with the most words, counted from 1.",
        line_figures,
    ),
    Task(
        "web_log",
        FAMILY,
        "A web server's log in {path}; lines of another form are left out. count_by_status() answers a dict from "
        "status code (an integer) to the number of requests; bytes_of(page) the sum of the bytes sent for one page "
        "such as '/about', where '-' counts as 0.",
        web_log,
    ),
    Task(
        "service_log",
        FAMILY,
        "A service's log in {path}; a record is 'date time LEVEL module: message', and other lines, which are "
        "indented, belong to the record above and do not count. errors_by_module() answers a dict from module to "
        "its number of records of level ERROR; first_error() the message of the first of them.",
        service_log,
    ),
    Task(
        "event_counts",
        FAMILY,
        "Events in {path}, a JSON object on each line; lines that are no JSON are skipped. count_by_type() answers "
        "a dict from type to the number of events; an event without a type counts as 'unknown'.",
        event_counts,
    ),
    Task(
        "payment_records",
        FAMILY,
        "Payments in {path}, a JSON object with user and amount on each line; lines that are no JSON are skipped. "
        "The amount is a number or a number as text; others (None, 'free') do not count. total(user) answers the "
        "sum of the amounts of a user, rounded to 2 decimals, and 0 for one who paid nothing.",
        payment_records,
    ),
    Task(
        "sectioned_settings",
        FAMILY,
        "Settings in {path}: sections such as [server] with lines 'key = value'; lines that begin with # or ; are "
        "remarks. sections() answers the list of the sections as they stand in the file; value(section, key) the "
        "value as a text without blanks around it, None if the section or the key is not there.",
        sectioned_settings,
    ),
    Task(
        "shell_variables",
        FAMILY,
        "Variables of a shell script in {path}: lines NAME=value, some after the word export, the value in single "
        "or double quotes or in none; other lines are empty or remarks that begin with #. settings() answers a "
        "dict from name to value, without the quotes.",
        shell_variables,
    ),
    Task(
        "found_addresses",
        FAMILY,
        "Finds email addresses in texts. addresses(text) answers the list of the different addresses in a text, in "
        "lower case, in the order in which they first occur; punctuation around an address does not belong to it.",
        found_addresses,
    ),
    Task(
        "postal_addresses",
        FAMILY,
        "Takes American addresses apart. parse(text) answers for '12 Main Street, Springfield, IL 62704' the dict "
        "{'number': '12', 'street': 'Main Street', 'city': 'Springfield', 'state': 'IL', 'zip': '62704'}; blanks "
        "around the parts do not matter; the answer is None for a text that is not of this form.",
        postal_addresses,
    ),
    Task(
        "page_slugs",
        FAMILY,
        "Makes addresses of pages from titles. slug(title) answers the title's runs of letters and digits in lower "
        "case, joined by single hyphens: 'Hello, World: 2024' gives 'hello-world-2024'; a title without any gives "
        "''.",
        page_slugs,
    ),
    Task(
        "work_times",
        FAMILY,
        "Times of work in {path}: lines such as 'build: 1h 20m', 'test: 45m' or 'plan: 2h5m'; other lines are "
        "skipped. minutes(text) answers the minutes in a text such as '1h 20m'; per_task() a dict from task to the "
        "sum of its minutes.",
        work_times,
    ),
)
