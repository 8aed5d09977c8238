"""Audio in, results out: the bucket as the worker sees it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from gpu_worker.chunk_rows import Claim
from gpu_worker.engine import Transcription
from gpu_worker.media import MediaError


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
            {"id": number, **asdict(segment), "words": [asdict(word) for word in segment.words]}
            for number, segment in enumerate(transcription.segments)
        ],
    }


class Objects:
    """One bucket."""

    def __init__(self, s3: Any, bucket: str) -> None:  # noqa: ANN401 - boto3 has no types
        self._s3 = s3
        self._bucket = bucket

    def fetch(self, claim: Claim, into: Path) -> None:
        """Downloads exactly the bytes that were claimed; raises MediaError when they are not there any more."""
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=claim.object_key, IfMatch=f'"{claim.etag}"')
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in ("NoSuchKey", "404"):
                raise MediaError("the uploaded file is gone") from error
            if code in ("PreconditionFailed", "412"):
                raise MediaError("the uploaded file was replaced by other bytes") from error
            raise
        with into.open("wb") as file:
            for piece in answer["Body"].iter_chunks():
                file.write(piece)

    def write_result(self, claim: Claim, model: str, transcription: Transcription) -> str:
        """Writes the result under a key with the claim's fence, where no other attempt writes; answers the key."""
        folder = claim.object_key.rsplit("/", 1)[0]
        key = f"{folder}/results/{claim.chunk_number:03d}.{claim.fence}.json"
        body = json.dumps(result_of(claim, model, transcription), ensure_ascii=False, separators=(",", ":"))
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=body.encode(), ContentType="application/json")
        return key
