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


VARIANTS: Final[tuple[Variant, ...]] = (
    Variant("wav", "pcm_s16le", 8_000),
    Variant("wav", "pcm_s16le", 16_000),
    Variant("wav", "pcm_s16le", 44_100, "stereo"),
    Variant("wav", "pcm_u8", 11_025),
    Variant("wav", "pcm_s24le", 48_000, "stereo"),
    Variant("wav", "pcm_s32le", 96_000, "stereo"),
    Variant("wav", "pcm_f32le", 48_000),
    Variant("wav", "pcm_f64le", 44_100),
    Variant("wav", "pcm_s24le", 192_000),
    Variant("wav", "pcm_alaw", 8_000),
    Variant("wav", "pcm_mulaw", 8_000, "stereo", only=1),
    Variant("wav", "adpcm_ms", 22_050),
    Variant("wav", "adpcm_ima_wav", 16_000),
    Variant("wav", "pcm_s16le", 48_000, "16 channels", only=11),
    Variant("wav", "pcm_s16le", 48_000, "5.1", only=2),
    Variant("wav", "pcm_s16le", 16_000, options={"rf64": "always"}),
    Variant("wav", "libmp3lame", 44_100),
    Variant("w64", "pcm_s16le", 48_000),
    Variant("aiff", "pcm_s16be", 44_100, "stereo"),
    Variant("aiff", "pcm_s24be", 48_000),
    Variant("caf", "pcm_s16le", 44_100),
    Variant("caf", "alac", 44_100, "stereo"),
    Variant("caf", "pcm_s24le", 48_000, "stereo"),
    Variant("au", "pcm_mulaw", 8_000),
    Variant("flac", "flac", 44_100, "stereo"),
    Variant("flac", "flac", 96_000, format="s32"),
    Variant("ogg", "libopus", 48_000),
    Variant("ogg", "libopus", 48_000, "stereo"),
    Variant("ogg", "flac", 16_000),
    Variant("ogg", "vorbis", 44_100, "stereo"),
    Variant("webm", "libopus", 48_000),
    Variant("webm", "libopus", 48_000, "5.1"),
    Variant("webm", "libopus", 48_000, "stereo", options={"live": "1"}),
    Variant("webm", "vorbis", 48_000, "stereo"),
    Variant("matroska", "aac", 44_100, "stereo"),
    Variant("matroska", "flac", 48_000),
    Variant("matroska", "pcm_s16le", 16_000),
    Variant("matroska", "libmp3lame", 44_100),
    Variant("matroska", "ac3", 48_000, "5.1"),
    Variant("matroska", "wavpack", 48_000),
    Variant("matroska", "alac", 44_100),
    Variant("mp3", "libmp3lame", 44_100, "stereo"),
    Variant("mp3", "libmp3lame", 16_000),
    Variant("mp3", "libmp3lame", 8_000),
    Variant("mp2", "mp2", 48_000, "stereo"),
    Variant("adts", "aac", 44_100, "stereo"),
    Variant("adts", "aac", 16_000),
    Variant("adts", "aac", 24_000),
    Variant("latm", "aac", 48_000),
    Variant("ac3", "ac3", 48_000, "stereo"),
    Variant("eac3", "eac3", 48_000, "5.1"),
    Variant("ipod", "aac", 44_100),
    Variant("ipod", "alac", 44_100),
    Variant("mp4", "aac", 48_000, "stereo"),
    Variant("mp4", "libopus", 48_000),
    Variant("mp4", "flac", 48_000),
    Variant("mp4", "libmp3lame", 44_100),
    Variant("mp4", "eac3", 48_000, "5.1"),
    Variant("mp4", "aac", 44_100, options={"movflags": "frag_keyframe+empty_moov"}),
    Variant("mov", "aac", 44_100, "stereo"),
    Variant("mov", "pcm_s16le", 48_000),
    Variant("mov", "pcm_s24le", 48_000, "stereo", only=0),
    Variant("mov", "adpcm_ima_qt", 44_100),
    Variant("3gp", "libopencore_amrnb", 8_000),
    Variant("3gp", "aac", 16_000),
    Variant("amr", "libopencore_amrnb", 8_000),
    Variant("avi", "libmp3lame", 44_100, "stereo"),
    Variant("avi", "pcm_s16le", 22_050),
    Variant("avi", "ac3", 48_000),
    Variant("mpegts", "aac", 48_000, "stereo"),
    Variant("mpegts", "mp2", 48_000),
    Variant("mpegts", "ac3", 48_000),
    Variant("mpegts", "libopus", 48_000),
    Variant("mpeg", "mp2", 48_000, "stereo"),
    Variant("vob", "ac3", 48_000),
    Variant("flv", "aac", 44_100, "stereo"),
    Variant("flv", "libmp3lame", 22_050),
    Variant("asf", "wmav2", 44_100, "stereo"),
    Variant("asf", "wmav1", 44_100),
    Variant("asf", "libmp3lame", 44_100),
    Variant("wv", "wavpack", 44_100, "stereo"),
    Variant("tta", "tta", 44_100),
)


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
        whole_frames = [frame for frame in resampler.resample(whole) if frame.samples == size]
        for frame in [*whole_frames, None]:  # encoders give a last frame that is shorter a wrong time
            file.mux([packet for packet in stream.encode(frame) if packet.size])  # FLAC's last packet has no audio
    return path


@lru_cache
def speech(text: str) -> Audio:
    """A sentence of the sample, float32 [n_samples], 16 kHz."""
    recording = sample()
    prompt = next(prompt for prompt in recording.prompts if prompt.text == text)
    return recording.part(prompt.start_s - 0.1, prompt.end_s + 0.2)


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


def run(engine: Engine, folder: Path, variants: Sequence[Variant] = VARIANTS) -> list[Figures]:
    """The figures of all variants."""
    sentence = speech(SENTENCE)
    expected = words_of(engine, sentence)
    decoder = Decoder()
    try:
        return [
            check(engine, decoder, write(folder / "recording", sentence, variant), variant.name, expected) for variant in variants
        ]
    finally:
        decoder.close()


def main() -> None:
    """Prints the figures as JSON."""
    argparse.ArgumentParser(prog="media_matrix", description="Transcribes one sentence in many formats.").parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = run(ours.load(find_model("tiny.en").folder), Path(folder))
    print(json.dumps([asdict(one) for one in figures]))


if __name__ == "__main__":
    main()
