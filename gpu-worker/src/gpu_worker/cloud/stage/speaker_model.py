"""The speaker-embedding model that the stage configures: a file on this machine, or an object in the stage's bucket."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from gpu_worker.cloud.stage.objects import Objects
from gpu_worker.speech.speakers import SpeakerModel, SpeakersUnavailable

MODEL_FOLDER: Final = "models/"
"""Prefix of models in the stage's bucket."""


def speaker_model(name: str, objects: Objects) -> SpeakerModel | None:
    """Loads the configured model: a local file, or an object below models/ in the bucket. None without a name.

    Raises:
        SpeakersUnavailable: The model cannot be loaded.
    """
    if not name:
        return None
    if Path(name).is_file():
        return SpeakerModel(name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speakers.onnx"
        try:
            objects.download(MODEL_FOLDER + name, path)
        except (ClientError, BotoCoreError) as error:
            raise SpeakersUnavailable(f"there is no speaker model {MODEL_FOLDER}{name}: {error}") from error
        return SpeakerModel(str(path))
