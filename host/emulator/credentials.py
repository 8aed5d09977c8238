"""Replaces predictable secrets of the emulator: credentials of functions, password reset codes, and open sign-up."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from typing import Any

RESET_CODE_BYTES = 8


def issue_function_credentials() -> None:
    """Derives functions' credentials from the home's key. MiniStack hashes only public names. Stable across restarts."""
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc, sts

    home_key = os.environ["AWS_SECRET_ACCESS_KEY"].encode()

    def secret(purpose: str, function: str) -> str:
        return hmac.new(home_key, f"{purpose} {function}".encode(), hashlib.sha256).hexdigest()

    def credentials(config: dict[str, Any]) -> dict[str, str]:
        account_id, _region = lambda_runtime._account_region_from_function_config(config)
        role_name = config.get("Role", "").rsplit("/", 1)[-1]
        session_name = config.get("FunctionName", "function")[:64]
        function = f"{config.get('FunctionArn', '')} {config.get('Role', '')}"
        key = f"ASIA{secret('key', function)[:16].upper()}"
        session = {"SecretAccessKey": secret("secret", function), "SessionToken": secret("token", function)}
        arn = f"arn:aws:sts::{account_id}:assumed-role/{role_name}/{session_name}"
        sts.register_session(key, {"Arn": arn, "UserId": f"{role_name}:{session_name}", **session})
        return {
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
            "AWS_SESSION_TOKEN": session["SessionToken"],
        }

    lambda_runtime.execution_credentials = lambda_svc.execution_credentials = credentials


def refuse_sign_up() -> None:
    """Refuses SignUp if only admins may create users; MiniStack ignores that setting of the user pool."""
    from ministack.core.responses import error_response_json
    from ministack.services import cognito

    original = cognito._sign_up

    def sign_up(data: dict[str, Any]) -> Any:
        pool, _pool_id = cognito._pool_for_client(data.get("ClientId"))
        if pool and (pool.get("AdminCreateUserConfig") or {}).get("AllowAdminCreateUserOnly"):
            return error_response_json("NotAuthorizedException", "SignUp is not permitted for this user pool", 400)
        return original(data)

    cognito._sign_up = sign_up


def randomize_reset_codes() -> None:
    """Sends random password reset codes; MiniStack always sends the same one. Longer than on AWS: attempts are not limited."""
    from ministack.services import cognito

    original = cognito._send_verification_email

    def send(pool: dict[str, Any], username: str, attributes: Any, code: str, attribute_name: str = "email") -> Any:
        user, _error = cognito._resolve_user(pool, username)
        if attribute_name == "password" and user:
            code = user["_reset_code"] = secrets.token_hex(RESET_CODE_BYTES)
        return original(pool, username, attributes, code, attribute_name=attribute_name)

    cognito._send_verification_email = send
