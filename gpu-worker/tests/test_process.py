"""The worker as a process: without a holder, with errors at its start, and with faults of the machine."""

import itertools
import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import boto3
import pytest

from conftest import PROJECT, PROTOCOL_MODEL, waiting_machine
from gpu_worker.cloud.machine import spot

numbers = itertools.count(1)


@pytest.fixture
def environment(dynamodb, tmp_path: Path) -> dict[str, str]:
    url = boto3.client("sqs").create_queue(QueueName="process-test")["QueueUrl"]
    queues = {f"QUEUE_{lane}_URL": url for lane in ("STOP", "LIVE", "FILES_URGENT", "FILES", "BACKLOG")}
    return {
        **os.environ,
        **queues,
        "PYTHONPATH": str(PROJECT / "gpu-worker" / "src"),
        "BUCKET_NAME": "bucket",
        "CHUNKS_TABLE": "chunks",
        "SESSIONS_TABLE": "sessions",
        "FLEET_TABLE": "fleet",
        "LEDGER_TABLE": "ledger",
        "BATCH_TABLE": "batch",
        "INSTANCE_ID": "i-process",
        "MODEL": str(PROTOCOL_MODEL),
        "DEVICE": "cpu",
        "UNHELD_SECONDS": "1",
        "METADATA_ENDPOINT": "",
        "POWEROFF_COMMAND": f"touch '{tmp_path / 'switched-off'}'",
    }


def wait_for_token(name: str) -> str:
    """Starts an execution that waits for the worker to drain; returns its ARN."""
    machine = waiting_machine(name, "i-process", "drain_token")
    return str(boto3.client("stepfunctions").start_execution(stateMachineArn=machine)["executionArn"])


def outcome_of(execution: str) -> tuple[str, str]:
    end = time.monotonic() + 10
    while (seen := boto3.client("stepfunctions").describe_execution(executionArn=execution))["status"] == "RUNNING":
        assert time.monotonic() < end
        time.sleep(0.05)  # polling with a deadline
    return seen["status"], seen.get("error", "")


@pytest.fixture
def waiting_chunk(dynamodb, environment) -> dict:
    """Adds a chunk with a queue message; returns its key."""
    key = {"session_id": "session_process", "chunk_number": next(numbers)}
    row = {**key, "user_id": "u", "state": "pending", "object_key": "users/u/x/chunk-001.webm", "etag": "e"}
    dynamodb.Table("chunks").put_item(Item={**row, "attempts": 0, "fence": 0, "next_attempt_at_ms": 0, "pending_shard": "p"})
    message = {"version": 1, "kind": "chunk", "sessionId": key["session_id"], "chunkNumber": key["chunk_number"]}
    boto3.client("sqs").send_message(QueueUrl=environment["QUEUE_LIVE_URL"], MessageBody=json.dumps(message))
    return key


def run(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gpu_worker", "work"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.promise("gpu.worker-stops-itself")
def test_a_machine_that_no_run_holds_switches_itself_off(environment, tmp_path) -> None:
    assert run(environment).returncode == 0
    assert (tmp_path / "switched-off").exists()


@pytest.mark.promise("gpu.worker-stops-itself")
def test_a_model_that_cannot_be_loaded_ends_the_worker_with_the_reason(environment, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    ended = run({**environment, "MODEL": str(tmp_path / "empty")})
    assert ended.returncode == 1
    assert "worker cannot start" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_all_configuration_errors_are_reported_together(environment) -> None:
    ended = run({**environment, "IDLE_SECONDS": "-1", "CHUNKS_AT_ONCE": "many", "BUCKET_NAME": "b"})
    assert ended.returncode == 2
    assert "idle_seconds" in ended.stderr
    assert "chunks_at_once" in ended.stderr


def test_a_machine_with_a_decided_stop_switches_itself_off_at_once(environment, tmp_path, dynamodb) -> None:
    dynamodb.Table("fleet").put_item(Item={"id": "i-process", "state": "draining", "fence": 1, "holders": {}})
    try:
        assert run({**environment, "UNHELD_SECONDS": "600"}).returncode == 0
    finally:
        dynamodb.Table("fleet").delete_item(Key={"id": "i-process"})
    assert (tmp_path / "switched-off").exists()


def test_a_model_that_does_not_load_in_time_switches_the_machine_off(environment, tmp_path) -> None:
    run({**environment, "BOOT_SECONDS": "0.01"})
    assert (tmp_path / "switched-off").exists()


@pytest.mark.promise("worker.machine-faults")
def test_a_full_disk_fails_the_run_with_that_error_and_costs_no_attempt(environment, waiting_chunk, dynamodb) -> None:
    execution = wait_for_token("disk-full")
    ended = run({**environment, "MIN_FREE_DISK_MB": "999999999"})
    assert ended.returncode == 1
    assert outcome_of(execution) == ("FAILED", "DiskFull")
    row = dynamodb.Table("chunks").get_item(Key=waiting_chunk, ConsistentRead=True)["Item"]
    assert (row["state"], row["attempts"]) == ("pending", 0)


class Metadata(BaseHTTPRequestHandler):
    """A metadata service with a notice of interruption."""

    def do_PUT(self) -> None:
        self._answer(b"token")

    def do_GET(self) -> None:
        known = self.path.endswith("/spot/instance-action") and self.headers["X-aws-ec2-metadata-token"] == "token"
        self._answer(b'{"action": "terminate"}' if known else b"", 200 if known else 404)

    def _answer(self, body: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Suppresses the log."""


@pytest.fixture
def metadata():
    server = HTTPServer(("127.0.0.1", 0), Metadata)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.promise("worker.machine-faults")
def test_a_machine_that_ec2_reclaims_fails_its_run_and_switches_itself_off(environment, tmp_path, metadata) -> None:
    execution = wait_for_token("spot")
    ended = run({**environment, "METADATA_ENDPOINT": metadata})
    assert ended.returncode == 0
    assert "EC2 is reclaiming this spot instance" in ended.stderr
    assert outcome_of(execution) == ("FAILED", "MachineTaken")
    assert (tmp_path / "switched-off").exists()


def test_without_a_metadata_service_there_is_no_notice() -> None:
    assert not spot.has_notice("http://127.0.0.1:9")
