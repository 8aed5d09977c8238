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
LONGEST_WAIT_S = 30


def request(method: str, url: str, headers: dict[str, str], data: bytes | None = None) -> tuple[int, bytes]:
    """Status and body. Tries again what may pass: no network, 429, 5xx; anything else is an answer."""
    pause_s = 0.5
    while True:
        told_s = 0.0
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            if error.code != 429 and error.code < 500:
                return error.code, error.read()
            told_s = float(error.headers.get("retry-after", 0))
        except OSError:
            pass
        time.sleep(told_s or pause_s * (1 + random.random()))
        pause_s = min(2 * pause_s, LONGEST_WAIT_S)


def call(method: str, path: str, body: dict | None = None) -> tuple[int, dict]:
    """Status and answer of the API."""
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    status, answer = request(method, URL + path, headers, None if body is None else json.dumps(body).encode())
    return status, json.loads(answer or b"{}")


def send(session_id: str, number: int, data: bytes) -> None:
    """Safe to repeat: a chunk that is there (409 from us, 412 from S3) was sent; an expired address (403) is asked for anew."""
    sha256 = base64.b64encode(hashlib.sha256(data).digest()).decode()
    while True:
        wish = {"chunkNumber": number, "contentType": "audio/webm", "sizeBytes": len(data), "sha256": sha256}
        status, answer = call("POST", f"/api/sessions/{session_id}/chunks", wish)
        if answer.get("code") == "chunk-exists":
            return
        if status != 201:
            raise SystemExit(f"chunk {number} was refused: {answer['detail']}")
        status, _ = request("PUT", answer["upload"]["url"], answer["upload"]["headers"], data)
        if status in (200, 412):
            return
        if status != 403:
            raise SystemExit(f"storage refused chunk {number}: {status}")


_, session = call("POST", "/api/sessions", {"title": "Example"})
# Holds the batch back; each chunk renews it. Nobody waits for it: a lock that fails must not disturb.
lock = ("POST", "/api/batch/lock", {"sessionId": session["id"]})
threading.Thread(target=call, args=lock, daemon=True).start()
for index, file in enumerate(sys.argv[1:]):
    send(session["id"], index + 1, Path(file).read_bytes())  # a recorder: as each is recorded
call("POST", f"/api/sessions/{session['id']}/complete", {"chunkCount": len(sys.argv) - 1})
while True:
    status, transcript = call("GET", f"/api/sessions/{session['id']}/transcript")
    if status == 200 and transcript["final"]:
        print(transcript["text"])
        break
    if status not in (200, 409):
        raise SystemExit(transcript["detail"])
    time.sleep(0.5)
