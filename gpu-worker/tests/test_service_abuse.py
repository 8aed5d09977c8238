"""Slow, broken and hostile clients: a real process, over plain sockets."""

from __future__ import annotations

import json
import resource
import select
import socket
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Final

import pytest

from conftest import PROTOCOL_MODEL
from service_process import Running, service, until

SAMPLE = (PROTOCOL_MODEL / "samples" / "sample-125s.webm").read_bytes()
SECONDS: Final = "1"
"""Limits of the service under test, in seconds."""
PATIENT_SECONDS: Final = "4"
"""Limits where clients must not be late: on a busy machine seconds can pass between a connection and its first byte."""
DEADLINE_SECONDS: Final = 30
BOUNDARY: Final = "b"
FILE: Final = b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.webm"\r\n\r\n\x1a\x45\xdf\xa3'
MB: Final = 1024**2


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("abuse")
    with service(folder, HEADER_SECONDS=SECONDS, BODY_SECONDS=SECONDS, MAX_UPLOAD_MB="8") as one:
        yield one


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("patient")
    with service(folder, HEADER_SECONDS=PATIENT_SECONDS, BODY_SECONDS=PATIENT_SECONDS, MAX_UPLOAD_MB="8") as one:
        yield one


def connect(running: Running) -> socket.socket:
    host, port = running.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=DEADLINE_SECONDS)


def head(*headers: str, path: str = "/transcribe", host: str = "127.0.0.1") -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", f"host: {host}", *headers, "", ""]).encode("latin-1")


def form(body: bytes, *headers: str, content_type: str = "multipart/form-data; boundary=b") -> bytes:
    return head(f"content-type: {content_type}", f"content-length: {len(body)}", *headers) + body


def talk(running: Running, request: bytes | Iterable[bytes]) -> tuple[int, str]:
    """Sends a request completely, even if the response comes first; returns its status (0: no response) and code."""
    with connect(running) as one:

        def send() -> None:
            with suppress(OSError):
                for part in [request] if isinstance(request, bytes) else request:
                    one.sendall(part)

        sending = threading.Thread(target=send, daemon=True)
        sending.start()
        response = HTTPResponse(one, method="POST")
        try:
            response.begin()
            text = response.read().decode()
        except (OSError, HTTPException) as error:
            return 0, repr(error)
        sending.join(DEADLINE_SECONDS)
    try:
        found = json.loads(text)
        return response.status, str(found.get("code") or found["error"]["code"])
    except (ValueError, KeyError):
        return response.status, text


