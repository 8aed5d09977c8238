"""Audio in, results out: the bucket as the worker sees it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError

from gpu_worker.chunk_rows import Claim
from gpu_worker.engine import Transcription
from gpu_worker.media import MediaError, begins_alone
from gpu_worker.segments import Segment, Word

CHUNK_NUMBER: Final = re.compile(r"/chunk-(\d{3,5})\.\w+$")
MAX_STREAM_BYTES: Final = 200 * 1024**2
"""Pieces of one stream before a piece, which are fetched again for each."""
FETCHED_AT_ONCE: Final = 8
READ_BYTES: Final = 1024**2


class PiecesMissing(Exception):
    """Pieces of the stream before this one are not there (yet)."""


def result_of(claim: Claim, model: str, transcription: Transcription) -> dict[str, Any]:
    """The result file's content: shape of `transcription-chunk-NNN.json`."""
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
    }


def _without(fields: dict[str, Any], empty: object) -> dict[str, Any]:
    """What few have is left out of the others."""
    return {name: value for name, value in fields.items() if value is not empty}


def _results(claim: Claim) -> str:
    """Where workers write for a session or file; a part's own file lies there already."""
    folder = claim.object_key.rsplit("/", 1)[0]
    return f"{folder.removesuffix('/results')}/results/"


class Objects:
    """One bucket."""

    def __init__(self, s3: Any, bucket: str) -> None:  # noqa: ANN401 - boto3 has no types
        self._s3 = s3
        self._bucket = bucket

    def fetch(self, claim: Claim, into: Path, progress: Callable[[float], None] | None = None) -> str:
        """Downloads exactly the bytes that were claimed; answers their SHA-256. `progress` gets the share that is there.

        Raises:
            MediaError: they are not there any more.
        """
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=claim.object_key, IfMatch=f'"{claim.etag}"')
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in ("NoSuchKey", "404"):
                raise MediaError("the uploaded file is gone") from error
            if code in ("PreconditionFailed", "412"):
                raise MediaError("the uploaded file was replaced by other bytes") from error
            raise
        digest = hashlib.sha256()
        size, done = max(1, int(answer["ContentLength"])), 0
        with into.open("wb") as file:
            for piece in answer["Body"].iter_chunks(READ_BYTES):
                file.write(piece)
                digest.update(piece)
                done += len(piece)
                if progress is not None:
                    progress(done / size)
        return digest.hexdigest()

    def put_stream_before(self, claim: Claim, piece: Path, despite_holes: bool) -> int:
        """Puts what came before a piece of a stream in front of it; answers where the piece begins.

        Raises:
            MediaError: no piece before it begins a stream, or they are too many bytes.
            PiecesMissing: some are not there, and that matters.
        """
        keys = self._chunk_keys(claim)
        parts: list[bytes] = []
        found = False
        with ThreadPoolExecutor(max_workers=FETCHED_AT_ONCE) as pool:
            for last in range(claim.chunk_number - 1, 0, -FETCHED_AT_ONCE):
                numbers = range(last, max(0, last - FETCHED_AT_ONCE), -1)
                if not despite_holes and any(number not in keys for number in numbers):
                    raise PiecesMissing
                for data in pool.map(self._read, [keys[number] for number in numbers if number in keys]):
                    parts.append(data)
                    if sum(map(len, parts)) > MAX_STREAM_BYTES:
                        raise MediaError(
                            "the recording is one stream of too many bytes; send chunks that can be decoded alone"
                        )
                    found = begins_alone(data[:12])
                    if found:
                        break
                if found:
                    break
        if not found:
            raise MediaError("this is not an audio file of a kind that we take")
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
        """Fetches an object of the stage's own, such as a model."""
        self._s3.download_file(self._bucket, key, str(into))

    def _read(self, key: str) -> bytes:
        return bytes(self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read())

    def read_result(self, key: str) -> Transcription | None:
        """A committed result; None when it is gone."""
        try:
            result = json.loads(self._read(key))
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None
            raise
        segments = tuple(
            Segment(**{**segment, "words": tuple(Word(**word) for word in segment["words"])})
            for segment in ({name: value for name, value in one.items() if name != "id"} for one in result["segments"])
        )
        unheard = tuple((part["start"], part["end"]) for part in result.get("unheard", ()))
        return Transcription(result["language"], result["duration_seconds"], segments, unheard)

    def write_result(self, claim: Claim, model: str, transcription: Transcription) -> str:
        """Writes the result under a key with the claim's fence, where no other attempt writes; answers the key."""
        return self.write_json(claim, result_of(claim, model, transcription))

    def write_json(self, claim: Claim, content: Mapping[str, Any]) -> str:
        """Writes what was found under a key with the claim's fence; answers the key."""
        key = f"{_results(claim)}{claim.chunk_number:03d}.{claim.fence}.json"
        body = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=body.encode(), ContentType="application/json")
        return key

    def put_file(self, claim: Claim, path: Path, content_type: str) -> dict[str, Any]:
        """Uploads a file made of the claimed one, under a key with the claim's fence; answers key, etag and size."""
        key = f"{_results(claim)}{path.stem}.{claim.fence}{path.suffix}"
        with path.open("rb") as file:
            answer = self._s3.put_object(Bucket=self._bucket, Key=key, Body=file, ContentType=content_type)
        return {"key": key, "etag": answer["ETag"].strip('"'), "size_bytes": path.stat().st_size}
