"""What this process has needed of the machine's memory."""

from __future__ import annotations

import resource
import sys


def peak_mb() -> float:
    """Most memory that this process has had; Linux tells it in KiB, macOS in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024**2 if sys.platform == "darwin" else peak / 1024
