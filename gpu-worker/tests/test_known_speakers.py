"""Known speakers of OpenAI's endpoint: fields, storage beside the upload, and which speaker is whom."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest

from gpu_worker.service.http.openai_api import diarized_segments
from gpu_worker.service.http.problems import Problem
from gpu_worker.service.http.references import store_known_speakers
from gpu_worker.service.http.requests import OpenAIForm, fields_of, parse
from gpu_worker.service.http.uploads import MAX_REFERENCE_BYTES, BadUpload, Form, receive
from gpu_worker.service.queue.jobs import Jobs
from gpu_worker.service.queue.known_speakers import KnownSpeaker, read_known_speakers, speakers_file
from gpu_worker.speech.speakers import Voice
from gpu_worker.speech.speakers.clustering import packed
from gpu_worker.speech.speakers.known import LEAST_SIMILARITY, known_speakers
from service_process import Running, service
from test_service_parts import add, finish, upload_request

WEBM = b"\x1a\x45\xdf\xa3" + b"\0\xff" * 40
NAMES = "known_speaker_names"
REFERENCES = "known_speaker_references"


def data_url(content: bytes = WEBM) -> str:
    return f"data:audio/webm;base64,{base64.b64encode(content).decode()}"


def part(name: str, value: str) -> bytes:
    return f'--b\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()


FILE = b'--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n' + WEBM + b"\r\n--b--\r\n"


def received(folder: Path, *parts: bytes) -> tuple[Form, Path]:
    folder.mkdir(exist_ok=True)
    upload = folder / "upload"
    return asyncio.run(receive(upload_request(b"".join(parts) + FILE, 1000), upload, 10**6, 0)), upload


@pytest.mark.promise("service.openai", "speakers")
def test_references_are_written_to_the_disk_and_become_the_known_speakers_of_a_job(tmp_path: Path) -> None:
    wrapped = f"DATA:audio/x-wav;BASE64,{base64.b64encode(WEBM).decode()[:38]}\n%41"
    form, upload = received(
        tmp_path,
        part(f"{NAMES}[]", "Zoë"),
        part(f"{REFERENCES}[]", data_url(WEBM * 100)),
        part(f"{REFERENCES}[]", wrapped),
        part(f"{NAMES}[]", "agent"),
    )
    assert form.references == [len(data_url(WEBM * 100)), len(wrapped)] and f"{REFERENCES}[]" not in form.fields
    digest = store_known_speakers(upload, form.fields[f"{NAMES}[]"], form.references)
    zoe, agent = read_known_speakers(upload)
    assert zoe == KnownSpeaker(name="Zoë", audio=WEBM * 100)
    assert (agent.name, agent.audio[:28]) == ("agent", WEBM[:28])
    form, other = received(tmp_path / "other", part(REFERENCES, data_url(WEBM * 100)), part(REFERENCES, wrapped))
    assert store_known_speakers(other, ["agent", "Zoë"], form.references) != digest is not None
    form, without = received(tmp_path / "without", part(REFERENCES, data_url()))
    assert store_known_speakers(without, (), form.references) is None and not speakers_file(without).exists()


def test_too_long_and_too_many_references_are_not_kept(tmp_path: Path) -> None:
    form, upload = received(tmp_path, *[part(REFERENCES, data_url())] * 20)
    assert len(form.references) == 20 and speakers_file(upload).stat().st_size == 4 * len(data_url())
    with pytest.raises(BadUpload, match="too long"):
        received(tmp_path, part(REFERENCES, "x" * (MAX_REFERENCE_BYTES + 1)))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://example.com/voice.wav", "must be a data URL in base64"),
        ("data:audio/wav,RIFF", "must be a data URL in base64"),
        ("data:audio/wav;base64", "must be a data URL in base64"),
        ("data:audio/wav;base64,???", "is not valid base64"),
        ("data:audio/wav;base64,", "is not a supported audio file"),
        (data_url(b"no audio whatsoever"), "is not a supported audio file"),
    ],
)
def test_a_reference_must_be_a_data_url_with_audio(tmp_path: Path, url: str, message: str) -> None:
    form, upload = received(tmp_path, part(REFERENCES, data_url()), part(REFERENCES, url))
    with pytest.raises(Problem) as refused:
        store_known_speakers(upload, ["a", "b"], form.references)
    assert (refused.value.status, refused.value.param) == (400, REFERENCES)
    assert refused.value.message.startswith(f"known_speaker_references[1] {message}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["upload", "upload.speakers"]


@pytest.mark.promise("service.openai", "speakers")
def test_known_speakers_are_deleted_with_the_upload_and_survive_a_restart(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path, 100)

    def add_known(content: str) -> Any:
        speakers_file(tmp_path / "uploads" / "next").write_text(KnownSpeaker(name="a", audio=WEBM).model_dump_json())
        jobs.new_upload = lambda: tmp_path / "uploads" / "next"  # type: ignore[method-assign]
        return add(jobs, content)

    one, again, two, three = (add_known(content) for content in ("1", "1", "2", "3"))
    assert again.work == one.seq
    jobs.close()
    speakers_file(tmp_path / "uploads" / "99").write_text("of no job")
    jobs = Jobs(tmp_path, 100)
    names = {path.name for path in (tmp_path / "uploads").iterdir()}
    assert names == {f"{job.seq}{suffix}" for job in (one, two, three) for suffix in ("", ".speakers")}
    assert [known.name for known in read_known_speakers(jobs.upload_path(two))] == ["a"]
    finish(jobs, one)
    jobs.fail(two.seq, "x", "failed")
    assert {path.name for path in (tmp_path / "uploads").iterdir()} == {f"{three.seq}", f"{three.seq}.speakers"}


def voice(vector: np.ndarray, seconds: float = 10.0) -> Voice:
    return Voice(packed(vector), seconds)


@pytest.mark.promise("speakers")
def test_the_most_similar_speakers_get_the_names_and_each_name_is_given_once() -> None:
    a, b, c, d = np.eye(4)
    near = LEAST_SIMILARITY + 0.05
    far = LEAST_SIMILARITY - 0.05
    like = lambda one, other, share: share * one + np.sqrt(1 - share**2) * other  # noqa: E731
    voices = [voice(like(a, d, near)), voice(b), voice(a), voice(like(c, d, far)), voice(b, 0.1)]
    assert known_speakers(voices, [0, 1, 2, 3, 1], np.stack([b, a, c])) == {1: 0, 2: 1}
    assert known_speakers(voices[:2], [0, 1], np.stack([a])) == {0: 0}
    assert known_speakers([], [], np.stack([a])) == {}


def test_unknown_speakers_are_letters_that_are_no_names() -> None:
    labels = ["S1", "S2", "S3", "S1", "S2"]
    segments = [{"id": at, "start": at, "end": at + 1, "text": "x", "speaker": label} for at, label in enumerate(labels)]
    made: Any = {"segments": segments, "speaker_names": {"S2": "agent"}}
    assert [one["speaker"] for one in diarized_segments(made, ["agent", "A"])] == ["B", "agent", "C", "B", "agent"]


JSON = {"response_format": ["diarized_json"]}


@pytest.mark.parametrize(
    ("fields", "references", "param", "message"),
    [
        ({f"{NAMES}[]": ["a"]}, 1, NAMES, "require response_format diarized_json"),
        ({f"{NAMES}[]": ["a", "b"], **JSON}, 1, REFERENCES, "must have the same length: 2 and 1"),
        ({f"{NAMES}[]": ["a"], **JSON}, 0, REFERENCES, "must have the same length: 1 and 0"),
        (JSON, 1, REFERENCES, "must have the same length: 0 and 1"),
        ({f"{NAMES}[]": list("abcde"), **JSON}, 5, NAMES, "at most 4 known speakers"),
        ({NAMES: ["a", "a"], **JSON}, 2, NAMES, "must be different"),
        ({NAMES: ["a", " "], **JSON}, 2, NAMES, "must be 1 to 100 printable characters"),
        ({NAMES: ["a\nb"], **JSON}, 1, NAMES, "must be 1 to 100 printable characters"),
        ({NAMES: ["a" * 101], **JSON}, 1, NAMES, "must be 1 to 100 printable characters"),
    ],
)
def test_names_and_references_of_known_speakers_belong_together(
    fields: dict[str, list[str]], references: int, param: str, message: str
) -> None:
    with pytest.raises(Problem) as refused:
        parse(OpenAIForm, fields_of(Form(fields, references=[9] * references)))
    assert (refused.value.status, refused.value.code, refused.value.param) == (400, "invalid_value", param)
    assert message in refused.value.message


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with service(tmp_path_factory.mktemp("service")) as one:
        yield one


@pytest.mark.promise("service.openai", "speakers")
@pytest.mark.parametrize(
    ("names", "references", "param"),
    [
        (["a"], [data_url(), data_url()], REFERENCES),
        (["a", "a"], [data_url(), data_url()], NAMES),
        (list("abcde"), [data_url()] * 5, NAMES),
        (["a"], ["no data URL"], REFERENCES),
        (["a"], ["x" * (MAX_REFERENCE_BYTES + 1)], None),
    ],
)
def test_openais_client_gets_a_bad_request_and_nothing_is_queued(
    running: Running, names: list[str], references: list[str], param: str | None
) -> None:
    client = openai.OpenAI(base_url=f"{running.url}/v1", api_key="unused", max_retries=0)
    with pytest.raises(openai.BadRequestError) as refused:
        client.audio.transcriptions.create(
            model="gpt-4o-transcribe-diarize",
            file=("talk.webm", WEBM),
            response_format="diarized_json",
            known_speaker_names=names,
            known_speaker_references=references,
        )
    assert (refused.value.param, refused.value.type) == (param, "invalid_request_error")
    assert running.call("GET", "/jobs").json()["jobs"] == []
    assert list((running.folder / "uploads").iterdir()) == []
