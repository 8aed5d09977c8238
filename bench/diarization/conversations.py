"""Conversations with a known speaker for every moment: turns of 0.4 to 20 s, pauses, interruptions, rooms and noise.

Words are stretches of about 0.35 s of the clips, because most voices have no script; their times are moved by up to 50 ms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from gpu_worker.speech.segments import Word
from quality.corpora import SAMPLE_RATE, Audio

from diarization.voices import clips

TURN_S: Final = (0.4, 20.0)
PAUSE_S: Final = (0.0, 1.2)
WITHIN_S: Final = (0.03, 0.35)
"""Pauses between the clips of one turn."""
INTERRUPTION: Final = 0.65
"""Share of the turns that begin before the previous one has ended; about 10 % of the speech then overlaps."""
OVERLAP_S: Final = (0.3, 2.5)
WORD_S: Final = (0.2, 0.5)
JITTER_S: Final = 0.05
GAIN_DB: Final = (-6.0, 3.0)
SNR_DB: Final = (20.0, 40.0)
PHONE_HZ: Final = (300.0, 3400.0)


@dataclass(frozen=True)
class Spoken:
    """A stretch of one person's speech, in seconds."""

    speaker: int
    start: float
    end: float


@dataclass(frozen=True)
class Conversation:
    """Audio with everything that is spoken in it."""

    name: str
    audio: Audio
    speech: tuple[Spoken, ...]
    """Stretches without pauses; those of different people may overlap."""
    words: tuple[Word, ...]
    speakers: tuple[int, ...]
    """Speaker of each word."""
    overlapped: tuple[bool, ...]
    """Whether another person speaks during most of the word."""

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return len(self.audio) / SAMPLE_RATE


def _turn(voice: str, seconds: float, random: np.random.Generator) -> tuple[Audio, list[tuple[float, float]]]:
    """Speech of one voice, and where in it are no pauses."""
    parts: list[Audio] = []
    spoken: list[tuple[float, float]] = []
    length, limit = 0, round(seconds * SAMPLE_RATE)
    available = clips(voice)
    while length < limit:
        clip = available[random.integers(len(available))]
        if length and limit - length < 0.3 * SAMPLE_RATE:
            break
        clip = clip[: limit - length]
        spoken.append((length / SAMPLE_RATE, (length + len(clip)) / SAMPLE_RATE))
        pause = np.zeros(round(random.uniform(*WITHIN_S) * SAMPLE_RATE), np.float32)
        fade = np.minimum(1, np.arange(len(clip), 0, -1) / (0.01 * SAMPLE_RATE)).astype(np.float32)
        parts += [clip * fade, pause]
        length += len(clip) + len(pause)
    return np.concatenate(parts[:-1]), spoken


def _in_room(audio: Audio, random: np.random.Generator) -> Audio:
    """The audio as a telephone or a room transmits it, with noise."""
    spectrum = np.fft.rfft(audio, 2 ** int(np.ceil(np.log2(len(audio) + SAMPLE_RATE))))
    frequencies = np.fft.rfftfreq(2 * (len(spectrum) - 1), 1 / SAMPLE_RATE)
    kind = random.integers(3)
    if kind == 1:
        spectrum *= (frequencies > PHONE_HZ[0]) & (frequencies < PHONE_HZ[1])
    elif kind == 2:
        decay = np.exp(-np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE * 6.9 / random.uniform(0.2, 0.5))
        echo = random.standard_normal(len(decay)) * decay * 0.02
        echo[0] = 1
        spectrum *= np.fft.rfft(echo, 2 * (len(spectrum) - 1))
    filtered = np.fft.irfft(spectrum)[: len(audio)]
    noise = random.standard_normal(len(audio)) * 10 ** ((-23 - random.uniform(*SNR_DB)) / 20)
    return (filtered + noise).astype(np.float32)


def _words(speech: Sequence[Spoken], random: np.random.Generator) -> tuple[list[Word], list[int], list[bool]]:
    """The words that a recognizer would return: in order of time, one at a time."""
    found: list[tuple[float, float, int]] = []
    for part in speech:
        count = max(1, round((part.end - part.start) / random.uniform(*WORD_S)))
        edges = np.linspace(part.start, part.end, count + 1)
        edges[1:-1] += random.uniform(-JITTER_S, JITTER_S, count - 1)
        found += [(float(a), float(b), part.speaker) for a, b in zip(edges[:-1], edges[1:], strict=True)]
    words: list[Word] = []
    speakers: list[int] = []
    overlapped: list[bool] = []
    for start, end, speaker in sorted(found):
        if words and start < words[-1].end - JITTER_S:
            continue
        other = sum(max(0.0, min(end, part.end) - max(start, part.start)) for part in speech if part.speaker != speaker)
        words.append(Word(" word", round(start, 3), round(end, 3), 1.0))
        speakers.append(speaker)
        overlapped.append(other > (end - start) / 2)
    return words, speakers, overlapped


def conversation(voices: Sequence[str], seconds: float, seed: int) -> Conversation:
    """A conversation of these voices that is at least `seconds` long. With one voice: a monologue."""
    random = np.random.default_rng(seed)
    gains = 10 ** (random.uniform(*GAIN_DB, len(voices)) / 20)
    audio = np.zeros(round((seconds + 2 * TURN_S[1]) * SAMPLE_RATE), np.float32)
    speech: list[Spoken] = []
    at_s, speaker, turn_s = 0.5, -1, 0.0
    while at_s < seconds:
        others = [index for index in range(len(voices)) if index != speaker or len(voices) == 1]
        speaker = int(random.choice(others))
        length_s = float(np.exp(random.uniform(*np.log(TURN_S))))
        interrupts = len(voices) > 1 and turn_s > 1 and random.uniform() < INTERRUPTION
        start_s = at_s + (-min(random.uniform(*OVERLAP_S), turn_s / 2) if interrupts else random.uniform(*PAUSE_S))
        made, spoken = _turn(voices[speaker], length_s, random)
        begin = round(start_s * SAMPLE_RATE)
        audio[begin : begin + len(made)] += made * gains[speaker]
        speech += [Spoken(speaker, start_s + a, start_s + b) for a, b in spoken]
        turn_s = len(made) / SAMPLE_RATE
        at_s = max(at_s, start_s + turn_s)
    audio = audio[: round((at_s + 0.5) * SAMPLE_RATE)]
    words, speakers, overlapped = _words(speech, random)
    name = f"{len(voices)} speakers, seed {seed}"
    return Conversation(name, _in_room(audio, random), tuple(speech), tuple(words), tuple(speakers), tuple(overlapped))


def conversations(pool: Sequence[str], seeds: Sequence[int], seconds: float) -> list[Conversation]:
    """One conversation per seed, of 2 to 6 random voices of the pool, as many as it has."""
    made = []
    for index, seed in enumerate(seeds):
        random = np.random.default_rng(seed)
        count = min(2 + index % 5, len(pool))
        made.append(conversation([str(voice) for voice in random.permutation(list(pool))[:count]], seconds, seed))
    return made
