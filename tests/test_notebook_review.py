"""Review in a real kernel, with and without a person at its input."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ipykernel")

from kernels import ANSWER, load, run, screen
from kernels import kernel as started

SETUP = """
import sys
before = set(sys.modules)
from agent_repl_ui.notebook import NotebookReviewer
from agent_repl.records import Event, Proposal
from agent_repl.validate import recall
reviewer = NotebookReviewer(get_ipython())
proposal = Proposal("sales.total", "NEW", recall("def total(self):\\n    return 1 < 2\\n", "total"))
flagged = Proposal("sales.wipe", "NEW", recall("import os\\ndef wipe(self):\\n    os.remove('a')\\n", "wipe"))
def tell(*events):
    for kind, text in events:
        reviewer.tell(Event(kind, text, "sales.total"))
"""


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home directory of whoever started the kernel."""
    return tmp_path_factory.mktemp("person")


@pytest.fixture(scope="module")
def kernel(person: Path) -> Iterator[Any]:
    with started(person) as client:
        run(client, SETUP)
        yield client


# ── the question ──


def test_one_line_of_input_accepts(kernel):
    seen = run(kernel, "print(reviewer.review(proposal))", ["a"])
    assert len(seen["asked"]) == 1
    assert "Enter" not in seen["asked"][0]
    assert "decision='accept'" in "".join(seen["text"])


def test_the_code_is_shown_in_colour_and_whole_as_text(kernel):
    shown = run(kernel, "reviewer.review(proposal)", ["n"])["display_data"][0]["data"]
    assert "2 │     return 1 < 2" in shown["text/plain"]
    assert "&lt;" in shown["text/html"]
    assert "<style" not in shown["text/html"]


def test_the_decision_is_written_into_the_same_output(kernel):
    seen = run(kernel, "reviewer.review(proposal)", ["n"])
    first, last = seen["display_data"][0], seen["update_display_data"][-1]
    assert len(seen["display_data"]) == 1
    assert first["transient"]["display_id"] == last["transient"]["display_id"]
    assert last["data"]["text/plain"].endswith("decision: reject\n")


def test_an_empty_answer_decides_nothing(kernel):
    seen = run(kernel, "print(reviewer.review(proposal))", ["", "", "n"])
    assert len(seen["asked"]) == 3
    assert "decision='reject'" in "".join(seen["text"])


def test_flagged_code_wants_the_word_yes(kernel):
    seen = run(kernel, "print(reviewer.review(flagged))", ["a", "", "a", "yes"])
    assert len(seen["asked"]) == 4
    assert "decision='accept'" in "".join(seen["text"])


def test_words_are_sent_back(kernel):
    seen = run(kernel, "print(reviewer.review(proposal))", ["r", "use max"])
    assert "feedback='use max'" in "".join(seen["text"])


def test_a_review_in_an_awaiting_cell_and_in_a_thread(kernel):
    run(kernel, "import asyncio, concurrent.futures as futures")
    cell = "await asyncio.sleep(0)\nprint(futures.ThreadPoolExecutor().submit(reviewer.review, proposal).result())"
    assert "decision='accept'" in "".join(run(kernel, cell, ["a"])["text"])


def test_a_yes_or_no_question(kernel):
    assert run(kernel, "print(reviewer.confirm('Go on?'))", ["yes"])["text"] == ["True\n"]
    assert run(kernel, "print(reviewer.confirm('Go on?'))", [""])["text"] == ["False\n"]


DECIDES = """
import agent_repl_ui.notebook as module
from agent_repl.records import Verdict
def decides(proposal, ask, say, edit):
    say("auto: accept what is not flagged until you leave")
    return Verdict(ask("until you leave? (Enter accepts): "))
real, module.decide = module.decide, decides
"""


def test_auto_says_how_far_it_reaches(kernel):
    run(kernel, DECIDES)
    seen = run(kernel, "reviewer.review(proposal)", ["", "auto"])
    run(kernel, "module.decide = real")
    assert seen["asked"] == ["until this kernel ends?: "] * 2
    assert seen["text"] == ["auto: accept what is not flagged until this kernel ends\n"]
    assert screen(seen)[0].endswith("for this agent until this kernel ends\n")


# ── edit: a cell of the person's own ──


def test_edit_hands_the_code_over_in_a_new_cell_and_prints_it(kernel):
    seen = run(kernel, "reviewer.review(proposal)", ["e"])
    assert seen["next_cell"] == ["%%agent --code sales.total\ndef total(self):\n    return 1 < 2\n"]
    assert seen["next_cell"][0] in seen["text"][0]
    assert screen(seen)[-1].endswith("kept for later: nothing was run\n")


