"""Chunk rows in DynamoDB: claim, renew, commit, fail, release. The row decides; a message is only a hint.

Every write after the claim carries the claim's fence: a worker that was paused and whose lease went to another is refused.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from botocore.exceptions import ClientError

MAX_ATTEMPTS: Final = 3
RETRY_DELAYS_SECONDS: Final = (30, 120)
"""Wait before the second and the third attempt."""
MAX_ERROR_LENGTH: Final = 500

CLAIMABLE: Final = (
    "attempts < :max AND ((#state = :pending AND next_attempt_at_ms <= :now)"
    " OR (#state = :leased AND lease_until_ms <= :now))"
)
HELD_BY_US: Final = "#state = :leased AND fence = :fence AND etag = :etag"
BURY: Final = "SET #state = :dead, error_message = :error REMOVE pending_shard, lease_until_ms, worker_id"
WORN_OUT: Final = "#state = :leased AND lease_until_ms <= :now AND attempts >= :max"


class LeaseLost(Exception):
    """Another worker holds the chunk now, or its bytes have changed; nothing may be written."""


@dataclass(frozen=True)
class Claim:
    """A chunk that this worker alone may write the result of, until the lease ends."""

    session_id: str
    chunk_number: int
    user_id: str
    object_key: str
    etag: str
    fence: int
    attempts: int
    language: str | None

    @property
    def key(self) -> dict[str, Any]:
        """Primary key of the row."""
        return {"session_id": self.session_id, "chunk_number": self.chunk_number}


@dataclass(frozen=True)
class NotClaimed:
    """Nothing to do now; `retry_in_s` is None when there never will be."""

    retry_in_s: float | None


def now_ms() -> int:
    """Unix time in milliseconds."""
    return int(time.time() * 1000)


class ChunkRows:
    """The chunks table, and the ledger beside it."""

    def __init__(self, dynamodb: Any, chunks_table: str, ledger_table: str, worker_id: str, lease_s: float = 60) -> None:  # noqa: ANN401
        self._table = dynamodb.Table(chunks_table)
        self._client = dynamodb.meta.client
        self._chunks_table = chunks_table
        self._ledger_table = ledger_table
        self._worker_id = worker_id
        self._lease_ms = int(lease_s * 1000)

    def claim(self, session_id: str, chunk_number: int) -> Claim | NotClaimed:
        """Takes the lease of a chunk that waits, or whose lease has run out."""
        now = now_ms()
        try:
            row = self._table.update_item(
                Key={"session_id": session_id, "chunk_number": chunk_number},
                UpdateExpression=(
                    "SET #state = :leased, lease_until_ms = :until, worker_id = :worker ADD fence :one, attempts :one"
                ),
                ConditionExpression=CLAIMABLE,
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues={
                    ":leased": "leased",
                    ":pending": "pending",
                    ":until": now + self._lease_ms,
                    ":worker": self._worker_id,
                    ":one": 1,
                    ":now": now,
                    ":max": MAX_ATTEMPTS,
                },
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )["Attributes"]
        except ClientError as error:
            if not _condition_failed(error):
                raise
            return self._why_not(session_id, chunk_number, now)
        return Claim(
            session_id=session_id,
            chunk_number=chunk_number,
            user_id=row["user_id"],
            object_key=row["object_key"],
            etag=row["etag"],
            fence=int(row["fence"]),
            attempts=int(row["attempts"]),
            language=row.get("language"),
        )

    def renew(self, claim: Claim) -> None:
        """Pushes the lease's end out; raises LeaseLost."""
        self._update(claim, "SET lease_until_ms = :until", {":until": now_ms() + self._lease_ms})

    def commit(self, claim: Claim, result_key: str, raw_text: str, duration_s: float) -> None:
        """Result and usage become true together, or not at all; raises LeaseLost."""
        done = {
            ":done": "done",
            ":text": raw_text,
            ":duration": Decimal(str(duration_s)),
            ":now": now_ms(),
            ":result": result_key,
        }
        update = {
            "TableName": self._chunks_table,
            "Key": claim.key,
            "UpdateExpression": (
                "SET #state = :done, raw_text = :text, duration_seconds = :duration, transcribed_at_ms = :now,"
                " result_key = :result REMOVE pending_shard, lease_until_ms, worker_id, error_message"
            ),
            "ConditionExpression": HELD_BY_US,
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": {**_held(claim), **done},
        }
        usage = {
            "usage_id": f"{claim.session_id}#{claim.chunk_number}#{claim.fence}",
            "user_id": claim.user_id,
            "session_id": claim.session_id,
            "chunk_number": claim.chunk_number,
            "audio_seconds": Decimal(str(duration_s)),
            "transcribed_at_ms": done[":now"],
        }
        put = {
            "TableName": self._ledger_table,
            "Item": usage,
            "ConditionExpression": "attribute_not_exists(usage_id)",
        }
        try:
            self._client.transact_write_items(TransactItems=[{"Update": update}, {"Put": put}])
        except ClientError as error:
            reasons = [reason.get("Code") for reason in error.response.get("CancellationReasons", [])]
            if "ConditionalCheckFailed" in reasons:
                if self._is_committed(claim):
                    return  # an earlier answer was lost after the write took effect
                raise LeaseLost from error
            raise

    def fail(self, claim: Claim, reason: str, permanent: bool) -> float | None:
        """Notes a failed attempt; answers the wait before the next one in seconds, None when the chunk is dead now."""
        message = {":error": reason[:MAX_ERROR_LENGTH]}
        if permanent or claim.attempts >= MAX_ATTEMPTS:
            dead = {**message, ":dead": "dead"}
            self._update(claim, BURY, dead)
            return None
        delay_s = RETRY_DELAYS_SECONDS[claim.attempts - 1]
        self._update(
            claim,
            "SET #state = :pending, error_message = :error, next_attempt_at_ms = :next REMOVE lease_until_ms, worker_id",
            {**message, ":pending": "pending", ":next": now_ms() + delay_s * 1000},
        )
        return delay_s

    def release(self, claim: Claim) -> None:
        """Gives a chunk back untouched: the attempt does not count. A lease that is lost already needs nothing."""
        try:
            self._update(
                claim,
                "SET #state = :pending REMOVE lease_until_ms, worker_id ADD attempts :minus",
                {":pending": "pending", ":minus": -1},
            )
        except LeaseLost:
            return

    def _why_not(self, session_id: str, chunk_number: int, now: int) -> NotClaimed:
        row = self._table.get_item(Key={"session_id": session_id, "chunk_number": chunk_number}, ConsistentRead=True).get(
            "Item"
        )
        if row is None or row["state"] in ("done", "dead"):
            return NotClaimed(retry_in_s=None)
        if int(row["attempts"]) >= MAX_ATTEMPTS and self._bury(row, now):
            return NotClaimed(retry_in_s=None)
        free_at = int(row.get("lease_until_ms", 0)) if row["state"] == "leased" else int(row.get("next_attempt_at_ms", 0))
        return NotClaimed(retry_in_s=max(1.0, (free_at - now) / 1000))

    def _bury(self, row: Mapping[str, Any], now: int) -> bool:
        """A chunk whose last attempt ended with its worker is dead."""
        try:
            self._table.update_item(
                Key={"session_id": row["session_id"], "chunk_number": row["chunk_number"]},
                UpdateExpression=BURY,
                ConditionExpression=WORN_OUT,
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues={
                    ":dead": "dead",
                    ":leased": "leased",
                    ":now": now,
                    ":max": MAX_ATTEMPTS,
                    ":error": "the worker ended while it transcribed this chunk, on every attempt",
                },
            )
        except ClientError as error:
            if _condition_failed(error):
                return False
            raise
        return True

    def _is_committed(self, claim: Claim) -> bool:
        row = self._table.get_item(Key=claim.key, ConsistentRead=True).get("Item", {})
        return bool(row.get("state") == "done" and row.get("fence") == claim.fence and row.get("etag") == claim.etag)

    def _update(self, claim: Claim, expression: str, values: Mapping[str, Any]) -> None:
        try:
            self._table.update_item(
                Key=claim.key,
                UpdateExpression=expression,
                ConditionExpression=HELD_BY_US,
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues={**_held(claim), **values},
            )
        except ClientError as error:
            if _condition_failed(error):
                raise LeaseLost from error
            raise


def _held(claim: Claim) -> dict[str, Any]:
    return {":leased": "leased", ":fence": claim.fence, ":etag": claim.etag}


def _condition_failed(error: ClientError) -> bool:
    return bool(error.response["Error"]["Code"] == "ConditionalCheckFailedException")
