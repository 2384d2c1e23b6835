"""Reference solutions of the objects tasks, as a person would write them."""

from __future__ import annotations

from typing import Any


class Inventory:
    stock: dict[str, int]

    def add(self, item, quantity):
        self.stock[item] = self.stock.get(item, 0) + quantity
        return self.stock[item]

    def take(self, item, quantity):
        if self.stock.get(item, 0) < quantity:
            return False
        self.stock[item] -= quantity
        if not self.stock[item]:
            del self.stock[item]
        return True

    def running_low(self, limit):
        return sorted(item for item, quantity in self.stock.items() if quantity <= limit)


class BankAccount:
    balance: int
    overdraft: int
    fee: int

    def deposit(self, amount):
        if amount > 0:
            self.balance += amount
        return self.balance

    def withdraw(self, amount):
        if self.balance - amount < -self.overdraft:
            return False
        self.balance -= amount
        if self.balance < 0:
            self.balance -= self.fee
        return True

    def available(self):
        return max(0, self.balance + self.overdraft)


class LruCache:
    capacity: int
    entries: dict[str, Any]

    def put(self, key, value):
        self.entries.pop(key, None)
        self.entries[key] = value
        if len(self.entries) > self.capacity:
            del self.entries[next(iter(self.entries))]

    def get(self, key):
        if key not in self.entries:
            return None
        self.entries[key] = self.entries.pop(key)
        return self.entries[key]

    def order(self):
        return list(self.entries)


class TextEditor:
    text: str
    past: list[str]
    future: list[str]

    def write(self, words):
        return self._change(self.text + words)

    def erase(self, count):
        return self._change(self.text[:-count] if count else self.text)

    def _change(self, text):
        self.past.append(self.text)
        self.future.clear()
        self.text = text
        return text

    def undo(self):
        if self.past:
            self.future.append(self.text)
            self.text = self.past.pop()
        return self.text

    def redo(self):
        if self.future:
            self.past.append(self.text)
            self.text = self.future.pop()
        return self.text


class TaskList:
    tasks: list[tuple[str, int]]

    def add(self, title, priority):
        self.tasks.append((title, priority))
        return len(self.tasks)

    def finish_next(self):
        if not self.tasks:
            return None
        first = max(self.tasks, key=lambda task: task[1])
        self.tasks.remove(first)
        return first[0]

    def agenda(self):
        return [title for title, _ in sorted(self.tasks, key=lambda task: task[1], reverse=True)]


class Bowling:
    throws: list[int]

    def roll(self, pins):
        self.throws.append(pins)

    def score(self):
        return sum(total for _, total in self._frames())

    def strike_frames(self):
        return sum(first == 10 for first, _ in self._frames())

    def _frames(self):
        at = 0
        for _ in range(10):
            first = self.throws[at]
            bonus = first == 10 or first + self.throws[at + 1] == 10
            yield first, sum(self.throws[at : at + 2 + bonus])
            at += 1 if first == 10 else 2


class ExpenseSplitter:
    people: list[str]
    expenses: list[tuple[str, int, list[str]]]

    def pay(self, who, amount, among):
        self.expenses.append((who, amount, list(among)))

    def balances(self):
        owed = dict.fromkeys(self.people, 0)
        for who, amount, among in self.expenses:
            owed[who] += amount
            share, rest = divmod(amount, len(among))
            for at, person in enumerate(among):
                owed[person] -= share + (1 if at < rest else 0)
        return owed

    def total_spent(self):
        return sum(amount for _, amount, _ in self.expenses)


class ParkingLot:
    size: int
    parked: dict[str, int]

    def arrive(self, plate):
        if plate not in self.parked:
            free = set(range(1, self.size + 1)) - set(self.parked.values())
            if not free:
                return None
            self.parked[plate] = min(free)
        return self.parked[plate]

    def leave(self, plate):
        return self.parked.pop(plate, None) is not None

    def free(self):
        return self.size - len(self.parked)


class Election:
    candidates: list[str]
    ballots: dict[str, str]

    def vote(self, voter, candidate):
        if candidate not in self.candidates:
            return False
        self.ballots[voter] = candidate
        return True

    def tally(self):
        votes = list(self.ballots.values())
        return sorted(([name, votes.count(name)] for name in self.candidates), key=lambda row: (-row[1], row[0]))

    def winner(self):
        first, second = self.tally()[:2]
        return first[0] if first[1] > second[1] else None


class Playlist:
    songs: list[str]
    current: int

    def skip(self):
        return self._play(self.current + 1)

    def back(self):
        return self._play(self.current - 1)

    def drop(self, title):
        if title not in self.songs:
            return self._play(self.current)
        at = self.songs.index(title)
        del self.songs[at]
        return self._play(self.current - 1 if at < self.current else self.current)

    def _play(self, position):
        self.current = position % len(self.songs) if self.songs else 0
        return self.songs[self.current] if self.songs else None

    def listing(self):
        return list(self.songs)


class WaterTank:
    capacity: int
    leak: int
    level: int

    def fill(self, litres):
        fits = min(litres, self.capacity - self.level)
        self.level += fits
        return litres - fits

    def draw(self, litres):
        taken = min(litres, self.level)
        self.level -= taken
        return taken

    def wait(self, hours):
        self.level = max(0, self.level - hours * self.leak)
        return self.level


class RateLimiter:
    limit: int
    window: int
    granted: dict[str, list[int]]

    def allow(self, user, at):
        if self.remaining(user, at) <= 0:
            return False
        self.granted.setdefault(user, []).append(at)
        return True

    def remaining(self, user, at):
        recent = [time for time in self.granted.get(user, []) if time > at - self.window]
        return self.limit - len(recent)
