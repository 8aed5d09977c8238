"""Later pieces of a stream are decoded with the pieces directly before them, and have the same audio as with all of them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError

from gpu_worker.cloud.stage.claims import Claim, PreviousChunk, claim_of
from gpu_worker.cloud.stage.objects import Objects
from gpu_worker.cloud.work.stream_pieces import StreamPieces
from gpu_worker.speech.media import SAMPLE_RATE, Decoder, continued, header_of
from noise import record_noise

SECONDS = 60
PIECES = 60
FOLDER = "users/u/sessions/session_x"
STREAMS = [
    ("webm", "libopus", {"live": "1", "cluster_time_limit": "4000"}),
    ("ogg", "libopus", {}),
    ("mp4", "aac", {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "1000000"}),
]
"""Container, codec and options, as browsers record them."""
MP4_ABSOLUTE = {"movflags": "frag_keyframe+empty_moov", "frag_duration": "1000000"}
"""Fragments that say where in the whole file their audio is, so that the file cannot be continued in its middle."""


class Bucket:
    """S3 in memory; counts the bytes that are read."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.read = 0

    def get_object(self, Key: str, Range: str | None = None, **_: object) -> dict[str, Any]:  # noqa: N803
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        body = self.objects[Key]
        if Range is not None:
            body = body[: int(Range.split("-")[1]) + 1]
        self.read += len(body)
        return {"Body": io.BytesIO(body), "ContentLength": len(body)}

    def get_paginator(self, _name: str) -> Bucket:
        return self

    def paginate(self, **_: object) -> list[dict[str, Any]]:
        return [{"Contents": [{"Key": key} for key in self.objects]}]


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    one = Decoder()
    yield one
    one.close()


def recorded(path: Path, container: str, codec: str, options: dict[str, str]) -> bytes:
    return record_noise(path, container, codec, options, SECONDS, np.random.default_rng(5))


def claimed(number: int) -> Claim:
    row = {"session_id": "session_x", "chunk_number": number, "user_id": "u", "etag": "e", "attempts": 1, "fence": 1}
    return claim_of({**row, "object_key": f"{FOLDER}/chunk-{number:03d}.webm", "size_bytes": 1, "worker_id": "w"})


class Recording:
    def __init__(self, data: bytes, decoder: Decoder, folder: Path) -> None:
        cuts = [len(data) * n // PIECES for n in range(PIECES + 1)]
        self.pieces = [data[start:end] for start, end in zip(cuts, cuts[1:], strict=False)]
        self.bucket = Bucket()
        for number, piece in enumerate(self.pieces, 1):
            self.bucket.objects[f"{FOLDER}/chunk-{number:03d}.webm"] = piece
        self.folder = folder
        self.stream_pieces = StreamPieces(Objects(self.bucket, "bucket"), decoder)  # type: ignore[arg-type]

    def decode(self, number: int, stream_start: int | None, lead_in_s: float = 3.0) -> tuple[Any, Any, int]:
        path = self.folder / "piece"
        path.write_bytes(self.pieces[number - 1])
        previous = PreviousChunk(object_key="k", etag="e", stream_start=stream_start)
        self.bucket.read = 0
        found, start = self.stream_pieces.decode(claimed(number), path, previous, lead_in_s, allow_gaps=False)
        return found.audio, found.before, start


@pytest.mark.promise("chunk.stream-pieces", "session.flat")
@pytest.mark.parametrize(("container", "codec", "options"), STREAMS, ids=[name for name, *_ in STREAMS])
def test_a_late_piece_has_the_same_audio_as_with_all_earlier_ones_and_reads_no_more_than_an_early_one(
    decoder: Decoder, tmp_path: Path, container: str, codec: str, options: dict[str, str]
) -> None:
    recording = Recording(recorded(tmp_path / "whole", container, codec, options), decoder, tmp_path)
    whole = sum(map(len, recording.pieces))
    read = {}
    for number in (20, 37, PIECES):
        near, lead_in, start = recording.decode(number, 1)
        read[number] = recording.bucket.read
        # Without a known start, all earlier pieces are read.
        all_of_it, lead_in_of_all, found = recording.decode(number, None)
        assert recording.bucket.read > (number - 1) * whole // PIECES - PIECES
        assert (start, found) == (1, 1)
        assert len(near) == len(all_of_it) > 0 and len(lead_in) == len(lead_in_of_all) == 3 * SAMPLE_RATE
        assert np.abs(near - all_of_it).mean() < 1e-3
    assert max(read.values()) < 0.4 * whole
    assert read[PIECES] <= 1.5 * read[20]


@pytest.mark.promise("chunk.stream-pieces")
def test_a_stream_that_cannot_be_continued_in_its_middle_is_read_from_its_beginning(
    decoder: Decoder, tmp_path: Path
) -> None:
    recording = Recording(recorded(tmp_path / "whole", "mp4", "aac", MP4_ABSOLUTE), decoder, tmp_path)
    near, _, _ = recording.decode(40, 1)
    whole, _, _ = recording.decode(40, None)
    assert len(near) == len(whole) and np.abs(near - whole).mean() < 1e-3


@pytest.mark.promise("chunk.stream-pieces")
def test_a_missing_piece_or_a_wrong_start_is_noticed_and_the_stream_is_searched(decoder: Decoder, tmp_path: Path) -> None:
    container, codec, options = STREAMS[0]
    recording = Recording(recorded(tmp_path / "whole", container, codec, options), decoder, tmp_path)
    expected, _, _ = recording.decode(30, 1)
    found, _, start = recording.decode(30, 12)  # piece 12 starts no stream
    assert start == 1 and np.array_equal(found, expected)
    overlapping, lead_in, _ = recording.decode(30, 1, lead_in_s=0.0)
    assert len(lead_in) == 0 and np.array_equal(overlapping, expected)


def test_headers_end_at_the_first_audio_and_other_formats_have_none(tmp_path: Path) -> None:
    for container, codec, options in STREAMS:
        data = recorded(tmp_path / "whole", container, codec, options)
        header = header_of(data[:65536])
        assert header is not None and 0 < len(header) < 2000
        assert continued(header, data[len(header) :]) == data
        assert continued(header, b"\x00" * 1000) is None
    assert header_of(b"RIFF\x00\x00\x00\x00WAVE" + b"\x00" * 100) is None
    assert header_of(data[:20]) is None
