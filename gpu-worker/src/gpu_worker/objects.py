"""The stage's bucket: reads audio, writes results."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError

from gpu_worker.claims import Claim, ObjectVersion
from gpu_worker.engine import Transcription
from gpu_worker.items import LeadIn
from gpu_worker.media import MediaError, starts_stream
from gpu_worker.segments import Segment, Word

CHUNK_NUMBER: Final = re.compile(r"/chunk-(\d{3,5})\.\w+$")
MAX_STREAM_BYTES: Final = 200 * 1024**2
"""Limit of the bytes before a piece of a stream; they are fetched again for each piece."""
PARALLEL_FETCHES: Final = 8
DECLARED: Final = ("duration-seconds", "started-at-ms", "overlap-ms")
"""Metadata of an upload that the client declared, as lambdas/adapters/s3-objects.ts signs it."""
READ_BYTES: Final = 1024**2


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


class ReplacedError(MediaError):
    """The object was overwritten by other bytes."""


class PiecesMissing(Exception):
    """Earlier pieces of the stream have not been uploaded."""


def result_of(claim: Claim, model: str, transcription: Transcription, lead_in: LeadIn | None = None) -> dict[str, Any]:
    """Content of the result file, in the shape of `transcription-chunk-NNN.json`."""
    return {
        "sessionId": claim.session_id,
        "chunkNumber": claim.chunk_number,
        "language": transcription.language,
        "duration_seconds": transcription.duration_seconds,
        "model": model,
        "text": transcription.text,
        "segments": [
            {
                "id": number,
                **_without(asdict(segment), None),
                "words": [_without(asdict(word), False) for word in segment.words],
            }
            for number, segment in enumerate(transcription.segments)
        ],
        **(
            {"unheard": [{"start": start, "end": end} for start, end in transcription.unheard]}
            if transcription.unheard
            else {}
        ),
        **(
            {
                "lead_in": {
                    "seconds": lead_in.seconds,
                    "etag": lead_in.etag,
                    "words": [_without(asdict(word), False) for word in transcription.lead_in],
                }
            }
            if lead_in is not None
            else {}
        ),
    }


def read_transcription(result: dict[str, Any]) -> Transcription:
    """The transcription in a result file, also one that an older engine wrote."""
    segments = tuple(
        Segment(**{**segment, "words": tuple(Word(**word) for word in segment["words"])})
        for segment in ({name: value for name, value in one.items() if name != "id"} for one in result["segments"])
    )
    unheard = tuple((part["start"], part["end"]) for part in result.get("unheard", ()))
    lead_in = tuple(Word(**word) for word in result.get("lead_in", {}).get("words", ()))
    return Transcription(result["language"], result["duration_seconds"], segments, unheard, lead_in)


def _without(fields: dict[str, Any], empty: object) -> dict[str, Any]:
    """Leaves out optional fields that are unset."""
    return {name: value for name, value in fields.items() if value is not empty}


def _results_prefix(claim: Claim) -> str:
    """Prefix of a session's or file's results; the objects of file parts already have it."""
    folder = claim.object_key.rsplit("/", 1)[0]
    return f"{folder.removesuffix('/results')}/results/"


class Objects:
    """Reads and writes one bucket."""

    def __init__(self, s3: Any, bucket: str) -> None:  # noqa: ANN401 - boto3 has no types
        self._s3 = s3
        self._bucket = bucket

    def fetch(self, claim: Claim, into: Path, progress: Callable[[float], None] | None = None) -> str:
        """Downloads exactly the claimed bytes; returns their SHA-256. Raises the errors of `fetch_object`."""
        return self.fetch_object(claim.object_key, claim.etag, into, progress)

    def fetch_object(self, key: str, etag: str, into: Path, progress: Callable[[float], None] | None = None) -> str:
        """Downloads the object with this ETag; returns its SHA-256.

        Args:
            key: S3 key.
            etag: ETag without quotes.
            into: File to write.
            progress: Called with the share that is downloaded, 0 to 1.

        Raises:
            MediaError: The object no longer exists.
            ReplacedError: It has another ETag.
        """
        try:
            response = self._s3.get_object(Bucket=self._bucket, Key=key, IfMatch=f'"{etag}"')
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in ("NoSuchKey", "404"):
                raise MediaError("the uploaded file is gone") from error
            if code in ("PreconditionFailed", "412"):
                raise ReplacedError("the uploaded file was replaced by other bytes") from error
            raise
        digest = hashlib.sha256()
        size, done = max(1, int(response["ContentLength"])), 0
        with into.open("wb") as file:
            for piece in response["Body"].iter_chunks(READ_BYTES):
                file.write(piece)
                digest.update(piece)
                done += len(piece)
                if progress is not None:
                    progress(done / size)
        return digest.hexdigest()

    def current_version(self, key: str) -> ObjectVersion:
        """The current version of the object. Raises MediaError if it no longer exists."""
        try:
            response = self._s3.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                raise MediaError("the uploaded file is gone") from error
            raise
        declared = {name: _number(response.get("Metadata", {}).get(name)) for name in DECLARED}
        seconds, started_at_ms, overlap_ms = (declared[name] for name in DECLARED)
        return ObjectVersion(
            etag=str(response["ETag"]).strip('"'),
            size_bytes=int(response["ContentLength"]),
            seconds=seconds,
            started_at_ms=None if started_at_ms is None else int(started_at_ms),
            overlap_ms=None if overlap_ms is None else int(overlap_ms),
        )

    def prepend_stream(self, claim: Claim, piece: Path, allow_gaps: bool) -> int:
        """Inserts the earlier pieces of a stream before a piece; returns the byte at which the piece begins.

        Args:
            claim: The claimed piece.
            piece: Its file, which is overwritten.
            allow_gaps: Whether missing pieces are skipped.

        Raises:
            MediaError: No earlier piece starts a stream, or they are too large.
            PiecesMissing: A piece is missing.
        """
        keys = self._chunk_keys(claim)
        parts: list[bytes] = []
        found = False
        with ThreadPoolExecutor(max_workers=PARALLEL_FETCHES) as pool:
            for last in range(claim.chunk_number - 1, 0, -PARALLEL_FETCHES):
                numbers = range(last, max(0, last - PARALLEL_FETCHES), -1)
                if not allow_gaps and any(number not in keys for number in numbers):
                    raise PiecesMissing
                for data in pool.map(self._read, [keys[number] for number in numbers if number in keys]):
                    parts.append(data)
                    if sum(map(len, parts)) > MAX_STREAM_BYTES:
                        raise MediaError(
                            "the recording is one stream that is too large; send chunks that can be decoded by themselves"
                        )
                    found = starts_stream(data[:12])
                    if found:
                        break
                if found:
                    break
        if not found:
            raise MediaError("this is not a supported audio file")
        own = piece.read_bytes()
        with piece.open("wb") as file:
            for part in (*reversed(parts), own):
                file.write(part)
        return sum(map(len, parts))

    def _chunk_keys(self, claim: Claim) -> dict[int, str]:
        prefix = claim.object_key.rsplit("/", 1)[0] + "/chunk-"
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        matches = [(CHUNK_NUMBER.search(item["Key"]), item["Key"]) for page in pages for item in page.get("Contents", [])]
        return {int(match[1]): key for match, key in matches if match}

    def download(self, key: str, into: Path) -> None:
        """Downloads an object of the stage itself, such as a model."""
        self._s3.download_file(self._bucket, key, str(into))

    def _read(self, key: str) -> bytes:
        return bytes(self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read())

    def read_result(self, key: str) -> Transcription | None:
        """The transcription in a committed result; None if the object no longer exists."""
        try:
            result = json.loads(self._read(key))
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None
            raise
        return read_transcription(result)

    def write_result(self, claim: Claim, model: str, transcription: Transcription, lead_in: LeadIn | None = None) -> str:
        """Writes the result; returns its key. The key contains the claim's fence, so no other attempt writes it."""
        return self.write_json(claim, result_of(claim, model, transcription, lead_in))

    def write_json(self, claim: Claim, content: Mapping[str, Any]) -> str:
        """Writes JSON under a key that contains the claim's fence; returns the key."""
        key = f"{_results_prefix(claim)}{claim.chunk_number:03d}.{claim.fence}.json"
        body = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=body.encode(), ContentType="application/json")
        return key

    def put_file(self, claim: Claim, path: Path, content_type: str) -> dict[str, Any]:
        """Uploads a file under a key that contains the claim's fence; returns key, etag and size_bytes."""
        key = f"{_results_prefix(claim)}{path.stem}.{claim.fence}{path.suffix}"
        with path.open("rb") as file:
            response = self._s3.put_object(Bucket=self._bucket, Key=key, Body=file, ContentType=content_type)
        return {"key": key, "etag": response["ETag"].strip('"'), "size_bytes": path.stat().st_size}
