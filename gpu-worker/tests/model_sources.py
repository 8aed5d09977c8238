"""A local model hub and package index for tests, with the protocol model's files; they fail as real ones do."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conftest import PROTOCOL_MODEL

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {
    path.name: path.read_bytes()
    for path in PROTOCOL_MODEL.iterdir()
    if path.name in ("config.json", "model.bin", "preprocessor_config.json", "tokenizer.json", "vocabulary.json")
}
"""The model's files by name."""
TOTAL = sum(map(len, FILES.values()))


class Hub(http.server.BaseHTTPRequestHandler):
    """A hub that has the protocol model's files in every repository, and supports range requests."""

    requests: list[tuple[str, str | None]]
    """Path and range of each request, per server."""

    def do_GET(self) -> None:
        path, wanted = self.path.split("?")[0], self.headers["Range"]
        type(self).requests.append((path, wanted))
        if path.startswith("/api/models/"):
            self.listing(path.split("/revision/")[0].removeprefix("/api/models/"))
        elif "/resolve/" in path and path.rsplit("/", 1)[-1] in FILES:
            start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
            self.file(path.rsplit("/", 1)[-1], start)
        else:
            self.reply(404, b"")

    def listing(self, repository: str) -> None:
        siblings = [
            {"rfilename": name, "size": len(data), "lfs": {"sha256": hashlib.sha256(data).hexdigest()}}
            for name, data in FILES.items()
        ]
        about = {"id": repository, "sha": COMMIT, "siblings": [*siblings, {"rfilename": "README.md", "size": 1}]}
        self.reply(200, json.dumps(about).encode(), Content_Type="application/json")

    def file(self, name: str, start: int) -> None:
        self.send(FILES[name], start)

    def send(self, data: bytes, start: int, count: int | None = None) -> None:
        """Sends a file from byte `start`: all of it, or `count` bytes."""
        headers = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"} if start else {}
        self.reply(206 if start else 200, data[start:], count, **headers)

    def reply(self, status: int, body: bytes, count: int | None = None, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body if count is None else body[:count])

    def log_message(self, *_args: object) -> None:
        """Suppresses the log."""


class EmptyHub(Hub):
    """A hub without any repository."""

    def do_GET(self) -> None:
        self.reply(404, b"")


class FailingHub(Hub):
    """A hub that responds with status 500."""

    def do_GET(self) -> None:
        self.reply(500, b"")


class HtmlHub(Hub):
    """A portal in front of the hub that responds to every request with its own page."""

    def do_GET(self) -> None:
        self.reply(200, b"<html><body>Please sign in</body></html>", Content_Type="text/html; charset=utf-8")


class WrongByteHub(Hub):
    """A hub whose model.bin differs in one byte from the digest in its list."""

    def file(self, name: str, start: int) -> None:
        data = bytearray(FILES[name])
        if name == "model.bin":
            data[len(data) // 2] ^= 1
        self.send(bytes(data), start)


class ShortHub(Hub):
    """A hub whose files are one byte too short."""

    def file(self, name: str, start: int) -> None:
        self.send(FILES[name][:-1], start)


class CuttingHub(Hub):
    """A hub that closes connections early; it supports range requests."""

    def file(self, name: str, start: int) -> None:
        self.send(FILES[name], start, max(1, len(FILES[name]) // 3))


class CuttingHubWithoutRanges(Hub):
    """A hub that closes the first connection for model.bin early, and ignores the range of later requests."""

    def file(self, name: str, start: int) -> None:
        is_first = sum(path.endswith(name) for path, _ in type(self).requests) == 1
        self.send(FILES[name], 0, 1_000_000 if name == "model.bin" and is_first else None)


@contextmanager
def hub(handler: type[Hub]) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """Yields the address of a running hub and the list of its requests."""
    requests: list[tuple[str, str | None]] = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type(handler.__name__, (handler,), {"requests": requests}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def stuck_hub(until: threading.Event, after_bytes: int | None) -> Iterator[str]:
    """A hub that stops sending after so many bytes of model.bin (None: before the response) until the event is set."""

    class Stuck(Hub):
        def file(self, name: str, start: int) -> None:
            data = FILES[name]
            if name != "model.bin":
                self.send(data, start)
                return
            if after_bytes is not None:
                self.send(data, start, after_bytes)
                self.wfile.flush()
            until.wait(60)

    with hub(Stuck) as (address, _):
        yield address
        until.set()


def make_wheel(
    folder: Path, project: str, version: str, files: dict[str, bytes], tag: str = "py3-none-any"
) -> tuple[str, int]:
    """Writes a wheel with data files; returns its SHA-256 and size."""
    stem = f"{project.replace('-', '_')}-{version}"
    wheel = folder / f"{stem}-{tag}.whl"
    metadata = f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n"
    tags = f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, data in files.items():
            archive.writestr(path, data)
        archive.writestr(f"{stem}.dist-info/METADATA", metadata)
        archive.writestr(f"{stem}.dist-info/WHEEL", tags)
        archive.writestr(f"{stem}.dist-info/RECORD", "")
    data = wheel.read_bytes()
    return hashlib.sha256(data).hexdigest(), len(data)
