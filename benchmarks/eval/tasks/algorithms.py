"""Small algorithms; the truth is built backwards from the answer, or found by trying everything."""

from __future__ import annotations

import textwrap
from itertools import combinations_with_replacement, permutations
from random import Random
from typing import Any

from ..task import Call, Instance, Task

WORDS = ["a", "to", "of", "sea", "map", "tide", "chart", "sailor", "harbour", "lighthouse", "storm"]
WORDS += ["anchor", "rope", "wave", "north", "wind"]
LETTERS = "abcdefghijklmnopqrstuvwxyz"
DIGITS = "0123456789" + LETTERS


def roman_numerals(random: Random) -> Instance:
    ones = ["", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX"]
    tens = [each.translate(str.maketrans("IVX", "XLC")) for each in ones]
    hundreds = [each.translate(str.maketrans("IVX", "CDM")) for each in ones]
    calls, thousand = [], random.randint(0, 2) * 1000
    for number in [random.randint(11, 88), thousand + 944, thousand + 499, random.randint(755, 759), 3999, 1]:
        thousands, rest = divmod(number, 1000)
        text = "M" * thousands + hundreds[rest // 100] + tens[rest // 10 % 10] + ones[rest % 10]
        calls.append(Call("to_roman", (number,), answer=text))
        calls.append(Call("from_roman", (text.lower() if number % 1000 < 90 else text,), answer=number))
    beyond = [0, 4000, random.randint(4_001, 9_000), -random.randint(1, 50)]
    return Instance({}, {}, (*calls, *(Call("to_roman", (number,), answer="") for number in beyond)))


def merge_intervals(random: Random) -> Instance:
    def case() -> tuple[list[list[int]], list[list[int]]]:
        """Blocks far from each other, each cut into pieces that touch or overlap."""
        blocks, pieces, at = [], [], random.randint(-30, 0)
        for _ in range(4):
            end = at + random.randint(6, 15)
            cut = random.randint(at + 1, end - 2)
            blocks.append([at, end])
            pieces += random.choice([[[at, end]], [[at, cut], [cut, end]], [[at, cut + 1], [cut, end], [cut, cut + 1]]])
            at = end + random.randint(1, 5)
        random.shuffle(pieces)
        return [piece[:: random.choice([1, 1, -1])] for piece in pieces], blocks

    (first, blocks), (second, others) = case(), case()
    length = sum(end - start for start, end in others)
    whole = [[-50, 90], *second]  # one that holds all the others
    calls = [
        Call("merge", (first,), answer=blocks),
        Call("covered", (second,), answer=length),
        Call("merge", (second,), answer=others),
        Call("covered", (whole,), answer=140),
        Call("merge", ([],), answer=[]),
        Call("covered", ([],), answer=0),
    ]
    return Instance({}, {}, tuple(calls))


def task_order(random: Random) -> Instance:
    """The truth is the first of all orders, by the alphabet, that breaks no rule."""

    def case(size: int, circle: bool) -> tuple[dict[str, list[str]], list[str]]:
        names = random.sample(LETTERS, size)
        needs = {name: random.sample(names[at + 1 :], min(at % 3, size - at - 1)) for at, name in enumerate(names[:-2])}
        needs[names[1]] = [*names[3:4], names[-1]]  # the last two are needed, and have no row of their own
        needs[names[0]] = [names[-2]]
        if circle:
            needs[names[3]] = [names[1]]
        orders = permutations(sorted(names))
        fits = (o for o in orders if all(o.index(n) < o.index(name) for name, row in needs.items() for n in row))
        return needs, list(next(fits, []))

    cases = [case(6, False), case(6, True), case(5, False)]
    cases.append(cases[0])  # the very same dict again: what empties it is found out
    calls = [Call("order", (needs,), answer=answer) for needs, answer in cases]
    return Instance({}, {}, (*calls, Call("order", ({},), answer=[])))


def balanced_brackets(random: Random) -> Instance:
    def nested(room: int) -> tuple[str, int]:
        """A balanced text and how deep it goes."""
        text, deepest = "", 0
        for _ in range(random.randint(1, 3) if room else 0):
            left, right = random.choice([("(", ")"), ("[", "]"), ("{", "}")])
            inner, depth = nested(room - random.randint(1, room))
            text += random.choice(LETTERS) + left + inner + right
            deepest = max(deepest, depth + 1)
        return text, deepest

    def opened(text: str) -> str:
        """Without its last closing bracket."""
        at = max(text.rfind(bracket) for bracket in ")]}")
        return text[:at] + text[at + 1 :]

    texts = [nested(4) for _ in range(3)]
    calls = [Call("balanced", (text,), answer=True) for text, _ in texts]
    calls += [Call("depth", (text,), answer=depth) for text, depth in texts]
    bad = [opened(texts[0][0]), texts[1][0] + "]", "([x)]", ")" + random.choice(LETTERS) + "("]
    calls += [Call("balanced", (text,), answer=False) for text in bad]
    calls += [Call("depth", (text,), answer=-1) for text in bad]
    plain = "".join(random.sample(LETTERS, 4))
    calls += [Call("balanced", (plain,), answer=True), Call("depth", (plain,), answer=0)]
    return Instance({}, {}, (*calls, Call("balanced", ("",), answer=True), Call("depth", ("",), answer=0)))


def run_length_coding(random: Random) -> Instance:
    def case(longest: int) -> tuple[str, str]:
        runs = [(letter, random.randint(1, 4)) for letter in random.sample(LETTERS, random.randint(4, 7))]
        runs[-1] = (runs[-1][0], longest)
        runs += [(runs[-1][0].upper(), 1), (runs[0][0], 2)]
        return "".join(a * n for a, n in runs), "".join(f"{n if n > 1 else ''}{a}" for a, n in runs)

    cases = [case(random.randint(2, 9)), case(random.randint(10, 30)), ("", "")]
    calls = [Call("pack", (text,), answer=packed) for text, packed in cases]
    return Instance({}, {}, (*calls, *(Call("unpack", (packed,), answer=text) for text, packed in cases)))


def next_permutation(random: Random) -> Instance:
    """The truth stands in the sorted list of all arrangements."""
    values = random.sample(range(-9, 30), 4)
    values.append(values[0])
    every = sorted(set(permutations(values)))
    start = random.randrange(40, 53)
    calls = []
    for at in range(start, len(every) - 1):
        calls.append(Call("peek", answer=every[at + 1]))
        calls.append(Call("current", answer=every[at]))
        calls.append(Call("advance", answer=every[at + 1]))
    calls += [Call("peek", answer=every[0]), Call("current", answer=every[-1]), Call("advance", answer=every[0])]
    return Instance({}, {"items": list(every[start])}, tuple(calls))


def coin_change(random: Random) -> Instance:
    """The truth tries every handful of coins."""

    def case(coins: list[int], amount: int) -> list[Call]:
        fits = [
            n for n in range(amount + 1) for picked in combinations_with_replacement(coins, n) if sum(picked) == amount
        ]
        shuffled = random.sample(coins, len(coins))
        return [
            Call("fewest", (amount, shuffled), answer=min(fits, default=None)),
            Call("ways", (amount, shuffled), answer=len(fits)),
        ]

    greedy_fails = random.choice([([1, 3, 4], 6), ([1, 5, 6, 9], 11), ([1, 4, 5], 8), ([1, 7, 10], 14)])
    calls = case([3, 5, random.choice([7, 8])], random.randint(13, 19))
    calls += case(*greedy_fails)
    calls += case([4, 6], random.choice([7, 9, 11]))
    return Instance({}, {}, (*calls, *case([2, 5], 0)))


def word_ladder(random: Random) -> Instance:
    def ladder(steps: int) -> list[str]:
        words = ["".join(random.sample(LETTERS, 4))]
        while len(words) < steps:
            at = random.randrange(4)
            word = words[-1][:at] + random.choice(LETTERS) + words[-1][at + 1 :]
            words += [word] * (word not in words)
        return [random.choice([word, word.title(), word.upper()]) for word in words]

    good = ladder(random.randint(4, 7))
    jump = [*good[:2], "".join(LETTERS[(LETTERS.index(c) + 5) % 26] for c in good[1].lower()), *good[2:]]
    cases = [(good, -1), (jump, 2), ([*good, good[-2].swapcase()], len(good))]
    cases += [([*good[:3], good[2] + "s", *good[3:]], 3), ([good[0], good[0], good[1]], 1), (good[:1], -1), ([], -1)]
    calls = [Call("first_error", (words,), answer=at) for words, at in cases]
    return Instance({}, {}, tuple(calls))


def matrix_spiral(random: Random) -> Instance:
    """The truth walks, and turns right where it has been."""

    def case(height: int, width: int) -> Call:
        free = {(row, column) for row in range(height) for column in range(width)}
        matrix = [[0] * width for _ in range(height)]
        answer: list[int] = []
        row, column, down, right = 0, 0, 0, 1
        while free:
            free.remove((row, column))
            answer.append(random.randint(-9, 99))
            matrix[row][column] = answer[-1]
            if (row + down, column + right) not in free:
                down, right = right, -down
            row, column = row + down, column + right
        return Call("spiral", (matrix,), answer=answer)

    size, other = random.sample(range(3, 6), 2)
    calls = [case(size, size), case(size, other), case(other, 1), case(1, size), case(2, other)]
    calls.append(calls[1])  # the very same rows again: what takes them apart is found out
    return Instance({}, {}, (*calls, Call("spiral", ([],), answer=[])))


def text_wrapping(random: Random) -> Instance:
    def case() -> Call:
        words = random.choices(WORDS, k=random.randint(12, 20))
        words.insert(random.randint(3, 8), "counterclockwise" + random.choice(WORDS))
        text = "".join(word + random.choice([" ", " ", "  ", "\n"]) for word in words)
        width = random.randint(11, 15)
        lines = textwrap.wrap(" ".join(words), width, break_long_words=False, break_on_hyphens=False)
        return Call("wrap", (text, width), answer=lines)

    words = random.sample(WORDS[3:], 3)
    exact = Call("wrap", (" ".join(words), len(" ".join(words[:2]))), answer=[" ".join(words[:2]), words[2]])
    return Instance(
        {}, {}, (case(), case(), exact, Call("wrap", ("", 13), answer=[]), Call("wrap", ("  ", 9), answer=[]))
    )


def luhn_check(random: Random) -> Instance:
    def case(size: int) -> tuple[str, str]:
        """Digits and their check digit: the last one is chosen so that the sum of all is a multiple of ten."""
        digits = [random.randint(0, 9) for _ in range(size)]
        total = sum(digits[-2::-2]) + sum([0, 2, 4, 6, 8, 1, 3, 5, 7, 9][d] for d in digits[::-2])
        return "".join(map(str, digits)), str(-total % 10)

    calls = []
    for size in [*random.sample(range(7, 16), 2), 1]:
        digits, check = case(size)
        spaced = " ".join([digits[:4], digits[4:]]) + random.choice(["-", " "]) + check
        wrong = digits + str((int(check) + random.randint(1, 9)) % 10)
        calls += [Call("valid", (digits + check,), answer=True), Call("valid", (spaced,), answer=True)]
        calls += [Call("valid", (wrong,), answer=False), Call("check_digit", (digits,), answer=int(check))]
    calls += [Call("valid", (digits + check + "x",), answer=False), Call("valid", ("",), answer=False)]
    return Instance({}, {}, (*calls, Call("valid", ("-",), answer=False), Call("valid", ("0",), answer=False)))


def base_conversion(random: Random) -> Instance:
    calls = []
    for base, sign in zip(random.sample([3, 5, 7, 8, 13, 16, 20, 36], 4), ["", "-", "", "-"], strict=True):
        digits = random.choice(DIGITS[1:base]) + "".join(random.choices(DIGITS[:base], k=random.randint(2, 5)))
        text = sign + digits
        calls.append(Call("to_base", (int(text, base), base), answer=text))
        calls.append(Call("from_base", (text.upper() if sign else text, base), answer=int(text, base)))
    base = random.choice([4, 6, 9])
    calls += [Call("to_base", (0, base), answer="0"), Call("from_base", ("0", base), answer=0)]
    calls.append(Call("from_base", (f"1{base}1", base), answer=None))
    return Instance({}, {}, (*calls, Call("from_base", ("", base), answer=None)))


def _task(make: Any, identity: str) -> Task:
    return Task(make.__name__, "algorithms", identity, make)


TASKS = (
    _task(
        roman_numerals,
        "Converts Roman numerals. to_roman(number) answers the numeral in capital letters, in the usual short form (4 "
        "is IV, 900 is CM), or an empty text if the number is not from 1 to 3999. from_roman(text) answers the number "
        "of a numeral in capital or small letters.",
    ),
    _task(
        merge_intervals,
        "Works with intervals, lists of [start, end] in any order, where the two ends of an interval may be swapped. "
        "merge(intervals) answers the sorted list of [start, end] of what remains when intervals that overlap or "
        "share an end are joined. covered(intervals) answers the length that they cover together.",
    ),
    _task(
        task_order,
        "Plans the order of tasks. order(needs) takes a dict of task to the list of the tasks that must be done "
        "before it; a task may stand in such a list only. It answers the list of all tasks in an order that respects "
        "this, and that always takes the first by the alphabet of the tasks that can be done next. If the tasks go in "
        "a circle, it answers []. The dict itself stays as it is.",
    ),
    _task(
        balanced_brackets,
        "Checks round, square and curly brackets in a text; all other characters are passed over. balanced(text) "
        "answers whether each bracket that opens is closed by its own kind in the right order. depth(text) answers "
        "how deep the brackets are nested (0 without any), or -1 if the text is not balanced.",
    ),
    _task(
        run_length_coding,
        "Packs texts of letters. pack(text) writes each run of the same letter as its length and the letter, and a "
        "single letter without a length: 'aaab' is '3ab'. Capital and small letters are different. unpack(text) does "
        "the reverse, with lengths of any number of digits.",
    ),
    _task(
        next_permutation,
        "A list of items that goes through its arrangements in ascending (lexicographic) order; equal items are not "
        "told apart. peek() answers the next arrangement and changes nothing. advance() makes the next one the "
        "current one and answers it. current() answers the items as they are. After the last arrangement comes the "
        "first, the sorted one.",
    ),
    _task(
        coin_change,
        "Makes change; every coin may be used any number of times. fewest(amount, coins) answers the smallest number "
        "of coins that make up the amount exactly, or None if no coins do. ways(amount, coins) answers how many "
        "combinations of coins make it up, whatever their order. An amount of 0 takes 0 coins, in 1 way.",
    ),
    _task(
        word_ladder,
        "Checks word ladders. first_error(words) answers the position in the list (from 0) of the first word that is "
        "wrong, or -1 if none is. A word is wrong if it has not the same length as the word before, if it does not "
        "differ from that in exactly one letter, or if it occurs earlier in the list. Capital and small letters count "
        "as the same. The first word is never wrong.",
    ),
    _task(
        matrix_spiral,
        "Reads a matrix, a list of rows of equal length. spiral(matrix) answers the list of all its values in a "
        "clockwise spiral that begins at the top left and goes right first. The matrix itself stays as it is. An "
        "empty matrix answers [].",
    ),
    _task(
        text_wrapping,
        "Wraps text. wrap(text, width) answers the list of lines: as many words on each line as fit into `width` "
        "characters, with one space between words, whatever blanks or line breaks the text has. A word longer than "
        "the width stands alone on a line and is not cut. A text without words answers [].",
    ),
    _task(
        luhn_check,
        "Checks card numbers with the Luhn formula. valid(number) takes a text in which spaces and dashes are passed "
        "over; it answers False if anything else but digits is in it, or if there are fewer than two digits. "
        "check_digit(digits) answers the digit (a number) that must be added at the end of a text of digits to make "
        "it valid.",
    ),
    _task(
        base_conversion,
        "Converts whole numbers between bases from 2 to 36; the digits are 0-9 and then a-z. to_base(number, base) "
        "answers a text in small letters, with a minus sign in front of a negative number and without leading zeros. "
        "from_base(text, base) answers the number of such a text, in small or capital letters, or None if the text is "
        "empty or has a digit that the base does not have.",
    ),
)
