"""Twenty methods in Python and in Lua, with the calls that they are tried by and what an independent function answers.

`lua` is None where the dialect cannot say it, with the reason as `why`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Twin:
    """One method in both languages; `answer` takes the state and the arguments, and may change the state."""

    name: str
    python: str
    lua: str | None
    answer: Callable[..., Any]
    calls: tuple[tuple[Any, ...], ...]
    state: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""


def _convert(state: Any, value: float, source: str, target: str) -> float:
    return {"CF": value * 9 / 5 + 32, "FC": (value - 32) * 5 / 9}[source + target]


def _push(state: Any, item: Any) -> int:
    state["items"] = [*state["items"], item]
    return len(state["items"])


def _deposit(state: Any, amount: float) -> float:
    state["balance"] += amount
    return float(state["balance"])


def _visit(state: Any, page: str) -> int:
    state["seen"] = {**state["seen"], page: state["seen"].get(page, 0) + 1}
    return int(state["seen"][page])


def _transposed(state: Any, table: list[list[Any]]) -> list[list[Any]]:
    return [[row[at] for row in table] for at in range(len(table[0]))] if table else []


ROWS = [
    {"region": "north", "price": 3.5, "units": 2},
    {"region": "south", "price": 1.25, "units": 8},
    {"region": "north", "price": 2.0, "units": None},
    {"region": "east", "price": 9.0, "units": 1},
]
TEXT = "The cat saw the other cat. A dog, the Dog, ran!"

TWINS = (
    Twin(
        "total",
        "def total(self):\n    return sum(r['price'] * r['units'] for r in self.rows if r['units'] is not None)",
        """function total(self)
  local sum = 0.0
  for _, row in ipairs(self.rows) do
    if row.units ~= null then sum = sum + row.price * row.units end
  end
  return sum
end""",
        lambda state: math.fsum(r["price"] * r["units"] for r in state["rows"] if r["units"]),
        ((),),
        {"rows": ROWS},
    ),
    Twin(
        "by_region",
        """def by_region(self):
    found = {}
    for row in self.rows:
        found[row['region']] = found.get(row['region'], 0) + row['price']
    return found""",
        """function by_region(self)
  local found = dict{}
  for _, row in ipairs(self.rows) do
    found[row.region] = (found[row.region] or 0) + row.price
  end
  return found
