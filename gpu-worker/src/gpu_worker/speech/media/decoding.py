"""Decodes media to samples; runs in child processes with limits, because the bytes are untrusted.

Steps: detect the format by the first bytes -> force that demuxer -> decode to 16 kHz in blocks, in the places that the
container's clock gives them -> mix channels and tracks -> stop at the limit.

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
import io
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, cast

import numpy as np
import numpy.typing as npt

from gpu_worker.speech.media.clock import SHORTEST_DAMAGE_SECONDS, Span, Times, Track
from gpu_worker.speech.media.formats import Format, detect, page_start
from gpu_worker.speech.media.mixing import SAMPLE_RATE, Mixer, Samples, summed

if TYPE_CHECKING:
    from av import AudioFrame, Packet
    from av.audio.stream import AudioStream
    from av.container import InputContainer

LOWEST_RATE_HZ: Final = 4_000
"""Half the rate of telephone speech. At lower rates a file of one kilobyte lasts minutes."""
HIGHEST_RATE_HZ: Final = 384_000
"""Highest rate that recorders offer."""
MAX_CHANNELS: Final = 64

PEAK_SAMPLES: Final = SAMPLE_RATE // 10
"""Samples per point of a waveform."""

MEMORY_LIMIT_BYTES: Final = 2 * 1024**3
"""Address space of the child; its libraries alone map about half of it."""

MAX_FILE_SECONDS: Final = 24 * 3600
MAX_SEPARATE: Final = 8
"""Channels or tracks that can be transcribed separately; FLAC stores eight."""


class MediaError(Exception):
    """The file cannot be decoded as audio; a retry would fail as well."""


PRE_ROLL_PACKETS: Final = 10
"""Packets that are decoded before a piece's own ones: Opus needs 80 ms to converge."""


BLOCK_HEADER: Final = {"matroska": 4}
"""Bytes between a packet's position, as FFmpeg reports it, and its data."""


LEAD_IN_PACKETS_PER_SECOND: Final = 50
"""Packets of 20 ms, as recorders make them; with shorter ones the lead-in is shorter."""

TIMES: Final[dict[str, Times]] = {
    **dict.fromkeys(("matroska", "mp4", "flv", "asf", "avi", "rm", "mxf"), Times()),
    **dict.fromkeys(("ogg", "mpegts", "mpeg"), Times(restart=True)),
    "flac": Times(are_complete=True),
}
"""By demuxer. In other formats audio has no gaps."""
FROM_ZERO: Final = ("matroska", "mp4")
"""Players show the time of these containers as it is; that of others from the first audio or video on."""
LATEST_START_SECONDS: Final = 60.0
"""A later start is that of a stream which was joined in its middle; its time is counted from there."""
SAFE: Final = {"protocol_whitelist": "file"}
MAX_DAMAGED_PACKETS: Final = 10_000
"""Packets that the demuxer may fail to read."""


@dataclass(frozen=True)
class DecodeOptions:
    """How a file is decoded.

    `is_recording`: It is a chunk, whose time begins with its first audio or video, not with the container's zero.
    `separate`: Its channels are not mixed; if it has several tracks, each is a channel.
    """

    max_seconds: float = MAX_FILE_SECONDS
    is_recording: bool = False
    separate: bool = False


@dataclass
class Found:
    """What was found in a file while it was decoded."""

    recorded_at: str | None = None
    """Time of the recording as the file tells it."""
    tracks: list[Track] = field(default_factory=list)

    @property
    def damaged(self) -> list[Span]:
        """What could not be decoded of any track, without single packets."""
        united: list[Span] = []
        for span in sorted((span for track in self.tracks for span in track.lost), key=lambda span: span.start):
            if united and span.start <= united[-1].end:
                united[-1] = Span(united[-1].start, max(united[-1].end, span.end))
            else:
                united.append(span)
        return [span for span in united if span.end - span.start >= SHORTEST_DAMAGE_SECONDS]

    @property
    def inserted(self) -> list[tuple[int, int]]:
        """Ranges of samples in which the decoder inserted silence on any track."""
        return [samples for track in self.tracks for samples in track.inserted]


