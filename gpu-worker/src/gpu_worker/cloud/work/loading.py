"""Prepares claimed items for the engine: fetches and decodes the object and its lead-in, or finds an existing result."""

from __future__ import annotations

import errno
import hashlib
import json
import tempfile
from pathlib import Path
from typing import Final

import numpy as np
import structlog

from gpu_worker.cloud.stage.aws import AWS_ERRORS, is_transient
from gpu_worker.cloud.stage.chunk_rows import MAX_ATTEMPTS, ChunkRows
from gpu_worker.cloud.stage.claims import LeaseLost
from gpu_worker.cloud.stage.objects import Objects, PiecesMissing, ReplacedError
from gpu_worker.cloud.stage.results import LeadIn
from gpu_worker.cloud.stage.session_language import SessionLanguages
from gpu_worker.cloud.work.items import Failure, Item, MachineFault
from gpu_worker.cloud.work.lead_in import LEAD_IN_SECONDS, LeadIns, fitting, options_of
from gpu_worker.cloud.work.stream_pieces import StreamPieces
from gpu_worker.speech.engine_version import ENGINE_VERSION
from gpu_worker.speech.media import (
    HEAD_BYTES,
    Decoder,
    DecoderUnavailable,
    MediaError,
    peaks_of,
    starts_stream,
)

log = structlog.get_logger()

UNREADABLE: Final = "the uploaded file could not be read from storage"


def _starts_stream(path: Path) -> bool:
    with path.open("rb") as file:
        return starts_stream(file.read(HEAD_BYTES))


class Loader:
    """Loads items; used from several threads."""

    def __init__(
        self,
        rows: ChunkRows,
        objects: Objects,
        decoder: Decoder,
        session_languages: SessionLanguages,
        own_model: str,
        speakers: str,
    ) -> None:
        self._rows = rows
        self._objects = objects
        self._decoder = decoder
        self._session_languages = session_languages
        self._own_model = own_model
        self._speakers = speakers
        self._lead_ins = LeadIns(rows, objects, decoder)
        self._pieces = StreamPieces(objects, decoder)

    def load(self, item: Item) -> Failure | None:
        """Fetches and decodes the item; sets its audio or its existing result.

        Returns:
            Why the item cannot be transcribed; None if it can.

        Raises:
            MachineFault: No decoder, a full disk, or another error of the local file system.
        """
        try:
            with tempfile.TemporaryDirectory() as folder:  # nothing else in the folder that FFmpeg could open
                path = Path(folder) / "audio"
                sha256 = self._fetch(item, path)
                if item.claim.of_file:  # a part is a complete file, without lead-in
                    self._decode(item, path)
                elif item.claim.chunk_number == 1 or _starts_stream(path):
                    item.lead_in = self._lead_ins.find(item.claim)
                    item.content_key = self._content_key(item, sha256)
                    if self._find_existing(item, item.content_key):
                        return None
                    self._decode(item, path)
                else:
                    self._decode_piece(item, path)
                assert item.audio is not None
                self._lead_ins.cache_end(item.claim, item.audio)
                item.peaks = peaks_of(item.audio if item.audio.ndim == 1 else np.abs(item.audio).max(axis=0))
                if item.claim.language is None:
                    item.likely_language = self._session_languages.likely(item.claim)
        except LeaseLost:
            return Failure("another worker has claimed the chunk", permanent=False)
        except PiecesMissing:
            return Failure("the pieces of the recording before this one have not arrived", permanent=False)
        except MediaError as error:
            return Failure(f"unsupported-media: {error}", permanent=True)
        except DecoderUnavailable as error:
            raise MachineFault("NoDecoder", str(error)) from error
        except AWS_ERRORS as error:
            log.error("fetch failed", session_id=item.claim.session_id, error=str(error))
            return Failure(UNREADABLE, permanent=False, transient=is_transient(error))
        except OSError as error:
            raise MachineFault("DiskFull" if error.errno == errno.ENOSPC else "NoFiles", str(error)) from error
        return None

    def _fetch(self, item: Item, path: Path) -> str:
        """Downloads the claimed bytes; if they were replaced, adopts and downloads the new ones. Returns the SHA-256."""
        for _ in range(MAX_ATTEMPTS):
            try:
                return self._objects.fetch(item.claim, path)
            except ReplacedError:
                if item.claim.of_file:
                    raise
                item.claim = self._rows.adopt(item.claim, self._objects.current_version(item.claim.object_key))
        return self._objects.fetch(item.claim, path)

    def _decode(self, item: Item, path: Path) -> None:
        decoded = self._decoder.decode(path, options_of(item.claim))
        item.lead_in = fitting(item.lead_in, decoded.audio)
        item.audio, item.damaged = decoded.audio, decoded.damaged
        if not item.claim.of_file:
            item.no_signal = decoded.no_signal

    def _decode_piece(self, item: Item, path: Path) -> None:
        """Decodes a piece of a stream together with the earlier pieces; the end of these is its lead-in."""
        last_try = item.claim.attempts >= MAX_ATTEMPTS
        previous, seconds = self._lead_ins.previous_chunk(item.claim) or (None, LEAD_IN_SECONDS)
        decoded, item.stream_start = self._pieces.decode(item.claim, path, previous, seconds, allow_gaps=last_try)
        item.audio, item.damaged, item.no_signal = decoded.audio, decoded.damaged, decoded.no_signal
        if previous is not None and decoded.before.shape[-1] > 0:
            item.lead_in = LeadIn(decoded.before, previous.etag)

    def _content_key(self, item: Item, sha256: str) -> str:
        """A key of everything that determines a chunk's text."""
        claim = item.claim
        lead_in = "" if item.lead_in is None else hashlib.sha256(item.lead_in.audio.tobytes()).hexdigest()
        options = [
            claim.model or self._own_model,
            claim.diarize and self._speakers,
            claim.channels,
            claim.prompt,
            claim.hotwords,
            lead_in,
        ]
        if claim.max_speakers is not None:
            options.append(str(claim.max_speakers))
        options_digest = hashlib.sha256(json.dumps(options).encode()).hexdigest()[:32]
        return "#".join((claim.user_id, sha256, claim.language or "", options_digest, f"engine-{ENGINE_VERSION}"))

    def _find_existing(self, item: Item, content_key: str) -> bool:
        found = self._rows.find_result(content_key)
        if found is not None:
            item.peaks = found.peaks
            item.existing_result = self._objects.read_result(found.result_key)
            if item.existing_result is not None and item.existing_result.lead_in_s == 0:
                item.lead_in = None  # it was decoded without one
        return item.existing_result is not None
