"""Decodes media to samples; runs in child processes with limits, because the bytes are untrusted.

Steps: detect the format by the first bytes -> force that demuxer -> decode to 16 kHz mono in blocks -> stop at the limit.

Gotchas:
- FFmpeg guesses formats from content, whatever the file's name. A text file that starts with `ffconcat` opens other local
  files, and SDP opens sockets. Only the forced demuxer prevents this; `protocol_whitelist` alone did not.
- Live WebM has no duration in its header, and 2.6 MB can contain 10 h: decoded samples are counted, headers are not trusted.
- Recorders that use `MediaRecorder.start(timeslice)` send one stream in pieces, cut at any byte; only the first has a
  header. A piece is decoded after all pieces before it. A packet belongs to the piece in which it ends, so that none is lost
  or doubled.
"""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from gpu_worker.speech.media.formats import page_start, sniff

if TYPE_CHECKING:
    from av import AudioFrame, Packet
    from av.audio.resampler import AudioResampler
    from av.audio.stream import AudioStream
    from av.container import InputContainer

SAMPLE_RATE: Final = 16_000
Samples = npt.NDArray[np.int16]

LOWEST_RATE_HZ: Final = 4_000
"""Half the rate of telephone speech. At lower rates a file of one kilobyte lasts minutes."""
HIGHEST_RATE_HZ: Final = 384_000
"""Highest rate that recorders offer."""

PEAK_SAMPLES: Final = SAMPLE_RATE // 10
"""Samples per point of a waveform."""

MEMORY_LIMIT_BYTES: Final = 2 * 1024**3
"""Address space of the child; its libraries alone map about half of it."""


class MediaError(Exception):
    """The file cannot be decoded as audio; a retry would fail as well."""


PRE_ROLL_PACKETS: Final = 10
"""Packets that are decoded before a piece's own ones: Opus needs 80 ms to converge."""


BLOCK_HEADER: Final = {"matroska": 4}
"""Bytes between a packet's position, as FFmpeg reports it, and its data."""


LEAD_IN_PACKETS_PER_SECOND: Final = 50
"""Packets of 20 ms, as recorders make them; with shorter ones the lead-in is shorter."""


def _selected(
    packets: Iterable[Packet[AudioStream]], from_byte: int, header: int, lead_in_s: float
) -> Iterator[tuple[Packet[AudioStream], bool]]:
    """Packets to decode, each with whether it is the piece's own, that is, ends after `from_byte`."""
    before: deque[Packet[AudioStream]] = deque(maxlen=PRE_ROLL_PACKETS + int(lead_in_s * LEAD_IN_PACKETS_PER_SECOND))
    begun = from_byte == 0
    for packet in packets:
        if not begun:
            if packet.pos is None or packet.pos + header + packet.size <= from_byte:
                before.append(packet)
                continue
            begun = True
            yield from ((earlier, False) for earlier in before)
        yield packet, True


class LeadIn:
    """The last `seconds` of audio before a piece, int16 at 16 kHz."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._samples: list[Samples] = []
        self._resampler: AudioResampler | None = None

    def add(self, frame: AudioFrame | None) -> None:
        """Adds a decoded frame; None marks the end."""
        from av.audio.resampler import AudioResampler

        # A separate resampler, so that the piece's own samples do not depend on the lead-in.
        self._resampler = self._resampler or AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
        self._samples += [_samples_of(out) for out in self._resampler.resample(frame)]

    def samples(self) -> Samples:
        """The lead-in, int16 [n_samples]."""
        count = int(self.seconds * SAMPLE_RATE)
        if count == 0 or self._resampler is None:
            return np.zeros(0, dtype=np.int16)
        self.add(None)
        return np.concatenate(self._samples)[-count:]


def decoded(path: Path, from_byte: int = 0, lead_in: LeadIn | None = None) -> Iterator[tuple[Samples, float]]:
    """Decodes a file in blocks: int16 [n_samples] at 16 kHz, each with the share of the file read so far.

    Args:
        path: The file.
        from_byte: Audio that ends before this byte is skipped.
        lead_in: Gets the end of the skipped audio.

    Raises:
        MediaError: The file is not audio, or is damaged.
    """
    import av
    from av.audio.resampler import AudioResampler

    size = max(1, path.stat().st_size)
    with path.open("rb") as file:
        demuxer = sniff(file.read(12))
        if demuxer == "ogg" and from_byte:
            from_byte = page_start(file, from_byte)
    if demuxer is None:
        raise MediaError("this is not a supported audio file")
    share = 0.0
    resampler = AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    try:
        with av.open(str(path), format=demuxer, options={"protocol_whitelist": "file"}) as container:
            if not container.streams.audio:
                raise MediaError("the file has no audio track")
            lead_in_s = 0.0 if lead_in is None else lead_in.seconds
            header = BLOCK_HEADER.get(demuxer, 0)
            for number, (packet, is_own) in enumerate(_selected(_packets(container), from_byte, header, lead_in_s)):
                share = max(share, min(1.0, (packet.pos or 0) / size))
                try:
                    frames = packet.decode()
                except av.error.InvalidDataError:
                    continue
                for frame in frames:
                    _check_rate(frame.sample_rate)
                if not is_own:
                    if lead_in is not None and number >= PRE_ROLL_PACKETS:
                        for frame in frames:
                            lead_in.add(frame)
                    continue
                for frame in frames:
                    for out in resampler.resample(frame):
                        yield _samples_of(out), share
            for out in resampler.resample(None):
                yield _samples_of(out), 1.0
    except (av.error.FFmpegError, ValueError) as error:
        raise MediaError("the file cannot be decoded; it is damaged or of another format") from error


def _check_rate(rate_hz: int) -> None:
    if not LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ:
        raise MediaError(f"the sample rate is {rate_hz} Hz; supported are {LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ} Hz")


def _samples_of(frame: AudioFrame) -> Samples:
    samples: Samples = frame.to_ndarray().reshape(-1).astype(np.int16, copy=False)
    return samples


def decode(path: Path, max_seconds: float, from_byte: int, lead_in: LeadIn) -> Samples:
    """Audio of the file from `from_byte` on, int16 [n_samples]. Raises MediaError."""
    pieces: list[Samples] = []
    count, limit = 0, int(max_seconds * SAMPLE_RATE)
    for piece, _ in decoded(path, from_byte, lead_in):
        pieces.append(piece)
        count += piece.size
        if count > limit:
            raise MediaError(f"the audio is longer than {max_seconds:.0f} s")
    if count == 0:
        raise MediaError("the file contains no audio")
    return np.concatenate(pieces)


def _packets(container: InputContainer) -> Iterator[Packet[AudioStream]]:
    """Packets up to the first incomplete one: a piece may end in the middle of a packet."""
    import av

    packets = container.demux(container.streams.audio[0])
    while True:
        try:
            packet = next(packets, None)
        except av.error.InvalidDataError:
            return
        if packet is None:
            return
        yield packet


def peaks_of(audio: npt.NDArray[np.float32]) -> str:
    """The loudest sample of each tenth of a second as one byte, base64. `audio`: float32 [n_samples], 16 kHz."""
    padded = np.pad(np.abs(audio), (0, -len(audio) % PEAK_SAMPLES))
    loudest = np.minimum(255, np.round(padded.reshape(-1, PEAK_SAMPLES).max(axis=1) * 255)).astype(np.uint8)
    return base64.b64encode(loudest.tobytes()).decode()