class _Tail(io.RawIOBase):
    """A file without its first bytes."""

    def __init__(self, file: IO[bytes], offset: int) -> None:
        self._file = file
        self._offset = offset
        self._file.seek(offset)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        at = offset + self._offset if whence == io.SEEK_SET else offset
        return self._file.seek(at, whence) - self._offset

    def tell(self) -> int:
        return self._file.tell() - self._offset


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
    """The last `seconds` of audio before a piece."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.track: Track | None = None
        self._samples: list[Samples] = []

    def add(self, samples: Iterable[Samples]) -> None:
        """Adds decoded audio."""
        self._samples += samples

    def samples(self) -> Samples:
        """The lead-in, int16 [n_samples] or [n_samples, n_channels]."""
        count = int(self.seconds * SAMPLE_RATE)
        if count == 0 or self.track is None:
            return np.zeros(0, dtype=np.int16)
        self.add(self.track.end())
        return joined(self._samples)[-count:] if self._samples else np.zeros(0, dtype=np.int16)


def _streams(container: InputContainer) -> list[AudioStream]:
    """The audio tracks that can be decoded, in the first known language or an unknown one: others are translations."""
    streams = [stream for stream in container.streams.audio if _has_decoder(stream)]
    if not streams:
        raise MediaError("the file has no audio track that can be decoded")
    languages = [stream.metadata.get("language", "und") for stream in streams]
    language = next((language for language in languages if language != "und"), "und")
    return [stream for stream, own in zip(streams, languages, strict=True) if own in (language, "und")]


def _has_decoder(stream: AudioStream) -> bool:
    return cast("object | None", stream.codec_context) is not None


def _recorded_at(metadata: Mapping[str, str]) -> str | None:
    """Date and time in a file's metadata. Broadcast WAV has them apart."""
    time, date = metadata.get("creation_time"), metadata.get("date")
    return f"{date}T{time}" if time and date and "-" not in time else time or date


def _zero_seconds(container: InputContainer, demuxer: str, options: DecodeOptions) -> float:
    """The container's time that is the file's beginning."""
    start = (container.start_time or 0) / 1_000_000
    if demuxer in FROM_ZERO and not options.is_recording and start <= LATEST_START_SECONDS:
        return 0.0
    return start


def decoded(
    path: Path, options: DecodeOptions, found: Found, from_byte: int = 0, lead_in: LeadIn | None = None
) -> Iterator[tuple[Samples, float]]:
    """Decodes a file in blocks, each with the share of the file read so far.

    The blocks are int16 [n_samples] at 16 kHz, or [n_samples, n_channels] if `options.separate`.

    Args:
        path: The file.
        options: How it is decoded.
        found: Gets what is found.
        from_byte: Audio that ends before this byte is skipped, and other tracks than the first are ignored.
        lead_in: Gets the end of the skipped audio.

    Raises:
        MediaError: The file is not audio, or is damaged.
    """
    import av

    with path.open("rb") as file:
        kind = detect(file)
        if kind is None:
            raise MediaError("this is not a supported audio file")
        if kind.demuxer == "ogg" and from_byte:
            from_byte = page_start(file, from_byte)
        source = _Tail(file, kind.offset) if kind.offset else str(path)
        try:
            with av.open(source, mode="r", format=kind.demuxer, options=SAFE, metadata_errors="replace") as container:
                found.recorded_at = _recorded_at(container.metadata)
                if from_byte:
                    blocks = _piece(container, kind, options, found, from_byte, lead_in)
                else:
                    blocks = _whole(container, kind, options, found)
                size, share = max(1, path.stat().st_size), 0.0
                for samples, at in blocks:
                    share = max(share, min(1.0, at / size))
                    if len(samples):
                        yield samples, share
        except (av.error.FFmpegError, ValueError) as error:
            raise MediaError("the file cannot be decoded; it is damaged or of another format") from error


def _piece(
    container: InputContainer, kind: Format, options: DecodeOptions, found: Found, from_byte: int, lead_in: LeadIn | None
) -> Iterator[tuple[Samples, int]]:
    """A piece of a stream; its time begins with its first packet."""
    stream = _streams(container)[0]
    track = Track(None, TIMES.get(kind.demuxer, Times()), options.max_seconds, options.separate)
    found.tracks = [track]
    lead_in = lead_in or LeadIn(0.0)
    lead_in.track = Track(None, Times(), options.max_seconds, options.separate)
    header = BLOCK_HEADER.get(kind.demuxer, 0)
    packets = _selected(_packets(container, [stream]), from_byte, header, lead_in.seconds)
    for number, (packet, is_own) in enumerate(packets):
        if is_own:
            yield from ((samples, packet.pos or 0) for samples in _decode_into(track, packet))
        elif number >= PRE_ROLL_PACKETS:
            lead_in.add(_decode_into(lead_in.track, packet))
        else:
            _frames(packet)
    yield from ((samples, 0) for samples in track.end())


