"""Detects errors by which the system and SQLite report a full disk."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""No space, quota exceeded, file too large for the file system."""


class DiskFull(Exception):
    """The disk is full."""


@contextmanager
def as_disk_full() -> Iterator[None]:
    """Raises such errors as DiskFull."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise DiskFull from error
        raise
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise DiskFull from error
        raise
