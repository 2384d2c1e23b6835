"""The `agent-repl` shell as a process: code, scripts, files, and the plain prompt."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pexpect = pytest.importorskip("pexpect")
pytest.importorskip("pyte")
from shells import surroundings  # noqa: E402

ESCAPE = "\x1b"
REPLY = "```python\ndef answer(self):\n    return 6 * 7\n```"
SCRIPTED = f"""
from agent_repl import ScriptedProvider, default_session
default_session().provider = ScriptedProvider([{REPLY!r}] * 3)
default_session().mode = "ask"
"""


@pytest.fixture
def env(tmp_path) -> dict[str, str]:
    return surroundings(tmp_path)


def run(env, *words: str, typed: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "agent_repl", *words]
    known = {"input": typed} if typed is not None else {"stdin": subprocess.DEVNULL}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=env, cwd=env["HOME"], **known)


def shell(env, *words: str):
    words = ("-m", "agent_repl", "--plain", *words)
    return pexpect.spawn(sys.executable, list(words), env=env, cwd=env["HOME"], encoding="utf-8", timeout=30)


# ── without a person ──


@pytest.mark.parametrize(
    ("code", "exit_code"), [("print(1 + 1)", 0), ("1 / 0", 1), ("raise SystemExit(3)", 3), ("x = = 1", 1)]
)
def test_code_runs_and_its_end_is_the_exit_code(env, code, exit_code):
    assert run(env, "-c", code).returncode == exit_code


def test_a_script_has_its_output_to_itself(env):
    done = run(env, typed="for n in range(2):\n    print(n)\n\nprint(Agent.__name__)\n")
    assert done.stdout == "0\n1\nAgent\n"
    assert done.stderr.startswith("agent_repl · ")
    assert ESCAPE not in done.stderr


def test_the_title_is_for_terminals_alone(env):
    Path(env["HOME"], "begin.py").write_text("first = 40\n")
    done = run(env, "-i", "begin.py", typed="print(first + 2)\n")
    assert "42" in done.stdout
    assert "agent-repl: " in done.stdout
    assert ESCAPE not in done.stdout + done.stderr


def test_a_script_never_runs_unseen_code_and_says_why(env):
    done = run(env, "-c", f"{SCRIPTED}\nAgent('deep thought').answer()")
    assert done.returncode == 1
    assert "nobody can answer here" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-i", "nowhere.py"), "No such file"),
        (("-c", "1"), "AGENT_REPL_THEME should be one of dark, light, auto, not 'pink'"),
    ],
)
def test_what_cannot_start_says_why_on_one_line(env, words, said):
    known = {} if "-i" in words else {"AGENT_REPL_THEME": "pink"}
    done = run({**env, **known}, *words)
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_options_set_what_the_settings_of_their_name_do(env, tmp_path):
    told = "s = __import__('agent_repl').default_session(); print(s.mode, s.settings.model, s.store.where)"
    done = run(env, "--review", "later", "--model", "some-model", "--home", str(tmp_path / "there"), "-c", told)
    assert done.stdout.startswith("later some-model ")
    assert str(tmp_path / "there") in done.stdout


def test_the_shell_imports_no_model_sdk_before_it_is_needed(env):
    wanted = "import sys; print([m for m in ('anthropic', 'xllamacpp', 'pandas', 'rich') if m in sys.modules])"
    assert run(env, "-c", wanted).stdout == "[]\n"


def test_nothing_is_left_to_review_and_that_is_said(env):
    done = run(env, "review")
    assert (done.returncode, done.stdout) == (0, "no draft waits\n")


def test_a_setting_that_is_wrong_ends_the_shell_with_one_line(env):
    child = pexpect.spawn(
        sys.executable, ["-m", "agent_repl"], env={**env, "AGENT_REPL_REVIEW": "pink"}, encoding="utf-8", timeout=30
    )
    child.expect("agent-repl: AGENT_REPL_REVIEW: review should be one of auto, ask, later, cached, not 'pink'")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1
    assert "Traceback" not in child.before


def test_plain_is_said_to_the_programs_below_too(env):
    told = "import os; print(os.environ['AGENT_REPL_PLAIN'], os.environ['NO_COLOR'])"
    assert run(env, "--plain", "-c", told).stdout == "1 1\n"


@pytest.mark.parametrize(("theme", "colors"), [("dark", "linux"), ("light", "lightbg"), ("auto", "neutral")])
def test_a_theme_is_ipythons_colours(env, theme, colors):
    assert run(env, "--theme", theme, "-c", "print(get_ipython().colors.lower())").stdout == f"{colors}\n"


# ── without what only Unix has ──

NO_UNIX = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name in ("fcntl", "termios", "resource", "pwd", "grp"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
for name in ("fcntl", "termios", "resource", "pwd", "grp"):
    sys.modules.pop(name, None)
"""


