"""Transcripts as plain text and subtitles, as core/transcripts/formats.ts writes them: both pass test/fixtures/formats."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

Timed = dict[str, Any]
"""At least `start` and `end` in seconds, and `text`."""


def timestamp(seconds: float, separator: str) -> str:
    """`HH:MM:SS` and milliseconds behind the separator; hours go on above 99."""
    ms = max(0, int(seconds * 1000 + 0.5))
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}{separator}{ms % 1000:03d}"


def _cue_text(text: str) -> str:
    """One line: a blank line or an arrow inside a cue would end it or be read as times."""
    return re.sub(r"\s+", " ", text).strip().replace("-->", "->")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cues(segments: Sequence[Timed]) -> list[tuple[float, float, str]]:
    """Cues that say something; each lasts, because some players refuse one that does not."""
    texts = ((one, _cue_text(str(one["text"]))) for one in segments)
    return [(one["start"], max(one["end"], one["start"] + 0.001), text) for one, text in texts if text]


def to_txt(text: str) -> str:
    """The text and a line's end; nothing where nothing was said."""
    return f"{text}\n" if text else ""


def to_srt(segments: Sequence[Timed]) -> str:
    """SubRip."""
    return "\n".join(
        f"{number}\n{timestamp(start, ',')} --> {timestamp(end, ',')}\n{text}\n"
        for number, (start, end, text) in enumerate(_cues(segments), 1)
    )


def to_vtt(segments: Sequence[Timed]) -> str:
    """WebVTT."""
    cues = (f"{timestamp(start, '.')} --> {timestamp(end, '.')}\n{_escaped(text)}\n" for start, end, text in _cues(segments))
    return "\n".join(["WEBVTT\n", *cues])
