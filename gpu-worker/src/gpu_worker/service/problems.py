"""Errors as HTTP responses."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gpu_worker.service import openai_api


class Problem(Exception):
    """An error response. `details`: further fields of the body."""

    def __init__(self, status: int, code: str, message: str, retry_s: int | None = None, **details: Any) -> None:  # noqa: ANN401
        super().__init__(message)
        self.status, self.code, self.message, self.retry_s, self.details = status, code, message, retry_s, details


def problem_response(request: Request, problem: Problem) -> Response:
    """The response: in OpenAI's format below /v1, otherwise problem+json."""
    if request.url.path.startswith("/v1/"):
        details = problem.details
        return openai_api.error_response(
            problem.status, problem.message, problem.code, details.get("param"), problem.retry_s, details.get("languages")
        )
    body = {
        "type": "about:blank",
        "title": problem.code,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.message,
        **problem.details,
    }
    headers = {} if problem.retry_s is None else {"retry-after": str(problem.retry_s)}
    return JSONResponse(body, problem.status, headers, media_type="application/problem+json")


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem_response(request, error)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, openai_api.Invalid)
    return problem_response(request, Problem(400, "invalid_value", error.message, param=error.param))


async def _on_missing(request: Request, _error: Exception) -> Response:
    return problem_response(request, Problem(404, "not-found", "there is no such endpoint"))


async def _on_method(request: Request, _error: Exception) -> Response:
    return problem_response(request, Problem(405, "method-not-allowed", "the endpoint does not support this method"))


HANDLERS: Final = {Problem: _on_problem, openai_api.Invalid: _on_invalid, 404: _on_missing, 405: _on_method}
"""Starlette's exception handlers."""
