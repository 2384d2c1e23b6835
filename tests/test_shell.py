"""The `agent-repl` shell, as a process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pexpect = pytest.importorskip("pexpect")

REPLY = "```python\ndef answer(self):\n    return 6 * 7\n```"
SCRIPTED = f"""
from agent_repl import ScriptedProvider, default_session
default_session().provider = ScriptedProvider([{REPLY!r}] * 3)
default_session().mode = "ask"
"""


@pytest.fixture
def env(tmp_path) -> dict[str, str]:
    places = {name: str(tmp_path) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME")}
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("ANTHROPIC_", "AGENT_REPL_"))}
    path = str(Path(__file__).parent.parent)
    return {**keep, **places, "PYTHONPATH": path, "IPYTHONDIR": str(tmp_path / "ipython"), "TERM": "xterm"}


def run(env, *words: str, typed: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "agent_repl", *words]
    known = {"input": typed} if typed is not None else {"stdin": subprocess.DEVNULL}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=env, cwd=env["HOME"], **known)


def shell(env, *words: str):
    words = ("-m", "agent_repl", "--plain", *words)
    return pexpect.spawn(sys.executable, list(words), env=env, cwd=env["HOME"], encoding="utf-8", timeout=30)


@pytest.mark.parametrize(
    ("code", "exit_code"), [("print(1 + 1)", 0), ("1 / 0", 1), ("raise SystemExit(3)", 3), ("x = = 1", 1)]
)
def test_code_runs_and_its_end_is_the_exit_code(env, code, exit_code):
    assert run(env, "-c", code).returncode == exit_code


def test_a_script_has_its_output_to_itself(env):
    done = run(env, typed="for n in range(2):\n    print(n)\n\nprint(Agent.__name__)\n")
    assert done.stdout == "0\n1\nAgent\n"
    assert done.stderr.startswith("agent_repl · ")


def test_a_script_never_runs_unseen_code_and_says_why(env):
    done = run(env, "-c", f"{SCRIPTED}\nAgent('deep thought').answer()")
    assert done.returncode == 1
    assert "nobody can answer here" in done.stdout + done.stderr


def begun(env, script: str):
    """A person's shell in which this has run."""
    child = shell(env)
    child.expect("Begin with: ")
    child.expect("In .*: ")
    child.sendline(f"exec({script!r})")
    child.expect("In .*: ")
    return child


def test_a_person_sees_the_code_accepts_it_and_gets_the_answer(env):
    child = begun(env, f"{SCRIPTED}\ndeep = Agent('deep thought')")
    child.sendline("deep.answer()")
    child.expect("2 │     return 6 \\* 7")
    child.expect(r"\[\?\] \(Enter accepts\): ")
    child.sendline("a")
    child.expect("42")
    child.expect("In .*: ")
    child.sendline("deep.answer()")
    child.expect("42")
    assert "[?]" not in child.before
    child.sendline("exit")
    child.expect(pexpect.EOF)


def test_ctrl_c_keeps_the_draft_and_the_next_call_shows_it_again(env):
    child = begun(env, f"{SCRIPTED}\ndeep = Agent('deep thought')")
    for key in ("\x03", "a\n"):
        child.sendline("deep.answer()")
        child.expect(r"\[\?\] \(Enter accepts\): ")
        child.send(key)
    child.expect("42")
    child.sendline("print(len(get_ipython().user_ns['default_session']().provider.prompts), 'asked')")
    child.expect("1 asked")
    child.sendline("exit")
    child.expect(pexpect.EOF)
