"""AWS clients of the worker, with one retry policy.

boto3 retries throttles, errors of the server and lost connections. It does not retry DynamoDB's conflicts: a write that met
another transaction was not applied, and says nothing about its condition.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypedDict

import boto3
import structlog
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBServiceResource
    from types_boto3_s3 import S3Client
    from types_boto3_sqs import SQSClient
    from types_boto3_stepfunctions import SFNClient

log = structlog.get_logger()

AWS_ERRORS: Final = (ClientError, BotoCoreError)
MAX_ATTEMPTS: Final = 6
FIRST_LIMIT_SECONDS: Final = 0.05
"""The wait before each retry is random, up to a limit that starts here and doubles."""
RETRIES: Final = Config(retries={"mode": "standard", "total_max_attempts": MAX_ATTEMPTS})
PASSING: Final = frozenset(
    {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded", "RequestLimitExceeded"}
)
"""Reasons of a canceled transaction for which it is tried again."""
THROTTLES: Final = frozenset({"ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded"})
"""Codes of throttled calls whose status is that of the client's own errors, 400."""


class _Coded(TypedDict, total=False):
    Code: str


class _Refusal(TypedDict, total=False):
    """Body of an error response."""

    Error: _Coded
    CancellationReasons: list[_Coded]


def dynamodb() -> DynamoDBServiceResource:
    """DynamoDB's tables."""
    resource = boto3.resource("dynamodb", config=RETRIES)
    events = resource.meta.client.meta.events
    events.register_first("needs-retry.dynamodb", _delay_after_conflict)  # type: ignore[arg-type] # its result is used
    return resource


def s3() -> S3Client:
    """S3's objects."""
    return boto3.client("s3", config=RETRIES)


def sqs() -> SQSClient:
    """SQS's queues."""
    return boto3.client("sqs", config=RETRIES)


def step_functions() -> SFNClient:
    """Step Functions' executions."""
    return boto3.client("stepfunctions", config=RETRIES)


def error_code(error: ClientError) -> str:
    """The code of an error response."""
    return error.response["Error"]["Code"]


def cancellation_codes(error: ClientError) -> list[str]:
    """Reasons of a canceled transaction, one per item and `None` for items without fault; empty for other errors."""
    return [reason.get("Code", "None") for reason in error.response.get("CancellationReasons", [])]


def is_transient(error: Exception) -> bool:
    """Whether AWS failed or refused for the moment; an error of the request itself would only repeat."""
    if not isinstance(error, ClientError):
        return True
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
    if status >= 500 or status == 429 or error_code(error) in THROTTLES:
        return True
    return error_code(error) == "TransactionConflictException" or _is_passing(cancellation_codes(error))


@contextmanager
def tolerated(call: str) -> Iterator[None]:
    """Logs a transient error of a call that is made again later."""
    try:
        yield
    except AWS_ERRORS as error:
        if not is_transient(error):
            raise
        log.warning("AWS failed", call=call, error=str(error))


def _delay_after_conflict(attempts: int, response: tuple[object, _Refusal] | None, **_: object) -> float | None:
    """Seconds until the next attempt, or None if botocore's own policy decides."""
    if response is None or attempts >= MAX_ATTEMPTS or not _is_conflict(response[1]):
        return None
    return random.uniform(0, FIRST_LIMIT_SECONDS * 2**attempts)


def _is_conflict(refusal: _Refusal) -> bool:
    code = refusal.get("Error", {}).get("Code")
    reasons = [reason.get("Code", "None") for reason in refusal.get("CancellationReasons", [])]
    return code == "TransactionConflictException" or (code == "TransactionCanceledException" and _is_passing(reasons))


def _is_passing(reasons: Sequence[str]) -> bool:
    """Whether a transaction was canceled only for reasons for which it is tried again."""
    given = set(reasons) - {"None"}
    return bool(given) and given <= PASSING
