"""Reference solutions of the numbers tasks, as a person would write them."""

from __future__ import annotations

import math
import statistics
from typing import Any


class WeightedMean:
    def weighted_mean(self, scores, weights):
        pairs = [(s, w) for s, w in zip(scores, weights, strict=True) if s is not None]
        return sum(s * w for s, w in pairs) / sum(w for _, w in pairs) if pairs else None


class Percentiles:
    def percentile(self, values, p):
        if not values:
            return None
        ordered = sorted(values)
        place = (len(ordered) - 1) * p / 100
        low = math.floor(place)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


class MovingAverage:
    def moving_average(self, values, window):
        return [sum(values[i : i + window]) / window for i in range(len(values) - window + 1)]


class TrimmedMean:
    readings: list[Any]

    def trimmed_mean(self, percent):
        out = len(self.readings) * percent // 100
        return statistics.mean(sorted(self.readings)[out : len(self.readings) - out])

    def latest(self, n):
        return self.readings[::-1][:n]


class LinearFit:
    def fit(self, points):
        if len({x for x, _ in points}) < 2:
            return None
        mean_x = statistics.fmean(x for x, _ in points)
        mean_y = statistics.fmean(y for _, y in points)
        slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)
        return [slope, mean_y - slope * mean_x]


class Histogram:
    def histogram(self, values, low, high, bins):
        counts = [0] * bins
        for value in values:
            if low <= value <= high:
                counts[min(int((value - low) * bins / (high - low)), bins - 1)] += 1
        return counts


class ZScores:
    def z_scores(self, values):
        if not values:
            return []
        mean, deviation = statistics.fmean(values), statistics.pstdev(values)
        return [(v - mean) / deviation if deviation else 0.0 for v in values]


class SplitMoney:
    def split(self, total, people):
        cents = round(float(total.replace("$", "").replace(",", "")) * 100)
        share, extra = divmod(cents, people)
        return [f"{(share + (i < extra)) / 100:.2f}" for i in range(people)]


class CompoundInterest:
    principal: float
    rate: float

    def balance_after(self, years):
        return self.principal * (1 + self.rate / 100) ** years

    def years_to_reach(self, goal):
        years = 0
        while self.balance_after(years) < goal:
            years += 1
        return years


class RunLengths:
    def runs(self, values):
        found: list[list[Any]] = []
        for value in values:
            if found and found[-1][0] == value:
                found[-1][1] += 1
            else:
                found.append([value, 1])
        return found

    def longest_run(self, values):
        return max(self.runs(values), key=lambda run: run[1], default=None)


class Correlation:
    def correlation(self, xs, ys):
        pairs = [(x, y) for x, y in zip(xs, ys, strict=True) if x is not None and y is not None]
        if len({x for x, _ in pairs}) < 2 or len({y for _, y in pairs}) < 2:
            return None
        mean_x = sum(x for x, _ in pairs) / len(pairs)
        mean_y = sum(y for _, y in pairs) / len(pairs)
        together = sum((x - mean_x) * (y - mean_y) for x, y in pairs)
        return together / math.sqrt(sum((x - mean_x) ** 2 for x, _ in pairs) * sum((y - mean_y) ** 2 for _, y in pairs))


class Outliers:
    def outliers(self, values):
        if len(values) < 4:
            return []
        ordered, half = sorted(values), len(values) // 2
        low, high = statistics.median(ordered[:half]), statistics.median(ordered[-half:])
        reach = 1.5 * (high - low)
        return [v for v in values if v < low - reach or v > high + reach]
