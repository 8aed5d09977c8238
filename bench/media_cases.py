"""Recordings as phones, meeting tools, cameras and call recorders make them: `python -m media_cases FOLDER` writes them.

Each stands for a kind of file that was once refused, transcribed as silence, or had wrong times. Two people speak one
sentence each, with a pause of a second.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import av
import numpy as np
from media_matrix import RATE, SENTENCE, Variant, speech, write
from quality.corpora import SAMPLE_RATE, Audio


@dataclass(frozen=True)
class Case:
    """A file with what its transcript must be."""

    name: str
    content_type: str
    text: str
    begins_s: float
    """When the first word is spoken, in the file's time."""
    seconds: float
    is_chosen: bool
    """Whether this run tests it: all in a proof, a sample in `npm test`."""


OTHER_SENTENCE: Final = "When do you want to start? I am free on Tuesday and Thursday next week."
PAUSE_SECONDS: Final = 1.0
LATE_SECONDS: Final = 4.0
ALL: Final = os.environ.get("CHUNKSCRIBE_MEDIA") == "all"
SAMPLE: Final = (
    "rate-changes.mp3",
    "antiphase.wav",
    "second-track.m4a",
    "late-audio.mp4",
    "packets-missing.webm",
    "x.ts",
    "rf64.wav",
    "x.3gp",
)


def _one() -> Audio:
    return speech(SENTENCE)


def _two() -> Audio:
    return speech(OTHER_SENTENCE)


def _both() -> Audio:
    return np.concatenate([_one(), np.zeros(int(PAUSE_SECONDS * SAMPLE_RATE), np.float32), _two()])


def _joined(path: Path, *variants: tuple[Audio, Variant], before: bytes = b"") -> None:
    """Files after each other, in one file."""
    parts = [write(path, audio, variant).read_bytes() for audio, variant in variants]
    path.write_bytes(before + b"".join(parts))


def _mp3(rate: int, layout: str = "mono") -> Variant:
    return Variant("mp3", "libmp3lame", rate, layout)


def _write_channels(path: Path, channels: tuple[Audio, ...], container: str = "wav", codec: str = "pcm_s16le") -> None:
    length = max(map(len, channels))
    samples = np.stack([np.pad(channel, (0, length - len(channel))) for channel in channels], axis=1)
    with av.open(str(path), "w", format=container) as file:
        stream = file.add_stream(codec, rate=SAMPLE_RATE, layout="stereo")
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray((samples * 32_767).astype(np.int16).reshape(1, -1), "s16", "stereo")
        frame.sample_rate = SAMPLE_RATE
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def _write_tracks(path: Path, tracks: tuple[Audio, ...]) -> None:
    """AAC tracks in one MP4, one after the other in the file."""
    with av.open(str(path), "w", format="mp4") as file:
        streams = [file.add_stream("aac", rate=RATE, layout="mono") for _ in tracks]
        packets = []
        for track, stream in zip(tracks, streams, strict=True):
            assert isinstance(stream, av.AudioStream)
            resampler = av.AudioResampler("fltp", "mono", RATE, 1024)
            whole = av.AudioFrame.from_ndarray(track[None], "flt", "mono")
            whole.sample_rate = SAMPLE_RATE
            for frame in [*resampler.resample(whole), *resampler.resample(None), None]:
                packets += stream.encode(frame)
        file.mux(packets)


def _write_late(path: Path) -> None:
    """A video whose sound starts late."""
    with av.open(str(path), "w", format="mp4") as file:
        video = file.add_stream("mpeg4", rate=10)
        audio = file.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        assert isinstance(video, av.VideoStream) and isinstance(audio, av.AudioStream)
        video.width = video.height = 64
        for _ in range(90):
            file.mux(video.encode(av.VideoFrame(64, 64, "yuv420p")))
        file.mux(video.encode(None))
        resampler = av.AudioResampler("fltp", "mono", SAMPLE_RATE, 1024)
        whole = av.AudioFrame.from_ndarray(_one()[None], "flt", "mono")
        whole.sample_rate, whole.pts = SAMPLE_RATE, int(LATE_SECONDS * SAMPLE_RATE)
        for frame in [*resampler.resample(whole), *resampler.resample(None), None]:
            file.mux(audio.encode(frame))


