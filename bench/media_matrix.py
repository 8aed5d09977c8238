"""Containers, codecs and layouts that recordings come in: `npm run proof -- media-matrix`.

A spoken sentence is written in each, and decoded and transcribed as the worker does. Its words must be those of the original,
at the same times.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

import av
import numpy as np
from gpu_worker.speech.engine import Clip, Engine, Options
from gpu_worker.speech.media import DecodeOptions, Decoder, MediaError
from gpu_worker.speech.models import find_model
from quality import ours
from quality.corpora import SAMPLE_RATE, Audio, sample
from quality.scoring import normal

SENTENCE: Final = "I can do that. I grew up in that area, and I always enjoy a good story."
"""A sentence of the sample that survives telephone codecs."""
BIT_RATE: Final = 64_000
RATE: Final = 48_000
"""Rate of recordings by browsers."""
MAX_MEDIAN_SECONDS: Final = 0.1
"""Words may begin this much earlier or later than in the original (median)."""
MAX_SECONDS: Final = 60.0
LARGEST_LOSSY_FRAME: Final = 4608


@lru_cache
def speech(text: str) -> Audio:
    """A sentence of the sample, float32 [n_samples], 16 kHz."""
    recording = sample()
    prompt = next(prompt for prompt in recording.prompts if prompt.text == text)
    return recording.part(prompt.start_s - 0.1, prompt.end_s + 0.2)


@dataclass(frozen=True)
class Variant:
    """A kind of file."""

    container: str
    codec: str
    rate: int
    layout: str = "mono"
    format: str | None = None
    options: dict[str, str] = field(default_factory=dict)
    only: int | None = None
    """The channel with speech; the others are silent. None: all."""

    @property
    def name(self) -> str:
        """For reports."""
        more = "".join(f" {part}" for part in (self.format, *self.options.values()) if part)
        return f"{self.container} {self.codec} {self.rate} {self.layout}{more}"


def _variant(line: str) -> Variant:
    container, codec, rate, layout, *more = line.split()
    options = dict(option.split("=", 1) for option in more)
    only, sample_format = options.pop("only", None), options.pop("format", None)
    channel = None if only is None else int(only)
    return Variant(container, codec, int(rate), layout.replace("_", " "), sample_format, options, channel)


def variants() -> list[Variant]:
    """The kinds in media-formats.txt."""
    lines = (Path(__file__).parent / "media-formats.txt").read_text().splitlines()
    return [_variant(line) for line in lines if not line.startswith("#")]


@dataclass
class Figures:
    """Of one variant."""

    name: str
    text: str
    is_right: bool
    off_s: float
    """Median difference of word starts from the original."""


def write(path: Path, audio: Audio, variant: Variant) -> Path:
    """Writes speech as a file of this kind. `audio`: float32 [n_samples], 16 kHz."""
    channels = av.AudioLayout(variant.layout).nb_channels
    samples = np.zeros((len(audio), channels), dtype=np.float32)
    samples.T[slice(None) if variant.only is None else variant.only] = audio * 0.7
    with av.open(str(path), "w", format=variant.container, options=variant.options) as file:
        stream = file.add_stream(variant.codec, rate=variant.rate, layout=variant.layout)
        assert isinstance(stream, av.AudioStream)
        if variant.codec == "vorbis":
            stream.codec_context.options = {"strict": "-2"}
        if variant.format is not None:
            stream.format = variant.format
        if variant.codec in ("libmp3lame", "wmav1", "wmav2"):
            stream.bit_rate = BIT_RATE
        whole = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout=variant.layout)
        whole.sample_rate = SAMPLE_RATE
        file.start_encoding()
        context = stream.codec_context
        size = context.frame_size or 1024
        resampler = av.AudioResampler(context.format.name, variant.layout, variant.rate, size)
        frames = [*resampler.resample(whole), *resampler.resample(None)]
        if frames[-1].samples < size <= LARGEST_LOSSY_FRAME:  # encoders give a last frame that is shorter a wrong time
            frames.pop()
        for frame in [*frames, None]:
            file.mux([packet for packet in stream.encode(frame) if packet.size])  # FLAC's last packet has no audio
    return path


def words_of(engine: Engine, audio: Audio) -> list[tuple[str, float]]:
    """Recognized words in a normal form, each with its start in seconds."""
    (made,) = engine.transcribe([Clip(audio, Options(language="en"))])
    return [(part, word.start) for segment in made.segments for word in segment.words for part in normal(word.word)]


def check(engine: Engine, decoder: Decoder, path: Path, name: str, expected: Sequence[tuple[str, float]]) -> Figures:
    """Decodes and transcribes a file, and compares it with the expected words."""
    try:
        found = words_of(engine, decoder.decode(path, DecodeOptions(MAX_SECONDS)).audio)
    except MediaError as error:
        return Figures(name, f"refused: {error}", False, 0.0)
    is_right = [word for word, _ in found] == [word for word, _ in expected]
    off = statistics.median(abs(a - b) for (_, a), (_, b) in zip(found, expected, strict=False)) if found else 0.0
    return Figures(name, " ".join(word for word, _ in found), is_right, round(off, 3))


def run(engine: Engine, folder: Path, kinds: Sequence[Variant]) -> list[Figures]:
    """The figures of these kinds of files."""
    sentence = speech(SENTENCE)
    expected = words_of(engine, sentence)
    decoder = Decoder()
    try:
        return [
            check(engine, decoder, write(folder / "recording", sentence, variant), variant.name, expected) for variant in kinds
        ]
    finally:
        decoder.close()


def main() -> None:
    """Prints the figures as JSON."""
    argparse.ArgumentParser(prog="media_matrix", description="Transcribes one sentence in many formats.").parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = run(ours.load(find_model("tiny.en").folder), Path(folder), variants())
    print(json.dumps([asdict(one) for one in figures]))


if __name__ == "__main__":
    main()
