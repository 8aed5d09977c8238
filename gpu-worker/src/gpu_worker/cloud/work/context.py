"""What the work of one process uses; command.py puts it together."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from gpu_worker.cloud.machine.claim_note import ClaimNote
from gpu_worker.cloud.settings import WorkSettings
from gpu_worker.cloud.stage.chunk_rows import ChunkRows
from gpu_worker.cloud.stage.gate import Gate
from gpu_worker.cloud.stage.lanes import Lanes
from gpu_worker.cloud.stage.objects import Objects
from gpu_worker.cloud.stage.run_tokens import RunTokens
from gpu_worker.cloud.stage.session_language import SessionLanguages
from gpu_worker.cloud.stage.speaker_model import StageSpeakers
from gpu_worker.speech.engine import Engines
from gpu_worker.speech.media import Decoder


@dataclass(frozen=True)
class WorkContext:
    """The stage as this worker sees it, and the models and the machine that it has."""

    settings: WorkSettings
    rows: ChunkRows
    lanes: Lanes
    objects: Objects
    tokens: RunTokens
    gate: Gate
    session_languages: SessionLanguages
    engines: Engines
    decoder: Decoder
    speakers: StageSpeakers
    claim_note: ClaimNote
    stop: threading.Event
    """Set on SIGTERM: nothing more is claimed."""
