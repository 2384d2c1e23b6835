"""The client of the Messages API, against a server that does what the test says."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from typing import Any

import pytest
from fake_messages_api import (
    Act,
    FakeMessagesApi,
    answers,
    breaks_off,
    endless,
    fails_midway,
    refuses,
    reply,
    silent,
    stalls,
)

from agent_repl.errors import (
    AuthenticationFailed,
    NoProvider,
    Overloaded,
    ProviderError,
    ProviderTimeout,
    RateLimited,
    ReplyCut,
    Unreachable,
)
from agent_repl.providers.anthropic import THINKING_ROOM, AnthropicProvider
from agent_repl.records import Prompt, Reply
from agent_repl_bounds.prices import prices

PROMPT = Prompt("the rules", "write f", temperature=0.3, max_tokens=200)


def ask(api: FakeMessagesApi, on_text: Callable[[str], None] = lambda text: None, **options: Any) -> Reply:
    provider = AnthropicProvider(**{"base_url": api.url, "max_retries": 0, **options})
    try:
        return provider.complete(PROMPT, on_text)
    finally:
        provider.close()


def test_the_text_streams_and_the_reply_is_whole() -> None:
    seen: list[str] = []
    with FakeMessagesApi(reply("def f(self):", "\n    return 1")) as api:
        answer = ask(api, seen.append)
    assert seen == ["def f(self):", "\n    return 1"]
    assert answer.text == "def f(self):\n    return 1"
    assert (answer.model, answer.note) == ("claude-sonnet-5-5", "")


def test_the_prefix_is_marked_for_the_cache_and_the_temperature_is_sent() -> None:
    with FakeMessagesApi(reply("ok")) as api:
        ask(api, model="qwen")
    body = api.requests[0].body
    assert body["system"] == [{"type": "text", "text": "the rules", "cache_control": {"type": "ephemeral"}}]
    assert body["messages"] == [{"role": "user", "content": "write f"}]
    assert (body["model"], body["temperature"], body["max_tokens"], body["stream"]) == ("qwen", 0.3, 200, True)


def test_claude_gets_no_temperature_and_has_room_to_think() -> None:
    with FakeMessagesApi(reply("ok")) as api:
        ask(api)
    assert "temperature" not in api.requests[0].body
    assert api.requests[0].body["max_tokens"] == 200 + 8192


def test_usage_counts_the_cache_and_prices_it() -> None:
    with FakeMessagesApi(reply("ok", cache_read_input_tokens=1000, cache_creation_input_tokens=None)) as api:
        usage = ask(api).usage
    assert (usage.calls, usage.input_tokens, usage.output_tokens) == (1, 10, 1)
    assert (usage.cache_read_tokens, usage.cache_write_tokens) == (1000, 0)
    assert usage.cost == pytest.approx((10 * 2 + 1 * 10 + 1000 * 0.1) / 1e6)
    assert usage.seconds > 0


def test_a_dated_model_has_the_price_of_its_name_and_an_unknown_one_has_none() -> None:
    with FakeMessagesApi(reply("ok", model="claude-haiku-4-5-20251001"), reply("ok", model="claude-next")) as api:
        assert ask(api).usage.cost == pytest.approx((10 * 1 + 1 * 5) / 1e6)
        assert ask(api).usage.cost is None
    assert all(read < put < write for put, write, read, _ in prices().values())


def test_what_an_answer_may_cost_is_known_beforehand() -> None:
    claude, unknown = AnthropicProvider("claude-sonnet-5-5"), AnthropicProvider("claude-next")
    assert claude.most(PROMPT) == pytest.approx((len("the ruleswrite f") / 2 * 2.5 + (200 + THINKING_ROOM) * 10) / 1e6)
    assert unknown.most(PROMPT) is None
    assert AnthropicProvider("qwen", "http://localhost:8080").most(PROMPT) == 0.0


def test_a_path_prefix_is_kept_and_any_key_is_taken() -> None:
    with FakeMessagesApi(reply("ok")) as api:
        ask(api, base_url=api.url + "/proxy")
        ask(api, api_key="sk-mine")
    assert api.requests[0].path == "/proxy/v1/messages"
    assert ["local" in str(api.requests[0].headers), "sk-mine" in str(api.requests[1].headers)] == [True, True]


def test_a_key_in_the_environment_is_not_given_to_another_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "secret")
    with FakeMessagesApi(reply("ok")) as api:
        ask(api)
    assert "secret" not in str(api.requests[0].headers)


def test_a_proxy_is_not_asked_for_this_machine_s_own_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with FakeMessagesApi(reply("ok")) as api:
        assert ask(api).text == "ok"


def test_the_host_is_named_unless_prompts_stay_here() -> None:
    assert AnthropicProvider().host == "api.anthropic.com"
    assert AnthropicProvider(base_url="https://models.example:8080/v").host == "models.example:8080"
    assert AnthropicProvider(base_url="http://localhost:1234").host is None
    assert AnthropicProvider(base_url="http://[::1]:1234/v1").host is None


def test_no_key_is_said_before_anything_is_sent() -> None:
    with pytest.raises(NoProvider, match="ANTHROPIC_API_KEY"):
        AnthropicProvider(api_key=" ").complete(PROMPT, print)


def test_a_key_with_strange_characters_is_named() -> None:
    with pytest.raises(AuthenticationFailed, match="copy it again"):
        AnthropicProvider(api_key="sk-“quoted”").complete(PROMPT, print)


@pytest.mark.parametrize(
    ("act", "error", "words"),
    [
        (refuses(401, "authentication_error", "invalid x-api-key"), AuthenticationFailed, "ANTHROPIC_API_KEY"),
        (refuses(403, "permission_error"), AuthenticationFailed, "403"),
        (refuses(429, "rate_limit_error", retry_after="7"), RateLimited, "in 7 seconds"),
        (refuses(429, "rate_limit_error"), RateLimited, "later"),
        (refuses(529, "overloaded_error"), Overloaded, "529"),
        (refuses(503, "unavailable_error", "Loading model"), Overloaded, "Loading model"),
        (refuses(500, "api_error"), Overloaded, "500"),
        (refuses(404, "not_found_error", "model: claude-0"), ProviderError, "model: claude-0"),
        (refuses(400, "invalid_request_error", "exceeds the context"), ProviderError, "exceeds the context"),
        (fails_midway("overloaded_error"), Overloaded, "sorry"),
        (answers(b'{"choices": [{"message": {"content": "hi"}}]}'), ProviderError, "Is the address right"),
        (answers(b"<html>hello</html>", "text/html"), ProviderError, "Is the address right"),
        (answers(b"event: message_start\ndata: {broken\n\n", "text/event-stream"), ProviderError, "does not answer as"),
        (
            answers(b'event: message_start\ndata: {"type": "message_start"}\n\n', "text/event-stream"),
            ProviderError,
            "answer",
        ),
        (
            answers(
                b'event: message_start\ndata: {"type": "message_start", "message": {"id": "m"}}\n\n',
                "text/event-stream",
            ),
            ProviderError,
            "does not answer as",
        ),
        (reply(stop="refusal"), ProviderError, "refused"),
    ],
)
def test_what_a_host_refuses_is_said_in_our_words(act: Act, error: type[ProviderError], words: str) -> None:
    with FakeMessagesApi(act) as api, pytest.raises(ProviderError, match=words) as caught:
        ask(api)
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (reply("half ", "of it", stop=None), "connection ended"),
        (reply("half ", "of it", stop="max_tokens"), "limit of its tokens"),
        (reply("half ", "of it", stop="model_context_window_exceeded"), "longer than the model"),
        (reply("half ", "of it", stop="pause_turn"), "pause_turn"),
        (fails_midway("overloaded_error", "half ", "of it"), "broke off"),
        (breaks_off("half ", "of it"), "broke off"),
    ],
)
def test_a_reply_that_is_not_whole_is_never_kept_but_its_text_is_told(act: Act, words: str) -> None:
    with FakeMessagesApi(act) as api, pytest.raises(ReplyCut, match=words) as caught:
        ask(api)
    assert caught.value.text == "half of it"


def test_nobody_at_the_address_is_named() -> None:
    with pytest.raises(Unreachable, match=r"http://127\.0\.0\.1:1 "):
        AnthropicProvider(base_url="http://127.0.0.1:1", max_retries=0).complete(PROMPT, print)


@pytest.mark.parametrize("act", [stalls(), stalls("some text")])
def test_a_stall_ends_the_wait_and_hangs_up_though_pings_arrive(act: Act) -> None:
    with FakeMessagesApi(act) as api:
        provider = AnthropicProvider(base_url=api.url, stall=0.3)
        with pytest.raises(ProviderTimeout, match="request_timeout"):
            provider.complete(PROMPT, lambda text: None)
        assert api.hung_up.wait(10)
        provider.close()


def test_a_host_that_never_answers_is_not_waited_for() -> None:
    with FakeMessagesApi(silent) as api, pytest.raises(ProviderTimeout, match="nothing came"):
        ask(api, stall=0.3)


def test_a_reply_that_takes_too_long_in_all_is_ended() -> None:
    with FakeMessagesApi(endless()) as api:
        with pytest.raises(ProviderTimeout, match="not whole in time"):
            ask(api, timeout=0.5)
        assert api.hung_up.wait(10)


def test_silence_while_the_model_thinks_is_no_stall() -> None:
    with FakeMessagesApi(reply("thought through", thinks=True)) as api:
        assert ask(api, stall=0.2).text == "thought through"


def test_a_busy_host_is_asked_again_but_not_for_ever() -> None:
    busy = refuses(529, "overloaded_error", retry_after="0")
    with FakeMessagesApi(busy, refuses(429, "rate_limit_error", retry_after="0"), reply("ok")) as api:
        assert ask(api, max_retries=2).text == "ok"
    with FakeMessagesApi(busy) as api:
        with pytest.raises(Overloaded):
            ask(api, max_retries=2)
        assert len(api.requests) == 3


def test_thoughts_that_were_broken_off_are_not_asked_for_again_unseen() -> None:
    with FakeMessagesApi(breaks_off(kind="thinking"), reply("ok")) as api:
        with pytest.raises(ReplyCut):
            ask(api, max_retries=2)
        assert len(api.requests) == 1


def test_a_refused_key_is_not_tried_again() -> None:
    with FakeMessagesApi(refuses(401, "authentication_error")) as api:
        with pytest.raises(AuthenticationFailed):
            ask(api, max_retries=2)
        assert len(api.requests) == 1


@pytest.mark.parametrize("error", [ValueError("it repeats itself"), TimeoutError("mine"), KeyboardInterrupt()])
def test_what_on_text_raises_hangs_up_and_propagates(error: BaseException) -> None:
    def stop(text: str) -> None:
        raise error

    with FakeMessagesApi(endless()) as api:
        with pytest.raises(type(error)) as caught:
            ask(api, stop)
        assert caught.value is error
        assert api.hung_up.wait(10)


def run(script: str, *argv: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", textwrap.dedent(script), *argv]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to a process")
@pytest.mark.parametrize("act", [endless(), silent])
def test_ctrl_c_in_the_middle_of_a_reply_is_heard(act: Act) -> None:
    script = """
        import os, signal, sys, threading
        from agent_repl.providers.anthropic import AnthropicProvider
        from agent_repl.records import Prompt
        provider = AnthropicProvider(base_url=sys.argv[1])
        threading.Timer(1.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            provider.complete(Prompt("", "f"), lambda text: None)
        except KeyboardInterrupt:
            print("interrupted")
    """
    with FakeMessagesApi(act) as api:
        done = run(script, api.url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "interrupted\n", "")


def test_the_sdk_is_imported_only_when_a_prompt_is_sent() -> None:
    script = """
        import sys
        from agent_repl.providers.anthropic import AnthropicProvider
        AnthropicProvider(api_key="sk").warm("system", print)
        print("anthropic" in sys.modules)
    """
    assert run(script).stdout == "False\n"
