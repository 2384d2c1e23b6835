"""Claude, and any other server that speaks the Messages API, through the anthropic SDK.

    complete ──► a thread opens and reads the stream ──► queue ──► the caller: text, patience, Ctrl-C

The SDK is imported when the first prompt is sent. Its errors are translated here, once.
"""

import re
import time
from collections.abc import Callable
from contextlib import closing, suppress
from queue import Empty, SimpleQueue
from socket import SHUT_RDWR
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from agent_repl_bounds.prices import cost, most

from .. import errors
from ..protocols import Provider
from ..records import Prompt, Reply, Usage

DEFAULT_MODEL = "claude-sonnet-5-5"
DEFAULT_URL = "https://api.anthropic.com"
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
THINKING_ROOM = 8192  # tokens above the prompt's limit for Claude, which thinks before it writes, inside that limit
TOKENS = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


class AnthropicProvider(Provider):
    """A client of the Messages API, which prepares nothing: importing the SDK would make calls pay that need no model.

    Without `base_url` it talks to Anthropic and needs a key; with one, a path prefix is kept and any key is taken.
    `timeout` is the seconds that a whole reply may take, `stall` those without a piece of it; a host that is busy,
    limits us or is not reached is asked `max_retries` times more. Reads no settings from the environment.
    """

    name = "anthropic"

    def __init__(
        self,
        model: str | None = None,
        base_url: str | None = None,
        api_key: str | None = None,
        timeout: float = 180.0,
        stall: float = 30.0,
        max_retries: int = 2,
    ) -> None:
        self.model = model or DEFAULT_MODEL
        self._url = base_url or DEFAULT_URL
        self._key = (api_key or "").strip() or ("local" if base_url else "")
        self._timeout, self._stall, self._retries = timeout, stall, max_retries
        address = urlsplit(self._url).netloc.rpartition("@")[2]
        self.host = None if re.sub(r":\d+$", "", address) in LOOPBACK else address

    def complete(self, prompt: Prompt, on_text: Callable[[str], None]) -> Reply:
        """Answer the prompt; what `on_text` raises, and Ctrl-C, closes the stream and propagates."""
        for tried in range(self._retries):
            with suppress(errors.RateLimited, errors.Overloaded, errors.Unreachable):
                return self._ask(prompt, on_text)
            time.sleep(0.5 * 2**tried)
        return self._ask(prompt, on_text)

    def _ask(self, prompt: Prompt, on_text: Callable[[str], None]) -> Reply:
        started = time.monotonic()
        with closing(_Stream(self._client(), self._request(prompt))) as stream:
            while (piece := stream.next(started + self._timeout, self._stall)) is not None:
                if isinstance(piece, Exception):
                    raise _translated(piece, self._url, stream) from piece
                if piece:
                    on_text(piece)
        _check_end(stream, self._url)
        model = stream.message.model or self.model
        return Reply(stream.text, _usage(stream.message.usage, time.monotonic() - started, model), model)

    def _client(self) -> Any:
        """One for each prompt: a connection that is kept is dropped by the host before the next one."""
        if not self._key:
            ways = "ANTHROPIC_API_KEY, or ANTHROPIC_BASE_URL for another server that speaks the Messages API"
            raise errors.NoProvider(f"There is no key for Claude: set {ways}, or use the local model.")
        if not (self._key.isascii() and self._key.isprintable()):
            raise errors.AuthenticationFailed("ANTHROPIC_API_KEY holds characters that no key has: copy it again.")
        from anthropic import Anthropic, DefaultHttpxClient, Timeout

        direct = {f"all://{host}": None for host in LOOPBACK}  # no proxy reaches this machine's own ports
        http = DefaultHttpxClient(timeout=Timeout(self._timeout, connect=min(10.0, self._timeout)), mounts=direct)
        return Anthropic(api_key=self._key, base_url=self._url, max_retries=0, http_client=http)

    def most(self, prompt: Prompt) -> float | None:
        """The highest price of an answer, with all that Claude may think before it."""
        known = most(self.model, f"{prompt.system}{prompt.user}", self._request(prompt)["max_tokens"])
        return super().most(prompt) if known is None else known

    def _request(self, prompt: Prompt) -> dict[str, Any]:
        claude = self._url == DEFAULT_URL or self.model.startswith("claude-")
        return {
            "model": self.model,
            "system": [{"type": "text", "text": prompt.system, "cache_control": {"type": "ephemeral"}}],
            "messages": [{"role": "user", "content": prompt.user}],
            "max_tokens": prompt.max_tokens + (THINKING_ROOM if claude else 0),
            # Claude 5 answers 400 to a temperature, and the SDK has no parameter for it; other models want one
            "extra_body": None if claude else {"temperature": prompt.temperature},
        }


