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
LONGEST_WAIT_S = 30


def request(method: str, url: str, headers: dict[str, str], data: bytes | None = None) -> tuple[int, bytes]:
    """Status and body. Tries again what may pass: no network, 429, 5xx; anything else is an answer."""
    pause_s = 0.5
    while True:
        told_s = 0.0
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=300) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            if error.code != 429 and error.code < 500:
                return error.code, error.read()
            told_s = float(error.headers.get("retry-after", 0))
        except OSError:
            pass
        time.sleep(told_s or pause_s * (1 + random.random()))
        pause_s = min(2 * pause_s, LONGEST_WAIT_S)


def call(method: str, path: str, body: dict | None = None, **more: str) -> bytes:
    """Answer of the API; ends with its words when it refuses."""
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json", **more}
    status, answer = request(method, URL + path, headers, None if body is None else json.dumps(body).encode())
    if status >= 400:
        raise SystemExit(f"{status} {json.loads(answer)['detail']}")
    return answer


def put(address: dict, file: Path, start: int, length: int) -> None:
    """Sends part of the file; one that is there already (412) was sent."""
    with file.open("rb") as source:
        source.seek(start)
        status, _ = request("PUT", address["url"], address["headers"], source.read(length))
    if status not in (200, 412):
        raise SystemExit(f"storage refused the file: {status}")


def main(file: Path, content_type: str) -> None:
    """Run again with the same file, it goes on with the job that it began."""
    size = file.stat().st_size
    key = hashlib.sha256(f"{file.resolve()} {size} {file.stat().st_mtime_ns}".encode()).hexdigest()
    wish = {"filename": file.name, "contentType": content_type, "sizeBytes": size}
    job = json.loads(call("POST", "/api/transcriptions", wish, **{"idempotency-key": key}))
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
