"""What every store promises, whatever it is made of."""

from dataclasses import replace
from pathlib import Path

import pytest

from agent_repl.errors import StoreError
from agent_repl.protocols import Store
from agent_repl.records import Entry, Example, Key, Premise, Usage, Version
from agent_repl.stores.memory import MemoryStore
from agent_repl.stores.signing import SigningKey
from agent_repl.stores.sqlite import SqliteStore

KEY = Key("CSV analyst for {path}", "total")
OURS = SigningKey(b"k" * 32)
GUARD = (Premise("n", "int"), Premise("self.path", "str"))


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return MemoryStore(OURS) if request.param == "memory" else SqliteStore(tmp_path / "home", OURS)


def draft(source: str = "def total(self, n):\n    return n\n", key: Key = KEY) -> Version:
    return Version(key, source, unit="u1", author="model")


def accepted(store: Store, source: str = "def total(self, n):\n    return n\n", key: Key = KEY) -> Entry:
    entry = Entry(store.judge(store.add(draft(source, key)), "accepted"), (GUARD,))
    store.put(entry)
    return entry


def test_an_empty_store_knows_nothing(store: Store) -> None:
    assert (store.entries("x"), store.versions(KEY), store.agents()) == ({}, (), {})


def test_a_version_comes_back_as_it_was_stored_and_is_dated(store: Store) -> None:
    usage = Usage(calls=1, input_tokens=7, seconds=0.1, cost=None)
    given = Version(
        KEY, 'def total(self):\r\n    return "é\\ud800"\n', "u", "person", "asked", parents=(1, 2), usage=usage
    )
    stored = store.add(given)
    assert stored.number == 1
    assert stored.created.endswith("+00:00")
    assert store.versions(KEY) == (stored,)


def test_versions_are_numbered_per_method_and_keep_their_order(store: Store) -> None:
    for text in ("a = 1", "b = 2", "a = 1"):
        store.add(draft(text))
    other = store.add(draft(key=Key(KEY.identity, "other")))
    assert [(v.number, v.source) for v in store.versions(KEY)] == [(1, "a = 1"), (2, "b = 2"), (3, "a = 1")]
    assert other.number == 1


def test_the_latest_verdict_is_the_standing(store: Store) -> None:
    version = store.add(draft())
    store.judge(version, "rejected", "too slow")
    judged = store.judge(version, "failed", "ZeroDivisionError: caf\udce9")
    assert store.versions(KEY) == (judged,)
    assert (judged.verdict, judged.note) == ("failed", "ZeroDivisionError: caf\udce9")


def test_a_verdict_on_one_version_leaves_the_others_alone(store: Store) -> None:
    first, _second = store.add(draft()), store.add(draft())
    store.judge(first, "accepted")
    assert [version.verdict for version in store.versions(KEY)] == ["accepted", "draft"]


def test_an_entry_is_found_by_identity_and_name(store: Store) -> None:
    entry = accepted(store)
    accepted(store, key=Key("another identity", "total"))
    assert store.entries(KEY.identity) == {"total": entry}


def test_a_new_head_takes_the_place_of_the_old_one(store: Store) -> None:
    accepted(store)
    newer = Entry(accepted(store, "def total(self): ...").version, (GUARD, ()), pinned=True, runs=3)
    store.put(newer)
    assert store.entries(KEY.identity) == {"total": newer}


def test_an_entry_shows_its_versions_latest_standing(store: Store) -> None:
    entry = accepted(store)
    store.judge(entry.version, "failed", "it broke")
    assert store.entries(KEY.identity)["total"].version.note == "it broke"


def test_a_dropped_head_is_gone_and_its_versions_stay(store: Store) -> None:
    entry = accepted(store)
    store.drop(KEY)
    store.drop(Key("nobody", "nothing"))
    assert store.entries(KEY.identity) == {}
    assert store.versions(KEY) == (entry.version,)


def test_a_head_can_come_back_after_it_was_dropped(store: Store) -> None:
    entry = accepted(store)
    store.drop(KEY)
    store.put(entry)
    assert store.entries(KEY.identity) == {"total": entry}


def test_a_name_once_given_stays(store: Store) -> None:
    assert store.claim("CSV analyst", "sales") == "sales"
    assert store.claim("CSV analyst", "revenue") == "sales"
    assert store.agents() == {"CSV analyst": "sales"}


def test_a_taken_name_becomes_the_next_free_one(store: Store) -> None:
    names = [store.claim(identity, name) for identity, name in (("a", "sales"), ("b", "Sales"), ("c", "sales"))]
    assert names == ["sales", "Sales_2", "sales_3"]


def test_what_was_never_stored_cannot_be_judged_or_made_a_head(store: Store) -> None:
    with pytest.raises(StoreError, match="add it first"):
        store.judge(draft(), "accepted")
    with pytest.raises(StoreError, match="add it first"):
        store.put(Entry(draft()))


