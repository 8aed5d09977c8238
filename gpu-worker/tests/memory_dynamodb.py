"""DynamoDB in memory, for searches of many thousand steps: items, transactions, and the expressions that this worker uses.

The suite of test_chunk_rows.py runs against this and against the emulator, which shows that both agree.
"""

from __future__ import annotations

import copy
import re
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

KEYS = {"chunks": ("session_id", "chunk_number"), "ledger": ("usage_id",), "fleet": ("id",)}
TOKEN = re.compile(r"\s*(attribute_not_exists|AND|OR|<=|>=|<|>|=|\(|\)|[#:]?\w+)")


class Condition:
    """Recursive descent over `a = :b AND (c <= :d OR attribute_not_exists(e))`."""

    def __init__(self, text: str, item: dict[str, Any], names: dict[str, str], values: dict[str, Any]) -> None:
        self._tokens = TOKEN.findall(text)
        self._item, self._names, self._values = item, names, values

    def holds(self) -> bool:
        result = self._either()
        assert not self._tokens, f"unparsed: {self._tokens}"
        return result

    def _either(self) -> bool:
        result = self._both()
        while self._tokens and self._tokens[0] == "OR":
            self._tokens.pop(0)
            result = self._both() or result
        return result

    def _both(self) -> bool:
        result = self._one()
        while self._tokens and self._tokens[0] == "AND":
            self._tokens.pop(0)
            result = self._one() and result
        return result

    def _one(self) -> bool:
        token = self._tokens.pop(0)
        if token == "(":
            result = self._either()
            self._tokens.pop(0)
            return result
        if token == "attribute_not_exists":
            name = self._tokens[1]
            del self._tokens[:3]
            return self._names.get(name, name) not in self._item
        left, operator, right = self._value(token), self._tokens.pop(0), self._value(self._tokens.pop(0))
        if left is None or right is None:
            return False
        compare = {"=": left == right, "<=": left <= right, "<": left < right, ">=": left >= right, ">": left > right}
        return bool(compare[operator])

    def _value(self, token: str) -> Any:
        return self._values[token] if token.startswith(":") else self._item.get(self._names.get(token, token))


def updated(item: dict[str, Any], expression: str, names: dict[str, str], values: dict[str, Any]) -> dict[str, Any]:
    """The item after `SET a = :b, c = :d REMOVE e, f ADD g :h`."""
    new = dict(item)
    parts = re.split(r"\b(SET|REMOVE|ADD)\b", expression)[1:]
    for action, body in zip(parts[::2], parts[1::2], strict=True):
        for clause in (one.strip() for one in body.split(",")):
            if action == "REMOVE":
                new.pop(names.get(clause, clause), None)
                continue
            name, value = clause.split(" = ") if action == "SET" else clause.split()
            name = names.get(name, name)
            new[name] = values[value] if action == "SET" else new.get(name, 0) + values[value]
    return new


def refused(code: str, **more: Any) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}, **more}, "")


class MemoryTable:
    """One table; `items` can be copied and restored."""

    def __init__(self, name: str) -> None:
        self._keys = KEYS[name]
        self.items: dict[tuple[Any, ...], dict[str, Any]] = {}

    def key_of(self, item: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(item[name] for name in self._keys)

    def put_item(self, Item: dict[str, Any]) -> None:  # noqa: N803 - boto3's names
        self.items[self.key_of(Item)] = copy.deepcopy(Item)

    def get_item(self, Key: dict[str, Any], ConsistentRead: bool = False) -> dict[str, Any]:  # noqa: N803
        item = self.items.get(self.key_of(Key))
        return {} if item is None else {"Item": copy.deepcopy(item)}

    def scan(self, ConsistentRead: bool = False) -> dict[str, Any]:  # noqa: N803
        return {"Items": [copy.deepcopy(item) for item in self.items.values()]}

    def allows(self, key: dict[str, Any], condition: str | None, request: dict[str, Any]) -> bool:
        item = self.items.get(self.key_of(key), {})
        names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
        return condition is None or Condition(condition, item, names, values).holds()

    def update_item(self, Key: dict[str, Any], UpdateExpression: str, **request: Any) -> dict[str, Any]:  # noqa: N803
        if not self.allows(Key, request.get("ConditionExpression"), request):
            raise refused("ConditionalCheckFailedException")
        names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
        new = updated({**Key, **self.items.get(self.key_of(Key), {})}, UpdateExpression, names, values)
        self.put_item(new)
        return {"Attributes": copy.deepcopy(new)}


class MemoryDynamoDB:
    """Replaces `boto3.resource("dynamodb")`."""

    def __init__(self) -> None:
        self.tables = {name: MemoryTable(name) for name in KEYS}

    @property
    def meta(self) -> SimpleNamespace:
        return SimpleNamespace(client=self)

    def Table(self, name: str) -> MemoryTable:  # noqa: N802 - boto3's name
        return self.tables[name]

    def transact_write_items(self, TransactItems: list[dict[str, Any]]) -> None:  # noqa: N803
        writes = [(kind, request) for entry in TransactItems for kind, request in entry.items()]
        for kind, request in writes:
            key = request["Key"] if kind == "Update" else request["Item"]
            if not self.tables[request["TableName"]].allows(key, request.get("ConditionExpression"), request):
                raise refused("TransactionCanceledException", CancellationReasons=[{"Code": "ConditionalCheckFailed"}])
        for kind, request in writes:
            table = self.tables[request["TableName"]]
            if kind == "Update":
                table.update_item(**{name: value for name, value in request.items() if name != "TableName"})
            else:
                table.put_item(request["Item"])
