"""A real worker while AWS fails: nothing is lost, no attempt is counted, and no chunk becomes a suspect."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from test_crash_matrix import CHUNKS, World, state_of, until

Faults = Callable[..., None]
LONGER_THAN_ALL_RETRIES = 8
"""Calls that fail in a row. The worker's clients try each call six times."""

FAILURES = {
    "conflict on claim": {"service": "dynamodb", "action": "UpdateItem", "error": "conflict"},
    "throttle on claim": {"service": "dynamodb", "action": "UpdateItem", "error": "throttle"},
    "lost response to a claim": {"service": "dynamodb", "action": "UpdateItem", "effect": True, "times": 1},
    "conflict on renew": {"service": "dynamodb", "action": "UpdateItem", "error": "conflict", "after": 2},
    "conflict on commit": {"service": "dynamodb", "action": "TransactWriteItems", "error": "conflict"},
    "throttle on commit": {"service": "dynamodb", "action": "TransactWriteItems", "error": "throttle"},
    "server error on commit": {"service": "dynamodb", "action": "TransactWriteItems"},
    "lost response to a commit": {"service": "dynamodb", "action": "TransactWriteItems", "effect": True},
    "S3 unavailable for the result": {"service": "s3", "action": "PUT", "error": "unavailable"},
    "S3 unavailable for the audio": {"service": "s3", "action": "GET", "error": "unavailable"},
    "throttle on every read": {"service": "dynamodb", "action": "GetItem", "error": "throttle", "times": 24},
    "SQS fails": {"service": "sqs", "action": "ReceiveMessage"},
}


@pytest.fixture
def world(dynamodb: Any, request: pytest.FixtureRequest):
    world = World(dynamodb, f"aws-{list(FAILURES).index(request.node.callspec.id)}")
    yield world
    world.close()


@pytest.mark.promise("worker.aws-failures")
@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_the_worker_outlasts_failures_of_aws(world: World, faults: Faults, failure: dict[str, Any]) -> None:
    until(world.run_waits)  # the faults are for the worker, not for the run
    faults(calls=[{"times": LONGER_THAN_ALL_RETRIES, **failure}])
    worker = world.worker(LEASE_SECONDS="60")

    def all_done() -> bool:
        try:
            return world.all_done()
        except ClientError:  # a fault met this test
            return False

    until(all_done, 120)
    until(world.queue_is_empty, 120)
    assert worker.poll() is None
    world.check()
    for row in world.rows():
        assert row["attempts"] == 1
        assert not row.get("suspect") and not row.get("deaths") and not row.get("kills")


@pytest.fixture
def releasing(dynamodb: Any, request: pytest.FixtureRequest) -> Iterator[World]:
    world = World(dynamodb, f"aws-release-{request.node.callspec.id}")
    yield world
    world.close()


@pytest.mark.promise("worker.aws-failures")
@pytest.mark.parametrize("error", ["conflict", "throttle"])
def test_a_worker_that_stops_releases_its_claims_while_aws_fails(releasing: World, faults: Faults, error: str) -> None:
    worker = releasing.worker("claimed=STOP", LEASE_SECONDS="60")
    until(lambda: state_of(worker).startswith("T"))
    faults(calls=[{"service": "dynamodb", "action": "UpdateItem", "error": error, "times": 3}])
    worker.send_signal(signal.SIGTERM)
    worker.send_signal(signal.SIGCONT)
    assert worker.wait(timeout=60) == 0
    assert [(row["state"], int(row["attempts"])) for row in releasing.rows()] == [("pending", 0)] * CHUNKS
