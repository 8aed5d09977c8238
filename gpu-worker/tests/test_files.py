"""Whole files and their parts in real worker processes: killed, paused, canceled; and the priority of live chunks."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from conftest import PROTOCOL_MODEL
from gpu_worker.speech.media import SAMPLE_RATE, DecodeOptions, Decoder
from test_crash_matrix import HELD_OUT, World, state_of, until

BUCKET = "crash-matrix"


def recording(path: Path, seconds: float) -> bytes:
    """The sample repeated for `seconds`, as FLAC."""
    decoder = Decoder()
    sample = (decoder.decode(PROTOCOL_MODEL / "samples" / "sample-125s.webm", DecodeOptions(600)).audio * 32768).astype(
        np.int16
    )
    decoder.close()
    whole = np.tile(sample.astype(np.int16), int(seconds * SAMPLE_RATE / len(sample)) + 1)[: int(seconds * SAMPLE_RATE)]
    with av.open(str(path), "w", format="flac") as file:
        stream = file.add_stream("flac", rate=SAMPLE_RATE, layout="mono")
        for at in range(0, len(whole), SAMPLE_RATE * 10):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(whole[None, at : at + SAMPLE_RATE * 10]), "s16", "mono")
            frame.sample_rate, frame.pts = SAMPLE_RATE, at
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path.read_bytes()


class FileWorld(World):
    """One uploaded file that waits to be cut; `put_parts` does what the functions do with the manifest."""

    def __init__(self, dynamodb: Any, name: str, folder: Path, seconds: float = 500) -> None:
        super().__init__(dynamodb, name)
        self.sqs.purge_queue(QueueUrl=self.queue)
        self.job = f"job_{name}"
        self.content = recording(folder / "audio.flac", seconds)
        key = f"users/user-a/files/{self.job}/source.flac"
        etag = self.s3.put_object(Bucket=BUCKET, Key=key, Body=self.content)["ETag"]
        self.source = (key, etag)
        self.put(0, key, etag, compress=True)

    def put(self, number: int, key: str, etag: str, **more: Any) -> None:
        row = {"session_id": self.job, "chunk_number": number, "user_id": "user-a", "state": "pending"}
        row |= {"object_key": key, "etag": etag.strip('"'), "attempts": 0, "fence": 0, "next_attempt_at_ms": 0}
        self.chunks.put_item(Item={**row, "pending_shard": "pending-0", **more})
        message = {"version": 1, "kind": "chunk", "sessionId": self.job, "chunkNumber": number}
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=json.dumps(message))

    def row(self, number: int) -> dict[str, Any]:
        return self.chunks.get_item(Key={"session_id": self.job, "chunk_number": number}, ConsistentRead=True).get(
            "Item", {}
        )

    def read(self, key: str) -> dict[str, Any]:
        return json.loads(self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())

    def state(self, number: int) -> str:
        return str(self.row(number).get("state"))

    def manifest(self) -> dict[str, Any]:
        until(lambda: self.state(0) == "done")
        return self.read(self.row(0)["result_key"])

    def put_whole_part(self) -> None:
        """Adds the whole file as its first part, which takes many batches."""
        self.manifest()
        self.put(1, *self.source)

    def put_parts(self) -> int:
        parts = self.manifest()["parts"]
        for part in parts:
            self.put(part["number"], part["key"], part["etag"])
        return len(parts)


@pytest.fixture
def world(dynamodb: Any, request: pytest.FixtureRequest, tmp_path: Path):
    world = FileWorld(dynamodb, request.node.name.replace("_", "-").replace("[", "-").replace("]", "")[-40:], tmp_path)
    yield world
    for process in world.workers:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_file_is_cut_and_its_parts_are_transcribed(world: FileWorld) -> None:
    world.worker(CHUNKS_AT_ONCE="2")
    manifest = world.manifest()
    assert manifest["seconds"] == 500
    assert [part["start"] for part in manifest["parts"]][0] == 0
    assert manifest["parts"][-1]["end"] == 500
    assert manifest["compressed"]["size_bytes"] < len(world.content) / 3
    for number in range(1, world.put_parts() + 1):
        until(lambda number=number: world.state(number) == "done", 120)
        result = world.read(world.row(number)["result_key"])
        part = manifest["parts"][number - 1]
        assert result["duration_seconds"] == pytest.approx(part["end"] - part["start"], abs=0.01)
        assert len(result["text"].split()) > 100
        assert 0 < float(world.row(number)["progress"]) <= 1
        assert "/results/results/" not in world.row(number)["result_key"]
    until(world.queue_is_empty)


@pytest.mark.promise("files.crashes")
@pytest.mark.parametrize("how", ["KILL", "RAISE"])
def test_after_a_worker_ended_while_cutting_the_next_one_cuts_the_file_once(world: FileWorld, how: str) -> None:
    assert world.worker(f"prepared={how}").wait(timeout=60) != 0
    world.worker()
    assert world.manifest()["seconds"] == 500
    usage = [item for item in world.ledger.scan(ConsistentRead=True)["Items"] if item["session_id"] == world.job]
    assert len(usage) == 1 and usage[0]["audio_seconds"] == 0
    until(world.queue_is_empty)


def test_a_worker_paused_while_cutting_writes_nothing_when_resumed(world: FileWorld) -> None:
    zombie = world.worker("prepared=STOP")
    until(lambda: int(world.row(0).get("fence", 0)) == 1)
    world.worker()
    world.manifest()
    before = world.row(0)
    assert before["fence"] == 2
    zombie.send_signal(signal.SIGTERM)
    zombie.send_signal(signal.SIGCONT)
    assert zombie.wait(timeout=60) == 0
    assert world.row(0) == before


def test_sigterm_while_cutting_releases_the_file_at_once(world: FileWorld) -> None:
    worker = world.worker(LEASE_SECONDS="60")
    until(lambda: world.state(0) == "leased")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=30) == 0
    assert (world.state(0), int(world.row(0)["attempts"])) in (("pending", 0), ("done", 1))


STEPS = {"CHUNKS_AT_ONCE": "1", "BATCH_WINDOWS": "1", "LEASE_SECONDS": "1.2", "CRASH_AT": "part-batch=STOP"}
"""A part takes many batches, and the worker stops before each until SIGCONT."""


def step_until(worker: subprocess.Popen[bytes], condition: Callable[[], Any]) -> None:
    """Resumes the worker, batch by batch, until the condition holds."""
    while not condition():
        worker.send_signal(signal.SIGCONT)
        until(lambda: "T" in state_of(worker) or condition())


@pytest.mark.promise("files.control")
def test_a_deleted_part_is_abandoned_within_a_batch(world: FileWorld) -> None:
    worker = world.worker(**STEPS)
    world.put_whole_part()
    step_until(worker, lambda: float(world.row(1).get("progress", 0)) > 0)
    world.chunks.delete_item(Key={"session_id": world.job, "chunk_number": 1})
    step_until(worker, world.queue_is_empty)
    assert world.row(1) == {}
    results = world.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"users/user-a/files/{world.job}/results/001.")
    assert results["KeyCount"] == 0


@pytest.mark.promise("files.live-first")
def test_a_live_chunk_has_priority_over_a_part_that_is_being_transcribed(world: FileWorld) -> None:
    live = world.sqs.create_queue(QueueName=f"live-{world.instance}")["QueueUrl"]
    worker = world.worker(**STEPS, QUEUE_LIVE_URL=live)
    world.put_whole_part()
    step_until(worker, lambda: float(world.row(1).get("progress", 0)) > 0)
    message = {"version": 1, "kind": "chunk", "sessionId": world.session, "chunkNumber": 1}
    world.sqs.send_message(QueueUrl=live, MessageBody=json.dumps(message))
    step_until(worker, lambda: world.rows()[0]["state"] == "done")
    assert world.state(1) == "leased"
    step_until(worker, lambda: world.state(1) == "done")


def test_a_file_that_is_not_audio_fails_permanently_at_once(world: FileWorld) -> None:
    key = f"users/user-a/files/{world.job}/source.mp3"
    etag = world.s3.put_object(Bucket=BUCKET, Key=key, Body=(HELD_OUT / "index.json").read_bytes())["ETag"]
    world.sqs.purge_queue(QueueUrl=world.queue)
    world.put(0, key, etag)
    world.worker()
    until(lambda: world.state(0) == "dead")
    assert str(world.row(0)["error_message"]).startswith("unsupported-media")


@pytest.mark.promise("files.too-long")
@pytest.mark.parametrize("limit", ["SOFT_LIMIT_SECONDS", "HARD_LIMIT_SECONDS"])
def test_work_that_exceeds_a_time_limit_is_aborted(world: FileWorld, limit: str) -> None:
    world.worker()
    world.manifest()
    for process in world.workers:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
    worker = world.worker(CHUNKS_AT_ONCE="1", **{limit: "0.3"})
    world.put_parts()
    if limit == "HARD_LIMIT_SECONDS":
        assert worker.wait(timeout=60) == -signal.SIGKILL
    else:
        until(lambda: "longer than" in str(world.row(1).get("error_message", "")))
        assert world.row(1)["attempts"] == 1


@pytest.mark.promise("files.crashes")
def test_the_next_worker_removes_temporary_files_of_a_killed_one(world: FileWorld, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    killed = world.worker("prepared=KILL", TMPDIR=str(temporary))
    until(lambda: any(temporary.glob("gpu-worker-*/*/in/audio")))
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert any(temporary.glob("gpu-worker-*/*/in/audio"))
    following = world.worker(TMPDIR=str(temporary))
    world.manifest()
    assert [folder.name for folder in temporary.glob("gpu-worker-*")] == [f"gpu-worker-{following.pid}"]
    following.send_signal(signal.SIGTERM)
    following.wait(timeout=30)
    assert list(temporary.glob("gpu-worker-*")) == []
