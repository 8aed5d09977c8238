"""Continues a stream in its middle: its header, then its bytes from a position at which a demuxer can begin.

Live WebM consists of a header and clusters, Ogg of header pages and pages, fragmented MP4 of `moov` and fragments. Other
formats cannot be continued.
"""

from __future__ import annotations

import re
import struct
from typing import Final

from gpu_worker.speech.media.formats import demuxer_of

CLUSTER: Final = re.compile(
    rb"\x1f\x43\xb6\x75(?:[\x80-\xff]|[\x40-\x7f].|[\x20-\x3f]..|[\x10-\x1f]...|[\x08-\x0f].{4}|[\x04-\x07].{5}|[\x02\x03].{6}|\x01.{7})\xe7",
    re.DOTALL,
)
"""A cluster's id and size, and the id of its time, which recorders write first. https://www.rfc-editor.org/rfc/rfc9559"""
PAGE: Final = re.compile(rb"OggS\x00[\x00-\x07]")
"""The start of an Ogg page. https://www.rfc-editor.org/rfc/rfc3533"""
FRAGMENT: Final = re.compile(rb"....moof....mfhd", re.DOTALL)
"""The start of a fragment: two boxes, each with its size before its name."""
STARTS: Final = {"matroska": CLUSTER, "ogg": PAGE, "mp4": FRAGMENT}
NO_AUDIO: Final = (0, 2**64 - 1)
"""Positions of Ogg pages without audio: headers, and pages in which no packet ends."""


def header_of(head: bytes) -> bytes | None:
    """The header of a stream.

    Args:
        head: Its first bytes.

    Returns:
        The bytes before its first audio; None if the stream cannot be continued, or its header does not end in `head`.
    """
    demuxer = demuxer_of(head)
    if demuxer == "ogg":
        audio = (page for page in PAGE.finditer(head) if _ogg_position(head, page.start()) not in NO_AUDIO)
        first = next(audio, None)
    else:
        first = STARTS[demuxer].search(head) if demuxer in STARTS else None
    return None if first is None else head[: first.start()]


def _ogg_position(data: bytes, page: int) -> int:
    position: bytes = data[page + 6 : page + 14]
    return int(struct.unpack("<Q", position)[0]) if len(position) == 8 else 0


def continued(header: bytes, data: bytes) -> bytes | None:
    """The header and the bytes from the first position at which decoding can begin; None if there is none in `data`."""
    demuxer = demuxer_of(header)
    first = STARTS[demuxer].search(data) if demuxer in STARTS else None
    return None if first is None else header + data[first.start() :]
