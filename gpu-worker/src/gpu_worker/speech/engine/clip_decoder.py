"""Decides what the model decodes of one clip, and assembles the results.

States of a window: if the language is not given, detect it from the window's stretches and split the window by language ->
decode -> decode in halves if much speech was skipped, or with other settings if the text is implausible -> final. When all
windows are final, speech without words is decoded again, up to twice. What then still has no words is listed.

Gotcha: a clip decides without knowledge of other clips, so its text is the same alone and in any batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from gpu_worker.speech.engine import coverage, languages
from gpu_worker.speech.engine.clip import Clip, Transcription, most_spoken
from gpu_worker.speech.engine.detector import speech_probabilities
from gpu_worker.speech.engine.jobs import PROMPT_ECHO_WORDS, Job, Stream, Undecided
from gpu_worker.speech.engine.model import ENGLISH, MAX_PREVIOUS, Decoded, Model, Task
from gpu_worker.speech.engine.patching import patched
from gpu_worker.speech.engine.repetition import confirms, recounted
from gpu_worker.speech.engine.speech import FRAME_SAMPLES, Mask, Window, joined, pack, pieces_of, speech_mask, stretches
from gpu_worker.speech.engine.wording import in_order, segments_of
from gpu_worker.speech.media import SAMPLE_RATE
from gpu_worker.speech.segments import Interval, Word

FULL_SECONDS: Final = 30
"""Window length of the published models. Other models (test fixtures) are only used at their full length."""
WINDOW_SECONDS: Final = 28.0
"""Most speech in one window; with more, the model ends its text early."""
PAD_STEP_SECONDS: Final = 5
"""Windows are padded to a multiple of this."""
SPARE_SECONDS: Final = 4.0
"""Least silence with which a window is padded."""
TIMESTAMPS_BELOW_SECONDS: Final = 12.0
"""Shorter windows are decoded with timestamps."""
STREAM_WINDOWS: Final = 4
"""Windows per stream. In a stream each window gets the text before it as context; longer clips have several streams."""
CONTEXT_TOKENS: Final = 64
"""Length of that context. Fixed, because all prompts of a batch have the same length."""
ONE_LANGUAGE_SECONDS: Final = 10.0
"""Windows up to this length are assumed to be in one language."""
STRETCH_SECONDS: Final = 3.0
"""Shortest stretch of a longer window for which a language is detected; its first and last stretch are always tried."""
CONTEXT_ECHO_WORDS: Final = 6
"""Likewise for the context, that is, the text of earlier windows."""
MAX_SKIPPED_SECONDS: Final = 3.0
MAX_SKIPPED_SHARE: Final = 0.3
"""A window is decoded in halves if its speech without words reaches both limits: seconds, and share of the window."""
MAX_SPLITS: Final = 2
HALF: Final = 0.6
"""Longest half, as a share of the window."""
REPETITION_PENALTY: Final = 1.2
NO_SPEECH: Final = 0.6
NO_SPEECH_LOGPROB: Final = -1.0
IMPROBABLE: Final = 0.15
"""A window has no speech if its no-speech probability is above NO_SPEECH, and either its log probability is below
NO_SPEECH_LOGPROB (OpenAI's rule) or the probability of every word is below IMPROBABLE."""


class ClipDecoder:
    """The decoding state of one clip."""

    def __init__(self, number: int, clip: Clip, model: Model) -> None:
        model.check_language(clip.options.language)
        self._number = number
        self._clip = clip
        self._model = model
        self._full = model.longest_samples
        self._is_published = model.longest_samples == FULL_SECONDS * SAMPLE_RATE
        self._probabilities = speech_probabilities(clip.audio)
        self._mask = speech_mask(self._probabilities)
        self._language = clip.options.language or (None if model.is_multilingual else ENGLISH)
        self._streams: list[Stream] = []
        self._undecided: list[Undecided] = []
        self._samples = 0
        self._open = 0
        self._hole_rounds = 0
        self._final: list[tuple[Window, Decoded]] = []
        self._words: list[tuple[Word, Decoded]] = []
        self._confident: list[tuple[int, str]] = []
        """Positions, in samples, at which a language was detected with confidence."""
        hotwords = model.tokens_of(clip.options.hotwords) if clip.options.hotwords else []
        prompt = model.tokens_of(clip.options.prompt) if clip.options.prompt else []
        self._hotwords = hotwords[: MAX_PREVIOUS - CONTEXT_TOKENS]
        self._prompt = prompt[-(MAX_PREVIOUS - len(self._hotwords)) :] if prompt else []

    def start(self) -> list[Job]:
        """Returns the first jobs."""
        limit = int(WINDOW_SECONDS * SAMPLE_RATE) if self._is_published else self._full
        windows = pack(pieces_of(self._mask, len(self._clip.audio)), self._probabilities, limit)
        self._samples = sum(window.samples for window in windows)
        for at in range(0, len(windows), STREAM_WINDOWS):
            self._streams.append(Stream([(window, self._language) for window in windows[at : at + STREAM_WINDOWS]]))
        return [job for stream in range(len(self._streams)) for job in self._next_of(stream)]

    def _next_of(self, number: int) -> list[Job]:
        stream = self._streams[number]
        if not stream.windows:
            return []
        window, language = stream.windows.pop(0)
        before: list[int] = []
        if len(stream.tokens) >= CONTEXT_TOKENS:
            before = stream.tokens[-CONTEXT_TOKENS:]
        elif not stream.tokens:
            before = self._prompt
        requested = bool(self._hotwords) or before is self._prompt
        self._open += 1
        job = self._job(window, language, previous=(*self._hotwords, *before), stream=number)
        job = replace(job, echo_words=PROMPT_ECHO_WORDS if requested else CONTEXT_ECHO_WORDS)
        is_long = window.samples > ONE_LANGUAGE_SECONDS * SAMPLE_RATE
        return self._by_stretches(job) if language is None and is_long else [job]

    def _job(
        self,
        window: Window,
        language: str | None,
        *,
        previous: tuple[int, ...] = (),
        stream: int | None = None,
        at_full_length: bool = False,
    ) -> Job:
        audio = window.audio_of(self._clip.audio)
        seconds = len(audio) / SAMPLE_RATE
        full = at_full_length or not self._is_published
        task = Task(
            audio=audio,
            padded_samples=self._full if full else self._padded(seconds + SPARE_SECONDS),
            language=language,
            previous=previous,
            timestamps=self._is_published and not at_full_length and seconds < TIMESTAMPS_BELOW_SECONDS,
        )
        return Job(self._number, window, task, context=self._model.text_of(previous), stream=stream)

    def _padded(self, seconds: float) -> int:
        """Length in samples, rounded up to the next padding step."""
        step = PAD_STEP_SECONDS * SAMPLE_RATE
        return min(self._full, -(-int(seconds * SAMPLE_RATE) // step) * step)

    def choose_language(self, job: Job, found: languages.Probabilities) -> tuple[str, float] | list[Job]:
        """Returns a window's language and its probability, or, if that is too low, jobs that detect it more closely."""
        if job.stretch_of is not None:
            return self._detected(job, found)
        if found[0][1] >= languages.SURE or not self._is_published:
            return found[0]
        self._undecided.append(Undecided(job, [job.window], whole=found))
        return self._detections(len(self._undecided) - 1, [0])

    def _by_stretches(self, job: Job) -> list[Job]:
        """Jobs that detect the languages of a long window: of its ends first, of the other stretches if the ends differ."""
        parts = stretches(job.window, self._probabilities, int(STRETCH_SECONDS * SAMPLE_RATE))
        self._undecided.append(Undecided(job, parts))
        return self._detections(len(self._undecided) - 1, sorted({0, len(parts) - 1}))

    def _detections(self, key: int, numbers: Sequence[int]) -> list[Job]:
        undecided = self._undecided[key]
        undecided.open = len(numbers)
        jobs = []
        for number in numbers:
            stretch = undecided.stretches[number]
            # with its pauses: detection is better than on shortened ones
            audio = self._clip.audio[stretch.pieces[0].start : stretch.end][: self._full]
            task = Task(audio=audio, padded_samples=self._padded(len(audio) / SAMPLE_RATE + 1.0), language=None)
            jobs.append(Job(self._number, stretch, task, stretch_of=key))
        return jobs

    def _detected(self, job: Job, found: languages.Probabilities) -> list[Job]:
        """Stores a stretch's languages; if they suffice for its window, returns jobs for the window's parts by language."""
        assert job.stretch_of is not None
        undecided = self._undecided[job.stretch_of]
        undecided.found[undecided.stretches.index(job.window)] = found
        undecided.open -= 1
        if undecided.open > 0:
            return []
        undetected = [number for number in range(len(undecided.stretches)) if number not in undecided.found]
        if undetected:
            agreed = languages.agreed(list(undecided.found.values()))
            if agreed is None:
                return self._detections(job.stretch_of, undetected)
            return self._parts_of(undecided, [agreed] * len(undecided.stretches))
        evidence = [
            languages.Stretch(undecided.found[number], stretch.samples / SAMPLE_RATE)
            for number, stretch in enumerate(undecided.stretches)
        ]
        whole = undecided.whole or languages.mean([stretch.found for stretch in evidence])
        stream = undecided.job.stream
        before = None if stream is None else self._streams[stream].language
        return self._parts_of(
            undecided, languages.most_likely_languages(evidence, whole, self._clip.likely_language, before)
        )

    def _parts_of(self, undecided: Undecided, languages_of_stretches: Sequence[tuple[str, float]]) -> list[Job]:
        """Splits a window into parts of one language each; returns their jobs."""
        parts: list[tuple[Window, str, float]] = []
        for stretch, (code, probability) in zip(undecided.stretches, languages_of_stretches, strict=True):
            if parts and parts[-1][1] == code:
                before, _, most = parts.pop()
                stretch, probability = joined(before, stretch), max(probability, most)
            parts.append((stretch, code, probability))
        for part, code, probability in parts:
            self._note_language(part, code, probability)
        self._open += len(parts) - 1
        first = undecided.job
        jobs = [
            replace(self._job(part, code, previous=first.task.previous), echo_words=first.echo_words)
            for part, code, _ in parts
        ]
        return [*jobs[:-1], replace(jobs[-1], stream=first.stream)]

    def _note_language(self, window: Window, code: str, probability: float) -> None:
        enough = window.samples >= languages.CONFIDENT_SECONDS * SAMPLE_RATE
        if enough and probability >= languages.CONFIDENT:
            self._confident.append((window.pieces[0].start, code))

    def accept(self, job: Job, decoded: Decoded) -> list[Job]:
        """Accepts a result; returns the jobs that follow from it."""
        again = self._retry(job, decoded)
        if again is not None:
            return [again]
        halves = self._halves(job, decoded)
        if halves:
            return halves
        decoded = self._with_repetition(job, decoded)
        loop = coverage.loop_start(decoded.words)
        if loop is not None:
            decoded = replace(decoded, words=decoded.words[:loop])
        if job.task.language is None:
            self._note_language(job.window, decoded.language, decoded.language_probability)
        self._add(job, decoded)
        self._open -= 1
        next_jobs: list[Job] = []
        if job.stream is not None:
            stream = self._streams[job.stream]
            stream.language = decoded.language
            stream.tokens = [*stream.tokens, *decoded.tokens] if loop is None and _is_plausible(job, decoded) else []
            next_jobs = self._next_of(job.stream)
        if self._open == 0:
            next_jobs = self._decode_holes()
        return next_jobs

    def _retry(self, job: Job, decoded: Decoded) -> Job | None:
        """A job for the same window with other settings if the text is implausible, else None."""
        loops = coverage.loop_start(decoded.words) is not None
        if job.task.previous and coverage.echoes(decoded.words, job.context, job.echo_words):
            return replace(job, task=replace(job.task, previous=()))
        # Drop the prompt if it may have caused missing or invented words.
        if job.has_prompt and (loops or not _is_plausible(job, decoded) or coverage.holes(self._skipped(job, decoded))):
            return replace(job, task=replace(job.task, previous=()))
        if not (loops if job.attempt > 0 else loops or not _is_plausible(job, decoded)):
            return None
        for attempt in range(job.attempt + 1, 4):
            task = self._settings(job, attempt)
            if task != job.task:
                return replace(job, task=task, attempt=attempt, first=job.first or decoded)
        return None

    def _halves(self, job: Job, decoded: Decoded) -> list[Job]:
        """Jobs for the halves of a window in which much speech was skipped; a decode of the whole would skip it again."""
        if job.hole is not None or job.splits == MAX_SPLITS or not self._is_published:
            return []
        skipped_s = self._skipped(job, decoded).sum() * FRAME_SAMPLES / SAMPLE_RATE
        if skipped_s < MAX_SKIPPED_SECONDS or skipped_s < MAX_SKIPPED_SHARE * job.window.samples / SAMPLE_RATE:
            return []
        parts = pack(job.window.pieces, self._probabilities, int(job.window.samples * HALF))
        self._open += len(parts) - 1
        jobs = [replace(self._job(part, decoded.language), splits=job.splits + 1) for part in parts]
        return [*jobs[:-1], replace(jobs[-1], stream=job.stream)]

    def _skipped(self, job: Job, decoded: Decoded) -> Mask:
        """Speech frames of the window without words."""
        own = np.zeros_like(self._mask)
        for piece in job.window.pieces:
            own[piece.start // FRAME_SAMPLES : piece.end // FRAME_SAMPLES] = True
        return coverage.uncovered(own & self._mask, [job.window.in_clip_time(word) for word in decoded.words])

    def _with_repetition(self, job: Job, decoded: Decoded) -> Decoded:
        """If two decodes agree on a repeated word, it was spoken; it is counted by the audio."""
        if job.first is None or not confirms(job.first.words, decoded.words):
            return decoded
        without_loop = [one for one in (decoded, job.first) if coverage.loop_start(one.words) is None] or [decoded]
        counted = [replace(one, words=recounted(one.words, job.task.audio)) for one in without_loop]
        return max(counted, key=lambda one: len(one.words))

    def _settings(self, job: Job, attempt: int) -> Task:
        """Settings of attempts 1 to 3: full length; shorter, with more silence than at first; full length with a penalty."""
        shorter = self._padded(len(job.task.audio) / SAMPLE_RATE + PAD_STEP_SECONDS) if self._is_published else self._full
        return replace(
            job.task,
            padded_samples=shorter if attempt == 2 else self._full,
            repetition_penalty=REPETITION_PENALTY if attempt == 3 else 1.0,
        )

    def _add(self, job: Job, decoded: Decoded) -> None:
        if _is_no_speech(decoded):
            decoded = replace(decoded, words=())
        placed = [(job.window.in_clip_time(word), decoded) for word in decoded.words]
        if job.hole is None:
            self._words += placed
            self._final.append((job.window, decoded))
        else:
            self._words.sort(key=lambda pair: pair[0].start)
            self._words = patched(self._words, placed, job.hole)

    def _holes(self, least_s: float = coverage.HOLE_SECONDS, beside_stretched_s: float = 0.0) -> list[Interval]:
        """Holes: speech without words."""
        words = sorted((word for word, _ in self._words), key=lambda word: word.start)
        return coverage.holes(coverage.uncovered(self._mask, words, beside_stretched_s), least_s)

    def _listed_holes(self) -> list[Interval]:
        """Holes that are long enough to be listed."""
        return self._holes(coverage.LISTED_SECONDS, coverage.REACH_SECONDS)

    def _decode_holes(self) -> list[Job]:
        """Jobs for holes. First round: all of them; second round: those that would be listed, at full length."""
        if self._hole_rounds == 2 or (self._hole_rounds == 1 and not self._is_published):
            return []
        self._hole_rounds += 1
        jobs = []
        for hole in self._holes() if self._hole_rounds == 1 else self._listed_holes():
            for window, decoded in self._final:
                part = coverage.around(hole, window)
                if part is not None and hole.start < window.end and hole.end > window.pieces[0].start:
                    job = self._job(part, decoded.language, at_full_length=self._hole_rounds == 2)
                    jobs.append(replace(job, hole=hole))
        self._open += len(jobs)
        return jobs

    @property
    def done_seconds(self) -> float:
        """Transcribed seconds of the clip, estimated by the share of final windows."""
        done = sum(window.samples for window, _ in self._final)
        return len(self._clip.audio) / SAMPLE_RATE * done / max(1, self._samples)

    def result(self) -> Transcription:
        """The transcription, with times relative to the clip."""
        own_seconds = len(self._clip.audio) / SAMPLE_RATE - self._clip.lead_in_s
        words = in_order(self._words, self._clip.lead_in_s, len(self._clip.audio) / SAMPLE_RATE)
        own = [(word, decoded) for word, decoded in words if word.start + word.end >= 0]
        unheard = []
        for hole in self._listed_holes():
            start, end = (max(0.0, at / SAMPLE_RATE - self._clip.lead_in_s) for at in (hole.start, hole.end))
            if min(end, own_seconds) - start >= coverage.LISTED_SECONDS:
                unheard.append((round(start, 3), round(min(end, own_seconds), 3)))
        segments = segments_of(own)
        return Transcription(
            language=most_spoken(segments),
            duration_seconds=round(own_seconds, 3),
            segments=segments,
            unheard=tuple(unheard),
            lead_in=tuple(word for word, _ in words if word.start + word.end < 0),
            confident_language=min(self._confident)[1] if self._confident else None,
        )


def _is_no_speech(decoded: Decoded) -> bool:
    is_improbable = all(word.probability < IMPROBABLE for word in decoded.words)
    return decoded.no_speech_prob > NO_SPEECH and (decoded.avg_logprob < NO_SPEECH_LOGPROB or is_improbable)


def _is_plausible(job: Job, decoded: Decoded) -> bool:
    seconds = len(job.task.audio) / SAMPLE_RATE
    return not (
        coverage.repeats_phrase(decoded.words)
        or decoded.compression_ratio > coverage.MAX_COMPRESSION
        or decoded.avg_logprob < coverage.MIN_LOGPROB
        or len(decoded.words) > coverage.MAX_WORDS_PER_SECOND * seconds + 2
    )
