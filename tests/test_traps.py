"""Iterators that are read twice: refused where they are, quiet where they are not."""

import pytest

from agent_repl import InvalidCode
from agent_repl.records import Spec
from agent_repl.validate import validate

HEAD = "import csv\ndef count(self, path):\n    with open(path) as file:\n        reader = csv.DictReader(file)\n"

USED_UP = {  # what follows the head
    "a comprehension in a loop": "        return {n: sum(1 for row in reader if row[n]) for n in path}\n",
    "a loop in a loop": "        for n in path:\n            for row in reader:\n                print(n, row)\n",
    "two loops": "        a = [row for row in reader]\n        b = [row for row in reader]\n        return a, b\n",
}
QUIET = {
    "one loop": "        return [row for row in reader]\n",
    "a loop over a list": "        rows = list(reader)\n        return [r for n in 'ab' for r in rows if r[n]]\n",
    "the first source of a nested comprehension": "        return [c for row in reader for c in row]\n",
    "next, then one loop": "        next(reader)\n        for row in reader:\n            print([c for c in row])\n",
    "made in every round": "        for n in path:\n            r = map(n, file)\n            print([c for c in r])\n",
}


def spec():
    return Spec("count", kwargs={"path": "x.csv"}, files=frozenset({"x.csv"}))


@pytest.mark.parametrize("body", USED_UP.values(), ids=USED_UP)
def test_an_iterator_that_is_read_again_is_sent_back(body):
    with pytest.raises(InvalidCode, match="can be read once") as caught:
        validate(HEAD + body, spec())
    assert caught.value.rule == "used-up"


@pytest.mark.parametrize("body", QUIET.values(), ids=QUIET)
def test_one_pass_is_no_mistake(body):
    assert validate(HEAD + body, spec()).name == "count"
