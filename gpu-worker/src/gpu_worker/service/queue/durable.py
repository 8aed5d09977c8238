"""Writes that survive a power cut: the content first, then its name, and only then what refers to it."""

from __future__ import annotations

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Writes the names in a folder to the disk. https://man7.org/linux/man-pages/man2/fsync.2.html"""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
