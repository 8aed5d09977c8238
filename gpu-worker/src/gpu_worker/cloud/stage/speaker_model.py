"""The speaker model of the stage: one of the catalogue, a file or folder on this machine, or an object in the bucket.

A model of the catalogue is loaded when the first chunk needs it. It is downloaded once per stage and kept in the bucket, so
that later machines ask no package index. Without it, texts have no speakers: a download that fails does not delay them.
"""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path
from typing import Final

import structlog
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from gpu_worker.cloud.stage.aws import AWS_ERRORS
from gpu_worker.cloud.stage.objects import Objects
from gpu_worker.speech.speakers import SpeakerModel, SpeakersUnavailable, published_files

MODEL_FOLDER: Final = "models/"
"""Prefix of a user's own models in the stage's bucket."""
KEPT_FOLDER: Final = "machine/"
"""Prefix of what the machines keep in the stage's bucket."""

RETRY_SECONDS: Final = 300.0
"""After a failed download, chunks are transcribed without speakers for this long."""

TRANSFER_ERRORS: Final = (*AWS_ERRORS, Boto3Error, OSError)

log = structlog.get_logger(__name__)


class StageSpeakers:
    """The speaker model, loaded once."""

    def __init__(self, name: str, objects: Objects) -> None:
        """Loads a model of the user's own. `name`: empty if the stage detects no speakers. Raises SpeakersUnavailable."""
        self.name = name
        self._objects = objects
        self._lock = threading.Lock()
        self._is_published = published_files(name) is not None
        self._next_try_s = 0.0
        self._model = None if self._is_published or not name else self._own()

    def model(self) -> SpeakerModel | None:
        """The model; None if the stage has none, or it cannot be loaded. Later calls try again."""
        with self._lock:
            if self._model is None and self._is_published and time.monotonic() >= self._next_try_s:
                try:
                    self._model = self._published()
                except SpeakersUnavailable as error:
                    log.error("speaker model not loaded", model=self.name, error=str(error))
                    self._next_try_s = time.monotonic() + RETRY_SECONDS
            return self._model

    def _own(self) -> SpeakerModel:
        if Path(self.name).exists():
            return SpeakerModel.load(self.name)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "speakers.onnx"
            try:
                self._objects.download(MODEL_FOLDER + self.name, path)
            except (ClientError, BotoCoreError) as error:
                raise SpeakersUnavailable(f"there is no speaker model {MODEL_FOLDER}{self.name}: {error}") from error
            return SpeakerModel.load(str(path))

    def _published(self) -> SpeakerModel:
        files = published_files(self.name) or {}
        kept = {path: f"{KEPT_FOLDER}{path.parent.name}/{digest}" for path, digest in files.items()}
        missing = [path for path in kept if not path.exists()]
        for path in missing:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._objects.download(kept[path], path)
            except TRANSFER_ERRORS as error:
                path.unlink(missing_ok=True)
                log.info("speaker model not in the bucket", key=kept[path], error=str(error))
                break
        model = SpeakerModel.load(self.name)  # verifies the files; downloads those that are missing or damaged
        for path in missing:
            try:
                self._objects.keep(kept[path], path)
            except TRANSFER_ERRORS as error:
                log.warning("speaker model not kept", key=kept[path], error=str(error))
        return model
