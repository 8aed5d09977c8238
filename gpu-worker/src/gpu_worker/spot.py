"""Notice that EC2 takes a spot machine away in two minutes.

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
    """Asks once; no answer, and every answer but 200, is no notice."""
    try:
        token_request = urllib.request.Request(
            f"{endpoint}/latest/api/token",
            method="PUT",
            headers={"X-aws-ec2-metadata-token-ttl-seconds": str(TOKEN_SECONDS)},
        )
        with urllib.request.urlopen(token_request, timeout=TIMEOUT_SECONDS) as answer:
            token = answer.read().decode()
        request = urllib.request.Request(
            f"{endpoint}/latest/meta-data/spot/instance-action", headers={"X-aws-ec2-metadata-token": token}
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, TimeoutError, OSError):
        return False


def watch(endpoint: str, on_notice: Callable[[], None], ended: threading.Event, every_s: float = POLL_SECONDS) -> None:
    """Calls `on_notice` once, when there is one; runs in a thread of its own until then, or until `ended`."""

    def run() -> None:
        while not ended.wait(every_s):
            if has_notice(endpoint):
                log.warning("EC2 takes this machine away")
                on_notice()
                return

    threading.Thread(target=run, daemon=True).start()
