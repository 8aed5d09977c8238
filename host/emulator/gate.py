"""ASGI gate in front of the emulator: accepts only local host names, the pages' origin, and signed requests.

MiniStack accepts any Host and Origin and does not check signatures of its root key, so any web page could use it.
Steps of a request: check Host and Origin -> pass what AWS serves without a signature -> verify Signature Version 4 -> the
emulator. In responses, `Access-Control-Allow-Origin: *` is replaced by the pages' origin.
"""

from __future__ import annotations

import hashlib
import os
import re
import uuid
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Response = tuple[int, dict[str, str], bytes]

FORBIDDEN, MISDIRECTED = 403, 421
READY_PATH = "/_ministack/ready"
MAIL_PATH = "/_ministack/ses/messages"
API_PATH = "/_aws/execute-api/"
CUSTOM_RESOURCE_PATH = "/_ministack/cfn-response/"
"""Protected by a random token, like the presigned URL on AWS."""
CLOSED_PATHS = ("/_ministack/", "/_localstack/")
"""MiniStack's internal endpoints."""
PUBLIC_KEYS = re.compile(r"^/([\w-]+)/\.well-known/(?:jwks\.json|openid-configuration)$")
COGNITO = "AWSCognitoIdentityProviderService."
COGNITO_WITHOUT_SIGNATURE = {
    "InitiateAuth",
    "RespondToAuthChallenge",
    "GetUser",
    "RevokeToken",
    "ForgotPassword",
    "ConfirmForgotPassword",
    "SignUp",  # refused by the user pool
}
QUERY_SIGNATURE = {"x-amz-algorithm", "x-amz-credential", "x-amz-signature", "awsaccesskeyid", "signature"}
SHA256_HEX = re.compile(r"^[0-9a-f]{64}$")
ONE_MECHANISM = (
    "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the "
    "Authorization header should be specified"
)
NOT_SIGNED = "There were headers present in the request which were not signed"


def refusal(host: str, origin: str | None, port: int, pages_port: int | None) -> int | None:
    """Status for a foreign host name (DNS rebinding) or origin; None if allowed. host/guard.ts has the same rule."""
    if host not in (f"127.0.0.1:{port}", f"localhost:{port}"):
        return MISDIRECTED
    if origin is None or (pages_port and origin in (f"http://127.0.0.1:{pages_port}", f"http://localhost:{pages_port}")):
        return None
    return FORBIDDEN


class Request:
    """A request without its body. Values of repeated headers are joined as in the signature."""

    def __init__(self, scope: Message) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.raw_path: str = (scope.get("raw_path") or b"").decode("latin-1") or self.path
        self.query: dict[str, list[str]] = parse_qs(
            scope.get("query_string", b"").decode(errors="replace"), keep_blank_values=True
        )
        self.headers: dict[str, str] = {}
        for name, value in scope["headers"]:
            key, text = name.decode("latin-1").lower(), value.decode("latin-1")
            self.headers[key] = f"{self.headers[key]},{text}" if key in self.headers else text

    @property
    def is_query_signed(self) -> bool:
        return any(name.lower() in QUERY_SIGNATURE for name in self.query)


