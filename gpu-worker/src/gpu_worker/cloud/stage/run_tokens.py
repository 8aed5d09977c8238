"""Determines who needs this machine, and reports to the runs that wait for it.

Steps of a run: it waits with `ready_token` until the model is loaded, then with `drain_token` until the lanes are empty.

Gotchas:
- A run needs the machine only while Step Functions accepts its token. A rejected token is dropped, because its run has
  ended, even if the fleet row still lists the run as a holder.
- Admins, and the reaper after an adoption, need the machine until their deadline in its fleet row.
- A stop is decided when the machine's row is `draining`, or its fence has grown since this process started.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import structlog
from botocore.exceptions import ClientError

from gpu_worker.cloud.stage.aws import error_code
from gpu_worker.cloud.stage.rows import Machine, Pool, Tokens

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table
    from types_boto3_stepfunctions import SFNClient

log = structlog.get_logger()

EXPIRED_TOKEN_ERRORS: Final = frozenset({"TaskDoesNotExist", "TaskTimedOut", "InvalidToken"})
REFRESH_SECONDS: Final = 1.0
HEARTBEAT_SECONDS: Final = 15.0
"""Shortest time between two heartbeats."""
MAX_CAUSE_LENGTH: Final = 200


class RunTokens:
    """The two task tokens of one machine."""

    def __init__(self, table: Table, sfn: SFNClient, instance_id: str) -> None:
        self._table = table
        self._sfn = sfn
        self._instance_id = instance_id
        self._spent: set[str] = set()
        self._drain: str | None = None
        self._read_at = -REFRESH_SECONDS
        self._beat_at = 0.0
        self._fence: int | None = None
        self._machine = Machine()

    def refresh(self) -> None:
        """Reads the row, at most once a second; reports ready if a run waits for that."""
        if time.monotonic() - self._read_at < REFRESH_SECONDS:
            return
        self._read_at = time.monotonic()
        self._machine = Machine.model_validate(self._get(self._instance_id))
        if self._fence is None:
            self._fence = self._machine.fence
        ready, drain = self._read()
        if ready is not None:
            self._succeed(ready, {"ready": True})
            self._spent.add(ready)
        if drain != self._drain:
            self._drain, self._beat_at = drain, 0.0

    @property
    def held(self) -> bool:
        """Whether a run waits for this machine to drain the lanes. Only then is anything claimed."""
        return self._drain is not None

    @property
    def is_needed(self) -> bool:
        """Whether a run, an admin or the reaper needs this machine."""
        now_ms = time.time() * 1000
        return self.held or any(
            until > now_ms and holder.startswith(("person:", "adopted")) for holder, until in self._machine.holders.items()
        )

    @property
    def stop_decided(self) -> bool:
        """Whether a stop was decided: the machine is draining, or the fence has grown since this process started."""
        return self._machine.state == "draining" or self._machine.fence > (self._fence or 0)

    def heartbeat(self) -> None:
        """Reports to the run that the worker does not hang. Called by the worker's thread only."""
        if self._drain is None or time.monotonic() - self._beat_at < HEARTBEAT_SECONDS:
            return
        self._beat_at = time.monotonic()
        token = self._drain
        if not self._send("send_task_heartbeat", lambda: self._sfn.send_task_heartbeat(taskToken=token)):
            self._drop()

    def drained(self, seen_seq: int) -> None:
        """Reports that the lanes are empty. `seen_seq`: value of the `wanted` counter before they were checked."""
        if self._drain is not None:
            self._succeed(self._drain, {"seenSeq": seen_seq})
            self._drop()

    def failed(self, error: str, reason: str) -> None:
        """Reports to a waiting run that this machine cannot work. `error`: name without spaces."""
        for token in self._read():
            if token is not None:
                self._fail(token, error, reason[:MAX_CAUSE_LENGTH])
                self._spent.add(token)
        self._drop()

    def wanted_seq(self) -> int:
        """The `wanted` counter, read with strong consistency."""
        return Pool.model_validate(self._get("pool")).wanted_seq

    def _read(self) -> tuple[str | None, str | None]:
        tokens = Tokens.model_validate(self._get(f"tokens#{self._instance_id}"))
        ready, drain = tokens.ready_token, tokens.drain_token
        return (None if ready in self._spent else ready), (None if drain in self._spent else drain)

    def _get(self, row_id: str) -> Mapping[str, object]:
        return self._table.get_item(Key={"id": row_id}, ConsistentRead=True).get("Item", {})

    def _drop(self) -> None:
        if self._drain is not None:
            self._spent.add(self._drain)
        self._drain = None

    def _succeed(self, token: str, output: Mapping[str, object]) -> None:
        self._send("send_task_success", lambda: self._sfn.send_task_success(taskToken=token, output=json.dumps(output)))

    def _fail(self, token: str, error: str, cause: str) -> None:
        self._send("send_task_failure", lambda: self._sfn.send_task_failure(taskToken=token, error=error, cause=cause))

    def _send(self, operation: str, send: Callable[[], object]) -> bool:
        """Reports to a run; returns False if Step Functions no longer accepts the token."""
        try:
            send()
        except ClientError as error:
            if error_code(error) in EXPIRED_TOKEN_ERRORS:
                log.info("task token is no longer valid", operation=operation)
                return False
            raise
        return True
