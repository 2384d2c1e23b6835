"""Reference solutions of the family text, as a person would write them."""

from __future__ import annotations

import configparser
import json
import re
from collections import Counter
from contextlib import suppress
from typing import Any


def lines(path: str) -> list[str]:
    with open(path, encoding="utf-8") as file:
        return file.read().splitlines()


def objects(path: str) -> list[dict[str, Any]]:
    found = []
    for line in lines(path):
        with suppress(ValueError):
            found.append(json.loads(line))
    return found


class FrequentWords:
    def most_common(self: Any, n: int) -> list[tuple[str, int]]:
        counts = Counter(re.findall(r"[a-z']+", "\n".join(lines(self.path)).lower()))
        return sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:n]


class LineFigures:
    def blank_lines(self: Any) -> int:
        return sum(not line.strip() for line in lines(self.path))

    def average_words(self: Any) -> float:
        counts = [len(line.split()) for line in lines(self.path) if line.strip()]
        return round(sum(counts) / len(counts), 2)

    def longest_line(self: Any) -> int:
        counts = [len(line.split()) for line in lines(self.path)]
        return counts.index(max(counts)) + 1


class WebLog:
    def _requests(self: Any) -> list[tuple[str, int, str]]:
        found = [re.search(r'"GET (\S+) [^"]*" (\d+) (\S+)$', line) for line in lines(self.path)]
        return [(match[1], int(match[2]), match[3]) for match in found if match]

    def count_by_status(self) -> dict[int, int]:
        return dict(Counter(status for _, status, _ in self._requests()))

    def bytes_of(self, page: str) -> int:
        return sum(int(size) for path, _, size in self._requests() if path == page and size != "-")


class ServiceLog:
    def _errors(self: Any) -> list[tuple[str, str]]:
        found = [re.match(r"\d{4}-\S+ \S+ ERROR (\w+): (.*)", line) for line in lines(self.path)]
        return [(match[1], match[2]) for match in found if match]

    def errors_by_module(self) -> dict[str, int]:
        return dict(Counter(module for module, _ in self._errors()))

    def first_error(self) -> str:
        return self._errors()[0][1]


class EventCounts:
    def count_by_type(self: Any) -> dict[str, int]:
        return dict(Counter(event.get("type", "unknown") for event in objects(self.path)))


class PaymentRecords:
    def total(self: Any, user: str) -> float:
        found = 0.0
        for record in objects(self.path):
            if record["user"] == user:
                with suppress(TypeError, ValueError):
                    found += float(record["amount"])
        return round(found, 2)


class SectionedSettings:
    def _read(self: Any) -> configparser.ConfigParser:
        parser = configparser.ConfigParser()
        parser.read(self.path)
        return parser

    def sections(self) -> list[str]:
        return self._read().sections()

    def value(self, section: str, key: str) -> str | None:
        return self._read().get(section, key, fallback=None)


class ShellVariables:
    def settings(self: Any) -> dict[str, str]:
        found = {}
        for line in lines(self.path):
            if line and not line.startswith("#"):
                name, _, value = line.removeprefix("export ").partition("=")
                found[name] = value.strip("\"'")
        return found


class FoundAddresses:
    def addresses(self: Any, text: str) -> list[str]:
        return list(dict.fromkeys(re.findall(r"[\w.+-]+@\w[\w.-]*\w", text.lower())))


class PostalAddresses:
    def parse(self: Any, text: str) -> dict[str, str] | None:
        match = re.fullmatch(r"\s*(\d+)\s+([^,]+?)\s*,\s*([^,]+?)\s*,\s*([A-Z]{2})\s+(\d{5})\s*", text)
        return dict(zip(("number", "street", "city", "state", "zip"), match.groups(), strict=True)) if match else None


class PageSlugs:
    def slug(self: Any, title: str) -> str:
        return "-".join(re.findall(r"[a-z0-9]+", title.lower()))


class WorkTimes:
    def minutes(self: Any, text: str) -> int:
        return sum(int(count) * (60 if unit == "h" else 1) for count, unit in re.findall(r"(\d+)([hm])", text))

    def per_task(self: Any) -> dict[str, int]:
        sums: Counter[str] = Counter()
        for line in lines(self.path):
            task, colon, text = line.partition(":")
            if colon:
                sums[task] += self.minutes(text)
        return dict(sums)
