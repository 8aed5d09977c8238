"""Sends recorded chunks and prints the text: `CHUNKSCRIBE_URL=… CHUNKSCRIBE_TOKEN=… python record.py CHUNK_FILE…`"""

import base64
import hashlib
import json
import os
import random
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

URL, TOKEN = os.environ["CHUNKSCRIBE_URL"], os.environ["CHUNKSCRIBE_TOKEN"]
MAX_WAIT_S = 30


def request(method: str, url: str, headers: dict[str, str], data: bytes | None = None) -> tuple[int, bytes]:
    """Returns status and body. Retries on no network, 429 and 5xx; returns any other response."""
    pause_s = 0.5
    while True:
        retry_after_s = 0.0
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=60) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            if error.code != 429 and error.code < 500:
                return error.code, error.read()
            retry_after_s = float(error.headers.get("retry-after", 0))
        except OSError:
            pass
        time.sleep(retry_after_s or pause_s * (1 + random.random()))
        pause_s = min(2 * pause_s, MAX_WAIT_S)


def call(method: str, path: str, body: dict | None = None) -> tuple[int, dict]:
    """Calls the API; returns status and body."""
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    status, response = request(method, URL + path, headers, None if body is None else json.dumps(body).encode())
    return status, json.loads(response or b"{}")


def send(session_id: str, number: int, data: bytes) -> None:
    """Uploads a chunk; safe to repeat. 409 from the API or 412 from S3: it is uploaded already. 403: requests a new URL."""
    sha256 = base64.b64encode(hashlib.sha256(data).digest()).decode()
    while True:
        chunk = {"chunkNumber": number, "contentType": "audio/webm", "sizeBytes": len(data), "sha256": sha256}
        status, response = call("POST", f"/api/sessions/{session_id}/chunks", chunk)
        if response.get("code") == "chunk-exists":
            return
        if status != 201:
            raise SystemExit(f"chunk {number} was rejected: {response['detail']}")
        status, _ = request("PUT", response["upload"]["url"], response["upload"]["headers"], data)
        if status in (200, 412):
            return
        if status != 403:
            raise SystemExit(f"S3 rejected chunk {number}: {status}")


_, session = call("POST", "/api/sessions", {"title": "Example"})
# Locks the batch; each chunk renews the lock. It runs in a thread, so that a failing lock does not disturb the recording.
lock = ("POST", "/api/batch/lock", {"sessionId": session["id"]})
threading.Thread(target=call, args=lock, daemon=True).start()
for index, file in enumerate(sys.argv[1:]):
    send(session["id"], index + 1, Path(file).read_bytes())  # a recorder: as soon as each is recorded
call("POST", f"/api/sessions/{session['id']}/complete", {"chunkCount": len(sys.argv) - 1})
while True:
    status, transcript = call("GET", f"/api/sessions/{session['id']}/transcript")
    if status == 200 and transcript["final"]:
        print(transcript["text"])
        break
    if status not in (200, 409):
        raise SystemExit(transcript["detail"])
    time.sleep(0.5)
