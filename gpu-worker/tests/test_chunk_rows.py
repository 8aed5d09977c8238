"""Claims, leases, fences and commits. Runs against the emulator's conditions, and against those in memory on which the
exhaustive search of test_claim_protocol.py runs.
"""

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest

from gpu_worker.cloud.stage.chunk_rows import MAX_ATTEMPTS, ChunkRows, now_ms
from gpu_worker.cloud.stage.claims import Claim, LeaseLost, NotClaimed
from memory_dynamodb import MemoryDynamoDB

numbers = itertools.count(1)


@pytest.fixture(params=["emulator", "memory"])
def dynamodb(request):
    return request.getfixturevalue("emulated") if request.param == "emulator" else MemoryDynamoDB()


@pytest.fixture
def rows(dynamodb) -> ChunkRows:
    return worker(dynamodb, "i-1/1/a")


def worker(dynamodb, worker_id: str) -> ChunkRows:
    return ChunkRows(dynamodb, "chunks", "ledger", "fleet", worker_id)


def end_lease(dynamodb, key: tuple[str, int], was_ms: int = 1) -> int:
    """Lets a lease expire; returns the time of its end."""
    ended = now_ms() - was_ms
    dynamodb.Table("chunks").update_item(
        Key={"session_id": key[0], "chunk_number": key[1]},
        UpdateExpression="SET lease_until_ms = :past",
        ExpressionAttributeValues={":past": ended},
    )
    return ended


@pytest.fixture
def add(dynamodb):
    def put(**more) -> tuple[str, int]:
        number = next(numbers)
        row = {
            "session_id": "session_rows",
            "chunk_number": number,
            "user_id": "user-a",
            "state": "pending",
            "object_key": f"users/user-a/sessions/session_rows/chunk-{number:03d}.webm",
            "etag": "e1",
            "attempts": 0,
            "fence": 0,
            "next_attempt_at_ms": 0,
            "pending_shard": "pending-0",
            **more,
        }
        dynamodb.Table("chunks").put_item(Item=row)
        return "session_rows", number

    return put


@pytest.fixture
def read(dynamodb):
    def get(key: tuple[str, int]) -> dict:
        return dynamodb.Table("chunks").get_item(Key={"session_id": key[0], "chunk_number": key[1]}, ConsistentRead=True)[
            "Item"
        ]

    return get


def ledger_of(dynamodb, key: tuple[str, int]) -> list[dict]:
    items = dynamodb.Table("ledger").scan(ConsistentRead=True)["Items"]
    return [item for item in items if (item["session_id"], item["chunk_number"]) == key]


def test_one_of_eight_simultaneous_workers_gets_the_chunk(dynamodb, add) -> None:
    key = add()
    workers = [worker(dynamodb, f"i-1/{n}/a") for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda one: one.claim(*key), workers))
    assert sum(isinstance(claim, Claim) for claim in claims) == 1
    assert all(claim.retry_in_s > 50 for claim in claims if isinstance(claim, NotClaimed))


@pytest.mark.promise("worker.killed")
def test_a_commit_writes_row_and_ledger_together_and_clears_the_pending_index(rows, add, read, dynamodb) -> None:
    key = add()
    rows.commit(rows.claim(*key), "result", "hello", 29.994)
    row = read(key)
    assert (row["state"], row["raw_text"], float(row["duration_seconds"]), row["result_key"]) == (
        "done",
        "hello",
        29.994,
        "result",
    )
    assert "pending_shard" not in row
    [usage] = ledger_of(dynamodb, key)
    assert (usage["usage_id"], float(usage["audio_seconds"])) == (f"session_rows#{key[1]}#1", 29.994)


def test_a_repeated_commit_is_distinguished_from_a_lost_lease(rows, add, dynamodb) -> None:
    key = add()
    claim = rows.claim(*key)
    rows.commit(claim, "result", "hello", 1.0)
    rows.commit(claim, "result", "hello", 1.0)  # as if the first response had been lost
    assert len(ledger_of(dynamodb, key)) == 1


@pytest.mark.promise("worker.killed", "worker.zombie")
def test_a_zombie_whose_lease_was_taken_over_writes_nothing(rows, add, read, dynamodb) -> None:
    key = add()
    zombie = rows.claim(*key)
    end_lease(dynamodb, key)
    successor = worker(dynamodb, "i-2/1/a").claim(*key)
    assert (successor.fence, successor.attempts, successor.suspect) == (2, 1, True)
    for write in (
        lambda: rows.commit(zombie, "old", "old", 1.0),
        lambda: rows.renew(zombie),
        lambda: rows.fail(zombie, "old", permanent=True),
    ):
        with pytest.raises(LeaseLost):
            write()
    rows.release(zombie)
    assert read(key)["state"] == "leased"
    assert ledger_of(dynamodb, key) == []


def test_text_of_old_bytes_is_never_stored_for_new_ones(rows, add, read, dynamodb) -> None:
    key = add()
    claim = rows.claim(*key)
    dynamodb.Table("chunks").update_item(
        Key={"session_id": key[0], "chunk_number": key[1]},
        UpdateExpression="SET etag = :new",
        ExpressionAttributeValues={":new": "e2"},
    )
    with pytest.raises(LeaseLost):
        rows.commit(claim, "result", "old text", 1.0)
    assert "raw_text" not in read(key)


