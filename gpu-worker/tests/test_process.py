"""The worker as a process: what it does when nobody holds its machine, and when it cannot start."""

import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from conftest import DEMO_MODEL, PROJECT


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
        "FLEET_TABLE": "fleet",
        "LEDGER_TABLE": "ledger",
        "INSTANCE_ID": "i-process",
        "MODEL": str(DEMO_MODEL),
        "DEVICE": "cpu",
        "UNHELD_SECONDS": "1",
        "POWEROFF_COMMAND": f"touch '{tmp_path / 'switched-off'}'",
    }


def run(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gpu_worker", "work"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_machine_that_no_run_holds_switches_itself_off(environment, tmp_path) -> None:
    assert run(environment).returncode == 0
    assert (tmp_path / "switched-off").exists()


def test_a_model_that_cannot_be_loaded_ends_the_worker_with_its_reason(environment, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    ended = run({**environment, "MODEL": str(tmp_path / "empty")})
    assert ended.returncode == 1
    assert "not ready to work" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_all_mistakes_of_the_configuration_are_told_together(environment) -> None:
    ended = run({**environment, "IDLE_SECONDS": "-1", "CHUNKS_AT_ONCE": "many", "BUCKET_NAME": "b"})
    assert ended.returncode == 2
    assert "idle_seconds" in ended.stderr
    assert "chunks_at_once" in ended.stderr
