"""Replies without a model: scripted and replayed."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_repl.errors import Overloaded, ProviderError
from agent_repl.providers.scripted import ReplayProvider, ScriptedProvider
from agent_repl.records import Prompt, Reply

PROMPT = Prompt("the rules", "write f")


def quiet(text: str) -> None:
    pass


def test_texts_come_in_turn_and_say_that_they_are_scripted() -> None:
    provider = ScriptedProvider(["one", "two"])
    replies = [provider.complete(PROMPT, quiet), provider.complete(PROMPT, quiet)]
    assert [reply.text for reply in replies] == ["one", "two"]
    assert {reply.note for reply in replies} == {"scripted"}
    assert provider.prompts == [PROMPT, PROMPT]


def test_a_script_that_has_run_out_says_so() -> None:
    provider = ScriptedProvider(["one"])
    provider.complete(PROMPT, quiet)
    for _ in range(2):
        with pytest.raises(ProviderError, match="run out: one more reply was asked"):
            provider.complete(PROMPT, quiet)


def test_one_text_is_one_reply() -> None:
    assert ScriptedProvider("def f(self): ...").complete(PROMPT, quiet).text == "def f(self): ..."


def test_a_function_makes_replies_from_prompts() -> None:
    provider = ScriptedProvider(lambda prompt: prompt.user.upper())
    assert provider.complete(PROMPT, quiet).text == "WRITE F"


def test_an_exception_in_the_script_is_raised() -> None:
    provider = ScriptedProvider([Overloaded("busy"), "ok"])
    with pytest.raises(Overloaded, match="busy"):
        provider.complete(PROMPT, quiet)
    assert provider.complete(PROMPT, quiet).text == "ok"


def test_a_script_streams_in_pieces() -> None:
    pieces: list[str] = []
    reply = ScriptedProvider(["def total(self, xs):\n    return sum(xs)\n"]).complete(PROMPT, pieces.append)
    assert len(pieces) == 2
    assert "".join(pieces) == reply.text


def recorded(cassette: Path, *texts: str) -> ScriptedProvider:
    model = ScriptedProvider(texts)
    ReplayProvider(cassette, record=model).complete(PROMPT, quiet)
    return model


def test_what_was_recorded_is_replayed_without_the_model(tmp_path: Path) -> None:
    recorded(tmp_path / "new" / "tape.jsonl", "line one\u2028line two\n")
    seen: list[str] = []
    reply = ReplayProvider(tmp_path / "new" / "tape.jsonl").complete(PROMPT, seen.append)
    assert reply == Reply("line one\u2028line two\n", reply.usage, "scripted", "replayed")
    assert "".join(seen) == reply.text
    assert reply.usage.cost == 0.0


def test_recording_asks_only_for_what_is_missing(tmp_path: Path) -> None:
    model = ScriptedProvider(["one", "two"])
    provider = ReplayProvider(tmp_path / "tape.jsonl", record=model)
    other = Prompt("the rules", "write g", temperature=0.5)
    assert [provider.complete(prompt, quiet).text for prompt in (PROMPT, other, PROMPT)] == ["one", "two", "one"]
    assert model.prompts == [PROMPT, other]


def test_a_prompt_that_is_not_on_the_cassette_says_how_to_record(tmp_path: Path) -> None:
    with pytest.raises(ProviderError, match=r"tape\.jsonl has no reply.*record="):
        ReplayProvider(tmp_path / "tape.jsonl").complete(PROMPT, quiet)


def test_a_failed_recording_leaves_nothing_on_the_cassette(tmp_path: Path) -> None:
    provider = ReplayProvider(tmp_path / "tape.jsonl", record=ScriptedProvider([Overloaded("busy")]))
    with pytest.raises(Overloaded):
        provider.complete(PROMPT, quiet)
    assert not (tmp_path / "tape.jsonl").exists()


@pytest.mark.parametrize("content", ["not json\n", '["a list"]\n', '{"text": "no prompt"}\n'])
def test_a_damaged_cassette_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "tape.jsonl").write_text(content)
    with pytest.raises(ProviderError, match=r"tape\.jsonl cannot be read"):
        ReplayProvider(tmp_path / "tape.jsonl").complete(PROMPT, quiet)


def test_a_recorder_shows_where_its_prompts_go(tmp_path: Path) -> None:
    assert ReplayProvider(tmp_path / "tape.jsonl").host is None
    assert "tape.jsonl" in ReplayProvider(tmp_path / "tape.jsonl").model
    assert ReplayProvider(tmp_path / "tape.jsonl", record=ScriptedProvider([])).model == "scripted"
