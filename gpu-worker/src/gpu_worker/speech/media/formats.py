"""Detects formats of media by their first bytes, whatever the file's name."""

from __future__ import annotations

from typing import IO, Final


def sniff(head: bytes) -> str | None:
    """The demuxer for a file with these first bytes (12 are enough); None if the format is not supported."""
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    if head.startswith(b"OggS"):
        return "ogg"
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return "wav"
    if head.startswith(b"fLaC"):
        return "flac"
    if head[4:8] == b"ftyp":
        return "mp4"
    if head.startswith(b"ID3") or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 in (0xE2, 0xE4, 0xE6)):
        return "mp3"
    return None


OGG_FIRST_PAGE: Final = 0x02
"""Flag of a stream's first page, in the sixth byte of the page."""


def starts_stream(head: bytes) -> bool:
    """Whether a file with these first bytes (12 are enough) can be decoded without the pieces before it."""
    demuxer = sniff(head)
    return demuxer is not None and not (demuxer == "ogg" and not (len(head) > 5 and head[5] & OGG_FIRST_PAGE))


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
