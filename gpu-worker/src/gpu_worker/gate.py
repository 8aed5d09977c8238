"""The gate between recorders and the backlog: while anybody records, no backlog is claimed.

One row of the batch table, written by core/batch-lock/lock.ts; the same rule there as `isGateOpen`.
"""

from __future__ import annotations

import time
from typing import Any, Final

REFRESH_SECONDS: Final = 1.0
KEY: Final = {"kind": "gate", "id": "gate"}
OPEN: Final = "attribute_not_exists(id) OR live_until_ms <= :now OR behind_live_until_ms > :now"


class Gate:
    """Clock in seconds, monotonic."""

    def __init__(self, dynamodb: Any, table: str) -> None:  # noqa: ANN401 - boto3 has no types
        self._table = dynamodb.Table(table)
        self._name = table
        self._read_at = -REFRESH_SECONDS
        self._open = False

    def is_open(self) -> bool:
        """Whether backlog may be claimed, as it was within the last second; the claim itself checks again."""
        if time.monotonic() - self._read_at >= REFRESH_SECONDS:
            self._read_at = time.monotonic()
            row = self._table.get_item(Key=KEY, ConsistentRead=True).get("Item", {})
            now_ms = time.time() * 1000
            self._open = int(row.get("live_until_ms", 0)) <= now_ms or int(row.get("behind_live_until_ms", 0)) > now_ms
        return self._open

    def check(self, now_ms: int) -> dict[str, Any]:
        """Part of the transaction that claims: it fails while the gate is closed."""
        return {
            "ConditionCheck": {
                "TableName": self._name,
                "Key": KEY,
                "ConditionExpression": OPEN,
                "ExpressionAttributeValues": {":now": now_ms},
            }
        }
