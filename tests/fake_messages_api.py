"""A loopback server that speaks the Messages API as a script tells it: well, badly, slowly, or not at all.

    with FakeMessagesApi(reply("def f(self): ...")) as api:
        AnthropicProvider(base_url=api.url).complete(...)
        api.requests[0].body["model"]

Each request takes the next act of the script; the last act is repeated.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

Act = Callable[["_Handler"], None]


@dataclass(frozen=True)
class Request:
    """What one request sent."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class FakeMessagesApi:
    """The server; `hung_up` is set when a client closes its connection in the middle of a stream."""

    def __init__(self, *script: Act) -> None:
        self.requests: list[Request] = []
        self.hung_up, self.closing = Event(), Event()
        self._script = list(script)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.api = self  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def next_act(self) -> Act:
        return self._script.pop(0) if len(self._script) > 1 else self._script[0]

    def __enter__(self) -> FakeMessagesApi:
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.api: FakeMessagesApi = self.server.api  # type: ignore[attr-defined]
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.api.requests.append(Request(self.path, headers, body))
        with suppress(ConnectionError):
            self.api.next_act()(self)

    def answer(self, status: int, content: bytes, kind: str = "application/json", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def begin(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def event(self, kind: str, **data: Any) -> None:
        self.wfile.write(f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n".encode())
        self.wfile.flush()

    def text(self, piece: str) -> None:
        self.event("content_block_delta", index=0, delta={"type": "text_delta", "text": piece})

    def log_message(self, format: str, *args: object) -> None:
        pass


MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "content": [], "stop_reason": None}


@contextmanager
def _message(handler: _Handler, model: str, usage: dict[str, Any]) -> Iterator[None]:
    handler.begin()
    handler.event("message_start", message={**MESSAGE, "model": model, "usage": {"input_tokens": 10, **usage}})
    handler.event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    yield


def reply(
    *pieces: str, stop: str | None = "end_turn", model: str = "claude-sonnet-5-5", thinks: bool = False, **usage: Any
) -> Act:
    """A stream of these pieces that ends with this reason, in full; `stop=None` breaks off after the last piece."""

    def act(handler: _Handler) -> None:
        with _message(handler, model, {"output_tokens": 1, **usage}):
            if thinks:
                handler.event("content_block_start", index=0, content_block={"type": "thinking", "thinking": ""})
                handler.api.closing.wait(0.6)
                handler.event("content_block_stop", index=0)
            for piece in pieces:
                handler.text(piece)
            if stop:
                handler.event("content_block_stop", index=0)
                handler.event("message_delta", delta={"stop_reason": stop}, usage={"output_tokens": len(pieces)})
                handler.event("message_stop")

    return act


def endless(piece: str = "again ") -> Act:
    """The same piece until the client hangs up."""

    def act(handler: _Handler) -> None:
        with _message(handler, "loop", {}):
            try:
                while not handler.api.closing.wait(0.01):
                    handler.text(piece)
            except ConnectionError:
                handler.api.hung_up.set()

    return act


def stalls(*pieces: str) -> Act:
    """These pieces, and then nothing but pings until the client hangs up."""

    def act(handler: _Handler) -> None:
        with _message(handler, "slow", {}):
            for piece in pieces:
                handler.text(piece)
            try:
                while not handler.api.closing.wait(0.01):
                    handler.event("ping")
            except ConnectionError:
                handler.api.hung_up.set()

    return act


def silent(handler: _Handler) -> None:
    """Never answers at all."""
    handler.api.closing.wait()


def refuses(status: int, kind: str, message: str = "no", **headers: str) -> Act:
    """An error in the API's form."""
    content = json.dumps({"type": "error", "error": {"type": kind, "message": message}}).encode()
    return lambda handler: handler.answer(status, content, **headers)


def fails_midway(kind: str, *pieces: str) -> Act:
    """An error event inside the stream, after these pieces."""

    def act(handler: _Handler) -> None:
        with _message(handler, "claude-sonnet-5-5", {}):
            for piece in pieces:
                handler.text(piece)
            handler.event("error", error={"type": kind, "message": "sorry"})

    return act


def answers(content: bytes, kind: str = "application/json") -> Act:
    """Anything at all, with status 200."""
    return lambda handler: handler.answer(200, content, kind)


def breaks_off(*pieces: str, kind: str = "text") -> Act:
    """Promises more bytes than it sends."""

    def act(handler: _Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        handler.event("message_start", message={**MESSAGE, "model": "m", "usage": {"input_tokens": 1}})
        handler.event("content_block_start", index=0, content_block={"type": kind, kind: ""})
        for piece in pieces:
            handler.text(piece)
        handler.close_connection = True

    return act
