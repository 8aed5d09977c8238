"""Puts decoded audio in the places that its container's clock gives it, so that words have the times that players show.

A gap in the clock (a late start, lost packets, a pause, packets that the encoder left out in silence) becomes silence. Audio
is never dropped: if the clock goes back, as where recordings were joined, the audio simply continues.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from gpu_worker.speech.media.mixing import SAMPLE_RATE, Resampler, Samples, is_same_kind

if TYPE_CHECKING:
    from av import AudioFrame

TOLERANCE_SECONDS: Final = 0.08
"""Recorders' times of packets vary; a smaller gap is none."""
MAX_STEP_BACK_SECONDS: Final = 1.0
"""If the clock goes back further, it has started anew."""
SILENCE_BLOCK: Final = 10 * SAMPLE_RATE


@dataclass(frozen=True)
class Span:
    """Seconds from the beginning of a file."""

    start: float
    end: float


class Track:
    """One track's audio, as a stream of samples without gaps."""

    def __init__(self, lost: list[Span], zero_s: float | None, is_timed: bool, max_seconds: float, separate: bool) -> None:
        """Creates a track.

        Args:
            lost: Gets spans in which audio could not be decoded.
            zero_s: The container's time at the beginning; None: that of the first frame.
            is_timed: Whether the frames' times count.
            max_seconds: A gap that reaches beyond this is none: the clock has started anew.
            separate: Whether channels are not mixed.
        """
        self._lost = lost
        self._zero_s = zero_s
        self._is_timed = is_timed
        self._max_seconds = max_seconds
        self._separate = separate
        self._resampler: Resampler | None = None
        self._channels = 1
        self._seconds = 0.0
        """Length of the audio so far, also of that which the resampler still holds."""
        self._count = 0
        """Samples so far, without those."""
        self._lost_s: float | None = None
        """Where audio was lost that the next frame's time will tell the length of."""

    def add(self, frame: AudioFrame) -> Iterator[Samples]:
        """Adds a frame; yields int16 [n_samples], or [n_samples, n_channels] if separate, at 16 kHz."""
        if self._is_timed and frame.time is not None:
            yield from self._move_to(frame.time)
        if not is_same_kind(self._resampler, frame):
            yield from self._flush()
            self._resampler = Resampler(frame, self._separate)
            self._channels = max(self._channels, frame.layout.nb_channels)
        assert self._resampler is not None
        self._seconds += frame.samples / frame.sample_rate
        yield self._counted(self._resampler.add(frame))

    def lose(self, seconds: float) -> Iterator[Samples]:
        """Notes that a packet of this length could not be decoded."""
        if self._is_timed:
            self._lost_s = self._seconds if self._lost_s is None else self._lost_s
        else:
            self._note_loss(self._seconds, self._seconds + seconds)
            yield from self._silence(seconds)

    def end(self) -> Iterator[Samples]:
        """Yields the rest."""
        yield from self._flush()

    def _move_to(self, time_s: float) -> Iterator[Samples]:
        if self._zero_s is None:
            self._zero_s = time_s
        ahead = time_s - self._zero_s - self._seconds
        if ahead < -MAX_STEP_BACK_SECONDS or self._seconds + ahead > self._max_seconds:
            self._zero_s = time_s - self._seconds
        elif ahead > TOLERANCE_SECONDS:
            if self._lost_s is not None:
                self._note_loss(self._lost_s, self._seconds + ahead)
            yield from self._silence(ahead)
        self._lost_s = None

    def _silence(self, seconds: float) -> Iterator[Samples]:
        yield from self._flush()
        self._seconds += seconds
        while (missing := round(self._seconds * SAMPLE_RATE) - self._count) > 0:
            count = min(missing, SILENCE_BLOCK)
            yield self._counted(np.zeros((count, self._channels) if self._separate else count, dtype=np.int16))

    def _flush(self) -> Iterator[Samples]:
        if self._resampler is not None:
            yield self._counted(self._resampler.add(None))
            self._resampler = None

    def _counted(self, samples: Samples) -> Samples:
        self._count += len(samples)
        return samples

    def _note_loss(self, start: float, end: float) -> None:
        if self._lost and start - self._lost[-1].end < TOLERANCE_SECONDS:
            start = self._lost.pop().start
        self._lost.append(Span(start, end))