def _write_without_pause(path: Path) -> None:
    """WebM without the packets of the pause between the sentences."""
    write(path, _both(), Variant("webm", "libopus", RATE))
    data = path.with_suffix(".whole")
    path.rename(data)
    begin = len(_one()) / SAMPLE_RATE
    with av.open(str(data)) as source, av.open(str(path), "w", format="webm") as file:
        stream = source.streams.audio[0]
        copy = file.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.pts is not None and not begin <= float(packet.pts * packet.time_base) < begin + PAUSE_SECONDS - 0.1:
                packet.stream = copy
                file.mux(packet)
    data.unlink()


def _in(container: str, codec: str, rate: int, layout: str = "mono", **options: str) -> Callable[[Path], object]:
    return lambda path: write(path, _both(), Variant(container, codec, rate, layout, options=options))


SPECIAL: Final[dict[str, tuple[str, Callable[[Path], object]]]] = {
    "rate-changes.mp3": ("audio/mp3", lambda path: _joined(path, (_one(), _mp3(44_100, "stereo")), (_two(), _mp3(22_050)))),
    "channels-change.mp3": ("audio/mpeg", lambda path: _joined(path, (_one(), _mp3(44_100, "stereo")), (_two(), _mp3(44_100)))),
    "zeros-first.mp3": ("", lambda path: _joined(path, (_both(), _mp3(44_100)), before=bytes(512))),
    "antiphase.wav": ("audio/wave", lambda path: _write_channels(path, (_both(), -_both()))),
    "second-track.m4a": ("audio/x-m4a", lambda path: _write_tracks(path, (0 * _both(), _both()))),
    "left-right.wav": ("audio/vnd.wave", lambda path: _write_channels(path, left_right())),
    "late-audio.mp4": ("video/mp4", _write_late),
    "packets-missing.webm": ("audio/webm;codecs=opus", _write_without_pause),
    "adts.aac": ("audio/aac", _in("adts", "aac", 44_100)),
    "x.aiff": ("audio/aiff", _in("aiff", "pcm_s16be", 44_100)),
    "x.caf": ("audio/x-caf", _in("caf", "alac", 44_100)),
    "x.wma": ("audio/x-ms-wma", _in("asf", "wmav2", 44_100, "stereo")),
    "x.ts": ("video/mp2t", _in("mpegts", "aac", 48_000)),
    "rf64.wav": ("audio/x-wav", _in("wav", "pcm_s16le", 48_000, rf64="always")),
    "alac.m4a": ("audio/m4a", _in("ipod", "alac", 44_100)),
    "x.mp2": ("audio/mpeg", _in("mp2", "mp2", 48_000)),
    "x.mka": ("audio/x-matroska", _in("matroska", "libopus", 48_000)),
    "x.mov": ("video/quicktime", _in("mov", "aac", 44_100)),
    "x.flac": ("AUDIO/X-FLAC", _in("flac", "flac", 44_100)),
    "x.amr": ("audio/amr", _in("amr", "libopencore_amrnb", 8_000)),
    "x.3gp": ("audio/3gpp", _in("3gp", "libopencore_amrnb", 8_000)),
}


def left_right() -> tuple[Audio, Audio]:
    """One person per channel, the second after the first."""
    return _one(), np.concatenate([np.zeros(len(_one()) + int(PAUSE_SECONDS * SAMPLE_RATE), np.float32), _two()])


def write_all(folder: Path) -> list[Case]:
    """Writes all files."""
    cases = []
    text = f"{SENTENCE} {OTHER_SENTENCE}"
    whole = len(_both()) / SAMPLE_RATE
    for name, (content_type, make) in SPECIAL.items():
        make(folder / name)
        chosen = ALL or name in SAMPLE
        if name == "late-audio.mp4":
            cases.append(Case(name, content_type, SENTENCE, LATE_SECONDS, LATE_SECONDS + len(_one()) / SAMPLE_RATE, chosen))
        else:
            seconds = whole - PAUSE_SECONDS if name in ("rate-changes.mp3", "channels-change.mp3") else whole
            cases.append(Case(name, content_type, text, 0.0, round(seconds, 3), chosen))
    return cases


if __name__ == "__main__":
    print(json.dumps([asdict(case) for case in write_all(Path(sys.argv[1]))]))  # noqa: T201 - its result
