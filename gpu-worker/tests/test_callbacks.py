"""Callbacks in isolation: accepted addresses (the table shared with the TypeScript guard), responses, and retries."""

from __future__ import annotations

import json
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from conftest import PROJECT
from gpu_worker.service.callbacks import sender as callbacks
from gpu_worker.service.callbacks.address import Refused, Rules, check, check_delivery, public_addresses
from gpu_worker.service.callbacks.sender import ReceiverResponse, next_attempt, retry_after_seconds
from gpu_worker.service.queue.job_rows import Callback
from gpu_worker.service.queue.jobs import Jobs

TABLE = json.loads((PROJECT / "test" / "fixtures" / "webhook-addresses.json").read_text())
SECRET = "whsec_" + "c2VjcmV0IG9mIHNvIG1hbnkgYnl0ZXMgbW9yZQ=="
STRICT = Rules(allow_loopback=False)
LOCAL = Rules(allow_loopback=True)


@pytest.mark.promise("service.refuses")
@pytest.mark.parametrize("entry", TABLE["urls"], ids=lambda entry: ascii(entry["url"]))
def test_addresses_are_accepted_as_by_the_typescript_guard(entry: dict[str, str | None]) -> None:
    assert is_refused(lambda: check(str(entry["url"]), STRICT)) == (entry["refused"] is not None), entry["refused"]


@pytest.mark.parametrize("entry", TABLE["urlsWhereLoopbackIsAllowed"], ids=lambda entry: ascii(entry["url"]))
def test_loopback_addresses_are_accepted_as_by_the_typescript_guard(entry: dict[str, str | None]) -> None:
    assert is_refused(lambda: check(str(entry["url"]), LOCAL)) == (entry["refused"] is not None), entry["refused"]


def is_refused(action: Callable[[], object]) -> bool:
    try:
        action()
    except Refused:
        return True
    return False


def test_configured_ports_are_allowed() -> None:
    rules = Rules(allow_loopback=False, ports=(8443,))
    assert check("https://example.com:8443/", rules).port == 8443
    with pytest.raises(Refused, match="443, 8443"):
        check("https://example.com:8444/", rules)


def test_a_callback_accepted_by_an_older_version_is_delivered_to_any_port_but_only_if_public() -> None:
    assert check_delivery("https://hooks.example.com:8443/x?y=z", STRICT).port == 8443
    with pytest.raises(Refused):
        check_delivery("https://[64:ff9b::a9fe:a9fe]:8443/", STRICT)


@pytest.mark.parametrize("entry", TABLE["resolvedNames"], ids=lambda entry: ",".join(entry["addresses"]) or "none")
def test_all_resolved_addresses_of_a_name_must_be_public(entry: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(_host: str, port: int, **_more: object) -> list[tuple[object, object, object, str, tuple[str, int]]]:
        return [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port)) for address in entry["addresses"]]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    rebinding = check("https://rebind.example.com/", STRICT)
    assert is_refused(lambda: public_addresses(rebinding, STRICT)) == (entry["refused"] is not None), entry["refused"]


class Receiver(HTTPServer):
    """A server on loopback that responds to every request in the same way."""

    def __init__(self, respond: Callable[[BaseHTTPRequestHandler], None]) -> None:
        self.calls = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # noqa: N802 - the base class's name
                outer.calls += 1
                respond(self)

            def log_message(self, *_: object) -> None:
                return

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


@pytest.fixture
def receive() -> Iterator[Callable[[Callable[[BaseHTTPRequestHandler], None]], Receiver]]:
    receivers: list[Receiver] = []

    def start_receiver(respond: Callable[[BaseHTTPRequestHandler], None]) -> Receiver:
        receivers.append(Receiver(respond))
        return receivers[-1]

    yield start_receiver
    for receiver in receivers:
        receiver.shutdown()
        receiver.server_close()


def callback(receiver: Receiver, **more: Any) -> Callback:
    fields = {"id": "msg_1", "job": "j", "url": f"http://127.0.0.1:{receiver.server_port}/", "body": "{}", "attempts": 0}
    return Callback(**{**fields, "deferrals": 0, **more})


