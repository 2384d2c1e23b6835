"""Where fcntl, termios, resource, pwd and os.fork are missing, as on Windows: what a person uses works all the same."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs words after `python` in a directory of its own, where children lack it all too; gives its whole output."""
    lacking = tmp_path / "lacking"
    lacking.mkdir()
    shutil.copy(ROOT / "tests" / "as_windows.py", lacking / "sitecustomize.py")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (lacking, ROOT, ROOT / "tests"))))
    monkeypatch.setenv("NO_COLOR", "1")
    (tmp_path / "project").mkdir()

    def run(*words: str, code: int = 0, **known) -> str:
        command = [sys.executable, *words]
        done = subprocess.run(
            command, cwd=tmp_path / "project", capture_output=True, text=True, timeout=120, check=False, **known
        )
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    return run


def test_it_is_all_missing(windows):
    said = windows("-c", "import os, sys; print(hasattr(os, 'fork'), 'termios' in sys.modules); import fcntl", code=1)
    assert "False False" in said
    assert "No module named 'fcntl'" in said


@pytest.mark.parametrize("package", sorted(path.parent.name for path in ROOT.glob("agent_repl*/__init__.py")))
def test_every_module_imports(windows, package):
    names = [".".join(p.relative_to(ROOT).with_suffix("").parts) for p in sorted((ROOT / package).rglob("*.py"))]
    names = [name.removesuffix(".__init__") for name in names if not name.endswith("__main__")]
    windows("-c", f"from importlib import import_module\nfor name in {names}: import_module(name)")


STORE = """
from kit import session
from agent_repl import pin, undo, examples, forget
from pathlib import Path
made = session(Path(), "def double(self, n):\\n    return n * 2", "def half(self, n):\\n    return n / 2")
calc = made.agent("calculator", name="calc")
print(calc.double(4), calc.half(4), pin(calc.double).name)
again = session(Path()).agent("calculator", name="calc")
print(again.double(5), again.half(5), len(examples(again.half)), made.store.notes)
"""


def test_the_store_keeps_and_pins(windows):
    assert windows("-c", STORE).splitlines() == ["8 2.0 calc.py", "10 2.5 1 []"]


HEADLESS = """
from kit import session
from pathlib import Path
made = session(Path(), "def double(self, n):\\n    return n * 2", review=None)
made.mode = "later"
made.agent("calculator", name="calc").double(4)
"""


def test_where_nobody_can_answer_code_waits(windows):
    said = windows("-c", HEADLESS, code=1)
    assert "ReviewRequired: calc.double is written" in said


REVIEW = """
import io, sys
from pathlib import Path
from kit import session
from agent_repl_ui.terminal import TerminalReviewer
class Keys(io.StringIO):
    isatty = lambda self: True
sys.stdin = Keys("help\\n7\\n1\\n")
sys.stdout.isatty = lambda: True
made = session(Path(), "def double(self, n):\\n    return n * 2", review=TerminalReviewer())
print("answer", made.agent("calculator", name="calc").double(4), made.mode)
"""


def test_a_review_in_plain_words_shows_and_asks(windows, monkeypatch):
    monkeypatch.setenv("AGENT_REPL_PLAIN", "1")
    said = windows("-c", REVIEW)
    assert "return n * 2" in said
    assert "1 accept" in said
    assert "answer 8 ask" in said


CHANGED = """
from kit import Person, session
from pathlib import Path
from agent_repl import keep, revise
person = Person("accept", "accept")
person.confirm = lambda question: False
made = session(Path(), "def same(self, v):\\n    return v + 1", "def same(self, v):\\n    return str(v)", review=person)
calc = made.agent("calculator", name="calc")
calc.same(1); keep(calc.same)
try:
    revise(calc.same, "as text")
except Exception as error:
    print(type(error).__name__, error)
print(person.seen[-1].tried)
"""


def test_what_cannot_be_tried_is_said_and_kept_examples_still_block(windows):
    said = windows("-c", CHANGED)
    assert "only Linux can lock a child" in said
    assert "Rejected calc.same stays as it was, since it would break a check" in said


def test_the_shell_starts_runs_code_and_leaves(windows):
    windows("-m", "agent_repl", "--home", "h", "-c", "sales = Agent('analyst'); print(type(sales).__name__, 6 * 7)")
    said = windows("-m", "agent_repl", "--home", "h", input="%agent\nprint('bye')\n")
    assert "bye" in said


def test_the_extension_loads_into_ipython(windows):
    said = windows("-m", "IPython", "-c", "%load_ext agent_repl\nprint(Agent)")
    assert "agent_repl · " in said


def test_trust_works_without_owners_and_modes(windows, tmp_path):
    theirs = "import os; os.environ['AGENT_REPL_TRUST_KEY_FILE'] = os.path.abspath('their key')"
    windows("-c", f"{theirs}{STORE}")
    assert "not signed by you" in windows("-m", "agent_repl", "-c", "Agent('calculator')", env=_at(tmp_path))
    assert "calc.double serves" in windows("-m", "agent_repl", "trust", ".", "--yes")
    said = windows("-m", "agent_repl", "-c", "print(Agent('calculator').double(21))", env=_at(tmp_path))
    assert "42" in said.splitlines()


def _at(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "AGENT_REPL_HOME": str(tmp_path / "project" / ".agent_repl")}


DEMO = """
from test_demo import REPLIES, wanted
from kit import fenced
from agent_repl import ScriptedProvider
from agent_repl_demos.sales import main
raise SystemExit(main(["--home", "demo"], provider=ScriptedProvider(lambda prompt: fenced(REPLIES[wanted(prompt)]))))
"""


def test_the_demo_goes_its_whole_way(windows):
    said = windows("-c", DEMO)
    assert "5 of 5 answers are right" in said
    assert "model calls: 0; anthropic imported: False" in said
    assert "total_revenue() →" in said
