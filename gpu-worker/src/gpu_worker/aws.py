"""AWS clients of the worker, with one retry policy.

boto3 retries throttles, errors of the server and lost connections. It does not retry DynamoDB's conflicts: a write that met
another transaction was not applied, and says nothing about its condition.
"""

from __future__ import annotations

import random
from typing import Any, Final

import boto3
from botocore.config import Config

MAX_ATTEMPTS: Final = 6
FIRST_LIMIT_SECONDS: Final = 0.05
"""The wait before each retry is random, up to a limit that starts here and doubles."""
RETRIES: Final = Config(retries={"mode": "standard", "total_max_attempts": MAX_ATTEMPTS})
PASSING: Final = frozenset(
    {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded", "RequestLimitExceeded"}
)
"""Reasons of a canceled transaction for which it is tried again."""


def client(name: str) -> Any:  # noqa: ANN401 - boto3 has no types
    """A client of an AWS service."""
    return boto3.client(name, config=RETRIES)


def dynamodb() -> Any:  # noqa: ANN401 - boto3 has no types
    """DynamoDB's tables."""
    resource = boto3.resource("dynamodb", config=RETRIES)
    resource.meta.client.meta.events.register_first("needs-retry.dynamodb", _delay_after_conflict)
    return resource


def _delay_after_conflict(attempts: int, response: tuple[Any, dict[str, Any]] | None, **_: object) -> float | None:
    """Seconds until the next attempt, or None if botocore's own policy decides."""
    if response is None or attempts >= MAX_ATTEMPTS or not _is_conflict(response[1]):
        return None
    return random.uniform(0, FIRST_LIMIT_SECONDS * 2**attempts)


def _is_conflict(parsed: dict[str, Any]) -> bool:
    code = parsed.get("Error", {}).get("Code")
    reasons = {reason.get("Code", "None") for reason in parsed.get("CancellationReasons", [])} - {"None"}
    return code == "TransactionConflictException" or (
        code == "TransactionCanceledException" and bool(reasons) and reasons <= PASSING
    )
