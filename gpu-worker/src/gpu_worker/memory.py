"""What this process needs of the machine's memory, and how much it may have. Windows tells and limits nothing."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from typing import Final

if sys.platform != "win32":
    import resource


M_TRIM_THRESHOLD: Final = -1
M_MMAP_THRESHOLD: Final = -3
M_ARENA_MAX: Final = -8
"""Names and numbers of glibc's mallopt: https://man7.org/linux/man-pages/man3/mallopt.3.html"""
KEPT_BYTES: Final = 256 * 1024**2
LARGE_BYTES: Final = 1024**3


def keep_freed() -> None:
    """Has the C allocator keep what is freed, up to 256 MiB, instead of giving it back and having it zeroed anew.

    The engine makes and drops arrays of tens of MB for every window; page faults were a third of its time on a CPU. Only
    glibc can do this; elsewhere nothing changes.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_ARENA_MAX, 1)
        mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)


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