@pytest.fixture
def bare(env, tmp_path) -> dict[str, str]:
    """An environment whose Python lacks these modules from its start."""
    (tmp_path / "sitecustomize.py").write_text(NO_UNIX)
    return {**env, "PYTHONPATH": f"{tmp_path}:{env['PYTHONPATH']}", "AGENT_REPL_PLAIN": "1"}


def test_each_module_of_the_shell_is_imported_without_unix(bare):
    imports = """
import pkgutil, importlib, agent_repl_ui, sys
for module in pkgutil.walk_packages(agent_repl_ui.__path__, "agent_repl_ui."):
    importlib.import_module(module.name)
print("termios" in sys.modules)
"""
    assert run(bare, "-c", imports).stdout == "False\n"


def test_drafts_are_reviewed_without_unix(bare):
    made = "default_session().mode = 'later'\ndeep = Agent('deep thought')\ndeep.answer()"
    assert run(bare, "-c", f"{SCRIPTED}\n{made}").returncode == 1
    words = ["-m", "agent_repl", "review"]
    child = pexpect.spawn(
        sys.executable, words, env={**bare, "NO_COLOR": "1"}, cwd=bare["HOME"], encoding="utf-8", timeout=30
    )
    child.expect("return 6 \\* 7")
    child.expect("Enter accepts")
    child.sendline("1")
    child.expect("deep_thought.answer v1 is accepted")


# ── in words only ──


def begun(env, script: str):
    """A person's plain shell in which this has run."""
    child = shell(env)
    child.expect("In .*: ")
    child.sendline(f"exec({script!r})")
    child.expect("In .*: ")
    return child


def test_a_person_sees_the_code_accepts_it_and_gets_the_answer(env):
    child = begun(env, f"{SCRIPTED}\ndeep = Agent('deep thought')")
    child.sendline("deep.answer()")
    child.expect("return 6 \\* 7")
    child.expect(r'[^" ] \(Enter accepts\): ')
    child.sendline("accept")
    child.expect("42")
    child.expect("In .*: ")
    child.sendline("deep.answer()")
    child.expect("42")
    assert "Enter accepts" not in child.before
    child.sendline("exit")
    child.expect(pexpect.EOF)


def test_review_goes_through_the_drafts_that_wait(env):
    made = "default_session().mode = 'later'\ndeep = Agent('deep thought')\ndeep.answer()"
    assert run(env, "-c", f"{SCRIPTED}\n{made}").returncode == 1
    for key, said in (("\x03", "kept for later"), ("n", "rejected: nothing was run"), ("", "no draft waits")):
        child = pexpect.spawn(
            sys.executable, ["-m", "agent_repl", "review"], env=env, cwd=env["HOME"], encoding="utf-8", timeout=30
        )
        if key:
            child.expect(r"\[a\]ccept")
            child.send(key)
        child.expect(said)
        child.expect(pexpect.EOF)
        assert "Traceback" not in child.before


def test_ctrl_c_keeps_the_draft_and_the_next_call_shows_it_again(env):
    child = begun(env, f"{SCRIPTED}\ndeep = Agent('deep thought')")
    for key in ("\x03", "accept\n"):
        child.sendline("deep.answer()")
        child.expect(r'[^" ] \(Enter accepts\): ')
        child.send(key)
    child.expect("42")
    child.sendline("print(len(get_ipython().user_ns['default_session']().provider.prompts), 'asked')")
    child.expect("1 asked")
    child.sendline("exit")
    child.expect(pexpect.EOF)


@pytest.mark.parametrize("how", [{"TERM": "dumb"}, {"AGENT_REPL_PLAIN": "1"}, {"ACCESSIBLE": "1"}])
def test_where_nothing_can_be_drawn_the_prompt_is_a_plain_line(env, how):
    child = pexpect.spawn(
        sys.executable, ["-m", "agent_repl"], env={**env, **how}, cwd=env["HOME"], encoding="utf-8", timeout=30
    )
    child.sendline("for n in range(2): print(n + 40)")
    child.sendline("")
    child.sendline("exit")
    child.expect(pexpect.EOF)
    assert "41\r\n" in child.before
    assert ESCAPE not in child.before
