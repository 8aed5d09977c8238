"""Parts of the service in isolation: queue, uploads, pace, formats."""

from __future__ import annotations

import asyncio
import json
import os
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from docx import Document
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.types import Message

from conftest import PROJECT
from gpu_worker.service.callbacks.address import Rules
from gpu_worker.service.http.documents import About, to_docx, to_md
from gpu_worker.service.http.formats import timestamp, to_srt, to_txt, to_vtt
from gpu_worker.service.http.offered import OfferedModels
from gpu_worker.service.http.openai_api import transcription_response
from gpu_worker.service.http.pace import MIN_BYTES_PER_SECOND, Pace
from gpu_worker.service.http.problems import Problem
from gpu_worker.service.http.requests import Offer, OpenAIForm, TranscriptionForm, fields_of, parse
from gpu_worker.service.http.uploads import BUFFER_BYTES, Form, TooLarge, receive
from gpu_worker.service.queue.disk_full import DiskFull
from gpu_worker.service.queue.job_rows import Job, JobIdTaken, QueueFull
from gpu_worker.service.queue.jobs import Jobs
from gpu_worker.service.settings import ServeSettings

EXAMPLES = PROJECT / "test" / "fixtures" / "formats"


@pytest.mark.promise("service.way", "transcript.subtitles")
@pytest.mark.parametrize("name", ["transcript", "subtitles"])
def test_formats_equal_those_of_the_typescript_writers(name: str) -> None:
    transcript = json.loads((EXAMPLES / f"{name}.json").read_text())
    assert to_txt(transcript["text"], transcript["segments"]) == (EXAMPLES / f"{name}.txt").read_text()
    assert to_srt(transcript["segments"]) == (EXAMPLES / f"{name}.srt").read_text()
    assert to_vtt(transcript["segments"]) == (EXAMPLES / f"{name}.vtt").read_text()
    assert to_vtt(transcript["segments"], words=True) == (EXAMPLES / f"{name}.words.vtt").read_text()
    assert to_md(transcript, about()) == (EXAMPLES / f"{name}.md").read_text()


def about() -> About:
    fields = json.loads((EXAMPLES / "about.json").read_text())
    return About(fields["title"], fields["added_at_ms"] / 1000)


@pytest.mark.promise("transcript.marks", "service.openai")
@pytest.mark.parametrize("response_format", ["json", "text", "srt", "vtt", "verbose_json", "diarized_json"])
def test_openais_formats_have_no_marks_where_a_file_is_damaged(response_format: str) -> None:
    whole = json.loads((EXAMPLES / "subtitles.json").read_text())
    damaged = {**whole, "damaged": [{"start": 2.0, "end": 40.0}]}
    response = transcription_response(damaged, response_format, ("word", "segment"))
    assert response.body == transcription_response(whole, response_format, ("word", "segment")).body
    assert not re.search(rb"missing|unheard|no signal|interrupted|damaged", bytes(response.body))


@pytest.mark.promise("service.way", "transcript.formats")
def test_a_word_document_has_the_same_paragraphs_and_survives_characters_that_xml_forbids() -> None:
    transcript = json.loads((EXAMPLES / "subtitles.json").read_text())
    transcript["segments"][0]["text"] += "\0\x1b \ud800\uffff end"
    document = Document(BytesIO(to_docx(transcript, about())))
    first, *others = document.paragraphs
    assert first.style is not None and (first.style.name, first.text) == ("Heading 1", about().title)
    assert {one.style.name for one in others if one.style} == {"Normal"}
    assert others[0].text == "Added 2026-03-01 09:30 UTC, length 1:00"
    assert others[1].text.startswith("0:00 Then we should leave") and " end" in others[1].text
    (speaker,) = [run for run in others[5].runs if run.bold]
    assert (speaker.text, others[5].text) == ("S1: ", "0:40 S1: Hello there. How are you today?")
    assert document.styles.element.xpath("string(w:docDefaults//w:lang/@w:val)") == "en"
    assert document.core_properties.title == about().title


