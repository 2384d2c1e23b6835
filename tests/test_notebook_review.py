"""Review in a real kernel, with and without a person at its input."""

from __future__ import annotations

import pytest

pytest.importorskip("ipykernel")

from jupyter_client.manager import start_new_kernel

SETUP = """
from agent_repl_ui.notebook import NotebookReviewer
from agent_repl.records import Event, Proposal
from agent_repl.validate import recall
reviewer = NotebookReviewer(get_ipython())
proposal = Proposal("sales.total", "NEW", recall("def total(self):\\n    return 1 < 2\\n", "total"))
flagged = Proposal("sales.wipe", "NEW", recall("import os\\ndef wipe(self):\\n    os.remove('a')\\n", "wipe"))
"""


@pytest.fixture(scope="module")
def kernel():
    manager, client = start_new_kernel()
    run(client, SETUP)
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def run(client, code: str, answers: list[str] | None = None) -> dict[str, list]:
    """Run a cell; `answers` are what the person types, one by one (None: the front end takes no input)."""
    seen: dict[str, list] = {"asked": [], "display_data": [], "update_display_data": [], "text": [], "error": []}

    def show(message) -> None:
        kind, content = message["header"]["msg_type"], message["content"]
        if kind == "stream":  # a kernel may send one print in several pieces
            seen["text"] = ["".join([*seen["text"], content["text"]])]
        elif kind == "error":
            seen[kind].append(f"{content['ename']}: {content['evalue']}")
        elif kind in seen:
            seen[kind].append(content)

    def type_in(message) -> None:
        seen["asked"].append(message["content"]["prompt"])
        client.input(answers.pop(0))

    client.execute_interactive(code, allow_stdin=answers is not None, output_hook=show, stdin_hook=type_in, timeout=60)
    return seen


def test_one_line_of_input_accepts(kernel):
    seen = run(kernel, "print(reviewer.review(proposal))", ["a"])
    assert seen["asked"] == ["[a]ccept  [p]in  [r]evise  [n]o  [?]: "]
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


def test_streamed_text_and_the_proposal_share_one_output(kernel):
    cell = "\n".join(["reviewer.tell(Event('writing', 'a model writes'))", *["reviewer.tell(Event('text', 'de'))"] * 9])
    seen = run(kernel, f"{cell}\nreviewer.review(proposal)", ["a"])
    assert len(seen["display_data"]) == 1
    assert "sales.total" in seen["update_display_data"][-1]["data"]["text/plain"]


def test_an_empty_answer_decides_nothing(kernel):
    seen = run(kernel, "print(reviewer.review(proposal))", ["", "n"])
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


def test_a_front_end_without_input_cannot_be_asked(kernel):
    seen = run(kernel, "print(reviewer.can_ask)\nreviewer.review(proposal)")
    assert seen["text"][0] == "False\n"
    assert "ReviewRequired" in seen["error"][0]
    assert "takes no input" in seen["error"][0]


def test_a_captured_cell_cannot_be_asked(kernel):
    run(kernel, "%%capture\nasked = reviewer.can_ask", [])
    assert run(kernel, "print(asked, reviewer.can_ask)", [])["text"] == ["False True\n"]


def test_no_terminal_toolkit_is_imported(kernel):
    seen = run(
        kernel, "import sys; print([m for m in ('prompt_toolkit.application', 'rich.live') if m in sys.modules])"
    )
    assert seen["text"] == ["[]\n"]


GROW = """
from agent_repl import ScriptedProvider, open_session
from agent_repl.session import use
reply = "```python\\ndef answer(self):\\n    return 6 * 7\\n```"
use(open_session("{home}", provider=ScriptedProvider([reply] * 3)))
%reload_ext agent_repl
deep = %agent deep thought
"""


def test_a_method_is_written_reviewed_and_answers_in_the_cell(kernel, tmp_path):
    run(kernel, GROW.format(home=tmp_path / ".agent_repl"), [])
    seen = run(kernel, "print(deep.answer())", ["a"])
    assert len(seen["asked"]) == 1
    assert seen["text"] == ["42\n"]
    again = "".join(run(kernel, "print(deep.answer())", [])["text"])
    assert again.startswith("deep_thought.answer · CACHED v1 · accepted ")
    assert again.endswith("\n42\n")
    assert run(kernel, "print(deep.answer())")["text"] == ["42\n"]


def test_a_notebook_without_input_asks_no_model(kernel, tmp_path):
    run(kernel, GROW.format(home=tmp_path / ".agent_repl"))
    seen = run(kernel, "deep.answer()")
    assert seen["error"][0].startswith("CacheMiss: no accepted code fits deep_thought.answer")
    assert seen["asked"] == seen["display_data"] == []
