"""Chunk rows in DynamoDB: claim, renew, commit, fail, release.

States: `pending` -> `leased` (claim) -> `done` (commit) | `pending` (release, or a failed attempt with a delay) | `dead`
(permanently failed). Another worker can claim a `leased` row whose lease has expired.

Gotchas:
- The row decides; a queue message only names a row that may be waiting.
- Every write after the claim checks the claim's fence and ETag, so a paused worker cannot overwrite its successor's result.
- An expired lease counts as a death only if the chunk was transcribed alone and the machine was not being stopped.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from gpu_worker.cloud.stage.aws import cancellation_codes, error_code
from gpu_worker.cloud.stage.claims import (
    Claim,
    LeaseLost,
    NotClaimed,
    ObjectVersion,
    PreviousChunk,
    claim_of,
    key_of,
    previous_chunk_of,
)
from gpu_worker.cloud.stage.expressions import (
    CLAIMABLE,
    DEAD,
    HELD_BY_US,
    HOLDER,
    LEASED,
    NAMES,
    PENDING,
    STILL_ABANDONED,
    Key,
    Update,
    Value,
    assigned,
    in_transaction,
    placeholders,
    updating,
)
from gpu_worker.cloud.stage.gate import Gate
from gpu_worker.cloud.stage.rows import CommittedResult, Lease, Machine
from gpu_worker.memory import peak_mb

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBServiceResource
    from types_boto3_dynamodb.type_defs import PutTypeDef

MAX_ATTEMPTS: Final = 3
RETRY_DELAYS_SECONDS: Final = (30, 120)
"""Delay before the second and the third attempt."""
MAX_ERROR_LENGTH: Final = 500

MAX_DEATHS: Final = 2
"""Workers that may die while they transcribe a chunk alone; then it has permanently failed."""
MAX_KILLS: Final = 5
"""Likewise for workers killed from outside. Bounded, because the cause of such a kill can be lack of memory."""
GATE_RETRY_SECONDS: Final = 5.0
"""Delay after a backlog claim that was refused because a recording had just closed the gate."""
STOP_SEEN_MS: Final = 3000
"""Time within which a worker notices that its machine is being stopped, and claims no more chunks."""

CONTENT_INDEX: Final = "by-content"
"""Sparse index of results by content key."""
ENDED_TWICE: Final = "the worker process ended twice while transcribing only this chunk"


class GateClosed(Exception):
    """The gate is closed because a recording is live: no backlog may be claimed."""


def now_ms() -> int:
    """Unix time in milliseconds."""
    return int(time.time() * 1000)


class ChunkRows:
    """The chunks table and the ledger."""

    def __init__(
        self,
        dynamodb: DynamoDBServiceResource,
        chunks_table: str,
        ledger_table: str,
        fleet_table: str,
        worker_id: str,
        lease_s: float = 60,
        gate: Gate | None = None,
        worker: Mapping[str, str] | None = None,
    ) -> None:
        """`worker_id`: instance id, slash, unique suffix. `worker`: further fields of this worker's ledger rows."""
        self._table = dynamodb.Table(chunks_table)
        self._fleet = dynamodb.Table(fleet_table)
        self._client = dynamodb.meta.client
        self._chunks_table = chunks_table
        self._ledger_table = ledger_table
        self.worker_id = worker_id
        self._lease_ms = int(lease_s * 1000)
        self._gate = gate
        self._worker = dict(worker or {})

    def describe_worker(self, **fields: str) -> None:
        """Adds fields to this worker's ledger rows."""
        self._worker.update(fields)

    def claim(self, session_id: str, chunk_number: int, backlog: bool = False) -> Claim | NotClaimed:
        """Claims a chunk that is pending or whose lease has expired; backlog only while the gate is open.

        The worker must not call it for a chunk that it is processing.
        """
        now = now_ms()
        key = key_of(session_id, chunk_number)
        try:
            expression = updating(LEASED, add=("fence :one", "attempts :one"))
            return self._lease(key, now, expression, CLAIMABLE, {":pending": "pending", ":max": MAX_ATTEMPTS}, backlog)
        except GateClosed:
            return NotClaimed(retry_in_s=GATE_RETRY_SECONDS)
        except ClientError as error:
            if not _condition_failed(error):
                raise
        lease = self._read(key)
        if lease is None or lease.state in ("done", "dead"):
            return NotClaimed(retry_in_s=None)
        free_at = lease.lease_until_ms if lease.state == "leased" else lease.next_attempt_at_ms
        if lease.state == "leased" and lease.worker_id == self.worker_id and free_at > now:
            held = self.claim_held_by(self.worker_id, session_id, chunk_number)  # the response to its claim was lost
            return NotClaimed(retry_in_s=1.0) if held is None else held[0]
        if lease.state == "leased" and free_at <= now:
            return self._take_over(key, lease, now, backlog)
        return NotClaimed(retry_in_s=max(1.0, (free_at - now) / 1000))

    def _read(self, key: Key) -> Lease | None:
        row = self._table.get_item(Key=key, ConsistentRead=True).get("Item")
        return None if row is None else Lease.model_validate(row)

    def _lease(
        self, key: Key, now: int, expression: str, condition: str, values: Mapping[str, Value], backlog: bool
    ) -> Claim:
        update: Update = {
            "Key": key,
            "UpdateExpression": expression,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": NAMES,
            "ExpressionAttributeValues": {
                ":leased": "leased",
                ":until": now + self._lease_ms,
                ":worker": self.worker_id,
                ":no": False,
                ":one": 1,
                ":now": now,
                **values,
            },
        }
        if self._gate is None or not backlog:
            return claim_of(self._table.update_item(**update, ReturnValues="ALL_NEW")["Attributes"])
        try:
            items = [in_transaction(self._chunks_table, update), self._gate.check(now)]
            self._client.transact_write_items(TransactItems=items)
        except ClientError as error:
            reasons = cancellation_codes(error)
            if reasons and reasons[0] != "ConditionalCheckFailed":
                raise GateClosed from error  # or the gate row was being written: also worth a retry
            raise
        row = self._table.get_item(Key=key, ConsistentRead=True)["Item"]
        if row.get("worker_id") != self.worker_id:
            raise GateClosed  # another worker has claimed the row since
        return claim_of(row)

    def previous_chunk(self, claim: Claim) -> PreviousChunk | None:
        """The row of the previous chunk; None if there is none."""
        key = key_of(claim.session_id, claim.chunk_number - 1)
        row = self._table.get_item(Key=key).get("Item")
        return None if row is None else previous_chunk_of(row)

    def claim_held_by(self, worker_id: str, session_id: str, chunk_number: int) -> tuple[Claim, bool] | None:
        """The claim that an ended worker still holds on this chunk, and whether it was alone; None if it holds none."""
        key = key_of(session_id, chunk_number)
        row = self._table.get_item(Key=key, ConsistentRead=True).get("Item", {})
        if row.get("state") != "leased" or row.get("worker_id") != worker_id:
            return None
        return claim_of(row), bool(row.get("alone", False))

    def _take_over(self, key: Key, lease: Lease, now: int, backlog: bool) -> Claim | NotClaimed:
        """Claims a chunk whose lease has expired.

        Costs no attempt: the claim replaces the expired one. Counts as a death if the chunk was transcribed alone and the
        holder's machine was not being stopped. After MAX_DEATHS deaths the chunk has permanently failed.
        """
        stopped = self._was_stopped(lease)
        deaths = lease.deaths + (1 if lease.alone and not stopped else 0)
        expected = {":fence": lease.fence, ":lease": lease.lease_until_ms, ":deaths": deaths}
        try:
            if deaths >= MAX_DEATHS:
                self._table.update_item(
                    Key=key,
                    UpdateExpression=updating((*DEAD, "deaths = :deaths"), ("pending_shard", *HOLDER)),
                    ConditionExpression=STILL_ABANDONED,
                    ExpressionAttributeNames=NAMES,
                    ExpressionAttributeValues={**expected, ":leased": "leased", ":dead": "dead", ":error": ENDED_TWICE},
                )
                return NotClaimed(retry_in_s=None)
            expression = updating((*LEASED, "deaths = :deaths", "suspect = :suspect"), add=("fence :one",))
            values = {**expected, ":suspect": lease.suspect or not stopped}
            return self._lease(key, now, expression, STILL_ABANDONED, values, backlog)
        except GateClosed:
            return NotClaimed(retry_in_s=GATE_RETRY_SECONDS)
        except ClientError as error:
            if _condition_failed(error):
                return NotClaimed(retry_in_s=1.0)  # another worker has claimed it
            raise

    def _was_stopped(self, lease: Lease) -> bool:
        """Whether the holder's machine was being stopped during the claim; the chunk is then not to blame."""
        instance_id = lease.worker_id.split("/")[0]
        if not instance_id:
            return False
        machine = self._fleet.get_item(Key={"id": instance_id}, ConsistentRead=True).get("Item", {})
        decided = Machine.model_validate(machine).stop_decided_at_ms
        return lease.claimed_at_ms - STOP_SEEN_MS <= decided <= lease.lease_until_ms

    def adopt(self, claim: Claim, newest: ObjectVersion) -> Claim:
        """Switches the claim to the bytes that have replaced the claimed ones. Raises LeaseLost."""
        declared = {"said_seconds": newest.seconds, "started_at_ms": newest.started_at_ms, "overlap_ms": newest.overlap_ms}
        known = {name: Decimal(str(value)) for name, value in declared.items() if value is not None}
        unknown = [name for name, value in declared.items() if value is None]
        expression = updating(("etag = :newest", "size_bytes = :size", *assigned(known)), unknown)
        self._update(claim, expression, {":newest": newest.etag, ":size": newest.size_bytes, **placeholders(known)})
        return replace(claim, etag=newest.etag, overlap_ms=newest.overlap_ms, started_at_ms=newest.started_at_ms)

    def mark_alone(self, claim: Claim) -> None:
        """Marks the chunk as transcribed alone. Raises LeaseLost."""
        self._update(claim, updating(("alone = :yes",)), {":yes": True})

    def renew(self, claim: Claim, progress: float = 0.0) -> None:
        """Extends the lease, and stores `progress` (0 to 1) if it exceeds the claim's. Raises LeaseLost."""
        changes = ["lease_until_ms = :until"]
        values: dict[str, Value] = {":until": now_ms() + self._lease_ms}
        if progress > claim.progress:
            changes.append("progress = :progress")
            values[":progress"] = Decimal(f"{progress:.4f}")
        self._update(claim, updating(changes), values)

    def find_result(self, content_key: str) -> CommittedResult | None:
        """The user's committed chunk with this content, in any session; None if there is none."""
        found = self._table.query(
            IndexName=CONTENT_INDEX,
            KeyConditionExpression="content_key = :content",
            ExpressionAttributeValues={":content": content_key},
            Limit=1,
        )["Items"]
        return CommittedResult.model_validate(found[0]) if found else None

    def commit(
        self,
        claim: Claim,
        result_key: str,
        raw_text: str,
        duration_s: float,
        content_key: str | None = None,
        peaks: str | None = None,
        stream_start: int | None = None,
        reused: bool = False,
    ) -> None:
        """Writes the result to the row and the usage to the ledger, in one transaction. Raises LeaseLost.

        `content_key` lets later chunks with the same content reuse the result; a `reused` result counts as 0 s of usage.
        """
        optional = {"content_key": content_key, "peaks": peaks, "stream_start": stream_start}
        also: dict[str, Value] = {name: value for name, value in optional.items() if value}
        committed_at = now_ms()
        done = {
            ":done": "done",
            ":text": raw_text,
            ":duration": Decimal(str(duration_s)),
            ":now": committed_at,
            ":result": result_key,
            **placeholders(also),
        }
        update: Update = {
            "Key": claim.key,
            "UpdateExpression": updating(
                (
                    "#state = :done",
                    "raw_text = :text",
                    "duration_seconds = :duration",
                    "transcribed_at_ms = :now",
                    "result_key = :result",
                    *assigned(also),
                ),
                ("pending_shard", *HOLDER, "error_message", "alone", "corrections_version"),
            ),
            "ConditionExpression": HELD_BY_US,
            "ExpressionAttributeNames": NAMES,
            "ExpressionAttributeValues": {**_held_values(claim), **done},
        }
        usage: dict[str, Value] = {
            "usage_id": f"{claim.session_id}#{claim.chunk_number}#{claim.fence}",
            "user_id": claim.user_id,
            "session_id": claim.session_id,
            "chunk_number": claim.chunk_number,
            "audio_seconds": Decimal(0 if reused else str(duration_s)),
            **({"reused": True} if reused else {}),
            "instance_id": self.worker_id.split("/")[0],
            "worker_mb": round(peak_mb()),
            **self._worker,
            "at_ms": committed_at,
            "day": time.strftime("use#%Y-%m-%d", time.gmtime(committed_at / 1000)),
        }
        put: PutTypeDef = {
            "TableName": self._ledger_table,
            "Item": usage,
            "ConditionExpression": "attribute_not_exists(usage_id)",
        }
        try:
            self._client.transact_write_items(TransactItems=[in_transaction(self._chunks_table, update), {"Put": put}])
        except ClientError as error:
            if "ConditionalCheckFailed" in cancellation_codes(error):
                if self._is_committed(claim):
                    return  # an earlier response was lost after the write succeeded
                raise LeaseLost from error
            raise

    def fail(self, claim: Claim, reason: str, permanent: bool) -> float | None:
        """Records a failed attempt; returns the delay in seconds before the next one; None: permanently failed."""
        if permanent or claim.attempts >= MAX_ATTEMPTS:
            self._die(claim, reason[:MAX_ERROR_LENGTH])
            return None
        delay_s = RETRY_DELAYS_SECONDS[claim.attempts - 1]
        self._update(
            claim,
            updating((*PENDING, "error_message = :error", "next_attempt_at_ms = :next"), HOLDER),
            {":error": reason[:MAX_ERROR_LENGTH], ":pending": "pending", ":next": now_ms() + delay_s * 1000},
        )
        return delay_s

    def release(self, claim: Claim) -> None:
        """Sets a chunk back to pending; the attempt is not counted. Does nothing if the lease is already lost."""
        with suppress(LeaseLost):
            self._update(claim, updating(PENDING, HOLDER, ("attempts :minus",)), {":pending": "pending", ":minus": -1})

    def blame(self, claim: Claim, was_alone: bool, reason: str, killed: bool = False) -> None:
        """Sets a chunk back to pending after its worker process ended; the attempt is not counted.

        If the chunk was alone, counts a death (or a kill, if `killed` from outside). The chunk fails permanently after
        MAX_DEATHS deaths or MAX_KILLS kills.
        """
        deaths = claim.deaths + (1 if was_alone and not killed else 0)
        kills = claim.kills + (1 if was_alone and killed else 0)
        with suppress(LeaseLost):
            if deaths >= MAX_DEATHS or kills >= MAX_KILLS:
                self._die(claim, reason)
            else:
                changes = (*PENDING, "suspect = :yes", "deaths = :deaths", "kills = :kills")
                values: dict[str, Value] = {":pending": "pending", ":minus": -1, ":yes": True}
                values |= {":deaths": deaths, ":kills": kills}
                self._update(claim, updating(changes, HOLDER, ("attempts :minus",)), values)

    def _die(self, claim: Claim, reason: str) -> None:
        self._update(claim, updating(DEAD, ("pending_shard", *HOLDER)), {":dead": "dead", ":error": reason})

    def _is_committed(self, claim: Claim) -> bool:
        lease = self._read(claim.key)
        return lease is not None and (lease.state, lease.fence, lease.etag) == ("done", claim.fence, claim.etag)

    def _update(self, claim: Claim, expression: str, values: Mapping[str, Value]) -> None:
        try:
            self._table.update_item(
                Key=claim.key,
                UpdateExpression=expression,
                ConditionExpression=HELD_BY_US,
                ExpressionAttributeNames=NAMES,
                ExpressionAttributeValues={**_held_values(claim), **values},
            )
        except ClientError as error:
            if _condition_failed(error):
                raise LeaseLost from error
            raise


def _held_values(claim: Claim) -> dict[str, Value]:
    return {":leased": "leased", ":fence": claim.fence, ":etag": claim.etag}


def _condition_failed(error: ClientError) -> bool:
    codes = (error_code(error), *cancellation_codes(error)[:1])
    return "ConditionalCheckFailedException" in codes or "ConditionalCheckFailed" in codes
