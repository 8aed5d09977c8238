"""Parts of the service by themselves: the queue, the join, formats, addresses that may be called."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import PROJECT
from gpu_worker.engine import Transcription
from gpu_worker.formats import timestamp, to_srt, to_txt, to_vtt
from gpu_worker.segments import Segment, Word
from gpu_worker.service.callbacks import Refused, check
from gpu_worker.service.jobs import Job, Jobs, NameTaken, QueueFull
from gpu_worker.service.join import Heard, paragraphs, placed

EXAMPLES = PROJECT / "test" / "fixtures" / "formats"


def test_formats_are_those_of_the_typescript_writers() -> None:
    transcript = json.loads((EXAMPLES / "transcript.json").read_text())
    assert to_txt(transcript["text"]) == (EXAMPLES / "transcript.txt").read_text()
    assert to_srt(transcript["segments"]) == (EXAMPLES / "transcript.srt").read_text()
    assert to_vtt(transcript["segments"]) == (EXAMPLES / "transcript.vtt").read_text()


@given(st.integers(min_value=0, max_value=400 * 3600 * 1000))
def test_a_timestamp_says_the_same_time(ms: int) -> None:
    hours, minutes, rest = timestamp(ms / 1000, ".").split(":")
    assert int(hours) * 3_600_000 + int(minutes) * 60_000 + round(float(rest) * 1000) == ms


def queue(folder: Path, most: int = 100) -> Jobs:
    return Jobs(folder, most)


def add(jobs: Jobs, content: str, **more: Any) -> Job:
    upload = jobs.new_upload()
    upload.write_text(content)
    fields = {
        "name": None,
        "filename": "a.wav",
        "size_bytes": 10,
        "model": "m",
        "wishes": {},
        "urgent": False,
        "callback_url": None,
    }
    return jobs.add(upload, content=content, **{**fields, **more})


def finish(jobs: Jobs, job: Job) -> list[str]:
    jobs.result_path(job.seq).write_text('{"text": "x"}')
    return jobs.complete(job.seq, 1.0)


def test_urgent_ones_first_small_ones_together_large_ones_alone(tmp_path: Path) -> None:
    jobs = queue(tmp_path)
    large = add(jobs, "large", size_bytes=10**8)
    small = [add(jobs, f"small {n}") for n in range(3)]
    other = add(jobs, "other wishes", wishes={"language": "de"})
    urgent = add(jobs, "urgent", urgent=True, wishes={"language": "fr"})
    assert [job.seq for job in jobs.take(2)] == [urgent.seq]
    assert [job.seq for job in jobs.take(2)] == [large.seq]
    assert [job.seq for job in jobs.take(2)] == [small[0].seq, small[1].seq]
    assert [job.seq for job in jobs.take(8)] == [small[2].seq]
    assert [job.seq for job in jobs.take(8)] == [other.seq]
    assert jobs.take(8) == []


def test_a_restart_gives_work_back_and_clears_up(tmp_path: Path) -> None:
    jobs = queue(tmp_path)
    one, two = add(jobs, "one"), add(jobs, "two")
    jobs.take(1)
    jobs.new_upload().write_text("half of an upload")
    jobs.close()
    again = queue(tmp_path)
    assert [job.seq for job in again.take(8)] == [one.seq, two.seq]
    assert sorted(path.name for path in (tmp_path / "uploads").iterdir()) == [str(one.seq), str(two.seq)]


def test_those_who_share_a_content_share_its_end(tmp_path: Path) -> None:
    jobs = queue(tmp_path)
    lead = add(jobs, "same", name="lead")
    shares = add(jobs, "same", name="shares", callback_url="https://example.com/x")
    assert [job.seq for job in jobs.take(8)] == [lead.seq]
    assert jobs.due_callbacks() == []
    assert sorted(finish(jobs, lead)) == ["lead", "shares"]
    assert [callback.job for callback in jobs.due_callbacks()] == ["shares"]
    found = jobs.get("shares")
    assert found is not None and found.state == "completed" and jobs.result_of(found) == {"text": "x"}
    assert add(jobs, "same", name="late").state == "completed"
    failed = add(jobs, "bad")
    jobs.take(8)
    jobs.fail(failed.seq, "no audio", "unsupported-media")
    assert add(jobs, "bad").state == "queued"  # what has failed is tried again when somebody sends it again
    assert shares.work == lead.seq


def test_names_and_a_full_queue(tmp_path: Path) -> None:
    jobs = queue(tmp_path, most=1)
    first = add(jobs, "a", name="n")
    assert add(jobs, "a", name="n").seq == first.seq
    with pytest.raises(NameTaken):
        add(jobs, "b", name="n")
    with pytest.raises(QueueFull):
        add(jobs, "b")
    assert add(jobs, "a").work == first.seq  # costs nothing


def test_what_ends_two_processes_alone_has_failed_and_nothing_else(tmp_path: Path) -> None:
    jobs = queue(tmp_path)
    bad, good = add(jobs, "bad"), add(jobs, "good")
    assert [job.seq for job in jobs.take(8)] == [bad.seq, good.seq]
    assert jobs.died([bad.seq, good.seq]) == []
    for _ in range(2):
        [alone] = jobs.take(8)
        assert alone.alone
        dead = jobs.died([alone.seq])
    assert dead == [bad.seq]
    jobs.fail(bad.seq, "x", "failed")
    [other] = jobs.take(8)
    assert other.seq == good.seq and finish(jobs, other)


def test_ended_jobs_are_forgotten_with_their_results_unless_others_have_them(tmp_path: Path) -> None:
    jobs = queue(tmp_path)
    lead = add(jobs, "same")
    jobs.take(1)
    finish(jobs, lead)
    assert jobs.forget(0) == 0
    assert jobs.forget(10**12) == 1
    assert not jobs.result_path(lead.seq).exists()
    assert add(jobs, "same").state == "queued"


def heard(words: list[tuple[str, float, float]], start: float, overlap: float) -> Heard:
    segments = tuple(
        Segment(word, begin, end, -0.2, 0, 1, (Word(f" {word}", begin, end, 0.9),)) for word, begin, end in words
    )
    return Heard(Transcription("en", 10, segments), start, overlap)


def test_parts_that_overlap_have_each_word_once() -> None:
    first = heard([("one", 1, 2), ("two", 8.2, 8.8), ("three", 9.3, 9.9)], 0, 0)
    second = heard([("two", 0.2, 0.8), ("three", 1.3, 1.9), ("four", 3, 4)], 8, 2)
    parts = [placed(first, second), placed(second, None)]
    assert paragraphs(parts) == "one two\n\nthree four"
    assert [segment.start for part in parts for segment in part] == [1, 8.2, 9.3, 11]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/x",
        "ftp://example.com",
        "https://user:secret@example.com/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0177.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest",
        "https://localhost/",
        "https://printer.local/",
        "https://intranet/",
        "https://[fe80::1]/",
        "https://224.0.0.1/",
        "not a url",
    ],
)
def test_addresses_that_nobody_may_have_called(url: str) -> None:
    with pytest.raises(Refused):
        check(url, allow_loopback=False)


def test_addresses_that_may_be_called() -> None:
    check("https://example.com/hook?x=1", allow_loopback=False)
    check("https://93.184.216.34/", allow_loopback=False)
    check("http://127.0.0.1:8080/hook", allow_loopback=True)
    with pytest.raises(Refused):
        check("http://example.com/", allow_loopback=True)
