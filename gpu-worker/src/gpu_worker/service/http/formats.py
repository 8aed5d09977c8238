"""Writes transcripts as plain text and subtitles, like core/transcripts/formats.ts; both pass test/fixtures/formats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from gpu_worker.service.http.cues import Cue, cues_of
from gpu_worker.service.queue.results import StoredSegment
from gpu_worker.speech.joining.spacing import join_texts


def timestamp(seconds: float, separator: str) -> str:
    """`HH:MM:SS`, separator, milliseconds. Hours may exceed 99."""
    ms = max(0, int(seconds * 1000 + 0.5))
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}{separator}{ms % 1000:03d}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _subtitles(segments: Sequence[StoredSegment], names_speakers: bool) -> list[Cue]:
    """Cues in order of time; each lasts at least 1 ms, because some players reject empty ones."""
    cues = sorted(cues_of(segments, names_speakers), key=lambda cue: cue.start)
    return [replace(cue, end=max(cue.end, cue.start + 0.001)) for cue in cues]


def to_txt(text: str, segments: Sequence[StoredSegment] = ()) -> str:
    """The text with a final newline, by speaker if there are any; empty if there is no text."""
    if any("speaker" in segment for segment in segments):
        spoken = (one for one in segments if one["text"])
        grouped = groupby(spoken, key=lambda one: one.get("speaker"))
        turns = [(speaker, join_texts(one["text"] for one in turn)) for speaker, turn in grouped]
        text = "\n\n".join(f"{speaker}: {said}" if speaker else said for speaker, said in turns)
    return f"{text}\n" if text else ""


def to_srt(segments: Sequence[StoredSegment]) -> str:
    """Writes SubRip."""
    return "\n".join(
        "\n".join((f"{number}\n{timestamp(cue.start, ',')} --> {timestamp(cue.end, ',')}", *cue.lines, ""))
        for number, cue in enumerate(_subtitles(segments, names_speakers=True), 1)
    )


def to_vtt(segments: Sequence[StoredSegment]) -> str:
    """Writes WebVTT."""
    cues = (
        f"{timestamp(cue.start, '.')} --> {timestamp(cue.end, '.')}\n{_voice(cue)}{_escaped(chr(10).join(cue.lines))}\n"
        for cue in _subtitles(segments, names_speakers=False)
    )
    return "\n".join(["WEBVTT\n", *cues])


def _voice(cue: Cue) -> str:
    return "" if cue.speaker is None else f"<v {_escaped(cue.speaker)}>"
