"""The service as a process of its own, with the demo model, for tests that meet it as callers do."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

from conftest import DEMO_MODEL

T = TypeVar("T")
SOURCE = Path(__file__).parents[1] / "src"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(what: str, seconds: float, ask: Callable[[], T]) -> T:
    """Asks until there is a truthy answer; polling with a deadline."""
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        assert time.monotonic() < end, f"{what} did not come within {seconds} s"
        time.sleep(0.05)


@dataclass
class Running:
    url: str
    folder: Path
    process: subprocess.Popen[bytes]

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        return httpx.request(method, self.url + path, timeout=120, **more)

    def send(self, audio: bytes, **fields: str) -> httpx.Response:
        return self.call("POST", "/transcribe", data=fields, files={"file": ("talk.webm", audio)})

    def status(self, job_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.call("GET", f"/status/{job_id}").json()
        return found

    def ended(self, job_id: str, seconds: float = 120) -> dict[str, Any]:
        until(f"the end of {job_id}", seconds, lambda: self.status(job_id)["status"] in ("completed", "failed"))
        return self.status(job_id)

    def model_process(self) -> int:
        """The process with the model: the child that is no decoder."""

        def find() -> int:
            found = subprocess.run(
                ["ps", "-ww", "--ppid", str(self.process.pid), "-o", "pid=", "-o", "args="], capture_output=True, text=True
            )
            lines = [line.split() for line in found.stdout.splitlines() if "engine_process" in line]
            return int(lines[0][0]) if lines else 0

        return until("the model's process", 60, find)

    def kill(self) -> None:
        """Ends it and its model as a crash of the machine would."""
        child = self.model_process()
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.kill(child, signal.SIGKILL)


def _ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=1) as answer:
            return b'"model_loaded":true' in answer.read().replace(b" ", b"")
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def service(folder: Path, **env: str) -> Iterator[Running]:
    port = free_port()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "gpu_worker",
            "serve",
            "--model",
            str(DEMO_MODEL),
            "--port",
            str(port),
            "--folder",
            str(folder),
        ],
        env={**os.environ, "PYTHONPATH": str(SOURCE), **env},
        stderr=subprocess.DEVNULL,
    )
    running = Running(f"http://127.0.0.1:{port}", folder, process)
    try:
        until("the service", 60, lambda: process.poll() is not None or _ready(running.url))
        assert process.poll() is None, "the service has ended"
        yield running
    finally:
        process.terminate()
        process.wait(timeout=30)
