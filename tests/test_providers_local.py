"""The embedded model: what goes wrong without it, and what holds with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_repl.errors import ModelUnavailable, NoProvider, ProviderError
from agent_repl.records import Event, Prompt
from agent_repl_local import LocalProvider, installed
from agent_repl_local.provider import _servers

SYSTEM = "You write one Python method and reply with one fenced block. " + "Keep it short; no prose. " * 12
PROMPT = Prompt(SYSTEM, "Write `def total(self, xs)` that sums the numbers.", max_tokens=80)


@pytest.fixture
def needs_xllamacpp() -> None:
    pytest.importorskip("xllamacpp")


@pytest.fixture(scope="module")
def needs_model() -> None:
    pytest.importorskip("xllamacpp")
    if not installed():
        pytest.skip("the model's file is not here: agent-repl model pull")


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(NoProvider, match=r'pip install "ipython-agent-repl\[local\]"'):
        LocalProvider().complete(PROMPT, print)


@pytest.mark.usefixtures("needs_xllamacpp")
def test_without_the_file_it_says_where_it_belongs(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"no model at .*none\.gguf"):
        LocalProvider(tmp_path / "none.gguf").complete(PROMPT, print)


@pytest.mark.usefixtures("needs_xllamacpp")
def test_a_file_that_is_no_model_is_an_error_not_a_crash(tmp_path: Path) -> None:
    (junk := tmp_path / "junk.gguf").write_bytes(b"junk" * 1000)
    provider = LocalProvider(junk)
    with pytest.raises(ModelUnavailable, match="did not load"):
        provider.complete(PROMPT, print)
    provider.close()


@pytest.mark.usefixtures("needs_xllamacpp")
def test_warming_returns_at_once_and_never_raises(tmp_path: Path) -> None:
    provider = LocalProvider(tmp_path / "none.gguf")
    provider.warm(SYSTEM, print)
    provider.close()
    provider.close()


def test_it_says_that_prompts_stay_here() -> None:
    provider = LocalProvider()
    assert (provider.name, provider.host) == ("local", None)
    assert provider.model.startswith("qwen2.5-coder-1.5b")


@pytest.fixture(scope="module")
def warm(needs_model: None) -> Iterator[LocalProvider]:
    provider = LocalProvider()
    provider.warm(SYSTEM, lambda event: None)
    provider.complete(Prompt(SYSTEM, "Say hi.", max_tokens=80), lambda text: None)
    yield provider
    provider.close()


@pytest.mark.model
def test_the_model_writes_streams_and_costs_nothing(warm: LocalProvider) -> None:
    pieces: list[str] = []
    reply = warm.complete(PROMPT, pieces.append)
    assert "def total" in reply.text
    assert len(pieces) > 3
    assert "".join(pieces) == reply.text
    assert (reply.usage.cost, reply.model) == (0.0, warm.model)


@pytest.mark.model
def test_the_stable_prefix_is_read_from_the_cache(warm: LocalProvider) -> None:
    usage = warm.complete(PROMPT, lambda text: None).usage
    assert usage.cache_read_tokens > 60
    assert usage.input_tokens < 40


@pytest.mark.model
def test_the_temperature_reaches_the_model(warm: LocalProvider) -> None:
    def names(temperature: float) -> set[str]:
        prompt = Prompt(SYSTEM, "Only a silly name of one word.", temperature=temperature, max_tokens=200)
        return {warm.complete(prompt, lambda text: None).text for _ in range(4)}

    assert len(names(0.0)) == 1
    assert len(names(1.5)) > 1


@pytest.mark.model
def test_a_fresh_server_with_the_same_seed_gives_the_same_warm_answers(needs_model: None) -> None:
    def names(seed: int) -> list[str]:
        provider = LocalProvider(seed=seed)
        prompt = Prompt(SYSTEM, "Only a silly name of one word.", temperature=1.5, max_tokens=200)
        texts = [provider.complete(prompt, lambda text: None).text for _ in range(3)]
        provider.close()
        return texts

    assert names(7) == names(7) != names(8)


@pytest.mark.model
def test_two_providers_share_one_server_until_the_last_one_leaves(warm: LocalProvider) -> None:
    events: list[Event] = []
    other = LocalProvider(tell=events.append)
    other.complete(PROMPT, lambda text: None)
    assert len(_servers) == 1
    other.close()
    assert warm.complete(PROMPT, lambda text: None).text
    assert events == []


@pytest.mark.model
def test_nobody_gets_in_without_the_key(warm: LocalProvider) -> None:
    server = next(iter(_servers.values()))
    assert server.wait().startswith("http://127.0.0.1:")
    for path in ("/v1/models", "/props", "/slots", "/metrics"):
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(server.wait() + path)


@pytest.mark.model
def test_what_on_text_raises_frees_the_model_for_the_next_prompt(warm: LocalProvider) -> None:
    def stop(text: str) -> None:
        raise ValueError("enough")

    with pytest.raises(ValueError, match="enough"):
        warm.complete(Prompt(SYSTEM, "Count to 1000 in words.", max_tokens=4000), stop)
    assert "def total" in warm.complete(PROMPT, lambda text: None).text


@pytest.mark.model
def test_a_prompt_that_is_too_long_is_said(warm: LocalProvider) -> None:
    with pytest.raises(ProviderError, match="context"):
        warm.complete(Prompt("many words " * 9000, ""), lambda text: None)


@pytest.mark.model
def test_a_server_that_was_killed_is_started_again(needs_model: None) -> None:
    events: list[Event] = []
    provider = LocalProvider(tell=events.append)
    provider.complete(PROMPT, lambda text: None)
    server = next(iter(_servers.values()))
    server.process.kill()
    server.process.wait()
    assert "def total" in provider.complete(PROMPT, lambda text: None).text
    provider.close()
    assert {event.kind for event in events} == {"loading"}


SCRIPT = """
    import os, signal, sys, threading, time
    from agent_repl.records import Prompt
    from agent_repl_local import LocalProvider
    from agent_repl_local.provider import _servers
    provider = LocalProvider()
    prompt = Prompt("", "Count to 1000 in words.", max_tokens=4000)
    provider.warm("Some rules. " * 60, lambda event: None)
    time.sleep(0.2)
    pid = next(iter(_servers.values())).process.pid
