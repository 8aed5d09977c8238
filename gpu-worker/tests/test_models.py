"""Which model a machine takes where nobody said: the real command, against model hubs of our own."""

import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conftest import DEMO_MODEL, PROJECT

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPOSITORY = "/Systran/faster-whisper-base.en"
FILES = {path.name: path for path in DEMO_MODEL.iterdir() if path.suffix in (".bin", ".json")}


class EmptyHub(http.server.BaseHTTPRequestHandler):
    """A hub that answers, but has nothing."""

    def do_GET(self) -> None:
        self.answer(200 if self.path == "/" else 404, b"")

    def do_HEAD(self) -> None:
        self.do_GET()

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Says nothing."""


class Hub(EmptyHub):
    """A hub that has the demo model's files under the name of a published one."""

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        name = path.rsplit("/", 1)[-1]
        if path.startswith(f"/api/models{REPOSITORY}/revision/") or path == f"/api/models{REPOSITORY}":
            about = {"id": REPOSITORY[1:], "sha": COMMIT, "siblings": [{"rfilename": file} for file in FILES]}
            self.answer(200, json.dumps(about).encode(), Content_Type="application/json")
        elif path.startswith(f"/api/models{REPOSITORY}/tree/"):
            tree = [{"type": "file", "path": file, "size": at.stat().st_size, "oid": COMMIT} for file, at in FILES.items()]
            self.answer(200, json.dumps(tree).encode(), Content_Type="application/json")
        elif path.startswith(f"{REPOSITORY}/resolve/") and name in FILES:
            body = FILES[name].read_bytes()
            etag = f'"{hashlib.sha256(body).hexdigest()}"'
            self.answer(200, body, ETag=etag, X_Repo_Commit=COMMIT)
        else:
            super().do_GET()


@contextmanager
def hub(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def find(tmp_path: Path):
    def run(endpoint: str, name: str = "base.en") -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(PROJECT / "gpu-worker" / "src"),
            "HF_HOME": str(tmp_path),
            "HF_ENDPOINT": endpoint,
            "HF_HUB_DISABLE_XET": "1",
        }
        command = [sys.executable, "-m", "gpu_worker", "find-model", name]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    return run


def test_without_a_hub_one_line_says_so_at_once(find) -> None:
    found = find("http://127.0.0.1:9")
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr == "the model base.en is not on this machine, and the model hub cannot be reached\n"


def test_a_hub_that_fails_is_told_in_one_line_after_the_size(find) -> None:
    with hub(EmptyHub) as endpoint:
        found = find(endpoint)
    assert found.returncode == 1
    assert "about 145 MB" in found.stderr.splitlines()[0]
    assert "could not be downloaded" in found.stderr.splitlines()[-1]
    assert "Traceback" not in found.stderr


def test_a_published_model_is_downloaded_once_with_its_size_said_first_and_kept(find) -> None:
    with hub(Hub) as endpoint:
        found = find(endpoint)
    assert "about 145 MB, once" in found.stderr.splitlines()[0]
    folder = Path(found.stdout.strip())
    assert (folder / "model.bin").read_bytes() == FILES["model.bin"].read_bytes()
    again = find("http://127.0.0.1:9")
    assert (Path(again.stdout.strip()), again.stderr) == (folder, "")


def test_a_name_that_nobody_published_is_told_with_some_that_are(find) -> None:
    found = find("http://127.0.0.1:9", "tiny.klingon")
    assert found.returncode == 1
    assert "no published model tiny.klingon; try tiny.en" in found.stderr
