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


@dataclass(frozen=True)
class Span:
    """Seconds from the beginning of a file."""

    start: float
    end: float


TOLERANCE_SECONDS: Final = 0.08
"""Recorders' times of packets vary; a smaller gap is none."""
MAX_STEP_BACK_SECONDS: Final = 10.0
"""If the clock goes back further, it has started anew."""
JUMP_SECONDS: Final = 10.0
"""A longer gap counts only if the next frame confirms it: one wrong time must not become hours of silence."""
CONFIRMED_SECONDS: Final = 1.0
SHORTEST_DAMAGE_SECONDS: Final = 0.2
"""Less than this is single packets, as they are lost where files were joined or cut."""
SILENCE_BLOCK: Final = 10 * SAMPLE_RATE


@dataclass(frozen=True)
class Times:
    """What the times of a container's frames mean."""

    count: bool = True
    """Whether they say where audio belongs."""
    restart: bool = False
    """Whether a jump means that another recording was joined."""
    are_complete: bool = False
    """Whether a gap is damage: the format has a time for every sample."""


class Track:
    """One track's audio, as a stream of samples without gaps."""

    def __init__(self, zero_s: float | None, times: Times, max_seconds: float, separate: bool) -> None:
        """Creates a track.

        Args:
            zero_s: The container's time at the beginning; None: that of the first frame.
            times: What the frames' times mean.
            max_seconds: A gap that reaches beyond this is none: the clock has started anew.
            separate: Whether channels are not mixed.
        """
        self.lost: list[Span] = []
        """Spans in which audio could not be decoded, in ascending order."""
        self.inserted: list[tuple[int, int]] = []
        """Ranges of samples that are silence for a gap or for damage."""
        self._zero_s = zero_s
        self._times = times
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
        self._lost_seconds = 0.0
        """Its length, as the packets tell."""
        self._held: AudioFrame | None = None
        """A frame after a long gap, which the next frame confirms or not."""

    def add(self, frame: AudioFrame) -> Iterator[Samples]:
        """Adds a frame; yields int16 [n_samples], or [n_samples, n_channels] if separate, at 16 kHz."""
        if not self._times.count or frame.time is None:
            yield from self._append(frame)
            return
        yield from self._release(frame.time)
        if self._ahead(frame.time) > JUMP_SECONDS:
            self._held = frame
        else:
            yield from self._move_to(frame.time)
            yield from self._append(frame)

    def _release(self, next_s: float | None) -> Iterator[Samples]:
        """Appends the held frame: in its place if the next frame's time follows it."""
        frame, self._held = self._held, None
        if frame is None or frame.time is None:
            return
        if next_s is not None and abs(next_s - frame.time) < CONFIRMED_SECONDS:
            yield from self._move_to(frame.time)
        yield from self._append(frame)

    def _append(self, frame: AudioFrame) -> Iterator[Samples]:
        if not is_same_kind(self._resampler, frame):
            yield from self._flush()
            self._resampler = Resampler(frame, self._separate)
            self._channels = max(self._channels, frame.layout.nb_channels)
        assert self._resampler is not None
        self._seconds += frame.samples / frame.sample_rate
        yield self._counted(self._resampler.add(frame))

    def lose(self, seconds: float) -> Iterator[Samples]:
        """Notes that a packet of this length could not be decoded."""
        if self._times.count:
            self._lost_s = self._seconds if self._lost_s is None else self._lost_s
            self._lost_seconds += seconds
        else:
            self._note_loss(self._seconds, self._seconds + seconds)
            yield from self._silence(seconds)

    def end(self) -> Iterator[Samples]:
        """Yields the rest."""
        yield from self._release(None)
        # A piece may end within a packet, which belongs to the next piece.
        if self._lost_s is not None and self._lost_seconds >= SHORTEST_DAMAGE_SECONDS:
            self._note_loss(self._lost_s, self._lost_s + self._lost_seconds)
            yield from self._silence(self._lost_seconds)
        yield from self._flush()

    def _ahead(self, time_s: float) -> float:
        """Seconds by which a frame with this time is later than the audio so far."""
        if self._zero_s is None:
            self._zero_s = time_s
        return time_s - self._zero_s - self._seconds

    def _move_to(self, time_s: float) -> Iterator[Samples]:
        ahead = self._ahead(time_s)
        restarts = self._times.restart and ahead > JUMP_SECONDS and self._seconds > 0
        if restarts or ahead < -MAX_STEP_BACK_SECONDS or self._seconds + ahead > self._max_seconds:
            self._zero_s = time_s - self._seconds
        elif ahead > TOLERANCE_SECONDS:
            if self._lost_s is not None or self._times.are_complete:
                self._note_loss(self._seconds if self._lost_s is None else self._lost_s, self._seconds + ahead)
            yield from self._silence(ahead)
        self._lost_s, self._lost_seconds = None, 0.0

    def _silence(self, seconds: float) -> Iterator[Samples]:
        yield from self._flush()
        self._seconds += seconds
        first = self._count
        while (missing := round(self._seconds * SAMPLE_RATE) - self._count) > 0:
            count = min(missing, SILENCE_BLOCK)
            yield self._counted(np.zeros((count, self._channels) if self._separate else count, dtype=np.int16))
        self.inserted.append((first, self._count))

    def _flush(self) -> Iterator[Samples]:
        if self._resampler is not None:
            yield self._counted(self._resampler.add(None))
            self._resampler = None

    def _counted(self, samples: Samples) -> Samples:
        self._count += len(samples)
        return samples

    def _note_loss(self, start: float, end: float) -> None:
        if self.lost and start - self.lost[-1].end < TOLERANCE_SECONDS:
            start = self.lost.pop().start
        self.lost.append(Span(start, end))