end""",
        lambda state: {"north": 5.5, "south": 1.25, "east": 9.0},
        ((),),
        {"rows": ROWS},
    ),
    Twin(
        "top",
        "def top(self, n):\n    return sorted(self.rows, key=lambda r: -r['price'])[:n]",
        """function top(self, n)
  local found = table.move(self.rows, 1, #self.rows, 1, {})
  table.sort(found, function(a, b) return a.price > b.price end)
  return table.move(found, 1, math.min(n, #found), 1, {})
end""",
        lambda state, n: [ROWS[at] for at in (3, 0, 2, 1)][:n],
        ((1,), (2,), (9,)),
        {"rows": ROWS},
    ),
    Twin(
        "missing",
        "def missing(self, key):\n    return [i for i, r in enumerate(self.rows) if r[key] is None]",
        """function missing(self, key)
  local found = {}
  for i, row in ipairs(self.rows) do
    if row[key] == null then found[#found + 1] = i - 1 end
  end
  return found
end""",
        lambda state, key: [2] if key == "units" else [],
        (("units",), ("price",)),
        {"rows": ROWS},
    ),
    Twin(
        "words",
        """def words(self, text):
    import re
    found = {}
    for word in re.findall('[a-z]+', text.lower()):
        found[word] = found.get(word, 0) + 1
    return found""",
        """function words(self, text)
  local found = dict{}
  for word in text:lower():gmatch("%a+") do found[word] = (found[word] or 0) + 1 end
  return found
end""",
        lambda state, text: dict(Counter(re.split(r"\W+", text.lower().strip(".!")))) if text else {},
        ((TEXT,), ("",)),
    ),
    Twin(
        "trimmed",
        "def trimmed(self, text):\n    return text.strip()",
        'function trimmed(self, text) return (text:match("^%s*(.-)%s*$")) end',
        lambda state, text: text.strip(),
        (("  a b ",), ("x",), ("",)),
    ),
    Twin(
        "reversed_words",
        "def reversed_words(self, text):\n    return ' '.join(text.split()[::-1])",
        """function reversed_words(self, text)
  local found = {}
  for word in text:gmatch("%S+") do table.insert(found, 1, word) end
  return table.concat(found, " ")
end""",
        lambda state, text: " ".join(reversed(text.split())),
        (("one two three",), ("",)),
    ),
    Twin(
        "factorial",
        "def factorial(self, n):\n    return 1 if n < 2 else n * self.factorial(n - 1)",
        "function factorial(self, n) if n < 2 then return 1 end return n * self:factorial(n - 1) end",
        lambda state, n: math.factorial(n),
        ((0,), (5,), (7,)),
    ),
    Twin(
        "big",
        "def big(self, n):\n    return n ** 30",
        None,
        lambda state, n: math.prod([n] * 30),
        ((10,),),
        why="an int of Lua's has 64 bits",
    ),
    Twin(
        "gcd",
        "def gcd(self, a, b):\n    while b:\n        a, b = b, a % b\n    return a",
        "function gcd(self, a, b) while b ~= 0 do a, b = b, a % b end return a end",
        lambda state, a, b: math.gcd(a, b),
        ((12, 18), (7, 13), (0, 5)),
    ),
    Twin(
        "divided",
        "def divided(self, a, b):\n    return (a // b, a % b, a / b)",
        "function divided(self, a, b) return a // b, a % b, a / b end",
        lambda state, a, b: (*divmod(a, b), a / b),
        ((7, 2), (-7, 2), (9, 3)),
    ),
    Twin(
        "primes",
        "def primes(self, n):\n    return [k for k in range(2, n + 1) if all(k % d for d in range(2, k))]",
        """function primes(self, n)
  local found = {}
  for k = 2, n do
    local prime = true
    for d = 2, math.floor(k ^ 0.5) do
      if k % d == 0 then prime = false break end
    end
    if prime then found[#found + 1] = k end
  end
  return found
end""",
        lambda state, n: [k for k in range(2, n + 1) if sum(k % d == 0 for d in range(1, k + 1)) == 2],
        ((30,), (1,)),
    ),
    Twin(
        "convert",
        """def convert(self, value, source, target):
    if (source, target) == ('C', 'F'):
        return value * 9 / 5 + 32
    if (source, target) == ('F', 'C'):
        return (value - 32) * 5 / 9
    raise ValueError('no such units')""",
        """function convert(self, value, source, target)
  if source == "C" and target == "F" then return value * 9 / 5 + 32 end
  if source == "F" and target == "C" then return (value - 32) * 5 / 9 end
  error("no such units")
end""",
        _convert,
        ((100, "C", "F"), (37.5, "C", "F")),
    ),
    Twin(
        "push",
        "def push(self, item):\n    self.items.append(item)\n    return len(self.items)",
        "function push(self, item) table.insert(self.items, item) return #self.items end",
        _push,
        ((1,), (2,), (3,)),
        {"items": [7]},
    ),
    Twin(
        "deposit",
        "def deposit(self, amount):\n    self.balance += amount\n    return float(self.balance)",
        "function deposit(self, amount) self.balance = self.balance + amount return self.balance + 0.0 end",
        _deposit,
        ((5,), (10,)),
        {"balance": 1},
    ),
    Twin(
        "visit",
        "def visit(self, page):\n    self.seen[page] = self.seen.get(page, 0) + 1\n    return self.seen[page]",
        "function visit(self, page) self.seen[page] = (self.seen[page] or 0) + 1 return self.seen[page] end",
        _visit,
        (("home",), ("about",), ("home",)),
        {"seen": {}},
    ),
    Twin(
        "transposed",
        "def transposed(self, table):\n    return [list(column) for column in zip(*table)]",
        """function transposed(self, table)
  local found = {}
  for i, row in ipairs(table) do
    for j, value in ipairs(row) do
      found[j] = found[j] or {}
      found[j][i] = value
    end
  end
  return found
end""",
        _transposed,
        (([[1, 2, 3], [4, 5, 6]],), ([[None, True]],)),
    ),
    Twin(
        "flat",
        """def flat(self, values):
    found = []
    for value in values:
        found.extend(self.flat(value) if isinstance(value, list) else [value])
    return found""",
        """local function add(values, found)
  for _, value in ipairs(values) do
    if type(value) == "table" then add(value, found) else found[#found + 1] = value end
  end
  return found
end

function flat(self, values) return add(values, {}) end""",
        lambda state, values: [int(n) for n in re.findall(r"-?\d+", repr(values))],
        (([1, [2, [3, [4]], 5]],), ([[], [[1]]],)),
    ),
    Twin(
        "described",
        "def described(self, value):\n    return {'type': type(value).__name__, 'same': value, 'none': None}",
        """function described(self, value)
  local name = math.type(value) or type(value)
  local names = {integer = "int", float = "float", string = "str", boolean = "bool"}
  return {type = names[name], same = value, none = null}
end""",
        lambda state, value: {"type": value.__class__.__name__, "same": value, "none": None},
        ((1,), (1.0,), ("é",), (True,)),
    ),
    Twin(
        "nothing",
        "def nothing(self, value):\n    if value:\n        return value",
        "function nothing(self, value) if value ~= null and value then return value end end",
        lambda state, value: value or None,
        (("x",),),
    ),
)
