"""Who may call the service."""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gpu_worker.service.problems import Problem, answer_problem
from gpu_worker.service.settings import ServeSettings


class Guard:
    """Who may call: by the service's own names, from its own pages, with the token."""

    def __init__(self, app: ASGIApp, settings: ServeSettings, is_open: Collection[str]) -> None:
        """`is_open`: paths that need no token."""
        self._app = app
        self._open = is_open
        self._token = settings.service_token
        own = [name.strip().lower() for name in settings.service_names.split(",") if name.strip()]
        loopback = ["127.0.0.1", "localhost", "[::1]"] if settings.on_loopback else []
        self._names = [*own, *loopback] if own or settings.on_loopback else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuses, or goes on."""
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
            return answer_problem(request, Problem(421, "misdirected", "this service is not called by this name"))
        origin = request.headers.get("origin")
        if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
            return answer_problem(request, Problem(403, "foreign-origin", "other pages may not call this service"))
        if self._token and request.url.path not in self._open:
            given = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
            if not hmac.compare_digest(given.encode(), self._token.encode()):
                return answer_problem(request, Problem(401, "unauthorized", "a bearer token is needed"))
        return None
