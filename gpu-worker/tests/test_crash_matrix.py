"""Kills, pauses or breaks a real worker process at every crash point: no work is lost or done twice.

Leases and message visibility last two seconds instead of a minute; everything else is as in production.
"""

import json
import os
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from conftest import PROJECT, PROTOCOL_MODEL, waiting_machine
from gpu_worker.cloud.crash_points import BATCH_CRASH_POINTS
from gpu_worker.speech.media import DecodeOptions, Decoder

HELD_OUT = Path(__file__).parent / "heldout"
LEASE_SECONDS = 2
CHUNKS = 2
DECODER = Decoder()


def until(condition: Callable[[], Any], deadline_s: float = 60) -> None:
    """Polls until `condition` holds."""
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.05)


def state_of(process: subprocess.Popen[bytes]) -> str:
    """Process state; starts with `T` while it is stopped by a signal."""
    return subprocess.run(["ps", "-o", "stat=", "-p", str(process.pid)], capture_output=True, text=True, check=False).stdout


def sample(unlike_others: str) -> bytes:
    """The recording with a unique trailing element that players skip, so that no other file has the same bytes."""
    mark = unlike_others.encode()
    return (HELD_OUT / "seen-2.webm").read_bytes() + b"\xec" + bytes([0x80 | len(mark)]) + mark


class World:
    """A session of two uploaded chunks, its own queue, and a run that waits for the worker."""

    def __init__(self, dynamodb: Any, name: str, copy_of: str | None = None) -> None:
        self.session = f"session_{name}"
        self.content = copy_of or self.session
        self.instance = f"i-{name}"
        self.chunks, self.ledger, self.fleet = (dynamodb.Table(table) for table in ("chunks", "ledger", "fleet"))
        self.sqs, self.s3 = boto3.client("sqs"), boto3.client("s3")
        self.s3.create_bucket(Bucket="crash-matrix")
        queue = {"VisibilityTimeout": str(LEASE_SECONDS)}
        self.queue = self.sqs.create_queue(QueueName=f"q-{name}", Attributes=queue)["QueueUrl"]
        self.workers: list[subprocess.Popen[bytes]] = []
        for number in range(1, CHUNKS + 1):
            self._upload(number)
        self._start_run(name)

    def _upload(self, number: int) -> None:
        key = f"users/user-a/sessions/{self.session}/chunk-{number:03d}.webm"
        etag = self.s3.put_object(Bucket="crash-matrix", Key=key, Body=sample(f"{self.content} {number}"))["ETag"]
        row = {"session_id": self.session, "chunk_number": number, "user_id": "user-a", "state": "pending"}
        row |= {"object_key": key, "etag": etag.strip('"'), "attempts": 0, "fence": 0, "next_attempt_at_ms": 0}
        self.chunks.put_item(Item={**row, "pending_shard": "pending-0"})
        message = {"version": 1, "kind": "chunk", "sessionId": self.session, "chunkNumber": number}
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=json.dumps(message))

    def _start_run(self, name: str) -> None:
        machine = waiting_machine(f"m-{name}", self.instance, "drain_token")
        boto3.client("stepfunctions").start_execution(stateMachineArn=machine)

    def worker(self, crash_at: str | None = None, **more: str) -> subprocess.Popen[bytes]:
        lanes = ("STOP", "LIVE", "FILES_URGENT", "FILES", "BACKLOG")
        settings = {
            **{f"QUEUE_{lane}_URL": self.queue for lane in lanes},
            "PYTHONPATH": str(PROJECT / "gpu-worker" / "src"),
            "BUCKET_NAME": "crash-matrix",
            "CHUNKS_TABLE": "chunks",
            "SESSIONS_TABLE": "sessions",
            "FLEET_TABLE": "fleet",
            "LEDGER_TABLE": "ledger",
            "BATCH_TABLE": "batch",
            "INSTANCE_ID": self.instance,
            "MODEL": str(PROTOCOL_MODEL),
            "DEVICE": "cpu",
            "LEASE_SECONDS": str(LEASE_SECONDS),
            "METADATA_ENDPOINT": "",
            **more,
        }
        if crash_at is not None:
            settings["CRASH_AT"] = crash_at
        log = subprocess.DEVNULL
        process = subprocess.Popen(
            [sys.executable, "-m", "gpu_worker", "work"],
            env={**os.environ, **settings},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        self.workers.append(process)
        return process

    def supervised(self, folder: Path, crash_at: str) -> None:
        """Runs a worker until it ends at the place, and writes how it ended, as a supervisor does."""
        code = self.worker(crash_at, RUNTIME_DIRECTORY=str(folder), LEASE_SECONDS="60").wait(timeout=60)
        end = f"signal {signal.Signals(-code).name.removeprefix('SIG')}" if code < 0 else f"exit-code {code}"
        (folder / "last-end").write_text(end + "\n")

    def close(self) -> None:
        """Ends all workers."""
        for process in self.workers:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def run_waits(self) -> bool:
        """Whether the run waits for the worker."""
        key = {"id": f"tokens#{self.instance}"}
        return "drain_token" in self.fleet.get_item(Key=key, ConsistentRead=True).get("Item", {})

    def rows(self) -> list[dict[str, Any]]:
        keys = [{"session_id": self.session, "chunk_number": number} for number in range(1, CHUNKS + 1)]
        return [self.chunks.get_item(Key=key, ConsistentRead=True)["Item"] for key in keys]

    def all_done(self) -> bool:
        return all(row["state"] == "done" for row in self.rows())

    def queue_is_empty(self) -> bool:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)["Attributes"]
        return all(int(counts[name]) == 0 for name in names)

    def check(self) -> None:
        """Each chunk is done once: its result is readable, and the ledger has only the entry of its final fence."""
        usage = [item for item in self.ledger.scan(ConsistentRead=True)["Items"] if item["session_id"] == self.session]
        rows = self.rows()
        fences = sorted(f"{self.session}#{row['chunk_number']}#{row['fence']}" for row in rows)
        assert sorted(item["usage_id"] for item in usage) == fences
        for row in rows:
            body = self.s3.get_object(Bucket="crash-matrix", Key=row["result_key"])["Body"].read()
            assert json.loads(body)["text"] == row["raw_text"] != ""
            assert row["result_key"].endswith(f".{row['fence']}.json")
            assert row["attempts"] <= 3
            assert "pending_shard" not in row


