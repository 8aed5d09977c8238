"""uvicorn's HTTP protocol with limits for headers, which uvicorn does not have.

Each header must arrive within `header_seconds`, counted from the start of the connection or from the first byte after the
last response. A header that is too slow or too large gets an error response; further bytes are discarded, and the connection
closes after LINGER_SECONDS or when the client closes it. The pace of bodies is limited in pace.py; the rest of a body that
already has its response must arrive within `body_seconds`.
"""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import Final

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

MAX_HEADER_BYTES: Final = 64 * 1024
"""Limit of one request's URL and headers together, and of framing bytes between two pieces of its body."""
MAX_HEADERS: Final = 100
LINGER_SECONDS: Final = 5.0
"""Time for a refused client to read the response; closing at once could discard it."""
SPARE_CONNECTIONS: Final = 100
"""Connections above the limit that get a 503; further ones are aborted."""


class TooLarge(Exception):
    """The URL and headers exceed a limit."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        header_seconds: float,
        body_seconds: float,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._header_seconds = header_seconds
        self._body_seconds = body_seconds
        self._deadline: asyncio.TimerHandle | None = None
        self._since_body = 0
        self._header_bytes = 0
        self._headers = 0
        self._is_refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Starts the time for the first header."""
        super().connection_made(transport)  # type: ignore[arg-type]
        if self.limit_concurrency is not None and len(self.connections) > self.limit_concurrency + SPARE_CONNECTIONS:
            self.transport.abort()
        else:
            self._close_after(self._header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancels the timer."""
        self._stop_time()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Counts bytes that do not belong to a body."""
        if self._is_refused:
            return
        if self._deadline is None and (self.cycle is None or self.cycle.response_complete):
            is_in_body = self.cycle is not None and self.cycle.more_body
            self._close_after(self._body_seconds if is_in_body else self._header_seconds)
        self._since_body += len(data)
        super().data_received(data)
        if self._since_body > MAX_HEADER_BYTES and not self._is_refused and not self.transport.is_closing():
            self._refuse(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "headers-too-large", "the request headers are too large"
            )

    def on_message_begin(self) -> None:
        """Resets the counters of a request."""
        self._header_bytes = self._headers = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Counts the URL. Raises TooLarge."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Counts a header or trailer. Raises TooLarge."""
        self._headers += 1
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > MAX_HEADER_BYTES or self._headers > MAX_HEADERS:
            raise TooLarge

    def on_headers_complete(self) -> None:
        """Stops the time: the header has arrived."""
        self._stop_time()
        self._since_body = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Resets the counter at a piece of the body."""
        self._since_body = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Resets the counter at the end of the request."""
        self._since_body = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Responds to an invalid request."""
        if self._header_bytes > MAX_HEADER_BYTES or self._headers > MAX_HEADERS:
            self._refuse(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "headers-too-large", "the request headers are too large"
            )
        else:
            self._refuse(HTTPStatus.BAD_REQUEST, "malformed", "this is not a valid HTTP request")

    def _close_after(self, seconds: float) -> None:
        self._stop_time()
        self._deadline = self.loop.call_later(seconds, self._late)

    def _stop_time(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _late(self) -> None:
        self._deadline = None
        if self.transport.is_closing():
            return
        if self._is_refused or self._since_body == 0:
            self.transport.abort()
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "too-slow", "the request was not received in time")

    def _refuse(self, status: HTTPStatus, code: str, detail: str) -> None:
        self._is_refused = True
        self._unset_keepalive_if_required()
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started:  # another response has started: no error can be sent
                self.transport.abort()
                return
        problem = {"type": "about:blank", "title": code, "status": status.value, "code": code, "detail": detail}
        body = json.dumps(problem).encode()
        lines = (
            f"HTTP/1.1 {status.value} {status.phrase}",
            "content-type: application/problem+json",
            f"content-length: {len(body)}",
            "connection: close",
        )
        self.flow.resume_reading()
        self.transport.write("\r\n".join((*lines, "", "")).encode() + body)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._close_after(LINGER_SECONDS)
