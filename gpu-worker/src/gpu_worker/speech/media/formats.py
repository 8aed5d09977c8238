"""Detects formats of media by their first bytes, whatever the file's name.

Signatures: https://en.wikipedia.org/wiki/List_of_file_signatures, and the probes of FFmpeg's demuxers. A format without a
signature (MPEG audio, ADTS, AC-3, LOAS, MPEG-TS) is recognized by the distance between its frames. Text formats, which could
name other files, are not among them.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Final

HEAD_BYTES: Final = 64 * 1024
"""First bytes that are inspected. Zeros before the media's first byte are skipped within them."""


@dataclass(frozen=True)
class Format:
    """FFmpeg's demuxer, and the byte at which the media begins."""

    demuxer: str
    offset: int = 0


SIGNATURES: Final[dict[bytes, str]] = {
    b"\x1a\x45\xdf\xa3": "matroska",
    b"OggS": "ogg",
    b"fLaC": "flac",
    b"caff": "caf",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11": "asf",
    b"riff\x2e\x91\xcf\x11": "w64",
    b"#!AMR": "amr",
    b"wvpk": "wv",
    b"FLV\x01": "flv",
    b".snd": "au",
    b"\x00\x00\x01\xba": "mpeg",
    b"TTA1": "tta",
    b"MAC ": "ape",
    b"MPCK": "mpc8",
    b"MP+": "mpc",
    b"tBaK": "tak",
    b"DSD ": "dsf",
    b".RMF": "rm",
    b".ra\xfd": "rm",
    b"Creative Voice File\x1a": "voc",
    b"\x02dss": "dss",
    b"\x03ds2": "dss",
    b"\x7f\xfe\x80\x01": "dts",
    b"\xfe\x7f\x01\x80": "dts",
    b"qoaf": "qoa",
    b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01": "mxf",
}
CHUNKED: Final[dict[tuple[bytes, bytes], str]] = {
    (b"RIFF", b"WAVE"): "wav",
    (b"RIFX", b"WAVE"): "wav",
    (b"RF64", b"WAVE"): "wav",
    (b"BW64", b"WAVE"): "wav",
    (b"RIFF", b"AVI "): "avi",
    (b"RIFF", b"XWMA"): "xwma",
    (b"FORM", b"AIFF"): "aiff",
    (b"FORM", b"AIFC"): "aiff",
}
"""Names in bytes 0 to 3 and 8 to 11."""
MP4_STARTS: Final = (b"ftyp", b"moov")
MP4_BOXES: Final = (*MP4_STARTS, b"mdat", b"wide", b"free", b"skip", b"pnot")
"""Boxes at the start of MP4 and QuickTime files, in bytes 4 to 7. Old QuickTime files have no `ftyp`."""

