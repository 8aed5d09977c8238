"""Sends callbacks when jobs have ended, by the webhook rules of docs/files.md.

States of a callback: pending (its job has not ended) -> due -> delivered, or due again after a delay -> failed after three
days. Requests are signed as Standard Webhooks, sent to public https addresses only, and follow no redirects.

Gotcha: addresses are checked when the connection is made. The name is resolved once, every address that it has must be
allowed, and one of exactly these is connected to.
"""

from __future__ import annotations

import email.utils
import http.client
import random
import secrets
import socket
import ssl
import threading
import time
from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog
from standardwebhooks import Webhook

from gpu_worker.service.callbacks.address import Address, Refused, Rules, check_delivery, public_addresses
from gpu_worker.service.queue.job_rows import Callback
from gpu_worker.service.queue.jobs import Jobs

log = structlog.get_logger()

RETRY_SECONDS: Final = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Delays before the second and each later attempt, plus up to 10 % jitter."""
MIN_RETRY_AFTER_SECONDS: Final = 5
MAX_RETRY_AFTER_SECONDS: Final = 3600
"""Bounds of a receiver's Retry-After, which replaces the next delay."""
MAX_DEFERRALS: Final = 24
"""Limit of Retry-After per callback. Such delays do not use up RETRY_SECONDS."""
DEFERRABLE: Final = (429, 503)
"""Statuses whose Retry-After is used."""
GONE: Final = 410
TIMEOUT_SECONDS = 15.0
"""Limit of a whole attempt, from connecting to the end of the response."""
MAX_RESPONSE_BYTES: Final = 64 * 1024
POLL_SECONDS: Final = 1.0


@dataclass(frozen=True)
class ReceiverResponse:
    """A receiver's response. `retry_after_s`: from its header; None without a valid one."""

    status: int
    retry_after_s: int | None


@dataclass(frozen=True)
class Planned:
    """The next attempt. `at`: Unix time in seconds; `deferrals`: delays so far that Retry-After has set."""

    at: float
    deferrals: int


def retry_after_seconds(header: str | None, now: float) -> int | None:
    """Seconds until the time in a Retry-After header, bounded; None if it is neither a number nor a date."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return min(MAX_RETRY_AFTER_SECONDS, int(text[:9]))
    try:
        at = email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
    return max(0, min(MAX_RETRY_AFTER_SECONDS, round(at - now)))


def next_attempt(result: ReceiverResponse | str, attempts: int, deferrals: int, now: float) -> Planned | None:
    """Plans the next attempt; None: there is none. `attempts`: number before this one; `now`: Unix time in seconds."""
    status = result.status if isinstance(result, ReceiverResponse) else None
    if status is not None and (200 <= status < 300 or status == GONE):
        return None
    wait: int | None = None
    if isinstance(result, ReceiverResponse) and status in DEFERRABLE and deferrals < MAX_DEFERRALS:
        wait = result.retry_after_s
    if wait is not None:
        wait, deferrals = min(MAX_RETRY_AFTER_SECONDS, max(MIN_RETRY_AFTER_SECONDS, wait)), deferrals + 1
    else:
        step = attempts - deferrals
        if step >= len(RETRY_SECONDS):
            return None
        wait = RETRY_SECONDS[step]
    return Planned(now + wait * (1 + random.random() / 10), deferrals)  # noqa: S311 - jitter


class _Attempt:
    """One request on its own socket, which is shut down when TIMEOUT_SECONDS have passed."""

    def __init__(self) -> None:
        self.is_late = False
        self._socket: socket.socket | None = None
        self._watchdog = threading.Timer(TIMEOUT_SECONDS, self._cut)
        self._watchdog.daemon = True

    def __enter__(self) -> _Attempt:
        self._watchdog.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._watchdog.cancel()
        if self._socket is not None:
            self._socket.close()

    def _cut(self) -> None:
        self.is_late = True
        if self._socket is not None:
            with suppress(OSError):  # the only way to wake a thread that reads from it
                self._socket.shutdown(socket.SHUT_RDWR)

    def connect(self, address: Address, rules: Rules) -> http.client.HTTPConnection:
        """Connects to the first address of the host that accepts. Raises Refused, OSError."""
        error: OSError | None = None
        for one in public_addresses(address, rules):
            try:
                self._socket = socket.create_connection((one, address.port), timeout=TIMEOUT_SECONDS)
                break
            except OSError as failed:
                error = failed
        if self._socket is None:
            raise error or OSError("no address")
        if address.scheme == "https":
            self._socket = ssl.create_default_context().wrap_socket(self._socket, server_hostname=address.host)
        connection = http.client.HTTPConnection(address.host, address.port, timeout=TIMEOUT_SECONDS)
        connection.sock = self._socket
        return connection


def post(callback: Callback, secret: str, rules: Rules) -> ReceiverResponse | str:
    """Makes one attempt; returns the response, or why there is none."""
    at = datetime.now(UTC)
    headers = {
        "content-type": "application/json",
        "user-agent": "Chunkscribe-Webhooks/1",
        "webhook-id": callback.id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(callback.id, at, callback.body),
    }
    with _Attempt() as attempt:
        try:
            address = check_delivery(callback.url, rules)
            connection = attempt.connect(address, rules)
            connection.request("POST", address.path, callback.body.encode(), headers)
            response = connection.getresponse()
            response.read(MAX_RESPONSE_BYTES)
        except Refused as error:
            return str(error)
        except (OSError, http.client.HTTPException, ValueError) as error:
            late = attempt.is_late or isinstance(error, TimeoutError)
            return f"no response within {TIMEOUT_SECONDS:g} s" if late else f"the connection failed ({type(error).__name__})"
    if attempt.is_late:
        return f"no response within {TIMEOUT_SECONDS:g} s"
    return ReceiverResponse(response.status, retry_after_seconds(response.getheader("retry-after"), at.timestamp()))


def secret_in(folder: Path) -> str:
    """The secret for signatures; created at the first start."""
    file = folder / "callback-secret"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(f"whsec_{b64encode(secrets.token_bytes(24)).decode()}\n")
    return file.read_text().strip()


class CallbackSender:
    """The thread that sends callbacks when they are due."""

    def __init__(self, jobs: Jobs, secret: str, rules: Rules) -> None:
        self._jobs = jobs
        self._secret = secret
        self._rules = rules
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="callbacks", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stops the thread. Undelivered callbacks are sent after the next start."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(POLL_SECONDS):
            try:
                threads = [
                    threading.Thread(target=self._send_safely, args=[one], daemon=True) for one in self._jobs.due_callbacks()
                ]
                for thread in threads:  # in parallel, so that slow receivers delay others by at most TIMEOUT_SECONDS
                    thread.start()
                for thread in threads:
                    thread.join()
            except Exception:  # the thread must survive: without it no callback is sent
                log.exception("unexpected error while sending callbacks")

    def _send_safely(self, callback: Callback) -> None:
        try:
            self._send(callback)
        except Exception:  # the row stays due
            log.exception("unexpected error while sending a callback", job=callback.job)

    def _send(self, callback: Callback) -> None:
        result = post(callback, self._secret, self._rules)
        following = next_attempt(result, callback.attempts, callback.deferrals, time.time())
        outcome = str(result.status) if isinstance(result, ReceiverResponse) else result
        if following is None:
            self._jobs.record_attempt(callback, outcome, None, callback.deferrals)
        else:
            self._jobs.record_attempt(callback, outcome, following.at, following.deferrals)
        log.info("callback", job=callback.job, result=outcome, again=following is not None)
