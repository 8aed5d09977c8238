"""Refuses request bodies that arrive too slowly, because each holds a connection and a file."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gpu_worker.service.http.problems import Problem

MIN_BYTES_PER_SECOND: Final = 1024


class Pace:
    """Measures a body in windows of `window_s` seconds, which count only time spent waiting for it."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._waited_s = 0.0
        self._bytes = 0

    @property
    def left_s(self) -> float:
        """Seconds until the current window ends if nothing arrives."""
        return max(0.0, self._window_s - self._waited_s)

    def add(self, waited_s: float, size_bytes: int) -> bool:
        """Adds a piece. Returns False if a window has ended in which less than MIN_BYTES_PER_SECOND arrived on average."""
        self._waited_s += waited_s
        self._bytes += size_bytes
        if self._waited_s < self._window_s:
            return True
        is_enough = self._bytes >= MIN_BYTES_PER_SECOND * self._window_s
        self._waited_s, self._bytes = 0.0, 0
        return is_enough


class Paced:
    """Middleware: responds 408 to a request whose body is too slow, and closes its connection."""

    def __init__(self, app: ASGIApp, window_s: float) -> None:
        self._app = app
        self._window_s = window_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on with a `receive` that has a limit."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        pace, loop = Pace(self._window_s), asyncio.get_running_loop()
        is_whole = is_slow = False

        async def receive_in_time() -> Message | None:
            try:
                async with asyncio.timeout(pace.left_s):
                    return await receive()
            except TimeoutError:
                return None

        async def receive_paced() -> Message:
            nonlocal is_whole, is_slow
            while not is_slow:
                if is_whole:  # the body is complete; from now on only a disconnect is awaited
                    return await receive()
                began = loop.time()
                message = await receive_in_time()
                size = 0 if message is None else len(message.get("body", b""))
                if not pace.add(loop.time() - began, size):
                    is_slow = True
                    raise Problem(408, "too-slow", "the request was not received in time")
                if message is not None:
                    is_whole = not message.get("more_body", False)
                    return message
            return {"type": "http.disconnect"}

        async def send_and_close(message: Message) -> None:
            if is_slow and message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), (b"connection", b"close")]}
            await send(message)

        await self._app(scope, receive_paced, send_and_close)
