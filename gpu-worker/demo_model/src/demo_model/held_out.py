"""Sound that no training hears: the figures of the model card are measured with it.

Word sequences are drawn anew, and the training leaves out every sequence that is here.
"""

from __future__ import annotations

import json
import random
import wave
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from demo_model import voices
from demo_model.espeak import SAMPLE_RATE, Synthesizer, Utterance
from demo_model.vocabulary import sentence

INDEX: Final = "index.json"
SEED: Final = 20_240
CHUNK_SECONDS: Final = 30.0
LONG_SECONDS: Final = 125.0
UTTERANCE_SNR_DB: Final = (15.0, 45.0)
CHUNK_SNR_DB: Final = (15.0, 40.0)
NOISY_SNR_DB: Final = (5.0, 15.0)
MAINS_HZ: Final = 60

Audio = npt.NDArray[np.float32]


@dataclass(frozen=True)
class HeldOut:
    """One file."""

    name: str
    set: str
    """`heard-utterances`, `unheard-chunks`, `silence`, …"""
    duration_seconds: float
    words: list[tuple[str, float, float]]
    """Word, start and end in seconds."""
    sentences: list[str]


class _Maker:
    """Draws speakers, sentences and noise; the same for the same seed and version of espeak-ng."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder = folder
        self._random = random.Random(seed)
        self._noise = np.random.default_rng(seed)
        self._synthesizer = Synthesizer()
        self.made: list[HeldOut] = []

    def _say(self, speaker: Callable[[random.Random], voices.Speaker]) -> Utterance:
        while True:
            said = self._synthesizer.say(sentence(self._random), speaker(self._random))
            if said is not None:
                return said

    def _with_noise(self, audio: Audio, snr_db: tuple[float, float]) -> Audio:
        power = float((audio**2).mean()) + 1e-9
        level = np.sqrt(power * 10 ** (-self._random.uniform(*snr_db) / 10))
        return np.asarray(audio + self._noise.standard_normal(len(audio)) * level, np.float32)

    def save(self, name: str, group: str, audio: Audio, said: list[tuple[float, Utterance]]) -> None:
        """Writes sound and remembers what is said in it, and from when on in seconds."""
        with wave.open(str(self._folder / f"{name}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.writeframes((np.clip(audio, -1, 1) * 32767).astype("<i2").tobytes())
        words = [
            (word, round(at + start, 3), round(at + end, 3))
            for at, utterance in said
            for word, (start, end) in zip(utterance.words, utterance.intervals, strict=True)
        ]
        sentences = [" ".join(utterance.words) for _, utterance in said]
        self.made.append(HeldOut(name, group, round(len(audio) / SAMPLE_RATE, 3), words, sentences))

    def utterance(self, name: str, group: str, speaker: Callable[[random.Random], voices.Speaker]) -> None:
        """One sentence with a little silence around it."""
        said = self._say(speaker)
        before, after = (int(self._random.uniform(0.1, 0.9) * SAMPLE_RATE) for _ in range(2))
        audio = np.pad(said.audio, (before, after)) * np.float32(self._random.uniform(0.2, 1))
        self.save(name, group, self._with_noise(audio, UTTERANCE_SNR_DB), [(before / SAMPLE_RATE, said)])

    def chunk(
        self,
        name: str,
        group: str,
        speaker: Callable[[random.Random], voices.Speaker],
        seconds: float,
        snr_db: tuple[float, float],
    ) -> None:
        """Several speakers one after the other, with pauses, as loud as it may be on a phone."""
        audio = np.zeros(int(seconds * SAMPLE_RATE), np.float32)
        said: list[tuple[float, Utterance]] = []
        at = self._random.uniform(0.1, 2.5)
        while True:
            utterance = self._say(speaker)
            length = len(utterance.audio)
            if at + length / SAMPLE_RATE > seconds - 0.2:
                break
            first = int(at * SAMPLE_RATE)
            audio[first : first + length] += utterance.audio * np.float32(self._random.uniform(0.5, 1))
            said.append((first / SAMPLE_RATE, utterance))
            at += length / SAMPLE_RATE + self._random.choice([self._random.uniform(0.6, 1.2), self._random.uniform(0.8, 4)])
        audio *= np.float32(10 ** self._random.uniform(-1, 0.2))
        self.save(name, group, self._with_noise(audio, snr_db), said)

    def silences(self) -> None:
        """Sound in which nobody speaks."""
        samples = int(CHUNK_SECONDS * SAMPLE_RATE)
        seconds = np.arange(samples) / SAMPLE_RATE
        self.save("silence-zero", "silence", np.zeros(samples, np.float32), [])
        for index, level in enumerate((1e-4, 1e-3, 1e-2, 0.1)):
            noise = np.asarray(self._noise.standard_normal(samples) * level, np.float32)
            self.save(f"silence-white-{index}", "silence", noise, [])
        brown = np.cumsum(self._noise.standard_normal(samples))
        brown -= np.convolve(brown, np.full(800, 1 / 800), "same")
        self.save("silence-brown", "silence", np.asarray(brown / brown.std() * 0.02, np.float32), [])
        hum = 0.02 * np.sin(2 * np.pi * MAINS_HZ * seconds) + 0.01 * np.sin(2 * np.pi * 3 * MAINS_HZ * seconds)
        self.save("silence-hum", "silence", hum.astype(np.float32), [])
        self.save("silence-tone", "silence", (0.1 * np.sin(2 * np.pi * 440 * seconds)).astype(np.float32), [])


def make(folder: Path, utterances: int, chunks: int, seed: int = SEED) -> list[HeldOut]:
    """Writes wav files and an index into the folder: so many single sentences and chunks, by heard and by unheard voices.

    With chunks come a recording of 125 s, and sounds in which nobody speaks.
    """
    folder.mkdir(parents=True, exist_ok=True)
    maker = _Maker(folder, seed)
    for kind, speaker in (("heard", voices.heard), ("unheard", voices.unheard)):
        for index in range(utterances):
            maker.utterance(f"{kind}-utterance-{index:02}", f"{kind}-utterances", speaker)
        for index in range(chunks):
            maker.chunk(f"{kind}-chunk-{index:02}", f"{kind}-chunks", speaker, CHUNK_SECONDS, CHUNK_SNR_DB)
            maker.chunk(f"{kind}-noisy-{index:02}", f"{kind}-noisy-chunks", speaker, CHUNK_SECONDS, NOISY_SNR_DB)
    if chunks > 0:
        maker.chunk("long", "long", voices.heard, LONG_SECONDS, CHUNK_SNR_DB)
        maker.silences()
    (folder / INDEX).write_text(json.dumps([asdict(one) for one in maker.made]))
    return maker.made


def read_index(folder: Path) -> list[HeldOut]:
    """What `make` has written. Raises FileNotFoundError."""
    found = json.loads((folder / INDEX).read_text())
    return [HeldOut(**{**one, "words": [tuple(word) for word in one["words"]]}) for one in found]


def sentences_of(folder: Path) -> set[str]:
    """Every sequence of words that the training must leave out."""
    return {said for one in read_index(folder) for said in one.sentences}
