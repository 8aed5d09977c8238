"""Runs the worker's engine on a whole recording, or on chunks that the product's own code joins."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from gpu_worker.speech.engine import Clip, Engine, Options, Transcription
from gpu_worker.speech.settings import EngineSettings

from quality.corpora import SAMPLE_RATE, Audio
from quality.scoring import Output, TimedWord

PROJECT: Final = Path(__file__).parents[2]
NODE: Final = PROJECT / "node_modules" / ".bin" / "node"
ETAG: Final = "etag-{}"
CHUNK_SECONDS: Final = 30.0
LEAD_IN_SECONDS: Final = 3.0


def load(model: Path) -> Engine:
    """Loads the engine with a model on the CPU, and warms it up."""
    engine = Engine(EngineSettings(model=str(model), device="cpu"))
    engine.check()
    return engine


def whole(engine: Engine, audio: Audio, options: Options | None = None) -> Output:
    """Transcribes a recording as one clip."""
    started = time.process_time()
    (made,) = engine.transcribe([Clip(audio, options=options or Options())])
    return output_of(made, time.process_time() - started)


def output_of(made: Transcription, cpu_s: float = 0.0) -> Output:
    """Converts a transcription for scoring."""
    words = [TimedWord(word.word, word.start, word.end) for segment in made.segments for word in segment.words]
    return Output(words, list(made.unheard), cpu_s, made.language)


def chunk_starts(seconds: float, chunk_s: float, overlap_s: float, first_s: float | None = None) -> list[float]:
    """Start times of the chunks. `first_s` is the length of the first chunk, which shifts all cuts."""
    starts = [0.0]
    end = first_s or chunk_s
    while end < seconds - 0.01:
        starts.append(end - overlap_s)
        end = starts[-1] + chunk_s
    return starts


def clips_of(
    audio: Audio,
    starts: Sequence[float],
    chunk_s: float,
    lead_in_s: float,
    first_s: float | None = None,
    options: Options | None = None,
) -> list[Clip]:
    """Chunks of the recording, each with its lead-in."""
    clips = []
    for number, start_s in enumerate(starts):
        lead_s = min(lead_in_s, start_s) if number else 0.0
        end_s = start_s + ((first_s or chunk_s) if number == 0 else chunk_s)
        part = audio[round((start_s - lead_s) * SAMPLE_RATE) : round(end_s * SAMPLE_RATE)]
        clips.append(Clip(part, options=options or Options(), lead_in_s=lead_s))
    return clips


def chunks(
    engine: Engine,
    audio: Audio,
    *,
    chunk_s: float = CHUNK_SECONDS,
    overlap_s: float = 0.0,
    lead_in_s: float = LEAD_IN_SECONDS,
    first_s: float | None = None,
    together: int = 1,
) -> Output:
    """Transcribes chunks as a client uploads them, `together` at a time, and joins them with the product's own code.

    The overlap of the client shortens the lead-in, because the chunk already contains that audio.
    """
    lead_s = max(0.0, lead_in_s - overlap_s)
    clips = clips_of(audio, chunk_starts(len(audio) / SAMPLE_RATE, chunk_s, overlap_s, first_s), chunk_s, lead_s, first_s)
    started = time.process_time()
    made: list[Transcription] = []
    for at in range(0, len(clips), together):
        made += engine.transcribe(clips[at : at + together])
    cpu_s = time.process_time() - started
    return join(clips, made, overlap_s, cpu_s)


def chunk_results(engine: Engine, audio: Audio, options: Options) -> list[dict[str, Any]]:
    """Results of the chunks of a recording without overlap, in the format that the worker stores."""
    starts = chunk_starts(len(audio) / SAMPLE_RATE, CHUNK_SECONDS, 0.0)
    clips = clips_of(audio, starts, CHUNK_SECONDS, LEAD_IN_SECONDS, options=options)
    return [_result(number, clip, engine.transcribe([clip])[0]) for number, clip in enumerate(clips, start=1)]


def join(clips: Sequence[Clip], made: Sequence[Transcription], overlap_s: float, cpu_s: float) -> Output:
    """Joins the results of the chunks with the product's code (join.ts)."""
    results = [_result(number, clip, one) for number, (clip, one) in enumerate(zip(clips, made, strict=True), start=1)]
    request = json.dumps({"overlapSeconds": overlap_s, "results": results})
    command = [str(NODE), "--disable-warning=ExperimentalWarning", str(Path(__file__).parent / "join.ts")]
    joined = json.loads(subprocess.run(command, input=request, capture_output=True, text=True, check=True).stdout)
    words = [TimedWord(word["word"], word["start"], word["end"]) for word in joined["words"]]
    return Output(words, [(start, end) for start, end in joined["unheard"]], cpu_s)


def _result(number: int, clip: Clip, made: Transcription) -> dict[str, Any]:
    """The result of a chunk in the format that the worker stores."""
    result: dict[str, Any] = {
        "sessionId": "bench",
        "chunkNumber": number,
        "language": made.language,
        "duration_seconds": round(len(clip.audio) / SAMPLE_RATE - clip.lead_in_s, 3),
        "model": "",
        "text": made.text,
        "segments": [{"id": index, **_plain(asdict(segment))} for index, segment in enumerate(made.segments)],
        "unheard": [{"start": start, "end": end} for start, end in made.unheard],
    }
    if clip.lead_in_s > 0:
        words = [_plain(asdict(word)) for word in made.lead_in]
        result["lead_in"] = {"seconds": clip.lead_in_s, "etag": ETAG.format(number - 1), "words": words}
    return result


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    """Removes unset fields: optional fields of the contract are absent, never null."""
    words = {"words": [_plain(word) for word in fields["words"]]} if "words" in fields else {}
    return {name: value for name, value in (fields | words).items() if value is not None and value is not False}