def _whole(container: InputContainer, kind: Format, options: DecodeOptions, found: Found) -> Iterator[tuple[Samples, int]]:
    streams = _streams(container)
    zero_s, times = _zero_seconds(container, kind.demuxer, options), TIMES.get(kind.demuxer, Times(count=False))
    if len(streams) == 1:
        track = Track(zero_s, times, options.max_seconds, options.separate)
        found.tracks = [track]
        for packet in _packets(container, streams):
            yield from ((_limited(samples), packet.pos or 0) for samples in _decode_into(track, packet))
        yield from ((_limited(samples), 0) for samples in track.end())
        return
    if options.separate and len(streams) > MAX_SEPARATE:
        raise MediaError(f"at most {MAX_SEPARATE} tracks can be transcribed separately")
    finished = (lambda mixed: mixed) if options.separate else summed
    mixer = Mixer(len(streams))
    tracks = {stream.index: Track(zero_s, times, options.max_seconds, separate=False) for stream in streams}
    found.tracks = list(tracks.values())
    numbers = {stream.index: number for number, stream in enumerate(streams)}
    for packet in _packets(container, streams):
        for samples in _decode_into(tracks[packet.stream_index], packet):
            for mixed in mixer.add(numbers[packet.stream_index], samples):
                yield finished(mixed), packet.pos or 0
    for index, track in tracks.items():
        for samples in track.end():
            yield from ((finished(mixed), 0) for mixed in mixer.add(numbers[index], samples))
    yield from ((finished(mixed), 0) for mixed in mixer.end())


def _limited(samples: Samples) -> Samples:
    if samples.ndim == 2 and samples.shape[1] > MAX_SEPARATE:
        raise MediaError(f"at most {MAX_SEPARATE} channels can be transcribed separately")
    return samples


def _frames(packet: Packet[AudioStream]) -> list[AudioFrame] | None:
    """The frames of a packet; None if it is damaged."""
    import av

    try:
        frames = packet.decode()
    except MemoryError:
        raise
    except av.error.FFmpegError:
        return None
    for frame in frames:
        _check(frame)
    return frames


def _decode_into(track: Track, packet: Packet[AudioStream]) -> Iterator[Samples]:
    frames = _frames(packet)
    if frames is None:
        seconds = 0.0 if packet.duration is None or packet.time_base is None else float(packet.duration * packet.time_base)
        yield from track.lose(seconds)
        return
    for frame in frames:
        yield from track.add(frame)


def _check(frame: AudioFrame) -> None:
    if not LOWEST_RATE_HZ <= frame.sample_rate <= HIGHEST_RATE_HZ:
        raise MediaError(
            f"the sample rate is {frame.sample_rate} Hz; supported are {LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ} Hz"
        )
    if frame.layout.nb_channels > MAX_CHANNELS:
        raise MediaError(f"the file has {frame.layout.nb_channels} channels; supported are {MAX_CHANNELS}")


def decode(path: Path, options: DecodeOptions, found: Found, from_byte: int, lead_in: LeadIn) -> Samples:
    """Audio of the file from `from_byte` on, int16 [n_samples] or [n_samples, n_channels]. Raises MediaError."""
    pieces: list[Samples] = []
    count, limit = 0, int(options.max_seconds * SAMPLE_RATE)
    for piece, _ in decoded(path, options, found, from_byte, lead_in):
        pieces.append(piece)
        count += len(piece)
        if count > limit:
            raise MediaError(f"the audio is longer than {options.max_seconds:.0f} s")
    if count == 0:
        raise MediaError("the file contains no audio")
    return joined(pieces)


def joined(pieces: list[Samples]) -> Samples:
    """Blocks after each other. Blocks with fewer channels than others are continued with silent ones."""
    channels = max((piece.shape[1] for piece in pieces if piece.ndim == 2), default=0)
    if channels == 0:
        return np.concatenate(pieces)
    return np.concatenate([np.pad(piece, ((0, 0), (0, channels - piece.shape[1]))) for piece in pieces])


def _packets(container: InputContainer, streams: list[AudioStream]) -> Iterator[Packet[AudioStream]]:
    """All packets that can be read; the last one may be incomplete, because a piece may end in the middle of a packet."""
    import av

    damaged = 0
    wanted = {stream.index for stream in streams}
    while damaged < MAX_DAMAGED_PACKETS:
        packets = cast("Iterator[Packet[AudioStream]]", container.demux(streams))
        try:
            yield from (packet for packet in packets if packet.stream_index in wanted)
            return
        except IndexError:  # a packet of a track that the file did not have when it was opened
            continue
        except av.error.InvalidDataError:
            damaged += 1


def peaks_of(audio: npt.NDArray[np.float32]) -> str:
    """The loudest sample of each tenth of a second as one byte, base64. `audio`: float32 [n_samples], 16 kHz."""
    padded = np.pad(np.abs(audio), (0, -len(audio) % PEAK_SAMPLES))
    loudest = np.minimum(255, np.round(padded.reshape(-1, PEAK_SAMPLES).max(axis=1) * 255)).astype(np.uint8)
    return base64.b64encode(loudest.tobytes()).decode()
