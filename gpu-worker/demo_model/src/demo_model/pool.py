"""The training's speech: many utterances as mel power, made by all processors at once, in files that are mapped."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from demo_model import voices
from demo_model.espeak import Synthesizer, Utterance
from demo_model.mel import FRAMES_PER_SECOND, HOP, mel_power
from demo_model.vocabulary import WORD_ID, sentence

SHARD_UTTERANCES: Final = 500
QUIETEST: Final = 1e-10


@dataclass(frozen=True)
class Spoken:
    """One utterance of a pool."""

    log_mel: npt.NDArray[np.float16]
    """float16 [n_frames, 80], base 10 logarithm of mel power."""
    words: npt.NDArray[np.int32]
    """Token ids."""
    intervals: npt.NDArray[np.float32]
    """float32 [n_words, 2], seconds."""
    phonemes: npt.NDArray[np.int32]
    """Ids of sounds, in Pool.phonemes; 0 is none."""
    phoneme_starts: npt.NDArray[np.float32]
    """Seconds, one for each sound."""


def _mel_of(said: Utterance) -> npt.NDArray[np.float16]:
    power = mel_power(np.pad(said.audio, (0, HOP)))
    return np.log10(np.maximum(power, QUIETEST)).astype(np.float16)


def _shard(task: tuple[Path, int, int, frozenset[str]]) -> int:
    """Makes one file of utterances; answers the frames in it."""
    path, seed, count, left_out = task
    rng = random.Random(seed)
    synthesizer = Synthesizer()
    said: list[Utterance] = []
    while len(said) < count:
        words = sentence(rng)
        utterance = None if " ".join(words) in left_out else synthesizer.say(words, voices.trainer(rng))
        if utterance is not None:
            said.append(utterance)
    mels = [_mel_of(utterance) for utterance in said]
    np.save(path.with_suffix(".mel.npy"), np.concatenate(mels))
    np.savez(
        path.with_suffix(".npz"),
        frames=np.array([len(mel) for mel in mels], np.int32),
        word_counts=np.array([len(one.words) for one in said], np.int32),
        words=np.array([WORD_ID[word] for one in said for word in one.words], np.int32),
        intervals=np.array([interval for one in said for interval in one.intervals], np.float32),
        phoneme_counts=np.array([len(one.phonemes) for one in said], np.int32),
        phonemes=np.array([name for one in said for name, _ in one.phonemes]),
        phoneme_starts=np.array([at for one in said for _, at in one.phonemes], np.float32),
    )
    return sum(len(mel) for mel in mels)


def make(folder: Path, utterances: int, seed: int, processes: int, left_out: Set[str]) -> None:
    """Writes a pool of at least so many utterances, without those sequences of words; tells how far it is."""
    folder.mkdir(parents=True, exist_ok=True)
    shards = -(-utterances // SHARD_UTTERANCES)
    count = -(-utterances // shards)
    tasks = [(folder / f"{seed}-{index:03}", seed * 100_003 + index, count, frozenset(left_out)) for index in range(shards)]
    began_s = time.monotonic()
    frames = 0
    with multiprocessing.get_context("spawn").Pool(processes) as workers:
        for done, made in enumerate(workers.imap_unordered(_shard, tasks), 1):
            frames += made
            hours = frames / FRAMES_PER_SECOND / 3600
            print(f"{done * count} utterances, {hours:.2f} h, {time.monotonic() - began_s:.0f} s", flush=True)


class Pool:
    """All utterances of a folder."""

    def __init__(self, folder: Path) -> None:
        shards = sorted(folder.glob("*.npz"))
        if not shards:
            raise FileNotFoundError(f"there is no pool in {folder}; make one with: synthesize")
        parts = [dict(np.load(shard)) for shard in shards]
        self.phonemes: list[str] = ["", *sorted({str(name) for part in parts for name in np.unique(part["phonemes"])})]
        ids = {name: index for index, name in enumerate(self.phonemes)}
        self._utterances: list[Spoken] = []
        for shard, part in zip(shards, parts, strict=True):
            mel = np.load(shard.with_suffix(".mel.npy"), mmap_mode="r")
            phonemes = np.array([ids[str(name)] for name in part["phonemes"]], np.int32)
            frames, words, sounds = (np.cumsum(part[name])[:-1] for name in ("frames", "word_counts", "phoneme_counts"))
            split = (
                np.split(mel, frames),
                np.split(part["words"], words),
                np.split(part["intervals"], words),
                np.split(phonemes, sounds),
                np.split(part["phoneme_starts"], sounds),
            )
            self._utterances += [Spoken(*fields) for fields in zip(*split, strict=True)]

    def __len__(self) -> int:
        return len(self._utterances)

    @property
    def hours(self) -> float:
        """Hours of speech."""
        return sum(len(one.log_mel) for one in self._utterances) / FRAMES_PER_SECOND / 3600

    def any(self, rng: np.random.Generator) -> Spoken:
        """An utterance by chance."""
        return self._utterances[int(rng.integers(len(self._utterances)))]
