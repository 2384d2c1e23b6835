"""Recursion on more than 2 MB of tickets with known answers: what is planned, read, remembered and right."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from agent_repl import CacheMiss, open_session
from benchmarks.eval import __main__ as runner
from benchmarks.eval import corpus as bench
from benchmarks.eval.corpus_data import Corpus, corpus, size
from benchmarks.eval.corpus_script import FORMS, METHODS, Reader, digits
from benchmarks.eval.corpus_words import LEAVES, MOODS, STAYS, TOPICS

WHOLE = cache(corpus)
SMALL = 400


def kept(tmp_path: Path, *options: str) -> list[dict[str, Any]]:
    """The three times of a whole run, the last in a process of its own."""
    file = tmp_path / "kept.json"
    assert runner.main(["--corpus", "--scripted", "--keep", str(file), *options]) == 0
    return json.loads(file.read_text())["times"]


def counts(line: dict[str, Any]) -> tuple[int, ...]:
    return tuple(line[name] for name in ("planning", "leaves", "memo", "right"))


def test_two_megabytes_are_planned_once_read_once_and_after_a_restart_not_at_all(tmp_path: Path, capsys: Any) -> None:
    first, same, restart = kept(tmp_path)
    assert size(WHOLE(1).tickets) > 2_000_000
    assert counts(first) == (5, 206, 400, 5)
    assert counts(same) == (0, 206, 400, 5)
    assert counts(restart) == (0, 0, 606, 5)
    assert (first["seed"], same["seed"], restart["seed"]) == (1, 2, 1)
    assert min(first["tokens"], same["tokens"]) > 700_000
    assert restart["tokens"] == 0
    assert "restart    5/5     0         0       606   0" in capsys.readouterr().out


def test_each_question_costs_what_it_has_to(tmp_path: Path) -> None:
    """Two hundred leaves read all; the questions after the first that reads find all of their answers remembered."""
    first, _, restart = kept(tmp_path, "--tickets", str(SMALL))
    assert [(q["method"], q["planning"], q["leaves"], q["memo"], q["right"]) for q in first["questions"]] == [
        ("by_channel", 1, 0, 0, True),
        ("leaving", 1, 20, 0, True),
        ("topics", 1, 0, 20, True),
        ("annoyed", 1, 0, 20, True),
        ("yard_code", 1, 1, 0, True),
    ]
    assert [(q["planning"], q["leaves"], q["memo"]) for q in restart["questions"]] == [
        *((0, 0, n) for n in (0, 20, 20, 20, 1))
    ]


@pytest.mark.parametrize("form", FORMS)
def test_text_records_a_file_and_a_directory_give_the_same_answers(tmp_path: Path, form: str) -> None:
    known = corpus(tickets=SMALL)
    found = bench.run("first", tmp_path, Reader([known], form), known, form)
    assert counts(found) == (5, 21, 40, 5)


def test_labels_that_a_reader_gives_are_marked_and_a_piece_may_be_one_ticket(tmp_path: Path) -> None:
    known = corpus(tickets=40)
    careless = Reader([known])
    careless.known = {t.text: replace(t, mood="neutral") for t in known.tickets}
    marked = Reader([known], "text", careless, size=1)
    found = bench.run("first", tmp_path, marked, known, "text")
    assert counts(found)[:3] == (5, 122, 0)
    neutral = sum(t.mood == "neutral" for t in known.tickets)
    assert 0 < neutral < 40
    assert marked.read == dict.fromkeys(("mood of", "topic of", "leaves of", "topic", "leaves"), 40) | {"mood": neutral}


def test_a_plain_corpus_says_its_labels_outright() -> None:
    known = corpus(tickets=200, fillers=0, plain=True)
    for ticket in known.tickets:
        assert ("annoyed" in ticket.text) == (ticket.mood == "annoyed")
        assert ("charge" in ticket.text) == (ticket.topic == "charge")
        assert ("elsewhere" in ticket.text) == ticket.leaves
    assert known.annoyed("lamp") != known.annoyed("kettle")


def test_another_kind_of_document_is_a_miss_and_not_a_wrong_answer(tmp_path: Path) -> None:
    known = corpus(tickets=SMALL)
    bench.run("first", tmp_path, Reader([known]), known, "records")
    key = str(tmp_path / "key")
    later = open_session(tmp_path / ".agent_repl", provider=Reader([]), review="cached", trust_key_file=key)
    other = [{"subject": "x", "via": "mail"}] * SMALL
    for data in (other, known.text()):
        outcome = later.call(later.agent(bench.WORDS, name="tickets", data=data), "by_channel")
        assert isinstance(outcome.error, CacheMiss)
    assert later.call(later.agent(bench.WORDS, data=known.records()[:100]), "by_channel").error is None


def test_one_that_reads_badly_has_wrong_answers_where_reading_matters(tmp_path: Path) -> None:
    known = corpus(tickets=SMALL)
    careless = Reader([known])
    careless.known = {text: corpus(3, 1).tickets[0] for text in careless.known}
    found = bench.run("first", tmp_path, careless, known, "records")
    assert [q["method"] for q in found["questions"] if q["right"]] == ["by_channel"]


def test_a_leaf_is_answered_by_what_stands_in_its_prompt_alone() -> None:
    known = corpus(tickets=3)
    reader = Reader([known])
    pages = "\n".join(json.dumps(record) for record in known.records()[:2])
    told = json.loads(reader.answer(f"Read each.\n```\n{pages}\n```"))
    assert [each["mood"] for each in told] == [ticket.mood for ticket in known.tickets[:2]]
    assert reader.answer("Read each.\n```\n\n```") == "[]"
    assert reader.answer(f"Which digits must one press?\n```\n{pages}\n```") in ("none", known.digits)


def test_the_truth_is_that_of_the_generator_and_only_one_ticket_tells_the_digits() -> None:
    known = WHOLE(1)
    assert sum(known.topics().values()) == sum(known.by_channel().values()) == len(known.tickets) == 4000
    assert [digits(t.text) for t in known.tickets if digits(t.text)] == [known.digits]
    assert 100 < sum(f"yard in {known.place}" in t.text for t in known.tickets) < 110
    assert known.leaving() == sum(t.leaves for t in known.tickets) > 500
    assert corpus(1) == known != WHOLE(2)
    assert not {"mood", "topic", "leaves"} & known.records()[0].keys()


def test_nothing_but_the_text_tells_the_labels() -> None:
    record = WHOLE(1).records()[0]
    assert list(record) == ["ticket", "day", "customer", "product", "channel", "city", "text"]


def labelled(known: Corpus, label: str) -> list[tuple[set[str], Any]]:
    return [(set(re.findall(r"[a-z]+", t.text.lower())), getattr(t, label)) for t in known.tickets]


@pytest.mark.parametrize("label", ["mood", "topic", "leaves"])
def test_no_word_alone_tells_a_label(label: str) -> None:
    """The best word as a rule has an F1 below 0.6; always saying "annoyed" has 0.58."""
    tickets = labelled(corpus(tickets=1500), label)
    having = Counter((word, told) for words, told in tickets for word in words)
    words, labels = Counter(word for found, _ in tickets for word in found), Counter(told for _, told in tickets)
    rates = {pair: (n / words[pair[0]], n / labels[pair[1]]) for pair, n in having.items() if pair[1] is not False}
    scores = {pair: 2 * p * r / (p + r) for pair, (p, r) in rates.items()}
    assert max(scores.values()) < 0.6


def test_every_label_is_said_in_several_ways() -> None:
    assert all(len(set(wordings)) >= 5 for wordings in (*MOODS.values(), *TOPICS.values(), LEAVES, STAYS))
    assert set(METHODS) == {name for name, *_ in bench.questions(corpus(tickets=50))}