@given(st.integers(min_value=0, max_value=400 * 3600 * 1000))
def test_a_timestamp_parses_to_the_same_time(ms: int) -> None:
    hours, minutes, rest = timestamp(ms / 1000, ".").split(":")
    assert int(hours) * 3_600_000 + int(minutes) * 60_000 + round(float(rest) * 1000) == ms


def queue(folder: Path, most: int = 100) -> Jobs:
    return Jobs(folder, most)


def add(jobs: Jobs, content: str, **more: Any) -> Job:
    upload = jobs.new_upload()
    upload.write_text(content)
    fields = {
        "requested_id": None,
        "filename": "a.wav",
        "size_bytes": 10,
        "model": "m",
        "options": {},
        "urgent": False,
        "callback_url": None,
    }
    return jobs.add(upload, content=content, **{**fields, **more})


def finish(jobs: Jobs, job: Job) -> list[str]:
    jobs.result_path(job.seq).write_text('{"text": "x"}')
    return jobs.complete(job.seq, 1.0)


@pytest.mark.promise("service.way")
def test_urgent_jobs_are_first_small_ones_together_large_ones_alone(tmp_path: Path) -> None:
    jobs = queue(tmp_path)
    large = add(jobs, "large", size_bytes=10**8)
    small = [add(jobs, f"small {n}") for n in range(3)]
    other = add(jobs, "other options", options={"language": "de"})
    urgent = add(jobs, "urgent", urgent=True, options={"language": "fr"})
    assert [job.seq for job in jobs.claim(2)] == [urgent.seq]
    assert [job.seq for job in jobs.claim(2)] == [large.seq]
    assert [job.seq for job in jobs.claim(2)] == [small[0].seq, small[1].seq]
    assert [job.seq for job in jobs.claim(8)] == [small[2].seq]
    assert [job.seq for job in jobs.claim(8)] == [other.seq]
    assert jobs.claim(8) == []


@pytest.mark.promise("service.survives")
def test_a_restart_requeues_jobs_and_deletes_unfinished_uploads(tmp_path: Path) -> None:
    jobs = queue(tmp_path)
    one, two = add(jobs, "one"), add(jobs, "two")
    jobs.claim(1)
    jobs.new_upload().write_text("half of an upload")
    jobs.close()
    again = queue(tmp_path)
    assert [job.seq for job in again.claim(8)] == [one.seq, two.seq]
    assert sorted(path.name for path in (tmp_path / "uploads").iterdir()) == [str(one.seq), str(two.seq)]


@pytest.mark.promise("service.way")
def test_jobs_with_the_same_content_share_its_result_and_its_end(tmp_path: Path) -> None:
    jobs = queue(tmp_path)
    lead = add(jobs, "same", requested_id="lead")
    shares = add(jobs, "same", requested_id="shares", callback_url="https://example.com/x")
    assert [job.seq for job in jobs.claim(8)] == [lead.seq]
    assert jobs.due_callbacks() == []
    assert sorted(finish(jobs, lead)) == ["lead", "shares"]
    assert [callback.job for callback in jobs.due_callbacks()] == ["shares"]
    found = jobs.get("shares")
    assert found is not None and found.state == "completed" and jobs.result_of(found) == {"text": "x"}
    assert add(jobs, "same", requested_id="late").state == "completed"
    failed = add(jobs, "bad")
    jobs.claim(8)
    jobs.fail(failed.seq, "no audio", "unsupported-media")
    assert add(jobs, "bad").state == "queued"  # content that failed is tried again when it is sent again
    assert shares.work == lead.seq


@pytest.mark.promise("service.refuses")
def test_job_ids_and_a_full_queue(tmp_path: Path) -> None:
    jobs = queue(tmp_path, most=1)
    first = add(jobs, "a", requested_id="n")
    assert add(jobs, "a", requested_id="n").seq == first.seq
    with pytest.raises(JobIdTaken):
        add(jobs, "b", requested_id="n")
    with pytest.raises(QueueFull):
        add(jobs, "b")
    assert add(jobs, "a").work == first.seq  # it shares the work, so it does not count