def test_signatures_are_those_of_the_given_key(store: Store) -> None:
    assert OURS.verify(b"some bytes", store.sign(b"some bytes"))
    assert not OURS.verify(b"some byteS", store.sign(b"some bytes"))


# Earlier heads


def test_every_head_that_was_put_is_remembered_oldest_first(store: Store) -> None:
    first = accepted(store)
    wider = replace(first, guards=(*first.guards, ()))
    store.put(wider)
    second = accepted(store, "def total(self): ...")
    assert store.heads(KEY) == (first, wider, second)
    assert store.entries(KEY.identity) == {"total": second}


def test_a_head_that_was_dropped_can_be_brought_back_from_the_earlier_ones(store: Store) -> None:
    entry = accepted(store)
    accepted(store, key=Key(KEY.identity, "other"))
    store.drop(KEY)
    assert store.heads(KEY) == (entry,)
    store.put(store.heads(KEY)[-1])
    assert store.entries(KEY.identity)["total"] == entry


# Examples


def run(args: str = "[3]", kept: bool = False, **more: str) -> Example:
    given = {"state": "{}", "answer": "3", "kind": "int", "at": "2026-01-01T00:00:00+00:00"} | more
    return Example(KEY, 1, args, kept=kept, **given)


def test_examples_come_back_as_they_were_oldest_first(store: Store) -> None:
    accepted(store)
    runs = (run("[3]"), run("[1]", kept=True), run("[2]", state='{"path": "é\\ud800"}', files="a.csv 12"))
    for example in runs:
        store.remember(example)
    assert store.examples(KEY) == runs
    assert store.examples(Key(KEY.identity, "other")) == ()


def test_an_example_without_a_date_is_dated(store: Store) -> None:
    accepted(store)
    store.remember(run(at=""))
    assert store.examples(KEY)[0].at.endswith("+00:00")


def test_the_newest_example_of_a_call_counts_kept_or_not(store: Store) -> None:
    accepted(store)
    store.judge(store.add(draft("# second")), "accepted")
    store.remember(run(answer="3"))
    store.remember(run("[1]"))
    store.remember(replace(run(answer="4", kept=True), version=2))
    assert store.examples(KEY) == (run("[1]"), replace(run(answer="4", kept=True), version=2))
    store.remember(run(answer="5"))
    assert store.examples(KEY) == (run("[1]"), run(answer="5"))


def test_other_state_or_other_data_is_another_example(store: Store) -> None:
    accepted(store)
    for example in (run(), run(state="{1}"), run(files="a.csv 13")):
        store.remember(example)
    assert len(store.examples(KEY)) == 3


def test_the_oldest_examples_leave_but_kept_ones_stay(store: Store) -> None:
    accepted(store)
    for number in range(20):
        store.remember(run(str(number), kept=number < 10 and number % 3 == 0))
    assert [example.args for example in store.examples(KEY)] == ["0", "3", "6", "9", *map(str, range(12, 20))]


def test_an_example_that_is_too_large_is_refused_and_says_so(store: Store) -> None:
    accepted(store)
    store.remember(run("a" * 8000))
    with pytest.raises(StoreError, match="8 KB"):
        store.remember(run("a" * 4000, answer="é" * 2100))
    assert len(store.examples(KEY)) == 1


def test_an_example_of_what_was_never_stored_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="add it first"):
        store.remember(run())


def test_examples_outlive_the_head(store: Store) -> None:
    accepted(store)
    store.remember(run())
    store.drop(KEY)
    assert store.examples(KEY) == (run(),)


def test_a_name_that_is_no_text_is_refused_in_words(store: Store) -> None:
    with pytest.raises(StoreError):
        store.claim("analyst for \udc80", "analyst")


def test_a_lock_is_entered_again_after_it_was_left(store: Store) -> None:
    for _ in range(2):
        with store.lock(*KEY):
            accepted(store)
    with store.lock(*KEY), store.lock(KEY.identity, "other"):
        assert "total" in store.entries(KEY.identity)


def test_runs_are_counted_for_the_head_alone(store: Store) -> None:
    first, second = accepted(store), accepted(store, "b = 2")
    store.count(first.version, 9)
    assert store.entries(KEY.identity)["total"] == second
    store.count(second.version, 3)
    assert store.entries(KEY.identity)["total"] == Entry(second.version, second.guards, runs=3)


def test_every_change_raises_the_generation(store: Store) -> None:
    words = [store.generation.word[0]]
    kept = store.add(draft())
    changes = [lambda: store.judge(kept, "accepted"), lambda: store.put(Entry(kept)), lambda: store.drop(KEY)]
    for change in changes:
        words.append(store.generation.word[0])
        change()
    assert len({*words, store.generation.word[0]}) == 5


def test_an_example_changes_nothing_that_others_must_look_at(store: Store) -> None:
    accepted(store)
    before = store.generation.word[0]
    store.remember(run())
    assert store.generation.word[0] == before
