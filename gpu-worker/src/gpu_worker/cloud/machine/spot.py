"""Notices of spot interruption: EC2 reclaims the machine two minutes later.

Source: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
"""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Final

import structlog

log = structlog.get_logger()

POLL_SECONDS: Final = 5.0
TIMEOUT_SECONDS: Final = 2.0
TOKEN_SECONDS: Final = 60


def has_notice(endpoint: str) -> bool:
    """Whether there is an interruption notice. Any failure, and any status except 200, counts as none."""
    try:
        token_request = urllib.request.Request(
            f"{endpoint}/latest/api/token",
            method="PUT",
            headers={"X-aws-ec2-metadata-token-ttl-seconds": str(TOKEN_SECONDS)},
        )
        with urllib.request.urlopen(token_request, timeout=TIMEOUT_SECONDS) as response:
            token = response.read().decode()
        request = urllib.request.Request(
            f"{endpoint}/latest/meta-data/spot/instance-action", headers={"X-aws-ec2-metadata-token": token}
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, TimeoutError, OSError):
        return False


def watch(endpoint: str, on_notice: Callable[[], None], ended: threading.Event, every_s: float = POLL_SECONDS) -> None:
    """Calls `on_notice` once if there is a notice. Polls in a separate thread until then, or until `ended` is set."""

    def run() -> None:
        while not ended.wait(every_s):
            if has_notice(endpoint):
                log.warning("EC2 is reclaiming this spot instance")
                on_notice()
                return

    threading.Thread(target=run, daemon=True).start()
