"""Chunk rows in DynamoDB: claim, renew, commit, fail, release. The row decides; a message is only a hint.

Every write after the claim carries the claim's fence: a worker that was paused and whose lease went to another is refused.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from botocore.exceptions import ClientError

from gpu_worker.gate import Gate
from gpu_worker.memory import peak_mb

MAX_ATTEMPTS: Final = 3
RETRY_DELAYS_SECONDS: Final = (30, 120)
"""Wait before the second and the third attempt."""
MAX_ERROR_LENGTH: Final = 500

FILE_PREFIX: Final = "job_"
"""Rows of uploaded files: number 0 is the whole file, the others are its parts."""
MAX_DEATHS: Final = 2
"""Workers that may die while they hold a chunk alone; what kills two would kill the third."""
MAX_KILLS: Final = 5
"""Workers that may be killed from outside meanwhile. A limit all the same: a kill can be memory's, and nobody says so."""
GATE_SECONDS: Final = 5.0
"""Wait after a claim that met a recorder who had locked in this very moment."""
STOP_SEEN_MS: Final = 3000
"""A worker notices within this time that its machine is being stopped, and claims nothing more."""

CLAIMABLE: Final = "#state = :pending AND next_attempt_at_ms <= :now AND attempts < :max"
HELD_BY_US: Final = "#state = :leased AND fence = :fence AND etag = :etag"
STILL_ABANDONED: Final = "#state = :leased AND fence = :fence AND lease_until_ms = :lease"
LEASE: Final = "SET #state = :leased, lease_until_ms = :until, worker_id = :worker, claimed_at_ms = :now, alone = :no"
DEAD: Final = (
    "SET #state = :dead, dead_shard = :dead, error_message = :error REMOVE pending_shard, lease_until_ms, worker_id"
)
PENDING: Final = "SET #state = :pending REMOVE lease_until_ms, worker_id"
SAME_CONTENT: Final = "by-content"
"""Sparse index of results by their content key."""
DEADLY: Final = "the worker ended twice while it transcribed nothing but this chunk"


