"""What holds for the project as a whole: its words, its first commands, and the ground that the tests stand on."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import platformdirs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import agent_repl.effects
import agent_repl.records

ROOT = Path(__file__).parent.parent
HERE = Path(__file__).name
windows = pytest.mark.skipif(os.name == "nt", reason="the programs are shell scripts")


# ── its words ──


def test_nobody_is_told_to_install_the_package_of_somebody_else() -> None:
    verbs = r"\b(install|uvx|pipx run|uv tool run|(uv|poetry|pdm) add)"
    taken = re.compile(verbs + r"(\s+-\S+)*\s+[\"'`]?" + "agent" + r"[-_.]repl\b", re.IGNORECASE)
    assert taken.search("pip install " + "agent" + "-repl")
    assert not taken.search("pip install ipython-" + "agent-repl")
    assert [name for name, text in texts() if taken.search(text)] == []


def test_no_file_knows_where_it_was_written() -> None:
    homes = re.compile("|".join(("/" + "root/", "/" + "home/" + r"\w", "/" + "Users/" + r"\w", r"C:\\+" + r"Users\\")))
    assert homes.search("/" + "root/x")
    assert [f"{name}: {match[0]}" for name, text in texts() if (match := homes.search(text))] == []


def test_the_readme_opens_with_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "python3 run.py demo" in text
    assert "python3 run.py test" in text


def test_the_changelog_has_a_place_for_the_next_change() -> None:
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_what_is_made_here_is_not_committed() -> None:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {".venv/", ".venv-*/", ".agent_repl/", "__pycache__/", "*.gguf"} <= set(ignored)


def test_the_distribution_has_its_own_name_and_our_script() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == "ipython-agent-repl"
    assert project["requires-python"] == ">=3.11"
    assert project["scripts"] == {"agent-repl": "agent_repl.cli:main"}
    assert (ROOT / "agent_repl" / "py.typed").exists()
    assert (ROOT / "agent_repl_bounds" / "py.typed").exists()
    assert (ROOT / "agent_repl_classes" / "py.typed").exists()
    assert (ROOT / "agent_repl_emit" / "py.typed").exists()


def test_what_stands_beside_the_package_is_shipped_and_checked_with_it() -> None:
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    shipped = tool["hatch"]["build"]["targets"]["wheel"]["packages"]
    wanted = sorted(file.parent.name for file in ROOT.glob("agent_repl*/__init__.py"))
    assert shipped == tool["mypy"]["packages"] == wanted
    assert set(shipped) <= set(tool["hatch"]["build"]["targets"]["sdist"]["include"])


def test_the_embedded_model_is_found_as_a_provider_of_any_package_is() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    points = project["entry-points"]["agent_repl.providers"]
    provider = EntryPoint("local", points["local"], "agent_repl.providers").load()()
    assert (provider.name, provider.host) == ("local", None)


def test_what_code_touches_is_had_under_the_package_s_own_name() -> None:
    (fact,) = agent_repl.effects.effects("import csv")
    assert type(fact) is agent_repl.Effect is agent_repl.records.Effect is agent_repl.effects.Effect
    assert (fact.kind, fact.line, fact.detail, fact.flagged) == ("import", 1, "csv", False)


def texts() -> Iterator[tuple[str, str]]:
    """Every file of the project that is text, but not this one, which names what it forbids."""
    for directory, below, files in os.walk(ROOT):
        below[:] = [
            name for name in below if name in (".ci", ".github") or not re.match(r"\.|__pycache__|build$|dist$", name)
        ]
        for path in (Path(directory) / name for name in files if name not in (HERE, ".git")):
            content = path.read_bytes()
            if b"\0" not in content:
                yield str(path.relative_to(ROOT)), content.decode("utf-8", "replace")


# ── run.py ──


@pytest.mark.parametrize("arguments", [(), ("fly",)])
def test_what_cannot_be_run_is_said_in_words(arguments: tuple[str, ...]) -> None:
    done = subprocess.run([sys.executable, ROOT / "run.py", *arguments], capture_output=True, text=True)
    assert done.returncode == 2
    assert "run.py COMMAND" in done.stderr


def test_an_old_python_is_told_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    run = load_run()
    monkeypatch.setattr(run.sys, "version_info", (3, 9, 2))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SystemExit, match=r"3\.11 or newer is needed and this is 3\.9"):
        run.main(["test"])


@windows
def test_a_python_on_the_path_that_does_not_run_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "a" / "python3.12", "exit 127")
    python = program(tmp_path / "b" / "python3.12", "echo 3 12")
    program(tmp_path / "b" / "python3", "echo 3 9")
    monkeypatch.setenv("PATH", f"{tmp_path / 'a'}{os.pathsep}{tmp_path / 'b'}")
    assert load_run().pythons_on_path() == {(3, 12): python}


@windows
def test_what_makes_an_environment_is_found_or_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, bare = program(tmp_path / "whole", "exit 0"), program(tmp_path / "bare", "exit 1")
    monkeypatch.setenv("PATH", str(tmp_path / "tools"))
    maker = load_run().maker
    assert maker(whole, "here") == [whole, "-m", "venv", "here"]
    with pytest.raises(SystemExit, match="apt install python3-venv"):
        maker(bare, "here")
    virtualenv = program(tmp_path / "tools" / "virtualenv", "exit 0")
    assert maker(bare, "here")[0] == virtualenv
    uv = program(tmp_path / "tools" / "uv", "exit 0")
    assert maker(bare, "here")[0] == uv


def program(path: Path, script: str) -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_an_environment_is_installed_once_and_again_when_more_is_wanted(checkout: Any) -> None:
    checkout.Environment(".venv").ensure("dev")
    checkout.Environment(".venv").ensure("dev")
    checkout.Environment(".venv").ensure("local")
    (checkout.ROOT / "pyproject.toml").write_text("changed")
    checkout.Environment(".venv").ensure("dev")
    assert checkout.done == ["make", "install dev", "install dev,local", "install dev,local"]


def test_an_environment_whose_making_was_interrupted_is_made_anew(checkout: Any) -> None:
    half_made = checkout.ROOT / ".venv"
    half_made.mkdir()
    (half_made / "run.py.stamp").write_text(checkout.UNFINISHED)
    (half_made / "rubbish").write_text("")
    checkout.Environment(".venv").ensure("dev")
    assert checkout.done == ["make", "install dev"]
    assert not (half_made / "rubbish").exists()


def test_an_installation_that_was_interrupted_is_made_anew(checkout: Any) -> None:
    checkout.fate = KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        checkout.Environment(".venv").ensure("dev")
    checkout.fate = None
    checkout.Environment(".venv").ensure("dev")
    assert checkout.done == ["make", "install dev", "make", "install dev"]


def test_an_installation_that_failed_says_so_and_is_tried_again(checkout: Any) -> None:
    checkout.fate = 1
    with pytest.raises(SystemExit, match="the installation failed"):
        checkout.Environment(".venv").ensure("dev")
    checkout.fate = None
    checkout.Environment(".venv").ensure("dev")
    assert checkout.done == ["make", "install dev", "install dev"]


def test_the_demo_asks_the_embedded_model_whatever_keys_are_set(checkout: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "a key")
    checkout.Environment.become = lambda environment, *arguments: arguments
    assert checkout.main(["demo", "sales"]) == ("-m", "agent_repl", "demo", "--provider", "local", "sales")
    assert checkout.done == ["make", "install local"]


def test_the_oldest_front_ends_are_those_that_the_project_allows() -> None:
    run = load_run()
    assert "ipython==7.34" in run.oldest_allowed()
    assert {each.partition("==")[0] for each in run.oldest_allowed()} >= {"ipykernel", "prompt_toolkit"}
    names = {Path(file).name for file in run.front_end_tests()}
    assert names >= {"test_magics.py", "test_notebook_review.py", "test_terminal_review.py", "test_shell.py"}
    assert "test_store_sqlite.py" not in names


def test_old_versions_take_the_place_of_new_ones_and_a_selection_may_leave_no_test(checkout: Any) -> None:
    checkout.oldest_allowed = lambda: ["ipython[old]==7.34"]
    checkout.Environment.pytest = lambda environment, *arguments: checkout.NOTHING_SELECTED
    assert checkout.oldest_front_ends(["-k", "nothing"]) == 0
    assert checkout.done == ["make", "install dev", "install old"]


def load_run() -> ModuleType:
    spec = importlib.util.spec_from_file_location("run_under_test", ROOT / "run.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def checkout(tmp_path: Path) -> Any:
    """run.py at home in an empty checkout, with a pip that only takes notes in `done` and ends as `fate` says."""
    run: Any = load_run()
    run.ROOT, run.done, run.fate = tmp_path, [], None
    (tmp_path / "pyproject.toml").write_text("")

    def make(environment: Any) -> None:
        run.done.append("make")
        environment.clear()
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment.path], check=True)

    def call(environment: Any, *arguments: str, **options: Any) -> int:
        run.done.append("install " + re.findall(r"\[(.*)\]", arguments[-1])[0])
        if run.fate is KeyboardInterrupt:
            raise KeyboardInterrupt
        return run.fate or 0

    run.NEW_ENOUGH = "pass"
    run.Environment.make, run.Environment.call = make, call
    return run


# ── the ground that the tests stand on ──


def test_a_test_sees_none_of_the_persons_settings(own_home: Path) -> None:
    mine = {name: value for name, value in os.environ.items() if re.match("ANTHROPIC_|AGENT_REPL_", name)}
    assert mine == {"AGENT_REPL_HOME": str(own_home / ".agent_repl")}
    for place in (Path.home(), platformdirs.user_cache_path("x"), platformdirs.user_state_path("x")):
        assert place.is_relative_to(own_home)


def test_the_persons_models_are_found_from_a_tests_own_cache(models: Path, own_home: Path) -> None:
    assert not models.is_relative_to(own_home)
    assert (platformdirs.user_cache_path("agent_repl") / "models").resolve() == models.resolve()


@pytest.mark.parametrize("host", ["example.org", "192.0.2.1", "2001:db8::1"])
def test_a_test_that_leaves_this_machine_is_stopped(host: str, offline: list[str]) -> None:
    with pytest.raises(RuntimeError, match="tests do not leave this machine"):
        socket.create_connection((host, 80), timeout=1)
    with pytest.raises(RuntimeError, match=re.escape(host)):
        socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET).connect((host, 80))
    with pytest.raises(RuntimeError, match=re.escape(host)):
        socket.getaddrinfo(host, 80)
    assert offline == [host] * 3
    offline.clear()


def test_loopback_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(("localhost", server.getsockname()[1])).close()
        with socket.socket() as client:
            assert client.connect_ex(server.getsockname()) == 0


@given(st.integers())
def test_properties_run_in_this_world(number: int) -> None:
    assert "ANTHROPIC_API_KEY" not in os.environ


PLANTED = {
    "pytest.skip('no reason')": (1, "1 failed"),
    "swallowed_network()": (1, "1 error"),
    "pass": (0, "1 passed"),
}


@pytest.mark.parametrize("body", PLANTED)
def test_the_closing_line_tells_the_truth(body: str, tmp_path: Path) -> None:
    status, line = PLANTED[body]
    done = planted(tmp_path, f"def test_planted():\n    {body}\n")
    assert (done.returncode, line in closing(done)) == (status, True), done.stdout


def test_a_listed_skip_is_a_skip_and_a_reasonless_line_is_refused(tmp_path: Path) -> None:
    source = "def test_planted():\n    pytest.skip('no reason')\n"
    listed = planted(tmp_path, source, "test_planted.py::test_planted  it needs another machine\n")
    assert (listed.returncode, "1 skipped" in closing(listed)) == (0, True), listed.stdout
    assert planted(tmp_path, source, "test_planted.py::test_planted\n").returncode != 0


def test_a_whole_module_cannot_be_skipped_unseen(tmp_path: Path) -> None:
    done = planted(tmp_path, "pytest.importorskip('nowhere')\n")
    assert (done.returncode, "1 error" in closing(done)) == (2, True), done.stdout


def test_a_quick_model_test_is_a_model_test(tmp_path: Path) -> None:
    source = "@pytest.mark.quick_model\ndef test_planted(): ...\n"
    assert "1 deselected" in closing(planted(tmp_path, source, "", "-m", "not model"))
    chosen = ("-m", "(not model and not slow) or quick_model", "--collect-only")
    assert "1 test collected" in closing(planted(tmp_path, source, "", *chosen))


def planted(directory: Path, source: str, skips: str = "", *options: str) -> subprocess.CompletedProcess[str]:
    """One test, run under a copy of our conftest.py."""
    shutil.copy(ROOT / "tests" / "conftest.py", directory)
    (directory / "skips.txt").write_text(skips)
    (directory / "test_planted.py").write_text(PREAMBLE + source)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", directory, *options, directory]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True)


PREAMBLE = """
import contextlib, socket
import pytest

def swallowed_network():
    with contextlib.suppress(Exception):
        socket.create_connection(("example.org", 80))

"""


def closing(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout.strip().splitlines()[-1]
