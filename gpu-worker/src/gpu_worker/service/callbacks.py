"""Tells callers that their jobs have ended, by the webhook rules of the product (docs/files.md): signed as Standard
Webhooks, public addresses by https only, no redirect followed, tried again for three days.

The guard sits where the connection is made: the name is looked up once, every address that it has must be public, and
exactly that answer is connected to.
"""

from __future__ import annotations

import http.client
import ipaddress
import random
import secrets
import socket
import ssl
import threading
import time
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

import structlog
from standardwebhooks import Webhook

from gpu_worker.service.jobs import Callback, Jobs

log = structlog.get_logger()

RETRY_SECONDS: Final = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Waits before the second and every further attempt; each gets up to a tenth more."""
TIMEOUT_SECONDS: Final = 15.0
MOST_ANSWER_BYTES: Final = 64 * 1024
LOOK_SECONDS: Final = 1.0


class Refused(ValueError):
    """This address may not be called."""


def _is_public(address: str, allow_loopback: bool) -> bool:
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return (ip.is_global and not ip.is_multicast) or (allow_loopback and ip.is_loopback)


def _literal(host: str) -> str | None:
    """The address that a host is, in whatever way it is written; None for a name."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:  # decimal, octal, hexadecimal and short forms, as a connection would take them
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return None


def check(url: str, allow_loopback: bool) -> SplitResult:
    """Looks at an address before it is taken; names are looked up again at every call. Raises Refused."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError as error:
        raise Refused("it is no URL") from error
    if parts.username or parts.password:
        raise Refused("it holds a password; the signature tells who calls")
    literal = _literal(host)
    loopback = host == "localhost" or (literal is not None and ipaddress.ip_address(literal).is_loopback)
    if parts.scheme != "https" and not (parts.scheme == "http" and allow_loopback and loopback):
        raise Refused("it must begin with https://")
    if literal is not None and not _is_public(literal, allow_loopback):
        raise Refused("it is not a public address")
    inner = literal is None and ("." not in host or host.rstrip(".").endswith((".localhost", ".local", ".internal")))
    if inner and not (allow_loopback and loopback):
        raise Refused("it is no public name")
    return parts


def _connect(parts: SplitResult, allow_loopback: bool) -> http.client.HTTPConnection:
    """A connection to one of the host's addresses, all of which are public."""
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(info[4][0]) for info in found]
    if not addresses or not all(_is_public(address, allow_loopback) for address in addresses):
        raise Refused("the address is not public")
    raw = socket.create_connection((addresses[0], port), timeout=TIMEOUT_SECONDS)
    if parts.scheme == "https":
        raw = ssl.create_default_context().wrap_socket(raw, server_hostname=host)
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    connection.sock = raw
    return connection


def post(callback: Callback, secret: str, allow_loopback: bool) -> str | int:
    """One attempt: the status, or why there is none."""
    deadline = threading.Event()
    try:
        parts = check(callback.url, allow_loopback)
        connection = _connect(parts, allow_loopback)
    except Refused as error:
        return str(error)
    except OSError as error:
        return f"the connection failed ({type(error).__name__})"

    def cut() -> None:
        deadline.set()
        connection.close()

    watchdog = threading.Timer(TIMEOUT_SECONDS, cut)
    watchdog.start()
    at = datetime.now(UTC)
    headers = {
        "content-type": "application/json",
        "user-agent": "Chunkscribe-Webhooks/1",
        "webhook-id": callback.id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(callback.id, at, callback.body),
    }
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", path, callback.body.encode(), headers)
        answer = connection.getresponse()
        answer.read(MOST_ANSWER_BYTES)
        return answer.status
    except (OSError, http.client.HTTPException, ValueError) as error:
        late = deadline.is_set() or isinstance(error, TimeoutError)
        return f"no answer within {TIMEOUT_SECONDS:.0f} s" if late else f"the connection failed ({type(error).__name__})"
    finally:
        watchdog.cancel()
        connection.close()


def secret_in(folder: Path) -> str:
    """The secret that callers check signatures with; made at the first start."""
    file = folder / "callback-secret"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(f"whsec_{b64encode(secrets.token_bytes(24)).decode()}\n")
    return file.read_text().strip()


class Caller:
    """The thread that makes callbacks when they are due."""

    def __init__(self, jobs: Jobs, secret: str, allow_loopback: bool) -> None:
        self._jobs = jobs
        self._secret = secret
        self._allow_loopback = allow_loopback
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="callbacks", daemon=True)

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def stop(self) -> None:
        """Ends; what is not delivered is tried again after the next start."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            try:
                for callback in self._jobs.due_callbacks():
                    self._make(callback)
            except Exception:  # a thread that dies silently tells nobody anything any more
                log.exception("callbacks have met an error")

    def _make(self, callback: Callback) -> None:
        result = post(callback, self._secret, self._allow_loopback)
        delivered = isinstance(result, int) and 200 <= result < 300
        wait = RETRY_SECONDS[callback.attempts] if not delivered and callback.attempts < len(RETRY_SECONDS) else None
        next_at = None if wait is None else time.time() + wait * (1 + random.random() / 10)  # noqa: S311 - jitter
        self._jobs.called(callback, str(result), next_at)
        log.info("callback", job=callback.job, result=result, again=next_at is not None)