@pytest.mark.promise("service.survives")
def test_only_a_job_that_ends_two_processes_alone_fails(tmp_path: Path) -> None:
    jobs = queue(tmp_path)
    bad, good = add(jobs, "bad"), add(jobs, "good")
    assert [job.seq for job in jobs.claim(8)] == [bad.seq, good.seq]
    assert jobs.record_deaths([bad.seq, good.seq]) == []
    for _ in range(2):
        [alone] = jobs.claim(8)
        assert alone.alone
        dead = jobs.record_deaths([alone.seq])
    assert dead == [bad.seq]
    jobs.fail(bad.seq, "x", "failed")
    [other] = jobs.claim(8)
    assert other.seq == good.seq and finish(jobs, other)


@pytest.mark.promise("service.way")
def test_ended_jobs_are_deleted_with_results_that_no_other_job_uses(tmp_path: Path) -> None:
    jobs = queue(tmp_path)
    lead = add(jobs, "same")
    jobs.claim(1)
    finish(jobs, lead)
    assert jobs.delete_ended(0) == 0
    assert jobs.delete_ended(10**12) == 1
    assert not jobs.result_path(lead.seq).exists()
    assert add(jobs, "same").state == "queued"


def test_a_queue_on_a_full_disk_accepts_no_job_leaves_no_file_and_recovers(tmp_path: Path) -> None:
    jobs = queue(tmp_path, most=10_000)
    kept = add(jobs, "kept")
    pages = jobs._db.execute("PRAGMA page_count").fetchone()[0]
    jobs._db.execute(f"PRAGMA max_page_count = {pages + 2}")
    taken = [kept.seq]
    with pytest.raises(DiskFull):
        for n in range(1000):
            taken.append(add(jobs, f"{n}" * 200).seq)
    left = {path.name for path in (tmp_path / "uploads").iterdir()}
    assert {name for name in left if not name.startswith("new-")} == {str(seq) for seq in taken}
    jobs._db.execute("PRAGMA max_page_count = 1000000")
    assert add(jobs, "with room again").seq == len(taken) + 1


def upload_request(body: bytes, size: int = BUFFER_BYTES) -> Request:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]

    async def receive_piece() -> Message:
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    headers = [(b"content-type", b"multipart/form-data; boundary=b")]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive_piece)


UPLOAD = (
    b'--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n' + bytes(4 * BUFFER_BYTES) + b"\r\n--b--\r\n"
)


def test_an_upload_to_a_full_disk_raises_disk_full() -> None:
    with pytest.raises(DiskFull):
        asyncio.run(receive(upload_request(UPLOAD), Path("/dev/full"), 10**9, 0))


def test_an_upload_keeps_the_minimum_of_free_disk_space(tmp_path: Path) -> None:
    with pytest.raises(DiskFull):
        asyncio.run(receive(upload_request(UPLOAD), tmp_path / "upload", 10**9, 10**18))
    assert (tmp_path / "upload").stat().st_size < 3 * BUFFER_BYTES  # it stopped in the middle
    assert asyncio.run(receive(upload_request(UPLOAD), tmp_path / "upload", 10**9, 0)).size_bytes == 4 * BUFFER_BYTES


