"""Mixes channels to mono, and tracks to one, without losing speech."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from av import AudioFrame
    from av.audio.resampler import AudioResampler

SAMPLE_RATE: Final = 16_000
Samples = npt.NDArray[np.int16]
"""int16 [n_samples] at 16 kHz, or [n_samples, n_channels]."""

BLOCK: Final = SAMPLE_RATE // 2
"""Samples over which it is decided whether channels cancel each other."""
CANCELLED: Final = 0.1
"""The power of the channels' sum, divided by the sum of their powers. It is about 1 for different signals, the number of
channels for equal ones, and 0 for signals of opposite phase."""
SILENT_POWER: Final = 10.0
"""About -70 dB of full scale."""
MAX_LAG: Final = 30 * SAMPLE_RATE
"""Samples by which a track may be behind the others; a track that ended early counts as silent."""


def mono_of(mix: Samples, channels: Samples) -> Samples:
    """The mix, but the loudest channel where the channels cancel each other.

    Args:
        mix: int16 [n_samples].
        channels: int16 [n_samples, n_channels].
    """
    signal = channels.astype(np.float32)
    powers = np.square(signal).mean(axis=0)
    if powers.sum() < SILENT_POWER or np.square(signal.sum(axis=1)).mean() >= CANCELLED * powers.sum():
        return mix
    loudest: Samples = channels[:, int(powers.argmax())]
    return loudest


def _array(frames: list[AudioFrame], channels: int) -> Samples:
    """Frames as int16 [n_samples, n_channels]."""
    parts = [frame.to_ndarray().reshape(-1, channels).astype(np.int16, copy=False) for frame in frames]
    return np.concatenate(parts) if parts else np.zeros((0, channels), dtype=np.int16)


class Resampler:
    """Resamples frames of one rate and layout to int16 at 16 kHz: [n_samples], or [n_samples, n_channels] if `separate`."""

    def __init__(self, frame: AudioFrame, separate: bool) -> None:
        from av.audio.resampler import AudioResampler

        self.kind = _kind_of(frame)
        self._count = frame.layout.nb_channels
        self._separate = separate
        self._mono: AudioResampler | None = AudioResampler("s16", "mono", SAMPLE_RATE)
        self._channels = AudioResampler("s16", None, SAMPLE_RATE) if self._count > 1 else None
        self._mix = np.zeros(0, dtype=np.int16)
        self._all = np.zeros((0, self._count), dtype=np.int16)

    def add(self, frame: AudioFrame | None) -> Samples:
        """Adds a frame, or the end (None); returns what is complete."""
        if self._channels is None:
            assert self._mono is not None
            mono = _array(self._mono.resample(frame), 1)
            return mono if self._separate else mono[:, 0]
        channels = _array(self._channels.resample(frame), self._count)
        if self._separate:
            return channels
        self._all = np.concatenate((self._all, channels))
        self._mix = np.concatenate((self._mix, self._mixed(frame, channels)))
        count = min(len(self._all), len(self._mix))
        if frame is not None and count < BLOCK:
            return self._mix[:0]
        block = mono_of(self._mix[:count], self._all[:count])
        self._all, self._mix = self._all[count:], self._mix[count:]
        return block

    def _mixed(self, frame: AudioFrame | None, channels: Samples) -> Samples:
        """FFmpeg's mix if it knows the positions of the channels, else their mean."""
        import av

        if self._mono is not None:
            try:
                return _array(self._mono.resample(frame), 1)[:, 0]
            except (av.error.FFmpegError, ValueError):
                self._mono = None
        mean: Samples = channels.mean(axis=1).astype(np.int16)
        return mean


def _kind_of(frame: AudioFrame) -> tuple[str, str, int, int]:
    return frame.format.name, frame.layout.name, frame.layout.nb_channels, frame.sample_rate


def is_same_kind(resampler: Resampler | None, frame: AudioFrame) -> bool:
    """Whether the resampler can take this frame."""
    return resampler is not None and resampler.kind == _kind_of(frame)


class Mixer:
    """Adds tracks up as far as all of them have arrived; memory is bounded by MAX_LAG."""

    def __init__(self, tracks: int) -> None:
        self._queues: list[deque[Samples]] = [deque() for _ in range(tracks)]
        self._sizes = [0] * tracks
        self._owed = [0] * tracks
        """Samples that were taken as silent before they had arrived."""

    def add(self, track: int, samples: Samples) -> Iterator[Samples]:
        """Adds mono samples of a track. Yields int16 [n_samples, n_tracks]."""
        if self._owed[track]:
            loud = np.flatnonzero(samples[: self._owed[track]])
            silent = min(self._owed[track], len(samples)) if len(loud) == 0 else int(loud[0])
            self._owed[track] = self._owed[track] - silent if len(loud) == 0 else 0  # late audio stays audible, but late
            samples = samples[silent:]
        self._queues[track].append(samples)
        self._sizes[track] += len(samples)
        count = max(min(self._sizes), self._sizes[track] - MAX_LAG)
        if count >= BLOCK:
            yield self._take(count)

    def end(self) -> Iterator[Samples]:
        """Yields what is left."""
        if max(self._sizes) > 0:
            yield self._take(max(self._sizes))

    def _take(self, count: int) -> Samples:
        taken = np.zeros((count, len(self._queues)), dtype=np.int16)
        for track, queue in enumerate(self._queues):
            at = 0
            while queue and at < count:
                samples = queue.popleft()
                part = samples[: count - at]
                taken[at : at + len(part), track] = part
                at += len(part)
                if len(part) < len(samples):
                    queue.appendleft(samples[len(part) :])
            self._sizes[track] -= at
            self._owed[track] += count - at
        return taken


def summed(tracks: Samples) -> Samples:
    """The sum of tracks, int16 [n_samples]; clipped. `tracks`: int16 [n_samples, n_tracks]."""
    mix: Samples = np.clip(tracks.sum(axis=1, dtype=np.int32), -32768, 32767).astype(np.int16)
    return mix