def responding(status: int, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def respond(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()

    return respond


@pytest.mark.promise("service.abuse")
def test_a_response_that_trickles_is_cut_off(receive: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callbacks, "TIMEOUT_SECONDS", 0.5)
    over = threading.Event()

    def trickle(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not over.wait(0.05):  # each byte is in time, but the response never ends
            try:
                handler.wfile.write(b"x")
            except OSError:
                return

    receiver = receive(trickle)
    result: list[ReceiverResponse | str] = []
    calling = threading.Thread(target=lambda: result.append(callbacks.post(callback(receiver), SECRET, LOCAL)), daemon=True)
    calling.start()
    calling.join(30)
    over.set()
    assert result == ["no response within 0.5 s"]


def test_a_private_address_is_not_connected_to(receive: Any) -> None:
    receiver = receive(responding(204))
    for host in ("127.0.0.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "localhost"):
        outcome = callbacks.post(callback(receiver, url=f"https://{host}:{receiver.server_port}/"), SECRET, STRICT)
        assert outcome in ("it is not a public address", "it is not a public host name")
    assert receiver.calls == 0


def test_a_redirect_is_not_followed(receive: Any) -> None:
    inner = receive(responding(204))
    receiver = receive(responding(302, location=f"http://127.0.0.1:{inner.server_port}/"))
    assert callbacks.post(callback(receiver), SECRET, LOCAL) == ReceiverResponse(302, None)
    assert inner.calls == 0


def test_retry_after_is_read_from_the_response(receive: Any) -> None:
    receiver = receive(responding(503, retry_after="120"))
    assert callbacks.post(callback(receiver), SECRET, LOCAL) == ReceiverResponse(503, 120)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        (" 7 ", 7),
        ("Thu, 01 Jan 1970 00:02:00 GMT", 120),
        ("Wed, 31 Dec 1969 23:00:00 GMT", 0),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        (None, None),
        ("²", None),
        ("9" * 5000, 3600),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: int | None) -> None:
    assert retry_after_seconds(header, 0.0) == seconds


NEAR = 1.1
"""Factor of the largest jitter."""


@pytest.mark.promise("service.abuse")
@pytest.mark.parametrize(
    ("result", "attempts", "deferrals", "wait", "deferred"),
    [
        (ReceiverResponse(500, None), 0, 0, 5, 0),
        (ReceiverResponse(500, 120), 1, 0, 300, 0),  # Retry-After is ignored for other statuses
        ("the connection failed", 2, 0, 1800, 0),
        (ReceiverResponse(503, 120), 0, 0, 120, 1),
        (ReceiverResponse(429, 120), 3, 1, 120, 2),
        (ReceiverResponse(503, 10**9), 0, 0, 3600, 1),
        (ReceiverResponse(503, 0), 0, 0, 5, 1),
        (ReceiverResponse(503, None), 3, 2, 300, 2),  # the schedule continues
        (ReceiverResponse(503, 120), 24, 24, 5, 24),  # the limit of deferrals is reached
    ],
)
def test_the_next_attempt_follows_the_schedule_or_retry_after(
    result: ReceiverResponse | str, attempts: int, deferrals: int, wait: float, deferred: int
) -> None:
    planned = next_attempt(result, attempts, deferrals, now=1000.0)
    assert planned is not None
    assert 1000 + wait <= planned.at <= 1000 + wait * NEAR and planned.deferrals == deferred


@pytest.mark.parametrize(
    ("result", "attempts"),
    [
        (ReceiverResponse(204, None), 0),
        (ReceiverResponse(410, None), 0),
        (ReceiverResponse(410, 120), 0),
        (ReceiverResponse(500, None), 9),
    ],
)
def test_success_410_and_the_end_of_the_schedule_are_final(result: ReceiverResponse, attempts: int) -> None:
    assert next_attempt(result, attempts, 0, now=1000.0) is None


def ended_jobs(folder: Path, *urls: str) -> Jobs:
    jobs = Jobs(folder, 10)
    for n, url in enumerate(urls):
        end_one(jobs, f"n{n}", url)
    return jobs


def end_one(jobs: Jobs, name: str, url: str) -> None:
    upload = jobs.new_upload()
    upload.write_text("x")
    job = jobs.add(
        upload,
        requested_id=name,
        filename="a.wav",
        size_bytes=1,
        model="m",
        options={},
        content=name,
        urgent=False,
        callback_url=url,
    )
    jobs.claim(1)
    jobs.result_path(job.seq).write_text("{}")
    jobs.complete(job.seq, 1.0)


@pytest.mark.promise("service.abuse")
@pytest.mark.parametrize(("status", "is_over"), [(410, True), (503, False)])
def test_410_ends_the_callback_and_503_does_not(tmp_path: Path, receive: Any, status: int, is_over: bool) -> None:
    receiver = receive(responding(status, retry_after="120"))
    jobs = ended_jobs(tmp_path, f"http://127.0.0.1:{receiver.server_port}/")
    sender = callbacks.CallbackSender(jobs, SECRET, LOCAL)
    sender.start()
    deadline = time.monotonic() + 30

    def row() -> sqlite3.Row:
        with sqlite3.connect(tmp_path / "jobs.sqlite") as db:
            db.row_factory = sqlite3.Row
            found: sqlite3.Row = db.execute("SELECT * FROM callbacks").fetchone()
            return found

    while row()["attempts"] == 0:
        assert time.monotonic() < deadline, "no attempt is recorded"
        time.sleep(0.02)
    sender.stop()
    stored = row()
    assert (stored["due_at"] is None, stored["said"], stored["deferrals"]) == (is_over, str(status), 0 if is_over else 1)
    assert is_over or stored["due_at"] > time.time() + 60


@pytest.mark.promise("service.abuse")
def test_a_receiver_that_hangs_does_not_delay_others(tmp_path: Path, receive: Any) -> None:
    called, over = threading.Event(), threading.Event()

    def notified(handler: BaseHTTPRequestHandler) -> None:
        called.set()
        responding(204)(handler)

    hanging, other = receive(lambda _: over.wait(60)), receive(notified)
    jobs = ended_jobs(tmp_path, *(f"http://127.0.0.1:{one.server_port}/" for one in (hanging, other)))
    sender = callbacks.CallbackSender(jobs, SECRET, LOCAL)
    sender.start()
    assert called.wait(10) and not over.is_set()
    over.set()
    sender.stop()


def test_a_queue_of_the_previous_version_is_upgraded(tmp_path: Path) -> None:
    Jobs(tmp_path, 10).close()
    with sqlite3.connect(tmp_path / "jobs.sqlite") as db:
        db.execute("DROP TABLE callbacks")
        db.execute(
            "CREATE TABLE callbacks (id TEXT PRIMARY KEY, job TEXT NOT NULL UNIQUE, url TEXT NOT NULL, body TEXT,"
            " attempts INTEGER NOT NULL DEFAULT 0, due_at REAL, said TEXT)"
        )
        db.execute("INSERT INTO callbacks (id, job, url, body, due_at) VALUES ('m', 'j', 'https://example.com/', '{}', 1)")
    for _ in range(2):
        jobs = Jobs(tmp_path, 10)
        assert [(callback.id, callback.deferrals) for callback in jobs.due_callbacks()] == [("m", 0)]
        jobs.close()
