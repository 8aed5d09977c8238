"""The gate between recordings and the backlog: while it is closed, no backlog is claimed.

It is one row of the batch table, written by core/batch-lock/lock.ts. The gate is open while no recording is live
(`live_until_ms`), or while the batch may run beside recordings, with lower priority (`behind_live_until_ms`).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from gpu_worker.cloud.stage.rows import GateTimes

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBServiceResource
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

REFRESH_SECONDS: Final = 1.0
KEY: Final = {"kind": "gate", "id": "gate"}
OPEN: Final = "attribute_not_exists(id) OR live_until_ms <= :now OR behind_live_until_ms > :now"


class Gate:
    """The gate's row, cached for a second."""

    def __init__(self, dynamodb: DynamoDBServiceResource, table: str) -> None:
        self._table = dynamodb.Table(table)
        self._name = table
        self._read_at = -REFRESH_SECONDS
        self._open = False

    def is_open(self) -> bool:
        """Whether backlog may be claimed. May be a second old; the claim checks again."""
        if time.monotonic() - self._read_at >= REFRESH_SECONDS:
            self._read_at = time.monotonic()
            times = GateTimes.model_validate(self._table.get_item(Key=KEY, ConsistentRead=True).get("Item", {}))
            now_ms = time.time() * 1000
            self._open = times.live_until_ms <= now_ms or times.behind_live_until_ms > now_ms
        return self._open

    def check(self, now_ms: int) -> TransactWriteItemTypeDef:
        """A check for the claim's transaction; it fails while the gate is closed. `now_ms`: Unix time in milliseconds."""
        return {
            "ConditionCheck": {
                "TableName": self._name,
                "Key": KEY,
                "ConditionExpression": OPEN,
                "ExpressionAttributeValues": {":now": now_ms},
            }
        }
