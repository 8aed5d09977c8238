"""The stage's bucket: reads audio, writes results."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypedDict

from botocore.exceptions import ClientError

from gpu_worker.cloud.stage.aws import error_code
from gpu_worker.cloud.stage.claims import Claim, ObjectVersion
from gpu_worker.cloud.stage.results import LeadIn, read_transcription, result_of
from gpu_worker.speech.engine import Transcription
from gpu_worker.speech.media import MediaError, starts_stream

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import GetObjectRequestTypeDef

CHUNK_NUMBER: Final = re.compile(r"/chunk-(\d{3,5})\.\w+$")
MAX_STREAM_BYTES: Final = 200 * 1024**2
"""Limit of the bytes before a piece of a stream that cannot be continued in the middle."""
HEAD_BYTES: Final = 64 * 1024
"""Enough for the header of a stream."""
PARALLEL_FETCHES: Final = 8
DECLARED: Final = ("duration-seconds", "started-at-ms", "overlap-ms")
"""Metadata of an upload that the client declared, as lambdas/adapters/s3-objects.ts signs it."""
READ_BYTES: Final = 1024**2
GONE: Final = ("NoSuchKey", "404")
REPLACED: Final = ("PreconditionFailed", "412")


class StoredFile(TypedDict):
    """An uploaded file, as a manifest lists it."""

    key: str
    etag: str
    size_bytes: int


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


def _results_prefix(claim: Claim) -> str:
    """Prefix of a session's or file's results; the objects of file parts already have it."""
    folder = claim.object_key.rsplit("/", 1)[0]
    return f"{folder.removesuffix('/results')}/results/"


def _key_of_piece(claim: Claim, number: int) -> str:
    """Key of another chunk of the recording with the same file type, as core/contracts/keys.ts builds it."""
    folder, name = claim.object_key.rsplit("/", 1)
    return f"{folder}/chunk-{number:03d}.{name.rsplit('.', 1)[1]}"


class Objects:
    """Reads and writes one bucket."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
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
            if error_code(error) in GONE:
                raise MediaError("the uploaded file is gone") from error
            if error_code(error) in REPLACED:
                raise ReplacedError("the uploaded file was replaced by other bytes") from error
            raise
        digest = hashlib.sha256()
        size, done = max(1, response["ContentLength"]), 0
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
            if error_code(error) in GONE:
                raise MediaError("the uploaded file is gone") from error
            raise
        declared = {name: _number(response.get("Metadata", {}).get(name)) for name in DECLARED}
        seconds, started_at_ms, overlap_ms = (declared[name] for name in DECLARED)
        return ObjectVersion(
            etag=response["ETag"].strip('"'),
            size_bytes=response["ContentLength"],
            seconds=seconds,
            started_at_ms=None if started_at_ms is None else int(started_at_ms),
            overlap_ms=None if overlap_ms is None else int(overlap_ms),
        )

    def prepend_stream(self, claim: Claim, piece: Path, allow_gaps: bool) -> tuple[int, int]:
        """Inserts all earlier pieces of a stream before a piece.

        Args:
            claim: The claimed piece.
            piece: Its file, which is overwritten.
            allow_gaps: Whether missing pieces are skipped.

        Returns:
            The byte at which the piece begins, and the number of the piece that starts the stream.

        Raises:
            MediaError: No earlier piece starts a stream, or they are too large.
            PiecesMissing: A piece is missing.
        """
        keys = self._chunk_keys(claim)
        parts: list[bytes] = []
        start: int | None = None
        with ThreadPoolExecutor(max_workers=PARALLEL_FETCHES) as pool:
            for last in range(claim.chunk_number - 1, 0, -PARALLEL_FETCHES):
                numbers = range(last, max(0, last - PARALLEL_FETCHES), -1)
                if not allow_gaps and any(number not in keys for number in numbers):
                    raise PiecesMissing
                known = [number for number in numbers if number in keys]
                for number, data in zip(known, pool.map(self._read, [keys[number] for number in known]), strict=True):
                    parts.append(data)
                    if sum(map(len, parts)) > MAX_STREAM_BYTES:
                        raise MediaError(
                            "the recording is one stream that is too large; send chunks that can be decoded by themselves"
                        )
                    if starts_stream(data):
                        start = number
                        break
                if start is not None:
                    break
        if start is None:
            raise MediaError("this is not a supported audio file")
        own = piece.read_bytes()
        with piece.open("wb") as file:
            for part in (*reversed(parts), own):
                file.write(part)
        return sum(map(len, parts)), start

    def read_head(self, claim: Claim, number: int) -> bytes | None:
        """The first bytes of another piece of the stream; None if there is none with the same file type."""
        try:
            return self._read(_key_of_piece(claim, number), f"bytes=0-{HEAD_BYTES - 1}")
        except ClientError as error:
            if error_code(error) in GONE:
                return None
            raise

    def read_pieces(self, claim: Claim, numbers: range) -> bytes | None:
        """Other pieces of the stream, joined; None if one of them is missing."""
        with ThreadPoolExecutor(max_workers=PARALLEL_FETCHES) as pool:
            try:
                return b"".join(pool.map(lambda number: self._read(_key_of_piece(claim, number)), numbers))
            except ClientError as error:
                if error_code(error) in GONE:
                    return None
                raise

    def _chunk_keys(self, claim: Claim) -> dict[int, str]:
        prefix = claim.object_key.rsplit("/", 1)[0] + "/chunk-"
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        matches = [(CHUNK_NUMBER.search(item["Key"]), item["Key"]) for page in pages for item in page.get("Contents", [])]
        return {int(match[1]): key for match, key in matches if match}

    def download(self, key: str, into: Path) -> None:
        """Downloads an object of the stage itself, such as a model."""
        self._s3.download_file(self._bucket, key, str(into))

    def keep(self, key: str, path: Path) -> None:
        """Stores a file for other machines of the stage."""
        self._s3.upload_file(str(path), self._bucket, key)

    def _read(self, key: str, byte_range: str | None = None) -> bytes:
        extra: GetObjectRequestTypeDef = {"Bucket": self._bucket, "Key": key}
        if byte_range is not None:
            extra["Range"] = byte_range
        return self._s3.get_object(**extra)["Body"].read()

    def read_result(self, key: str) -> Transcription | None:
        """The transcription in a committed result; None if the object no longer exists."""
        try:
            return read_transcription(self._read(key))
        except ClientError as error:
            if error_code(error) in GONE:
                return None
            raise

    def write_result(
        self, claim: Claim, model: str, transcription: Transcription, lead_in: LeadIn | None, speaker_model: str
    ) -> str:
        """Writes the result; returns its key. The key contains the claim's fence, so no other attempt writes it."""
        return self.write_json(claim, result_of(claim, model, transcription, lead_in, speaker_model))

    def write_json(self, claim: Claim, content: Mapping[str, object]) -> str:
        """Writes JSON under a key that contains the claim's fence; returns the key."""
        key = f"{_results_prefix(claim)}{claim.chunk_number:03d}.{claim.fence}.json"
        body = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=body.encode(), ContentType="application/json")
        return key

    def put_file(self, claim: Claim, path: Path, content_type: str) -> StoredFile:
        """Uploads a file under a key that contains the claim's fence."""
        key = f"{_results_prefix(claim)}{path.stem}.{claim.fence}{path.suffix}"
        with path.open("rb") as file:
            response = self._s3.put_object(Bucket=self._bucket, Key=key, Body=file, ContentType=content_type)
        return {"key": key, "etag": response["ETag"].strip('"'), "size_bytes": path.stat().st_size}
