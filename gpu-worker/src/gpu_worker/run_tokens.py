"""Who holds this machine: a run by its task tokens, anybody else by the machine's row.

A run waits twice: for `ready_token` (the model is loaded) and for `drain_token` (the lanes are empty). A token that the
workflow does not know any more is dropped: that run is over, whatever the row says. So runs count by their tokens only;
people, and the reaper that adopts a machine, count by their deadline in the row.
"""

from __future__ import annotations

import json
import time
from typing import Any, Final

import structlog
from botocore.exceptions import ClientError

log = structlog.get_logger()

DEAD_TOKEN_ERRORS: Final = frozenset({"TaskDoesNotExist", "TaskTimedOut", "InvalidToken"})
REFRESH_SECONDS: Final = 1.0
IDLE_HEARTBEAT_SECONDS: Final = 15.0
MAX_CAUSE_LENGTH: Final = 200


class RunTokens:
    """The two tokens of one machine's row; clock in seconds, monotonic."""

    def __init__(self, table: Any, sfn: Any, instance_id: str) -> None:  # noqa: ANN401 - boto3 has no types
        self._table = table
        self._sfn = sfn
        self._instance_id = instance_id
        self._spent: set[str] = set()
        self._drain: str | None = None
        self._read_at = -REFRESH_SECONDS
        self._beat_at = 0.0
        self._fence: int | None = None
        self._row: dict[str, Any] = {}

    def refresh(self) -> None:
        """Reads the row, at most once a second, and reports ready to a run that waits for it."""
        if time.monotonic() - self._read_at < REFRESH_SECONDS:
            return
        self._read_at = time.monotonic()
        self._row = self._get(self._instance_id)
        if self._fence is None:
            self._fence = int(self._row.get("fence", 0))
        ready, drain = self._read()
        if ready is not None:
            self._send("send_task_success", ready, output=json.dumps({"ready": True}))
            self._spent.add(ready)
        if drain != self._drain:
            self._drain, self._beat_at = drain, 0.0

    @property
    def held(self) -> bool:
        """Whether a run wants the lanes drained by this machine: only then is anything claimed."""
        return self._drain is not None

    @property
    def wanted(self) -> bool:
        """Whether anybody needs this machine: a run that waits for it, a person, or the reaper that looks after it."""
        now_ms = time.time() * 1000
        holders = self._row.get("holders", {}).items()
        return self.held or any(
            float(until) > now_ms and holder.startswith(("person:", "adopted")) for holder, until in holders
        )

    @property
    def stop_decided(self) -> bool:
        """Whether the machine is to stop: decided after this process began, or not yet confirmed."""
        return self._row.get("state") == "draining" or int(self._row.get("fence", 0)) > (self._fence or 0)

    def heartbeat(self) -> None:
        """Tells the run that work progresses, or that there truly is none; never called from a side thread."""
        if self._drain is None or time.monotonic() - self._beat_at < IDLE_HEARTBEAT_SECONDS:
            return
        self._beat_at = time.monotonic()
        if not self._send("send_task_heartbeat", self._drain):
            self._drop()

    def drained(self, seen_seq: int) -> None:
        """Ends the drain: the lanes were empty, and wishes up to `seen_seq` were looked for."""
        if self._drain is not None:
            self._send("send_task_success", self._drain, output=json.dumps({"seenSeq": seen_seq}))
            self._drop()

    def failed(self, error: str, reason: str) -> None:
        """Tells a run that waits for this machine that it cannot work; `error` is a name without spaces."""
        for token in self._read():
            if token is not None:
                self._send("send_task_failure", token, error=error, cause=reason[:MAX_CAUSE_LENGTH])
                self._spent.add(token)
        self._drop()

    def wanted_seq(self) -> int:
        """Newest wish for work, strongly consistent."""
        return int(self._get("pool").get("wanted_seq", 0))

    def _read(self) -> tuple[str | None, str | None]:
        row = self._get(f"tokens#{self._instance_id}")
        ready, drain = row.get("ready_token"), row.get("drain_token")
        return (None if ready in self._spent else ready), (None if drain in self._spent else drain)

    def _get(self, row_id: str) -> dict[str, Any]:
        return dict(self._table.get_item(Key={"id": row_id}, ConsistentRead=True).get("Item", {}))

    def _drop(self) -> None:
        if self._drain is not None:
            self._spent.add(self._drain)
        self._drain = None

    def _send(self, operation: str, token: str, **arguments: str) -> bool:
        try:
            getattr(self._sfn, operation)(taskToken=token, **arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] in DEAD_TOKEN_ERRORS:
                log.info("token is dead", operation=operation)
                return False
            raise
        return True
