"""Numbers and statistics: the data are lists, the truth is computed another way than a solution would."""

from __future__ import annotations

import statistics
from fractions import Fraction
from itertools import accumulate
from random import Random
from typing import Any

from ..task import Call, Instance, Task


def weighted_mean(random: Random) -> Instance:
    def case() -> tuple[Any, ...]:
        scores: list[Any] = [random.randint(20, 99) for _ in range(random.randint(4, 8))]
        scores[1] = None
        weights = [random.randint(1, 6) for _ in scores]
        spread = [s for s, w in zip(scores, weights, strict=True) if s is not None for _ in range(w)]
        return scores, weights, statistics.mean(spread)

    nothing = [None] * random.randint(2, 4)
    return _asked("weighted_mean", case(), case(), (nothing, [random.randint(1, 6) for _ in nothing], None))


def percentiles(random: Random) -> Instance:
    def case(size: int) -> tuple[Any, ...]:
        values = [random.randint(-50, 150) for _ in range(size)]
        share = random.randint(11, 89)
        return values, share, statistics.quantiles(values, n=100, method="inclusive")[share - 1]

    few, one = [random.randint(-50, 150) for _ in range(5)], random.randint(-50, 150)
    edges = [(few, 100, max(few)), (few, 0, min(few)), ([one], random.randint(11, 89), one), ([], 50, None)]
    return _asked("percentile", case(random.randint(6, 9)), case(random.randint(10, 15)), *edges)


def moving_average(random: Random) -> Instance:
    def case(size: int, window: int) -> tuple[Any, ...]:
        values = [random.randint(-40, 90) for _ in range(size)]
        sums = [0, *accumulate(values)]
        return values, window, [(b - a) / window for a, b in zip(sums, sums[window:], strict=False)]

    size = random.randint(4, 7)
    sizes = [(random.randint(7, 12), 3), (random.randint(8, 12), random.randint(4, 6)), (size, size), (size, size + 1)]
    return _asked("moving_average", *(case(*each) for each in sizes), ([], 4, []))


