"""The service through its API: a real process, the real model, OpenAI's official client."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from standardwebhooks import Webhook

from conftest import PROTOCOL_MODEL
from service_process import SOURCE, Running, free_port, service, until

SAMPLE = (PROTOCOL_MODEL / "samples" / "sample-125s.webm").read_bytes()
SAMPLE_SECONDS = 125
HELD_OUT = Path(__file__).parent / "heldout"
OPEN_TO_ALL = "open to every program on this machine"
MAKE_AUDIO = Path(__file__).parents[2] / "test" / "host" / "make_audio.py"


def chunk(mark: str = "") -> bytes:
    """Half a minute of speech. `mark`: an element that players skip, which makes the bytes unique."""
    text = mark.encode()
    return (HELD_OUT / "seen-1.webm").read_bytes() + (bytes([0xEC, 0x80 | len(text)]) + text if text else b"")


def transcribed_seconds(running: Running) -> float:
    """Seconds of audio transcribed since the service started."""
    line = next(
        one for one in running.call("GET", "/metrics").text.splitlines() if one.startswith("chunkscribe_audio_seconds ")
    )
    return float(line.split()[1])


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with service(tmp_path_factory.mktemp("service")) as one:
        yield one


@pytest.mark.promise("service.way")
def test_a_file_is_accepted_reports_progress_and_can_be_read(running: Running) -> None:
    response = running.send(SAMPLE, job_id="my-talk.1")
    assert (response.status_code, response.json()) == (200, {"job_id": "my-talk.1", "status": "queued"})
    done = running.ended("my-talk.1")
    assert done["status"] == "completed" and done["progress"] == 100 and done["error"] is None
    assert "hello everyone and welcome" in done["transcript"]
    text = running.call("GET", "/download/my-talk.1")
    assert text.headers["content-type"].startswith("text/plain") and text.text == done["transcript"] + "\n"
    assert running.call("GET", "/transcript/my-talk.1?format=srt").text.startswith("1\n00:00:0")
    for format, start in {"txt": "", "srt": "1\n00:00:0", "vtt": "WEBVTT", "md": "# ", "docx": "PK", "json": '{"'}.items():
        assert running.call("GET", f"/download/my-talk.1?format={format}").content.startswith(start.encode())
    assert "<00:00:0" in running.call("GET", "/download/my-talk.1?format=vtt&words=true").text
    without = running.call("GET", "/transcript/my-talk.1?words=false").json()["segments"]
    assert without and all(segment["words"] == [] and segment["text"] for segment in without)
    for query in ("format=srt&words=true", "format=pdf", "words=perhaps"):
        assert running.call("GET", f"/download/my-talk.1?{query}").status_code == 422
    assert running.call("GET", "/health").json() == {"status": "ok", "model_loaded": True, "queue_size": 0}
    figures = running.call("GET", "/metrics").text
    assert "chunkscribe_model_loaded 1.0" in figures and "chunkscribe_completed_jobs" in figures


@pytest.mark.promise("service.way")
def test_the_same_content_is_transcribed_once_and_a_job_id_belongs_to_one_file(running: Running) -> None:
    before = transcribed_seconds(running)
    running.send(chunk("same"), job_id="first")
    second = running.send(chunk("same")).json()
    assert second["job_id"] != "first"
    assert running.ended("first")["transcript"] == running.ended(second["job_id"])["transcript"] != ""
    assert running.send(chunk("same"), job_id="third").json()["status"] == "completed"
    assert running.send(chunk("same"), job_id="first").json() == {"job_id": "first", "status": "completed"}
    taken = running.send(chunk("other"), job_id="first")
    assert (taken.status_code, taken.json()["code"]) == (409, "job-exists")
    assert 29 < transcribed_seconds(running) - before < 32


REFUSED = [
    ({"data": {"model": "small.en"}}, 400, "malformed"),
    ({"data": {"x": "1"}, "files": {"other": ("a.webm", b"x")}}, 400, "malformed"),
    ({"files": {"file": ("a.webm", b"this is no audio at all")}}, 415, "unsupported-media"),
    ({"files": {"file": ("a.webm", SAMPLE)}, "data": {"model": "no-such"}}, 422, "unknown-model"),
    ({"files": {"file": ("a.webm", SAMPLE)}, "data": {"job_id": "../../x"}}, 422, "invalid-job-id"),
    ({"files": {"file": ("a.webm", SAMPLE)}, "data": {"priority": "now"}}, 422, "invalid-priority"),
    ({"files": {"file": ("a.webm", SAMPLE)}, "data": {"callback_url": "https://10.0.0.1/x"}}, 422, "invalid-callback"),
]


@pytest.mark.promise("service.refuses")
@pytest.mark.parametrize(
    ("request_", "status", "code"), REFUSED, ids=[f"{code}-{n}" for n, (_, _, code) in enumerate(REFUSED)]
)
def test_invalid_requests_are_refused_with_a_code(
    running: Running, request_: dict[str, Any], status: int, code: str
) -> None:
    response = running.call("POST", "/transcribe", **request_)
    assert (response.status_code, response.json()["code"]) == (status, code)
    if code == "unknown-model":
        assert response.json()["models"] == ["protocol.en"]


@pytest.mark.promise("service.refuses")
def test_missing_file_unknown_job_unfinished_job_and_foreign_origins_are_refused(running: Running) -> None:
    missing = running.call("POST", "/transcribe", files={"model": (None, "protocol.en")})
    assert (missing.status_code, missing.json()["code"]) == (400, "file-missing")
    assert running.call("GET", "/status/unknown").status_code == 404
    assert running.call("GET", "/download/unknown").json()["code"] == "unknown-job"
    model = running.model_process()
    os.kill(model, signal.SIGSTOP)
    try:
        job = running.send(SAMPLE + b"\0" * 100).json()["job_id"]
        early = running.call("GET", f"/download/{job}")
    finally:
        os.kill(model, signal.SIGCONT)
    assert (early.status_code, early.json()["code"]) == (404, "not-ready")
    assert running.call("GET", "/health", headers={"host": "evil.example"}).status_code == 421
    assert running.call("GET", "/health", headers={"origin": "https://evil.example"}).status_code == 403
    assert running.call("GET", "/health", headers={"origin": running.url}).status_code == 200
    page = running.call("GET", "/")
    assert page.status_code == 200 and "default-src 'none'" in page.headers["content-security-policy"]
    running.ended(job)


@pytest.mark.promise("service.refuses")
def test_a_file_above_the_limit_is_413_with_or_without_a_content_length(tmp_path: Path) -> None:
    with service(tmp_path, MAX_UPLOAD_MB="1") as small:
        response = small.send(b"\x1a\x45\xdf\xa3" + b"x" * 9_000_000)
        assert (response.status_code, response.json()["code"]) == (413, "too-large")

        def body() -> Iterator[bytes]:
            yield b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.webm"\r\n\r\n\x1a\x45\xdf\xa3'
            for _ in range(40):
                yield b"x" * 50_000
            yield b"\r\n--b--\r\n"

        unsaid = small.call(
            "POST", "/transcribe", content=body(), headers={"content-type": "multipart/form-data; boundary=b"}
        )
        assert (unsaid.status_code, unsaid.json()["code"]) == (413, "too-large")
        assert list((tmp_path / "uploads").iterdir()) == []


@pytest.mark.promise("service.openai")
def test_openais_client_gets_every_format_words_segments_and_a_stream(running: Running) -> None:
    client = openai.OpenAI(base_url=f"{running.url}/v1", api_key="unused")
    assert [model.id for model in client.models.list()] == ["protocol.en"]

    def transcribe(**more: Any) -> Any:
        return client.audio.transcriptions.create(model="whisper-1", file=("talk.webm", SAMPLE), **more)

    plain = transcribe()
    assert "hello everyone and welcome" in plain.text
    assert transcribe(response_format="text").strip() == plain.text
    assert transcribe(response_format="srt").startswith("1\n00:00:0") and transcribe(response_format="vtt").startswith(
        "WEBVTT\n\n00:00:0"
    )
    verbose = transcribe(response_format="verbose_json")
    assert verbose.language == "english" and 124 < float(verbose.duration) < 126 and verbose.words is None
    assert verbose.segments[0].start < verbose.segments[0].end <= verbose.segments[1].start
    words = transcribe(response_format="verbose_json", timestamp_granularities=["word"])
    assert words.segments is None and [word.word for word in words.words][:2] == plain.text.split()[:2]
    both = transcribe(response_format="verbose_json", timestamp_granularities=["word", "segment"])
    assert both.words and both.segments
    stream = client.audio.transcriptions.create(model="protocol.en", file=("a.webm", chunk("streamed")), stream=True)
    events = list(stream)
    assert events[-1].type == "transcript.text.done"
    assert "".join(event.delta for event in events if event.type == "transcript.text.delta") == events[-1].text != ""


@pytest.mark.promise("service.openai")
@pytest.mark.parametrize(
    ("more", "error", "param"),
    [
        ({"response_format": "docx"}, openai.BadRequestError, "response_format"),
        ({"timestamp_granularities": ["word"]}, openai.BadRequestError, "timestamp_granularities"),
        ({"temperature": 7}, openai.BadRequestError, "temperature"),
        ({"model": "gpt-9"}, openai.UnprocessableEntityError, "model"),
        ({"file": ("a.webm", b"no audio whatsoever")}, openai.APIStatusError, "file"),
    ],
)
def test_errors_have_openais_format(running: Running, more: dict[str, Any], error: type[Exception], param: str) -> None:
    client = openai.OpenAI(base_url=f"{running.url}/v1", api_key="unused", max_retries=0)
    with pytest.raises(error) as caught:
        client.audio.transcriptions.create(**{"model": "protocol.en", "file": ("talk.webm", SAMPLE), **more})
    assert isinstance(caught.value, openai.APIStatusError) and caught.value.param == param


@pytest.mark.promise("service.openai")
def test_a_repeated_request_is_not_transcribed_again(running: Running) -> None:
    audio = chunk("again")
    before = transcribed_seconds(running)
    with ThreadPoolExecutor(4) as pool:
        send = lambda _: running.call("POST", "/v1/audio/transcriptions", files={"file": ("a.webm", audio)})  # noqa: E731
        responses = list(pool.map(send, range(4)))
    assert {response.status_code for response in responses} == {200} and len(
        {response.json()["text"] for response in responses}
    ) == 1
    assert 29 < transcribed_seconds(running) - before < 32  # one of the four requests


@pytest.mark.promise("service.survives")
def test_kill_9_with_twenty_queued_jobs_loses_none_and_each_is_transcribed_once(tmp_path: Path) -> None:
    with service(tmp_path) as first:
        names = [f"job-{n}" for n in range(20)]
        os.kill(first.model_process(), signal.SIGSTOP)
        for name in names:
            assert first.send(chunk(name), job_id=name).status_code == 200
        until("processing of a job", 60, lambda: any(first.status(name)["status"] == "processing" for name in names))
        first.kill()
    with service(tmp_path) as second:
        ends = [second.ended(name) for name in names]
        assert [end["status"] for end in ends] == ["completed"] * 20
        assert len({end["transcript"] for end in ends}) == 1
        assert len(list((tmp_path / "results").glob("*.json"))) == 20
        assert list((tmp_path / "uploads").iterdir()) == []


@pytest.mark.promise("service.survives")
def test_the_end_of_the_model_process_loses_no_job(running: Running) -> None:
    model = running.model_process()
    os.kill(model, signal.SIGSTOP)
    names = [running.send(chunk(f"crash {n}")).json()["job_id"] for n in range(4)]
    until("processing of a job", 60, lambda: any(running.status(name)["status"] == "processing" for name in names))
    os.kill(model, signal.SIGKILL)
    assert [running.ended(name)["status"] for name in names] == ["completed"] * 4


@pytest.mark.promise("service.survives")
def test_two_hundred_simultaneous_requests_each_get_a_job_or_a_retry_after(tmp_path: Path) -> None:
    with service(tmp_path, MAX_QUEUE="20") as busy:
        small = chunk("burst")

        def send(n: int) -> httpx.Response:
            return busy.call(
                "POST", "/transcribe", files={"file": (f"{n}.webm", small + bytes([0xEC, 0x81, n]) * (1 + n % 5))}
            )

        with ThreadPoolExecutor(200) as pool:
            responses = list(pool.map(send, range(200)))
        statuses = [response.status_code for response in responses]
        assert set(statuses) == {200, 429} and statuses.count(200) >= 20
        assert all(response.headers["retry-after"] for response in responses if response.status_code == 429)
        taken = [response.json()["job_id"] for response in responses if response.status_code == 200]
        assert all(busy.ended(job, 170)["status"] == "completed" for job in taken)


class Receiver(HTTPServer):
    """A client's server: the first request fails, later ones succeed."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", free_port()), self.Handler)
        self.calls: list[tuple[dict[str, str], bytes]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: N802 - the base class's name
            body = self.rfile.read(int(self.headers["content-length"]))
            server = self.server
            assert isinstance(server, Receiver)
            server.calls.append((dict(self.headers.items()), body))
            self.send_response(500 if len(server.calls) == 1 else 204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return


@pytest.mark.promise("service.way")
def test_callbacks_are_signed_and_sent_again_after_a_failure(running: Running) -> None:
    receiver = Receiver()
    try:
        url = f"http://127.0.0.1:{receiver.server_port}/hook"
        job = running.send(chunk("callback"), callback_url=url).json()["job_id"]
        until("the second call", 60, lambda: len(receiver.calls) == 2)
        secret = (running.folder / "callback-secret").read_text().strip()
        ids = set()
        for headers, body in receiver.calls:
            assert Webhook(secret).verify(body, {name.lower(): value for name, value in headers.items()})
            ids.add(headers["webhook-id"])
            event = json.loads(body)
            assert (event["type"], event["data"]["job_id"]) == ("transcription.completed", job)
        assert len(ids) == 1
    finally:
        receiver.shutdown()


@pytest.mark.promise("service.refuses")
def test_listening_beyond_loopback_requires_a_token(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gpu_worker", "serve", "--host", "0.0.0.0", "--folder", str(tmp_path)]
    refused = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(SOURCE)}, capture_output=True, text=True, timeout=60
    )
    assert refused.returncode == 2 and "needs a token" in refused.stderr and "Traceback" not in refused.stderr
    token = "a-token-of-enough-letters"
    with service(tmp_path, SERVICE_TOKEN=token) as guarded:
        assert OPEN_TO_ALL not in guarded.log.read_text()
        for path in ("/health", "/", "/page.js", "/page.css"):
            assert guarded.call("GET", path).status_code == 200
        for path in ("/jobs", "/metrics", "/status/x", "/download/x", "/transcript/x", "/v1/models", "/nowhere", "//health"):
            assert guarded.call("GET", path).status_code == 401
            assert guarded.call("GET", path, headers={"authorization": "Bearer another-token-as-long"}).status_code == 401
        assert guarded.send(SAMPLE).status_code == 401
        assert guarded.call("POST", "/v1/audio/transcriptions").json()["error"]["type"] == "authentication_error"
        assert guarded.call("GET", "/jobs", headers={"authorization": f"Bearer {token}"}).json()["jobs"] == []
        client = openai.OpenAI(base_url=f"{guarded.url}/v1", api_key=token)
        assert client.audio.transcriptions.create(model="whisper-1", file=("talk.webm", SAMPLE)).text


@pytest.mark.promise("service.refuses")
def test_a_service_without_a_token_warns_that_it_is_open(running: Running) -> None:
    assert running.log.read_text().count(OPEN_TO_ALL) == 1
    assert 'type="password" autocomplete="current-password"' in running.call("GET", "/").text


@pytest.mark.promise("service.survives")
def test_another_model_is_loaded_on_demand_and_unloaded_when_unused(tmp_path: Path) -> None:
    other = tmp_path / "other_model"
    shutil.copytree(PROTOCOL_MODEL, other)
    with service(tmp_path / "data", MODELS=str(other), UNLOAD_SECONDS="0.5") as two:
        own = two.model_process()
        assert [model["id"] for model in two.call("GET", "/v1/models").json()["data"]] == ["protocol.en", str(other)]
        job = two.send(chunk(), model=str(other)).json()["job_id"]
        assert two.ended(job)["status"] == "completed"
        assert two.call("GET", f"/transcript/{job}").json()["model"] == "other_model"
        until("a process with only the own model", 60, lambda: two.model_process() != own)
        again = two.send(chunk("own")).json()["job_id"]
        assert two.ended(again)["status"] == "completed"
        assert two.call("GET", f"/transcript/{again}").json()["model"] == "protocol.en"


@pytest.mark.promise("service.survives")
def test_a_process_whose_memory_has_grown_is_replaced_and_no_job_is_lost(tmp_path: Path) -> None:
    with service(tmp_path, RECYCLE_GROWTH_MB="1") as growing:
        first = growing.model_process()
        assert growing.ended(growing.send(chunk()).json()["job_id"])["status"] == "completed"
        names = [growing.send(audio).json()["job_id"] for audio in (SAMPLE, chunk("after"), SAMPLE + b"\xec\x81\x01")]
        assert [growing.ended(name)["status"] for name in names] == ["completed"] * 3
        until("a new process", 60, lambda: growing.model_process() != first)


@pytest.mark.promise("service.way")
def test_a_file_of_many_parts_is_one_text_with_a_paragraph_for_each(running: Running, tmp_path: Path) -> None:
    path, seconds = tmp_path / "long.wav", 6 * SAMPLE_SECONDS
    subprocess.run([sys.executable, MAKE_AUDIO, path, str(seconds)], check=True)
    job = running.send(path.read_bytes(), job_id="long").json()["job_id"]
    until("progress of the job", 120, lambda: 0 < running.status(job)["progress"] < 100)
    done = running.ended(job, 170)
    assert done["status"] == "completed"
    result = running.call("GET", "/transcript/long").json()
    assert abs(result["duration_seconds"] - seconds) < 0.1 and "\n\n" in result["text"]
    assert result["text"].count("hello everyone and welcome") == 6
    starts = [segment["start"] for segment in result["segments"]]
    assert starts == sorted(starts) and [segment["id"] for segment in result["segments"]] == list(range(len(starts)))