def test_after_edit_the_cell_ends_in_two_lines_that_say_how_to_go_on(kernel):
    told = run(kernel, "reviewer.review(proposal)", ["e"])["traceback"]
    assert len(told) == 2
    assert told[0].startswith("ReviewRequired: sales.total waits, and nothing was run")
    assert "Run that cell" in told[1]


def test_the_new_cell_has_the_persons_own_name_of_the_agent(kernel, tmp_path):
    load(kernel, tmp_path, ANSWER, answers=[])
    run(kernel, 'deep = Agent("deep thought")', [])
    seen = run(kernel, "deep.answer()", ["e"])
    assert seen["next_cell"] == [f"%%agent --code deep.answer\n{ANSWER}\n"]
    seen = run(kernel, "deep.answer()", ["a"])
    assert seen["execute_result"][0]["data"]["text/plain"] == "42"


def test_the_cell_that_edit_makes_is_run_and_the_call_answers_with_it(kernel, tmp_path):
    load(kernel, tmp_path, ANSWER, answers=[])
    run(kernel, 'deep = Agent("deep thought")', [])
    cell = run(kernel, "deep.answer()", ["e"])["next_cell"][0]
    assert run(kernel, cell.replace("6 * 7", "6 * 8"), [])["error"] == []
    assert run(kernel, "deep.answer()", [])["execute_result"][0]["data"]["text/plain"] == "48"


# ── one output, which says what is true ──


def test_streamed_text_and_the_proposal_share_one_output(kernel):
    cell = "\n".join(["tell(('writing', 'a model writes sales.total'))", *["tell(('text', 'de'))"] * 9])
    seen = run(kernel, f"{cell}\nreviewer.review(proposal)", ["a"])
    assert len(seen["display_data"]) == 1
    assert "return 1 < 2" in seen["update_display_data"][-1]["data"]["text/plain"]


def test_while_a_model_writes_its_code_is_shown_in_colours(kernel):
    said = "('writing', 'local qwen writes sales.total'), ('text', '```python\\ndef total(self):\\n'), ('written', '')"
    seen = run(kernel, f"tell({said})", [])
    assert seen["display_data"][0]["data"]["text/plain"] == "local qwen writes sales.total"
    assert "def total(self):" in screen(seen)[0]
    assert "the model has ended after" in screen(seen)[0]
    assert "<span" in screen(seen, "text/html")[0]
    assert "```" not in screen(seen)[0]


def test_each_stage_takes_the_place_of_the_one_before(kernel):
    said = [("writing", "a model writes sales.total"), ("loading", "loading qwen"), ("text", "def wrong(")]
    told = [*said, ("attempt", "try 1 of 3 was refused (syntax)"), ("text", "def right("), ("written", "")]
    seen = run(kernel, f"tell(*{told}, ('replaying', 'two recorded calls are run'))", [])
    drawn = [each["data"]["text/plain"] for each in [*seen["display_data"], *seen["update_display_data"]]]
    assert drawn[1] == "sales.total · loading qwen"
    assert screen(seen)[0].split("\n") == [
        "sales.total · try 1 of 3 was refused (syntax)",
        "sales.total · two recorded calls are run",
        "def right(",
    ]


def test_only_the_end_stays(kernel):
    told = [("writing", "a model writes sales.total"), ("text", "def total(self):\n    return 1")]
    seen = run(kernel, f"tell(*{told}, ('written', ''), ('done', 'NEW v1 · 3.2 s'))", [])
    assert screen(seen) == ["sales.total · NEW v1 · 3.2 s · a model\ndef total(self):\n    return 1"]


def test_what_ends_after_a_review_draws_nothing_more(kernel):
    seen = run(kernel, "reviewer.review(proposal)\ntell(('written', ''), ('done', 'NEW v1'))", ["a"])
    assert len(screen(seen)) == 1
    assert "NEW v1" not in screen(seen)[0]


def test_two_methods_that_are_written_at_once_have_an_output_each(kernel):
    cell = "tell(('writing', 'one writes sales.total'))\nreviewer.tell(Event('writing', 'two writes x.y', 'x.y'))"
    seen = run(kernel, f"{cell}\ntell(('done', 'NEW v1'))")
    assert screen(seen) == ["sales.total · NEW v1 · one", "two writes x.y"]


def test_a_warning_is_printed_and_stays(kernel):
    assert run(kernel, "tell(('warning', 'not stored'))", [])["text"] == ["sales.total · not stored\n"]