def trimmed_mean(random: Random) -> Instance:
    readings = [random.randint(-30, 300) for _ in range(random.choice([12, 16]))]
    calls = []
    for percent in [*random.sample([5, 15, 20, 30], 2), 25]:
        rest = list(readings)
        for _ in range(len(readings) * percent // 100):
            rest.remove(min(rest))
            rest.remove(max(rest))
        calls.append(Call("trimmed_mean", (percent,), answer=Fraction(sum(rest), len(rest)) + 0.0))
    return Instance({}, {"readings": readings}, (*calls, Call("latest", (4,), answer=readings[:-5:-1])))


def linear_fit(random: Random) -> Instance:
    def case() -> tuple[Any, ...]:
        slope, start = random.randint(-8, 8) / 2, random.randint(-20, 20)
        points = []
        for x in random.sample(range(-9, 20), random.randint(3, 5)):
            off = random.randint(0, 4)  # one point above the line, one below it: the best line stays
            points += [[x, slope * x + start + off], [x, slope * x + start - off]]
        random.shuffle(points)
        return points, [slope, start]

    x, slope = random.randint(1, 9), random.randint(-5, 5)
    upright = [[x, random.randint(1, 30) / 2] for _ in range(3)]
    two = [[x, slope * x - 3.5] for x in random.sample(range(-9, 20), 2)]
    return _asked("fit", case(), case(), (upright, None), (two, [slope, -3.5]), ([], None))


def histogram(random: Random) -> Instance:
    def case() -> tuple[Any, ...]:
        low, width, bins = random.randint(-20, 20), random.randint(3, 8), random.randint(4, 7)
        counts = [random.randint(0, 4) for _ in range(bins)]
        edges = [low + i * width for i in range(bins + 1)]
        values = [e + random.randrange(width) for e, n in zip(edges, counts, strict=False) for _ in range(n)]
        values += [*edges, low - random.randint(1, 9), edges[-1] + random.randint(1, 9)]
        random.shuffle(values)
        return values, low, edges[-1], bins, [n + 1 for n in counts[:-1]] + [counts[-1] + 2]

    return _asked("histogram", case(), case(), ([], 0, random.randint(4, 9) * 5, 5, [0] * 5))


def z_scores(random: Random) -> Instance:
    def case() -> tuple[Any, ...]:
        centre, spread = random.randint(-20, 60), random.randint(3, 12)
        steps = [-1, 1] * random.randint(1, 3) + [-2, 2] + [0] * 2  # centred on 0
        deviation = (sum(s * s for s in steps) / len(steps)) ** 0.5
        random.shuffle(steps)
        return [centre + spread * s for s in steps], [s / deviation for s in steps]

    level = [random.randint(3, 80)] * random.randint(3, 5)
    return _asked("z_scores", case(), case(), (level, [0.0] * len(level)), ([], []))


def split_money(random: Random) -> Instance:
    def case(smallest: int, people: int) -> tuple[Any, ...]:
        share, extra = random.randint(smallest, smallest * 3), random.randint(1, people - 1)
        shares = [share + 1] * extra + [share] * (people - extra)
        return f"${sum(shares) / 100:,.2f}", people, [f"{each / 100:.2f}" for each in shares]

    people = random.randint(3, 6)
    little = ("$0.02", people, ["0.01"] * 2 + ["0.00"] * (people - 2))
    return _asked("split", case(900, random.randint(3, 7)), case(120_000, random.randint(5, 9)), little)


def compound_interest(random: Random) -> Instance:
    principal, rate = random.randint(300, 9_000), random.randint(3, 9)
    grown = [Fraction(principal)]
    while len(grown) < 30:
        grown.append(grown[-1] + grown[-1] * rate / 100)
    saved, goal = random.sample(range(4, 14), 2)
    calls = [
        Call("balance_after", (saved,), answer=float(grown[saved])),
        Call("balance_after", (0,), answer=principal),
        Call("years_to_reach", (int(grown[goal]),), answer=goal),
        Call("years_to_reach", (int(grown[goal]) + 1,), answer=goal + 1),
        Call("years_to_reach", (principal,), answer=0),
        Call("years_to_reach", (principal - 37,), answer=0),
    ]
    return Instance({}, {"principal": principal, "rate": rate}, tuple(calls))


def run_lengths(random: Random) -> Instance:
    def case() -> tuple[list[int], list[list[int]]]:
        runs: list[list[int]] = []
        while len(runs) < 6:
            value = random.randint(-3, 5)
            if not runs or runs[-1][0] != value:
                runs.append([value, random.randint(1, 3)])
        runs[2][1] = runs[4][1] = random.randint(4, 6)  # two longest: the first one counts
        return [value for value, count in runs for _ in range(count)], runs

    (first, runs), (second, more) = case(), case()
    calls = [
        Call("runs", (first,), answer=runs),
        Call("longest_run", (second,), answer=more[2]),
        Call("longest_run", (first,), answer=runs[2]),
        Call("runs", ([],), answer=[]),
        Call("longest_run", ([],), answer=None),
    ]
    return Instance({}, {}, tuple(calls))


def correlation(random: Random) -> Instance:
    def case(sign: int) -> tuple[Any, ...]:
        pairs = [(x, sign * x * 2 + random.randint(-9, 9)) for x in random.sample(range(-10, 30), 8)]
        answer = statistics.correlation(*zip(*pairs, strict=True))
        xs: list[Any] = [x for x, _ in pairs]
        ys: list[Any] = [y for _, y in pairs]
        for at, x, y in [(1, None, 40), (4, random.randint(1, 99), None)]:
            xs.insert(at, x)
            ys.insert(at, y)
        return xs, ys, answer

    level = [5, None, 5, 5]
    short = [random.randint(2, 9), None, None]
    other = [1, 2, random.randint(3, 9), 4]
    two = ([short[0], None, 20], [random.randint(5, 9), 2, random.randint(1, 4)], -1)
    flat = [(level, other, None), (other, level, None)]
    return _asked("correlation", case(1), case(-1), *flat, (short, list(short), None), two)


def outliers(random: Random) -> Instance:
    def case() -> tuple[Any, ...]:
        low = random.randint(-10, 60)
        values = [low + step for step in range(20)]  # quartiles near low + 5 and low + 15: nothing of these is far out
        far = [low + 19 + random.randint(40, 90), low - random.randint(40, 90), low + 19 + random.randint(40, 90)]
        far.append(far[0])
        random.shuffle(values)
        random.shuffle(far)
        for each, at in zip(far, sorted(random.sample(range(20), 4)), strict=True):
            values.insert(at + far.index(each), each)
        return values, [v for v in values if v in far]

    def close(sign: int) -> tuple[Any, ...]:
        """One value just beyond one fence, and one on the other fence, which is not beyond it."""
        step = random.randint(3, 9)
        first = random.randint(-20, 60)
        third = first + 4 * step
        below, on = first - 6 * step - 1, third + 6 * step
        values = [below, first - 1, first, first + 1, first + 1, first + 5, third - 1, third - 1, third, third + 1, on]
        random.shuffle(values)
        return [sign * v for v in values], [sign * below]

    few = [random.randint(1, 9), 500, 2]
    return _asked("outliers", case(), close(1), close(-1), (few, []), ([], []))


def _asked(name: str, *cases: tuple[Any, ...]) -> Instance:
    """One method of an object without state, called with each case: the arguments, then the answer."""
    return Instance({}, {}, tuple(Call(name, tuple(args), answer=answer) for *args, answer in cases))


TASKS = (
    Task(
        "weighted_mean",
        "numbers",
        "A grade book. weighted_mean(scores, weights) answers the mean of the scores, each counted by the weight at "
        "the same place, not rounded. A score that is None is left out together with its weight; None if no score is "
        "left.",
        weighted_mean,
    ),
    Task(
        "percentiles",
        "numbers",
        "Response time statistics. percentile(values, p) answers the p-th percentile (p from 0 to 100) of a list of "
        "numbers in any order, with linear interpolation between the two nearest ranks: the lowest value is at 0, the "
        "highest at 100. An empty list answers None.",
        percentiles,
    ),
    Task(
        "moving_average",
        "numbers",
        "Smooths a series. moving_average(values, window) answers the list of the plain averages of each `window` "
        "values that follow one another, full windows only, not rounded; [] if there are fewer values than the "
        "window.",
        moving_average,
    ),
    Task(
        "trimmed_mean",
        "numbers",
        "Sensor readings, a list in the order of arrival. trimmed_mean(percent) answers the mean of the readings "
        "without the lowest and without the highest `percent` percent of them; how many to leave out on each side is "
        "rounded down. latest(n) answers the n readings that arrived last, the newest first.",
        trimmed_mean,
    ),
    Task(
        "linear_fit",
        "numbers",
        "Fits a trend. fit(points) takes a list of [x, y] pairs and answers [slope, intercept] of the line of least "
        "squares, not rounded; None if there are fewer than two different x.",
        linear_fit,
    ),
    Task(
        "histogram",
        "numbers",
        "Counts values in bins. histogram(values, low, high, bins) cuts the range from low to high into `bins` bins "
        "of equal width and answers the list of counts. A bin holds its left edge and not its right one, but the last "
        "bin holds both. Values outside of the range are not counted.",
        histogram,
    ),
    Task(
        "z_scores",
        "numbers",
        "Standardizes numbers. z_scores(values) answers the list of (value - mean) / standard deviation in the same "
        "order, with the population standard deviation (divide by n). If all values are equal, every score is 0. An "
        "empty list answers an empty list.",
        z_scores,
    ),
    Task(
        "split_money",
        "numbers",
        "Splits a bill to the cent. split(total, people) takes a text such as '$1,250.40' and a number of people and "
        "answers the list of their shares as texts with two decimals and no sign, such as '12.35'. The shares sum up "
        "to the total exactly; cents that are left over go to the first people, one each.",
        split_money,
    ),
    Task(
        "compound_interest",
        "numbers",
        "A savings plan that starts with the principal and earns `rate` percent a year, added at the end of each "
        "year. balance_after(years) answers the balance, not rounded. years_to_reach(goal) answers the smallest whole "
        "number of years after which the balance is at least the goal (0 if it already is).",
        compound_interest,
    ),
    Task(
        "run_lengths",
        "numbers",
        "Finds runs of equal numbers. runs(values) answers a list of [value, length], one for each stretch of equal "
        "neighbours, in order. longest_run(values) answers the [value, length] of the longest one, the first of them "
        "if several are equally long, and None for an empty list.",
        run_lengths,
    ),
    Task(
        "correlation",
        "numbers",
        "Compares two series. correlation(xs, ys) answers Pearson's correlation coefficient of the values at the same "
        "places, not rounded. Places where one or both are None are left out. None if fewer than two pairs are left, "
        "or if all x or all y that are left are equal.",
        correlation,
    ),
    Task(
        "outliers",
        "numbers",
        "Finds outliers. outliers(values) answers the values that lie more than 1.5 times the interquartile range "
        "below the first or above the third quartile, in the order of the list, repeated ones too. The quartiles are "
        "the medians of the lower and of the upper half of the sorted values; with an odd number of values the middle "
        "one belongs to neither half. Fewer than four values answer [].",
        outliers,
    ),
)
