"""Reference solutions of the algorithms tasks, as a person would write them."""

from __future__ import annotations

import re
from typing import Any


class RomanNumerals:
    def to_roman(self, number):
        if not 1 <= number <= 3999:
            return ""
        text = ""
        for value, numeral in self._numerals():
            count, number = divmod(number, value)
            text += numeral * count
        return text

    def from_roman(self, text):
        number, rest = 0, text.upper()
        for value, numeral in self._numerals():
            while rest.startswith(numeral):
                number, rest = number + value, rest[len(numeral) :]
        return number

    def _numerals(self):
        values = [1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1]
        return zip(values, ["M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I"], strict=True)


class MergeIntervals:
    def merge(self, intervals):
        merged: list[list[Any]] = []
        for start, end in sorted(sorted(pair) for pair in intervals):
            if merged and start <= merged[-1][1]:
                merged[-1][1] = max(merged[-1][1], end)
            else:
                merged.append([start, end])
        return merged

    def covered(self, intervals):
        return sum(end - start for start, end in self.merge(intervals))


class TaskOrder:
    def order(self, needs):
        left = {name: set(needs.get(name, ())) for name in {*needs, *(n for row in needs.values() for n in row)}}
        order: list[str] = []
        while left:
            ready = [name for name, before in left.items() if not before]
            if not ready:
                return []
            order.append(min(ready))
            del left[order[-1]]
            for before in left.values():
                before.discard(order[-1])
        return order


class BalancedBrackets:
    def balanced(self, text):
        return self.depth(text) >= 0

    def depth(self, text):
        pairs = {")": "(", "]": "[", "}": "{"}
        stack: list[str] = []
        deepest = 0
        for character in text:
            if character in pairs.values():
                stack.append(character)
                deepest = max(deepest, len(stack))
            elif character in pairs and (not stack or stack.pop() != pairs[character]):
                return -1
        return -1 if stack else deepest


class RunLengthCoding:
    def pack(self, text):
        runs = (found.group() for found in re.finditer(r"(.)\1*", text))
        return "".join(f"{len(run)}{run[0]}" if len(run) > 1 else run for run in runs)

    def unpack(self, text):
        return "".join(letter * int(count or 1) for count, letter in re.findall(r"(\d*)(\D)", text))


class NextPermutation:
    items: list[Any]

    def current(self):
        return list(self.items)

    def peek(self):
        items = list(self.items)
        at = len(items) - 2
        while at >= 0 and items[at] >= items[at + 1]:
            at -= 1
        if at >= 0:
            other = max(i for i in range(at + 1, len(items)) if items[i] > items[at])
            items[at], items[other] = items[other], items[at]
        return items[: at + 1] + items[at + 1 :][::-1]

    def advance(self):
        self.items = self.peek()
        return list(self.items)


class CoinChange:
    def fewest(self, amount, coins):
        best = [0, *[None] * amount]
        for total in range(1, amount + 1):
            before = [best[total - coin] for coin in coins if coin <= total and best[total - coin] is not None]
            best[total] = min(before) + 1 if before else None
        return best[amount]

    def ways(self, amount, coins):
        ways = [1, *[0] * amount]
        for coin in coins:
            for total in range(coin, amount + 1):
                ways[total] += ways[total - coin]
        return ways[amount]


class WordLadder:
    def first_error(self, words):
        lowered = [word.lower() for word in words]
        for at in range(1, len(lowered)):
            before, word = lowered[at - 1], lowered[at]
            if len(before) != len(word) or word in lowered[:at]:
                return at
            if sum(a != b for a, b in zip(before, word, strict=True)) != 1:
                return at
        return -1


class MatrixSpiral:
    def spiral(self, matrix):
        rows = [list(row) for row in matrix]
        found: list[Any] = []
        while rows:
            found += rows.pop(0)
            rows = [list(row) for row in zip(*rows, strict=True)][::-1]  # turned to the left
        return found


class TextWrapping:
    def wrap(self, text, width):
        lines: list[str] = []
        for word in text.split():
            if lines and len(lines[-1]) + 1 + len(word) <= width:
                lines[-1] += " " + word
            else:
                lines.append(word)
        return lines


class LuhnCheck:
    def valid(self, number):
        digits = number.replace(" ", "").replace("-", "")
        return len(digits) > 1 and digits.isdigit() and self.check_digit(digits[:-1]) == int(digits[-1])

    def check_digit(self, digits):
        total = 0
        for at, digit in enumerate(reversed(digits)):
            value = int(digit) * (2 if at % 2 == 0 else 1)
            total += value - 9 if value > 9 else value
        return (10 - total % 10) % 10


class BaseConversion:
    def to_base(self, number, base):
        left, text = abs(number), ""
        while left or not text:
            left, digit = divmod(left, base)
            text = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + text
        return "-" + text if number < 0 else text

    def from_base(self, text, base):
        try:
            return int(text, base)
        except ValueError:
            return None
