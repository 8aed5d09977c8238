"""Access control of the service."""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gpu_worker.service.http.problems import Problem, problem_response
from gpu_worker.service.settings import ServeSettings


class Guard:
    """Refuses requests to foreign host names, from pages of other origins, or without the token."""

    def __init__(self, app: ASGIApp, settings: ServeSettings, open_paths: Collection[str]) -> None:
        """`open_paths`: paths that need no token."""
        self._app = app
        self._open_paths = open_paths
        self._token = settings.service_token
        own = [name.strip().lower() for name in settings.service_names.split(",") if name.strip()]
        loopback = ["127.0.0.1", "localhost", "[::1]"] if settings.on_loopback else []
        self._names = [*own, *loopback] if own or settings.on_loopback else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuses the request, or passes it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        refusal = self._refusal(request)
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await refusal(scope, receive, send)

    def _refusal(self, request: Request) -> Response | None:
        host = request.headers.get("host", "")
        name = re.sub(r":\d+$", "", host).lower()
        if self._names is not None and name not in self._names:
            return problem_response(request, Problem(421, "misdirected", "the host name is not one of this service's"))
        origin = request.headers.get("origin")
        if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
            return problem_response(
                request, Problem(403, "foreign-origin", "pages of other origins may not call this service")
            )
        if self._token and request.url.path not in self._open_paths:
            given = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
            if not hmac.compare_digest(given.encode(), self._token.encode()):
                return problem_response(request, Problem(401, "unauthorized", "a bearer token is required"))
        return None
