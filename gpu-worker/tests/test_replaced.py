"""An uploaded chunk that was overwritten by other bytes: the worker uses the current ones."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from gpu_worker.cloud.stage.chunk_rows import ChunkRows
from gpu_worker.cloud.stage.claims import Claim
from gpu_worker.cloud.stage.lanes import QueueMessage
from gpu_worker.cloud.stage.objects import Objects
from gpu_worker.cloud.work.items import Item
from gpu_worker.cloud.work.loading import Loader
from gpu_worker.speech.media import DecodeOptions
from gpu_worker.speech.media.decoder import Decoded
from memory_dynamodb import MemoryDynamoDB

KEY = "users/u/sessions/session_x/chunk-001.webm"
WEBM = bytes.fromhex("1a45dfa3")


def refused(code: str, status: int) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}}, "")


class Bucket:
    """One key with one object at a time, and conditional reads."""

    def __init__(self) -> None:
        self.bytes: bytes | None = None
        self.metadata: dict[str, str] = {}
        self.reads = 0
        self.overwritten_at_read: dict[int, bytes] = {}

    def put(self, content: bytes, **metadata: str) -> str:
        self.bytes, self.metadata = content, metadata
        return self.etag

    @property
    def etag(self) -> str:
        return hashlib.md5(self.bytes or b"").hexdigest()  # noqa: S324 - as S3 computes ETags

    def get_object(self, IfMatch: str, **_request: Any) -> dict[str, Any]:  # noqa: N803 - boto3's names
        self.reads += 1
        if self.reads in self.overwritten_at_read:
            self.put(self.overwritten_at_read[self.reads])
        if self.bytes is None:
            raise refused("NoSuchKey", 404)
        if IfMatch.strip('"') != self.etag:
            raise refused("PreconditionFailed", 412)
        return {"ContentLength": len(self.bytes), "Body": StreamingBody(io.BytesIO(self.bytes), len(self.bytes))}

    def head_object(self, **_request: Any) -> dict[str, Any]:
        if self.bytes is None:
            raise refused("404", 404)
        return {"ETag": f'"{self.etag}"', "ContentLength": len(self.bytes), "Metadata": self.metadata}


class Decoder:
    """Records what it decodes."""

    def __init__(self) -> None:
        self.decoded: list[bytes] = []

    def decode(self, path: Any, _options: DecodeOptions) -> Decoded:
        self.decoded.append(path.read_bytes())
        audio = np.zeros(16_000, dtype=np.float32)
        return Decoded(audio, audio[:0], ())


class NoLanguages:
    def likely(self, _claim: Claim) -> None:
        return None


class World:
    def __init__(self) -> None:
        self.database = MemoryDynamoDB()
        self.bucket = Bucket()
        self.decoder = Decoder()
        self.rows = ChunkRows(self.database, "chunks", "ledger", "fleet", "i-a/1/x")
        self.rows.find_result = lambda _key: None  # type: ignore[method-assign]
        objects = Objects(self.bucket, "bucket")
        self.loader = Loader(self.rows, objects, self.decoder, NoLanguages(), "m", "")  # type: ignore[arg-type]

    @property
    def row(self) -> dict[str, Any]:
        return self.database.tables["chunks"].items[("session_x", 1)]

    def claimed(self, etag: str, **more: object) -> Item:
        row = {"session_id": "session_x", "chunk_number": 1, "user_id": "u", "object_key": KEY, "state": "pending"}
        rest = {"etag": etag, "attempts": 0, "fence": 0, "next_attempt_at_ms": 0, "size_bytes": 1, **more}
        self.database.Table("chunks").put_item(Item={**row, **rest})
        claim = self.rows.claim("session_x", 1)
        assert isinstance(claim, Claim)
        return Item(QueueMessage("q", "r", "session_x", 1), claim)


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.promise("pressure.overwritten")
def test_the_newest_bytes_are_decoded_and_committed_with_their_own_values(world: World) -> None:
    item = world.claimed(world.bucket.put(WEBM + b"A"), said_seconds=7, overlap_ms=9)
    newest = world.bucket.put(WEBM + b"B", **{"duration-seconds": "2.5", "started-at-ms": "1700000000000"})
    assert world.loader.load(item) is None
    assert world.decoder.decoded == [WEBM + b"B"]
    world.rows.commit(item.claim, "result", "text of B", 1.0)
    row = world.row
    assert (row["state"], row["etag"], row["raw_text"], row["size_bytes"]) == ("done", newest, "text of B", 5)
    assert float(row["said_seconds"]) == 2.5 and int(row["started_at_ms"]) == 1_700_000_000_000
    assert "overlap_ms" not in row, "values declared for the old bytes are removed"


@pytest.mark.promise("pressure.overwritten")
def test_bytes_that_are_overwritten_again_during_the_download_are_used(world: World) -> None:
    item = world.claimed(world.bucket.put(WEBM + b"A"))
    world.bucket.put(WEBM + b"B")
    world.bucket.overwritten_at_read = {2: WEBM + b"C"}
    assert world.loader.load(item) is None
    assert world.decoder.decoded == [WEBM + b"C"] and world.row["etag"] == world.bucket.etag


@pytest.mark.promise("pressure.overwritten")
def test_a_chunk_whose_row_has_the_new_bytes_already_is_left_to_its_next_claim(world: World) -> None:
    item = world.claimed(world.bucket.put(WEBM + b"A"))
    newest = world.bucket.put(WEBM + b"B")
    world.row.update(etag=newest, fence=5, state="pending")  # as the event of the new upload does
    failure = world.loader.load(item)
    assert failure is not None and not failure.permanent
    assert (world.row["state"], world.row["fence"], world.decoder.decoded) == ("pending", 5, [])


@pytest.mark.promise("pressure.overwritten")
def test_a_chunk_whose_object_is_gone_fails_permanently_with_that_reason(world: World) -> None:
    item = world.claimed(world.bucket.put(WEBM + b"A"))
    world.bucket.bytes = None
    failure = world.loader.load(item)
    assert failure is not None and failure.permanent and "gone" in failure.reason


@pytest.mark.promise("pressure.corrections")
def test_a_commit_clears_the_version_of_the_corrections(world: World) -> None:
    item = world.claimed(world.bucket.put(WEBM + b"A"), corrections_version=3)
    world.rows.commit(item.claim, "result", "text", 1.0)
    assert "corrections_version" not in world.row
