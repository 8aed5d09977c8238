"""Errors as HTTP responses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gpu_worker.service.http import openai_api


class Problem(Exception):
    """An error response.

    Args:
        status: HTTP status.
        code: Name of the error.
        message: Text for people.
        retry_s: Value of Retry-After in seconds.
        param: Name of the invalid field.
        models: Those that may be requested instead.
        languages: Those that may be requested instead, by code.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        retry_s: int | None = None,
        param: str | None = None,
        models: Sequence[str] | None = None,
        languages: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.retry_s = status, code, message, retry_s
        self.param, self.models, self.languages = param, models, languages


def problem_response(request: Request, problem: Problem) -> Response:
    """The response: in OpenAI's format below /v1, otherwise problem+json."""
    if request.url.path.startswith("/v1/"):
        return openai_api.error_response(
            problem.status, problem.message, problem.code, problem.param, problem.retry_s, problem.languages
        )
    more = {"param": problem.param, "models": problem.models, "languages": problem.languages}
    body = {
        "type": "about:blank",
        "title": problem.code,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.message,
        **{name: value for name, value in more.items() if value is not None},
    }
    headers = {} if problem.retry_s is None else {"retry-after": str(problem.retry_s)}
    return JSONResponse(body, problem.status, headers, media_type="application/problem+json")


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem_response(request, error)


async def _on_missing(request: Request, _error: Exception) -> Response:
    return problem_response(request, Problem(404, "not-found", "there is no such endpoint"))


async def _on_method(request: Request, _error: Exception) -> Response:
    return problem_response(request, Problem(405, "method-not-allowed", "the endpoint does not support this method"))


HANDLERS: Final = {Problem: _on_problem, 404: _on_missing, 405: _on_method}
"""Starlette's exception handlers."""
