"""The command line: its help, its exit codes, the model's file, the shell behind it."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from agent_repl import cli
from agent_repl.errors import ModelUnavailable
from agent_repl_local import model_file, model_path

HEAVY = ("rich", "prompt_toolkit", "anthropic", "IPython", "xllamacpp", "pygments", "jinja2", "pandas")


def run(*words: str, **known) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "agent_repl", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **known)


def test_help_names_the_commands():
    done = run("--help")
    assert done.returncode == 0
    assert "demo" in done.stdout
    assert "model" in done.stdout


def test_help_and_version_import_nothing_heavy():
    ask = (
        f"import sys; sys.modules.update(dict.fromkeys({HEAVY!r})); from agent_repl.cli import main; main(sys.argv[1:])"
    )
    for word in ("--help", "--version"):
        done = subprocess.run([sys.executable, "-c", ask, word], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")


def test_version_is_printed():
    assert run("--version").stdout.startswith("agent-repl ")


@pytest.mark.parametrize(
    "words", [("--no-such",), ("no-such",), ("model",), ("model", "eat"), ("model", "path", "--all"), ("-c",)]
)
def test_wrong_words_are_usage_errors(words):
    done = run(*words)
    assert done.returncode == 2
    assert "usage: agent-repl" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--theme", "pink"), "choose from"),
        (("--review", "maybe"), "choose from"),
        (("-i",), "expected one argument"),
        (("review", "all"), "unrecognized arguments: all"),
        (("draw",), "invalid choice: 'draw'"),
    ],
)
def test_wrong_words_are_told_on_one_line(words, said):
    done = run(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_words_after_demo_are_its_own(monkeypatch):
    taken = []
    monkeypatch.setitem(
        sys.modules, "agent_repl_demos.command", SimpleNamespace(main=lambda words: taken.extend(words) or 7)
    )
    words = ["--provider", "scripted", "--review", "auto", "--home", "a place", "--help"]
    assert cli.main(["demo", *words]) == 7
    assert taken == words


def test_our_errors_are_one_line_and_exit_1(monkeypatch, capsys):
    def fail(*_):
        raise ModelUnavailable("No source gave the model. Run this again.")

    monkeypatch.setattr(model_file, "pull", fail)
    assert cli.main(["model", "pull"]) == 1
    assert capsys.readouterr().err == "agent-repl: No source gave the model. Run this again.\n"


def test_ctrl_c_exits_130(monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(model_file, "pull", interrupt)
    assert cli.main(["model", "pull"]) == 130


def test_model_pull_refuses_another_file(tmp_path, capsys):
    wrong = tmp_path / "wrong.gguf"
    wrong.write_text("not a model")
    assert cli.main(["model", "pull", "--from", str(wrong)]) == 1
    assert "it is another file" in capsys.readouterr().err


def test_model_path_says_where_and_whether_it_is_there(capsys):
    assert cli.main(["model", "path"]) == 1
    assert capsys.readouterr().out == f"{model_path()}\n"


def test_model_remove_says_what_went(capsys):
    model_path().parent.mkdir(parents=True)
    model_path().write_text("x")
    assert cli.main(["model", "remove"]) == 0
    assert cli.main(["model", "remove"]) == 0
    removed, nothing = capsys.readouterr().out.splitlines()
    assert (removed, nothing) == (f"removed {model_path()}", f"nothing to remove at {model_path()}")
    assert os.listdir(model_path().parent) == []
