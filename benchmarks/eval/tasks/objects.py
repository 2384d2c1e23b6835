"""Stateful objects, whose methods are called in turn; the truth looks at all that was called, not at a state."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

from ..task import ANY, Call, Instance, Task

WORDS = [
    "amber",
    "birch",
    "cedar",
    "daisy",
    "ember",
    "fern",
    "grape",
    "hazel",
    "iris",
    "jade",
    "kiwi",
    "lemon",
    "maple",
    "nutmeg",
    "olive",
    "pear",
    "quince",
    "rose",
]
PEOPLE = ["Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gus", "Hana"]


def inventory(random: Random) -> Instance:
    goods, log = random.sample(WORDS, 4), Counter[str]()

    def add(item: str, quantity: int) -> Call:
        log[item] += quantity
        return Call("add", (item, quantity), answer=log[item])

    def take(item: str, quantity: int, enough: bool) -> Call:
        log[item] -= quantity * enough
        return Call("take", (item, quantity), answer=enough)

    def low(limit: int) -> Call:
        return Call("running_low", (limit,), answer=sorted(i for i, n in log.items() if 0 < n <= limit))

    few, many = random.randint(3, 6), random.randint(20, 40)
    calls = [add(goods[0], few), add(goods[1], few), add(goods[2], many), take(goods[0], few + 1, False), low(few)]
    calls += [take(goods[0], few, True), take(goods[3], 1, False), low(few), add(goods[1], many)]
    calls += [low(few), take(goods[2], many - few, True), low(few), low(few - 1), add(goods[0], 1), low(few)]
    return Instance({}, {"stock": {}}, tuple(calls))


def bank_account(random: Random) -> Instance:
    balance, overdraft, fee = random.randint(40, 90), random.randint(200, 300), random.randint(3, 9)
    state = {"balance": balance, "overdraft": overdraft, "fee": fee}
    booked = [balance]

    def deposit(amount: int) -> Call:
        booked.append(max(amount, 0))
        return Call("deposit", (amount,), answer=sum(booked))

    def withdraw(amount: int, works: bool) -> Call:
        booked.append(-amount if works else 0)
        booked.append(-fee if works and sum(booked) < 0 else 0)
        return Call("withdraw", (amount,), answer=works)

    def available() -> Call:
        return Call("available", (), answer=max(sum(booked) + overdraft, 0))

    calls = [deposit(random.randint(11, 99)), available(), withdraw(sum(booked), True), available()]
    calls += [withdraw(overdraft + 1, False), withdraw(random.randint(30, 60), True), available(), deposit(-20)]
    calls += [
        withdraw(sum(booked) + overdraft, True),
        available(),
        withdraw(1, False),
        deposit(1),
        deposit(overdraft * 2),
    ]
    return Instance({}, state, (*calls, withdraw(overdraft * 4, False), available()))


def lru_cache(random: Random) -> Instance:
    capacity, keys = random.randint(3, 4), random.sample(WORDS, 6)
    used: list[str] = []  # every key that was put or found, in order
    put: dict[str, int] = {}

    def kept() -> list[str]:
        """The keys used last, each once, as many as fit: the least recently used first."""
        return list(dict.fromkeys(reversed(used)))[:capacity][::-1]

    def keep(key: str) -> Call:
        put[key] = random.randint(1, 99)
        used.append(key)
        return Call("put", (key, put[key]), answer=ANY)

    def get(key: str) -> Call:
        found = key in kept()
        used.extend([key] * found)
        return Call("get", (key,), answer=put[key] if found else None)

    def order() -> Call:
        return Call("order", (), answer=kept())

    calls = [keep(keys[0]), get(keys[0]), get(keys[5]), *(keep(key) for key in keys[1:capacity]), get(keys[0]), order()]
    calls += [keep(keys[4]), order(), get(keys[1]), keep(keys[2]), get(keys[2]), order()]
    for key in random.choices(keys[:5], k=8):
        calls += [random.choice([keep, get])(key)]
    return Instance({}, {"capacity": capacity, "entries": {}}, (*calls, order()))


def text_editor(random: Random) -> Instance:
    texts, at = [""], 0
    calls = []
    middle = [random.choice(["write", "undo", "redo", "undo"]) for _ in range(6)]
    steps = ["write", "write", "erase", "undo", "redo", "redo", "undo", "undo", "write", "redo", *middle, "erase"]
    for step in [*steps, *["undo"] * 9, "redo"]:
        args: tuple[Any, ...] = ()
        if step in ("write", "erase"):
            word, count = random.choice(WORDS), random.randint(2, 4)
            args = (word,) if step == "write" else (count,)
            text = texts[at] + word if step == "write" else texts[at][: max(len(texts[at]) - count, 0)]
            texts, at = [*texts[: at + 1], text], at + 1
        else:
            at = max(at - 1, 0) if step == "undo" else min(at + 1, len(texts) - 1)
        calls.append(Call(step, args, answer=texts[at]))
    return Instance({}, {"text": "", "past": [], "future": []}, tuple(calls))


def task_list(random: Random) -> Instance:
    titles = [f"{a} {b}" for a, b in zip(random.sample(WORDS, 9), random.sample(WORDS, 9), strict=True)]
    open_tasks: list[tuple[int, str]] = []
    calls = []

    def add(priority: int) -> None:
        open_tasks.append((priority, titles.pop()))
        calls.append(Call("add", (open_tasks[-1][1], priority), answer=len(open_tasks)))

    def finish() -> None:
        first = sorted(open_tasks, key=lambda task: -task[0])[:1]  # sorting is stable: the first of equals
        for each in first:
            open_tasks.remove(each)
        calls.append(Call("finish_next", (), answer=first[0][1] if first else None))
        calls.append(Call("agenda", (), answer=[title for _, title in sorted(open_tasks, key=lambda task: -task[0])]))

    high = random.randint(5, 8)
    for priority in [random.randint(2, 4), high, high, high - 4]:
        add(priority)
    finish()
    add(high)
    finish()
    for priority in random.choices([-1, 3, high], k=3):
        add(priority)
    for _ in range(len(open_tasks) + 1):
        finish()
    return Instance({}, {"tasks": []}, tuple(calls))


def bowling(random: Random) -> Instance:
    """The truth counts each throw as often as it counts: once, and once more for each strike or spare before it."""
    frames: list[list[int]] = []
    for kind in random.sample(["strike", "strike", "spare", "spare", "gutter", *["open"] * 4], 9):
        first = random.randint(1, 6)
        second = {"spare": 10 - first, "open": random.randint(0, 9 - first)}.get(kind, 0)
        frames.append([10] if kind == "strike" else [0, 0] if kind == "gutter" else [first, second])
    first = random.randint(2, 8)
    frames.append(random.choice([[10, 10, random.randint(1, 9)], [first, 10 - first, random.randint(1, 10)]]))
    throws = [pins for frame in frames for pins in frame]
    counts, at = [1] * len(throws), 0
    for frame in frames[:9]:
        extra = 2 if len(frame) == 1 else 1 if sum(frame) == 10 else 0
        at += len(frame)
        for following in range(at, at + extra):
            counts[following] += 1
    calls = [Call("roll", (pins,), answer=ANY) for pins in throws]
    total = sum(pins * count for pins, count in zip(throws, counts, strict=True))
    strikes = sum(frame[0] == 10 for frame in frames)
    return Instance({}, {"throws": []}, (*calls, Call("score", answer=total), Call("strike_frames", answer=strikes)))


def expense_splitter(random: Random) -> Instance:
    people = random.sample(PEOPLE, 4)
    owed = dict.fromkeys(people, 0)
    spent = 0
    calls = [Call("total_spent", answer=0)]

    def pay(who: str, among: list[str], extra: int) -> None:
        nonlocal spent
        share = random.randint(100, 4_000)
        amount = share * len(among) + extra
        for at, person in enumerate(among):
            owed[person] -= share + (at < extra)
        owed[who] += amount
        spent += amount
        calls.append(Call("pay", (who, amount, list(among)), answer=ANY))
        calls.append(Call("balances", answer=dict(owed)))

    pay(people[0], people, 0)
    pay(people[2], [people[1], people[3], people[0]], 2)
    pay(people[1], [people[3], people[1]], 1)
    pay(people[3], [people[3]], 0)
    for _ in range(2):
        among = random.sample(people, 3)
        pay(random.choice(people), among, random.randint(1, 2))
    return Instance({}, {"people": people, "expenses": []}, (*calls, Call("total_spent", answer=spent)))


def parking_lot(random: Random) -> Instance:
    size = random.randint(3, 4)
    plates = [f"{random.choice('BHKM')}-{random.randint(100, 999)}{i}" for i in range(7)]
    spots: list[str | None] = [None] * size
    calls = []

    def arrive(plate: str) -> None:
        if plate not in spots and None in spots:
            spots[spots.index(None)] = plate
        calls.append(Call("arrive", (plate,), answer=spots.index(plate) + 1 if plate in spots else None))

    def leave(plate: str) -> None:
        calls.append(Call("leave", (plate,), answer=plate in spots))
        spots[:] = [None if each == plate else each for each in spots]
        calls.append(Call("free", (), answer=spots.count(None)))

    for plate in plates[: size + 1]:
        arrive(plate)
    arrive(plates[0])
    leave(plates[6])
    leave(plates[2])
    leave(plates[0])
    for plate in [plates[5], plates[2], plates[4]]:
        arrive(plate)
    for _ in range(6):
        random.choice([arrive, leave])(random.choice(plates))
    return Instance({}, {"size": size, "parked": {}}, tuple(calls))


def election(random: Random) -> Instance:
    names, voters = random.sample(PEOPLE, 4), [f"v{n}" for n in random.sample(range(10, 99), 8)]
    log: list[tuple[str, str]] = []
    calls = [Call("winner", answer=None)]

    def vote(voter: str, candidate: str) -> None:
        log.append((voter, candidate))
        calls.append(Call("vote", (voter, candidate), answer=candidate in names))

    def ask() -> None:
        last = {voter: candidate for voter, candidate in log if candidate in names}
        votes = Counter(last.values())
        ranked = sorted(names, key=lambda name: (-votes[name], name))
        calls.append(Call("tally", answer=[[name, votes[name]] for name in ranked]))
        calls.append(Call("winner", answer=ranked[0] if votes[ranked[0]] > votes[ranked[1]] else None))

    for voter, candidate in zip(voters, [names[0], names[1], names[1], names[0]], strict=False):
        vote(voter, candidate)
    ask()
    vote(voters[3], names[1])  # a change of mind
    ask()
    vote(voters[1], "Zorro")  # not a candidate: the vote before stays
    ask()
    for voter in random.choices(voters, k=8):
        vote(voter, random.choice([*names, names[2]]))
    ask()
    return Instance({}, {"candidates": names, "ballots": {}}, tuple(calls))


def playlist(random: Random) -> Instance:
    """The truth turns a list round, so that the song that plays is always its first."""
    songs = random.sample(WORDS, 5)
    new = [word for word in WORDS if word not in songs]
    ring = list(songs)
    first = songs[0]
    calls = []

    def tell(name: str, *args: Any) -> None:
        nonlocal ring, first
        if name == "skip":
            ring = ring[1:] + ring[:1]
        elif name == "back":
            ring = ring[-1:] + ring[:-1]
        else:
            turn = ring.index(args[0]) if args[0] in ring else None
            if turn is not None:
                following = ring[(turn + 1) % len(ring)]
                first = following if args[0] == first else first
                ring.remove(args[0])
        at = ring.index(first) if first in ring else 0
        listed = ring[at:] + ring[:at]
        calls.append(Call(name, args, answer=ring[0] if ring else None))
        calls.append(Call("listing", (), answer=listed))

    tell("skip")
    tell("skip")
    tell("drop", songs[0])  # one before the song that plays
    tell("drop", ring[0])  # the song that plays
    tell("drop", random.choice(new))
    tell("back")
    tell("back")
    for _ in range(random.randint(1, 3)):
        tell("skip")
    tell("drop", ring[1])
    while first != ring[0]:
        tell("skip")
    tell("back")
    tell("drop", ring[0])  # the last of the list: the first follows
    tell("drop", ring[0])
    tell("skip")
    return Instance({}, {"songs": songs, "current": 0}, tuple(calls))


def water_tank(random: Random) -> Instance:
    """The truth counts litre by litre."""
    capacity, leak, level = random.randint(60, 90), random.randint(2, 5), random.randint(11, 19)
    state = {"capacity": capacity, "leak": leak, "level": level}
    calls = []

    def fill(litres: int) -> None:
        nonlocal level
        spilled = sum(1 for full in range(level, level + litres) if full >= capacity)
        level += litres - spilled
        calls.append(Call("fill", (litres,), answer=spilled))

    def draw(litres: int) -> None:
        nonlocal level
        got = len(range(level)[:litres])
        level -= got
        calls.append(Call("draw", (litres,), answer=got))

    def wait(hours: int) -> None:
        nonlocal level
        for _ in range(hours * leak):
            level -= level > 0
        calls.append(Call("wait", (hours,), answer=level))

    fill(random.randint(20, 30))
    wait(random.randint(3, 6))
    draw(random.randint(4, 9))
    fill(capacity)
    wait(1)
    draw(capacity)
    fill(leak * 3 + 1)
    wait(3)
    wait(random.randint(3, 9))
    for _ in range(6):
        random.choice([fill, draw, wait])(random.randint(3, 18))
    return Instance({}, state, (*calls, Call("draw", (capacity * 2,), answer=level)))


def rate_limiter(random: Random) -> Instance:
    limit, window, users = random.randint(2, 3), random.randint(20, 40), random.sample(PEOPLE, 2)
    allowed: list[tuple[str, int]] = []
    now = random.randint(5, 50)
    calls = []

    def left(user: str, at: int) -> int:
        return limit - sum(who == user and at - window < when for who, when in allowed)

    def ask(user: str, at: int) -> None:
        passes = left(user, at) > 0
        allowed.extend([(user, at)] * passes)
        calls.append(Call("allow", (user, at), answer=passes))
        calls.append(Call("remaining", (user, at), answer=left(user, at)))

    for _ in range(limit):
        ask(users[0], now)
    ask(users[0], now + 1)
    ask(users[1], now + 1)
    ask(users[0], now + window - 1)
    ask(users[0], now + window)  # exactly one window later: the first no longer counts
    for _ in range(7):
        now += random.randint(3, 25)
        ask(random.choice(users), now + window)
    return Instance({}, {"limit": limit, "window": window, "granted": {}}, tuple(calls))


def _task(make: Any, identity: str) -> Task:
    return Task(make.__name__, "objects", identity, make)


TASKS = (
    _task(
        inventory,
        "A store room; stock is a dict of item to quantity. add(item, quantity) puts in and answers the new quantity "
        "of the item. take(item, quantity) takes out and answers True, or takes nothing and answers False if there is "
        "not enough. running_low(limit) answers the sorted names of the items of which there are at most `limit`; an "
        "item of which nothing is left is no longer listed.",
    ),
    _task(
        bank_account,
        "A bank account. deposit(amount) adds to the balance and answers the new balance; an amount of 0 or less "
        "changes nothing. withdraw(amount) answers True if the balance does not go below -overdraft by it, else False "
        "and nothing changes. After a withdrawal that leaves the balance below 0, the fee is taken as well, even if "
        "that goes below -overdraft. available() answers how much can be withdrawn now, never less than 0.",
    ),
    _task(
        lru_cache,
        "A cache that holds at most `capacity` entries. put(key, value) stores a value, and drops the least recently "
        "used entry if there are too many. get(key) answers the value, or None. order() answers the keys, the least "
        "recently used first. Both put (of a new or an old key) and a get that finds its key count as use.",
    ),
    _task(
        text_editor,
        "A text editor with undo. write(words) adds the words at the end, as they are. erase(count) removes the last "
        "`count` characters (all of them if there are fewer). undo() takes back the last change, redo() brings back "
        "what was undone last; with nothing to undo or redo they change nothing. A write or an erase forgets what "
        "could be redone; each of the two is one change, even if it alters nothing. All four answer the text as it is "
        "then.",
    ),
    _task(
        task_list,
        "A to-do list. add(title, priority) adds a task and answers how many there are. finish_next() removes the "
        "task of the highest priority (the largest number; of equals the one added first) and answers its title, or "
        "None if there is none. agenda() answers the titles in the order in which they would be finished.",
    ),
    _task(
        bowling,
        "A game of ten-pin bowling for one player. roll(pins) notes the pins of one throw. score() is asked after the "
        "whole game and answers its total by the usual rules: a spare counts the next throw as well, a strike the "
        "next two, and the tenth frame has up to three throws that count once. strike_frames() answers in how many of "
        "the ten frames the first throw was a strike.",
    ),
    _task(
        expense_splitter,
        "Shared expenses of some people, in whole cents. pay(who, amount, among) notes that `who` paid the amount for "
        "the people in the list `among`, who share it equally; cents that do not divide are borne by the first people "
        "of `among`, one cent each. balances() answers a dict of all people to what they get back (negative: what "
        "they owe). total_spent() answers the sum of all amounts.",
    ),
    _task(
        parking_lot,
        "A car park with spots 1 to `size`. arrive(plate) gives the car the lowest free spot and answers its number; "
        "None if the car park is full. A car that is already parked keeps its spot, which is the answer. leave(plate) "
        "frees the spot and answers True, or False if the car is not there. free() answers the number of free spots.",
    ),
    _task(
        election,
        "An election among candidates. vote(voter, candidate) notes a vote and answers True; a later vote of the same "
        "voter replaces the earlier one; a vote for somebody who is not a candidate changes nothing and answers "
        "False. tally() answers a list of [candidate, votes] of all candidates, most votes first, equal ones by name. "
        "winner() answers who has more votes than every other candidate, or None if nobody has.",
    ),
    _task(
        playlist,
        "A playlist that goes round; current is the position in songs of the song that plays. skip() goes to the next "
        "song (after the last comes the first), back() to the one before (before the first comes the last). "
        "drop(title) removes a song: if it is the one that plays, the song after it plays (the first, if it was the "
        "last), otherwise the same song goes on; an unknown title changes nothing. All three answer the title that "
        "plays then, or None if no song is left. listing() answers the titles in order.",
    ),
    _task(
        water_tank,
        "A water tank; level and capacity are in litres, leak in litres an hour. fill(litres) adds water up to the "
        "capacity and answers how many litres did not fit. draw(litres) takes water, as much as there is, and answers "
        "how many litres it took. wait(hours) lets the tank leak for so many hours, never below 0, and answers the "
        "level.",
    ),
    _task(
        rate_limiter,
        "Limits requests to `limit` in any `window` seconds for each user. allow(user, at) answers whether a request "
        "at the time `at` (in seconds, never earlier than the ones before) is granted: fewer than `limit` requests of "
        "the user were granted in the last `window` seconds; one that lies exactly `window` seconds back no longer "
        "counts, and refused ones never count. remaining(user, at) answers how many requests the user would still be "
        "granted at that time.",
    ),
)