BIT_RATES: Final = {
    # (is version 1, layer): kbit/s by index 1 to 14. ISO/IEC 11172-3, 13818-3
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
RATES_HZ: Final = (44_100, 48_000, 32_000)


def _mpeg_audio_frame(head: bytes) -> int | None:
    """Length of an MPEG audio frame in bytes, 0 if its header does not tell it; None if this is not such a frame."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer, bit_rate, rate = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3), head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer == 4 or bit_rate == 15 or rate == 3:
        return None
    if bit_rate == 0:
        return 0
    bits_per_second = 1000 * BIT_RATES[version == 3, layer][bit_rate - 1]
    rate_hz = RATES_HZ[rate] // {3: 1, 2: 2, 0: 4}[version]
    padding = head[2] >> 1 & 1
    if layer == 1:
        return (12 * bits_per_second // rate_hz + padding) * 4
    samples = 576 if layer == 3 and version != 3 else 1152
    return samples // 8 * bits_per_second // rate_hz + padding


def _adts_frame(head: bytes) -> int | None:
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0 or head[2] >> 2 & 15 > 12:
        return None
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return length if length > 7 else None


def _loas_frame(head: bytes) -> int | None:
    if len(head) < 3 or head[0] != 0x56 or head[1] & 0xE0 != 0xE0:
        return None
    return ((head[1] & 0x1F) << 8 | head[2]) + 3


def _eac3_frame(head: bytes) -> int | None:
    if len(head) < 6 or not head.startswith(b"\x0b\x77") or not 10 < head[5] >> 3 <= 16:
        return None
    return ((head[2] & 7) << 8 | head[3]) * 2 + 2


def _ac3_frame(head: bytes) -> int | None:
    if len(head) < 6 or not head.startswith(b"\x0b\x77") or head[5] >> 3 > 10:
        return None
    following = head.find(b"\x0b\x77", 64, 8192)
    return following if following > 0 else None


def _packets_of(length: int, sync: int) -> Callable[[bytes], int | None]:
    def packet(head: bytes) -> int | None:
        return length if len(head) > sync and head[sync] == 0x47 else None

    return packet


FRAMES: Final[tuple[tuple[str, Callable[[bytes], int | None]], ...]] = (
    ("mp3", _mpeg_audio_frame),
    ("aac", _adts_frame),
    ("loas", _loas_frame),
    ("eac3", _eac3_frame),
    ("ac3", _ac3_frame),
    ("mpegts", _packets_of(188, 0)),
    ("mpegts", _packets_of(192, 4)),
    ("mpegts", _packets_of(204, 0)),
)
STREAMS: Final = tuple(pair for pair in FRAMES if pair[0] in ("mp3", "aac", "mpegts"))
"""Formats without a beginning: a recording of them can start within a frame."""
FIRST_BYTES: Final = (0xFF, 0x47)
FIRST_FRAME_WITHIN: Final = 8192
TAGGED: Final = ("mp3", "aac", "flac", "tta")
"""Demuxers that skip an ID3 tag."""
MIN_FREE_FRAME: Final = 24
MAX_FREE_FRAME: Final = 4096
CONSECUTIVE_FRAMES: Final = 4
"""Frames that must follow each other, as far as the inspected bytes go."""


def _consists_of(frame: Callable[[bytes], int | None], head: bytes) -> bool:
    at = 0
    for number in range(CONSECUTIVE_FRAMES):
        length = frame(head[at:])
        if length is None:
            return number >= 2 and len(head) - at < 8  # the end of a short file
        if length == 0:  # free format: the next header has the same rate and version
            at = head.find(head[at : at + 2], at + MIN_FREE_FRAME, at + MAX_FREE_FRAME)
            if at < 0 or frame(head[at:]) != 0:
                return False
        at += length
    return True


def _signed(head: bytes) -> str | None:
    for signature, demuxer in SIGNATURES.items():
        if head.startswith(signature):
            return demuxer
    if head[4:8] in MP4_BOXES:
        return "mp4"
    return CHUNKED.get((head[:4], head[8:12]))


def _demuxer(head: bytes) -> str | None:
    return _signed(head) or next((demuxer for demuxer, frame in FRAMES if _consists_of(frame, head)), None)


def _id3_bytes(head: bytes) -> int:
    """Length of an ID3v2 tag. https://id3.org/id3v2.4.0-structure"""
    if not head.startswith(b"ID3") or len(head) < 10:
        return 0
    length = sum((size & 0x7F) << 7 * (3 - n) for n, size in enumerate(head[6:10]))
    return 10 + length + (10 if head[5] & 0x10 else 0)


def detect(file: IO[bytes]) -> Format | None:
    """The format of a file, which is read from its start; None if it is not supported."""
    return _detect_surely(file) or _detect_stream(file)


def _detect_stream(file: IO[bytes]) -> Format | None:
    """A stream that begins within a frame, or a damaged or very short MP3."""
    file.seek(0)
    head = file.read(HEAD_BYTES)
    for offset in range(min(len(head), FIRST_FRAME_WITHIN)):
        if head[offset] in FIRST_BYTES:
            found = next((demuxer for demuxer, frame in STREAMS if _consists_of(frame, head[offset:])), None)
            if found is not None:
                return Format(found, offset)
    is_layer_3 = len(head) > 1 and head[1] >> 1 & 3 == 1
    return Format("mp3") if is_layer_3 and _mpeg_audio_frame(head) is not None else None


def _detect_surely(file: IO[bytes]) -> Format | None:
    file.seek(0)
    head = file.read(HEAD_BYTES)
    zeros = len(head) - len(head.lstrip(b"\0"))
    # A signature can begin with up to three zeros.
    for offset in (0, *range(max(1, zeros - 3), zeros + 1)):
        if head.startswith(b"ID3", offset):
            behind = offset + _id3_bytes(head[offset:])
            file.seek(behind)
            tagged = _demuxer(file.read(HEAD_BYTES)) or "mp3"
            return Format(tagged, offset if tagged in TAGGED else behind)
        found = _demuxer(head[offset:])
        if found is not None:
            return Format(found, offset)
    return None


def demuxer_of(head: bytes) -> str | None:
    """The demuxer of a file with these first bytes; None if its format is not supported."""
    found = detect(io.BytesIO(head))
    return None if found is None else found.demuxer


OGG_FIRST_PAGE: Final = 0x02
"""Flag of a stream's first page, in the sixth byte of the page."""


def starts_stream(data: bytes) -> bool:
    """Whether a file with these first bytes can be decoded without the pieces before it."""
    found = _detect_surely(io.BytesIO(data[:HEAD_BYTES]))
    if found is None:
        return False
    if found.demuxer == "ogg":
        return len(data) > 5 and bool(data[5] & OGG_FIRST_PAGE)
    return found.demuxer != "mp4" or data[found.offset + 4 : found.offset + 8] in MP4_STARTS


OGG_PAGE_HEADER: Final = 27
OGG_PAGE_LONGEST: Final = OGG_PAGE_HEADER + 255 + 255 * 255


def page_start(file: IO[bytes], at: int) -> int:
    """The start of the Ogg page that contains byte `at`, else `at`. FFmpeg reports the page's position for its packets."""
    file.seek(max(0, at - OGG_PAGE_LONGEST))
    around = file.read(min(at, OGG_PAGE_LONGEST) + OGG_PAGE_LONGEST)
    middle = min(at, OGG_PAGE_LONGEST)
    start = around.rfind(b"OggS", 0, middle)
    if start < 0 or len(around) < start + OGG_PAGE_HEADER:
        return at
    lengths = around[start + OGG_PAGE_HEADER : start + OGG_PAGE_HEADER + around[start + OGG_PAGE_HEADER - 1]]
    return at - (middle - start) if start + OGG_PAGE_HEADER + len(lengths) + sum(lengths) > middle else at