class Gate:
    """An ASGI application in front of MiniStack's."""

    def __init__(self, emulator: Any) -> None:
        self._emulator = emulator
        self._app = emulator.app
        self._port = int(os.environ["GATEWAY_PORT"])
        self._pages_port = int(os.environ["PAGES_PORT"]) if os.environ.get("PAGES_PORT") else None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        request = Request(scope)
        origin = request.headers.get("origin")
        status = refusal(request.headers.get("host", ""), origin, self._port, self._pages_port)
        if status is not None:
            await self._respond(request, (status, {}, b""), send)
            return
        for_pages = with_origin(send, origin)
        if not self._is_open(request):
            failure, receive = await self._signature_failure(request, receive)
            if failure is not None:
                await self._respond(request, failure, for_pages)
                return
        await self._app(scope, receive, for_pages)

    def _is_open(self, request: Request) -> bool:
        """Whether AWS serves this without a signature: HTTP API, user calls of Cognito, public keys, CORS preflights."""
        method, path = request.method, request.path
        if path.startswith(API_PATH):
            return self._emulator._parse_execute_api_url("", path) is not None
        if method == "OPTIONS":
            return "origin" in request.headers
        if method == "GET":
            pool = PUBLIC_KEYS.match(path)
            return path == READY_PATH or (pool is not None and self._is_pool(pool[1]))
        if method == "PUT":
            return path.startswith(CUSTOM_RESOURCE_PATH)
        target = request.headers.get("x-amz-target", "")
        return method == "POST" and path == "/" and target in {COGNITO + action for action in COGNITO_WITHOUT_SIGNATURE}

    def _is_pool(self, pool_id: str) -> bool:
        from ministack.services import cognito

        return cognito._get_pool_unscoped(pool_id) is not None

    async def _signature_failure(self, request: Request, receive: Receive) -> tuple[Response | None, Receive]:
        """Returns AWS's error response, or None if the signature is valid, and a `receive` that replays the body."""
        if request.path.startswith(CLOSED_PATHS) and request.path != MAIL_PATH:
            return (404, {}, b""), receive
        if request.is_query_signed:
            return self._presigned_failure(request), receive
        from ministack.core import iam_evaluator, sigv4

        authorization = request.headers.get("authorization", "")
        if not authorization.startswith("AWS4-HMAC-SHA256 "):
            return self._refused(request, "MissingAuthenticationToken", "Missing Authentication Token"), receive
        signature = sigv4.parse_header_signature(request.headers)
        if isinstance(signature, tuple):
            return self._refused(request, *signature), receive
        skewed = sigv4.request_time_failure(signature)
        if skewed:
            return self._refused(request, *skewed), receive
        token = request.headers.get("x-amz-security-token", "")
        credential = iam_evaluator.resolve_credential(signature.access_key_id, None, token)
        if isinstance(credential, iam_evaluator.CredentialResolutionError):
            return self._refused(request, credential.code, credential.message), receive
        body, again = await read_body(receive)
        failure = sigv4.header_signature_failure(
            signature, credential.secret_access_key, request.method, request.raw_path, request.query, request.headers, body
        )
        claimed = request.headers.get("x-amz-content-sha256", "")
        if failure is None and SHA256_HEX.match(claimed) and claimed != hashlib.sha256(body).hexdigest():
            failure = "SignatureDoesNotMatch", sigv4.SIGNATURE_MISMATCH
        return (self._refused(request, *failure) if failure else None), again

    def _presigned_failure(self, request: Request) -> Response | None:
        """Accepts presigned URLs for S3 only. Like S3, refuses a second auth mechanism and unsigned `x-amz-` headers."""
        from ministack.services import s3

        values = {name.lower(): value[0] for name, value in request.query.items()}
        is_whole = values.get("x-amz-algorithm") == "AWS4-HMAC-SHA256" and values.get("x-amz-signature")
        if not is_whole or values.get("x-amz-credential", "").split("/")[3:4] != ["s3"]:
            return self._refused(request, "MissingAuthenticationToken", "Missing Authentication Token")
        if "authorization" in request.headers:
            return s3._error("InvalidArgument", ONE_MECHANISM, 400, request.path)
        signed = values.get("x-amz-signedheaders", "").lower().split(";")
        if any(name.startswith("x-amz-") and name not in signed for name in request.headers):
            return s3._error("AccessDenied", NOT_SIGNED, 403, request.path)
        return s3._verify_presigned_sigv4(request.method, request.path, request.headers, request.query)

    def _refused(self, request: Request, code: str, message: str) -> Response:
        """An error response in the format of the requested service."""
        from ministack.core.iam_evaluator import AuthError

        service = self._emulator.detect_service(request.method, request.path, request.headers, request.query)
        denied = AuthError(code, message)
        return self._emulator._credential_failure(service, "", str(uuid.uuid4()), denied, request.headers)

    async def _respond(self, request: Request, response: Response, send: Send) -> None:
        status, headers, body = response
        print(f"gate: {status} {request.method} {request.path}", flush=True)
        await self._emulator._send_response(send, status, headers, body, head=request.method == "HEAD")


async def read_body(receive: Receive) -> tuple[bytes, Receive]:
    """Reads the whole body; returns it and a `receive` that replays it."""
    parts: list[bytes] = []
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    body = b"".join(parts)
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return body, again


def with_origin(send: Send, origin: str | None) -> Send:
    """Replaces `Access-Control-Allow-Origin: *` by the request's origin, which has been checked."""

    async def start(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", []))
            kept = [header for header in headers if not allows_every_origin(*header)]
            if len(kept) < len(headers) and origin is not None:
                kept += [(b"access-control-allow-origin", origin.encode("latin-1")), (b"vary", b"Origin")]
            message = {**message, "headers": kept}
        await send(message)

    return start


def allows_every_origin(name: bytes, value: bytes) -> bool:
    return name.lower() == b"access-control-allow-origin" and value == b"*"


def install(emulator: Any) -> None:
    """Installs the gate. Requires the home's key, because MiniStack's default key is public."""
    if not os.environ.get("AWS_ACCESS_KEY_ID") or not os.environ.get("AWS_SECRET_ACCESS_KEY"):
        raise SystemExit("the emulator needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: the key that requests are signed with")
    emulator.app = Gate(emulator)