@pytest.mark.promise("service.survives")
def test_an_upload_and_its_name_are_on_the_disk_before_its_job_is_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`npm run proof -- power-cut` shows the same with the calls of the real process."""
    jobs = queue(tmp_path)
    steps: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda fd: steps.append(Path(f"/proc/self/fd/{fd}").readlink().name))
    jobs._db.set_trace_callback(lambda sql: steps.append(sql) if sql == "COMMIT" else None)
    upload = jobs.new_upload()
    asyncio.run(receive(upload_request(UPLOAD), upload, 10**9, 0))
    fields = {"filename": "a", "size_bytes": 1, "model": "m", "options": {}, "content": "c", "urgent": False}
    jobs.add(upload, requested_id=None, callback_url=None, **fields)  # type: ignore[arg-type]
    assert steps == [upload.name, "uploads", "COMMIT"]


def test_bytes_after_a_form_count_toward_the_limit(tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        asyncio.run(receive(upload_request(UPLOAD + bytes(8 * BUFFER_BYTES)), tmp_path / "upload", 4 * BUFFER_BYTES, 0))


def test_a_body_may_pause_but_not_fall_below_the_minimum_rate() -> None:
    steady = Pace(10)
    assert all(steady.add(1, MIN_BYTES_PER_SECOND) for _ in range(1000))
    pausing = Pace(10)
    assert all(pausing.add(9, 0) and pausing.add(1, 10 * MIN_BYTES_PER_SECOND) for _ in range(100))
    slow = Pace(10)
    assert [slow.add(1, MIN_BYTES_PER_SECOND // 2) for _ in range(10)] == [True] * 9 + [False]
    silent = Pace(10)
    assert silent.add(4, 0) and silent.left_s == 6 and not silent.add(6, 0)
    fast_at_first = Pace(10)
    assert fast_at_first.add(10, 10**9) and not fast_at_first.add(10, 9)


OFFER = Offer(OfferedModels(ServeSettings(model="tiny.en", models="small")), Rules(allow_loopback=False))


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"model": "huge", "job_id": "/", "priority": "high"}, "unknown-model"),
        ({"model": "small", "job_id": "a\n", "priority": "high"}, "invalid-job-id"),
        ({"priority": "high", "language": "de"}, "invalid-priority"),
        ({"language": "de", "prompt": "x" * 4001}, "invalid-language"),
        ({"language": "Klingon", "hotwords": "x" * 1001}, "invalid-language"),
        ({"hotwords": "x" * 1001, "callback_url": "http://10.0.0.1/"}, "invalid-prompt"),
        ({"callback_url": "http://10.0.0.1/"}, "invalid-callback"),
    ],
)
def test_the_first_invalid_field_is_reported(fields: dict[str, str], code: str) -> None:
    form = Form({name: [value] for name, value in fields.items()})
    with pytest.raises(Problem) as refused:
        parse(TranscriptionForm, fields_of(form), OFFER)
    assert (refused.value.status, refused.value.code) == (422, code)


def test_the_last_value_of_a_field_counts_and_an_empty_one_is_absent() -> None:
    fields = {"model": ["huge", "small"], "language": ["en", "Deutsch", "German"], "priority": [""], "prompt": ["x" * 4000]}
    wanted = parse(TranscriptionForm, fields_of(Form(fields)), OFFER)
    assert (wanted.model, wanted.priority, wanted.job_id) == ("small", "normal", None)
    assert wanted.options == {"language": "de", "prompt": "x" * 4000, "hotwords": None}
    assert parse(TranscriptionForm, fields_of(Form()), OFFER).model == "tiny.en"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"response_format": ["xml"], "temperature": ["2"]}, "response_format"),
        ({"timestamp_granularities[]": ["word"], "timestamp_granularities": ["page"]}, "timestamp_granularities"),
        ({"timestamp_granularities": ["word"], "temperature": ["2"]}, "timestamp_granularities"),
        ({"temperature": ["nan"]}, "temperature"),
        ({"temperature": ["warm"]}, "temperature"),
    ],
)
def test_fields_of_openais_endpoint_are_refused_by_name(fields: dict[str, list[str]], param: str) -> None:
    with pytest.raises(Problem) as refused:
        parse(OpenAIForm, fields_of(Form(fields)))
    assert (refused.value.status, refused.value.code, refused.value.param) == (400, "invalid_value", param)


def test_options_of_openais_endpoint() -> None:
    fields = {"response_format": ["verbose_json"], "timestamp_granularities[]": ["word", "segment"], "stream": ["True"]}
    wanted = parse(OpenAIForm, fields_of(Form(fields)))
    assert (wanted.response_format, wanted.granularities, wanted.stream) == ("verbose_json", ("word", "segment"), True)
    assert not parse(OpenAIForm, fields_of(Form({"stream": ["1"]}))).stream
