"""Settings of the service, from the environment and the command line; all mistakes are reported together."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from gpu_worker.settings import EngineSettings


def _data_folder() -> str:
    base = os.environ.get("XDG_DATA_HOME") or (os.environ.get("LOCALAPPDATA") or str(Path.home() / ".local" / "share"))
    return str(Path(base) / "chunkscribe-service")


class ServeSettings(EngineSettings):
    """What `serve` needs beside the engine."""

    model: str = "large-v3"
    """Name of a published model, or a folder in CTranslate2's format; kept loaded."""
    models: str = ""
    """Further models that may be asked for, comma-separated; loaded on demand, one at a time."""
    service_host: str = "127.0.0.1"
    """Address to listen on. Any other than loopback needs `service_token`."""
    service_port: int = Field(default=8765, ge=1, le=65_535)
    service_token: str = ""
    """Bearer token that every call but /health needs; empty: none, on loopback only."""
    service_names: str = ""
    """Further names that the service may be called by, comma-separated; empty: on loopback its own, elsewhere any."""
    service_folder: str = Field(default_factory=_data_folder)
    """Where the queue, uploads and results are kept."""
    max_upload_mb: int = Field(default=5120, ge=1)
    """MB of one uploaded file."""
    max_queue: int = Field(default=1000, ge=1)
    """Jobs that may wait; further ones are answered 429."""
    min_free_disk_mb: int = Field(default=500, ge=0)
    """With less space nothing is taken, and answered 503."""
    retention_days: float = Field(default=7, gt=0)
    """Days after which ended jobs and their texts are forgotten; uploads go as soon as their job ends."""
    jobs_at_once: int = Field(default=0, ge=0, le=32)
    """Short files that go through the model together; 0: 8 on a GPU, 2 on a CPU."""
    unload_seconds: float = Field(default=600, ge=0)
    """Without work for this long, models other than the service's own are unloaded; 0: never."""
    hang_seconds: float = Field(default=300, gt=0)
    """A model that says nothing for this long hangs; its process is ended, and the work begun anew."""
    recycle_growth_mb: int = Field(default=2048, ge=1)
    """So much more memory than after the first work ends the model's process between two jobs; a new one follows."""
    callback_loopback: bool | None = None
    """Whether callbacks may go to this machine, and by http; empty: where the service itself listens on loopback only."""

    @property
    def own_model(self) -> str:
        """Name of the service's own model, as the engine calls it."""
        folder = Path(self.model)
        return self.model_name or (folder.name if folder.is_dir() else self.model)

    @property
    def offered(self) -> list[str]:
        """Models that may be asked for, the service's own first."""
        others = [name.strip() for name in self.models.split(",")]
        return [self.own_model, *(name for name in others if name and name != self.own_model)]

    @property
    def on_loopback(self) -> bool:
        """Whether nobody from elsewhere can reach the service."""
        try:
            return ipaddress.ip_address(self.service_host).is_loopback
        except ValueError:
            return self.service_host == "localhost"

    @property
    def may_call_loopback(self) -> bool:
        """Whether callbacks may go to this machine."""
        return self.on_loopback if self.callback_loopback is None else self.callback_loopback

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if not self.on_loopback and len(self.service_token) < 16:
            raise ValueError("service_token: a service that others can reach needs a token of at least 16 characters")
        return self
