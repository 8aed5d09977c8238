"""Sends a file and prints its text: `CHUNKSCRIBE_URL=… CHUNKSCRIBE_TOKEN=… python transcribe.py FILE CONTENT_TYPE`"""

import hashlib
import json
import os
import random
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

URL, TOKEN = os.environ["CHUNKSCRIBE_URL"], os.environ["CHUNKSCRIBE_TOKEN"]
POLL_S = 2
MAX_WAIT_S = 30


def request(method: str, url: str, headers: dict[str, str], data: bytes | None = None) -> tuple[int, bytes]:
    """Returns status and body. Retries on no network, 429 and 5xx; returns any other response."""
    pause_s = 0.5
    while True:
        retry_after_s = 0.0
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=300) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            if error.code != 429 and error.code < 500:
                return error.code, error.read()
            retry_after_s = float(error.headers.get("retry-after", 0))
        except OSError:
            pass
        time.sleep(retry_after_s or pause_s * (1 + random.random()))
        pause_s = min(2 * pause_s, MAX_WAIT_S)


def call(method: str, path: str, body: dict | None = None, **more: str) -> bytes:
    """Calls the API and returns the body; exits with the error's detail."""
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json", **more}
    status, response = request(method, URL + path, headers, None if body is None else json.dumps(body).encode())
    if status >= 400:
        raise SystemExit(f"{status} {json.loads(response)['detail']}")
    return response


def put(target: dict, file: Path, start: int, length: int) -> None:
    """Uploads a part of the file. 412: it is uploaded already."""
    with file.open("rb") as source:
        source.seek(start)
        status, _ = request("PUT", target["url"], target["headers"], source.read(length))
    if status not in (200, 412):
        raise SystemExit(f"S3 rejected the file: {status}")


def main(file: Path, content_type: str) -> None:
    """Transcribes a file. Run it again with the same file to continue the same job."""
    size = file.stat().st_size
    key = hashlib.sha256(f"{file.resolve()} {size} {file.stat().st_mtime_ns}".encode()).hexdigest()
    options = {"filename": file.name, "contentType": content_type, "sizeBytes": size}
    job = json.loads(call("POST", "/api/transcriptions", options, **{"idempotency-key": key}))
    path, upload = f"/api/transcriptions/{job['id']}", job["upload"]
    if job["status"] == "pending":
        if upload["kind"] == "single":
            put(upload, file, 0, size)
        else:
            while parts := json.loads(call("POST", f"{path}/parts", {}))["parts"]:
                for part in parts:
                    put(part, file, (part["partNumber"] - 1) * upload["partSizeBytes"], upload["partSizeBytes"])
        call("POST", f"{path}/upload-complete", {})
    while (state := json.loads(call("GET", f"{path}/status")))["status"] != "completed":
        if state["status"] not in ("pending", "processing"):
            raise SystemExit(state["error"] or state["status"])
        print(f"{state['progress']} % {state['stage']}", file=sys.stderr)
        time.sleep(POLL_S)
    print(call("GET", f"{path}/transcript?format=txt").decode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
