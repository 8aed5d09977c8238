"""Content of result files, in the shape of `transcription-chunk-NNN.json`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel

from gpu_worker.cloud.stage.claims import Claim
from gpu_worker.speech.engine import Transcription
from gpu_worker.speech.media import SAMPLE_RATE
from gpu_worker.speech.segments import Segment, Word
from gpu_worker.speech.speakers import Voice


@dataclass(frozen=True)
class LeadIn:
    """Audio before a chunk with which the chunk is decoded."""

    audio: npt.NDArray[np.float32]
    """float32 [n_samples] or, with separate channels, [n_channels, n_samples]; 16 kHz."""
    etag: str
    """ETag of the previous chunk's object."""

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        count: int = self.audio.shape[-1]
        return count / SAMPLE_RATE


def result_of(
    claim: Claim, model: str, transcription: Transcription, lead_in: LeadIn | None = None, speaker_model: str = ""
) -> dict[str, object]:
    """Content of the result file. `speaker_model`: name of the model that measured the voices."""
    result: dict[str, object] = {
        "sessionId": claim.session_id,
        "chunkNumber": claim.chunk_number,
        "language": transcription.language,
        "duration_seconds": transcription.duration_seconds,
        "model": model,
        "text": transcription.text,
        "segments": [
            {"id": number, **_without(asdict(segment)), "words": _words(segment.words)}
            for number, segment in enumerate(transcription.segments)
        ],
    }
    found = {"unheard": transcription.unheard, "damaged": transcription.damaged, "no_signal": transcription.no_signal}
    for name, spans in found.items():
        if spans:
            result[name] = [{"start": round(start, 3), "end": round(end, 3)} for start, end in spans]
    if transcription.speakers:
        result["speakers"] = [
            {"voice": voice.vector, "seconds": voice.seconds, "model": speaker_model} for voice in transcription.speakers
        ]
    if lead_in is not None:
        result["lead_in"] = {"seconds": lead_in.seconds, "etag": lead_in.etag, "words": _words(transcription.lead_in)}
    return result


def _words(words: Sequence[Word]) -> list[dict[str, object]]:
    return [_without(asdict(word)) for word in words]


def _without(fields: dict[str, object]) -> dict[str, object]:
    """Leaves out optional fields that are unset."""
    return {name: value for name, value in fields.items() if value is not None and value is not False}


class _Range(BaseModel):
    start: float
    end: float


class _StoredLeadIn(BaseModel):
    seconds: float = 0.0
    words: tuple[Word, ...] = ()


class _StoredVoice(BaseModel):
    voice: str
    seconds: float


class _Result(BaseModel):
    language: str
    duration_seconds: float
    segments: tuple[Segment, ...]
    unheard: tuple[_Range, ...] = ()
    damaged: tuple[_Range, ...] = ()
    no_signal: tuple[_Range, ...] = ()
    speakers: tuple[_StoredVoice, ...] = ()
    lead_in: _StoredLeadIn = _StoredLeadIn()


def _spans(ranges: Sequence[_Range]) -> tuple[tuple[float, float], ...]:
    return tuple((part.start, part.end) for part in ranges)


def read_transcription(content: bytes) -> Transcription:
    """The transcription in a result file, also one that an older engine wrote."""
    result = _Result.model_validate_json(content)
    return Transcription(
        result.language,
        result.duration_seconds,
        result.segments,
        unheard=_spans(result.unheard),
        lead_in=result.lead_in.words,
        lead_in_s=result.lead_in.seconds,
        damaged=_spans(result.damaged),
        no_signal=_spans(result.no_signal),
        speakers=tuple(Voice(one.voice, one.seconds) for one in result.speakers),
    )
