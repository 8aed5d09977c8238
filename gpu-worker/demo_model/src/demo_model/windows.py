"""Training windows, composed as they are needed: utterances, pauses, noise and levels are drawn anew for each.

Sounds are added as mel power, so that a window costs a millisecond. One window is what the engine gives the model: at most
so many seconds, cut at pauses, normalised as faster-whisper does.

What the model is to answer, drawn for each window:
- 45 % without timestamps: the engine decodes so, and aligns words so.
- 20 % after a random text before it, so that a prompt is taken for what it is.
- Silence: `<|nospeech|>`, then the end.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from multiprocessing import shared_memory
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from demo_model import vocabulary as v
from demo_model.espeak import SAMPLE_RATE
from demo_model.mel import FRAMES_PER_SECOND, MELS, mel_power
from demo_model.pool import QUIETEST, Pool, Spoken

POSITIONS_PER_SECOND: Final = FRAMES_PER_SECOND // 2
TIMESTAMP_STEP: Final = 5
"""Timestamps are taught in steps of 0.1 s."""
SILENT: Final = 0.08
WITHOUT_TIMESTAMPS: Final = 0.45
AFTER_TEXT: Final = 0.2
CUT_AT_BEGIN: Final = 0.12
HEARD_SHARE: Final = 0.6
"""A word counts when so much of it is in the window."""
NOISE_SECONDS: Final = 60
MAINS_HZ: Final = 50
NOTHING: Final = -1
FIRST_STAMP_SECONDS: Final = 1.0
"""faster-whisper lets no first timestamp be later."""
EDGE_S: Final = 0.06

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]


class Batch(NamedTuple):
    """Windows as arrays; every field begins with [n_windows]."""

    mel: Any
    """float16 [n_frames, 80], normalised, 100 a second."""
    tokens: Any
    """int32 [n_tokens], what the decoder is given."""
    targets: Any
    """int32 [n_tokens], what it is to answer; -1: not asked."""
    spans: Any
    """int32 [n_tokens, 2], encoder positions where each target is heard; -1: nowhere."""
    words: Any
    """int32 [n_frames // 2], 1 + index of the word at each encoder position; 0: none."""
    phonemes: Any
    """int32 [n_frames // 2], likewise the sound."""


def empty_batch(windows: int, seconds: int, tokens: int) -> Batch:
    """Arrays of the right shapes."""
    frames = seconds * FRAMES_PER_SECOND
    return Batch(
        np.zeros((windows, frames, MELS), np.float16),
        np.zeros((windows, tokens), np.int32),
        np.zeros((windows, tokens), np.int32),
        np.zeros((windows, tokens, 2), np.int32),
        np.zeros((windows, frames // 2), np.int32),
        np.zeros((windows, frames // 2), np.int32),
    )


def noises(rng: np.random.Generator) -> list[Floats]:
    """A minute each of white, pink and brown noise, mains hum, and taps: mel power, float32 [n_frames, 80]."""
    samples = NOISE_SECONDS * SAMPLE_RATE
    white = rng.standard_normal(samples).astype(np.float32)
    spectrum = np.fft.rfft(white)
    steps = np.arange(len(spectrum)) + 20.0
    sounds: list[Any] = [np.fft.irfft(spectrum / steps**slope) for slope in (0, 0.5, 1.0)]
    seconds = np.arange(samples) / SAMPLE_RATE
    hum = sum(np.sin(2 * np.pi * MAINS_HZ * n * seconds + n) / n for n in range(1, 7))
    sounds.append(hum + 0.1 * white)
    taps = 0.01 * white
    for at in rng.integers(0, samples - 800, 160):
        taps[at : at + 400] += rng.standard_normal(400) * np.exp(-np.arange(400) / 60) * rng.uniform(0.3, 3)
    sounds = [sound / sound.std() for sound in sounds] + [taps]
    return [mel_power(sound.astype(np.float32)) for sound in sounds]


class _Word(NamedTuple):
    token: int
    start: float
    end: float


@dataclass
class _Window:
    """What is heard in a window so far."""

    power: Floats
    words: Ints
    phonemes: Ints
    utterances: list[list[_Word]] = field(default_factory=list)


class Composer:
    """Composes windows out of a pool."""

    def __init__(self, pool: Pool, seconds: int, tokens: int, seed: int) -> None:
        self._pool = pool
        self._frames = seconds * FRAMES_PER_SECOND
        self._tokens = tokens
        self._rng = np.random.default_rng(seed)
        self._noises = noises(self._rng)

    def fill(self, batch: Batch) -> None:
        """Writes new windows over a batch."""
        for index in range(len(batch.tokens)):
            self._compose(Batch(*(array[index] for array in batch)))

    def _compose(self, into: Batch) -> None:
        rng = self._rng
        frames = self._frames if rng.random() < 0.4 else int(rng.integers(self._frames // 6, self._frames + 1))
        gain = rng.uniform(-3.0, 0.4)
        positions = self._frames // 2
        window = _Window(np.zeros((frames, MELS), np.float32), np.zeros(positions, np.int32), np.zeros(positions, np.int32))
        if rng.random() >= SILENT:
            self._speak(window, frames, gain)
        self._add_noise(window, gain)
        into.mel[:] = 0
        into.mel[:frames] = self._normalised(window)
        into.words[:], into.phonemes[:] = window.words, window.phonemes
        self._write_targets(window, into)

    def _speak(self, window: _Window, frames: int, gain: float) -> None:
        rng = self._rng
        end_s = frames / FRAMES_PER_SECOND
        at_s = rng.uniform(0.02, 0.5) if rng.random() < 0.6 else rng.uniform(0.3, min(4.0, end_s / 2))
        if rng.random() < CUT_AT_BEGIN:
            at_s = -rng.uniform(0.2, 2.0)
        while at_s < end_s - 0.4:
            spoken = self._pool.any(rng)
            self._place(window, spoken, at_s, frames, gain + rng.uniform(-0.3, 0.3))
            pause = rng.uniform(0.5, 1.0) if rng.random() < 0.5 else 0.5 + rng.exponential(1.5)
            at_s += len(spoken.log_mel) / FRAMES_PER_SECOND + pause
            if rng.random() < 0.08:
                return

    @staticmethod
    def _place(window: _Window, spoken: Spoken, at_s: float, frames: int, gain: float) -> None:
        first = round(at_s * FRAMES_PER_SECOND)
        low, high = max(0, -first), min(len(spoken.log_mel), frames - first)
        if high - low <= 10:
            return
        part = spoken.log_mel[low:high].astype(np.float32)
        window.power[first + low : first + high] += np.power(np.float32(10), part + np.float32(gain))
        shift_s, end_s = first / FRAMES_PER_SECOND, frames / FRAMES_PER_SECOND
        heard: list[_Word] = []
        for token, (start, end) in zip(spoken.words.tolist(), spoken.intervals.tolist(), strict=True):
            begins, ends = max(start + shift_s, 0.0), min(end + shift_s, end_s)
            if ends - begins >= HEARD_SHARE * (end - start):
                heard.append(_Word(token, begins, ends))
                at = int(begins * POSITIONS_PER_SECOND)
                window.words[at : max(at + 1, int(ends * POSITIONS_PER_SECOND))] = token - v.FIRST_WORD + 1
        borders = np.append(spoken.phoneme_starts, spoken.phoneme_starts[-1] + 0.02) + shift_s
        places = np.clip((borders * POSITIONS_PER_SECOND + 0.5).astype(int), 0, frames // 2)
        spans = np.diff(places)
        window.phonemes[places[0] : places[0] + spans.sum()] = np.repeat(spoken.phonemes, spans)
        if heard:
            window.utterances.append(heard)

    def _add_noise(self, window: _Window, gain: float) -> None:
        rng, frames = self._rng, len(window.power)
        if window.utterances:
            level = window.power.sum() / max(1, int((window.power[:, 20] > 0).sum())) / MELS
        else:
            level = 10.0 ** (gain + rng.uniform(-2.5, 0.5))
        if rng.random() < (0.12 if window.utterances else 0.2):
            return
        for _ in range(1 if rng.random() < 0.7 else 2):
            noise = self._noises[int(rng.integers(len(self._noises)))]
            at = int(rng.integers(0, len(noise) - frames))
            tilt = np.power(10, np.linspace(0, rng.uniform(-1.5, 1.0), MELS), dtype=np.float32)
            sound = noise[at : at + frames] * tilt
            quieter = 10 ** -rng.uniform(0.5, 4.5)
            window.power += sound * np.float32(level * quieter / max(float(sound.mean()), 1e-9))

    def _normalised(self, window: _Window) -> Floats:
        rng = self._rng
        tone = np.linspace(rng.uniform(-0.6, 0.6), rng.uniform(-0.6, 0.6), MELS).astype(np.float32)
        mel = np.log10(np.maximum(window.power, QUIETEST)) + tone
        if rng.random() < 0.15:  # as a codec that leaves out the highest bands
            mel[:, int(rng.integers(60, 78)) :] -= rng.uniform(1, 6)
        mel = (np.maximum(np.maximum(mel, -10), mel.max() - 8) + 4) / 4
        if window.utterances and rng.random() < 0.3:
            low = int(rng.integers(0, 70))
            mel[:, low : low + int(rng.integers(1, 9))] = mel.min()
        return np.asarray(mel, np.float32)

    def _text_before(self) -> list[int]:
        rng = self._rng
        if rng.random() >= AFTER_TEXT:
            return []
        words = self._pool.any(rng).words[: int(rng.integers(1, 9))].tolist()
        if rng.random() < 0.5:
            return [v.PREVIOUS, *words]
        first, last = int(rng.integers(0, 60)), int(rng.integers(60, v.TIMESTAMPS - 1))
        return [v.PREVIOUS, v.FIRST_TIMESTAMP + first, *words, v.FIRST_TIMESTAMP + last]

    def _write_targets(self, window: _Window, into: Batch) -> None:
        before = self._text_before()
        plain = self._rng.random() < WITHOUT_TIMESTAMPS
        if not window.utterances:
            stamp = v.NO_TIMESTAMPS if plain else v.FIRST_TIMESTAMP + int(self._rng.integers(0, 51))
            given = [*before, v.START, stamp]
            asked: list[tuple[int, float, float]] = [(v.NO_SPEECH, NOTHING, NOTHING), (v.END, NOTHING, NOTHING)]
        else:
            body: list[tuple[int, float, float]] = []
            for words in window.utterances:
                start, end = words[0].start, words[-1].end
                begins = min(start, FIRST_STAMP_SECONDS) if not body else start
                body += [] if plain else [(_stamp(begins), start - EDGE_S, start + EDGE_S)]
                body += words
                body += [] if plain else [(_stamp(end), end - EDGE_S, end + EDGE_S)]
            last = window.utterances[-1][-1].end
            body.append((v.END, last + 0.02, last + 0.4))
            start = window.utterances[0][0].start
            first = [(_stamp(min(start, FIRST_STAMP_SECONDS)), start - EDGE_S, start + EDGE_S)] if plain else []
            given = [*before, v.START, *([v.NO_TIMESTAMPS] if plain else []), *(token for token, _, _ in body[:-1])]
            asked = [*first, *body]
        into.tokens[:], into.targets[:], into.spans[:] = v.END, NOTHING, NOTHING
        given = given[: self._tokens]
        into.tokens[: len(given)] = given
        last_position = self._frames // 2
        for index, (token, begins, ends) in enumerate(asked, len(before)):
            if index >= self._tokens:
                return
            into.targets[index] = token
            if ends > 0:
                low = min(max(int(begins * POSITIONS_PER_SECOND + 0.5), 0), last_position - 1)
                into.spans[index] = low, min(max(int(ends * POSITIONS_PER_SECOND + 0.5), low + 1), last_position)


def _stamp(seconds: float) -> int:
    """Token of a time, on the grid that is taught."""
    steps = round(min(seconds, 30.0) / v.TIMESTAMP_SECONDS / TIMESTAMP_STEP)
    return v.FIRST_TIMESTAMP + TIMESTAMP_STEP * steps


class SharedBatches:
    """Batches that other processes write and this one reads, without copying them through a pipe."""

    def __init__(self, slots: int, windows: int, seconds: int, tokens: int, names: list[str] | None = None) -> None:
        self._shape = empty_batch(windows, seconds, tokens)
        size = sum(array.nbytes for array in self._shape)
        if names is None:
            self._blocks = [shared_memory.SharedMemory(create=True, size=size) for _ in range(slots)]
        else:
            self._blocks = [shared_memory.SharedMemory(name) for name in names]
        self.names = [block.name for block in self._blocks]

    def slot(self, index: int) -> Batch:
        """The arrays of one batch, in shared memory."""
        at = 0
        arrays = []
        for array in self._shape:
            arrays.append(np.ndarray(array.shape, array.dtype, self._blocks[index].buf, at))
            at += array.nbytes
        return Batch(*arrays)

    def remove(self) -> None:
        """Gives the memory back; by the one who made it."""
        for block in self._blocks:
            block.unlink()


def keep_filling(shared: dict[str, Any], pool: Any, free: Any, full: Any, seed: int) -> None:  # noqa: ANN401 - queues
    """A process of its own: fills free slots until it is ended."""
    os.nice(5)
    batches = SharedBatches(**shared)
    composer = Composer(Pool(pool), shared["seconds"], shared["tokens"], seed)
    while True:
        index = free.get()
        composer.fill(batches.slot(index))
        full.put(index)
