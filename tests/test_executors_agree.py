"""The same twenty methods give the same answers wherever they run."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from kit import session
from twenty_methods import TWINS, Twin

from agent_repl.errors import AgentError
from agent_repl.session import choose_executor

PLACES = ("inline", "process", "sandbox", "lua")


def test_there_are_twenty_and_lua_has_all_that_its_dialect_can_say() -> None:
    assert (len({twin.name for twin in TWINS}), len(TWINS)) == (20, 20)
    assert [twin.name for twin in TWINS if twin.lua is None] == ["big"]
    assert all(twin.why for twin in TWINS if twin.lua is None)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.name)
def test_a_method_answers_the_same_in(twin: Twin, place: str, tmp_path: Path) -> None:
    if place == "lua" and twin.lua is None:
        with pytest.raises(AssertionError):
            written(twin, "function big(self, n) return n ^ 30 // 1 | 0 end", place, tmp_path)
        return
    try:
        choose_executor(place)
    except AgentError as error:
        pytest.skip(str(error))
    written(twin, twin.lua if place == "lua" and twin.lua else twin.python, place, tmp_path)


def written(twin: Twin, source: str, place: str, tmp_path: Path) -> None:
    """Have it written from this reply and make every call: answers and state are those of the plain function."""
    reply = f"```{'lua' if place == 'lua' else 'python'}\n{source}\n```"
    home = session(tmp_path, *[reply] * 10, executor=place)
    state: dict[str, Any] = copy.deepcopy(dict(twin.state))
    agent = home.agent("a thing that is tried", **copy.deepcopy(state))
    try:
        for call in twin.calls:
            outcome = home.call(agent, twin.name, *copy.deepcopy(call))
            assert outcome.status == "ok", outcome.error
            answer = outcome.value
            wanted = twin.answer(state, *copy.deepcopy(call))
            assert (type(answer), answer) == (type(wanted), wanted), call
            assert {name: getattr(agent, name) for name in state} == state
    finally:
        home.close()
