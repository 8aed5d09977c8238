"""Decodes pieces of one stream (`MediaRecorder.start(timeslice)`): only the first has a header, and any byte may be a cut.

A piece is decoded after the stream's header and as many pieces before it as its lead-in takes. The row of each piece tells
which piece starts its stream, so that a long stream is not read from its beginning. Where this is unknown, or the format
cannot be continued in the middle, all earlier pieces are read.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from gpu_worker.cloud.stage.claims import Claim, PreviousChunk
from gpu_worker.cloud.stage.objects import Objects
from gpu_worker.cloud.work.lead_in import options_of
from gpu_worker.speech.media import SAMPLE_RATE, Decoder, MediaError, continued, header_of, starts_stream
from gpu_worker.speech.media.decoder import Decoded

EARLIER_PIECES: Final = (2, 8, 32, 128)
"""Pieces before the decoded one that are read, until its lead-in is complete; a cluster of a WebM lasts 32 s at most."""
SHORTEST_LEAD_IN_S: Final = 0.5
"""Decoded also if less is needed: it shows that decoding began early enough."""


class StreamPieces:
    """Used from several threads."""

    def __init__(self, objects: Objects, decoder: Decoder) -> None:
        self._objects = objects
        self._decoder = decoder

    def decode(
        self, claim: Claim, path: Path, previous: PreviousChunk | None, lead_in_s: float, allow_gaps: bool
    ) -> tuple[Decoded, int]:
        """Decodes a piece.

        Args:
            claim: The claimed piece.
            path: Its file, which is overwritten.
            previous: The row of the piece before it; None if there is none.
            lead_in_s: Seconds of audio before the piece that are wanted.
            allow_gaps: Whether missing pieces are skipped.

        Returns:
            The piece's audio with the audio before it, and the number of the piece that starts the stream.

        Raises:
            MediaError: No earlier piece starts a stream, or the audio cannot be decoded.
            PiecesMissing: A piece is missing.
        """
        own = path.read_bytes()
        if previous is not None:
            start = previous.stream_start or claim.chunk_number - 1
            near = self._decode_near(claim, path, own, start, lead_in_s)
            if near is not None:
                return near, start
        path.write_bytes(own)
        from_byte, start = self._objects.prepend_stream(claim, path, allow_gaps=allow_gaps)
        return self._decoder.decode(path, options_of(claim), from_byte, lead_in_s), start

    def _decode_near(self, claim: Claim, path: Path, own: bytes, start: int, lead_in_s: float) -> Decoded | None:
        """Decodes with the pieces directly before; None if they do not suffice."""
        header: bytes | None = None
        wanted_s = max(lead_in_s, SHORTEST_LEAD_IN_S)
        for count in EARLIER_PIECES:
            first = claim.chunk_number - count
            if first <= start:
                return None
            if header is None:
                head = self._objects.read_head(claim, start)
                header = header_of(head) if head is not None and starts_stream(head) else None
            earlier = self._objects.read_pieces(claim, range(first, claim.chunk_number))
            if header is None or earlier is None:
                return None
            before_own = continued(header, earlier)
            if before_own is None:
                continue
            path.write_bytes(before_own + own)
            try:
                found = self._decoder.decode(path, options_of(claim), len(before_own), wanted_s)
            except MediaError:
                continue
            length = found.before.shape[-1]
            if length >= int(wanted_s * SAMPLE_RATE):
                return replace(found, before=found.before[..., length - int(lead_in_s * SAMPLE_RATE) :])
        return None
