"""Event source mappings of table streams that behave as on AWS.

Each mapping is read independently, with several concurrent batches; records of one key stay in order. A failing batch is split,
retried and finally sent to the failure destination. MiniStack reads all mappings sequentially and retries a failing batch
forever, so one slow or failing batch blocks all others.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

BATCHES_AT_ONCE = 3
"""Concurrent batches per mapping; each uses a process. AWS allows up to the ParallelizationFactor."""
READ_AHEAD = 1000
FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 20.0
FOREVER = -1


@dataclass
class Batch:
    """Records of one invocation. Their keys are in no other active batch."""

    records: list[dict[str, Any]]
    failures: int = 0
    not_before: float = 0.0


@dataclass
class Reader:
    """A mapping's position in its stream, and the records that are read but not finished."""

    position: int
    waiting: list[dict[str, Any]] = field(default_factory=list)
    retries: list[Batch] = field(default_factory=list)
    busy: Counter[str] = field(default_factory=Counter)
    """Keys of batches that are running or waiting for a retry."""
    running: int = 0


def partition_of(record: dict[str, Any]) -> str:
    """The partition key as JSON; its records stay in order."""
    keys = record["dynamodb"]["Keys"]
    return json.dumps(next(iter(keys.values()), None))


def next_batch(reader: Reader, size: int) -> Batch | None:
    """Returns a retry that is due, or the oldest waiting records whose keys are not busy."""
    for batch in reader.retries:
        if batch.not_before <= time.monotonic():
            reader.retries.remove(batch)
            return batch
    taken, left, passed = [], [], set()
    for record in reader.waiting:
        key = partition_of(record)
        if len(taken) < size and key not in reader.busy and key not in passed:
            taken.append(record)
        else:
            passed.add(key)
            left.append(record)
    if not taken:
        return None
    reader.waiting = left
    reader.busy.update({partition_of(record) for record in taken})
    return Batch(taken)


def keep_order(reader: Reader, batch: Batch, halves: list[Batch]) -> None:
    """Finishes a batch and schedules what is left of it; the keys of these parts stay busy."""
    reader.busy.subtract({partition_of(record) for record in batch.records})
    for half in halves:
        reader.busy.update({partition_of(record) for record in half.records})
    reader.busy += Counter()  # drops keys with a count of zero
    reader.retries[:0] = halves


def split(batch: Batch) -> list[Batch]:
    """Splits a batch in two. If possible, the records of a key stay in one half, so that they stay in order."""
    middle = len(batch.records) // 2
    first = {partition_of(record) for record in batch.records[:middle]}
    head = [record for record in batch.records if partition_of(record) in first]
    tail = [record for record in batch.records if partition_of(record) not in first]
    if not tail:
        return [Batch(batch.records)] if middle == 0 else [Batch(batch.records[:middle]), Batch(batch.records[middle:])]
    return [Batch(head), Batch(tail)]


def read_streams_like_aws() -> None:
    """Replaces MiniStack's loop over table streams."""
    from ministack.services import dynamodb, lambda_svc

    readers: dict[str, Reader] = {}
    lock = threading.Lock()
    match = lambda_svc._match_esm_filter

    def match_absent(record: dict[str, Any], pattern: dict[str, Any]) -> bool:
        """Treats a value below an absent attribute as absent."""
        absent = {name: {} for name, below in pattern.items() if isinstance(below, dict)}
        return bool(match({**absent, **record}, pattern))

    lambda_svc._match_esm_filter = match_absent

    def source_of(esm: dict[str, Any]) -> str | None:
        """Name of the table whose current stream the mapping reads; None for other sources."""
        arn = esm.get("EventSourceArn", "")
        if ":dynamodb:" not in arn or "/stream/" not in arn:
            return None
        name = str(arn.split("/stream/")[0].split("/")[-1])
        table = dynamodb._tables.get(name)
        return name if table and table.get("LatestStreamArn") == arn else None

    def read(reader: Reader, esm: dict[str, Any], table: str) -> None:
        room = READ_AHEAD - len(reader.waiting)
        reader.position = max(reader.position, dynamodb.stream_start_position(table))
        records = dynamodb.stream_records_since(table, reader.position, room) if room > 0 else []
        reader.position += len(records)
        reader.waiting += lambda_svc._apply_filter_criteria(records, esm)
        lambda_svc._dynamodb_stream_positions[esm["UUID"]] = reader.position

    def send_to_destination(esm: dict[str, Any], function: Any, batch: Batch, result: dict[str, Any]) -> None:
        arn = esm.get("EventSourceArn", "")
        lambda_svc._send_ddb_stream_failure_record(esm, function, batch.records, arn, result, "RetryAttemptsExhausted")

    def run(reader: Reader, esm: dict[str, Any], function: Any, batch: Batch) -> None:
        halves: list[Batch] = []
        try:
            result = lambda_svc._execute_function(function, {"Records": batch.records})
            if result.get("error"):
                halves = after_failure(esm, function, batch, result)
        finally:
            with lock:
                keep_order(reader, batch, halves)
                reader.running -= 1
            lambda_svc._esm_wake.set()

    def after_failure(esm: dict[str, Any], function: Any, batch: Batch, result: dict[str, Any]) -> list[Batch]:
        lambda_svc.logger.warning(
            "ESM: Lambda %s failed on %d records\n%s", esm["FunctionName"], len(batch.records), result.get("log", "")
        )
        batch.failures += 1
        if esm.get("BisectBatchOnFunctionError") and len(batch.records) > 1:
            return split(batch)
        most = int(esm.get("MaximumRetryAttempts", FOREVER))
        if most != FOREVER and batch.failures > most:
            send_to_destination(esm, function, batch, result)
            return []
        wait = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2**batch.failures)
        return [Batch(batch.records, batch.failures, time.monotonic() + wait)]

    def serve(esm: dict[str, Any]) -> bool:
        table = source_of(esm)
        function, _config = lambda_svc._get_func_record_for_qualifier(esm["FunctionName"], esm.get("Qualifier"))
        if table is None or function is None or not esm.get("Enabled", True):
            return False
        lambda_svc._init_stream_position(esm["UUID"], esm["EventSourceArn"], esm.get("StartingPosition", "LATEST"))
        with lock:
            reader = readers.setdefault(esm["UUID"], Reader(lambda_svc._dynamodb_stream_positions[esm["UUID"]]))
            before = reader.position
            read(reader, esm, table)
            served = reader.position != before
            while reader.running < min(BATCHES_AT_ONCE, int(esm.get("ParallelizationFactor", 1))):
                batch = next_batch(reader, int(esm.get("BatchSize", 100)))
                if batch is None:
                    break
                reader.running += 1
                served = True
                lambda_svc.spawn_background(run, reader, esm, function, batch, thread_name="stream-batch")
        return served

    def poll() -> bool:
        served = False
        for account, region, esm in lambda_svc._iter_all_esms():
            tokens = lambda_svc._request_account_id.set(account), lambda_svc._request_region.set(region)
            try:
                served = serve(esm) or served
            finally:
                lambda_svc._request_account_id.reset(tokens[0])
                lambda_svc._request_region.reset(tokens[1])
        return served

    lambda_svc._poll_dynamodb_streams = poll
