"""Writes transcripts as plain text and subtitles, like core/transcripts/formats.ts; both pass test/fixtures/formats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from gpu_worker.service.http.cues import Cue, cues_of
from gpu_worker.service.http.paragraphs import paragraphs_of
from gpu_worker.service.queue.results import StoredSegment
from gpu_worker.speech.joining.spacing import join_texts


def _milliseconds(seconds: float) -> int:
    return max(0, int(seconds * 1000 + 0.5))


def timestamp(seconds: float, separator: str) -> str:
    """`HH:MM:SS`, separator, milliseconds. Hours may exceed 99."""
    ms = _milliseconds(seconds)
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}{separator}{ms % 1000:03d}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _subtitles(segments: Sequence[StoredSegment], names_speakers: bool) -> list[Cue]:
    """Cues in order of time; each lasts at least 1 ms, because some players reject empty ones."""
    cues = sorted(cues_of(segments, names_speakers), key=lambda cue: cue.start)
    return [replace(cue, end=max(cue.end, cue.start + 0.001)) for cue in cues]


def _letters(text: str) -> int:
    return len("".join(text.split()))


def _parts(text: str, segments: Sequence[StoredSegment]) -> Iterator[Sequence[StoredSegment]]:
    """The segments of each part of a file. In its text, a blank line separates the parts."""
    at = 0
    for part in text.split("\n\n")[:-1]:
        begin, left = at, _letters(part)
        while left > 0 and at < len(segments):
            left -= _letters(segments[at]["text"])
            at += 1
        yield segments[begin:at]
    yield segments[at:]


def all_paragraphs(text: str, segments: Sequence[StoredSegment]) -> list[list[StoredSegment]]:
    """The segments of each paragraph of the whole text."""
    spoken = [segment for segment in segments if segment["text"]]
    return [paragraph for part in _parts(text, spoken) for paragraph in paragraphs_of(part)]


def to_txt(text: str, segments: Sequence[StoredSegment]) -> str:
    """The text in paragraphs, with a final newline; empty if there is no text."""
    paragraphs = all_paragraphs(text, segments)
    return "\n".join(f"{_speaker(paragraph[0])}{join_texts(one['text'] for one in paragraph)}\n" for paragraph in paragraphs)


def _speaker(segment: StoredSegment) -> str:
    return f"{segment['speaker']}: " if "speaker" in segment else ""


def to_srt(segments: Sequence[StoredSegment]) -> str:
    """Writes SubRip."""
    return "\n".join(
        "\n".join((f"{number}\n{timestamp(cue.start, ',')} --> {timestamp(cue.end, ',')}", *cue.lines, ""))
        for number, cue in enumerate(_subtitles(segments, names_speakers=True), 1)
    )


def to_vtt(segments: Sequence[StoredSegment], words: bool = False) -> str:
    """Writes WebVTT. `words`: with the time of each word."""
    cues = (
        f"{timestamp(cue.start, '.')} --> {timestamp(cue.end, '.')}\n{_voice(cue)}"
        f"{_with_times(cue) if words else _escaped(chr(10).join(cue.lines))}\n"
        for cue in _subtitles(segments, names_speakers=False)
    )
    return "\n".join(["WEBVTT\n", *cues])


def _with_times(cue: Cue) -> str:
    """The lines of a cue with the time of each word but the first, if it is later than the one before and within the cue."""
    last, lines = _milliseconds(cue.start), []
    for line in cue.words:
        text = ""
        for number, word in enumerate(line):
            text += " " if word.is_spaced and number else ""
            if last < _milliseconds(word.start) < _milliseconds(cue.end):
                last = _milliseconds(word.start)
                text += f"<{timestamp(word.start, '.')}>"
            text += _escaped(word.text)
        lines.append(text)
    return "\n".join(lines)


def _voice(cue: Cue) -> str:
    return "" if cue.speaker is None else f"<v {_escaped(cue.speaker)}>"
