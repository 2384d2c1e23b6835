"""The world in which every test runs: its own home, no settings of the person's, no network, no skip without a reason.

Not covered: child processes have the test's own home and variables, but nothing keeps them from the network.
"""

from __future__ import annotations

import ipaddress
import os
import re
import signal
import socket
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import platformdirs
import pytest
from hypothesis import settings

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would ignore Ctrl-C
settings.register_profile("here", deadline=None)
settings.load_profile("here")

SKIPS = Path(__file__).with_name("skips.txt")
MODELS = platformdirs.user_cache_path("agent_repl") / "models"
"""The person's own models: read before any test moves the cache."""

HOMES = {
    "HOME": "",
    "USERPROFILE": "",
    "XDG_CACHE_HOME": "cache",
    "XDG_CONFIG_HOME": "config",
    "XDG_DATA_HOME": "data",
    "XDG_STATE_HOME": "state",
    "XDG_RUNTIME_DIR": "runtime",
    "APPDATA": "config",
    "LOCALAPPDATA": "data",
    "WIN_PD_OVERRIDE_APPDATA": "config",
    "WIN_PD_OVERRIDE_LOCAL_APPDATA": "data",
    "IPYTHONDIR": "ipython",
    "JUPYTER_CONFIG_DIR": "jupyter",
    "JUPYTER_DATA_DIR": "jupyter",
    "AGENT_REPL_HOME": ".agent_repl",
}
PERSONAL = re.compile(r"(ANTHROPIC|AGENT_REPL)_\w+|(HTTPS?|ALL|NO)_PROXY", re.IGNORECASE)


# ── a world of its own ──


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """This test's home directory; every other place that a program may keep things in lies below it."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in filter(PERSONAL.fullmatch, list(os.environ)):
            patch.delenv(name)
        for name, below in HOMES.items():
            patch.setenv(name, str(home / below))
        (home / "runtime").mkdir(mode=0o700)
        yield home


@pytest.fixture
def models(own_home: Path, request: pytest.FixtureRequest) -> Path:
    """The directory of the person's own models, also put where a program that is started in this test looks for it."""
    ours = platformdirs.user_cache_path("agent_repl") / "models"
    if request.node.get_closest_marker("model"):
        MODELS.mkdir(parents=True, exist_ok=True)
    if ours != MODELS:
        ours.parent.mkdir(parents=True, exist_ok=True)
        ours.symlink_to(MODELS, target_is_directory=True)
    return MODELS


@pytest.fixture(autouse=True)
def _model(request: pytest.FixtureRequest) -> None:
    """Tests marked `model` find the person's own model; where there is none they are skipped."""
    if request.node.get_closest_marker("model"):
        from agent_repl_local import installed

        request.getfixturevalue("models")
        if not installed():
            pytest.skip("the embedded model's file is not in this user's cache")


# ── a shell with our extension in it ──


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.chdir(tmp_path)
    Path("sales.csv").write_text("1\n2\n")
    import kit  # here: other test directories use this file without it

    from agent_repl.session import use

    monkeypatch.setattr("agent_repl_ui.temporary.temporary", lambda home: "")  # tests lie on a disk that is emptied
    made = kit.session(tmp_path, kit.TOTAL)
    use(made)
    yield made
    made.close()


@pytest.fixture
def ip(session: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    import kit

    shell = kit.shell()
    shell.run_cell("%load_ext agent_repl")
    yield shell
    shell.run_cell("%reset -f")


@pytest.fixture
def grown(ip: Any, session: Any) -> Any:
    ip.run_cell('%agent create sales "analyst of {path}" path=sales.csv')
    ip.run_cell("sales.total()")
    assert len(session.provider.prompts) == 1
    return ip


# ── no network ──


class NetworkRefused(RuntimeError):
    """A test wanted to leave this machine."""


refused: list[str] = []


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Only loopback answers. A refusal that somebody swallowed still fails the test, unless it empties this list."""
    for owner, name in ((socket.socket, "connect"), (socket.socket, "connect_ex"), (socket.socket, "sendto")):
        monkeypatch.setattr(owner, name, _guarded_method(getattr(owner, name)))
    for name in ("getaddrinfo", "gethostbyname", "create_connection"):
        monkeypatch.setattr(socket, name, _guarded_function(getattr(socket, name)))
    refused.clear()
    yield refused
    assert not refused, f"this test wanted the network: {refused}"


def _guarded_method(original: Any) -> Any:
    def guarded(self: socket.socket, *args: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _check(args[-1][0])
        return original(self, *args)

    return guarded


def _guarded_function(original: Any) -> Any:
    def guarded(address: Any, *args: Any, **kwargs: Any) -> Any:
        _check(address[0] if isinstance(address, tuple) else address)
        return original(address, *args, **kwargs)

    return guarded


def _check(host: Any) -> None:
    if not _is_loopback(host):
        refused.append(str(host))
        raise NetworkRefused(f"tests do not leave this machine, and this one asked for {host}: use a fake or 127.0.0.1")


def _is_loopback(host: Any) -> bool:
    text = host.decode() if isinstance(host, bytes) else host
    if text in (None, "", "localhost", "0.0.0.0", "::"):
        return True
    try:
        return ipaddress.ip_address(text.partition("%")[0]).is_loopback
    except ValueError:
        return False


# ── no skip without a reason ──


def listed_skips(text: str) -> dict[str, str]:
    """Reasons by the beginning of a test's id."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    found = [re.fullmatch(r"(\S.*?)(?:\t|  )\s*(\S.*)", line) for line in lines]
    if None in found:
        raise pytest.UsageError(
            f"{SKIPS}: write the beginning of an id, two spaces, the reason: {lines[found.index(None)]}"
        )
    return {match[1]: match[2] for match in found if match}


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _fail_if_unlisted((yield))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _fail_if_unlisted((yield))


def _fail_if_unlisted(report: Any) -> Any:
    known = listed_skips(SKIPS.read_text(encoding="utf-8")) if report.skipped else {}
    if report.skipped and not hasattr(report, "wasxfail") and not report.nodeid.startswith(tuple(known)):
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{why}\n{report.nodeid} was skipped, and {SKIPS.name} does not list it with a reason"
    return report


# ── which tests run the model ──


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("quick_model"):
            item.add_marker("model")
