"""The gate between recordings and the backlog, against the emulator's transactions."""

import itertools
import uuid

import boto3
import pytest

from gpu_worker.cloud.stage.chunk_rows import ChunkRows, now_ms
from gpu_worker.cloud.stage.claims import Claim, NotClaimed
from gpu_worker.cloud.stage.gate import Gate
from gpu_worker.cloud.stage.lanes import Lanes

numbers = itertools.count(1)


@pytest.fixture
def gate_row(dynamodb):
    """Writes the gate's row; it is deleted after the test."""
    table = dynamodb.Table("batch")

    def put(**fields) -> None:
        table.put_item(Item={"kind": "gate", "id": "gate", "epoch": 1, **fields})

    yield put
    table.delete_item(Key={"kind": "gate", "id": "gate"})


@pytest.fixture
def claim(dynamodb):
    """Claims a new chunk, or one with an expired lease, as backlog or not."""

    def take(backlog: bool = True, **more) -> Claim | NotClaimed:
        number = next(numbers)
        row = {"session_id": "session_gate", "chunk_number": number, "user_id": "user-a", "state": "pending", "etag": "e1"}
        row |= {"object_key": "users/user-a/x", "attempts": 0, "fence": 0, "next_attempt_at_ms": 0, **more}
        dynamodb.Table("chunks").put_item(Item=row)
        rows = ChunkRows(dynamodb, "chunks", "ledger", "fleet", "i-1/1/a", 60, Gate(dynamodb, "batch"))
        return rows.claim("session_gate", number, backlog)

    return take


ABANDONED = {"state": "leased", "worker_id": "i-9/1/z", "fence": 4, "attempts": 1, "lease_until_ms": 1, "claimed_at_ms": 0}


@pytest.mark.promise("batch.lock")
def test_while_a_recording_is_live_everything_but_backlog_is_claimed(gate_row, claim) -> None:
    gate_row(live_until_ms=now_ms() + 60_000)
    assert isinstance(claim(), NotClaimed)
    assert isinstance(claim(**ABANDONED), NotClaimed)
    assert isinstance(claim(backlog=False), Claim)


@pytest.mark.promise("batch.turn")
def test_backlog_is_claimed_without_a_live_recording_or_after_a_long_wait(gate_row, claim) -> None:
    assert isinstance(claim(), Claim)
    gate_row(live_until_ms=now_ms() - 1)
    first, taken_over = claim(), claim(**ABANDONED)
    assert isinstance(first, Claim) and (first.fence, first.attempts) == (1, 1)
    assert isinstance(taken_over, Claim) and (taken_over.fence, taken_over.attempts) == (5, 1)
    gate_row(live_until_ms=now_ms() + 60_000, behind_live_until_ms=now_ms() + 60_000)
    assert isinstance(claim(), Claim)
    gate_row(live_until_ms=now_ms() + 60_000, behind_live_until_ms=now_ms() - 1)
    assert isinstance(claim(), NotClaimed)


def test_a_chunk_that_is_done_is_not_claimed_by_any_lane(claim) -> None:
    assert claim(state="done") == NotClaimed(retry_in_s=None)


@pytest.mark.promise("batch.lock")
def test_a_paused_backlog_is_not_even_received(dynamodb) -> None:
    sqs = boto3.client("sqs")
    urls = [sqs.create_queue(QueueName=f"gate-{lane}-{uuid.uuid4().hex[:8]}")["QueueUrl"] for lane in ("live", "backlog")]
    for url in urls:
        sqs.send_message(QueueUrl=url, MessageBody='{"version":1,"kind":"chunk","sessionId":"session_a","chunkNumber":1}')
    lanes = Lanes(sqs, urls)
    [live] = lanes.receive(10, 0, backlog=False)
    assert (live.queue_url, live.backlog) == (urls[0], False)
    lanes.delete(live)
    assert lanes.all_empty(backlog=False)
    assert not lanes.all_empty()
    [waiting] = lanes.receive(10, 1)
    assert (waiting.queue_url, waiting.backlog) == (urls[1], True)


@pytest.mark.promise("files.live-first")
def test_only_a_few_file_messages_are_received_at_once(dynamodb) -> None:
    sqs = boto3.client("sqs")
    names = ("stop", "live", "files-urgent", "files", "backlog")
    urls = [sqs.create_queue(QueueName=f"few-{name}-{uuid.uuid4().hex[:8]}")["QueueUrl"] for name in names]
    for lane, count in ((1, 2), (2, 1), (3, 3)):
        for _ in range(count):
            body = '{"version":1,"kind":"chunk","sessionId":"job_a","chunkNumber":1}'
            sqs.send_message(QueueUrl=urls[lane], MessageBody=body)
    lanes = Lanes(sqs, urls)
    assert [message.queue_url for message in lanes.receive(8, 0, max_file_messages=2)] == [
        urls[1],
        urls[1],
        urls[2],
        urls[3],
    ]
    assert [message.queue_url for message in lanes.receive(8, 0, max_file_messages=1)] == [urls[3]]
