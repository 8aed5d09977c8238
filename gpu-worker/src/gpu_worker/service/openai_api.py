"""OpenAI's formats of requests, transcriptions and errors.

@see https://platform.openai.com/docs/api-reference/audio/createTranscription
"""

from __future__ import annotations

import json
from typing import Any, Final

from starlette.responses import JSONResponse, PlainTextResponse, Response

from gpu_worker.formats import to_srt, to_txt, to_vtt
from gpu_worker.languages import LANGUAGES
from gpu_worker.service.uploads import Form

FORMATS: Final = ("json", "text", "srt", "verbose_json", "vtt")
ALIASES: Final = ("whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe")
"""OpenAI's model names; here they mean the service's own model."""
KINDS: Final = {401: "authentication_error", 429: "rate_limit_error", 503: "server_error", 500: "server_error"}


class Invalid(Exception):
    """An invalid field. `param`: its name."""

    def __init__(self, message: str, param: str) -> None:
        super().__init__(message)
        self.message, self.param = message, param


def format_of(form: Form) -> str:
    """The requested response format."""
    return form.last("response_format") or "json"


def granularities_of(form: Form) -> list[str]:
    """Requested timestamp granularities: `word`, `segment`."""
    return [
        value for name in ("timestamp_granularities[]", "timestamp_granularities") for value in form.fields.get(name, [])
    ]


def check(form: Form) -> None:
    """Checks the fields of a transcription request. Raises Invalid."""
    if format_of(form) not in FORMATS:
        raise Invalid(f"response_format must be one of {', '.join(FORMATS)}", "response_format")
    granularities = granularities_of(form)
    if not set(granularities) <= {"word", "segment"}:
        raise Invalid("timestamp_granularities must be word or segment", "timestamp_granularities")
    if granularities and format_of(form) != "verbose_json":
        raise Invalid("timestamp_granularities require response_format verbose_json", "timestamp_granularities")
    try:
        temperature = float(form.last("temperature") or 0)
    except ValueError:
        temperature = -1
    if not 0 <= temperature <= 1:
        raise Invalid("temperature must be a number from 0 to 1", "temperature")


def error_response(
    status: int,
    message: str,
    code: str,
    param: str | None = None,
    retry_s: int | None = None,
    languages: dict[str, str] | None = None,
) -> Response:
    """An error in OpenAI's format. `languages`: those that may be requested instead."""
    more = {} if languages is None else {"languages": languages}
    error = {"message": message, "type": KINDS.get(status, "invalid_request_error"), "param": param, "code": code, **more}
    headers = {} if retry_s is None else {"retry-after": str(retry_s)}
    return JSONResponse({"error": error}, status, headers)


def _segment(segment: dict[str, Any]) -> dict[str, Any]:
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


def _words(result: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"word": word["word"].strip(), "start": word["start"], "end": word["end"]}
        for segment in result["segments"]
        for word in segment["words"]
    ]


def _usage(result: dict[str, Any]) -> dict[str, Any]:
    return {"type": "duration", "seconds": round(result["duration_seconds"])}


def transcription_response(result: dict[str, Any], response_format: str, granularities: list[str]) -> Response:
    """A transcription in the requested format. verbose_json has words if requested, and segments unless only words were."""
    if response_format == "text":
        return PlainTextResponse(to_txt(result["text"]))
    if response_format == "srt":
        return PlainTextResponse(to_srt(result["segments"]), media_type="application/x-subrip")
    if response_format == "vtt":
        return PlainTextResponse(to_vtt(result["segments"]), media_type="text/vtt")
    if response_format == "json":
        return JSONResponse({"text": result["text"], "usage": _usage(result)})
    language = result["language"]
    verbose = {
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


def event(kind: str, **more: Any) -> str:  # noqa: ANN401 - JSON
    """One event of a stream (server-sent events)."""
    return f"data: {json.dumps({'type': kind, **more}, ensure_ascii=False)}\n\n"
