"""DynamoDB expressions of chunk rows: named conditions, and update expressions composed from clauses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final, TypedDict

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

Value = str | int | bool | Decimal
Key = Mapping[str, str | int]


class Update(TypedDict):
    """A conditional update of one row."""

    Key: Key
    UpdateExpression: str
    ConditionExpression: str
    ExpressionAttributeNames: Mapping[str, str]
    ExpressionAttributeValues: Mapping[str, Value]


def in_transaction(table: str, update: Update) -> TransactWriteItemTypeDef:
    """The update as a part of a transaction."""
    return {
        "Update": {
            "TableName": table,
            "Key": update["Key"],
            "UpdateExpression": update["UpdateExpression"],
            "ConditionExpression": update["ConditionExpression"],
            "ExpressionAttributeNames": update["ExpressionAttributeNames"],
            "ExpressionAttributeValues": update["ExpressionAttributeValues"],
        }
    }


NAMES: Final = {"#state": "state"}
"""`state` is a reserved word."""

CLAIMABLE: Final = "#state = :pending AND next_attempt_at_ms <= :now AND attempts < :max"
HELD_BY_US: Final = "#state = :leased AND fence = :fence AND etag = :etag"
STILL_ABANDONED: Final = "#state = :leased AND fence = :fence AND lease_until_ms = :lease"

LEASED: Final = (
    "#state = :leased",
    "lease_until_ms = :until",
    "worker_id = :worker",
    "claimed_at_ms = :now",
    "alone = :no",
)
DEAD: Final = ("#state = :dead", "dead_shard = :dead", "error_message = :error")
PENDING: Final = ("#state = :pending",)
HOLDER: Final = ("lease_until_ms", "worker_id")
"""Attributes of the holder, removed when a claim ends."""


def updating(put: Iterable[str], remove: Sequence[str] = (), add: Sequence[str] = ()) -> str:
    """An update expression from its clauses."""
    clauses = {"SET": list(put), "REMOVE": remove, "ADD": add}
    return " ".join(f"{name} {', '.join(parts)}" for name, parts in clauses.items() if parts)


def assigned(attributes: Iterable[str]) -> list[str]:
    """Clauses that set attributes to the placeholders of the same name."""
    return [f"{name} = :{name}" for name in attributes]


def placeholders(attributes: Mapping[str, Value]) -> dict[str, Value]:
    """Values for these placeholders."""
    return {f":{name}": value for name, value in attributes.items()}
