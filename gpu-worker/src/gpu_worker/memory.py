"""What this process needs of the machine's memory, and how much it may have. Windows tells and limits nothing."""

from __future__ import annotations

import sys

if sys.platform != "win32":
    import resource


def peak_mb() -> float:
    """Most memory that this process has had; Linux tells it in KiB, macOS in bytes, Windows nothing (0)."""
    if sys.platform == "win32":
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024**2 if sys.platform == "darwin" else peak / 1024


def limit(size_bytes: int) -> None:
    """Bounds this process's address space."""
    if sys.platform != "win32":
        resource.setrlimit(resource.RLIMIT_AS, (size_bytes, size_bytes))