def test_a_cell_that_runs_later_has_its_own_output(kernel):
    run(kernel, "tell(('writing', 'a model writes sales.total'))", [])
    seen = run(kernel, "tell(('writing', 'a model writes sales.total'))", [])
    assert (len(seen["display_data"]), seen["update_display_data"]) == (1, [])


# ── where nobody can answer ──


def test_a_front_end_without_input_cannot_be_asked(kernel):
    seen = run(kernel, "print(reviewer.can_ask)\nreviewer.review(proposal)")
    assert seen["text"][0] == "False\n"
    assert "ReviewRequired" in seen["error"][0]
    assert "takes no input" in seen["error"][0]
    assert len(seen["traceback"]) == 2


def test_a_captured_cell_cannot_be_asked(kernel):
    for options in ("", " --no-display", " --no-stdout"):
        run(kernel, f"%%capture{options}\nasked = reviewer.can_ask", [])
        assert run(kernel, "print(asked, reviewer.can_ask)", [])["text"] == ["False True\n"]


def test_redirected_output_cannot_be_asked(kernel):
    cell = "import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()):\n    asked = reviewer.can_ask"
    run(kernel, cell, [])
    assert run(kernel, "print(asked)", [])["text"] == ["False\n"]


@pytest.mark.skipif(os.name == "nt", reason="it cannot fork")
def test_a_forked_worker_cannot_be_asked(kernel):
    cell = "import os\nend = os.fork()\nif not end:\n    os._exit(reviewer.can_ask)\nended = os.waitpid(end, 0)[1]"
    run(kernel, cell, [])  # from Python 3.12 on this warns of the fork
    assert run(kernel, "print(ended)", [])["text"] == ["0\n"]


def test_no_terminal_toolkit_is_imported(kernel):
    cell = "print([m for m in ('prompt_toolkit.application', 'rich.live') if m in set(sys.modules) - before])"
    assert run(kernel, cell)["text"] == ["[]\n"]


# ── the whole way ──


def test_a_method_is_written_reviewed_and_answers_in_the_cell(kernel, tmp_path):
    load(kernel, tmp_path, ANSWER, answers=[])
    run(kernel, "deep = %agent deep thought", [])
    seen = run(kernel, "print(deep.answer())", ["a"])
    assert len(seen["asked"]) == 1
    assert seen["text"] == ["42\n"]
    assert len(screen(seen)) == 1
    again = "".join(run(kernel, "print(deep.answer())", [])["text"])
    assert again.startswith("deep_thought.answer · CACHED v1 · accepted ")
    assert again.endswith("\n42\n")
    assert run(kernel, "print(deep.answer())")["text"] == ["42\n"]


def test_in_auto_the_code_that_ran_stays_on_the_screen(kernel, tmp_path):
    load(kernel, tmp_path, ANSWER, answers=[])
    run(kernel, "%agent review auto\ndeep = Agent('deep thought')", [])
    seen = run(kernel, "deep.answer()", [])
    assert seen["asked"] == []
    assert screen(seen)[0].startswith("deep_thought.answer · NEW v1 · ")
    assert screen(seen)[0].endswith(ANSWER)


def test_a_notebook_without_input_asks_no_model(kernel, tmp_path):
    load(kernel, tmp_path, ANSWER)
    seen = run(kernel, "deep = Agent('deep thought')\ndeep.answer()")
    assert seen["error"][0].startswith("CacheMiss: no accepted code fits deep_thought.answer")
    assert seen["asked"] == seen["display_data"] == []


def test_two_kernels_on_one_store_see_each_others_methods_at_the_next_miss(kernel, person, tmp_path):
    with started(person) as other:
        load(kernel, tmp_path, ANSWER, answers=[])
        load(other, tmp_path)
        run(other, "deep = Agent('deep thought')")
        run(kernel, "deep = Agent('deep thought')\ndeep.answer()", ["a"])
        assert run(other, "print(deep.answer())")["text"][-1].endswith("42\n")
        assert "CACHED v1" in run(other, "%agent")["text"][0]


def test_an_extension_that_the_configuration_loads_asks_where_somebody_can_answer(tmp_path):
    profile = tmp_path / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    (profile / "ipython_kernel_config.py").write_text('get_config().InteractiveShellApp.extensions = ["agent_repl"]')
    with started(tmp_path) as client:
        ask = "from agent_repl import default_session; print(default_session().mode)"
        assert run(client, ask, [])["text"] == ["ask\n"]
    with started(tmp_path) as client:
        assert run(client, ask)["text"] == ["cached\n"]
