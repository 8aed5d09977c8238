"""Recordings with a known script: human telephone prompts (Debian) and flite's voices, joined with random pauses.

Audio is float32 [n_samples], 16 kHz, -1 to 1. All randomness is seeded.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import av
import numpy as np
import numpy.typing as npt

Audio = npt.NDArray[np.float32]
SAMPLE_RATE: Final = 16000
HEADERLESS: Final = (".g722", ".gsm")
"""Extensions of formats that only the file's name identifies."""
SOUNDS: Final = Path("/usr/share/asterisk/sounds")
HERE: Final = Path(__file__).parent
SAMPLE: Final = HERE.parents[1] / "host" / "sample"
ENGLISH: Final = "en_US_f_Allison"
FOREIGN: Final = {"fr": "fr_CA_f_June", "es": "es_MX_f_Allison", "it": "it_IT_m_Carlo", "ru": "ru_RU_f_IvrvoiceRU"}
"""Folders of Debian's prompts in other languages, which have no script."""
PAUSE_SECONDS: Final = (0.1, 0.9)
MIN_WORDS: Final = 3
"""Shorter prompts are single words, letters and digits, which have no unique spelling without context."""
SPOKEN_SYMBOLS: Final = {"*": "star", "#": "pound", "IVR": "IVR"}
FLITE_VOICES: Final = ("slt", "rms", "awb")


class Missing(RuntimeError):
    """A package that a measurement needs is not installed. The message contains the command that installs it."""


@dataclass(frozen=True)
class Prompt:
    """A piece of speech with its text. `start_s` and `end_s` are its position in the recording."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Recording:
    """Audio and its script."""

    audio: Audio
    prompts: tuple[Prompt, ...]

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return len(self.audio) / SAMPLE_RATE

    def part(self, start_s: float, end_s: float) -> Audio:
        """The audio between two times."""
        return self.audio[max(0, round(start_s * SAMPLE_RATE)) : round(end_s * SAMPLE_RATE)]


def decode(path: Path) -> Audio:
    """Decodes a media file to 16 kHz mono."""
    kind = path.suffix[1:] if path.suffix in HEADERLESS else None
    resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
    with av.open(str(path), format=kind) as container:
        frames = [made for frame in container.decode(audio=0) for made in resampler.resample(frame)]
        frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames]).astype(np.float32)


def _speech_of(text: str) -> str | None:
    """The spoken text of a script line; None for descriptions of sounds and for short prompts."""
    if re.search(r"[\[<(]", text):
        return None
    for symbol, word in SPOKEN_SYMBOLS.items():
        text = text.replace(symbol, word)
    text = re.sub(r"\s*\.\.\.\s*", " ", text).strip()
    return text if len(re.findall(r"[A-Za-z0-9']+", text)) >= MIN_WORDS else None


@lru_cache
def human_prompts() -> tuple[tuple[str, Audio], ...]:
    """Text and audio of the English prompts, spoken by one person. Raises Missing."""
    folder = SOUNDS / ENGLISH
    if not folder.is_dir():
        raise Missing("human prompts are missing: apt-get install -y asterisk-core-sounds-en-g722")
    found = []
    skipped = set((HERE / "skipped-prompts.txt").read_text().split())
    for line in (HERE / "core-sounds-en.txt").read_text().splitlines():
        name, colon, text = line.partition(":")
        spoken = _speech_of(text.strip())
        file = folder / f"{name}.g722"
        if colon and not line.startswith(";") and spoken and name not in skipped and file.exists():
            found.append((spoken, decode(file)))
    return tuple(found)


def foreign_files(language: str) -> list[Path]:
    """The prompts of another language that are longer than 2 s. Raises Missing."""
    folder = SOUNDS / FOREIGN[language]
    if not folder.is_dir():
        raise Missing(f"{language} prompts are missing: apt-get install -y asterisk-core-sounds-{language}-g722")
    return sorted(file for file in folder.glob("*.g722") if file.stat().st_size > 2 * 8000)


def foreign_prompts(language: str, seconds: float, seed: int) -> Audio:
    """Human prompts of another language, without their text. Raises Missing."""
    files = foreign_files(language)
    pick = np.random.default_rng(seed)
    made: list[Audio] = []
    while sum(map(len, made)) < seconds * SAMPLE_RATE:
        made += [decode(files[pick.integers(len(files))]), _pause(pick)]
    return np.concatenate(made)[: round(seconds * SAMPLE_RATE)]


def _pause(random: np.random.Generator) -> Audio:
    """A pause with microphone noise at -75 dB."""
    return random.standard_normal(round(random.uniform(*PAUSE_SECONDS) * SAMPLE_RATE)).astype(np.float32) * np.float32(2e-4)


def _endless(items: Sequence[tuple[str, Audio]], random: np.random.Generator) -> Iterator[tuple[str, Audio]]:
    """Repeats all items endlessly, in a new random order each time."""
    while True:
        for index in random.permutation(len(items)):
            yield items[index]


def put_together(pieces: Iterator[tuple[str, Audio]], seconds: float, random: np.random.Generator) -> Recording:
    """Joins pieces with pauses until the recording has at least `seconds`."""
    made = [_pause(random)]
    length = len(made[0])
    prompts = []
    for text, audio in pieces:
        prompts.append(Prompt(text, length / SAMPLE_RATE, (length + len(audio)) / SAMPLE_RATE))
        made += [audio, _pause(random)]
        length += len(audio) + len(made[-1])
        if length >= seconds * SAMPLE_RATE:
            break
    return Recording(np.concatenate(made), tuple(prompts))


def human(seconds: float, seed: int) -> Recording:
    """A recording of English prompts in random order."""
    random = np.random.default_rng(seed)
    return put_together(_endless(human_prompts(), random), seconds, random)


@lru_cache
def flite(voice: str, text: str) -> Audio:
    """A sentence spoken by one of flite's voices. Raises Missing."""
    if shutil.which("flite") is None:
        raise Missing("flite is missing: apt-get install -y flite")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "speech.wav"
        subprocess.run(["flite", "-voice", voice, "-t", text, str(file)], check=True)
        return decode(file)


def sentences() -> list[str]:
    """Everyday English sentences, written for this project."""
    return (HERE / "sentences.txt").read_text().splitlines()


def synthetic(seconds: float, seed: int, voices: Sequence[str] = FLITE_VOICES) -> Recording:
    """A recording of sentences in random order, each spoken by a random voice."""
    random = np.random.default_rng(seed)
    chosen = (
        (text, flite(str(random.choice(voices)), text))
        for text, _ in _endless([(s, np.zeros(0, np.float32)) for s in sentences()], random)
    )
    return put_together(chosen, seconds, random)


def sample() -> Recording:
    """The product's sample: a conversation of two minutes between three of flite's voices."""
    audio = decode(SAMPLE / "conversation.webm")
    script = json.loads((SAMPLE / "conversation.json").read_text())
    return Recording(audio, tuple(Prompt(turn["text"], turn["start"], turn["end"]) for turn in script["turns"]))


CORPORA: Final[dict[str, Callable[[float, int], Recording]]] = {
    "human": human,
    "flite": synthetic,
    "sample": lambda _seconds, _seed: sample(),
}
