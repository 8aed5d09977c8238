"""Settings of `work`, from the environment. All errors are reported together."""

from __future__ import annotations

from pydantic import Field

from gpu_worker.speech.settings import EngineSettings


class WorkSettings(EngineSettings):
    """Settings of `work`: the tables, bucket and queues of one stage."""

    bucket_name: str
    """S3 bucket of audio and results."""
    chunks_table: str
    """DynamoDB table of chunk rows."""
    sessions_table: str
    """DynamoDB table of sessions."""
    fleet_table: str
    """DynamoDB table of machines and task tokens."""
    ledger_table: str
    """DynamoDB table of usage."""
    batch_table: str
    """DynamoDB table with the gate row."""
    queue_stop_url: str
    """SQS URL of the lane `stop`."""
    queue_live_url: str
    """SQS URL of the lane `live`."""
    queue_files_urgent_url: str
    """SQS URL of the lane `files-urgent`."""
    queue_files_url: str
    """SQS URL of the lane `files`."""
    queue_backlog_url: str
    """SQS URL of the lane `backlog`."""
    instance_id: str
    """EC2 instance id; key of this machine's row in the fleet table."""
    worker_version: str = ""
    """Version of this code; written to each ledger row."""
    lease_seconds: float = Field(default=60, gt=0)
    """Duration of a lease, and of the visibility timeout of claimed messages."""
    idle_seconds: float = Field(default=120, gt=0)
    """After this long with empty lanes the worker reports drained."""
    unheld_seconds: float = Field(default=150, gt=0)
    """After this long without a run or admin that needs the machine, the worker switches it off."""
    boot_seconds: float = Field(default=600, gt=0)
    """If the model is not loaded after this time, the worker switches the machine off."""
    min_free_disk_mb: int = Field(default=500, ge=0)
    """With less free disk space nothing is claimed, and the run fails."""
    soft_limit_seconds: float = Field(default=3300, gt=0)
    """Limit for processing what was claimed together. What is unfinished then counts a failed attempt."""
    hard_limit_seconds: float = Field(default=3600, gt=0)
    """Limit after which the process kills itself, in case it never checks the soft limit."""
    recycle_after_chunks: int = Field(default=2000, ge=1)
    """After this many chunks the process ends between two batches, and the supervisor restarts it."""
    recycle_growth_mb: int = Field(default=2048, ge=1)
    """Likewise after this growth of memory since the first batch."""
    metadata_endpoint: str = "http://169.254.169.254"
    """Instance metadata service, polled for spot interruption notices; empty: not polled."""
    poweroff_command: str = "systemctl poweroff"
    """Command that switches the machine off. An EC2 instance stops when its system shuts down."""
    runtime_directory: str = ""
    """Folder that outlives the process but not the machine (systemd's RuntimeDirectory). Empty: claims of a dead worker are
    released only when their leases expire."""
    chunks_at_once: int = Field(default=0, ge=0, le=10)
    """Chunks claimed together; each is one lease. 0: 8 on a GPU, 2 on a CPU."""

    def lanes(self) -> list[str]:
        """Queue URLs in the order in which lanes are served."""
        return [
            self.queue_stop_url,
            self.queue_live_url,
            self.queue_files_urgent_url,
            self.queue_files_url,
            self.queue_backlog_url,
        ]
