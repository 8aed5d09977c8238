"""Crash points: named points at which a test kills, pauses or fails the worker, to show that nothing is lost or done twice.

Set `CRASH_AT=<point>=<KILL|STOP|RAISE|MEMORY>`; without it `reach` does nothing.
"""

from __future__ import annotations

import os
import signal
from typing import Final, Literal

CrashPoint = Literal[
    "claiming", "claimed", "decoded", "model", "part-batch", "transcribed", "result-written", "committed", "prepared"
]
BATCH_CRASH_POINTS: Final[tuple[CrashPoint, ...]] = (
    "claimed",
    "decoded",
    "model",
    "transcribed",
    "result-written",
    "committed",
)
"""Crash points between a batch's claims and its end. The others: `claiming` after each single claim, `prepared` when the
preparation of a file has ended, `part-batch` after each step of the model on a part of a file."""


def reach(point: CrashPoint) -> None:
    """Triggers the crash point if CRASH_AT names it."""
    wanted, _, how = os.environ.get("CRASH_AT", "").partition("=")
    if wanted != point:
        return
    if how == "RAISE":
        raise RuntimeError(f"crash point {point}")
    if how == "MEMORY":
        raise MemoryError(f"crash point {point}")
    os.kill(os.getpid(), signal.SIGSTOP if how == "STOP" else signal.SIGKILL)
