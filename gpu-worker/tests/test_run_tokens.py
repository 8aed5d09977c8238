"""Task tokens of real executions: ready, heartbeat, drained, failed, and tokens of runs that are over."""

import json
import time
from typing import Any

import boto3
import pytest

from conftest import waiting_machine
from gpu_worker.cloud.stage.run_tokens import RunTokens

INSTANCE = "i-tokens"


@pytest.fixture
def world(dynamodb: Any, request: pytest.FixtureRequest):
    """Starts executions that wait, and returns their outcomes."""
    table = dynamodb.Table("fleet")
    table.delete_item(Key={"id": f"tokens#{INSTANCE}"})
    table.delete_item(Key={"id": INSTANCE})
    sfn = boto3.client("stepfunctions")

    class World:
        tokens = RunTokens(table, sfn, INSTANCE)

        def start(self, attribute: str) -> str:
            arn = waiting_machine(f"{request.node.name[:60]}-{attribute}", INSTANCE, attribute)
            execution = sfn.start_execution(stateMachineArn=arn)["executionArn"]
            until(lambda: attribute in table.get_item(Key={"id": f"tokens#{INSTANCE}"}).get("Item", {}))
            return execution

        def ended(self, execution: str) -> dict:
            until(lambda: sfn.describe_execution(executionArn=execution)["status"] != "RUNNING")
            return sfn.describe_execution(executionArn=execution)

        def refresh(self) -> None:
            self.tokens._read_at = float("-inf")
            self.tokens.refresh()

    return World()


def until(condition, deadline_s: float = 10) -> None:
    """Polls until `condition` holds."""
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


def test_a_waiting_run_gets_the_report_that_the_worker_is_ready(world) -> None:
    execution = world.start("ready_token")
    world.refresh()
    assert json.loads(world.ended(execution)["output"]) == {"ready": True}
    assert not world.tokens.held


def test_a_drain_holds_the_machine_until_the_seen_counter_is_reported(world) -> None:
    execution = world.start("drain_token")
    world.refresh()
    assert world.tokens.held
    world.tokens.heartbeat()
    world.tokens.drained(seen_seq=7)
    assert json.loads(world.ended(execution)["output"]) == {"seenSeq": 7}
    world.refresh()
    assert not world.tokens.held


@pytest.mark.promise("gpu.worker-stops-itself")
def test_a_worker_that_cannot_start_fails_the_run_with_its_reason(world) -> None:
    execution = world.start("ready_token")
    world.tokens.failed("WorkerNotReady", "the worker cannot start: no model")
    ended = world.ended(execution)
    assert (ended["status"], ended["error"], ended["cause"]) == (
        "FAILED",
        "WorkerNotReady",
        "the worker cannot start: no model",
    )


def test_the_token_of_a_run_that_is_over_is_dropped_at_the_next_heartbeat(world, dynamodb) -> None:
    dynamodb.Table("fleet").put_item(Item={"id": f"tokens#{INSTANCE}", "drain_token": "of a run that is over"})
    world.refresh()
    assert world.tokens.held
    world.tokens.heartbeat()
    assert not world.tokens.held
    world.refresh()
    assert not world.tokens.held


def test_the_wanted_counter_is_read_from_the_pool(world, dynamodb) -> None:
    dynamodb.Table("fleet").put_item(Item={"id": "pool", "wanted_seq": 42})
    assert world.tokens.wanted_seq() == 42


def hold(dynamodb, **row) -> None:
    dynamodb.Table("fleet").put_item(Item={"id": INSTANCE, "state": "running", "fence": 3, "holders": {}, **row})


@pytest.mark.promise("gpu.by-hand")
def test_an_admin_needs_the_machine_until_a_deadline_and_a_run_only_by_its_token(world, dynamodb) -> None:
    now = int(time.time() * 1000)
    hold(dynamodb, holders={"person:ada": now + 60_000})
    world.refresh()
    assert world.tokens.is_needed
    assert not world.tokens.held
    hold(dynamodb, holders={"person:ada": now - 1, "run-7": now + 60_000})
    world.refresh()
    assert not world.tokens.is_needed


def test_a_decided_stop_is_detected_also_after_it_was_confirmed(world, dynamodb) -> None:
    hold(dynamodb)
    world.refresh()
    assert not world.tokens.stop_decided
    hold(dynamodb, state="draining", fence=4)
    world.refresh()
    assert world.tokens.stop_decided
    hold(dynamodb, state="idle", fence=4)
    world.refresh()
    assert world.tokens.stop_decided
