"""Settings of the service, from the environment and the command line. All errors are reported together."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import NoDecode

from gpu_worker.service.callbacks.address import Rules
from gpu_worker.speech.settings import EngineSettings


def _data_folder() -> str:
    base = os.environ.get("XDG_DATA_HOME") or (os.environ.get("LOCALAPPDATA") or str(Path.home() / ".local" / "share"))
    return str(Path(base) / "chunkscribe-service")


class ServeSettings(EngineSettings):
    """Settings of `serve`."""

    model: str = "large-v3"
    """Name of a published model, or a folder in CTranslate2's format. It stays loaded."""
    models: str = ""
    """Other models that may be requested, comma-separated; loaded on demand, one at a time."""
    service_host: str = "127.0.0.1"
    """Address to listen on. Any address but loopback requires `service_token`."""
    service_port: int = Field(default=8765, ge=1, le=65_535)
    """TCP port to listen on."""
    service_token: str = ""
    """Bearer token that is required for all requests but /health and the page; empty: none, on loopback only."""
    service_names: str = ""
    """Host names that requests may use, comma-separated. On loopback, its own names are allowed as well; elsewhere, empty
    allows any."""
    service_folder: str = Field(default_factory=_data_folder)
    """Folder of the queue, uploads and results."""
    max_upload_mb: int = Field(default=5120, ge=1)
    """MB per uploaded file."""
    header_seconds: float = Field(default=20, gt=0)
    """Seconds within which the header of a request must arrive."""
    body_seconds: float = Field(default=30, gt=0)
    """Window in seconds over which a body must arrive with at least 1 KB/s on average; else the response is 408."""
    max_connections: int = Field(default=2000, ge=10)
    """Simultaneous connections; further ones get a 503 or are closed."""
    max_queue: int = Field(default=1000, ge=1)
    """Queued jobs; further ones get a 429."""
    min_free_disk_mb: int = Field(default=500, ge=0)
    """With less free disk space uploads get a 503."""
    retention_days: float = Field(default=7, gt=0)
    """Days after which ended jobs and their transcripts are deleted. Uploads are deleted when their job ends."""
    jobs_at_once: int = Field(default=0, ge=0, le=32)
    """Short files transcribed together; 0: 8 on a GPU, 2 on a CPU."""
    unload_seconds: float = Field(default=600, ge=0)
    """Seconds after the last job for another model at which that model is unloaded if the service is idle; 0: never."""
    hang_seconds: float = Field(default=300, gt=0)
    """Seconds without output after which the model process is killed and its jobs are requeued."""
    recycle_growth_mb: int = Field(default=2048, ge=1)
    """Growth of memory since the first jobs after which the model process is replaced."""
    callback_loopback: bool | None = None
    """Whether callbacks may go to this machine, also by http; None: only if the service itself listens on loopback."""

    callback_ports: Annotated[tuple[int, ...], NoDecode] = ()
    """Ports besides 443 that callbacks to public addresses may use; comma-separated in the environment."""

    @field_validator("callback_ports", mode="before")
    @classmethod
    def _ports(cls, value: object) -> object:
        return [port for port in value.split(",") if port.strip()] if isinstance(value, str) else value

    @property
    def own_model(self) -> str:
        """Name of the service's own model in results and requests."""
        folder = Path(self.model)
        return self.model_name or (folder.name if folder.is_dir() else self.model)

    @property
    def offered(self) -> list[str]:
        """Models that may be requested, the service's own first."""
        others = [name.strip() for name in self.models.split(",")]
        return [self.own_model, *(name for name in others if name and name != self.own_model)]

    @property
    def on_loopback(self) -> bool:
        """Whether the service is reachable from this machine only."""
        try:
            return ipaddress.ip_address(self.service_host).is_loopback
        except ValueError:
            return self.service_host == "localhost"

    @property
    def may_call_loopback(self) -> bool:
        """Whether callbacks may go to this machine."""
        return self.on_loopback if self.callback_loopback is None else self.callback_loopback

    @property
    def callback_rules(self) -> Rules:
        """Which addresses callbacks may go to."""
        return Rules(self.may_call_loopback, self.callback_ports)

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if not self.on_loopback and len(self.service_token) < 16:
            raise ValueError("service_token: a service that listens beyond loopback needs a token of at least 16 characters")
        return self
