"""Settings of the worker, from the environment; all mistakes are reported together."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class EngineSettings(BaseSettings):
    """Which model runs, and how."""

    model_config = SettingsConfigDict(env_prefix="")

    model: str = "small.en"
    """Name of a published model, or a folder in CTranslate2's format."""
    model_name: str = ""
    """Name of the model in results; empty: what `model` says, or the folder's name."""
    device: str = "auto"
    """`cuda`, `cpu`, or `auto`: CUDA where there is a GPU."""
    compute_type: str = "auto"
    """CTranslate2's type; `auto`: float16 on a GPU (int8_float16 where that is not fast), int8 on a CPU."""
    batch_windows: int = Field(default=0, ge=0)
    """Windows that go through the model at once; 0: 16 on a GPU, 4 on a CPU, where more would take too long in one piece."""
    speaker_model: str = ""
    """ONNX file of a speaker-embedding model, or its name below models/ in the stage's bucket; empty: no speakers."""
    cpu_threads: int = Field(default=0, ge=0)
    """Threads on a CPU; 0: CTranslate2's choice."""


class WorkSettings(EngineSettings):
    """What `work` needs beside the engine: the tables, bucket and queues of one stage."""

    bucket_name: str
    chunks_table: str
    fleet_table: str
    ledger_table: str
    batch_table: str
    queue_stop_url: str
    queue_live_url: str
    queue_files_urgent_url: str
    queue_files_url: str
    queue_backlog_url: str
    instance_id: str
    """EC2 id of the machine that this worker runs on; names its row in the fleet table."""
    worker_version: str = ""
    """Version of this code, as the stage names it; told with everything that is transcribed."""
    lease_seconds: float = Field(default=60, gt=0)
    """A chunk whose worker says nothing for this long is another worker's; messages stay hidden for as long."""
    idle_seconds: float = Field(default=120, gt=0)
    """All lanes must have been empty for this long before the worker says that it is done."""
    unheld_seconds: float = Field(default=150, gt=0)
    """Without anybody who needs the machine for this long, the worker switches it off."""
    boot_seconds: float = Field(default=600, gt=0)
    """A model that is not loaded by then never will be: the worker switches the machine off."""
    min_free_disk_mb: int = Field(default=500, ge=0)
    """With less space for uploaded files nothing is claimed, and the run is told."""
    soft_limit_seconds: float = Field(default=3300, gt=0)
    """Work on what was claimed together that takes longer is given up, and counts as a failed attempt."""
    hard_limit_seconds: float = Field(default=3600, gt=0)
    """Work that does not even notice that ends the process."""
    recycle_after_chunks: int = Field(default=2000, ge=1)
    """The process ends between two batches after so many chunks, and is started again."""
    recycle_growth_mb: int = Field(default=2048, ge=1)
    """So much more memory than after the first batch ends the process likewise."""
    metadata_endpoint: str = "http://169.254.169.254"
    """Where a spot machine is told that it will be taken away; empty: nobody is asked."""
    poweroff_command: str = "systemctl poweroff"
    """What switches the machine off (an EC2 instance stops when its system shuts down)."""
    runtime_directory: str = ""
    """Folder that outlives the process but not the machine, as systemd makes it; empty: what a dead worker held waits for
    its lease."""
    chunks_at_once: int = Field(default=0, ge=0, le=10)
    """Chunks claimed together; each claim is a lease of a minute. 0: 8 on a GPU, 2 on a CPU."""

    def lanes(self) -> list[str]:
        """Queue URLs in the order in which lanes are served."""
        return [
            self.queue_stop_url,
            self.queue_live_url,
            self.queue_files_urgent_url,
            self.queue_files_url,
            self.queue_backlog_url,
        ]
