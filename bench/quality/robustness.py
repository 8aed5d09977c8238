"""Independence of results from batching, sounds without speech, short clips, word times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final
from unittest import mock

import numpy as np
from gpu_worker.speech.engine import Clip
from gpu_worker.speech.engine import clip_decoder as clip_module

from quality import nonspeech, ours, word_times
from quality.corpora import SAMPLE_RATE, Prompt, Recording, human, human_prompts, synthetic
from quality.rows import PooledResult, Row, Subject

EQUAL_SHARE: Final = 0.99
CLIPS: Final = 200
MOST_TOGETHER: Final = 16
NONSPEECH_SECONDS: Final = 600
SHORT_SHARE: Final = 1 / 3
MEDIAN_S, P95_S = 0.1, 0.3
SHORT_CLIPS: Final = 150
FULL_SECONDS: Final = 30


def independence(subject: Subject) -> Iterator[Row]:
    """Compares the text of clips alone with their text in random batches."""
    random = np.random.default_rng(31)
    speech = [human(300, 31), synthetic(180, 31)]
    clips = []
    for number in range(40 if subject.is_quick else CLIPS):
        recording = speech[number % 2]
        seconds = float(random.uniform(1, 30))
        start_s = float(random.uniform(0, recording.seconds - seconds))
        clips.append(Clip(recording.part(start_s, start_s + seconds)))
    alone = [subject.engine.transcribe([clip])[0] for clip in clips]
    order, at, equal = random.permutation(len(clips)), 0, 0
    while at < len(order):
        some = order[at : at + int(random.integers(2, MOST_TOGETHER + 1))]
        together = subject.engine.transcribe([clips[index] for index in some])
        equal += sum(alone[index].text == made.text for index, made in zip(some, together, strict=True))
        at += len(some)
    yield Row(
        f"{len(clips)} clips alone and in random batches: texts",
        subject.name,
        f"{equal} of {len(clips)} equal",
        "",
        f">= {EQUAL_SHARE:.0%}",
        equal >= EQUAL_SHARE * len(clips),
    )


def silence(subject: Subject) -> Iterator[Row]:
    """Sounds without speech, in clips of 30 s."""
    clips = nonspeech.mixtures(120 if subject.is_quick else NONSPEECH_SECONDS, 41)
    made = [subject.engine.transcribe([Clip(audio)])[0] for _, audio in clips]
    spoken = [(name, one.text) for (name, _), one in zip(clips, made, strict=True) if one.text]
    words = sum(len(text.split()) for _, text in spoken)
    yield Row(
        f"{len(clips) * nonspeech.CLIP_SECONDS / 60:.0f} min of noise, hum, chords, tones, breath, clicks, a buzz: words",
        subject.name,
        f"{words}" + "".join(f"; {name}: {len(text.split())}" for name, text in spoken),
        "",
        "none",
        words == 0,
    )


def _short(most_s: float, count: int) -> list[Recording]:
    """Unchanged prompts of 1 to `most_s` seconds."""
    random = np.random.default_rng(51)
    fitting = [(text, audio) for text, audio in human_prompts() if SAMPLE_RATE <= len(audio) <= most_s * SAMPLE_RATE]
    picked = [fitting[index] for index in random.permutation(len(fitting))[:count]]
    return [Recording(audio, (Prompt(text, 0, len(audio) / SAMPLE_RATE),)) for text, audio in picked]


def _each(subject: Subject, recordings: Sequence[Recording]) -> PooledResult:
    return PooledResult.of(recordings, [ours.whole(subject.engine, one.audio) for one in recordings])


def short(subject: Subject) -> Iterator[Row]:
    """Single prompts of 1 to 10 s, with normal padding and padded to 30 s."""
    recordings = _short(10, 30 if subject.is_quick else SHORT_CLIPS)
    mine = _each(subject, recordings)
    with mock.patch.object(clip_module, "PAD_STEP_SECONDS", FULL_SECONDS):
        padded = _each(subject, recordings)
    low, high = padded.score.interval()
    yield Row(
        f"{len(recordings)} clips of 1 to 10 s: CPU and WER",
        subject.name,
        f"{mine.cpu_s:.1f} s, {mine.cpu_s / padded.cpu_s:.2f} of the time with padding to 30 s; {mine}",
        f"padded to 30 s: {padded.cpu_s:.1f} s; {padded.score.wer:.2f} % ({low:.2f} to {high:.2f})",
        "CPU <= 1/3 at equal WER",
        mine.cpu_s <= SHORT_SHARE * padded.cpu_s and mine.score.wer <= padded.score.wer + 0.2,
    )


def times(subject: Subject) -> Iterator[Row]:
    """Compares the start times of words with those that flite reports."""
    recording, known = word_times.recording(120 if subject.is_quick else 300, 61)
    mine = word_times.differences_s(known, ours.chunks(subject.engine, recording.audio))
    peer = word_times.differences_s(known, subject.peer.run("sequential", recording.audio))
    (median, p95), (peer_median, peer_p95) = (np.percentile(one, [50, 95]) for one in (mine, peer))
    yield Row(
        f"start times of {len(mine)} words in 30 s chunks: error",
        subject.name,
        f"median {median:.2f} s, p95 {p95:.2f} s",
        f"sequential median {peer_median:.2f} s, p95 {peer_p95:.2f} s",
        f"median <= {MEDIAN_S} s, p95 <= {P95_S} s",
        bool(median <= MEDIAN_S and p95 <= P95_S),
    )
