"""Fault injection for tests: failing calls, lost events, missing capacity."""

from __future__ import annotations

import json
import os
import random
import re
import threading
import time
from pathlib import Path
from typing import Any


class Faults:
    """Rules of the fault file. It is read again, and its counts restart, whenever it changes.

    {"no_capacity": ["i-1"], "pending_seconds": 3, "stopping_seconds": 3, "stage_throttle": {"rate": 5, "burst": 10},
     "newest_image": "ami-1", "free_bytes": 1000,
     "calls": [{"service": "dynamodb", "action": "TransactWriteItems", "after": 1, "times": 1, "effect": true,
                "error": "conflict | throttle | unavailable"}],
     "conflicts": 0.05,
     "events": [{"detail_type": "Object Created", "about": "chunk-001", "do": "drop | repeat | delay", "times": 1, "seconds": 2}]}

    `calls`: after `after` calls, the next `times` calls return an error (without `error`: InternalServerError); with `effect`,
    they are executed nevertheless. `conflicts`: share of all DynamoDB writes that meet another transaction (default: the
    environment variable CONFLICTS, else 0). `stage_throttle`: calls per second of an API instead of its stage's own limits.
    `events`: applies to events whose JSON contains the text `about`. The EC2 host reads boot_seconds and spot_notice from the
    same file.
    """

    def __init__(self, path: str | None) -> None:
        self._path = Path(path) if path else None
        self._read_at: float | None = None
        self._rules: dict[str, Any] = {}
        self._lock = threading.Lock()

    def get(self, name: str, default: Any) -> Any:
        with self._lock:
            return self._current().get(name, default)

    def take(self, kind: str, text: str = "", **traits: str) -> dict[str, Any] | None:
        """Returns and counts the rule that applies to a call or event; None without a fault. `text` is the whole event."""
        with self._lock:
            for rule in self._current().get(kind, []):
                if any(rule.get(name) != value for name, value in traits.items()) or rule.get("about", "") not in text:
                    continue
                if rule.get("after", 0) > 0:
                    rule["after"] -= 1
                elif rule.get("times", 1) > 0:
                    rule["times"] = rule.get("times", 1) - 1
                    return dict(rule)
            return None

    def _current(self) -> dict[str, Any]:
        try:
            changed_at = self._path.stat().st_mtime if self._path else None
        except FileNotFoundError:
            changed_at = None
        if changed_at != self._read_at:
            self._read_at = changed_at
            self._rules = json.loads(self._path.read_text()) if self._path and changed_at is not None else {}
        return self._rules


WRITES = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems")


def _error(service: str, action: str, kind: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
    """AWS's error response to a call."""
    if service == "s3":
        code = {"throttle": "SlowDown", "unavailable": "ServiceUnavailable"}.get(kind, "InternalError")
        xml = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>Please try again.</Message></Error>'
        return 503, {"Content-Type": "application/xml"}, xml.encode()
    status, answer = 500, {"__type": "InternalServerError", "message": ""}
    if kind == "throttle":
        status, answer = 400, {"__type": "ThrottlingException", "message": "Rate exceeded"}
    elif kind == "conflict" and action == "TransactWriteItems":
        reasons = [{"Code": "None"} for _ in json.loads(body)["TransactItems"]]
        reasons[0] = {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
        named = {"__type": "TransactionCanceledException", "CancellationReasons": reasons}
        status, answer = 400, {**named, "message": "Transaction cancelled, please refer cancellation reasons"}
    elif kind == "conflict":
        status, answer = 400, {"__type": "TransactionConflictException", "message": "Transaction is ongoing for the item"}
    return status, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(answer).encode()


def fail_calls(app: Any, faults: Faults) -> None:
    """Makes calls fail, before or after their effect, as on AWS; MiniStack never fails."""
    dice = random.Random(0)
    usual_share = float(os.environ.get("CONFLICTS", 0))

    def action_of(service: str, method: str, headers: dict[str, str], query: dict[str, Any], body: bytes) -> str:
        if service == "s3":
            return method
        target = headers.get("x-amz-target", "")
        if target:
            return target.rsplit(".", 1)[-1]
        named = query.get("Action") or re.findall(r"(?:^|&)Action=(\w+)", body[:200].decode(errors="ignore"))
        return str(named[0] if isinstance(named, list) and named else named or "")

    def rule_for(service: str, action: str, path: str) -> dict[str, Any] | None:
        rule = faults.take("calls", path, service=service, action=action)
        if rule is None and service == "dynamodb" and action in WRITES and dice.random() < faults.get("conflicts", usual_share):
            return {"error": "conflict"}
        return rule

    def faulty(service: str, handler: Any) -> Any:
        async def handle(
            method: str, path: str, headers: dict[str, str], body: bytes, query: Any, *rest: Any, **named: Any
        ) -> Any:
            action = action_of(service, method, headers, query, body)
            rule = rule_for(service, action, path)
            if rule is None:
                return await handler(method, path, headers, body, query, *rest, **named)
            if rule.get("effect"):
                await handler(method, path, headers, body, query, *rest, **named)
            return _error(service, action, rule.get("error", ""), body)

        return handle

    for service in ("dynamodb", "sqs", "states", "ec2", "s3"):
        app.SERVICE_HANDLERS[service] = faulty(service, app.SERVICE_HANDLERS[service])


def disturb_events(faults: Faults) -> None:
    """Drops, repeats or delays events, as on AWS; MiniStack delivers each one once and immediately."""
    from ministack.services import eventbridge

    original = eventbridge._dispatch_event

    def dispatch(event: dict[str, Any], *rest: Any, **named: Any) -> None:
        kind = str(event.get("DetailType", event.get("detail-type", "")))
        rule = faults.take("events", json.dumps(event, default=str), detail_type=kind)
        if rule is None:
            original(event, *rest, **named)
        elif rule["do"] == "repeat":
            original(event, *rest, **named)
            original(event, *rest, **named)
        elif rule["do"] == "delay":
            threading.Timer(float(rule["seconds"]), original, (event, *rest), named).start()

    eventbridge._dispatch_event = dispatch


def throttle_stages(faults: Faults) -> None:
    """Limits the calls of an API as its stage says, with API Gateway's token bucket and its response; MiniStack has no limit."""
    from ministack.services import apigateway

    buckets: dict[str, tuple[float, float]] = {}
    """API: tokens, and when they were counted."""
    execute = apigateway.handle_execute

    def is_throttled(api_id: str, stage: str) -> bool:
        settings = (apigateway._stages.get(api_id, {}).get(stage) or {}).get("defaultRouteSettings") or {}
        own = {name[0].lower() + name[1:]: value for name, value in settings.items()}
        limits = faults.get("stage_throttle", {"rate": own.get("throttlingRateLimit"), "burst": own.get("throttlingBurstLimit")})
        if not limits["rate"]:
            return False
        now = time.monotonic()
        tokens, counted_at = buckets.get(api_id, (float(limits["burst"]), now))
        tokens = min(float(limits["burst"]), tokens + (now - counted_at) * float(limits["rate"]))
        buckets[api_id] = (max(0.0, tokens - 1), now)
        return tokens < 1

    async def limited(api_id: str, stage: str, *rest: Any, **named: Any) -> Any:
        if is_throttled(api_id, stage):
            return 429, {"Content-Type": "application/json"}, b'{"message":"Too Many Requests"}'
        return await execute(api_id, stage, *rest, **named)

    apigateway.handle_execute = limited
