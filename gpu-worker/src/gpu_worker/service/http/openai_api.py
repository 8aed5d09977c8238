"""OpenAI's formats of transcriptions and errors.

@see https://platform.openai.com/docs/api-reference/audio/createTranscription
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from starlette.responses import JSONResponse, PlainTextResponse, Response

from gpu_worker.service.http.formats import to_srt, to_vtt
from gpu_worker.service.queue.results import Result, StoredSegment
from gpu_worker.speech.languages import LANGUAGES

ALIASES: Final = ("whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe")
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


def _diarized(result: Result) -> dict[str, object]:
    """The transcription by speaker; OpenAI names unknown speakers A, B, …"""
    names: dict[str, str] = {}
    segments = [
        {
            "type": "transcript.text.segment",
            "id": f"seg_{segment['id']}",
            "speaker": names.setdefault(segment.get("speaker", ""), _letters(len(names))),
            "start": segment["start"],
            "end": segment["end"],
            "text": f" {segment['text']}",
        }
        for segment in result["segments"]
    ]
    return {
        "task": "transcribe",
        "duration": result["duration_seconds"],
        "text": result["text"],
        "segments": segments,
        "usage": _usage(result),
    }


def _letters(number: int) -> str:
    """A, B, … Z, AA, AB, … for 0, 1, …"""
    rest, letter = divmod(number, 26)
    return (_letters(rest - 1) if rest else "") + chr(ord("A") + letter)


def transcription_response(result: Result, response_format: str, granularities: Sequence[str]) -> Response:
    """A transcription in the requested format. verbose_json has words if requested, and segments unless only words were."""
    if response_format == "text":
        return PlainTextResponse(f"{result['text']}\n" if result["text"] else "")
    if response_format == "srt":
        return PlainTextResponse(to_srt(result["segments"]), media_type="application/x-subrip")
    if response_format == "vtt":
        return PlainTextResponse(to_vtt(result["segments"]), media_type="text/vtt")
    if response_format == "json":
        return JSONResponse({"text": result["text"], "usage": _usage(result)})
    if response_format == "diarized_json":
        return JSONResponse(_diarized(result))
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
