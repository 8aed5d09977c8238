"""Liveness signals for the supervisor: systemd, or the local host.

A separate thread sends them, so they stop only if the whole process does not run, because it was paused or the system has no
memory left for it. The supervisor then kills the process before its leases expire, and the next process releases its claims.

Gotcha: a process that runs without progress still sends signals. Its run detects it by missing heartbeats (work/worker.py).
"""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

BEAT_SECONDS: Final = 5.0
"""Well below WatchdogSec of bootstrap/chunkscribe-worker.service and FROZEN_SECONDS of host/worker-watch.ts."""
FILE: Final = "alive"
"""File in the runtime directory; its modification time is the time of the last signal."""


def beat(runtime_directory: str, notify_socket: str) -> None:
    """Sends one signal to the file and the notify socket, as far as these are configured. Raises OSError."""
    if runtime_directory:
        (Path(runtime_directory) / FILE).touch()
    if notify_socket:
        address = "\0" + notify_socket[1:] if notify_socket.startswith("@") else notify_socket
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.sendto(b"WATCHDOG=1", address)


def start_pulse(runtime_directory: str) -> threading.Event:
    """Sends signals until the returned event is set."""
    ended = threading.Event()
    notify_socket = os.environ.get("NOTIFY_SOCKET", "")

    def run() -> None:
        while True:
            with suppress(OSError):  # a full disk, or systemd is not listening: the next signal may succeed
                beat(runtime_directory, notify_socket)
            if ended.wait(BEAT_SECONDS):
                return

    threading.Thread(target=run, name="pulse", daemon=True).start()
    return ended
