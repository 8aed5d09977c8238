"""A folder for the temporary files of one process. The next process removes those of processes that were killed."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

PREFIX: Final = "gpu-worker-"


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (ValueError, PermissionError):
        pass
    return True


def use_own_folder() -> Path:
    """Makes a folder of this process the default for temporary files; removes those of processes that no longer run."""
    root = Path(tempfile.gettempdir())
    for left in root.glob(f"{PREFIX}*"):
        if not _is_alive(left.name.removeprefix(PREFIX)):
            shutil.rmtree(left, ignore_errors=True)
    own = root / f"{PREFIX}{os.getpid()}"
    own.mkdir(mode=0o700, exist_ok=True)
    tempfile.tempdir = str(own)
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    return own