@pytest.fixture
def world(dynamodb: Any, request: pytest.FixtureRequest):
    test, place = request.node.originalname, request.node.callspec.id
    world = World(dynamodb, f"{zlib.crc32(test.encode()):08x}-{''.join(c if c.isalnum() else '-' for c in place)}")
    yield world
    world.close()


ENDS = [(place, how) for place in BATCH_CRASH_POINTS for how in ("KILL", "RAISE") if (place, how) != ("model", "RAISE")]
"""An error of the model is a failed attempt of the chunk and does not end the worker."""


@pytest.mark.promise("worker.killed")
@pytest.mark.parametrize(("place", "how"), ENDS)
def test_after_a_worker_ended_at_a_place_the_next_one_finishes_its_work_once(world: World, place: str, how: str) -> None:
    assert world.worker(f"{place}={how}").wait(timeout=60) != 0
    world.worker()
    until(world.all_done)
    until(world.queue_is_empty)
    world.check()


@pytest.mark.promise("worker.zombie")
@pytest.mark.parametrize("place", BATCH_CRASH_POINTS)
def test_a_worker_paused_at_a_place_past_its_lease_writes_nothing_when_resumed(world: World, place: str) -> None:
    zombie = world.worker(f"{place}=STOP")
    until(lambda: state_of(zombie).startswith("T"))
    world.worker()
    until(world.all_done)
    before = world.rows()
    zombie.send_signal(signal.SIGTERM)  # before it resumes: it could otherwise be stopped again at the same place
    zombie.send_signal(signal.SIGCONT)
    assert zombie.wait(timeout=60) == 0
    assert world.rows() == before
    until(world.queue_is_empty)
    world.check()


@pytest.fixture
def single(dynamodb: Any, request: pytest.FixtureRequest):
    world = World(dynamodb, request.node.name.replace("_", "-")[:40])
    yield world
    world.close()


@pytest.mark.promise("worker.machine-faults")
def test_out_of_memory_once_costs_no_attempt(single: World) -> None:
    assert single.worker("model=MEMORY").wait(timeout=60) == 1
    single.worker()
    until(single.all_done)
    assert [int(row["attempts"]) for row in single.rows()] == [1] * CHUNKS
    single.check()


