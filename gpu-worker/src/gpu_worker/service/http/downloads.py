"""Responses with transcripts, in all formats."""

from __future__ import annotations

from starlette.responses import JSONResponse, PlainTextResponse, Response

from gpu_worker.service.http.documents import About, to_docx, to_md
from gpu_worker.service.http.formats import to_srt, to_txt, to_vtt
from gpu_worker.service.http.requests import TranscriptQuery
from gpu_worker.service.queue.results import Result

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def transcript_response(result: Result, about: About, query: TranscriptQuery) -> Response:
    """The transcript in the requested format."""
    match query.format:
        case "json" if query.words is False:
            return JSONResponse({**result, "segments": [{**segment, "words": []} for segment in result["segments"]]})
        case "json":
            return JSONResponse(result)
        case "txt":
            return PlainTextResponse(to_txt(result["text"], result["segments"]))
        case "srt":
            return PlainTextResponse(to_srt(result["segments"]))
        case "vtt":
            return PlainTextResponse(to_vtt(result["segments"], words=query.words is True))
        case "md":
            return PlainTextResponse(to_md(result, about), media_type="text/markdown")
        case "docx":
            return Response(to_docx(result, about), media_type=DOCX)
