"""Measures and limits the memory of this process. On Windows nothing is measured or limited."""

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
"""Parameters of glibc's mallopt. Source: https://man7.org/linux/man-pages/man3/mallopt.3.html"""
KEPT_BYTES: Final = 256 * 1024**2
LARGE_BYTES: Final = 1024**3


def keep_freed() -> None:
    """Makes the C allocator keep up to 256 MiB of freed memory instead of returning it to the system.

    The engine allocates and frees arrays of tens of MB for every window; page faults were a third of its time on a CPU.
    Works with glibc only.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_ARENA_MAX, 1)
        mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)


def peak_mb() -> float:
    """Peak memory of this process in MiB; 0 on Windows. Linux reports KiB, macOS bytes."""
    if sys.platform == "win32":
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024**2 if sys.platform == "darwin" else peak / 1024


def limit(size_bytes: int) -> None:
    """Limits this process's address space."""
    if sys.platform != "win32":
        resource.setrlimit(resource.RLIMIT_AS, (size_bytes, size_bytes))