class _Stream:
    """What a host says, heard in a thread, so that the caller can be interrupted, and can stop waiting."""

    def __init__(self, client: Any, request: dict[str, Any]) -> None:
        self.text, self.thinking, self._closed = "", False, False
        self.message: Any = None
        self._pieces: SimpleQueue[str | Exception | None] = SimpleQueue()
        Thread(target=self._read, args=(client, request), name="agent_repl-reply", daemon=True).start()

    def _read(self, client: Any, request: dict[str, Any]) -> None:
        try:
            with client, client.messages.stream(**request) as self._events:
                for event in self._events:
                    if self._closed:
                        return
                    self.message = self._events.current_message_snapshot
                    self.thinking = any("thinking" in block.type for block in self.message.content[-1:])
                    piece = event.text if event.type == "text" else ""
                    self.text += piece
                    self._pieces.put(piece)
            self._pieces.put(None)
        except Exception as error:
            self._pieces.put(error)

    def next(self, deadline: float, stall: float) -> str | Exception | None:
        """The next text ("" for a sign of life), what broke the stream, or None at its end."""
        heard_last = time.monotonic()
        while (now := time.monotonic()) < deadline:
            if now - heard_last > stall and not self.thinking:  # a model that thinks may be silent for long
                return TimeoutError(f"nothing came for {stall:.0f} seconds")
            with suppress(Empty):
                return self._pieces.get(timeout=0.1)  # in slices, so that Ctrl-C is heard on every system
        return TimeoutError("the reply was not whole in time")

    def close(self) -> None:
        """Hang up: closing alone would leave the thread, and the host, at work."""
        self._closed = True
        with suppress(Exception):
            self._events.response.extensions["network_stream"].get_extra_info("socket").shutdown(SHUT_RDWR)


def _translated(error: Exception, url: str, stream: _Stream) -> errors.ProviderError:
    from anthropic import APIConnectionError, APIStatusError

    kinds = [kind.__name__ for kind in type(error).__mro__]  # httpx and httpx2 name their errors alike
    if {"APITimeoutError", "TimeoutException", "TimeoutError"}.intersection(kinds):
        return errors.ProviderTimeout(f"{url} did not answer in time ({error}). Try again, or set request_timeout.")
    if stream.text or stream.thinking:  # thoughts cost too: no retry that is not counted
        return errors.ReplyCut(f"{url} broke off its reply: {error}. Try again.", stream.text)
    if isinstance(error, APIConnectionError) or "TransportError" in kinds:
        return errors.Unreachable(f"Nobody answers at {url} ({error.__cause__ or error}). Is the server running?")
    if not isinstance(error, APIStatusError):
        return errors.ProviderError(f"{url} does not answer as the Messages API does ({kinds[0]}: {error}).")
    said, kind = f"{url} answered {error.status_code}: {error.api_message or error.message}", error.type or ""
    if error.status_code in (401, 403) or kind in ("authentication_error", "permission_error"):
        return errors.AuthenticationFailed(f"{said}. Set another key: ANTHROPIC_API_KEY.")
    if error.status_code == 429 or kind == "rate_limit_error":
        wait = error.response.headers.get("retry-after")
        return errors.RateLimited(f"{said}. Try again {f'in {wait} seconds' if wait else 'later'}.")
    if error.status_code >= 500 or kind in ("overloaded_error", "api_error"):
        return errors.Overloaded(f"{said}. The host is busy; try again later.")
    return errors.ProviderError(f"{said}.")


def _check_end(stream: _Stream, url: str) -> None:
    if stream.message is None:
        raise errors.ProviderError(f"{url} answered, but not as the Messages API does. Is the address right?")
    model, stop = stream.message.model, stream.message.stop_reason
    if stop == "refusal":
        why = getattr(stream.message.stop_details, "explanation", None) or ""
        raise errors.ProviderError(f"{model} refused to write this. {why}".strip())
    if stop not in ("end_turn", "stop_sequence"):
        raise errors.ReplyCut(f"The reply is not whole: {ENDS.get(stop, stop)}.", stream.text)


ENDS = {
    None: "the connection ended before it did",
    "max_tokens": "it reached the limit of its tokens",
    "model_context_window_exceeded": "prompt and reply are longer than the model can hold",
}


def _usage(usage: Any, seconds: float, model: str) -> Usage:
    sent, written, read, kept = counts = [getattr(usage, name, None) or 0 for name in TOKENS]
    return Usage(1, sent, written, read, kept, seconds, cost(model, counts))
