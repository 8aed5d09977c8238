"""Prepares one whole file in a thread, so that recordings do not wait behind a large file.

The thread downloads the file, runs a child process that decodes and cuts it, and uploads each part when it is complete. The
worker's thread renews the lease only while `progress` grows, so a preparation that hangs loses its lease.
"""

from __future__ import annotations

import errno
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

import structlog

from gpu_worker.cloud.stage.aws import AWS_ERRORS
from gpu_worker.cloud.stage.claims import Claim
from gpu_worker.cloud.stage.objects import Objects, StoredFile
from gpu_worker.speech.engine_version import ENGINE_VERSION
from gpu_worker.speech.media import MediaError
from gpu_worker.speech.media.file_audio import Cutter, Order, Part, ReadSoFar, WholeFile

log = structlog.get_logger()

DOWNLOAD_SHARE = 0.2
"""Share of the progress that is the download."""


@dataclass(frozen=True)
class Prepared:
    """Key of the manifest (the list of parts), and length of the file in seconds."""

    manifest_key: str
    seconds: float


class Cancelled(Exception):
    """The worker has canceled the preparation."""


class Preparation:
    """The preparation of one claimed file; `outcome` is set when it has ended."""

    def __init__(self, claim: Claim, objects: Objects) -> None:
        self.progress = 0.0
        """0 to 1; never decreases."""
        self.outcome: Prepared | Exception | None = None
        self._claim = claim
        self._objects = objects
        self._cutter = Cutter()
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._run, name="preparation", daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        """Stops the preparation, and waits until its thread has ended."""
        self._cancelled.set()
        self._cutter.kill()
        self._thread.join()

    def _run(self) -> None:
        try:
            self.outcome = self._prepare()
        except (MediaError, *AWS_ERRORS, OSError, Cancelled) as error:
            self.outcome = error
        except Exception as error:  # log it: a thread that ends without an outcome looks like one that hangs
            log.exception("preparation failed")
            self.outcome = error

    def _prepare(self) -> Prepared:
        with tempfile.TemporaryDirectory() as folder:  # nothing else in the folder that FFmpeg could open
            source = Path(folder) / "in" / "audio"
            out = Path(folder) / "out"
            source.parent.mkdir()
            out.mkdir()
            sha256 = self._objects.fetch(self._claim, source, self._on_download)
            parts: list[dict[str, object]] = []
            seconds, compressed = 0.0, None
            recorded_at: str | None = None
            for event in self._cutter.run(Order(source, out, self._claim.compress, self._claim.separate)):
                self._raise_if_cancelled()
                match event:
                    case ReadSoFar(share):
                        self._advance(DOWNLOAD_SHARE + (1 - DOWNLOAD_SHARE) * share)
                    case Part():
                        parts.append({"number": len(parts) + 1, **self._upload_part(out, event)})
                    case WholeFile(seconds, archive, recorded_at):
                        compressed = self._upload_archive(out, archive)
            manifest = {"seconds": round(seconds, 3), "sha256": sha256, "engine": ENGINE_VERSION, "parts": parts}
            known = {"compressed": compressed, "recorded_at": recorded_at}
            key = self._objects.write_json(self._claim, manifest | {name: value for name, value in known.items() if value})
            return Prepared(key, seconds)

    def _upload_part(self, folder: Path, part: Part) -> dict[str, object]:
        stored = self._objects.put_file(self._claim, folder / part.file, "audio/flac")
        (folder / part.file).unlink()
        times = {"start": round(part.start, 3), "end": round(part.end, 3), "overlap_s": round(part.overlap_s, 3)}
        damaged = [{"start": round(span.start, 3), "end": round(span.end, 3)} for span in part.damaged]
        return {**stored, **times, **({"damaged": damaged} if damaged else {})}

    def _upload_archive(self, folder: Path, name: str | None) -> StoredFile | None:
        return None if name is None else self._objects.put_file(self._claim, folder / name, "audio/ogg")

    def _on_download(self, share: float) -> None:
        self._raise_if_cancelled()
        self._advance(DOWNLOAD_SHARE * share)

    def _advance(self, progress: float) -> None:
        self.progress = max(self.progress, min(1.0, progress))

    def _raise_if_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise Cancelled


def is_machine_fault(error: Exception) -> bool:
    """Whether an outcome is a fault of this machine (disk or memory), not of the file."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.ENOMEM)