@pytest.mark.promise("worker.machine-faults")
def test_a_chunk_that_repeatedly_exhausts_memory_fails_permanently_with_its_reason(single: World) -> None:
    for _ in range(CHUNKS * 3):
        assert single.worker("model=MEMORY").wait(timeout=60) == 1
    rows = single.rows()
    assert [(row["state"], row["error_message"]) for row in rows] == [("dead", "the model ran out of memory")] * CHUNKS


@pytest.mark.promise("worker.machine-faults")
def test_a_process_due_for_a_restart_ends_between_batches_and_the_next_one_continues(single: World) -> None:
    assert single.worker(RECYCLE_AFTER_CHUNKS="1", CHUNKS_AT_ONCE="1").wait(timeout=60) == 0
    assert sorted(row["state"] for row in single.rows()) == ["done", "pending"]
    single.worker()
    until(single.all_done)
    single.check()


@pytest.mark.promise("worker.killed")
@pytest.mark.parametrize("place", ["claiming", *BATCH_CRASH_POINTS])
def test_the_next_process_releases_the_claims_of_a_killed_worker_before_their_leases_expire(
    world: World, place: str, tmp_path: Path
) -> None:
    world.supervised(tmp_path, f"{place}=KILL")
    world.worker(RUNTIME_DIRECTORY=str(tmp_path), LEASE_SECONDS="60")
    until(world.all_done, deadline_s=30)
    until(world.queue_is_empty)
    world.check()
    assert [int(row["attempts"]) for row in world.rows()] == [1] * CHUNKS


@pytest.mark.promise("worker.suspects")
def test_kills_from_outside_do_not_count_as_deaths_of_the_chunk(single: World, tmp_path: Path) -> None:
    for _ in range(4):
        single.supervised(tmp_path, "model=KILL")
    single.worker(RUNTIME_DIRECTORY=str(tmp_path))
    until(single.all_done)
    assert sum(int(row["kills"]) for row in single.rows()) == 3  # the first time, both chunks were in one batch
    single.check()


@pytest.mark.promise("worker.suspects")
def test_crashes_of_the_worker_count_as_deaths_of_the_chunk(single: World, tmp_path: Path) -> None:
    for _ in range(5):
        single.supervised(tmp_path, "transcribed=RAISE")
    single.worker(RUNTIME_DIRECTORY=str(tmp_path))
    until(lambda: {row["state"] for row in single.rows()} == {"dead"})


@pytest.mark.promise("chunk.stream-pieces")
def test_pieces_of_one_stream_are_all_transcribed(single: World) -> None:
    """Sent like the output of `MediaRecorder.start(timeslice)`: only the first piece has a header."""
    data = (HELD_OUT / "seen-2.webm").read_bytes()
    cut = len(data) // 2
    first, second = (row["object_key"] for row in single.rows())
    etags = {}
    for key, piece in ((first, data[:cut]), (second, data[cut:])):
        etags[key] = single.s3.put_object(Bucket="crash-matrix", Key=key, Body=piece)["ETag"].strip('"')
    for row in single.rows():
        key = {name: row[name] for name in ("session_id", "chunk_number")}
        values = {":e": etags[row["object_key"]]}
        single.chunks.update_item(Key=key, UpdateExpression="SET etag = :e", ExpressionAttributeValues=values)
    single.worker()
    until(single.all_done)
    whole = DECODER.decode(HELD_OUT / "seen-2.webm", DecodeOptions(60)).audio
    seconds = [float(row["duration_seconds"]) for row in single.rows()]
    assert sum(seconds) == pytest.approx(len(whole) / 16_000, abs=0.03)
    assert all(row["raw_text"] for row in single.rows())
    single.check()


@pytest.mark.promise("cache.same-bytes")
def test_the_same_bytes_in_another_session_of_the_user_are_not_transcribed_again(single: World, dynamodb: Any) -> None:
    single.worker()
    until(single.all_done)
    other = World(dynamodb, "same-again", copy_of=single.session)
    try:
        other.worker("model=KILL")  # no chunk reaches the model
        until(other.all_done)
    finally:
        for process in other.workers:
            os.killpg(process.pid, signal.SIGKILL)
    assert {row["raw_text"] for row in other.rows()} == {row["raw_text"] for row in single.rows()}
    usage = [item for item in other.ledger.scan()["Items"] if item["session_id"] == other.session]
    assert [(int(item["audio_seconds"]), item["reused"]) for item in usage] == [(0, True)] * CHUNKS
    other.check()
