"""The embedded model, for real."""

import re

import pytest

from agent_repl import open_session
from agent_repl_demos.sales import main

pytestmark = pytest.mark.model


@pytest.mark.quick_model
def test_the_embedded_model_writes_a_method_that_is_then_remembered(tmp_path):
    home = open_session(tmp_path / ".agent_repl", provider="local", review="auto")
    calc = home.agent("calculator")
    first, second = home.call(calc, "double", n=21), home.call(calc, "double", n=4)
    home.close()
    assert (first.value, first.tier, second.value, second.tier) == (42, "NEW", 8, "CACHED")
    assert first.usage.calls >= 1
    assert second.usage.calls == 0


def test_the_demo_comes_to_its_end_and_a_second_run_asks_nothing(tmp_path, capsys):
    assert main(["--home", str(tmp_path / "demo")]) == 0
    out = capsys.readouterr().out
    right = int(re.search(r"(\d) of 5 answers are right", out)[1])
    assert right >= 3
    main(["--home", str(tmp_path / "demo")])
    assert "answers are right · 0 model calls" in capsys.readouterr().out