"""


def run(script: str) -> tuple[int, str, str]:
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT) + textwrap.dedent(script)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def ends(pid: int) -> bool:
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


posix = pytest.mark.skipif(sys.platform == "win32", reason="asks for a process by its id")


@posix
@pytest.mark.model
@pytest.mark.usefixtures("needs_model")
@pytest.mark.parametrize("seconds", [0, 1.5, 4])
def test_leaving_in_the_middle_of_warming_is_clean_and_leaves_no_process(seconds: int) -> None:
    code, out, err = run(f"time.sleep({seconds}); print(pid)")
    assert (code, err) == (0, "")
    assert ends(int(out))


@posix
@pytest.mark.model
@pytest.mark.usefixtures("needs_model")
def test_a_killed_session_leaves_no_server_behind() -> None:
    code, out, _ = run("print(pid, flush=True); time.sleep(3); os.kill(os.getpid(), signal.SIGKILL)")
    assert code == -signal.SIGKILL
    assert ends(int(out))


@posix
@pytest.mark.model
@pytest.mark.usefixtures("needs_model")
@pytest.mark.parametrize("begin", ["0.1, press", "9999, press"])
def test_ctrl_c_is_heard_while_it_loads_and_while_it_writes(begin: str) -> None:
    code, out, err = run(f"""
        def press(): os.kill(os.getpid(), signal.SIGINT)
        timer = threading.Timer({begin}); timer.daemon = True; timer.start()
        def on_text(text): press()
        try:
            provider.complete(prompt, on_text)
        except KeyboardInterrupt:
            print("interrupted")
    """)
    assert (code, out, err) == (0, "interrupted\n", "")
