"""Lead-ins: the last seconds of the previous chunk, with which a chunk is decoded so that words at the cut are whole.

A chunk never waits for the previous one: if that is missing or cannot be decoded, there is no lead-in. If the client repeats
audio at the start of the chunk, the lead-in is shorter by that overlap.
"""

from __future__ import annotations

import tempfile
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from gpu_worker.cloud.stage.chunk_rows import ChunkRows
from gpu_worker.cloud.stage.claims import Claim, PreviousChunk
from gpu_worker.cloud.stage.objects import Objects
from gpu_worker.cloud.stage.results import LeadIn
from gpu_worker.speech.media import SAMPLE_RATE, DecodeOptions, Decoder, MediaError

LEAD_IN_SECONDS: Final = 3.0
"""Gives the model the words before the cut as context; longer lead-ins did not improve texts."""
CACHED_ENDS: Final = 64
"""Ends of decoded chunks that are cached for the next chunk, about 0.5 MB each."""
CACHED_SECONDS: Final = 8.0
"""LEAD_IN_SECONDS plus MAX_OVERLAP_SECONDS."""
MAX_CHUNK_SECONDS: Final = 600.0
"""Longest chunk."""
MIN_OVERLAP_SECONDS: Final = 0.1
MAX_OVERLAP_SECONDS: Final = 5.0
"""Bounds in seconds of overlaps computed from client clocks; the same as in core/transcripts/outcomes.ts."""

Audio = npt.NDArray[np.float32]


def overlap_seconds(claim: Claim, previous_chunk: PreviousChunk) -> float:
    """Seconds at the beginning of a chunk that repeat the end of the previous one."""
    if claim.overlap_ms is not None:
        return claim.overlap_ms / 1000
    if claim.started_at_ms is None or previous_chunk.started_at_ms is None or previous_chunk.seconds is None:
        return 0.0
    overlap = (previous_chunk.started_at_ms - claim.started_at_ms) / 1000 + previous_chunk.seconds
    return overlap if MIN_OVERLAP_SECONDS <= overlap <= MAX_OVERLAP_SECONDS else 0.0


def options_of(claim: Claim) -> DecodeOptions:
    """How a chunk is decoded, or a part of a file."""
    return DecodeOptions(MAX_CHUNK_SECONDS, is_recording=True, separate=claim.separate)


def fitting(lead_in: LeadIn | None, audio: Audio) -> LeadIn | None:
    """The lead-in, unless it has other channels than the chunk."""
    return None if lead_in is None or lead_in.audio.shape[:-1] != audio.shape[:-1] else lead_in


class LeadIns:
    """Finds lead-ins; used from several threads."""

    def __init__(self, rows: ChunkRows, objects: Objects, decoder: Decoder) -> None:
        self._rows = rows
        self._objects = objects
        self._decoder = decoder
        self._ends: OrderedDict[tuple[str, int, str], Audio] = OrderedDict()
        self._lock = threading.Lock()

    def previous_chunk(self, claim: Claim) -> tuple[PreviousChunk, float] | None:
        """The previous chunk of a recording, and the seconds of its end that are needed; None if there is none."""
        if claim.of_file or claim.chunk_number <= 1:
            return None
        previous_chunk = self._rows.previous_chunk(claim)
        if previous_chunk is None:
            return None
        return previous_chunk, max(0.0, LEAD_IN_SECONDS - overlap_seconds(claim, previous_chunk))

    def find(self, claim: Claim) -> LeadIn | None:
        """The lead-in of a chunk that can be decoded by itself; None if there is none. Raises the S3 client's errors."""
        found = self.previous_chunk(claim)
        if found is None or found[1] == 0:
            return None
        previous_chunk, seconds = found
        end = self._end_of(claim, previous_chunk)
        if end is None:
            return None
        overlap = int(overlap_seconds(claim, previous_chunk) * SAMPLE_RATE)
        audio = end[..., : end.shape[-1] - overlap][..., -int(seconds * SAMPLE_RATE) :]
        return LeadIn(audio, previous_chunk.etag) if audio.shape[-1] > 0 else None

    def cache_end(self, claim: Claim, audio: Audio) -> None:
        """Caches the end of a chunk for the next one. `audio`: float32, 16 kHz, time in the last dimension."""
        if claim.of_file:
            return
        with self._lock:
            self._ends[(claim.session_id, claim.chunk_number, claim.etag)] = audio[
                ..., -int(CACHED_SECONDS * SAMPLE_RATE) :
            ].copy()
            while len(self._ends) > CACHED_ENDS:
                self._ends.popitem(last=False)

    def _end_of(self, claim: Claim, previous_chunk: PreviousChunk) -> Audio | None:
        with self._lock:
            known = self._ends.get((claim.session_id, claim.chunk_number - 1, previous_chunk.etag))
        if known is not None:
            return known
        try:
            with tempfile.TemporaryDirectory() as folder:  # nothing else in the folder that FFmpeg could open
                path = Path(folder) / "audio"
                self._objects.fetch_object(previous_chunk.object_key, previous_chunk.etag, path)
                return self._decoder.decode(path, options_of(claim)).audio
        except MediaError:
            return None