def memory_mb(running: Running) -> float:
    lines = Path(f"/proc/{running.process.pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def uploads(running: Running) -> list[str]:
    return [path.name for path in (running.folder / "uploads").iterdir()]


@pytest.mark.promise("service.abuse")
def test_three_hundred_half_open_connections_are_closed_while_other_requests_are_served(running: Running) -> None:
    halves = {
        "nothing": b"",
        "half a line": b"POST /transcr",
        "half a header": b"POST /transcribe HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-ty",
        "half an upload": head("content-type: multipart/form-data; boundary=b", "content-length: 5000000") + FILE,
        "half an upload without its length": head(
            "content-type: multipart/form-data; boundary=b", "transfer-encoding: chunked"
        )
        + b"1000\r\n"
        + FILE,
        "a second request": b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\nGET /hea",
    }
    opened = []
    for n in range(300):
        one = connect(running)
        one.sendall(list(halves.values())[n % len(halves)])
        opened.append(one)
    assert running.call("GET", "/health").status_code == 200
    assert running.send(SAMPLE, job_id="meanwhile").status_code == 200
    waiting = {one: b"" for one in opened}

    def closed() -> bool:
        ready, _, _ = select.select(list(waiting), [], [], 0.1)
        for one in ready:
            try:
                received = one.recv(65536)
            except ConnectionResetError:
                received = b""
            if received:
                waiting[one] += received
            else:
                responses.append(waiting.pop(one))
                one.close()
        return not waiting

    responses: list[bytes] = []
    until("the end of all connections", DEADLINE_SECONDS, closed)
    late = [received for received in responses if b" 408 " in received]
    assert len(late) == 200, "every incomplete first request gets a response"
    assert running.ended("meanwhile")["status"] == "completed"
    until("the deletion of uploads", DEADLINE_SECONDS, lambda: uploads(running) == [])


@pytest.mark.promise("service.abuse")
@pytest.mark.parametrize(
    "start",
    [
        b"POST /transcribe HTTP/1.1\r\nx: ",
        b"\r\n",
        head("content-type: multipart/form-data; boundary=b", "content-length: 5000000") + FILE,
        head("content-type: multipart/form-data; boundary=b", "content-length: 5000000", path="/nowhere") + FILE,
        head("content-type: multipart/form-data; boundary=b", "content-length: 5000000", host="evil.example") + FILE,
    ],
    ids=["header", "empty lines", "body", "body of an unknown call", "body of a refused call"],
)
def test_a_client_that_trickles_is_cut_off(running: Running, start: bytes) -> None:
    with connect(running) as one:
        one.sendall(start)

        def is_cut() -> bool:
            try:
                one.sendall(b"\r\n" if start == b"\r\n" else b"x")
                ready, _, _ = select.select([one], [], [], 0)
                return bool(ready) and one.recv(65536) == b""
            except OSError:
                return True

        until("the end of the connection", DEADLINE_SECONDS, is_cut)
    until("the deletion of uploads", DEADLINE_SECONDS, lambda: uploads(running) == [])


@pytest.mark.promise("service.abuse")
def test_connections_above_the_limit_are_refused_until_others_close(tmp_path: Path) -> None:
    with service(tmp_path, MAX_CONNECTIONS="20", HEADER_SECONDS="5") as small:
        opened = [connect(small) for _ in range(60)]
        statuses = {talk(small, head("connection: close", "content-length: 0"))[0] for _ in range(5)}
        assert statuses <= {0, 503}
        for one in opened:
            one.close()
        until("a free connection", DEADLINE_SECONDS, lambda: small.call("GET", "/health").status_code == 200)


def part(name: str, *, more: str = "", value: bytes = b"x") -> bytes:
    return f'--b\r\ncontent-disposition: form-data; name="{name}"{more}\r\n\r\n'.encode("latin-1") + value + b"\r\n"


END: Final = b"--b--\r\n"
REFERENCE: Final = b'--b\r\ncontent-disposition: form-data; name="known_speaker_references[]"\r\n\r\n'
CHUNKED: Final = head("content-type: multipart/form-data; boundary=b", "transfer-encoding: chunked")


def endless(first: bytes, again: bytes, count: int) -> Iterator[bytes]:
    yield first
    for _ in range(count):
        yield again


ABUSE: Final = {
    "thousands of parts": form(b"".join(part(f"f{n}") for n in range(5000)) + END),
    "thousands of parts of one name": form(b"".join(part("model") for n in range(5000)) + END),
    "a huge part header": form(b"--b\r\nx: " + b"y" * MB + b"\r\n\r\n\r\n" + END),
    "a part header without an end": form(b"--b\r\n" + b"y" * MB),
    "thousands of part headers": form(b"--b\r\n" + b"x: y\r\n" * 10_000 + b"\r\n\r\n" + END),
    "a part without a name": form(b"--b\r\n\r\nx\r\n" + END),
    "a huge field": form(part("prompt", value=b"x" * MB) + END),
    "a huge recording of a known speaker": endless(
        CHUNKED + b"%x\r\n" % len(REFERENCE) + REFERENCE + b"\r\n", b"10000\r\n" + b"x" * 65536 + b"\r\n", 400
    ),
    "many recordings of known speakers": form(part("known_speaker_references[]", value=b"x" * MB) * 30 + END),
    "no boundary": form(part("file") + END, content_type="multipart/form-data"),
    "an empty boundary": form(part("file") + END, content_type='multipart/form-data; boundary=""'),
    "a boundary of 10 KB": form(part("file") + END, content_type=f"multipart/form-data; boundary={'b' * 10_000}"),
    "a boundary that never comes": form(b"x" * MB),
    "a form that does not end": form(part("model")),
    "no form": form(b"{}", content_type="application/json"),
    "no content type": head("content-length: 2") + b"{}",
    "a broken content type": form(part("file") + END, content_type='multipart/form-data; boundary="b'),
    "a form in a form": form(
        b'--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n'
        b"content-type: multipart/mixed; boundary=c\r\n\r\n"
        b'--c\r\ncontent-disposition: file; filename="x.webm"\r\n\r\n\x1a\x45\xdf\xa3\r\n--c--\r\n\r\n' + END
    ),
    "two files": form(part("file", more='; filename="a"') + part("file", more='; filename="b"') + END),
    "a file by another name": form(part("x", more='; filename="a"') + END),
    "filename* with bytes that are no UTF-8": form(part("file", more="; filename*=utf-8''%ff%fe%00", value=b"x") + END),
    "filename* of an unknown character set": form(part("file", more="; filename*=x-none''a", value=b"x") + END),
    "filename* that is broken": form(part("file", more="; filename*=''''; filename*0=a; filename*1*=%", value=b"x") + END),
    "a path for a file name": form(part("file", more='; filename="../../etc/passwd"', value=b"x") + END),
    "NUL in a file name": form(part("file", more='; filename="a\0.webm"', value=SAMPLE[:100]) + END),
    "NUL in a field's name": form(part("mo\0del") + END),
    "a job name with NUL": form(
        part("job_id", value=b"a\0b") + part("file", more='; filename="a"', value=SAMPLE[:100]) + END
    ),
    "a length that is too long": head("content-type: multipart/form-data; boundary=b", "content-length: 5000")
    + part("file"),
    "a length that is too short": head("content-type: multipart/form-data; boundary=b", "content-length: 10")
    + part("file")
    + END,
    "a length that is no number": head("content-length: many"),
    "a negative length": head("content-length: -1"),
    "a length beyond all numbers": head("content-length: 99999999999999999999999"),
    "two lengths": head("content-length: 1", "content-length: 2") + b"xx",
    "a length and chunks": head("content-length: 5", "transfer-encoding: chunked") + b"0\r\n\r\n",
    "chunks that are garbage": CHUNKED + b"zz\r\n" + b"x" * 100,
    "a chunk that is longer than its declared size": CHUNKED + b"5\r\n" + part("file"),
    "a chunk of endless size": CHUNKED + b"f" * 100 + b"\r\n",
    "a chunk extension without an end": endless(CHUNKED + b"5;x=", b"y" * 65536, 64),
    "trailers without an end": endless(CHUNKED + b"0\r\n", b"x: y\r\n" * 1000, 64),
    "an unknown transfer encoding": head("transfer-encoding: gzip") + b"x",
    "data after the end of a form": endless(CHUNKED + b"7\r\n" + END + b"\r\n", b"10000\r\n" + b"x" * 65536 + b"\r\n", 400),
    "a header of 1 MB": head(f"x: {'y' * MB}"),
    "an address of 1 MB": head(path="/" + "y" * MB),
    "a header without an end": endless(b"POST /transcribe HTTP/1.1\r\nx: ", b"y" * 65536, 64),
    "10,000 headers": head(*(f"x{n}: y" for n in range(10_000))),
    "200 headers": head(*(f"x{n}: y" for n in range(200)), "content-length: 0"),
    "a header name with a space": head("con tent: 1"),
    "NUL in a header": head("x: a\0b"),
    "a folded header": head("x: a\r\n b", "content-length: 0"),
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
    "no host": b"POST /transcribe HTTP/1.1\r\ncontent-length: 0\r\n\r\n",
    "another version": b"POST /transcribe HTTP/9.9\r\nhost: 127.0.0.1\r\n\r\n",
}


@pytest.mark.promise("service.abuse")
def test_abuse_is_a_4xx_and_costs_no_memory_no_disk_space_and_no_other_request(patient: Running) -> None:
    for request in ("a huge field", "thousands of parts"):  # warms up what libraries allocate once
        talk(patient, ABUSE[request])  # type: ignore[arg-type]
    before = memory_mb(patient)
    over = threading.Event()

    def slowest_health() -> float:
        slowest = 0.0
        while not over.is_set():
            began = time.monotonic()
            assert patient.call("GET", "/health").status_code == 200
            slowest = max(slowest, time.monotonic() - began)
        return slowest

    with ThreadPoolExecutor(9) as pool:
        watching = pool.submit(slowest_health)
        outcomes = dict(zip(ABUSE, pool.map(lambda request: talk(patient, request), ABUSE.values()), strict=True))
        over.set()
        assert watching.result() < DEADLINE_SECONDS
    assert {name: received for name, received in outcomes.items() if not 400 <= received[0] < 500} == {}
    for large in ("a header of 1 MB", "an address of 1 MB", "a header without an end", "10,000 headers", "200 headers"):
        assert outcomes[large] == (431, "headers-too-large")
    until("the deletion of uploads", DEADLINE_SECONDS, lambda: uploads(patient) == [])
    assert memory_mb(patient) - before < 24
    assert patient.call("GET", "/jobs").json()["jobs"] == []


@pytest.mark.promise("service.abuse")
def test_a_disk_that_fills_up_during_an_upload_is_reported_and_no_file_is_left(tmp_path: Path) -> None:
    with service(tmp_path) as full:
        resource.prlimit(
            full.process.pid, resource.RLIMIT_FSIZE, (3 * MB, resource.RLIM_INFINITY)
        )  # the system refuses to write more
        for path in ("/transcribe", "/v1/audio/transcriptions"):
            response = full.call("POST", path, files={"file": ("a.webm", SAMPLE[:4] + b"x" * (8 * MB))})
            received = response.json()
            assert (response.status_code, received.get("code") or received["error"]["code"]) == (503, "disk-full")
            assert response.headers["retry-after"] == "60"
        assert uploads(full) == [] and full.call("GET", "/jobs").json()["jobs"] == []
        resource.prlimit(full.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert full.ended(full.send(SAMPLE).json()["job_id"])["status"] == "completed"


@pytest.mark.promise("service.abuse")
def test_a_disk_that_is_full_when_a_transcript_is_written_fails_no_job(tmp_path: Path) -> None:
    with service(tmp_path) as full:
        resource.prlimit(full.model_process(), resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        assert full.ended(full.send(SAMPLE).json()["job_id"])["status"] == "completed"
        assert "the disk is full" in full.log.read_text()
        assert "chunkscribe_model_restarts 0.0" in full.call("GET", "/metrics").text


@pytest.mark.promise("service.abuse")
def test_a_job_whose_end_cannot_be_stored_is_processed_again(tmp_path: Path) -> None:
    with service(tmp_path) as broken, sqlite3.connect(tmp_path / "jobs.sqlite", isolation_level=None) as db:
        db.execute("CREATE TRIGGER broken BEFORE UPDATE OF seconds ON jobs BEGIN SELECT RAISE(ABORT, 'broken'); END")
        job = broken.send(SAMPLE).json()["job_id"]
        until("the error", 60, lambda: "unexpected error in the runner" in broken.log.read_text())
        db.execute("DROP TRIGGER broken")
        assert broken.ended(job)["status"] == "completed"


FOREIGN: Final = [
    ({"origin": "https://evil.example"}, 403),
    ({"origin": "null"}, 403),
    ({"origin": "http://127.0.0.1:1"}, 403),
    ({"origin": "http://127.0.0.1.evil.example"}, 403),
    ({"host": "evil.example"}, 421),
    ({"host": "evil.example", "origin": "http://evil.example"}, 421),
    ({"host": "127.0.0.1.evil.example"}, 421),
    ({"host": "169.254.169.254"}, 421),
    ({"host": ""}, 421),
]


@pytest.mark.promise("service.refuses")
@pytest.mark.parametrize(("headers", "status"), FOREIGN, ids=[json.dumps(headers) for headers, _ in FOREIGN])
def test_foreign_pages_may_not_send_files(running: Running, headers: dict[str, str], status: int) -> None:
    """Like `fetch(…, {mode: 'no-cors'})` of a form from another page, or a host name that resolves here (DNS rebinding)."""
    before = running.call("GET", "/jobs").json()["jobs"]
    for path in ("/transcribe", "/v1/audio/transcriptions"):
        response = running.call("POST", path, files={"file": ("a.webm", SAMPLE)}, headers=headers)
        assert response.status_code == status
    preflight = running.call("OPTIONS", "/transcribe", headers={**headers, "access-control-request-method": "POST"})
    assert preflight.status_code == status and "access-control-allow-origin" not in preflight.headers
    assert running.call("GET", "/jobs").json()["jobs"] == before
