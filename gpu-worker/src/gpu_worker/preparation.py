"""A whole file on its way to parts, in a thread beside the transcription: nobody who records waits behind a large file.

The thread downloads, has a child process decode and cut, and uploads each part as soon as it is there. Lease and heartbeat
stay with the worker's own thread, which looks at `progress`: a preparation that hangs is found.
"""

from __future__ import annotations

import errno
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from gpu_worker.chunk_rows import Claim
from gpu_worker.file_audio import Cutter
from gpu_worker.media import MediaError
from gpu_worker.objects import Objects

log = structlog.get_logger()

FETCHED = 0.2
"""Share of a preparation that its download is taken to be."""


@dataclass(frozen=True)
class Prepared:
    """Key of the list of parts, and length of the file in seconds."""

    manifest_key: str
    seconds: float


class Cancelled(Exception):
    """The worker has let go of the file."""


class Preparation:
    """One claimed file; `outcome` is there when it has ended."""

    def __init__(self, claim: Claim, objects: Objects) -> None:
        self.progress = 0.0
        """Between 0 and 1, and never less than before."""
        self.outcome: Prepared | Exception | None = None
        self._claim = claim
        self._objects = objects
        self._cutter = Cutter()
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._run, name="preparation", daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        """Ends it and waits until nothing of it goes on."""
        self._cancelled.set()
        self._cutter.kill()
        self._thread.join()

    def _run(self) -> None:
        try:
            self.outcome = self._prepare()
        except (MediaError, ClientError, BotoCoreError, OSError, Cancelled) as error:
            self.outcome = error
        except Exception as error:  # a thread that dies silently would look like one that hangs
            log.exception("preparation failed")
            self.outcome = error

    def _prepare(self) -> Prepared:
        with tempfile.TemporaryDirectory() as folder:  # one file per folder: nothing beside it to be read
            source = Path(folder) / "in" / "audio"
            out = Path(folder) / "out"
            source.parent.mkdir()
            out.mkdir()
            sha256 = self._objects.fetch(self._claim, source, self._fetched)
            parts: list[dict[str, Any]] = []
            seconds, compressed = 0.0, None
            for said in self._cutter.run(source, out, self._claim.compress):
                self._check()
                if "at" in said:
                    self._reach(FETCHED + (1 - FETCHED) * said["at"])
                elif "part" in said:
                    parts.append({"number": len(parts) + 1, **self._upload_part(out, said["part"])})
                else:
                    seconds = float(said["seconds"])
                    compressed = self._upload_archive(out, said["compressed"])
            manifest = {"seconds": round(seconds, 3), "sha256": sha256, "parts": parts}
            key = self._objects.write_json(self._claim, manifest | ({"compressed": compressed} if compressed else {}))
            return Prepared(key, seconds)

    def _upload_part(self, folder: Path, part: dict[str, Any]) -> dict[str, Any]:
        stored = self._objects.put_file(self._claim, folder / part["file"], "audio/flac")
        (folder / part["file"]).unlink()
        times = {"start": round(part["start"], 3), "end": round(part["end"], 3), "overlap_s": round(part["overlap_s"], 3)}
        return {**stored, **times}

    def _upload_archive(self, folder: Path, name: str | None) -> dict[str, Any] | None:
        return None if name is None else self._objects.put_file(self._claim, folder / name, "audio/ogg")

    def _fetched(self, share: float) -> None:
        self._check()
        self._reach(FETCHED * share)

    def _reach(self, progress: float) -> None:
        self.progress = max(self.progress, min(1.0, progress))

    def _check(self) -> None:
        if self._cancelled.is_set():
            raise Cancelled


def is_machines_fault(error: Exception) -> bool:
    """Whether an outcome tells of this machine and not of the file."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.ENOMEM)
