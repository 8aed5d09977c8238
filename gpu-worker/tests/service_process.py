"""The service as a separate process, for tests over HTTP."""

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

T = TypeVar("T")
SOURCE = Path(__file__).parents[1] / "src"
PROTOCOL_MODEL = Path(__file__).parents[2] / "test" / "fixtures" / "protocol.en"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(what: str, seconds: float, condition: Callable[[], T]) -> T:
    """Polls until `condition` returns a truthy value; returns it."""
    end = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < end, f"{what} did not happen within {seconds} s"
        time.sleep(0.05)


@dataclass
class Running:
    url: str
    folder: Path
    process: subprocess.Popen[bytes]
    log: Path
    """Its stderr."""

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
        """Process id of the model process."""

        def find() -> int:
            found = subprocess.run(
                ["ps", "-ww", "--ppid", str(self.process.pid), "-o", "pid=", "-o", "args="], capture_output=True, text=True
            )
            lines = [line.split() for line in found.stdout.splitlines() if "engine_process" in line]
            return int(lines[0][0]) if lines else 0

        return until("the start of the model process", 60, find)

    def kill(self) -> None:
        """Kills the service and its model process, as a crash of the machine would."""
        child = self.model_process()
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.kill(child, signal.SIGKILL)


def _ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=1) as result:
            return b'"model_loaded":true' in result.read().replace(b" ", b"")
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def service(folder: Path, model: Path = PROTOCOL_MODEL, **env: str) -> Iterator[Running]:
    port = free_port()
    log = folder.with_suffix(".log")
    arguments = ["--model", str(model), "--port", str(port), "--folder", str(folder)]
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "gpu_worker", "serve", *arguments],
            env={**os.environ, "PYTHONPATH": str(SOURCE), **env},
            stderr=stderr,
        )
    running = Running(f"http://127.0.0.1:{port}", folder, process, log)
    try:
        until("the service", 60, lambda: process.poll() is not None or _ready(running.url))
        assert process.poll() is None, "the service has ended"
        yield running
    finally:
        process.terminate()
        process.wait(timeout=30)