@pytest.mark.promise("worker.stopped")
def test_a_released_chunk_costs_no_attempt_and_can_be_claimed_at_once(rows, add) -> None:
    key = add()
    rows.release(rows.claim(*key))
    again = rows.claim(*key)
    assert (again.fence, again.attempts) == (2, 1)


@pytest.mark.promise("worker.poison")
def test_delays_grow_after_failures_and_the_third_failure_is_permanent_with_its_reason(rows, add, read, dynamodb) -> None:
    key = add()
    waits = []
    for _ in range(MAX_ATTEMPTS):
        waits.append(rows.fail(rows.claim(*key), "x" * 900, permanent=False))
        early = rows.claim(*key)
        assert isinstance(early, NotClaimed)
        dynamodb.Table("chunks").update_item(
            Key={"session_id": key[0], "chunk_number": key[1]},
            UpdateExpression="SET next_attempt_at_ms = :now",
            ExpressionAttributeValues={":now": 0},
        )
    row = read(key)
    assert waits == [30, 120, None]
    assert (row["state"], len(row["error_message"])) == ("dead", 500)
    assert "pending_shard" not in row
    assert rows.claim(*key) == NotClaimed(retry_in_s=None)


def test_a_permanent_failure_is_not_retried(rows, add, read) -> None:
    key = add()
    assert rows.fail(rows.claim(*key), "unsupported-media: no audio", permanent=True) is None
    assert (read(key)["state"], read(key)["attempts"]) == ("dead", 1)


@pytest.mark.promise("worker.suspects")
def test_a_death_among_other_chunks_makes_a_suspect_and_costs_nothing(rows, add, read, dynamodb) -> None:
    key = add()
    rows.claim(*key)
    end_lease(dynamodb, key)
    successor = rows.claim(*key)
    assert (successor.attempts, successor.suspect, successor.deaths) == (1, True, 0)
    assert read(key)["alone"] is False


@pytest.mark.promise("worker.suspects")
def test_the_second_death_alone_fails_the_chunk_permanently(rows, add, read, dynamodb) -> None:
    key = add()
    rows.claim(*key)
    for _ in range(2):
        end_lease(dynamodb, key)
        rows.mark_alone(rows.claim(*key))
    end_lease(dynamodb, key)
    assert rows.claim(*key) == NotClaimed(retry_in_s=None)
    row = read(key)
    assert (row["state"], row["deaths"], row["attempts"]) == ("dead", 2, 1)
    assert "ended twice" in row["error_message"]
    assert "pending_shard" not in row


@pytest.mark.promise("worker.suspects")
def test_a_machine_that_was_stopped_on_purpose_does_not_count_as_a_death(rows, add, dynamodb) -> None:
    key = add()
    rows.claim(*key)
    end_lease(dynamodb, key)
    for _ in range(5):
        rows.mark_alone(rows.claim(*key))
        ended = end_lease(dynamodb, key)
        dynamodb.Table("fleet").put_item(Item={"id": "i-1", "stop_decided_at_ms": ended - 1})
    claim = rows.claim(*key)
    assert (claim.deaths, claim.attempts) == (0, 1)


def test_a_stop_after_the_lease_had_expired_does_not_excuse_a_death(rows, add, read, dynamodb) -> None:
    key = add()
    rows.mark_alone(rows.claim(*key))
    ended = end_lease(dynamodb, key, was_ms=60_000)
    dynamodb.Table("fleet").put_item(Item={"id": "i-1", "stop_decided_at_ms": ended + 30_000})
    assert rows.claim(*key).deaths == 1


@pytest.mark.promise("worker.suspects")
def test_a_blamed_chunk_is_treated_as_after_a_death(rows, add, read) -> None:
    key = add()
    rows.blame(rows.claim(*key), was_alone=False, reason="out of memory")
    assert (read(key)["state"], read(key)["attempts"], read(key)["deaths"]) == ("pending", 0, 0)
    for _ in range(2):
        claim = rows.claim(*key)
        assert claim.suspect
        rows.blame(claim, was_alone=True, reason="out of memory")
    assert (read(key)["state"], read(key)["error_message"]) == ("dead", "out of memory")


def test_a_leased_chunk_is_not_claimed_even_in_its_last_attempt(rows, add, read) -> None:
    key = add(state="leased", attempts=MAX_ATTEMPTS, fence=3, lease_until_ms=now_ms() + 30_000)
    assert rows.claim(*key).retry_in_s > 20
    assert read(key)["state"] == "leased"


@pytest.mark.parametrize("state", ["done", "dead"])
def test_an_ended_chunk_is_never_claimed_again(rows, add, state) -> None:
    assert rows.claim(*add(state=state)) == NotClaimed(retry_in_s=None)


def test_an_unknown_chunk_is_not_claimed(rows) -> None:
    assert rows.claim("session_none", 1) == NotClaimed(retry_in_s=None)
