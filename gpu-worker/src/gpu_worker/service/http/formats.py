"""Writes transcripts as plain text and subtitles, like core/transcripts/formats.ts; both pass test/fixtures/formats."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gpu_worker.service.queue.results import Timed


def timestamp(seconds: float, separator: str) -> str:
    """`HH:MM:SS`, separator, milliseconds. Hours may exceed 99."""
    ms = max(0, int(seconds * 1000 + 0.5))
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}{separator}{ms % 1000:03d}"


def _cue_text(text: str) -> str:
    """Text of a cue as one line, without `-->`: a blank line ends a cue, and an arrow is parsed as times."""
    return re.sub(r"\s+", " ", text).strip().replace("-->", "->")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cues(segments: Sequence[Timed]) -> list[tuple[float, float, str]]:
    """Cues with text; each lasts at least 1 ms, because some players reject empty ones."""
    texts = ((one, _cue_text(one["text"])) for one in segments)
    return [(one["start"], max(one["end"], one["start"] + 0.001), text) for one, text in texts if text]


def to_txt(text: str) -> str:
    """The text with a final newline; empty if there is no text."""
    return f"{text}\n" if text else ""


def to_srt(segments: Sequence[Timed]) -> str:
    """Writes SubRip."""
    return "\n".join(
        f"{number}\n{timestamp(start, ',')} --> {timestamp(end, ',')}\n{text}\n"
        for number, (start, end, text) in enumerate(_cues(segments), 1)
    )


def to_vtt(segments: Sequence[Timed]) -> str:
    """Writes WebVTT."""
    cues = (f"{timestamp(start, '.')} --> {timestamp(end, '.')}\n{_escaped(text)}\n" for start, end, text in _cues(segments))
    return "\n".join(["WEBVTT\n", *cues])
