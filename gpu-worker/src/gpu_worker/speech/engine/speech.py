"""Finds speech in a clip, and packs it into windows for the model.

The detector gives a speech probability per 32 ms. Speech becomes pieces with a little audio on either side. Longer pauses
are shortened, and pieces are packed into windows well below the model's length. Word times are mapped back to the clip.

Gotcha: a window that fills the model's length, or keeps its pauses, makes the model end its text early.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from gpu_worker.speech.media import SAMPLE_RATE
from gpu_worker.speech.segments import Interval, Word

Audio = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Probabilities = npt.NDArray[np.float32]

FRAME_SAMPLES: Final = 512
"""Samples of a detector frame, 32 ms."""
SPEECH_START: Final = 0.5
SPEECH_CONTINUES: Final = 0.35
"""Speech starts at the first probability and continues until it falls below the second, like Silero's hysteresis."""
PAD_SAMPLES: Final = SAMPLE_RATE // 10
"""Audio kept on either side of speech."""
SHORTENED_PAUSE_SAMPLES: Final = int(0.3 * SAMPLE_RATE)
"""Longer pauses are shortened to twice the padding."""


@dataclass(frozen=True)
class Window:
    """Pieces of a clip's speech that are decoded together, in samples of the clip."""

    pieces: tuple[Interval, ...]

    @property
    def samples(self) -> int:
        """Length without the omitted pauses."""
        return sum(piece.end - piece.start for piece in self.pieces)

    @property
    def end(self) -> int:
        """End of its last piece in the clip."""
        return self.pieces[-1].end

    def audio_of(self, clip: Audio) -> Audio:
        """Audio of the pieces, concatenated, float32 [samples]."""
        return np.concatenate([clip[piece.start : piece.end] for piece in self.pieces])

    def in_clip_time(self, word: Word) -> Word:
        """A word with its times in the clip: within the piece that contains most of it, so it spans no omitted pause."""
        start, end = int(word.start * SAMPLE_RATE), int(word.end * SAMPLE_RATE)
        at, most, best = 0, None, (self.pieces[0], 0)
        for piece in self.pieces:
            length = piece.end - piece.start
            share = min(end, at + length) - max(start, at)
            if most is None or share > most:
                most, best = share, (piece, at)
            at += length
        piece, at = best
        length = piece.end - piece.start
        begin, until = (piece.start + min(max(t - at, 0), length) for t in (start, end))
        return replace(word, start=round(begin / SAMPLE_RATE, 3), end=round(until / SAMPLE_RATE, 3))

    def within(self, interval: Interval) -> Window | None:
        """The part of this window in an interval of the clip; None if there is none."""
        parts = [Interval(max(piece.start, interval.start), min(piece.end, interval.end)) for piece in self.pieces]
        parts = [part for part in parts if part.end > part.start]
        return Window(tuple(parts)) if parts else None


def stretches(window: Window, probabilities: Probabilities, shortest: int) -> list[Window]:
    """Splits a window into stretches of at least `shortest` samples (the last may be shorter), and not much longer ones."""
    parts: list[Window] = []
    current: list[Interval] = []
    for piece in window.pieces:
        for part in _cut_long(piece, probabilities, shortest * 3 // 2):
            current.append(part)
            if sum(one.end - one.start for one in current) >= shortest:
                parts.append(Window(tuple(current)))
                current = []
    if current:
        parts.append(Window(tuple(current)))
    return parts


def joined(first: Window, second: Window) -> Window:
    """Joins two consecutive windows; a piece that was cut between them becomes one again."""
    *before, last = first.pieces
    following, *after = second.pieces
    if last.end == following.start:
        return Window((*before, Interval(last.start, following.end), *after))
    return Window((*first.pieces, *second.pieces))


def speech_mask(probabilities: Probabilities) -> Mask:
    """Which detector frames are speech, bool [n_frames]."""
    mask = np.zeros(len(probabilities), dtype=np.bool_)
    speaking = False
    for index, probability in enumerate(probabilities.tolist()):
        speaking = probability >= (SPEECH_CONTINUES if speaking else SPEECH_START)
        mask[index] = speaking
    return mask


def runs(mask: Mask) -> list[Interval]:
    """Runs of true values, as index intervals."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], mask.astype(np.int8), [0]))))
    return [Interval(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def pieces_of(mask: Mask, n_samples: int) -> list[Interval]:
    """Padded pieces of speech, in samples; pieces closer than a shortened pause are merged."""
    pieces: list[Interval] = []
    for run in runs(mask):
        start = max(0, run.start * FRAME_SAMPLES - PAD_SAMPLES)
        end = min(n_samples, run.end * FRAME_SAMPLES + PAD_SAMPLES)
        if pieces and start - pieces[-1].end < SHORTENED_PAUSE_SAMPLES - 2 * PAD_SAMPLES:
            pieces[-1] = Interval(pieces[-1].start, end)
        elif end > start:
            pieces.append(Interval(start, end))
    return pieces


def _cut_long(piece: Interval, probabilities: Probabilities, limit: int) -> Iterator[Interval]:
    """Cuts a piece that is longer than `limit` where speech is least likely, in the last third of a window."""
    start = piece.start
    while piece.end - start > limit:
        first, last = (start + limit * 2 // 3) // FRAME_SAMPLES, (start + limit) // FRAME_SAMPLES
        cut = (first + int(np.argmin(probabilities[first:last]))) * FRAME_SAMPLES
        yield Interval(start, cut)
        start = cut
    yield Interval(start, piece.end)


def pack(pieces: Sequence[Interval], probabilities: Probabilities, limit: int) -> list[Window]:
    """Packs pieces, in order, into windows of similar length and at most `limit` samples."""
    parts = [part for piece in pieces for part in _cut_long(piece, probabilities, limit)]
    remaining = sum(part.end - part.start for part in parts)
    windows: list[Window] = []
    current: list[Interval] = []
    size = 0
    target = remaining / max(1, -(-remaining // limit))
    for part in parts:
        length = part.end - part.start
        if current and (size + length > limit or size + length / 2 > target):
            windows.append(Window(tuple(current)))
            remaining -= size
            current, size = [], 0
            target = remaining / max(1, -(-remaining // limit))
        current.append(part)
        size += length
    if current:
        windows.append(Window(tuple(current)))
    return windows
