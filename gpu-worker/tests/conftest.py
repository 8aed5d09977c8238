"""An AWS emulator for tests of rows, queues and tokens: evaluates DynamoDB's conditions, without test doubles."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import hypothesis
import pytest

hypothesis.settings.register_profile("untimed", deadline=None)  # a busy machine is no fault of the code
hypothesis.settings.load_profile("untimed")

PROJECT = Path(__file__).parents[2]
EMULATOR = PROJECT / ".local" / "venvs" / "emulator" / "bin" / "python"
PROTOCOL_MODEL = PROJECT / "test" / "fixtures" / "protocol.en"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(endpoint: str, deadline_s: float) -> None:
    end = time.monotonic() + deadline_s
    while True:
        try:
            with urllib.request.urlopen(f"{endpoint}/_ministack/ready", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > end:
                raise
            time.sleep(0.05)  # polling with a deadline


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Endpoint of an emulator for this test session; sets boto3's credentials."""
    folder = tmp_path_factory.mktemp("emulator")
    port = _free_port()
    env = {
        "PATH": os.environ["PATH"],
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "PERSIST_STATE": "0",
        "FAULTS_FILE": str(folder / "faults.json"),
        "TMPDIR": str(folder),
        "HOME": str(folder),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    process = subprocess.Popen(
        [EMULATOR, PROJECT / "host" / "emulator" / "launcher.py"],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    endpoint = f"http://127.0.0.1:{port}"
    os.environ["FAULTS_FILE"] = env["FAULTS_FILE"]
    os.environ.update(
        AWS_ENDPOINT_URL=endpoint,
        AWS_DEFAULT_REGION="us-east-1",
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",
    )
    try:
        _wait_until_ready(endpoint, 30)
        yield endpoint
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def faults(aws: str) -> Iterator[Callable[..., None]]:
    """Sets the emulator's rules of faults (host/emulator/faults.py); they end with the test."""
    file = Path(os.environ["FAULTS_FILE"])
    yield lambda **rules: file.write_text(json.dumps(rules)) and None
    file.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def emulated(aws: str) -> Any:
    """DynamoDB with the tables `chunks`, `sessions`, `ledger`, `fleet` and `batch`."""
    resource = boto3.resource("dynamodb")
    keys = {
        "chunks": [("session_id", "S", "HASH"), ("chunk_number", "N", "RANGE")],
        "ledger": [("usage_id", "S", "HASH")],
        "sessions": [("session_id", "S", "HASH")],
        "fleet": [("id", "S", "HASH")],
        "batch": [("kind", "S", "HASH"), ("id", "S", "RANGE")],
    }
    by_content = {
        "IndexName": "by-content",
        "KeySchema": [{"AttributeName": "content_key", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    for name, parts in keys.items():
        more = [("content_key", "S", "")] if name == "chunks" else []
        resource.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": part, "AttributeType": kind} for part, kind, _ in [*parts, *more]],
            KeySchema=[{"AttributeName": part, "KeyType": role} for part, _, role in parts],
            **({"GlobalSecondaryIndexes": [by_content]} if more else {}),
        )
    return resource


@pytest.fixture(scope="session")
def dynamodb(emulated: Any) -> Any:
    """The emulated DynamoDB; a module may override this fixture."""
    return emulated


def waiting_machine(name: str, instance_id: str, attribute: str) -> str:
    """Creates a state machine that waits for one token of an instance, like the workflow's states. Returns its ARN."""
    wait = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:dynamodb:updateItem.waitForTaskToken",
        "TimeoutSeconds": 300,
        "Parameters": {
            "TableName": "fleet",
            "Key": {"id": {"S": f"tokens#{instance_id}"}},
            "UpdateExpression": f"SET {attribute} = :t",
            "ExpressionAttributeValues": {":t": {"S.$": "$$.Task.Token"}},
        },
        "End": True,
    }
    definition = json.dumps({"StartAt": "Wait", "States": {"Wait": wait}})
    machine = boto3.client("stepfunctions").create_state_machine(
        name=name, definition=definition, roleArn="arn:aws:iam::000000000000:role/x"
    )
    return str(machine["stateMachineArn"])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Lets `-k` select tests by the promises that they prove."""
    for item in items:
        for mark in item.iter_markers("promise"):
            item.extra_keyword_matches.update(promise.replace(".", "_").replace("-", "_") for promise in mark.args)