class GateClosed(Exception):
    """Somebody records: the backlog waits."""


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
    suspect: bool
    """A worker has died while it held this chunk: it goes alone."""
    deaths: int
    kills: int
    diarize: bool = False
    """Speakers are wanted."""
    model: str | None = None
    """Another model than the worker's own."""
    prompt: str | None = None
    """Text that the recording is taken to follow."""
    hotwords: str | None = None
    """Words to listen for."""
    compress: bool = False
    """The file is also to be kept compressed."""
    progress: float = 0.0
    """How far anybody has come with it, between 0 and 1."""

    @property
    def of_file(self) -> bool:
        """Whether it belongs to an uploaded file and not to a recording."""
        return self.session_id.startswith(FILE_PREFIX)

    @property
    def is_source(self) -> bool:
        """Whether it is a whole file that has to be cut into parts."""
        return self.of_file and self.chunk_number == 0

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

    def __init__(
        self,
        dynamodb: Any,  # noqa: ANN401 - boto3 has no types
        chunks_table: str,
        ledger_table: str,
        fleet_table: str,
        worker_id: str,
        lease_s: float = 60,
        gate: Gate | None = None,
        worker: Mapping[str, str] | None = None,
    ) -> None:
        """`worker_id` begins with the instance's id and a slash; `worker` is what the ledger tells of this one besides."""
        self._table = dynamodb.Table(chunks_table)
        self._fleet = dynamodb.Table(fleet_table)
        self._client = dynamodb.meta.client
        self._chunks_table = chunks_table
        self._ledger_table = ledger_table
        self._worker_id = worker_id
        self._lease_ms = int(lease_s * 1000)
        self._gate = gate
        self._worker = dict(worker or {})

    def claim(self, session_id: str, chunk_number: int, backlog: bool = False) -> Claim | NotClaimed:
        """Takes the lease of a chunk that waits, or whose lease has run out; of the backlog only while the gate is open."""
        now = now_ms()
        key = {"session_id": session_id, "chunk_number": chunk_number}
        try:
            values = {":pending": "pending", ":max": MAX_ATTEMPTS}
            return self._lease(key, now, f"{LEASE} ADD fence :one, attempts :one", CLAIMABLE, values, backlog)
        except GateClosed:
            return NotClaimed(retry_in_s=GATE_SECONDS)
        except ClientError as error:
            if not _condition_failed(error):
                raise
        row = self._table.get_item(Key=key, ConsistentRead=True).get("Item")
        if row is None or row["state"] in ("done", "dead"):
            return NotClaimed(retry_in_s=None)
        free_at = int(row.get("lease_until_ms", 0)) if row["state"] == "leased" else int(row.get("next_attempt_at_ms", 0))
        if row["state"] == "leased" and free_at <= now:
            return self._take_over(key, row, now, backlog)
        return NotClaimed(retry_in_s=max(1.0, (free_at - now) / 1000))

    def _lease(
        self, key: Mapping[str, Any], now: int, expression: str, condition: str, values: Mapping[str, Any], backlog: bool
    ) -> Claim:
        update = {
            "Key": key,
            "UpdateExpression": expression,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": {
                ":leased": "leased",
                ":until": now + self._lease_ms,
                ":worker": self._worker_id,
                ":no": False,
                ":one": 1,
                ":now": now,
                **values,
            },
        }
        if self._gate is None or not backlog:
            return _claim_of(self._table.update_item(**update, ReturnValues="ALL_NEW")["Attributes"])
        items = [{"Update": {"TableName": self._chunks_table, **update}}, self._gate.check(now)]
        try:
            self._client.transact_write_items(TransactItems=items)
        except ClientError as error:
            reasons = [reason.get("Code") for reason in error.response.get("CancellationReasons", [])]
            if reasons and reasons[0] != "ConditionalCheckFailed":
                raise GateClosed from error  # or somebody locks at this moment, which comes to the same
            raise
        row = self._table.get_item(Key=key, ConsistentRead=True)["Item"]
        if row.get("worker_id") != self._worker_id:
            raise GateClosed  # somebody has taken it over already
        return _claim_of(row)

    def left_by(self, worker_id: str, session_id: str, chunk_number: int) -> tuple[Claim, bool] | None:
        """What a worker that is gone still holds of this chunk, and whether it was alone; None when it holds nothing."""
        key = {"session_id": session_id, "chunk_number": chunk_number}
        row = self._table.get_item(Key=key, ConsistentRead=True).get("Item", {})
        if row.get("state") != "leased" or row.get("worker_id") != worker_id:
            return None
        return _claim_of(row), bool(row.get("alone", False))

    def _take_over(self, key: Mapping[str, Any], row: Mapping[str, Any], now: int, backlog: bool) -> Claim | NotClaimed:
        """The holder has said nothing for a lease: it was stopped on purpose, or it died, perhaps of this chunk.

        The claim takes the place of the one that was lost, so it costs no attempt. Only a death while the chunk was alone
        with its worker is held against it.
        """
        stopped = self._was_stopped(row)
        deaths = int(row.get("deaths", 0)) + (1 if row.get("alone") and not stopped else 0)
        abandoned = {":fence": row["fence"], ":lease": row["lease_until_ms"]}
        try:
            if deaths >= MAX_DEATHS:
                values = {**abandoned, ":leased": "leased", ":deaths": deaths, ":dead": "dead", ":error": DEADLY}
                self._table.update_item(
                    Key=key,
                    UpdateExpression=DEAD.replace("SET", "SET deaths = :deaths,"),
                    ConditionExpression=STILL_ABANDONED,
                    ExpressionAttributeNames={"#state": "state"},
                    ExpressionAttributeValues=values,
                )
                return NotClaimed(retry_in_s=None)
            suspect = bool(row.get("suspect", False)) or not stopped
            expression = f"{LEASE}, deaths = :deaths, suspect = :suspect ADD fence :one"
            values = {**abandoned, ":deaths": deaths, ":suspect": suspect}
            return self._lease(key, now, expression, STILL_ABANDONED, values, backlog)
        except GateClosed:
            return NotClaimed(retry_in_s=GATE_SECONDS)
        except ClientError as error:
            if _condition_failed(error):
                return NotClaimed(retry_in_s=1.0)  # somebody else has taken it over
            raise

    def _was_stopped(self, row: Mapping[str, Any]) -> bool:
        """Whether the holder's machine was being stopped while it held the chunk: then its end says nothing of the chunk."""
        instance_id = str(row.get("worker_id", "")).split("/")[0]
        if not instance_id:
            return False
        instance = self._fleet.get_item(Key={"id": instance_id}, ConsistentRead=True).get("Item", {})
        decided = int(instance.get("stop_decided_at_ms", 0))
        return int(row.get("claimed_at_ms", 0)) - STOP_SEEN_MS <= decided <= int(row["lease_until_ms"])

    def goes_alone(self, claim: Claim) -> None:
        """Notes that the worker now holds this chunk in its hands and no other; raises LeaseLost."""
        self._update(claim, "SET alone = :yes", {":yes": True})

    def renew(self, claim: Claim, progress: float = 0.0) -> None:
        """Pushes the lease's end out, and notes progress that is more than anybody has made; raises LeaseLost."""
        expression = "SET lease_until_ms = :until"
        values: dict[str, Any] = {":until": now_ms() + self._lease_ms}
        if progress > claim.progress:
            expression += ", progress = :progress"
            values[":progress"] = Decimal(f"{progress:.4f}")
        self._update(claim, expression, values)

    def result_of_same(self, content_key: str) -> tuple[str, str | None] | None:
        """Key of a committed result, and peaks, of the same bytes of the same user in any session; None without any."""
        found = self._table.query(
            IndexName=SAME_CONTENT,
            KeyConditionExpression="content_key = :content",
            ExpressionAttributeValues={":content": content_key},
            Limit=1,
        )["Items"]
        return (str(found[0]["result_key"]), found[0].get("peaks")) if found else None

    def commit(
        self,
        claim: Claim,
        result_key: str,
        raw_text: str,
        duration_s: float,
        content_key: str | None = None,
        peaks: str | None = None,
        reused: bool = False,
    ) -> None:
        """Result and usage become true together, or not at all; raises LeaseLost.

        `content_key` makes the result one to be used again; one that was `reused` costs nothing.
        """
        more = {"content_key": content_key, "peaks": peaks}
        also = {name: value for name, value in more.items() if value}
        committed_at = now_ms()
        done = {
            ":done": "done",
            ":text": raw_text,
            ":duration": Decimal(str(duration_s)),
            ":now": committed_at,
            ":result": result_key,
            **{f":{name}": value for name, value in also.items()},
        }
        update = {
            "TableName": self._chunks_table,
            "Key": claim.key,
            "UpdateExpression": (
                "SET #state = :done, raw_text = :text, duration_seconds = :duration, transcribed_at_ms = :now,"
                f" result_key = :result{''.join(f', {name} = :{name}' for name in also)}"
                " REMOVE pending_shard, lease_until_ms, worker_id, error_message, alone"
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
            "audio_seconds": Decimal(0 if reused else str(duration_s)),
            **({"reused": True} if reused else {}),
            "instance_id": self._worker_id.split("/")[0],
            "worker_mb": round(peak_mb()),
            **self._worker,
            "at_ms": committed_at,
            "day": time.strftime("use#%Y-%m-%d", time.gmtime(committed_at / 1000)),
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
            self._update(claim, DEAD, dead)
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
        with suppress(LeaseLost):
            self._update(claim, f"{PENDING} ADD attempts :minus", {":pending": "pending", ":minus": -1})

    def blame(self, claim: Claim, was_alone: bool, reason: str, killed: bool = False) -> None:
        """Gives a chunk back with which the worker could not go on: no attempt, but a death, or a kill from outside."""
        deaths = claim.deaths + (1 if was_alone and not killed else 0)
        kills = claim.kills + (1 if was_alone and killed else 0)
        with suppress(LeaseLost):
            if deaths >= MAX_DEATHS or kills >= MAX_KILLS:
                self._update(claim, DEAD, {":dead": "dead", ":error": reason})
            else:
                marked = PENDING.replace(" REMOVE", ", suspect = :yes, deaths = :deaths, kills = :kills REMOVE")
                values = {":pending": "pending", ":minus": -1, ":yes": True, ":deaths": deaths, ":kills": kills}
                self._update(claim, f"{marked} ADD attempts :minus", values)

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


def _claim_of(row: Mapping[str, Any]) -> Claim:
    return Claim(
        session_id=row["session_id"],
        chunk_number=int(row["chunk_number"]),
        user_id=row["user_id"],
        object_key=row["object_key"],
        etag=row["etag"],
        fence=int(row["fence"]),
        attempts=int(row["attempts"]),
        language=row.get("language"),
        suspect=bool(row.get("suspect", False)),
        deaths=int(row.get("deaths", 0)),
        kills=int(row.get("kills", 0)),
        diarize=bool(row.get("diarize", False)),
        model=row.get("model"),
        prompt=row.get("prompt"),
        hotwords=row.get("hotwords"),
        compress=bool(row.get("compress", False)),
        progress=float(row.get("progress", 0)),
    )


def _held(claim: Claim) -> dict[str, Any]:
    return {":leased": "leased", ":fence": claim.fence, ":etag": claim.etag}


def _condition_failed(error: ClientError) -> bool:
    reasons = error.response.get("CancellationReasons") or [{}]
    codes = (error.response["Error"]["Code"], reasons[0].get("Code"))
    return "ConditionalCheckFailedException" in codes or "ConditionalCheckFailed" in codes
