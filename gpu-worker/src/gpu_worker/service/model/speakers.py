"""The speakers of a whole file: the voices of its parts, grouped. core/transcripts/with-speakers.ts has the same rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from gpu_worker.service.model.known_voices import KnownVoices
from gpu_worker.speech.engine import Transcription, with_speakers
from gpu_worker.speech.engine.speech import Audio
from gpu_worker.speech.segments import Segment, Word
from gpu_worker.speech.speakers import Limits, SpeakerModel, Voice, speakers_of
from gpu_worker.speech.speakers.known import known_speakers


@dataclass
class FileSpeakers:
    """Collects the voices of the parts of one file."""

    model: SpeakerModel
    limits: Limits
    on_step: Callable[[], None]
    """Called often enough to show that the process is alive."""
    known: KnownVoices | None = None
    voices: list[Voice] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)
    """Names of known speakers by their number, after `named`."""

    def add(self, audio: Audio, found: Transcription) -> Transcription:
        """The transcription of a part, whose words have the indices of their voices among those of the file."""
        first = len(self.voices)
        voiced = with_speakers(self.model, audio, found, self.limits, self.on_step)
        self.voices += voiced.speakers

        def moved(word: Word) -> Word:
            return word if word.speaker is None else replace(word, speaker=first + word.speaker)

        segments = (replace(segment, words=tuple(moved(word) for word in segment.words)) for segment in voiced.segments)
        return replace(voiced, segments=tuple(segments))

    def named(self, parts: Sequence[Sequence[Segment]]) -> list[list[Segment]]:
        """The segments, whose words have the number of their speaker, from 0. A segment ends where the speaker changes.

        A word without a voice gets the speaker of the word before it.
        """
        labels = speakers_of(self.voices, self.limits.least, self.limits.most)
        numbers: dict[int, int] = {}
        last = 0

        def numbered(word: Word) -> Word:
            nonlocal last
            if word.speaker is not None:
                last = numbers.setdefault(labels[word.speaker], len(numbers))
            return replace(word, speaker=last)

        made = [
            [one for segment in part for one in _divided(segment, tuple(numbered(word) for word in segment.words))]
            for part in parts
        ]
        if self.known is not None:
            found = known_speakers(self.voices, labels, self.known.vectors)
            self.names = {numbers[label]: self.known.names[at] for label, at in found.items() if label in numbers}
        return made


def _divided(segment: Segment, words: tuple[Word, ...]) -> list[Segment]:
    runs = [tuple(run) for _, run in groupby(words, key=lambda word: word.speaker)]
    if len(runs) < 2:
        return [replace(segment, words=words)]
    return [
        replace(
            segment,
            words=run,
            text="".join(word.word for word in run).strip(),
            start=segment.start if run is runs[0] else run[0].start,
            end=segment.end if run is runs[-1] else run[-1].end,
        )
        for run in runs
    ]
