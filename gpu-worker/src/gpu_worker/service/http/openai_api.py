"""OpenAI's formats of transcriptions and errors.

@see https://platform.openai.com/docs/api-reference/audio/createTranscription
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Final

from starlette.responses import JSONResponse, PlainTextResponse, Response

from gpu_worker.service.http.formats import to_srt, to_vtt
from gpu_worker.service.queue.results import Result, StoredSegment
from gpu_worker.speech.languages import LANGUAGES

ALIASES: Final = ("whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-4o-transcribe-diarize")
"""OpenAI's model names; here they mean the service's own model."""
KINDS: Final = {401: "authentication_error", 429: "rate_limit_error", 503: "server_error", 500: "server_error"}


def error_response(
    status: int,
    message: str,
    code: str,
    param: str | None = None,
    retry_s: int | None = None,
    languages: Mapping[str, str] | None = None,
) -> Response:
    """An error in OpenAI's format. `languages`: those that may be requested instead."""
    more = {} if languages is None else {"languages": languages}
    error = {"message": message, "type": KINDS.get(status, "invalid_request_error"), "param": param, "code": code, **more}
    headers = {} if retry_s is None else {"retry-after": str(retry_s)}
    return JSONResponse({"error": error}, status, headers)


def _segment(segment: StoredSegment) -> dict[str, object]:
    return {
        "id": segment["id"],
        "seek": int(segment["start"] * 100),
        "start": segment["start"],
        "end": segment["end"],
        "text": f" {segment['text']}",
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": segment["avg_logprob"],
        "compression_ratio": segment["compression_ratio"],
        "no_speech_prob": segment["no_speech_prob"],
    }


def _words(result: Result) -> list[dict[str, object]]:
    return [
        {"word": word["word"].strip(), "start": word["start"], "end": word["end"]}
        for segment in result["segments"]
        for word in segment["words"]
    ]


def _usage(result: Result) -> dict[str, object]:
    return {"type": "duration", "seconds": round(result["duration_seconds"])}


def diarized_segments(result: Result, known: Sequence[str]) -> list[dict[str, object]]:
    """Segments with speakers: known ones by name, the others A, B, … in order, without letters that are names.

    Args:
        result: A transcript with speakers.
        known: All names of the request.
    """
    letters = (letter for letter in map(_letters, count()) if letter not in known)
    names = dict(result.get("speaker_names", {}))
    segments: list[dict[str, object]] = []
    for segment in result["segments"]:
        label = segment.get("speaker", "")
        if label not in names:
            names[label] = next(letters)
        segments.append(
            {
                "type": "transcript.text.segment",
                "id": f"seg_{segment['id']}",
                "speaker": names[label],
                "start": segment["start"],
                "end": segment["end"],
                "text": f" {segment['text']}",
            }
        )
    return segments


def _diarized(result: Result, known: Sequence[str]) -> dict[str, object]:
    return {
        "task": "transcribe",
        "duration": result["duration_seconds"],
        "text": result["text"],
        "segments": diarized_segments(result, known),
        "usage": _usage(result),
    }


def _letters(number: int) -> str:
    """A, B, … Z, AA, AB, … for 0, 1, …"""
    rest, letter = divmod(number, 26)
    return (_letters(rest - 1) if rest else "") + chr(ord("A") + letter)


def transcription_response(
    result: Result, response_format: str, granularities: Sequence[str], known: Sequence[str] = ()
) -> Response:
    """A transcription in the requested format. verbose_json has words if requested, and segments unless only words were.

    `known`: names of known speakers.
    """
    if response_format == "text":
        return PlainTextResponse(f"{result['text']}\n" if result["text"] else "")
    if response_format == "srt":
        return PlainTextResponse(to_srt(result["segments"]), media_type="application/x-subrip")
    if response_format == "vtt":
        return PlainTextResponse(to_vtt(result["segments"]), media_type="text/vtt")
    if response_format == "json":
        return JSONResponse({"text": result["text"], "usage": _usage(result)})
    if response_format == "diarized_json":
        return JSONResponse(_diarized(result, known))
    language = result["language"]
    verbose: dict[str, object] = {
        "task": "transcribe",
        "language": LANGUAGES.get(language, language).lower(),
        "duration": result["duration_seconds"],
        "text": result["text"],
        "usage": _usage(result),
    }
    if "word" in granularities:
        verbose["words"] = _words(result)
    if "segment" in granularities or not granularities:
        verbose["segments"] = [_segment(segment) for segment in result["segments"]]
    return JSONResponse(verbose)


def event(kind: str, **more: object) -> str:
    """One event of a stream (server-sent events)."""
    return f"data: {json.dumps({'type': kind, **more}, ensure_ascii=False)}\n\n"
